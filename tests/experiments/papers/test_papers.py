"""Replications of papers: what they promise, what they compare, and (`make test-papers`) what they find."""

import pytest
from repository import ROOT

from hashcredit.experiments.papers import EPISODES, PAPERS, folder_of, replicate
from hashcredit.experiments.papers.replication import (
    FORM,
    Found,
    Published,
    Replication,
    compare,
    format_rows,
    read_published,
    table_csv,
)
from hashcredit.experiments.support import references

EXACT = ["greenwood_2015", "geanakoplos_2010"]
FINDINGS: dict[str, set[str]] = {
    "asic_loans_2022": {
        "value in December 2022 over January: with the option to switch off",
        "value in December 2022 over January: plain discounted margin",
        "value in December 2022 over January: hashprice expected back at its trend",
        "mean hashprice of 2022",
        "mean hashprice of 2023",
        "price of the newest tier in December 2022 over January",
        "collateral over loan at hand-back: at appraisal",
        "collateral over loan at hand-back: at the income value",
        "week of the hand-backs",
        "new lending in the first half of 2022",
        "new lending: second half of 2022 over first",
    }
}
"""Published numbers that are known not to be obtained, by paper; each README says why."""


def findings(key):
    """The same; the page of the hindcast is written from its numbers and says itself which are missed."""
    if key != "hindcast_2023":
        return FINDINGS.get(key, set())
    table = (folder_of(key) / "README.md").read_text().split("<!-- scorecard -->")[1].split("<!-- end")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[3:]]
    assert rows and {row[6] for row in rows} <= {"met", "missed", "too few cases"}
    return {row[0] for row in rows if row[6] != "met"}


def drifts(key, done):
    """What has drifted from the reference table."""
    stored = references.rows_of(references.place_of(key, ROOT / references.FOLDER).read_text(), FORM)
    found = references.rows_of(table_csv(done, read_published(folder_of(key) / "published.csv")), FORM)
    draws = references.draws_of(key, False, ROOT / references.FOLDER)
    return references.compare(found, stored, FORM, draws).drifts


@pytest.mark.parametrize("key", [*PAPERS, *EPISODES])
def test_every_paper_has_its_files(key):
    """Published numbers with sources, a reference table for them, and a page that says what was found."""
    rows = read_published(folder_of(key) / "published.csv")
    assert rows and all(row.source and row.tolerance >= 0.0 for row in rows)
    assert len({row.quantity for row in rows}) == len(rows)
    reference = references.place_of(key, ROOT / references.FOLDER)
    stored = list(references.rows_of(reference.read_text(), FORM).values())
    for row, line in zip(rows, stored, strict=False):
        given = (row.quantity, row.unit, repr(row.value), repr(row.tolerance), row.source)
        assert given == tuple(line[name] for name in (*FORM.keys, *FORM.fixed))
    assert all(line["published"] == "" for line in stored[len(rows) :])
    page = (folder_of(key) / "README.md").read_text()
    assert f"hashcredit reproduce {key}" in page
    for row in rows:
        assert row.quantity.split(":")[0].split(" at ")[0].split(" of ")[0] in page, row.quantity


@pytest.mark.parametrize("key", EXACT)
def test_papers_without_randomness(key):
    """They cost nothing, so every change of the library is held against them."""
    done = replicate(key, quick=True)
    assert drifts(key, done) == ()
    rows = compare(done, read_published(folder_of(key) / "published.csv"))
    assert [row.published.quantity for row in rows if not row.agrees] == []
    assert done.draw().axes


@pytest.mark.papers
@pytest.mark.parametrize("key", [key for key in (*PAPERS, *EPISODES) if key not in EXACT])
def test_papers(key):
    done = replicate(key)
    rows = compare(done, read_published(folder_of(key) / "published.csv"))
    print(format_rows(rows))
    assert drifts(key, done) == ()
    assert {row.published.quantity for row in rows if not row.agrees} == findings(key)


def test_a_number_agrees_within_its_interval_and_the_digits_printed():
    number = Published("x", "share", 0.5, 0.01, "table 1")
    for low, high, agrees in ((0.4, 0.6, True), (0.509, 0.6, True), (0.52, 0.6, False), (0.3, 0.48, False)):
        done = Replication({"x": Found((low + high) / 2, low, high, 0.1, 9)}, lambda: None)
        (row,) = compare(done, [number])
        assert row.agrees is agrees
        assert ("differs" in format_rows([row])) is not agrees
