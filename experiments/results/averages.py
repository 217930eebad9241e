"""What the runs of a study say on average: a mean and an interval a point, and differences between levels.

Runs with the same seed and replicate share their draws wherever they are: only others are independent. An
average over several points is therefore taken within each replicate first. Replicates of a seed share its
networks too: with several seeds, errors and intervals are over seeds.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hashcredit.experiments.folder.summary import QUANTITIES
from hashcredit.experiments.results.cells import Cells
from hashcredit.experiments.results.kept import KeptRuns, ResultsError, as_names
from hashcredit.simulator.reports.statistics import LEVEL, Estimate, mean_estimate, probability_estimate
from hashcredit.simulator.state.outcomes import BY_NAME

if TYPE_CHECKING:
    import pandas as pd

Quantities = Sequence[str] | Mapping[str, Callable[["pd.DataFrame"], Any]]
"""Names of scalars, or functions from the table of runs to one value a run; of booleans the share is told."""

ESTIMATE = ("n", "mean", "standard_error", "low", "high", "median")


def statistics(
    results: KeptRuns,
    quantities: Quantities | None = None,
    by: Sequence[str] | None = None,
    level: float = LEVEL,
) -> "pd.DataFrame":
    """One row a group of points and quantity.

    Parameters
    ----------
    results : KeptRuns
        Failed runs do not count.
    quantities : names of scalars, or functions by name, optional
        What is averaged; the scalars of the summary table if left out. A function gets the table of runs that
        are ok and returns one value a run, such as `{"any": lambda runs: runs["defaults"] > 0}`.
    by : sequence of str, optional
        Factors whose values make a group; all if left out, so that each group is one point. With fewer, a
        replicate counts if each of the group's points has it.
    level : float
        Coverage of the intervals: Student's t for means, Wilson's for the share of a boolean at one point.

    Returns
    -------
    DataFrame
        The factors in `by`, quantity, unit, points (in the group), networks (seeds; with one, errors and
        intervals are about this network only), n (replicates of all seeds that entered), mean,
        standard_error, low, high and median; NaN where a number cannot be told.
    """
    by = results.factors if by is None else tuple(as_names(by) or ())
    _check(results, by, level)
    cells = Cells(results)
    groups = cells.groups(by)
    columns = [
        (name, unit, is_boolean, cells.fill(values))
        for name, unit, is_boolean, values in values_of(results, quantities)
    ]
    rows = []
    for group in groups:
        whole = cells.present[group].all(axis=0)
        for name, unit, is_boolean, values in columns:
            sample = np.where(whole, _within(values[group]), np.nan)
            estimator = probability_estimate if is_boolean and len(group) == 1 else mean_estimate
            estimate = estimator(sample, level, results.together)
            sizes = len(group), results.seeds
            rows.append([*_names(cells, group, by), name, unit, *sizes, *_numbers(estimate)])
    return _frame([*by, "quantity", "unit", "points", "networks", *ESTIMATE], rows)


def paired(
    results: KeptRuns,
    quantity: str,
    factor: str,
    reference: Any,
    by: Sequence[str] | None = None,
    level: float = LEVEL,
) -> "pd.DataFrame":
    """Mean differences between the levels of a factor and a reference level, run by run with the same draws.

    Parameters
    ----------
    results : KeptRuns
        Of a study with common random numbers. A replicate counts if both of its runs are ok.
    quantity : str
        A scalar.
    factor : str
        What differs between the two runs of a pair; the other factors have equal values.
    reference : object
        The level that is subtracted.
    by : sequence of str, optional
        Other factors whose values make a row; all if left out. With fewer, differences are averaged within
        each replicate, which counts if every pair of the group has it.
    level : float
        Coverage of the intervals.

    Returns
    -------
    DataFrame
        The factors in `by`, the factor, reference, quantity, unit, pairs (in the group), networks, n, mean,
        standard_error, low, high and median of the difference.
    """
    results.check_factor("factor", factor)
    others = [name for name in results.factors if name != factor]
    by = tuple(others) if by is None else tuple(as_names(by) or ())
    _check(results, by, level)
    if factor in by:
        raise ResultsError("by", factor, "factors other than the one whose levels are compared")
    if not results.manifest["study"]["common_random_numbers"]:
        raise ResultsError("paired", results.study_name, "a study with common_random_numbers = true")
    ((name, unit, _, data),) = values_of(results, [quantity])
    cells = Cells(results)
    levels = cells.points[factor]
    base = _stored(reference)
    if not (levels == base).any():
        known = ", ".join(map(repr, levels.drop_duplicates().tolist()[:10]))
        raise ResultsError("reference", reference, f"a level of {factor}: {known}")
    values = cells.fill(data)
    rows = []
    for group, partners in _pairs(cells, others, levels == base, [*by, factor]):
        both = (cells.present[group] & cells.present[partners]).all(axis=0)
        difference = np.where(both, _within(values[group] - values[partners]), np.nan)
        words = [*_names(cells, group, [*by, factor]), base, name, unit, len(group), results.seeds]
        rows.append([*words, *_numbers(mean_estimate(difference, level, results.together))])
    return _frame([*by, factor, "reference", "quantity", "unit", "pairs", "networks", *ESTIMATE], rows)


def _pairs(
    cells: Cells, others: Sequence[str], is_base: Any, by: Sequence[str]
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Rows of points and of the points that they are compared with, group by group."""
    is_base = np.asarray(is_base, dtype=np.bool_)
    partner = np.full(cells.shape[0], -1)
    for group in cells.groups(others):
        base = group[is_base[group]]
        if len(base):  # at most one: points that are the same count once
            partner[group] = base[0]
    partner[is_base] = -1
    for group in cells.groups(by):
        group = group[partner[group] >= 0]
        if len(group):
            yield group, partner[group]


