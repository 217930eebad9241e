"""Named draws of the opening week: pure functions of (seed, replicate, stream, agent, index)."""

from hashcredit.agents.compiled import kernel
from hashcredit.simulator.books.randomness import Four, normal, uniform, uniform4


@kernel
def opening_normal(seed: int, replicate: int, stream: int, agent: int, index: int) -> float:
    """Standard normal number `index` of an agent's opening draws."""
    return normal(seed, replicate, 0, agent, stream, index // 4, index % 4)


@kernel
def opening_uniform(seed: int, replicate: int, stream: int, agent: int, index: int) -> float:
    """Uniform number `index` (other words than the normal of that index) of an agent's opening draws."""
    return uniform(seed, replicate, 1, agent, stream, index // 4, index % 4)


@kernel
def opening_uniforms(seed: int, replicate: int, stream: int, agent: int, first: int) -> Four:
    """Four uniform numbers from number `first` on, a multiple of four: one draw instead of four."""
    return uniform4(seed, replicate, 1, agent, stream, first // 4)
