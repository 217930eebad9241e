"""The same draws under different rules of the secondary market, or with channels on and off, side by side."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from hashcredit.simulator.progress import Progress
from hashcredit.simulator.reports.statistics import Estimate, mean_estimate, paired_difference
from hashcredit.simulator.runs.engine import simulate_many
from hashcredit.simulator.scenario.scenario import Scenario

QUANTITIES: dict[str, str] = {
    "paper_value_musd": "paper value of seized machines, M$",
    "paper_sold_musd": "paper value of those sold, M$",
    "proceeds_musd": "proceeds of their sale, M$",
    "realised_to_paper": "proceeds to paper value of those sold",
    "units_unsold": "machines unsold at the end",
    "creditor_loss_musd": "creditor loss, M$",
    "defaults": "defaults",
}
"""Scalars of a run that are compared, with their words."""


@dataclass(frozen=True)
class Comparison:
    """Estimates of every quantity in each arm, and their differences to the first arm."""

    scenario: str
    seed: int
    replicates: int
    what: str
    """What tells the arms apart, in words."""
    arms: tuple[str, ...]
    levels: dict[str, tuple[Estimate, ...]]
    """Quantity to one estimate an arm."""
    differences: dict[str, tuple[Estimate, ...]]
    """Quantity to arm minus the first one, for all but the first; paired by replicate."""


def market_arms(scenario: Scenario, markets: Sequence[str]) -> dict[str, Scenario]:
    """A scenario under several values of `secondary_market.rule`."""
    return {market: scenario.with_changes({"secondary_market.rule": market}) for market in markets}


def channel_arms(scenario: Scenario, channels: Sequence[str]) -> dict[str, Scenario]:
    """A scenario with some channels of contagion off, and as it is."""
    off = scenario.with_changes({f"channels.{name}": False for name in channels})
    return {"off": off, "on": scenario}


def compare(
    what: str,
    arms: Mapping[str, Scenario],
    seed: int = 1,
    replicates: int = 1000,
    *,
    threads: int | None = None,
    progress: Progress = None,
) -> Comparison:
    """Run every arm on the same draws; `what` tells the arms apart, in words."""
    summary = simulate_many(list(arms.values()), seed, replicates, threads=threads, progress=progress).summary
    # Scenario-major: all replicates of the first variant, then of the second. Their names are the same.
    samples = {each: summary[each].to_numpy(float).reshape(len(arms), -1) for each in QUANTITIES}
    return Comparison(
        scenario=next(iter(arms.values())).name,
        seed=seed,
        replicates=replicates,
        what=what,
        arms=tuple(arms),
        levels={each: tuple(mean_estimate(row) for row in rows) for each, rows in samples.items()},
        differences={
            each: tuple(paired_difference(row, rows[0]) for row in rows[1:]) for each, rows in samples.items()
        },
    )


def format_comparison(comparison: Comparison) -> str:
    """Two tables as text: means with standard errors, and paired differences with intervals."""
    c, first = comparison, comparison.arms[0]
    lines = [
        f"{c.scenario}: seed {c.seed}, {c.replicates:,} replicates, the same draws {c.what}",
        "",
        f"{'mean (standard error)':<40}" + "".join(f"{arm:>20}" for arm in c.arms),
    ]
    for name, words in QUANTITIES.items():
        lines.append(f"{words:<40}" + "".join(f"{_level(e):>20}" for e in c.levels[name]))
    if len(c.arms) > 1:
        heads = "".join(f"{f'{arm} - {first}':>32}" for arm in c.arms[1:])
        lines += ["", f"{'paired difference [95 % interval]':<40}{heads}"]
        for name, words in QUANTITIES.items():
            lines.append(f"{words:<40}" + "".join(f"{_difference(e):>32}" for e in c.differences[name]))
    missing = [QUANTITIES[name] for name, row in c.levels.items() if any(e.n < c.replicates for e in row)]
    if missing:
        lines += ["", f"Replicates without a value are left out of: {'; '.join(missing)}."]
    return "\n".join(lines)


def _level(estimate: Estimate) -> str:
    if estimate.n == 0:
        return "-"
    decimals = _decimals(estimate.mean, estimate.standard_error)
    error = "-" if np.isnan(estimate.standard_error) else f"{estimate.standard_error:,.{decimals}f}"
    return f"{estimate.mean:,.{decimals}f} ({error})"


def _difference(estimate: Estimate) -> str:
    if estimate.n == 0:
        return "-"
    decimals = _decimals(estimate.mean, estimate.standard_error)
    if np.isnan(estimate.low):
        return f"{estimate.mean:+,.{decimals}f}"
    low, high = f"{estimate.low:+,.{decimals}f}", f"{estimate.high:+,.{decimals}f}"
    return f"{estimate.mean:+,.{decimals}f} [{low}, {high}]"


def _decimals(mean: float, error: float) -> int:
    """Decimals that show two digits of the standard error, or four of the mean where there is none."""
    if error > 0.0:
        return int(np.clip(1 - np.floor(np.log10(error)), 0, 4))
    return int(np.clip(3 - np.floor(np.log10(abs(mean))), 0, 4)) if mean else 0
