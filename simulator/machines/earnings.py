"""Phases `compute_market` and `values`: what machines earn, and what they are worth.

Earnings follow the compute-rent index (GPUs) or hashprice (ASICs). Worth is never one number: book
value lives on the owners' rows; the fundamental value belongs to a site class and a cost of capital
(`value_of`); appraisal and last price live on the machine's row.
"""

import math

import numpy as np

from hashcredit.agents.compiled import kernel
from hashcredit.agents.dimensions import Channel, MachineKind, Record
from hashcredit.agents.units import DAYS_A_YEAR, HOURS_A_YEAR, MILLION, WEEK
from hashcredit.simulator.books.events import note
from hashcredit.simulator.machines.collateral import existing_units, sales_move_prices
from hashcredit.simulator.machines.valuation import value_at, value_coefficients
from hashcredit.simulator.macro.conditions import world_seen
from hashcredit.simulator.state.codes import EventKind
from hashcredit.simulator.state.economy import Economy

LEAST_SUPPLY = 1e-3
"""Of the first week's: with less than this switched on, rents rise no further."""
GONE = 8.0
"""Launch widths after which a logistic is within 4e-4 of its end: the rest is ignored by valuers."""


@kernel
def launch_progress(p: Record, at: float, week: int) -> float:
    """Share (0 to 1) of a launch's effect that has come through, `at` being its midpoint week."""
    return 1.0 / (1.0 + math.exp(-(week - at) / p.compute_launch_width_weeks))


@kernel
def progress_of(economy: Economy, p: Record, machine: Record, i: int, week: int) -> float:
    """`launch_progress` of launch `i` of a type, worked out once for all types that it takes earnings from.

    Older types have more launches before them and then the same ones, so a place is counted from the last.
    """
    at, width = machine.launch_at[i], p.compute_launch_width_weeks
    kept = economy.launches_seen[machine.launches - 1 - i]
    if kept[0] != at or kept[1] != week or kept[2] != width:
        kept[0] = at
        kept[1] = week
        kept[2] = width
        kept[3] = launch_progress(p, at, week)
    progress: float = kept[3]
    return progress


@kernel
def obsolescence(economy: Economy, p: Record, machine: Record, week: int) -> float:
    """Earnings of a GPU type relative to the first week, for what later rivals have taken since.

    Throughputs are rents of the first week, so launches of the past are already in them.
    """
    if machine.faded == 0.0:
        machine.faded = surviving(economy, p, machine, 0)
    return surviving(economy, p, machine, week) / machine.faded


@kernel
def surviving(economy: Economy, p: Record, machine: Record, week: int) -> float:
    """What launches have left of a type's earnings (fraction), those long over in the first week left out."""
    left = 1.0
    for i in range(machine.launches):
        if machine.launch_at[i] >= -GONE * p.compute_launch_width_weeks:
            left *= 1.0 - machine.launch_step[i] * progress_of(economy, p, machine, i, week)
    return left


@kernel
def demand_growth(p: Record, tightness: float, week: int) -> float:
    """Growth of demand for compute in a week at a tightness of funding, 1/yr; a turn drops it at once."""
    slower = p.compute_demand_tightness * tightness
    if week < p.turn_week:
        return p.compute_demand_growth - slower
    growth = p.turn_growth - slower
    return growth + math.log(1.0 - p.turn_drop) / WEEK if week == p.turn_week else growth


@kernel
def occupancy(p: Record, scarcity: float) -> float:
    """Share of hours for which an on-demand machine is paid, at log demand over supply `scarcity`.

    Its log odds move with scarcity, so it stays between nothing and all hours.
    """
    at_first = p.compute_occupancy0
    if at_first >= 1.0:
        return 1.0
    return 1.0 / (1.0 + (1.0 - at_first) / at_first * math.exp(-p.compute_occupancy_response * scarcity))


