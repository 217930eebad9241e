"""An outcome along a factor: means of levels or of slices, with intervals that know what is independent."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from hashcredit.experiments.figures.study_source import Response
from hashcredit.experiments.results.averages import paired, statistics
from hashcredit.experiments.results.kept import KeptRuns
from hashcredit.simulator.reports.statistics import LEVEL

Floats = NDArray[np.float64]

SLICES = 10


def of_levels(results: KeptRuns, outcome: str, factor: str, levels: Sequence[Any]) -> Response:
    """Of a design whose points are given: averages within each replicate, intervals over replicates."""
    table = statistics(results, [outcome], by=[factor]).set_index(factor)
    rows = table.loc[list(levels)]
    return _response(rows, np.arange(len(levels), dtype=np.float64))


def differences(results: KeptRuns, outcome: str, factor: str, levels: Sequence[Any]) -> Response | None:
    """Paired differences from the first level, replicate by replicate; None where there are no pairs."""
    if len(levels) < 2 or not results.manifest["study"]["common_random_numbers"]:
        return None
    table = paired(results, outcome, factor, levels[0], by=[]).set_index(factor)
    if not len(table):
        return None
    found = [level for level in levels if level in table.index]
    places = np.array([float(list(levels).index(level)) for level in found])
    return _response(table.loc[found], places)


def _response(rows: Any, at: Floats) -> Response:
    mean, low, high = (rows[name].to_numpy(dtype=np.float64) for name in ("mean", "low", "high"))
    return Response(mean, low, high, at)


def of_seeds(values: Floats, seeds: int) -> Floats:
    """Means over the replicates of each seed that have a value (points, seeds); of one seed as they are.

    Replicates of a seed share its networks, so they are no independent observations of the model.
    """
    if seeds == 1:
        return values
    parts = values.reshape(len(values), seeds, -1)
    has = np.isfinite(parts)
    total, count = np.where(has, parts, 0.0).sum(axis=2), has.sum(axis=2)
    means: Floats = np.divide(total, count, out=np.full(count.shape, np.nan), where=count > 0)
    return means


def of_groups(values: Floats, groups: Sequence[NDArray[np.int64]], at: Floats, common: bool) -> Response:
    """Of a sample: `values` (points, replicates or seeds), with the points of each level or slice."""
    rows = np.array([clustered(values[group], common) for group in groups]).reshape(-1, 3)
    return Response(rows[:, 0], rows[:, 1], rows[:, 2], at)


def slices(at: Floats) -> list[NDArray[np.int64]]:
    """Points by the value of a factor, in about ten slices of equal numbers and none of fewer than two."""
    count = max(1, min(SLICES, len(at) // 2))
    return list(np.array_split(np.argsort(at, kind="stable"), count))


def clustered(values: Floats, common: bool, level: float = LEVEL) -> tuple[float, float, float]:
    """Mean over points, and the ends of its interval.

    Runs of one point are no independent observations of the sample, and with `common` draws neither are those
    of one replicate: the variance of the mean is then that over points, and that over replicates, less what
    is in both (Cameron, Gelbach and Miller 2011, Journal of Business & Economic Statistics 29).

    values    shape (points, replicates), or the means of seeds; NaN where there is none. Points without any
              are not in the mean.
    """
    has = np.isfinite(values)
    values, has = values[has.any(axis=1)], has[has.any(axis=1)]
    points = len(values)
    if points == 0:
        return np.nan, np.nan, np.nan
    of_point = np.where(has, values, 0.0).sum(axis=1) / has.sum(axis=1)
    mean = float(of_point.mean())
    if points == 1:
        return mean, np.nan, np.nan
    variance, freedom = float(of_point.var(ddof=1)) / points, points - 1
    used = has.any(axis=0)
    if common and used.sum() > 1:
        apart = np.where(has, values - of_point[:, None], 0.0)[:, used]
        count = has[:, used].sum(axis=0)
        of_replicate = apart.sum(axis=0) / count
        rest = np.where(has[:, used], apart - of_replicate, 0.0)
        draws = int(used.sum())
        both = float((rest**2).sum()) / ((points - 1) * (draws - 1)) / has.sum()
        over_draws = float(of_replicate.var(ddof=1)) / draws
        variance = max(variance + over_draws - both, variance, over_draws)
        freedom = min(freedom, draws - 1)
    reach = float(stdtrit(freedom, 0.5 + level / 2.0)) * variance**0.5
    return mean, mean - reach, mean + reach
