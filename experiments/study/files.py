"""Study files: reading TOML and CSV, and finding the scenarios and factors that they name."""

import csv
import io
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from hashcredit.experiments.study.designs import Design, Listed, Product
from hashcredit.experiments.study.factors import Factor, check_different, read_factor
from hashcredit.experiments.study.fields import SCENARIO, TargetField, is_section, target_field
from hashcredit.simulator.errors import ScenarioError, StudyError
from hashcredit.simulator.inputs import read_regular
from hashcredit.simulator.scenario.errors import hint
from hashcredit.simulator.scenario.files import looks_like_a_scenario
from hashcredit.simulator.scenario.scenario import Scenario
from hashcredit.simulator.scenario.text import parse_toml, parse_value


class StudyWarning(UserWarning):
    """Something in a study that is allowed and may not be what was meant."""


Bases = dict[str, Scenario]


def read_toml(file: Path) -> dict[str, Any]:
    """Content of a study file, which must not be empty."""
    try:
        content = parse_toml(read_regular(file).decode("utf-8-sig"))
    except FileNotFoundError:
        raise StudyError("study", str(file), _instead_of(file)) from None
    except IsADirectoryError:
        raise StudyError("study", str(file), _instead_of(file)) from None
    except OSError as error:
        raise StudyError("study", str(file), f"a readable TOML file ({error.strerror})") from None
    except UnicodeDecodeError:
        raise StudyError("study", str(file), "a TOML file in UTF-8; this has another encoding") from None
    except ValueError as error:  # the parser's own, a null byte in a path, a number with too many digits
        raise StudyError("study", str(file), f"valid TOML; {error}") from None
    if not content:
        raise StudyError("study", str(file), "a study with scenario, seed and replicates; this is empty")
    if looks_like_a_scenario(content):
        raise StudyError("study", str(file), f"a study; {_a_scenario(file.name)}")
    return content


def _a_scenario(name: str) -> str:
    return f"this is a scenario, which `hashcredit run` takes and a study names: scenario = '{name}'"


def _instead_of(file: Path) -> str:
    """What was expected where no study can be read, and what it is that was given."""
    if str(file) in Scenario.names():
        return f"a TOML file; {_a_scenario(str(file))}"
    if (file / "manifest.json").exists():
        return f"a TOML file; this is the folder of a study: `hashcredit sweep --out {file}` goes on with it"
    return "a TOML file; this is a folder" if file.is_dir() else "an existing TOML file"


# Scenarios


def find_scenario(given: Any, place: str, folder: Path) -> Scenario:
    """A packaged scenario by name, a file relative to `folder`, or a Scenario as it is."""
    if isinstance(given, Scenario):
        return given
    if isinstance(given, Path):
        given = str(given)
    if not isinstance(given, str) or not given.strip():
        raise StudyError(place, given, "the name of a scenario, or a path to one relative to the study file")
    names = Scenario.names()
    try:
        if given not in names and not (folder / given).exists():
            raise StudyError(place, given, f"an existing file or a packaged scenario; {hint(given, names)}")
        return Scenario.load(given if given in names else folder / given)
    except (OSError, ValueError):
        raise StudyError(place, given, "a path to a TOML file") from None
    except StudyError:
        raise
    except ScenarioError as error:
        raise StudyError(place, given, f"a scenario that can be read; {error}") from None


def find_bases(given: Mapping[str, Any], values: Any, folder: Path) -> tuple[Bases, tuple[str, ...]]:
    """Scenarios by name, the default one first, and the names of those under the factor 'scenario'."""
    bases: Bases = {}
    place = f'factors."{SCENARIO}"'
    if values is not None and (not isinstance(values, list | tuple) or not values):
        raise StudyError(place, values, "a list of scenarios")
    if SCENARIO in given:
        _add(bases, find_scenario(given[SCENARIO], SCENARIO, folder), SCENARIO)
    elif values is None:
        raise StudyError(
            SCENARIO, "(missing)", "the name of a scenario, or a path relative to the study file"
        )
    names = tuple(_add(bases, find_scenario(value, place, folder), place) for value in values or ())
    return bases, names


