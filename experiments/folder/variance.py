"""What paths, networks and luck account for in many runs, as text."""

import math

from hashcredit.experiments.folder.summary import PROBABILITY, statistics_of
from hashcredit.simulator.display import interval_in_words
from hashcredit.simulator.reports.run import ManyRuns
from hashcredit.simulator.reports.variance import PARTS


def format_variance(many: ManyRuns) -> str:
    """A line a scalar of the summary table: shares of its variance with their intervals; 80 columns wide."""
    told = many.variance_parts.set_index(["scalar", "part"])
    scalars = set(many.scalars)
    lines = [f"{'share of the variance, %':<29}" + "".join(f"{part:>17}" for part in PARTS)]
    for row in statistics_of(many.scalars, many.together, len(many.seeds)):
        if row.unit != PROBABILITY and row.quantity in scalars:
            cells = [_cell(*told.loc[(row.quantity, part), ["share", "low", "high"]]) for part in PARTS]
            lines.append(f"{row.label:<29}" + "".join(f"{cell:>17}" for cell in cells))
    lines.append(f"95 % intervals: {interval_in_words(len(many.seeds))}")
    lines.append("path: drawn for BTC and rents; network: by the seed; rest: luck of agents")
    lines.append("no shares where some run has no value, or all have the same")
    return "\n".join(lines)


def _cell(share: float, low: float, high: float) -> str:
    """A share and its interval in whole percent."""
    if not math.isfinite(share):
        return "-"
    ends = f"({round(100.0 * low)}, {round(100.0 * high)})" if math.isfinite(low) else "(-)"
    return f"{round(100.0 * share)} {ends}"
