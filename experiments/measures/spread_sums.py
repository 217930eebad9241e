"""What a run says about the spreads of its loans: sums over each kind and grade, from which all else follows.

A loan is fair if the expected value of what it brings, discounted at the policy rate, is what was drawn of
it. Interest at the spread is spread times annuity, so the fair spread of many loans is a ratio of two sums.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hashcredit.agents.dimensions import GRADES, INSTRUMENTS, LoanStatus
from hashcredit.agents.units import WEEK
from hashcredit.simulator.reports.controls import common_normals
from hashcredit.simulator.runs.tapes import TapeRun

Floats = NDArray[np.float64]

GROUPS = INSTRUMENTS * GRADES
"""A group is an instrument and a grade: `GRADES * instrument + grade`."""
BASIS_POINT = 1e-4
"""1/yr."""


class Sums(NamedTuple):
    """Sums over loans, or over groups, runs and seeds of them: each an array of the same shape."""

    loans: Floats
    drawn: Floats
    """M$."""
    defaults: Floats
    claims: Floats
    """Of claims that are closed, face at default, M$."""
    recoveries: Floats
    """Of them, discounted to the default at the contract's rate, M$."""
    left: Floats
    """Face that is still owed at the end, M$."""
    repaid: Floats
    """Principal and recoveries, M$, with faces that are still owed by loans in good standing."""
    repaid_years: Floats
    """The same, times years since the making."""
    weights: Floats
    """Likelihood ratios of the priced measure, loan by loan."""
    squares: Floats
    """Their squares."""
    # discounted at the policy rate to the making of each loan, M$
    value: Floats
    """What was got, with live faces at par and without what open claims have brought, less what was drawn."""
    open_claims: Floats
    annuity: Floats
    """M$ yr."""
    at_spread: Floats
    """Interest above the base rate."""
    # the same four times the likelihood ratios
    priced_value: Floats
    priced_open_claims: Floats
    priced_annuity: Floats
    priced_at_spread: Floats


def likelihood_ratios(run: TapeRun, prices: Mapping[str, float]) -> Floats:
    """Of the priced over the physical measure, week by week: known with the week's shocks [week].

    prices    market price of risk of the common normals, 1/yr^0.5: what their expectation a year is lowered
              by under the priced measure (Girsanov)
    """
    log = np.zeros(run.setup.scenario.horizon_weeks)
    for name, normals in common_normals(run.setup, run.replicate).items():
        price = prices[name]
        log -= price * np.sqrt(WEEK) * np.cumsum(normals)
        log -= 0.5 * price**2 * WEEK * np.arange(1, len(log) + 1)
    ratios: Floats = np.exp(log)
    return ratios


def sums_of_run(run: TapeRun, made_before: int, prices: Mapping[str, float]) -> Floats:
    """The sums of a run over loans owed in the first week or made before week `made_before` [sum, group].

    A loan's likelihood ratio is that of the week in which it ended: later shocks do not matter to it.
    """
    tape = run.tape[(run.tape["week"] < made_before) & (run.tape["drawn"] > 0.0)]
    end = run.setup.scenario.horizon_weeks
    live = tape["status"] == LoanStatus.PERFORMING
    claims = (tape["status"] == LoanStatus.DEFAULTED) & (tape["left"] > 0.0)  # open: something is still owed
    closed = (tape["default_week"] >= 0) & ~claims
    last = np.where(tape["over_week"] >= 0, tape["over_week"], end - 1)
    ratios = likelihood_ratios(run, prices)[last]
    today = run.discount[0] * tape["growth"][:, 0]
    repaid = tape["principal"] + tape["recovered"]
    live_face = np.where(live, tape["left"], 0.0)
    value = tape["value"][:, 0] + live_face * today - np.where(claims, tape["recovered"] * today, 0.0)
    open_claims = np.where(claims, tape["claim"] * today, 0.0)
    at_spread = tape["interest_pv"] - tape["base_pv"]
    each = Sums(
        loans=np.ones(len(tape)),
        drawn=tape["drawn"],
        defaults=(tape["default_week"] >= 0).astype(np.float64),
        claims=np.where(closed, tape["claim"], 0.0),
        recoveries=np.where(closed, np.minimum(tape["recovered_pv"], tape["claim"]), 0.0),
        left=tape["left"],
        repaid=repaid + live_face,
        repaid_years=tape["principal_years"] + live_face * (end - tape["week"]) * WEEK,
        weights=ratios,
        squares=ratios**2,
        value=value,
        open_claims=open_claims,
        annuity=tape["annuity"],
        at_spread=at_spread,
        priced_value=ratios * value,
        priced_open_claims=ratios * open_claims,
        priced_annuity=ratios * tape["annuity"],
        priced_at_spread=ratios * at_spread,
    )
    group = GRADES * tape["instrument"].astype(np.intp) + tape["grade"]
    return np.array([np.bincount(group, weights=each_sum, minlength=GROUPS) for each_sum in each])
