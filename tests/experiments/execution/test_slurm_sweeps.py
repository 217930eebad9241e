"""Sweeps by Slurm jobs that are workers of the driver: the same rows, whatever happens meanwhile."""

import signal
import time

import pytest
from cluster_studies import RUNS, finish, handed_out, has_rows, is_whole, processes_of, wait_for
from studies import call, rows_of

cluster = pytest.mark.cluster


JOBS = ("--executor", "slurm", "--workers", "2", "--memory", "500MB")


@cluster
def test_slurm_jobs_that_die(start, slurm, place, long_study, long_content):
    """One job is cancelled, then the node fails with all of them."""
    process = start("sweep", long_study, "--out", place, *JOBS)
    wait_for(has_rows(place), process=process)
    slurm.cancel(slurm.jobs()[0])
    before = len(list(place.glob("runs/*")))
    wait_for(has_rows(place, before + 3), process=process)
    slurm.fail_node()
    time.sleep(1)
    slurm.resume_node()
    finish(process)
    is_whole(place, long_content)
    wait_for(lambda: slurm.jobs() == [], seconds=20)
    wait_for(lambda: processes_of(place) == [], seconds=20)
    assert list((place / "logs").glob("hashcredit-*.err")) != []
    assert list((place / "logs").glob(".hashcredit-keys*")) == []
    print(f"{handed_out(place) - RUNS} runs given out more than once")


@cluster
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)]
)
def test_a_stopped_driver_of_slurm_jobs(start, number, code, slurm, place, long_study):
    process = start("sweep", long_study, "--out", place, *JOBS)
    wait_for(has_rows(place), process=process)
    started = time.monotonic()
    process.send_signal(number)
    _, err = finish(process, code)
    assert time.monotonic() - started < 8
    if number != signal.SIGKILL:
        last = err.strip().splitlines()[-1]
        assert last.startswith(f"hashcredit: stopped by {number.name}, ")
        assert last.endswith(f" runs are kept in {place}; the same command again computes the others")
        assert list((place / "logs").glob(".hashcredit-keys*")) == []
    wait_for(lambda: slurm.jobs() == [] and processes_of(place) == [], seconds=30)
    assert 0 < len(rows_of(place)) < RUNS


@cluster
def test_a_driver_that_is_stopped_before_its_jobs_begin(start, slurm, place, short_study):
    blocker = slurm.submit("sleep 600", "--cpus-per-task=2")
    slurm.wait(blocker, "RUNNING")
    process = start("sweep", short_study, "--out", place, *JOBS)
    wait_for(lambda: len(slurm.jobs()) == 3, process=process)
    process.terminate()
    finish(process, 143)
    wait_for(lambda: slurm.jobs() == [blocker], seconds=10)


@cluster
def test_slurm_jobs_as_asked(slurm, place, short_study, short_content):
    call("sweep", short_study, "--out", place, *JOBS, "--walltime", "00:07:00", "--partition", "test")
    is_whole(place, short_content)
    _, err = call(
        "sweep", short_study, "--out", place.parent / "new", *JOBS, "--partition", "absent", "--quiet", code=2
    )
    assert err.startswith("hashcredit: error: Slurm: refuses such a job: ") and err.count("\n") == 1
