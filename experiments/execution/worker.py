"""One process that computes blocks of runs and writes them to the store.

It gets no more than the folder and the positions of its runs, and reads everything else from the store: any
process on any machine that sees the folder can do the work, and does it with the same bits.
"""

import os
import socket
import threading
import time
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa

from hashcredit.agents.compiled import cache_folder
from hashcredit.experiments.execution.blocks import Block
from hashcredit.experiments.execution.recording import BlockResult, details_of
from hashcredit.experiments.folder.scenario_files import SCENARIO_FILE
from hashcredit.experiments.store.plan import changes_of
from hashcredit.experiments.store.store import Store
from hashcredit.experiments.support.arrow import numbers
from hashcredit.experiments.support.files import locked
from hashcredit.simulator.errors import HashcreditError
from hashcredit.simulator.provenance import code_key
from hashcredit.simulator.runs.engine import record, run_replicate
from hashcredit.simulator.scenario.scenario import Scenario
from hashcredit.simulator.setup.prepare import Setup, allocate, prepare, with_seed

_warm = threading.Lock()
_is_warm = False


class PlanChangedError(HashcreditError):
    """A worker was told to run a plan that has been replaced since."""

    exit_code = 1

    def __str__(self) -> str:
        return "the plan of this study was replaced by another process while this one was at work"


class OtherCodeError(HashcreditError):
    """A worker whose code of the model is not that of the plan."""

    exit_code = 1

    def __init__(self, host: str, mine: str, planned: str) -> None:
        super().__init__(host, mine, planned)

    def __str__(self) -> str:
        host, mine, planned = self.args
        return f"the worker on {host} has other code or libraries ({mine}) than the plan needs ({planned})"


@dataclass(frozen=True)
class Task:
    """A block of runs of a store, for any process that sees its folder."""

    folder: str
    plan: str
    """Which plan the positions belong to; the manifest has the same text."""
    block: Block


@dataclass(frozen=True)
class Report:
    """What became of a task."""

    runs: int
    failed: int
    seconds: float
    """Wall time of the runs, without reading and writing."""
    overhead: float
    """Wall time of everything else in this task."""
    bytes: int


def run_task(task: Task) -> Report:
    """Compute a block of runs and make it part of the store.

    A run that raises becomes a row with its error. StoreWriteError means that nothing of the block was kept.
    """
    worker = _worker(task.folder, task.plan)  # first of all: who has other code need not compile it
    ready_kernels()
    started = time.perf_counter()
    outcome = worker.compute(worker.rows(task.block))
    size = worker.store.commit(outcome.tables())
    seconds = float(outcome.seconds.sum())
    return Report(
        runs=len(outcome.rows),
        failed=sum(error is not None for error in outcome.errors),
        seconds=seconds,
        overhead=time.perf_counter() - started - seconds,
        bytes=size,
    )


def ready_kernels() -> None:
    """Compile what is not compiled yet: once a machine, while its other processes wait; then load it."""
    global _is_warm
    with _warm:
        if _is_warm:
            return
        marker = cache_folder() / "ready"
        if not marker.exists():
            with locked(cache_folder() / "lock"):
                _compile()
                marker.touch()
        else:
            _try_kernels()
        _is_warm = True


def are_kernels_ready() -> bool:
    """Whether this machine has compiled the kernels before."""
    return (cache_folder() / "ready").exists()


def _compile() -> None:
    from hashcredit.experiments.execution.compiling import second_compiler

    with second_compiler():
        _try_kernels()


def _try_kernels() -> None:
    setup = prepare(Scenario.load().with_changes({"horizon_weeks": 1}), 1)
    run_replicate(allocate(setup, series=False, events=0), setup, 0)


@lru_cache(maxsize=2)
def _worker(folder: str, plan: str) -> "StudyWorker":
    return StudyWorker(Store(Path(folder)), plan)


