"""What a block of runs leaves: Arrow tables of rows, series, events and agents."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from hashcredit.experiments.store.schema import runs_schema
from hashcredit.experiments.store.store import EVENTS, RUNS, SERIES
from hashcredit.experiments.support.arrow import numbers, texts
from hashcredit.simulator.reports.run import Run
from hashcredit.simulator.state.outcomes import OUTCOMES, summarise

if TYPE_CHECKING:
    import pandas as pd


@dataclass
class BlockResult:
    """What became of some runs of the plan."""

    rows: pa.Table
    """Their rows of the plan."""
    who: str
    """Host and process."""
    scalars: np.ndarray = field(init=False)
    """OUTCOMES[run]: how each ended."""
    errors: list[str | None] = field(init=False)
    """Why a run failed; None for one that did not."""
    seconds: np.ndarray = field(init=False)
    finished: np.ndarray = field(init=False)
    """Microseconds since 1970, UTC."""
    details: dict[str, list[pa.Table]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        count = len(self.rows)
        self.scalars = np.zeros(count, OUTCOMES)
        self.errors = [None] * count
        self.seconds = np.zeros(count)
        self.finished = np.zeros(count, np.int64)

    def tables(self) -> dict[str, pa.Table]:
        """One table a folder of the store."""
        schema = runs_schema(self.rows.schema)
        is_failed = np.array([error is not None for error in self.errors])
        columns: dict[str, Any] = {name: self.rows[name] for name in self.rows.schema.names}
        columns["status"] = texts(["ok" if error is None else "failed" for error in self.errors])
        columns["error"] = texts([error or "" for error in self.errors])
        for name, values in summarise(self.scalars).items():
            columns[name] = numbers(values, absent=is_failed)
        columns["run_seconds"] = numbers(self.seconds)
        columns["host_and_pid"] = texts([self.who] * len(self.rows))
        columns["finished_time"] = numbers(self.finished, pa.timestamp("us", "UTC"))
        runs = pa.table([columns[name] for name in schema.names], schema=schema)
        details = {name: _stack(tables) for name, tables in self.details.items()}
        return {RUNS: runs, **details}


def _stack(tables: Sequence[pa.Table]) -> pa.Table:
    """Tables of several runs in one; without any, a table that has only the names of runs."""
    if not tables:
        return pa.table({"run_id": texts([])})
    return pa.concat_tables(tables, promote_options="permissive")


def details_of(run: Run, run_id: str, keep: Mapping[str, Any]) -> dict[str, pa.Table]:
    """Series, events and agent tables of a run, as far as the study keeps them."""
    kept: dict[str, pd.DataFrame] = {}
    if keep["series"]:
        columns = list(keep["series_columns"]) or list(run.series.columns)
        kept[SERIES] = run.series.iloc[:: keep["series_every"]][columns].reset_index()
    if keep["events"]:
        events = run.events.rename_axis("event").reset_index()
        kinds = list(keep["event_kinds"])
        kept[EVENTS] = events[events["kind"].isin(kinds)] if kinds else events
    for name in keep["tables"]:
        frame = run.tables[name]
        has_key = frame.columns[0] in ("row", "name")
        kept[name] = frame if has_key else frame.rename_axis("agent").reset_index()
    return {name: _with_id(frame, run_id) for name, frame in kept.items()}


def _with_id(frame: "pd.DataFrame", run_id: str) -> pa.Table:
    table = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)
    return table.add_column(0, "run_id", texts([run_id] * len(table)))
