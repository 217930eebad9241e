"""Opening balance sheets: fleets, contracts, debts and cash drawn from the scenario's distributions.

Each replicate draws its own economy on the networks of its (scenario, seed). Loans open in compliance:
a marked loan never exceeds its borrowing base, a BTC loan stands at its initial loan to value.
"""

import math

from hashcredit.agents.compiled import kernel
from hashcredit.agents.dimensions import (
    FACILITIES,
    BorrowerKind,
    Instrument,
    LoanStatus,
    MachineKind,
)
from hashcredit.simulator.draws import opening_normal, opening_uniform, pick
from hashcredit.simulator.funding import set_funding
from hashcredit.simulator.ledger import post_principal
from hashcredit.simulator.machines import orderly_value, set_earnings
from hashcredit.simulator.opening import capitalise_lenders, open_books, open_buyer, open_lender
from hashcredit.simulator.operations import facilities_of, weekly_service
from hashcredit.simulator.randomness import Stream
from hashcredit.simulator.tables import Sector

NEVER_VALUED = -1_000_000
FIRST_DRAW_OF_FACILITY = 8


@kernel
def open_market(economy, p):
    """Prices, indices and valuations of the first week."""
    market = economy.market[0]
    market.btc_fundamental = math.log(p.shocks_btc_price0)
    market.btc_price = p.shocks_btc_price0
    market.hashprice = p.mining_hashprice0
    market.rent_index = p.compute_rent_index0
    market.demand = 1.0
    market.supply = 1.0
    economy.valued_week[:] = NEVER_VALUED
    economy.node_head[:] = -1
    economy.world[0].sector = Sector.REST_OF_WORLD
    set_funding(economy, p)
    set_earnings(economy, p)
    for m in range(economy.machines.shape[0]):
        machine = economy.machines[m]
        machine.trigger = -1
        if machine.used:
            machine.income_value = orderly_value(economy, p, m)
            machine.appraisal = machine.income_value
            machine.price = machine.appraisal if machine.launch_week <= 0 else machine.price_new


@kernel
def pick_holder(economy, p, b, u):
    """A linked lender of borrower `b`, drawn by the market shares of the lenders' kinds."""
    first, last = economy.credit_start[b], economy.credit_start[b + 1]
    total = 0.0
    for link in range(first, last):
        total += p.lenders_market_share[economy.lenders[economy.credit_lender[link]].kind]
    target = u * total
    so_far = 0.0
    for link in range(first, last):
        index = economy.credit_lender[link]
        so_far += p.lenders_market_share[economy.lenders[index].kind]
        if target < so_far:
            return index
    return economy.credit_lender[last - 1]


@kernel
def next_row(economy, b):
    """Take the next loan row of a borrower into use; -1 if all are."""
    borrower = economy.borrowers[b]
    if borrower.facilities == FACILITIES:
        return -1
    borrower.facilities += 1
    return b * FACILITIES + borrower.facilities - 1


@kernel
def open_loan(economy, p, seed, replicate, b, draw, instrument, principal, maturity):
    """Write an opening loan into the next free row and return the row (-1: no row left, no loan)."""
    row = next_row(economy, b)
    if row < 0:
        return row
    loan = economy.loans[row]
    holder = pick_holder(economy, p, b, opening_uniform(seed, replicate, Stream.POPULATION_LOAN, b, draw))
    loan.status = LoanStatus.PERFORMING
    loan.instrument = instrument
    loan.rank = 0 if instrument <= Instrument.BTC_LOAN else 1
    loan.holder = holder
    loan.obligor = b
    loan.machine = -1
    loan.maturity_week = maturity
    loan.cure_weeks = p.credit_cure_weeks
    loan.recourse = 1
    loan.cross_default = 1
    loan.fixed_rate = 1
    loan.floor = p.credit_floor
    loan.offtaker = economy.borrowers[b].grade
    post_principal(loan, economy.borrowers[b], economy.lenders[holder], principal)
    return row


