"""Leading a study: hand out blocks, keep what comes back, try again what was lost, give up on what kills."""

import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Executor, Future, wait
from dataclasses import dataclass, field
from typing import Any

from hashcredit.experiments.execution.blocks import Block, Missing
from hashcredit.experiments.execution.recording import BlockResult
from hashcredit.experiments.execution.worker import Report, Task, run_task
from hashcredit.experiments.store.store import Store, StoreWriteError
from hashcredit.experiments.support.arrow import numbers
from hashcredit.simulator.errors import SimulationError

SECONDS_MOST, SECONDS_LEAST = 30.0, 0.5
"""Work of a block: short enough that a stop loses little, long enough that the rest is small beside it."""

SHARES = 8
"""Blocks that a worker's share of the work still to do is cut into. So blocks get smaller towards the end,
and the workers end together."""

GROWTH = 8
"""A block is at most this many times larger than any before it: the first ones tell what a run costs."""

TRIES = 3
"""Times that a run may kill its worker, the last one alone, before it counts as failed."""

WRITE_TRIES = 3
WRITE_PAUSE = 1.0
"""A disk may be full for a moment only: tries in a row, and seconds between them."""

CHECK_SECONDS = 5.0
"""Time after which a cluster is asked whether it still lives."""

LEAST_DEATHS = 8
"""Workers that may die in a row, four times their number if that is more, with nothing done in between."""

DIED = "WorkerDied: the process that computed this run ended without a word, every time it was tried"


class WorkersDieError(SimulationError):
    """Workers end before any of them has done anything."""

    def __init__(self, deaths: int, reason: str) -> None:
        super().__init__(f"{deaths} workers in a row ended before their work was done: {reason}")
        self.args = (deaths, reason)


@dataclass(frozen=True)
class Workforce:
    """Whom the work is given to."""

    executor: Executor
    workers: int
    """Blocks in work at a time."""
    least: int = 1
    """Runs of the smallest block: on a cluster a task costs milliseconds."""
    lost: tuple[type[BaseException], ...] = ()
    """Errors of this executor that mean that a worker has died, besides those of `concurrent.futures`."""
    chunk: int | None = None
    """Runs of every block, if the user says so."""
    check: Callable[[], None] = lambda: None
    """Called every few seconds; raises if no work will come back any more."""


@dataclass
class Tally:
    """How the work goes."""

    total: int
    """Runs of the plan."""
    done: int
    """Of these, with a row; runs of earlier sessions included."""
    failed: int = 0
    """Of these, failed in this session."""
    computed: int = 0
    """Runs that this session did."""
    lost: int = 0
    """Runs whose block was lost with its worker and given out again."""
    seconds: float = 0.0
    """Time that runs of this session took, all workers added up."""
    overhead: float = 0.0
    """Time of workers besides."""
    bytes: int = 0
    started: float = field(default_factory=time.monotonic)

    @property
    def rate(self) -> float:
        """Runs a second of this session, all workers together."""
        return self.computed / max(time.monotonic() - self.started, 1e-9)


def lead(
    store: Store,
    missing: Missing,
    tally: Tally,
    workforce: Workforce,
    *,
    report: Callable[[Tally], None] = lambda tally: None,
    note: Callable[[str, dict[str, Any]], None] = lambda event, facts: None,
    function: Callable[[Task], Report] = run_task,
) -> Tally:
    """Have all missing runs computed; return when each has a row.

    `report` is called whenever something was done, `note` with what a log should keep. Raises
    StoreWriteError if results cannot be written and WorkersDieError if no worker lives; what was done until
    then is kept.
    """
    return _Leader(store, missing, tally, workforce, report, note, function).run()


