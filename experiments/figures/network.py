"""Who lent to whom and who failed, beside the failures over time with what led to what."""

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.dates import date2num, num2date
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, Rectangle
from matplotlib.path import Path
from matplotlib.patheffects import withStroke

from hashcredit.agents.names import number_in
from hashcredit.experiments.figures import FIGURES, style
from hashcredit.experiments.figures.network_layout import (
    MOST_BORROWERS,
    MOST_LENDERS,
    Rings,
    Rows,
    elbows,
    lost_shares,
    rings,
    rows,
)
from hashcredit.experiments.figures.network_marks import (
    DARK,
    DIM,
    FAINT,
    KINDS,
    channel_line,
    counted,
    keys_of,
    put_mark,
    written,
)
from hashcredit.experiments.figures.source import FigureSource
from hashcredit.simulator.reports.contagion_tree import cascade_depth, cascade_sizes, largest_cascade

if TYPE_CHECKING:
    import networkx as nx


PANEL, RING, ROW = 3.4, 3.2, 0.078
"""Inches: width of either panel, height of the rings, and of a row of names."""

RADIUS = RING / 2.5
"""Of the outer ring, inches."""

SHORTEST_AXIS = 12
"""Weeks."""

FOOT = 3.0
"""Height of the tallest bar at the foot of the rows, in rows."""

KEY_COLUMNS = 2
LETTER = 0.6
"""Mean width of a letter over the font size."""


