"""The points of a study: one array a factor."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np


@dataclass(frozen=True, eq=False)
class Points:
    """Every point of a study, column by column.

    A study without factors has one point and no column.
    """

    names: tuple[str, ...]
    """Factors, in the order of the columns."""
    columns: tuple[np.ndarray, ...]
    """One array a factor, all of the same length: float64, int64, bool, or object (texts, lists, tables)."""
    unit: np.ndarray | None = None
    """What a saltelli or morris design drew, float64 (points, factors) in [0, 1]: the inputs that SALib's
    analysers ask for."""

    def __len__(self) -> int:
        return len(self.columns[0]) if self.columns else 1

    def changes(self, point: int) -> dict[str, Any]:
        """Values of a point by name as plain Python values, for `Scenario.with_changes`.

        The factor 'scenario' is among them, as the name of a base.
        """
        if not 0 <= point < len(self):
            raise IndexError(f"point {point} of {len(self)}")
        return {
            name: column[point] if column.dtype == object else column[point].item()
            for name, column in zip(self.names, self.columns, strict=True)
        }

    @cached_property
    def first(self) -> np.ndarray:
        """For each point the first one that is identical, itself where it is the first; int64 (points,)."""
        count = len(self)
        key = np.zeros(count, np.int64)
        for column in self.columns:
            codes, kinds = _codes(column)
            if kinds == count:
                return np.arange(count)
            # Neither exceeds the number of points, ten million: the product fits in 64 bits.
            _, key = np.unique(key * kinds + codes, return_inverse=True)
        _, first, inverse = np.unique(key, return_index=True, return_inverse=True)
        return np.asarray(first[inverse], np.int64)

    def first_repeat(self) -> tuple[int, int] | None:
        """The first point that was there before, and where; None if all differ."""
        repeated = np.flatnonzero(self.first != np.arange(len(self)))
        return (int(self.first[repeated[0]]), int(repeated[0])) if len(repeated) else None


def crossed(parts: Sequence[Points]) -> Points:
    """Every combination of the points of several parts, the first part outermost."""
    total = int(np.prod([len(part) for part in parts]))
    names: list[str] = []
    columns: list[np.ndarray] = []
    outer = 1
    for part in parts:
        inner = total // (outer * len(part))
        names += part.names
        columns += [np.tile(np.repeat(column, inner), outer) for column in part.columns]
        outer *= len(part)
    return Points(tuple(names), tuple(columns))


def _codes(column: np.ndarray) -> tuple[np.ndarray, int]:
    """Whole numbers from 0 that are equal where values are, and how many there are."""
    if column.dtype != object:
        values, codes = np.unique(column, return_inverse=True)
        return codes, len(values)
    numbers: dict[Any, int] = {}
    codes = np.fromiter((numbers.setdefault(_key(v), len(numbers)) for v in column), np.int64, len(column))
    return codes, len(numbers)


def _key(value: Any) -> Any:
    """The value itself if it is a text, else something hashable of the same content."""
    return value if isinstance(value, str) else (repr(value),)
