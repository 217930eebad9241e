"""The contagion tree: hand-made logs with known chains, and the logs of runs walked a second, naive way."""

import io

import networkx as nx
import pandas as pd
import pytest

from hashcredit.simulator import Scenario, simulate
from hashcredit.simulator.reports.contagion_tree import (
    FAILURES,
    cascade_depth,
    cascade_sizes,
    cascades,
    contagion_tree,
    descendants,
    largest_cascade,
)

BASELINE = Scenario.load()
DUMP = {"week": 8, "machine": "H100", "units": 30_000}
HARSH = {
    "shocks.forced_default": DUMP,
    "credit.marked_share": 1.0,
    "credit.enforcement": "always",
    "marking.market_weight": 0.95,
    "marking.depth_share": 0.002,
    "lenders.bank.equity_ratio": 0.07,
}
"""Every loan is marked to prices that follow trades at once, and every breach is enforced."""

COLUMNS = ["week", "kind", "agent_kind", "agent", "agent_name", "amount_musd", "cause", "channel", "parent"]


def log(*rows):
    """An event log from rows (week, kind, agent_kind, agent, name, amount, cause, channel, parent)."""
    frame = pd.DataFrame(list(rows), columns=COLUMNS)
    return frame.astype({"week": "int32", "agent": "int32", "parent": "int64", "amount_musd": float})


def default(week, who, parent, *, debt=1.0, cause="insolvency", channel="none"):
    kind, agent = who.split("-")
    return week, "default", f"{kind}s", int(agent), who, debt, cause, channel, parent


def lender_failure(week, agent, parent, channel="none"):
    return week, "lender_failure", "lenders", agent, f"bank-{agent}", -3.0, "none", channel, parent


def between(week, kind, parent, channel="none"):
    return week, kind, "lenders", 0, "bank-0", 5.0, "none", channel, parent


CHAIN = log(
    between(0, "launch", -1),  # 0
    default(2, "neocloud-7", -1, debt=50.0, cause="forced", channel="exogenous"),  # 1
    between(10, "seizure", 1),  # 2
    between(10, "sale", 1),  # 3
    between(11, "borrowing_base_call", 3, "machine_price"),  # 4
    between(16, "acceleration", 4, "machine_price"),  # 5
    default(16, "miner-3", 5, debt=20.0, cause="acceleration", channel="machine_price"),  # 6
    between(24, "sale", 6),  # 7
    between(25, "borrowing_base_call", 7, "machine_price"),  # 8
    between(30, "acceleration", 8, "machine_price"),  # 9
    default(30, "neocloud-9", 9, debt=30.0, cause="acceleration"),  # 10
    between(31, "recovery", 1),  # 11: leads to nothing
)
"""A default, a sale, a call, an acceleration, a default, and the same again."""


def test_a_chain_by_hand():
    tree = contagion_tree(CHAIN)
    assert list(tree) == ["neocloud-7", "miner-3", "neocloud-9"]
    assert tree.nodes["neocloud-7"] == {
        "agent_kind": "neoclouds",
        "agent": 7,
        "week": 2,
        "cause": "forced",
        "channel": "exogenous",
        "trigger": "none",
        "debt_musd": 50.0,
        "event": 1,
    }
    assert tree.nodes["miner-3"] == {
        "agent_kind": "miners",
        "agent": 3,
        "week": 16,
        "cause": "acceleration",
        "channel": "machine_price",
        "trigger": "acceleration",
        "debt_musd": 20.0,
        "event": 6,
    }
    via = "sale > borrowing_base_call > acceleration"
    assert list(tree.edges(data=True)) == [
        ("neocloud-7", "miner-3", {"channel": "machine_price", "via": via, "weeks": 14}),
        # its own default knows no channel: that of the acceleration counts
        ("miner-3", "neocloud-9", {"channel": "machine_price", "via": via, "weeks": 14}),
    ]
    assert descendants(tree) == {"neocloud-7": 2, "miner-3": 1, "neocloud-9": 0}
    assert cascade_sizes(tree) == {"neocloud-7": 3}
    assert cascade_depth(tree) == 2
    assert nx.utils.graphs_equal(largest_cascade(tree), tree)


def test_an_empty_log_gives_an_empty_tree():
    for events in (log(), log(between(0, "launch", -1), between(3, "missed_payment", -1))):
        tree = contagion_tree(events)
        assert len(tree) == 0 and tree.is_directed()
        assert cascades(tree) == [] and cascade_sizes(tree) == {}
        assert len(largest_cascade(tree)) == 0 and cascade_depth(tree) == 0


