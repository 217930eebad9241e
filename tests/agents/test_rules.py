"""The agents' decision rules against closed forms, direct sums and edge cases."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad

from hashcredit.agents.borrower import capital_budget, cover, worth_buying
from hashcredit.agents.buyer import affordable, annuity, bid
from hashcredit.agents.dimensions import Belief, BorrowerKind, MachineKind
from hashcredit.agents.lender import (
    accelerates,
    advance,
    expected_unit_earning,
    learn,
    lending_capacity,
    proceeds_now,
    refinances,
    reservation_price,
    underwrites,
    value_of_waiting,
    weekly_quota,
)
from hashcredit.agents.miner import coins_to_keep, lives_on_btc, runs
from hashcredit.agents.neocloud import lets_out

UTILITY, VENTURE, LEARNED = (int(belief) for belief in Belief)


def numbers(low: float, high: float) -> st.SearchStrategy:
    return st.floats(min_value=low, max_value=high, allow_subnormal=False)


# Borrowers.


@pytest.mark.parametrize(
    ("mined", "cash", "buffer", "share", "kept"),
    [
        (10.0, 50.0, 20.0, 0.5, 5.0),
        (10.0, 22.0, 20.0, 0.5, 2.0),  # no more than exceeds the buffer
        (10.0, 20.0, 20.0, 0.5, 0.0),
        (10.0, 5.0, 20.0, 0.5, 0.0),
        (10.0, 50.0, 20.0, 0.0, 0.0),
        (10.0, 50.0, 20.0, 1.0, 10.0),
    ],
)
def test_coins_to_keep(mined: float, cash: float, buffer: float, share: float, kept: float) -> None:
    assert coins_to_keep(mined, cash, buffer, share) == kept


def test_asics_are_for_miners_who_may_pivot_to_gpus() -> None:
    assert runs(BorrowerKind.MINER, MachineKind.ASIC)
    assert runs(BorrowerKind.MINER, MachineKind.GPU)
    assert runs(BorrowerKind.NEOCLOUD, MachineKind.GPU)
    assert not runs(BorrowerKind.NEOCLOUD, MachineKind.ASIC)


def test_who_lives_on_btc() -> None:
    assert lives_on_btc(BorrowerKind.MINER, 2.0, 1.0)
    assert lives_on_btc(BorrowerKind.MINER, 1.0, 1.0)
    assert not lives_on_btc(BorrowerKind.MINER, 1.0, 2.0)
    assert not lives_on_btc(BorrowerKind.NEOCLOUD, 2.0, 1.0)


def test_contracts() -> None:
    assert lets_out(1e-12)
    assert not lets_out(0.0)
    assert not lets_out(-1.0)


def test_cover() -> None:
    assert cover(3.0, 2.0) == 1.5
    assert cover(-3.0, 2.0) == -1.5
    assert cover(0.0, 0.0) == math.inf
    assert cover(-1.0, 0.0) == math.inf


def test_capital_budget() -> None:
    assert capital_budget(10.0, 4.0, 0.5) == 3.0
    assert capital_budget(4.0, 10.0, 0.5) == 0.0
    assert capital_budget(10.0, 4.0, 0.0) == 0.0


def test_worth_buying_at_the_hurdle() -> None:
    assert worth_buying(1.25, 1.0, 0.25)
    assert not worth_buying(1.2499, 1.0, 0.25)
    assert worth_buying(0.75, 1.0, -0.25)  # a negative hurdle buys growth


# Buyers.


def test_bid_by_hand() -> None:
    assert bid(20.0, 0.1, 3.0, 1.5, 100.0) == pytest.approx(18.0 - 4.5, rel=1e-15)
    # the cap is what a new machine would cost for the same service; it too has to be moved and racked
    assert bid(20.0, 0.1, 3.0, 1.5, 10.0) == pytest.approx(10.0 - 4.5, rel=1e-15)
    assert bid(2.0, 0.0, 3.0, 1.5, 100.0) == -2.5


@given(
    value=numbers(0, 1), margin=numbers(0, 0.95), slot=numbers(0, 1), moving=numbers(0, 1), cap=numbers(0, 1)
)
def test_bid_never_exceeds_value_or_cap(
    value: float, margin: float, slot: float, moving: float, cap: float
) -> None:
    price = bid(value, margin, slot, moving, cap)
    assert price + slot + moving <= min(value, cap) * (1 + 1e-12) + 1e-12


def test_annuity() -> None:
    assert annuity(0.2, 5.0) == pytest.approx((1 - math.exp(-1)) / 0.2, rel=1e-15)
    assert annuity(0.0, 5.0) == 5.0
    assert annuity(1e-9, 5.0) == pytest.approx(5.0, rel=1e-6)
    assert annuity(-0.1, 5.0) == pytest.approx(math.expm1(0.5) / 0.1, rel=1e-14)


@pytest.mark.parametrize(
    ("budget", "price", "slots", "units"),
    [
        (10.0, 3.0, 99, 3),
        (9.0, 3.0, 99, 3),
        (8.99, 3.0, 99, 2),
        (10.0, 3.0, 2, 2),
        (10.0, 3.0, 0, 0),
        (10.0, 3.0, -4, 0),
        (0.0, 3.0, 9, 0),
        (-1.0, 3.0, 9, 0),
        (10.0, 0.0, 7, 7),
        (1.0, 1e-15, 1 << 40, 1 << 40),
    ],
)
def test_affordable(budget: float, price: float, slots: int, units: int) -> None:
    assert affordable(budget, price, slots) == units


# Lenders: how much.


def test_lending_capacity() -> None:
    # equity of 12 at a target of 10 % carries 120
    assert lending_capacity(12.0, 100.0, 0.10) == pytest.approx(20.0, rel=1e-14)
    assert lending_capacity(12.0, 150.0, 0.10) == pytest.approx(-30.0, rel=1e-14)
    assert lending_capacity(-1.0, 100.0, 0.10) < -100.0
    # no target: anything as long as it is solvent
    assert lending_capacity(0.0, 100.0, 0.0) == math.inf
    assert lending_capacity(-1.0, 100.0, 0.0) == 0.0


def test_expected_earning_of_each_belief() -> None:
    """`utility` sees today's for ever; the others a mean that valuers expect to be .6 of it, or more."""
    assert expected_unit_earning(UTILITY, 2.0, 0.6) == 2.0
    for belief in (VENTURE, LEARNED):
        assert expected_unit_earning(belief, 2.0, 0.6) == 1.2
        assert expected_unit_earning(belief, 2.0, 1.1) == 2.2  # rents may rise


