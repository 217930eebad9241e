"""The variance of quantities at the points of a study, split by where it comes from.

What was drawn for prices is worked out again from seeds and replicates alone, without a market: see
`hashcredit.simulator.reports.variance` for what the parts are, and how they are told.
"""

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from hashcredit.experiments.folder.scenario_files import SCENARIO_FILE
from hashcredit.experiments.results.averages import Quantities, values_of
from hashcredit.experiments.results.cells import Cells
from hashcredit.experiments.results.kept import KeptRuns, ResultsError
from hashcredit.experiments.store.plan import changes_of
from hashcredit.simulator.reports.controls import controls_of
from hashcredit.simulator.reports.statistics import LEVEL
from hashcredit.simulator.reports.variance import check_sample
from hashcredit.simulator.reports.variance import variance_parts as parts_of
from hashcredit.simulator.scenario.scenario import Scenario
from hashcredit.simulator.setup.prepare import prepare

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("quantity", "unit", "networks", "n", "part", "variance", "share", "low", "high")


def variance_parts(
    results: KeptRuns, quantities: Quantities | None = None, level: float = LEVEL
) -> "pd.DataFrame":
    """One row a point, quantity and part of its variance: path, network, rest.

    Parameters
    ----------
    results : KeptRuns
        Of a study with three seeds or more, and two replicates of each.
    quantities : names of scalars, or functions by name, optional
        As `averages.statistics` has them; of a boolean the variance of 0 and 1.
    level : float
        Coverage of the intervals of the shares, which are a jackknife over seeds.

    Returns
    -------
    DataFrame
        The factors, quantity, unit, networks (seeds), n (runs of the point), part, variance (in the squared
        unit), share of the total, low and high. NaN where some run of the point has failed, is missing or has
        no value: the parts need them all.

    Raises ScenarioError where seeds or replicates are too few.
    """
    import pandas as pd

    if not 0.0 < level < 1.0:
        raise ResultsError("level", level, "a coverage between 0 and 1")
    check_sample(results.seeds, results.replicates, antithetic=False)  # no study has such replicates
    cells = Cells(results)
    columns = [(name, unit, cells.fill(values)) for name, unit, _, values in values_of(results, quantities)]
    rows: list[list[Any]] = []
    for place in range(cells.shape[0]):
        samples = [values[place] for _, _, values in columns]
        found = parts_of(samples, _controls(results, place), results.seeds, level)
        factors = [cells.points[name].iat[place] for name in results.factors]
        for (name, unit, values), parts in zip(columns, found, strict=True):
            size = [results.seeds, int(np.isfinite(values[place]).sum())]
            rows += [[*factors, name, unit, *size, *asdict(part).values()] for part in parts]
    return pd.DataFrame(rows, columns=[*results.factors, *COLUMNS])


def _controls(results: KeptRuns, place: int) -> np.ndarray:
    """What was drawn for prices in the runs of the point in this place, seed by seed [run, control]."""
    plan, size = results.store.plan, results.runs_of_a_point
    rows = plan.rows(place * size, (place + 1) * size)
    row = rows.slice(0, 1).to_pylist()[0]
    base = results.store.checked_scenario(row["scenario"], row["scenario_digest"])
    scenario = Scenario.load(base / SCENARIO_FILE).with_changes(changes_of(row, plan.kinds))
    first = prepare(scenario, row["seed"])
    seeds = rows["seed"].to_pylist()[:: results.replicates]
    # networks have no part in what is drawn for prices: those of the first seed will do
    setups = [replace(first, seed=seed) for seed in seeds]
    return controls_of(setups, results.replicates)
