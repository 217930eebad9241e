"""Fair spreads as text, 80 columns wide."""

import math
from collections.abc import Mapping
from textwrap import wrap
from typing import Any

from hashcredit.agents.dimensions import Instrument
from hashcredit.experiments.measures.fair_spreads import BY_GRADE, LEAST_SPREAD, MOST_SPREAD, FairSpreads
from hashcredit.experiments.measures.spread_sums import BASIS_POINT
from hashcredit.simulator.display import interval_in_words, runs_in_words

WIDTH, MOST_INTERVAL = 80, 15
"""Columns, of a line and of an interval with the space before it."""
BY_GRADE_NAMES = [instrument.name.lower() for instrument in BY_GRADE]
HEAD = (
    f"{'':<11}{'loans':>5}{'paid':>6}{'fair':>6}{'95 % interval':>{MOST_INTERVAL}}{'premium':>8}"
    f"{'Merton':>7}{'Leland':>7}{'pd':>5}{'lgd':>5}{'life':>5}"
)

REMARKS = {
    Instrument.BTC_LOAN.name.lower(): (
        "BTC loans default often and lose little: a margin call that is not met counts as a default, and the "
        "coins are sold."
    ),
    Instrument.CONVERTIBLE.name.lower(): (
        "Convertibles: what the option to convert is worth to their holders is not counted, so the spread "
        "that would be fair without it is above the coupon."
    ),
}
"""Where the word of the model is not that of a trader."""


def format_spreads(found: FairSpreads) -> str:
    """A line an instrument and grade; then whether it settled, what intervals are over, and the market."""
    sample = runs_in_words(found.seeds, found.replicates)
    weeks = found.rounds[-1].scenario.horizon_weeks
    lines = [
        f"{found.scenario.name}: {sample}, {weeks} weeks",
        f"spreads in bp a year over the policy rate, of loans made before week {found.made_within}",
        "",
        HEAD,
    ]
    if found.table.empty:
        return "\n".join([*lines[:-1], "nobody owes such a loan"])
    for name, rows in found.table.groupby("instrument", sort=False):
        words = str(name).replace("_", " ")
        if name in BY_GRADE_NAMES:
            lines.append(words)
        for row in rows.to_dict("records"):
            lines.append(_line(f"  grade {row['grade']}" if name in BY_GRADE_NAMES else words, row))
    lines += ["", *_notes(found), "", "market, bp (evidence: P primary, S secondary)"]
    for quote in found.quotes.to_dict("records"):
        what = f"  {quote['debt']:<30}{quote['measure']:<13}"
        value = f"{_whole(quote['value_bp']):>5}{_range(quote):>14}"
        lines.append(f"{what}{value}  {quote['date']:<11}{quote['tag']}")
    return "\n".join(lines)


def _line(name: str, row: Mapping[Any, Any]) -> str:
    interval = _interval(row["fair_low_bp"], row["fair_high_bp"])
    return (
        f"{name:<11}{_whole(row['loans']):>5}{_whole(row['contract_bp']):>6}{_whole(row['fair_bp']):>6}"
        f"{interval:>{MOST_INTERVAL}}{_whole(row['fair_with_premium_bp']):>8}{_whole(row['merton_bp']):>7}"
        f"{_whole(row['leland_bp']):>7}{_part(row['pd']):>5}{_part(row['lgd']):>5}{_years(row['life_years']):>5}"
    )


def _interval(low: float, high: float) -> str:
    """Both ends, in thousands where they would take too much room."""
    if math.isnan(low):
        return "-"
    words = f"{_whole(low)} to {_whole(high)}"
    return words if len(words) < MOST_INTERVAL else f"{low / 1e3:.0f}k to {high / 1e3:.0f}k"


def _notes(found: FairSpreads) -> list[str]:
    table, runs = found.table, len(found.seeds) * found.replicates
    rounds = len(found.rounds)
    premium = ", ".join(f"{name} {price:g}" for name, price in found.prices_of_risk.items())
    effective = table["effective_runs"].min()
    settled = (
        f"Settled after {rounds} rounds: no spread is off by more than its error."
        if found.settled
        else f"Not settled after {rounds} rounds: some spreads are off by more than their errors."
    )
    notes = [
        settled if rounds > 1 or not found.settled else "Settled as it stands: spreads are fair.",
        *_beyond(found),
        f"Intervals are {interval_in_words(len(found.seeds))}.",
        f"Premium: fair under prices of risk {premium}.",
        f"Its weights leave {effective:,.0f} of {runs:,} runs effective at least.",
        f"Still owed at the end, of what was drawn: {table['open_share'].max():.0%} at most; taken at par.",
        "Paid, pd, lgd and life (years of principal) are at the scenario's own spreads.",
        *(remark for name, remark in REMARKS.items() if (table["instrument"] == name).any()),
    ]
    return [line for note in notes for line in wrap(note, WIDTH)]


def _beyond(found: FairSpreads) -> list[str]:
    if not found.beyond:
        return []
    bounds = f"{_whole(LEAST_SPREAD / BASIS_POINT)} to {_whole(MOST_SPREAD / BASIS_POINT)} bp"
    return [f"Fair outside {bounds}, and charged at that bound: {', '.join(found.beyond)}."]


def _range(quote: Mapping[Any, Any]) -> str:
    if math.isnan(quote["low_bp"]):
        return ""
    return f"{_whole(quote['low_bp'])} to {_whole(quote['high_bp'])}"


def _whole(value: float) -> str:
    """A number without decimals."""
    return "-" if math.isnan(value) else f"{round(value)}"


def _part(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.0%}"


def _years(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.1f}"
