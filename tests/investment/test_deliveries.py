"""Machines that arrive, and what happens if somebody cannot pay or fails meanwhile."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ordering import (
    ARRIVAL,
    BASELINE,
    DEPOSIT,
    OFFER,
    PLANNING_WEEK,
    PRICE,
    SLOT,
    arrived,
    drain,
    ordered,
    world,
)
from worlds import GPU, NEW_GPU, World

from hashcredit.agents.borrower import units_payable
from hashcredit.agents.dimensions import (
    BorrowerStatus,
    Cause,
    LenderStatus,
    LoanStatus,
)
from hashcredit.simulator import simulate
from hashcredit.simulator.books.ledger import pay
from hashcredit.simulator.resolution.default import resolve_defaults
from hashcredit.simulator.state.codes import EventKind, Flow, Revaluation, Sector
from hashcredit.simulator.week.rounds import manage_capital

# Arrival.


def test_delivery_by_hand() -> None:
    """Six machines: the deposit counts, the bank pays its loan, five slots are free and one is built."""
    w = world()
    ordered(w)
    assert arrived(w, ARRIVAL - 1) == 0
    assert arrived(w) == 6
    borrower, lender, loan = w.borrowers[0], w.lenders[0], w.loans[0]
    assert borrower["cash"] == pytest.approx(0.3 + 6 * OFFER - 6 * PRICE - SLOT, rel=1e-12)
    assert borrower["book"][NEW_GPU] == pytest.approx(6 * PRICE, rel=1e-12)
    assert borrower["slots"].tolist() == [0, 61, 0]
    assert borrower["lease_week"] == pytest.approx(0.001 / 52, rel=1e-12)
    assert (borrower["orders"], borrower["deposits"], borrower["reserved"]) == (0, 0.0, 0.0)
    assert (loan["status"], loan["units"]) == (LoanStatus.PERFORMING, 6)
    assert loan["principal"] == pytest.approx(6 * OFFER, rel=1e-12)
    assert loan["maturity_week"] == ARRIVAL + 104
    assert lender["committed"] == 0.0
    assert lender["cash"] == pytest.approx(10.0 - 6 * OFFER, rel=1e-12)
    assert w.economy.machines["delivered"][NEW_GPU] == 6
    (event,) = w.events(EventKind.PURCHASE)
    assert (event["units"], event["week"]) == (6, ARRIVAL)
    assert w.events(EventKind.ORDER_CANCELLED) == []
    w.assert_books_close()


def test_price_is_that_of_the_order() -> None:
    w = world()
    ordered(w)
    w.machine(NEW_GPU, price_new=0.010, appraisal=0.005)
    assert arrived(w) == 6
    assert w.borrowers["book"][0, NEW_GPU] == pytest.approx(6 * PRICE, rel=1e-12)
    assert w.loans["principal"][0] == pytest.approx(6 * OFFER, rel=1e-12)


def test_a_marked_loan_stays_within_its_base() -> None:
    # Half of an appraisal of 0.020 is less than the 0.018 promised; own cash fills the gap.
    w = world(credit_marked_share=1.0)
    ordered(w)
    w.machine(NEW_GPU, appraisal=0.020)
    assert arrived(w) == 6
    assert w.loans["principal"][0] == pytest.approx(6 * 0.010, rel=1e-12)
    assert w.lenders["committed"][0] == 0.0
    w.assert_books_close()


def test_contract_begins_with_the_machines_at_the_rent_that_was_signed() -> None:
    w = world(investment_search_weeks=1e-3)
    w.machine(NEW_GPU, full_rent=0.030)
    w.market["term_pool"] = (0.0, 0.0, 12.0, 0.0)
    assert ordered(w) == 6  # all that are wanted
    hazard, rent = w.economy.orders["hazard"][0], w.economy.orders["rent"][0]
    assert rent == pytest.approx(0.030 * (1 - math.exp(-0.1)) / 0.1, rel=1e-12)
    w.machine(NEW_GPU, full_rent=0.012, earning=0.012)
    assert arrived(w) == 6
    loan, contract = w.loans[0], w.contracts[0]
    assert (contract["machine"], contract["units"], contract["loan"]) == (NEW_GPU, 6, 0)
    assert (contract["start_week"], contract["end_week"]) == (ARRIVAL, ARRIVAL + 52)
    assert contract["rent"] == rent
    assert contract["hazard_left"] == hazard > 0.0
    assert contract["customer_grade"] == 2
    assert (loan["customer_grade"], loan["rate"]) == (2, 0.06)


def test_a_loan_larger_than_what_is_left_of_the_price_pays_back() -> None:
    # Deposit 0.024, loan 0.018, price 0.040
    w = world(investment_deposit_share=0.6)
    assert ordered(w) == 6
    assert w.borrowers["reserved"][0] == 0.0
    drain(w, left=0.0)
    assert arrived(w) == 6
    assert w.borrowers["cash"][0] == pytest.approx(6 * 0.002 - SLOT, rel=1e-9)
    w.assert_books_close()


# Who cannot pay.


def test_short_of_cash_it_takes_what_it_can_pay() -> None:
    """0.05 at 0.012 a machine pays for four; the deposits on two are lost."""
    w = world()
    ordered(w)
    drain(w, left=0.05)
    assert arrived(w) == 4
    assert w.borrowers["cash"][0] == pytest.approx(0.05 - 4 * 0.012, rel=1e-9)
    assert w.loans["principal"][0] == pytest.approx(4 * OFFER, rel=1e-12)
    assert w.lenders["committed"][0] == 0.0
    lost = w.economy.revaluations[Revaluation.FORFEITED_DEPOSITS]
    assert lost[Sector.NEOCLOUDS] == pytest.approx(-2 * DEPOSIT, rel=1e-12)
    assert lost[Sector.REST_OF_WORLD] == pytest.approx(2 * DEPOSIT, rel=1e-12)
    (event,) = w.events(EventKind.ORDER_CANCELLED)
    assert (event["units"], event["cause"]) == (2, Cause.ILLIQUIDITY)
    assert event["amount"] == pytest.approx(2 * DEPOSIT, rel=1e-12)
    assert w.borrowers["orders"][0] == 0
    w.assert_books_close()


def test_a_reserve_of_obligations_stays() -> None:
    # Four weeks of 0.01; the buffer of ten weeks may be used.
    w = world()
    ordered(w)
    drain(w, left=0.09)
    w.borrower(0, obligations=0.01)
    assert arrived(w) == 4
    assert w.borrowers["cash"][0] == pytest.approx(0.09 - 4 * 0.012, rel=1e-9)


def test_coins_are_sold_before_a_deposit_is_lost() -> None:
    w = world()
    w.borrower(0, btc=1.0)
    w.open()
    ordered(w)
    drain(w, left=0.05)
    assert arrived(w) == 6
    # 6 * 0.012 and a slot, of which 0.05 was there; a coin is worth 0.1
    assert w.borrowers["btc"][0] == pytest.approx(1.0 - 0.23, rel=1e-9)
    assert w.borrowers["cash"][0] == pytest.approx(0.0, abs=1e-12)
    assert w.events(EventKind.ORDER_CANCELLED) == []
    w.assert_books_close()


def test_vendor_waits() -> None:
    """For two weeks it holds what cannot be taken in full; on the last of them it lets part of it go."""
    w = world(investment_hold_weeks=2)
    ordered(w)
    drain(w, left=0.05)
    assert [arrived(w, ARRIVAL + week) for week in range(3)] == [0, 0, 4]
    assert w.borrowers["orders"][0] == 0


def test_vendor_need_not_wait_once_there_is_cash() -> None:
    w = world(investment_hold_weeks=2)
    ordered(w)
    drain(w, left=0.05)
    assert arrived(w) == 0
    pay(w.economy, Flow.COMPUTE_RENT, w.economy.world[0], w.borrowers[0], 0.1)
    assert arrived(w, ARRIVAL + 1) == 6
    w.assert_books_close()


def in_breach(field: str) -> World:
    """Six machines are on order when the borrower breaches an older loan."""
    w = world()
    row = w.loan(0, 0, 0.01, machine=GPU, units=1)
    w.open()
    assert ordered(w) == 6
    w.loans[field][row] = 1
    return w


@pytest.mark.parametrize("field", ["weeks_over_base", "weeks_under_dscr"])
def test_no_draw_while_in_breach(field: str) -> None:
    """The bank need not lend: 0.24 pays for eight at 0.030, so it takes all six with its own cash."""
    w = in_breach(field)
    assert arrived(w) == 6
    assert w.loans["principal"][1] == 0.0
    assert w.borrowers["cash"][0] == pytest.approx(0.24 - 6 * 0.030 - SLOT, rel=1e-9)
    assert w.lenders["committed"][0] == 0.0
    w.assert_books_close()


def test_nothing_is_taken_while_payments_are_overdue() -> None:
    w = in_breach("weeks_overdue")
    assert arrived(w) == 0
    assert w.borrowers["deposits"][0] == 0.0
    (event,) = w.events(EventKind.ORDER_CANCELLED)
    assert event["units"] == 6
    assert w.lenders["committed"][0] == 0.0
    w.assert_books_close()


# Failures.


def test_default_ends_orders() -> None:
    w = world(neoclouds=2)
    w.borrower(1, units={GPU: 55}, cash=0.3, cost_of_capital=0.14, grade=1, slots=(0, 60, 0))
    w.open()
    w.clock["week"] = PLANNING_WEEK - 1
    assert ordered(w) == 6  # the second's week of planning comes first
    w.clock["week"] = PLANNING_WEEK
    assert ordered(w) == 12
    w.borrower(0, pending_cause=Cause.INSOLVENCY)
    resolve_defaults(w.economy, w.p, 1, 0)
    failed = w.borrowers[0]
    assert failed["status"] == BorrowerStatus.IN_RESOLUTION
    assert (failed["orders"], failed["deposits"], failed["reserved"]) == (0, 0.0, 0.0)
    lost = w.economy.revaluations[Revaluation.FORFEITED_DEPOSITS]
    assert lost[Sector.NEOCLOUDS] == pytest.approx(-6 * DEPOSIT, rel=1e-12)
    assert lost[Sector.REST_OF_WORLD] == pytest.approx(6 * DEPOSIT, rel=1e-12)
    assert w.lenders["committed"][0] == pytest.approx(6 * OFFER, rel=1e-12)  # the other's
    (default,) = w.events(EventKind.DEFAULT)
    (event,) = w.events(EventKind.ORDER_CANCELLED)
    assert (event["cause"], event["units"]) == (Cause.INSOLVENCY, 6)
    assert event["parent"] == failed["default_event"]
    assert default["agent"] == event["agent"] == 0
    w.assert_books_close()
    arrived(w)
    assert w.borrowers["units"][:, NEW_GPU].tolist() == [0, 6]


def drain_lender(w: World, index: int, left: float) -> None:
    """Let a lender pay until so much cash, here its capital too, is left (M$)."""
    lender = w.lenders[index]
    pay(w.economy, Flow.FUNDING_INTEREST, lender, w.economy.world[0], float(lender["cash"]) - left)


def fail_lender(w: World, index: int) -> None:
    """A lender loses all its capital and more."""
    lender = w.lenders[index]
    drain_lender(w, index, left=-1.0)
    manage_capital(w.economy, w.p)
    assert lender["status"] == LenderStatus.RECEIVERSHIP


def test_undrawn_lines_of_a_failed_lender_are_gone() -> None:
    w = world(banks=2, credit=[(0, 0)])
    ordered(w)
    fail_lender(w, 0)
    assert w.lenders["committed"].tolist() == [0.0, 0.0]
    order = w.economy.orders[0]
    assert (order["holder"], order["commitment"], order["units"]) == (-1, 0.0, 6)
    assert w.borrowers["reserved"][0] == pytest.approx(6 * (PRICE + SLOT - DEPOSIT), rel=1e-12)
    w.assert_books_close()
    # It knows no other lender: 0.24 of its own pays the rest, 0.030 a machine.
    assert arrived(w) == 6
    assert w.borrowers["debt"][0].sum() == 0.0
    assert w.borrowers["cash"][0] == pytest.approx(0.24 - 6 * 0.030 - SLOT, rel=1e-9)
    w.assert_books_close()


def test_without_its_lender_and_without_cash_it_loses_the_deposit() -> None:
    w = world(credit=[(0, 0)])
    ordered(w)
    fail_lender(w, 0)
    drain(w, left=0.02)
    assert arrived(w) == 0
    assert w.economy.revaluations[Revaluation.FORFEITED_DEPOSITS, Sector.NEOCLOUDS] < 0.0
    w.assert_books_close()


def test_another_lender_steps_in_on_its_own_terms() -> None:
    w = world(banks=2)
    w.lender(1, advance_rate=0.4)
    ordered(w)
    assert w.economy.orders["holder"][0] == 0
    fail_lender(w, 0)
    assert arrived(w) == 6
    loan = w.loans[0]
    assert (loan["holder"], loan["units"]) == (1, 6)
    assert loan["principal"] == pytest.approx(6 * 0.4 * 0.036, rel=1e-12)
    assert w.lenders["committed"].tolist() == [0.0, 0.0]
    w.assert_books_close()


def test_a_new_lender_lends_no_more_than_it_has_room_for() -> None:
    w = world(banks=2)
    ordered(w)
    fail_lender(w, 0)
    drain_lender(w, 1, left=0.0054)  # room for 0.054: half of what six machines would get
    assert arrived(w) == 6
    assert w.loans["principal"][0] == pytest.approx(0.054, rel=1e-9)
    w.assert_books_close()


def test_lender_that_fails_after_delivery_has_nothing_left_to_withdraw() -> None:
    w = world()
    ordered(w)
    arrived(w)
    fail_lender(w, 0)
    assert w.borrowers["orders"][0] == 0
    assert w.loans["principal"][0] == pytest.approx(6 * OFFER, rel=1e-12)
    w.assert_books_close()


# The rule of how many.

CENTS = st.integers(-500, 500)


@given(
    means=CENTS,
    due=CENTS,
    slot=st.integers(0, 300),
    free=st.integers(0, 12),
    units=st.integers(1, 12),
)
def test_units_payable_is_the_most_that_fits(means, due, slot, free, units) -> None:
    """Against trying every number; whole numbers, so that nothing is rounded."""
    fits = [n for n in range(units + 1) if n * due + max(0, n - free) * slot <= means]
    got = units_payable(float(means), float(due), float(slot), free, units)
    if units in fits:
        assert got == units
    elif means <= 0:
        assert got == 0
    else:
        assert got == max(fits)


# In a run.

BUSY = {
    "horizon_weeks": 60,
    "population.miners": 15,
    "population.neoclouds": 15,
    "investment.hurdle": -0.3,
    "investment.decision_weeks": 4,
    "investment.lead_weeks": 9,
    "investment.lead_weeks_asic": 6,
    "investment.deposit_share": 0.3,
    "shocks.forced_default": {"week": 20, "machine": "H100", "units": 30_000},
}


def test_every_machine_ordered_arrives_is_cancelled_or_is_still_on_order() -> None:
    run = simulate(BASELINE.with_changes(BUSY), seed=2, check=True)
    units = run.events.groupby("kind")["units"].sum()
    assert units["order_cancelled"] > 0
    outstanding = run.tables["orders"]["units"].sum()
    ordered = run.before.orders["units"].sum() + units["order"]
    assert ordered == units["purchase"] + units["order_cancelled"] + outstanding
    assert run.series["units_on_order"].iloc[-1] == outstanding
    assert units["purchase"] == run.tables["machines"]["units_delivered"].sum()
    lost = run.events.query("kind == 'order_cancelled'")["amount_musd"].sum()
    assert run.revaluations.loc["forfeited_deposits", "rest_of_world"] == pytest.approx(lost, rel=1e-9)
    columns = run.series[["deposits_musd", "committed_musd"]].iloc[-1]
    assert columns["deposits_musd"] == pytest.approx(run.tables["borrowers"]["deposits"].sum(), rel=1e-9)
    assert columns["committed_musd"] == pytest.approx(run.tables["lenders"]["committed"].sum(), rel=1e-9)


def test_nothing_arrives_before_its_time() -> None:
    run = simulate(BASELINE.with_changes(BUSY), seed=2)
    kind = {name: ("asic" if name.startswith("S") else "gpu") for name in run.setup.machine_names}
    lead = {"gpu": 9, "asic": 6}
    orders, purchases = (
        {(row.agent, row.machine, row.week) for row in run.events.query(f"kind == '{name}'").itertuples()}
        for name in ("order", "purchase")
    )
    assert len(purchases) > 50
    opening = run.opening["orders"].query("units > 0")
    promised = {(row.borrower, row.machine, row.delivery_week) for row in opening.itertuples()}
    held = range(run.setup.scenario.investment.hold_weeks + 1)
    for agent, machine, week in purchases:
        due = [week - late for late in held]
        ordered = any((agent, machine, arrival - lead[kind[machine]]) in orders for arrival in due)
        assert ordered or any((agent, machine, arrival) in promised for arrival in due)


def test_without_a_lead_machines_are_bought_on_the_spot() -> None:
    spot = {"investment.lead_weeks": 0, "investment.lead_weeks_asic": 0, "investment.deposit_share": 0.0}
    run = simulate(BASELINE.with_changes(BUSY | spot), seed=2, check=True)
    columns = ["week", "agent", "machine", "units", "amount_musd"]
    orders, purchases = (
        run.events.query(f"kind == '{name}'")[columns].sort_values(columns).to_numpy().tolist()
        for name in ("order", "purchase")
    )
    assert orders == purchases != []
    assert run.series["units_on_order"].max() == 0
    assert run.events.query("kind == 'order_cancelled'").empty
