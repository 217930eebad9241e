"""What savers put into funds and take out of them."""

import math

import pytest
from worlds import World

from hashcredit.agents.dimensions import LenderStatus
from hashcredit.agents.lender import redemptions, subscriptions
from hashcredit.simulator.books.ledger import lender_equity
from hashcredit.simulator.lenders.investors import equity_wanted, meet_savers, observe_return
from hashcredit.simulator.state.codes import Flow, Sector

FUND, BANK = 1, 0


def world(**numbers) -> World:
    """A bank and a fund with loans of 10 and an equity of 2 each; their target is 30 %."""
    terms = {"lenders_inflow": (0.0, 0.5, 0.0), "lenders_gate": (0.0, 0.2, 0.0)}
    w = World(neoclouds=1, banks=1, private_credit=1, **(terms | numbers))
    for index in (BANK, FUND):
        w.loan(0, index, 10.0)
        w.lender(index, cash=1.0, funding=9.0, capital_target=0.3, trailing_return=0.06)
    w.repo["opening_tightness"] = 0.2
    w.market["tightness"] = 0.2
    w.open()
    return w


def test_savers_follow_slack_and_past_returns() -> None:
    assert subscriptions(0.5, 1.0, 0.06, 0.06) == pytest.approx(0.5, rel=1e-12)
    assert subscriptions(0.5, 0.5, 0.03, 0.06) == pytest.approx(0.125, rel=1e-12)
    assert subscriptions(0.5, 1.0, 0.60, 0.06) == pytest.approx(1.0, rel=1e-12)
    assert subscriptions(0.5, 1.0, -0.01, 0.06) == 0.0
    assert redemptions(0.01, 0.2) == 0.0
    assert redemptions(-0.05, 0.2) == 0.05
    assert redemptions(-0.5, 0.2) == 0.2


def test_a_week_of_subscriptions_to_a_fund_and_none_to_a_bank() -> None:
    w = world()
    fund = w.lenders[FUND]
    assert equity_wanted(w.p, fund) == pytest.approx(0.3 * 1.1 * 10.0 - 2.0, rel=1e-12)
    for index in (BANK, FUND):
        meet_savers(w.economy, w.p, w.lenders[index])
    kept = 0.06 * math.exp(-1 / 52)  # it has earned nothing this week
    fresh = 0.5 * kept / 0.06 * 2.0 / 52
    assert fund["trailing_return"] == pytest.approx(kept, rel=1e-12)
    assert (w.lenders["cash"][BANK], fund["cash"]) == (1.0, pytest.approx(1.0 + fresh, rel=1e-12))
    assert fund["issuance"] == pytest.approx(fresh, rel=1e-12)
    assert w.economy.flows[Flow.EQUITY_INJECTIONS, Sector.LENDERS] == pytest.approx(fresh, rel=1e-12)
    w.assert_books_close()


def test_no_more_than_it_has_use_for() -> None:
    w = world(lenders_inflow=(0.0, 100.0, 0.0))
    wanted = equity_wanted(w.p, w.lenders[FUND])
    meet_savers(w.economy, w.p, w.lenders[FUND])
    assert lender_equity(w.lenders[FUND]) == pytest.approx(2.0 + wanted, rel=1e-12)
    meet_savers(w.economy, w.p, w.lenders[FUND])
    assert lender_equity(w.lenders[FUND]) == pytest.approx(2.0 + wanted, rel=1e-12)


@pytest.mark.parametrize(("past", "asked"), [(-0.1, 0.1), (-3.0, 0.2)])
def test_clients_redeem_after_losses_up_to_the_gate(past: float, asked: float) -> None:
    w = world()
    fund = w.lenders[FUND]
    fund["trailing_return"] = past * math.exp(1 / 52)
    meet_savers(w.economy, w.p, fund)
    assert fund["distributions"] == 0.0  # its cash is what it wants to keep
    fund["cash"] += 1.0
    fund["funding"] += 1.0
    fund["trailing_return"] = past * math.exp(1 / 52)
    meet_savers(w.economy, w.p, fund)
    assert fund["distributions"] == pytest.approx(asked * 2.0 / 52, rel=1e-9)


def test_a_return_is_what_was_earned_on_equity() -> None:
    w = world()
    fund = w.lenders[FUND]
    fund["income"] = fund["income_seen"] + 0.02
    observe_return(w.p, fund)
    keep = math.exp(-1 / 52)
    assert fund["trailing_return"] == pytest.approx(keep * 0.06 + (1 - keep) * 0.02 / 2.0 * 52, rel=1e-12)
    assert fund["income_seen"] == fund["income"]


@pytest.mark.parametrize(("channel", "earned", "equity"), [(1, -0.38, 2.0), (0, 0.02, 2.9)])
def test_losses_that_are_ignored_lower_no_return(channel: int, earned: float, equity: float) -> None:
    # It has lost 0.9 in all, 0.4 of it this week, in which it has earned 0.02 otherwise.
    w = world(channels_lender_credit=channel)
    fund = w.lender(FUND, losses=0.9, losses_seen=0.5)
    fund["income"] = fund["income_seen"] - 0.38
    assert equity_wanted(w.p, fund) == pytest.approx(0.3 * 1.1 * 10.0 - equity, rel=1e-12)
    observe_return(w.p, fund)
    keep = math.exp(-1 / 52)
    expected = keep * 0.06 + (1 - keep) * earned / equity * 52
    assert fund["trailing_return"] == pytest.approx(expected, rel=1e-12)
    assert fund["losses_seen"] == 0.9


def test_nobody_puts_money_into_a_failed_fund() -> None:
    w = world()
    w.lender(FUND, status=LenderStatus.RECEIVERSHIP)
    meet_savers(w.economy, w.p, w.lenders[FUND])
    assert w.lenders["issuance"][FUND] == 0.0
