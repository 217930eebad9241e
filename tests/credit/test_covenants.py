"""Covenants: calls and cures by hand, the lender's choice against direct sums."""

import math

import pytest
from marked_loans import covenants, failed, marked
from worlds import GPU, World

from hashcredit.agents.dimensions import Answer, Cause, Channel, Enforcement, Instrument, LoanStatus
from hashcredit.simulator.credit.enforcement import answer_breach
from hashcredit.simulator.state.codes import EventKind


def lost(w: World, row: int = 0) -> tuple[int, int]:
    """Cause and channel for which a facility failed alone: nothing else of the borrower's has a clause."""
    if w.loans["status"][row] != LoanStatus.DEFAULTED:
        return Cause.NONE, Channel.NONE
    event = w.economy.events[w.loans["default_event"][row]]
    assert (event["kind"], event["agent"]) == (EventKind.FACILITY_DEFAULT, w.loans["obligor"][row])
    return int(event["cause"]), int(event["channel"])


# Borrowing base.


def test_loan_within_its_base_is_left_alone() -> None:
    w = marked(1.0, units=120)
    w.borrower(0, cash=5.0)
    w.open()
    covenants(w)
    assert (w.loans["units"][0], w.loans["principal"][0], w.borrowers["cash"][0]) == (100, 1.0, 5.0)
    assert w.clock["events"] == 0


def test_free_machines_are_pledged_first() -> None:
    # 0.095 over the base: ten free units at 0.010 each cover it, the eleventh stays free.
    w = marked(1.095, units=111)
    w.borrower(0, cash=5.0)
    w.open()
    covenants(w)
    assert (w.loans["units"][0], w.loans["principal"][0], w.borrowers["cash"][0]) == (110, 1.095, 5.0)
    assert w.loans["weeks_over_base"][0] == 0
    assert w.events(EventKind.BORROWING_BASE_CALL) == []
    w.assert_books_close()


def test_machines_pledged_elsewhere_do_not_count() -> None:
    w = marked(1.095, units=111)
    w.loan(0, 0, 1e-6, machine=GPU, units=9)
    w.borrower(0, cash=5.0)
    covenants(w)
    # two units left to pledge, the rest in cash: 0.095 - 0.020
    assert w.loans["units"][0] == 102
    assert w.borrowers["cash"][0] == pytest.approx(5.0 - 0.075, rel=1e-12)


def test_the_rest_is_paid_down_and_logged() -> None:
    w = marked(1.3, units=105)
    w.borrower(0, cash=0.65)
    w.open()
    covenants(w)
    # Five units cover 0.05 of 0.3; a month of obligations (0.4) is kept back, so cash of 0.25 pays the rest.
    assert w.loans["principal"][0] == pytest.approx(1.05, rel=1e-12)
    assert w.borrowers["cash"][0] == pytest.approx(0.4, rel=1e-12)
    assert w.loans["weeks_over_base"][0] == 0
    (call,) = w.events(EventKind.BORROWING_BASE_CALL)
    assert (call["agent"], call["counterparty"], call["units"]) == (0, 0, 105)
    assert call["amount"] == pytest.approx(0.25, rel=1e-12)
    assert call["price"] == 0.020
    assert (call["channel"], call["parent"]) == (Channel.MACHINE_PRICE, 5)
    w.assert_books_close()


def test_coins_are_sold_to_pay_down() -> None:
    w = marked(1.3)
    w.borrower(0, cash=0.4, btc=10.0)
    w.open()
    covenants(w)
    # 0.3 is missing and all cash is held back: three coins at 0.1
    assert w.borrowers["btc"][0] == pytest.approx(7.0, rel=1e-12)
    assert w.loans["principal"][0] == pytest.approx(1.0, rel=1e-12)
    w.assert_books_close()


def test_cash_held_back_is_used_when_the_cure_ends() -> None:
    # Over the base by 0.3 with cash of 0.2 and a month of obligations of 0.4: nothing in weeks 1 and 2,
    # all of it in week 3, and since 0.1 is missing the loan is called. The borrower has nothing left to pay
    # it with, and no other loan: it loses the facility and lives.
    w = marked(1.3, credit_enforcement=Enforcement.ALWAYS)
    w.borrower(0, cash=0.2)
    w.open()
    covenants(w, 2)
    assert (w.loans["weeks_over_base"][0], w.borrowers["cash"][0]) == (2, 0.2)
    assert lost(w) == (Cause.NONE, Channel.NONE)
    covenants(w)
    assert w.borrowers["cash"][0] == pytest.approx(0.0, abs=1e-12)
    assert lost(w) == (Cause.ACCELERATION, Channel.MACHINE_PRICE)
    assert failed(w) == (Cause.NONE, Channel.NONE)
    assert w.loans["claim"][0] == pytest.approx(1.1, rel=1e-12)
    assert w.loans["principal"][0] == pytest.approx(1.1 + 100 * 0.001, rel=1e-12)  # removal
    assert len(w.events(EventKind.BORROWING_BASE_CALL)) == 1
    (event,) = w.events(EventKind.ACCELERATION)
    assert event["amount"] == pytest.approx(1.1, rel=1e-12)
    assert event["parent"] == 5  # what moved the price
    (event,) = w.events(EventKind.FACILITY_DEFAULT)
    assert event["parent"] == 1  # the acceleration, second event of the run
    w.assert_books_close()


