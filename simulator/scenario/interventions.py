"""Interventions of a scenario: from a week on a field has another value."""

from collections.abc import Mapping
from typing import Annotated, Any, Protocol, Self, TypeVar

from pydantic import BaseModel

from hashcredit.simulator.errors import ScenarioError
from hashcredit.simulator.scenario.errors import dotted_fields, hint
from hashcredit.simulator.scenario.fields import base
from hashcredit.simulator.scenario.fields.base import (
    Section,
    documentation,
    inner_sections,
    is_settled_at_start,
    named_field,
    refused,
)
from hashcredit.simulator.scenario.fields.types import Text, Week, unit


class Intervention(Section):
    """A field that has another value from a week on."""

    week: Week = base.field(0, "first week in which it holds")
    field: Text = base.field("credit.policy_rate", "dotted name of a field of the scenario")
    value: Annotated[Any, unit("none")] = base.field(None, "its value from then on")


class Changeable(Protocol):
    """What interventions ask of a scenario."""

    @property
    def horizon_weeks(self) -> int: ...

    @property
    def interventions(self) -> tuple[Intervention, ...]: ...

    def with_changes(self, changes: Mapping[str, Any]) -> Self: ...


Whole = TypeVar("Whole", bound=Changeable)


def regimes(scenario: Whole) -> list[tuple[int, Whole]]:
    """The scenario as it is from each week on in which interventions set in, by week; each checked whole."""
    present = scenario.with_changes({"interventions": ()})
    found = []
    for week in sorted({each.week for each in scenario.interventions}):
        changes = {each.field: each.value for each in scenario.interventions if each.week == week}
        present = present.with_changes(changes)
        found.append((week, present))
    return found


def open_sections(model: type[BaseModel]) -> list[str]:
    """Sections whose numbers the weeks read; agents, machines and networks are settled at the start."""
    return [name for name, section in inner_sections(model).items() if section.open_to_policy]


def instead_of(dotted: str, model: type[BaseModel]) -> str:
    """What an intervention has to name instead of this field; empty if it may."""
    sections = open_sections(model)
    if dotted.partition(".")[0] not in sections:
        homes = [name for name in dotted_fields(model) if name.endswith(f".{dotted}")]
        near = f"; {hint(dotted, homes)}" if homes else ""
        return f"a field of a section that weeks read: {', '.join(sections)}{near}"
    info = named_field(model, dotted)
    if info is not None and is_settled_at_start(info):
        return "a field that is read after the first week; this one is settled then"
    if info is not None and documentation(info).get("knots"):
        return "a field that is not a path: a path itself says what it is in every week"
    return ""


def check_interventions(scenario: Changeable, model: type[BaseModel]) -> None:
    """Each changes, before the horizon, a number that later weeks read, to a value that the field allows."""
    seen = set()
    for place, each in enumerate(scenario.interventions):
        name = f"interventions.{place}"
        if each.week >= scenario.horizon_weeks:
            allowed = f"a week before the horizon, 0 to {scenario.horizon_weeks - 1}"
            raise refused(f"{name}.week", each.week, allowed)
        if (each.week, each.field) in seen:
            raise refused(f"{name}.field", each.field, f"one value from week {each.week} on, not two")
        seen.add((each.week, each.field))
        wanted = instead_of(each.field, model)
        if wanted:
            raise refused(f"{name}.field", each.field, wanted)
    if not scenario.interventions:
        return
    try:
        regimes(scenario)
    except ScenarioError as error:
        raise refused(f"interventions, {error.field}", error.value, error.allowed) from None
