"""Each named scenario against its controls: does it do what its name says?

A study runs a scenario and its controls on the same draws and compares what it is about, run by run. What is
expected is stated as claims, each with the number that decides it; the pages in docs/scenarios say why.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from enum import Enum
from importlib import import_module

import numpy as np

from hashcredit.experiments.scenarios.measures import Measure, series
from hashcredit.experiments.scenarios.named import NAMED
from hashcredit.experiments.scenarios.statistics import Samples, Statistic
from hashcredit.simulator.progress import OnProgress
from hashcredit.simulator.reports.statistics import Estimate, mean_estimate, paired_difference
from hashcredit.simulator.runs.engine import processors, record
from hashcredit.simulator.scenario.scenario import Scenario
from hashcredit.simulator.setup.prepare import Setup, prepare, with_seed

SCENARIO = "scenario"
"""The arm that is the scenario itself."""


class Change:
    """Makes an arm out of the scenario: fields that differ, with their values."""

    def __init__(self, changes: Mapping[str, object]) -> None:
        self.changes = dict(changes)

    @property
    def fields(self) -> tuple[str, ...]:
        """All that differs from the scenario."""
        return tuple(self.changes)

    def __call__(self, scenario: Scenario, samples: Samples) -> Scenario:
        """The arm; `samples` are those of the arms before it."""
        return scenario.with_changes(self.changes)


class HeldAtMean(Change):
    """Holds fields at the mean that the scenario itself has realised, over all weeks and runs."""

    def __init__(self, fields: Sequence[str], measure: str) -> None:
        super().__init__(dict.fromkeys(fields))
        self.measure = measure

    def __call__(self, scenario: Scenario, samples: Samples) -> Scenario:
        """The arm; the scenario's own runs say where."""
        mean = float(np.mean(samples[SCENARIO][self.measure]))
        return scenario.with_changes(dict.fromkeys(self.fields, mean))


@dataclass(frozen=True)
class Cell:
    """A number of the table: a measure's mean in an arm, or its paired difference from another arm.

    With `arm` empty it is the statistic of that name.
    """

    measure: str
    arm: str = ""
    less: str = ""


@dataclass(frozen=True)
class Table:
    """Measures down, arms and differences across."""

    columns: Mapping[str, tuple[str, str]]
    """Heading to (arm, arm that is taken off or nothing)."""
    measures: tuple[str, ...] = ()
    """Those of the study, all and in its order, if left out."""


def against(*controls: str) -> dict[str, tuple[str, str]]:
    """Columns of a table: the scenario's means, and its differences from controls."""
    return {"in the scenario": (SCENARIO, "")} | {f"less {words}": (SCENARIO, words) for words in controls}


class Sign(Enum):
    """Where the interval of a number has to lie for a claim to hold."""

    ABOVE = "above zero"
    BELOW = "below zero"
    NONE = "zero in the interval"


@dataclass(frozen=True)
class Claim:
    """Something that the mechanism lets expect, stated so that it can fail."""

    words: str
    cell: Cell
    sign: Sign = Sign.ABOVE

    def holds(self, found: Estimate) -> bool:
        """Whether the 95 % interval lies where it should."""
        if self.sign is Sign.ABOVE:
            return found.low > 0.0
        if self.sign is Sign.BELOW:
            return found.high < 0.0
        return found.low <= 0.0 <= found.high


@dataclass(frozen=True)
class ScenarioStudy:
    """What a named scenario is compared with, and in what."""

    scenario: str
    arms: Mapping[str, Change]
    """Controls and further arms by their words, each made from the scenario."""
    measures: Mapping[str, Measure]
    """Numbers of a run by their words, units included."""
    tables: tuple[Table, ...]
    claims: tuple[Claim, ...]
    """The first is what the name says."""
    pictures: Mapping[str, str]
    """Weekly series to draw: axis label, units included, to column."""
    drawn: tuple[str, ...]
    """Arms in the figure beside the scenario."""
    statistics: Mapping[str, Statistic] = field(default_factory=dict)
    runs: int = 300
    """In each arm, one on each of as many networks."""

    @property
    def question(self) -> str:
        """What the study asks."""
        return NAMED[self.scenario]

    def rows(self, table: Table) -> list[list[Cell]]:
        """The cells of a table."""
        names = table.measures or tuple(self.measures)
        return [[Cell(name, *column) for column in table.columns.values()] for name in names]

    def cells(self) -> list[Cell]:
        """Every number of the study, each once, statistics last."""
        listed = [cell for table in self.tables for row in self.rows(table) for cell in row]
        return list(dict.fromkeys([*listed, *(Cell(name) for name in self.statistics)]))


