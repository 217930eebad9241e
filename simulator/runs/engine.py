"""Running replicates: one with everything recorded, or many in parallel for their summaries."""

import math
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

import numpy as np

from hashcredit.agents.dimensions import FACILITIES
from hashcredit.simulator.errors import EventBufferFull, TooManyRounds, UndefinedResultError
from hashcredit.simulator.progress import CompilationWatch, OnProgress, Progress, is_watched, shown
from hashcredit.simulator.reports.checks import check_accounts, check_identities, promises_end
from hashcredit.simulator.reports.run import ManyRuns, Run
from hashcredit.simulator.scenario.arguments import GivenScenario, scenario_of, seeds_of, whole_number
from hashcredit.simulator.scenario.scenario import Scenario
from hashcredit.simulator.setup.prepare import Setup, allocate, clear, prepare, prepare_each, reported_copy
from hashcredit.simulator.setup.rules import Rule, Rules, telling_where
from hashcredit.simulator.state.codes import ErrorCode
from hashcredit.simulator.state.economy import Economy
from hashcredit.simulator.state.outcomes import OUTCOMES, REALS
from hashcredit.simulator.week.observables import close_run
from hashcredit.simulator.week.regimes import enter_week
from hashcredit.simulator.week.step import PHASES, open_economy, run_weeks

FIRST_EVENTS_PER_BORROWER = 64
MOST_EVENTS = 1 << 26
TASK_SECONDS = 0.1
"""Replicates handed to a thread at once last about this long: short enough for progress and Ctrl-C."""

SLICE = 500_000
"""Agents times weeks that a kernel is given at once, about the same time; one replicate of most scenarios."""


def simulate(
    scenario: GivenScenario = None,
    seed: int = 1,
    replicate: int = 0,
    *,
    rules: Mapping[str, Rule] | None = None,
    check: bool = False,
) -> Run:
    """Run one replicate and keep its series, events, tables and flows.

    `rules` puts functions of yours in the place of default decisions, {"forbearance": my_rule};
    `decisions.DECISIONS` and docs/rules.md say which there are and what they are told.
    `check` tests every bookkeeping identity after every phase (slow) and raises `SimulationError` naming
    phase, agent and field. The bits depend on (scenario, seed, replicate) and the rules alone. Kernels that
    are compiled first are counted where stderr is a terminal and in notebooks.
    """
    seed = whole_number("seed", seed)
    with CompilationWatch(quiet=not is_watched()):
        setup = prepare(scenario_of(scenario), seed, rules)
        return record(setup, whole_number("replicate", replicate), check=check)


def record(setup: Setup, replicate: int, *, check: bool = False) -> Run:
    """Run one replicate of what `prepare` made and keep everything; see `simulate`."""
    seed = setup.seed
    capacity, loans = 4096 + FIRST_EVENTS_PER_BORROWER * setup.borrowers, first_tape(setup)
    while True:
        economy = allocate(setup, series=True, events=capacity, tape=loans)
        clear(economy, setup)
        open_economy(economy, setup.parameters, seed, replicate)
        opening = reported_copy(economy)
        with telling_where(setup.scenario.name, replicate, economy.clock):
            if check:
                _run_checked(economy, setup, replicate, opening)
            else:
                _run_all_weeks(economy, setup, replicate)
        error = economy.clock["error"][0]
        if error == ErrorCode.NONE:
            refuse_undefined(economy, setup, replicate)
            return Run(setup=setup, replicate=replicate, economy=economy, before=opening)
        # nothing is lost: the same replicate is run again with more room
        if error == ErrorCode.TAPE_FULL:
            loans *= 2
            continue
        capacity *= 4
        if capacity > MOST_EVENTS:
            raise EventBufferFull(MOST_EVENTS, setup.scenario.name, replicate)


def first_tape(setup: Setup) -> int:
    """Rows with which a loan tape begins: about twice the loans that a run of three years makes."""
    return 2 * FACILITIES * setup.borrowers


