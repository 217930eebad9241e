"""Three values of the collateral of whole runs: identities, bits, intervals, refusals, the command."""

import json
import threading
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from small_economy import CASCADE, SMALL

from hashcredit.experiments import collateral_values
from hashcredit.experiments.commands.cli import main
from hashcredit.experiments.figures.style import house_style
from hashcredit.experiments.measures.collateral_figure import draw
from hashcredit.experiments.measures.collateral_values import SHARES, VALUES, _look_at
from hashcredit.experiments.measures.tables import format_collateral
from hashcredit.simulator import simulate
from hashcredit.simulator.errors import ScenarioError
from hashcredit.simulator.runs.blocks import Block
from hashcredit.simulator.runs.engine import run_replicate
from hashcredit.simulator.setup.prepare import allocate, prepare
from hashcredit.simulator.state.arrays import STATE

SEEDS = (3, 1, 8)
QUIET = SMALL.with_changes({"shocks.forced_default": None, "horizon_weeks": 1})
SHORT = CASCADE.with_changes({"horizon_weeks": 14})


@pytest.fixture(scope="module")
def found():
    return collateral_values(SHORT, SEEDS, 2, every=13, curve_week=13, threads=2, progress=False)


def test_paper_value_is_that_of_the_table_of_loans(found):
    """Week 13 is the last, so plain runs end with it."""
    debts, papers = [], []
    for seed in SEEDS:
        for replicate in range(2):
            tables = simulate(SHORT, seed, replicate).tables
            loans, appraisal = tables["loans"], tables["machines"].set_index("name")["appraisal"]
            units = loans["units"] + loans["seized"]
            there = loans["status"].isin(["performing", "defaulted"]) & (units > 0)
            own = loans[there & (loans["machine"] != "") & (loans["principal"] > 0.0)]
            prices = appraisal.loc[own["machine"]].to_numpy()
            debts.append(own["principal"].sum())
            papers.append((units[own.index] * prices).sum())
    row = found.table.query("week == 13 and level == 'total'").iloc[0]
    assert row["debt_musd"] == pytest.approx(np.mean(debts), rel=1e-12)
    assert row["paper_ltv"] == pytest.approx(np.sum(debts) / np.sum(papers), rel=1e-12)


def test_looking_leaves_the_run_as_it_is(monkeypatch):
    """After looks in four of its weeks a run has the bits of one that nobody looked at."""
    setup = prepare(SHORT, 3)
    plain = allocate(setup, series=False, events=0)
    run_replicate(plain, setup, 1)
    seen = []
    monkeypatch.setattr(
        "hashcredit.experiments.measures.collateral_values.allocate",
        lambda *given, **more: seen.append(allocate(*given, **more)) or seen[-1],
    )
    _look_at((0, 4, 8, 13), 6, Block(setup, 0, range(1, 2)), threading.Event())
    assert [getattr(seen[0], name).tobytes() for name in STATE] == [
        getattr(plain, name).tobytes() for name in STATE
    ]


def test_one_unit_fetches_at_least_what_each_of_many_does(found):
    table, curve = found.table, found.curve
    assert (table["market_musd"] >= table["liquidation_musd"] - 1e-9).all()
    own = table[table["debt_musd"] > 0.0]
    assert (own["liquidation_ltv"] >= own["market_ltv"] - 1e-9).all()
    assert (own["liquidation_ltv"] > own["market_ltv"] + 0.01).any()  # sales do move prices
    best = curve[curve["share"] == 0.0].set_index("machine")["price_to_appraisal"]
    assert (curve["price_to_appraisal"] <= best.loc[curve["machine"]].to_numpy() + 1e-9).all()
    assert curve.groupby("machine").size().eq(1 + len(SHARES)).all()


def test_levels_add_up(found):
    """Debt, units, appraisal and best bids are sums over lenders; what all sold at once fetches is none."""
    for _, week in found.table.groupby("week"):
        by_level = week.groupby("level")[["debt_musd", "units", "paper_musd", "market_musd"]].sum()
        for level in ("alone", "tier", "lender"):
            np.testing.assert_allclose(by_level.loc[level], by_level.loc["total"], rtol=1e-12)
        alone = week.set_index("level")["liquidation_musd"]
        assert alone["alone"] == pytest.approx(alone[["lender"]].sum(), rel=1e-12)


