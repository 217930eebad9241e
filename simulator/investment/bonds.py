"""Bonds issued for growth: convertibles of listed borrowers and high yield, while their market buys.

What a borrower has of a kind never exceeds the share of its assets that a bond has in the opening, and
all its debts stay within what its lender would advance on all its assets.
"""

from typing import NamedTuple

from hashcredit.agents.borrower import cover
from hashcredit.agents.compiled import kernel
from hashcredit.agents.dimensions import BorrowerKind, Instrument, Record
from hashcredit.simulator.books.events import note_holder
from hashcredit.simulator.books.ledger import pay, post_principal
from hashcredit.simulator.books.loans import assets_at_appraisal, debts, empty_row, empty_rows, write_loan
from hashcredit.simulator.books.orders import promised_loans
from hashcredit.simulator.books.tape import note_draw
from hashcredit.simulator.credit.equity import market_is_good
from hashcredit.simulator.lenders.funding import advance_now, fund
from hashcredit.simulator.lenders.syndication import roomiest_lender
from hashcredit.simulator.lenders.underwriting import ask_lenders
from hashcredit.simulator.state.codes import EventKind, Flow
from hashcredit.simulator.state.economy import Economy


class BondMarket(NamedTuple):
    """What bonds of a borrower find today, of whichever instrument."""

    holder: int
    """Who would buy one, -1: nobody."""
    room: float
    """What it has room for, M$."""
    assets: float
    """Of the borrower, M$."""
    within_debts: float
    """By how much all debts may rise, M$."""


@kernel
def share_of_assets(p: Record, kind: int) -> float:
    """Most that bonds of one instrument may be of the assets of a kind of borrower (a fraction)."""
    return p.miners_bond_share if kind == BorrowerKind.MINER else p.neoclouds_bond_share


@kernel
def coupon_of(p: Record, instrument: int) -> float:
    """Coupon of a new bond, 1/yr."""
    return p.credit_convertible_coupon if instrument == Instrument.CONVERTIBLE else p.credit_high_yield_coupon


@kernel
def can_issue(economy: Economy, p: Record, b: int) -> bool:
    """Whether a borrower finds a market for a bond: its market is good, it is covered, and has a row."""
    borrower = economy.borrowers[b]
    if not market_is_good(economy, p, borrower):
        return False
    if cover(borrower.cfads_window, borrower.service_window) < max(1.0, p.credit_dscr_covenant):
        return False
    loans = 2 if p.credit_site_advance > 0.0 else 1  # rows that it keeps for the order that the bond is for
    return promised_loans(economy, b) + loans < empty_rows(economy, b)


@kernel
def bond_market(economy: Economy, p: Record, b: int) -> BondMarket:
    """What bonds of borrower `b` find today, with the room that `ask_lenders` has noted."""
    if not can_issue(economy, p, b):
        return BondMarket(-1, 0.0, 0.0, 0.0)
    holder, room = roomiest_lender(economy, p, b)
    if holder < 0:
        return BondMarket(-1, 0.0, 0.0, 0.0)
    assets = assets_at_appraisal(economy, b) + economy.borrowers[b].deposits
    rate = min(0.95, advance_now(economy, p, economy.lenders[holder]))
    # what is raised is an asset too: d + x <= rate (a + x)
    return BondMarket(holder, room, assets, (rate * assets - debts(economy, b)) / (1.0 - rate))


@kernel
def most_of(p: Record, borrower: Record, market: BondMarket, instrument: int) -> float:
    """How much (M$) of a new bond its market takes; convertibles are for listed borrowers."""
    if market.holder < 0 or (instrument == Instrument.CONVERTIBLE and not borrower.listed):
        return 0.0
    within_kind = share_of_assets(p, borrower.kind) * market.assets - borrower.debt[instrument]
    amount = min(market.room, min(market.within_debts, within_kind))
    return amount if amount >= p.credit_bond_least else 0.0


@kernel
def issue_bond(
    economy: Economy, p: Record, b: int, instrument: int, holder: int, most: float, wanted: float
) -> float:
    """Issue a bond for what is wanted, at least the smallest, at most `most`; return what it brings (M$)."""
    amount = min(most, max(wanted, p.credit_bond_least))
    borrower, lender = economy.borrowers[b], economy.lenders[holder]
    if instrument == Instrument.CONVERTIBLE and borrower.debt[instrument] <= 0.0:
        equity = assets_at_appraisal(economy, b) - debts(economy, b)
        borrower.strike = (1.0 + p.credit_conversion_premium) * equity
    row = empty_row(economy, b)
    write_loan(economy, p, row, instrument, holder, borrower.grade, coupon_of(p, instrument),
               economy.clock[0].week + p.credit_bond_weeks)  # fmt: skip
    loan = economy.loans[row]
    if amount > lender.cash:
        fund(economy, lender, amount - lender.cash)
    pay(economy, Flow.LOAN_DRAWDOWNS, lender, borrower, amount)
    post_principal(loan, borrower, lender, amount)
    note_draw(economy, loan, amount)
    economy.outcomes[0].bonds_issued_musd += amount
    note_holder(economy, EventKind.LOAN, loan, amount)
    return amount


@kernel
def most_bonds(economy: Economy, p: Record, b: int) -> float:
    """What borrower `b` could raise by a bond now, M$: by the kind that brings more (`bond_market`)."""
    borrower, market = economy.borrowers[b], bond_market(economy, p, b)
    convertible = most_of(p, borrower, market, Instrument.CONVERTIBLE.value)
    return max(convertible, most_of(p, borrower, market, Instrument.HIGH_YIELD.value))


@kernel
def raise_for_growth(economy: Economy, p: Record, b: int, wanted: float) -> float:
    """Issue the convertible or high-yield bond that brings more; return what it brings, M$."""
    if wanted <= 0.0:
        return 0.0
    ask_lenders(economy, p, b)  # anew: a top-up before may have taken room
    borrower, market = economy.borrowers[b], bond_market(economy, p, b)
    convertible = most_of(p, borrower, market, Instrument.CONVERTIBLE.value)
    high_yield = most_of(p, borrower, market, Instrument.HIGH_YIELD.value)
    most = max(convertible, high_yield)
    if most <= 0.0:
        return 0.0
    instrument = Instrument.CONVERTIBLE.value if convertible >= high_yield else Instrument.HIGH_YIELD.value
    return issue_bond(economy, p, b, instrument, market.holder, most, wanted)
