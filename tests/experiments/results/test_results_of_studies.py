"""Reading a study's folder: every run once, in order, whatever lies there; averages and arrays; the page."""

import copy
import pickle
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pages import blocks, commands
from repository import ROOT
from stores import (
    RULE,
    SMALL,
    as_it_is,
    chunks,
    fail,
    fail_rows,
    make_store,
    rewrite,
    spoil,
    tear,
    vouch,
    with_column,
)

from hashcredit.experiments import Results
from hashcredit.experiments.commands.cli import main
from hashcredit.experiments.results.kept import ResultsError
from hashcredit.experiments.results.reading import DamagedFilesError
from hashcredit.experiments.store.manifest import DamagedInputsError
from hashcredit.simulator import Scenario, simulate
from hashcredit.simulator.errors import OutputFolderError

PAGE = (ROOT / "docs" / "results.md").read_text(encoding="utf-8")

# Runs


def test_rows_are_those_of_the_plan_in_its_order(results):
    assert results.complete and not len(results.missing) and not len(results.failures)
    assert results.factors == (RULE, "horizon_weeks")
    assert results.study_name == "study"
    shared = ["run_id", "point", "scenario", "seed", "replicate", *results.factors]
    pd.testing.assert_frame_equal(results.runs[shared], results.plan[shared])
    assert list(results.runs.columns[: len(shared) + 2]) == [*shared, "status", "error"]
    assert set(results.runs["status"]) == {"ok"}


def test_a_row_is_the_run_that_it_names(results):
    row = results.runs.iloc[13]
    scenario = Scenario.load(row["scenario"]).with_changes({name: row[name] for name in results.factors})
    run = simulate(scenario, seed=int(row["seed"]), replicate=int(row["replicate"]))
    for name, value in run.summary.items():
        np.testing.assert_equal(row[name], value, err_msg=name)


def test_files_in_another_order_change_nothing(folder, results):
    for number, path in enumerate(reversed(chunks(folder))):
        for part in ("runs", "series", "events", "lenders"):
            rewrite(folder / part / path.name, as_it_is, f"chunk-{number}.parquet")
            (folder / part / path.name).unlink()
    again = Results.open(folder)
    pd.testing.assert_frame_equal(again.runs, results.runs)
    pd.testing.assert_frame_equal(again.series, results.series)


def test_files_whose_runs_take_turns_change_nothing(folder, results):
    """A block that was finished after a smaller one inside it has what lies before and behind that."""
    path = chunks(folder)[0]
    for name, rows in (("chunk-0.parquet", [0, 3]), ("chunk-1.parquet", [1, 2])):
        rewrite(path, lambda table, rows=rows: table.take(rows), name)
        for part in ("series", "events", "lenders"):
            rewrite(folder / part / path.name, as_it_is, name)
    path.unlink()
    again = Results.open(folder)
    pd.testing.assert_frame_equal(again.runs, results.runs)
    pd.testing.assert_frame_equal(again.series, results.series)
    pd.testing.assert_frame_equal(again.table("lenders"), results.table("lenders"))


def test_only_columns_that_are_asked_for_are_read(results):
    frame = results.read(["defaults", RULE, "run_seconds"])
    pd.testing.assert_frame_equal(frame, results.runs[["defaults", RULE, "run_seconds"]])
    with pytest.raises(ResultsError, match=r"columns: 'default' is not allowed.*did you mean 'defaults'"):
        results.read(["default"])


def test_of_two_rows_the_one_that_is_ok_counts(folder, results):
    """Whether its file comes first or last, and series, events and agents come from that file alone."""
    first, second = chunks(folder)[:2]
    for path, name in ((first, "chunk-0.parquet"), (second, "chunk-zz.parquet")):
        rewrite(path, fail, name)
        for part in ("series", "events", "lenders"):
            rewrite(folder / part / path.name, as_it_is, name)
    found = Results.open(folder)
    pd.testing.assert_frame_equal(found.runs, results.runs)
    assert not len(found.failures)
    pd.testing.assert_frame_equal(found.series, results.series)
    pd.testing.assert_frame_equal(found.table("lenders"), results.table("lenders"))


