"""Types of scenario fields: what kind of value, in which unit, within which bounds.

A field may narrow the bounds of its type: `spacing_weeks: WholeWeeks = field(13, "...", high=520)`.
"""

from collections.abc import Iterator
from datetime import date
from enum import IntEnum
from typing import Annotated, Any, NoReturn, TypeVar

from pydantic import AfterValidator, Field, GetCoreSchemaHandler
from pydantic.fields import FieldInfo
from pydantic_core import CoreSchema, core_schema

Element = TypeVar("Element")


def unit(name: str, low: Any = None, high: Any = None) -> Any:
    """What a type says of its values.

    Parameters
    ----------
    name : str
        Unit as written in scenario files, 'none' for codes, switches and pure numbers.
    low, high : number, optional
        Bounds, both included; they hold for every number of a list or table.
    """
    return Field(json_schema_extra={"unit": name, "low": low, "high": high})


def meaning(text: str) -> Any:
    """For types of fields that several sections have: what they mean there."""
    return Field(json_schema_extra={"meaning": text})


def choice(codes: type[IntEnum]) -> Any:
    """One of the words of an enumeration; kernels compare the number behind it."""
    info: FieldInfo = unit("none")
    info.metadata.append(Choice(codes))
    return info


def knots(name: str, low: Any, high: Any) -> Any:
    """Like `unit`, of [week, value] pairs; the bounds hold for the values."""
    return Field(json_schema_extra={"unit": name, "low": low, "high": high, "knots": True})


class Choice:
    """Accepts the names of an enumeration's members, in lower case and with hyphens."""

    def __init__(self, codes: type[IntEnum]) -> None:
        self.codes = {code.name.lower().replace("_", "-"): code for code in codes}

    def __get_pydantic_core_schema__(self, _: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.literal_schema(list(self.codes))


class Shares(dict[str, float]):
    """Weights by machine name; a dictionary that cannot be changed."""

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise TypeError("a scenario is frozen: use Scenario.with_changes")

    __setitem__ = __delitem__ = __ior__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse

    def __reduce__(self) -> tuple[Any, ...]:
        return (Shares, (dict(self),))


Knots = tuple[tuple[int, float], ...]
"""Pairs [week, value], weeks ascending; linear in between, flat outside."""
Path = float | Knots

BySiteClass = tuple[float, float, float, float]
ByGrade = tuple[float, float, float, float]
ByCooling = tuple[float, float, float]
ByAsset = tuple[float, float, float, float, float]
ByAssetButBTC = tuple[float, float, float, float]

Text = Annotated[str, unit("none")]
MaybeText = Annotated[str | None, unit("none")]
Switch = Annotated[bool, unit("none")]
Day = Annotated[date, unit("date")]

Agents = Annotated[int, unit("agents", 0, 200_000)]
Units = Annotated[int, unit("units", 0, 10**7)]
SiteClass = Annotated[int, unit("none", 0, 3)]
Week = Annotated[int, unit("week", 0, 1039)]
Delay = Annotated[int, unit("weeks", 0, 104)]
WholeWeeks = Annotated[int, unit("weeks", 1, 1040)]
Weeks = Annotated[float, unit("weeks", 0.0, 1040.0)]
Years = Annotated[float, unit("years", 0.0, 30.0)]

Share = Annotated[float, unit("fraction", 0.0, 1.0)]
Fraction = Annotated[float, unit("fraction", 0.0, 2.0)]
Ratio = Annotated[float, unit("ratio", 0.0, 1000.0)]
Probability = Annotated[float, unit("probability", 0.0, 1.0)]
Correlation = Annotated[float, unit("correlation", -1.0, 1.0)]
Log = Annotated[float, unit("log", 0.0, 3.0)]
Number = Annotated[float, unit("none", 0.0, 10.0)]

AnnualRate = Annotated[float, unit("1/yr", 0.0, 0.5)]
"""Of interest; growth and what else happens a year are the next two."""
Growth = Annotated[float, unit("1/yr", -1.0, 2.0)]
PerYear = Annotated[float, unit("1/yr", 0.0, 52.0)]
Volatility = Annotated[float, unit("1/yr^0.5", 0.0, 3.0)]

MillionUSD = Annotated[float, unit("M$", 0.0, 1e6)]
BillionUSD = Annotated[float, unit("bn$", 0.0, 1e5)]
BillionUSDAYear = Annotated[float, unit("bn$/yr", 0.0, 1e4)]
USDAUnit = Annotated[float, unit("USD/unit", 0.0, 1e5)]
USDAUnitAndWeek = Annotated[float, unit("USD/unit-week", 0.0, 1000.0)]

Weight = Annotated[float, unit("weight", 0.0, 1e6)]
SiteClassWeights = Annotated[BySiteClass, unit("weight", 0.0, 1e6)]
GradeWeights = Annotated[ByGrade, unit("weight", 0.0, 1e6)]
MachineWeights = Annotated[dict[str, float], AfterValidator(Shares), unit("weight", 0.0, 1e6)]
GradeRates = Annotated[ByGrade, unit("1/yr", 0.0, 0.5)]
GradeShares = Annotated[ByGrade, unit("fraction", 0.0, 1.0)]


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
