"""Rack slots: what building, leasing and moving into one costs."""

from hashcredit.agents.buyer import annuity
from hashcredit.agents.compiled import kernel
from hashcredit.agents.dimensions import BuyerKind, MachineKind, Record
from hashcredit.simulator.state.economy import Economy


@kernel
def slot_price(p: Record, cooling: int) -> float:
    """Cost (M$) of fitting out one rack slot."""
    return p.costs_retrofit[cooling] * p.costs_slot_kw[cooling]


@kernel
def slot_rent(p: Record, cooling: int) -> float:
    """Take-or-pay lease (M$ a year) of one rack slot."""
    return p.costs_lease[cooling] * p.costs_slot_kw[cooling]


@kernel
def slot_years(p: Record, discount: float) -> float:
    """Present value (years) of one a year for as long as a used machine is worth running."""
    return annuity(discount, p.valuation_horizon_years)


@kernel
def slot_cost(p: Record, cooling: int, years: float) -> float:
    """Present value (M$) of leasing one rack slot for `years` (`slot_years`)."""
    return p.secondary_market_slot_cost_share * slot_rent(p, cooling) * years


@kernel
def slots_fetch(p: Record, loan: Record) -> float:
    """What whoever takes the slots that secure a loan pays for them, M$: a share of their cost new."""
    return p.credit_site_recovery * loan.slots * slot_price(p, loan.slot_class)


@kernel
def site_security(p: Record, loan: Record, owed: float) -> float:
    """What secures a site loan of which `owed` (M$) is claimed, M$: its slots, the customer's guarantor."""
    return slots_fetch(p, loan) + p.credit_site_backstop * owed


@kernel
def hand_to_landlord(economy: Economy, p: Record, borrower: Record, cooling: int, slots: int) -> None:
    """The landlord takes slots back; a share of them is to let again to borrowers that build."""
    market = economy.market[0]
    market.slots_closed += slots
    market.vacant[cooling] += int(p.resolution_relet_share * slots)
    borrower.slots[cooling] -= slots


@kernel
def peer_moving_cost(p: Record, kind: int) -> float:
    """What a peer pays to move and install a used machine, M$ a unit: as an operator does."""
    if kind == MachineKind.ASIC:
        return p.buyers_moving_cost_asic[BuyerKind.OPERATOR]
    return p.buyers_moving_cost[BuyerKind.OPERATOR]
