"""The tenor frontier: what becomes of machine loans that run for one to ten years, over their whole lives.

Two designs say what is equal. At equal opening debt the loans of the first week have been repaid as fast as
in the scenario, and only what is due from now on differs. At equal advance rate they have been repaid over
their own tenor, so that more is owed of longer ones.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hashcredit.experiments.measures.tenor_sums import (
    COHORTS,
    OF_COHORTS,
    OF_WHOLE_RUNS,
    WHOLE,
    Named,
    jackknifed,
    told_of_run,
    without_each,
)
from hashcredit.simulator.display import Facts, Shown, interval_in_words, runs_in_words
from hashcredit.simulator.errors import ScenarioError
from hashcredit.simulator.progress import OnProgress, Progress, shown
from hashcredit.simulator.reports.statistics import group_length, in_groups
from hashcredit.simulator.runs.tapes import reduce_tapes
from hashcredit.simulator.scenario.arguments import GivenScenario, scenario_of, seeds_of, whole_number
from hashcredit.simulator.scenario.scenario import Scenario

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]

YEAR = 52
"""Weeks."""
TENORS = tuple(range(1, 11))
"""Years."""
MOST_TENOR = 15
"""Years. C: modelling choice: beyond what was found of loans on machines, and within the longest run."""
REFERENCE = 3
"""Years: the tenor that the others are compared with, for which customers' contracts run."""
MADE_WITHIN = 52
"""Weeks: new loans are those made before this one."""
TAIL = 104
"""Weeks after the last loan is due, in which claims come to an end. C: modelling choice; sites are left for
up to half a year, lots are on sale for as long, and estates take longer. `open_share` says what is left."""

EQUAL_DEBT, EQUAL_ADVANCE = "equal_debt", "equal_advance"
DESIGNS = {EQUAL_DEBT: "at equal opening debt", EQUAL_ADVANCE: "at equal advance rate"}
TENOR_FIELDS = ("tenor_weeks", "utility_tenor_weeks")
"""Of section `credit`: lives of machine loans, for the first week and later."""
REPAID_OVER = "credit.repayment_weeks"


class Arm(NamedTuple):
    """The scenario with machine loans of one tenor."""

    design: str
    years: int
    scenario: Scenario


