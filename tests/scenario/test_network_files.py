"""Networks from files: round trips, what may be linked, and how a wrong file is refused."""

import json
import shutil

import networkx as nx
import numpy as np
import pytest
from small_economy import SMALL, with_files
from stores import write_run_folder

from hashcredit.simulator import Scenario, simulate, simulate_many, write_networks
from hashcredit.simulator.errors import OutputFolderError, ScenarioError
from hashcredit.simulator.provenance import provenance, rebuild
from hashcredit.simulator.scenario.network_files import BORROWERS, BUYERS, LENDERS, agent_names
from hashcredit.simulator.setup.networks import Networks, build_networks

FORMATS = ("graphml", "csv")
TRADE, CLAIMS = (Networks._fields.index(f"{name}_start") for name in ("trade", "claim"))
"""Places in `Networks` of the first array of each; credit comes before."""


def assert_same_networks(first, second):
    for a, b in zip(first, second, strict=True):
        assert a.dtype == b.dtype and np.array_equal(a, b)


# Round trips


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("kind", ["erdos-renyi", "scale-free", "complete"])
def test_a_drawn_network_comes_back_from_a_file(kind, form, tmp_path):
    drawn = SMALL.with_changes({"networks.credit_kind": kind, "networks.trade_kind": kind})
    credit, trade, _ = write_networks(drawn, 4, tmp_path / "new", form)
    assert (credit.name, trade.name) == (f"credit.{form}", f"trade.{form}")
    read = with_files(drawn, credit, trade)
    again, first = build_networks(read, 99), build_networks(drawn, 4)
    assert_same_networks(again[:CLAIMS], first[:CLAIMS])  # no seed has a say in a file
    assert_same_networks(again[CLAIMS:], build_networks(drawn, 99)[CLAIMS:])


def test_write_networks_takes_what_simulate_takes(tmp_path):
    (tmp_path / "small.toml").write_text(SMALL.to_toml())
    given = {"object": SMALL, "path": tmp_path / "small.toml", "text": str(tmp_path / "small.toml")}
    texts = {name: write_networks(one, 4, tmp_path / name)[0].read_text() for name, one in given.items()}
    assert texts["object"] == texts["path"] == texts["text"] != ""
    assert "miner-0" in write_networks("dump_10k_h100", 1, tmp_path / "named", "csv")[0].read_text()
    with pytest.raises(ScenarioError, match=r"^scenario: 7 is not allowed; expected a Scenario, the name"):
        write_networks(7, 1, tmp_path / "no")
    with pytest.raises(ScenarioError, match=r"^seed: -1 is not allowed"):
        write_networks(SMALL, -1, tmp_path / "no")


@pytest.mark.parametrize("form", FORMATS)
def test_a_run_on_the_file_is_the_run_on_the_drawn_network(form, tmp_path):
    credit, trade, _ = write_networks(SMALL, 4, tmp_path, form)
    drawn, read = simulate(SMALL, 4), simulate(with_files(SMALL, credit, trade), 4)
    for table in (
        "borrowers",
        "lenders",
        "buyers",
        "loans",
        "clock",
        "market",
        "repo",
        "outcomes",
        "flows",
        "series",
        "events",
    ):
        assert getattr(drawn.economy, table).tobytes() == getattr(read.economy, table).tobytes()


def test_each_network_may_come_from_a_file_alone(tmp_path):
    credit, trade, _ = write_networks(SMALL, 4, tmp_path, "csv")
    other = build_networks(SMALL, 5)
    first = build_networks(with_files(SMALL, credit=credit), 5)
    assert_same_networks(first[TRADE:], other[TRADE:])
    assert not np.array_equal(first.credit_lender, other.credit_lender)
    second = build_networks(with_files(SMALL, trade=trade), 5)
    assert_same_networks(second[:TRADE], other[:TRADE])
    assert not np.array_equal(second.trade_seller, other.trade_seller)


def test_networkx_reads_what_is_written_and_the_other_way_round(tmp_path):
    credit, trade, _ = write_networks(SMALL, 1, tmp_path / "ours")
    graphs = {"credit": nx.read_graphml(credit), "trade": nx.read_graphml(trade)}
    assert graphs["credit"].nodes["private_credit-0"] == {"kind": "private_credit"}
    assert set(graphs["trade"].nodes) == set(agent_names(SMALL.population, BORROWERS | LENDERS | BUYERS))
    nx.write_graphml(graphs["credit"].to_undirected(), tmp_path / "credit.graphml")
    nx.write_graphml(graphs["trade"], tmp_path / "trade.graphml")
    read = with_files(SMALL, tmp_path / "credit.graphml", tmp_path / "trade.graphml")
    assert_same_networks(build_networks(read, 1), build_networks(SMALL, 1))


def test_names_follow_the_rows_of_the_tables():
    opening = simulate(SMALL).opening
    for table, kinds in (("borrowers", BORROWERS), ("lenders", LENDERS), ("buyers", BUYERS)):
        names = [name.rpartition("-")[0] for name in agent_names(SMALL.population, kinds)]
        assert names == opening[table]["kind"].tolist()


# What a file may leave out


