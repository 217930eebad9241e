"""DebtRank against the papers, closed forms, a naive twin and the laws that it obeys."""

import numpy as np
import pytest
import scipy.sparse as sp
from banks import SPARSE_FORMATS, random_amounts
from hypothesis import given, settings
from hypothesis import strategies as st

from hashcredit.simulator.contagion import ContagionError, debtrank, distress, linear

VARIANTS = ("linear", "single-hit")
MUTUAL = [[0.0, 0.5], [0.5, 0.0]]


def random_banks(seed, nodes, leverage=0.8, shocked=0.5):
    """Exposures, equity and shock; leverage is about the spectral radius of the impacts."""
    rng = np.random.default_rng(seed)
    exposures = random_amounts(rng, nodes, 4.0)
    equity = rng.lognormal(0.0, 1.0, nodes)
    impact = exposures / equity[:, None]
    radius = np.max(np.abs(np.linalg.eigvals(impact)), initial=1e-300)
    shock = rng.uniform(0.0, 0.3, nodes) * (rng.random(nodes) < shocked)
    return exposures * (leverage / max(radius, 0.05)), equity, shock


def naive_debtrank(exposures, equity, shock, variant="linear", rounds=200_000):
    """Both papers' equations, matrix by matrix; solvent banks only."""
    impact = exposures / equity[:, None]
    level, state = shock.copy(), np.where(shock > 0, 1, 0)  # 0 undistressed, 1 distressed, 2 inactive
    change = shock.copy()
    for _ in range(rounds):
        if variant == "single-hit":
            following = np.minimum(1.0, level + impact @ np.where(state == 1, level, 0.0))
            state = np.where(state == 1, 2, np.where((following > 0) & (state == 0), 1, state))
            at_rest = not (state == 1).any()
        else:
            following = np.minimum(1.0, level + impact @ change)
            at_rest = np.max(following - level, initial=0.0) < 1e-15
        change, level = following - level, following
        if at_rest:
            break
    return level


# The papers


def test_linear_of_two():
    """h = (I - Lambda)^-1 h0 = (0.1, 0.05) / (1 - 0.25) (Bardoscia et al. 2015)."""
    found = debtrank(MUTUAL, [1.0, 1.0], [0.1, 0.0])
    np.testing.assert_allclose(found, [2 / 15, 1 / 15], rtol=1e-14)


def test_single_hit_of_two():
    """Round 1 brings 0.05 to the second bank, round 2 half of it back; then both are inactive (Battiston)."""
    found = debtrank(MUTUAL, [1.0, 1.0], [0.1, 0.0], variant="single-hit")
    np.testing.assert_allclose(found, [0.125, 0.05], rtol=1e-15)


def test_default_spreads_its_loss_once():
    """A bank wiped out passes on what it had left to lose, and no more."""
    chain = [[0.0, 0.0, 0.0], [4.0, 0.0, 0.0], [0.0, 0.5, 0.0]]
    assert debtrank(chain, 1.0, [0.5, 0.4, 0.0]).tolist() == [0.5, 1.0, 0.5]
    # Single hit: the second bank spreads its own 0.4 in the first round, and never the rest.
    assert debtrank(chain, 1.0, [0.5, 0.4, 0.0], "single-hit").tolist() == [0.5, 1.0, 0.2]


# A naive twin and closed forms


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("leverage", [0.3, 0.9, 1.2, 4.0])
def test_as_the_naive_twin(variant, leverage):
    capped = 0
    for seed in range(25):
        case = random_banks(seed, 2 + seed, leverage)
        found = debtrank(*case, variant)
        np.testing.assert_allclose(found, naive_debtrank(*case, variant), rtol=0, atol=1e-12)
        capped += np.sum(found == 1.0)
    assert capped > 10 or leverage < 1


