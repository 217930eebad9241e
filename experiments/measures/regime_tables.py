"""A map of regimes as text, 80 columns wide."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from hashcredit.experiments.measures.regimes import RegimeMap
from hashcredit.simulator.display import counted, interval_in_words, runs_in_words
from hashcredit.simulator.state.outcomes import BY_NAME

HEADS = {
    "single": "One direction",
    "pair": "Two, the worse way",
    "plane": "Further in the plane of {plane}",
    "all": "All together",
    "further": "Further rays (Halton)",
    "found": "The ends of single rays with more, together",
}
NAME = 34
"""Letters of a ray's name on its line; a longer one has a line of its own."""


def format_regimes(found: RegimeMap) -> str:
    """A line a ray: where it crosses the threshold, where it leaves the priors, the largest share on it."""
    home, words = found.home.share, BY_NAME[found.measure].words
    here = (
        "nothing of it happens"
        if np.isnan(home.mean)
        else f"{home.mean:.3f} {_interval(home.low, home.high)}"
    )
    sample = (
        f"{runs_in_words(found.seeds, found.replicates)}, {counted(found.evaluated, 'point')} in two arms"
    )
    where = f"where it crosses {found.threshold:.3g}"
    lines = [
        f"{found.scenario.name}: {sample}",
        f"share of {words} by contagion in the scenario: {here}",
        "",
        f"{where:<{NAME}}{'at':>7}{'95 %':>15}{'prior to':>10}{'largest':>10}",
    ]
    for kind, rows in found.rays.groupby("kind", sort=False):
        lines.append(HEADS[str(kind)].format(plane=" and ".join(found.plane)))
        for row in rows.to_dict("records"):
            lines += _line(row)
    lines += ["", *_answer(found)]
    lines.append(f"distances: in widths of the priors; intervals: {interval_in_words(len(found.seeds))}")
    lines.append("-: not on this ray; *: changes sides more than once; !: rises and falls")
    return "\n".join(lines)


def _line(row: Mapping[Any, Any]) -> list[str]:
    marks = ("*" if row["crossings"] > 1 else "") + ("" if row["monotone"] else "!")
    name = f"  {row['ray']}{marks}"
    long = [name] if len(name) >= NAME else []
    largest = "-" if np.isnan(row["largest"]) else f"{row['largest']:.3f}"
    told = f"{_place(row['distance']):>7}{_interval_of(row):>15}{row['prior_distance']:>10.2f}{largest:>10}"
    return [*long, f"{'' if long else name:<{NAME}}{told}"]


def _interval_of(row: Mapping[Any, Any]) -> str:
    if np.isnan(row["low"]) or row["low"] == np.inf:
        return "-"
    return f"{row['low']:.2f} to {_place(row['high'])}"


def _place(distance: float) -> str:
    return f"{distance:.2f}" if np.isfinite(distance) else "-"


def _interval(low: float, high: float) -> str:
    return "" if np.isnan(low) else f"({low:.3f} to {high:.3f})"


def _answer(found: RegimeMap) -> list[str]:
    """What a reader came for: how far away, which way, and whether it could as well be true."""
    near = found.nearest
    if near is None:
        return [f"no ray crosses {found.threshold:.3g}"]
    inside = found.rays["inside"].sum()
    side = "falls below" if near["from_above"] else "reaches"
    crossed = np.isfinite(found.rays["distance"]).sum()
    rays = f"{crossed} of {counted(len(found.rays), 'ray')}, inside all priors on {inside}"
    return [
        f"it {side} {found.threshold:.3g} on {rays}",
        f"nearest: {near['ray']}, at {near['distance']:.2f}",
    ]
