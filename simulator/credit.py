"""Phases 6 and 7: borrowing base, cover covenant, BTC margin, the lender's choice, bullets at maturity.

A borrower that must fail is only marked here (`condemn`); it fails in the resolution phase.
"""

import math

from hashcredit.agents.borrower import cover
from hashcredit.agents.compiled import inlined, kernel
from hashcredit.agents.dimensions import (
    BorrowerStatus,
    Cause,
    Channel,
    Instrument,
    LenderStatus,
    Record,
)
from hashcredit.simulator.economy import Economy
from hashcredit.simulator.enforcement import lender_accelerates
from hashcredit.simulator.events import note
from hashcredit.simulator.ledger import pay, sum_of
from hashcredit.simulator.operations import (
    DUST,
    facilities_of,
    owes,
    repay,
    sell_coins,
)
from hashcredit.simulator.tables import EventKind, Flow, Sector


@kernel
def condemn(borrower: Record, cause: int, channel: int, parent: int) -> None:
    """Mark a borrower as failing this week; the first cause counts."""
    if borrower.pending_cause == Cause.NONE:
        borrower.pending_cause = cause
        borrower.pending_channel = channel
        borrower.pending_parent = parent


@kernel
def assets_at_appraisal(economy: Economy, b: int) -> float:
    """Cash, coins and machines at appraisal of borrower `b`, M$."""
    borrower = economy.borrowers[b]
    coin = economy.market[0].btc_price * 1e-6
    total = borrower.cash + borrower.btc * coin
    for m in range(economy.machines.shape[0]):
        total += borrower.units[m] * economy.machines[m].appraisal
    first, last = facilities_of(economy, b)
    for row in range(first, last):
        total += economy.loans[row].coins * coin
    return total


@kernel
def debts(borrower: Record) -> float:
    """Loans and overdue bills, M$."""
    return sum_of(borrower.debt) + borrower.payables


@kernel
def free_units(economy: Economy, b: int, m: int) -> int:
    """Machines of type `m` that borrower `b` owns and has not pledged."""
    free = economy.borrowers[b].units[m]
    first, last = facilities_of(economy, b)
    for row in range(first, last):
        loan = economy.loans[row]
        if loan.machine == m:
            free -= loan.units
    return free


@kernel
def enforce(economy: Economy, p: Record, row: int, channel: int, parent: int, weeks: int) -> None:
    """A breach uncured for `weeks`: at each review the lender accelerates, or forbears until the next."""
    loan = economy.loans[row]
    since = weeks - loan.cure_weeks - 1
    if since % p.credit_review_weeks != 0:
        return
    borrower = economy.borrowers[loan.obligor]
    lender = economy.lenders[loan.holder]
    if not lender_accelerates(economy, p, row):
        if since == 0:
            note(economy, EventKind.FORBEARANCE, Sector.LENDERS, loan.holder, borrower.sector,
                 loan.obligor, loan.machine, loan.units, loan.principal, 0.0, 0, channel, parent)  # fmt: skip
        return
    event = note(economy, EventKind.ACCELERATION, Sector.LENDERS, loan.holder, borrower.sector,
                 loan.obligor, loan.machine, loan.units, loan.principal, 0.0, 0, channel, parent)  # fmt: skip
    if borrower.cash < loan.principal:
        sell_coins(economy, p, borrower, loan.principal - borrower.cash)
    if borrower.cash >= loan.principal:
        repay(economy, loan, borrower, lender, loan.principal)
    else:
        condemn(borrower, Cause.ACCELERATION, channel, event if event >= 0 else parent)


@kernel
def test_borrowing_base(economy: Economy, p: Record, loan: Record, row: int) -> None:
    """Marked loans: the face may not exceed a share of the appraisal of what is pledged."""
    per_unit = loan.advance_rate * economy.machines[loan.machine].appraisal
    excess = loan.principal - per_unit * loan.units
    if excess <= DUST:
        loan.weeks_over_base = 0
    else:
        call_base(economy, p, row, per_unit, excess)


@kernel
def call_base(economy: Economy, p: Record, row: int, per_unit: float, excess: float) -> None:
    """Over its base: pledge free machines, pay the rest of the excess (M$) down, breach after the cure."""
    loan = economy.loans[row]
    borrower = economy.borrowers[loan.obligor]
    lender = economy.lenders[loan.holder]
    machine = economy.machines[loan.machine]
    if per_unit > 0.0:
        wanted = math.ceil(excess / per_unit)
        pledged = min(wanted, free_units(economy, loan.obligor, loan.machine))
        loan.units += pledged
        excess -= pledged * per_unit
    if excess <= DUST:
        loan.weeks_over_base = 0
        return
    loan.weeks_over_base += 1
    if loan.weeks_over_base == 1:
        note(economy, EventKind.BORROWING_BASE_CALL, Sector.LENDERS, loan.holder, borrower.sector,
             loan.obligor, loan.machine, loan.units, excess, machine.appraisal, 0,
             Channel.MACHINE_PRICE, machine.trigger)  # fmt: skip
    # within the cure period it keeps a reserve of obligations back, at its end nothing
    kept = p.credit_reserve_weeks * borrower.obligations if loan.weeks_over_base <= loan.cure_weeks else 0.0
    if borrower.cash - kept < excess:
        sell_coins(economy, p, borrower, excess - (borrower.cash - kept))
    paid = min(excess, max(0.0, borrower.cash - kept))
    if paid > 0.0:
        repay(economy, loan, borrower, lender, paid)
    if excess - paid <= DUST:
        loan.weeks_over_base = 0
    elif loan.weeks_over_base > loan.cure_weeks:
        enforce(economy, p, row, Channel.MACHINE_PRICE, machine.trigger, loan.weeks_over_base)


