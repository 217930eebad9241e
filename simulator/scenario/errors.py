"""From pydantic's errors to one line that names the field, the value and what is allowed."""

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from hashcredit.simulator.errors import ScenarioError
from hashcredit.simulator.scenario.fields.base import choice_of, documentation, inner_model, range_text

CLOSE = 0.75
"""Likeness from which a name in the right place is meant, rather than one in another section."""

MOST_HOMES = 4
"""Sections that are named where each has a field of the same name."""


def hint(
    name: str,
    known: Iterable[str],
    *,
    elsewhere: Iterable[str] = (),
    other_names: Mapping[str, str] | None = None,
) -> str:
    """'did you mean ...' for the known names that look like this one, else the names themselves.

    elsewhere      dotted names, of which those that end in this name come first: it lacks its section
    other_names    what else the known names are called by some, in lower case with hyphens
    """
    names = list(known)
    if not names:
        return "there is none"
    usual = (other_names or {}).get(re.sub(r"[\s_-]+", "-", name.strip().lower()))
    if usual:
        return _meant([usual])
    homes = _without_section(name.lower(), names, elsewhere)
    if homes:
        return _meant(homes)
    lower = {entry.lower(): entry for entry in names}
    first = name.partition(".")[0].lower()  # a dotted name in quotes is one name to TOML
    matches = difflib.get_close_matches(name.lower(), list(lower), n=3, cutoff=0.5)
    close = [lower[match] for match in matches or ([first] if first in lower else [])]
    if close:
        return _meant(close)
    return "known are " + ", ".join(names[:30]) + (", ..." if len(names) > 30 else "")


def _without_section(name: str, known: Iterable[str], elsewhere: Iterable[str]) -> list[str]:
    """Dotted names of fields that are called this, or nearly so, in their sections."""
    names = list(known)
    dotted = [
        entry for entry in dict.fromkeys([*elsewhere, *names]) if "." in entry and entry.lower() != name
    ]
    if "." in name or not dotted:
        return []
    if difflib.get_close_matches(name, [entry.lower() for entry in names], 1, CLOSE):
        return []
    tail = {entry: entry.rpartition(".")[2].lower() for entry in dotted}
    exact = [entry for entry in dotted if tail[entry] == name]
    if exact:
        return exact[:MOST_HOMES]
    near = difflib.get_close_matches(name, set(tail.values()), 2, CLOSE)
    begun = [entry for entry in dotted if tail[entry].startswith(f"{name}_")]
    return [*begun, *(entry for entry in dotted if tail[entry] in near)][:MOST_HOMES]


def _meant(names: Iterable[str]) -> str:
    return "did you mean " + " or ".join(map(repr, names)) + "?"


def unknown(field: str, name: str, known: Iterable[str], *, elsewhere: Iterable[str] = ()) -> ScenarioError:
    """The error for a name that a section does not have; `elsewhere` are the dotted names of all fields."""
    if "." in field:  # it has a section already: another one must be right to the letter
        elsewhere = [entry for entry in elsewhere if entry.rpartition(".")[2] == name.lower()]
    return ScenarioError(field, name, f"a known name; {hint(name, known, elsewhere=elsewhere)}")


def dotted_fields(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """Names of all fields below a section; those of machines stand below `machine.NAME`."""
    for name, field in model.model_fields.items():
        inner = inner_model(field)
        if inner is None:
            yield f"{prefix}{name}"
        else:
            below = "NAME." if get_origin(field.annotation) is tuple else ""
            yield from dotted_fields(inner, f"{prefix}{name}.{below}")


def allowed_text(field: FieldInfo) -> str:
    """What a field accepts, in words."""
    about = documentation(field)
    kind = field.annotation
    bounds = range_text(about.get("low"), about.get("high"), about.get("unit", "none"))
    choice = choice_of(field)
    words = choice.codes if choice else get_args(kind) if get_origin(kind) is Literal else ()
    if words:
        return "one of " + ", ".join(map(repr, words))
    if about.get("knots"):
        other = "a number" if float in get_args(kind) else "the name of a CSV file"
        return f"[week, value] pairs or {other}, values {bounds}"
    if kind == dict[str, float]:
        return f"a table machine name = weight, weights {bounds}"
    optional = get_args(kind) if type(None) in get_args(kind) else ()
    is_section = inner_model(field) is not None
    lists = [choice for choice in (kind, *optional) if get_origin(choice) is tuple and not is_section]
    if any(Ellipsis in get_args(choice) for choice in lists):
        return "a list"
    if lists:
        return f"a list of {len(get_args(kind))} numbers {bounds}"
    if is_section:
        return "a table or 'none'" if type(None) in get_args(kind) else "a table"
    if kind is bool:
        return "true or false"
    if kind is int or int in optional:
        return f"a whole number {bounds}"
    if kind is float or float in optional:
        return f"a number {bounds}"
    if kind is date or date in get_args(kind):
        return f"a day such as 2026-04-06, {bounds}"
    return "a text or 'none'" if type(None) in get_args(kind) else "a text"


def _locate(
    model: type[BaseModel], loc: tuple[int | str, ...], data: Any
) -> tuple[str, FieldInfo | None, type[BaseModel]]:
    """Dotted name, field and enclosing model of a place in pydantic's notation."""
    parts: list[str] = []
    field: FieldInfo | None = None
    inside: type[BaseModel] = model
    for step in loc:
        if isinstance(step, int):
            data = data[step] if isinstance(data, list | tuple) and step < len(data) else None
            name = data.get("name") if isinstance(data, Mapping) else None
            parts[-1] += "" if isinstance(name, str) else f"[{step}]"
            parts += [name] if isinstance(name, str) else []
            continue
        deeper = inner_model(field) if field is not None else model
        if deeper is not None and step in deeper.model_fields:
            inside, field = deeper, deeper.model_fields[step]
            parts.append(step)
        elif field is not None and (field.annotation == dict[str, float]):
            parts.append(step)
            break
        elif field is not None and deeper is None:
            break
        else:
            inside, field = deeper or model, None
            if deeper is not None and step not in ("[key]", deeper.__name__):
                parts.append(step)
            if deeper is not None and step == deeper.__name__:
                continue
            break
        data = data.get(step) if isinstance(data, Mapping) else getattr(data, step, None)
    return ".".join(parts), field, inside


def scenario_error(error: ValidationError, model: type[BaseModel], data: Any) -> ScenarioError:
    """The first thing that is wrong, unknown names before anything else."""
    try:
        entries = error.errors(include_url=False)
    except UnicodeEncodeError as broken:  # pydantic cannot put such a text into its own message
        return ScenarioError("scenario", broken.object, "text that can be written in UTF-8")
    entry = next((e for e in entries if e["type"] == "extra_forbidden"), entries[0])
    loc = tuple(entry["loc"])
    if entry["type"] == "extra_forbidden":
        dotted, _, inside = _locate(model, loc, data)
        return unknown(dotted, str(loc[-1]), inside.model_fields, elsewhere=dotted_fields(model))
    dotted, field, _ = _locate(model, loc, data)
    if entry["type"] == "refused":
        context = entry["ctx"]
        name = ".".join(part for part in (dotted, context["field"]) if part)
        return ScenarioError(name, context["value"], context["allowed"])
    wanted = allowed_text(field) if field is not None else entry["msg"]
    if entry["type"] == "missing" and isinstance(loc[-1], int):
        return ScenarioError(dotted.rpartition("[")[0], entry["input"], wanted)
    if entry["type"] == "missing":
        return ScenarioError(dotted, "(missing)", wanted)
    return ScenarioError(dotted, entry["input"], wanted)
