"""Opening balance sheets: who has grown has new machines on order, and loans promised for them."""

import math

from hashcredit.agents.compiled import kernel
from hashcredit.agents.dimensions import ORDERS, Record
from hashcredit.agents.units import WEEKS_A_YEAR
from hashcredit.simulator.books.ledger import sum_of
from hashcredit.simulator.books.orders import lead_weeks, write_order
from hashcredit.simulator.books.prepayments import post_balance
from hashcredit.simulator.books.randomness import Stream, pick
from hashcredit.simulator.investment.prepayments import prepayment, rent_in_advance
from hashcredit.simulator.machines.rents import term_rent
from hashcredit.simulator.machines.slots import slot_price
from hashcredit.simulator.opening.draws import opening_uniform
from hashcredit.simulator.opening.loans import drawn_ltv, pick_holder
from hashcredit.simulator.state.economy import Economy

FIRST_DRAW_OF_ORDER = 410
"""Of the stream of opening loans; those of bonds end before."""


@kernel
def ordered_type(economy: Economy, u: float) -> int:
    """Which type of `economy.weights` is on order, told by a draw: one that the vendor sells; -1 if none."""
    weights = economy.weights
    for m in range(economy.machines.shape[0]):
        if economy.machines[m].end_of_sale_week < 0:
            weights[m] = 0.0
    return pick(weights, u) if sum_of(weights) > 0.0 else -1


@kernel
def find_customer(economy: Economy, p: Record, seed: int, replicate: int, row: int, m: int) -> float:
    """Who has signed for the machines (type `m`) of an order, if anybody; what it has paid, M$ a unit.

    Somebody has with the probability that a machine of a fleet is let, at the rent of today.
    """
    b, stream, draw = row // ORDERS, Stream.POPULATION_LOAN, FIRST_DRAW_OF_ORDER
    order = economy.orders[row]
    order.grade = economy.borrowers[b].grade
    order.rent = 0.0
    order.hazard = -math.log(opening_uniform(seed, replicate, stream, b, draw + 4))
    let = 0.5 * (p.neoclouds_contracted_low + p.neoclouds_contracted_high)
    if opening_uniform(seed, replicate, stream, b, draw + 5) >= let:
        return 0.0
    order.grade = pick(p.neoclouds_offtaker_shares, opening_uniform(seed, replicate, stream, b, draw + 6))
    rent = term_rent(economy, p, m)
    prepaid = prepayment(economy, p, m, order.grade, rent)
    order.rent = rent_in_advance(economy, p, m, order.grade, rent, prepaid)
    return prepaid


@kernel
def open_order(
    economy: Economy, p: Record, seed: int, replicate: int, b: int, value: float, growth: float
) -> None:
    """The open order of a borrower with GPUs worth `value` (M$ at new prices) that grow at `growth` (1/yr).

    As many machines as it will grow by in the lead time, of a type in its fleet (`economy.weights`), which
    arrive in a week of that time. Loan, clauses and lender are drawn as those of machines that it has, and
    whether a customer has signed by the mean share of a fleet that is let. Deposit, fee and what the
    customer pays in advance are paid.
    """
    stream = Stream.POPULATION_LOAN
    draw = FIRST_DRAW_OF_ORDER
    m = ordered_type(economy, opening_uniform(seed, replicate, stream, b, draw))
    if m < 0:
        return
    machine = economy.machines[m]
    lead = lead_weeks(p, machine.kind)
    units = round(value * math.expm1(growth * lead / WEEKS_A_YEAR) / machine.price_new)
    if units == 0:
        return
    row = b * ORDERS  # the first order
    order = economy.orders[row]
    order.marked = opening_uniform(seed, replicate, stream, b, draw + 1) < p.credit_marked_share
    order.recourse = opening_uniform(seed, replicate, stream, b, draw + 2) < p.credit_recourse_share
    order.cross_default = opening_uniform(seed, replicate, stream, b, draw + 3) < p.credit_cross_default_share
    prepaid = find_customer(economy, p, seed, replicate, row, m)
    post_balance(order, economy.borrowers[b], units * prepaid)
    holder = pick_holder(economy, p, b, opening_uniform(seed, replicate, stream, b, draw + 7))
    offer = drawn_ltv(p, seed, replicate, b, draw + 8) * machine.price_new
    offer = min(offer, machine.price_new - prepaid)
    weeks = min(lead, int(lead * opening_uniform(seed, replicate, stream, b, draw + 9)))
    write_order(economy, p, row, m, units, holder, offer, slot_price(p, machine.cooling), weeks)
