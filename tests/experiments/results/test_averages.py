"""Averages, paired differences and arrays of the results of a study."""

import json
import sys

import numpy as np
import pytest
from stores import RULE, chunks, fail_rows, make_store, rewrite

from hashcredit.experiments import Results
from hashcredit.experiments.results.averages import unit_of
from hashcredit.experiments.results.kept import ResultsError
from hashcredit.experiments.results.labelled import MissingLibraryError
from hashcredit.simulator.reports.statistics import mean_estimate, paired_difference, probability_estimate

# Averages


def test_statistics_are_those_of_each_point(results):
    table = results.statistics(["units_dumped", "recovery_rate"])
    assert len(table) == 8
    for _, row in table.iterrows():
        mine = results.runs[
            (results.runs[RULE] == row[RULE]) & (results.runs["horizon_weeks"] == row["horizon_weeks"])
        ]
        expected = mean_estimate(mine[row["quantity"]])
        for name in ("n", "mean", "standard_error", "low", "high", "median"):
            np.testing.assert_equal(row[name], getattr(expected, name), err_msg=name)
    assert set(table["unit"]) == {"units", "share of claims"} and set(table["points"]) == {1}
    narrow = results.statistics("units_dumped", level=0.5)
    assert (narrow["low"] > table[table["quantity"] == "units_dumped"]["low"].to_numpy()).all()


def test_averages_over_points_have_the_error_of_their_replicates(results):
    """Points share their draws: sixteen runs are four independent numbers, not sixteen."""
    (row,) = results.statistics(["units_dumped"], by=[]).to_dict("records")
    expected = mean_estimate(results.runs.groupby("replicate")["units_dumped"].mean())
    assert (row["n"], row["points"]) == (4, 4)
    assert row["mean"] == pytest.approx(expected.mean, rel=1e-14)
    assert row["standard_error"] == pytest.approx(expected.standard_error, rel=1e-12)
    by_rule = results.statistics(["units_dumped"], by=RULE)
    assert by_rule[RULE].tolist() == ["auction", "deep"] and by_rule["points"].tolist() == [2, 2]


def test_a_replicate_counts_if_all_points_of_the_group_have_it(folder, results):
    rewrite(chunks(folder)[1], lambda table: fail_rows(table, 1))  # point 1, replicate 0
    found = Results.open(folder)
    assert found.statistics(["units_dumped"])["n"].tolist() == [4, 3, 4, 4]
    (row,) = found.statistics(["units_dumped"], by=[]).to_dict("records")
    expected = results.runs[results.runs["replicate"] > 0].groupby("replicate")["units_dumped"].mean()
    assert row["n"] == 3 and row["mean"] == pytest.approx(expected.mean(), rel=1e-14)


def test_of_booleans_the_share_is_told(results):
    many = {"many": lambda runs: runs["units_dumped"] > runs["units_dumped"].median()}
    table = results.statistics(many)
    happened = many["many"](results.runs).to_numpy().reshape(4, 4)
    for k, row in table.iterrows():
        expected = probability_estimate(happened[k])
        assert (row["mean"], row["low"], row["high"]) == (expected.mean, expected.low, expected.high)
    with pytest.raises(ResultsError, match="a function that returns one number or boolean a run"):
        results.statistics({"bad": lambda runs: runs["status"]})


def test_the_summary_table_is_what_is_averaged_unless_told_otherwise(results):
    names = results.statistics()["quantity"].unique().tolist()
    assert {"defaults", "creditor_loss_musd", "recovery_rate"} <= set(names)
    assert len(results.statistics()) == 4 * len(names)
    for wrong, message in (
        (["defaultz"], "quantities: 'defaultz'.*'defaults'"),
        (["status"], "quantities: 'status'.*a column of numbers"),
    ):
        with pytest.raises(ResultsError, match=message):
            results.statistics(wrong)
    with pytest.raises(ResultsError, match=r"by: 'horizon' is not allowed.*horizon_weeks"):
        results.statistics(["defaults"], by=["horizon"])
    with pytest.raises(ResultsError, match="level: 95"):
        results.statistics(["defaults"], level=95)


def test_differences_are_paired_by_replicate_and_the_other_factors(results):
    table = results.paired("creditor_loss_musd", RULE, "auction")
    assert table[RULE].tolist() == ["deep", "deep"] and table["horizon_weeks"].tolist() == [6, 12]
    values = results.runs.set_index([RULE, "horizon_weeks", "replicate"])["creditor_loss_musd"]
    for _, row in table.iterrows():
        weeks = row["horizon_weeks"]
        expected = paired_difference(values["deep", weeks], values["auction", weeks])
        assert (row["n"], row["mean"], row["low"]) == (4, expected.mean, expected.low)
    (pooled,) = results.paired("creditor_loss_musd", RULE, "auction", by=[]).to_dict("records")
    assert pooled["pairs"] == 2 and pooled["mean"] == pytest.approx(table["mean"].mean(), rel=1e-12)
    assert table["unit"].tolist() == ["M$", "M$"]
    other = results.paired("creditor_loss_musd", "horizon_weeks", 6)
    assert other["horizon_weeks"].tolist() == [12, 12] and other[RULE].tolist() == ["auction", "deep"]


