"""Where things stand in the network figure: places on two rings, and rows of the tree over time.

Nothing is random here and nothing is drawn: tables and a tree in, numbers out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hashcredit.simulator.reports.contagion_tree import cascades, descendants

if TYPE_CHECKING:
    import networkx as nx

Floats = NDArray[np.float64]

MOST_BORROWERS, MOST_LENDERS, MOST_ROWS = 180, 48, 64
"""Places on the outer ring and on the inner one, and rows of the tree; more could not be told apart."""

GAP = 0.12
"""Radians left free between two groups on a ring."""

INNER_RADIUS = 0.5
"""Of the lenders' ring; that of the borrowers has 1."""


@dataclass(frozen=True)
class Rings:
    """Who stands on the rings, and where."""

    groups: dict[str, list[str]]
    """Kind of borrower, with those drawn, clockwise."""
    lenders: list[str]
    place: dict[str, Floats]
    """Horizontal and vertical coordinate of everybody who is drawn."""
    loans: pd.DataFrame
    """Columns borrower, lender, principal (M$): loans at the opening among those drawn."""


def rings(opening: dict[str, pd.DataFrame], tree: "nx.DiGraph") -> Rings:
    """Lenders on the inner ring and borrowers on the outer one, both by kind, borrowers near their lenders.

    If there are more borrowers than places, only failed ones are drawn, the largest cascade first. Of too
    many lenders those stay that failed, then those with most loans to the borrowers drawn.
    """
    kind_of = dict(zip(_names(opening["borrowers"]), opening["borrowers"]["kind"], strict=True))
    kind_of |= dict(zip(_names(opening["lenders"]), opening["lenders"]["kind"], strict=True))
    borrowers = _choose_borrowers(_names(opening["borrowers"]), tree)
    loans = named_loans(opening)
    loans = loans[loans["borrower"].isin(borrowers)]
    lenders = _choose_lenders(_names(opening["lenders"]), tree, loans)
    loans = loans[loans["lender"].isin(lenders)].reset_index(drop=True)

    banks_first = _grouped(lenders, kind_of)
    angle: dict[str, float] = {}
    for names, angles in zip(banks_first.values(), _arcs(banks_first), strict=True):
        angle |= dict(zip(names, angles.tolist(), strict=True))
    groups = _grouped(borrowers, kind_of)
    for kind, angles in zip(groups, _arcs(groups), strict=True):
        groups[kind] = _near_their_lenders(groups[kind], loans, angle, float(angles.mean()))
        angle |= dict(zip(groups[kind], angles.tolist(), strict=True))
    inner = set(lenders)
    place = {
        name: (INNER_RADIUS if name in inner else 1.0) * np.array([np.cos(turn), np.sin(turn)])
        for name, turn in angle.items()
    }
    return Rings(groups, [name for names in banks_first.values() for name in names], place, loans)


