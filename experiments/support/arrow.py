"""Arrow columns from NumPy arrays and lists of texts, made of their bytes.

`pyarrow.array` would import pandas to ask whether it was given one of its columns: half a second in every
worker, and forty megabytes.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray


def numbers(
    values: NDArray[Any], kind: pa.DataType | None = None, absent: NDArray[np.bool_] | None = None
) -> pa.Array:
    """A column of numbers or booleans, null where `absent` says so; `kind` a type of as many bytes."""
    kind = kind or pa.from_numpy_dtype(values.dtype)
    data = np.packbits(values, bitorder="little") if values.dtype == bool else np.ascontiguousarray(values)
    validity = None if absent is None else pa.py_buffer(np.packbits(~absent, bitorder="little").tobytes())
    return pa.Array.from_buffers(kind, len(values), [validity, pa.py_buffer(data.tobytes())])


def texts(values: Sequence[str]) -> pa.Array:
    """A column of texts."""
    encoded = [value.encode() for value in values]
    offsets = np.zeros(len(encoded) + 1, np.int32)
    np.cumsum([len(value) for value in encoded], out=offsets[1:])
    buffers = [None, pa.py_buffer(offsets.tobytes()), pa.py_buffer(b"".join(encoded))]
    return pa.Array.from_buffers(pa.string(), len(encoded), buffers)
