"""What a run says about machine loans of some tenor, and numbers of many runs with jackknife intervals.

All that is told is a function of sums over runs, so the same sums without one group of runs at a time give
its error, whatever the function (Efron and Tibshirani 1993, ch. 11): ratios, and yields that solve an
equation. Of two tenors on the same draws the error is that of the difference, pair by pair.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hashcredit.agents.dimensions import GRADES, Instrument, LoanStatus
from hashcredit.experiments.measures.spread_sums import BASIS_POINT, Sums, sums_of_run
from hashcredit.simulator.reports.statistics import Ratio, student_quantile
from hashcredit.simulator.reports.tape import internal_spread
from hashcredit.simulator.reports.variance import MOST_JACKKNIFED
from hashcredit.simulator.runs.tapes import TapeRun
from hashcredit.simulator.state.outcomes import BY_NAME
from hashcredit.simulator.state.tape import SPREADS

Floats = NDArray[np.float64]

COHORTS = ("opening", "new")
"""Machine loans owed in the first week, and made in the weeks after it."""
OF_RUNS = ("debt_start_musd", "new_lending_musd", "uncovered_musd", "creditor_loss_musd", "lender_failures")
"""Scalars of a run that are told too."""
FREE = {"btc": 0.0, "rent": 0.0, "funding": 0.0}
"""No price of risk: loans weigh the same in all runs."""
GROUPS = slice(GRADES * Instrument.MACHINE_LOAN, GRADES * (Instrument.MACHINE_LOAN + 1))
"""Of `Sums`: machine loans of all grades."""

PER_COHORT = (len(COHORTS),)
TOLD = np.dtype(
    [
        ("runs", "f8"),
        *((name, "f8") for name in OF_RUNS),
        *((name, "f8", PER_COHORT) for name in Sums._fields),
        ("values", "f8", (*PER_COHORT, len(SPREADS))),
        ("open_values", "f8", (*PER_COHORT, len(SPREADS))),
    ]
)
"""Sums of a run: its scalars, `Sums` of either cohort, and at each spread of the tape what was got less what
was drawn, with live faces at par and without open claims (M$), and these claims (M$)."""


def told_of_run(run: TapeRun, made_before: int) -> NDArray[Any]:
    """TOLD of a run [1]: of loans owed in the first week, and of those made before week `made_before`."""
    told = np.zeros(1, TOLD)
    told["runs"] = 1.0
    for name in OF_RUNS:
        told[name] = BY_NAME[name].of(run.outcomes)
    tape = run.tape[run.tape["instrument"] == Instrument.MACHINE_LOAN]
    opening = tape["week"] < 0
    for place, rows in enumerate((opening, ~opening & (tape["week"] < made_before))):
        loans = tape[rows]
        sums = sums_of_run(run._replace(tape=loans), made_before, FREE)[:, GROUPS].sum(axis=1)
        for name, each in zip(Sums._fields, sums, strict=True):
            told[name][0, place] = each
        today = run.discount * loans["growth"]
        live = np.where(loans["status"] == LoanStatus.PERFORMING, loans["left"], 0.0)
        is_open = (loans["status"] == LoanStatus.DEFAULTED) & (loans["left"] > 0.0)
        paid = live - np.where(is_open, loans["recovered"], 0.0)
        told["values"][0, place] = (loans["value"] + paid[:, None] * today).sum(axis=0)
        told["open_values"][0, place] = (np.where(is_open, loans["claim"], 0.0)[:, None] * today).sum(axis=0)
    return told


Measure = Callable[[NDArray[Any], int], Floats]
"""Of sums [case], TOLD, and a cohort: a number for each case, NaN where it cannot be told."""


def _over(part: Floats, whole: Floats) -> Floats:
    found: Floats = np.divide(part, whole, out=np.full(len(part), np.nan), where=whole > 0.0)
    return found


def _a_run(name: str) -> Measure:
    return lambda told, cohort: _over(
        told[name] if told[name].ndim == 1 else told[name][:, cohort], told["runs"]
    )


def _share(part: str, whole: str) -> Measure:
    return lambda told, cohort: _over(told[part][:, cohort], told[whole][:, cohort])


def loss_given_default(told: NDArray[Any], cohort: int) -> Floats:
    """Of the face, of claims that are closed, recoveries discounted to the default."""
    claims = told["claims"][:, cohort]
    return _over(claims - told["recoveries"][:, cohort], claims)


def _brought(told: NDArray[Any], cohort: int) -> Floats:
    """Share of an open claim that it is taken to bring: what closed ones did; nothing is open without any."""
    lost = loss_given_default(told, cohort)
    return np.where(np.isnan(lost), 0.0, 1.0 - lost)


def lost(told: NDArray[Any], cohort: int) -> Floats:
    """Expected loss over whole lives, discounted to the making at the policy rate, M$.

    Of a face that is owed at the base rate the payments are worth their face. So what is missing of its worth
    and of the interest above that rate has been lost, whenever it was.
    """
    value = told["value"][:, cohort] + _brought(told, cohort) * told["open_claims"][:, cohort]
    missing: Floats = told["at_spread"][:, cohort] - value
    return missing


def _loss_share(told: NDArray[Any], cohort: int) -> Floats:
    return _over(lost(told, cohort), told["drawn"][:, cohort])


def _life(told: NDArray[Any], cohort: int) -> Floats:
    return _over(told["repaid_years"][:, cohort], told["repaid"][:, cohort])


def _loss_a_year(told: NDArray[Any], cohort: int) -> Floats:
    return _over(_loss_share(told, cohort), _life(told, cohort)) / BASIS_POINT


def _break_even(told: NDArray[Any], cohort: int) -> Floats:
    return _over(lost(told, cohort), told["annuity"][:, cohort]) / BASIS_POINT


def _paid(told: NDArray[Any], cohort: int) -> Floats:
    return _over(told["at_spread"][:, cohort], told["annuity"][:, cohort]) / BASIS_POINT


def _yield(told: NDArray[Any], cohort: int) -> Floats:
    values = told["values"][:, cohort] + _brought(told, cohort)[:, None] * told["open_values"][:, cohort]
    return internal_spread(values) / BASIS_POINT


class Named(NamedTuple):
    """A number that is told of each tenor."""

    unit: str
    words: str
    of: Measure


OF_COHORTS = {
    "loans": Named("loans a run", "loans", _a_run("loans")),
    "drawn_musd": Named("M$ a run", "owed in the first week, or drawn", _a_run("drawn")),
    "pd": Named("share", "of the loans, defaulted", _share("defaults", "loans")),
    "lgd": Named("share", "of the face at default, lost; closed claims", loss_given_default),
    "loss_share": Named("share", "of what was drawn, lost over whole lives, discounted", _loss_share),
    "life_years": Named("yr", "weighted average life of principal and recoveries", _life),
    "loss_bp": Named("bp a year", "that loss over that life", _loss_a_year),
    "break_even_bp": Named("bp a year", "spread at which nothing would have been lost", _break_even),
    "contract_bp": Named("bp a year", "spread over the policy rate that was paid", _paid),
    "yield_bp": Named("bp a year", "spread over the policy rate that was earned, losses deducted", _yield),
    "open_share": Named(
        "share", "of what was drawn, still owed at the end of the runs", _share("left", "drawn")
    ),
}
"""Numbers of either cohort."""


def _uncovered(told: NDArray[Any], cohort: int) -> Floats:
    return _over(told["uncovered_musd"], told["new_lending_musd"])


OF_WHOLE_RUNS = {
    "opening_debt_musd": Named(
        "M$ a run", "owed to lenders in the first week, all loans", _a_run("debt_start_musd")
    ),
    "new_lending_musd": Named("M$ a run", "lent on new machines", _a_run("new_lending_musd")),
    "uncovered_share": Named("share", "of that, due when no contract is behind it any more", _uncovered),
    "creditor_loss_musd": Named("M$ a run", "lost by creditors of all loans", _a_run("creditor_loss_musd")),
    "lender_failures": Named("lenders a run", "lenders that fail", _a_run("lender_failures")),
}
"""Numbers of whole runs."""

WHOLE = "run"
"""In the place of a cohort."""


def without_each(groups: Floats) -> NDArray[Any]:
    """Sums over all groups of runs, then without each in turn [1 + parts], TOLD.

    groups    flat sums of independent groups of runs [group, number]

    Of many groups `MOST_JACKKNIFED` parts are left out in turn.
    """
    parts = np.array_split(np.arange(len(groups)), min(len(groups), MOST_JACKKNIFED))
    sums = [groups.sum(axis=0)] + [np.delete(groups, part, axis=0).sum(axis=0) for part in parts]
    return np.ascontiguousarray(sums).view(TOLD)[:, 0]


def jackknifed(found: Floats) -> Ratio:
    """A number of all runs and its interval, from that of all and those without each part [1 + parts]."""
    parts = len(found) - 1
    if parts < 2 or not np.isfinite(found).all():
        return Ratio(float(found[0]), np.nan, np.nan, np.nan)
    apart = found[1:] - found[1:].mean()
    error = float(np.sqrt((parts - 1) / parts * np.square(apart).sum()))
    reach = student_quantile(parts - 1) * error
    return Ratio(float(found[0]), error, float(found[0]) - reach, float(found[0]) + reach)
