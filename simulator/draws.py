"""Named draws of the opening week: pure functions of (seed, replicate, stream, agent, index)."""

import numpy as np

from hashcredit.agents.compiled import kernel
from hashcredit.simulator.ledger import sum_of
from hashcredit.simulator.randomness import normal, uniform


@kernel
def opening_normal(seed: int, replicate: int, stream: int, agent: int, index: int) -> float:
    """Standard normal number `index` of an agent's opening draws."""
    return normal(seed, replicate, 0, agent, stream, index // 4, index % 4)


@kernel
def opening_uniform(seed: int, replicate: int, stream: int, agent: int, index: int) -> float:
    """Uniform number `index` (other words than the normal of that index) of an agent's opening draws."""
    return uniform(seed, replicate, 1, agent, stream, index // 4, index % 4)


@kernel
def pick(shares: np.ndarray, u: float) -> int:
    """Index drawn with probabilities proportional to `shares` by a uniform number."""
    target = u * sum_of(shares)
    total = 0.0
    last = 0
    for index in range(shares.shape[0]):
        if shares[index] > 0.0:
            total += shares[index]
            last = index
            if target < total:
                return index
    return last
