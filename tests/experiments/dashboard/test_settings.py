"""Settings of the page: sliders from the scenario model, changes refused or kept, files that are saved."""

from dataclasses import replace

import pytest

from hashcredit.experiments.dashboard.settings import (
    MARKET_RULE,
    MARKET_RULES,
    REACHES,
    SWITCHES,
    Control,
    Settings,
    value_of,
)
from hashcredit.simulator import Scenario, simulate
from hashcredit.simulator.errors import ScenarioError


@pytest.fixture
def settings():
    return Settings.load("dump_10k_h100")


def test_sliders_say_what_the_scenario_model_says(settings):
    rows = {row.field: row for row in settings.scenario.describe()}
    assert [control.reach.field for control in settings.controls] == [reach.field for reach in REACHES]
    for control in settings.controls:
        row = rows[control.reach.field]
        assert (control.parameter.meaning, control.parameter.unit) == (row.meaning, row.unit)
        assert control.bounds == f"{row.low:g} to {row.high:g}"


@pytest.mark.parametrize("name", Scenario.names())
def test_sliders_stay_within_bounds_and_reach_the_value(name):
    for control in Settings.load(name).controls:
        if control.is_path:
            continue
        assert control.parameter.low <= control.low <= control.parameter.value <= control.high
        assert control.high <= control.parameter.high


def test_a_slider_reaches_a_value_beyond_its_usual_end(settings):
    far = settings.with_field("networks.trade_degree_buyers", 500.0)
    control = next(each for each in far.controls if each.reach.field == "networks.trade_degree_buyers")
    assert control.high == 500.0


def test_a_path_has_no_slider(settings):
    path = settings.with_field("repo.haircut", [[0, 0.2], [26, 0.3]])
    assert [each.reach.field for each in path.controls if each.is_path] == ["repo.haircut"]


def test_both_ends_of_every_slider_are_allowed(settings):
    for control in settings.controls:
        for value in (control.low, control.high):
            changed = settings.with_field(control.reach.field, value)
            assert value_of(changed.scenario, control.reach.field) == value


def test_rules_and_switches_are_those_of_the_model(settings):
    for rule in MARKET_RULES:
        assert value_of(settings.with_field(MARKET_RULE, rule).scenario, MARKET_RULE) == rule
    with pytest.raises(ScenarioError, match="auction"):
        settings.with_field(MARKET_RULE, "bazaar")
    assert set(SWITCHES) == {f"channels.{name}" for name, _ in settings.scenario.channels}


def test_a_change_that_is_refused_names_field_value_and_bounds(settings):
    with pytest.raises(
        ScenarioError, match=r"credit\.origination_ltv: 1\.5 is not allowed; expected .*0\.95"
    ):
        settings.with_field("credit.origination_ltv", 1.5)
    assert settings.changes == {}


def test_a_change_back_is_none(settings):
    there = settings.with_field("shocks.btc_volatility", 0.7)
    assert there.changes == {"shocks.btc_volatility": 0.7}
    assert there.with_field("shocks.btc_volatility", 0.5) == settings


def test_changes_that_need_each_other_are_kept(settings):
    both = settings.with_field("marking.income_weight", 0.0).with_field("marking.market_weight", 1.0)
    with pytest.raises(ScenarioError, match="income_weight"):
        both.with_field("marking.income_weight", 0.05)
    again = both.with_field("marking.income_weight", 0.0)
    assert again.changes == {"marking.income_weight": 0.0, "marking.market_weight": 1.0}


def test_a_field_of_a_machine_can_be_changed(settings):
    changed = settings.with_field("machine.H100.kw", 1.5)
    assert next(each for each in changed.scenario.machine if each.name == "H100").kw == 1.5


def test_another_scenario_keeps_the_draws_only(settings):
    other = replace(settings.with_field("channels.repo", False), seed=7, replicate=3).with_source(
        "deep_market"
    )
    assert (other.base.name, other.seed, other.replicate, other.changes) == ("deep_market", 7, 3, {})


def test_saved_settings_are_a_scenario_of_their_own(settings, tmp_path):
    changed = settings.with_field("shocks.btc_volatility", 0.7).with_field("channels.repo", False)
    file = tmp_path / "mine.toml"
    file.write_text(changed.toml("mine"))
    read = Scenario.load(file)
    assert read.name == "mine"
    assert read.digest() == changed.scenario.digest() != settings.scenario.digest()


def test_a_name_that_is_no_name_is_refused(settings):
    with pytest.raises(ScenarioError, match="name"):
        settings.toml("no / name")
    assert "letters, digits" in settings.refused_name("no / name")
    assert settings.refused_name("a_name") == ""


def test_the_line_of_python_runs_the_same(settings):
    short = settings.with_field("horizon_weeks", 9).with_field("channels.repo", False).with_draws(2, 1)
    run = eval(short.python, {"simulate": simulate, "Scenario": Scenario})
    assert run.setup.scenario.digest() == short.scenario.digest()
    assert (run.setup.seed, run.replicate) == (2, 1)
    assert short.words == "dump_10k_h100 with channels.repo = false, horizon_weeks = 9"


def test_a_pure_number_has_no_unit(settings):
    row = next(row for row in settings.scenario.describe() if row.unit == "none")
    assert Control(REACHES[0], row).unit == ""
