"""What the public functions take, checked: numbers, vectors, networks, tables of holdings, masks, names."""

import difflib
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hashcredit.simulator.contagion.errors import ContagionError

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]

MATRIX = "a square matrix of numbers: an array, nested lists or a SciPy sparse matrix"
TABLE = "a table of finite numbers >= 0, an array, nested lists or a SciPy sparse matrix"


class Range(NamedTuple):
    """Numbers that an argument may take: from `low` to `high`, the ends themselves included or not."""

    low: float = -np.inf
    high: float = np.inf
    with_low: bool = True
    with_high: bool = True

    def holds(self, value: Any) -> Any:
        """Which of the values are finite and inside."""
        above = value >= self.low if self.with_low else value > self.low
        below = value <= self.high if self.with_high else value < self.high
        return np.isfinite(value) & above & below

    def __str__(self) -> str:
        if self.with_low and self.with_high and np.isfinite([self.low, self.high]).all():
            return f"from {self.low:g} to {self.high:g}"
        low = f"{'>=' if self.with_low else '>'} {self.low:g}" if np.isfinite(self.low) else ""
        high = f"{'<=' if self.with_high else '<'} {self.high:g}" if np.isfinite(self.high) else ""
        return " and ".join(part for part in (low, high) if part)


ANY = Range()
AMOUNT = Range(0.0)
POSITIVE = Range(0.0, with_low=False)
SHARE = Range(0.0, 1.0)


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


class Holdings(NamedTuple):
    """Who holds how much of what, in compressed rows (CSR): one row a holder; no zeros, columns in order."""

    indptr: Integers  # [holders + 1]
    indices: Integers  # [entries]
    values: Floats  # [entries]
    assets: int

    @property
    def holders(self) -> int:
        return len(self.indptr) - 1

    def rows(self) -> Integers:
        """The holder of every entry."""
        return np.repeat(np.arange(self.holders), np.diff(self.indptr))

    def of_holders(self, each: Any = 1.0) -> Floats:
        """Sum over the assets of each holder; `each` weighs the assets."""
        weights = np.broadcast_to(np.asarray(each, np.float64), self.assets)
        return _sums(self.rows(), self.values * weights[self.indices], self.holders)

    def of_assets(self, each: Any = 1.0) -> Floats:
        """Sum over the holders of each asset; `each` weighs the holders."""
        weights = np.broadcast_to(np.asarray(each, np.float64), self.holders)
        return _sums(self.indices, self.values * weights[self.rows()], self.assets)


def as_array(name: str, value: Any, allowed: str) -> Floats:
    """Numbers of any shape as float64; texts, complex numbers and ragged lists are refused."""
    try:
        array = np.asarray(value)
        if array.dtype.kind not in "biufO":
            raise TypeError
        return array.astype(np.float64, copy=False)
    except (TypeError, ValueError):
        raise ContagionError(name, value, allowed) from None


def as_number(name: str, value: Any, inside: Range = ANY) -> float:
    """One finite number inside a range."""
    allowed = f"a finite number {inside}".rstrip()
    number = as_array(name, value, allowed)
    if number.ndim != 0 or not inside.holds(number):
        raise ContagionError(name, value, allowed)
    return float(number)


def as_whole(name: str, value: Any, low: int) -> int:
    """One whole number, at least `low`."""
    allowed = f"a whole number >= {low}"
    number = as_number(name, value)
    if isinstance(value, bool | np.bool_) or number != int(number) or number < low:
        raise ContagionError(name, value, allowed)
    return int(number)


def as_list(
    name: str, value: Any, inside: Range = ANY, size: int | None = None, one_for_all: bool = True
) -> Floats:
    """A new vector of finite numbers inside a range; with a size, one number may serve all."""
    allowed = f"{'a list of' if size is None else size} finite numbers {inside}".rstrip()
    repeats = size is not None and one_for_all
    if repeats:
        allowed += ", or one number"
    vector = as_array(name, value, allowed)
    if repeats and vector.ndim == 0:
        vector = np.full(size or 0, vector)
    if vector.ndim != 1 or (size is not None and len(vector) != size):
        raise ContagionError(name, f"shape {vector.shape}", allowed)
    _refuse(name, vector, ~inside.holds(vector), f"a finite number {inside}".rstrip())
    return vector.copy()


def together(arguments: dict[str, tuple[Any, Range]]) -> list[Floats]:
    """Arrays that NumPy can broadcast to one shape, each checked, in the order given and in that shape."""
    arrays = []
    for name, (value, inside) in arguments.items():
        array = as_array(name, value, f"finite numbers {inside}".rstrip())
        _refuse(name, array, ~inside.holds(array), f"a finite number {inside}".rstrip())
        arrays.append(array)
    try:
        return [np.array(array) for array in np.broadcast_arrays(*arrays)]
    except ValueError:
        shapes = ", ".join(f"{name} {array.shape}" for name, array in zip(arguments, arrays, strict=True))
        raise ContagionError("arguments", shapes, "shapes that NumPy can broadcast to one") from None


