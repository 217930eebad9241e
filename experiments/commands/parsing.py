"""How the command line reads words: one line for a mistake, numbers within bounds."""

import argparse
from typing import Any, NoReturn

from hashcredit.simulator.errors import ScenarioError, refusal

MOST_SEEDS = 100_000
MOST_REPLICATES = 10_000_000
SEEDS = 20
"""Networks that a scenario is run on unless a number is given: intervals are over networks."""
REPLICATES = 50
"""Runs on each network unless a number is given."""
COLLATERAL_REPLICATES = 5
"""The same where looking at a run takes longer than the run."""


class Parser(argparse.ArgumentParser):
    """A parser whose complaints are one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"hashcredit: error: {' '.join(message.split())}\n")


def add_command(
    commands: Any, name: str, about: str, group: str = "", **more: Any
) -> argparse.ArgumentParser:
    """A command with its help; its name, behind that of its group, is stored under `command`.

    `epilog` has its examples, line by line as it is.
    """
    if "epilog" in more:
        more.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
    parser: Parser = commands.add_parser(name, help=about, allow_abbrev=False, **more)
    parser.set_defaults(command=f"{group} {name}".strip())
    return parser


def whole(least: int, most: int) -> Any:
    """Argument type: a whole number within bounds."""

    def parse(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if not least <= value <= most:
            allowed = f"a whole number from {least} to {most}"
            raise argparse.ArgumentTypeError(refusal(repr(text), allowed))
        return value

    return parse


def add_scenario(parser: argparse.ArgumentParser) -> None:
    """Which scenario, and changes to it."""
    parser.add_argument(
        "scenario", nargs="?", metavar="SCENARIO", help="packaged name or TOML file (default: baseline_2026)"
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="change a field, such as shocks.btc_volatility=0.7; may be repeated",
    )


def add_common(parser: argparse.ArgumentParser, replicates: int = REPLICATES) -> None:
    """Arguments of every command that simulates a scenario many times, `replicates` by default."""
    add_scenario(parser)
    parser.add_argument(
        "--seed",
        type=whole(0, 2**63 - 1),
        default=1,
        metavar="N",
        help="that of the first network (default: 1)",
    )
    parser.add_argument(
        "--seeds",
        type=whole(1, MOST_SEEDS),
        default=SEEDS,
        metavar="N",
        help=f"how many networks, one a seed, from --seed on (default: {SEEDS}); intervals are over them, "
        "with 1 about this network only",
    )
    parser.add_argument(
        "--replicates",
        type=whole(1, MOST_REPLICATES),
        metavar="N",
        help=f"runs on each network (default: {replicates})",
    )
    parser.add_argument(
        "--threads",
        type=whole(1, 1024),
        metavar="N",
        help="default: one a processor; never changes a result",
    )
    add_format(parser)
    add_quiet(parser)


def size_of(arguments: argparse.Namespace, replicates: int) -> tuple[range, int]:
    """Seeds, and replicates of each: `replicates` unless the command line says how many."""
    count = arguments.replicates or replicates
    if arguments.seeds * count > MOST_REPLICATES:
        allowed = f"at most {MOST_REPLICATES} runs on the {arguments.seeds} networks of --seeds together"
        raise ScenarioError("--replicates", count, allowed)
    return range(arguments.seed, arguments.seed + arguments.seeds), count


def add_format(parser: argparse.ArgumentParser) -> None:
    """In which form tables are printed."""
    parser.add_argument(
        "--format",
        choices=("text", "markdown", "latex"),
        default="text",
        help="of printed tables: text, or whole tables for a paper (default: text)",
    )


def add_quiet(parser: argparse.ArgumentParser) -> None:
    """Whether progress is shown."""
    parser.add_argument("--quiet", action="store_true", help="no progress on stderr")
