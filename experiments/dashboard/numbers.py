"""The numbers at the head of the page: scalars of the run so far and closing values of the last week."""

from collections.abc import Mapping
from html import escape
from typing import NamedTuple

from hashcredit.experiments.dashboard.charts import number
from hashcredit.experiments.dashboard.market import Market


class Figure(NamedTuple):
    """A number: its key in the summary or the series, its words, how it is written."""

    key: str
    words: str
    unit: str = ""
    percent: bool = False
    of_the_week: bool = False
    """A column of the series; otherwise a scalar of the run so far."""


FIGURES = (
    Figure("defaults", "borrowers failed"),
    Figure("lender_failures", "lenders failed"),
    Figure("facility_defaults", "facilities failed alone"),
    Figure("debt_musd", "debt of borrowers", "M$", of_the_week=True),
    Figure("creditor_loss_musd", "creditors' loss", "M$"),
    Figure("units_dumped", "machines dumped"),
    Figure("units_unsold", "machines unsold"),
    Figure("haircut", "haircut", percent=True, of_the_week=True),
    Figure("repo_musd", "back-leverage", "M$", of_the_week=True),
    Figure("tightness", "tightness", of_the_week=True),
    Figure("cost_of_capital", "cost of capital", percent=True, of_the_week=True),
    Figure("btc_price_usd", "BTC", "USD", of_the_week=True),
)


def values(market: Market) -> dict[str, float]:
    """The numbers by key; NaN before the first week where there is none."""
    if market.week == 0:
        return dict.fromkeys((figure.key for figure in FIGURES), float("nan"))
    summary, last = market.run.summary, market.series.iloc[-1]
    return {figure.key: float((last if figure.of_the_week else summary)[figure.key]) for figure in FIGURES}


def written(figure: Figure, value: float) -> str:
    """A value as the page has it."""
    words = number(value, figure.percent)
    return f"{words} {figure.unit}" if figure.unit and value == value else words


def table(markets: Mapping[str, Market]) -> str:
    """Tiles with a number each, or with one of each market; a number's id is its key and its settings."""
    found = {name: values(market) for name, market in markets.items()}
    tiles = []
    for figure in FIGURES:
        numbers = []
        for name, each in found.items():
            front = f"<i>{name}</i> " if len(found) > 1 else ""
            said = escape(written(figure, each[figure.key]))
            numbers.append(f'<b id="{figure.key}-{name}">{front}{said}</b>')
        tiles.append(f'<div class="tile"><span>{escape(figure.words)}</span>{"".join(numbers)}</div>')
    return "".join(tiles)
