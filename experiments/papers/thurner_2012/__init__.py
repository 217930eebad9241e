"""Thurner, Farmer and Geanakoplos (2012): margin calls make fat tails and clustered volatility."""

import numpy as np
from matplotlib.figure import Figure

from hashcredit.experiments.figures.style import BLUE, WIDE, caption, estimates, new_figure
from hashcredit.experiments.papers.replication import Found, Replication
from hashcredit.simulator.contagion import ReturnStatistics, return_statistics, simulate_leveraged_funds
from hashcredit.simulator.reports.statistics import Estimate, mean_estimate

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
            found[f"{name} at leverage {cap:g}"] = Found.of(curve[name][cap])
    return Replication(found, lambda: draw(curve, steps))


def _statistics(cap: float, seed: int, steps: int) -> ReturnStatistics:

    return return_statistics(simulate_leveraged_funds(cap, steps, seed).prices, drop=DROPPED)


def draw(curve: dict[str, dict[float, Estimate]], steps: int) -> Figure:
    """Kurtosis, tail exponent and clustering of returns against the cap on leverage."""
    figure = new_figure("Funds with margin calls (Thurner, Farmer and Geanakoplos 2012)", 2.5, WIDE)
    panels = figure.subplots(1, 4)
    words = ("kurtosis of returns", "Hill exponent of losses", "autocorrelation of |returns|")
    for axes, name, label in zip(panels, STATISTICS, words, strict=False):
        estimates(axes, list(curve[name]), list(curve[name].values()), fmt="o-", color=BLUE)
        axes.set(xlabel="cap on leverage", ylabel=label, ylim=0)
    panels[0].axhline(3.0, color="#C8C8C8", linewidth=0.6, zorder=0)
    path = simulate_leveraged_funds(LEVERAGES[-1], 4000, 0).prices
    panels[3].plot(np.log(path), color=BLUE, linewidth=0.4)
    panels[3].set(xlabel="step", ylabel=f"log price at leverage {LEVERAGES[-1]:g}")
    caption(figure, f"{SEEDS} markets of {steps:,} steps (first {DROPPED:,} left out), 95 % intervals.")
    return figure
