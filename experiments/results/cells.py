"""Runs as a table with a row a point and a column a seed and replicate: what averages are made from."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from hashcredit.experiments.results.kept import KeptRuns

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Cells:
    """Where each run belongs in an array of shape (points, runs of a point); identical ones once.

    Columns are in order, seed by seed, so that equal columns of points with common draws share these.
    """

    results: KeptRuns

    @cached_property
    def points(self) -> "pd.DataFrame":
        """The points that are run, one row each."""
        points = self.results.points
        return points[points["point"] == points["same_as"]].reset_index(drop=True)

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.points), self.results.runs_of_a_point

    @cached_property
    def planned(self) -> NDArray[np.int64]:
        """For each run of the plan its place in the array, row after row."""
        plan = self.results.store.plan
        row = np.searchsorted(self.points["point"].to_numpy(), plan.column("point").to_numpy())
        column = np.arange(len(row)) % self.shape[1]  # a plan has all runs of its points, in order
        return np.asarray(row * self.shape[1] + column, np.int64)

    @cached_property
    def is_ok(self) -> NDArray[np.bool_]:
        """For each run of the plan whether it has been computed and did not fail."""
        index = self.results.reader.index
        return index.found & ~index.failed

    @cached_property
    def present(self) -> NDArray[np.bool_]:
        """Shape (points, runs of a point): whether there is a run that is ok."""
        found = np.zeros(self.shape[0] * self.shape[1], np.bool_)
        found[self.planned[self.is_ok]] = True
        return found.reshape(self.shape)

    def fill(self, values: pa.ChunkedArray | NDArray[np.float64]) -> NDArray[np.float64]:
        """Values of the runs that are ok, in the order of the plan, as an array; NaN where there is none."""
        array = np.full(self.shape[0] * self.shape[1], np.nan)
        array[self.planned[self.is_ok]] = np.asarray(values, dtype=np.float64)
        return array.reshape(self.shape)

    def groups(self, by: Sequence[str]) -> list[NDArray[np.int64]]:
        """Rows of the points that have the same values of some factors, in order of appearance."""
        if not by:
            return [np.arange(self.shape[0])]
        number = self.points.groupby(list(by), sort=False, dropna=False, observed=True).ngroup().to_numpy()
        order = np.argsort(number, kind="stable")
        return np.split(order, np.flatnonzero(np.diff(number[order])) + 1)
