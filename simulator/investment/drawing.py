"""What happens when a plan becomes real: slots are leased, a loan is written and drawn, machines are let."""

from hashcredit.agents.compiled import kernel
from hashcredit.agents.dimensions import Instrument, Record
from hashcredit.agents.units import WEEKS_A_YEAR
from hashcredit.simulator.books.contracts import free_contract, sign_contract
from hashcredit.simulator.books.events import note_holder
from hashcredit.simulator.books.ledger import pay, post_principal
from hashcredit.simulator.books.loans import pledge_machines, write_loan
from hashcredit.simulator.books.prepayments import move_balance, release_balance
from hashcredit.simulator.books.tape import note_draw
from hashcredit.simulator.lenders.funding import fund
from hashcredit.simulator.lenders.syndication import syndicate
from hashcredit.simulator.lenders.underwriting import tenor_weeks, uncovered_share
from hashcredit.simulator.machines.slots import slot_price, slot_rent
from hashcredit.simulator.state.codes import EventKind, Flow
from hashcredit.simulator.state.economy import Economy


@kernel
def make_room(economy: Economy, p: Record, b: int, cooling: int, units: int, free: int) -> None:
    """Lease and fit out the slots that `units` machines need beyond the `free` ones."""
    borrower = economy.borrowers[b]
    needed = units - max(free, 0)
    if needed <= 0:
        return
    market = economy.market[0]
    relet = min(needed, market.vacant[cooling])
    market.vacant[cooling] -= relet
    market.slots_closed -= relet
    market.slots_built += needed - relet
    borrower.slots[cooling] += needed
    borrower.lease_week += needed * slot_rent(p, cooling) / WEEKS_A_YEAR
    pay(economy, Flow.SLOT_BUILDING, borrower, economy.world[0], needed * slot_price(p, cooling))


@kernel
def open_contract(economy: Economy, p: Record, b: int, order: Record, units: int, loan: int) -> None:
    """Let `units` of an order of borrower `b` to the customer that has signed for them with the order.

    `loan` is the row of the loan that they secure, or UNPLEDGED. Without a free row they go on demand, and
    what the customer has paid in advance is due.
    """
    borrower = economy.borrowers[b]
    share = units / order.units
    row = free_contract(economy, b)
    if row < 0:
        release_balance(order, borrower, share)
        return
    sign_contract(economy, row, order.machine, units, loan, order.grade, order.rent,
                  p.investment_contract_weeks, order.hazard)  # fmt: skip
    move_balance(order, borrower, economy.contracts[row], borrower, share * order.prepaid)


@kernel
def draw_loan(economy: Economy, loan: Record, amount: float) -> None:
    """Its holder pays out `amount` (M$) of a loan, and borrows what it has not got."""
    borrower, lender = economy.borrowers[loan.obligor], economy.lenders[loan.holder]
    short = amount - lender.cash
    if short > 0.0:
        fund(economy, lender, short)
    pay(economy, Flow.LOAN_DRAWDOWNS, lender, borrower, amount)
    post_principal(loan, borrower, lender, amount)
    note_draw(economy, loan, amount)


@kernel
def open_facility(
    economy: Economy, p: Record, row: int, order: Record, holder: int, units: int, amount: float
) -> None:
    """Write the machine loan (M$) for `units` of an order into a free row, pay it out, or sell it on."""
    loan = economy.loans[row]
    weeks = tenor_weeks(p, economy.lenders[holder].belief, order.rent > 0.0)
    write_loan(economy, p, row, Instrument.MACHINE_LOAN, holder, order.grade,
               p.credit_spread_by_grade[order.grade], economy.clock[0].week + weeks)  # fmt: skip
    pledge_machines(economy, p, row, order.machine, units, order.marked, order.recourse,
                    order.cross_default)  # fmt: skip
    draw_loan(economy, loan, amount)
    loan.balloon = p.credit_balloon_share * amount
    economy.outcomes[0].new_lending_musd += amount
    economy.outcomes[0].uncovered_musd += amount * uncovered_share(p, weeks, order.rent > 0.0)
    note_holder(economy, EventKind.LOAN, loan, amount, units)
    if order.syndicated:
        syndicate(economy, p, row)
