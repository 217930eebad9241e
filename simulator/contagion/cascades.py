"""Threshold cascades: failures that take others with them (Gai and Kapadia 2010; Watts 2002)."""

from typing import Any

import numpy as np

from hashcredit.simulator.contagion.inputs import (
    AMOUNT,
    SHARE,
    Booleans,
    Floats,
    Integers,
    Network,
    as_choice,
    as_list,
    as_mask,
    as_network,
    as_number,
)
from hashcredit.simulator.contagion.rounds.failures import failure_round

RULES = ("strict", "weak")


def threshold_cascade(
    exposures: Any, capital: Any, failed: Any, recovery: float = 0.0, rule: str = "strict"
) -> Booleans:
    """Return which banks have failed when a cascade of failures has ended.

    Parameters
    ----------
    exposures : [n, n] array, nested lists or SciPy sparse matrix of any format
        exposures[i, j] is i's asset that is j's liability, >= 0; the diagonal is empty.
    capital : [n], or one number for all
        What a bank can lose, >= 0, in the unit of the exposures.
    failed : [n] booleans, or the numbers of the banks
        Who fails at the start, whatever its capital.
    recovery : float in [0, 1]
        Fraction of a claim on a failed bank that is paid.
    rule : "strict" or "weak"
        A bank fails when its loss exceeds its capital (strict, the paper's) or reaches it (weak). The weak
        rule fails a bank without capital in the first round, even without a loss.

    Returns
    -------
    [n] bool

    Notes
    -----
    The loss of a bank is (1 - recovery) times its claims on failed banks. Loss and capital are tied, and the
    strict rule spares the bank, if they differ by less than 1e-12 of the capital: five losses of 0.04 are
    0.2 in every order of summation. The set of failures is the smallest that is closed under the rule, so
    it depends neither on the order of failures nor on the numbering of the banks (equal to the bit).

    Raises ContagionError for input that cannot be used.

    Reference: Gai and Kapadia, Proceedings of the Royal Society A 466 (2010) 2401-2423, without
    fire sales of other assets.
    """
    return cascade_rounds(exposures, capital, failed, recovery, rule) >= 0


def cascade_rounds(
    exposures: Any, capital: Any, failed: Any, recovery: float = 0.0, rule: str = "strict"
) -> Integers:
    """Return the round (int64) of each bank's failure: 0 the start, -1 never; see `threshold_cascade`."""
    claims = as_network("exposures", exposures)
    buffers = as_list("capital", capital, AMOUNT, claims.nodes)
    first = as_mask("failed", failed, claims.nodes)
    loss_share = 1.0 - as_number("recovery", recovery, SHARE)
    weak = as_choice("rule", rule, RULES) == "weak"
    return _rounds(claims, buffers, first, loss_share, weak)


def watts_cascade(adjacency: Any, thresholds: Any, seeds: Any) -> Booleans:
    """Return which nodes are active when a cascade of adoption has ended.

    Parameters
    ----------
    adjacency : [n, n] array, nested lists or SciPy sparse matrix of any format
        adjacency[i, j] > 0 if i looks at j, whatever the weight; symmetric for the paper's networks.
    thresholds : [n], or one number for all
        A node becomes active when the active fraction of those whom it looks at reaches its threshold: at 0
        or below at once, above 1 never. A node that looks at nobody stays as it is.
    seeds : [n] booleans, or the numbers of the nodes
        Who is active at the start.

    Returns
    -------
    [n] bool

    Notes
    -----
    A fraction that differs from the threshold by less than 1e-12 of it has reached it. This is the
    threshold cascade with claims of 1, capital = threshold times number of neighbours, and the weak rule.

    Raises ContagionError for input that cannot be used.

    Reference: Watts, PNAS 99 (2002) 5766-5771.
    """
    return watts_rounds(adjacency, thresholds, seeds) >= 0


def watts_rounds(adjacency: Any, thresholds: Any, seeds: Any) -> Integers:
    """Return the round (int64) in which each node becomes active: 0 a seed, -1 never; see `watts_cascade`."""
    links = as_network("adjacency", adjacency)
    limits = as_list("thresholds", thresholds, size=links.nodes)
    first = as_mask("seeds", seeds, links.nodes)
    neighbours = np.diff(links.indptr)
    needed = np.where(neighbours > 0, np.maximum(limits, 0.0) * neighbours, np.inf)
    return _rounds(links._replace(values=np.ones(len(links.values))), needed, first, 1.0, weak=True)


def _rounds(claims: Network, capital: Floats, first: Booleans, loss_share: float, weak: bool) -> Integers:
    """Round of each failure, -1 for none."""
    nodes = claims.nodes
    held = claims.transposed()
    rounds = np.full(nodes, -1, np.int64)
    failing, following = np.empty(nodes, np.int64), np.empty(nodes, np.int64)
    failed, claims_lost = first.copy(), np.zeros(nodes)
    latest = np.flatnonzero(first)
    failing[: len(latest)] = latest
    count, number = len(latest), 0
    rounds[latest] = 0
    while count > 0 or number == 0:
        number += 1
        count = failure_round(
            *held, loss_share, capital, weak, failing, count, claims_lost, failed, following
        )
        if weak and number == 1:
            # Nobody's loss brings these down, so the round has not looked at them.
            empty = np.flatnonzero((capital == 0.0) & ~failed)
            failed[empty] = True
            following[count : count + len(empty)] = empty
            count += len(empty)
        rounds[following[:count]] = number
        failing, following = following, failing
    return rounds
