"""Failures that stop at a facility, and those that bring its borrower down: clauses, missed payments."""

import pytest
from worlds import ASIC, GPU, NEW_GPU, World

from hashcredit.agents.dimensions import BorrowerStatus, Cause, Channel, Instrument, LoanStatus
from hashcredit.simulator.books.loans import debts
from hashcredit.simulator.credit.covenants import accelerate, cross_defaults, enforce_covenants
from hashcredit.simulator.resolution.default import resolve_defaults
from hashcredit.simulator.state.codes import EventKind

FIRST, SECOND = 0, 1
"""Loan rows: the one in trouble, and another facility of the same borrower."""
BOND = {"instrument": Instrument.HIGH_YIELD, "machine": -1, "units": 0}


def two_facilities(first: dict, second: dict, cash: float = 0.1, **borrower) -> World:
    """Faces of 1.0 on 100 GPUs and of 0.5 on 20 newer ones, with recourse and without clauses."""
    w = World(neoclouds=1, banks=2)
    w.borrower(0, units={GPU: 100, NEW_GPU: 20}, cash=cash, **borrower)
    w.loan(0, 0, 1.0, **({"machine": GPU, "units": 100} | first))
    w.loan(0, 1, 0.5, **({"machine": NEW_GPU, "units": 20} | second))
    w.open()
    return w


def demand(w: World, row: int = FIRST) -> None:
    """Accelerate a loan for an event 3 in the market of machines."""
    accelerate(w.economy, w.p, row, int(Channel.MACHINE_PRICE), 3)
    w.assert_books_close()


def failing_for(w: World) -> tuple[int, int, int]:
    """Cause, channel and parent for which the borrower fails this week."""
    row = w.borrowers[0]
    return int(row["pending_cause"]), int(row["pending_channel"]), int(row["pending_parent"])


ALIVE = (Cause.NONE, Channel.NONE, -1)
VEHICLE, RECOURSE = {"recourse": 0}, {"recourse": 1}
CLAUSE = {"cross_default": 1}


@pytest.mark.parametrize(
    ("first", "second", "spreads"),
    [
        (RECOURSE, {}, False),
        (RECOURSE, CLAUSE, True),
        (RECOURSE | CLAUSE, {}, False),  # its own clause looks at others, not at itself
        (RECOURSE, VEHICLE | CLAUSE, False),  # a vehicle's clause takes nothing over
        (VEHICLE, CLAUSE, False),  # and a vehicle's default spreads nowhere
        (VEHICLE | CLAUSE, RECOURSE | CLAUSE, False),
        (RECOURSE, BOND, False),
        (RECOURSE, BOND | CLAUSE, True),
        (BOND, {}, True),  # nothing secures it: a demand for it is one on the whole borrower
        (BOND, VEHICLE, True),
        (RECOURSE, CLAUSE | {"status": LoanStatus.DEFAULTED, "units": 0}, False),  # failed before
    ],
)
def test_clauses_decide(first: dict, second: dict, spreads: bool) -> None:
    w = two_facilities(first, second)
    assert cross_defaults(w.economy, FIRST) == spreads
    demand(w)
    if spreads:
        assert failing_for(w) == (Cause.CROSS_DEFAULT, Channel.MACHINE_PRICE, 0)  # the acceleration
        assert w.loans["status"][FIRST] == LoanStatus.PERFORMING  # until the resolution phase
        assert w.events(EventKind.FACILITY_DEFAULT) == []
    else:
        assert failing_for(w) == ALIVE
        (default,) = w.events(EventKind.FACILITY_DEFAULT)
        assert (default["cause"], default["channel"], default["parent"]) == (
            Cause.ACCELERATION,
            Channel.MACHINE_PRICE,
            0,
        )
        assert w.loans["status"][FIRST] == LoanStatus.DEFAULTED
        assert w.loans["principal"][FIRST] == pytest.approx(1.1, rel=1e-12)  # removal of 100 machines
    assert w.loans["principal"][SECOND] == 0.5


def test_clause_of_a_repaid_loan_is_void() -> None:
    w = World(neoclouds=1, banks=1)
    w.borrower(0, units={GPU: 100, NEW_GPU: 20})
    w.loan(0, 0, 1.0, machine=GPU, units=100)
    w.loan(0, 0, 0.0, machine=NEW_GPU, units=20, cross_default=1)
    w.loan(0, 0, 0.0, status=LoanStatus.REPAID, cross_default=1)
    assert not cross_defaults(w.economy, FIRST)


def test_clause_of_another_borrower_is_its_own_affair() -> None:
    w = World(neoclouds=2, banks=1)
    w.borrower(0, units={GPU: 100})
    w.loan(0, 0, 1.0, machine=GPU, units=100)
    w.loan(1, 0, 1.0, instrument=Instrument.HIGH_YIELD, cross_default=1)
    assert not cross_defaults(w.economy, FIRST)


