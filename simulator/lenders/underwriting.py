"""What lenders lend on machines, new or in their racks: how much, for how long, against which cash flow."""

import math
from typing import NamedTuple

from hashcredit.agents.compiled import kernel
from hashcredit.agents.dimensions import Belief, Record
from hashcredit.agents.lender import advance, expected_unit_earning
from hashcredit.agents.units import WEEKS_A_YEAR
from hashcredit.simulator.books.contracts import contracts_of, let_units_on
from hashcredit.simulator.books.prepayments import prepaid_rent
from hashcredit.simulator.lenders.funding import advance_now, capacity_of
from hashcredit.simulator.machines.rents import Life, contract_years, level_over
from hashcredit.simulator.machines.slots import slot_rent
from hashcredit.simulator.state.economy import Economy

ROUNDING = 1e-12
"""Share by which a loan cut to its cover stays below it, so that it passes its own test."""


class Cover(NamedTuple):
    """What carries a loan on a new machine, in the eyes of all lenders of one belief."""

    cash_flow: float
    """M$ a unit and year."""
    due: float
    """Service a year of a loan of one, 1/yr."""
    most: float
    """Loan that the cash flow covers by the covenant, M$ a unit."""


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
def uncovered_share(p: Record, weeks: int, is_let: bool) -> float:
    """Share of a new machine loan's face that falls due after the contract behind it ends: the tail.

    Over its life of `weeks` instalments are level, and the balloon comes last. Without a contract, all of it.
    """
    if not is_let:
        return 1.0
    if weeks <= p.investment_contract_weeks:
        return 0.0
    level = 1.0 - p.credit_balloon_share
    return 1.0 - level * p.investment_contract_weeks / weeks


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
def share_lent(economy: Economy, p: Record, lender: Record) -> float:
    """Share of what a machine is worth that a lender advances today; a learner scales it by experience."""
    prior = p.lenders_recovery_prior[lender.kind]
    return advance(lender.belief, advance_now(economy, p, lender), lender.learned_recovery, prior)


@kernel
def yearly_service(rate: float, years: float, balloon_share: float) -> float:
    """Interest and instalments in a year of a loan of one, 1/yr.

    `balloon_share` of it falls due at the end, which is nobody's yearly service. Interest (`rate`, 1/yr) is
    counted on the average balance.
    """
    return (1.0 - balloon_share) / years + 0.5 * (1.0 + balloon_share) * rate


@kernel
def most_covered(p: Record, cash_flow: float, due: float) -> float:
    """Loan (M$ a unit) whose service, `due` a year of each M$, `cash_flow` (M$ a year) just covers."""
    covenant = p.credit_dscr_covenant
    return (1.0 - ROUNDING) * cash_flow / (covenant * due) if covenant > 0.0 else math.inf


@kernel
def covered_loan(
    economy: Economy,
    p: Record,
    most: float,
    cash_flow: float,
    rate: float,
    years: float,
    balloon_share: float,
) -> float:
    """Loan (M$ a unit) of at most `most` whose service `cash_flow` (M$ a year) covers; 0 if it is declined.

    Rate, life and balloon as in `yearly_service`.
    """
    due = yearly_service(rate, years, balloon_share)
    offer = min(most, most_covered(p, cash_flow, due))
    if offer <= 0.0 or not economy.underwriting_rule(cash_flow, offer * due, p.credit_dscr_covenant):
        return 0.0
    return offer


@kernel
def unit_cash_flow(
    economy: Economy, p: Record, belief: int, b: int, m: int, rent: float, prepaid: float, years: float
) -> float:
    """What a new machine at borrower `b` earns in cash for a loan of `years`, M$ a unit and year.

    Earnings as in `underwritten_earning`, less avoidable cost and the lease of a slot.
    """
    earning = underwritten_earning(economy, p, belief, m, rent, prepaid, years)
    machine = economy.machines[m]
    return earning - machine.cost[economy.borrowers[b].site_class] - slot_rent(p, machine.cooling)


@kernel
def cover_of(
    economy: Economy, p: Record, belief: int, b: int, m: int, grade: int, rent: float, prepaid: float
) -> Cover:
    """What carries a loan on a new machine of type `m` at borrower `b`, as lenders of a belief see it.

    `grade`, `rent` (M$ a unit and year; 0: none) and `prepaid` (M$ a unit) as in `best_lender`.
    """
    years = tenor_weeks(p, belief, rent > 0.0) / WEEKS_A_YEAR
    cash_flow = unit_cash_flow(economy, p, belief, b, m, rent, prepaid, years)
    due = yearly_service(annual_rate(economy, p, grade), years, p.credit_balloon_share)
    return Cover(cash_flow, due, most_covered(p, cash_flow, due))


@kernel
def facility_grade(economy: Economy, row: int) -> int:
    """Grade behind a facility's machines: the worst of their customers', and of the borrower's unless all
    are let."""
    loan = economy.loans[row]
    let = let_units_on(economy, loan.obligor, row)
    grade = economy.borrowers[loan.obligor].grade if let < loan.units else 0
    first, last = contracts_of(economy, loan.obligor)
    for place in range(first, last):
        contract = economy.contracts[place]
        if contract.units > 0 and contract.loan == row:
            grade = max(grade, contract.customer_grade)
    return grade


