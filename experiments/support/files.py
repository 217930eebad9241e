"""Files that are on disk whole or not at all, also after a kill or a power cut."""

import csv
import errno
import fcntl
import io
import os
import re
import secrets
import socket
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from hashcredit.simulator.errors import ScenarioError
from hashcredit.simulator.inputs import read_regular

Entry = TypeVar("Entry")

STALE_SECONDS = 86_400.0
"""Age at which a half-written file of another machine is taken for abandoned."""

NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK)
NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP)

_PARTIAL = re.compile(r"\..+\.(?P<host>[^~]+)~(?P<pid>\d+)~[0-9a-f]{8}\.partial")


def write_whole(path: Path, write: Callable[[BinaryIO], Any], *, replace: bool = True) -> None:
    """Write a file under another name, make sure that it is on disk, and rename it.

    Two processes may write the same file at once; one of the two is there afterwards, whole: the last, or
    without `replace` the first, and the other has a FileExistsError. OSError leaves what was there before.
    """
    partial = path.with_name(f".{path.name}.{host_name()}~{os.getpid()}~{secrets.token_hex(4)}.partial")
    try:
        with open(partial, "wb") as handle:
            write(handle)
            handle.flush()
            os.fsync(handle.fileno())
        if replace:
            partial.replace(path)
        else:
            _put_first(partial, path)
    except BaseException:
        with suppress(OSError):
            partial.unlink()
        raise
    sync_folder(path.parent)


def _put_first(partial: Path, path: Path) -> None:
    """Give a file its name unless another has it; where a file has one name only, that is looked at first."""
    try:
        os.link(partial, path)
    except OSError as error:
        if error.errno not in NO_LINKS:
            raise
        if os.path.lexists(path):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path)) from None
        partial.replace(path)
    else:
        partial.unlink()


@contextmanager
def locked(path: Path, waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Wait until no other process of this machine is in a block with the same lock file.

    `waiting` is called once if there is one. Some network file systems have no locks: there nobody waits, and
    `write_whole` is all there is.
    """
    descriptor = open_lock(path)
    try:
        if not _try_lock(descriptor):
            waiting()
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def open_lock(path: Path) -> int:
    """A lock file, made if there is none; OSError for a FIFO or a device in its place."""
    flags = os.O_RDWR | os.O_CREAT | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW
    descriptor = os.open(path, flags, 0o666)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, f"{path.name} is no regular file", str(path))
    return descriptor


def _try_lock(descriptor: int) -> bool:
    """Take a lock if nobody has it; where there are no locks everybody may go on."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise
    return True


def write_text(path: Path, text: str) -> None:
    """Write a text in UTF-8 as `write_whole` does."""
    write_whole(path, lambda handle: handle.write(text.encode()))


def read_csv(file: Path, columns: Sequence[str], entry: Callable[[dict[str, str]], Entry]) -> list[Entry]:
    """What `entry` makes of each line; ScenarioError where the file is no CSV file with these columns."""
    try:
        text = read_regular(file).decode()
        return [entry(line) for line in csv.DictReader(io.StringIO(text, newline=""))]
    except (OSError, ValueError, KeyError, TypeError, csv.Error) as error:
        wanted = f"a CSV file with {', '.join(columns)}; {error}"
        raise ScenarioError("reference", str(file), wanted) from None


def sync_folder(folder: Path) -> None:
    """Make sure that a name given in a folder outlives a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    with suppress(OSError):  # some file systems cannot
        os.fsync(descriptor)
    os.close(descriptor)


def remove_abandoned(folder: Path) -> int:
    """Remove half-written files whose writer is gone; return how many there were.

    A writer on this machine is gone if no process has its number; of one on another machine only the age of
    the file tells.
    """
    removed = 0
    for path in folder.glob(".*.partial"):
        found = _PARTIAL.fullmatch(path.name)
        if found is None:
            continue
        with suppress(OSError):  # its writer may just have finished, or removed it
            here = found["host"] == host_name()
            gone = not is_running(int(found["pid"])) if here else False
            if gone or time.time() - path.stat().st_mtime > STALE_SECONDS:
                path.unlink()
                removed += 1
    return removed


def reason_of(error: OSError) -> str:
    """What the system says about an error, in lower case and without the file's name."""
    return (error.strerror or os.strerror(error.errno or errno.EIO)).lower()


def host_name() -> str:
    """Name of this machine as it may stand in the name of a file."""
    return re.sub(r"[^\w.-]", "-", socket.gethostname()) or "host"


def is_running(pid: int) -> bool:
    """Whether this machine has a process of this number."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True
