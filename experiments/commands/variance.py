"""`hashcredit variance DIR`: what paths, networks and luck account for at each point of a study, as CSV."""

import argparse

from hashcredit.experiments.export import check_target, write_target
from hashcredit.experiments.results.results import Results
from hashcredit.experiments.support.stopping import StopListener
from hashcredit.simulator.errors import ScenarioError


def variance(arguments: argparse.Namespace, _: StopListener) -> int:
    """Refuse what cannot be done, compute, write."""
    if arguments.out is not None:
        check_target(arguments.out, arguments.overwrite)
    if not 0.0 < arguments.level < 1.0:
        raise ScenarioError("--level", arguments.level, "a coverage between 0 and 1, such as 0.95")
    results = Results.open(arguments.folder)
    table = results.variance_parts(list(dict.fromkeys(arguments.of)), level=arguments.level)
    text = table.to_csv(index=False)
    if arguments.out is None:
        print(text, end="")
    else:
        write_target(arguments.out, lambda handle: handle.write(text.encode()), arguments.overwrite)
    return 0
