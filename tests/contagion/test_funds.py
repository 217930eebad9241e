"""Leveraged funds against a slow and obvious version, and the published fat tails."""

import math

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.stats import kurtosis

from hashcredit.simulator.contagion import ContagionError, return_statistics, simulate_leveraged_funds


def plain(normals, most, root, betas=range(5, 55, 5)):
    """The recipe line by line: roots by a fine grid and Brent's method."""
    last, noise = 1.0, math.log(1000.0)
    funds = [
        {"beta": beta, "shares": 0.0, "cash": 2.0, "perf": 0.0, "before": 2.0, "out": 0} for beta in betas
    ]
    prices, several = [1.0], 0

    def demand(fund, price):
        wealth = fund["shares"] * price + fund["cash"]
        signal = np.clip(fund["beta"] * (1.0 - price), 0.0, most)
        return signal * np.maximum(0.0, wealth) / price

    for chi in normals:
        noise = 0.99 * noise + 0.035 * chi + 0.01 * math.log(1000.0)

        active = [fund for fund in funds if not fund["out"]]

        def excess(price, noise=noise, active=active):
            return math.exp(noise) / price + sum(demand(fund, price) for fund in active) - 1000.0

        grid = np.linspace(0.02, 4.0, 8001)
        signs = np.array(excess(grid)) > 0.0
        roots = [
            brentq(excess, grid[i], grid[i + 1], xtol=1e-15, rtol=1e-15)
            for i in np.flatnonzero(signs[1:] != signs[:-1])
        ]
        several += len(roots) > 1
        if root == "nearest":
            price = (
                min(r for r in roots if r >= last)
                if excess(last) > 0.0
                else max(r for r in roots if r <= last)
            )
        else:
            price = max(roots) if root == "highest" else min(roots)
        for fund in funds:
            if fund["out"]:
                fund["out"] -= 1
                if not fund["out"]:
                    fund |= {"cash": 2.0, "shares": 0.0, "perf": 0.0, "before": 2.0}
                continue
            earned = fund["shares"] * (price - last) / fund["before"]
            wealth = fund["shares"] * price + fund["cash"]
            fund["shares"], fund["cash"] = demand(fund, price), wealth - demand(fund, price) * price
            if wealth < 0.2:
                fund |= {"out": 100, "shares": 0.0, "cash": 0.0}
                continue
            fund["perf"] = 0.9 * fund["perf"] + 0.1 * earned
            fund["cash"] += max(-1.0, 0.15 * (fund["perf"] - 0.005)) * wealth
            fund["before"] = wealth
        last = price
        prices.append(price)
    return prices, several


@pytest.mark.parametrize("root", ["nearest", "highest", "lowest"])
def test_it_is_the_recipe(root):
    """A hundred calm steps, then noise traders leave within twenty and return: bankruptcies."""
    rng = np.random.default_rng(5)
    normals = rng.standard_normal(160)
    normals[100:120] = -1.5
    normals[130:140] = 2.0
    betas = (30.0, 50.0)
    found = simulate_leveraged_funds(
        10.0, normals=normals, aggressiveness=betas, initial_wealth=2.0, root=root
    )
    expected, _ = plain(normals, 10.0, root, betas)
    # Roots are known to 1e-15; each step hands its rounding on, and a margin call multiplies it.
    assert found.prices == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("root", ["nearest", "highest", "lowest"])
def test_where_several_prices_clear(root):
    """Funds at their limit, and noise traders who leave: roots differ, and each rule takes its own."""
    normals = np.concatenate([np.random.default_rng(1).standard_normal(300), np.full(12, -2.0), np.zeros(5)])
    funds = {"aggressiveness": np.arange(5.0, 55.0, 5.0), "supply": 1000.0}
    normals = np.concatenate([normals, np.random.default_rng(2).standard_normal(400)])
    found = simulate_leveraged_funds(10.0, normals=normals, root=root, **funds)
    expected, several = plain(normals, 10.0, root)
    assert several > 0
    assert found.bankruptcies.any()
    assert found.prices == pytest.approx(expected, rel=1e-8)


def test_without_funds_the_price_is_what_noise_traders_spend():
    found = simulate_leveraged_funds(1.0, 500, 3, aggressiveness=[])
    assert found.wealths.shape == (501, 0)
    # ln p is the autoregression itself: its innovations have to come back as standard normals over .035.
    path = np.log(found.prices)
    chi = (path[1:] - 0.99 * path[:-1]) / 0.035
    assert abs(chi.mean()) < 4 / math.sqrt(500)
    assert abs(chi.std() - 1.0) < 4 / math.sqrt(1000)


def test_bankrupt_funds_wait_and_come_back_with_what_they_started_with():
    found = simulate_leveraged_funds(10.0, 6000, 1, re_entry=50)
    steps, funds = np.nonzero(found.bankruptcies)
    assert len(steps) > 5
    for step, fund in zip(steps, funds, strict=True):
        if step + 50 < len(found.prices):
            assert (found.wealths[step : step + 50, fund] == 0.0).all()
            assert found.wealths[step + 50, fund] == 2.0
    others = found.wealths[(found.wealths > 0.0)]
    assert others.min() >= 0.2
    assert np.isfinite(found.prices).all() and (found.prices > 0.0).all()


