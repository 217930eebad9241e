"""The haircut on lenders' back-leverage, what moved it, and what lenders borrow against what there is."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from hashcredit.experiments.figures import FIGURES, style
from hashcredit.experiments.figures.source import FigureSource


def draw(source: FigureSource) -> Figure:
    """Two panels over the weeks of one run: percentages above, millions of dollars below."""
    figure = style.new_figure(FIGURES["haircut"], height=4.2)
    above, below = figure.subplots(2, 1, sharex=True)
    _dangers(above, source)
    _borrowing(below, source)
    for axes in (above, below):
        style.level_lines(axes)
        axes.set_ylim(bottom=0.0)
    dates = source.dates
    if len(dates) > 1:
        below.set_xlim(dates[0], dates[-1])
    style.date_axis(below, dates)
    calls = source.summary["repo_calls"]
    band = style.band_words(source).replace(" Pale, dotted:", " Pale, dotted: haircut,")
    style.caption(
        figure,
        f"{style.one_run(source)}{band}\n"
        f"Lenders with a call they could not meet at once: {calls.mean():.2g} a run on average over all "
        f"replicates ({source.replicates:,}); none in {(calls == 0).mean():.0%}.",
    )
    return figure


def _dangers(axes: Axes, source: FigureSource) -> None:
    """The haircut and the two market signals that it follows besides tightness."""
    dates, series = source.dates.to_numpy(), source.series
    axes.plot(dates, series["haircut"], color=style.BLACK, label="haircut")
    axes.plot(
        dates, series["appraisal_volatility"], color=style.BLUE, label="volatility of appraisals, a year"
    )
    axes.plot(dates, series["unsold_share"], color=style.ORANGE, linestyle=style.DASHED, label="unsold share")
    style.band(axes, source, "haircut")
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.set_ylabel("haircut, volatility,\nunsold share of machines")
    style.legend_above(axes)


def _borrowing(axes: Axes, source: FigureSource) -> None:
    """Back-leverage drawn, stacked under the room left in the pool; what is called and not met in red."""
    dates, series = source.dates.to_numpy(), source.series
    drawn = series["repo_musd"].to_numpy()
    room = series["repo_room_musd"].to_numpy()
    axes.fill_between(dates, 0.0, drawn, color=style.SKY, linewidth=0, label="back-leverage")
    axes.plot(dates, drawn + room, color=style.GREY, linewidth=0.8, label="and the room in its pool")
    unmet = series["repo_unmet_musd"].to_numpy()
    if np.any(unmet > 0.0):
        axes.fill_between(dates, 0.0, unmet, color=style.RED, linewidth=0, label="called and not met")
    facility = series["standing_facility_musd"].to_numpy()
    if np.any(facility > 0.0):
        axes.plot(dates, facility, color=style.GREEN, label="standing facility")
    axes.set_ylabel("lenders' back-leverage, M$")
    style.thousands(axes)
    style.legend_above(axes)
