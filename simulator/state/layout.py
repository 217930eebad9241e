"""How numbers lie in memory: types of arrays, and rows that begin with a cache line."""

import numpy as np

FLOAT = np.dtype(np.float64)
INT32 = np.dtype(np.int32)
INT64 = np.dtype(np.int64)
BOOLEAN = np.dtype(np.bool_)

CACHE_LINE = 64
"""Bytes."""


def whole_lines(row: np.dtype) -> np.dtype:
    """A row filled up to whole cache lines, so that in a table each row's first fields share one."""
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
