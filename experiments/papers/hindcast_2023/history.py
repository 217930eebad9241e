"""One replicate of the episode, with a copy of the books at the weeks of dated facts.

Summaries and series say what the whole economy owes; facts are about neo-clouds, miners or one firm.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hashcredit.experiments.papers.hindcast_2023.paths import CALENDAR
from hashcredit.simulator.setup.prepare import Setup, allocate, clear
from hashcredit.simulator.state.codes import ErrorCode
from hashcredit.simulator.state.economy import Economy
from hashcredit.simulator.state.series import series_columns
from hashcredit.simulator.week.step import open_economy, run_weeks

Array = NDArray[np.float64]
Table = NDArray[np.void]

EVENTS = 1 << 15
"""Room for events at first; a run has a few thousand."""
BOOKS = ("borrowers", "loans", "contracts", "orders", "machines")


@dataclass(frozen=True)
class Books:
    """Tables of the economy as a week begins."""

    borrowers: Table
    loans: Table
    contracts: Table
    orders: Table
    machines: Table


@dataclass(frozen=True)
class History:
    """What one replicate leaves: books by week, weekly series and the log of events."""

    setup: Setup
    books: dict[int, Books]
    series: Array
    events: Table

    def column(self, name: str) -> Array:
        """A weekly series by its name in `Run.series`."""
        return self.series[:, list(series_columns(self.setup.machine_names)).index(name)]


def follow(setup: Setup, replicate: int, weeks: tuple[int, ...]) -> History:
    """Run a replicate to the horizon, with the books as each of `weeks` begins; the bits are `simulate`'s."""
    room = EVENTS
    while True:
        economy = allocate(setup, series=True, events=room)
        clear(economy, setup)
        open_economy(economy, setup.parameters, setup.seed, replicate)
        books, now = {}, 0
        for week in sorted({*weeks, CALENDAR.weeks}):
            if week > now:
                run_weeks(economy, setup.parameters, setup.seed, replicate, week - now)
            books[week], now = _copy(economy), week
            if economy.clock["error"][0] != ErrorCode.NONE:
                break
        error = economy.clock["error"][0]
        if error == ErrorCode.NONE:
            used = int(economy.clock["events"][0])
            return History(setup, books, economy.series.copy(), economy.events[:used].copy())
        if error != ErrorCode.EVENT_BUFFER_FULL:
            raise RuntimeError(f"replicate {replicate} ends with {ErrorCode(error).name}")
        room *= 4


def _copy(economy: Economy) -> Books:
    return Books(*(getattr(economy, name).copy() for name in BOOKS))
