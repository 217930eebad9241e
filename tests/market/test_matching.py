"""The matching of bids and lots against a naive twin in plain Python."""

import numpy as np
import pytest
from worked_auction import worked_example
from worlds import ASIC, GPU, World

from hashcredit.simulator.market.auction import (
    link_lots,
    lots_within,
    match,
    next_within,
    serve,
    serve_in_order,
    trade_machines,
    unlink_lots,
)
from hashcredit.simulator.market.bidding import call_bidders, rank_classes
from hashcredit.simulator.market.lots import add_lot, open_lots
from hashcredit.simulator.market.order import RUN, sort_lots
from hashcredit.simulator.state.arrays import FIELDS
from hashcredit.simulator.state.economy import Economy

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


def without_table(economy, buyers=0):
    """The same economy as in a market too large for a table of links, but for those of the last bidders."""
    arrays = {name: getattr(economy, name) for name in FIELDS}
    rows = len(economy.trade_table) - buyers
    return Economy(economy.rules, **{**arrays, "trade_table": economy.trade_table[rows:].copy()})


def compiled_match(bids, wanted, links, lots, sellers, table=True):
    """The same through the kernel; bidder i is borrower i."""
    pairs = [(i, seller) for i, known in enumerate(links) for seller in known]
    w = World(neoclouds=len(links), banks=sellers - len(links), trade=pairs)
    e = w.economy if table else without_table(w.economy)
    for place, (seller, reserve, units) in enumerate(lots):
        lot = e.lots[place]
        lot["machine"], lot["node"], lot["reserve"], lot["left"] = GPU, seller, reserve, units
    assert sort_lots(e, GPU, len(lots)) == len(lots)
    if not table:
        link_lots(e, len(lots))
    count = 0
    for i in sorted(range(len(bids)), key=lambda i: -bids[i]):
        if table:
            rank = next_within(e, i, bids[i], 0, len(lots))
            count = serve_in_order(e, i, bids[i], wanted[i], rank, len(lots), count)
        else:
            count = serve(e, i, bids[i], wanted[i], lots_within(e, i, bids[i]), count)
    trades = [tuple(trade) for trade in e.trades[:count].tolist()]
    sold = {lot for _, lot, _ in trades}
    price = [e.lots[lot]["price"] if lot in sold else None for lot in range(len(lots))]
    return trades, e.lots["left"][: len(lots)].tolist(), price


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
    assert (trades, left, price) == compiled_match(bids, wanted, links, lots, sellers, table=False)
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
    w.clock["week"] = 1
    assert add_lot(w.economy, w.p, GPU, 0, 1, 0, 1, 5, 0) == 1
    assert add_lot(w.economy, w.p, GPU, 1, 1, 0, 1, 3, 12) == 2
    e = w.economy
    assert e.lots["reserve"][:2] == pytest.approx([12 * K, 6.6 * K], rel=1e-12)
    assert (e.machines["offered"][GPU], e.machines["inventory"][GPU]) == (8, 8)
    assert sort_lots(e, GPU, 2) == 2
    assert e.on_sale[:2].tolist() == [1, 0]
    link_lots(e, 2)
    assert (e.node_head[1], e.lots["next"][1], e.lots["next"][0]) == (1, 0, -1)
    assert lots_within(e, 0, 12 * K) == 2
    assert lots_within(e, 0, 11 * K) == 1
    assert [next_within(e, 0, 12 * K, rank, 2) for rank in range(3)] == [0, 1, 2]
    assert [next_within(e, 0, 11 * K, rank, 2) for rank in range(3)] == [0, 2, 2]
    unlink_lots(e, 2)
    assert (e.node_head == -1).all()


def test_lots_are_in_the_order_of_the_bidders() -> None:
    # By reservation price, then seller, then the last on sale first; the type that is not on sale left out.
    w = World(neoclouds=4, banks=1)
    lots = [(2, 9.0), (1, 9.0), (3, 8.0), (1, 9.0), (0, 9.5), (1, 7.0)]
    for place, (seller, reserve) in enumerate(lots):
        lot = w.economy.lots[place]
        lot["machine"], lot["node"], lot["reserve"] = GPU, seller, reserve
    w.economy.lots["machine"][5] = ASIC
    assert sort_lots(w.economy, GPU, len(lots)) == 5
    assert w.economy.on_sale[:5].tolist() == [2, 3, 1, 0, 4]


@pytest.mark.parametrize("count", [RUN, RUN + 1, 5 * RUN - 3, 8 * RUN, 9 * RUN + 1])
def test_many_lots_are_in_order_too(count: int) -> None:
    w = World(neoclouds=count, banks=1)
    rng = np.random.default_rng(count)
    reserve, seller = rng.integers(4, size=count) / 4, rng.integers(9, size=count)  # so that many tie
    lots = w.economy.lots[:count]
    lots["machine"], lots["node"], lots["reserve"] = GPU, seller, reserve
    assert sort_lots(w.economy, GPU, count) == count
    expected = sorted(range(count), key=lambda place: (reserve[place], seller[place], -place))
    assert w.economy.on_sale[:count].tolist() == expected


def test_borrowers_that_know_nobody_who_sells_are_passed_over() -> None:
    w = World(neoclouds=3, banks=1, trade=[(0, 2), (1, 3)])
    e = without_table(w.economy)
    for seller, reached in ((2, [True, False, False]), (3, [False, True, False])):
        e.lots["machine"][0], e.lots["node"][0], e.lots["left"][0] = GPU, seller, 1
        assert sort_lots(e, GPU, 1) == 1
        link_lots(e, 1)
        assert e.reached.tolist() == reached
        assert [lots_within(e, b, 1.0) for b in range(3)] == reached
        unlink_lots(e, 1)