def named_loans(opening: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Columns borrower, lender (names) and principal (M$) of all pairs with a loan at the opening."""
    loans = opening["loans"]
    loans = loans[loans["principal"] > 0.0]
    borrowers = pd.Series(_names(opening["borrowers"]), dtype=object)
    lenders = pd.Series(_names(opening["lenders"]), dtype=object)
    named = pd.DataFrame(
        {
            "borrower": borrowers.reindex(loans["obligor"]).to_numpy(),
            "lender": lenders.reindex(loans["holder"]).to_numpy(),
            "principal": loans["principal"].to_numpy(dtype=float),
        }
    )
    return named.groupby(["borrower", "lender"], sort=False, as_index=False).sum()


def lost_shares(opening: dict[str, pd.DataFrame], tree: "nx.DiGraph") -> dict[str, float]:
    """Share of each lender's loans at the opening whose borrower failed later."""
    loans = named_loans(opening)
    total = loans.groupby("lender")["principal"].sum()
    lost = loans[loans["borrower"].isin(list(tree))].groupby("lender")["principal"].sum()
    shares: dict[str, float] = (lost.reindex(total.index, fill_value=0.0) / total).to_dict()
    return shares


def by_weight(tree: "nx.DiGraph", names: Sequence[str]) -> list[str]:
    """Failures, those first that led to most others, then by debt, then in the order of failure.

    The first few of a cascade always hang together: whoever led to another one led to more than that one.
    """
    below, nodes = descendants(tree), tree.nodes
    return sorted(names, key=lambda name: (-below[name], -nodes[name]["debt_musd"], nodes[name]["event"]))


def _names(table: pd.DataFrame) -> list[str]:
    """Name of each row of a table of agents, as the nodes of the tree have it."""
    return list(table["name"])


def _choose_borrowers(names: list[str], tree: "nx.DiGraph") -> list[str]:
    if len(names) <= MOST_BORROWERS:
        return names
    everybody = set(names)
    chosen: list[str] = []
    groups = cascades(tree)
    for members in (groups[0], [name for group in groups[1:] for name in group]) if groups else ():
        chosen += [name for name in by_weight(tree, members) if name in everybody]
    first = set(chosen[:MOST_BORROWERS])
    return [name for name in names if name in first]


def _choose_lenders(names: list[str], tree: "nx.DiGraph", loans: pd.DataFrame) -> list[str]:
    if len(names) <= MOST_LENDERS:
        return names
    lent = loans.groupby("lender")["principal"].sum()
    order = sorted(names, key=lambda name: (name not in tree, -lent.get(name, 0.0)))
    first = set(order[:MOST_LENDERS])
    return [name for name in names if name in first]


def _grouped(names: Sequence[str], kind_of: dict[str, str]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(kind_of[name], []).append(name)
    return groups


def _arcs(groups: dict[str, list[str]]) -> list[Floats]:
    """Angles (radians, clockwise) of each group's members; the first group is centred on the left."""
    sizes = [len(names) for names in groups.values()]
    gap = GAP if len(sizes) > 1 else 0.0
    step = (2.0 * np.pi - gap * len(sizes)) / max(sum(sizes), 1)
    angles: list[Floats] = []
    start = np.pi + 0.5 * step * (sizes[0] if sizes else 0)
    for size in sizes:
        angles.append(start - step * (np.arange(size, dtype=np.float64) + 0.5))
        start -= step * size + gap
    return angles


def _near_their_lenders(
    names: Sequence[str], loans: pd.DataFrame, angle: dict[str, float], middle: float
) -> list[str]:
    """Order a group clockwise by the mean direction of its lenders, so that few links cross."""
    pull = dict.fromkeys(names, 0j)
    for loan in loans.itertuples(index=False):
        if loan.borrower in pull:
            pull[loan.borrower] += loan.principal * np.exp(1j * (angle[loan.lender] - middle))
    return sorted(names, key=lambda name: -float(np.angle(pull[name])))


@dataclass(frozen=True)
class Rows:
    """The failures that have a row of their own, in the order of the rows."""

    height: dict[str, float]
    """Distance from the top, in rows; a gap follows the largest cascade."""
    left_out: list[str]
    """Failures for which there was no row, in the order of failure."""


def rows(tree: "nx.DiGraph") -> Rows:
    """The largest cascade on top, below it others while they fit whole, each failure above what it led to."""
    groups = cascades(tree)
    first = by_weight(tree, groups[0])[:MOST_ROWS] if groups and len(groups[0]) > 1 else []
    free = MOST_ROWS - len(first)
    others: list[list[str]] = []
    for group in groups[1:] if first else groups:
        if len(group) <= free:
            others.append(group)
            free -= len(group)
    others.sort(key=lambda group: (-len(group), tree.nodes[group[0]]["event"]))
    height: dict[str, float] = {}
    for name in parents_first(tree, first):
        height[name] = float(len(height))
    gap = 1.0 if first else 0.0
    for group in others:
        for name in parents_first(tree, group):
            height[name] = len(height) + gap
    return Rows(height, [name for name in tree if name not in height])


def parents_first(tree: "nx.DiGraph", members: list[str]) -> list[str]:
    """Members of a cascade (the first one its root) branch by branch, branches in the order of failure."""
    chosen = set(members)
    order: list[str] = []
    waiting = members[:1]
    while waiting:
        name = waiting.pop()
        order.append(name)
        waiting += [child for child in reversed(list(tree.successors(name))) if child in chosen]
    return order


def elbows(tree: "nx.DiGraph", height: dict[str, float], step: float) -> dict[str, float]:
    """Week at which the links of each parent turn down, left of itself and of its descendants' own links.

    A parent may fail in the week of its children; `step` (weeks) keeps the links of generations apart.
    """
    elbow: dict[str, float] = {}
    for name in reversed(list(height)):  # children come after parents
        children = [child for child in tree.successors(name) if child in height]
        if children:
            lines = [elbow[child] for child in children if child in elbow]
            elbow[name] = min([float(tree.nodes[name]["week"]), *lines]) - step
    return elbow
