"""Opening balance sheets: fleets, contracts, debts and cash drawn from the scenario's distributions.

Each replicate draws its own economy on the networks of its (scenario, seed). What borrowers own and owe does
not depend on the terms of their loans (`loans.py`). A marked loan opens within its borrowing base, a BTC loan
at its initial loan to value; cover may open under its covenant.
"""

import math

import numpy as np

from hashcredit.agents.compiled import kernel
from hashcredit.agents.dimensions import (
    BorrowerKind,
    LoanStatus,
    MachineKind,
    Record,
)
from hashcredit.agents.units import MILLION, WEEKS_A_YEAR
from hashcredit.simulator.books.contracts import contracts_of
from hashcredit.simulator.books.ledger import put_units, sum_of
from hashcredit.simulator.books.loans import (
    BLANK_LOAN,
    assets_at_appraisal,
    debts,
    facilities_of,
    weekly_service,
)
from hashcredit.simulator.books.randomness import Stream, pick
from hashcredit.simulator.books.tape import date_opening, open_discounting
from hashcredit.simulator.books.terms import take_borrower_terms
from hashcredit.simulator.lenders.repo import open_repo_market
from hashcredit.simulator.machines.earnings import add_contract, orderly_value, set_earnings
from hashcredit.simulator.machines.rents import open_terms
from hashcredit.simulator.macro.conditions import open_conditions
from hashcredit.simulator.opening.balance_sheets import (
    capitalise_lenders,
    open_books,
    open_buyer,
    open_lender,
)
from hashcredit.simulator.opening.draws import opening_normal, opening_uniform, opening_uniforms
from hashcredit.simulator.opening.loans import (
    open_bond,
    open_btc_loan,
    open_machine_loan,
    open_running_contract,
    purchase_price,
)
from hashcredit.simulator.opening.orders import open_order
from hashcredit.simulator.state.codes import Sector
from hashcredit.simulator.state.economy import Economy

NEVER_VALUED = -1_000_000
UNREACHABLE = 1e18
"""M$: a strike that nobody reaches."""
DRAW_OF_LISTING = 390
"""Of the stream of opening loans; those of bonds begin at 400."""


@kernel
def open_market(economy: Economy, p: Record) -> None:
    """Prices, indices and valuations of the first week."""
    market = economy.market[0]
    market.btc_price = p.shocks_btc_price0
    market.hashprice = p.mining_hashprice0
    market.rent_index = p.compute_rent_index0
    market.btc_average = market.btc_price
    market.rent_average = market.rent_index
    market.occupancy = p.compute_occupancy0
    market.demand = 1.0
    market.supply = 1.0
    open_discounting(economy)
    discard_values(economy)
    economy.node_head[:] = -1
    for account in range(economy.world.shape[0]):
        economy.world[account].sector = Sector.REST_OF_WORLD + account
    open_conditions(economy, p)
    set_earnings(economy, p)
    for m in range(economy.machines.shape[0]):
        machine = economy.machines[m]
        machine.trigger = -1
        if machine.used:
            machine.income_value = orderly_value(economy, p, m)
            machine.appraisal = machine.income_value
            machine.price = machine.appraisal if machine.launch_week <= 0 else machine.price_new


@kernel
def buy_fleet(economy: Economy, p: Record, b: int, m: int, units: int, age: int) -> None:
    """Put `units` machines bought `age` weeks ago on the books."""
    machine = economy.machines[m]
    left = max(0.0, 1.0 - age / (WEEKS_A_YEAR * machine.life_years))
    book = units * purchase_price(p, machine, age) * left
    put_units(economy, economy.borrowers[b], m, units, book)


@kernel
def lease_sites(economy: Economy, p: Record, b: int, free_share: float) -> None:
    """Slots for the fleet plus a share of free ones, and their take-or-pay lease."""
    borrower = economy.borrowers[b]
    lease = 0.0
    for cooling in range(borrower.slots.shape[0]):
        racked = borrower.racked[cooling]
        borrower.slots[cooling] = racked + int(free_share * racked)
        lease += borrower.slots[cooling] * p.costs_lease[cooling] * p.costs_slot_kw[cooling]
    borrower.lease_week = lease / WEEKS_A_YEAR


