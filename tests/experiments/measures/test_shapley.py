"""Shapley values and interactions against orders walked one by one, and against games solved on paper."""

from itertools import combinations, permutations

import numpy as np
import pytest

from hashcredit.experiments.measures.shapley import coalitions, shapley_interactions, shapley_values


def game(players, worth_of):
    """Worths of all coalitions in their order; `worth_of` is given a frozenset of players."""
    members = coalitions(players)
    return np.array([worth_of(frozenset(np.flatnonzero(row).tolist())) for row in members], float)


def test_coalitions_begin_with_none_and_end_with_all():
    members = coalitions(3)
    assert members.shape == (8, 3)
    assert not members[0].any() and members[-1].all()
    assert members[5].tolist() == [True, False, True]
    assert len({tuple(row) for row in members.tolist()}) == 8


def test_gloves():
    """One left glove, two right ones: a pair is worth 1. Shapley (1953): 2/3, 1/6, 1/6."""
    worth = game(3, lambda s: float(0 in s and len(s) > 1))
    np.testing.assert_allclose(shapley_values(worth), [2 / 3, 1 / 6, 1 / 6], rtol=1e-15)


def test_values_are_the_mean_over_all_orders():
    worth = np.random.default_rng(1).normal(size=(32, 3))
    expected = np.zeros((5, 3))
    orders = list(permutations(range(5)))
    for order in orders:
        row = 0
        for player in order:
            expected[player] += worth[row | 1 << player] - worth[row]
            row |= 1 << player
    np.testing.assert_allclose(shapley_values(worth), expected / len(orders), atol=1e-14)
    np.testing.assert_allclose(shapley_values(worth).sum(axis=0), worth[-1] - worth[0], atol=1e-14)


def test_who_changes_nothing_has_exactly_zero():
    """Worths are odd numbers in binary: a sum of all terms with signs would leave rounding errors."""
    base = np.random.default_rng(2).normal(size=16)
    worth = np.concatenate([base, base])  # player 4 makes no difference
    assert shapley_values(worth)[4] == 0.0
    assert all(found == 0.0 for (_, j), found in shapley_interactions(worth).items() if j == 4)


@pytest.mark.parametrize("size", [2, 3, 4])
def test_interactions_of_a_game_that_needs_a_whole_group(size):
    """Worth 1 once a group of t is complete: 1/(t - 1) for each of its pairs (Grabisch and Roubens 1999)."""
    group = frozenset(range(size))
    found = shapley_interactions(game(5, lambda s: float(group <= s)))
    for i, j in combinations(range(5), 2):
        expected = 1.0 / (size - 1) if {i, j} <= group else 0.0
        assert found[i, j] == pytest.approx(expected, abs=1e-15)


def test_the_interaction_of_two_players_is_their_superadditivity():
    worth = np.array([1.0, 4.0, 6.0, 14.0])
    assert shapley_interactions(worth) == {(0, 1): pytest.approx(14.0 - 4.0 - 6.0 + 1.0)}


def test_a_game_without_all_its_worths_is_refused():
    with pytest.raises(ValueError, match=r"2\^n worths, got 31"):
        shapley_values(np.zeros(31))
