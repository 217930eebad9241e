"""Runs whose results are worked out a second time: their scenarios, they themselves, their closed claims."""

import functools
from typing import NamedTuple

import numpy as np
import pytest

from hashcredit.agents.dimensions import BorrowerStatus, LoanStatus
from hashcredit.agents.views import Lender
from hashcredit.simulator import MarketModel, Scenario, simulate

BASELINE = Scenario.load()
KINDS = ("miners", "neoclouds")
DUMP = {"shocks.forced_default": {"week": 8, "machine": "H100", "units": 30_000}}
STRESS = {
    "compute.demand_growth": 0.0,
    "credit.marked_share": 1.0,
    "credit.enforcement": "always",
    "funding.rule": "path",
    "funding.tightness": [(0, 0.2), (20, 1.0)],
    "lenders.bank.equity_ratio": 0.07,
}
NO_BONDS = {f"{kind}.bond_probability": 0.0 for kind in KINDS}
FACILITIES = {
    **NO_BONDS,
    "miners.btc_loan_probability": 0.0,
    "credit.marked_share": 1.0,
    "credit.enforcement": "always",
    "credit.recourse_share": 1.0,
    "credit.cross_default_share": 0.0,
    "credit.cure_weeks": 1,
    "credit.grace_weeks": 26,
    "shocks.rent_path": [(0, 2.35), (20, 1.0)],
    "horizon_weeks": 100,
}
"""Rents collapse, and no clause binds one facility of a borrower to another: deficiencies fall due alone."""

CASES = {
    "baseline": {},
    "auction": DUMP,
    "deep": {**DUMP, "secondary_market.rule": "deep"},
    "impact": {**DUMP, "secondary_market.rule": "impact", "horizon_weeks": 60},
    "stress": {**DUMP, **STRESS},
    "facilities": {**DUMP, **FACILITIES},
    "no defaults": {"horizon_weeks": 3},
}

ALONE = ("facility_default", "hand_back")
"""Kinds of events in which a facility fails and its borrower lives on."""

ROUNDING = 1e-9
"""Relative: sums of up to 1e5 float64 numbers, added up in another order."""


def run_of(case):
    return simulate(BASELINE.with_changes(CASES[case]), seed=2, replicate=4)


def events(run, kind):
    return run.events[run.events["kind"] == kind]


def sum_is(value, wanted):
    assert value == pytest.approx(wanted, rel=ROUNDING, abs=1e-9)


class Closed(NamedTuple):
    """A claim as it was when it was closed."""

    row: int
    claim: float
    recovery: float
    loss: float  # 0 if unknown: that of a failed borrower's claim


@functools.cache
def closed_claims(case):
    """Every claim that a run closes, watched as it happens: its row may be used again in the same week."""
    open_before, closed = {}, []

    class Watching(Lender):
        def before_resolution(self):
            if self.row == 0:
                loans, borrowers = self.model.economy.loans, self.model.economy.borrowers
                living = borrowers["status"][loans["obligor"]] == BorrowerStatus.ALIVE
                owed = np.where(living & (loans["recourse"] == 0), loans["principal"], 0.0)
                rows = np.flatnonzero(loans["status"] != LoanStatus.RESOLVED)
                open_before.clear()
                open_before.update(zip(rows.tolist(), owed[rows].tolist(), strict=True))

        def after_resolution(self):
            if self.row == 0:
                loans = self.model.economy.loans
                for row in np.flatnonzero(loans["status"] == LoanStatus.RESOLVED).tolist():
                    if row in open_before:
                        claim, recovered = float(loans["claim"][row]), float(loans["recovered_pv"][row])
                        closed.append(Closed(row, claim, min(claim, recovered), open_before[row]))

    scenario = BASELINE.with_changes(CASES[case])
    MarketModel(scenario, rng=2, replicate=4, agent_classes=Watching).run()
    return closed
