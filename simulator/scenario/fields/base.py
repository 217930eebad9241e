"""What every section of a scenario has in common: documented, bounded, frozen fields."""

import math
import re
from collections.abc import Iterator
from datetime import date
from itertools import pairwise
from typing import Any, ClassVar, Self, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError

from hashcredit.simulator.scenario.fields.types import Choice, leaves, plain

CHOICE = "modelling choice"
EVIDENCE = {
    "P": "primary source",
    "S": "secondary source",
    "E": "estimate of a vendor, blog or model",
    "D": "derived by arithmetic",
    "U": "general knowledge, no source",
    "N": "searched, not found",
    "C": "modelling choice",
}

Terms = TypeVar("Terms", bound=BaseModel)

_ISO_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")

InOrder = tuple[tuple[str, str, str], ...]
"""Pairs of fields and what holds of them: ("stay_low", "at most", "stay_high")."""


class _AtStart:
    """Marks a field that is read before the first week and never again."""


def field(
    default: Any,
    meaning: str = "",
    *,
    low: Any = None,
    high: Any = None,
    source: str | tuple[str, ...] = f"C: {CHOICE}",
    at_start: bool = False,
) -> Any:
    """A field of a section that documents itself; unit and bounds come with its type.

    Parameters
    ----------
    default : object
        Value in the baseline, `...` for a field that must be given.
    meaning : str
        One line; empty if the type has it.
    low, high : number or date, optional
        Bounds, both included, where they differ from those of the type.
    source : str or tuple of str
        Tag from `EVIDENCE` and key in the calibration tables, such as "E: power.price.dc"; a tuple gives one
        for each element.
    at_start : bool
        Whether it is read before the first week only, so that interventions cannot change it.
    """
    about = _documentation(meaning, low, high, source)
    info: FieldInfo = Field(default=default, json_schema_extra=about)
    info.metadata += [_AtStart()] if at_start else []
    return info


def by_kind(defaults: tuple[Any, ...], meaning: str, *, at_start: bool = False, **about: Any) -> Any:
    """Like `field`, for a field whose default, source and tag differ between kinds of agent."""
    info = field(..., meaning, at_start=at_start, **about)
    info.json_schema_extra["defaults_by_kind"] = list(defaults)
    return info


def _documentation(meaning: str, low: Any, high: Any, source: str | tuple[str, ...]) -> dict[str, Any]:
    """What a field says itself; bounds and meaning that it leaves out are its type's."""
    origins = (source,) if isinstance(source, str) else source
    tags, _, keys = zip(*(each.partition(": ") for each in origins), strict=True)
    own = {"meaning": meaning or None, "low": _shown(low), "high": _shown(high)}
    about = {name: entry for name, entry in own.items() if entry is not None}
    return {**about, "source": _once(keys), "evidence": _once(tags)}


def _shown(bound: Any) -> Any:
    return bound.isoformat() if isinstance(bound, date) else bound


def _once(entries: tuple[str, ...]) -> str | list[str]:
    """The entry if all are the same, else one for each element."""
    return entries[0] if len(set(entries)) == 1 else list(entries)


def documentation(info: FieldInfo) -> dict[str, Any]:
    """Unit, meaning, bounds, source and tag of a field declared with `field` or `by_kind`; else empty."""
    extra = info.json_schema_extra
    return {"unit": "none", "low": None, "high": None, **extra} if isinstance(extra, dict) else {}


def is_settled_at_start(info: FieldInfo) -> bool:
    """Whether no later week reads the field."""
    return any(isinstance(mark, _AtStart) for mark in info.metadata)


def choice_of(info: FieldInfo) -> Choice | None:
    """The enumeration behind a field that takes a few words."""
    return next((mark for mark in info.metadata if isinstance(mark, Choice)), None)


def of_kind(entry: Any, kind: int) -> Any:
    """The part of a source or tag that belongs to one kind or element."""
    return entry[kind] if isinstance(entry, list) else entry


def kind_defaults(terms: type[Terms], kind: int) -> Terms:
    """Baseline terms of one kind of agent, from the `by_kind` defaults of the fields."""
    fields = terms.model_fields.items()
    return terms(**{name: documentation(info)["defaults_by_kind"][kind] for name, info in fields})


def refused(name: str, value: Any, allowed: str) -> PydanticCustomError:
    """The error that a validator raises; `Scenario` turns it into a ScenarioError."""
    return PydanticCustomError("refused", "refused", {"field": name, "value": value, "allowed": allowed})


def range_text(low: Any, high: Any, unit: str) -> str:
    """Bounds in words."""
    suffix = "" if unit == "none" else f" [{unit}]"
    if low is None and high is None:
        return suffix.strip()
    return f"from {low} to {high}{suffix}"


