"""Random networks of banks for the tests of contagion."""

import numpy as np
import scipy.sparse as sp

SPARSE_FORMATS = ("csr", "csc", "coo", "lil", "dok", "bsr", "dia")


def random_amounts(rng, nodes, links, spread=1.0):
    """A dense matrix of lognormal amounts, about `links` a row, with an empty diagonal."""
    amounts = rng.lognormal(0.0, spread, (nodes, nodes)) * (
        rng.random((nodes, nodes)) < links / max(nodes, 1)
    )
    np.fill_diagonal(amounts, 0.0)
    return amounts


def random_clearing(seed, nodes=12, links=3.0, spread=1.0, outside=True):
    """Liabilities, external assets and liabilities of banks of which some cannot pay."""
    rng = np.random.default_rng(seed)
    liabilities = random_amounts(rng, nodes, links, spread)
    external = rng.lognormal(0.0, spread, nodes) * (rng.random(nodes) < 0.6) * outside
    gap = liabilities.sum(axis=1) + external - liabilities.sum(axis=0)
    assets = np.maximum(0.0, gap * rng.uniform(0.6, 1.1, nodes)) * (rng.random(nodes) < 0.9)
    return liabilities, assets, external


def random_sparse(seed, nodes, links):
    """Liabilities (CSR, `links` drawn a row), external assets and liabilities of a large network."""
    rng = np.random.default_rng(seed)
    rows = np.repeat(np.arange(nodes), links)
    columns = (rows + rng.integers(1, nodes, nodes * links)) % nodes
    amounts = rng.lognormal(0.0, 1.0, nodes * links)
    liabilities = sp.coo_array((amounts, (rows, columns)), shape=(nodes, nodes)).tocsr()
    owed = np.asarray(liabilities.sum(axis=1))
    external = 0.2 * owed * rng.random(nodes)
    gap = owed + external - np.asarray(liabilities.sum(axis=0))
    return liabilities, np.maximum(0.0, gap + 0.3 * owed * rng.normal(size=nodes)), external


def erdos_renyi(rng, nodes, mean_degree):
    """Rows and columns of a directed random network without loops; links are Poisson, all distinct."""
    count = rng.binomial(nodes * (nodes - 1), mean_degree / (nodes - 1))
    keys = np.unique(rng.integers(0, nodes * (nodes - 1), count + count // 50 + 50))
    keys = rng.permutation(keys)[:count]
    rows, columns = np.divmod(keys, nodes - 1)
    return rows, columns + (columns >= rows)


def even_exposures(rng, nodes, mean_degree, share=0.2):
    """Loans of Gai and Kapadia's banks: a share of the assets, split evenly over the borrowers; CSR."""
    rows, columns = erdos_renyi(rng, nodes, mean_degree)
    borrowers = np.bincount(rows, minlength=nodes)
    return sp.csr_array((share / borrowers[rows], (rows, columns)), shape=(nodes, nodes))
