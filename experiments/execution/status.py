"""How far a study is, how fast it goes, and which of its runs failed and why."""

import re
import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from hashcredit.experiments.execution.sessions import Session, read_sessions
from hashcredit.experiments.results.results import Results
from hashcredit.experiments.store.store import Store
from hashcredit.experiments.support.progress import duration

LIMIT = 20
"""Failed runs that are shown one by one."""


@dataclass(frozen=True)
class Status:
    """How far a study is; times in seconds."""

    folder: str
    study: str
    title: str
    planned: int
    """Runs of the plan."""
    done: int
    """Of these, with a row, failed ones included."""
    failed: int
    """Rows that say why a run failed."""
    missing: int
    repeated: int
    """Rows of runs that another row has too."""
    strangers: int
    """Rows of runs that the plan does not have."""
    damaged: tuple[str, ...]
    """Chunks that are not what was written, each with what is wrong; a sweep computes their runs again."""
    damaged_inputs: tuple[str, ...]
    """Likewise plan, design and copies; a sweep with the study file writes them anew."""
    codes: dict[str, int]
    """Runs with a row by version of the model's code."""
    scenarios: dict[str, int]
    """Runs with a row by base scenario, its name with the beginning of its digest."""
    bytes: int
    """On disk, everything in the folder."""
    mean_seconds: float | None
    """What a run takes one processor; None before the first."""
    rate: float | None
    """Runs a second over the last minutes of all sessions that are at work; None where nobody is."""
    time_left: float | None
    """Until the study is complete at this rate; None without one."""
    core_seconds_left: float | None
    """What the missing runs take one processor."""
    processors: tuple[str, ...]
    """Kinds of processors that led or did the work, as far as the logs tell."""
    sessions: tuple[Session, ...]
    """Processes that led the work, the oldest first."""

    def to_dict(self) -> dict[str, Any]:
        """All of it, ready for JSON."""
        content = asdict(self)
        for session in content["sessions"]:
            session |= {name: session[name].isoformat() for name in ("started", "last")}
        return content


def status(folder: str | Path, now: datetime | None = None, *, verify: bool = False) -> Status:
    """Look at a study's folder; nothing is changed. With `verify` everything is read.

    Damaged files and torn lines of logs are no error. Raises OutputFolderError where there is no study, or
    one whose manifest or plan is damaged.
    """
    store = Store(Path(folder))
    state = store.state(verify)
    manifest = store.manifest
    planned, done = len(state.done), int(state.done.sum())
    missing = planned - done
    sessions = read_sessions(store.path, now or datetime.now(UTC))
    rates = [session.rate for session in sessions if session.is_alive]
    rate = sum(rates) or None
    mean = state.seconds / state.timed if state.timed else None
    codes, scenarios = _versions(store, state.done)
    return Status(
        folder=str(folder),
        study=str(manifest["study"]["name"]),
        title=str(manifest["study"]["title"]),
        planned=planned,
        done=done,
        failed=state.failed,
        missing=missing,
        repeated=state.repeated,
        strangers=state.strangers,
        damaged=tuple(state.trouble.values()),
        damaged_inputs=tuple(f"{name}: {wrong}" for name, wrong in store.damaged_inputs().items()),
        codes=codes,
        scenarios=scenarios,
        bytes=_bytes(store.path),
        mean_seconds=mean,
        rate=rate,
        time_left=0.0 if not missing else missing / rate if rate else None,
        core_seconds_left=None if mean is None else missing * mean,
        processors=tuple(dict.fromkeys(session.processor for session in sessions if session.processor)),
        sessions=tuple(sessions),
    )


def _versions(store: Store, done: np.ndarray) -> tuple[dict[str, int], dict[str, int]]:
    """Runs that are done by version of the code, and by base scenario."""
    rows = store.plan.read(["code", "scenario", "scenario_digest"]).filter(pa.array(done))
    codes = rows.group_by("code", use_threads=False).aggregate([([], "count_all")]).to_pylist()
    bases = rows.group_by(["scenario", "scenario_digest"], use_threads=False)
    named = {
        f"{row['scenario']} ({row['scenario_digest'][:12]})": row["count_all"]
        for row in bases.aggregate([([], "count_all")]).to_pylist()
    }
    return {row["code"]: row["count_all"] for row in codes}, named


def _bytes(folder: Path) -> int:
    """Size of all files below a folder; those that vanish meanwhile do not count."""
    total = 0
    for path in folder.rglob("*"):
        try:
            found = path.lstat()
        except OSError:
            continue
        total += found.st_size if not path.is_dir() else 0
    return total


