"""Who bids for used machines, how much and for how many: peers, outsiders, and the cap set by new machines.

What a bidder offers for a unit depends on its site class, cost of capital, margin and moving costs. Bidders
that agree in all of them form a class, and a class has one price: the market values a type once for each
class. For how many units is a bidder's own affair: its cash and its free slots decide. Owners of
outsiders refill both at a finite rate.
"""

import math

from hashcredit.agents.borrower import capital_budget
from hashcredit.agents.buyer import affordable
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
from hashcredit.simulator.books.ledger import free_slots, pay
from hashcredit.simulator.machines.earnings import (
    replacement_cost,
    scrap_price,
    value_of,
    vendor_price_cap,
)
from hashcredit.simulator.machines.slots import slot_cost, slot_years
from hashcredit.simulator.state.codes import Flow
from hashcredit.simulator.state.decisions import sound_bid
from hashcredit.simulator.state.economy import Economy

NO_LIMIT = 1 << 40
"""Slots of a scrap dealer."""
OUTSIDERS = SITE_CLASSES * GRADES
"""Where the search for an outsider's class begins; a peer's begins at its site class and grade."""
LEAST_CLASSES = OUTSIDERS + BUYER_KINDS * SITE_CLASSES


@kernel
def peer_budget(p: Record, borrower: Record) -> float:
    """Cash (M$) that a borrower may spend on used machines: not what its machines on order will take."""
    buffer = p.investment_buffer_weeks * borrower.obligations
    return capital_budget(borrower.cash - borrower.reserved, buffer, p.investment_used_share)


@kernel
def racks_free(holder: Record) -> int:
    """The classes of rack slots of which an owner has a free one, a bit each; 0 if it has none."""
    free = 0
    for cooling in range(holder.slots.shape[0]):
        if holder.slots[cooling] > holder.racked[cooling]:
            free |= 1 << cooling
    return free


@inlined
def find_class(
    economy: Economy,
    classes: int,
    hint: int,
    site: int,
    resells: int,
    scraps: int,
    spread: float,
    margin: float,
    moving_cost: float,
    moving_cost_asic: float,
) -> tuple[int, int]:
    """The class of a bidder with these traits, new if it is the first; and the number of classes now."""
    stamp = economy.clock[0].sales
    c = hint
    while economy.classes[c].stamp == stamp:
        one = economy.classes[c]
        if (
            one.spread == spread
            and one.site == site
            and one.margin == margin
            and one.moving_cost == moving_cost
            and one.moving_cost_asic == moving_cost_asic
            and one.resells == resells
            and one.scraps == scraps
        ):
            return c, classes
        c = c + 1 if c + 1 < economy.classes.shape[0] else 0
    new = economy.classes[c]
    new.stamp = stamp
    new.site = site
    new.resells = resells
    new.scraps = scraps
    new.spread = spread
    new.margin = margin
    new.moving_cost = moving_cost
    new.moving_cost_asic = moving_cost_asic
    new.first = -1
    new.hosts = 0
    new.cap_known[:] = 0
    economy.ranking[classes] = c
    return c, classes + 1


@kernel
def join_class(economy: Economy, bidder: int, c: int, free: int) -> None:
    """Put a bidder at the end of its class, and its free slots (`racks_free`) among those of the class."""
    one = economy.classes[c]
    if one.first < 0:
        one.first = bidder
    else:
        economy.next_called[one.last] = bidder
    one.last = bidder
    economy.next_called[bidder] = -1
    one.hosts |= free


@kernel
def call_peers(economy: Economy, p: Record) -> int:
    """Find the class of every live borrower with a budget and a free slot; return the number of classes."""
    classes = 0
    moving = p.buyers_moving_cost[BuyerKind.OPERATOR]
    moving_asic = p.buyers_moving_cost_asic[BuyerKind.OPERATOR]
    for b in range(economy.borrowers.shape[0]):
        borrower = economy.borrowers[b]
        if borrower.status != BorrowerStatus.ALIVE or borrower.payables > 0.0 or borrower.selling:
            continue
        free = racks_free(borrower)
        if free == 0 or peer_budget(p, borrower) <= 0.0:
            continue
        site = borrower.site_class
        c, classes = find_class(economy, classes, site * GRADES + borrower.grade, site, 0, 0,
                                borrower.cost_of_capital, 0.0, moving, moving_asic)  # fmt: skip
        join_class(economy, b, c, free)
    return classes


