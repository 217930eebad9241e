"""Shares by hand: trailing means, the window that they open, how much is sold and what the books say."""

import math

import pytest
from worlds import ASIC, BIG, GPU, World

from hashcredit.agents.dimensions import Instrument
from hashcredit.simulator.credit.equity import issue_equity, watch_markets, window_open
from hashcredit.simulator.credit.rollover import roll_over
from hashcredit.simulator.state.codes import EventKind, Flow, Sector

WEEK = 9


def roll(w: World, weeks: int = 1) -> None:
    """The rollover phase for some weeks."""
    for _ in range(weeks):
        roll_over(w.economy, w.p)
        w.assert_books_close()
        w.clock["week"] += 1


def test_trailing_means_by_hand() -> None:
    # exp(-1/26) of last week's mean stays; from 100 k$ towards 130 k$, and from 2.0 towards 1.5 $/h.
    w = World(neoclouds=1, banks=1)
    w.market["btc_price"], w.market["rent_index"] = 130e3, 1.5
    keep = math.exp(-1 / 26)
    for week in range(1, 6):
        watch_markets(w.economy, w.p)
        assert w.market["btc_average"] == pytest.approx(130e3 - 30e3 * keep**week, rel=1e-12)
        assert w.market["rent_average"] == pytest.approx(1.5 + 0.5 * keep**week, rel=1e-12)
    w = World(neoclouds=1, banks=1)
    w.market["btc_price"] = 130e3
    roll_over(w.economy, w.p)  # the phase moves them, before anybody sells
    assert w.market["btc_average"] == pytest.approx(130e3 - 30e3 * keep, rel=1e-12)


@pytest.mark.parametrize(
    ("kind", "btc", "rent", "is_open"),
    [
        ("miners", 90_000.0, 0.1, True),  # at 0.9 of its mean; rents do not matter to a miner
        ("miners", 89_999.0, 9.0, False),
        ("neoclouds", 1.0, 1.8, True),
        ("neoclouds", 1e6, 1.7999, False),
    ],
)
def test_window_follows_the_market(kind: str, btc: float, rent: float, is_open: bool) -> None:
    w = World(**{kind: 1}, banks=1)
    w.market["btc_price"], w.market["rent_index"] = btc, rent  # means 100,000 and 2.0
    assert not window_open(w.economy, w.p, w.borrowers[0])  # not listed
    w.borrower(0, listed=1)
    assert window_open(w.economy, w.p, w.borrowers[0]) == is_open


def test_issues_keep_their_distance() -> None:
    w = World(neoclouds=1, banks=1)
    w.borrower(0, listed=1, issued_week=0)
    for week, is_open in ((1, False), (12, False), (13, True)):
        w.clock["week"] = week
        assert window_open(w.economy, w.p, w.borrowers[0]) == is_open


def listed(cash: float, **borrower) -> World:
    """A cloud with 1,000 GPUs worth 20, no debts, and obligations of 0.1 a week."""
    w = World(neoclouds=1, banks=1)
    w.clock["week"] = WEEK
    w.borrower(0, units={GPU: 1000}, **({"listed": 1, "cash": cash, "obligations": 0.1} | borrower))
    w.open()
    return w


@pytest.mark.parametrize(("cash", "sold"), [(0.4, 0.0), (0.39, 0.61)])  # four weeks, ten weeks
def test_low_cash_is_refilled_to_the_buffer(cash: float, sold: float) -> None:
    w = listed(cash)
    roll(w, 13)
    assert w.borrowers["issuance"][0] == pytest.approx(sold, rel=1e-12)
    assert w.borrowers["cash"][0] == pytest.approx(cash + sold, rel=1e-12)
    assert w.economy.flows[Flow.EQUITY_INJECTIONS, Sector.NEOCLOUDS] == pytest.approx(sold, rel=1e-12)
    assert w.outcomes["equity_raised_musd"] == pytest.approx(sold, rel=1e-12)
    assert w.borrowers["issued_week"][0] == (WEEK if sold else -BIG)
    if sold:
        (event,) = w.events(EventKind.EQUITY_ISSUE)
        assert (event["agent"], event["week"]) == (0, WEEK)
        assert event["amount"] == pytest.approx(sold, rel=1e-12)


def test_an_issue_is_a_share_of_equity_at_most() -> None:
    # Equity 20 + 0 - 12 = 8: five per cent are 0.4 of the 1.0 that are wanted. After 13 weeks: 0.42 of 8.4.
    w = listed(0.0, payables=12.0)
    roll(w, 13)
    assert w.borrowers["issuance"][0] == pytest.approx(0.4, rel=1e-12)
    issue_equity(w.economy, w.p, 0, 1.0)
    assert w.borrowers["issuance"][0] == pytest.approx(0.82, rel=1e-12)
    w.assert_books_close()


def test_nobody_buys_shares_of_the_insolvent() -> None:
    w = listed(0.0, payables=20.1)
    roll(w)
    assert w.borrowers["issuance"][0] == 0.0
    assert w.borrowers["issued_week"][0] == -BIG


def test_unlisted_borrowers_sell_none() -> None:
    w = listed(0.0, listed=0)
    roll(w)
    assert w.borrowers["issuance"][0] == 0.0


def test_closed_window() -> None:
    w = listed(0.0)
    w.market["rent_index"] = 1.7  # the mean is 2.0 - 0.3 (1 - exp(-1/26)) = 1.98868 by then, 0.9 of it 1.7898
    roll(w)
    assert w.borrowers["issuance"][0] == 0.0


def test_a_refused_bond_is_paid_with_shares() -> None:
    # A face of 1.0, cash of 0.7, cover too low: 0.3 is missing; five per cent of equity of 19.7 are more.
    w = listed(0.7, cfads_window=0.5, service_window=1.0)
    w.loan(0, 0, 1.0, instrument=Instrument.HIGH_YIELD, maturity_week=WEEK + 1)
    w.open()
    roll(w)
    assert w.borrowers["issuance"][0] == pytest.approx(0.3, rel=1e-12)
    assert w.borrowers["cash"][0] == pytest.approx(1.0, rel=1e-12)
    (refusal,) = w.events(EventKind.REFINANCING_REFUSED)
    (issue,) = w.events(EventKind.EQUITY_ISSUE)
    assert refusal["week"] == issue["week"] == WEEK


def test_miners_sell_shares_too() -> None:
    w = World(miners=1, banks=1)
    w.borrower(0, units={ASIC: 1000}, listed=1, cash=0.0, obligations=0.001)
    w.open()
    roll(w)
    # ten weeks of obligations; five per cent of equity of 2.0 would be more
    assert w.economy.flows[Flow.EQUITY_INJECTIONS, Sector.MINERS] == pytest.approx(0.01, rel=1e-12)
