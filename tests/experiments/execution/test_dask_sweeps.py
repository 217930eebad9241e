"""Sweeps by the workers of a Dask scheduler: the same rows, whatever happens meanwhile."""

import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from contextlib import suppress
from pathlib import Path

import pytest
from cluster_studies import RUNS, finish, handed_out, has_rows, is_whole, wait_for
from studies import call, failed_rows, rows_of

from hashcredit.experiments.commands.arguments import build_parser
from hashcredit.experiments.execution.resume import begin
from hashcredit.experiments.execution.runner import DIED
from hashcredit.experiments.execution.sweep import work
from hashcredit.experiments.execution.workforce import workforce_of
from hashcredit.experiments.support.stopping import StopListener

cluster = pytest.mark.cluster


class Dask:
    """A scheduler on this machine, and workers that come back when they die."""

    def __init__(self, folder, workers=2, **environment):
        self.environment = os.environ | environment
        self.file = folder / f"scheduler-{time.monotonic_ns()}.json"
        self.log = open(folder / "dask.log", "ab")  # noqa: SIM115
        options = ["--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", self.file]
        self.processes = [self.start("dask_scheduler", *options)]
        wait_for(lambda: self.file.exists() and self.file.read_text().endswith("}"))
        self.address = json.loads(self.file.read_text())["address"]
        if workers:
            self.add_workers(workers)

    def start(self, program, *options):
        words = [sys.executable, "-m", f"distributed.cli.{program}", *map(str, options)]
        return subprocess.Popen(
            words, env=self.environment, stdout=self.log, stderr=self.log, start_new_session=True
        )

    def add_workers(self, count, threads=1, **environment):
        self.environment |= environment
        options = ["--nworkers", count, "--nthreads", threads, "--no-dashboard"]
        self.processes.append(self.start("dask_worker", self.address, *options))
        wait_for(lambda: len(self.workers()) == count)

    def ask(self, question):
        from distributed import Client

        with Client(self.address, set_as_default=False) as client:
            return question(client)

    def busy(self):
        """Tasks that workers have at this moment."""
        return sum(map(len, self.ask(lambda client: client.processing()).values()))

    def workers(self):
        """Process ids of the workers at this moment."""
        return list(self.ask(lambda client: client.run(os.getpid)).values())

    def stop(self):
        for process in self.processes:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # nannies and their workers too
            process.wait()
        self.log.close()


@pytest.fixture
def dask(tmp_path):
    started = []

    def start(*arguments, **options):
        started.append(Dask(tmp_path, *arguments, **options))
        return started[-1]

    yield start
    for one in started:
        one.stop()


def on(one, *more):
    return ("--executor", "dask", "--scheduler", one.address, *more)


@cluster
def test_dask_has_the_same_content(dask, short_study, short_content, tmp_path):
    """Whatever the workers, the chunks and the threads of a worker."""
    one = dask()
    for name, options in (("a", []), ("b", ["--chunk", "8", "--workers", "5"]), ("c", ["--chunk", "1024"])):
        out, _ = call("sweep", short_study, "--out", tmp_path / name, *on(one, *options))
        assert out.startswith("600 of 600 runs ok; ")
        is_whole(tmp_path / name, short_content)
    two = dask(0)
    two.add_workers(1, threads=3)
    call("sweep", short_study, "--out", tmp_path / "d", *on(two, "--chunk", "16"))
    is_whole(tmp_path / "d", short_content)
    hosts = {row.split(":")[1] for row in rows_of(tmp_path / "d")["host_and_pid"].to_pylist()}
    assert hosts == {str(pid) for pid in two.workers()}


@cluster
def test_killed_dask_workers(start, dask, long_study, long_content, tmp_path):
    one = dask()
    folder = tmp_path / "store"
    process = start("sweep", long_study, "--out", folder, "--chunk", "32", *on(one))
    for chunks in (3, 12, 24):
        wait_for(has_rows(folder, chunks), process=process)
        os.kill(one.workers()[0], signal.SIGKILL)
    finish(process)
    is_whole(folder, long_content)
    print(f"{handed_out(folder) - RUNS} runs given out more than once")