@kernel
def move_compute_market(economy: Economy, p: Record) -> None:
    """Rent index: trend, demand over active supply, shock; two-sided. And the occupancy of machines."""
    clock, market = economy.clock[0], economy.market[0]
    years = (clock.week + 1) * WEEK
    market.demand *= math.exp(demand_growth(p, market.tightness, clock.week) * WEEK)
    others = p.compute_hyperscaler_multiple
    own = market.active / market.active_base if market.active_base > 0.0 else 1.0
    market.supply = (own + others * economy.macro[world_seen(p)].stock) / (1.0 + others)
    scarcity = math.log(market.demand / max(market.supply, LEAST_SUPPLY))
    market.occupancy = occupancy(p, scarcity)
    moved = -p.compute_trend * years + p.compute_price_elasticity * scarcity + market.rent_shock
    market.rent_index = p.compute_rent_index0 * math.exp(moved)
    if economy.rent_path.shape[0] > 0:
        market.rent_index = economy.rent_path[clock.week]


@kernel
def move_hashprice(economy: Economy, p: Record) -> None:
    """Hashprice: BTC and subsidy over difficulty; difficulty follows last week's hashprice with a lag.

    Where a path is fed in, hashprice is the path and difficulty is what BTC and the path imply.
    """
    clock, market = economy.clock[0], economy.market[0]
    years = (clock.week + 1) * WEEK
    trend = p.mining_difficulty_trend
    gap = math.log(market.hashprice / p.mining_hashprice0) + trend * (years - WEEK)
    market.difficulty += (trend + p.mining_difficulty_speed * gap) * WEEK
    subsidy = 1.0
    if clock.week >= p.mining_halving_week:
        subsidy = 1.0 - p.mining_halving_share
    btc = market.btc_price / p.shocks_btc_price0
    market.hashprice = p.mining_hashprice0 * btc * subsidy * math.exp(-market.difficulty)
    if economy.hashprice_path.shape[0] > 0:
        market.hashprice = economy.hashprice_path[clock.week]
        market.difficulty = math.log(p.mining_hashprice0 * btc * subsidy / market.hashprice)


@kernel
def set_earning(economy: Economy, p: Record, m: int) -> None:
    """What a unit of type `m` earns (M$ a year) let for a year and on demand, and where it stays on.

    A contract of a year pays the index for every hour. On demand an hour is dearer, and paid if sold.
    """
    clock, market = economy.clock[0], economy.market[0]
    machine = economy.machines[m]
    scale = machine.throughput * math.exp(machine.idiosyncratic) * MILLION
    if machine.kind == MachineKind.GPU:
        hourly = market.rent_index * obsolescence(economy, p, machine, clock.week)
        machine.full_rent = hourly * HOURS_A_YEAR * scale
        machine.earning = machine.full_rent * p.compute_ondemand_premium * market.occupancy
    else:
        machine.full_rent = market.hashprice * 1e-3 * DAYS_A_YEAR * scale
        machine.earning = machine.full_rent
    for site in range(machine.cost.shape[0]):
        machine.on[site] = machine.earning > machine.cost[site]


@kernel
def set_earnings(economy: Economy, p: Record) -> None:
    """What every machine type earns this week."""
    for m in range(economy.machines.shape[0]):
        if economy.machines[m].used:
            set_earning(economy, p, m)


@kernel
def note_launches(economy: Economy) -> None:
    """Log the machine types that the vendor launches this week."""
    for m in range(economy.machines.shape[0]):
        machine = economy.machines[m]
        if machine.used and machine.launch_week == economy.clock[0].week:
            note(economy, EventKind.LAUNCH, machine=m, price=machine.price_new, channel=Channel.EXOGENOUS)


@kernel
def earning_trend(p: Record, kind: int) -> float:
    """Rate at which a machine's earnings are expected to fall, per year."""
    return p.mining_asic_trend if kind == MachineKind.ASIC else p.valuation_trend


