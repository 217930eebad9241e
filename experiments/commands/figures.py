"""`hashcredit figures`: what a folder can draw, and the figures of a study."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from hashcredit.experiments.figures import FIGURES, STUDY_FIGURES
from hashcredit.experiments.support.stopping import StopListener
from hashcredit.simulator.errors import OutputFolderError, ScenarioError

if TYPE_CHECKING:
    from hashcredit.experiments.results.results import Results


def figures(arguments: argparse.Namespace, listener: StopListener) -> int:
    """List the figures of a folder, or of all folders; with --out draw those of a study."""
    if arguments.folder is None:
        if arguments.out is not None:
            raise ScenarioError("DIR", "(missing)", "the folder of a study to draw")
        _list([*FIGURES, *STUDY_FIGURES])
        return 0
    folder = Path(arguments.folder)
    if (folder / "manifest.json").exists():
        return _of_study(arguments, listener)
    if not (folder / "provenance.json").exists():
        raise OutputFolderError(arguments.folder, "is neither the result folder of a run nor that of a study")
    if arguments.out is not None:
        reason = "is the folder of a run, whose figures are drawn when it is run: hashcredit run --out DIR"
        raise OutputFolderError(arguments.folder, reason)
    drawn = [key for key in FIGURES if (folder / "figures" / f"{key}.png").exists()]
    _list(drawn)
    where = f"they are in {folder / 'figures'}" if drawn else "none; it was run with --no-figures"
    print(where, file=sys.stderr)
    return 0


def _list(keys: list[str]) -> None:
    every = {**FIGURES, **STUDY_FIGURES}
    width = max((len(key) for key in keys), default=0)
    for key in keys:
        print(f"{key:<{width}}  {every[key]}")


def _of_study(arguments: argparse.Namespace, listener: StopListener) -> int:
    from hashcredit.experiments.results.pictures import available
    from hashcredit.experiments.results.results import Results

    results = Results.open(arguments.folder)
    known = available(results)
    keys = list(dict.fromkeys(arguments.only or known))
    for key in keys:
        if key not in known:
            raise ScenarioError("--only", key, f"a figure that this study has: {', '.join(known) or 'none'}")
    if arguments.out is None:
        _list(keys)
        return 0
    _draw(results, keys, arguments, listener)
    return 0


def _draw(results: "Results", keys: list[str], arguments: argparse.Namespace, listener: StopListener) -> None:
    """Draw figures into a new folder; of all that there are, those that these runs suffice for.

    Which were left out, and why, is said. One that was asked for by name is drawn or is an error.
    """
    from hashcredit.experiments.figures.font_cache import find_font_cache
    from hashcredit.experiments.folder.output import ResultFolder

    find_font_cache()
    from hashcredit.experiments.figures import draw
    from hashcredit.experiments.figures.style import save
    from hashcredit.experiments.results.kept import TooFewPointsError
    from hashcredit.experiments.results.pictures import source_of

    refused: dict[str, TooFewPointsError] = {}
    folder = ResultFolder(arguments.out)
    with listener.cleaning(folder.discard), folder:
        for key in keys:
            try:
                source = source_of(results, key, arguments.of, arguments.factors)
            except TooFewPointsError as error:
                if arguments.only or len(refused) + 1 == len(keys):
                    raise
                refused[key] = error
                continue
            save(draw(key, source), folder.path, key)
        with listener.last_step():
            folder.publish()
    for key, reason in refused.items():
        print(f"not drawn, {key}: {reason}", file=sys.stderr)
    print(f"{len(keys) - len(refused)} figures are in {arguments.out}")
