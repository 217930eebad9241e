"""Rounds of deleveraging against a worked example and a slow and obvious version."""

import math

import numpy as np
import pytest
from scipy.sparse import csr_array

from hashcredit.simulator.contagion import ContagionError, deleveraging_rounds

EXAMPLE = {
    "cash": (2, 3, 4),
    "holdings": ((20, 30), (40, 10), (10, 50)),
    "prices": (1, 0.95),
    "loan": (40, 40, 50),
    "other_assets": (30, 20, 30),
    "other_liabilities": (37.3, 30, 39.2),
    "impact": (0.2, 0.3),
}


@pytest.mark.parametrize("store", [np.array, csr_array], ids=["dense", "sparse"])
def test_three_institutions_and_two_assets(store):
    """The rounds of Cont and Schaanning (2017) with defaults; ten digits of an independent program."""
    found = deleveraging_rounds(**EXAMPLE | {"holdings": store(np.array(EXAMPLE["holdings"]))})
    assert found.prices.shape == (7, 2) and found.equity.shape == found.alive.shape == (7, 3)
    assert found.prices[0].tolist() == found.prices[1].tolist() == [1.0, 0.95]
    assert found.prices[2] == pytest.approx([0.9133126445, 0.7702900233], abs=6e-11)
    assert found.prices[3] == pytest.approx([0.8187307531, 0.7037773096], abs=6e-11)
    assert found.equity[3] == pytest.approx([-4.2224225054, -3.0756293519, -2.626186195], abs=6e-10)
    assert found.alive[0].all()
    assert found.alive[1].tolist() == [True, True, False]
    assert not found.alive[2:].any()
    # Everything has been sold by then: the prices are those of a full liquidation.
    assert found.prices[3] == pytest.approx([math.exp(-0.2), 0.95 * math.exp(-0.3)], rel=1e-14)
    assert (found.prices[4:] == found.prices[3]).all()


def one_by_one(
    cash, holdings, prices, loan, other_assets, other_liabilities, impact, default, act, target, rounds
):
    """The text of the method, line by line, in plain Python."""
    b, k = len(cash), len(prices)
    cash, loan, prices, held = list(cash), list(loan), list(prices), [list(row) for row in holdings]
    total = [sum(held[i][j] for i in range(b)) for j in range(k)]
    alive, just_defaulted = [True] * b, [False] * b
    orders = [[0.0] * k for _ in range(b)]
    history = []
    for t in range(rounds + 1):
        if t > 0:
            for i in range(b):
                if just_defaulted[i]:
                    orders[i] = list(held[i])
            old = list(prices)
            for j in range(k):
                sold = sum(orders[i][j] for i in range(b))
                if sold > 0.0:
                    prices[j] *= math.exp(-impact[j] * sold / total[j])
            for i in range(b):
                for j in range(k):
                    cash[i] += orders[i][j] * (old[j] + prices[j]) / 2
                    held[i][j] -= orders[i][j]
            orders = [[0.0] * k for _ in range(b)]
        just_defaulted = [False] * b
        equity = []
        for i in range(b):
            value = sum(held[i][j] * prices[j] for j in range(k))
            A = cash[i] + value + other_assets[i]
            E = A - loan[i] - other_liabilities[i]
            equity.append(E)
            if t == 0 or not alive[i]:
                continue
            if default > E / A:
                alive[i], just_defaulted[i] = False, True
            elif act > E / A:
                need = max(0.0, A - E / target)
                orders[i] = [
                    min(1.0, max(0.0, need - cash[i]) / value) * q if value else 0.0 for q in held[i]
                ]
                paid = min(need, cash[i], loan[i])
                cash[i] -= paid
                loan[i] -= paid
        history.append((list(prices), equity, list(alive), list(cash), list(loan)))
    return [np.array(part) for part in zip(*history, strict=True)]


def shocked(seed):
    """Institutions around the levels at which they act, some of them below."""
    rng = np.random.default_rng(seed)
    b, k = int(rng.integers(1, 15)), int(rng.integers(1, 6))
    holdings = rng.uniform(0.0, 50.0, (b, k)) * (rng.random((b, k)) < 0.7)
    prices, cash, others = rng.uniform(0.5, 2.0, k), rng.uniform(0.0, 5.0, b), rng.uniform(1.0, 30.0, b)
    owed = (holdings @ prices + cash + others) * (1.0 - rng.uniform(0.02, 0.07, b))
    loan = owed * rng.random(b) * (rng.random(b) < 0.8)
    return cash, holdings, prices, loan, others, owed - loan, rng.uniform(0.0, 0.4, k)


@pytest.mark.parametrize(
    "rule", [(0.03, 0.04, 0.05), (0.03, 1.0, 0.05), (0.0, 0.045, 0.04), (-1.0, 0.06, 0.06)]
)
@pytest.mark.parametrize("seed", range(25))
def test_it_is_the_text_of_the_method(seed, rule):
    case = shocked(seed)
    found = deleveraging_rounds(*case, *rule, rounds=8)
    prices, equity, alive, cash, loan = one_by_one(*case, *rule, 8)
    assert found.alive.tolist() == alive.tolist()
    assert found.prices == pytest.approx(prices, rel=1e-12)
    for mine, theirs in ((found.equity, equity), (found.cash, cash), (found.loan, loan)):
        assert mine == pytest.approx(theirs, abs=1e-9)  # of amounts of hundreds, after eight rounds


