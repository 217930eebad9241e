"""`hashcredit reproduce`: papers, named scenarios and summaries again, held against their references."""

import argparse
import sys
import time

from hashcredit.experiments.commands.reproductions import EVERYTHING, RUNS, Done, kind_of
from hashcredit.experiments.folder.output import ResultFolder
from hashcredit.experiments.papers import EPISODES, PAPERS
from hashcredit.experiments.scenarios.named import NAMED
from hashcredit.experiments.support import references
from hashcredit.experiments.support.files import write_text
from hashcredit.experiments.support.references import Rows
from hashcredit.experiments.support.stopping import StopListener
from hashcredit.simulator.display import counted
from hashcredit.simulator.errors import ScenarioError
from hashcredit.simulator.scenario.errors import hint

GROUPS = {
    "papers": (*PAPERS, *EPISODES),
    "episodes": tuple(EPISODES),
    "scenarios": tuple(NAMED),
    "runs": tuple(RUNS),
}
"""Names for several keys at once; an episode is done like a paper."""


def reproduce(arguments: argparse.Namespace, listener: StopListener) -> int:
    """Do what is asked for; 1 if a paper's number is not obtained, or one has drifted from its reference.

    What comes out of a scenario is a finding either way, as long as it is what came out before.
    """
    if arguments.list:
        _list(_keys(arguments.keys or list(EVERYTHING)))
        return 0
    keys = _keys(arguments.keys)
    stored = _references(keys, arguments.refresh_reference)
    folder = ResultFolder(arguments.out or "reproduced")
    done: dict[str, Done] = {}
    drifted = 0
    with listener.cleaning(folder.discard), folder:
        for key in keys:
            started = time.monotonic()
            print(f"\n{EVERYTHING[key]}", flush=True)
            place = folder.path / key
            place.mkdir()
            done[key] = kind_of(key).do(key, arguments.quick, place)
            write_text(place / "table.csv", done[key].table)
            print(done[key].text)
            if key in stored:
                drifted += _held_against(stored[key], key, done[key].table, arguments.quick)
            print(f"({time.monotonic() - started:.0f} s)", flush=True)
        with listener.last_step():
            folder.publish()
            if arguments.refresh_reference:
                for key in keys:
                    references.store(reference_of(key), done[key].table)
    print(f"\nfigures and tables are in {folder.shown}", file=sys.stderr)
    if arguments.refresh_reference:
        print(f"{references.FOLDER} has these tables now", file=sys.stderr)
    return _verdict(sum(each.missed for each in done.values()), drifted)


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


def reference_of(key: str) -> str:
    """Name of the reference of a key."""
    return kind_of(key).reference.format(key=key)


def _references(keys: list[str], refresh: bool) -> dict[str, Rows | None]:
    """What is stored for each key, read before anything is computed; nothing where nothing is to be compared.

    A damaged file is refused, unless it is about to be stored anew.
    """
    if refresh:
        references.require()
        return {}
    if not references.is_there():
        print(
            f"no folder {references.FOLDER} here: nothing is compared with what was stored", file=sys.stderr
        )
        return {}
    return {key: references.read_reference(reference_of(key), kind_of(key).form) for key in keys}


def _held_against(stored: Rows | None, key: str, table: str, quick: bool) -> int:
    """Print how a table compares with its reference; the number of rows that are not as stored."""
    name, form = reference_of(key), kind_of(key).form
    if stored is None:
        print(f"  drifted: {references.place_of(name)} is missing")
        return 1
    found = references.compare(
        references.rows_of(table, form), stored, form, references.draws_of(name, quick)
    )
    print("\n".join(references.told(name, found)))
    return len(found.drifts)


def _verdict(missed: int, drifted: int) -> int:
    """Say what is not as it should be; the exit code."""
    if missed:
        print(f"{missed} published numbers are not obtained: see `differs` above", file=sys.stderr)
    if drifted:
        said = f"{counted(drifted, 'row')} not as in {references.FOLDER}: see `drifted` above"
        print(f"{said}; --refresh-reference stores what is found, if it is meant", file=sys.stderr)
    return 1 if missed or drifted else 0
