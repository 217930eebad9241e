"""Sensitivity indices of one outcome: numbers in, numbers out, no folder and no table.

`saltelli`  S1, ST and S2, shares of the variance, by SALib's `sobol`: Saltelli et al. (2010), Computer
            Physics Communications 181.
`morris`    mu, mu_star and sigma, elementary effects, by SALib's `morris`: Campolongo et al. (2007),
            Environmental Modelling & Software 22.
others      S1 from given data, as the variance of means in slices of a factor (Pearson's correlation ratio):
            Plischke, Borgonovo and Smith (2013), European Journal of Operational Research 226. SALib's own
            methods for given data do not suit a Sobol sequence: `rbd_fast` takes the order of the points for
            chance, and the S1 of `delta` has too few slices (docs/results.md has the numbers).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from hashcredit.experiments.study.designs import LatinHypercube, Morris, Random, Saltelli, Sampled, Sobol

Floats = NDArray[np.float64]

FEWEST_POINTS = 64
"""Of a sample without blocks: eight slices of eight."""
FEWEST_BLOCKS = 4
"""Of blocks or trajectories; fewer have no bootstrap to speak of."""

KINDS = {"morris": Morris, "saltelli": Saltelli, "sobol": Sobol, "latin-hypercube": LatinHypercube,
         "random": Random}  # fmt: skip
"""Designs that have indices, by their kind."""


@dataclass(frozen=True)
class Index:
    """One index of one factor, or of a pair."""

    name: str
    """S1, ST or S2, shares of the variance; mu, mu_star or sigma, in the outcome's unit."""
    factor: str
    other: str
    """The second factor of S2, else empty."""
    value: float
    low: float
    """Lower end of the bootstrap interval; NaN where SALib has none (mu, sigma)."""
    high: float


def block_size(design: Sampled, factors: int) -> int:
    """Points that an analyser can only use together; 1 for samples without blocks."""
    if isinstance(design, Saltelli):
        return (2 if design.second_order else 1) * factors + 2
    return factors + 1 if isinstance(design, Morris) else 1


def block_name(design: Sampled) -> str:
    """What a design's blocks are called, in the plural."""
    if isinstance(design, Saltelli):
        return "blocks"
    return "trajectories" if isinstance(design, Morris) else "points"


def fewest(design: Sampled) -> int:
    """Complete blocks that an analysis needs."""
    return FEWEST_POINTS if block_size(design, 1) == 1 else FEWEST_BLOCKS


def analyse(
    design: Sampled,
    names: Sequence[str],
    units: Floats,
    outcome: Floats,
    *,
    level: float = 0.95,
    resamples: int = 1000,
    seed: int = 1,
) -> list[Index]:
    """Indices of each factor, and of pairs where the design has them.

    Parameters
    ----------
    design : Sampled
        One of KINDS; it says which analyser is meant.
    names : sequence of str
        The factors.
    units : array (points, factors)
        What was drawn, in [0, 1]: complete blocks, in the order of the sample.
    outcome : array (points,)
        A finite value a point.
    level : float
        Coverage of the bootstrap intervals, between 0 and 1: normal ones, from the standard deviation of
        `resamples` resampled indices. Blocks are resampled, or single points where there are none.
    seed : int
        Of the bootstrap, 1 or more.

    Where the outcome does not vary, shares of its variance are NaN.
    """
    if isinstance(design, Morris):
        return list(_morris(design, names, units, outcome, level, resamples, seed))
    if isinstance(design, Saltelli):
        return list(_saltelli(design, names, outcome, level, resamples, seed))
    return list(_given_data(design, names, units, outcome, level, resamples, seed))


def _problem(names: Sequence[str]) -> dict[str, object]:
    """SALib's description of the unit cube."""
    return {"num_vars": len(names), "names": list(names), "bounds": [[0.0, 1.0]] * len(names)}


def _with_interval(name: str, factor: str, other: str, value: float, reach: float) -> Index:
    return Index(name, factor, other, float(value), float(value - reach), float(value + reach))


