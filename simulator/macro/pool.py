"""The funding pool: what comes in and goes out, tightness, cost of capital; docs/odd.md, section 7.8."""

import math

import numpy as np

from hashcredit.agents.compiled import kernel
from hashcredit.agents.dimensions import Record
from hashcredit.agents.units import WEEK
from hashcredit.simulator.books.randomness import Stream
from hashcredit.simulator.macro.assets import price_assets
from hashcredit.simulator.macro.innovations import innovation
from hashcredit.simulator.macro.investors import investors_week, pay
from hashcredit.simulator.state.pool import WITH, Asset, MacroFlow, MacroPath, MacroSector


@kernel
def tightness_of(p: Record, pool: float) -> float:
    """Tightness, 0 to 1: a logistic that falls in the pool over its normal size, at which it is one half."""
    # beyond 500 the logistic is 0 or 1 to the last bit, and exp would overflow
    steep = p.funding_steepness * (pool / p.funding_normal - 1.0)
    return 1.0 / (1.0 + math.exp(min(500.0, max(-500.0, steep))))


@kernel
def pool_of(p: Record, tightness: float) -> float:
    """The pool (bn$) at a tightness strictly between 0 and 1: the inverse of `tightness_of`."""
    return p.funding_normal * (1.0 + (math.log1p(-tightness) - math.log(tightness)) / p.funding_steepness)


@kernel
def cost_of_capital(p: Record, tightness: float) -> float:
    """Policy rate and a premium that is convex in tightness, per year."""
    return p.credit_policy_rate + p.funding_premium + p.funding_premium_convexity * tightness * tightness


@kernel
def rank_by_conviction(investor: Record, conviction: np.ndarray) -> None:
    """Order an investor's assets, lowest conviction first; of equals the earlier class."""
    for asset in range(conviction.shape[0]):
        place = 0
        for other in range(conviction.shape[0]):
            earlier = conviction[other] == conviction[asset] and other < asset
            if conviction[other] < conviction[asset] or earlier:
                place += 1
        investor.order[place] = asset


@kernel
def money_of(macro: Record, investors: np.ndarray) -> float:
    """Sum of all accounts, bn$."""
    total = 0.0
    for sector in range(macro.cash.shape[0]):
        total += macro.cash[sector]
    for i in range(investors.shape[0]):
        total += investors[i].cash
    return total


@kernel
def open_funding(
    macro: np.ndarray, assets: np.ndarray, investors: np.ndarray, flows: np.ndarray, p: Record,
    tightness: float,
) -> None:  # fmt: skip
    """Pool, investors and prices of the opening, the same in both worlds.

    macro, assets, investors, flows    MACRO[2], ASSET[2, 5], INVESTOR[2, 5], [2, MacroFlow, MacroSector]
    tightness                          in the opening
    """
    flows[:] = 0.0
    for world in range(macro.shape[0]):
        own = macro[world]
        own.tightness = tightness
        own.cost_of_capital = cost_of_capital(p, tightness)
        own.opening_cost = own.cost_of_capital
        own.cash[:] = 0.0
        if 0.0 < tightness < 1.0:
            own.cash[MacroSector.POOL] = pool_of(p, tightness)
        own.lagged_capex = p.funding_lagged_capex0
        own.stock = 1.0
        own.hoard = 0.0
        own.residual = 0.0
        own.portfolio = 0.0
        for asset in range(assets.shape[1]):
            row = assets[world, asset]
            row.opening = p.shocks_btc_price0 if asset == Asset.BTC else 1.0
            row.fundamental = math.log(row.opening)
            row.impact = 0.0
            row.sold = 0.0
            row.price = row.opening
            row.relative = 1.0
            row.before = 1.0
            row.weight = 0.0
            for i in range(investors.shape[1]):
                row.weight += p.investors_holdings[i, asset]
            own.portfolio += row.weight
        own.portfolio_mean = own.portfolio
        for i in range(investors.shape[1]):
            investor = investors[world, i]
            investor.cash = p.investors_cash[i]
            investor.target = p.investors_cash[i]
            investor.holdings[:] = p.investors_holdings[i]
            investor.unit = 1.0
            investor.peak = 1.0
            investor.commitments = 0.0
            investor.redemptions = 0.0
            investor.sales = 0.0
            rank_by_conviction(investor, p.investors_conviction[i])
        own.opening_money = money_of(own, investors[world])


@kernel
def hoarding(macro: Record, assets: np.ndarray, p: Record) -> float:
    """What leaves the pool this week because prices fell, bn$; negative: it comes back as they recover.

    Savers hold a share of the shortfall of the investors' opening portfolio from its trailing mean.
    """
    portfolio = 0.0
    for asset in range(assets.shape[0]):
        portfolio += assets[asset].weight * assets[asset].relative
    macro.portfolio = portfolio
    macro.portfolio_mean += (portfolio - macro.portfolio_mean) / p.funding_hoarding_weeks
    wanted = p.funding_hoarding * max(0.0, macro.portfolio_mean - portfolio)
    change = wanted - macro.hoard
    macro.hoard = wanted
    return change


@kernel
def build_compute(macro: Record, p: Record, capex: float, opening_capex: float, week: int) -> None:
    """Hyperscalers' throughput at the end of the week: built by capex (bn$/yr), retired with age.

    At the opening's capex it grows in the first week by `compute.hyperscaler_growth`.
    """
    if opening_capex <= 0.0:
        return
    first = p.compute_hyperscaler_retirement + math.expm1(p.compute_hyperscaler_growth * WEEK) / WEEK
    build = max(0.0, first) * capex / opening_capex * math.exp(p.compute_hyperscaler_efficiency * week * WEEK)
    macro.stock += (build + min(0.0, first) - p.compute_hyperscaler_retirement * macro.stock) * WEEK
    macro.stock = max(0.0, macro.stock)