@dataclass
class _Leader:
    store: Store
    missing: Missing
    tally: Tally
    workforce: Workforce
    report: Callable[[Tally], None]
    note: Callable[[str, dict[str, Any]], None]
    function: Callable[[Task], Report]
    running: dict[Future[Report], Block] = field(default_factory=dict)
    again: deque[Block] = field(default_factory=deque)
    """Blocks that were lost, in smaller ones."""
    suspects: deque[Block] = field(default_factory=deque)
    """Single runs under which a worker died; they are tried when nothing else can be to blame."""
    tries: dict[int, int] = field(default_factory=dict)
    deaths: int = 0
    write_errors: int = 0
    largest: int = 0
    checked: float = field(default_factory=time.monotonic)

    def run(self) -> Tally:
        try:
            while self.running or self.again or self.suspects or len(self.missing):
                self._hand_out()
                finished, _ = wait(self.running, timeout=1.0, return_when=FIRST_COMPLETED)
                for future in finished:
                    self._take_back(future, self.running.pop(future))
                self.report(self.tally)
                if time.monotonic() - self.checked > CHECK_SECONDS:
                    self.workforce.check()
                    self.checked = time.monotonic()
        finally:
            for future in self.running:
                future.cancel()
        return self.tally

    def _hand_out(self) -> None:
        """Keep every worker busy; a suspect is tried while nothing else runs."""
        while len(self.running) < self.workforce.workers:
            if self.again:
                block = self.again.popleft()
            elif len(self.missing):
                block = self.missing.take(self._size())
            elif self.suspects and not self.running:
                self._submit(self.suspects.popleft())
                return
            else:
                return
            self._submit(block)

    def _submit(self, block: Block) -> None:
        task = Task(str(self.store.path), self.store.manifest["plan"], block)
        self.note("start", {"first": block.first, "last": block.last, "runs": len(block)})
        self.running[self.workforce.executor.submit(self.function, task)] = block

    def _size(self) -> int:
        """Runs of the next block."""
        workforce, tally = self.workforce, self.tally
        if workforce.chunk is not None:
            return workforce.chunk
        if not tally.computed:
            return workforce.least
        seconds = max(tally.seconds / tally.computed, 1e-7)
        share = seconds * len(self.missing) / (SHARES * workforce.workers)
        runs = int(min(SECONDS_MOST, max(SECONDS_LEAST, share)) / seconds)
        return max(workforce.least, min(runs, GROWTH * self.largest))

    def _take_back(self, future: Future[Report], block: Block) -> None:
        error = CancelledError() if future.cancelled() else future.exception()
        if error is None:
            self._keep(future.result(), block)
        elif isinstance(error, StoreWriteError):
            self._not_written(error, block)
        elif isinstance(error, (BrokenExecutor, CancelledError, *self.workforce.lost)):
            self.workforce.check()  # if nobody is there any more, this worker is not to blame
            self._worker_died(error, block)
        else:
            raise error

    def _keep(self, done: Report, block: Block) -> None:
        tally = self.tally
        tally.done += done.runs
        tally.computed += done.runs
        tally.failed += done.failed
        tally.seconds += done.seconds
        tally.overhead += done.overhead
        tally.bytes += done.bytes
        self.largest = max(self.largest, done.runs)
        self.deaths = self.write_errors = 0
        self.note(
            "done", {"first": block.first, "last": block.last, "runs": done.runs, "seconds": done.seconds}
        )

    def _not_written(self, error: StoreWriteError, block: Block) -> None:
        """Try a few times; then it is the user's turn, and nothing is lost but this block."""
        self.write_errors += 1
        self.tally.lost += len(block)
        self.note("not written", {"first": block.first, "last": block.last, "reason": str(error)})
        if self.write_errors >= WRITE_TRIES:
            raise error
        time.sleep(WRITE_PAUSE)
        self.again.append(block)

    def _worker_died(self, error: BaseException, block: Block) -> None:
        """Whatever killed the worker is in one of eight parts of its block, if it is in there at all."""
        if self._was_kept(block):
            return
        self.deaths += 1
        self.tally.lost += len(block)
        self.note(
            "lost", {"first": block.first, "last": block.last, "runs": len(block), "reason": str(error)}
        )
        if self.deaths >= max(LEAST_DEATHS, 4 * self.workforce.workers):
            raise WorkersDieError(self.deaths, " ".join(str(error).split()))
        if len(block) > 1:
            self.again.extend(block.parts())
            return
        run = int(block.positions[0])
        self.tries[run] = self.tries.get(run, 0) + 1
        if self.tries[run] < TRIES:
            self.suspects.append(block)
        else:
            self._give_up(block)

    def _was_kept(self, block: Block) -> bool:
        """Whether a worker had written its block before it died, so that only its word is missing."""
        rows = self.store.plan.rows(block.first, min(block.last, len(self.store.plan)))
        run_ids = rows["run_id"].take(numbers(block.positions - block.first)).to_pylist()
        failed = self.store.committed(run_ids)
        if failed is not None:
            done = Report(runs=len(block), failed=failed, seconds=0.0, overhead=0.0, bytes=0)
            self._keep(done, block)
        return failed is not None

    def _give_up(self, block: Block) -> None:
        """Write the row of a run that kills whoever computes it."""
        rows = self.store.plan.rows(int(block.positions[0]), int(block.positions[0]) + 1)
        outcome = BlockResult(rows.combine_chunks(), "", details={name: [] for name in self.store.details})
        outcome.errors[0] = DIED
        outcome.finished[:] = time.time_ns() // 1000
        self.store.commit(outcome.tables())
        self._keep(Report(runs=1, failed=1, seconds=0.0, overhead=0.0, bytes=0), block)
