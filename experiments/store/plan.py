"""The plan of a study: every run in order, its parameters and its name.

A run is named by a hash of all that its result depends on: the code, the base scenario, the values of the
factors, seed and replicate. So a run has the same name in every study file that asks for it in the same
words, on every machine, and after every restart. The plan is a Parquet file: what happens later (which run
goes where, what is missing) is worked out from its rows alone, never from the study file again.
"""

import hashlib
import json
import struct
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from hashcredit.experiments.store.sealed import refuse_shortage
from hashcredit.experiments.study.points import Points
from hashcredit.experiments.study.study import Study
from hashcredit.experiments.support.arrow import numbers, texts
from hashcredit.experiments.support.files import write_whole
from hashcredit.simulator.errors import OutputFolderError

ROW_GROUP = 4096
"""Rows of the plan that are read together: a block of runs needs one or a few groups."""

ARROW_TYPES = {
    "number": pa.float64(),
    "whole number": pa.int64(),
    "boolean": pa.bool_(),
    "text": pa.string(),
    "date": pa.string(),
    "table": pa.string(),  # lists and tables as JSON
}
"""How the values of a factor are stored, by their kind."""

FIRST_COLUMNS = [("run_id", pa.string()), ("point", pa.int64()), ("scenario", pa.string())]
LAST_COLUMNS = [("scenario_digest", pa.string()), ("code", pa.string())]
METADATA, KEEP = b"hashcredit.factors", b"hashcredit.keep"


@dataclass(frozen=True)
class Base:
    """A scenario that points change: its name and the digest of what results depend on."""

    name: str
    digest: str


def factor_kinds(points: Points) -> dict[str, str]:
    """Kind of the values of every factor but "scenario", which is a column of its own."""
    kinds = {}
    for name, column in zip(points.names, points.columns, strict=True):
        if name != "scenario":
            kinds[name] = _kind(column)
    return kinds


def _kind(column: np.ndarray) -> str:
    by_dtype = {"f": "number", "i": "whole number", "b": "boolean"}
    if column.dtype.kind in by_dtype:
        return by_dtype[column.dtype.kind]
    if all(isinstance(value, str) for value in column):
        return "text"
    if all(isinstance(value, date) for value in column):
        return "date"
    return "table"


def plan_schema(kinds: Mapping[str, str]) -> pa.Schema:
    """Columns of the plan."""
    factors = [(name, ARROW_TYPES[kind]) for name, kind in kinds.items()]
    draws = [("seed", pa.int64()), ("replicate", pa.int64())]
    schema = pa.schema([*FIRST_COLUMNS, *draws, *factors, *LAST_COLUMNS])
    return schema.with_metadata({METADATA: json.dumps(dict(kinds)).encode()})


def write_plan(path: Path, study: Study, points: Points, bases: Mapping[str, Base], code: str) -> int:
    """Write all runs of a study and return their number; memory does not grow with it."""
    kinds = factor_kinds(points)
    schema = plan_schema(kinds)
    keep = json.dumps(study.keep.model_dump(mode="json"), sort_keys=True)
    schema = schema.with_metadata({**schema.metadata, KEEP: keep.encode()})
    count = 0

    def write(handle: Any) -> None:
        nonlocal count
        with pq.ParquetWriter(handle, schema, compression="zstd", write_page_checksum=True) as writer:
            for table in _tables(study, points, bases, code, kinds, schema):
                writer.write_table(table, row_group_size=ROW_GROUP)
                count += len(table)

    write_whole(path, write)
    return count


