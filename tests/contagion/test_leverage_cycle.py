"""Collateral equilibria against published numbers and the equations that define them."""

import math

import numpy as np
import pytest
from scipy.optimize import brentq

from hashcredit.simulator.contagion import (
    ContagionError,
    collateral_equilibrium,
    haircut_sale,
    leverage_cycle_equilibrium,
)

# Geanakoplos (2010), "The leverage cycle", sections 3 and 4: payoff 1 or .2, one unit of asset and good each.


def test_two_periods_without_borrowing():
    found = collateral_equilibrium(borrowing=False)
    assert found.price == pytest.approx(0.677033, abs=5e-7)
    assert (found.loan, found.leverage, found.margin) == (0.0, 1.0, 1.0)


def test_two_periods_with_collateral_loans():
    found = collateral_equilibrium()
    assert found.price == pytest.approx(0.748913, abs=5e-7)
    assert found.marginal_buyer == pytest.approx(0.686141, abs=5e-7)
    assert found.leverage == pytest.approx(1.3644, abs=5e-5)
    assert found.loan == 0.2


def test_three_periods():
    found = leverage_cycle_equilibrium()
    assert found.price == pytest.approx(0.946519, abs=5e-7)
    assert found.marginal_buyer == pytest.approx(0.869854, abs=5e-7)
    assert found.price_down == pytest.approx(0.693188, abs=5e-7)
    assert found.marginal_buyer_down == pytest.approx(0.616485, abs=5e-7)
    assert found.leverage == pytest.approx(3.7363, abs=5e-5)
    assert found.leverage_down == pytest.approx(1.4055, abs=5e-5)
    assert found.crash == pytest.approx(0.2676, abs=5e-5)


def payoffs(seed):
    rng = np.random.default_rng(seed)
    high = rng.uniform(0.1, 10.0)
    return high, high * rng.choice([0.0, rng.random(), 0.999]), rng.uniform(0.01, 20.0)


@pytest.mark.parametrize("seed", range(60))
def test_the_equations_of_two_periods_hold(seed):
    high, low, goods = payoffs(seed)
    for borrowing in (True, False):
        found = collateral_equilibrium(high, low, goods, borrowing)
        h, p = found.marginal_buyer, found.price
        assert 0.0 < h < 1.0 and low < p < high
        assert p == pytest.approx(h * high + (1 - h) * low, rel=1e-14)
        assert (1 - h) * goods + found.loan == pytest.approx(p * h, rel=1e-12)
        assert found.margin * found.leverage == pytest.approx(1.0, rel=1e-12)
    assert collateral_equilibrium(high, low, goods).price >= p  # loans raise the price


def condition(a, high, low, goods):
    """The indifference of a at the start, all else from the other equations by Brent's method."""

    def clears(b):
        price = b * high + (1 - b) * low
        return (a - b) / a * (goods + price) + low - price

    b = brentq(clears, 0.0, a, xtol=1e-16, rtol=1e-15)
    down = b * high + (1 - b) * low
    start = ((1 - a) * goods + down) / a
    return a * (high - down) / (start - down) - a - (1 - a) * a * (high - low) / (down - low)


@pytest.mark.parametrize("seed", range(60))
def test_the_equations_of_three_periods_hold(seed):
    high, low, goods = payoffs(seed)
    found = leverage_cycle_equilibrium(high, low, goods)
    a, b, start, down = found.marginal_buyer, found.marginal_buyer_down, found.price, found.price_down
    assert 0.0 < b < a < 1.0 and low < down < start < high
    assert down == pytest.approx(b * high + (1 - b) * low, rel=1e-12)
    assert down == pytest.approx((a - b) / a * (goods + down) + low, rel=1e-12)
    assert start == pytest.approx((1 - a) * (goods + start) + down, rel=1e-12)
    # Differences of prices are divided by here: the rounding of a counts over 1 - a, that of prices over low.
    left = a * (high - down) / (start - down)
    right = a + (1 - a) * a * (high - low) / (down - low)
    rounding = 1e-15 * (1 / (1 - a) + high / (start - down) + high / (down - low) + high / (high - down))
    assert left == pytest.approx(right, rel=max(1e-12, 4 * rounding))


@pytest.mark.parametrize("seed", range(0, 60, 6))
def test_there_is_no_other_equilibrium(seed):
    case = payoffs(seed)
    signs = [condition(a, *case) > 0.0 for a in np.linspace(0.001, 0.999, 400)]
    assert signs == sorted(signs)


def test_money_is_a_unit():
    once, scaled = leverage_cycle_equilibrium(), leverage_cycle_equilibrium(1000.0, 200.0, 1000.0)
    assert scaled.price == pytest.approx(1000.0 * once.price, rel=1e-12)
    assert scaled.marginal_buyer == pytest.approx(once.marginal_buyer, rel=1e-12)


def test_without_anything_after_bad_news_twice_there_is_no_loan():
    found = leverage_cycle_equilibrium(low=0.0)
    assert found.leverage_down == 1.0
    assert found.leverage > 1.0


# haircuts


def test_from_five_to_fifty_percent_nine_tenths_go():
    assert haircut_sale(0.05, 0.5) == pytest.approx(0.9, rel=1e-15)
    assert haircut_sale(0.2, 0.2) == 0.0
    assert haircut_sale(0.5, 0.25) == -1.0
    table = haircut_sale([[0.05], [0.1]], [0.5, 1.0])
    assert table == pytest.approx(np.array([[0.9, 0.95], [0.8, 0.9]]), rel=1e-14)


def test_equity_is_what_stays():
    """A position of 1 at a haircut of h0, cut by the answer, needs all of the equity at h1."""
    for before, after in ((0.02, 0.45), (0.3, 0.31), (0.4, 0.1)):
        assert (1.0 - haircut_sale(before, after)) * after == pytest.approx(before, rel=1e-14)


@pytest.mark.parametrize(
    ("call", "argument"),
    [
        (lambda: collateral_equilibrium(1.0, 1.0), "low"),
        (lambda: collateral_equilibrium(1.0, -0.1), "low"),
        (lambda: collateral_equilibrium(goods=0.0), "goods"),
        (lambda: collateral_equilibrium(borrowing=2), "borrowing"),
        (lambda: leverage_cycle_equilibrium(math.inf), "high"),
        (lambda: leverage_cycle_equilibrium("one"), "high"),
        (lambda: haircut_sale(0.0, 0.5), "before"),
        (lambda: haircut_sale(0.1, [0.5, 1.5]), r"after\[1\]"),
        (lambda: haircut_sale([0.1, 0.2, 0.3], [0.5, 0.5]), "shapes"),
    ],
)
def test_they_refuse_what_makes_no_sense(call, argument):
    with pytest.raises(ContagionError, match=argument):
        call()
