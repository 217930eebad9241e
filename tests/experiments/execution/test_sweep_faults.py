"""Sweeps under fire: killed drivers, workers and runs, full and read-only disks, torn files."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from installs import unavailable
from studies import call, command, content_of, failed_rows, little_study, rows_of

from hashcredit.agents.compiled import cache_folder
from hashcredit.experiments.execution.local import WorkerProcesses
from hashcredit.experiments.execution.resume import begin
from hashcredit.experiments.execution.runner import DIED, WorkersDieError, Workforce
from hashcredit.experiments.execution.sweep import work
from hashcredit.experiments.execution.worker import run_task
from hashcredit.experiments.store.store import Store

pytestmark = pytest.mark.faults

RUNS = 5000
KILLS = 10

STUDY = """
scenario = "baseline_2026"
seed = 7
replicates = 1250
[design]
kind = "grid"
[factors]
"secondary_market.rule" = ["auction", "deep"]
"shocks.btc_volatility" = [0.5, 0.7]
"""


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    file = tmp_path_factory.mktemp("study") / "study.toml"
    file.write_text(STUDY)
    return file


@pytest.fixture(scope="module")
def undisturbed(study, tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed") / "store"
    call("sweep", study, "--out", folder)
    assert len(rows_of(folder)) == RUNS
    return folder


def lives(pid):
    """Whether a process is there and no zombie."""
    try:
        return " Z " not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2][:3]
    except FileNotFoundError:
        return False


def children_of(pid):
    """Every process below another."""
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in task.read_text().split():
            found += [int(child), *children_of(child)]
    return found


def computed(folder):
    """Runs that drivers have handed out, according to their logs: finished or not."""
    total = 0
    for log in (folder / "sessions").glob("*.jsonl"):
        for line in log.read_text().splitlines():
            event = json.loads(line)
            total += event["runs"] if event["event"] == "start" else 0
    return total


def test_ten_killed_drivers(study, undisturbed, tmp_path):
    folder, rng = tmp_path / "store", random.Random(11)
    kills, done = 0, []
    while kills < KILLS:
        process = command("sweep", study, "--out", folder, "--quiet")
        before = len(rows_of(folder)) if done and done[-1] else 0
        chunks = len(list(folder.glob("runs/chunk-*.parquet")))
        deadline = time.monotonic() + rng.uniform(1.2, 3.2)  # ten times this is less than the work
        while time.monotonic() < deadline:
            time.sleep(0.01)
        if kills % 2:  # where starting takes longer than that, at least every second one gets to work
            while process.poll() is None and len(list(folder.glob("runs/chunk-*.parquet"))) == chunks:
                time.sleep(0.01)
        family = children_of(process.pid)
        assert process.poll() is None, "nothing was left to kill"
        process.kill()
        process.communicate()
        kills += 1
        for _ in range(200):
            if not any(lives(pid) for pid in family):
                break
            time.sleep(0.01)
        assert not any(lives(pid) for pid in family), "workers outlive their driver"
        has_rows = any((folder / "runs").glob("chunk-*.parquet")) if folder.exists() else False
        done.append(len(rows_of(folder)) if has_rows else 0)
        assert done[-1] >= before
    assert 0 < done[-1] < RUNS
    call("sweep", study, "--out", folder)
    rows = rows_of(folder)
    assert len(rows) == RUNS == len(set(rows["run_id"].to_pylist()))
    assert Store(folder).state().repeated == 0
    assert not list(folder.rglob("*.partial"))
    assert content_of(folder) == content_of(undisturbed)
    extra = computed(folder) - RUNS
    print(f"after each kill {done} rows; handed out {computed(folder)} runs: {extra} computed twice at most")


def test_killed_workers(study, undisturbed, tmp_path):
    folder, rng = tmp_path / "store", random.Random(5)
    process = command("sweep", study, "--out", folder)
    kills = 0
    while process.poll() is None:
        time.sleep(rng.uniform(0.5, 2.5))
        workers = (
            [pid for pid in children_of(process.pid) if _is_worker(pid)] if process.poll() is None else []
        )
        if workers and kills < 5:
            os.kill(rng.choice(workers), signal.SIGKILL)
            kills += 1
    out, err = process.communicate()
    assert process.returncode == 0, err
    assert kills == 5
    assert "lost and given out again" in err and out.startswith("5,000 of 5,000 runs ok")
    assert content_of(folder) == content_of(undisturbed)


def _is_worker(pid):
    """Whether a process has done kernel work: the server that starts workers has not."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        return False
    parent = int(fields[1])
    return b"forkserver" in Path(f"/proc/{parent}/cmdline").read_bytes()


POISON = 37


def poisoned(task):
    """A worker that dies whenever one run is in its block."""
    if POISON in task.block.positions:
        os.kill(os.getpid(), signal.SIGKILL)
    return run_task(task)


