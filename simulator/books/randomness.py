"""Counter-based random numbers: Philox4x64-10 (Salmon, Moraes, Dror and Shaw 2011).

A draw is a pure function of its address: key (seed, replicate), counter (week, agent, stream, block). No draw
depends on how many were made before it, so a new decision or a changed rule leaves every other draw as it is.
One block holds four words (lanes 0 to 3); ask for all four at once where four neighbours need one each.

Every part of the address is taken modulo 2**64: -1 is the same address as 2**64 - 1.

`numpy.random.Philox` adds one to its counter before it makes its first block. Our block at counter c is its
first block at counter c - 1, both read as one 256-bit number with `week` as the lowest word.
"""

import math
from enum import IntEnum
from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from hashcredit.agents.compiled import kernel

ROUNDS = 10
MULTIPLIERS = (0xD2E7470EE14C6C93, 0xCA5A826395121157)
WEYL = (0x9E3779B97F4A7C15, 0xBB67AE8584CAA73B)
_M0, _M1 = (np.uint64(word) for word in MULTIPLIERS)
_W0, _W1 = (np.uint64(word) for word in WEYL)

Words = tuple[np.uint64, np.uint64, np.uint64, np.uint64]
Four = tuple[float, float, float, float]


class Stream(IntEnum):
    """What a draw is for. A number is for ever: changing one changes the draws of every seed."""

    BTC = 0
    RENT = 1
    MACHINE_RENT = 2
    JUMP = 3
    STUDENT = 4
    OFFTAKER = 5
    STAY = 6
    POPULATION_MINER = 7
    POPULATION_NEOCLOUD = 8
    POPULATION_LENDER = 9
    POPULATION_BUYER = 10
    POPULATION_LOAN = 11
    CONTRACT = 12
    UNDERWRITING = 13
    ASSET = 14
    SEARCH = 15


@intrinsic  # type: ignore[untyped-decorator]
def _multiply(typing_context: Any, a: Any, b: Any) -> Any:
    """High and low word of the 128-bit product: one instruction, which Python and NumPy do not offer."""
    signature = types.UniTuple(types.uint64, 2)(types.uint64, types.uint64)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        word, double = ir.IntType(64), ir.IntType(128)
        a, b = (builder.zext(argument, double) for argument in arguments)
        product = builder.mul(a, b)
        high = builder.trunc(builder.lshr(product, ir.Constant(double, 64)), word)
        return context.make_tuple(builder, signature.return_type, (high, builder.trunc(product, word)))

    return signature, generate


def philox_reference(seed: int, replicate: int, week: int, agent: int, stream: int, block: int) -> Words:
    """`philox` in plain Python integers: slow, easy to read, and what runs with compilation off."""
    mask = 2**64 - 1
    key0, key1 = int(seed) & mask, int(replicate) & mask
    c0, c1, c2, c3 = (int(part) & mask for part in (week, agent, stream, block))
    for _ in range(ROUNDS):
        product0, product1 = MULTIPLIERS[0] * c0, MULTIPLIERS[1] * c2
        c0, c1 = (product1 >> 64) ^ c1 ^ key0, product1 & mask
        c2, c3 = (product0 >> 64) ^ c3 ^ key1, product0 & mask
        key0, key1 = (key0 + WEYL[0]) & mask, (key1 + WEYL[1]) & mask
    return np.uint64(c0), np.uint64(c1), np.uint64(c2), np.uint64(c3)


@kernel
def philox(seed: int, replicate: int, week: int, agent: int, stream: int, block: int) -> Words:
    """Four random 64-bit words at one address (any integers, each modulo 2**64)."""
    # Casts throughout: a signed operand would turn the arithmetic of unsigned words into signed.
    key0, key1 = np.uint64(seed), np.uint64(replicate)
    c0, c1 = np.uint64(week), np.uint64(agent)
    c2, c3 = np.uint64(np.int64(stream)), np.uint64(block)
    for _ in range(ROUNDS):
        high0, low0 = _multiply(_M0, c0)
        high1, low1 = _multiply(_M1, c2)
        c0, c1, c2, c3 = high1 ^ c1 ^ key0, low1, high0 ^ c3 ^ key1, low0
        key0, key1 = key0 + _W0, key1 + _W1
    return c0, c1, c2, c3


if numba.config.DISABLE_JIT:
    philox = philox_reference  # an intrinsic exists in compiled code only


@kernel
def to_uniform(word: np.uint64) -> float:
    """Number in (0, 1): the middle of one of 2**52 equal cells; never 0 or 1, and symmetric about 1/2."""
    return (np.float64(word >> np.uint64(12)) + 0.5) * 2.0**-52


