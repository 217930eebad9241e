"""Scenarios that are refused: one line that names field, value and what is allowed."""

import math
import pickle
from datetime import date
from pathlib import Path

import pytest

from hashcredit.simulator.errors import ScenarioError
from hashcredit.simulator.scenario.scenario import Scenario, parse_assignments

BASELINE = Scenario.load()


def write(folder: Path, text: str, name: str = "mine.toml") -> Path:
    """A scenario file in a temporary folder."""
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


def derived(text: str, base: str = "baseline_2026") -> str:
    """Content of a file that changes a base."""
    return f'schema = 1\nbase = "{base}"\n{text}\n'


REFUSED_CHANGES = [
    ({"shocks.btc_volatilty": 0.5}, "shocks.btc_volatilty", "did you mean 'btc_volatility'"),
    ({"shoks.btc_volatility": 0.5}, "shoks", "'shocks'"),
    ({"shocks": {"btc_dritf": 0.5}}, "shocks.btc_dritf", "'btc_drift'"),
    ({"horizon_week": 5}, "horizon_week", "'horizon_weeks'"),
    ({"machine.H10.kw": 1.0}, "machine.H10", "'H100'"),
    ({"machine.H100.kv": 1.0}, "machine.H100.kv", "'kw'"),
    ({"lenders.banks.spread": 0.1}, "lenders.banks", "'bank'"),
    ({"costs.upkeep.x": 0.1}, "costs.upkeep.x", "no further name"),
    ({"": 1}, "", "a known name"),
    ({"horizon_weeks": 0}, "horizon_weeks", "from 1 to 1040 [weeks]"),
    ({"horizon_weeks": 10**30}, "horizon_weeks", "from 1 to 1040"),
    ({"horizon_weeks": 5.5}, "horizon_weeks", "a whole number"),
    ({"horizon_weeks": True}, "horizon_weeks", "a whole number"),
    ({"horizon_weeks": None}, "horizon_weeks", "a whole number"),
    ({"shocks.btc_volatility": math.nan}, "shocks.btc_volatility", "a finite number"),
    ({"shocks.btc_volatility": math.inf}, "shocks.btc_volatility", "a finite number"),
    ({"shocks.btc_volatility": "nan"}, "shocks.btc_volatility", "a finite number"),
    ({"shocks.btc_volatility": -0.1}, "shocks.btc_volatility", "from 0.0 to 3.0"),
    ({"shocks.btc_volatility": "high"}, "shocks.btc_volatility", "a number from 0.0 to 3.0"),
    ({"shocks.btc_volatility": True}, "shocks.btc_volatility", "a number"),
    ({"shocks.btc_volatility": 10**400}, "shocks.btc_volatility", "a number"),
    ({"shocks.btc_volatility": 10**5000}, "shocks.btc_volatility", "a number"),
    ({"shocks.btc_volatility": "1" * 5000}, "shocks.btc_volatility", "a number"),
    ({"shocks.btc_volatility": [0.1]}, "shocks.btc_volatility", "a number"),
    ({"shocks.student_df": 2}, "shocks.student_df", "3 to 30"),
    ({"shocks.rho_stress": 1.0}, "shocks.rho_stress", "from -0.99 to 0.99"),
    ({"shocks": 3}, "shocks", "a table"),
    ({"channels.repo": 1}, "channels.repo", "true or false"),
    ({"channels.repo": "yes"}, "channels.repo", "true or false"),
    ({"secondary_market.rule": "auktion"}, "secondary_market.rule", "'auction', 'impact', 'deep'"),
    ({"costs.power_price": [0.1, 0.2]}, "costs.power_price", "a list of 4 numbers"),
    ({"costs.power_price": [0.1, 0.2, 0.3, math.nan]}, "costs.power_price", "a finite number"),
    ({"costs.power_price": [0.1, 0.2, 0.3, "x"]}, "costs.power_price[3]", "numbers"),
    ({"credit.btc_call_ltv": 0.8}, "credit.btc_call_ltv", "less than btc_liquidation_ltv"),
    ({"credit.btc_initial_ltv": 0.65}, "credit.btc_initial_ltv", "less than btc_call_ltv"),
    ({"credit.loan_age_weeks": 208}, "credit.loan_age_weeks", "less than repayment_weeks"),
    ({"resolution.stay_low": 27}, "resolution.stay_low", "at most stay_high"),
    ({"marking.market_weight": 0.99}, "marking.income_weight", "at most 1"),
    ({"lenders.bank.capital_minimum": 0.11}, "lenders.bank.capital_minimum", "at most capital_target"),
    ({"lenders.bank.equity_ratio": 0.01}, "lenders.bank.equity_ratio", "at least capital_minimum"),
    ({"lenders.bank.belief": "utilty"}, "lenders.bank.belief", "'utility'"),
    ({"neoclouds.contracted_low": 0.95}, "neoclouds.contracted_low", "at most contracted_high"),
    ({"neoclouds.contract_premium_low": 2}, "neoclouds.contract_premium_low", "at most"),
    ({"miners.grade_shares": [0, 0, 0, 0]}, "miners.grade_shares", "do not sum to zero"),
    ({"miners.asic_shares": {}}, "miners.asic_shares", "do not sum to zero"),
    ({"miners.asic_shares.S22": 0.1}, "miners.asic_shares.S22", "'S21'"),
    ({"miners.asic_shares.S23": 0.1}, "miners.asic_shares.S23", "launched by 2026-04-06"),
    ({"miners.asic_shares.H100": 0.1}, "miners.asic_shares.H100", "asic types"),
    ({"neoclouds.gpu_shares.H100": -1}, "neoclouds.gpu_shares", "from 0.0"),
    ({"neoclouds.gpu_shares": [1, 2]}, "neoclouds.gpu_shares", "a table machine name = weight"),
    (
        {"shocks.forced_default": {"week": 8, "machine": "H1000", "units": 5}},
        "shocks.forced_default.machine",
        "'H100'",
    ),
    (
        {"shocks.forced_default": {"week": 156, "machine": "H100", "units": 5}},
        "shocks.forced_default.week",
        "0 to 155",
    ),
    (
        {"shocks.forced_lender_failure": {"week": 156}},
        "shocks.forced_lender_failure.week",
        "a week before the horizon, 0 to 155",
    ),
    (
        {"shocks.forced_lender_failure.kind": "banks"},
        "shocks.forced_lender_failure.kind",
        "one of 'bank', 'private_credit', 'bond_fund'",
    ),
    (
        {"shocks.forced_lender_failure.kind": "bond_fund", "population.bond_funds": 0},
        "shocks.forced_lender_failure.kind",
        "a kind of lender that there is; population.bond_funds is 0",
    ),
    ({"shocks.forced_lender_failure.share": 1.5}, "shocks.forced_lender_failure.share", "to 1.0"),
    ({"shocks.forced_lender_failure.share": 0.0}, "shocks.forced_lender_failure.share", "from 0.001"),
    ({"shocks.forced_lender_failure": {"shares": 1.0}}, "shocks.forced_lender_failure.shares", "'share'"),
    ({"shocks.forced_default.unit": 5}, "shocks.forced_default.unit", "'units'"),
    ({"shocks.forced_default": {"unit": 5}}, "shocks.forced_default.unit", "'units'"),
    ({"population.miners": 0, "population.neoclouds": 0}, "population.miners", "at least one"),
    (
        {"population.banks": 0, "population.private_credit": 0, "population.bond_funds": 0},
        "population.banks",
        "one lender",
    ),
    ({"funding.tightness": [[10, 0.2], [10, 0.3]]}, "funding.tightness", "ascending weeks"),
    ({"funding.tightness": [[0, 1.2]]}, "funding.tightness", "from 0.0 to 1.0"),
    ({"funding.tightness": [[0.5, 0.2]]}, "funding.tightness", "[week, value] pairs"),
    ({"funding.tightness": []}, "funding.tightness", "at least one"),
    ({"funding.tightness": math.nan}, "funding.tightness", "finite"),
    ({"funding.tightness": [[0, 0.2], [9, 0.3]]}, "funding.tightness", "or rule = 'path'"),
    ({"funding.tightness": 0.0}, "funding.tightness", "from 0.01 to 0.99"),
    ({"funding.capex": []}, "funding.capex", "at least one"),
    ({"repo.haircut": []}, "repo.haircut", "at least one"),
    ({"shocks.btc_path": "nowhere.csv"}, "shocks.btc_path", "a readable CSV file"),
    ({"start_date": "soon"}, "start_date", "a day such as"),
    ({"start_date": date(1999, 1, 1)}, "start_date", "2010-01-01"),
    ({"start_date": "2020-01-01"}, "miners.asic_shares.S19 Pro", "launched by 2020-01-01"),
    (
        {"credit.policy_rate": 0.25, "valuation.appraiser_spread": 0.5},
        "valuation.appraiser_spread",
        "discount rates",
    ),
    ({"credit.policy_rate": -0.01, "lenders.bank.spread": 0.0}, "lenders.bank.spread", "discount rates"),
    ({"machine.H100.name": "h200"}, "machine.name", "differ"),
    ({"machine.H100.name": "a.b"}, "machine.a.b.name", "letters, digits"),
    ({"machine.H100.cooling": "asic"}, "machine.H100.cooling", "'air' or 'liquid'"),
    ({"machine.H100.end_of_sale_date": date(2021, 1, 1)}, "machine.H100.end_of_sale_date", "its launch"),
    ({"machine.H100.kw": math.inf}, "machine.H100.kw", "finite"),
    ({"machine.H100.evidence": "Q"}, "machine.H100.evidence", "one of P, S"),
    ({"name": "a/b"}, "name", "letters, digits"),
    ({"title": "two\nlines"}, "title", "one line"),
    ({"machine": []}, "machine", "1 to 12"),
    ({"machine": 5}, "machine", "a table"),
]