@kernel
def contract_units(economy, p, seed, replicate, row, draw):
    """Rent part of a facility's units out under a running contract."""
    loan = economy.loans[row]
    b = loan.obligor
    stream = Stream.POPULATION_LOAN
    span = p.neoclouds_contracted_high - p.neoclouds_contracted_low
    share = p.neoclouds_contracted_low + span * opening_uniform(seed, replicate, stream, b, draw)
    span = p.neoclouds_contract_premium_high - p.neoclouds_contract_premium_low
    premium = p.neoclouds_contract_premium_low + span * opening_uniform(seed, replicate, stream, b, draw + 1)
    loan.contract_units = int(share * loan.units)
    loan.contract_rent = premium * economy.machines[loan.machine].earning
    loan.contract_end = int(p.investment_contract_weeks * opening_uniform(seed, replicate, stream, b, draw + 2))
    loan.offtaker = pick(p.neoclouds_offtaker_shares, opening_uniform(seed, replicate, stream, b, draw + 3))
    loan.rate = p.credit_spread_by_grade[loan.offtaker]
    loan.hazard_left = -math.log(opening_uniform(seed, replicate, stream, b, draw + 4))


@kernel
def open_machine_loan(economy, p, seed, replicate, b, m, units, age):
    """A machine loan drawn `age` weeks ago and amortised since; -1 if it has been repaid."""
    if age >= p.credit_tenor_weeks:
        return -1
    stream = Stream.POPULATION_LOAN
    draw = FIRST_DRAW_OF_FACILITY * (m + 4)
    z = opening_normal(seed, replicate, stream, b, draw)
    ltv = min(0.95, max(0.05, p.credit_origination_ltv + p.credit_ltv_sd * z))
    machine = economy.machines[m]
    left = 1.0 - age / p.credit_tenor_weeks
    principal = ltv * units * machine.price_new * left
    maturity = p.credit_tenor_weeks - age
    row = open_loan(economy, p, seed, replicate, b, draw, Instrument.MACHINE_LOAN, 0.0, maturity)
    if row < 0:
        return row
    loan = economy.loans[row]
    lender = economy.lenders[loan.holder]
    loan.machine = m
    loan.units = units
    loan.amortising = 1
    loan.fixed_rate = 0
    loan.rate = p.credit_spread_by_grade[loan.offtaker]
    if machine.kind == MachineKind.GPU:  # cover covenants are known of data-centre and GPU loans only
        loan.dscr_covenant = p.credit_dscr_covenant
        loan.cash_sweep = 1
    loan.borrowing_base = opening_uniform(seed, replicate, stream, b, draw + 1) < p.credit_marked_share
    loan.recourse = opening_uniform(seed, replicate, stream, b, draw + 2) < p.credit_recourse_share
    loan.cross_default = opening_uniform(seed, replicate, stream, b, draw + 3) < p.credit_cross_default_share
    loan.advance_rate = p.credit_base_headroom * lender.advance_rate
    if loan.borrowing_base:
        principal = min(principal, loan.advance_rate * machine.appraisal * units)
    post_principal(loan, economy.borrowers[b], lender, principal)
    return row


@kernel
def buy_fleet(economy, b, m, units, age):
    """Put `units` machines bought `age` weeks ago on the books."""
    borrower = economy.borrowers[b]
    machine = economy.machines[m]
    left = max(0.0, 1.0 - age / (52.0 * machine.life_years))
    borrower.units[m] += units
    borrower.book[m] += units * machine.price_new * left


@kernel
def lease_sites(economy, p, b, free_share):
    """Slots for the fleet plus a share of free ones, and their take-or-pay lease."""
    borrower = economy.borrowers[b]
    for m in range(economy.machines.shape[0]):
        borrower.slots[economy.machines[m].cooling] += borrower.units[m]
    lease = 0.0
    for cooling in range(borrower.slots.shape[0]):
        borrower.slots[cooling] += int(free_share * borrower.slots[cooling])
        lease += borrower.slots[cooling] * p.costs_lease[cooling] * p.costs_slot_kw[cooling]
    borrower.lease_week = lease / 52.0


