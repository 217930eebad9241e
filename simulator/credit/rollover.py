"""Phase `rollover`: bullets and balloons about to mature are extended, converted, swept or fall due.

Then shares are sold by who is short of cash.
"""

from hashcredit.agents.borrower import cover
from hashcredit.agents.compiled import kernel
from hashcredit.agents.dimensions import (
    NO_WEEK,
    BorrowerStatus,
    Cause,
    Channel,
    LoanStatus,
    Record,
)
from hashcredit.agents.units import MILLION
from hashcredit.simulator.books.events import note_holder, remember
from hashcredit.simulator.books.ledger import capital_ratio
from hashcredit.simulator.books.loans import (
    DUST,
    assets_at_appraisal,
    debts,
    facilities_of,
    is_rolled_over,
    liquidate_coins,
    owes,
    pledges_coins,
    repay,
    sell_coins,
    set_maturity,
)
from hashcredit.simulator.credit.distress import trace_trouble
from hashcredit.simulator.credit.equity import convert, converts, issue_equity, watch_markets
from hashcredit.simulator.lenders.capital import can_extend
from hashcredit.simulator.lenders.funding import advance_now
from hashcredit.simulator.lenders.loan_sales import best_buyer, transfer_loan
from hashcredit.simulator.lenders.underwriting import facility_offer, facility_weeks
from hashcredit.simulator.state.codes import EventKind
from hashcredit.simulator.state.economy import Economy


@kernel
def roll_coins(economy: Economy, p: Record, row: int) -> None:
    """A BTC loan needs only its margin and an able lender: otherwise its coins are sold and repay it.

    If its holder is not able, as a failed one never is, another lender that is takes it over at its face,
    coins and all.
    """
    clock, market = economy.clock[0], economy.market[0]
    loan = economy.loans[row]
    lender = economy.lenders[loan.holder]
    covered = loan.principal <= p.credit_btc_call_ltv * loan.coins * market.btc_price * MILLION
    able = can_extend(economy, p, lender)
    if covered and not able:
        other = best_buyer(economy, p, row)[0]
        if other >= 0 and can_extend(economy, p, economy.lenders[other]):
            transfer_loan(economy, row, other, loan.principal, Channel.LENDER_CREDIT.value, lender.trigger)
            able = True
    if able and covered:
        set_maturity(economy, loan, clock.week + p.credit_btc_tenor_weeks)
        return
    borrower = economy.borrowers[loan.obligor]
    if able:
        remember(economy, borrower, Channel.BTC_PRICE, -1)
    else:
        remember(economy, borrower, Channel.LENDER_CREDIT, lender.trigger)
    proceeds = liquidate_coins(economy, row, loan.principal)
    repay(economy, loan, borrower, lender, min(proceeds, loan.principal))


@kernel
def extension_rate(economy: Economy, p: Record, loan: Record) -> float:
    """Coupon (1/yr) of a loan that is extended: today's cost of capital and its borrower's own spread."""
    grade = economy.borrowers[loan.obligor].grade
    return economy.market[0].cost_of_capital + p.credit_spread_by_grade[grade]


@kernel
def extend(economy: Economy, p: Record, loan: Record, weeks: int, step_up: float) -> None:
    """Extend a loan by `weeks` at the rate of extensions and a step-up (1/yr)."""
    set_maturity(economy, loan, economy.clock[0].week + weeks)
    loan.fixed_rate = 1
    loan.rate = extension_rate(economy, p, loan) + step_up


@kernel
def refuse(economy: Economy, p: Record, row: int, channel: int, parent: int) -> None:
    """No refinancing: a sweep where the contract says so, else it falls due and shares may have to pay it."""
    loan = economy.loans[row]
    borrower = economy.borrowers[loan.obligor]
    economy.outcomes[0].refinancings_refused += 1
    event = note_holder(
        economy, EventKind.REFINANCING_REFUSED, loan, loan.principal, channel=channel, parent=parent
    )
    remember(economy, borrower, channel, event)
    if loan.maturity_sweep and not loan.sweeping:
        loan.sweeping = 1
        loan.amortising = 0  # what the sweep leaves is due in one
        extend(economy, p, loan, p.credit_sweep_weeks, p.credit_sweep_step_up)
        note_holder(economy, EventKind.CASH_SWEEP, loan, loan.principal, channel=channel, parent=event)
    else:
        issue_equity(economy, p, loan.obligor, loan.principal - borrower.cash)


