"""Fire sales of one kind of asset under a minimum ratio, and of many kinds under leverage targeting."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from hashcredit.simulator.contagion.errors import ContagionError
from hashcredit.simulator.contagion.inputs import (
    AMOUNT,
    POSITIVE,
    Floats,
    Range,
    as_holdings,
    as_list,
    as_number,
)
from hashcredit.simulator.contagion.rounds.sales import sales_to_restore, targeting_round

NEWTON_STEPS = 200
"""More than any root needs: a double root, where every step halves the distance, takes about 60."""


@dataclass(frozen=True)
class FireSale:
    """Equilibrium of banks that restore a ratio by selling.

    price   of the illiquid asset, 1 before the sale
    sales   [b] units sold
    equity  [b] at that price: holdings + cash - debt
    sold_out [b] whether a bank sold all it held, its equity gone
    """

    price: float
    sales: Floats
    equity: Floats
    sold_out: Any


def restoring_sale(holdings: Any, cash: Any, debt: Any, minimum_ratio: Any, impact: float) -> FireSale:
    """The smallest sales that restore every bank's ratio (Cifuentes, Ferrucci and Shin 2005).

    A bank's ratio is `(p e + cash - debt) / (p (e - s))` for holdings e and sale s, and has to be at least
    `minimum_ratio`: cash weighs nothing, holdings and sales count at the price p after the sale. The price is
    `p = exp(-impact * (sum of all sales))`. A bank whose equity is zero or less at that price sells
    everything and does not meet the ratio: the case without interior solution.

    Which equilibrium: the greatest price, which is the smallest sale in total and for every bank, since no
    bank sells less at a lower price. It is found exactly: in 1/p, between the prices at which a bank starts
    to sell or is sold out, the condition is convex, and Newton's method from the greater price reaches the
    first root.

    Parameters
    ----------
    holdings, cash, debt : float or [b]
        Units of the illiquid asset, money, money; all >= 0.
    minimum_ratio : float or [b]
        Strictly between 0 and 1.
    impact : float
        >= 0, per unit sold.

    Raises ContagionError for anything else.
    """
    units = np.atleast_1d(as_list("holdings", np.atleast_1d(holdings), AMOUNT))
    banks = len(units)
    money = as_list("cash", cash, AMOUNT, banks)
    owed = as_list("debt", debt, AMOUNT, banks)
    ratio = as_list("minimum_ratio", minimum_ratio, Range(0.0, 1.0, False, False), banks)
    strength = as_number("impact", impact, AMOUNT)
    price = _greatest_price(units, owed - money, ratio, strength)
    sales = np.empty(banks)
    sales_to_restore(price, units, money, owed, ratio, sales)
    equity = units * price + money - owed
    return FireSale(float(price), sales, equity, (sales >= units) & (units > 0.0))


def _greatest_price(units: Floats, net_debt: Floats, ratio: Floats, impact: float) -> float:
    """Greatest root of `ln p + impact * S(p) = 0`, S being what all sell at p."""
    seller = (units > 0.0) & (net_debt > 0.0)  # anybody else keeps a ratio above 1
    units, net_debt, ratio = units[seller], net_debt[seller], ratio[seller]
    sold_out = net_debt / units  # at this price and below; equity is zero
    starts = sold_out / (1.0 - ratio)
    borders = np.unique(np.concatenate([starts, sold_out]))[::-1]
    high = 1.0
    for low in [*borders[borders < 1.0], 0.0]:
        middle = 0.5 * (high + low)
        gone, selling = sold_out >= middle, (sold_out < middle) & (starts > middle)
        # What all sell in between is `fixed + slope / p`.
        fixed = units[gone].sum() + (units[selling] * (1.0 - 1.0 / ratio[selling])).sum()
        slope = (net_debt[selling] / ratio[selling]).sum()
        inverse = _first_root(1.0 / high, impact * fixed, impact * slope)
        if inverse * low <= 1.0:
            return 1.0 / inverse
        high = low
    return high  # not reached: below the last border the sales are constant, and a root exists


def _first_root(start: float, fixed: float, slope: float) -> float:
    """First root, or infinity, of the convex `-ln u + fixed + slope u` from `start` on, where it is >= 0."""
    u = start
    for _ in range(NEWTON_STEPS):
        excess, derivative = -math.log(u) + fixed + slope * u, slope - 1.0 / u
        if excess <= 0.0:
            return u
        if derivative >= 0.0:
            return math.inf
        following = u - excess / derivative
        if following <= u:
            return u
        u = following
    return u


@dataclass(frozen=True)
class LeverageTargeting:
    """One round of leverage targeting after a shock.

    returns               [b] of each bank's assets, from the shock
    sales                 [k] money of each asset sold (negative: bought)
    price_moves           [k] second-round returns that the sales cause
    losses                [b] money that each bank loses by them
    aggregate_vulnerability   sum of these losses over the equity of all
    systemicness          [b] each bank's part in it: what it sells, on everybody's balance sheet; adds up to
    it direct_vulnerability  [b] loss by the shock itself over own equity
    indirect_vulnerability [b] loss by the sales over own equity
    """

    returns: Floats
    sales: Floats
    price_moves: Floats
    losses: Floats
    aggregate_vulnerability: float
    systemicness: Floats
    direct_vulnerability: Floats
    indirect_vulnerability: Floats


def leverage_targeting(
    equity: Any, debt: Any, weights: Any, impact: Any, shock: Any, leverage: Any = None
) -> LeverageTargeting:
    """Banks that return to their leverage by selling in proportion (Greenwood, Landier and Thesmar 2015).

    Linear as in the paper's equations 1 to 7: a gain makes banks buy, and nothing stops a bank from selling
    more than it has when the shock exceeds 1/(1 + leverage) of its assets.

    Parameters
    ----------
    equity, debt : [b]
        Money before the shock; equity > 0, debt >= 0.
    weights : [b, k], dense or SciPy sparse
        Share of a bank's assets in each asset, >= 0; a row adds up to 1 at most, the rest is neither hit nor
        sold.
    impact : float or [k]
        >= 0, relative price move per unit of money sold.
    shock : [k]
        Return of each asset, such as -0.02; >= -1.
    leverage : [b], optional
        Debt over equity to which banks return; what they start with unless given. >= 0.

    Raises ContagionError for anything else.
    """
    own = as_list("equity", equity, POSITIVE)
    banks = len(own)
    owed = as_list("debt", debt, AMOUNT, banks)
    moved = as_list("shock", shock, Range(-1.0))
    kinds = len(moved)
    share = as_holdings("weights", weights, banks, kinds)
    rows = share.of_holders()
    if np.any(rows > 1.0 + 1e-9):
        bank = int(np.argmax(rows > 1.0 + 1e-9))
        raise ContagionError(f"weights[{bank}]", float(rows[bank]), "shares that add up to 1 at most")
    strength = as_list("impact", impact, AMOUNT, kinds)
    aim = owed / own if leverage is None else as_list("leverage", leverage, AMOUNT, banks)
    assets = own + owed
    returns, losses, sales, moves = np.empty(banks), np.empty(banks), np.empty(kinds), np.empty(kinds)
    targeting_round(
        share.indptr, share.indices, share.values, assets, aim, moved, strength, returns, sales, moves, losses
    )
    everybody = float(own.sum())
    # What one unit of money sold of each asset costs all banks together, times what each bank sells of it.
    cost = strength * share.of_assets(assets)
    systemicness = -assets * aim * returns * share.of_holders(cost) / everybody
    return LeverageTargeting(
        returns,
        sales,
        moves,
        losses,
        float(losses.sum()) / everybody,
        systemicness,
        -assets * returns / own,
        losses / own,
    )
