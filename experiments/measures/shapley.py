"""Shapley values and interactions of a game whose worth is known for every coalition of its players.

Both are written as weighted sums of differences between coalitions, so that a player who changes nothing gets
exactly zero, and not what rounding leaves.
"""

from itertools import combinations
from math import comb

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def coalitions(players: int) -> NDArray[np.bool_]:
    """All coalitions, bool [2^players, players]: row r has the players whose bits are set in r.

    The first row is empty, the last one has all.
    """
    rows = np.arange(2**players)
    members: NDArray[np.bool_] = (rows[:, None] >> np.arange(players)) % 2 == 1
    return members


def shapley_values(worth: Floats) -> Floats:
    """What each player adds, averaged over the orders in which all may join (Shapley 1953).

    worth    worth of every coalition [2^n, ...] in the order of `coalitions`, in any unit

    Returns [n, ...] in the same unit. The values add up to the worth of all less that of none. A coalition
    S is met before player i in |S|! (n - |S| - 1)! of n! orders.
    """
    n = players_in(worth)
    members = coalitions(n)
    values = np.zeros((n, *worth.shape[1:]))
    for i in range(n):
        for row in np.flatnonzero(~members[:, i]):
            weight = 1.0 / (n * comb(n - 1, int(members[row].sum())))
            values[i] += weight * (worth[row | 1 << i] - worth[row])
    return values


def shapley_interactions(worth: Floats) -> dict[tuple[int, int], Floats]:
    """How much more each pair adds together than its two players apart (Grabisch and Roubens 1999).

    worth    as in `shapley_values`

    Returns for every pair (i, j), i < j, the sum over coalitions S without both of them of
    |S|! (n - |S| - 2)! / (n - 1)! (v(S + i + j) - v(S + i) - v(S + j) + v(S)), in the unit of the worth:
    positive where they reinforce each other, negative where one does what the other would have done.
    """
    n = players_in(worth)
    members = coalitions(n)
    found: dict[tuple[int, int], Floats] = {}
    for i, j in combinations(range(n), 2):
        total = np.zeros(worth.shape[1:])
        for row in np.flatnonzero(~members[:, i] & ~members[:, j]):
            weight = 1.0 / ((n - 1) * comb(n - 2, int(members[row].sum())))
            with_i, with_j = row | 1 << i, row | 1 << j
            total += weight * ((worth[with_i | with_j] - worth[with_i]) - (worth[with_j] - worth[row]))
        found[i, j] = total
    return found


def players_in(worth: Floats) -> int:
    """Number of players of a game given by the worths of all coalitions; ValueError if some are missing."""
    n = len(worth).bit_length() - 1
    if len(worth) != 2**n:
        raise ValueError(f"a game of n players has 2^n worths, got {len(worth)}")
    return n
