"""Merton and Leland against published numbers, quadrature and the laws that prices must obey."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.optimize import minimize_scalar

from hashcredit.simulator.contagion import (
    ContagionError,
    leland,
    leland_optimal_coupon,
    leland_spread,
    merton,
    merton_spread,
)

# Merton (1974); numbers from an independent program, as printed


def test_merton_in_numbers():
    one = merton(100, 70, 0.05, 0.2, 1)
    assert one.equity == pytest.approx(33.540098, abs=5e-7)
    assert one.debt == pytest.approx(66.459902, abs=5e-7)
    assert one.spread * 1e4 == pytest.approx(18.9646, abs=5e-5)
    assert one.default_probability == pytest.approx(0.026595, abs=5e-7)
    two = merton(100, 80, 0.05, 0.3, 5)
    assert two.debt == pytest.approx(55.040999, abs=5e-7)
    assert two.spread * 1e4 == pytest.approx(247.8966, abs=5e-5)
    assert two.default_probability == pytest.approx(0.355725, abs=5e-7)
    three = merton(100, 90, 0.03, 0.6, 3)
    assert three.spread * 1e4 == pytest.approx(1378.1202, abs=5e-5)
    assert three.default_probability == pytest.approx(0.629915, abs=5e-7)
    assert isinstance(one.spread, float)


def test_merton_over_arrays():
    spreads = merton_spread([[100.0], [120.0]], 70, 0.05, [0.2, 0.3, 0.4], 1)
    assert spreads.shape == (2, 3)
    for row, assets in enumerate((100.0, 120.0)):
        for column, sigma in enumerate((0.2, 0.3, 0.4)):
            assert spreads[row, column] == merton_spread(assets, 70, 0.05, sigma, 1)


firms = st.tuples(
    st.floats(10.0, 200.0),
    st.floats(10.0, 200.0),
    st.floats(-0.02, 0.15),
    st.floats(0.05, 1.0),
    st.floats(0.1, 20.0),
)


@given(firms)
def test_merton_is_the_expected_payoff(firm):
    """Discounted min(V_T, F) under the risk-neutral measure, by adaptive quadrature over the normal."""
    V, F, r, sigma, T = firm
    border = (math.log(F / V) - (r - 0.5 * sigma**2) * T) / (sigma * math.sqrt(T))

    def payoff(z):
        final = V * math.exp((r - 0.5 * sigma**2) * T + sigma * math.sqrt(T) * z)
        return min(final, F) * math.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi)

    cut = min(max(border, -12.0), 12.0)
    parts = [
        quad(payoff, a, b, epsabs=1e-12, epsrel=1e-12)[0] for a, b in ((-12.0, cut), (cut, 12.0)) if a < b
    ]
    found = merton(*firm)
    assert found.debt == pytest.approx(math.exp(-r * T) * sum(parts), rel=1e-9)
    assert found.equity + found.debt == pytest.approx(V, rel=1e-12)
    assert found.spread == pytest.approx(-math.log(found.debt / F) / T - r, abs=1e-13 / T)
    assert found.spread >= 0.0
    assert merton_spread(V, F, r, 1.1 * sigma, T) >= found.spread - 1e-14


def test_merton_keeps_the_digits_of_small_spreads():
    """V = 100, F = 30, sigma = .2, T = 1, r = 0, worked out with mpmath in 40 digits."""
    # d1 is 6.1 in the last bit, and the tail falls by exp(-6.1 d) with it.
    assert merton_spread(100, 30, 0.0, 0.2, 1) == pytest.approx(5.011882014391138e-11, rel=1e-13)


def test_limits_of_merton():
    assert merton(100, 0, 0.05, 0.2, 1) == merton(100, 0, 0.05, 0.0, 1)
    assert merton(100, 0, 0.05, 0.2, 1).spread == 0.0 and merton(100, 0, 0.05, 0.2, 1).equity == 100.0
    assert merton_spread(100, 100, 0.05, 0.0, 1) == 0.0
    assert merton(100, 100, 0.05, 0.0, 1).default_probability == 0.0
    sunk = merton(100, 120, 0.05, 0.0, 2)
    assert sunk.debt == 100.0 and sunk.equity == 0.0 and sunk.default_probability == 1.0
    assert sunk.spread == pytest.approx(math.log(1.2) / 2 - 0.05, rel=1e-14)
    for sigma in (1e-3, 1e-6, 1e-200):
        assert merton_spread(100, 120, 0.05, sigma, 2) == pytest.approx(sunk.spread, rel=1e-12)
        assert merton_spread(100, 100, 0.05, sigma, 1) == 0.0
    assert merton_spread(100, 70, 0.05, 0.2, 1e-4) == 0.0
    assert merton_spread(100, 125, 0.0, 0.2, 1e-6) == pytest.approx(math.log(1.25) / 1e-6, rel=1e-9)
    # At the money, the put is sigma sqrt(T/(2 pi)) of V.
    assert merton_spread(100, 100, 0.0, 0.2, 1e-8) == pytest.approx(0.2 / math.sqrt(2e-8 * math.pi), rel=1e-4)
    assert merton_spread(100, 1e6, 0.0, 3.0, 30.0) > 0.0


# Leland (1994), section II: V = 100, r = 6 %, sigma = 20 %, bankruptcy cost .5, tax 35 %


def test_leland_in_numbers():
    coupon = leland_optimal_coupon(100, 0.06, 0.2, 0.5, 0.35)
    assert coupon == pytest.approx(6.500969, abs=5e-7)
    # The other figures belong to this coupon, 8e-8 off the best one: a maximiser found it, and closer than
    # that a maximum cannot be told from its neighbours by its value.
    coupon = 6.5009691
    found = leland(100, coupon, 0.06, 0.2, 0.5, 0.35)
    assert found.boundary == pytest.approx(52.820374, abs=5e-7)
    assert found.debt == pytest.approx(96.274220, abs=5e-7)
    assert found.equity == pytest.approx(32.167520, abs=5e-7)
    assert found.total == pytest.approx(128.441740, abs=5e-7)
    assert found.spread * 1e4 == pytest.approx(75.2554, abs=5e-5)
    assert leland_spread(100, coupon, 0.06, 0.2, 0.5, 0.35) == found.spread


leveraged = st.tuples(
    st.floats(50.0, 200.0),
    st.floats(0.1, 8.0),
    st.floats(0.01, 0.12),
    st.floats(0.05, 0.8),
    st.floats(0.0, 1.0),
    st.floats(0.0, 0.5),
)


@given(leveraged)
def test_laws_of_leland(firm):
    V, C, r, sigma, _, _ = firm
    found = leland(*firm)
    assert found.debt + found.equity == pytest.approx(found.total, rel=1e-11)
    assert found.equity >= -1e-11 * V and found.debt >= 0.0
    assert 0.0 <= found.default_claim <= 1.0
    if found.boundary < V:
        assert found.spread == pytest.approx(C / found.debt - r, rel=1e-10, abs=1e-13)
        # The unit claim solves sigma^2/2 V^2 F'' + r V F' - r F = 0, here by central differences.
        step = 1e-3 * (V - found.boundary)
        claims = [leland(V + k * step, *firm[1:]).default_claim for k in (-1, 0, 1)]
        second = (claims[0] - 2 * claims[1] + claims[2]) / step**2
        first = (claims[2] - claims[0]) / (2 * step)
        size = 0.5 * sigma**2 * V**2 * abs(second) + r * V * abs(first) + r * claims[1]
        left = 0.5 * sigma**2 * V**2 * second + r * V * first - r * claims[1]
        assert abs(left) <= 1e-2 * size + 1e-9 * sigma**2 * V**2 * max(claims) / step**2


def test_owners_give_up_where_equity_meets_zero_smoothly():
    boundary = leland(100, 6.5, 0.06, 0.2, 0.5, 0.35).boundary
    for above in (1e-2, 1e-3):
        equity = leland(boundary + above, 6.5, 0.06, 0.2, 0.5, 0.35).equity
        assert (
            0.0 <= equity < 0.05 * above**2
        )  # no kink: second order, with curvature 2 r/(sigma^2 V_B) = .057
    assert leland(boundary, 6.5, 0.06, 0.2, 0.5, 0.35).equity == 0.0


@pytest.mark.parametrize("cost", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("sigma", [0.1, 0.2, 0.5])
def test_the_optimal_coupon_is_the_best(sigma, cost):
    best = leland_optimal_coupon(100, 0.06, sigma, cost, 0.35)
    found = minimize_scalar(
        lambda coupon: -leland(100, coupon, 0.06, sigma, cost, 0.35).total,
        bounds=(1e-3, 2 * best),
        method="bounded",
        options={"xatol": 1e-9},
    )
    assert best == pytest.approx(found.x, rel=1e-5)  # a maximum is known to the root of the rounding
    assert leland(100, best, 0.06, sigma, cost, 0.35).total >= -found.fun - 1e-9


def test_limits_of_leland():
    free = leland(100, 0.0, 0.06, 0.2, 0.5, 0.35)
    assert (free.boundary, free.debt, free.equity, free.total, free.spread) == (0.0, 0.0, 100.0, 100.0, 0.0)
    calm = leland(100, 3.0, 0.06, 0.0, 0.5, 0.35)
    assert calm.debt == pytest.approx(50.0, rel=1e-14) and calm.spread == 0.0
    assert calm.total == pytest.approx(100 + 0.35 * 50.0, rel=1e-14)
    assert leland_spread(100, 3.0, 0.06, 1e-3, 0.5, 0.35) == 0.0
    failed = leland(40, 6.5, 0.06, 0.2, 0.5, 0.35)
    assert (failed.debt, failed.equity, failed.total) == (20.0, 0.0, 20.0)
    assert failed.spread == pytest.approx(6.5 / 20.0 - 0.06, rel=1e-14)
    assert leland_spread(40, 6.5, 0.06, 0.2, 1.0, 0.35) == math.inf
    assert leland_optimal_coupon(100, 0.06, 0.2, 0.5, 0.0) == 0.0
    assert leland_optimal_coupon(100, 0.06, 0.0, 0.5, 0.35) == pytest.approx(6.0 / 0.65, rel=1e-14)
    assert leland_optimal_coupon(100, 0.06, 1e-3, 0.5, 0.35) == pytest.approx(6.0 / 0.65, rel=1e-3)


def test_leland_over_arrays():
    coupons = np.linspace(0.0, 12.0, 7)
    found = leland(100, coupons, 0.06, 0.2, 0.5, 0.35)
    assert found.debt.shape == (7,)
    assert (np.diff(found.spread) > 0.0).all()
    assert found.spread[3] == leland_spread(100, coupons[3], 0.06, 0.2, 0.5, 0.35)


@pytest.mark.parametrize(
    ("call", "argument"),
    [
        (lambda: merton_spread(0, 70, 0.05, 0.2, 1), "assets"),
        (lambda: merton_spread(100, -1, 0.05, 0.2, 1), "face"),
        (lambda: merton_spread(100, 70, math.nan, 0.2, 1), "rate"),
        (lambda: merton_spread(100, 70, 0.05, [0.2, -0.2], 1), r"volatility\[1\]"),
        (lambda: merton_spread(100, 70, 0.05, 0.2, 0), "maturity"),
        (lambda: merton_spread("100", 70, 0.05, 0.2, 1), "assets"),
        (lambda: merton_spread([100, 90, 80], [70, 60], 0.05, 0.2, 1), "shapes"),
        (lambda: leland_spread(100, -1, 0.06, 0.2, 0.5, 0.35), "coupon"),
        (lambda: leland_spread(100, 6, 0.0, 0.2, 0.5, 0.35), "rate"),
        (lambda: leland_spread(100, 6, 0.06, 0.2, 1.5, 0.35), "bankruptcy_cost"),
        (lambda: leland_optimal_coupon(100, 0.06, 0.2, 0.5, 1.0), "tax"),
    ],
)
def test_they_refuse_what_makes_no_sense(call, argument):
    with pytest.raises(ContagionError, match=argument):
        call()