class StudyWorker:
    """What a worker keeps of a store between two blocks."""

    def __init__(self, store: Store, plan: str) -> None:
        if store.manifest["plan"] != plan:
            raise PlanChangedError()
        if store.manifest["codes"][-1] != code_key():
            raise OtherCodeError(socket.gethostname(), code_key(), store.manifest["codes"][-1])
        self.store = store
        self.keep: dict[str, Any] = store.manifest["study"]["keep"]
        self._bases: dict[str, Scenario] = {}
        self._who = f"{socket.gethostname()}:{os.getpid()}"

    def rows(self, block: Block) -> pa.Table:
        """The plan's rows of a block."""
        rows = self.store.plan.rows(block.first, min(block.last, len(self.store.plan)))
        return rows.take(numbers(block.positions - block.first)).combine_chunks()

    def compute(self, rows: pa.Table) -> BlockResult:
        """Run the rows of a plan; a run that raises leaves its error."""
        outcome = BlockResult(rows, self._who, details={name: [] for name in self.store.details})
        of_point: tuple[tuple[str, int], Setup] | None = None
        for first, last in _stretches(rows):
            started = time.perf_counter()
            row = rows.slice(first, 1).to_pylist()[0]
            self.base(row["scenario"], row["scenario_digest"])  # a damaged copy is no failure of these runs
            point = row["scenario_digest"], row["point"]
            try:
                if of_point is not None and of_point[0] == point:
                    setup = with_seed(of_point[1], row["seed"])
                else:
                    setup = self.setup(row)
                of_point = point, setup
            except Exception as error:  # the scenario of these runs cannot be: their rows say why
                outcome.errors[first:last] = [_words(error)] * (last - first)
                outcome.finished[first:last] = _now()
                continue
            outcome.seconds[first] += time.perf_counter() - started
            self._compute_point(outcome, setup, first, last)
        return outcome

    def setup(self, row: dict[str, Any]) -> Setup:
        """What the runs of a point and seed share."""
        scenario = self.base(row["scenario"], row["scenario_digest"])
        return prepare(scenario.with_changes(changes_of(row, self.store.plan.kinds)), row["seed"])

    def base(self, name: str, digest: str) -> Scenario:
        """A base scenario, read from the store's own copy; DamagedInputsError if that was changed."""
        if digest not in self._bases:
            folder = self.store.checked_scenario(name, digest)
            self._bases[digest] = Scenario.load(folder / SCENARIO_FILE)
        return self._bases[digest]

    def _compute_point(self, outcome: BlockResult, setup: Setup, first: int, last: int) -> None:
        """Run the replicates of one point and seed."""
        economy = None
        replicates = outcome.rows["replicate"].slice(first, last - first).to_pylist()
        detailed = self.keep["replicates"] if self.keep["replicates"] is not None else 2**63
        for k, replicate in enumerate(replicates, start=first):
            started = time.perf_counter()
            try:
                if outcome.details and replicate < detailed:
                    run = record(setup, replicate)
                    outcome.scalars[k] = run.economy.outcomes[0]
                    run_id = outcome.rows["run_id"][k].as_py()
                    for name, table in details_of(run, run_id, self.keep).items():
                        outcome.details[name].append(table)
                else:
                    economy = economy or allocate(setup, series=False, events=0)
                    run_replicate(economy, setup, replicate)
                    outcome.scalars[k] = economy.outcomes[0]
            except Exception as error:  # one failed run ends nothing: its row says why
                outcome.errors[k] = _words(error)
            outcome.seconds[k] += time.perf_counter() - started
            outcome.finished[k] = _now()


def _stretches(rows: pa.Table) -> list[tuple[int, int]]:
    """First and last row (exclusive) of the runs that share scenario, point and seed."""
    columns = [rows[name].to_pylist() for name in ("scenario_digest", "point", "seed")]
    keys = list(zip(*columns, strict=True))
    starts = [k for k in range(len(keys)) if k == 0 or keys[k] != keys[k - 1]]
    return list(pairwise([*starts, len(keys)]))


def _words(error: Exception) -> str:
    """An error as one line that is the same whenever the run is repeated."""
    return " ".join(f"{type(error).__name__}: {error}".split())[:1000]


def _now() -> int:
    return time.time_ns() // 1000