def as_network(name: str, value: Any) -> Network:
    """Check a square matrix of finite numbers >= 0 with an empty diagonal and store its links by row.

    Dense or SciPy sparse; duplicates in a sparse matrix are added, explicit zeros dropped. The argument is
    not changed. Raises ContagionError with the first offending entry.
    """

    def check(shape: Sequence[int]) -> None:
        if len(shape) != 2 or shape[0] != shape[1]:
            raise ContagionError(name, f"shape {tuple(shape)}", MATRIX)

    if not hasattr(value, "tocoo"):
        value = as_array(name, value, MATRIX)
        if value.size == 0 and value.ndim == 1:
            value = value.reshape(0, 0)
    rows, columns, amounts, shape = _entries(name, value, MATRIX, check)
    _refuse(name, amounts, rows == columns, "0: nobody has a claim on itself", (rows, columns))
    return Network(_starts(rows, shape[0]), columns, amounts)


def as_holdings(name: str, value: Any, holders: int | None = None, assets: int | None = None) -> Holdings:
    """A table of finite numbers >= 0, one row a holder and one column an asset, stored by row.

    Dense or SciPy sparse; duplicates in a sparse matrix are added, zeros dropped. The argument is not
    changed.
    """
    wanted = f"({'holders' if holders is None else holders}, {'assets' if assets is None else assets})"

    def check(shape: Sequence[int]) -> None:
        if len(shape) != 2 or holders not in (None, shape[0]) or assets not in (None, shape[1]):
            raise ContagionError(name, f"shape {tuple(shape)}", f"{TABLE}, of shape {wanted}")

    rows, columns, amounts, shape = _entries(name, value, TABLE, check)
    return Holdings(_starts(rows, shape[0]), columns, amounts, int(shape[1]))


def _entries(
    name: str, value: Any, allowed: str, check: Callable[[Sequence[int]], None]
) -> tuple[Integers, Integers, Floats, Sequence[int]]:
    """Row, column and amount of each entry but zeros, by row, and the shape, which `check` may refuse."""
    if hasattr(value, "tocoo"):
        entries = value.tocoo()
        shape = entries.shape
        check(shape)
        rows, columns = entries.coords if hasattr(entries, "coords") else (entries.row, entries.col)
        amounts = as_array(name, entries.data, allowed)
    else:
        dense = as_array(name, value, allowed)
        shape = dense.shape
        check(shape)
        rows, columns = np.nonzero(dense)
        amounts = dense[rows, columns]
    _refuse(name, amounts, ~AMOUNT.holds(amounts), "finite amounts >= 0", (rows, columns))
    kept = amounts != 0.0
    rows, columns, amounts = rows[kept].astype(np.int64), columns[kept].astype(np.int64), amounts[kept]
    keys = rows * shape[1] + columns
    if np.any(np.diff(keys) <= 0):
        keys, place = np.unique(keys, return_inverse=True)
        amounts = np.bincount(place, amounts, len(keys)).astype(np.float64)
        rows, columns = keys // shape[1], keys % shape[1]
    return rows, columns, amounts, shape


def _starts(rows: Integers, count: int) -> Integers:
    """Where each row begins among the entries, in order, and where the last one ends."""
    return np.searchsorted(rows, np.arange(count + 1)).astype(np.int64)


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
    similar = difflib.get_close_matches(str(value).lower(), choices, n=1)
    hint = f"; did you mean {similar[0]!r}?" if similar else ""
    raise ContagionError(name, value, " or ".join(map(repr, choices)) + hint)


def plain(array: Any) -> Any:
    """A number if the array is one, else the array."""
    return array.item() if np.ndim(array) == 0 else array


def _sums(places: Integers, amounts: Floats, size: int) -> Floats:
    """Amounts added up by place; NumPy makes whole numbers of none at all."""
    return np.bincount(places, amounts, size).astype(np.float64)


def _refuse(name: str, values: Any, wrong: Any, allowed: str, places: Any = None) -> None:
    """Raise for the first value that is wrong, saying where it is: in an array, or among `places`."""
    if not np.any(wrong):
        return
    if values.ndim == 0:
        raise ContagionError(name, values.item(), allowed)
    first = int(np.argmax(wrong))
    spot = [axis[first] for axis in places] if places else np.unravel_index(first, values.shape)
    raise ContagionError(f"{name}[{', '.join(map(str, spot))}]", values.flat[first].item(), allowed)
