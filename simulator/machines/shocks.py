"""Phase `shocks`: the week's joint innovations of asset prices, the rent index and machine-specific rents."""

import math

from hashcredit.agents.compiled import kernel
from hashcredit.agents.dimensions import Record
from hashcredit.agents.units import WEEK
from hashcredit.simulator.books.randomness import Stream
from hashcredit.simulator.macro.assets import price_assets
from hashcredit.simulator.macro.conditions import world_seen
from hashcredit.simulator.macro.innovations import innovation, innovation4
from hashcredit.simulator.state.economy import Economy
from hashcredit.simulator.state.pool import Asset


@kernel
def correlation(p: Record, tightness: float) -> float:
    """Correlation of BTC and compute rents, rising with tightness from its calm to its stress value."""
    return p.shocks_rho_calm + (p.shocks_rho_stress - p.shocks_rho_calm) * tightness


@kernel
def move_prices(economy: Economy, p: Record, seed: int, replicate: int, z: float) -> None:
    """Prices of the five asset classes; BTC's is that of the world that agents see."""
    clock, market = economy.clock[0], economy.market[0]
    price_assets(
        economy.macro,
        economy.assets,
        economy.btc_path,
        p,
        seed,
        replicate,
        clock.week,
        z,
        market.btc_sold,
    )
    market.coins_seen = market.btc_sold
    market.btc_sold = 0.0
    market.btc_price = economy.assets[world_seen(p), Asset.BTC].price


@kernel
def move_machine_rents(economy: Economy, p: Record, seed: int, replicate: int) -> None:
    """Mean-reverting deviation of each machine type's rent from its index (log)."""
    reversion = p.shocks_machine_rent_reversion
    keep = math.exp(-reversion * WEEK)
    variance = WEEK
    if reversion > 0.0:
        variance = (1.0 - keep * keep) / (2.0 * reversion)
    scale = p.shocks_machine_rent_volatility * math.sqrt(variance)
    week = economy.clock[0].week
    for first in range(0, economy.machines.shape[0], 4):
        z = innovation4(p, seed, replicate, week, first // 4, Stream.MACHINE_RENT, 0)
        for lane in range(4):
            m = first + lane
            if m < economy.machines.shape[0] and economy.machines[m].used:
                machine = economy.machines[m]
                machine.idiosyncratic = keep * machine.idiosyncratic + scale * z[lane]


@kernel
def draw_shocks(economy: Economy, p: Record, seed: int, replicate: int) -> None:
    """Draw the week's shocks; the tightness that sets their correlation is last week's."""
    clock, market = economy.clock[0], economy.market[0]
    week = clock.week
    market.rho = correlation(p, market.tightness)
    z_btc = innovation(p, seed, replicate, week, 0, Stream.BTC, 0, 0)
    z_own = innovation(p, seed, replicate, week, 0, Stream.RENT, 0, 0)
    z_rent = market.rho * z_btc + math.sqrt(1.0 - market.rho * market.rho) * z_own
    volatility = p.shocks_rent_volatility
    market.rent_shock += -0.5 * volatility * volatility * WEEK + volatility * math.sqrt(WEEK) * z_rent
    move_prices(economy, p, seed, replicate, z_btc)
    move_machine_rents(economy, p, seed, replicate)
