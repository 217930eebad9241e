"""Forbear or accelerate, worked out on paper, and lenders that cannot afford to wait."""

import math

import pytest
from worlds import GPU, World, put

from hashcredit.agents.dimensions import Cause, Channel, Enforcement, LenderStatus, LoanStatus
from hashcredit.agents.lender import proceeds_now, under_pressure, value_of_waiting
from hashcredit.simulator.credit.covenants import enforce_covenants
from hashcredit.simulator.lenders.capital import is_pressed
from hashcredit.simulator.lenders.repo import call_repo
from hashcredit.simulator.state.codes import EventKind

TRIGGER = 17
"""Event that last cost the lender a write-down."""

# The worked example. 100 GPUs behind a face of 1.3; a unit is worth 0.020 and there are 500 in the world, so
# that 100 units move the price by 1/e. Removal 0.001 a unit, a stay of four weeks, discount 6 + 4 %.
#
#   now       mean price 0.020 (1 - 1/e) = 0.012642, less 0.001, times 100          1.164241
#             four weeks later, exp(-0.1 * 4/52) = 0.992337                          1.155320
#   later     the same at 0.020 exp(-0.1) = 0.018097: 1.043933, after the stay       1.035933
#   waiting   a year, hazard 0.1: a week keeps exp(-0.1/52) (1 - 0.1/52) = 0.9961594, fifty-two keep 0.818652
#             weeks alive (1 - 0.818652) / (1 - 0.9961594)                           47.21854
#             a payment of x a week is worth 47.21854 * 0.9961594 x =                47.03720 x
#             machines if it fails: 47.21854 * 0.998079 * 0.1/52 * 1.035933          0.093887
#             machines if it lives: 0.818652 * 1.035933                              0.848069
NOW, LATER = 1.155320, 1.035933
WORTH_OF_A_PAYMENT, MACHINES_IN_THE_END = 47.03720, 0.093887 + 0.848069
# Worth the same at x = (1.155320 - 0.941956) / 47.03720 = 0.0045361 a week; a week's due is
# 1.3 * 0.10/52 + 1.3/104 = 0.015, worth 1.6475 in all and so 1.3, the face.
TURNING_POINT = 0.0045361


def breach(earned: float, kind: str = "private_credit", **numbers) -> World:
    """The worked example: a marked loan, over its base of 1.0, whose borrower earns so much a week."""
    w = World(neoclouds=2, **{kind: 1}, **({"credit_enforcement": Enforcement.CHOICE} | numbers))
    w.borrower(0, units={GPU: 100}, obligations=0.1, cfads_window=13 * earned)
    w.loan(0, 0, 1.3, machine=GPU, units=100, borrowing_base=1, advance_rate=0.5)
    w.lender(0, cost_of_capital=0.04, trigger=TRIGGER)
    w.borrower(1, units={GPU: 400})
    w.machine(GPU, trigger=5)
    w.open()
    return w


def weeks(w: World, number: int) -> None:
    """The covenants for some weeks: two to cure, reviews every three, so decisions in weeks 3, 6, 9."""
    for _ in range(number):
        enforce_covenants(w.economy, w.p)
        w.clock["week"] += 1


def called(w: World) -> tuple[int, int]:
    """Channel and parent of the acceleration; it costs the facility, and the borrower nothing else."""
    (event,) = w.events(EventKind.ACCELERATION)
    (default,) = w.events(EventKind.FACILITY_DEFAULT)
    assert (default["cause"], default["channel"]) == (Cause.ACCELERATION, event["channel"])
    assert w.loans["status"][0] == LoanStatus.DEFAULTED
    assert w.borrowers["pending_cause"][0] == Cause.NONE
    return int(event["channel"]), int(event["parent"])


def forbears(w: World) -> bool:
    """Whether nobody demands the loan for a month beyond its cure."""
    weeks(w, 3 + 4)
    assert len(w.events(EventKind.FORBEARANCE)) <= 1
    return w.events(EventKind.ACCELERATION) == []