def values_of(results: KeptRuns, quantities: Quantities | None) -> Iterator[tuple[str, str, bool, Any]]:
    """Name, unit, whether it is a boolean, and one value for each run that is ok."""
    if quantities is None:
        known = results.reader.index.columns
        quantities = [name for name in QUANTITIES if name in known]
    if isinstance(quantities, str):
        quantities = [quantities]
    if isinstance(quantities, Mapping):
        for name, function in quantities.items():
            values = np.asarray(function(results.ok))
            if values.shape != (len(results.ok),) or values.dtype.kind not in "biuf":
                raise ResultsError("quantities", name, "a function that returns one number or boolean a run")
            yield name, "share" if values.dtype.kind == "b" else "", values.dtype.kind == "b", values
        return
    for name in quantities:
        results.check_column("quantities", name)
    table = results.arrow(list(dict.fromkeys(quantities)), failed=False)
    for name in quantities:
        values = table[name].to_numpy()
        if values.dtype.kind not in "biuf":
            raise ResultsError("quantities", name, "a column of numbers")
        yield name, unit_of(name), values.dtype.kind == "b", values


def unit_of(scalar: str) -> str:
    """Unit of a scalar of a run, empty where there is none."""
    if scalar == "run_seconds":
        return "s"
    return BY_NAME[scalar].unit if scalar in BY_NAME else ""


def _within(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean over the points of each replicate, shape (points, replicates); of those that have a value."""
    if len(values) == 1:
        return np.asarray(values[0])
    count = np.isfinite(values).sum(axis=0)
    total = np.where(np.isfinite(values), values, 0.0).sum(axis=0)
    means: NDArray[np.float64] = np.divide(total, count, out=np.full(len(total), np.nan), where=count > 0)
    return means


def _check(results: KeptRuns, by: Sequence[str], level: float) -> None:
    for name in by:
        results.check_factor("by", name)
    if not 0.0 < level < 1.0:
        raise ResultsError("level", level, "a coverage between 0 and 1")


def _names(cells: Cells, group: NDArray[np.int64], by: Sequence[str]) -> list[Any]:
    return [cells.points[name].iat[int(group[0])] for name in by]


def _numbers(estimate: Estimate) -> list[Any]:
    return [asdict(estimate)[name] for name in ESTIMATE]


def _stored(value: Any) -> Any:
    """A level of a factor as it stands in a plan."""
    from datetime import date

    if isinstance(value, date):
        return value.isoformat()
    return json.dumps(value, default=str) if isinstance(value, list | tuple | dict) else value


def _frame(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> "pd.DataFrame":
    import pandas as pd

    return pd.DataFrame(rows, columns=list(columns))
