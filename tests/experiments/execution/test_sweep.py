"""Sweeps: the same rows whoever computes them, nothing twice, nothing of another study."""

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from studies import WORK_COLUMNS, call, content_of, little_study, on_threads, rows_of

from hashcredit.experiments.execution.blocks import Block
from hashcredit.experiments.execution.local import WorkerProcesses
from hashcredit.experiments.execution.resume import begin
from hashcredit.experiments.execution.runner import Workforce
from hashcredit.experiments.execution.sweep import Share, sweep, work
from hashcredit.experiments.execution.worker import PlanChangedError, Task, run_task
from hashcredit.experiments.store.plan import changes_of
from hashcredit.experiments.store.store import Store
from hashcredit.simulator import simulate


def test_every_run_has_one_row(swept, study):
    rows = rows_of(swept)
    assert len(rows) == 80
    assert len(set(rows["run_id"].to_pylist())) == 80
    assert set(rows["status"].to_pylist()) == {"ok"} and set(rows["error"].to_pylist()) == {""}
    points = set(
        zip(*(rows[name].to_pylist() for name in ("secondary_market.rule", "horizon_weeks")), strict=True)
    )
    assert points == {("auction", 4), ("auction", 6), ("deep", 4), ("deep", 6)}
    assert sorted(set(rows["replicate"].to_pylist())) == list(range(20))
    assert set(rows["seed"].to_pylist()) == {7}


def test_rows_are_those_of_simulate(swept, study):
    """A row says all that is needed to make the run again, and has its scalars to the bit."""
    store = Store(swept)
    for row in rows_of(swept).to_pylist()[::13]:
        changes = changes_of(row, store.plan.kinds)
        summary = simulate(study.scenario(changes), row["seed"], row["replicate"]).summary
        for name, value in summary.items():
            assert row[name] == value or (np.isnan(row[name]) and np.isnan(value)), name


def test_random_numbers_are_common_unless_they_shall_not_be(study, tmp_path):
    own = study.model_copy(update={"common_random_numbers": False})
    on_threads(own, tmp_path / "own")
    rows = rows_of(tmp_path / "own")
    seeds = {(row["point"], row["seed"]) for row in rows.to_pylist()}
    assert len(seeds) == 4 and len({seed for _, seed in seeds}) == 4
    row = rows.to_pylist()[5]
    changes = changes_of(row, Store(tmp_path / "own").plan.kinds)
    expected = simulate(study.scenario(changes), row["seed"], row["replicate"]).summary
    assert row["paper_value_musd"] == expected["paper_value_musd"]


@pytest.mark.parametrize("chunk", [1, 7, 64, 1024])
def test_any_chunk_size_gives_the_same(chunk, study, swept, tmp_path):
    tally = on_threads(study, tmp_path / "store", chunk=chunk)
    assert tally.computed == 80 and tally.lost == 0
    assert content_of(tmp_path / "store") == content_of(swept)
    most = max(pq.read_metadata(path).num_rows for path in Store(tmp_path / "store").chunks())
    assert most == min(80, 1 << (chunk.bit_length() - 1))


@pytest.mark.parametrize("workers", [1, 3])
def test_any_number_of_processes_gives_the_same(workers, study, swept, tmp_path):
    sweep(study, tmp_path / "store", workers=workers)
    assert content_of(tmp_path / "store") == content_of(swept)
    places = set(rows_of(tmp_path / "store")["host_and_pid"].to_pylist())
    assert 1 <= len(places) <= workers


def test_shards_together_make_the_whole(study, swept, tmp_path):
    store, _ = begin(study, tmp_path / "store")
    with ThreadPoolExecutor(1) as pool:
        for index in (2, 0, 1):
            tally = work(store, store.state(), Workforce(pool, 1), share=Share(index, 3))
            assert tally.computed > 0
    assert store.state().done.all() and store.state().repeated == 0
    assert content_of(tmp_path / "store") == content_of(swept)


