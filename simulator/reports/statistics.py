"""Monte Carlo summaries: means, probabilities and paired differences, each with its interval."""

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

LEVEL = 0.95
"""Coverage of every interval, unless the caller says otherwise."""


@dataclass(frozen=True)
class Estimate:
    """One estimated number; the fields have the unit of the sample that it came from."""

    n: int
    """Replicates that entered (those with a finite value)."""
    mean: float
    standard_error: float
    """Of the mean; NaN if n < 2."""
    low: float
    """Lower end of the interval; NaN if it cannot be told."""
    high: float
    median: float
    """NaN for a probability."""


def mean_estimate(sample: ArrayLike, level: float = LEVEL) -> Estimate:
    """Mean with Student-t interval; replicates without a value (NaN) are left out and lower n."""
    values = _finite(np.asarray(sample, dtype=np.float64))
    n = values.size
    if n == 0:
        return Estimate(0, np.nan, np.nan, np.nan, np.nan, np.nan)
    mean, median = float(values.mean()), float(np.median(values))
    if n == 1:
        return Estimate(1, mean, np.nan, np.nan, np.nan, median)
    from scipy.special import stdtrit  # here, since one replicate has no interval and SciPy loads slowly

    standard_error = float(values.std(ddof=1) / np.sqrt(n))
    reach = float(stdtrit(n - 1, 0.5 + level / 2.0)) * standard_error
    return Estimate(n, mean, standard_error, mean - reach, mean + reach, median)


def probability_estimate(happened: ArrayLike, level: float = LEVEL) -> Estimate:
    """Share of replicates in which something happened, with Wilson's score interval.

    Unlike the normal interval it stays inside [0, 1] and keeps its coverage near both ends
    (Wilson 1927). The standard error is the plain binomial one, which cannot be told (NaN) where the
    event happened never or always.
    """
    outcomes = np.asarray(happened, dtype=bool)
    n, successes = outcomes.size, int(np.count_nonzero(outcomes))
    if n == 0:
        return Estimate(0, np.nan, np.nan, np.nan, np.nan, np.nan)
    share = successes / n
    low, high = wilson_interval(successes, n, level)
    standard_error = float(np.sqrt(share * (1.0 - share) / n)) if 0 < successes < n else np.nan
    return Estimate(n, share, standard_error, low, high, np.nan)


def wilson_interval(successes: int, n: int, level: float = LEVEL) -> tuple[float, float]:
    """Ends of Wilson's score interval for a probability after `successes` of `n` trials."""
    if not 0 <= successes <= n or n < 1:
        raise ValueError(f"need 0 <= successes <= n and n >= 1, got successes={successes}, n={n}")
    z = NormalDist().inv_cdf(0.5 + level / 2.0)
    share = successes / n
    centre = (share + z * z / (2.0 * n)) / (1.0 + z * z / n)
    reach = z * np.sqrt(share * (1.0 - share) / n + z * z / (4.0 * n * n)) / (1.0 + z * z / n)
    # At the ends the formula gives exactly 0 or 1; rounding must not push it past the estimate.
    low = 0.0 if successes == 0 else float(centre - reach)
    high = 1.0 if successes == n else float(centre + reach)
    return low, high


def paired_difference(sample: ArrayLike, reference: ArrayLike, level: float = LEVEL) -> Estimate:
    """Mean of `sample - reference`, replicate by replicate, with Student-t interval.

    Both must come from the same draws in the same order. A pair with a missing value is left out.
    """
    left, right = np.asarray(sample, dtype=np.float64), np.asarray(reference, dtype=np.float64)
    if left.shape != right.shape:
        raise ValueError(f"pairs need samples of equal length, got {left.shape} and {right.shape}")
    return mean_estimate(left - right, level)


def _finite(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return values[np.isfinite(values)]
