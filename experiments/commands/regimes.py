"""`hashcredit regimes`: its grammar, and what it asks, says and writes.

Names are written out here, since the grammar of all commands is read by each of them.
"""

import argparse
from typing import TYPE_CHECKING, Any

from hashcredit.experiments.commands.parsing import add_command, add_common, size_of, whole
from hashcredit.simulator.errors import ScenarioError, refusal

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from hashcredit.experiments.support.stopping import StopListener
    from hashcredit.simulator.scenario.scenario import Scenario

REPLICATES = 3
"""Runs on each network, of each point and arm, unless a number is given."""
DIRECTIONS = ("marking", "recourse", "depth", "leverage", "growth", "speed")
MEASURES = ("defaults", "creditor_loss_musd", "lender_failures", "units_unsold")

EXAMPLES = """examples:
  hashcredit regimes                                            around the baseline, 20 seeds x 3 runs
  hashcredit regimes maturity_wall --threshold 0.5 --out results/regimes
  hashcredit regimes --directions depth leverage speed --plane speed depth --seeds 10
  hashcredit regimes --measure creditor_loss_musd --further 20

With the defaults 157 points or so in two arms, 19,000 runs: about six minutes of one processor at 19
milliseconds a run, and three points more for each ray that crosses.
"""


def add_regimes(commands: Any) -> None:
    """Add the command to the command line."""
    regimes = add_command(
        commands,
        "regimes",
        "how far from a scenario contagion makes a stated share of what happens",
        description="Search along rays for where the share of contagion crosses a threshold, by marking, "
        "recourse, depth of the market, leverage of lenders and growth of debt, with pairs of runs on common "
        "draws.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_common(regimes, REPLICATES)
    regimes.add_argument(
        "--measure", choices=MEASURES, default=MEASURES[0], help=f"of what (default: {MEASURES[0]})"
    )
    regimes.add_argument(
        "--threshold", type=_number, default=0.25, metavar="SHARE", help="above 0, below 1 (default: 0.25)"
    )
    regimes.add_argument(
        "--directions",
        nargs="+",
        choices=DIRECTIONS,
        metavar="NAME",
        help=f"out of {', '.join(DIRECTIONS)} (default: all but speed)",
    )
    regimes.add_argument(
        "--plane",
        nargs=2,
        metavar="NAME",
        help="in the plane of two directions rays lead all around (default: leverage depth, if there)",
    )
    regimes.add_argument(
        "--further",
        type=whole(0, 1000),
        default=6,
        metavar="N",
        help="rays besides those along one, two and all directions (default: 6)",
    )
    regimes.add_argument(
        "--halvings",
        type=whole(0, 20),
        default=3,
        metavar="N",
        help="of the quarter of a ray that holds a crossing (default: 3)",
    )
    regimes.add_argument("--out", metavar="DIR", help="new or empty folder for tables, figure, provenance")


def _number(text: str) -> float:
    """Argument type: a number."""
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(refusal(repr(text), "a number, such as 0.25")) from None


def regimes(arguments: argparse.Namespace, scenario: "Scenario", listener: "StopListener") -> int:
    """Where contagion bites around a scenario."""
    from hashcredit.experiments.commands.measuring import measured
    from hashcredit.experiments.measures.regime_tables import format_regimes
    from hashcredit.experiments.measures.regimes import regime_map
    from hashcredit.experiments.support.progress import ProgressBar

    seeds, replicates = size_of(arguments, REPLICATES)
    if not 0.0 < arguments.threshold < 1.0:
        raise ScenarioError("--threshold", arguments.threshold, "a share above 0 and below 1")
    asked: dict[str, Any] = {
        "measure": arguments.measure,
        "threshold": arguments.threshold,
        "directions": arguments.directions,
        "plane": arguments.plane,
        "further": arguments.further,
        "halvings": arguments.halvings,
    }

    def measure() -> Any:
        with ProgressBar("runs", arguments.quiet, about=True) as bar:
            return regime_map(
                scenario, seeds, replicates, **asked, threads=arguments.threads, progress=bar.update
            )

    def tables(found: Any) -> "dict[str, pd.DataFrame]":
        return {"rays": found.rays, "points": found.points}

    def draw(found: Any) -> "Figure":
        from hashcredit.experiments.measures.regime_figure import draw

        return draw(found)

    record = {"seeds": list(seeds), "replicates": replicates, **asked}
    return measured(arguments, scenario, listener, record, measure, format_regimes, tables, draw)
