"""Scenario sections of what machines earn: shocks, the compute-rent index, mining."""

from datetime import date
from typing import Annotated, Literal, Self

from pydantic import model_validator

from hashcredit.simulator.scenario.fields.base import Section, field, refused
from hashcredit.simulator.scenario.fields.types import (
    Correlation,
    Growth,
    Knots,
    Log,
    Number,
    PerYear,
    Ratio,
    Share,
    Switch,
    Text,
    Units,
    Volatility,
    Week,
    Weeks,
    Years,
    knots,
    unit,
)


class ForcedDefault(Section):
    """Exogenous failures: in one week holders of a machine fail, the last of them in part."""

    week: Week = field(8, "week in which the holders fail")
    machine: Text = field("H100", "name of the machine that is to be seized")
    units: Units = field(10000, "units of it, pledged to creditors, that are to be seized", low=1, high=10**9)


class ForcedLenderFailure(Section):
    """Exogenous failures of lenders: in one week lenders of a kind go into receivership."""

    week: Week = field(26, "week in which they fail")
    kind: Annotated[Literal["bank", "private_credit", "bond_fund"], unit("none")] = field(
        "bank", "kind of lender"
    )
    share: Share = field(1.0, "of the loans of that kind's live lenders, at most; 1: all of them", low=0.001)


class DemandTurn(Section):
    """Bad news about end demand: it falls at once, and grows otherwise from then on."""

    week: Week = field(60, "week in which demand falls")
    drop: Share = field(0.3, "share of demand that goes at once", high=0.99)
    growth: Growth = field(0.0, "annual log growth of compute demand from then on, at tightness 0", low=-2.0)


class Shocks(Section):
    """Exogenous innovations of BTC and compute rents, and failures imposed from outside."""

    btc_price0: Annotated[float, unit("USD per BTC", 100.0, 1e8)] = field(
        67000.0, "BTC price in the first week", source="S: btc.price.2026-03"
    )
    btc_volatility: Volatility = field(
        0.50,
        "annual volatility of log BTC from the normal part, the funding pool's share included",
        source="S: btc.vol.annual",
    )
    btc_drift: Growth = field(0.0, "annual growth of the expected BTC price", low=-2.0)
    student_df: Annotated[int, unit("none", 0, 30)] = field(
        0, "degrees of freedom of Student-t BTC innovations (3 to 30), 0 for normal ones"
    )
    jump_intensity: PerYear = field(0.0, "expected number of BTC jumps a year")
    jump_mean: Log = field(-0.10, "mean log size of a BTC jump", low=-2.0, high=2.0)
    jump_sd: Log = field(0.10, "standard deviation of the log size of a BTC jump", high=2.0)
    rent_volatility: Volatility = field(
        0.30, "annual volatility of the log compute-rent index; two-sided", high=2.0
    )
    machine_rent_volatility: Volatility = field(
        0.15, "annual volatility of a machine type's own log rent around the index", high=2.0
    )
    machine_rent_reversion: PerYear = field(
        2.0, "speed at which a machine type's own rent returns to the index"
    )
    rho_calm: Correlation = field(
        0.10, "correlation of BTC and compute-rent innovations at tightness 0", low=-0.99, high=0.99
    )
    rho_stress: Correlation = field(
        0.60, "correlation of BTC and compute-rent innovations at tightness 1", low=-0.99, high=0.99
    )
    antithetic: Switch = field(
        False, "whether the innovations of replicate 2 k + 1 are those of replicate 2 k with the other sign"
    )
    btc_path: Annotated[Knots, knots("USD per BTC", 1.0, 1e9)] = field(
        (), "BTC prices fed in instead of drawn: [week, value] pairs or a CSV file; empty for none"
    )
    rent_path: Annotated[Knots, knots("USD/GPU-h", 1e-4, 1e4)] = field(
        (), "rent index fed in instead of drawn: [week, value] pairs or a CSV file; empty for none"
    )
    hashprice_path: Annotated[Knots, knots("USD/PH/day", 0.1, 1e4)] = field(
        (), "hashprice fed in instead of worked out: [week, value] pairs or a CSV file; empty for none"
    )
    forced_default: Annotated[ForcedDefault | None, unit("none")] = field(
        None, "failures imposed from outside: { week, machine, units }, or 'none'"
    )
    demand_turn: Annotated[DemandTurn | None, unit("none")] = field(
        None, "a turn of demand for compute: { week, drop, growth }, or 'none'"
    )
    forced_lender_failure: Annotated[ForcedLenderFailure | None, unit("none")] = field(
        None, "failures of lenders imposed from outside: { week, kind, share }, or 'none'"
    )

    @property
    def together(self) -> int:
        """Replicates in a row whose innovations are drawn together: only such groups are independent."""
        return 2 if self.antithetic else 1

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if 0 < self.student_df < 3:
            raise refused("student_df", self.student_df, "0 (normal) or a whole number from 3 to 30")
        return self