def test_accelerated_loan_is_repaid_by_who_can() -> None:
    w = World(neoclouds=1, banks=1, credit_enforcement=Enforcement.ALWAYS, credit_sweep_share=0.0)
    w.borrower(0, units={GPU: 100}, cash=0.9, btc=5.0, cfads_window=1.0, service_window=1.0)
    w.loan(0, 0, 1.0, machine=GPU, units=100, dscr_covenant=1.2)
    w.open()
    covenants(w, 3)
    assert failed(w) == (Cause.NONE, Channel.NONE)
    assert w.events(EventKind.FACILITY_DEFAULT) == []
    assert w.loans["status"][0] == LoanStatus.REPAID
    assert w.loans["units"][0] == 0
    assert (w.borrowers["cash"][0], w.borrowers["btc"][0]) == pytest.approx((0.0, 4.0), abs=1e-12)
    w.assert_books_close()


def test_cured_base_starts_a_new_count() -> None:
    w = marked(1.3)
    w.borrower(0, cash=0.0)
    covenants(w, 2)
    w.machine(GPU, appraisal=0.026)  # base 1.3
    covenants(w)
    assert w.loans["weeks_over_base"][0] == 0
    w.machine(GPU, appraisal=0.020)
    covenants(w, 2)
    assert lost(w) == (Cause.NONE, Channel.NONE)
    covenants(w)
    assert lost(w)[0] == Cause.ACCELERATION


def test_unmarked_loan_has_no_base() -> None:
    w = marked(5.0)
    w.loans["borrowing_base"][0] = 0
    covenants(w, 5)
    assert w.clock["events"] == 0


# The lender's choice.


def in_breach(**numbers) -> World:
    """100 GPUs behind 1.3, over the base of 1.0 for ever, no cash; earns 0.013 a week."""
    w = marked(1.3, **numbers)
    w.borrower(0, cash=0.0, cfads_window=13 * 0.013)
    w.loans["principal"][0] = w.borrowers["debt"][0][Instrument.MACHINE_LOAN] = 1.3
    w.lender(0, cost_of_capital=0.04)
    w.economy.machines["opening_units"][GPU] = 500  # depth 0.2 * 500 = 100 units
    return w


def by_hand(w: World, on_sale: int = 0) -> tuple[float, float]:
    """Expected proceeds now and the value of waiting, from the model's own words."""
    discount, stay = 0.06 + 0.04, 4 / 52

    def sold(price: float, ahead: int = 0) -> float:
        """100 units at exponential depth 100 behind those ahead of it, less removal, after the stay."""
        mean = price * math.exp(-ahead / 100) * (1 - math.exp(-1.0))
        return min(1.3, max(0.0, 100 * (mean - 0.001)) * math.exp(-discount * stay))

    now = sold(0.020, on_sale)
    later = sold(0.020 * math.exp(-0.1 * 1.0))  # a year at the valuer's trend
    due = 1.3 * 0.10 / 52 + 1.3 / 104  # interest at 4 + 6 %, and one of 104 instalments left
    paid = min(w.borrowers["cfads_window"][0] / 13, due)
    alive = [(1 - 0.1 / 52) ** s for s in range(53)]
    waiting = math.exp(-discount) * alive[52] * later
    for s in range(1, 53):  # it pays, or fails this week and its machines are sold
        waiting += math.exp(-discount * s / 52) * (alive[s] * paid + alive[s - 1] * 0.1 / 52 * later)
    return now, waiting


def test_lender_compares_selling_now_with_waiting() -> None:
    w = in_breach(credit_enforcement=Enforcement.CHOICE)
    now, waiting = by_hand(w)
    assert now < waiting  # 1.155 against 1.460
    assert answer_breach(w.economy, w.p, 0) == Answer.WAIT
    # The decision turns where by_hand says: find the cash flow at which both are worth the same.
    per_unit_of_flow = waiting - by_hand_without_flow(w)
    flow = w.borrowers["cfads_window"][0] * (now - by_hand_without_flow(w)) / per_unit_of_flow
    w.borrowers["cfads_window"][0] = flow * (1 + 1e-9)
    assert answer_breach(w.economy, w.p, 0) == Answer.WAIT
    w.borrowers["cfads_window"][0] = flow * (1 - 1e-9)
    assert answer_breach(w.economy, w.p, 0) == Answer.CALL


def test_a_glut_is_worth_waiting_for_even_without_a_payment() -> None:
    w = in_breach(credit_enforcement=Enforcement.CHOICE)
    w.borrowers["cfads_window"][0] = 0.0
    now, waiting = by_hand(w)
    assert now > waiting
    assert answer_breach(w.economy, w.p, 0) == Answer.CALL
    w.machine(GPU, inventory=150)
    now, waiting = by_hand(w, 150)
    assert now < waiting
    assert answer_breach(w.economy, w.p, 0) == Answer.WAIT


