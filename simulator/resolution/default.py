"""Phase `resolution`: default, stay, the waterfall, and the end of a resolution.

The estate pays its costs, then unsecured claims pari passu, then equity; what secures a claim is the
affair of `claims`.
"""

import numpy as np

from hashcredit.agents.compiled import kernel
from hashcredit.agents.dimensions import (
    BorrowerKind,
    BorrowerStatus,
    Cause,
    Channel,
    LoanStatus,
    Record,
)
from hashcredit.simulator.books.contracts import end_contracts
from hashcredit.simulator.books.events import note_borrower
from hashcredit.simulator.books.ledger import bill, pay, sum_of
from hashcredit.simulator.books.loans import facilities_of, has_claims, owes, pro_rata, sell_coins
from hashcredit.simulator.books.orders import cancel_orders
from hashcredit.simulator.books.prepayments import customers_claims, settle_claims
from hashcredit.simulator.books.randomness import Stream, uniform
from hashcredit.simulator.books.vendor_loans import settle_vendor
from hashcredit.simulator.credit.claims import (
    advance_claims,
    close_claim,
    default_loan,
    seize,
    store,
    unsecured_part,
)
from hashcredit.simulator.credit.distress import mark_to_fail
from hashcredit.simulator.credit.sites import release_slots
from hashcredit.simulator.machines.slots import hand_to_landlord
from hashcredit.simulator.resolution.forced import force_defaults
from hashcredit.simulator.resolution.takeover import take_over
from hashcredit.simulator.state.codes import EventKind, Flow
from hashcredit.simulator.state.economy import Economy


@kernel
def estate_waterfall(cash: float, cost_share: float, unsecured: float) -> tuple[float, float, float]:
    """Split an estate: costs, the paid share of unsecured claims, and the surplus for equity.

    `cash` and `unsecured` in M$, `cost_share` a fraction of the cash. Returns (costs, share, surplus).
    """
    costs = cost_share * max(0.0, cash)
    left = cash - costs
    share = pro_rata(left, unsecured)
    return costs, share, max(0.0, left - share * unsecured)


@kernel
def fail(economy: Economy, p: Record, seed: int, replicate: int, b: int) -> None:
    """The default of borrower `b`: its loans become claims, the stay begins, its coins go to the estate."""
    clock = economy.clock[0]
    market = economy.market[0]
    outcomes = economy.outcomes[0]
    borrower = economy.borrowers[b]
    borrower.status = BorrowerStatus.IN_RESOLUTION
    borrower.default_week = clock.week
    borrower.cause = borrower.pending_cause
    span = p.resolution_stay_high - p.resolution_stay_low + 1
    u = uniform(seed, replicate, clock.week, b, Stream.STAY, 0, 0)
    borrower.release_week = clock.week + p.resolution_stay_low + int(u * span)
    debt = 0.0
    first, last = facilities_of(economy, b)
    for row in range(first, last):
        if owes(economy.loans[row]):
            debt += economy.loans[row].principal
    borrower.default_event = note_borrower(
        economy,
        EventKind.DEFAULT,
        b,
        debt,
        sum_of(borrower.units),
        borrower.cause,
        borrower.pending_channel,
        borrower.pending_parent,
    )
    for row in range(first, last):
        if economy.loans[row].status == LoanStatus.PERFORMING:
            default_loan(economy, row, borrower.default_event)
    borrower.claims = 0  # older ones are the estate's affair now
    cancel_orders(economy, b)
    market.btc_sold += sell_coins(economy, p, borrower, np.inf)
    # the landlord claims a capped part of the leases that the estate rejects
    damages = borrower.lease_week * p.resolution_landlord_cap_weeks
    bill(economy, borrower, damages)
    borrower.offered[:] = 0
    outcomes.defaults += 1
    if borrower.kind == BorrowerKind.MINER:
        outcomes.defaults_miners += 1
    else:
        outcomes.defaults_neoclouds += 1
    outcomes.defaults_by_cause[borrower.cause] += 1
    outcomes.debt_defaulted += debt


@kernel
def vacate(economy: Economy, p: Record, b: int) -> None:
    """The landlord takes all slots back."""
    borrower = economy.borrowers[b]
    for cooling in range(borrower.slots.shape[0]):
        hand_to_landlord(economy, p, borrower, cooling, borrower.slots[cooling])
    borrower.lease_week = 0.0


