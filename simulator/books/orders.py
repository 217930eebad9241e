"""The order book: new machines paid for in part that have not arrived, and the loans promised for them.

An order takes one of the `ORDERS` rows of its borrower. Its deposit is an asset of the borrower and a debt
of the vendor until the machines arrive. The lender's commitment is no loan yet, but it takes up capacity.
What becomes of an order when its machines arrive is decided in `investment`.
"""

from hashcredit.agents.compiled import kernel
from hashcredit.agents.dimensions import ORDERS, Cause, MachineKind, Record
from hashcredit.agents.units import WEEKS_A_YEAR
from hashcredit.simulator.books.events import NO_EVENT, NOBODY, note
from hashcredit.simulator.books.ledger import pay, revalue
from hashcredit.simulator.books.prepayments import receive_prepayment, release_balance
from hashcredit.simulator.state.codes import EventKind, Flow, Revaluation, Sector
from hashcredit.simulator.state.economy import Economy


@kernel
def lead_weeks(p: Record, kind: int) -> int:
    """Weeks between the order of a new machine and its arrival."""
    if kind == MachineKind.ASIC:
        return p.investment_lead_weeks_asic
    return p.investment_lead_weeks


@kernel
def deposit_share(p: Record, kind: int) -> float:
    """Share of the price of a new machine that is paid with the order, fraction."""
    if kind == MachineKind.ASIC:
        return p.investment_deposit_share_asic
    return p.investment_deposit_share


@kernel
def free_order(economy: Economy, b: int) -> int:
    """A free row for an order of borrower `b`, -1 if all of them are open."""
    for row in range(b * ORDERS, (b + 1) * ORDERS):
        if economy.orders[row].units == 0:
            return row
    return -1


@kernel
def units_on_order(economy: Economy, b: int, cooling: int) -> int:
    """Machines on order that will need a slot of a class."""
    units = 0
    if economy.borrowers[b].orders > 0:
        for row in range(b * ORDERS, (b + 1) * ORDERS):
            order = economy.orders[row]
            if order.units > 0 and economy.machines[order.machine].cooling == cooling:
                units += order.units
    return units


@kernel
def promised_loans(economy: Economy, b: int) -> int:
    """Loans promised to borrower `b`, on machines and slots; each may need a row of the loan table."""
    lines = 0
    if economy.borrowers[b].orders > 0:
        for row in range(b * ORDERS, (b + 1) * ORDERS):
            if economy.orders[row].units > 0 and economy.orders[row].holder >= 0:
                lines += 1 + (economy.orders[row].site_slots > 0)
    return lines


@kernel
def count_orders(economy: Economy, b: int) -> None:
    """Add a borrower's open orders up afresh: number, deposits, the cash that they will take, the next."""
    borrower = economy.borrowers[b]
    borrower.orders = 0
    borrower.next_delivery = 0
    borrower.deposits = 0.0
    borrower.reserved = 0.0
    for row in range(b * ORDERS, (b + 1) * ORDERS):
        order = economy.orders[row]
        if order.units > 0:
            if borrower.orders == 0 or order.delivery_week < borrower.next_delivery:
                borrower.next_delivery = order.delivery_week
            borrower.orders += 1
            borrower.deposits += order.deposit
            borrower.reserved += max(0.0, order.reserved)


@kernel
def note_order(
    economy: Economy,
    kind: int,
    row: int,
    units: int,
    amount: float,
    holder: int = NOBODY,
    cause: int = Cause.NONE,
    parent: int = NO_EVENT,
) -> None:
    """Log what becomes of `units` of an order, for `amount` M$: the borrower and its vendor or lender."""
    order = economy.orders[row]
    b = row // ORDERS
    note(
        economy,
        kind,
        economy.borrowers[b].sector,
        b,
        Sector.LENDERS if holder >= 0 else Sector.REST_OF_WORLD,
        holder,
        order.machine,
        units,
        amount,
        order.price,
        cause=cause,
        parent=parent,
    )


@kernel
def kept_free(order: Record) -> float:
    """Part of a promised loan (M$) for which the lender keeps capital free: none if it means to sell it."""
    return 0.0 if order.syndicated else order.commitment


