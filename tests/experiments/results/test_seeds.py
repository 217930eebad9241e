"""Studies of several seeds: each run is that of its network, and intervals are over networks."""

import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
from stores import RULE, SMALL, chunks, fail_rows, make_store, rewrite
from studies import little_study

from hashcredit.experiments import Results
from hashcredit.experiments.execution import worker
from hashcredit.experiments.execution.blocks import Block
from hashcredit.experiments.execution.estimate import estimate
from hashcredit.experiments.execution.planning import create
from hashcredit.experiments.execution.sweep import sweep
from hashcredit.experiments.results.pictures import source_of
from hashcredit.experiments.results.response import clustered, of_seeds
from hashcredit.experiments.store.manifest import read_manifest, write_manifest
from hashcredit.experiments.store.plan import design_digest
from hashcredit.experiments.store.store import Store
from hashcredit.experiments.study.study import Study
from hashcredit.simulator import Scenario, simulate_many
from hashcredit.simulator.errors import StudyError
from hashcredit.simulator.reports.statistics import mean_estimate, paired_difference, probability_estimate

SEEDS = {"seeds": 3, "replicates": 2, "keep": {"tables": ["lenders"], "replicates": 1}}


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """Four points on three networks with two replicates each, in files of five runs."""
    return make_store(tmp_path_factory.mktemp("seeds") / "store", SEEDS, chunk=5)


@pytest.fixture
def several(stored):
    return Results.open(stored)


def test_each_run_is_that_of_its_network(several):
    runs = several.runs
    assert several.complete and (several.seeds, several.replicates, several.together) == (3, 2, 2)
    assert runs["seed"].tolist() == [7, 7, 8, 8, 9, 9] * 4 and runs["replicate"].tolist() == [0, 1] * 12
    for point, row in several.points.iterrows():
        scenario = Scenario.load().with_changes({name: row[name] for name in several.factors})
        expected = simulate_many(scenario, seeds=(7, 8, 9), replicates=2).summary
        mine = runs[runs["point"] == point].reset_index(drop=True)
        for name in ("defaults", "creditor_loss_musd", "money_residual"):
            assert (mine[name] == expected[name]).all(), name
    kept = several.table("lenders")
    assert set(zip(kept["seed"], kept["replicate"], strict=True)) == {(7, 0), (8, 0), (9, 0)}


def test_intervals_are_over_networks(several):
    quantities = ["units_dumped", "recovery_rate"]
    for _, row in several.statistics(quantities).iterrows():
        mine = several.runs[
            (several.runs[RULE] == row[RULE]) & (several.runs["horizon_weeks"] == row["horizon_weeks"])
        ]
        expected = mean_estimate(mine[row["quantity"]], together=2)
        for name in ("n", "mean", "standard_error", "low", "high", "median"):
            np.testing.assert_equal(row[name], getattr(expected, name), err_msg=name)
        assert row["networks"] == 3
    (row,) = several.statistics(["units_dumped"], by=[]).to_dict("records")
    of_draws = several.runs.groupby(["seed", "replicate"])["units_dumped"].mean()
    expected = mean_estimate(of_draws, together=2)
    assert row["n"] == 6 and row["standard_error"] == pytest.approx(expected.standard_error, rel=1e-12)
    many = {"many": lambda runs: runs["units_dumped"] > runs["units_dumped"].median()}
    happened = many["many"](several.runs).to_numpy().reshape(4, 6)
    for k, row in several.statistics(many).iterrows():
        expected = probability_estimate(happened[k], together=2)
        assert (row["mean"], row["low"], row["high"]) == (expected.mean, expected.low, expected.high)


def test_pairs_share_seed_and_replicate(several):
    (row, _) = several.paired("units_dumped", RULE, "auction").to_dict("records")
    runs = several.runs[several.runs["horizon_weeks"] == row["horizon_weeks"]]
    deep, auction = (runs[runs[RULE] == rule]["units_dumped"] for rule in ("deep", "auction"))
    expected = paired_difference(deep, auction, together=2)
    assert (row["n"], row["networks"], row["mean"]) == (6, 3, expected.mean)
    assert row["standard_error"] == pytest.approx(expected.standard_error, rel=1e-12, abs=1e-12)


