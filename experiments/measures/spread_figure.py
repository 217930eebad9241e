"""Spreads that were paid, fair ones, those of structural models and the market's, in bp on one axis."""

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator

from hashcredit.experiments.figures import style
from hashcredit.experiments.measures.fair_spreads import FairSpreads
from hashcredit.experiments.measures.quotes import SPREAD, SWAP, YIELD
from hashcredit.simulator.display import interval_in_words, runs_in_words

if TYPE_CHECKING:
    import pandas as pd

ROW = 0.19
"""Height of a row, inches."""

MARKS = (
    ("contract_bp", "paid by contract", style.BLACK, "|", 8.0),
    ("fair_with_premium_bp", "fair with a premium for risk", style.ORANGE, "D", 3.2),
    ("fair_bp", "fair, with its interval", style.BLUE, "o", 4.0),
    ("merton_bp", "Merton", style.GREEN, "^", 4.6),
    ("leland_bp", "Leland", style.RED, "s", 4.2),
)
"""Column of the table, words, colour, mark and its size; the last lies on top."""

HOLLOW = ("merton_bp", "leland_bp")
"""Drawn as outlines, so that what lies under them is seen."""

QUOTE_MARKS = {SPREAD: "|", SWAP: "x", YIELD: "D"}


def draw(found: FairSpreads) -> Figure:
    """A row an instrument and grade, and a row a quote on the same axis; call it inside the house style."""
    table, quotes = found.table, found.quotes
    rows = [len(table), len(quotes)]
    height = ROW * sum(rows) + 1.75
    figure = style.new_figure("What spread would have been fair", height, style.WIDE, empty_lines=2)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=rows)
    handles = _loans(upper, table)
    handles += _quotes(lower, quotes)
    _scale(upper, found)
    lower.set_xlabel("bp a year; of the model over the policy rate")
    style.legend_of(figure, handles, columns=5)
    style.caption(figure, _caption(found))
    return figure


def _loans(axes: Axes, table: "pd.DataFrame") -> list[Line2D]:
    axes.set_title("(a) In the model", loc="left", pad=3.0)
    at = np.arange(len(table))
    named = table["instrument"].str.replace("_", " ") + table["grade"].map(
        lambda grade: "" if grade == "all" else f", grade {grade}"
    )
    _rows(axes, named.tolist())
    low, high = table["fair_low_bp"].to_numpy(float), table["fair_high_bp"].to_numpy(float)
    known = np.isfinite(low)
    axes.hlines(at[known], low[known], high[known], color=style.BLUE, linewidth=1.0)
    return [
        axes.plot(table[column], at, mark, color=colour, markersize=size, label=words, linestyle="none",
                  markeredgewidth=1.4 if mark == "|" else 0.8,
                  markerfacecolor="none" if column in HOLLOW else colour)[0]
        for column, words, colour, mark, size in MARKS
    ]  # fmt: skip


def _quotes(axes: Axes, quotes: "pd.DataFrame") -> list[Line2D]:
    axes.set_title("(b) In the market, with dates", loc="left", pad=3.0)
    _rows(axes, [f"{quote.debt} ({quote.date})" for quote in quotes.itertuples()])
    at = np.arange(len(quotes))
    low, high = quotes["low_bp"].to_numpy(float), quotes["high_bp"].to_numpy(float)
    known = np.isfinite(low)
    axes.hlines(at[known], low[known], high[known], color=style.WINE, linewidth=1.0)
    handles = []
    for measure, mark in QUOTE_MARKS.items():
        picked = (quotes["measure"] == measure).to_numpy()
        handles += axes.plot(
            quotes["value_bp"][picked], at[picked], mark, color=style.WINE, markersize=3.8, linestyle="none",
            markeredgewidth=1.2, label=f"market: {measure}",
        )  # fmt: skip
    return handles


def _rows(axes: Axes, names: list[str]) -> None:
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0.0)
    axes.grid(color="#E4E4E4", linewidth=0.5)


def _scale(axes: Axes, found: FairSpreads) -> None:
    """Logarithmic where everything is above zero: spreads differ by their ratios."""
    shown = found.table[[*(column for column, *_ in MARKS), "fair_low_bp"]].to_numpy(float)
    if (shown[np.isfinite(shown)] > 0.0).all():
        axes.set_xscale("log")
    else:
        axes.axvline(0.0, color=style.GREY, linewidth=0.6)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=9))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))


def _caption(found: FairSpreads) -> str:
    settled = "" if found.settled else " The fixed point has not settled."
    prices = ", ".join(f"{name} {price:g}" for name, price in found.prices_of_risk.items())
    over = interval_in_words(len(found.seeds))
    return (
        f"{found.scenario.name}, {runs_in_words(found.seeds, found.replicates)}; loans owed in the first "
        f"week or made before week {found.made_within}. Bars: 95 % intervals, {over}. Fair: expected "
        "receipts, discounted at the policy rate, are what was drawn, when everybody pays the fair spread."
        f"{settled} Premium: prices of risk {prices} (1/yr^0.5). Merton (1974), Leland (1994): on the "
        "opening balance sheets. Coupons less the policy rate; yields of the market whole; their bars: range."
    )
