"""Results as one file: the same content in every format, whole or not at all."""

import json
import os
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from stores import chunks, fail_rows, make_store, rewrite, tear

from hashcredit.experiments import Results
from hashcredit.experiments.export import ExportError, export
from hashcredit.experiments.results.kept import ResultsError
from hashcredit.experiments.results.labelled import MissingLibraryError
from hashcredit.experiments.results.reading import DamagedFilesError
from hashcredit.simulator.errors import OutputFolderError

RULE = "secondary_market.rule"
SWITCH = "channels.fire_sale"
FACTORS = {"factors": {RULE: ["auction", "deep"], SWITCH: [True, False]}, "replicates": 3}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A study with texts and switches as factors and one failed run."""
    changes = {
        **FACTORS,
        "keep": {"series": True, "series_columns": ["btc_price_usd"], "tables": ["lenders"]},
    }
    scenario = Path(tmp_path_factory.mktemp("scenario")) / "short.toml"
    scenario.write_text('schema = 1\nbase = "baseline_2026"\nname = "short"\nhorizon_weeks = 5\n')
    folder = make_store(tmp_path_factory.mktemp("stores") / "s", {**changes, "scenario": str(scenario)})
    rewrite(chunks(folder)[0], lambda table: fail_rows(table, 1, 'Error: "quoted", with a comma'))
    return folder


def test_parquet_has_the_rows_and_where_they_come_from(folder, tmp_path):
    path = export(folder, tmp_path / "runs.parquet", "parquet")
    results = Results.open(folder)
    pd.testing.assert_frame_equal(pd.read_parquet(path), results.runs)
    assert json.loads(pq.read_schema(path).metadata[b"hashcredit"]) == results.manifest


def test_csv_keeps_every_bit(folder, tmp_path):
    path = export(folder, tmp_path / "runs.csv", "csv")
    frame = pd.read_csv(path, dtype=str)  # numbers by Python, which reads every bit
    expected = Results.open(folder).runs
    assert list(frame.columns) == list(expected.columns)
    for name in expected.columns.drop(["finished_time", "error"]):
        if expected[name].dtype.kind == "f":
            read = [float(text) if isinstance(text, str) else np.nan for text in frame[name]]
            np.testing.assert_array_equal(read, expected[name].to_numpy(), name)
        else:
            assert frame[name].str.lower().tolist() == expected[name].astype(str).str.lower().tolist(), name
    assert frame["error"][0] == 'Error: "quoted", with a comma' and frame["error"][1:].isna().all()
    times = pd.to_datetime(frame["finished_time"], utc=True)
    assert (times == expected["finished_time"]).all()
    assert ",nan," not in path.read_text() and expected["recovery_rate"].isna().any()


@pytest.mark.parametrize(("kind", "read"), [("parquet", pd.read_parquet), ("csv", pd.read_csv)])
@pytest.mark.parametrize("what", ["series", "lenders"])
def test_what_was_kept_besides_can_be_exported(folder, tmp_path, kind, read, what):
    frame = read(export(folder, tmp_path / f"x.{kind}", kind, what))
    expected = Results.open(folder).table(what)
    assert len(frame) == len(expected) > 0 and list(frame.columns) == list(expected.columns)
    assert frame[SWITCH].tolist() == expected[SWITCH].tolist()


def test_netcdf_has_the_arrays(folder, tmp_path):
    xarray = pytest.importorskip("xarray")
    path = export(folder, tmp_path / "runs.nc", "netcdf")
    expected = Results.open(folder).to_xarray()
    with xarray.open_dataset(path, engine="h5netcdf") as data:
        assert data["defaults"].dims == (RULE, SWITCH, "replicate")
        assert data[SWITCH].dtype == bool and data[SWITCH].values.tolist() == [True, False]
        assert data[RULE].values.tolist() == ["auction", "deep"]
        for name in expected.data_vars:
            np.testing.assert_array_equal(data[name].values, expected[name].values, name)
        assert data["status"].values[0, 0].tolist() == ["failed", "ok", "ok"]
        assert data.attrs == expected.attrs
        assert data["creditor_loss_musd"].attrs == {"units": "M$"}
        assert data[RULE].attrs["long_name"] == expected[RULE].attrs["long_name"] != ""


def test_two_exports_of_the_same_results_are_the_same(folder, tmp_path):
    for kind in ("parquet", "csv"):
        paths = [export(folder, tmp_path / f"{name}.{kind}", kind) for name in "ab"]
        assert paths[0].read_bytes() == paths[1].read_bytes(), kind


def test_an_existing_file_is_kept_unless_told_otherwise(folder, tmp_path):
    target = tmp_path / "runs.csv"
    target.write_text("mine")
    with pytest.raises(ExportError, match=r"runs\.csv: exists already"):
        export(folder, target, "csv")
    assert target.read_text() == "mine"
    export(folder, target, "csv", overwrite=True)
    assert target.read_text().startswith('"run_id"')
    with pytest.raises(ExportError, match="is a folder"):
        export(folder, tmp_path, "csv", overwrite=True)


def test_only_regular_files_are_replaced(folder, tmp_path):
    """A link is followed; a device or a pipe stays what it is."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    aside = tmp_path / "aside.csv"
    aside.symlink_to(os.devnull)
    for target in (pipe, aside, os.devnull):
        with pytest.raises(ExportError, match="is no regular file"):
            export(folder, target, "csv", overwrite=True)
    assert pipe.is_fifo() and aside.is_symlink() and Path(os.devnull).is_char_device()
    real, link = tmp_path / "real.csv", tmp_path / "link.csv"
    real.write_text("mine")
    link.symlink_to(real)
    with pytest.raises(ExportError, match="exists already"):
        export(folder, link, "csv")
    export(folder, link, "csv", overwrite=True)
    assert link.is_symlink() and real.read_text().startswith('"run_id"')
    dangling = tmp_path / "dangling.csv"
    dangling.symlink_to(tmp_path / "new.csv")
    export(folder, dangling, "csv")
    assert dangling.is_symlink() and (tmp_path / "new.csv").is_file()


