"""What a replication gives: numbers with their Monte Carlo error, beside those of the paper, and a figure."""

import csv
import io
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from hashcredit.experiments.support.files import read_csv
from hashcredit.experiments.support.references import Form
from hashcredit.simulator.reports.statistics import Estimate

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLUMNS = ("quantity", "unit", "published", "tolerance", "source")


@dataclass(frozen=True)
class Found:
    """A number computed here, with its interval (`Replication.interval`); exact ones are their own."""

    value: float
    low: float
    high: float
    standard_error: float
    """Of the number: zero where nothing is random, NaN where it cannot be told."""
    n: int
    """Independent replicates behind it; none where nothing is random."""

    @classmethod
    def exactly(cls, value: float) -> "Found":
        """A number in which nothing is random."""
        return cls(value, value, value, 0.0, 0)

    @classmethod
    def following(cls, value: float, n: int) -> "Found":
        """A number that follows from `n` replicates, such as an answer or an edge, without an error."""
        return cls(value, value, value, math.nan, n)

    @classmethod
    def of(cls, estimate: Estimate) -> "Found":
        """A mean or a probability over replicates."""
        return cls(estimate.mean, estimate.low, estimate.high, estimate.standard_error, estimate.n)


@dataclass(frozen=True)
class Published:
    """A number of a paper."""

    quantity: str
    unit: str
    value: float
    tolerance: float
    """What the paper itself leaves open: half a unit of the last digit printed, or its own error."""
    source: str
    """Equation, table or figure."""


@dataclass(frozen=True)
class Replication:
    """A paper done again."""

    found: Mapping[str, Found]
    """By quantity, as in published.csv; quantities that the paper does not print may be among them."""
    draw: "Callable[[], Figure]"
    """Draws the paper's figure; called inside the house style."""
    interval: str = "95 % interval"
    """What `low` and `high` of the numbers are."""
    files: Mapping[str, str] = field(default_factory=dict)
    """Further files of its results by name, such as a page that is written from the numbers."""


@dataclass(frozen=True)
class Row:
    """A line of the table: published against obtained."""

    published: Published
    found: Found

    @property
    def agrees(self) -> bool:
        """Whether the published number, as far as it is given, lies in the interval found."""
        reach = self.published.tolerance
        return self.found.low - reach <= self.published.value <= self.found.high + reach


def read_published(file: Path) -> list[Published]:
    """The numbers of a paper; ScenarioError where the file is not one of these."""
    return read_csv(file, COLUMNS, _published)


def _published(line: Mapping[str, str]) -> Published:
    value, tolerance = float(line["published"]), float(line["tolerance"])
    return Published(line["quantity"], line["unit"], value, tolerance, line["source"])


def compare(replication: Replication, published: list[Published]) -> list[Row]:
    """Pair each published number with the one found; KeyError if a replication forgets one."""
    return [Row(number, replication.found[number.quantity]) for number in published]


def format_rows(rows: list[Row], interval: str = "95 % interval") -> str:
    """The table as text; `interval` says what the interval is."""
    width = max(len(row.published.quantity) for row in rows)
    head = f"{'':<{width}}  {'published':>12}  {'obtained':>12}  {interval:>25}"
    lines = [head]
    for row in rows:
        found = row.found
        interval = "exact" if found.low == found.high else f"{found.low:.6g} to {found.high:.6g}"
        verdict = "" if row.agrees else "  differs"
        lines.append(
            f"{row.published.quantity:<{width}}  {row.published.value:>12.8g}  {found.value:>12.8g}  "
            f"{interval:>25}{verdict}"
        )
    return "\n".join(lines)


FORM = Form(
    keys=("quantity",),
    value="obtained",
    error="standard_error",
    count="replicates",
    fixed=("unit", "published", "tolerance", "source"),
    verdicts=("agrees",),
)
"""The table as CSV, and how it is held against its reference."""


def table_csv(replication: Replication, published: list[Published]) -> str:
    """Everything found as CSV, full precision: what is published first, then what is not; empty if untold."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    numbers = ("obtained", "low", "high", "standard_error")
    writer.writerow(("quantity", *FORM.fixed[:-1], *numbers, "replicates", "agrees", "source"))
    rows = compare(replication, published)
    for row in rows:
        p, agrees = row.published, str(row.agrees).lower()
        given = (p.unit, _cell(p.value), _cell(p.tolerance))
        writer.writerow([p.quantity, *given, *_cells(row.found), agrees, p.source])
    told = {row.published.quantity for row in rows}
    for quantity, found in replication.found.items():
        if quantity not in told:
            writer.writerow([quantity, "", "", "", *_cells(found), "", ""])
    return text.getvalue()


def _cells(found: Found) -> list[str]:
    numbers = (found.value, found.low, found.high, found.standard_error)
    return [*(_cell(number) for number in numbers), str(found.n)]


def _cell(number: float) -> str:
    return "" if math.isnan(number) else repr(float(number))
