"""The market for used machines: the auction by hand and against a naive twin, formula prices, marks."""

import math

import numpy as np
import pytest
from worked_auction import (
    ESTATE,
    LOTS,
    PEER,
    K,
    worked_example,
)
from worlds import ASIC, GPU, NEW_GPU, World, put

from hashcredit.agents.dimensions import FACILITIES, BorrowerStatus, LoanStatus, SaleRule
from hashcredit.simulator.machines.earnings import mark_appraisals
from hashcredit.simulator.market.auction import trade_machines
from hashcredit.simulator.market.lots import open_lots
from hashcredit.simulator.state.codes import EventKind, Flow, Sector


def test_auction_by_hand() -> None:
    w = worked_example()
    trade_machines(w.economy, w.p)
    sales = [
        (event["counterparty_kind"], event["counterparty"], event["agent"], event["units"], event["price"])
        for event in w.events(EventKind.SALE)
    ]
    buyers, neoclouds = Sector.BUYERS, Sector.NEOCLOUDS
    expected = [
        (neoclouds, 3, 1, 6, 14.5 * K),
        (neoclouds, 3, 0, 1, 14.5 * K),
        (buyers, 0, ESTATE, 3, 1.2 * K),
        (buyers, 1, ESTATE, 4, 1.2 * K),
        (buyers, 2, ESTATE, 1, 1.2 * K),
    ]
    assert [sale[:4] for sale in sales] == [sale[:4] for sale in expected]
    assert [sale[4] for sale in sales] == pytest.approx([sale[4] for sale in expected], rel=1e-12)
    gpu = w.economy.machines[GPU]
    # 24 offered, 15 sold for 7 * 14.5 + 8 * 1.2 = 111.1 k$
    assert (gpu["inventory"], gpu["offered"], gpu["traded"]) == (24, 24, 15)
    assert gpu["traded_value"] == pytest.approx(111.1 * K, rel=1e-12)
    w.assert_books_close()


def test_auction_moves_units_and_money() -> None:
    w = worked_example()
    trade_machines(w.economy, w.p)
    # Units: the 9 of lot A stay, those of the dealer are scrap.
    assert w.lenders["units"][:, GPU].tolist() == [9, 0]
    assert w.loans["seized"][LOTS].tolist() == [9, 0]
    assert w.borrowers["units"][:, GPU].tolist() == [0, 0, 0, 2 + 7]
    assert w.borrowers["offered"][ESTATE, GPU] == 0
    assert w.buyers["units"][:, GPU].tolist() == [3, 4, 0]
    assert w.economy.machines["scrapped"][GPU] == 1
    # Money (k$): the peer pays 7 * (14.5 + 1.5), operators 1.2 + 1.5 a unit, the dealer gets its 1.2 back.
    assert w.borrowers["cash"][PEER] == pytest.approx(1.0 - 112 * K, rel=1e-12)
    assert w.buyers["cash"] == pytest.approx([(35 - 8.1) * K, (350 - 10.8) * K, 5.0], rel=1e-12)
    assert w.borrowers["cash"][ESTATE] == pytest.approx(9.6 * K, rel=1e-12)
    # Each claim falls by what its own lot fetched; paper sold is the share of units sold.
    assert w.loans["principal"][LOTS] == pytest.approx([1 - 14.5 * K, 1 - 87 * K], rel=1e-12)
    assert w.loans["paper_value"][LOTS] == pytest.approx([180 * K, 0.0], abs=1e-15)
    assert w.outcomes["paper_sold_musd"] == pytest.approx(7 * 20 * K, rel=1e-12)
    assert w.outcomes["proceeds_musd"] == pytest.approx(101.5 * K, rel=1e-12)
    # Used machines net to zero over sectors; the world bought the dealer's scrap.
    used = w.economy.flows[Flow.USED_MACHINES]
    assert used[Sector.LENDERS] == pytest.approx(101.5 * K, rel=1e-12)
    assert used[Sector.REST_OF_WORLD] == pytest.approx(-1.2 * K, rel=1e-12)


