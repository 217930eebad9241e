"""How a row of a table is declared: its columns, from which its layout in memory and its reports follow."""

from collections.abc import Iterable
from enum import Enum, IntEnum
from typing import Any, NamedTuple

import numpy as np

from hashcredit.agents.dimensions import MACHINE_TYPES

CACHE_LINE = 64
"""Bytes."""


class Types(Enum):
    """What a scenario names, in place of codes that the program names."""

    MACHINES = MACHINE_TYPES


MACHINES = Types.MACHINES
"""Machine types of the scenario: a column by them, or of their places in its list."""

Names = type[IntEnum] | Types


class Column(NamedTuple):
    """One field of a row."""

    name: str
    kind: str
    """NumPy's code of its type."""
    meaning: str
    unit: str = ""
    """Empty: a code, a count or a pure number."""
    shape: tuple[int, ...] = ()
    """Of a working field with several entries; such a field is not reported."""
    by: Names | None = None
    """What its entries stand for; each gets a column in reports."""
    codes: Names | None = None
    """Names of its values."""
    term: str = ""
    """Field of the scenario that it starts with, and follows when that changes; see `books.terms`."""
    hidden: bool = False
    """A working field, no part of reports."""
    label: str = ""
    """Its name in reports; empty: the same."""

    @property
    def lengths(self) -> tuple[int, ...]:
        """Shape in memory."""
        if self.by is None:
            return self.shape
        return (self.by.value,) if isinstance(self.by, Types) else (len(self.by),)

    @property
    def is_reported(self) -> bool:
        return not (self.hidden or self.shape)


def row(*columns: Column, whole_lines: bool = False) -> np.dtype:
    """Type of the rows of a table.

    whole_lines    fill a row up to whole cache lines, so that in a table each row's first fields share one
    """
    dtype = aligned((column.name, column.kind, column.lengths) for column in columns)
    dtype = _in_whole_lines(dtype) if whole_lines else dtype
    _COLUMNS[dtype] = columns
    return dtype


def columns_of(dtype: np.dtype) -> tuple[Column, ...]:
    """The columns from which `row` made a type."""
    return _COLUMNS[dtype]


def aligned(fields: Iterable[Any]) -> np.dtype:
    """Type of a row of (name, type, shape), laid out as compiled code wants it.

    It shows its fields as attributes in plain Python too.
    """
    return np.dtype((np.record, np.dtype(list(fields), align=True)))


_COLUMNS: dict[np.dtype, tuple[Column, ...]] = {}


def _in_whole_lines(row: np.dtype) -> np.dtype:
    assert row.names is not None and row.fields is not None
    lines = np.dtype(
        {
            "names": row.names,
            "formats": [row.fields[name][0] for name in row.names],
            "offsets": [row.fields[name][1] for name in row.names],
            "itemsize": -(-row.itemsize // CACHE_LINE) * CACHE_LINE,
        }
    )
    return np.dtype((np.record, lines))
