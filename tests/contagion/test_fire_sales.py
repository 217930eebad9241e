"""Fire sales against published examples, slow and obvious versions, and the laws that they must obey."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array

from hashcredit.simulator.contagion import ContagionError, leverage_targeting, restoring_sale

# Cifuentes, Ferrucci and Shin (2005)


@pytest.mark.parametrize(
    ("impact", "price", "sale"), [(0.1053605, 0.98756209, 0.11879124), (0.2, 0.95773494, 0.21592110)]
)
def test_one_bank_restores_its_ratio(impact, price, sale):
    """Illiquid 1, cash .05, debt .82, ratio 25 %: solved independently from the paper's equations."""
    found = restoring_sale(1.0, 0.05, 0.82, 0.25, impact)
    # The first impact is -ln(0.9) to seven digits, which moves the sale by 1e-8.
    assert found.price == pytest.approx(price, abs=6e-9)
    assert found.sales == pytest.approx([sale], abs=2e-8)
    assert not found.sold_out.any()


def test_the_impact_of_a_tenth_to_all_digits():
    found = restoring_sale(1.0, 0.05, 0.82, 0.25, -math.log(0.9))
    assert found.sales == pytest.approx([0.11879124], abs=5e-9)


def test_without_interior_solution_everything_is_sold():
    found = restoring_sale(1.0, 0.05, 0.82, 0.25, 0.3)
    assert found.price == pytest.approx(math.exp(-0.3), rel=1e-15)
    assert found.sales.tolist() == [1.0]
    assert found.sold_out.tolist() == [True]
    assert found.equity[0] < 0.0


def test_nobody_sells_who_meets_the_ratio():
    found = restoring_sale([1.0, 2.0], [0.5, 3.0], [0.8, 0.0], 0.25, 5.0)
    assert found.price == 1.0
    assert found.sales.tolist() == [0.0, 0.0]


def wanted(price, units, cash, debt, ratio):
    """What one bank sells at a price, by definition: the smallest s with (p e + c - d)/((e - s) p) >= r."""
    equity = units * price + cash - debt
    if equity <= 0.0:
        return units
    return max(0.0, units - equity / (ratio * price))


def by_iteration(units, cash, debt, ratio, impact):
    """From the price before any sale downwards: monotone, so its limit is the greatest fixed point."""
    price = 1.0
    for _ in range(20_000):
        total = sum(wanted(price, *bank) for bank in zip(units, cash, debt, ratio, strict=True))
        following = math.exp(-impact * total)
        if price - following < 1e-16:
            break
        price = following
    return price


def banks(seed):
    rng = np.random.default_rng(seed)
    count = rng.integers(1, 9)
    units = rng.uniform(0.0, 2.0, count) * (rng.random(count) < 0.9)
    cash = rng.uniform(0.0, 0.2, count)
    debt = (units * rng.uniform(0.5, 1.05, count) + cash * rng.uniform(0.0, 2.0, count)) * rng.uniform(
        0.7, 1.0
    )
    return units, cash, debt, rng.uniform(0.05, 0.4, count), rng.uniform(0.0, 0.3)


@pytest.mark.parametrize("seed", range(200))
def test_several_banks_agree_with_plain_iteration(seed):
    case = banks(seed)
    found = restoring_sale(*case)
    # The iteration stops short by its last step over 1 - its rate of convergence: coarse near a double root.
    assert found.price == pytest.approx(by_iteration(*case), rel=1e-9)
    assert found.price == pytest.approx(math.exp(-case[-1] * found.sales.sum()), rel=1e-13)


@pytest.mark.parametrize("seed", range(0, 200, 10))
def test_no_greater_price_is_an_equilibrium(seed):
    units, cash, debt, ratio, impact = banks(seed)
    found = restoring_sale(units, cash, debt, ratio, impact)
    prices = np.linspace(found.price, 1.0, 200)[1:] if found.price < 1.0 else []
    for price in prices:
        total = sum(wanted(price, *bank) for bank in zip(units, cash, debt, ratio, strict=True))
        assert math.exp(-impact * total) < price


def test_of_several_equilibria_the_one_with_the_smallest_sale():
    """One bank at impact .262: selling 70 %, selling more, and selling out are all equilibria."""
    bank, impact = (1.0, 0.05, 0.82, 0.25), 0.262

    def excess(price):
        return price - math.exp(-impact * wanted(price, *bank))

    signs = [excess(price) > 0.0 for price in np.linspace(0.7, 1.0, 3001)]
    assert sum(a != b for a, b in pairwise(signs)) == 3
    found = restoring_sale(*bank, impact)
    assert found.sales[0] < 0.7 and not found.sold_out[0]
    assert all(excess(price) > 0.0 for price in np.linspace(found.price + 1e-9, 1.0, 1000))


@pytest.mark.parametrize("seed", range(20))
def test_a_stronger_impact_never_raises_the_price(seed):
    *case, _ = banks(seed)
    prices = [restoring_sale(*case, impact).price for impact in np.linspace(0.0, 1.0, 21)]
    assert prices == sorted(prices, reverse=True)


@pytest.mark.parametrize("seed", range(10))
def test_the_order_of_banks_does_not_matter(seed):
    *case, impact = banks(seed)
    order = np.random.default_rng(seed).permutation(len(case[0]))
    once, again = restoring_sale(*case, impact), restoring_sale(*(part[order] for part in case), impact)
    assert again.price == pytest.approx(once.price, rel=1e-12)
    assert again.sales == pytest.approx(once.sales[order], rel=1e-10, abs=1e-12)


