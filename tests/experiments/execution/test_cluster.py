"""Executors of Dask clusters and Slurm jobs: what is submitted is computed, whatever happens to workers."""

import os
import pickle
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import FIRST_COMPLETED, CancelledError, wait
from pathlib import Path

import pytest

from hashcredit.experiments.execution import cluster
from hashcredit.experiments.execution.cluster import ClusterError, dask_executor
from hashcredit.experiments.execution.slurm_jobs import SlurmOptions, slurm_executor
from hashcredit.experiments.execution.threads import THREAD_VARIABLES

PID = "__import__('os').getpid()"
"""Workers cannot import this module; the builtin `eval` they have."""


def wait_for(condition, seconds=60, check=None):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.2)
        if check is not None:
            check()


@pytest.fixture(scope="module")
def scheduler():
    """Address of a scheduler with two workers of one thread on this machine."""
    from distributed import LocalCluster

    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0", silence_logs=60) as local:
        local.wait_for_workers(2)
        yield local.scheduler_address


# A scheduler that is there


def test_dask_executor_computes(scheduler):
    with dask_executor(scheduler) as workers:
        assert (workers.wanted, workers.at_work()) == (2, 2)
        futures = [workers.executor.submit(pow, 2, n) for n in range(20)]
        assert [future.result() for future in futures] == [2**n for n in range(20)]
        with pytest.raises(ZeroDivisionError):
            workers.executor.submit(divmod, 1, 0).result()
        workers.check()
    with dask_executor(scheduler, workers=7) as workers:
        assert workers.wanted == 7


def test_equal_tasks_are_computed_each(scheduler):
    """A task is known by its place, not by its arguments: a chunk that is tried again is computed again."""
    with dask_executor(scheduler) as workers:
        code = "__import__('time').monotonic_ns()"
        times = {workers.executor.submit(eval, code).result() for _ in range(3)}
    assert len(times) == 3


def test_a_killed_worker_costs_nothing(scheduler):
    with dask_executor(scheduler) as workers:
        futures = [workers.executor.submit(eval, f"__import__('time').sleep(0.1) or {n}") for n in range(20)]
        pid = workers.executor.submit(eval, PID, pure=False, retries=0).result()
        os.kill(pid, signal.SIGKILL)
        assert [future.result(timeout=60) for future in futures] == list(range(20))


def test_task_that_kills_its_workers_ends(scheduler):
    """A task that no worker survives is given up in the end, and the others are computed."""
    from distributed import KilledWorker

    with dask_executor(scheduler) as workers:
        poison = workers.executor.submit(eval, f"__import__('os').kill({PID}, 9)")
        with pytest.raises(KilledWorker):
            poison.result(timeout=60)
        assert workers.executor.submit(pow, 2, 5).result(timeout=60) == 32


def test_dask_executor_says_little(scheduler, capfd):
    with dask_executor(scheduler) as workers, pytest.raises(ZeroDivisionError):
        workers.executor.submit(divmod, 1, 0).result()
    assert capfd.readouterr().err == ""


def test_scheduler_that_is_lost():
    code = (
        "import distributed, time\n"
        "if __name__ == '__main__':\n"
        "    options = {'n_workers': 1, 'threads_per_worker': 1, 'dashboard_address': ':0'}\n"
        "    local = distributed.LocalCluster(**options, processes=False, protocol='tcp')\n"
        "    print(local.scheduler_address, flush=True); time.sleep(600)"
    )
    owner = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        address = owner.stdout.readline().strip()
        with dask_executor(address) as workers:
            future = workers.executor.submit(time.sleep, 600)
            wait_for(lambda: workers.at_work() == 1)
            owner.kill()
            with pytest.raises(CancelledError):
                future.result(timeout=60)
            wait_for(lambda: workers.at_work() == 0)
            with pytest.raises(ClusterError, match="connection was lost"):
                workers.check()
    finally:
        owner.kill()
        owner.communicate()


