"""How distress spreads by one step: what each node newly lost makes its creditors lose."""

import numpy as np
from numpy.typing import NDArray

from hashcredit.agents.compiled import kernel

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]


@kernel
def distress_round(
    indptr: Integers,
    creditors: Integers,
    impacts: Floats,
    once: bool,
    level: Floats,
    passing: Floats,
    spent: Booleans,
    spreading: Integers,
    count: int,
    gain: Floats,
    next_spreading: Integers,
) -> tuple[int, float]:
    """Let `count` nodes in `spreading` pass on their distress, all at once.

    Row j of (indptr, creditors, impacts) holds who has a claim on j, as a fraction of its equity. `passing`
    is what a spreading node passes on: the change of its level (linear DebtRank), or, with `once`, the level
    at which it became distressed; a `spent` node never spreads again. Updates level, passing and spent,
    writes the nodes that spread next, and returns their number and the largest change of a level. A level
    ends at 1. Work array, all zeros before and after: gain[n].
    """
    touched = 0
    for place in range(count):
        j = spreading[place]
        for link in range(indptr[j], indptr[j + 1]):
            i = creditors[link]
            loss = impacts[link] * passing[j]
            if gain[i] == 0.0 and loss > 0.0:
                next_spreading[touched] = i
                touched += 1
            gain[i] += loss
    for place in range(count):
        passing[spreading[place]] = 0.0
    if 8 * touched > len(level):  # many: in the order of memory, which is twice as fast for the next round
        touched = 0
        for i in range(len(level)):
            if gain[i] > 0.0:
                next_spreading[touched] = i
                touched += 1
    fresh = 0
    largest = 0.0
    for place in range(touched):
        i = next_spreading[place]
        change = min(gain[i], 1.0 - level[i])
        gain[i] = 0.0
        largest = max(largest, change)
        level[i] = min(1.0, level[i] + change)
        if change > 0.0 and not spent[i]:
            spent[i] = once
            passing[i] = level[i] if once else change
            next_spreading[fresh] = i
            fresh += 1
    return fresh, largest
