"""Named draws of the opening week: pure functions of (seed, replicate, stream, agent, index)."""

from hashcredit.agents.compiled import kernel
from hashcredit.simulator.randomness import normal, uniform


@kernel
def opening_normal(seed, replicate, stream, agent, index):
    """Standard normal number `index` of an agent's opening draws."""
    return normal(seed, replicate, 0, agent, stream, index // 4, index % 4)


@kernel
def opening_uniform(seed, replicate, stream, agent, index):
    """Uniform number `index` (other words than the normal of that index) of an agent's opening draws."""
    return uniform(seed, replicate, 1, agent, stream, index // 4, index % 4)


@kernel
def pick(shares, u):
    """Index drawn with probabilities proportional to `shares` by a uniform number."""
    target = u * shares.sum()
    total = 0.0
    last = 0
    for index in range(shares.shape[0]):
        if shares[index] > 0.0:
            total += shares[index]
            last = index
            if target < total:
                return index
    return last
