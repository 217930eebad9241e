"""What the creditors of a cohort of defaults recover, those claims included that are still open at the end.

The mean over claims that are closed by the horizon is not that of the cohort: who is paid at once is in it
and who waits for a sale is not, and when many sell at once the longest waits are the worst. Two ways out are
compared. Runs go on without new business until the claims are closed; or closed claims are weighted by how
seldom one of their age could have been seen to close (Kaplan and Meier 1958; Stute 1995).
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hashcredit.agents.dimensions import GRADES, INSTRUMENT_TERMS, Instrument, LenderKind, LoanStatus
from hashcredit.simulator.display import Facts, Shown, interval_in_words, runs_in_words
from hashcredit.simulator.errors import ScenarioError
from hashcredit.simulator.progress import Progress
from hashcredit.simulator.reports.statistics import (
    Ratio,
    group_length,
    in_groups,
    ratio_estimate,
)
from hashcredit.simulator.runs.tapes import TapeRun, reduce_tapes
from hashcredit.simulator.scenario.arguments import GivenScenario, scenario_of, seeds_of, whole_number
from hashcredit.simulator.scenario.scenario import Scenario

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

YEAR = 52
"""Weeks: the defaults of the first year are looked at unless others are named."""
RUN_OFF = 156
"""Weeks that runs go on after the horizon."""
NO_NEW_BUSINESS = (("investment.hurdle", 2.0),)
"""Fields that end it: an order would have to be worth three times what it costs. Nothing is lent any more but
what has been promised; machines in place are let and used ones sold as ever."""

CLAIM = np.dtype(
    [
        ("run", "i4"),
        ("instrument", "u1"),
        ("grade", "i1"),
        ("tier", "i1"),
        ("open", "?"),
        ("age", "i4"),
        ("claim", "f8"),
        ("recovered", "f8"),
    ]
)
"""A claim of the cohort: which run, its kind, its lender's kind; whether it is open; weeks from the default
to its end or to that of the run; M$ at default, M$ recovered so far, discounted to the default."""


class Cohort(NamedTuple):
    """Which defaults count."""

    from_week: int
    before_week: int
    machine: int
    """Type of pledged machine, -1: any loan."""


@dataclass(frozen=True, repr=False)
class CohortRecoveries(Shown):
    """Losses given default of a cohort, told in three ways."""

    scenario: Scenario
    seeds: tuple[int, ...]
    replicates: int
    cohort: Cohort
    run_off: int
    at_horizon: NDArray[Any]
    """CLAIM, of the runs as the scenario has them."""
    run_out: NDArray[Any]
    """CLAIM, of the same runs some time later."""

    def _facts(self) -> Facts:
        title = f"Recoveries in {self.scenario.name}, {runs_in_words(self.seeds, self.replicates)}"
        all_claims = self.table.iloc[0]
        facts = {
            "claims a run": f"{all_claims['claims']:,.1f}",
            "open at the horizon": f"{all_claims['open_share']:.1%} of the face",
            "loss given default": ", ".join(
                f"{all_claims[name]:.3f} {words}"
                for name, words in (
                    ("lgd_closed", "of closed claims"),
                    ("lgd_survival", "weighted"),
                    ("lgd", "when all are run out"),
                )
            ),
            "intervals": interval_in_words(len(self.seeds)),
        }
        return title, {**facts, "tables": "table"}

    @cached_property
    def table(self) -> "pd.DataFrame":
        """One row for all claims, then for each rank, tier, instrument and grade that has one.

        Columns: by, name; claims, a run; claim_musd, a run; open_share of the face at the horizon; lgd with
        low and high, of the runs that went on; still_open_share of the face at their end (such a claim counts
        with what it has brought so far); lgd_survival with its interval; lgd_closed, of what was closed at
        the horizon. Losses are shares of the face at default, recoveries discounted to it; intervals cover
        95 % and are over seeds, or over runs of one seed. NaN where a number cannot be told.
        """
        import pandas as pd

        return pd.DataFrame([self._row(*each) for each in self._groups()])

    def _groups(self) -> Iterator[tuple[str, str, Flags, Flags]]:
        """What a row is by, its name, and which claims it has at the horizon and later."""
        tables = (self.at_horizon, self.run_out)

        def told(by: str, name: str, flags: Callable[[NDArray[Any]], Flags]) -> tuple[str, str, Flags, Flags]:
            return by, name, flags(self.at_horizon), flags(self.run_out)

        yield told("all", "all", lambda claims: claims["claim"] > 0.0)
        ranks = np.array([INSTRUMENT_TERMS[each].rank for each in Instrument])
        for rank, name in enumerate(("secured", "unsecured")):
            yield told("rank", name, partial(_ranks_as, ranks, rank))
        for column, kinds in (("tier", LenderKind), ("instrument", Instrument)):
            for kind in kinds:
                if any((table[column] == kind).any() for table in tables):
                    yield told(column, kind.name.lower(), partial(_has, column, kind))
        for grade in range(GRADES):
            yield told("grade", str(grade), partial(_has, "grade", grade))

    def _row(self, by: str, name: str, early: Flags, late: Flags) -> dict[str, Any]:
        before, after = self.at_horizon[early], self.run_out[late]
        runs = len(self.seeds) * self.replicates
        face = float(before["claim"].sum())
        lgd = self._loss(after, np.ones(len(after)))
        survival = self._loss(before, survival_weights(before))
        return {
            "by": by,
            "name": name,
            "claims": len(before) / runs,
            "claim_musd": face / runs,
            "open_share": float(before["claim"][before["open"]].sum()) / face if face > 0.0 else np.nan,
            "lgd": lgd.mean,
            "low": lgd.low,
            "high": lgd.high,
            "still_open_share": float(
                after["claim"][after["open"]].sum() / max(after["claim"].sum(), 1e-300)
            ),
            "lgd_survival": survival.mean,
            "survival_low": survival.low,
            "survival_high": survival.high,
            "lgd_closed": self._loss(before, (~before["open"]).astype(np.float64)).mean,
        }

    def _loss(self, claims: NDArray[Any], weights: Floats) -> Ratio:
        """Loss over face of weighted claims, with its interval: ratio of means over groups of runs."""
        runs = len(self.seeds) * self.replicates
        together = group_length(len(self.seeds), self.replicates, self.scenario.shocks.together)
        lost = weights * (claims["claim"] - np.minimum(claims["recovered"], claims["claim"]))
        part, whole = (
            in_groups(np.bincount(claims["run"], each, runs).astype(np.float64), together)
            for each in (lost, weights * claims["claim"])
        )
        return ratio_estimate(part, whole)


def _ranks_as(ranks: NDArray[Any], rank: int, claims: NDArray[Any]) -> Flags:
    return np.asarray(ranks[claims["instrument"]] == rank)


def _has(column: str, value: int, claims: NDArray[Any]) -> Flags:
    return np.asarray(claims[column] == value)


def survival_weights(claims: NDArray[Any]) -> Floats:
    """Weight of each claim: one over the chance that a claim of its age could be seen to close, 0 if open.

    That chance is the Kaplan and Meier (1958) estimate of the distribution of the ages at which runs end,
    which open claims have reached. Means over closed claims so weighted are those over all, if what a claim
    brings has nothing to do with when its run ends (Stute 1995); claims older than any that was seen to close
    have no weight in either.
    """
    ages, closed = claims["age"], ~claims["open"]
    order = np.lexsort((claims["open"], ages))  # who closes in a week is seen to, before runs end in it
    at_risk = np.arange(len(claims), 0, -1.0)
    stays = np.where(claims["open"][order], 1.0 - 1.0 / at_risk, 1.0)
    seen = np.concatenate([[1.0], np.cumprod(stays)[:-1]])  # chance of not having been cut off before
    weights = np.zeros(len(claims))
    weights[order] = np.where(closed[order], 1.0 / np.where(seen > 0.0, seen, 1.0), 0.0)
    return weights


def claims_of_run(run: TapeRun, cohort: Cohort) -> NDArray[Any]:
    """The cohort's claims in a run, CLAIM without its column `run`."""
    tape, population = run.tape, run.setup.scenario.population
    counts = (population.banks, population.private_credit, population.bond_funds)
    tiers = np.repeat(np.arange(len(counts)), counts)  # lenders stand kind by kind
    mine = (tape["default_week"] >= cohort.from_week) & (tape["default_week"] < cohort.before_week)
    if cohort.machine >= 0:
        mine &= tape["machine"] == cohort.machine
    rows = tape[mine]
    found = np.zeros(len(rows), CLAIM)
    found["instrument"], found["grade"], found["tier"] = (
        rows["instrument"],
        rows["grade"],
        tiers[rows["lender"]],
    )
    found["open"] = (rows["status"] == LoanStatus.DEFAULTED) & (rows["left"] > 0.0)
    end = np.where(rows["over_week"] >= 0, rows["over_week"], run.setup.scenario.horizon_weeks)
    found["age"] = end - rows["default_week"]
    found["claim"], found["recovered"] = rows["claim"], rows["recovered_pv"]
    return found[found["claim"] > 0.0]