def test_sale_events_name_the_default_behind_them() -> None:
    w = worked_example()
    trade_machines(w.economy, w.p)
    events = w.events(EventKind.SALE)
    assert [event["parent"] for event in events] == [71, 70, 72, 72, 72]
    assert [event["agent_kind"] for event in events] == [Sector.LENDERS] * 2 + [Sector.NEOCLOUDS] * 3
    assert all(event["machine"] == GPU and event["week"] == 40 for event in events)
    assert w.economy.machines["trigger"][GPU] == 72  # the last sale


def test_appraisal_follows_volume_weighted_trades_and_income() -> None:
    w = worked_example()
    put(w.p, marking_depth_share=1.0)
    trade_machines(w.economy, w.p)
    assert w.economy.machines["opening_units"][GPU] == 26
    mark_appraisals(w.economy, w.p)
    gpu = w.economy.machines[GPU]
    # vwap 111.1 / 15 = 7.406667; of 26 machines one is scrapped, so the volume weight is 15 / (15 + 25);
    # income value 18, appraisal 20: 20 + 0.5 * 15 / 40 * (7.406667 - 20) + 0.05 * (18 - 20)
    vwap = 111.1 / 15
    assert gpu["price"] == pytest.approx(vwap * K, rel=1e-12)
    assert gpu["appraisal"] == pytest.approx((20 + 0.5 * 15 / 40 * (vwap - 20) - 0.1) * K, rel=1e-12)
    # Another type had no trade: no market news, its last price stands.
    assert w.economy.machines[ASIC]["price"] == 0.002
    assert w.economy.machines[ASIC]["appraisal"] == 0.002


def test_unsold_units_come_back_next_week() -> None:
    w = worked_example()
    trade_machines(w.economy, w.p)
    w.clock["week"] += 1
    w.value(GPU, 13.6 * K, site=0)  # the peer would bid 12.1 now, but its slots are full
    w.value(GPU, 10 * K, site=2)
    trade_machines(w.economy, w.p)
    gpu = w.economy.machines[GPU]
    assert (gpu["inventory"], gpu["offered"], gpu["traded"], gpu["traded_value"]) == (9, 9, 0, 0.0)
    w.borrowers[PEER]["slots"][1] += 20
    trade_machines(w.economy, w.p)
    assert (gpu["offered"], gpu["traded"]) == (9, 9)
    assert gpu["traded_value"] == pytest.approx(9 * 12.1 * K, rel=1e-12)


def test_sellers_put_a_share_of_their_inventory_on_sale() -> None:
    w = worked_example()
    w.p["secondary_market_sell_share"] = 0.3
    trade_machines(w.economy, w.p)
    # ceil of 3, 1.8, 2.4 units
    assert w.economy.machines["offered"][GPU] == 3 + 2 + 3
    assert w.economy.machines["inventory"][GPU] == 24


def test_every_lot_has_its_place() -> None:
    # All twelve facilities of the only borrower are seized, and it sells free machines of three types itself.
    w = World(neoclouds=1, banks=1, operators=1, secondary_market_rule=SaleRule.DEEP)
    w.in_resolution(0, default_week=0, release_week=0, units={GPU: 1, NEW_GPU: 2, ASIC: 3})
    w.borrowers[0]["offered"][:3] = 1, 2, 3
    for units in range(1, FACILITIES + 1):
        w.loan(0, 0, 1.0, status=LoanStatus.DEFAULTED, machine=GPU, seized=units)
    for m in (GPU, NEW_GPU, ASIC):
        w.value(m, 1 * K)
    w.open()
    assert open_lots(w.economy, w.p) == FACILITIES + 3 <= len(w.economy.lots)
    trade_machines(w.economy, w.p)
    assert w.economy.machines["traded"][:3].tolist() == [1 + 78, 2, 3]
    w.assert_books_close()


