"""Means over replicates that are adjusted by control variates, with their intervals."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hashcredit.simulator.reports.statistics import LEVEL, in_groups, ratio_of_means, student_quantile

Real = NDArray[np.float64]


@dataclass(frozen=True)
class Precise:
    """One mean, plain and adjusted; the fields have the unit of the sample that it came from."""

    n: int
    """Replicates that have a value."""
    mean: float
    standard_error: float
    adjusted_mean: float
    adjusted_se: float
    low: float
    """Lower end of the interval of the adjusted mean."""
    high: float
    equivalent_runs: float
    """Independent replicates, on networks of their own where there are several seeds, whose plain mean would
    be as precise: `n` times the square of their standard error over `adjusted_se`. Less than n where controls
    say nothing and coefficients only cost, or where seeds differ; NaN where nothing varies."""


def adjusted(values: Real, controls: Real, cluster: int = 1) -> Real:
    """Each value less what the controls explain of it, with coefficients from the other clusters.

    Value i becomes `y_i - b_{-i} x_i`, with `b_{-i}` of the regression without the cluster of i. Clusters are
    independent and the controls' expectations are zero whatever the networks, so the expectation of each is
    that of `y`, without any bias.

    values      [replicate, quantity], or sums over groups of them
    controls    [replicate, control], likewise
    cluster     rows in a row that are left out together: those of one seed, since they share its networks
    """
    q, r = np.linalg.qr(np.column_stack([np.ones(len(values)), controls]))
    fitted = q.T @ values
    parts = q.reshape(-1, cluster, q.shape[1])
    residuals = (values - q @ fitted).reshape(-1, cluster, values.shape[1])
    # leaving a cluster c out changes Q'y by -(I - Q_c'Q_c)^-1 Q_c' e_c, with e the residuals of all
    kept = np.eye(q.shape[1]) - parts.transpose(0, 2, 1) @ parts
    moved = np.linalg.solve(kept, parts.transpose(0, 2, 1) @ residuals)
    slopes = np.linalg.solve(r, (fitted - moved))[:, 1:]
    apart = controls.reshape(len(values) // cluster, cluster, controls.shape[1])  # there may be none
    found: Real = values - (apart @ slopes).reshape(values.shape)
    return found


def precise_estimates(
    samples: Sequence[ArrayLike],
    controls: ArrayLike | None = None,
    level: float = LEVEL,
    together: int = 1,
    seeds: int = 1,
) -> list[Precise]:
    """Means of those that have a value, plain and adjusted, with the Student-t interval of the residuals.

    Where some have none (NaN) the mean is the ratio of two means, of the values and of having one, which are
    adjusted alike; its error is that of the ratio's linear part, its bias of the order 1/n of a variance.
    Of several seeds coefficients are those of the other seeds, and the interval is over seeds.

    samples     one array a quantity [run]; of several seeds in order, with equally many runs each
    controls    sums over groups, with expectations of zero [group, control]; left out: none
    together    replicates of a seed in a row that make a group
    seeds       whose networks the runs were made on
    """
    values = np.column_stack([np.asarray(each, dtype=np.float64) for each in samples])
    has = np.isfinite(values)
    part, whole = np.where(has, values, 0.0), has.astype(np.float64)
    both = np.split(np.hstack([part, whole]), seeds)
    grouped = np.concatenate([in_groups(each, together) for each in both])
    x = np.zeros((len(grouped), 0)) if controls is None else np.asarray(controls, dtype=np.float64)
    freedom = len(grouped) - x.shape[1] - 1
    cluster = len(grouped) // seeds if seeds > 1 else 1
    better = adjusted(grouped, x, cluster) if freedom > 0 and x.shape[1] else grouped.copy()
    # what all have needs no adjustment
    better[:, len(samples) :][:, has.all(axis=0)] = grouped[:, len(samples) :][:, has.all(axis=0)]
    grouped, better = in_groups(grouped, cluster), in_groups(better, cluster)
    freedom = min(freedom, len(grouped) - 1)
    reach = student_quantile(freedom, level) if freedom > 0 else math.nan
    found = []
    for i, j in enumerate(range(len(samples), 2 * len(samples))):
        n = int(has[:, i].sum())
        _, alone = ratio_of_means(part[:, i], whole[:, i])
        mean, error = ratio_of_means(grouped[:, i], grouped[:, j])
        middle, less = ratio_of_means(better[:, i], better[:, j])
        runs = n * (alone / less) ** 2 if alone > 0.0 and less > 0.0 else math.nan
        found.append(
            Precise(n, mean, error, middle, less, middle - reach * less, middle + reach * less, runs)
        )
    return found


def precise_estimate(
    sample: ArrayLike,
    controls: ArrayLike | None = None,
    level: float = LEVEL,
    together: int = 1,
    seeds: int = 1,
) -> Precise:
    """`precise_estimates` of one quantity."""
    return precise_estimates([sample], controls, level, together, seeds)[0]
