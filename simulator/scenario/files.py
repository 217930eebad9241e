"""Scenario files: finding one, reading it, and laying it over its base."""

import os
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from hashcredit.simulator.errors import ScenarioError
from hashcredit.simulator.inputs import read_regular
from hashcredit.simulator.scenario.errors import hint, unknown
from hashcredit.simulator.scenario.fields.base import inner_model, inner_sections
from hashcredit.simulator.scenario.fields.earnings import Shocks
from hashcredit.simulator.scenario.fields.types import Knots
from hashcredit.simulator.scenario.network_files import NETWORKS, located
from hashcredit.simulator.scenario.text import NONE, parse_toml, read_knots

SCHEMA = 1
MOST_BASES = 100
STUDY_KEYS = ("scenario", "replicates", "design", "factors", "keep")
"""By which the file of a study is known."""
_NOT_UTF8 = "a TOML file in UTF-8; this is a binary file or has another encoding"
PACKAGED = Path(__file__).resolve().parents[1] / "scenarios"


def packaged_names(folder: Path) -> list[str]:
    """Names of the scenario files in a folder, the baseline first."""
    names = sorted(file.stem for file in folder.glob("*.toml"))
    return sorted(names, key=lambda name: name != "baseline_2026")


def read_scenario(source: str | Path, model: type[BaseModel]) -> tuple[Path, dict[str, Any]]:
    """The file of a scenario and its complete content, bases included."""
    file = _find(source, Path(), "scenario")
    return file, _read(file, model, ())


def _find(source: str | Path, folder: Path, field: str) -> Path:
    """The file behind a packaged name or a path."""
    text = str(source)
    if not text.strip():
        raise ScenarioError(field, text, "the name of a scenario or a path to a TOML file")
    names = packaged_names(PACKAGED)
    if text in names:
        return PACKAGED / f"{text}.toml"
    file = folder / text
    try:
        if (file / "manifest.json").exists():
            raise ScenarioError(
                field, text, "a TOML file; this is the folder of a study, which `hashcredit status` takes"
            )
        if file.is_dir():
            raise ScenarioError(field, text, "a TOML file; this is a folder")
        if not file.is_file():
            raise ScenarioError(field, text, f"an existing file or a packaged scenario; {hint(text, names)}")
    except (OSError, ValueError):
        raise ScenarioError(field, text, "a path to a TOML file") from None
    return file


def _read(file: Path, model: type[BaseModel], chain: tuple[Path, ...]) -> dict[str, Any]:
    """Content of a file over the content of its base."""
    here = file.resolve()
    if here in chain:
        names = [step.name for step in chain[chain.index(here) :]] + [here.name]
        raise ScenarioError("base", " -> ".join(names), "a chain of bases that ends; this one is a circle")
    if len(chain) == MOST_BASES:
        raise ScenarioError("base", file.name, f"a scenario with at most {MOST_BASES} bases below each other")
    content = _parse(file)
    if looks_like_a_study(content):
        allowed = "a scenario; this is the file of a study, which `hashcredit sweep` and `Study.load` take"
        raise ScenarioError("scenario", str(file), allowed)
    schema = content.pop("schema", "(missing)")
    if not is_schema(schema):
        allowed = f"schema = {SCHEMA} at the top of the file"
        raise ScenarioError(f"schema in {file.name}", schema, allowed)
    base = content.pop("base", None)
    try:
        content = read_paths(content, file.parent)
        if base is None:
            _require_complete(content, model, "")
            return content
        if not isinstance(base, str) or not base.strip():
            allowed = "the name of a packaged scenario or a path relative to the file"
            raise ScenarioError("base", base, allowed)
        below = _find(base, file.parent, "base")
    except ScenarioError as error:
        raise error.read_from(file.name) from None
    content.setdefault("name", file.stem)
    return _lay_over(_read(below, model, (*chain, here)), content, model)


def looks_like_a_study(content: Mapping[str, Any]) -> bool:
    """Whether a file has what studies have and scenarios have not."""
    return "schema" not in content and any(key in content for key in STUDY_KEYS)


