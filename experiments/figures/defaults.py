"""Cumulative defaults over the weeks of one run, stacked by cause."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from hashcredit.experiments.figures import FIGURES, style
from hashcredit.experiments.figures.source import FigureSource

CAUSES: dict[str, tuple[str, str]] = {
    "forced": ("set by the scenario", style.GREY),
    "illiquidity": ("out of cash", style.BLUE),
    "acceleration": ("accelerated by a lender", style.RED),
    "margin": ("margin call", style.ORANGE),
    "maturity": ("not refinanced", style.GREEN),
    "insolvency": ("insolvent", style.PURPLE),
    "cross_default": ("cross-default", style.WINE),
}
"""Cause as in the series' column names, with its words and its colour, from the bottom of the stack up."""


def draw(source: FigureSource) -> Figure:
    """Stack the causes that occur as steps; the top edge is the number of failed borrowers."""
    figure = style.new_figure(FIGURES["defaults"], height=2.8)
    axes = figure.subplots()
    dates = source.dates.to_numpy()
    floor = np.zeros(len(dates))
    for cause, (words, colour) in CAUSES.items():
        count = source.series.get(f"defaults_{cause}")
        if count is None or not (count > 0).any():
            continue
        top = floor + count.to_numpy()
        axes.fill_between(
            dates, floor, top, step="post", color=colour, linewidth=0, label=f"{words} ({count.iloc[-1]:.0f})"
        )
        floor = top
    if floor.max(initial=0.0) > 0.0:
        axes.step(dates, floor, where="post", color=style.BLACK, linewidth=0.8)
        style.legend_above(axes, key_length=1.0)
        _band(axes, source)
        axes.set_ylim(0.0, max(floor.max(), source.ensemble.get("defaults", floor).max()) * 1.05)
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
        style.level_lines(axes)
        axes.set_xlim(dates[0], dates[-1])
        style.date_axis(axes, source.dates)
    else:
        style.say(axes, "no borrower defaulted in this run")
    axes.set_ylabel("borrowers that have defaulted")
    median = source.summary["defaults"].median()
    context = ""
    if source.replicates > 1:
        context = f"Median number of defaults over all replicates ({source.replicates:,}): {median:g}."
    if "defaults" in source.ensemble and floor.max(initial=0.0) > 0.0:
        context = (
            f"Lines: middle 90 % and median (dashed) of {source.ensemble_replicates:,} replicates. {context}"
        )
    style.caption(figure, f"{style.one_run(source)}\n{context}")
    return figure


def _band(axes: Axes, source: FigureSource) -> None:
    """The total in other replicates, as lines: a band would hide behind the stack."""
    if "defaults" not in source.ensemble:
        return
    for values, dashes in zip(source.ensemble["defaults"], ("-", style.DASHED, "-"), strict=True):
        axes.step(
            source.dates.to_numpy(), values, where="post", color=style.GREY, linewidth=0.7, linestyle=dashes
        )
