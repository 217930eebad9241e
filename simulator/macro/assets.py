"""The five asset classes of the funding pool: fundamentals, impact of sales, prices."""

import math

import numpy as np

from hashcredit.agents.compiled import kernel
from hashcredit.agents.dimensions import Record
from hashcredit.agents.units import WEEK
from hashcredit.simulator.books.randomness import Stream, normal
from hashcredit.simulator.macro.innovations import chance, drawn_as, innovation, innovation4
from hashcredit.simulator.state.pool import WITHOUT, Asset

DEEPEST_IMPACT = 5.0
"""Log fall of a price by sales at which others buy whatever is sold."""


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
    if chance(p, seed, replicate, week, 0, Stream.JUMP) < probability:
        z = innovation(p, seed, replicate, week, 0, Stream.JUMP, 1, 0)
        size += p.shocks_jump_mean + p.shocks_jump_sd * z
    return size


@kernel
def duration_loss(macro: Record, p: Record, asset: int) -> float:
    """Log fall of an asset's price since the opening because capital costs more: duration times the rise."""
    return p.assets_duration[asset] * (macro.cost_of_capital - macro.opening_cost)


@kernel
def fade_impact(asset: Record, p: Record, which: int, coins: float) -> None:
    """Impact of one asset a week on: it fades, and last week's sales press on it.

    coins    forced sales of BTC by this economy last week, M$
    """
    recovery = p.credit_btc_recovery if which == Asset.BTC else p.assets_recovery[which - 1]
    asset.impact *= math.exp(-recovery * WEEK)
    asset.impact -= asset.sold / p.assets_depth[which]
    if coins != 0.0:
        asset.impact -= coins / p.credit_btc_depth
    asset.impact = max(asset.impact, -DEEPEST_IMPACT)
    asset.sold = 0.0


@kernel
def set_price(asset: Record, loss: float) -> None:
    """`ln B = ln X + m - D (kappa - kappa_0)`."""
    asset.before = asset.relative
    asset.price = math.exp(asset.fundamental + asset.impact - loss)
    asset.relative = asset.price / asset.opening


@kernel
def move_btc_fundamental(
    macro: np.ndarray, assets: np.ndarray, btc_path: np.ndarray, p: Record, seed: int, replicate: int,
    week: int, z: float,
) -> None:  # fmt: skip
    """Log of BTC without impact and duration, in both worlds.

    A log-normal walk with optional fat tails and jumps. A price fed in is that of the world without this
    economy, so the fundamental is what is left of it.
    """
    own = assets[WITHOUT, Asset.BTC]
    volatility = p.asset_volatility[Asset.BTC]
    if p.shocks_student_df > 0:
        z *= student_scale(seed, drawn_as(p, replicate), week, p.shocks_student_df)
    own.fundamental += (p.shocks_btc_drift - 0.5 * volatility * volatility) * WEEK
    own.fundamental += volatility * math.sqrt(WEEK) * z + jump(p, seed, replicate, week)
    if btc_path.shape[0] > 0:
        given = math.log(btc_path[min(week, btc_path.shape[0] - 1)])
        own.fundamental = given - own.impact + duration_loss(macro[WITHOUT], p, Asset.BTC)
    for world in range(1, assets.shape[0]):
        assets[world, Asset.BTC].fundamental = own.fundamental


@kernel
def move_fundamentals(assets: np.ndarray, p: Record, seed: int, replicate: int, week: int, z: float) -> None:
    """Log fundamentals of the other classes, in both worlds: a common factor, which BTC's normal `z` shares,
    and an innovation of each class's own."""
    factor = p.assets_btc_loading * z
    common = innovation(p, seed, replicate, week, 1, Stream.ASSET, 0, 0)
    factor += math.sqrt(1.0 - p.assets_btc_loading**2) * common
    own = innovation4(p, seed, replicate, week, 0, Stream.ASSET, 0)
    for other in range(p.assets_loading.shape[0]):
        loading = p.assets_loading[other]
        volatility = p.asset_volatility[other + 1]
        step = loading * factor + math.sqrt(1.0 - loading * loading) * own[other]
        step = -0.5 * volatility * volatility * WEEK + volatility * math.sqrt(WEEK) * step
        for world in range(assets.shape[0]):
            assets[world, other + 1].fundamental += step


@kernel
def price_assets(
    macro: np.ndarray, assets: np.ndarray, btc_path: np.ndarray, p: Record, seed: int, replicate: int,
    week: int, z: float, coins: float,
) -> None:  # fmt: skip
    """Prices of the week in both worlds, at the cost of capital and with the sales of last week.

    macro, assets    MACRO[2], ASSET[2, 5]
    btc_path         USD by week, empty where BTC is drawn
    z                BTC's standard normal of the week
    coins            forced sales of BTC by this economy last week, M$
    """
    for world in range(assets.shape[0]):
        for asset in range(assets.shape[1]):
            fade_impact(assets[world, asset], p, asset, coins if world > 0 and asset == Asset.BTC else 0.0)
    move_btc_fundamental(macro, assets, btc_path, p, seed, replicate, week, z)
    move_fundamentals(assets, p, seed, replicate, week, z)
    for world in range(assets.shape[0]):
        for asset in range(assets.shape[1]):
            set_price(assets[world, asset], duration_loss(macro[world], p, asset))
