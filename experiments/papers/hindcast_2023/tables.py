"""The tables of the page, and how a number is written."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from hashcredit.experiments.papers.hindcast_2023.evidence import EVIDENCE
from hashcredit.experiments.papers.hindcast_2023.matching import PRIOR, Matched, Narrowed
from hashcredit.experiments.papers.hindcast_2023.scorecard import Score, Variant
from hashcredit.experiments.support.markdown import markdown_table

WORDS = (
    "no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
)  # fmt: skip


def number(value: float, digits: int = 3) -> str:
    """A number for a table."""
    if math.isnan(value):
        return "none"
    if abs(value) < 1e-6:
        return "0"
    return f"{value:,.0f}" if abs(value) >= 1e3 else f"{value:.{digits}g}"


def percent(share: float) -> str:
    """A share in per cent, nothing as `nothing`."""
    return "nothing" if share == 0.0 else f"{100.0 * share:.3g} %"


def word(count: int) -> str:
    """A small number in words."""
    return WORDS[count] if count < len(WORDS) else str(count)


def listed(parts: Sequence[str]) -> str:
    """`a, b and c`."""
    return parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + f" and {parts[-1]}"


def verdict(score: Score) -> str:
    """One word in the table."""
    return "too few cases" if not score.is_told else "met" if score.met else "missed"


def scorecard_table(scores: Sequence[Score]) -> str:
    """What happened, the model and the naive forecast."""
    head = (
        "quantity",
        "unit",
        "what happened",
        "model, mean",
        "middle 90 %",
        "nothing changes",
        "verdict",
        "closer",
    )
    rows = []
    for score in scores:
        fact = score.evidence.published
        given = number(fact.value) + (f" +- {number(fact.tolerance, 2)}" if fact.tolerance else "")
        low, high = score.interval
        interval = "none" if math.isnan(low) else f"{number(low)} to {number(high)}"
        closer = {True: "model", False: "naive", None: "same" if score.is_told else "none"}[score.closer]
        rows.append(
            (score.evidence.quantity, fact.unit, given, number(score.mean), interval, number(score.naive),
             verdict(score), closer)
        )  # fmt: skip
    return markdown_table([head, *rows])


def choice_table(others: Mapping[str, Variant]) -> str:
    """Means of debts, terms and prices under each choice."""
    rows = []
    for place, one in enumerate(EVIDENCE):
        values = [other.scores[place].mean for other in others.values()]
        if any(abs(value - values[0]) > 0.05 * abs(values[0]) for value in values):
            rows.append((one.quantity, number(one.published.value), *(number(value) for value in values)))
    rows.append(
        (
            "neo-clouds' cash over their debt, March 2026",
            "",
            *(number(one.cash, 2) for one in others.values()),
        )
    )
    rows.append(
        (
            "neo-clouds' debt, March 2026 over April 2023",
            "",
            *(number(one.debt, 2) for one in others.values()),
        )
    )
    return markdown_table([("quantity", "what happened", *others), *rows])


def facts_table(matched: Matched) -> str:
    """What each fact rules out, and the errors behind it."""
    head = ("fact", "scale", "error of the fact", "error of the model", "why that", "rules out",
            "model says nothing", "least implausibility")  # fmt: skip
    values = matched.explored.implausibility()
    rows = []
    for place, one in enumerate(EVIDENCE):
        column = values[:, place][np.isfinite(values[:, place])]
        rows.append(
            (one.quantity, "logarithm" if one.is_log else one.published.unit, number(one.observation, 2),
             number(one.discrepancy, 2), one.why, f"{100.0 * matched.by_fact[place]:.0f} %",
             f"{100.0 * matched.silent[place]:.0f} %",
             number(float(column.min()), 2) if column.size else "none")
        )  # fmt: skip
    return markdown_table([head, *rows])


def prior_table(left: Sequence[Narrowed]) -> str:
    """The prior, and the middle 90 % of what is left of each parameter."""
    found = {one.parameter.name: one for one in left}
    head = (
        "parameter",
        "prior",
        "uniform in",
        "why that range",
        "in use here",
        "middle 90 % of what is left",
        "p",
        "narrowed",
    )
    rows = []
    for one in PRIOR:
        kept = found.get(one.name)
        rows.append(
            (one.name, f"{one.low:g} to {one.high:g}", "logarithm" if one.is_log else "value", one.why,
             f"{one.base:g}",
             "too few" if kept is None else f"{number(kept.low, 2)} to {number(kept.high, 2)}",
             "" if kept is None else f"{kept.chance:.1g}",
             "" if kept is None else "yes" if kept.narrowed else "no")
        )  # fmt: skip
    return markdown_table([head, *rows])
