"""The folder of a study: what lies where, what is done, and how a chunk of runs becomes part of it.

    plan.parquet                every run: name and parameters
    design.parquet              every point, also those that are identical with an earlier one
    manifest.json               what the plan was made of, and the hashes of plan, design and copies
    study.toml, scenarios/      copies of the study file and of its scenarios, complete
    runs/chunk-KEY.parquet      one row a run; written last of all that belongs to a chunk
    series/, events/, TABLE/    what the study wants besides, in files of the same names
    sessions/                   what each process that led the work did, one line a chunk

Plain files, no lock and no service, so that any number of machines can write over a network file system: a
file is there whole or not at all, and a run counts as done when a file in runs/ has its row. Each file is
known by its hash: chunks carry theirs (`sealed`), and the manifest has those of all others. What is to take
the place of another file, as the plan of a study that grows, lies beside it until the manifest has its hash.
"""

import hashlib
import json
import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from hashcredit.experiments.store.manifest import (
    MANIFEST_FILE,
    DamagedInputsError,
    read_manifest,
    trouble_with,
    write_manifest,
)
from hashcredit.experiments.store.plan import Plan, ids_of
from hashcredit.experiments.store.schema import scenario_folder
from hashcredit.experiments.store.sealed import (
    NotWholeError,
    check_sealed,
    open_sealed,
    read_sealed,
    seal_table,
    sealed_columns,
)
from hashcredit.experiments.support.files import reason_of, remove_abandoned, write_whole
from hashcredit.simulator.errors import OutputFolderError, SimulationError

RUNS, SERIES, EVENTS, SESSIONS, SCENARIOS = "runs", "series", "events", "sessions", "scenarios"
PLAN_FILE, DESIGN_FILE = "plan.parquet", "design.parquet"
STUDY_FILE = "study.toml"
STAGED = {PLAN_FILE: "plan.new.parquet", DESIGN_FILE: "design.new.parquet", STUDY_FILE: "study.new.toml"}
"""Where the content lies that is to take the place of a file, until the manifest vouches for it."""

DAMAGED = ".damaged"
"""Ending of a file that cannot be read and was put aside."""

CURE = "`hashcredit sweep STUDY --out DIR` with the study file as it was writes them anew, or put copies back"


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
    trouble: dict[Path, str] = field(default_factory=dict)
    """Files in runs/ of chunks of which a file is not what was written, with its name and what is wrong."""
    seconds: float = 0.0
    """Wall time of the runs that did not fail, together."""
    timed: int = 0
    """Rows that this is the sum of."""

    @property
    def damaged(self) -> list[Path]:
        """Files in runs/ of chunks that cannot be used."""
        return list(self.trouble)


