"""What a page is about: changes wait for the next market, two share their draws, sessions share nothing."""

import pytest
from pandas.testing import assert_frame_equal

from hashcredit.experiments.dashboard.session import FIRST, SECOND, Session, explain
from hashcredit.experiments.dashboard.settings import Settings
from hashcredit.simulator.errors import HashcreditError, ScenarioError

SMALL = {"population.miners": 12, "population.neoclouds": 12}


@pytest.fixture
def session():
    settings = Settings.load("dump_10k_h100")
    for field, value in SMALL.items():
        settings = settings.with_field(field, value)
    return Session(settings, look_every=0)


def test_a_change_waits_for_the_next_market(session):
    session.step(5)
    session.set_field(FIRST, "shocks.btc_volatility", 0.9)
    assert session.is_changed and session.week == 5
    assert session.markets[FIRST].settings.changes == SMALL
    session.step(2)
    assert not session.is_changed and session.week == 2
    assert session.markets[FIRST].run.setup.scenario.shocks.btc_volatility == 0.9


def test_undo_goes_back_to_the_market_that_runs(session):
    session.step(5)
    session.pick(FIRST, "thin_market")
    session.undo()
    assert not session.is_changed
    session.step()
    assert session.week == 6


def test_reset_begins_again(session):
    session.step(3)
    first = session.markets[FIRST].series
    session.reset()
    assert session.week == 0
    session.step(3)
    assert_frame_equal(session.markets[FIRST].series, first, check_exact=True)


def test_what_is_refused_changes_nothing(session):
    session.step(2)
    for wrong in (
        lambda: session.set_field(FIRST, "credit.origination_ltv", 7.0),
        lambda: session.set_field(FIRST, "credit.origination_ltv", "much"),
        lambda: session.pick(FIRST, "no_such_scenario"),
        lambda: session.assign(FIRST, "credit.cure_weeks"),
        lambda: session.assign(FIRST, "credit.cure_week=3"),
        lambda: session.set_draws(-1, 0),
        lambda: session.set_draws("x", 0),
    ):
        with pytest.raises(HashcreditError):
            wrong()
        assert not session.is_changed and session.week == 2


def test_any_field_can_be_assigned(session):
    session.assign(FIRST, " credit.cure_weeks=8 ")
    assert session.settings[FIRST].scenario.credit.cure_weeks == 8
    with pytest.raises(ScenarioError, match="cure_weeks"):
        session.assign(FIRST, "credit.cure_week=3")


def test_two_settings_have_the_same_draws(session):
    session.compare(True)
    session.set_field(SECOND, "channels.fire_sale", False)
    session.set_draws(3, 2)
    session.step(30)
    first, second = (session.markets[name] for name in (FIRST, SECOND))
    assert (first.settings.seed, first.settings.replicate) == (3, 2)
    assert (second.settings.seed, second.settings.replicate) == (3, 2)
    # the rent of a reference GPU answers to no sale of machines
    assert first.series["rent_index_usd_h"].iloc[0] == second.series["rent_index_usd_h"].iloc[0]
    assert first.series["btc_price_usd"].iloc[0] == second.series["btc_price_usd"].iloc[0]
    assert not first.series["sale_proceeds_musd"].equals(second.series["sale_proceeds_musd"])


def test_equal_settings_side_by_side_are_equal(session):
    session.compare(True)
    session.step(10)
    assert_frame_equal(session.markets[FIRST].series, session.markets[SECOND].series, check_exact=True)


def test_a_comparison_ends(session):
    session.compare(True)
    session.step()
    session.compare(False)
    assert session.is_changed
    session.step()
    assert set(session.markets) == {FIRST}


def test_sessions_share_nothing(session):
    other = Session(session.settings[FIRST], look_every=0)
    session.step(4)
    session.set_field(FIRST, "channels.repo", False)
    assert other.week == 0
    assert other.settings[FIRST].changes == SMALL


def test_a_file_is_among_the_choices(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text(Settings.load("thin_market").toml("mine"))
    session = Session(Settings.load(str(file)))
    assert session.choices[0] == str(file)
    session.pick(FIRST, "baseline_2026")
    session.pick(FIRST, str(file))
    assert session.settings[FIRST].base.name == "mine"


def test_a_failure_is_explained_under_its_own_settings(session):
    session.step(20)
    failures = session.failures()
    words, (settings, failure) = next(iter(failures.items()))
    assert words.startswith(failure.name)
    session.set_field(FIRST, "channels.repo", False)  # what comes next is another matter
    said = explain(settings, failure.name)
    assert said.startswith("dump_10k_h100 with population.miners = 12")
    assert f"{failure.name} failed in week {failure.week}" in said
    assert "without channels" in said


def test_failures_of_two_settings_are_told_apart(session):
    session.compare(True)
    session.step(20)
    assert {words[:3] for words in session.failures()} == {"A: ", "B: "}
