"""Overlapping portfolios: banks that fail liquidate what others hold, too."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from hashcredit.simulator.contagion.errors import ContagionError
from hashcredit.simulator.contagion.inputs import (
    AMOUNT,
    SHARE,
    Booleans,
    Floats,
    Range,
    as_holdings,
    as_list,
    as_mask,
    as_number,
    as_whole,
)
from hashcredit.simulator.contagion.rounds.sales import liquidation_round

IMPACT = 1.0536
"""Liquidating a tenth of an asset costs it a tenth of its price: -ln(0.9)/0.1, as the paper rounds it."""


@dataclass(frozen=True)
class PortfolioCascade:
    """Where a cascade ended.

    failed   [b] those who failed, the first ones included
    prices   [k] 1 before the cascade
    losses   [b] money that each bank's holdings have lost
    rounds   liquidations that made somebody else fail
    """

    failed: Booleans
    prices: Floats
    losses: Floats
    rounds: int


def portfolio_cascade(
    holdings: Any, equity: Any, failed: Any = (), impact: float = IMPACT, shock: Any = 0.0
) -> PortfolioCascade:
    """Failures through common holdings (Caccioli, Shrestha, Moore and Farmer 2014), valued at the market.

    Who fails liquidates everything. The price of an asset of which the fraction x has been liquidated is
    `(1 - shock) exp(-impact x)`. A bank fails when what its holdings have lost is strictly greater than its
    equity; all that fail in a round liquidate together in the next. Failing earlier or later in the order
    makes no difference to who fails, because prices only fall. Banks in another order give the same to
    rounding.

    Parameters
    ----------
    holdings : [b, k], dense or SciPy sparse
        Money at a price of 1, >= 0.
    equity : [b], or one number for all
        Money before any loss, >= 0.
    failed : [b] booleans, or numbers of banks
        Who fails at the start.
    impact : float
        >= 0.
    shock : [k], or one number for all
        Part of its price that an asset has lost at the start, within [0, 1].

    Raises ContagionError for anything else.
    """
    held = as_holdings("holdings", holdings)
    banks, kinds = held.holders, held.assets
    own = as_list("equity", equity, AMOUNT, banks)
    gone = as_mask("failed", failed, banks)
    strength = as_number("impact", impact, AMOUNT)
    opening = 1.0 - as_list("shock", shock, SHARE, kinds)
    fresh, sold, prices = gone.copy(), np.zeros(kinds), opening.copy()
    total = held.of_assets()
    rounds = 0
    while liquidation_round(
        held.indptr, held.indices, held.values, own, total, opening, strength, gone, fresh, sold, prices
    ):
        rounds += 1
    return PortfolioCascade(gone, prices, held.of_holders(1.0 - prices), rounds)


def random_portfolios(
    banks: int, assets: int, diversification: float, rng: np.random.Generator, invested: float = 0.8
) -> Any:
    """Holdings on a random bipartite graph, as in Caccioli et al. (2014): a sparse matrix [banks, assets].

    Every bank holds every asset with probability `diversification / assets`, independently, and splits
    `invested` evenly over what it holds; a bank without any link holds nothing but cash.
    Raises ContagionError for sizes below 1, a diversification outside [0, assets], an investment below 0.
    """
    from scipy.sparse import csr_array

    rows, columns = as_whole("banks", banks, 1), as_whole("assets", assets, 1)
    mean = as_number("diversification", diversification, Range(0.0, float(columns)))
    amount = as_number("invested", invested, AMOUNT)
    if not isinstance(rng, np.random.Generator):
        raise ContagionError("rng", rng, "a numpy.random.Generator")
    degrees = rng.binomial(columns, mean / columns, rows)
    indptr = np.concatenate([[0], np.cumsum(degrees)])
    picks = [np.sort(rng.choice(columns, degree, replace=False)) for degree in degrees]
    values = np.repeat(amount / np.maximum(degrees, 1), degrees)
    indices = np.concatenate(picks).astype(np.int64)
    return csr_array((values, indices, indptr), shape=(rows, columns))