@dataclass(frozen=True)
class Outcome:
    """A study that has been run: samples by arm and measure, one number a run."""

    study: ScenarioStudy
    seed: int
    """Of the first run; each has a network of its own."""
    samples: Mapping[str, Mapping[str, np.ndarray]] = field(repr=False)
    series: Mapping[str, Mapping[str, np.ndarray]] = field(repr=False)
    """Series of the arms that are drawn, by arm and column, [run, week]."""

    def estimate(self, cell: Cell) -> Estimate:
        """A number of the study."""
        if not cell.arm:
            return self.study.statistics[cell.measure](self.samples)
        values = self.samples[cell.arm][cell.measure]
        if not cell.less:
            return mean_estimate(values)
        return paired_difference(values, self.samples[cell.less][cell.measure])

    def estimates(self) -> dict[Cell, Estimate]:
        """All numbers of the study."""
        return {cell: self.estimate(cell) for cell in self.study.cells()}


def study_of(name: str) -> ScenarioStudy:
    """The study of a named scenario."""
    studies: dict[str, ScenarioStudy] = {}
    for module in ("funding", "prices", "collateral", "boom", "debt"):
        studies |= import_module(f"hashcredit.experiments.scenarios.{module}").STUDIES
    return studies[name]


def run_study(
    study: ScenarioStudy,
    seed: int = 1,
    runs: int | None = None,
    progress: OnProgress | None = None,
) -> Outcome:
    """Run every arm of a study on the draws of replicate 0 of the seeds from `seed` on.

    Networks belong to the seed, so all runs of an arm are independent, and what is found is about no network
    in particular. To prepare one takes about as long as to run it once.
    """
    scenario = Scenario.load(study.scenario)
    count = runs or study.runs
    total = count * (1 + len(study.arms))
    samples: dict[str, dict[str, np.ndarray]] = {}
    drawn: dict[str, dict[str, np.ndarray]] = {}
    for place, arm in enumerate((SCENARIO, *study.arms)):
        variant = scenario if arm == SCENARIO else study.arms[arm](scenario, samples)
        columns = tuple(study.pictures.values()) if arm in (SCENARIO, *study.drawn) else ()
        told = _told(progress, place * count, total)
        samples[arm], rows = _run_arm(prepare(variant, seed), count, study.measures, columns, told)
        if columns:
            drawn[arm] = rows
    return Outcome(study, seed, samples, drawn)


def _told(progress: OnProgress | None, before: int, total: int) -> Callable[[int], None]:
    """Tell progress of an arm as progress of the study."""
    return lambda done: progress(before + done, total) if progress else None


def _run_arm(
    first: Setup,
    count: int,
    measures: Mapping[str, Measure],
    columns: Sequence[str],
    told: Callable[[int], None],
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Measures and series of a run of each of `count` seeds, from that of `first` on.

    Kernels release the GIL, results go to fixed places. A task draws its networks itself, so that no more of
    them are held than tasks are at work.
    """
    samples = {measure: np.empty(count) for measure in measures}
    weekly = {column: np.empty((count, first.scenario.horizon_weeks)) for column in columns}
    stop = threading.Event()

    def one(place: int) -> None:
        if stop.is_set():
            return
        run = record(with_seed(first, first.seed + place) if place else first, 0)
        for measure, of in measures.items():
            samples[measure][place] = of(run)
        for column, rows in weekly.items():
            rows[place] = series(run, column)

    with ThreadPoolExecutor(min(processors(), count)) as pool:
        tasks = [pool.submit(one, place) for place in range(count)]
        try:
            for done, task in enumerate(as_completed(tasks), start=1):
                task.result()
                told(done)
        except BaseException:
            stop.set()
            raise
    return samples, weekly
