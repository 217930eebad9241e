"""When two sums are the same amount: the rounding of a sum must not decide whether somebody defaults.

0.1 + 0.2 exceeds 0.3 in floating point, and five losses of 0.04 may exceed a capital of 0.2 in one order of
summation and not in another. So amounts that differ by less than one part in 10^12 are a tie everywhere in
this package: thousands of roundings fit into it, and no difference that a balance sheet could mean does.
"""

from hashcredit.agents.compiled import kernel

TIE = 1e-12
"""Relative difference up to which two amounts are the same."""


@kernel
def is_above(amount: float, limit: float) -> bool:
    """Whether an amount is greater than a limit >= 0, and not tied with it."""
    return amount - limit > TIE * limit


@kernel
def is_below(amount: float, limit: float) -> bool:
    """Whether an amount is smaller than a limit >= 0, and not tied with it."""
    return limit - amount > TIE * limit
