"""Clearing payments against the papers, exact fractions, a naive twin and the laws that they obey."""

import pickle
from fractions import Fraction

import numpy as np
import pytest
import scipy.sparse as sp
from banks import SPARSE_FORMATS, random_clearing, random_sparse
from hypothesis import given, settings
from hypothesis import strategies as st

from hashcredit.simulator.contagion import ContagionError, SolutionError, clearing, clearing_vector, linear
from hashcredit.simulator.contagion.inputs import as_network
from hashcredit.simulator.contagion.rounds.clearing import clear_all, clear_round, clearing_work

EXACT = 1e-12
"""What the library promises, relative to what a node owes."""

# Three banks that owe each other 0.5.
THREE = (0.5 * (1.0 - np.eye(3)), [0.5, 0.625, 0.75], [1.5, 0.5, 0.5])
COSTS = [(1.0, 1.0), (0.5, 0.7), (0.9, 1.0), (1.0, 0.6), (0.0, 1.0), (1.0, 0.0), (0.0, 0.0)]


def owed_by(liabilities, external):
    return liabilities.sum(axis=1) + external


def assets_of(liabilities, assets, external, paid):
    """What each node has if all pay `paid`."""
    owed = owed_by(liabilities, external)
    shares = np.divide(liabilities, owed[:, None], out=np.zeros_like(liabilities), where=owed[:, None] > 0)
    return assets, shares.T @ paid


def one_step(liabilities, assets, external, alpha, beta, paid):
    """The map of Rogers and Veraart, ties as documented."""
    owed = owed_by(liabilities, external)
    own, receipts = assets_of(liabilities, assets, external, paid)
    return np.where(own + receipts < owed * (1 - EXACT), alpha * own + beta * receipts, owed)


def naive_clearing(liabilities, assets, external, alpha=1.0, beta=1.0):
    """The fictitious default algorithm as it is written, with a dense solver."""
    owed = owed_by(liabilities, external)
    shares = np.divide(liabilities, owed[:, None], out=np.zeros_like(liabilities), where=owed[:, None] > 0)
    paid, failed = owed.copy(), np.zeros(len(owed), bool)
    while True:
        fresh = ~failed & (assets + shares.T @ paid < owed * (1 - EXACT))
        if not fresh.any():
            return paid
        failed |= fresh
        constant = alpha * assets[failed] + beta * shares[~failed][:, failed].T @ owed[~failed]
        matrix = np.eye(failed.sum()) - beta * shares[failed][:, failed].T
        paid = owed.copy()
        paid[failed] = np.linalg.solve(matrix, constant)


def errors(found, expected, owed):
    return np.max(np.abs(found - expected) / np.where(owed > 0, owed, 1.0), initial=0.0)


# The papers


def test_eisenberg_noe_by_hand():
    """p = min(pbar, e + Pi' p) solved in fractions: 1 and 2 default, 3 pays in full."""
    found = clearing_vector(*THREE)
    np.testing.assert_allclose(found, [165 / 112, 159 / 112, 3 / 2], rtol=0, atol=4e-16)
    p = [Fraction(165, 112), Fraction(159, 112), Fraction(3, 2)]
    # Of what it pays, the first bank gives each other one a fifth, the second and the third a third.
    assert p[0] == Fraction(1, 2) + p[1] / 3 + p[2] / 3
    assert p[1] == Fraction(5, 8) + p[0] / 5 + p[2] / 3
    assert p[2] < Fraction(3, 4) + p[0] / 5 + p[1] / 3


def test_rogers_veraart():
    """Costs of default on the same network, from an independent program (12 digits)."""
    found = clearing_vector(*THREE, alpha=0.5, beta=0.7)
    np.testing.assert_allclose(found, [0.502019961977, 0.514704937828, 0.565380613503], rtol=0, atol=5e-13)


