"""Phase `investment`, second half: machines arrive, and are paid for with the loan that was promised.

An order binds: who can pay takes the machines, even if it would no longer order them. Who cannot loses the
deposit.
"""

from hashcredit.agents.borrower import units_payable
from hashcredit.agents.compiled import kernel
from hashcredit.agents.dimensions import ORDERS, Cause, LoanStatus, Record
from hashcredit.agents.units import MILLION
from hashcredit.simulator.books.contracts import UNPLEDGED
from hashcredit.simulator.books.events import NO_EVENT
from hashcredit.simulator.books.ledger import free_slots, pay, put_units
from hashcredit.simulator.books.loans import DUST, empty_row, facilities_of, sell_coins
from hashcredit.simulator.books.orders import close_order, forfeit, note_order
from hashcredit.simulator.books.turns import borrowers_in
from hashcredit.simulator.books.vendor_loans import lend_for_machines
from hashcredit.simulator.investment.drawing import make_room, open_contract, open_facility
from hashcredit.simulator.investment.plans import can_plan, has_row_to_spare
from hashcredit.simulator.investment.sites import draw_on_site, site_line
from hashcredit.simulator.investment.vendors import vendor_line
from hashcredit.simulator.lenders.funding import capacity_of
from hashcredit.simulator.lenders.underwriting import find_lender
from hashcredit.simulator.machines.slots import slot_price
from hashcredit.simulator.state.codes import EventKind, Flow
from hashcredit.simulator.state.economy import Economy


@kernel
def line_of(economy: Economy, p: Record, row: int) -> tuple[int, float]:
    """Who lends for machines that have arrived, and how much a unit (M$); (-1, 0) if nobody does.

    A lender keeps its promise unless the borrower is in breach or behind. Where there is no promise, or its
    lender has failed, the borrower asks its lenders anew. A marked loan stays within its borrowing base.
    """
    b = row // ORDERS
    order = economy.orders[row]
    if not can_plan(economy, b) or empty_row(economy, b) < 0:
        return -1, 0.0
    holder, offer = order.holder, order.offer
    if holder < 0:
        if not has_row_to_spare(economy, b):
            return -1, 0.0
        prepaid = order.prepaid / order.units
        holder, offer = find_lender(economy, p, b, order.machine, order.grade, order.rent, prepaid)
        if holder < 0:
            return -1, 0.0
        offer = min(offer, capacity_of(economy, p, economy.lenders[holder]) / order.units)
    if order.marked:
        base = p.credit_base_headroom * economy.lenders[holder].advance_rate
        offer = min(offer, base * economy.machines[order.machine].appraisal)
    if offer <= 0.0:
        return -1, 0.0
    return holder, offer


@kernel
def reserve(p: Record, borrower: Record) -> float:
    """Cash (M$) that a borrower keeps when machines arrive.

    It goes below its buffer rather than lose a deposit, but keeps what it keeps when it meets a call.
    """
    return min(p.credit_reserve_weeks, p.investment_buffer_weeks) * borrower.obligations


@kernel
def means_to_pay(economy: Economy, p: Record, b: int) -> float:
    """Cash and coins (M$) that borrower `b` puts into machines that arrive; none if anything is overdue."""
    borrower = economy.borrowers[b]
    if borrower.payables > 0.0:
        return 0.0
    first, last = facilities_of(economy, b)
    for row in range(first, last):
        loan = economy.loans[row]
        if loan.status == LoanStatus.PERFORMING and loan.weeks_overdue > 0:
            return 0.0
    coins = borrower.btc * economy.market[0].btc_price * MILLION
    return borrower.cash + coins - reserve(p, borrower)


@kernel
def take_machines(
    economy: Economy, p: Record, row: int, units: int, holder: int, offer: float, vendor: float
) -> None:
    """Take `units` of an order: draw the loans, make room, pay the rest of the price. Others stay ordered.

    A lender (-1: none) lends `offer` and the vendor `vendor`, both M$ a unit.
    """
    b = row // ORDERS
    order = economy.orders[row]
    borrower = economy.borrowers[b]
    m = order.machine
    machine = economy.machines[m]
    deposit = order.deposit * units / order.units
    due = units * order.price - deposit
    free = max(0, free_slots(borrower, machine.cooling))
    loan_row = UNPLEDGED
    if holder >= 0:
        loan_row = empty_row(economy, b)
        open_facility(economy, p, loan_row, order, holder, units, units * offer)
        draw_on_site(economy, p, b, order, holder, max(0, units - free))
    if vendor > 0.0:
        lend_for_machines(economy, p, borrower, units * vendor)
        note_order(economy, EventKind.VENDOR_LOAN, row, units, units * vendor)
    if order.rent > 0.0:
        open_contract(economy, p, b, order, units, loan_row)
    room = max(0, units - free) * slot_price(p, machine.cooling)
    short = due + room + reserve(p, borrower) - borrower.cash
    if short > DUST:
        sell_coins(economy, p, borrower, short)
    make_room(economy, p, b, machine.cooling, units, free)
    pay(economy, Flow.NEW_MACHINES, borrower, economy.world[0], due)
    put_units(economy, borrower, m, units, units * order.price)
    machine.delivered += units
    order.deposit -= deposit
    note_order(economy, EventKind.PURCHASE, row, units, units * order.price)
    order.units -= units


@kernel
def deliver_order(economy: Economy, p: Record, row: int) -> None:
    """Machines have arrived: the borrower takes what it can pay, whatever they are worth by now.

    As long as it cannot take them all the vendor holds them, for at most `investment.hold_weeks`.
    """
    b = row // ORDERS
    order = economy.orders[row]
    holder, offer = line_of(economy, p, row)
    cooling = economy.machines[order.machine].cooling
    vendor = 0.0
    if order.vendor_offer > 0.0 and can_plan(economy, b):  # it keeps its promise as a lender does
        vendor = vendor_line(order, offer)
    due = order.price - order.deposit / order.units - offer - vendor
    free = max(0, free_slots(economy.borrowers[b], cooling))
    needed = max(0, order.units - free)
    on_site = site_line(economy, p, b, order, holder, needed, 1)  # beside the row of the machines' loan
    slot = slot_price(p, cooling) - on_site / max(1, needed)
    units = units_payable(means_to_pay(economy, p, b), due, slot, free, order.units)
    if units < order.units and economy.clock[0].week < order.delivery_week + p.investment_hold_weeks:
        return
    if units > 0:
        take_machines(economy, p, row, units, holder, offer, vendor)
    if order.units > 0:
        forfeit(economy, row, order.units, Cause.ILLIQUIDITY, NO_EVENT)
    else:
        close_order(economy, row)


@kernel
def deliver(economy: Economy, p: Record) -> None:
    """Deliveries: whatever has arrived, borrowers in the same turns as for plans."""
    week = economy.clock[0].week
    for half in range(2):
        begin, end = borrowers_in(economy, half)
        for b in range(begin, end):
            if economy.borrowers[b].orders == 0 or economy.borrowers[b].next_delivery > week:
                continue
            for row in range(b * ORDERS, (b + 1) * ORDERS):
                if economy.orders[row].units > 0 and economy.orders[row].delivery_week <= week:
                    deliver_order(economy, p, row)
