"""Contagion as a counterfactual: a scenario and the same draws with all channels of contagion off."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from hashcredit.simulator.channels import CHANNELS
from hashcredit.simulator.display import Facts, Shown, counted, interval_in_words, seeds_in_words
from hashcredit.simulator.progress import Progress
from hashcredit.simulator.reports.statistics import mean_estimate, paired_difference
from hashcredit.simulator.runs.engine import simulate_many
from hashcredit.simulator.runs.switches import without_channels
from hashcredit.simulator.scenario.arguments import GivenScenario, scenario_of

if TYPE_CHECKING:
    import pandas as pd

MEASURES = ("defaults", "creditor_loss_musd", "units_unsold")
"""Scalars of a run whose difference is contagion: borrowers, M$, machines."""
UNITS = ("borrowers", "M$", "machines")


@dataclass(frozen=True, repr=False)
class PairedContagion(Shown):
    """Runs of a scenario (`with_channels`) and their twins without its channels, pair by pair."""

    scenario: str
    seeds: tuple[int, ...]
    replicates: int
    """Pairs of runs of each seed."""
    together: int
    """Pairs in a row that make one independent group: of several seeds a whole one (`group_length`)."""
    channels: tuple[str, ...]
    """Those that are off in the twins."""
    with_channels: "pd.DataFrame"
    """One row a run, seed by seed, with all scalars of `Run.summary`."""
    without_channels: "pd.DataFrame"

    def _facts(self) -> Facts:
        pairs = counted(len(self.differences), "pair")
        title = f"Contagion in {self.scenario}, {seeds_in_words(self.seeds)}, {pairs} of runs"
        facts = {"off in the twins": ", ".join(self.channels)}
        for (measure, row), unit in zip(self.summary.iterrows(), UNITS, strict=True):
            words = f"{row['difference']:+,.2f} {unit}, 95 % interval {row['low']:,.2f} to {row['high']:,.2f}"
            facts[str(measure)] = words
        facts["intervals"] = interval_in_words(len(self.seeds))
        return title, {**facts, "tables": "summary, differences, with_channels, without_channels"}

    @cached_property
    def differences(self) -> "pd.DataFrame":
        """With less without, one row a pair; columns `contagion_defaults` and so on."""
        left, right = (frame[list(MEASURES)] for frame in (self.with_channels, self.without_channels))
        return (left - right).add_prefix("contagion_")

    @cached_property
    def summary(self) -> "pd.DataFrame":
        """One row a measure: means of both arms, mean paired difference with its 95 % interval, and share.

        `share` is the difference over the mean with channels, NaN where that is zero. Intervals are Student-t
        over seeds, or over the replicates of one seed alone, which is about this network only; one replicate
        has none (NaN).
        """
        import pandas as pd

        rows = {}
        for measure in MEASURES:
            on, off = self.with_channels[measure], self.without_channels[measure]
            paired = paired_difference(on, off, together=self.together)
            mean = mean_estimate(on).mean
            rows[measure] = {
                "with_channels": mean,
                "without_channels": mean_estimate(off).mean,
                "difference": paired.mean,
                "standard_error": paired.standard_error,
                "low": paired.low,
                "high": paired.high,
                "share": paired.mean / mean if mean else float("nan"),
            }
        frame = pd.DataFrame.from_dict(rows, orient="index")
        frame.index.name = "measure"
        return frame


def paired_contagion(
    scenario: GivenScenario = None,
    seed: int | None = None,
    replicates: int = 1000,
    *,
    seeds: Iterable[int] | None = None,
    channels: Iterable[str] | None = None,
    threads: int | None = None,
    progress: Progress = None,
) -> PairedContagion:
    """How much of what happens in a scenario is contagion: paired differences with common random numbers.

    Parameters
    ----------
    scenario : Scenario, name or path
        The baseline if left out. A channel that is off in it stays off in both arms.
    seed, replicates, seeds
        As in `simulate_many`: runs with the same seed and replicate are a pair. Intervals are over seeds;
        with one seed, which is 1 if left out, about this network only.
    channels : names, optional
        Switch off only these in the twins; all of `channels` by default.
    progress : function, bool or None
        As in `simulate_many`.

    Raises `ScenarioError` for a channel that does not exist.
    """
    off = CHANNELS if channels is None else tuple(channels)
    full = scenario_of(scenario)
    twin = without_channels(full, off)
    many = simulate_many([full, twin], seed, replicates, seeds=seeds, threads=threads, progress=progress)
    pairs = many.outcomes.size // 2
    frames = [many.summary.iloc[first : first + pairs].reset_index(drop=True) for first in (0, pairs)]
    return PairedContagion(full.name, tuple(many.seeds), replicates, many.together, off, *frames)
