"""Numbers that need all runs of several arms at once: rank correlations, interactions, quantiles."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from scipy.stats import rankdata

from hashcredit.simulator.reports.statistics import Estimate, mean_estimate, paired_difference

Samples = Mapping[str, Mapping[str, np.ndarray]]
"""One number a run by arm and measure; all arms have the same draws in the same order."""

Statistic = Callable[[Samples], Estimate]

BOOTSTRAPS = 2000


def rank_correlation(arm: str, control: str, measures: Sequence[str], by: Sequence[float]) -> Statistic:
    """Spearman's rank correlation, in each run, of the falls of several measures with `by`; its mean.

    A fall is the control's value less the arm's.
    """
    ranks = rankdata(by)

    def estimate(samples: Samples) -> Estimate:
        falls = np.column_stack([samples[control][name] - samples[arm][name] for name in measures])
        found = mean_estimate([_correlation(rankdata(row), ranks) for row in falls])
        return replace(found, low=max(found.low, -1.0), high=min(found.high, 1.0))

    return estimate


def _correlation(left: np.ndarray, right: np.ndarray) -> float:
    """Correlation; NaN where one side does not vary."""
    if np.ptp(left) == 0.0 or np.ptp(right) == 0.0:
        return np.nan
    return float(np.corrcoef(left, right)[0, 1])


def spread_of_falls(arm: str, control: str, measures: Sequence[str]) -> Statistic:
    """Largest less smallest fall of several measures in a run, its mean."""

    def estimate(samples: Samples) -> Estimate:
        falls = np.column_stack([samples[control][name] - samples[arm][name] for name in measures])
        return mean_estimate(np.ptp(falls, axis=1))

    return estimate


def interaction(measure: str, both: str, first: str, second: str, neither: str) -> Statistic:
    """What two changes do together beyond what each does alone, run by run."""

    def estimate(samples: Samples) -> Estimate:
        with_first = samples[both][measure] - samples[first][measure]
        return paired_difference(with_first, samples[second][measure] - samples[neither][measure])

    return estimate


def gap(measure: str, other: str, arm: str) -> Statistic:
    """One measure less another one of the same run."""
    return lambda samples: paired_difference(samples[arm][measure], samples[arm][other])


def saved_beyond(measure: str, cost: str, arm: str, control: str) -> Statistic:
    """Fall of a measure from the control to the arm, less the rise of what that costs."""

    def estimate(samples: Samples) -> Estimate:
        saved = samples[control][measure] - samples[arm][measure]
        return paired_difference(saved, samples[arm][cost] - samples[control][cost])

    return estimate


def percentile_gap(measure: str, percentile: float, arm: str, control: str | None = None) -> Statistic:
    """A percentile over the runs of an arm, less that of a control if given; percentile bootstrap.

    Runs are drawn again with both arms' numbers together, so pairs stay pairs. The interval's level is
    that of the others.
    """

    def estimate(samples: Samples) -> Estimate:
        rows = [samples[name][measure] for name in ([arm] if control is None else [arm, control])]
        draws = np.random.default_rng(0).integers(0, rows[0].size, (BOOTSTRAPS, rows[0].size))
        levels = [np.percentile(row[draws], percentile, axis=1) for row in rows]
        points = [float(np.percentile(row, percentile)) for row in rows]
        again = levels[0] - levels[1] if control is not None else levels[0]
        point = points[0] - points[1] if control is not None else points[0]
        low, high = np.percentile(again, [2.5, 97.5])
        return Estimate(rows[0].size, point, float(again.std(ddof=1)), float(low), float(high), np.nan)

    return estimate
