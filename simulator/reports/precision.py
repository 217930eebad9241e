"""Means over replicates that are adjusted by control variates, with their intervals."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtrit

from hashcredit.simulator.reports.statistics import LEVEL

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
    """Replicates whose plain mean would be as precise: `n (standard_error / adjusted_se)^2`. Less than n
    where the controls say nothing and their coefficients only cost; NaN where nothing varies."""


def adjusted(values: Real, controls: Real) -> Real:
    """Each value less what the controls explain of it, with coefficients from the other replicates.

    Value i becomes `y_i - b_{-i} x_i`, with `b_{-i}` of the regression without i. Replicates are independent
    and the controls' expectations are zero, so the expectation of each is that of `y`, without any bias.

    values      [replicate, quantity]
    controls    [replicate, control]
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
    samples: Sequence[ArrayLike], controls: ArrayLike | None = None, level: float = LEVEL
) -> list[Precise]:
    """Means of those that have a value, plain and adjusted, with the Student-t interval of the residuals.

    Where some have none (NaN) the mean is the ratio of two means, of the values and of having one, which are
    adjusted alike; its error is that of the ratio's linear part, its bias of the order 1/n of a variance.

    samples     one array a quantity [replicate]
    controls    with expectations of zero [replicate, control]; left out: none
    """
    values = np.column_stack([np.asarray(each, dtype=np.float64) for each in samples])
    n = len(values)
    x = np.zeros((n, 0)) if controls is None else np.asarray(controls, dtype=np.float64)
    has = np.isfinite(values)
    part, whole = np.where(has, values, 0.0), has.astype(np.float64)
    freedom = n - x.shape[1] - 1
    better = adjusted(np.hstack([part, whole]), x) if freedom > 0 else np.hstack([part, whole])
    better_part, better_whole = np.hsplit(better, 2)
    better_whole[:, has.all(axis=0)] = 1.0  # what all have needs no adjustment
    reach = float(stdtrit(freedom, 0.5 + level / 2.0)) if freedom > 0 else math.nan
    return [
        _compared(
            int(has[:, place].sum()),
            _ratio(part[:, place], whole[:, place]),
            _ratio(better_part[:, place], better_whole[:, place]),
            reach,
        )
        for place in range(values.shape[1])
    ]


def precise_estimate(sample: ArrayLike, controls: ArrayLike | None = None, level: float = LEVEL) -> Precise:
    """`precise_estimates` of one quantity."""
    return precise_estimates([sample], controls, level)[0]


def _compared(n: int, plain: tuple[float, float], better: tuple[float, float], reach: float) -> Precise:
    """Plain and adjusted mean, each with its error; `reach` is the interval's in units of the error."""
    (mean, error), (middle, less) = plain, better
    runs = n * (error / less) ** 2 if error > 0.0 and less > 0.0 else math.nan
    return Precise(n, mean, error, middle, less, middle - reach * less, middle + reach * less, runs)


def _ratio(part: Real, whole: Real) -> tuple[float, float]:
    """Ratio of two means over replicates, and its standard error; NaN where they cannot be told."""
    if not whole.any():
        return math.nan, math.nan
    ratio = float(part.sum() / whole.sum())
    if len(part) < 2:
        return ratio, math.nan
    return ratio, float((part - ratio * whole).std(ddof=1) / math.sqrt(len(part)) / whole.mean())
