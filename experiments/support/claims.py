"""A name that one process at a time may fill: who comes second is told at once by whom it is taken."""

import fcntl
import json
import os
import re
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from hashcredit.experiments.support.files import NO_LOCKS, host_name, open_lock

_PARTIAL = re.compile(r"\.hashcredit\.[0-9a-f]{12}\.partial")


class TakenError(Exception):
    """Somebody else has the name; the argument says who, in words."""


class Claim:
    """A lock file beside a name, held until `release`; the system lets it go when its process ends.

    A process that was killed cannot remove what it has half made. So the lock file says what that is, and who
    takes the name next removes it. Where a file system has no locks everybody gets the name, and only the
    last step, a rename, decides.
    """

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor: int | None = descriptor

    @classmethod
    def take(cls, path: Path, partial: Path) -> Self:
        """Claim a name by its lock file for a process that will fill `partial`, a folder beside that.

        Raises TakenError, and OSError where no lock file can be made.
        """
        while True:
            descriptor = open_lock(path)
            try:
                has_locks = _lock(descriptor)
                if _is_the_file_at(path, descriptor):  # its last holder may just have removed it
                    break
            except BaseException:
                os.close(descriptor)
                raise
            os.close(descriptor)
        if has_locks:
            _remove_remains(path.parent, descriptor)
        note = {"host": host_name(), "pid": os.getpid(), "partial": partial.name}
        note["since"] = datetime.now(UTC).isoformat(timespec="seconds")
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(note).encode(), 0)
        return cls(path, descriptor)

    def release(self) -> None:
        """Let the name go and remove the lock file; once is enough."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            if _is_the_file_at(self.path, descriptor):
                self.path.unlink()
            os.close(descriptor)


def _lock(descriptor: int) -> bool:
    """Lock a file, and whether that means anything here; TakenError if another process has it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise TakenError(_holder(descriptor)) from None
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise
        return False
    return True


def _is_the_file_at(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.stat(path, follow_symlinks=False), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _note(descriptor: int) -> dict[str, object]:
    """What a lock file says; nothing if its holder was killed before it had said it."""
    try:
        found = json.loads(os.pread(descriptor, 4096, 0))
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _holder(descriptor: int) -> str:
    note = _note(descriptor)
    if not {"pid", "host", "since"} <= set(note):
        return "another command"
    return f"another command (process {note['pid']} on {note['host']}, since {note['since']})"


def _remove_remains(folder: Path, descriptor: int) -> None:
    """Remove what the last holder, who was killed, had half made."""
    name = str(_note(descriptor).get("partial", ""))
    if _PARTIAL.fullmatch(name):
        for remains in (folder / name, (folder / name).with_suffix(".discarded")):
            shutil.rmtree(remains, ignore_errors=True)