# Who bids, and how much.


def market_of_one_lot(units: int = 10, **numbers) -> World:
    """A neo-cloud whose estate sells GPUs at any price above scrap, a peer, and three buyers.

    Nobody has means yet; values are 20 k$ everywhere.
    """
    w = World(neoclouds=2, banks=1, operators=1, brokers=1, scrap_dealers=1, **numbers)
    w.clock["week"] = 30
    w.in_resolution(0, default_week=1, release_week=5, units={GPU: units})
    w.borrowers[0]["offered"][GPU] = units
    w.value(GPU, 20 * K)
    w.value(NEW_GPU, 25 * K)
    return w


def prices(w: World) -> list[float]:
    """Prices in k$ of the sales so far."""
    return [event["price"] / K for event in w.events(EventKind.SALE)]


def test_price_of_new_machines_caps_bids() -> None:
    w = market_of_one_lot(1)
    w.buyer(0, cash=1.0, moving_cost=1.5 * K, slots=(0, 5, 0))
    # Uncapped, the operator bids 20 - 1.5.
    trade_machines(w.economy, w.p)
    assert prices(w) == pytest.approx([18.5], rel=1e-12)
    # A new machine at 20 with a value of 25 gives a dollar of value for 0.8: 20 * 0.8 - 1.5.
    w = market_of_one_lot(1)
    w.machine(NEW_GPU, end_of_sale_week=30, price_new=20 * K)
    w.buyer(0, cash=1.0, moving_cost=1.5 * K, slots=(0, 5, 0))
    trade_machines(w.economy, w.p)
    assert prices(w) == pytest.approx([14.5], rel=1e-12)
    # Launched next week, it does not bind yet.
    w = market_of_one_lot(1)
    w.machine(NEW_GPU, launch_week=31, end_of_sale_week=90, price_new=20 * K)
    w.buyer(0, cash=1.0, moving_cost=1.5 * K, slots=(0, 5, 0))
    trade_machines(w.economy, w.p)
    assert prices(w) == pytest.approx([18.5], rel=1e-12)


@pytest.mark.parametrize("age", [0, 4])
def test_no_bid_exceeds_the_price_of_the_same_machine_new(age: int) -> None:
    # On sale at 15 and worth 20: 15 - 1.5, though four weeks ago, as far as investors know, it was worth 12.
    w = market_of_one_lot(1)
    w.machine(GPU, end_of_sale_week=30, price_new=15 * K)
    if age:
        w.clock["week"] -= age
        w.value(GPU, 12 * K, site=0)
        w.clock["week"] += age
        w.machine(GPU, earning=20 * K / 5, cost=0.0)
        put(w.p, valuation_trend=-0.06)  # 20 over five years: discount rate and growth cancel
    w.buyer(0, cash=1.0, moving_cost=1.5 * K, slots=(0, 5, 0))
    trade_machines(w.economy, w.p)
    assert prices(w) == pytest.approx([13.5], rel=1e-12)


def test_broker_deducts_margin_and_a_slot() -> None:
    w = market_of_one_lot(1)
    w.buyer(1, cash=1.0, margin=0.1, moving_cost=1.0 * K, cost_of_capital=0.14, slots=(0, 5, 0))
    trade_machines(w.economy, w.p)
    # Value 20 less 10 %; a slot leases for 1 kW * 1 k$ a year, five years at 6 + 14 %.
    slot = (1 - math.exp(-0.2 * 5)) / 0.2
    assert prices(w) == pytest.approx([18 - 1 - slot], rel=1e-12)


def test_scrap_dealer_is_the_floor() -> None:
    w = market_of_one_lot(7)
    w.buyer(2, cash=5.5 * 1.2 * K)  # cash for five and a half
    w.open()
    trade_machines(w.economy, w.p)
    gpu = w.economy.machines[GPU]
    assert (gpu["traded"], gpu["scrapped"]) == (5, 5)
    assert prices(w) == pytest.approx([1.2], rel=1e-12)
    assert w.borrowers["offered"][0, GPU] == 2
    w.assert_books_close()


