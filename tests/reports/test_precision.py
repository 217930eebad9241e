"""Adjusted means against refits by hand, known expectations and exact linear outcomes."""

import math

import numpy as np
import pytest

from hashcredit.simulator.reports.precision import adjusted, precise_estimate
from hashcredit.simulator.reports.statistics import mean_estimate


def test_leaving_one_out_is_what_a_refit_without_it_gives() -> None:
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(12, 3)), rng.exponential(size=12)
    refitted = []
    for i in range(12):
        others = np.arange(12) != i
        design = np.column_stack([np.ones(11), x[others]])
        refitted.append(y[i] - x[i] @ np.linalg.lstsq(design, y[others])[0][1:])
    assert adjusted(y[:, None], x)[:, 0] == pytest.approx(refitted, rel=1e-10)


def test_without_controls_it_is_the_plain_mean() -> None:
    values = [2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]
    plain, precise = mean_estimate(values), precise_estimate(values)
    assert (precise.n, precise.mean, precise.standard_error) == (8, 5.0, plain.standard_error)
    assert precise.adjusted_mean == pytest.approx(5.0, abs=1e-14)
    assert precise.adjusted_se == pytest.approx(plain.standard_error, rel=1e-14)
    assert (precise.low, precise.high) == pytest.approx((plain.low, plain.high), rel=1e-14)
    assert precise.equivalent_runs == pytest.approx(8.0, rel=1e-13)


def test_a_linear_outcome_is_known_without_error() -> None:
    # fat tails, and a sample whose controls happen to be far from their expectation of zero
    x = np.random.default_rng(2).standard_t(3, size=(30, 2)) + 5.0
    precise = precise_estimate(7.0 + x @ [2.0, -3.0], x)
    assert precise.adjusted_mean == pytest.approx(7.0, abs=1e-12)
    assert precise.adjusted_se < 1e-12 < precise.standard_error
    assert abs(precise.mean - 7.0) > 1.0


def test_there_is_no_bias_where_outcomes_bend_with_the_controls() -> None:
    # E exp(x) = exp(1/2). A regression on the whole sample would be off by the covariance of its coefficient
    # and the mean of x: with a bent outcome E[x^2 (y - mu - b x)] = exp(1/2) or, over n = 12, .14.
    rng = np.random.default_rng(3)
    means, regressed = [], []
    for _ in range(6000):
        x = rng.normal(size=(12, 1))
        y = np.exp(x[:, 0])
        means.append(adjusted(y[:, None], x).mean())
        slope = np.cov(x[:, 0], y)[0, 1] / x.var(ddof=1)
        regressed.append(y.mean() - slope * x.mean())
    error = np.std(means) / math.sqrt(6000)
    assert np.mean(means) == pytest.approx(math.exp(0.5), abs=4 * error)
    assert abs(np.mean(regressed) - math.exp(0.5)) > 10 * error, "the test would see such a bias"


def test_intervals_cover_as_promised() -> None:
    # 2,000 samples of 30 with five controls: the covered share has standard error .0049
    rng = np.random.default_rng(4)
    covered = 0
    for _ in range(2000):
        x = rng.normal(size=(30, 5))
        precise = precise_estimate(1.0 + x.sum(axis=1) + rng.normal(size=30), x)
        covered += precise.low <= 1.0 <= precise.high
    assert covered / 2000 == pytest.approx(0.95, abs=4 * 0.0049)


def test_equivalent_runs_are_those_of_the_explained_variance() -> None:
    # half of the variance is explained, so 4,000 runs are worth 8,000; its relative error is about
    # 2 sqrt(1/n) r sqrt(1 - r^2) / (1 - r^2) = .032 with r^2 = 1/2
    rng = np.random.default_rng(5)
    x = rng.normal(size=(4000, 1))
    precise = precise_estimate(x[:, 0] + rng.normal(size=4000), x)
    assert precise.equivalent_runs == pytest.approx(8000, rel=4 * 0.032)
    idle = precise_estimate(rng.normal(size=4000), x)
    assert idle.equivalent_runs == pytest.approx(4000, rel=0.01), (
        "a control that says nothing costs next to none"
    )


def test_a_mean_of_those_that_have_a_value_is_a_ratio() -> None:
    # y = 2 + x, defined where x > -1: the mean over these is 2 + E[x | x > -1] = 2 + phi(1) / Phi(1)
    wanted = 2.0 + math.exp(-0.5) / math.sqrt(2 * math.pi) / (0.5 * (1.0 + math.erf(math.sqrt(0.5))))
    x = np.random.default_rng(6).normal(size=(20_000, 1))
    y = np.where(x[:, 0] > -1.0, 2.0 + x[:, 0], np.nan)
    precise = precise_estimate(y, x)
    assert precise.n == np.isfinite(y).sum()
    assert precise.mean == pytest.approx(np.nanmean(y), rel=1e-12)
    assert precise.adjusted_mean == pytest.approx(wanted, abs=4 * precise.adjusted_se)
    assert precise.adjusted_se < precise.standard_error
    plain = mean_estimate(y).standard_error
    assert precise.standard_error == pytest.approx(plain, rel=1e-3)