def test_a_failure_that_nothing_failed_before_is_a_root():
    tree = contagion_tree(
        log(
            default(1, "miner-0", -1, cause="illiquidity"),
            between(2, "dscr_breach", -1, "rent"),
            between(6, "acceleration", 1, "rent"),
            default(6, "miner-1", 2, cause="acceleration"),
        )
    )
    assert list(tree.edges) == []
    assert (tree.nodes["miner-1"]["trigger"], tree.nodes["miner-1"]["channel"]) == ("acceleration", "rent")
    assert cascade_sizes(tree) == {"miner-0": 1, "miner-1": 1}
    assert list(largest_cascade(tree)) == ["miner-0"]


def test_failures_of_one_week_keep_their_order():
    tree = contagion_tree(
        log(
            default(5, "miner-8", -1),
            default(5, "miner-2", 0, channel="machine_price"),
            lender_failure(5, 4, 1),
            between(5, "acceleration", 2, "offtaker"),
            default(5, "neocloud-1", 3),
        )
    )
    assert list(tree.edges) == [("miner-8", "miner-2"), ("miner-2", "bank-4"), ("bank-4", "neocloud-1")]
    assert [link["weeks"] for *_, link in tree.edges(data=True)] == [0, 0, 0]
    assert [link["via"] for *_, link in tree.edges(data=True)] == ["", "", "acceleration"]
    assert [link["channel"] for *_, link in tree.edges(data=True)] == ["machine_price", "none", "offtaker"]
    assert tree.nodes["bank-4"]["trigger"] == "default"
    assert tree.nodes["bank-4"]["debt_musd"] == 0.0  # the log has its equity, not its debts
    assert cascade_depth(tree) == 3


def test_a_channel_is_looked_for_below_the_failure_above():
    tree = contagion_tree(
        log(
            default(1, "miner-0", -1, channel="btc_price"),
            between(2, "sale", 0),
            default(3, "miner-1", 1),
        )
    )
    assert tree.edges["miner-0", "miner-1"]["channel"] == "none"


def test_the_largest_cascade_and_its_ties():
    def tree_of(first, second, third):
        """Two cascades of two, and one failure alone, with these debts of the roots."""
        return contagion_tree(
            log(
                default(1, "miner-0", -1, debt=first),
                default(2, "miner-1", -1, debt=second),
                default(3, "miner-2", -1, debt=third),
                default(4, "miner-3", 0),
                default(5, "miner-4", 1),
            )
        )

    assert list(largest_cascade(tree_of(1.0, 2.0, 9.0)).edges) == [("miner-1", "miner-4")]
    assert list(largest_cascade(tree_of(2.0, 2.0, 9.0)).edges) == [("miner-0", "miner-3")]
    assert list(cascade_sizes(tree_of(1.0, 2.0, 9.0)).items()) == [
        ("miner-1", 2),
        ("miner-0", 2),
        ("miner-2", 1),
    ]


def test_broken_logs_are_refused():
    with pytest.raises(ValueError, match="event 0 names event 1, which is no earlier one"):
        contagion_tree(log(default(1, "miner-0", 1), default(1, "miner-1", -1)))
    with pytest.raises(ValueError, match="event 1 names event 1,"):
        contagion_tree(log(between(0, "launch", -1), default(1, "miner-0", 1)))
    with pytest.raises(ValueError, match="event 0 names event 2,"):
        contagion_tree(log(between(0, "sale", 2), default(1, "miner-0", 0)))
    with pytest.raises(ValueError, match="miner-0 fails twice in the event log, the second time in row 1"):
        contagion_tree(log(default(1, "miner-0", -1), default(2, "miner-0", 0)))


# Runs


CASES = {
    "baseline": ("baseline_2026", {}),
    "dump": ("dump_10k_h100", {}),
    "thin": ("thin_market", {}),
    "harsh": ("baseline_2026", HARSH),
    "no failures": ("baseline_2026", {"horizon_weeks": 3}),
}


@pytest.fixture(scope="module", params=[(case, seed) for case in CASES for seed in (1, 3, 5)], ids=str)
def run(request):
    case, seed = request.param
    name, changes = CASES[case]
    return simulate(Scenario.load(name).with_changes(changes), seed=seed)


