"""Scenario sections of what machines earn: shocks, the compute-rent index, mining."""

from datetime import date
from typing import Self

from pydantic import model_validator

from hashcredit.simulator.scenario.fields.base import Knots, Section, check_knots, path, quantity, refused


class ForcedDefault(Section):
    """Exogenous failures: in one week the largest holders of a machine fail."""

    week: int = quantity(8, unit="week", low=0, high=1039, meaning="week in which the holders fail")
    machine: str = quantity("H100", unit="none", meaning="name of the machine that is to be seized")
    units: int = quantity(
        10000,
        unit="units",
        low=1,
        high=10**9,
        meaning="the largest holders fail until this many units are seized",
    )


class Shocks(Section):
    """Exogenous innovations of BTC and compute rents, and failures imposed from outside."""

    btc_price0: float = quantity(
        67000.0,
        unit="USD per BTC",
        low=100.0,
        high=1e8,
        meaning="BTC price in the first week",
        source="btc.price.2026-03",
        evidence="S",
    )
    btc_volatility: float = quantity(
        0.50,
        unit="1/yr^0.5",
        low=0.0,
        high=3.0,
        meaning="annual volatility of log BTC from the normal part, the funding pool's share included",
        source="btc.vol.annual",
        evidence="S",
    )
    btc_drift: float = quantity(
        0.0, unit="1/yr", low=-2.0, high=2.0, meaning="annual growth of the expected BTC price"
    )
    student_df: int = quantity(
        0,
        unit="none",
        low=0,
        high=30,
        meaning="degrees of freedom of Student-t BTC innovations (3 to 30), 0 for normal ones",
    )
    jump_intensity: float = quantity(
        0.0, unit="1/yr", low=0.0, high=52.0, meaning="expected number of BTC jumps a year"
    )
    jump_mean: float = quantity(-0.10, unit="log", low=-2.0, high=2.0, meaning="mean log size of a BTC jump")
    jump_sd: float = quantity(
        0.10, unit="log", low=0.0, high=2.0, meaning="standard deviation of the log size of a BTC jump"
    )
    rent_volatility: float = quantity(
        0.30,
        unit="1/yr^0.5",
        low=0.0,
        high=2.0,
        meaning="annual volatility of the log compute-rent index; two-sided",
    )
    machine_rent_volatility: float = quantity(
        0.15,
        unit="1/yr^0.5",
        low=0.0,
        high=2.0,
        meaning="annual volatility of a machine type's own log rent around the index",
    )
    machine_rent_reversion: float = quantity(
        2.0,
        unit="1/yr",
        low=0.0,
        high=52.0,
        meaning="speed at which a machine type's own rent returns to the index",
    )
    rho_calm: float = quantity(
        0.10,
        unit="correlation",
        low=-0.99,
        high=0.99,
        meaning="correlation of BTC and compute-rent innovations at tightness 0",
    )
    rho_stress: float = quantity(
        0.60,
        unit="correlation",
        low=-0.99,
        high=0.99,
        meaning="correlation of BTC and compute-rent innovations at tightness 1",
    )
    btc_path: Knots = path(
        (),
        unit="USD per BTC",
        low=1.0,
        high=1e9,
        meaning="BTC prices fed in instead of drawn: [week, value] pairs or a CSV file; empty for none",
    )
    rent_path: Knots = path(
        (),
        unit="USD/GPU-h",
        low=1e-4,
        high=1e4,
        meaning="rent index fed in instead of drawn: [week, value] pairs or a CSV file; empty for none",
    )
    hashprice_path: Knots = path(
        (),
        unit="USD/PH/day",
        low=0.1,
        high=1e4,
        meaning="hashprice fed in instead of worked out: [week, value] pairs or a CSV file; empty for none",
    )
    forced_default: ForcedDefault | None = quantity(
        None, unit="none", meaning="failures imposed from outside: { week, machine, units }, or 'none'"
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if 0 < self.student_df < 3:
            raise refused("student_df", self.student_df, "0 (normal) or a whole number from 3 to 30")
        check_knots("btc_path", self.btc_path)
        check_knots("rent_path", self.rent_path)
        check_knots("hashprice_path", self.hashprice_path)
        return self


class Compute(Section):
    """The price of a GPU-hour: technology, demand against supply, launches of newer machines."""

    rent_index0: float = quantity(
        2.35,
        unit="USD/GPU-h",
        low=0.01,
        high=100.0,
        meaning="rent of a reference GPU (H100) in the first week",
        source="gpu.h100.rent.2026-03",
        evidence="S",
    )
    utilisation: float = quantity(
        0.65,
        unit="fraction",
        low=0.01,
        high=1.0,
        meaning="share of hours for which a machine is paid",
        source="gpu.util.frontier",
        evidence="E",
    )
    # With .10, and launches to come counted one by one, the appraiser's value of an H100 starts at about the
    # median of its used prices (gpu.h100.price.used); a test holds it in their range.
    trend: float = quantity(
        0.10,
        unit="1/yr",
        low=-0.5,
        high=1.0,
        meaning="annual log fall of rents from technology, net of launches",
    )
    demand_growth: float = quantity(
        0.35, unit="1/yr", low=-1.0, high=2.0, meaning="annual log growth of compute demand at tightness 0"
    )
    demand_tightness: float = quantity(
        0.30, unit="1/yr", low=0.0, high=3.0, meaning="growth of compute demand lost at tightness 1"
    )
    hyperscaler_multiple: float = quantity(
        4.0,
        unit="ratio",
        low=0.0,
        high=1000.0,
        meaning="hyperscalers' own stock over this economy's at the start",
    )
    hyperscaler_growth: float = quantity(
        0.35,
        unit="1/yr",
        low=-1.0,
        high=2.0,
        meaning="annual log growth of the hyperscalers' stock in the first week; later their capex makes it",
    )
    hyperscaler_retirement: float = quantity(
        0.20, unit="1/yr", low=0.0, high=2.0, meaning="share of the hyperscalers' stock retired in a year"
    )
    # H100 to Rubin Ultra: throughput a dollar times 1.8 in five years, by the baseline's machine types
    hyperscaler_efficiency: float = quantity(
        0.12, unit="1/yr", low=-0.5, high=1.0, meaning="annual log growth of throughput a dollar of capex"
    )
    price_elasticity: float = quantity(
        0.5,
        unit="none",
        low=0.0,
        high=5.0,
        meaning="change of log rent for a change of log demand over supply",
    )
    launch_step: float = quantity(
        0.25,
        unit="fraction",
        low=0.0,
        high=0.9,
        meaning="share of older GPUs' earnings that a launch takes away (its source speaks of their price)",
        source="gpu.depr.new_gen_stepdown",
        evidence="E",
    )
    cadence_years: float = quantity(
        1.0,
        unit="years",
        low=0.25,
        high=10.0,
        meaning="time between generations that follow the last named GPU",
        source="gpu.cadence.interval",
        evidence="D",
    )
    successors: int = quantity(
        3, unit="launches", low=0, high=4, meaning="unnamed GPU generations that follow the last named one"
    )
    launch_lag_weeks: float = quantity(
        13.0,
        unit="weeks",
        low=0.0,
        high=260.0,
        meaning="weeks from a launch until half of its effect is felt",
    )
    launch_width_weeks: float = quantity(
        4.0,
        unit="weeks",
        low=0.1,
        high=104.0,
        meaning="scale of the logistic over which a launch takes effect",
    )


class Mining(Section):
    """What a terahash earns: hashprice, difficulty, the halving."""

    hashprice0: float = quantity(
        29.0,
        unit="USD/PH/day",
        low=0.1,
        high=1e4,
        meaning="mining revenue a day of one PH/s in the first week",
        source="hashprice.2026Q1",
        evidence="S",
    )
    difficulty_speed: float = quantity(
        1.5, unit="1/yr", low=0.0, high=52.0, meaning="speed at which difficulty follows the price of BTC"
    )
    difficulty_trend: float = quantity(
        0.10,
        unit="1/yr",
        low=-1.0,
        high=2.0,
        meaning="annual log growth of difficulty at a constant BTC price",
    )
    halving_date: date | None = quantity(
        date(2028, 4, 17),
        unit="date",
        low=date(2009, 1, 3),
        high=date(2140, 1, 1),
        meaning="day on which the block subsidy halves, or 'none'",
        evidence="U",
    )
    halving_share: float = quantity(
        0.5,
        unit="fraction",
        low=0.0,
        high=0.9,
        meaning="share of mining revenue lost at the halving",
        evidence="U",
    )
    asic_trend: float = quantity(
        0.10, unit="1/yr", low=-0.5, high=1.0, meaning="annual log fall of hashprice that a valuer expects"
    )