def test_no_trade_below_a_reservation_price() -> None:
    w = market_of_one_lot(7)
    w.buyer(2, cash=1.0)
    w.borrowers[0]["release_week"] = 29  # held one of 24 weeks: 1.2 + 10.8 * 23 / 24 = 11.55
    w.buyer(0, cash=1.0, moving_cost=8.4 * K, slots=(0, 5, 0))  # bids 11.6
    trade_machines(w.economy, w.p)
    assert prices(w) == pytest.approx([11.6], rel=1e-12)
    w = market_of_one_lot(7)
    w.buyer(2, cash=1.0)
    w.borrowers[0]["release_week"] = 29
    w.buyer(0, cash=1.0, moving_cost=8.5 * K, slots=(0, 5, 0))  # bids 11.5
    trade_machines(w.economy, w.p)
    assert prices(w) == []
    assert w.economy.machines["traded"][GPU] == 0


def test_bidders_do_not_reach_sellers_of_another_type_through_their_own() -> None:
    # Buyer 0 knows lender 0 only, which sells ASICs; the GPUs of borrower 0 are beyond its reach.
    w = World(neoclouds=2, banks=1, operators=1, trade=[(2, 2)])
    w.clock["week"] = 30
    w.in_resolution(0, default_week=1, release_week=2, units={GPU: 3})
    w.borrowers[0]["offered"][GPU] = 3
    w.in_resolution(1, default_week=1, release_week=2)
    w.loan(1, 0, 1.0, status=LoanStatus.DEFAULTED, machine=ASIC, seized=4, weeks_held=28)
    w.buyer(0, cash=9.0, slots=(10, 10, 0))
    w.value(GPU, 20 * K)
    w.value(ASIC, 2 * K)
    w.machine(GPU, income_value=16 * K)
    w.open()
    trade_machines(w.economy, w.p)
    mark_appraisals(w.economy, w.p)
    assert w.buyers["units"][0].tolist()[:3] == [0, 0, 4]
    # ASICs: sold at 2 k$, appraised at 2. GPUs: only income speaks, 20 + 0.05 * (16 - 20).
    assert w.economy.machines["traded"][:3].tolist() == [0, 0, 4]
    assert w.economy.machines["appraisal"][GPU] == pytest.approx(19.8 * K, rel=1e-12)
    w.assert_books_close()


@pytest.mark.parametrize(
    ("change", "bids"),
    [
        ({}, True),
        ({"payables": 0.001}, False),
        ({"status": BorrowerStatus.RESOLVED}, False),
        ({"selling": 1, "offered": (0, 0, 1, *[0] * 9)}, False),  # it sells an ASIC itself
        ({"cash": 0.8}, False),  # ten weeks of obligations of 0.08 are its buffer
        ({"cash": 0.8 + 2.1 * 20 * K}, True),
        ({"slots": (9, 5, 9)}, False),  # its five machines fill the only slots that fit
    ],
)
def test_peers_in_distress_do_not_bid(change: dict, bids: bool) -> None:
    w = market_of_one_lot(3)
    w.value(ASIC, 0.0)
    w.borrower(1, units={GPU: 5, ASIC: 1}, cash=5.0, obligations=0.08, slots=(9, 9, 9))
    put(w.borrowers[1], **change)
    trade_machines(w.economy, w.p)
    assert (w.borrowers["units"][1, GPU] > 5) == bids
    if bids:
        assert prices(w) == pytest.approx([18.5], rel=1e-12)


def test_peer_spends_half_of_its_cash_above_the_buffer() -> None:
    w = market_of_one_lot(50)
    w.borrower(1, cash=1.05, obligations=0.08, slots=(0, 99, 0))
    trade_machines(w.economy, w.p)
    # (1.05 - 0.8) / 2 = 125 k$: six at 20 k$ each, moving included
    assert w.borrowers["units"][1, GPU] == 6


