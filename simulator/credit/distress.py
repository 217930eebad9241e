"""What distress means for a borrower: what it owns and owes, what that is due to, and that it has to fail.

A borrower that must fail is only marked here (`mark_to_fail`); it fails in the resolution phase.
"""

from hashcredit.agents.compiled import kernel
from hashcredit.agents.dimensions import (
    DSCR_WINDOW,
    Cause,
    Channel,
    MachineKind,
    Record,
)
from hashcredit.agents.miner import lives_on_btc
from hashcredit.simulator.books.contracts import contracts_of
from hashcredit.simulator.books.loans import (
    DUST,
    assets_at_appraisal,
    debts,
    facilities_of,
    has_matured,
    owes,
)
from hashcredit.simulator.state.economy import Economy


@kernel
def mark_to_fail(economy: Economy, b: int, cause: int, channel: int, parent: int) -> None:
    """Mark borrower `b` as failing this week; the first cause counts."""
    borrower = economy.borrowers[b]
    economy.calm[b] = False
    if borrower.pending_cause == Cause.NONE:
        borrower.pending_cause = cause
        borrower.pending_channel = channel
        borrower.pending_parent = parent


@kernel
def trace_trouble(economy: Economy, b: int) -> tuple[int, int]:
    """Channel and event behind a borrower's inability to pay.

    What it remembers from the weeks of the cover window; without such an event the market that pays it,
    BTC for a miner that mines for most of its income at spot, compute rents for all others.
    """
    borrower = economy.borrowers[b]
    if borrower.trigger_channel != Channel.NONE and (
        economy.clock[0].week - borrower.trigger_week < DSCR_WINDOW
    ):
        return borrower.trigger_channel, borrower.trigger_event
    mined, rent = spot_earnings(economy, borrower)
    if lives_on_btc(borrower.kind, mined, rent):
        return Channel.BTC_PRICE.value, -1
    return Channel.RENT.value, -1


@kernel
def spot_earnings(economy: Economy, borrower: Record) -> tuple[float, float]:
    """What a borrower's ASICs would mine and its GPUs would earn at spot, M$ a year."""
    rent = 0.0
    mined = 0.0
    for m in range(economy.machines.shape[0]):
        machine = economy.machines[m]
        earned = borrower.units[m] * machine.earning
        if machine.kind == MachineKind.ASIC:
            mined += earned
        else:
            rent += earned
    return mined, rent


@kernel
def arrears(economy: Economy, b: int) -> tuple[int, bool, bool]:
    """Most weeks in a row with a missed payment, whether a bullet or balloon is what is missed, and distress.

    Distress: overdue bills, a missed payment or an uncured borrowing base.
    """
    borrower = economy.borrowers[b]
    week = economy.clock[0].week
    missed = borrower.weeks_payables
    matured = False
    distressed = borrower.payables > DUST
    first, last = facilities_of(economy, b)
    for row in range(first, last):
        loan = economy.loans[row]
        if loan.controlled:
            continue  # its holder takes what it earns, and asks nothing more of the owner
        if (loan.weeks_overdue > 0 or loan.weeks_over_base > 0) and owes(loan):
            distressed = True
            if loan.weeks_overdue > 0:
                missed = max(missed, loan.weeks_overdue)
                matured |= has_matured(loan, week)
    return missed, matured, distressed


@kernel
def fail_to_pay(economy: Economy, b: int, matured: bool) -> None:
    """Payments missed beyond the grace period: the borrower fails, insolvent or merely illiquid."""
    channel, event = trace_trouble(economy, b)
    if assets_at_appraisal(economy, b) < debts(economy, b):
        mark_to_fail(economy, b, Cause.INSOLVENCY, channel, event)
    elif matured:
        mark_to_fail(economy, b, Cause.MATURITY, channel, event)
    else:
        mark_to_fail(economy, b, Cause.ILLIQUIDITY, channel, event)


@kernel
def offer_free_units(economy: Economy, b: int, distressed: bool) -> None:
    """A borrower in distress puts what is neither pledged nor let on sale, one out of it takes it back."""
    borrower = economy.borrowers[b]
    borrower.selling = distressed
    if not distressed:
        for m in range(borrower.offered.shape[0]):
            borrower.offered[m] = 0
        return
    economy.calm[b] = False
    for m in range(borrower.offered.shape[0]):
        borrower.offered[m] = borrower.units[m]
    first, last = facilities_of(economy, b)
    for row in range(first, last):
        loan = economy.loans[row]
        if loan.units > 0:
            borrower.offered[loan.machine] -= loan.units
    first, last = contracts_of(economy, b)
    for row in range(first, last):
        contract = economy.contracts[row]
        if contract.loan < 0:
            borrower.offered[contract.machine] -= contract.units
    for m in range(borrower.offered.shape[0]):
        # fewer are free where machines that are let were pledged later
        borrower.offered[m] = max(0, borrower.offered[m])
