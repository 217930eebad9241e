"""Phase `secondary_market`: the thin market for used machines.

Each week, and for each machine type, sellers put lots on sale (seized collateral, estates, distressed
borrowers). Linked bidders bid within cash and free slots. `auction`: bids are served best first (of
equal ones those of the class whose first bidder comes first, a class in the order of the tables); a
bidder takes from the linked lots with the lowest reservation price first. Every lot clears at one
price, the lowest bid that it accepted, so nobody pays more than its bid and no seller gets less than its
reservation price. Units without a bid stay: unsold is a quantity, never a price. `deep` and `impact`
sell everything at a formula price to outsiders with elastic means.
"""

import numpy as np

from hashcredit.agents.compiled import kernel
from hashcredit.agents.dimensions import BuyerKind, MachineKind, Record, SaleRule
from hashcredit.agents.impact import average_left
from hashcredit.simulator.books.events import note
from hashcredit.simulator.books.ledger import pay, put_units, revalue, take_units
from hashcredit.simulator.credit.claims import apply_collateral
from hashcredit.simulator.machines.collateral import sale_depth, sales_move_prices
from hashcredit.simulator.machines.earnings import orderly_value, scrap_price
from hashcredit.simulator.machines.slots import peer_moving_cost
from hashcredit.simulator.market.bidding import call_bidders, rank_classes, units_wanted
from hashcredit.simulator.market.lots import is_dumping, open_dumped_lots, open_lots
from hashcredit.simulator.market.order import sort_lots
from hashcredit.simulator.state.codes import EventKind, Flow, Revaluation, Sector
from hashcredit.simulator.state.economy import Economy


@kernel
def table_row(economy: Economy, bidder: int) -> int:
    """Row of a bidder in the table of links; negative: it has none, as borrowers in a large market."""
    return bidder - (economy.next_called.shape[0] - economy.trade_table.shape[0])


@kernel
def is_linked(economy: Economy, row: int, node: int) -> bool:
    """Whether the bidder of a row of the table of links knows a seller: a bit for each seller."""
    return (economy.trade_table[row, node >> 3] >> (node & 7)) & 1 != 0


@kernel
def reach(economy: Economy, node: int) -> None:
    """Mark the borrowers that know a seller: they are reached by what it sells."""
    for link in range(economy.peer_start[node], economy.peer_start[node + 1]):
        economy.reached[economy.peer_bidder[link]] = True


@kernel
def link_lots(economy: Economy, count: int) -> None:
    """List the lots on sale under their sellers, each seller's in their order, and mark whom they reach."""
    for b in range(economy.reached.shape[0]):
        economy.reached[b] = False
    for rank in range(count - 1, -1, -1):
        place = economy.on_sale[rank]
        lot = economy.lots[place]
        if economy.node_head[lot.node] < 0:
            reach(economy, lot.node)
        lot.next = economy.node_head[lot.node]
        economy.node_head[lot.node] = place


@kernel
def unlink_lots(economy: Economy, count: int) -> None:
    """Take the lots on sale off their sellers."""
    for rank in range(count):
        economy.node_head[economy.lots[economy.on_sale[rank]].node] = -1


@kernel
def next_within(economy: Economy, row: int, price: float, rank: int, count: int) -> int:
    """From `rank` on the first lot that a bidder knows of and whose reservation price its bid meets.

    The rank of that lot among `count` on sale; `count` if there is none. `row` is the bidder's in the table
    of links.
    """
    while rank < count:
        lot = economy.lots[economy.on_sale[rank]]
        if lot.reserve > price:
            return count
        if lot.left > 0 and is_linked(economy, row, lot.node):
            return rank
        rank += 1
    return count


@kernel
def lots_within(economy: Economy, bidder: int, price: float) -> int:
    """List the lots that a bidder knows of and whose reservation price its bid meets; return their number.

    For one without a row in the table of links, which goes through its sellers: most borrowers know nobody
    who sells.
    """
    known = 0
    if bidder < economy.reached.shape[0] and not economy.reached[bidder]:
        return known
    for link in range(economy.trade_start[bidder], economy.trade_start[bidder + 1]):
        place = economy.node_head[economy.trade_seller[link]]
        while place >= 0:
            lot = economy.lots[place]
            if lot.left > 0 and lot.reserve <= price:
                economy.known[known] = place
                known += 1
            place = lot.next
    return known


