"""Scenario sections of costs, values, resolution and the market for used machines."""

from typing import Literal, Self

from pydantic import model_validator

from hashcredit.simulator.scenario.fields.base import (
    CHOICE,
    ByCooling,
    BySiteClass,
    Section,
    quantity,
    refused,
)


class Costs(Section):
    """What it costs to hold and run machines."""

    power_price: BySiteClass = quantity(
        (0.04, 0.05, 0.065, 0.08),
        unit="USD/kWh",
        low=0.0,
        high=2.0,
        meaning="power price of the four site classes",
        source=(CHOICE, CHOICE, CHOICE, "power.price.dc"),
        evidence=("C", "C", "C", "E"),
    )
    pue_gpu: float = quantity(
        1.2,
        unit="ratio",
        low=1.0,
        high=3.0,
        meaning="power drawn by a GPU site over the power of its machines",
        source="dc.pue",
        evidence="S",
    )
    pue_asic: float = quantity(
        1.05,
        unit="ratio",
        low=1.0,
        high=3.0,
        meaning="power drawn by a mining site over the power of its machines",
        evidence="U",
    )
    upkeep: float = quantity(
        0.02,
        unit="1/yr",
        low=0.0,
        high=1.0,
        meaning="repairs and spares a year as a share of the price when new; avoided while switched off",
    )
    lease: ByCooling = quantity(
        (4.0, 110.0, 130.0),
        unit="USD/kW-month",
        low=0.0,
        high=2000.0,
        meaning="site lease without power by cooling class (ASIC, air, liquid); owed in any case",
    )
    slot_kw: ByCooling = quantity(
        (3.3, 1.4, 2.2),
        unit="kW",
        low=0.01,
        high=100.0,
        meaning="power a rack slot is built and leased for, by cooling class (ASIC, air, liquid)",
    )
    overhead_share: float = quantity(
        0.06,
        unit="fraction",
        low=0.0,
        high=1.0,
        meaning="overhead as a share of revenue at the start; fixed later",
    )
    addon: float = quantity(
        0.125,
        unit="fraction",
        low=0.0,
        high=2.0,
        meaning="network, cabling and installation of a GPU on top of the machine's price",
        source="gpu.capex.non_gpu_addon",
        evidence="E",
    )
    retrofit: ByCooling = quantity(
        (50.0, 1200.0, 4000.0),
        unit="USD/kW",
        low=0.0,
        high=1e5,
        meaning="cost of building a slot by cooling class (ASIC, air, liquid)",
        source=(CHOICE, CHOICE, "gpu.retrofit.cost.kw"),
        evidence="C",
    )


class Valuation(Section):
    """How agents value a machine that they may switch off."""

    trend: float = quantity(
        0.10,
        unit="1/yr",
        low=-0.3,
        high=0.6,
        meaning="annual log fall of GPU rents that a valuer expects between launches",
    )
    volatility: float = quantity(
        0.30,
        unit="1/yr^0.5",
        low=0.0,
        high=1.0,
        meaning="annual volatility of GPU rents that a valuer expects",
    )
    volatility_asic: float = quantity(
        0.50,
        unit="1/yr^0.5",
        low=0.0,
        high=1.0,
        meaning="annual volatility of hashprice that a valuer expects: that of BTC",
        source="btc.vol.annual",
        evidence="S",
    )
    horizon_years: float = quantity(
        6.0, unit="years", low=0.25, high=10.0, meaning="longest remaining life that a valuer counts"
    )
    launch_belief: float = quantity(
        1.0,
        unit="probability",
        low=0.0,
        high=1.0,
        meaning="probability that a valuer gives to an announced launch",
    )
    appraiser_spread: float = quantity(
        0.08,
        unit="1/yr",
        low=0.0,
        high=0.5,
        meaning="appraiser's discount rate over the market's cost of capital",
    )
    appraiser_site_class: int = quantity(
        2, unit="none", low=0, high=3, meaning="site class whose power price the appraiser assumes"
    )
    appraiser_site_class_asic: int = quantity(
        1, unit="none", low=0, high=3, meaning="site class whose power price the appraiser of ASICs assumes"
    )
    refresh_weeks: int = quantity(
        4, unit="weeks", low=1, high=52, meaning="weeks between two computations of income values"
    )


