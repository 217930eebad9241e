"""A map of regimes: the share along each direction, a slice through two of them, the other rays in a list."""

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from hashcredit.experiments.figures import style
from hashcredit.experiments.measures.regime_directions import Direction, values_on
from hashcredit.experiments.measures.regimes import RayFound, RegimeMap
from hashcredit.simulator.display import interval_in_words, runs_in_words
from hashcredit.simulator.state.outcomes import BY_NAME

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = 3
ROW, LINE = 2.05, 0.155
"""Inches, of a row of panels and of a ray in the list."""
PALE = "#DDEBF4"
"""Inside the priors."""


def draw(found: RegimeMap) -> Figure:
    """Panels of single directions, of the plane, and the list of rays; call it inside the house style."""
    panels = len(found.directions) + bool(found.plane)
    rows = -(-panels // COLUMNS)
    listed = found.rays[found.rays["kind"].isin(["pair", "all", "further", "found"])]
    tall = LINE * len(listed) + 0.75 if len(listed) else 0.0
    title = f"Where contagion makes {found.threshold:.3g} of {BY_NAME[found.measure].words}"
    figure = style.new_figure(title, ROW * rows + tall + 0.75, style.WIDE, empty_lines=1)
    heights = [ROW * rows, tall] if tall else [ROW * rows]
    parts = figure.subfigures(len(heights), 1, squeeze=False, height_ratios=heights)
    upper = parts[0, 0]
    letters = iter("abcdefghijklmnopqrstuvwxyz")
    first: Axes | None = None
    for place, each in enumerate(found.directions):
        axes = upper.add_subplot(rows, COLUMNS, place + 1, sharey=first)
        first = first or axes
        _single(axes, found, each, next(letters), leftmost=place % COLUMNS == 0)
    if found.plane:
        _plane(upper.add_subplot(rows, COLUMNS, panels), found, next(letters))
    if tall:
        _list(parts[1, 0].add_subplot(), found, listed, next(letters))
    style.legend_of(figure, _keys(found), columns=5)
    style.caption(figure, _caption(found))
    return figure


def _keys(found: RegimeMap) -> list[Any]:
    return [
        Line2D([], [], color=style.BLACK, marker="D", markersize=4, linestyle="", label="the scenario"),
        Patch(color=PALE, label="inside the priors"),
        Line2D([], [], color=style.RED, linestyle=style.DASHED, label=f"threshold, {found.threshold:.3g}"),
        Line2D([], [], color=style.RED, marker="o", markersize=4, linewidth=0.9, label="crossing, 95 %"),
        Line2D(
            [],
            [],
            color=style.GREY,
            marker="x",
            markersize=3.5,
            linestyle="",
            label="end of a ray, not crossed",
        ),
    ]


def _single(axes: Axes, found: RegimeMap, direction: Direction, letter: str, leftmost: bool) -> None:
    """The share against one direction, both ways from the scenario, others as they are in it."""
    axes.set_title(f"({letter}) {direction.name}", loc="left", pad=3.0)
    home = direction.at_home(found.scenario)
    names = [f"{direction.name} {way}" for way in ("down", "up")]
    points = found.points[found.points["ray"].isin(names)].drop_duplicates(direction.name)
    points = points.sort_values(direction.name)
    x = points[direction.name].to_numpy(float)
    share, low, high = (points[name].to_numpy(float) for name in ("share", "low", "high"))
    axes.axvspan(*direction.prior, color=PALE, linewidth=0.0, zorder=0.1)
    axes.axhline(found.threshold, color=style.RED, linestyle=style.DASHED, linewidth=0.8)
    axes.fill_between(x, low, high, color=style.BLUE, alpha=0.2, linewidth=0.0)
    axes.plot(x, share, color=style.BLUE, marker="o", markersize=2.0)
    axes.plot([home], [found.home.share.mean], "D", color=style.BLACK, markersize=4.0)
    rows = found.rays[found.rays["ray"].isin(names) & np.isfinite(found.rays["distance"])]
    axes.plot(rows[direction.name], [found.threshold] * len(rows), "o", color=style.RED, markersize=4.0)
    _scale(axes, direction, "x")
    axes.set_xlabel(direction.words)
    style.level_lines(axes)
    if leftmost:
        axes.set_ylabel("share by contagion")
    else:
        axes.tick_params(labelleft=False)


def _scale(axes: Axes, direction: Direction, which: str) -> None:
    """Ticks of an axis of a direction, in proportions where its steps are."""
    axis = axes.xaxis if which == "x" else axes.yaxis
    if not direction.log:
        axis.set_major_locator(MaxNLocator(nbins=5))
        axis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:g}"))
        return
    (axes.set_xscale if which == "x" else axes.set_yscale)("log", base=2)
    powers = np.arange(np.floor(np.log2(direction.least)), np.ceil(np.log2(direction.most)) + 1)
    step = -(-len(powers) // 5)
    axis.set_major_locator(FixedLocator(list(2.0 ** powers[powers % step == 0])))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda v, _: f"1/{round(1 / v)}" if v < 1.0 else f"{v:g}"))


