"""Waivers of a breach against a fee: who pays what, what is not tested meanwhile, what the lender counts."""

from typing import Any

import pytest
from worlds import GPU, World

from hashcredit.agents.dimensions import Answer, Channel, Enforcement, LenderStatus, LoanStatus
from hashcredit.simulator.credit.covenants import enforce_covenants
from hashcredit.simulator.credit.enforcement import answer_breach
from hashcredit.simulator.investment.plans import can_plan
from hashcredit.simulator.state.codes import EventKind


def breach(earned: float, **numbers: Any) -> World:
    """The worked example of `test_enforcement`, under its cover instead of over its base."""
    w = World(neoclouds=2, banks=1, **({"credit_enforcement": Enforcement.CHOICE} | numbers))
    w.borrower(0, units={GPU: 100}, cfads_window=13 * earned, service_window=13 * 0.02)
    w.loan(0, 0, 1.3, machine=GPU, units=100, dscr_covenant=1.2)
    w.lender(0, cost_of_capital=0.04)
    w.borrower(1, units={GPU: 400})
    w.open()
    return w


def weeks(w: World, number: int) -> None:
    """The covenants for some weeks: two to cure, so the first decision is that of the third week."""
    for _ in range(number):
        enforce_covenants(w.economy, w.p)
        w.clock["week"] += 1


def test_the_fee_is_paid_from_spare_cash_and_the_rest_is_added_to_the_face() -> None:
    # 2 % of 1.3 is 0.026. Four weeks of obligations are kept: 0.01 is paid, 0.016 is not.
    w = breach(0.02, credit_waiver_fee=0.02)
    w.borrower(0, cash=0.41, obligations=0.1)
    w.open()
    weeks(w, 3)
    loan, borrower, lender = w.loans[0], w.borrowers[0], w.lenders[0]
    assert borrower["cash"] == pytest.approx(0.40, rel=1e-12)
    assert lender["cash"] == lender["week_interest"] == pytest.approx(0.01, rel=1e-12)
    assert loan["principal"] == borrower["debt"][0] == lender["loans"][0] == pytest.approx(1.316, rel=1e-12)
    assert lender["income"] == pytest.approx(0.026, rel=1e-12)
    assert borrower["income"] == pytest.approx(-0.026, rel=1e-12)
    assert (loan["overdue"], loan["weeks_overdue"]) == (0.0, 0)
    (event,) = w.events(EventKind.WAIVER)
    assert (event["week"], event["counterparty"], event["channel"]) == (2, 0, Channel.RENT)
    assert event["amount"] == pytest.approx(0.026, rel=1e-12)
    assert w.events(EventKind.FORBEARANCE) == []
    w.assert_books_close()


def test_nothing_is_tested_until_the_waiver_ends() -> None:
    w = breach(0.02, credit_waiver_fee=0.02, credit_waiver_weeks=8)
    w.loans["borrowing_base"][0] = 1  # of 1.0
    w.loans["advance_rate"][0] = 0.5
    weeks(w, 3)
    assert w.outcomes["waivers"] == 1
    assert can_plan(w.economy, 0)
    events = int(w.clock["events"])
    w.lender(0, status=LenderStatus.RECEIVERSHIP)  # what it has waived binds it even now
    w.borrower(0, cash=5.0)
    weeks(w, 8)  # weeks 3 to 10
    assert (w.clock["events"], w.borrowers["cash"][0]) == (events, 5.0)
    assert (w.loans["weeks_over_base"][0], w.loans["weeks_under_dscr"][0]) == (0, 0)
    w.lender(0, status=LenderStatus.ALIVE)
    w.borrower(0, cash=0.0)
    weeks(w, 2)
    assert (w.loans["weeks_over_base"][0], w.loans["weeks_under_dscr"][0]) == (2, 2)
    weeks(w, 1)  # cured no more than the first time
    assert w.outcomes["waivers"] == 2


def test_the_lender_counts_the_fee() -> None:
    # What turns the choice is 0.0045361 a week (test_enforcement). The borrower earns 0.00451 and has 0.0013,
    # which is 0.000025 a week of the year's wait: too little. As a fee of a thousandth they are worth 0.0013
    # today, and 0.0013 + 47.03720 * 0.00451 = 0.213438 is more than 1.155320 - 0.941956 = 0.213364.
    w = breach(0.00451)
    w.borrower(0, cash=0.0013)
    assert answer_breach(w.economy, w.p, 0) == Answer.CALL
    w.p["credit_waiver_fee"] = 0.001
    assert answer_breach(w.economy, w.p, 0) == Answer.WAIT
    # without cash it is added to the face, and worth nothing where what is due is not earned anyway
    w.borrower(0, cash=0.0, cfads_window=13 * 0.00453)
    assert answer_breach(w.economy, w.p, 0) == Answer.CALL


def test_a_pressed_lender_waives_nothing() -> None:
    w = breach(0.02, credit_waiver_fee=0.02)
    w.lender(0, status=LenderStatus.RECEIVERSHIP)
    weeks(w, 3)
    assert w.outcomes["waivers"] == 0
    assert w.loans["status"][0] == LoanStatus.DEFAULTED


def test_without_a_fee_it_forbears_and_keeps_its_rights() -> None:
    w = breach(0.02)
    weeks(w, 7)
    assert (w.outcomes["waivers"], w.loans["waived_until"][0]) == (0, 0)
    assert len(w.events(EventKind.FORBEARANCE)) == 1
    assert w.loans["weeks_under_dscr"][0] == 7
