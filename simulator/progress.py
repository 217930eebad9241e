"""ProgressBar on stderr: a bar on a terminal, a few plain lines anywhere else."""

import sys
import time
from types import TracebackType
from typing import Any, Self

SECONDS_BETWEEN_LINES, MOST_SECONDS_BETWEEN_LINES = 5.0, 60.0
"""A log gets a line every five seconds at first, and one a minute when the work is long."""

LINES_OF_A_LOG = 20


class ProgressBar:
    """Shows how much of a known amount of work is done."""

    def __init__(self, unit: str, quiet: bool = False) -> None:
        self.unit = unit
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
        if sys.stderr.isatty():
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
        parts = [f"{done:,} of {total:,} {self.unit}", f"{seconds:.1f} s"]
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
