"""Lenders' equity over time, how many of them live, and how many fail over all replicates."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from hashcredit.experiments.figures import FIGURES, style
from hashcredit.experiments.figures.source import FigureSource


def draw(source: FigureSource) -> Figure:
    """One run above (equity and write-downs, lenders alive); failures in all replicates below."""
    figure = style.new_figure(FIGURES["lenders"], height=4.0)
    equity, alive, failures = figure.subplots(3, 1, height_ratios=(1.5, 0.7, 1.0))
    _equity(equity, source)
    _alive(alive, source)
    _failures(failures, source)
    loss = source.summary["interlender_loss_musd"]
    style.caption(
        figure,
        f"Upper panels: {style.one_run(source)}{style.band_words(source)} Lowest: all replicates. "
        f"Lost on claims on failed lenders: {loss.mean():,.1f} M$ a run on average.",
    )
    return figure


def _equity(axes: Axes, source: FigureSource) -> None:
    """Equity of all lenders, and what their write-downs have taken from it so far."""
    dates, series = source.dates.to_numpy(), source.series
    equity, allowance = series["lender_equity_musd"].to_numpy(), series["allowance_musd"].to_numpy()
    style.band(axes, source, "lender_equity_musd", colour=style.BLUE)
    axes.plot(dates, equity, color=style.BLUE, label="equity of all lenders")
    axes.fill_between(
        dates, equity, equity + allowance, color=style.ORANGE, linewidth=0, label="write-downs on open claims"
    )
    axes.set_ylabel("M$")
    style.thousands(axes)
    style.level_lines(axes)
    if len(dates) > 1:
        axes.set_xlim(dates[0], dates[-1])
    style.legend_above(axes)
    axes.xaxis.set_tick_params(labelbottom=False)
    style.date_axis(axes, source.dates, named=False)


def _alive(axes: Axes, source: FigureSource) -> None:
    """How many lenders are not in receivership."""
    dates, alive = source.dates.to_numpy(), source.series["alive_lenders"].to_numpy()
    style.band(axes, source, "alive_lenders")
    axes.step(dates, alive, where="post", color=style.BLACK)
    axes.set_ylabel("lenders not\nin receivership")
    axes.set_ylim(0.0, alive.max(initial=1) * 1.1)
    if len(dates) > 1:
        axes.set_xlim(dates[0], dates[-1])
    axes.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=4))
    style.date_axis(axes, source.dates)


def _failures(axes: Axes, source: FigureSource) -> None:
    """Share of replicates by number of lenders that fail."""
    failures = source.summary["lender_failures"].to_numpy(int)
    counts = np.bincount(failures)
    axes.bar(np.arange(len(counts)), counts / len(failures), color=style.SKY, width=0.8)
    axes.set_xlabel("lenders that fail in a run")
    axes.set_ylabel("share of replicates")
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.set_xlim(-0.6, max(len(counts) - 0.4, 3.6))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    style.level_lines(axes)
