"""Phase 8: default, stay, seizure, the waterfall, and the end of a resolution.

Recoveries belong to claims. A secured creditor's seized machines pay its own claim; what they fetch
beyond it goes to the estate; what is missing is an unsecured claim where the contract has recourse.
The estate pays its costs, then unsecured claims pari passu, then equity.
"""

import math

import numpy as np

from hashcredit.agents.compiled import kernel
from hashcredit.agents.dimensions import (
    BorrowerKind,
    BorrowerStatus,
    Cause,
    Channel,
    Instrument,
    LoanStatus,
    MachineKind,
    Record,
)
from hashcredit.agents.lender import learn
from hashcredit.simulator.credit import condemn, liquidate_coins
from hashcredit.simulator.economy import Economy
from hashcredit.simulator.enforcement import removal_cost
from hashcredit.simulator.events import note
from hashcredit.simulator.ledger import (
    capitalise,
    pay,
    post_principal,
    revalue,
    sum_of,
    take_units,
    write_off,
)
from hashcredit.simulator.operations import DUST, facilities_of, loan_rate, sell_coins
from hashcredit.simulator.randomness import Stream, uniform
from hashcredit.simulator.shocks import WEEK
from hashcredit.simulator.tables import EventKind, Flow, Revaluation, Sector


@kernel
def pro_rata(cash: float, claims: float) -> float:
    """Share (0 to 1) of each claim that `cash` pays pari passu; both in M$."""
    if claims <= 0.0:
        return 0.0
    return min(1.0, max(0.0, cash) / claims)


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
def discount_to_default(economy: Economy, row: int) -> float:
    """Factor that discounts today's recovery of a claim to its default date at its contract rate."""
    loan = economy.loans[row]
    market = economy.market[0]
    weeks = market.week - economy.borrowers[loan.obligor].default_week
    return math.exp(-loan_rate(loan, market.policy_rate) * weeks * WEEK)


@kernel
def charge_collateral(economy: Economy, row: int, cost: float) -> None:
    """Removal or storage (M$): paid by the holder, added to its claim, netted from what it recovers."""
    loan = economy.loans[row]
    lender = economy.lenders[loan.holder]
    pay(economy, Flow.REMOVAL_AND_STORAGE, lender, economy.world[0], cost)
    capitalise(economy, loan, economy.borrowers[loan.obligor], lender, cost)
    loan.recovered -= cost
    loan.recovered_pv -= cost * discount_to_default(economy, row)


@kernel
def apply_collateral(economy: Economy, row: int, proceeds: float) -> None:
    """Give sale proceeds that the holder has received to its claim, and the surplus to the estate."""
    loan = economy.loans[row]
    lender = economy.lenders[loan.holder]
    borrower = economy.borrowers[loan.obligor]
    applied = min(proceeds, loan.principal)
    post_principal(loan, borrower, lender, -applied)
    loan.recovered += applied
    loan.recovered_pv += applied * discount_to_default(economy, row)
    surplus = proceeds - applied
    if surplus > 0.0:
        pay(economy, Flow.RECOVERIES, lender, borrower, surplus)
    # the borrower's machines paid this debt and, with the surplus, its estate
    revalue(economy, Revaluation.MACHINE_SALES, borrower, proceeds)
    if loan.principal < DUST:
        write_off(economy, loan, borrower, lender)


@kernel
def default_loan(economy: Economy, row: int) -> float:
    """Turn a loan into a claim; pledged coins are sold at once (safe harbour). Return the claim, M$."""
    loan = economy.loans[row]
    borrower = economy.borrowers[loan.obligor]
    lender = economy.lenders[loan.holder]
    loan.status = LoanStatus.DEFAULTED
    loan.contract_units = 0
    loan.claim = loan.principal
    loan.recovered = 0.0
    loan.recovered_pv = 0.0
    loan.paper_value = 0.0
    loan.weeks_held = 0
    if loan.instrument == Instrument.BTC_LOAN and loan.coins > 0.0:
        proceeds = liquidate_coins(economy, row)
        applied = min(proceeds, loan.principal)
        pay(economy, Flow.RECOVERIES, borrower, lender, applied)
        post_principal(loan, borrower, lender, -applied)
        loan.recovered += applied
        loan.recovered_pv += applied
        borrower.btc += loan.coins
        loan.coins = 0.0
    return loan.claim


