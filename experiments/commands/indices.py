"""`hashcredit indices DIR`: sensitivity indices of a study as CSV, and as a figure."""

import argparse
import io
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from hashcredit.experiments.export import check_target, write_target
from hashcredit.experiments.results.results import Results
from hashcredit.experiments.support.stopping import StopListener
from hashcredit.simulator.errors import ScenarioError

if TYPE_CHECKING:
    import pandas as pd

PICTURES = (".png", ".pdf", ".svg")


def indices(arguments: argparse.Namespace, _: StopListener) -> int:
    """Refuse what cannot be done, compute, write; remarks on what was left out go to stderr."""
    from hashcredit.experiments.results.indices import remarks

    for target in (arguments.out, arguments.figure):
        if target is not None:
            check_target(target, arguments.overwrite)
    if arguments.figure is not None and Path(arguments.figure).suffix not in PICTURES:
        raise ScenarioError("--figure", arguments.figure, f"a name that ends with {', '.join(PICTURES)}")
    if not 0.0 < arguments.level < 1.0:
        raise ScenarioError("--level", arguments.level, "a coverage between 0 and 1, such as 0.95")
    results = Results.open(arguments.folder)
    table = results.indices(
        list(dict.fromkeys(arguments.of)),
        level=arguments.level,
        resamples=arguments.resamples,
        seed=arguments.seed,
    )
    text = table.to_csv(index=False)
    if arguments.figure is not None:
        _draw(results, table, Path(arguments.figure), arguments.overwrite)
    if arguments.out is None:
        print(text, end="")
    else:
        write_target(arguments.out, lambda handle: handle.write(text.encode()), arguments.overwrite)
    for line in remarks(results, table):
        print(line, file=sys.stderr)
    return 0


def _draw(results: Results, table: "pd.DataFrame", path: Path, overwrite: bool) -> None:
    from hashcredit.experiments.figures.font_cache import find_font_cache

    find_font_cache()
    from hashcredit.experiments.figures import draw, style
    from hashcredit.experiments.results.pictures import source_of_indices

    figure = draw("indices", source_of_indices(results, table))
    buffer = io.BytesIO()
    style.write(figure, buffer, path.suffix[1:])
    write_target(path, lambda handle: handle.write(buffer.getvalue()), overwrite)