@kernel
def opening_earnings(economy: Economy, b: int) -> tuple[float, float]:
    """Revenue and avoidable cost (M$ a week) of a borrower's fleet in the first week."""
    borrower = economy.borrowers[b]
    site = borrower.site_class
    revenue = 0.0
    cost = 0.0
    for m in range(economy.machines.shape[0]):
        machine = economy.machines[m]
        if machine.on[site]:
            revenue += borrower.units[m] * machine.earning
            cost += borrower.units[m] * machine.cost[site]
            if machine.kind == MachineKind.GPU:
                economy.market[0].active += borrower.units[m] * machine.throughput
    market = economy.market[0]
    let, active = market.let, market.active
    first, last = contracts_of(economy, b)
    for row in range(first, last):
        contract = economy.contracts[row]
        revenue, cost, let, active = add_contract(economy, contract, site, revenue, cost, let, active)
    market.let = let
    market.active = active
    return revenue / WEEKS_A_YEAR, cost / WEEKS_A_YEAR


@kernel
def close_opening(
    economy: Economy, p: Record, b: int, free_share: float, cash_weeks: float, cash_log_sd: float, z: float
) -> None:
    """Leases, overhead, cash for some weeks of obligations, and a trailing window in steady state.

    The obligations that cash is drawn by have debt service at equal terms: it must not depend on contracts.
    """
    borrower = economy.borrowers[b]
    lease_sites(economy, p, b, free_share)
    revenue, cost = opening_earnings(economy, b)
    borrower.overhead_week = p.costs_overhead_share * revenue
    service = 0.0
    first, last = facilities_of(economy, b)
    for row in range(first, last):
        loan = economy.loans[row]
        if loan.status == LoanStatus.PERFORMING:
            service += weekly_service(loan, economy.market[0].policy_rate, 0)
    fixed = borrower.lease_week + borrower.overhead_week
    borrower.cash = cash_weeks * math.exp(cash_log_sd * z) * (fixed + borrower.obligations)
    borrower.cash += borrower.reserved  # who ordered has kept what machines on order will take
    borrower.obligations = fixed + service
    borrower.cfads[:] = revenue - cost - borrower.lease_week - borrower.overhead_week
    borrower.service[:] = service
    borrower.cfads_window = sum_of(borrower.cfads)
    borrower.service_window = sum_of(borrower.service)


@kernel
def open_borrower(
    economy: Economy,
    p: Record,
    seed: int,
    replicate: int,
    b: int,
    kind: int,
    stream: int,
    site_shares: np.ndarray,
    grade_shares: np.ndarray,
) -> None:
    """Identity of a borrower: kind, site class, credit grade, cost of capital."""
    borrower = economy.borrowers[b]
    borrower.kind = kind
    borrower.sector = kind  # miners and neo-clouds have the flow columns of their kind
    sited, graded, _, _ = opening_uniforms(seed, replicate, stream, b, 0)
    borrower.site_class = pick(site_shares, sited)
    borrower.grade = pick(grade_shares, graded)
    take_borrower_terms(borrower, p)
    borrower.default_week = -1
    borrower.default_event = -1
    borrower.pending_parent = -1
    borrower.trigger_event = -1
    borrower.issued_week = -p.equity_spacing_weeks
    listed = p.equity_listed_miners if kind == BorrowerKind.MINER else p.equity_listed_neoclouds
    borrower.listed = opening_uniform(seed, replicate, Stream.POPULATION_LOAN, b, DRAW_OF_LISTING) < listed


@kernel
def machine_age(p: Record, machine: Record, growth: float, u: float) -> int:
    """Weeks since a fleet of this type was bought, at most some and not before the machine's launch.

    In a fleet that has grown at `growth` (1/yr) ages are exponential at that rate; without growth, uniform.
    """
    oldest = min(p.credit_loan_age_weeks, -machine.launch_week)
    weekly = growth / WEEKS_A_YEAR
    if weekly == 0.0:  # asked of the week's rate: that of the year may be positive and its part underflow
        return int(u * oldest)
    return int(-math.log1p(u * math.expm1(-weekly * oldest)) / weekly)


