"""How a command measures a scenario: what it says on the screen, and the folder that it publishes."""

import argparse
import json
import sys
from collections.abc import Callable
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hashcredit.experiments.folder.output import ResultFolder
from hashcredit.experiments.folder.scenario_files import write_scenario
from hashcredit.experiments.support.files import write_text
from hashcredit.experiments.support.stopping import StopListener
from hashcredit.simulator.provenance import provenance
from hashcredit.simulator.scenario.scenario import Scenario

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


def measured(
    arguments: argparse.Namespace,
    scenario: Scenario,
    listener: StopListener,
    record: dict[str, Any],
    measure: Callable[[], Any],
    words: Callable[[Any], str],
    tables: "Callable[[Any], dict[str, pd.DataFrame]]",
    draw: "Callable[[Any], Figure]",
    remark: Callable[[Any], str] = lambda found: "",
) -> int:
    """Measure, print, and with --out publish a folder; a place that is taken is refused before the work.

    `remark` is what stderr says whether or not it is to be quiet, if anything.
    """
    started = datetime.now(UTC)
    folder = ResultFolder(arguments.out) if arguments.out is not None else None
    cleaning = listener.cleaning(folder.discard) if folder is not None else nullcontext()
    with cleaning, folder or nullcontext():
        found = measure()
        if folder is not None:
            _write(folder.path, scenario, started, arguments, record, tables(found))
            _save(draw, found, folder.path, arguments.command)
        print(words(found) if arguments.format == "text" else _published(arguments, scenario, tables(found)))
        sys.stdout.flush()
        if said := remark(found):
            print(said, file=sys.stderr)
        if folder is not None:
            with listener.last_step():
                folder.publish()
    if not arguments.quiet:
        where = (
            f"results are in {arguments.out}"
            if folder is not None
            else "nothing was written; --out DIR keeps it"
        )
        print(where, file=sys.stderr)
    return 0


def _published(arguments: argparse.Namespace, scenario: Scenario, tables: "dict[str, pd.DataFrame]") -> str:
    """All tables of a measure, each with a caption that says what it is of."""
    from hashcredit.experiments.support.publish import published

    return "\n\n".join(
        published(table, arguments.format, f"{name} ({arguments.command}). {sample_of(arguments, scenario)}")
        for name, table in tables.items()
    )


def sample_of(arguments: argparse.Namespace, scenario: Scenario) -> str:
    """Scenario, seeds, replicates and version, for a caption."""
    from importlib.metadata import version

    from hashcredit.simulator.display import counted

    seeds = getattr(arguments, "seeds", 1)
    first = arguments.seed
    networks = f"seed {first}" if seeds == 1 else f"seeds {first} to {first + seeds - 1:,}"
    runs = getattr(arguments, "replicates", None)
    each = f", {counted(runs, 'replicate')} each" if runs else ""
    return f"Scenario {scenario.name}, {networks}{each}; hashcredit {version('hashcredit')}."


def _write(
    folder: Path,
    scenario: Scenario,
    started: datetime,
    arguments: argparse.Namespace,
    record: dict[str, Any],
    tables: "dict[str, pd.DataFrame]",
) -> None:
    """Tables as CSV, the scenario, and what makes the folder again."""
    kept = write_scenario(folder, scenario)
    for name, table in tables.items():
        write_text(folder / f"{name}.csv", table.to_csv(index=False))
    replicate = getattr(arguments, "replicate", 0)
    whole = {
        "command": arguments.command_line,
        **record,
        **provenance(kept, arguments.seed, replicate, started),
    }
    write_text(folder / "provenance.json", json.dumps(whole, indent=2, allow_nan=False) + "\n")


def _save(draw: "Callable[[Any], Figure]", found: Any, folder: Path, key: str) -> None:
    """Draw a measure as PNG and PDF in the house style."""
    from hashcredit.experiments.figures.font_cache import find_font_cache

    find_font_cache()
    from hashcredit.experiments.figures.style import house_style, save

    with house_style():
        figure = draw(found)
    save(figure, folder, key)
