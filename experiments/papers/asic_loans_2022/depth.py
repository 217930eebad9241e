"""How deep the market for used machines is: a posterior from three sales of 2022 and 2023, on a grid.

The model of impact is that of `secondary_market.rule = "impact"`: `D` units sold move the price by a factor
e, so `Q` units sold at once fetch on average `a(Q/D) = (1 - exp(-Q/D)) / (Q/D)` of the price before. What
else stands between a price and its reference is a nuisance of each sale with a prior of its own, and is
integrated out on a grid. Nothing is drawn: the posterior is exact up to the grid.

1. Two lots of one estate in June 2022: `ln(p2/p1) = -m Q1/D + ln a(Q2/D) - ln a(Q1/D) - f + e1`, where `m` is
   the share of the first lot's impact that was left when the second was sold, and `f` the fall of the index
   between them.
2. An estate's sale in January 2023 over the index: `ln(p/index) = ln a(Q/D) - c + e2`, where the index lies
   between two tiers and `c` is a discount for condition and haste that does not depend on the number sold.
3. A type's price over a broker's fair value in June 2023: `ln(p/fair) = ln a(Q/D) - c + e3`, where the
   number `Q` for sale in a week is not known.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from hashcredit.simulator.scenario.facts import fact

Array = NDArray[np.float64]

PRIOR_UNITS = (1e2, 1e7)
"""Depth before anything is seen: log-uniform between these, units. From a sale of a hundred machines to ten
times all machines of the tier."""
POINTS = 401
"""Of the grid of ln D."""
NODES = 40
"""Of a nuisance."""
LOT_ERROR, ESTATE_ERROR, FAIR_VALUE_ERROR = 0.10, 0.15, 0.20
"""Standard deviations of the logs: lots differ in age and type and are quoted in whole dollars; the index is
a month older than the sale; a fair value is a model's. Choices."""
DEEPEST_HAIRCUT = "firesale.pulvino.recession"
"""Largest discount of sales in distress that the calibration tables know of where volume plays no part."""
WEEKLY_FLOW = (500.0, 50_000.0)
"""Machines of the type for sale in a week of June 2023: log-uniform between these, units."""
TIER_SHARE = (0.3, 0.7)
"""Share of the network's hashrate in the newest tier in 2022: uniform between these. Not known; a choice."""
TERAHASHES_A_MACHINE = 100.0

SALES = ("lots", "estate", "fair value")
"""The three cross-sections."""


@dataclass(frozen=True)
class Assumptions:
    """What a reader may want to change about the likelihood."""

    errors: float = 1.0
    """Factor on all three standard deviations."""
    weeks_between_lots: float = 4.0
    """Both lots were sold within a month: they were at most so many weeks apart, each time as likely."""
    least_left: float = 0.0
    """Smallest share of the first lot's impact that may have been left; up to all of it, uniform."""


AS_STATED = Assumptions()


def impact(x: Array) -> Array:
    """Mean price of a sale over the price before it, of the sale over depth."""
    result: Array = -np.expm1(-x) / x
    return result


def grid() -> Array:
    """ln D at the centres of equal cells."""
    low, high = (math.log(units) for units in PRIOR_UNITS)
    step = (high - low) / POINTS
    centres: Array = low + step * (np.arange(POINTS, dtype=np.float64) + 0.5)
    return centres


def spread(low: float, high: float) -> Array:
    """Equally likely values of a nuisance: the centres of equal cells."""
    return low + (high - low) * (np.arange(NODES) + 0.5) / NODES


def normal(error: Array, deviation: float) -> Array:
    """Likelihood of an error."""
    density: Array = np.exp(-0.5 * (error / deviation) ** 2) / (deviation * math.sqrt(2.0 * math.pi))
    return density


def index_fall() -> float:
    """Log fall of the newest tier's index a week, mean of 2022."""
    return math.log(fact("asic.new.2022-start").value / fact("asic.new.2022-12").value) / 52.0


def haircut() -> float:
    """Largest log discount for condition and haste."""
    return -math.log(1.0 - fact(DEEPEST_HAIRCUT).value)


def likelihood_of_lots(log_depth: Array, given: Assumptions = AS_STATED) -> Array:
    """Of the second lot's price over the first's, at each depth."""
    depth = np.exp(log_depth)[:, None, None]
    first, second = (fact(f"asic.sale.celsius.units{lot}").value for lot in (1, 2))
    seen = math.log(fact("asic.sale.celsius.lot2").value / fact("asic.sale.celsius.lot1").value)
    left = spread(given.least_left, 1.0)[None, :, None]
    fall = spread(0.0, given.weeks_between_lots * index_fall())[None, None, :]
    expected = -left * first / depth + np.log(impact(second / depth) / impact(first / depth)) - fall
    likelihood: Array = normal(seen - expected, given.errors * LOT_ERROR).mean(axis=(1, 2))
    return likelihood


