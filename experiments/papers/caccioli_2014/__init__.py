"""Caccioli, Shrestha, Moore and Farmer (2014): contagion through common holdings, and how leverage widens it.

Banks hold random assets; one fails and liquidates, prices fall, and whoever has lost its equity liquidates
too. With few assets each the failure stays local, with many it is diluted: contagion has a window in between.
"""

import numpy as np
from matplotlib.figure import Figure

from hashcredit.experiments.figures.style import BLUE, GREEN, ORANGE, caption, estimates, new_figure
from hashcredit.experiments.papers.replication import Found, Replication
from hashcredit.simulator.contagion import portfolio_cascade, random_portfolios
from hashcredit.simulator.reports.statistics import Estimate, probability_estimate

BANKS = ASSETS = 300
LEVERAGES = (10.0, 20.0, 30.0)
DIVERSIFICATIONS = (0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.0, 9.0, 12.0, 16.0, 20.0, 26.0)
CONTAGION = 0.05
NETWORKS, QUICK_NETWORKS = 200, 50
SEED = 2014
LEVEL = 0.05
"""Probability of contagion from which a degree of diversification counts as inside the window."""


def replicate(quick: bool) -> Replication:
    """Probability of contagion against diversification, at three levels of leverage."""
    networks = QUICK_NETWORKS if quick else NETWORKS
    curve = {
        leverage: {mean: contagion(leverage, mean, networks) for mean in DIVERSIFICATIONS}
        for leverage in LEVERAGES
    }
    edges = {leverage: window(curve[leverage]) for leverage in LEVERAGES}
    widths = [high - low for low, high in edges.values()]
    found = {
        "leverage widens the window (1 yes)": Found.following(float(np.all(np.diff(widths) > 0.0)), networks),
        "there is no contagion left of the window (1 yes)": Found.following(
            float(all(curve[leverage][DIVERSIFICATIONS[0]].low == 0.0 for leverage in LEVERAGES)), networks
        ),
        "diversification ends contagion at leverage 10 (1 yes)": Found.following(
            float(curve[LEVERAGES[0]][DIVERSIFICATIONS[-1]].mean == 0.0), networks
        ),
    }
    for leverage, (low, high) in edges.items():
        found[f"window at leverage {leverage:g}: from"] = Found.following(low, networks)
        found[f"window at leverage {leverage:g}: to"] = Found.following(high, networks)
    return Replication(found, lambda: draw(curve, networks))


def contagion(leverage: float, diversification: float, networks: int) -> Estimate:
    """How often the failure of one bank brings down more than 5 % of banks."""
    spread = []
    for number in range(networks):
        rng = np.random.default_rng([SEED, round(1000 * diversification), number])
        holdings = random_portfolios(BANKS, ASSETS, diversification, rng)
        done = portfolio_cascade(holdings, 1.0 / leverage, [int(rng.integers(BANKS))])
        spread.append(float(done.failed.mean()) > CONTAGION)
    return probability_estimate(np.array(spread))


def window(curve: dict[float, Estimate]) -> tuple[float, float]:
    """Least and largest diversification, of those tried, with contagion in one network of twenty."""
    inside = [mean for mean, estimate in curve.items() if estimate.mean >= LEVEL]
    return (inside[0], inside[-1]) if inside else (0.0, 0.0)


def draw(curve: dict[float, dict[float, Estimate]], networks: int) -> Figure:
    """The windows."""
    figure = new_figure("Common holdings (Caccioli et al. 2014)", 2.7)
    axes = figure.add_subplot()
    for colour, (leverage, found) in zip((BLUE, GREEN, ORANGE), curve.items(), strict=True):
        words = f"leverage {leverage:g}"
        estimates(axes, list(found), list(found.values()), fmt="o-", color=colour, label=words)
    axes.set_xscale("log")
    ticks = (0.5, 1, 2, 5, 10, 20)
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()
    axes.set(xlabel="mean number of assets of a bank", ylabel="probability of contagion", ylim=(-0.02, 1.02))
    axes.legend(loc="upper right")
    caption(figure, f"{networks} networks of {BANKS} banks and {ASSETS} assets a point, 95 % intervals.")
    return figure
