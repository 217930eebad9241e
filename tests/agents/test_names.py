"""Agents are called the same everywhere: tables, event log, failures, views, networks and their files."""

import networkx as nx
import numpy as np
import pytest
from small_economy import FIRE_SALE

from hashcredit.agents.dimensions import LenderKind
from hashcredit.agents.names import agent_name, names_of_rows, number_in
from hashcredit.simulator import MarketModel, simulate, write_networks
from hashcredit.simulator.scenario.network_files import BORROWERS, BUYERS, LENDERS, agent_names

KINDS = {"borrowers": BORROWERS, "lenders": LENDERS, "buyers": BUYERS}


@pytest.fixture(scope="module")
def run():
    return simulate(FIRE_SALE, seed=1)


def test_numbers_count_within_a_kind_in_the_order_of_the_rows():
    order = ["BANK", "BOND_FUND", "BANK", "PRIVATE_CREDIT"]
    kinds = np.array([LenderKind[name] for name in order])
    named = ["bank-0", "bond_fund-0", "bank-1", "private_credit-0"]
    assert names_of_rows(kinds, LenderKind).tolist() == named
    assert number_in(agent_name("private_credit", 12)) == "12"


def test_tables_have_row_and_name_as_network_files_do(run):
    for moment in (run.opening, run.tables):
        for table, kinds in KINDS.items():
            assert moment[table]["name"].tolist() == agent_names(FIRE_SALE.population, kinds)
            assert moment[table]["row"].tolist() == moment[table].index.tolist()


def test_names_stand_beside_rows(run):
    loans, orders = run.tables["loans"], run.tables["orders"]
    borrowers, lenders = run.tables["borrowers"]["name"], run.tables["lenders"]["name"]
    assert loans["obligor_name"].tolist() == borrowers[loans["obligor"]].tolist()
    assert loans["holder_name"].tolist() == lenders[loans["holder"]].tolist()
    assert orders["borrower_name"].tolist() == borrowers[orders["borrower"]].tolist()


def test_the_log_names_both_sides_of_an_event(run):
    log = run.events
    table_of = {"miners": "borrowers", "neoclouds": "borrowers", "lenders": "lenders", "buyers": "buyers"}
    for side in ("agent", "counterparty"):
        kinds = log[f"{side}_kind"]
        assert set(kinds) >= {"miners", "neoclouds", "lenders"}
        for kind, table in table_of.items():
            mine = log[kinds == kind]
            assert mine[f"{side}_name"].tolist() == run.tables[table]["name"][mine[side]].tolist()
        assert set(log.loc[~kinds.isin(table_of), f"{side}_name"]) <= {""}


def test_failures_are_called_as_in_the_log(run):
    failed = run.events[run.events["kind"].isin(["default", "lender_failure"])]
    assert len(failed) and list(run.contagion_tree()) == failed["agent_name"].tolist()


def test_views_and_network_files_have_the_names_of_the_tables(run, tmp_path):
    model = MarketModel(FIRE_SALE, rng=1)
    for table in KINDS:
        assert [agent.name for agent in getattr(model, table)] == run.opening[table]["name"].tolist()
    credit, trade, _ = write_networks(FIRE_SALE, 1, tmp_path)
    assert set(nx.read_graphml(credit)) == set(model.credit_network())
    assert {frozenset(link) for link in nx.read_graphml(trade).edges} == {
        frozenset(link) for link in model.trade_network().edges
    }
