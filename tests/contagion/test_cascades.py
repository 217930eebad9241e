"""Threshold cascades against the papers' windows and curves, a naive twin, and ties in every order."""

import itertools
import math

import numpy as np
import pytest
import scipy.sparse as sp
from banks import SPARSE_FORMATS, erdos_renyi, even_exposures, random_amounts
from hypothesis import given, settings
from hypothesis import strategies as st

from hashcredit.simulator.contagion import (
    ContagionError,
    cascade_rounds,
    gai_kapadia_extent,
    gai_kapadia_probability,
    gai_kapadia_window,
    threshold_cascade,
    watts_cascade,
    watts_rounds,
    watts_window,
)

RULES = ("strict", "weak")


def naive_rounds(exposures, capital, failed, recovery=0.0, rule="strict"):
    """Matrix times failures, until nobody fails."""
    rounds = np.where(failed, 0, -1)
    for number in range(1, len(capital) + 2):
        loss = (1 - recovery) * exposures @ (rounds >= 0)
        over = loss > capital if rule == "strict" else loss >= capital
        rounds[over & (rounds < 0)] = number
    return rounds


def random_cascade(seed, nodes):
    rng = np.random.default_rng(seed)
    exposures = random_amounts(rng, nodes, 4.0)
    capital = rng.uniform(0.1, 0.9, nodes) * exposures.sum(axis=1) + 0.01
    return exposures, capital, rng.random(nodes) < 0.15


# Ties


@pytest.mark.parametrize("borrowers", [1, 3, 5, 7, 10, 25])
@pytest.mark.parametrize("unit", [1.0, 0.1, 3.7e-9, 1e12])
def test_a_tie_is_a_tie(borrowers, unit):
    """Losses of all borrowers add up to the capital: spared by the strict rule, failed by the weak one."""
    amount = 0.2 * unit / borrowers
    exposures = np.zeros((borrowers + 1, borrowers + 1))
    exposures[0, 1:] = amount
    failed = np.arange(borrowers + 1) > 0
    assert not threshold_cascade(exposures, 0.2 * unit, failed)[0]
    assert threshold_cascade(exposures, 0.2 * unit, failed, rule="weak")[0]
    assert threshold_cascade(exposures, 0.2 * unit * (1 - 1e-11), failed)[0]
    assert not threshold_cascade(exposures, 0.2 * unit * (1 + 1e-11), failed, rule="weak")[0]


def test_ties_in_every_order_of_failures():
    """0.1 + 0.2 + 0.3 against 0.6, the three failing in one round or one after another, in any order."""
    parts, sums = (0.1, 0.2, 0.3), set()
    for order in itertools.permutations(range(3)):
        sums.add(sum(parts[k] for k in order))
        exposures = np.zeros((5, 5))
        exposures[0, 1:4] = parts
        for first, then in itertools.pairwise((4, *(1 + k for k in order))):
            exposures[then, first] = 1.0  # a chain of failures from 4 on
        capital = np.array([0.6, 0.5, 0.5, 0.5, 0.0])
        assert cascade_rounds(exposures, capital, [4])[0] == -1
        assert cascade_rounds(exposures, capital, [4], rule="weak")[0] == 4
        assert not threshold_cascade(exposures, capital, [1, 2, 3])[0]
    assert len(sums) > 1  # floating point does not agree with itself


def test_a_bank_of_gai_and_kapadia_with_five_borrowers():
    """0.2 / 5 = 0.04: one failure ties with the capital; with four borrowers it is enough."""
    for borrowers, strict, weak in ((4, True, True), (5, False, True), (6, False, False)):
        exposures = np.zeros((borrowers + 1, borrowers + 1))
        exposures[0, 1:] = 0.2 / borrowers
        found = [bool(threshold_cascade(exposures, 0.04, 1, rule=rule)[0]) for rule in RULES]
        assert found == [strict, weak]


def test_recovery():
    """Half of a claim of 0.08 comes back: a tie with 0.04."""
    exposures = [[0.0, 0.08], [0.0, 0.0]]
    assert not threshold_cascade(exposures, 0.04, [1], recovery=0.5)[0]
    assert threshold_cascade(exposures, 0.04, [1], recovery=0.5, rule="weak")[0]
    assert threshold_cascade(exposures, 0.04, [1], recovery=0.4)[0]
    assert not threshold_cascade(exposures, 0.0, [1], recovery=1.0)[0]


