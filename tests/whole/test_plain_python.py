"""With compilation off the model is plain Python, for a debugger and coverage, and gives the same results."""

import json
import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from hashcredit.simulator import Scenario, simulate

SMALL = {
    "population.miners": 6,
    "population.neoclouds": 6,
    "population.banks": 2,
    "population.private_credit": 2,
    "population.bond_funds": 2,
    "population.operators": 3,
    "population.brokers": 2,
    "population.refurbishers": 1,
    "population.scrap_dealers": 1,
    # the pool is tested below: what it adds to volatilities is measured on sixteen runs of three years
    "funding.rule": "path",
}
CASES = {
    "a failing lender": {
        "horizon_weeks": 20,
        "credit.marked_share": 1.0,
        "credit.recourse_share": 0.5,
        "lenders.bank.equity_ratio": 0.08,
        "credit.btc_tenor_weeks": 6,
        "resolution.stay_low": 2,
        "resolution.stay_high": 4,
        "shocks.forced_default": {"week": 2, "machine": "H100", "units": 10000},
    },
    "growth": {
        "horizon_weeks": 20,
        "investment.decision_weeks": 2,
        "investment.lead_weeks": 3,
        "investment.hurdle": -0.5,
        "investment.buffer_weeks": 0.0,
        "compute.demand_growth": 1.0,
    },
    "what is rolled over": {
        "horizon_weeks": 20,
        "credit.balloon_share": 0.4,
        "credit.top_up": True,
        "credit.tenor_weeks": 30,
        "investment.decision_weeks": 2,
        "investment.lead_weeks": 3,
        "investment.buffer_weeks": 0.0,
        "compute.demand_growth": 1.0,
    },
}

RUN = """
import json, sys
from hashcredit.simulator import Scenario, simulate
run = simulate(Scenario.load().with_changes(json.loads(sys.argv[1])), seed=1, replicate=0)
run.events.to_json(sys.argv[2], orient="split", double_precision=15)
print(json.dumps(run.summary))
"""


def in_plain_python(changes, folder):
    """Summary and events of the same run in a process without compilation."""
    environment = os.environ | {"NUMBA_DISABLE_JIT": "1"}
    words = [sys.executable, "-c", RUN, json.dumps(changes), str(folder / "events.json")]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=True)
    return json.loads(done.stdout), pd.read_json(folder / "events.json", orient="split")


@pytest.mark.parametrize("case", CASES)
def test_the_same_results(case, tmp_path):
    changes = SMALL | CASES[case]
    compiled = simulate(Scenario.load().with_changes(changes), seed=1, replicate=0)
    summary, events = in_plain_python(changes, tmp_path)
    assert len(events) > 20
    assert events["kind"].tolist() == compiled.events["kind"].tolist()
    for column in ("week", "agent", "units", "parent"):
        assert events[column].tolist() == compiled.events[column].tolist()
    for name, value in compiled.summary.items():
        if not name.endswith("_residual"):  # rounding, and nothing else, is in these
            # powers of whole numbers are multiplied out in compiled code
            np.testing.assert_allclose(summary[name], value, rtol=1e-9, err_msg=name)
