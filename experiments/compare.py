"""The same draws under different rules of the secondary market, side by side."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hashcredit.simulator.engine import simulate_many
from hashcredit.simulator.statistics import Estimate, mean_estimate, paired_difference

if TYPE_CHECKING:
    from hashcredit.simulator.scenario import Scenario

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
    """Estimates of every quantity under each market rule, and their differences to the first rule."""

    scenario: str
    seed: int
    replicates: int
    markets: tuple[str, ...]
    levels: dict[str, tuple[Estimate, ...]]
    """Quantity to one estimate a market."""
    differences: dict[str, tuple[Estimate, ...]]
    """Quantity to market minus the first one, for all but the first; paired by replicate."""


def compare_markets(
    scenario: "Scenario",
    markets: Sequence[str],
    seed: int = 1,
    replicates: int = 1000,
    *,
    threads: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Comparison:
    """Run a scenario under several values of `secondary_market.rule` with common random numbers."""
    variants = [scenario.with_changes({"secondary_market.rule": market}) for market in markets]
    summary = simulate_many(variants, seed, replicates, threads=threads, progress=progress).summary
    # Scenario-major: all replicates of the first variant, then of the second. Their names are the same.
    samples = {name: summary[name].to_numpy(float).reshape(len(markets), -1) for name in QUANTITIES}
    return Comparison(
        scenario=scenario.name,
        seed=seed,
        replicates=replicates,
        markets=tuple(markets),
        levels={name: tuple(mean_estimate(row) for row in rows) for name, rows in samples.items()},
        differences={
            name: tuple(paired_difference(row, rows[0]) for row in rows[1:]) for name, rows in samples.items()
        },
    )


def format_comparison(comparison: Comparison) -> str:
    """Two tables as text: means with standard errors, and paired differences with intervals."""
    c, first = comparison, comparison.markets[0]
    lines = [
        f"{c.scenario}: seed {c.seed}, {c.replicates:,} replicates, the same draws under each market rule",
        "",
        f"{'mean (standard error)':<40}" + "".join(f"{market:>20}" for market in c.markets),
    ]
    for name, words in QUANTITIES.items():
        lines.append(f"{words:<40}" + "".join(f"{_level(e):>20}" for e in c.levels[name]))
    if len(c.markets) > 1:
        heads = "".join(f"{f'{market} - {first}':>32}" for market in c.markets[1:])
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