def test_where_nothing_caps():
    for seed in range(20):
        exposures, equity, shock = random_banks(seed, 30, 0.7)
        shock = 0.01 * shock
        expected = np.linalg.solve(np.eye(30) - exposures / equity[:, None], shock)
        assert expected.max() < 1.0
        np.testing.assert_allclose(debtrank(exposures, equity, shock), expected, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("radius", [0.99, 0.9999, 0.999999, 1.0])
@pytest.mark.parametrize("krylov", [False, True])
def test_slow_convergence(monkeypatch, radius, krylov):
    """Two banks whose distress fades by a factor close to 1: the limit, not where patience ended."""
    monkeypatch.setattr(linear, "KRYLOV_STEPS", 60 if krylov else 0)
    first = 1e-9
    found = debtrank([[0.0, radius], [radius, 0.0]], 1.0, [first, 0.0])
    if radius == 1.0:  # it never fades: both are lost in the end
        expected = [1.0, 1.0]
    else:
        expected = np.array([first, first * radius]) / ((1 - radius) * (1 + radius))
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("leverage", [0.5, 0.99, 1.01, 3.0])
def test_the_limit_as_solved_and_as_awaited(monkeypatch, leverage):
    cases = [random_banks(seed, 25, leverage, shocked=0.1) for seed in range(25)]
    for name in ("FEW_ROUNDS", "MOST_ROUNDS"):
        monkeypatch.setattr(distress, name, 10**9)
    awaited = [debtrank(*case) for case in cases]
    monkeypatch.setattr(distress, "MOST_ROUNDS", 1)
    assert max(level.max() for level in awaited) == 1.0 or leverage < 1
    for case, expected in zip(cases, awaited, strict=True):
        np.testing.assert_allclose(debtrank(*case), expected, rtol=0, atol=1e-12)


def test_a_long_chain():
    """100,000 banks one behind the other: half of the loss of each is the next one's."""
    n = 100_000
    chain = sp.diags_array(np.full(n - 1, 0.5), offsets=-1, shape=(n, n))
    shock = np.zeros(n)
    shock[0] = 1.0
    for variant in VARIANTS:
        found = debtrank(chain, 1.0, shock, variant)
        np.testing.assert_allclose(found[:40], 0.5 ** np.arange(40), rtol=0, atol=1e-15)
    whole = debtrank(2.0 * chain, 1.0, shock)
    assert np.all(whole == 1.0)


# Laws


BANKS = st.builds(
    random_banks, st.integers(0, 2**32 - 1), st.integers(1, 12), st.sampled_from([0.3, 0.9, 1.1, 5.0])
)


@settings(deadline=None, max_examples=100)
@given(BANKS, st.sampled_from(VARIANTS), st.integers(0, 2**32 - 1))
def test_bounded_and_permuted(case, variant, seed):
    """From the shock up to 1, and the same to 1e-12 in any numbering."""
    level = debtrank(*case, variant)
    assert np.all(level >= case[2]) and np.all(level <= 1.0)
    order = np.random.default_rng(seed).permutation(len(level))
    moved = debtrank(case[0][np.ix_(order, order)], case[1][order], case[2][order], variant)
    np.testing.assert_allclose(moved, level[order], rtol=0, atol=1e-12)


@settings(deadline=None, max_examples=100)
@given(BANKS, st.sampled_from(VARIANTS), st.floats(1.0, 3.0))
def test_monotone_in_the_shock(case, variant, factor):
    """More loss for every bank that is shocked means no less loss for any."""
    exposures, equity, shock = case
    more = debtrank(exposures, equity, np.minimum(1.0, factor * shock), variant)
    assert np.all(more >= debtrank(exposures, equity, shock, variant) - 1e-12)


@settings(deadline=None, max_examples=60)
@given(BANKS, st.integers(0, 2**32 - 1))
def test_linear_is_monotone_in_new_shocks(case, seed):
    """Shocks to further banks, too. (Single hit is not: who is hit early is inactive later.)"""
    exposures, equity, shock = case
    further = np.maximum(shock, 0.2 * (np.random.default_rng(seed).random(len(shock)) < 0.5))
    assert np.all(debtrank(exposures, equity, further) >= debtrank(exposures, equity, shock) - 1e-12)


# Conventions and input


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("equity", [0.0, -3.0])
def test_a_bank_without_equity_is_lost_and_silent(variant, equity):
    exposures = [[0.0, 0.5, 0.0], [0.5, 0.0, 0.5], [0.0, 0.5, 0.0]]
    found = debtrank(exposures, [1.0, equity, 1.0], [0.1, 0.3, 0.0], variant)
    assert found.tolist() == [0.1, 1.0, 0.0]


def test_no_shock_no_loss_and_no_banks():
    for variant in VARIANTS:
        assert debtrank(MUTUAL, 1.0, 0.0, variant).tolist() == [0.0, 0.0]
        assert debtrank([], [], [], variant).shape == (0,)
        assert debtrank([[0]], [2], [0.25], variant).tolist() == [0.25]


@pytest.mark.parametrize("kind", SPARSE_FORMATS)
def test_every_sparse_format(kind):
    case = random_banks(4, 12)
    for variant in VARIANTS:
        sparse = debtrank(sp.coo_array(case[0]).asformat(kind), *case[1:], variant)
        assert np.array_equal(sparse, debtrank(*case, variant))


@pytest.mark.parametrize(
    ("arguments", "where", "allowed"),
    [
        (([[0, -1], [0, 0]], 1, 0), "exposures[0, 1]", ">= 0"),
        (([[1, 0], [0, 0]], 1, 0), "exposures[0, 0]", "nobody has a claim on itself"),
        ((MUTUAL, [1, np.nan], 0), "equity[1]", "finite"),
        ((MUTUAL, [1, 2, 3], 0), "equity", "2 finite numbers, or one number"),
        ((MUTUAL, [1, 1e-320], 0), "equity[1]", "more"),
        ((MUTUAL, 1, [0.5, 1.1]), "shock[1]", "from 0 to 1"),
        ((MUTUAL, 1, [-0.1, 0.5]), "shock[0]", "from 0 to 1"),
        ((MUTUAL, 1, 0, "liner"), "variant", "did you mean 'linear'?"),
        ((MUTUAL, 1, 0, "quadratic form"), "variant", "'linear' or 'single-hit'"),
        ((MUTUAL, 1, 0, None), "variant", "'linear' or 'single-hit'"),
    ],
)
def test_refusals(arguments, where, allowed):
    with pytest.raises(ContagionError) as caught:
        debtrank(*arguments)
    assert caught.value.argument == where and allowed in caught.value.allowed
