"""The figure of the episode: paths, value, depth, outcomes."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hashcredit.experiments.figures.style import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    RED,
    SKY,
    WIDE,
    caption,
    new_figure,
)
from hashcredit.experiments.papers.asic_loans_2022.depth import (
    PRIOR_UNITS,
    SALES,
    posterior,
)
from hashcredit.experiments.papers.asic_loans_2022.outcomes import (
    SCENARIO,
    SEED,
    Outcome,
    tier_price,
    weekly,
)
from hashcredit.experiments.papers.asic_loans_2022.paths import HASHPRICE, START, knots
from hashcredit.experiments.papers.asic_loans_2022.value import average_operator, opening_trend, year
from hashcredit.experiments.papers.replication import Published, read_published
from hashcredit.simulator import simulate
from hashcredit.simulator.scenario.facts import fact
from hashcredit.simulator.scenario.scenario import Scenario

POWER = (0.03, 0.04, 0.05, 0.065)
COLOURS = (GREEN, SKY, BLUE, PURPLE)


def draw(outcomes: Mapping[str, Outcome]) -> Figure:
    """Four panels."""
    figure = new_figure("Loans secured by mining machines, 2022", 5.2, WIDE)
    (paths, value), (depth, after) = figure.subplots(2, 2)
    scenario = Scenario.load(SCENARIO)
    draw_paths(paths, scenario)
    draw_value(value, scenario)
    draw_depth(depth)
    draw_outcomes(after, outcomes)
    caption(
        figure,
        "Top left: one replicate; dots are facts. Top right: the trend is solved from the opening price at "
        "each point. Bottom left: shaded is the middle 90 %. Bottom right: middle 95 % of replicates over "
        "what happened, red where that misses it; dots are means.",
    )
    return figure


def draw_paths(axes: Axes, scenario: Scenario) -> None:
    """Hashprice and the newest tier's price relative to January 2022, observed and in the model."""
    run = simulate(scenario, seed=SEED, replicate=0)
    days = days_of(range(scenario.horizon_weeks))
    hashprice = run.series.hashprice_usd_ph_day
    axes.plot(days, hashprice / hashprice[0], color=GREY, label="hashprice")
    facts = knots(HASHPRICE)
    axes.plot(days_of(week for week, _ in facts), [v / facts[0][1] for _, v in facts], "o",
              color=GREY, markersize=2.5)  # fmt: skip
    for column, colour, name in (("fundamental", BLUE, "income value"), ("appraisal", SKY, "appraisal")):
        prices = weekly(run, column)
        path = np.array([tier_price(prices, week) for week in range(scenario.horizon_weeks)])
        axes.plot(days, path / path[0], color=colour, label=name)
    start = fact("asic.new.2022-start").value
    seen = {0: "asic.new.2022-start", 23: "asic.new.2022-06.index", 27: "asic.new.2022-07.desk",
            49: "asic.new.2022-12", 75: "asic.s19pro.2023-06"}  # fmt: skip
    axes.plot(days_of(seen), [fact(key).value / start for key in seen.values()],
              "s", color=RED, markersize=3, label="prices of machines")  # fmt: skip
    axes.set(yscale="log", ylabel="relative to January 2022", ylim=(0.03, 1.2))
    axes.set_yticks([0.05, 0.1, 0.2, 0.5, 1.0], ["0.05", "0.1", "0.2", "0.5", "1"])
    axes.minorticks_off()
    axes.tick_params(axis="x", rotation=30)
    axes.legend(loc="lower left")


def days_of(weeks: Iterable[int]) -> Any:
    """Calendar days on which weeks begin."""
    return [START + timedelta(weeks=week) for week in weeks]


