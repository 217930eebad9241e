"""The lender's choice on a breach: what it expects of seizing and selling now, and of waiting."""

import math

from hashcredit.agents.borrower import cover
from hashcredit.agents.compiled import kernel
from hashcredit.agents.dimensions import DSCR_WINDOW, Enforcement, Record
from hashcredit.agents.lender import proceeds_now, value_of_waiting
from hashcredit.agents.units import MILLION, WEEK
from hashcredit.simulator.books.ledger import capital_ratio, sum_of
from hashcredit.simulator.books.loans import DUST, weekly_service
from hashcredit.simulator.machines.collateral import removal_cost, sale_depth
from hashcredit.simulator.machines.earnings import earning_trend
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
def lender_accelerates(economy: Economy, p: Record, row: int) -> bool:
    """The holder's choice on an uncured breach: sell now, or wait (`credit.enforcement` may fix it)."""
    if p.credit_enforcement != Enforcement.CHOICE:
        return p.credit_enforcement == Enforcement.ALWAYS
    loan = economy.loans[row]
    clock, market = economy.clock[0], economy.market[0]
    borrower = economy.borrowers[loan.obligor]
    lender = economy.lenders[loan.holder]
    discount = market.cost_of_capital + lender.cost_of_capital
    stay = 0.5 * (p.resolution_stay_low + p.resolution_stay_high) * WEEK
    price = 0.0
    later_price = 0.0
    glut = 0
    if loan.machine >= 0:
        machine = economy.machines[loan.machine]
        price = min(machine.appraisal, machine.price)
        glut = machine.inventory
        later_price = price * math.exp(-earning_trend(p, machine.kind) * p.credit_waiting_years)
    now = liquidation_value(economy, p, row, price, glut, discount, stay)
    later = liquidation_value(economy, p, row, later_price, 0, discount, stay)  # by then the glut is sold
    # what the borrower can pay a week: its earnings, and its liquid reserves spread over the wait
    share = loan.principal / max(sum_of(borrower.debt), DUST)
    reserves = borrower.cash + borrower.btc * market.btc_price * MILLION
    capacity = borrower.cfads_window / DSCR_WINDOW + reserves * WEEK / max(p.credit_waiting_years, WEEK)
    cash_flow = capacity * share
    due = weekly_service(loan, market.policy_rate, clock.week)
    waiting = value_of_waiting(
        cash_flow, due, discount, p.credit_waiting_hazard, p.credit_waiting_years, later
    )
    weeks = max(loan.weeks_over_base, loan.weeks_under_dscr)
    dscr = cover(borrower.cfads_window, borrower.service_window)
    return economy.forbearance_rule(now, min(waiting, loan.principal), loan.principal, weeks, dscr,
                                    capital_ratio(p, lender))  # fmt: skip
