"""What is measured of a run of a named scenario: a number each, read from series, events or summary."""

from collections.abc import Callable

import numpy as np

from hashcredit.simulator.reports.run import Run
from hashcredit.simulator.state.codes import EventKind
from hashcredit.simulator.state.series import series_columns

Measure = Callable[[Run], float]
"""A number of a run; NaN where there is none."""


def series(run: Run, column: str) -> np.ndarray:
    """A weekly series by its column of `run.series`, without making that table for thousands of runs."""
    places = {name: place for place, name in enumerate(series_columns(run.setup.machine_names))}
    return run.economy.series[:, places[column]]


def scalar(name: str) -> Measure:
    """A scalar of the run's summary."""
    return lambda run: float(run.summary[name])


def mean_of(column: str) -> Measure:
    """Mean of a weekly series."""
    return lambda run: float(series(run, column).mean())


def end_of(column: str) -> Measure:
    """Last value of a weekly series."""
    return lambda run: float(series(run, column)[-1])


def log_end(column: str) -> Measure:
    """Log of the last value of a series: differences between arms are relative changes."""
    return lambda run: float(np.log(series(run, column)[-1]))


def in_week(column: str, week: int) -> Measure:
    """A weekly series in one week."""
    return lambda run: float(series(run, column)[week])


def largest(column: str) -> Measure:
    """Largest value of a weekly series."""
    return lambda run: float(series(run, column).max())


def lowest(column: str) -> Measure:
    """Lowest value of a weekly series."""
    return lambda run: float(series(run, column).min())


def events_between(kind: EventKind, first: int, last: int) -> Measure:
    """Number of events of a kind in weeks `first` to `last`, both included."""

    def count(run: Run) -> float:
        weeks = events_of(run, kind)["week"]
        return float(np.count_nonzero((weeks >= first) & (weeks <= last)))

    return count


def events_of(run: Run, kind: EventKind) -> np.ndarray:
    """All events of a kind."""
    used = run.economy.events[: run.economy.clock["events"][0]]
    found: np.ndarray = used[used["kind"] == kind]
    return found


def share_of_miners_fails(share: float) -> Measure:
    """1 if at least a share of the miners fail in a run, else 0: joint failures."""
    return lambda run: float(run.summary["defaults_miners"] >= share * run.setup.scenario.population.miners)


def loans_called(first: int, last: int) -> Measure:
    """Loans with a borrowing-base call in weeks `first` to `last`, both included, each counted once.

    A loan whose excess is paid is called again as soon as its base falls on, so calls themselves say little.
    A loan is told by lender, borrower and machine type.
    """

    def count(run: Run) -> float:
        calls = events_of(run, EventKind.BORROWING_BASE_CALL)
        calls = calls[(calls["week"] >= first) & (calls["week"] <= last)]
        return float(np.unique(calls[["agent", "counterparty", "machine"]]).size)

    return count


def loans_called_elsewhere(first: int, last: int) -> Measure:
    """Mean of `loans_called` over all windows as long that do not touch weeks `first` to `last`."""
    length = last - first + 1

    def mean(run: Run) -> float:
        weeks = run.setup.scenario.horizon_weeks
        calls = events_of(run, EventKind.BORROWING_BASE_CALL)
        _, loan = np.unique(calls[["agent", "counterparty", "machine"]], return_inverse=True)
        called = np.zeros((calls.size, weeks + 1), np.int64)  # by loan; the first column is before all weeks
        np.add.at(called, (loan, calls["week"] + 1), 1)
        so_far = called.cumsum(axis=1)
        starts = np.r_[0 : first - length + 1, last + 1 : weeks - length + 1]
        within = so_far[:, starts + length] > so_far[:, starts]
        return float(within.sum(axis=0).mean())

    return mean


DAMAGE: dict[str, Measure] = {
    "defaults": scalar("defaults"),
    "defaults of miners": scalar("defaults_miners"),
    "defaults of neo-clouds": scalar("defaults_neoclouds"),
    "creditor loss, M$": scalar("creditor_loss_musd"),
    "realised to paper": scalar("realised_to_paper"),
    "lenders that fail": scalar("lender_failures"),
}
"""What every page shows."""
