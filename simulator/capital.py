"""Phase 11 and the owners' side: write-downs, lenders' funding and failure, outsiders' fresh money."""

import math

from hashcredit.agents.compiled import kernel
from hashcredit.agents.dimensions import (
    BorrowerStatus,
    BuyerKind,
    Channel,
    LenderKind,
    LenderStatus,
    LoanStatus,
    Record,
)
from hashcredit.agents.lender import lending_capacity, under_pressure
from hashcredit.simulator.economy import Economy
from hashcredit.simulator.events import note
from hashcredit.simulator.ledger import free_slots, lender_equity, pay, revalue, sum_of
from hashcredit.simulator.operations import facilities_of
from hashcredit.simulator.orders import release_commitments
from hashcredit.simulator.shocks import WEEK
from hashcredit.simulator.tables import EventKind, Flow, Revaluation, Sector

UNLIMITED = 1e18
"""M$."""


@kernel
def expected_recovery(economy: Economy, p: Record, row: int) -> float:
    """What a holder still expects of a defaulted loan, M$: collateral at a forced sale, else experience."""
    loan = economy.loans[row]
    units = loan.units + loan.seized
    if loan.machine >= 0 and units > 0:
        appraisal = economy.machines[loan.machine].appraisal
        expected = p.marking_forced_sale_ratio * units * appraisal
    else:
        expected = economy.lenders[loan.holder].learned_recovery * loan.principal
    return min(loan.principal, expected)


@kernel
def write_down(economy: Economy, p: Record, row: int) -> None:
    """Set the allowance of a defaulted loan to what its holder expects to lose."""
    loan = economy.loans[row]
    lender = economy.lenders[loan.holder]
    allowance = loan.principal - expected_recovery(economy, p, row)
    change = allowance - loan.allowance
    if change > 0.0:
        lender.trigger = loan.default_event
    loan.allowance = allowance
    lender.allowance += change
    revalue(economy, Revaluation.WRITE_DOWNS, lender, -change)


@kernel
def write_down_loans(economy: Economy, p: Record) -> None:
    """Phase 11: allowances on every claim under resolution."""
    for b in range(economy.borrowers.shape[0]):
        borrower = economy.borrowers[b]
        if borrower.status != BorrowerStatus.IN_RESOLUTION and borrower.claims == 0:
            continue
        first, last = facilities_of(economy, b)
        for row in range(first, last):
            loan = economy.loans[row]
            if loan.status == LoanStatus.DEFAULTED:
                write_down(economy, p, row)


@kernel
def required_haircut(economy: Economy, lender: Record) -> float:
    """Haircut (fraction) on the loans that fund a lender: a bank has deposits instead."""
    return 0.0 if lender.kind == LenderKind.BANK else economy.market[0].haircut


@kernel
def capacity_of(economy: Economy, p: Record, lender: Record) -> float:
    """New loans (M$) that a lender can still make; without limit while its capital is ignored."""
    if lender.status != LenderStatus.ALIVE:
        return 0.0
    if not p.channels_lender_credit:
        return UNLIMITED
    haircut = required_haircut(economy, lender)
    loans = sum_of(lender.loans) + lender.committed
    return lending_capacity(lender_equity(lender), loans, lender.capital_target, haircut)


@kernel
def is_pressed(economy: Economy, p: Record, lender: Record) -> bool:
    """Whether a lender can no longer afford to wait: in receivership, under its minimum, or called itself."""
    if not p.channels_lender_credit:
        return False
    if lender.status != LenderStatus.ALIVE:
        return True
    return under_pressure(
        lender_equity(lender),
        sum_of(lender.loans) - lender.allowance,
        lender.capital_minimum,
        lender.funding if lender.kind != LenderKind.BANK else 0.0,
        lender.cash,
        required_haircut(economy, lender),
    )


