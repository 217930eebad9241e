"""Sweeps by plain Slurm arrays: the same rows, whatever happens meanwhile."""

import subprocess
import sys
import time

import numpy as np
import pytest
from cluster_studies import RUNS, STUDY, finish, handed_out, has_rows, is_whole, wait_for
from studies import call, rows_of

from hashcredit.experiments.commands.arguments import build_parser
from hashcredit.experiments.execution.array import array_script
from hashcredit.experiments.execution.blocks import shard, shard_grain
from hashcredit.experiments.execution.resume import begin

cluster = pytest.mark.cluster


def arrays(slurm):
    """Numbers of the arrays that have tasks which have not ended."""
    return sorted(set(slurm.call("squeue", "--noheader", "--format=%F").split()))


ARRAY = ("--executor", "array", "--workers", "4", "--memory", "500MB")


@cluster
def test_an_array(slurm, place, short_study, short_content):
    """Submitted and left alone; in a folder whose name needs quotes."""
    folder = place.with_name('my "first" study, 100% & more')
    out, _ = call("sweep", short_study, "--out", folder, *ARRAY, "--chunk", "16")
    (job,) = arrays(slurm)
    assert out == f"submitted array job {job}; hashcredit status {folder} says how far it is\n"
    wait_for(lambda: slurm.jobs() == [])
    is_whole(folder, short_content)
    logs = sorted(path.name for path in (folder / "array").glob("*.log"))
    assert logs == [f"{job}_{task}.log" for task in range(4)]
    out, _ = call("sweep", short_study, "--out", folder, *ARRAY, "--wait")
    assert out.startswith("600 of 600 runs ok; ")
    assert slurm.jobs() == []


@cluster
def test_an_array_under_fire(start, slurm, place, long_study, long_content):
    """A task is cancelled and the node fails; the same command computes what is missing and no more.

    Blocks are of one size: by time a task and its second start may cut them otherwise, and rows are there
    twice, of which each counts once.
    """
    process = start("sweep", long_study, "--out", place, *ARRAY, "--chunk", "32", "--wait")
    wait_for(has_rows(place), process=process)
    (job,) = arrays(slurm)
    _, err = call("sweep", long_study, "--out", place, *ARRAY, "--quiet", code=2)
    assert err.startswith(f"hashcredit: error: array job {job} is still at work on {place}; ")
    assert err.count("\n") == 1
    slurm.cancel(f"{job}_0")
    slurm.fail_node()
    time.sleep(1)
    slurm.resume_node()
    out, err = finish(process, code=1)
    missing = int(out.split(" runs ok, ")[1].split(" missing")[0].replace(",", ""))
    cancelled = ~shard(np.zeros(RUNS, bool), 0, 4, shard_grain(RUNS, 4))
    assert 0 < missing <= cancelled.sum() and "tasks running" in err, "the other tasks were queued again"
    before = handed_out(place)
    out, _ = call("sweep", long_study, "--out", place, *ARRAY, "--chunk", "32", "--wait")
    assert f"{RUNS:,} of {RUNS:,} runs ok; " in out
    assert handed_out(place) - before == missing
    is_whole(place, long_content)
    print(f"{handed_out(place) - RUNS} runs given out more than once")


@cluster
def test_an_array_task_that_is_warned(slurm, place, long_study):
    """As Slurm does before the limit of a job: what was committed is kept, and the task says so.

    Slurm may warn a minute earlier than it was asked to: that must leave time for a first chunk.
    """
    long = long_study.with_name("long.toml")
    long.write_text(STUDY.replace("400", "400000"))
    options = ("--sbatch=--signal=B:TERM@35", "--walltime", "00:02:00")
    call("sweep", long, "--out", place, *ARRAY, *options, "--workers", "2")
    (job,) = arrays(slurm)
    wait_for(lambda: slurm.jobs() == [], seconds=180)
    kept = len(rows_of(place))
    assert 0 < kept < 1_600_000
    count = 0
    for task in (0, 1):
        said = (place / "array" / f"{job}_{task}.log").read_text().splitlines()[-1]
        assert said.startswith("hashcredit: stopped by SIGTERM, ")
        assert f" runs of part {task}/2 are kept in {place}; " in said
        count += int(said.split(", ", 1)[1].split(" of ")[0].replace(",", ""))
    assert kept - 2 * 16_384 < count <= kept
    assert not list(place.rglob("*.partial"))


@cluster
def test_tasks_that_run_twice(start, slurm, place, short_study, short_content):
    begin(short_study, place)
    # blocks of one size: by time the two might cut theirs otherwise and write rows twice
    words = ("sweep", "--out", place, "--chunk", "64", "--shard")
    parts = [start(*words, part) for part in ("0/2", "1/2", "0/2")]
    for part in parts:
        finish(part)
    is_whole(place, short_content)


def test_the_script_of_an_array(short_study, tmp_path, monkeypatch):
    monkeypatch.setenv("HASHCREDIT_CACHE_DIR", "/tmp/with a space")
    store, _ = begin(short_study, tmp_path / "a store")
    words = ["sweep", "--out", str(store.path), "--executor", "array", "--workers", "8", "--cpus", "2"]
    words += ["--walltime", "02:00:00", "--partition", "short", "--sbatch=--exclusive", "--chunk", "64"]
    script = array_script(store, build_parser().parse_args(words))
    lines = script.splitlines()
    assert lines[0] == "#!/bin/bash"
    asked = [line.removeprefix("#SBATCH --") for line in lines if line.startswith("#SBATCH --")]
    assert {"array=0-7", "cpus-per-task=2", "time=02:00:00", "partition=short", "exclusive"} <= set(asked)
    assert f'output="{store.path}/array/%A_%a.log"' in asked
    assert "export HASHCREDIT_CACHE_DIR='/tmp/with a space'" in lines
    assert "export NUMBA_NUM_THREADS=1" in lines
    tail = f"sweep --out '{store.path}' --cpus 2 --chunk 64 --shard \"$SLURM_ARRAY_TASK_ID/8\""
    assert lines[-1] == f"exec {sys.executable} -m hashcredit.experiments.commands.process {tail}"
    subprocess.run(["bash", "-n"], input=script, text=True, check=True)
    monkeypatch.setenv("HASHCREDIT_CACHE_DIR", "")  # as good as absent, and not the working folder
    assert "HASHCREDIT_CACHE_DIR" not in array_script(store, build_parser().parse_args(words))
