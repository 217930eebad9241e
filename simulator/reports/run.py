"""What a run gives back: tables, series, events and flows as DataFrames, built when first asked for."""

from dataclasses import asdict, dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from hashcredit.simulator.display import Facts, Shown, counted, seeds_in_words
from hashcredit.simulator.provenance import provenance
from hashcredit.simulator.reports import frames
from hashcredit.simulator.reports.headline import agents_of, headline, length_of, mean_headline
from hashcredit.simulator.reports.statistics import group_length
from hashcredit.simulator.setup.prepare import Setup
from hashcredit.simulator.state.economy import Economy
from hashcredit.simulator.state.outcomes import summarise

if TYPE_CHECKING:
    import networkx as nx
    import pandas as pd

MOST_SHOWN = 5
"""Scenarios of which many runs say their means when they are printed."""


@dataclass(frozen=True, repr=False)
class Run(Shown):
    """One replicate with everything recorded."""

    setup: Setup
    replicate: int
    economy: Economy
    before: Economy

    def _facts(self) -> Facts:
        scenario = self.setup.scenario
        title = f"Run of {scenario.name}, seed {self.setup.seed}, replicate {self.replicate}"
        facts = {"length": length_of(scenario), "agents": agents_of(scenario), **headline(self.summary)}
        events = int(self.economy.clock["events"][0])
        return title, {**facts, "tables": f"summary, series, events ({events:,}), opening, tables, flows"}

    @cached_property
    def summary(self) -> dict[str, Any]:
        """Scalars of the run; see `state.outcomes`."""
        return {key: value.item() for key, value in summarise(self.economy.outcomes[0]).items()}

    @cached_property
    def series(self) -> "pd.DataFrame":
        """Weekly closing values, index `week` 0 to horizon - 1."""
        return frames.series_frame(self.economy.series, self.setup.machine_names)

    @cached_property
    def events(self) -> "pd.DataFrame":
        """The event log, in the order in which things happened; `parent` is a row of it or -1.

        `agent` and `counterparty` are rows of their tables, `agent_name` and `counterparty_name` their names.
        """
        used = self.economy.clock["events"][0]
        names = frames.agent_names(self.economy)
        return frames.events_frame(self.economy.events[:used], self.setup.machine_names, names)

    @cached_property
    def loan_tape(self) -> "pd.DataFrame":
        """One row a loan that was ever owed, in the order of making: what it cost and brought its holders.

        Columns as in docs/observables.md, amounts in M$. `value` is what it brought less what was drawn of
        it, discounted at the policy rate, and `internal_spread` (1/yr) the spread over that rate at which
        both are equal: of loans that are over, NaN for the others, whose end is not known.
        """
        from hashcredit.simulator.reports.tape import tape_frame

        return tape_frame(self.economy, self.setup.machine_names)

    def contagion_tree(self) -> "nx.DiGraph":
        """Who failed because of whom, as a new graph; see `contagion_tree.contagion_tree`."""
        from hashcredit.simulator.reports.contagion_tree import contagion_tree

        return contagion_tree(self.events)

    @cached_property
    def opening(self) -> "dict[str, pd.DataFrame]":
        """Tables of agents, loans and machines before the first week."""
        return frames.table_frames(self.before, self.setup.machine_names)

    @cached_property
    def tables(self) -> "dict[str, pd.DataFrame]":
        """The same tables after the last week."""
        return frames.table_frames(self.economy, self.setup.machine_names)

    @cached_property
    def flows(self) -> "pd.DataFrame":
        """Transaction-flow matrix of the whole run, M$: receipts positive, rows and columns sum to zero."""
        return frames.flow_frame(self.before, self.economy)

    @cached_property
    def revaluations(self) -> "pd.DataFrame":
        """Changes of net worth without a payment by sector over the run, M$."""
        return frames.revaluation_frame(self.economy)

    @property
    def dates(self) -> list[date]:
        """Calendar date of each week's start."""
        start = self.setup.scenario.start_date
        return [start + timedelta(weeks=week) for week in range(self.setup.scenario.horizon_weeks)]

    @cached_property
    def provenance(self) -> dict[str, Any]:
        """What rebuilds the call: scenario, seed, replicate, code and versions."""
        return provenance(self.setup.scenario, self.setup.seed, self.replicate, rules=self.setup.rules.record)


