"""Phase `compute_market`, second half: contracts for compute, who looks for them and what they pay.

The rent index is that of a reference GPU under a contract of one year, which pays for every hour (take or
pay). Without a contract a machine is sold on demand: dearer an hour, for the hours that somebody wants
(`earnings`). A contract of several years pays the rents that valuers expect over its life, and a premium that
rises while customers search in vain.
"""

import math
from enum import IntEnum

from hashcredit.agents.buyer import annuity
from hashcredit.agents.compiled import kernel
from hashcredit.agents.dimensions import GRADES, MACHINE_TYPES, Record
from hashcredit.agents.units import WEEK, WEEKS_A_YEAR
from hashcredit.simulator.books.ledger import sum_of
from hashcredit.simulator.books.orders import lead_weeks
from hashcredit.simulator.books.prepayments import prepaid_rent
from hashcredit.simulator.books.randomness import pick
from hashcredit.simulator.machines.earnings import (
    anticipate,
    demand_growth,
    earning_trend,
    integrate_value,
)
from hashcredit.simulator.machines.valuation import K_HIGH, earned_within, value_at
from hashcredit.simulator.macro.conditions import world_seen
from hashcredit.simulator.state.economy import Economy
from hashcredit.simulator.state.pool import MacroPath


class Life(IntEnum):
    """Over which earnings are averaged: second index of `Economy.levels`."""

    CONTRACT = 0
    LOAN = 1


LEAST_SLACK = 0.01
"""Of the funding pool in the opening, under which more slack than that counts as no more."""
BALANCED = 0.5
"""Share of searching customers without a contract at which the premium stays where it is."""


@kernel
def refresh_levels(economy: Economy, p: Record, m: int) -> None:
    """Note the mean earning of type `m` that valuers expect over each `Life`, over that of today (fractions).

    Their trend, and the launches that they have announced to them or have not yet felt in full.
    """
    count = anticipate(economy, p, m)
    trend = earning_trend(p, economy.machines[m].kind)
    times, factors = economy.launch_times[m], economy.launch_factors[m]
    contract, loan = contract_years(p), p.credit_tenor_weeks / WEEKS_A_YEAR
    to_short, to_long = earned_within(trend, min(contract, loan), max(contract, loan), times, factors, count)
    economy.levels[m, Life.CONTRACT] = (to_short if contract <= loan else to_long) / contract
    economy.levels[m, Life.LOAN] = (to_long if contract <= loan else to_short) / loan
    economy.levels_week[m] = economy.clock[0].week


@kernel
def level_over(economy: Economy, p: Record, m: int, life: int) -> float:
    """Mean earning of type `m` over the life of a contract, or of a loan without one, over that of today."""
    if economy.levels_week[m] != economy.clock[0].week:
        refresh_levels(economy, p, m)
    return economy.levels[m, life]


@kernel
def contract_years(p: Record) -> float:
    """Length of a new contract, years."""
    return p.investment_contract_weeks / WEEKS_A_YEAR


@kernel
def term_rent(economy: Economy, p: Record, m: int) -> float:
    """Rent (M$ a unit and year) of type `m` under a contract signed today, all hours paid."""
    premium = math.exp(economy.market[0].term_premium)
    return economy.machines[m].full_rent * level_over(economy, p, m, Life.CONTRACT) * premium


@kernel
def customer_hazard(economy: Economy, p: Record, grade: int) -> float:
    """Rate at which customers of a grade fail today, 1/yr."""
    return p.credit_offtaker_hazard[grade] * economy.market[0].offtaker_stress


@kernel
def value_on_demand(economy: Economy, p: Record, m: int, site: int, k: float, ahead: int) -> float:
    """What type `m` would earn on demand during a contract (M$ a unit), discounted at `k`, at most K_HIGH.

    The contract begins today (`ahead` 0) or when a machine ordered today arrives (1). Values may be as old
    as appraisals (`valuation.refresh_weeks`).
    """
    week, place = economy.clock[0].week, ahead * MACHINE_TYPES + m
    if week - economy.let_week[place, site] > p.valuation_refresh_weeks:
        machine = economy.machines[m]
        lead = lead_weeks(p, machine.kind) / WEEKS_A_YEAR if ahead else 0.0
        out = economy.let_table[place, site]
        integrate_value(economy, p, m, site, lead + contract_years(p), out)
        if lead > 0.0:
            integrate_value(economy, p, m, site, lead, economy.let_work)
            out -= economy.let_work
        economy.let_week[place, site] = week
    return value_at(economy.let_table[place, site], k)


