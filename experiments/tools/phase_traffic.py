"""What each phase of a week reads, writes and works out, counted in plain Python.

`rival_benchmark` saves how the economy stands at the start of some weeks and hands that to a process with
NUMBA_DISABLE_JIT=1, in which this module runs each of these weeks once more with every table watched. It
prints JSON: for each phase and week the loads and stores of single numbers, the bytes of the cache lines that
hold them, each line counted once a phase, and the operations.

Lines are a lower bound of the traffic between the core and its caches: a phase has to bring in each line that
it reads at least once, and compiled code can do no better. Loads and stores are what the source says; a
compiler keeps some of them in registers. Operations are arithmetic and comparisons of the source, those on
indices too, and calls of `math`. Local variables are no traffic. What a kernel does to a whole array at once
(`row[:] = 0.0`) counts as a store of each number in it.
"""

import argparse
import dis
import json
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import numpy as np
from numba import config

from hashcredit.agents.rows import CACHE_LINE
from hashcredit.simulator.scenario.scenario import Scenario
from hashcredit.simulator.setup.prepare import Setup, allocate, prepare
from hashcredit.simulator.state.arrays import FIELDS
from hashcredit.simulator.state.economy import Economy
from hashcredit.simulator.state.fields import Role
from hashcredit.simulator.week.regimes import enter_week
from hashcredit.simulator.week.step import PHASES

COUNTED = ("loads", "stores", "bytes_read", "bytes_written", "operations", "divisions", "math_calls")


class Traffic:
    """Counters of the phase that runs."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.read: set[int] = set()
        self.written: set[int] = set()

    def load(self, address: int, size: int, numbers: int = 1) -> None:
        self.counts["loads"] += numbers
        self.read.update(range(address // CACHE_LINE, (address + size - 1) // CACHE_LINE + 1))

    def store(self, address: int, size: int, numbers: int = 1) -> None:
        self.counts["stores"] += numbers
        self.written.update(range(address // CACHE_LINE, (address + size - 1) // CACHE_LINE + 1))

    def take(self) -> Counter[str]:
        """The counts since the last call."""
        counts, self.counts = self.counts, Counter()
        counts["bytes_read"] = CACHE_LINE * len(self.read)
        counts["bytes_written"] = CACHE_LINE * len(self.written)
        self.read, self.written = set(), set()
        return counts


TRAFFIC = Traffic()


class WatchedRow:
    """A row of a watched table: each field that is read or written is counted."""

    __slots__ = ("_address", "_row")

    def __init__(self, row: Any, address: int) -> None:
        object.__setattr__(self, "_row", row)
        object.__setattr__(self, "_address", address)

    def __getattr__(self, name: str) -> Any:
        row = self._row
        field = row.dtype.fields.get(name)
        if field is None:
            return getattr(row, name)
        kind, offset = field[:2]
        if kind.shape:
            return watched(row[name])
        TRAFFIC.load(self._address + offset, kind.itemsize)
        return getattr(row, name)

    def __setattr__(self, name: str, value: Any) -> None:
        kind, offset = self._row.dtype.fields[name][:2]
        TRAFFIC.store(self._address + offset, kind.itemsize)
        setattr(self._row, name, value)


class WatchedArray(np.ndarray):
    """A view of an array of the economy that counts which of its numbers are read and written."""

    def __getitem__(self, key: Any) -> Any:
        found = np.ndarray.__getitem__(self, key)
        if isinstance(found, np.ndarray):
            return found  # a view: what is looked up in it counts
        address = self._address_of(key)
        if self.dtype.names:
            return WatchedRow(found, address)
        TRAFFIC.load(address, self.itemsize)
        return found

    def __setitem__(self, key: Any, value: Any) -> None:
        if isinstance(value, WatchedRow):
            TRAFFIC.load(value._address, value._row.dtype.itemsize, len(value._row.dtype.names))
            value = value._row
        target = np.ndarray.__getitem__(self, key)
        if isinstance(target, np.ndarray):
            if target.size:
                TRAFFIC.store(target.ctypes.data, target.nbytes, target.size)
        else:
            TRAFFIC.store(self._address_of(key), self.itemsize, len(self.dtype.names or " "))
        np.ndarray.__setitem__(self, key, value)

    def __iter__(self) -> Any:
        return (self[place] for place in range(len(self)))

    def _address_of(self, key: Any) -> int:
        keys = key if isinstance(key, tuple) else (key,)
        places = (int(one) % length for one, length in zip(keys, self.shape, strict=True))
        offsets = (place * stride for place, stride in zip(places, self.strides, strict=True))
        return int(self.ctypes.data + sum(offsets))


def watched(array: Any) -> Any:
    """The array, watched; it shares its memory."""
    return array.view(WatchedArray)


ARITHMETIC, DIVISION = "operations", "divisions"


def _operations(code: CodeType) -> dict[int, str]:
    """Places in a function's byte code at which it does arithmetic."""
    found = {}
    for step in dis.get_instructions(code):
        if step.opname in ("BINARY_OP", "COMPARE_OP", "UNARY_NEGATIVE"):
            found[step.offset] = DIVISION if step.argrepr in ("/", "/=") else ARITHMETIC
    return found


