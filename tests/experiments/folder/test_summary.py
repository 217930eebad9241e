"""The summary table by hand, from columns in a mapping or in a DataFrame."""

import numpy as np
import pandas as pd
import pytest

from hashcredit.experiments.folder.summary import (
    QUANTITIES,
    format_flows,
    format_residuals,
    format_statistics,
    statistics_of,
)


def invented_summary():
    """Four replicates: quiet, one forced miner, one forced and one own, and two own."""
    summary = pd.DataFrame(0.0, index=range(4), columns=list(QUANTITIES))
    summary["defaults_miners"] = [0, 1, 1, 1]
    summary["defaults_neoclouds"] = [0, 0, 1, 1]
    summary["defaults"] = [0, 1, 2, 2]
    summary["extra_defaults"] = [0, 0, 1, 2]
    summary["lender_failures"] = [0, 0, 0, 3]
    summary["extra_lender_failures"] = [0, 0, 0, 2]
    summary["recovery_rate"] = [float("nan"), 0.2, 0.4, 0.6]
    residuals = {"money_residual": 1e-12, "balance_residual": [0, 3e-13, 0, 0], "units_residual": 0}
    return summary.assign(**residuals, macro_residual=0.0)


def test_statistics_by_hand():
    rows = {row.quantity: row.estimate for row in statistics_of(invented_summary())}
    assert (rows["defaults"].n, rows["defaults"].mean, rows["defaults"].median) == (4, 1.25, 1.5)
    assert (rows["defaults_if_any"].n, rows["defaults_if_any"].mean) == (3, pytest.approx(5 / 3, rel=1e-15))
    assert (rows["recovery_rate"].n, rows["recovery_rate"].mean) == (3, pytest.approx(0.4, rel=1e-15))
    assert rows["any_default"].mean == 0.75
    assert (rows["extra_defaults"].mean, rows["extra_lender_failures"].mean) == (0.75, 0.5)
    assert rows["any_unforced_default"].mean == 0.5
    assert rows["any_neocloud_default"].mean == 0.5
    assert rows["any_lender_failure"].mean == 0.25


def test_statistics_of_pairs_have_intervals_over_pairs():
    # pairs of defaults (0, 1) and (2, 2): means .5 and 2, standard error .75
    rows = {row.quantity: row.estimate for row in statistics_of(invented_summary(), together=2)}
    assert (rows["defaults"].n, rows["defaults"].mean) == (4, 1.25)
    assert rows["defaults"].standard_error == pytest.approx(0.75, rel=1e-15)
    assert rows["any_default"].standard_error == pytest.approx(0.25, rel=1e-15)


def test_unforced_failures_are_only_told_apart_where_some_were_forced():
    summary = invented_summary().assign(extra_defaults=[0, 1, 2, 2])
    told = {row.quantity for row in statistics_of(summary)}
    assert not told & {"any_unforced_default", "extra_defaults"}
    assert {"extra_lender_failures", "facility_defaults", "hand_backs"} <= told


def test_waivers_and_control_are_only_told_where_there_were_some():
    quiet = {row.quantity for row in statistics_of(invented_summary())}
    assert not quiet & {"waivers", "control_taken"}
    some = statistics_of(invented_summary().assign(waivers=[0, 2, 0, 0], control_taken=[1, 0, 0, 0]))
    means = {row.quantity: row.estimate.mean for row in some}
    assert (means["waivers"], means["control_taken"]) == (0.5, 0.25)


def test_table_has_one_line_a_statistic_and_one_width():
    rows = statistics_of(invented_summary())
    lines = format_statistics(rows).splitlines()
    left_out = [line for line in lines if line.startswith("left out of ")]
    assert lines[len(rows) + 1].startswith("standard errors and intervals: this network only")
    lines = lines[: len(rows) + 1]
    assert {len(line) for line in lines} == {80}
    total = len(invented_summary())
    missing = {row.words: total - row.estimate.n for row in rows if row.estimate.n < total}
    assert missing
    said = [f"left out of {words}: {count} of {total} runs, undefined" for words, count in missing.items()]
    assert left_out == said
    assert any(line.startswith("P(any default)") and "0.7500" in line for line in lines)


def test_residual_line_shows_the_largest():
    expected = "largest residuals: money 1.0e-12, balance sheets 3.0e-13, machines 0, funding pool 0.0e+00"
    assert format_residuals(invented_summary()) == expected


def test_flow_matrix_is_readable():
    flows = pd.DataFrame(
        [[1234.5, -1234.5, 0.0], [-1234.5, 1234.5, 0.0]],
        index=["compute_rent", "change in cash"],
        columns=["miners", "lenders", "rest_of_world"],
    )
    head, rent, change = format_flows(flows).splitlines()
    assert head.split() == ["M$", "miners", "lenders", "rest_of_world"]
    assert rent.split() == ["compute", "rent", "1,234.50", "-1,234.50", "."]
    assert change.split() == ["change", "in", "cash", "-1,234.50", "1,234.50", "."]
    assert len(head) == len(rent) == len(change)


def test_columns_of_a_mapping_say_the_same():
    frame = invented_summary()
    columns = {name: frame[name].to_numpy() for name in frame}
    assert np.isnan(columns["recovery_rate"][0])
    assert format_statistics(statistics_of(columns)) == format_statistics(statistics_of(frame))
    assert format_residuals(columns) == format_residuals(frame)
    columns["money_residual"] = np.array([0.0, np.nan, 0.0, 0.0])
    assert "money nan" in format_residuals(columns)  # no residual is overlooked
