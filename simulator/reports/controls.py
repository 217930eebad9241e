"""Control variates of replicates: what their exogenous draws came to, whose expectation is known.

A draw is known by its address alone, so the innovations of BTC and of the rent index are worked out here
again, without a market. Prices themselves would not do: sales of coins move BTC and supply moves rents, so
nobody knows their expectation. That of a sum of innovations is zero, and that of the square of a standardised
one is one, whatever agents do. Innovations of other assets and of single machine types are left out: in the
baseline their sums add less than 2 % to the equivalent runs of any scalar.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from hashcredit.agents.units import WEEK
from hashcredit.simulator.books.randomness import Stream
from hashcredit.simulator.reports.statistics import in_groups
from hashcredit.simulator.setup.prepare import Setup
from hashcredit.simulator.state.pool import Asset

Real = NDArray[np.float64]

RUNS_A_CONTROL = 10
"""Replicates for each control at least. C: modelling choice, since a coefficient costs about one replicate: a
tenth of them at most. The number of controls depends on that of replicates alone, never on outcomes."""


def controls_of(setups: Sequence[Setup], replicates: int) -> Real:
    """Controls of replicates 0 to `replicates` - 1 of each seed, with expectation zero [group, control].

    `setups` are those of one scenario, a seed each. What is drawn depends on seed and replicate, what is
    expected of it on neither, and no network enters: so the controls of all seeds are of one kind.

    Of each innovation two sums over the weeks, in units of their standard deviation: one in which a week
    counts by the weeks left, which is how far the path was on average from what was expected, and the rest of
    the plain sum. Then products of two sums, less one for squares. The first ones say most; there are as
    many as `RUNS_A_CONTROL` allows.

    A group is a replicate, or a pair of antithetic ones, whose controls are added up: sums of what is
    symmetric cancel in a pair and are left out. One without its partner has zeros, which correct nothing.
    """
    found = np.concatenate([_controls_of_one(setup, replicates) for setup in setups])
    return found[:, found.any(axis=0)][:, : len(found) // RUNS_A_CONTROL]


def _controls_of_one(setup: Setup, replicates: int) -> Real:
    """All controls of one seed [group, control], those that cancel among them."""
    together = setup.scenario.shocks.together
    weeks = setup.scenario.horizon_weeks
    left = np.arange(weeks, 0, -1.0)
    rest = 1.0 - left * left.sum() / (left**2).sum()
    weights = [weight / math.sqrt((weight**2).sum()) for weight in ((left, rest) if weeks > 1 else (left,))]

    def sums_of(replicate: int) -> list[float]:
        drawn = innovations(setup, replicate).values()
        return [float((weight * each).sum()) for weight in weights for each in drawn]

    sums = np.array([sums_of(replicate) for replicate in range(replicates)]).T
    pairs = [(i, j) for i in range(len(sums)) for j in range(i + 1)]
    products = [sums[i] * sums[j] - (i == j) for i, j in pairs]
    controls = in_groups(np.column_stack([*sums, *products]), together)
    controls[replicates // together :] = 0.0
    return controls


def uniforms(seed: int, replicate: int, weeks: int, stream: int, block: int = 0, agent: int = 0) -> Real:
    """Uniforms in (0, 1) of an agent, week by week from the first [week, lane]; those of `uniform4`."""
    counter = (agent << 64) + (stream << 128) + (block << 192)  # of week 0, which is the lowest word
    generator = np.random.Philox(counter=(counter - 1) % 2**256, key=[seed % 2**64, replicate % 2**64])
    words = generator.random_raw(4 * weeks).reshape(weeks, 4)
    drawn: Real = (np.right_shift(words, np.uint64(12)).astype(np.float64) + 0.5) * 2.0**-52
    return drawn


def innovations(setup: Setup, replicate: int) -> dict[str, Real]:
    """Weekly innovations of a replicate by name, independent, each of mean zero and variance one [week]."""
    weeks = setup.scenario.horizon_weeks
    is_mirrored = setup.scenario.shocks.antithetic and replicate % 2 == 1

    def chances(stream: Stream, block: int = 0) -> Real:
        """Uniforms of lane 0."""
        u = uniforms(setup.seed, replicate - is_mirrored, weeks, stream, block)[:, 0]
        return 1.0 - u if is_mirrored else u

    def normals(stream: Stream, block: int = 0) -> Real:
        return np.asarray(ndtri(chances(stream, block)))

    found = {"btc": normals(Stream.BTC)}
    if not len(setup.btc_path):  # where prices are fed in, the normal only moves what is correlated with them
        jump = (chances(Stream.JUMP), normals(Stream.JUMP, 1))
        found["btc"] = _btc(setup, replicate - is_mirrored, found["btc"], *jump)
    if not len(setup.rent_path):
        found["rent"] = normals(Stream.RENT)
    return found


def common_normals(setup: Setup, replicate: int) -> dict[str, Real]:
    """The standard normals of a replicate that everybody's prices follow, independent [week].

    btc        of the log walk of BTC, which rents and the funding pool's assets share in part
    rent       of the part of the rent index that is its own
    funding    of the part that the funding pool's other assets have in common
    """
    weeks = setup.scenario.horizon_weeks
    is_mirrored = setup.scenario.shocks.antithetic and replicate % 2 == 1
    drawn_as, sign = replicate - is_mirrored, -1.0 if is_mirrored else 1.0
    streams = {"btc": (Stream.BTC, 0), "rent": (Stream.RENT, 0), "funding": (Stream.ASSET, 1)}
    return {
        name: sign * ndtri(uniforms(setup.seed, drawn_as, weeks, stream, agent=agent)[:, 0])
        for name, (stream, agent) in streams.items()
    }


def _btc(setup: Setup, replicate: int, z: Real, u_jump: Real, z_jump: Real) -> Real:
    """Log change of BTC's fundamental less its expectation, over its standard deviation [week].

    replicate         in whose address the scale of Student's t is drawn
    z                 standard normal of the walk
    u_jump, z_jump    uniform that tells whether there is a jump, and standard normal of its size
    """
    p, weeks = setup.parameters[0], setup.scenario.horizon_weeks
    degrees, intensity = int(p["shocks_student_df"]), float(p["shocks_jump_intensity"])
    deviation = float(p["asset_volatility"][Asset.BTC]) * math.sqrt(WEEK)
    if degrees > 0:
        blocks = range(-(-degrees // 4))
        drawn = [uniforms(setup.seed, replicate, weeks, Stream.STUDENT, block) for block in blocks]
        total = (ndtri(np.hstack(drawn)[:, :degrees]) ** 2).sum(axis=1)
        z = z * np.sqrt((degrees - 2.0) / total)
    if intensity <= 0.0:
        return z
    probability = -math.expm1(-intensity * WEEK)
    mean, spread = float(p["shocks_jump_mean"]), float(p["shocks_jump_sd"])
    change = deviation * z + np.where(u_jump < probability, mean + spread * z_jump, 0.0) - probability * mean
    variance = deviation**2 + probability * (mean**2 + spread**2) - (probability * mean) ** 2
    return change / math.sqrt(variance) if variance > 0.0 else z
