"""The folder of a study: what lies where, what is done, and how a chunk of runs becomes part of it.

    plan.parquet                every run: name and parameters
    design.parquet              every point, also those that are identical with an earlier one
    manifest.json               what the plan was made of; written after it, so that it vouches for it
    study.toml, scenarios/      copies of the study file and of its scenarios, complete
    runs/chunk-KEY.parquet      one row a run; written last of all that belongs to a chunk
    series/, events/, TABLE/    what the study wants besides, in files of the same names
    sessions/                   what each process that led the work did, one line a chunk

Plain files, no lock and no service, so that any number of machines can write over a network file system: a
file is there whole or not at all, and a run counts as done when a file in runs/ has its row.
"""

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from hashcredit.experiments.store.plan import Plan, ids_of
from hashcredit.experiments.support.files import reason_of, remove_abandoned, write_whole
from hashcredit.simulator.errors import OutputFolderError, SimulationError

RUNS, SERIES, EVENTS, SESSIONS, SCENARIOS = "runs", "series", "events", "sessions", "scenarios"
PLAN_FILE, DESIGN_FILE = "plan.parquet", "design.parquet"
MANIFEST_FILE, STUDY_FILE = "manifest.json", "study.toml"
DAMAGED = ".damaged"
"""Ending of a file that cannot be read and was put aside."""


class StoreWriteError(SimulationError):
    """A chunk of results that could not be written: disk full, quota, read-only file system."""

    def __init__(self, folder: str, reason: str) -> None:
        super().__init__(f"{folder} cannot be written: {reason}")
        self.folder = folder
        self.args = (folder, reason)


@dataclass(frozen=True)
class StoreState:
    """How far a study is."""

    done: NDArray[np.bool_]
    """For every run of the plan whether it has a row."""
    failed: int
    """Rows that say why a run failed."""
    repeated: int
    """Rows of runs that another file has too, with the same content."""
    strangers: int
    """Rows of runs that the plan does not have."""
    damaged: list[Path] = field(default_factory=list)
    """Files that cannot be read."""