def test_nothing_is_left_of_an_export_that_failed(folder, tmp_path, monkeypatch):
    import pyarrow.csv

    def break_off(table, handle, options):
        handle.write(b"half of it")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pyarrow.csv, "write_csv", break_off)
    with pytest.raises(ExportError, match=r"cannot be written .no space left on device"):
        export(folder, tmp_path / "runs.csv", "csv")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ExportError, match="no such file or directory"):
        export(folder, tmp_path / "none" / "runs.parquet", "parquet")


def test_exports_that_cannot_be_are_refused(folder, tmp_path, monkeypatch):
    target = tmp_path / "x"
    with pytest.raises(ResultsError, match=r"kind: 'xlsx'.*parquet, netcdf, csv"):
        export(folder, target, "xlsx")
    with pytest.raises(ResultsError, match=r"what: 'series'.*'runs'"):
        export(folder, target, "netcdf", "series")
    with pytest.raises(OutputFolderError, match=r"has no events.*keep\.events = true"):
        export(folder, target, "csv", "events")
    with pytest.raises(OutputFolderError, match="is no folder of a study"):
        export(tmp_path, target, "csv")
    monkeypatch.setitem(sys.modules, "h5netcdf", None)
    with pytest.raises(
        MissingLibraryError, match=r"h5netcdf is not installed; pip install 'hashcredit\[netcdf\]'"
    ):
        export(folder, target, "netcdf")
    assert not target.exists()


def test_damaged_files_are_refused_or_left_out(tmp_path):
    folder = make_store(tmp_path / "s", {"replicates": 2}, chunk=2)
    tear(chunks(folder)[1])
    with pytest.raises(DamagedFilesError):
        export(folder, tmp_path / "x.csv", "csv")
    path = export(folder, tmp_path / "x.csv", "csv", partial=True)
    assert pd.read_csv(path)["point"].tolist() == [0, 0, 2, 2, 3, 3]
