"""Buying new machines: what is worth it, who lends for it, slots, contracts, and who may not buy."""

import math

import numpy as np
import pytest
from planning import OFFER, OWN, PLANNING_WEEK, bought, world
from worlds import ASIC, BIG, GPU, NEW_GPU, World, put

from hashcredit.agents.dimensions import (
    CONTRACTS,
    FACILITIES,
    BorrowerStatus,
    LenderStatus,
    LoanStatus,
)
from hashcredit.simulator.investment.plans import choose_order, loan_value, own_cash
from hashcredit.simulator.lenders.funding import capacity_of
from hashcredit.simulator.lenders.underwriting import ask_lenders
from hashcredit.simulator.machines.slots import slot_cost, slot_years
from hashcredit.simulator.state.codes import EventKind, Flow, Sector

# What is worth buying.


def test_slot_is_worth_its_lease() -> None:
    # 0.001 a year for five years at 6 + 14 %, paid all the time
    w = world()
    assert slot_cost(w.p, 1, slot_years(w.p, 0.2)) == pytest.approx(
        0.001 * (1 - math.exp(-1)) / 0.2, rel=1e-12
    )


def choice(w: World, b: int = 0, customer: int = -1) -> tuple[int, int]:
    """Type and units that a borrower with a budget of ten would order."""
    ask_lenders(w.economy, w.p, b)
    return choose_order(w.economy, w.p, b, customer, 10.0)[:2]


def test_fills_its_free_slots_only_above_the_hurdle() -> None:
    """A free slot is leased already: price 0.040, and 5 % more."""
    w = world(credit=[])
    w.value(NEW_GPU, 0.042 * (1 - 1e-9))
    assert choice(w) == (-1, 0)
    w.value(NEW_GPU, 0.042 * (1 + 1e-9))
    assert choice(w) == (NEW_GPU, 5)


def test_grows_only_above_the_hurdle() -> None:
    # Price with a slot 0.041; 5 % more is 0.04305; and the slot's lease is worth 0.0031606.
    w = world(credit=[])
    threshold = 0.041 * 1.05 + 0.001 * (1 - math.exp(-1)) / 0.2
    w.value(NEW_GPU, threshold * (1 - 1e-9))
    assert choice(w) == (NEW_GPU, 5)
    w.value(NEW_GPU, threshold * (1 + 1e-9))
    assert choice(w) == (NEW_GPU, 11)


def test_orders_what_is_worth_most_in_all() -> None:
    """Not what is worth most a dollar: as many of either fit, so the dearer type may be worth more."""
    w = world(credit=[])
    w.machine(GPU, end_of_sale_week=200)  # 0.030
    w.value(NEW_GPU, 0.060)
    w.value(GPU, 0.049)
    assert choice(w)[0] == NEW_GPU
    w.value(GPU, 0.051)
    assert choice(w)[0] == GPU


def test_a_cheap_loan_is_worth_something() -> None:
    """Level payments of a loan of one over two years at 8 %, discounted at 20 %."""
    w = world()
    paid = 0.5 * (1 - math.exp(-0.4)) / 0.2
    left = (1 - math.exp(-0.4)) / 0.2 - (1 - math.exp(-0.4) * 1.4) / (0.2 * 0.2 * 2.0)
    w.p["credit_utility_tenor_weeks"] = 104
    gain = loan_value(w.economy, w.p, w.borrowers[0], 0, 1, 1.0, False)
    assert gain == pytest.approx(1.0 - paid - 0.08 * left, rel=1e-12)
    assert loan_value(w.economy, w.p, w.borrowers[0], -1, 1, 1.0, False) == 0.0
    w.p["credit_balloon_share"] = 1.0  # of a bullet interest on all of it, and the face at the end
    bullet = loan_value(w.economy, w.p, w.borrowers[0], 0, 1, 1.0, False)
    annuity = (1 - math.exp(-0.4)) / 0.2
    assert bullet == pytest.approx(1.0 - 0.08 * annuity - math.exp(-0.4), rel=1e-12)
    assert own_cash(w.p, w.economy.machines[NEW_GPU], OFFER, 0.0, 0.0) == pytest.approx(OWN, rel=1e-12)


def test_buys_what_the_vendor_sells_today() -> None:
    w = world()
    w.machine(NEW_GPU, end_of_sale_week=PLANNING_WEEK - 1)
    assert choice(w)[0] == -1
    w.machine(NEW_GPU, end_of_sale_week=PLANNING_WEEK, launch_week=PLANNING_WEEK)
    assert choice(w)[0] == NEW_GPU
    w.machine(NEW_GPU, end_of_sale_week=99, launch_week=PLANNING_WEEK + 1)
    assert choice(w)[0] == -1


