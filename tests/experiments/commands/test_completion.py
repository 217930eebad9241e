"""`hashcredit completion`: scripts that the shells themselves run, on words as a user would type them."""

import re
import shlex
import shutil
import subprocess

import pytest

from hashcredit.experiments.commands.arguments import build_parser
from hashcredit.experiments.commands.cli import main
from hashcredit.experiments.commands.completion import SHELLS
from hashcredit.experiments.commands.grammar import grammar_of
from hashcredit.experiments.commands.reproductions import EVERYTHING
from hashcredit.experiments.figures import FIGURES, STUDY_FIGURES
from hashcredit.simulator import Scenario
from hashcredit.simulator.channels import CHANNELS

ROOT = grammar_of(build_parser())
COMMANDS = {child.words[0] for child in ROOT.children}


@pytest.fixture
def script(request, tmp_path, capsys):
    """The script for the shell that a test is about, in the working folder with a file and a folder."""
    shell = request.param
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    assert main(["completion", shell]) == 0
    said = capsys.readouterr()
    assert said.err == ""
    path = tmp_path / f"script.{shell}"
    path.write_text(said.out)
    (tmp_path / "my study.toml").touch()
    (tmp_path / "my_folder").mkdir()
    return path


def cut(line):
    """Words of a line as bash cuts them: at "=" too."""
    words = [part for word in shlex.split(line) for part in re.split("(=)", word) if part]
    return [*words, ""] if line.endswith(" ") else words


def of_bash(script, line):
    """What bash offers at the end of a line, by calling the function that it calls."""
    words = cut(line)
    code = (
        f"source {shlex.quote(str(script))}\nCOMP_WORDS=({shlex.join(words)})\nCOMP_CWORD={len(words) - 1}\n"
        "complete -p hashcredit >/dev/null || exit 9\n_hashcredit\n"
        'printf "%s\\n" "${COMPREPLY[@]}"'
    )
    return run(script, ["bash", "--norc", "-c", code])


ZSH_STUBS = """
compdef() { }
compset() { }
offer() { for each in "$@"; do [[ $each == "$cur"* ]] && print -r -- "$each"; done }
compadd() { while [[ $1 != -- ]]; do shift; done; shift; offer "$@" }
_files() { if [[ $1 == -/ ]]; then offer *(/N); else offer *(N); fi }
"""
"""What zsh's own completion would do with what the function hands over; it works at a prompt only."""


def of_zsh(script, line):
    """What the function hands over to zsh at the end of a line; zsh cuts words at blanks."""
    words = shlex.split(line) + ([""] if line.endswith(" ") else [])
    code = (
        f"{ZSH_STUBS}\nsource {shlex.quote(str(script))}\nwords=({shlex.join(words)})\n"
        f"CURRENT={len(words)}\n_hashcredit"
    )
    return run(script, ["zsh", "-f", "-c", code])


def of_fish(script, line):
    """What fish offers at the end of a line."""
    code = f"source {shlex.quote(str(script))}; complete -C {shlex.quote(line)}"
    return {offer.split("\t")[0] for offer in run(script, ["fish", "--no-config", "-c", code])}


def run(script, words):
    done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=script.parent)
    assert done.stderr == "", done.stderr
    return {line for line in done.stdout.splitlines() if line}


ASK = {"bash": of_bash, "zsh": of_zsh, "fish": of_fish}


def offers(script, line):
    return ASK[script.suffix[1:]](script, line)


every_shell = pytest.mark.parametrize("script", SHELLS, indirect=True)
bash_and_zsh = pytest.mark.parametrize("script", ["bash", "zsh"], indirect=True)


@every_shell
def test_words_are_offered(script):
    """Commands, options, choices, and names of what the model has, where each may stand."""
    assert offers(script, "hashcredit ") == COMMANDS
    assert offers(script, "hashcredit s") == {name for name in COMMANDS if name.startswith("s")}
    assert offers(script, "hashcredit scenario ") == {"list", "show", "check", "schema"}
    assert offers(script, "hashcredit sweep --executor ") == {"local", "dask", "slurm", "array"}
    assert offers(script, "hashcredit scenario show du") == {"dump_10k_h100"}
    assert offers(script, "hashcredit reproduce --quick gre") == {
        key for key in EVERYTHING if key.startswith("gre")
    }
    assert offers(script, "hashcredit figures --only he") == {
        key for key in (*FIGURES, *STUDY_FIGURES) if key.startswith("he")
    }
    assert offers(script, "hashcredit run --set shocks.btc_vol") == {"shocks.btc_volatility="}
    assert "creditor_loss_musd" in offers(script, "hashcredit indices results --of cred")
    assert offers(script, "hashcredit completion ") == set(SHELLS)


@bash_and_zsh
def test_scenarios_come_with_files_and_after_values(script):
    names = set(Scenario.names())
    assert offers(script, "hashcredit run ") >= names | {"my study.toml"}
    assert offers(script, "hashcredit run --seed 3 --quiet ") >= names
    assert offers(script, "hashcredit run --set shocks.btc_volatility=0.7 du") == {"dump_10k_h100"}
    assert offers(script, "hashcredit run dump_10k_h100 ") == set()  # there is only one
    whole = offers(script, "hashcredit run --set horizon_weeks=")
    assert whole == (set() if script.suffix == ".bash" else {"horizon_weeks="})  # bash cuts words there
    assert offers(script, "hashcredit run --seed ") == set()
    assert offers(script, "hashcredit compare --channels fire_sale ") == set(CHANNELS)
    assert offers(script, "hashcredit sweep --executor=da") == {"dask"}
    assert offers(script, "hashcredit sweep --executor=dask my") == {"my study.toml", "my_folder"}


@bash_and_zsh
def test_folders_are_offered_where_folders_are_meant(script):
    assert offers(script, "hashcredit run --out m") == {"my_folder"}
    assert offers(script, "hashcredit status m") == {"my_folder"}
    assert offers(script, "hashcredit scenario check first.toml m") == {"my study.toml", "my_folder"}


@bash_and_zsh
@pytest.mark.parametrize("node", list(ROOT.every()), ids=lambda node: " ".join(node.words) or "hashcredit")
def test_every_option_of_every_command_is_offered(script, node):
    """Also of commands that are added to the parser later."""
    names = {name for slot in node.options for name in slot.names}
    line = " ".join(["hashcredit", *node.words, "-"])
    assert offers(script, line) == names
    assert "--help" in names


@every_shell
def test_the_script_is_free_of_mistakes(script):
    shell = script.suffix[1:]
    done = subprocess.run([shell, "-n", str(script)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_shell_that_is_not_known_is_refused(capsys):
    assert main(["completion", "tcsh"]) == 2
    assert "tcsh" in capsys.readouterr().err