@kernel
def open_gpu_fleet(
    economy: Economy,
    p: Record,
    seed: int,
    replicate: int,
    b: int,
    stream: int,
    value: float,
    shares: np.ndarray,
    mix_log_sd: float,
    growth: float,
) -> float:
    """Spread a fleet's value at new prices over GPU types, with a loan on each; return the value placed.

    The fleet has grown at `growth` (1/yr), and what it will grow by until new machines arrive is on order.
    """
    weights = economy.weights
    total = 0.0
    for m in range(economy.machines.shape[0]):
        weights[m] = 0.0
        machine = economy.machines[m]
        if machine.used and machine.kind == MachineKind.GPU and machine.launch_week < 0 and shares[m] > 0.0:
            z = opening_normal(seed, replicate, stream, b, 40 + m)
            weights[m] = shares[m] * math.exp(mix_log_sd * z)
            total += weights[m]
    placed = 0.0
    for m in range(economy.machines.shape[0]):
        if weights[m] <= 0.0:
            continue
        machine = economy.machines[m]
        units = round(value * weights[m] / total / machine.price_new)
        if units == 0:
            continue
        age = machine_age(p, machine, growth, opening_uniform(seed, replicate, stream, b, 60 + m))
        buy_fleet(economy, p, b, m, units, age)
        placed += units * machine.price_new
        row = open_machine_loan(economy, p, seed, replicate, b, m, units, age)
        if row >= 0:
            open_running_contract(economy, p, seed, replicate, row, 200 + 8 * m)
    open_order(economy, p, seed, replicate, b, placed, growth)
    return placed


@kernel
def open_neocloud(economy: Economy, p: Record, seed: int, replicate: int, b: int) -> None:
    """A GPU cloud: levered fleet, contracts, perhaps bonds."""
    stream = Stream.POPULATION_NEOCLOUD
    open_borrower(economy, p, seed, replicate, b, BorrowerKind.NEOCLOUD.value, stream,
                  p.neoclouds_site_class_shares, p.neoclouds_grade_shares)  # fmt: skip
    size = math.exp(p.neoclouds_fleet_log_sd * opening_normal(seed, replicate, stream, b, 0))
    value = open_gpu_fleet(economy, p, seed, replicate, b, stream, p.neoclouds_fleet_median * size,
                           p.neoclouds_gpu_shares, p.neoclouds_mix_log_sd,
                           p.neoclouds_fleet_growth)  # fmt: skip
    open_bond(economy, p, seed, replicate, b, value, p.neoclouds_bond_probability, p.neoclouds_bond_share,
              p.neoclouds_convertible_share)  # fmt: skip
    z = opening_normal(seed, replicate, stream, b, 1)
    close_opening(economy, p, b, p.neoclouds_free_slot_share, p.neoclouds_cash_weeks,
                  p.neoclouds_cash_log_sd, z)  # fmt: skip


@kernel
def open_asic_fleet(economy: Economy, p: Record, seed: int, replicate: int, b: int, hashrate: float) -> float:
    """Spread a hashrate (EH/s) over ASIC types, some of them financed; return their value when new, M$."""
    stream = Stream.POPULATION_MINER
    shares = p.miners_asic_shares
    financed = opening_uniform(seed, replicate, stream, b, 2) < p.miners_machine_loan_probability
    value = 0.0
    for m in range(economy.machines.shape[0]):
        machine = economy.machines[m]
        if shares[m] <= 0.0 or machine.launch_week >= 0:
            continue
        units = round(hashrate * 1e6 * shares[m] / sum_of(shares) / machine.throughput)
        if units == 0:
            continue
        age = machine_age(p, machine, 0.0, opening_uniform(seed, replicate, stream, b, 60 + m))
        buy_fleet(economy, p, b, m, units, age)
        value += units * machine.price_new
        if financed:
            open_machine_loan(economy, p, seed, replicate, b, m, units, age)
    return value


