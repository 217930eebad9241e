"""Trial sales by hand: who gets what, who does not bid, and that the economy does not notice."""

from itertools import product

import numpy as np
import pytest
from worlds import ASIC, GPU, World

from hashcredit.agents.dimensions import LoanStatus, SaleRule
from hashcredit.experiments.measures.collateral_values import SHARES, curve_now, values_now
from hashcredit.experiments.measures.trial_sales import TrialSales
from hashcredit.simulator.state.arrays import FIELDS

K = 1e-3
"""M$ in a thousand dollars."""
EVERYBODY = tuple(product(range(6), range(4, 7)))
"""Links of all bidders to all banks."""
PEER, OPERATOR, DEALER = 3, 0, 1
TOTAL, ALONE, BANKS, FIRST, SECOND = range(5)
DEBT, UNITS, PAPER, MARKET, LIQUIDATION, SOLD = range(6)


def market(trade=EVERYBODY, **numbers) -> World:
    """Bank 0 has 10 GPUs pledged for 100 k$, bank 1 two for 20 k$; everybody knows them. Week 39 is over.

    A GPU is appraised at 20 k$. The peer bids 16 less 1.5 for moving and has three free slots; the operator
    bids 10 less 1.5 and has cash for three and a half; the scrap dealer pays 1.2 and has cash for plenty.
    Borrower 0, which owes the first loan, would bid as much as the peer and has room and cash for one.
    Bank 2 has nothing.
    """
    w = World(neoclouds=4, banks=3, operators=1, scrap_dealers=1, trade=trade, **numbers)
    w.clock["week"] = 39
    w.borrower(0, cash=2 * 16 * K, site_class=0, units={GPU: 10})
    w.borrowers[0]["slots"][1] += 1
    w.borrower(1, units={GPU: 2})
    w.loan(0, 0, 100 * K, machine=GPU, units=10)
    w.loan(1, 1, 20 * K, machine=GPU, units=2)
    w.borrower(PEER, cash=1.0, site_class=0, units={GPU: 2})
    w.borrowers[PEER]["slots"][1] += 3
    w.buyer(OPERATOR, cash=35 * K, site_class=2, moving_cost=1.5 * K, slots=(0, 50, 0))
    w.buyer(DEALER, cash=5.0)
    w.value(GPU, 16 * K, site=0)
    w.value(GPU, 10 * K, site=2)
    w.clock["week"] = 40
    return w


def trials_of(w: World) -> TrialSales:
    parameters = w.setup.parameters[:1].copy()
    parameters[0] = w.p
    trials = TrialSales(w.economy, parameters)
    trials.look()
    return trials


def test_pledges_are_live_loans_and_open_claims_with_machines():
    w = market()
    w.loan(1, 0, 7 * K)  # nothing behind it
    w.in_resolution(2, default_week=30, release_week=35)
    w.loan(2, 1, 50 * K, status=LoanStatus.DEFAULTED, machine=ASIC, seized=9, weeks_held=4)
    w.loan(2, 1, 50 * K, status=LoanStatus.RESOLVED, machine=ASIC)
    own = trials_of(w).pledges
    assert own.units.tolist() == [10, 2, 9] and own.machine.tolist() == [GPU, GPU, ASIC]
    assert own.holder.tolist() == [0, 1, 1] and own.debt.tolist() == [100 * K, 20 * K, 50 * K]


def test_one_unit_goes_to_the_best_bidder():
    bids = trials_of(market()).best_bids()
    assert bids[:2, GPU] == pytest.approx([14.5 * K, 14.5 * K], rel=1e-12)
    assert np.isnan(bids[2]).all() and np.isnan(bids[:, [ASIC]]).all()


def test_a_bidder_that_does_not_know_the_seller_does_not_bid():
    # Bidders: 4 borrowers, operator, dealer; sellers: 4 borrowers, then banks
    bids = trials_of(market(trade=[(4, 4), (5, 5)])).best_bids()
    assert bids[:2, GPU] == pytest.approx([8.5 * K, 1.2 * K], rel=1e-12)


