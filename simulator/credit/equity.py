"""Shares that listed borrowers sell for cash, or hand to the holders of their convertibles."""

import math

from hashcredit.agents.compiled import kernel
from hashcredit.agents.dimensions import BorrowerKind, Record
from hashcredit.simulator.books.events import note, note_obligor
from hashcredit.simulator.books.ledger import pay
from hashcredit.simulator.books.loans import TERMS, assets_at_appraisal, debts, repay
from hashcredit.simulator.state.codes import EventKind, Flow, Sector
from hashcredit.simulator.state.economy import Economy


@kernel
def watch_markets(economy: Economy, p: Record) -> None:
    """Move the trailing means of BTC and compute rents on by a week: they decide whether shares sell."""
    market = economy.market[0]
    keep = math.exp(-1.0 / p.equity_average_weeks)
    market.btc_average = keep * market.btc_average + (1.0 - keep) * market.btc_price
    market.rent_average = keep * market.rent_average + (1.0 - keep) * market.rent_index


@kernel
def market_is_good(economy: Economy, p: Record, borrower: Record) -> bool:
    """Whether investors buy what a borrower issues: what it earns is near its trailing mean or above."""
    market = economy.market[0]
    least = 1.0 - p.equity_window_tolerance
    if borrower.kind == BorrowerKind.MINER:
        return market.btc_price >= least * market.btc_average
    return market.rent_index >= least * market.rent_average


@kernel
def window_open(economy: Economy, p: Record, borrower: Record) -> bool:
    """Whether a borrower can sell shares now: it is listed, has not just done so, and its market is good."""
    recent = economy.clock[0].week - borrower.issued_week < p.equity_spacing_weeks
    return borrower.listed and not recent and market_is_good(economy, p, borrower)


@kernel
def sell_shares(economy: Economy, borrower: Record, amount: float) -> None:
    """Sell shares for `amount` (M$) to the rest of the world."""
    pay(economy, Flow.EQUITY_INJECTIONS, economy.world[0], borrower, amount)
    borrower.issuance += amount


@kernel
def most_issue(economy: Economy, p: Record, b: int) -> float:
    """Shares (M$) that a borrower can sell now: a share of its equity, none while nobody buys."""
    if not window_open(economy, p, economy.borrowers[b]):
        return 0.0
    equity = assets_at_appraisal(economy, b) - debts(economy, b)
    return max(0.0, p.equity_issue_share * equity)


@kernel
def issue_equity(economy: Economy, p: Record, b: int, wanted: float) -> None:
    """Sell shares for what is wanted (M$), at most what the market takes."""
    borrower = economy.borrowers[b]
    if wanted <= 0.0:
        return
    amount = min(wanted, most_issue(economy, p, b))
    if amount <= 0.0:
        return
    sell_shares(economy, borrower, amount)
    borrower.issued_week = economy.clock[0].week
    economy.outcomes[0].equity_raised_musd += amount
    note(economy, EventKind.EQUITY_ISSUE, borrower.sector, b, Sector.REST_OF_WORLD, amount=amount)


@kernel
def converts(economy: Economy, row: int) -> bool:
    """Whether a convertible is above its strike: its holder takes shares worth its face instead of cash."""
    loan = economy.loans[row]
    if not TERMS[loan.instrument].converts:
        return False
    b = loan.obligor
    return assets_at_appraisal(economy, b) - debts(economy, b) >= economy.borrowers[b].strike


@kernel
def convert(economy: Economy, row: int) -> None:
    """Swap a face for shares, which its holder sells at once: an issue of shares that repays the loan."""
    loan = economy.loans[row]
    borrower = economy.borrowers[loan.obligor]
    note_obligor(economy, EventKind.CONVERSION, loan, loan.principal)
    sell_shares(economy, borrower, loan.principal)
    repay(economy, loan, borrower, economy.lenders[loan.holder], loan.principal)
