"""Reading the files of a store as one table: every run once, in the order of the plan.

Chunks lie in no order, a run may be in two of them, and a study that grew has other numbers for its points
than older files say. So what a run is comes from the plan, and only what became of it from the chunks.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from hashcredit.experiments.store.sealed import NotWholeError
from hashcredit.experiments.store.store import RUNS, Store
from hashcredit.simulator.errors import OutputFolderError

NAMED = 5
"""Damaged files that an error names; of the others it says how many there are."""

CURE = "`hashcredit sweep` computes their runs again; Results.open(DIR, partial=True) reads the others"
CURE_INSIDE = "`hashcredit sweep --out DIR --verify` computes their runs again; or read with partial=True"
"""What helps for series, events and tables, of which a sweep reads the ends only unless it is told to."""


class DamagedFilesError(OutputFolderError):
    """Files of a store that cannot be read, or are gone though another one vouches for them."""

    longest = 2000

    def __init__(self, folder: str, trouble: Mapping[str, str], cure: str = CURE) -> None:
        """`trouble` has what is wrong by the file in runs/, or by the other file that was to be read."""
        more = f" and {len(trouble) - NAMED:,} more" if len(trouble) > NAMED else ""
        words = "; ".join(list(trouble.values())[:NAMED])
        super().__init__(folder, f"has damaged files ({words}{more}): {cure}")
        self.files = tuple(trouble)
        self.args = (folder, dict(trouble), cure)


@dataclass(frozen=True)
class Index:
    """Where the row of each run of the plan lies; arrays of one entry a run, in the order of the plan."""

    files: list[Path]
    file: NDArray[np.int64]
    """Number of the file in `files`, -1 where no file has the run."""
    row: NDArray[np.int64]
    """Row in that file."""
    failed: NDArray[np.bool_]
    columns: list[str]
    """Columns of the rows: those of the first file, then what others have besides."""
    damaged: list[Path]

    @property
    def found(self) -> NDArray[np.bool_]:
        """Which runs have a row."""
        return self.file >= 0


@dataclass(frozen=True)
class Reader:
    """The rows of a store, whatever files they are in."""

    store: Store
    partial: bool = False
    """Whether damaged files are left out; otherwise DamagedFilesError names them."""

    @cached_property
    def index(self) -> Index:
        """From names and states of all rows; of two rows of a run one that is "ok" counts, or the first."""
        from hashcredit.experiments.store.schema import runs_schema

        files, tables = [], []
        trouble: dict[Path, str] = {}
        columns: dict[str, None] = {}
        for path in self.store.chunks():
            try:
                file = self.store.open(RUNS, path.name)
                self.store.check_details(path.name)
            except NotWholeError as error:
                trouble[path] = str(error)
                continue
            files.append(path)
            tables.append(file.read(["run_id", "status"], use_threads=False))
            columns.update(dict.fromkeys(file.schema_arrow.names))
        if trouble and not self.partial:
            raise DamagedFilesError(
                str(self.store.path), {f"{RUNS}/{path.name}": what for path, what in trouble.items()}
            )
        planned = self.store.plan.column("run_id")
        place, number, row, failed = _places(tables, planned)
        file_of = np.full(len(planned), -1)
        row_of = np.full(len(planned), -1)
        failed_of = np.zeros(len(planned), np.bool_)
        for chosen in (np.flatnonzero(failed)[::-1], np.flatnonzero(~failed)[::-1]):
            # Of several values for one place the last is kept: so the first file, and "ok" over "failed".
            file_of[place[chosen]] = number[chosen]
            row_of[place[chosen]] = row[chosen]
            failed_of[place[chosen]] = failed[chosen]
        names_of = list(columns) or runs_schema(self.store.plan.schema).names
        return Index(files, file_of, row_of, failed_of, names_of, list(trouble))

    def runs(self, columns: Sequence[str] | None = None, chosen: NDArray[np.bool_] | None = None) -> pa.Table:
        """Rows of the `chosen` runs (bool a run of the plan; None: all with a row), some columns or all."""
        index, plan = self.index, self.store.plan
        names = index.columns if columns is None else list(columns)
        mask = index.found if chosen is None else index.found & chosen
        of_plan = [name for name in names if name in plan.schema.names]
        of_rows = [name for name in names if name not in of_plan]
        read: dict[str, pa.ChunkedArray] = {}
        if of_plan:
            found = plan.read(of_plan).filter(pa.array(mask))
            read |= {name: found[name] for name in of_plan}
        if of_rows:
            data = self._data(of_rows, mask)
            read |= {name: data[name] for name in of_rows}
        return pa.table({name: read[name] for name in names})

    def _data(self, names: list[str], mask: NDArray[np.bool_]) -> pa.Table:
        """Columns that only the chunks have, in the order of the plan."""
        pieces, places = [], []
        for number, where in self._by_file(mask):
            table = self._read(RUNS, self.index.files[number], names)
            rows = self.index.row[where]
            pieces.append(table if _is_range(rows, len(table)) else table.take(pa.array(rows)))
            places.append(where)
        if not pieces:
            return pa.table({name: pa.nulls(0, pa.float64()) for name in names})
        return _sorted(_complete(pa.concat_tables(pieces, promote_options="permissive"), names), places)

    def details(self, folder: str, columns: Sequence[str] | None, plan_columns: Sequence[str]) -> pa.Table:
        """Rows of series, events or agents, in the order of the plan and, within a run, of their file.

        Columns of the plan come first; each row belongs to the file that the row of its run was taken from.
        """
        wanted = None if columns is None else [name for name in columns if name not in plan_columns]
        shown = list(plan_columns) if columns is None else [n for n in plan_columns if n in columns]
        plan = self.store.plan.read(list(dict.fromkeys(["run_id", *shown]))).combine_chunks()
        pieces, places = [], []
        for number, where in self._by_file(self.index.found):
            names = None if wanted is None else ["run_id", *wanted]
            try:
                table = self._read(folder, self.index.files[number], names)
            except DamagedFilesError:
                if self.partial:
                    continue
                raise
            mine = plan.take(pa.array(where))
            place = pc.index_in(table["run_id"], value_set=mine["run_id"])
            if place.null_count:
                table, place = table.filter(place.is_valid()), place.drop_null()
            joined = {name: mine[name].take(place) for name in shown}
            joined |= {name: table[name] for name in table.column_names if name != "run_id"}
            if len(table):
                pieces.append(pa.table(joined))
                places.append(where[place.to_numpy()])
        if not pieces:
            return plan.select(shown).slice(0, 0)
        return _sorted(pa.concat_tables(pieces, promote_options="permissive"), places)

    def detail_columns(self, folder: str) -> list[str]:
        """Names of the columns of series, events or agents, in the order of the first file that has any."""
        columns: dict[str, None] = {}
        for path in self.index.files:
            with self._naming_damage():
                columns.update(dict.fromkeys(self.store.columns(folder, path.name)))
        return [name for name in columns if name != "run_id"]

    def _by_file(self, mask: NDArray[np.bool_]) -> Iterator[tuple[int, NDArray[np.int64]]]:
        """Number of each file and the places in the plan of those of its runs that are in the mask."""
        places = np.flatnonzero(mask)
        files = self.index.file[places]
        if not len(places):
            return
        order = np.argsort(files, kind="stable")
        places, files = places[order], files[order]
        numbers, starts = np.unique(files, return_index=True)
        parts = np.split(places, starts[1:])
        yield from sorted(zip(numbers.tolist(), parts, strict=True), key=lambda part: int(part[1][0]))

    def _read(self, folder: str, chunk: Path, names: Sequence[str] | None) -> pa.Table:
        """Columns of a file of the store, those of them that it has."""
        with self._naming_damage():
            return self.store.read(folder, chunk.name, names)

    @contextmanager
    def _naming_damage(self) -> Iterator[None]:
        try:
            yield
        except NotWholeError as error:
            raise DamagedFilesError(str(self.store.path), {error.name: str(error)}, CURE_INSIDE) from None


def _places(
    tables: Sequence[pa.Table], planned: pa.ChunkedArray
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
    """For each row of a run in the plan: place there, number of its file, row in it, whether it failed."""
    if not tables:
        nothing = np.zeros(0, np.int64)
        return nothing, nothing, nothing, np.zeros(0, np.bool_)
    rows = pa.concat_tables(tables)
    sizes = [len(table) for table in tables]
    found = pc.index_in(rows["run_id"], value_set=planned)
    known = found.is_valid().to_numpy().astype(bool)
    place = found.drop_null().to_numpy().astype(np.int64)
    number = np.repeat(np.arange(len(tables)), sizes)[known]
    row = np.concatenate([np.arange(size) for size in sizes])[known]
    failed = pc.equal(rows["status"], "failed").to_numpy().astype(bool)[known]
    return place, number, row, failed


def _is_range(rows: NDArray[np.int64], count: int) -> bool:
    """Whether these are all rows of a table in their order."""
    return len(rows) == count and bool((rows == np.arange(count)).all())


def _complete(table: pa.Table, names: Sequence[str]) -> pa.Table:
    """The table with all columns; one that no file has, since its runs failed to say, has no values."""
    for name in names:
        if name not in table.column_names:
            table = table.append_column(name, pa.nulls(len(table), pa.float64()))
    return table


def _sorted(table: pa.Table, places: Sequence[NDArray[np.int64]]) -> pa.Table:
    """The rows in the order of their places in the plan."""
    place = np.concatenate(places)
    if (place[1:] >= place[:-1]).all():
        return table
    return table.take(pa.array(np.argsort(place, kind="stable")))