@kernel
def opening_earnings(economy, b):
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
    first, last = facilities_of(economy, b)
    for row in range(first, last):
        loan = economy.loans[row]
        if loan.contract_units > 0:
            machine = economy.machines[loan.machine]
            revenue += loan.contract_units * loan.contract_rent
            if machine.on[site]:
                revenue -= loan.contract_units * machine.earning
            else:
                cost += loan.contract_units * machine.cost[site]
                economy.market[0].active += loan.contract_units * machine.throughput
    return revenue / 52.0, cost / 52.0


@kernel
def open_bullets(economy, p, seed, replicate, b, assets, probability, share, coupon, instrument):
    """A convertible or high-yield bond of a share of assets, with some probability."""
    stream = Stream.POPULATION_LOAN
    draw = 4 * instrument
    if opening_uniform(seed, replicate, stream, b, 400 + draw) >= probability:
        return
    span = p.credit_bullet_weeks_high - p.credit_bullet_weeks_low
    weeks = p.credit_bullet_weeks_low + int(span * opening_uniform(seed, replicate, stream, b, 401 + draw))
    row = open_loan(economy, p, seed, replicate, b, 402 + draw, instrument, share * assets, weeks)
    if row >= 0:
        economy.loans[row].rate = coupon


@kernel
def close_opening(economy, p, b, free_share, cash_weeks, cash_log_sd, z):
    """Leases, overhead, cash for some weeks of obligations, and a trailing window in steady state."""
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
    borrower.obligations = borrower.lease_week + borrower.overhead_week + service
    borrower.cash = cash_weeks * math.exp(cash_log_sd * z) * borrower.obligations
    borrower.cfads[:] = revenue - cost - borrower.lease_week - borrower.overhead_week
    borrower.service[:] = service
    borrower.cfads_window = borrower.cfads.sum()
    borrower.service_window = borrower.service.sum()


@kernel
def open_borrower(economy, p, seed, replicate, b, kind, stream, site_shares, grade_shares):
    """Identity of a borrower: kind, site class, credit grade, cost of capital."""
    borrower = economy.borrowers[b]
    borrower.kind = kind
    borrower.sector = kind  # miners and neo-clouds have the flow columns of their kind
    borrower.site_class = pick(site_shares, opening_uniform(seed, replicate, stream, b, 0))
    borrower.grade = pick(grade_shares, opening_uniform(seed, replicate, stream, b, 1))
    borrower.cost_of_capital = p.credit_borrower_spread_by_grade[borrower.grade]
    borrower.default_week = -1
    borrower.default_event = -1
    borrower.pending_parent = -1


@kernel
def machine_age(p, machine, u):
    """Weeks since a fleet of this type was bought: uniform, not before the machine's launch."""
    return int(u * min(p.credit_loan_age_weeks, -machine.launch_week))


@kernel
def open_gpu_fleet(economy, p, seed, replicate, b, stream, value, shares, mix_log_sd, contracts):
    """Spread a fleet's value at new prices over GPU types, with a loan on each; return the value placed."""
    weights = economy.launch_factors  # scratch: one weight a type, MAX_LAUNCHES >= MACHINE_TYPES
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
        age = machine_age(p, machine, opening_uniform(seed, replicate, stream, b, 60 + m))
        buy_fleet(economy, b, m, units, age)
        placed += units * machine.price_new
        row = open_machine_loan(economy, p, seed, replicate, b, m, units, age)
        if row >= 0 and contracts:
            contract_units(economy, p, seed, replicate, row, 200 + 8 * m)
    return placed


