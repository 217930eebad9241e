"""Which channel of contagion caused how much: Shapley values over all sets of channels, on common draws.

With one channel off the others go on, and two channels may each do alone what they do together. So what a
channel causes depends on which others are on. Its Shapley share is what switching it on adds, averaged over
all orders in which the channels may be switched on; the shares add up to what all of them cause.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hashcredit.experiments.measures.shapley import coalitions, shapley_interactions, shapley_values
from hashcredit.simulator.channels import CHANNELS
from hashcredit.simulator.display import Facts, Shown, interval_in_words, runs_in_words
from hashcredit.simulator.progress import Progress
from hashcredit.simulator.reports.statistics import Estimate, mean_estimate
from hashcredit.simulator.runs.engine import simulate_many
from hashcredit.simulator.runs.switches import acting_channels, without_channels
from hashcredit.simulator.scenario.arguments import GivenScenario, scenario_of
from hashcredit.simulator.scenario.scenario import Scenario
from hashcredit.simulator.setup.rules import Rule
from hashcredit.simulator.state.outcomes import BY_NAME

if TYPE_CHECKING:
    import pandas as pd

MEASURES = ("defaults", "lender_failures", "creditor_loss_musd", "units_unsold")
"""Scalars of a run that are attributed: borrowers, lenders, M$, machines."""

ARMS = 2 ** len(CHANNELS)

Floats = NDArray[np.float64]


@dataclass(frozen=True, repr=False)
class ContagionAttribution(Shown):
    """What each channel of contagion causes in a scenario; all tables are in the measures' own units.

    Intervals cover 95 % and are Student-t over the means of seeds, since replicates of one seed share their
    networks; with one seed they are over its replicates, and about this network only.
    """

    scenario: str
    seeds: tuple[int, ...]
    replicates: int
    """Of each seed."""
    together: int
    """Runs in a row that make one independent group: of several seeds a whole one."""
    acting: tuple[str, ...]
    """Channels that are on in the scenario; the others are off in all arms."""
    outcomes: Floats
    """Every measure in every run [arm, seed, replicate, measure]; arms in the order of `arms`."""

    def _facts(self) -> Facts:
        title = f"Contagion in {self.scenario} by channel, {runs_in_words(self.seeds, self.replicates)}"
        facts = {"arms": f"{ARMS}, on the same draws", "intervals": interval_in_words(len(self.seeds))}
        for measure, row in self.totals.iterrows():
            words = f"{row['difference']:+,.2f} {row['unit']}, 95 % interval {row['low']:,.2f} to "
            facts[str(measure)] = f"{words}{row['high']:,.2f}"
        return title, {**facts, "tables": "shares, totals, arms, interactions"}

    @cached_property
    def arms(self) -> "pd.DataFrame":
        """32 rows, one a set of channels: a column a channel, and the mean of each measure over all runs.

        A channel is True where it is as the scenario has it and False where it is switched off, so arms that
        differ only in a channel that the scenario has off are the same. The first row has all off, the last
        is the scenario.
        """
        import pandas as pd

        frame = pd.DataFrame(coalitions(len(CHANNELS)), columns=list(CHANNELS))
        for place, measure in enumerate(MEASURES):
            frame[measure] = self.outcomes[..., place].mean(axis=(1, 2))
        return frame

    @cached_property
    def totals(self) -> "pd.DataFrame":
        """One row a measure: its mean with all channels, without any, and the difference with its interval.

        `happens` says whether the measure differs from zero in any run of any arm.
        """
        import pandas as pd

        rows = {}
        for place, measure in enumerate(MEASURES):
            sample = self.outcomes[..., place]
            total = self._estimate(sample[-1] - sample[0])
            rows[measure] = {
                "with_channels": float(sample[-1].mean()),
                "without_channels": float(sample[0].mean()),
                "difference": total.mean,
                "standard_error": total.standard_error,
                "low": total.low,
                "high": total.high,
                "unit": BY_NAME[measure].unit,
                "happens": bool(sample.any()),
            }
        frame = pd.DataFrame.from_dict(rows, orient="index")
        frame.index.name = "measure"
        return frame

    @cached_property
    def shares(self) -> "pd.DataFrame":
        """One row a measure and channel: its Shapley share, with its interval, in the measure's unit.

        The shares of a measure add up to its difference in `totals`; `of_total` is the part of that (NaN
        where it is zero). A channel that is off in the scenario, or changes nothing, has exactly zero.
        """
        import pandas as pd

        values = shapley_values(self.outcomes)
        rows = []
        for place, measure in enumerate(MEASURES):
            total = float(self.totals.loc[measure, "difference"])
            for channel, sample in zip(CHANNELS, values[..., place], strict=True):
                share = self._estimate(sample)
                rows.append(
                    {
                        "measure": measure,
                        "channel": channel,
                        "share": share.mean,
                        "low": share.low,
                        "high": share.high,
                        "standard_error": share.standard_error,
                        "of_total": share.mean / total if total else float("nan"),
                        "unit": BY_NAME[measure].unit,
                    }
                )
        return pd.DataFrame(rows)

    @cached_property
    def interactions(self) -> "pd.DataFrame":
        """One row a measure and pair of channels: their Shapley interaction index with its interval.

        Positive: together they cause more than one by one. Negative: either does what the other would do.
        """
        import pandas as pd

        pairs = shapley_interactions(self.outcomes)
        rows = []
        for place, measure in enumerate(MEASURES):
            for (i, j), sample in pairs.items():
                found = self._estimate(sample[..., place])
                rows.append(
                    {
                        "measure": measure,
                        "channel": CHANNELS[i],
                        "other": CHANNELS[j],
                        "interaction": found.mean,
                        "low": found.low,
                        "high": found.high,
                        "standard_error": found.standard_error,
                        "unit": BY_NAME[measure].unit,
                    }
                )
        return pd.DataFrame(rows)

    def _estimate(self, sample: Floats) -> Estimate:
        """Mean of a sample [seed, replicate], with its interval."""
        return mean_estimate(sample.reshape(-1), together=self.together)


def attribute_contagion(
    scenario: GivenScenario = None,
    seeds: Iterable[int] = range(20),
    replicates: int = 50,
    *,
    rules: Mapping[str, Rule] | None = None,
    threads: int | None = None,
    progress: Progress = None,
) -> ContagionAttribution:
    """Attribute defaults, lender failures, creditor loss and unsold machines to channels of contagion.

    Runs the scenario with every set of `CHANNELS` on, 32 arms, all on the same draws, and averages over the
    orders in which channels may be switched on (Shapley 1953). With the defaults that is 32,000 runs.

    Parameters
    ----------
    scenario : Scenario, name or path
        The baseline if left out. A channel that is off in it is off in all arms, which are run once.
    seeds : whole numbers
        All different, one at least. Networks belong to the seed, so intervals are over seeds.
    replicates : int
        Of each seed.
    rules : mapping, optional
        Rules in the place of default decisions, as in `simulate`, in all arms.
    threads, progress
        As in `simulate_many`.

    Raises `ScenarioError` for seeds that are not whole numbers, or not different.
    """
    whole = scenario_of(scenario)
    sets, place = _distinct_arms(whole)
    many = simulate_many(
        sets, replicates=replicates, seeds=seeds, rules=rules, threads=threads, progress=progress
    )
    shape = len(sets), len(many.seeds), replicates
    outcomes = np.stack([many.scalars[measure].reshape(shape) for measure in MEASURES], axis=-1)
    return ContagionAttribution(
        whole.name,
        tuple(many.seeds),
        replicates,
        many.together,
        acting_channels(whole),
        outcomes[place].astype(np.float64),
    )


def _distinct_arms(scenario: Scenario) -> tuple[list[Scenario], list[int]]:
    """Scenarios of the arms that differ, and for each of the 32 arms its place among them."""
    acting = set(acting_channels(scenario))
    known: dict[frozenset[str], int] = {}
    scenarios: list[Scenario] = []
    places = []
    for members in coalitions(len(CHANNELS)):
        off = frozenset(name for name, on in zip(CHANNELS, members, strict=True) if name in acting and not on)
        if off not in known:
            known[off] = len(scenarios)
            scenarios.append(without_channels(scenario, off))
        places.append(known[off])
    return scenarios, places