def test_only_miners_buy_asics() -> None:
    w = world(miners=1, credit=[])  # borrower 0 is the miner now
    w.borrower(0, slots=(10, 60, 0))
    w.machine(NEW_GPU, end_of_sale_week=-1)
    w.machine(ASIC, end_of_sale_week=99)
    w.value(ASIC, 1.0)
    assert choice(w) == (ASIC, 17)
    assert choice(w, b=1)[0] == -1


# How many.


def test_purchase_by_hand_without_credit() -> None:
    """Half of 0.81 buys nine machines at 0.041; five go into free slots, four need new ones."""
    w = world(cash=0.81, credit=[])
    assert bought(w) == 9  # ten, if a slot cost nothing
    assert w.borrowers["slots"][0].tolist() == [0, 64, 0]
    assert w.market["slots_built"] == 4
    assert w.borrowers["cash"][0] == pytest.approx(0.81 - 9 * 0.040 - 4 * 0.001, rel=1e-12)
    assert w.borrowers["lease_week"][0] == pytest.approx(4 * 0.001 / 52, rel=1e-12)
    assert w.borrowers["book"][0, NEW_GPU] == pytest.approx(0.36, rel=1e-12)
    assert w.economy.machines["delivered"][NEW_GPU] == 9
    assert w.borrowers["facilities"][0] == 0
    (event,) = w.events(EventKind.PURCHASE)
    assert (event["agent"], event["machine"], event["units"]) == (0, NEW_GPU, 9)
    assert event["amount"] == pytest.approx(0.36, rel=1e-12)
    w.assert_books_close()


def test_slots_to_let_come_before_new_ones() -> None:
    w = world(cash=0.81, credit=[])
    w.market["vacant"] = (9, 3, 9)
    w.market["slots_closed"] = 21
    w.opening.borrowers["slots"][0, 1] += 21  # the closed ones were somebody's
    assert bought(w) == 9
    assert w.market["vacant"].tolist() == [9, 0, 9]
    assert (w.market["slots_closed"], w.market["slots_built"]) == (18, 1)
    w.assert_books_close()


def test_growth_is_capped() -> None:
    # Free slots, and 0.4 a year for a quarter of 60 slots: 5 + 6
    assert bought(world(cash=90.0, credit=[])) == 11


def test_buffer_is_not_spent() -> None:
    w = world(cash=0.87, credit=[])
    w.borrower(0, obligations=0.0869)  # a tenth of a per cent above ten weeks of it
    assert bought(w) == 0


def test_every_borrower_plans_once_a_quarter_in_a_week_of_its_own() -> None:
    w = world(neoclouds=3, credit=[])
    weeks = []
    for b in range(3):
        w.borrower(b, units={GPU: 55}, cash=9.0, cost_of_capital=0.14, grade=1, slots=(0, 60, 0))
    for week in range(26):
        w.clock["week"] = week
        w.value(NEW_GPU, 0.060)
        before = w.borrowers["units"][:, NEW_GPU].copy()
        bought(w)
        weeks += [(int(b), week) for b in np.flatnonzero(w.borrowers["units"][:, NEW_GPU] > before)]
    assert sorted(weeks) == [(0, 12), (0, 25), (1, 11), (1, 24), (2, 10), (2, 23)]


def test_nobody_buys_between_planning_weeks() -> None:
    w = world()
    for week in range(PLANNING_WEEK):
        w.clock["week"] = week
        assert bought(w) == 0
    w.clock["week"] = PLANNING_WEEK
    w.value(NEW_GPU, 0.060)
    assert bought(w) > 0


@pytest.mark.parametrize(
    "breach",
    [{"payables": 0.001}, {"status": BorrowerStatus.IN_RESOLUTION}],
)
def test_no_purchase_with_unpaid_bills_or_after_default(breach: dict) -> None:
    w = world()
    w.borrower(0, **breach)
    assert bought(w) == 0


@pytest.mark.parametrize("count", ["weeks_overdue", "weeks_over_base", "weeks_under_dscr"])
def test_no_purchase_while_in_breach(count: str) -> None:
    w = world()
    row = w.loan(0, 0, 0.1)
    w.loans[count][row] = 1
    assert bought(w) == 0
    w.loans["status"][row] = LoanStatus.REPAID  # a breach of the past
    assert bought(w) > 0


# Credit.