@kernel
def fall_short_of_cover(economy: Economy, p: Record, row: int) -> None:
    """Under its DSCR covenant: sweep free cash, breach after the cure period."""
    loan = economy.loans[row]
    borrower = economy.borrowers[loan.obligor]
    loan.weeks_under_dscr += 1
    if loan.weeks_under_dscr == 1:
        note(economy, EventKind.DSCR_BREACH, Sector.LENDERS, loan.holder, borrower.sector, loan.obligor,
             loan.machine, loan.units, loan.principal, 0.0, 0, Channel.RENT, -1)  # fmt: skip
    if loan.cash_sweep:
        free = borrower.cash - p.investment_buffer_weeks * borrower.obligations
        swept = min(loan.principal, p.credit_sweep_share * max(0.0, free))
        if swept > DUST:
            repay(economy, loan, borrower, economy.lenders[loan.holder], swept)
    if loan.weeks_under_dscr > loan.cure_weeks and owes(loan):
        enforce(economy, p, row, Channel.RENT, -1, loan.weeks_under_dscr)


@kernel
def liquidate_coins(economy: Economy, row: int) -> float:
    """Sell pledged BTC to repay the loan at once; what is left of the coins stays pledged."""
    market = economy.market[0]
    loan = economy.loans[row]
    borrower = economy.borrowers[loan.obligor]
    price = market.btc_price * 1e-6
    coins = min(loan.coins, loan.principal / price)
    proceeds = coins * price
    loan.coins -= coins
    market.btc_sold += proceeds
    pay(economy, Flow.BTC_TRADES, economy.world[0], borrower, proceeds)
    note(economy, EventKind.BTC_LIQUIDATION, Sector.LENDERS, loan.holder, borrower.sector, loan.obligor,
         -1, 0, proceeds, price, 0, Channel.BTC_PRICE, -1)  # fmt: skip
    return proceeds


@kernel
def call_margin(economy: Economy, p: Record, row: int) -> None:
    """Over its margin: free coins and cash meet the call; over the liquidation level coins go at once."""
    market = economy.market[0]
    loan = economy.loans[row]
    borrower = economy.borrowers[loan.obligor]
    price = market.btc_price * 1e-6
    wanted = loan.principal / (p.credit_btc_initial_ltv * price) - loan.coins
    pledged = min(wanted, borrower.btc)
    loan.coins += pledged
    borrower.btc -= pledged
    excess = loan.principal - p.credit_btc_initial_ltv * loan.coins * price
    note(economy, EventKind.MARGIN_CALL, Sector.LENDERS, loan.holder, borrower.sector, loan.obligor,
         -1, 0, max(0.0, excess), price, 0, Channel.BTC_PRICE, -1)  # fmt: skip
    paid = min(excess, max(0.0, borrower.cash - p.credit_reserve_weeks * borrower.obligations))
    if paid > DUST:
        repay(economy, loan, borrower, economy.lenders[loan.holder], paid)
    if not owes(loan) or loan.principal <= p.credit_btc_liquidation_ltv * loan.coins * price:
        return
    proceeds = liquidate_coins(economy, row)
    repay(economy, loan, borrower, economy.lenders[loan.holder], min(proceeds, loan.principal))
    if owes(loan):
        left = loan.principal
        if borrower.cash >= left:
            repay(economy, loan, borrower, economy.lenders[loan.holder], left)
        else:
            condemn(borrower, Cause.MARGIN, Channel.BTC_PRICE, -1)