@kernel
def write_order(
    economy: Economy,
    p: Record,
    row: int,
    m: int,
    units: int,
    holder: int,
    offer: float,
    slot_price: float,
    weeks: int,
) -> None:
    """Write an order for `units` new machines that arrive in some weeks into a free row; pay nothing.

    `offer` (M$ a unit) is what lender `holder` (-1: none) will lend, `slot_price` (M$) what a slot costs. On
    the row already are its loan on slots, the vendor's own, and whether the lender means to sell its own.
    """
    order = economy.orders[row]
    machine = economy.machines[m]
    order.machine = m
    order.units = units
    order.price = machine.price_new
    order.delivery_week = economy.clock[0].week + weeks
    order.deposit = deposit_share(p, machine.kind) * units * machine.price_new
    order.holder = holder
    order.offer = offer
    order.commitment = units * offer + order.site_slots * order.site_offer
    order.reserved = units * (machine.price_new + slot_price) - order.deposit - order.commitment
    order.reserved -= units * order.vendor_offer
    if holder >= 0:
        economy.lenders[holder].committed += kept_free(order)
    count_orders(economy, row // ORDERS)


@kernel
def place_order(
    economy: Economy,
    p: Record,
    row: int,
    m: int,
    units: int,
    holder: int,
    offer: float,
    prepaid: float,
    slot_price: float,
) -> None:
    """Order `units` new machines (see `write_order`), pay the deposit, and have the loan promised.

    `prepaid` (M$ a unit) is what the customer pays now. The fee on the undrawn loan is paid at once for the
    whole time until delivery.
    """
    order = economy.orders[row]
    borrower = economy.borrowers[row // ORDERS]
    weeks = lead_weeks(p, economy.machines[m].kind)
    write_order(economy, p, row, m, units, holder, offer, slot_price, weeks)
    receive_prepayment(economy, order, borrower, units * prepaid)
    pay(economy, Flow.NEW_MACHINES, borrower, economy.world[0], order.deposit)
    if holder >= 0:
        lender = economy.lenders[holder]
        fee = p.investment_commitment_fee * weeks / WEEKS_A_YEAR * order.commitment
        pay(economy, Flow.INTEREST, borrower, lender, fee)
        lender.week_interest += fee
    economy.outcomes[0].orders_musd += units * order.price
    note_order(economy, EventKind.ORDER, row, units, units * order.price, holder)


@kernel
def release_line(economy: Economy, row: int) -> None:
    """End the promise of a loan for an order: without another lender its borrower has to pay it all."""
    order = economy.orders[row]
    if order.holder < 0:
        return
    lender = economy.lenders[order.holder]
    lender.committed = max(0.0, lender.committed - kept_free(order))
    order.reserved += order.commitment
    order.commitment = 0.0
    order.offer = 0.0
    order.syndicated = 0
    order.site_offer = 0.0
    order.site_slots = 0
    order.holder = -1


@kernel
def close_order(economy: Economy, row: int) -> None:
    """Free the row of an order of which nothing is left; what was promised for it and not drawn lapses."""
    release_line(economy, row)
    order = economy.orders[row]
    order.units = 0
    order.deposit = 0.0
    order.reserved = 0.0
    order.vendor_offer = 0.0
    count_orders(economy, row // ORDERS)


@kernel
def forfeit(economy: Economy, row: int, units: int, cause: int, parent: int) -> None:
    """Cancel `units` of an order: the vendor keeps their deposit, the customer is owed its prepayment.

    cause     Cause of the borrower's default, ILLIQUIDITY if it lives but cannot pay
    parent    row of the event that led to it, NO_EVENT if none
    """
    order = economy.orders[row]
    b = row // ORDERS
    borrower = economy.borrowers[b]
    lost = order.deposit * units / order.units
    revalue(economy, Revaluation.FORFEITED_DEPOSITS, borrower, -lost)
    revalue(economy, Revaluation.FORFEITED_DEPOSITS, economy.world[0], lost)
    order.deposit -= lost
    release_balance(order, borrower, units / order.units)
    note_order(economy, EventKind.ORDER_CANCELLED, row, units, lost, cause=cause, parent=parent)
    order.units -= units
    if order.units == 0:
        close_order(economy, row)
    else:
        count_orders(economy, b)


@kernel
def cancel_orders(economy: Economy, b: int) -> None:
    """The default of a borrower: its orders end, the vendor keeps the deposits, lenders need not lend."""
    borrower = economy.borrowers[b]
    if borrower.orders == 0:
        return
    for row in range(b * ORDERS, (b + 1) * ORDERS):
        if economy.orders[row].units > 0:
            forfeit(economy, row, economy.orders[row].units, borrower.cause, borrower.default_event)


@kernel
def release_commitments(economy: Economy, index: int) -> None:
    """The failure of a lender: its undrawn lines are gone at once."""
    for row in range(economy.orders.shape[0]):
        order = economy.orders[row]
        if order.units > 0 and order.holder == index:
            release_line(economy, row)
            count_orders(economy, row // ORDERS)
