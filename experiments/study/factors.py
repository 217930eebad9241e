"""One factor of a study: a list, a range or a distribution; a number u in [0, 1] becomes a value."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from pydantic import BaseModel, ValidationError

from hashcredit.experiments.study.distributions import DISTRIBUTIONS, LEAST_MASS, Form, Range, has_open_end
from hashcredit.experiments.study.fields import TargetField
from hashcredit.simulator.errors import StudyError
from hashcredit.simulator.scenario.errors import hint, scenario_error

LONG_LIST = 10_000
"""Values of a list that are written out in `to_dict`; of a longer one their number and hash."""

Model = TypeVar("Model", bound=BaseModel)


def checked(model: type[Model], given: Any, place: str, allowed: str = "a table") -> Model:
    """A table of a study file as a model; the StudyError names what is wrong under `place`."""
    if not isinstance(given, Mapping):
        raise StudyError(place, given, allowed)
    content = {str(name): value for name, value in given.items()}
    try:
        return model(**content)
    except ValidationError as error:
        found = scenario_error(error, model, content)
        field = ".".join(part for part in (place, found.field) if part)
        raise StudyError(field, found.value, found.allowed) from None


@dataclass(frozen=True)
class Factor:
    """What one field of the scenario is set to: `values` of a list, or the `form` of a range."""

    field: TargetField
    values: tuple[Any, ...] = ()
    form: Form | None = None

    @property
    def name(self) -> str:
        """Dotted name of the field, or 'scenario'."""
        return self.field.name

    @property
    def is_list(self) -> bool:
        """Whether the values are given one by one."""
        return self.form is None

    @property
    def open_ended(self) -> bool:
        """Whether a tail ends only where the field's documented bounds do."""
        return self.form is not None and has_open_end(self.form)

    @cached_property
    def column(self) -> np.ndarray:
        """The values of a list as an array: float64, int64, bool, or object."""
        return as_column(self.field, self.values)

    @property
    def ends(self) -> tuple[Any, Any]:
        """Least and largest value as Python numbers; of a list the first and the last."""
        if self.form is None:
            return self.values[0], self.values[-1]
        low, high = self.at(np.array([0.0, 1.0])).tolist()
        return low, high

    def at(self, u: np.ndarray) -> np.ndarray:
        """Values at numbers in [0, 1], never falling in u.

        A list of n gives entry floor(u n). Fields in whole numbers get whole numbers: of a range each is
        equally likely, of a distribution the nearest.
        """
        if self.form is None:
            count = len(self.values)
            return self.column[np.minimum((u * count).astype(np.int64), count - 1)]
        if self.field.kind != "int":
            return self.form.quantile(u, self.field.low, self.field.high)
        low, high = self.form.bounds(self.field.low, self.field.high)
        if isinstance(self.form, Range):
            values = self.form.whole_quantile(u)
        else:
            values = np.floor(self.form.quantile(u, self.field.low, self.field.high) + 0.5)
        return np.asarray(np.clip(values, np.ceil(low), np.floor(high)), np.int64)

    def to_dict(self) -> dict[str, Any]:
        """The factor as it may stand in a study file, ready for JSON."""
        if self.form is not None:
            return {**self.form.model_dump(exclude_none=True), "unit": self.field.unit}
        if len(self.values) > LONG_LIST:
            from hashlib import sha256

            return {"count": len(self.values), "sha256": sha256(json_text(self.values).encode()).hexdigest()}
        return {"values": json.loads(json_text(self.values))}


def json_text(value: Any) -> str:
    """Canonical JSON of a value."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)


def as_column(field: TargetField, values: Sequence[Any]) -> np.ndarray:
    """Converted values of a field as one array."""
    types = {"float": np.float64, "int": np.int64, "bool": np.bool_}
    is_numbers = field.kind == "path" and not any(isinstance(value, tuple) for value in values)
    if field.kind in types or is_numbers:
        return np.array(values, dtype=types.get(field.kind, np.float64))
    column = np.empty(len(values), dtype=object)
    for place, value in enumerate(values):  # lists of equal length must not become a matrix
        column[place] = value
    return column


def read_factor(given: Any, field: TargetField, place: str, folder: Path) -> Factor:
    """A factor as it stands in a study file: a list, or a table with a range or a distribution."""
    if isinstance(given, Mapping):
        return _read_form(given, field, place)
    if not isinstance(given, list | tuple):
        allowed = "a list of values, or a table such as { low = 0.5, high = 0.8 }"
        raise StudyError(place, given, allowed)
    if not given:
        raise StudyError(place, list(given), "a list of at least one value")
    return Factor(field, tuple(field.convert(value, place, folder) for value in given))


def check_different(factor: Factor, place: str) -> None:
    """No value of a list stands there twice: it would be the same point again."""
    seen: set[str] = set()
    for value in factor.column.tolist():
        text = json_text(value)
        if text in seen:
            raise StudyError(place, value, "values that differ; this one is given twice")
        seen.add(text)


def _read_form(given: Mapping[str, Any], field: TargetField, place: str) -> Factor:
    if not field.has_range:
        raise StudyError(place, dict(given), f"a list of values; each is {field.allowed or 'a scenario'}")
    form = checked(_form_class(given, place), given, place)
    if form.unit is not None and form.unit != field.unit:
        raise StudyError(f"{place}.unit", form.unit, f"{field.unit!r}, the unit of {field.name}")
    for end in ("low", "high", "mode"):
        value = getattr(form, end, None)
        if value is None:
            continue
        if not field.low <= value <= field.high:
            unit = "" if field.unit == "none" else f" [{field.unit}]"
            allowed = f"a value within the bounds of the field, {field.low} to {field.high}{unit}"
            raise StudyError(f"{place}.{end}", value, allowed)
        if field.kind == "int" and isinstance(form, Range) and not float(value).is_integer():
            raise StudyError(f"{place}.{end}", value, "a whole number, since the field has no others")
    mass = form.mass(field.low, field.high)
    if not mass >= LEAST_MASS:
        low, high = form.bounds(field.low, field.high)
        allowed = f"a distribution with at least {LEAST_MASS:.0%} of it between {low} and {high}"
        raise StudyError(place, dict(given), f"{allowed}; this one has {mass:.2g}")
    if field.kind == "int":
        low, high = form.bounds(field.low, field.high)
        if np.ceil(low) > np.floor(high):
            raise StudyError(place, dict(given), "bounds with a whole number between them")
    return Factor(field, form=form)


OTHER_NAMES = {
    **dict.fromkeys(["gaussian", "gauss"], "normal"),
    **dict.fromkeys(["log-normal", "lognorm"], "lognormal"),
    **dict.fromkeys(["range", "flat"], "uniform"),
    **dict.fromkeys(["loguniform", "log", "reciprocal"], "log-uniform"),
    "triangle": "triangular",
}
"""What distributions are called elsewhere, for suggestions."""


def _form_class(given: Mapping[str, Any], place: str) -> type[Form]:
    if "distribution" not in given:
        return Range
    name = given["distribution"]
    if not isinstance(name, str) or name not in DISTRIBUTIONS:
        allowed = f"a known distribution; {hint(str(name), DISTRIBUTIONS, other_names=OTHER_NAMES)}"
        raise StudyError(f"{place}.distribution", name, allowed)
    return DISTRIBUTIONS[name]
