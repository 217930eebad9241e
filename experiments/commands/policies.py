"""The command that weighs policies against their cost: its grammar, and what it asks."""

import argparse
from typing import TYPE_CHECKING, Any

from hashcredit.experiments.commands.parsing import SEEDS, add_command, add_common, size_of, whole

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from hashcredit.experiments.support.stopping import StopListener
    from hashcredit.simulator.scenario.scenario import Scenario

REPLICATES = 10
"""Runs on each network, in each arm, unless a number is given."""
RANK_SEEDS, RANK_REPLICATES = 4, 5
"""Networks, and runs on each, at every point of the prior: points are what their ranks are over."""
MOST_POINTS = 100_000

EXAMPLES = """examples:
  hashcredit policies                                           eight instruments at three strengths each
  hashcredit policies maturity_wall --policies tenor_cap haircut_cap --out results/policies
  hashcredit policies --file my_policies.toml                   policies of your own
  hashcredit policies standing_repo --own                       what the scenario's own policy costs
  hashcredit policies --ranks 64 --out results/ranks            their ranks over the prior

With the defaults 5,000 runs of six years, about three minutes of two processors; 64 points of ranks take
twice as long.
"""


def add_policies(commands: Any) -> None:
    """Add the command to the command line."""
    policies = add_command(
        commands,
        "policies",
        "what policies avert, what they take from credit, what the authority loses",
        description="Instruments at their strengths, each against no policy on the same draws and at the "
        "same opening: loss averted, credit lost, the authority's loss, and which no other dominates.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_common(policies, REPLICATES)
    policies.set_defaults(seeds=None)  # how many there are by default depends on --ranks
    which = policies.add_mutually_exclusive_group()
    which.add_argument(
        "--policies",
        nargs="+",
        metavar="NAME",
        help="standing_facility, rate_cut, capital_requirement, advance_cap, tenor_cap, btc_margin, "
        "standstill, haircut_cap (default: all)",
    )
    which.add_argument("--file", metavar="FILE", help="TOML file of policies of your own")
    which.add_argument(
        "--own", action="store_true", help="the scenario's own interventions and facility, against none"
    )
    policies.add_argument(
        "--weeks", type=whole(1, 2**31 - 1), metavar="N", help="length of the runs (default: 312)"
    )
    policies.add_argument(
        "--ranks",
        type=whole(2, MOST_POINTS),
        metavar="POINTS",
        help="rank middle strengths over so many points of the prior, on 4 networks with 5 runs each unless "
        "--seeds and --replicates say otherwise",
    )
    policies.add_argument("--out", metavar="DIR", help="new or empty folder for tables, figure, provenance")


def policies(arguments: argparse.Namespace, scenario: "Scenario", listener: "StopListener") -> int:
    """Policies with their cost."""
    from hashcredit.experiments.measures.policies import WEEKS
    from hashcredit.experiments.measures.policy_instruments import policies_of, read_policies

    if arguments.seeds is None:
        arguments.seeds = SEEDS if arguments.ranks is None else RANK_SEEDS
    if arguments.own:
        return _own(arguments, scenario, listener)
    given = read_policies(arguments.file) if arguments.file is not None else policies_of(arguments.policies)
    weeks = WEEKS if arguments.weeks is None else arguments.weeks
    record = {"policies": [each.name for each in given], "weeks": weeks}
    if arguments.ranks is not None:
        return _ranks(arguments, scenario, listener, given, record)
    from hashcredit.experiments.measures.policies import policy_frontier

    seeds, replicates = size_of(arguments, REPLICATES)

    def measure() -> Any:
        return policy_frontier(
            scenario,
            seeds,
            replicates,
            policies=given,
            weeks=weeks,
            threads=arguments.threads,
            progress=not arguments.quiet,
        )

    return _frontier(arguments, scenario, listener, record, measure, seeds, replicates)


def _own(arguments: argparse.Namespace, scenario: "Scenario", listener: "StopListener") -> int:
    """What the scenario's own policy costs."""
    from hashcredit.experiments.measures.policies import policy_cost
    from hashcredit.simulator.errors import ScenarioError

    for option, value in (("--weeks", arguments.weeks), ("--ranks", arguments.ranks)):
        if value is not None:
            raise ScenarioError(option, value, "no value with --own, which has the scenario's own horizon")
    seeds, replicates = size_of(arguments, REPLICATES)

    def measure() -> Any:
        return policy_cost(
            scenario, seeds, replicates, threads=arguments.threads, progress=not arguments.quiet
        )

    return _frontier(arguments, scenario, listener, {"own": True}, measure, seeds, replicates)


def _frontier(
    arguments: argparse.Namespace,
    scenario: "Scenario",
    listener: "StopListener",
    record: dict[str, Any],
    measure: Any,
    seeds: range,
    replicates: int,
) -> int:
    from hashcredit.experiments.commands.measuring import measured
    from hashcredit.experiments.measures.policy_tables import format_policies

    def tables(found: Any) -> "dict[str, pd.DataFrame]":
        return {"policies": found.table, "frontier": found.frontier}

    def draw(found: Any) -> "Figure":
        from hashcredit.experiments.measures.policy_figure import draw

        return draw(found)

    whole_record = {"seeds": list(seeds), "replicates": replicates, **record}
    return measured(arguments, scenario, listener, whole_record, measure, format_policies, tables, draw)


def _ranks(
    arguments: argparse.Namespace,
    scenario: "Scenario",
    listener: "StopListener",
    given: Any,
    record: dict[str, Any],
) -> int:
    """Ranks over the prior."""
    from hashcredit.experiments.commands.measuring import measured
    from hashcredit.experiments.measures.policy_ranks import policy_ranks
    from hashcredit.experiments.measures.policy_tables import format_ranks
    from hashcredit.experiments.support.progress import ProgressBar

    seeds, replicates = size_of(arguments, RANK_REPLICATES)

    def measure() -> Any:
        with ProgressBar("points", arguments.quiet) as bar:
            return policy_ranks(
                scenario,
                seeds,
                replicates,
                points=arguments.ranks,
                policies=given,
                weeks=record["weeks"],
                threads=arguments.threads,
                progress=bar.update,
            )

    def tables(found: Any) -> "dict[str, pd.DataFrame]":
        return {"ranks": found.table, "points": found.points}

    def draw(found: Any) -> "Figure":
        from hashcredit.experiments.measures.policy_figure import draw_ranks

        return draw_ranks(found)

    whole_record = {"seeds": list(seeds), "replicates": replicates, "points": arguments.ranks, **record}
    return measured(arguments, scenario, listener, whole_record, measure, format_ranks, tables, draw)
