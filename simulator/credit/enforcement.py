"""The lender's choice on a breach: what it expects of seizing and selling now, of control, and of waiting.

A technical default, without a missed payment, has three answers. Waiting is a waiver where it is paid for.
"""

import math

from hashcredit.agents.borrower import cover
from hashcredit.agents.compiled import kernel
from hashcredit.agents.dimensions import DSCR_WINDOW, Answer, Enforcement, Record
from hashcredit.agents.lender import proceeds_now, takes_control, value_of_waiting
from hashcredit.agents.units import MILLION, WEEK
from hashcredit.simulator.books.events import note_holder
from hashcredit.simulator.books.ledger import capital_ratio, capitalise, pay, sum_of
from hashcredit.simulator.books.loans import DUST, weekly_service
from hashcredit.simulator.books.tape import note_interest
from hashcredit.simulator.credit.control import free_cash_flow, may_take_control
from hashcredit.simulator.machines.collateral import removal_cost, sale_depth
from hashcredit.simulator.machines.earnings import earning_trend
from hashcredit.simulator.state.codes import EventKind, Flow
from hashcredit.simulator.state.economy import Economy


@kernel
def liquidation_value(
    economy: Economy, p: Record, row: int, price: float, on_sale: int, discount: float, lag_years: float
) -> float:
    """What the collateral of a loan is expected to fetch (M$, at most its face) behind units on sale."""
    loan = economy.loans[row]
    lender = economy.lenders[loan.holder]
    if loan.machine < 0 or loan.units == 0:
        expected = lender.learned_recovery * loan.principal * math.exp(-discount * lag_years)
        return min(loan.principal, expected)
    machine = economy.machines[loan.machine]
    value = proceeds_now(
        loan.units,
        price,
        on_sale,
        sale_depth(economy, p, loan.machine),
        removal_cost(p, machine.kind),
        discount,
        lag_years,
    )
    return min(loan.principal, value)


@kernel
def waiver_terms(p: Record, loan: Record, borrower: Record) -> tuple[float, float]:
    """Fee of a waiver and the part of it that is paid at once, M$: from cash beyond the usual reserve.

    The rest is added to the face. No fee, no waiver: the lender then forbears and keeps its rights.
    """
    fee = p.credit_waiver_fee * loan.principal
    spare = borrower.cash - p.credit_reserve_weeks * borrower.obligations
    return fee, min(fee, max(0.0, spare))


@kernel
def answer_breach(economy: Economy, p: Record, row: int) -> int:
    """The holder's `Answer` to an uncured breach: sell now, take control, or wait.

    `credit.enforcement` may fix it. A holder in control may go on or sell; it does not give control up.
    """
    if p.credit_enforcement != Enforcement.CHOICE:
        always = p.credit_enforcement == Enforcement.ALWAYS
        return Answer.CALL.value if always else Answer.WAIT.value
    loan = economy.loans[row]
    clock, market = economy.clock[0], economy.market[0]
    borrower = economy.borrowers[loan.obligor]
    lender = economy.lenders[loan.holder]
    hazard, years = p.credit_waiting_hazard, p.credit_waiting_years
    discount = market.cost_of_capital + lender.cost_of_capital
    stay = 0.5 * (p.resolution_stay_low + p.resolution_stay_high) * WEEK
    price = 0.0
    later_price = 0.0
    glut = 0
    if loan.machine >= 0:
        machine = economy.machines[loan.machine]
        price = min(machine.appraisal, machine.price)
        glut = machine.inventory
        later_price = price * math.exp(-earning_trend(p, machine.kind) * years)
    now = liquidation_value(economy, p, row, price, glut, discount, stay)
    later = liquidation_value(economy, p, row, later_price, 0, discount, stay)  # by then the glut is sold
    control = 0.0
    if loan.controlled != 0 or may_take_control(economy, p, row):
        flow = free_cash_flow(economy, p, row)
        control = min(loan.principal, value_of_waiting(flow, flow, discount, hazard, years, later))
    waiting = 0.0
    if not loan.controlled:
        fee, paid = waiver_terms(p, loan, borrower)
        face = loan.principal + (fee - paid)
        # what the borrower can pay a week: its earnings, and its liquid reserves spread over the wait
        share = loan.principal / max(sum_of(borrower.debt), DUST)
        reserves = borrower.cash - paid + borrower.btc * market.btc_price * MILLION
        capacity = borrower.cfads_window / DSCR_WINDOW + reserves * WEEK / max(years, WEEK)
        due = weekly_service(loan, market.policy_rate, clock.week) * (face / loan.principal)
        value = value_of_waiting(capacity * share, due, discount, hazard, years, later)
        waiting = paid + min(value, face)
    weeks = max(loan.weeks_over_base, loan.weeks_under_dscr)
    dscr = cover(borrower.cfads_window, borrower.service_window)
    best = max(waiting, control)
    if economy.forbearance_rule(now, best, loan.principal, weeks, dscr, capital_ratio(p, lender)):
        return Answer.CALL.value
    return Answer.CONTROL.value if takes_control(control, waiting) else Answer.WAIT.value


@kernel
def waive(economy: Economy, p: Record, row: int, channel: int, parent: int) -> None:
    """The holder waives a breach for `credit.waiver_weeks` against its fee: until then nothing is tested."""
    loan = economy.loans[row]
    borrower, lender = economy.borrowers[loan.obligor], economy.lenders[loan.holder]
    fee, paid = waiver_terms(p, loan, borrower)
    note_holder(economy, EventKind.WAIVER, loan, fee, loan.units, channel=channel, parent=parent)
    pay(economy, Flow.INTEREST, borrower, lender, paid)
    lender.week_interest += paid
    note_interest(economy, loan, paid, 0.0)
    capitalise(economy, loan, borrower, lender, fee - paid)
    loan.weeks_over_base = 0
    loan.weeks_under_dscr = 0
    loan.waived_until = economy.clock[0].week + 1 + p.credit_waiver_weeks
    economy.outcomes[0].waivers += 1
