"""Thurner, Farmer and Geanakoplos (2012): margin calls make fat tails and clustered volatility."""

from typing import TYPE_CHECKING

import numpy as np

from hashcredit.experiments.papers.replication import Found, Replication
from hashcredit.simulator.reports.statistics import Estimate, mean_estimate

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from hashcredit.simulator.contagion import ReturnStatistics

LEVERAGES = (1.0, 2.0, 3.0, 5.0, 7.0, 10.0)
TABLE = (1.0, 3.0, 5.0, 10.0)
SEEDS, STEPS, DROPPED = 8, 20_000, 2000
QUICK_STEPS = 8000
STATISTICS = ("kurtosis", "hill", "autocorrelation")


def replicate(quick: bool) -> Replication:
    """Eight markets of 20,000 steps at each cap on leverage."""
    steps = QUICK_STEPS if quick else STEPS
    samples = {cap: [_statistics(cap, seed, steps) for seed in range(SEEDS)] for cap in LEVERAGES}
    curve = {
        name: {cap: mean_estimate([getattr(one, name) for one in some]) for cap, some in samples.items()}
        for name in STATISTICS
    }
    found = {}
    for name in STATISTICS:
        for cap in TABLE:
            e = curve[name][cap]
            found[f"{name} at leverage {cap:g}"] = Found(e.mean, e.low, e.high)
    return Replication(found, lambda: draw(curve, steps))


def _statistics(cap: float, seed: int, steps: int) -> "ReturnStatistics":
    from hashcredit.simulator.contagion import return_statistics, simulate_leveraged_funds

    return return_statistics(simulate_leveraged_funds(cap, steps, seed).prices, drop=DROPPED)


def draw(curve: dict[str, dict[float, Estimate]], steps: int) -> "Figure":
    """Kurtosis, tail exponent and clustering of returns against the cap on leverage."""
    from hashcredit.experiments.figures.style import BLUE, WIDE, caption, new_figure, title
    from hashcredit.simulator.contagion import simulate_leveraged_funds

    figure = new_figure(2.5, WIDE)
    title(figure, "Funds with margin calls (Thurner, Farmer and Geanakoplos 2012)")
    panels = figure.subplots(1, 4)
    words = ("kurtosis of returns", "Hill exponent of losses", "autocorrelation of |returns|")
    for axes, name, label in zip(panels, STATISTICS, words, strict=False):
        estimates = list(curve[name].values())
        middle = np.array([e.mean for e in estimates])
        reach = np.array([[e.mean - e.low, e.high - e.mean] for e in estimates]).T
        axes.errorbar(list(curve[name]), middle, reach, fmt="o-", markersize=2.5, linewidth=0.7, color=BLUE)
        axes.set(xlabel="cap on leverage", ylabel=label, ylim=0)
    panels[0].axhline(3.0, color="#C8C8C8", linewidth=0.6, zorder=0)
    path = simulate_leveraged_funds(LEVERAGES[-1], 4000, 0).prices
    panels[3].plot(np.log(path), color=BLUE, linewidth=0.4)
    panels[3].set(xlabel="step", ylabel=f"log price at leverage {LEVERAGES[-1]:g}")
    caption(figure, f"{SEEDS} markets of {steps:,} steps (first {DROPPED:,} left out), 95 % intervals.")
    return figure
