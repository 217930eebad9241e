"""Shares of the channels of contagion: a panel a measure, a row a channel, with intervals over seeds."""

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from hashcredit.experiments.figures import style
from hashcredit.experiments.measures.attribution import MEASURES, ContagionAttribution
from hashcredit.simulator.channels import CHANNELS
from hashcredit.simulator.display import interval_in_words, runs_in_words
from hashcredit.simulator.state.outcomes import BY_NAME

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = 2
HEIGHT = 3.6
"""Inches, of the figure with its title and caption."""


def draw(found: ContagionAttribution) -> Figure:
    """One panel for each measure in its own unit; call it inside the house style."""
    figure = style.new_figure("Who caused what: Shapley shares of contagion", HEIGHT, style.WIDE)
    panels = figure.subplots(len(MEASURES) // COLUMNS, COLUMNS, squeeze=False, sharey=True)
    for place, (axes, measure) in enumerate(zip(panels.flat, MEASURES, strict=True)):
        _panel(axes, found, measure, letter="abcd"[place])
    style.caption(figure, _caption(found))
    return figure


def _panel(axes: Axes, found: ContagionAttribution, measure: str, letter: str) -> None:
    """Channels below each other, and at the foot what all of them cause together."""
    total = found.totals.loc[measure]
    axes.set_title(f"({letter}) {BY_NAME[measure].words}", loc="left", pad=3.0)
    names = [name.replace("_", " ") for name in CHANNELS]
    axes.set_ylim(len(names) + 0.6, -0.6)
    axes.set_xlabel(f"{total['unit']} a run")
    axes.set_yticks(range(len(names) + 1), [*names, "all together"])
    axes.tick_params(axis="y", length=0.0)
    if not total["happens"]:
        axes.text(0.5, 0.5, "zero in every run of every arm", transform=axes.transAxes, ha="center",
                  va="center", color=style.GREY)  # fmt: skip
        axes.set_xticks([])
        return
    axes.axvline(0.0, color=style.GREY, linewidth=0.5)
    axes.axhline(len(names) - 0.5, color="#E4E4E4", linewidth=0.5)
    rows = found.shares[found.shares["measure"] == measure]
    acting = [channel in found.acting for channel in rows["channel"]]
    _points(axes, rows[acting], np.flatnonzero(acting), "share", style.BLUE, "o")
    for row in np.flatnonzero(np.logical_not(acting)):
        axes.text(0.0, float(row), " off in the scenario", va="center", fontsize=6.0, color=style.GREY)
    _points(axes, total.to_frame().T, np.array([len(names)]), "difference", style.BLACK, "D")
    axes.grid(axis="x", color="#E4E4E4", linewidth=0.5)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=5))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))


def _points(axes: Axes, rows: "pd.DataFrame", at: np.ndarray, name: str, colour: str, mark: str) -> None:
    mean, low, high = (rows[column].to_numpy(float) for column in (name, "low", "high"))
    known = np.isfinite(low)
    axes.hlines(at[known], low[known], high[known], color=colour, linewidth=0.9)
    axes.plot(mean, at, mark, color=colour, markersize=3.5)


def _caption(found: ContagionAttribution) -> str:
    over = interval_in_words(len(found.seeds))
    return (
        f"{found.scenario}, {runs_in_words(found.seeds, found.replicates)}, in {len(found.arms)} arms on the "
        f"same draws; bars: 95 % {over}. Share: what switching a channel on adds, averaged over all orders; "
        "the shares add up to all together, the scenario less itself with all channels off."
    )
