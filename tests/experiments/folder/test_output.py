"""Result folders appear whole or not at all; their tables and provenance say what was run."""

import json
import os
import sys
import threading

import pandas as pd
import pytest
from stores import write_run_folder

from hashcredit.experiments.figures import FIGURES
from hashcredit.experiments.folder.output import ResultFolder
from hashcredit.experiments.folder.summary import statistics_of
from hashcredit.experiments.support.files import write_whole
from hashcredit.simulator import Scenario, simulate, simulate_many
from hashcredit.simulator.errors import OutputFolderError, ScenarioError
from hashcredit.simulator.provenance import provenance, rebuild


@pytest.fixture(scope="module")
def small():
    return Scenario.load().with_changes(
        {"horizon_weeks": 6, "population.miners": 5, "population.neoclouds": 5}
    )


@pytest.fixture(scope="module")
def results(small):
    return simulate_many(small, seed=5, replicates=4), simulate(small, seed=5)


def everything_under(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


# The folder


def test_folder_appears_under_its_name_only_when_published(tmp_path):
    target = tmp_path / "deep" / "er" / "result"
    with ResultFolder(target) as folder:
        (folder.path / "data").write_text("x")
        assert not target.exists()
        assert folder.path.parent == target.parent  # same file system, so that the rename is one step
        folder.publish()
    assert everything_under(tmp_path) == ["deep", "deep/er", "deep/er/result", "deep/er/result/data"]


def test_failure_leaves_nothing(tmp_path):
    def fail_half_way():
        with ResultFolder(tmp_path / "a" / "b") as folder:
            (folder.path / "data").write_text("x")
            raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match="half way"):
        fail_half_way()
    assert everything_under(tmp_path) == []


def test_failure_keeps_folders_that_were_there(tmp_path):
    (tmp_path / "a").mkdir()
    with ResultFolder(tmp_path / "a" / "b"):
        pass
    assert everything_under(tmp_path) == ["a"]


def test_discarding_before_anything_was_made_touches_nothing(tmp_path, monkeypatch):
    (tmp_path / "mine").write_text("x")
    monkeypatch.chdir(tmp_path)
    ResultFolder("result").discard()
    assert everything_under(tmp_path) == ["mine"]


def test_discarding_wins_against_a_thread_that_goes_on_writing(tmp_path):
    folder = ResultFolder(tmp_path / "result").__enter__()
    stop = threading.Event()

    def write():
        number = 0
        while not stop.is_set():
            number += 1
            try:
                (folder.path / f"{number}").write_text("x")
            except OSError:
                return

    writer = threading.Thread(target=write)
    writer.start()
    folder.discard()
    stop.set()
    writer.join()
    assert everything_under(tmp_path) == []


