"""The grammar of the command line: commands, options, bounds and help."""

import argparse
from typing import Any

from hashcredit.experiments.commands.completion import add_completion
from hashcredit.experiments.commands.dashboard import add_dashboard
from hashcredit.experiments.commands.doctor import add_doctor
from hashcredit.experiments.commands.figure_arguments import add_figures, add_indices, add_variance
from hashcredit.experiments.commands.measure_arguments import add_measures
from hashcredit.experiments.commands.parsing import (
    Parser,
    add_command,
    add_common,
)
from hashcredit.experiments.commands.study_arguments import add_study_commands
from hashcredit.simulator.channels import CHANNELS

EXAMPLES = """examples:
  hashcredit run                                        the baseline on 20 networks, 1,000 runs, a table
  hashcredit run dump_10k_h100 --out results/dump       the same with figures and data in a folder
  hashcredit run --set secondary_market.rule=deep --set horizon_weeks=52 --replicates 5
  hashcredit run thin_market --seeds 1 --replicates 1   a look at one run
  hashcredit run --replicates 20 --control-variates     means as precise as those of more runs
  hashcredit run my_scenario.toml --check --flows       test every bookkeeping identity, show who paid whom
  hashcredit compare dump_10k_h100                      a fire sale in a thin and in a deep market
  hashcredit compare dump_10k_h100 --channels           how much of it is contagion
  hashcredit attribute dump_10k_h100                    which channel of contagion caused how much
  hashcredit explain --failure miner-25                 without what this failure would not have been
  hashcredit dashboard dump_10k_h100                    watch it week by week in a browser
  hashcredit sweep study.toml --plan                    how many runs, how long, how large
  hashcredit sweep study.toml --out results/study       run a study; the same again goes on where it stopped
  hashcredit status results/study                       how far it is
  hashcredit figures results/study                      what the folder can draw; --out DIR draws it
  hashcredit indices results/study --of defaults        which factor matters, where the design can tell
  hashcredit variance results/study                     what paths, networks and luck account for
  hashcredit reproduce scenarios --quick                each named scenario against its controls
  hashcredit scenario list
  hashcredit scenario show baseline_2026 --table        every number, its unit, bounds and source
  hashcredit doctor                                     is this installation well, and what to do if not

exit codes: 0 done, 1 a run failed, 2 bad input (nothing written), 130 or 143 stopped (nothing written;
a sweep keeps what is done)
"""

REPRODUCE_EXAMPLES = """examples:
  hashcredit reproduce greenwood_2015                      a paper: its numbers beside those found, its figure
  hashcredit reproduce standing_repo --quick               a scenario against its controls, a tenth of runs
  hashcredit reproduce runs                                the summaries of the baseline and of a fire sale
  hashcredit reproduce papers scenarios runs               everything that results/reference has
  hashcredit reproduce baseline_2026 --refresh-reference   store what is found there, if a change is meant

In a clone the numbers are compared with those of results/reference; the exit code is 1 if one has drifted
beyond rounding, or with --quick beyond its Monte Carlo error, or if a paper's number is not obtained.
"""

RUN_EXAMPLES = """examples:
  hashcredit run                                        the baseline on 20 networks, 1,000 runs, a table
  hashcredit run dump_10k_h100 --out results/dump       the same with figures and data in a folder
  hashcredit run thin_market --seeds 1 --replicates 1   a look at one run
  hashcredit run --set secondary_market.rule=deep --set horizon_weeks=52 --replicates 5
  hashcredit run my_scenario.toml --check --flows       test every bookkeeping identity, show who paid whom

A thousand runs take about 22 seconds of one processor.
"""

COMPARE_EXAMPLES = """examples:
  hashcredit compare dump_10k_h100                      a fire sale in a thin and in a deep market
  hashcredit compare dump_10k_h100 --markets auction deep --seeds 50
  hashcredit compare dump_10k_h100 --channels           how much of it is contagion
  hashcredit compare dump_10k_h100 --channels fire_sale repo
"""

SCENARIO_EXAMPLES = """examples:
  hashcredit scenario list
  hashcredit scenario show dump_10k_h100 > my_scenario.toml
  hashcredit scenario check my_scenario.toml
"""

LIST_EXAMPLES = """examples:
  hashcredit scenario list
"""

SHOW_EXAMPLES = """examples:
  hashcredit scenario show                              the baseline, with units and sources as remarks
  hashcredit scenario show dump_10k_h100 --set secondary_market.rule=deep > my_scenario.toml
  hashcredit scenario show baseline_2026 --table        one line a field: unit, bounds, meaning, source
"""

CHECK_EXAMPLES = """examples:
  hashcredit scenario check my_scenario.toml            its name and digest, or what is wrong with it
"""

SCHEMA_EXAMPLES = """examples:
  hashcredit scenario schema > scenario.schema.json     for an editor that checks while you type
"""

