"""Phase `rollover`: bullets about to mature are extended, converted, swept or fall due; shares are sold."""

import math

from hashcredit.agents.borrower import cover
from hashcredit.agents.compiled import kernel
from hashcredit.agents.dimensions import (
    BorrowerKind,
    BorrowerStatus,
    Cause,
    Channel,
    Instrument,
    Record,
)
from hashcredit.simulator.books.events import note, remember
from hashcredit.simulator.books.ledger import capital_ratio, pay
from hashcredit.simulator.books.loans import (
    assets_at_appraisal,
    debts,
    facilities_of,
    liquidate_coins,
    owes,
    repay,
)
from hashcredit.simulator.credit.distress import blame
from hashcredit.simulator.lenders.capital import can_extend
from hashcredit.simulator.lenders.funding import advance_now
from hashcredit.simulator.state.economy import Economy
from hashcredit.simulator.state.tables import EventKind, Flow, Sector


@kernel
def watch_markets(economy: Economy, p: Record) -> None:
    """Move the trailing means of BTC and compute rents on by a week: they decide whether shares sell."""
    market = economy.market[0]
    keep = math.exp(-1.0 / p.equity_average_weeks)
    market.btc_average = keep * market.btc_average + (1.0 - keep) * market.btc_price
    market.rent_average = keep * market.rent_average + (1.0 - keep) * market.rent_index


@kernel
def window_open(economy: Economy, p: Record, borrower: Record) -> bool:
    """Whether a borrower can sell shares now: listed, and its market near its trailing mean or above."""
    clock, market = economy.clock[0], economy.market[0]
    if not borrower.listed or clock.week - borrower.issued_week < p.equity_spacing_weeks:
        return False
    least = 1.0 - p.equity_window_tolerance
    if borrower.kind == BorrowerKind.MINER:
        return market.btc_price >= least * market.btc_average
    return market.rent_index >= least * market.rent_average


@kernel
def sell_shares(economy: Economy, borrower: Record, amount: float) -> None:
    """Sell shares for `amount` (M$) to the rest of the world."""
    pay(economy, Flow.EQUITY_INJECTIONS, economy.world[0], borrower, amount)
    borrower.issuance += amount


@kernel
def issue_equity(economy: Economy, p: Record, b: int, wanted: float) -> None:
    """Sell shares for what is wanted (M$), at most a share of what the borrower's equity is worth."""
    borrower = economy.borrowers[b]
    if wanted <= 0.0 or not window_open(economy, p, borrower):
        return
    equity = assets_at_appraisal(economy, b) - debts(economy, b)
    amount = min(wanted, p.equity_issue_share * equity)
    if amount <= 0.0:
        return
    sell_shares(economy, borrower, amount)
    borrower.issued_week = economy.clock[0].week
    economy.outcomes[0].equity_raised += amount
    note(economy, EventKind.EQUITY_ISSUE, borrower.sector, b, Sector.REST_OF_WORLD, -1, -1, 0, amount, 0.0,
         0, Channel.NONE, -1)  # fmt: skip


@kernel
def roll_coins(economy: Economy, p: Record, row: int) -> None:
    """A BTC loan needs only its margin and an able holder: otherwise its coins are sold and repay it."""
    clock, market = economy.clock[0], economy.market[0]
    loan = economy.loans[row]
    lender = economy.lenders[loan.holder]
    covered = loan.principal <= p.credit_btc_call_ltv * loan.coins * market.btc_price * 1e-6
    able = can_extend(economy, p, lender)
    if able and covered:
        loan.maturity_week = clock.week + p.credit_btc_tenor_weeks
        return
    borrower = economy.borrowers[loan.obligor]
    if able:
        remember(economy, borrower, Channel.BTC_PRICE, -1)
    else:
        remember(economy, borrower, Channel.LENDER_CREDIT, lender.trigger)
    repay(economy, loan, borrower, lender, min(liquidate_coins(economy, row), loan.principal))


@kernel
def converts(economy: Economy, row: int) -> bool:
    """Whether a convertible is above its strike: its holder takes shares worth its face instead of cash."""
    loan = economy.loans[row]
    if loan.instrument != Instrument.CONVERTIBLE:
        return False
    b = loan.obligor
    return assets_at_appraisal(economy, b) - debts(economy, b) >= economy.borrowers[b].strike