@kernel
def pay_down(economy: Economy, p: Record, row: int, most: float) -> bool:
    """Whether a loan is at most what its holder lends on it (M$), after its borrower has paid the rest.

    The borrower pays it out of cash beyond `credit.reserve_weeks` of obligations, and coins, or not at all.
    """
    loan = economy.loans[row]
    borrower = economy.borrowers[loan.obligor]
    excess = loan.principal - most
    if excess <= DUST:
        return True
    kept = p.credit_reserve_weeks * borrower.obligations
    if borrower.cash + borrower.btc * economy.market[0].btc_price * MILLION - kept < excess:
        return False
    if borrower.cash - kept < excess:
        sell_coins(economy, p, borrower, excess - (borrower.cash - kept))
    repay(economy, loan, borrower, economy.lenders[loan.holder], min(excess, loan.principal))
    return True


@kernel
def roll(economy: Economy, p: Record, row: int) -> bool:
    """Extend a loan whose borrower is good for it; False if the machines that secure it do not carry it.

    On these the holder lends what it would lend on any in their racks, for as long as it believes in them,
    and it amortises to zero. A site loan gets the terms of a new one, an unsecured loan another usual tenor
    as a bullet.
    """
    loan = economy.loans[row]
    weeks = p.credit_tenor_weeks
    if loan.machine >= 0 and loan.units > 0:
        lender = economy.lenders[loan.holder]
        weeks = facility_weeks(economy, p, lender.belief, row)
        rate = extension_rate(economy, p, loan)
        if not pay_down(economy, p, row, facility_offer(economy, p, lender, row, rate, weeks, 0.0)):
            return False
        loan.amortising = 1
        loan.balloon = 0.0
    elif loan.slots > 0:
        weeks = p.credit_site_tenor_weeks
        loan.balloon = p.credit_site_balloon * loan.principal
    if owes(loan):
        loan.sweeping = 0
        extend(economy, p, loan, weeks, 0.0)
    return True


@kernel
def refinance(economy: Economy, p: Record, row: int, dscr: float) -> None:
    """A bullet or balloon about to mature: extended if its holder can and will, else refused for a reason.

    The holder looks at the whole borrower, and where machines secure the loan at these as well.
    """
    loan = economy.loans[row]
    lender = economy.lenders[loan.holder]
    if pledges_coins(loan):
        roll_coins(economy, p, row)
        return
    if converts(economy, row):
        convert(economy, row)
        return
    covenant = max(1.0, p.credit_dscr_covenant)
    debt = debts(economy, loan.obligor)
    assets = assets_at_appraisal(economy, loan.obligor)
    ratio = capital_ratio(p, lender)
    able = can_extend(economy, p, lender)
    good = able and economy.rollover_rule(dscr, covenant, debt, assets, advance_now(economy, p, lender),
                                          ratio, lender.capital_target)  # fmt: skip
    if good and roll(economy, p, row):
        return
    if not able or ratio < lender.capital_target:
        refuse(economy, p, row, Channel.LENDER_CREDIT, lender.trigger)
    elif good:  # and its machines are not
        refuse(economy, p, row, Channel.MACHINE_PRICE, economy.machines[loan.machine].trigger)
    else:
        channel, event = trace_trouble(economy, loan.obligor)
        refuse(economy, p, row, channel, event)


@kernel
def roll_loans(economy: Economy, p: Record, b: int, next_week: int) -> None:
    """Refinance what of borrower `b` matures next week, and look when its next loan does."""
    borrower = economy.borrowers[b]
    first, last = facilities_of(economy, b)
    for row in range(first, last):
        loan = economy.loans[row]
        if loan.maturity_week == next_week and owes(loan) and is_rolled_over(loan):
            refinance(economy, p, row, cover(borrower.cfads_window, borrower.service_window))
    borrower.first_maturity = NO_WEEK
    first, last = facilities_of(economy, b)
    for row in range(first, last):
        loan = economy.loans[row]
        if loan.status == LoanStatus.PERFORMING and loan.maturity_week > next_week:
            borrower.first_maturity = min(borrower.first_maturity, loan.maturity_week)


@kernel
def roll_over(economy: Economy, p: Record) -> None:
    """Phase `rollover`: what matures next week, and shares of borrowers that are short of cash."""
    watch_markets(economy, p)
    next_week = economy.clock[0].week + 1
    for b in range(economy.borrowers.shape[0]):
        borrower = economy.borrowers[b]
        if borrower.status != BorrowerStatus.ALIVE or borrower.pending_cause != Cause.NONE:
            continue  # who fails this week neither refinances nor sells shares
        if borrower.first_maturity <= next_week:
            roll_loans(economy, p, b, next_week)
        if borrower.cash < p.equity_low_weeks * borrower.obligations:
            issue_equity(economy, p, b, p.investment_buffer_weeks * borrower.obligations - borrower.cash)