def test_nothing_is_computed_twice(study, swept, tmp_path):
    store, _ = begin(study, tmp_path / "store")
    run_task(Task(str(store.path), store.manifest["plan"], Block(32, 40, np.arange(32, 37))))
    tally = on_threads(study, tmp_path / "store")
    assert tally.computed == 75
    assert on_threads(study, tmp_path / "store").computed == 0
    assert store.state().repeated == 0
    assert content_of(tmp_path / "store") == content_of(swept)


def test_details_are_those_of_simulate(study, tmp_path):
    keep = {
        "series": True,
        "series_every": 2,
        "series_columns": ["btc_price_usd", "debt_musd"],
        "events": True,
        "event_kinds": ["sale"],
        "tables": ["borrowers", "loans"],
        "replicates": 3,
    }
    detailed = little_study(tmp_path, replicates=5, keep=keep)
    on_threads(detailed, tmp_path / "store")
    store = Store(tmp_path / "store")
    row = next(r for r in rows_of(store.path).to_pylist() if r["replicate"] == 2 and r["horizon_weeks"] == 6)
    run = simulate(detailed.scenario(changes_of(row, store.plan.kinds)), row["seed"], 2)
    read = {
        name: pa.concat_tables([pq.read_table(p) for p in store.chunks(name)], promote_options="permissive")
        for name in ("series", "events", "borrowers", "loans")
    }
    mine = {name: table.to_pandas().query(f"run_id == '{row['run_id']}'") for name, table in read.items()}
    assert list(mine["series"].columns) == ["run_id", "week", "btc_price_usd", "debt_musd"]
    assert mine["series"]["week"].tolist() == [0, 2, 4]
    assert mine["series"]["btc_price_usd"].tolist() == run.series["btc_price_usd"].iloc[::2].tolist()
    wanted = run.events[run.events["kind"] == "sale"]
    assert mine["events"]["event"].tolist() == wanted.index.tolist()
    assert mine["borrowers"]["cash"].tolist() == run.tables["borrowers"]["cash"].tolist()
    assert len(mine["loans"]) == len(run.tables["loans"])
    runs = read["series"].to_pandas()["run_id"].nunique()
    assert runs == 4 * 3, "only the first three replicates of each point"
    assert len(rows_of(store.path)) == 20, "scalars of all"


def test_identical_points_are_run_once(tmp_path):
    sampled = little_study(
        tmp_path,
        replicates=2,
        design={"kind": "random", "points": 12},
        factors={"secondary_market.rule": ["auction", "deep"]},
    )
    on_threads(sampled, tmp_path / "store")
    assert len(rows_of(tmp_path / "store")) == 4
    design = pq.read_table(tmp_path / "store" / "design.parquet").to_pandas()
    assert len(design) == 12 and design["same_as"].nunique() == 2
    same = (
        design["secondary_market.rule"].to_numpy()
        == design["secondary_market.rule"][design["same_as"]].to_numpy()
    )
    assert same.all()


def test_tables_and_dates_can_be_factors(tmp_path):
    forced = [{"week": 1, "machine": "H100", "units": 50}, {"week": 2, "machine": "H100", "units": 70}]
    odd = little_study(
        tmp_path,
        replicates=1,
        factors={"shocks.forced_default": forced, "funding.external_share": [[[0, 0.2], [3, 0.8]], 0.5]},
    )
    on_threads(odd, tmp_path / "store")
    store = Store(tmp_path / "store")
    for row in rows_of(store.path).to_pylist():
        scenario = odd.scenario(changes_of(row, store.plan.kinds))
        assert scenario.shocks.forced_default.units in (50, 70)
        assert row["defaults_forced"] == simulate(scenario, 7, 0).summary["defaults_forced"]


def test_a_worker_refuses_a_plan_that_was_replaced(swept):
    with pytest.raises(PlanChangedError):
        run_task(Task(str(swept), "another", Block(0, 1, np.arange(1))))


def test_the_log_tells_what_was_done(swept):
    (log,) = (swept / "sessions").glob("*.jsonl")
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert lines[0]["event"] == "session" and lines[0]["missing"] == 80
    assert sum(line["runs"] for line in lines if line["event"] == "done") == 80
    assert {(line["first"], line["last"]) for line in lines if line["event"] == "start"} == {
        (line["first"], line["last"]) for line in lines if line["event"] == "done"
    }


