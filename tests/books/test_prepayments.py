"""Customers' balances: served week by week, lost with the customer, due if the borrower ends the service."""

import pytest
from worlds import GPU, World

from hashcredit.agents.dimensions import Cause, Channel, LoanStatus
from hashcredit.simulator.books.contracts import keep_what_fits
from hashcredit.simulator.books.prepayments import prepaid_rent
from hashcredit.simulator.credit.cash_flow import operate
from hashcredit.simulator.credit.claims import default_facility
from hashcredit.simulator.errors import SimulationError
from hashcredit.simulator.state.codes import Flow, Revaluation, Sector

WEEKS = 4
RENT = 0.052
"""M$ a unit and year: .01 a week for ten machines."""
PREPAID = 0.02


def world(prepaid: float = PREPAID, rent: float = RENT, **contract: float) -> World:
    """A neo-cloud has let ten of 100 GPUs for four more weeks; half of the rent of these is paid already."""
    w = World(neoclouds=1, banks=1)
    w.clock["week"] = 5
    w.borrower(0, units={GPU: 100}, cash=1.0)
    w.contract(0, GPU, 10, rent=rent, prepaid=prepaid, **({"end_week": 5 + WEEKS} | contract))
    w.open()
    return w


def weeks(w: World, count: int) -> None:
    for _ in range(count):
        operate(w.economy, w.p)
        w.assert_books_close()
        w.clock["week"] += 1


def test_a_balance_falls_level_to_nothing() -> None:
    w = world()
    for left in (0.015, 0.010, 0.005):
        weeks(w, 1)
        assert w.contracts["prepaid"][0] == pytest.approx(left, rel=1e-12)
        assert w.borrowers["prepaid"][0] == pytest.approx(left, rel=1e-12)
    weeks(w, 1)
    assert w.contracts["prepaid"][0] == 0.0
    assert w.borrowers["prepaid"][0] == pytest.approx(0.0, abs=1e-17)


def test_rent_is_billed_in_full_and_paid_less_what_was_prepaid() -> None:
    w, without = world(), world(prepaid=0.0)
    for each in (w, without):
        weeks(each, 2)
    used = PREPAID / 2
    assert w.borrowers["cash"][0] == pytest.approx(without.borrowers["cash"][0] - used, rel=1e-12)
    assert w.borrowers["income"][0] == without.borrowers["income"][0]
    assert (w.economy.flows[Flow.COMPUTE_RENT] == without.economy.flows[Flow.COMPUTE_RENT]).all()
    assert w.economy.flows[Flow.CUSTOMER_PREPAYMENTS, Sector.REST_OF_WORLD] == pytest.approx(used, rel=1e-12)
    # what pays debts is cash
    assert w.borrowers["cfads_window"][0] == pytest.approx(
        without.borrowers["cfads_window"][0] - used, rel=1e-12
    )


def test_no_more_is_set_off_in_a_week_than_the_rent() -> None:
    w = world(prepaid=0.06)  # .015 a week, of which .010 is owed
    assert prepaid_rent(w.economy, w.contracts[0]) == pytest.approx(0.015 * 52, rel=1e-12)
    weeks(w, 1)
    assert w.contracts["prepaid"][0] == pytest.approx(0.05, rel=1e-12)


def test_a_customer_that_fails_leaves_its_balance() -> None:
    w, without = world(hazard_left=1e-9), world(prepaid=0.0, hazard_left=1e-9)
    for each in (w, without):
        each.p["credit_offtaker_hazard"] = 0.1
        weeks(each, 1)
        each.p["credit_offtaker_hazard"] = 0.0
    assert (w.contracts["units"][0], w.contracts["prepaid"][0], w.borrowers["prepaid"][0]) == (0, 0.0, 0.0)
    gain = w.borrowers["income"][0] - without.borrowers["income"][0]
    assert gain == pytest.approx(PREPAID, rel=1e-12)
    lost = w.economy.revaluations[Revaluation.CUSTOMER_PREPAYMENTS]
    assert lost[Sector.REST_OF_WORLD] == -PREPAID
    assert w.borrowers["cash"][0] == without.borrowers["cash"][0]
    assert w.borrowers["payables"][0] == 0.0


def test_machines_that_leave_take_their_part_of_the_balance_due() -> None:
    w = world()
    w.economy.borrowers["units"][0, GPU] = 4
    keep_what_fits(w.economy, 0, GPU)
    assert w.contracts["units"][0] == 4
    assert w.contracts["prepaid"][0] == pytest.approx(0.4 * PREPAID, rel=1e-12)
    assert w.borrowers["prepaid"][0] == w.contracts["prepaid"][0]
    assert w.borrowers["payables"][0] == pytest.approx(0.6 * PREPAID, rel=1e-12)
    assert w.borrowers["income"][0] == 0.0  # one debt for another


def test_the_balance_is_due_when_the_machines_are_seized_and_their_owner_lives() -> None:
    w = World(neoclouds=1, banks=1)
    w.borrower(0, units={GPU: 100}, cash=1.0)
    loan = w.loan(0, 0, 0.5, machine=GPU, units=60)
    w.contract(0, GPU, 30, loan=loan, rent=RENT, prepaid=PREPAID)
    w.contract(0, GPU, 20, rent=RENT, prepaid=PREPAID)
    w.lender(0, cash=1.0)
    w.open()
    default_facility(w.economy, w.p, loan, int(Cause.ACCELERATION), int(Channel.RENT), -1)
    assert w.loans["status"][loan] == LoanStatus.DEFAULTED
    assert w.contracts["prepaid"][:2].tolist() == [0.0, PREPAID]
    assert w.borrowers["payables"][0] == pytest.approx(PREPAID, rel=1e-12)
    w.assert_books_close()
    operate(w.economy, w.p)
    assert w.borrowers["payables"][0] == 0.0  # paid, as it has the cash
    w.assert_books_close()


@pytest.mark.parametrize("place", ["contract", "free row", "borrower"])
def test_a_balance_that_nobody_owes_is_found(place: str) -> None:
    w = world()
    if place == "borrower":
        w.borrowers["prepaid"][0] += 1e-6
    else:
        w.contracts["prepaid"][int(place == "free row")] += 1e-6
    with pytest.raises(SimulationError, match="prepaid"):
        w.assert_books_close()
