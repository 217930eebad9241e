"""Three answers to a breach without a missed payment, and vehicles in their lenders' control, by hand."""

from typing import Any

import pytest
from worlds import GPU, World, put

from hashcredit.agents.dimensions import (
    Answer,
    BorrowerStatus,
    Channel,
    Enforcement,
    LenderStatus,
    LoanStatus,
)
from hashcredit.simulator.credit.cash_flow import operate
from hashcredit.simulator.credit.control import free_cash_flow
from hashcredit.simulator.credit.covenants import enforce_covenants
from hashcredit.simulator.credit.enforcement import answer_breach
from hashcredit.simulator.credit.equity import sell_shares
from hashcredit.simulator.credit.pressure import act_under_pressure
from hashcredit.simulator.investment.plans import can_plan
from hashcredit.simulator.resolution.forced import split_facility
from hashcredit.simulator.state.codes import EventKind

# The figures of `test_enforcement`: 100 GPUs behind a face of 1.3, over a base of 1.0, fetch 1.155320 now. A
# payment of x a week, for as long as the borrower lives, and the machines in the end are worth
# 47.03720 x + 0.941956. A unit earns 0.006 a year, costs 0.002 and has a slot for 0.001: a vehicle's cash
# flow is 100 * 0.003 / 52 = 0.0057692 a week, and worth 47.03720 * 0.0057692 + 0.941956 = 1.213324.
FLOW = 100 * 0.003 / 52
LEASE = 100 * 0.001 / 52
INTEREST = 1.3 * 0.10 / 52
TAKES, CALLS, WAITS = range(3)
"""What a lender does best about each of the borrowers."""


def breaches(other: float = 0.0, **numbers: Any) -> World:
    """Three vehicles in breach. One owner can pay 0.02 a week, one runs machines that do not earn their cost.

    The owner of the one that is to be taken owes `other` besides, with recourse.
    """
    numbers = {"credit_enforcement": Enforcement.CHOICE, "credit_control": 1} | numbers
    w = World(neoclouds=4, banks=1, **numbers)
    w.machine(GPU, earning=0.006, trigger=5)
    w.economy.machines["cost"][GPU, 1] = 0.006
    for b in (TAKES, CALLS, WAITS):
        w.borrower(b, units={GPU: 100}, obligations=0.1, lease_week=LEASE, service_window=13 * 0.015)
        w.loan(b, 0, 1.3, machine=GPU, units=100, borrowing_base=1, advance_rate=0.5, recourse=0)
    if other > 0.0:
        w.loan(TAKES, 0, other, maturity_week=101)
    w.borrower(CALLS, site_class=1)
    w.borrower(WAITS, cfads_window=13 * 0.02)
    w.borrower(3, units={GPU: 200})
    w.lender(0, cost_of_capital=0.04)
    w.open()
    return w


def weeks(w: World, number: int) -> None:
    """The covenants for some weeks: two to cure, reviews every three, so decisions in weeks 3, 6, 9."""
    for _ in range(number):
        enforce_covenants(w.economy, w.p)
        w.clock["week"] += 1


def row(w: World, b: int) -> Any:
    """The loan of a borrower that has one."""
    return w.loans[b * 12]


def test_each_answer_where_it_is_best() -> None:
    w = breaches()
    assert free_cash_flow(w.economy, w.p, 0) == pytest.approx(FLOW, rel=1e-12)
    assert free_cash_flow(w.economy, w.p, 12) == 0.0  # 0.002 a unit less than the slot and power
    answers = [answer_breach(w.economy, w.p, b * 12) for b in range(3)]
    assert answers == [Answer.CONTROL, Answer.CALL, Answer.WAIT]
    weeks(w, 3)
    assert [row(w, b)["status"] for b in range(3)] == [1, LoanStatus.DEFAULTED, 1]
    assert [row(w, b)["controlled"] for b in range(3)] == list(w.borrowers["controlled"][:3]) == [1, 0, 0]
    (taken,) = w.events(EventKind.CONTROL_TAKEN)
    assert (taken["counterparty"], taken["units"], taken["amount"]) == (TAKES, 100, 1.3)
    assert (taken["channel"], taken["parent"]) == (Channel.MACHINE_PRICE, 5)
    assert len(w.events(EventKind.ACCELERATION)) == len(w.events(EventKind.FORBEARANCE)) == 1
    assert w.outcomes["control_taken"] == w.outcomes["facility_defaults"] == 1
    w.assert_books_close()
    weeks(w, 9)  # nothing has changed: the reviews end the same, and nothing is counted twice
    assert w.outcomes["control_taken"] == w.outcomes["facility_defaults"] == 1


