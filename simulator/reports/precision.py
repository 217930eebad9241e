"""Means over replicates that are adjusted by control variates, with their intervals."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtrit

from hashcredit.simulator.reports.statistics import LEVEL, in_groups, ratio_of_means

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
    """Independent replicates whose plain mean would be as precise: `n` times the square of their standard
    error over `adjusted_se`. Less than n where the controls say nothing and their coefficients only cost; NaN
    where nothing varies."""


def adjusted(values: Real, controls: Real) -> Real:
    """Each value less what the controls explain of it, with coefficients from the other replicates.

    Value i becomes `y_i - b_{-i} x_i`, with `b_{-i}` of the regression without i. Replicates are independent
    and the controls' expectations are zero, so the expectation of each is that of `y`, without any bias.

    values      [replicate, quantity], or sums over groups of them
    controls    [replicate, control], likewise
    """
    q, r = np.linalg.qr(np.column_stack([np.ones(len(values)), controls]))
    first = np.zeros(len(r))
    first[0] = 1.0
    fitted = q.T @ values
    # leaving one out changes the coefficients by (A'A)^-1 a_i e_i / (1 - h_i); that of the constant is needed
    weight = (1.0 - q @ np.linalg.solve(r.T, first)) / (1.0 - (q * q).sum(axis=1))
    loo: Real = np.linalg.solve(r, fitted)[0] + weight[:, None] * (values - q @ fitted)
    return loo


def precise_estimates(
    samples: Sequence[ArrayLike], controls: ArrayLike | None = None, level: float = LEVEL, together: int = 1
) -> list[Precise]:
    """Means of those that have a value, plain and adjusted, with the Student-t interval of the residuals.

    Where some have none (NaN) the mean is the ratio of two means, of the values and of having one, which are
    adjusted alike; its error is that of the ratio's linear part, its bias of the order 1/n of a variance.

    samples     one array a quantity [replicate]
    controls    sums over groups, with expectations of zero [group, control]; left out: none
    together    replicates in a row that make a group; only groups are independent
    """
    values = np.column_stack([np.asarray(each, dtype=np.float64) for each in samples])
    has = np.isfinite(values)
    part, whole = np.where(has, values, 0.0), has.astype(np.float64)
    grouped = in_groups(np.hstack([part, whole]), together)
    x = np.zeros((len(grouped), 0)) if controls is None else np.asarray(controls, dtype=np.float64)
    freedom = len(grouped) - x.shape[1] - 1
    better = adjusted(grouped, x) if freedom > 0 else grouped
    # what all have needs no adjustment
    better[:, len(samples) :][:, has.all(axis=0)] = grouped[:, len(samples) :][:, has.all(axis=0)]
    reach = float(stdtrit(freedom, 0.5 + level / 2.0)) if freedom > 0 else math.nan
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
    sample: ArrayLike, controls: ArrayLike | None = None, level: float = LEVEL, together: int = 1
) -> Precise:
    """`precise_estimates` of one quantity."""
    return precise_estimates([sample], controls, level, together)[0]