def test_the_worked_example() -> None:
    stay = 4 / 52
    assert proceeds_now(100, 0.020, 0, 100.0, 0.001, 0.1, stay) == pytest.approx(NOW, abs=1e-6)
    later = proceeds_now(100, 0.020 * math.exp(-0.1), 0, 100.0, 0.001, 0.1, stay)
    assert later == pytest.approx(LATER, abs=1e-6)
    idle = value_of_waiting(0.0, 0.015, 0.1, 0.1, 1.0, later)
    assert idle == pytest.approx(MACHINES_IN_THE_END, abs=1e-6)
    paying = value_of_waiting(0.01, 0.015, 0.1, 0.1, 1.0, later)
    assert paying - idle == pytest.approx(0.01 * WORTH_OF_A_PAYMENT, abs=1e-6)
    in_full = value_of_waiting(0.02, 0.015, 0.1, 0.1, 1.0, later)  # no more than is due
    assert in_full - idle == pytest.approx(0.015 * WORTH_OF_A_PAYMENT, abs=1e-6)


def test_it_calls_below_the_turning_point_and_waits_above() -> None:
    w = breach(TURNING_POINT - 1e-6)
    weeks(w, 2)
    assert w.events(EventKind.ACCELERATION) == []
    weeks(w, 1)
    assert called(w) == (Channel.MACHINE_PRICE, 5)
    w.assert_books_close()
    w = breach(TURNING_POINT + 1e-6)
    assert forbears(w)
    assert len(w.events(EventKind.FORBEARANCE)) == 1
    assert w.loans["status"][0] == LoanStatus.PERFORMING


# Lenders that cannot wait. The borrower earns 0.02 a week and serves the loan in full: waiting is worth more.


def test_a_lender_under_no_pressure_waits() -> None:
    assert forbears(breach(0.02))


@pytest.mark.parametrize(("hair", "pressed"), [(-1e-9, False), (1e-9, True)])
def test_capital_below_the_minimum_by_a_hair(hair: float, pressed: bool) -> None:
    # Loans of 1.3 at a minimum of 0.5 need equity of 0.65. A write-down takes 0.1 off both: 1.2 need 0.6, so
    # with an allowance of 0.1, funding of 0.6 is the limit. A bank, so that its funding is never called.
    w = breach(0.02, "banks")
    w.lender(0, capital_minimum=0.5, allowance=0.1, funding=0.6 + hair)
    assert is_pressed(w.economy, w.p, w.lenders[0]) == pressed
    weeks(w, 2)
    assert w.events(EventKind.ACCELERATION) == []  # nothing is in breach yet
    weeks(w, 1)
    assert (w.loans["status"][0] == LoanStatus.DEFAULTED) == pressed
    if pressed:
        assert called(w) == (Channel.LENDER_CREDIT, TRIGGER)


def test_pressure_does_not_wait_for_the_next_review() -> None:
    w = breach(0.02, "banks")
    weeks(w, 3)
    assert len(w.events(EventKind.FORBEARANCE)) == 1
    w.lender(0, capital_minimum=0.5, funding=0.66)  # equity 0.64
    weeks(w, 1)  # week 4: no review before week 6
    assert called(w) == (Channel.LENDER_CREDIT, TRIGGER)
    assert len(w.events(EventKind.FORBEARANCE)) == 1
    # it cost the borrower its credit: that is remembered
    assert w.borrowers["trigger_channel"][0] == Channel.LENDER_CREDIT
    (event,) = w.events(EventKind.ACCELERATION)
    assert w.economy.events[w.borrowers["trigger_event"][0]] == event
    assert w.borrowers["trigger_week"][0] == 3


@pytest.mark.parametrize(("haircut", "pressed"), [(0.2307, False), (0.2308, True)])
def test_funding_called_by_a_haircut(haircut: float, pressed: bool) -> None:
    # Back-leverage of 1.05 less cash of 0.05 must fit 1.3 less the haircut: 1 - 1.0 / 1.3 = 0.230769.
    w = breach(0.02)
    w.lender(0, cash=0.05, repo=1.05)
    put(w.repo, haircut=haircut, opening_debt=1.05)
    call_repo(w.economy, w.p)
    assert (w.lenders["called"][0] > 0.0) == pressed
    weeks(w, 3)
    assert (w.loans["status"][0] == LoanStatus.DEFAULTED) == pressed
    if pressed:
        assert called(w) == (Channel.LENDER_CREDIT, TRIGGER)


