"""Who bids for used machines, how much and for how many: peers, outsiders, and the cap set by new machines.

The numbers of a sale are kept in two scratch tables of the economy, whose rows are named here.
"""

import numpy as np

from hashcredit.agents.borrower import capital_budget
from hashcredit.agents.buyer import affordable, annuity, bid
from hashcredit.agents.compiled import inlined, kernel
from hashcredit.agents.dimensions import (
    BUYER_KINDS,
    GRADES,
    SITE_CLASSES,
    BorrowerStatus,
    BuyerKind,
    MachineKind,
    Record,
)
from hashcredit.simulator.economy import Economy
from hashcredit.simulator.ledger import free_slots
from hashcredit.simulator.machines import scrap_price, value_of

NO_LIMIT = 1 << 40
"""Slots of a scrap dealer."""
# rows of Economy.indices: one column a lot, a bid, a bidder, a seller, a remembered cap or an assessment
NODE, ROW, IS_LOAN, LEFT, NEXT = 0, 1, 2, 3, 4
BIDDER, WANTED, QUEUE, CALLED, LINK, SELLER, CAPPED, ASSESSED = 5, 6, 7, 8, 9, 10, 11, 12
INDEX_ROWS = 13
# rows of Economy.numbers: one column a lot, a bid, a remembered cap or an assessment
RESERVE, PRICE, BID, CAP, CAP_SPREAD, VALUE, DEAREST, RENT, SPREAD = 0, 1, 2, 3, 4, 5, 6, 7, 8
NUMBER_ROWS = 9
CAPS = 8
"""Costs of capital for which a week's cap is remembered, for each machine kind and site class."""
OUTSIDERS = SITE_CLASSES * GRADES
"""First column of the assessments of outsiders, by kind and site class; peers are by site and grade."""
LEAST_COLUMNS = max(2 * SITE_CLASSES * CAPS, OUTSIDERS + BUYER_KINDS * SITE_CLASSES)
# rows of Economy.trades
WHO, LOT, HOW_MANY = 0, 1, 2


@kernel
def slot_cost(p: Record, cooling: int, discount: float) -> float:
    """Present value (M$) of leasing one rack slot for as long as a used machine is worth running."""
    lease = p.costs_lease[cooling] * p.costs_slot_kw[cooling]
    return p.secondary_market_slot_cost_share * lease * annuity(discount, p.valuation_horizon_years)


@kernel
def call_bidders(economy: Economy, lots: int) -> int:
    """Call the bidders that know a seller, and chain each one's links to the sellers; return how many."""
    indices = economy.indices
    called = 0
    for lot in range(lots):
        node = indices[NODE, lot]
        if economy.node_head[node] != lot:
            continue  # one of several lots of a seller stands for all
        for link in range(economy.seller_start[node], economy.seller_start[node + 1]):
            bidder = economy.seller_bidder[link]
            before = indices[LINK, bidder]
            economy.next_link[link] = before
            indices[LINK, bidder] = link
            indices[CALLED, called] = bidder
            called += before < 0  # without a jump: the processor could not foresee it
    return called


@kernel
def dismiss_bidders(economy: Economy, called: int) -> None:
    """Forget the links of the bidders called."""
    for place in range(called):
        economy.indices[LINK, economy.indices[CALLED, place]] = -1


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
def assess(economy: Economy, p: Record, m: int, mark: int, column: int, site: int, spread: float) -> None:
    """Work out, once a sale for all bidders of a column, what they think of type `m`.

    Its value and the dearest price of value in a site class at cost of capital plus `spread`, and what a
    reseller expects its customer to pay for the slot.
    """
    if economy.indices[ASSESSED, column] == mark and economy.numbers[SPREAD, column] == spread:
        return
    machine = economy.machines[m]
    economy.indices[ASSESSED, column] = mark
    economy.numbers[SPREAD, column] = spread
    economy.numbers[VALUE, column] = value_of(economy, p, m, site, spread, 0)
    economy.numbers[DEAREST, column] = new_machine_cap(economy, p, machine.kind, site, spread)
    economy.numbers[RENT, column] = slot_cost(p, machine.cooling, economy.market[0].cost_of_capital + spread)