def cohort_recoveries(
    scenario: GivenScenario = None,
    seeds: Iterable[int] = range(20),
    replicates: int = 50,
    *,
    from_week: int = 0,
    before_week: int = YEAR,
    machine: str | None = None,
    run_off: int = RUN_OFF,
    threads: int | None = None,
    progress: Progress = None,
) -> CohortRecoveries:
    """What creditors recover of the loans that defaulted in some weeks, whenever they are paid.

    Parameters
    ----------
    scenario : Scenario, name or path
        The baseline if left out.
    seeds, replicates :
        Networks, and runs of each.
    from_week, before_week : int
        Defaults from this week on and before that one are the cohort.
    machine : str, optional
        Only loans on this type: with the week of a forced default, what its lot brought.
    run_off : int
        Weeks for which runs go on after the horizon without new business, so that open claims come to an end.

    Raises `ScenarioError` for weeks that hold no default and for a machine that the scenario has not.
    """
    given, chosen = scenario_of(scenario), seeds_of(None, seeds)
    replicates = whole_number("replicates", replicates, least=1)
    from_week = whole_number("from_week", from_week)
    before_week = whole_number("before_week", before_week, least=from_week + 1)
    if from_week >= given.horizon_weeks:
        raise ScenarioError("from_week", from_week, f"a week before the horizon, {given.horizon_weeks}")
    names = [each.name for each in given.machine]
    if machine is not None and machine not in names:
        raise ScenarioError("machine", machine, "one of " + ", ".join(names))
    cohort = Cohort(from_week, before_week, -1 if machine is None else names.index(machine))
    longer = run_out(given, whole_number("run_off", run_off))
    keep = partial(claims_of_run, cohort=cohort)
    tables = []
    for each in (given, longer):
        found = reduce_tapes(each, chosen, replicates, keep, threads=threads, progress=progress)
        runs = [claims for of_seed in found for claims in of_seed]
        for number, claims in enumerate(runs):
            claims["run"] = number
        tables.append(np.concatenate(runs))
    return CohortRecoveries(given, tuple(chosen), replicates, cohort, run_off, *tables)


def run_out(scenario: Scenario, weeks: int) -> Scenario:
    """The scenario with that many weeks more, in which no new business is done."""
    if weeks == 0:
        return scenario
    horizon = scenario.horizon_weeks
    stops = tuple({"week": horizon, "field": field, "value": value} for field, value in NO_NEW_BUSINESS)
    present = tuple(each.model_dump() for each in scenario.interventions)
    return scenario.with_changes({"horizon_weeks": horizon + weeks, "interventions": (*present, *stops)})
