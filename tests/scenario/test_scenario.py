"""Scenarios: what is loaded, changed and written."""

import copy
import doctest
import pickle
import tomllib
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import hashcredit.simulator.scenario.scenario as scenario_module
from hashcredit.simulator.errors import (
    EventBufferFull,
    HashcreditError,
    OutputFolderError,
    ScenarioError,
    SimulationError,
)
from hashcredit.simulator.scenario.baseline import FILE, baseline_text
from hashcredit.simulator.scenario.fields.base import EVIDENCE
from hashcredit.simulator.scenario.scenario import Scenario, parse_assignments
from hashcredit.simulator.scenario.text import parse_value, toml_value

BASELINE = Scenario.load()


def write(folder: Path, text: str, name: str = "mine.toml") -> Path:
    """A scenario file in a temporary folder."""
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


def derived(text: str, base: str = "baseline_2026") -> str:
    """Content of a file that changes a base."""
    return f'schema = 1\nbase = "{base}"\n{text}\n'


# What is packaged


def test_baseline_file_equals_the_defaults_of_the_models():
    assert Scenario() == BASELINE
    assert FILE.read_text(encoding="utf-8") == baseline_text()


def test_packaged_scenarios_load_and_say_what_they_are():
    assert Scenario.names() == [
        "baseline_2026",
        "asic_loans_2022",
        "correlation_convergence",
        "deep_market",
        "demand_turn",
        "double_leverage",
        "dump_10k_h100",
        "hawkish_misdiagnosis",
        "hindcast_2023",
        "learned_underwriting",
        "maturity_wall",
        "reverse_qe",
        "rubin_launch",
        "standing_repo",
        "ten_year_on_three",
        "thin_market",
        "two_sided_rents",
        "utility_underwriting",
        "venture_underwriting",
    ]
    for name in Scenario.names():
        assert Scenario.load(name).name == name
    forced = Scenario.load("dump_10k_h100").shocks.forced_default
    assert forced is not None
    assert (forced.week, forced.machine, forced.units) == (8, "H100", 10_000)
    assert Scenario.load("deep_market") == BASELINE.with_changes(
        {
            "secondary_market.rule": "deep",
            "name": "deep_market",
            "title": Scenario.load("deep_market").title,
        }
    )


def test_thin_market_has_fewer_buyers_links_and_cash():
    thin = Scenario.load("thin_market")
    for kind in ("operators", "brokers", "refurbishers", "scrap_dealers"):
        assert getattr(thin.population, kind) < getattr(BASELINE.population, kind)
    for kind in ("operator", "broker", "refurbisher"):
        assert getattr(thin.buyers, kind).cash < getattr(BASELINE.buyers, kind).cash
        assert getattr(thin.buyers, kind).spread == getattr(BASELINE.buyers, kind).spread
    assert thin.networks.trade_degree_buyers < BASELINE.networks.trade_degree_buyers


def test_vendors_sell_what_they_should_at_the_start():
    start = BASELINE.start_date
    on_sale = {m.name for m in BASELINE.machine if m.launch_date <= start <= m.end_of_sale_date}
    assert on_sale == {"H200", "B200", "B300", "S21"}
    later = {m.name: m.launch_date for m in BASELINE.machine if m.launch_date > start}
    assert later["Rubin"].year == 2026 and later["Rubin"].month >= 9
    assert later["Rubin Ultra"].year == 2027
    assert set(later) == {"Rubin", "Rubin Ultra", "S23"}


def test_examples_in_the_documentation_of_scenario():
    result = doctest.testmod(scenario_module)
    assert result.attempted > 0
    assert result.failed == 0


# Documentation of the fields


PATHS = {"funding.capex"}
"""Fields that are pairs of week and value in the baseline; bounds hold for the values."""


@pytest.mark.parametrize("row", BASELINE.describe(), ids=lambda row: row.field)
def test_every_field_is_documented_and_bounded(row):
    assert row.unit
    assert row.meaning
    assert "\n" not in row.meaning
    assert row.source
    assert all(tag in EVIDENCE for tag in row.evidence.split("; "))
    assert row.value == row.default
    values = [value for _, value in row.value] if row.field in PATHS else _leaves(row.value)
    numbers = [value for value in values if isinstance(value, int | float)]
    if numbers and not isinstance(row.value, bool):
        assert row.low < row.high
        values = [n for n in numbers if not isinstance(n, bool)]
        assert all(row.low <= n <= row.high for n in values)


