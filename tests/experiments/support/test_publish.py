"""Tables for a paper: what stands in a cell, what LaTeX would make of it, and that commands print them."""

import re

import numpy as np
import pandas as pd
import pytest
from small_command import SMALL

from hashcredit.experiments.commands.cli import main
from hashcredit.experiments.support.publish import cell, escaped, number, published

FRAME = pd.DataFrame(
    {
        "measure": ["creditor_loss", "failed & lost"],
        "share": [0.12345, -1234.5],
        "low": [0.1, -2000.0],
        "high": [0.2, np.nan],
        "standard_error": [0.01, 1.0],
        "runs": [1000, 20],
        "told": [True, False],
    }
)
FRAME.loc[1, "low"] = np.nan


def test_a_number_and_its_interval_share_a_cell_and_their_decimals():
    lines = published(FRAME, "markdown", "What it is.").splitlines()
    assert lines[0] == "What it is."
    assert lines[2] == "| measure | share (95 %) | runs | told |"
    assert lines[4] == "| creditor_loss | 0.123 (0.100 to 0.200) | 1,000 | yes |"
    assert lines[5] == "| failed & lost | -1,234 (- to -) | 20 | no |" or "-1,234 |" in lines[5]


def test_latex_has_as_many_cells_as_columns_and_nothing_unescaped():
    text = published(FRAME, "latex", "Losses of 10 % and more_or_less")
    assert r"\caption{Losses of 10 \% and more\_or\_less}" in text
    assert r"\begin{tabular}{lrrl}" in text
    rows = [line for line in text.splitlines() if line.endswith(r"\\")]
    assert len(rows) == 3
    assert all(len(re.findall(r"(?<!\\)&", row)) == 3 for row in rows)
    assert r"creditor\_loss" in text and r"failed \& lost" in text
    assert text.count(r"\begin") == text.count(r"\end") == 2


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (1234.5, "1,234"), (99.94, "99.9"), (0.00123456, "0.00123"), (np.inf, "inf"), (np.nan, "-"),
     (-0.5, "-0.500"), (3, "3"), (np.int64(12345), "12,345"), (np.bool_(True), "yes"), ("a|b", "a|b")],
)  # fmt: skip
def test_cells(value, text):
    assert cell(value) == text


def test_a_small_end_has_the_decimals_of_the_whole():
    assert number(0.001, like=12.0) == "0.0"


def test_every_letter_that_latex_reads_is_escaped():
    assert escaped("a_b{c}$5%#&~^<>\\") == (
        r"a\_b\{c\}\$5\%\#\&\textasciitilde{}\textasciicircum{}\textless{}\textgreater{}\textbackslash{}"
    )


@pytest.mark.parametrize("form", ["markdown", "latex"])
@pytest.mark.parametrize(
    "words",
    [
        ["run", *SMALL, "--seeds", "2", "--replicates", "1"],
        ["compare", *SMALL, "--seeds", "2", "--replicates", "1", "--markets", "auction", "deep"],
        ["attribute", *SMALL, "--seeds", "2", "--replicates", "1"],
    ],
)
def test_commands_print_them(words, form, capsys):
    assert main([*words, "--format", form, "--quiet"]) == 0
    said = capsys.readouterr().out
    assert "seeds 1 to 2" in said and "hashcredit 0." in said and "1 replicate each" in said
    assert (r"\toprule" in said) == (form == "latex")
    assert ("| --- |" in said) == (form == "markdown")