def draw_value(axes: Axes, scenario: Scenario) -> None:
    """The value's fall over 2022 against the volatility that valuers expect."""
    volatilities = np.linspace(0.0, 1.4, 29)
    valuer = average_operator(scenario)
    for power, colour in zip(POWER, COLOURS, strict=True):
        ratios = []
        for volatility in volatilities:
            one = replace(valuer, volatility=float(volatility), power=power)
            one = replace(one, trend=opening_trend(scenario, one))
            ratios.append(year(scenario, one).ratio)
        axes.plot(volatilities, ratios, color=colour, label=f"power at {power:g} $/kWh")
    seen = fact("asic.new.ratio.2022")
    axes.axhspan(seen.value, seen.high or seen.value, color=RED, alpha=0.5, linewidth=0)
    axes.text(0.02, seen.value - 0.012, "price of machines", color=RED)
    axes.axhline(fact("hashprice.ratio.2022").value, color=GREY, linestyle="--", linewidth=0.8)
    axes.text(0.02, fact("hashprice.ratio.2022").value - 0.012, "hashprice", color=GREY)
    axes.axvline(valuer.volatility, ymax=0.4, color=BLACK, linestyle=":", linewidth=0.8)
    axes.text(valuer.volatility + 0.02, 0.006, "the scenario's", color=BLACK)
    axes.set(
        xlabel="volatility expected, per year^0.5", ylabel="value, December over January", ylim=(0, 0.32)
    )
    axes.legend(loc="upper right", ncols=2, handlelength=1.2, columnspacing=1.0)


def draw_depth(axes: Axes) -> None:
    """Prior and posterior densities of the logarithm of depth."""
    decades = math.log(10.0)
    for sales, colour, name in (
        (("lots",), SKY, "two lots of June 2022"),
        (("estate",), ORANGE, "an estate's sale"),
        (("fair value",), GREEN, "price over fair value"),
        (SALES, BLUE, "all three"),
    ):
        after = posterior(sales)
        step = (after.log_depth[1] - after.log_depth[0]) / decades
        axes.plot(np.exp(after.log_depth), after.probability / step, color=colour,
                  linewidth=1.6 if sales == SALES else 0.9, label=name)  # fmt: skip
    width = math.log10(PRIOR_UNITS[1] / PRIOR_UNITS[0])
    axes.axhline(1.0 / width, color=GREY, linestyle="--", linewidth=0.8, label="prior")
    low, high = posterior().interval
    axes.axvspan(low, high, color=BLUE, alpha=0.08, linewidth=0)
    axes.set(xscale="log", xlim=PRIOR_UNITS, ylim=0, ylabel="density, per decade")
    axes.set_xlabel("machines whose sale moves the price by a factor e")
    axes.legend(loc="upper right")


def draw_outcomes(axes: Axes, outcomes: Mapping[str, Outcome]) -> None:
    """What the model gives over what happened, on a logarithmic axis."""
    rows = [row for row in _published() if row.quantity in outcomes]
    for place, row in enumerate(reversed(rows)):
        outcome = outcomes[row.quantity]
        low, high = outcome.interval
        if not outcome.mean > 0.0:
            axes.text(
                0.13,
                place,
                "none in the model" if outcome.known.size else "undefined",
                va="center",
                color=RED,
            )
            continue
        low, high = max(low / row.value, 0.1), high / row.value
        reach = row.tolerance / row.value
        colour = BLUE if low <= 1.0 + reach and high >= 1.0 - reach else RED
        axes.plot([low, high], [place, place], color=colour)
        axes.plot(outcome.mean / row.value, place, "o", color=colour, markersize=3)
    axes.axvline(1.0, color=GREY, linestyle="--", linewidth=0.8)
    axes.set_yticks(range(len(rows)), [short(row.quantity) for row in reversed(rows)])
    axes.set(xscale="log", xlim=(0.1, 6.0), xlabel="obtained over observed")
    axes.set_xticks([0.1, 0.2, 0.5, 1.0, 2.0, 5.0], ["0.1", "0.2", "0.5", "1", "2", "5"])
    axes.minorticks_off()


def _published() -> list[Published]:
    return read_published(Path(__file__).parent / "published.csv")


def short(quantity: str) -> str:
    """A label for the axis."""
    words = {
        "price of the newest tier in ": "price, ",
        " 2022 over January": "",
        "collateral over loan at hand-back: at the ": "cover, ",
        "collateral over loan at hand-back: at ": "cover, ",
        "hand-backs whose owner lived on for a year": "owners that lived on",
        "hand-backs by owners that had missed no payment": "owners that were paying",
        "new lending in the first half of 2022": "new lending, first half",
        "new lending: second half of 2022 over first": "second half over first",
        "share of secured debt in default by the end of 2022": "debt in default",
        "share of miners that failed by January 2023": "miners that failed",
        "failed miners ranked by leverage": "failures by leverage",
    }
    for long, brief in words.items():
        quantity = quantity.replace(long, brief)
    return quantity
