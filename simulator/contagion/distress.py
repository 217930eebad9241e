"""DebtRank: relative losses of equity that spread before anybody defaults."""

from typing import Any

import numpy as np

from hashcredit.simulator.contagion.errors import ContagionError
from hashcredit.simulator.contagion.inputs import (
    SHARE,
    Booleans,
    Floats,
    Network,
    as_choice,
    as_list,
    as_network,
)
from hashcredit.simulator.contagion.linear import solve
from hashcredit.simulator.contagion.rounds.distress import distress_round

VARIANTS = ("linear", "single-hit")
SETTLED = 1e-16
"""Linear rounds end when no level changes by more: well below 1e-12, as a slow tail adds up."""
FEW_ROUNDS, MOST_ROUNDS, MOST_LINKS = 20, 3000, 2_000_000
"""After so many linear rounds, fewer where they look at many links, the limit is solved, not awaited."""


def debtrank(exposures: Any, equity: Any, shock: Any, variant: str = "linear") -> Floats:
    """Return the relative loss of equity of each node, in [0, 1], after a shock has spread.

    Parameters
    ----------
    exposures : [n, n] array, nested lists or SciPy sparse matrix of any format
        exposures[i, j] is i's asset that is j's liability, >= 0; the diagonal is empty.
    equity : [n], or one number for all
        In the unit of the exposures. A node without equity (zero or negative) has failed before the shock:
        its loss is 1, and it spreads nothing, because opening balance sheets show that failure already. To
        let the failure of a node strike its creditors, give it its equity before it failed, and shock 1.
    shock : [n], or one number for all
        Initial relative loss of equity, in [0, 1].
    variant : "linear" or "single-hit"
        "linear": every loss is passed on, h_i(t+1) = min(1, h_i(t) + sum_j Lambda_ij (h_j(t) - h_j(t-1))),
        with Lambda_ij = exposures_ij / equity_i (Bardoscia et al. 2015). A node at 1 has no more to lose
        and stops. The limit is returned; where nothing caps, it is (I - Lambda)^-1 shock.
        "single-hit": a node passes on its whole loss once, one round after it became distressed, and is
        inactive then; it can go on losing (Battiston et al. 2012, Methods).

    Notes
    -----
    Both variants rise from the shock; the linear one is monotone in it, the single-hit one only in the size
    of a given shock. The linear one iterates until no loss changes by more than 1e-16; where that takes more
    rounds than a linear solver (3,000 in small networks, 20 in large ones), the limit, which is the least
    fixed point of h = min(1, shock + Lambda h), is solved exactly. So a spectral radius of Lambda close to
    1 costs no accuracy.
    Battiston et al. cap each impact at 1: pass np.minimum(exposures, equity[:, None]) to do so.
    Renumbering the nodes changes results by roundings only.

    Raises ContagionError for input that cannot be used.

    References: Bardoscia, Battiston, Caccioli and Caldarelli, PLoS ONE 10 (2015) e0130406; Battiston, Puliga,
    Kaushik, Tasca and Caldarelli, Scientific Reports 2 (2012) 541. Nodes in default at the start as in the
    program that accompanies the former.
    """
    claims = as_network("exposures", exposures)
    nodes = claims.nodes
    capital = as_list("equity", equity, size=nodes)
    first = as_list("shock", shock, SHARE, nodes)
    variant = as_choice("variant", variant, VARIANTS)
    solvent = capital > 0.0
    impact = _impact(claims, capital, solvent)
    if variant == "single-hit":
        return _spread(impact, first, solvent, once=True)[0]
    level, at_rest = _spread(impact, first, solvent, once=False)
    return level if at_rest else _limit(impact, first, solvent)


def _impact(claims: Network, capital: Floats, solvent: Booleans) -> Network:
    """Claims of solvent nodes on solvent nodes, as fractions of the creditor's equity."""
    rows = claims.rows()
    kept = solvent[rows] & solvent[claims.indices]
    rows = rows[kept]
    with np.errstate(over="ignore"):
        values = claims.values[kept] / capital[rows]
    if not np.all(np.isfinite(values)):
        worst = int(rows[np.argmax(values)])
        raise ContagionError(f"equity[{worst}]", capital[worst].item(), "more, against exposures so large")
    indptr = np.searchsorted(rows, np.arange(claims.nodes + 1)).astype(np.int64)
    return Network(indptr, claims.indices[kept], values)


def _spread(impact: Network, first: Floats, solvent: Booleans, once: bool) -> tuple[Floats, bool]:
    """Levels after round upon round, and whether they came to rest."""
    nodes = impact.nodes
    held = impact.transposed()
    level = np.where(solvent, first, 1.0)
    passing = np.where(solvent, first, 0.0)
    spreading, following = np.empty(nodes, np.int64), np.empty(nodes, np.int64)
    starters = np.flatnonzero(passing)
    count = len(starters)
    spreading[:count] = starters
    spent = ~solvent
    spent[starters] |= once
    gain = np.zeros(nodes)
    largest, rounds = 1.0, 0
    patience = min(MOST_ROUNDS, max(FEW_ROUNDS, MOST_LINKS // max(1, len(held.values))))
    while count > 0 and largest > SETTLED:
        if not once and rounds == patience:
            return level, False
        count, largest = distress_round(*held, once, level, passing, spent, spreading, count, gain, following)
        spreading, following = following, spreading
        rounds += 1
    return level, True


def _limit(impact: Network, first: Floats, solvent: Booleans) -> Floats:
    """The least fixed point of h = min(1, shock + Lambda h), from above.

    Among the nodes that the shock can reach there is only one fixed point, since the right-hand side is
    concave and grows from a shock somewhere. So start with all of them lost, and let whoever loses less than
    everything even then take its place in a linear system, until all others lose everything.
    """
    matrix = impact.sparse()
    reached = solvent & (_spread(impact, np.where(first > 0.0, 1.0, 0.0), solvent, once=True)[0] > 0.0)
    level = np.where(reached, 1.0, 0.0)
    partly = np.zeros(impact.nodes, np.bool_)
    while True:
        fresh = reached & ~partly & (first + matrix @ level < 1.0)
        if not fresh.any():
            return np.where(solvent, np.minimum(level, 1.0), 1.0)
        while fresh.any():
            partly |= fresh
            level = np.where(partly, first + matrix @ level, level)
            fresh = reached & ~partly & (first + matrix @ level < 1.0)
        some, rest = np.flatnonzero(partly), np.flatnonzero(reached & ~partly)
        constant = first[some] + matrix[some][:, rest].sum(axis=1)
        among = matrix[some][:, some]
        level[some] = np.minimum(solve(among, constant, level[some], np.ones(len(some))), 1.0)