def test_banks_without_capital():
    """Any loss is enough by the strict rule, none is needed by the weak one."""
    exposures = np.zeros((4, 4))
    exposures[1, 0] = 1e-300
    exposures[2, 3] = 1.0
    capital = [1.0, 0.0, 0.5, 0.0]
    assert cascade_rounds(exposures, capital, [0]).tolist() == [0, 1, -1, -1]
    assert cascade_rounds(exposures, capital, [0], rule="weak").tolist() == [0, 1, 2, 1]
    assert cascade_rounds(exposures, capital, [], rule="weak").tolist() == [-1, 1, 2, 1]


# A naive twin and laws


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("recovery", [0.0, 0.3])
def test_as_the_naive_twin(rule, recovery):
    total = 0
    for seed in range(60):
        case = random_cascade(seed, 3 + seed)
        found = cascade_rounds(*case, recovery, rule)
        assert found.tolist() == naive_rounds(*case, recovery, rule).tolist()
        assert np.array_equal(threshold_cascade(*case, recovery, rule), found >= 0)
        total += np.sum(found > 1)
    assert total > 100


CASES = st.builds(random_cascade, st.integers(0, 2**32 - 1), st.integers(1, 20))


@settings(deadline=None, max_examples=100)
@given(CASES, st.sampled_from(RULES), st.integers(0, 2**32 - 1))
def test_any_numbering_and_more_failures(case, rule, seed):
    """The same banks fail in any numbering, to the bit; and more failures at the start end in no fewer."""
    exposures, capital, failed = case
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(capital))
    rounds = cascade_rounds(exposures, capital, failed, rule=rule)
    moved = cascade_rounds(exposures[np.ix_(order, order)], capital[order], failed[order], rule=rule)
    assert np.array_equal(moved, rounds[order])
    more = threshold_cascade(exposures, capital, failed | (rng.random(len(capital)) < 0.2), rule=rule)
    assert np.all(more >= (rounds >= 0))
    assert np.all(rounds[failed] == 0)


def test_a_long_chain():
    n = 100_000
    chain = sp.diags_array(np.ones(n - 1), offsets=-1, shape=(n, n))
    assert np.array_equal(cascade_rounds(chain, 0.5, 0), np.arange(n))
    assert threshold_cascade(chain, 1.0, 0).sum() == 1


# Gai and Kapadia (2010)


def test_window_of_gai_and_kapadia():
    """z P(Pois(z) <= 3) > 1, by the strict rule; <= 4 by the weak one (solved independently)."""
    np.testing.assert_allclose(gai_kapadia_window(), [1.0207, 5.7647], rtol=0, atol=5e-5)
    np.testing.assert_allclose(gai_kapadia_window(rule="weak"), [1.0037, 7.4771], rtol=0, atol=5e-5)
    # Half recovered, half the buffer: the same ratio, the same window.
    assert gai_kapadia_window(capital=0.02, recovery=0.5) == gai_kapadia_window()
    low, high = gai_kapadia_window(capital=0.0)
    assert (low, high) == (1.0, math.inf)
    assert np.all(np.isnan(gai_kapadia_window(capital=0.1)))  # one borrower alone: a tie with 0.2 / 2
    assert np.all(np.isnan(gai_kapadia_window(capital=0.3)))
    for z in gai_kapadia_window():
        poisson = [math.exp(-z) * z**k / math.factorial(k) for k in range(4)]
        assert z * sum(poisson) == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize(
    ("z", "probability", "extent"),
    [(1.5, 0.512, 0.579), (3.0, 0.780, 0.940), (4.0, 0.706, 0.980), (5.0, 0.447, 0.993)],
)
def test_curves_of_gai_and_kapadia(z, probability, extent):
    """Their theory at four mean degrees, solved independently, three decimals."""
    assert gai_kapadia_probability(z) == pytest.approx(probability, abs=5e-4)
    assert gai_kapadia_extent(z) == pytest.approx(extent, abs=5e-4)


def test_curves_solve_their_equations():
    for z in (1.5, 3.0, 5.0):
        P, f = gai_kapadia_probability(z), gai_kapadia_extent(z)
        v = sum(math.exp(-z) * z**k / math.factorial(k) for k in range(4))
        u = 1.0 + math.log1p(-P) / z
        assert u == pytest.approx(1 - v + v * math.exp(-z * (1 - u)), abs=1e-12)
        total = 0.0
        for j in range(1, 60):
            need = j // 5 + 1
            tail = sum(math.comb(j, k) * f**k * (1 - f) ** (j - k) for k in range(need, j + 1))
            total += math.exp(-z) * z**j / math.factorial(j) * tail
        assert f == pytest.approx(total, abs=1e-12)
    assert gai_kapadia_probability(1.0) == gai_kapadia_probability(5.8) == gai_kapadia_probability(0.0) == 0.0
    assert gai_kapadia_extent(0.0) == 0.0 and gai_kapadia_extent(0.5) < 1e-6
    assert gai_kapadia_probability(5.8, rule="weak") > 0.5
    assert gai_kapadia_extent(2.0, capital=0.0, rule="weak") == pytest.approx(1.0)