def test_scratch_is_clean_after_a_sale() -> None:
    w = worked_example()
    trade_machines(without_table(w.economy), w.p)
    assert (w.economy.node_head == -1).all()


def crowd(seed: int) -> World:
    """Forty bidders of random kinds, traits and means, each linked to some of six estates of GPUs."""
    rng = np.random.default_rng(seed)
    estates, peers, outsiders = 6, 14, 26
    bidders = range(estates, estates + peers + outsiders)
    pairs = [(bidder, seller) for bidder in bidders for seller in range(estates) if rng.random() < 0.3]
    w = World(neoclouds=estates + peers, banks=1, operators=18, brokers=5, scrap_dealers=3, trade=pairs)
    w.clock["week"] = 30
    for site, worth in enumerate((20, 18, 16, 14)):
        w.value(GPU, worth * K, site=site)
    for b in range(estates):
        units = int(rng.integers(3, 30))
        w.in_resolution(b, default_week=1, release_week=int(rng.integers(6, 30)), units={GPU: units})
        w.borrowers[b]["offered"][GPU] = units
    for b in range(estates, estates + peers):
        w.borrower(b, cash=float(rng.choice([0.0, 0.2, 0.5])), site_class=int(rng.integers(4)),
                   slots=(0, int(rng.integers(0, 9)), 0))  # fmt: skip
    for k in range(outsiders):
        w.buyer(k, cash=float(rng.choice([0.0, 0.03, 0.2])), site_class=int(rng.integers(4)),
                margin=float(rng.choice([0.0, 0.1])), moving_cost=float(rng.choice([1.0, 1.5])) * K,
                slots=(0, int(rng.integers(0, 9)), 0))  # fmt: skip
    w.open()
    return w


@pytest.mark.parametrize("seed", range(20))
def test_classes_change_nothing_but_the_work(seed: int) -> None:
    # Bidders in classes of one, told apart by a moving cost of ASICs that nobody sells, trade as in shared
    # ones: up to the order of equal bids, so every bidder's place in the tables is made to decide it.
    def sales(apart: bool) -> list[tuple]:
        w = crowd(seed)
        w.buyers["margin"] += np.arange(len(w.buyers)) * 1e-9  # no equal bids among outsiders
        if apart:
            w.buyers["moving_cost_asic"] = np.arange(len(w.buyers)) * K
        trade_machines(w.economy, w.p)
        assert (w.economy.node_head == -1).all()
        w.assert_books_close()
        return (
            w.economy.trades.tolist(),
            w.buyers.tobytes() if not apart else None,
            w.buyers["units"].tolist(),
        )

    together, apart = sales(False), sales(True)
    assert together[0] == apart[0]
    assert together[2] == apart[2]


@pytest.mark.parametrize("seed", range(20))
def test_a_table_of_links_changes_nothing_but_the_work(seed: int) -> None:
    with_one, without, of_buyers = crowd(seed), crowd(seed), crowd(seed)
    trade_machines(with_one.economy, with_one.p)
    assert len(with_one.economy.trade_table) == len(with_one.borrowers) + len(with_one.buyers)
    trade_machines(without_table(without.economy), without.p)
    trade_machines(without_table(of_buyers.economy, buyers=len(of_buyers.buyers)), of_buyers.p)
    for other in (without, of_buyers):
        assert with_one.economy.trades.tolist() == other.economy.trades.tolist()
        for name in ("borrowers", "buyers", "lenders"):
            assert getattr(with_one, name).tobytes() == getattr(other, name).tobytes()


@pytest.mark.parametrize("seed", range(20))
def test_classes_are_served_best_first_and_bidders_in_table_order(seed: int) -> None:
    w = crowd(seed)
    e = w.economy
    lots = open_lots(e, w.p)
    assert sort_lots(e, GPU, lots) == lots
    classes = call_bidders(e, w.p)
    called, class_of = [], {}
    for c in e.ranking[:classes].tolist():
        members = [int(e.classes["first"][c])]
        while (following := int(e.next_called[members[-1]])) >= 0:
            members.append(following)
        assert members[-1] == e.classes["last"][c]
        called.append(members)
        class_of.update(dict.fromkeys(members, c))
    rich = [bidder for bidder in range(20, 46) if w.buyers["cash"][bidder - 20] > 0]
    rich = [k for k in rich if w.buyers["kind"][k - 20] == 3 or w.buyers["slots"][k - 20, 1] > 0]
    peers = [b for b in range(6, 20) if w.borrowers["cash"][b] > 0 and w.borrowers["slots"][b, 1] > 0]
    assert sorted(bidder for members in called for bidder in members) == peers + rich
    assert all(members == sorted(members) for members in called)
    ranked = rank_classes(e, w.p, GPU, classes, 1.2 * K)
    prices = e.classes["price"][e.served[:ranked]]
    assert (np.diff(prices) <= 0).all()
    assert prices.min() >= 1.2 * K
    count = match(e, w.p, GPU, lots, ranked)
    for t, (bidder, lot, units) in enumerate(e.trades[:count].tolist()):
        price = e.classes["price"][class_of[bidder]]
        assert e.lots["reserve"][lot] <= e.lots["price"][lot] <= price
        assert units > 0
        if t > 0:
            assert price <= e.classes["price"][class_of[e.trades["bidder"][t - 1]]]
