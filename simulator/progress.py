"""Progress on stderr: a bar on a terminal or in a notebook, a few plain lines anywhere else.

Nothing here changes a result, and nothing heavy is imported: the command line begins with it.
"""

import re
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from types import TracebackType
from typing import Any, Self

from hashcredit.simulator.errors import ScenarioError

SECONDS_BETWEEN_LINES, MOST_SECONDS_BETWEEN_LINES = 5.0, 60.0
"""A log gets a line every five seconds at first, and one a minute when the work is long."""

LINES_OF_A_LOG = 20

SECONDS_BETWEEN_LOOKS = 0.5
"""At the folder that compiled code is kept in."""

OnProgress = Callable[[int, int], None]
"""Told how many runs are done, and of how many."""

Progress = OnProgress | bool | None
"""A function to be told, whether to show progress, or None: where somebody watches."""


def is_watched() -> bool:
    """Whether stderr is a terminal, or this is a notebook."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return sys.stderr.isatty() or (shell is not None and hasattr(shell, "kernel"))


class ProgressBar:
    """Shows how much of a known amount of work is done; `about` says that the amount is a guess."""

    def __init__(self, unit: str, quiet: bool = False, *, about: bool = False) -> None:
        self.unit = unit
        self._about = "about " if about else ""
        self._quiet = quiet
        self._bar: Any = None
        self._first: int | None = None
        self._started = self._last_line = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def update(self, done: int, total: int, remark: str = "") -> None:
        """Show that `done` of `total` units are complete; those of the first call were there before."""
        if self._quiet:
            return
        if self._first is None:
            self._first = done
        if is_watched():
            self._draw_bar(done, total, remark)
        elif time.monotonic() - self._last_line >= self._pause() or done == total:
            self._last_line = time.monotonic()
            print(self._line(done, total, remark), file=sys.stderr, flush=True)

    def _pause(self) -> float:
        elapsed = time.monotonic() - self._started
        return min(max(SECONDS_BETWEEN_LINES, elapsed / LINES_OF_A_LOG), MOST_SECONDS_BETWEEN_LINES)

    def _line(self, done: int, total: int, remark: str) -> str:
        """How much is done, how fast, and how long the rest will take."""
        seconds = time.monotonic() - self._started
        new = done - (self._first or 0)
        parts = [f"{done:,} of {self._about}{total:,} {self.unit}", f"{seconds:.1f} s"]
        if 0 < done < total and new > 0:
            parts.append(f"{new / seconds:.3g} a second, {duration((total - done) * seconds / new)} left")
        return ", ".join([*parts, remark] if remark else parts)

    def _draw_bar(self, done: int, total: int, remark: str) -> None:
        if self._bar is None:
            from tqdm import tqdm

            self._bar = tqdm(
                total=total, initial=done, unit=f" {self.unit}", file=sys.stderr, dynamic_ncols=True
            )
        self._bar.set_postfix_str(remark, refresh=False)
        self._bar.update(done - self._bar.n)
        self._bar.refresh()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()


def duration(seconds: float) -> str:
    """A time in the two units that matter."""
    if seconds < 59.5:
        return f"{seconds:.1f} s" if seconds < 9.95 else f"{seconds:.0f} s"
    for name, size, below, part in (("min", 60, "s", 1), ("h", 3600, "min", 60)):
        whole, rest = divmod(round(seconds / part) * part, size)
        if whole < (60 if name == "min" else 48):
            return f"{whole} {name} {rest // part} {below}"
    days, rest = divmod(round(seconds / 3600), 24)
    return f"{days:,} days {rest} h"


@contextmanager
def shown(progress: Progress, unit: str = "runs") -> Iterator[OnProgress | None]:
    """Who is to be told of progress: the caller's function, a bar, or nobody.

    A bar comes with the number of kernels that are compiled before the first run.
    """
    if callable(progress):
        yield progress
        return
    if show_progress(progress):
        with CompilationWatch() as compilation, ProgressBar(unit) as bar:

            def tell(done: int, total: int) -> None:
                compilation.stop()
                bar.update(done, total)

            yield tell
    else:
        yield None


def show_progress(progress: bool | None) -> bool:
    """Whether a bar is to be shown; ScenarioError for what is neither a switch nor None."""
    if progress is not None and not isinstance(progress, bool):
        allowed = "True, False, None (where stderr is a terminal, or in a notebook) or a function"
        raise ScenarioError("progress", progress, allowed)
    return is_watched() if progress is None else progress


# Kernels that are being compiled


class CompilationWatch:
    """Shows how many kernels are compiled, by this process or another one, as long as their number grows."""

    def __init__(self, quiet: bool = False) -> None:
        self._quiet = quiet
        self._bar = ProgressBar("kernels compiled", quiet, about=True)
        self._end = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        if not self._quiet and not are_kernels_ready():
            self._thread = threading.Thread(target=self._look, daemon=True)
            self._thread.start()
        return self

    def stop(self) -> None:
        """Look no more; what was shown stays."""
        if self._thread is not None:
            self._end.set()
            self._thread.join()
            self._thread = None
            self._bar.__exit__(None, None, None)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _look(self) -> None:
        before = compiled_kernels()
        while not self._end.wait(SECONDS_BETWEEN_LOOKS):
            count = compiled_kernels()
            if count > before:
                self._bar.update(count, max(count, all_kernels()))


def are_kernels_ready() -> bool:
    """Whether nothing has to be compiled: all of it is in the cache, or plain Python is asked for."""
    from numba import config

    from hashcredit.agents.compiled import cache_folder

    return bool(config.DISABLE_JIT) or (cache_folder() / "ready").exists()


def compiled_kernels() -> int:
    """Kernels in the cache of the present sources."""
    from hashcredit.agents.compiled import cache_folder

    return sum(1 for _ in cache_folder().rglob("*.nbc"))


@cache
def all_kernels() -> int:
    """About how many there are to compile: as many as the sources declare."""
    from hashcredit.agents import compiled

    declared = re.compile(r"^@(?:kernel|inlined)\b", re.MULTILINE)
    sources = compiled.kernel_sources(compiled._ROOT)
    return sum(len(declared.findall(source.decode())) for source in sources.values())


def compilation_words() -> str:
    """How far the compilation is, in words; empty when there is none."""
    if are_kernels_ready():
        return ""
    return f"compiling kernels, {compiled_kernels():,} of about {all_kernels():,}"
