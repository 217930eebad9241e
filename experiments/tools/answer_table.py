"""The table of docs/answer.md: what follows from the dump, beside the same economy without it.

`python -m hashcredit.experiments.tools.answer_table` writes it from the tables of `results/reference`.
"""

import csv
import sys
from collections.abc import Sequence
from pathlib import Path

from hashcredit.experiments.support.markdown import filled, markdown_table
from hashcredit.experiments.tools.generated import write_or_compare

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "docs" / "answer.md"
REFERENCES = ROOT / "results" / "reference"
MARK = "with and without the dump"
ARMS = ("dump_10k_h100", "baseline_2026")

QUANTITIES = {
    "paper_value_musd": "machines seized, at their appraisal, M$",
    "realised_to_paper": "what those sold fetched, over that appraisal",
    "units_unsold": "machines unsold after three years",
    "creditor_loss_musd": "loss of creditors, M$",
    "recovery_rate": "recovered of claims",
    "defaults": "borrowers that fail",
    "lender_failures": "lenders that fail",
    "any_lender_failure": "probability that a lender fails",
}
"""Rows of the table: quantities of a run with what a reader calls them."""


def answer() -> str:
    """The page with its table filled in."""
    arms = [means(REFERENCES / f"{name}.csv") for name in ARMS]
    head = ["a run of three years", *(f"`{name}`" for name in ARMS)]
    return filled(
        FILE,
        {
            MARK: markdown_table(
                [head, *([words, *(arm[key] for arm in arms)] for key, words in QUANTITIES.items())]
            )
        },
    )


def means(file: Path) -> dict[str, str]:
    """Mean and 95 % interval of each quantity of a reference table, in words."""
    with file.open(encoding="utf-8", newline="") as handle:
        rows = {row["quantity"]: row for row in csv.DictReader(handle)}
    return {
        key: in_words(*(float(row[part]) for part in ("mean", "low", "high"))) for key, row in rows.items()
    }


def in_words(mean: float, low: float, high: float) -> str:
    """A mean with its interval, to three digits or so."""
    digits = 0 if abs(mean) >= 100 else 1 if abs(mean) >= 10 else 3 if abs(mean) < 1 else 2
    return f"{mean:,.{digits}f} ({low:,.{digits}f} to {high:,.{digits}f})"


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the page or compare it."""
    return write_or_compare("answer_table", FILE, answer, arguments)


if __name__ == "__main__":
    sys.exit(main())