def deadly(task):
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize("chunk", [None, 1, 256])
def test_a_run_that_kills_its_worker_every_time(chunk, tmp_path):
    little = little_study(tmp_path, replicates=100)
    store, state = begin(little, tmp_path / "clean")
    with_workers(store, state, run_task)
    store, state = begin(little, tmp_path / "store")
    tally = with_workers(store, state, poisoned, chunk)
    assert (tally.done, tally.failed) == (400, 1)
    (row,) = failed_rows(store.path)
    assert row["run_id"] == store.plan.rows(POISON, POISON + 1)["run_id"][0].as_py()
    assert row["error"] == DIED and row["status"] == "failed" and row["defaults"] is None
    state = store.state()
    assert state.done.all() and state.failed == 1 and state.repeated == 0
    mine, others = rows_of(store.path), rows_of(tmp_path / "clean")
    keep = np.array(mine["status"].to_pylist()) == "ok"
    assert (
        mine["creditor_loss_musd"].filter(keep).to_pylist()
        == others["creditor_loss_musd"].filter(keep).to_pylist()
    )
    out, err = call("sweep", "--out", store.path, code=1)
    assert "399 of 400 runs ok, 1 failed" in out and f"hashcredit failures {store.path}" in err


def with_workers(store, state, function, chunk=None, workers=2):
    workforce = WorkerProcesses(workers)
    try:
        return work(store, state, Workforce(workforce, workers, chunk=chunk), function=function)
    finally:
        workforce.kill()


def test_workers_that_never_live_are_given_up(tmp_path):
    store, state = begin(little_study(tmp_path), tmp_path / "store")
    with pytest.raises(WorkersDieError, match="workers in a row ended before their work was done"):
        with_workers(store, state, deadly)
    assert len(store.chunks()) == 0


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stop_keeps_what_is_done_and_says_how_to_go_on(number, code, study, tmp_path):
    folder = tmp_path / "store"
    process = command("sweep", study, "--out", folder)
    while not list(folder.glob("runs/chunk-*")):
        assert process.poll() is None
        time.sleep(0.02)
    time.sleep(1.0)
    family = children_of(process.pid)
    started = time.monotonic()
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert time.monotonic() - started < 6.0
    assert process.returncode == code
    last = err.strip().splitlines()[-1]
    assert last.startswith(f"hashcredit: stopped by {number.name}, ")
    assert last.endswith(f" of 5,000 runs are kept in {folder}; the same command again computes the others")
    said = int(last.split(", ", 1)[1].split(" of ")[0].replace(",", ""))
    assert 0 < said <= len(rows_of(folder)) < RUNS
    time.sleep(0.5)
    assert not any(lives(pid) for pid in family)
    out, _ = call("status", folder)
    assert "missing" in out


@pytest.mark.parametrize("delay", np.linspace(0.4, 4.0, 10).tolist())
def test_ctrl_c_at_any_moment(delay, study, tmp_path):
    """A terminal sends it to the whole group: command, server of processes, workers, whatever each is at."""
    folder = tmp_path / "store"
    words = [sys.executable, "-m", "hashcredit.experiments.commands.process", "sweep", study, "--out", folder]
    process = subprocess.Popen(
        [str(word) for word in words], stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    time.sleep(delay)
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=60)
    said = [line for line in err.splitlines() if line and "runs/s" not in line and "%|" not in line]
    assert process.returncode == 130, err
    assert len([line for line in said if line.startswith("hashcredit: stopped by SIGINT, ")]) == 1, err
    assert "Error" not in err and "Traceback" not in err


