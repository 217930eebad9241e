"""The second process compiles what the first one needs, and nothing else."""

import subprocess
import sys

import pytest

from hashcredit.experiments.execution import compiling
from hashcredit.experiments.execution.compiling import phase_arguments, second_compiler
from hashcredit.simulator import Scenario, simulate_many
from hashcredit.simulator.week.step import PHASES


def test_a_week_calls_its_phases_with_the_types_that_are_compiled_for():
    """Each phase has one compiled version after both; a second one would be work for nothing."""
    kinds = phase_arguments()
    simulate_many(Scenario.load().with_changes({"horizon_weeks": 1}), replicates=1)
    for phase in PHASES:
        phase.compile(kinds)
        assert len(phase.signatures) == 1, phase.__name__


@pytest.fixture
def started(monkeypatch):
    """Processes that `second_compiler` starts: they sleep instead of compiling."""
    processes = []
    start = subprocess.Popen

    def sleep(command, **options):
        assert command[0] == sys.executable and command[-1] == compiling.__name__
        processes.append(start([sys.executable, "-c", "import time; time.sleep(600)"], **options))
        return processes[-1]

    monkeypatch.setattr(subprocess, "Popen", sleep)
    return processes


def test_it_ends_with_the_block(started, monkeypatch):
    monkeypatch.setattr(compiling, "processors", lambda: 2)
    with second_compiler():
        (other,) = started
        assert other.poll() is None
    assert other.poll() is not None


@pytest.mark.parametrize(
    ("what", "value"), [("processors", lambda: 1), ("is_kept", lambda: False)], ids=["one core", "no cache"]
)
def test_it_is_not_started_where_it_cannot_help(started, monkeypatch, what, value):
    monkeypatch.setattr(compiling, "processors", lambda: 2)
    monkeypatch.setattr(compiling, what, value)
    with second_compiler():
        assert not started


def test_it_ends_when_the_first_process_dies():
    """Its standard input is a pipe of the first process."""
    code = f"import {compiling.__name__} as other; other._end_with_parent()"
    other = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE)
    other.stdin.close()  # as when nobody holds the other end
    assert other.wait(timeout=60) == 0
