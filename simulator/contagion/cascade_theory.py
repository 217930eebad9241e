"""What random networks of infinite size do: windows of contagion, its probability and its extent.

Gai and Kapadia (2010): directed Erdos-Renyi networks in which every bank has one unit of assets, of which
`interbank_share` are loans to its borrowers in equal parts, and `capital`. Watts (2002): undirected ones.
In both, the degrees of nodes are Poisson with a mean of z.
"""

import math
from collections.abc import Callable

import numpy as np

from hashcredit.simulator.contagion.cascades import RULES
from hashcredit.simulator.contagion.inputs import SHARE, Range, as_choice, as_number
from hashcredit.simulator.contagion.rounds.failures import fails

LARGEST_DEGREE = 10_000
"""Largest mean degree; whoever is vulnerable with so many neighbours always is."""


def gai_kapadia_window(
    interbank_share: float = 0.2, capital: float = 0.04, recovery: float = 0.0, rule: str = "strict"
) -> tuple[float, float]:
    """Return the mean degrees between which the failure of one bank can spread through an infinite network.

    A bank is vulnerable if one failed borrower brings it down, that is with at most J borrowers. The window
    is where z P(Poisson(z) <= J - 1) > 1: a failure brings down more than one lender. Shares of a bank's
    assets, in [0, 1]; recovery, rule and ties as in `threshold_cascade`. (nan, nan) if there is no window.
    """
    lost, weak = _checked(interbank_share, capital, recovery, rule)
    return _window(_most(lambda j: fails(lost / j, capital, weak)) - 1)


def watts_window(threshold: float) -> tuple[float, float]:
    """Return the mean degrees between which one seed can set off a global cascade in an infinite network.

    A node with k neighbours is vulnerable if 1 / k reaches the threshold, that is with at most K neighbours,
    K = floor(1 / threshold). The window is where z P(Poisson(z) <= K - 2) > 1. The threshold is in [0, 1];
    ties as in `watts_cascade`. (nan, nan) if there is no window.
    """
    limit = as_number("threshold", threshold, SHARE)
    return _window(_most(lambda k: fails(1.0, limit * k, True)) - 2)


def gai_kapadia_probability(
    mean_degree: float,
    interbank_share: float = 0.2,
    capital: float = 0.04,
    recovery: float = 0.0,
    rule: str = "strict",
) -> float:
    """Return the probability that the failure of one random bank spreads through an infinite network.

    1 - exp(-z (1 - u)), where u is the smallest root of u = 1 - v + v exp(-z (1 - u)): the chance that a loan
    leads to no outbreak. v = P(Poisson(z) <= J - 1) is the chance that its lender is vulnerable: it has this
    borrower and Poisson many others. Arguments as in `gai_kapadia_window`.
    """
    from scipy.special import pdtr

    z = as_number("mean_degree", mean_degree, Range(0.0, LARGEST_DEGREE))
    lost, weak = _checked(interbank_share, capital, recovery, rule)
    most = _most(lambda j: fails(lost / j, capital, weak))
    reach = z * float(pdtr(most - 1, z)) if most > 0 else 0.0
    # With w = z (1 - u): the largest root of w = z v (1 - exp(-w)), positive if z v > 1.
    if reach <= 1.0 + 1e-12:
        return 0.0
    return -math.expm1(-_root(lambda w: -reach * math.expm1(-w) - w, math.log(reach), reach))


def gai_kapadia_extent(
    mean_degree: float,
    interbank_share: float = 0.2,
    capital: float = 0.04,
    recovery: float = 0.0,
    rule: str = "strict",
) -> float:
    """Return the fraction of banks that fail in an infinite network if contagion spreads.

    The largest fixed point of f = sum_j Poisson(j; z) P(Binomial(j, f) >= need_j), where need_j of its j
    borrowers must fail to bring a bank down. Found from above. Arguments as in `gai_kapadia_window`.
    """
    from scipy.special import bdtrc
    from scipy.stats import poisson

    z = as_number("mean_degree", mean_degree, Range(0.0, LARGEST_DEGREE))
    lost, weak = _checked(interbank_share, capital, recovery, rule)
    degrees = np.arange(1, int(z + 12.0 * math.sqrt(z)) + 40)  # beyond, less than a rounding
    weights = poisson.pmf(degrees, z)
    needed = np.array([_needed(int(j), lost, capital, weak) for j in degrees])
    possible, certain = needed <= degrees, float(weights[needed == 0].sum())
    if weak and capital == 0.0:
        certain += math.exp(-z)  # without borrowers, and without capital
    counted = possible & (needed > 0)
    degrees, weights, needed = degrees[counted], weights[counted], needed[counted]
    extent, following = 1.0, 0.0
    for _ in range(100_000):
        following = certain + float(bdtrc(needed - 1.0, degrees, extent) @ weights)
        if extent - following <= 1e-14:
            break
        extent = following
    return following


def _checked(interbank_share: float, capital: float, recovery: float, rule: str) -> tuple[float, bool]:
    """What a bank loses if all its borrowers fail, and whether the weak rule holds."""
    lost = as_number("interbank_share", interbank_share, SHARE) * (
        1.0 - as_number("recovery", recovery, SHARE)
    )
    as_number("capital", capital, SHARE)
    return lost, as_choice("rule", rule, RULES) == "weak"


def _needed(borrowers: int, lost: float, capital: float, weak: bool) -> int:
    """How many of its borrowers must fail to bring a bank down; one more than it has if not even all do."""
    few, enough = -1, borrowers + 1
    while enough - few > 1:
        middle = (few + enough) // 2
        if fails(middle * lost / borrowers, capital, weak):
            enough = middle
        else:
            few = middle
    return enough


def _most(is_vulnerable: Callable[[int], bool]) -> int:
    """The largest degree that is vulnerable, where all smaller ones are; 0 if none is."""
    vulnerable, safe = 0, LARGEST_DEGREE + 1
    while safe - vulnerable > 1:
        middle = (vulnerable + safe) // 2
        if is_vulnerable(middle):
            vulnerable = middle
        else:
            safe = middle
    return vulnerable


def _window(others: int) -> tuple[float, float]:
    """Where z P(Poisson(z) <= others) > 1; this rises to one peak and falls."""
    from scipy.optimize import minimize_scalar
    from scipy.special import pdtr

    if others >= LARGEST_DEGREE - 2:
        return 1.0, math.inf
    if others < 0:
        return math.nan, math.nan

    def excess(z: float) -> float:
        return z * float(pdtr(others, z)) - 1.0

    far = others + 10.0 * math.sqrt(others + 1.0) + 10.0
    peak = float(minimize_scalar(lambda z: -excess(z), bounds=(0.0, far), method="bounded").x)
    if excess(peak) <= 0.0:
        return math.nan, math.nan
    return _root(excess, 0.0, peak), _root(excess, peak, far)


def _root(function: Callable[[float], float], low: float, high: float) -> float:
    from scipy.optimize import brentq

    return float(brentq(function, low, high, xtol=1e-14, rtol=1e-14))