def mounted(script, folder):
    """Run a shell script in a namespace of its own, where it may mount."""
    if shutil.which("unshare") is None or os.geteuid() != 0:
        unavailable("mounting a small file system needs root and unshare")
    probe = subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False)
    if probe.returncode:
        unavailable("no namespace for mounts here")
    words = (
        f'set -eu\nsweep() {{ {sys.executable} -m hashcredit.experiments.commands.process sweep "$@"; }}\n'
    )
    done = subprocess.run(
        ["unshare", "-m", "bash", "-c", words + textwrap.dedent(script)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_full_disk(tmp_path):
    """What fits is kept; with room again the same command does the rest."""
    little_study(tmp_path)
    (tmp_path / "study.toml").write_text(
        'scenario = "little.toml"\nseed = 7\nreplicates = 3000\n[keep]\nseries = true\nreplicates = 40\n'
    )
    out = mounted(
        """
        mkdir disk; mount -t tmpfs -o size=500k none disk
        code=0; sweep study.toml --out disk/store --chunk 256 2> said || code=$?
        echo "code $code"; cat said; ls disk/store/runs | wc -l
        find disk -name '*.partial' | wc -l
        mount -o remount,size=20m disk
        sweep study.toml --out disk/store --quiet
        cp -r disk/store kept
        """,
        tmp_path,
    )
    lines = out.splitlines()
    assert lines[0] == "code 1"
    assert any("cannot be written: no space left on device" in line for line in lines)
    assert int(lines[-3]) >= 1 and int(lines[-2]) == 0
    assert lines[-1].startswith("3,000 of 3,000 runs ok")
    _, state = begin(None, tmp_path / "kept")
    assert state.done.all() and state.repeated == 0 and state.damaged == []


def test_a_read_only_store(tmp_path):
    """It cannot be gone on with, and need not if nothing is missing."""
    little_study(tmp_path)
    (tmp_path / "study.toml").write_text('scenario = "little.toml"\nseed = 7\nreplicates = 30\n')
    out = mounted(
        """
        mkdir disk; mount -t tmpfs none disk
        sweep study.toml --out disk/store --quiet
        mount -o remount,ro disk
        sweep study.toml --out disk/store --quiet && echo "whole: $?"
        mount -o remount,rw disk; rm "$(ls disk/store/runs/*.parquet | head -1)"; mount -o remount,ro disk
        code=0; sweep study.toml --out disk/store 2> said || code=$?; echo "part: $code"; cat said
        code=0; sweep study.toml --out disk/new 2> said || code=$?; echo "new: $code"; cat said
        """,
        tmp_path,
    )
    lines = out.splitlines()
    assert "whole: 0" in lines
    after = lines[lines.index("part: 2") + 1]
    assert after.startswith("hashcredit: error: ") and "cannot be written (read-only file system)" in after
    assert "cannot be written (read-only file system)" in lines[lines.index("new: 2") + 1]


def test_a_torn_file_of_every_kind(tmp_path):
    """Chunks, details, the log and a half-written file: named or computed again; a torn plan is refused."""
    study = little_study(tmp_path, keep={"series": True})
    store, state = begin(study, tmp_path / "store")
    with_workers(store, state, run_task, chunk=16)
    before = content_of(store.path), content_of(store.path, "series")
    victims = [store.chunks()[0], store.chunks("series")[1], next((store.path / "sessions").iterdir())]
    for victim in victims:
        victim.write_bytes(victim.read_bytes()[: victim.stat().st_size // 2])
    out, _ = call("status", store.path)
    assert victims[0].name in out and victims[1].name in out
    _, err = call("sweep", "--out", store.path)
    assert "damaged and computed again: " in err
    assert f"runs/{victims[0].name}: is torn" in err and f"series/{victims[1].name}: is torn" in err
    assert (content_of(store.path), content_of(store.path, "series")) == before
    plan = store.path / "plan.parquet"
    plan.write_bytes(plan.read_bytes()[:1000])
    for name in ("sweep", "status"):
        _, err = call(*((name, "--out", store.path) if name == "sweep" else (name, store.path)), code=2)
        assert "plan.parquet is not what was written there" in err and err.count("\n") == 1


def test_a_torn_kernel_cache(tmp_path):
    """A process that is killed while it writes there must not stop all later ones."""
    being_written = shutil.ignore_patterns("*.tmp.*")  # by another process: may be gone when it is copied
    shutil.copytree(cache_folder(), tmp_path / "cache" / cache_folder().name, ignore=being_written)
    for name in ("*open_economy*.nbi", "*close_run*.nbc"):
        torn = list((tmp_path / "cache").rglob(name))
        assert torn
        for path in torn:
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    little_study(tmp_path)
    (tmp_path / "study.toml").write_text('scenario = "little.toml"\nseed = 7\nreplicates = 30\n')
    place = {"HASHCREDIT_CACHE_DIR": str(tmp_path / "cache")}
    out, err = call("sweep", tmp_path / "study.toml", "--out", tmp_path / "store", **place)
    assert out.startswith("30 of 30 runs ok") and "compiled again" in err
    _, err = call("sweep", tmp_path / "study.toml", "--out", tmp_path / "second", **place)
    assert "compiled again" not in err
    assert content_of(tmp_path / "store") == content_of(tmp_path / "second")


def test_the_driver_does_not_grow_with_the_number_of_runs(tmp_path):
    """A Python object a run would add 9 MB and more; a byte and a position a run add less than 1 MB."""
    code = (
        "import resource, sys\n"
        "from hashcredit.experiments.commands.process import main\n"
        "code = main()\n"
        "print('peak', resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)\n"
        "sys.exit(code)\n"
    )
    (tmp_path / "driver.py").write_text(f"if __name__ == '__main__':\n{textwrap.indent(code, '    ')}")
    little_study(tmp_path)
    peaks = {}
    for runs in (10_000, 100_000):
        file = tmp_path / f"study_{runs}.toml"
        file.write_text(f'scenario = "little.toml"\nseed = 7\nreplicates = {runs}\n')
        words = [sys.executable, tmp_path / "driver.py", "sweep", file, "--out", tmp_path / str(runs)]
        done = subprocess.run(words, capture_output=True, text=True, check=True)
        peaks[runs] = int(done.stdout.rpartition("peak ")[2]) / 1024
    print(f"peak memory of the driver: {peaks} MiB")
    assert peaks[100_000] - peaks[10_000] < 8.0


def test_two_drivers_in_one_folder(study, undisturbed, tmp_path):
    """Nobody should, and somebody will: the work is done twice, the results are there once."""
    begin(study, tmp_path / "store")
    outs = []
    threads = [
        threading.Thread(
            target=lambda: outs.append(call("sweep", study, "--out", tmp_path / "store", "--chunk", "64"))
        )
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outs) == 2
    assert content_of(tmp_path / "store") == content_of(undisturbed)