@kernel
def open_miner(economy: Economy, p: Record, seed: int, replicate: int, b: int) -> None:
    """A Bitcoin miner: ASICs, coins, perhaps GPUs, a BTC loan and bonds."""
    stream = Stream.POPULATION_MINER
    open_borrower(economy, p, seed, replicate, b, BorrowerKind.MINER.value, stream,
                  p.miners_site_class_shares, p.miners_grade_shares)  # fmt: skip
    borrower = economy.borrowers[b]
    size = math.exp(p.miners_hashrate_log_sd * opening_normal(seed, replicate, stream, b, 0))
    hashrate = p.miners_hashrate_median * size
    value = open_asic_fleet(economy, p, seed, replicate, b, hashrate)
    if opening_uniform(seed, replicate, stream, b, 3) < p.miners_gpu_probability:
        gpu = math.exp(p.miners_gpu_log_sd * opening_normal(seed, replicate, stream, b, 1))
        value += open_gpu_fleet(economy, p, seed, replicate, b, stream, p.miners_gpu_fleet_median * gpu,
                                p.miners_gpu_shares, p.neoclouds_mix_log_sd,
                                p.neoclouds_fleet_growth)  # fmt: skip
    coins = hashrate * p.miners_btc_per_ehs
    coins *= math.exp(p.miners_btc_log_sd * opening_normal(seed, replicate, stream, b, 2))
    price = economy.market[0].btc_price * MILLION
    value += coins * price
    borrower.btc = coins
    if opening_uniform(seed, replicate, stream, b, 4) < p.miners_btc_loan_probability:
        open_btc_loan(economy, p, seed, replicate, b, coins, price)
    open_bond(economy, p, seed, replicate, b, value, p.miners_bond_probability, p.miners_bond_share,
              p.miners_convertible_share)  # fmt: skip
    z = opening_normal(seed, replicate, stream, b, 3)
    close_opening(economy, p, b, p.miners_free_slot_share, p.miners_cash_weeks, p.miners_cash_log_sd, z)


@kernel
def open_economy(economy: Economy, parameters: np.ndarray, seed: int, replicate: int) -> None:
    """Fill cleared tables (machines with their static fields) with the opening economy of a replicate."""
    p = parameters[0]
    open_market(economy, p)
    for index in range(economy.lenders.shape[0]):
        open_lender(economy, p, index)
    for row in range(economy.loans.shape[0]):
        economy.loans[row] = BLANK_LOAN[0]
    for b in range(economy.borrowers.shape[0]):
        if b < p.population_miners:
            open_miner(economy, p, seed, replicate, b)
        else:
            open_neocloud(economy, p, seed, replicate, b)
    capitalise_lenders(economy, p)
    for k in range(economy.buyers.shape[0]):
        open_buyer(economy, p, seed, replicate, k)
    economy.market[0].active_base = economy.market[0].active
    open_books(economy)
    open_repo_market(economy, p)
    open_terms(economy, p)
    set_strikes(economy, p)
    date_opening(economy)
    discard_values(economy)


@kernel
def set_strikes(economy: Economy, p: Record) -> None:
    """What a borrower's equity at appraisal must be worth for its convertibles to convert, M$."""
    for b in range(economy.borrowers.shape[0]):
        equity = assets_at_appraisal(economy, b) - debts(economy, b)
        economy.borrowers[b].strike = (
            (1.0 + p.credit_conversion_premium) * equity if equity > 0.0 else UNREACHABLE
        )


@kernel
def discard_values(economy: Economy) -> None:
    """The first week's rents are not the opening's: nobody may still use a value worked out before them."""
    economy.valued_week[:] = NEVER_VALUED
    economy.let_week[:] = NEVER_VALUED
    economy.levels_week[:] = NEVER_VALUED
    for m in range(economy.machines.shape[0]):
        economy.machines[m].foreseen_week = 0