class Compute(Section):
    """The price of a GPU-hour: technology, demand against supply, launches of newer machines."""

    rent_index0: Annotated[float, unit("USD/GPU-h", 0.01, 100.0)] = field(
        2.35,
        "rent index in the first week: a reference GPU (H100) let for one year, all hours paid",
        source="S: gpu.h100.rent.2026-03",
    )
    ondemand_premium: Ratio = field(
        1.26,
        "rent of an hour on demand over that under a contract of one year",
        low=0.1,
        high=10.0,
        source="S: gpu.h100.ondemand_over_1y",
    )
    # A marketplace measured .81 to .98 for H100s in 2026 (gpu.h100.occupancy.vast): try them.
    occupancy0: Share = field(
        0.65,
        "share of hours for which a machine on demand is paid in the first week",
        low=0.01,
        source="E: gpu.util.frontier",
    )
    occupancy_response: Number = field(
        1.0, "change of the log odds of occupancy for a change of log demand over supply", high=10.0
    )
    # The middle of what dated facts leave of .2 to 5; neo-clouds open with .6 of their fleets let.
    term_share: Ratio = field(
        2.0,
        "throughput that customers want under contracts, over that of the opening fleets",
        high=10.0,
        source="D: hindcast.term_share",
    )
    term_patience_weeks: Weeks = field(
        26.0, "mean time for which a customer looks for a contract", low=1.0, high=520.0
    )
    term_premium_speed: PerYear = field(
        1.0, "log premium of contracts a year if every customer looks in vain, twice over", high=20.0
    )
    term_premium_reversion: PerYear = field(2.0, "speed at which that premium vanishes", high=50.0)
    # With .10, and launches to come counted one by one, an H100 is worth 26,000 USD to the appraiser; a test
    # holds it in the range of used prices (gpu.h100.price.used). Less the lease of its slot for six years, as
    # somebody pays who still has to house it, that is about their median.
    trend: Growth = field(
        0.10, "annual log fall of rents from technology, net of launches", low=-0.5, high=1.0
    )
    demand_growth: Growth = field(0.35, "annual log growth of compute demand at tightness 0")
    demand_tightness: PerYear = field(0.30, "growth of compute demand lost at tightness 1", high=3.0)
    hyperscaler_multiple: Ratio = field(4.0, "hyperscalers' own stock over this economy's at the start")
    hyperscaler_growth: Growth = field(
        0.35, "annual log growth of the hyperscalers' stock in the first week; later their capex makes it"
    )
    hyperscaler_retirement: PerYear = field(
        0.20, "share of the hyperscalers' stock retired in a year", high=2.0
    )
    # H100 to Rubin Ultra: throughput a dollar times 1.8 in five years, by the baseline's machine types
    hyperscaler_efficiency: Growth = field(
        0.12, "annual log growth of throughput a dollar of capex", low=-0.5, high=1.0
    )
    price_elasticity: Number = field(
        0.5, "change of log rent for a change of log demand over supply", high=5.0
    )
    launch_step: Share = field(
        0.25,
        "share of older GPUs' earnings that a launch takes away (its source speaks of their price)",
        high=0.9,
        source="E: gpu.depr.new_gen_stepdown",
    )
    cadence_years: Years = field(
        1.0,
        "time between generations that follow the last named GPU",
        low=0.25,
        high=10.0,
        source="D: gpu.cadence.interval",
    )
    successors: Annotated[int, unit("launches", 0, 4)] = field(
        3, "unnamed GPU generations that follow the last named one"
    )
    launch_lag_weeks: Weeks = field(13.0, "weeks from a launch until half of its effect is felt", high=260.0)
    launch_width_weeks: Weeks = field(
        4.0, "scale of the logistic over which a launch takes effect", low=0.1, high=104.0
    )


class Mining(Section):
    """What a terahash earns: hashprice, difficulty, the halving."""

    hashprice0: Annotated[float, unit("USD/PH/day", 0.1, 1e4)] = field(
        29.0, "mining revenue a day of one PH/s in the first week", source="S: hashprice.2026Q1"
    )
    difficulty_speed: PerYear = field(1.5, "speed at which difficulty follows the price of BTC")
    difficulty_trend: Growth = field(0.10, "annual log growth of difficulty at a constant BTC price")
    halving_date: Annotated[date | None, unit("date")] = field(
        date(2028, 4, 17),
        "day on which the block subsidy halves, or 'none'",
        low=date(2009, 1, 3),
        high=date(2140, 1, 1),
        source="U: modelling choice",
    )
    halving_share: Share = field(
        0.5, "share of mining revenue lost at the halving", high=0.9, source="U: modelling choice"
    )
    asic_trend: Growth = field(0.10, "annual log fall of hashprice that a valuer expects", low=-0.5, high=1.0)
