"""Monte Carlo summaries against values worked by hand or printed in tables."""

import math

import numpy as np
import pytest

from hashcredit.simulator.reports.statistics import (
    group_length,
    mean_estimate,
    paired_difference,
    probability_estimate,
    wilson_interval,
)


def test_mean_by_hand() -> None:
    # 2, 4, 4, 4, 5, 5, 7, 9: mean 5, squared deviations sum to 32, variance 32/7.
    estimate = mean_estimate([2, 4, 4, 4, 5, 5, 7, 9])
    standard_error = math.sqrt(32 / 7 / 8)
    assert estimate.n == 8
    assert estimate.mean == 5.0
    assert estimate.median == 4.5
    assert estimate.standard_error == pytest.approx(standard_error, rel=1e-14)
    # Student's t with 7 degrees of freedom, 97.5 %: 2.36462 (printed to five decimals).
    assert estimate.high - 5.0 == pytest.approx(2.36462 * standard_error, rel=3e-6)
    assert estimate.low + estimate.high == pytest.approx(10.0, abs=1e-12)


def test_two_replicates_use_one_degree_of_freedom() -> None:
    # mean 1, standard error 1, t(1) at 97.5 % is tan(0.475 pi) = 12.7062.
    estimate = mean_estimate([0.0, 2.0])
    assert estimate.standard_error == pytest.approx(1.0, rel=1e-15)
    assert estimate.high == pytest.approx(1.0 + math.tan(0.475 * math.pi), rel=1e-10)


def test_missing_values_lower_n() -> None:
    estimate = mean_estimate([1.0, math.nan, 3.0, math.inf])
    assert (estimate.n, estimate.mean, estimate.median) == (2, 2.0, 2.0)