@kernel
def call_outsiders(economy: Economy, classes: int) -> int:
    """Find the class of every secondary buyer with cash and room; return the number of classes."""
    borrowers = economy.borrowers.shape[0]
    for k in range(economy.buyers.shape[0]):
        buyer = economy.buyers[k]
        scraps = buyer.kind == BuyerKind.SCRAP_DEALER
        free = racks_free(buyer)
        if buyer.cash <= 0.0 or not (scraps or free > 0):
            continue
        hint = OUTSIDERS + buyer.kind * SITE_CLASSES + buyer.site_class
        if scraps:  # all alike, whatever their rows say
            c, classes = find_class(economy, classes, hint, 0, 0, 1, 0.0, 0.0, 0.0, 0.0)
        else:
            resells = buyer.kind != BuyerKind.OPERATOR
            c, classes = find_class(economy, classes, hint, buyer.site_class, resells, 0,
                                    buyer.cost_of_capital, buyer.margin, buyer.moving_cost,
                                    buyer.moving_cost_asic)  # fmt: skip
        join_class(economy, borrowers + k, c, free)
    return classes


@kernel
def call_bidders(economy: Economy, p: Record) -> int:
    """List a sale's bidders by class, each class in the order of the tables; return the number of classes.

    Whoever has no means now gets none during the sale, so it is left out.
    """
    economy.clock[0].sales += 1
    return call_outsiders(economy, call_peers(economy, p))


@kernel
def class_bid(economy: Economy, p: Record, m: int, c: int) -> float:
    """What a class bids for a unit of type `m`, M$; zero or less is no bid."""
    one = economy.classes[c]
    machine = economy.machines[m]
    if one.scraps:
        one.moving = 0.0
        return scrap_price(p, machine)
    kind = machine.kind
    if not one.cap_known[kind]:
        one.cap[kind] = vendor_price_cap(economy, p, kind, one.site, one.spread)
        one.cap_known[kind] = 1
    value = value_of(economy, p, m, one.site, one.spread, 0)
    rent = 0.0
    if one.resells:
        years = slot_years(p, economy.market[0].cost_of_capital + one.spread)
        rent = slot_cost(p, machine.cooling, years)
    one.moving = one.moving_cost_asic if kind == MachineKind.ASIC else one.moving_cost
    cap = replacement_cost(economy, m, value, one.cap[kind])
    return sound_bid(economy.clock[0], economy.bidding_rule(value, one.margin, rent, one.moving, cap))


@kernel
def rank_classes(economy: Economy, p: Record, m: int, classes: int, least: float) -> int:
    """Put the classes that bid `least` or more for type `m` in order, best first; return their number.

    Of equal bids that of the class whose first bidder comes first.
    """
    cooling = economy.machines[m].cooling
    count = 0
    for rank in range(classes):
        c = economy.ranking[rank]
        one = economy.classes[c]
        if not one.scraps and (one.hosts >> cooling) & 1 == 0:
            continue
        price = class_bid(economy, p, m, c)
        if price < least or price <= 0.0:
            continue
        one.price = price
        place = count
        while place > 0 and economy.classes[economy.served[place - 1]].price < price:
            economy.served[place] = economy.served[place - 1]
            place -= 1
        economy.served[place] = c
        count += 1
    return count


@kernel
def units_wanted(economy: Economy, p: Record, m: int, bidder: int, price: float) -> int:
    """Units of type `m` that a bidder can pay and host at a price (M$ a unit, moving included)."""
    borrowers = economy.borrowers.shape[0]
    cooling = economy.machines[m].cooling
    if bidder < borrowers:
        peer = economy.borrowers[bidder]
        return affordable(peer_budget(p, peer), price, free_slots(peer, cooling))
    buyer = economy.buyers[bidder - borrowers]
    scraps = buyer.kind == BuyerKind.SCRAP_DEALER
    return affordable(buyer.cash, price, NO_LIMIT if scraps else free_slots(buyer, cooling))


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