@kernel
def refinance(economy: Economy, p: Record, row: int, dscr: float) -> None:
    """A bullet about to mature is extended if its holder lives, cover passes and assets carry it.

    A BTC loan needs only its margin: otherwise its coins are sold and repay it.
    """
    market = economy.market[0]
    loan = economy.loans[row]
    borrower = economy.borrowers[loan.obligor]
    lender = economy.lenders[loan.holder]
    alive = lender.status == LenderStatus.ALIVE
    if loan.instrument == Instrument.BTC_LOAN:
        if alive and loan.principal <= p.credit_btc_call_ltv * loan.coins * market.btc_price * 1e-6:
            loan.maturity_week = market.week + p.credit_btc_tenor_weeks
        else:
            repay(economy, loan, borrower, lender, min(liquidate_coins(economy, row), loan.principal))
        return
    if not alive or dscr < max(1.0, p.credit_dscr_covenant):
        return
    if debts(borrower) > lender.advance_rate * assets_at_appraisal(economy, loan.obligor):
        return
    loan.maturity_week = market.week + p.credit_tenor_weeks
    loan.fixed_rate = 1
    loan.rate = market.cost_of_capital + p.credit_spread_by_grade[borrower.grade]


@kernel
def roll_over(economy: Economy, p: Record) -> None:
    """Phase 7: bullets that mature next week are extended, or fall due."""
    next_week = economy.market[0].week + 1
    for b in range(economy.borrowers.shape[0]):
        borrower = economy.borrowers[b]
        if borrower.status != BorrowerStatus.ALIVE:
            continue
        first, last = facilities_of(economy, b)
        for row in range(first, last):
            loan = economy.loans[row]
            if loan.maturity_week == next_week and owes(loan) and not loan.amortising:
                refinance(economy, p, row, cover(borrower.cfads_window, borrower.service_window))


@kernel
def arrears(economy: Economy, b: int) -> tuple[int, bool, bool]:
    """Most weeks in a row with a missed payment, whether a matured loan is among them, and distress.

    Distress: overdue bills, a missed payment or an uncured borrowing base.
    """
    borrower = economy.borrowers[b]
    week = economy.market[0].week
    missed = borrower.weeks_payables
    matured = False
    distressed = borrower.payables > DUST
    first, last = facilities_of(economy, b)
    for row in range(first, last):
        loan = economy.loans[row]
        if (loan.weeks_overdue > 0 or loan.weeks_over_base > 0) and owes(loan):
            distressed = True
            if loan.weeks_overdue > 0:
                missed = max(missed, loan.weeks_overdue)
                matured |= not loan.amortising and week >= loan.maturity_week
    return missed, matured, distressed


@kernel
def fail_to_pay(economy: Economy, b: int, matured: bool) -> None:
    """Payments missed beyond the grace period: the borrower fails, insolvent or merely illiquid."""
    borrower = economy.borrowers[b]
    if assets_at_appraisal(economy, b) < debts(borrower):
        condemn(borrower, Cause.INSOLVENCY, Channel.NONE, -1)
    elif matured:
        condemn(borrower, Cause.MATURITY, Channel.NONE, -1)
    else:
        condemn(borrower, Cause.ILLIQUIDITY, Channel.NONE, -1)


@kernel
def offer_free_units(economy: Economy, b: int, distressed: bool) -> None:
    """A borrower in distress puts its unpledged machines on sale, one out of it takes them back."""
    borrower = economy.borrowers[b]
    borrower.selling = distressed
    for m in range(economy.machines.shape[0]):
        borrower.offered[m] = free_units(economy, b, m) if distressed and borrower.units[m] > 0 else 0


@kernel
def face_trouble(economy: Economy, p: Record, b: int) -> None:
    """What follows from arrears: failure after the grace period, and a sale of machines while they last."""
    missed, matured, distressed = arrears(economy, b)
    if missed > p.credit_grace_weeks:
        fail_to_pay(economy, b, matured)
    if distressed or economy.borrowers[b].selling:
        offer_free_units(economy, b, distressed)


@inlined
def test_loan(economy: Economy, p: Record, row: int, dscr: float) -> None:
    """The covenants that a live loan has: margin, or borrowing base and cover."""
    loan = economy.loans[row]
    if loan.instrument == Instrument.BTC_LOAN:
        if loan.principal > p.credit_btc_call_ltv * loan.coins * (economy.market[0].btc_price * 1e-6):
            call_margin(economy, p, row)
        return
    if loan.borrowing_base and loan.machine >= 0:
        test_borrowing_base(economy, p, loan, row)
    if loan.dscr_covenant > 0.0 and owes(loan):
        if dscr >= loan.dscr_covenant:
            loan.weeks_under_dscr = 0
        else:
            fall_short_of_cover(economy, p, row)


@kernel
def enforce_covenants(economy: Economy, p: Record) -> None:
    """Phase 6 for every live borrower."""
    for b in range(economy.borrowers.shape[0]):
        borrower = economy.borrowers[b]
        if borrower.status != BorrowerStatus.ALIVE:
            continue
        dscr = cover(borrower.cfads_window, borrower.service_window)
        troubled = borrower.payables > 0.0 or borrower.selling
        first, last = facilities_of(economy, b)
        for row in range(first, last):
            loan = economy.loans[row]
            if owes(loan):
                test_loan(economy, p, row, dscr)
                troubled |= loan.weeks_overdue > 0 or loan.weeks_over_base > 0
        if troubled:
            face_trouble(economy, p, b)
