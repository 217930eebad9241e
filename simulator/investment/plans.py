"""Phase `investment`: free cash over a buffer goes into newer machines, levered where a lender underwrites.

Borrowers plan every `investment.decision_weeks`; who decides first rotates. Without this re-levering
an amortising economy heals and nobody ever fails. What a plan leads to is an order; see `orders` for the
order book and `deliveries` for the week in which the machines arrive.
"""

import math

from hashcredit.agents.borrower import capital_budget, worth_buying
from hashcredit.agents.buyer import annuity
from hashcredit.agents.compiled import kernel
from hashcredit.agents.dimensions import (
    FACILITIES,
    BorrowerStatus,
    Instrument,
    LoanStatus,
    MachineKind,
    Record,
)
from hashcredit.agents.lender import advance, expected_unit_earning
from hashcredit.agents.miner import runs
from hashcredit.agents.neocloud import contract_rent, lets_out
from hashcredit.agents.units import WEEKS_A_YEAR
from hashcredit.simulator.books.events import note_holder
from hashcredit.simulator.books.ledger import free_slots, pay, post_principal, sum_of
from hashcredit.simulator.books.loans import (
    empty_rows,
    facilities_of,
    pledge_machines,
    write_contract,
    write_loan,
)
from hashcredit.simulator.books.orders import (
    deposit_share,
    free_order,
    lead_weeks,
    place_order,
    promised_loans,
    units_on_order,
)
from hashcredit.simulator.books.randomness import Stream, exponential, pick, uniform4
from hashcredit.simulator.lenders.funding import advance_now, capacity_of, fund
from hashcredit.simulator.machines.earnings import earning_trend, value_of
from hashcredit.simulator.machines.slots import slot_cost, slot_price, slot_rent
from hashcredit.simulator.state.codes import EventKind, Flow
from hashcredit.simulator.state.economy import Economy


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
def value_of_order(economy: Economy, p: Record, m: int, borrower: Record) -> float:
    """What a new machine ordered today is worth to a borrower today, M$.

    Its value less what it would earn until it arrives: so launches that come closer meanwhile count.
    """
    machine = economy.machines[m]
    value = value_of(economy, p, m, borrower.site_class, borrower.cost_of_capital, p.valuation_refresh_weeks)
    trend = earning_trend(p, machine.kind)
    discount = economy.market[0].cost_of_capital + borrower.cost_of_capital
    forgone = max(0.0, machine.earning - machine.cost[borrower.site_class])
    return value - forgone * annuity(discount + trend, lead_weeks(p, machine.kind) / WEEKS_A_YEAR)


@kernel
def choose_machine(economy: Economy, p: Record, b: int) -> int:
    """The machine on sale with the best value per dollar for borrower `b`, -1 if none is worth it.

    Price and value are those of a machine in a slot that has to be built and leased when it arrives, both
    discounted to today.
    """
    borrower = economy.borrowers[b]
    week = economy.clock[0].week
    discount = economy.market[0].cost_of_capital + borrower.cost_of_capital
    best = -1
    best_ratio = 0.0
    for m in range(economy.machines.shape[0]):
        machine = economy.machines[m]
        if not machine.used or not machine.launch_week <= week <= machine.end_of_sale_week:
            continue
        if not runs(borrower.kind, machine.kind):
            continue
        later = math.exp(-discount * lead_weeks(p, machine.kind) / WEEKS_A_YEAR)
        value = value_of_order(economy, p, m, borrower)
        value -= later * slot_cost(p, machine.cooling, discount)
        deposit = deposit_share(p, machine.kind)
        price = (deposit + (1.0 - deposit) * later) * machine.price_new
        price += later * slot_price(p, machine.cooling)
        if worth_buying(value, price, p.investment_hurdle) and value / price > best_ratio:
            best = m
            best_ratio = value / price
    return best


@kernel
def has_row_to_spare(economy: Economy, b: int) -> bool:
    """Whether borrower `b` has a row for one more facility beside those that are promised to it."""
    return promised_loans(economy, b) < empty_rows(economy, b)


@kernel
def loan_offer(economy: Economy, p: Record, lender: Record, b: int, m: int, grade: int) -> float:
    """Loan (M$ a unit) that a lender would make against a new machine; 0 if it declines."""
    borrower = economy.borrowers[b]
    machine = economy.machines[m]
    rate = advance_now(economy, p, lender)
    prior = p.lenders_recovery_prior[lender.kind]
    share = advance(lender.belief, rate, lender.learned_recovery, prior)
    offer = share * min(machine.price_new, machine.appraisal)
    years = p.credit_tenor_weeks / WEEKS_A_YEAR
    # newer ASICs work through difficulty, which is in the trend
    step = 0.0 if machine.kind == MachineKind.ASIC else p.compute_launch_step
    trend = earning_trend(p, machine.kind)
    earning = expected_unit_earning(lender.belief, machine.earning, trend, years, step)
    cash_flow = earning - machine.cost[borrower.site_class] - slot_rent(p, machine.cooling)
    rate = max(economy.market[0].policy_rate, p.credit_floor) + p.credit_spread_by_grade[grade]
    service = offer * (1.0 / years + 0.5 * rate)  # interest on the average balance
    if offer <= 0.0 or not economy.underwriting_rule(cash_flow, service, p.credit_dscr_covenant):
        return 0.0
    return offer


