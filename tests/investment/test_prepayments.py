"""What customers pay in advance for machines on order, what that costs, and what comes of it by delivery."""

import math

import pytest
from ordering import ARRIVAL, DEPOSIT, PRICE, SLOT, arrived, drain, ordered, world
from worlds import NEW_GPU, World

from hashcredit.agents.dimensions import Cause
from hashcredit.simulator.investment.plans import own_cash
from hashcredit.simulator.investment.prepayments import prepayment, rent_in_advance, years_of_rent
from hashcredit.simulator.resolution.default import resolve_defaults
from hashcredit.simulator.state.codes import EventKind, Flow, Sector

GRADE = 2
SHARE = 0.25
ADVANCE = SHARE * PRICE
"""What the customer pays with the order, M$ a unit."""
LOAN = 0.020
"""Half of the price."""
RENT = 0.030 * (1 - math.exp(-0.1)) / 0.1
"""Without a prepayment: the mean of a year in which rents fall by 10 %."""
YEARS = math.exp(-0.10 / 4) * (1 - math.exp(-0.10)) / 0.10
"""One a year for a year from a quarter on, at 4 + 6 %."""


def with_customers(share: float = SHARE, cash: float = 0.2, **numbers) -> World:
    """Customers of the third grade look for 20 newer GPUs, are found at once and pay a share in advance."""
    shares = tuple(share * (grade == GRADE) for grade in range(4))
    w = world(cash=cash, investment_search_weeks=1e-3, investment_prepayment=shares, **numbers)
    w.machine(NEW_GPU, full_rent=0.030)
    w.market["term_pool"] = (0.0, 0.0, 40.0, 0.0)
    return w


# The price of it.


def test_the_customer_earns_what_a_lender_would() -> None:
    w = with_customers()
    assert years_of_rent(w.economy, w.p, NEW_GPU, GRADE) == pytest.approx(YEARS, rel=1e-12)
    paid = prepayment(w.economy, w.p, NEW_GPU, GRADE, RENT)
    assert paid == pytest.approx(ADVANCE, rel=1e-12)
    rent = rent_in_advance(w.economy, w.p, NEW_GPU, GRADE, RENT, paid)
    assert rent < RENT
    assert paid + (rent - paid / 1.0) * YEARS == pytest.approx(RENT * YEARS, rel=1e-12)


def test_grades_that_pay_nothing_in_advance_pay_the_whole_rent() -> None:
    w = with_customers()
    assert prepayment(w.economy, w.p, NEW_GPU, GRADE + 1, RENT) == 0.0
    assert rent_in_advance(w.economy, w.p, NEW_GPU, GRADE + 1, RENT, 0.0) == RENT


def test_nobody_pays_more_in_advance_than_all_rents_are_worth() -> None:
    w = with_customers(share=1.0)
    paid = prepayment(w.economy, w.p, NEW_GPU, GRADE, RENT)
    assert paid == pytest.approx(RENT * YEARS, rel=1e-12)
    assert paid < PRICE
    rent = rent_in_advance(w.economy, w.p, NEW_GPU, GRADE, RENT, paid)
    assert rent == pytest.approx(paid, rel=1e-12)  # all of the year's rent is paid already


def test_own_cash_is_less_by_what_the_customer_pays() -> None:
    w = with_customers()
    own = own_cash(w.p, w.economy.machines[NEW_GPU], LOAN, ADVANCE, 0.0)
    assert own == pytest.approx(PRICE + SLOT - LOAN - ADVANCE, rel=1e-12)


# The order.


@pytest.mark.parametrize(("share", "units"), [(0.0, 4), (SHARE, 9)])
def test_the_same_cash_orders_more(share: float, units: int) -> None:
    """.1 at .021 a machine, or at .011."""
    assert ordered(with_customers(share)) == units