@dataclass(frozen=True, repr=False)
class TenorFrontier(Shown):
    """Machine loans by tenor in two designs, on the same draws."""

    scenario: Scenario
    seeds: tuple[int, ...]
    replicates: int
    tenors: tuple[int, ...]
    reference: int
    made_within: int
    weeks: int
    told: Mapping[tuple[str, int], NDArray[Any]]
    """TOLD of each run, seed by seed, by design and tenor; without those that cannot be."""

    def _facts(self) -> Facts:
        title = f"Tenors in {self.scenario.name}, {runs_in_words(self.seeds, self.replicates)}"
        facts = {
            "length": f"{self.weeks} weeks",
            "intervals": interval_in_words(len(self.seeds)),
        }
        rows = self.table.query("cohort == 'opening' and measure == 'loss_share'")
        for design, words in DESIGNS.items():
            of = rows[rows["design"] == design]
            parts = (
                f"{years} yr {loss:.1%}" for years, loss in zip(of["tenor_years"], of["value"], strict=True)
            )
            facts[f"lost {words}"] = ", ".join(parts)
        return title, {**facts, "tables": "table, opening"}

    def tenors_of(self, design: str) -> tuple[int, ...]:
        """Tenors that a design has, years."""
        return tuple(years for years in self.tenors if (design, years) in self.told)

    @cached_property
    def table(self) -> "pd.DataFrame":
        """One row a design, tenor, cohort and measure.

        Columns: design, tenor_years, cohort (`opening`, `new`, or `run` for what is told of whole runs),
        measure, unit; value, low and high; difference from the loans of `reference` years with
        difference_low and difference_high. Intervals cover 95 % and are over seeds, or over runs of one seed;
        of differences, pair by pair. NaN where a number cannot be told.
        """
        import pandas as pd

        return pd.DataFrame(list(self._rows()))

    @cached_property
    def opening(self) -> "pd.DataFrame":
        """One row a design and tenor: what is owed in the first week, and whether it is equal, run by run.

        Columns: design, tenor_years; debt_musd, of all loans, and machine_loans_musd, both a run;
        largest_gap_musd, over runs, to the loans of `reference` years; equal_bits, whether all are the same.
        """
        import pandas as pd

        rows = []
        for (design, years), told in self.told.items():
            base = self.told[design, self.reference]["debt_start_musd"]
            debt = told["debt_start_musd"]
            rows.append(
                {
                    "design": design,
                    "tenor_years": years,
                    "debt_musd": float(debt.mean()),
                    "machine_loans_musd": float(told["drawn"][:, 0].mean()),
                    "largest_gap_musd": float(np.abs(debt - base).max()),
                    "equal_bits": bool((debt == base).all()),
                }
            )
        return pd.DataFrame(rows)

    def _rows(self) -> Iterator[dict[str, Any]]:
        together = group_length(len(self.seeds), self.replicates, self.scenario.shocks.together)
        sums = {
            arm: without_each(in_groups(told.view(np.float64).reshape(len(told), -1), together))
            for arm, told in self.told.items()
        }
        for (design, years), cases in sums.items():
            base = sums[design, self.reference]
            for cohort, place, name, measure in _told_things():
                found, at_reference = measure.of(cases, place), measure.of(base, place)
                yield {
                    "design": design,
                    "tenor_years": years,
                    "cohort": cohort,
                    "measure": name,
                    "unit": measure.unit,
                    **_interval("", found),
                    **_interval("difference_", _difference(found, at_reference)),
                }


def _told_things() -> Iterator[tuple[str, int, str, Named]]:
    """What there is to tell of an arm: cohort, its place, name of the measure, the measure."""
    for place, cohort in enumerate(COHORTS):
        for name, measure in OF_COHORTS.items():
            yield cohort, place, name, measure
    for name, measure in OF_WHOLE_RUNS.items():
        yield WHOLE, 0, name, measure


def _difference(found: Floats, base: Floats) -> Floats:
    """Case by case; NaN where either is no number, or beyond what can be told."""
    known = np.isfinite(found) & np.isfinite(base)
    difference: Floats = np.subtract(found, base, out=np.full(len(found), np.nan), where=known)
    return difference


def _interval(what: str, found: Floats) -> dict[str, float]:
    ratio = jackknifed(found)
    return {what.rstrip("_") or "value": ratio.mean, f"{what}low": ratio.low, f"{what}high": ratio.high}


