"""Paper value of seized machines against their proceeds, and the recovery rate on claims."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter, PercentFormatter

from hashcredit.experiments.figures import FIGURES, style
from hashcredit.experiments.figures.source import FigureSource
from hashcredit.simulator.reports.statistics import mean_estimate


def draw(source: FigureSource) -> Figure:
    """One dot a replicate (paper value, share of it realised), above a histogram of recovery rates."""
    figure = style.new_figure(FIGURES["recovery"], height=4.5)
    above, below = figure.subplots(2, 1, height_ratios=[1.5, 1.0])
    shown = _paper_against_proceeds(above, source)
    resolved = _recovery_rates(below, source)
    style.caption(
        figure,
        f"{style.all_runs(source)}\n"
        f"{shown:,} with seized machines sold (dots), {resolved:,} with a default resolved (bars).",
    )
    return figure


def _paper_against_proceeds(axes: Axes, source: FigureSource) -> int:
    """Scatter the replicates that sold seized machines; return how many they are."""
    paper = source.summary["paper_sold_musd"].to_numpy(dtype=float)
    proceeds = source.summary["proceeds_musd"].to_numpy(dtype=float)
    sold = np.isfinite(paper) & np.isfinite(proceeds) & (paper > 0.0)
    axes.set_xlabel("paper value at seizure of the machines sold, M$")
    axes.set_ylabel("proceeds, share of paper value")
    if not sold.any():
        style.say(axes, "no seized machine was sold")
        return 0
    paper, proceeds = paper[sold], proceeds[sold]
    share, together = proceeds / paper, proceeds.sum() / paper.sum()
    axes.scatter(paper, share, s=6.0, color=style.BLUE, alpha=_ink(paper.size), linewidths=0, rasterized=True)
    axes.axhline(1.0, color=style.GREY, linewidth=0.8, label="as on paper")
    dashes = (0, (4, 1.5))
    label = f"{together:.0%}: all replicates together"
    axes.axhline(together, color=style.RED, linewidth=0.8, linestyle=dashes, label=label)
    axes.set_xscale("log")
    axes.set_xlim(paper.min() / 1.5, paper.max() * 1.5)
    decades = np.log10(paper.max() / paper.min())
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if decades < 2.0 else (1.0,)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_ylim(0.0, 1.08 * max(1.0, share.max()))
    axes.yaxis.set_major_formatter(PercentFormatter(xmax=1.0, decimals=0))
    style.legend_above(axes)
    return int(sold.sum())


def _recovery_rates(axes: Axes, source: FigureSource) -> int:
    """Histogram of the recovery rate; return in how many replicates there is one."""
    rates = source.summary["recovery_rate"].to_numpy(dtype=float)
    estimate = mean_estimate(rates, together=source.together)
    rates = rates[np.isfinite(rates)]
    axes.set_xlabel("recovery rate: discounted recoveries over claims")
    axes.set_ylabel("number of replicates")
    axes.xaxis.set_major_formatter(PercentFormatter(xmax=1.0, decimals=0))
    if rates.size == 0:
        style.say(axes, "no default was resolved before the horizon")
        return 0
    top = max(1.0, float(rates.max()))
    axes.hist(rates, bins=np.linspace(0.0, top, 41).tolist(), color=style.SKY)
    label = f"mean {estimate.mean:.1%}"
    if estimate.n > 1:
        label += f", 95 % interval {estimate.low:.1%} to {estimate.high:.1%} ({source.words_of_intervals})"
    axes.axvline(estimate.mean, color=style.BLACK, linewidth=0.8)
    axes.set_title(label, loc="right", pad=2.0, fontsize=6.0)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
    axes.set_xlim(0.0, top)
    return int(rates.size)


def _ink(dots: int) -> float:
    """Opacity at which a cloud of `dots` still shows where it is dense."""
    return float(np.clip(60.0 / dots, 0.15, 0.9))
