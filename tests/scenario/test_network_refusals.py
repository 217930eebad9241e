"""Network files that are refused: one line that names the file, the line, the value and what is allowed.

The economy has the miners 0 to 5, the neoclouds 0 to 4, two banks, one private_credit and one bond_fund.
"""

import pytest
from small_economy import SMALL, with_files

from hashcredit.simulator import write_networks
from hashcredit.simulator.errors import ScenarioError


def head(lines):
    return "source,target\n" + lines


GRAPH = (
    '<graphml xmlns="http://graphml.graphdrawing.org/xmlns"><graph edgedefault="{}">\n{}\n</graph></graphml>'
)
EDGE = '<edge source="{}" target="{}"/>'


def directed(*edges, nodes=""):
    return GRAPH.format("directed", nodes + "\n".join(EDGE.format(*edge) for edge in edges))


CSV_REFUSED = {
    "empty": ("credit", "", "credit.csv", "first line is source,target; this is empty"),
    "head only": ("credit", head(""), "credit.csv", "at least one link"),
    "one column": ("credit", "source\nminer-0\n", "source", "source,target as the first line of credit.csv"),
    "a weight": ("credit", "source,target,weight\nminer-0,bank-0,1\n", "weight", "links carry no weights"),
    "other names": ("credit", "from,to\nminer-0,bank-0\n", "from,to", "source,target"),
    "semicolons": ("credit", "source;target\nminer-0;bank-0\n", "source;target", "source,target"),
    "three cells": ("credit", head("miner-0,bank-0,3\n"), "miner-0,bank-0,3", "two names, source"),
    "one cell": ("credit", head("\nminer-0\n"), "miner-0", "in line 3 of credit.csv"),
    "half a link": ("credit", head("miner-0,\n"), "miner-0,", "in line 2 of credit.csv"),
    "open quote": ("credit", head('"miner-0,bank-0\n'), "credit.csv", "a valid CSV file"),
    "zeros": ("credit", head("miner-0,bank-0\x00\n"), "bank-0", "in line 2 of credit.csv"),
    "not UTF-8": ("credit", b"source,target\nminer-\xff,bank-0\n", "credit.csv", "in UTF-8"),
    "unknown kind": ("credit", head("minr-3,bank-0\n"), "minr-3", "did you mean 'miner-3'? known are"),
    "too far": ("credit", head("miner-6,bank-0\n"), "miner-6", "miner-0 to miner-5, neocloud-0 to"),
    "underscore": ("credit", head("miner_2,bank-0\n"), "miner_2", "did you mean 'miner-2'?"),
    "hyphen": ("credit", head("miner-2,private-credit-0\n"), "private-credit-0", "'private_credit-0'"),
    "capital": ("trade", head("Miner-2,operator-0\n"), "Miner-2", "line 2 of trade.csv; did you mean 'm"),
    "leading zero": ("credit", head("miner-02,bank-0\n"), "miner-02", "did you mean 'miner-2'?"),
    "no number": ("credit", head("miner,bank-0\n"), "miner", "did you mean 'miner-0'?"),
    "other script": ("credit", head("miner-\u0663,bank-0\n"), "miner-\u0663", "known are miner-0 to"),
    "far away": ("credit", head("Kraken,bank-0\n"), "Kraken", "the name of an agent in line 2 of"),
    "itself": ("trade", head("miner-2,miner-2\n"), "miner-2 -> miner-2", "two different agents in line 2"),
    "lenders": ("credit", head("bank-0,bank-1\n"), "bank-0 -> bank-1", "and a lender (bank, private_c"),
    "borrowers": ("credit", head("miner-0,neocloud-1\n"), "miner-0 -> neocloud-1", "in line 2 of credit"),
    "a buyer": ("credit", head("miner-0,broker-1\n"), "miner-0 -> broker-1", "a borrower (miner or n"),
    "lender bids": ("trade", head("miner-0,bank-1\n"), "miner-0 -> bank-1", "and then a bidder (miner"),
    "buyer sells": ("trade", head("broker-0,miner-1\n"), "broker-0 -> miner-1", "a seller (miner, neo"),
    "twice": (
        "trade",
        head("miner-0,miner-1\nminer-1,miner-0\n\nminer-0,miner-1\n"),
        "miner-0 -> miner-1",
        "line 5 of trade.csv repeats line 2",
    ),
    "twice, turned": (
        "credit",
        head("miner-0,bank-1\nbank-1,miner-0\n"),
        "bank-1 -> miner-0",
        "line 3 of credit.csv repeats line 2",
    ),
    "alone": (
        "credit",
        head("miner-0,bank-1\nminer-2,bank-1\n"),
        "miner-1",
        "at least one lender for every borrower in credit.csv (9 borrowers have none)",
    ),
}

