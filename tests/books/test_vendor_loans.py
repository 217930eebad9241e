"""What is owed to the vendor: how it is repaid, what becomes of missed instalments and of estates."""

import pytest
from worlds import World

from hashcredit.agents.dimensions import BorrowerStatus
from hashcredit.simulator.books.ledger import borrower_equity
from hashcredit.simulator.books.loans import debts
from hashcredit.simulator.books.vendor_loans import lend_for_machines, serve_vendor
from hashcredit.simulator.credit.cash_flow import operate
from hashcredit.simulator.resolution.default import close_estate
from hashcredit.simulator.state.codes import Flow, Revaluation, Sector

LOAN = 0.52
WEEKLY = 0.104 / 52
"""Interest a week in the plain terms: .2 %."""


def world(cash: float = 1.0, **numbers) -> World:
    """A neo-cloud that owes nothing; the vendor lends at 10.4 % for a year."""
    w = World(neoclouds=1, banks=1, **numbers)
    w.borrower(0, cash=cash)
    w.open()
    return w


def lend(w: World, amount: float = LOAN) -> None:
    lend_for_machines(w.economy, w.p, w.borrowers[0], amount)


def serve(w: World, weeks: int = 1) -> list[float]:
    return [serve_vendor(w.economy, w.p, w.borrowers[0]) for _ in range(weeks)]


def test_a_loan_is_cash_and_debt() -> None:
    w = world()
    equity = borrower_equity(w.economy, 0)
    lend(w)
    borrower = w.borrowers[0]
    assert (borrower["cash"], borrower["vendor_debt"], borrower["vendor_weeks"]) == (1.0 + LOAN, LOAN, 52.0)
    assert borrower_equity(w.economy, 0) == equity
    assert debts(w.economy, 0) == LOAN
    assert (borrower["debt"] == 0.0).all()
    assert w.outcomes["vendor_loans_musd"] == LOAN
    w.assert_books_close()


def test_level_instalments_and_interest_by_hand() -> None:
    w = world()
    lend(w)
    due = serve(w, 52)
    assert due == pytest.approx([0.01 + (LOAN - 0.01 * week) * WEEKLY for week in range(52)], rel=1e-9)
    borrower = w.borrowers[0]
    assert borrower["vendor_debt"] == borrower["payables"] == 0.0
    interest = 0.01 * WEEKLY * 52 * 53 / 2
    assert borrower["income"] == pytest.approx(-interest, rel=1e-9)
    assert borrower["cash"] == pytest.approx(1.0 - interest, rel=1e-9)
    assert w.economy.flows[Flow.VENDOR_LOANS] == pytest.approx(0.0, abs=1e-12)
    assert w.outcomes["vendor_lost_musd"] == 0.0
    w.assert_books_close()


def test_a_second_loan_leaves_the_interest_to_come_as_it_was() -> None:
    """.26 for 26 more weeks and .52 for 52: .78 for 43 1/3 weeks; the interest is that of two accounts."""
    w = world()
    lend(w)
    serve(w, 26)
    lend(w)
    borrower = w.borrowers[0]
    assert borrower["vendor_debt"] == pytest.approx(0.78, rel=1e-12)
    assert borrower["vendor_weeks"] == pytest.approx(130 / 3, rel=1e-12)
    income = float(borrower["income"])
    serve(w, 44)
    assert borrower["vendor_debt"] == 0.0
    apart = 0.01 * WEEKLY * (26 * 27 / 2 + 52 * 53 / 2)
    # the last week has a third of an instalment, so that it differs by less than a week's interest on one
    assert income - borrower["income"] == pytest.approx(apart, abs=0.78 / (130 / 3) * WEEKLY)
    w.assert_books_close()


def test_what_is_missed_is_an_overdue_bill_and_no_new_debt() -> None:
    w = world(cash=0.0)
    lend(w)
    w.borrowers[0]["cash"] = 0.0051  # as if the rest had been spent
    w.opening.borrowers["cash"][0] = 0.0051 - LOAN
    w.borrowers[0]["opening_equity"] += 0.0051 - LOAN
    before = debts(w.economy, 0)
    (due,) = serve(w)
    borrower = w.borrowers[0]
    interest = LOAN * WEEKLY
    assert due == pytest.approx(0.01 + interest, rel=1e-12)
    assert borrower["cash"] == pytest.approx(0.0, abs=1e-15)
    assert borrower["vendor_debt"] == pytest.approx(LOAN - 0.01, rel=1e-12)
    assert borrower["payables"] == pytest.approx(due - 0.0051, rel=1e-12)
    assert debts(w.economy, 0) == pytest.approx(before + interest - 0.0051, rel=1e-12)
    assert borrower["income"] == pytest.approx(-interest, rel=1e-12)


def test_interest_that_is_missed_is_an_expense_all_the_same() -> None:
    w = world(cash=0.0)
    borrower = w.borrowers[0]
    borrower["vendor_debt"], borrower["vendor_weeks"] = LOAN, 52.0
    w.open()
    serve(w)
    assert borrower["income"] == pytest.approx(-LOAN * WEEKLY, rel=1e-12)
    assert borrower["payables"] == pytest.approx(0.01 + LOAN * WEEKLY, rel=1e-12)
    w.assert_books_close()


def test_lenders_are_served_first_and_cover_counts_both() -> None:
    """Cash of .03: the bank's instalment takes it all, and the vendor's .011 are a bill."""
    w = World(neoclouds=1, banks=1)
    w.borrower(0, cash=0.03, vendor_debt=LOAN, vendor_weeks=52.0)
    w.loan(0, 0, 1.04 * 3, rate=0.0, maturity_week=103)
    w.market["policy_rate"] = 0.0
    w.open()
    operate(w.economy, w.p)
    borrower = w.borrowers[0]
    assert borrower["cash"] == pytest.approx(0.0, abs=1e-15)
    assert w.loans["overdue"][0] == 0.0
    assert borrower["payables"] == pytest.approx(0.01 + LOAN * WEEKLY, rel=1e-12)
    assert borrower["service"][0] == pytest.approx(0.03 + 0.01 + LOAN * WEEKLY, rel=1e-12)
    w.assert_books_close()


def test_the_estate_pays_the_vendor_pari_passu() -> None:
    """1 of cash, 5 % of it costs: .95 for a bill of .48 and 1.42 of the vendor's is half of each."""
    w = World(neoclouds=1, banks=1)
    w.in_resolution(0, 0, 0, cash=1.0, payables=0.48, vendor_debt=1.42, vendor_weeks=10.0)
    w.open()
    close_estate(w.economy, w.p, 0)
    borrower = w.borrowers[0]
    assert borrower["status"] == BorrowerStatus.RESOLVED
    assert borrower["cash"] == pytest.approx(0.0, abs=1e-15)
    assert borrower["vendor_debt"] == borrower["vendor_weeks"] == 0.0
    paid = w.economy.flows[Flow.VENDOR_LOANS, Sector.REST_OF_WORLD]
    assert paid == pytest.approx(0.71, rel=1e-12)
    lost = w.economy.revaluations[Revaluation.VENDOR_LOANS]
    assert lost[Sector.NEOCLOUDS] == -lost[Sector.REST_OF_WORLD] == pytest.approx(0.71, rel=1e-12)
    assert w.outcomes["vendor_lost_musd"] == pytest.approx(0.71, rel=1e-12)
    assert w.outcomes["credit_lost"] == 0.0
    w.assert_books_close()