def test_depositors_call_nothing() -> None:
    w = breach(0.02, "banks")
    w.lender(0, cash=0.05, funding=1.05)
    w.repo["haircut"] = 0.9
    call_repo(w.economy, w.p)
    assert not is_pressed(w.economy, w.p, w.lenders[0])
    assert forbears(w)


def test_pressure_in_figures() -> None:
    # equity under 0.2 of 10
    assert [under_pressure(equity, 10.0, 0.2) for equity in (1.999, 2.0)] == [True, False]
    assert not under_pressure(0.0, 0.0, 0.2)  # nothing lent, nothing owed


@pytest.mark.parametrize(("haircut", "pressed"), [(0.2307, False), (0.2308, True)])
def test_without_calls_a_lender_over_its_limit_is_pressed(haircut: float, pressed: bool) -> None:
    # `channels.repo` off: the same figures as above, at the haircut that stays where it was.
    w = breach(0.02, channels_repo=0)
    w.lender(0, cash=0.05, repo=1.05)
    w.repo["haircut"] = haircut
    assert is_pressed(w.economy, w.p, w.lenders[0]) == pressed
    # without the other channel its losses do not count, a debt that is too large does
    w.p["channels_lender_credit"] = 0
    assert is_pressed(w.economy, w.p, w.lenders[0]) == pressed
    w.lender(0, losses=1e-3)
    assert not is_pressed(w.economy, w.p, w.lenders[0])


def test_receivers_do_not_wait() -> None:
    w = breach(0.02)
    w.lender(0, status=LenderStatus.RECEIVERSHIP)
    weeks(w, 3)
    assert called(w) == (Channel.LENDER_CREDIT, TRIGGER)


TROUBLES = {
    "no capital": {"capital_minimum": 0.5, "funding": 1.2, "losses": 0.6},
    "called": {"called": 0.08},
    "receivership": {"status": LenderStatus.RECEIVERSHIP},
}


@pytest.mark.parametrize("trouble", TROUBLES)
def test_who_is_in_trouble_acts(trouble: str) -> None:
    w = breach(0.02)
    w.lender(0, **TROUBLES[trouble])
    assert not forbears(w)


@pytest.mark.parametrize("trouble", TROUBLES)
def test_without_the_channel_nothing_forces(trouble: str) -> None:
    w = breach(0.02, **{"channels_repo" if trouble == "called" else "channels_lender_credit": 0})
    w.lender(0, **TROUBLES[trouble])
    assert not is_pressed(w.economy, w.p, w.lenders[0])
    assert forbears(w)


def test_too_large_for_its_capital_is_no_loss() -> None:
    # Equity of 0.1 on loans of 1.3; it has lost 0.549, and with that it would still be under a half of them.
    w = breach(0.02, channels_lender_credit=0)
    w.lender(0, capital_minimum=0.5, funding=1.2, losses=0.549)
    assert is_pressed(w.economy, w.p, w.lenders[0])
    w.lender(0, losses=0.551)
    assert not is_pressed(w.economy, w.p, w.lenders[0])


@pytest.mark.parametrize("trouble", TROUBLES)
def test_never_stays_never(trouble: str) -> None:
    w = breach(0.0, credit_enforcement=Enforcement.NEVER)
    w.lender(0, **TROUBLES[trouble])
    assert forbears(w)
    assert len(w.events(EventKind.FORBEARANCE)) == 1


@pytest.mark.parametrize(("rule", "earned"), [(Enforcement.ALWAYS, 0.02), (Enforcement.CHOICE, 0.0)])
def test_a_lender_that_would_have_called_anyway_is_not_to_blame(rule: int, earned: float) -> None:
    w = breach(earned, credit_enforcement=rule)
    w.lender(0, **TROUBLES["receivership"])
    weeks(w, 3)
    assert called(w) == (Channel.MACHINE_PRICE, 5)


def test_nothing_is_called_that_is_not_in_breach() -> None:
    w = breach(0.02)
    w.machine(GPU, appraisal=0.026)  # base 1.3
    w.lender(0, **TROUBLES["receivership"])
    weeks(w, 9)
    assert w.clock["events"] == 0
