"""Claims: what becomes of one facility in default, whether its borrower fails with it or not.

Recoveries belong to claims. The holder sells the machines that secure its claim; what they fetch beyond
it goes to the borrower or its estate; what is missing is an unsecured claim where the contract has
recourse, and lost where it has none.
"""

import math

from hashcredit.agents.compiled import kernel
from hashcredit.agents.dimensions import Cause, LoanStatus, Record
from hashcredit.agents.lender import learn
from hashcredit.agents.units import WEEK
from hashcredit.simulator.books.contracts import end_contracts_on, keep_what_fits
from hashcredit.simulator.books.events import note_holder, note_obligor
from hashcredit.simulator.books.ledger import (
    capitalise,
    pay,
    post_principal,
    revalue,
    take_units,
    write_off,
)
from hashcredit.simulator.books.loans import (
    DUST,
    end_control,
    facilities_of,
    liquidate_coins,
    loan_rate,
    sell_coins,
)
from hashcredit.simulator.books.tape import note_end, note_recovery
from hashcredit.simulator.machines.collateral import (
    is_worth_keeping,
    is_worth_taking,
    removal_cost,
    storage_cost,
)
from hashcredit.simulator.state.codes import EventKind, Flow, Revaluation
from hashcredit.simulator.state.economy import Economy


@kernel
def discount_to_default(economy: Economy, row: int) -> float:
    """Factor that discounts today's recovery of a claim to its default date at its contract rate."""
    loan = economy.loans[row]
    clock, market = economy.clock[0], economy.market[0]
    weeks = clock.week - loan.default_week
    return math.exp(-loan_rate(loan, market.policy_rate) * weeks * WEEK)


@kernel
def charge_collateral(economy: Economy, row: int, cost: float) -> None:
    """Removal or storage (M$): paid by the holder, added to its claim, netted from what it recovers."""
    loan = economy.loans[row]
    lender = economy.lenders[loan.holder]
    pay(economy, Flow.REMOVAL_AND_STORAGE, lender, economy.world[0], cost)
    capitalise(economy, loan, economy.borrowers[loan.obligor], lender, cost)
    note_recovery(economy, loan, -cost)
    loan.recovered -= cost
    loan.recovered_pv -= cost * discount_to_default(economy, row)


@kernel
def pay_claim(economy: Economy, row: int, amount: float) -> None:
    """The borrower or its estate pays `amount` (M$) of a claim."""
    loan = economy.loans[row]
    borrower = economy.borrowers[loan.obligor]
    lender = economy.lenders[loan.holder]
    pay(economy, Flow.RECOVERIES, borrower, lender, amount)
    post_principal(loan, borrower, lender, -amount)
    note_recovery(economy, loan, amount)
    loan.recovered += amount
    loan.recovered_pv += amount * discount_to_default(economy, row)


@kernel
def apply_collateral(economy: Economy, row: int, proceeds: float) -> None:
    """Give sale proceeds that the holder has received to its claim, and the surplus to the estate."""
    loan = economy.loans[row]
    lender = economy.lenders[loan.holder]
    borrower = economy.borrowers[loan.obligor]
    applied = min(proceeds, loan.principal)
    post_principal(loan, borrower, lender, -applied)
    note_recovery(economy, loan, applied)
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
def default_loan(economy: Economy, row: int, event: int) -> None:
    """Turn a loan into a claim of the default logged as `event`; pledged coins are sold at once.

    A contract on its machines earns nothing from now on; it ends when they are removed from their racks.
    """
    loan = economy.loans[row]
    borrower = economy.borrowers[loan.obligor]
    loan.status = LoanStatus.DEFAULTED
    loan.default_week = economy.clock[0].week
    loan.default_event = event
    loan.sweeping = 0
    end_control(economy, loan)
    loan.claim = loan.principal
    loan.recovered = 0.0
    loan.recovered_pv = 0.0
    loan.paper_value = 0.0
    loan.weeks_held = 0
    if loan.coins > 0.0:
        proceeds = liquidate_coins(economy, row, loan.principal)
        pay_claim(economy, row, min(proceeds, loan.principal))
        borrower.btc += loan.coins
        loan.coins = 0.0


@kernel
def seize(economy: Economy, p: Record, row: int) -> None:
    """Pledged machines move to the holder, who pays for their removal; a contract on them ends.

    Machines that are not worth their removal stay where they are, free of the pledge.
    """
    loan = economy.loans[row]
    borrower = economy.borrowers[loan.obligor]
    lender = economy.lenders[loan.holder]
    units = loan.units
    m = loan.machine
    loan.units = 0
    end_contracts_on(economy, loan.obligor, row)
    if units == 0 or loan.principal <= 0.0:
        return  # nothing owed: the machines stay with the estate
    machine = economy.machines[m]
    if not is_worth_taking(economy, p, m):
        note_abandonment(economy, row, units)
        return
    revalue(economy, Revaluation.MACHINE_SALES, borrower, -take_units(economy, borrower, m, units))
    keep_what_fits(economy, loan.obligor, m)
    lender.units[m] += units
    loan.seized = units
    loan.weeks_held = -1  # this week's storage makes it 0: the first sale is in the week of seizure
    loan.paper_value = units * machine.appraisal
    economy.outcomes[0].units_dumped += units
    economy.outcomes[0].paper_value_musd += loan.paper_value
    charge_collateral(economy, row, units * removal_cost(p, machine.kind))
    note_holder(
        economy,
        EventKind.SEIZURE,
        loan,
        loan.paper_value,
        units,
        machine.appraisal,
        cause=borrower.cause,
        parent=loan.default_event,
    )


