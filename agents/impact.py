"""What selling does to a price: exponential impact, the rule of every sale here that has a depth."""

import math

from hashcredit.agents.compiled import kernel


@kernel
def price_left(pressure: float) -> float:
    """Price after a sale over the price before (a fraction): exp(-pressure).

    `pressure` is what is sold over the market's depth, the sale that moves the price by a factor e (Caccioli
    et al. 2014, equation 2; Cont and Schaanning 2017, appendix).
    """
    return math.exp(-pressure)


@kernel
def average_left(pressure: float) -> float:
    """Mean price of a sale made bit by bit over the price before it: (1 - exp(-pressure)) / pressure."""
    if pressure < 1e-12:
        return 1.0
    return -math.expm1(-pressure) / pressure