def test_a_run_that_failed_leaves_the_rest_of_its_network(tmp_path):
    folder = make_store(tmp_path / "store", SEEDS, chunk=5)
    rewrite(chunks(folder)[0], lambda table: fail_rows(table, 1))
    found = Results.open(folder)
    failed = found.failures[["point", "seed", "replicate"]].to_numpy().tolist()
    (row,) = found.statistics(["units_dumped"], by=[]).to_dict("records")
    left = found.runs.assign(draw=found.runs["seed"] * 2 + found.runs["replicate"])
    gone = {seed * 2 + replicate for _, seed, replicate in failed}
    values = left.groupby("draw")["units_dumped"].mean().mask(lambda each: each.index.isin(gone))
    expected = mean_estimate(values, together=2)
    assert (row["n"], row["mean"]) == (expected.n, pytest.approx(expected.mean, rel=1e-12)) and row["n"] < 6
    assert row["standard_error"] == pytest.approx(expected.standard_error, rel=1e-12)


def test_arrays_have_a_dimension_of_networks(several):
    xarray = pytest.importorskip("xarray")
    data = several.to_xarray()
    assert isinstance(data, xarray.Dataset)
    assert dict(data.sizes) == {RULE: 2, "horizon_weeks": 2, "network": 3, "replicate": 2}
    assert data["seed"].values[0, 0].tolist() == [[7, 7], [8, 8], [9, 9]]
    one = data["units_dumped"].sel({RULE: "deep", "horizon_weeks": 12, "network": 2, "replicate": 1})
    runs = several.runs
    row = runs[(runs[RULE] == "deep") & (runs["horizon_weeks"] == 12) & (runs["seed"] == 9)].iloc[1]
    assert float(one) == row["units_dumped"]


def test_a_figure_says_what_its_intervals_are_over(several, results):
    assert "3 networks with 2 replicates each" in source_of(several, "response", "units_dumped").words
    assert "over networks, after" in source_of(several, "response", "units_dumped").intervals
    assert "this network only" in source_of(results, "response", "units_dumped").intervals


def test_intervals_of_a_sample_take_a_seed_as_one_draw():
    # what the network adds is common to all points: replicates do not make it smaller
    rng = np.random.default_rng(31)
    covered = {True: 0, False: 0}
    for _ in range(1500):
        network = np.repeat(rng.normal(size=10), 4)
        values = 2.0 + rng.normal(size=(12, 1)) + network + rng.normal(size=(12, 40))
        for by_seed in covered:
            _, low, high = clustered(of_seeds(values, 10 if by_seed else 1), True)
            covered[by_seed] += low <= 2.0 <= high
    # of 1,500 the covered share has standard error .0056; two-way clustered ones are wide rather than narrow
    assert covered[True] / 1500 > 0.95 - 4 * 0.0056
    assert covered[False] / 1500 < 0.95 - 4 * 0.0056, "those over runs are too short"
    assert np.isnan(of_seeds(np.array([[np.nan, np.nan, 1.0, np.nan]]), 2)).tolist() == [[True, False]]


def test_the_plan_is_in_order_for_any_row_group(tmp_path, monkeypatch):
    study = little_study(tmp_path, replicates=3, seeds=5)
    whole, cut = Store(tmp_path / "whole"), Store(tmp_path / "cut")
    create(whole, study, study.points(), None)
    monkeypatch.setattr("hashcredit.experiments.store.plan.ROW_GROUP", 7)
    create(cut, study, study.points(), None)
    table = whole.plan.read().to_pandas()
    pd.testing.assert_frame_equal(table, cut.plan.read().to_pandas())
    assert table["run_id"].nunique() == len(table) == 4 * 5 * 3
    assert table["seed"].tolist() == [7 + number for number in range(5) for _ in range(3)] * 4