@dataclass(frozen=True)
class Store:
    """The folder of a study."""

    path: Path

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """What the plan was made of."""
        return read_manifest(self.path)

    @cached_property
    def plan(self) -> Plan:
        """The plan; DamagedInputsError if it is not the one that the manifest vouches for."""
        wrong = self._trouble_with(PLAN_FILE)
        if wrong is not None:  # unless somebody has just put another in its place
            before = self.__dict__.pop("manifest")
            if self.manifest == before or self._trouble_with(PLAN_FILE) is not None:
                self.refuse({PLAN_FILE: wrong})
        return Plan(self._place_of(PLAN_FILE))

    def _trouble_with(self, name: str) -> str | None:
        """What is wrong with a file that the manifest has a hash of; None if nothing is."""
        return trouble_with(self._place_of(name), self.manifest["files"].get(name, ""))

    def _place_of(self, name: str) -> Path:
        """Where the content of a file lies: beside it, if a command ended before it could take its place."""
        expected, staged = self.manifest["files"].get(name, ""), self.path / STAGED.get(name, name)
        is_staged = name in STAGED and staged.exists() and trouble_with(self.path / name, expected)
        return staged if is_staged and trouble_with(staged, expected) is None else self.path / name

    def refuse(self, wrong: Mapping[str, str]) -> None:
        """Raise DamagedInputsError for files that are not what was written, if there are any."""
        if wrong:
            words = "; ".join(f"{name} {reason}" for name, reason in wrong.items())
            raise DamagedInputsError(str(self.path), f"has damaged files: {words}. {CURE}")

    def damaged_inputs(self) -> dict[str, str]:
        """Files besides chunks that are not what was written, with what is wrong."""
        found = {name: self._trouble_with(name) for name in self.manifest["files"]}
        return {name: wrong for name, wrong in found.items() if wrong is not None}

    def checked_design(self) -> Path:
        """The file of the design; DamagedInputsError if it is not what was written."""
        wrong = self._trouble_with(DESIGN_FILE)
        self.refuse({} if wrong is None else {DESIGN_FILE: wrong})
        return self._place_of(DESIGN_FILE)

    def checked_scenario(self, name: str, digest: str) -> Path:
        """Folder with the copy of a base scenario; DamagedInputsError if it is not what was written."""
        inside = f"{SCENARIOS}/{scenario_folder(name, digest)}/"
        files = [file for file in self.manifest["files"] if file.startswith(inside)]
        found = {file: self._trouble_with(file) for file in files}
        self.refuse({file: wrong for file, wrong in found.items() if wrong is not None})
        if not files:
            self.refuse({inside: "is none of the scenarios of this study"})
        return self.path / inside

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
        """Files of chunks, in the order of their names; OutputFolderError if they cannot be looked for."""
        place = self.path / folder
        if os.path.lexists(place) and not place.is_dir():
            raise OutputFolderError(str(self.path), f"has no folder under the name {folder}: move it away")
        return sorted(place.glob("chunk-*.parquet"))

    def read(self, folder: str, name: str, columns: Sequence[str] | None = None) -> pa.Table:
        """A file of a chunk, or those of the columns that it has; NotWholeError if it was changed since."""
        return read_sealed(self.path / folder / name, self.seal_of(folder, name), columns)

    def open(self, folder: str, name: str) -> pq.ParquetFile:
        """A file of a chunk, in memory; NotWholeError as `read`."""
        return open_sealed(self.path / folder / name, self.seal_of(folder, name))

    def columns(self, folder: str, name: str) -> list[str]:
        """Names of the columns of a file of a chunk; NotWholeError as `read`."""
        return sealed_columns(self.path / folder / name, self.seal_of(folder, name))

    def check_details(self, name: str, *, whole: bool = False) -> None:
        """Raise NotWholeError unless what a chunk has besides runs/ is what was written, as the ends tell.

        With `whole` everything is read for it.
        """
        for folder in self.details:
            check_sealed(self.path / folder / name, self.seal_of(folder, name), whole=whole)

    def seal_of(self, folder: str, name: str) -> str:
        """What the file of a chunk is bound to: its place, and what the study keeps of a run."""
        return f"{folder}/{name} {self._keep}"

    @cached_property
    def _keep(self) -> str:
        return json.dumps(self.manifest["study"]["keep"], sort_keys=True)

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
                content = seal_table(tables[folder], self.seal_of(folder, name))
                write_bytes(target, content)
                size += len(content)
        except OSError as error:
            raise StoreWriteError(str(self.path), reason_of(error)) from None
        return size

    def committed(self, run_ids: Sequence[str]) -> int | None:
        """How many runs of a chunk failed if just this chunk is in the store, whole; None if it is not."""
        name = chunk_name(run_ids)
        try:
            self.check_details(name)
            return _failed(self.read(RUNS, name, ["status"]))
        except NotWholeError:
            return None

    def write_manifest(self, content: Mapping[str, Any]) -> None:
        """Put a manifest in its place and read it from now on."""
        write_manifest(self.path, content)
        for name in ("manifest", "plan"):
            self.__dict__.pop(name, None)

    def settle(self) -> None:
        """Put what the manifest vouches for in its place, and remove what was prepared for nothing."""
        for name, staged in STAGED.items():
            place = self._place_of(name)
            if place != self.path / name:
                place.replace(self.path / name)
            if os.path.lexists(
                self.path / staged
            ):  # removing nothing is refused where nothing can be written
                (self.path / staged).unlink()
        self.__dict__.pop("plan", None)

    # Looking

    def state(self, verify: bool = False) -> StoreState:
        """Compare the rows in runs/ with the plan; nothing is changed.

        Files in runs/ are read whole. Of others only the end is, where most damage shows, unless `verify`
        asks for everything.
        """
        planned = self.plan
        names, failed, seconds, timed = [np.empty(0, "S16")], 0, 0.0, 0
        trouble: dict[Path, str] = {}
        for path in self.chunks():
            try:
                table = self.read(RUNS, path.name, ["run_id", "status", "run_seconds"])
                self.check_details(path.name, whole=verify)
            except NotWholeError as error:
                trouble[path] = str(error)
                continue
            names.append(ids_of(table["run_id"]))
            failed += _failed(table)
            took = table["run_seconds"].filter(pc.equal(table["status"], "ok"))
            seconds += pc.sum(took).as_py() or 0.0
            timed += len(took)
        found = np.sort(np.concatenate(names))
        distinct = len(found) - int(np.count_nonzero(found[1:] == found[:-1]))
        done = np.concatenate([_is_in(found, some) for some in planned.run_ids()])
        return StoreState(
            done=done,
            failed=failed,
            repeated=len(found) - distinct,
            strangers=distinct - int(done.sum()),
            trouble=trouble,
            seconds=seconds,
            timed=timed,
        )

    def row(self, run_id: str) -> dict[str, Any] | None:
        """The row of a run, or None if it has none; one that did not fail, if there are several.

        Raises NotWholeError if there is none and a file that may have had it is damaged.
        """
        found: list[dict[str, Any]] = []
        damage: NotWholeError | None = None
        for path in self.chunks():
            try:
                table = self.read(RUNS, path.name)
            except NotWholeError as error:
                damage = error
                continue
            found += table.filter(pc.equal(table["run_id"], run_id)).to_pylist()
        if damage is not None and not found:
            raise damage
        return min(found, key=lambda row: str(row["status"]) == "failed", default=None)

    # Mending

    def put_aside(self, damaged: Iterable[Path]) -> None:
        """Give damaged chunks names that nobody reads, so that their runs are missing again."""
        for path in damaged:
            for file in self._files(path.name):
                os.replace(file, file.with_name(file.name + DAMAGED))

    def _files(self, name: str) -> list[Path]:
        """The files of a chunk, the one that vouches for the others first."""
        files = [self.path / folder / name for folder in (RUNS, *self.details)]
        return [file for file in files if os.path.lexists(file)]

    def forget_failures(self) -> int:
        """Take the rows of failed runs out, so that they are missing again; return their number."""
        count = 0
        for path in self.chunks():
            table = self.read(RUNS, path.name)
            kept = table.filter(pc.not_equal(table["status"], "failed"))
            count += len(table) - len(kept)
            if len(kept) == len(table):
                continue
            if len(kept):
                others = {folder: self.read(folder, path.name) for folder in self.details}
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


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    write_whole(path, lambda handle: handle.write(content))


def _failed(rows: pa.Table) -> int:
    """Rows that say why a run failed."""
    return int(pc.sum(pc.equal(rows["status"], "failed")).as_py() or 0)
