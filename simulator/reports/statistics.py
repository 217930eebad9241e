"""Monte Carlo summaries: means, probabilities and paired differences, each with its interval.

Replicates of one seed share its networks, and antithetic ones their innovations (`Shocks.together`). Runs are
in order, seed by seed, and `together` of them in a row make a group (`group_length`): only groups are
independent. Standard errors are those of groups, with one degree of freedom less than there are groups. Of
one seed alone they say how well its replicates tell the mean over this network only.
"""

from dataclasses import dataclass
from statistics import NormalDist
from typing import NamedTuple

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


def group_length(seeds: int, replicates: int, together: int = 1) -> int:
    """Runs in a row that make one group, where each of `seeds` has `replicates` runs and they are in order.

    A whole seed where there are several, since its runs share networks; `together` replicates of one alone.
    """
    return replicates if seeds > 1 else together


def mean_estimate(sample: ArrayLike, level: float = LEVEL, together: int = 1) -> Estimate:
    """Mean with Student-t interval; replicates without a value (NaN) are left out and lower n."""
    values = np.asarray(sample, dtype=np.float64)
    has = np.isfinite(values)
    n = int(np.count_nonzero(has))
    if n == 0:
        return Estimate(0, np.nan, np.nan, np.nan, np.nan, np.nan)
    whole = in_groups(has.astype(np.float64), together)
    some = whole > 0.0
    mean, standard_error = ratio_of_means(in_groups(np.where(has, values, 0.0), together)[some], whole[some])
    median = float(np.median(values[has]))
    groups = int(np.count_nonzero(some))
    if groups == 1:
        return Estimate(n, mean, np.nan, np.nan, np.nan, median)
    reach = student_quantile(groups - 1, level) * standard_error
    return Estimate(n, mean, standard_error, mean - reach, mean + reach, median)


def student_quantile(freedom: float, level: float = LEVEL) -> float:
    """Standard errors to each end of an interval: two-sided Student's t with `freedom` degrees of freedom."""
    from scipy.special import stdtrit  # here, since one replicate has no interval and SciPy loads slowly

    return float(stdtrit(freedom, 0.5 + level / 2.0))


def in_groups(values: NDArray[np.float64], together: int) -> NDArray[np.float64]:
    """Sums over groups of `together` replicates in a row [group, ...]; the last may be incomplete."""
    missing = -len(values) % together
    padded = np.concatenate([values, np.zeros((missing, *values.shape[1:]))])
    sums: NDArray[np.float64] = padded.reshape(-1, together, *values.shape[1:]).sum(axis=1)
    return sums


def ratio_of_means(part: NDArray[np.float64], whole: NDArray[np.float64]) -> tuple[float, float]:
    """Ratio of two means over independent draws, and the standard error of its linear part.

    NaN where they cannot be told: the ratio if `whole` is zero, the error for a single draw.
    """
    draws = len(part)
    if not whole.any():
        return np.nan, np.nan
    ratio = float(part.sum() / whole.sum())
    if draws < 2:
        return ratio, np.nan
    spread = np.sqrt(np.square(part - ratio * whole).sum() / (draws - 1))
    return ratio, float(spread / np.sqrt(draws) / whole.mean())


class Ratio(NamedTuple):
    """A ratio of means with its interval; NaN where a number cannot be told."""

    mean: float
    standard_error: float
    low: float
    high: float


def ratio_estimate(part: NDArray[np.float64], whole: NDArray[np.float64], level: float = LEVEL) -> Ratio:
    """`ratio_of_means` with a Student-t interval; its error is that of the linear part."""
    mean, error = ratio_of_means(part, whole)
    reach = student_quantile(len(part) - 1, level) * error if len(part) > 1 else np.nan
    return Ratio(mean, error, mean - reach, mean + reach)


def probability_estimate(happened: ArrayLike, level: float = LEVEL, together: int = 1) -> Estimate:
    """Share of replicates in which something happened, with Wilson's score interval; NaN leaves one out.

    Unlike the normal interval it stays inside [0, 1] and keeps its coverage near both ends
    (Wilson 1927). The standard error is the plain binomial one, which cannot be told (NaN) where the
    event happened never or always. Of groups it is that of their means, and the interval is Wilson's for as
    many independent trials as would have it, times the square of the normal quantile over Student's t for the
    groups that there are (Korn and Graubard 1998). Where groups do not differ that number cannot be told, and
    each counts as one trial.
    """
    outcomes = np.asarray(happened, dtype=np.float64)
    has = np.isfinite(outcomes)
    n, successes = int(np.count_nonzero(has)), int(np.count_nonzero(outcomes[has]))
    if n == 0:
        return Estimate(0, np.nan, np.nan, np.nan, np.nan, np.nan)
    share = successes / n
    if together > 1:
        groups = int(np.count_nonzero(in_groups(has.astype(np.float64), together)))
        error = mean_estimate(outcomes, level, together).standard_error
        if error > 0.0:
            few = NormalDist().inv_cdf(0.5 + level / 2.0) / student_quantile(groups - 1, level)
            trials = share * (1.0 - share) / error**2 * few**2
        else:
            trials = groups
        low, high = wilson_interval(share * trials, trials, level)
        return Estimate(n, share, error if 0 < successes < n else np.nan, low, high, np.nan)
    low, high = wilson_interval(successes, n, level)
    standard_error = float(np.sqrt(share * (1.0 - share) / n)) if 0 < successes < n else np.nan
    return Estimate(n, share, standard_error, low, high, np.nan)


def wilson_interval(successes: float, n: float, level: float = LEVEL) -> tuple[float, float]:
    """Ends of Wilson's score interval for a probability after `successes` of `n` trials, whole or not."""
    if not 0 <= successes <= n or n <= 0:
        raise ValueError(f"need 0 <= successes <= n and n > 0, got successes={successes}, n={n}")
    z = NormalDist().inv_cdf(0.5 + level / 2.0)
    share = successes / n
    centre = (share + z * z / (2.0 * n)) / (1.0 + z * z / n)
    reach = z * np.sqrt(share * (1.0 - share) / n + z * z / (4.0 * n * n)) / (1.0 + z * z / n)
    # At the ends the formula gives exactly 0 or 1; rounding must not push it past the estimate.
    low = 0.0 if successes == 0 else float(centre - reach)
    high = 1.0 if successes == n else float(centre + reach)
    return low, high


def paired_difference(
    sample: ArrayLike, reference: ArrayLike, level: float = LEVEL, together: int = 1
) -> Estimate:
    """Mean of `sample - reference`, replicate by replicate, with Student-t interval.

    Both must come from the same draws in the same order. A pair with a missing value is left out.
    """
    left, right = np.asarray(sample, dtype=np.float64), np.asarray(reference, dtype=np.float64)
    if left.shape != right.shape:
        raise ValueError(f"pairs need samples of equal length, got {left.shape} and {right.shape}")
    return mean_estimate(left - right, level, together)
