"""The outsiders' owners: fresh money with a lag, distributions of excess cash, new slots at a finite rate."""

import math

from hashcredit.agents.compiled import kernel
from hashcredit.agents.dimensions import BuyerKind, Record
from hashcredit.simulator.books.ledger import free_slots, pay
from hashcredit.simulator.state.economy import Economy
from hashcredit.simulator.state.tables import Flow


@kernel
def refill_buyer(economy: Economy, p: Record, k: int) -> None:
    """Fresh money comes with a lag, excess cash is distributed, free slots are built at a finite rate."""
    buyer = economy.buyers[k]
    gap = buyer.cash_target - buyer.cash
    world = economy.world[0]
    if gap > 0.0:
        fresh = gap / p.buyers_refill_weeks[buyer.kind]
        pay(economy, Flow.EQUITY_INJECTIONS, world, buyer, fresh)
        buyer.issuance += fresh
    elif gap < 0.0:
        pay(economy, Flow.DISTRIBUTIONS, buyer, world, -gap)
        buyer.distributions -= gap
    if buyer.kind == BuyerKind.SCRAP_DEALER:
        return
    for cooling in range(buyer.slots.shape[0]):
        target = buyer.slots_target[cooling]
        if target == 0 or free_slots(buyer, cooling) >= target:
            continue
        buyer.slot_credit[cooling] += target / p.buyers_slot_build_weeks[buyer.kind]
        built = math.floor(buyer.slot_credit[cooling])
        buyer.slot_credit[cooling] -= built
        buyer.slots[cooling] += built
        economy.market[0].slots_built += built


@kernel
def refill_buyers(economy: Economy, p: Record) -> None:
    """Every outsider's own account at the end of the week."""
    for k in range(economy.buyers.shape[0]):
        refill_buyer(economy, p, k)
