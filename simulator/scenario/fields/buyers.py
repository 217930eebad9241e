"""Scenario section of the terms of secondary buyers."""

from typing import ClassVar

from hashcredit.simulator.scenario.fields.base import Section, by_kind, kind_defaults
from hashcredit.simulator.scenario.fields.types import (
    AnnualRate,
    Log,
    MillionUSD,
    Share,
    SiteClass,
    Units,
    USDAUnit,
    Weeks,
)


class BuyerTerms(Section):
    """Terms of one kind of buyer; defaults in the order operator, broker, refurbisher, scrap dealer."""

    cash: MillionUSD = by_kind((25.0, 10.0, 6.0, 8.0), "median cash in the first week", at_start=True)
    cash_log_sd: Log = by_kind(
        (1.0, 1.0, 1.0, 1.0), "standard deviation of log cash and log slots", at_start=True
    )
    refill_weeks: Weeks = by_kind(
        (52.0, 52.0, 52.0, 52.0), "weeks in which spent cash returns, by a factor e", low=1.0, high=1e4
    )
    slots_asic: Units = by_kind((2000, 3000, 3000, 0), "median free ASIC slots", at_start=True)
    slots_air: Units = by_kind((800, 400, 200, 0), "median free air-cooled slots", at_start=True)
    slots_liquid: Units = by_kind((300, 0, 0, 0), "median free liquid-cooled slots", at_start=True)
    slot_build_weeks: Weeks = by_kind(
        (104.0, 104.0, 104.0, 104.0), "weeks in which used slots are rebuilt", low=1.0, high=1e4
    )
    spread: AnnualRate = by_kind(
        (0.10, 0.18, 0.22, 0.25), "its discount rate over the market's cost of capital"
    )
    site_class: SiteClass = by_kind((2, 2, 3, 3), "site class whose power price it pays", at_start=True)
    margin: Share = by_kind((0.0, 0.12, 0.20, 0.0), "share of a machine's value that it keeps", high=0.95)
    moving_cost: USDAUnit = by_kind((1500.0, 800.0, 1500.0, 100.0), "freight and installation of a GPU")
    moving_cost_asic: USDAUnit = by_kind((120.0, 80.0, 150.0, 10.0), "freight and installation of an ASIC")


class Buyers(Section):
    """Terms of the four kinds of secondary buyer."""

    open_to_policy: ClassVar[bool] = True

    operator: BuyerTerms = kind_defaults(BuyerTerms, 0)
    broker: BuyerTerms = kind_defaults(BuyerTerms, 1)
    refurbisher: BuyerTerms = kind_defaults(BuyerTerms, 2)
    scrap_dealer: BuyerTerms = kind_defaults(BuyerTerms, 3)
