"""Scenario sections of costs, values, resolution and the market for used machines."""

from typing import Annotated, ClassVar, Self

from pydantic import model_validator

from hashcredit.agents.dimensions import SaleRule
from hashcredit.simulator.scenario.fields.base import InOrder, Section, field, refused
from hashcredit.simulator.scenario.fields.types import (
    AnnualRate,
    ByCooling,
    BySiteClass,
    Fraction,
    Growth,
    PerYear,
    Probability,
    Ratio,
    Share,
    SiteClass,
    Switch,
    USDAUnit,
    USDAUnitAndWeek,
    Volatility,
    Weeks,
    WholeWeeks,
    Years,
    choice,
    unit,
)


class Costs(Section):
    """What it costs to hold and run machines."""

    power_price: Annotated[BySiteClass, unit("USD/kWh", 0.0, 2.0)] = field(
        (0.04, 0.05, 0.065, 0.08),
        "power price of the four site classes",
        source=("C: modelling choice", "C: modelling choice", "C: modelling choice", "E: power.price.dc"),
    )
    pue_gpu: Ratio = field(
        1.2, "power drawn by a GPU site over the power of its machines", low=1.0, high=3.0, source="S: dc.pue"
    )
    pue_asic: Ratio = field(
        1.05,
        "power drawn by a mining site over the power of its machines",
        low=1.0,
        high=3.0,
        source="U: modelling choice",
    )
    upkeep: PerYear = field(
        0.02,
        "repairs and spares a year as a share of the price when new; avoided while switched off",
        high=1.0,
    )
    lease: Annotated[ByCooling, unit("USD/kW-month", 0.0, 2000.0)] = field(
        (4.0, 110.0, 130.0), "site lease without power by cooling class (ASIC, air, liquid); owed in any case"
    )
    lease_exit_weeks: Weeks = field(
        52.0,
        "weeks of rent for which a tenant may leave slots that stood empty as long; 0: it may not",
        high=520.0,
    )
    slot_kw: Annotated[ByCooling, unit("kW", 0.01, 100.0)] = field(
        (3.3, 1.4, 2.2), "power a rack slot is built and leased for, by cooling class (ASIC, air, liquid)"
    )
    overhead_share: Share = field(0.06, "overhead as a share of revenue at the start; fixed later")
    addon: Fraction = field(
        0.125,
        "network, cabling and installation of a GPU on top of the machine's price",
        source="E: gpu.capex.non_gpu_addon",
    )
    retrofit: Annotated[ByCooling, unit("USD/kW", 0.0, 1e5)] = field(
        (50.0, 1200.0, 4000.0),
        "cost of building a slot by cooling class (ASIC, air, liquid)",
        source=("C: modelling choice", "C: modelling choice", "C: gpu.retrofit.cost.kw"),
    )


class Valuation(Section):
    """How agents value a machine that they may switch off."""

    open_to_policy: ClassVar[bool] = True

    trend: Growth = field(
        0.10, "annual log fall of GPU rents that a valuer expects between launches", low=-0.3, high=0.6
    )
    volatility: Volatility = field(0.30, "annual volatility of GPU rents that a valuer expects", high=1.0)
    volatility_asic: Volatility = field(
        0.50,
        "annual volatility of hashprice that a valuer expects: that of BTC",
        high=1.0,
        source="S: btc.vol.annual",
    )
    horizon_years: Years = field(6.0, "longest remaining life that a valuer counts", low=0.25, high=10.0)
    launch_belief: Probability = field(1.0, "probability that a valuer gives to an announced launch")
    appraiser_spread: AnnualRate = field(0.08, "appraiser's discount rate over the market's cost of capital")
    appraiser_site_class: SiteClass = field(2, "site class whose power price the appraiser assumes")
    appraiser_site_class_asic: SiteClass = field(
        1, "site class whose power price the appraiser of ASICs assumes"
    )
    refresh_weeks: WholeWeeks = field(4, "weeks between two computations of income values", high=52)


class Marking(Section):
    """How fast appraisals follow trades and income."""

    open_to_policy: ClassVar[bool] = True

    market_weight: Share = field(0.5, "weight of the week's trades in the appraisal, deep market")
    income_weight: Share = field(0.05, "weight of the income value in the appraisal, a week")
    # Some 500 a week of the 52,000 units (15,000 to 96,000) of a GPU type in the baseline's opening.
    depth_share: Fraction = field(
        0.01, "units traded in a week, over all of the type, at which trades get half of their weight"
    )
    forced_sale_ratio: Ratio = field(
        0.75,
        "forced-sale over appraised value that creditors assume when they write a claim down",
        high=1.0,
        source="E: equip.flv_over_olv",
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.market_weight + self.income_weight > 1.0:
            raise refused("income_weight", self.income_weight, "market_weight + income_weight of at most 1")
        return self


class Resolution(Section):
    """What happens between a default and a sale, and what it costs."""

    open_to_policy: ClassVar[bool] = True
    in_order: ClassVar[InOrder] = (("stay_low", "at most", "stay_high"),)

    stay_low: WholeWeeks = field(8, "shortest stay before creditors get machines", high=520)
    stay_high: WholeWeeks = field(26, "longest stay before creditors get machines", high=520)
    removal_weeks: WholeWeeks = field(
        4, "weeks to remove machines taken without a bankruptcy", low=0, high=520
    )
    removal_cost: USDAUnit = field(800.0, "removing a GPU from its rack")
    removal_cost_asic: USDAUnit = field(60.0, "removing an ASIC from its rack")
    abandonment: Switch = field(
        True, "whether creditors give up machines whose removal or storage costs more than they would bring"
    )
    estate_cost_share: Share = field(0.05, "cost of the estate as a share of what it collects", high=0.9)
    landlord_cap_weeks: Weeks = field(52.0, "weeks of lease that a landlord may claim at most", high=520.0)
    relet_share: Share = field(0.5, "share of vacated slots that finds a new tenant")
    take_over: Switch = field(
        True, "whether a rival may take a failed borrower's site over in place, curing its arrears"
    )


class SecondaryMarket(Section):
    """The thin market for used machines."""

    open_to_policy: ClassVar[bool] = True

    rule: Annotated[str, choice(SaleRule)] = field("auction", "how a week's sales find their price")
    sell_share: Annotated[float, unit("1/week", 0.0, 1.0)] = field(
        0.125, "share of its inventory that a seller offers in a week"
    )
    reserve_share: Fraction = field(0.6, "reserve price at first as a share of the appraisal")
    patience_weeks: Weeks = field(
        26.0, "weeks over which the reserve falls to the scrap price", low=0.1, high=520.0
    )
    storage_cost: USDAUnitAndWeek = field(3.0, "storing and insuring an unsold GPU")
    storage_cost_asic: USDAUnitAndWeek = field(0.5, "storing and insuring an unsold ASIC")
    scrap_share: Share = field(0.04, "scrap price as a share of the price when new", high=0.5)
    deep_margin: Share = field(0.05, "discount on fundamental value under the rule 'deep'", high=0.9)
    impact_depth_share: Fraction = field(
        0.2,
        "sales over all units of a type that move its price by a factor e under the rule 'impact'",
        low=1e-4,
        high=100.0,
        source="C: asic.depth.share",
    )
    slot_cost_share: Fraction = field(1.0, "share of the cost of a new slot that a bidder deducts")
