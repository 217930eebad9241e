"""The table of adjusted means of many runs."""

import pandas as pd
import pytest
from small_economy import SMALL

from hashcredit.simulator import simulate_many


def test_precise_means_are_those_of_the_runs_and_worth_more():
    many = simulate_many(SMALL, seed=2, replicates=60, progress=False)
    table = many.precise.set_index("scalar")
    assert (table["scenario"] == SMALL.name).all() and list(table.index) == list(many.summary.columns[3:])
    for name in ("defaults", "creditor_loss_musd", "recovery_rate"):
        row, values = table.loc[name], many.summary[name]
        assert row["n"] == values.notna().sum()
        assert row["mean"] == pytest.approx(values.mean(), rel=1e-12)
        assert row["low"] < row["adjusted_mean"] < row["high"]
        # both means are of the same expectation; their difference has at most the sum of their errors
        error = row["standard_error"] + row["adjusted_se"]
        assert abs(row["adjusted_mean"] - row["mean"]) < 4 * error


def test_precise_means_of_several_seeds_have_intervals_over_them():
    twice = [SMALL, SMALL.with_changes({"name": "again"})]
    many = simulate_many(twice, seeds=range(6), replicates=10, progress=False)
    table = many.precise
    first, again = (table[table["scenario"] == each.name].drop(columns="scenario") for each in twice)
    pd.testing.assert_frame_equal(first, again.reset_index(drop=True))
    row, values = first.set_index("scalar").loc["creditor_loss_musd"], many.summary["creditor_loss_musd"][:60]
    of_seeds = values.to_numpy().reshape(6, 10).mean(axis=1)
    assert row["n"] == 60 and row["mean"] == pytest.approx(values.mean(), rel=1e-12)
    assert row["standard_error"] == pytest.approx(of_seeds.std(ddof=1) / 6**0.5, rel=1e-12)
    assert abs(row["adjusted_mean"] - row["mean"]) < 4 * (row["standard_error"] + row["adjusted_se"])