@kernel
def fund_week(
    macro: Record, assets: np.ndarray, investors: np.ndarray, flows: np.ndarray, p: Record,
    paths: np.ndarray, week: int, issuance: float, coins: float,
) -> None:  # fmt: skip
    """One week of the pool in one world, at this week's prices.

    macro, assets, investors, flows    a row of MACRO, ASSET[5], INVESTOR[5], [MacroFlow, MacroSector]
    paths                              [week, MacroPath]
    issuance, coins                    new debt less repayments of this economy, and its sales of coins, bn$
    """
    now = paths[min(week, paths.shape[0] - 1)]
    macro.water = 0.0
    macro.drain = 0.0
    external = now[MacroPath.EXTERNAL_SHARE] * now[MacroPath.CAPEX] * WEEK
    # what comes in (`water`)
    inflow = 0.0
    for i in range(investors.shape[0]):
        inflow += p.investors_inflow[i]
    yields = p.funding_saving_response * (macro.cost_of_capital - macro.opening_cost)
    saving = (p.funding_saving + yields - inflow) * WEEK
    pay(macro, flows, MacroFlow.SAVING, MacroSector.SAVERS, MacroSector.POOL, saving)
    bought = p.funding_plumbing * now[MacroPath.PURCHASES] * WEEK
    pay(macro, flows, MacroFlow.PURCHASES, MacroSector.AUTHORITY, MacroSector.POOL, bought)
    stimulus = p.funding_multiplier * (1.0 - macro.tightness) * macro.lagged_capex * WEEK
    pay(macro, flows, MacroFlow.MULTIPLIER, MacroSector.HYPERSCALERS, MacroSector.POOL, stimulus)
    returned = macro.cash[MacroSector.CLIENTS] * -math.expm1(-p.funding_return_speed * WEEK)
    pay(macro, flows, MacroFlow.RETURNS, MacroSector.CLIENTS, MacroSector.POOL, returned)
    # what goes out (`drain`)
    claimed = now[MacroPath.FISCAL] * WEEK
    pay(macro, flows, MacroFlow.FISCAL, MacroSector.POOL, MacroSector.GOVERNMENT, claimed)
    pay(macro, flows, MacroFlow.ISSUANCE, MacroSector.POOL, MacroSector.THIS_ECONOMY, issuance)
    pay(macro, flows, MacroFlow.ASSET_SALES, MacroSector.POOL, MacroSector.THIS_ECONOMY, coins)
    honoured = investors_week(macro, assets, investors, flows, p, external)
    hoarded = hoarding(macro, assets, p)
    pay(macro, flows, MacroFlow.HOARDING, MacroSector.POOL, MacroSector.SAVERS, hoarded)
    # capex draws last, and no more than there is: who is rationed builds less
    drawn = min(max(0.0, external - honoured), max(0.0, macro.cash[MacroSector.POOL]))
    pay(macro, flows, MacroFlow.CAPEX, MacroSector.POOL, MacroSector.HYPERSCALERS, drawn)
    macro.capex = now[MacroPath.CAPEX] + (honoured + drawn - external) / WEEK
    macro.lagged_capex += (macro.capex - macro.lagged_capex) * -math.expm1(-1.0 / p.funding_multiplier_weeks)
    build_compute(macro, p, macro.capex, paths[0, MacroPath.CAPEX], week)
    macro.tightness = tightness_of(p, macro.cash[MacroSector.POOL])
    macro.cost_of_capital = cost_of_capital(p, macro.tightness)
    measure(macro, investors)


@kernel
def measure(macro: Record, investors: np.ndarray) -> None:
    """Update the largest residual: no payment makes or loses money. NaN stays."""
    gross = 1.0
    for sector in range(macro.cash.shape[0]):
        gross += abs(macro.cash[sector])
    for i in range(investors.shape[0]):
        gross += abs(investors[i].cash)
    residual = abs(money_of(macro, investors) - macro.opening_money) / gross
    if residual > macro.residual or residual != residual:
        macro.residual = residual


@kernel
def run_pool(
    macro: np.ndarray, assets: np.ndarray, investors: np.ndarray, flows: np.ndarray,
    parameters: np.ndarray, paths: np.ndarray, btc_path: np.ndarray, tightness: float, issuance: np.ndarray,
    seed: int, replicate: int, macro_series: np.ndarray, asset_series: np.ndarray, flow_series: np.ndarray,
) -> None:  # fmt: skip
    """The pool by itself, without the market: open it and run one week for each row of `issuance`.

    macro, assets, investors, flows    MACRO[w], ASSET[w, 5], INVESTOR[w, 5], [w, MacroFlow, MacroSector];
                                       with one world (w = 1) nothing of this economy enters
    issuance                           new debt of this economy less repayments, bn$ [week]
    macro_series, asset_series         MACRO[week, w], ASSET[week, w, 5], filled; empty: not kept
    flow_series                        what each kind has brought the pool, bn$ [week, w, MacroFlow], likewise
    """
    p = parameters[0]
    open_funding(macro, assets, investors, flows, p, tightness)
    for week in range(issuance.shape[0]):
        z = innovation(p, seed, replicate, week, 0, Stream.BTC, 0, 0)
        price_assets(macro, assets, btc_path, p, seed, replicate, week, z, 0.0)
        for world in range(macro.shape[0]):
            own = issuance[week] if world == WITH else 0.0
            fund_week(macro[world], assets[world], investors[world], flows[world], p, paths, week, own, 0.0)
        if macro_series.shape[0] > week:
            macro_series[week] = macro
            asset_series[week] = assets
            flow_series[week] = flows[:, :, 0]