def test_scheduler_that_does_not_answer(monkeypatch):
    monkeypatch.setattr(cluster, "PATIENCE", 1.0)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        for address in (f"tcp://127.0.0.1:{silent.getsockname()[1]}", "tcp://127.0.0.1:1", "nowhere://x"):
            with pytest.raises(ClusterError) as caught, dask_executor(address):
                pass
            assert address in str(caught.value) and "\n" not in str(caught.value)
            assert caught.value.exit_code == 2
            assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


@pytest.mark.parametrize(
    ("absent", "extra", "make"),
    [
        ("distributed", "dask", lambda: dask_executor("tcp://127.0.0.1:1")),
        ("distributed", "slurm", lambda: slurm_executor(SlurmOptions())),
        ("dask_jobqueue", "slurm", lambda: slurm_executor(SlurmOptions())),
    ],
)
def test_extra_that_is_not_installed(monkeypatch, absent, extra, make):
    monkeypatch.setitem(sys.modules, absent, None)
    with (
        pytest.raises(ClusterError, match=rf'{absent} is not installed; pip install "hashcredit\[{extra}\]"'),
        make(),
    ):
        pass


def test_machine_without_slurm(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ClusterError, match="Slurm: there is no sbatch"), slurm_executor(SlurmOptions()):
        pass