def test_of_two_equal_rows_the_first_file_counts(folder):
    path = chunks(folder)[2]
    rewrite(path, with_column("run_seconds", 99.0), "chunk-0.parquet")
    rewrite(path, with_column("run_seconds", 55.0), "chunk-zz.parquet")
    for part, name in ((p, n) for p in ("series", "events", "lenders") for n in ("0", "zz")):
        rewrite(folder / part / path.name, as_it_is, f"chunk-{name}.parquet")
    seconds = Results.open(folder).runs["run_seconds"]
    assert (seconds[8:12] == 99.0).all() and (seconds.drop(range(8, 12)) < 50.0).all()


def test_strangers_do_not_count(folder, results):
    path = chunks(folder)[0]
    rewrite(path, with_column("run_id", [f"{k:032x}" for k in range(4)]), "chunk-0.parquet")
    for part in ("series", "events", "lenders"):
        change = with_column("run_id", f"{1:032x}")
        rewrite(folder / part / path.name, change, "chunk-0.parquet")
    found = Results.open(folder)
    pd.testing.assert_frame_equal(found.runs, results.runs)
    pd.testing.assert_frame_equal(found.events, results.events)


def test_failed_runs_are_rows_without_scalars(folder, results):
    rewrite(chunks(folder)[1], lambda table: fail_rows(table, 3))
    found = Results.open(folder)
    assert found.complete and len(found.runs) == 16
    assert list(found.failures["run_id"]) == list(results.plan["run_id"][4:7])
    assert set(found.failures["error"]) == {"SimulationError: week 3: broken"}
    assert found.runs["defaults"].isna().sum() == 3
    assert found.ok["defaults"].dtype == np.int64  # no failed run makes floats of them
    kept = results.runs.drop(range(4, 7)).reset_index(drop=True)
    pd.testing.assert_frame_equal(found.ok, kept)
    pd.testing.assert_frame_equal(found.read(failed=False), kept)


def test_a_study_at_work_can_be_read(folder, results):
    gone = chunks(folder)[1]
    gone.unlink()
    found = Results.open(folder)
    assert not found.complete
    assert list(found.missing["run_id"]) == list(results.plan["run_id"][4:8])
    pd.testing.assert_frame_equal(found.runs, results.runs.drop(range(4, 8)).reset_index(drop=True))
    assert set(found.series["point"]) == {0, 2, 3}  # what nobody vouches for is no result


def test_a_study_that_has_no_run_yet_can_be_read(folder, results):
    for path in chunks(folder):
        path.unlink()
    found = Results.open(folder)
    assert list(found.runs.columns) == list(results.runs.columns)
    assert len(found.runs) == len(found.series) == 0 and len(found.missing) == 16
    assert list(found.series.columns[:4]) == ["run_id", "point", "seed", "replicate"]
    assert found.statistics(["defaults"])["n"].tolist() == [0, 0, 0, 0]


def test_points_have_the_numbers_of_the_plan_when_a_study_has_grown(tmp_path):
    """Older files say point 0 where the plan says 1."""
    factors = {"horizon_weeks": [6, 12]}
    make_store(tmp_path / "s", {"factors": factors})
    for _ in range(2):  # the first puts the new plan there, the second has nothing to do or does its runs
        make_store(tmp_path / "s", {"factors": {"horizon_weeks": [3, 6, 12]}})
    found = Results.open(tmp_path / "s")
    assert found.runs["point"].tolist() == np.repeat([0, 1, 2], 4).tolist()
    assert found.runs["horizon_weeks"].tolist() == np.repeat([3, 6, 12], 4).tolist()
    assert found.to_xarray()["defaults"].dims == ("horizon_weeks", "replicate")


# Damage and refusals


def test_damaged_files_are_named_once(folder):
    torn, spoilt = chunks(folder)[:2]
    tear(torn)
    (folder / "series" / spoilt.name).unlink()
    with pytest.raises(DamagedFilesError) as caught:
        Results.open(folder)
    assert sorted(caught.value.files) == sorted([f"runs/{torn.name}", f"runs/{spoilt.name}"])
    assert "`hashcredit sweep` computes their runs again" in str(caught.value)
    assert torn.name in str(caught.value) and "\n" not in str(caught.value)
    again = pickle.loads(pickle.dumps(caught.value))
    assert (str(again), again.files) == (str(caught.value), caught.value.files)


def test_partial_results_do_without_damaged_files(folder, results):
    torn, spoilt = chunks(folder)[:2]
    tear(torn)
    spoil(spoilt, "peak_haircut")
    found = Results.open(folder, partial=True)
    assert sorted(found.damaged) == sorted([torn, spoilt])
    pd.testing.assert_frame_equal(found.runs, results.runs[8:].reset_index(drop=True))
    assert len(found.missing) == 8


