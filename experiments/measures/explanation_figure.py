"""One failure: the cascade that the log has it in, and what would have become of it without each thing."""

from math import ceil
from typing import TYPE_CHECKING

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from hashcredit.experiments.figures import style
from hashcredit.experiments.figures.network import arm
from hashcredit.experiments.figures.network_layout import elbows, parents_first
from hashcredit.experiments.figures.network_marks import channel_line, mark_of, put_mark
from hashcredit.experiments.measures.explanation import (
    DELAYED,
    EARLIER,
    IMPOSED,
    PREVENTED,
    FailureExplanation,
)
from hashcredit.simulator.display import counted

if TYPE_CHECKING:
    import networkx as nx

ROW = 0.16
"""Height of a row, inches."""

KEY_COLUMNS = 5

MOST_ROWS = 24
"""Failures of the cascade that are drawn; the chain to the failure always is."""

COLOURS = {PREVENTED: style.GREEN, DELAYED: style.BLUE, EARLIER: style.RED}


def draw(found: FailureExplanation) -> Figure:
    """The logged tree on the left, the replays on the right; call it inside the house style."""
    tree, told = _told(found)
    rows = max(len(told), len(found.table) + found.table["left_out"].nunique())
    title = f"{found.failure}: why it failed in week {found.week}, and without what it would not have"
    keys = _keys(tree, told)
    key_rows = ceil(len(keys) / KEY_COLUMNS)
    height = ROW * rows + 1.3 + 0.17 * key_rows
    figure = style.new_figure(title, height, style.WIDE, empty_lines=key_rows)
    left, right = figure.subplots(1, 2, width_ratios=[1.0, 1.25])
    _draw_tree(left, found, tree, told)
    left.set_ylim(rows - 0.3, -0.7)  # rows as high as those beside it
    _draw_replays(right, found)
    style.legend_of(figure, keys, columns=KEY_COLUMNS)
    style.caption(figure, _caption(found, told))
    return figure


def _told(found: FailureExplanation) -> "tuple[nx.DiGraph, list[str]]":
    """Failures of the cascade with a row, and the tree of these: the chain, then the earliest others."""
    members = found.cascade
    chain = [*found.chain, found.failure]
    others = [name for name in members if name not in chain]
    others.sort(key=lambda name: found.tree.nodes[name]["event"])
    chosen = {*chain, *others[: max(0, MOST_ROWS - len(chain))]}
    cascade = type(found.tree)()
    cascade.add_nodes_from((name, found.tree.nodes[name]) for name in members if name in chosen)
    cascade.add_edges_from((a, b, link) for a, b, link in found.tree.edges(data=True) if {a, b} <= chosen)
    return cascade, [
        name
        for root in (name for name in cascade if not any(cascade.predecessors(name)))
        for name in parents_first(cascade, [root, *(other for other in cascade if other != root)])
    ]


def _draw_tree(axes: Axes, found: FailureExplanation, tree: "nx.DiGraph", told: list[str]) -> None:
    axes.set_title("(a) As logged", loc="left", pad=3.0)
    height = {name: float(row) for row, name in enumerate(told)}
    weeks = [tree.nodes[name]["week"] for name in told]
    span = max(max(weeks) - min(weeks), 10)
    elbow = elbows(tree, height, 0.03 * span)
    chain = {*found.chain, found.failure}
    for name, row in height.items():
        node = tree.nodes[name]
        for child, link in tree[name].items():
            end = tree.nodes[child]["week"], height[child]
            axes.add_patch(arm((node["week"], row), elbow[name], end, link["channel"], child in chain))
        put_mark(axes, node["week"], row, node, 4.5)
        axes.annotate(
            name,
            (node["week"], row),
            xytext=(4.5, 0.0),
            textcoords="offset points",
            fontsize=6.0,
            fontweight="bold" if name == found.failure else "normal",
            va="center_baseline",
            color=style.BLACK if name in chain else style.GREY,
        )
    axes.set_xlim(min([*elbow.values(), *weeks]) - 0.08 * span, max(weeks) + 0.5 * span)
    axes.spines["left"].set_visible(False)
    axes.set_yticks([])
    axes.set_xlabel("week of failure")
    ticks = MaxNLocator(nbins=6, integer=True).tick_values(min(weeks), max(weeks))
    axes.set_xticks([tick for tick in ticks if min(elbow.values(), default=0.0) <= tick <= max(weeks) + 1])
    axes.spines["bottom"].set_bounds(axes.get_xlim()[0], max(weeks) + 1)


