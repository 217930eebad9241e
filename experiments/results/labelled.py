"""Scalars of a study as an xarray Dataset: a dimension a factor, or one over the points."""

import json
from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from hashcredit.experiments.folder.scenario_files import SCENARIO_FILE
from hashcredit.experiments.results.averages import unit_of
from hashcredit.experiments.results.cells import Cells
from hashcredit.experiments.results.kept import KeptRuns
from hashcredit.experiments.study.designs import KINDS
from hashcredit.simulator.errors import HashcreditError

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

REPLICATE = "replicate"
NETWORK = "network"
"""Dimension of the seeds, numbered from 0, where there are several."""


class MissingLibraryError(HashcreditError):
    """A library that only some users need and that is not installed."""

    def __init__(self, library: str, extra: str) -> None:
        super().__init__(library, extra)
        self.library = library
        self.extra = extra

    def __str__(self) -> str:
        return f"{self.library} is not installed; pip install 'hashcredit[{self.extra}]'"


def load(library: str) -> Any:
    """A library of the extra "netcdf"; MissingLibraryError if it is not installed."""
    try:
        return import_module(library)
    except ImportError:
        raise MissingLibraryError(library, "netcdf") from None


def to_xarray(results: KeptRuns) -> "xr.Dataset":
    """All runs as arrays: every scalar float64, NaN where a run is missing or failed.

    A grid has a dimension a factor, `network` where there are several seeds, and `replicate`. Other designs
    have `point`, which has every point of the design, in place of the factors, which are coordinates of it.
    Besides the scalars there are run_id, seed and status ("ok", "failed" or "missing").
    Raises MissingLibraryError without xarray.
    """
    xarray = load("xarray")
    cells = Cells(results)
    points = results.points
    axes = _axes(results, points)
    row = np.searchsorted(cells.points["point"].to_numpy(), points["same_as"].to_numpy())
    draws = _draws(results)
    dims = [*(axes if axes is not None else ["point"]), *draws]
    shape = [len(values) for values in axes.values()] if axes is not None else [len(points)]
    shape += draws.values()

    def variable(values: np.ndarray, attributes: Mapping[str, str]) -> Any:
        whole = values.reshape(cells.shape)
        if len(row) > cells.shape[0]:
            whole = whole[row]
        return (dims, whole.reshape(shape), dict(attributes))

    variables = {}
    table = results.arrow(_scalars(results), failed=False)
    for name in table.column_names:
        variables[name] = variable(cells.fill(table[name]), _attributes(unit_of(name)))
    for name, values in _names(results, cells).items():
        variables[name] = variable(values, {})
    coordinates = _coordinates(results, points, axes)
    dataset: xr.Dataset = xarray.Dataset(variables, coordinates, _provenance(results))
    return dataset


def _axes(results: KeptRuns, points: "pd.DataFrame") -> dict[str, np.ndarray] | None:
    """Values of each factor if the points are every combination in the order of an array, else None."""
    design = results.manifest["study"]["design"]
    if any(KINDS[part["kind"]].sampled for part in design.get("of", [design])):
        return None
    axes, inner = {}, len(points)
    for name in results.factors:
        column = _plain(points[name])
        values = _plain(points[name].drop_duplicates())
        if inner % len(values):
            return None
        inner //= len(values)
        if not np.array_equal(np.resize(np.repeat(values, inner), len(points)), column):
            return None
        axes[name] = values
    return axes if inner == 1 else None


def _coordinates(
    results: KeptRuns, points: "pd.DataFrame", axes: Mapping[str, np.ndarray] | None
) -> dict[str, Any]:
    about = described(results)
    replicates = {name: (name, np.arange(size)) for name, size in _draws(results).items()}
    if axes is not None:
        return {name: (name, values, about.get(name, {})) for name, values in axes.items()} | replicates
    names = ["point", "same_as", *results.factors]
    return {name: ("point", _plain(points[name]), about.get(name, {})) for name in names} | replicates


def _draws(results: KeptRuns) -> dict[str, int]:
    """Dimensions of the runs of a point, with their sizes."""
    networks = {NETWORK: results.seeds} if results.seeds > 1 else {}
    return {**networks, REPLICATE: results.replicates}


def _scalars(results: KeptRuns) -> list[str]:
    """Columns of numbers that are neither names nor factors."""
    index = results.reader.index
    given = {*results.store.plan.schema.names, "status", "error", "host_and_pid", "finished_time"}
    return [name for name in index.columns if name not in given]


def _names(results: KeptRuns, cells: Cells) -> dict[str, np.ndarray]:
    """What a run needs to be repeated, and what became of it."""
    plan, index = results.store.plan.read(["run_id", "seed"]), results.reader.index
    status = np.where(index.failed, "failed", np.where(index.found, "ok", "missing"))
    run_ids = np.array(plan["run_id"].to_pylist(), dtype=object)
    columns = {"run_id": run_ids, "seed": plan["seed"].to_numpy(), "status": status.astype(object)}
    return {name: values[np.argsort(cells.planned)] for name, values in columns.items()}


def _plain(values: "pd.Series") -> np.ndarray:
    """A column as NumPy has it: texts as objects."""
    kind = getattr(values.dtype, "kind", "O")
    return np.asarray(values, dtype=None if kind in "biuf" else object)


def _attributes(unit: str) -> dict[str, str]:
    return {"units": unit} if unit else {}


def described(results: KeptRuns) -> dict[str, dict[str, str]]:
    """Unit and meaning of each factor, as the first base scenario documents them."""
    from hashcredit.simulator.scenario.scenario import Scenario

    name, digest = next(iter(results.manifest["bases"].items()))
    file = results.store.checked_scenario(name, digest) / SCENARIO_FILE
    return {
        row.field: {"long_name": row.meaning, **({} if row.unit == "none" else {"units": row.unit})}
        for row in Scenario.load(file).describe()
        if row.field in results.factors
    }


def _provenance(results: KeptRuns) -> dict[str, Any]:
    manifest = results.manifest
    return {
        "title": manifest["study"]["title"],
        "study": results.study_name,
        "hashcredit_version": manifest["environment"]["version"],
        "code": " ".join(manifest["codes"]),
        "runs_planned": len(results.store.plan),
        "runs_found": int(results.reader.index.found.sum()),
        "provenance": json.dumps(manifest, allow_nan=False),
    }
