"""Innovations of what comes from outside: what is drawn for prices of assets and for rents.

With `shocks.antithetic` replicates come in pairs, 2 k and 2 k + 1. The second has the innovations of the
first with the other sign (the scale of Student's t is the same); whatever agents draw stays its own. The law
of each replicate is what it was: normals are symmetric about zero, uniforms about one half.
"""

from hashcredit.agents.compiled import kernel
from hashcredit.agents.dimensions import Record
from hashcredit.simulator.books.randomness import Four, normal, normal4, uniform


@kernel
def is_mirrored(p: Record, replicate: int) -> bool:
    """Whether a replicate has the innovations of the one before it with the other sign."""
    return p.shocks_antithetic != 0 and replicate % 2 == 1


@kernel
def drawn_as(p: Record, replicate: int) -> int:
    """The replicate in whose address innovations are drawn."""
    return replicate - 1 if is_mirrored(p, replicate) else replicate


@kernel
def innovation(
    p: Record, seed: int, replicate: int, week: int, agent: int, stream: int, block: int, lane: int
) -> float:
    """Standard normal of a stream of innovations."""
    z = normal(seed, drawn_as(p, replicate), week, agent, stream, block, lane)
    return -z if is_mirrored(p, replicate) else z


@kernel
def innovation4(p: Record, seed: int, replicate: int, week: int, agent: int, stream: int, block: int) -> Four:
    """Four independent standard normals, one a lane of `innovation`."""
    a, b, c, d = normal4(seed, drawn_as(p, replicate), week, agent, stream, block)
    if is_mirrored(p, replicate):
        return -a, -b, -c, -d
    return a, b, c, d


@kernel
def chance(p: Record, seed: int, replicate: int, week: int, agent: int, stream: int) -> float:
    """Uniform in (0, 1) of a stream of innovations; u becomes 1 - u in the mirror."""
    u = uniform(seed, drawn_as(p, replicate), week, agent, stream, 0, 0)
    return 1.0 - u if is_mirrored(p, replicate) else u
