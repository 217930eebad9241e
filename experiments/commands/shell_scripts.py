"""Completion scripts for bash, zsh and fish, written from the grammar of the command line.

Those of bash and zsh walk the words before the cursor: which command, which option is still open, how many
positional arguments there were. They hold everything, so that no Python runs when a key is pressed. fish
walks itself and wants a line an argument.
"""

import argparse
import shlex
from collections.abc import Iterable, Iterator

from hashcredit.experiments.commands.arguments import build_parser
from hashcredit.experiments.commands.grammar import Node, Slot, grammar_of
from hashcredit.experiments.support.stopping import StopListener

HEAD = "# Completion of the words of `hashcredit`, written by `hashcredit completion {}`.\n"

BASH = r"""
_hashcredit() {
    local cur="${COMP_WORDS[COMP_CWORD]}" at="" open="" many="" place=0 word i
    COMPREPLY=()
    for ((i = 1; i < COMP_CWORD; i++)); do
        word="${COMP_WORDS[i]}"
        if [[ $word == "=" ]]; then
            # bash cuts words at "=": the value of --option=VALUE, or the second half of KEY=VALUE.
            [[ -n $open && ${COMP_WORDS[i-1]} == "$open" ]] && continue
            ((++i < COMP_CWORD)) || return 0
            continue
        fi
@WALK@
    done
    if [[ $cur == "=" ]]; then
        [[ -n $open && ${COMP_WORDS[COMP_CWORD-1]} == "$open" ]] || return 0
        cur=""
    fi
@OFFER@
    [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *= ]] && compopt -o nospace 2>/dev/null
    return 0
}
__hashcredit_words() {
    local word
    for word in "$@"; do [[ $word == "$cur"* ]] && COMPREPLY+=("$word"); done
}
__hashcredit_paths() {
    local found
    compopt -o filenames 2>/dev/null
    mapfile -t found < <(compgen "$1" -- "$cur")
    COMPREPLY+=("${found[@]}")
}
__hashcredit_files() { __hashcredit_paths -f; }
__hashcredit_folders() { __hashcredit_paths -d; }
complete -F _hashcredit hashcredit
"""

ZSH = r"""
_hashcredit() {
    local cur="${words[CURRENT]}" at="" open="" many="" place=0 word i
    for ((i = 2; i < CURRENT; i++)); do
        word="${words[i]}"
        [[ $word == --*=* ]] && continue
@WALK@
    done
    if [[ $cur == --*=* ]]; then
        open="${cur%%=*}"
        cur="${cur#*=}"
        compset -P '*='
    fi
@OFFER@
}
__hashcredit_words() {
    local -a plain fields
    fields=(${(M)@:#*=})
    plain=(${@:#*=})
    (($#plain)) && compadd -- $plain
    (($#fields)) && compadd -S '' -- $fields
}
__hashcredit_files() { _files; }
__hashcredit_folders() { _files -/; }
if [[ ${funcstack[1]} == _hashcredit ]]; then _hashcredit "$@"; else compdef _hashcredit hashcredit; fi
"""

WALK = """\
if [[ $word == -?* ]]; then
    open="" many=""
    case "$at $word" in
@OPTIONS@
    esac
elif [[ -n $open ]]; then
    [[ -n $many ]] || open=""
else
    case "$at $word" in
@COMMANDS@
        *) place=$((place + 1)) ;;
    esac
fi"""

OFFER = """\
if [[ -z $open && $cur == -* ]]; then
    case "$at" in
@NAMES@
    esac
elif [[ -n $open ]]; then
    case "$at $open" in
@VALUES@
    esac
else
    case "$at $place" in
@PLACES@
    esac
fi"""


def completion(arguments: argparse.Namespace, _: StopListener) -> int:
    """`hashcredit completion`: print the script for a shell."""
    root = grammar_of(build_parser())
    print({"bash": bash, "zsh": zsh, "fish": fish}[arguments.shell](root), end="")
    return 0


def bash(root: Node) -> str:
    """The script for bash 4 or later."""
    return HEAD.format("bash") + _walked(BASH, root)


def zsh(root: Node) -> str:
    """The script for zsh, to be sourced after `compinit` or put into a folder of `$fpath`."""
    return "#compdef hashcredit\n" + HEAD.format("zsh") + _walked(ZSH, root)


def _walked(script: str, root: Node) -> str:
    """A script with its tables."""
    tables = {
        "@OPTIONS@": _rows(_options(root)),
        "@COMMANDS@": _rows(_commands(root)),
        "@NAMES@": _rows(_names(root)),
        "@VALUES@": _rows(_option_values(root)),
        "@PLACES@": _rows(_places(root)),
    }
    script = script.replace("@WALK@", _indented(WALK.splitlines(), 8))
    script = script.replace("@OFFER@", _indented(OFFER.splitlines(), 4))
    lines: list[str] = []
    for line in script.splitlines():
        if line.strip() in tables:
            lines += (
                f"{line[: len(line) - len(line.lstrip())]}        {row}" for row in tables[line.strip()]
            )
        else:
            lines.append(line)
    return "\n".join(lines) + "\n"