def _morris(
    design: Morris,
    names: Sequence[str],
    units: Floats,
    outcome: Floats,
    level: float,
    resamples: int,
    seed: int,
) -> Iterator[Index]:
    from SALib.analyze import morris

    found = morris.analyze(
        _problem(names),
        units,
        outcome,
        num_levels=design.levels,
        num_resamples=resamples,
        conf_level=level,
        seed=seed,
    )
    for place, factor in enumerate(names):
        yield Index("mu", factor, "", float(found["mu"][place]), np.nan, np.nan)
        yield _with_interval("mu_star", factor, "", found["mu_star"][place], found["mu_star_conf"][place])
        yield Index("sigma", factor, "", float(found["sigma"][place]), np.nan, np.nan)


def _saltelli(
    design: Saltelli, names: Sequence[str], outcome: Floats, level: float, resamples: int, seed: int
) -> Iterator[Index]:
    from SALib.analyze import sobol

    size = block_size(design, len(names))
    base = np.r_[outcome[::size], outcome[size - 1 :: size]]  # the samples A and B, which the variance is of
    pairs = [(j, k) for j in range(len(names)) for k in range(j)] if design.second_order else []
    if np.ptp(base) == 0.0:
        yield from _undefined(("S1", "ST"), names, [(names[k], names[j]) for j, k in pairs])
        return
    found = sobol.analyze(
        _problem(names),
        outcome,
        calc_second_order=design.second_order,
        num_resamples=resamples,
        conf_level=level,
        seed=seed,
    )
    for place, factor in enumerate(names):
        for name in ("S1", "ST"):
            yield _with_interval(name, factor, "", found[name][place], found[f"{name}_conf"][place])
    for j, k in pairs:
        yield _with_interval("S2", names[k], names[j], found["S2"][k, j], found["S2_conf"][k, j])


def _given_data(
    design: Sampled,
    names: Sequence[str],
    units: Floats,
    outcome: Floats,
    level: float,
    resamples: int,
    seed: int,
) -> Iterator[Index]:
    if np.ptp(outcome) == 0.0:
        yield from _undefined(("S1",), names, ())
        return
    even = isinstance(design, Sobol)
    random = np.random.default_rng(seed)
    picks = [random.integers(len(outcome), size=len(outcome)) for _ in range(resamples)]
    reach = float(ndtri(0.5 + level / 2.0))
    for place, factor in enumerate(names):
        slices = slices_of(units[:, place])
        value = correlation_ratio(slices, outcome, even)
        again = [correlation_ratio(slices[pick], outcome[pick], even) for pick in picks]
        yield _with_interval("S1", factor, "", value, reach * float(np.std(again, ddof=1)))


def slices_of(unit: Floats) -> NDArray[np.int64]:
    """Number of the slice of each point: equally many in each, and about as many slices as points in one."""
    count = 2 ** round(0.5 * np.log2(len(unit)))
    slices = np.empty(len(unit), np.int64)
    slices[np.argsort(unit, kind="stable")] = np.arange(len(unit)) * count // len(unit)
    return slices


def correlation_ratio(slices: NDArray[np.int64], outcome: Floats, even: bool) -> float:
    """Share of an outcome's variance that lies between slices of the points.

    Means of independent points differ by chance, which is subtracted (epsilon squared of Kelley 1935). Those
    of a Sobol sequence hardly do, since it fills each slice evenly: `even` leaves them as they are.
    """
    centred = outcome - outcome.mean()
    total = float(centred @ centred)
    if total == 0.0:  # a resample that met one value only
        return 0.0
    count = np.bincount(slices)
    sums = np.bincount(slices, centred)
    used = count > 0
    between = float((sums[used] ** 2 / count[used]).sum()) / total
    if even:
        return between
    return 1.0 - (1.0 - between) * (len(outcome) - 1) / (len(outcome) - int(used.sum()))


def _undefined(
    indices: Sequence[str], names: Sequence[str], pairs: Sequence[tuple[str, str]]
) -> Iterator[Index]:
    """Shares of a variance that is zero."""
    for factor in names:
        for name in indices:
            yield Index(name, factor, "", np.nan, np.nan, np.nan)
    for factor, other in pairs:
        yield Index("S2", factor, other, np.nan, np.nan, np.nan)