@kernel
def inverse_normal(p: float) -> float:
    """Standard normal quantile of p in (0, 1): algorithm AS241 (PPND16) of Wichura (1988)."""
    q = p - 0.5
    if abs(q) <= 0.425:
        r = 0.180625 - q * q
        a = 2509.0809287301226727
        a = a * r + 33430.575583588128105
        a = a * r + 67265.770927008700853
        a = a * r + 45921.953931549871457
        a = a * r + 13731.693765509461125
        a = a * r + 1971.5909503065514427
        a = a * r + 133.14166789178437745
        a = a * r + 3.387132872796366608
        b = 5226.495278852545925
        b = b * r + 28729.085735721942674
        b = b * r + 39307.89580009271061
        b = b * r + 21213.794301586595867
        b = b * r + 5394.1960214247511077
        b = b * r + 687.1870074920579083
        b = b * r + 42.313330701600911252
        return q * a / (b * r + 1.0)
    r = math.sqrt(-math.log(p if q < 0.0 else 1.0 - p))
    if r <= 5.0:
        r -= 1.6
        a = 7.7454501427834140764e-4
        a = a * r + 0.0227238449892691845833
        a = a * r + 0.24178072517745061177
        a = a * r + 1.27045825245236838258
        a = a * r + 3.64784832476320460504
        a = a * r + 5.7694972214606914055
        a = a * r + 4.6303378461565452959
        a = a * r + 1.42343711074968357734
        b = 1.05075007164441684324e-9
        b = b * r + 5.475938084995344946e-4
        b = b * r + 0.0151986665636164571966
        b = b * r + 0.14810397642748007459
        b = b * r + 0.68976733498510000455
        b = b * r + 1.6763848301838038494
        b = b * r + 2.05319162663775882187
    else:
        r -= 5.0
        a = 2.01033439929228813265e-7
        a = a * r + 2.71155556874348757815e-5
        a = a * r + 0.0012426609473880784386
        a = a * r + 0.026532189526576123093
        a = a * r + 0.29656057182850489123
        a = a * r + 1.7848265399172913358
        a = a * r + 5.4637849111641143699
        a = a * r + 6.6579046435011037772
        b = 2.04426310338993978564e-15
        b = b * r + 1.4215117583164458887e-7
        b = b * r + 1.8463183175100546818e-5
        b = b * r + 7.868691311456132591e-4
        b = b * r + 0.0148753612908506148525
        b = b * r + 0.13692988092273580531
        b = b * r + 0.59983220655588793769
    x = a / (b * r + 1.0)
    return -x if q < 0.0 else x


@kernel
def uniform4(seed: int, replicate: int, week: int, agent: int, stream: int, block: int) -> Four:
    """Four independent uniforms in (0, 1), one a lane."""
    a, b, c, d = philox(seed, replicate, week, agent, stream, block)
    return to_uniform(a), to_uniform(b), to_uniform(c), to_uniform(d)


@kernel
def uniform(seed: int, replicate: int, week: int, agent: int, stream: int, block: int, lane: int) -> float:
    """Uniform in (0, 1): lane 0 to 3 of `uniform4`."""
    a, b, c, d = philox(seed, replicate, week, agent, stream, block)
    if lane == 0:
        return to_uniform(a)
    if lane == 1:
        return to_uniform(b)
    return to_uniform(c if lane == 2 else d)


@kernel
def normal4(seed: int, replicate: int, week: int, agent: int, stream: int, block: int) -> Four:
    """Four independent standard normals, one a lane."""
    a, b, c, d = uniform4(seed, replicate, week, agent, stream, block)
    return inverse_normal(a), inverse_normal(b), inverse_normal(c), inverse_normal(d)


@kernel
def normal(seed: int, replicate: int, week: int, agent: int, stream: int, block: int, lane: int) -> float:
    """Standard normal: lane 0 to 3 of `normal4`."""
    return inverse_normal(uniform(seed, replicate, week, agent, stream, block, lane))


@kernel
def exponential(
    seed: int, replicate: int, week: int, agent: int, stream: int, block: int, lane: int
) -> float:
    """Exponential with mean 1, from the same lane as `uniform`."""
    return -math.log(uniform(seed, replicate, week, agent, stream, block, lane))


@kernel
def pick(shares: np.ndarray, u: float) -> int:
    """Index drawn with probabilities proportional to `shares` by a uniform number."""
    total = 0.0
    for index in range(shares.shape[0]):
        total += shares[index]
    target = u * total
    total = 0.0
    last = 0
    for index in range(shares.shape[0]):
        if shares[index] > 0.0:
            total += shares[index]
            last = index
            if target < total:
                return index
    return last