WARMUP_EXAMPLES = """examples:
  hashcredit warmup                                     once after an installation or an upgrade

Minutes if something has to be compiled, a few seconds if not. HASHCREDIT_CACHE_DIR says where it is kept;
before a sweep on a cluster let it be a folder that all nodes see.
"""

MARKETS = ("auction", "impact", "deep")
CHECKED_REPLICATES = 1
"""Runs on each network with `run --check` unless a number is given: checking costs a hundred runs each."""


def build_parser() -> argparse.ArgumentParser:
    """The whole command line; the command is stored by its name under `command`."""
    parser = Parser(
        prog="hashcredit",
        description="How far does a fire sale of GPUs spread through miners, neo-clouds and lenders?",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version and exit")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True, parser_class=Parser)
    _add_run(commands)
    _add_compare(commands)
    add_measures(commands)
    add_dashboard(commands)
    add_study_commands(commands)
    _add_scenario(commands)
    add_figures(commands)
    add_indices(commands)
    add_variance(commands)
    _add_reproduce(commands)
    add_command(commands, "warmup", "compile the kernels into the cache", epilog=WARMUP_EXAMPLES)
    add_doctor(commands)
    add_completion(commands)
    return parser


def _add_reproduce(commands: Any) -> None:
    reproduce = add_command(
        commands,
        "reproduce",
        "papers' results, named scenarios and summaries again, against what was stored",
        epilog=REPRODUCE_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    reproduce.add_argument(
        "keys",
        nargs="*",
        metavar="KEY",
        help="a paper, an episode, a scenario, a summary of runs, or all of a kind: papers (default), "
        "episodes, scenarios, runs",
    )
    reproduce.add_argument("--list", action="store_true", help="only say which there are")
    size = reproduce.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_true", help="smaller samples with larger errors")
    size.add_argument(
        "--refresh-reference",
        action="store_true",
        help="store the tables in results/reference instead of comparing with those there",
    )
    reproduce.add_argument("--out", metavar="DIR", help="new or empty folder (default: reproduced)")


def _add_run(commands: Any) -> None:
    run = add_command(commands, "run", "simulate a scenario many times and summarise it", epilog=RUN_EXAMPLES)
    add_common(run)
    run.add_argument("--out", metavar="DIR", help="new or empty folder for data, figures and provenance")
    run.add_argument(
        "--check",
        action="store_true",
        help=f"test every bookkeeping identity after every phase of every replicate (slow; "
        f"{CHECKED_REPLICATES} on each network unless --replicates is given)",
    )
    run.add_argument("--flows", action="store_true", help="print who paid whom for what in replicate 0")
    run.add_argument("--no-figures", action="store_true", help="write the data only")
    run.add_argument(
        "--control-variates",
        action="store_true",
        help="also print means adjusted by what was drawn for prices, and the plain runs they are worth",
    )
    run.add_argument(
        "--variance",
        action="store_true",
        help="also print what paths, networks and luck account for (from three seeds of two replicates on)",
    )


def _add_compare(commands: Any) -> None:
    about = "the same draws under several market rules, or without contagion"
    compare = add_command(commands, "compare", about, epilog=COMPARE_EXAMPLES)
    add_common(compare)
    arms = compare.add_mutually_exclusive_group()
    arms.add_argument(
        "--channels",
        nargs="*",
        choices=CHANNELS,
        metavar="CHANNEL",
        help=f"switch channels of contagion off, and on: {', '.join(CHANNELS)} (default: all)",
    )
    arms.add_argument(
        "--markets",
        nargs="+",
        choices=MARKETS,
        default=["auction", "deep", "impact"],
        metavar="RULE",
        help="rules to compare, the first one being the reference: auction, deep, impact (default: all)",
    )


def _add_scenario(commands: Any) -> None:
    scenario = commands.add_parser(
        "scenario",
        help="list, show and check scenarios",
        epilog=SCENARIO_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = scenario.add_subparsers(title="actions", metavar="ACTION", required=True, parser_class=Parser)
    add_command(
        actions, "list", "packaged scenarios, one a line, name first", "scenario", epilog=LIST_EXAMPLES
    )
    show = add_command(actions, "show", "print a complete scenario file", "scenario", epilog=SHOW_EXAMPLES)
    show.add_argument("scenario", nargs="?", metavar="SCENARIO", help="default: baseline_2026")
    show.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change a field first")
    show.add_argument("--table", action="store_true", help="one line a field: unit, bounds, meaning, source")
    check = add_command(actions, "check", "validate scenario files", "scenario", epilog=CHECK_EXAMPLES)
    check.add_argument("files", nargs="+", metavar="FILE")
    add_command(
        actions, "schema", "print the JSON schema of a scenario file", "scenario", epilog=SCHEMA_EXAMPLES
    )


class _Version(argparse.Action):
    """Look the version up only when it is asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any, **__: Any) -> None:
        from importlib.metadata import version

        print(f"hashcredit {version('hashcredit')}")
        parser.exit()
