"""Writing the event log."""

from hashcredit.agents.compiled import kernel
from hashcredit.agents.dimensions import Record
from hashcredit.simulator.state.economy import Economy
from hashcredit.simulator.state.tables import ErrorCode


@kernel
def note(
    economy: Economy,
    kind: int,
    sector: int,
    agent: int,
    other_sector: int,
    other: int,
    machine: int,
    units: int,
    amount: float,
    price: float,
    cause: int,
    channel: int,
    parent: int,
) -> int:
    """Append one event and return its row, or -1 if events are not recorded (an empty buffer).

    `amount` in M$, `price` in M$ a unit. A full buffer sets the error code that stops the run.
    """
    capacity = economy.events.shape[0]
    if capacity == 0:
        return -1
    clock = economy.clock[0]
    if clock.events >= capacity:
        clock.error = ErrorCode.EVENT_BUFFER_FULL
        return -1
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
def remember(economy: Economy, borrower: Record, channel: int, event: int) -> None:
    """Keep what last cost a borrower cash or credit: if it soon cannot pay, that is to blame."""
    borrower.trigger_channel = channel
    borrower.trigger_event = event
    borrower.trigger_week = economy.clock[0].week
