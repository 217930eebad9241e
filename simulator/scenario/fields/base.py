"""What every section of a scenario has in common: documented, bounded, frozen fields."""

import math
from collections.abc import Iterator
from datetime import date
from itertools import pairwise
from typing import Annotated, Any, NoReturn, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo, field_validator
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError

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


class Shares(dict[str, float]):
    """Weights by machine name; a dictionary that cannot be changed."""

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise TypeError("a scenario is frozen: use Scenario.with_changes")

    __setitem__ = __delitem__ = __ior__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(frozenset(self.items()))

    def __reduce__(self) -> tuple[Any, ...]:
        return (Shares, (dict(self),))


ShareTable = Annotated[dict[str, float], AfterValidator(Shares)]
Knots = tuple[tuple[int, float], ...]
"""Pairs [week, value], weeks ascending; linear in between, flat outside."""
Path = float | Knots

BySiteClass = tuple[float, float, float, float]
ByGrade = tuple[float, float, float, float]
ByCooling = tuple[float, float, float]


def quantity(
    default: Any,
    *,
    unit: str,
    meaning: str,
    low: Any = None,
    high: Any = None,
    source: str | tuple[str, ...] = CHOICE,
    evidence: str | tuple[str, ...] = "C",
) -> Any:
    """A pydantic field that documents itself.

    Parameters
    ----------
    default : object
        Value in the baseline.
    unit : str
        As written in scenario files, 'none' for codes and switches.
    meaning : str
        One line.
    low, high : number or date, optional
        Bounds, both included; they hold for every number of a list or table.
    source : str or tuple of str
        Key in the calibration tables or 'modelling choice'; a tuple gives one for each element.
    evidence : str or tuple of str
        Tag from `EVIDENCE`, one or one for each element.
    """
    return Field(
        default=default,
        json_schema_extra=_documentation(unit, meaning, low, high, source, evidence),
    )


def by_kind(
    defaults: tuple[Any, ...],
    *,
    unit: str,
    meaning: str,
    low: Any = None,
    high: Any = None,
    source: str | tuple[str, ...] = CHOICE,
    evidence: str | tuple[str, ...] = "C",
) -> Any:
    """Like `quantity`, for a field whose default, source and tag differ between kinds of agent."""
    documentation = _documentation(unit, meaning, low, high, source, evidence)
    documentation["defaults_by_kind"] = list(defaults)
    return Field(json_schema_extra=documentation)


def _documentation(
    unit: str,
    meaning: str,
    low: Any,
    high: Any,
    source: str | tuple[str, ...],
    evidence: str | tuple[str, ...],
) -> dict[str, Any]:
    return {
        "unit": unit,
        "meaning": meaning,
        "low": low.isoformat() if isinstance(low, date) else low,
        "high": high.isoformat() if isinstance(high, date) else high,
        "source": source if isinstance(source, str) else list(source),
        "evidence": evidence if isinstance(evidence, str) else list(evidence),
    }


def documentation(field: FieldInfo) -> dict[str, Any]:
    """Unit, meaning, bounds, source and tag of a field declared with `quantity` or `by_kind`."""
    extra = field.json_schema_extra
    return dict(extra) if isinstance(extra, dict) else {}


def of_kind(entry: Any, kind: int) -> Any:
    """The part of a source or tag that belongs to one kind or element."""
    return entry[kind] if isinstance(entry, list) else entry


def kind_defaults(terms: type[Terms], kind: int) -> Terms:
    """Baseline terms of one kind of agent, from the `by_kind` defaults of the fields."""
    return terms(
        **{name: documentation(field)["defaults_by_kind"][kind] for name, field in terms.model_fields.items()}
    )


def refused(field: str, value: Any, allowed: str) -> PydanticCustomError:
    """The error that a validator raises; `Scenario` turns it into a ScenarioError."""
    return PydanticCustomError("refused", "refused", {"field": field, "value": value, "allowed": allowed})


def leaves(value: Any) -> Iterator[Any]:
    """Every single number, date or text inside a field's value."""
    if isinstance(value, dict):
        for entry in value.values():
            yield from leaves(entry)
    elif isinstance(value, tuple):
        for entry in value:
            yield from leaves(entry)
    else:
        yield value


def plain(value: Any) -> Any:
    """Lists as tuples and NumPy scalars as Python numbers, all the way down."""
    if type(value).__module__ == "numpy":
        value = value.tolist()
    if isinstance(value, list | tuple):
        return tuple(plain(entry) for entry in value)
    if isinstance(value, dict):
        return {key: plain(entry) for key, entry in value.items()}
    return value


def range_text(low: Any, high: Any, unit: str) -> str:
    """Bounds in words."""
    suffix = "" if unit == "none" else f" [{unit}]"
    if low is None and high is None:
        return suffix.strip()
    return f"from {low} to {high}{suffix}"


class Section(BaseModel):
    """A group of scenario fields: frozen, no unknown names, every number finite and within its bounds."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, validate_default=True)

    @field_validator("*", mode="before")
    @classmethod
    def _accept_plain(cls, value: Any, info: ValidationInfo) -> Any:
        """Whole numbers written as 52.0, lists for tuples, 'none' for an absent optional field."""
        field = cls.model_fields[str(info.field_name)]
        value = plain(value)
        if field.annotation is int and isinstance(value, float) and value.is_integer():
            return int(value)
        if value == "none" and _is_optional(field):
            return None
        return value

    @field_validator("*", mode="after")
    @classmethod
    def _within_bounds(cls, value: Any, info: ValidationInfo) -> Any:
        """NaN, infinities and values outside the documented bounds are refused."""
        name = str(info.field_name)
        about = documentation(cls.model_fields[name])
        numbers = _path_values(value) if about.get("knots") else leaves(value)
        for number in numbers:
            if isinstance(number, bool | str) or number is None or isinstance(number, BaseModel):
                continue
            if isinstance(number, float) and not math.isfinite(number):
                raise refused(
                    "", number, "a finite number " + range_text(about["low"], about["high"], about["unit"])
                )
            low, high = about["low"], about["high"]
            if isinstance(number, date):
                number = number.isoformat()
            if (low is not None and number < low) or (high is not None and number > high):
                raise refused("", number, "a value " + range_text(low, high, about["unit"]))
        return value


def _is_optional(field: FieldInfo) -> bool:
    return type(None) in getattr(field.annotation, "__args__", ())


def _path_values(value: Any) -> Iterator[Any]:
    """The values of a constant or of knots, weeks left out."""
    if isinstance(value, tuple):
        for knot in value:
            yield knot[1]
    else:
        yield value


def path(default: Any, **about: Any) -> Any:
    """A field that is a constant or a list of [week, value] pairs; bounds hold for the values."""
    field = quantity(default, **about)
    field.json_schema_extra["knots"] = True
    return field


def check_knots(name: str, knots: Any) -> None:
    """Weeks of a path are whole, not negative and ascending."""
    if not isinstance(knots, tuple):
        return
    weeks = [week for week, _ in knots]
    if any(week < 0 for week in weeks) or any(a >= b for a, b in pairwise(weeks)):
        raise refused(name, weeks, "pairs [week, value] with ascending weeks from 0 on")


def check_shares(name: str, shares: Any) -> None:
    """Weights must not all be zero."""
    if not sum(leaves(shares)) > 0.0:
        raise refused(
            name, shares if isinstance(shares, tuple) else dict(shares), "weights that do not sum to zero"
        )
