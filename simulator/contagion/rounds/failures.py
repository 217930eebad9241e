"""One round of a threshold cascade: what the latest failures cost, and who fails of it."""

import numpy as np
from numpy.typing import NDArray

from hashcredit.agents.compiled import kernel
from hashcredit.simulator.contagion.rounds.ties import is_above, is_below

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]


@kernel
def fails(loss: float, capital: float, weak: bool) -> bool:
    """Whether a loss exceeds the capital or, by the weak rule, reaches it; rounding breaks no tie."""
    if weak:
        return not is_below(loss, capital)
    return is_above(loss, capital)


@kernel
def failure_round(
    indptr: Integers,
    creditors: Integers,
    exposures: Floats,
    loss_share: float,
    capital: Floats,
    weak: bool,
    failing: Integers,
    count: int,
    claims_lost: Floats,
    failed: Booleans,
    next_failing: Integers,
) -> int:
    """Let the `count` latest failures strike their creditors, all at once, and return how many fail of it.

    Row j of (indptr, creditors, exposures) holds who has a claim on j and how large. `claims_lost` sums each
    node's claims on failed nodes, of which it loses `loss_share` (1 - recovery). Updates claims_lost and
    failed, and writes the new failures into next_failing[n].
    """
    for place in range(count):
        j = failing[place]
        for link in range(indptr[j], indptr[j + 1]):
            claims_lost[creditors[link]] += exposures[link]
    fresh = 0
    for place in range(count):
        j = failing[place]
        for link in range(indptr[j], indptr[j + 1]):
            i = creditors[link]
            if not failed[i] and fails(loss_share * claims_lost[i], capital[i], weak):
                failed[i] = True
                next_failing[fresh] = i
                fresh += 1
    return fresh