def looks_like_a_scenario(content: Mapping[str, Any]) -> bool:
    """Whether a file has what scenarios have and studies have not."""
    return "schema" in content and not any(key in content for key in STUDY_KEYS)


def is_schema(value: Any) -> bool:
    """Whether a file says that it has the version that is read here; `true` and 1.0 equal 1 and are not."""
    return type(value) is int and value == SCHEMA


def _parse(file: Path) -> dict[str, Any]:
    """TOML content of a file that must not be empty."""
    try:
        content = parse_toml(read_regular(file).decode("utf-8-sig"))  # editors may leave a mark
    except OSError as error:
        raise ScenarioError("scenario", str(file), f"a readable TOML file ({error.strerror})") from None
    except UnicodeDecodeError:
        raise ScenarioError("scenario", str(file), _NOT_UTF8) from None
    except ValueError as error:  # the parser's own error, or Python's for a number with too many digits
        raise ScenarioError("scenario", str(file), f"valid TOML; {error}") from None
    if not content:
        raise ScenarioError(
            "scenario", str(file), "a complete scenario or one that names its base; this is empty"
        )
    return content


def _require_complete(content: Mapping[str, Any], model: type[BaseModel], prefix: str) -> None:
    """A file without base gives every field: nothing is filled in silently."""
    for name, field in model.model_fields.items():
        if name not in content:
            allowed = "a value: a file without `base` must be complete"
            raise ScenarioError(f"{prefix}{name}", "(missing)", allowed)
        inner = inner_model(field)
        value = content[name]
        if inner is not None and isinstance(value, Mapping):
            _require_complete(value, inner, f"{prefix}{name}.")


def _lay_over(below: Any, above: Mapping[str, Any], model: type[BaseModel]) -> dict[str, Any]:
    """Sections are merged field by field, machines by name; other lists and tables are replaced whole."""
    result = dict(below)
    sections = inner_sections(model)
    for name, value in above.items():
        present = result.get(name)
        if name in sections and isinstance(value, Mapping) and isinstance(present, Mapping):
            result[name] = _lay_over(present, value, sections[name])
        elif name == "machine" and isinstance(value, Mapping) and isinstance(present, list):
            result[name] = _lay_over_machines(present, value)
        else:
            result[name] = value
    return result


def _lay_over_machines(below: list[Any], above: Mapping[str, Any]) -> list[Any]:
    """`[machine.NAME]` changes fields of a machine of the base; `[[machine]]` would replace them all."""
    machines = {machine["name"]: machine for machine in below}
    for name, fields in above.items():
        if name not in machines:
            raise unknown(f"machine.{name}", name, machines)
        if not isinstance(fields, Mapping):
            raise ScenarioError(f"machine.{name}", fields, "a table of fields of this machine")
        machines[name] = {**machines[name], **fields}
    return list(machines.values())


def read_paths(content: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """The same content with the files that it names found from `folder`.

    CSV files named in `shocks` are replaced by what they hold: a scenario carries its paths, so that
    provenance and workers need no other file. Networks may be large: they stay in their files, which get
    absolute paths here and a hash in the section.
    """
    result = dict(content)
    shocks, networks = result.get("shocks"), result.get("networks")
    if isinstance(shocks, Mapping):
        result["shocks"] = dict(shocks)
        for name in (name for name, info in Shocks.model_fields.items() if info.annotation == Knots):
            given = shocks.get(name)
            if isinstance(given, str | PathLike):
                text = os.fspath(given)
                knots = read_knots(f"shocks.{name}", folder / text) if text.strip() else ()
                result["shocks"][name] = knots
    if isinstance(networks, Mapping):
        result["networks"] = dict(networks)
        for name in (f"{network}_file" for network in NETWORKS):
            given = networks.get(name)
            if isinstance(given, str | PathLike) and given != NONE:
                result["networks"][name] = located(os.fspath(given), folder)
    return result