@cluster
def test_a_run_that_kills_every_dask_worker(dask, short_study, tmp_path, monkeypatch):
    (tmp_path / "deadly_runs.py").write_text(
        textwrap.dedent("""
        import os
        from hashcredit.experiments.execution.worker import run_task

        def poisoned(task):
            if 37 in task.block.positions:
                os.kill(os.getpid(), 9)
            return run_task(task)
        """)
    )
    monkeypatch.syspath_prepend(tmp_path)
    import deadly_runs

    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    one = dask(PYTHONPATH=path, DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES="0")
    folder = tmp_path / "store"
    arguments = build_parser().parse_args(["sweep", str(short_study), "--out", str(folder), *on(one)])
    store, state = begin(short_study, folder)
    with workforce_of(arguments, StopListener()) as gather:
        tally = work(store, state, gather(), kind="dask", function=deadly_runs.poisoned)
    assert (tally.done, tally.failed) == (600, 1)
    (row,) = failed_rows(store.path)
    assert row["run_id"] == store.plan.rows(37, 38)["run_id"][0].as_py()
    assert row["error"] == DIED
    state = store.state()
    assert state.done.all() and (state.failed, state.repeated) == (1, 0)
    # Without the poison the run is a good one.
    out, _ = call("sweep", "--out", folder, "--retry-failed", *on(one))
    assert out.startswith("600 of 600 runs ok; ")


@cluster
def test_a_scheduler_that_is_lost(start, dask, long_study, long_content, tmp_path):
    one = dask()
    folder = tmp_path / "store"
    process = start("sweep", long_study, "--out", folder, "--quiet", *on(one))
    wait_for(has_rows(folder), process=process)
    one.processes[0].kill()
    started = time.monotonic()
    _, err = finish(process, code=1)
    assert time.monotonic() - started < 20
    reason = "the connection was lost; what is done is kept, and the same command computes the rest"
    assert err == f"hashcredit: error: the Dask scheduler at {one.address}: {reason}\n"
    kept = len(rows_of(folder))
    assert 0 < kept < RUNS
    two = dask()
    call("sweep", long_study, "--out", folder, "--quiet", *on(two))
    is_whole(folder, long_content)


@cluster
def test_a_stopped_driver_of_dask_workers(start, dask, long_study, tmp_path):
    """The workers stay, for they are not ours, and soon have nothing more to do."""
    one = dask()
    for number, code in ((signal.SIGINT, 130), (signal.SIGKILL, -9)):
        folder = tmp_path / number.name
        process = start("sweep", long_study, "--out", folder, *on(one))
        wait_for(has_rows(folder), process=process)
        process.send_signal(number)
        _, err = finish(process, code)
        if number == signal.SIGINT:
            last = err.strip().splitlines()[-1]
            assert last.startswith("hashcredit: stopped by SIGINT, ")
            assert last.endswith(f" runs are kept in {folder}; the same command again computes the others")
        wait_for(lambda: one.busy() == 0)
        assert 0 < len(rows_of(folder)) < RUNS
    assert len(one.workers()) == 2


@cluster
def test_dask_that_cannot_be_used(dask, short_study, tmp_path):
    folder = tmp_path / "store"
    for address in ("tcp://127.0.0.1", "udp://127.0.0.1:8786"):
        _, err = call(
            "sweep", short_study, "--out", folder, "--executor", "dask", "--scheduler", address, code=2
        )
        assert f"the Dask scheduler at {address}: " in err.splitlines()[-1]
    empty = dask(0)
    _, err = call("sweep", short_study, "--out", folder, "--quiet", *on(empty), code=2)
    assert "it has no workers" in err and err.count("\n") == 1
    bare = tmp_path / "bare"
    bare.mkdir()
    empty.add_workers(1, PYTHONPATH=str(bare))  # finds no hashcredit unless it is installed
    if not is_installed():
        _, err = call("sweep", short_study, "--out", folder, "--quiet", *on(empty), code=1)
        assert "is hashcredit installed there?" in err and err.count("\n") == 1


def is_installed():
    words = [sys.executable, "-c", "import hashcredit.experiments"]
    bare = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(words, env=bare, cwd="/", capture_output=True, check=False).returncode == 0


def other_code(folder):
    """A copy of the package that differs by a comment, as a place to import from."""
    import hashcredit.experiments

    root = Path(hashcredit.experiments.__file__).resolve().parent.parent
    target = folder / "other" / "hashcredit"
    for room in ("agents", "simulator", "experiments"):
        shutil.copytree(root / room, target / room, ignore=shutil.ignore_patterns("__pycache__"))
    with open(target / "simulator" / "scenario" / "scenario.py", "r+", encoding="utf-8") as file:
        file.seek(0, 2)  # "r+": a file that is no longer there is not made
        file.write("# another version\n")
    return str(target.parent)


OTHER = "has other code or libraries ("


@cluster
def test_workers_with_other_code_refuse(dask, short_study, tmp_path):
    place = other_code(tmp_path)
    one = dask(PYTHONPATH=place)
    folder = tmp_path / "store"
    _, err = call("sweep", short_study, "--out", folder, "--quiet", *on(one), code=1)
    assert OTHER in err and err.count("\n") == 1
    assert list(folder.glob("runs/*")) == []
    _, err = call("sweep", "--out", folder, "--quiet", "--shard", "0/2", PYTHONPATH=place, code=1)
    assert OTHER in err and err.count("\n") == 1
