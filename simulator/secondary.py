"""Phase 9: the thin market for used machines.

Each week, and for each machine type, sellers put lots on sale (seized collateral, estates, distressed
borrowers). Linked bidders bid within cash and free slots. `auction`: bids are served best first, equal
ones in the order of the tables; a bidder takes from the linked lots with the lowest reservation price
first. Every lot clears at one price, the lowest bid that it accepted, so nobody pays more than its bid
and no seller gets less than its reservation price. Units without a bid stay: unsold is a quantity,
never a price. `deep` and `impact` sell everything at a formula price to outsiders with elastic means.
"""

import math

import numpy as np

from hashcredit.agents.borrower import capital_budget
from hashcredit.agents.buyer import affordable, annuity, bid
from hashcredit.agents.compiled import kernel
from hashcredit.agents.dimensions import (
    SITE_CLASSES,
    BorrowerStatus,
    BuyerKind,
    Channel,
    MachineKind,
)
from hashcredit.agents.lender import reservation_price, weekly_quota
from hashcredit.simulator.credit import sale_depth
from hashcredit.simulator.default import apply_collateral
from hashcredit.simulator.events import note
from hashcredit.simulator.ledger import pay, revalue, take_units
from hashcredit.simulator.machines import orderly_value, scrap_price, value_of
from hashcredit.simulator.operations import facilities_of
from hashcredit.simulator.tables import EventKind, Flow, Revaluation, Sector

NO_LIMIT = 1 << 40
"""Slots of a scrap dealer."""
AUCTION, IMPACT, DEEP = 0, 1, 2
"""Codes of `secondary_market.rule`."""

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
def free_slots(holder, machines, cooling):
    """Rack slots of a class that an owner leases and does not use."""
    used = 0
    for m in range(machines.shape[0]):
        if machines[m].cooling == cooling:
            used += holder.units[m]
    return holder.slots[cooling] - used


@kernel
def slot_cost(p, cooling, discount):
    """Present value (M$) of leasing one rack slot for as long as a used machine is worth running."""
    lease = p.costs_lease[cooling] * p.costs_slot_kw[cooling]
    return p.secondary_market_slot_cost_share * lease * annuity(discount, p.valuation_horizon_years)


@kernel
def add_lot(economy, p, m, lots, node, row, is_loan, units, weeks_held):
    """Put a lot on sale; return the new number of lots."""
    machine = economy.machines[m]
    quota = weekly_quota(units, p.secondary_market_sell_share)
    index = economy.indices
    index[NODE, lots] = node
    index[ROW, lots] = row
    index[IS_LOAN, lots] = is_loan
    index[LEFT, lots] = quota
    index[NEXT, lots] = economy.node_head[node]
    economy.node_head[node] = lots
    economy.numbers[RESERVE, lots] = reservation_price(
        machine.appraisal,
        scrap_price(p, machine),
        p.secondary_market_reserve_share,
        weeks_held,
        p.secondary_market_patience_weeks,
    )
    machine.offered += quota
    return lots + 1


@kernel
def list_sellers(economy):
    """Collect the borrowers whose machines are for sale, by themselves or their creditors; count units."""
    for m in range(economy.machines.shape[0]):
        economy.machines[m].inventory = 0
    count = 0
    for b in range(economy.borrowers.shape[0]):
        borrower = economy.borrowers[b]
        if borrower.status == BorrowerStatus.RESOLVED:
            continue
        units = 0
        for m in range(economy.machines.shape[0]):
            units += borrower.offered[m]
            economy.machines[m].inventory += borrower.offered[m]
        if borrower.status == BorrowerStatus.IN_RESOLUTION:
            first, last = facilities_of(economy, b)
            for row in range(first, last):
                loan = economy.loans[row]
                if loan.seized > 0:
                    units += loan.seized
                    economy.machines[loan.machine].inventory += loan.seized
        if units > 0:
            economy.indices[SELLER, count] = b
            count += 1
    return count


@kernel
def open_lots(economy, p, m, sellers):
    """Collect the week's lots of type `m`; return their number."""
    lots = 0
    borrowers = economy.borrowers.shape[0]
    week = economy.market[0].week
    for place in range(sellers):
        b = economy.indices[SELLER, place]
        borrower = economy.borrowers[b]
        in_resolution = borrower.status == BorrowerStatus.IN_RESOLUTION
        if borrower.offered[m] > 0:
            held = week - borrower.release_week if in_resolution else 0
            lots = add_lot(economy, p, m, lots, b, b, 0, borrower.offered[m], held)
        if in_resolution:
            first, last = facilities_of(economy, b)
            for row in range(first, last):
                loan = economy.loans[row]
                if loan.machine == m and loan.seized > 0:
                    node = borrowers + loan.holder
                    lots = add_lot(economy, p, m, lots, node, row, 1, loan.seized, loan.weeks_held)
    return lots