def test_levered_purchase_by_hand() -> None:
    """Half of 0.3 at 0.023 of own cash a machine: six, financed with 6 * 0.018."""
    w = world(cash=0.3)
    assert bought(w) == 6
    loan = w.loans[0]
    assert (loan["status"], loan["machine"], loan["units"]) == (LoanStatus.PERFORMING, NEW_GPU, 6)
    assert loan["principal"] == pytest.approx(6 * OFFER, rel=1e-12)
    assert loan["maturity_week"] == PLANNING_WEEK + 104
    assert loan["rate"] == 0.04  # its own grade
    assert w.contracts["units"].sum() == 0
    # five slots were free, one is built
    assert w.borrowers["cash"][0] == pytest.approx(0.3 + 6 * OFFER - 6 * 0.040 - 0.001, rel=1e-12)
    assert w.lenders["cash"][0] == pytest.approx(10.0 - 6 * OFFER, rel=1e-12)
    (event,) = w.events(EventKind.LOAN)
    assert (event["agent"], event["counterparty"], event["units"]) == (0, 0, 6)
    w.assert_books_close()


def test_lender_without_cash_raises_funding() -> None:
    w = world(cash=0.3)
    w.lender(0, cash=0.05, funding=0.01)
    w.open()
    assert bought(w) == 6
    assert w.lenders["cash"][0] == pytest.approx(0.0, abs=1e-12)
    assert w.lenders["funding"][0] == pytest.approx(0.01 + 6 * OFFER - 0.05, rel=1e-12)
    w.assert_books_close()


def test_capacity_of_a_lender() -> None:
    w = World(neoclouds=1, banks=1, private_credit=1)
    put(w.repo, haircut=0.25, room=BIG)
    w.loan(0, 0, 3.0)
    for index in (0, 1):
        w.lender(index, cash=1.0 - 3.0 * (index == 0), capital_target=0.1)  # equity of one each
    # A bank carries ten times its equity; a fund whose loans are pledged at a haircut of a quarter, four.
    assert capacity_of(w.economy, w.p, w.lenders[0]) == pytest.approx(10.0 - 3.0, rel=1e-12)
    assert capacity_of(w.economy, w.p, w.lenders[1]) == pytest.approx(4.0, rel=1e-12)
    w.lender(0, status=LenderStatus.RECEIVERSHIP)
    assert capacity_of(w.economy, w.p, w.lenders[0]) == 0.0
    # without the channel neither its losses nor its end count
    w.p["channels_lender_credit"] = 0
    assert capacity_of(w.economy, w.p, w.lenders[0]) == pytest.approx(10.0 - 3.0, rel=1e-12)
    w.lender(0, losses=0.5)
    assert capacity_of(w.economy, w.p, w.lenders[0]) == pytest.approx(15.0 - 3.0, rel=1e-12)


def test_capacity_limits_the_purchase() -> None:
    w = world(cash=0.3)
    w.lender(0, cash=0.0091)  # equity: room for 0.091, five loans of 0.018
    w.open()
    assert bought(w) == 5
    w.assert_books_close()


def test_lender_without_room_for_one_machine_does_not_stand_in_the_way() -> None:
    w = world(cash=0.3, banks=2)
    w.lender(0, cash=0.001, advance_rate=0.55)  # room for 0.01, less than one loan
    w.lender(1, cash=10.0)
    assert bought(w) == 6


def test_purchase_without_a_free_row_is_paid_in_cash() -> None:
    w = world(cash=0.3)
    for _ in range(FACILITIES):
        w.loan(0, 0, 0.0)
    w.open()
    assert bought(w) == 3  # 0.15 at 0.041
    assert w.lenders["loans"][0].sum() == 0.0
    w.assert_books_close()


def test_row_of_a_repaid_loan_is_used_again() -> None:
    w = world(cash=0.3)
    for _ in range(FACILITIES):
        w.loan(0, 0, 0.0)
    w.loans["status"][3] = LoanStatus.REPAID
    assert bought(w) == 6
    assert w.loans["units"][3] == 6
    assert w.borrowers["facilities"][0] == FACILITIES


# Contracts and clauses.


def with_customers(**numbers) -> World:
    """Customers of the third grade look for the throughput of 40 newer GPUs, and would be found at once."""
    w = world(cash=0.3, investment_search_weeks=1e-3, **numbers)
    w.machine(NEW_GPU, full_rent=0.024)
    w.market["term_pool"] = (0.0, 0.0, 80.0, 0.0)
    return w


