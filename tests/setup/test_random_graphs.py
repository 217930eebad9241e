"""The links are those that NetworkX draws with the same seed: networks do not change with who draws them."""

import math
import random

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashcredit.simulator.setup.random_graphs import binomial_links, configuration_links

SEEDS = st.integers(0, 2**63 - 1)


def drawn_by_networkx(n_left, n_right, probability, seed):
    """Links of a random graph in the order of its rows; the right nodes are counted from 0."""
    graph = nx.bipartite.random_graph(n_left, n_right, probability, seed=seed)
    return [(row, column - n_left) for row in range(n_left) for column in graph[row]]


def listed(links):
    return list(zip(*(ends.tolist() for ends in links), strict=True))


@given(st.integers(1, 40), st.integers(1, 40), st.floats(1e-15, 1.0), SEEDS)
def test_binomial_links_are_those_of_networkx_in_the_same_order(n_left, n_right, probability, seed):
    found = listed(binomial_links(n_left, n_right, probability, seed))
    assert found == drawn_by_networkx(n_left, n_right, probability, seed)


@pytest.mark.parametrize("probability", [1e-15, 1e-3, 0.2, 0.999])
def test_a_graph_of_many_links_is_that_of_networkx_too(probability):
    found = listed(binomial_links(300, 700, probability, 11))
    assert found == drawn_by_networkx(300, 700, probability, 11)


def test_a_draw_at_the_border_of_two_places_is_taken_as_by_single_numbers(monkeypatch):
    """Each draw's quotient is a whole number, where the last bit of a logarithm decides on the place."""
    import hashcredit.simulator.setup.random_graphs as module

    scale = math.log(1.0 - 0.3)
    draws = np.array([1.0 - math.exp(scale * k) for k in range(1, 60)])
    alone = [int(math.log(1.0 - draw) / scale) for draw in draws.tolist()]
    assert len({place - k for k, place in enumerate(alone, 1)}) == 2  # some fall below, some do not
    monkeypatch.setattr(
        module.np, "log", lambda values: np.array([math.log(v) for v in values]) * (1 - 3e-16)
    )
    assert module._unlinked_between(draws, scale, 1000).tolist() == alone


@given(st.data(), st.integers(1, 20), st.integers(1, 20), SEEDS)
def test_matched_degrees_are_those_of_networkx(data, n_left, n_right, seed):
    degrees = st.lists(st.integers(0, 6), min_size=n_left, max_size=n_left).filter(any)
    left = np.array(data.draw(degrees))
    right = np.random.default_rng(seed).multinomial(left.sum(), np.full(n_right, 1.0 / n_right))
    graph = nx.bipartite.configuration_model(left.tolist(), right.tolist(), seed=seed)
    expected = sorted((row, column - n_left) for row, column in graph.edges())
    found = configuration_links(left, right, seed)
    assert sorted(listed(found)) == expected
    assert np.array_equal(np.bincount(found[0], minlength=n_left), left)
    assert np.array_equal(np.bincount(found[1], minlength=n_right), right)


def test_the_twister_is_pythons():
    import hashcredit.simulator.setup.random_graphs as module

    python = random.Random(2**62 + 5)
    expected = [python.random() for _ in range(2000)]
    assert module._python_random(2**62 + 5).random(2000).tolist() == expected