def test_points_with_draws_of_their_own_have_networks_of_their_own(tmp_path):
    study = little_study(tmp_path, replicates=2, seeds=3, common_random_numbers=False)
    store = Store(tmp_path / "store")
    create(store, study, study.points(), None)
    seeds = store.plan.read().to_pandas().groupby("point")["seed"].unique()
    assert len({seed for of_point in seeds for seed in of_point}) == 12


def test_a_study_that_grows_by_networks_keeps_its_runs(tmp_path):
    folder, said = tmp_path / "store", []
    with ThreadPoolExecutor(1) as executor:
        options = {"executor": executor, "workers": 1, "chunk": 4}
        sweep(little_study(tmp_path, replicates=2), folder, **options)
        before = Results.open(folder).runs
        sweep(little_study(tmp_path, replicates=2, seeds=3), folder, say=said.append, **options)
    after = Results.open(folder)
    assert after.complete and len(after.runs) == 3 * len(before)
    kept = after.runs[after.runs["seed"] == 7].reset_index(drop=True)
    pd.testing.assert_frame_equal(kept, before)  # with the seconds that they took
    assert any("grown from 8 to 24 runs" in text for text in said)


def test_a_folder_from_before_seeds_were_a_factor_is_read_and_taken_up(tmp_path):
    folder = make_store(tmp_path / "store", {"replicates": 2})
    content = {key: value for key, value in read_manifest(folder).items() if key != "store"}
    del content["study"]["seeds"]
    write_manifest(folder, content)
    again = Results.open(folder)
    assert (again.seeds, again.replicates) == (1, 2) and set(again.statistics("defaults")["networks"]) == {1}
    make_store(folder, {"replicates": 2})
    assert "seeds" not in json.loads((folder / "manifest.json").read_text())["study"]
    one, more = (Study.from_dict({**SMALL, "seeds": seeds}) for seeds in (1, 2))
    assert design_digest(one, one.points()) == design_digest(Study.from_dict(SMALL), one.points())
    assert design_digest(one, one.points()) != design_digest(more, more.points())


def test_a_network_is_prepared_once_in_a_block(tmp_path, monkeypatch):
    study = little_study(tmp_path, replicates=4, seeds=3)
    store = Store(tmp_path / "store")
    create(store, study, study.points(), None)
    made = []
    for name in ("prepare", "with_seed"):
        original = getattr(worker, name)
        monkeypatch.setattr(worker, name, lambda *args, f=original: made.append(args[-1]) or f(*args))
    task = worker.StudyWorker(store, store.manifest["plan"])
    outcome = task.compute(task.rows(Block(0, 16, np.arange(16))))
    assert made == [7, 8, 9, 7] and outcome.errors == [None] * 16


def test_size_and_cost_count_networks(tmp_path):
    study = little_study(tmp_path, replicates=2, seeds=20)
    assert "4 points x 20 networks x 2 replicates = 160 runs" in repr(study)
    cost = estimate(study, study.points(), tmp_path / "trial")
    assert (cost.points, cost.networks, cost.runs) == (4, 80, 160)
    assert cost.seconds >= 80 * cost.point_seconds


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"seeds": 0}, "seeds: 0 is not allowed"),
        ({"seeds": 2.5}, "seeds: 2.5 is not allowed"),
        ({"seeds": [1, 2]}, r"seeds: \[1, 2\] is not allowed"),
        ({"seed": 2**63 - 1, "seeds": 2}, "seeds: 2 is not allowed; expected at most 1 from this seed on"),
        ({"seeds": 100_000, "replicates": 10_000}, "at most 1000000000 runs; this makes 4000000000"),
    ],
)
def test_bad_seeds_are_refused(changes, said):
    with pytest.raises(StudyError, match=said):
        Study.from_dict({**SMALL, **changes})
