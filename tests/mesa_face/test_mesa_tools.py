"""The Mesa face in company: Mesa's own tools, memory, imports, the event table, networks."""

import gc
import subprocess
import sys
import tracemalloc
import weakref

import mesa
import numpy as np
import pandas as pd
import pytest
from mesa.batchrunner import batch_run
from networkx import NetworkXError
from small_economy import FIRE_SALE as SMALL

from hashcredit.agents.views import NeoCloud
from hashcredit.simulator import MarketModel, Scenario, simulate, simulate_many
from hashcredit.simulator.mesa_face import model
from hashcredit.simulator.scenario.files import PACKAGED, packaged_names
from hashcredit.simulator.setup.prepare import prepare
from hashcredit.simulator.state.arrays import FIELDS

SHORT = SMALL.with_changes({"name": "short", "horizon_weeks": 4})


class Idle(NeoCloud):
    """A cloud with a hook that does nothing."""

    def after_investment(self):
        pass


class Collected(MarketModel):
    """A model as `batch_run` wants it: at module level, for its processes, and with a collector."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.datacollector = mesa.DataCollector(
            model_reporters={"defaults": lambda m: m.summary["defaults"], "week": "week"},
            agent_reporters={"name": "name", "cash": "cash", "alive": "alive"},
        )

    def step(self):
        super().step()
        self.datacollector.collect(self)


# With Mesa's tools


def test_data_collector():
    collected = Collected(SHORT, rng=5)
    series = collected.run().series
    weekly = collected.datacollector.get_model_vars_dataframe()
    assert weekly["week"].tolist() == [1, 2, 3, 4]
    defaults = series.filter(like="defaults_").sum(axis=1)
    assert weekly["defaults"].tolist() == defaults.tolist() and defaults.iloc[-1] > 0
    agents = collected.datacollector.get_agent_vars_dataframe()
    borrowers = agents[agents["name"].str.match("miner|neocloud")].groupby("Step")
    np.testing.assert_allclose(borrowers["cash"].sum(), series["borrower_cash_musd"], rtol=1e-12)
    assert borrowers["alive"].sum().tolist() == (series["alive_miners"] + series["alive_neoclouds"]).tolist()


@pytest.mark.parametrize("processes", [1, 2])
def test_batch_run(processes):
    rows = batch_run(
        Collected,
        {"scenario": [SHORT, "deep_market"][: 3 - processes], "rng": 5, "replicate": range(2)},
        number_processes=processes,
        max_steps=SHORT.horizon_weeks if processes == 2 else 1000,
        display_progress=False,
    )
    wanted = simulate_many([SHORT, "deep_market"][: 3 - processes], seed=5, replicates=2).summary
    runs = pd.DataFrame(rows).drop_duplicates("RunId").sort_values("RunId")
    assert runs["defaults"].tolist() == wanted["defaults"].tolist()


# Memory and imports


def test_a_model_is_released_at_once():
    gc.collect()
    gc.disable()
    try:
        known = len(mesa.Agent._ids)
        released = []
        for _ in range(3):
            one = MarketModel(SHORT, rng=1, agent_classes=[Idle])
            one.run()
            released.append(weakref.ref(one))
            agent, step = one.borrowers[0], one.step
            del one
        assert [ref() for ref in released] == [None] * 3, "without help of the garbage collector"
        assert len(mesa.Agent._ids) == known
    finally:
        gc.enable()
    with pytest.raises(ReferenceError, match="the model of miner-0 is gone"):
        _ = agent.cash
    with pytest.raises(ReferenceError, match="the model is gone"):
        step()


def test_thirty_models_take_the_memory_of_one():
    def one_after_another(count):
        for replicate in range(count):
            MarketModel(SHORT, rng=1, replicate=replicate).run()

    one_after_another(2)  # what is imported, compiled and cached for ever
    economy = MarketModel(SHORT, rng=1).economy
    tables = sum(getattr(economy, name).nbytes for name in FIELDS)
    tracemalloc.start()
    try:
        one_after_another(2)
        first, first_peak = tracemalloc.get_traced_memory()
        one_after_another(30)
        last, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert last - first < tables
    assert peak - first_peak < tables


def test_unique_ids_count_from_one():
    one = MarketModel(SHORT, rng=1)
    assert [agent.unique_id for agent in one.agents] == list(range(1, len(one.agents) + 1))
    assert mesa.Agent(one).unique_id == len(one.agents) == 24 + len(one.lenders) + len(one.buyers) + 1


def test_mesa_comes_with_the_model_only():
    code = (
        "import multiprocessing, sys\n"
        "import hashcredit.simulator as simulator\n"
        "simulator.simulate, simulator.simulate_many, simulator.Scenario\n"
        "import hashcredit.experiments.commands.cli\n"
        "print('mesa' in sys.modules, multiprocessing.get_start_method(allow_none=True))\n"
        "simulator.MarketModel\n"
        "print('mesa' in sys.modules, multiprocessing.get_start_method(allow_none=True))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.splitlines() == ["False None", "True spawn"]


# The bound on events


@pytest.mark.parametrize("name", packaged_names(PACKAGED))
def test_the_bound_on_events_is_far_away(name):
    """It is meant for one phase; a whole week stays below a quarter of it."""
    scenario = Scenario.load(name)
    busiest = simulate(scenario, seed=1).events.groupby("week").size().max()
    assert 4 * busiest < model.most_events(prepare(scenario, 1))


# Networks


def test_credit_network():
    stepped = MarketModel(SMALL, rng=5)
    stepped.step()
    graph = stepped.credit_network()
    assert set(graph) == {agent.name for agent in (*stepped.borrowers, *stepped.lenders)}
    assert sum(face for *_, face in graph.edges(data="face")) == pytest.approx(
        stepped.series["debt_musd"].iloc[-1], rel=1e-12
    )
    borrower = stepped.borrowers[15]
    owed = sum(graph.edges[borrower.name, lender]["face"] for lender in graph[borrower.name])
    assert owed == pytest.approx(borrower.debt, rel=1e-12)
    with pytest.raises(NetworkXError, match="Frozen"):
        graph.add_edge("bank-0", "miner-0")


def test_trade_network():
    one = MarketModel(SMALL, rng=5)
    graph = one.trade_network()
    assert graph.number_of_edges() == len(one.economy.trade_seller)
    assert all(agent.name in graph for agent in one.agents)
    scrap = [agent.name for agent in one.buyers if agent.kind == "scrap_dealer"]
    for agent in (*one.borrowers, *one.lenders):
        assert len(set(graph[agent.name]) & set(scrap)) == min(10, len(scrap))
        assert agent.name not in graph[agent.name], "nobody bids for their own machines"
    space = mesa.discrete_space.Network(graph, random=one.random)
    assert len(list(space.all_cells)) == len(one.agents)
