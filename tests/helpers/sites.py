"""A neo-cloud that fails and two rivals, for tests of sites taken over in place."""

import math
from collections.abc import Iterable
from typing import Any

from worlds import ASIC, GPU, NEW_GPU, World

from hashcredit.agents.dimensions import (
    Cause,
    Instrument,
)
from hashcredit.simulator.resolution.default import resolve_defaults
from hashcredit.simulator.state.codes import EventKind

FAILED, FIRST, SECOND = 0, 1, 2
"""Borrowers: one in default, two that may take its site over."""
LENDER_NODES = 3
"""First lender in the trading network of three borrowers."""
FIRST_LIEN, SECOND_LIEN, BOND = 0, 1, 2
"""Loan rows of the failed borrower."""
DEFAULT_WEEK, RELEASE_WEEK = 10, 14

YEAR_FIXED, YEAR_FALLING = (1 - math.exp(-0.06)) / 0.06, (1 - math.exp(-0.16)) / 0.16
"""One a year for one year at 6 %, and what falls by 10 % a year: a contract's rent, earnings on demand."""

ANNUITY = (1 - math.exp(-0.06 * 5)) / 0.06
"""One a year for the five years of the valuation horizon, at 6 %: 4.3197."""
# Reservation prices .6 * .020 and .6 * .036; in place creditors save .001 of removal, the estate nothing.
ASKS = (20 * 0.011, 10 * 0.0206, 10 * 0.012)
"""Of the first lien, the second, the estate: .22 + .206 + .12."""
ASK = sum(ASKS)
CURE = 0.01 + 4 * 0.001
"""Bills overdue at default, and four weeks of lease."""
WORTH = 30 * 0.018 + 10 * 0.030 - 52 * 0.001 * ANNUITY
"""Machines less leases: .84 - .2246."""


def site(trade: Iterable[tuple[int, int]] | None = None, **numbers: Any) -> World:
    """A neo-cloud that fails in week 10 with a stay of four weeks, and two rivals. M$ throughout.

        machines   30 GPUs: 20 pledged to bank 0, 10 free; 10 newer GPUs, pledged to bank 1; 45 slots
        debts      first lien .3, second lien 1.0, bond .5 (bank 2), bills .01
        lease      .001 a week; the landlord may claim ten weeks for its rejection

    Machines are worth .018 and .030 to the rivals. They have no obligations: half of their cash is free.
    """
    numbers.setdefault("resolution_take_over", 1)
    w = World(neoclouds=3, banks=3, trade=trade, **numbers)
    w.clock["week"] = DEFAULT_WEEK
    w.borrower(FAILED, units={GPU: 30, NEW_GPU: 10}, slots=(0, 45, 0), payables=0.01, lease_week=0.001)
    w.loan(FAILED, 0, 0.3, machine=GPU, units=20, rate=0.02)
    w.loan(FAILED, 1, 1.0, machine=NEW_GPU, units=10, rate=0.02)
    w.loan(FAILED, 2, 0.5, instrument=Instrument.HIGH_YIELD, rate=0.08)
    w.borrowers[FAILED]["pending_cause"] = Cause.ILLIQUIDITY
    for lender in w.lenders:
        lender["cash"] = 1.0
    return w


def contract(w: World, row: int, units: int, rent: float, end: int = RELEASE_WEEK + 52) -> int:
    """Let machines of a facility to a customer that does not fail; return the contract's row."""
    return w.contract(FAILED, int(w.loans["machine"][row]), units, loan=row, rent=rent, end_week=end)


def default(w: World) -> None:
    """The weeks of the stay: from here on the site can be taken over."""
    w.open()
    for _ in range(DEFAULT_WEEK, RELEASE_WEEK):
        resolve_defaults(w.economy, w.p, 1, 0)
        w.clock["week"] += 1
    w.value(GPU, 0.018)
    w.value(NEW_GPU, 0.030)
    w.value(ASIC, 0.0)


def release(w: World) -> None:
    """The week in which the stay ends."""
    resolve_defaults(w.economy, w.p, 1, 0)
    w.assert_books_close()


def acquirer(w: World) -> int:
    """Who took the site over, -1 if nobody did."""
    events = w.events(EventKind.SITE_TAKEN_OVER)
    assert w.outcomes["sites_taken_over"] == len(events)
    return int(events[0]["agent"]) if events else -1


def price(w: World) -> float:
    (event,) = w.events(EventKind.SITE_TAKEN_OVER)
    return float(event["amount"])
