"""What would have prevented a failure, against reruns made by hand."""

import json
from functools import cache

import numpy as np
import pandas as pd
import pytest
from kept_by_hand import kept_by_hand
from small_economy import CASCADE

from hashcredit.experiments import explain_failure
from hashcredit.experiments.commands.cli import main
from hashcredit.experiments.figures.style import house_style
from hashcredit.experiments.measures.explanation_figure import draw
from hashcredit.experiments.measures.shocks import without_each_shock
from hashcredit.experiments.measures.tables import format_explanation
from hashcredit.simulator import Scenario, simulate
from hashcredit.simulator.channels import CHANNELS
from hashcredit.simulator.errors import ScenarioError
from hashcredit.simulator.reports.contagion_tree import earlier_failures

SEED = 2
BY_HAND = {("channel", name): {f"channels.{name}": False} for name in CHANNELS} | {
    ("shock", "btc"): {"shocks.btc_volatility": 0.0, "shocks.jump_intensity": 0.0},
    ("shock", "rents"): {"shocks.rent_volatility": 0.0},
    ("shock", "machine_rents"): {"shocks.machine_rent_volatility": 0.0},
    ("shock", "assets"): {"assets.volatility": (0.0, 0.0, 0.0, 0.0)},
    ("shock", "forced_default"): {"shocks.forced_default": None},
    ("shock", "intervention-0"): {"interventions": ()},
}
"""What is left out, as a change that one would write by hand."""


def ten_failures():
    """Replicate and name of ten failures of all kinds, those with an earlier one in their log first."""
    found = []
    for replicate in (2, 4):
        tree = simulate(CASCADE, SEED, replicate).contagion_tree()
        found += [(len(earlier_failures(tree, name)), replicate, name) for name in tree]
    return [(replicate, name) for _, replicate, name in sorted(found, key=lambda one: -one[0])[:10]]


TEN = ten_failures()
QUICK = [(2, "bank-3"), (2, "neocloud-8")]
"""The one is reached through another failure, the other is imposed; all ten take a minute."""


@cache
def explained(replicate, name):
    return explain_failure(CASCADE, name, SEED, replicate, progress=False)


@cache
def kept(replicate, name):
    return kept_by_hand(CASCADE, name, SEED, replicate)


def week_of_failure(events, name):
    failed = events[events["kind"].isin(["default", "lender_failure"]) & (events["agent_name"] == name)]
    return None if failed.empty else int(failed["week"].iloc[0])


def answer(week, own):
    if week is None:
        return "prevented"
    return "unchanged" if week == own else "delayed" if week > own else "earlier"


@pytest.fixture(scope="module")
def by_hand():
    """Plain reruns by replicate and what is left out, made when first asked for."""
    changes = {("nothing", ""): {}, **BY_HAND}
    return cache(lambda replicate, *key: simulate(CASCADE.with_changes(changes[key]), SEED, replicate))


def test_the_ten_differ():
    """Some have a chain, and something was imposed; otherwise this would not say much."""
    trees = {replicate: simulate(CASCADE, SEED, replicate).contagion_tree() for replicate, _ in TEN}
    chains = [earlier_failures(trees[replicate], name) for replicate, name in TEN]
    kinds = {trees[replicate].nodes[name]["agent_kind"] for replicate, name in TEN}
    assert max(map(len, chains)) >= 2 and sum(map(bool, chains)) >= 3 and len(kinds) >= 2


@pytest.mark.parametrize(("replicate", "name"), QUICK)
def test_it_agrees_with_reruns_by_hand(replicate, name, by_hand):
    assert_agrees(replicate, name, by_hand)


@pytest.mark.papers
@pytest.mark.parametrize(("replicate", "name"), TEN)
def test_it_agrees_with_reruns_of_ten_failures(replicate, name, by_hand):
    assert_agrees(replicate, name, by_hand)


def assert_agrees(replicate, name, by_hand):
    """Channels and shocks against `simulate` with a change, earlier failures against the Mesa face."""
    found = explained(replicate, name)
    own = week_of_failure(by_hand(replicate, "nothing", "").events, name)
    assert found.week == own
    table = found.table.set_index(["left_out", "without"])
    plain = table[table.index.get_level_values("left_out") != "failure"]
    assert set(plain.index) == set(BY_HAND)
    for key, row in plain.iterrows():
        rerun = by_hand(replicate, *key)
        week = week_of_failure(rerun.events, name)
        assert row["answer"] == answer(week, own), key
        assert (None if pd.isna(row["week"]) else row["week"]) == week, key
        assert pd.isna(row["weeks"]) if week is None else row["weeks"] == week - own
        assert row["defaults"] == rerun.summary["defaults"]
        assert row["lender_failures"] == rerun.summary["lender_failures"]
    assert found.chain == earlier_failures(by_hand(replicate, "nothing", "").contagion_tree(), name)
    for earlier in found.chain:
        row = table.loc[("failure", earlier)]
        if found.tree.nodes[earlier]["channel"] == "exogenous":
            assert row["answer"] == "imposed" and pd.isna(row["week"])
            continue
        model, support = kept(replicate, earlier)
        week = week_of_failure(model.events, name)
        assert row["answer"] == answer(week, own)
        assert row["support_musd"] == sum(support.values()) > 0.0
        assert row["defaults"] == model.summary["defaults"]