class Section(BaseModel):
    """A group of scenario fields: frozen, no unknown names, every number finite and within its bounds."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, validate_default=True)

    open_to_policy: ClassVar[bool] = False
    """Whether weeks read its numbers, so that interventions may change them."""

    in_order: ClassVar[InOrder] = ()
    """What is refused otherwise."""

    def __hash__(self) -> int:
        values = self.__dict__.values()
        return hash(tuple(frozenset(value.items()) if isinstance(value, dict) else value for value in values))

    @field_validator("*", mode="before")
    @classmethod
    def _accept_plain(cls, value: Any, info: ValidationInfo) -> Any:
        """Whole numbers written as 52.0, lists for tuples, 'none' for an absent optional field."""
        about = cls.model_fields[str(info.field_name)]
        value = plain(value)
        if about.annotation is int and isinstance(value, float) and value.is_integer():
            return int(value)
        if value == "none" and _is_optional(about):
            return None
        if isinstance(value, str) and date in (about.annotation, *get_args(about.annotation)):
            return _day(value)
        return value

    @field_validator("*", mode="after")
    @classmethod
    def _within_bounds(cls, value: Any, info: ValidationInfo) -> Any:
        """NaN, infinities and values outside the documented bounds are refused."""
        about = documentation(cls.model_fields[str(info.field_name)])
        for number in _path_values(value) if about.get("knots") else leaves(value):
            _check_number(number, about)
        if about.get("knots"):
            _check_knots(value, cls.model_fields[str(info.field_name)])
        if about.get("unit") == "weight" and isinstance(value, tuple):
            check_weights("", value)
        return value

    @model_validator(mode="after")
    def _is_in_order(self) -> Self:
        for name, relation, other in self.in_order:
            value, bound = getattr(self, name), getattr(self, other)
            kept = {"at most": value <= bound, "at least": value >= bound, "less than": value < bound}
            if not kept[relation]:
                raise refused(name, value, f"{relation} {other} = {bound}")
        return self


def _day(text: str) -> Any:
    """The day that a text in quotes names, or the text itself, which is refused later."""
    try:
        return date.fromisoformat(text) if _ISO_DAY.fullmatch(text) else text
    except ValueError:  # no such day in the calendar
        return text


def _is_optional(info: FieldInfo) -> bool:
    return type(None) in getattr(info.annotation, "__args__", ())


def _check_number(number: Any, about: dict[str, Any]) -> None:
    """Refuse a number or a day that is not finite or out of bounds; other values pass."""
    if isinstance(number, bool | str) or number is None or isinstance(number, BaseModel):
        return
    low, high = about.get("low"), about.get("high")
    if isinstance(number, float) and not math.isfinite(number):
        raise refused("", number, "a finite number " + range_text(low, high, about["unit"]))
    if isinstance(number, date):
        number = number.isoformat()
    if (low is not None and number < low) or (high is not None and number > high):
        raise refused("", number, "a value " + range_text(low, high, about["unit"]))


def _path_values(value: Any) -> Iterator[Any]:
    """The values of a constant or of knots, weeks left out."""
    if isinstance(value, tuple):
        for knot in value:
            yield knot[1]
    else:
        yield value


def _check_knots(path: Any, info: FieldInfo) -> None:
    """Weeks of a path are whole, not negative and ascending; a path that may be a constant is not empty."""
    if not isinstance(path, tuple):
        return
    weeks = [week for week, _ in path]
    if any(week < 0 for week in weeks) or any(a >= b for a, b in pairwise(weeks)):
        raise refused("", weeks, "pairs [week, value] with ascending weeks from 0 on")
    if not weeks and info.default != ():
        raise refused("", [], "a number or at least one [week, value] pair")


def check_weights(name: str, weights: Any) -> None:
    """Weights must not all be zero."""
    if not sum(leaves(weights)) > 0.0:
        value = weights if isinstance(weights, tuple) else dict(weights)
        raise refused(name, value, "weights that do not sum to zero")


# Finding fields


def inner_model(field: FieldInfo) -> type[BaseModel] | None:
    """The section behind a field, also when it is optional or a list of tables."""
    candidates = [field.annotation, *get_args(field.annotation)]
    for candidate in candidates:
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            return candidate
    return None


def optional_section(model: type[BaseModel], dotted: str) -> type[BaseModel] | None:
    """The section behind a field that may be 'none' instead; None for any other field."""
    info = named_field(model, dotted)
    return inner_model(info) if info is not None and type(None) in get_args(info.annotation) else None


def inner_sections(model: type[BaseModel]) -> dict[str, type[Section]]:
    """Sections that a scenario consists of, or tables by kind of agent that a section consists of."""
    inner = ((name, info.annotation) for name, info in model.model_fields.items() if not documentation(info))
    return {name: kind for name, kind in inner if isinstance(kind, type) and issubclass(kind, Section)}


def named_field(model: type[BaseModel], dotted: str) -> FieldInfo | None:
    """The field behind a dotted name, None if there is none."""
    name, _, rest = dotted.partition(".")
    info = model.model_fields.get(name)
    inner = None if info is None else inner_model(info)
    return info if not rest else None if inner is None else named_field(inner, rest)
