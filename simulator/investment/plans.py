"""Phase `investment`: what borrowers order, by what it is worth to their owners.

Borrowers plan every `investment.decision_weeks`, each in a week of its own. A plan weighs every machine on
sale, let to a customer or sold on demand: its earnings, the loan that comes with it, the slots that it needs.
Who decides first in a week rotates. Without this re-levering an amortising economy heals and nobody ever
fails. What a plan leads to is an order; see `orders` for the order book, `underwriting` for what lenders
offer, and `deliveries` for the week in which the machines arrive.
"""

import math
from typing import NamedTuple

from hashcredit.agents.borrower import capital_budget, worth_buying
from hashcredit.agents.buyer import annuity
from hashcredit.agents.compiled import kernel
from hashcredit.agents.dimensions import BorrowerStatus, LoanStatus, MachineKind, Record
from hashcredit.agents.lender import present_value
from hashcredit.agents.miner import runs
from hashcredit.agents.units import WEEKS_A_YEAR
from hashcredit.simulator.books.ledger import free_slots, sum_of
from hashcredit.simulator.books.loans import empty_rows, facilities_of
from hashcredit.simulator.books.orders import (
    deposit_share,
    free_order,
    lead_weeks,
    place_order,
    promised_loans,
    units_on_order,
)
from hashcredit.simulator.books.randomness import Stream, exponential, uniform4
from hashcredit.simulator.books.turns import borrowers_in, first_in_turn
from hashcredit.simulator.credit.equity import issue_equity, most_issue
from hashcredit.simulator.investment.bonds import most_bonds, raise_for_growth
from hashcredit.simulator.investment.prepayments import prepayment, rent_in_advance
from hashcredit.simulator.investment.refinancing import best_top_up, room_taken, top_up, top_up_gain
from hashcredit.simulator.investment.sites import most_units, site_gain, site_offer
from hashcredit.simulator.investment.vendors import vendor_lends, vendor_loan_value, vendor_offer
from hashcredit.simulator.lenders.funding import capacity_of
from hashcredit.simulator.lenders.syndication import means_to_sell
from hashcredit.simulator.lenders.underwriting import annual_rate, ask_lenders, best_lender, tenor_weeks
from hashcredit.simulator.machines.earnings import earning_trend, value_of
from hashcredit.simulator.machines.rents import (
    contract_gain,
    contract_years,
    pick_customer,
    sign,
    term_rent,
    units_wanted,
)
from hashcredit.simulator.machines.slots import slot_cost, slot_price, slot_years
from hashcredit.simulator.state.economy import Economy


class Choice(NamedTuple):
    """An order that a plan has chosen."""

    machine: int
    """Type, -1 if nothing is worth its price."""
    units: int
    holder: int
    """Lender that promises the loan, -1 if none."""
    offer: float
    """Its loan, M$ a unit."""
    rent: float
    """Of the customer's contract, M$ a unit and year; 0: on demand."""
    prepaid: float
    """By the customer, M$ a unit."""
    worth: float
    """Net present value to the owners, M$."""
    vendor: float
    """Loan of the vendor, M$ a unit."""
    site: float
    """Loan on a slot that is added, M$."""
    slots: int
    """How many are."""


class Delay(NamedTuple):
    """What time is to a borrower that orders a machine: the same for all types of a kind."""

    later: float
    """Discount factor of the week in which it arrives."""
    until: float
    """Present value of earnings of one a year until then, which fall by their trend, years."""
    slot: float
    """`slot_years`."""


class Prospect(NamedTuple):
    """A machine on sale as a borrower sees it, before it knows to whom it lets it and who lends."""

    machine: int
    """Type."""
    later: float
    """Discount factor of the week in which it arrives."""
    value: float
    """On demand, if it is ordered today, M$."""
    price: float
    """Of deposit and rest, today, M$."""
    leasing: float
    """Of the slot of a machine, today, M$."""


class TopUp(NamedTuple):
    """A facility (-1: none) that a lender refinances by a loan that is larger by some money (M$)."""

    facility: int
    lender: int
    money: float


@kernel
def can_plan(economy: Economy, b: int) -> bool:
    """Whether a borrower is free to invest: alive, no missed payment, no open covenant breach."""
    borrower = economy.borrowers[b]
    if borrower.status != BorrowerStatus.ALIVE or borrower.payables > 0.0:
        return False
    first, last = facilities_of(economy, b)
    for row in range(first, last):
        loan = economy.loans[row]
        if loan.status == LoanStatus.PERFORMING and (
            loan.weeks_overdue > 0 or loan.weeks_over_base > 0 or loan.weeks_under_dscr > 0
        ):
            return False
    return True


