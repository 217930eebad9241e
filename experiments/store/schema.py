"""Columns of the rows that a run leaves, and where the scenario of a point lies."""

import numpy as np
import pyarrow as pa

from hashcredit.experiments.store.plan import LAST_COLUMNS
from hashcredit.simulator.state.outcomes import OUTCOMES, summarise


def runs_schema(plan: pa.Schema) -> pa.Schema:
    """Columns of the rows in runs/: those of the plan, status, scalars, and the work it took."""
    last = [name for name, _ in LAST_COLUMNS]
    first = [entry for entry in plan if entry.name not in last]
    fields = [*first, *(pa.field(*entry) for entry in STATUS)]
    fields += [pa.field(*entry) for entry in summary_columns()]
    return pa.schema([*fields, *(pa.field(*entry) for entry in [*LAST_COLUMNS, *WORK])])


def summary_columns() -> list[tuple[str, pa.DataType]]:
    """Names and types of the scalars of a run."""
    columns = summarise(np.zeros(1, OUTCOMES))
    return [(name, pa.from_numpy_dtype(values.dtype)) for name, values in columns.items()]


STATUS = [("status", pa.string()), ("error", pa.string())]


WORK = [
    ("run_seconds", pa.float64()),
    ("host_and_pid", pa.string()),
    ("finished_time", pa.timestamp("us", "UTC")),
]
"""Columns that differ between two computations of the same run; everything else is the same to the bit."""


def scenario_folder(name: str, digest: str) -> str:
    """Where a store keeps a base scenario: two versions of one name lie side by side."""
    return f"{name}-{digest[:12]}"