def test_only_learners_scale_their_advance() -> None:
    for belief in (UTILITY, VENTURE):
        assert advance(belief, 0.6, 0.1, 0.6) == 0.6
    assert advance(LEARNED, 0.6, 0.3, 0.6) == pytest.approx(0.3, rel=1e-15)
    assert advance(LEARNED, 0.6, 0.9, 0.6) == 0.6  # never above the contract's rate
    assert advance(LEARNED, 0.6, 0.0, 0.6) == 0.0


def test_underwriting_at_the_covenant() -> None:
    assert underwrites(1.5, 1.0, 1.5)
    assert not underwrites(1.4999, 1.0, 1.5)
    assert not underwrites(-1.0, 1.0, 0.5)


# Lenders: now or later.


@given(
    units=st.integers(1, 50_000),
    price=numbers(1e-4, 0.1),
    on_sale=st.integers(0, 50_000),
    depth=numbers(1.0, 1e5),
    discount=numbers(0.0, 0.8),
    lag=numbers(0.0, 1.0),
)
def test_proceeds_are_the_integral_of_the_depth(
    units: int, price: float, on_sale: int, depth: float, discount: float, lag: float
) -> None:
    got = proceeds_now(units, price, on_sale, depth, 0.0, discount, lag)
    # unit number x behind those on sale fetches price * exp(-x / depth)
    integral = price * depth * math.exp(-on_sale / depth) * -math.expm1(-units / depth)
    # 1 - exp(-u) loses digits for small u, as 1e-16 / u
    tolerance = 1e-12 + 4e-16 * depth / units
    assert got == pytest.approx(integral * math.exp(-discount * lag), rel=tolerance, abs=1e-300)


def test_proceeds_by_hand() -> None:
    # 100 units at 0.020 in a market 100 deep: 2 * (1 - 1/e), less removal of 0.1, half a year at 10 %
    gross = 2.0 * (1 - math.exp(-1))
    assert quad(lambda x: 0.020 * math.exp(-x / 100), 0, 100)[0] == pytest.approx(gross, rel=1e-12)
    got = proceeds_now(100, 0.020, 0, 100.0, 0.001, 0.1, 0.5)
    assert got == pytest.approx((gross - 0.1) * math.exp(-0.05), rel=1e-13)


def test_proceeds_at_the_edges() -> None:
    assert proceeds_now(0, 0.020, 0, 100.0, 0.001, 0.1, 0.5) == 0.0
    assert proceeds_now(100, 0.020, 10**6, 100.0, 0.001, 0.1, 0.5) == 0.0  # removal costs more
    deep = proceeds_now(100, 0.020, 0, 1e9, 0.001, 0.0, 0.5)
    assert deep == pytest.approx(100 * 0.019, rel=1e-6)


