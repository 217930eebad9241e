"""Reference tables: what was found when a table was last stored on purpose, and what has drifted since.

With the same draws on the same kind of processor a table has to come out the same to rounding. With fewer
replicates, or on another kind of processor, where some runs take another way, each number has to lie within
its Monte Carlo error of the stored one.
"""

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from hashcredit.experiments.support.files import write_text
from hashcredit.simulator.errors import ScenarioError
from hashcredit.simulator.inputs import read_regular
from hashcredit.simulator.provenance import environment

FOLDER = Path("results", "reference")
"""Where the tables are, seen from the working folder: in a clone, not in an installed package."""
PROCESSORS = "processors.csv"
"""In that folder: on which kind of processor each table was made."""

FAMILY = 0.01
"""Chance that an unchanged model has any number of a table beyond its reach under other draws.

Each of m numbers gets 1/m of it (Bonferroni), whatever their correlation."""
LEAST = 8
"""Replicates below which a mean is left out under other draws, since their quantiles say nothing."""
TINY = 1e-12
"""A mean of differences that cancel is rounding below this, in whatever unit."""

Row = Mapping[str, str]
Rows = Mapping[tuple[str, ...], Row]
"""Rows of a table by the words that name them, each a text for every column."""


class Draws(Enum):
    """How the draws behind a table stand to those behind its reference."""

    SAME = "the same draws"
    ELSEWHERE = "the same draws on another kind of processor"
    FEWER = "fewer draws"


@dataclass(frozen=True)
class Form:
    """What the columns of a table are. Columns that are not named here are numbers that follow from draws."""

    keys: tuple[str, ...]
    """Name a row."""
    value: str
    """A number found."""
    error: str
    """Its standard error: zero where nothing is random, not told where it has none of its own."""
    count: str
    """Independent replicates behind it."""
    fixed: tuple[str, ...] = ()
    """Texts that no draw moves."""
    verdicts: tuple[str, ...] = ()
    """Texts that follow from the numbers."""
    digits: int = 9
    """Significant digits that are compared: those printed, or those to which one kind of processor agrees."""
    retaken: float = 1.0
    """Share of replicates that may take another way on another kind of processor."""


@dataclass(frozen=True)
class Drift:
    """A row of a table that is not what its reference says."""

    name: tuple[str, ...]
    what: str
    """Each column that differs with the number here and the one stored, or what is wrong with the row."""

    def __str__(self) -> str:
        return f"{' / '.join(word for word in self.name if word)}: {self.what}"


@dataclass(frozen=True)
class Comparison:
    """A table held against its reference."""

    draws: Draws
    drifts: tuple[Drift, ...]
    compared: int
    """Numbers that were compared."""
    untold: int
    """Numbers left out, since there is no error by which to judge them under other draws."""
    reach: float
    """Standard errors within which a number has to lie; zero where it has to be the same."""


def place_of(name: str, folder: Path = FOLDER) -> Path:
    """Where the reference called `name`, such as scenarios/standing_repo, is stored."""
    return folder / f"{name}.csv"


def is_there() -> bool:
    """Whether the working folder has references."""
    return FOLDER.is_dir()


def require() -> None:
    """Refuse to store a reference where there is no folder for it."""
    if not is_there():
        raise ScenarioError("reference", str(FOLDER), "a folder, as a clone has it, in the working folder")


def processor() -> str:
    """Kind of processor and C library here."""
    here = environment()
    return f"{here['cpu']}, {here['c_library']}"


def draws_of(name: str, fewer: bool, folder: Path = FOLDER) -> Draws:
    """How the draws made here stand to those of a reference; unknown processors are taken for other ones."""
    if fewer:
        return Draws.FEWER
    return Draws.SAME if _processors(folder).get(name) == processor() else Draws.ELSEWHERE


def store(name: str, table: str, folder: Path = FOLDER) -> None:
    """Make a table the reference called `name`."""
    known = {**_processors(folder), name: processor()}
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("table", "processor"))
    writer.writerows(sorted(known.items()))
    place_of(name, folder).parent.mkdir(exist_ok=True)
    write_text(place_of(name, folder), table)
    write_text(folder / PROCESSORS, text.getvalue())