def _tables(
    study: Study,
    points: Points,
    bases: Mapping[str, Base],
    code: str,
    kinds: Mapping[str, str],
    schema: pa.Schema,
) -> Iterator[pa.Table]:
    """The plan in pieces of whole row groups; of identical points only the first is run."""
    distinct = np.flatnonzero(points.first == np.arange(len(points)))
    columns = dict(zip(points.names, points.columns, strict=True))
    prefixes = {name: _prefix(base, code) for name, base in bases.items()}
    total = len(distinct) * study.runs_of_a_point
    for first in range(0, total, ROW_GROUP):
        network, replicate = np.divmod(np.arange(first, min(first + ROW_GROUP, total)), study.replicates)
        networks = np.arange(network[0], network[-1] + 1)  # of all points in a row
        place = network // study.seeds
        here = distinct[place[0] : place[-1] + 1]
        index = numbers(place - place[0])
        values = {name: column[here].tolist() for name, column in columns.items()}
        names = values.pop("scenario", [next(iter(bases))] * len(here))
        words = _words(values, len(here))
        of_network = zip((networks // study.seeds - place[0]).tolist(), networks % study.seeds, strict=True)
        seeds = [_seed(study, bases[names[k]], words[k], int(number)) for k, number in of_network]
        starts = []
        for name, word in zip(names, words, strict=True):
            starts.append(prefixes[name].copy())
            starts[-1].update(word)
        seed = np.array(seeds, np.int64)[network - network[0]]
        draws = zip((place - place[0]).tolist(), seed.tolist(), replicate.tolist(), strict=True)
        of_point = {
            "point": numbers(here),
            "scenario": texts(names),
            "scenario_digest": texts([bases[name].digest for name in names]),
            **{name: _stored(values[name], kind) for name, kind in kinds.items()},
        }
        rows = {name: array.take(index) for name, array in of_point.items()}
        rows["run_id"] = texts([_name(starts[k], own, number) for k, own, number in draws])
        rows["seed"] = numbers(seed)
        rows["replicate"] = numbers(replicate)
        rows["code"] = texts([code] * len(replicate))
        yield pa.table([rows[name] for name in schema.names], schema=schema)


def _words(values: Mapping[str, list[Any]], count: int) -> list[bytes]:
    """The values of each point as bytes: the same for the same values, whatever their order."""
    names = sorted(values)
    texts = [[f"{json.dumps(name)}:{_text(value)}" for value in values[name]] for name in names]
    return [",".join(parts).encode() for parts in zip(*texts, strict=True)] if names else [b""] * count


def _text(value: Any) -> str:
    """JSON of a value; a float keeps every bit."""
    if type(value) is float:
        return repr(value)
    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)


def _prefix(base: Base, code: str) -> hashlib.blake2b:
    """What the names of all runs of a base begin with."""
    return hashlib.blake2b(f"{code} {base.digest} ".encode(), digest_size=16)


def _seed(study: Study, base: Base, words: bytes, number: int) -> int:
    """The study's seed of a number, or one of 63 bits for a point that shall not share its random numbers."""
    if study.common_random_numbers:
        return study.seed + number
    digest = hashlib.blake2b(
        struct.pack("<q", study.seed + number) + base.digest.encode() + words, digest_size=8
    )
    return int.from_bytes(digest.digest(), "little") >> 1


def _name(start: hashlib.blake2b, seed: int, replicate: int) -> str:
    """Name of a replicate of a point: 32 hexadecimal digits."""
    digest = start.copy()
    digest.update(struct.pack("<qq", seed, replicate))
    return digest.hexdigest()


def _stored(values: list[Any], kind: str) -> pa.Array:
    """Values of a factor as they are stored, one a point."""
    if kind == "table":
        values = [json.dumps(value, default=str) for value in values]
    elif kind == "date":
        values = [value.isoformat() for value in values]
    if ARROW_TYPES[kind] == pa.string():
        return texts(values)
    return numbers(np.array(values, ARROW_TYPES[kind].to_pandas_dtype()))


_READERS: dict[str, Callable[[Any], Any]] = {"date": date.fromisoformat, "table": json.loads}


def changes_of(row: Mapping[str, Any], kinds: Mapping[str, str]) -> dict[str, Any]:
    """The changes to the base scenario that a row of the plan, or of the results, stands for."""
    return {name: _READERS.get(kind, _same)(row[name]) for name, kind in kinds.items()}


def _same(value: Any) -> Any:
    return value


@dataclass(frozen=True)
class Plan:
    """A plan on disk."""

    path: Path

    @cached_property
    def file(self) -> pq.ParquetFile:
        return pq.ParquetFile(self.path, page_checksum_verification=True)

    @cached_property
    def _lock(self) -> threading.Lock:
        """A Parquet file has one position: threads that share a plan read it in turn."""
        return threading.Lock()

    @contextmanager
    def _reading(self) -> Iterator[pq.ParquetFile]:
        """The file, for one thread at a time; OutputFolderError if the disk fails or the file is changed."""
        try:
            with self._lock:
                yield self.file
        except (OSError, MemoryError, pa.ArrowException) as error:
            refuse_shortage(error)
            reason = f"has a {self.path.name} that cannot be read any more ({error})"
            raise OutputFolderError(str(self.path.parent), reason) from None

    @property
    def schema(self) -> pa.Schema:
        return self.file.schema_arrow

    @cached_property
    def kinds(self) -> dict[str, str]:
        """Kind of the values of every factor."""
        found: dict[str, str] = json.loads(self.schema.metadata[METADATA])
        return found

    def __len__(self) -> int:
        return int(self.file.metadata.num_rows)

    def rows(self, first: int, last: int) -> pa.Table:
        """Rows `first` to `last` - 1, read from the row groups that hold them."""
        groups = range(first // ROW_GROUP, -(-last // ROW_GROUP))
        with self._reading() as file:
            table = file.read_row_groups(list(groups))
        return table.slice(first - groups.start * ROW_GROUP, last - first)

    def read(self, columns: Sequence[str] | None = None) -> pa.Table:
        """All rows, and all columns or some."""
        with self._reading() as file:
            return file.read(columns)

    def column(self, name: str) -> pa.ChunkedArray:
        """A whole column."""
        return self.read([name]).column(name)

    def run_ids(self) -> Iterator[np.ndarray]:
        """Names of all runs as bytes, some thousand at a time: see `ids_of`."""
        for group in range(self.file.num_row_groups):
            with self._reading() as file:
                table = file.read_row_group(group, columns=["run_id"], use_threads=False)
            yield ids_of(table["run_id"])

    def beginning_with(self, text: str) -> list[dict[str, Any]]:
        """Rows of the runs whose names begin like this."""
        places = np.flatnonzero(pc.starts_with(self.column("run_id"), text).to_numpy())
        return [dict(self.rows(place, place + 1).to_pylist()[0]) for place in places[:2].tolist()]


def ids_of(column: pa.ChunkedArray) -> np.ndarray:
    """Names of runs (32 hexadecimal digits each) as bytes, S16: half the room, and quick to compare."""
    return np.frombuffer(bytes.fromhex("".join(column.to_pylist())), dtype="S16")


def mix_plans(old: Plan, fresh: Plan, target: Path, done: np.ndarray) -> None:
    """Write a plan that names the runs that are `done` (bool a row) as the old one, others as the fresh one.

    Both plans have the same runs in the same order; only code and base scenario differ.
    """

    def write(handle: Any) -> None:
        with pq.ParquetWriter(handle, old.schema, compression="zstd", write_page_checksum=True) as writer:
            for first in range(0, len(old), ROW_GROUP):
                last = min(first + ROW_GROUP, len(old))
                keep = numbers(done[first:last])
                before, after = old.rows(first, last), fresh.rows(first, last)
                columns = [pc.if_else(keep, before[name], after[name]) for name in old.schema.names]
                writer.write_table(pa.table(columns, schema=old.schema), row_group_size=ROW_GROUP)

    write_whole(target, write)


def design_table(points: Points) -> pa.Table:
    """Every point with its values; `same_as` is the first identical one, which is the one in the plan."""
    columns: dict[str, Any] = {"point": numbers(np.arange(len(points))), "same_as": numbers(points.first)}
    kinds = factor_kinds(points)
    for name, column in zip(points.names, points.columns, strict=True):
        columns[name] = _stored(column.tolist(), kinds.get(name, "text"))
    return pa.table(columns)


def design_digest(study: Study, points: Points) -> str:
    """Hash of which runs a study asks for, the contents of code and scenarios apart."""
    digest = hashlib.sha256()
    shape: Sequence[Any] = (
        study.seed,
        study.replicates,
        study.common_random_numbers,
        list(study.bases),
        points.names,
        len(points),
        *([study.seeds] if study.seeds > 1 else []),  # as before seeds were a factor where there is one
    )
    digest.update(repr(shape).encode())
    for column in points.columns:
        if column.dtype == object:
            digest.update(json.dumps(column.tolist(), sort_keys=True, default=str).encode())
        else:
            digest.update(column.dtype.str.encode() + np.ascontiguousarray(column).tobytes())
    return digest.hexdigest()


def write_table(path: Path, table: pa.Table) -> None:
    """Write a Parquet file whole or not at all."""
    write_whole(path, lambda handle: encode_table(table, handle))


def encode_table(table: pa.Table, sink: Any) -> None:
    """Write a table as Parquet with checksums."""
    pq.write_table(table, sink, compression="zstd", write_page_checksum=True)
