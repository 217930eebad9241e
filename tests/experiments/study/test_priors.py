"""The prior of unsourced parameters: complete, within bounds, and what studies make of it."""

import pytest
from repository import ROOT

from hashcredit.experiments.study import priors as module
from hashcredit.experiments.study.priors import left_out, priors, unsourced_fields
from hashcredit.experiments.study.study import Study
from hashcredit.simulator import Scenario
from hashcredit.simulator.errors import StudyError

SAMPLE = {
    "scenario": "baseline_2026",
    "seed": 3,
    "replicates": 1,
    "design": {"kind": "latin-hypercube", "points": 150},
}


@pytest.fixture
def forgotten(monkeypatch):
    """A field of scenarios that the file does not know."""
    names = [*unsourced_fields(Scenario.load()), "credit.new_clause"]
    monkeypatch.setattr(module, "unsourced_fields", lambda _: names)
    module._all.cache_clear()
    yield "credit.new_clause"
    module._all.cache_clear()


def test_every_unsourced_field_has_a_range_or_a_reason_for_having_none():
    with_range = [each.field for each in priors()]
    assert sorted([*with_range, *left_out()]) == sorted(unsourced_fields(Scenario.load()))
    assert len(set(with_range)) == len(with_range)
    assert all(len(each.reason) > 10 for each in priors())


def test_a_field_that_is_forgotten_is_named(forgotten):
    with pytest.raises(StudyError, match=forgotten):
        priors()


def test_ranges_hold_the_baseline_and_lie_within_the_bounds_of_the_field():
    rows = {row.field: row for row in Scenario.load().describe()}
    for each in priors():
        row = rows[each.field]
        assert each.default == row.value
        if each.values:
            assert each.default in each.values, each.field
            assert len(set(each.values)) == len(each.values)
        else:
            assert row.low <= each.low < each.high <= row.high, each.field
            assert each.low <= each.default <= each.high, each.field
            assert each.scale == "linear" or each.low > 0.0


def test_every_point_of_the_prior_is_a_scenario():
    """Both ends of each range, the corners, and 150 points with all fields moved at once."""
    study = Study.from_dict(SAMPLE | {"priors": True})
    assert [factor.name for factor in study.factors] == [each.field for each in priors()]
    points = study.points()
    for place in range(len(points)):
        study.scenario(points.changes(place))


def test_a_study_takes_some_of_it_and_its_own_factor_goes_first():
    study = Study.from_dict(
        SAMPLE | {"priors": ["repo", "credit.marked_share"], "factors": {"repo.haircut": [0.1, 0.2, 0.3]}}
    )
    names = [factor.name for factor in study.factors]
    assert set(names) == {each.field for each in priors(fields=["repo", "credit.marked_share"])}
    assert "repo.memory_weeks" in names
    assert study.factors[names.index("repo.haircut")].values == (0.1, 0.2, 0.3)


def test_the_ranges_are_written_into_the_study():
    """A folder says what was varied, whatever the file says later."""
    study = Study.from_dict(SAMPLE | {"priors": ["marking"]})
    written = study.to_dict()["factors"]
    again = Study.from_dict(SAMPLE | {"factors": written})
    assert "priors" not in study.to_dict()
    assert [again.points().changes(n) for n in range(5)] == [study.points().changes(n) for n in range(5)]


def test_what_a_scenario_sets_itself_is_not_varied():
    story = Scenario.load("double_leverage")
    baseline = {row.field: row.value for row in Scenario.load().describe()}
    own = {row.field for row in story.describe() if baseline.get(row.field) != row.value}
    assert own & {each.field for each in priors()}
    assert {each.field for each in priors(story)} == {each.field for each in priors()} - own


@pytest.mark.parametrize(
    ("given", "named"),
    [
        (False, "priors"),
        ([], "priors"),
        ("credit", "priors"),
        (["credit.nothing"], "credit.nothing"),
        (["channels.repo"], "switched to be compared"),
    ],
)
def test_what_is_no_prior_is_refused(given, named):
    with pytest.raises(StudyError, match=named):
        Study.from_dict(SAMPLE | {"priors": given})


def test_the_studies_that_come_with_it_can_be_read():
    """The screening is over the whole prior, the variances over fields of it."""
    screening = Study.load(ROOT / "experiments" / "studies" / "prior_screening.toml")
    sobol = Study.load(ROOT / "experiments" / "studies" / "prior_sobol.toml")
    assert len(screening.factors) == len(priors())
    assert len(screening.points()) == 8 * (len(priors()) + 1)
    assert len(sobol.factors) == 12
    assert len(sobol.points()) == 128 * (12 + 2)
