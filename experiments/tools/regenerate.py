"""Everything that is written from the code, in one go: `make regenerate`.

`python -m hashcredit.experiments.tools.regenerate --check` writes nothing and fails if a file is stale.
Reference results and fingerprints are not among it: they are made anew on purpose only.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from hashcredit.experiments.tools import (
    answer_table,
    arrows,
    observables_table,
    parameter_table,
    prior_table,
)
from hashcredit.experiments.tools.generated import write_or_compare
from hashcredit.simulator.scenario import baseline

GENERATED: dict[Path, Callable[[], str]] = {
    baseline.FILE: baseline.baseline_text,
    parameter_table.FILE: parameter_table.parameter_document,
    observables_table.FILE: observables_table.observables_document,
    prior_table.FILE: prior_table.prior_document,
    arrows.FILE: arrows.contributing,
    answer_table.FILE: answer_table.answer,
}
"""Each file with what makes its text."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Write or check all of them; 1 if one is stale."""
    parser = argparse.ArgumentParser(prog="python -m hashcredit.experiments.tools.regenerate")
    parser.add_argument("--check", action="store_true", help="write nothing, fail if a file is stale")
    mode = ["--check"] if parser.parse_args(arguments).check else []
    return max(write_or_compare("regenerate", file, text, mode) for file, text in GENERATED.items())


if __name__ == "__main__":
    sys.exit(main())
