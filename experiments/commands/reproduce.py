"""`hashcredit reproduce`: replications of papers and studies of named scenarios, in a folder."""

import argparse
import sys
import time
from pathlib import Path

from hashcredit.experiments.folder.output import ResultFolder
from hashcredit.experiments.papers import EPISODES, PAPERS, folder_of, replicate
from hashcredit.experiments.papers.replication import (
    Replication,
    compare,
    format_rows,
    read_published,
    table_csv,
)
from hashcredit.experiments.scenarios.named import NAMED
from hashcredit.experiments.support.files import write_text
from hashcredit.experiments.support.progress import ProgressBar
from hashcredit.experiments.support.stopping import StopListener
from hashcredit.simulator.errors import ScenarioError
from hashcredit.simulator.scenario.errors import hint

EVERYTHING = {**PAPERS, **EPISODES, **NAMED}
GROUPS = {"papers": (*PAPERS, *EPISODES), "episodes": tuple(EPISODES), "scenarios": tuple(NAMED)}
"""Names for several keys at once; an episode is done like a paper."""

SEED = 1
QUICK_SHARE = 10
"""With `--quick` a study of a scenario has that many times fewer replicates."""


def reproduce(arguments: argparse.Namespace, listener: StopListener) -> int:
    """Do what is asked for; 1 if a published number of a paper is not obtained.

    What comes out of a scenario is a finding either way.
    """
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
            if key in NAMED:
                text = _study(key, arguments.quick, folder.path)
            else:
                text, missed = _one(key, arguments.quick, folder.path)
                different += missed if key in PAPERS else 0
            print(f"{text}\n({time.monotonic() - started:.0f} s)", flush=True)
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
            raise ScenarioError(
                "KEY", word, f"a replication or scenario; {hint(word, [*GROUPS, *EVERYTHING])}"
            )
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


def _one(key: str, quick: bool, folder: Path) -> tuple[str, int]:
    """Do one replication and write its table, figure and further files; the table as text, numbers missed."""
    from hashcredit.experiments.figures.style import house_style, save

    published = read_published(published_file(key))
    done: Replication = replicate(key, quick)
    rows = compare(done, published)
    place = folder / key
    place.mkdir()
    write_text(place / "table.csv", table_csv(rows))
    for name, text in done.files.items():
        write_text(place / name, text)
    with house_style():
        save(done.draw(), place, key)
    return format_rows(rows, done.interval), sum(not row.agrees for row in rows)


def _study(name: str, quick: bool, folder: Path) -> str:
    """Run the study of a scenario, write its table and figure, and say what came out."""
    from hashcredit.experiments.figures.style import house_style, save
    from hashcredit.experiments.scenarios.figure import draw
    from hashcredit.experiments.scenarios.study import run_study, study_of
    from hashcredit.experiments.scenarios.tables import format_text, sample, to_csv

    study = study_of(name)
    replicates = study.replicates // QUICK_SHARE if quick else study.replicates
    with ProgressBar("runs") as bar:
        outcome = run_study(study, SEED, replicates, bar.update)
    numbers = outcome.estimates()
    place = folder / name
    place.mkdir()
    write_text(place / "table.csv", to_csv(numbers))
    with house_style():
        save(draw(outcome), place, name)
    return f"{format_text(study, numbers)}\n{sample(study, numbers, SEED)}"