@pytest.mark.parametrize(
    ("change", "argument"),
    [
        ({"holdings": [-1.0, 1.0]}, r"holdings\[0\]"),
        ({"holdings": "much"}, "holdings"),
        ({"cash": [0.1, 0.2, 0.3]}, "cash"),
        ({"debt": [1.0, math.nan]}, r"debt\[1\]"),
        ({"minimum_ratio": 1.0}, "minimum_ratio"),
        ({"minimum_ratio": 0.0}, "minimum_ratio"),
        ({"impact": math.inf}, "impact"),
        ({"impact": [0.1, 0.2]}, "impact"),
    ],
)
def test_sales_refuse_what_makes_no_sense(change, argument):
    good = {"holdings": [1.0, 1.0], "cash": 0.1, "debt": 0.8, "minimum_ratio": 0.25, "impact": 0.1}
    restoring_sale(**good)
    with pytest.raises(ContagionError, match=argument) as error:
        restoring_sale(**good | change)
    assert error.value.exit_code == 2


# Greenwood, Landier and Thesmar (2015)

EXAMPLE = {
    "equity": (4, 6, 10),
    "debt": (96, 84, 90),
    "weights": [[0.6, 0.4], [0.3, 0.7], [0.5, 0.5]],
    "impact": (1e-3, 5e-4),
    "shock": (-0.02, 0.0),
}


@pytest.mark.parametrize("store", [np.array, csr_array], ids=["dense", "sparse"])
def test_three_banks_and_two_assets(store):
    """From an independent program with the paper's matrices; products of short decimals, so exact."""
    found = leverage_targeting(**EXAMPLE | {"weights": store(EXAMPLE["weights"])})
    assert found.returns == pytest.approx([-0.012, -0.006, -0.010], rel=1e-14)
    assert found.sales == pytest.approx([24.048, 21.312], rel=1e-14)
    assert found.price_moves == pytest.approx([-0.024048, -0.010656], rel=1e-14)
    assert found.losses == pytest.approx([1.86912, 1.320624, 1.7352], rel=1e-14)
    assert found.aggregate_vulnerability == pytest.approx(0.2462472, rel=1e-14)
    assert found.systemicness == pytest.approx([0.162432, 0.0357777, 0.0480375], rel=1e-13)
    assert found.direct_vulnerability == pytest.approx([0.3, 0.09, 0.1], rel=1e-14)
    assert found.indirect_vulnerability == pytest.approx(found.losses / [4, 6, 10], rel=1e-15)


@pytest.mark.parametrize("seed", range(20))
def test_it_is_the_matrix_product_of_the_paper(seed):
    rng = np.random.default_rng(seed)
    banks, kinds = rng.integers(1, 12, 2)
    equity, debt = rng.uniform(1.0, 5.0, banks), rng.uniform(0.0, 90.0, banks)
    weights = rng.dirichlet(np.ones(kinds), banks) * (rng.random((banks, kinds)) < 0.6)
    impact, shock = rng.uniform(0.0, 1e-3, kinds), rng.uniform(-0.1, 0.05, kinds)
    A, B, L = np.diag(equity + debt), np.diag(debt / equity), np.diag(impact)
    found = leverage_targeting(equity, debt, weights, impact, shock)
    returns = weights @ shock
    moves = L @ weights.T @ A @ B @ returns
    assert found.returns == pytest.approx(returns, abs=1e-15)
    assert found.price_moves == pytest.approx(moves, abs=1e-13)
    assert found.losses == pytest.approx(-A @ weights @ moves, abs=1e-10)
    for bank in range(banks):  # alone in selling, in the paper's words
        alone = np.zeros(banks)
        alone[bank] = returns[bank]
        lost = -np.ones(banks) @ A @ weights @ L @ weights.T @ A @ B @ alone
        assert found.systemicness[bank] == pytest.approx(lost / equity.sum(), rel=1e-10, abs=1e-13)
    assert found.systemicness.sum() == pytest.approx(found.aggregate_vulnerability, rel=1e-10, abs=1e-13)


@given(st.floats(0.0, 3.0))
def test_it_is_linear_in_the_shock(size):
    once = leverage_targeting(**EXAMPLE)
    scaled = leverage_targeting(**EXAMPLE | {"shock": (-0.02 * size, 0.0)})
    assert scaled.losses == pytest.approx(size * once.losses, rel=1e-13)


def test_banks_without_debt_do_not_sell():
    found = leverage_targeting(**EXAMPLE | {"leverage": 0.0})
    assert found.sales.tolist() == [0.0, 0.0]
    assert found.aggregate_vulnerability == 0.0
    assert found.direct_vulnerability == pytest.approx([0.3, 0.09, 0.1], rel=1e-14)


@pytest.mark.parametrize(
    ("change", "argument"),
    [
        ({"equity": (4, 0, 10)}, r"equity\[1\]"),
        ({"debt": (96, 84)}, "debt"),
        ({"weights": [[0.6, 0.5], [0.3, 0.7], [0.5, 0.5]]}, r"weights\[0\]"),
        ({"weights": [[0.6, 0.4], [0.3, -0.7], [0.5, 0.5]]}, r"weights\[1, 1\]"),
        ({"weights": [[0.6, 0.4], [0.3, 0.7]]}, "weights"),
        ({"impact": -1e-3}, r"impact\[0\]"),
        ({"shock": (-1.5, 0.0)}, r"shock\[0\]"),
        ({"leverage": [1.0]}, "leverage"),
    ],
)
def test_targeting_refuses_what_makes_no_sense(change, argument):
    with pytest.raises(ContagionError, match=argument):
        leverage_targeting(**EXAMPLE | change)