@pytest.mark.parametrize(
    ("changes", "field", "allowed"), REFUSED_CHANGES, ids=lambda x: "" if isinstance(x, dict) else x
)
def test_refused_changes(changes, field, allowed):
    with pytest.raises(ScenarioError) as caught:
        BASELINE.with_changes(changes)
    _check_message(caught.value, field, allowed)


def _check_message(error: ScenarioError, field: str, allowed: str) -> None:
    assert error.field == field
    assert allowed in error.allowed
    message = str(error)
    assert "\n" not in message
    assert field in message and allowed in message
    assert len(message) < 620
    again = pickle.loads(pickle.dumps(error))
    assert str(again) == message
    assert error.exit_code == 2


REFUSED_FILES = {
    "empty": ("", "scenario", "this is empty"),
    "only a comment": ("# nothing\n", "scenario", "this is empty"),
    "no schema": ('base = "baseline_2026"\n', "schema in mine.toml", "schema = 1"),
    "other schema": ('schema = 2\nbase = "baseline_2026"\n', "schema in mine.toml", "schema = 1"),
    "neither complete nor derived": ("schema = 1\n", "name", "must be complete"),
    "empty base": (derived("", ""), "base", "the name of a packaged scenario"),
    "base of a wrong type": ("schema = 1\nbase = 3\n", "base", "the name of a packaged scenario"),
    "own base": (derived("", "mine.toml"), "base", "circle"),
    "unknown base": (derived("", "baseline_2025"), "base", "'baseline_2026'"),
    "truncated": (derived("[shocks]\nbtc_drift = "), "scenario", "valid TOML"),
    "truncated table": (derived("[shocks"), "scenario", "valid TOML"),
    "key twice": (derived("horizon_weeks = 5\nhorizon_weeks = 6"), "scenario", "valid TOML"),
    "nested too deeply": (derived("x = " + "[" * 100_000), "scenario", "valid TOML"),
    "key of many parts": (derived(".".join(["a"] * 100_000) + " = 1"), "scenario", "nested more than 50"),
    "quoted key of many parts": (derived(".".join(['"a"'] * 1000) + " = 1"), "scenario", "nested more than"),
    "table of many parts": (derived("[" + " . ".join(["a"] * 1000) + "]"), "scenario", "nested more than"),
    "deep arrays": (derived("x = " + "[" * 60 + "]" * 60), "scenario", "nested more than 50"),
    "too many digits": (derived("horizon_weeks = " + "1" * 5000), "scenario", "valid TOML"),
    "unknown section": (derived("[shock]\nbtc_drift = 0.1"), "shock", "'shocks'"),
    "unknown key": (derived("[shocks]\nbtc_driftt = 0.1"), "shocks.btc_driftt", "'btc_drift'"),
    "unknown key in a kind": (derived("[lenders.bank]\nspred = 0.1"), "lenders.bank.spred", "'spread'"),
    "unknown kind": (derived("[lenders.broker]\nspread = 0.1"), "lenders.broker", "known are bank"),
    "not a number": (derived("[shocks]\nbtc_drift = nan"), "shocks.btc_drift", "finite"),
    "wrong type": (derived('[shocks]\nbtc_drift = "0.1"'), "shocks.btc_drift", "a number"),
    "machines are no table": (derived("machine = 3"), "machine", "a table"),
    "machine lacks a field": (derived('[[machine]]\nname = "X"'), "machine.X.kind", "'gpu', 'asic'"),
    "machine has an unknown field": (
        derived('[[machine]]\nname = "X"\nwatts = 3'),
        "machine.X.watts",
        "known are",
    ),
    "no CSV file": (derived('[shocks]\nbtc_path = "x.csv"'), "shocks.btc_path", "No such file"),
    "CSV without header": (derived('[shocks]\nbtc_path = "bad1.csv"'), "shocks.btc_path", "week,value"),
    "CSV with text": (derived('[shocks]\nrent_path = "bad2.csv"'), "shocks.rent_path", "line 3 of bad2.csv"),
    "CSV without rows": (derived('[shocks]\nbtc_path = "bad3.csv"'), "shocks.btc_path", "at least one line"),
    "CSV with NaN": (derived('[shocks]\nbtc_path = "bad4.csv"'), "shocks.btc_path", "finite"),
    "CSV that goes back": (derived('[shocks]\nbtc_path = "bad5.csv"'), "shocks.btc_path", "ascending"),
    "CSV is a folder": (derived('[shocks]\nbtc_path = "."'), "shocks.btc_path", "readable CSV"),
}


