"""What figures of a study are drawn from: intervals that know what is independent, and what is left out."""

import shutil
from itertools import pairwise

import numpy as np
import pytest
from stores import RULE, chunks, fail_rows, rewrite
from studies import little_study, on_threads

from hashcredit.experiments import Results
from hashcredit.experiments.results.kept import ResultsError
from hashcredit.experiments.results.pictures import source_of
from hashcredit.experiments.results.response import clustered, slices
from hashcredit.simulator.reports.statistics import mean_estimate


def invented(random, points, replicates, common):
    """Effects of points, of replicates (shared by the points where `common`) and of runs; the mean is 0."""
    of_replicate = random.normal(0.0, 1.0, (1 if common else points, replicates))
    return random.normal(0.0, 1.0, (points, 1)) + of_replicate + random.normal(0.0, 0.5, (points, replicates))


@pytest.mark.parametrize("common", [True, False])
def test_intervals_cover_what_they_say(common):
    """Of 600 intervals 95 % hold the mean, give or take three standard errors of .9 %."""
    random = np.random.default_rng(1)
    found = [clustered(invented(random, 12, 10, common), common) for _ in range(600)]
    share = np.mean([low <= 0.0 <= high for _, low, high in found])
    assert 0.92 <= share <= 0.98
    if common:  # without the second cluster they would not
        careless = [clustered(invented(random, 12, 10, common), False) for _ in range(600)]
        assert np.mean([low <= 0.0 <= high for _, low, high in careless]) < 0.92


def test_own_draws_are_clustered_by_point():
    values = np.random.default_rng(2).normal(size=(9, 5))
    values[3, 2] = values[4] = np.nan
    expected = mean_estimate(np.nanmean(np.delete(values, 4, axis=0), axis=1))
    assert clustered(values, False) == pytest.approx((expected.mean, expected.low, expected.high), rel=1e-12)
    assert np.isnan(clustered(np.full((3, 2), np.nan), True)).all()
    mean, low, high = clustered(np.array([[1.0, 3.0]]), True)
    assert mean == 2.0 and np.isnan([low, high]).all()


def test_slices_hold_every_point_once():
    at = np.random.default_rng(3).random(47)
    found = slices(at)
    assert sorted(np.concatenate(found).tolist()) == list(range(47)) and len(found) == 10
    assert all(at[a].max() <= at[b].min() for a, b in pairwise(found))


def test_levels_have_their_statistics_and_paired_differences(results):
    source = source_of(results, "response", "units_dumped")
    rule, weeks = source.factors
    table = results.statistics(["units_dumped"], by=[RULE])
    assert rule.levels == ("auction", "deep") and weeks.levels == ("6", "12") and weeks.unit == "weeks"
    np.testing.assert_array_equal(rule.response.mean, table["mean"])
    np.testing.assert_array_equal(rule.response.low, table["low"])
    (pair,) = results.paired("units_dumped", RULE, "auction", by=[]).to_dict("records")
    assert (rule.paired.mean[0], rule.paired.high[0], rule.paired.at[0]) == (pair["mean"], pair["high"], 1.0)
    assert source.outcome == "units_dumped, units" and source.left_out == ""
    heat = source_of(results, "heatmap", "units_dumped", ["horizon_weeks", RULE])
    assert [factor.name for factor in heat.factors] == ["horizon_weeks", RULE]
    means = results.runs.groupby("point")["units_dumped"].mean()
    np.testing.assert_allclose(heat.value, means, rtol=1e-12)


def test_what_has_no_value_is_counted(folder):
    rewrite(chunks(folder)[1], lambda table: fail_rows(table, 4))  # all of point 1
    source = source_of(Results.open(folder), "scatter", "units_dumped")
    assert source.left_out == "Left out: runs 4 failed; 1 points have no value."
    assert np.isnan(source.value).tolist() == [False, True, False, False]


def test_a_sample_is_sliced_and_without_common_draws_not_paired(tmp_path):
    ranges = {"shocks.btc_volatility": {"low": 0.4, "high": 0.9, "scale": "log"}, RULE: ["auction", "deep"]}
    more = {"design": {"kind": "random", "points": 40}, "factors": ranges, "common_random_numbers": False}
    on_threads(little_study(tmp_path, 2, **more), tmp_path / "store")
    results = Results.open(tmp_path / "store")
    source = source_of(results, "response", "units_dumped")
    volatility, rule = source.factors
    assert volatility.log and volatility.unit == "1/yr^0.5" and len(volatility.response.mean) == 10
    assert rule.levels == ("auction", "deep") and rule.paired is None
    assert "clustered by point." in source.intervals
    mine = source.value[volatility.at <= np.sort(volatility.at)[3]]
    assert volatility.response.mean[0] == pytest.approx(mine.mean(), rel=1e-12, abs=1e-12)
    with pytest.raises(ResultsError, match="figure: 'indexes'"):
        source_of(results, "indexes", "defaults")
    with pytest.raises(ResultsError, match="two factors that differ"):
        source_of(results, "heatmap", "defaults", [RULE])
    shutil.rmtree(tmp_path / "store")
