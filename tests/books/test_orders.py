"""Machines on order: deposits, promised loans, and what is never promised twice."""

import math

import pytest
from ordering import (
    ARRIVAL,
    DEPOSIT,
    LEAD,
    OFFER,
    PRICE,
    SLOT,
    arrived,
    ordered,
    plan_values,
    world,
)
from worlds import GPU, NEW_GPU

from hashcredit.agents.dimensions import (
    FACILITIES,
    ORDERS,
    MachineKind,
)
from hashcredit.simulator.books.ledger import pay
from hashcredit.simulator.books.orders import deposit_share, lead_weeks
from hashcredit.simulator.investment.plans import choose_order
from hashcredit.simulator.lenders.funding import capacity_of
from hashcredit.simulator.lenders.underwriting import ask_lenders
from hashcredit.simulator.machines.slots import slot_cost, slot_years
from hashcredit.simulator.market.bidding import peer_budget
from hashcredit.simulator.state.codes import EventKind, Flow, Sector

# The order.


def test_order_by_hand() -> None:
    w = world()
    assert ordered(w) == 6
    order = w.economy.orders[0]
    assert (order["machine"], order["delivery_week"], order["holder"]) == (NEW_GPU, ARRIVAL, 0)
    assert order["deposit"] == pytest.approx(6 * DEPOSIT, rel=1e-12)
    assert order["commitment"] == pytest.approx(6 * OFFER, rel=1e-12)
    borrower, lender = w.borrowers[0], w.lenders[0]
    assert borrower["cash"] == pytest.approx(0.3 - 6 * DEPOSIT, rel=1e-12)
    assert (borrower["orders"], borrower["units"][NEW_GPU], borrower["facilities"]) == (1, 0, 0)
    assert borrower["deposits"] == order["deposit"]
    assert borrower["reserved"] == pytest.approx(6 * (PRICE + SLOT - DEPOSIT - OFFER), rel=1e-12)
    assert lender["committed"] == order["commitment"]
    assert lender["loans"].sum() == 0.0
    assert w.economy.machines["delivered"][NEW_GPU] == 0
    assert borrower["slots"].tolist() == [0, 60, 0]
    assert w.economy.flows[Flow.NEW_MACHINES, Sector.REST_OF_WORLD] == pytest.approx(6 * DEPOSIT, rel=1e-12)
    (event,) = w.events(EventKind.ORDER)
    assert (event["agent"], event["counterparty"], event["units"]) == (0, 0, 6)
    assert event["amount"] == pytest.approx(6 * PRICE, rel=1e-12)
    w.assert_books_close()


def test_deposit_does_not_change_anybodys_worth() -> None:
    w = world()
    ordered(w)
    assert w.borrowers["income"][0] == 0.0
    assert w.economy.world["income"][0] == 0.0
    assert w.lenders["income"][0] == 0.0


def test_each_kind_of_machine_has_its_own_lead_and_deposit() -> None:
    w = world(investment_lead_weeks_asic=5, investment_deposit_share_asic=0.4)
    assert [lead_weeks(w.p, kind) for kind in (MachineKind.GPU, MachineKind.ASIC)] == [LEAD, 5]
    assert [deposit_share(w.p, kind) for kind in (MachineKind.GPU, MachineKind.ASIC)] == [0.25, 0.4]


def test_an_order_is_worth_what_is_left_once_the_machine_arrives() -> None:
    """A quarter of a year at 6 + 14 %, with a hurdle of 5 %.

    It forgoes 0.020 - 0.003 a year, which falls by 10 %; the rest of the price, the slot and its lease are
    paid later.
    """
    w = world(credit=[])
    w.borrower(0, slots=(0, 55, 0))  # none is free
    later = math.exp(-0.2 / 4)
    forgone = 0.017 * (1 - math.exp(-0.3 / 4)) / 0.3
    cost = DEPOSIT + later * (PRICE - DEPOSIT + SLOT)
    threshold = cost * 1.05 + later * slot_cost(w.p, 1, slot_years(w.p, 0.2)) + forgone
    w.value(NEW_GPU, threshold * (1 - 1e-9))
    ask_lenders(w.economy, w.p, 0)
    assert choose_order(w.economy, w.p, 0, -1, 10.0)[0] == -1
    w.value(NEW_GPU, threshold * (1 + 1e-9))
    assert choose_order(w.economy, w.p, 0, -1, 10.0)[0] == NEW_GPU


