"""Reading files that somebody names: regular ones only, wherever the name comes from.

A FIFO waits for a writer that may never come, a device such as /dev/zero has no end, and a folder is no file.
So what a name leads to is looked at before it is opened.
"""

import errno
import os
import stat
from io import BufferedReader
from pathlib import Path


def open_regular(path: str | Path) -> BufferedReader:
    """Open a file to read bytes; OSError says what is in its place if that is no regular file."""
    try:
        _require_regular(path, os.stat(path).st_mode)
        # What lies there may have changed since: this open waits for nobody, and is looked at again.
        handle = os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb")
    except ValueError:  # a null character
        raise OSError(errno.EINVAL, "no file has a name with a null character", str(path)) from None
    try:
        _require_regular(path, os.fstat(handle.fileno()).st_mode)
    except OSError:
        handle.close()
        raise
    return handle


def read_regular(path: str | Path) -> bytes:
    """Content of a file; OSError as `open_regular`."""
    with open_regular(path) as handle:
        return handle.read()


def _require_regular(path: str | Path, mode: int) -> None:
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, "this is a folder", str(path))
    if not stat.S_ISREG(mode):
        kind = next((words for test, words in _KINDS if test(mode)), "no file")
        raise OSError(errno.EINVAL, f"this is {kind}, not a regular file", str(path))


_KINDS = (
    (stat.S_ISFIFO, "a FIFO"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISSOCK, "a socket"),
)
