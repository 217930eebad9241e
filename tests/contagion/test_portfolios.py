"""Overlapping portfolios against a slow and obvious version, and the published window of contagion."""

import math

import numpy as np
import pytest
from scipy.sparse import csr_array

from hashcredit.simulator.contagion import ContagionError, portfolio_cascade, random_portfolios


def by_the_book(holdings, equity, failed, impact, opening):
    """Values at the market over and over, until nobody else fails."""
    failed = failed.copy()
    total = holdings.sum(axis=0)
    while True:
        x = np.where(total > 0.0, holdings[failed].sum(axis=0) / np.where(total > 0.0, total, 1.0), 0.0)
        prices = opening * np.exp(-impact * x)
        more = failed | (holdings @ (1.0 - prices) > equity)
        if (more == failed).all():
            return failed, prices
        failed = more


def case(seed):
    rng = np.random.default_rng(seed)
    banks, assets = (int(size) for size in rng.integers(1, 40, 2))
    holdings = random_portfolios(banks, assets, min(assets, rng.uniform(0.5, 5.0)), rng)
    equity = rng.uniform(0.02, 0.2, banks)
    failed = rng.random(banks) < 0.1
    shock = rng.uniform(0.0, 0.1, assets) * (rng.random(assets) < 0.2)
    return holdings, equity, failed, shock


@pytest.mark.parametrize("seed", range(60))
def test_it_is_what_the_definition_says(seed):
    holdings, equity, failed, shock = case(seed)
    found = portfolio_cascade(holdings, equity, failed, shock=shock)
    dense = portfolio_cascade(holdings.toarray(), equity, np.flatnonzero(failed), shock=shock)
    expected, prices = by_the_book(holdings.toarray(), equity, failed, 1.0536, 1.0 - shock)
    assert found.failed.tolist() == dense.failed.tolist() == expected.tolist()
    assert found.prices == pytest.approx(prices, rel=1e-13)
    assert found.losses == pytest.approx(holdings.toarray() @ (1.0 - prices), abs=1e-13)


def test_a_chain_by_hand():
    """0 sells half of asset 0; 1 loses .5 (1 - exp(-.5268)) = .2048 and fails; 2 loses less than it has."""
    holdings = [[0.5, 0.0], [0.5, 0.5], [0.0, 0.5]]
    found = portfolio_cascade(holdings, [0.0, 0.2, 0.3], [0])
    assert found.failed.tolist() == [True, True, False]
    assert found.prices == pytest.approx([math.exp(-1.0536), math.exp(-0.5268)], rel=1e-14)
    assert found.rounds == 1
    assert portfolio_cascade(holdings, [0.0, 0.205, 0.3], [0]).failed.tolist() == [True, False, False]


def test_a_loss_equal_to_the_equity_is_borne():
    """Half of the price of an asset of 1 is lost: exact in binary."""
    at = portfolio_cascade([[1.0]], 0.5, [], shock=0.5)
    assert not at.failed.any()
    assert portfolio_cascade([[1.0]], np.nextafter(0.5, 0.0), [], shock=0.5).failed.all()


@pytest.mark.parametrize("seed", range(20))
def test_more_failures_never_save_anybody(seed):
    holdings, equity, failed, _ = case(seed)
    less = portfolio_cascade(holdings, equity, failed)
    more = failed.copy()
    more[0] = True
    assert (less.failed <= portfolio_cascade(holdings, equity, more).failed).all()
    assert (less.failed <= portfolio_cascade(holdings, 0.9 * equity, failed).failed).all()
    assert (less.failed <= portfolio_cascade(holdings, equity, failed, impact=2.0).failed).all()
    assert (failed <= less.failed).all()


@pytest.mark.parametrize("seed", range(5))
def test_the_order_of_banks_does_not_matter(seed):
    holdings, equity, failed, _ = case(seed)
    order = np.random.default_rng(seed).permutation(len(equity))
    once = portfolio_cascade(holdings, equity, failed)
    mixed = portfolio_cascade(csr_array(holdings.toarray()[order]), equity[order], failed[order])
    assert mixed.failed.tolist() == once.failed[order].tolist()
    assert mixed.prices == pytest.approx(once.prices, rel=1e-12)


