"""History matching: which part of the prior of parameters without a source do the dated facts rule out?

Points are a Latin hypercube over `PRIOR`. At each the implausibility of a fact `z` is

    I = |mean - z| / sqrt(var_sim + var_obs + var_model)

on the fact's scale: `var_sim` of one replicate and of the mean of the few that are run, since history is
one draw; `var_obs` and `var_model` of `evidence`. A point is ruled out where the largest I exceeds 3: at
least 95 % of any unimodal distribution lie within three standard deviations (Pukelsheim 1994). The method is
that of Craig, Goldstein, Seheult and Smith (1997) and Vernon, Goldstein and Bower (2010). It rules out; it
fits nothing.
"""

import math
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hashcredit.experiments.papers.hindcast_2023.evidence import EVIDENCE, Evidence
from hashcredit.experiments.papers.hindcast_2023.history import follow
from hashcredit.experiments.papers.hindcast_2023.measures import STOPS, measure
from hashcredit.experiments.papers.hindcast_2023.scorecard import SCENARIO, SEED
from hashcredit.experiments.study.designs import LatinHypercube
from hashcredit.simulator.runs.engine import processors
from hashcredit.simulator.scenario.scenario import Scenario
from hashcredit.simulator.setup.prepare import prepare

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Changes = Mapping[str, Any]

CUTOFF = 3.0
LEAST_KEPT = 20
"""Points that must be left before the range of a parameter among them is compared with its prior."""
NEARLY_ALL = 0.95
"""Share of points from which on a fact that rules them out is said never to be plausible."""
SURE = 0.01
"""Level of the Kolmogorov-Smirnov test that calls a parameter narrowed, over the number of parameters."""


@dataclass(frozen=True)
class Parameter:
    """A parameter without a source, and what it may be."""

    name: str
    low: float
    high: float
    is_log: bool
    """Whether the prior is uniform in the logarithm."""
    why: str
    """Where the bounds come from."""
    several: Callable[[Scenario, float], Changes] | None = None
    """The changes of a scenario where the parameter is no single field."""

    def at(self, u: Array) -> Array:
        """Values at numbers from 0 to 1."""
        if self.is_log:
            return np.asarray(self.low * (self.high / self.low) ** u)
        return np.asarray(self.low + (self.high - self.low) * u)

    def changes(self, scenario: Scenario, value: float) -> Changes:
        """What a value of it changes in a scenario."""
        return self.several(scenario, value) if self.several else {self.name: value}

    @property
    def base(self) -> float:
        """Value in the scenario; of a factor 1."""
        if self.several is _inflow:
            return float(Scenario.load(SCENARIO).lenders.private_credit.inflow)
        if self.several:
            return 1.0
        section, _, field = self.name.partition(".")
        return float(getattr(getattr(Scenario.load(SCENARIO), section), field))


def _inflow(_: Scenario, value: float) -> Changes:
    return {f"lenders.{kind}.inflow": value for kind in ("private_credit", "bond_fund")}


def _hazards(scenario: Scenario, value: float) -> Changes:
    hazards = scenario.credit.offtaker_hazard
    return {"credit.offtaker_hazard": tuple(min(1.0, value * one) for one in hazards)}


def _pockets(scenario: Scenario, value: float) -> Changes:
    kinds = ("operator", "broker", "refurbisher", "scrap_dealer")
    return {f"buyers.{kind}.cash": value * getattr(scenario.buyers, kind).cash for kind in kinds}


PRIOR: tuple[Parameter, ...] = (
    Parameter("investment.growth_cap", 0.25, 8.0, True, "to nine times the slots in a year"),
    Parameter("investment.hurdle", 0.0, 0.3, False, "none to three tenths of the cost"),
    Parameter("investment.search_weeks", 4.0, 52.0, True, "a month to a year"),
    Parameter("compute.term_share", 0.2, 5.0, True, "a fifth to five times the opening fleets"),
    Parameter("compute.demand_growth", 0.0, 1.5, False, "none to 4.5 times a year"),
    Parameter("lenders' inflow", 0.0, 2.0, False, "range of crwv.debt.growth", _inflow),
    Parameter("equity.issue_share", 0.01, 0.5, True, "a hundredth to half of the equity"),
    Parameter("credit.marked_share", 0.0, 1.0, False, "none to all"),
    Parameter("marking.income_weight", 0.01, 0.3, True, "two years to three weeks"),
    Parameter("buyers' pockets over the baseline's", 0.2, 5.0, True, "a factor of five either way", _pockets),
    Parameter(
        "customers' hazards over the baseline's", 0.25, 4.0, True, "a factor of four either way", _hazards
    ),
    Parameter("valuation.trend", 0.1, 0.6, False, "range of hindcast.valuation.trend"),
)
"""Twelve that are marked C and that debts, failures or prices answer to."""


@dataclass(frozen=True)
class Explored:
    """What the model says of each fact at each point."""

    u: Array
    """Indices: point, parameter; from 0 to 1."""
    mean: Array
    """Indices: point, fact; on the fact's scale, NaN where no replicate says anything."""
    variance: Array
    """The same, over replicates; 0 where only one says anything."""
    count: NDArray[np.int64]
    """Replicates that say something."""

    def implausibility(self) -> Array:
        """I of each fact at each point; NaN where the model says nothing."""
        return np.stack([implausibility(self, place, one) for place, one in enumerate(EVIDENCE)], axis=1)


