"""The throwaway Slurm does what tests on clusters rely on, and leaves nothing behind."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from repository import ROOT

pytestmark = pytest.mark.cluster

CONFIGURATION = Path("/etc/slurm/slurm.conf")

WARNED = 'trap "echo warned; kill %1; exit 0" TERM; sleep 600 & echo begun; wait'
"""A batch script that ends well when it is told to."""


def is_running(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def users_of(folder):
    """Processes that hold a file below a folder open or name it in their command line."""
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            links = [os.readlink(link) for link in (process / "fd").iterdir()]
            links += (process / "cmdline").read_text().split("\0")
        except OSError:  # gone meanwhile
            continue
        if any(str(folder) in link for link in links):
            found.add(int(process.name))
    return found


def wait_for(condition, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_job_runs_with_our_python(slurm):
    code = "import os, sys; print(sys.executable, os.environ['HASHCREDIT_CACHE_DIR'])"
    job = slurm.submit(f'python -c "{code}"', HASHCREDIT_CACHE_DIR="/tmp/somewhere")
    assert slurm.wait(job)["ExitCode"] == "0:0"
    # The same environment, whatever its python is called.
    program, folder = slurm.output(job).split()
    assert (Path(program).parent, folder) == (Path(sys.executable).parent, "/tmp/somewhere")


def test_two_jobs_at_a_time(slurm):
    jobs = [slurm.submit("sleep 600") for _ in range(3)]
    for job in jobs[:2]:
        slurm.wait(job, "RUNNING")
    assert slurm.details(jobs[2])["JobState"] == "PENDING"
    assert slurm.jobs() == jobs
    slurm.cancel(*jobs)
    for job in jobs:
        slurm.wait(job, "CANCELLED")


def test_a_failed_job_says_so(slurm):
    assert slurm.wait(slurm.submit("exit 3"), "FAILED")["ExitCode"] == "3:0"


def test_a_job_survives_the_failure_of_its_node(slurm):
    job = slurm.submit(
        'echo "start ${SLURM_RESTART_COUNT:-0}"; [[ ${SLURM_RESTART_COUNT:-0} == 1 ]] || sleep 600'
    )
    slurm.wait(job, "RUNNING")
    slurm.fail_node()
    slurm.wait(job, "PENDING", restarts=1)
    slurm.resume_node()
    assert slurm.wait(job)["Restarts"] == "1"
    assert slurm.output(job).splitlines()[-1] == "start 1"


def test_a_batch_script_can_be_warned(slurm):
    job = slurm.submit(WARNED)
    slurm.wait(job, "RUNNING")
    wait_for(lambda: "begun" in slurm.output(job))
    slurm.call("scancel", "--batch", "--signal=TERM", str(job))
    slurm.wait(job)
    assert "warned" in slurm.output(job)


def test_a_cancelled_job_is_warned(slurm):
    job = slurm.submit(WARNED)
    slurm.wait(job, "RUNNING")
    wait_for(lambda: "begun" in slurm.output(job))
    slurm.cancel(job)
    slurm.wait(job, "CANCELLED")
    wait_for(lambda: "warned" in slurm.output(job))


def test_a_task_of_an_array_is_cancelled_alone(slurm):
    job = slurm.submit("[[ $SLURM_ARRAY_TASK_ID == 1 ]] || sleep 600", "--array=0-1")
    slurm.wait(f"{job}_0", "RUNNING")
    assert slurm.wait(f"{job}_1")["ArrayTaskId"] == "1"
    slurm.cancel(f"{job}_0")
    slurm.wait(f"{job}_0", "CANCELLED")


def test_starting_again_changes_nothing(slurm):
    pids, configuration = slurm.pids(), CONFIGURATION.read_bytes()
    assert pids.keys() == {"munged", "slurmctld", "slurmd"}
    slurm.start()
    assert (slurm.pids(), CONFIGURATION.read_bytes()) == (pids, configuration)


def test_a_second_one_is_refused(slurm, tmp_path):
    """So is one where Slurm is in earnest use: nothing of its configuration may change."""
    kit = ROOT / "tests" / "helpers" / "slurm"
    folder = f"/tmp/slurm-{os.getpid()}"
    done = subprocess.run([kit / "start.sh", folder], capture_output=True, text=True, check=False)
    assert (done.returncode, f"stop.sh {slurm.folder}" in done.stderr) == (3, True)
    # Stopping what was never started harms nobody.
    assert subprocess.run([kit / "stop.sh", folder], check=False).returncode == 0
    assert all(map(is_running, slurm.pids().values()))

    kept = CONFIGURATION.read_bytes()
    try:
        CONFIGURATION.write_text("ClusterName=earnest\n")
        done = subprocess.run([kit / "start.sh", slurm.folder], capture_output=True, text=True, check=False)
        assert (done.returncode, "not ours" in done.stderr) == (3, True)
        assert CONFIGURATION.read_text() == "ClusterName=earnest\n"
    finally:
        CONFIGURATION.write_bytes(kept)


def test_stopping_ends_what_was_started_and_nothing_else(slurm, tmp_path):
    job = slurm.submit("sleep 600")
    slurm.wait(job, "RUNNING")
    pids = slurm.pids()
    key, socket = tmp_path / "key", tmp_path / "socket"
    key.touch(mode=0o600)
    key.write_bytes(bytes(range(128)))
    options = [f"--key-file={key}", f"--socket={socket}", "--foreground", "--force"]
    options += [f"--{name}-file={tmp_path / name}" for name in ("pid", "log", "seed")]
    stranger = subprocess.Popen(["munged", *options], stderr=subprocess.DEVNULL)
    try:
        wait_for(socket.exists)
        slurm.stop()
        assert stranger.poll() is None
    finally:
        stranger.terminate()
        stranger.wait()
    assert not any(map(is_running, pids.values()))
    assert users_of(slurm.folder) == set()
    assert not slurm.folder.exists()
    assert not CONFIGURATION.exists()
    slurm.start()  # for the tests that follow
    assert not set(slurm.pids().values()) & set(pids.values())


def test_it_ends_with_the_process_that_started_it(slurm):
    """However that process ends: a test run that is killed leaves no daemons behind."""
    slurm.stop()
    code = (
        "import pathlib, sys, time; sys.path.insert(0, sys.argv[1]); import slurm_kit\n"
        "slurm_kit.Slurm(pathlib.Path(sys.argv[2])).start(); print('up', flush=True); time.sleep(600)"
    )
    command = [sys.executable, "-c", code, str(ROOT / "tests" / "helpers"), str(slurm.folder)]
    owner = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert owner.stdout.readline() == "up\n"
        pids = slurm.pids()
        assert all(map(is_running, pids.values()))
        owner.send_signal(signal.SIGKILL)
        owner.wait()
        wait_for(lambda: not slurm.folder.exists())
        assert not any(map(is_running, pids.values()))
        assert not CONFIGURATION.exists()
    finally:
        owner.kill()
        owner.communicate()
        wait_for(lambda: not CONFIGURATION.exists())
        slurm.start()
