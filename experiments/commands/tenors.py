"""The command that measures whole lives of machine loans by tenor: its grammar, and what it asks."""

import argparse
from typing import TYPE_CHECKING, Any

from hashcredit.experiments.commands.parsing import add_command, add_common, size_of, whole

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from hashcredit.experiments.support.stopping import StopListener
    from hashcredit.simulator.scenario.scenario import Scenario

REPLICATES = 10
"""Runs on each network, of every tenor and design, unless a number is given."""
MOST_YEARS = 1_000
MOST_WEEKS = 2**31 - 1
"""Of options; the measure knows better."""

EXAMPLES = """examples:
  hashcredit tenors                                             1 to 10 years in the baseline, 20 seeds x 10
  hashcredit tenors demand_turn --out results/tenors            the same as CSV files and a figure
  hashcredit tenors --years 1 3 5 10 --seeds 5 --replicates 4
  hashcredit tenors --set credit.loan_age_weeks=51              1 and 2 years at equal advance rate too

Runs last until the last loan is due and two years more: with the defaults 3,400 runs of thirteen years,
which take between three and four minutes of one processor.
"""


def add_tenors(commands: Any) -> None:
    """Add the command to the command line."""
    tenors = add_command(
        commands,
        "tenors",
        "what becomes of machine loans by their tenor, over whole lives",
        description="Defaults, losses, lives and break-even spreads of machine loans of one to ten years, at "
        "equal opening debt and at equal advance rate, with intervals over seeds.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_common(tenors, REPLICATES)
    years = whole(1, MOST_YEARS)
    tenors.add_argument("--years", type=years, nargs="+", metavar="N", help="tenors (default: 1 to 10)")
    tenors.add_argument(
        "--reference", type=years, metavar="N", help="tenor that others are compared with (default: 3 years)"
    )
    week = whole(0, MOST_WEEKS)
    tenors.add_argument(
        "--made-within", type=week, metavar="WEEKS", help="new loans are made before this one (default: 52)"
    )
    tenors.add_argument(
        "--weeks",
        type=week,
        metavar="N",
        help="length of the runs (default: until the last of these loans is due, and 104 weeks more)",
    )
    tenors.add_argument("--out", metavar="DIR", help="new or empty folder for tables, figure, provenance")


def tenors(arguments: argparse.Namespace, scenario: "Scenario", listener: "StopListener") -> int:
    """What becomes of machine loans by tenor."""
    from hashcredit.experiments.commands.measuring import measured
    from hashcredit.experiments.measures.tenor_tables import format_tenors
    from hashcredit.experiments.measures.tenors import MADE_WITHIN, REFERENCE, TENORS, tenor_frontier

    seeds, replicates = size_of(arguments, REPLICATES)
    asked = {
        "tenors": list(TENORS if arguments.years is None else arguments.years),
        "reference": REFERENCE if arguments.reference is None else arguments.reference,
        "made_within": MADE_WITHIN if arguments.made_within is None else arguments.made_within,
        "weeks": arguments.weeks,
    }

    def measure() -> Any:
        return tenor_frontier(
            scenario, seeds, replicates, **asked, threads=arguments.threads, progress=not arguments.quiet
        )

    def tables(found: Any) -> "dict[str, pd.DataFrame]":
        return {"tenors": found.table, "opening": found.opening}

    def draw(found: Any) -> "Figure":
        from hashcredit.experiments.measures.tenor_figure import draw

        return draw(found)

    record = {"seeds": list(seeds), "replicates": replicates, **asked}
    return measured(arguments, scenario, listener, record, measure, format_tenors, tables, draw)
