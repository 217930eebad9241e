"""The grammar of the commands that measure a scenario."""

import argparse
from typing import Any

from hashcredit.experiments.commands.parsing import (
    COLLATERAL_REPLICATES,
    add_command,
    add_common,
    add_format,
    add_quiet,
    add_scenario,
    whole,
)
from hashcredit.experiments.commands.policies import add_policies
from hashcredit.experiments.commands.regimes import add_regimes
from hashcredit.experiments.commands.tenors import add_tenors
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

RECOVERIES_EXAMPLES = """examples:
  hashcredit recoveries                                         defaults of the baseline's first year
  hashcredit recoveries dump_10k_h100 --from-week 26 --before-week 27 --machine H100
  hashcredit recoveries --seeds 5 --replicates 4 --before-week 156 --out results/recoveries

The runs are made twice, as they are and with --run-off weeks more, in which nothing is lent but what has been
promised, so that claims that are open at the horizon come to an end. With the defaults a minute.
"""

SPREADS_EXAMPLES = """examples:
  hashcredit spreads                                            of the baseline, 20 seeds x 50 runs a round
  hashcredit spreads dump_10k_h100 --out results/spreads        the same as CSV files and a figure
  hashcredit spreads --seeds 5 --replicates 4 --weeks 208 --price-of-risk btc=0.5 --price-of-risk rent=0.2

The runs are made again at the spreads that would have been fair until these are charged, mostly two or three
rounds and at most eight. With the defaults a round is 1,000 runs of six years, a minute or two.
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
    _add_recoveries(commands)
    _add_spreads(commands)
    _add_collateral(commands)
    add_policies(commands)
    add_tenors(commands)
    add_regimes(commands)


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
    add_format(explain)
    add_quiet(explain)


def _add_recoveries(commands: Any) -> None:
    recoveries = add_command(
        commands,
        "recoveries",
        "what the creditors of some defaults recover, whenever they are paid",
        description="Losses given default of a cohort, by rank, tier of lender, instrument and grade, with "
        "intervals over seeds; claims that are open at the horizon are run out.",
        epilog=RECOVERIES_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_common(recoveries)
    week = whole(0, 2**31 - 1)
    recoveries.add_argument("--from-week", type=week, default=0, metavar="W", help="first week of the cohort")
    recoveries.add_argument(
        "--before-week", type=week, metavar="W", help="week before which they default (default: a year later)"
    )
    recoveries.add_argument("--machine", metavar="NAME", help="only loans on this type, such as H100")
    recoveries.add_argument(
        "--run-off", type=week, metavar="WEEKS", help="weeks after the horizon (default: 156)"
    )
    recoveries.add_argument("--out", metavar="DIR", help="new or empty folder for table, figure, provenance")


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