def gai_kapadia_runs(z, runs, rule="strict", seed=1):
    """Shares of 1,000 banks that fail after one of them did, one network a run."""
    rng = np.random.default_rng(seed)
    return np.array(
        [
            threshold_cascade(even_exposures(rng, 1000, z), 0.04, int(rng.integers(1000)), rule=rule).mean()
            for _ in range(runs)
        ]
    )


@pytest.mark.parametrize("z", [1.5, 3.0, 4.0, 5.0])
def test_monte_carlo_of_gai_and_kapadia(z):
    """1,000 banks, contagion if more than 5 % fail: frequency and extent within four standard errors."""
    runs = 500
    shares = gai_kapadia_runs(z, runs)
    spread = shares > 0.05
    probability, extent = gai_kapadia_probability(z), gai_kapadia_extent(z)
    error = math.sqrt(probability * (1 - probability) / runs)
    assert abs(spread.mean() - probability) < 4 * error
    found = shares[spread]
    allowed = 4 * found.std(ddof=1) / math.sqrt(len(found))
    assert abs(found.mean() - extent) < allowed + 0.01  # of finite size, in one in a hundred banks


def test_finite_size_and_the_weak_rule():
    """At z = 6, .18 of the runs of 1,000 banks end in contagion (another program), by theory none."""
    strict, weak = (np.mean(gai_kapadia_runs(6.0, 400, rule) > 0.05) for rule in RULES)
    assert gai_kapadia_probability(6.0) == 0.0
    assert abs(strict - 0.18) < 4 * math.sqrt(0.18 * 0.82 / 400)
    expected = gai_kapadia_probability(6.0, rule="weak")
    assert abs(weak - expected) < 4 * math.sqrt(expected * (1 - expected) / 400)


# Watts (2002)


def test_window_of_watts():
    """z P(Pois(z) <= K - 2) > 1, K = floor(1 / phi): K = 5 at phi = .18, and at .2, where 1 / 5 is a tie."""
    assert watts_window(0.18) == watts_window(0.2) == gai_kapadia_window()  # K - 2 = 3 = J - 1
    low, high = watts_window(0.1)
    for z in (low, high):
        poisson = [math.exp(-z) * z**k / math.factorial(k) for k in range(9)]
        assert z * sum(poisson) == pytest.approx(1.0, abs=1e-12)
    assert watts_window(0.25)[1] < watts_window(0.2)[1] < high
    assert np.all(np.isnan(watts_window(0.3))) and np.all(np.isnan(watts_window(1.0)))
    assert watts_window(0.0) == (1.0, math.inf)


def naive_watts(adjacency, thresholds, seeds):
    active = seeds.copy()
    degrees = (adjacency > 0).sum(axis=1)
    for _ in range(len(seeds)):
        count = (adjacency > 0) @ active.astype(int)
        active |= (degrees > 0) & (count >= thresholds * degrees * (1 - 1e-12))
    return active


def test_watts_as_the_naive_twin():
    spread = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        half = np.triu(rng.random((40, 40)) < 0.08, 1)
        adjacency = (half | half.T).astype(float)
        thresholds = rng.choice([0.0, 0.2, 1 / 3, 0.5, 1.0, 1.5], 40, p=[0.02, 0.3, 0.3, 0.2, 0.1, 0.08])
        seeds = rng.random(40) < 0.05
        found = watts_cascade(adjacency, thresholds, seeds)
        assert np.array_equal(found, naive_watts(adjacency, thresholds, seeds))
        rounds = watts_rounds(7.3 * adjacency, thresholds, seeds)  # weights do not matter
        assert np.array_equal(rounds >= 0, found) and np.array_equal(rounds == 0, seeds)
        spread += found.sum()
    assert spread > 200


@pytest.mark.parametrize("degree", [3, 7, 10, 49])
def test_watts_ties(degree):
    """k of n neighbours against a threshold of k / n, however that is rounded."""
    star = np.zeros((degree + 1, degree + 1))
    star[0, 1:] = 1.0
    for k in range(1, degree + 1):
        for threshold in (k / degree, k * (1 / degree), math.nextafter(k / degree, 2)):
            assert watts_cascade(star, threshold, np.arange(1, k + 1))[0]
            assert not watts_cascade(star, threshold, np.arange(1, k))[0]


