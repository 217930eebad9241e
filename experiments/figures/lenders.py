"""Lenders' equity over time, how many of them live, and how many fail over all replicates."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

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
        f"Upper panels: {style.one_run(source)} Lowest: {style.all_runs(source)} "
        f"Lost on claims on failed lenders: {loss.mean():,.1f} M$ a run on average.",
    )
    return figure


def _equity(axes: Axes, source: FigureSource) -> None:
    """Equity of all lenders, and what their write-downs have taken from it so far."""
    dates, series = source.dates.to_numpy(), source.series
    equity, allowance = series["lender_equity_musd"].to_numpy(), series["allowance_musd"].to_numpy()
    axes.plot(dates, equity / 1e3, color=style.BLUE, label="equity of all lenders")
    axes.fill_between(
        dates, equity / 1e3, (equity + allowance) / 1e3, color=style.ORANGE, linewidth=0, label="write-downs"
    )
    axes.set_ylabel("bn$")
    style.level_lines(axes)
    if len(dates) > 1:
        axes.set_xlim(dates[0], dates[-1])
    style.legend_above(axes)
    axes.xaxis.set_tick_params(labelbottom=False)
    style.date_axis(axes, source.dates)


def _alive(axes: Axes, source: FigureSource) -> None:
    """How many lenders are not in receivership."""
    dates, alive = source.dates.to_numpy(), source.series["alive_lenders"].to_numpy()
    axes.step(dates, alive, where="post", color=style.BLACK)
    axes.set_ylabel("alive")
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
    axes.set_ylabel("share of runs")
    axes.set_xlim(-0.6, max(len(counts) - 0.4, 3.6))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    style.level_lines(axes)
