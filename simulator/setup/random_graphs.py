"""Links of random bipartite graphs as arrays, number for number those that NetworkX draws.

Networks were drawn with `networkx.bipartite` once, so these functions take its random numbers (Python's
Mersenne Twister) in its order: a seed keeps its networks. A graph of dictionaries takes a hundred times as
long as its links in arrays, and importing NetworkX a good tenth of a short run's time.
"""

import math
import random

import numpy as np
from numpy.typing import NDArray

Index = NDArray[np.int64]
Pairs = tuple[Index, Index]

CLOSE = 1e-14
"""Relative distance to a whole number within which a quotient of logarithms is worked out again.

Logarithms of arrays and of single numbers may differ in their last digits: 4 units of 2.2e-16, and half a
unit of the division, are a tenth of it.
"""


def binomial_links(n_left: int, n_right: int, probability: float, seed: int) -> Pairs:
    """Link each pair with the same probability: `networkx.bipartite.random_graph`.

    Returns the left and the right end of each link, counted from 0, ascending by left, then right end. The
    pairs without a link between two that have one are geometric (Batagelj and Brandes 2005).
    """
    pairs = n_left * n_right
    if probability >= 1.0:
        return np.divmod(np.arange(pairs), n_right)
    uniform = _python_random(seed)
    scale = math.log(1.0 - probability)
    linked: list[Index] = []
    last = -1
    while last < pairs:
        expected = probability * (pairs - last)
        draws = uniform.random(int(expected + 4.0 * math.sqrt(expected)) + 16)
        linked.append(last + np.cumsum(1 + _unlinked_between(draws, scale, pairs)))
        last = int(linked[-1][-1])
    places = np.concatenate(linked)
    return np.divmod(places[places < pairs], n_right)


def _unlinked_between(draws: NDArray[np.float64], scale: float, most: int) -> Index:
    """Whole part of log(1 - draw) / scale, the same bits as with `math.log`; `most` if it is more."""
    quotient = np.log(1.0 - draws) / scale
    for place in np.flatnonzero(np.abs(quotient - np.rint(quotient)) <= CLOSE * quotient):
        quotient[place] = math.log(1.0 - float(draws[place])) / scale
    return np.minimum(quotient, most).astype(np.int64)


def _python_random(seed: int) -> np.random.Generator:
    """A generator whose `random` gives the numbers of `random.Random(seed).random`."""
    _, state, _ = random.Random(seed).getstate()
    twister = np.random.MT19937()
    twister.state = {
        "bit_generator": "MT19937",
        "state": {"key": np.array(state[:-1], np.uint32), "pos": state[-1]},
    }
    return np.random.Generator(twister)


def configuration_links(left: Index, right: Index, seed: int) -> Pairs:
    """Match two degree sequences with equal sums at random: `networkx.bipartite.configuration_model`.

    Returns the left and the right end of each link, counted from 0, in no order; some may come twice.
    """
    shuffled = random.Random(seed)
    ends = []
    for degrees in (left, right):
        stubs = np.repeat(np.arange(len(degrees)), degrees).tolist()
        shuffled.shuffle(stubs)
        ends.append(np.array(stubs, np.int64))
    return ends[0], ends[1]
