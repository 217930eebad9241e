"""The prior of unsourced parameters: a range and its reason for each field that no source gives.

`simulator/calibration/priors.toml` has them. A field is unsourced where its evidence is C, a modelling
choice. What a scenario sets otherwise than the baseline is its story, and no part of the prior any more.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal, Self

from pydantic import model_validator

from hashcredit.experiments.study.factors import checked
from hashcredit.simulator.errors import StudyError
from hashcredit.simulator.scenario.errors import hint
from hashcredit.simulator.scenario.fields.base import Section, field, refused
from hashcredit.simulator.scenario.fields.types import plain
from hashcredit.simulator.scenario.scenario import Scenario
from hashcredit.simulator.scenario.text import parse_toml

FILE = "priors.toml"
UNSOURCED = "C"
"""Evidence of a field that no source gives; of a list of numbers, of one of them at least."""

PRIORS = "priors"
"""The key of a study that makes factors of them."""

Scale = Literal["linear", "log"]


@dataclass(frozen=True)
class Prior:
    """What a field could as well be."""

    field: str
    """Dotted name."""
    unit: str
    default: Any
    """Value of the baseline."""
    reason: str
    low: float | None = None
    high: float | None = None
    """Ends, both included, in the unit of the field; None where values are given one by one."""
    scale: Scale = "linear"
    values: tuple[Any, ...] = ()
    """Those of a switch, a choice or a list of numbers, each as likely."""

    @property
    def factor(self) -> Any:
        """The same as it may stand under [factors] in a study file."""
        if self.values:
            return list(self.values)
        return {"low": self.low, "high": self.high, "scale": self.scale}


class _Range(Section):
    """A table [[range]] of the file."""

    fields: tuple[str, ...] = field(..., "dotted names, * for any one part")
    low: float | None = field(None, "least value", low=-1e300, high=1e300)
    high: float | None = field(None, "largest value", low=-1e300, high=1e300)
    scale: Scale = field("linear", "'linear' or 'log'")
    times: tuple[float, ...] = field(
        (), "least and largest multiple of the baseline's value", low=0.0, high=1e6
    )
    values: tuple[Any, ...] = field((), "values, each as likely")
    reason: str = field(..., "why not less and not more")

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        ways = [self.low is not None and self.high is not None, len(self.times) == 2, len(self.values) > 1]
        if sum(ways) != 1 or (self.low is None) != (self.high is None):
            raise refused("fields", self.fields, "either low and high, or two times, or values")
        return self


class _LeftOut(Section):
    """A table [[left_out]]."""

    fields: tuple[str, ...] = field(..., "dotted names, * for any one part")
    reason: str = field(..., "why they have no range")


def unsourced_fields(scenario: Scenario) -> list[str]:
    """Dotted names of the fields of a scenario that no source gives."""
    return [row.field for row in scenario.describe() if UNSOURCED in row.evidence]


def priors(scenario: Scenario | None = None, fields: Iterable[str] | None = None) -> tuple[Prior, ...]:
    """Ranges of the unsourced fields, in the order of the fields.

    scenario    fields that it sets otherwise than the baseline are left out; the baseline if left out
    fields      names, or beginnings of them such as "credit" and "lenders.bank"; all if left out

    Raises StudyError for a name that no range belongs to.
    """
    found = _all()
    if scenario is not None:
        given = {row.field: row.value for row in scenario.describe()}
        found = tuple(each for each in found if each.field in given and given[each.field] == each.default)
    if fields is None:
        return found
    wanted = tuple(fields)
    for name in wanted:
        if not any(_is_under(each.field, name) for each in found):
            reason = left_out().get(name)
            known = f"a field with a range; {hint(name, [each.field for each in found])}"
            raise StudyError("priors", name, f"{known}; this one has none: {reason}" if reason else known)
    return tuple(each for each in found if any(_is_under(each.field, name) for name in wanted))


def prior_factors(given: Any, scenarios: Iterable[Scenario], taken: Iterable[str]) -> dict[str, Any]:
    """What `priors = true`, or a list of names, adds under [factors] of a study: fields not `taken` yet.

    A field that one of the scenarios sets otherwise than the baseline has no range in any. Raises StudyError.
    """
    if given is True:
        names = None
    elif isinstance(given, list | tuple) and given and all(isinstance(name, str) for name in given):
        names = tuple(given)
    else:
        raise StudyError(PRIORS, given, "true, or a list of fields and of beginnings of them")
    found = priors(None, names)
    for scenario in scenarios:
        open_fields = {each.field for each in priors(scenario)}
        found = tuple(each for each in found if each.field in open_fields)
    if not found:
        raise StudyError(PRIORS, given, "a field that these scenarios leave as the baseline has it")
    return {each.field: each.factor for each in found if each.field not in set(taken)}


def left_out() -> dict[str, str]:
    """Unsourced fields that have no range, with the reason."""
    ranges, rest = _tables()
    return {
        name: table.reason for name, table in _matched(ranges + rest).items() if isinstance(table, _LeftOut)
    }


@cache
def _all() -> tuple[Prior, ...]:
    baseline = Scenario.load()
    ranges, rest = _tables()
    tables = _matched(ranges + rest)
    found = []
    for row in baseline.describe():
        table = tables.get(row.field)
        if isinstance(table, _Range):
            found.append(_prior(row.field, row.unit, row.value, table))
    return tuple(found)


def _prior(name: str, unit: str, default: Any, table: _Range) -> Prior:
    if table.values:
        return Prior(name, unit, default, table.reason, values=table.values)
    if not table.times:
        return Prior(name, unit, default, table.reason, table.low, table.high, table.scale)
    low, high = (default * factor for factor in table.times)
    if isinstance(default, int):
        low, high = round(low), round(high)
    return Prior(name, unit, default, table.reason, low, high, "log")


def _matched(tables: Sequence[_Range | _LeftOut]) -> dict[str, _Range | _LeftOut]:
    """Unsourced fields of the baseline with the table that each belongs to.

    StudyError for one that belongs to none or to two, and for names in the file that belong to no field.
    """
    names = unsourced_fields(Scenario.load())
    found: dict[str, _Range | _LeftOut] = {}
    for table in tables:
        for pattern in table.fields:
            text = re.escape(pattern).replace(r"\*", r"[^.]*")
            of_pattern = [name for name in names if re.fullmatch(text, name)]
            if not of_pattern:
                raise StudyError(FILE, pattern, f"an unsourced field; {hint(pattern, names)}")
            for name in of_pattern:
                if name in found:
                    raise StudyError(FILE, name, "a field in one table; this one is in two")
                found[name] = table
    for name in names:
        if name not in found:
            raise StudyError(FILE, name, "in a [[range]] or among [[left_out]]: no source gives it")
    return found


@cache
def _tables() -> tuple[tuple[_Range | _LeftOut, ...], tuple[_Range | _LeftOut, ...]]:
    text = (files("hashcredit.simulator") / "calibration" / FILE).read_text(encoding="utf-8")
    content = parse_toml(text)
    ranges = tuple(checked(_Range, plain(table), f"{FILE}, range") for table in content["range"])
    return ranges, tuple(
        checked(_LeftOut, plain(table), f"{FILE}, left_out") for table in content["left_out"]
    )


def _is_under(name: str, beginning: str) -> bool:
    return name == beginning or name.startswith(f"{beginning}.")
