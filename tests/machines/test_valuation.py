"""The value of a machine against closed forms, adaptive quadrature and the laws that it must obey."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import ndtr

from hashcredit.simulator.machines.valuation import (
    COEFFICIENTS,
    K_HIGH,
    K_LOW,
    LANES,
    LONGEST,
    PIECE_COLUMNS,
    TERMS,
    _exponential,
    _mills_ratio,
    earned_within,
    machine_value,
    most_pieces,
    value_at,
    value_coefficients,
)

NO_LAUNCHES = ((), ())


def direct(r0, d, cost, k, sigma, horizon, launches=NO_LAUNCHES):
    times, factors = (np.array(column, float) for column in launches)
    return machine_value(r0, d, cost, k, sigma, horizon, times, factors, len(times))


def by_polynomial(r0, d, cost, k, sigma, horizon, launches=NO_LAUNCHES):
    times, factors = (np.array(column, float) for column in launches)
    coefficients = np.full(COEFFICIENTS, np.nan)
    pieces = np.full((most_pieces(len(times)), PIECE_COLUMNS), np.nan)
    moments = np.full(TERMS * LANES, np.nan)
    value_coefficients(r0, d, cost, sigma, horizon, times, factors, len(times), pieces, moments, coefficients)
    return value_at(coefficients, k)


BOTH = pytest.mark.parametrize("value", [direct, by_polynomial])

# Relative error without uncertainty: a closed form, and a polynomial that was never off by more than 1e-6.
CERTAIN_ERROR = {direct: 1e-9, by_polynomial: 2e-6}


def earning(s, r0, d, launches):
    return r0 * math.exp(-d * s) * math.prod(f for t, f in zip(*launches, strict=True) if t < s)


def breaks(horizon, launches, more=()):
    inside = {t for t in (*launches[0], *more) if 0.0 < t < horizon}
    return [0.0, *sorted(inside), horizon]


def quadrature(r0, d, cost, k, sigma, horizon, launches=NO_LAUNCHES):
    """The integral as it is written, by adaptive quadrature in u = sqrt(s), cut at the launches."""

    def integrand(u):
        s = u * u
        F = earning(s, r0, d, launches)
        if cost == 0.0:
            bracket = F
        else:
            d1 = math.log(F / cost) / (sigma * u) + 0.5 * sigma * u
            bracket = F * ndtr(d1) - cost * ndtr(d1 - sigma * u)
        return 2.0 * u * math.exp(-k * s) * bracket

    total = 0.0
    points = np.sqrt(breaks(horizon, launches))
    for first, last in pairwise(points):
        cuts = np.linspace(first, last, 9)
        for a, b in pairwise(cuts):
            total += quad(integrand, a, b, epsabs=1e-13 * r0, epsrel=1e-10, limit=200)[0]
    return total


def certain_quadrature(r0, d, cost, k, horizon, launches):
    """sigma = 0: the integral of max(F - c, 0), cut at every crossing of F = c."""
    points = breaks(horizon, launches)
    crossings = []
    for first in points[:-1]:
        level = r0 * math.prod(f for t, f in zip(*launches, strict=True) if t <= first)
        if d != 0.0 and cost > 0.0:
            crossings.append(math.log(level / cost) / d)
    points = breaks(horizon, launches, crossings)

    def integrand(s):
        return math.exp(-k * s) * max(earning(s, r0, d, launches) - cost, 0.0)

    return sum(quad(integrand, a, b, epsabs=1e-14 * r0, epsrel=1e-12)[0] for a, b in pairwise(points))


def annuity(rate, first, last):
    if abs(rate) < 1e-12:
        return last - first
    return (math.exp(-rate * first) - math.exp(-rate * last)) / rate


def present_value_of_earnings(r0, d, k, horizon, launches):
    points = breaks(horizon, launches)
    return sum(
        earning(0.5 * (a + b), r0, d, launches) * math.exp(0.5 * d * (a + b)) * annuity(d + k, a, b)
        for a, b in pairwise(points)
    )


def tolerance(value, r0, horizon):
    """Twice the worst error found: 1e-6 of a value worth having, 1.6e-9 r0 T below that."""
    return max(2e-6 * value, 3e-9 * r0 * horizon)


@st.composite
def announced(draw, most=8):
    times = sorted(draw(st.lists(st.floats(0.0, 10.0), max_size=most)))
    factors = draw(st.lists(st.floats(0.5, 1.0), min_size=len(times), max_size=len(times)))
    return tuple(times), tuple(factors)


trends = st.floats(-0.3, 0.6)
discounts = st.floats(K_LOW, K_HIGH)
costs = st.one_of(st.floats(0.01, 5.0), st.floats(0.9, 1.1))
volatilities = st.floats(0.05, 1.0)
horizons = st.floats(0.25, 10.0)


# sigma = 0: the closed form


@BOTH
@pytest.mark.parametrize("d", [-0.3, -0.05, 0.0, 0.1, 0.6])
@pytest.mark.parametrize("k", [0.02, 0.12, 0.8])
@pytest.mark.parametrize("cost", [0.05, 0.4, 0.95])
def test_without_uncertainty_and_launches_it_is_the_textbook_formula(value, d, k, cost):
    r0, horizon = 1.0, 6.0
    runs = min(horizon, math.log(r0 / cost) / d) if d > 0.0 else horizon  # T*
    expected = r0 * annuity(d + k, 0.0, runs) - cost * annuity(k, 0.0, runs)
    # The two exponentials of the textbook form cancel: 1e-15 of r0 T* is its own rounding.
    assert value(r0, d, cost, k, 0.0, horizon) == pytest.approx(expected, rel=CERTAIN_ERROR[value], abs=1e-14)


@BOTH
def test_a_growing_rent_can_cross_the_cost_twice(value):
    # 1.2 exp(0.2 s) is above 1 until the launch at year 1 leaves 60 % of it: 0.72 exp(0.2 s) is above 1 again
    # from s = ln(1/0.72)/0.2 = 1.6425 on.
    k, back = 0.1, math.log(1.0 / 0.72) / 0.2
    assert 1.0 < back < 3.0
    expected = 1.2 * annuity(-0.1, 0.0, 1.0) - annuity(k, 0.0, 1.0)
    expected += 0.72 * annuity(-0.1, back, 3.0) - annuity(k, back, 3.0)
    assert value(1.2, -0.2, 1.0, k, 0.0, 3.0, ((1.0,), (0.6,))) == pytest.approx(
        expected, rel=CERTAIN_ERROR[value]
    )


@given(trends, costs, discounts, horizons, announced())
@settings(max_examples=300)
def test_without_uncertainty_it_is_the_integral_of_the_profit(d, cost, k, horizon, launches):
    expected = certain_quadrature(1.0, d, cost, k, horizon, launches)
    assert direct(1.0, d, cost, k, 0.0, horizon, launches) == pytest.approx(
        expected, rel=1e-9, abs=1e-11 * horizon
    )


@given(trends, costs, discounts, horizons, announced())
@settings(max_examples=300)
def test_the_polynomial_keeps_six_digits_of_the_closed_form(d, cost, k, horizon, launches):
    expected = direct(1.0, d, cost, k, 0.0, horizon, launches)
    # F N(d1) - c N(d2) is a difference: where F = c it is the rounding of N, 6e-12, times costs of up to 5
    assert by_polynomial(1.0, d, cost, k, 0.0, horizon, launches) == pytest.approx(
        expected, rel=2e-6, abs=1e-10 * horizon
    )


@pytest.mark.parametrize("k", [K_LOW, K_HIGH])
@pytest.mark.parametrize("late", [0.01, 2.0, LONGEST - 0.1])
def test_the_polynomial_follows_the_discount_factor_over_the_whole_life(k, late):
    """Cutting the series costs most where a machine earns in the last tenth of a year alone."""
    d = -0.5
    cost = math.exp(-d * late)  # F = c there
    expected = direct(1.0, d, cost, k, 0.0, late + 0.1)
    assert by_polynomial(1.0, d, cost, k, 0.0, late + 0.1) == pytest.approx(expected, rel=1e-6)


# sigma > 0: the arithmetic of a node, adaptive quadrature


def test_the_arithmetic_of_a_node_is_that_of_the_library():
    for x in np.linspace(-8.0, 8.0, 401):
        assert _exponential(x) == pytest.approx(math.exp(x), rel=2e-11)
    for z in np.linspace(0.0, 12.0, 401):
        density = math.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi)
        assert density * _mills_ratio(z) == pytest.approx(ndtr(-z), abs=6e-12)


HARD = {
    "the rent falls through the cost in the middle of a segment": (0.3, 0.4, 0.05, 6.0, NO_LAUNCHES),
    "slowly through the cost": (0.05, 0.8, 0.05, 10.0, NO_LAUNCHES),
    "at the money now": (0.6, 1.0, 0.1, 10.0, NO_LAUNCHES),
    "a hair above the cost now": (0.6, 0.999, 0.3, 10.0, NO_LAUNCHES),
    "a hair below it": (0.4, 1.01, 0.2, 3.0, NO_LAUNCHES),
    "no trend, at the money": (0.0, 1.0, 0.05, 4.0, NO_LAUNCHES),
    "deep out of the money": (0.2, 5.0, 1.0, 6.0, NO_LAUNCHES),
    "far out of the money and growing": (-0.3, 4.0, 0.1, 10.0, NO_LAUNCHES),
    "a launch next week": (0.6, 0.97, 0.2, 1.0, ((0.007, 0.6, 0.7), (0.7, 0.9, 0.9))),
    "a launch that ends the business for a while": (-0.1, 0.9, 0.1, 9.0, ((2.0, 5.0), (0.6, 0.95))),
    "eight launches": (0.1, 0.3, 0.3, 10.0, (tuple(range(1, 9)), (0.8,) * 8)),
    "a long quiet segment": (-0.3, 0.1, 1.0, 10.0, NO_LAUNCHES),
}


@BOTH
@pytest.mark.parametrize("k", [K_LOW, 0.15, K_HIGH])
@pytest.mark.parametrize("case", HARD)
def test_hard_cases_agree_with_adaptive_quadrature(value, case, k):
    d, cost, sigma, horizon, launches = HARD[case]
    expected = quadrature(1.0, d, cost, k, sigma, horizon, launches)
    result = value(1.0, d, cost, k, sigma, horizon, launches)
    assert abs(result - expected) <= tolerance(expected, 1.0, horizon)


@given(trends, costs, discounts, volatilities, horizons, announced())
@settings(max_examples=150)
def test_it_agrees_with_adaptive_quadrature(d, cost, k, sigma, horizon, launches):
    expected = quadrature(1.0, d, cost, k, sigma, horizon, launches)
    allowed = tolerance(expected, 1.0, horizon)
    assert abs(direct(1.0, d, cost, k, sigma, horizon, launches) - expected) <= allowed
    assert abs(by_polynomial(1.0, d, cost, k, sigma, horizon, launches) - expected) <= allowed


@BOTH
def test_a_vanishing_volatility_leads_to_the_closed_form(value):
    # The option to switch off is worth of the order c sigma^2 here: 1e-6 of the value at sigma = 0.001.
    launches = ((1.0, 2.5), (0.8, 0.7))
    certain = value(1.0, 0.2, 0.4, 0.12, 0.0, 6.0, launches)
    assert value(1.0, 0.2, 0.4, 0.12, 1e-3, 6.0, launches) == pytest.approx(certain, rel=1e-5)
    assert value(1.0, 0.2, 0.4, 0.12, 1e-9, 6.0, launches) == pytest.approx(certain, rel=1e-9)


# laws


@given(trends, costs, volatilities, horizons, announced(), discounts, discounts)
def test_a_bidder_with_dearer_capital_values_it_less(d, cost, sigma, horizon, launches, k1, k2):
    assume(k2 - k1 > 1e-3)
    low, high = (by_polynomial(1.0, d, cost, k, sigma, horizon, launches) for k in (k2, k1))
    assert low <= high + 1e-12 * horizon
    low, high = (direct(1.0, d, cost, k, sigma, horizon, launches) for k in (k2, k1))
    assert low <= high + 2.0 * tolerance(high, 1.0, horizon)


@BOTH
@given(trends, discounts, st.floats(0.0, 1.0), horizons, announced(), costs, costs)
def test_running_costs_lower_the_value(value, d, k, sigma, horizon, launches, cost1, cost2):
    assume(cost2 > cost1)
    dear = value(1.0, d, cost2, k, sigma, horizon, launches)
    cheap = value(1.0, d, cost1, k, sigma, horizon, launches)
    assert dear <= cheap + 2.0 * tolerance(cheap, 1.0, horizon)
    # and by no more than the difference of costs over the whole life
    assert cheap - dear <= (cost2 - cost1) * annuity(k, 0.0, horizon) + 2.0 * tolerance(cheap, 1.0, horizon)


@BOTH
@given(costs, discounts, volatilities, horizons, announced(), trends, trends)
def test_a_faster_decline_lowers_the_value(value, cost, k, sigma, horizon, launches, d1, d2):
    assume(d2 > d1)
    fast = value(1.0, d2, cost, k, sigma, horizon, launches)
    slow = value(1.0, d1, cost, k, sigma, horizon, launches)
    assert fast <= slow + 2.0 * tolerance(slow, 1.0, horizon)


@BOTH
@given(trends, costs, discounts, horizons, volatilities, volatilities)
def test_the_option_to_switch_off_gains_from_volatility(value, d, cost, k, horizon, sigma1, sigma2):
    assume(sigma2 > sigma1)
    calm = value(1.0, d, cost, k, sigma1, horizon)
    wild = value(1.0, d, cost, k, sigma2, horizon)
    assert calm <= wild + 2.0 * tolerance(wild, 1.0, horizon)
    assert value(1.0, d, cost, k, 0.0, horizon) <= calm + 2.0 * tolerance(calm, 1.0, horizon)


@BOTH
@given(trends, costs, discounts, st.floats(0.0, 1.0), horizons, announced())
def test_it_is_worth_something_and_no_less_than_without_the_option(
    value, d, cost, k, sigma, horizon, launches
):
    result = value(1.0, d, cost, k, sigma, horizon, launches)
    earnings = present_value_of_earnings(1.0, d, k, horizon, launches)
    allowed = tolerance(abs(result), 1.0, horizon)
    assert result >= -1e-8 * horizon
    assert result >= earnings - cost * annuity(k, 0.0, horizon) - allowed
    assert result <= earnings + allowed


@given(trends, st.floats(0.05, 5.0), st.floats(0.02, 0.2), volatilities, horizons)
def test_call_less_put_is_earnings_less_costs(d, cost, k, sigma, horizon):
    """The put, `int exp(-k s) [c N(-d2) - F N(-d1)] ds`, is a machine that earns c and costs r0, trend -d."""
    call = direct(1.0, d, cost, k, sigma, horizon)
    put = direct(cost, -d, 1.0, k + d, sigma, horizon)
    forward = annuity(d + k, 0.0, horizon) - cost * annuity(k, 0.0, horizon)
    allowed = tolerance(call, 1.0, horizon) + tolerance(put, max(cost, 1.0), horizon)
    assert abs(call - put - forward) <= allowed


@BOTH
@given(trends, discounts, st.floats(0.0, 1.0), horizons, announced())
def test_a_machine_without_costs_is_worth_its_discounted_earnings(value, d, k, sigma, horizon, launches):
    expected = present_value_of_earnings(1.0, d, k, horizon, launches)
    # No closed form here: `machine_value` too works out the integral if sigma > 0.
    assert value(1.0, d, 0.0, k, sigma, horizon, launches) == pytest.approx(expected, rel=2e-6)


@BOTH
@given(trends, costs, discounts, volatilities, horizons, announced(), st.floats(1e-6, 1e6))
def test_the_unit_of_money_does_not_matter(value, d, cost, k, sigma, horizon, launches, unit):
    once = value(1.0, d, cost, k, sigma, horizon, launches)
    scaled = value(unit, d, unit * cost, k, sigma, horizon, launches)
    # ln(r0/c) differs in its last bit, which may change a number of nodes
    assert abs(scaled / unit - once) <= 2.0 * tolerance(once, 1.0, horizon)


@BOTH
def test_launches_outside_the_life_of_the_machine(value):
    base = value(0.8, 0.1, 0.3, 0.12, 0.3, 5.0)
    assert value(0.8, 0.1, 0.3, 0.12, 0.3, 5.0, ((5.0, 7.0), (0.5, 0.5))) == base
    already = value(1.0, 0.1, 0.3, 0.12, 0.3, 5.0, ((-0.5, 0.0), (1.0, 0.8)))
    assert already == pytest.approx(base, rel=1e-12)
    together = value(1.0, 0.1, 0.3, 0.12, 0.3, 5.0, ((2.0, 2.0), (0.8, 0.75)))
    assert together == pytest.approx(value(1.0, 0.1, 0.3, 0.12, 0.3, 5.0, ((2.0,), (0.6,))), rel=1e-12)


@BOTH
@pytest.mark.parametrize("sigma", [0.0, 0.3])
def test_nothing_is_worth_nothing(value, sigma):
    assert value(0.0, 0.1, 0.3, 0.12, sigma, 5.0) == 0.0
    assert value(1.0, 0.1, 0.3, 0.12, sigma, 0.0) == 0.0
    # a rival that takes everything after two years leaves the machine two years
    ended = value(1.0, 0.1, 0.3, 0.12, sigma, 5.0, ((2.0,), (0.0,)))
    assert ended == pytest.approx(value(1.0, 0.1, 0.3, 0.12, sigma, 2.0), rel=1e-12)


# plausibility


def test_an_h100_is_worth_what_used_ones_fetch():
    """24 to 17 k$ for trends of 10 to 25 % a year; used H100 trade at 15 to 28 k$.

    Earning: 2.35 $/h x 65 % x 8766 h = 13.39 k$ a year. Avoidable cost: 1.28 kW (its share of a server) x PUE
    1.2 x 0.065 $/kWh x 8766 h = 0.875 k$ of power, and 2 % of 30 k$ = 0.6 k$ of upkeep. Two launches, in 0.6
    and 1.6 years, take a quarter each.
    """
    r0 = 2.35 * 0.65 * 8766 / 1000
    cost = 1.28 * 1.2 * 0.065 * 8766 / 1000 + 0.02 * 30
    launches = ((0.6, 1.6), (0.75, 0.75))
    values = [by_polynomial(r0, d, cost, 0.12, 0.3, 6.0, launches) for d in (0.10, 0.15, 0.20, 0.25)]
    assert values == sorted(values, reverse=True)
    assert round(values[0]) == 24
    assert round(values[-1]) == 17


@given(
    d=st.sampled_from([-0.2, 0.0, 0.1, 0.5]),
    short=st.floats(0.1, 9.0),
    more=st.sampled_from([0.0, 0.5, 4.0]),
    launches=st.lists(st.tuples(st.floats(0.0, 9.0), st.floats(0.3, 1.2)), max_size=8).map(sorted),
    at_the_end=st.booleans(),
)
def test_earnings_within_two_times_are_the_values_of_both_bit_for_bit(d, short, more, launches, at_the_end):
    if at_the_end and launches:  # a launch in the very week in which the short time ends
        launches = sorted([*launches[1:], (short, 0.7)])
    times, factors = (np.array([each[i] for each in launches]) for i in range(2))
    horizons = short, short + more
    both = earned_within(d, *horizons, times, factors, len(launches))
    assert both == tuple(
        machine_value(1.0, d, 0.0, 0.0, 0.0, horizon, times, factors, len(launches)) for horizon in horizons
    )