@pytest.mark.parametrize("debt", [0.0, 0.5, 2.0])
def test_one_bank(debt):
    """All that is owed, or else alpha of the assets."""
    for alpha in (0.0, 0.4, 1.0):
        expected = debt if debt <= 1.0 else alpha * 1.0
        assert clearing_vector([[0.0]], [1.0], [debt], alpha=alpha).tolist() == [expected]


def test_nobody_and_no_debts():
    assert clearing_vector([], []).shape == (0,)
    assert clearing_vector(np.zeros((0, 0)), [], []).shape == (0,)
    assert clearing_vector(sp.csr_array((0, 0)), []).shape == (0,)
    assert clearing_vector(np.zeros((3, 3)), [1.0, 0.0, 2.0]).tolist() == [0.0, 0.0, 0.0]


# A naive twin


@pytest.mark.parametrize(("alpha", "beta"), COSTS)
def test_as_the_naive_twin(alpha, beta):
    defaults = 0
    for seed in range(60):
        case = random_clearing(seed, nodes=2 + seed % 20, links=1 + seed % 5, spread=seed % 3)
        found, expected = clearing_vector(*case, alpha, beta), naive_clearing(*case, alpha, beta)
        owed = owed_by(case[0], case[2])
        assert errors(found, expected, owed) < EXACT
        defaults += np.sum(found < owed * (1 - 1e-9))
    assert defaults > 100


def forced_sparse(monkeypatch, krylov):
    """Make the public function treat every network as a large one."""
    monkeypatch.setattr(clearing, "DENSE_NODES", 0)
    monkeypatch.setattr(linear, "KRYLOV_STEPS", 60 if krylov else 0)


@pytest.mark.parametrize("krylov", [False, True])
@pytest.mark.parametrize(("alpha", "beta"), COSTS)
def test_large_networks_as_small_ones(monkeypatch, alpha, beta, krylov):
    """Sparse systems give what elimination in the kernel gives, to the promise."""
    cases = [random_clearing(seed, 30 + seed, 4.0, seed % 3) for seed in range(12)]
    dense = [clearing_vector(*case, alpha, beta) for case in cases]
    forced_sparse(monkeypatch, krylov)
    for case, expected in zip(cases, dense, strict=True):
        found = clearing_vector(*case, alpha, beta)
        assert errors(found, expected, owed_by(case[0], case[2])) < EXACT


def test_a_network_of_thousands():
    """The fixed point of 4,000 banks, of which more than 1,000 default: no dense system."""
    liabilities, assets, external = random_sparse(1, 4000, 10)
    paid = clearing_vector(liabilities, assets, external, 0.8, 0.9)
    owed = np.asarray(liabilities.sum(axis=1)) + external
    receipts = liabilities.T @ (paid / owed)
    short = assets + receipts < owed * (1 - EXACT)
    assert 1000 < short.sum() < 3000
    expected = np.where(short, 0.8 * assets + 0.9 * receipts, owed)
    assert errors(paid, expected, owed) < 1e-14


# Laws


NETWORKS = st.builds(
    random_clearing,
    st.integers(0, 2**32 - 1),
    st.integers(1, 15),
    st.floats(0.0, 6.0),
    st.sampled_from([0.0, 1.0, 3.0]),
    st.booleans(),
)
SHARES = st.one_of(st.sampled_from([0.0, 0.5, 1.0]), st.floats(0.0, 1.0))


@settings(deadline=None, max_examples=150)
@given(NETWORKS, SHARES, SHARES)
def test_feasible_and_a_fixed_point(case, alpha, beta):
    """Within [0, pbar]; nobody pays more than it has; who pays less has nothing left but its costs."""
    paid, owed = clearing_vector(*case, alpha, beta), owed_by(case[0], case[2])
    assert np.all(paid >= 0.0) and np.all(paid <= owed)
    own, receipts = assets_of(*case, paid)
    assert np.all(paid <= (own + receipts) * (1 + 1e-14) + EXACT * owed)
    assert errors(paid, one_step(*case, alpha, beta, paid), owed) < EXACT