def test_importing_the_module_imports_no_dask():
    code = (
        "import sys, hashcredit.experiments.execution.slurm_jobs\n"
        "assert not {'dask', 'distributed', 'dask_jobqueue', 'numba'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


# Slurm jobs


def workers_of(folder):
    """Processes of workers whose keys are below a folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes()
        except OSError:  # gone meanwhile
            continue
        if b"dask_worker" in words and os.fsencode(folder) in words:
            found.append(int(process.name))
    return found


@pytest.fixture
def logs(tmp_path, slurm):
    """A folder for the logs of jobs, all of whose processes end with the test."""
    yield tmp_path
    slurm.clear()
    wait_for(lambda: workers_of(tmp_path) == [], seconds=20)


@pytest.mark.cluster
def test_jobs_compute_and_are_replaced(slurm, logs, capfd):
    """One job is cancelled halfway: all tasks are computed, and a new job takes its place."""
    options = SlurmOptions(workers=2, memory="500MB", log_folder=logs)
    with slurm_executor(options) as workers:
        assert workers.wanted == 2
        left = {workers.executor.submit(time.sleep, 0.4) for _ in range(20)}
        first: list[int] = []
        while left:
            done, left = wait(left, timeout=30, return_when=FIRST_COMPLETED)
            assert done
            assert [future.exception() for future in done] == [None] * len(done)
            if len(left) < 15 and not first:
                first = slurm.jobs()
                slurm.cancel(first[0])
        wait_for(lambda: workers.at_work() == 2, check=workers.check)
        now = slurm.jobs()
        assert len(first) == len(now) == 2
        assert now[0] == first[1] and now[1] > first[1]
    wait_for(lambda: slurm.jobs() == [])
    assert not list(logs.glob(".hashcredit-keys*"))
    assert len(list(logs.glob("hashcredit-*.err"))) == 3
    assert capfd.readouterr().err == ""


@pytest.mark.cluster
def test_workers_are_set_up_before_anything_is_imported(slurm, logs, monkeypatch):
    monkeypatch.setenv("NUMBA_NUM_THREADS", "2")
    options = SlurmOptions(memory="500MB", log_folder=logs, cache_folder="/tmp/with a space")
    names = (*THREAD_VARIABLES, "HASHCREDIT_CACHE_DIR")
    code = f"[__import__('os').environ[name] for name in {names!r}]"
    with slurm_executor(options) as workers:
        assert workers.executor.submit(eval, code).result(timeout=60) == [*"1111", "/tmp/with a space"]
        assert not workers.executor.submit(eval, "'numba' in __import__('sys').modules").result()
        assert workers.executor.submit(eval, "__import__('sys').executable").result() == sys.executable
        (job,) = slurm.jobs()
        assert len(workers_of(logs)) == 1
        assert {"CPUs/Task": "1", "MinMemoryNode": "477M"}.items() <= slurm.details(job).items()


@pytest.mark.cluster
def test_connections_need_the_keys(slurm, logs):
    """Whoever merely knows the address of the driver is not let in, with keys of another one neither."""
    from distributed import Client, Security

    with slurm_executor(SlurmOptions(memory="500MB", log_folder=logs)) as workers:
        address = workers.executor.submit(
            eval, "__import__('distributed').get_worker().scheduler.address"
        ).result(60)
        assert address.startswith("tls://")
        (keys,) = logs.glob(".hashcredit-keys*")
        assert keys.stat().st_mode & 0o077 == 0
        for guess in (address, address.replace("tls", "tcp")):
            with pytest.raises(ClusterError), dask_executor(guess):
                pass
        with pytest.raises(OSError, match=r"certificate|SSL|closed|[Tt]imed out"):
            Client(address, timeout=5, security=Security.temporary(), set_as_default=False)


@pytest.mark.cluster
def test_job_cancelled_while_it_waits_is_replaced(slurm, logs):
    """Two of three jobs run; the third is cancelled before it began, which Dask alone never notices."""
    with slurm_executor(SlurmOptions(workers=3, memory="500MB", log_folder=logs)) as workers:
        wait_for(lambda: workers.at_work() == 2 and len(slurm.jobs()) == 3)
        waiting = slurm.jobs()[-1]
        assert slurm.details(waiting)["JobState"] == "PENDING"
        slurm.cancel(waiting)
        wait_for(lambda: len(slurm.jobs()) == 2)
        wait_for(lambda: len(slurm.jobs()) == 3, check=workers.check)
        assert slurm.jobs()[-1] > waiting


@pytest.mark.cluster
def test_jobs_that_never_begin_are_an_error(slurm, logs, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with slurm_executor(SlurmOptions(memory="500MB", log_folder=logs)) as workers:
        with pytest.raises(ClusterError, match=f"jobs ended before their worker answered; see {logs}"):
            wait_for(lambda: False, check=workers.check)
        assert workers.at_work() == 0


@pytest.mark.cluster
def test_options_that_slurm_refuses(slurm, logs):
    for options in (
        SlurmOptions(partition="absent", log_folder=logs),
        SlurmOptions(memory="999TB", log_folder=logs),
        SlurmOptions(directives=("--absent",), log_folder=logs),
        SlurmOptions(interface="absent0", log_folder=logs),
        SlurmOptions(log_folder=Path("/proc/absent")),
        SlurmOptions(log_folder=logs / "with a space"),
    ):
        with pytest.raises(ClusterError, match=r"^Slurm: "), slurm_executor(options):
            pass
    assert slurm.jobs() == []


@pytest.mark.cluster
def test_jobs_end_with_a_killed_driver(slurm, logs):
    code = (
        "import time, pathlib, sys\n"
        "from hashcredit.experiments.execution.slurm_jobs import SlurmOptions, slurm_executor\n"
        "options = SlurmOptions(workers=2, memory='500MB', log_folder=pathlib.Path(sys.argv[1]))\n"
        "with slurm_executor(options) as workers:\n"
        "    while workers.at_work() < 2: time.sleep(0.1)\n"
        "    print('up', flush=True); time.sleep(600)"
    )
    driver = subprocess.Popen([sys.executable, "-c", code, str(logs)], stdout=subprocess.PIPE, text=True)
    try:
        assert driver.stdout.readline() == "up\n"
        assert len(slurm.jobs()) == 2
    finally:
        driver.kill()
        driver.communicate()
    wait_for(lambda: slurm.jobs() == [])