def simulate_many(
    scenario: GivenScenario | Iterable[GivenScenario] = None,
    seed: int | None = None,
    replicates: int = 1000,
    *,
    seeds: Iterable[int] | None = None,
    rules: Mapping[str, Rule] | None = None,
    threads: int | None = None,
    progress: Progress = None,
) -> ManyRuns:
    """Run many replicates of one scenario, or of each of several, and keep their summaries.

    Networks belong to the seed. With `seed` (1 if left out) all runs share them, and intervals are about this
    network only. With `seeds`, distinct whole numbers in place of `seed`, `replicates` runs are made of each,
    and intervals are over networks too: `seeds=range(20), replicates=50` makes 1,000 runs of a scenario. Rows
    are scenario by scenario, in each seed by seed.

    `rules` replaces default decisions as in `simulate`, in all scenarios. `threads` defaults to the number of
    processors this process may use; it never changes a result. `progress` is shown where stderr is a terminal
    and in notebooks, always with True, never with False; a function is called with (done, total) from the
    calling thread.
    """
    if isinstance(scenario, Iterable) and not isinstance(scenario, Scenario | str):
        scenarios = [scenario_of(each) for each in scenario]
    else:
        scenarios = [scenario_of(scenario)]
    replicates = whole_number("replicates", replicates, least=1)
    numbers = seeds_of(seed, seeds)
    workers = whole_number("threads", threads, least=1) if threads is not None else processors()
    own = Rules.of(rules)
    setups = [setup for each in scenarios for setup in prepare_each(each, numbers, own)]
    outcomes = np.zeros((len(setups), replicates), OUTCOMES)
    with shown(progress) as tell:
        _run_pool(setups, outcomes, workers, tell)
    return ManyRuns(setups=setups, outcomes=outcomes)


def processors() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0))


def _run_checked(economy: Economy, setup: Setup, replicate: int, opening: Economy) -> None:
    """The weeks phase by phase, with every identity tested after each phase."""
    for _ in range(setup.scenario.horizon_weeks):
        regime = enter_week(economy, setup.parameters)
        lines_end = promises_end(setup.parameters, regime)
        for phase in PHASES:
            phase(economy, setup.parameters[regime], setup.seed, replicate)
            check_identities(economy, opening, phase.__name__, lines_end)
            if economy.clock["error"][0] != ErrorCode.NONE:
                refuse_unrest(economy, setup, replicate)
                return
        check_accounts(economy)
        economy.clock[0]["week"] += 1
    close_run(economy)


def run_replicate(
    economy: Economy, setup: Setup, replicate: int, stop: threading.Event | None = None
) -> None:
    """Run one replicate in an economy's tables, recording what they have room for.

    It is left half done when `stop` is set.
    """
    clear(economy, setup)
    open_economy(economy, setup.parameters, setup.seed, replicate)
    with telling_where(setup.scenario.name, replicate, economy.clock):
        _run_all_weeks(economy, setup, replicate, stop)
    refuse_undefined(economy, setup, replicate)


def refuse_undefined(economy: Economy, setup: Setup, replicate: int) -> None:
    """Raise for a scalar that is NaN or infinite: a run must not report what it cannot know."""
    closing = economy.outcomes[0]
    for name in REALS:
        if not np.isfinite(closing[name]).all():
            week = int(economy.clock["week"][0])
            raise UndefinedResultError(
                name, float(closing[name]), setup.seed, setup.scenario.name, replicate, week
            )


def refuse_unrest(economy: Economy, setup: Setup, replicate: int) -> None:
    """Raise the error of a week without an end; a full event buffer is the caller's affair."""
    if economy.clock["error"][0] == ErrorCode.TOO_MANY_ROUNDS:
        raise TooManyRounds(int(economy.clock["week"][0]), setup.scenario.name, replicate)


