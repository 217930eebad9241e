"""Machines that are there find customers: renewals, searches, and who is not asked."""

import math
from typing import Any

import numpy as np
import pytest
from worlds import ASIC, GPU, NEW_GPU, World

from hashcredit.agents.dimensions import CONTRACTS, BorrowerStatus, LoanStatus
from hashcredit.simulator.books.contracts import UNPLEDGED, sign_contract
from hashcredit.simulator.credit.cash_flow import operate
from hashcredit.simulator.investment.customers import let_out, offer_all
from hashcredit.simulator.machines.rents import contract_premium, term_rent
from hashcredit.simulator.state.codes import EventKind

WEEK = 20
GRADE = 2
AT_ONCE, NEVER = 1e-3, 1e9
"""Mean times of a search, weeks."""


def world(search: float = AT_ONCE, pool: float = 1000.0, **numbers: Any) -> World:
    """A neo-cloud with 100 GPUs, 60 of them pledged, and 20 newer ones; customers of one grade look.

    They want the throughput of so many GPUs, for a year. On demand a GPU brings .010 a year, let .018 at
    first, and both are expected to fall by 10 % a year.
    """
    w = World(**({"neoclouds": 1, "banks": 1} | numbers), investment_search_weeks=search)
    w.clock["week"] = WEEK
    w.machine(GPU, full_rent=0.018)
    w.machine(NEW_GPU, full_rent=0.036)
    w.market["term_pool"] = np.eye(4)[GRADE] * pool
    w.borrower(0, units={GPU: 100, NEW_GPU: 20})
    w.loan(0, 0, 1.0, machine=GPU, units=60)
    w.open()
    return w


def running(w: World) -> list[tuple[int, int, int]]:
    """Type, machines and loan row of the contracts that run."""
    rows = w.contracts[w.contracts["units"] > 0]
    return list(zip(rows["machine"].tolist(), rows["units"].tolist(), rows["loan"].tolist(), strict=True))


# Expiry and renewal.


def ending(search: float = NEVER, **numbers: Any) -> World:
    """Of the pledged GPUs 30 are let until this week; nothing else finds a customer."""
    w = world(search=search, **numbers)
    w.contract(0, GPU, 30, loan=0, rent=0.01, end_week=WEEK, customer_grade=GRADE, hazard_left=0.001)
    return w


def test_a_contract_that_ends_is_renewed_at_the_rent_of_today() -> None:
    w = ending()
    let_out(w.economy, w.p, 1, 0)
    row = w.contracts[0]
    assert running(w) == [(GPU, 30, 0)]
    assert (row["start_week"], row["end_week"], row["customer_grade"]) == (WEEK, WEEK + 52, GRADE)
    assert row["rent"] == term_rent(w.economy, w.p, GPU)
    assert row["rent"] == pytest.approx(0.018 * (1 - math.exp(-0.1)) / 0.1, rel=1e-9)  # the mean of its year
    assert row["hazard_left"] > 0.001  # a draw of its own
    assert w.market["term_pool"].tolist() == [0.0, 0.0, 1000.0 - 30, 0.0]
    (event,) = w.events(EventKind.CONTRACT)
    assert (event["agent"], event["units"], event["price"]) == (0, 30, row["rent"])
    w.assert_books_close()


def test_nothing_happens_before_the_end() -> None:
    w = ending()
    w.contracts["end_week"][0] = WEEK + 1
    let_out(w.economy, w.p, 1, 0)
    assert (w.contracts["rent"][0], w.contracts["hazard_left"][0]) == (0.01, 0.001)
    assert w.events(EventKind.CONTRACT) == []


@pytest.mark.parametrize(("pool", "units"), [(29.5, 29), (0.9, 0), (0.0, 0)])
def test_no_more_are_renewed_than_are_looked_for(pool: float, units: int) -> None:
    w = ending(pool=pool)
    let_out(w.economy, w.p, 1, 0)
    assert running(w) == ([(GPU, units, 0)] if units else [])
    assert w.market["term_pool"][GRADE] == pytest.approx(pool - units, abs=1e-12)
    w.assert_books_close()


