"""Covenants and rollover by hand: BTC margin, bullets at maturity, missed payments."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marked_loans import covenants, failed, marked
from worlds import COIN, GPU, World

from hashcredit.agents.dimensions import Cause, Channel, Instrument, LenderStatus, LoanStatus
from hashcredit.simulator.credit.covenants import sale_to_restore
from hashcredit.simulator.credit.distress import mark_to_fail
from hashcredit.simulator.credit.rollover import roll_over
from hashcredit.simulator.machines.shocks import move_prices
from hashcredit.simulator.state.codes import EventKind, Flow, Sector

# BTC margin.


def margin_loan(principal: float, coins: float = 10.0, **borrower) -> World:
    """A loan on coins worth 0.1 each; call at 0.65, back to 0.5, liquidation at 0.8."""
    w = World(miners=1, banks=1)
    w.borrower(0, **borrower)
    w.loan(0, 0, principal, instrument=Instrument.BTC_LOAN, amortising=0, coins=coins, maturity_week=40)
    w.open()
    return w


def test_no_call_up_to_the_call_level() -> None:
    w = margin_loan(0.6499, btc=5.0, cash=1.0)
    covenants(w)
    assert w.clock["events"] == 0
    assert w.loans["coins"][0] == 10.0
    w = margin_loan(0.6501, btc=5.0, cash=1.0)
    covenants(w)
    assert len(w.events(EventKind.MARGIN_CALL)) == 1


def test_call_is_met_with_free_coins() -> None:
    # 0.7 on 10 coins: 14 are needed for one half.
    w = margin_loan(0.7, btc=5.0, cash=1.0)
    covenants(w)
    assert (w.loans["coins"][0], w.borrowers["btc"][0]) == pytest.approx((14.0, 1.0), rel=1e-12)
    assert (w.loans["principal"][0], w.borrowers["cash"][0]) == (0.7, 1.0)
    (call,) = w.events(EventKind.MARGIN_CALL)
    assert call["amount"] == pytest.approx(0.0, abs=1e-12)  # nothing left to pay in cash
    assert call["channel"] == Channel.BTC_PRICE
    w.assert_books_close()


def test_call_is_met_with_coins_and_cash() -> None:
    # Two free coins carry 0.6; 0.1 is paid, a month of obligations (0.4) is kept.
    w = margin_loan(0.7, btc=2.0, cash=1.0, obligations=0.1)
    covenants(w)
    assert (w.loans["coins"][0], w.borrowers["btc"][0]) == pytest.approx((12.0, 0.0), abs=1e-12)
    assert w.loans["principal"][0] == pytest.approx(0.6, rel=1e-12)
    assert w.borrowers["cash"][0] == pytest.approx(0.9, rel=1e-12)
    w.assert_books_close()


def test_coins_are_sold_for_a_call_that_is_not_met() -> None:
    # 0.79 on coins worth 1.0: 0.58 are sold, and 0.21 is one half of the 0.42 left.
    w = margin_loan(0.79)
    covenants(w, 3)
    assert w.loans["coins"][0] == pytest.approx(4.2, rel=1e-12)
    assert w.loans["principal"][0] == pytest.approx(0.21, rel=1e-12)
    assert w.market["btc_sold"] == pytest.approx(0.58, rel=1e-12)
    assert failed(w) == (Cause.NONE, Channel.NONE)
    assert len(w.events(EventKind.MARGIN_CALL)) == len(w.events(EventKind.BTC_LIQUIDATION)) == 1
    w.assert_books_close()


def test_coins_are_sold_for_what_coins_and_cash_do_not_meet() -> None:
    # As above with one free coin: 0.7 on 11 coins. 0.05 is paid, so 0.65 on 1.1: 0.2 are sold, 0.45 on 0.9.
    w = margin_loan(0.7, btc=1.0, cash=0.45, obligations=0.1)
    covenants(w)
    assert (w.loans["coins"][0], w.borrowers["btc"][0]) == pytest.approx((9.0, 0.0), abs=1e-12)
    assert w.loans["principal"][0] == pytest.approx(0.45, rel=1e-12)
    assert w.borrowers["cash"][0] == pytest.approx(0.4, rel=1e-12)
    w.assert_books_close()


@given(principal=st.floats(0.0, 10.0), worth=st.floats(0.0, 10.0), ltv=st.floats(0.01, 0.95))
def test_a_sale_restores_the_initial_loan_to_value(principal: float, worth: float, ltv: float) -> None:
    sold = sale_to_restore(principal, worth, ltv)
    left = principal - sold, worth - sold
    assert sold >= 0.0
    # off by the rounding of the quotient, which 1 - ltv magnifies
    assert sold == 0.0 or left[0] == pytest.approx(ltv * left[1], abs=1e-12)
    assert sold > 0.0 or principal <= ltv * worth


def test_liquidation_sells_at_once_and_returns_the_rest() -> None:
    w = margin_loan(0.85)
    covenants(w)
    # 8.5 of 10 coins repay it; 1.5 come back
    assert w.loans["status"][0] == LoanStatus.REPAID
    assert w.borrowers["btc"][0] == pytest.approx(1.5, rel=1e-12)
    assert w.market["btc_sold"] == pytest.approx(0.85, rel=1e-12)
    (event,) = w.events(EventKind.BTC_LIQUIDATION)
    assert event["amount"] == pytest.approx(0.85, rel=1e-12)
    assert failed(w) == (Cause.NONE, Channel.NONE)
    w.assert_books_close()


def test_shortfall_after_liquidation_is_paid_or_fatal() -> None:
    w = margin_loan(1.2, cash=0.3, obligations=0.1)
    covenants(w)
    assert w.loans["status"][0] == LoanStatus.REPAID
    assert w.borrowers["cash"][0] == pytest.approx(0.1, rel=1e-12)
    w.assert_books_close()
    w = margin_loan(1.2, cash=0.1, obligations=0.1)
    covenants(w)
    assert failed(w) == (Cause.MARGIN, Channel.BTC_PRICE)
    assert w.loans["principal"][0] == pytest.approx(0.2, rel=1e-12)
    w.assert_books_close()


def test_liquidation_moves_next_weeks_price_only() -> None:
    w = margin_loan(0.85)
    covenants(w)
    assert w.market["btc_price"] == COIN * 1e6
    w.p["shocks_btc_drift"] = w.p["shocks_jump_intensity"] = 0.0
    w.p["shocks_student_df"] = 0
    w.p["asset_volatility"] = 0.0
    move_prices(w.economy, w.p, 1, 0, 0.0)
    # depth 100: 0.85 sold moves it by exp(-0.0085), for good since recovery is 0
    assert w.market["btc_price"] == pytest.approx(1e5 * math.exp(-0.0085), rel=1e-12)
    assert w.market["btc_sold"] == 0.0
    w.p["credit_btc_recovery"] = 52.0 * math.log(2.0)  # half is gone in a week
    move_prices(w.economy, w.p, 1, 0, 0.0)
    assert w.market["btc_price"] == pytest.approx(1e5 * math.exp(-0.00425), rel=1e-12)


# Bullets at maturity.


def bond(weeks_left: int = 1, **lender) -> World:
    """A bond of 1.0 on assets of 2.4: 20 GPUs at 0.020 and cash of 2.0; the lender advances a half."""
    w = World(neoclouds=1, banks=1)
    w.clock["week"] = 9
    w.borrower(0, units={GPU: 20}, cash=2.0, grade=1, cfads_window=1.3, service_window=1.0)
    w.loan(0, 0, 1.0, instrument=Instrument.HIGH_YIELD, maturity_week=9 + weeks_left, rate=0.09)
    w.lender(0, **lender)
    return w


def test_bullet_is_refinanced_at_todays_price() -> None:
    w = bond()
    roll_over(w.economy, w.p)
    # 104 more weeks at the cost of capital of 6 % plus the spread of grade 1, 4 %
    assert w.loans["maturity_week"][0] == 9 + 104
    assert (w.loans["fixed_rate"][0], w.loans["rate"][0]) == (1, pytest.approx(0.10, rel=1e-12))


def refused(w: World) -> bool:
    before = w.loans["maturity_week"][0]
    roll_over(w.economy, w.p)
    return bool(w.loans["maturity_week"][0] == before)


def test_bullet_is_refinanced_in_its_last_week_only() -> None:
    assert refused(bond(weeks_left=2))
    assert not refused(bond(weeks_left=1))


def test_refinancing_is_refused() -> None:
    assert refused(bond(status=LenderStatus.RECEIVERSHIP))
    w = bond()
    w.borrower(0, cfads_window=1.19)  # cover below 1.2
    assert refused(w)
    w = bond()
    w.borrower(0, payables=0.21)  # debts 1.21 on assets of 2.4 at one half
    assert refused(w)
    w = bond()
    w.borrower(0, payables=0.19)
    assert not refused(w)


def test_btc_loan_is_rolled_on_its_margin_alone() -> None:
    w = margin_loan(0.6499, cfads_window=-1.0, service_window=1.0)
    w.clock["week"] = 39
    roll_over(w.economy, w.p)
    assert w.loans["maturity_week"][0] == 39 + 52


def test_btc_loan_out_of_margin_is_repaid_from_its_coins() -> None:
    w = margin_loan(0.7)
    w.clock["week"] = 39
    roll_over(w.economy, w.p)
    assert w.loans["status"][0] == LoanStatus.REPAID
    assert w.borrowers["btc"][0] == pytest.approx(3.0, rel=1e-12)
    assert w.economy.flows[Flow.LOAN_REPAYMENTS, Sector.LENDERS] == pytest.approx(0.7, rel=1e-12)
    w.assert_books_close()


# Missed payments.


def overdue(weeks: int, cash: float, **loan) -> World:
    """A loan of 1.0 behind with its payments; assets: 30 GPUs (0.6) and cash."""
    w = World(neoclouds=1, banks=1)
    w.clock["week"] = 60
    w.borrower(0, units={GPU: 30}, cash=cash)
    w.loan(0, 0, 1.0, machine=GPU, units=30, overdue=0.1, weeks_overdue=weeks, **loan)
    covenants(w)
    return w


def test_grace_then_failure() -> None:
    assert failed(overdue(2, cash=0.5))[0] == Cause.NONE
    assert failed(overdue(3, cash=0.5))[0] == Cause.ILLIQUIDITY


def test_insolvent_or_merely_illiquid() -> None:
    # assets of 1.1 cover debts of 1.0; assets of 0.9 do not
    # nothing has cost it cash or credit before: compute rents feed a neo-cloud
    assert failed(overdue(3, cash=0.5)) == (Cause.ILLIQUIDITY, Channel.RENT)
    assert failed(overdue(3, cash=0.3))[0] == Cause.INSOLVENCY


def test_unpaid_bullet_is_a_failure_at_maturity() -> None:
    bullet = {"amortising": 0, "maturity_week": 57}
    assert failed(overdue(3, cash=0.5, **bullet))[0] == Cause.MATURITY
    assert failed(overdue(3, cash=0.3, **bullet))[0] == Cause.INSOLVENCY
    assert failed(overdue(3, cash=0.5, amortising=0, maturity_week=61))[0] == Cause.ILLIQUIDITY


def test_unpaid_bills_count_too() -> None:
    w = World(neoclouds=1, banks=1)
    w.borrower(0, cash=1.0, payables=0.4, weeks_payables=2)
    covenants(w)
    assert failed(w)[0] == Cause.NONE
    w.borrower(0, weeks_payables=3)
    covenants(w)
    assert failed(w)[0] == Cause.ILLIQUIDITY


def test_first_cause_counts() -> None:
    w = overdue(3, cash=0.5)
    mark_to_fail(w.economy, 0, int(Cause.MARGIN), int(Channel.BTC_PRICE), 7)
    assert failed(w) == (Cause.ILLIQUIDITY, Channel.RENT)
    assert w.borrowers["pending_parent"][0] == -1


def test_distressed_borrower_offers_its_free_machines() -> None:
    w = marked(1.0, units=130)
    w.borrower(0, payables=0.1)
    covenants(w)
    assert (w.borrowers["selling"][0], w.borrowers["offered"][0, GPU]) == (1, 30)
    w.borrower(0, payables=0.0)
    covenants(w)
    assert (w.borrowers["selling"][0], w.borrowers["offered"][0, GPU]) == (0, 0)