@inlined
def peer_bid(economy: Economy, p: Record, m: int, mark: int, b: int, least: float) -> tuple[float, int]:
    """Bid (M$ a unit, at least `least`) and units wanted of a live borrower with a free slot and cash."""
    borrower = economy.borrowers[b]
    if borrower.status != BorrowerStatus.ALIVE or borrower.payables > 0.0:
        return 0.0, 0
    buffer = p.investment_buffer_weeks * borrower.obligations
    budget = capital_budget(borrower.cash, buffer, p.investment_used_share)
    if budget <= 0.0 or borrower.selling:
        return 0.0, 0
    machine = economy.machines[m]
    slots = free_slots(borrower, machine.cooling)
    if slots <= 0:
        return 0.0, 0
    column = borrower.site_class * GRADES + borrower.grade
    assess(economy, p, m, mark, column, borrower.site_class, borrower.cost_of_capital)
    value = economy.numbers[VALUE, column]
    moving = peer_moving_cost(p, machine.kind)
    price = bid(value, 0.0, 0.0, moving, value * economy.numbers[DEAREST, column])
    if price < least:
        return 0.0, 0
    return price, affordable(budget, price + moving, slots)


@inlined
def outsider_bid(economy: Economy, p: Record, m: int, mark: int, k: int, least: float) -> tuple[float, int]:
    """Bid (M$ a unit, at least `least`) and units wanted of a secondary buyer."""
    buyer = economy.buyers[k]
    machine = economy.machines[m]
    if buyer.kind == BuyerKind.SCRAP_DEALER:
        price = scrap_price(p, machine)
        if price < least:
            return 0.0, 0
        return price, affordable(buyer.cash, price, NO_LIMIT)
    slots = free_slots(buyer, machine.cooling)
    if slots <= 0 or buyer.cash <= 0.0:
        return 0.0, 0
    column = OUTSIDERS + buyer.kind * SITE_CLASSES + buyer.site_class
    assess(economy, p, m, mark, column, buyer.site_class, buyer.cost_of_capital)
    value = economy.numbers[VALUE, column]
    moving = buyer.moving_cost_asic if machine.kind == MachineKind.ASIC else buyer.moving_cost
    # whoever it resells to has to rent a slot first
    rent = 0.0 if buyer.kind == BuyerKind.OPERATOR else economy.numbers[RENT, column]
    price = bid(value, buyer.margin, rent, moving, value * economy.numbers[DEAREST, column])
    if price < least:
        return 0.0, 0
    return price, affordable(buyer.cash, price + moving, slots)


@kernel
def collect_bids(economy: Economy, p: Record, m: int, called: int, least: float) -> int:
    """Bids of `least` or more of the bidders called that can pay and host a unit; return their number."""
    mark = 1 + economy.market[0].week * economy.machines.shape[0] + m  # no other sale's
    borrowers = economy.borrowers.shape[0]
    count = 0
    for place in range(called):
        bidder = economy.indices[CALLED, place]
        if bidder < borrowers:
            price, units = peer_bid(economy, p, m, mark, bidder, least)
        else:
            price, units = outsider_bid(economy, p, m, mark, bidder - borrowers, least)
        if price > 0.0 and units > 0:
            economy.indices[BIDDER, count] = bidder
            economy.indices[WANTED, count] = units
            economy.numbers[BID, count] = price
            count += 1
    return count


@kernel
def serve_before(economy: Economy, i: int, j: int) -> bool:
    """Whether bid `i` is served before bid `j`: the higher one, of equal ones that of the earlier bidder."""
    one, other = economy.numbers[BID, i], economy.numbers[BID, j]
    return one > other or (one == other and economy.indices[BIDDER, i] < economy.indices[BIDDER, j])


@kernel
def sink(economy: Economy, place: int, count: int) -> None:
    """Let the entry at a place of the queue, a binary heap of `count` bids, sink below better ones."""
    queue = economy.indices[QUEUE]
    bid_here = queue[place]
    below = 2 * place + 1
    while below < count:
        if below + 1 < count and serve_before(economy, queue[below + 1], queue[below]):
            below += 1
        if not serve_before(economy, queue[below], bid_here):
            break
        queue[place] = queue[below]
        place = below
        below = 2 * place + 1
    queue[place] = bid_here


@kernel
def queue_bids(economy: Economy, count: int) -> None:
    """Put `count` bids into the queue."""
    for place in range(count):
        economy.indices[QUEUE, place] = place
    for place in range(count // 2 - 1, -1, -1):
        sink(economy, place, count)


@kernel
def next_bid(economy: Economy, count: int) -> int:
    """Take the best bid out of a queue of `count`."""
    best = economy.indices[QUEUE, 0]
    economy.indices[QUEUE, 0] = economy.indices[QUEUE, count - 1]
    sink(economy, 0, count - 1)
    return best
