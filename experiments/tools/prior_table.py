"""The table of prior ranges `docs/prior_ranges.md`, written from `simulator/calibration/priors.toml`.

Run `python -m hashcredit.experiments.tools.prior_table` after a change of that file; with `--check` it writes
nothing and fails if the table is stale.
"""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from hashcredit.experiments.study.priors import Prior, left_out, priors
from hashcredit.experiments.tools.generated import write_or_compare
from hashcredit.experiments.tools.parameter_table import table
from hashcredit.simulator.scenario.text import toml_value

FILE = Path(__file__).resolve().parents[2] / "docs" / "prior_ranges.md"

HEADER = """\
# Ranges of unsourced parameters

<!-- Written by python -m hashcredit.experiments.tools.prior_table; a test compares the two. -->

Every field of `baseline_2026` that no source gives (evidence C in [the table of parameters](parameters.md)),
with what it could as well be and why not less and not more. All ranges are judgements of ours.
[The prior](priors.md) says how they are used and which of them matter.
"""

LEFT_OUT = """\
## Without a range

Unsourced fields that are not believed but chosen, or that other ranges stand for.
"""


def prior_document() -> str:
    """The whole document as text."""
    found = priors()
    blocks = [HEADER.rstrip()]
    for section in dict.fromkeys(_section(each) for each in found):
        rows = (_row(each) for each in found if _section(each) == section)
        lines = table(("field", "baseline", "range", "unit", "reason"), rows)
        blocks.append("\n".join([f"## {section}", "", *lines]))
    blocks.append("\n".join([LEFT_OUT, *table(("fields", "reason"), _left_out())]))
    return "\n\n".join(blocks) + "\n"


def _section(prior: Prior) -> str:
    return prior.field.partition(".")[0]


def _row(prior: Prior) -> tuple[str, ...]:
    return f"`{prior.field}`", f"`{toml_value(prior.default)}`", _range(prior), prior.unit, prior.reason


def _range(prior: Prior) -> str:
    if prior.values:
        return "; ".join(f"`{toml_value(value)}`" for value in prior.values)
    words = f"{prior.low:g} to {prior.high:g}"
    return f"{words}, log" if prior.scale == "log" else words


def _left_out() -> Iterator[tuple[str, str]]:
    """Fields of one reason in one row."""
    by_reason: dict[str, list[str]] = {}
    for name, reason in left_out().items():
        by_reason.setdefault(reason, []).append(name)
    for reason, names in by_reason.items():
        yield ", ".join(f"`{name}`" for name in names), reason


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the document, or compare it with what is there."""
    return write_or_compare("prior_table", FILE, prior_document, arguments)


if __name__ == "__main__":
    sys.exit(main())