def test_a_larger_sale_fetches_more_in_all_and_less_a_unit() -> None:
    totals = [proceeds_now(n, 0.020, 0, 100.0, 0.0, 0.1, 0.5) for n in (1, 10, 100, 1000)]
    assert totals == sorted(totals)
    means = [total / n for total, n in zip(totals, (1, 10, 100, 1000), strict=True)]
    assert means == sorted(means, reverse=True)


@given(
    cash_flow=numbers(-1.0, 10.0),
    due=numbers(0.0, 5.0),
    discount=numbers(0.02, 0.8),
    hazard=numbers(0.0, 5.0),
    weeks=st.integers(5, 520),
    later=numbers(0.0, 100.0),
)
def test_value_of_waiting_is_its_direct_sum(
    cash_flow: float, due: float, discount: float, hazard: float, weeks: int, later: float
) -> None:
    got = value_of_waiting(cash_flow, due, discount, hazard, weeks / 52, later)
    paid = max(0.0, min(cash_flow, due))
    alive = [(1 - hazard / 52) ** s for s in range(weeks + 1)]
    terms = [math.exp(-discount * weeks / 52) * alive[weeks] * later]
    for s in range(1, weeks + 1):  # each week it pays, or fails and its machines are sold
        terms.append(math.exp(-discount * s / 52) * (alive[s] * paid + alive[s - 1] * hazard / 52 * later))
    assert got == pytest.approx(math.fsum(terms), rel=1e-12, abs=1e-300)


def test_waiting_at_the_edges() -> None:
    assert value_of_waiting(1.0, 2.0, 0.0, 0.0, 1.0, 7.0) == 52.0 + 7.0  # neither time nor risk
    assert value_of_waiting(-5.0, 2.0, 0.1, 0.1, 1.0, 0.0) == 0.0  # losses are not the lender's
    generous = value_of_waiting(9.0, 2.0, 0.1, 0.1, 1.0, 0.0)
    assert generous == value_of_waiting(2.0, 2.0, 0.1, 0.1, 1.0, 0.0)  # no more than is due
    # certain to fail within the week: the collateral a week later, and no payment
    week_later = 9.0 * math.exp(-0.1 / 52)
    assert value_of_waiting(1.0, 2.0, 0.1, 52.0, 1.0, 9.0) == pytest.approx(week_later, rel=1e-14)


def test_lender_calls_only_for_more() -> None:
    assert accelerates(1.01, 1.0, 2.0, 9, 0.5, 0.1)
    assert not accelerates(1.0, 1.0, 2.0, 9, 0.5, 0.1)


def test_lender_extends_what_cover_assets_and_its_capital_carry() -> None:
    assert refinances(1.25, 1.25, 70.0, 100.0, 0.7, 0.12, 0.12)
    assert not refinances(1.24, 1.25, 70.0, 100.0, 0.7, 0.12, 0.12)
    assert not refinances(1.25, 1.25, 70.1, 100.0, 0.7, 0.12, 0.12)
    assert not refinances(1.25, 1.25, 70.0, 100.0, 0.7, 0.11, 0.12)
    assert refinances(math.inf, 1.25, 0.0, 0.0, 0.7, math.inf, 0.12)


def test_learning_is_a_running_mean() -> None:
    recovery = 0.6
    for _ in range(3):
        recovery = learn(recovery, 0.2, 0.25)
    assert recovery == pytest.approx(0.2 + 0.4 * 0.75**3, rel=1e-14)
    assert learn(0.6, 0.2, 0.0) == 0.6
    assert learn(0.6, 0.2, 1.0) == pytest.approx(0.2, rel=1e-15)


# Lenders: selling.


@pytest.mark.parametrize(
    ("held", "price"), [(0, 12.0), (6, 9.6), (12, 7.2), (18, 4.8), (24, 2.4), (25, 2.4), (500, 2.4)]
)
def test_reservation_price_falls_to_the_floor(held: int, price: float) -> None:
    assert reservation_price(20.0, 2.4, 0.6, held, 24.0) == pytest.approx(price, rel=1e-14)


def test_reservation_price_is_never_below_the_floor() -> None:
    assert reservation_price(3.0, 2.4, 0.6, 0, 24.0) == 2.4
    assert reservation_price(0.0, 2.4, 0.6, 7, 24.0) == 2.4


@pytest.mark.parametrize(
    ("units", "share", "quota"), [(80, 0.125, 10), (81, 0.125, 11), (3, 0.125, 1), (7, 1.0, 7), (0, 0.5, 0)]
)
def test_weekly_quota(units: int, share: float, quota: int) -> None:
    assert weekly_quota(units, share) == quota


def test_weekly_quota_is_at_least_one() -> None:
    assert weekly_quota(9, 0.0) == 1
