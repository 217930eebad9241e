"""Stops and readers that leave: what the command line does then."""

import shlex
import subprocess
import sys

from small_command import SMALL

from hashcredit.experiments.commands.cli import main

COMMAND = [sys.executable, "-m", "hashcredit.experiments.commands.cli"]


def everything_under(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def test_an_interrupt_inside_a_python_session_is_clean_too(tmp_path, monkeypatch):
    import hashcredit.simulator.runs.engine as engine

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(engine, "simulate_many", interrupted)
    assert main(["run", *SMALL, "--out", str(tmp_path / "a" / "b")]) == 130
    assert everything_under(tmp_path) == []


def test_a_reader_that_leaves_is_no_error():
    line = " ".join(shlex.quote(word) for word in [*COMMAND, "scenario", "show", "--table"])
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {line} | head -n 1"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("field")


def test_a_reader_that_leaves_costs_no_results(tmp_path):
    words = [
        *COMMAND,
        "run",
        *SMALL,
        "--seeds",
        "1",
        "--replicates",
        "2",
        "--no-figures",
        "--out",
        str(tmp_path / "result"),
    ]
    line = " ".join(shlex.quote(word) for word in words)
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {line} | true"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "result" / "provenance.json").is_file()
