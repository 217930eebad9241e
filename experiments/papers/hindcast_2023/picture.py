"""The figure of the hindcast: debts, prices of used GPUs, the scorecard, and what each fact rules out."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.dates import date2num
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, PercentFormatter

from hashcredit.agents.dimensions import BorrowerKind
from hashcredit.experiments.figures.style import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    RED,
    WIDE,
    caption,
    new_figure,
)
from hashcredit.experiments.papers.hindcast_2023 import measures as m
from hashcredit.experiments.papers.hindcast_2023.evidence import EVIDENCE
from hashcredit.experiments.papers.hindcast_2023.history import History
from hashcredit.experiments.papers.hindcast_2023.matching import CUTOFF, Matched
from hashcredit.experiments.papers.hindcast_2023.paths import CALENDAR
from hashcredit.experiments.papers.hindcast_2023.scorecard import SEED, Score
from hashcredit.simulator.scenario.facts import fact

REACH = 8.0
"""Standard deviations beyond which a mark stands at the edge."""


def draw(runs: Sequence[History], scores: Sequence[Score], matched: Matched) -> Figure:
    """Four panels."""
    figure = new_figure("Compute credit from 2023 to 2026: the model and what happened", 6.6, WIDE)
    grid = figure.add_gridspec(2, 1, height_ratios=[1.0, 1.75])
    upper, lower = (figure.add_subfigure(grid[place]) for place in range(2))
    debts, prices = upper.subplots(1, 2)
    card, ruled = lower.subplots(1, 2, sharey=True, width_ratios=[1.7, 1.0])
    draw_debts(debts, runs)
    draw_prices(prices, runs)
    draw_card(card, scores)
    draw_ruled(ruled, matched)
    points = len(matched.explored.u)
    caption(
        figure,
        f"Top: median and middle 90 % of {len(runs)} replicates, seed {SEED}; squares are dated facts, bars "
        "their range. Bottom left: distance from the fact in standard deviations of fact and model; bars "
        "are the middle 90 % of replicates, blue where the fact is met, circles their means, crosses the "
        f"forecast that nothing changes; beyond {REACH:g} at the edge. Bottom right: share of {points} "
        f"points of the prior at which the implausibility of the fact exceeds {CUTOFF:g}; pale: the model "
        "says nothing of it. Sources: published.csv.",
    )
    return figure


def place(when: date) -> float:
    """Where a day lies on an axis of dates."""
    return float(date2num(when))


def day(week: int) -> float:
    """Where the first day of a week lies on an axis of dates."""
    return place(CALENDAR.start + timedelta(weeks=week))


def _band(axes: Axes, days: Sequence[float], values: Any, colour: str, name: str) -> None:
    low, middle, high = np.quantile(np.asarray(values), (0.05, 0.5, 0.95), axis=0)
    axes.xaxis_date()
    axes.fill_between(days, low, high, color=colour, alpha=0.2, linewidth=0)
    axes.plot(days, middle, color=colour, label=name)


def draw_debts(axes: Axes, runs: Sequence[History]) -> None:
    """Debts of both kinds over those of autumn 2024."""
    for kind, anchor, colour, name in (
        (BorrowerKind.NEOCLOUD, m.NOVEMBER_2024, GREEN, "neo-clouds"),
        (BorrowerKind.MINER, m.AUTUMN_2024, ORANGE, "miners"),
    ):
        weeks = sorted(runs[0].books)
        owed = np.array([[m.debt(run.books[week], kind).sum() for week in weeks] for run in runs])
        owed = owed / np.maximum(owed[:, [weeks.index(anchor)]], 1e-9)
        _band(axes, [day(week) for week in weeks], owed, colour, name)
    clouds = [fact(f"gpudebt.neocloud.total.{when}").value for when in ("2023-10", "2024-11", "2025-07")]
    low = fact("gpudebt.neocloud.total.2023-10").low or clouds[0]
    seen = [day(week) for week in (m.AUTUMN_2023, m.NOVEMBER_2024, m.JULY_2025)]
    axes.plot([seen[0]] * 2, [low / clouds[1], clouds[0] / clouds[1]], color=GREEN)
    look: dict[str, Any] = {"linestyle": "", "marker": "s", "markersize": 3.5, "markeredgecolor": "black"}
    axes.plot(seen, [one / clouds[1] for one in clouds], color=GREEN, **look)
    grown = fact("miner.debt.total").value / fact("miner.debt.2024-10").value
    seen = [day(week) for week in (m.AUTUMN_2024, m.AUTUMN_2025)]
    axes.plot(seen, [1.0, grown], color=ORANGE, **look)
    axes.set(yscale="log", ylabel="debt over that of autumn 2024")
    ticks = [0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0]
    axes.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()
    axes.tick_params(axis="x", rotation=30)
    axes.legend(loc="upper left")


def draw_prices(axes: Axes, runs: Sequence[History]) -> None:
    """Appraisals of two GPUs, and the prices that were asked for used ones."""
    days = [day(week) for week in range(CALENDAR.weeks)]
    for name, colour in (("H100", BLUE), ("A100", GREY)):
        column = f"appraisal_usd_{name.lower()}"
        _band(axes, days, [run.column(column) for run in runs], colour, f"{name}, appraisal")
    for key, when, colour in (
        ("gpu.h100.price.peak_ebay", date(2023, 4, 15), BLUE),
        ("gpu.h100.used.2026Q1", date(2026, 2, 14), BLUE),
        ("gpu.a100.price.used", date(2026, 2, 14), GREY),
    ):
        one = fact(key)
        low, high = one.low or one.value, one.high or one.value
        axes.plot([place(when)] * 2, [low, high], color=colour)
        axes.plot([place(when)], [one.value], "s", color=colour, markersize=3.5, markeredgecolor="black")
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value / 1e3:g}"))
    axes.set(ylabel="thousand USD a machine", ylim=(0.0, 50e3))
    axes.tick_params(axis="x", rotation=30)
    axes.legend(loc="upper right")


def draw_card(axes: Axes, scores: Sequence[Score]) -> None:
    """Each fact: where the model and the forecast of no change stand."""
    for place, score in enumerate(reversed(scores)):
        evidence = score.evidence
        width = float(np.hypot(evidence.observation, evidence.discrepancy))
        seen = evidence.scaled(evidence.published.value)

        def at(value: float, evidence: Any = evidence, seen: float = seen, width: float = width) -> float:
            return float(np.clip((evidence.scaled(value) - seen) / width, -REACH, REACH))

        if score.is_told:
            low, high = score.interval
            colour = BLUE if score.met else RED
            axes.plot([at(low), at(high)], [place, place], color=colour, linewidth=2.0)
            axes.plot(at(score.mean), place, "o", color=colour, markersize=3.5)
        else:
            axes.text(0.5, place, "too few cases in the model", va="center", color=GREY)
        if np.isfinite(score.naive):
            axes.plot(at(score.naive), place, "x", color=GREY, markersize=4)
    axes.axvline(0.0, color=GREY, linestyle="--", linewidth=0.8)
    axes.set_yticks(range(len(scores)), [short(score.evidence.quantity) for score in reversed(scores)])
    axes.set(xlim=(-REACH - 0.4, REACH + 0.4), xlabel="model less fact, standard deviations")


def draw_ruled(axes: Axes, matched: Matched) -> None:
    """Share of the prior that each fact rules out."""
    for place, (ruled, silent) in enumerate(zip(matched.by_fact[::-1], matched.silent[::-1], strict=True)):
        axes.barh(place, ruled, color=RED, height=0.6)
        axes.barh(place, silent, left=ruled, color=GREY, alpha=0.3, height=0.6)
    axes.set(xlim=(0.0, 1.0), xlabel="points of the prior ruled out", ylim=(-0.6, len(EVIDENCE) - 0.4))
    axes.xaxis.set_major_formatter(PercentFormatter(1.0))


def short(quantity: str) -> str:
    """A label for the axis."""
    words = {
        "debt of the largest neo-cloud that is due within 18 months": "largest neo-cloud: due in 18 months",
        "debt of the largest neo-cloud": "largest neo-cloud: debt",
        "interest over revenue of the largest neo-cloud": "largest neo-cloud: interest share",
        "contracts to be served over a year's revenue of the largest neo-cloud": "largest neo-cloud: backlog",
        "debt raised by miners in ": "miners: debt raised, ",
        " over their debt of October 2024": "",
        "spread of new machine loans on the best customers": "spread, best customers",
        "spread of new machine loans on other customers": "spread, other customers",
        "debt of neo-clouds": "neo-clouds: debt",
        "debt of miners": "miners: debt",
        "premium in the cost of capital": "premium of capital",
        "recovery on vehicles of miners handed back or in default": "recovery: vehicles of miners",
        "recovery on secured debts of miners that failed": "recovery: miners that failed",
        "uncured breaches of neo-clouds that lenders let pass": "breaches let pass",
        "November ": "11/", "October ": "10/", "December ": "12/", "June ": "6/", "July ": "7/",
        "August ": "8/", "April ": "4/", "March ": "3/",
        " over 10/": " / 10/", " over 11/": " / 11/", " over 12/": " / 12/",
    }  # fmt: skip
    for long, brief in words.items():
        quantity = quantity.replace(long, brief)
    return quantity