def test_answers_of_all_kinds_occur():
    answers = set(pd.concat(explained(*one).table for one in [*QUICK, TEN[0]])["answer"])
    assert {"prevented", "unchanged"} < answers


def test_shocks_are_those_that_a_scenario_has():
    baseline = Scenario.load()
    assert [s.name for s in without_each_shock(baseline)] == ["btc", "rents", "machine_rents", "assets"]
    fed = baseline.with_changes(
        {"shocks.rent_path": ((0, 2.0), (10, 1.0)), "shocks.machine_rent_volatility": 0.0}
    )
    shocks = {s.name: s.without for s in without_each_shock(fed)}
    assert set(shocks) == {"btc", "rents", "assets"}
    assert shocks["rents"].shocks.rent_path == () and shocks["rents"].shocks.rent_volatility == 0.0
    assert shocks["btc"].shocks.rent_path == fed.shocks.rent_path
    two = CASCADE.with_changes({"interventions": [
        {"week": 8, "field": "credit.policy_rate", "value": 0.08},
        {"week": 9, "field": "channels.repo", "value": False},
    ]})  # fmt: skip
    left = {s.name: s.without.interventions for s in without_each_shock(two)}
    assert left["intervention-0"] == two.interventions[1:] and left["intervention-1"] == two.interventions[:1]


def test_prices_without_a_shock_are_what_is_expected_of_them():
    """BTC with no drift and no pool that moves it stays where it is; rents of types are the index."""
    flat = CASCADE.with_changes(
        {"funding.rule": "path", "channels.macro_funding": False, "shocks.btc_drift": 0.0}
    )
    shocks = {shock.name: shock.without for shock in without_each_shock(flat)}
    btc = simulate(shocks["btc"], SEED).series["btc_price_usd"]
    np.testing.assert_allclose(btc, flat.shocks.btc_price0, rtol=1e-12)
    assert (simulate(shocks["machine_rents"], SEED).tables["machines"]["idiosyncratic"] == 0.0).all()


def test_only_what_a_scenario_has_is_left_out():
    still = {change: value for changes in BY_HAND.values() for change, value in changes.items()}
    still |= {"shocks.forced_default": {"week": 3, "machine": "H100", "units": 500}, "horizon_weeks": 6}
    scenario = CASCADE.with_changes(still)
    name = next(iter(simulate(scenario, SEED).contagion_tree()))
    found = explain_failure(scenario, name, SEED, progress=False)
    assert found.table["without"].tolist() == ["forced_default"]
    assert found.table["answer"].tolist() == ["prevented"]


def test_an_agent_that_did_not_fail_is_refused_with_those_that_did(capsys, tmp_path):
    failed = list(simulate(CASCADE, SEED, 2).contagion_tree())
    with pytest.raises(ScenarioError, match="no such borrower or lender") as error:
        explain_failure(CASCADE, "miner-99", SEED, 2)
    assert str(error.value).endswith(": " + ", ".join(failed))
    spared = next(f"miner-{n}" for n in range(12) if f"miner-{n}" not in failed)
    with pytest.raises(ScenarioError, match="it did not fail"):
        explain_failure(CASCADE, spared, SEED, 2)
    words = ["--failure", "miner-99", "--set", "horizon_weeks=2", "--quiet", "--out", str(tmp_path / "why")]
    assert main(["explain", *words]) == 2
    said = capsys.readouterr()
    assert list(tmp_path.iterdir()) == []
    assert "failure: 'miner-99' is not allowed" in said.err and said.err.count("\n") == 1
    assert main(["explain", "--quiet"]) == 2  # whose failure?


@pytest.fixture(scope="module")
def chained():
    return explained(*TEN[0])


def test_the_table_fits_a_terminal(chained):
    lines = format_explanation(chained).splitlines()
    assert max(len(line) for line in lines[2:]) <= 80  # the first two are as long as names are
    assert sum("kept alive by its owners" in line for line in lines) >= 1
    assert chained.failure in repr(chained) and "logged chain" in repr(chained)


def test_the_figure_has_a_row_a_replay(chained):
    with house_style():
        tree, replays = draw(chained).axes
    assert len(replays.get_yticks()) == len(chained.replays)
    assert {text.get_text() for text in tree.texts} >= {chained.failure, *chained.chain}


def test_the_command_prints_and_writes(tmp_path, capsys):
    small = ["--set", "horizon_weeks=12", "--set", "population.miners=6", "--set", "population.neoclouds=6"]
    scenario = Scenario.load("dump_10k_h100").with_changes(
        {"horizon_weeks": 12, "population.miners": 6, "population.neoclouds": 6}
    )
    name = next(iter(simulate(scenario, 3, 1).contagion_tree()))
    folder = tmp_path / "why"
    command = ["explain", "dump_10k_h100", *small, "--seed", "3", "--replicate", "1", "--failure", name]
    assert main([*command, "--quiet", "--out", str(folder)]) == 0
    assert f"replicate 1: {name} failed in week" in capsys.readouterr().out
    assert {path.name for path in folder.iterdir()} == {
        "explain.pdf", "explain.png", "explanation.csv", "provenance.json", "scenario.toml"
    }  # fmt: skip
    record = json.loads((folder / "provenance.json").read_text())
    assert (record["seed"], record["replicate"], record["failure"]) == (3, 1, name)
    table = pd.read_csv(folder / "explanation.csv")
    expected = explain_failure(scenario, name, 3, 1, progress=False).table
    assert table["answer"].tolist() == expected["answer"].tolist()
