"""Studies: read from files, checked against their scenarios, compared."""

import json
import pickle
import re

import numpy as np
import pytest
from repository import ROOT

from hashcredit.experiments.execution.resume import differences
from hashcredit.experiments.study.designs import KINDS
from hashcredit.experiments.study.distributions import DISTRIBUTIONS
from hashcredit.experiments.study.study import KEYS, Keep, Study
from hashcredit.simulator import Scenario
from hashcredit.simulator.errors import ScenarioError, StudyError

PAGE = (ROOT / "docs" / "studies.md").read_text(encoding="utf-8")
HEAD = 'scenario = "baseline_2026"\nseed = 7\nreplicates = 20\n'
GRID = HEAD + '[design]\nkind = "grid"\n[factors]\n'


def load(folder, text, name="mine.toml"):
    """A study from a file in a temporary folder."""
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return Study.load(file)


def test_a_file_says_what_it_means(tmp_path):
    study = load(
        tmp_path,
        'title = "Depth"\n' + GRID + '"secondary_market.rule" = ["auction", "deep"]\n'
        '"horizon_weeks" = [52, 104]\n[keep]\nseries = true\n'
        'series_columns = ["price_usd_h100", "tightness"]\n'
        'series_every = 4\nevents = true\nevent_kinds = ["default"]\ntables = ["loans"]\nreplicates = 3\n',
    )
    assert (study.name, study.title, study.seed, study.replicates) == ("mine", "Depth", 7, 20)
    assert list(study.bases) == ["baseline_2026"]
    assert study.common_random_numbers
    assert study.keep.series_columns == ("price_usd_h100", "tightness")
    assert study.keep == Keep(
        series=True,
        series_columns=("price_usd_h100", "tightness"),
        series_every=4,
        events=True,
        event_kinds=("default",),
        tables=("loans",),
        replicates=3,
    )
    changes = study.points().changes(3)
    assert study.scenario(changes).horizon_weeks == 104
    assert study.scenario(changes).secondary_market.rule == "deep"


def test_names_without_quotes_mean_the_same(tmp_path):
    quoted = load(tmp_path, GRID + '"machine.H100.kw" = [1.0, 1.3]\n"shocks.btc_drift" = [0, 0.1]\n')
    bare = load(tmp_path, GRID + "machine.H100.kw = [1.0, 1.3]\nshocks.btc_drift = [0, 0.1]\n")
    assert quoted.to_dict() == bare.to_dict()
    assert [factor.name for factor in bare.factors] == ["machine.H100.kw", "shocks.btc_drift"]


def test_a_factor_can_be_the_scenario(tmp_path):
    """Bases are named as results name them; a file lies relative to the study."""
    (tmp_path / "hard.toml").write_text('schema = 1\nbase = "deep_market"\nhorizon_weeks = 30\n')
    study = load(tmp_path, GRID + 'scenario = ["hard.toml", "dump_10k_h100"]\nhorizon_weeks = [40]\n')
    assert list(study.bases) == ["baseline_2026", "hard", "dump_10k_h100"]
    points = study.points()
    assert points.changes(0) == {"scenario": "hard", "horizon_weeks": 40}
    made = study.scenario(points.changes(0))
    assert (made.name, made.horizon_weeks, made.secondary_market.rule) == ("hard", 40, "deep")
    without = {
        "seed": 1,
        "replicates": 1,
        "design": {"kind": "grid"},
        "factors": {"scenario": ["deep_market"]},
    }
    assert list(Study.from_dict(without).bases) == ["deep_market"]


def test_scenario_objects_are_accepted():
    scenario = Scenario.load().with_changes({"name": "own", "horizon_weeks": 9})
    study = Study.from_dict({"scenario": scenario, "seed": 1, "replicates": 1})
    assert study.scenario(study.points().changes(0)) == scenario


def test_files_are_found_from_the_study(tmp_path, monkeypatch):
    """Wherever the study is run from: texts become absolute paths."""
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "btc.csv").write_text("week,value\n0,60000\n10,30000\n")
    monkeypatch.chdir(tmp_path)
    study = load(inside, GRID + '"shocks.btc_path" = ["btc.csv", [[0, 50000.0]]]\n')
    points = study.points()
    assert points.changes(0) == {"shocks.btc_path": str(inside / "btc.csv")}
    assert study.scenario(points.changes(0)).shocks.btc_path == ((0, 60000.0), (10, 30000.0))
    assert study.scenario(points.changes(1)).shocks.btc_path == ((0, 50000.0),)


