"""Balloons by hand: what is left of a machine loan at maturity is rolled over for what the machines carry."""

import pytest
from rolling import TRIGGER, WEEK, reason, roll
from worlds import GPU, World

from hashcredit.agents.dimensions import Belief, Cause, Channel, LenderStatus
from hashcredit.simulator.books.loans import scheduled_principal
from hashcredit.simulator.credit.cash_flow import operate
from hashcredit.simulator.credit.covenants import enforce_covenants
from hashcredit.simulator.state.codes import EventKind


def balloon(units: int = 80, principal: float = 0.5, cash: float = 2.0, **numbers) -> World:
    """A loan on GPUs at 0.020 of which all that is left matures in week 10, seen in week 9.

    The holder, who takes them for a utility, lends a half: 0.010 a machine, over two years.
    """
    w = World(neoclouds=1, banks=1, **numbers)
    w.clock["week"] = WEEK
    w.borrower(0, units={GPU: 100}, cash=cash, grade=1, cfads_window=1.3, service_window=1.0)
    w.loan(0, 0, principal, machine=GPU, units=units, balloon=0.4, maturity_week=WEEK + 1)
    w.lender(0, trigger=TRIGGER, capital_minimum=0.05)
    w.open()
    return w


def test_a_balloon_amortises_over_a_new_life() -> None:
    """0.5 on 80 machines that carry 0.8: 104 instalments from next week on, at 6 + 4 %."""
    w = balloon()
    assert reason(w) is None
    loan = w.loans[0]
    assert (loan["amortising"], loan["balloon"], loan["principal"]) == (1, 0.0, 0.5)
    assert (loan["fixed_rate"], loan["rate"]) == (1, pytest.approx(0.10, rel=1e-12))
    assert scheduled_principal(loan, WEEK + 1) == pytest.approx(0.5 / 104, rel=1e-12)


def test_a_loan_without_a_balloon_needs_no_refinancing() -> None:
    w = balloon()
    w.loans["balloon"][0] = 0.0
    roll(w)
    assert w.loans["maturity_week"][0] == WEEK + 1
    assert w.clock["events"] == 0


def test_an_extension_is_at_most_what_the_machines_carry() -> None:
    """40 machines carry 0.4 of 0.5: the rest is paid from cash, of which four weeks of obligations stay."""
    for obligations, granted in ((0.4, True), (0.48, False)):
        w = balloon(units=40, cash=2.0)
        w.borrower(0, obligations=obligations)
        w.open()
        assert (reason(w) is None) == granted  # 2.0 less 1.6 pays 0.1, 2.0 less 1.92 does not
        assert w.loans["principal"][0] == pytest.approx(0.4 if granted else 0.5, rel=1e-12)
        assert w.borrowers["cash"][0] == pytest.approx(1.9 if granted else 2.0, rel=1e-12)


def test_a_whole_firm_that_is_good_does_not_help_machines_that_are_worth_little() -> None:
    """Debts of 0.5 on assets of 1.21, of which 0.8 has to be kept; 80 pledged machines are worth 0.008."""
    w = balloon(cash=0.9)
    w.borrower(0, obligations=0.2, btc=3.0)
    w.machine(GPU, appraisal=0.0001, trigger=7)
    w.open()
    assert reason(w) == (Channel.MACHINE_PRICE, 7)


def test_an_extension_is_at_most_what_earnings_cover() -> None:
    """A machine that earns 0.0055 and costs 0.003: over two years at 10 % that covers 1.2 times 0.00379."""
    w = balloon(units=100, principal=0.5)
    w.machine(GPU, earning=0.0055)
    w.open()
    assert reason(w) is None
    most = 100 * 0.0025 / (1.2 * (0.5 + 0.05))
    assert w.loans["principal"][0] == pytest.approx(most, rel=1e-11)
    assert w.borrowers["cash"][0] == pytest.approx(2.0 - (0.5 - most), rel=1e-11)


def test_a_borrower_sells_coins_to_pay_down() -> None:
    w = balloon(units=40, cash=0.02)
    w.borrower(0, btc=9.0)
    w.open()
    assert reason(w) is None
    assert (w.borrowers["btc"][0], w.borrowers["cash"][0]) == (
        pytest.approx(8.2),
        pytest.approx(0.0, abs=1e-12),
    )


@pytest.mark.parametrize(("belief", "weeks"), [(Belief.UTILITY, 104), (Belief.VENTURE, 65)])
def test_the_new_life_of_a_balloon_follows_belief(belief: Belief, weeks: int) -> None:
    """60 of 80 machines are let for 52 weeks more: a venture lender lends (60 x 52 + 20 x 104)/80 weeks."""
    w = balloon()
    w.lender(0, belief=belief)
    w.contract(0, GPU, 60, loan=0, rent=0.012, end_week=WEEK + 52)
    roll(w)
    assert w.loans["maturity_week"][0] == WEEK + weeks


def test_who_refuses_a_balloon_has_a_reason() -> None:
    w = balloon()
    w.lender(0, status=LenderStatus.RECEIVERSHIP)
    assert reason(w) == (Channel.LENDER_CREDIT, TRIGGER)
    w = balloon()
    w.borrower(0, cfads_window=1.19)
    assert reason(w) == (Channel.RENT, -1)
    w = balloon()
    w.loans["maturity_sweep"][0] = 1
    w.borrower(0, cfads_window=1.19)
    roll(w)
    loan = w.loans[0]
    assert (loan["sweeping"], loan["maturity_week"], loan["amortising"]) == (1, WEEK + 52, 0)
    w.clock["week"] = WEEK + 51
    w.borrower(0, cfads_window=1.3)
    roll(w)
    assert (loan["sweeping"], loan["maturity_week"], loan["amortising"]) == (0, WEEK + 51 + 104, 1)


@pytest.mark.parametrize("recourse", [0, 1])
def test_a_balloon_that_is_not_paid_is_a_default_at_maturity(recourse: int) -> None:
    w = balloon(cash=0.0)
    w.borrower(0, cfads_window=0.0)
    w.loans["recourse"][0] = recourse
    w.machine(GPU, on=0, earning=0.0)
    w.open()
    w.clock["week"] = WEEK + 1
    for _ in range(4):
        operate(w.economy, w.p)
        enforce_covenants(w.economy, w.p)
        w.assert_books_close()
        w.clock["week"] += 1
    if recourse:
        assert w.borrowers["pending_cause"][0] == Cause.MATURITY
    else:
        (event,) = w.events(EventKind.FACILITY_DEFAULT)
        assert event["cause"] == Cause.MATURITY
