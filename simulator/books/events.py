"""Writing the event log: who did what to whom, how much, and which event led to it.

`note` writes any event; name what it says, the rest is "none". The others know the two sides of the events
that are most frequent.
"""

from hashcredit.agents.compiled import kernel
from hashcredit.agents.dimensions import Cause, Channel, Record
from hashcredit.simulator.state.codes import ErrorCode, Sector
from hashcredit.simulator.state.economy import Economy

NOBODY = -1
"""Sector and row of an agent, and machine type, of events without one."""
NO_EVENT = -1
"""Parent of an event that no other led to."""


@kernel
def note(
    economy: Economy,
    kind: int,
    sector: int = NOBODY,
    agent: int = NOBODY,
    other_sector: int = NOBODY,
    other: int = NOBODY,
    machine: int = NOBODY,
    units: int = 0,
    amount: float = 0.0,
    price: float = 0.0,
    cause: int = Cause.NONE,
    channel: int = Channel.NONE,
    parent: int = NO_EVENT,
) -> int:
    """Append one event and return its row, or -1 if events are not recorded (an empty buffer).

    `amount` in M$, `price` in M$ a unit. A full buffer sets the error code that stops the run.
    """
    capacity = economy.events.shape[0]
    if capacity == 0:
        return NO_EVENT
    clock = economy.clock[0]
    if clock.events >= capacity:
        clock.error = ErrorCode.EVENT_BUFFER_FULL
        return NO_EVENT
    event = economy.events[clock.events]
    event.week = clock.week
    event.kind = kind
    event.agent_kind = sector
    event.agent = agent
    event.counterparty_kind = other_sector
    event.counterparty = other
    event.machine = machine
    event.units = units
    event.amount = amount
    event.price = price
    event.cause = cause
    event.channel = channel
    event.parent = parent
    clock.events += 1
    return clock.events - 1


@kernel
def note_holder(
    economy: Economy,
    kind: int,
    loan: Record,
    amount: float,
    units: int = 0,
    price: float = 0.0,
    cause: int = Cause.NONE,
    channel: int = Channel.NONE,
    parent: int = NO_EVENT,
) -> int:
    """What the holder of a loan does to its obligor, for `amount` M$; `units` of the machines pledged."""
    sector = economy.borrowers[loan.obligor].sector
    return note(economy, kind, Sector.LENDERS, loan.holder, sector, loan.obligor, loan.machine, units, amount,
                price, cause, channel, parent)  # fmt: skip


@kernel
def note_obligor(
    economy: Economy,
    kind: int,
    loan: Record,
    amount: float,
    units: int = 0,
    cause: int = Cause.NONE,
    channel: int = Channel.NONE,
    parent: int = NO_EVENT,
) -> int:
    """What the obligor of a loan does to its holder, for `amount` M$; `units` of the machines pledged."""
    sector = economy.borrowers[loan.obligor].sector
    return note(economy, kind, sector, loan.obligor, Sector.LENDERS, loan.holder, loan.machine, units, amount,
                0.0, cause, channel, parent)  # fmt: skip


@kernel
def note_lender(
    economy: Economy, kind: int, index: int, amount: float, channel: int, parent: int = NO_EVENT
) -> int:
    """What happens to lender `index` by itself, for `amount` M$."""
    return note(economy, kind, Sector.LENDERS, index, amount=amount, channel=channel, parent=parent)


@kernel
def note_borrower(
    economy: Economy,
    kind: int,
    b: int,
    amount: float,
    units: int = 0,
    cause: int = Cause.NONE,
    channel: int = Channel.NONE,
    parent: int = NO_EVENT,
) -> int:
    """What happens to borrower `b` by itself, for `amount` M$."""
    return note(economy, kind, economy.borrowers[b].sector, b, units=units, amount=amount, cause=cause,
                channel=channel, parent=parent)  # fmt: skip


@kernel
def remember(economy: Economy, borrower: Record, channel: int, event: int) -> None:
    """Keep what last cost a borrower cash or credit: if it soon cannot pay, that is why."""
    borrower.trigger_channel = channel
    borrower.trigger_event = event
    borrower.trigger_week = economy.clock[0].week
