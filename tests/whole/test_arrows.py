"""Imports run one way: no circle between modules or packages, and the table of rooms is current."""

import pytest

from hashcredit.experiments.tools import arrows, regenerate


def test_no_module_imports_itself_through_others():
    assert arrows.circle(arrows.module_arrows()) == []


def test_no_package_imports_itself_through_others():
    """A package's own file only passes public names on, and a package inside another one is a part of it."""
    inner = {
        name: others
        for name, others in arrows.module_arrows().items()
        if arrows.modules()[name].name != "__init__.py"
    }
    packages = {name: arrows.package_of(name) for name in arrows.modules()}
    between = {
        package: {other for other in others if not package.startswith(f"{other}.")}
        for package, others in arrows.gathered(inner, packages).items()
    }
    assert arrows.circle(between) == []
    assert arrows.circle(arrows.room_arrows()) == []


@pytest.mark.parametrize(
    ("links", "expected"),
    [
        ({"a": {"b"}, "b": {"c"}, "c": set()}, []),
        ({"a": {"b", "c"}, "b": {"d"}, "c": {"d"}, "d": set()}, []),
        ({"a": {"b"}, "b": {"c"}, "c": {"b"}}, ["b", "c"]),
        ({"a": {"b"}, "b": {"c"}, "c": {"d"}, "d": {"a"}}, ["a", "b", "c", "d"]),
    ],
)
def test_a_circle_is_found(links, expected):
    assert arrows.circle(links) == expected


def test_imports_of_all_kinds_count(tmp_path):
    file = tmp_path / "some.py"
    file.write_text(
        "import hashcredit.simulator.errors\n"
        "from typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n"
        "    from hashcredit.experiments.study.points import Points\n"
        "def late():\n"
        "    from hashcredit.experiments.figures import style\n"
        "    from hashcredit.simulator.contagion import debtrank\n"
        "    from numpy import array\n"
    )
    assert arrows.imported(file) == {
        "simulator.errors",
        "experiments.study.points",
        "experiments.figures.style",
        "simulator.contagion",
    }


def test_generated_files_are_current(capsys):
    code = regenerate.main(["--check"])
    assert (code, capsys.readouterr().err) == (0, "")


def test_a_stale_file_is_named(tmp_path, monkeypatch, capsys):
    file = tmp_path / "table.md"
    monkeypatch.setattr(regenerate, "GENERATED", {file: lambda: "as it should be\n"})
    assert regenerate.main(["--check"]) == 1 and not file.exists()
    assert (
        f"{file} is stale: run python -m hashcredit.experiments.tools.regenerate" in capsys.readouterr().err
    )
    assert regenerate.main([]) == 0 and file.read_text() == "as it should be\n"
    assert regenerate.main(["--check"]) == 0
