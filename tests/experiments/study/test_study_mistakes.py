"""Mistakes that are easily made: the error, or the warning, says what was probably meant."""

import warnings

import pytest

from hashcredit.experiments import Study
from hashcredit.experiments.study.designs import KINDS, OTHER_NAMES
from hashcredit.experiments.study.distributions import DISTRIBUTIONS
from hashcredit.experiments.study.factors import OTHER_NAMES as OTHER_DISTRIBUTIONS
from hashcredit.experiments.study.files import StudyWarning
from hashcredit.simulator import Scenario
from hashcredit.simulator.errors import ScenarioError, StudyError

VOLATILITY, DRIFT = "shocks.btc_volatility", "shocks.btc_drift"


def study(design, factors):
    return Study.from_dict(
        {"scenario": "dump_10k_h100", "seed": 7, "replicates": 2, "design": design, "factors": factors}
    )


# Two levels and a range


@pytest.mark.parametrize("kind", ["random", "latin-hypercube", "sobol"])
def test_two_numbers_in_a_sample_are_two_levels_and_a_warning_says_so_once(kind):
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        made = study({"kind": kind, "points": 8}, {VOLATILITY: [0.4, 0.9], DRIFT: [0.0, 0.1]})
    (warning,) = seen
    assert warning.category is StudyWarning
    assert f'factors."{VOLATILITY}" has the two levels 0.4 and 0.9' in str(warning.message)
    assert f"and so do {DRIFT}" in str(warning.message)
    assert "{ low = 0.4, high = 0.9 }" in str(warning.message)
    assert set(made.points().columns[0]) == {0.4, 0.9}


def test_a_sampled_part_of_a_product_warns_and_a_grid_in_it_does_not():
    parts = [
        {"kind": "grid", "factors": ["horizon_weeks"]},
        {"kind": "random", "points": 4, "factors": [VOLATILITY]},
    ]
    with pytest.warns(StudyWarning, match="btc_volatility") as seen:
        study({"kind": "product", "of": parts}, {"horizon_weeks": [10, 20], VOLATILITY: [0.4, 0.9]})
    assert "horizon_weeks" not in str(seen[0].message)


@pytest.mark.parametrize(
    ("design", "values"),
    [
        ({"kind": "grid"}, [0.4, 0.9]),
        ({"kind": "random", "points": 4}, [0.4, 0.6, 0.9]),
        ({"kind": "random", "points": 4}, [0.4]),
        ({"kind": "random", "points": 4}, {"low": 0.4, "high": 0.9}),
    ],
)
def test_what_can_only_be_meant_does_not_warn(design, values):
    study(design, {VOLATILITY: values})


def test_words_and_switches_have_no_range_between_them():
    study({"kind": "random", "points": 4}, {"secondary_market.rule": ["auction", "deep"]})
    study({"kind": "random", "points": 4}, {"channels.repo": [True, False]})


# Names


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("lhs", "latin-hypercube"),
        ("LHC", "latin-hypercube"),
        ("latin_hypercube", "latin-hypercube"),
        ("Latin Hypercube", "latin-hypercube"),
        ("factorial", "grid"),
        ("full factorial", "grid"),
        ("sobol-indices", "saltelli"),
        ("sobol_indices", "saltelli"),
        ("monte carlo", "random"),
    ],
)
def test_a_design_under_another_name_is_suggested(said, meant):
    with pytest.raises(StudyError, match=f"^design.kind: '{said}' .*; did you mean '{meant}'\\?$"):
        study({"kind": said, "points": 8}, {VOLATILITY: {"low": 0.4, "high": 0.9}})


def test_other_names_lead_to_kinds_and_are_none():
    for names, known in ((OTHER_NAMES, KINDS), (OTHER_DISTRIBUTIONS, DISTRIBUTIONS)):
        assert set(names.values()) <= set(known) and not set(names) & set(known)
        assert all(name == name.lower() and " " not in name and "_" not in name for name in names)