def _plane(axes: Axes, found: RegimeMap, letter: str) -> None:
    """Share and boundary around the scenario in the plane of two directions, others as they are in it."""
    x, y = (next(each for each in found.directions if each.name == name) for name in found.plane)
    axes.set_title(f"({letter}) slice: {x.name}, {y.name}", loc="left", pad=3.0)
    home = [each.at_home(found.scenario) for each in (x, y)]
    corner = [each.prior[0] for each in (x, y)]
    axes.add_patch(
        Rectangle((corner[0], corner[1]), x.prior[1] - corner[0], y.prior[1] - corner[1], color=PALE,
                  linewidth=0.0, zorder=0.1)
    )  # fmt: skip
    across, up = found.directions.index(x), found.directions.index(y)
    others = [place for place, each in enumerate(found.directions) if each.name not in found.plane]
    for ray in found.found:
        if any(ray.ray.steps[place] for place in others):
            continue
        row = found.rays.loc[found.rays["ray"] == ray.name].iloc[0]

        def at(distance: float, ray: RayFound = ray) -> tuple[float, float]:
            values = values_on(ray.ray, found.directions, found.scenario, distance / ray.length)
            return values[across], values[up]

        end = at(ray.length)
        axes.plot([home[0], end[0]], [home[1], end[1]], color="#D0D0D0", linewidth=0.5, zorder=0.5)
        if np.isfinite(row["distance"]):
            if not np.isnan(row["low"]):
                low, high = (at(min(row[edge], ray.length)) for edge in ("low", "high"))
                axes.plot([low[0], high[0]], [low[1], high[1]], color=style.RED, linewidth=0.9, alpha=0.5)
            axes.plot(*at(row["distance"]), "o", color=style.RED, markersize=3.5)
        else:
            axes.plot(*end, "x", color=style.GREY, markersize=3.5, clip_on=False)
    _shares(axes, found, across, up)
    axes.plot(*home, "D", color=style.BLACK, markersize=4.0)
    for direction, which in ((x, "x"), (y, "y")):
        _scale(axes, direction, which)
    axes.set_xlabel(x.words)
    axes.set_ylabel(y.words)
    axes.set_xlim(x.least, x.most)
    axes.set_ylim(y.least, y.most)


def _shares(axes: Axes, found: RegimeMap, across: int, up: int) -> None:
    """The share at every point of the slice, as colour."""
    home = found.home.values
    seen = {
        look.values: look.share.mean
        for ray in found.found
        for look in ray.looks
        if all(value == home[place] for place, value in enumerate(look.values) if place not in (across, up))
    }
    x, y = ([values[place] for values in seen] for place in (across, up))
    points = axes.scatter(x, y, c=list(seen.values()), s=9.0, cmap="viridis_r", clip_on=False, linewidths=0.0)
    bar = axes.figure.colorbar(points, ax=axes, aspect=25.0, pad=0.03)
    bar.ax.set_title("share", fontsize=6.0)
    bar.ax.tick_params(labelsize=6.0)
    bar.outline.set_linewidth(0.4)


def _list(axes: Axes, found: RegimeMap, rows: "pd.DataFrame", letter: str) -> None:
    """A line a ray, from the scenario on the left: inside the priors, beyond, where it crosses, its end."""
    axes.set_title(f"({letter}) two directions and more: distance of the crossing", loc="left", pad=3.0)
    at = [float(line) for line in range(len(rows))]
    end, inside = rows["end_distance"].to_numpy(float), rows["prior_distance"].to_numpy(float)
    axes.hlines(at, 0.0, end, color="#D0D0D0", linewidth=0.7)
    axes.barh(at, inside, height=0.7, color=PALE)
    for line, row in zip(at, rows.to_dict("records"), strict=True):
        if np.isfinite(row["distance"]):
            if not np.isnan(row["low"]):
                axes.hlines(
                    line, row["low"], min(row["high"], row["end_distance"]), color=style.RED, linewidth=1.1
                )
            axes.plot(row["distance"], line, "o", color=style.RED, markersize=3.5)
        else:
            axes.plot(row["end_distance"], line, "x", color=style.GREY, markersize=3.5)
    axes.plot(np.zeros(len(rows)), at, "D", color=style.BLACK, markersize=2.5, clip_on=False)
    for line, row in zip(at, rows.to_dict("records"), strict=True):
        largest = "-" if np.isnan(row["largest"]) else f"{row['largest']:.2f}"
        axes.text(1.01, line, largest, transform=axes.get_yaxis_transform(), va="center", fontsize=6.0)
    axes.text(1.0, 1.01, "largest", transform=axes.transAxes, va="bottom", fontsize=6.0, color=style.GREY)
    axes.set_yticks(at, list(rows["ray"]))
    axes.tick_params(axis="y", length=0.0, labelsize=6.0)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xlim(0.0, float(end.max()) * 1.02)
    axes.set_xlabel("distance from the scenario, widths of the priors")
    axes.spines["left"].set_visible(False)


def _caption(found: RegimeMap) -> str:
    sample = f"{found.scenario.name}, {runs_in_words(found.seeds, found.replicates)}"
    over = interval_in_words(len(found.seeds))
    return (
        f"{sample}, at {found.evaluated:,} points, each with all channels and with none, on the same draws; "
        f"bands and bars: 95 % {over}. Where one or two directions are shown, the others are as in the "
        "scenario; multiples are of its own values. Largest: share seen on the ray."
    )
