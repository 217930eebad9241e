"""Every command shows examples in its help, and every example works."""

import argparse
import re
import shlex
import shutil

import pytest
from studies import on_threads

from hashcredit.experiments.commands.arguments import build_parser
from hashcredit.experiments.commands.cli import main
from hashcredit.experiments.results.results import Results
from hashcredit.experiments.study.study import Study
from hashcredit.simulator import Scenario

SMALLER = {"--seeds": "2", "--replicates": "1"}
"""Sizes of commands that simulate, in place of those of the example; weeks are left as they are."""

REDUCED = {"--ranks": "4"}
"""Sizes of options that an example may have, where it has them."""

STUDY = """scenario = "my_scenario.toml"
seed = 7
seeds = 3
replicates = 2

[design]
kind = "saltelli"
points = 8

[factors]
"credit.policy_rate" = { low = 0.0, high = 0.06 }
"shocks.btc_volatility" = { low = 0.3, high = 0.9 }
"""
"""study.toml of the examples."""

POLICIES = """[[policy]]
name = "lower_reserve"
words = "creditors sell at any price"

[[policy.step]]
label = "from the second year on"
week = 52
fields = { "secondary_market.reserve_share" = 0.3 }
"""
"""my_policies.toml of the examples."""

FILES = {"study.toml": STUDY, "my_policies.toml": POLICIES}
"""What examples name beside my_scenario.toml; an example that names another file needs it here."""

NOT_RUN = {
    "dashboard": "opens a server that runs until it is stopped",
    "reproduce": "most take minutes, or store references; `make test-papers` and test_reproduce.py do these",
    "cluster": "needs Slurm or a Dask scheduler, which `make test-cluster` has",
}
"""Examples that are only parsed, and why."""


def commands_below(parser, words=("hashcredit",)):
    """Words and parser of the command line and of everything in it, also of what is added later."""
    yield words, parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, child in action.choices.items():
                yield from commands_below(child, (*words, name))


def examples_of(parser):
    """Lines of the block of examples in the help of a parser, without what is said about them."""
    block = re.search(r"^examples:\n((?:  .*\n)+)", f"{parser.epilog or ''}\n", re.MULTILINE)
    lines = block[1].splitlines() if block else []
    return [re.split(r"   +", line.strip())[0] for line in lines]


COMMANDS = [("hashcredit", *words[1:]) for words, _ in commands_below(build_parser())]
PARSERS = dict(commands_below(build_parser()))
EXAMPLES = sorted({line for parser in PARSERS.values() for line in examples_of(parser)})


def words_of(line):
    """Words that the command gets: what the shell does with its output is not for it."""
    return shlex.split(re.split(r" > ", line)[0])


def why_not_run(words):
    """The reason for which an example is only parsed, or nothing."""
    parsed = build_parser().parse_args(words[1:])
    if getattr(parsed, "executor", "local") != "local":
        return NOT_RUN["cluster"]
    if parsed.command == "reproduce" and parsed.keys == ["greenwood_2015"]:  # two seconds
        return ""
    return NOT_RUN.get(parsed.command, "")


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_shows_examples_of_itself(words, capsys):
    examples = examples_of(PARSERS[words])
    assert examples, f"the help of {' '.join(words)} has no block of examples"
    assert all(words_of(line)[: len(words)] == list(words) for line in examples)
    assert main([*words[1:], "--help"]) == 0
    shown = capsys.readouterr().out.splitlines()
    start = shown.index("examples:")
    assert [re.split(r"   +", line.strip())[0] for line in shown[start + 1 :]][: len(examples)] == examples
    assert max(map(len, shown[start:])) <= 110


@pytest.mark.parametrize("line", EXAMPLES, ids=str)
def test_every_example_is_understood(line):
    build_parser().parse_args(words_of(line)[1:])


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with what examples name: a scenario, a study, and its results."""
    folder = tmp_path_factory.mktemp("examples")
    (folder / "my_scenario.toml").write_text(
        Scenario.load("dump_10k_h100")
        .with_changes({"name": "my_scenario", "horizon_weeks": 52})
        .to_toml(comments=True)
    )
    for name, text in FILES.items():
        (folder / name).write_text(text)
    (folder / "results").mkdir()
    on_threads(Study.load(folder / "study.toml"), folder / "results" / "study")
    return folder


def smaller(words):
    """The same command on a smaller scale, where it has one."""
    options = {name for action in PARSERS[command_of(words)]._actions for name in action.option_strings}
    words = list(words)
    for option, size in SMALLER.items():
        if option in words:
            words[words.index(option) + 1] = size
        elif option in options:
            words += [option, size]
    for option in REDUCED.keys() & set(words):
        words[words.index(option) + 1] = REDUCED[option]
    return words


def command_of(words):
    """The longest beginning of the words that is a command."""
    return max((key for key in PARSERS if tuple(words[: len(key)]) == key), key=len)


@pytest.mark.parametrize("line", [line for line in EXAMPLES if not why_not_run(words_of(line))], ids=str)
def test_every_example_runs(line, place, tmp_path, monkeypatch, capsys):
    """In a folder that has the files it names; what it prints or writes is there afterwards."""
    folder = shutil.copytree(place, tmp_path / "here")
    monkeypatch.chdir(folder)
    words = smaller(words_of(line))
    if "RUN_ID" in words:
        words[words.index("RUN_ID")] = Results.open("results/study").runs["run_id"].iloc[0]
    before = {path for path in folder.rglob("*") if path.is_file()}
    code = main(words[1:])
    said = capsys.readouterr()
    assert code == 0, said.err
    assert said.out or said.err or {path for path in folder.rglob("*") if path.is_file()} - before


def test_reasons_for_not_running_are_few_and_used():
    """Most examples run; each reason is that of a command that is there, or may come."""
    left = [line for line in EXAMPLES if why_not_run(words_of(line))]
    assert len(left) < len(EXAMPLES) / 4
    assert {words_of(line)[1] for line in left} <= {"reproduce", "sweep", "dashboard"}
