"""Where the other replicates of a run are, week by week: what figures show as a band behind one run."""

from typing import Any

import numpy as np

from hashcredit.simulator.reports.frames import series_frame
from hashcredit.simulator.reports.run import Run
from hashcredit.simulator.runs.engine import run_replicate
from hashcredit.simulator.setup.prepare import allocate

QUANTILES = (0.05, 0.5, 0.95)

COLUMNS = ("haircut", "lender_equity_musd", "alive_lenders", "pool_bnusd", "tightness", "cost_of_capital")
"""Columns of the series with a band; the appraisals of all machine types have one too."""


def ensemble(run: Run, replicates: int) -> dict[str, Any]:
    """Fields of a `FigureSource`: quantiles over the first `replicates` of the scenario of a run.

    They are run again, since summaries have no weeks; nothing if there is only one. `ensemble` has for each
    column, and for "defaults" of all causes, an array [quantile, week], in the unit of the column.
    """
    if replicates < 2:
        return {}
    economy = allocate(run.setup, series=True, events=0)
    found: dict[str, list[np.ndarray]] = {}
    for replicate in range(replicates):
        run_replicate(economy, run.setup, replicate)
        series = series_frame(economy.series, run.setup.machine_names)
        for name in (*COLUMNS, *(name for name in series if name.startswith("appraisal_usd_"))):
            found.setdefault(name, []).append(series[name].to_numpy(dtype=np.float64, copy=True))
        causes = series.filter(like="defaults_").to_numpy(dtype=np.float64)
        found.setdefault("defaults", []).append(causes.sum(axis=1))
    bands = {name: np.quantile(np.array(rows), QUANTILES, axis=0) for name, rows in found.items()}
    return {"ensemble": bands, "ensemble_replicates": replicates}
