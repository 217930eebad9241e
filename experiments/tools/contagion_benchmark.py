"""The contagion library against what a researcher would write otherwise, in one run on one machine.

`python -m hashcredit.experiments.tools.contagion_benchmark` prints a table; name its parts to run some of
them. Both sides solve the same case and must agree. Times are the best of a few runs and hold everything from
the user's matrix to the answer; only building a NetworkX graph is left out, to the rival's advantage.
"""

import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from hashcredit.experiments.tools.benchmark import named
from hashcredit.simulator.contagion import clearing_vector, debtrank, threshold_cascade

LINKS = 10


class Row(NamedTuple):
    """One line of the table; no seconds where the rival would take minutes."""

    what: str
    nodes: int
    ours: float
    rival: float | None


def random_network(nodes: int, seed: int = 1) -> Any:
    """Amounts (CSR) of about ten links a node, drawn at random, lognormal."""
    from scipy.sparse import coo_array

    rng = np.random.default_rng(seed)
    rows = np.repeat(np.arange(nodes), LINKS)
    columns = (rows + rng.integers(1, nodes, nodes * LINKS)) % nodes
    amounts = rng.lognormal(0.0, 1.0, nodes * LINKS)
    return coo_array((amounts, (rows, columns)), shape=(nodes, nodes)).tocsr()


def clearing() -> Iterator[Row]:
    """Eisenberg-Noe as a linear program, max sum(p) subject to p <= e + Pi' p, by HiGHS."""
    from scipy.optimize import linprog
    from scipy.sparse import diags_array, eye_array

    for nodes, rival in ((300, True), (1000, True), (3000, True), (10_000, True), (100_000, False)):
        liabilities = random_network(nodes)
        rng = np.random.default_rng(2)
        owed_inside = liabilities.sum(axis=1)
        external = 0.2 * owed_inside * rng.random(nodes)
        owed = owed_inside + external
        assets = np.maximum(0.0, owed - liabilities.sum(axis=0) + 0.3 * owed_inside * rng.normal(size=nodes))

        def ours(case: Any = (liabilities, assets, external)) -> Any:
            return clearing_vector(*case)

        def program(liabilities: Any = liabilities, assets: Any = assets, owed: Any = owed) -> Any:
            system = eye_array(len(owed)) - (diags_array(1.0 / owed) @ liabilities).T
            bounds = np.column_stack([np.zeros(len(owed)), owed])
            return linprog(-np.ones(len(owed)), system.tocsr(), assets, bounds=bounds, method="highs").x

        yield _compared("clearing / HiGHS", nodes, ours, program if rival else None, 1e-6 * owed.max())


def cascade() -> Iterator[Row]:
    """Gai and Kapadia's cascade against plain Python on a NetworkX graph."""
    import networkx as nx

    for nodes in (1000, 10_000, 100_000):
        exposures = random_network(nodes)
        exposures.data = 0.2 / np.repeat(np.diff(exposures.indptr), np.diff(exposures.indptr))
        capital = np.where(np.arange(nodes) % 4 == 0, 0.04, 0.0175)
        capitals = capital.tolist()
        graph = nx.from_scipy_sparse_array(exposures, create_using=nx.DiGraph)

        def ours(case: Any = (exposures, capital, 0)) -> Any:
            return threshold_cascade(*case)

        def python(graph: Any = graph, capital: Any = capitals) -> Any:
            failed, loss, latest = {0}, dict.fromkeys(graph, 0.0), [0]
            while latest:
                struck = []
                for bank in latest:
                    for creditor, _, claim in graph.in_edges(bank, data="weight"):
                        loss[creditor] += claim
                        struck.append(creditor)
                latest = [bank for bank in set(struck) - failed if loss[bank] > capital[bank]]
                failed.update(latest)
            return np.array([bank in failed for bank in graph])

        yield _compared("cascade / NetworkX", nodes, ours, python, 0.0)


def distress() -> Iterator[Row]:
    """Linear DebtRank against the matrix equation in NumPy, dense, and in SciPy, sparse."""
    for nodes, dense in ((1000, True), (3000, True), (100_000, False)):
        exposures = random_network(nodes)
        equity = 1.3 * exposures.sum(axis=1)
        shock = np.zeros(nodes)
        shock[:5] = 1.0
        matrix = exposures.toarray() if dense else exposures

        def ours(case: Any = (matrix, equity, shock)) -> Any:
            return debtrank(*case)

        def iterated(matrix: Any = matrix, equity: Any = equity, shock: Any = shock) -> Any:
            impact = matrix / equity[:, None] if isinstance(matrix, np.ndarray) else _by_row(matrix, equity)
            level = change = shock
            while change.max() >= 1e-12:
                following = np.minimum(1.0, level + impact @ change)
                level, change = following, following - level
            return level

        name = "DebtRank / NumPy" if dense else "DebtRank / SciPy sparse"
        yield _compared(name, nodes, ours, iterated, 1e-9)


def _by_row(matrix: Any, equity: Any) -> Any:
    from scipy.sparse import diags_array

    return diags_array(1.0 / equity) @ matrix


def _compared(
    what: str, nodes: int, ours: Callable[[], Any], rival: Callable[[], Any] | None, allowed: float
) -> Row:
    """Best times of both, taken in turn, after a first call of ours that compiles."""
    answer = ours()
    if rival is None:
        return Row(what, nodes, min(_timed(ours)[0] for _ in range(3)), None)
    best, rival_best = np.inf, np.inf
    for _ in range(3):
        best = min(best, min(_timed(ours)[0] for _ in range(3)))
        seconds, other = _timed(rival)
        rival_best = min(rival_best, seconds)
        difference = np.max(np.abs(np.asarray(answer, float) - np.asarray(other, float)))
        if not difference <= allowed:
            raise ArithmeticError(f"{what}, {nodes} nodes: the answers differ by {difference:.2g}")
        if rival_best > 5.0:
            break
    return Row(what, nodes, best, rival_best)


def _timed(function: Callable[[], Any]) -> tuple[float, Any]:
    started = time.perf_counter()
    answer = function()
    return time.perf_counter() - started, answer


PARTS: dict[str, Callable[[], Iterator[Row]]] = {
    "clearing": clearing,
    "cascade": cascade,
    "distress": distress,
}


def main(arguments: list[str] | None = None) -> int:
    """Run the named parts, or all of them, and print a table."""
    names = named(PARTS, __doc__, arguments)
    print(f"{'ours / rival':26s} {'nodes':>8s} {'ours, ms':>10s} {'rival, ms':>10s} {'ratio':>8s}")
    for name in names:
        for row in PARTS[name]():
            rival = f"{1e3 * row.rival:10.2f} {row.rival / row.ours:8.1f}" if row.rival else f"{'-':>10s}"
            print(f"{row.what:26s} {row.nodes:8,d} {1e3 * row.ours:10.2f} {rival}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
