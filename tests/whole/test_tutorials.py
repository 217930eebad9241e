"""Tutorials run from top to bottom, print what they show, and say no number that was not printed."""

import re

import pytest
import tutorials
from repository import ROOT

from hashcredit.experiments.papers import EPISODES, PAPERS
from hashcredit.experiments.support.references import processor

INDEX = tutorials.text_of("README")
SAME_PROCESSOR = f"<!-- processor: {processor()} -->" in INDEX


@pytest.mark.parametrize("name", tutorials.names())
def test_a_tutorial_runs_and_prints_what_it_shows(name, tmp_path):
    """Digit for digit on the kind of processor that its outputs are from; elsewhere it runs.

    `python tests/helpers/tutorials.py` writes the outputs: run it after a change that is meant, read it.
    """
    text = tutorials.text_of(name)
    session = tutorials.Session(tmp_path)
    for block in tutorials.blocks_of(text):
        if block.on_slurm:
            continue
        printed = session.run(block)
        if block.shown is not None and SAME_PROCESSOR:
            assert printed.strip("\n") == block.shown.strip("\n"), block.code


@pytest.mark.parametrize("name", tutorials.names())
def test_numbers_of_the_text_were_printed(name):
    """What the page shows is what is printed (above), so the numbers of its prose are held against that."""
    text = tutorials.text_of(name)
    shown = [block.shown or "" for block in tutorials.blocks_of(text)]
    assert tutorials.untold(text, shown) == []


def test_a_number_that_nobody_printed_is_found():
    code = "```python\nprint(12)\n```\n\n```text\n12\n```\n"
    page = f"Of 12 banks 3,456.0 fail.\n\n{code}\n## Try next\n\n- 99 of them.\n"
    assert tutorials.untold(page, ["12"]) == ["3,456.0"]


@pytest.mark.parametrize("name", tutorials.names())
def test_a_tutorial_says_what_one_gets_how_long_it_takes_and_what_is_next(name):
    text = tutorials.text_of(name)
    assert re.search(r"\A# .+\n\n\*\*You will have\*\* ", text)
    assert re.search(r"^\*\*Time:\*\* .+ two cores", text, re.MULTILINE)
    assert re.findall(r"^## (.+)$", text, re.MULTILINE)[-1] == "Try next"


def test_every_tutorial_is_listed():
    assert sorted(re.findall(r"^\d\. \[.+?\]\((\w+)\.md\)", INDEX, re.MULTILINE)) == tutorials.names()


@pytest.mark.cluster
def test_the_tutorial_for_clusters_on_slurm(place):
    """Its blocks for Slurm give what its blocks for one machine gave."""
    place.mkdir()
    session = tutorials.Session(place)
    seen = []
    for block in tutorials.blocks_of(tutorials.text_of("cluster")):
        printed = session.run(block)
        if block.on_slurm and "cat found" in block.code:
            assert printed.endswith(seen[-1])
        if "study --executor array" in block.code:
            assert "\n40 of 40 runs ok; " in printed
        seen.append(printed)


QUOTING = {
    "docs/answer.md": (
        "docs/measures.md",
        "docs/tutorials/dump.md",
        "docs/tutorials/first_run.md",
    ),
    "docs/concepts.md": ("docs/tutorials/first_run.md",),
    "docs/validation.md": (
        "docs/scenarios/README.md",
        "docs/tutorials/calibrate.md",
        *(f"experiments/papers/{key}/README.md" for key in (*PAPERS, *EPISODES)),
    ),
}
"""Pages that quote, and where their numbers stand."""


@pytest.mark.parametrize("page", QUOTING)
def test_numbers_of_pages_that_quote_are_those_of_their_sources(page):
    """A table that the page has from stored results is a source too."""
    text = (ROOT / page).read_text(encoding="utf-8")
    sources = [(ROOT / source).read_text(encoding="utf-8") for source in QUOTING[page]]
    sources += re.findall(r"^<!-- (?!end of).+? -->$(.*?)^<!-- end of", text, re.MULTILINE | re.DOTALL)
    assert tutorials.untold(text, sources) == []
