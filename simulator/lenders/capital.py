"""Phase `losses`: write-downs, what pressure means, and a lender's own week."""

from hashcredit.agents.compiled import kernel
from hashcredit.agents.dimensions import LenderStatus, LoanStatus, Record
from hashcredit.agents.lender import under_pressure
from hashcredit.agents.units import WEEK
from hashcredit.simulator.books.ledger import lending_equity, lose, losses_bind, pay, sum_of
from hashcredit.simulator.books.loans import facilities_of, has_claims
from hashcredit.simulator.lenders.funding import (
    borrow_on_loans,
    borrowing_limit,
    borrowing_rate,
    cash_target,
    does_business,
    has_deposits,
    lending_cash,
    repo_is_called,
    take_deposits,
)
from hashcredit.simulator.lenders.interlender import pay_interlender_interest
from hashcredit.simulator.lenders.investors import meet_savers
from hashcredit.simulator.lenders.receivership import run_off
from hashcredit.simulator.machines.collateral import is_worth_taking, sale_ratio
from hashcredit.simulator.machines.slots import site_security
from hashcredit.simulator.state.codes import AUTHORITY_ACCOUNT, Flow, Revaluation
from hashcredit.simulator.state.economy import Economy


@kernel
def expected_recovery(economy: Economy, p: Record, row: int) -> float:
    """What a holder still expects of a defaulted loan, M$: collateral at a forced sale, else experience."""
    loan = economy.loans[row]
    units = loan.seized
    if loan.units > 0 and is_worth_taking(economy, p, loan.machine):
        units += loan.units
    if loan.machine >= 0 and units > 0:
        expected = sale_ratio(p) * units * economy.machines[loan.machine].appraisal
    elif loan.slots > 0:
        expected = site_security(p, loan, loan.claim)
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
    lose(economy, Revaluation.WRITE_DOWNS, lender, change)


@kernel
def write_down_loans(economy: Economy, p: Record) -> None:
    """Phase `losses`: allowances on every claim under resolution."""
    for b in range(economy.borrowers.shape[0]):
        if economy.calm[b] or not has_claims(economy.borrowers[b]):
            continue
        first, last = facilities_of(economy, b)
        for row in range(first, last):
            loan = economy.loans[row]
            if loan.status == LoanStatus.DEFAULTED:
                write_down(economy, p, row)


@kernel
def is_pressed(economy: Economy, p: Record, lender: Record) -> bool:
    """Whether a lender can no longer afford to wait: called on its back-leverage, in receivership, under
    its capital minimum, or, with `channels.repo` off, over the limit of a fixed haircut.

    With `channels.lender_credit` off neither its losses nor its end count.
    """
    if not does_business(p, lender) or (repo_is_called(p) and lender.called > 0.0):
        return True
    loans = sum_of(lender.loans)
    if losses_bind(p):
        loans -= lender.allowance
    net = lender.repo - lending_cash(p, lender)
    over = not repo_is_called(p) and net > borrowing_limit(economy, p, lender)
    return over or under_pressure(lending_equity(p, lender), loans, lender.capital_minimum)


@kernel
def can_extend(economy: Economy, p: Record, lender: Record) -> bool:
    """Whether a lender is in a position to extend or buy a loan, if it likes it."""
    return not is_pressed(economy, p, lender)


@kernel
def pay_out(economy: Economy, p: Record, lender: Record, earned: float) -> None:
    """Distribute a share of the week's earnings (M$) of a lender that is above its capital target."""
    if earned <= 0.0 or lender.status != LenderStatus.ALIVE:
        return
    if lending_equity(p, lender) < lender.capital_target * sum_of(lender.loans):
        return
    amount = min(p.lenders_payout[lender.kind] * earned, max(0.0, lender.cash))
    pay(economy, Flow.DISTRIBUTIONS, lender, economy.world[0], amount)
    lender.distributions += amount


@kernel
def pay_funding(economy: Economy, lender: Record) -> float:
    """A week's interest on all that a live lender owes outside, M$."""
    week_rate = borrowing_rate(economy, lender) * WEEK
    outside = lender.funding + lender.repo
    pay(economy, Flow.FUNDING_INTEREST, lender, economy.world[0], outside * week_rate)
    to_authority = lender.facility * week_rate
    pay(economy, Flow.FUNDING_INTEREST, lender, economy.world[AUTHORITY_ACCOUNT], to_authority)
    return outside * week_rate + to_authority


@kernel
def manage_lender(economy: Economy, p: Record, index: int) -> None:
    """A lender's own week: interest, distributions, deposits to its target of cash; or its receivership."""
    lender = economy.lenders[index]
    if lender.status == LenderStatus.CLOSED:
        return
    if lender.status == LenderStatus.RECEIVERSHIP:
        run_off(economy, p, index)
        return
    meet_savers(economy, p, lender)
    cost = pay_funding(economy, lender)
    pay_out(economy, p, lender, lender.week_interest - cost)
    lender.week_interest = 0.0
    if lender.called > 0.0:
        lender.call_weeks += 1
    gap = cash_target(p, lender) - lender.cash
    if has_deposits(lender):
        take_deposits(economy, lender, gap if gap > 0.0 else -min(-gap, lender.funding))
    elif lender.cash < 0.0:
        borrow_on_loans(economy, lender, -lender.cash)
    elif gap < 0.0 and lender.repo + lender.facility <= 0.0:
        take_deposits(economy, lender, -min(-gap, lender.funding))


@kernel
def manage_lenders(economy: Economy, p: Record) -> None:
    """Every lender's own account at the end of the week."""
    pay_interlender_interest(economy)
    for index in range(economy.lenders.shape[0]):
        manage_lender(economy, p, index)
