"""Gai and Kapadia (2010): how often, and how far, the failure of one bank spreads to others.

A thousand banks, claims by a directed Erdos-Renyi network; interbank assets are 20 % of a bank's assets,
spread evenly over its borrowers, its capital is 4 %, nothing is recovered from a failed borrower. One random
bank fails. Contagion is the failure of more than 5 % of banks.
"""

from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.sparse import csr_array

from hashcredit.experiments.figures.style import BLUE, ORANGE, caption, estimates, new_figure
from hashcredit.experiments.papers.replication import Found, Replication
from hashcredit.simulator.contagion import (
    gai_kapadia_extent,
    gai_kapadia_probability,
    gai_kapadia_window,
    threshold_cascade,
)
from hashcredit.simulator.reports.statistics import Estimate, mean_estimate, probability_estimate

BANKS = 1000
"""As in the paper, and in the figure."""

MANY_BANKS = 4000
"""In the table: a thousand are too few near the upper edge of the window. At a mean degree of 5
contagion follows in .488 +- .018 of networks of 1,000 banks, in .448 +- .025 of those of 4,000, and in
.447 in theory."""

INTERBANK, CAPITAL = 0.2, 0.04
CONTAGION = 0.05
NETWORKS, QUICK_NETWORKS = 1000, 200
TABLE_DEGREES = (1.5, 3.0, 4.0, 5.0)
DEGREES = (0.5, 0.8, 1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5, 5.0, 5.5, 6.0, 6.5, 7.0, 8.0, 9.0)
SEED = 2010


@dataclass(frozen=True)
class AtDegree:
    """What was found at one mean degree."""

    probability: Estimate
    """Share of networks with contagion."""
    extent: Estimate
    """Share of banks that fail, given contagion."""


def replicate(quick: bool) -> Replication:
    """Simulate the window of contagion and compare it with the theory of the infinite network."""
    networks = QUICK_NETWORKS if quick else NETWORKS
    curve = {degree: at_degree(degree, networks, BANKS) for degree in DEGREES}
    table = {degree: at_degree(degree, networks, MANY_BANKS) for degree in TABLE_DEGREES}
    strict, weak = gai_kapadia_window(rule="strict"), gai_kapadia_window(rule="weak")
    found = {
        "lower edge of the window": Found.exactly(strict[0]),
        "upper edge of the window": Found.exactly(strict[1]),
        "lower edge, weak rule": Found.exactly(weak[0]),
        "upper edge, weak rule": Found.exactly(weak[1]),
    }
    for degree in TABLE_DEGREES:
        found[f"probability at degree {degree:g}"] = Found.of(table[degree].probability)
        found[f"extent at degree {degree:g}"] = Found.of(table[degree].extent)
    return Replication(found, lambda: draw(curve))


def at_degree(degree: float, networks: int, banks: int) -> AtDegree:
    """Fail one bank in each of many networks of a mean degree."""
    shares = np.array([share_failed(degree, number, banks) for number in range(networks)])
    spread = shares > CONTAGION
    return AtDegree(probability_estimate(spread), mean_estimate(shares[spread]))


def share_failed(degree: float, number: int, banks: int) -> float:
    """Share of banks that have failed when the cascade in one random network has ended."""
    rng = np.random.default_rng([SEED, round(1000 * degree), banks, number])
    first = np.zeros(banks, bool)
    first[rng.integers(banks)] = True
    return float(threshold_cascade(exposures(degree, banks, rng), CAPITAL, first).mean())


def exposures(degree: float, banks: int, rng: np.random.Generator) -> csr_array:
    """Claims of each bank on its borrowers: each ordered pair is linked with the same probability."""
    pairs = banks * (banks - 1)
    linked = rng.choice(pairs, rng.binomial(pairs, degree / (banks - 1)), replace=False, shuffle=False)
    lender, other = np.divmod(linked, banks - 1)
    borrower = other + (other >= lender)
    borrowers: NDArray[np.int64] = np.bincount(lender, minlength=banks)
    return csr_array((INTERBANK / borrowers[lender], (lender, borrower)), shape=(banks, banks))


def draw(curve: dict[float, AtDegree]) -> Figure:
    """Probability and extent of contagion against the mean degree, with the theory as lines."""
    figure = new_figure("Contagion after one failure (Gai and Kapadia 2010)", 2.7)
    axes = figure.add_subplot()
    fine = np.linspace(0.05, 9.5, 400)
    degrees = np.array(sorted(curve))
    for colour, words, theory, found in (
        (BLUE, "probability", gai_kapadia_probability, [curve[z].probability for z in degrees]),
        (ORANGE, "extent, given contagion", gai_kapadia_extent, [curve[z].extent for z in degrees]),
    ):
        axes.plot(fine, [theory(z) for z in fine], color=colour, linewidth=0.8)
        estimates(axes, degrees, found, fmt="o", linewidth=0.6, color=colour, label=words)
    axes.set(xlabel="mean number of borrowers of a bank", ylabel="share", ylim=(-0.02, 1.04), xlim=(0, 9.5))
    axes.legend(loc="center right")
    networks = curve[TABLE_DEGREES[0]].probability.n
    caption(
        figure,
        f"Points: {networks:,} networks of {BANKS:,} banks each, 95 % intervals. Lines: infinite network.",
    )
    return figure
