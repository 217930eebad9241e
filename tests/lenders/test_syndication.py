"""Loans promised in order to be sold: what a promise takes, who takes the loan, and what hangs."""

import pytest
from ordering import OFFER, arrived, ordered, world
from worlds import World

from hashcredit.agents.dimensions import Cause, LenderStatus
from hashcredit.simulator.books.ledger import lender_equity
from hashcredit.simulator.books.orders import release_commitments
from hashcredit.simulator.lenders.funding import capacity_of
from hashcredit.simulator.lenders.syndication import means_to_sell, offer_hung_loans, roomiest_lender
from hashcredit.simulator.lenders.underwriting import ask_lenders
from hashcredit.simulator.state.codes import EventKind, Flow

LOAN = 6 * OFFER
"""Of six machines, .108."""
ROOM = 0.15
"""What the first bank can lend: it holds no loans, its target is 1, so that is its equity."""


def banks(share: float = 1.0, second: float = 0.2, credit: list | None = None, **numbers) -> World:
    """The world of `ordering`, and a second bank; the first one promises, as both offer the same.

    `share` of its promises are meant for the second, whose room is `second` (M$).
    """
    terms = {"banks": 2, "lenders_syndication": (share, 0.0, 0.0), "lenders_payout": (0.0, 0.0, 0.0)}
    w = world(credit=credit, **(terms | numbers))
    w.lender(0, cash=ROOM, capital_target=1.0)
    w.lender(1, cash=second, capital_target=1.0)
    w.open()
    return w


def twins(share: float) -> World:
    """Two such borrowers that plan in the same week and know the first bank only; they may not grow."""
    w = banks(share, neoclouds=2, credit=[(0, 0), (1, 0)], investment_decision_weeks=1)
    w.borrowers[1] = w.borrowers[0].copy()
    w.p["investment_growth_cap"] = 0.0
    w.open()
    return w


def room(w: World, index: int) -> float:
    return float(capacity_of(w.economy, w.p, w.lenders[index]))


def supply(w: World, index: int, amount: float) -> None:
    """Owners pay in (M$)."""
    for row, sign in ((w.lenders[index], 1.0), (w.economy.world[0], -1.0)):
        row["cash"] += sign * amount
        w.economy.flows[Flow.EQUITY_INJECTIONS, row["sector"]] += sign * amount
    w.lenders[index]["issuance"] += amount


# The promise.


@pytest.mark.parametrize(("share", "taken"), [(0.0, LOAN), (1.0, 0.0)])
def test_what_a_promise_takes(share: float, taken: float) -> None:
    w = banks(share)
    assert ordered(w) == 6
    order = w.economy.orders[0]
    assert order["holder"] == 0
    assert order["syndicated"] == share
    assert order["commitment"] == pytest.approx(LOAN, rel=1e-12)
    assert w.lenders["committed"][0] == pytest.approx(taken, abs=1e-15)
    assert room(w, 0) == pytest.approx(ROOM - taken, rel=1e-12)
    w.assert_books_close()


@pytest.mark.parametrize(("share", "promised"), [(0.0, 8), (1.0, 10)])
def test_who_keeps_no_capital_promises_more(share: float, promised: int) -> None:
    """Two borrowers fill five slots each, at .018 a machine; .15 is room for eight."""
    w = twins(share)
    ordered(w)
    orders = w.economy.orders
    lent = orders["units"][(orders["units"] > 0) & (orders["holder"] == 0)].sum()
    assert lent == promised
    w.assert_books_close()


def test_a_promise_takes_room_for_all_of_it_when_it_is_made() -> None:
    w = banks(1.0, second=0.0)
    w.lender(0, cash=0.05)
    w.open()
    assert ordered(w) == 2  # .05 over .018
    assert w.economy.orders["holder"][0] == 0


def test_who_means_to_sell() -> None:
    w = banks(0.3)
    assert means_to_sell(w.economy, w.p, 0, 0.29)
    assert not means_to_sell(w.economy, w.p, 0, 0.31)
    assert not means_to_sell(w.economy, w.p, -1, 0.0)
    w.p["lenders_syndication"] = (0.0, 1.0, 1.0)  # it is a bank
    assert not means_to_sell(w.economy, w.p, 0, 0.0)


def test_the_failure_of_a_lender_takes_back_what_it_kept_free_and_no_more() -> None:
    w = banks(1.0)
    ordered(w)
    w.lenders["committed"][0] = 0.0
    release_commitments(w.economy, 0)
    assert w.lenders["committed"][0] == 0.0
    order = w.economy.orders[0]
    assert (order["holder"], order["syndicated"], order["commitment"]) == (-1, 0, 0.0)
    w.assert_books_close()


# The draw.