@kernel
def note_abandonment(economy: Economy, row: int, units: int) -> None:
    """Count and log machines that the holder of a claim gives up."""
    loan = economy.loans[row]
    price = economy.machines[loan.machine].appraisal
    economy.outcomes[0].units_abandoned += units
    note_holder(
        economy,
        EventKind.ABANDONMENT,
        loan,
        units * price,
        units,
        price,
        cause=economy.borrowers[loan.obligor].cause,
        parent=loan.default_event,
    )


@kernel
def abandon(economy: Economy, row: int) -> None:
    """Seized machines that are not worth their storage are left to whoever breaks them up, for nothing."""
    loan = economy.loans[row]
    note_abandonment(economy, row, loan.seized)
    economy.lenders[loan.holder].units[loan.machine] -= loan.seized
    economy.machines[loan.machine].scrapped += loan.seized
    loan.seized = 0
    loan.paper_value = 0.0


@kernel
def store(economy: Economy, p: Record, row: int) -> None:
    """A week's storage of seized machines, as long as they are worth it."""
    loan = economy.loans[row]
    loan.weeks_held += 1
    if not is_worth_keeping(economy, p, loan.machine, loan.weeks_held):
        abandon(economy, row)
        return
    cost = storage_cost(p, economy.machines[loan.machine].kind)
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
    outcomes = economy.outcomes[0]
    paid = share * unsecured_part(loan)
    if paid > 0.0:
        pay_claim(economy, row, paid)
    loss = loan.principal
    outcomes.credit_lost += loss
    write_off(economy, loan, borrower, lender)
    loan.status = LoanStatus.RESOLVED
    note_end(economy, loan)
    if loan.claim > 0.0:
        recovery = min(loan.recovered_pv, loan.claim)
        outcomes.resolved_claims += loan.claim
        outcomes.resolved_recoveries += recovery
        lender.learned_recovery = learn(
            lender.learned_recovery, max(0.0, recovery) / loan.claim, p.credit_learning_weight
        )
        note_holder(
            economy,
            EventKind.RECOVERY,
            loan,
            loan.recovered,
            cause=borrower.cause,
            parent=loan.default_event,
        )
    return loss


@kernel
def default_facility(economy: Economy, p: Record, row: int, cause: int, channel: int, parent: int) -> None:
    """One facility defaults and its borrower lives on: the holder takes the machines without a stay."""
    loan = economy.loans[row]
    borrower = economy.borrowers[loan.obligor]
    outcomes = economy.outcomes[0]
    kind = EventKind.HAND_BACK.value if cause == Cause.HAND_BACK else EventKind.FACILITY_DEFAULT.value
    event = note_obligor(economy, kind, loan, loan.principal, loan.units, cause, channel, parent)
    default_loan(economy, row, event)
    borrower.claims += 1
    economy.calm[loan.obligor] = False
    outcomes.facility_defaults += 1
    outcomes.hand_backs += cause == Cause.HAND_BACK
    outcomes.debt_defaulted += loan.claim
    if loan.machine >= 0:
        seize(economy, p, row)
        loan.weeks_held -= p.resolution_removal_weeks


@kernel
def pay_deficiency(economy: Economy, p: Record, row: int) -> bool:
    """Whether a live borrower can pay what its machines did not fetch, where the contract has recourse."""
    borrower = economy.borrowers[economy.loans[row].obligor]
    missing = unsecured_part(economy.loans[row])
    if borrower.cash < missing:
        sell_coins(economy, p, borrower, missing - borrower.cash)
    return borrower.cash >= missing


@kernel
def advance_claims(economy: Economy, p: Record, b: int) -> int:
    """A week of a live borrower's claims: storage while machines are left, then the end of the claim.

    Returns the row of a deficiency that the borrower owes and cannot pay, -1 if there is none.
    """
    borrower = economy.borrowers[b]
    unpaid = -1
    first, last = facilities_of(economy, b)
    for row in range(first, last):
        loan = economy.loans[row]
        if loan.status != LoanStatus.DEFAULTED:
            continue
        if loan.seized > 0:
            store(economy, p, row)
        elif borrower.pending_cause != Cause.NONE or unpaid >= 0:
            continue  # it fails this week: the estate's affair, and nobody is paid before the others
        elif pay_deficiency(economy, p, row):
            close_claim(economy, p, row, 1.0)
            borrower.claims -= 1
        else:
            unpaid = row
    return unpaid