@kernel
def funding_rate(economy: Economy, lender: Record) -> float:
    """Annual rate a lender pays on its funding: depositors the policy rate, others the cost of capital."""
    if lender.kind == LenderKind.BANK:
        return economy.market[0].policy_rate
    return economy.market[0].cost_of_capital


@kernel
def fund(economy: Economy, lender: Record, amount: float) -> None:
    """Draw funding (M$, negative repays) from the rest of the world."""
    if amount > 0.0:
        pay(economy, Flow.FUNDING, economy.world[0], lender, amount)
    else:
        pay(economy, Flow.FUNDING, lender, economy.world[0], -amount)
    lender.funding += amount


@kernel
def pay_out(economy: Economy, p: Record, lender: Record, earned: float) -> None:
    """Distribute a share of the week's earnings (M$) of a lender that is above its capital target."""
    if earned <= 0.0 or lender.status != LenderStatus.ALIVE:
        return
    if lender_equity(lender) < lender.capital_target * sum_of(lender.loans):
        return
    amount = min(p.lenders_payout[lender.kind] * earned, max(0.0, lender.cash))
    pay(economy, Flow.DISTRIBUTIONS, lender, economy.world[0], amount)
    lender.distributions += amount


@kernel
def manage_lender(economy: Economy, p: Record, index: int) -> None:
    """A lender's own week: funding cost, distributions, cash back to target, and its end."""
    lender = economy.lenders[index]
    loans = sum_of(lender.loans)
    cost = lender.funding * funding_rate(economy, lender) * WEEK
    pay(economy, Flow.FUNDING_INTEREST, lender, economy.world[0], cost)
    pay_out(economy, p, lender, lender.week_interest - cost)
    lender.week_interest = 0.0
    gap = p.lenders_cash_share[lender.kind] * loans - lender.cash
    if gap > 0.0:
        fund(economy, lender, gap)
    elif lender.funding > 0.0:
        fund(economy, lender, -min(-gap, lender.funding))
    if lender.status == LenderStatus.ALIVE and lender_equity(lender) < 0.0:
        lender.status = LenderStatus.RECEIVERSHIP
        lender.failure_week = economy.market[0].week
        economy.market[0].lender_failures += 1
        note(economy, EventKind.LENDER_FAILURE, Sector.LENDERS, index, -1, -1, -1, 0,
             lender_equity(lender), 0.0, 0, Channel.LOAN_LOSSES, lender.trigger)  # fmt: skip
        release_commitments(economy, index)


@kernel
def refill_buyer(economy: Economy, p: Record, k: int) -> None:
    """Fresh money comes with a lag, excess cash is distributed, free slots are built at a finite rate."""
    buyer = economy.buyers[k]
    gap = buyer.cash_target - buyer.cash
    world = economy.world[0]
    if gap > 0.0:
        fresh = gap / p.buyers_refill_weeks[buyer.kind]
        pay(economy, Flow.EQUITY_INJECTIONS, world, buyer, fresh)
        buyer.issuance += fresh
    elif gap < 0.0:
        pay(economy, Flow.DISTRIBUTIONS, buyer, world, -gap)
        buyer.distributions -= gap
    if buyer.kind == BuyerKind.SCRAP_DEALER:
        return
    for cooling in range(buyer.slots.shape[0]):
        target = buyer.slots_target[cooling]
        if target == 0 or free_slots(buyer, cooling) >= target:
            continue
        buyer.slot_credit[cooling] += target / p.buyers_slot_build_weeks[buyer.kind]
        built = math.floor(buyer.slot_credit[cooling])
        buyer.slot_credit[cooling] -= built
        buyer.slots[cooling] += built
        economy.market[0].slots_built += built


@kernel
def manage_capital(economy: Economy, p: Record) -> None:
    """Every lender's and outsider's own account at the end of the week."""
    for index in range(economy.lenders.shape[0]):
        manage_lender(economy, p, index)
    for k in range(economy.buyers.shape[0]):
        refill_buyer(economy, p, k)
