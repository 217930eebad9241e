"""Small studies, what their folders hold, and fixtures of both for every test (see conftest.py)."""

import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hashcredit.experiments.execution.sweep import sweep
from hashcredit.experiments.study.study import Study

LITTLE = {
    "horizon_weeks": 4,
    "population.miners": 6,
    "population.neoclouds": 5,
    "population.banks": 2,
    "population.private_credit": 1,
    "population.bond_funds": 1,
    "population.operators": 3,
    "population.scrap_dealers": 2,
}
"""Changes that make a scenario cost a tenth of a millisecond."""

WORK_COLUMNS = {"run_seconds", "host_and_pid", "finished_time"}
"""What differs between two computations of the same run."""


def little_study(folder, replicates=20, **more):
    """A study of four points of a little scenario."""
    lines = ["schema = 1", 'base = "baseline_2026"', 'name = "little"']
    for name, value in LITTLE.items():
        lines.append(f"{name} = {value}")
    (folder / "little.toml").write_text("\n".join([lines[0], lines[1], lines[2], *sorted(lines[3:])]) + "\n")
    content = {
        "name": "little_study",
        "scenario": str(folder / "little.toml"),
        "seed": 7,
        "replicates": replicates,
        "design": {"kind": "grid"},
        "factors": {"secondary_market.rule": ["auction", "deep"], "horizon_weeks": [4, 6]},
    }
    return Study.from_dict({**content, **more})


def rows_of(folder):
    """All rows in runs/, in the order of their names."""
    tables = [
        pq.read_table(path, partitioning=None) for path in sorted(Path(folder, "runs").glob("*.parquet"))
    ]
    return pa.concat_tables(tables).sort_by("run_id")


def failed_rows(folder):
    """The rows of failed runs."""
    return [row for row in rows_of(folder).to_pylist() if row["status"] == "failed"]


def content_of(folder, table="runs"):
    """What must be the same however a study was computed: columns as bytes, nulls apart, by name."""
    if table == "runs":
        rows = rows_of(folder)
    else:
        files = sorted(Path(folder, table).glob("*.parquet"))
        rows = pa.concat_tables([pq.read_table(path) for path in files], promote_options="permissive")
        rows = rows.take(pa.array(np.argsort(rows["run_id"].to_numpy(zero_copy_only=False), kind="stable")))
    result = {}
    for name in rows.schema.names:
        if name in WORK_COLUMNS:
            continue
        column = rows[name].combine_chunks()
        values = column.to_pylist()
        if pa.types.is_floating(column.type):
            values = [None if value is None else float(value).hex() for value in values]
        result[name] = values
    return result


def command(*words, **environment):
    """The words of `hashcredit` as a process that can be waited for."""
    return subprocess.Popen(
        [sys.executable, "-m", "hashcredit.experiments.commands.process", *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    )


def call(*words, code=0, **environment):
    """Run `hashcredit` to its end, which must have this exit code; return both outputs."""
    process = command(*words, **environment)
    out, err = process.communicate(timeout=600)
    assert process.returncode == code, (out, err)
    return out, err


def on_threads(study, folder, **options):
    """A sweep in this process: quick to start, and any executor will do."""
    with ThreadPoolExecutor(2) as pool:
        return sweep(study, folder, executor=pool, workers=2, **options)


@pytest.fixture(scope="session")
def study(tmp_path_factory):
    return little_study(tmp_path_factory.mktemp("study"))


@pytest.fixture(scope="session")
def swept(study, tmp_path_factory):
    folder = tmp_path_factory.mktemp("swept") / "store"
    on_threads(study, folder)
    return folder


@pytest.fixture
def copy(swept, tmp_path):
    return shutil.copytree(swept, tmp_path / "copy")