def test_damage_among_the_scalars_is_an_error(folder):
    """One wrong byte anywhere in a file is noticed; nobody gets wrong numbers."""
    path = chunks(folder)[0]
    spoil(path, "creditor_loss_musd")
    with pytest.raises(DamagedFilesError, match=rf"runs/{path.name}: is not what was written there"):
        _ = Results.open(folder)


def test_damaged_series_are_an_error_or_left_out(folder, results):
    path = chunks(folder)[0]
    spoil(folder / "series" / path.name, "btc_price_usd")
    with pytest.raises(DamagedFilesError, match=rf"series/{path.name}"):
        _ = Results.open(folder).series
    found = Results.open(folder, partial=True)
    expected = results.series[results.series["point"] > 0].reset_index(drop=True)
    pd.testing.assert_frame_equal(found.series, expected)


def test_folders_without_a_study_are_refused(tmp_path, folder):
    with pytest.raises(OutputFolderError, match="is no folder of a study"):
        Results.open(tmp_path / "nothing")
    (folder / "plan.parquet").unlink()
    with pytest.raises(OutputFolderError, match=r"plan\.parquet is gone"):
        Results.open(folder)


# What was kept besides


def test_series_events_and_tables_are_joined_with_the_design(results):
    row = results.runs.iloc[5]
    scenario = Scenario.load().with_changes({name: row[name] for name in results.factors})
    run = simulate(scenario, seed=int(row["seed"]), replicate=int(row["replicate"]))
    first = ["run_id", "point", "seed", "replicate", *results.factors]
    for name, frame, expected in (
        ("series", results.series, run.series[["btc_price_usd", "alive_miners"]].reset_index()),
        ("events", results.events, run.events.rename_axis("event").reset_index()),
        ("lenders", results.table("lenders"), run.tables["lenders"]),
    ):
        assert list(frame.columns[:6]) == first, name
        mine = frame[frame["run_id"] == row["run_id"]]
        assert len(mine) == len(expected) > 0, name
        for column in first:
            assert set(mine[column]) == {row[column]}, (name, column)
        for column in expected.columns.intersection(frame.columns):
            np.testing.assert_array_equal(mine[column].to_numpy(), expected[column].to_numpy(), column)


def test_details_are_in_the_order_of_the_plan_and_of_the_first_replicates(results):
    series = results.series
    assert len(series) == 2 * (6 + 12 + 6 + 12)
    keys = series[["point", "replicate", "week"]]
    pd.testing.assert_frame_equal(keys, keys.sort_values(["point", "replicate", "week"]))
    assert set(series["replicate"]) == {0, 1}
    few = results.table("series", ["week", "point", "btc_price_usd"])
    pd.testing.assert_frame_equal(few, series[["point", "week", "btc_price_usd"]])
    only = results.table("series", ["run_id", RULE])
    pd.testing.assert_frame_equal(only, series[["run_id", RULE]])


def test_what_was_not_kept_says_which_key_keeps_it(tmp_path, results):
    bare = Results.open(make_store(tmp_path / "bare", {"replicates": 1}))
    with pytest.raises(OutputFolderError, match=r"has no series.*keep\.series = true"):
        _ = bare.series
    with pytest.raises(OutputFolderError, match=r"has no events.*keep\.events = true"):
        _ = bare.events
    with pytest.raises(OutputFolderError, match=r'has no loans.*keep\.tables = \["loans"\]'):
        results.table("loans")
    with pytest.raises(ResultsError, match=r"name: 'lender' is not allowed.*did you mean 'lenders'"):
        results.table("lender")
    with pytest.raises(ResultsError, match=r"columns: 'weeks' is not allowed.*'week'"):
        results.table("series", ["weeks"])
    assert set(bare.paths) == {"runs"} and set(results.paths) == {"runs", "series", "events", "lenders"}


# Points


def test_points_of_a_grid(results):
    points = results.points
    assert points["point"].tolist() == points["same_as"].tolist() == [0, 1, 2, 3]
    assert points[RULE].tolist() == ["auction", "auction", "deep", "deep"]
    assert points["horizon_weeks"].tolist() == [6, 12, 6, 12]