def test_a_distribution_under_another_name_is_suggested():
    with pytest.raises(StudyError, match=r"'gaussian' .*; did you mean 'normal'\?$"):
        study({"kind": "random", "points": 4}, {DRIFT: {"distribution": "gaussian", "mean": 0, "sd": 0.1}})


@pytest.mark.parametrize(
    ("bare", "meant"),
    [
        ("recourse", "credit.recourse_share"),
        ("btc_volatility", VOLATILITY),
        ("BTC_drift", DRIFT),
        ("policy_rate", "credit.policy_rate"),
        ("btc_volatilty", VOLATILITY),
    ],
)
def test_a_field_without_its_section_is_found(bare, meant, tmp_path):
    asked = rf"did you mean '{meant}'"
    with pytest.raises(StudyError, match=asked):
        study({"kind": "grid"}, {bare: [0.5, 0.6]})
    with pytest.raises(ScenarioError, match=asked):
        Scenario.load().with_changes({bare: 0.5})
    file = tmp_path / "mine.toml"
    file.write_text(f'schema = 1\nbase = "baseline_2026"\n{bare} = 0.5\n')
    with pytest.raises(ScenarioError, match=asked):
        Scenario.load(file)


def test_a_field_in_another_section_is_found():
    with pytest.raises(ScenarioError, match=r"did you mean 'machine\.NAME\.kw'"):
        Scenario.load().with_changes({"credit.kw": 1.0})
    with pytest.raises(ScenarioError, match=r"did you mean 'credit\.policy_rate'"):
        Scenario.load().with_changes({"interventions": [{"week": 3, "field": "policy_rate", "value": 0.05}]})


# Files that belong to another command


def test_each_kind_of_file_says_who_takes_it(tmp_path):
    a_study, a_scenario = tmp_path / "study.toml", tmp_path / "scenario.toml"
    a_study.write_text('scenario = "dump_10k_h100"\nseed = 1\nreplicates = 2\n')
    a_scenario.write_text('schema = 1\nbase = "dump_10k_h100"\n')
    with pytest.raises(ScenarioError, match="file of a study, which `hashcredit sweep`"):
        Scenario.load(a_study)
    with pytest.raises(StudyError, match=r"a scenario, which `hashcredit run` takes .* 'scenario\.toml'"):
        Study.load(a_scenario)
    with pytest.raises(StudyError, match=r"a scenario, which `hashcredit run` takes .* 'dump_10k_h100'"):
        Study.load("dump_10k_h100")
    with pytest.raises(StudyError, match="file of a study"):
        Study.from_dict({"scenario": str(a_study), "seed": 1, "replicates": 1})
    (tmp_path / "manifest.json").write_text("{}")
    with pytest.raises(StudyError, match="folder of a study: `hashcredit sweep --out"):
        Study.load(tmp_path)
    with pytest.raises(ScenarioError, match="folder of a study, which `hashcredit status` takes"):
        Scenario.load(tmp_path)


# Days


def test_a_day_in_quotes_is_that_day(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text('schema = 1\nbase = "baseline_2026"\nstart_date = "2026-03-02"\n')
    plain = Scenario.load().with_changes({"name": "mine", "start_date": "2026-03-02"})
    assert Scenario.load(file) == plain and plain.start_date.isoformat() == "2026-03-02"
    assert Scenario.load().with_changes({"machine.H100.launch_date": "2022-10-10"}) is not None
    made = study({"kind": "grid"}, {"start_date": ["2026-03-02", "2026-04-06"]})
    assert made.scenario(made.points().changes(0)).start_date == plain.start_date


@pytest.mark.parametrize("text", ["2026-02-30", "20260302", "2026-W10-1", "March", "2026-3-2"])
def test_what_is_no_day_stays_refused(text, tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text(f'schema = 1\nbase = "baseline_2026"\nstart_date = "{text}"\n')
    with pytest.raises(ScenarioError, match=f"'{text}' is not allowed; expected a day such as 2026-04-06"):
        Scenario.load(file)
