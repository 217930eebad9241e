"""What figures of a study are drawn from, out of its folder, and which of them it has."""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hashcredit.experiments.figures.study_source import FactorAxis, Response, StudySource
from hashcredit.experiments.results.averages import values_of
from hashcredit.experiments.results.cells import Cells
from hashcredit.experiments.results.indices import design_of, has_indices, indices
from hashcredit.experiments.results.kept import KeptRuns, ResultsError
from hashcredit.experiments.results.labelled import described
from hashcredit.experiments.results.response import differences, of_groups, of_levels, of_seeds, slices
from hashcredit.experiments.results.sensitivity import block_name
from hashcredit.experiments.study.designs import KINDS
from hashcredit.simulator.display import counted, seeds_in_words

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]


def available(results: KeptRuns) -> list[str]:
    """Keys of the figures that the folder of a study can draw."""
    factors = len(results.factors)
    keys = ["response", "scatter"] if factors else []
    return keys + (["heatmap"] if factors > 1 else []) + (["indices"] if has_indices(results) else [])


def words_of(results: KeptRuns) -> str:
    """The line of a caption that says which sample a figure shows."""
    study = results.manifest["study"]
    runs = counted(results.replicates, "replicate")
    if results.seeds > 1:
        runs = f"{counted(results.seeds, 'network')} with {runs} each"
    draws = "the same draws at every point" if study["common_random_numbers"] else "own draws at every point"
    kind, points = study["design"]["kind"], len(results.points)
    seeds = seeds_in_words(range(study["seed"], study["seed"] + results.seeds))
    return f"{results.study_name}, {seeds}: {kind} design, {points:,} points of {runs}, {draws}."


def source_of_indices(results: KeptRuns, table: "pd.DataFrame") -> StudySource:
    """What the figure `indices` is drawn from: a table of `Results.indices`."""
    return StudySource(words_of(results), indices=table, blocks=block_name(design_of(results)))


def source_of(results: KeptRuns, key: str, outcome: str, factors: Sequence[str] = ()) -> StudySource:
    """What a figure of a study is drawn from.

    Parameters
    ----------
    results : KeptRuns
        The study.
    key : str
        One of `available`.
    outcome : str
        A scalar.
    factors : sequence of str
        Which are shown; all if left out, of a heat map the first two.

    Raises ResultsError for a figure that the study does not have, an unknown outcome or factor.
    """
    known = available(results)
    if key not in known:
        raise ResultsError("figure", key, f"one that this study has: {', '.join(known) or 'none'}")
    if key == "indices":
        return source_of_indices(results, indices(results, [outcome]))
    for name in factors:
        results.check_factor("factors", name)
    chosen = list(factors or results.factors)[: 2 if key == "heatmap" else None]
    if key == "heatmap" and len(set(chosen)) < 2:
        raise ResultsError("factors", chosen, "two factors that differ")
    ((_, unit, _, data),) = values_of(results, [outcome])
    cells = Cells(results)
    row = np.searchsorted(cells.points["point"].to_numpy(), results.points["same_as"].to_numpy())
    distinct = cells.fill(data)
    values = distinct[row]
    has = np.isfinite(values)
    mean = np.divide(
        np.where(has, values, 0.0).sum(axis=1),
        has.sum(axis=1),
        out=np.full(len(values), np.nan),
        where=has.any(axis=1),
    )
    axes = [_factor(results, name, outcome, values if key == "response" else None) for name in chosen]
    return StudySource(
        words_of(results),
        outcome=f"{outcome}, {unit}" if unit else outcome,
        factors=tuple(axes),
        value=mean,
        intervals=_intervals(results),
        left_out=_left_out(results, mean, int((cells.present & ~np.isfinite(distinct)).sum())),
    )


def is_sample(results: KeptRuns) -> bool:
    """Whether points were drawn: other draws would have given other ones."""
    design = results.manifest["study"]["design"]
    return any(KINDS[part["kind"]].sampled for part in design.get("of", [design]))


def _factor(results: KeptRuns, name: str, outcome: str, values: Floats | None) -> FactorAxis:
    """A factor on its axis; with `values` (points, runs of a point) also the outcome along it."""
    form = results.manifest["study"]["factors"][name]
    column = results.points[name]
    is_list = "values" in form or "count" in form
    unit = described(results).get(name, {}).get("units", "")
    if is_list or not is_sample(results):
        levels = _levels(form, column.drop_duplicates().tolist())
        place = {level: float(number) for number, level in enumerate(levels)}
        at = np.array([place[level] for level in column.tolist()])
        response, paired = _along_levels(results, name, outcome, levels, at, values)
        words = tuple(f"{level:.4g}" if isinstance(level, float) else str(level) for level in levels)
        return FactorAxis(name, unit, at, words, response=response, paired=paired)
    at = column.to_numpy(dtype=np.float64)
    log = form.get("scale") == "log"
    if values is None:
        return FactorAxis(name, unit, at, log=log)
    groups = slices(at)
    middle = np.array([at[group].mean() for group in groups])
    draws = of_seeds(values, results.seeds)
    return FactorAxis(name, unit, at, log=log, response=of_groups(draws, groups, middle, _common(results)))


def _levels(form: Mapping[str, Any], found: list[Any]) -> list[Any]:
    """Levels that points have, in the order of the study's list where there is one, else of appearance."""
    listed = [json.dumps(v) if isinstance(v, list | dict) else v for v in form.get("values", ())]
    ordered = [level for level in listed if level in found]
    return ordered if len(ordered) == len(found) else found


def _along_levels(
    results: KeptRuns, name: str, outcome: str, levels: list[Any], at: Floats, values: Floats | None
) -> tuple[Response | None, Response | None]:
    if values is None:
        return None, None
    paired = differences(results, outcome, name, levels)
    if not is_sample(results):
        return of_levels(results, outcome, name, levels), paired
    places = np.arange(len(levels), dtype=np.float64)
    groups = [np.flatnonzero(at == place) for place in places]
    return of_groups(of_seeds(values, results.seeds), groups, places, _common(results)), paired


def _common(results: KeptRuns) -> bool:
    return bool(results.manifest["study"]["common_random_numbers"])


def _intervals(results: KeptRuns) -> str:
    several = results.seeds > 1
    unit, only = ("network", "") if several else ("replicate", ", this network only")
    if not is_sample(results):
        return f"Bars: 95 % intervals over {unit}s{only}, after averages over points within each replicate."
    if _common(results) and results.runs_of_a_point > 1:
        shared = "which all points share" if several else "whose draws all points share"
        return f"Bars: 95 % intervals, clustered by point and by {unit}, {shared}{only}."
    return f"Bars: 95 % intervals, clustered by point{only if _common(results) else ''}."


def _left_out(results: KeptRuns, mean: Floats, undefined: int) -> str:
    """Points and runs without a value; empty if there are none."""
    index = results.reader.index
    kinds = {"failed": int(index.failed.sum()), "missing": int((~index.found).sum()), "undefined": undefined}
    runs = ", ".join(f"{number:,} {word}" for word, number in kinds.items() if number)
    if not runs:
        return ""
    return f"Left out: runs {runs}; {int((~np.isfinite(mean)).sum()):,} points have no value."
