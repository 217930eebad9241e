"""What lenders offer for new machines: how much a unit, for how long, against which cash flow."""

from hashcredit.agents.compiled import kernel
from hashcredit.agents.dimensions import Belief, Record
from hashcredit.agents.lender import advance, expected_unit_earning
from hashcredit.agents.units import WEEKS_A_YEAR
from hashcredit.simulator.lenders.funding import advance_now, capacity_of
from hashcredit.simulator.machines.rents import Life, contract_years, level_over
from hashcredit.simulator.machines.slots import slot_rent
from hashcredit.simulator.state.economy import Economy

ROUNDING = 1e-12
"""Share by which a loan cut to its cover stays below it, so that it passes its own test."""


@kernel
def tenor_weeks(p: Record, belief: int, is_let: bool) -> int:
    """Life of a new machine loan, weeks.

    A lender who takes a machine for a utility lends beyond its contract; the others until its end, or for the
    usual tenor where there is none.
    """
    if belief == Belief.UTILITY:
        return p.credit_utility_tenor_weeks
    return p.investment_contract_weeks if is_let else p.credit_tenor_weeks


@kernel
def underwritten_earning(
    economy: Economy, p: Record, belief: int, m: int, rent: float, prepaid: float, years: float
) -> float:
    """Mean earning (M$ a unit and year) of a new machine over a loan of `years`, as an underwriter sees it.

    The contract's rent (0: none) as long as it runs, less what of it is `prepaid` (M$ a unit), and what the
    lender believes of machines on demand.
    """
    machine = economy.machines[m]
    if rent <= 0.0:
        return expected_unit_earning(belief, machine.earning, level_over(economy, p, m, Life.LOAN))
    let = min(years, contract_years(p))
    cash_rent = rent - prepaid / contract_years(p)
    return (cash_rent * let + machine.earning * (years - let)) / years  # only utility lenders go beyond


@kernel
def annual_rate(economy: Economy, p: Record, grade: int) -> float:
    """Interest (1/yr) of a new machine loan today, by the grade of the customer or else of the borrower."""
    return max(economy.market[0].policy_rate, p.credit_floor) + p.credit_spread_by_grade[grade]


@kernel
def loan_offer(
    economy: Economy, p: Record, lender: Record, b: int, m: int, grade: int, rent: float, prepaid: float
) -> float:
    """Loan (M$ a unit) that a lender would make against a new machine; 0 if it declines.

    With a customer's contract (`rent`, M$ a unit and year; 0: none) it advances a share of the price, without
    one of the appraisal if that is less; no more than what the customer has not paid of the price already
    (`prepaid`, M$ a unit), and no more than the cash flow covers by the covenant.
    """
    machine = economy.machines[m]
    prior = p.lenders_recovery_prior[lender.kind]
    share = advance(lender.belief, advance_now(economy, p, lender), lender.learned_recovery, prior)
    basis = machine.price_new if rent > 0.0 else min(machine.price_new, machine.appraisal)
    years = tenor_weeks(p, lender.belief, rent > 0.0) / WEEKS_A_YEAR
    earning = underwritten_earning(economy, p, lender.belief, m, rent, prepaid, years)
    site = economy.borrowers[b].site_class
    cash_flow = earning - machine.cost[site] - slot_rent(p, machine.cooling)
    due = 1.0 / years + 0.5 * annual_rate(economy, p, grade)  # interest on the average balance
    offer = min(share * basis, machine.price_new - prepaid)
    covenant = p.credit_dscr_covenant
    if covenant > 0.0:
        offer = min(offer, (1.0 - ROUNDING) * cash_flow / (covenant * due))
    if offer <= 0.0 or not economy.underwriting_rule(cash_flow, offer * due, covenant):
        return 0.0
    return offer


@kernel
def find_lender(
    economy: Economy, p: Record, b: int, m: int, grade: int, rent: float, prepaid: float
) -> tuple[int, float]:
    """The linked lender with the largest offer that has room for a unit; (-1, 0) if none underwrites."""
    best = -1
    best_offer = 0.0
    for link in range(economy.credit_start[b], economy.credit_start[b + 1]):
        index = economy.credit_lender[link]
        lender = economy.lenders[index]
        offer = loan_offer(economy, p, lender, b, m, grade, rent, prepaid)
        if offer > best_offer and capacity_of(economy, p, lender) >= offer:
            best = index
            best_offer = offer
    return best, best_offer