@kernel
def delay_of(economy: Economy, p: Record, b: int, kind: int) -> Delay:
    """What waiting for a machine of a kind is to borrower `b` today."""
    discount = economy.market[0].cost_of_capital + economy.borrowers[b].cost_of_capital
    weeks = lead_weeks(p, kind)
    until = annuity(discount + earning_trend(p, kind), weeks / WEEKS_A_YEAR)
    return Delay(math.exp(-discount * weeks / WEEKS_A_YEAR), until, slot_years(p, discount))


@kernel
def value_of_order(economy: Economy, p: Record, m: int, borrower: Record, until: float) -> float:
    """What a new machine ordered today is worth to a borrower today, M$.

    Its value less what it would earn `until` it arrives: so launches that come closer meanwhile count.
    """
    machine = economy.machines[m]
    value = value_of(economy, p, m, borrower.site_class, borrower.cost_of_capital, p.valuation_refresh_weeks)
    forgone = max(0.0, machine.earning - machine.cost[borrower.site_class])
    return value - forgone * until


@kernel
def see(economy: Economy, p: Record, b: int, m: int, delay: Delay) -> Prospect:
    """A machine of type `m` as borrower `b` sees it today, with the delay of its kind."""
    machine = economy.machines[m]
    deposit = deposit_share(p, machine.kind)
    return Prospect(
        m,
        delay.later,
        value_of_order(economy, p, m, economy.borrowers[b], delay.until),
        (deposit + (1.0 - deposit) * delay.later) * machine.price_new,
        delay.later * slot_cost(p, machine.cooling, delay.slot),
    )


@kernel
def has_row_to_spare(economy: Economy, b: int) -> bool:
    """Whether borrower `b` has a row for one more facility beside those that are promised to it."""
    return promised_loans(economy, b) < empty_rows(economy, b)


@kernel
def loan_value(
    economy: Economy, p: Record, borrower: Record, holder: int, grade: int, offer: float, is_let: bool
) -> float:
    """What a loan of `offer` (M$) is worth to a borrower that discounts its payments at its own rate, M$."""
    if holder < 0:
        return 0.0
    years = tenor_weeks(p, economy.lenders[holder].belief, is_let) / WEEKS_A_YEAR
    discount = economy.market[0].cost_of_capital + borrower.cost_of_capital
    return offer - present_value(offer, annual_rate(economy, p, grade), discount, years,
                                 p.credit_balloon_share * offer)  # fmt: skip


@kernel
def own_cash(p: Record, machine: Record, offer: float, prepaid: float, vendor: float) -> float:
    """Cash (M$ a unit) that a new machine in a new slot takes beside its loans: at least deposit and fee.

    Less what the customer has paid in advance.
    """
    fee = p.investment_commitment_fee * lead_weeks(p, machine.kind) / WEEKS_A_YEAR * offer
    price = machine.price_new + slot_price(p, machine.cooling)
    return max(price - offer - vendor, deposit_share(p, machine.kind) * machine.price_new) + fee - prepaid


@kernel
def own_cash_beyond(
    p: Record, machine: Record, offer: float, prepaid: float, vendor: float, site: float
) -> float:
    """What a machine in a new slot takes more (M$) of own cash by a site loan of `site` (M$ a slot): less."""
    if site == 0.0:
        return 0.0
    with_it = own_cash(p, machine, offer + site, prepaid, vendor)
    return with_it - own_cash(p, machine, offer, prepaid, vendor)


@kernel
def no_order() -> Choice:
    """The choice of a plan that finds nothing worth its price."""
    return Choice(-1, 0, -1, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0)