def test_customers_of_another_grade_do_not_renew() -> None:
    w = ending()
    w.market["term_pool"] = np.eye(4)[GRADE + 1] * 1000.0
    let_out(w.economy, w.p, 1, 0)
    assert running(w) == []


def test_present_values_decide_and_not_the_rent_of_today() -> None:
    """At a rent equal to what machines bring today on demand a contract is worth more: demand falls.

    With k = 6 %, trend 10 % and one year the owner signs from a rent on of .0095211, that is
    .010 (1 - exp(-.16)) / .16 over (1 - exp(-.06)) / .06. The rent is the mean of the year, .951626 times
    `full_rent`.
    """
    worth = 0.010 * (1 - math.exp(-0.16)) / 0.16 / ((1 - math.exp(-0.06)) / 0.06)
    assert worth == pytest.approx(0.0095211, abs=1e-7)
    mean = (1 - math.exp(-0.1)) / 0.1
    for factor, signs in ((1 + 1e-5, True), (1 - 1e-5, False)):
        w = ending()
        w.machine(GPU, full_rent=factor * worth / mean)
        let_out(w.economy, w.p, 1, 0)
        assert bool(running(w)) == signs


def test_a_customer_that_may_fail_is_worth_less() -> None:
    w = world(credit_offtaker_hazard=(0.0, 0.0, 0.0, 0.5))
    w.contract(0, GPU, 30, rent=0.02, end_week=WEEK + 52, customer_grade=0)
    w.contract(0, GPU, 30, rent=0.02, end_week=WEEK + 52, customer_grade=3)
    premiums = [contract_premium(w.economy, w.p, w.contracts[row], 0, 0.0) for row in (0, 1)]
    for premium, hazard in zip(premiums, (0.0, 0.5), strict=True):
        k = 0.06 + hazard
        fixed, falling = (1 - math.exp(-k)) / k, (1 - math.exp(-k - 0.1)) / (k + 0.1)
        assert premium == pytest.approx(30 * (0.02 * fixed - 0.010 * falling), rel=1e-6)


def test_off_contracts_end_and_nobody_looks() -> None:
    w = ending(search=AT_ONCE, investment_recontract=0)
    let_out(w.economy, w.p, 1, 0)
    assert running(w) == []
    assert w.market["term_pool"][GRADE] == 1000.0
    w.assert_books_close()


def test_nobody_is_asked_before_the_first_contract_ends() -> None:
    """Of three contracts the second ends first; the borrower knows when, and so does one that signs later."""
    w = world(search=NEVER)
    w.contract(0, GPU, 10, end_week=WEEK + 9)
    w.contract(0, GPU, 10, end_week=WEEK + 2)
    w.contract(0, GPU, 10, end_week=WEEK)
    let_out(w.economy, w.p, 1, 0)
    assert [units for _, units, _ in running(w)] == [10, 10]
    assert w.borrowers["first_end"][0] == WEEK + 2
    sign_contract(w.economy, 2, GPU, 10, UNPLEDGED, 0, 0.01, 1, 1.0)
    assert w.borrowers["first_end"][0] == WEEK + 1
    w.clock["week"] = WEEK + 2
    let_out(w.economy, w.p, 1, 0)
    assert [units for _, units, _ in running(w)] == [10]
    assert w.borrowers["first_end"][0] == WEEK + 9
    w.assert_books_close()


# Search.


def test_all_that_is_neither_let_nor_on_sale_is_offered() -> None:
    w = world()
    w.contract(0, GPU, 25, loan=0)
    w.contract(0, GPU, 10)
    w.borrower(0, units={GPU: 100, NEW_GPU: 20, ASIC: 7})
    let_out(w.economy, w.p, 1, 0)
    assert running(w) == [(GPU, 25, 0), (GPU, 10, UNPLEDGED), (GPU, 35, 0), (GPU, 30, UNPLEDGED),
                          (NEW_GPU, 20, UNPLEDGED)]  # fmt: skip
    assert w.market["term_pool"][GRADE] == pytest.approx(1000.0 - 35 - 30 - 2 * 20, rel=1e-12)
    let_out(w.economy, w.p, 1, 0)
    assert len(running(w)) == 5  # nothing is left


