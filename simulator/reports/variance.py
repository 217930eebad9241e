"""The variance of a run's scalars split by where it comes from: exogenous path, network, and the rest.

A run of a scenario on networks of its own has the variance `path + network + rest` (law of total variance).
`path` is what a regression on the control variates explains: sums of the innovations of BTC and rents, and
products of these, which no agent moves (`controls.controls_of`). `network` is how means over seeds would
differ of what is left, were there endless replicates of each. `rest` is what replicates of one seed still
differ by: agents' own luck, and whatever of the path the controls do not see.

Network and rest are the unbiased components of one-way analysis of variance (Searle, Casella and McCulloch
1992, Variance Components, ch. 3), so `network` may come out below zero where it is small. Coefficients for a
seed are those of the others, so that nothing is explained by chance: `path` is rather too low, by about the
number of controls over that of runs, of the rest. Parts add up to the total exactly. Intervals are a
jackknife over seeds, with Student's t.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hashcredit.simulator.errors import ScenarioError
from hashcredit.simulator.reports.precision import adjusted
from hashcredit.simulator.reports.statistics import LEVEL, student_quantile

Real = NDArray[np.float64]

PARTS = ("path", "network", "rest")

MOST_JACKKNIFED = 50
"""Groups of seeds that the jackknife leaves out in turn; of fewer seeds each is one."""


@dataclass(frozen=True)
class VariancePart:
    """One part of the variance of one quantity; NaN where some run has no value, or nothing varies."""

    part: str
    """One of `PARTS`."""
    variance: float
    """In the squared unit of the quantity."""
    share: float
    """Of the total, which shares add up to 1."""
    low: float
    """Lower end of the interval of the share."""
    high: float


def check_sample(seeds: int, replicates: int, antithetic: bool) -> None:
    """ScenarioError unless there are three seeds with two replicates each, drawn one by one."""
    if seeds < 3:
        raise ScenarioError("seeds", seeds, "three seeds at least, to tell what networks account for")
    if replicates < 2:
        raise ScenarioError("replicates", replicates, "two of each seed at least")
    if antithetic:
        raise ScenarioError("shocks.antithetic", True, "false: pairs have no variance of their own")


def variance_parts(
    samples: Sequence[ArrayLike], controls: ArrayLike, seeds: int, level: float = LEVEL
) -> list[list[VariancePart]]:
    """The parts of each quantity, in the order of `PARTS`.

    samples     one array a quantity [run], seed by seed, with at least two runs each
    controls    of the same runs, with expectations of zero [run, control]
    seeds       three or more
    """
    values = np.column_stack([np.asarray(each, dtype=np.float64) for each in samples])
    whole: NDArray[np.bool_] = np.all(np.isfinite(values), axis=0)
    runs = np.where(whole, values, 0.0).reshape(seeds, -1, values.shape[1])
    x = np.asarray(controls, dtype=np.float64).reshape(seeds, runs.shape[1], -1)
    parts = _parts(runs, x)
    groups = np.array_split(np.arange(seeds), min(seeds, MOST_JACKKNIFED))
    without = [_parts(np.delete(runs, group, axis=0), np.delete(x, group, axis=0)) for group in groups]
    shares = _shares(parts)
    again = np.array([_shares(each) for each in without])
    apart = again - again.mean(axis=0)
    reach = student_quantile(len(groups) - 1, level) * np.sqrt(
        (len(groups) - 1) / len(groups) * np.square(apart).sum(axis=0)
    )
    found = []
    for place in range(values.shape[1]):
        of = (parts[:, place], shares[:, place], (shares - reach)[:, place], (shares + reach)[:, place])
        numbers = np.column_stack(of) if whole[place] else np.full((len(PARTS), 4), np.nan)
        found.append([VariancePart(name, *row) for name, row in zip(PARTS, numbers.tolist(), strict=True)])
    return found


def _parts(runs: Real, controls: Real) -> Real:
    """Variances [part, quantity] from [seed, replicate, quantity] and [seed, replicate, control]."""
    flat = runs.reshape(-1, runs.shape[2])
    left = adjusted(flat, controls.reshape(len(flat), -1), runs.shape[1]).reshape(runs.shape)
    total = sum(components(runs))
    network, rest = components(left)
    varies = np.ptp(flat, axis=0) > 0.0  # what does not has rounding alone
    parts: Real = np.where(varies, [total - network - rest, network, rest], 0.0)
    return parts


def components(runs: Real) -> tuple[Real, Real]:
    """Unbiased variances between seeds and within them, of runs [seed, replicate, quantity]."""
    seeds, replicates, _ = runs.shape
    means = runs.mean(axis=1)
    within = np.square(runs - means[:, None]).sum(axis=(0, 1)) / (seeds * (replicates - 1))
    between = np.square(means - means.mean(axis=0)).sum(axis=0) / (seeds - 1) - within / replicates
    return between, within


def _shares(parts: Real) -> Real:
    total = parts.sum(axis=0)
    shares: Real = np.divide(parts, total, out=np.full(parts.shape, np.nan), where=total > 0.0)
    return shares