@kernel
def find_lender(economy: Economy, p: Record, b: int, m: int, grade: int) -> tuple[int, float]:
    """The linked lender with the largest offer that has room for a unit; (-1, 0) if none underwrites."""
    best = -1
    best_offer = 0.0
    for link in range(economy.credit_start[b], economy.credit_start[b + 1]):
        index = economy.credit_lender[link]
        lender = economy.lenders[index]
        offer = loan_offer(economy, p, lender, b, m, grade)
        if offer > best_offer and capacity_of(economy, p, lender) >= offer:
            best = index
            best_offer = offer
    return best, best_offer


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
def open_contract(economy: Economy, p: Record, row: int, hazard: float) -> None:
    """Let the units of a facility to a customer at a discount on expected spot use at today's rents."""
    loan = economy.loans[row]
    rent = contract_rent(economy.machines[loan.machine].earning, p.investment_contract_discount)
    write_contract(loan, loan.units, rent, economy.clock[0].week + p.investment_contract_weeks, hazard)


@kernel
def open_facility(
    economy: Economy, p: Record, row: int, order: Record, holder: int, units: int, amount: float
) -> None:
    """Write the machine loan (M$) for `units` of an order into a free row and pay it out."""
    loan = economy.loans[row]
    lender = economy.lenders[holder]
    borrower = economy.borrowers[row // FACILITIES]
    write_loan(economy, p, row, Instrument.MACHINE_LOAN, holder, order.grade,
               p.credit_spread_by_grade[order.grade],
               economy.clock[0].week + p.credit_tenor_weeks)  # fmt: skip
    pledge_machines(economy, p, row, order.machine, units, order.marked, order.recourse,
                    order.cross_default)  # fmt: skip
    short = amount - lender.cash
    if short > 0.0:
        fund(economy, lender, short)
    pay(economy, Flow.LOAN_DRAWDOWNS, lender, borrower, amount)
    post_principal(loan, borrower, lender, amount)
    note_holder(economy, EventKind.LOAN, loan, amount, units)


@kernel
def invest_borrower(economy: Economy, p: Record, seed: int, replicate: int, b: int) -> None:
    """One borrower's plan: the best machine, the debt it gets for it, and as many as cash and slots allow."""
    borrower = economy.borrowers[b]
    buffer = p.investment_buffer_weeks * borrower.obligations
    budget = capital_budget(borrower.cash - borrower.reserved, buffer, p.investment_spend_share)
    if budget <= 0.0 or not can_plan(economy, b):
        return
    place = free_order(economy, b)
    m = choose_machine(economy, p, b)
    if m < 0 or place < 0:
        return
    machine = economy.machines[m]
    week = economy.clock[0].week
    u = uniform4(seed, replicate, week, b, Stream.UNDERWRITING, 0)
    v = uniform4(seed, replicate, week, b, Stream.CONTRACT, 0)
    contracted = lets_out(machine.kind, v[0], p.investment_contract_share)
    grade = pick(p.neoclouds_offtaker_shares, v[1]) if contracted else borrower.grade
    holder, offer = find_lender(economy, p, b, m, grade) if has_row_to_spare(economy, b) else (-1, 0.0)
    free = max(0, free_slots(borrower, machine.cooling) - units_on_order(economy, b, machine.cooling))
    growth = p.investment_growth_cap * p.investment_decision_weeks / WEEKS_A_YEAR
    room = free + int(growth * sum_of(borrower.slots))
    slot = slot_price(p, machine.cooling)
    fee = p.investment_commitment_fee * lead_weeks(p, machine.kind) / WEEKS_A_YEAR * offer
    own = max(machine.price_new + slot - offer, deposit_share(p, machine.kind) * machine.price_new) + fee
    units = int(min(float(room), budget / own))
    if holder >= 0:
        units = int(min(float(units), capacity_of(economy, p, economy.lenders[holder]) / offer))
    if units <= 0:
        return
    order = economy.orders[place]
    order.grade = grade
    order.contracted = contracted
    order.hazard = exponential(seed, replicate, week, b, Stream.OFFTAKER, 0, 0)
    order.marked = u[0] < p.credit_marked_share
    order.recourse = u[1] < p.credit_recourse_share
    order.cross_default = u[2] < p.credit_cross_default_share
    place_order(economy, p, place, m, units, holder, offer, slot)


@kernel
def invest(economy: Economy, p: Record, seed: int, replicate: int) -> None:
    """Plans: in planning weeks every borrower decides once, starting with another one each time."""
    week = economy.clock[0].week
    if (week + 1) % p.investment_decision_weeks != 0:
        return
    count = economy.borrowers.shape[0]
    for place in range(count):
        invest_borrower(economy, p, seed, replicate, (place + week) % count)