def test_what_cannot_be_told_is_nan() -> None:
    none = precise_estimate([math.nan, math.nan], np.zeros((2, 1)))
    assert none.n == 0 and math.isnan(none.mean) and math.isnan(none.adjusted_mean)
    one = precise_estimate([3.0])
    assert (one.n, one.mean, one.adjusted_mean) == (1, 3.0, 3.0)
    assert math.isnan(one.standard_error) and math.isnan(one.low) and math.isnan(one.equivalent_runs)
    still = precise_estimate(np.full(40, 2.5), np.random.default_rng(7).normal(size=(40, 2)))
    assert still.adjusted_mean == pytest.approx(2.5, rel=1e-14) and still.standard_error == 0.0
    assert math.isnan(still.equivalent_runs)


def test_pairs_are_compared_with_independent_runs() -> None:
    # y = x + x^2 - 1 + noise of mirrored pairs: what is odd cancels, the square is explained, the noise stays
    rng = np.random.default_rng(10)
    x, noise = rng.normal(size=(2000, 1)), rng.normal(size=4000)
    both = np.hstack([x, -x]).ravel()
    y = 5.0 + both + both**2 - 1.0 + noise
    alone = precise_estimate(y, together=2)
    precise = precise_estimate(y, 2.0 * (x**2 - 1.0), together=2)
    assert precise.n == 4000 and precise.mean == pytest.approx(y.mean(), rel=1e-12)
    assert precise.adjusted_mean == pytest.approx(5.0, abs=4 * precise.adjusted_se)
    # variances of a mean of two: independent (1 + 2 + 1) / 2; mirrored 2 + 1/2; adjusted 1/2. Their relative
    # errors are sqrt(kurtosis / n), with squares of normals at most 8 %
    assert alone.standard_error == pytest.approx(math.sqrt(2.5 / 2000), rel=0.15)
    assert precise.adjusted_se == pytest.approx(math.sqrt(0.5 / 2000), rel=0.08)
    assert alone.equivalent_runs == pytest.approx(4000 * 2.0 / 2.5, rel=0.3)
    assert precise.equivalent_runs == pytest.approx(4000 * 4.0, rel=0.3)


def test_leaving_a_seed_out_is_what_a_refit_without_it_gives() -> None:
    rng = np.random.default_rng(11)
    x, y = rng.normal(size=(20, 3)), rng.exponential(size=(20, 2))
    found = adjusted(y, x, 4)
    for seed in range(5):
        left_out = np.arange(20) // 4 == seed
        design = np.column_stack([np.ones(16), x[~left_out]])
        slopes = np.linalg.lstsq(design, y[~left_out])[0][1:]
        assert found[left_out] == pytest.approx(y[left_out] - x[left_out] @ slopes, rel=1e-10)


def test_intervals_of_adjusted_means_cover_over_seeds() -> None:
    # 2,000 samples of 10 seeds of 6 runs: y = 1 + (what the seed adds) + controls + noise. The covered share
    # has standard error .0049; means are unbiased within 4 errors of the mean of all 2,000.
    rng = np.random.default_rng(12)
    covered, naive, means = 0, 0, []
    for _ in range(2000):
        x = rng.normal(size=(60, 4))
        y = 1.0 + np.repeat(rng.normal(size=10), 6) + x.sum(axis=1) + rng.normal(size=60)
        over = precise_estimate(y, x, seeds=10)
        alone = precise_estimate(y, x)
        means.append(over.adjusted_mean)
        covered += over.low <= 1.0 <= over.high
        naive += alone.low <= 1.0 <= alone.high
        assert over.mean == pytest.approx(alone.mean, rel=1e-12)
    assert covered / 2000 == pytest.approx(0.95, abs=4 * 0.0049)
    assert naive / 2000 < 0.85, "runs of a seed are no independent ones"
    assert np.mean(means) == pytest.approx(1.0, abs=4 * np.std(means) / math.sqrt(2000))


def test_pairs_of_several_seeds_are_pairs_within_them() -> None:
    # three runs of each of four seeds, so one is alone: its group has the sum of one
    rng = np.random.default_rng(13)
    y, x = rng.normal(size=12), rng.normal(size=(8, 1))
    found = precise_estimate(y, x, together=2, seeds=4)
    groups = np.array([[*each[:2], each[2]] for each in y.reshape(4, 3)])
    sums = np.column_stack([groups[:, :2].sum(axis=1), groups[:, 2]]).reshape(-1, 1)
    corrected = adjusted(sums, x, 2)[:, 0].reshape(4, 2).sum(axis=1)
    assert found.adjusted_mean == pytest.approx(corrected.sum() / 12, rel=1e-12)
    assert found.adjusted_se == pytest.approx(corrected.std(ddof=1) / 3 / 2, rel=1e-12)
