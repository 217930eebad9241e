"""Progress on stderr: a bar on a terminal, a few plain lines anywhere else."""

import sys
import time
from types import TracebackType
from typing import Any, Self

SECONDS_BETWEEN_LINES = 5.0


class Progress:
    """Shows how much of a known amount of work is done."""

    def __init__(self, unit: str, quiet: bool = False) -> None:
        self.unit = unit
        self._quiet = quiet
        self._bar: Any = None
        self._started = self._last_line = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def update(self, done: int, total: int) -> None:
        """Show that `done` of `total` units are complete."""
        if self._quiet:
            return
        if sys.stderr.isatty():
            self._draw_bar(done, total)
        elif time.monotonic() - self._last_line >= SECONDS_BETWEEN_LINES or done == total:
            self._last_line = time.monotonic()
            seconds = self._last_line - self._started
            print(f"{done:,} of {total:,} {self.unit}, {seconds:.1f} s", file=sys.stderr, flush=True)

    def _draw_bar(self, done: int, total: int) -> None:
        if self._bar is None:
            from tqdm import tqdm

            self._bar = tqdm(total=total, unit=f" {self.unit}", file=sys.stderr, dynamic_ncols=True)
        self._bar.update(done - self._bar.n)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()
