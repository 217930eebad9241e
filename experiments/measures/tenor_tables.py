"""Machine loans by tenor as text, 80 columns wide."""

import math
from collections.abc import Callable, Iterable
from textwrap import wrap
from typing import TYPE_CHECKING

from hashcredit.experiments.measures.tenors import DESIGNS, EQUAL_DEBT, TenorFrontier
from hashcredit.simulator.display import interval_in_words, runs_in_words

if TYPE_CHECKING:
    import pandas as pd

WIDTH = 80

Column = tuple[str, str, int, Callable[[float], str]]
"""Measure, words, width, and how its number is written."""


def _whole(value: float) -> str:
    return f"{value:,.0f}" if math.isfinite(value) else "-"


def _percent(value: float) -> str:
    return f"{value:.1%}" if math.isfinite(value) else "-"


def _one(value: float) -> str:
    return f"{value:.1f}" if math.isfinite(value) else "-"


def _two(value: float) -> str:
    return f"{value:.2f}" if math.isfinite(value) else "-"


LOANS: tuple[Column, ...] = (
    ("loans", "loans", 6, _whole),
    ("drawn_musd", "M$", 7, _whole),
    ("pd", "pd", 7, _percent),
    ("lgd", "lgd", 7, _percent),
    ("loss_share", "lost", 7, _percent),
    ("life_years", "life", 5, _one),
    ("loss_bp", "a year", 7, _whole),
    ("break_even_bp", "even", 6, _whole),
)
RUNS: tuple[Column, ...] = (
    ("opening_debt_musd", "owed", 7, _whole),
    ("new_lending_musd", "new", 8, _whole),
    ("uncovered_share", "uncovered", 10, _percent),
    ("creditor_loss_musd", "loss", 7, _whole),
    ("lender_failures", "failures", 9, _two),
)
LOAN_INTERVAL = ("loss_share", "lost, 95 %", _percent)
RUN_INTERVAL = ("creditor_loss_musd", "loss, 95 %", _whole)
"""Measure whose interval a line has room for."""

WORDS = (
    "pd: share of the loans that default; lgd: of the face, recoveries discounted to the default.",
    (
        "lost: of what was drawn, discounted; life: years of principal; a year: lost over life, bp; even: "
        "spread over the policy rate (bp) at which nothing would have been lost, had nobody acted otherwise "
        "(no fixed point)."
    ),
    (
        "owed: in the first week, by all, M$; new, uncovered: lent on new machines, M$, and the share of it "
        "that is due when no contract is behind it; loss (M$), failures: of all creditors, of lenders."
    ),
)
"""What the columns are."""

HEADS = {"opening": "owed in the first week", "new": "made before week {}", "run": "whole runs"}


def format_tenors(found: TenorFrontier) -> str:
    """A part a design: machine loans of the first week, new ones, and what came of the runs."""
    sample = runs_in_words(found.seeds, found.replicates)
    lines = [
        f"{found.scenario.name}: {sample}, {found.weeks} weeks",
        "machine loans over their whole lives, by tenor in years",
    ]
    for design, words in DESIGNS.items():
        table = found.table[found.table["design"] == design]
        lines += ["", words.upper(), *wrap(_equality(found, design), WIDTH)]
        for cohort, head in HEADS.items():
            columns, told = (RUNS, RUN_INTERVAL) if cohort == "run" else (LOANS, LOAN_INTERVAL)
            lines += ["", head.format(found.made_within)]
            lines += _lines(table[table["cohort"] == cohort], columns, told, found.tenors_of(design))
    return "\n".join([*lines, "", *_notes(found)])


def _lines(
    table: "pd.DataFrame",
    columns: Iterable[Column],
    interval: tuple[str, str, Callable[[float], str]],
    tenors: Iterable[int],
) -> list[str]:
    """Heading and a line a tenor; the interval of one measure comes last."""
    measure, words, form = interval
    lines = ["".join([f"{'':<4}", *(f"{head:>{width}}" for _, head, width, _ in columns), f"{words:>18}"])]
    for years in tenors:
        rows = table[table["tenor_years"] == years].set_index("measure")
        cells = [f"{write(rows.at[name, 'value']):>{width}}" for name, _, width, write in columns]
        low, high = rows.at[measure, "low"], rows.at[measure, "high"]
        ends = f"{form(low)} to {form(high)}" if math.isfinite(low) else "-"
        lines.append(f"{years:>3} {''.join(cells)}{ends:>18}")
    return lines


def _equality(found: TenorFrontier, design: str) -> str:
    """What is equal in a design, and what is not."""
    opening = found.opening[found.opening["design"] == design]
    if design == EQUAL_DEBT:
        gap = opening["largest_gap_musd"].max()
        same = (
            "the same to the last bit in each run" if opening["equal_bits"].all() else f"{gap:.2g} M$ apart"
        )
        return f"{opening['debt_musd'].iloc[0]:,.0f} M$ are owed in the first week, {same}."
    low, high = opening["debt_musd"].min(), opening["debt_musd"].max()
    words = f"{low:,.0f} to {high:,.0f} M$ are owed in the first week, by tenor."
    missing = [str(years) for years in found.tenors if years not in found.tenors_of(design)]
    if missing:
        words += f" Without {', '.join(missing)}: loans as old as the oldest would have been repaid."
    return words


def _notes(found: TenorFrontier) -> list[str]:
    open_share = found.table[found.table["measure"] == "open_share"]["value"].max()
    still = f"{open_share:.1%} of what was drawn at most" if open_share > 0.0 else "nothing"
    notes = (*WORDS, f"Still owed at the end: {still}.",
             f"Intervals are {interval_in_words(len(found.seeds))}.",
             f"Differences from {found.reference} years: with --out, or in Python.")  # fmt: skip
    return [line for note in notes for line in wrap(note, WIDTH)]
