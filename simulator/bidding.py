"""Who bids for used machines, how much and for how many: peers, outsiders, and the cap set by new machines.

The numbers of a sale are kept in two scratch tables of the economy, whose rows are named here.
"""

import numpy as np

from hashcredit.agents.borrower import capital_budget
from hashcredit.agents.buyer import affordable, annuity, bid
from hashcredit.agents.compiled import kernel
from hashcredit.agents.dimensions import (
    SITE_CLASSES,
    BorrowerStatus,
    BuyerKind,
    MachineKind,
    Record,
)
from hashcredit.simulator.economy import Economy
from hashcredit.simulator.machines import scrap_price, value_of

NO_LIMIT = 1 << 40
"""Slots of a scrap dealer."""
# rows of Economy.indices: one column a lot, a bid, a bidder, a seller or a remembered cap
NODE, ROW, IS_LOAN, LEFT, NEXT = 0, 1, 2, 3, 4
BIDDER, WANTED, REACHED, SELLER, CAPPED = 5, 6, 7, 8, 9
INDEX_ROWS = 10
# rows of Economy.numbers: one column a lot, a bid or a remembered cap
RESERVE, PRICE, BID, CAP, CAP_SPREAD = 0, 1, 2, 3, 4
NUMBER_ROWS = 5
CAPS = 8
"""Costs of capital for which a week's cap is remembered, for each machine kind and site class."""
LEAST_COLUMNS = 2 * SITE_CLASSES * CAPS
# rows of Economy.trades
WHO, LOT, HOW_MANY = 0, 1, 2


@kernel
def free_slots(holder: Record, machines: np.ndarray, cooling: int) -> int:
    """Rack slots of a class that an owner leases and does not use."""
    used = 0
    for m in range(machines.shape[0]):
        if machines[m].cooling == cooling:
            used += holder.units[m]
    return holder.slots[cooling] - used


@kernel
def slot_cost(p: Record, cooling: int, discount: float) -> float:
    """Present value (M$) of leasing one rack slot for as long as a used machine is worth running."""
    lease = p.costs_lease[cooling] * p.costs_slot_kw[cooling]
    return p.secondary_market_slot_cost_share * lease * annuity(discount, p.valuation_horizon_years)


@kernel
def reach_bidders(economy: Economy, m: int, lots: int) -> int:
    """Mark the bidders that are linked to a seller of type `m`; return this sale's mark."""
    mark = 1 + economy.market[0].week * economy.machines.shape[0] + m
    for lot in range(lots):
        node = economy.indices[NODE, lot]
        for link in range(economy.seller_start[node], economy.seller_start[node + 1]):
            economy.indices[REACHED, economy.seller_bidder[link]] = mark
    return mark


@kernel
def dearest_value(economy: Economy, p: Record, kind: int, site: int, spread: float) -> float:
    """Price per unit of value of the best machine that the vendor sells: the dearest a used one may be."""
    week = economy.market[0].week
    best = np.inf
    for h in range(economy.machines.shape[0]):
        new = economy.machines[h]
        if new.used and new.kind == kind and new.launch_week <= week <= new.end_of_sale_week:
            value = value_of(economy, p, h, site, spread, p.valuation_refresh_weeks)
            if value > 0.0:
                best = min(best, new.price_new / value)
    return best


@kernel
def new_machine_cap(economy: Economy, p: Record, kind: int, site: int, spread: float) -> float:
    """`dearest_value`, worked out once a week for each kind, site class and cost of capital."""
    stamp = economy.market[0].week + 1
    group = CAPS * (kind * economy.valued_week.shape[1] + site)
    for slot in range(group, group + CAPS):
        if economy.indices[CAPPED, slot] != stamp:
            economy.indices[CAPPED, slot] = stamp
            economy.numbers[CAP_SPREAD, slot] = spread
            economy.numbers[CAP, slot] = dearest_value(economy, p, kind, site, spread)
            return economy.numbers[CAP, slot]
        if economy.numbers[CAP_SPREAD, slot] == spread:
            return economy.numbers[CAP, slot]
    return dearest_value(economy, p, kind, site, spread)


@kernel
def peer_moving_cost(p: Record, kind: int) -> float:
    """What a peer pays to move and install a used machine, M$ a unit: as an operator does."""
    if kind == MachineKind.ASIC:
        return p.buyers_moving_cost_asic[BuyerKind.OPERATOR]
    return p.buyers_moving_cost[BuyerKind.OPERATOR]


@kernel
def peer_bid(economy: Economy, p: Record, m: int, b: int) -> tuple[float, int]:
    """Bid (M$ a unit) and units wanted of a live borrower with a free slot and spare cash."""
    borrower = economy.borrowers[b]
    if borrower.status != BorrowerStatus.ALIVE or borrower.payables > 0.0:
        return 0.0, 0
    buffer = p.investment_buffer_weeks * borrower.obligations
    budget = capital_budget(borrower.cash, buffer, p.investment_used_share)
    if budget <= 0.0 or borrower.offered.sum() > 0:
        return 0.0, 0
    machine = economy.machines[m]
    slots = free_slots(borrower, economy.machines, machine.cooling)
    if slots <= 0:
        return 0.0, 0
    spread = borrower.cost_of_capital
    value = value_of(economy, p, m, borrower.site_class, spread, 0)
    moving = peer_moving_cost(p, machine.kind)
    cap = value * new_machine_cap(economy, p, machine.kind, borrower.site_class, spread)
    price = bid(value, 0.0, 0.0, moving, cap)
    return price, affordable(budget, price + moving, slots)


@kernel
def outsider_bid(economy: Economy, p: Record, m: int, k: int) -> tuple[float, int]:
    """Bid (M$ a unit) and units wanted of a secondary buyer."""
    buyer = economy.buyers[k]
    machine = economy.machines[m]
    if buyer.kind == BuyerKind.SCRAP_DEALER:
        price = scrap_price(p, machine)
        return price, affordable(buyer.cash, price, NO_LIMIT)
    slots = free_slots(buyer, economy.machines, machine.cooling)
    if slots <= 0 or buyer.cash <= 0.0:
        return 0.0, 0
    spread = buyer.cost_of_capital
    value = value_of(economy, p, m, buyer.site_class, spread, 0)
    moving = buyer.moving_cost_asic if machine.kind == MachineKind.ASIC else buyer.moving_cost
    rent = 0.0
    if buyer.kind != BuyerKind.OPERATOR:
        # whoever it resells to has to rent a slot first
        rent = slot_cost(p, machine.cooling, economy.market[0].cost_of_capital + spread)
    cap = value * new_machine_cap(economy, p, machine.kind, buyer.site_class, spread)
    price = bid(value, buyer.margin, rent, moving, cap)
    return price, affordable(buyer.cash, price + moving, slots)


@kernel
def collect_bids(economy: Economy, p: Record, m: int, mark: int) -> int:
    """Bids of all linked bidders that can pay and host at least one unit; return their number."""
    borrowers = economy.borrowers.shape[0]
    count = 0
    for bidder in range(borrowers + economy.buyers.shape[0]):
        if economy.indices[REACHED, bidder] != mark:
            continue
        if bidder < borrowers:
            price, units = peer_bid(economy, p, m, bidder)
        else:
            price, units = outsider_bid(economy, p, m, bidder - borrowers)
        if price > 0.0 and units > 0:
            economy.indices[BIDDER, count] = bidder
            economy.indices[WANTED, count] = units
            economy.numbers[BID, count] = price
            count += 1
    return count
