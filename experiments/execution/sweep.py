"""Running a study: begin it in a folder or take it up again, and have done what is missing."""

import json
import os
import socket
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from hashcredit.experiments.execution.blocks import Missing, shard, shard_grain
from hashcredit.experiments.execution.planning import Say
from hashcredit.experiments.execution.resume import begin
from hashcredit.experiments.execution.runner import Tally, Workforce, lead
from hashcredit.experiments.execution.worker import Report, Task, run_task
from hashcredit.experiments.store.store import SESSIONS, Store, StoreState
from hashcredit.experiments.study.study import Study
from hashcredit.simulator.progress import ProgressBar, compilation_words, show_progress
from hashcredit.simulator.provenance import environment


@dataclass(frozen=True)
class Share:
    """The part of the work that falls to one of several processes which never talk to each other."""

    index: int
    count: int


def sweep(
    study: Study | str | Path,
    folder: str | Path,
    *,
    executor: Executor | None = None,
    workers: int | None = None,
    chunk: int | None = None,
    allow_mixed: bool = False,
    retry_failed: bool = False,
    verify: bool = False,
    progress: Callable[[Tally], None] | bool | None = None,
    say: Say = lambda text: None,
) -> Tally:
    """Compute the runs of a study that its folder does not have yet.

    Parameters
    ----------
    study : Study, str or Path
        What is asked, or the file that says so.
    folder : str or Path
        Where results are kept; the same call again goes on where the last one stopped, however it stopped.
    executor : concurrent.futures.Executor, optional
        Who computes; one process a processor of this machine, if it is left out. Its workers must see the
        folder under the same name.
    workers : int, optional
        Blocks of runs that are given to the executor at a time; with no executor, the number of processes.
    chunk : int, optional
        Runs of a block (a power of two, or the next one below it); worked out from what a run takes, if it is
        left out. It never changes a result.
    allow_mixed : bool
        Go on in a folder whose runs were computed by other code or with another base scenario. Every row says
        which it was.
    retry_failed : bool
        Compute runs that failed before once more.
    verify : bool
        Read series, events and tables to their ends too first, and compute again what is damaged inside.
    progress : callable, bool or None
        Told how far the work is, at least once a second. Without a function a bar is shown where stderr is a
        terminal and in notebooks, always with True and never with False.
    say : callable
        Told what a user should know, in a line.

    Errors: StudyError, OutputFolderError and MixedResultsError before anything is changed; StoreWriteError
    and WorkersDieError later, with everything kept that was done.
    """
    from hashcredit.experiments.execution.local import WorkerProcesses, ready_kernels
    from hashcredit.simulator.runs.engine import processors

    count = workers or processors()
    with ExitStack() as stack:
        seen = stack.enter_context(shown_tally(progress))
        if executor is None:
            executor = own = WorkerProcesses(count, ready_kernels)
            stack.callback(own.kill)
        store, done = begin(
            study, folder, allow_mixed=allow_mixed, retry_failed=retry_failed, verify=verify, say=say
        )
        return work(store, done, Workforce(executor, count, chunk=chunk), progress=seen)


@contextmanager
def shown_tally(progress: Callable[[Tally], None] | bool | None) -> Iterator[Callable[[Tally], None]]:
    """Who is told how far a sweep is: the caller's function, a bar, or nobody."""
    if callable(progress):
        yield progress
        return
    with ProgressBar("runs", quiet=not show_progress(progress)) as bar:
        yield lambda tally: bar.update(tally.done, tally.total, remarks(tally))


def remarks(tally: Tally) -> str:
    """What to say beside the number of runs: failures, losses, and what the first run waits for."""
    parts = [compilation_words()] if not tally.computed else []
    parts += [f"{tally.failed:,} failed"] if tally.failed else []
    parts += [f"{tally.lost:,} lost and given out again"] if tally.lost else []
    return ", ".join(part for part in parts if part)


def work(
    store: Store,
    state: StoreState,
    workforce: Workforce,
    *,
    share: Share | None = None,
    kind: str = "local",
    progress: Callable[[Tally], None] = lambda tally: None,
    function: Callable[[Task], Report] = run_task,
) -> Tally:
    """Have a workforce compute what is missing, and keep a log of it."""
    done, total = state.done, len(state.done)
    if share is not None:
        others = shard(np.zeros_like(done), share.index, share.count, shard_grain(total, share.count))
        done, total = done | others, int((~others).sum())
    missing = Missing(done)
    tally = Tally(total=total, done=total - len(missing))
    progress(tally)
    if not len(missing):
        return tally
    facts = {"executor": kind, "workers": workforce.workers, "missing": len(missing), **environment()}
    with session(store, facts) as note:
        return lead(store, missing, tally, workforce, report=progress, note=note, function=function)


@contextmanager
def session(store: Store, facts: Mapping[str, Any]) -> Iterator[Callable[[str, dict[str, Any]], None]]:
    """A log of what this process leads: one JSON object a line, the first about itself."""
    now = datetime.now(UTC)
    folder = store.path / SESSIONS
    name = f"{now:%Y%m%dT%H%M%S}-{socket.gethostname()}-{os.getpid()}.jsonl"

    def note(event: str, what: Mapping[str, Any]) -> None:
        line = {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), "event": event, **what}
        with suppress(OSError):  # where no line fits no row fits either, and that is an error
            handle.write(json.dumps(line) + "\n")
            handle.flush()

    folder.mkdir(exist_ok=True)
    with open(folder / name, "a", encoding="utf-8") as handle:
        note("session", dict(facts))
        try:
            yield note
        finally:
            note("end", {})
