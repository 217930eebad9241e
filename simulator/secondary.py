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

from hashcredit.agents.compiled import kernel
from hashcredit.agents.dimensions import (
    BorrowerStatus,
    BuyerKind,
    Channel,
    MachineKind,
    Record,
)
from hashcredit.agents.lender import reservation_price, weekly_quota
from hashcredit.simulator.bidding import (
    BID,
    BIDDER,
    HOW_MANY,
    IS_LOAN,
    LEFT,
    LINK,
    LOT,
    NEXT,
    NODE,
    PRICE,
    RESERVE,
    ROW,
    SELLER,
    WANTED,
    WHO,
    call_bidders,
    collect_bids,
    dismiss_bidders,
    next_bid,
    peer_moving_cost,
    queue_bids,
)
from hashcredit.simulator.default import apply_collateral
from hashcredit.simulator.economy import Economy
from hashcredit.simulator.enforcement import sale_depth
from hashcredit.simulator.events import note
from hashcredit.simulator.ledger import pay, put_units, revalue, take_units
from hashcredit.simulator.machines import orderly_value, scrap_price
from hashcredit.simulator.operations import facilities_of
from hashcredit.simulator.tables import EventKind, Flow, Revaluation, Sector

AUCTION, IMPACT, DEEP = 0, 1, 2
"""Codes of `secondary_market.rule`."""


@kernel
def add_lot(
    economy: Economy,
    p: Record,
    m: int,
    lots: int,
    node: int,
    row: int,
    is_loan: int,
    units: int,
    weeks_held: int,
) -> int:
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
def list_sellers(economy: Economy) -> int:
    """Collect the borrowers whose machines are for sale, by themselves or their creditors; count units."""
    for m in range(economy.machines.shape[0]):
        economy.machines[m].inventory = 0
    count = 0
    for b in range(economy.borrowers.shape[0]):
        borrower = economy.borrowers[b]
        in_resolution = borrower.status == BorrowerStatus.IN_RESOLUTION
        if not (in_resolution or borrower.selling) or borrower.status == BorrowerStatus.RESOLVED:
            continue
        units = 0
        for m in range(economy.machines.shape[0]):
            units += borrower.offered[m]
            economy.machines[m].inventory += borrower.offered[m]
        if in_resolution:
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
def open_lots(economy: Economy, p: Record, m: int, sellers: int) -> int:
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
def lowest_reserve(economy: Economy, lots: int) -> float:
    """The reservation price (M$ a unit) under which no lot is sold."""
    lowest = np.inf
    for lot in range(lots):
        lowest = min(lowest, economy.numbers[RESERVE, lot])
    return lowest


@kernel
def close_lots(economy: Economy, lots: int) -> None:
    """Forget the lots of a type."""
    for lot in range(lots):
        economy.node_head[economy.indices[NODE, lot]] = -1


@kernel
def cheapest_lot(economy: Economy, bidder: int, price: float) -> int:
    """The lot with units left and the lowest reservation price, not above a bid, that a bidder knows of.

    Of equal ones that of the first seller, and of one seller's the last; -1 if there is none.
    """
    best = -1
    best_node = 0
    best_reserve = price
    link = economy.indices[LINK, bidder]
    while link >= 0:
        node = economy.link_seller[link]
        lot = economy.node_head[node]
        while lot >= 0:
            reserve = economy.numbers[RESERVE, lot]
            ahead = reserve < best_reserve or (reserve == best_reserve and (best < 0 or node < best_node))
            if ahead and economy.indices[LEFT, lot] > 0:
                best = lot
                best_node = node
                best_reserve = reserve
            lot = economy.indices[NEXT, lot]
        link = economy.next_link[link]
    return best


@kernel
def match(economy: Economy, bids: int, left: int) -> int:
    """Serve bids best first while units are `left`; return the number of trades, prices are in the lots."""
    queue_bids(economy, bids)
    trades = 0
    for waiting in range(bids, 0, -1):
        if left == 0:
            break
        i = next_bid(economy, waiting)
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
def hand_over(economy: Economy, lot: int, m: int, units: int, buyer: Record, amount: float) -> None:
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
        revalue(economy, Revaluation.MACHINE_SALES, owner, amount - take_units(economy, owner, m, units))


@kernel
def receive(economy: Economy, m: int, units: int, buyer: Record, amount: float, moving: float) -> None:
    """Put bought units on the buyer's books and pay for moving them."""
    put_units(economy, buyer, m, units, amount)
    pay(economy, Flow.MOVING, buyer, economy.world[0], units * moving)


@kernel
def scrap(economy: Economy, m: int, units: int, dealer: Record, amount: float) -> None:
    """A scrap dealer breaks the machines up and sells the parts for what it paid."""
    economy.machines[m].scrapped += units
    pay(economy, Flow.USED_MACHINES, economy.world[0], dealer, amount)


@kernel
def note_sale(economy: Economy, m: int, lot: int, bidder: int, units: int, amount: float) -> None:
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
def settle(economy: Economy, p: Record, m: int, trades: int) -> None:
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
                receive(
                    economy, m, units, buyer, amount, buyer.moving_cost_asic if asic else buyer.moving_cost
                )


@kernel
def formula_price(economy: Economy, p: Record, m: int, units: int) -> float:
    """Price of a market with elastic outsiders: orderly value less a margin, or exponential depth."""
    orderly = orderly_value(economy, p, m)
    if p.secondary_market_rule == IMPACT and p.channels_fire_sale:
        depth = sale_depth(economy, p, m)
        average = orderly * depth / units * (1.0 - math.exp(-units / depth))
        return max(average, scrap_price(p, economy.machines[m]))
    if p.secondary_market_rule == DEEP:
        return orderly * (1.0 - p.secondary_market_deep_margin)
    return orderly


@kernel
def sell_to_elastic_outsider(economy: Economy, p: Record, m: int, lots: int) -> None:
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
def trade_machines(economy: Economy, p: Record) -> None:
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
            called = call_bidders(economy, lots)
            bids = collect_bids(economy, p, m, called, lowest_reserve(economy, lots))
            settle(economy, p, m, match(economy, bids, machine.offered))
            dismiss_bidders(economy, called)
        close_lots(economy, lots)
