"""What the value function makes of 2022: the price of the newest tier, from hashprice and power alone."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import brentq

from hashcredit.simulator.machines.valuation import machine_value
from hashcredit.simulator.scenario.facts import fact
from hashcredit.simulator.scenario.scenario import Scenario
from hashcredit.simulator.setup.parameters import weeks_from

TIER = ("S19", "S19 Pro")
"""Types of the newest tier at the start of 2022, up to 38 J/TH; the tier's value a terahash is their mean."""
DECEMBER_WEEK = 51
TRENDS = (-0.5, 1.0)
VOLATILITIES = (0.0, 1.5)
"""Where a trend or volatility (per year) that meets a price is looked for."""
REVERSIONS = (0.2, 5.0)
"""Where a speed of return (per year) that meets a price is looked for; slower ones end beyond the horizon."""


@dataclass(frozen=True)
class Valuer:
    """Whoever values: rates a year, power in USD/kWh.

    `reversion` is the speed (1/yr) at which hashprice is expected back at its trend since the first week; 0
    for a valuer who takes today's hashprice as it is, as the scenario's do.
    """

    discount: float
    trend: float
    volatility: float
    power: float
    reversion: float = 0.0


def average_operator(scenario: Scenario) -> Valuer:
    """The scenario's appraiser in the first week."""
    path = scenario.funding.tightness
    tightness = path[0][1] if isinstance(path, tuple) else path
    capital = scenario.credit.policy_rate + scenario.funding.premium
    capital += scenario.funding.premium_convexity * tightness**2
    return Valuer(
        discount=capital + scenario.valuation.appraiser_spread,
        trend=scenario.mining.asic_trend,
        volatility=scenario.valuation.volatility_asic,
        power=scenario.costs.power_price[scenario.valuation.appraiser_site_class_asic],
    )


def worth(scenario: Scenario, valuer: Valuer, hashprice: float, week: int) -> float:
    """Value (USD/TH) of the newest tier at a hashprice (USD/PH/day), `week` weeks after the start."""
    mining = scenario.mining
    foreseen = []
    if mining.halving_date is not None:
        until = (weeks_from(scenario.start_date, mining.halving_date) - week) / 52.0
        left = 1.0 - mining.halving_share
        foreseen = [(until, left), (until + 1.0 / mining.difficulty_speed, 1.0 / left)]
    if valuer.reversion > 0.0:
        gap = math.log(hashprice / mining.hashprice0) + valuer.trend * week / 52.0
        foreseen = sorted([*foreseen, (1.0 / valuer.reversion, math.exp(-gap))])
    times, factors = np.array(foreseen or [(0.0, 1.0)]).T.copy()
    machines = {machine.name: machine for machine in scenario.machine}
    values = []
    for name in TIER:
        machine = machines[name]
        earning = hashprice * 1e-3 * 365.25 * machine.throughput
        power = machine.kw * scenario.costs.pue_asic * valuer.power * 8766.0
        cost = power + scenario.costs.upkeep * machine.price_new
        value = machine_value(earning, valuer.trend, cost, valuer.discount, valuer.volatility,
                              scenario.valuation.horizon_years, times, factors, len(foreseen))  # fmt: skip
        values.append(value / machine.throughput)
    return float(np.mean(values))


@dataclass(frozen=True)
class Year:
    """The tier's value (USD/TH) at the start and in December 2022."""

    start: float
    december: float

    @property
    def ratio(self) -> float:
        return self.december / self.start


def year(scenario: Scenario, valuer: Valuer, hashprice: str = "hashprice.2022-12-31") -> Year:
    """What a valuer makes of both ends of the year; `hashprice` is the fact taken for December."""
    start = worth(scenario, valuer, fact("hashprice.2022-01-01").value, 0)
    return Year(start, worth(scenario, valuer, fact(hashprice).value, DECEMBER_WEEK))


def opening_trend(scenario: Scenario, valuer: Valuer) -> float:
    """The trend (1/yr) at which the tier is worth its price at the start of 2022."""
    price, hashprice = fact("asic.new.2022-start").value, fact("hashprice.2022-01-01").value
    return root(lambda d: worth(scenario, replace(valuer, trend=d), hashprice, 0) - price, TRENDS)


def december_trend(scenario: Scenario, valuer: Valuer) -> float:
    """The trend (1/yr) at which the tier is worth its price in December 2022."""
    price, hashprice = fact("asic.new.2022-12").value, fact("hashprice.2022-12-31").value
    return root(lambda d: worth(scenario, replace(valuer, trend=d), hashprice, DECEMBER_WEEK) - price, TRENDS)


def volatility_of_ratio(scenario: Scenario, valuer: Valuer, anchored: bool) -> float:
    """The volatility (1/yr^0.5) at which the tier's value fell as much as its price; NaN if none does.

    `anchored`: the trend is solved again from the opening price at each volatility.
    """
    seen = fact("asic.new.ratio.2022").value

    def gap(volatility: float) -> float:
        one = replace(valuer, volatility=volatility)
        if anchored:
            one = replace(one, trend=opening_trend(scenario, one))
        return year(scenario, one).ratio - seen

    return root(gap, VOLATILITIES)


def root(gap: Callable[[float], float], bounds: tuple[float, float]) -> float:
    """Where a function is zero between two bounds; NaN if it has the same sign at both."""
    if gap(bounds[0]) * gap(bounds[1]) > 0.0:
        return math.nan
    return float(brentq(gap, *bounds, xtol=1e-10))


def december_reversion(scenario: Scenario, valuer: Valuer) -> float:
    """The speed (1/yr) of hashprice's return to its trend at which December's price is met; NaN if none."""
    price, hashprice = fact("asic.new.2022-12").value, fact("hashprice.2022-12-31").value
    return root(
        lambda speed: worth(scenario, replace(valuer, reversion=speed), hashprice, DECEMBER_WEEK) - price,
        REVERSIONS,
    )