def test_a_pair_needs_both_of_its_runs(folder, results):
    rewrite(chunks(folder)[0], lambda table: fail_rows(table, 2))  # auction, 6 weeks
    table = Results.open(folder).paired("units_dumped", RULE, "auction")
    assert table["n"].tolist() == [2, 4]


def test_pairs_are_refused_where_there_are_none(results, tmp_path):
    with pytest.raises(ResultsError, match=r"reference: 'batch' is not allowed.*'auction', 'deep'"):
        results.paired("defaults", RULE, "batch")
    with pytest.raises(ResultsError, match="factor: 'rule'"):
        results.paired("defaults", "rule", "auction")
    with pytest.raises(ResultsError, match=r"by: 'secondary_market\.rule'"):
        results.paired("defaults", RULE, "auction", by=[RULE])
    lone = make_store(tmp_path / "lone", {"common_random_numbers": False, "replicates": 1})
    with pytest.raises(ResultsError, match="common_random_numbers = true"):
        Results.open(lone).paired("defaults", RULE, "auction")


# Arrays


def test_a_grid_has_a_dimension_a_factor(results):
    data = results.to_xarray()
    assert data["defaults"].dims == (RULE, "horizon_weeks", "replicate")
    for _, row in results.runs.iterrows():
        cell = data.sel(
            {RULE: row[RULE], "horizon_weeks": row["horizon_weeks"], "replicate": row["replicate"]}
        )
        assert cell["run_id"].item() == row["run_id"] and cell["status"].item() == "ok"
        for name in ("defaults", "recovery_rate", "creditor_loss_musd"):
            np.testing.assert_equal(cell[name].item(), float(row[name]))
    assert data["creditor_loss_musd"].attrs["units"] == "M$"
    assert data["horizon_weeks"].attrs == {"long_name": "length of a run", "units": "weeks"}
    assert data.attrs["study"] == "study" and data.attrs["hashcredit_version"]
    assert json.loads(data.attrs["provenance"]) == results.manifest


def test_failed_and_missing_runs_are_not_numbers(folder):
    rewrite(chunks(folder)[1], lambda table: fail_rows(table, 1))
    chunks(folder)[3].unlink()
    data = Results.open(folder).to_xarray()
    status = data["status"].values
    assert status[0, 1].tolist() == ["failed", "ok", "ok", "ok"] and set(status[1, 1]) == {"missing"}
    empty = np.isnan(data["defaults"].values)
    np.testing.assert_array_equal(empty, status != "ok")
    assert (data["run_id"].values != "").all() and data["seed"].values.dtype == np.int64


@pytest.mark.parametrize(
    ("changes", "dims"),
    [
        ({"design": {"kind": "grid"}, "factors": {}}, ("replicate",)),
        (
            {
                "design": {
                    "kind": "product",
                    "of": [
                        {"kind": "grid", "factors": [RULE]},
                        {"kind": "list", "factors": ["horizon_weeks", "credit.marked_share"]},
                    ],
                },
                "factors": {
                    RULE: ["auction", "deep"],
                    "horizon_weeks": [3, 5],
                    "credit.marked_share": [0.5, 0.75],
                },
            },
            ("point", "replicate"),
        ),
        (
            {
                "factors": {
                    "scenario": ["baseline_2026", "deep_market"],
                    "channels.fire_sale": [True, False],
                }
            },
            ("scenario", "channels.fire_sale", "replicate"),
        ),
        ({"factors": {"start_date": ["2026-04-06", "2026-07-06"]}}, ("start_date", "replicate")),
        (
            {"factors": {"funding.external_share": [[[0, 0.2]], [[0, 0.1], [4, 0.9]]]}},
            ("funding.external_share", "replicate"),
        ),
    ],
    ids=["no factor", "side by side", "scenarios and switches", "dates", "paths"],
)
def test_dimensions_of_other_designs(changes, dims, tmp_path):
    small = {"replicates": 1, "factors": {"horizon_weeks": [3]}}
    found = Results.open(make_store(tmp_path / "s", {**small, **changes}))
    data = found.to_xarray()
    assert data["defaults"].dims == dims
    np.testing.assert_array_equal(data["units_dumped"].values.ravel(), found.runs["units_dumped"])
    for name in found.factors:
        values = data[name].values if dims[0] == "point" else np.unique(data[name].values.astype(str))
        assert len(values) == (4 if dims[0] == "point" else found.runs[name].nunique())
    for factor in [name for name in found.factors if name in dims]:
        levels = found.points[factor].tolist()
        table = found.paired("defaults", factor, levels[0])
        assert set(table[factor]) == set(levels) - {levels[0]}


def test_without_xarray_the_extra_is_named(results, monkeypatch):
    monkeypatch.setitem(sys.modules, "xarray", None)
    with pytest.raises(
        MissingLibraryError, match=r"xarray is not installed; pip install 'hashcredit\[netcdf\]'"
    ):
        results.to_xarray()


def test_units_of_scalars(results):
    assert (unit_of("proceeds_musd"), unit_of("defaults_margin"), unit_of("money_residual")) == (
        "M$",
        "borrowers",
        "",
    )
