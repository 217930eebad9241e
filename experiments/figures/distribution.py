"""Distribution over replicates of the number of defaults, in total and by kind of borrower."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter
from numpy.typing import NDArray

from hashcredit.experiments.figures import FIGURES, style
from hashcredit.experiments.figures.source import FigureSource
from hashcredit.simulator.reports.statistics import probability_estimate

_PANELS = (
    ("defaults", "all", style.GREY),
    ("defaults_miners", "miners", style.ORANGE),
    ("defaults_neoclouds", "neo-clouds", style.BLUE),
)
_MOST_BARS = 40


def draw(source: FigureSource) -> Figure:
    """Three histograms on one axis: all borrowers, miners, neo-clouds."""
    figure = style.new_figure(FIGURES["distribution"], height=4.1)
    most = int(max(source.summary[column].max() for column, _, _ in _PANELS))
    width = most // _MOST_BARS + 1
    panels = figure.subplots(3, 1, sharex=True)
    for axes, (column, words, colour) in zip(panels, _PANELS, strict=True):
        counts = source.summary[column].to_numpy(dtype=np.int64)
        _histogram(axes, counts, width, words, colour, source.together)
    panels[-1].set_xlim(-0.8, max(most + width, 4.0))
    panels[-1].set_xlabel("borrowers that fail in a run")
    figure.supylabel("share of replicates", fontsize=7.0)
    bars = "" if width == 1 else f"; other bars: {width} counts each"
    style.caption(
        figure,
        f"{style.all_runs(source)}\n"
        f"Black: no default{bars}. Red and in round brackets: median and middle 95 % of replicates. "
        f"Square brackets: 95 % Wilson interval, {source.words_of_intervals}.",
    )
    return figure


def _histogram(
    axes: Axes, counts: NDArray[np.int64], width: int, words: str, colour: str, together: int
) -> None:
    """Bars of equal whole width; the bar of zero defaults stands alone, in black."""
    edges = np.arange(1, counts.max() + width + 1, width)
    shares = np.histogram(counts, bins=edges)[0] / counts.size if edges.size > 1 else np.zeros(0)
    none = int(np.count_nonzero(counts == 0))
    median = np.median(counts)
    low, high = np.quantile(counts, [0.025, 0.975], method="inverted_cdf")
    axes.axvspan(low - 0.5, high + 0.5, color=style.RED, alpha=0.1, linewidth=0)
    axes.bar(0.0, none / counts.size, width=0.9, color=style.BLACK)
    axes.bar(
        edges[:-1] - 0.5, shares, width=width, align="edge", color=colour, edgecolor="white", linewidth=0.3
    )
    axes.axvline(median, color=style.RED, linewidth=0.9)
    zero = probability_estimate(counts == 0, together=together)
    axes.set_title(words, loc="left", pad=2.0)
    axes.set_title(
        f"median {median:g} ({low:g} to {high:g}); "
        f"none in {none / counts.size:.1%} [{zero.low:.1%}, {zero.high:.1%}]",
        loc="right",
        pad=2.0,
        fontsize=6.0,
    )
    axes.yaxis.set_major_locator(MaxNLocator(nbins=4))
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
