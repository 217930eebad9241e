"""A bond that is about to mature, and what becomes of it."""

from worlds import GPU, World

from hashcredit.agents.dimensions import Instrument
from hashcredit.simulator.credit.rollover import roll_over
from hashcredit.simulator.state.codes import EventKind, Sector

WEEK = 9
TRIGGER = 17
"""Event that last cost the lender a write-down."""


def bond(kind: str = "banks", instrument: int = Instrument.HIGH_YIELD, loan: dict | None = None, **numbers):
    """A bond of 1.0 that matures in week 10, seen in week 9.

    Assets 2.4: 20 GPUs at 0.020 and cash of 2.0; debts 1.0, the holder advances a half: 1.2. Cover 1.3
    against 1.2. Equity over loans of the holder 1 against 0.1.
    """
    w = World(neoclouds=1, **{kind: 1}, **numbers)
    w.clock["week"] = WEEK
    w.borrower(0, units={GPU: 20}, cash=2.0, grade=1, cfads_window=1.3, service_window=1.0)
    w.loan(0, 0, 1.0, instrument=instrument, maturity_week=WEEK + 1, rate=0.09, **(loan or {}))
    w.lender(0, trigger=TRIGGER, capital_minimum=0.05)
    w.open()
    return w


def roll(w: World, weeks: int = 1) -> None:
    """The rollover phase for some weeks."""
    for _ in range(weeks):
        roll_over(w.economy, w.p)
        w.assert_books_close()
        w.clock["week"] += 1


def reason(w: World) -> tuple[int, int] | None:
    """Channel and parent of a refusal, None if the bond was extended."""
    roll(w)
    found = w.events(EventKind.REFINANCING_REFUSED)
    assert w.outcomes["refinancings_refused"] == len(found) <= 1
    if not found:
        assert w.loans["maturity_week"][0] == WEEK + 104
        return None
    (event,) = found
    assert (event["agent_kind"], event["agent"], event["counterparty"]) == (Sector.LENDERS, 0, 0)
    assert event["amount"] == w.loans["principal"][0]
    assert w.loans["maturity_week"][0] == WEEK + 1  # it falls due
    # refused credit is remembered
    row = w.borrowers[0]
    assert (row["trigger_channel"], row["trigger_week"]) == (event["channel"], WEEK)
    assert w.economy.events[row["trigger_event"]] == event
    return int(event["channel"]), int(event["parent"])
