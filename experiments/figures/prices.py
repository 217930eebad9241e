"""Machine prices by type: last trade against appraisal and fundamental value."""

from math import ceil

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from hashcredit.experiments.figures import FIGURES, style
from hashcredit.experiments.figures.source import FigureSource


def draw(source: FigureSource) -> Figure:
    """One small panel for each machine type that has a price, in thousands of dollars a unit."""
    names = [name for name in source.machines if _has_price(source, name)]
    columns = 3 if len(names) > 4 else 2
    rows = max(1, ceil(len(names) / columns))
    figure = style.new_figure(FIGURES["prices"], height=1.1 + 0.95 * rows, empty_lines=1)
    if not names:
        style.say(figure.subplots(), "no machine has a price in this run")
        style.caption(figure, style.one_run(source))
        return figure
    grid = figure.subplots(rows, columns, squeeze=False, sharex=True)
    for axes, name in zip(grid.flat, names, strict=False):
        _panel(axes, source, name, columns)
    for axes in grid.flat[len(names) :]:
        axes.set_axis_off()
    for column in range(columns):  # the lowest panel of every column carries the dates
        lowest = grid.flat[max(i for i in range(len(names)) if i % columns == column)]
        lowest.xaxis.set_tick_params(labelbottom=True)
        lowest.set_xlabel("date")
    figure.supylabel("thousand $ a machine", fontsize=7.0)
    style.legend_under_title(figure, grid.flat[0])
    band = style.band_words(source).replace(" Pale, dotted:", " Pale, dotted: appraisal,")
    traded = sum(np.nansum(source.column("units_traded", name)) for name in names)
    style.caption(
        figure,
        f"{style.one_run(source)} {traded:,.0f} used machines traded.\n"
        f"Fundamental: the appraiser's income value. Each panel has its own scale.{band}",
    )
    return figure


def _has_price(source: FigureSource, name: str) -> bool:
    columns = [source.column(q, name) for q in ("price_usd", "appraisal_usd", "fundamental_usd")]
    return any(bool((column > 0).any()) for column in columns)


def _panel(axes: Axes, source: FigureSource, name: str, columns: int) -> None:
    dates = source.dates.to_numpy()
    fundamental = source.column("fundamental_usd", name).to_numpy() / 1e3
    appraisal = source.column("appraisal_usd", name).to_numpy() / 1e3
    price = source.column("price_usd", name).to_numpy() / 1e3
    traded = np.nan_to_num(source.column("units_traded", name).to_numpy()) > 0
    style.band(axes, source, source.column_name("appraisal_usd", name), 1e-3, style.ORANGE)
    axes.plot(dates, fundamental, color=style.BLUE, label="fundamental")
    axes.plot(dates, appraisal, color=style.ORANGE, linestyle=style.DASHED, label="appraisal")
    axes.scatter(
        dates[traded],
        price[traded],
        s=3.0,
        color=style.BLACK,
        linewidths=0,
        zorder=3,
        label="price when traded",
    )
    axes.set_title(name, loc="left", pad=2.0)
    axes.set_ylim(bottom=0.0)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=3, min_n_ticks=2))
    style.level_lines(axes)
    style.date_axis(axes, source.dates, ticks=4 if columns < 3 else 3, short=columns > 2, named=False)
