"""A scenario as text: TOML with comments, rows of a parameter table, values parsed from a command line."""

import csv
import io
import json
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from hashcredit.simulator.errors import ScenarioError
from hashcredit.simulator.inputs import read_regular
from hashcredit.simulator.scenario.facts import facts
from hashcredit.simulator.scenario.fields.base import CHOICE, documentation, of_kind

NONE = "none"
"""How a scenario file says that an optional field is absent."""

DEEPEST = 50
"""Tables and arrays in each other; a scenario needs three."""

_PART = r"""(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')"""
_ENDLESS_KEY = re.compile(rf"(?<![\w-])(?:{_PART}[ \t]*+\.[ \t]*+){{{DEEPEST}}}")


@dataclass(frozen=True)
class Parameter:
    """One row of the parameter table."""

    field: str
    value: Any
    default: Any  # of the baseline; source and evidence are the default's
    unit: str
    low: Any
    high: Any
    meaning: str
    source: str
    evidence: str


def parameters(
    section: BaseModel, baseline: BaseModel, prefix: str = "", kind: int = -1
) -> Iterator[Parameter]:
    """Every documented field of a section and of the sections inside it, beside its baseline value."""
    nested = 0
    for name, field in type(section).model_fields.items():
        value, default, dotted = getattr(section, name), getattr(baseline, name), f"{prefix}{name}"
        if documentation(field):
            yield _parameter(dotted, value, default, documentation(field), kind)
        elif isinstance(value, BaseModel):
            yield from parameters(value, default, f"{dotted}.", nested)
            nested += 1
        else:
            known = {machine.name: machine for machine in default}
            for machine in value:
                yield from _machine_parameters(machine, known.get(machine.name), f"{dotted}.{machine.name}.")


def _machine_parameters(machine: Any, default: Any, prefix: str) -> Iterator[Parameter]:
    """Rows of one machine type, whose numbers have keys of their own."""
    for name, field in type(machine).model_fields.items():
        known = None if default is None else getattr(default, name)
        row = _parameter(f"{prefix}{name}", getattr(machine, name), known, documentation(field), -1)
        key = f"{machine.source}.{name.removesuffix('_date')}"
        if key in facts():
            row = replace(row, source=key, evidence=facts()[key].tag)
        elif machine.source != CHOICE and field.annotation is float:
            row = replace(row, source=machine.source, evidence=machine.evidence)
        yield row


def _parameter(dotted: str, value: Any, default: Any, about: Mapping[str, Any], kind: int) -> Parameter:
    source, evidence = about["source"], about["evidence"]
    if "defaults_by_kind" in about:
        source, evidence = of_kind(source, kind), of_kind(evidence, kind)
    return Parameter(
        field=dotted,
        value=value,
        default=default,
        unit=about["unit"],
        low=about["low"],
        high=about["high"],
        meaning=about["meaning"],
        source=source if isinstance(source, str) else "; ".join(source),
        evidence=evidence if isinstance(evidence, str) else "; ".join(evidence),
    )


def remark(row: Parameter) -> str:
    """What stands behind a value in a commented scenario file."""
    unit = "" if row.unit == "none" else f" [{row.unit}]"
    if row.field.startswith("machine."):
        return f"  # {row.meaning}{unit}"
    sources, tags = row.source.split("; "), row.evidence.split("; ")
    pairs = zip(sources, tags if len(tags) == len(sources) else tags * len(sources), strict=True)
    origin = ", ".join(f"{tag}: {source}" for source, tag in pairs)
    if row.value != row.default:
        origin = f"the baseline has {toml_value(row.default)} ({origin})"
    return f"  # {row.meaning}{unit}; {origin}"


def toml_value(value: Any) -> str:
    """One value in TOML notation."""
    if value is None:
        return json.dumps(NONE)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, list | tuple):
        return "[" + ", ".join(toml_value(entry) for entry in value) + "]"
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_key(k)} = {toml_value(v)}" for k, v in value.items()) + " }"
    return repr(value)


def _key(name: str) -> str:
    bare = name.isascii() and name.replace("_", "").replace("-", "").isalnum()
    return name if bare else json.dumps(name, ensure_ascii=False)