@settings(deadline=None, max_examples=100)
@given(NETWORKS, SHARES, SHARES, st.integers(0, 2**32 - 1))
def test_more_assets_never_lower_a_payment(case, alpha, beta, seed):
    rng = np.random.default_rng(seed)
    richer = case[1] + rng.lognormal(-1.0, 1.0, len(case[1])) * (rng.random(len(case[1])) < 0.5)
    less = clearing_vector(*case, alpha, beta)
    more = clearing_vector(case[0], richer, case[2], alpha, beta)
    assert np.all(more >= less - EXACT * owed_by(case[0], case[2]))


@settings(deadline=None, max_examples=100)
@given(NETWORKS, SHARES, SHARES, st.integers(0, 2**32 - 1))
def test_numbering_does_not_matter(case, alpha, beta, seed):
    """To 1e-12 of what a node owes, not to the bit: sums run in another order."""
    order = np.random.default_rng(seed).permutation(len(case[1]))
    moved = clearing_vector(case[0][np.ix_(order, order)], case[1][order], case[2][order], alpha, beta)
    owed = owed_by(case[0], case[2])[order]
    assert errors(moved, clearing_vector(*case, alpha, beta)[order], owed) < EXACT


@settings(deadline=None, max_examples=50)
@given(NETWORKS, SHARES, SHARES)
def test_another_currency(case, alpha, beta):
    """Amounts in units 2^k times smaller: the same payments to the bit."""
    scaled = clearing_vector(*(2.0**20 * part for part in case), alpha, beta)
    assert np.array_equal(scaled, 2.0**20 * clearing_vector(*case, alpha, beta))


@settings(deadline=None, max_examples=100)
@given(NETWORKS, SHARES, SHARES)
def test_the_greatest_of_all_fixed_points(case, alpha, beta):
    """No fixed point that is reached from below, or from any other start, lies above."""
    greatest, owed = clearing_vector(*case, alpha, beta), owed_by(case[0], case[2])
    rng = np.random.default_rng(len(owed))
    for start in (np.zeros(len(owed)), owed * rng.random(len(owed))):
        paid = start
        for _ in range(300):
            paid = one_step(*case, alpha, beta, paid)
        assert np.all(one_step(*case, alpha, beta, paid) <= np.maximum(paid, greatest) + 1e-9 * (owed + 1))
        if errors(paid, one_step(*case, alpha, beta, paid), owed) < 1e-14:
            assert np.all(paid <= greatest + EXACT * owed)


def test_several_clearing_vectors():
    """Two banks that owe each other 1 and own 0.2: both pay in full, or, with costs of a half, 0.2 each.

    Defaults that feed each other: 0.5 * 0.2 + 0.5 * 0.2 = 0.2 is a clearing vector, too (Rogers and Veraart
    2013 give such an example); the greatest one is returned.
    """
    case = (np.array([[0.0, 1.0], [1.0, 0.0]]), np.array([0.2, 0.2]), np.zeros(2))
    least = np.array([0.2, 0.2])
    np.testing.assert_allclose(one_step(*case, 0.5, 0.5, least), least, rtol=1e-15)
    assert clearing_vector(*case, 0.5, 0.5).tolist() == [1.0, 1.0]


def test_costs_of_nothing_are_eisenberg_noe():
    for seed in range(20):
        case = random_clearing(seed)
        assert np.array_equal(clearing_vector(*case), clearing_vector(*case, 1.0, 1.0))
        paid = clearing_vector(*case)
        own, receipts = assets_of(*case, paid)
        assert errors(paid, np.minimum(owed_by(case[0], case[2]), own + receipts), paid) < EXACT


# Ties


