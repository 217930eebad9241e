"""Each named scenario against its control: does it do what its name says?

A study runs a scenario and its controls on the same draws and compares what it is about, replicate by
replicate. Pages are in docs/scenarios.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from hashcredit.simulator.scenario import Scenario
from hashcredit.simulator.statistics import Estimate, mean_estimate, paired_difference

if TYPE_CHECKING:
    from hashcredit.simulator.results import Run

Measure = Callable[["Run"], float]
"""A number of a run; NaN where there is none."""


def scalar(name: str) -> Measure:
    """A scalar of the run's summary."""
    return lambda run: float(run.summary[name])


def mean_of(column: str) -> Measure:
    """Mean of a weekly series."""
    return lambda run: float(run.series[column].mean())


def end_of(column: str) -> Measure:
    """Last value of a weekly series."""
    return lambda run: float(run.series[column].iloc[-1])


def largest(column: str) -> Measure:
    """Largest value of a weekly series."""
    return lambda run: float(run.series[column].max())


def events_between(kind: str, first: int, last: int) -> Measure:
    """Number of events of a kind in weeks `first` to `last`, both included."""

    def count(run: "Run") -> float:
        events = run.events
        return float(((events["kind"] == kind) & events["week"].between(first, last)).sum())

    return count


@dataclass(frozen=True)
class ScenarioStudy:
    """What a named scenario is compared with, and in what."""

    scenario: str
    question: str
    controls: Mapping[str, Callable[[Scenario], Scenario]]
    """Each control by its words, made from the scenario."""
    measures: Mapping[str, Measure]
    """Numbers of a run by their words, units included."""
    pictures: Mapping[str, str]
    """Weekly series to draw: axis label, units included, to column."""
    replicates: int = 300


@dataclass(frozen=True)
class Outcome:
    """A study that has been run: samples by arm and measure, one number a replicate."""

    study: ScenarioStudy
    seed: int
    samples: Mapping[str, Mapping[str, np.ndarray]] = field(repr=False)
    series: Mapping[str, Mapping[str, np.ndarray]] = field(repr=False)
    """Series by arm and column, [replicate, week]."""

    def level(self, arm: str, measure: str) -> Estimate:
        """Mean of a measure in an arm."""
        return mean_estimate(self.samples[arm][measure])

    def difference(self, control: str, measure: str) -> Estimate:
        """The scenario less a control, paired."""
        return paired_difference(self.samples["scenario"][measure], self.samples[control][measure])

    def rows(self) -> list[dict[str, Any]]:
        """The table: one row a measure and control."""
        table = []
        for control in self.study.controls:
            for measure in self.study.measures:
                paired = self.difference(control, measure)
                table.append(
                    {
                        "measure": measure,
                        "control": control,
                        "scenario_mean": self.level("scenario", measure).mean,
                        "control_mean": self.level(control, measure).mean,
                        "difference": paired.mean,
                        "low": paired.low,
                        "high": paired.high,
                    }
                )
        return table


def run_study(study: ScenarioStudy, seed: int = 1, replicates: int | None = None) -> Outcome:
    """Run every arm of a study on the draws of (seed, 0 to replicates - 1)."""
    from hashcredit.simulator.engine import record
    from hashcredit.simulator.state import prepare

    scenario = Scenario.load(study.scenario)
    arms = {"scenario": scenario} | {words: make(scenario) for words, make in study.controls.items()}
    samples: dict[str, dict[str, np.ndarray]] = {}
    series: dict[str, dict[str, np.ndarray]] = {}
    count = replicates or study.replicates
    for arm, variant in arms.items():
        setup = prepare(variant, seed)
        weeks = scenario.horizon_weeks
        samples[arm] = {measure: np.empty(count) for measure in study.measures}
        series[arm] = {column: np.empty((count, weeks)) for column in study.pictures.values()}
        for replicate in range(count):
            run = record(setup, replicate)
            for measure, of in study.measures.items():
                samples[arm][measure][replicate] = of(run)
            for column, rows in series[arm].items():
                rows[replicate] = run.series[column]
    return Outcome(study, seed, samples, series)
