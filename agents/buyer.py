"""Secondary buyers (operators, brokers, refurbishers, scrap dealers): what a row holds, how they bid."""

import math

from hashcredit.agents.compiled import kernel
from hashcredit.agents.dimensions import COOLING_CLASSES, BuyerKind, Cooling
from hashcredit.agents.rows import MACHINES, Column, row

BUYER = row(
    Column("kind", "i1", "operator, broker, refurbisher or scrap dealer", codes=BuyerKind),
    Column("sector", "u1", "its column in the flow matrix", hidden=True),
    Column("site_class", "i1", "which power price it pays"),
    Column("cost_of_capital", "f8", "discount rate over the market's cost of capital", "1/yr", term="spread"),
    Column("margin", "f8", "share of value it keeps for itself", "fraction", term="margin"),
    Column("moving_cost", "f8", "freight, refurbishment and installation", "M$ a GPU", term="moving_cost"),
    Column("moving_cost_asic", "f8", "the same", "M$ an ASIC", term="moving_cost_asic"),
    Column("cash", "f8", "cash", "M$"),
    Column("cash_target", "f8", "refilled towards it with a lag, distributed above it", "M$"),
    Column("units", "i8", "machines owned and racked", by=MACHINES),
    Column("book", "f8", "book value of all units of a type", "M$", by=MACHINES),
    Column("slots", "i8", "rack slots, occupied or free", by=Cooling),
    Column("racked", "i8", "machines that occupy them", by=Cooling),
    Column("slots_target", "i8", "free slots it rebuilds towards", by=Cooling),
    Column("slot_credit", "f8", "part of the next slot that is built", shape=(COOLING_CLASSES,), hidden=True),
    Column("opening_equity", "f8", "book equity in the opening", "M$"),
    Column("income", "f8", "cumulative profit and loss", "M$"),
    Column("issuance", "f8", "cumulative equity received", "M$"),
    Column("distributions", "f8", "cumulative equity paid out", "M$"),
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