@kernel
def close_lots(economy, lots):
    """Forget the lots of a type."""
    for lot in range(lots):
        economy.node_head[economy.indices[NODE, lot]] = -1


@kernel
def reach_bidders(economy, m, lots):
    """Mark the bidders that are linked to a seller of type `m`; return this sale's mark."""
    mark = 1 + economy.market[0].week * economy.machines.shape[0] + m
    for lot in range(lots):
        node = economy.indices[NODE, lot]
        for link in range(economy.seller_start[node], economy.seller_start[node + 1]):
            economy.indices[REACHED, economy.seller_bidder[link]] = mark
    return mark


@kernel
def dearest_value(economy, p, kind, site, spread):
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
def new_machine_cap(economy, p, kind, site, spread):
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
def peer_moving_cost(p, kind):
    """What a peer pays to move and install a used machine, M$ a unit: as an operator does."""
    if kind == MachineKind.ASIC:
        return p.buyers_moving_cost_asic[BuyerKind.OPERATOR]
    return p.buyers_moving_cost[BuyerKind.OPERATOR]


@kernel
def peer_bid(economy, p, m, b):
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
def outsider_bid(economy, p, m, k):
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
def collect_bids(economy, p, m, mark):
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


@kernel
def cheapest_lot(economy, bidder, price):
    """The linked lot with units left and the lowest reservation price not above a bid; -1 if none."""
    best = -1
    for link in range(economy.trade_start[bidder], economy.trade_start[bidder + 1]):
        lot = economy.node_head[economy.trade_seller[link]]
        while lot >= 0:
            reserve = economy.numbers[RESERVE, lot]
            if economy.indices[LEFT, lot] > 0 and reserve <= price:
                if best < 0 or reserve < economy.numbers[RESERVE, best]:
                    best = lot
            lot = economy.indices[NEXT, lot]
    return best


@kernel
def match(economy, bids, left):
    """Serve bids best first while units are `left`; return the number of trades, prices are in the lots."""
    order = np.argsort(-economy.numbers[BID, :bids], kind="mergesort")
    trades = 0
    for place in range(bids):
        if left == 0:
            break
        i = order[place]
        bidder = economy.indices[BIDDER, i]
        wanted = economy.indices[WANTED, i]
        price = economy.numbers[BID, i]
        while wanted > 0:
            lot = cheapest_lot(economy, bidder, price)
            if lot < 0:
                break
            units = min(wanted, economy.indices[LEFT, lot])
            economy.indices[LEFT, lot] -= units
            economy.numbers[PRICE, lot] = price  # bids fall: the last one accepted is the lowest
            economy.trades[WHO, trades] = bidder
            economy.trades[LOT, trades] = lot
            economy.trades[HOW_MANY, trades] = units
            trades += 1
            wanted -= units
            left -= units
    return trades


@kernel
def hand_over(economy, lot, m, units, buyer, amount):
    """Move a lot's units and money: to the claim of a seized lot, to the owner of any other."""
    row = economy.indices[ROW, lot]
    if economy.indices[IS_LOAN, lot]:
        loan = economy.loans[row]
        lender = economy.lenders[loan.holder]
        pay(economy, Flow.USED_MACHINES, buyer, lender, amount)
        paper = loan.paper_value * units / loan.seized
        loan.paper_value -= paper
        loan.seized -= units
        lender.units[m] -= units
        economy.market[0].paper_sold += paper
        economy.market[0].proceeds_sold += amount
        apply_collateral(economy, row, amount)
    else:
        owner = economy.borrowers[row]
        pay(economy, Flow.USED_MACHINES, buyer, owner, amount)
        owner.offered[m] -= units
        revalue(economy, Revaluation.MACHINE_SALES, owner, amount - take_units(owner, m, units))


@kernel
def receive(economy, m, units, buyer, amount, moving):
    """Put bought units on the buyer's books and pay for moving them."""
    buyer.units[m] += units
    buyer.book[m] += amount
    pay(economy, Flow.MOVING, buyer, economy.world[0], units * moving)