def test_a_chain_of_bases_has_an_end(tmp_path):
    for step in range(102):
        (tmp_path / f"b{step}.toml").write_text(derived("", f"b{step + 1}.toml"))
    (tmp_path / "b102.toml").write_text(derived(""))
    assert Scenario.load(tmp_path / "b4.toml").digest() == Scenario.load().digest()
    with pytest.raises(ScenarioError) as caught:
        Scenario.load(tmp_path / "b2.toml")
    _check_message(caught.value, "base", "at most 100 bases")


@pytest.mark.parametrize("case", REFUSED_FILES)
def test_refused_files(case, tmp_path):
    write(tmp_path, "0,1\n1,2\n", "bad1.csv")
    write(tmp_path, "week,value\n0,1\n1,two\n", "bad2.csv")
    write(tmp_path, "week,value\n", "bad3.csv")
    write(tmp_path, "week,value\n0,nan\n", "bad4.csv")
    write(tmp_path, "week,value\n5,10\n4,10\n", "bad5.csv")
    text, field, allowed = REFUSED_FILES[case]
    with pytest.raises(ScenarioError) as caught:
        Scenario.load(write(tmp_path, text))
    _check_message(caught.value, field, allowed)


FIELD_LINES = [i for i, line in enumerate(BASELINE.to_toml().splitlines()) if " = " in line]


