"""Large sparse systems x = c + B x with B >= 0, solved until a further correction changes nothing.

Random networks fill up in an LU factorisation (100,000 nodes with 10 links each would need 80 GB) but are
easy for Krylov methods; chains, rings and grids are the other way round. So BiCGSTAB comes first and LU when
it stalls, both inside iterative refinement, whose last correction measures the error that is left.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from hashcredit.simulator.contagion.errors import SolutionError
from hashcredit.simulator.contagion.inputs import Floats
from hashcredit.simulator.contagion.rounds.krylov import bicgstab

PROMISED = 1e-12
"""Largest error of an entry relative to its scale; more is a SolutionError."""
ENOUGH = 1e-15
"""A correction below this ends the refinement: it is less than the roundings of one product."""
KRYLOV_STEPS = 60
STALLED = 0.01
"""Part of the residual that a Krylov solution may leave; with more, its length says nothing of the error."""
TINY = float(np.finfo(np.float64).tiny)


def solve(B: Any, c: Floats, start: Floats, scale: Floats, leak: Floats | None = None) -> Floats:
    """Solve x = c + B x.

    B       [m, m] SciPy CSR, entries >= 0, spectral radius below 1
    c       [m] entries >= 0
    start   [m] first guess
    scale   [m] > 0; errors are judged relative to it
    leak    [m] 1 - column sums of B, if the caller knows them without cancellation: then sum(leak x) = sum(c)
            holds to rounding, which keeps the slowest mode exact where almost nothing leaks

    Raises SolutionError if the error stays above 1e-12 of the scale.
    """
    x, last = start.copy(), np.inf
    correct, factorised = _by_krylov(B), False
    while True:
        residual = c + B @ x - x
        if leak is not None:
            # What the residual sums to, without the cancellation inside it.
            residual += x * ((np.sum(c) - np.sum(leak * x) - np.sum(residual)) / max(np.sum(x), TINY))
        step = correct(residual)
        error = float(np.max(np.abs(step) / scale)) if np.all(np.isfinite(step)) else np.inf
        if error < 0.5 * last or error <= ENOUGH:
            x, last = np.maximum(x + step, 0.0), error
            if error <= ENOUGH:
                break
        elif last <= 0.01 * PROMISED or (factorised and last <= PROMISED):
            break  # only roundings are left
        elif factorised:
            raise SolutionError(len(c), min(last, error), PROMISED)
        else:
            correct, factorised, last = _by_factors(B), True, np.inf
    # One plain iteration: entries far below the largest become as exact as they are.
    return c + B @ x


def _by_krylov(B: Any) -> Callable[[Floats], Floats]:
    """Corrections by a few steps of BiCGSTAB; infinite where it stalls."""
    work = np.empty((6, B.shape[0]))

    def correct(residual: Floats) -> Floats:
        size = max(float(np.max(np.abs(residual))), TINY)
        step = np.empty_like(residual)
        # In units of its size, so that no square underflows.
        left = bicgstab(B.indptr, B.indices, B.data, residual / size, 1e-8, KRYLOV_STEPS, step, work)
        return step * size if left <= STALLED else np.full_like(step, np.inf)

    return correct


def _by_factors(B: Any) -> Callable[[Floats], Floats]:
    """Corrections by a sparse LU factorisation; infinite if the system is singular."""
    from scipy.sparse import eye_array
    from scipy.sparse.linalg import splu

    try:
        return splu((eye_array(B.shape[0], format="csc") - B).tocsc()).solve
    except RuntimeError:  # exactly singular
        return lambda residual: np.full_like(residual, np.inf)