@kernel
def cheapest_lot(economy: Economy, known: int) -> int:
    """Of the lots listed that have units left the one with the lowest reservation price; -1 if none.

    Of equal ones the first: listed by seller, it is also the first in the order of `sort_lots`.
    """
    best = -1
    lowest = np.inf
    for i in range(known):
        lot = economy.lots[economy.known[i]]
        if lot.left > 0 and lot.reserve < lowest:
            best = economy.known[i]
            lowest = lot.reserve
    return best


@kernel
def serve(economy: Economy, bidder: int, price: float, wanted: int, known: int, trades: int) -> int:
    """Give a bidder up to `wanted` units from the lots listed, cheapest first; return the trades so far."""
    while wanted > 0:
        place = cheapest_lot(economy, known)
        if place < 0:
            break
        units = min(wanted, economy.lots[place].left)
        agree(economy, place, bidder, price, units, trades)
        trades += 1
        wanted -= units
    return trades


@kernel
def serve_in_order(
    economy: Economy, bidder: int, price: float, wanted: int, rank: int, count: int, trades: int
) -> int:
    """Give a bidder in the table of links up to `wanted` units, from a rank on whose lot it knows of.

    Ranks are in the order of `sort_lots`, so the next one is the cheapest. Returns the trades so far.
    """
    row = table_row(economy, bidder)
    while wanted > 0 and rank < count:
        place = economy.on_sale[rank]
        units = min(wanted, economy.lots[place].left)
        agree(economy, place, bidder, price, units, trades)
        trades += 1
        wanted -= units
        rank = next_within(economy, row, price, rank + 1, count)
    return trades


@kernel
def agree(economy: Economy, place: int, bidder: int, price: float, units: int, trades: int) -> None:
    """Note a sale of `units` of a lot to a bidder, the one after `trades` others."""
    lot = economy.lots[place]
    lot.left -= units
    lot.price = price  # bids fall: the last one accepted is the lowest
    trade = economy.trades[trades]
    trade.bidder = bidder
    trade.lot = place
    trade.units = units


@kernel
def match(economy: Economy, p: Record, m: int, count: int, classes: int) -> int:
    """Serve the classes that bid for type `m`, best first, as long as one of `count` lots is left for them.

    Equal bids within a class in the order of the tables. Returns the number of trades; prices are in the
    lots.
    """
    first = 0  # of the lots in their order the first with units left
    trades = 0
    for rank in range(classes):
        one = economy.classes[economy.served[rank]]
        following = one.first
        while following >= 0:
            bidder = following
            following = economy.next_called[bidder]
            if one.price < economy.lots[economy.on_sale[first]].reserve:
                return trades  # the bids that follow are no higher
            # most bidders know of no lot, which is cheaper to see than what they can pay
            row = table_row(economy, bidder)
            if row >= 0:
                rank = next_within(economy, row, one.price, first, count)
                if rank == count:
                    continue
                wanted = units_wanted(economy, p, m, bidder, one.price + one.moving)
                trades = serve_in_order(economy, bidder, one.price, wanted, rank, count, trades)
            else:
                known = lots_within(economy, bidder, one.price)
                if known == 0:
                    continue
                wanted = units_wanted(economy, p, m, bidder, one.price + one.moving)
                trades = serve(economy, bidder, one.price, wanted, known, trades)
            while economy.lots[economy.on_sale[first]].left == 0:
                first += 1
                if first == count:
                    return trades
    return trades


