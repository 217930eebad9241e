"""The grammar of the commands that measure a scenario: attribute, explain, collateral."""

import argparse
from typing import Any

from hashcredit.experiments.commands.parsing import (
    COLLATERAL_REPLICATES,
    add_command,
    add_common,
    add_quiet,
    add_scenario,
    whole,
)

ATTRIBUTE_EXAMPLES = """examples:
  hashcredit attribute dump_10k_h100                            shares of five channels, 20 seeds x 50 runs
  hashcredit attribute --set horizon_weeks=52 --seeds 5 --replicates 10
  hashcredit attribute dump_10k_h100 --out results/who          the same as CSV files and a figure

Each of the five channels is on or off, which makes 32 arms. With the defaults that is 32,000 runs, about
twelve minutes of one processor at 22 milliseconds a run. A channel that is off halves the runs.
"""

EXPLAIN_EXAMPLES = """examples:
  hashcredit explain --failure miner-25                         in the baseline, seed 1, replicate 0
  hashcredit explain dump_10k_h100 --seed 1 --replicate 0 --failure bank-0
  hashcredit explain dump_10k_h100 --failure bank-0 --out results/bank-0

Names are those of the event log. Give any name to be told who failed. About a dozen replays, a second or two.
"""

MOST_WEEKS = 2**31 - 1
"""Of an option; the horizon says how many there are."""

COLLATERAL_EXAMPLES = """examples:
  hashcredit collateral                                         the baseline, every 13 weeks, 20 seeds x 5
  hashcredit collateral dump_10k_h100 --every 26 --seeds 5 --replicates 2
  hashcredit collateral dump_10k_h100 --curve-week 12 --out results/collateral

A look takes a tenth to a fifth of a second of one processor: with the defaults, two to four minutes.
"""


def add_measures(commands: Any) -> None:
    """Add the commands that measure to the command line."""
    _add_attribute(commands)
    _add_explain(commands)
    _add_collateral(commands)


def _add_attribute(commands: Any) -> None:
    attribute = add_command(
        commands,
        "attribute",
        "which channel of contagion caused how much",
        description="Shapley shares of the channels of contagion in defaults, lender failures, creditor loss "
        "and unsold machines, with intervals over seeds.",
        epilog=ATTRIBUTE_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_common(attribute)
    attribute.add_argument("--out", metavar="DIR", help="new or empty folder for tables, figure, provenance")


def _add_explain(commands: Any) -> None:
    explain = add_command(
        commands,
        "explain",
        "without what one failure would not have been",
        description="One run again without each channel, shock and earlier failure on its logged chain: "
        "would the failure have been prevented, delayed, earlier, or the same?",
        epilog=EXPLAIN_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_scenario(explain)
    explain.add_argument("--failure", required=True, metavar="NAME", help="who failed, such as miner-12")
    explain.add_argument("--seed", type=whole(0, 2**63 - 1), default=1, metavar="N", help="default: 1")
    explain.add_argument("--replicate", type=whole(0, 2**63 - 1), default=0, metavar="N", help="default: 0")
    explain.add_argument("--out", metavar="DIR", help="new or empty folder for table, figure, provenance")
    add_quiet(explain)


def _add_collateral(commands: Any) -> None:
    collateral = add_command(
        commands,
        "collateral",
        "what pledged machines are worth, also if all are sold",
        description="Machine loans over the value of what secures them, by lender, tier and in total: by the "
        "appraisal, by the best bid for one unit, and by what all of it would fetch if it were sold at once.",
        epilog=COLLATERAL_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_common(collateral, COLLATERAL_REPLICATES)
    weeks = whole(1, MOST_WEEKS)
    collateral.add_argument(
        "--every", type=weeks, default=13, metavar="WEEKS", help="from one look to the next (default: 13)"
    )
    collateral.add_argument(
        "--curve-week",
        type=whole(0, MOST_WEEKS),
        default=0,
        metavar="WEEK",
        help="at whose end shares of each type are dumped (default: 0)",
    )
    collateral.add_argument("--out", metavar="DIR", help="new or empty folder for tables, figure, provenance")
