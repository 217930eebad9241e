"""The summaries in results/reference are what this version gives, over all their runs."""

import pytest
from repository import ROOT

from hashcredit.experiments.commands.reproductions import REPLICATES, RUNS, SEEDS, kind_of
from hashcredit.experiments.folder.summary import statistics_csv, statistics_of
from hashcredit.experiments.support import references
from hashcredit.simulator import simulate_many

FOLDER = ROOT / references.FOLDER


@pytest.mark.parametrize("name", RUNS)
def test_reference_table(name):
    # After a change of the model that is meant: hashcredit reproduce NAME --refresh-reference, in a commit
    # that says why.
    form = kind_of(name).form
    stored = references.rows_of(references.place_of(name, FOLDER).read_text(), form)
    many = simulate_many(name, seeds=SEEDS, replicates=REPLICATES)
    table = statistics_csv(statistics_of(many.scalars, many.together, len(many.seeds)))
    draws = references.draws_of(name, False, FOLDER)
    assert references.compare(references.rows_of(table, form), stored, form, draws).drifts == ()