def _draw_replays(axes: Axes, found: FailureExplanation) -> None:
    """A row a replay: an arrow from the week of the failure to that of the replay, or out of the panel."""
    axes.set_title("(b) The same run without", loc="left", pad=3.0)
    horizon = found.run.setup.scenario.horizon_weeks
    axes.axvline(found.week, color=style.GREY, linewidth=0.6, linestyle=style.DASHED)
    at, names, row = [], [], 0.0
    for kind, rows in found.table.groupby("left_out", sort=False):
        for replay in rows.to_dict("records"):
            at.append(row)
            names.append(f"{kind}: {str(replay['without']).replace('_', ' ')}")
            _replay(axes, replay, row, found.week, horizon)
            row += 1.0
        row += 0.5
    axes.set_yticks(at, names)
    axes.tick_params(axis="y", length=0.0)
    axes.set_ylim(max(row, 1.0) - 0.7, -0.7)
    axes.set_xlim(0.0, 1.3 * horizon)
    axes.set_xticks([tick for tick in axes.get_xticks() if 0.0 <= tick <= horizon])
    axes.spines["bottom"].set_bounds(0.0, horizon)
    axes.set_xlabel("week")


def _replay(axes: Axes, replay: dict[str, object], row: float, week: int, horizon: int) -> None:
    answer = str(replay["answer"])
    colour = COLOURS.get(answer, style.GREY)
    if answer == IMPOSED:
        axes.text(week, row, "  imposed by the scenario", va="center", fontsize=6.0, color=style.GREY)
        return
    end = horizon if answer == PREVENTED else int(str(replay["week"]))
    if answer == PREVENTED:
        axes.annotate(
            "", (end, row), (week, row), arrowprops={"arrowstyle": "-|>", "color": colour, "linewidth": 0.8}
        )
    else:
        axes.plot([week, end], [row, row], color=colour, linewidth=0.8)
        axes.plot(end, row, "o", color=colour, markersize=3.5)
    words = answer
    if answer in (DELAYED, EARLIER):
        weeks = int(str(replay["weeks"]))
        words = f"{counted(abs(weeks), 'week')} {'later' if weeks > 0 else 'earlier'}"
    axes.text(max(end, week), row, f"  {words}", va="center", fontsize=6.0, color=colour)


def _keys(tree: "nx.DiGraph", told: list[str]) -> list[Line2D]:
    """What marks and lines of the tree mean, as far as they occur."""
    marks = dict.fromkeys(mark_of(tree.nodes[name]) for name in told)
    lines = dict.fromkeys(link["channel"] for *_, link in tree.edges(data=True))
    keys = [
        Line2D([], [], linestyle="", marker=shape, color=colour, markersize=4.5, label=words)
        for shape, colour, words in marks
    ]
    for words, dashes in map(channel_line, lines):
        keys.append(Line2D([], [], color=style.BLACK, linewidth=0.7, linestyle=dashes, label=words))
    return keys


def _caption(found: FailureExplanation, told: list[str]) -> str:
    setup = found.run.setup
    rest = len(found.cascade) - len(told)
    text = (
        f"{setup.scenario.name}, seed {setup.seed}, replicate {found.run.replicate}, "
        f"{setup.scenario.horizon_weeks} weeks, the same draws in all replays. "
        f"(a) The cascade of {found.failure}"
    )
    text += f", {rest} failures of it left out" if rest else ""
    text += ". (b) Each replay leaves out one thing; dashed: the week in which it failed."
    if found.chain:
        text += " Earlier failures: kept alive by their owners, who put in what they lack."
    return text