class Marking(Section):
    """How fast appraisals follow trades and income."""

    market_weight: float = quantity(
        0.5,
        unit="fraction",
        low=0.0,
        high=1.0,
        meaning="weight of the week's trades in the appraisal, deep market",
    )
    income_weight: float = quantity(
        0.05,
        unit="fraction",
        low=0.0,
        high=1.0,
        meaning="weight of the income value in the appraisal, a week",
    )
    depth_units: float = quantity(
        500.0,
        unit="units",
        low=0.0,
        high=1e7,
        meaning="units traded in a week at which trades get half of their weight",
    )
    forced_sale_ratio: float = quantity(
        0.75,
        unit="ratio",
        low=0.0,
        high=1.0,
        meaning="forced-sale over appraised value that creditors assume when they write a claim down",
        source="equip.flv_over_olv",
        evidence="E",
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.market_weight + self.income_weight > 1.0:
            raise refused("income_weight", self.income_weight, "market_weight + income_weight of at most 1")
        return self


class Resolution(Section):
    """What happens between a default and a sale, and what it costs."""

    stay_low: int = quantity(
        8, unit="weeks", low=1, high=520, meaning="shortest stay before creditors get machines"
    )
    stay_high: int = quantity(
        26, unit="weeks", low=1, high=520, meaning="longest stay before creditors get machines"
    )
    removal_weeks: int = quantity(
        4, unit="weeks", low=0, high=520, meaning="weeks to remove machines taken without a bankruptcy"
    )
    removal_cost: float = quantity(
        800.0, unit="USD/unit", low=0.0, high=1e5, meaning="removing a GPU from its rack"
    )
    removal_cost_asic: float = quantity(
        60.0, unit="USD/unit", low=0.0, high=1e5, meaning="removing an ASIC from its rack"
    )
    estate_cost_share: float = quantity(
        0.05, unit="fraction", low=0.0, high=0.9, meaning="cost of the estate as a share of what it collects"
    )
    landlord_cap_weeks: float = quantity(
        52.0, unit="weeks", low=0.0, high=520.0, meaning="weeks of lease that a landlord may claim at most"
    )
    relet_share: float = quantity(
        0.5, unit="fraction", low=0.0, high=1.0, meaning="share of vacated slots that finds a new tenant"
    )
    take_over: bool = quantity(
        True,
        unit="none",
        meaning="whether a rival may take a failed borrower's site over in place, curing its arrears",
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.stay_low > self.stay_high:
            raise refused("stay_low", self.stay_low, f"at most stay_high = {self.stay_high}")
        return self


class SecondaryMarket(Section):
    """The thin market for used machines."""

    rule: Literal["auction", "impact", "deep"] = quantity(
        "auction", unit="none", meaning="how a week's sales find their price"
    )
    sell_share: float = quantity(
        0.125,
        unit="1/week",
        low=0.0,
        high=1.0,
        meaning="share of its inventory that a seller offers in a week",
    )
    reserve_share: float = quantity(
        0.6, unit="fraction", low=0.0, high=2.0, meaning="reserve price at first as a share of the appraisal"
    )
    patience_weeks: float = quantity(
        26.0,
        unit="weeks",
        low=0.1,
        high=520.0,
        meaning="weeks over which the reserve falls to the scrap price",
    )
    storage_cost: float = quantity(
        3.0, unit="USD/unit-week", low=0.0, high=1000.0, meaning="storing and insuring an unsold GPU"
    )
    storage_cost_asic: float = quantity(
        0.5, unit="USD/unit-week", low=0.0, high=1000.0, meaning="storing and insuring an unsold ASIC"
    )
    scrap_share: float = quantity(
        0.04, unit="fraction", low=0.0, high=0.5, meaning="scrap price as a share of the price when new"
    )
    deep_margin: float = quantity(
        0.05,
        unit="fraction",
        low=0.0,
        high=0.9,
        meaning="discount on fundamental value under the rule 'deep'",
    )
    impact_depth_share: float = quantity(
        0.2,
        unit="fraction",
        low=1e-4,
        high=100.0,
        meaning="sales over all units of a type that move its price by a factor e under the rule 'impact'",
        source="asic.depth.share",
        evidence="C",
    )
    slot_cost_share: float = quantity(
        1.0,
        unit="fraction",
        low=0.0,
        high=2.0,
        meaning="share of the cost of a new slot that a bidder deducts",
    )