def test_order_by_hand() -> None:
    w = with_customers()
    ordered(w)
    order, borrower = w.economy.orders[0], w.borrowers[0]
    assert order["rent"] == pytest.approx(RENT - ADVANCE * (1 / YEARS - 1), rel=1e-12)
    assert order["prepaid"] == borrower["prepaid"] == pytest.approx(9 * ADVANCE, rel=1e-12)
    assert borrower["cash"] == pytest.approx(0.2 + 9 * (ADVANCE - DEPOSIT), rel=1e-12)
    assert order["commitment"] == pytest.approx(9 * LOAN, rel=1e-12)
    assert borrower["reserved"] == pytest.approx(9 * (PRICE + SLOT - DEPOSIT - LOAN), rel=1e-12)
    assert borrower["income"] == 0.0
    flow = w.economy.flows[Flow.CUSTOMER_PREPAYMENTS]
    assert flow[Sector.NEOCLOUDS] == -flow[Sector.REST_OF_WORLD] == pytest.approx(9 * ADVANCE, rel=1e-12)
    assert w.outcomes["prepayments_musd"] == pytest.approx(9 * ADVANCE, rel=1e-12)
    w.assert_books_close()


def test_a_prepayment_is_worth_more_to_the_owners_than_it_costs_them() -> None:
    """They discount at 20 %, the customer at 10 %: an order that is not worth it otherwise becomes so."""
    threshold = None
    for value in (0.0400 + 0.0001 * step for step in range(100)):
        w = with_customers(0.0)
        w.value(NEW_GPU, value)
        if ordered(w) > 0:
            threshold = value
            break
    assert threshold is not None
    w = with_customers()
    w.value(NEW_GPU, threshold - 0.0001)
    assert ordered(w) > 0
    assert w.economy.orders["prepaid"][0] > 0.0


# The machines arrive, or do not.


def test_the_contract_takes_the_balance_over() -> None:
    w = with_customers()
    ordered(w)
    assert arrived(w) == 9
    assert (w.economy.orders["prepaid"] == 0.0).all()
    contract, borrower = w.contracts[0], w.borrowers[0]
    assert contract["prepaid"] == borrower["prepaid"] == pytest.approx(9 * ADVANCE, rel=1e-12)
    assert borrower["cash"] == pytest.approx(0.2 + 9 * (ADVANCE + LOAN - PRICE) - 4 * SLOT, rel=1e-12)
    assert w.loans["principal"][0] == pytest.approx(9 * LOAN, rel=1e-12)
    w.assert_books_close()


def test_what_was_paid_for_machines_that_are_cancelled_is_due() -> None:
    """.052 at .010 a machine takes five of nine into free slots; the customer is owed the other four."""
    w = with_customers()
    ordered(w)
    drain(w, left=0.052)
    assert arrived(w) == 5
    assert w.contracts["prepaid"][0] == pytest.approx(5 * ADVANCE, rel=1e-12)
    assert w.borrowers["prepaid"][0] == pytest.approx(5 * ADVANCE, rel=1e-12)
    assert w.borrowers["payables"][0] == pytest.approx(4 * ADVANCE, rel=1e-12)
    assert w.borrowers["income"][0] == pytest.approx(-0.2 - 9 * (ADVANCE - DEPOSIT) + 0.052 - 4 * DEPOSIT)
    w.assert_books_close()


def test_without_a_free_row_the_balance_is_due() -> None:
    w = with_customers()
    ordered(w)
    first = int(w.borrowers["contracts"][0])
    for _ in range(first, 24):
        w.contract(0, 0, 1)
    assert arrived(w) == 9
    assert w.borrowers["prepaid"][0] == pytest.approx(0.0, abs=1e-17)
    assert w.borrowers["payables"][0] == pytest.approx(9 * ADVANCE, rel=1e-12)
    w.assert_books_close()


def test_orders_of_a_borrower_that_fails_leave_a_claim() -> None:
    w = with_customers()
    ordered(w)
    w.clock["week"] = ARRIVAL - 1
    w.borrowers[0]["pending_cause"] = Cause.ILLIQUIDITY
    resolve_defaults(w.economy, w.p, 1, 0)
    (event,) = w.events(EventKind.ORDER_CANCELLED)
    assert event["amount"] == pytest.approx(9 * DEPOSIT, rel=1e-12)
    assert (w.economy.orders["prepaid"] == 0.0).all()
    assert w.borrowers["prepaid"][0] == pytest.approx(9 * ADVANCE, rel=1e-12)
    assert w.borrowers["payables"][0] == 0.0
    w.assert_books_close()