def test_isolated_agents_stay_isolated(tmp_path):
    lines = [f"{name},bank-1" for name in agent_names(SMALL.population, BORROWERS)]
    (tmp_path / "credit.csv").write_text("source,target\n" + "\n".join(reversed(lines)))
    (tmp_path / "trade.csv").write_text("source,target\nbank-1,scrap_dealer-1\nminer-3,neocloud-0\n")
    scenario = with_files(SMALL, tmp_path / "credit.csv", tmp_path / "trade.csv")
    networks = build_networks(scenario, 1)
    assert networks.credit_lender.tolist() == [1] * 11
    assert networks.credit_start.tolist() == list(range(12))
    assert networks.trade_seller.tolist() == [3, 11 + 1]
    assert np.flatnonzero(np.diff(networks.trade_start)).tolist() == [6, len(networks.trade_start) - 2]
    run = simulate(scenario, check=True)
    assert set(run.opening["loans"]["holder"]) == {1}


def test_spreadsheets_and_blanks_are_understood(tmp_path):
    rows = "\r\n".join(f'"bank-0", {name} ' for name in agent_names(SMALL.population, BORROWERS))
    (tmp_path / "credit.CSV").write_bytes(f"\ufeffsource , target\r\n\r\n{rows}\r\n,\r\n".encode())
    assert set(build_networks(with_files(SMALL, tmp_path / "credit.CSV"), 1).credit_lender) == {0}


# The file and the scenario


def test_a_path_belongs_to_the_scenario_file_that_names_it(tmp_path, monkeypatch):
    baseline = Scenario.load()
    home = tmp_path / "home"
    write_networks(baseline, 1, home / "nets")
    text = 'schema = 1\nbase = "baseline_2026"\n[networks]\ncredit_kind = "file"\n'
    (home / "parent.toml").write_text(text + 'credit_file = "nets/credit.graphml"\n')
    (tmp_path / "child.toml").write_text('schema = 1\nbase = "home/parent.toml"\nhorizon_weeks = 9\n')
    monkeypatch.chdir(home)  # the place of the reader does not matter
    scenario = Scenario.load(tmp_path / "child.toml")
    assert scenario.networks.credit_file.startswith(f"{home}/nets/credit.graphml#sha256=")
    monkeypatch.chdir(home / "nets")
    assert with_files(baseline, "credit.graphml").networks == scenario.networks
    copy = tmp_path / "copy.toml"
    copy.write_text(scenario.to_toml(comments=True))
    assert Scenario.load(copy) == scenario
    back = scenario.with_changes({"networks.credit_kind": "block", "networks.credit_file": "none"})
    assert back.networks.credit_file is None


def test_links_and_detours_in_a_path_lead_to_the_same_file(tmp_path):
    credit, _, _ = write_networks(SMALL, 1, tmp_path / "deep" / "nets", "csv")
    (tmp_path / "link").symlink_to(tmp_path / "deep" / "nets")
    detour = with_files(SMALL, tmp_path / "link" / ".." / "nets" / "credit.csv")
    assert detour == with_files(SMALL, credit) == with_files(SMALL, tmp_path / "link" / "credit.csv")
    assert detour.with_changes({"horizon_weeks": 9}).networks == detour.networks


def test_the_digest_knows_what_a_file_holds_and_not_where_it_lies(tmp_path):
    credit, _, _ = write_networks(SMALL, 1, tmp_path, "csv")
    shutil.copy(credit, tmp_path / "again.csv")
    (tmp_path / "other.csv").write_text(credit.read_text() + "\n")
    scenarios = [with_files(SMALL, tmp_path / name) for name in ("credit.csv", "again.csv", "other.csv")]
    digests = [scenario.digest() for scenario in scenarios]
    assert digests[0] == digests[1] != digests[2]
    assert SMALL.digest() not in digests


def test_a_changed_file_is_noticed(tmp_path):
    credit, _, _ = write_networks(SMALL, 1, tmp_path, "csv")
    record = json.loads(json.dumps(provenance(with_files(SMALL, credit), 3, 2)))
    assert rebuild(record) == (with_files(SMALL, credit), 3, 2)
    credit.write_text(credit.read_text() + "\n")
    with pytest.raises(ScenarioError, match=r"networks\.credit_file: .*credit\.csv.*it has changed"):
        rebuild(record)
    credit.unlink()
    with pytest.raises(ScenarioError, match="No such file"):
        rebuild(record)


def test_a_result_folder_carries_its_networks(tmp_path):
    scenario = with_files(SMALL, *write_networks(SMALL, 1, tmp_path / "nets")[:2])
    many, run = simulate_many(scenario, 1, 2), simulate(scenario, 1)
    write_run_folder(tmp_path / "result", scenario, many, run, figures=False)
    shutil.rmtree(tmp_path / "nets")
    folder = shutil.move(tmp_path / "result", tmp_path / "elsewhere")
    record = json.loads((folder / "provenance.json").read_text())
    again, seed, replicate = rebuild(record, folder)
    assert again == Scenario.load(folder / "scenario.toml")
    assert again.digest() == scenario.digest()
    assert simulate(again, seed, replicate).economy.series.tobytes() == run.economy.series.tobytes()


def test_files_that_exist_are_not_overwritten(tmp_path):
    (tmp_path / "trade.csv").write_text("mine")
    with pytest.raises(OutputFolderError, match=r"holds trade\.csv already"):
        write_networks(SMALL, 1, tmp_path, "csv")
    assert (tmp_path / "trade.csv").read_text() == "mine"
    with pytest.raises(ScenarioError, match="'graphml' or 'csv'"):
        write_networks(SMALL, 1, tmp_path, "gexf")
    with pytest.raises(OutputFolderError, match="cannot be written"):
        write_networks(SMALL, 1, tmp_path / "trade.csv" / "deeper")
