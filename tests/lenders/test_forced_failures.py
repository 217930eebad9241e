"""Failures that a scenario imposes on lenders: which of a kind, how many, once, and how they are counted."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds import World

from hashcredit.agents.dimensions import Channel, LenderKind, LenderStatus
from hashcredit.simulator import Scenario, simulate
from hashcredit.simulator.books.ledger import lender_equity
from hashcredit.simulator.credit.pressure import act_under_pressure
from hashcredit.simulator.lenders.receivership import fail_lenders
from hashcredit.simulator.state.codes import EventKind
from hashcredit.simulator.week.rounds import manage_capital

FAILED = LenderStatus.RECEIVERSHIP
WEEK = 5
FUNDS = (20.0, 50.0, 0.0, 30.0)
"""Loans of the private lenders, M$; a bank has 70."""


def market(share: float, loans: tuple[float, ...] = FUNDS) -> World:
    """A bank and private lenders, all sound; a share of the private ones is to fail in week 5."""
    w = World(
        neoclouds=1,
        banks=1,
        private_credit=len(loans),
        forced_lender_week=WEEK,
        forced_lender_kind=LenderKind.PRIVATE_CREDIT,
        forced_lender_share=share,
    )
    for index, amount in enumerate((70.0, *loans)):
        if amount > 0.0:
            w.loan(0, index, amount)
        w.lender(index, cash=1.0)
    w.open()
    w.clock["week"] = WEEK
    return w


@pytest.mark.parametrize(
    ("share", "fails"),
    [
        (0.19, [0, 0, 0, 0]),  # of 100; nobody is so small
        (0.2, [1, 0, 0, 0]),
        (0.49, [0, 0, 0, 1]),  # 30, and 20 do not fit any more
        (0.5, [0, 1, 0, 0]),
        (0.75, [1, 1, 0, 0]),  # 50; 30 do not fit, 20 do
        (0.999, [0, 1, 0, 1]),
        (1.0, [1, 1, 1, 1]),  # all of the kind, the one without loans too
    ],
)
def test_the_largest_that_fit_fail(share: float, fails: list[int]) -> None:
    w = market(share)
    assert fail_lenders(w.economy, w.p) == sum(fails)
    assert (w.lenders["status"] == FAILED).astype(int).tolist() == [0, *fails]
    assert w.outcomes["lender_failures"] == sum(fails)
    assert w.outcomes["extra_lender_failures"] == 0
    w.assert_books_close()


def test_in_that_week_only_and_once() -> None:
    w = market(0.2)
    w.clock["week"] = WEEK - 1
    assert fail_lenders(w.economy, w.p) == 0
    w.clock["week"] = WEEK
    w.clock["rounds"] = 1
    assert fail_lenders(w.economy, w.p) == 1
    put_again = w.loans["principal"].sum()  # another of 16 or less would fit into a fifth of the 80 left
    assert put_again == 170.0
    w.loans["principal"][3] -= 20.0
    w.lenders["loans"][4, 0] -= 20.0
    w.clock["rounds"] = 2
    assert fail_lenders(w.economy, w.p) == 0


def test_they_are_roots_of_what_follows() -> None:
    w = market(0.5)
    w.lender(2, trigger=7)
    fail_lenders(w.economy, w.p)
    (event,) = w.events(EventKind.LENDER_FAILURE)
    assert (event["agent"], event["channel"], event["parent"]) == (2, Channel.EXOGENOUS, -1)
    assert w.lenders["trigger"][2] == w.lenders["failure_event"][2] == 0


def test_others_may_fail_of_it_and_are_counted_apart() -> None:
    """A bank with equity of 1 has lent 2 to a fund, which has 1 of cash for it and for other debts of 9."""
    w = World(
        neoclouds=1,
        banks=1,
        private_credit=1,
        claims={(0, 1): 2.0},
        forced_lender_week=0,
        forced_lender_kind=LenderKind.PRIVATE_CREDIT,
        forced_lender_share=1.0,
    )
    w.loan(0, 1, 20.0)
    w.lender(0, cash=1.0, funding=2.0)
    w.lender(1, cash=1.1, funding=9.0)
    w.open()
    assert lender_equity(w.lenders[0]) == 1.0
    manage_capital(w.economy, w.p)
    assert w.lenders["status"].tolist() == [FAILED, FAILED]
    assert (w.outcomes["lender_failures"], w.outcomes["extra_lender_failures"]) == (2, 1)
    fund, bank = w.events(EventKind.LENDER_FAILURE)
    assert (fund["channel"], bank["channel"]) == (Channel.EXOGENOUS, Channel.INTERLENDER)
    assert bank["parent"] == 0
    w.assert_books_close()


def test_a_failed_one_is_under_pressure_like_any_other() -> None:
    w = market(0.5)
    fail_lenders(w.economy, w.p)
    assert act_under_pressure(w.economy, w.p) == 1
    assert w.lenders["pressed_since"].tolist() == [-1, -1, WEEK, -1, -1]


@settings(deadline=None, max_examples=50)
@given(
    loans=st.lists(st.integers(0, 9000).map(lambda x: x / 1000), min_size=1, max_size=6).map(tuple),
    share=st.floats(0.001, 1.0),
)
def test_never_more_than_the_share_and_nobody_else_would_fit(loans: tuple[float, ...], share: float) -> None:
    w = market(share, loans)
    fail_lenders(w.economy, w.p)
    failed = w.lenders["status"][1:] == FAILED
    amounts = np.array(loans)
    left = share * amounts.sum() - amounts[failed].sum()
    assert left >= -1e-8
    alive = amounts[~failed & (amounts > 0.0)]
    assert (alive > left - 1e-8).all()


@pytest.mark.parametrize("kind", ["bank", "private_credit", "bond_fund"])
def test_a_kind_dies_in_the_baseline(kind: str) -> None:
    forced = {"week": 3, "kind": kind, "share": 1.0}
    scenario = Scenario.load().with_changes({"shocks.forced_lender_failure": forced, "horizon_weeks": 8})
    run = simulate(scenario, seed=1, check=True)
    lenders = run.tables["lenders"]
    dead = lenders["status"] != "alive"
    of_kind = lenders["kind"] == kind
    assert of_kind.any() and dead[of_kind].all()
    assert set(lenders.loc[of_kind, "failure_week"]) == {3}
    assert run.summary["lender_failures"] == dead.sum()
    assert run.summary["extra_lender_failures"] == (dead & ~of_kind).sum()
