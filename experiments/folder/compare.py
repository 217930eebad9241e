"""The same draws under different rules of the secondary market, or with channels on and off, side by side."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hashcredit.simulator.display import interval_in_words, runs_in_words
from hashcredit.simulator.progress import Progress
from hashcredit.simulator.reports.statistics import Estimate, mean_estimate, paired_difference
from hashcredit.simulator.runs.engine import simulate_many
from hashcredit.simulator.runs.switches import without_channels
from hashcredit.simulator.scenario.scenario import Scenario
from hashcredit.simulator.state.outcomes import BY_NAME

if TYPE_CHECKING:
    import pandas as pd

QUANTITIES = (
    "paper_value_musd",
    "paper_sold_musd",
    "proceeds_musd",
    "realised_to_paper",
    "units_unsold",
    "creditor_loss_musd",
    "defaults",
    "extra_defaults",
    "facility_defaults",
    "hand_backs",
    "lender_failures",
)
"""Scalars of a run that are compared."""


@dataclass(frozen=True)
class Comparison:
    """Estimates of every quantity in each arm, and their differences to the first arm."""

    scenario: str
    seeds: tuple[int, ...]
    replicates: int
    """Runs of each seed in each arm."""
    what: str
    """What tells the arms apart, in words."""
    arms: tuple[str, ...]
    levels: dict[str, tuple[Estimate, ...]]
    """Quantity to one estimate an arm."""
    differences: dict[str, tuple[Estimate, ...]]
    """Quantity to arm minus the first one, for all but the first; paired by seed and replicate."""


def market_arms(scenario: Scenario, markets: Sequence[str]) -> dict[str, Scenario]:
    """A scenario under several values of `secondary_market.rule`."""
    return {market: scenario.with_changes({"secondary_market.rule": market}) for market in markets}


def channel_arms(scenario: Scenario, channels: Sequence[str]) -> dict[str, Scenario]:
    """A scenario with some channels of contagion off, and as it is."""
    return {"off": without_channels(scenario, channels), "on": scenario}


def compare(
    what: str,
    arms: Mapping[str, Scenario],
    seed: int | None = None,
    replicates: int = 1000,
    *,
    seeds: Iterable[int] | None = None,
    threads: int | None = None,
    progress: Progress = None,
) -> Comparison:
    """Run every arm on the same draws; `what` tells the arms apart, in words.

    `seed`, `replicates` and `seeds` are those of `simulate_many`: intervals are over seeds, or about this
    network only where there is one.
    """
    scenarios = list(arms.values())
    many = simulate_many(scenarios, seed, replicates, seeds=seeds, threads=threads, progress=progress)
    together = many.together
    # Scenario-major: all runs of the first variant, then of the second. Their names are the same.
    samples = {each: np.asarray(many.scalars[each], float).reshape(len(arms), -1) for each in QUANTITIES}
    return Comparison(
        scenario=scenarios[0].name,
        seeds=tuple(many.seeds),
        replicates=replicates,
        what=what,
        arms=tuple(arms),
        levels={
            each: tuple(mean_estimate(row, together=together) for row in rows)
            for each, rows in samples.items()
        },
        differences={
            each: tuple(paired_difference(row, rows[0], together=together) for row in rows[1:])
            for each, rows in samples.items()
        },
    )


def format_comparison(comparison: Comparison) -> str:
    """Tables as text, 80 columns wide with three arms: means, and each arm's paired differences."""
    c, first = comparison, comparison.arms[0]
    told = c.levels["extra_defaults"] != c.levels["defaults"]  # some were forced
    names = [name for name in QUANTITIES if told or name != "extra_defaults"]
    lines = [
        f"{c.scenario}: {runs_in_words(c.seeds, c.replicates)}, the same draws",
        c.what,
        "",
        f"{'mean (standard error)':<29}" + "".join(f"{arm:>17}" for arm in c.arms),
    ]
    for name in names:
        lines.append(f"{BY_NAME[name].label:<29}" + "".join(f"{_level(e):>17}" for e in c.levels[name]))
    for place, arm in enumerate(c.arms[1:]):
        head = f"{arm} - {first}"
        lines += ["", f"{head:<29}{'paired difference':>19}{'95 % interval':>32}"]
        for name in names:
            lines.append(f"{BY_NAME[name].label:<29}" + _difference(c.differences[name][place]))
    lines += ["", f"standard errors and intervals: {interval_in_words(len(c.seeds))}"]
    runs = len(c.seeds) * c.replicates
    missing = [name for name, row in c.levels.items() if any(e.n < runs for e in row)]
    lines += [f"left out of {BY_NAME[name].label}: replicates without a value" for name in missing]
    return "\n".join(lines)


def comparison_frame(comparison: Comparison) -> "pd.DataFrame":
    """One row a quantity and arm but the first: both means, the paired difference and its interval."""
    import pandas as pd

    c = comparison
    told = c.levels["extra_defaults"] != c.levels["defaults"]
    rows = []
    for name in QUANTITIES:
        if name == "extra_defaults" and not told:
            continue
        for place, arm in enumerate(c.arms[1:]):
            e = c.differences[name][place]
            levels = {c.arms[0]: c.levels[name][0].mean, "in the arm": c.levels[name][place + 1].mean}
            head = {"quantity": BY_NAME[name].label, "arm": arm, **levels}
            rows.append({**head, "difference": e.mean, "low": e.low, "high": e.high})
    return pd.DataFrame(rows)


def _level(estimate: Estimate) -> str:
    if estimate.n == 0:
        return "-"
    decimals = _decimals(estimate.mean, estimate.standard_error)
    error = "-" if np.isnan(estimate.standard_error) else f"{estimate.standard_error:,.{decimals}f}"
    return f"{estimate.mean:,.{decimals}f} ({error})"


def _difference(estimate: Estimate) -> str:
    if estimate.n == 0:
        return f"{'-':>19}"
    decimals = _decimals(estimate.mean, estimate.standard_error)
    mean = f"{estimate.mean:+,.{decimals}f}"
    if np.isnan(estimate.low):
        return f"{mean:>19}"
    ends = f"{estimate.low:+,.{decimals}f} to {estimate.high:+,.{decimals}f}"
    return f"{mean:>19}{ends:>32}"


def _decimals(mean: float, error: float) -> int:
    """Decimals that show two digits of the standard error, or four of the mean where there is none."""
    if error > 0.0:
        return int(np.clip(1 - np.floor(np.log10(error)), 0, 4))
    return int(np.clip(3 - np.floor(np.log10(abs(mean))), 0, 4)) if mean else 0