def test_an_empty_folder_may_be_named(tmp_path, monkeypatch):
    target = tmp_path / "result"
    target.mkdir()
    with ResultFolder(target) as folder:
        (folder.path / "data").write_text("x")
        folder.publish()
    assert everything_under(tmp_path) == ["result", "result/data"]
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    with ResultFolder(".") as folder:
        (folder.path / "data").write_text("x")
        folder.publish()
    assert os.listdir() == ["data"]  # the folder in which the user stands is still the same one
    assert everything_under(tmp_path) == ["here", "here/data", "result", "result/data"]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("full", "is not empty"),
        ("file", "is a file"),
        ("file/below", "cannot be written"),
        ("", "needs a name"),
    ],
)
def test_unusable_places_are_refused(tmp_path, name, reason):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").write_text("keep")
    (tmp_path / "file").write_text("keep")
    before = everything_under(tmp_path)
    with pytest.raises(OutputFolderError, match=reason) as refusal, ResultFolder(name and tmp_path / name):
        pass
    assert refusal.value.exit_code == 2
    assert "\n" not in str(refusal.value)
    assert everything_under(tmp_path) == before


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_is_refused(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(OutputFolderError, match="permission denied"), ResultFolder(tmp_path / "result"):
        pass
    tmp_path.chmod(0o700)


def test_a_place_taken_meanwhile_keeps_both(tmp_path):
    with ResultFolder(tmp_path / "result") as folder:
        (folder.path / "data").write_text("ours")
        (tmp_path / "result").mkdir()
        (tmp_path / "result" / "data").write_text("theirs")
        with pytest.raises(OutputFolderError, match="they are in"):
            folder.publish()
    assert (folder.path / "data").read_text() == "ours"
    assert (tmp_path / "result" / "data").read_text() == "theirs"


def test_an_interrupted_file_never_has_its_name(tmp_path):
    def fail(handle):
        handle.write(b"half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_whole(tmp_path / "table", fail)
    assert not (tmp_path / "table").exists()
    write_whole(tmp_path / "table", lambda handle: handle.write(b"whole"))
    assert (tmp_path / "table").read_bytes() == b"whole"


# Its content


def test_content_is_what_was_run(tmp_path, small, results):
    many, run = results
    target = tmp_path / "result"
    write_run_folder(target, small, many, run, command=["hashcredit", "run"])
    figures = [f"figures/{key}.{form}" for key in FIGURES for form in ("pdf", "png")]
    tables = ["events.parquet", "figures", "provenance.json", "scenario.toml", "series.parquet"]
    assert everything_under(target) == sorted([*tables, *figures, "summary.csv", "summary.parquet"])
    pd.testing.assert_frame_equal(pd.read_parquet(target / "summary.parquet"), many.summary)
    pd.testing.assert_frame_equal(pd.read_parquet(target / "series.parquet"), run.series)
    pd.testing.assert_frame_equal(pd.read_parquet(target / "events.parquet"), run.events)
    assert Scenario.load(target / "scenario.toml") == small
    record = json.loads((target / "provenance.json").read_text())
    assert (record["replicates"], record["command"]) == (4, ["hashcredit", "run"])
    assert rebuild(record) == (small, 5, 0)


def test_equal_runs_give_equal_bytes(tmp_path, small, results):
    for name in ("first", "second"):
        write_run_folder(tmp_path / name, small, *results)
    for path in everything_under(tmp_path / "first"):
        first, second = tmp_path / "first" / path, tmp_path / "second" / path
        if first.is_file() and path != "provenance.json":
            assert first.read_bytes() == second.read_bytes(), path
    records = [json.loads((tmp_path / name / "provenance.json").read_text()) for name in ("first", "second")]
    different = {key for key in records[0] if records[0][key] != records[1][key]}
    assert different <= {"start_time"}


def test_figures_can_be_left_out(tmp_path, small, results):
    write_run_folder(tmp_path / "result", small, *results, figures=False)
    assert "figures" not in everything_under(tmp_path / "result")


def test_summary_csv_keeps_full_precision(tmp_path, small, results):
    write_run_folder(tmp_path / "result", small, *results, figures=False)
    table = pd.read_csv(tmp_path / "result" / "summary.csv", index_col="quantity")
    estimated = ["unit", "n", "mean", "standard_error", "low", "high", "median"]
    assert list(table.columns) == [*estimated, "networks"] and set(table["networks"]) == {1}
    for row in statistics_of(results[0].summary):
        assert table.loc[row.quantity, "n"] == row.estimate.n
        assert table.loc[row.quantity, "mean"] == pytest.approx(row.estimate.mean, rel=1e-15, nan_ok=True)


# Provenance


@pytest.mark.parametrize("name", Scenario.names())
def test_provenance_rebuilds_the_call(name):
    scenario = Scenario.load(name)
    record = provenance(scenario, 2**62, 41)
    assert rebuild(record) == (scenario, 2**62, 41)
    again = rebuild(json.loads(json.dumps(record, allow_nan=False)))
    assert again == (scenario, 2**62, 41)
    assert again[0].to_toml() == scenario.to_toml()


def test_a_run_can_be_rebuilt_from_its_provenance(results):
    run = results[1]
    scenario, seed, replicate = rebuild(run.provenance)
    pd.testing.assert_frame_equal(simulate(scenario, seed, replicate).series, run.series, check_exact=True)


def test_provenance_says_with_what():
    record = provenance(Scenario.load(), 1, 0)
    assert record["version"] and record["cpu"] and record["platform"] and record["python"]
    assert set(record["libraries"]) >= {"numpy", "numba", "llvmlite", "scipy", "pandas"}
    assert all(version[0].isdigit() for version in record["libraries"].values())
    assert record["git"] is None or set(record["git"]) == {"commit", "dirty"}
    hexadecimal = set("0123456789abcdef")
    assert set(record["kernel_code"]) <= hexadecimal or record["kernel_code"].startswith("unknown")


def test_a_tampered_record_is_refused():
    record = json.loads(json.dumps(provenance(Scenario.load(), 1, 0)))
    record["scenario"]["shocks"]["btc_volatility"] = 0.123
    with pytest.raises(ScenarioError, match=r"provenance\.scenario_digest"):
        rebuild(record)
    record["scenario"]["start_date"] = "someday"
    with pytest.raises(ScenarioError, match="start_date: 'someday'"):
        rebuild(record)
    del record["seed"]
    with pytest.raises(ScenarioError, match=r"provenance\.seed"):
        rebuild(record)


def test_git_is_not_needed(monkeypatch, tmp_path):
    module = sys.modules[provenance.__module__]
    monkeypatch.setattr(module, "_CHECKOUT", tmp_path)
    for is_checkout in (False, True):
        if is_checkout:
            (tmp_path / ".git").mkdir()  # looks like a checkout, is none
        module._git_state.cache_clear()
        assert provenance(Scenario.load(), 1, 0)["git"] is None
    module._git_state.cache_clear()
