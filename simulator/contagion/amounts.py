"""What the functions on sales, funds and prices take: numbers, arrays of one shape, tables of holdings."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hashcredit.simulator.contagion.errors import ContagionError

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]

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
        low = f"{'>=' if self.with_low else '>'} {self.low:g}" if np.isfinite(self.low) else ""
        high = f"{'<=' if self.with_high else '<'} {self.high:g}" if np.isfinite(self.high) else ""
        return " and ".join(part for part in (low, high) if part)


ANY = Range()
AMOUNT = Range(0.0)
POSITIVE = Range(0.0, with_low=False)
SHARE = Range(0.0, 1.0)


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


def as_list(name: str, value: Any, inside: Range = ANY, size: int | None = None) -> Floats:
    """A new vector of finite numbers inside a range; with a size, one number serves all."""
    allowed = f"{'a list of' if size is None else size} finite numbers {inside}".rstrip()
    vector = as_array(name, value, allowed)
    if size is not None and vector.ndim == 0:
        vector = np.full(size, vector)
    if vector.ndim != 1 or (size is not None and len(vector) != size):
        raise ContagionError(name, f"shape {vector.shape}", allowed)
    _refuse(name, vector, inside)
    return vector.copy()


def as_holdings(name: str, value: Any, holders: int | None = None, assets: int | None = None) -> Holdings:
    """A table of finite numbers >= 0, one row a holder and one column an asset, stored by row.

    Dense or SciPy sparse; duplicates in a sparse matrix are added, zeros dropped. The argument is not
    changed.
    """
    if hasattr(value, "tocoo"):
        entries = value.tocoo()
        shape = entries.shape
        _check_shape(name, shape, holders, assets)
        rows, columns = entries.coords if hasattr(entries, "coords") else (entries.row, entries.col)
        amounts = as_array(name, entries.data, TABLE)
        order = np.lexsort((columns, rows))
        rows, columns, amounts = rows[order].astype(np.int64), columns[order].astype(np.int64), amounts[order]
    else:
        dense = as_array(name, value, TABLE)
        shape = dense.shape
        _check_shape(name, shape, holders, assets)
        rows, columns = np.nonzero(dense)
        amounts = dense[rows, columns]
    _refuse(name, amounts, AMOUNT, (rows, columns))
    first = np.ones(len(rows), np.bool_)
    first[1:] = (np.diff(rows) != 0) | (np.diff(columns) != 0)
    if not first.all():
        amounts = np.add.reduceat(amounts, np.flatnonzero(first))
        rows, columns = rows[first], columns[first]
    kept = amounts > 0.0
    rows, columns, amounts = rows[kept], columns[kept], amounts[kept]
    indptr = np.searchsorted(rows, np.arange(shape[0] + 1)).astype(np.int64)
    return Holdings(indptr, columns.astype(np.int64), amounts.copy(), int(shape[1]))


def together(arguments: dict[str, tuple[Any, Range]]) -> list[Floats]:
    """Arrays that NumPy can broadcast to one shape, each checked, in the order given and in that shape."""
    arrays = []
    for name, (value, inside) in arguments.items():
        array = as_array(name, value, f"finite numbers {inside}".rstrip())
        _refuse(name, array, inside)
        arrays.append(array)
    try:
        return [np.array(array) for array in np.broadcast_arrays(*arrays)]
    except ValueError:
        shapes = ", ".join(f"{name} {array.shape}" for name, array in zip(arguments, arrays, strict=True))
        raise ContagionError("arguments", shapes, "shapes that NumPy can broadcast to one") from None


def plain(array: Any) -> Any:
    """A number if the array is one, else the array."""
    return array.item() if np.ndim(array) == 0 else array


def _sums(places: Integers, amounts: Floats, size: int) -> Floats:
    """Amounts added up by place; NumPy makes whole numbers of none at all."""
    return np.bincount(places, amounts, size).astype(np.float64)


def _check_shape(name: str, shape: Any, holders: int | None, assets: int | None) -> None:
    rows, columns = "holders" if holders is None else holders, "assets" if assets is None else assets
    wanted = f"({rows}, {columns})"
    fits = len(shape) == 2 and holders in (None, shape[0]) and assets in (None, shape[1])
    if not fits:
        raise ContagionError(name, f"shape {tuple(shape)}", f"{TABLE}, of shape {wanted}")


def _refuse(name: str, values: Floats, inside: Range, places: Any = None) -> None:
    """Raise for the first value that is not finite or out of range, saying where it is."""
    wrong = ~inside.holds(values)
    if not wrong.any():
        return
    first = int(np.argmax(wrong))
    allowed = f"a finite number {inside}".rstrip()
    if values.ndim == 0:
        raise ContagionError(name, values.item(), allowed)
    spot = [axis[first] for axis in places] if places else np.unravel_index(first, values.shape)
    raise ContagionError(f"{name}[{', '.join(map(str, spot))}]", values.flat[first].item(), allowed)
