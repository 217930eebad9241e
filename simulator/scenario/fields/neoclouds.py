"""Scenario section of the balance sheets of GPU clouds."""

from typing import ClassVar

from hashcredit.simulator.scenario.fields.base import InOrder, Section, field
from hashcredit.simulator.scenario.fields.borrowers import (
    BondProbability,
    BondShare,
    CashSpread,
    CashWeeks,
    ConvertibleShare,
    FreeSlotShare,
    SiteClasses,
)
from hashcredit.simulator.scenario.fields.types import (
    GradeWeights,
    Log,
    MachineWeights,
    MillionUSD,
    PerYear,
    Ratio,
    Share,
)


class Neoclouds(Section):
    """Balance sheets of GPU clouds in the first week."""

    in_order: ClassVar[InOrder] = (
        ("contracted_low", "at most", "contracted_high"),
        ("contract_premium_low", "at most", "contract_premium_high"),
    )

    fleet_median: MillionUSD = field(80.0, "median fleet of a neo-cloud at new prices", low=1e-3)
    fleet_log_sd: Log = field(1.0, "standard deviation of the log fleet over neo-clouds")
    gpu_shares: MachineWeights = field(
        {"A100": 0.10, "H100": 0.40, "H200": 0.20, "B200": 0.22, "B300": 0.08},
        "weights of GPU types in a neo-cloud's fleet at new prices",
    )
    mix_log_sd: Log = field(
        0.8, "log spread of each GPU type's weight between fleets (miners' GPU fleets too)"
    )
    fleet_growth: PerYear = field(
        0.66,
        "growth until the first week, by which ages of machines and machines on order go; 0: uniform ages, "
        "nothing on order (miners' GPU fleets too)",
        high=5.0,
        source="D: crwv.debt.growth",
    )
    contracted_low: Share = field(0.3, "lowest share of a fleet let under contracts")
    contracted_high: Share = field(0.9, "highest share of a fleet let under contracts")
    # Index when signed, times what three years were expected to leave of it on average (.64), over today's
    # index: 1.70 x .64 / 2.35 (October 2025) to 4.70 x .64 / 2.35 (March 2023).
    contract_premium_low: Ratio = field(
        0.46,
        "lowest rent of a running contract over the index in the first week",
        low=0.1,
        high=10.0,
        source="D: gpu.contract.rent.low",
    )
    contract_premium_high: Ratio = field(
        1.28,
        "highest rent of a running contract over the index in the first week",
        low=0.1,
        high=10.0,
        source="D: gpu.contract.rent.high",
    )
    offtaker_shares: GradeWeights = field(
        (0.35, 0.25, 0.25, 0.15), "weights of customers' grades, best first"
    )
    # .03 of assets in convertibles and .04 in high yield: .51 * .14 * .42 and .51 * .14 * .58.
    bond_probability: BondProbability = field(0.51)
    bond_share: BondShare = field(0.14)
    convertible_share: ConvertibleShare = field(0.42)
    cash_weeks: CashWeeks = field(20.0)
    cash_log_sd: CashSpread = field(0.5)
    site_class_shares: SiteClasses = field((0.0, 0.2, 0.4, 0.4))
    free_slot_share: FreeSlotShare = field(0.10)
    grade_shares: GradeWeights = field(
        (0.2, 0.3, 0.3, 0.2), "weights of the neo-clouds' own grades, best first"
    )
