"""Recoveries of a cohort: open claims are neither left out nor guessed."""

import json

import numpy as np
import pandas as pd
import pytest
from own_rules import SMALL

from hashcredit.experiments import cohort_recoveries
from hashcredit.experiments.commands.cli import main
from hashcredit.experiments.measures.recoveries import CLAIM, run_out, survival_weights
from hashcredit.experiments.measures.recovery_tables import format_recoveries
from hashcredit.simulator import Scenario, simulate
from hashcredit.simulator.errors import ScenarioError
from hashcredit.simulator.provenance import rebuild

SEEDS = range(3)


def claims_with(ages, is_open, recovered=None):
    found = np.zeros(len(ages), CLAIM)
    found["age"], found["open"], found["claim"] = ages, is_open, 1.0
    found["recovered"] = 0.0 if recovered is None else recovered
    return found


def test_weights_are_those_of_kaplan_and_meier():
    """Of five claims the second is cut off: the other three at risk stand for it in equal parts."""
    weights = survival_weights(claims_with([1, 2, 3, 4, 5], [False, True, False, False, False]))
    np.testing.assert_allclose(weights, [1.0, 0.0, 4 / 3, 4 / 3, 4 / 3], rtol=1e-15)
    everyone = survival_weights(claims_with([3, 1, 2], [False] * 3))
    assert everyone.tolist() == [1.0, 1.0, 1.0]
    # who closes in the week in which another run ends is still seen to close
    np.testing.assert_allclose(survival_weights(claims_with([2, 2], [True, False])), [0.0, 1.0])


def test_weighting_undoes_what_leaving_out_open_claims_does():
    """Late claims bring less; runs end at random. The mean of those seen to close is too high."""
    draws = np.random.default_rng(5)
    n = 40_000
    ages = draws.integers(1, 60, n)
    brought = np.where(ages < 30, 0.9, 0.2)
    ends = draws.integers(1, 80, n)  # beyond the last age too, so that no age is never seen
    is_open = ends < ages
    claims = claims_with(np.minimum(ages, ends), is_open, brought)
    weights = survival_weights(claims)
    weighted = (weights * brought).sum() / weights.sum()
    error = brought.std() / np.sqrt((~is_open).sum()) * weights.max()  # no weight is larger
    assert abs(weighted - brought.mean()) < 4.0 * error
    assert brought[~is_open].mean() > brought.mean() + 10.0 * error


def test_what_has_happened_by_the_horizon_does_not_change_afterwards():
    longer = run_out(SMALL, 30)
    assert longer.horizon_weeks == SMALL.horizon_weeks + 30
    short, long = (simulate(each, seed=5) for each in (SMALL, longer))
    part = long.economy.series[: SMALL.horizon_weeks]
    assert part.tobytes() == short.economy.series.tobytes()
    later = long.loan_tape["week"] >= SMALL.horizon_weeks + SMALL.investment.lead_weeks
    assert not later.any(), "new business, longer after its end than an order takes"
    assert (long.loan_tape["week"] < SMALL.horizon_weeks).sum() == len(short.loan_tape)
    assert run_out(SMALL, 0) is SMALL


def test_recoveries_of_a_small_market():
    found = cohort_recoveries(SMALL, SEEDS, 4, before_week=SMALL.horizon_weeks, run_off=104, threads=2)
    again = cohort_recoveries(SMALL, SEEDS, 4, before_week=SMALL.horizon_weeks, run_off=104, threads=1)
    assert found.table.equals(again.table)
    everyone = found.table.iloc[0]
    runs = len(SEEDS) * 4
    assert everyone["claims"] == len(found.at_horizon) / runs > 0
    assert len(found.run_out) == len(found.at_horizon), "the same defaults"
    assert found.at_horizon["claim"].tobytes() == found.run_out["claim"].tobytes()
    assert everyone["still_open_share"] <= everyone["open_share"]
    lost = found.run_out["claim"] - np.minimum(found.run_out["recovered"], found.run_out["claim"])
    assert everyone["lgd"] == pytest.approx(lost.sum() / found.run_out["claim"].sum(), rel=1e-12)
    for by in ("rank", "tier", "instrument", "grade"):
        rows = found.table[found.table["by"] == by]
        assert rows["claim_musd"].sum() == pytest.approx(everyone["claim_musd"], rel=1e-12)
    assert "loss given default" in repr(found)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"from_week": 52, "before_week": 52}, "before_week"),
        ({"from_week": 10_000, "before_week": 10_001}, "from_week"),
        ({"machine": "H1000"}, "machine"),
        ({"run_off": -1}, "run_off"),
        ({"replicates": 0}, "replicates"),
        ({"seeds": [1, 1]}, "seeds"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments, said):
    with pytest.raises(ScenarioError, match=said):
        cohort_recoveries(SMALL, **arguments)


def test_nobody_defaults():
    calm = Scenario.load().with_changes(
        {"horizon_weeks": 4, "population.miners": 3, "population.neoclouds": 3}
    )
    found = cohort_recoveries(calm, [1], 1, before_week=1, run_off=0)
    assert found.table.iloc[0]["claims"] == 0.0 and np.isnan(found.table.iloc[0]["lgd"])
    assert format_recoveries(found).endswith("nobody defaults in these weeks")


def test_the_command_prints_and_writes(tmp_path, capsys):
    small = ["horizon_weeks=40", "population.miners=20", "population.neoclouds=20"]
    changes = [word for change in small for word in ("--set", change)]
    size = ["--seeds", "2", "--seed", "4", "--replicates", "2", "--before-week", "40", "--run-off", "26"]
    folder = tmp_path / "recoveries"
    assert main(["recoveries", "dump_10k_h100", *changes, *size, "--quiet", "--out", str(folder)]) == 0
    said = capsys.readouterr().out
    assert "seeds 4 to 5, 2 replicates each; defaults of weeks 0 to 39" in said
    assert all(len(line) <= 80 for line in said.splitlines())
    files = {path.name for path in folder.iterdir()}
    assert files == {"provenance.json", "recoveries.csv", "recoveries.pdf", "recoveries.png", "scenario.toml"}
    record = json.loads((folder / "provenance.json").read_text())
    weeks = {name: record[name] for name in ("from_week", "before_week", "machine", "run_off")}
    assert weeks == {"from_week": 0, "before_week": 40, "machine": None, "run_off": 26}
    again = cohort_recoveries(rebuild(record)[0], record["seeds"], record["replicates"], **weeks)
    kept = pd.read_csv(folder / "recoveries.csv", dtype={"name": str})
    pd.testing.assert_frame_equal(kept, again.table, check_dtype=False)
    assert len(again.at_horizon) > 0


def test_the_command_refuses_in_one_line(tmp_path, capsys):
    folder = tmp_path / "recoveries"
    assert main(["recoveries", "--machine", "H1000", "--quiet", "--out", str(folder)]) == 2
    error = capsys.readouterr().err
    assert "machine: 'H1000' is not allowed; expected one of" in error and error.count("\n") == 1
    assert not folder.exists()
