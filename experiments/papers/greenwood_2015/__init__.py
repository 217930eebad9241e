"""Greenwood, Landier and Thesmar (2015): what a round of leverage targeting adds to a shock."""

import numpy as np
from matplotlib.figure import Figure

from hashcredit.experiments.figures.style import BLUE, ORANGE, WIDE, caption, new_figure
from hashcredit.experiments.papers.replication import Found, Replication
from hashcredit.simulator.contagion import LeverageTargeting, leverage_targeting

EQUITY = (4.0, 6.0, 10.0)
DEBT = (96.0, 84.0, 90.0)
WEIGHTS = ((0.6, 0.4), (0.3, 0.7), (0.5, 0.5))
IMPACT = (1e-3, 5e-4)
SHOCK = (-0.02, 0.0)
SHOCKS = np.linspace(0.0, 0.04, 21)


def replicate(quick: bool) -> Replication:
    """A table of three banks and two assets; nothing is random, so `quick` changes nothing."""
    done = leverage_targeting(EQUITY, DEBT, WEIGHTS, IMPACT, SHOCK)
    found = {"aggregate vulnerability": Found.exactly(done.aggregate_vulnerability)}
    for name in ("returns", "losses", "systemicness"):
        for bank, value in enumerate(getattr(done, name), start=1):
            found[f"{name} of bank {bank}"] = Found.exactly(float(value))
    for name in ("sales", "price_moves"):
        for asset, value in enumerate(getattr(done, name), start=1):
            found[f"{name.replace('_', ' ')} of asset {asset}"] = Found.exactly(float(value))
    return Replication(found, lambda: draw(done))


def draw(done: LeverageTargeting) -> Figure:
    """Direct and indirect losses, and who causes them; the aggregate against the size of the shock."""
    figure = new_figure("Fire sales after a shock (Greenwood, Landier and Thesmar 2015)", 2.6, WIDE)
    left, middle, right = figure.subplots(1, 3)
    banks = np.arange(1, len(EQUITY) + 1)
    left.bar(banks - 0.18, done.direct_vulnerability, 0.36, color=BLUE, label="by the shock")
    left.bar(banks + 0.18, done.indirect_vulnerability, 0.36, color=ORANGE, label="by sales")
    left.set(xlabel="bank", ylabel="loss, share of own equity", xticks=banks)
    left.legend(loc="upper right")
    middle.bar(banks, done.systemicness, 0.5, color=BLUE)
    middle.set(xlabel="bank", ylabel="systemicness, share of all equity", xticks=banks)
    totals = [
        leverage_targeting(EQUITY, DEBT, WEIGHTS, IMPACT, (-size, 0.0)).aggregate_vulnerability
        for size in SHOCKS
    ]
    right.plot(100.0 * SHOCKS, totals, color=BLUE)
    right.set(xlabel="fall of the first asset, %", ylabel="aggregate vulnerability, share of equity", ylim=0)
    caption(figure, "Three banks with leverage 24, 14 and 9, two assets; bars: the first asset falls by 2 %.")
    return figure
