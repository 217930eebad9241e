"""The scorecard: each dated fact against the middle 90 % of replicates, and against "nothing changes"."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hashcredit.agents.dimensions import BorrowerKind
from hashcredit.experiments.papers.hindcast_2023.evidence import EVIDENCE, Evidence
from hashcredit.experiments.papers.hindcast_2023.history import History, follow
from hashcredit.experiments.papers.hindcast_2023.measures import END, OPENING, STOPS, measure
from hashcredit.simulator.scenario.scenario import Scenario
from hashcredit.simulator.setup.prepare import prepare

Array = NDArray[np.float64]

SCENARIO = "hindcast_2023"
SEED = 2023
LEVEL = 0.9
"""Share of replicates in an interval."""

LEAST_CASES = 20
"""Replicates with a value below which there is no telling where 5 % of them lie."""
SAME = 0.05
"""Standard deviations by which two distances must differ."""

TOGETHER = "all three"
CHOICES: dict[str, dict[str, object]] = {
    "as it is": {},
    "slots may grow by 8 a year": {"investment.growth_cap": 8.0},
    "customers want 5 times the fleets": {"compute.term_share": 5.0},
    "rents expected to fall by .1 a year": {"valuation.trend": 0.1},
    TOGETHER: {"investment.growth_cap": 8.0, "compute.term_share": 5.0, "valuation.trend": 0.1},
}
"""Choices whose weight the page shows: what a borrower may build, can let, and expects of rents."""


@dataclass(frozen=True)
class Score:
    """One fact against the replicates of the model."""

    evidence: Evidence
    values: Array
    """A value for each replicate, NaN where it has none."""
    opening: float
    """Mean over replicates of the same quantity in the opening; NaN where there is none."""

    @property
    def known(self) -> Array:
        return self.values[np.isfinite(self.values)]

    @property
    def mean(self) -> float:
        return float(self.known.mean()) if self.known.size else math.nan

    @property
    def error(self) -> float:
        """Monte Carlo standard error of the mean."""
        size = self.known.size
        return float(self.known.std(ddof=1) / math.sqrt(size)) if size > 1 else math.nan

    @property
    def interval(self) -> tuple[float, float]:
        """The middle 90 % of replicates, where one history may fall; NaN if too few have a value."""
        if not self.is_told:
            return math.nan, math.nan
        low, high = np.quantile(self.known, (0.5 - LEVEL / 2.0, 0.5 + LEVEL / 2.0))
        return float(low), float(high)

    @property
    def is_told(self) -> bool:
        """Whether enough replicates have a value for an interval."""
        return self.known.size >= LEAST_CASES

    @property
    def met(self) -> bool:
        """Whether the fact, as far as it is given, lies in the interval; not if there is none."""
        low, high = self.interval
        fact = self.evidence.published
        return low - fact.tolerance <= fact.value <= high + fact.tolerance

    @property
    def naive(self) -> float:
        """What "nothing changes" says."""
        return self.opening if self.evidence.naive is None else self.evidence.naive

    @property
    def distances(self) -> tuple[float, float]:
        """Of the model's mean, and of "nothing changes", from the fact; in errors of fact and model."""
        one = self.evidence
        fact, width = one.scaled(one.published.value), math.hypot(one.observation, one.discrepancy)
        return abs(one.scaled(self.mean) - fact) / width, abs(one.scaled(self.naive) - fact) / width

    @property
    def closer(self) -> bool | None:
        """Whether the model's mean is closer than "nothing changes"; None: as close, or unknown."""
        ours, theirs = self.distances
        if not self.is_told or not math.isfinite(theirs) or abs(ours - theirs) < SAME:
            return None
        return ours < theirs


def histories(replicates: int, changes: Mapping[str, object] | None = None) -> list[History]:
    """The scenario, as it is or with changes, over so many replicates; the draws are always the same."""
    setup = prepare(Scenario.load(SCENARIO).with_changes(changes or {}), SEED)
    return [follow(setup, replicate, STOPS) for replicate in range(replicates)]


@dataclass(frozen=True)
class Variant:
    """What a choice of the scenario does."""

    scores: list[Score]
    cash: float
    """Neo-clouds' cash over their debt at the end, of means over replicates."""
    debt: float
    """Their debt at the end over that of the opening, of means over replicates."""


def variants(replicates: int) -> dict[str, Variant]:
    """The scenario under each of `CHOICES`."""
    found = {}
    for name, changes in CHOICES.items():
        runs = histories(replicates, changes)
        cash, owed, opened = (np.array([_clouds(run, what, week) for run in runs]).mean() for what, week in
                              (("cash", END), ("debt", END), ("debt", OPENING)))  # fmt: skip
        found[name] = Variant(scores_of(runs), float(cash / owed), float(owed / opened))
    return found


def _clouds(run: History, column: str, week: int) -> float:
    """Sum of a column over neo-clouds (M$)."""
    borrowers = run.books[week].borrowers
    return float(borrowers[column][borrowers["kind"] == BorrowerKind.NEOCLOUD].sum())


def scores_of(runs: list[History]) -> list[Score]:
    """A score for each fact."""
    found, opening = zip(*(measure(run) for run in runs), strict=True)
    scores = []
    for evidence in EVIDENCE:
        name = evidence.quantity
        opened = np.array([one.get(name, math.nan) for one in opening])
        opened = opened[np.isfinite(opened)]
        values = np.array([one[name] for one in found])
        scores.append(Score(evidence, values, float(opened.mean()) if opened.size else math.nan))
    return scores