def _add(bases: Bases, scenario: Scenario, place: str) -> str:
    """Results know a base by its name, so that two with the same name must be the same."""
    if bases.setdefault(scenario.name, scenario) != scenario:
        raise StudyError(place, scenario.name, "scenarios with names that differ; two have this one")
    return scenario.name


# Factors


def flat(given: Any, prefix: str = "") -> dict[str, Any]:
    """Factors by dotted name, also where TOML made tables of names without quotes."""
    if not isinstance(given, Mapping):
        raise StudyError(prefix or "factors", given, "a table of factors")
    if prefix and not given:
        raise StudyError(f'factors."{prefix[:-1]}"', {}, "at least one factor in this table")
    found: dict[str, Any] = {}
    for key, value in given.items():
        name = f"{prefix}{key}"
        below = isinstance(value, Mapping) and is_section(name)
        for inner, content in (flat(value, f"{name}.") if below else {name: value}).items():
            if inner in found:
                raise StudyError(f'factors."{inner}"', content, "a factor once; this one is given twice")
            found[inner] = content
    return found


def read_factors(given: Mapping[str, Any], design: Design, bases: Bases, folder: Path) -> tuple[Factor, ...]:
    """Every factor, a field of each base, in the order in which the design has them."""
    _check_nested(given)
    factors = {}
    for name, content in given.items():
        place = f'factors."{name}"'
        field = _field(name, place, bases)
        if isinstance(content, CsvColumn):
            content = [_from_cell(cell, field) for cell in content]
        factor = factors[name] = read_factor(content, field, place, folder)
        if factor.is_list and not _is_paired(design, name):
            check_different(factor, place)
    _warn_of_pairs(design, factors)
    if isinstance(design, Product):
        return tuple(factors[name] for part in design.of for name in part.factors or ())
    return tuple(factors.values())


def _warn_of_pairs(design: Design, factors: Mapping[str, Factor]) -> None:
    """Say once that two numbers in brackets are two levels to a sample, since a range may have been meant."""
    pairs = [
        factor
        for factor in factors.values()
        if _is_sampled(design, factor.name)
        and factor.is_list
        and factor.field.has_range
        and len(factor.values) == 2
        and not any(isinstance(value, tuple) for value in factor.values)
    ]
    if not pairs:
        return
    low, high = pairs[0].values
    more = f", and so do {', '.join(pair.name for pair in pairs[1:])}" if len(pairs) > 1 else ""
    warnings.warn(
        f'factors."{pairs[0].name}" has the two levels {low} and {high} and nothing between them{more}; '
        f"a range is {{ low = {min(low, high)}, high = {max(low, high)} }}",
        StudyWarning,
        stacklevel=2,
    )


def _is_sampled(design: Design, name: str) -> bool:
    """Whether the values of a factor are drawn."""
    if isinstance(design, Product):
        return any(part.sampled for part in design.of if name in (part.factors or ()))
    return design.sampled


def _is_paired(design: Design, name: str) -> bool:
    """Whether the lists go side by side, so that a value may come again."""
    if isinstance(design, Product):
        return any(isinstance(part, Listed) and name in (part.factors or ()) for part in design.of)
    return isinstance(design, Listed)


def _field(name: str, place: str, bases: Bases) -> TargetField:
    if name == SCENARIO:
        return TargetField(SCENARIO, "other", allowed="the name of a scenario")
    fields = [target_field(name, place, scenario) for scenario in bases.values()]
    return fields[0]


def _check_nested(names: Iterable[str]) -> None:
    """A field and another inside it would overwrite each other."""
    known = list(names)
    for name in known:
        outer = next((other for other in known if name.startswith(f"{other}.")), None)
        if outer is not None:
            raise StudyError(f'factors."{name}"', name, f"a field outside {outer}, which is a factor too")


# Which part of a design has which factor