@kernel
def convert(economy: Economy, row: int) -> None:
    """Swap a face for shares, which its holder sells at once: an issue of shares that repays the loan."""
    loan = economy.loans[row]
    borrower = economy.borrowers[loan.obligor]
    note(economy, EventKind.CONVERSION, borrower.sector, loan.obligor, Sector.LENDERS, loan.holder, -1, 0,
         loan.principal, 0.0, 0, Channel.NONE, -1)  # fmt: skip
    sell_shares(economy, borrower, loan.principal)
    repay(economy, loan, borrower, economy.lenders[loan.holder], loan.principal)


@kernel
def extend(economy: Economy, p: Record, loan: Record, weeks: int, step_up: float) -> None:
    """Extend a bullet by `weeks` at today's cost of capital, the borrower's spread and a step-up (a year)."""
    clock, market = economy.clock[0], economy.market[0]
    grade = economy.borrowers[loan.obligor].grade
    loan.maturity_week = clock.week + weeks
    loan.fixed_rate = 1
    loan.rate = market.cost_of_capital + p.credit_spread_by_grade[grade] + step_up


@kernel
def refuse(economy: Economy, p: Record, row: int, channel: int, parent: int) -> None:
    """No refinancing: a sweep where the contract says so, else it falls due and shares may have to pay it."""
    loan = economy.loans[row]
    borrower = economy.borrowers[loan.obligor]
    economy.outcomes[0].refinancings_refused += 1
    event = note(economy, EventKind.REFINANCING_REFUSED, Sector.LENDERS, loan.holder, borrower.sector,
                 loan.obligor, loan.machine, 0, loan.principal, 0.0, 0, channel, parent)  # fmt: skip
    remember(economy, borrower, channel, event)
    if loan.maturity_sweep and not loan.sweeping:
        loan.sweeping = 1
        extend(economy, p, loan, p.credit_sweep_weeks, p.credit_sweep_step_up)
        note(economy, EventKind.CASH_SWEEP, Sector.LENDERS, loan.holder, borrower.sector, loan.obligor, -1, 0,
             loan.principal, 0.0, 0, channel, event)  # fmt: skip
    else:
        issue_equity(economy, p, loan.obligor, loan.principal - borrower.cash)


@kernel
def refinance(economy: Economy, p: Record, row: int, dscr: float) -> None:
    """A bullet about to mature: extended if its holder can and will, and otherwise refused for a reason."""
    loan = economy.loans[row]
    lender = economy.lenders[loan.holder]
    if loan.instrument == Instrument.BTC_LOAN:
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
    if able and economy.rollover_rule(dscr, covenant, debt, assets, advance_now(economy, p, lender), ratio,
                                      lender.capital_target):  # fmt: skip
        loan.sweeping = 0
        extend(economy, p, loan, p.credit_tenor_weeks, 0.0)
    elif not able or ratio < lender.capital_target:
        refuse(economy, p, row, Channel.LENDER_CREDIT, lender.trigger)
    else:
        channel, event = blame(economy, loan.obligor)
        refuse(economy, p, row, channel, event)


@kernel
def roll_over(economy: Economy, p: Record) -> None:
    """Phase `rollover`: bullets that mature next week, and shares of borrowers that are short of cash."""
    watch_markets(economy, p)
    next_week = economy.clock[0].week + 1
    for b in range(economy.borrowers.shape[0]):
        borrower = economy.borrowers[b]
        if borrower.status != BorrowerStatus.ALIVE or borrower.pending_cause != Cause.NONE:
            continue  # who fails this week neither refinances nor sells shares
        first, last = facilities_of(economy, b)
        for row in range(first, last):
            loan = economy.loans[row]
            if loan.maturity_week == next_week and owes(loan) and not loan.amortising:
                refinance(economy, p, row, cover(borrower.cfads_window, borrower.service_window))
        if borrower.cash < p.equity_low_weeks * borrower.obligations:
            issue_equity(economy, p, b, p.investment_buffer_weeks * borrower.obligations - borrower.cash)
