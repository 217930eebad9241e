"""Refinancing of machine loans that have amortised: a larger loan on the same machines repays the old one.

A plan that lacks means tops up the facility on which a lender lends most beyond what is owed. The new loan
takes the row of the old one: the machines stay pledged, and their contracts stay with them.
"""

from hashcredit.agents.compiled import kernel
from hashcredit.agents.dimensions import LoanStatus, Pledge, Record
from hashcredit.agents.lender import present_value
from hashcredit.agents.units import WEEKS_A_YEAR
from hashcredit.simulator.books.events import note_holder
from hashcredit.simulator.books.ledger import pay, post_principal
from hashcredit.simulator.books.loans import (
    TERMS,
    facilities_of,
    owes,
    payments_worth,
    pledge_machines,
    write_loan,
)
from hashcredit.simulator.books.tape import note_draw, note_end, note_principal
from hashcredit.simulator.lenders.funding import capacity_of, fund
from hashcredit.simulator.lenders.underwriting import (
    annual_rate,
    facility_grade,
    facility_offer,
    facility_weeks,
)
from hashcredit.simulator.state.codes import EventKind, Flow
from hashcredit.simulator.state.economy import Economy


@kernel
def can_be_topped_up(loan: Record) -> bool:
    """Whether machines secure a loan that amortises; its borrower is in good standing (`plans.can_plan`)."""
    pledges = TERMS[loan.instrument].pledge == Pledge.MACHINES
    return pledges and owes(loan) and loan.amortising == 1 and loan.units > 0


@kernel
def new_money(economy: Economy, p: Record, row: int, index: int) -> float:
    """Most (M$) that lender `index` lends on a facility's machines beyond what is owed; may be negative.

    Its capital and funding have to carry the whole new loan, or only the new money if it holds the old one.
    """
    loan = economy.loans[row]
    lender = economy.lenders[index]
    weeks = facility_weeks(economy, p, lender.belief, row)
    rate = annual_rate(economy, p, facility_grade(economy, row))
    offer = facility_offer(economy, p, lender, row, rate, weeks, p.credit_balloon_share)
    room = capacity_of(economy, p, lender)
    if index == loan.holder:
        room += loan.principal
    return min(offer, room) - loan.principal


@kernel
def best_top_up(economy: Economy, p: Record, b: int) -> tuple[int, int, float]:
    """Facility of borrower `b` and linked lender that bring most new money, and how much (M$).

    (-1, -1, 0) if nobody offers any, or with `credit.top_up` off.
    """
    best, refinancer, most = -1, -1, 0.0
    if p.credit_top_up == 0:
        return best, refinancer, most
    first, last = facilities_of(economy, b)
    for row in range(first, last):
        if not can_be_topped_up(economy.loans[row]):
            continue
        for link in range(economy.credit_start[b], economy.credit_start[b + 1]):
            index = economy.credit_lender[link]
            money = new_money(economy, p, row, index)
            if money > most:
                best, refinancer, most = row, index, money
    return best, refinancer, most


@kernel
def room_taken(economy: Economy, row: int, index: int, money: float) -> float:
    """Lending capacity (M$) that a top-up by `money` takes from lender `index`."""
    loan = economy.loans[row]
    return money if index == loan.holder else loan.principal + money


@kernel
def top_up_gain(economy: Economy, p: Record, row: int, index: int, money: float) -> float:
    """Net present value (M$) to the borrower's owners of topping a facility up by `money` at lender `index`.

    What it brings, and what it no longer pays, less what it will pay, at their discount rate.
    """
    loan = economy.loans[row]
    market = economy.market[0]
    discount = market.cost_of_capital + economy.borrowers[loan.obligor].cost_of_capital
    old = payments_worth(loan, economy.clock[0].week, market.policy_rate, discount)
    years = facility_weeks(economy, p, economy.lenders[index].belief, row) / WEEKS_A_YEAR
    rate = annual_rate(economy, p, facility_grade(economy, row))
    amount = loan.principal + money
    new = present_value(amount, rate, discount, years, p.credit_balloon_share * amount)
    return money + old - new


@kernel
def top_up(economy: Economy, p: Record, row: int, index: int, money: float) -> None:
    """Have lender `index` repay a facility by a loan on its machines that is larger by `money` (M$).

    Its clauses are those of the old loan. Nobody charges a fee.
    """
    old = economy.loans[row]
    b, owed, instrument = old.obligor, old.principal, old.instrument
    m, units = old.machine, old.units
    marked, recourse, cross_default = old.borrowing_base, old.recourse, old.cross_default
    borrower, holder, lender = economy.borrowers[b], economy.lenders[old.holder], economy.lenders[index]
    grade = facility_grade(economy, row)
    maturity = economy.clock[0].week + facility_weeks(economy, p, lender.belief, row)
    short = room_taken(economy, row, index, money) - lender.cash
    if short > 0.0:
        fund(economy, lender, short)
    pay(economy, Flow.LOAN_DRAWDOWNS, lender, borrower, owed + money)
    pay(economy, Flow.LOAN_REPAYMENTS, borrower, holder, owed)
    post_principal(old, borrower, holder, -owed)
    note_principal(economy, old, owed)
    old.status = LoanStatus.REPAID
    note_end(economy, old)
    write_loan(economy, p, row, instrument, index, grade, p.credit_spread_by_grade[grade], maturity)
    pledge_machines(economy, p, row, m, units, marked, recourse, cross_default)
    loan = economy.loans[row]
    post_principal(loan, borrower, lender, owed + money)
    note_draw(economy, loan, owed + money)
    loan.balloon = p.credit_balloon_share * (owed + money)
    economy.outcomes[0].new_lending_musd += money
    note_holder(economy, EventKind.REFINANCING, loan, money, units)