@kernel
def anticipate_difficulty(economy: Economy, p: Record, m: int) -> int:
    """Fill what a valuer of ASICs still expects of hashprice around its trend; return the number of steps.

    Difficulty brings hashprice back to its trend, so a gap g is worth as much as the whole of g for
    1/speed years. The halving, until it comes, opens a gap on its date and closes it as late after.

    A path that is fed in has no trend of the model's to return to: what part of its moves difficulty would
    make up for, nobody knows. Valuers then take today's hashprice as it is, and no gap closes.
    """
    clock, market = economy.clock[0], economy.market[0]
    times, factors = economy.launch_times[m], economy.launch_factors[m]
    share_left = 1.0 - p.mining_halving_share
    until = (p.mining_halving_week - clock.week) * WEEK
    ahead = 0.0 < until < p.valuation_horizon_years
    speed = p.mining_difficulty_speed
    if speed <= 0.0:
        times[0] = until
        factors[0] = share_left
        return 1 if ahead else 0
    lag = 1.0 / speed
    years = (clock.week + 1) * WEEK
    gap = math.log(market.hashprice / p.mining_hashprice0) + p.mining_difficulty_trend * years
    if economy.hashprice_path.shape[0] > 0:
        gap = 0.0
    closing = 0 if not ahead or lag <= until else 1
    times[closing] = lag
    factors[closing] = math.exp(-gap)
    if not ahead:
        return 1
    times[1 - closing] = until
    factors[1 - closing] = share_left
    times[2] = until + lag
    factors[2] = 1.0 / share_left
    return 3


@kernel
def anticipate_launches(economy: Economy, p: Record, m: int) -> int:
    """Fill the announced falls of earnings that a valuer of GPU type `m` still expects; return their number.

    A launch under way leaves the rest of its logistic, at once once its midpoint is past; one that is
    announced but not yet made counts with the probability `valuation.launch_belief`.
    """
    week = economy.clock[0].week
    machine = economy.machines[m]
    times, factors = economy.launch_times[m], economy.launch_factors[m]
    count = 0
    horizon = p.valuation_horizon_years / WEEK
    for i in range(machine.launches):
        at = machine.launch_at[i]
        past = (week - at) / p.compute_launch_width_weeks
        if past > GONE or at - week >= horizon:
            continue
        launched = at - p.compute_launch_lag_weeks <= week
        belief = 1.0 if launched else p.valuation_launch_belief
        now = 1.0 - machine.launch_step[i] * progress_of(economy, p, machine, i, week)
        times[count] = max(0.0, (at - week) * WEEK)
        factors[count] = (1.0 - belief * machine.launch_step[i]) / now
        count += 1
    return count


@kernel
def anticipate(economy: Economy, p: Record, m: int) -> int:
    """Fill, once a week, what valuers of type `m` still expect; return the number of entries."""
    machine = economy.machines[m]
    stamp = economy.clock[0].week + 1
    if machine.foreseen_week != stamp:
        asic = machine.kind == MachineKind.ASIC
        machine.foreseen = (
            anticipate_difficulty(economy, p, m) if asic else anticipate_launches(economy, p, m)
        )
        machine.foreseen_week = stamp
    return machine.foreseen


@kernel
def integrate_value(economy: Economy, p: Record, m: int, site: int, horizon: float, out: np.ndarray) -> None:
    """Fill `out` with what `value_at` needs for type `m` in a site class over `horizon` years."""
    machine = economy.machines[m]
    count = anticipate(economy, p, m)
    asic = machine.kind == MachineKind.ASIC
    value_coefficients(
        machine.earning,
        earning_trend(p, machine.kind),
        machine.cost[site],
        p.valuation_volatility_asic if asic else p.valuation_volatility,
        horizon,
        economy.launch_times[m],
        economy.launch_factors[m],
        count,
        economy.pieces,
        economy.moments,
        out,
    )


@kernel
def refresh_value(economy: Economy, p: Record, m: int, site: int) -> None:
    """Evaluate the value integrand of type `m` in a site class once for all bidders of the week."""
    integrate_value(economy, p, m, site, p.valuation_horizon_years, economy.value_table[m, site])
    economy.valued_week[m, site] = economy.clock[0].week


@kernel
def value_of(economy: Economy, p: Record, m: int, site: int, spread: float, oldest: int) -> float:
    """Fundamental value (M$ a unit) of type `m` in a site class at cost of capital plus `spread`.

    The integrand may be up to `oldest` weeks old; 0 asks for this week's.
    """
    if economy.clock[0].week - economy.valued_week[m, site] > oldest:
        refresh_value(economy, p, m, site)
    return value_at(economy.value_table[m, site], economy.market[0].cost_of_capital + spread)


