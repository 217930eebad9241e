"""The tables of observables `docs/observables.md`, written from their own rows.

Run `python -m hashcredit.experiments.tools.observables_table` after a change of `state.outcomes`,
`state.series` or the columns of a table; with `--check` it writes nothing and fails if the file is stale.
"""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from hashcredit.agents.rows import Names, Types, columns_of
from hashcredit.experiments.tools.generated import write_or_compare
from hashcredit.experiments.tools.parameter_table import table
from hashcredit.simulator.state.arrays import FIELDS
from hashcredit.simulator.state.outcomes import SCALARS
from hashcredit.simulator.state.series import Column, MachineColumn, Observable

FILE = Path(__file__).resolve().parents[2] / "docs" / "observables.md"

HEADER = """\
# Observables

<!-- Written by python -m hashcredit.experiments.tools.observables_table; a test compares the two. -->

What a run tells about itself, besides its events and flows. `M$` are millions of US dollars, `bn$` billions.

## Scalars

One value a run: `run.summary`, a column of `simulate_many(...).summary` and of `results.runs`. They are
made of the fields of `OUTCOMES` (`simulator/state/outcomes.py`).
"""

SERIES = """\
## Series

One value a week, when the week closes: `run.series`, indexed by `week` from 0.
"""

BY_MACHINE = """\
These are there once for every machine type, its name in lower case at the end: `price_usd_h100`.
"""

TABLES = """\
## Tables

`run.opening` and `run.tables`, before the first week and after the last. Agents have their `row` in the state
and their `name` as well, such as `neocloud-3`; loans, contracts and orders their `row`, the last two their
`borrower`, a machine type its `name`. Beside the row of an agent elsewhere stands its name: `obligor_name`,
`holder_name`, `borrower_name`. A column by something is there once for each of its members: `units_h100`,
`debt_btc_loan`, `slots_air`.
"""

TAPE = """\
### tape

`run.loan_tape`: one row a loan that was ever owed, in the order of making
([the loan tape](measures.md#the-loan-tape)). Besides these there are `number`, which the table of loans has
too, the names `obligor_name` and `lender_name`, and, of loans that are over, `value` (M$, what it brought
less what was drawn, discounted at the policy rate) and `internal_spread` (1/yr).
"""

REPORTED = ("borrowers", "lenders", "buyers", "loans", "contracts", "orders", "machines")


def observables_document() -> str:
    """The whole document as text."""
    scalars = (
        (f"`{each.name}`", each.unit or "none", each.meaning, f"`{each.formula}`" if each.formula else "")
        for each in SCALARS
    )
    blocks = [
        [HEADER, *table(("scalar", "unit", "meaning", "computed as"), scalars)],
        [SERIES, *table(("column", "unit", "meaning"), _rows(Column))],
        [BY_MACHINE, *table(("column", "unit", "meaning"), _rows(MachineColumn))],
        [TABLES.rstrip()],
    ]
    for name in REPORTED:
        columns = table(("column", "unit", "meaning", "by"), _columns(name))
        blocks.append([f"### {name}", "", *columns])
    blocks.append([TAPE.rstrip()])
    blocks.append([*table(("column", "unit", "meaning", "by"), _columns("tape"))])
    return "\n\n".join("\n".join(lines) for lines in blocks) + "\n"


def _rows(columns: type[Observable]) -> Iterator[tuple[str, str, str]]:
    for column in columns:
        yield f"`{column.name.lower()}`", column.unit, column.meaning


def _columns(name: str) -> Iterator[tuple[str, str, str, str]]:
    for column in columns_of(FIELDS[name].dtype):
        if column.is_reported:
            by = "" if column.by is None else _members(column.by)
            values = "" if column.codes is None else f"; {_members(column.codes)}"
            yield f"`{column.label or column.name}`", column.unit, column.meaning + values, by


def _members(names: Names) -> str:
    """What may stand in a column, or what its columns are called."""
    return "machine type" if isinstance(names, Types) else ", ".join(each.name.lower() for each in names)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the document, or compare it with what is there."""
    return write_or_compare("observables_table", FILE, observables_document, arguments)


if __name__ == "__main__":
    sys.exit(main())