GRAPHML_REFUSED = {
    "empty": ("credit", "", "credit.graphml", "valid GraphML; no element found: line 1"),
    "truncated": ("credit", directed(("miner-0", "bank-0"))[:-15], "credit.graphml", "valid GraphML; "),
    "not XML": ("credit", head(""), "credit.graphml", "valid GraphML; syntax error: line 1"),
    "binary": ("credit", bytes(range(256)), "credit.graphml", "valid GraphML; "),
    "unknown encoding": (
        "credit",
        '<?xml version="1.0" encoding="klingon"?><graphml/>',
        "credit.graphml",
        "valid GraphML; ",
    ),
    "other XML": ("credit", "<svg/>", "<svg>", "<graphml> as the outermost element in line 1"),
    "no graph": ("credit", "<graphml/>", "credit.graphml", "a <graph>"),
    "no edge": ("credit", directed(), "credit.graphml", "at least one link"),
    "two graphs": (
        "credit",
        '<graphml><graph edgedefault="directed"/><graph edgedefault="directed"/></graphml>',
        "<graph>",
        "found a second one",
    ),
    "no direction": ("credit", "<graphml><graph/></graphml>", "(missing)", "edgedefault = 'directed' or"),
    "undirected": (
        "trade",
        GRAPH.format("undirected", EDGE.format("miner-0", "miner-1")),
        "undirected",
        "see line 2 of trade.graphml",
    ),
    "half an edge": (
        "trade",
        GRAPH.format("directed", '<edge source="miner-0"/>'),
        "miner-0 -> (missing)",
        "an edge with source and target in line 2 of trade.graphml",
    ),
    "a weight": (
        "trade",
        GRAPH.format("directed", '<edge source="miner-0" target="miner-1"><data key="w">2</data></edge>'),
        "miner-0 -> miner-1",
        "links carry no weights",
    ),
    "hyperedge": ("trade", GRAPH.format("directed", "<hyperedge/>"), "<hyperedge>", "nodes and edges only"),
    "node twice": (
        "trade",
        directed(nodes='<node id="bank-0"/><node id="bank-0"/>'),
        "bank-0",
        "id of its own",
    ),
    "node without id": ("trade", directed(nodes="<node/>"), "<node>", "id of its own in line 2"),
    "unknown node": (
        "trade",
        directed(("miner-0", "miner-1"), nodes='<node id="n0"/>\n'),
        "n0",
        "the name of an agent in line 2 of trade.graphml",
    ),
    "unknown end": (
        "trade",
        directed(("miner-0", "miner-1"), ("miner-0", "oprator-0")),
        "oprator-0",
        "line 3 of trade.graphml; did you mean 'operator-0'?",
    ),
    "itself": (
        "trade",
        directed(("miner-0", "miner-1"), ("bank-0", "bank-0")),
        "bank-0 -> bank-0",
        "in line 3 of trade.graphml",
    ),
}

REFUSED = [("csv", name, *case) for name, case in CSV_REFUSED.items()]
REFUSED += [("graphml", name, *case) for name, case in GRAPHML_REFUSED.items()]


@pytest.mark.parametrize(
    ("form", "network", "content", "value", "allowed"),
    [pytest.param(case[0], *case[2:], id=f"{case[0]}: {case[1]}") for case in REFUSED],
)
def test_refused_files(form, network, content, value, allowed, tmp_path):
    file = tmp_path / f"{network}.{form}"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ScenarioError) as caught:
        with_files(SMALL, **{network: file})
    error = caught.value
    assert error.field == f"networks.{network}_file"
    assert value in error.value and allowed in error.allowed
    message = str(error)
    assert file.name in message and "\n" not in message and not message.endswith("...")


def test_refused_references(tmp_path):
    (tmp_path / "credit.txt").write_text("x")
    cases = {
        tmp_path / "none.csv": "No such file",
        tmp_path: "this is a folder",
        tmp_path / "credit.txt": "ends in .graphml or .csv",
        "": "ends in .graphml or .csv",
        "a\0.csv": "a path to a file",
        "\udcff.csv": "a path to a file",
    }
    for path, allowed in cases.items():
        with pytest.raises(ScenarioError, match=rf"^networks\.credit_file: .*{allowed}"):
            with_files(SMALL, credit=path)
    with pytest.raises(ScenarioError, match=r"^networks\.trade_file: 'none'.*since trade_kind is 'file'"):
        SMALL.with_changes({"networks.trade_kind": "file"})
    credit, _, _ = write_networks(SMALL, 1, tmp_path)
    with pytest.raises(ScenarioError, match=r"^networks\.credit_kind: 'erdos-renyi'.*since credit_file is"):
        SMALL.with_changes({"networks.credit_file": str(credit)})
    with pytest.raises(ScenarioError, match=r"^networks\.credit_file: 5 .*a text or 'none'"):
        SMALL.with_changes({"networks.credit_kind": "file", "networks.credit_file": 5})


def test_a_network_belongs_to_its_population(tmp_path):
    scenario = with_files(SMALL, *write_networks(SMALL, 1, tmp_path)[:2])
    with pytest.raises(ScenarioError, match=r"'miner-5'.*known are miner-0 to miner-4"):
        scenario.with_changes({"population.miners": 5})


def test_too_many_links_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("hashcredit.simulator.scenario.network_files.MOST_LINKS", 3)
    with pytest.raises(ScenarioError, match=r"credit\.csv.*at most 3 links"):
        with_files(SMALL, write_networks(SMALL, 1, tmp_path, "csv")[0])
