"""Clearing payments: Eisenberg-Noe, and Rogers-Veraart with costs of default."""

from typing import Any

import numpy as np

from hashcredit.simulator.contagion.inputs import (
    AMOUNT,
    SHARE,
    Booleans,
    Floats,
    Network,
    as_list,
    as_network,
    as_number,
)
from hashcredit.simulator.contagion.linear import solve
from hashcredit.simulator.contagion.rounds.clearing import clear_all, clearing_work, settle, spread_defaults

DENSE_NODES = 1000
"""Up to so many nodes in default, their system is eliminated as a dense matrix; beyond, it stays sparse."""
STEP = 1e-2
"""In a large network a payment that falls by less than this fraction is left to the exact solution."""
LINKS_PER_LINK = 10
"""How often a link may be looked at between two exact solutions."""


def clearing_vector(
    liabilities: Any,
    external_assets: Any,
    external_liabilities: Any = None,
    alpha: float = 1.0,
    beta: float = 1.0,
) -> Floats:
    """Return what each node pays in total, to nodes and to creditors outside, when all claims are cleared.

    Parameters
    ----------
    liabilities : [n, n] array, nested lists or SciPy sparse matrix of any format
        liabilities[i, j] is what i owes j, >= 0, in any one currency; the diagonal is empty.
    external_assets : [n]
        What each node owns besides claims on other nodes, >= 0.
    external_liabilities : [n], optional
        What each node owes outside the network, >= 0; paid pro rata with what it owes to nodes.
    alpha, beta : float in [0, 1]
        What a node in default can still pay out: alpha of its external assets and beta of its receipts.

    Returns
    -------
    [n] float64, within [0, total liabilities].

    Notes
    -----
    With alpha = beta = 1 the clearing vector of Eisenberg and Noe (2001), p = min(pbar, e + Pi' p); else of
    Rogers and Veraart (2013): a node that cannot pay pays alpha e + beta Pi' p. Of several clearing vectors
    it is the greatest one, which exists and is approached from above: nobody is in default at first, and
    the payments of those in default solve their linear system exactly (fictitious default algorithm).

    A node is in default if it cannot pay in full. Who can just pay is not: assets and obligations that
    differ by less than 1e-12 of the obligations are equal, so the order of sums decides nothing. Payments
    are exact to 1e-12 of each node's obligations; renumbering the nodes changes them by less than that. (A
    group of nodes of which less than 1e-12 leaves is a tie, too: nothing leaves it, and it pays in full.)

    Raises ContagionError for input that cannot be used, SolutionError if a system of more than 1,000 nodes in
    default is too close to singular.

    References: Eisenberg and Noe, Management Science 47 (2001) 236-249; Rogers and Veraart,
    Management Science 59 (2013) 882-898.
    """
    owing = as_network("liabilities", liabilities)
    nodes = owing.nodes
    assets = as_list("external_assets", external_assets, AMOUNT, nodes, one_for_all=False)
    external = np.zeros(nodes)
    if external_liabilities is not None:
        external = as_list("external_liabilities", external_liabilities, AMOUNT, nodes, one_for_all=False)
    alpha, beta = as_number("alpha", alpha, SHARE), as_number("beta", beta, SHARE)
    with np.errstate(over="ignore"):
        owed = as_list("total liabilities", owing.row_sums() + external)
    if nodes <= DENSE_NODES:
        return _clear_small(owing, owed, external, assets, alpha, beta)
    return _clear_large(owing, owed, external, assets, alpha, beta)


def _clear_small(
    owing: Network, owed: Floats, external: Floats, assets: Floats, alpha: float, beta: float
) -> Floats:
    paid, in_default = np.empty(owing.nodes), np.empty(owing.nodes, np.bool_)
    work = clearing_work(owing.nodes)
    clear_all(*owing.transposed(), owed, external, assets, alpha, beta, in_default, paid, *work)
    return paid


def _clear_large(
    owing: Network, owed: Floats, external: Floats, assets: Floats, alpha: float, beta: float
) -> Floats:
    """Cheap steps from above, which find who defaults, in turn with the exact payments of those who do."""
    claims = owing.transposed()
    nodes = owing.nodes
    paid, in_default = owed.copy(), np.zeros(nodes, np.bool_)
    queue, queued = np.empty(nodes, np.int64), np.empty(nodes, np.bool_)
    most_links = LINKS_PER_LINK * (len(owing.values) + nodes)
    while spread_defaults(
        *claims, owing.indptr, owing.indices, owed, assets, alpha, beta, in_default, paid, queue, queued,
        STEP, most_links,
    ):  # fmt: skip
        m = np.count_nonzero(in_default)
        if m <= DENSE_NODES:
            position, shares, vectors = np.empty(nodes, np.int64), np.empty((m, m)), np.empty((3, m))
            settle(*claims, owed, external, assets, alpha, beta, in_default, paid, position, shares, vectors)
        else:
            paid = _settle_large(claims, owed, external, assets, alpha, beta, in_default, paid)
    return paid


def _settle_large(
    claims: Network,
    owed: Floats,
    external: Floats,
    assets: Floats,
    alpha: float,
    beta: float,
    in_default: Booleans,
    paid: Floats,
) -> Floats:
    """What each node pays, given who is in default, as `settle` but sparse."""
    debtors, others = np.flatnonzero(in_default), np.flatnonzero(~in_default)
    claimed = claims.sparse()
    among = beta * claimed[debtors][:, debtors]
    among.data /= owed[debtors][among.indices]
    leaving = external[debtors] + claimed[others][:, debtors].sum(axis=0)
    leak = 1.0 - beta + beta * leaving / owed[debtors]
    constant = alpha * assets[debtors] + beta * claimed[debtors][:, others].sum(axis=1)
    solved = owed.copy()
    solved[debtors] = np.minimum(solve(among, constant, paid[debtors], owed[debtors], leak), owed[debtors])
    return solved