def likelihood_of_estate(log_depth: Array, given: Assumptions = AS_STATED) -> Array:
    """Of the estate's price over the index, at each depth."""
    depth = np.exp(log_depth)[:, None, None]
    units, price = fact("asic.sale.touzi.units").value, fact("asic.sale.touzi").value
    tiers = (fact("asic.mid.2022").value, fact("asic.new.2022-12").value)
    index = spread(math.log(tiers[0]), math.log(tiers[1]))[None, :, None]
    discount = spread(0.0, haircut())[None, None, :]
    expected = np.log(impact(units / depth)) - discount
    likelihood: Array = normal(math.log(price) - index - expected, given.errors * ESTATE_ERROR).mean(
        axis=(1, 2)
    )
    return likelihood


def likelihood_of_fair_value(log_depth: Array, given: Assumptions = AS_STATED) -> Array:
    """Of the type's price over its fair value, at each depth."""
    depth = np.exp(log_depth)[:, None, None]
    seen = math.log(fact("asic.s19pro.2023-06").value / fact("asic.s19pro.fair.2023-06").value)
    flow = np.exp(spread(math.log(WEEKLY_FLOW[0]), math.log(WEEKLY_FLOW[1])))[None, :, None]
    discount = spread(0.0, haircut())[None, None, :]
    expected = np.log(impact(flow / depth)) - discount
    likelihood: Array = normal(seen - expected, given.errors * FAIR_VALUE_ERROR).mean(axis=(1, 2))
    return likelihood


LIKELIHOODS: dict[str, Callable[[Array, Assumptions], Array]] = {
    "lots": likelihood_of_lots,
    "estate": likelihood_of_estate,
    "fair value": likelihood_of_fair_value,
}


@dataclass(frozen=True)
class Posterior:
    """Depth after some of the sales: probabilities of the cells of the grid."""

    log_depth: Array
    probability: Array

    def quantile(self, level: float) -> float:
        """Depth in units below which the truth is with this probability; linear within a cell."""
        low = math.log(PRIOR_UNITS[0])
        step = self.log_depth[1] - self.log_depth[0]
        edges = low + step * np.arange(self.log_depth.size + 1)
        reached = np.concatenate([[0.0], np.cumsum(self.probability)])
        return float(np.exp(np.interp(level, reached, edges)))

    @property
    def interval(self) -> tuple[float, float]:
        """The central 90 %, units."""
        return self.quantile(0.05), self.quantile(0.95)

    @property
    def width(self) -> float:
        """Width of the central 90 % in ln D over that of the prior."""
        low, high = self.interval
        return math.log(high / low) / (0.9 * math.log(PRIOR_UNITS[1] / PRIOR_UNITS[0]))

    @property
    def gain(self) -> float:
        """Kullback-Leibler divergence of the posterior from the prior, nats."""
        some = self.probability[self.probability > 0.0]
        return float(np.sum(some * np.log(some * self.probability.size)))

    @property
    def against_none(self) -> float:
        """Likelihood of the best depth over that of no impact at all: near 1, the sales do not need any."""
        return float(self.probability.max() / self.probability[-1])

    @property
    def identified(self) -> bool:
        """Whether the interval is less than a third as wide as the prior's, and inside it on both sides."""
        low, high = self.interval
        return self.width < 1.0 / 3.0 and low > 2.0 * PRIOR_UNITS[0] and high < 0.5 * PRIOR_UNITS[1]


@cache
def posterior(sales: tuple[str, ...] = SALES, given: Assumptions = AS_STATED) -> Posterior:
    """Depth after the named sales."""
    log_depth = grid()
    weight = np.ones_like(log_depth)
    for sale in sales:
        weight = weight * LIKELIHOODS[sale](log_depth, given)
    return Posterior(log_depth, weight / weight.sum())


def machines_of_tier() -> tuple[float, float, float]:
    """Machines of the newest tier in the world in 2022: middle, low, high."""
    network = fact("network.hashrate.2022").value * 1e6 / TERAHASHES_A_MACHINE
    return network * 0.5 * sum(TIER_SHARE), network * TIER_SHARE[0], network * TIER_SHARE[1]


def share_of_tier(level: float, sales: tuple[str, ...] = SALES) -> float:
    """Quantile of depth over all machines of the tier, whose number is uniform over its range."""
    after = posterior(sales)
    stock = np.log(spread(*machines_of_tier()[1:]))
    shares = (after.log_depth[:, None] - stock[None, :]).ravel()
    weights = np.repeat(after.probability, stock.size) / stock.size
    order = np.argsort(shares, kind="stable")
    reached = np.cumsum(weights[order]) - 0.5 * weights[order]
    return float(np.exp(np.interp(level, reached, shares[order])))