def test_imposed_failures_can_be_factors(tmp_path):
    tables = '"shocks.forced_default" = ["none", { week = 3, machine = "H100", units = 50 }]\n'
    study = load(tmp_path, GRID + tables)
    assert [study.scenario(study.points().changes(k)).shocks.forced_default is None for k in (0, 1)] == [
        True,
        False,
    ]
    study = load(tmp_path, GRID + '"shocks.forced_default.units" = [50, 5000]\n')
    assert study.scenario(study.points().changes(1)).shocks.forced_default.units == 5000


def test_values_that_are_right_together_are_allowed(tmp_path):
    """A margin call at 80 % is refused by itself, and right beside a liquidation at 90 %."""
    listed = GRID.replace("grid", "list")
    study = load(tmp_path, listed + '"credit.btc_call_ltv" = [0.8]\n"credit.btc_liquidation_ltv" = [0.9]\n')
    assert study.scenario(study.points().changes(0)).credit.btc_call_ltv == 0.8
    with pytest.raises(
        StudyError, match=r'^factors."credit.btc_call_ltv" in mine.toml: 0.8 .*btc_liquidation_ltv'
    ):
        load(tmp_path, GRID + '"credit.btc_call_ltv" = [0.7, 0.8]\n"horizon_weeks" = [10, 20]\n')
    both = '"credit.btc_call_ltv" = [0.7, 0.8]\n"credit.btc_liquidation_ltv" = [0.75, 0.9]\n'
    with pytest.raises(StudyError, match=r"^point 2 in mine.toml: .*btc_liquidation_ltv"):
        load(tmp_path, GRID + both)


def test_large_studies_are_checked_by_a_sample(tmp_path):
    """Of 300 points the corners, and some in between."""
    weights = (
        '"marking.market_weight" = { low = 0.1, high = 0.65 }\n'
        '"marking.income_weight" = { low = 0.1, high = 0.45 }\n'
    )
    text = GRID.replace('"grid"', '"random"\npoints = 300')
    with pytest.raises(StudyError, match=r"^the point with the highest value of every factor in") as caught:
        load(tmp_path, text + weights)
    assert "marking.income_weight" in str(caught.value)
    limits = (
        '"credit.btc_call_ltv" = { low = 0.7, high = 0.79 }\n'
        '"credit.btc_liquidation_ltv" = { low = 0.74, high = 0.8 }\n'
    )
    with pytest.raises(StudyError, match=r"^point \d+ in .* less than btc_liquidation_ltv"):
        load(tmp_path, text + limits)


def test_a_million_points():
    """Columns of a million entries, and a load that checks a sample of them."""
    study = Study.from_dict(
        {
            "scenario": "baseline_2026",
            "seed": 3,
            "replicates": 1,
            "design": {"kind": "random", "points": 10**6},
            "factors": {
                "shocks.btc_volatility": {"distribution": "lognormal", "median": 0.5, "sigma": 0.2},
                "secondary_market.rule": ["auction", "deep"],
                "horizon_weeks": {"low": 10, "high": 20},
            },
        }
    )
    points = study.points()
    volatility, _, weeks = points.columns
    assert len(points) == 10**6
    assert abs(np.mean(np.log(volatility / 0.5))) < 5 * 0.2 / 1e3
    assert abs(np.mean(weeks) - 15.0) < 5 * np.sqrt(10.0) / 1e3
    assert len(np.unique(points.first)) == len(np.unique(volatility))


