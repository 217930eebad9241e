"""What the folder of a study holds as DataFrames: what was asked, its runs, and what was kept of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from hashcredit.experiments.results.reading import Reader
from hashcredit.experiments.store.store import EVENTS, RUNS, SERIES, Store
from hashcredit.experiments.study.study import TABLES, size_in_words
from hashcredit.simulator.display import Facts, Shown, counted, some_of
from hashcredit.simulator.errors import HashcreditError, OutputFolderError, RefusedError
from hashcredit.simulator.reports.headline import mean_headline
from hashcredit.simulator.reports.statistics import group_length
from hashcredit.simulator.scenario.errors import hint

if TYPE_CHECKING:
    import pandas as pd


HEADLINE = ["defaults", "creditor_loss_musd", "units_unsold"]
"""Scalars whose means are shown with results."""


class ResultsError(RefusedError):
    """A question that the results of a study cannot answer."""


class TooFewPointsError(ResultsError):
    """A question that more of the same runs would answer."""


@dataclass(frozen=True, repr=False)
class KeptRuns(Shown):
    """What the folder of a study holds, as it was when it was opened; `Results` says what it means.

    Tables have the runs in the order of the plan, each once: a row that is "ok" counts before one that is
    "failed", and rows of runs that the plan does not have are left out. They are read when first asked for
    and then kept in memory; `read` and `table` take the columns that are wanted.
    """

    store: Store
    reader: Reader

    @classmethod
    def open(cls, folder: str | Path, *, partial: bool = False) -> Self:
        """Results of a study, finished or not.

        Raises OutputFolderError where there is no study, and DamagedFilesError for files that cannot be read,
        unless `partial` says to do without them.
        """
        store = Store(Path(folder))
        _ = store.manifest, store.plan
        reader = Reader(store, partial)
        _ = reader.index
        return cls(store, reader)

    def _facts(self) -> Facts:
        index, runs = self.reader.index, len(self.store.plan)
        points = runs // self.runs_of_a_point
        state = f"{int((index.found & ~index.failed).sum()):,} of {runs:,} runs ok"
        state += f", {int(index.failed.sum()):,} failed, {int((~index.found).sum()):,} missing"
        facts = {
            "folder": str(self.store.path),
            "size": size_in_words(points, self.seeds, self.replicates),
            "state": state + (f", {counted(len(index.damaged), 'damaged file')}" if index.damaged else ""),
            "factors": some_of(list(self.factors)) or "(none)",
        }
        if (index.found & ~index.failed).any():
            facts["mean over all"] = self._mean_headline()
        facts["tables"] = ", ".join(["runs", "points", "failures", "missing", *self.store.details])
        return f"Results of {self.study_name}, seed {self.manifest['study']['seed']}", facts

    def _mean_headline(self) -> str:
        try:
            runs = self.read(HEADLINE, failed=False)
        except HashcreditError as error:  # showing results must not fail where reading them would
            return str(error)
        return mean_headline({name: float(runs[name].mean()) for name in HEADLINE})

    def __reduce__(self) -> tuple[Any, ...]:
        """A copy, also one that another process gets, is opened anew: it has what the folder holds then."""
        return _open_again, (type(self), str(self.store.path.absolute()), self.reader.partial)

    # What was asked

    @property
    def manifest(self) -> dict[str, Any]:
        """What the plan was made of: study, scenarios, versions."""
        return self.store.manifest

    @property
    def study_name(self) -> str:
        return str(self.manifest["study"]["name"])

    @property
    def factors(self) -> tuple[str, ...]:
        """Names of the factors, which are columns of the tables."""
        return tuple(self.manifest["study"]["factors"])

    @property
    def seeds(self) -> int:
        """Networks that each point was run on, one a seed; 1 in folders from before there were several."""
        return int(self.manifest["study"].get("seeds", 1))

    @property
    def replicates(self) -> int:
        """Runs of each point and seed."""
        return int(self.manifest["study"]["replicates"])

    @property
    def runs_of_a_point(self) -> int:
        """Replicates of all seeds together."""
        return self.seeds * self.replicates

    @property
    def together(self) -> int:
        """Runs of a point in a row that make one independent group: of several seeds a whole one."""
        return group_length(self.seeds, self.replicates)

    @cached_property
    def plan(self) -> "pd.DataFrame":
        """Every run that was asked for."""
        return self.store.plan.read().to_pandas()

    @cached_property
    def points(self) -> "pd.DataFrame":
        """One row a point of the design, in its order: point, same_as and the factors.

        Of identical points, which samples may have, only the first is run: `same_as` is its number, and the
        point's own otherwise. Dates are texts, lists and tables are JSON.
        """
        columns = ["point", "same_as", *self.factors]
        return pq.read_table(self.store.checked_design(), columns=columns, partitioning=None).to_pandas()

    # What became of it

    @property
    def complete(self) -> bool:
        """Whether every run of the plan has a row."""
        return bool(self.reader.index.found.all())

    @property
    def damaged(self) -> list[Path]:
        """Files that were left out since they cannot be read."""
        return list(self.reader.index.damaged)

    @cached_property
    def runs(self) -> "pd.DataFrame":
        """One row a run that was computed: names, factors, status, scalars, and the work it took.

        Scalars of failed runs are missing, which makes floats of whole numbers.
        """
        return self.read()

    @cached_property
    def ok(self) -> "pd.DataFrame":
        """The rows of `runs` that did not fail."""
        return self.read(failed=False) if self.reader.index.failed.any() else self.runs

    @cached_property
    def failures(self) -> "pd.DataFrame":
        """The rows of `runs` that failed, each with its error."""
        return self.reader.runs(chosen=self.reader.index.failed).to_pandas()

    @cached_property
    def missing(self) -> "pd.DataFrame":
        """Runs of the plan that have no row."""
        return self.store.plan.read().filter(pa.array(~self.reader.index.found)).to_pandas()

    def read(self, columns: Sequence[str] | None = None, *, failed: bool = True) -> "pd.DataFrame":
        """What `runs` has, with these columns and no others in memory, and without failed runs if asked."""
        return self.arrow(columns, failed=failed).to_pandas()

    def arrow(self, columns: Sequence[str] | None = None, *, failed: bool = True) -> pa.Table:
        """What `read` returns as an Arrow table."""
        index = self.reader.index
        columns = as_names(columns)
        for name in columns or ():
            _check_known("columns", name, index.columns)
        return self.reader.runs(columns, None if failed else ~index.failed)

    # What was kept besides

    @cached_property
    def series(self) -> "pd.DataFrame":
        """Weekly series of the runs that were kept, with run_id, point, seed, replicate and factors."""
        return self.table(SERIES)

    @cached_property
    def events(self) -> "pd.DataFrame":
        """Event logs, likewise; `event` and `parent` are numbers within a run."""
        return self.table(EVENTS)

    def table(self, name: str, columns: Sequence[str] | None = None) -> "pd.DataFrame":
        """Closing table "borrowers", "lenders", "buyers", "loans" or "machines", or "series" or "events"."""
        return self.details(name, columns).to_pandas()

    def details(self, name: str, columns: Sequence[str] | None = None) -> pa.Table:
        """What `table` returns as an Arrow table."""
        _check_known("name", name, (SERIES, EVENTS, *TABLES))
        if name not in self.store.details:
            key = f'keep.tables = ["{name}"]' if name in TABLES else f"keep.{name} = true"
            reason = (
                f"has no {name}: its study did not keep them; {key} in a study file does, in a new folder"
            )
            raise OutputFolderError(str(self.store.path), reason)
        columns = as_names(columns)
        first = list(dict.fromkeys(["run_id", "point", "seed", "replicate", *self.factors]))
        for column in columns or ():
            _check_known("columns", column, [*first, *self.reader.detail_columns(name)])
        return self.reader.details(name, columns, first)

    @property
    def paths(self) -> dict[str, str]:
        """Pattern of the files of each kind, for tools that read Parquet themselves.

        Such a tool sees what lies there: a run that was computed twice is there twice.
        """
        return {name: str(self.store.path / name / "chunk-*.parquet") for name in (RUNS, *self.store.details)}

    def check_factor(self, argument: str, name: str) -> None:
        """Raise ResultsError unless this is a factor of the study."""
        _check_known(argument, name, self.factors)

    def check_column(self, argument: str, name: str) -> None:
        """Raise ResultsError unless this is a column of `runs`."""
        _check_known(argument, name, self.reader.index.columns)


def _open_again(kind: type[KeptRuns], folder: str, partial: bool) -> KeptRuns:
    return kind.open(folder, partial=partial)


def as_names(given: Sequence[str] | None) -> Sequence[str] | None:
    """Names as they are given; one alone is a list of one."""
    return [given] if isinstance(given, str) else given


def _check_known(argument: str, name: str, known: Sequence[str]) -> None:
    if name not in known:
        raise ResultsError(argument, name, f"a known name; {hint(str(name), known)}")
