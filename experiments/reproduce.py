"""`hashcredit reproduce`: replications of papers, their tables and figures, in a folder."""

import argparse
import sys
import time
from pathlib import Path

from hashcredit.experiments.files import write_text
from hashcredit.experiments.output import ResultFolder
from hashcredit.experiments.papers import EPISODES, PAPERS, folder_of, replicate
from hashcredit.experiments.papers.replication import (
    Replication,
    Row,
    compare,
    format_rows,
    read_published,
    table_csv,
)
from hashcredit.experiments.stopping import StopListener
from hashcredit.simulator.errors import ScenarioError
from hashcredit.simulator.sections_errors import near

EVERYTHING = {**PAPERS, **EPISODES}
GROUPS = {"papers": tuple(EVERYTHING), "episodes": tuple(EPISODES)}
"""Names for several keys at once; an episode is done like a paper."""


def reproduce(arguments: argparse.Namespace, listener: StopListener) -> int:
    """Do the replications that are asked for; 1 if a published number of a paper is not obtained."""
    if arguments.list:
        _list(_keys(arguments.keys or list(EVERYTHING)))
        return 0
    keys = _keys(arguments.keys)
    folder = ResultFolder(arguments.out or "reproduced")
    different = 0
    with listener.cleaning(folder.discard), folder:
        for key in keys:
            started = time.monotonic()
            print(f"\n{EVERYTHING[key]}", flush=True)
            rows = _one(key, arguments.quick, folder.path)
            different += sum(not row.agrees for row in rows) if key in PAPERS else 0
            print(f"{format_rows(rows)}\n({time.monotonic() - started:.0f} s)", flush=True)
        with listener.last_step():
            folder.publish()
    print(f"\nfigures and tables are in {folder.shown}", file=sys.stderr)
    if different:
        print(f"{different} published numbers are not obtained: see `differs` above", file=sys.stderr)
    return 1 if different else 0


def _keys(words: list[str]) -> list[str]:
    """The replications named, each once; those of papers where none is."""
    keys: list[str] = []
    for word in words or ["papers"]:
        if word not in EVERYTHING and word not in GROUPS:
            raise ScenarioError("KEY", word, f"a replication; {near(word, [*GROUPS, *EVERYTHING])}")
        keys += GROUPS.get(word, (word,))
    return list(dict.fromkeys(keys))


def _list(keys: list[str]) -> None:
    width = max(len(key) for key in keys)
    for key in keys:
        print(f"{key:<{width}}  {EVERYTHING[key]}")


def published_file(key: str) -> Path:
    """Where the published numbers are: in the working folder's results/reference, else in the package."""
    here = Path("results", "reference", f"{key}.csv")
    return here if here.exists() else folder_of(key) / "published.csv"


def _one(key: str, quick: bool, folder: Path) -> list[Row]:
    """Do one replication and write its table and figure."""
    from hashcredit.experiments.figures.style import house_style, save

    published = read_published(published_file(key))
    done: Replication = replicate(key, quick)
    rows = compare(done, published)
    place = folder / key
    place.mkdir()
    write_text(place / "table.csv", table_csv(rows))
    with house_style():
        save(done.draw(), place, key)
    return rows