@kernel
def fail(economy: Economy, p: Record, seed: int, replicate: int, b: int) -> None:
    """The default of borrower `b`: its loans become claims, the stay begins, its coins go to the estate."""
    market = economy.market[0]
    borrower = economy.borrowers[b]
    borrower.status = BorrowerStatus.IN_RESOLUTION
    borrower.default_week = market.week
    borrower.cause = borrower.pending_cause
    span = p.resolution_stay_high - p.resolution_stay_low + 1
    u = uniform(seed, replicate, market.week, b, Stream.STAY, 0, 0)
    borrower.release_week = market.week + p.resolution_stay_low + int(u * span)
    debt = 0.0
    first, last = facilities_of(economy, b)
    for row in range(first, last):
        if economy.loans[row].status == LoanStatus.PERFORMING:
            debt += default_loan(economy, row)
    borrower.default_event = note(
        economy, EventKind.DEFAULT, borrower.sector, b, -1, -1, -1, sum_of(borrower.units), debt, 0.0,
        borrower.cause, borrower.pending_channel, borrower.pending_parent)  # fmt: skip
    market.btc_sold += sell_coins(economy, p, borrower, np.inf)
    # the landlord claims a capped part of the leases that the estate rejects
    damages = borrower.lease_week * p.resolution_landlord_cap_weeks
    borrower.payables += damages
    revalue(economy, Revaluation.UNPAID_BILLS, borrower, -damages)
    revalue(economy, Revaluation.UNPAID_BILLS, economy.world[0], damages)
    borrower.offered[:] = 0
    market.defaults += 1
    if borrower.kind == BorrowerKind.MINER:
        market.defaults_miners += 1
    else:
        market.defaults_neoclouds += 1
    market.defaults_by_cause[borrower.cause] += 1
    market.debt_defaulted += debt


@kernel
def seize(economy: Economy, p: Record, row: int) -> None:
    """The stay is over: pledged machines move to the holder, who pays for their removal."""
    loan = economy.loans[row]
    borrower = economy.borrowers[loan.obligor]
    lender = economy.lenders[loan.holder]
    units = loan.units
    m = loan.machine
    loan.units = 0
    if units == 0 or loan.principal <= 0.0:
        return  # nothing owed: the machines stay with the estate
    machine = economy.machines[m]
    revalue(economy, Revaluation.MACHINE_SALES, borrower, -take_units(economy, borrower, m, units))
    lender.units[m] += units
    loan.seized = units
    loan.weeks_held = -1  # this week's storage makes it 0: the first sale is in the week of seizure
    loan.paper_value = units * machine.appraisal
    economy.market[0].units_dumped += units
    economy.market[0].paper_seized += loan.paper_value
    charge_collateral(economy, row, units * removal_cost(p, machine.kind))
    note(
        economy,
        EventKind.SEIZURE,
        Sector.LENDERS,
        loan.holder,
        borrower.sector,
        loan.obligor,
        m,
        units,
        loan.paper_value,
        machine.appraisal,
        borrower.cause,
        Channel.NONE,
        borrower.default_event,
    )


@kernel
def vacate(economy: Economy, p: Record, b: int) -> None:
    """The landlord takes the slots back; a share of them is to let again."""
    borrower = economy.borrowers[b]
    market = economy.market[0]
    for cooling in range(borrower.slots.shape[0]):
        market.slots_closed += borrower.slots[cooling]
        market.vacant[cooling] += int(p.resolution_relet_share * borrower.slots[cooling])
        borrower.slots[cooling] = 0
    borrower.lease_week = 0.0


@kernel
def store(economy: Economy, p: Record, row: int) -> None:
    """A week's storage of seized machines."""
    loan = economy.loans[row]
    loan.weeks_held += 1
    cost = p.secondary_market_storage_cost
    if economy.machines[loan.machine].kind == MachineKind.ASIC:
        cost = p.secondary_market_storage_cost_asic
    charge_collateral(economy, row, cost * loan.seized)


@kernel
def unsecured_part(loan: Record) -> float:
    """What a claim may ask of the estate (M$): all of an unsecured loan, a deficiency with recourse."""
    if loan.status != LoanStatus.DEFAULTED or loan.principal <= 0.0:
        return 0.0
    if loan.rank > 0 or loan.recourse:
        return loan.principal
    return 0.0


@kernel
def close_claim(economy: Economy, p: Record, row: int, share: float) -> float:
    """Pay a claim its share of the estate, write the rest off and remember the recovery."""
    loan = economy.loans[row]
    borrower = economy.borrowers[loan.obligor]
    lender = economy.lenders[loan.holder]
    market = economy.market[0]
    paid = share * unsecured_part(loan)
    if paid > 0.0:
        pay(economy, Flow.RECOVERIES, borrower, lender, paid)
        post_principal(loan, borrower, lender, -paid)
        loan.recovered += paid
        loan.recovered_pv += paid * discount_to_default(economy, row)
    loss = loan.principal
    market.credit_lost += loss
    write_off(economy, loan, borrower, lender)
    loan.status = LoanStatus.RESOLVED
    if loan.claim > 0.0:
        recovery = min(loan.recovered_pv, loan.claim)
        market.resolved_claims += loan.claim
        market.resolved_recoveries += recovery
        lender.learned_recovery = learn(
            lender.learned_recovery, max(0.0, recovery) / loan.claim, p.credit_learning_weight
        )
        note(economy, EventKind.RECOVERY, Sector.LENDERS, loan.holder, borrower.sector, loan.obligor,
             loan.machine, 0, loan.recovered, 0.0, borrower.cause, Channel.NONE,
             borrower.default_event)  # fmt: skip
    return loss