def test_another_lender_takes_the_loan_at_face() -> None:
    w = banks()
    ordered(w)
    assert arrived(w) == 6
    loan = w.loans[0]
    assert (loan["holder"], loan["hung"]) == (1, 0)
    assert w.lenders["loans"][:, 0] == pytest.approx([0.0, LOAN], rel=1e-12)
    assert w.lenders["cash"] == pytest.approx([ROOM, 0.2 - LOAN], rel=1e-12)
    assert w.lenders["income"].tolist() == [0.0, 0.0]
    assert room(w, 0) == pytest.approx(ROOM, rel=1e-12)
    assert w.outcomes["loans_sold_musd"] == pytest.approx(LOAN, rel=1e-12)
    assert w.outcomes["hung_musd"] == w.lenders["hung"][0] == 0.0
    (sale,) = w.events(EventKind.LOAN_SALE)
    assert (sale["agent"], sale["counterparty"]) == (0, 1)
    assert sale["amount"] == sale["price"] == pytest.approx(LOAN, rel=1e-12)
    w.assert_books_close()


def test_a_loan_that_is_not_meant_for_others_stays() -> None:
    w = banks(0.0)
    ordered(w)
    assert arrived(w) == 6
    assert w.loans["holder"][0] == 0
    assert w.outcomes["loans_sold_musd"] == w.outcomes["hung_musd"] == 0.0
    assert w.events(EventKind.SYNDICATION_REFUSED) == []


@pytest.mark.parametrize(
    ("second", "credit"),
    [(0.1, None), (0.2, [(0, 0)])],
    ids=["no room", "does not know the borrower"],
)
def test_what_nobody_takes_hangs_and_takes_capital(second: float, credit: list | None) -> None:
    w = banks(second=second, credit=credit)
    ordered(w)
    assert arrived(w) == 6  # the borrower has its loan all the same
    assert (w.loans["holder"][0], w.loans["hung"][0]) == (0, 1)
    assert w.lenders["hung"][0] == w.outcomes["hung_musd"] == pytest.approx(LOAN, rel=1e-12)
    assert room(w, 0) == pytest.approx(ROOM - LOAN, rel=1e-12)
    (event,) = w.events(EventKind.SYNDICATION_REFUSED)
    assert event["amount"] == pytest.approx(LOAN, rel=1e-12)
    w.assert_books_close()


def test_an_overfull_pipeline_ends_new_promises() -> None:
    """Two promises of .090 from room for .15: both hang, and there is no room for a third."""
    w = twins(1.0)
    ordered(w)
    arrived(w)
    assert w.lenders["hung"][0] == pytest.approx(10 * OFFER, rel=1e-12)
    assert room(w, 0) == pytest.approx(ROOM - 10 * OFFER, rel=1e-12)
    assert room(w, 0) < 0.0
    w.assert_books_close()


# What hangs.


def hanging() -> World:
    w = banks(second=0.1)
    ordered(w)
    arrived(w)
    return w


def test_what_hangs_is_sold_when_somebody_has_room() -> None:
    w = hanging()
    offer_hung_loans(w.economy, w.p)
    assert (w.loans["holder"][0], w.loans["hung"][0]) == (0, 1)
    assert w.lenders["hung"][0] == pytest.approx(LOAN, rel=1e-12)
    supply(w, 1, 0.05)
    offer_hung_loans(w.economy, w.p)
    assert (w.loans["holder"][0], w.loans["hung"][0]) == (1, 0)
    assert w.lenders["hung"].tolist() == [0.0, 0.0]
    assert room(w, 0) == pytest.approx(ROOM, rel=1e-12)
    assert w.outcomes["hung_musd"] == pytest.approx(LOAN, rel=1e-12)  # counted once, when it was drawn
    w.assert_books_close()


@pytest.mark.parametrize("field", ["weeks_overdue", "weeks_over_base", "weeks_under_dscr"])
def test_nobody_takes_a_loan_in_breach_at_face(field: str) -> None:
    w = hanging()
    supply(w, 1, 1.0)
    w.loans[field][0] = 1
    offer_hung_loans(w.economy, w.p)
    assert w.loans["holder"][0] == 0
    assert w.lenders["hung"][0] == pytest.approx(LOAN, rel=1e-12)
    w.loans[field][0] = 0
    w.borrowers["pending_cause"][0] = Cause.ILLIQUIDITY
    offer_hung_loans(w.economy, w.p)
    assert w.loans["holder"][0] == 0


def test_a_lender_that_has_failed_offers_nothing_more() -> None:
    w = hanging()
    supply(w, 1, 1.0)
    w.lenders["status"][0] = LenderStatus.RECEIVERSHIP
    offer_hung_loans(w.economy, w.p)
    assert w.loans["holder"][0] == 0
    assert w.lenders["hung"][0] == 0.0


def roomiest(w: World, holder: int = -1) -> tuple[int, float]:
    ask_lenders(w.economy, w.p, 0)
    return roomiest_lender(w.economy, w.p, 0, holder)


def test_the_roomiest_of_those_able_to_lend() -> None:
    w = banks(second=0.3)
    assert roomiest(w) == (1, pytest.approx(0.3))
    assert roomiest(w, 1) == (0, pytest.approx(ROOM))
    w.lender(1, cash=ROOM)
    assert roomiest(w)[0] == 0  # of equal ones the first
    w.lenders["status"] = LenderStatus.RECEIVERSHIP
    assert roomiest(w) == (-1, 0.0)
    assert lender_equity(w.lenders[0]) == pytest.approx(ROOM)