def settle(design: Design, factors: dict[str, Any], folder: Path) -> tuple[Design, dict[str, Any]]:
    """The design with the names of each part's factors, and all factors, those of files and rows included."""
    if not isinstance(design, Product):
        if not isinstance(design, Listed) or not design.brings_factors:
            return design, factors
        if factors:
            raise StudyError("factors", list(factors), "no factors: the design has them in its file or rows")
        return design, listed_columns(design, "design", folder)
    known, parts = dict(factors), []
    owner: dict[str, int] = {}
    for number, part in enumerate(design.of):
        place = f"design.of[{number}]"
        columns = _columns_of(part, place, folder)
        names = tuple(columns) if columns else _named(part, place, factors)
        for name in names:
            if name in owner or (name in columns and name in factors):
                where = f"part {owner[name]}" if name in owner else "[factors]"
                raise StudyError(f"{place}.factors", name, f"a factor in one place; it is in {where} too")
            owner[name] = number
        known.update(columns)
        parts.append(part.model_copy(update={"factors": names}))
    for name in known:
        if name not in owner:
            raise StudyError(f'factors."{name}"', name, "a factor that a part of the product names")
    return design.model_copy(update={"of": tuple(parts)}), known


def _columns_of(part: Design, place: str, folder: Path) -> dict[str, Any]:
    """Factors that a part brings along in its file or rows."""
    if not isinstance(part, Listed) or not part.brings_factors:
        return {}
    if part.factors is not None:
        allowed = "no names: the part has its factors in its file or rows"
        raise StudyError(f"{place}.factors", part.factors, allowed)
    return listed_columns(part, place, folder)


def _named(part: Design, place: str, factors: Mapping[str, Any]) -> tuple[str, ...]:
    """Factors that a part names."""
    if not part.factors:
        raise StudyError(f"{place}.factors", part.factors or "(missing)", "a list of factors")
    for name in part.factors:
        if name not in factors:
            raise StudyError(f"{place}.factors", name, f"a name under [factors]; {hint(name, factors)}")
    return part.factors


# Points in files and rows


class CsvColumn(list[str]):
    """A column of a CSV file, whose texts become values once the field is known."""


def listed_columns(design: Listed, place: str, folder: Path) -> dict[str, list[Any]]:
    """Columns of the points that a design of kind 'list' brings along: values by dotted name."""
    if design.file is not None and design.rows is not None:
        raise StudyError(f"{place}.rows", "(given)", "either file or rows")
    if design.file is not None:
        return _read_csv(f"{place}.file", folder / design.file)
    rows = [flat(row) for row in design.rows or ()]
    if not rows or not rows[0]:
        raise StudyError(f"{place}.rows", rows, "at least one table, such as { horizon_weeks = 52 }")
    columns: dict[str, list[Any]] = {name: [] for name in rows[0]}
    for number, row in enumerate(rows):
        if set(row) != set(columns):
            raise StudyError(
                f"{place}.rows[{number}]", list(row), f"the factors of row 0: {', '.join(columns)}"
            )
        for name, value in row.items():
            columns[name].append(value)
    return columns


def _read_csv(place: str, file: Path) -> dict[str, list[Any]]:
    """Columns of texts; blank lines do not count."""
    try:
        text = read_regular(file).decode("utf-8-sig")
        lines = [row for row in csv.reader(io.StringIO(text, newline=""), strict=True) if row]
    except (OSError, ValueError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or "not a CSV file in UTF-8"
        raise StudyError(place, str(file), f"a readable CSV file with a column a factor ({reason})") from None
    if len(lines) < 2:
        raise StudyError(place, str(file), "a CSV file with a line of factors and a line a point")
    names = [name.strip() for name in lines[0]]
    if len(set(names)) < len(names) or not all(names):
        raise StudyError(place, ",".join(lines[0]), f"names that differ in the first line of {file.name}")
    for number, row in enumerate(lines[1:]):
        if len(row) != len(names) or not all(cell.strip() for cell in row):
            raise StudyError(place, ",".join(row), f"{len(names)} values for point {number} of {file.name}")
    return {name: CsvColumn(row[k].strip() for row in lines[1:]) for k, name in enumerate(names)}


def _from_cell(cell: str, field: TargetField) -> Any:
    """Numbers and switches as TOML has them, lists and tables too; anything else is a text."""
    if field.has_range:
        try:
            return int(cell) if field.kind == "int" else float(cell)
        except ValueError:
            return parse_value(cell)
    return parse_value(cell) if field.kind == "bool" or cell[0] in "[{" else cell