@pytest.mark.parametrize(("hair", "answer"), [(-1e-6, Answer.CALL), (1e-6, Answer.CONTROL)])
def test_control_is_taken_where_it_is_worth_more_than_the_sale(hair: float, answer: Answer) -> None:
    # (1.155320 - 0.941956) / 47.03720 = 0.0045361 a week
    w = breaches()
    w.machine(GPU, earning=0.003 + (0.0045361 + hair) * 52 / 100)
    assert answer_breach(w.economy, w.p, 0) == answer


@pytest.mark.parametrize("barred", ["switch", "recourse", "missed", "matures", "always", "never"])
def test_it_takes_a_pledged_vehicle_that_has_missed_nothing(barred: str) -> None:
    w = breaches()
    if barred == "switch":
        w.p["credit_control"] = 0
    elif barred == "recourse":
        row(w, TAKES)["recourse"] = 1
    elif barred == "missed":
        put(row(w, TAKES), weeks_overdue=1, overdue=0.01)
    elif barred == "matures":
        row(w, TAKES)["maturity_week"] = 1
    else:
        w.p["credit_enforcement"] = {"always": Enforcement.ALWAYS, "never": Enforcement.NEVER}[barred]
    expected = Answer.WAIT if barred == "never" else Answer.CALL
    assert answer_breach(w.economy, w.p, 0) == expected


# In control.


def controlled(**numbers: Any) -> World:
    """The first of them, in control since the end of week 2."""
    w = breaches(**numbers)
    weeks(w, 3)
    assert row(w, TAKES)["controlled"] == 1
    return w


def operated(w: World) -> float:
    """A week of operations after the owner has sold shares for 0.5; what it adds to the owner's cash."""
    owner = w.borrowers[TAKES]
    sell_shares(w.economy, owner, 0.5)
    before = float(owner["cash"])
    operate(w.economy, w.p)
    w.assert_books_close()
    return float(owner["cash"]) - before


def test_all_that_the_vehicle_earns_goes_to_the_lender_and_no_more() -> None:
    w = controlled()
    change = operated(w)
    loan, owner = row(w, TAKES), w.borrowers[TAKES]
    assert loan["principal"] == pytest.approx(1.3 - (FLOW - INTEREST), rel=1e-12)
    assert owner["debt"][0] == loan["principal"]
    # 100 * (0.006 - 0.002) a year less the lease less what is swept: nothing is left, nothing is added
    assert change == pytest.approx(0.0, abs=1e-15)
    # cover goes on to be that of the contract: interest, and one of 101 instalments
    scheduled = loan["principal"] * 0.10 / 52 + loan["principal"] / 101
    assert owner["obligations"] == pytest.approx(LEASE + scheduled, rel=1e-12)


def test_interest_that_is_not_earned_is_added_to_the_face() -> None:
    w = controlled()
    w.machine(GPU, earning=0.0035)  # 100 * 0.0005 / 52 = 0.0009615 a week
    change = operated(w)
    loan = row(w, TAKES)
    assert loan["principal"] == pytest.approx(1.3 + INTEREST - 0.05 / 52, rel=1e-12)
    assert (loan["overdue"], loan["weeks_overdue"]) == (0.0, 0)
    assert change == pytest.approx(0.0, abs=1e-15)
    assert [event["agent"] for event in w.events(EventKind.MISSED_PAYMENT)] == [WAITS]  # it has no cash


def test_other_debts_of_the_owner_are_served_as_before() -> None:
    w = controlled(other=0.2)
    change = operated(w)
    assert w.loans["principal"][1] == pytest.approx(0.2 * (1 - 1 / 99), rel=1e-12)
    assert change == pytest.approx(-0.2 / 99 - 0.02 / 52, abs=1e-15)
    # and where it can pay neither all leases nor them, the vehicle is still its lender's
    w.borrower(TAKES, lease_week=1.0)
    before = row(w, TAKES)["principal"]
    operate(w.economy, w.p)
    w.assert_books_close()
    assert row(w, TAKES)["principal"] == pytest.approx(before * (1 + 0.10 / 52) - FLOW, rel=1e-12)
    assert w.loans["weeks_overdue"][1] == 1
    assert w.borrowers["payables"][TAKES] > 0.0


