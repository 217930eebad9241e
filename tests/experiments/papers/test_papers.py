"""Replications of papers: what they promise, what they compare, and (`make test-papers`) what they find."""

import pytest
from repository import ROOT
from studies import call

from hashcredit.experiments.commands.reproduce import published_file
from hashcredit.experiments.papers import EPISODES, PAPERS, folder_of, replicate
from hashcredit.experiments.papers.replication import (
    Found,
    Published,
    Replication,
    compare,
    format_rows,
    read_published,
)
from hashcredit.experiments.scenarios.named import NAMED
from hashcredit.simulator.errors import ScenarioError

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


@pytest.mark.parametrize("key", [*PAPERS, *EPISODES])
def test_every_paper_has_its_files(key):
    """Published numbers with sources, the same in results/reference, and a page that says what was found."""
    rows = read_published(folder_of(key) / "published.csv")
    assert rows and all(row.source and row.tolerance >= 0.0 for row in rows)
    assert len({row.quantity for row in rows}) == len(rows)
    reference = ROOT / "results" / "reference" / f"{key}.csv"
    assert reference.read_text() == (folder_of(key) / "published.csv").read_text()
    page = (folder_of(key) / "README.md").read_text()
    assert f"hashcredit reproduce {key}" in page
    for row in rows:
        assert row.quantity.split(":")[0].split(" at ")[0].split(" of ")[0] in page, row.quantity


@pytest.mark.parametrize("key", EXACT)
def test_papers_without_randomness(key):
    """They cost nothing, so every change of the library is held against them."""
    done = replicate(key, quick=True)
    rows = compare(done, read_published(folder_of(key) / "published.csv"))
    assert [row.published.quantity for row in rows if not row.agrees] == []
    assert done.draw().axes


@pytest.mark.papers
@pytest.mark.parametrize("key", [key for key in (*PAPERS, *EPISODES) if key not in EXACT])
def test_papers(key):
    rows = compare(replicate(key), read_published(folder_of(key) / "published.csv"))
    print(format_rows(rows))
    assert {row.published.quantity for row in rows if not row.agrees} == findings(key)


def test_a_number_agrees_within_its_interval_and_the_digits_printed():
    number = Published("x", "share", 0.5, 0.01, "table 1")
    for low, high, agrees in ((0.4, 0.6, True), (0.509, 0.6, True), (0.52, 0.6, False), (0.3, 0.48, False)):
        done = Replication({"x": Found((low + high) / 2, low, high)}, lambda: None)
        (row,) = compare(done, [number])
        assert row.agrees is agrees
        assert ("differs" in format_rows([row])) is not agrees


def test_the_working_folder_comes_first(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert published_file("greenwood_2015") == folder_of("greenwood_2015") / "published.csv"
    place = tmp_path / "results" / "reference" / "greenwood_2015.csv"
    place.parent.mkdir(parents=True)
    place.write_text("quantity,unit,published,tolerance,source\nreturns of bank 1,share,x,0,y\n")
    with pytest.raises(ScenarioError, match=r"greenwood_2015\.csv"):
        read_published(published_file("greenwood_2015"))


def test_the_command(tmp_path):
    out, _ = call("reproduce", "--list")
    assert [line.split()[0] for line in out.splitlines()] == [*PAPERS, *EPISODES, *NAMED]
    out, _ = call("reproduce", "greenwood_2015", "--out", tmp_path / "new")
    assert "aggregate vulnerability" in out and "differs" not in out
    kept = {path.name for path in (tmp_path / "new" / "greenwood_2015").iterdir()}
    assert kept == {"table.csv", "greenwood_2015.png", "greenwood_2015.pdf"}
    _, err = call("reproduce", "greenwod_2015", "--out", tmp_path / "other", code=2)
    assert "did you mean 'greenwood_2015'" in err and not (tmp_path / "other").exists()
    _, err = call("reproduce", "greenwood_2015", "--out", tmp_path / "new", code=2)
    assert "is not empty" in err