@kernel
def scrap(economy, m, units, dealer, amount):
    """A scrap dealer breaks the machines up and sells the parts for what it paid."""
    economy.machines[m].scrapped += units
    pay(economy, Flow.USED_MACHINES, economy.world[0], dealer, amount)


@kernel
def note_sale(economy, m, lot, bidder, units, amount):
    """Volume, trigger and event of one sale."""
    machine = economy.machines[m]
    machine.traded += units
    machine.traded_value += amount
    row = economy.indices[ROW, lot]
    owner = row
    seller_sector = economy.borrowers[row].sector if not economy.indices[IS_LOAN, lot] else 0
    seller = row
    if economy.indices[IS_LOAN, lot]:
        owner = economy.loans[row].obligor
        seller = economy.loans[row].holder
        seller_sector = Sector.LENDERS
    parent = economy.borrowers[owner].default_event
    machine.trigger = parent
    borrowers = economy.borrowers.shape[0]
    other_sector = Sector.BUYERS.value
    other = bidder - borrowers
    if bidder < borrowers:
        other_sector = economy.borrowers[bidder].sector
        other = bidder
    note(economy, EventKind.SALE, seller_sector, seller, other_sector, other, m, units, amount,
         amount / units, 0, Channel.NONE, parent)  # fmt: skip


@kernel
def settle(economy, p, m, trades):
    """Execute the trades, every lot at its own single price."""
    borrowers = economy.borrowers.shape[0]
    asic = economy.machines[m].kind == MachineKind.ASIC
    for t in range(trades):
        bidder = economy.trades[WHO, t]
        lot = economy.trades[LOT, t]
        units = economy.trades[HOW_MANY, t]
        amount = units * economy.numbers[PRICE, lot]
        note_sale(economy, m, lot, bidder, units, amount)
        if bidder < borrowers:
            peer = economy.borrowers[bidder]
            hand_over(economy, lot, m, units, peer, amount)
            receive(economy, m, units, peer, amount, peer_moving_cost(p, economy.machines[m].kind))
        else:
            buyer = economy.buyers[bidder - borrowers]
            hand_over(economy, lot, m, units, buyer, amount)
            if buyer.kind == BuyerKind.SCRAP_DEALER:
                scrap(economy, m, units, buyer, amount)
            else:
                receive(economy, m, units, buyer, amount, buyer.moving_cost_asic if asic else buyer.moving_cost)


@kernel
def formula_price(economy, p, m, units):
    """Price of a market with elastic outsiders: orderly value less a margin, or exponential depth."""
    orderly = orderly_value(economy, p, m)
    if p.secondary_market_rule == IMPACT and p.channels_fire_sale:
        depth = sale_depth(economy, p, m)
        return orderly * depth / units * (1.0 - math.exp(-units / depth))
    if p.secondary_market_rule == DEEP:
        return orderly * (1.0 - p.secondary_market_deep_margin)
    return orderly


@kernel
def sell_to_elastic_outsider(economy, p, m, lots):
    """`deep` and `impact`: the first outsider takes every lot; money and slots flow in as needed."""
    if economy.buyers.shape[0] == 0:
        return
    buyer = economy.buyers[0]
    cooling = economy.machines[m].cooling
    price = formula_price(economy, p, m, economy.machines[m].offered)
    if price <= 0.0:
        return
    for lot in range(lots):
        units = economy.indices[LEFT, lot]
        amount = units * price
        pay(economy, Flow.EQUITY_INJECTIONS, economy.world[0], buyer, amount)
        buyer.issuance += amount
        buyer.slots[cooling] += units
        economy.market[0].slots_built += units
        note_sale(economy, m, lot, economy.borrowers.shape[0], units, amount)
        hand_over(economy, lot, m, units, buyer, amount)
        receive(economy, m, units, buyer, amount, 0.0)


@kernel
def trade_machines(economy, p):
    """Phase 9 for every machine type that has a seller."""
    elastic = p.secondary_market_rule != AUCTION or not p.channels_fire_sale
    sellers = list_sellers(economy)
    for m in range(economy.machines.shape[0]):
        machine = economy.machines[m]
        machine.traded = 0
        machine.traded_value = 0.0
        machine.offered = 0
        if machine.inventory == 0:
            continue
        lots = open_lots(economy, p, m, sellers)
        if elastic:
            sell_to_elastic_outsider(economy, p, m, lots)
        else:
            bids = collect_bids(economy, p, m, reach_bidders(economy, m, lots))
            settle(economy, p, m, match(economy, bids, machine.offered))
        close_lots(economy, lots)
