"""How the command line reads words: one line for a mistake, numbers within bounds."""

import argparse
from typing import Any, NoReturn

from hashcredit.simulator.errors import refusal

MOST_REPLICATES = 10_000_000


class Parser(argparse.ArgumentParser):
    """A parser whose complaints are one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"hashcredit: error: {' '.join(message.split())}\n")


def add_command(
    commands: Any, name: str, about: str, group: str = "", **more: Any
) -> argparse.ArgumentParser:
    """A command with its help; its name, behind that of its group, is stored under `command`."""
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


def add_threads(parser: argparse.ArgumentParser) -> None:
    """How many threads, and whether progress is shown."""
    parser.add_argument(
        "--threads",
        type=whole(1, 1024),
        metavar="N",
        help="default: one a processor; never changes a result",
    )
    add_quiet(parser)


def add_quiet(parser: argparse.ArgumentParser) -> None:
    """Whether progress is shown."""
    parser.add_argument("--quiet", action="store_true", help="no progress on stderr")
