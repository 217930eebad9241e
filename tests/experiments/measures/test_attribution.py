"""Shares of channels: they add up, are those of plain runs, and are exactly zero where nothing happens."""

import json

import numpy as np
import pandas as pd
import pytest
from small_economy import CASCADE, FIRE_SALE

from hashcredit.experiments import attribute_contagion
from hashcredit.experiments.commands.cli import main
from hashcredit.experiments.figures.style import house_style
from hashcredit.experiments.measures.attribution import MEASURES
from hashcredit.experiments.measures.attribution_figure import draw
from hashcredit.experiments.measures.tables import format_attribution
from hashcredit.simulator import Scenario, simulate_many
from hashcredit.simulator.channels import CHANNELS
from hashcredit.simulator.errors import ScenarioError
from hashcredit.simulator.provenance import rebuild

SEEDS = (3, 1, 8)
REPLICATES = 3
SHORT = CASCADE.with_changes({"horizon_weeks": 30})
PAIR = SHORT.with_changes({f"channels.{name}": False for name in CHANNELS[2:]})
"""The first two channels only, so four arms that differ."""


@pytest.fixture(scope="module")
def found():
    return attribute_contagion(SHORT, SEEDS, REPLICATES, threads=2, progress=False)


def test_shares_add_up_to_what_all_channels_cause(found):
    for measure in MEASURES:
        total = found.totals.loc[measure]
        shares = found.shares[found.shares["measure"] == measure]
        assert abs(shares["share"].sum() - total["difference"]) < 1e-9
        assert total["difference"] == pytest.approx(
            total["with_channels"] - total["without_channels"], abs=1e-9
        )
    assert found.shares["share"].abs().max() > 0.0  # something spreads in this scenario
    assert list(found.shares.columns[:5]) == ["measure", "channel", "share", "low", "high"]
    assert len(found.shares) == len(MEASURES) * len(CHANNELS)


def test_arms_are_plain_runs(found):
    assert len(found.arms) == 32
    assert not found.arms.loc[0, list(CHANNELS)].any() and found.arms.loc[31, list(CHANNELS)].all()
    for row in (0, 6, 19, 31):
        arm = found.arms.loc[row]
        off = {f"channels.{name}": False for name in CHANNELS if not arm[name]}
        runs = pd.concat(simulate_many(SHORT.with_changes(off), s, REPLICATES).summary for s in SEEDS)
        for measure in MEASURES:
            assert arm[measure] == pytest.approx(runs[measure].mean(), rel=1e-12)


def test_intervals_are_over_seeds():
    """Shares of each seed alone are what the interval is made of; 4.302653 is Student's t with 2 degrees."""
    found = attribute_contagion(PAIR, SEEDS, REPLICATES, threads=1, progress=False)
    alone = [attribute_contagion(PAIR, [seed], REPLICATES, progress=False).shares for seed in SEEDS]
    each = np.array([shares["share"] for shares in alone])
    np.testing.assert_allclose(found.shares["share"], each.mean(axis=0), atol=1e-12)
    reach = 4.302653 * each.std(axis=0, ddof=1) / np.sqrt(3)
    np.testing.assert_allclose(found.shares["high"] - found.shares["share"], reach, rtol=1e-6, atol=1e-12)


def test_interactions_are_those_of_the_arms(found):
    """Where only two channels act it is one difference of four arms."""
    pair = attribute_contagion(PAIR, SEEDS, 2, progress=False)
    first = pair.interactions.query("channel == 'fire_sale' and other == 'repo'").set_index("measure")
    for measure in MEASURES:
        none, one, two, both = pair.arms[measure].iloc[:4]
        assert first.loc[measure, "interaction"] == pytest.approx(both - one - two + none, abs=1e-9)
    rest = pair.interactions[pair.interactions["other"].isin(CHANNELS[2:])]
    assert (rest[["interaction", "low", "high"]].to_numpy() == 0.0).all()
    assert len(found.interactions) == 10 * len(MEASURES)


def test_a_channel_that_is_off_or_does_nothing_has_exactly_zero():
    """Off in the scenario it is off in all arms, of which only the different ones are run."""
    done = []
    scenario = SHORT.with_changes({"channels.repo": False, "channels.interlender": False})
    found = attribute_contagion(scenario, [1, 2], 2, progress=lambda *told: done.append(told))
    assert found.acting == ("fire_sale", "lender_credit", "macro_funding")
    assert done[-1] == (8 * 2 * 2, 8 * 2 * 2) and [d for d, _ in done] == sorted(d for d, _ in done)
    off = found.shares[found.shares["channel"].isin(["repo", "interlender"])]
    assert (off[["share", "low", "high"]].to_numpy() == 0.0).all()
    assert len(found.arms) == 32


