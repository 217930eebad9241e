"""Who failed because of whom: the event log of a run as a forest of failures.

An event names the event that led to it (`parent`). Walking up from a failure to the next failure gives its
parent in the tree; what lies between, such as a sale, a borrowing base call or an acceleration, is the way by
which it arrived. A failure without another one above it is a root: it came from outside.
"""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from hashcredit.simulator.state.codes import EventKind

if TYPE_CHECKING:
    import networkx as nx
    import pandas as pd

DEFAULT = EventKind.DEFAULT.name.lower()
FAILURES = (DEFAULT, EventKind.LENDER_FAILURE.name.lower())
"""Kinds of events that are nodes of the tree."""

NONE = "none"
VIA_SEPARATOR = " > "


class _Log(NamedTuple):
    """Columns of the event log that the walk reads over and over."""

    kind: np.ndarray
    channel: np.ndarray
    parent: np.ndarray


def contagion_tree(events: "pd.DataFrame") -> "nx.DiGraph":
    """Return the forest of failures in an event log (`run.events`, whole, or events.parquet read back).

    A node is a failed borrower or lender, by its name in the log: "miner-12", "bank-3". Nodes come in the
    order of failure, with the attributes

        agent_kind  "miners", "neoclouds" or "lenders", as in the log
        agent       row of its table
        week        in which it failed
        cause       why ("none" for a lender), as in the log
        channel     how it was reached: of the failure, else of the nearest event above that knows it
        trigger     kind of the event that led to it, "none" if the log names none
        debt_musd   face of a borrower's loans at default, M$; 0 for a lender, whose debts are not in the log
        event       row of the log

    An edge goes from a failure to one that it led to, with `channel` (as at the child), `via` (kinds of the
    events between, from the parent's side, joined by " > ", "" if there are none) and `weeks` (delay).
    All attributes are plain text and numbers, so that any graph format can hold them.
    """
    import networkx as nx

    tree = nx.DiGraph()
    log = _Log(*(events[name].to_numpy() for name in _Log._fields))
    failed = np.flatnonzero(np.isin(log.kind, FAILURES))
    names: dict[int, str] = {}
    for row, failure in zip(failed.tolist(), events.iloc[failed].itertuples(index=False), strict=True):
        name = failure.agent_name
        if name in tree:
            raise ValueError(f"{name} fails twice in the event log, the second time in row {row}")
        between, above = _walk_up(log, row)
        channel = next((c for c in log.channel[[row, *between]] if c != NONE), NONE)
        tree.add_node(
            name,
            agent_kind=failure.agent_kind,
            agent=int(failure.agent),
            week=int(failure.week),
            cause=failure.cause,
            channel=channel,
            trigger=log.kind[log.parent[row]] if log.parent[row] >= 0 else NONE,
            debt_musd=float(failure.amount_musd) if failure.kind == DEFAULT else 0.0,
            event=row,
        )
        names[row] = name
        if above >= 0:
            parent = names[above]
            tree.add_edge(
                parent,
                name,
                channel=channel,
                via=VIA_SEPARATOR.join(log.kind[between[::-1]]),
                weeks=int(failure.week) - tree.nodes[parent]["week"],
            )
    return tree


def _walk_up(log: _Log, row: int) -> tuple[list[int], int]:
    """Rows between an event and the next failure above it, nearest first, and that failure (-1 if none)."""
    between: list[int] = []
    while True:
        above = int(log.parent[row])
        if above >= row:
            raise ValueError(f"event {row} names event {above}, which is no earlier one, as its parent")
        if above < 0 or log.kind[above] in FAILURES:
            return between, above
        between.append(above)
        row = above


def earlier_failures(tree: "nx.DiGraph", name: str) -> list[str]:
    """The failures that led to a failure, one through the other, the first one first."""
    chain: list[str] = []
    above = next(tree.predecessors(name), None)
    while above is not None:
        chain.insert(0, above)
        above = next(tree.predecessors(above), None)
    return chain


def descendants(tree: "nx.DiGraph") -> dict[str, int]:
    """How many failures each failure led to, itself not counted, directly or through others."""
    below = dict.fromkeys(tree, 0)
    for name in reversed(list(tree)):  # nodes are in the order of failure: children come after parents
        for parent in tree.predecessors(name):
            below[parent] += below[name] + 1
    return below


def cascades(tree: "nx.DiGraph") -> list[list[str]]:
    """The failures of each cascade, root first; the largest cascade first.

    Of equally large ones that with more debt comes first, then the earlier one.
    """
    root_of: dict[str, str] = {}
    members: dict[str, list[str]] = {}
    for name in tree:
        parent = next(tree.predecessors(name), None)
        root_of[name] = name if parent is None else root_of[parent]
        members.setdefault(root_of[name], []).append(name)
    debt = {root: sum(tree.nodes[name]["debt_musd"] for name in group) for root, group in members.items()}
    order = sorted(members, key=lambda root: (-len(members[root]), -debt[root], tree.nodes[root]["event"]))
    return [members[root] for root in order]


def cascade_sizes(tree: "nx.DiGraph") -> dict[str, int]:
    """Root of each cascade, with the number of failures in it (itself included), the largest first."""
    return {group[0]: len(group) for group in cascades(tree)}


def largest_cascade(tree: "nx.DiGraph") -> "nx.DiGraph":
    """The cascade with most failures as a tree of its own (see `cascades` for ties); empty if none failed."""
    cascade = type(tree)()
    groups = cascades(tree)
    members = groups[0] if groups else []
    cascade.add_nodes_from((name, tree.nodes[name]) for name in members)
    cascade.add_edges_from((a, b, tree.edges[a, b]) for name in members[1:] for a, b in tree.in_edges(name))
    return cascade


def cascade_depth(tree: "nx.DiGraph") -> int:
    """Links in the longest chain of failures; 0 if none led to another."""
    depth: dict[str, int] = {}
    for name in tree:
        depth[name] = max((depth[parent] + 1 for parent in tree.predecessors(name)), default=0)
    return max(depth.values(), default=0)
