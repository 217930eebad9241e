"""The command line as a tree of words, read from its parser: what may stand where, for completion."""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

FOLDERS = ("DIR", "DIR2")
FILES = ("FILE", "STUDY", "SCENARIO")
"""Names in the help of arguments that are folders and files."""


@dataclass(frozen=True)
class Slot:
    """An option or a positional argument."""

    names: tuple[str, ...]
    """Of an option; empty for a positional argument."""
    about: str
    takes: bool
    """Whether a word belongs to it: flags have none."""
    many: bool
    """Whether several words may."""
    values: tuple[str, ...]
    """Words that are offered; others may be allowed."""
    paths: str = ""
    """`files` or `folders` where these are offered too."""


@dataclass(frozen=True)
class Node:
    """A command, or the command line itself."""

    words: tuple[str, ...]
    """How to get there, without `hashcredit`."""
    about: str
    options: tuple[Slot, ...]
    places: tuple[Slot, ...]
    """Positional arguments in their order."""
    children: tuple["Node", ...]

    def every(self) -> "Iterator[Node]":
        """This one and all below it."""
        yield self
        for child in self.children:
            yield from child.every()


def grammar_of(parser: argparse.ArgumentParser, words: tuple[str, ...] = (), about: str = "") -> Node:
    """The tree of a parser; what is kept from the help is kept from it too."""
    options: list[Slot] = []
    places: list[Slot] = []
    children: list[Node] = []
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            abouts = {choice.dest: choice.help or "" for choice in action._choices_actions}
            children += [
                grammar_of(child, (*words, name), abouts[name])
                for name, child in action.choices.items()
                if name in abouts
            ]
        elif action.help != argparse.SUPPRESS:
            slot = _slot(parser, action, words)
            (options if action.option_strings else places).append(slot)
    return Node(words, about, tuple(options), tuple(places), tuple(children))


def _slot(parser: argparse.ArgumentParser, action: argparse.Action, words: tuple[str, ...]) -> Slot:
    about = parser._get_formatter()._expand_help(action) if action.help else ""
    metavar = action.metavar if isinstance(action.metavar, str) else ""
    paths = "folders" if metavar in FOLDERS else "files" if metavar in FILES else ""
    return Slot(
        names=tuple(action.option_strings),
        about=about,
        takes=action.nargs != 0,
        many=action.nargs in ("+", "*"),
        values=_values(action, " ".join(words)),
        paths=paths,
    )


def _values(action: argparse.Action, command: str) -> tuple[str, ...]:
    """Words to offer for an argument: its choices, or the names of what it stands for."""
    if action.choices is not None:
        return tuple(map(str, action.choices))
    if action.dest == "scenario":
        return _scenarios()
    if action.dest == "set":
        return _fields()
    if action.dest == "of":
        from hashcredit.simulator.state.outcomes import SCALARS

        return tuple(scalar.name for scalar in SCALARS)
    if (command, action.dest) == ("figures", "only"):
        from hashcredit.experiments.figures import FIGURES, STUDY_FIGURES

        return (*FIGURES, *STUDY_FIGURES)
    if (command, action.dest) == ("reproduce", "keys"):
        from hashcredit.experiments.commands.reproduce import GROUPS
        from hashcredit.experiments.commands.reproductions import EVERYTHING

        return (*GROUPS, *EVERYTHING)
    return ()


@cache
def _scenarios() -> tuple[str, ...]:
    from hashcredit.simulator.scenario.scenario import Scenario

    return tuple(Scenario.names())


@cache
def _fields() -> tuple[str, ...]:
    """Those of a scenario, each with the sign that is to follow."""
    from hashcredit.simulator.scenario.scenario import Scenario

    return tuple(f"{row.field}=" for row in Scenario.load().describe())
