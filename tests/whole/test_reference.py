"""The reference tables in results/reference are what this version gives."""

import numpy as np
import pandas as pd
import pytest
from repository import ROOT

from hashcredit.experiments.folder.output import statistics_of
from hashcredit.simulator import simulate_many

REFERENCE = ROOT / "results" / "reference"


@pytest.mark.parametrize("name", ["baseline_2026", "dump_10k_h100"])
def test_reference_table(name):
    # After a change of the model that is meant: hashcredit run NAME --seed 1 --replicates 1000 --out DIR,
    # and DIR/summary.csv takes the table's place in a commit that says why.
    expected = pd.read_csv(REFERENCE / f"{name}.csv").set_index("quantity")
    found = statistics_of(simulate_many(name, seed=1, replicates=1000).summary)
    for row in found:
        if row.quantity in expected.index:
            # other processors may round the last digits of a run differently, not its mean to nine digits
            np.testing.assert_allclose(row.estimate.mean, expected.loc[row.quantity, "mean"], rtol=1e-9)
