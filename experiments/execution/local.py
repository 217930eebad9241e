"""Worker processes on this machine."""

import gc
import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from multiprocessing import connection, resource_tracker
from typing import Any

from hashcredit.experiments.execution.threads import one_thread

PRELOADED = "hashcredit.experiments.execution.worker"


class WorkerProcesses(Executor):
    """Processes that each have a pool of their own.

    One that is killed takes its own task with it and nothing else, and it is known which task that was; the
    next task gets a new process. They are started by a server that has imported what they need and run
    nothing, since a process that has run kernels must not be forked. All end with the process that made them,
    also if that is killed.
    """

    def __init__(self, workers: int, first: Callable[[], Any] | None = None) -> None:
        """Begin to start the processes; `first` is what each does before it is given work.

        Starting them takes a second, in which the caller goes on: work is taken from now on.
        """
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload([PRELOADED])
        self._idle: list[ProcessPoolExecutor] = []
        self._pools: set[ProcessPoolExecutor] = set()
        self._waiting: deque[tuple[Future[Any], Callable[..., Any], tuple[Any, ...]]] = deque()
        self._lock = threading.RLock()
        self._closed = self._killed = False
        self._first = first
        self._starter = threading.Thread(target=self._start, args=(workers,), daemon=True)
        self._starter.start()

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Run a function in the next process that is free."""
        if kwargs:
            raise TypeError("keyword arguments are not passed on")
        future: Future[Any] = Future()
        with self._lock:
            if self._killed:
                return future  # the caller's process is about to end: nobody waits for the answer
            if self._closed:
                raise RuntimeError("this workforce was shut down")
            self._waiting.append((future, function, args))
            self._dispatch()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the processes, after their present task."""
        self._starter.join()
        with self._lock:
            self._closed = True
            if cancel_futures:
                for future, _, _ in self._waiting:
                    future.cancel()
                self._waiting.clear()
            pools = list(self._pools)
        for pool in pools:
            pool.shutdown(wait=wait, cancel_futures=cancel_futures)

    def kill(self) -> None:
        """End the processes at once; what they were computing is lost, and nobody hears of it."""
        self._starter.join()
        with self._lock:
            self._closed = self._killed = True
            self._waiting.clear()
            self._idle.clear()
            pools = list(self._pools)
            self._pools.clear()
        for pool in pools:
            for process in list((pool._processes or {}).values()):
                process.kill()
            pool.shutdown(wait=True, cancel_futures=True)
        del pools
        gc.collect()  # queues give their semaphores back, or the system complains about leaks

    def _start(self, workers: int) -> None:
        with _same_signals():
            # First of all, and apart: the server of processes would inherit the signals that this unblocks,
            # and a Ctrl-C that comes while the server starts would end it.
            resource_tracker.ensure_running()
        for _ in range(workers):
            pool = self._new_pool()
            with self._lock:
                self._pools.add(pool)
                self._idle.append(pool)
                self._dispatch()

    def _new_pool(self) -> ProcessPoolExecutor:
        pool = ProcessPoolExecutor(1, mp_context=self._context, initializer=begin)
        if self._first is not None:
            with one_thread(), _same_signals():
                pool.submit(self._first)
        return pool

    def _replaced(self, pool: ProcessPoolExecutor) -> ProcessPoolExecutor:
        """A new process in the place of one that has died."""
        self._pools.discard(pool)
        pool.shutdown(wait=False)
        fresh = self._new_pool()
        self._pools.add(fresh)
        return fresh

    def _hand_to(
        self, pool: ProcessPoolExecutor, function: Callable[..., Any], args: tuple[Any, ...]
    ) -> Future[Any]:
        """Submit work to a process, which may be started for it."""
        with one_thread(), _same_signals():
            return pool.submit(function, *args)

    def _dispatch(self) -> None:
        """Give waiting work to idle processes."""
        while self._waiting and self._idle:
            future, function, args = self._waiting.popleft()
            if not future.set_running_or_notify_cancel():
                continue
            pool = self._idle.pop()
            try:
                inner = self._hand_to(pool, function, args)
            except BrokenProcessPool:  # it died while it waited for work: nothing is lost
                pool = self._replaced(pool)
                inner = self._hand_to(pool, function, args)
            inner.add_done_callback(partial(self._finish, future, pool))

    def _finish(self, future: Future[Any], pool: ProcessPoolExecutor, done: Future[Any]) -> None:
        """Pass a result on, and put the process, or a new one if it died, back to work."""
        error = done.exception() if not done.cancelled() else BrokenProcessPool("the worker was stopped")
        with self._lock:
            if self._closed and error is not None:
                return  # killed on purpose
            if not self._closed:
                if isinstance(error, BrokenProcessPool):
                    pool = self._replaced(pool)
                self._idle.append(pool)
                self._dispatch()
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(done.result())


@contextmanager
def _same_signals() -> Iterator[None]:
    """Python unblocks SIGINT and SIGTERM when it starts its helper processes; keep them as they were."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def ready_kernels() -> None:
    """First task of a worker that computes runs; what it needs is imported there and not here."""
    from hashcredit.experiments.execution.worker import ready_kernels as ready

    ready()


def begin() -> None:
    """First act of a worker: leave Ctrl-C to the parent, obey SIGTERM, and end when the parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM, signal.SIGHUP})
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()


def _end_with(sentinel: int) -> None:
    connection.wait([sentinel])
    os._exit(1)
