"""Machines as collateral: what a creditor expects their sale to fetch, and to cost."""

from hashcredit.agents.compiled import kernel
from hashcredit.agents.dimensions import MachineKind, Record
from hashcredit.simulator.state.economy import Economy

BOTTOMLESS = 1e15
"""Depth, in machines, of a market in which sales move nothing."""


@kernel
def sales_move_prices(p: Record) -> bool:
    """Whether `channels.fire_sale` is on; off, any number of machines is sold and marked at orderly value."""
    return p.channels_fire_sale != 0


@kernel
def existing_units(machine: Record) -> int:
    """Machines of a type that exist anywhere."""
    return machine.opening_units + machine.delivered - machine.scrapped


@kernel
def sale_depth(economy: Economy, p: Record, m: int) -> float:
    """Units of type `m` whose sale moves its price by 1/e, as creditors believe."""
    if not sales_move_prices(p):
        return BOTTOMLESS
    return max(1.0, p.secondary_market_impact_depth_share * existing_units(economy.machines[m]))


@kernel
def sale_ratio(p: Record) -> float:
    """What a creditor expects of a sale over the appraisal, a fraction; all of it where sales are orderly."""
    return p.marking_forced_sale_ratio if sales_move_prices(p) else 1.0


@kernel
def forced_sale_price(economy: Economy, p: Record, m: int) -> float:
    """What a creditor expects of the sale of a machine of type `m` that it has seized, M$ a unit."""
    return sale_ratio(p) * economy.machines[m].appraisal


@kernel
def removal_cost(p: Record, kind: int) -> float:
    """Cost (M$ a unit) of taking a repossessed machine out of its rack."""
    if kind == MachineKind.ASIC:
        return p.resolution_removal_cost_asic
    return p.resolution_removal_cost


@kernel
def storage_cost(p: Record, kind: int) -> float:
    """Cost (M$ a unit and week) of storing a repossessed machine."""
    if kind == MachineKind.ASIC:
        return p.secondary_market_storage_cost_asic
    return p.secondary_market_storage_cost


@kernel
def is_worth_taking(economy: Economy, p: Record, m: int) -> bool:
    """Whether a pledged machine of type `m` is expected to bring more than its removal costs.

    With `resolution.abandonment` off a creditor takes whatever is pledged to it.
    """
    if p.resolution_abandonment == 0:
        return True
    return forced_sale_price(economy, p, m) > removal_cost(p, economy.machines[m].kind)


@kernel
def is_worth_keeping(economy: Economy, p: Record, m: int, weeks_held: int) -> bool:
    """Whether a seized machine of type `m` unsold for `weeks_held` weeks is worth its storage.

    Its holder expects it to wait as long again as it has waited. With `resolution.abandonment` off it is
    kept until somebody buys it.
    """
    if p.resolution_abandonment == 0:
        return True
    expected = weeks_held * storage_cost(p, economy.machines[m].kind)
    return weeks_held <= 0 or forced_sale_price(economy, p, m) > expected