@dataclass(frozen=True)
class Store:
    """The folder of a study."""

    path: Path

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """What the plan was made of."""
        try:
            content = json.loads((self.path / MANIFEST_FILE).read_text(encoding="utf-8"))
        except FileNotFoundError:
            reason = "is no folder of a study (it has no manifest.json)"
            raise OutputFolderError(str(self.path), reason) from None
        except (OSError, ValueError) as error:
            reason = f"has a manifest.json that cannot be read ({error})"
            raise OutputFolderError(str(self.path), reason) from None
        if not isinstance(content, dict) or content.get("store") != 1:
            raise OutputFolderError(str(self.path), "was written by a version of hashcredit with other files")
        return content

    @cached_property
    def plan(self) -> Plan:
        """The plan; the manifest is read first, since it is written last."""
        _ = self.manifest
        plan = Plan(self.path / PLAN_FILE)
        try:
            _ = plan.file
        except (OSError, pa.ArrowException) as error:
            reason = f"has a plan.parquet that cannot be read ({error}): start again in a new folder"
            raise OutputFolderError(str(self.path), reason) from None
        return plan

    @property
    def details(self) -> list[str]:
        """Folders that a chunk has a file in besides runs/."""
        keep = self.manifest["study"]["keep"]
        names = [name for name in (SERIES, EVENTS) if keep[name]]
        return [*names, *keep["tables"]]

    def exists(self) -> bool:
        """Whether a study was begun here."""
        return (self.path / MANIFEST_FILE).exists()

    def chunks(self, folder: str = RUNS) -> list[Path]:
        """Files of chunks, in the order of their names."""
        return sorted((self.path / folder).glob("chunk-*.parquet"))

    # Writing

    def commit(self, tables: Mapping[str, pa.Table]) -> int:
        """Make a chunk part of the store and return its bytes.

        `tables` has one table a folder. The rows of runs are written last: they vouch for the others. Raises
        StoreWriteError, and then the chunk is no part of the store.
        """
        name = chunk_name(tables[RUNS]["run_id"].to_pylist())
        size = 0
        try:
            for folder in sorted(tables, key=lambda folder: folder == RUNS):
                target = self.path / folder / name
                target.parent.mkdir(exist_ok=True)
                write_table(target, tables[folder])
                size += target.stat().st_size
        except OSError as error:
            raise StoreWriteError(str(self.path), reason_of(error)) from None
        return size

    def committed(self, run_ids: Sequence[str]) -> int | None:
        """How many runs of a chunk failed if just this chunk is in the store, whole; None if it is not."""
        table = self._readable(self.path / RUNS / chunk_name(run_ids), verify=False)
        return None if table is None else int(pc.sum(pc.equal(table["status"], "failed")).as_py() or 0)

    def write_manifest(self, content: Mapping[str, Any]) -> None:
        """Put a manifest in its place and read it from now on."""
        text = json.dumps({"store": 1, **content}, indent=2, allow_nan=False) + "\n"
        write_whole(self.path / MANIFEST_FILE, lambda handle: handle.write(text.encode()))
        for name in ("manifest", "plan"):
            self.__dict__.pop(name, None)

    # Looking

    def state(self, verify: bool = False) -> StoreState:
        """Compare the rows in runs/ with the plan; nothing is changed.

        A file whose end is missing is noticed always, one that is damaged inside only with `verify`, which
        reads everything.
        """
        names, failed, damaged = [np.empty(0, "S16")], 0, []
        for path in self.chunks():
            table = self._readable(path, verify)
            if table is None:
                damaged.append(path)
            else:
                names.append(ids_of(table["run_id"]))
                failed += pc.sum(pc.equal(table["status"], "failed")).as_py() or 0
        found = np.sort(np.concatenate(names))
        distinct = len(found) - int(np.count_nonzero(found[1:] == found[:-1]))
        done = np.concatenate([_is_in(found, planned) for planned in self.plan.run_ids()])
        return StoreState(
            done=done,
            failed=failed,
            repeated=len(found) - distinct,
            strangers=distinct - int(done.sum()),
            damaged=damaged,
        )

    def _readable(self, path: Path, verify: bool) -> pa.Table | None:
        """Names and states of a chunk's runs, or None if one of its files is damaged or gone."""
        try:
            for folder in self.details:
                with pq.ParquetFile(self.path / folder / path.name, page_checksum_verification=True) as file:
                    if verify:
                        file.read(use_threads=False)
            with pq.ParquetFile(path, page_checksum_verification=True) as file:
                if verify:
                    file.read(use_threads=False)
                return file.read(["run_id", "status"], use_threads=False)
        except (OSError, pa.ArrowException):
            return None

    def row(self, run_id: str) -> dict[str, Any] | None:
        """The row of a run, or None if it has none; one that did not fail, if there are several."""
        found: list[dict[str, Any]] = []
        for path in self.chunks():
            with suppress(OSError, pa.ArrowException):
                found += pq.read_table(path, filters=[("run_id", "=", run_id)], partitioning=None).to_pylist()
        return min(found, key=lambda row: str(row["status"]) == "failed", default=None)

    # Mending

    def put_aside(self, damaged: Sequence[Path]) -> None:
        """Give damaged chunks names that nobody reads, so that their runs are missing again."""
        for path in damaged:
            for file in self._files(path.name):
                os.replace(file, file.with_name(file.name + DAMAGED))

    def _files(self, name: str) -> list[Path]:
        """The files of a chunk, the one that vouches for the others first."""
        files = [self.path / folder / name for folder in (RUNS, *self.details)]
        return [file for file in files if file.exists()]

    def forget_failures(self) -> int:
        """Take the rows of failed runs out, so that they are missing again; return their number."""
        count = 0
        for path in self.chunks():
            table = pq.read_table(path, partitioning=None)
            kept = table.filter(pc.not_equal(table["status"], "failed"))
            count += len(table) - len(kept)
            if len(kept) == len(table):
                continue
            if len(kept):
                others = {
                    file.parent.name: pq.read_table(file, partitioning=None)
                    for file in self._files(path.name)[1:]
                }
                self.commit({RUNS: kept, **others})
            for file in self._files(path.name):
                file.unlink()
        return count

    def tidy(self) -> None:
        """Remove what processes that are gone left half written."""
        for folder in (self.path, *(self.path / name for name in (RUNS, *self.details))):
            if folder.is_dir():
                remove_abandoned(folder)

    def check_writable(self) -> None:
        """Raise StoreWriteError if the folder cannot take a file."""
        try:
            (self.path / RUNS).mkdir(exist_ok=True)
            with tempfile.TemporaryFile(dir=self.path / RUNS) as probe:  # another command may be trying too
                probe.write(b"x")
        except OSError as error:
            reason = f"cannot be written ({reason_of(error)})"
            raise OutputFolderError(str(self.path), reason) from None


def _is_in(found: np.ndarray, names: np.ndarray) -> NDArray[np.bool_]:
    """Which names are among sorted ones."""
    if not len(found):
        return np.zeros(len(names), bool)
    place = np.minimum(np.searchsorted(found, names), len(found) - 1)
    return np.asarray(found[place] == names)


def chunk_name(run_ids: Sequence[str]) -> str:
    """Name of a chunk's files: the same runs have the same name, whoever computes them."""
    key = hashlib.blake2b("".join(run_ids).encode(), digest_size=10).hexdigest()
    return f"chunk-{key}.parquet"


def write_table(path: Path, table: pa.Table) -> None:
    """Write a Parquet file whole or not at all."""
    write_whole(path, lambda handle: encode_table(table, handle))


def encode_table(table: pa.Table, sink: Any) -> None:
    """Write a table as Parquet with checksums."""
    pq.write_table(table, sink, compression="zstd", write_page_checksum=True)
