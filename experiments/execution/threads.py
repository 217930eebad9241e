"""One process, one thread: libraries that start threads of their own slow each other down."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

THREAD_VARIABLES = ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""Read by libraries when they are imported, so they are set before a worker imports anything."""


@contextmanager
def one_thread() -> Iterator[None]:
    """Processes that are started inside compute with one thread each."""
    before = {name: os.environ.get(name) for name in THREAD_VARIABLES}
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