def _indented(lines: Iterable[str], depth: int) -> str:
    return "\n".join(" " * depth + line for line in lines)


def _at(node: Node, *word: str) -> str:
    """Pattern of `$at` and a word; the front of the command line has an empty `$at`."""
    return shlex.quote(" ".join([" ".join(node.words), *word]))


def _rows(branches: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Rows of a `case` from pairs of pattern and what is done; those that do the same share a row."""
    patterns: dict[str, list[str]] = {}
    for pattern, done in branches:
        patterns.setdefault(done, []).append(pattern)
    for done, alike in patterns.items():
        yield f"{'|'.join(alike)}) {done} ;;"


def _options(root: Node) -> Iterator[tuple[str, str]]:
    """Which options wait for a word."""
    for node in root.every():
        for slot in node.options:
            for name in slot.names if slot.takes else ():
                yield _at(node, name), f'open="$word"{" many=1" if slot.many else ""}'


def _commands(root: Node) -> Iterator[tuple[str, str]]:
    for node in root.every():
        for child in node.children:
            yield _at(node, child.words[-1]), f"at={shlex.quote(' '.join(child.words))}"


def _names(root: Node) -> Iterator[tuple[str, str]]:
    for node in root.every():
        names = [name for slot in node.options for name in slot.names]
        yield _at(node), f"__hashcredit_words {' '.join(names)}"


def _option_values(root: Node) -> Iterator[tuple[str, str]]:
    for node in root.every():
        for slot in node.options:
            offered = _offered(slot)
            if offered and slot.takes:
                yield from ((_at(node, name), offered) for name in slot.names)


def _places(root: Node) -> Iterator[tuple[str, str]]:
    """Commands, then each positional argument; one that takes many takes all that follow."""
    for node in root.every():
        if node.children:
            yield _at(node, "0"), f"__hashcredit_words {' '.join(c.words[-1] for c in node.children)}"
        for position, slot in enumerate(node.places):
            offered = _offered(slot)
            if offered:
                yield f"{_at(node, '')}*" if slot.many else _at(node, str(position)), offered


def _offered(slot: Slot) -> str:
    """Calls that offer the words of a slot."""
    calls = [f"__hashcredit_words {' '.join(map(shlex.quote, slot.values))}"] if slot.values else []
    return "; ".join(calls + ([f"__hashcredit_{slot.paths}"] if slot.paths else []))


FISH = """
function __hashcredit_in --description 'the first words are these'
    set -l words (commandline -opc)
    set -l depth (count $argv)
    test (count $words) -gt $depth; or return 1
    test $depth -eq 0; and return 0
    set -l last (math $depth + 1)
    test "$words[2..$last]" = "$argv"
end
function __hashcredit_at --description 'these are all words'
    __hashcredit_in $argv; and test (count (commandline -opc)) -eq (math (count $argv) + 1)
end
complete -c hashcredit -f
"""


LONG = 10
"""Words from which a list is written once: fish expands variables where it offers words."""


def fish(root: Node) -> str:
    """The script for fish 3 or later."""
    lines = [HEAD.format("fish") + FISH.rstrip("\n")]
    lists: dict[tuple[str, ...], str] = {}
    for node in root.every():
        for slot in (*node.options, *node.places):
            if len(slot.values) >= LONG and slot.values not in lists:
                lists[slot.values] = f"__hashcredit_list_{len(lists) + 1}"
                lines.append(f"set -g {lists[slot.values]} {' '.join(map(_fish, slot.values))}")
    for node in root.every():
        here = " ".join(node.words)
        for child in node.children:
            where = _fish(f"__hashcredit_at {here}".strip())
            lines.append(f"complete -c hashcredit -n {where} -a {child.words[-1]} -d {_fish(child.about)}")
        of_front = "__hashcredit_at" if not node.words else f"__hashcredit_in {here}"
        for slot in (*node.options, *node.places):
            lines.append(f"complete -c hashcredit -n {_fish(of_front)}{_fish_slot(slot, lists)}")
    return "\n".join(lines) + "\n"


def _fish_slot(slot: Slot, lists: dict[tuple[str, ...], str]) -> str:
    """What may stand there: names of an option, its words (or the variable with them), what it is."""
    names = [f" -l {name[2:]}" if name.startswith("--") else f" -s {name[1:]}" for name in slot.names]
    values = f"${lists[slot.values]}" if slot.values in lists else " ".join(slot.values)
    if slot.paths == "folders":
        values = f"{values} (__fish_complete_directories (commandline -ct))".strip()
    parts = ["".join(names)]
    if slot.names and slot.takes:
        parts.append("-r")
    if slot.takes:
        parts.append("-F" if slot.paths == "files" else "-f")
    if values and slot.takes:
        parts.append(f"-a {_fish(values)}")
    if slot.names and slot.about:
        parts.append(f"-d {_fish(slot.about)}")
    return " ".join(parts) if names else " " + " ".join(parts[1:])


def _fish(text: str) -> str:
    """A word of fish, quoted."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