def tenor_frontier(
    scenario: GivenScenario = None,
    seeds: Iterable[int] = range(20),
    replicates: int = 10,
    *,
    tenors: Iterable[int] = TENORS,
    reference: int = REFERENCE,
    made_within: int = MADE_WITHIN,
    weeks: int | None = None,
    threads: int | None = None,
    progress: Progress = None,
) -> TenorFrontier:
    """What becomes of machine loans by tenor, at equal opening debt and at equal advance rate.

    Parameters
    ----------
    scenario : Scenario, name or path
        The baseline if left out.
    seeds, replicates :
        Networks, and runs of each, for every tenor and design.
    tenors : iterable of int
        Years. At equal advance rate those are left out in which the oldest loans of the first week
        (`credit.loan_age_weeks`) would have been repaid.
    reference : int
        The tenor that others are compared with; one that both designs have.
    made_within : int
        Weeks; new loans are those made before this one.
    weeks : int, optional
        Length of all runs. If left out, until the last of these loans is due and `TAIL` weeks more. Lending
        to others goes on all the time.
    threads, progress
        As in `simulate_many`.

    Raises `ScenarioError` for what names no scenario, seed, tenor or number of weeks, and for a scenario
    whose interventions set tenors themselves.
    """
    given, chosen = scenario_of(scenario), seeds_of(None, seeds)
    replicates = whole_number("replicates", replicates, least=1)
    years = _tenors(tenors)
    made_within = whole_number("made_within", made_within)
    needed = YEAR * max(years) + made_within
    length = needed + TAIL if weeks is None else whole_number("weeks", weeks, least=needed)
    _refuse_other_tenors(given)
    reference = whole_number("reference", reference, least=1)
    oldest = given.credit.loan_age_weeks
    if reference not in years or YEAR * reference <= oldest:
        allowed = f"one of the tenors that is longer than credit.loan_age_weeks, {oldest} weeks"
        raise ScenarioError("reference", reference, allowed)
    planned = list(arms(given, years, length))
    distinct: list[Scenario] = []  # one that both designs have, at the scenario's own repayment, is run once
    for arm in planned:
        if arm.scenario not in distinct:
            distinct.append(arm.scenario)
    runs, found = len(chosen) * replicates, []
    with shown(progress) as tell:
        for place, each in enumerate(distinct):
            progress_of_one = _told(tell, place * runs, len(distinct) * runs)
            found.append(_run(each, chosen, replicates, made_within, threads, progress_of_one))
    return TenorFrontier(
        scenario=given,
        seeds=tuple(chosen),
        replicates=replicates,
        tenors=years,
        reference=reference,
        made_within=made_within,
        weeks=length,
        told={(arm.design, arm.years): found[distinct.index(arm.scenario)] for arm in planned},
    )


def _run(
    scenario: Scenario,
    seeds: list[int],
    replicates: int,
    made_within: int,
    threads: int | None,
    progress: OnProgress | None,
) -> NDArray[Any]:
    """TOLD of each run of an arm, seed by seed."""
    keep = partial(told_of_run, made_before=made_within)
    found = reduce_tapes(scenario, seeds, replicates, keep, threads=threads, progress=progress or False)
    told: NDArray[Any] = np.concatenate([each for of_seed in found for each in of_seed])
    return told


def _told(tell: OnProgress | None, before: int, total: int) -> OnProgress | None:
    """Tell progress of an arm as progress of all."""
    return (lambda done, _: tell(before + done, total)) if tell else None


def arms(scenario: Scenario, tenors: Iterable[int], weeks: int) -> Iterator[Arm]:
    """The scenario with machine loans of each tenor (years), in both designs, over so many weeks."""
    for design in DESIGNS:
        for years in tenors:
            life = YEAR * years
            changes: dict[str, object] = {f"credit.{name}": life for name in TENOR_FIELDS}
            if design == EQUAL_ADVANCE:
                if life <= scenario.credit.loan_age_weeks:
                    continue
                changes[REPAID_OVER] = life
            yield Arm(design, years, scenario.with_changes({**changes, "horizon_weeks": weeks}))


def _tenors(given: Iterable[int]) -> tuple[int, ...]:
    """Tenors in rising order, each once."""
    if not isinstance(given, Iterable) or isinstance(given, str):
        raise ScenarioError("tenors", given, "whole numbers of years, such as [1, 3, 10]")
    years = tuple(whole_number("tenors", each, least=1) for each in given)
    if not years or len(set(years)) < len(years) or max(years) > MOST_TENOR:
        raise ScenarioError("tenors", list(years), f"years from 1 to {MOST_TENOR}, each once, at least one")
    return tuple(sorted(years))


def _refuse_other_tenors(scenario: Scenario) -> None:
    """An intervention that sets a tenor would undo what is compared."""
    fields = [f"credit.{name}" for name in TENOR_FIELDS]
    for each in scenario.interventions:
        if each.field in fields:
            raise ScenarioError("interventions", each.field, "none of a tenor, which is what is varied here")
