"""Phase 1: the week's joint innovations of BTC, the compute-rent index and machine-specific rents."""

import math

from hashcredit.agents.compiled import kernel
from hashcredit.agents.dimensions import Record
from hashcredit.simulator.economy import Economy
from hashcredit.simulator.randomness import Stream, normal, normal4, uniform

WEEK = 1.0 / 52.0
DEEPEST_IMPACT = 5.0
"""Log fall of BTC by this economy's sales at which others buy whatever is sold."""


@kernel
def student_scale(seed: int, replicate: int, week: int, degrees: int) -> float:
    """Factor that turns a standard normal into a unit-variance Student-t with integer `degrees`."""
    total = 0.0
    for draw in range(degrees):
        z = normal(seed, replicate, week, 0, Stream.STUDENT, draw // 4, draw % 4)
        total += z * z
    return math.sqrt((degrees - 2.0) / total)


@kernel
def jump(p: Record, seed: int, replicate: int, week: int) -> float:
    """Log jump of BTC this week: at most one, with mean, deviation and yearly intensity of `p`."""
    if p.shocks_jump_intensity <= 0.0:
        return 0.0
    probability = 1.0 - math.exp(-p.shocks_jump_intensity * WEEK)
    mean_growth = math.exp(p.shocks_jump_mean + 0.5 * p.shocks_jump_sd**2) - 1.0
    size = -math.log(1.0 + probability * mean_growth)  # the drift stays what the scenario says
    if uniform(seed, replicate, week, 0, Stream.JUMP, 0, 0) < probability:
        z = normal(seed, replicate, week, 0, Stream.JUMP, 1, 0)
        size += p.shocks_jump_mean + p.shocks_jump_sd * z
    return size


@kernel
def correlation(p: Record, tightness: float) -> float:
    """Correlation of BTC and compute rents, rising with tightness from its calm to its stress value."""
    return p.shocks_rho_calm + (p.shocks_rho_stress - p.shocks_rho_calm) * tightness


@kernel
def move_btc(economy: Economy, p: Record, seed: int, replicate: int, z: float) -> None:
    """New BTC price: a log-normal walk, optional fat tails and jumps, and last week's forced sales."""
    market = economy.market[0]
    week = market.week
    volatility = p.shocks_btc_volatility
    if p.shocks_student_df > 0:
        z *= student_scale(seed, replicate, week, p.shocks_student_df)
    market.btc_fundamental += (p.shocks_btc_drift - 0.5 * volatility * volatility) * WEEK
    market.btc_fundamental += volatility * math.sqrt(WEEK) * z + jump(p, seed, replicate, week)
    if economy.btc_path.shape[0] > 0:
        market.btc_fundamental = math.log(economy.btc_path[week])
    market.btc_impact *= math.exp(-p.credit_btc_recovery * WEEK)
    if p.channels_macro_funding:
        market.btc_impact -= market.btc_sold / p.credit_btc_depth
        market.btc_impact = max(market.btc_impact, -DEEPEST_IMPACT)
    market.btc_sold = 0.0
    market.btc_price = math.exp(market.btc_fundamental + market.btc_impact)


@kernel
def move_machine_rents(economy: Economy, p: Record, seed: int, replicate: int) -> None:
    """Mean-reverting deviation of each machine type's rent from its index (log)."""
    reversion = p.shocks_machine_rent_reversion
    keep = math.exp(-reversion * WEEK)
    variance = WEEK
    if reversion > 0.0:
        variance = (1.0 - keep * keep) / (2.0 * reversion)
    scale = p.shocks_machine_rent_volatility * math.sqrt(variance)
    week = economy.market[0].week
    for first in range(0, economy.machines.shape[0], 4):
        z = normal4(seed, replicate, week, first // 4, Stream.MACHINE_RENT, 0)
        for lane in range(4):
            m = first + lane
            if m < economy.machines.shape[0] and economy.machines[m].used:
                machine = economy.machines[m]
                machine.idiosyncratic = keep * machine.idiosyncratic + scale * z[lane]


@kernel
def draw_shocks(economy: Economy, p: Record, seed: int, replicate: int) -> None:
    """Draw the week's shocks; the tightness that sets their correlation is last week's."""
    market = economy.market[0]
    week = market.week
    market.rho = correlation(p, market.tightness)
    z_btc = normal(seed, replicate, week, 0, Stream.BTC, 0, 0)
    z_own = normal(seed, replicate, week, 0, Stream.RENT, 0, 0)
    z_rent = market.rho * z_btc + math.sqrt(1.0 - market.rho * market.rho) * z_own
    volatility = p.shocks_rent_volatility
    market.rent_shock += -0.5 * volatility * volatility * WEEK + volatility * math.sqrt(WEEK) * z_rent
    move_btc(economy, p, seed, replicate, z_btc)
    move_machine_rents(economy, p, seed, replicate)