@kernel
def weigh(
    economy: Economy,
    p: Record,
    b: int,
    prospect: Prospect,
    grade: int,
    rent: float,
    prepaid: float,
    holder: int,
    offer: float,
    means: float,
    asks_vendor: bool,
) -> Choice:
    """Ordering a machine: how many units, what lender and vendor lend for each, and what that is worth.

    For the owners of borrower `b` with `means` (M$): earnings, debt at what it costs them, price and slots,
    all discounted to today. Units go into free slots, whose cost is sunk, and into new ones if that pays.
    `rent` (M$ a unit and year) is a customer's of that grade, 0 for none, and `prepaid` (M$ a unit) the part
    of all rents that it pays now. Lender `holder` (-1: none), asked for this plan, lends `offer` (M$ a unit).
    """
    borrower = economy.borrowers[b]
    m, later, price, leasing = prospect.machine, prospect.later, prospect.price, prospect.leasing
    machine = economy.machines[m]
    value = prospect.value
    if rent > 0.0:
        cash_rent = rent - prepaid / contract_years(p)
        value += contract_gain(economy, p, m, borrower, grade, cash_rent, 1) + prepaid
    value += later * loan_value(economy, p, borrower, holder, grade, offer, rent > 0.0)
    vendor = vendor_offer(p, machine, offer, prepaid) if asks_vendor else 0.0
    value += later * vendor_loan_value(economy, p, borrower, vendor)
    site = site_offer(economy, p, b, m, holder, grade, rent, prepaid, offer)
    building = later * (slot_price(p, machine.cooling) - site_gain(economy, p, borrower, grade, site))
    adds_slots = worth_buying(value - leasing, price + building, p.investment_hurdle)
    if not adds_slots and not worth_buying(value, price, p.investment_hurdle):
        return no_order()
    free = max(0, free_slots(borrower, machine.cooling) - units_on_order(economy, b, machine.cooling))
    units = free
    if adds_slots:
        growth = p.investment_growth_cap * p.investment_decision_weeks / WEEKS_A_YEAR
        units += int(growth * sum_of(borrower.slots))
    own = own_cash(p, machine, offer, prepaid, vendor)
    if own > 0.0:
        beyond = own_cash_beyond(p, machine, offer, prepaid, vendor, site)
        units = most_units(means, own, beyond, free, units)
    if holder >= 0:
        units = most_units(economy.lender_room[holder], offer, site, free, units)
    if rent > 0.0:
        units = min(units, units_wanted(economy, m, grade))
    worth = units * (value - leasing - price - building) + min(units, free) * (leasing + building)
    slots = max(0, units - free) if site > 0.0 else 0
    return Choice(m, units, holder, offer, rent, prepaid, worth, vendor, site, slots)


@kernel
def find_customer(economy: Economy, p: Record, u: float, v: float) -> int:
    """Grade of the customer that a borrower has found since its last plan, told by two draws; -1 if none."""
    found = -math.expm1(-p.investment_decision_weeks / p.investment_search_weeks)
    return pick_customer(economy, v) if u < found else -1


@kernel
def choose_order(economy: Economy, p: Record, b: int, customer: int, means: float) -> Choice:
    """The order with the largest net present value that `means` (M$) allow borrower `b`.

    Its lenders have been asked (`ask_lenders`). `customer` is the grade of the customer that it has found, -1
    if there is none. It signs only where a lender or the vendor lends.
    """
    borrower = economy.borrowers[b]
    week = economy.clock[0].week
    best = no_order()
    can_borrow = has_row_to_spare(economy, b)
    kind, delay = -1, Delay(1.0, 0.0, 0.0)
    for m in range(economy.machines.shape[0]):
        machine = economy.machines[m]
        if not machine.used or not machine.launch_week <= week <= machine.end_of_sale_week:
            continue
        if not runs(borrower.kind, machine.kind):
            continue
        if machine.kind != kind:
            kind = int(machine.kind)
            delay = delay_of(economy, p, b, kind)
        prospect = see(economy, p, b, m, delay)
        lets = customer >= 0 and machine.kind == MachineKind.GPU
        for is_let in range(1 + lets):
            rent = term_rent(economy, p, m) if is_let else 0.0
            grade = customer if is_let else borrower.grade
            prepaid = prepayment(economy, p, m, grade, rent) if is_let else 0.0
            rent = rent_in_advance(economy, p, m, grade, rent, prepaid)
            holder, offer = -1, 0.0
            if can_borrow:
                holder, offer = best_lender(economy, p, b, m, grade, rent, prepaid)
            for asks_vendor in range(1 + vendor_lends(p)):
                choice = weigh(economy, p, b, prospect, grade, rent, prepaid, holder, offer, means,
                               asks_vendor == 1)  # fmt: skip
                is_financed = choice.holder >= 0 or choice.vendor > 0.0
                if choice.units > 0 and choice.worth > best.worth and (is_financed or not is_let):
                    best = choice
    return best


@kernel
def lacking(p: Record, machine: Record, choice: Choice, budget: float) -> float:
    """What an order takes beyond the cash set aside for it (`budget`), M$."""
    own = own_cash(p, machine, choice.offer, choice.prepaid, choice.vendor)
    beyond = own_cash_beyond(p, machine, choice.offer, choice.prepaid, choice.vendor, choice.site)
    return choice.units * own + choice.slots * beyond - budget