@kernel
def close_estate(economy: Economy, p: Record, b: int) -> None:
    """All machines are sold: costs, unsecured claims pari passu, equity; the borrower is gone."""
    borrower = economy.borrowers[b]
    world = economy.world[0]
    first, last = facilities_of(economy, b)
    unsecured = borrower.payables + customers_claims(borrower) + borrower.vendor_debt
    for row in range(first, last):
        unsecured += unsecured_part(economy.loans[row])
    costs, share, surplus = estate_waterfall(borrower.cash, p.resolution_estate_cost_share, unsecured)
    pay(economy, Flow.ESTATE_COSTS, borrower, world, costs)
    settled = share * borrower.payables
    pay(economy, Flow.PAYABLES_SETTLED, borrower, world, settled)
    bill(economy, borrower, settled - borrower.payables)
    borrower.payables = 0.0
    settle_claims(economy, borrower, share)
    if borrower.vendor_debt > 0.0:
        settle_vendor(economy, borrower, share)
    losses = 0.0
    for row in range(first, last):
        if economy.loans[row].status == LoanStatus.DEFAULTED:
            losses += close_claim(economy, p, row, share)
    if surplus > 0.0:
        pay(economy, Flow.DISTRIBUTIONS, borrower, world, surplus)
        borrower.distributions += surplus
    borrower.status = BorrowerStatus.RESOLVED
    note_borrower(
        economy, EventKind.RESOLUTION, b, losses, cause=borrower.cause, parent=borrower.default_event
    )


@kernel
def end_stay(economy: Economy, p: Record, b: int) -> None:
    """A rival takes the site over in place; or creditors take their machines and the landlord the slots.

    Of a failure that the scenario imposes the machines are to be seized: nobody takes its site over.
    """
    imposed = economy.borrowers[b].cause == Cause.FORCED
    if p.resolution_take_over and not imposed and take_over(economy, p, b):
        return
    end_contracts(economy, b)
    first, last = facilities_of(economy, b)
    for row in range(first, last):
        loan = economy.loans[row]
        if loan.status == LoanStatus.DEFAULTED and loan.machine >= 0:
            seize(economy, p, row)
    release_slots(economy, p, b, economy.world[0])
    vacate(economy, p, b)


@kernel
def resolve(economy: Economy, p: Record, b: int) -> None:
    """One week of a resolution: the end of the stay, storage, the estate's own sale, the end."""
    clock = economy.clock[0]
    borrower = economy.borrowers[b]
    first, last = facilities_of(economy, b)
    if clock.week == borrower.release_week:
        end_stay(economy, p, b)
    held = 0
    for row in range(first, last):
        loan = economy.loans[row]
        if loan.status == LoanStatus.DEFAULTED and loan.seized > 0:
            store(economy, p, row)
            held += loan.seized
    if clock.week < borrower.release_week:
        return
    for m in range(economy.machines.shape[0]):
        borrower.offered[m] = borrower.units[m]
        held += borrower.units[m]
    if held == 0:
        close_estate(economy, p, b)


@kernel
def fail_marked(economy: Economy, p: Record, seed: int, replicate: int) -> None:
    """The resolution of a further round: borrowers that must fail now, after this week's resolutions."""
    for b in range(economy.borrowers.shape[0]):
        if economy.calm[b]:
            continue
        borrower = economy.borrowers[b]
        if borrower.status == BorrowerStatus.ALIVE and borrower.pending_cause != Cause.NONE:
            fail(economy, p, seed, replicate, b)


@kernel
def resolve_defaults(economy: Economy, p: Record, seed: int, replicate: int) -> None:
    """Phase `resolution`: new failures, then one week of every resolution.

    Who is calm after it is passed over by all that follows from failures, until it is marked or defaults.
    """
    force_defaults(economy, p)
    for b in range(economy.borrowers.shape[0]):
        if economy.calm[b]:
            continue
        borrower = economy.borrowers[b]
        if borrower.status == BorrowerStatus.ALIVE:
            if borrower.claims > 0:
                unpaid = advance_claims(economy, p, b)
                if unpaid >= 0:
                    event = economy.loans[unpaid].default_event
                    mark_to_fail(economy, b, Cause.ACCELERATION, Channel.CONTRACT, event)
            if borrower.pending_cause != Cause.NONE:
                fail(economy, p, seed, replicate, b)
        elif borrower.status == BorrowerStatus.IN_RESOLUTION:
            resolve(economy, p, b)
        economy.calm[b] = not (has_claims(borrower) or borrower.selling)