def toml_document(data: Mapping[str, Any], comments: Mapping[str, str]) -> str:
    """A complete scenario file; `comments` maps dotted names to the remark behind the value."""
    lines: list[str] = []
    for name, content in data.items():
        if name == "machine":
            for machine in content:
                lines += ["", "[[machine]]", *_entries(machine, f"machine.{machine['name']}", comments)]
        elif isinstance(content, Mapping):
            lines += _section(name, content, comments)
        else:
            lines += _entries({name: content}, "", comments)
    return "\n".join(lines) + "\n"


def _entries(content: Mapping[str, Any], prefix: str, comments: Mapping[str, str]) -> list[str]:
    """One line a value."""
    dotted = {key: f"{prefix}.{key}" if prefix else key for key in content}
    return [f"{_key(k)} = {toml_value(v)}{comments.get(dotted[k], '')}" for k, v in content.items()]


def _section(name: str, content: Mapping[str, Any], comments: Mapping[str, str]) -> list[str]:
    """Lines of a section, or of the tables by kind of agent inside it."""
    if all(isinstance(terms, Mapping) for terms in content.values()):
        return [
            line for kind, terms in content.items() for line in _section(f"{name}.{kind}", terms, comments)
        ]
    return ["", f"[{name}]", *_entries(content, name, comments)]


def parse_toml(text: str) -> dict[str, Any]:
    """Content of a TOML text from anywhere; ValueError where it is not valid or nested without an end.

    The standard parser takes time with the square of a dotted key's parts, and recurses as deep as arrays go.
    """
    content: dict[str, Any] | None = None
    if _ENDLESS_KEY.search(text) is None:
        with suppress(RecursionError):  # refused after it: what pickles the errors behind an error recurses
            content = tomllib.loads(text)
    if content is None or not _is_shallow(content):
        raise ValueError(f"this is nested more than {DEEPEST} times")
    return content


def _is_shallow(content: dict[str, Any]) -> bool:
    """Whether tables and arrays lie in each other at most `DEEPEST` times."""
    level: list[Any] = [content]
    for _ in range(DEEPEST):
        inner = [part for each in level for part in (each.values() if isinstance(each, dict) else each)]
        level = [part for part in inner if isinstance(part, dict | list)]
        if not level:
            return True
    return False


def parse_value(text: str) -> Any:
    """A value as it would be read from a TOML file; text that is not TOML stays text."""
    try:
        document = parse_toml(f"value = {text}")
    except ValueError:
        return text
    return document["value"] if set(document) == {"value"} else text


def parse_assignments(assignments: Sequence[str]) -> dict[str, Any]:
    """`key=value` texts of a command line as changes for `Scenario.with_changes`."""
    changes: dict[str, Any] = {}
    for assignment in assignments:
        key, equals, text = assignment.partition("=")
        key = key.strip()
        if not equals or not key:
            raise ScenarioError("--set", assignment, "key=value, such as shocks.btc_volatility=0.6")
        if any("\ud800" <= letter <= "\udfff" for letter in assignment):
            raise ScenarioError(key, text.strip(), "text in UTF-8")
        if key in changes:
            raise ScenarioError(key, text.strip(), "one value; this field is set twice")
        changes[key] = parse_value(text.strip())
    return changes


def read_knots(field: str, file: Path) -> tuple[tuple[int, float], ...]:
    """A path from a CSV file with the columns week and value."""
    try:
        text = read_regular(file).decode()
        rows = list(csv.reader(io.StringIO(text, newline="")))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or "not a text file"
        raise ScenarioError(
            field, str(file), f"a readable CSV file with columns week,value ({reason})"
        ) from None
    rows = [row for row in rows if row]
    if not rows or [name.strip() for name in rows[0]] != ["week", "value"]:
        raise ScenarioError(field, str(file), "a CSV file whose first line is week,value")
    if len(rows) < 2:
        raise ScenarioError(field, str(file), "a CSV file with at least one line under week,value")
    return tuple(_knot(field, file, line, row) for line, row in enumerate(rows[1:], start=2))


def _knot(field: str, file: Path, line: int, row: list[str]) -> tuple[int, float]:
    try:
        week, value = row
        return int(week), float(value)
    except ValueError:
        wanted = f"a whole week and a number in line {line} of {file.name}"
        raise ScenarioError(field, ",".join(row), wanted) from None