def test_all_at_once_by_hand():
    """Three of bank 0's to the peer, three to the operator, four to the dealer, who sets the lot's price.

    So is it with both banks, whose two units go to the dealer too; alone bank 1 sells both to the peer.
    """
    w = market()
    trials = trials_of(w)
    found = values_now(trials, w.economy, trials.best_bids())
    assert found.shape == (6, 6)
    expected = {
        FIRST: [100 * K, 10, 200 * K, 145 * K, 12 * K, 10],
        SECOND: [20 * K, 2, 40 * K, 29 * K, 29 * K, 2],
        SECOND + 1: [0.0] * 6,
        TOTAL: [120 * K, 12, 240 * K, 174 * K, 14.4 * K, 12],
        BANKS: [120 * K, 12, 240 * K, 174 * K, 14.4 * K, 12],
        ALONE: [120 * K, 12, 240 * K, 174 * K, 41 * K, 12],
    }
    for group, sums in expected.items():
        assert found[group] == pytest.approx(sums, rel=1e-12), group


def test_who_has_defaulted_does_not_bid():
    """Two units of bank 0 without the peer: its borrower would take one at 14.5, and is not asked."""
    w = market()
    w.borrowers[PEER]["cash"] = 0.0
    trials = trials_of(w)
    sale = trials.sell(np.array([2, 0]))
    assert sale.proceeds == pytest.approx([2 * 8.5 * K, 0.0], rel=1e-12) and sale.sold.tolist() == [2, 0]
    asked = trials.sell(np.array([2, 0]), silent=np.array([False, True]))
    assert asked.proceeds == pytest.approx([2 * 8.5 * K, 0.0], rel=1e-12)  # one price: the lower bid
    one = trials.sell(np.array([1, 0]), silent=np.array([False, True]))
    assert one.proceeds == pytest.approx([14.5 * K, 0.0], rel=1e-12)


def test_what_nobody_buys_fetches_nothing():
    w = market()
    w.buyers[DEALER]["cash"] = 0.0
    sale = trials_of(w).sell(np.array([10, 2]))
    assert sale.sold.tolist() == [6, 0]
    assert sale.proceeds == pytest.approx([6 * 8.5 * K, 0.0], rel=1e-12)


def test_a_deep_market_pays_the_same_for_one_and_for_all():
    w = market(secondary_market_rule=SaleRule.DEEP, secondary_market_deep_margin=0.1)
    trials = trials_of(w)
    bids = trials.best_bids()
    found = values_now(trials, w.economy, bids)
    assert bids[0, GPU] == bids[1, GPU] > 0.0
    assert found[:, LIQUIDATION] == pytest.approx(found[:, MARKET], rel=1e-12)


def test_the_curve_begins_at_the_best_bid_and_ends_with_all():
    """Only bank 0 and bank 1 sell, in proportion; 1.2 of 12 units are one, of bank 1 by rounding."""
    w = market()
    trials = trials_of(w)
    curve = curve_now(trials, w.economy, trials.best_bids())
    assert curve.shape == (len(w.economy.machines), 1 + len(SHARES), 4)
    units, paper, proceeds, sold = curve[GPU].T
    assert units.tolist() == [12, 1, 1, 1, 1, 1, 4, 12] and (sold == units).all()
    assert paper == pytest.approx(units * 20 * K)
    # four units: three of bank 0 and one of bank 1, of which the peer takes three; the operator the fourth
    assert proceeds == pytest.approx(
        np.array([174, 14.5, 14.5, 14.5, 14.5, 14.5, 3 * 14.5 + 8.5, 14.4]) * K, rel=1e-12
    )
    assert not curve[ASIC].any()


def test_the_economy_does_not_notice():
    w = market()
    before = {name: getattr(w.economy, name).tobytes() for name in FIELDS}
    trials = trials_of(w)
    values_now(trials, w.economy, trials.best_bids())
    curve_now(trials, w.economy, trials.best_bids())
    assert {name: getattr(w.economy, name).tobytes() for name in FIELDS} == before


def test_a_sale_does_not_depend_on_those_before_it():
    trials = trials_of(market())
    first = trials.sell(np.array([10, 2]))
    trials.best_bids()
    trials.sell(np.array([0, 1]))
    again = trials.sell(np.array([10, 2]))
    assert (again.proceeds == first.proceeds).all() and (again.sold == first.sold).all()
