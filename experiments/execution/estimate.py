"""What a study will cost, from a short trial of it."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from hashcredit.experiments.execution.blocks import Block
from hashcredit.experiments.execution.local import WorkerProcesses
from hashcredit.experiments.execution.planning import create
from hashcredit.experiments.execution.worker import StudyWorker, ready_kernels
from hashcredit.experiments.store.plan import encode_table
from hashcredit.experiments.store.store import RUNS, Store
from hashcredit.experiments.study.points import Points
from hashcredit.experiments.study.study import Study
from hashcredit.experiments.support.progress import duration

TRIAL_SECONDS = 3.0
TRIAL_POINTS = 16
TRIAL_REPLICATES = 4


@dataclass(frozen=True)
class Cost:
    """Cost of a study."""

    points: int
    """Different points."""
    networks: int
    """Networks of all points: one a seed."""
    runs: int
    tried: int
    """Runs of the trial."""
    failed: int
    """Of these."""
    run_seconds: float
    """One more replicate of a point, on one processor."""
    point_seconds: float
    """What each network of a point costs besides: with the scenario, of which the first has to be read."""
    run_bytes: float
    """Disk space of a run, on average."""
    start_seconds: float = 0.0
    """From the start of a worker process to its first run."""

    @property
    def seconds(self) -> float:
        """Work of the whole study on one processor."""
        return self.networks * self.point_seconds + self.runs * self.run_seconds

    @property
    def bytes(self) -> float:
        """Disk space of the whole study."""
        return self.runs * self.run_bytes


def estimate(study: Study, points: Points, folder: Path) -> Cost:
    """Try a few runs at points spread over the study; their results go to `folder`, which is empty.

    Takes about three seconds, or one run at each of two points if that takes longer.
    """
    ready_kernels()
    start_seconds = _start_seconds()
    distinct = np.flatnonzero(points.first == np.arange(len(points)))
    chosen = distinct[np.unique(np.linspace(0, len(distinct) - 1, TRIAL_POINTS).round().astype(np.int64))]
    some = Points(points.names, tuple(column[chosen] for column in points.columns))
    replicates = min(study.replicates, TRIAL_REPLICATES)
    store = Store(folder)
    create(store, study.model_copy(update={"seeds": 1, "replicates": replicates}), some, None)
    worker = StudyWorker(store, store.manifest["plan"])
    first, rest, failed, tried = [], [], 0, 0
    chunks: list[dict[str, pa.Table]] = []
    deadline = time.monotonic() + TRIAL_SECONDS
    order = np.random.default_rng(0).permutation(len(chosen))  # so that a cut trial is spread as well
    for point in order.tolist():
        if tried >= 2 * replicates and time.monotonic() > deadline:
            break
        start = point * replicates
        positions = np.arange(start, start + replicates)
        outcome = worker.compute(worker.rows(Block(start, start + replicates, positions)))
        first.append(outcome.seconds[0])
        rest += outcome.seconds[1:].tolist()
        failed += sum(error is not None for error in outcome.errors)
        chunks.append(outcome.tables())
        tried += replicates
    again = float(np.mean(rest)) if rest else 0.0
    return Cost(
        points=len(distinct),
        networks=len(distinct) * study.seeds,
        runs=len(distinct) * study.runs_of_a_point,
        tried=tried,
        failed=failed,
        run_seconds=again if rest else float(np.mean(first)),
        point_seconds=max(0.0, float(np.mean(first)) - again) if rest else 0.0,
        run_bytes=_bytes_a_run(chunks),
        start_seconds=start_seconds,
    )


def _start_seconds() -> float:
    """What passes before a worker process is at work, once the kernels are compiled."""
    started = time.monotonic()
    workers = WorkerProcesses(1, ready_kernels)
    try:
        workers.submit(ready_kernels).result()
    finally:
        workers.kill()
    return time.monotonic() - started


def _bytes_a_run(chunks: Sequence[Mapping[str, pa.Table]]) -> float:
    """Disk space of one more run in the files of a chunk; what a file itself costs is small beside it."""
    more, runs = _size(chunks), sum(len(chunk[RUNS]) for chunk in chunks)
    if len(chunks) == 1:
        return more / runs
    return (more - _size(chunks[:1])) / (runs - len(chunks[0][RUNS]))


def _size(chunks: Sequence[Mapping[str, pa.Table]]) -> int:
    """Bytes of the files of several chunks in one."""
    size = 0
    for folder in chunks[0]:
        sink = pa.BufferOutputStream()
        encode_table(
            pa.concat_tables([chunk[folder] for chunk in chunks], promote_options="permissive"), sink
        )
        size += sink.getvalue().size
    return size


def format_estimate(study: Study, cost: Cost, workers: int) -> str:
    """The estimate as text, with what it rests on."""
    each = f"{1e3 * cost.run_seconds:.3g} ms a run"
    if cost.point_seconds:
        each += f" and {1e3 * cost.point_seconds:.3g} ms a {'point' if study.seeds == 1 else 'network'}"
    wall = duration(cost.start_seconds + cost.seconds / min(workers, cost.runs))
    processes = "1 process" if workers == 1 else f"{workers} processes"
    processes += f" ({duration(cost.start_seconds)} of it to start)"
    failed = f" ({cost.failed} failed)" if cost.failed else ""
    networks = f"{study.seeds:,} networks x " if study.seeds > 1 else ""
    return (
        f"{study.name}: {cost.points:,} points x {networks}{study.replicates:,} replicates"
        f" = {cost.runs:,} runs\n"
        f"trial of {cost.tried} runs{failed}: {each}\n"
        f"estimate: {duration(cost.seconds)} of work, {wall} on {processes}, {megabytes(cost.bytes)}"
    )


def megabytes(size: float) -> str:
    """Bytes as MB, or GB where they are many."""
    return f"{size / 1e9:.3g} GB" if size >= 1e9 else f"{size / 1e6:.2g} MB"
