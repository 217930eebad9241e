"""Prices of the five asset classes, longest duration first, with a band over replicates."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from hashcredit.experiments.figures import FIGURES, style
from hashcredit.experiments.figures.source import FigureSource

_COLUMNS = {
    "btc": ("btc_price_usd", "BTC"),
    "software": ("software_equity", "software equity"),
    "memory": ("memory_equity", "memory equity"),
    "hedge_fund_units": ("hedge_fund_units", "hedge-fund units"),
    "sovereign_bonds": ("sovereign_bonds", "sovereign bonds"),
}
"""Of each class: its column in the series and its name; BTC comes in USD, the others from 1."""


def draw(source: FigureSource) -> Figure:
    """One panel a class; where the source knows durations the longest comes first."""
    figure = style.new_figure(FIGURES["assets"], height=5.6, empty_lines=1)
    durations = source.durations
    order = sorted(_COLUMNS, key=lambda name: -durations.get(name, 0.0))
    panels = figure.subplots(len(order), 1, sharex=True)
    for axes, name in zip(panels, order, strict=True):
        _panel(axes, source, name)
    figure.supylabel("price, multiple of the opening one", fontsize=7.0)
    style.date_axis(panels[-1], source.dates)
    style.legend_under_title(figure, panels[0])
    band = "" if not source.bands else _explained(source)
    style.caption(figure, f"{style.one_run(source)}\n{band}Each panel has its own scale.")
    return figure


def _explained(source: FigureSource) -> str:
    runs = "1 replicate" if source.band_replicates == 1 else f"{source.band_replicates:,} replicates"
    return f"Band and dashed line: middle 90 % and median of {runs} without this economy's debts and sales. "


def _panel(axes: Axes, source: FigureSource, name: str) -> None:
    column, words = _COLUMNS[name]
    dates = source.dates.to_numpy()
    opening = source.btc_opening if name == "btc" else 1.0
    if name in source.bands:
        low, middle, high = source.bands[name] / opening
        axes.fill_between(dates, low, high, color=style.SKY, alpha=0.35, linewidth=0, label="middle 90 %")
        axes.plot(dates, middle, color=style.BLUE, linestyle=style.DASHED, label="median")
    axes.plot(
        dates,
        source.series[column].to_numpy() / opening,
        color=style.BLACK,
        label=f"replicate {source.replicate}",
    )
    axes.axhline(1.0, color=style.GREY, linewidth=0.5)
    years = source.durations.get(name)
    axes.set_title(words if years is None else f"{words}, duration {years:g} years", loc="left", pad=2.0)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=3, min_n_ticks=2))
    style.level_lines(axes)
    if not np.isfinite(source.series[column]).all():
        style.say(axes, "no price")