def test_random_portfolios():
    holdings = random_portfolios(2000, 500, 4.0, np.random.default_rng(1))
    degrees = np.diff(holdings.indptr)
    # Binomial(500, .008) has variance 3.968: its mean over 2000 banks has a standard error of .0445.
    assert abs(degrees.mean() - 4.0) < 4 * 0.0445
    invested = holdings.sum(axis=1)
    assert invested[degrees > 0] == pytest.approx(0.8, rel=1e-14)
    assert (invested[degrees == 0] == 0.0).all()
    again = random_portfolios(2000, 500, 4.0, np.random.default_rng(1))
    assert (holdings != again).nnz == 0


# Caccioli, Shrestha, Moore and Farmer (2014), figures 2 and 3: who diversifies too little infects nobody, who
# diversifies enough is infected by nobody, and in between leverage widens the window of contagion.

RUNS = 60


def wilson(hits, runs, z=3.0):
    """Interval for a probability at three standard errors."""
    p = hits / runs
    centre = (p + z * z / (2 * runs)) / (1 + z * z / runs)
    half = z / (1 + z * z / runs) * math.sqrt(p * (1 - p) / runs + z * z / (4 * runs * runs))
    return centre - half, centre + half


@pytest.fixture(scope="module")
def contagion():
    """How often one failure out of 400 brings down more than 5 %: interval by (leverage, diversification)."""
    result = {}
    for diversification in (0.3, 2.0, 4.0, 6.0, 12.0):
        hits = dict.fromkeys((10, 20, 30), 0)
        for run in range(RUNS):
            rng = np.random.default_rng([run, int(10 * diversification)])
            holdings = random_portfolios(400, 400, diversification, rng)
            first = [int(rng.integers(400))]
            for leverage in hits:  # the same portfolios
                hits[leverage] += portfolio_cascade(holdings, 1.0 / leverage, first).failed.mean() > 0.05
        for leverage, count in hits.items():
            result[leverage, diversification] = wilson(count, RUNS)
    return result


@pytest.mark.parametrize("leverage", [10, 20, 30])
def test_contagion_has_a_window(contagion, leverage):
    assert contagion[leverage, 0.3][1] < 0.2
    assert contagion[leverage, 12.0][1] < 0.2
    assert contagion[leverage, 2.0][0] > max(contagion[leverage, 0.3][0], contagion[leverage, 12.0][0])
    assert contagion[leverage, 2.0][0] > 0.1


def test_leverage_widens_the_window(contagion):
    """With 4 assets on average only leverage 10 is out of the window; at 6, leverage 20 before 30."""
    assert contagion[10, 4.0][1] < contagion[20, 4.0][0]
    assert contagion[20, 6.0][1] < contagion[30, 6.0][0]


@pytest.mark.parametrize(
    ("change", "argument"),
    [
        ({"holdings": [[1.0, -1.0], [0.0, 1.0]]}, r"holdings\[0, 1\]"),
        ({"holdings": [1.0, 2.0]}, "holdings"),
        ({"equity": [-0.1, 0.1]}, r"equity\[0\]"),
        ({"equity": [0.1, 0.1, 0.1]}, "equity"),
        ({"failed": [2]}, "failed"),
        ({"impact": -1.0}, "impact"),
        ({"shock": 1.1}, r"shock\[0\]"),
    ],
)
def test_it_refuses_what_makes_no_sense(change, argument):
    good = {"holdings": [[1.0, 0.0], [0.5, 1.0]], "equity": 0.1, "failed": [0]}
    with pytest.raises(ContagionError, match=argument):
        portfolio_cascade(**good | change)


def test_portfolios_refuse_what_makes_no_sense():
    rng = np.random.default_rng(0)
    for arguments in (
        (0, 5, 1.0, rng),
        (5, 0, 1.0, rng),
        (5, 5, 6.0, rng),
        (5, 5, 1.0, 7),
        (5, 5, 1.0, rng, -1.0),
    ):
        with pytest.raises(ContagionError):
            random_portfolios(*arguments)
