"""The funding pool of one run: its level, water and drain, tightness and the cost of capital."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from hashcredit.experiments.figures import FIGURES, style
from hashcredit.experiments.figures.source import FigureSource

MEAN_WEEKS = 13
"""Weekly flows jump with prices; their trailing mean shows which way the level goes."""


def draw(source: FigureSource) -> Figure:
    """Four panels under one date axis."""
    figure = style.new_figure(FIGURES["bathtub"], height=6.0)
    panels = figure.subplots(4, 1, sharex=True)
    series, dates = source.series, source.dates.to_numpy()
    if has_pool(series):
        style.band(panels[0], source, "pool_bnusd", colour=style.BLUE)
        _level(panels[0], dates, series)
        _flows(panels[1], dates, series)
        note = (
            "Pool: funds that wait to be invested. Water: saving that fills it. Drain: what hyperscalers, "
            f"governments and this economy take out. Both: means over {MEAN_WEEKS} weeks, with single weeks "
            "in pale. 1 bn$ = 1,000 M$."
        )
    else:
        for axes in panels[:2]:
            style.say(axes, "tightness is a path in this run")
        note = "No funding pool."
    style.band(panels[2], source, "tightness")
    _tightness(panels[2], dates, series)
    style.band(panels[3], source, "cost_of_capital", 100.0)
    _cost(panels[3], dates, series)
    for axes in panels:
        axes.yaxis.set_major_locator(MaxNLocator(nbins=4, min_n_ticks=2))
        style.level_lines(axes)
    style.date_axis(panels[3], source.dates)
    style.caption(figure, f"{style.one_run(source)}{style.band_words(source)}\n{note}")
    return figure


def has_pool(series: pd.DataFrame) -> bool:
    """Whether the run has a funding pool, not a path of tightness."""
    return bool((series["water_bnusd_yr"] != 0.0).any())


def _level(axes: Axes, dates: np.ndarray, series: pd.DataFrame) -> None:
    axes.plot(dates, series["pool_bnusd"], color=style.BLUE)
    style.thousands(axes)
    axes.set_ylabel("pool\nbn$")


def _flows(axes: Axes, dates: np.ndarray, series: pd.DataFrame) -> None:
    for column, words, colour in (
        ("water_bnusd_yr", "water", style.BLUE),
        ("drain_bnusd_yr", "drain", style.RED),
    ):
        axes.plot(dates, series[column], color=colour, alpha=0.2, linewidth=0.4)
        mean = series[column].rolling(MEAN_WEEKS, min_periods=1).mean()
        axes.plot(dates, mean, color=colour, label=words)
    low, high = np.quantile(series[["water_bnusd_yr", "drain_bnusd_yr"]], [0.02, 0.98])
    axes.set_ylim(low - 0.1 * (high - low) - 1.0, high + 0.1 * (high - low) + 1.0)
    axes.set_ylabel("flows\nbn$ a year")
    style.thousands(axes)
    style.legend_above(axes)


def _tightness(axes: Axes, dates: np.ndarray, series: pd.DataFrame) -> None:
    axes.plot(
        dates,
        series["tightness_exogenous"],
        color=style.GREY,
        linestyle=style.DASHED,
        label="without this economy",
    )
    axes.plot(dates, series["tightness"], color=style.BLACK, label="as agents see it")
    axes.set_ylabel("tightness\n(0 to 1)")
    style.legend_above(axes)


def _cost(axes: Axes, dates: np.ndarray, series: pd.DataFrame) -> None:
    axes.plot(dates, 100.0 * series["cost_of_capital"], color=style.BLACK)
    axes.set_ylabel("cost of capital\n% a year")
