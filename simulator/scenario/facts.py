"""The calibration tables: sourced numbers that defaults, machine types and checks refer to by key.

The tables are the CSV files of the folder `calibration`; every value is a number in the unit given, bounds
are the range found in sources (blank where there is none), and `tag` says how good the evidence is
(`hashcredit.simulator.scenario.fields.base.EVIDENCE`).
"""

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType

from hashcredit.simulator.errors import ScenarioError
from hashcredit.simulator.scenario.errors import hint

FOLDER = Path(__file__).resolve().parents[1] / "calibration"
COLUMNS = ("key", "value", "low", "high", "unit", "date", "source", "url", "tag", "note")


@dataclass(frozen=True)
class Fact:
    """One sourced number."""

    key: str
    value: float
    low: float | None
    high: float | None
    unit: str
    date: str
    source: str
    url: str
    tag: str
    note: str

    def covers(self, value: float) -> bool:
        """Whether a value is the fact's own or lies in its range."""
        if value == self.value:
            return True
        return self.low is not None and self.high is not None and self.low <= value <= self.high


@cache
def facts() -> MappingProxyType[str, Fact]:
    """All facts by key, in the order of the files."""
    found: dict[str, Fact] = {}
    for file in sorted(FOLDER.glob("*.csv")):
        with open(file, encoding="utf-8", newline="") as handle:
            for row in csv.DictReader(handle):
                fact = _fact(row, file)
                if fact.key in found:
                    raise ScenarioError(file.name, fact.key, "keys that differ from each other")
                found[fact.key] = fact
    return MappingProxyType(found)


def fact(key: str) -> Fact:
    """The fact with this key."""
    known = facts()
    if key not in known:
        raise ScenarioError("calibration key", key, f"a key of the calibration tables; {hint(key, known)}")
    return known[key]


def _fact(row: dict[str, str], file: Path) -> Fact:
    """One line of a table."""
    if tuple(row) != COLUMNS:
        raise ScenarioError(file.name, list(row), "the columns " + ", ".join(COLUMNS))
    try:
        value = float(row["value"])
        low, high = (float(row[bound]) if row[bound] else None for bound in ("low", "high"))
    except ValueError:
        raise ScenarioError(file.name, row["key"], "numbers for value, low and high") from None
    return Fact(
        key=row["key"],
        value=value,
        low=low,
        high=high,
        unit=row["unit"],
        date=row["date"],
        source=row["source"],
        url=row["url"],
        tag=row["tag"],
        note=row["note"],
    )
