"""A scenario and its controls side by side: medians of weekly series, with the middle 80 % of runs."""

from math import ceil

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from hashcredit.experiments.figures import style
from hashcredit.experiments.scenarios.study import Outcome

COLOURS = (style.RED, style.BLUE, style.GREEN, style.PURPLE)
"""The scenario's first, then its controls'."""
BAND = (10.0, 90.0)
"""Percentiles of runs between which the band lies."""
BANDS = 2
"""Arms that have one; more of them hide each other."""


def draw(outcome: Outcome) -> Figure:
    """One panel a series; call it inside the house style."""
    study = outcome.study
    count = len(study.pictures)
    columns = 2 if count > 1 else 1
    rows = ceil(count / columns)
    figure = style.new_figure(study.question, height=1.1 + 1.5 * rows, width=style.WIDE, empty_lines=1)
    grid = figure.subplots(rows, columns, squeeze=False, sharex=True)
    for axes, (label, column) in zip(grid.flat, study.pictures.items(), strict=False):
        _panel(axes, outcome, label, column)
    for axes in grid.flat[count:]:
        axes.set_axis_off()
    for axes in grid[-1]:
        axes.set_xlabel("week")
    style.legend_under_title(figure, grid.flat[0])
    runs = len(next(iter(outcome.samples["scenario"].values())))
    style.caption(
        figure,
        f"Lines: medians; shaded, for the first two: middle 80 % of {runs:,} runs, each on "
        f"a network of its own (seeds from {outcome.seed}). All arms have the same draws.",
    )
    return figure


def _panel(axes: Axes, outcome: Outcome, label: str, column: str) -> None:
    """Median and band of a series in every arm."""
    for place, ((arm, series), colour) in enumerate(zip(outcome.series.items(), COLOURS, strict=False)):
        rows = series[column]
        weeks = np.arange(rows.shape[1])
        low, high = np.nanpercentile(rows, BAND, axis=0)
        if place < BANDS:
            axes.fill_between(weeks, low, high, color=colour, alpha=0.15, linewidth=0)
        words = outcome.study.scenario if arm == "scenario" else arm
        axes.plot(weeks, np.nanmedian(rows, axis=0), color=colour, label=words, zorder=3.0 - 0.1 * place)
    axes.set_ylabel(label)
    axes.set_xlim(0, rows.shape[1] - 1)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=4))
    style.level_lines(axes)
