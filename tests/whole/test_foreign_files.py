"""A FIFO, a device, a folder or a null character where a file is named: one line, at once, no file."""

import os
import signal

import pytest

from hashcredit.experiments.commands.cli import main

SCENARIO = 'schema = 1\nbase = "baseline_2026"\n'
STUDY = 'scenario = "{scenario}"\nseed = 1\nreplicates = 1\n'
DESIGN = STUDY.format(scenario="baseline_2026") + '[design]\nkind = "list"\nfile = "{place}"\n'

PLACES = {
    "scenario": (None, ["run", "{place}", "--out", "out"]),
    "base": ('schema = 1\nbase = "{place}"\n', ["run", "given.toml", "--out", "out"]),
    "path": (SCENARIO + '[shocks]\nbtc_path = "{place}"\n', ["run", "given.toml", "--out", "out"]),
    "network": (
        SCENARIO + '[networks]\ncredit_kind = "file"\ncredit_file = "{place}"\n',
        ["run", "given.toml", "--out", "out"],
    ),
    "checked": (None, ["scenario", "check", "{place}"]),
    "study": (None, ["sweep", "{place}", "--out", "out"]),
    "planned": (None, ["sweep", "{place}", "--plan"]),
    "design": (DESIGN, ["sweep", "given.toml", "--out", "out"]),
    "scenario of a study": (
        STUDY.replace("{scenario}", "{place}"),
        ["sweep", "given.toml", "--out", "out"],
    ),
}


@pytest.fixture
def in_time():
    """A test that waits for a FIFO fails instead."""
    signal.alarm(60)
    yield
    signal.alarm(0)


@pytest.mark.parametrize("kind", ["fifo", "device", "folder", "null"])
@pytest.mark.parametrize("place", PLACES)
def test_what_is_no_regular_file_is_refused(place, kind, tmp_path, monkeypatch, capsys, in_time):
    monkeypatch.chdir(tmp_path)
    os.mkfifo("fifo.csv")
    os.symlink("/dev/zero", "device.csv")
    os.mkdir("folder.csv")
    content, words = PLACES[place]
    name = "a\\u0000.csv" if kind == "null" and content else "a\0.csv" if kind == "null" else f"{kind}.csv"
    if content:
        with open("given.toml", "w") as handle:
            handle.write(content.replace("{place}", name))
    before = sorted(os.listdir())
    assert main([word.replace("{place}", name) for word in words]) == 2
    said = capsys.readouterr()
    assert said.out == "" and said.err.startswith("hashcredit: error: ") and said.err.count("\n") == 1
    assert sorted(os.listdir()) == before


def test_reference_numbers_of_a_replication(tmp_path, monkeypatch, capsys, in_time):
    monkeypatch.chdir(tmp_path)
    os.makedirs("results/reference")
    os.mkfifo("results/reference/cont_schaanning_2017.csv")
    assert main(["reproduce", "cont_schaanning_2017", "--quick", "--out", "out"]) == 2
    assert "this is a FIFO, not a regular file" in capsys.readouterr().err
    assert os.listdir() == ["results"]