def test_new_facility_is_let_to_who_has_signed() -> None:
    w = with_customers()
    w.economy.machines["launches"][NEW_GPU] = 0
    assert bought(w) == 7  # with a contract the loan is half of the price: 0.15 at 0.021
    loan, contract = w.loans[0], w.contracts[0]
    assert (contract["units"], contract["end_week"], contract["loan"]) == (7, PLANNING_WEEK + 52, 0)
    # the mean of a year in which rents fall at 10 %
    assert contract["rent"] == pytest.approx(0.024 * (1 - math.exp(-0.1)) / 0.1, rel=1e-12)
    assert contract["hazard_left"] > 0.0
    assert w.market["term_pool"].tolist() == [0.0, 0.0, 80.0 - 7 * 2.0, 0.0]
    assert (contract["customer_grade"], loan["rate"]) == (2, 0.06)  # the only grade of customer there is
    (event,) = w.events(EventKind.CONTRACT)
    assert (event["agent"], event["counterparty"], event["units"]) == (0, -1, 7)
    assert event["amount"] == pytest.approx(7 * contract["rent"], rel=1e-12)  # a year of it
    w.assert_books_close()


def test_without_a_row_for_a_contract_machines_go_on_demand() -> None:
    w = with_customers()
    for _ in range(CONTRACTS):
        w.contract(0, GPU, 1)
    assert bought(w) == 7
    assert (w.contracts["machine"] == GPU).all()
    assert w.events(EventKind.CONTRACT) == []


def test_nobody_signs_for_more_than_is_wanted_or_for_less_than_on_demand_brings() -> None:
    w = with_customers()
    w.market["term_pool"] = (0.0, 0.0, 7.9, 0.0)
    ask_lenders(w.economy, w.p, 0)
    assert choose_order(w.economy, w.p, 0, 2, 0.15)[1] == 6  # on demand, rather than three that are let
    w.market["term_pool"] = (0.0, 0.0, 80.0, 0.0)
    assert choose_order(w.economy, w.p, 0, 2, 0.15)[4] > 0.0
    w.market["term_premium"] = -2.0
    assert choose_order(w.economy, w.p, 0, 2, 0.15)[4] == 0.0


def test_shares_are_sold_for_growth_while_the_window_is_open() -> None:
    """Without cash: a listed neo-cloud sells 5 % of its equity of 1.1 and buys a machine; others buy none."""
    for listed in (0, 1):
        w = world(cash=0.0, credit=[])
        w.borrower(0, listed=listed, issued_week=-100)
        assert bought(w) == listed
        raised = own_cash(w.p, w.economy.machines[NEW_GPU], 0.0, 0.0, 0.0)  # no more than it takes
        assert w.outcomes["equity_raised_musd"] == pytest.approx(listed * raised, rel=1e-12)
        w.assert_books_close()


def test_a_new_loan_has_its_balloon() -> None:
    w = world(cash=0.3, credit_balloon_share=0.3)
    bought(w)
    assert w.loans["balloon"][0] == pytest.approx(0.3 * 6 * OFFER, rel=1e-12)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_clauses_are_drawn_from_their_shares(share: float) -> None:
    shares = {f"credit_{name}_share": share for name in ("marked", "recourse", "cross_default")}
    w = world(cash=0.3, **shares)
    bought(w)
    loan = w.loans[0]
    assert (loan["borrowing_base"], loan["recourse"], loan["cross_default"]) == (share, share, share)
    assert (loan["dscr_covenant"], loan["cash_sweep"], loan["cure_weeks"]) == (1.2, 1, 2)
    assert loan["advance_rate"] == 0.5


def test_vendor_is_paid() -> None:
    w = world(cash=0.3)
    bought(w)
    assert w.economy.flows[Flow.NEW_MACHINES, Sector.REST_OF_WORLD] == pytest.approx(0.24, rel=1e-12)
    assert w.economy.flows[Flow.SLOT_BUILDING, Sector.REST_OF_WORLD] == pytest.approx(0.001, rel=1e-12)
    assert w.economy.flows[Flow.LOAN_DRAWDOWNS, Sector.NEOCLOUDS] == pytest.approx(6 * OFFER, rel=1e-12)


def test_who_decides_first_rotates() -> None:
    # One lender with room for five loans: whoever plans first gets them.
    first = []
    for week in (PLANNING_WEEK, PLANNING_WEEK + 1):
        w = world(neoclouds=2, investment_decision_weeks=1)
        w.clock["week"] = week
        w.borrower(0, cash=0.3)
        w.borrower(1, units={GPU: 55}, cash=0.3, cost_of_capital=0.14, grade=1, slots=(0, 60, 0))
        w.lender(0, cash=0.0091)
        w.value(NEW_GPU, 0.060)
        bought(w)
        first.append(int(w.borrowers["debt"][:, 0].argmax()))
    assert sorted(first) == [0, 1]
