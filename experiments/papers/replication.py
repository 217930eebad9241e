"""What a replication gives: numbers with their Monte Carlo error, beside those of the paper, and a figure."""

import csv
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from hashcredit.experiments.support.files import read_csv
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

    @classmethod
    def exactly(cls, value: float) -> "Found":
        """A number without Monte Carlo error."""
        return cls(value, value, value)

    @classmethod
    def of(cls, estimate: Estimate) -> "Found":
        """A mean or a probability over replicates."""
        return cls(estimate.mean, estimate.low, estimate.high)


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


def table_csv(rows: list[Row]) -> str:
    """The table as CSV, full precision."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(
        ("quantity", "unit", "published", "tolerance", "obtained", "low", "high", "agrees", "source")
    )
    for row in rows:
        p, f = row.published, row.found
        numbers = [repr(float(x)) for x in (p.value, p.tolerance, f.value, f.low, f.high)]
        writer.writerow([p.quantity, p.unit, *numbers, str(row.agrees).lower(), p.source])
    return text.getvalue()