def draw(source: FigureSource) -> Figure:
    """Rings of borrowers and lenders on the left, rows of failures over the weeks on the right."""
    tree, cascade = source.tree, largest_cascade(source.tree)
    if len(cascade) == 1:
        cascade = type(tree)()  # nothing led to anything: no failure stands out
    spots, lines = rings(source.opening, tree), rows(tree)
    keys = keys_of(tree, spots)
    below = 0.15 * -(-len(keys) // KEY_COLUMNS) + 0.05
    body = max(RING + below, ROW * (max(lines.height.values(), default=0.0) + 4.0) + 0.3)
    figure = style.new_figure(FIGURES["network"], height=body + 0.85, width=style.WIDE)
    grid = figure.add_gridspec(2, 2, height_ratios=[RING, body - RING])
    told = [name for name in cascade if name in lines.height]
    _draw_rings(figure.add_subplot(grid[0, 0]), source, spots, told)
    legend = figure.add_subplot(grid[1, 0])
    legend.set_axis_off()
    legend.legend(handles=keys, loc="upper left", ncols=KEY_COLUMNS, borderaxespad=0.0, columnspacing=1.5)
    _draw_rows(figure.add_subplot(grid[:, 1]), source, lines, cascade, body)
    style.caption(figure, _caption(source, spots, lines, cascade))
    return figure


def _caption(source: FigureSource, spots: Rings, lines: Rows, cascade: "nx.DiGraph") -> str:
    tree, opening = source.tree, source.opening
    failed_lenders = sum(node["agent_kind"] == "lenders" for _, node in tree.nodes(data=True))
    borrowers, lenders = len(opening["borrowers"]), len(opening["lenders"])
    happened = (
        f"{len(tree) - failed_lenders:,} of {borrowers:,} borrowers and "
        f"{failed_lenders:,} of {lenders:,} lenders failed"
    )
    if len(cascade):
        debt = sum(node["debt_musd"] for _, node in cascade.nodes(data=True))
        happened += (
            f"; {len(cascade_sizes(tree)):,} of these {len(tree):,} cannot be traced to another. "
            f"Largest cascade (black): {len(cascade):,} failures from {next(iter(cascade))} on, "
            f"{debt:,.0f} M$ of debt, {counted(cascade_depth(cascade), 'link', 'links')} deep."
        )
    else:
        happened += "; none of them is traced to another." if len(tree) > 1 else "."
    kinds = ", ".join(KINDS.get(kind, kind) for kind in dict.fromkeys(opening["lenders"]["kind"]))
    loans = (
        "(a) Lines: loans at the start, darker if the borrower failed. Squares: lenders, filled by the share "
        f"of their loans at the start that was hit; clockwise from the left: {kinds}."
    )
    if borrowers > MOST_BORROWERS:
        drawn = sum(map(len, spots.groups.values()))
        loans += f" Of {borrowers:,} borrowers only failed ones are drawn ({drawn:,})"
        loans += f", of {lenders:,} lenders {len(spots.lenders)}." if lenders > MOST_LENDERS else "."
    text = f"{style.one_run(source)} {happened}\n{loans}"
    if len(cascade):
        text += " Arrows: the largest cascade."
    if len(tree):
        text += " (b) One row a failure" + ("; arrows from cause to consequence." if tree.edges else ".")
    if lines.left_out:
        told = sum(name in lines.height for name in cascade)
        text += f" {len(lines.height)} of {len(tree):,} failures have a row"
        if told < len(cascade):
            text += f", of the largest cascade the {told} that led to most, and only these have arrows in (a)"
        text += f"; bars at the foot: the rest, up to {_by_week(tree, lines)[1].max():,} a week."
    return text


def _by_week(tree: "nx.DiGraph", lines: Rows) -> tuple[Any, Any]:
    """Weeks in which failures without a row happened, and how many."""
    weeks, numbers = np.unique([tree.nodes[name]["week"] for name in lines.left_out], return_counts=True)
    return weeks, numbers


# The rings


def _draw_rings(axes: Axes, source: FigureSource, spots: Rings, told: list[str]) -> None:
    """Everybody in their places; arrows among those of the largest cascade that are `told` apart."""
    tree = source.tree
    axes.set_title("(a) Who lent to whom", loc="left", pad=3.0)
    axes.set_aspect("equal", anchor="NW")
    axes.set_axis_off()
    axes.set(xlim=(-1.3, 1.3), ylim=(-1.2, 1.22))
    spacing = 2.0 * np.pi / max(sum(map(len, spots.groups.values())), 60) * RADIUS * 72.0  # points
    size = float(np.clip(spacing, 2.0, 4.2))
    _draw_links(axes, spots, tree)
    for kind, names in spots.groups.items():
        alive = np.array([spots.place[name] for name in names if name not in tree]).reshape(-1, 2)
        axes.scatter(
            alive[:, 0],
            alive[:, 1],
            s=(0.55 * size) ** 2,
            c="white",
            edgecolors=DARK,
            linewidths=0.4,
            zorder=3,
        )
        left = kind == "miner"
        words = _group_words(source, kind, names)
        axes.text(-1.3 if left else 1.3, 1.22, words, ha="left" if left else "right", va="top", color=DIM)
    _draw_lenders(axes, source, spots)
    for name in spots.place:
        if name in tree and tree.nodes[name]["agent_kind"] != "lenders":
            put_mark(axes, spots.place[name][0], spots.place[name][1], tree.nodes[name], size)
    width = 0.65 if len(told) < 40 else 0.4
    for parent, child, link in tree.in_edges(told, data=True):
        if parent in spots.place and child in spots.place:
            axes.add_patch(_chord(spots.place[parent], spots.place[child], link["channel"], size, width))
    _label_ring(axes, spots, tree, told)
    if not spots.groups:
        axes.text(0.0, 0.0, "no borrower\nfailed", ha="center", va="center", color=style.GREY)


def _group_words(source: FigureSource, kind: str, names: list[str]) -> str:
    everybody = int((source.opening["borrowers"]["kind"] == kind).sum())
    words = counted(everybody, written(kind), KINDS.get(kind, kind))
    return words if len(names) == everybody else f"{words},\n{len(names):,} drawn"


def _draw_links(axes: Axes, spots: Rings, tree: "nx.DiGraph") -> None:
    """Loans as straight lines, those of failed borrowers on top."""
    failed = spots.loans["borrower"].isin(list(tree))
    for loans, colour, width in ((spots.loans[~failed], FAINT, 0.3), (spots.loans[failed], DARK, 0.35)):
        ends = [
            (spots.place[borrower], spots.place[lender])
            for borrower, lender in zip(loans["borrower"], loans["lender"], strict=True)
        ]
        axes.add_collection(LineCollection(ends, colors=colour, linewidths=width, zorder=1))


def _draw_lenders(axes: Axes, source: FigureSource, spots: Rings) -> None:
    """Squares filled from below by the share of the lender's loans that failed borrowers owe."""
    shares = lost_shares(source.opening, source.tree)
    side = min(0.085, 0.7 * 2.0 * np.pi * 0.5 / max(len(spots.lenders), 1))
    for name in spots.lenders:
        x, y = spots.place[name] - 0.5 * side
        failed = name in source.tree
        axes.add_patch(Rectangle((x, y), side, side, facecolor="white", linewidth=0, zorder=4))
        fill = Rectangle((x, y), side, side * shares.get(name, 0.0), facecolor=DIM, linewidth=0, zorder=5)
        fill.set_gid(name)
        axes.add_patch(fill)
        frame = Rectangle((x, y), side, side, fill=False, linewidth=1.6 if failed else 0.5, zorder=6)
        frame.set_edgecolor(style.BLACK if failed else DIM)
        axes.add_patch(frame)


def _chord(start: Any, end: Any, channel: str, size: float, width: float) -> FancyArrowPatch:
    """An arrow between marks of a size, bent towards the middle the more the further it goes (points)."""
    pull = 0.85 * min(1.0, float(np.hypot(*(end - start))) / 1.4)
    bend = 0.5 * (start + end) * (1.0 - pull)
    return FancyArrowPatch(
        path=Path([tuple(start), tuple(bend), tuple(end)], [Path.MOVETO, Path.CURVE3, Path.CURVE3]),
        arrowstyle=f"-|>,head_length={0.5 * size},head_width={0.25 * size}",
        shrinkA=0.5 * size,
        shrinkB=0.6 * size,
        linewidth=width,
        linestyle=channel_line(channel)[1],
        color=style.BLACK,
        zorder=3.5,
    )


def _label_ring(axes: Axes, spots: Rings, tree: "nx.DiGraph", told: list[str]) -> None:
    """Numbers of failed borrowers along the ring, as many as fit; the largest cascade comes first."""
    font = 5.0
    apart = 0.85 * font / 72.0 / RADIUS  # radians: digits are lower than their font
    taken: list[float] = []
    chosen_ones = set(told)
    for name in [*told, *(name for name in tree if name not in chosen_ones)]:
        if name not in spots.place:
            continue
        spot, node = spots.place[name], tree.nodes[name]
        colour, weight = (style.BLACK, "bold") if name in chosen_ones else (DIM, "normal")
        if node["agent_kind"] == "lenders":
            x, y = 0.8 * spot
            number = axes.text(x, y, number_in(name), fontsize=font, fontweight="bold", zorder=9)
            number.set(ha="center", va="center", color=style.BLACK)
            number.set_path_effects([withStroke(linewidth=1.5, foreground="white")])
            continue
        turn = float(np.arctan2(spot[1], spot[0]))
        if any(abs(np.angle(np.exp(1j * (turn - other)))) < apart for other in taken):
            continue
        taken.append(turn)
        onward = np.cos(turn) >= 0.0
        x, y = 1.05 * spot
        number = axes.text(
            x,
            y,
            number_in(name),
            fontsize=font,
            color=colour,
            fontweight=weight,
            rotation=np.degrees(turn) if onward else np.degrees(turn) + 180.0,
            rotation_mode="anchor",
            ha="left" if onward else "right",
            va="center_baseline",
        )
        number.set_in_layout(False)  # the axes have room for it


# The rows


def _draw_rows(axes: Axes, source: FigureSource, lines: Rows, cascade: "nx.DiGraph", body: float) -> None:
    tree = source.tree
    axes.set_title("(b) What led to what", loc="left", pad=3.0)
    axes.spines["left"].set_visible(False)
    axes.set_yticks([])
    if not len(tree):
        axes.spines["bottom"].set_visible(False)
        style.say(axes, "nobody failed in this run")
        return
    lowest = max(lines.height.values()) + (1.5 + FOOT if lines.left_out else 1.0)
    axes.set_ylim(lowest, -1.0)
    pitch = (body - 0.6) / (lowest + 1.0) * 72.0  # points
    font = 6.0 if pitch > 7.5 else 5.0
    weeks = [node["week"] for _, node in tree.nodes(data=True)]
    span = max(max(weeks) - min(weeks), SHORTEST_AXIS)
    elbow = elbows(tree, lines.height, span * min(0.02, 0.25 / max(cascade_depth(cascade), 1)))
    _set_weeks(axes, source, lines, elbow, font)
    for name, height in lines.height.items():
        node = tree.nodes[name]
        chosen = name in cascade
        for child, link in tree[name].items():
            if child in lines.height:
                end = tree.nodes[child]["week"], lines.height[child]
                axes.add_patch(arm((node["week"], height), elbow[name], end, link["channel"], chosen))
        put_mark(axes, node["week"], height, node, 4.2 if pitch > 6.0 else 3.8)
        axes.annotate(
            name,
            (node["week"], height),
            xytext=(4.0, 0.0),
            textcoords="offset points",
            fontsize=font,
            va="center_baseline",
            color=style.BLACK if chosen else DIM,
        )
    if lines.left_out:
        when, numbers = _by_week(tree, lines)
        tops = lowest - FOOT * numbers / numbers.max()
        axes.vlines(when, lowest, tops, colors=style.GREY, linewidth=1.0, zorder=1)


def _set_weeks(axes: Axes, source: FigureSource, lines: Rows, elbow: dict[str, float], font: float) -> None:
    """An axis of all weeks with failures, in dates; room for links on its left and for names on its right."""
    tree = source.tree
    weeks = [node["week"] for _, node in tree.nodes(data=True)]
    spare = max(0, SHORTEST_AXIS - (max(weeks) - min(weeks)))
    first, last = max(0, min(weeks) - spare // 2), max(weeks) + spare - spare // 2
    margin = 0.03 * (last - first)
    low, high = min([*elbow.values(), first]) - margin, last + margin
    for name in lines.height:
        share = (len(name) + 1) * LETTER * font / 72.0 / PANEL + 0.03
        high = max(high, low + (tree.nodes[name]["week"] - low) / (1.0 - share))
    axes.set_xlim(low, high)
    begin = date2num(source.start_date)
    locator, form = style.date_ticks((last - first) / 52.18, 6)
    ends = (num2date(begin + 7.0 * week) for week in (first, last))
    ticks = [tick for tick in locator.tick_values(*ends) if first <= (tick - begin) / 7.0 <= last]
    axes.set_xticks([(tick - begin) / 7.0 for tick in ticks], [f"{num2date(tick):{form}}" for tick in ticks])
    axes.spines["bottom"].set_bounds(first - margin, last + margin)
    axes.grid(axis="x", color="#ECECEC", linewidth=0.5)
    axes.set_xlabel("date")


def arm(
    start: tuple[float, float], elbow: float, end: tuple[float, float], channel: str, chosen: bool
) -> FancyArrowPatch:
    """An arrow that leaves to the left and downwards and arrives from the left."""
    corner = min(0.8, 0.45 * (end[1] - start[1]))
    down = [start, (elbow, start[1] + 0.1), (elbow, start[1] + corner), (elbow, end[1] - corner)]
    across = [(elbow, end[1]), (0.5 * (elbow + end[0]), end[1]), end]
    curve, line = [Path.CURVE3, Path.CURVE3], [Path.LINETO]
    path = Path(down + across, [Path.MOVETO, *curve, *line, *curve, *line])
    return FancyArrowPatch(
        path=path,
        arrowstyle="-|>,head_length=2,head_width=1",
        shrinkA=0.0,
        shrinkB=2.2,
        linewidth=0.7 if chosen else 0.5,
        linestyle=channel_line(channel)[1],
        color=style.BLACK if chosen else style.GREY,
        zorder=2,
    )
