"""Which room imports which: the table "Rooms and arrows" of CONTRIBUTING.md, written from all imports.

Run `python -m hashcredit.experiments.tools.arrows` after a file or an import between rooms has come or gone;
with `--check` it writes nothing and fails if the table is stale. Imports inside functions and those for type
checkers count like any other. It works in a clone only.
"""

import ast
import sys
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path

from hashcredit.experiments.support.markdown import filled, markdown_table
from hashcredit.experiments.tools.generated import write_or_compare

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "CONTRIBUTING.md"
FLOORS = ("agents", "simulator", "experiments")
MARK = "rooms and arrows"

Arrows = Mapping[str, set[str]]
"""What each one imports, by name."""


@cache
def modules() -> dict[str, Path]:
    """File of every module by its name below `hashcredit`; a package goes by its own name."""
    found = {}
    for file in sorted(file for floor in FLOORS for file in (ROOT / floor).rglob("*.py")):
        parts = file.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return found


def module_arrows() -> dict[str, set[str]]:
    """What each module imports, itself apart; names that a package passes on are those of the package."""
    return {name: imported(file) - {name} for name, file in modules().items()}


def imported(file: Path) -> set[str]:
    """Modules of this project that a file imports anywhere."""
    names: list[str] = []
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            inner = [f"{node.module}.{alias.name}" for alias in node.names]
            names += [name if _own(name) else node.module for name in inner]
    return {own for name in names if (own := _own(name))}


def _own(name: str) -> str:
    """The name below `hashcredit`, or nothing where it is no module of this project."""
    own = name.removeprefix("hashcredit.")
    return own if own != name and own in modules() else ""


def room_of(module: str) -> str:
    """The room of a module, such as "agents" or "simulator.credit"; the front door of a floor is its own."""
    floor, *inner = module.split(".")
    return floor if floor == "agents" or not inner else f"{floor}.{inner[0]}"


def package_of(module: str) -> str:
    """The package that a module lies in, or is; what lies at the front of a floor stands for itself."""
    outer = module.rpartition(".")[0]
    return module if modules()[module].name == "__init__.py" or outer in FLOORS[1:] else outer


def gathered(arrows: Arrows, group: Mapping[str, str]) -> dict[str, set[str]]:
    """Arrows between groups of modules, given the group of each; those inside a group apart."""
    found: dict[str, set[str]] = {name: set() for name in group.values()}
    for name, others in arrows.items():
        found[group[name]] |= {group[other] for other in others} - {group[name]}
    return found


def circle(arrows: Arrows) -> list[str]:
    """Names that import each other in a circle, in its order; empty if there is none."""
    done: set[str] = set()

    def follow(path: list[str]) -> list[str]:
        for other in sorted(arrows.get(path[-1], ())):
            if other in path:
                return path[path.index(other) :]
            if other not in done and (found := follow([*path, other])):
                return found
        done.add(path[-1])
        return []

    return next((found for name in sorted(arrows) if name not in done and (found := follow([name]))), [])


def room_arrows() -> dict[str, set[str]]:
    """What each room imports; the front doors of the floors, which only pass names on, left out."""
    doors = {"simulator", "experiments"}
    inner = {name: others - doors for name, others in module_arrows().items() if name not in doors}
    return gathered(inner, {name: room_of(name) for name in inner})


def rooms_table() -> str:
    """One row a room: its Python files, and the rooms that it imports."""
    files: dict[str, int] = {}
    for module in modules():
        files[room_of(module)] = files.get(room_of(module), 0) + 1
    rows = [
        (room, str(files[room]), _listed(room, others, same=True), _listed(room, others, same=False))
        for room, others in room_arrows().items()
    ]
    return markdown_table([("room", "files", "imports on its floor", "imports from the floors below"), *rows])


def _listed(room: str, others: Iterable[str], same: bool) -> str:
    """Names, without their floors, of the rooms that are, or are not, on the floor of a room."""
    floor = room.partition(".")[0]
    chosen = [other for other in sorted(others) if (other.partition(".")[0] == floor) == same]
    return ", ".join(other.rpartition(".")[2] for other in chosen)


def contributing() -> str:
    """CONTRIBUTING.md with the table as it follows from the imports."""
    return filled(FILE, {MARK: "\n" + rooms_table() + "\n"})


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the table, or compare it with what is there."""
    return write_or_compare("arrows", FILE, contributing, arguments)


if __name__ == "__main__":
    sys.exit(main())
