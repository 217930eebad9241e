"""The matching of bids and lots against a naive twin in plain Python."""

import numpy as np
import pytest
from test_secondary import worked_example
from worlds import GPU, World

from hashcredit.simulator.bidding import (
    BID,
    BIDDER,
    HOW_MANY,
    LEFT,
    LINK,
    LOT,
    NEXT,
    NODE,
    PRICE,
    RESERVE,
    WANTED,
    WHO,
    call_bidders,
)
from hashcredit.simulator.secondary import add_lot, match, trade_machines

K = 1e-3
"""M$ in a thousand dollars."""

# The matching against a twin in plain Python.


def naive_match(bids, wanted, links, lots):
    """Bids best first, earlier ones first if equal; each from its cheapest linked lot.

    `lots` are [seller, reserve, left]; equal reserves in the order of the bidder's links, newest lot first.
    """
    left = [units for _, _, units in lots]
    price = [None] * len(lots)
    trades = []
    for i in sorted(range(len(bids)), key=lambda i: -bids[i]):
        need = wanted[i]
        while need > 0:
            reachable = [
                lot
                for seller in sorted(links[i])
                for lot in reversed(range(len(lots)))
                if lots[lot][0] == seller and left[lot] > 0 and lots[lot][1] <= bids[i]
            ]
            if not reachable:
                break
            lot = min(reachable, key=lambda lot: lots[lot][1])
            units = min(need, left[lot])
            need -= units
            left[lot] -= units
            price[lot] = bids[i]
            trades.append((i, lot, units))
    return trades, left, price


def compiled_match(bids, wanted, links, lots, sellers):
    """The same through the kernel; bidder i is borrower i."""
    pairs = [(i, seller) for i, known in enumerate(links) for seller in known]
    w = World(neoclouds=len(links), banks=sellers - len(links), trade=pairs)
    e = w.economy
    for lot, (seller, reserve, units) in enumerate(lots):
        e.indices[NODE, lot] = seller
        e.indices[LEFT, lot] = units
        e.indices[NEXT, lot] = e.node_head[seller]
        e.node_head[seller] = lot
        e.numbers[RESERVE, lot] = reserve
    for i, price in enumerate(bids):
        e.indices[BIDDER, i] = i
        e.indices[WANTED, i] = wanted[i]
        e.numbers[BID, i] = price
    call_bidders(e, len(lots))
    count = match(e, len(bids), sum(units for _, _, units in lots))
    trades = [(e.trades[WHO, t], e.trades[LOT, t], e.trades[HOW_MANY, t]) for t in range(count)]
    sold = {lot for _, lot, _ in trades}
    price = [e.numbers[PRICE, lot] if lot in sold else None for lot in range(len(lots))]
    return trades, e.indices[LEFT, : len(lots)].tolist(), price


@pytest.mark.parametrize("instance", range(200))
def test_match_is_its_naive_twin(instance: int) -> None:
    rng = np.random.default_rng(instance)
    bidders, sellers = 6, 10  # borrowers 0 to 5 and four banks; prices from a short list, so that many tie
    bids = rng.integers(1, 8, bidders).astype(float).tolist()
    wanted = rng.integers(1, 12, bidders).tolist()
    links = [np.flatnonzero(rng.random(sellers) < 0.4).tolist() for _ in range(bidders)]
    lots = [
        (int(rng.integers(sellers)), float(rng.integers(0, 7)), int(rng.integers(1, 9)))
        for _ in range(rng.integers(1, 9))
    ]
    trades, left, price = compiled_match(bids, wanted, links, lots, sellers)
    assert (trades, left, price) == naive_match(bids, wanted, links, lots)
    for i, lot, _ in trades:  # what any fair rule must keep
        assert lots[lot][1] <= price[lot] <= bids[i]
        assert lots[lot][0] in links[i]


def test_best_bids_are_never_passed_over() -> None:
    # On a complete network without reserves the twelve best of the bids' units get the twelve units.
    bids, wanted = [3.0, 5.0, 4.0, 5.0], [4, 5, 6, 4]
    everyone = [[4, 5]] * 4
    trades, left, price = compiled_match(bids, wanted, everyone, [(4, 0.0, 7), (5, 0.0, 5)], 6)
    got = [sum(units for i, _, units in trades if i == bidder) for bidder in range(4)]
    assert got == [0, 5, 3, 4]
    assert left == [0, 0]
    assert set(price) <= {4.0, 5.0}


def test_lots_of_one_seller_are_chained() -> None:
    w = World(neoclouds=1, banks=1)
    w.market["week"] = 1
    assert add_lot(w.economy, w.p, GPU, 0, 1, 0, 1, 5, 0) == 1
    assert add_lot(w.economy, w.p, GPU, 1, 1, 0, 1, 3, 12) == 2
    e = w.economy
    assert (e.node_head[1], e.indices[NEXT, 1], e.indices[NEXT, 0]) == (1, 0, -1)
    assert e.numbers[RESERVE, :2] == pytest.approx([12 * K, 6.6 * K], rel=1e-12)
    assert e.machines["offered"][GPU] == 8


def test_scratch_is_clean_after_a_sale() -> None:
    w = worked_example()
    trade_machines(w.economy, w.p)
    assert (w.economy.node_head == -1).all()
    assert (w.economy.indices[LINK] == -1).all()
