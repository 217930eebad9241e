"""How an array of an economy is declared: once, with its row, its shape, its role and what it means."""

from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np

from hashcredit.agents.rows import CACHE_LINE


class Role(Enum):
    """What becomes of an array between the replicates of a setup, and at the end."""

    STATE = "cleared for each replicate, checked and reported"
    LOG = "written week by week, as long as the caller wants it"
    GIVEN = "networks and paths that all replicates share; nothing writes to it"
    SCRATCH = "worked in, never reported"


@dataclass(frozen=True)
class Field:
    """One array: `shape` has a length or the name of a size (`prepare.sizes`) for each dimension."""

    dtype: np.dtype
    shape: tuple[int | str, ...]
    role: Role
    meaning: str
    cleared: bool
    start: int = 0

    @property
    def is_table(self) -> bool:
        """Whether its entries are rows with fields."""
        return self.dtype.names is not None

    def fits(self, shape: tuple[int, ...]) -> bool:
        """Whether an array of that shape can be this one, whatever the setup."""
        pairs = zip(self.shape, shape, strict=False)
        return len(shape) == len(self.shape) and all(a == b for a, b in pairs if isinstance(a, int))

    def make(self, sizes: dict[str, int]) -> np.ndarray:
        """The array as a run finds it; a table begins with a cache line, so that first fields share one."""
        shape = [sizes[length] if isinstance(length, str) else length for length in self.shape]
        if not self.is_table:
            return np.full(shape, self.start, self.dtype) if self.start else np.zeros(shape, self.dtype)
        size = int(np.prod(shape)) * self.dtype.itemsize
        memory = np.zeros(size + CACHE_LINE, np.uint8)
        first = -memory.ctypes.data % CACHE_LINE
        return memory[first : first + size].view(self.dtype).reshape(shape)


Shape = int | str | tuple[int | str, ...]


def _field(dtype: np.dtype, shape: Shape, role: Role, meaning: str, cleared: bool, start: int = 0) -> Any:
    lengths = shape if isinstance(shape, tuple) else (shape,)
    return Field(dtype, lengths, role, meaning, cleared, start)


def state(dtype: np.dtype, shape: Shape, meaning: str) -> Any:
    """Declare an array of the state; as the next three, it stands for an attribute of `Economy`."""
    return _field(dtype, shape, Role.STATE, meaning, True)


def log(dtype: np.dtype, shape: Shape, meaning: str) -> Any:
    """Declare an array that is written week by week."""
    return _field(dtype, shape, Role.LOG, meaning, False)


def given(dtype: np.dtype, dimensions: int, meaning: str) -> Any:
    """Declare an array that a setup brings along, of any lengths."""
    return _field(dtype, ("any",) * dimensions, Role.GIVEN, meaning, False)


def scratch(dtype: np.dtype, shape: Shape, meaning: str, *, cleared: bool = False, start: int = 0) -> Any:
    """Declare an array to work in. Every use leaves it ready for the next one, unless it is cleared."""
    return _field(dtype, shape, Role.SCRATCH, meaning, cleared, start)


def fields_of(declaration: type) -> dict[str, Field]:
    """The arrays that a class declares, by name and in order."""
    return {name: field for name, field in vars(declaration).items() if isinstance(field, Field)}
