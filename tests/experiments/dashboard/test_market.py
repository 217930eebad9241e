"""A market that is watched is the run of `simulate`, whatever is looked at on the way."""

import gc
import threading
import weakref

import numpy as np
import pytest
from pandas.testing import assert_frame_equal

from hashcredit.experiments.dashboard.market import NEAR, TELLING, WEAK, Market
from hashcredit.experiments.dashboard.settings import Settings
from hashcredit.experiments.measures.collateral_values import collateral_values
from hashcredit.simulator import MarketModel, simulate
from hashcredit.simulator.state.codes import EventKind

WEEKS = 20


@pytest.fixture(scope="module")
def settings():
    return Settings.load("dump_10k_h100")


@pytest.fixture(scope="module")
def market(settings):
    market = Market(settings)
    market.step(WEEKS)
    return market


@pytest.fixture(scope="module")
def run(settings):
    return simulate(settings.scenario.with_changes({"horizon_weeks": WEEKS}), settings.seed)


def test_the_market_is_the_run_bit_for_bit(market, run):
    assert market.week == WEEKS
    assert market.run.summary == pytest.approx(run.summary, rel=0.0, abs=0.0, nan_ok=True)
    assert_frame_equal(market.series, run.series, check_exact=True)
    assert_frame_equal(market.run.events, run.events, check_exact=True)


def test_steps_of_any_length_come_to_the_same(settings, market):
    one_by_one = Market(settings, look_every=0)
    for _ in range(WEEKS):
        one_by_one.step()
    assert_frame_equal(one_by_one.series, market.series, check_exact=True)
    assert one_by_one.looks == ()


def test_looks_are_those_of_the_measure(settings, market):
    table = collateral_values(
        settings.scenario.with_changes({"horizon_weeks": WEEKS}), seeds=[1], replicates=1, every=4
    ).table
    total = table[table["level"] == "total"].set_index("week")
    assert [look.week for look in market.looks] == [0, 4, 8, 12, 16]
    for look in market.looks:
        row = total.loc[look.week]
        found = look.paper, look.market, look.liquidation
        assert found == tuple(row[f"{name}_ltv"] for name in ("paper", "market", "liquidation"))


def test_a_look_on_demand_is_taken_once(settings):
    market = Market(settings, look_every=0)
    market.look()
    assert market.looks == ()  # no week is over
    market.step(3)
    market.look()
    market.look()
    assert [look.week for look in market.looks] == [2]


def test_failures_are_those_of_the_tree(market, run):
    tree = run.contagion_tree()
    assert [failure.name for failure in market.failures] == list(tree)
    assert all(tree.nodes[each.name]["week"] == each.week for each in market.failures)
    assert "forced" in market.failures[-1].words


def test_distress_has_everybody_and_agrees_with_the_tables(market, run):
    names = [name for table in ("borrowers", "lenders") for name in run.tables[table]["name"]]
    assert list(market.distress) == names
    failed = {name for name, state in market.distress.items() if state == "failed"}
    assert failed == {failure.name for failure in market.failures} != set()
    called = run.tables["lenders"].query("called > 0 and status == 'alive'")["name"]
    assert all(market.distress[name] == "pressed" for name in called)
    assert {"calm", "weak", "pressed"} <= set(market.distress.values())


def test_cover_is_that_of_the_agents(settings):
    """Who covers less than its debt service is pressed, on the Mesa face as on the page."""
    model = MarketModel(settings.scenario, rng=settings.seed)
    market = Market(settings, look_every=0)
    for _ in range(8):
        model.step()
    market.step(8)
    for agent in model.borrowers:
        if agent.alive and agent.dscr < NEAR:
            assert market.distress[agent.name] == "pressed", agent.name
        elif agent.alive and agent.dscr < WEAK:
            assert market.distress[agent.name] in ("weak", "pressed"), agent.name
    calm = [agent for agent in model.borrowers if market.distress[agent.name] == "calm"]
    assert calm and all(agent.alive and agent.dscr >= WEAK for agent in calm)


def test_links_hold_all_debt(market):
    loans = market.run.tables["loans"].query("status in ('performing', 'defaulted')")
    assert market.links["principal"].sum() == pytest.approx(loans["principal"].sum(), rel=1e-12)


def test_nobody_moves_on_the_rings(settings):
    market = Market(settings, look_every=0)
    before = {name: tuple(place) for name, place in market.places.place.items()}
    market.step(WEEKS)
    assert {name: tuple(place) for name, place in market.places.place.items()} == before
    assert len(before) == len(market.distress)


def test_flows_of_the_week_are_those_of_events_and_series(settings):
    market = Market(settings, look_every=0)
    assert market.flows == []
    bought = sold = seized = 0
    for _ in range(WEEKS):
        market.step()
        bought += sum(flow.bought_new for flow in market.flows)
        sold += sum(flow.sold for flow in market.flows)
        seized += sum(flow.seized for flow in market.flows)
    events = market.run.events
    units = events.groupby("kind")["units"].sum()
    assert (bought, seized) == (units["purchase"], units["seizure"])
    assert sold == market.series["units_sold"].sum() > 0


def test_the_log_is_newest_first_and_leaves_business_out(market):
    short, long = market.log(), market.log(everything=True, most=500)
    assert short["week"].is_monotonic_decreasing
    assert set(short["kind"]) <= set(TELLING) <= {kind.name.lower() for kind in EventKind}
    assert "purchase" in set(long["kind"]) and len(long) == 500


def test_the_horizon_ends_it(settings):
    market = Market(settings.with_field("horizon_weeks", 9), look_every=0)
    market.step(50)
    assert (market.week, market.is_over) == (9, True)
    market.step()
    assert market.week == 9


def test_a_market_that_nobody_wants_is_released(settings):
    market = Market(settings, look_every=0)
    market.step()
    gone = weakref.ref(market), weakref.ref(market._model)
    del market
    gc.collect()
    assert [each() for each in gone] == [None, None]


def test_who_reads_while_another_thread_steps_sees_whole_weeks(settings):
    market = Market(settings, look_every=0)
    thread = threading.Thread(target=lambda: [market.step() for _ in range(30)])
    thread.start()
    while thread.is_alive():
        run = market.run
        assert np.isfinite(run.series["debt_musd"]).all()
        assert len(run.series) == int(run.economy.clock["week"][0])
    thread.join()
    assert market.week == 30
