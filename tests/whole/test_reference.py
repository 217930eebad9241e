"""The reference tables in results/reference are what this version gives."""

import numpy as np
import pandas as pd
import pytest
from repository import ROOT

from hashcredit.experiments.folder.summary import statistics_of
from hashcredit.simulator import simulate_many

REFERENCE = ROOT / "results" / "reference"

FLIPPED = 3.0 * np.sqrt(2.0 * 0.01)
"""Standard errors. On another kind of processor the last bit of an exponential may differ, and about one run
in a hundred takes another way. A mean of which a share s is drawn afresh moves by sqrt(2 s) of them."""


@pytest.mark.parametrize("name", ["baseline_2026", "dump_10k_h100"])
def test_reference_table(name):
    # After a change of the model that is meant: hashcredit run NAME --out DIR, which is 20 networks from seed
    # 1 on with 50 replicates each, and DIR/summary.csv takes the table's place in a commit that says why.
    expected = pd.read_csv(REFERENCE / f"{name}.csv").set_index("quantity")
    many = simulate_many(name, seeds=range(1, 21), replicates=50)
    for row in statistics_of(many.scalars, many.together, len(many.seeds)):
        if row.quantity in expected.index:
            before = expected.loc[row.quantity]
            tolerance = FLIPPED * np.nan_to_num(before["standard_error"]) + 1e-9 * abs(before["mean"])
            assert abs(row.estimate.mean - before["mean"]) <= tolerance, row.quantity
            assert before["networks"] == 20
