"""The numbers of a study as CSV, as text and in Markdown, and the verdict on its claims."""

import csv
import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from hashcredit.experiments.scenarios.study import Cell, Claim, ScenarioStudy, Sign, Table
from hashcredit.experiments.support.files import read_csv
from hashcredit.experiments.support.markdown import markdown_table
from hashcredit.experiments.support.references import Form
from hashcredit.simulator.reports.statistics import Estimate

COLUMNS = ("measure", "arm", "less", "mean", "low", "high", "standard_error", "runs")

FORM = Form(keys=COLUMNS[:3], value="mean", error="standard_error", count="runs", digits=6, retaken=0.04)
"""How a table is held against its reference. Of four arms, as many as enter a number, about one run in a
hundred each takes another way on another kind of processor."""

Numbers = Mapping[Cell, Estimate]
"""All numbers of a study."""


def to_csv(numbers: Numbers) -> str:
    """One line a number, six digits; `low` and `high` are the ends of its 95 % interval."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for cell, found in numbers.items():
        values = (found.mean, found.low, found.high, found.standard_error)
        writer.writerow([cell.measure, cell.arm, cell.less, *(f"{x:.6g}" for x in values), found.n])
    return text.getvalue()


def read_numbers(file: Path) -> dict[Cell, Estimate]:
    """What `to_csv` wrote; ScenarioError where the file is not one of these."""
    return dict(read_csv(file, COLUMNS, _number_of))


def _number_of(line: Mapping[str, str]) -> tuple[Cell, Estimate]:
    mean, low, high, error = (float(line[name]) for name in COLUMNS[3:7])
    cell = Cell(line["measure"], line["arm"], line["less"])
    return cell, Estimate(int(line["runs"]), mean, error, low, high, np.nan)


def number(value: float) -> str:
    """Three digits, or whole from a hundred on."""
    if math.isnan(value):
        return "none"
    if abs(value) >= 99.95:
        return f"{value:,.0f}"
    if 0.0 < abs(value) < 1e-4:
        return "0.0000"
    return f"{value:.3g}"


def difference(found: Estimate) -> str:
    """A difference with its sign and interval."""
    shown = number(found.mean)
    sign = "+" if found.mean > 0.0 and shown != "0.0000" else ""
    return f"{sign}{shown} ({number(found.low)} to {number(found.high)})"


def show(cell: Cell, found: Estimate) -> str:
    """A number with its interval; plain where the arm itself is meant."""
    if cell.less or not cell.arm:
        return difference(found)
    return number(found.mean)


def _table_cells(study: ScenarioStudy, table: Table, numbers: Numbers) -> list[tuple[str, ...]]:
    """Heading and rows of a table."""
    rows: list[tuple[str, ...]] = [("", *table.columns)]
    return rows + [
        (row[0].measure, *(show(cell, numbers[cell]) for cell in row)) for row in study.rows(table)
    ]


def _statistic_cells(study: ScenarioStudy, numbers: Numbers) -> list[tuple[str, ...]]:
    cells = [Cell(name) for name in study.statistics]
    return [("", "found"), *((cell.measure, show(cell, numbers[cell])) for cell in cells)]


def _claim_cells(study: ScenarioStudy, numbers: Numbers) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [("expected", "found", "as expected")]
    for claim in study.claims:
        found = numbers[claim.cell]
        rows.append((claim.words, difference(found), "yes" if claim.holds(found) else outcome(claim, found)))
    return rows


def outcome(claim: Claim, found: Estimate) -> str:
    """How a claim that does not hold fails."""
    if claim.sign is Sign.NONE:
        return "no"
    opposite = found.high < 0.0 if claim.sign is Sign.ABOVE else found.low > 0.0
    return "no, the opposite" if opposite else "no, not told from zero"


def verdict(study: ScenarioStudy, numbers: Numbers) -> str:
    """Whether the scenario does what its name says, by its first claim, and with which number."""
    main, said = study.claims[0], answer(study, numbers)
    return (
        f"**Does it do what its name says? {said[0].upper()}{said[1:]}.** Expected was that "
        f"{main.words}: {difference(numbers[main.cell])}. Of {len(study.claims)} expectations "
        f"{held(study, numbers)} hold."
    )


def held(study: ScenarioStudy, numbers: Numbers) -> int:
    """How many claims hold."""
    return sum(claim.holds(numbers[claim.cell]) for claim in study.claims)


def answer(study: ScenarioStudy, numbers: Numbers) -> str:
    """Yes if all claims hold, in part if the first does, and else how that one fails."""
    main = study.claims[0]
    if not main.holds(numbers[main.cell]):
        return outcome(main, numbers[main.cell])
    return "yes" if held(study, numbers) == len(study.claims) else "in part"


def sample(study: ScenarioStudy, numbers: Numbers, seed: int) -> str:
    """What the numbers are from."""
    size = max(found.n for found in numbers.values())
    networks = f"one on each of {size:,} networks (seeds {seed:,} to {seed + size - 1:,})"
    return f"{size:,} runs in each arm, {networks}, the same draws in all arms; intervals are 95 %."


def format_text(study: ScenarioStudy, numbers: Numbers) -> str:
    """All tables of a study as text, claims last."""
    parts = [_as_text(_table_cells(study, table, numbers)) for table in study.tables]
    if study.statistics:
        parts.append(_as_text(_statistic_cells(study, numbers)))
    parts.append(_as_text(_claim_cells(study, numbers)))
    return "\n\n".join([*parts, verdict(study, numbers).replace("**", "")])


def _as_text(rows: Sequence[tuple[str, ...]]) -> str:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)


def markdown(study: ScenarioStudy, numbers: Numbers, seed: int) -> dict[str, str]:
    """What stands between the marks of the study's page, by mark."""
    parts = {
        "verdict": verdict(study, numbers),
        "expectations": markdown_table(_claim_cells(study, numbers)),
        "sample": sample(study, numbers, seed),
    }
    for place, table in enumerate(study.tables, start=1):
        parts[f"table {place}"] = markdown_table(_table_cells(study, table, numbers))
    if study.statistics:
        parts["statistics"] = markdown_table(_statistic_cells(study, numbers))
    return parts


def index_row(study: ScenarioStudy, numbers: Numbers) -> tuple[str, ...]:
    """A line of the index: page, question, answer, its number, expectations that hold."""
    main = study.claims[0]
    page = f"[{study.scenario}]({study.scenario}.md)"
    number_of = f"{held(study, numbers)} of {len(study.claims)}"
    return page, answer(study, numbers), main.words, difference(numbers[main.cell]), number_of


def index(rows: Sequence[tuple[str, ...]]) -> str:
    """The table of the index."""
    head = ("scenario", "does what its name says", "first expectation", "found", "expectations that hold")
    return markdown_table([head, *rows])
