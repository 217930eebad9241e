"""A second process that compiles a week from its end, while the first compiles it from its beginning.

Both write to the same cache, and each finds there what the other has done. Where they meet the first links
all parts into one week, while the second makes machine code of each phase, which runs from Python under Mesa;
what both compiled at the same time is compiled twice.
"""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from numba import config, typeof

from hashcredit.agents.compiled import is_kept
from hashcredit.agents.parts import compile_part
from hashcredit.simulator.runs.engine import processors
from hashcredit.simulator.scenario.scenario import Scenario
from hashcredit.simulator.setup.prepare import allocate, prepare
from hashcredit.simulator.week.step import PHASES


@contextmanager
def second_compiler() -> Iterator[None]:
    """Have another process compile too, as long as this block lasts; alone where there is one processor.

    It ends with this process, however that ends. If it fails, all is compiled here.
    """
    if config.DISABLE_JIT or processors() < 2 or not is_kept():
        yield
        return
    nowhere = subprocess.DEVNULL
    command = [sys.executable, "-P", "-m", __name__]
    other = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=nowhere, stderr=nowhere)
    try:
        yield
    finally:
        other.kill()  # a file is renamed into the cache when it is whole
        other.wait()
        if other.stdin:
            other.stdin.close()


def phase_arguments() -> tuple[Any, ...]:
    """Types of the arguments with which a week calls its phases."""
    setup = prepare(Scenario.load().with_changes({"horizon_weeks": 1}), 1)
    economy = allocate(setup, series=False, events=0)
    return tuple(typeof(each) for each in (economy, setup.parameters[0], setup.seed, 0))


def compile_backwards() -> None:
    """Compile the phases of a week, the last one first: as parts of the week, then each for itself."""
    kinds = phase_arguments()
    for phase in reversed(PHASES):
        compile_part(phase, kinds)
    for phase in reversed(PHASES):
        compiled: Any = phase
        compiled.compile(kinds)


def _end_with_parent() -> None:
    """Nothing is ever written to the pipe: it closes when the process at its other end is gone."""
    sys.stdin.buffer.read()
    os._exit(0)


if __name__ == "__main__":
    threading.Thread(target=_end_with_parent, daemon=True).start()
    compile_backwards()
