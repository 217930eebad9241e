"""A clean end on Ctrl-C and SIGTERM, whatever the main thread is doing.

Python's own handlers wait until the main thread runs Python code again, which a kernel or the compiler may
put off for seconds. So the signals are blocked in every thread and one thread does nothing but wait for
them; it tidies up and ends the process at once. Only the libraries that Python itself needs are imported
here, since until this module listens a stop is Python's own affair.
"""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Cleanup = Callable[[], None]

SWITCH_SECONDS = 1e-4
"""Time for which another thread may go on when the clean-up wants to: Python's own 5 ms a file add up."""


class StopListener:
    """Ends the process with code 128 + signal after running the clean-ups registered at that moment."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._cleanups: list[Cleanup] = []
        self._finished = False
        self.last_words: Callable[[], str] = lambda: "nothing written"
        """What to say after the signal's name when the process is stopped."""

    def start(self) -> None:
        """Begin to listen; call it before any other thread exists, since threads inherit the blocking."""
        signals = {signal.SIGINT, signal.SIGTERM}
        if signal.getsignal(signal.SIGHUP) == signal.SIG_DFL:  # under nohup it stays ignored
            signals.add(signal.SIGHUP)
        signal.pthread_sigmask(signal.SIG_BLOCK, signals)
        threading.Thread(target=self._listen, args=(signals,), name="stop listener", daemon=True).start()

    @contextmanager
    def cleaning(self, cleanup: Cleanup) -> Iterator[None]:
        """Register what has to be undone if the process is stopped inside the block."""
        with self._lock:
            self._cleanups.append(cleanup)
        try:
            yield
        finally:
            with self._lock:
                self._cleanups.remove(cleanup)

    def at_stop(self, cleanup: Cleanup) -> None:
        """Register what has to be undone whenever the process is stopped from now on."""
        with self._lock:
            self._cleanups.append(cleanup)

    @contextmanager
    def last_step(self) -> Iterator[None]:
        """A block that is not interrupted; once it has succeeded a stop comes too late and is ignored."""
        with self._lock:
            yield
            self._finished = True

    def wait_if_stopping(self) -> None:
        """Return unless a stop is under way: then the process ends, and what went wrong is due to it."""
        with self._lock:
            pass

    def _listen(self, signals: set[signal.Signals]) -> None:
        while True:
            number = signal.sigwait(signals)
            sys.setswitchinterval(SWITCH_SECONDS)
            with self._lock:
                if self._finished:
                    continue
                for cleanup in self._cleanups:
                    cleanup()
                name = signal.Signals(number).name
                sys.stderr.write(f"\nhashcredit: stopped by {name}, {self.last_words()}\n")
                sys.stderr.flush()
                os._exit(128 + number)