def test_what_is_written_down_is_plain():
    study = Study.from_dict(
        {
            "scenario": "baseline_2026",
            "seed": 7,
            "replicates": 2,
            "design": {
                "kind": "product",
                "of": [
                    {"kind": "grid", "factors": ["start_date"]},
                    {"kind": "saltelli", "points": 4, "factors": ["shocks.btc_volatility"]},
                ],
            },
            "factors": {
                "shocks.btc_volatility": {"low": 0.5, "high": 0.8, "unit": "1/yr^0.5"},
                "start_date": [Scenario.load().start_date],
            },
        }
    )
    record = study.to_dict()
    assert json.loads(json.dumps(record)) == record
    assert record["scenarios"] == {"baseline_2026": Scenario.load().digest()}
    assert record["factors"] == {
        "start_date": {"values": ["2026-04-06"]},
        "shocks.btc_volatility": {"low": 0.5, "high": 0.8, "scale": "linear", "unit": "1/yr^0.5"},
    }
    assert record["design"]["of"][1] == {
        "kind": "saltelli",
        "points": 4,
        "second_order": True,
        "factors": ["shocks.btc_volatility"],
    }
    again = pickle.loads(pickle.dumps(study))
    assert again.to_dict() == study.to_dict()
    assert again.points().changes(5) == study.points().changes(5)


def test_differences_name_what_changed(tmp_path):
    (tmp_path / "base.toml").write_text('schema = 1\nbase = "baseline_2026"\n')
    text = GRID.replace("baseline_2026", "base.toml") + '"horizon_weeks" = [52, 104]\n'
    old = load(tmp_path, text)
    assert differences(old.to_dict(), load(tmp_path, text + "# a remark\n").to_dict()) == []
    (tmp_path / "base.toml").write_text('schema = 1\nbase = "baseline_2026"\n[shocks]\nbtc_drift = 0.11\n')
    edited = text.replace("seed = 7", "seed = 8").replace("104", "105") + '"channels.repo" = [true]\n'
    lines = differences(old.to_dict(), load(tmp_path, edited).to_dict())
    assert "seed was 7 and is 8" in lines
    assert "factors.horizon_weeks.values was [52, 104] and is [52, 105]" in lines
    assert "factors.channels.repo was none and is {'values': [True]}" in lines
    assert any(line.startswith("scenarios.base was ") for line in lines)  # its digest
    assert len(lines) == 4


def test_long_lists_are_recorded_by_their_hash():
    def record(last):
        values = [0.1 + k * 1e-5 for k in range(10_001)] + [last]
        given = {"scenario": "baseline_2026", "seed": 1, "replicates": 1, "design": {"kind": "list"}}
        return Study.from_dict(given | {"factors": {"shocks.btc_drift": values}})

    one, other = record(0.3), record(0.4)
    assert one.to_dict()["factors"]["shocks.btc_drift"]["count"] == 10_002
    assert [line.split()[0] for line in differences(one.to_dict(), other.to_dict())] == [
        "factors.shocks.btc_drift.sha256"
    ]


def test_a_name_from_any_file(tmp_path):
    assert load(tmp_path, HEAD, "my study (2).toml").name == "my_study__2_"


def test_errors_are_errors_of_scenarios_and_travel():
    error = StudyError('factors."x"', 3, "a field", "mine.toml")
    again = pickle.loads(pickle.dumps(error))
    assert isinstance(again, StudyError) and isinstance(again, ScenarioError)
    assert vars(again) == vars(error)
    assert error.exit_code == 2
    assert str(error) == 'factors."x" in mine.toml: 3 is not allowed; expected a field'
    assert type(StudyError("a", 1, "b").read_from("f.toml")) is StudyError


# The page on studies

EXAMPLES = re.findall(r"^```toml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
SIZES = [int(size) for size in re.findall(r"^<!-- (\d+) points -->$", PAGE, re.MULTILINE)]


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_studies_of_the_page_have_as_many_points_as_it_says(number, tmp_path):
    for name, text in re.findall(r"^`(\w+\.csv)`:\n\n```csv\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL):
        (tmp_path / name).write_text(text)
    assert len(SIZES) == len(EXAMPLES)
    assert len(load(tmp_path, EXAMPLES[number]).points()) == SIZES[number]


def test_the_page_names_everything():
    for name in (*KEYS, *Keep.model_fields, *KINDS, *DISTRIBUTIONS):
        assert f"`{name}`" in PAGE, name


def test_python_of_the_page_runs(capsys):
    for code in re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL):
        exec(compile(code, "studies.md", "exec"), {})
    assert capsys.readouterr().out.startswith("4 {'secondary_market.rule': 'auction', 'horizon_weeks': 52} ")