@kernel
def open_neocloud(economy, p, seed, replicate, b):
    """A GPU cloud: levered fleet, contracts, perhaps bonds."""
    stream = Stream.POPULATION_NEOCLOUD
    open_borrower(economy, p, seed, replicate, b, BorrowerKind.NEOCLOUD.value, stream,
                  p.neoclouds_site_class_shares, p.neoclouds_grade_shares)  # fmt: skip
    size = math.exp(p.neoclouds_fleet_log_sd * opening_normal(seed, replicate, stream, b, 0))
    value = open_gpu_fleet(economy, p, seed, replicate, b, stream, p.neoclouds_fleet_median * size,
                           p.neoclouds_gpu_shares, p.neoclouds_mix_log_sd, True)  # fmt: skip
    open_bullets(economy, p, seed, replicate, b, value, p.neoclouds_high_yield_probability,
                 p.neoclouds_high_yield_share, p.credit_high_yield_coupon, Instrument.HIGH_YIELD.value)  # fmt: skip
    open_bullets(economy, p, seed, replicate, b, value, p.neoclouds_convertible_probability,
                 p.neoclouds_convertible_share, p.credit_convertible_coupon,
                 Instrument.CONVERTIBLE.value)  # fmt: skip
    z = opening_normal(seed, replicate, stream, b, 1)
    close_opening(economy, p, b, p.neoclouds_free_slot_share, p.neoclouds_cash_weeks,
                  p.neoclouds_cash_log_sd, z)  # fmt: skip


@kernel
def open_asic_fleet(economy, p, seed, replicate, b, hashrate):
    """Spread a hashrate (EH/s) over ASIC types, some of them financed; return their value when new, M$."""
    stream = Stream.POPULATION_MINER
    shares = p.miners_asic_shares
    financed = opening_uniform(seed, replicate, stream, b, 2) < p.miners_machine_loan_probability
    value = 0.0
    for m in range(economy.machines.shape[0]):
        machine = economy.machines[m]
        if shares[m] <= 0.0 or machine.launch_week >= 0:
            continue
        units = round(hashrate * 1e6 * shares[m] / shares.sum() / machine.throughput)
        if units == 0:
            continue
        age = machine_age(p, machine, opening_uniform(seed, replicate, stream, b, 60 + m))
        buy_fleet(economy, b, m, units, age)
        value += units * machine.price_new
        if financed:
            open_machine_loan(economy, p, seed, replicate, b, m, units, age)
    return value


@kernel
def open_miner(economy, p, seed, replicate, b):
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
                                p.miners_gpu_shares, p.neoclouds_mix_log_sd, True)  # fmt: skip
    coins = hashrate * p.miners_btc_per_ehs
    coins *= math.exp(p.miners_btc_log_sd * opening_normal(seed, replicate, stream, b, 2))
    price = economy.market[0].btc_price * 1e-6
    value += coins * price
    borrower.btc = coins
    if opening_uniform(seed, replicate, stream, b, 4) < p.miners_btc_loan_probability:
        pledged = p.miners_btc_pledged_share * coins
        row = open_loan(economy, p, seed, replicate, b, 0, Instrument.BTC_LOAN.value,
                        p.credit_btc_initial_ltv * pledged * price, p.credit_btc_tenor_weeks)  # fmt: skip
        if row >= 0:
            economy.loans[row].coins = pledged
            economy.loans[row].fixed_rate = 0
            economy.loans[row].rate = p.credit_btc_spread
            borrower.btc -= pledged
    open_bullets(economy, p, seed, replicate, b, value, p.miners_convertible_probability,
                 p.miners_convertible_share, p.credit_convertible_coupon, Instrument.CONVERTIBLE.value)  # fmt: skip
    open_bullets(economy, p, seed, replicate, b, value, p.miners_high_yield_probability,
                 p.miners_high_yield_share, p.credit_high_yield_coupon, Instrument.HIGH_YIELD.value)  # fmt: skip
    z = opening_normal(seed, replicate, stream, b, 3)
    close_opening(economy, p, b, p.miners_free_slot_share, p.miners_cash_weeks, p.miners_cash_log_sd, z)


@kernel
def populate(economy, p, seed, replicate):
    """Fill cleared tables (machines with their static fields) with the opening economy of a replicate."""
    open_market(economy, p)
    for index in range(economy.lenders.shape[0]):
        open_lender(economy, p, index)
    for row in range(economy.loans.shape[0]):
        economy.loans[row].machine = -1
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
