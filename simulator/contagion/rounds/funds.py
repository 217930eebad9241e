"""One step of a market with leveraged funds: the price that clears it, trades, bankruptcies, inflows.

The excess demand times the price is a quadratic in the price between the prices at which a fund changes its
behaviour. So roots are found in closed form, walking from one such price to the next.
"""

import math

import numpy as np
from numpy.typing import NDArray

from hashcredit.agents.compiled import kernel

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]

NEAREST, HIGHEST, LOWEST = range(3)
"""Which of several clearing prices is taken."""


@kernel
def fund_demand(price: float, value: float, aggressiveness: float, most: float, wealth: float) -> float:
    """Units that a fund wants: wealth over price times `aggressiveness (value - price)`, up to `most`."""
    if price >= value or wealth <= 0.0:
        return 0.0
    return min(aggressiveness * (value - price), most) * wealth / price


@kernel
def excess_demand(
    price: float,
    noise: float,
    supply: float,
    value: float,
    most: float,
    aggressiveness: Floats,
    shares: Floats,
    cash: Floats,
) -> float:
    """Units demanded less units there are, with the funds' wealth at this price; `noise` is money."""
    excess = noise / price - supply
    for fund in range(shares.shape[0]):
        wealth = shares[fund] * price + cash[fund]
        excess += fund_demand(price, value, aggressiveness[fund], most, wealth)
    return excess


@kernel
def clearing_price(
    start: float,
    upwards: bool,
    noise: float,
    supply: float,
    value: float,
    most: float,
    aggressiveness: Floats,
    shares: Floats,
    cash: Floats,
) -> float:
    """The first price from `start` on, upwards or downwards, that clears the market; NaN if there is none.

    Funds without cash and shares are out of the market.
    """
    funds = shares.shape[0]
    price = start
    before = excess_demand(price, noise, supply, value, most, aggressiveness, shares, cash)
    if before == 0.0:
        return price
    while True:
        # The next price at which a fund starts or stops to buy, is at its limit, or has no wealth.
        end = math.inf if upwards else 0.0
        for index in range(2 * funds + 1):
            if index < funds:
                border = value - most / aggressiveness[index]
            elif index < 2 * funds:
                border = -cash[index - funds] / shares[index - funds] if shares[index - funds] > 0.0 else 0.0
            else:
                border = value
            if (upwards and price < border < end) or (not upwards and end < border < price):
                end = border

        # Price times excess demand in between: a p^2 + b p + c.
        middle = 0.5 * (price + end) if end < math.inf else 2.0 * price
        a, b, c = 0.0, -supply, noise
        if middle < value:
            for fund in range(funds):
                if shares[fund] * middle + cash[fund] <= 0.0:
                    continue
                if aggressiveness[fund] * (value - middle) < most:
                    a -= aggressiveness[fund] * shares[fund]
                    b += aggressiveness[fund] * (value * shares[fund] - cash[fund])
                    c += aggressiveness[fund] * value * cash[fund]
                else:
                    b += most * shares[fund]
                    c += most * cash[fund]
        low, high = min(price, end), max(price, end)
        found = math.nan
        square = b * b - 4.0 * a * c
        if square >= 0.0:
            half = -0.5 * (b + math.copysign(math.sqrt(square), b))
            for above, under in ((half, a), (c, half)):
                root = above / under if under != 0.0 else math.inf
                inside = low <= root <= high and 0.0 < root < math.inf
                if inside and not abs(root - price) >= abs(found - price):  # found may be NaN
                    found = root
        if not math.isnan(found):
            return found

        if end == math.inf or end == 0.0:
            return math.nan
        after = excess_demand(end, noise, supply, value, most, aggressiveness, shares, cash)
        if after == 0.0:
            return end
        if (after < 0.0) == (before > 0.0):  # a root at one of the borders, which rounding has put beyond it
            return end if abs(after) < abs(before) else price
        price, before = end, after


@kernel
def fund_step(
    last: float,
    noise: float,
    supply: float,
    value: float,
    most: float,
    rule: int,
    initial_wealth: float,
    bankrupt_below: float,
    wait: int,
    memory: float,
    sensitivity: float,
    benchmark: float,
    aggressiveness: Floats,
    shares: Floats,
    cash: Floats,
    performance: Floats,
    wealth: Floats,
    waiting: Integers,
    bankrupt: Booleans,
) -> float:
    """Clear the price, then fund by fund: trade, bankruptcy check, inflow. Returns the price.

    shares, cash, performance   [f] changed
    wealth                      [f] at the end of the last step, without its inflow (changed)
    waiting                     [f] steps until a bankrupt fund starts again, 0: in the market (changed)
    bankrupt                    [f] written: went bankrupt in this step
    """
    if rule == NEAREST:
        excess = excess_demand(last, noise, supply, value, most, aggressiveness, shares, cash)
        price = clearing_price(last, excess > 0.0, noise, supply, value, most, aggressiveness, shares, cash)
    elif rule == HIGHEST:
        top = 2.0 * max(value, noise / supply)  # no fund buys here, and the noise traders cannot hold all
        price = clearing_price(top, False, noise, supply, value, most, aggressiveness, shares, cash)
    else:
        bottom = 0.5 * min(value, noise / supply)  # noise traders alone want more than there is
        price = clearing_price(bottom, True, noise, supply, value, most, aggressiveness, shares, cash)

    for fund in range(shares.shape[0]):
        bankrupt[fund] = False
        if waiting[fund] > 0:
            waiting[fund] -= 1
            if waiting[fund] == 0:
                cash[fund] = initial_wealth
                wealth[fund] = initial_wealth
                performance[fund] = 0.0
            continue
        earned = shares[fund] * (price - last) / wealth[fund]
        now = shares[fund] * price + cash[fund]
        shares[fund] = fund_demand(price, value, aggressiveness[fund], most, now)
        cash[fund] = now - shares[fund] * price
        if now < bankrupt_below * initial_wealth:
            bankrupt[fund] = True
            waiting[fund] = wait
            shares[fund] = 0.0
            cash[fund] = 0.0
            wealth[fund] = 0.0
            continue
        performance[fund] = (1.0 - memory) * performance[fund] + memory * earned
        wealth[fund] = now
        cash[fund] += max(-1.0, sensitivity * (performance[fund] - benchmark)) * now
    return price


@kernel
def fund_steps(
    normals: Floats,
    persistence: float,
    volatility: float,
    supply: float,
    value: float,
    most: float,
    rule: int,
    initial_wealth: float,
    bankrupt_below: float,
    wait: int,
    memory: float,
    sensitivity: float,
    benchmark: float,
    aggressiveness: Floats,
    shares: Floats,
    cash: Floats,
    performance: Floats,
    waiting: Integers,
    prices: Floats,
    wealths: Floats,
    bankruptcies: Booleans,
) -> None:
    """All steps: `prices` [t], `wealths`, `bankruptcies` [t, f]; row 0 is the start."""
    usual = math.log(supply * value)
    noise = usual
    wealth = wealths[0].copy()
    for step in range(1, prices.shape[0]):
        noise = persistence * noise + volatility * normals[step - 1] + (1.0 - persistence) * usual
        prices[step] = fund_step(
            prices[step - 1], math.exp(noise), supply, value, most, rule, initial_wealth, bankrupt_below,
            wait, memory, sensitivity, benchmark, aggressiveness, shares, cash, performance, wealth, waiting,
            bankruptcies[step],
        )  # fmt: skip
        wealths[step] = wealth
