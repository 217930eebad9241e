"""Scenario section of what borrowers do with free cash."""

from typing import ClassVar

from hashcredit.simulator.scenario.fields.base import CHOICE, Section, field
from hashcredit.simulator.scenario.fields.types import (
    AnnualRate,
    Delay,
    Fraction,
    GradeShares,
    PerYear,
    Share,
    Switch,
    Weeks,
    WholeWeeks,
)


class Investment(Section):
    """What borrowers do with free cash."""

    open_to_policy: ClassVar[bool] = True

    buffer_weeks: Weeks = field(13.0, "weeks of fixed costs and debt service kept in cash", high=260.0)
    decision_weeks: WholeWeeks = field(13, "weeks between two investment decisions of a borrower", high=260)
    spend_share: Share = field(0.6, "share of free cash above the buffer that is invested")
    hurdle: Fraction = field(0.05, "value over cost that an investment must exceed", low=-0.5)
    # The middle of what dated facts leave of .25 to 8; before that a choice of .5.
    growth_cap: PerYear = field(
        2.6,
        "new slots a year as a share of a borrower's own slots",
        high=10.0,
        source="D: hindcast.growth_cap",
    )
    lead_weeks: Delay = field(
        17,
        "weeks between the order of a new GPU and its arrival; 0: bought on the spot",
        source="D: iren.dell.lead",
    )
    lead_weeks_asic: Delay = field(
        18,
        "weeks between the order of a new ASIC and its arrival; 0: bought on the spot",
        source="D: asic.order.lead",
    )
    deposit_share: Share = field(0.1, "share of the price of a new GPU that is paid with the order")
    deposit_share_asic: Share = field(
        0.1, "share of the price of a new ASIC that is paid with the order", source="D: asic.order.deposit"
    )
    hold_weeks: WholeWeeks = field(
        4,
        "weeks that the vendor holds machines for a buyer who cannot take them when they arrive",
        low=0,
        high=52,
    )
    commitment_fee: AnnualRate = field(
        0.004,
        "fee on a loan promised for machines on order, until they arrive",
        high=0.1,
        source="S: iren.gpufin.commitment_fee",
    )
    search_weeks: Weeks = field(
        13.0, "mean time until machines without a customer find one", low=0.1, high=520.0
    )
    recontract: Switch = field(
        True, "machines without a customer look for one, and contracts that end are renewed"
    )
    prepayment: GradeShares = field(
        (0.33, 0.0, 0.0, 0.0),
        "part of the price of machines on order that the customer pays in advance, by its grade, best first",
        source=("D: iren.gpufin.prepayment", *(f"C: {CHOICE}",) * 3),
    )
    vendor_loan: Share = field(
        # CoreWeave owed 1.73 of 11.17 bn USD to vendors (crwv.oem_fin.share), which says nothing of other
        # borrowers, or of the price of a machine. From 0 to .3 is worth trying.
        0.0,
        "share of the price of a new machine that its vendor lends where lenders leave a lack; 0: none",
    )
    vendor_rate: AnnualRate = field(0.095, "interest of such a loan", high=0.5, source="P: crwv.oem_fin.rate")
    vendor_weeks: WholeWeeks = field(
        104,
        "weeks after delivery in which such a loan is repaid, in level instalments",
        low=1,
        high=520,
        source="D: crwv.oem_fin.weeks",
    )
    contract_weeks: WholeWeeks = field(156, "length of a new rental contract")
    used_share: Share = field(0.5, "share of free cash that a peer may bid for used machines")
