"""Policies with their cost: accounts that add up, what dominates what, files, ranks."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from hashcredit.experiments import policy_cost, policy_frontier, policy_ranks
from hashcredit.experiments.commands.cli import main
from hashcredit.experiments.figures.style import house_style
from hashcredit.experiments.measures.policies import ACCOUNTS, efficient_among
from hashcredit.experiments.measures.policy_figure import draw, draw_ranks
from hashcredit.experiments.measures.policy_instruments import POLICIES, Policy, Step, read_policies
from hashcredit.experiments.measures.policy_tables import format_policies, format_ranks
from hashcredit.simulator import Scenario, simulate_many
from hashcredit.simulator.errors import ScenarioError

FILE = """
[[policy]]
name = "bases"
words = "bases are tested by appraisals that follow trades"

[[policy.step]]
label = "all"
fields = { "marking.market_weight" = 0.8 }

[[policy.step]]
label = "later"
week = 20
fields = { "marking.market_weight" = 0.8, "credit.cure_weeks" = 8 }
"""


@pytest.fixture(scope="module")
def small():
    changes = {"population.miners": 10, "population.neoclouds": 10, "horizon_weeks": 80}
    return Scenario.load("dump_10k_h100").with_changes(changes)


@pytest.fixture(scope="module")
def found(small):
    nothing = Policy("nothing", "", "", (Step("none", lambda s: {"credit.cure_weeks": s.credit.cure_weeks}),))
    chosen = ["standing_facility", "advance_cap", nothing]
    return policy_frontier(small, range(1, 4), 2, policies=chosen, weeks=80, progress=False)


def test_a_policy_that_changes_nothing_has_exactly_zero(found):
    rows = found.table[found.table["policy"] == "nothing"]
    assert set(rows["account"]) == set(ACCOUNTS)
    assert (rows[["value", "low", "high"]] == 0.0).all(axis=None)


def test_accounts_are_those_of_the_runs(small, found):
    """Loss averted is the difference of two scenarios that anybody may run."""
    step = POLICIES["advance_cap"].steps[1]
    both = [small, step.on(small)]
    many = simulate_many(
        [each.with_changes({"horizon_weeks": 80}) for each in both], replicates=2, seeds=[1, 2, 3]
    )
    loss = many.scalars["creditor_loss_musd"].reshape(2, 6).mean(axis=1)
    lent = many.scalars["new_lending_musd"].reshape(2, 6).mean(axis=1)
    rows = found.table.set_index(["policy", "strength", "account"])["value"]
    assert rows["advance_cap", 2, "loss_averted"] == pytest.approx(loss[0] - loss[1], abs=1e-9)
    assert lent[0] > lent[1]


def test_net_is_averted_less_what_the_authority_loses(found):
    wide = found.table.pivot(index=["policy", "strength"], columns="account", values="value")
    net = wide["loss_averted"] - wide["authority_loss"]
    assert np.allclose(wide["net_benefit"], net, atol=1e-9)


def test_all_act_at_the_opening_of_the_scenario(found):
    """One thing changes at equal debt."""
    rows = found.table[found.table["account"] == "opening_debt_change"]
    assert (rows[["value", "low", "high"]] == 0.0).all(axis=None)


def test_every_step_is_a_scenario_and_changes_it():
    for scenario in (Scenario.load(), Scenario.load("maturity_wall"), Scenario.load("standing_repo")):
        for policy in POLICIES.values():
            assert policy.middle is policy.steps[1]
            for step in policy.steps:
                changed = step.on(scenario)
                assert len(changed.interventions) > len(scenario.interventions)
                assert changed.with_changes({"interventions": scenario.interventions}) == scenario


def test_a_step_is_taken_from_the_path_that_a_scenario_has():
    """A cut is off each rate of an authority that raises them, and a cap off nothing else."""
    hikes = Scenario.load("hawkish_misdiagnosis")
    own = {each.week: each.value for each in hikes.interventions if each.field == "credit.policy_rate"}
    assert own
    cut = POLICIES["rate_cut"].steps[0].on(hikes)
    path = {each.week: each.value for each in cut.interventions if each.field == "credit.policy_rate"}
    assert path == pytest.approx(
        {week: rate - 0.005 for week, rate in {0: hikes.credit.policy_rate, **own}.items()}
    )
    capped = POLICIES["haircut_cap"].steps[0].on(hikes)
    kept = {each.week: each.value for each in capped.interventions if each.field == "credit.policy_rate"}
    assert kept == own


def test_what_no_other_dominates():
    cost = np.array([0.0, 1.0, 1.0, 2.0, 3.0, 0.0])
    benefit = np.array([0.0, 5.0, 4.0, 5.0, 9.0, 0.0])
    # the second dominates the third and the fourth; equal ones do not dominate each other
    assert efficient_among(cost, benefit).tolist() == [True, True, False, False, True, True]


def test_the_frontier_has_doing_nothing_on_it(found):
    table = found.frontier
    assert table.iloc[0]["policy"] == "nothing" and table.iloc[0]["net_benefit"] == 0.0
    assert table["efficient"].any()
    assert table["how_often"].between(0.0, 1.0).all()
    assert table.loc[table["credit_lost"] <= 0.0, "averted_per_credit"].isna().all()


def test_threads_never_change_a_bit(small):
    alone, both = (
        policy_frontier(small, [1, 2], 2, policies=["tenor_cap"], weeks=40, threads=threads, progress=False)
        for threads in (1, 2)
    )
    assert alone.table.equals(both.table)
    assert alone.frontier.equals(both.frontier)


def test_what_a_scenario_does_itself_is_accounted_for():
    repo = Scenario.load("standing_repo").with_changes({"horizon_weeks": 40})
    found = policy_cost(repo, [1, 2], 1, progress=False)
    assert len(found.arms) == 1 and found.weeks == 40
    with pytest.raises(ScenarioError, match="interventions"):
        policy_cost("baseline_2026", [1], 1)


def test_policies_of_a_file(tmp_path, small):
    file = tmp_path / "policies.toml"
    file.write_text(FILE)
    (policy,) = read_policies(file)
    assert [step.label for step in policy.steps] == ["all", "later"]
    weeks = {each.week for each in policy.steps[1].on(small).interventions}
    assert weeks == {20}


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ('name = "bases"', "name = 3", "policy.0.name"),
        ('label = "all"', 'title = "all"', "policy.0.step.0"),
        ("week = 20", "week = -1", "policy.0.step.1.week"),
        ('fields = { "marking.market_weight" = 0.8 }', "fields = {}", "policy.0.step.0.fields"),
        ("[[policy]]", "[[policies]]", "nothing else"),
        ('name = "bases"', 'name = "bases', "valid TOML"),
    ],
)
def test_a_file_that_is_wrong_is_named(tmp_path, old, new, named):
    file = tmp_path / "policies.toml"
    file.write_text(FILE.replace(old, new, 1) if old != "[[policy]]" else "[[policies]]\nname = 'x'\n")
    with pytest.raises(ScenarioError, match=named):
        read_policies(file)


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        ({"policies": ["magic"]}, "policies"),
        ({"policies": []}, "policies"),
        ({"policies": ["tenor_cap", "tenor_cap"]}, "policies"),
        ({"weeks": 0}, "weeks"),
        (
            {"policies": [Policy("odd", "", "", (Step("x", lambda _: {"credit.nothing": 1}),))]},
            "policy odd, x",
        ),
    ],
)
def test_what_is_not_allowed_is_named(asked, named):
    with pytest.raises(ScenarioError, match=named):
        policy_frontier(None, [1], 1, **asked)


def test_ranks_over_the_prior(small):
    ranks = policy_ranks(
        small, [1], 1, points=3, policies=["advance_cap", "rate_cut"], weeks=30, progress=False
    )
    again = policy_ranks(small, [1], 1, points=3, policies=["advance_cap", "rate_cut"], weeks=30, threads=1)
    assert np.array_equal(ranks.net, again.net) and ranks.changes == again.changes
    assert ranks.ranks.sum(axis=1) == pytest.approx([3.0, 3.0, 3.0])
    assert len({point["credit.marked_share"] for point in ranks.changes}) == 3
    assert ranks.table["beneficial"].between(0.0, 1.0).all()
    assert "points of the prior" in format_ranks(ranks)
    with house_style():
        assert isinstance(draw_ranks(ranks), Figure)


def test_the_command_obeys_the_number_of_networks(capsys):
    """Twenty are the default of the frontier, and no word for the default of ranks."""
    few = ["policies", "--set", "horizon_weeks=10", "--set", "population.miners=3", "--set",
           "population.neoclouds=3", "--policies", "tenor_cap", "--weeks", "6", "--replicates", "1",
           "--quiet"]  # fmt: skip
    for more, said in (
        ([], "seeds 1 to 20"),
        (["--ranks", "2"], "seeds 1 to 4"),
        (["--ranks", "2", "--seeds", "20"], "seeds 1 to 20"),
    ):
        assert main([*few, *more]) == 0
        assert said in capsys.readouterr().out


def test_text_and_figure(found):
    text = format_policies(found)
    assert "standing facility" in text and "credit lost" in text
    assert max(len(line) for line in text.splitlines()) <= 100
    with house_style():
        assert isinstance(draw(found), Figure)
    assert "not dominated" in repr(found)
