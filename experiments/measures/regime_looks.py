"""What is seen of contagion at points: both arms on the same draws, each point once."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hashcredit.experiments.measures.regime_directions import Direction, scenario_at
from hashcredit.simulator.channels import CHANNELS
from hashcredit.simulator.progress import OnProgress
from hashcredit.simulator.reports.statistics import (
    Ratio,
    group_length,
    in_groups,
    ratio_estimate,
    student_quantile,
)
from hashcredit.simulator.runs.engine import simulate_many
from hashcredit.simulator.runs.switches import without_channels
from hashcredit.simulator.scenario.scenario import Scenario
from hashcredit.simulator.setup.rules import Rule

Floats = NDArray[np.float64]

TOGETHER = 16
"""Scenarios that are run at once: networks of a seed are drawn once for those that share them."""


class Look(NamedTuple):
    """What was seen at one point."""

    values: tuple[float, ...]
    """Of each direction."""
    on: Floats
    """The measure with channels, summed over the runs of a group [group]."""
    off: Floats
    """The same without any."""
    runs: int
    """In all groups, of each arm."""
    opening_debt: float
    """M$, mean over runs."""
    peak_debt: float
    """M$, with channels; `peak_debt_off` without any."""
    peak_debt_off: float

    @property
    def share(self) -> Ratio:
        """What is there by contagion, over the measure with channels; NaN where there is nothing of it."""
        return ratio_estimate(self.on - self.off, self.on)

    @property
    def lean(self) -> Floats:
        """What each group adds to the error of the share, to first order; they add up to zero."""
        difference = self.on - self.off
        lean: Floats = (difference - difference.sum() / self.on.sum() * self.on) / self.on.mean()
        return lean


def difference(before: Look, after: Look) -> Ratio:
    """Share after less share before, on the same draws, with Student's interval over groups."""
    mean = after.share.mean - before.share.mean
    groups = len(before.on)
    if groups < 2 or np.isnan(mean):
        return Ratio(mean, np.nan, np.nan, np.nan)
    error = float((after.lean - before.lean).std(ddof=1) / np.sqrt(groups))
    reach = student_quantile(groups - 1) * error
    return Ratio(mean, error, mean - reach, mean + reach)


def is_monotone(looks: Sequence[Look]) -> bool:
    """Whether not both a rise and a fall are larger than their error."""
    steps = [difference(a, b) for place, a in enumerate(looks) for b in looks[place + 1 :]]
    return not (any(step.low > 0.0 for step in steps) and any(step.high < 0.0 for step in steps))


class Looks:
    """Looks at points; each is run once, whatever rays it lies on."""

    def __init__(
        self,
        scenario: Scenario,
        directions: tuple[Direction, ...],
        measure: str,
        seeds: Sequence[int],
        replicates: int,
        rules: Mapping[str, Rule] | None,
        threads: int | None,
        tell: OnProgress | None,
    ) -> None:
        self._scenario, self._directions, self._measure = scenario, directions, measure
        self._seeds, self._replicates = seeds, replicates
        self._rules, self._threads, self._tell = rules, threads, tell
        self._done = 0
        self.seen: dict[tuple[float, ...], Look] = {}

    def at(self, points: Sequence[tuple[float, ...]]) -> list[Look]:
        """What is to be seen at each of some points, in their order."""
        new = [point for point in dict.fromkeys(points) if point not in self.seen]
        runs = 2 * len(self._seeds) * self._replicates
        total = self._done + runs * len(new)
        for first in range(0, len(new), TOGETHER):
            self._run(new[first : first + TOGETHER], total)
        return [self.seen[point] for point in points]

    def _run(self, points: Sequence[tuple[float, ...]], total: int) -> None:
        """Both arms of some points, seed by seed: networks of a seed are kept from one point to the next."""
        arms = []
        for point in points:
            full = scenario_at(self._scenario, self._directions, point)
            arms += [full, without_channels(full, CHANNELS)]
        names = (self._measure, "debt_start_musd", "debt_peak_musd")
        kept: list[Floats] = []
        for seed in self._seeds:
            many = simulate_many(
                arms, seed, self._replicates, rules=self._rules, threads=self._threads, progress=False
            )
            shape = len(arms), self._replicates
            kept.append(np.stack([many.scalars[name].reshape(shape) for name in names]).astype(np.float64))
            self._done += many.outcomes.size
            if self._tell:
                self._tell(self._done, total)
        runs = np.concatenate(kept, axis=-1)  # [scalar, arm, run]
        together = group_length(len(self._seeds), self._replicates, self._scenario.shocks.together)
        for place, point in enumerate(points):
            on, off = runs[:, 2 * place], runs[:, 2 * place + 1]
            self.seen[point] = Look(
                point, in_groups(on[0], together), in_groups(off[0], together), on.shape[1],
                float(on[1].mean()), float(on[2].mean()), float(off[2].mean()),
            )  # fmt: skip
