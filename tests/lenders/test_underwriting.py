"""What lenders offer for new machines: beliefs, cover, contracts, and who offers most."""

import math

import pytest
from planning import OFFER, world
from worlds import ASIC, GPU, NEW_GPU, World

from hashcredit.agents.dimensions import Belief, LenderStatus
from hashcredit.simulator.lenders.underwriting import (
    facility_earning,
    facility_grade,
    facility_offer,
    facility_weeks,
    find_lender,
    tenor_weeks,
    uncovered_share,
)

DUE = 0.5 + 0.04
"""Service a year of a loan of one over two years at 4 + 4 %: an instalment, and interest on half of it."""


def offered(w: World, m: int = NEW_GPU, grade: int = 1, rent: float = 0.0, prepaid: float = 0.0) -> float:
    return find_lender(w.economy, w.p, 0, m, grade, rent, prepaid)[1]


def test_a_loan_follows_the_lenders_belief() -> None:
    """Half of the appraisal, 0.018, or what earning less running 0.003 and lease 0.001 covers 1.2 times.

    utility   earning 0.020 for ever: 0.016 covers more than 0.018
    venture   rents fall by 10 % a year, 0.9063 of it on average: 0.01413 covers more as well
    learned   as venture; recoveries of half the prior halve the advance
    """
    w = world()
    bank = w.lenders[0]
    assert offered(w) == pytest.approx(OFFER, rel=1e-12)
    w.machine(NEW_GPU, earning=0.0155)  # 0.0115 covers 0.017747 times 1.2; less the fall, 0.010048
    assert offered(w) == pytest.approx(0.0115 / (1.2 * DUE), rel=1e-11)
    bank["belief"] = Belief.VENTURE
    level = (1 - math.exp(-0.2)) / 0.2
    assert offered(w) == pytest.approx((level * 0.0155 - 0.004) / (1.2 * DUE), rel=1e-11)
    bank["belief"] = Belief.LEARNED
    bank["learned_recovery"] = 0.3
    assert offered(w) == pytest.approx(OFFER / 2, rel=1e-12)


def test_asics_are_underwritten_on_their_own_trend() -> None:
    """A venture lender sees a trend of 10 % over two years; it runs at 0.001 and leases at 0.001 a year."""
    w = world(miners=1)
    w.lender(0, belief=Belief.VENTURE)
    w.machine(ASIC, earning=0.0029)
    level = (1 - math.exp(-0.2)) / 0.2
    assert offered(w, ASIC) == pytest.approx((level * 0.0029 - 0.002) / (1.2 * DUE), rel=1e-11)


def test_nothing_is_lent_on_a_machine_that_does_not_earn_its_keep() -> None:
    w = world()
    w.machine(NEW_GPU, earning=0.004)
    assert offered(w) == 0.0


@pytest.mark.parametrize("share", [0.25, 1.0])
def test_a_balloon_lets_the_same_cash_flow_cover_a_larger_loan(share: float) -> None:
    """A share is not repaid out of cash flow, but bears interest to the end."""
    w = world(credit_balloon_share=share)
    w.machine(NEW_GPU, earning=0.008)
    due = (1.0 - share) * 0.5 + 0.08 * (share + 0.5 * (1.0 - share))
    assert offered(w) == pytest.approx(min(OFFER, 0.004 / (1.2 * due)), rel=1e-11)


@pytest.mark.parametrize(("grade", "rate"), [(0, 0.06), (1, 0.08), (2, 0.10), (3, 0.14)])
def test_a_worse_grade_covers_a_smaller_loan(grade: int, rate: float) -> None:
    w = world()
    w.machine(NEW_GPU, earning=0.014)
    assert offered(w, grade=grade) == pytest.approx(0.010 / (1.2 * (0.5 + rate / 2)), rel=1e-11)


def test_a_users_rule_may_decline_what_cover_would_allow() -> None:
    w = world(credit_dscr_covenant=0.0)  # no covenant: what the advance rate says
    w.machine(NEW_GPU, earning=0.0041)
    assert offered(w) == pytest.approx(OFFER, rel=1e-12)


def test_a_contract_is_lent_against_its_rent_and_the_price() -> None:
    """Let for a year at 0.024 a machine carries half of its price of 0.040, if that is covered.

    A utility lender lends for two years and sees 0.020 on demand in the second; a venture lender for one.
    """
    w = world()
    assert offered(w, rent=0.024) == pytest.approx(0.020, rel=1e-12)
    w.machine(NEW_GPU, earning=0.010)
    assert offered(w, rent=0.018) == pytest.approx((0.014 - 0.004) / (1.2 * DUE), rel=1e-11)
    w.lender(0, belief=Belief.VENTURE)
    assert offered(w, rent=0.018) == pytest.approx(0.014 / (1.2 * 1.04), rel=1e-11)
    assert tenor_weeks(w.p, Belief.VENTURE, True) == 52
    assert tenor_weeks(w.p, Belief.LEARNED, False) == 104
    assert tenor_weeks(w.p, Belief.UTILITY, True) == 104


