"""Cont and Schaanning (2017): selling when a constraint binds, against targeting leverage.

Who targets leverage sells after any loss; who has a constraint sells only when it binds, and then more. So
targeting overstates what small shocks do and misses that large ones are of another kind.
"""

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from hashcredit.experiments.figures.style import BLUE, ORANGE, caption, estimates, new_figure
from hashcredit.experiments.papers.replication import Found, Replication
from hashcredit.simulator.contagion import deleveraging_rounds
from hashcredit.simulator.reports.statistics import mean_estimate, paired_difference

INSTITUTIONS, KINDS = 20, 6
SHOCKS = np.array([0.0, 0.005, 0.01, 0.02, 0.03, 0.04, 0.06, 0.08, 0.1, 0.13, 0.16, 0.2])
SMALL, LARGE = 0.01, 0.16
SYSTEMS, QUICK_SYSTEMS = 200, 50
IMPACT = 0.05
ROUNDS = 20
SEED = 2017
RULES = {"constraint": {"act_below": 0.04}, "targeting": {"act_below": 1.0}}
TARGET, DEFAULT = 0.05, 0.03


def replicate(quick: bool) -> Replication:
    """The worked example, and losses by sales in random systems under both rules."""
    systems = QUICK_SYSTEMS if quick else SYSTEMS
    losses = {rule: np.array([[lost(rule, s, x) for x in SHOCKS] for s in range(systems)]) for rule in RULES}
    found = example()
    gap = {
        size: paired_difference(losses["targeting"][:, at], losses["constraint"][:, at])
        for size, at in (
            (SMALL, int(np.searchsorted(SHOCKS, SMALL))),
            (LARGE, int(np.searchsorted(SHOCKS, LARGE))),
        )
    }
    nothing = losses["constraint"][:, int(np.searchsorted(SHOCKS, SMALL))]
    found["a small shock makes nobody with a constraint sell (1 yes)"] = Found.following(
        float(np.all(nothing == 0)), systems
    )
    found["targeting loses more after a small shock (1 yes)"] = Found.following(
        float(gap[SMALL].low > 0.0), systems
    )
    found["loss by sales, targeting less constraint, shock of 1 %"] = Found.of(gap[SMALL])
    found["loss by sales, targeting less constraint, shock of 16 %"] = Found.of(gap[LARGE])
    return Replication(found, lambda: draw(losses))


def example() -> dict[str, Found]:
    """Three institutions and two assets, worked through by hand and by an independent program."""
    done = deleveraging_rounds(
        cash=(2, 3, 4),
        holdings=((20, 30), (40, 10), (10, 50)),
        prices=(1, 0.95),
        loan=(40, 40, 50),
        other_assets=(30, 20, 30),
        other_liabilities=(37.3, 30, 39.2),
        impact=(0.2, 0.3),
    )
    found = {}
    for t in (2, 3):
        for k in (0, 1):
            found[f"example: price {k + 1} after round {t}"] = Found.exactly(float(done.prices[t, k]))
    for b in range(3):
        found[f"example: equity {b + 1} after round 3"] = Found.exactly(float(done.equity[3, b]))
    found["example: alive after round 1"] = Found.exactly(float(done.alive[1].sum()))
    found["example: alive after round 2"] = Found.exactly(float(done.alive[2].sum()))
    return found


def lost(rule: str, number: int, shock: float) -> float:
    """Value that sales take from all holdings, over all equity before the shock, in one random system.

    The first asset falls by `shock` before anybody acts. Until then everybody was at the target of 5 %.
    """
    rng = np.random.default_rng([SEED, number])
    holdings: NDArray[np.float64] = rng.exponential(1.0, (INSTITUTIONS, KINDS)) * 10.0
    holdings *= rng.random((INSTITUTIONS, KINDS)) < 0.6
    other = np.full(INSTITUTIONS, 40.0)
    cash = np.full(INSTITUTIONS, 2.0)
    assets = holdings.sum(axis=1) + other + cash
    equity = TARGET * assets
    prices = np.ones(KINDS)
    prices[0] -= shock
    loan = 0.7 * (assets - equity)
    done = deleveraging_rounds(
        cash,
        holdings,
        prices,
        loan,
        other,
        assets - equity - loan,
        IMPACT,
        DEFAULT,
        target=TARGET,
        rounds=ROUNDS,
        **RULES[rule],
    )
    fall = (done.prices[0] - done.prices[-1]) @ holdings.sum(axis=0)
    return float(fall / equity.sum())


def draw(losses: dict[str, NDArray[np.float64]]) -> Figure:
    """Losses by sales against the shock under both rules."""
    figure = new_figure("Two ways to deleverage (Cont and Schaanning 2017)", 2.7)
    axes = figure.add_subplot()
    for colour, (rule, sample) in zip((BLUE, ORANGE), losses.items(), strict=True):
        estimates(
            axes, 100.0 * SHOCKS, [mean_estimate(x) for x in sample.T], fmt="o-", color=colour, label=rule
        )
    axes.set(xlabel="fall of one asset, %", ylabel="loss by sales, share of all equity", ylim=0)
    axes.legend(loc="lower right")
    systems = len(losses["constraint"])
    caption(
        figure, f"{systems} random systems of {INSTITUTIONS} institutions and {KINDS} assets, 95 % intervals."
    )
    return figure
