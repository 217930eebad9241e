"""Where the other replicates of a run are, week by week: what figures show as a band behind one run."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from hashcredit.simulator.reports.frames import series_frame
from hashcredit.simulator.reports.run import ManyRuns
from hashcredit.simulator.runs.engine import run_replicate
from hashcredit.simulator.setup.prepare import Setup, allocate

MOST_BAND_RUNS = 200
"""That many are run again with their series, to show where other replicates are."""

QUANTILES = (0.05, 0.5, 0.95)

COLUMNS = ("haircut", "lender_equity_musd", "alive_lenders", "pool_bnusd", "tightness", "cost_of_capital")
"""Columns of the series with a band; the appraisals of all machine types have one too."""


def runs_behind(many: ManyRuns) -> list[tuple[Setup, int]]:
    """Setup and replicate of the runs that a figure shows behind one run: the first ones of each seed."""
    setups, replicates = many.setups[:MOST_BAND_RUNS], many.outcomes.shape[1]
    each = min(replicates, MOST_BAND_RUNS // len(setups))
    return [(setup, replicate) for setup in setups for replicate in range(each)]


def ensemble(runs: Sequence[tuple[Setup, int]]) -> dict[str, Any]:
    """Fields of a `FigureSource`: quantiles over some runs of one scenario, those of a setup in a row.

    They are run again, since summaries have no weeks; nothing if there is only one. `ensemble` has for each
    column, and for "defaults" of all causes, an array [quantile, week], in the unit of the column.
    """
    if len(runs) < 2:
        return {}
    found: dict[str, list[np.ndarray]] = {}
    economy, at = None, None
    for setup, replicate in runs:
        if economy is None or setup is not at:
            economy, at = allocate(setup, series=True, events=0), setup
        run_replicate(economy, setup, replicate)
        series = series_frame(economy.series, setup.machine_names)
        for name in (*COLUMNS, *(name for name in series if name.startswith("appraisal_usd_"))):
            found.setdefault(name, []).append(series[name].to_numpy(dtype=np.float64, copy=True))
        causes = series.filter(like="defaults_").to_numpy(dtype=np.float64)
        found.setdefault("defaults", []).append(causes.sum(axis=1))
    bands = {name: np.quantile(np.array(rows), QUANTILES, axis=0) for name, rows in found.items()}
    return {"ensemble": bands, "ensemble_replicates": len(runs)}
