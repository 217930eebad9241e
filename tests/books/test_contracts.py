"""Customers' contracts: rows, how they begin and end, and what becomes of them when machines leave."""

import pytest
from worlds import ASIC, GPU, NEW_GPU, World

from hashcredit.agents.dimensions import CONTRACTS, Cause, Channel, LoanStatus
from hashcredit.simulator.books.contracts import (
    UNPLEDGED,
    close_contract,
    contracts_of,
    end_contracts_on,
    free_contract,
    free_contracts,
    keep_what_fits,
    let_free_units,
    let_units,
    let_units_on,
    sign_contract,
)
from hashcredit.simulator.credit.claims import default_facility
from hashcredit.simulator.credit.covenants import check_borrowing_base
from hashcredit.simulator.state.codes import EventKind, Sector

FIRST = CONTRACTS
"""First row of the second borrower."""


def world() -> World:
    """The second of two neo-clouds has 100 GPUs, 60 of them pledged, and 20 newer ones."""
    w = World(neoclouds=2, banks=1)
    w.clock["week"] = 5
    w.borrower(1, units={GPU: 100, NEW_GPU: 20})
    w.loan(1, 0, 1.0, machine=GPU, units=60)
    w.open()
    return w


def test_a_contract_that_is_signed() -> None:
    w = world()
    loan = int((w.loans["principal"] > 0).argmax())
    sign_contract(w.economy, FIRST, GPU, 30, loan, 2, 0.013, 26, 1.5)
    row = w.contracts[FIRST]
    assert (row["machine"], row["units"], row["loan"], row["customer_grade"]) == (GPU, 30, loan, 2)
    assert (row["start_week"], row["end_week"], row["rent"], row["hazard_left"]) == (5, 31, 0.013, 1.5)
    (event,) = w.events(EventKind.CONTRACT)
    assert (event["agent_kind"], event["agent"]) == (Sector.NEOCLOUDS, 1)
    assert (event["counterparty_kind"], event["units"]) == (Sector.REST_OF_WORLD, 30)
    assert event["price"] == 0.013
    assert event["amount"] == pytest.approx(30 * 0.013 / 2, rel=1e-12)
    w.assert_books_close()


def test_rows_in_use_and_free_ones() -> None:
    w = world()
    assert contracts_of(w.economy, 1) == (FIRST, FIRST)
    assert (free_contract(w.economy, 1), free_contracts(w.economy, 1)) == (FIRST, CONTRACTS)
    for _ in range(CONTRACTS):
        w.contract(1, GPU, 1)
    assert contracts_of(w.economy, 1) == (FIRST, FIRST + CONTRACTS)
    assert (free_contract(w.economy, 1), free_contracts(w.economy, 1)) == (-1, 0)
    close_contract(w.economy, FIRST + 3)
    assert contracts_of(w.economy, 1) == (FIRST, FIRST + CONTRACTS)
    assert (free_contract(w.economy, 1), free_contracts(w.economy, 1)) == (FIRST + 3, 1)
    for row in range(FIRST + 4, FIRST + CONTRACTS):
        close_contract(w.economy, row)
    assert contracts_of(w.economy, 1) == (FIRST, FIRST + 3)  # the free row 3 is behind the last in use
    assert w.borrowers["contracts"][0] == 0
    w.assert_books_close()


def test_machines_let_are_counted_by_type_and_by_loan() -> None:
    w = world()
    loan = int((w.loans["principal"] > 0).argmax())
    w.contract(1, GPU, 30, loan=loan)
    w.contract(1, GPU, 10, loan=loan)
    w.contract(1, GPU, 7)
    w.contract(1, NEW_GPU, 4)
    assert [let_units(w.economy, 1, m) for m in (GPU, NEW_GPU, ASIC)] == [47, 4, 0]
    assert [let_free_units(w.economy, 1, m) for m in (GPU, NEW_GPU, ASIC)] == [7, 4, 0]
    assert let_units_on(w.economy, 1, loan) == 40
    w.assert_books_close()
    end_contracts_on(w.economy, 1, loan)
    assert [let_units(w.economy, 1, m) for m in (GPU, NEW_GPU)] == [7, 4]


@pytest.mark.parametrize(("left", "kept"), [(60, [30, 12, 18]), (59, [30, 12, 17]), (40, [30, 10, 0])])
def test_contracts_without_machines_shrink_the_last_first(left: int, kept: list[int]) -> None:
    w = world()
    loan = int((w.loans["principal"] > 0).argmax())
    w.contract(1, GPU, 30, loan=loan)  # its machines are not the ones that have left
    w.contract(1, GPU, 12)
    w.contract(1, NEW_GPU, 20)
    w.contract(1, GPU, 18)
    w.borrowers["units"][1, GPU] = left
    keep_what_fits(w.economy, 1, GPU)
    assert w.contracts["units"][[FIRST, FIRST + 1, FIRST + 3]].tolist() == kept
    assert w.contracts["units"][FIRST + 2] == 20


def test_machines_let_before_they_are_pledged_go_last_when_they_are_taken() -> None:
    """60 of 100 are pledged, 40 let without a loan; the base then takes 25 of those as well.

    The vehicle's holder takes 85, so 15 are left for the customer of 40.
    """
    w = World(neoclouds=1, banks=1, credit_hand_back=0)
    w.borrower(0, units={GPU: 100})
    # 60 at 0.5 * 0.020 carry 0.60: 25 more carry 0.85
    w.loan(0, 0, 0.85, machine=GPU, units=60, borrowing_base=1, advance_rate=0.5, recourse=0)
    w.contract(0, GPU, 40)
    w.lender(0, cash=1.0)
    w.open()
    check_borrowing_base(w.economy, w.p, w.loans[0], 0)
    assert w.loans["units"][0] == 85
    w.assert_books_close()
    default_facility(w.economy, w.p, 0, int(Cause.ACCELERATION), int(Channel.RENT), -1)
    assert (w.loans["status"][0], w.loans["seized"][0]) == (LoanStatus.DEFAULTED, 85)
    assert (w.contracts["units"][0], w.contracts["loan"][0]) == (15, UNPLEDGED)
    w.assert_books_close()