def test_watts_inside_and_outside_the_window():
    """Threshold .18, 2,000 nodes: one seed now and then takes over at z = 4, and never at z = 9."""
    rng = np.random.default_rng(3)
    sizes = {}
    for z in (4.0, 9.0):
        sizes[z] = []
        for _ in range(40):
            rows, columns = erdos_renyi(rng, 2000, z / 2)
            both = sp.coo_array((np.ones(len(rows)), (rows, columns)), shape=(2000, 2000))
            sizes[z].append(watts_cascade(both + both.T, 0.18, int(rng.integers(2000))).mean())
    assert np.mean(np.array(sizes[4.0]) > 0.9) > 0.3
    assert max(sizes[9.0]) < 0.05


def test_those_who_look_at_nobody_stay():
    assert watts_cascade(np.zeros((3, 3)), 0.0, [1]).tolist() == [False, True, False]
    assert watts_cascade([[0, 1], [0, 0]], -1.0, []).tolist() == [True, False]


# Input


@pytest.mark.parametrize("kind", SPARSE_FORMATS)
def test_every_sparse_format(kind):
    exposures, capital, failed = random_cascade(5, 15)
    sparse = sp.coo_array(exposures).asformat(kind)
    assert np.array_equal(cascade_rounds(sparse, capital, failed), cascade_rounds(exposures, capital, failed))


def test_who_fails_first_in_words_of_all_kinds():
    case = (np.zeros((4, 4)), 1.0)
    expected = [False, True, True, False]
    masks = ([False, True, True, False], [0, 1, 1, 0], [1, 2], np.array([2, 1], np.uint8), (2, 1, 1))
    for failed in masks:
        assert threshold_cascade(*case, failed).tolist() == expected
    assert threshold_cascade(*case, np.int64(3)).tolist() == [False, False, False, True]
    assert threshold_cascade(*case, []).tolist() == [False] * 4
    assert threshold_cascade([], [], []).shape == (0,)
    given_mask = np.array([True, False, False, False])
    threshold_cascade(np.ones((4, 4)) - np.eye(4), 0.5, given_mask)
    assert given_mask.tolist() == [True, False, False, False]


LOAN = [[0.0, 1.0], [0.0, 0.0]]


@pytest.mark.parametrize(
    ("arguments", "where", "allowed"),
    [
        (([[0, -1], [0, 0]], 1, [True, False]), "exposures[0, 1]", ">= 0"),
        (([[0, 0], [0, 3]], 1, [True, False]), "exposures[1, 1]", "nobody has a claim on itself"),
        ((LOAN, [1, -2], [True, False]), "capital[1]", ">= 0"),
        ((LOAN, [1, np.inf], [True, False]), "capital[1]", "finite"),
        ((LOAN, [1, 1, 1], [True, False]), "capital", "2 finite numbers >= 0, or one number"),
        ((LOAN, 1, [True]), "failed", "2 booleans, or numbers of nodes from 0 to 1"),
        ((LOAN, 1, [2]), "failed[0]", "from 0 to 1"),
        ((LOAN, 1, [-1]), "failed[0]", "from 0 to 1"),
        ((LOAN, 1, [0, 1]), "failed", "could be numbers of nodes as well"),
        ((LOAN, 1, [0.5, 1.0]), "failed", "2 booleans"),
        ((LOAN, 1, [[True], [False, True]]), "failed", "2 booleans"),
        ((LOAN, 1, 0, 1.2), "recovery", "from 0 to 1"),
        ((LOAN, 1, 0, 0.0, "week"), "rule", "did you mean 'weak'?"),
    ],
)
def test_refusals(arguments, where, allowed):
    for function in (threshold_cascade, cascade_rounds):
        with pytest.raises(ContagionError) as caught:
            function(*arguments)
        assert caught.value.argument == where and allowed in caught.value.allowed


@pytest.mark.parametrize(
    ("call", "where"),
    [
        (lambda: watts_cascade(LOAN, np.nan, [True, False]), "thresholds[0]"),
        (lambda: watts_cascade([[0, 1]], 0.1, [True]), "adjacency"),
        (lambda: watts_cascade(LOAN, 0.1, 5), "seeds[0]"),
        (lambda: watts_window(1.5), "threshold"),
        (lambda: gai_kapadia_window(interbank_share=2.0), "interbank_share"),
        (lambda: gai_kapadia_window(capital=-0.1), "capital"),
        (lambda: gai_kapadia_window(rule="hard"), "rule"),
        (lambda: gai_kapadia_probability(-1.0), "mean_degree"),
        (lambda: gai_kapadia_extent(math.nan), "mean_degree"),
        (lambda: gai_kapadia_extent("3"), "mean_degree"),
    ],
)
def test_further_refusals(call, where):
    with pytest.raises(ContagionError) as caught:
        call()
    assert caught.value.argument == where
