"""The process behind the command: its streams, whatever state they are in."""

import os
import subprocess
import sys

import pytest

COMMAND = [sys.executable, "-m", "hashcredit.experiments.commands.process"]
NAMED = 'schema = 1\nbase = "baseline_2026"\nname = "grün"\n'


def call(*words, shell="", **environment):
    """A finished process; `shell` is what a shell adds to the command."""
    return subprocess.run(
        ["bash", "-c", f'"$@" {shell}', "bash", *COMMAND, *words],
        capture_output=True,
        check=False,
        env=os.environ | environment,
    )


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_letters_that_a_terminal_does_not_know_are_escaped(tmp_path, encoding):
    file = tmp_path / "named.toml"
    file.write_text(NAMED, encoding="utf-8")
    done = call("scenario", "check", str(file), PYTHONIOENCODING=encoding)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b": " + "grün".encode(encoding, errors="backslashreplace") + b" is valid" in done.stdout


def test_closed_output_is_an_error_of_one_line():
    done = call("scenario", "list", shell=">&-")
    assert (done.returncode, done.stdout) == (1, b"")
    assert (
        done.stderr.startswith(b"hashcredit: error: standard output is closed")
        and done.stderr.count(b"\n") == 1
    )


def test_full_output_is_an_error_of_one_line():
    done = call("scenario", "list", shell="> /dev/full")
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr == b"hashcredit: error: [Errno 28] No space left on device\n"


def test_words_for_a_closed_error_stream_go_nowhere():
    done = call("scenario", "check", "absent.toml", shell="2>&-")
    assert (done.returncode, done.stdout, done.stderr) == (2, b"", b"")