@pytest.mark.parametrize("parts", [(0.1, 0.2), (0.3,), (0.1, 0.1, 0.1), (0.7, 0.1, 0.2)])
@pytest.mark.parametrize("sparse", [False, True])
def test_who_can_just_pay_is_not_in_default(monkeypatch, parts, sparse):
    """Even where sums of the same tenths differ, and where default would cost everything."""
    if sparse:
        forced_sparse(monkeypatch, krylov=True)
    n = len(parts) + 2
    liabilities = np.zeros((n, n))
    for i, part in enumerate(parts):
        liabilities[i, n - 2] = part
    liabilities[n - 2, n - 1] = round(sum(parts), 10)
    assets = np.append(parts, [0.0, 0.0])
    paid = clearing_vector(liabilities, assets, alpha=0.0, beta=0.0)
    assert paid[n - 2] == liabilities[n - 2, n - 1]
    liabilities[n - 2, n - 1] *= 1 + 1e-11
    assert clearing_vector(liabilities, assets, alpha=0.0, beta=0.0)[n - 2] == 0.0


def test_a_tie_behind_defaults():
    """A bank that lives on what defaulted banks pay, to the last cent, is not in default."""
    for seed in range(30):
        case = random_clearing(seed, nodes=15)
        liabilities, assets, external = (np.pad(part, [(0, 1)] * part.ndim) for part in case)
        liabilities[:-1, -1] = 1.0
        without_debt = clearing_vector(liabilities, assets, external)
        _, receipts = assets_of(liabilities, assets, external, without_debt)
        external[-1] = receipts[-1]
        paid = clearing_vector(liabilities, assets, external, 1.0, 1.0)
        assert paid[-1] == external[-1]


# Systems close to singular


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("beta", [1.0, 0.5])
def test_a_closed_group_pays_in_full(monkeypatch, sparse, beta):
    """A ring without any assets: everything between nothing and full payment clears; full is the greatest."""
    if sparse:
        forced_sparse(monkeypatch, krylov=True)
    ring = 0.1 * np.roll(np.eye(7), 1, axis=1)
    assert clearing_vector(ring, np.zeros(7), None, 1.0, beta).tolist() == [0.1] * 7


def exact_payments(liabilities, assets, external):
    """The system of a network in which all but the last node default, in fractions."""
    n = len(assets) - 1
    owed = [sum(map(Fraction, row)) + Fraction(x) for row, x in zip(liabilities, external, strict=True)]
    share = [[Fraction(liabilities[j][i]) / (owed[j] or 1) for j in range(n + 1)] for i in range(n)]
    rows = [
        [Fraction(i == j) - share[i][j] for j in range(n)] + [Fraction(assets[i]) + share[i][n] * owed[n]]
        for i in range(n)
    ]
    for k in range(n):
        for i in range(n):
            if i != k:
                factor = rows[i][k] / rows[k][k]
                rows[i] = [a - factor * b for a, b in zip(rows[i], rows[k], strict=True)]
    return [float(rows[k][n] / rows[k][k]) for k in range(n)] + [float(owed[n])]


@pytest.mark.parametrize("leak", [1e-3, 1e-7, 1e-10])
def test_where_almost_nothing_leaves(leak):
    """Condition numbers up to 1e11, and every payment exact to roundings: nothing is subtracted."""
    rng = np.random.default_rng(5)
    liabilities = np.pad(rng.lognormal(0, 2, (9, 9)), [(0, 1), (0, 1)])
    np.fill_diagonal(liabilities, 0.0)
    liabilities[4, 9] = leak
    assets = np.zeros(10)
    assets[2] = 1e-3 * leak  # so all nine pay a small part of what they owe
    paid = clearing_vector(liabilities, assets)
    expected = exact_payments(liabilities.tolist(), assets.tolist(), [0.0] * 10)
    assert np.all(np.array(expected[:9]) < 0.9 * liabilities[:9].sum(axis=1))
    np.testing.assert_allclose(paid, expected, rtol=1e-14)