def test_market_without_outsiders() -> None:
    w = World(neoclouds=2, banks=1, operators=0, secondary_market_rule=SaleRule.DEEP)
    w.in_resolution(0, default_week=0, release_week=0, units={GPU: 5})
    w.borrowers[0]["offered"][GPU] = 5
    w.value(GPU, 20 * K)
    w.open()
    trade_machines(w.economy, w.p)
    assert w.economy.machines["traded"][GPU] == 0
    w.assert_books_close()


# Formula prices.


def elastic_market(**numbers) -> World:
    """1,000 GPUs in the world, 100 of them in an estate, worth 20 k$ to the appraiser (site class 2)."""
    w = World(neoclouds=2, banks=1, operators=1, **numbers)
    w.in_resolution(0, default_week=0, release_week=0, units={GPU: 100})
    w.borrowers[0]["offered"][GPU] = 100
    w.borrower(1, units={GPU: 900})
    w.value(GPU, 20 * K, site=2)
    w.open()
    trade_machines(w.economy, w.p)
    return w


@pytest.mark.parametrize(
    ("numbers", "price"),
    [
        ({"secondary_market_rule": SaleRule.DEEP}, 20 * 0.95),
        # Depth 0.2 * 1,000 = 200: the mean of 20 exp(-x / 200) over the first 100 units is
        # 20 * 2 * (1 - exp(-0.5)) = 15.7388
        ({"secondary_market_rule": SaleRule.IMPACT}, 40 * (1 - math.exp(-0.5))),
        ({"secondary_market_rule": SaleRule.AUCTION, "channels_fire_sale": 0}, 20.0),
        ({"secondary_market_rule": SaleRule.IMPACT, "channels_fire_sale": 0}, 20.0),
    ],
)
def test_formula_price(numbers: dict, price: float) -> None:
    w = elastic_market(**numbers)
    assert prices(w) == pytest.approx([price], rel=1e-12)
    # The elastic outsider brings the money and the slots.
    assert w.buyers["cash"][0] == pytest.approx(0.0, abs=1e-12)
    assert w.buyers["issuance"][0] == pytest.approx(100 * price * K, rel=1e-12)
    assert (w.buyers["units"][0, GPU], w.buyers["slots"][0, 1]) == (100, 100)
    assert w.borrowers["cash"][0] == pytest.approx(100 * price * K, rel=1e-12)
    w.assert_books_close()


def test_impact_price_is_the_integral_of_exponential_depth() -> None:
    price = prices(elastic_market(secondary_market_rule=SaleRule.IMPACT))[0]
    x = (np.arange(100_000) + 0.5) / 1000  # midpoints over 100 units
    assert price == pytest.approx(20 * np.exp(-x / 200).mean(), rel=1e-9)


def test_no_fire_sale_channel_leaves_marks_alone() -> None:
    w = elastic_market(secondary_market_rule=SaleRule.AUCTION, channels_fire_sale=0)
    w.machine(GPU, income_value=10 * K)
    w.value(GPU, 20 * K, site=2)
    mark_appraisals(w.economy, w.p)
    # trades at 20 carry no weight; income only: 20 + 0.05 * (10 - 20)
    assert w.economy.machines["appraisal"][GPU] == pytest.approx(19.5 * K, rel=1e-12)


def test_worthless_machines_still_fetch_scrap_in_a_deep_market() -> None:
    w = World(
        neoclouds=1,
        banks=1,
        operators=1,
        secondary_market_rule=SaleRule.DEEP,
        secondary_market_deep_margin=0.0,
    )
    w.in_resolution(0, default_week=0, release_week=0, units={GPU: 5})
    w.borrowers[0]["offered"][GPU] = 5
    w.value(GPU, 0.0)
    trade_machines(w.economy, w.p)
    assert prices(w) == pytest.approx([1.2], rel=1e-12)
