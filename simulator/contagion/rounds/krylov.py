"""BiCGSTAB in one thread: unlike with BLAS, its bits do not depend on how many processors there are."""

import numpy as np
from numpy.typing import NDArray

from hashcredit.agents.compiled import kernel

Floats = NDArray[np.float64]
Integers = NDArray[np.int32]


@kernel
def dot(a: Floats, b: Floats) -> float:
    """Inner product."""
    total = 0.0
    for i in range(len(a)):
        total += a[i] * b[i]
    return total


@kernel
def less_product(indptr: Integers, indices: Integers, values: Floats, v: Floats, out: Floats) -> None:
    """Write v - B v into `out`."""
    for i in range(len(v)):
        total = 0.0
        for link in range(indptr[i], indptr[i + 1]):
            total += values[link] * v[indices[link]]
        out[i] = v[i] - total


@kernel
def bicgstab(
    indptr: Integers,
    indices: Integers,
    values: Floats,
    right: Floats,
    tolerance: float,
    steps: int,
    x: Floats,
    work: Floats,
) -> float:
    """Write an approximate solution of x - B x = right into x; return the part of the residual that is left.

    Starts from 0 and ends at the tolerance, after so many steps, or where the method breaks down (van der
    Vorst 1992). Work array of any content: work[6, m].
    """
    r, shadow, p, v, s, t = work[0], work[1], work[2], work[3], work[4], work[5]
    x[:] = 0.0
    r[:] = right
    shadow[:] = right
    p[:] = 0.0
    v[:] = 0.0
    first = dot(right, right)
    rho, alpha, omega = 1.0, 1.0, 1.0
    for _ in range(steps):
        if dot(r, r) <= tolerance * tolerance * first or rho == 0.0 or omega == 0.0:
            break
        last, rho = rho, dot(shadow, r)
        beta = (rho / last) * (alpha / omega)
        for i in range(len(p)):
            p[i] = r[i] + beta * (p[i] - omega * v[i])
        less_product(indptr, indices, values, p, v)
        against = dot(shadow, v)
        if against == 0.0:
            break
        alpha = rho / against
        for i in range(len(s)):
            s[i] = r[i] - alpha * v[i]
        less_product(indptr, indices, values, s, t)
        length = dot(t, t)
        omega = dot(t, s) / length if length > 0.0 else 0.0
        for i in range(len(x)):
            x[i] += alpha * p[i] + omega * s[i]
            r[i] = s[i] - omega * t[i]
    less_product(indptr, indices, values, x, t)
    for i in range(len(t)):
        t[i] = right[i] - t[i]
    return np.sqrt(dot(t, t) / first) if first > 0.0 else 0.0