class Operations:
    """A trace of kernels alone, opcode by opcode."""

    def __init__(self) -> None:
        self._known: dict[CodeType, dict[int, str]] = {}

    def enter(self, frame: FrameType, event: str, argument: Any) -> Any:
        """For `sys.settrace`: follow functions of the model and no others."""
        module = str(frame.f_globals.get("__name__", ""))
        if not module.startswith(("hashcredit.agents", "hashcredit.simulator")):
            return None
        frame.f_trace_lines, frame.f_trace_opcodes = False, True
        code = frame.f_code
        if code not in self._known:
            self._known[code] = _operations(code)
        places, counts = self._known[code], TRAFFIC.counts

        def step(frame: FrameType, event: str, argument: Any) -> Any:
            if event == "opcode":
                kind = places.get(frame.f_lasti)
                if kind is not None:
                    counts["operations"] += 1
                    if kind == DIVISION:
                        counts["divisions"] += 1
            return step

        return step

    @staticmethod
    def call(frame: FrameType, event: str, argument: Any) -> None:
        """For `sys.setprofile`: calls of `math`."""
        if event == "c_call" and getattr(argument, "__module__", "") == "math":
            TRAFFIC.counts["math_calls"] += 1


def standing(economy: Economy) -> dict[str, Any]:
    """All arrays of an economy that weeks write to."""
    return {name: getattr(economy, name) for name, field in FIELDS.items() if field.role is not Role.GIVEN}


def count_phases(setup: Setup, states: Iterable[Mapping[str, Any]], replicate: int = 0) -> dict[str, Any]:
    """Counts of each phase, means over one week from each of the states, which are not written to."""
    if not config.DISABLE_JIT:
        raise RuntimeError("compiled kernels cannot be watched: set NUMBA_DISABLE_JIT=1")
    plain = allocate(setup, series=False, events=0)
    economy = Economy(plain.rules, **{name: watched(getattr(plain, name)) for name in FIELDS})
    parameters = watched(setup.parameters)
    sums: dict[str, Counter[str]] = {phase.__name__: Counter() for phase in PHASES}
    weeks = 0
    for state in states:
        for name, array in standing(plain).items():
            array[...] = state[name]
        row = enter_week(plain, setup.parameters)
        for phase in PHASES:
            sums[phase.__name__] += _counted(phase, economy, parameters[row], setup.seed, replicate)
        weeks += 1
    return {name: {what: counts[what] / weeks for what in COUNTED} for name, counts in sums.items()}


def _counted(phase: Any, *arguments: Any) -> Counter[str]:
    """What one phase of one week counts."""
    operations = Operations()
    before = sys.gettrace(), sys.getprofile()
    _ = TRAFFIC.take()
    sys.settrace(operations.enter)
    sys.setprofile(operations.call)
    try:
        phase(*arguments)
    finally:
        sys.setprofile(before[1])
        sys.settrace(before[0])
    return TRAFFIC.take()


def main(arguments: list[str] | None = None) -> int:
    """Print the counts of a packaged scenario in the weeks that begin with the saved states."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scenario")
    parser.add_argument("states", nargs="+", type=Path, metavar="STATE.npz")
    given = parser.parse_args(arguments)
    setup = prepare(Scenario.load(given.scenario), seed=1)
    print(json.dumps(count_phases(setup, map(np.load, given.states))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
