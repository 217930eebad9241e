"""Tables for a paper: Markdown or LaTeX of a frame, three digits, intervals in the cell of their number.

LaTeX needs the package booktabs and nothing else. What a cell says is escaped, so that a name with an
underscore is no subscript.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from hashcredit.experiments.support.markdown import markdown_table

if TYPE_CHECKING:
    import pandas as pd

Form = Literal["markdown", "latex"]
FORMS: tuple[Form, ...] = ("markdown", "latex")

DIGITS = 3
"""Significant ones of a number that is no whole number."""
_ESCAPES = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{",
    "}": r"\}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}",
    ">": r"\textgreater{}",
}  # fmt: skip


def published(frame: "pd.DataFrame", form: Form, caption: str) -> str:
    """A frame as a table; columns `low` and `high` go into the cell of the number before them.

    frame     one row a line; its index is left out
    caption   what the numbers are of: scenario, sample, version
    """
    columns = [str(name) for name in frame.columns]
    ends = {"low", "high"} <= set(columns)
    mean = _before(columns, "low") if ends else ""
    shown = [name for name in columns if not (ends and name in ("low", "high", "standard_error"))]
    head = [f"{name.replace('_', ' ')} (95 %)" if name == mean else name.replace("_", " ") for name in shown]
    rows = [
        [_interval(row, mean) if name == mean else cell(row[name]) for name in shown]
        for row in frame.to_dict("records")
    ]
    numeric = [_is_numeric(frame[name]) or name == mean for name in shown]
    return table([head, *rows], numeric, form, caption)


def table(rows: Sequence[Sequence[str]], numeric: Sequence[bool], form: Form, caption: str) -> str:
    """Cells as a table; the first row is the heading, numeric columns stand on the right."""
    if form == "markdown":
        body = markdown_table([[text.replace("|", "\\|") for text in row] for row in rows])
        return f"{caption}\n\n{body}"
    head, *body_rows = [[escaped(text) for text in row] for row in rows]
    places = "".join("r" if is_numeric else "l" for is_numeric in numeric)
    lines = [
        r"\begin{table}",
        r"  \centering",
        rf"  \caption{{{escaped(caption)}}}",
        rf"  \begin{{tabular}}{{{places}}}",
        r"    \toprule",
        f"    {' & '.join(head)} \\\\",
        r"    \midrule",
        *(f"    {' & '.join(row)} \\\\" for row in body_rows),
        r"    \bottomrule",
        r"  \end{tabular}",
        r"\end{table}",
    ]
    return "\n".join(lines)


def escaped(text: str) -> str:
    """A text as LaTeX prints it."""
    return "".join(_ESCAPES.get(letter, letter) for letter in text)


def cell(value: Any) -> str:
    """A value as text: three digits of a number, a dash for one that cannot be told."""
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, int | np.integer):
        return f"{value:,}"
    if isinstance(value, float | np.floating):
        return number(float(value))
    return str(value)


def number(value: float, like: float | None = None) -> str:
    """Three digits, and as many decimals as `like` has with three."""
    if value != value:
        return "-"
    if np.isinf(value):
        return "inf" if value > 0.0 else "-inf"
    size = abs(value if like is None else like)
    if size >= 10.0 ** (DIGITS - 1) or size == 0.0:
        return f"{value:z,.0f}"
    decimals = min(DIGITS - 1 - int(np.floor(np.log10(size))), 9)
    return f"{value:z,.{decimals}f}"


def _interval(row: Mapping[Any, Any], mean: str) -> str:
    """A number with its interval, all with as many decimals."""
    value, low, high = (float(row[name]) for name in (mean, "low", "high"))
    size = value if low != low else max(abs(value), abs(low), abs(high))
    told = f" ({number(low, size)} to {number(high, size)})" if low == low else ""
    return f"{number(value, size)}{told}"


def _before(columns: Sequence[str], name: str) -> str:
    """The column before another, standard errors passed over."""
    place = columns.index(name) - 1
    while place >= 0 and columns[place] == "standard_error":
        place -= 1
    return columns[place] if place >= 0 else ""


def _is_numeric(column: "pd.Series[Any]") -> bool:
    return column.dtype.kind in "iuf"
