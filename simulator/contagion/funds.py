"""Leveraged funds with margin calls: why leverage makes tails fat (Thurner, Farmer and Geanakoplos 2012)."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from hashcredit.simulator.contagion.errors import ContagionError
from hashcredit.simulator.contagion.inputs import (
    AMOUNT,
    ANY,
    POSITIVE,
    SHARE,
    Booleans,
    Floats,
    Range,
    as_choice,
    as_list,
    as_number,
    as_whole,
)
from hashcredit.simulator.contagion.rounds.funds import fund_steps

ROOTS = ("nearest", "highest", "lowest")
FUNDS = tuple(float(beta) for beta in range(5, 55, 5))
"""Aggressiveness of the paper's ten funds."""


@dataclass(frozen=True)
class LeveragedFunds:
    """A market with leveraged funds, step by step; index t = 0 is the start.

    prices        [t]
    wealths       [t, f] money after the trades of the step, before its inflow; 0 while out of the market
    bankruptcies  [t, f] went bankrupt in this step
    """

    prices: Floats
    wealths: Floats
    bankruptcies: Booleans


def simulate_leveraged_funds(
    maximum_leverage: float,
    steps: int = 20_000,
    seed: int = 0,
    *,
    normals: Any = None,
    aggressiveness: Any = FUNDS,
    supply: float = 1000.0,
    value: float = 1.0,
    initial_wealth: float = 2.0,
    bankrupt_below: float = 0.1,
    re_entry: int = 100,
    persistence: float = 0.99,
    volatility: float = 0.035,
    memory: float = 0.1,
    sensitivity: float = 0.15,
    benchmark: float = 0.005,
    root: str = "nearest",
) -> LeveragedFunds:
    """Value investors who borrow against what they hold, and noise traders (Thurner et al. 2012, section 2).

    Noise traders spend xi_t, log xi_t = persistence log xi_{t-1} + volatility chi_t + (1 - persistence) log(N
    V). A fund wants `min(beta (V - p), maximum_leverage) W(p) / p` units if p < V and its wealth
    W(p) = shares p + cash is positive, else none; p is such that all demand equals the supply N. In each step

    1. the price clears, with wealth taken at the new price;
    2. fund by fund: it trades at that price; it is bankrupt if its wealth is below `bankrupt_below` times the
       initial wealth, is out for `re_entry` steps (its units are on the market in the next step) and comes
       back with the initial wealth in cash; otherwise investors move `sensitivity (performance - benchmark)
       W`, at least -W, where performance is the mean with memory `memory` of the step's profit over the last
       wealth.

    Wealth that falls with the price makes demand rise with it for leveraged funds, so several prices can
    clear. `root` says which is taken: "nearest" is the first one on the way from the last price, upwards if
    there is excess demand at the last price and downwards if not; so after a fall it is the nearest one, from
    above. "highest" and "lowest" are the extremes. Roots are solutions of quadratics, exact to rounding.

    Parameters
    ----------
    maximum_leverage : float
        > 0; 1 is no borrowing.
    steps, seed : int
        Standard normals: NumPy's Philox of this seed, through the inverse of the normal distribution.
    normals : [steps], optional
        Standard normals to use instead; `steps` and `seed` are ignored.
    aggressiveness : [f]
        beta of each fund, > 0.

    Raises ContagionError for input that cannot be used.
    """
    most = as_number("maximum_leverage", maximum_leverage, POSITIVE)
    if normals is None:
        draws = _normals(as_whole("steps", steps, 0), as_whole("seed", seed, 0))
    else:
        draws = as_list("normals", normals)
    beta = as_list("aggressiveness", aggressiveness, POSITIVE)
    units, worth = as_number("supply", supply, POSITIVE), as_number("value", value, POSITIVE)
    start = as_number("initial_wealth", initial_wealth, POSITIVE)
    floor = as_number("bankrupt_below", bankrupt_below, Range(0.0, 1.0, False, False))
    wait = as_whole("re_entry", re_entry, 1)
    rule = ROOTS.index(as_choice("root", root, ROOTS))
    rest = (
        as_number("persistence", persistence, SHARE),
        as_number("volatility", volatility, AMOUNT),
        units, worth, most, rule, start, floor, wait,
        as_number("memory", memory, SHARE),
        as_number("sensitivity", sensitivity, AMOUNT),
        as_number("benchmark", benchmark),
    )  # fmt: skip
    funds, many = len(beta), len(draws) + 1
    prices, wealths = np.full(many, worth), np.full((many, funds), start)
    bankruptcies = np.zeros((many, funds), np.bool_)
    shares, cash, performance = np.zeros(funds), np.full(funds, start), np.zeros(funds)
    waiting = np.zeros(funds, np.int64)
    fund_steps(draws, *rest, beta, shares, cash, performance, waiting, prices, wealths, bankruptcies)
    return LeveragedFunds(prices, wealths, bankruptcies)


@dataclass(frozen=True)
class ReturnStatistics:
    """Of log returns r: fourth moment over the squared second, tail exponent, lag-1 autocorrelation of |r|.

    hill uses the greatest `tail` of |r| among the steps that end below the value; `tail_size` returns.
    """

    kurtosis: float
    hill: float
    autocorrelation: float
    tail_size: int


def return_statistics(
    prices: Any, value: float = 1.0, drop: int = 2000, tail: float = 0.01
) -> ReturnStatistics:
    """Kurtosis (3 for a normal), Hill exponent and clustering of the log returns of a price path.

    The first `drop` prices are left out. Hill: 1 / mean of ln(x_i / x) over the k greatest |r|, x being the
    next one, k the share `tail` of those returns after which the price is below the value, at least 1; NaN if
    there are not two of them.
    Raises ContagionError if fewer than three prices are left, and for prices that are not positive.
    """
    path = as_list("prices", prices, POSITIVE)
    first, share = as_whole("drop", drop, 0), as_number("tail", tail, Range(0.0, 1.0, False, False))
    worth = as_number("value", value, ANY)
    if len(path) - first < 3:
        raise ContagionError("drop", first, f"at least three of the {len(path)} prices left")
    path = path[first:]
    returns = np.diff(np.log(path))
    centred, size = returns - returns.mean(), np.abs(returns)
    spread = size - size.mean()
    below = np.sort(size[path[1:] < worth])[::-1]
    count = max(1, int(share * len(below)))
    hill = float(1.0 / np.log(below[:count] / below[count]).mean()) if len(below) > count else np.nan
    return ReturnStatistics(
        float((centred**4).mean() / (centred**2).mean() ** 2),
        hill,
        float((spread[1:] * spread[:-1]).sum() / (spread**2).sum()),
        count,
    )


def _normals(count: int, seed: int) -> Floats:
    """Standard normals from the words of NumPy's Philox, which are the same in every version of NumPy."""
    from scipy.special import ndtri

    words = np.random.Philox(key=seed).random_raw(count)
    normals: Floats = ndtri((np.asarray(words >> np.uint64(12), np.float64) + 0.5) * 2.0**-52)
    return normals