@dataclass(frozen=True, repr=False)
class ManyRuns(Shown):
    """Closing scalars of many replicates, scenario by scenario, in each seed by seed."""

    setups: list[Setup]
    outcomes: np.ndarray  # OUTCOMES[scenario and seed, replicate]

    @property
    def seeds(self) -> list[int]:
        """Whose networks each scenario was run on."""
        return list(dict.fromkeys(setup.seed for setup in self.setups))

    @property
    def together(self) -> int:
        """Runs in a row that make one independent group: of several seeds a whole one (`group_length`)."""
        shared = self.setups[0].scenario.shocks.together
        return group_length(len(self.seeds), self.outcomes.shape[1], shared)

    def _facts(self) -> Facts:
        seeds, replicates = len(self.seeds), self.outcomes.shape[1]
        scenarios = len(self.setups) // seeds
        title = f"{counted(self.outcomes.size, 'run')}: {counted(replicates, 'replicate')} of each of "
        title += f"{counted(scenarios, 'scenario')}, {seeds_in_words(self.seeds)}"
        facts = {}
        for place in range(min(scenarios, MOST_SHOWN)):
            runs = self.outcomes[place * seeds : (place + 1) * seeds].reshape(-1)
            means = {name: float(np.mean(value)) for name, value in summarise(runs).items()}
            facts[self.setups[place * seeds].scenario.name] = f"mean of {mean_headline(means)}"
        if scenarios > MOST_SHOWN:
            facts["and"] = counted(scenarios - MOST_SHOWN, "more scenario", "more scenarios")
        return title, {**facts, "tables": "summary, one row a run; precise and variance_parts, by scalar"}

    @cached_property
    def scalars(self) -> dict[str, np.ndarray]:
        """The scalars alone, one value a run: what `summary` has in its columns, without pandas."""
        return {key: value.reshape(-1) for key, value in summarise(self.outcomes).items()}

    @cached_property
    def summary(self) -> "pd.DataFrame":
        """One row a run: scenario, seed, replicate and the scalars of `Run.summary`."""
        import pandas as pd

        setups, replicates = self.outcomes.shape
        columns: dict[str, Any] = {
            "scenario": np.repeat([setup.scenario.name for setup in self.setups], replicates),
            "seed": np.repeat(np.array([setup.seed for setup in self.setups], np.int64), replicates),
            "replicate": np.tile(np.arange(replicates), setups),
        }
        return pd.DataFrame(columns | self.scalars)

    @cached_property
    def precise(self) -> "pd.DataFrame":
        """One row a scenario and scalar: its mean, plain and adjusted by control variates (`precision`).

        Columns: scenario, scalar; n, mean, standard_error; adjusted_mean, adjusted_se and the 95 % interval
        low to high, from the same runs and what their exogenous draws came to; equivalent_runs, whose plain
        mean is as precise. The adjusted mean has no bias; NaN stands where a number cannot be told. Errors
        and intervals are over seeds; those of one seed alone are about its networks only.
        """
        import pandas as pd

        from hashcredit.simulator.reports.controls import controls_of
        from hashcredit.simulator.reports.precision import precise_estimates

        rows = []
        seeds, replicates = len(self.seeds), self.outcomes.shape[1]
        for first in range(0, len(self.setups), seeds):
            setups = self.setups[first : first + seeds]
            scalars = summarise(self.outcomes[first : first + seeds].reshape(-1))
            controls, scenario = controls_of(setups, replicates), setups[0].scenario
            found = precise_estimates(
                list(scalars.values()), controls, together=scenario.shocks.together, seeds=seeds
            )
            names = [{"scenario": scenario.name, "scalar": key} for key in scalars]
            rows += [name | asdict(each) for name, each in zip(names, found, strict=True)]
        return pd.DataFrame(rows)

    @cached_property
    def variance_parts(self) -> "pd.DataFrame":
        """One row a scenario, scalar and part of its variance: path, network, rest (`variance`).

        Columns: scenario, scalar, part; variance, in the squared unit of the scalar; share of the total, with
        its 95 % interval low to high, over seeds. `path` is what was drawn for BTC and rents, `network` what
        the seed decides; NaN stands where some run has no value. ScenarioError unless there are three seeds
        with two replicates each, drawn one by one.
        """
        import pandas as pd

        from hashcredit.simulator.reports.controls import controls_of
        from hashcredit.simulator.reports.variance import check_sample, variance_parts

        seeds, replicates = len(self.seeds), self.outcomes.shape[1]
        for setup in self.setups[::seeds]:
            check_sample(seeds, replicates, setup.scenario.shocks.antithetic)
        rows = []
        for first in range(0, len(self.setups), seeds):
            setups = self.setups[first : first + seeds]
            scenario = setups[0].scenario
            scalars = summarise(self.outcomes[first : first + seeds].reshape(-1))
            parts = variance_parts(list(scalars.values()), controls_of(setups, replicates), seeds)
            for name, found in zip(scalars, parts, strict=True):
                rows += [{"scenario": scenario.name, "scalar": name} | asdict(each) for each in found]
        return pd.DataFrame(rows)
