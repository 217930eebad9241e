"""What a factor may change: a field of a scenario, found by its dotted name, with unit, bounds and type."""

import math
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from hashcredit.simulator.errors import StudyError
from hashcredit.simulator.scenario.errors import allowed_text, hint
from hashcredit.simulator.scenario.fields.base import (
    documentation,
    inner_model,
    optional_section,
    range_text,
)
from hashcredit.simulator.scenario.fields.machines import Machine
from hashcredit.simulator.scenario.fields.types import plain
from hashcredit.simulator.scenario.scenario import Scenario
from hashcredit.simulator.scenario.text import NONE

Kind = Literal["float", "int", "bool", "path", "other"]

SCENARIO = "scenario"
"""The factor whose values are scenarios."""

WITHOUT_EFFECT = ("name", "title")


@dataclass(frozen=True)
class TargetField:
    """A field as its documentation has it; `low` and `high` are included, None where there is no bound."""

    name: str
    kind: Kind  # "path": a number or [week, value] pairs
    unit: str = "none"
    low: Any = None
    high: Any = None
    allowed: str = ""

    @property
    def has_range(self) -> bool:
        """Whether the field takes any number between two others."""
        return self.kind in ("float", "int", "path")

    def convert(self, value: Any, place: str, folder: Path) -> Any:
        """One value of a list as the scenario wants it.

        Whole numbers written as 52.0 become whole, days become text, and files get the absolute path that
        they have from `folder`. Raises StudyError at `place` for another type, NaN and values out of bounds.
        """
        value = plain(value)
        if isinstance(value, date) and self.kind == "other":
            return value.isoformat()
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if self.kind == "int" and isinstance(value, float) and value.is_integer():
            value = int(value)
        if not self._has_type(value, number) or (number and self.has_range and not self._within(value)):
            raise StudyError(place, value, self.allowed)
        is_file = isinstance(value, str) and self.name.endswith(("_file", "_path"))
        if is_file and value.strip() and value != NONE:
            return str((folder / value).absolute())
        return value

    def _has_type(self, value: Any, number: bool) -> bool:
        if self.kind == "float":
            return number
        if self.kind == "int":
            return number and isinstance(value, int)
        if self.kind == "bool":
            return isinstance(value, bool)
        return self.kind == "other" or number or isinstance(value, tuple)

    def _within(self, value: float) -> bool:
        try:
            return math.isfinite(value) and bool(self.low <= value <= self.high)
        except OverflowError:  # a whole number beyond every float
            return False


def target_field(name: str, place: str, scenario: Scenario) -> TargetField:
    """The field behind a dotted name; StudyError at `place` with similar names if there is none."""
    model: type[BaseModel] = Scenario
    parts = name.split(".")
    if name in WITHOUT_EFFECT:
        raise StudyError(place, name, "a field that results depend on")
    while parts:
        field = model.model_fields.get(parts.pop(0))
        if field is None:
            break
        if not parts and documentation(field):
            return _documented(name, field)
        if field.annotation == dict[str, float] and len(parts) == 1:
            about = documentation(field)
            bounds = range_text(about["low"], about["high"], about["unit"])
            return TargetField(
                name, "float", about["unit"], about["low"], about["high"], f"a number {bounds}"
            )
        inner = inner_model(field)
        if inner is None:
            break
        is_machine = inner is Machine and bool(parts)
        if is_machine and parts.pop(0) not in [machine.name for machine in scenario.machine]:
            break
        model = inner
    raise StudyError(
        place, name, f"a field of scenario {scenario.name}; {hint(name, known_fields(scenario))}"
    )


def known_fields(scenario: Scenario) -> list[str]:
    """Dotted names that a factor may have, those of `Scenario.describe` and those of imposed failures."""
    names = [row.field for row in scenario.describe() if row.field not in WITHOUT_EFFECT]
    optional = ((name, optional_section(Scenario, name)) for name in names)
    below = (f"{name}.{field}" for name, section in optional if section for field in section.model_fields)
    return [*names, *below]


def is_section(name: str) -> bool:
    """Whether fields lie below this name, so that a table under it holds factors."""
    model: type[BaseModel] = Scenario
    parts = name.split(".")
    while parts:
        field = model.model_fields.get(parts.pop(0))
        inner = inner_model(field) if field is not None and not documentation(field) else None
        if inner is None:
            return False
        if inner is Machine and parts:
            parts.pop(0)
        model = inner
    return True


def _documented(name: str, field: FieldInfo) -> TargetField:
    about = documentation(field)
    return TargetField(name, _kind(field), about["unit"], about["low"], about["high"], allowed_text(field))


def _kind(field: FieldInfo) -> Kind:
    if field.annotation is bool:
        return "bool"
    if field.annotation is int:
        return "int"
    if field.annotation is float:
        return "float"
    return "path" if float in get_args(field.annotation) and documentation(field).get("knots") else "other"