def test_a_deposit_above_the_own_share_limits_the_order() -> None:
    # 0.15 at a deposit of 0.032 a machine, although only 0.023 of it stays its own
    assert ordered(world(investment_deposit_share=0.8)) == 4


def test_fee_on_the_promised_loan() -> None:
    w = world(investment_commitment_fee=0.04)
    assert ordered(w) == 6
    fee = 0.04 * LEAD / 52 * 6 * OFFER
    assert w.economy.flows[Flow.INTEREST, Sector.LENDERS] == pytest.approx(fee, rel=1e-12)
    assert w.lenders["week_interest"][0] == pytest.approx(fee, rel=1e-12)
    assert w.borrowers["income"][0] == pytest.approx(-fee, rel=1e-12)
    w.assert_books_close()


def test_what_is_promised_takes_up_capacity() -> None:
    w = world()
    before = capacity_of(w.economy, w.p, w.lenders[0])
    ordered(w)
    assert capacity_of(w.economy, w.p, w.lenders[0]) == pytest.approx(before - 6 * OFFER, rel=1e-12)


def test_two_borrowers_cannot_be_promised_the_same_capital() -> None:
    w = world(neoclouds=2, investment_decision_weeks=1, investment_growth_cap=5.2)
    w.borrower(1, units={GPU: 55}, cash=0.3, cost_of_capital=0.14, grade=1, slots=(0, 60, 0))
    w.lender(0, cash=0.0145)  # room for 0.145: eight loans of 0.018
    w.open()
    ordered(w)
    assert w.lenders["committed"][0] == pytest.approx(8 * OFFER, rel=1e-12)
    # The other finds room for two; what it pays without a loan it does not order in this week.
    assert sorted(w.economy.orders["units"][w.economy.orders["units"] > 0].tolist()) == [2, 6]
    w.assert_books_close()


# Several orders.


def test_cash_for_what_is_on_order_is_not_spent_again() -> None:
    """After the first order 0.24 is left, of which 0.078 will be needed: half of the rest buys three."""
    w = world(investment_decision_weeks=1, investment_growth_cap=5.2)
    assert ordered(w) == 6
    assert peer_budget(w.p, w.borrowers[0]) == pytest.approx(0.5 * (0.24 - 0.078), rel=1e-12)
    w.clock["week"] += 1
    plan_values(w)
    assert ordered(w) == 6 + 3
    assert w.borrowers["orders"][0] == 2
    w.assert_books_close()
    # Each arrives in its own week.
    assert arrived(w, ARRIVAL - 1) == 0
    assert arrived(w, ARRIVAL) == 6
    assert arrived(w, ARRIVAL + 1) == 9
    assert w.borrowers["orders"][0] == 0
    assert w.lenders["committed"][0] == 0.0
    w.assert_books_close()


def test_free_slots_are_not_promised_twice() -> None:
    """Five slots are free, and none may be built: three machines, then two, then none."""
    w = world(cash=0.14, investment_decision_weeks=1, investment_growth_cap=0.0)
    assert ordered(w) == 3
    for _ in range(2):
        pay(w.economy, Flow.COMPUTE_RENT, w.economy.world[0], w.borrowers[0], 1.0)
        w.clock["week"] += 1
        plan_values(w)
        assert ordered(w) == 5
    assert arrived(w, ARRIVAL + 2) == 5
    assert w.borrowers["slots"][0].tolist() == [0, 60, 0]
    w.assert_books_close()


def test_no_more_orders_than_rows() -> None:
    w = world(cash=50.0, investment_decision_weeks=1, investment_growth_cap=0.9)
    for _ in range(ORDERS + 2):
        plan_values(w)
        ordered(w)
        w.clock["week"] += 1
    assert w.borrowers["orders"][0] == len(w.events(EventKind.ORDER)) == ORDERS
    w.assert_books_close()


def test_a_facility_row_is_promised_once() -> None:
    w = world(investment_decision_weeks=1, investment_growth_cap=5.2)
    for _ in range(FACILITIES - 1):
        w.loan(0, 0, 0.0)
    w.open()
    ordered(w)
    w.clock["week"] += 1
    plan_values(w)
    ordered(w)
    assert w.economy.orders["holder"][:2].tolist() == [0, -1]
    assert arrived(w, ARRIVAL + 1) > 6
    assert w.borrowers["facilities"][0] == FACILITIES
    w.assert_books_close()
