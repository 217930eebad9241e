"""Appraisals and trades against what machines cost new, over all weeks of the packaged scenarios."""

import numpy as np
import pytest

from hashcredit.simulator import Scenario, simulate
from hashcredit.simulator.state.series import slug


@pytest.mark.parametrize("name", Scenario.names())
def test_nothing_on_sale_is_appraised_or_traded_above_its_installed_price(name: str) -> None:
    run = simulate(name, seed=3)
    opening = run.opening["machines"]
    weeks = run.series.index.to_numpy()
    looked_at = 0
    for place, machine in enumerate(run.setup.machine_names):
        row = run.setup.machines[place]
        most = row["price_new"] * (1 + 1e-12)
        on_sale = (row["launch_week"] <= weeks) & (weeks <= row["end_of_sale_week"])
        for column in ("appraisal", "fundamental", "price"):
            paid = run.series[f"{column}_usd_{slug(machine)}"].to_numpy()[on_sale] * 1e-6
            assert (paid <= most).all(), (machine, column)
        if row["launch_week"] <= 0 <= row["end_of_sale_week"]:
            assert opening.iloc[place][["appraisal", "income_value"]].max() <= most
        looked_at += int(np.count_nonzero(on_sale))
    assert looked_at > run.setup.scenario.horizon_weeks / 4
