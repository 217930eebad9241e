"""The results of a study as one file: Parquet, netCDF or CSV."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, Literal, get_args

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from hashcredit.experiments.results.kept import ResultsError
from hashcredit.experiments.results.labelled import load
from hashcredit.experiments.results.results import Results
from hashcredit.experiments.store.store import RUNS
from hashcredit.experiments.support.files import reason_of, write_whole
from hashcredit.simulator.errors import UnusableError

Kind = Literal["parquet", "netcdf", "csv"]
EXISTS = "exists already; nothing was written"


class ExportError(UnusableError):
    """A file that results cannot be written to."""


def export(
    folder: str | Path,
    target: str | Path,
    kind: Kind,
    what: str = RUNS,
    *,
    overwrite: bool = False,
    partial: bool = False,
) -> Path:
    """Write the results in a study's folder to one file and return its path.

    The file is there whole or not at all, and has the runs in the order of the plan, each once.

    Parameters
    ----------
    folder : str or Path
        Folder of a study.
    target : str or Path
        The file; one that exists is refused, unless `overwrite`.
    kind : {"parquet", "netcdf", "csv"}
        netCDF has the arrays of `Results.to_xarray` and needs the libraries of hashcredit[netcdf]. CSV has
        every digit and empty cells where there is no value.
    what : str
        "runs", or what else the study kept: "series", "events" or a table; netCDF has runs only.
    overwrite : bool
        Replace an existing file.
    partial : bool
        Leave out damaged files instead of refusing.

    Errors: OutputFolderError, DamagedFilesError, ResultsError, MissingLibraryError, ExportError.
    """
    path = Path(target)
    if kind not in get_args(Kind):
        raise ResultsError("kind", kind, f"one of {', '.join(get_args(Kind))}")
    if kind == "netcdf" and what != RUNS:
        raise ResultsError("what", what, "'runs', since netCDF has arrays of scalars; or parquet or csv")
    check_target(target, overwrite)
    results = Results.open(folder, partial=partial)
    if kind == "netcdf":
        load("h5netcdf")
        dataset = results.to_xarray()
    else:
        table = results.arrow() if what == RUNS else results.details(what)

    def write(handle: BinaryIO) -> None:
        if kind == "netcdf":
            dataset.to_netcdf(handle.name, engine="h5netcdf", encoding=_encoding(dataset))
        elif kind == "parquet":
            record = {b"hashcredit": json.dumps(results.manifest, allow_nan=False).encode()}
            pq.write_table(table.replace_schema_metadata(record), handle, compression="zstd")
        else:
            _write_csv(table, handle)

    write_target(target, write, overwrite)
    return path


def check_target(target: str | Path, overwrite: bool = False) -> None:
    """Raise ExportError where a file cannot be written to."""
    trouble = _trouble(Path(target), overwrite)
    if trouble:
        raise ExportError(str(target), trouble)


def write_target(target: str | Path, write: Callable[[BinaryIO], Any], overwrite: bool = False) -> None:
    """Write a file whole or not at all; ExportError where that fails, or another process has been quicker."""
    try:
        # Where a link leads, not in place of the link.
        write_whole(Path(target).resolve(), write, replace=overwrite)
    except FileExistsError:
        raise ExportError(str(target), EXISTS) from None
    except OSError as error:
        raise ExportError(str(target), f"cannot be written ({reason_of(error)})") from None


def _trouble(path: Path, overwrite: bool) -> str:
    """Why a file cannot be written there, empty if it can; a device would be replaced for everybody."""
    if path.is_dir():
        return "is a folder"
    if path.exists() and not path.is_file():
        return "is no regular file; nothing was written"
    if path.exists() and not overwrite:
        return EXISTS
    if not path.resolve().parent.is_dir():
        return "cannot be written (no such file or directory)"
    return ""


def _write_csv(table: pa.Table, handle: BinaryIO) -> None:
    """Numbers as the shortest text that reads back the same; texts in quotes; no value, no text."""
    columns = []
    for column in table.columns:
        if pa.types.is_floating(column.type):
            column = pc.if_else(pc.is_nan(column), None, column)
        elif pa.types.is_string(column.type):
            column = pc.if_else(pc.equal(column, ""), None, column)
        columns.append(column)
    plain = pa.table(columns, names=table.column_names)
    pa.csv.write_csv(plain, handle, pa.csv.WriteOptions(quoting_style="needed"))


def _encoding(dataset: Any) -> dict[str, dict[str, Any]]:
    """Numbers compressed; texts of runs as characters, since those of variable length are slow and large."""
    encoding: dict[str, dict[str, Any]] = {}
    for name, variable in dataset.data_vars.items():
        packed = {"zlib": True, "complevel": 1, "shuffle": True}
        is_text = variable.dtype == np.dtype(object)
        encoding[name] = {"dtype": "S1", **packed} if is_text else packed
    return encoding