@kernel
def hand_over(economy: Economy, lot: int, m: int, units: int, buyer: Record, amount: float) -> None:
    """Move a lot's units and money: to the claim of a seized lot, to the owner of any other."""
    row = economy.lots[lot].row
    if economy.lots[lot].is_loan:
        loan = economy.loans[row]
        lender = economy.lenders[loan.holder]
        pay(economy, Flow.USED_MACHINES, buyer, lender, amount)
        paper = loan.paper_value * units / loan.seized
        loan.paper_value -= paper
        loan.seized -= units
        lender.units[m] -= units
        economy.outcomes[0].paper_sold_musd += paper
        economy.outcomes[0].proceeds_musd += amount
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
    machine.news += units
    machine.news_value += amount
    owner = seller = economy.lots[lot].row
    if economy.lots[lot].is_loan:
        owner = economy.loans[seller].obligor
        seller = economy.loans[seller].holder
        seller_sector = Sector.LENDERS.value
    else:
        seller_sector = economy.borrowers[owner].sector
    parent = economy.borrowers[owner].default_event
    if economy.lots[lot].is_loan:
        parent = economy.loans[economy.lots[lot].row].default_event
    elif parent < 0:
        parent = economy.borrowers[owner].trigger_event  # it lives, and sells because of that
    machine.trigger = parent
    borrowers = economy.borrowers.shape[0]
    other_sector = Sector.BUYERS.value
    other = bidder - borrowers
    if bidder < borrowers:
        other_sector = economy.borrowers[bidder].sector
        other = bidder
    note(economy, EventKind.SALE, seller_sector, seller, other_sector, other, m, units, amount,
         amount / units, parent=parent)  # fmt: skip


@kernel
def settle(economy: Economy, p: Record, m: int, trades: int) -> None:
    """Execute the trades, every lot at its own single price."""
    borrowers = economy.borrowers.shape[0]
    asic = economy.machines[m].kind == MachineKind.ASIC
    for t in range(trades):
        bidder = economy.trades[t].bidder
        lot = economy.trades[t].lot
        units = economy.trades[t].units
        amount = units * economy.lots[lot].price
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
def outsiders_are_elastic(p: Record) -> bool:
    """Whether outsiders with elastic means take everything at a formula price, instead of an auction."""
    return p.secondary_market_rule != SaleRule.AUCTION or not sales_move_prices(p)


@kernel
def formula_price(economy: Economy, p: Record, m: int, units: int) -> float:
    """Price of a market with elastic outsiders: orderly value less a margin, or exponential depth."""
    orderly = orderly_value(economy, p, m)
    if p.secondary_market_rule == SaleRule.IMPACT and sales_move_prices(p):
        depth = sale_depth(economy, p, m)
        average = orderly * average_left(units / depth)
        return max(average, scrap_price(p, economy.machines[m]))
    if p.secondary_market_rule == SaleRule.DEEP:
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
        if economy.lots[lot].machine != m:
            continue
        units = economy.lots[lot].left
        amount = units * price
        pay(economy, Flow.EQUITY_INJECTIONS, economy.world[0], buyer, amount)
        buyer.issuance += amount
        buyer.slots[cooling] += units
        economy.market[0].slots_built += units
        note_sale(economy, m, lot, economy.borrowers.shape[0], units, amount)
        hand_over(economy, lot, m, units, buyer, amount)
        receive(economy, m, units, buyer, amount, 0.0)


@kernel
def auction(economy: Economy, p: Record, m: int, count: int, classes: int) -> None:
    """Sell the `count` lots of type `m` to the bidders that know of them, best bids first."""
    by_sellers = table_row(economy, 0) < 0
    if by_sellers:
        link_lots(economy, count)
    bidding = rank_classes(economy, p, m, classes, economy.lots[economy.on_sale[0]].reserve)
    settle(economy, p, m, match(economy, p, m, count, bidding))
    if by_sellers:
        unlink_lots(economy, count)


@kernel
def trade_machines(economy: Economy, p: Record) -> None:
    """Phase `secondary_market` for every machine type that has a seller."""
    trade_lots(economy, p, open_lots(economy, p))


@kernel
def trade_dumped(economy: Economy, p: Record) -> None:
    """The sale of a further round: what lenders that were called in the week have not yet put on sale.

    Bidders have what earlier sales of the week have left them. Appraisers take note of it next week.
    """
    any_called = False
    for index in range(economy.lenders.shape[0]):
        any_called |= is_dumping(economy.lenders[index])
    if any_called:
        trade_lots(economy, p, open_dumped_lots(economy, p))


@kernel
def trade_lots(economy: Economy, p: Record, lots: int) -> None:
    """Sell the lots, type by type, by the market's rule."""
    elastic = outsiders_are_elastic(p)
    if lots == 0:
        return
    classes = 0 if elastic else call_bidders(economy, p)
    for m in range(economy.machines.shape[0]):
        if economy.machines[m].offered == 0:
            continue
        count = sort_lots(economy, m, lots)
        if count == 0:
            continue
        if elastic:
            sell_to_elastic_outsider(economy, p, m, lots)
        else:
            auction(economy, p, m, count, classes)