@kernel
def contract_gain(
    economy: Economy, p: Record, m: int, borrower: Record, grade: int, rent: float, ahead: int
) -> float:
    """Worth today (M$ a unit) to a borrower of letting type `m` for `rent` instead of selling it on demand.

    Present values are compared, not today's rents: the contract pays the same until its end or until its
    customer fails, on demand earnings fall with what is expected of rents. `ahead` as in `value_on_demand`.
    """
    machine = economy.machines[m]
    site = borrower.site_class
    discount = economy.market[0].cost_of_capital + borrower.cost_of_capital
    hazard = customer_hazard(economy, p, grade)
    k = min(discount + hazard, K_HIGH)
    lead = lead_weeks(p, machine.kind) / WEEKS_A_YEAR if ahead else 0.0
    paid = (rent - machine.cost[site]) * annuity(k, contract_years(p))
    otherwise = value_on_demand(economy, p, m, site, k, ahead)
    # nobody fails before the contract begins
    return math.exp(-discount * lead) * paid - math.exp(hazard * lead) * otherwise


@kernel
def contract_premium(economy: Economy, p: Record, contract: Record, site: int, spread: float) -> float:
    """Worth (M$) of a running contract over selling its machines on demand until it ends.

    To an owner with machines in a site class, at cost of capital plus `spread`; present values as for a new
    one. What the customer has paid in advance is served without being paid again.
    """
    clock, market = economy.clock[0], economy.market[0]
    years = (contract.end_week - clock.week) * WEEK
    if contract.units == 0 or years <= 0.0:
        return 0.0
    m = contract.machine
    k = min(market.cost_of_capital + spread + customer_hazard(economy, p, contract.customer_grade), K_HIGH)
    integrate_value(economy, p, m, site, years, economy.let_work)
    rent = contract.rent - prepaid_rent(economy, contract) / contract.units
    paid = (rent - economy.machines[m].cost[site]) * annuity(k, years)
    return contract.units * (paid - value_at(economy.let_work, k))


@kernel
def terms_wanted(p: Record, fleet: float, growth: float) -> float:
    """Throughput (H100s a year) for which customers of a fleet (H100s) begin to look for a contract.

    They hold contracts for a share of the fleet, renew what ends and add what end demand adds, `growth` a
    year; where it falls faster than contracts end nobody looks.
    """
    turnover = WEEKS_A_YEAR / p.investment_contract_weeks + growth
    return p.compute_term_share * fleet * max(0.0, turnover)


@kernel
def customers_means(economy: Economy, p: Record) -> float:
    """What customers can pay for relative to the opening: hyperscalers' capital expenditure, and funding."""
    opening_capex = economy.macro_paths[0, MacroPath.CAPEX]
    capex = economy.macro[world_seen(p)].capex / opening_capex if opening_capex > 0.0 else 1.0
    opening_slack = max(LEAST_SLACK, 1.0 - economy.repo[0].opening_tightness)
    return capex * (1.0 - economy.market[0].tightness) / opening_slack


@kernel
def seek_terms(economy: Economy, p: Record) -> None:
    """A week of the market for contracts: who begins to look, who gives up, and the premium.

    `term_pool` are those who look, by grade. `term_sought` is what it would be if nobody had found a
    contract, so that the ratio of both is the share of searches that have been in vain.
    """
    market = economy.market[0]
    growth = demand_growth(p, market.tightness, economy.clock[0].week)
    begin = terms_wanted(p, market.active_base * customers_means(economy, p), growth) * WEEK
    stay = max(0.0, 1.0 - 1.0 / p.compute_term_patience_weeks)
    total = sum_of(p.neoclouds_offtaker_shares)
    for grade in range(GRADES):
        share = p.neoclouds_offtaker_shares[grade] / total
        market.term_pool[grade] = market.term_pool[grade] * stay + begin * share
    market.term_sought = market.term_sought * stay + begin
    in_vain = sum_of(market.term_pool) / market.term_sought if market.term_sought > 0.0 else BALANCED
    pull = p.compute_term_premium_speed * (in_vain - BALANCED)
    market.term_premium += (pull - p.compute_term_premium_reversion * market.term_premium) * WEEK


@kernel
def open_terms(economy: Economy, p: Record) -> None:
    """The market for contracts in the opening: as many look as do in the long run, half of them in vain."""
    market = economy.market[0]
    begin = terms_wanted(p, market.active_base, demand_growth(p, market.tightness, 0)) * WEEK
    market.term_sought = begin * p.compute_term_patience_weeks
    total = sum_of(p.neoclouds_offtaker_shares)
    for grade in range(GRADES):
        share = p.neoclouds_offtaker_shares[grade] / total
        market.term_pool[grade] = BALANCED * market.term_sought * share


@kernel
def pick_customer(economy: Economy, u: float) -> int:
    """Grade of one of those who look for a contract, told by a draw `u`; -1 if nobody does."""
    pool = economy.market[0].term_pool
    return pick(pool, u) if sum_of(pool) > 0.0 else -1


@kernel
def units_wanted(economy: Economy, m: int, grade: int) -> int:
    """Machines of type `m` that customers of a grade look for."""
    return int(economy.market[0].term_pool[grade] / economy.machines[m].throughput)


@kernel
def sign(economy: Economy, m: int, grade: int, units: int) -> None:
    """Customers of a grade have found `units` machines of type `m` and look no more."""
    market = economy.market[0]
    found = units * economy.machines[m].throughput
    market.term_pool[grade] = max(0.0, market.term_pool[grade] - found)
