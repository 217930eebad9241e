"""What the public functions take: networks as matrices of any kind, vectors, shares, names; all checked."""

import difflib
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hashcredit.simulator.contagion.errors import ContagionError

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]

MATRIX = "a square matrix of numbers: an array, nested lists or a SciPy sparse matrix"


class Network(NamedTuple):
    """A weighted directed network in compressed rows (CSR); no zeros, no duplicates, columns in order."""

    indptr: Integers  # [n + 1]
    indices: Integers  # [links]
    values: Floats  # [links]

    @property
    def nodes(self) -> int:
        return len(self.indptr) - 1

    def rows(self) -> Integers:
        """The row of every link."""
        return np.repeat(np.arange(self.nodes), np.diff(self.indptr))

    def row_sums(self) -> Floats:
        return np.bincount(self.rows(), self.values, self.nodes).astype(np.float64)

    def transposed(self) -> "Network":
        """The same links by column."""
        turned = self.sparse().tocsc()
        return Network(turned.indptr.astype(np.int64), turned.indices.astype(np.int64), turned.data)

    def sparse(self) -> Any:
        """As a SciPy matrix."""
        from scipy.sparse import csr_array

        return csr_array((self.values, self.indices, self.indptr), shape=(self.nodes, self.nodes))


def as_network(name: str, value: Any) -> Network:
    """Check a square matrix of finite numbers >= 0 with an empty diagonal and store its links by row.

    Dense or SciPy sparse; duplicates in a sparse matrix are added, explicit zeros dropped. The argument is
    not changed. Raises ContagionError with the first offending entry.
    """
    if hasattr(value, "tocoo"):
        links = value.tocoo()
        if len(links.shape) != 2:
            raise ContagionError(name, links.shape, MATRIX)
        nodes = _square(name, links.shape)
        rows, columns = links.coords if hasattr(links, "coords") else (links.row, links.col)
        amounts = _numbers(name, links.data, MATRIX)
    else:
        dense = _numbers(name, value, MATRIX)
        if dense.size == 0 and dense.ndim == 1:
            dense = dense.reshape(0, 0)
        nodes = _square(name, dense.shape)
        rows, columns = np.nonzero(dense)
        amounts = dense[rows, columns]
    _refuse(name, amounts, ~(np.isfinite(amounts) & (amounts >= 0.0)), "finite amounts >= 0", (rows, columns))
    kept = amounts != 0.0
    rows, columns, amounts = rows[kept].astype(np.int64), columns[kept].astype(np.int64), amounts[kept]
    _refuse(name, amounts, rows == columns, "0: nobody has a claim on itself", (rows, columns))
    keys = rows * nodes + columns
    if np.any(np.diff(keys) <= 0):
        keys, place = np.unique(keys, return_inverse=True)
        amounts = np.bincount(place, amounts, len(keys)).astype(np.float64)
        rows, columns = keys // max(nodes, 1), keys % max(nodes, 1)
    indptr = np.searchsorted(rows, np.arange(nodes + 1)).astype(np.int64)
    return Network(indptr, columns, amounts)


def as_vector(
    name: str, value: Any, nodes: int, low: float = -np.inf, high: float = np.inf, scalar: bool = False
) -> Floats:
    """Check one finite number a node within [low, high]; a new array. With `scalar`, one may serve all."""
    wanted = f"{nodes} finite numbers" + _bounds(low, high)
    vector = _numbers(name, value, wanted)
    if scalar and vector.ndim == 0:
        vector = np.full(nodes, vector)
    if vector.shape != (nodes,):
        raise ContagionError(name, f"shape {vector.shape}", wanted + (", or one number" if scalar else ""))
    allowed = "a finite number" + _bounds(low, high)
    _refuse(name, vector, ~(np.isfinite(vector) & (vector >= low) & (vector <= high)), allowed)
    return vector.copy()


def as_share(name: str, value: Any) -> float:
    """Check one number within [0, 1]."""
    allowed = "a number from 0 to 1"
    number = _numbers(name, value, allowed)
    if number.ndim != 0 or not 0.0 <= number <= 1.0:
        raise ContagionError(name, value, allowed)
    return float(number)


def as_mask(name: str, value: Any, nodes: int) -> Booleans:
    """Check which nodes are meant: `nodes` booleans, or the numbers of the nodes; a new array of booleans.

    Whole numbers that are all 0 or 1, one a node, are booleans unless they could be numbers of nodes, too.
    """
    allowed = f"{nodes} booleans, or numbers of nodes from 0 to {nodes - 1}"
    try:
        array = np.asarray(value)
    except ValueError:
        raise ContagionError(name, value, allowed) from None
    if array.dtype == np.bool_ and array.shape == (nodes,):
        return array.copy()
    if array.size == 0 and array.ndim == 1:
        return np.zeros(nodes, np.bool_)
    if array.dtype.kind not in "iu" or array.ndim > 1:
        raise ContagionError(name, value, allowed)
    numbers = np.atleast_1d(array)
    outside = (numbers < 0) | (numbers >= nodes)
    if array.shape == (nodes,) and np.all(numbers <= 1) and np.all(numbers >= 0):
        if not outside.any() and len(np.unique(numbers)) == nodes:
            raise ContagionError(name, value, "booleans: these could be numbers of nodes as well")
        return numbers == 1
    _refuse(name, numbers, outside, allowed)
    mask = np.zeros(nodes, np.bool_)
    mask[numbers] = True
    return mask


def as_choice(name: str, value: Any, choices: Sequence[str]) -> str:
    """Check one of a few names; a near miss is pointed out."""
    if isinstance(value, str) and value in choices:
        return value
    near = difflib.get_close_matches(str(value).lower(), choices, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise ContagionError(name, value, " or ".join(map(repr, choices)) + hint)


def _numbers(name: str, value: Any, allowed: str) -> Floats:
    """An array of float64; texts, complex numbers and ragged lists are refused."""
    try:
        array = np.asarray(value)
        if array.dtype.kind not in "biufO":
            raise TypeError
        return array.astype(np.float64, copy=False)
    except (TypeError, ValueError):
        raise ContagionError(name, value, allowed) from None


def _square(name: str, shape: tuple[int, ...]) -> int:
    if len(shape) != 2 or shape[0] != shape[1]:
        raise ContagionError(name, f"shape {shape}", MATRIX)
    return shape[0]


def _refuse(name: str, values: Any, wrong: Any, allowed: str, places: Any = None) -> None:
    """Raise for the first value that is wrong, saying where it is."""
    if not wrong.any():
        return
    first = int(np.argmax(wrong))
    place = ", ".join(str(axis[first]) for axis in places) if places else str(first)
    raise ContagionError(f"{name}[{place}]", values[first].item(), allowed)


def _bounds(low: float, high: float) -> str:
    if np.isinf(low):
        return ""
    return f" >= {low:g}" if np.isinf(high) else f" from {low:g} to {high:g}"
