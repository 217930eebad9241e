"""Secondary buyers (operators, brokers, refurbishers, scrap dealers): what a row holds, how they bid."""

import math

from hashcredit.agents.compiled import kernel
from hashcredit.agents.dimensions import COOLING_CLASSES, MACHINE_TYPES, row

BUYER = row(
    [
        ("kind", "i1"),  # BuyerKind
        ("sector", "u1"),  # its column in the flow matrix
        ("site_class", "i1"),  # which power price it pays
        ("cost_of_capital", "f8"),  # its discount rate over the market's cost of capital, per year
        ("margin", "f8"),  # share of value it keeps for itself, fraction
        ("moving_cost", "f8"),  # freight, refurbishment and installation, M$ a GPU
        ("moving_cost_asic", "f8"),  # the same, M$ an ASIC
        ("cash", "f8"),  # M$
        ("cash_target", "f8"),  # M$; refilled towards it with a lag, distributed above it
        ("units", "i8", (MACHINE_TYPES,)),  # machines owned and racked
        ("book", "f8", (MACHINE_TYPES,)),  # book value of all units of a type, M$
        ("slots", "i8", (COOLING_CLASSES,)),  # rack slots, occupied or free
        ("racked", "i8", (COOLING_CLASSES,)),  # machines that occupy them
        ("slots_target", "i8", (COOLING_CLASSES,)),  # free slots it rebuilds towards
        ("slot_credit", "f8", (COOLING_CLASSES,)),  # fraction of the next slot already built
        ("opening_equity", "f8"),  # M$
        ("income", "f8"),  # cumulative profit and loss, M$
        ("issuance", "f8"),  # cumulative equity received, M$
        ("distributions", "f8"),  # cumulative equity paid out, M$
    ]
)


@kernel
def bid(value: float, margin: float, slot_cost: float, moving_cost: float, cap: float) -> float:
    """Bid (M$ a unit): value less the bidder's margin, slot and moving cost, never above the cap.

    The cap is what the same service costs in new machines; a bid of zero or less is no bid.
    """
    return min(value * (1.0 - margin), cap) - slot_cost - moving_cost


@kernel
def annuity(discount: float, years: float) -> float:
    """Present value of one a year, paid continuously, for `years` at `discount` a year."""
    if abs(discount) < 1e-12:
        return years
    return (1.0 - math.exp(-discount * years)) / discount


@kernel
def affordable(budget: float, price: float, free_slots: int) -> int:
    """Whole machines that fit a budget (M$) at a price (M$ a unit, all in) and the free slots."""
    if budget <= 0.0 or free_slots <= 0:
        return 0
    if price <= 0.0:
        return free_slots
    return int(min(float(free_slots), budget / price))