def test_a_channel_that_is_on_and_does_nothing_has_exactly_zero():
    """One lender owes nothing to others."""
    alone = {"population.banks": 1, "population.private_credit": 0, "population.bond_funds": 0}
    scenario = SHORT.with_changes({**alone, "channels.repo": False, "channels.macro_funding": False})
    found = attribute_contagion(scenario, [1, 2], 2, progress=False)
    assert "interlender" in found.acting
    shares = found.shares.query("channel == 'interlender'")
    assert (shares[["share", "low", "high"]].to_numpy() == 0.0).all()
    assert found.shares["share"].abs().max() > 0.0


def test_a_channel_that_an_intervention_switches_on_is_off_in_its_arms():
    on_later = SHORT.with_changes(
        {
            "channels.fire_sale": False,
            "interventions": [{"week": 5, "field": "channels.fire_sale", "value": True}],
        }
    )
    found = attribute_contagion(on_later, [1], 2, progress=False)
    assert "fire_sale" in found.acting
    off = simulate_many(SHORT.with_changes({"channels.fire_sale": False, "interventions": ()}), 1, 2).summary
    assert found.arms.loc[30, "units_unsold"] == off["units_unsold"].mean()


def test_what_never_happens_is_said_and_not_divided_by():
    quiet = FIRE_SALE.with_changes({"horizon_weeks": 2, "shocks.forced_default": None})
    found = attribute_contagion(quiet, [1, 2], 2, progress=False)
    assert not found.totals["happens"].any()
    assert found.shares["of_total"].isna().all() and (found.shares["share"] == 0.0).all()
    assert "lender failures (lenders): zero in every run of every arm" in format_attribution(found)
    with house_style():
        assert len(draw(found).axes) == 4


def test_threads_change_nothing():
    one, two = (attribute_contagion(PAIR, [1, 2], 3, threads=n, progress=False).shares for n in (1, 2))
    pd.testing.assert_frame_equal(one, two, check_exact=True)


@pytest.mark.parametrize("seeds", [[], [1, 1], 5, "12", [1.5], [-1]])
def test_seeds_are_different_whole_numbers(seeds):
    with pytest.raises(ScenarioError, match="seeds"):
        attribute_contagion(SHORT, seeds, 2)


def test_it_says_what_it_is(found):
    assert "3 seeds from 3, 3 replicates each" in repr(found)
    assert all(measure in repr(found) for measure in MEASURES)


def test_the_table_fits_a_terminal(found):
    lines = format_attribution(found).splitlines()
    assert max(map(len, lines)) <= 80
    assert sum(line.strip().startswith("fire_sale") for line in lines) == len(MEASURES)


def test_the_command_prints_and_writes(tmp_path, capsys):
    changes = ["horizon_weeks=12", "population.miners=6", "population.neoclouds=6"]
    changes += [f"channels.{name}=false" for name in CHANNELS[2:]]
    small = [word for change in changes for word in ("--set", change)]
    folder = tmp_path / "who"
    command = ["attribute", "dump_10k_h100", *small, "--seeds", "2", "--seed", "4", "--replicates", "2"]
    assert main([*command, "--quiet", "--out", str(folder)]) == 0
    said = capsys.readouterr().out
    assert "seeds 4 to 5, 2 replicates each, the same draws in 32 arms" in said
    assert {path.name for path in folder.iterdir()} == {
        "arms.csv", "attribute.pdf", "attribute.png", "interactions.csv", "provenance.json", "scenario.toml",
        "shares.csv", "totals.csv",
    }  # fmt: skip
    record = json.loads((folder / "provenance.json").read_text())
    assert (record["seeds"], record["replicates"]) == ([4, 5], 2)
    scenario, seed, _ = rebuild(record)
    again = attribute_contagion(scenario, range(seed, seed + 2), 2, progress=False)
    pd.testing.assert_frame_equal(pd.read_csv(folder / "shares.csv"), again.shares, check_dtype=False)
    assert len(pd.read_csv(folder / "arms.csv")) == 32
    assert scenario == Scenario.load(folder / "scenario.toml")
    assert main([*command, "--quiet", "--out", str(folder)]) == 2  # it is there
    assert main(["attribute", "--seeds", "0"]) == 2