@kernel
def vendor_price_cap(economy: Economy, p: Record, kind: int, site: int, spread: float) -> float:
    """Price per unit of value of the best machine that the vendor sells: the dearest a used one may be."""
    week = economy.clock[0].week
    best = math.inf
    for h in range(economy.machines.shape[0]):
        new = economy.machines[h]
        if new.used and new.kind == kind and new.launch_week <= week <= new.end_of_sale_week:
            value = value_of(economy, p, h, site, spread, p.valuation_refresh_weeks)
            if value > 0.0:
                best = min(best, new.price_new / value)
    return best


@kernel
def replacement_cost(economy: Economy, m: int, value: float, cap: float) -> float:
    """What the service of a machine of type `m` costs new, installed, M$ a unit; infinite if nobody sells it.

    No used machine is worth more, since its buyer leases the same slot for a new one: slots do not count.

    value    of the machine to whoever asks, M$ a unit
    cap      `vendor_price_cap` of the same
    """
    machine = economy.machines[m]
    cost = value * cap if value > 0.0 else 0.0  # without a value there is none to cap
    if economy.clock[0].week <= machine.end_of_sale_week:  # or not yet on sale, so that nobody has one
        cost = min(cost, machine.price_new)
    return cost


@kernel
def add_contract(
    economy: Economy, contract: Record, site: int, rent: float, cost: float, let: float, active: float
) -> tuple[float, float, float, float]:
    """Rent and avoidable cost (M$ a year) of a fleet at spot, put right for a contract on some of its units.

    Those run and bill whatever spot does, so where spot is off they add to what is switched on. `let` and
    `active` are the sums (H100s) of all borrowers' throughput so far, under contracts and switched on.
    """
    machine = economy.machines[contract.machine]
    let += contract.units * machine.throughput
    rent += contract.units * contract.rent
    if machine.on[site]:
        rent -= contract.units * machine.earning
    else:
        cost += contract.units * machine.cost[site]
        active += contract.units * machine.throughput
    return rent, cost, let, active


@kernel
def scrap_price(p: Record, machine: Record) -> float:
    """What the parts of a machine fetch, M$ a unit."""
    return p.secondary_market_scrap_share * machine.price_new


@kernel
def orderly_value(economy: Economy, p: Record, m: int) -> float:
    """The appraiser's value (M$ a unit) of type `m` this week.

    That to an average operator, at most what the same service costs new, at least that of its parts.
    """
    machine = economy.machines[m]
    site = p.valuation_appraiser_site_class
    if machine.kind == MachineKind.ASIC:
        site = p.valuation_appraiser_site_class_asic
    spread = p.valuation_appraiser_spread
    value = value_of(economy, p, m, site, spread, 0)
    cap = vendor_price_cap(economy, p, machine.kind, site, spread)
    return max(min(value, replacement_cost(economy, m, value, cap)), scrap_price(p, machine))


@kernel
def update_income_values(economy: Economy, p: Record) -> None:
    """The appraiser's income value of each type, renewed every `valuation.refresh_weeks`."""
    for m in range(economy.machines.shape[0]):
        machine = economy.machines[m]
        if machine.used and (economy.clock[0].week + m) % p.valuation_refresh_weeks == 0:
            machine.income_value = orderly_value(economy, p, m)


@kernel
def mark_appraisals(economy: Economy, p: Record) -> None:
    """Appraisals follow the trades since the last marking by their volume and the income value slowly.

    No trade, no market news: `A' = A + a q / (q + q0) (vwap - A) + b (M - A)`, `q0` being a share of all
    units that exist. A machine on sale is never appraised above its price, whatever was paid for one.
    """
    for m in range(economy.machines.shape[0]):
        machine = economy.machines[m]
        if not machine.used:
            continue
        step = p.marking_income_weight * (machine.income_value - machine.appraisal)
        if machine.news > 0:
            vwap = machine.news_value / machine.news
            machine.price = vwap
            if sales_move_prices(p):
                volume = machine.news / (machine.news + p.marking_depth_share * existing_units(machine))
                step += p.marking_market_weight * volume * (vwap - machine.appraisal)
        machine.appraisal += step
        if economy.clock[0].week <= machine.end_of_sale_week:
            machine.appraisal = min(machine.appraisal, machine.price_new)
        machine.news = 0
        machine.news_value = 0.0