def by_hand_without_flow(w: World) -> float:
    """The value of waiting for a borrower that earns nothing."""
    kept = w.borrowers["cfads_window"][0]
    w.borrowers["cfads_window"][0] = 0.0
    waiting = by_hand(w)[1]
    w.borrowers["cfads_window"][0] = kept
    return waiting


def test_liquid_reserves_count_while_waiting() -> None:
    w = in_breach(credit_enforcement=Enforcement.CHOICE)
    w.borrowers["cfads_window"][0] = 0.0
    assert answer_breach(w.economy, w.p, 0) == Answer.CALL
    w.borrower(0, btc=5.2)  # 0.52 over 52 weeks: 0.01 a week
    assert answer_breach(w.economy, w.p, 0) == Answer.WAIT


@pytest.mark.parametrize(("rule", "called"), [(Enforcement.ALWAYS, True), (Enforcement.NEVER, False)])
def test_enforcement_can_be_fixed(rule: int, called: bool) -> None:
    w = in_breach(credit_enforcement=rule)
    covenants(w, 3)
    assert (lost(w)[0] == Cause.ACCELERATION) == called
    assert len(w.events(EventKind.ACCELERATION)) == called
    assert len(w.events(EventKind.FORBEARANCE)) == (not called)


def test_lender_reviews_a_breach_every_few_weeks() -> None:
    # Cure 2 weeks, reviews every 3: decisions in weeks 3, 6, 9 over the base.
    w = in_breach(credit_enforcement=Enforcement.CHOICE)
    covenants(w, 3)
    assert len(w.events(EventKind.FORBEARANCE)) == 1
    w.borrowers["cfads_window"][0] = 0.0  # from now on it would call
    covenants(w, 2)
    assert lost(w) == (Cause.NONE, Channel.NONE)
    covenants(w)
    assert lost(w) == (Cause.ACCELERATION, Channel.MACHINE_PRICE)
    assert len(w.events(EventKind.FORBEARANCE)) == 1


# Cover.


def under_cover(cash: float, cash_sweep: int = 1, **numbers) -> World:
    """Cover of 1.1 against a covenant of 1.2, obligations of 0.1 a week (buffer ten weeks)."""
    w = World(neoclouds=1, banks=1, **numbers)
    w.borrower(0, units={GPU: 100}, cash=cash, obligations=0.1, cfads_window=1.1, service_window=1.0)
    w.loan(0, 0, 1.0, machine=GPU, units=100, dscr_covenant=1.2, cash_sweep=cash_sweep)
    w.open()
    return w


def test_sweep_takes_half_of_free_cash() -> None:
    w = under_cover(cash=1.6)
    covenants(w)
    # (1.6 - 10 * 0.1) / 2
    assert w.loans["principal"][0] == pytest.approx(0.7, rel=1e-12)
    assert w.borrowers["cash"][0] == pytest.approx(1.3, rel=1e-12)
    assert w.loans["weeks_under_dscr"][0] == 1
    covenants(w)
    assert w.loans["principal"][0] == pytest.approx(0.55, rel=1e-12)
    (event,) = w.events(EventKind.DSCR_BREACH)
    assert event["channel"] == Channel.RENT
    w.assert_books_close()


def test_sweep_stops_at_the_buffer_and_at_the_principal() -> None:
    w = under_cover(cash=0.9)
    covenants(w)
    assert (w.loans["principal"][0], w.borrowers["cash"][0]) == (1.0, 0.9)
    w = under_cover(cash=9.0)
    covenants(w)
    assert w.loans["status"][0] == LoanStatus.REPAID
    assert w.borrowers["cash"][0] == pytest.approx(8.0, rel=1e-12)
    assert w.loans["weeks_under_dscr"][0] == 1
    covenants(w, 5)
    assert failed(w) == (Cause.NONE, Channel.NONE)


def test_no_sweep_without_the_clause() -> None:
    w = under_cover(cash=9.0, cash_sweep=0, credit_enforcement=Enforcement.NEVER)
    covenants(w, 4)
    assert (w.loans["principal"][0], w.borrowers["cash"][0]) == (1.0, 9.0)


def test_uncured_cover_is_a_breach() -> None:
    w = under_cover(cash=0.9, credit_enforcement=Enforcement.ALWAYS)
    covenants(w, 2)
    assert lost(w) == (Cause.NONE, Channel.NONE)
    covenants(w)
    assert lost(w) == (Cause.ACCELERATION, Channel.RENT)


def test_cover_at_the_covenant_is_enough() -> None:
    w = under_cover(cash=9.0)
    w.borrower(0, cfads_window=1.2)
    covenants(w, 5)
    assert (w.loans["principal"][0], w.loans["weeks_under_dscr"][0]) == (1.0, 0)
    w.borrower(0, cfads_window=-1.0, service_window=0.0)  # no service, nothing to cover
    covenants(w, 5)
    assert w.loans["weeks_under_dscr"][0] == 0
