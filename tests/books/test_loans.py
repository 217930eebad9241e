"""One row of the loan table: its writer leaves nothing of what was there and adds the right clauses."""

import numpy as np
import pytest
from worlds import GPU, NEW_GPU, World

from hashcredit.agents.dimensions import (
    FACILITIES,
    INSTRUMENT_TERMS,
    Instrument,
    LoanStatus,
    MachineKind,
    Pledge,
)
from hashcredit.simulator.books.contracts import UNPLEDGED
from hashcredit.simulator.books.loans import (
    BLANK_LOAN,
    empty_row,
    empty_rows,
    free_units,
    pledge_machines,
    pledges_coins,
    repay,
    sellable_units,
    take_row,
    write_loan,
)

GRADE, RATE, MATURITY = 2, 0.07, 60


def world_with_old_row() -> World:
    """Two borrowers; the first row of the second one is repaid and holds a 7 in every field."""
    w = World(neoclouds=2, banks=2, credit_floor=0.02, credit_cure_weeks=3)
    for name in w.loans.dtype.names:
        w.loans[name][FACILITIES] = 7
    w.loans["status"][FACILITIES] = LoanStatus.REPAID
    return w


def differing(w: World, row: int) -> dict[str, float]:
    """The fields of a row that are not those of a blank one."""
    return {
        name: w.loans[name][row] for name in w.loans.dtype.names if w.loans[name][row] != BLANK_LOAN[name][0]
    }


def test_row_taken_forgets_what_was_there() -> None:
    w = world_with_old_row()
    take_row(w.economy, FACILITIES, Instrument.HIGH_YIELD, 1)
    assert differing(w, FACILITIES) == {
        "status": LoanStatus.PERFORMING,
        "instrument": Instrument.HIGH_YIELD,
        "obligor": 1,
        "holder": 1,
    }
    assert w.borrowers["facilities"].tolist() == [0, 1]


@pytest.mark.parametrize("instrument", Instrument)
def test_loan_has_the_clauses_of_its_instrument(instrument: Instrument) -> None:
    w = world_with_old_row()
    write_loan(w.economy, w.p, FACILITIES, instrument, 1, GRADE, RATE, MATURITY)
    terms = INSTRUMENT_TERMS[instrument]
    expected = {
        "status": LoanStatus.PERFORMING,
        "instrument": instrument,
        "rank": terms.rank,
        "amortising": terms.amortising,
        "fixed_rate": terms.fixed_rate,
        "customer_grade": GRADE,
        "obligor": 1,
        "holder": 1,
        "rate": RATE,
        "floor": 0.02,
        "maturity_week": MATURITY,
        "cure_weeks": 3,
        "recourse": 1,
        "cross_default": 1,
    }
    assert differing(w, FACILITIES) == {name: value for name, value in expected.items() if value != 0}
    assert pledges_coins(w.loans[FACILITIES]) == (terms.pledge == Pledge.COINS)


@pytest.mark.parametrize(("kind", "covenant"), [(MachineKind.GPU, 1.2), (MachineKind.ASIC, 0.0)])
def test_clauses_of_loans_against_machines(kind: MachineKind, covenant: float) -> None:
    w = World(neoclouds=1, banks=1, credit_dscr_covenant=1.2, credit_base_headroom=0.5)
    w.machine(NEW_GPU, kind=kind)
    w.lender(0, advance_rate=0.6)
    write_loan(w.economy, w.p, 0, Instrument.MACHINE_LOAN, 0, GRADE, RATE, MATURITY)
    pledge_machines(w.economy, w.p, 0, NEW_GPU, 9, 1, 0, 0)
    loan = w.loans[0]
    assert (loan["machine"], loan["units"], loan["advance_rate"]) == (NEW_GPU, 9, 0.3)
    assert (loan["borrowing_base"], loan["recourse"], loan["cross_default"]) == (1, 0, 0)
    assert (loan["dscr_covenant"], loan["cash_sweep"]) == (covenant, covenant > 0)


def test_machines_that_are_let_may_be_pledged_and_not_sold() -> None:
    # 100 owned, 60 pledged, 20 of these and 15 of the others let: 40 may be pledged, 25 sold.
    w = World(neoclouds=1, banks=1)
    w.borrower(0, units={GPU: 100, NEW_GPU: 9})
    w.loan(0, 0, 1.0, machine=GPU, units=60)
    w.contract(0, GPU, 20, loan=0)
    w.contract(0, GPU, 15)
    assert (free_units(w.economy, 0, GPU), sellable_units(w.economy, 0, GPU)) == (40, 25)
    assert (free_units(w.economy, 0, NEW_GPU), sellable_units(w.economy, 0, NEW_GPU)) == (9, 9)
    w.loans["units"][0] = 90  # five of the 15 are pledged by now
    assert (free_units(w.economy, 0, GPU), sellable_units(w.economy, 0, GPU)) == (10, 0)


def test_a_contract_outlives_the_loan_on_its_machines() -> None:
    w = World(neoclouds=1, banks=1)
    w.borrower(0, units={GPU: 100}, cash=2.0)
    w.loan(0, 0, 1.0, machine=GPU, units=100)
    w.loan(0, 0, 0.5, machine=NEW_GPU, units=0)
    w.contract(0, GPU, 30, loan=0)
    w.open()
    repay(w.economy, w.loans[0], w.borrowers[0], w.lenders[0], 1.0)
    assert (w.loans["status"][0], w.loans["units"][0]) == (LoanStatus.REPAID, 0)
    assert (w.contracts["units"][0], w.contracts["loan"][0]) == (30, UNPLEDGED)
    assert (empty_row(w.economy, 0), sellable_units(w.economy, 0, GPU)) == (0, 70)
    w.assert_books_close()


def test_rows_that_are_free() -> None:
    w = World(neoclouds=1, banks=1)
    assert (empty_row(w.economy, 0), empty_rows(w.economy, 0)) == (0, FACILITIES)
    for _ in range(FACILITIES):
        w.loan(0, 0, 1.0)
    assert (empty_row(w.economy, 0), empty_rows(w.economy, 0)) == (-1, 0)
    w.loans["status"][[2, 5]] = LoanStatus.REPAID, LoanStatus.RESOLVED
    w.loans["status"][3] = LoanStatus.DEFAULTED
    assert (empty_row(w.economy, 0), empty_rows(w.economy, 0)) == (2, 2)


def test_every_instrument_has_its_terms() -> None:
    assert list(INSTRUMENT_TERMS) == list(Instrument)
    assert np.all([0 <= terms.rank <= 1 for terms in INSTRUMENT_TERMS.values()])
