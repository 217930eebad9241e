"""Studies that last some seconds, for sweeps on clusters, and what is asked of them; see conftest.py."""

import json
import os
import time
from pathlib import Path

import pytest
from studies import call, command, content_of, little_study

from hashcredit.experiments.store.store import Store

RUNS = 1600

STUDY = """
scenario = "baseline_2026"
seed = 7
replicates = 400
[design]
kind = "grid"
[factors]
"secondary_market.rule" = ["auction", "deep"]
"shocks.btc_volatility" = [0.5, 0.7]
"""

LITTLE_STUDY = 'scenario = "little.toml"\nseed = 7\nreplicates = 600\n'


@pytest.fixture(scope="session")
def long_study(tmp_path_factory):
    """A study of some seconds."""
    file = tmp_path_factory.mktemp("study") / "study.toml"
    file.write_text(STUDY)
    return file


@pytest.fixture(scope="session")
def short_study(tmp_path_factory):
    """A study of 600 runs that take no time."""
    folder = tmp_path_factory.mktemp("little")
    little_study(folder)
    (folder / "study.toml").write_text(LITTLE_STUDY)
    return folder / "study.toml"


@pytest.fixture(scope="session")
def long_content(long_study, tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed") / "store"
    call("sweep", long_study, "--out", folder, "--quiet")
    return content_of(folder)


@pytest.fixture(scope="session")
def short_content(short_study, tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed") / "store"
    call("sweep", short_study, "--out", folder, "--quiet")
    return content_of(folder)


def wait_for(condition, seconds=90, process=None):
    """Wait until something is so; a process must not end before."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        assert process is None or process.poll() is None, process.communicate()
        time.sleep(0.05)


def has_rows(folder, chunks=3):
    return lambda: len(list(folder.glob("runs/chunk-*.parquet"))) >= chunks


def finish(process, code=0):
    out, err = process.communicate(timeout=300)
    assert process.returncode == code, (process.returncode, out, err)
    return out, err


def is_whole(folder, content):
    """Nothing lost, nothing twice, nothing half done, and the very same bits."""
    state = Store(folder).state()
    assert state.done.all()
    assert (state.repeated, state.strangers, state.failed, state.damaged) == (0, 0, 0, [])
    assert not list(folder.rglob("*.partial"))
    assert content_of(folder) == content


def handed_out(folder):
    """Runs that were given to workers, according to the logs of those who led the work."""
    events = [
        json.loads(line) for log in folder.glob("sessions/*.jsonl") for line in log.read_text().splitlines()
    ]
    return sum(event["runs"] for event in events if event["event"] == "start")


def processes_of(folder):
    """Processes that name a folder in their command line, but for this one."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes()
        except OSError:  # gone meanwhile
            continue
        if os.fsencode(folder) in words and int(process.name) != os.getpid():
            found.append(int(process.name))
    return found


@pytest.fixture
def start():
    """Starts the words of `hashcredit`; no process outlives the test."""
    processes = []

    def begun(*words):
        processes.append(command(*words))
        return processes[-1]

    yield begun
    for process in processes:
        process.kill()
        process.communicate()


@pytest.fixture
def place(slurm, tmp_path):
    """A folder for a study; no job outlives the test."""
    yield tmp_path / "store"
    slurm.clear()
    wait_for(lambda: processes_of(tmp_path) == [], seconds=20)