SAMPLE = {"design": {"kind": "random", "points": 6}, "factors": {"horizon_weeks": {"low": 3, "high": 5}}}


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    """A sample in which points come again: six of three values."""
    return make_store(tmp_path_factory.mktemp("stores") / "sample", {**SAMPLE, "replicates": 2})


def test_identical_points_of_a_sample_share_their_runs(sample, tmp_path):
    from hashcredit.experiments import Study

    drawn = Study.from_dict({**SMALL, **SAMPLE, "replicates": 2}).points()
    assert len(set(drawn.first.tolist())) < 6
    folder = shutil.copytree(sample, tmp_path / "s")
    design = pa.table({"point": np.arange(6), "same_as": drawn.first, "horizon_weeks": drawn.columns[0]})
    pq.write_table(design, folder / "design.parquet")
    vouch(folder)
    found = Results.open(folder)
    assert found.points["horizon_weeks"].tolist() == drawn.columns[0].tolist()
    data = found.to_xarray()
    assert data["units_dumped"].dims == ("point", "replicate") and data.sizes["point"] == 6
    values = found.runs.set_index(["point", "replicate"])["units_dumped"]
    for point, same_as in enumerate(drawn.first.tolist()):
        for replicate in (0, 1):
            assert data["units_dumped"].values[point, replicate] == values[same_as, replicate]
    assert len(found.statistics(["defaults"])) == len(set(drawn.first.tolist()))


def test_a_design_file_that_is_gone_or_another_is_refused(sample, tmp_path):
    folder = shutil.copytree(sample, tmp_path / "s")
    (folder / "design.parquet").unlink()
    with pytest.raises(DamagedInputsError, match=r"design\.parquet is gone.*sweep STUDY --out DIR"):
        _ = Results.open(folder).points
    shutil.copyfile(folder / "plan.parquet", folder / "design.parquet")
    with pytest.raises(DamagedInputsError, match=r"design\.parquet is not what was written there"):
        Results.open(folder).to_xarray()


# The package and its documentation


def test_public_names_cost_nothing_until_they_are_used():
    code = (
        "import sys, hashcredit.experiments as e\n"
        "assert 'pandas' not in sys.modules and 'pyarrow' not in sys.modules\n"
        "assert e.Results.__name__ == 'Results' and e.Study.__name__ == 'Study'\n"
        "assert not {'pandas', 'xarray', 'matplotlib'} & set(sys.modules)\n"
        "assert {'Results', 'Study'} <= set(dir(e))\n"
        "assert not hasattr(e, 'Nothing')"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_python_of_the_page_on_results_runs(tmp_path, monkeypatch, capsys):
    """Its blocks in their order, on the study that the page shows."""
    from concurrent.futures import ThreadPoolExecutor

    from hashcredit.experiments.execution.sweep import sweep

    pytest.importorskip("duckdb")
    monkeypatch.chdir(tmp_path)
    for study in blocks(PAGE, "toml"):
        name = tomllib.loads(study)["name"]
        Path(f"{name}.toml").write_text(study)
        with ThreadPoolExecutor(1) as executor:
            sweep(f"{name}.toml", name, executor=executor, workers=1)
    shown = [words for words in commands(PAGE) if words[1] != "sweep"]
    assert len(shown) == 5 and all(main(words[1:]) == 0 for words in shown)
    names: dict[str, object] = {}
    for code in re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL):
        exec(compile(code, "results.md", "exec"), names)
    said = capsys.readouterr().out
    assert "auction" in said and "<xarray.Dataset>" in said
    assert names["results"].complete
    from_duckdb, from_pandas = names["by_rule"], names["results"].runs.groupby(RULE)["defaults"].mean()
    assert dict(from_duckdb) == pytest.approx(from_pandas.to_dict())


# At a prompt, and in other processes


def test_results_say_what_they_are_in_a_few_lines(results):
    lines = repr(results).splitlines()
    assert len(lines) < 10 and max(map(len, lines)) <= 88
    assert results.study_name in lines[0] and f"{len(results.runs):,} runs ok, 0 failed" in repr(results)
    assert f"mean over all  {results.runs['defaults'].mean():,.2f} defaults" in repr(results)
    assert results._repr_html_().count("<tr>") == len(lines) - 1


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda it: pickle.loads(pickle.dumps(it))])
def test_a_copy_of_results_reads_the_same(results, copied):
    again = copied(results)
    assert type(again) is type(results) and again.factors == results.factors
    pd.testing.assert_frame_equal(again.runs, results.runs)