def test_a_crew_loses_only_the_task_that_kills():
    workforce = WorkerProcesses(2)
    try:
        pids = {workforce.submit(os.getpid).result() for _ in range(6)}
        dead = workforce.submit(signal.raise_signal, signal.SIGKILL)
        futures = [workforce.submit(pow, 2, n) for n in range(20)]
        assert isinstance(dead.exception(), Exception)
        assert [future.result() for future in futures] == [2**n for n in range(20)]
        assert os.getpid() not in pids
    finally:
        workforce.kill()


def test_a_process_that_dies_while_it_waits_is_replaced():
    """Killed between two tasks, by whoever reclaims memory: the next task must not hear of it."""
    workforce = WorkerProcesses(1)
    try:
        for _ in range(3):
            pid = workforce.submit(os.getpid).result()
            (pool,) = workforce._pools
            os.kill(pid, signal.SIGKILL)
            deadline = time.monotonic() + 30.0
            while not pool._broken and time.monotonic() < deadline:
                time.sleep(0.01)
            assert pool._broken
            assert workforce.submit(os.getpid).result() != pid
    finally:
        workforce.kill()


def test_a_plain_process_pool_will_do(study, swept, tmp_path):
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("forkserver")) as pool:
        sweep(study, tmp_path / "store", executor=pool, workers=1)
    assert content_of(tmp_path / "store") == content_of(swept)


def test_rows_name_what_may_differ(swept):
    """Whoever compares two folders leaves out the columns about the work, which say so by their names."""
    names = set(rows_of(swept).schema.names) - set(Store(swept).plan.kinds)
    assert {n for n in names if any(word in n for word in ("wall", "time", "second", "pid"))} == WORK_COLUMNS


def test_workers_import_only_what_they_need(swept):
    """Mesa changes how processes are started; the others cost half a second each."""
    code = (
        "import sys, numpy as np\n"
        "from pathlib import Path\n"
        "from hashcredit.experiments.execution.blocks import Block\n"
        "from hashcredit.experiments.execution.worker import StudyWorker, Task, run_task\n"
        "from hashcredit.experiments.store.store import Store\n"
        f"store = Store(Path({str(swept)!r}))\n"
        "worker = StudyWorker(store, store.manifest['plan'])\n"
        "outcome = worker.compute(worker.rows(Block(0, 2, np.arange(2))))\n"
        "print(outcome.errors, outcome.tables()['runs'].num_rows)\n"
        "print(*({'mesa', 'matplotlib', 'pandas', 'SALib', 'dask', 'xarray'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.splitlines() == ["[None, None] 2", ""]


def test_the_command(study, tmp_path):
    (tmp_path / "study.toml").write_text(
        f'scenario = "{tmp_path}/little.toml"\nseed = 1\nreplicates = 4\n[design]\nkind = "grid"\n'
        '[factors]\n"secondary_market.rule" = ["auction", "deep"]\n'
    )
    little_study(tmp_path)
    out, err = call("sweep", tmp_path / "study.toml", "--plan")
    assert "2 points x 4 replicates = 8 runs" in out and "estimate: " in out
    assert not (tmp_path / "out").exists()
    out, err = call("sweep", tmp_path / "study.toml", "--out", tmp_path / "out")
    assert out.startswith("8 of 8 runs ok; ") and "8 of 8 runs" in err
    out, _ = call("sweep", "--out", tmp_path / "out", "--quiet")
    assert out.startswith("8 of 8 runs ok; ")
    run_id = rows_of(tmp_path / "out")["run_id"][3].as_py()
    out, _ = call("rerun", tmp_path / "out", run_id[:12], "--out", tmp_path / "again", "--check")
    assert out.endswith("the same bits as the row in the store\n")
    assert (tmp_path / "again" / "provenance.json").exists()
    _, err = call("sweep", tmp_path / "study.toml", code=2)
    assert err.endswith(
        "error: --out: '(missing)' is not allowed; expected a folder for the results, or --plan\n"
    )
    _, err = call("rerun", tmp_path / "out", "zz", code=2)
    assert "no run's name begins so" in err
