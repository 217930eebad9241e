"""Invented results to draw, and what is written in a figure."""

from datetime import date

import matplotlib as mpl
import numpy as np
import pandas as pd
from forests import make_opening, make_tree

from hashcredit.agents.dimensions import Cause
from hashcredit.experiments.figures.source import FigureSource

NO_DEFAULT = (Cause.NONE, Cause.HAND_BACK)
"""A facility is handed back; its borrower does not fail by it."""
MACHINES = {"H100": "gpu", "Rubin Ultra": "gpu", "S21": "asic"}


def make_source(weeks=60, replicates=40, quiet=False):
    """Results as a run leaves them; `quiet`: nobody defaults and nothing is seized."""
    rng = np.random.default_rng(7)
    series = pd.DataFrame(index=pd.RangeIndex(weeks, name="week"))
    for cause in Cause:
        if cause not in NO_DEFAULT:
            # one default of each cause, in weeks 8, 16, ... (cumulative)
            happened = np.arange(weeks) >= 8 * cause
            series[f"defaults_{cause.name.lower()}"] = 0 if quiet else happened.astype(np.int64)
    for number, name in enumerate(MACHINES):
        slug = name.lower().replace(" ", "_")
        value = 1000.0 * (number + 1) * np.exp(rng.normal(0, 0.1, weeks))
        series[f"fundamental_usd_{slug}"] = value
        series[f"appraisal_usd_{slug}"] = value * 1.1
        series[f"price_usd_{slug}"] = value * 0.7
        series[f"units_traded_{slug}"] = rng.integers(0, 3, weeks)
    miners = np.zeros(replicates, np.int64) if quiet else rng.poisson(4, replicates)
    neoclouds = np.zeros(replicates, np.int64) if quiet else rng.poisson(60, replicates)
    paper = (miners + neoclouds) * 10.0
    nothing = np.full(replicates, np.nan)
    series["tightness"] = series["tightness_exogenous"] = 0.2 + 0.1 * rng.random(weeks)
    series["policy_rate"], series["cost_of_capital"] = 0.04, 0.06 + 0.01 * rng.random(weeks)
    series["pool_bnusd"] = 0.0 if quiet else 1000.0 + rng.normal(0, 9.0, weeks)
    for column in ("water_bnusd_yr", "drain_bnusd_yr"):
        series[column] = 0.0 if quiet else 700.0 + rng.normal(0, 99.0, weeks)
    series["btc_price_usd"] = 5e4 * np.exp(rng.normal(0, 0.1, weeks))
    for column in ("software_equity", "memory_equity", "hedge_fund_units", "sovereign_bonds"):
        series[column] = np.exp(rng.normal(0, 0.1, weeks))
    series["haircut"] = 0.2 + 0.1 * rng.random(weeks)
    series["appraisal_volatility"], series["unsold_share"] = 0.1 * rng.random(weeks), rng.random(weeks)
    series["repo_musd"], series["repo_room_musd"] = 900.0 + rng.normal(0, 9.0, weeks), 100.0
    for column in ("repo_unmet_musd", "standing_facility_musd"):
        series[column] = 0.0 if quiet else np.maximum(0.0, rng.normal(0, 50.0, weeks))
    series["lender_equity_musd"] = 3000.0 + rng.normal(0, 9.0, weeks)
    series["allowance_musd"] = 0.0 if quiet else 90.0
    series["alive_lenders"] = 5 if quiet else np.maximum(1, 5 - np.arange(weeks) // 20)
    failures = np.zeros(replicates, np.int64) if quiet else rng.poisson(2, replicates)
    summary = pd.DataFrame(
        {
            "scenario": "invented",
            "replicate": np.arange(replicates),
            "defaults": miners + neoclouds,
            "defaults_miners": miners,
            "defaults_neoclouds": neoclouds,
            "lender_failures": failures,
            "repo_calls": failures,
            "interlender_loss_musd": failures * 10.0,
            "paper_sold_musd": paper,
            "proceeds_musd": paper * 0.4,
            "recovery_rate": nothing if quiet else rng.uniform(0.2, 0.9, replicates),
        }
    )
    opening = make_opening(miners=8, neoclouds=12, lenders=5)
    tree = make_tree(opening, failures=0 if quiet else 9, weeks=weeks)
    bands = {"btc": np.full((3, weeks), 5e4), "memory": np.ones((3, weeks))}
    pool = {"durations": {"btc": 15.0, "memory": 4.0}, "btc_opening": 5e4, "band_replicates": replicates}
    pool["bands"] = {} if quiet else bands
    if replicates > 1:
        columns = (
            "haircut",
            "lender_equity_musd",
            "alive_lenders",
            "pool_bnusd",
            "tightness",
            "cost_of_capital",
        )
        spread = np.array([[0.9], [1.0], [1.1]])
        ensemble = {name: spread * series[name].to_numpy(dtype=float) for name in columns}
        ensemble["defaults"] = spread * series.filter(like="defaults_").sum(axis=1).to_numpy(dtype=float)
        ensemble["appraisal_usd_s21"] = spread * series["appraisal_usd_s21"].to_numpy()
        pool |= {"ensemble": ensemble, "ensemble_replicates": replicates}
    return FigureSource(
        "invented", 3, 0, date(2026, 4, 6), series, dict(MACHINES), opening, tree, summary, **pool
    )


def texts(figure):
    """Everything that is written in a figure, its axes and its legends."""
    found = [text.get_text() for text in figure.findobj(mpl.text.Text)]
    return "\n".join(found)