def format_status(status: Status) -> str:
    """A status as some lines of text."""
    share = 100.0 * status.done / status.planned if status.planned else 100.0
    # Rounded down: "100 %" is said when nothing is missing.
    lines = [
        ("study", status.study + (f": {status.title}" if status.title else "")),
        ("folder", f"{status.folder}, {_size(status.bytes)}"),
        ("planned", f"{status.planned:,} runs"),
        ("done", f"{status.done:,} runs, {np.floor(share * 10.0) / 10.0:.1f} %"),
        ("failed", f"{status.failed:,}" + (" of these" if status.failed else "")),
        ("missing", f"{status.missing:,}"),
    ]
    if status.repeated:
        lines.append(
            ("repeated", f"{status.repeated:,} rows of runs that another row has too; each counts once")
        )
    if status.strangers:
        lines.append(
            ("strangers", f"{status.strangers:,} rows of runs that are not in the plan; none counts")
        )
    for name in status.damaged_inputs:
        lines.append(("damaged", f"{name}: `hashcredit sweep STUDY` with the study file writes it anew"))
    for name in status.damaged[:LIMIT]:
        lines.append(("damaged", f"{name}: `hashcredit sweep` computes its runs again"))
    if len(status.damaged) > LIMIT:
        lines.append(("damaged", f"and {len(status.damaged) - LIMIT:,} more"))
    if status.mean_seconds is not None:
        lines.append(("a run", f"{_seconds(status.mean_seconds)} of one processor"))
    lines.append(("speed", _speed(status)))
    lines.append(("time left", _left(status)))
    lines += [("code", f"{code}, {count:,} runs") for code, count in status.codes.items()]
    lines += [("scenario", f"{name}, {count:,} runs") for name, count in status.scenarios.items()]
    lines += [("processor", name) for name in status.processors]
    if len(status.codes) > 1 or len(status.scenarios) > _bases(status):
        lines.append(("note", "runs of several versions in one folder; each row says which"))
    return "\n".join(f"{name:<11}{text}" for name, text in lines)


def _bases(status: Status) -> int:
    """Number of base scenarios by name, versions apart."""
    return len({name.rpartition(" (")[0] for name in status.scenarios})


def _speed(status: Status) -> str:
    alive = sum(session.is_alive for session in status.sessions)
    if status.rate is None:
        return "nobody is at work" if not alive else f"{_count(alive, 'session')} at work, nothing done yet"
    workers = sum(session.workers for session in status.sessions if session.is_alive)
    rate = f"{status.rate:,.3g}" if status.rate < 100.0 else f"{status.rate:,.0f}"
    return f"{rate} runs a second, {_count(alive, 'session')} with {_count(workers, 'worker')}"


def _left(status: Status) -> str:
    if not status.missing:
        return "none, the study is complete"
    if status.time_left is not None:
        return duration(status.time_left)
    if status.core_seconds_left is None:
        return "unknown before the first run"
    return f"{duration(status.core_seconds_left)} of one processor"


def failures(folder: str | Path) -> list[dict[str, Any]]:
    """Failed runs in the order of the plan: run_id, point, replicate, scenario, seed, factors and error.

    Damaged files are left out; `status` names them. A run that failed and was done elsewhere did not fail.
    """
    results = Results.open(folder, partial=True)
    names = ["run_id", "point", "replicate", "scenario", "seed", *results.factors, "error"]
    table = results.reader.runs(list(dict.fromkeys(names)), results.reader.index.failed)
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows


def format_failures(rows: Sequence[Mapping[str, Any]], folder: str | Path, limit: int = LIMIT) -> str:
    """Failed runs as text: how many there are of each error, then each with what runs it again alone."""
    if not rows:
        return "no run has failed"
    kinds: Counter[str] = Counter()
    texts: dict[str, dict[str, None]] = {}
    for row in rows:
        kinds[kind := _kind(row["error"])] += 1
        texts.setdefault(kind, {})[row["error"]] = None
    width = len(f"{max(kinds.values()):,}")
    lines = [f"{_count(len(rows), 'failed run')}, {_count(len(kinds), 'kind')} of error:"]
    for kind, count in kinds.most_common(LIMIT):
        vary = " (numbers vary)" if len(texts[kind]) > 1 else ""
        lines.append(f"{count:>{width + 2},}  {next(iter(texts[kind]))}{vary}")
    if len(kinds) > LIMIT:
        lines.append(f"  and {_count(len(kinds) - LIMIT, 'other kind')}")
    for row in rows[: max(limit, 0)]:
        known = ("run_id", "point", "replicate", "scenario", "seed", "error")
        values = {name: row[name] for name in row if name not in known}
        lines += ["", f"run {row['run_id']}, point {row['point']}, replicate {row['replicate']}"]
        lines.append(f"  scenario = {row['scenario']}, seed = {row['seed']}")
        lines += [f"  {name} = {value}" for name, value in values.items()]
        lines.append(f"  {row['error']}")
        lines.append(f"  hashcredit rerun {shlex.quote(str(folder))} {row['run_id']}")
    if len(rows) > limit:
        lines += ["", f"and {len(rows) - max(limit, 0):,} more (--limit shows more of them)"]
    return "\n".join(lines)


def _kind(error: str) -> str:
    """An error less its numbers, which differ between runs that fail for the same reason."""
    return re.sub(r"\d+(\.\d+)?(e[+-]?\d+)?", "#", error)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def _size(count: float) -> str:
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 1000.0:
            return f"{count:,.0f} {unit}" if unit == "bytes" else f"{count:,.1f} {unit}"
        count /= 1000.0
    return f"{count:,.1f} TB"


def _seconds(seconds: float) -> str:
    return f"{1000.0 * seconds:.3g} ms" if seconds < 1.0 else duration(seconds)
