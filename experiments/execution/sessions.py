"""The logs of the processes that lead a study: who they are, whether they are at work, and how fast."""

import json
import os
import socket
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from hashcredit.experiments.store.store import SESSIONS
from hashcredit.experiments.support.files import is_running
from hashcredit.simulator.inputs import open_regular

ALIVE = timedelta(minutes=2)
"""A session that has written nothing for this long counts as gone: a block takes half a minute."""

WINDOW = timedelta(minutes=5)
"""What the present speed is measured over."""

TAIL = 1 << 18
"""Bytes at the end of a log that are read: more lines than a session writes in the window."""


@dataclass(frozen=True)
class Session:
    """One process that led the work."""

    name: str
    """Of its log: when it began, its host and its number there."""
    executor: str
    workers: int
    processor: str
    code: str
    started: datetime
    last: datetime
    """When it wrote its last line."""
    is_alive: bool
    rate: float
    """Runs a second over the last minutes."""


def read_sessions(folder: Path, now: datetime) -> list[Session]:
    """Sessions of a study, the oldest first; logs without a whole line are left out."""
    found = (_session(path, now) for path in sorted((folder / SESSIONS).glob("*.jsonl")))
    return sorted((session for session in found if session is not None), key=lambda session: session.started)


def _session(path: Path, now: datetime) -> Session | None:
    try:
        with open_regular(path) as handle:
            head = _lines(handle.readline())
            size = handle.seek(0, os.SEEK_END)
            handle.seek(max(0, size - TAIL))
            tail = handle.read()
    except OSError:
        return None
    is_cut = size > TAIL
    lines = _lines(tail.partition(b"\n")[2] if is_cut else tail)
    if not head or head[0]["event"] != "session" or not lines:
        return None
    facts, started, last = head[0], head[0]["time"], lines[-1]["time"]
    ended = lines[-1]["event"] == "end" or not _may_run(path.stem)
    since = max(now - WINDOW, lines[0]["time"] if is_cut else started)
    runs = sum(
        int(line.get("runs", 0)) for line in lines if line["event"] == "done" and line["time"] >= since
    )
    return Session(
        name=path.stem,
        executor=str(facts.get("executor", "")),
        workers=int(facts.get("workers", 0)),
        processor=str(facts.get("cpu", "")),
        code=str(facts.get("code", "")),
        started=started,
        last=last,
        is_alive=not ended and now - last <= ALIVE,
        rate=runs / max((now - since).total_seconds(), 1e-3),
    )


def _lines(content: bytes) -> list[dict[str, Any]]:
    """Lines of a log with their times; one that was cut off by a kill or a full disk is left out."""
    lines = []
    for text in content.splitlines():
        try:
            line = json.loads(text)
            time = datetime.fromisoformat(line["time"]).astimezone(UTC)
            lines.append({**line, "event": str(line["event"]), "time": time})
        except (ValueError, TypeError, KeyError):
            continue
    return lines


def _may_run(name: str) -> bool:
    """Whether a session's process may be there: known of those on this machine."""
    host, _, number = name.partition("-")[2].rpartition("-")
    if host != socket.gethostname() or not number.isdigit():
        return True
    return is_running(int(number))