def _run_all_weeks(
    economy: Economy, setup: Setup, replicate: int, stop: threading.Event | None = None
) -> None:
    """Run an open economy to its horizon, in slices: between them Ctrl-C is heard, and `stop`.

    `run_weeks` takes stock of the run whenever it returns, so slices end with the same bits as one call.
    """
    weeks, size = setup.scenario.horizon_weeks, max(1, SLICE // setup.agents)
    for first in range(0, weeks, size):
        if stop is not None and stop.is_set():
            return
        run_weeks(economy, setup.parameters, setup.seed, replicate, min(size, weeks - first))
        if economy.clock["error"][0] != ErrorCode.NONE:
            refuse_unrest(economy, setup, replicate)
            return


def _batch(
    economy: Economy, setup: Setup, outcomes: np.ndarray, first: int, last: int, stop: threading.Event
) -> int:
    """Run replicates `first` to `last` - 1 in one thread and keep their closing scalars."""
    for replicate in range(first, last):
        if stop.is_set():
            break
        run_replicate(economy, setup, replicate, stop)
        outcomes[replicate] = economy.outcomes[0]
    return last - first


class _Desk:
    """Where a thread works: tables for one replicate at a time of one setup."""

    def __init__(self) -> None:
        self._of: Setup | None = None
        self._economy: Economy | None = None

    def economy_of(self, setup: Setup) -> Economy:
        """The tables, made anew where the last runs were those of another setup."""
        if self._economy is None or self._of is not setup:
            self._of, self._economy = setup, allocate(setup, series=False, events=0)
        return self._economy


Task = tuple[int, int, int]
"""Runs of one task: place of their setup, first replicate, last replicate + 1."""


def _run_pool(setups: list[Setup], outcomes: np.ndarray, workers: int, progress: OnProgress | None) -> None:
    """Spread all replicates over threads; kernels release the GIL, results go to fixed places."""
    stop = threading.Event()
    desks = [_Desk() for _ in range(min(workers, outcomes.size))]
    done = 0

    def work(desk: _Desk, task: Task) -> tuple[int, float]:
        """Do a task; how many replicates that are, and the seconds that each took."""
        place, first, last = task
        setup, started = setups[place], time.perf_counter()
        try:
            count = _batch(desk.economy_of(setup), setup, outcomes[place], first, last, stop)
        except Exception as error:
            error.add_note(f"seed {setup.seed}")
            raise
        return count, max(time.perf_counter() - started, 1e-6) / max(count, 1)

    tasks = _Tasks(outcomes.shape, workers)
    for _ in range(2):  # alone: the first compiles, the second tells how long one takes
        if task := tasks.next(most=1):
            count, tasks.seconds = work(desks[0], task)
            done += count
            if progress:
                progress(done, outcomes.size)
    with ThreadPoolExecutor(len(desks)) as pool:
        try:
            for count in _in_threads(pool, desks, work, tasks):
                done += count
                if progress:
                    progress(done, outcomes.size)
        except BaseException:
            stop.set()  # running replicates end by themselves within a slice
            raise


class _Tasks:
    """All runs in order, setup by setup, cut into tasks of about `TASK_SECONDS`."""

    def __init__(self, shape: tuple[int, ...], workers: int) -> None:
        self._setups, self._replicates = shape
        self._share = math.ceil(self._replicates / workers)
        self._place, self._first = 0, 0
        self.seconds = 1e-6
        """What a run took last."""

    def next(self, most: int | None = None) -> Task | None:
        """The next task, of `most` replicates if that is given; None after the last."""
        if self._place == self._setups:
            return None
        size = most or max(1, min(round(TASK_SECONDS / self.seconds), self._share))
        task = self._place, self._first, min(self._first + size, self._replicates)
        at_end = task[2] == self._replicates
        self._place, self._first = (self._place + 1, 0) if at_end else (self._place, task[2])
        return task


def _in_threads(
    pool: ThreadPoolExecutor,
    desks: list[_Desk],
    work: Callable[[_Desk, Task], tuple[int, float]],
    tasks: _Tasks,
) -> Iterator[int]:
    """Keep one task a desk running; yield the number of replicates of each that ends."""
    running: dict[Future[tuple[int, float]], _Desk] = {}

    def give(desk: _Desk) -> None:
        if task := tasks.next():
            running[pool.submit(work, desk, task)] = desk

    for desk in desks:
        give(desk)
    while running:
        finished, _ = wait(running, timeout=0.2, return_when=FIRST_COMPLETED)
        for ended in finished:
            desk = running.pop(ended)
            count, tasks.seconds = ended.result()
            give(desk)
            yield count
