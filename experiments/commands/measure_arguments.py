"""The grammar of the commands that measure a scenario: attribute, explain, spreads."""

import argparse
from typing import Any

from hashcredit.experiments.commands.parsing import add_command, add_common, add_quiet, add_scenario, whole
from hashcredit.simulator.errors import refusal

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

SPREADS_EXAMPLES = """examples:
  hashcredit spreads                                            of the baseline, 20 seeds x 50 runs a round
  hashcredit spreads dump_10k_h100 --out results/spreads        the same as CSV files and a figure
  hashcredit spreads --seeds 5 --replicates 4 --weeks 208 --price-of-risk btc=0.5 --price-of-risk rent=0.2

The runs are made again at the spreads that would have been fair until these are charged, mostly two or three
rounds and at most eight. With the defaults a round is 1,000 runs of six years, a minute or two.
"""


def add_measures(commands: Any) -> None:
    """Add the commands that measure to the command line."""
    _add_attribute(commands)
    _add_explain(commands)
    _add_spreads(commands)


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


def _add_spreads(commands: Any) -> None:
    spreads = add_command(
        commands,
        "spreads",
        "at which spreads lenders would just have got their money's worth",
        description="Fair spreads by instrument and grade, at their own fixed point, with intervals over "
        "seeds, also with a premium for common risk; beside those of Merton, Leland and the market.",
        epilog=SPREADS_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_common(spreads)
    spreads.add_argument(
        "--made-within",
        type=whole(0, 2**31 - 1),
        metavar="WEEKS",
        help="loans owed in the first week or made before this one count (default: 52)",
    )
    spreads.add_argument(
        "--weeks",
        type=whole(1, 2**31 - 1),
        metavar="N",
        help="length of the runs, in which these loans end (default: 312)",
    )
    spreads.add_argument(
        "--price-of-risk",
        type=_price,
        action="append",
        metavar="NAME=PRICE",
        help="of btc, rent or funding, 1/yr^0.5; may be repeated, names left out are then zero (default: "
        "btc=0.3 rent=0.3 funding=0.3)",
    )
    spreads.add_argument("--out", metavar="DIR", help="new or empty folder for tables, figure, provenance")


def _price(text: str) -> tuple[str, float]:
    """Argument type: a name and a number."""
    name, _, value = text.partition("=")
    try:
        return name, float(value)
    except ValueError:
        raise argparse.ArgumentTypeError(refusal(repr(text), "NAME=PRICE, such as btc=0.3")) from None
