"""Scenario files: finding one, reading it, and laying it over its base."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from hashcredit.simulator.errors import ScenarioError
from hashcredit.simulator.sections_errors import inner_model, near
from hashcredit.simulator.sections_text import KINDS, read_knots

SCHEMA = 1
PACKAGED = Path(__file__).parent / "scenarios"


def packaged_names(folder: Path) -> list[str]:
    """Names of the scenario files in a folder, the baseline first."""
    names = sorted(file.stem for file in folder.glob("*.toml"))
    return sorted(names, key=lambda name: name != "baseline_2026")


def read_scenario(source: str | Path, model: type[BaseModel]) -> dict[str, Any]:
    """Complete content of a scenario, bases included."""
    return _read(_find(source, Path(), "scenario"), model, ())


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
        if file.is_dir():
            raise ScenarioError(field, text, "a TOML file; this is a folder")
        if not file.is_file():
            raise ScenarioError(field, text, f"an existing file or a packaged scenario; {near(text, names)}")
    except (OSError, ValueError):
        raise ScenarioError(field, text, "a path to a TOML file") from None
    return file


def _read(file: Path, model: type[BaseModel], chain: tuple[Path, ...]) -> dict[str, Any]:
    """Content of a file over the content of its base."""
    here = file.resolve()
    if here in chain:
        names = [step.name for step in chain[chain.index(here) :]] + [here.name]
        raise ScenarioError("base", " -> ".join(names), "a chain of bases that ends; this one is a circle")
    content = _parse(file)
    if content.pop("schema", None) != SCHEMA:
        raise ScenarioError(
            f"schema in {file.name}", _schema_given(file), f"schema = {SCHEMA} at the top of the file"
        )
    base = content.pop("base", None)
    content = read_paths(content, file.parent)
    if base is None:
        _require_complete(content, model, "")
        return content
    if not isinstance(base, str) or not base.strip():
        raise ScenarioError("base", base, "the name of a packaged scenario or a path relative to the file")
    below = _read(_find(base, file.parent, "base"), model, (*chain, here))
    content.setdefault("name", file.stem)
    return _lay_over(below, content, ())


def _schema_given(file: Path) -> Any:
    return _parse(file).get("schema", "(missing)")


def _parse(file: Path) -> dict[str, Any]:
    """TOML content of a file that must not be empty."""
    try:
        content = tomllib.loads(file.read_bytes().decode("utf-8"))
    except OSError as error:
        raise ScenarioError("scenario", str(file), f"a readable TOML file ({error.strerror})") from None
    except UnicodeDecodeError:
        raise ScenarioError("scenario", str(file), "a TOML file in UTF-8; this is a binary file") from None
    except ValueError as error:  # tomllib's own error, or Python's for a number with too many digits
        raise ScenarioError("scenario", str(file), f"valid TOML; {error}") from None
    except RecursionError:
        raise ScenarioError("scenario", str(file), "valid TOML; this is nested too deeply") from None
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


def _lay_over(below: Any, above: Mapping[str, Any], place: tuple[str, ...]) -> dict[str, Any]:
    """Sections are merged field by field; lists and tables inside a section are replaced whole."""
    result = dict(below)
    for name, value in above.items():
        where = (*place, name)
        is_section = len(where) == 1 or (len(where) == 2 and where[0] in KINDS)
        if is_section and isinstance(value, Mapping) and isinstance(result.get(name), Mapping):
            result[name] = _lay_over(result[name], value, where)
        else:
            result[name] = value
    return result


def read_paths(content: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """The same content with CSV files named in `shocks` replaced by what they hold.

    A scenario carries its paths, so that provenance and workers need no other file.
    """
    result = dict(content)
    shocks = result.get("shocks")
    if isinstance(shocks, Mapping):
        result["shocks"] = dict(shocks)
        for name in ("btc_path", "rent_path"):
            given = shocks.get(name)
            if isinstance(given, str):
                knots = read_knots(f"shocks.{name}", folder / given) if given.strip() else ()
                result["shocks"][name] = knots
    return result