def test_the_owner_is_asked_for_nothing_and_buys_nothing() -> None:
    w = controlled()
    w.borrower(TAKES, cash=5.0, units={GPU: 120})  # it could pledge twenty, or pay
    weeks(w, 2)
    assert (w.borrowers["cash"][TAKES], row(w, TAKES)["units"]) == (5.0, 100)
    assert (w.borrowers["selling"][TAKES], w.borrowers["offered"][TAKES, GPU]) == (0, 0)
    assert not can_plan(w.economy, TAKES)
    assert w.borrowers["status"][TAKES] == BorrowerStatus.ALIVE


def test_a_lender_in_control_calls_once_that_is_worth_more() -> None:
    w = controlled()
    w.machine(GPU, earning=0.003)  # nothing comes in any more: 0.941956
    weeks(w, 2)
    assert row(w, TAKES)["status"] == LoanStatus.PERFORMING
    weeks(w, 1)
    loan = row(w, TAKES)
    assert (loan["status"], loan["controlled"], loan["seized"]) == (LoanStatus.DEFAULTED, 0, 100)
    assert w.borrowers["controlled"][TAKES] == 0
    w.assert_books_close()


def test_a_pressed_lender_cannot_take_control() -> None:
    w = breaches()
    w.lender(0, status=LenderStatus.RECEIVERSHIP)
    weeks(w, 3)
    assert w.events(EventKind.CONTROL_TAKEN) == []
    channels = [int(event["channel"]) for event in w.events(EventKind.ACCELERATION)]
    assert channels == [Channel.LENDER_CREDIT, Channel.MACHINE_PRICE, Channel.LENDER_CREDIT]


def test_nor_keep_it() -> None:
    w = controlled()
    w.lender(0, status=LenderStatus.RECEIVERSHIP, pressed_since=-1)
    assert act_under_pressure(w.economy, w.p) == 1
    assert (row(w, TAKES)["status"], row(w, TAKES)["controlled"]) == (LoanStatus.DEFAULTED, 0)


def test_the_owner_has_the_vehicle_back_when_the_breach_is_cured() -> None:
    w = controlled()
    w.machine(GPU, appraisal=0.026)  # base 1.3
    row(w, TAKES)["dscr_covenant"] = 1.2  # cover is 0: still in breach
    weeks(w, 1)
    assert (row(w, TAKES)["weeks_over_base"], row(w, TAKES)["controlled"]) == (0, 1)
    w.borrower(TAKES, cfads_window=1.2 * 13 * 0.015)
    weeks(w, 1)
    assert (row(w, TAKES)["controlled"], w.borrowers["controlled"][TAKES]) == (0, 0)
    assert can_plan(w.economy, TAKES)


@pytest.mark.parametrize(("worth", "back"), [(0.0129, True), (0.0131, False)])
def test_before_it_matures_the_owner_redeems_or_hands_back(worth: float, back: bool) -> None:
    w = controlled(credit_hand_back=1, credit_review_weeks=40)
    row(w, TAKES)["maturity_week"] = 4
    w.value(GPU, worth)
    weeks(w, 1)
    assert (row(w, TAKES)["controlled"], w.borrowers["controlled"][TAKES]) == (0, 0)
    assert (row(w, TAKES)["status"] == LoanStatus.DEFAULTED) == back
    assert len(w.events(EventKind.HAND_BACK)) == back


def test_a_loan_that_is_repaid_or_split_is_counted_right() -> None:
    w = controlled()
    w.borrower(TAKES, facilities=2)
    part = split_facility(w.economy, 0, 40)
    assert w.loans["controlled"][part] == 1
    w.loans["principal"][part] = w.loans["principal"][0] = 1e-6  # less than a week's cash flow
    w.borrower(TAKES, cash=0.5)
    operate(w.economy, w.p)
    assert row(w, TAKES)["status"] == w.loans["status"][part] == LoanStatus.REPAID
    assert w.borrowers["controlled"][TAKES] == 0
