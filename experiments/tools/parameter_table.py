"""The parameter table `docs/parameters.md`, written from the scenario's own documentation.

Run `python -m hashcredit.experiments.tools.parameter_table` after changing a default, a bound or a
source; with `--check` it writes nothing and fails if the file is stale.
"""

import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from hashcredit.experiments.tools.generated import write_or_compare
from hashcredit.simulator.scenario.facts import Fact, facts
from hashcredit.simulator.scenario.fields.base import CHOICE, EVIDENCE, documentation, inner_sections
from hashcredit.simulator.scenario.fields.machines import Machine
from hashcredit.simulator.scenario.scenario import SECTIONS, Scenario
from hashcredit.simulator.scenario.text import Parameter, toml_value

FILE = Path(__file__).resolve().parents[2] / "docs" / "parameters.md"

HEADER = """\
# Parameters

<!-- Written by python -m hashcredit.experiments.tools.parameter_table; a test compares the two. -->

Every field of a scenario, with its value in `baseline_2026`. A field is set in a scenario file under its
section, on the command line with `--set section.field=value`, and in Python with
`Scenario.with_changes({"section.field": value})`. Bounds include both ends and hold for every number of a
list. A unit of `none` marks a code, a switch or a pure number. Where a list has several sources or tags, they
stand in the order of the list.

A source is a key of the calibration tables (`simulator/calibration/*.csv`), listed [below](#sources), or a
modelling choice. The letter says how good the evidence is:

"""

HEAD = ("field", "default", "unit", "bounds", "meaning", "source", "evidence")


def parameter_document() -> str:
    """The whole document as text."""
    rows = Scenario().describe()
    top = [row for row in rows if "." not in row.field]
    blocks = [
        [HEADER + "\n".join(table(("tag", "evidence"), EVIDENCE.items()))],
        ["## Top of the file", "", *table(HEAD, map(_cells, top))],
    ]
    inner = (row for row in rows if "." in row.field)
    for section, members in groupby(inner, key=lambda row: row.field.partition(".")[0]):
        blocks.append(_section(section, list(members)))
    blocks.append(_sources(rows))
    return "\n\n".join("\n".join(lines) for lines in blocks) + "\n"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Lines of a Markdown table."""
    yield "| " + " | ".join(head) + " |"
    yield "|" + "---|" * len(head)
    for row in rows:
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"


def _section(section: str, rows: list[Parameter]) -> list[str]:
    """Heading, what the section is about, and its table."""
    if section == "machine":
        return _machines(rows)
    about = (SECTIONS[section].__doc__ or "").strip().splitlines()[0]
    lines = [f"## {section}", "", about, ""]
    if inner_sections(SECTIONS[section]):
        return lines + _by_kind(rows)
    return [*lines, *table(HEAD, map(_cells, rows))]


def _cells(row: Parameter) -> tuple[str, ...]:
    """One field as a row of the table."""
    name = row.field.rpartition(".")[2]
    bounds = _bounds(row.low, row.high)
    return f"`{name}`", _value(row.value), row.unit, bounds, row.meaning, _source(row.source), row.evidence


def _by_kind(rows: list[Parameter]) -> list[str]:
    """Terms that differ between kinds of agent: one column of defaults a kind."""
    kinds = list(dict.fromkeys(row.field.split(".")[1] for row in rows))
    lines = []
    head = ("field", *(kind.replace("_", " ") for kind in kinds), *HEAD[2:])
    for name in dict.fromkeys(row.field.split(".")[2] for row in rows):
        group = [row for row in rows if row.field.split(".")[2] == name]
        sources = list(dict.fromkeys(_source(row.source) for row in group))
        tags = list(dict.fromkeys(row.evidence for row in group))
        first = _cells(group[0])
        values = (_value(row.value) for row in group)
        lines.append((first[0], *values, *first[2:5], "; ".join(sources), "; ".join(tags)))
    example = rows[0].field
    return [f"One table a kind, for example `{example}`.", "", *table(head, lines)]


def _machines(rows: list[Parameter]) -> list[str]:
    """What the fields of a machine type mean, the types of the baseline, and where their numbers are from."""
    fields = []
    for name, field in Machine.model_fields.items():
        about = documentation(field)
        bounds = _bounds(about["low"], about["high"])
        fields.append((f"`{name}`", about["unit"], bounds, about["meaning"]))
    names = list(Machine.model_fields)
    types = [[_value(getattr(machine, name)) for name in names] for machine in Scenario().machine]
    origins = [
        (row.field.split(".")[1], row.field.split(".")[2], _source(row.source), row.evidence)
        for row in rows
        if row.unit != "none"
    ]
    return [
        "## machine",
        "",
        "A list of tables, one a machine type; on the command line `--set machine.H100.kw=1.3`.",
        "",
        *table(("field", "unit", "bounds", "meaning"), fields),
        "",
        "The types of the baseline:",
        "",
        *table(names, types),
        "",
        "Where their numbers are from:",
        "",
        *table(("machine", "field", "source", "evidence"), origins),
    ]


def _sources(rows: list[Parameter]) -> list[str]:
    """The calibration facts that defaults name."""
    cited = {key for row in rows for key in row.source.split("; ")}
    known = [fact for key, fact in facts().items() if key in cited]
    head = ("key", "value", "range", "unit", "date", "source", "evidence", "note")
    return [
        "## Sources",
        "",
        f"The {len(known)} calibration facts that defaults name, of {len(facts())} in the tables.",
        "",
        *table(head, map(_fact_cells, known)),
    ]


def _fact_cells(fact: Fact) -> tuple[str, ...]:
    source = f"[{_plain(fact.source)}]({fact.url})" if fact.url else _plain(fact.source)
    value = _number(fact.value)
    bounds = _bounds(fact.low, fact.high)
    return f"`{fact.key}`", value, bounds, fact.unit, fact.date, source, fact.tag, _plain(fact.note)


def _plain(text: str) -> str:
    """Text in which Markdown sees no link."""
    return text.replace("[", "(").replace("]", ")")


def _source(text: str) -> str:
    """Keys as code, modelling choices in words, each once if all are the same."""
    parts = text.split("; ")
    if len(set(parts)) == 1:
        parts = parts[:1]
    return "; ".join(part if part == CHOICE else f"`{part}`" for part in parts)


def _value(value: Any) -> str:
    """A value as a scenario file has it, so that it can be copied."""
    return f"`{toml_value(value)}`"


def _bounds(low: Any, high: Any) -> str:
    if low is None and high is None:
        return ""
    if low is None:
        return f"at most {_number(high)}"
    return f"at least {_number(low)}" if high is None else f"{_number(low)} to {_number(high)}"


def _number(value: Any) -> str:
    """A number without a trailing .0 and without powers of ten, a date or a blank as it is."""
    if value is None:
        return ""
    return f"{value:.12g}" if isinstance(value, int | float) else str(value)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the document, or compare it with what is there."""
    return write_or_compare("parameter_table", FILE, parameter_document, arguments)


if __name__ == "__main__":
    sys.exit(main())
