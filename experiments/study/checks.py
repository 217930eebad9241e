"""Whether the scenarios of a study are right: each value by itself, then points, all of them if few."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from hashcredit.experiments.study.factors import Factor, json_text
from hashcredit.experiments.study.fields import SCENARIO
from hashcredit.experiments.study.points import Points
from hashcredit.simulator.errors import ScenarioError, StudyError
from hashcredit.simulator.scenario.scenario import Scenario

ALL_CHECKED = 200
"""Points up to which each is checked; making one scenario takes a few milliseconds."""
SPREAD_CHECKED = 100
VALUES_CHECKED = 50

Bases = Mapping[str, Scenario]


def scenario_with(bases: Bases, changes: Mapping[str, Any]) -> Scenario:
    """The scenario of a point: its base, the first one unless 'scenario' names another, with its changes.

    ScenarioError if its values do not go together, or not with a study.
    """
    others = {name: value for name, value in changes.items() if name != SCENARIO}
    base = bases[changes[SCENARIO]] if SCENARIO in changes else next(iter(bases.values()))
    scenario = base.with_changes(others) if others else base
    if scenario.shocks.antithetic:
        allowed = "false in a study, whose intervals take its replicates as independent"
        raise ScenarioError("shocks.antithetic", True, allowed)
    return scenario


def check_points(bases: Bases, factors: Sequence[Factor], points: Points) -> None:
    """StudyError for the first value or point with which no scenario can be made.

    Up to 200 points are all checked, of more the two corners and a spread sample: what that misses fails when
    it runs. A value that is wrong by itself is right if it goes with values of other factors.
    """
    for factor in factors:
        if factor.name != SCENARIO:
            _check_factor(bases, factors, factor, points)
    count = len(points)
    if count <= ALL_CHECKED:
        chosen = np.arange(count)
    else:
        chosen = np.linspace(0, count - 1, SPREAD_CHECKED).round().astype(np.int64)
        for words, changes in zip(("lowest", "highest"), _corners(factors, points), strict=True):
            _try(bases, changes, f"the point with the {words} value of every factor")
    for point in chosen:
        _try(bases, points.changes(int(point)), f"point {point}")


def _try(bases: Bases, changes: Mapping[str, Any], place: str) -> None:
    error = _error(bases, changes)
    if error is not None:
        raise StudyError(place, dict(changes), f"a scenario; {error}")


def _error(bases: Bases, changes: Mapping[str, Any]) -> ScenarioError | None:
    try:
        scenario_with(bases, changes)
    except ScenarioError as error:
        return error
    return None


def _check_factor(bases: Bases, factors: Sequence[Factor], factor: Factor, points: Points) -> None:
    """Values of a list, or ends of a range, one by one in every base."""
    for value in _values(factor):
        for base in bases.values():
            error = _error({"": base}, {factor.name: value})
            if error is None or (len(factors) > 1 and _works(bases, factors, factor, value, points)):
                continue
            allowed = error.allowed
            if error.field != factor.name:
                allowed = f"a value that the scenario can have; {error}"
            raise StudyError(f'factors."{factor.name}"', value, allowed)


def _values(factor: Factor) -> list[Any]:
    """Values to be checked: the ends of a range, all of a short list, of a long one a spread selection."""
    if not factor.is_list:
        return list(factor.ends)
    different: list[Any] = np.unique(factor.column).tolist() if factor.column.dtype != object else []
    if not different:
        keys = ((value if isinstance(value, str) else json_text(value), value) for value in factor.column)
        different = list(dict(keys).values())
    if len(different) <= VALUES_CHECKED:
        return different
    return [different[int(k)] for k in np.linspace(0, len(different) - 1, VALUES_CHECKED).round()]


def _works(bases: Bases, factors: Sequence[Factor], factor: Factor, value: Any, points: Points) -> bool:
    """Whether some point, or a corner, is a scenario with this value."""
    candidates = [*_points_with(points, factor, value), *_corners(factors, points)]
    return any(_error(bases, {**changes, factor.name: value}) is None for changes in candidates)


def _points_with(points: Points, factor: Factor, value: Any) -> Iterator[dict[str, Any]]:
    """Up to three points that have a value of a list."""
    if not factor.is_list:
        return
    column = points.columns[points.names.index(factor.name)]
    same = [entry == value for entry in column] if column.dtype == object else column == value
    places = np.flatnonzero(same)
    for place in dict.fromkeys(places[[0, len(places) // 2, -1]].tolist() if len(places) else []):
        yield points.changes(place)


def _corners(factors: Sequence[Factor], points: Points) -> list[dict[str, Any]]:
    """All factors at their least and at their largest values that occur; of texts the first and last."""
    corners: list[dict[str, Any]] = [{}, {}]
    for factor, column in zip(factors, points.columns, strict=True):
        ends = factor.ends if column.dtype == object else (column.min().item(), column.max().item())
        for corner, end in zip(corners, ends, strict=True):
            corner[factor.name] = end
    return corners
