"""Geanakoplos (2010): leverage that is set by the market, and what bad news does to it and to the price."""

import numpy as np
from matplotlib.figure import Figure

from hashcredit.experiments.figures.style import BLACK, BLUE, ORANGE, WIDE, caption, new_figure
from hashcredit.experiments.papers.replication import Found, Replication
from hashcredit.simulator.contagion import collateral_equilibrium, leverage_cycle_equilibrium

WORST = np.linspace(0.05, 0.6, 56)
"""Payoffs after bad news in the figure; the paper's example has 0.2."""


def replicate(quick: bool) -> Replication:
    """Both economies of the paper's example; nothing is random, so `quick` changes nothing."""
    bare = collateral_equilibrium(borrowing=False)
    loans = collateral_equilibrium()
    cycle = leverage_cycle_equilibrium()
    values = {
        "price without borrowing": bare.price,
        "price with collateral loans": loans.price,
        "marginal buyer with collateral loans": loans.marginal_buyer,
        "leverage with collateral loans": loans.leverage,
        "three periods: first price": cycle.price,
        "three periods: first marginal buyer": cycle.marginal_buyer,
        "three periods: price after bad news": cycle.price_down,
        "three periods: marginal buyer after bad news": cycle.marginal_buyer_down,
        "three periods: first leverage": cycle.leverage,
        "three periods: leverage after bad news": cycle.leverage_down,
        "three periods: crash": cycle.crash,
    }
    return Replication({name: Found.exactly(value) for name, value in values.items()}, draw)


def draw() -> Figure:
    """Prices, the crash and leverage against how bad bad news is."""
    figure = new_figure("The leverage cycle (Geanakoplos 2010)", 2.5, WIDE)
    prices, leverage, crash = figure.subplots(1, 3)
    cycles = [leverage_cycle_equilibrium(low=float(low)) for low in WORST]
    bare = [collateral_equilibrium(low=float(low), borrowing=False).price for low in WORST]
    prices.plot(WORST, [cycle.price for cycle in cycles], color=BLUE, label="at the start")
    prices.plot(WORST, [cycle.price_down for cycle in cycles], color=ORANGE, label="after bad news")
    prices.plot(WORST, bare, color=BLACK, linewidth=0.7, linestyle=":", label="two periods, no loans")
    prices.set(ylabel="price", ylim=(0, 1.02))
    leverage.plot(WORST, [cycle.leverage for cycle in cycles], color=BLUE, label="at the start")
    leverage.plot(WORST, [cycle.leverage_down for cycle in cycles], color=ORANGE, label="after bad news")
    leverage.set(ylabel="leverage, price over down payment", ylim=0)
    crash.plot(WORST, [100.0 * cycle.crash for cycle in cycles], color=BLUE)
    crash.set(ylabel="fall of the price after bad news, %", ylim=0)
    for axes in (prices, leverage, crash):
        axes.axvline(0.2, color="#C8C8C8", linewidth=0.6, zorder=0)
        axes.set_xlabel("payoff after bad news")
    prices.legend(loc="lower right")
    leverage.legend(loc="upper left")
    caption(figure, "Payoff 1 after good news; beliefs uniform; grey line: the example of the paper.")
    return figure