@kernel
def close_estate(economy: Economy, p: Record, b: int) -> None:
    """All machines are sold: costs, unsecured claims pari passu, equity; the borrower is gone."""
    borrower = economy.borrowers[b]
    world = economy.world[0]
    first, last = facilities_of(economy, b)
    unsecured = borrower.payables
    for row in range(first, last):
        unsecured += unsecured_part(economy.loans[row])
    costs, share, surplus = estate_waterfall(borrower.cash, p.resolution_estate_cost_share, unsecured)
    pay(economy, Flow.ESTATE_COSTS, borrower, world, costs)
    settled = share * borrower.payables
    pay(economy, Flow.PAYABLES_SETTLED, borrower, world, settled)
    unpaid = borrower.payables - settled
    revalue(economy, Revaluation.UNPAID_BILLS, borrower, unpaid)
    revalue(economy, Revaluation.UNPAID_BILLS, world, -unpaid)
    borrower.payables = 0.0
    losses = 0.0
    for row in range(first, last):
        if economy.loans[row].status == LoanStatus.DEFAULTED:
            losses += close_claim(economy, p, row, share)
    if surplus > 0.0:
        pay(economy, Flow.DISTRIBUTIONS, borrower, world, surplus)
        borrower.distributions += surplus
    borrower.status = BorrowerStatus.RESOLVED
    note(economy, EventKind.RESOLUTION, borrower.sector, b, -1, -1, -1, 0, losses, 0.0, borrower.cause,
         Channel.NONE, borrower.default_event)  # fmt: skip


@kernel
def resolve(economy: Economy, p: Record, b: int) -> None:
    """One week of a resolution: seizure when the stay ends, storage, the estate's own sale, the end."""
    market = economy.market[0]
    borrower = economy.borrowers[b]
    if market.week < borrower.release_week:
        return
    first, last = facilities_of(economy, b)
    if market.week == borrower.release_week:
        for row in range(first, last):
            loan = economy.loans[row]
            if loan.status == LoanStatus.DEFAULTED and loan.machine >= 0:
                seize(economy, p, row)
            elif loan.units > 0:
                loan.units = 0  # a repaid facility whose contract died with the borrower
        vacate(economy, p, b)
    held = 0
    for row in range(first, last):
        loan = economy.loans[row]
        if loan.status == LoanStatus.DEFAULTED and loan.seized > 0:
            held += loan.seized
            store(economy, p, row)
    for m in range(economy.machines.shape[0]):
        borrower.offered[m] = borrower.units[m]
        held += borrower.units[m]
    if held == 0:
        close_estate(economy, p, b)


@kernel
def force_defaults(economy: Economy, p: Record) -> None:
    """`shocks.forced_default`: the largest holders of a type fail until they held that many units.

    Holders fail whole, so more units than asked for may come to be seized.
    """
    if economy.market[0].week != p.forced_week:
        return
    m = p.forced_machine
    missing = p.forced_units
    while missing > 0:
        largest = -1
        for b in range(economy.borrowers.shape[0]):
            borrower = economy.borrowers[b]
            if borrower.status != BorrowerStatus.ALIVE or borrower.pending_cause == Cause.FORCED:
                continue
            if borrower.units[m] > 0 and (
                largest < 0 or borrower.units[m] > economy.borrowers[largest].units[m]
            ):
                largest = b
        if largest < 0:
            return
        economy.borrowers[largest].pending_cause = Cause.NONE
        condemn(economy.borrowers[largest], Cause.FORCED, Channel.EXOGENOUS, -1)
        missing -= economy.borrowers[largest].units[m]


@kernel
def resolve_defaults(economy: Economy, p: Record, seed: int, replicate: int) -> None:
    """Phase 8: new failures, then one week of every resolution."""
    force_defaults(economy, p)
    for b in range(economy.borrowers.shape[0]):
        borrower = economy.borrowers[b]
        if borrower.status == BorrowerStatus.ALIVE:
            if borrower.pending_cause != Cause.NONE:
                fail(economy, p, seed, replicate, b)
        elif borrower.status == BorrowerStatus.IN_RESOLUTION:
            resolve(economy, p, b)
