"""Small stores for tests, ways to hurt them, and fixtures of one (see conftest.py)."""

import shutil
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hashcredit.experiments.execution.sweep import sweep
from hashcredit.experiments.folder.output import ResultFolder, write_results
from hashcredit.experiments.results.results import Results
from hashcredit.experiments.store.manifest import hashes_of
from hashcredit.experiments.store.plan import write_table
from hashcredit.experiments.store.sealed import seal_table
from hashcredit.experiments.store.store import Store
from hashcredit.experiments.study.study import Study

SMALL = {
    "scenario": "baseline_2026",
    "seed": 7,
    "replicates": 4,
    "design": {"kind": "grid"},
    "factors": {"secondary_market.rule": ["auction", "deep"], "horizon_weeks": [6, 12]},
}
"""Four points, sixteen runs."""


def make_store(folder: Path, changes: Mapping[str, Any] | None = None, chunk: int | None = 4) -> Path:
    """Run a small study in threads of this process, in files of `chunk` runs."""
    content = {**SMALL, **(changes or {})}
    with ThreadPoolExecutor(1) as executor:
        sweep(Study.from_dict(content), folder, executor=executor, workers=1, chunk=chunk)
    return folder


def write_run_folder(folder, scenario, many, run, **options):
    """A result folder as `hashcredit run` leaves it."""
    with ResultFolder(folder) as result:
        write_results(result.path, scenario, many, run, **options)
        result.publish()


def rewrite(path: Path, change: Callable[[pa.Table], pa.Table], name: str | None = None) -> Path:
    """Put a changed copy of a file in its place, or beside it under another name, as if it were whole."""
    target = path.with_name(name) if name else path
    table = change(pq.read_table(path, partitioning=None))
    if (path.parent / "manifest.json").exists():
        write_table(target, table)
        vouch(path.parent)
        return target
    folder = path.parent.name
    target.write_bytes(seal_table(table, Store(path.parents[1]).seal_of(folder, target.name)))
    return target


def as_it_is(table: pa.Table) -> pa.Table:
    """What leaves a table alone."""
    return table


def vouch(folder: Path) -> None:
    """Make the manifest say that what lies in a folder now is what was written there."""
    store = Store(folder)
    store.write_manifest({**store.manifest, "files": hashes_of(folder, store.manifest["files"])})


def with_column(name: str, values: Any) -> Callable[[pa.Table], pa.Table]:
    """What replaces a column of a table: one value for all rows, or one for each."""

    def change(table: pa.Table) -> pa.Table:
        place = table.schema.get_field_index(name)
        given = values if isinstance(values, list) else [values] * len(table)
        return table.set_column(
            place, table.schema.field(name), pa.array(given, table.schema.field(name).type)
        )

    return change


def fail(table: pa.Table, error: str = "SimulationError: week 3: broken") -> pa.Table:
    """Rows as they are when the runs have failed: no scalars."""
    scalars = table.column_names[table.schema.get_field_index("error") + 1 :]
    scalars = scalars[: scalars.index("scenario_digest")]
    for name in scalars:
        table = with_column(name, [None] * len(table))(table)
    return with_column("error", error)(with_column("status", "failed")(table))


def fail_rows(table: pa.Table, count: int, error: str = "SimulationError: week 3: broken") -> pa.Table:
    """The same for the first rows of a file only."""
    return pa.concat_tables([fail(table.slice(0, count), error), table.slice(count)])


def chunks(folder: Path) -> list[Path]:
    """Files in runs/, in the order of the first run that they hold in the plan."""
    store = Store(folder)
    place = {name: k for k, name in enumerate(store.plan.column("run_id").to_pylist())}
    return sorted(store.chunks(), key=lambda path: place[pq.read_table(path)["run_id"][0].as_py()])


def tear(path: Path) -> None:
    """Cut a file in half, as a disk that was full does."""
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def spoil(path: Path, column: str) -> None:
    """Change a byte among the values of a column, as a failing disk does; names and states stay readable."""
    with pq.ParquetFile(path) as file:
        group = file.metadata.row_group(0)
        names = [group.column(k).path_in_schema for k in range(group.num_columns)]
        found = group.column(names.index(column))
        start = found.data_page_offset
        place = start + found.total_compressed_size - (start - (found.dictionary_page_offset or start)) - 2
    content = bytearray(path.read_bytes())
    content[place] ^= 0xFF
    path.write_bytes(bytes(content))


RULE = "secondary_market.rule"
KEEP = {
    "keep": {
        "series": True,
        "series_columns": ["btc_price_usd", "alive_miners"],
        "events": True,
        "tables": ["lenders"],
        "replicates": 2,
    }
}


@pytest.fixture(scope="session")
def original(tmp_path_factory):
    return make_store(tmp_path_factory.mktemp("stores") / "grid", KEEP)


@pytest.fixture
def folder(original, tmp_path):
    """A copy that a test may hurt."""
    return shutil.copytree(original, tmp_path / "grid")


@pytest.fixture(scope="session")
def results(original):
    return Results.open(original)
