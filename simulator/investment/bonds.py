"""Bonds issued for growth: convertibles of listed borrowers and high yield, while their market buys.

What a borrower has of a kind never exceeds the share of its assets that a bond has in the opening, and
all its debts stay within what its lender would advance on all its assets.
"""

from hashcredit.agents.borrower import cover
from hashcredit.agents.compiled import kernel
from hashcredit.agents.dimensions import BorrowerKind, Instrument, Record
from hashcredit.simulator.books.events import note_holder
from hashcredit.simulator.books.ledger import pay, post_principal
from hashcredit.simulator.books.loans import assets_at_appraisal, debts, empty_row, empty_rows, write_loan
from hashcredit.simulator.books.orders import promised_loans
from hashcredit.simulator.credit.equity import market_is_good
from hashcredit.simulator.lenders.funding import advance_now, fund
from hashcredit.simulator.lenders.syndication import roomiest_lender
from hashcredit.simulator.state.codes import EventKind, Flow
from hashcredit.simulator.state.economy import Economy


@kernel
def share_of_assets(p: Record, kind: int) -> float:
    """Most that bonds of one instrument may be of the assets of a kind of borrower (a fraction)."""
    return p.miners_bond_share if kind == BorrowerKind.MINER else p.neoclouds_bond_share


@kernel
def coupon_of(p: Record, instrument: int) -> float:
    """Coupon of a new bond, 1/yr."""
    return p.credit_convertible_coupon if instrument == Instrument.CONVERTIBLE else p.credit_high_yield_coupon


@kernel
def can_issue(economy: Economy, p: Record, b: int, instrument: int) -> bool:
    """Whether a borrower finds a market for a bond: it is covered, has a row, is listed for convertibles."""
    borrower = economy.borrowers[b]
    if instrument == Instrument.CONVERTIBLE and not borrower.listed:
        return False
    loans = 2 if p.credit_site_advance > 0.0 else 1
    if promised_loans(economy, b) + loans >= empty_rows(economy, b):
        return False  # it keeps rows for the loans of the order that the bond is for
    covered = cover(borrower.cfads_window, borrower.service_window) >= max(1.0, p.credit_dscr_covenant)
    return covered and market_is_good(economy, p, borrower)


@kernel
def bond_offer(economy: Economy, p: Record, b: int, instrument: int) -> tuple[int, float]:
    """Who would buy a new bond of borrower `b`, and how much of it at most (M$); (-1, 0) if nobody."""
    if not can_issue(economy, p, b, instrument):
        return -1, 0.0
    borrower = economy.borrowers[b]
    holder, room = roomiest_lender(economy, p, b)
    if holder < 0:
        return -1, 0.0
    assets = assets_at_appraisal(economy, b) + borrower.deposits
    rate = min(0.95, advance_now(economy, p, economy.lenders[holder]))
    # what is raised is an asset too: d + x <= rate (a + x)
    within_debts = (rate * assets - debts(economy, b)) / (1.0 - rate)
    within_kind = share_of_assets(p, borrower.kind) * assets - borrower.debt[instrument]
    amount = min(room, min(within_debts, within_kind))
    return (holder, amount) if amount >= p.credit_bond_least else (-1, 0.0)


@kernel
def issue_bond(economy: Economy, p: Record, b: int, instrument: int, wanted: float) -> float:
    """Issue a bond for what is wanted (M$), at least the smallest there is; return what it brings."""
    holder, most = bond_offer(economy, p, b, instrument)
    if holder < 0 or wanted <= 0.0:
        return 0.0
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
    economy.outcomes[0].bonds_issued_musd += amount
    note_holder(economy, EventKind.LOAN, loan, amount)
    return amount


@kernel
def most_bonds(economy: Economy, p: Record, b: int) -> float:
    """What borrower `b` could raise by a bond now, M$: by the kind that brings more."""
    convertible = bond_offer(economy, p, b, Instrument.CONVERTIBLE.value)[1]
    return max(convertible, bond_offer(economy, p, b, Instrument.HIGH_YIELD.value)[1])


@kernel
def raise_for_growth(economy: Economy, p: Record, b: int, wanted: float) -> float:
    """Issue the convertible or high-yield bond that brings more; return what it brings, M$."""
    convertible = bond_offer(economy, p, b, Instrument.CONVERTIBLE.value)[1]
    high_yield = bond_offer(economy, p, b, Instrument.HIGH_YIELD.value)[1]
    instrument = Instrument.CONVERTIBLE.value if convertible >= high_yield else Instrument.HIGH_YIELD.value
    return issue_bond(economy, p, b, instrument, wanted)