def test_intervals_are_over_seeds(found):
    """Ratio of means over three seeds; 4.302653 is Student's t with 2 degrees."""
    alone = [collateral_values(SHORT, [seed], 2, every=13, progress=False).table for seed in SEEDS]
    debt, value = (np.array([each[name] for each in alone]) for name in ("debt_musd", "liquidation_musd"))
    ratio = debt.sum(axis=0) / value.sum(axis=0)
    np.testing.assert_allclose(found.table["liquidation_ltv"], ratio, rtol=1e-12)
    spread = np.sqrt(np.square(debt - ratio * value).sum(axis=0) / 2.0)
    reach = 4.302653 * spread / np.sqrt(3.0) / value.mean(axis=0)
    high = found.table["liquidation_ltv_high"] - found.table["liquidation_ltv"]
    np.testing.assert_allclose(high, reach, rtol=1e-6, atol=1e-9)


def test_nobody_who_lends_against_machines_has_no_ratio():
    """Eleven borrowers know two of 42 lenders each."""
    many = QUIET.with_changes({"population.banks": 40})
    table = collateral_values(many, [1], 1, progress=False).table
    idle = table[(table["level"] == "lender") & (table["debt_musd"] == 0.0)]
    assert 0 < len(idle) < 42
    assert idle[[f"{value}_ltv" for value in VALUES]].isna().all(axis=None)
    assert (idle[["units", "paper_musd", "market_musd", "liquidation_musd"]] == 0.0).all(axis=None)


def test_without_machine_loans_nothing_is_told_and_all_can_be_shown(found):
    empty = {name: np.zeros_like(getattr(found, name)) for name in ("sums", "curve_sums")}
    none = replace(found, **empty)
    assert none.table[[f"{value}_ltv" for value in VALUES]].isna().all(axis=None) and none.curve.empty
    assert "week 13" in format_collateral(none) and "nan" not in format_collateral(none)
    with house_style():
        assert len(draw(none).axes) == 2


def test_what_is_worth_nothing_has_an_infinite_ratio():
    """Nobody buys used machines where there is no outsider and peers know no lender."""
    nobody = QUIET.with_changes(
        {"population.operators": 0, "population.scrap_dealers": 0, "population.brokers": 0,
         "population.refurbishers": 0, "networks.trade_degree_peers": 0}
    )  # fmt: skip
    table = collateral_values(nobody, [1], 1, progress=False).table
    assert np.isinf(table.query("level == 'total'")["liquidation_ltv"]).all()


def test_threads_change_nothing(found):
    one = collateral_values(SHORT, SEEDS, 2, every=13, curve_week=13, threads=1, progress=False)
    pd.testing.assert_frame_equal(one.table, found.table, check_exact=True)
    pd.testing.assert_frame_equal(one.curve, found.curve, check_exact=True)


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"every": 0}, "every"),
        ({"every": 2.5}, "every"),
        ({"curve_week": 14}, "curve_week: 14 is not allowed"),
        ({"curve_week": -1}, "curve_week"),
        ({"seeds": []}, "seeds"),
        ({"replicates": 0}, "replicates"),
    ],
)
def test_bad_input_is_named(given, named):
    with pytest.raises(ScenarioError, match=named):
        collateral_values(SHORT, **given)


def test_it_says_what_it_is_in_80_columns(found):
    assert "3 seeds from 3, 2 replicates each" in repr(found)
    assert "table, curve" in repr(found)
    text = format_collateral(found)
    assert max(map(len, text.splitlines())) <= 80
    assert "private credit" in text and "week 13" in text and "units of all" in text


def test_the_command_writes_tables_figure_and_provenance(tmp_path, capsys):
    out = tmp_path / "values"
    small = [f"--set={each}" for each in ("horizon_weeks=3", "population.miners=6", "population.neoclouds=5")]
    command = ["collateral", *small, "--seeds", "2", "--replicates", "1", "--threads", "1"]
    assert main([*command, "--every", "2", "--curve-week", "1", "--out", str(out), "--quiet"]) == 0
    names = {path.name for path in out.iterdir()}
    assert {"values.csv", "curve.csv", "collateral.png", "collateral.pdf", "provenance.json"} <= names
    assert pd.read_csv(out / "values.csv")["week"].unique().tolist() == [0, 2]
    assert json.loads((out / "provenance.json").read_text())["seeds"] == [1, 2]
    assert "all sold at once" in capsys.readouterr().out


def test_the_command_refuses_a_week_after_the_end(tmp_path, capsys):
    command = ["collateral", "--set", "horizon_weeks=3", "--curve-week", "3", "--out", str(tmp_path / "none")]
    assert main([*command, "--quiet"]) == 2
    assert "curve_week: 3 is not allowed" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()