@pytest.mark.parametrize("shape", ["chain", "ring"])
def test_long_chains_and_rings(shape):
    """5,000 defaults one after another, in any numbering: closed forms."""
    n, beta = 5000, 0.9999
    order = np.random.default_rng(1).permutation(n)
    if shape == "chain":
        links, assets, external = (order[:-1], order[1:]), np.zeros(n), np.zeros(n)
        assets[order[0]] = 0.5
        expected = np.append(0.5 * beta ** np.arange(n - 1), 0.0)
    else:
        links, assets, external = (order, np.roll(order, -1)), np.zeros(n), np.zeros(n)
        assets[order[0]], external[order[-1]] = 0.25, 1.0
        # The last one pays half of what arrives outside; what goes round is x = 0.25 + beta^n x / 2.
        expected = 0.25 / (1 - beta**n / 2) * beta ** np.arange(n)
    liabilities = sp.coo_array((np.ones(len(links[0])), links), shape=(n, n))
    found = clearing_vector(liabilities, assets, external, 1.0, beta)[order]
    np.testing.assert_allclose(found, expected, rtol=0, atol=2e-12)
    if shape == "chain":  # a hair's breadth is missing at its head, and at every bank behind
        assets[order[0]] = 1.0 - 1e-7
        found = clearing_vector(liabilities, assets)[order]
        np.testing.assert_allclose(found[:-1], 1.0 - 1e-7, rtol=1e-15)


def test_a_system_without_solution_is_an_error():
    """Money that goes round for ever: no answer rather than a wrong one."""
    ring = sp.csr_array(np.roll(np.eye(4), 1, axis=1))
    with pytest.raises(SolutionError, match="4 nodes") as caught:
        linear.solve(ring, np.ones(4), np.zeros(4), np.ones(4))
    assert pickle.loads(pickle.dumps(caught.value)).nodes == 4
    assert caught.value.exit_code == 1


# Kernels of the weekly step


def kernel_arguments(case):
    owing = as_network("liabilities", case[0])
    return owing.transposed(), owing.row_sums() + case[2]


@pytest.mark.parametrize(("alpha", "beta"), COSTS)
def test_rounds_fall_to_the_clearing_vector(alpha, beta):
    """From full payment, round after round: the same defaults, and payments from above."""
    for seed in range(10):
        case = random_clearing(seed, nodes=20)
        claims, owed = kernel_arguments(case)
        paid, following, failed = owed.copy(), np.empty(20), np.zeros(20, bool)
        total = 0
        for _ in range(3000):
            total += clear_round(*claims, owed, case[1], alpha, beta, failed, paid, following)
            assert np.all(following <= paid * (1 + 1e-15))
            paid, following = following, paid
        expected = clearing_vector(*case, alpha, beta)
        assert total == failed.sum() == np.sum(expected < owed * (1 - EXACT))
        assert errors(paid, expected, owed) < 1e-10  # geometric, unlike `settle`


@pytest.mark.parametrize(("alpha", "beta"), COSTS)
def test_all_rounds_in_the_kernel(monkeypatch, alpha, beta):
    """What the market will call gives what the public function finds by sparse solvers."""
    cases = [random_clearing(seed, nodes=250, links=6.0) for seed in range(4)]
    forced_sparse(monkeypatch, krylov=False)
    for case in cases:
        claims, owed = kernel_arguments(case)
        paid, failed, work = np.full(250, np.nan), np.ones(250, bool), clearing_work(250)
        for array in work:
            array.fill(-(2**40) if array.dtype == np.int64 else np.nan)
        exact = clear_all(*claims, owed, case[2], case[1], alpha, beta, failed, paid, *work)
        assert errors(paid, clearing_vector(*case, alpha, beta), owed) < EXACT
        assert np.array_equal(failed, paid < owed * (1 - EXACT))
        assert 1 <= exact <= failed.sum() + 1