@kernel
def beside_top_up(p: Record, bonds: float, money: float) -> float:
    """What a borrower that could issue `bonds` (M$) can still issue after a top-up by `money` (M$), at least.

    Its debts are limited together.
    """
    left = bonds - money
    return left if left >= p.credit_bond_least else 0.0


@kernel
def plan_with_top_up(
    economy: Economy, p: Record, b: int, customer: int, budget: float, shares: float, bonds: float
) -> tuple[Choice, TopUp]:
    """The order of borrower `b`, and the top-up that it is worth (all M$).

    A plan without one has the cash set aside, shares and bonds. One with it is made if the order is worth so
    much more to owners that it pays for the top-up.
    """
    plain = choose_order(economy, p, b, customer, budget + shares + bonds)
    row, refinancer, most = best_top_up(economy, p, b)
    if row < 0:
        return plain, TopUp(-1, -1, 0.0)
    lender = economy.lenders[refinancer]
    committed = lender.committed
    lender.committed = committed + room_taken(economy, row, refinancer, most)  # it cannot lend that twice
    economy.lender_room[refinancer] = capacity_of(economy, p, lender)
    means = budget + shares + most + beside_top_up(p, bonds, most)
    larger = choose_order(economy, p, b, customer, means)
    lender.committed = committed
    if larger.machine >= 0:
        money = min(most, lacking(p, economy.machines[larger.machine], larger, budget))
        if money > 0.0 and larger.worth + top_up_gain(economy, p, row, refinancer, money) > plain.worth:
            return larger, TopUp(row, refinancer, money)
    return plain, TopUp(-1, -1, 0.0)


@kernel
def invest_borrower(economy: Economy, p: Record, seed: int, replicate: int, b: int) -> None:
    """One borrower's plan: the means that it has and can raise, its customer, and the order that follows.

    Beyond its cash it raises what gives nothing of the firm away first, a loan on machines that are there;
    then shares, then a bond.
    """
    borrower = economy.borrowers[b]
    if not can_plan(economy, b):
        return
    buffer = p.investment_buffer_weeks * borrower.obligations
    budget = capital_budget(borrower.cash - borrower.reserved, buffer, p.investment_spend_share)
    shares = most_issue(economy, p, b)
    ask_lenders(economy, p, b)
    bonds = most_bonds(economy, p, b)
    place = free_order(economy, b)
    if place < 0 or (budget + shares + bonds <= 0.0 and p.credit_top_up == 0):
        return
    week = economy.clock[0].week
    v = uniform4(seed, replicate, week, b, Stream.CONTRACT, 0)
    customer = find_customer(economy, p, v[0], v[1])
    choice, more = plan_with_top_up(economy, p, b, customer, budget, shares, bonds)
    if choice.machine < 0:
        return
    if more.facility >= 0:
        top_up(economy, p, more.facility, more.lender, more.money)
    machine = economy.machines[choice.machine]
    lack = lacking(p, machine, choice, budget) - more.money
    issue_equity(economy, p, b, lack)
    raise_for_growth(economy, p, b, lack - shares)
    u = uniform4(seed, replicate, week, b, Stream.UNDERWRITING, 0)
    order = economy.orders[place]
    order.vendor_offer = choice.vendor
    order.rent = choice.rent
    order.grade = customer if choice.rent > 0.0 else borrower.grade
    order.site_offer = choice.site
    order.site_slots = choice.slots
    order.hazard = exponential(seed, replicate, week, b, Stream.OFFTAKER, 0, 0)
    order.marked = u[0] < p.credit_marked_share
    order.recourse = u[1] < p.credit_recourse_share
    order.cross_default = u[2] < p.credit_cross_default_share
    order.syndicated = means_to_sell(economy, p, choice.holder, u[3])
    if choice.rent > 0.0:
        sign(economy, choice.machine, customer, choice.units)
    place_order(economy, p, place, choice.machine, choice.units, choice.holder, choice.offer, choice.prepaid,
                slot_price(p, machine.cooling))  # fmt: skip


@kernel
def invest(economy: Economy, p: Record, seed: int, replicate: int) -> None:
    """Plans: every borrower decides once in `decision_weeks`, in turns, a share of them each week."""
    for half in range(2):
        begin, end = borrowers_in(economy, half)
        first = first_in_turn(economy.clock[0].week, begin, p.investment_decision_weeks)
        for b in range(first, end, p.investment_decision_weeks):
            invest_borrower(economy, p, seed, replicate, b)