def test_the_tree_is_a_forest_of_all_failures(run):
    tree = run.contagion_tree()
    assert isinstance(tree, nx.DiGraph)
    assert len(tree) == run.summary["defaults"] + run.summary["lender_failures"]
    assert len(tree) == 0 or nx.is_forest(tree)
    assert nx.is_directed_acyclic_graph(tree)
    assert all(number <= 1 for _, number in tree.in_degree())
    assert sum(cascade_sizes(tree).values()) == len(tree)
    assert len(cascade_sizes(tree)) == len(tree) - tree.number_of_edges()
    assert len(largest_cascade(tree)) == max(cascade_sizes(tree).values(), default=0)
    assert cascade_depth(tree) == (nx.dag_longest_path_length(tree, weight=None) if len(tree) else 0)
    below = descendants(tree)
    assert all(below[name] == len(nx.descendants(tree, name)) for name in tree)


def test_nodes_are_what_the_tables_and_the_log_say(run):
    tree, borrowers, lenders = run.contagion_tree(), run.tables["borrowers"], run.tables["lenders"]
    for name, node in tree.nodes(data=True):
        event = run.events.loc[node["event"]]
        assert event["kind"] in FAILURES
        assert all(event[key] == node[key] for key in ("agent_kind", "agent", "week", "cause"))
        table = lenders if node["agent_kind"] == "lenders" else borrowers
        row = table.loc[node["agent"]]
        assert name == row["name"]
        if table is lenders:
            assert row["failure_week"] == node["week"] and node["debt_musd"] == 0.0
        else:
            assert (row["default_week"], row["cause"]) == (node["week"], node["cause"])
            assert event["amount_musd"] == node["debt_musd"]
    debts = [node["debt_musd"] for _, node in tree.nodes(data=True)]
    # a facility that fails alone is no node: its borrower lives
    alone = run.events[run.events["kind"].isin(("facility_default", "hand_back"))]
    assert not set(alone.index) & {node["event"] for _, node in tree.nodes(data=True)}
    total = sum(debts) + alone["amount_musd"].sum()
    assert total == pytest.approx(run.summary["debt_defaulted"], rel=1e-9, abs=1e-9)


def test_no_failure_is_older_than_what_led_to_it(run):
    tree = run.contagion_tree()
    for parent, child, link in tree.edges(data=True):
        above, below = tree.nodes[parent], tree.nodes[child]
        assert link["weeks"] == below["week"] - above["week"] >= 0
        assert above["event"] < below["event"]
        assert link["channel"] == below["channel"]
        assert below["trigger"] == (link["via"].split(" > ")[-1] or run.events["kind"][above["event"]])


def test_a_naive_walk_finds_the_same_edges(run):
    events = run.events.to_dict("records")
    expected = []
    for event in events:
        if event["kind"] not in FAILURES:
            continue
        above, via = event, []
        while above["parent"] >= 0:
            above = events[above["parent"]]
            if above["kind"] in FAILURES:
                pair = [one["agent_name"] for one in (above, event)]
                expected.append((*pair, " > ".join(reversed(via))))
                break
            via.append(above["kind"])
    found = {(parent, child, link["via"]) for parent, child, link in run.contagion_tree().edges(data=True)}
    assert found == set(expected) and len(expected) == len(found)


def test_a_run_has_a_cascade_worth_the_name():
    tree = simulate(BASELINE.with_changes(HARSH), seed=5).contagion_tree()
    assert max(cascade_sizes(tree).values()) > 5
    assert cascade_depth(tree) >= 2
    assert any(node["agent_kind"] == "lenders" for _, node in tree.nodes(data=True))


def test_the_tree_is_made_anew_each_time_and_from_a_stored_log(tmp_path):
    run = simulate(BASELINE.with_changes(HARSH), seed=5)
    tree = run.contagion_tree()
    run.contagion_tree().clear()
    run.events.to_parquet(tmp_path / "events.parquet")
    for again in (run.contagion_tree(), contagion_tree(pd.read_parquet(tmp_path / "events.parquet"))):
        assert nx.utils.graphs_equal(again, tree)
        assert list(again) == list(tree)


def test_attributes_are_plain_enough_for_any_format():
    tree = contagion_tree(CHAIN)
    for values in [
        *(node for _, node in tree.nodes(data=True)),
        *(link for *_, link in tree.edges(data=True)),
    ]:
        assert {type(value) for value in values.values()} <= {str, int, float}
    file = io.BytesIO()
    nx.write_graphml(tree, file)
    file.seek(0)
    again = nx.read_graphml(file)
    assert dict(again.nodes) == dict(tree.nodes) and dict(again.edges) == dict(tree.edges)