@pytest.mark.parametrize("line", FIELD_LINES[::17])
def test_a_file_without_base_must_give_every_field(line, tmp_path):
    lines = BASELINE.to_toml().splitlines()
    missing = lines.pop(line).partition(" = ")[0]
    with pytest.raises(ScenarioError) as caught:
        Scenario.load(write(tmp_path, "\n".join(lines)))
    assert missing in caught.value.field
    assert caught.value.value == "(missing)"


def test_a_circle_of_three_bases(tmp_path):
    for name, base in (("a", "b"), ("b", "c"), ("c", "a")):
        write(tmp_path, derived("", f"{base}.toml"), f"{name}.toml")
    with pytest.raises(ScenarioError, match=r"a\.toml -> b\.toml -> c\.toml -> a\.toml"):
        Scenario.load(tmp_path / "a.toml")


def test_refused_sources(tmp_path):
    binary = tmp_path / "binary.toml"
    binary.write_bytes(bytes(range(256)))
    cases = [
        (binary, "binary"),
        (tmp_path, "folder"),
        (str(tmp_path), "folder"),
        (tmp_path / "none.toml", "an existing file"),
        ("baseline2026", "did you mean 'baseline_2026'"),
        ("deep", "'deep_market'"),
        ("", "the name of a scenario"),
        ("a\0b", "an existing file"),
        ("x" * 5000, "file"),
    ]
    for source, allowed in cases:
        with pytest.raises(ScenarioError) as caught:
            Scenario.load(source)
        _check_message(caught.value, "scenario", allowed)


def test_refused_assignments():
    for assignments, field in ((["nothing"], "--set"), (["=1"], "--set"), (["a=1", "a=2"], "a")):
        with pytest.raises(ScenarioError) as caught:
            parse_assignments(assignments)
        assert caught.value.field == field


def test_refused_dictionaries():
    with pytest.raises(ScenarioError, match="schema"):
        Scenario.from_dict({**BASELINE.to_dict(), "schema": 7})
    with pytest.raises(ScenarioError, match=r"^nme: .*'name'"):
        Scenario(nme="x")
