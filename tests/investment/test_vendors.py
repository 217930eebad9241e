"""Orders with a loan of the vendor: who asks for it, how much it is, and what comes of it by delivery."""

import numpy as np
import pytest
from ordering import ARRIVAL, DEPOSIT, OFFER, PRICE, SLOT, arrived, drain, ordered, world
from worlds import NEW_GPU, World

from hashcredit.agents.dimensions import LenderStatus
from hashcredit.simulator.books.orders import release_commitments
from hashcredit.simulator.investment.plans import own_cash
from hashcredit.simulator.investment.vendors import vendor_loan_value, vendor_offer
from hashcredit.simulator.state.codes import EventKind, Flow, Sector

SHARE = 0.25
VENDOR = SHARE * PRICE
"""What the vendor lends, M$ a unit: less than what deposit and bank leave (.012)."""


def lending(cash: float = 0.2, share: float = SHARE, **numbers) -> World:
    return world(cash=cash, investment_vendor_loan=share, **numbers)


# The offer.


@pytest.mark.parametrize(
    ("offer", "prepaid", "lent"),
    [
        (0.0, 0.0, 0.010),  # its share
        (0.018, 0.0, 0.010),
        (0.025, 0.0, 0.005),  # what is lacking: .040 less a deposit of .010 and .025
        (0.018, 0.008, 0.004),  # a customer has paid some of it
        (0.030, 0.005, 0.0),
    ],
)
def test_the_vendor_lends_what_others_leave(offer: float, prepaid: float, lent: float) -> None:
    w = lending()
    machine = w.economy.machines[NEW_GPU]
    assert vendor_offer(w.p, machine, offer, prepaid) == pytest.approx(lent, abs=1e-15)
    own = own_cash(w.p, machine, offer, prepaid, lent)
    assert own == pytest.approx(max(PRICE + SLOT - offer - lent, DEPOSIT) - prepaid, rel=1e-12)


def test_worth_of_its_loan_by_hand() -> None:
    """Level payments of one over a year at 10.4 %, discounted at 20 %."""
    w = lending()
    annuity = (1 - np.exp(-0.2)) / 0.2
    falling = (annuity - np.exp(-0.2)) / 0.2  # of a balance: the integral of t exp(-k t)
    paid = annuity + 0.104 * (annuity - falling)
    gain = vendor_loan_value(w.economy, w.p, w.borrowers[0], 1.0)
    assert gain == pytest.approx(1.0 - paid, rel=1e-9)
    assert vendor_loan_value(w.economy, w.p, w.borrowers[0], 0.0) == 0.0


# The order.


@pytest.mark.parametrize(("share", "units"), [(0.0, 4), (SHARE, 7)])
def test_the_same_cash_orders_more(share: float, units: int) -> None:
    """.1 at .023 a machine, or at .013."""
    assert ordered(lending(share=share)) == units


@pytest.mark.parametrize(("share", "units"), [(0.0, 2), (SHARE, 3)])
def test_where_nobody_else_lends(share: float, units: int) -> None:
    """.1 at .041 a machine, or at .031."""
    w = lending(share=share, credit=[])
    assert ordered(w) == units
    assert w.economy.orders["holder"][0] == -1


def test_who_has_cash_asks_only_if_the_loan_is_cheap() -> None:
    """Slots allow eleven machines whoever lends; the loan costs 10.4 %."""
    for spread, asks in ((0.14, True), (0.0, False)):
        w = lending(cash=5.0)
        w.borrower(0, cost_of_capital=spread)
        w.open()
        assert ordered(w) == 11
        assert (w.economy.orders["vendor_offer"][0] > 0.0) == asks


def test_who_lacks_cash_asks_though_the_loan_is_dear() -> None:
    w = lending()
    w.borrower(0, cost_of_capital=0.0)
    w.open()
    assert ordered(w) == 7
    assert w.economy.orders["vendor_offer"][0] == pytest.approx(VENDOR, rel=1e-12)


