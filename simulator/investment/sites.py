"""Loans on the rack slots that an order adds: how much a lender promises, and how it is drawn.

The lender of the machines also lends on the fitting-out of the slots that they need, where a customer has
signed: against what its rent leaves after the machines' own loan. The promise is one with that for the
machines; it is drawn when the slots are fitted out, in the week in which the machines arrive.
"""

from hashcredit.agents.compiled import kernel
from hashcredit.agents.dimensions import Instrument, LoanStatus, Record
from hashcredit.agents.lender import present_value
from hashcredit.agents.units import WEEKS_A_YEAR
from hashcredit.simulator.books.events import note_holder
from hashcredit.simulator.books.loans import (
    DUST,
    empty_row,
    empty_rows,
    facilities_of,
    lump_sum,
    set_maturity,
    write_loan,
)
from hashcredit.simulator.books.orders import promised_loans
from hashcredit.simulator.credit.sites import has_site_loan
from hashcredit.simulator.investment.drawing import draw_loan
from hashcredit.simulator.lenders.underwriting import (
    annual_rate,
    covered_loan,
    tenor_weeks,
    unit_cash_flow,
    yearly_service,
)
from hashcredit.simulator.machines.slots import slot_price
from hashcredit.simulator.state.codes import EventKind
from hashcredit.simulator.state.economy import Economy


@kernel
def most_units(means: float, each: float, beyond: float, free: int, units: int) -> int:
    """How many of `units` machines some means (M$) allow, the first `free` of them in slots that are there.

    A machine takes `each` (positive, M$), one in a new slot `beyond` more (negative: less).
    """
    most = means / each
    if most > free:
        if each + beyond <= 0.0:
            return units
        most = (means + free * beyond) / (each + beyond)
    return int(min(float(units), most))


@kernel
def site_row(economy: Economy, b: int, holder: int, cooling: int) -> int:
    """Row of borrower `b` with a loan of lender `holder` on slots of a class that can be topped up, -1: none.

    One that has been extended is at other terms than new ones.
    """
    if has_site_loan(economy.borrowers[b]):
        first, last = facilities_of(economy, b)
        for row in range(first, last):
            loan = economy.loans[row]
            pledged = loan.status == LoanStatus.PERFORMING and loan.slots > 0
            if pledged and loan.holder == holder and loan.slot_class == cooling and not loan.fixed_rate:
                return row
    return -1


@kernel
def has_row_for_site(economy: Economy, b: int, holder: int, cooling: int, others: int) -> bool:
    """Whether a site loan of a lender finds a row, its own or an empty one beside `others` to be taken."""
    return empty_rows(economy, b) > others or site_row(economy, b, holder, cooling) >= 0


@kernel
def site_offer(
    economy: Economy,
    p: Record,
    b: int,
    m: int,
    holder: int,
    grade: int,
    rent: float,
    prepaid: float,
    offer: float,
) -> float:
    """Loan (M$) on a new slot by the lender that offers a loan of `offer` (M$) on the machine in it; 0: none.

    A share of the cost of the slot, as far as the customer's `rent` (M$ a unit and year, 0: none) covers its
    service beside that of the machine's loan.
    """
    if p.credit_site_advance <= 0.0 or holder < 0 or rent <= 0.0:
        return 0.0
    cooling = economy.machines[m].cooling
    if not has_row_for_site(economy, b, holder, cooling, promised_loans(economy, b) + 1):
        return 0.0
    belief = economy.lenders[holder].belief
    rate = annual_rate(economy, p, grade)
    years = tenor_weeks(p, belief, True) / WEEKS_A_YEAR
    cash_flow = unit_cash_flow(economy, p, belief, b, m, rent, prepaid, years)
    taken = p.credit_dscr_covenant * offer * yearly_service(rate, years, p.credit_balloon_share)
    most = p.credit_site_advance * slot_price(p, cooling)
    site = covered_loan(economy, p, most, cash_flow - taken, rate, p.credit_site_tenor_weeks / WEEKS_A_YEAR,
                        p.credit_site_balloon)  # fmt: skip
    return site if site > DUST else 0.0  # the machine's loan may take all that is covered but a rounding


@kernel
def site_gain(economy: Economy, p: Record, borrower: Record, grade: int, site: float) -> float:
    """What a loan of `site` (M$) on a slot is worth to a borrower when it is drawn, at its own rate, M$."""
    if site <= 0.0:
        return 0.0
    discount = economy.market[0].cost_of_capital + borrower.cost_of_capital
    years = p.credit_site_tenor_weeks / WEEKS_A_YEAR
    rate = annual_rate(economy, p, grade)
    return site - present_value(site, rate, discount, years, p.credit_site_balloon * site)


@kernel
def site_line(
    economy: Economy, p: Record, b: int, order: Record, holder: int, slots: int, others: int
) -> float:
    """What lender `holder` lends (M$) on `slots` new slots for an order that has arrived.

    Only who has promised it does, for as many slots as were promised and at most what they cost today; and it
    needs a row, its own or an empty one beside `others` to be taken.
    """
    if order.site_slots == 0 or holder < 0 or holder != order.holder:
        return 0.0
    cooling = economy.machines[order.machine].cooling
    if not has_row_for_site(economy, b, holder, cooling, others):
        return 0.0
    return min(slots, order.site_slots) * min(order.site_offer, slot_price(p, cooling))


@kernel
def add_to_loan(economy: Economy, p: Record, loan: Record, order: Record, amount: float) -> None:
    """Draw `amount` (M$) more on a site loan, at today's spread and for a tenor from now.

    Rate and life become the mean over what was owed and what is new.
    """
    share = amount / (loan.principal + amount)
    maturity = economy.clock[0].week + p.credit_site_tenor_weeks
    set_maturity(economy, loan, loan.maturity_week + round(share * (maturity - loan.maturity_week)))
    loan.rate += share * (p.credit_spread_by_grade[order.grade] - loan.rate)
    loan.customer_grade = max(loan.customer_grade, order.grade)
    loan.balloon = lump_sum(loan, loan.principal - loan.overdue) + p.credit_site_balloon * amount
    draw_loan(economy, loan, amount)


@kernel
def draw_on_site(economy: Economy, p: Record, b: int, order: Record, holder: int, slots: int) -> None:
    """Draw the loan promised on `slots` new slots, on a row of the same lender if there is one.

    The borrower owes it as a whole (recourse): it is builder, tenant and operator in one. It has no covenant
    of cover of its own.
    """
    amount = site_line(economy, p, b, order, holder, slots, 0)
    if amount <= DUST:
        return
    cooling = economy.machines[order.machine].cooling
    row = site_row(economy, b, holder, cooling)
    if row < 0:
        row = empty_row(economy, b)
        write_loan(economy, p, row, Instrument.PROJECT_FINANCE, holder, order.grade,
                   p.credit_spread_by_grade[order.grade], economy.clock[0].week)  # fmt: skip
        economy.loans[row].slot_class = cooling
        economy.loans[row].cross_default = order.cross_default
    loan = economy.loans[row]
    add_to_loan(economy, p, loan, order, amount)
    loan.slots += min(slots, order.site_slots)
    economy.outcomes[0].site_loans_musd += amount
    note_holder(economy, EventKind.LOAN, loan, amount)