def _processors(folder: Path) -> dict[str, str]:
    file = folder / PROCESSORS
    if not file.exists():
        return {}
    rows = _lines(_text(file), str(file))
    if any(len(row) != 2 for row in rows):
        raise ScenarioError("reference", str(file), "a CSV file with table, processor")
    return dict(rows[1:])


def read_reference(name: str, form: Form) -> Rows | None:
    """The rows of a reference, None if there is no such file; ScenarioError if it is none of this form."""
    file = place_of(name)
    return rows_of(_text(file), form, str(file)) if file.exists() else None


def rows_of(table: str, form: Form, name: str = "table") -> Rows:
    """The rows of a table; ScenarioError, with its name, where it has another format or is damaged."""
    lines = _lines(table, name)
    header = lines[0] if lines else []
    wanted = [*form.keys, form.value, form.error, form.count, *form.fixed, *form.verdicts]
    if missing := [column for column in wanted if column not in header]:
        raise ScenarioError("reference", name, f"a CSV file with {', '.join(wanted)}; no {missing[0]} there")
    rows: dict[tuple[str, ...], Row] = {}
    for place, cells in enumerate(lines[1:], start=2):
        if len(cells) != len(header):
            raise ScenarioError("reference", name, f"{len(header)} cells in line {place}; has {len(cells)}")
        row = dict(zip(header, cells, strict=True))
        for column in _numbers(row, form):
            _check_number(row[column], column, f"{name}, line {place}")
        key = tuple(row[column] for column in form.keys)
        if key in rows:
            raise ScenarioError("reference", name, f"each row once; line {place} has {key} again")
        rows[key] = row
    return rows


def _text(file: Path) -> str:
    try:
        return read_regular(file).decode()
    except (OSError, ValueError) as error:
        raise ScenarioError("reference", str(file), f"a readable CSV file; {error}") from None


def _lines(text: str, name: str) -> list[list[str]]:
    try:
        return list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except csv.Error as error:
        raise ScenarioError("reference", name, f"a CSV file; {error}") from None


def _check_number(cell: str, column: str, name: str) -> None:
    try:
        _number(cell)
    except ValueError:
        raise ScenarioError("reference", name, f"a number as {column}; has {cell!r}") from None


def _number(cell: str) -> float:
    """A number; NaN where it is not told."""
    return float(cell) if cell else math.nan


def _numbers(row: Row, form: Form) -> list[str]:
    texts = {*form.keys, *form.fixed, *form.verdicts}
    return [column for column in row if column not in texts]


def compare(found: Rows, stored: Rows, form: Form, draws: Draws) -> Comparison:
    """Hold a table against its reference, row by row in the order of the table."""
    judge = _Judge(form, draws, found, stored)
    drifts = [Drift(key, what) for key, row in found.items() if (what := judge.row(row, stored.get(key)))]
    drifts += [Drift(key, "in the reference, not found here") for key in stored if key not in found]
    return Comparison(draws, tuple(drifts), judge.compared, judge.untold, judge.most)