# Input


@pytest.mark.parametrize("kind", SPARSE_FORMATS)
@pytest.mark.parametrize("container", [sp.coo_array, sp.coo_matrix])
def test_every_sparse_format(kind, container):
    case = random_clearing(3)
    given_matrix = container(case[0]).asformat(kind)
    before = given_matrix.toarray().copy()
    assert np.array_equal(clearing_vector(given_matrix, *case[1:]), clearing_vector(*case))
    assert np.array_equal(given_matrix.toarray(), before)


def test_lists_whole_numbers_and_duplicates():
    assert clearing_vector([[0, 2], [0, 0]], [1, 0]).tolist() == [1.0, 0.0]
    twice = sp.coo_array(([1.0, 1.0, 0.0], ([0, 0, 1], [1, 1, 0])), shape=(2, 2))
    assert clearing_vector(twice, (1, 0)).tolist() == [1.0, 0.0]
    assert clearing_vector(sp.coo_array(([2.0, 1.0], ([1, 0], [0, 1])), shape=(2, 2)), [0, 1]).tolist() == [
        1,
        2,
    ]


TWO = [[0.0, 1.0], [1.0, 0.0]]


@pytest.mark.parametrize(
    ("arguments", "where", "allowed"),
    [
        (([[0, -1], [0, 0]], [1, 1]), "liabilities[0, 1]", "finite amounts >= 0"),
        ((sp.coo_array(([2.0, -1.0], ([0, 0], [1, 1])), shape=(2, 2)), [1, 1]), "liabilities[0, 1]", ">= 0"),
        (([[0, np.nan], [0, 0]], [1, 1]), "liabilities[0, 1]", "finite"),
        (([[0, 0], [np.inf, 0]], [1, 1]), "liabilities[1, 0]", "finite"),
        (([[0, 0], [0, 2]], [1, 1]), "liabilities[1, 1]", "nobody has a claim on itself"),
        ((np.ones((2, 3)), [1, 1]), "liabilities", "square"),
        (([1, 2], [1, 1]), "liabilities", "square"),
        (([[0, 1], [0]], [1, 1]), "liabilities", "square"),
        (([[0, 1j], [0, 0]], [1, 1]), "liabilities", "square"),
        (("network", [1, 1]), "liabilities", "square"),
        ((None, [1, 1]), "liabilities", "square"),
        ((TWO, [1, 1, 1]), "external_assets", "2 finite numbers"),
        ((TWO, 1.0), "external_assets", "2 finite numbers"),
        ((TWO, [1, -1e-9]), "external_assets[1]", "finite number >= 0"),
        ((TWO, [np.nan, 1]), "external_assets[0]", "finite number >= 0"),
        ((TWO, ["1", "2"]), "external_assets", "2 finite numbers"),
        ((TWO, [1, 1], [0, -2]), "external_liabilities[1]", ">= 0"),
        ((TWO, [1, 1], [[0], [0]]), "external_liabilities", "2 finite numbers"),
        ((TWO, [1, 1], None, 1.5), "alpha", "from 0 to 1"),
        ((TWO, [1, 1], None, 1.0, -0.1), "beta", "from 0 to 1"),
        ((TWO, [1, 1], None, np.nan), "alpha", "from 0 to 1"),
        ((TWO, [1, 1], None, [1, 1]), "alpha", "from 0 to 1"),
        ((TWO, [1, 1], None, "1"), "alpha", "from 0 to 1"),
        (([[0, 1.7e308], [1.0, 0]], [1, 1], [1.7e308, 0]), "total liabilities[0]", "finite"),
    ],
)
def test_refusals(arguments, where, allowed):
    with pytest.raises(ContagionError) as caught:
        clearing_vector(*arguments)
    error = caught.value
    assert error.argument == where and allowed in error.allowed and error.exit_code == 2
    assert "\n" not in str(error) and str(error).startswith(where)
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