def test_what_is_paid_in_advance_is_neither_lent_nor_counted_on() -> None:
    """At .004 a machine in advance the customer pays .014 of .018 a year; of the price it leaves .036.

    As above a utility lender sees .010 on demand in the second year.
    """
    w = world()
    assert offered(w, rent=0.1, prepaid=0.030) == pytest.approx(0.010, rel=1e-12)  # what is left of .040
    w.machine(NEW_GPU, earning=0.010)
    assert offered(w, rent=0.018, prepaid=0.004) == pytest.approx((0.012 - 0.004) / (1.2 * DUE), rel=1e-11)


@pytest.mark.parametrize(
    ("weeks", "let", "balloon", "share"),
    [
        (156, False, 0.0, 1.0),  # nothing stands behind it
        (260, True, 0.5, 0.0),  # repaid in the week in which the contract ends
        (520, True, 0.0, 0.5),  # five of ten years
        (520, True, 0.5, 0.75),  # half of the instalments, and the balloon
    ],
)
def test_the_tail_of_a_loan_is_what_falls_due_after_its_contract(
    weeks: int, let: bool, balloon: float, share: float
) -> None:
    p = world(investment_contract_weeks=260, credit_balloon_share=balloon).p
    assert uncovered_share(p, weeks, let) == share


def facility(w: World) -> World:
    """A loan on 40 GPUs at 0.020, seen in week 12: 20 are let for half a year more, 10 for five years."""
    w.loan(0, 0, 0.1, machine=GPU, units=40)
    w.contract(0, GPU, 20, loan=0, customer_grade=0, rent=0.016, end_week=12 + 26)
    w.contract(0, GPU, 10, loan=0, customer_grade=2, rent=0.012, end_week=12 + 260)
    w.contract(0, GPU, 5, customer_grade=3, rent=0.012, end_week=50)  # of machines that are not pledged
    return w


def test_earnings_of_a_facility_are_those_of_its_contracts_and_then_on_demand() -> None:
    """0.010 on demand; 20 of 40 pay 0.006 more for a quarter of two years, 10 of 40 pay 0.002 more."""
    w = facility(world())
    expected = 0.010 + (20 * 0.006 / 4 + 10 * 0.002) / 40
    assert facility_earning(w.economy, w.p, Belief.UTILITY, 0, 2.0) == pytest.approx(expected, rel=1e-12)
    level = 0.010 * (1 - math.exp(-0.2)) / 0.2  # as a venture lender sees it
    expected = level + (20 * (0.016 - level) / 4 + 10 * (0.012 - level)) / 40
    assert facility_earning(w.economy, w.p, Belief.VENTURE, 0, 2.0) == pytest.approx(expected, rel=1e-9)


def test_life_and_grade_of_a_loan_on_a_facility() -> None:
    """Utility: two years. Others: 20 machines have 26 weeks, 10 have 260, 10 the usual 104."""
    w = facility(world())
    assert facility_weeks(w.economy, w.p, Belief.UTILITY, 0) == 104
    assert facility_weeks(w.economy, w.p, Belief.VENTURE, 0) == (20 * 26 + 10 * 260 + 10 * 104) / 40 == 104
    w.contracts["end_week"][0] = 12
    assert facility_weeks(w.economy, w.p, Belief.LEARNED, 0) == 91
    assert facility_grade(w.economy, 0) == 2  # its worst customer; the borrower's own is better
    w.borrower(0, grade=3)
    assert facility_grade(w.economy, 0) == 3
    w.loans["units"][0] = 30  # all of them let
    assert facility_grade(w.economy, 0) == 2


def test_what_is_lent_on_machines_in_their_racks() -> None:
    w = facility(world())
    half = facility_offer(w.economy, w.p, w.lenders[0], 0, 0.08, 104, 0.0)
    assert half == pytest.approx(40 * 0.010, rel=1e-12)
    w.lender(0, belief=Belief.LEARNED, learned_recovery=0.3)
    half = facility_offer(w.economy, w.p, w.lenders[0], 0, 0.08, 104, 0.0)
    assert half == pytest.approx(40 * 0.005, rel=1e-12)


def test_price_limits_the_loan_where_it_is_below_the_appraisal() -> None:
    w = world()
    w.machine(NEW_GPU, appraisal=0.050)
    assert offered(w) == pytest.approx(0.020, rel=1e-12)


def test_best_linked_offer_wins() -> None:
    w = world(banks=3, neoclouds=2, credit=[(0, 0), (0, 1), (1, 2)])
    for index, rate in enumerate((0.4, 0.45, 0.5)):
        w.lender(index, cash=10.0, advance_rate=rate)
    holder, offer = find_lender(w.economy, w.p, 0, NEW_GPU, 1, 0.0, 0.0)
    assert (holder, offer) == (1, pytest.approx(0.45 * 0.036, rel=1e-12))
    w.lender(1, status=LenderStatus.RECEIVERSHIP)
    assert find_lender(w.economy, w.p, 0, NEW_GPU, 1, 0.0, 0.0)[0] == 0
    w.lender(0, cash=-1.0)
    assert find_lender(w.economy, w.p, 0, NEW_GPU, 1, 0.0, 0.0) == (-1, 0.0)
