"""Which charts the page has: columns of the weekly series as layers."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from hashcredit.experiments.dashboard.charts import (
    AREA,
    BLOCKS,
    DOTS,
    MARKED,
    Chart,
    Floats,
    Layer,
    axis_end,
    draw,
    joint_span,
    legend_of,
    note,
)
from hashcredit.experiments.dashboard.market import Market
from hashcredit.experiments.figures import style
from hashcredit.experiments.figures.defaults import CAUSES
from hashcredit.simulator.state.series import slug

if TYPE_CHECKING:
    import pandas as pd

DASHES = "5 2.5"
SMALL = 220.0, 92.0
"""Width and height of one of many small plots."""


def prices(market: Market) -> list[Chart]:
    """A small chart for each machine type that has a price: thousand dollars a unit."""
    series, found = market.series, []
    for name in market.machines:
        columns = [f"{what}_usd_{slug(name)}" for what in ("fundamental", "appraisal", "price")]
        fundamental, appraisal, price = (_of(series, column) / 1e3 for column in columns)
        if not (np.nan_to_num(appraisal) > 0.0).any():
            continue
        traded = np.nan_to_num(_of(series, f"units_traded_{slug(name)}")) > 0.0
        layers = (
            Layer("fundamental", fundamental, style.BLUE),
            Layer("appraisal", appraisal, style.ORANGE, dashes=DASHES),
            Layer("traded", np.where(traded, price, np.nan), style.BLACK, DOTS),
        )
        found.append(Chart(name, layers, "thousand $", width=SMALL[0], height=SMALL[1]))
    return found


def haircut(market: Market) -> Chart:
    """The haircut on back-leverage and the two dangers that it follows."""
    series = market.series
    return Chart(
        "Haircut on back-leverage",
        (
            Layer("haircut", _of(series, "haircut"), style.BLACK),
            Layer("volatility of appraisals, a year", _of(series, "appraisal_volatility"), style.BLUE),
            Layer("unsold share", _of(series, "unsold_share"), style.ORANGE, dashes=DASHES),
        ),
        percent=True,
    )


def back_leverage(market: Market) -> Chart:
    """What lenders borrow against what there is, and what is called and not met."""
    series = market.series
    drawn = _of(series, "repo_musd")
    return Chart(
        "Back-leverage of lenders",
        (
            Layer("drawn", drawn, style.SKY, AREA),
            Layer("drawn and room left", drawn + _of(series, "repo_room_musd"), style.GREY),
            Layer("called and not met", _of(series, "repo_unmet_musd"), style.RED),
        ),
        "M$",
    )


def defaults(market: Market) -> Chart:
    """Borrowers that have failed, by cause; each area reaches up from those before it."""
    series = market.series
    floor, layers = np.zeros(len(series)), []
    for cause, (words, colour) in CAUSES.items():
        count = _of(series, f"defaults_{cause}")
        if (count > 0.0).any():
            floor = floor + count
            layers.append(Layer(words, floor, colour, BLOCKS, told=float(count[-1])))
    return Chart("Borrowers that have failed, by cause", layers[::-1], "borrowers")


def funding(market: Market) -> Chart:
    """What money costs."""
    series = market.series
    return Chart(
        "Cost of capital",
        (
            Layer("cost of capital", _of(series, "cost_of_capital"), style.BLACK),
            Layer("policy rate", _of(series, "policy_rate"), style.BLUE),
        ),
        "a year",
        percent=True,
    )


def tightness(market: Market) -> Chart:
    """How tight funding is, and how tight without this economy."""
    series = market.series
    return Chart(
        "Tightness of funding",
        (
            Layer("as agents see it", _of(series, "tightness"), style.RED),
            Layer("without this economy", _of(series, "tightness_exogenous"), style.GREY, dashes=DASHES),
        ),
        "0 to 1",
    )


def loan_to_value(market: Market) -> Chart:
    """Machine loans over three values of what secures them, as the looks so far found them."""
    looks = market.looks
    weeks = np.array([look.week for look in looks], float)
    return Chart(
        "Loan to value of machine loans",
        tuple(
            Layer(
                words, np.array([getattr(look, name) for look in looks], float), colour, MARKED, weeks=weeks
            )
            for name, words, colour in (
                ("liquidation", "all sold at once", style.RED),
                ("market", "at the best bid for one unit", style.BLACK),
                ("paper", "at the appraisal", style.ORANGE),
            )
        ),
        "debt over value, logarithmic",
        log=True,
    )


PANELS = {
    "defaults": defaults,
    "haircut": haircut,
    "back_leverage": back_leverage,
    "funding": funding,
    "tightness": tightness,
    "loan_to_value": loan_to_value,
}
"""Charts by key, in the order of the page; prices, which are many, stand apart."""


def draw_panel(key: str, markets: Sequence[Market]) -> list[str]:
    """One chart of each market, all on the same axes."""
    charts = [PANELS[key](market) for market in markets]
    span, end = joint_span(charts), _end(markets)
    nothing = "none so far" if markets[0].week else "no week is over yet"
    return [
        draw(chart, end, span)
        if any(len(layer.values) for layer in chart.layers)
        else note(chart.title, nothing)
        for chart in charts
    ]


def draw_prices(markets: Sequence[Market]) -> list[str]:
    """One card of each market, with a small chart for each machine type that has a price in any of them."""
    found = [{chart.title: chart for chart in prices(market)} for market in markets]
    names = dict.fromkeys(name for charts in found for name in charts)
    end = _end(markets)
    cards = []
    for charts in found:
        small = []
        for name in names:
            alike = [each[name] for each in found if name in each]
            own = charts.get(name)
            small.append(
                note(name, "no price") if own is None else draw(own, end, joint_span(alike), legend=False)
            )
        legend = (
            legend_of(next(iter(charts.values())), values=False)
            if charts
            else '<p class="nothing">no week is over yet</p>'
        )
        cards.append(
            '<section class="prices"><h3>Prices of machines <small>thousand $ a unit; each plot has its own '
            f'scale</small></h3>{legend}<div class="small">{"".join(small)}</div></section>'
        )
    return cards


def _end(markets: Sequence[Market]) -> int:
    return axis_end(max(market.week for market in markets))


def _of(series: "pd.DataFrame", column: str) -> Floats:
    """A column as numbers."""
    return np.asarray(series[column], float)
