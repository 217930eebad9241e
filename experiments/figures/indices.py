"""Sensitivity indices with their bootstrap intervals: a panel an outcome, a row a factor."""

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from hashcredit.experiments.figures import STUDY_FIGURES, style
from hashcredit.experiments.figures.study_source import StudySource

if TYPE_CHECKING:
    import pandas as pd

LOOKS = {
    "S1": ("alone (S1)", "o", style.BLUE),
    "ST": ("with its interactions (ST)", "s", style.ORANGE),
    "S2": ("interaction of the pair (S2)", "D", style.GREY),
    "mu_star": ("mean size of an effect (mu*)", "o", style.BLUE),
    "mu": ("mean effect (mu)", "|", style.BLACK),
    "sigma": ("standard deviation of effects (sigma)", "x", style.ORANGE),
}
"""Words, mark and colour of each index, in the order of the keys."""

MOST_PAIRS = 6
ROW = 0.24
"""Height of a row, inches."""


def draw(source: StudySource) -> Figure:
    """One panel for each outcome in the table of indices."""
    table = source.indices
    if table is None:
        raise ValueError("no table of indices to draw")
    tables = [rows for _, rows in table.groupby("outcome", sort=False)]
    names = [_row_names(rows) for rows in tables]
    heights = [ROW * len(rows) + 0.55 for rows in names]
    looks = [index for index in LOOKS if (table["index"] == index).any()]
    extra = 0.17 * len(looks)
    figure = style.new_figure(
        STUDY_FIGURES["indices"], sum(heights) + 0.95 + extra, style.MIDDLE, empty_lines=len(looks)
    )
    panels = figure.subplots(len(tables), 1, squeeze=False, height_ratios=heights)[:, 0]
    for axes, rows, rows_of in zip(panels, tables, names, strict=True):
        _panel(axes, rows, rows_of)
    keys = [_key(index) for index in looks]
    style.legend_of(figure, keys, columns=1)
    style.caption(figure, f"{source.words}\n{_explained(source, tables)}")
    return figure


def _key(index: str) -> Line2D:
    """The key of an index in the legend."""
    words, mark, colour = LOOKS[index]
    return Line2D([], [], linestyle="", marker=mark, color=colour, markersize=4.0, label=words)


def _row_names(rows: "pd.DataFrame") -> list[tuple[str, str]]:
    """Factors, those with the largest index first, then the pairs with the largest ones."""
    leading = "mu_star" if (rows["index"] == "mu_star").any() else "ST"
    if not (rows["index"] == leading).any():
        leading = "S1"
    first = rows[rows["index"] == leading].sort_values("value", ascending=False, kind="stable")
    pairs = rows[rows["index"] == "S2"].sort_values("value", ascending=False, kind="stable")[:MOST_PAIRS]
    return [(name, "") for name in first["factor"]] + list(zip(pairs["factor"], pairs["other"], strict=True))


def _panel(axes: Axes, rows: "pd.DataFrame", names: list[tuple[str, str]]) -> None:
    place = {name: float(row) for row, name in enumerate(names)}
    if rows["value"].isna().all():
        style.say(axes, "the outcome is the same at every point")
    else:
        axes.axvline(0.0, color=style.GREY, linewidth=0.5)
        present = [index for index in LOOKS if (rows["index"] == index).any()]
        for number, index in enumerate(present):
            _marks(
                axes, rows[rows["index"] == index], place, index, 0.2 * (number - 0.5 * (len(present) - 1))
            )
        axes.grid(axis="x", color="#E4E4E4", linewidth=0.5)
        unit = rows["unit"].iloc[0]
        axes.set_xlabel(
            "share of the variance between points" if not unit else f"{unit}, over the whole range"
        )
        axes.set_yticks(
            range(len(names)), [f"{one} \u00d7 {other}" if other else one for one, other in names]
        )
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_title(str(rows["outcome"].iloc[0]), loc="left", pad=2.0)


def _marks(
    axes: Axes, rows: "pd.DataFrame", place: dict[tuple[str, str], float], index: str, shift: float
) -> None:
    rows = rows[[pair in place for pair in zip(rows["factor"], rows["other"], strict=True)]]
    shift = 0.0 if index == "S2" else shift
    y = np.array([place[pair] for pair in zip(rows["factor"], rows["other"], strict=True)]) + shift
    value = rows["value"].to_numpy()
    reach = np.array([value - rows["low"].to_numpy(), rows["high"].to_numpy() - value])
    _, mark, colour = LOOKS[index]
    if np.isfinite(reach).all():
        axes.errorbar(value, y, xerr=np.abs(reach), fmt="none", ecolor=colour, elinewidth=0.7)
    axes.scatter(value, y, marker=mark, s=14.0, color=colour, linewidths=0.8, zorder=3)


def _explained(source: StudySource, tables: "list[pd.DataFrame]") -> str:
    """What the bars are, what was left out, and how much is chance."""
    firsts = [rows.iloc[0] for rows in tables]
    text = "Bars: bootstrap intervals over points, for the draws of these replicates."
    pairs = int((tables[0]["index"] == "S2").sum())
    if pairs > MOST_PAIRS:
        text += f" Of {pairs} pairs the {MOST_PAIRS} with the largest index."
    dropped = [
        f"{row['outcome']} {row['blocks']:,} of {row['blocks'] + row['dropped']:,}"
        for row in firsts
        if row["dropped"]
    ]
    if dropped:
        text += f" Complete {source.blocks}: {', '.join(dropped)}."
    noise = [f"{row['outcome']} {row['noise']:.0%}" for row in firsts if np.isfinite(row["noise"])]
    if noise:
        text += f" Variance between points that chance makes: {', '.join(noise)}."
    return text
