"""Ctrl-C and SIGTERM at any moment of `hashcredit run`: the right exit code, at once, nothing left behind."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hashcredit.experiments.folder.output import ResultFolder
from hashcredit.simulator.errors import OutputFolderError

SECONDS = 6.0
"""It takes a tenth of one; a loaded machine and a slow disk may need more."""

LARGE = ["--set", "population.miners=10000", "--set", "population.neoclouds=10000"]
CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}


class Command:
    """`hashcredit run` in a process of its own."""

    def __init__(self, folder, *words, module="process", **environment):
        self.folder = folder
        self.place = folder / "a" / "result"
        self.temporary = folder / "temporary"
        self.temporary.mkdir()
        self.process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                f"hashcredit.experiments.commands.{module}",
                "run",
                *words,
                "--out",
                str(self.place),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "TMPDIR": str(self.temporary), **environment},
        )

    def wait_for(self, happened):
        """Return as soon as something has happened, which takes two minutes at most."""
        deadline = time.monotonic() + 120.0
        while not happened():
            assert self.process.poll() is None, self.process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.002)

    def listens(self):
        """Whether the process has taken its signals into its own hands."""
        (line,) = [line for line in self.status().splitlines() if line.startswith("SigBlk")]
        return bool(int(line.split()[1], 16) & 1 << (signal.SIGTERM - 1))

    def status(self):
        return Path(f"/proc/{self.process.pid}/status").read_text()

    def is_at_work(self):
        return bool(list(self.folder.glob("a/*.partial")))

    def has_written(self, name):
        return bool(list(self.folder.glob(f"a/*.partial/{name}")))

    def stop(self, number):
        """Send a signal; return what was said once everything is checked."""
        started = time.monotonic()
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=60)
        assert self.process.returncode == CODES[number]
        assert time.monotonic() - started < SECONDS
        assert "Traceback" not in err
        assert err.endswith(f"\nhashcredit: stopped by {number.name}, nothing written\n")
        assert err.count("stopped by") == 1 and "error" not in err
        assert list(self.folder.iterdir()) == [self.temporary]
        assert list(self.temporary.iterdir()) == []
        return out, err


@pytest.mark.parametrize("number", CODES)
@pytest.mark.parametrize(("module", "delay"), [("process", 0.0), ("process", 0.4), ("cli", 0.0)])
def test_during_the_start(module, delay, number, tmp_path):
    command = Command(tmp_path, "--seeds", "1", "--replicates", "3", module=module)
    command.wait_for(command.listens)
    time.sleep(delay)
    assert command.stop(number)[0] == ""


@pytest.mark.parametrize("number", CODES)
def test_while_kernels_are_compiled(number, tmp_path, tmp_path_factory):
    cache = tmp_path_factory.mktemp("cache")
    command = Command(tmp_path, "--seeds", "1", "--replicates", "3", HASHCREDIT_CACHE_DIR=str(cache))
    command.wait_for(lambda: list(cache.rglob("*.nbi")))
    time.sleep(0.3)
    _, err = command.stop(number)
    assert err.startswith("compiling the kernels")
    assert not list(cache.rglob("*.tmp.*")), "an index that is cut short would be read by the next run"


def test_a_cache_without_a_home_goes_too(tmp_path):
    """Kernels that can be kept nowhere are compiled into a temporary folder."""
    command = Command(tmp_path, "--seeds", "1", "--replicates", "3", HASHCREDIT_CACHE_DIR="/proc/nowhere")
    command.wait_for(lambda: list(command.temporary.rglob("*.nbi")))
    command.stop(signal.SIGTERM)


@pytest.mark.parametrize("number", CODES)
def test_between_many_replicates(number, tmp_path):
    command = Command(tmp_path, "--seeds", "1", "--replicates", "1000000")
    command.wait_for(command.is_at_work)
    time.sleep(1.0)
    assert command.stop(number)[0] == ""


@pytest.mark.parametrize("number", CODES)
@pytest.mark.parametrize("delay", [0.5, 2.5])
def test_inside_a_large_replicate(delay, number, tmp_path):
    """Networks, opening and weeks of 20,000 borrowers: none of them looks up for a signal."""
    command = Command(tmp_path, *LARGE, "--set", "horizon_weeks=1040", "--seeds", "1", "--replicates", "1")
    command.wait_for(command.is_at_work)
    time.sleep(delay)
    assert command.stop(number)[0] == ""


@pytest.mark.parametrize("number", CODES)
@pytest.mark.parametrize(
    "name", ["summary.parquet", "series.parquet", "figures/*.png", "figures/distribution.pdf"]
)
def test_while_results_are_written(name, number, tmp_path):
    command = Command(tmp_path, "--seeds", "1", "--replicates", "3", "--set", "horizon_weeks=30")
    command.wait_for(lambda: command.has_written(name))
    assert command.stop(number)[0] == ""


def test_a_stop_that_comes_too_late_changes_nothing(tmp_path):
    command = Command(
        tmp_path, "--seeds", "1", "--replicates", "2", "--set", "horizon_weeks=8", "--no-figures"
    )
    command.wait_for(command.place.exists)
    command.process.send_signal(signal.SIGINT)
    out, err = command.process.communicate(timeout=60)
    assert command.process.returncode == 0
    assert "largest residuals" in out and err.endswith(f"results are in {command.place}\n")
    assert {path.name for path in command.place.iterdir()} >= {"summary.csv", "provenance.json"}


def test_a_second_stop_does_not_hurry(tmp_path):
    command = Command(tmp_path, "--seeds", "1", "--replicates", "1000000")
    command.wait_for(command.is_at_work)
    command.process.send_signal(signal.SIGINT)
    command.stop(signal.SIGINT)


def test_no_folder_is_made_once_the_place_was_discarded(tmp_path, monkeypatch):
    """The clean-up runs beside the thread that makes the folders, which may have some still to make."""
    folder = ResultFolder(tmp_path / "a" / "b" / "result")
    original = folder._make

    def make(path):
        original(path)
        if path.name == "a":
            folder.discard()

    monkeypatch.setattr(folder, "_make", make)
    with pytest.raises(OutputFolderError, match="operation canceled"):
        folder.__enter__()
    assert list(tmp_path.iterdir()) == []