def _leaves(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [leaf for entry in value.values() for leaf in _leaves(entry)]
    if isinstance(value, tuple):
        return [leaf for entry in value for leaf in _leaves(entry)]
    return [value]


def test_describe_names_every_field_once_and_shows_changes():
    rows = BASELINE.describe()
    assert len({row.field for row in rows}) == len(rows)
    assert {"credit.floor", "lenders.bank.advance_rate", "machine.Rubin Ultra.kw"} <= {r.field for r in rows}
    changed = {
        r.field: r for r in BASELINE.with_changes({"machine.H100.kw": 2, "costs.upkeep": 0.1}).describe()
    }
    assert (changed["machine.H100.kw"].value, changed["machine.H100.kw"].default) == (2.0, 1.28)
    text = BASELINE.with_changes({"costs.upkeep": 0.1}).to_toml(comments=True)
    assert "the baseline has 0.02 (C: modelling choice)" in text


def test_json_schema_has_bounds_where_the_numbers_are():
    definitions = Scenario.json_schema()["$defs"]
    assert definitions["Shocks"]["properties"]["btc_volatility"]["maximum"] == 3.0
    assert definitions["Costs"]["properties"]["power_price"]["prefixItems"][3]["minimum"] == 0.0
    assert definitions["Miners"]["properties"]["asic_shares"]["additionalProperties"]["minimum"] == 0.0
    assert "base" in Scenario.json_schema()["properties"]


# Writing and reading back


@pytest.mark.parametrize("name", Scenario.names())
@pytest.mark.parametrize("comments", [False, True])
def test_toml_round_trip(name, comments, tmp_path):
    scenario = Scenario.load(name).with_changes(
        {
            "title": 'a "quoted" \\ title with \u00e9 and # inside',
            "funding.rule": "path",
            "funding.tightness": [[0, 0.2], [26, 0.9]],
            "shocks.btc_path": [[0, 60000], [52, 30000]],
            "mining.halving_date": "none",
            "costs.upkeep": 1e-7,
        }
    )
    assert Scenario.load(write(tmp_path, scenario.to_toml(comments))) == scenario


def test_dictionary_round_trip_and_digest():
    scenario = Scenario.load("dump_10k_h100")
    assert Scenario.from_dict(scenario.to_dict()) == scenario
    assert Scenario.from_dict(scenario.to_dict()).digest() == scenario.digest()
    same = scenario.with_changes({"name": "other", "title": "other", "costs.upkeep": scenario.costs.upkeep})
    assert same.digest() == scenario.digest()
    assert scenario.with_changes({"costs.upkeep": 0.020000001}).digest() != scenario.digest()


def test_whole_numbers_for_fractions_do_not_change_the_digest():
    assert BASELINE.with_changes({"shocks.btc_drift": 0}).digest() == BASELINE.digest()


@given(
    st.text(max_size=30) | st.floats(allow_nan=False, allow_infinity=False) | st.integers() | st.booleans()
)
def test_any_value_survives_toml(value):
    assert tomllib.loads(f"v = {toml_value(value)}")["v"] == value


def test_scenarios_can_be_pickled_copied_and_hashed():
    scenario = Scenario.load("dump_10k_h100")
    assert pickle.loads(pickle.dumps(scenario)) == scenario
    assert copy.deepcopy(scenario) == scenario
    assert hash(pickle.loads(pickle.dumps(scenario))) == hash(scenario)


def test_scenarios_are_frozen_all_the_way_down():
    with pytest.raises(Exception, match="frozen"):
        BASELINE.horizon_weeks = 3
    with pytest.raises(Exception, match="frozen"):
        BASELINE.shocks.btc_drift = 3.0
    with pytest.raises(TypeError, match="frozen"):
        BASELINE.miners.asic_shares["S21"] = 3.0
    with pytest.raises(TypeError, match="frozen"):
        BASELINE.miners.asic_shares.update(S21=3.0)


# Changing


def test_changes_reach_every_kind_of_field():
    changed = BASELINE.with_changes(
        {
            "horizon_weeks": 52.0,
            "shocks.btc_volatility": np.float64(0.7),
            "population.miners": np.int64(5),
            "channels.repo": np.bool_(False),
            "costs.power_price": np.array([0.01, 0.02, 0.03, 0.04]),
            "lenders.bank": {"spread": 0.06},
            "buyers.broker.site_class": 1,
            "machine.S19 Pro.kw": 3.4,
            "miners.asic_shares.S19 Pro": 0.5,
            "neoclouds.gpu_shares": {"H100": 1},
            "mining.halving_date": date(2028, 5, 1),
            "shocks.forced_default.units": 7,
            "shocks.forced_lender_failure": {"kind": "private_credit", "share": 0.5},
            "start_date": "2026-05-04",
        }
    )
    assert changed.horizon_weeks == 52
    assert changed.shocks.btc_volatility == 0.7
    assert changed.population.miners == 5
    assert changed.channels.repo is False
    assert changed.costs.power_price == (0.01, 0.02, 0.03, 0.04)
    assert (changed.lenders.bank.spread, changed.lenders.bank.payout) == (0.06, 0.5)
    assert changed.buyers.broker.site_class == 1
    assert {m.name: m.kw for m in changed.machine}["S19 Pro"] == 3.4
    assert changed.miners.asic_shares == {"S19 Pro": 0.5, "S19 XP": 0.25, "S21": 0.575}
    assert changed.neoclouds.gpu_shares == {"H100": 1.0}
    assert changed.mining.halving_date == date(2028, 5, 1)
    assert changed.shocks.forced_default.model_dump() == {"week": 8, "machine": "H100", "units": 7}
    lenders = changed.shocks.forced_lender_failure
    assert lenders.model_dump() == {"week": 26, "kind": "private_credit", "share": 0.5}
    assert changed.start_date == date(2026, 5, 4)
    assert Scenario() == BASELINE, "the scenario that was changed stays as it was"


def test_text_for_other_fields_is_read_as_toml():
    assignments = [
        "shocks.btc_volatility = 0.7",
        "channels.repo=false",
        "secondary_market.rule=deep",
        'credit.enforcement="never"',
        "mining.halving_date=none",
        "costs.power_price=[0.01, 0.02, 0.03, 0.04]",
        "title=a = b",
        'shocks.forced_default={week = 3, machine = "S21", units = 10}',
        "machine.S19 Pro.price_new=1_000",
    ]
    changed = BASELINE.with_changes(parse_assignments(assignments))
    assert changed.shocks.btc_volatility == 0.7
    assert changed.channels.repo is False
    assert changed.secondary_market.rule == "deep"
    assert changed.credit.enforcement == "never"
    assert changed.mining.halving_date is None
    assert changed.title == "a = b"
    assert changed.shocks.forced_default.machine == "S21"
    assert changed.with_changes({"shocks.forced_default": "none"}).shocks.forced_default is None
    assert changed.with_changes({"shocks.btc_volatility": "0.8"}).shocks.btc_volatility == 0.8


def test_a_value_cannot_smuggle_in_a_second_one():
    assert parse_value("1\nother = 2") == "1\nother = 2"


def test_a_file_lays_its_sections_over_its_base(tmp_path):
    write(tmp_path, derived("[shocks]\nbtc_drift = 0.3"), "parent.toml")
    child = derived('[shocks]\nrho_calm = 0.2\n[miners]\nasic_shares = { "S21" = 1 }', "parent.toml")
    scenario = Scenario.load(write(tmp_path, child, "child.toml"))
    assert scenario.name == "child"
    assert (scenario.shocks.btc_drift, scenario.shocks.rho_calm) == (0.3, 0.2)
    assert scenario.miners.asic_shares == {"S21": 1.0}, "a table of weights is replaced, not merged"
    assert scenario.shocks.btc_volatility == BASELINE.shocks.btc_volatility


def test_a_list_of_machines_replaces_the_one_of_the_base(tmp_path):
    one = BASELINE.machine[1]
    lines = "\n".join(f"{k} = {toml_value(v)}" for k, v in one.model_dump().items())
    with pytest.raises(ScenarioError, match=r"miners\.asic_shares.*asic types"):
        Scenario.load(write(tmp_path, derived(f"[[machine]]\n{lines}")))
    fleets = "[population]\nminers = 0\n[neoclouds]\ngpu_shares = { H100 = 1 }"
    scenario = Scenario.load(write(tmp_path, derived(f"{fleets}\n[[machine]]\n{lines}")))
    assert scenario.machine == (one,), "without miners nobody asks for ASICs"


def test_paths_from_csv_travel_with_the_scenario(tmp_path):
    write(tmp_path, "week,value\n0,60000\n10,30000\n", "btc.csv")
    file = write(tmp_path, derived('[shocks]\nbtc_path = "btc.csv"'))
    scenario = Scenario.load(file)
    (tmp_path / "btc.csv").unlink()
    assert scenario.shocks.btc_path == ((0, 60000.0), (10, 30000.0))
    assert Scenario.load(write(tmp_path, scenario.to_toml(), "copy.toml")) == scenario


def test_other_errors_print_one_line_and_can_be_pickled():
    errors: list[HashcreditError] = [
        OutputFolderError("/some/where", "it is not\nempty"),
        SimulationError("cash of miner 3 is NaN", "baseline_2026", 7, 12),
        EventBufferFull(1000, "baseline_2026", 7, 12),
        SimulationError("stopped"),
    ]
    for error in errors:
        again = pickle.loads(pickle.dumps(error))
        assert type(again) is type(error)
        assert str(again) == str(error)
        assert vars(again) == vars(error)
        assert "\n" not in str(error)
    assert (
        str(errors[2]) == "scenario baseline_2026, replicate 7, week 12: the event table is full (1000 rows)"
    )
    assert [error.exit_code for error in errors] == [2, 1, 1, 1]
