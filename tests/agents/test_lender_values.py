"""Present values of loans against numerical integration, and what selling does to a price."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad

from hashcredit.agents.impact import average_left, price_left
from hashcredit.agents.lender import present_value

RATES = st.floats(0.0, 0.5)
DISCOUNTS = st.floats(1e-4, 1.0)
YEARS = st.floats(1 / 52, 20.0)


BALLOONS = st.one_of(st.sampled_from((0.0, 1.0)), st.floats(0.0, 1.0))
"""Share of the face that comes back at the end."""


def integral(rate: float, discount: float, years: float, balloon: float) -> float:
    """Interest on what is left and principal as it comes back, of a face of 1, by quadrature."""

    def payment(s: float) -> float:
        left = 1.0 - (1.0 - balloon) * s / years
        return ((1.0 - balloon) / years + rate * left) * math.exp(-discount * s)

    paid = quad(payment, 0.0, years, epsabs=1e-12, epsrel=1e-12)[0]
    return paid + balloon * math.exp(-discount * years)


@given(RATES, DISCOUNTS, YEARS, BALLOONS)
def test_present_value_is_the_integral(rate: float, discount: float, years: float, balloon: float) -> None:
    # The closed form subtracts numbers of order 1 and divides by (discount years)^2: it loses those digits.
    lost = 1e-15 * (1.0 + rate * years) / min(1.0, discount * years) ** 2
    found = present_value(3.0, rate, discount, years, 3.0 * balloon)
    assert found == pytest.approx(3.0 * integral(rate, discount, years, balloon), rel=1e-9 + 10 * lost)


@given(DISCOUNTS, YEARS, BALLOONS)
def test_a_loan_at_its_own_rate_is_worth_its_face(rate: float, years: float, balloon: float) -> None:
    lost = 1e-15 / min(1.0, rate * years) ** 2
    assert present_value(2.0, rate, rate, years, 2.0 * balloon) == pytest.approx(2.0, rel=1e-12 + 10 * lost)


@pytest.mark.parametrize(("balloon", "paid"), [(0.0, 1.2), (5.0, 1.4), (2.0, 0.6 * 1.2 + 0.4 * 1.4)])
def test_without_discount_it_is_what_is_paid(balloon: float, paid: float) -> None:
    # 10 % for four years: 0.4 of interest on a bullet, half of it on what is paid down
    expected = 5.0 * paid
    assert present_value(5.0, 0.1, 0.0, 4.0, balloon) == pytest.approx(expected, rel=1e-12)
    # and just beside the limit
    assert present_value(5.0, 0.1, 1e-6, 4.0, balloon) == pytest.approx(expected, rel=1e-5)


@given(st.floats(0.0, 1.0), st.floats(1e-13, 0.05), st.floats(1 / 52, 10.0), BALLOONS)
def test_values_are_smooth_down_to_no_discount(
    rate: float, discount: float, years: float, balloon: float
) -> None:
    # Between no discount and `discount` the value falls by no more than discount * years of all payments.
    undiscounted = present_value(1.0, rate, 0.0, years, balloon)
    found = present_value(1.0, rate, discount, years, balloon)
    slack = 1e-6 * undiscounted
    assert undiscounted * math.exp(-discount * years) - slack <= found <= undiscounted + slack


def test_a_higher_discount_is_a_lower_value() -> None:
    values = [present_value(1.0, 0.1, discount, 3.0, 0.0) for discount in (0.0, 0.05, 0.1, 0.2, 0.8)]
    assert values == sorted(values, reverse=True)
    assert values[2] == pytest.approx(1.0, rel=1e-12)


# Impact.


def test_price_left_by_a_sale() -> None:
    assert price_left(0.0) == 1.0
    assert price_left(1.0) == pytest.approx(math.exp(-1.0), rel=1e-15)
    # two sales are one
    assert price_left(0.3) * price_left(0.4) == pytest.approx(price_left(0.7), rel=1e-15)


@given(st.floats(0.0, 50.0))
def test_the_mean_price_is_the_integral_of_prices(pressure: float) -> None:
    if pressure < 1e-9:
        assert average_left(pressure) == pytest.approx(1.0, abs=1e-9)
        return
    mean = quad(price_left, 0.0, pressure, epsabs=1e-13, epsrel=1e-12)[0] / pressure
    assert average_left(pressure) == pytest.approx(mean, rel=1e-9)


@given(st.floats(0.0, 1e-6))
def test_small_sales_keep_their_digits(pressure: float) -> None:
    assert average_left(pressure) == pytest.approx(1.0 - pressure / 2.0, rel=1e-12)
