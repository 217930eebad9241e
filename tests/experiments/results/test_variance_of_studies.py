"""Parts of the variance at the points of a study: those of `simulate_many` on the same runs."""

import io

import numpy as np
import pandas as pd
import pytest
from stores import RULE, chunks, fail_rows, make_store, rewrite

from hashcredit.experiments import Results
from hashcredit.experiments.commands.cli import main
from hashcredit.experiments.results.kept import ResultsError
from hashcredit.simulator import Scenario, simulate_many
from hashcredit.simulator.errors import ScenarioError
from hashcredit.simulator.reports.variance import PARTS

OF = ["units_dumped", "creditor_loss_musd"]
NUMBERS = ["variance", "share", "low", "high"]


@pytest.fixture(scope="module", params=[True, False], ids=["common draws", "own draws"])
def stored(request, tmp_path_factory):
    """Four points on four networks with five replicates each: the controls are two."""
    changes = {"seeds": 4, "replicates": 5, "common_random_numbers": request.param}
    return make_store(tmp_path_factory.mktemp("variance") / "store", changes, chunk=None)


def test_parts_at_a_point_are_those_of_its_runs(stored):
    results = Results.open(stored)
    table = results.variance_parts(OF)
    assert len(table) == 4 * len(OF) * len(PARTS)
    assert (table["networks"] == 4).all() and (table["n"] == 20).all()
    for point, row in results.points.iterrows():
        scenario = Scenario.load().with_changes({name: row[name] for name in results.factors})
        seeds = results.runs[results.runs["point"] == point]["seed"].drop_duplicates().tolist()
        expected = simulate_many(scenario, seeds=seeds, replicates=5, progress=False).variance_parts
        mine = table
        for name in results.factors:
            mine = mine[mine[name] == row[name]]
        for name in OF:
            here, there = mine[mine["quantity"] == name], expected[expected["scalar"] == name]
            assert here["part"].tolist() == there["part"].tolist() == list(PARTS)
            # to rounding: a regression on the same runs, of fewer scalars at a time
            np.testing.assert_allclose(here[NUMBERS].to_numpy(), there[NUMBERS].to_numpy(), rtol=1e-9)
    assert set(table["unit"]) == {"units", "M$"}


def test_a_function_and_another_level(stored):
    results = Results.open(stored)
    any_loss = {"any": lambda runs: runs["creditor_loss_musd"] > 0.0}
    wide, narrow = (results.variance_parts(any_loss, level=level) for level in (0.99, 0.5))
    told = wide["share"].notna()
    assert ((wide["high"] - wide["low"])[told] > (narrow["high"] - narrow["low"])[told]).all() and told.any()
    with pytest.raises(ResultsError, match="level: 1"):
        results.variance_parts(any_loss, level=1.0)
    with pytest.raises(ResultsError, match="nothing_like_it"):
        results.variance_parts(["nothing_like_it"])


def test_a_point_with_a_failed_run_has_no_parts(tmp_path):
    folder = make_store(tmp_path / "store", {"seeds": 3, "replicates": 2}, chunk=6)
    rewrite(chunks(folder)[0], lambda table: fail_rows(table, 1))
    table = Results.open(folder).variance_parts(["creditor_loss_musd"])
    few = table["n"] < 6
    assert few.sum() == len(PARTS) and table.loc[few, NUMBERS].isna().all(axis=None)
    assert table.loc[~few, "variance"].notna().all()


def test_too_few_to_tell_are_refused(tmp_path, capsys):
    for changes, said in (({"seeds": 2}, "seeds: 2"), ({"seeds": 3, "replicates": 1}, "replicates: 1")):
        folder = make_store(tmp_path / f"few{len(changes)}", changes)
        with pytest.raises(ScenarioError, match=said):
            Results.open(folder).variance_parts()
        assert main(["variance", str(folder)]) == 2
        assert said in capsys.readouterr().err


def test_the_command_prints_or_writes(stored, tmp_path, capsys):
    expected = Results.open(stored).variance_parts(OF, level=0.9)
    command = ["variance", str(stored), "--of", *OF, "--level", "0.9"]
    assert main(command) == 0
    printed = capsys.readouterr().out
    pd.testing.assert_frame_equal(pd.read_csv(io.StringIO(printed)), expected, check_dtype=False)
    assert main([*command, "--out", str(tmp_path / "v.csv")]) == 0
    assert (tmp_path / "v.csv").read_text() == printed
    assert main([*command, "--out", str(tmp_path / "v.csv")]) == 2, "there already"
    assert main(["variance", str(stored), "--level", "2"]) == 2
    assert "--level: 2.0" in capsys.readouterr().err
    assert RULE in printed