@kernel
def facility_weeks(economy: Economy, p: Record, belief: int, row: int) -> int:
    """Life (weeks) of a loan written anew on a facility's machines, the mean over them.

    `utility` lends as on a new machine. The others lend on one that is let until its contract ends, else for
    the usual tenor.
    """
    loan = economy.loans[row]
    usual = tenor_weeks(p, belief, False)
    if belief == Belief.UTILITY:
        return usual
    total = 0.0
    first, last = contracts_of(economy, loan.obligor)
    for place in range(first, last):
        contract = economy.contracts[place]
        if contract.units > 0 and contract.loan == row:
            total += contract.units * (contract.end_week - economy.clock[0].week - usual)
    return max(1, round(usual + total / loan.units))


@kernel
def facility_earning(economy: Economy, p: Record, belief: int, row: int, years: float) -> float:
    """Mean earning (M$ a unit and year) of a facility's machines over `years`, as an underwriter sees it.

    Contracts pay until they end what is not paid in advance; the rest is what it believes of machines on
    demand.
    """
    loan = economy.loans[row]
    on_demand = underwritten_earning(economy, p, belief, loan.machine, 0.0, 0.0, years)
    let = 0.0
    first, last = contracts_of(economy, loan.obligor)
    for place in range(first, last):
        contract = economy.contracts[place]
        if contract.units > 0 and contract.loan == row:
            left = max(0.0, (contract.end_week - economy.clock[0].week) / WEEKS_A_YEAR)
            gain = contract.units * (contract.rent - on_demand) - prepaid_rent(economy, contract)
            let += gain * min(1.0, left / years)
    return on_demand + let / loan.units


@kernel
def facility_offer(
    economy: Economy, p: Record, lender: Record, row: int, rate: float, weeks: int, balloon_share: float
) -> float:
    """What a lender would lend today (M$) on the machines that secure a loan, in their racks; 0: nothing.

    A share of their appraisal, as far as what they earn covers service at `rate` (1/yr) over `weeks`.
    """
    loan = economy.loans[row]
    machine = economy.machines[loan.machine]
    years = weeks / WEEKS_A_YEAR
    earning = facility_earning(economy, p, lender.belief, row, years)
    site = economy.borrowers[loan.obligor].site_class
    cash_flow = earning - machine.cost[site] - slot_rent(p, machine.cooling)
    most = share_lent(economy, p, lender) * machine.appraisal
    return loan.units * covered_loan(economy, p, most, cash_flow, rate, years, balloon_share)


@kernel
def ask_lenders(economy: Economy, p: Record, b: int) -> None:
    """Note what the lenders linked to borrower `b` have room for, and what share of a machine they advance.

    Both are the same whatever it orders or issues, so it asks once for a whole plan.
    """
    for link in range(economy.credit_start[b], economy.credit_start[b + 1]):
        index = economy.credit_lender[link]
        economy.lender_room[index] = capacity_of(economy, p, economy.lenders[index])
        economy.lender_share[index] = share_lent(economy, p, economy.lenders[index])


@kernel
def best_lender(
    economy: Economy, p: Record, b: int, m: int, grade: int, rent: float, prepaid: float
) -> tuple[int, float]:
    """Of the lenders that `ask_lenders` has asked the one with the largest loan, and the loan (M$ a unit).

    It lends on a new machine of type `m` and has room for a unit; (-1, 0) if none does. With a customer's
    contract (`rent`, M$ a unit and year; 0: none) a lender advances a share of the price, without one of the
    appraisal if that is less; no more than what the customer has not paid of the price already (`prepaid`,
    M$ a unit), and no more than the cash flow covers by the covenant. `grade` is the customer's, or else the
    borrower's.
    """
    machine = economy.machines[m]
    basis = machine.price_new if rent > 0.0 else min(machine.price_new, machine.appraisal)
    unpaid = machine.price_new - prepaid
    # Only utility lenders differ from the others in what they expect of a machine and for how long they lend.
    to_others = cover_of(economy, p, Belief.VENTURE.value, b, m, grade, rent, prepaid)
    to_utility = to_others
    asked_utility = False
    best = -1
    best_offer = 0.0
    for link in range(economy.credit_start[b], economy.credit_start[b + 1]):
        index = economy.credit_lender[link]
        most = min(economy.lender_share[index] * basis, unpaid)
        if most <= best_offer or economy.lender_room[index] <= best_offer:
            continue  # whatever the cash flow covers
        is_utility = economy.lenders[index].belief == Belief.UTILITY
        if is_utility and not asked_utility:
            to_utility = cover_of(economy, p, Belief.UTILITY.value, b, m, grade, rent, prepaid)
            asked_utility = True
        cover = to_utility if is_utility else to_others
        offer = min(most, cover.most)
        if offer <= best_offer or economy.lender_room[index] < offer:
            continue
        if economy.underwriting_rule(cover.cash_flow, offer * cover.due, p.credit_dscr_covenant):
            best = index
            best_offer = offer
    return best, best_offer


@kernel
def find_lender(
    economy: Economy, p: Record, b: int, m: int, grade: int, rent: float, prepaid: float
) -> tuple[int, float]:
    """The linked lender with the largest loan on a new machine, asked now, and the loan (`best_lender`)."""
    ask_lenders(economy, p, b)
    return best_lender(economy, p, b, m, grade, rent, prepaid)