class _Judge:
    """Says of each row what differs, and counts what it has compared."""

    def __init__(self, form: Form, draws: Draws, found: Rows, stored: Rows) -> None:
        self.form, self.draws = form, draws
        self.family = len(found.keys() & stored.keys())
        self.compared = self.untold = 0
        self.most = 0.0

    def row(self, found: Row, stored: Row | None) -> str:
        """What differs in a row; nothing if it is as it should be."""
        if stored is None:
            return "found here, not in the reference"
        form = self.form
        texts = [*form.fixed, *(form.verdicts if self.draws is Draws.SAME else ())]
        differ = [_differ(name, found[name], stored.get(name, "no such column"))
                  for name in texts if found[name] != stored.get(name)]  # fmt: skip
        if self.draws is Draws.SAME:
            differ += self._same(found, stored)
        else:
            differ += self._near(found, stored)
        return "; ".join(differ)

    def _same(self, found: Row, stored: Row) -> list[str]:
        """Columns whose numbers are not the same to rounding."""
        names = [*_numbers(found, self.form), *(name for name in stored if name not in found)]
        self.compared += 1
        return [
            _differ(name, found.get(name, "no such column"), stored.get(name, "no such column"))
            for name in names
            if not (name in found and name in stored and self._rounds_to(found[name], stored[name]))
        ]

    def _rounds_to(self, here: str, there: str) -> bool:
        left, right = _number(here), _number(there)
        if not (math.isfinite(left) and math.isfinite(right)):
            return left == right or (math.isnan(left) and math.isnan(right))
        return abs(left - right) <= self._rounding(left, right)

    def _rounding(self, left: float, right: float) -> float:
        """A unit of the last digit that is compared; never less than what cancellation leaves."""
        size = max(abs(left), abs(right))
        if size <= TINY:
            return TINY
        return max(10.0 ** (math.floor(math.log10(size)) - self.form.digits + 1), TINY)

    def _near(self, found: Row, stored: Row) -> list[str]:
        """The number, if it lies further off than its error explains."""
        column = self.form.value
        here, there = _number(found[column]), _number(stored[column])
        error, reach = self._error(found, stored), self._reach(found, stored)
        if self._rounds_to(found[column], stored[column]):
            self.compared += 1
            return []
        if not math.isnan(there) and self._cannot_tell(here, error, reach):
            self.untold += 1
            return []
        self.compared += 1
        if abs(here - there) <= reach * error + self._rounding(here, there):
            return []
        told = (
            f", {abs(here - there) / error:.1f} standard errors off, {reach:.1f} allowed"
            if error > 0.0
            else ""
        )
        return [_differ(column, found[column], stored[column]) + told]

    def _cannot_tell(self, here: float, error: float, reach: float) -> bool:
        """Whether a number has no case here, no error, or too few replicates to be judged."""
        without_case = math.isnan(here) and self.draws is Draws.FEWER
        return without_case or math.isnan(error) or (error > 0.0 and reach == 0.0)

    def _error(self, found: Row, stored: Row) -> float:
        """Standard error of the difference of a number here from the one stored; NaN if not told.

        Fewer draws are a part of the stored ones, so that taking the two for independent errs to the safe
        side. What few replicates say of their own spread is worth little where rare events make it: they get
        at least the error that the spread of the stored ones gives them.
        """
        here, there = _number(found[self.form.error]), _number(stored[self.form.error])
        if self.draws is Draws.ELSEWHERE:
            return there * math.sqrt(2.0 * self.form.retaken)
        few, many = _number(found[self.form.count]), _number(stored[self.form.count])
        scaled = there * math.sqrt(many / few) if few > 0.0 else math.nan
        own = max((each for each in (here, scaled) if not math.isnan(each)), default=math.nan)
        return own if math.isnan(there) else math.hypot(own, there)

    def _reach(self, found: Row, stored: Row) -> float:
        """Student's quantile of the smaller sample at this number's part of `FAMILY`; 0 if too small."""
        from scipy.special import stdtrit  # here, since most commands do without, and SciPy loads slowly

        count = min(_number(found[self.form.count]), _number(stored[self.form.count]))
        if not count >= LEAST:
            return 0.0
        reach = float(stdtrit(count - 1.0, 1.0 - FAMILY / (2.0 * self.family)))
        self.most = max(self.most, reach)
        return reach


def _differ(column: str, here: str, there: str) -> str:
    return f"{column} {here or 'not told'} here, {there or 'not told'} in the reference"


def told(name: str, done: Comparison) -> Sequence[str]:
    """Lines on a comparison: what was compared and how, then each row that has drifted."""
    within = f"within {done.reach:.1f} standard errors" if done.reach else "to rounding"
    less = f", {done.untold} without an error or with few replicates left out" if done.untold else ""
    head = f"against {place_of(name)}, {done.draws.value}: {done.compared} numbers compared {within}{less}"
    return [
        f"{head}; {len(done.drifts) or 'none'} drifted",
        *(f"  drifted: {name}: {one}" for one in done.drifts),
    ]