def implausibility(explored: Explored, place: int, evidence: Evidence) -> Array:
    """|mean - fact| in standard deviations at each point, on the fact's scale; `place` is the fact's."""
    fact = evidence.scaled(evidence.published.value)
    count = np.maximum(explored.count[:, place], 1)
    simulated = explored.variance[:, place] * (1.0 + 1.0 / count)
    spread = np.sqrt(simulated + evidence.observation**2 + evidence.discrepancy**2)
    return np.asarray(np.abs(explored.mean[:, place] - fact) / spread)


def design(points: int) -> Array:
    """A Latin hypercube over the prior, the same for the same number of points."""
    hypercube = LatinHypercube(kind="latin-hypercube", points=points)
    return hypercube.units(len(PRIOR), np.random.default_rng([0, SEED]))


def explore(points: int, replicates: int) -> Explored:
    """Run every point of the design, the same draws at all of them."""
    base, u = Scenario.load(SCENARIO), design(points)

    def run(row: Array) -> Array:
        changes: dict[str, Any] = {}
        for parameter, one in zip(PRIOR, row, strict=True):
            changes |= parameter.changes(base, float(parameter.at(one)))
        setup = prepare(base.with_changes(changes), SEED)
        rows = [measure(follow(setup, replicate, STOPS))[0] for replicate in range(replicates)]
        return np.array([[one.scaled(found[one.quantity]) for one in EVIDENCE] for found in rows])

    with ThreadPoolExecutor(processors()) as pool:
        values = np.stack(list(pool.map(run, u)))
    known = np.isfinite(values)
    count = known.sum(axis=1)
    total = np.where(known, values, 0.0).sum(axis=1)
    mean = np.where(count > 0, total / np.maximum(count, 1), math.nan)
    squares = np.where(known, (values - mean[:, None, :]) ** 2, 0.0).sum(axis=1)
    return Explored(u, mean, squares / np.maximum(count - 1, 1), count)


@dataclass(frozen=True)
class Matched:
    """What is ruled out, by which facts, and what is left."""

    explored: Explored
    ruled: Mask
    """Whether a fact rules a point out; indices: point, fact. Where the model says nothing it does not."""
    silent: Array
    """Share of points at which the model says nothing of each fact."""

    @property
    def by_fact(self) -> Array:
        """Share of points that each fact rules out by itself."""
        return np.asarray(self.ruled.mean(axis=0))

    @property
    def structural(self) -> Mask:
        """Facts that rule out nearly every point at which the model says anything of them."""
        told = 1.0 - self.silent
        return (told > 0.0) & (self.by_fact >= NEARLY_ALL * told)

    @property
    def broken(self) -> NDArray[np.int64]:
        """Facts that rule out each point, without the structural ones, which tell no point from another."""
        return np.asarray(self.ruled[:, ~self.structural].sum(axis=1))

    @property
    def share(self) -> float:
        """Share of the prior that all facts together leave."""
        return float((~self.ruled.any(axis=1)).mean())

    def others(self, passed_over: int = 0) -> float:
        """Share that the facts leave which are not structural, the worst few of each point passed over."""
        return float((self.broken <= passed_over).mean())

    def share_of(self, group: str) -> float:
        """Share of the prior that the facts of one group leave."""
        mine = np.array([one.group == group for one in EVIDENCE])
        return float((~self.ruled[:, mine].any(axis=1)).mean())

    @property
    def passed_over(self) -> int:
        """Fewest of these that have to be passed over for enough points to be left."""
        return int(np.sort(self.broken)[min(LEAST_KEPT, len(self.broken)) - 1])

    @property
    def kept(self) -> Mask:
        """Points that are left then."""
        return np.asarray(self.broken <= self.passed_over)


def match(explored: Explored) -> Matched:
    """Hold each point against each fact."""
    values = explored.implausibility()
    silent = ~np.isfinite(values)
    return Matched(explored, np.where(silent, False, values > CUTOFF), silent.mean(axis=0))


@dataclass(frozen=True)
class Narrowed:
    """What is left of one parameter's prior."""

    parameter: Parameter
    low: float
    high: float
    """Ends of the middle 90 % of the points that are kept."""
    chance: float
    """Probability of points so unevenly spread, had they been drawn from the prior."""

    @property
    def narrowed(self) -> bool:
        return self.chance < SURE / len(PRIOR)

    @property
    def has_base(self) -> bool:
        """Whether the baseline's value is in the range that is left."""
        return self.low <= self.parameter.base <= self.high


def narrowing(u: Array) -> list[Narrowed]:
    """What some points (from 0 to 1) say of each parameter; nothing if they are too few."""
    from scipy.stats import kstest

    if len(u) < LEAST_KEPT:
        return []
    found = []
    for parameter, column in zip(PRIOR, u.T, strict=True):
        low, high = parameter.at(np.quantile(column, (0.05, 0.95)))
        chance = float(kstest(column, "uniform").pvalue)
        found.append(Narrowed(parameter, float(low), float(high), chance))
    return found