@pytest.mark.parametrize("seed", range(25))
def test_laws(seed):
    """Prices fall, the dead stay dead, loans shrink, cash stays positive, nobody sells what he has not."""
    case = shocked(seed)
    found = deleveraging_rounds(*case, act_below=1.0, rounds=8)
    assert (np.diff(found.prices, axis=0) <= 0.0).all()
    assert (np.diff(found.alive.astype(int), axis=0) <= 0).all()
    assert (np.diff(found.loan, axis=0) <= 0.0).all() and (found.loan >= 0.0).all()
    assert (found.cash >= 0.0).all()
    total = case[1].sum(axis=0)
    assert (found.sold >= 0.0).all() and (found.sold.sum(axis=0) <= total * (1 + 1e-12)).all()
    expected = case[2] * np.exp(-case[6] * found.sold.sum(axis=0) / np.where(total > 0.0, total, 1.0))
    assert found.prices[-1] == pytest.approx(expected, rel=1e-13)


def test_threshold_and_targeting_differ_between_the_threshold_and_the_target():
    """At 4.5 % the threshold rule waits; leverage targeting sells."""
    one = {"cash": 0.0, "holdings": [[100.0]], "prices": [1.0], "loan": 95.5, "other_assets": 0.0}
    one |= {"other_liabilities": 0.0, "impact": 0.1}
    assert deleveraging_rounds(**one).sold.sum() == 0.0
    targeting = deleveraging_rounds(**one, act_below=1.0)
    assert targeting.sold[1, 0] == 0.0
    assert targeting.sold[2, 0] == pytest.approx(100.0 - 4.5 / 0.05, rel=1e-12)


def test_without_impact_one_sale_reaches_the_target():
    one = deleveraging_rounds(10.0, [[90.0]], [1.0], 96.5, 0.0, 0.0, 0.0)
    assert one.sold[:, 0] == pytest.approx(
        [0, 0, 20, 0, 0, 0, 0], abs=1e-12
    )  # 100 - 3.5/.05 = 30, 10 from cash
    assert one.equity[:, 0] == pytest.approx(3.5, rel=1e-12)
    assert one.loan[:, 0] == pytest.approx([96.5, 86.5, 66.5, 66.5, 66.5, 66.5, 66.5], rel=1e-12)


def test_the_levels_are_strict():
    """Equity of a quarter of the assets is not below a quarter: binary fractions, so no rounding."""
    at = deleveraging_rounds(
        0.0, [[4.0]], [1.0], 3.0, 0.0, 0.0, 0.1, default_below=0.25, act_below=0.25, target=0.5
    )
    assert at.alive.all() and at.sold.sum() == 0.0
    below = deleveraging_rounds(0.0, [[4.0]], [1.0], 3.5, 0.0, 0.0, 0.1, default_below=0.25, act_below=0.25)
    assert not below.alive[1, 0]


def test_nobody_and_nothing():
    assert deleveraging_rounds([], np.empty((0, 1)), [1.0], [], [], [], 0.1, rounds=2).equity.shape == (3, 0)
    assert deleveraging_rounds(1.0, [[1.0]], [1.0], 0.0, 0.0, 0.0, 0.1, rounds=0).prices.tolist() == [[1.0]]
    empty = deleveraging_rounds([0.0, 0.0], [[0.0], [0.0]], [1.0], [0.0, 1.0], 0.0, 0.0, 0.1)
    assert empty.alive[1].tolist() == [True, False]


def test_the_order_of_institutions_does_not_matter():
    case = shocked(3)
    order = np.random.default_rng(0).permutation(len(case[0]))
    once = deleveraging_rounds(*case)
    cash, holdings, prices, loan, others, owed, impact = case
    mixed = deleveraging_rounds(
        cash[order], holdings[order], prices, loan[order], others[order], owed[order], impact
    )
    assert mixed.prices == pytest.approx(once.prices, rel=1e-12)
    assert mixed.equity == pytest.approx(once.equity[:, order], abs=1e-9)


def test_arguments_stay_as_they_were():
    arguments = {name: np.array(value, float) for name, value in EXAMPLE.items()}
    sparse = csr_array(arguments["holdings"])
    deleveraging_rounds(**arguments)
    deleveraging_rounds(**arguments | {"holdings": sparse})
    assert all((arguments[name] == np.array(value)).all() for name, value in EXAMPLE.items())
    assert (sparse.toarray() == np.array(EXAMPLE["holdings"])).all()


@pytest.mark.parametrize(
    ("change", "argument"),
    [
        ({"cash": (2, -3, 4)}, r"cash\[1\]"),
        ({"cash": (2, 3)}, "cash"),
        ({"holdings": ((20, 30), (40, 10))}, "cash"),  # two institutions, and three amounts of cash
        ({"holdings": ((20, 30, 1), (40, 10, 1), (1, 1, 1))}, "holdings"),
        ({"holdings": ((20, 30), (40, math.nan), (10, 50))}, r"holdings\[1, 1\]"),
        ({"holdings": ((20, 30), (40,), (10, 50))}, "holdings"),
        ({"prices": (1, 0)}, r"prices\[1\]"),
        ({"loan": (40, math.inf, 50)}, r"loan\[1\]"),
        ({"other_assets": "none"}, "other_assets"),
        ({"other_liabilities": (1, 2, 1j)}, "other_liabilities"),
        ({"impact": (0.2, -0.3)}, r"impact\[1\]"),
        ({"target": 0.0}, "target"),
        ({"act_below": 1.5}, "act_below"),
        ({"default_below": math.nan}, "default_below"),
        ({"rounds": -1}, "rounds"),
        ({"rounds": 2.5}, "rounds"),
    ],
)
def test_it_refuses_what_makes_no_sense(change, argument):
    with pytest.raises(ContagionError, match=argument):
        deleveraging_rounds(**EXAMPLE | change)