def test_what_is_for_sale_is_not_let() -> None:
    w = world()
    w.borrower(0, selling=1)
    let_out(w.economy, w.p, 1, 0)
    assert running(w) == [(GPU, 60, 0)]


@pytest.mark.parametrize("status", [LoanStatus.DEFAULTED, LoanStatus.REPAID])
def test_machines_of_other_loans_are_not_offered(status: LoanStatus) -> None:
    w = world()
    w.loans["status"][0] = status
    offer_all(w.economy, w.p, 1, 0, 0, GRADE)
    assert running(w) == [(GPU, 40, UNPLEDGED), (NEW_GPU, 20, UNPLEDGED)]


def test_failed_borrowers_find_nobody() -> None:
    w = ending(search=AT_ONCE)
    w.borrowers["status"][0] = BorrowerStatus.IN_RESOLUTION
    let_out(w.economy, w.p, 1, 0)
    assert running(w) == [(GPU, 30, 0)]  # and what is let sleeps


def test_machines_let_before_they_were_pledged_are_not_let_twice() -> None:
    w = world()
    w.contract(0, GPU, 40)
    w.loans["units"][0] = 85  # 25 of those 40 are pledged by now
    let_out(w.economy, w.p, 1, 0)
    assert running(w) == [(GPU, 40, UNPLEDGED), (GPU, 60, 0), (NEW_GPU, 20, UNPLEDGED)]
    w.assert_books_close()


def test_without_a_free_row_nothing_is_let() -> None:
    w = world()
    for _ in range(CONTRACTS):
        w.contract(0, GPU, 1)
    let_out(w.economy, w.p, 1, 0)
    assert running(w) == [(GPU, 1, UNPLEDGED)] * CONTRACTS


def test_search_takes_its_mean_time() -> None:
    """In 1 - exp(-1/13) of 3,000 weeks a customer is found, within four standard errors."""
    weeks, found = 3000, 0
    w = world(search=13.0)
    for week in range(weeks):
        w.clock["week"] = week
        let_out(w.economy, w.p, 1, 0)
        found += w.borrowers["contracts"][0] > 0
        w.contracts["units"] = w.borrowers["contracts"] = w.borrowers["let"] = 0
        w.market["term_pool"] = np.eye(4)[GRADE] * 1000.0
    share = 1 - math.exp(-1 / 13)
    assert abs(found - share * weeks) < 4 * math.sqrt(weeks * share * (1 - share))


def test_the_first_to_be_asked_is_drawn_each_week() -> None:
    """Customers for two machines and eight borrowers with two each: over many weeks each was the first."""
    first = set()
    for week in range(60):
        w = world(pool=2.0, neoclouds=8)
        w.clock["week"] = week
        for b in range(8):
            w.borrower(b, units={GPU: 2})
        w.loans["units"][0] = 0
        let_out(w.economy, w.p, 1, 0)
        rows = np.flatnonzero(w.contracts["units"])
        assert len(rows) == 1
        first.add(int(rows[0]) // CONTRACTS)
    assert first == set(range(8))


def test_a_customer_that_fails_leaves_machines_that_search_again() -> None:
    w = world(search=NEVER)
    w.contract(0, GPU, 40, rent=0.02, hazard_left=1e-9, customer_grade=3, end_week=99)
    operate(w.economy, w.p)
    assert running(w) == []
    w.p["investment_search_weeks"] = AT_ONCE
    let_out(w.economy, w.p, 1, 0)
    assert running(w) == [(GPU, 60, 0), (GPU, 40, UNPLEDGED), (NEW_GPU, 20, UNPLEDGED)]