def test_one_or_no_value_has_no_interval() -> None:
    one = mean_estimate([3.0])
    assert (one.n, one.mean, one.median) == (1, 3.0, 3.0)
    assert math.isnan(one.standard_error) and math.isnan(one.low) and math.isnan(one.high)
    none = mean_estimate([math.nan])
    assert none.n == 0 and math.isnan(none.mean) and math.isnan(none.median)


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [
        # Newcombe (1998), Statistics in Medicine 17, table I, method 3 (to four decimals).
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_matches_newcombe(successes: int, n: int, low: float, high: float) -> None:
    assert wilson_interval(successes, n) == pytest.approx((low, high), abs=5.1e-5)


def test_wilson_at_certainty_by_hand() -> None:
    # 10 of 10: low end is 10 / (10 + z^2) with z = 1.959963985.
    low, high = wilson_interval(10, 10)
    assert low == pytest.approx(10 / (10 + 1.959963984540054**2), rel=1e-12)
    assert high == 1.0
    assert wilson_interval(0, 10) == pytest.approx((0.0, 1.0 - low), abs=1e-15)


def test_wilson_refuses_nonsense() -> None:
    with pytest.raises(ValueError, match="successes=3, n=2"):
        wilson_interval(3, 2)
    with pytest.raises(ValueError, match="n=0"):
        wilson_interval(0, 0)


def test_probability_is_a_share() -> None:
    estimate = probability_estimate(np.array([3, 0, 0, 1]) > 0)
    assert (estimate.n, estimate.mean) == (4, 0.5)
    assert estimate.standard_error == pytest.approx(0.25, rel=1e-15)
    assert math.isnan(estimate.median)
    assert 0.0 < estimate.low < 0.5 < estimate.high < 1.0
    assert probability_estimate([]).n == 0


def test_pairing_removes_common_noise() -> None:
    noise = np.array([10.0, -20.0, 35.0, 4.0, -7.0])
    estimate = paired_difference(noise + np.array([1.0, 1.0, 2.0, 1.0, 0.0]), noise)
    # differences 1, 1, 2, 1, 0: mean 1, squared deviations 2, standard error sqrt(2/4/5).
    assert estimate.mean == pytest.approx(1.0, abs=1e-14)
    assert estimate.standard_error == pytest.approx(math.sqrt(0.1), rel=1e-12)


def test_a_pair_with_a_hole_is_left_out() -> None:
    estimate = paired_difference([1.0, math.nan, 5.0], [0.0, 2.0, 3.0])
    assert (estimate.n, estimate.mean) == (2, 1.5)
    with pytest.raises(ValueError, match="equal length"):
        paired_difference([1.0], [1.0, 2.0])


def test_intervals_cover_as_promised() -> None:
    # 2,000 samples of 12: the covered share has standard error sqrt(.95 * .05 / 2000) = 0.0049.
    rng = np.random.default_rng(20)
    intervals = [mean_estimate(sample) for sample in rng.normal(3.0, 2.0, size=(2000, 12))]
    covered = np.mean([interval.low <= 3.0 <= interval.high for interval in intervals])
    assert covered == pytest.approx(0.95, abs=4 * 0.0049)


def test_pairs_by_hand() -> None:
    # pairs (1, 3), (2, 4), (0, nothing): sums 4, 6, 0 of 2, 2, 1 values: mean 10/5 = 2;
    # residuals 0, 2, -2; their spread sqrt(8/2) = 2, over sqrt(3) and 5/3 values a pair.
    estimate = mean_estimate([1.0, 3.0, 2.0, 4.0, 0.0], together=2)
    assert (estimate.n, estimate.mean, estimate.median) == (5, 2.0, 2.0)
    assert estimate.standard_error == pytest.approx(2.0 / math.sqrt(3) * 3 / 5, rel=1e-15)
    # Student's t with 2 degrees of freedom, 97.5 %: 4.30265
    assert estimate.high - 2.0 == pytest.approx(4.30265 * estimate.standard_error, rel=3e-6)
    one = mean_estimate([1.0, 3.0], together=2)
    assert one.mean == 2.0 and math.isnan(one.standard_error) and math.isnan(one.low)


def test_values_that_cancel_in_pairs_have_a_mean_without_error() -> None:
    x = np.random.default_rng(8).normal(size=50)
    pairs = 3.0 + np.column_stack([x, -x]).ravel()
    estimate = mean_estimate(pairs, together=2)
    assert estimate.mean == pytest.approx(3.0, abs=1e-14) and estimate.standard_error < 1e-15
    assert mean_estimate(pairs).standard_error > 0.05
    assert paired_difference(pairs, np.zeros(100), together=2).standard_error < 1e-15


def test_intervals_of_pairs_cover_as_promised() -> None:
    # 2,000 samples of 20 pairs; those of a pair are much alike: intervals of 40 would be too short
    rng = np.random.default_rng(9)
    covered, alone, shares = 0, 0, 0
    for _ in range(2000):
        sample = np.repeat(rng.normal(size=20), 2) + 0.3 * rng.normal(size=40)
        pairs, single = mean_estimate(sample, together=2), mean_estimate(sample)
        covered += pairs.low <= 0.0 <= pairs.high
        alone += single.low <= 0.0 <= single.high
        share = probability_estimate(sample > 0.0, together=2)
        shares += share.low <= 0.5 <= share.high
    assert covered / 2000 == pytest.approx(0.95, abs=4 * 0.0049)
    assert alone / 2000 < 0.9
    assert shares / 2000 == pytest.approx(0.95, abs=0.03), "Wilson's for a number of trials that is estimated"


def test_a_probability_of_pairs_stays_within_its_ends() -> None:
    never = probability_estimate(np.zeros(40), together=2)
    assert (never.n, never.mean, never.low) == (40, 0.0, 0.0) and math.isnan(never.standard_error)
    assert never.high == wilson_interval(0, 20)[1]
    # of 20 pairs one half each: the error of pair means is zero, 20 trials are the least there can be
    halves = probability_estimate(np.tile([1.0, 0.0], 20), together=2)
    assert (halves.mean, halves.standard_error) == (0.5, 0.0)
    assert (halves.low, halves.high) == wilson_interval(10, 20)


def test_a_probability_of_groups_has_as_many_trials_as_its_error_says() -> None:
    # shares of four groups of 5: 0, .2, .4, .6: mean .3, standard error sqrt(.2 / 3 / 4) = .1291, so
    # .21 / .0167 = 12.6 trials, times (1.95996 / 3.18245)^2 for Student's t with 3 degrees of freedom: 4.779
    happened = np.concatenate([np.arange(5) < hits for hits in range(4)])
    found = probability_estimate(happened, together=5)
    assert found.standard_error == pytest.approx(math.sqrt(0.2 / 3 / 4), rel=1e-12)
    trials = 12.6 * (1.959964 / 3.182446) ** 2
    assert (found.low, found.high) == pytest.approx(wilson_interval(0.3 * trials, trials), rel=1e-5)


def test_a_group_is_a_seed_where_there_are_several() -> None:
    assert group_length(1, 50) == 1 and group_length(1, 50, 2) == 2
    assert group_length(20, 50) == 50 and group_length(20, 50, 2) == 50 and group_length(20, 1) == 1


@pytest.mark.parametrize("spread", [0.0, 0.3, 2.0])
def test_intervals_over_seeds_cover_the_mean_of_all_networks(spread: float) -> None:
    """Random effects: what the network adds, and what a run adds to that; 20 seeds of 5 runs, known mean.

    Of 3,000 intervals the covered share has standard error .004. Those that take runs for independent cover
    too little as soon as networks differ; probabilities are those of an event whose chance depends on the
    network.
    """
    rng = np.random.default_rng(21)
    covered, naive, shares, paired = 0, 0, 0, 0
    for _ in range(3000):
        network = np.repeat(spread * rng.normal(size=20), 5)
        sample = 3.0 + network + rng.normal(size=100)
        over, alone = mean_estimate(sample, together=5), mean_estimate(sample)
        covered += over.low <= 3.0 <= over.high
        naive += alone.low <= 3.0 <= alone.high
        share = probability_estimate(sample > 3.0, together=5)
        shares += share.low <= 0.5 <= share.high
        other = 1.0 + network + rng.normal(size=100)  # differs by a network's own, which does not cancel
        difference = paired_difference(sample + network, other, together=5)
        paired += difference.low <= 2.0 <= difference.high
    assert covered / 3000 == pytest.approx(0.95, abs=4 * 0.004)
    assert paired / 3000 == pytest.approx(0.95, abs=4 * 0.004)
    assert shares / 3000 == pytest.approx(0.95, abs=0.02), "Wilson's for a number of trials that is estimated"
    assert (naive / 3000 < 0.93) == (spread > 0.0)