def test_seeds():
    once, again = (simulate_leveraged_funds(5.0, 300, 4).prices for _ in range(2))
    assert once.tolist() == again.tolist()
    assert simulate_leveraged_funds(5.0, 300, 5).prices.tolist() != once.tolist()
    longer = simulate_leveraged_funds(5.0, 400, 4).prices
    assert longer[:301].tolist() == once.tolist()


def test_statistics_on_known_returns():
    rng = np.random.default_rng(0)
    returns = rng.standard_normal(4000) * 0.01
    prices = np.exp(np.concatenate([[0.0], np.cumsum(returns)]))
    found = return_statistics(prices, drop=0)
    assert found.kurtosis == pytest.approx(kurtosis(returns, fisher=False), rel=1e-10)
    size = np.abs(returns)
    assert found.autocorrelation == pytest.approx(np.corrcoef(size[1:], size[:-1])[0, 1], abs=1e-3)
    # A Pareto tail of exponent 3: the estimate has a standard error of 3/sqrt(k).
    signs = rng.choice([-1.0, 1.0], 40_000)
    pareto = 1e-4 * signs * rng.random(40_000) ** (-1 / 3)
    path = np.exp(np.concatenate([[0.0], np.cumsum(pareto)]))
    heavy = return_statistics(path, value=1e9, drop=0)
    assert heavy.tail_size == 400
    assert abs(heavy.hill - 3.0) < 4 * 3.0 / math.sqrt(400)


# Thurner, Farmer and Geanakoplos (2012): the effect of their figures 1 and 4, in values of an independent
# program for ten funds: 8 seeds x 20,000 steps, first 2,000 dropped; kurtosis with its standard error.

PUBLISHED = {
    1: (3.14, 0.02, 8.8, 0.03),
    3: (4.02, 0.05, 5.8, 0.17),
    5: (5.47, 0.32, 4.4, 0.18),
    10: (9.3, 1.5, 3.2, 0.20),
}


def sample(most, steps, seeds=8, root="nearest"):
    """Mean and standard error over seeds of kurtosis, Hill exponent and autocorrelation."""
    runs = [
        return_statistics(simulate_leveraged_funds(most, steps, seed, root=root).prices)
        for seed in range(seeds)
    ]
    table = np.array([[run.kurtosis, run.hill, run.autocorrelation] for run in runs])
    return table.mean(axis=0), table.std(axis=0, ddof=1) / math.sqrt(seeds)


def check(most, steps, root):
    """Within four standard errors, both programs' own; that of the other's Hill exponent is taken as ours."""
    (kurt, hill, auto), (kurt_error, hill_error, auto_error) = sample(most, steps, root=root)
    published, published_error, published_hill, published_auto = PUBLISHED[most]
    assert abs(kurt - published) < 4 * math.hypot(kurt_error, published_error, 0.005)
    assert abs(hill - published_hill) < 4 * math.hypot(hill_error, hill_error, 0.05)
    assert abs(auto - published_auto) < 4 * math.hypot(auto_error, auto_error, 0.005)
    return kurt, hill


@pytest.mark.parametrize("root", ["nearest", "lowest"])
def test_published_tails(root):
    """All four rows; leverage fattens tails from one to the next."""
    rows = [check(most, 20_000, root) for most in PUBLISHED]
    kurtoses, exponents = zip(*rows, strict=True)
    assert list(kurtoses) == sorted(kurtoses)
    assert list(exponents) == sorted(exponents, reverse=True)


@pytest.mark.parametrize(
    ("change", "argument"),
    [
        ({"maximum_leverage": 0.0}, "maximum_leverage"),
        ({"steps": -1}, "steps"),
        ({"seed": -1}, "seed"),
        ({"normals": [0.0, math.nan]}, r"normals\[1\]"),
        ({"aggressiveness": [5.0, 0.0]}, r"aggressiveness\[1\]"),
        ({"supply": 0.0}, "supply"),
        ({"bankrupt_below": 0.0}, "bankrupt_below"),
        ({"re_entry": 0}, "re_entry"),
        ({"persistence": 1.5}, "persistence"),
        ({"root": "higest"}, "highest"),
    ],
)
def test_it_refuses_what_makes_no_sense(change, argument):
    with pytest.raises(ContagionError, match=argument):
        simulate_leveraged_funds(**{"maximum_leverage": 5.0, "steps": 10} | change)


def test_statistics_refuse_what_makes_no_sense():
    for arguments in (
        ([1.0, 2.0],),
        ([1.0, -2.0, 1.0], 1.0, 0),
        ([1.0, 2.0, 1.0], 1.0, 1),
        ([1, 2, 3], 1.0, 0, 1.0),
    ):
        with pytest.raises(ContagionError):
            return_statistics(*arguments)
