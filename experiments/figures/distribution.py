"""Distribution over replicates of the number of defaults, in total and by kind of borrower."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from hashcredit.experiments.figures import FIGURES, style
from hashcredit.experiments.figures.source import FigureSource
from hashcredit.experiments.statistics import wilson_interval

KEY = "distribution"
TITLE = FIGURES[KEY]

_PANELS = (
    ("defaults", "all borrowers", style.GREY),
    ("defaults_miners", "miners", style.ORANGE),
    ("defaults_neoclouds", "neo-clouds", style.BLUE),
)
_MOST_BARS = 40


@style.styled
def draw(source: FigureSource) -> Figure:
    """Three histograms on one axis: all borrowers, miners, neo-clouds."""
    figure = style.new_figure(height=4.2)
    style.title(figure, "How many borrowers fail:\nthe distribution over replicates")
    most = int(max(source.summary[column].max() for column, _, _ in _PANELS))
    panels = figure.subplots(3, 1, sharex=True)
    for axes, (column, words, colour) in zip(panels, _PANELS, strict=True):
        _histogram(axes, source.summary[column].to_numpy(dtype=np.int64), most, words, colour)
    panels[-1].set_xlabel("defaults in a run")
    figure.supylabel("share of replicates", fontsize=7.0)
    style.caption(figure, style.all_runs(source))
    return figure


def _histogram(axes: Axes, counts: NDArray[np.int64], most: int, words: str, colour: str) -> None:
    """Bars of equal whole width; the bar of zero defaults stands alone, in black."""
    width = most // _MOST_BARS + 1
    edges = np.arange(1, most + 1 + width, width)
    shares = np.histogram(counts, bins=edges)[0] / counts.size if edges.size > 1 else np.zeros(0)
    none = int(np.count_nonzero(counts == 0))
    axes.bar(0.0, none / counts.size, width=0.9, color=style.BLACK)
    axes.bar(edges[:-1] - 0.5, shares, width=width, align="edge", color=colour, edgecolor="white", linewidth=0.3)
    low, median, high = np.percentile(counts, [2.5, 50.0, 97.5])
    axes.axvline(median, color=style.RED, linewidth=0.9)
    axes.axvspan(low, high, color=style.RED, alpha=0.08, linewidth=0)
    axes.set_title(words, loc="left", pad=2.0)
    zero_low, zero_high = wilson_interval(none, counts.size)
    axes.text(
        0.99,
        0.97,
        f"median {median:g}, 95 % of runs in {low:g} to {high:g}\n"
        f"P(none) = {none / counts.size:.3f} ({zero_low:.3f} to {zero_high:.3f})",
        transform=axes.transAxes,
        ha="right",
        va="top",
        fontsize=6.0,
    )
    axes.set_xlim(-1.0, max(most + 1.0, 5.0))
    axes.yaxis.set_major_locator(MaxNLocator(nbins=4))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