@pytest.mark.parametrize("first", [RECOURSE, VEHICLE])
def test_who_can_pay_loses_nothing(first: dict) -> None:
    # cash of 0.9 and two coins at 0.1 for a face of 1.0
    w = two_facilities(first, CLAUSE, cash=0.9, btc=2.0)
    demand(w)
    assert failing_for(w) == ALIVE
    assert w.loans["status"][FIRST] == LoanStatus.REPAID
    assert (w.borrowers["cash"][0], w.borrowers["btc"][0]) == pytest.approx((0.0, 1.0), abs=1e-12)
    assert w.borrowers["units"][0, GPU] == 100


def test_cross_default_brings_every_facility_down() -> None:
    w = two_facilities(RECOURSE, CLAUSE)
    demand(w)
    resolve_defaults(w.economy, w.p, 1, 0)
    assert w.borrowers["status"][0] == BorrowerStatus.IN_RESOLUTION
    assert w.outcomes["defaults_by_cause"][Cause.CROSS_DEFAULT] == 1
    (default,) = w.events(EventKind.DEFAULT)
    assert (default["cause"], default["channel"]) == (Cause.CROSS_DEFAULT, Channel.MACHINE_PRICE)
    assert default["amount"] == 1.5
    assert w.loans["status"][:2].tolist() == [LoanStatus.DEFAULTED] * 2
    assert w.outcomes["facility_defaults"] == 0
    w.assert_books_close()


# Missed payments. Grace is two weeks.


def behind(weeks: int, first: dict, second: dict, **borrower) -> World:
    """Payments of 0.1 on the first loan, missed for so many weeks, and the covenants."""
    w = two_facilities({"overdue": 0.1, "weeks_overdue": weeks} | first, second, cash=0.5, **borrower)
    enforce_covenants(w.economy, w.p)
    w.assert_books_close()
    return w


def test_grace_of_a_vehicle() -> None:
    w = behind(2, VEHICLE, CLAUSE)
    assert w.loans["status"][FIRST] == LoanStatus.PERFORMING
    assert failing_for(w) == ALIVE


def test_a_vehicle_that_misses_payments_fails_alone() -> None:
    w = behind(3, VEHICLE, CLAUSE)
    assert failing_for(w) == ALIVE
    (default,) = w.events(EventKind.FACILITY_DEFAULT)
    assert (default["cause"], default["channel"], default["parent"]) == (
        Cause.ILLIQUIDITY,
        Channel.RENT,
        -1,
    )
    assert w.loans["status"][:2].tolist() == [LoanStatus.DEFAULTED, LoanStatus.PERFORMING]
    # nothing else is missed: no distress is left, and nothing on sale
    assert (w.borrowers["selling"][0], w.borrowers["offered"][0].sum()) == (0, 0)


def test_a_loan_with_recourse_that_misses_payments_fails_with_its_borrower() -> None:
    # Assets of 0.5 + 2.0 + 0.72 cover debts of 1.5: it has no cash, but worth.
    w = behind(3, RECOURSE, {})
    assert failing_for(w) == (Cause.ILLIQUIDITY, Channel.RENT, -1)
    assert w.events(EventKind.FACILITY_DEFAULT) == []


def test_a_vehicle_is_given_up_before_its_owner_is_judged() -> None:
    """Both miss payments. The vehicle goes first, with its debt of 1.0 and its machines.

    What is left is judged without either: cash of 0.5 and 20 machines at 0.036 against 0.5, or against 1.23.
    """
    late = {"overdue": 0.1, "weeks_overdue": 3}
    w = behind(3, VEHICLE, late)
    assert w.loans["status"][FIRST] == LoanStatus.DEFAULTED
    assert debts(w.economy, 0) == pytest.approx(0.5, rel=1e-12)
    assert failing_for(w)[0] == Cause.ILLIQUIDITY
    w = behind(3, VEHICLE, late, payables=0.73)
    assert failing_for(w)[0] == Cause.INSOLVENCY
    w = behind(3, VEHICLE, late, payables=0.71)
    assert failing_for(w)[0] == Cause.ILLIQUIDITY


def test_debts_of_a_failed_facility_with_recourse_still_count() -> None:
    w = two_facilities(RECOURSE, {})
    demand(w)
    assert debts(w.economy, 0) == pytest.approx(1.1 + 0.5, rel=1e-12)
    w = two_facilities(VEHICLE, {})
    assert debts(w.economy, 0) == pytest.approx(1.5, rel=1e-12)  # owed as long as it lives
    demand(w)
    assert debts(w.economy, 0) == pytest.approx(0.5, rel=1e-12)


def test_asics_cost_less_to_remove() -> None:
    w = World(miners=1, banks=1)
    w.borrower(0, units={ASIC: 100})
    w.loan(0, 0, 1.0, machine=ASIC, units=100, recourse=0)
    w.open()
    demand(w)
    assert w.loans["principal"][FIRST] == pytest.approx(1.0 + 100 * 0.0002, rel=1e-12)
    resolve_defaults(w.economy, w.p, 1, 0)
    assert w.loans["principal"][FIRST] == pytest.approx(1.02 + 100 * 0.00001, rel=1e-12)
    w.assert_books_close()
