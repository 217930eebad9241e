"""Rounds of forced selling, each one kernel over numbers and arrays: fire sales, deleveraging, portfolios.

Holdings are compressed rows: the holder b has `values[indptr[b]:indptr[b + 1]]` of the assets
`indices[indptr[b]:indptr[b + 1]]`. Nothing is allocated here: results and work space are arguments.
"""

import math

import numpy as np
from numpy.typing import NDArray

from hashcredit.agents.compiled import kernel
from hashcredit.agents.impact import price_left

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]


@kernel
def sales_to_restore(
    price: float, holdings: Floats, cash: Floats, debt: Floats, minimum_ratio: Floats, sales: Floats
) -> float:
    """What each bank has to sell at a price to restore its ratio, into `sales`; returns the sum.

    Equity over what is kept at that price has to reach the minimum; who has no equity left sells everything
    (Cifuentes, Ferrucci and Shin 2005, equations 5 to 7).
    """
    total = 0.0
    for bank in range(holdings.shape[0]):
        equity = holdings[bank] * price + cash[bank] - debt[bank]
        kept = max(0.0, equity) / (minimum_ratio[bank] * price)
        sales[bank] = max(0.0, holdings[bank] - kept)
        total += sales[bank]
    return total


@kernel
def targeting_round(
    indptr: Integers,
    indices: Integers,
    weights: Floats,
    assets: Floats,
    leverage: Floats,
    shock: Floats,
    impact: Floats,
    returns: Floats,
    sales: Floats,
    moves: Floats,
    losses: Floats,
) -> None:
    """One round of leverage targeting (Greenwood, Landier and Thesmar 2015), linear throughout.

    weights      share of its assets that a bank has in each asset, by row
    assets, leverage    [b] value before the shock; debt over equity to which a bank returns
    shock, impact       [k] return of each asset; relative price move per unit of money sold
    Written: `returns` [b], `sales` [k] (money), `moves` [k] (second-round returns), `losses` [b] (money)
    """
    sales[:] = 0.0
    for bank in range(assets.shape[0]):
        returns[bank] = 0.0
        for entry in range(indptr[bank], indptr[bank + 1]):
            returns[bank] += weights[entry] * shock[indices[entry]]
        sold = -assets[bank] * leverage[bank] * returns[bank]
        for entry in range(indptr[bank], indptr[bank + 1]):
            sales[indices[entry]] += weights[entry] * sold
    for asset in range(sales.shape[0]):
        moves[asset] = -impact[asset] * sales[asset]
    for bank in range(assets.shape[0]):
        second = 0.0
        for entry in range(indptr[bank], indptr[bank + 1]):
            second += weights[entry] * moves[indices[entry]]
        losses[bank] = -assets[bank] * second


@kernel
def deleveraging_round(
    indptr: Integers,
    indices: Integers,
    quantities: Floats,
    orders: Floats,
    cash: Floats,
    loan: Floats,
    other_assets: Floats,
    other_liabilities: Floats,
    alive: Booleans,
    dumping: Booleans,
    prices: Floats,
    impact: Floats,
    total: Floats,
    sold: Floats,
    received: Floats,
    equity: Floats,
    default_below: float,
    act_below: float,
    target: float,
) -> None:
    """Orders of the last round execute, then everybody looks at the new prices and decides.

    quantities, orders   [entries] held, and queued for sale since the last round (both changed)
    cash, loan, alive    [b] changed; `dumping`: defaulted in the last round, sells all that is left (changed)
    prices               [k] changed; `total`: quantity of each asset that all held at the start
    sold, received       [k] written: quantity sold in this round, and the price that sellers got
    equity               [b] written: after the sales, at the new prices
    """
    sold[:] = 0.0
    for holder in range(cash.shape[0]):
        for entry in range(indptr[holder], indptr[holder + 1]):
            if dumping[holder]:
                orders[entry] = quantities[entry]
            sold[indices[entry]] += orders[entry]
    for asset in range(prices.shape[0]):
        old = prices[asset]
        if sold[asset] > 0.0:
            prices[asset] = old * price_left(impact[asset] * sold[asset] / total[asset])
        received[asset] = 0.5 * (old + prices[asset])

    for holder in range(cash.shape[0]):
        dumping[holder] = False
        value = 0.0
        for entry in range(indptr[holder], indptr[holder + 1]):
            cash[holder] += orders[entry] * received[indices[entry]]
            quantities[entry] -= orders[entry]
            orders[entry] = 0.0
            value += quantities[entry] * prices[indices[entry]]
        assets = cash[holder] + value + other_assets[holder]
        equity[holder] = assets - loan[holder] - other_liabilities[holder]
        if not alive[holder]:
            continue
        # Without assets the ratio is that of whoever owes something: below any level.
        ratio = equity[holder] / assets if assets > 0.0 else (-math.inf if equity[holder] < 0.0 else math.inf)
        if ratio < default_below:
            alive[holder] = False
            dumping[holder] = True
        elif ratio < act_below:
            need = max(0.0, assets - equity[holder] / target)
            missing = max(0.0, need - cash[holder])
            paid = min(need, cash[holder], loan[holder])
            cash[holder] -= paid
            loan[holder] -= paid
            if missing > 0.0 and value > 0.0:
                share = min(1.0, missing / value)
                for entry in range(indptr[holder], indptr[holder + 1]):
                    orders[entry] = share * quantities[entry]


@kernel
def liquidation_round(
    indptr: Integers,
    indices: Integers,
    values: Floats,
    equity: Floats,
    total: Floats,
    opening: Floats,
    impact: float,
    failed: Booleans,
    fresh: Booleans,
    sold: Floats,
    prices: Floats,
) -> int:
    """Banks that have just failed liquidate, prices fall, and others may fail; returns how many do.

    values           [entries] holdings at a price of 1; `total` [k]: their sum over all banks
    equity           [b] before any loss; `opening` [k]: price before anybody liquidates
    failed, fresh    [b] changed: ever, and since the last round
    sold, prices     [k] changed: value liquidated so far (at a price of 1); written: prices after it
    A bank fails when its loss is strictly greater than its equity.
    """
    banks = equity.shape[0]
    for bank in range(banks):
        if fresh[bank]:
            fresh[bank] = False
            for entry in range(indptr[bank], indptr[bank + 1]):
                sold[indices[entry]] += values[entry]
    for asset in range(prices.shape[0]):
        if sold[asset] > 0.0:
            prices[asset] = opening[asset] * price_left(impact * min(1.0, sold[asset] / total[asset]))
        else:
            prices[asset] = opening[asset]
    count = 0
    for bank in range(banks):
        if failed[bank]:
            continue
        loss = 0.0
        for entry in range(indptr[bank], indptr[bank + 1]):
            loss += values[entry] * (1.0 - prices[indices[entry]])
        if loss > equity[bank]:
            failed[bank] = True
            fresh[bank] = True
            count += 1
    return count