def test_order_by_hand() -> None:
    w = lending()
    ordered(w)
    order, borrower = w.economy.orders[0], w.borrowers[0]
    assert order["vendor_offer"] == pytest.approx(VENDOR, rel=1e-12)
    assert order["commitment"] == w.lenders["committed"][0] == pytest.approx(7 * OFFER, rel=1e-12)
    assert borrower["cash"] == pytest.approx(0.2 - 7 * DEPOSIT, rel=1e-12)  # nothing is drawn yet
    assert borrower["vendor_debt"] == w.outcomes["vendor_loans_musd"] == 0.0
    own = PRICE + SLOT - DEPOSIT - OFFER - VENDOR
    assert borrower["reserved"] == pytest.approx(7 * own, rel=1e-12)
    w.assert_books_close()


def test_with_a_share_of_zero_the_other_terms_are_never_read() -> None:
    """Bit for bit the same economy whatever the vendor would have asked."""
    ends = []
    for rate, weeks in ((0.104, 52), (np.nan, -7)):
        w = lending(share=0.0, investment_vendor_rate=rate, investment_vendor_weeks=weeks)
        ordered(w)
        arrived(w)
        ends.append((w.borrowers.tobytes(), w.economy.orders.tobytes(), w.economy.flows.tobytes()))
    assert ends[0] == ends[1]


# The machines arrive.


def test_delivery_by_hand() -> None:
    w = lending()
    ordered(w)
    assert arrived(w) == 7
    borrower = w.borrowers[0]
    assert borrower["vendor_debt"] == pytest.approx(7 * VENDOR, rel=1e-12)
    assert borrower["vendor_weeks"] == 52.0
    assert w.loans["principal"][0] == pytest.approx(7 * OFFER, rel=1e-12)
    assert borrower["cash"] == pytest.approx(0.2 - 7 * (PRICE - OFFER - VENDOR) - 2 * SLOT, rel=1e-12)
    assert w.economy.orders["vendor_offer"][0] == 0.0
    flow = w.economy.flows[Flow.VENDOR_LOANS]
    assert flow[Sector.NEOCLOUDS] == -flow[Sector.REST_OF_WORLD] == pytest.approx(7 * VENDOR, rel=1e-12)
    assert w.outcomes["new_lending_musd"] == pytest.approx(7 * OFFER, rel=1e-12)
    assert w.outcomes["vendor_loans_musd"] == pytest.approx(7 * VENDOR, rel=1e-12)
    (event,) = w.events(EventKind.VENDOR_LOAN)
    assert (event["agent"], event["units"], event["machine"]) == (0, 7, NEW_GPU)
    assert event["amount"] == pytest.approx(7 * VENDOR, rel=1e-12)
    w.assert_books_close()


def test_a_borrower_that_can_take_only_some_borrows_for_these() -> None:
    """.005 a machine (.030 less .018, less .007 that the vendor lends): .021 takes four of its machines."""
    w = lending(share=0.175)
    units = ordered(w)
    drain(w, left=0.021)
    assert arrived(w) == 4 < units
    assert w.borrowers["vendor_debt"][0] == pytest.approx(4 * 0.007, rel=1e-12)
    w.assert_books_close()


def test_the_vendor_lends_no_more_where_the_lender_has_failed() -> None:
    """Its promise is one of an amount; the borrower pays what the bank would have lent."""
    w = lending(cash=1.0)
    units = ordered(w)
    w.lenders["status"][0] = LenderStatus.RECEIVERSHIP
    release_commitments(w.economy, 0)
    assert arrived(w) == units
    assert w.borrowers["vendor_debt"][0] == pytest.approx(units * VENDOR, rel=1e-12)
    assert w.borrowers["facilities"][0] == 0
    w.assert_books_close()


def test_nobody_lends_to_a_borrower_in_breach() -> None:
    w = lending(cash=1.0)
    w.loan(0, 0, 0.1)
    w.open()
    units = ordered(w)
    w.loans["weeks_under_dscr"][0] = 1
    assert arrived(w, ARRIVAL) == units
    assert w.borrowers["vendor_debt"][0] == 0.0
    w.assert_books_close()
