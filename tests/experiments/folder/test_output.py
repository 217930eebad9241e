"""Result folders appear whole or not at all; their tables and provenance say what was run."""

import json
import os
import sys
import threading

import pandas as pd
import pytest
from stores import write_run_folder

from hashcredit.experiments.figures import FIGURES
from hashcredit.experiments.folder.output import (
    QUANTITIES,
    ResultFolder,
    format_flows,
    format_residuals,
    format_statistics,
    statistics_of,
)
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


# Statistics


def invented_summary():
    """Four replicates: quiet, one forced miner, one forced and one own, and two own."""
    summary = pd.DataFrame(0.0, index=range(4), columns=list(QUANTITIES))
    summary["defaults_miners"] = [0, 1, 1, 1]
    summary["defaults_neoclouds"] = [0, 0, 1, 1]
    summary["defaults"] = [0, 1, 2, 2]
    summary["extra_defaults"] = [0, 0, 1, 2]
    summary["lender_failures"] = [0, 0, 0, 3]
    summary["extra_lender_failures"] = [0, 0, 0, 2]
    summary["recovery_rate"] = [float("nan"), 0.2, 0.4, 0.6]
    residuals = {"money_residual": 1e-12, "balance_residual": [0, 3e-13, 0, 0], "units_residual": 0}
    return summary.assign(**residuals, macro_residual=0.0)


def test_statistics_by_hand():
    rows = {row.quantity: row.estimate for row in statistics_of(invented_summary())}
    assert (rows["defaults"].n, rows["defaults"].mean, rows["defaults"].median) == (4, 1.25, 1.5)
    assert (rows["defaults_if_any"].n, rows["defaults_if_any"].mean) == (3, pytest.approx(5 / 3, rel=1e-15))
    assert (rows["recovery_rate"].n, rows["recovery_rate"].mean) == (3, pytest.approx(0.4, rel=1e-15))
    assert rows["any_default"].mean == 0.75
    assert (rows["extra_defaults"].mean, rows["extra_lender_failures"].mean) == (0.75, 0.5)
    assert rows["any_unforced_default"].mean == 0.5
    assert rows["any_neocloud_default"].mean == 0.5
    assert rows["any_lender_failure"].mean == 0.25


def test_statistics_of_pairs_have_intervals_over_pairs():
    # pairs of defaults (0, 1) and (2, 2): means .5 and 2, standard error .75
    rows = {row.quantity: row.estimate for row in statistics_of(invented_summary(), together=2)}
    assert (rows["defaults"].n, rows["defaults"].mean) == (4, 1.25)
    assert rows["defaults"].standard_error == pytest.approx(0.75, rel=1e-15)
    assert rows["any_default"].standard_error == pytest.approx(0.25, rel=1e-15)


def test_unforced_failures_are_only_told_apart_where_some_were_forced():
    summary = invented_summary().assign(extra_defaults=[0, 1, 2, 2])
    told = {row.quantity for row in statistics_of(summary)}
    assert not told & {"any_unforced_default", "extra_defaults"}
    assert {"extra_lender_failures", "facility_defaults", "hand_backs"} <= told


def test_waivers_and_control_are_only_told_where_there_were_some():
    quiet = {row.quantity for row in statistics_of(invented_summary())}
    assert not quiet & {"waivers", "control_taken"}
    some = statistics_of(invented_summary().assign(waivers=[0, 2, 0, 0], control_taken=[1, 0, 0, 0]))
    means = {row.quantity: row.estimate.mean for row in some}
    assert (means["waivers"], means["control_taken"]) == (0.5, 0.25)


def test_summary_csv_keeps_full_precision(tmp_path, small, results):
    write_run_folder(tmp_path / "result", small, *results, figures=False)
    table = pd.read_csv(tmp_path / "result" / "summary.csv", index_col="quantity")
    assert list(table.columns) == ["unit", "n", "mean", "standard_error", "low", "high", "median"]
    for row in statistics_of(results[0].summary):
        assert table.loc[row.quantity, "n"] == row.estimate.n
        assert table.loc[row.quantity, "mean"] == pytest.approx(row.estimate.mean, rel=1e-15, nan_ok=True)


def test_table_has_one_line_a_statistic_and_one_width():
    rows = statistics_of(invented_summary())
    lines = format_statistics(rows).splitlines()
    left_out = [line for line in lines if line.startswith("left out of ")]
    lines = lines[: len(rows) + 1]
    assert {len(line) for line in lines} == {80}
    total = len(invented_summary())
    missing = {row.words: total - row.estimate.n for row in rows if row.estimate.n < total}
    assert missing
    said = [
        f"left out of {words}: {count} of {total} replicates, undefined" for words, count in missing.items()
    ]
    assert left_out == said
    assert any(line.startswith("P(any default)") and "0.7500" in line for line in lines)


def test_residual_line_shows_the_largest():
    expected = "largest residuals: money 1.0e-12, balance sheets 3.0e-13, machines 0, funding pool 0.0e+00"
    assert format_residuals(invented_summary()) == expected


def test_flow_matrix_is_readable():
    flows = pd.DataFrame(
        [[1234.5, -1234.5, 0.0], [-1234.5, 1234.5, 0.0]],
        index=["compute_rent", "change in cash"],
        columns=["miners", "lenders", "rest_of_world"],
    )
    head, rent, change = format_flows(flows).splitlines()
    assert head.split() == ["M$", "miners", "lenders", "rest_of_world"]
    assert rent.split() == ["compute", "rent", "1,234.50", "-1,234.50", "."]
    assert change.split() == ["change", "in", "cash", "-1,234.50", "1,234.50", "."]
    assert len(head) == len(rent) == len(change)


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
