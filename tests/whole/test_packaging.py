"""The installed package is what the folders say, and the layers are watched."""

import configparser
import importlib
import importlib.metadata
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from repository import ROOT

ROOMS = ("agents", "simulator", "experiments")


@pytest.fixture(scope="module")
def setup():
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg")
    return parser


def packages_on_disk():
    """Import names of all folders with Python files in the three rooms."""
    folders = {path.parent for room in ROOMS for path in (ROOT / room).rglob("*.py")}
    return {"hashcredit." + ".".join(folder.relative_to(ROOT).parts) for folder in folders}


def folder_of(package):
    return ROOT.joinpath(*package.split(".")[1:])


def test_every_package_is_listed(setup):
    listed = setup["options"]["packages"].split()
    assert sorted(listed) == sorted(packages_on_disk())
    for package in listed:
        assert (folder_of(package) / "__init__.py").is_file()


def test_rooms_are_mapped(setup):
    mapping = dict(re.split(r"\s*=\s*", line) for line in setup["options"]["package_dir"].split("\n") if line)
    assert mapping == {f"hashcredit.{room}": room for room in ROOMS}


def test_no_package_at_the_root():
    assert not (ROOT / "__init__.py").exists()
    assert not (ROOT / "setup.py").exists()


def test_import_names():
    for package in packages_on_disk():
        module = importlib.import_module(package)
        assert Path(module.__file__).resolve().parent == folder_of(package)


def test_links_for_type_checkers():
    links = ROOT / ".typing" / "hashcredit"
    assert {link.name for link in links.iterdir()} == set(ROOMS)
    for room in ROOMS:
        assert (links / room).resolve() == ROOT / room
        assert not (links / room).readlink().is_absolute()


def test_constraints_pin_every_requirement(setup):
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    pins = dict(line.split("==") for line in lines)
    pinned = {re.sub(r"[-_.]+", "-", name).lower() for name in pins}
    required = "\n".join([setup["options"]["install_requires"], *setup["options.extras_require"].values()])
    names = {re.match(r"[\w.-]+", line)[0] for line in required.split()} - {
        "hashcredit"
    }  # one extra in another
    assert {re.sub(r"[-_.]+", "-", name).lower() for name in names} <= pinned


def test_public_names_are_lazy():
    """A kernel module must be importable without pandas and pydantic: they cost half a second."""
    code = (
        "import sys, hashcredit.simulator.books.randomness as module\n"
        "print(*({'pandas', 'pydantic', 'mesa', 'networkx', 'matplotlib'} & set(sys.modules)))\n"
        "import hashcredit.simulator\n"
        "print(*dir(hashcredit.simulator))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    loaded, public = done.stdout.splitlines()
    assert loaded == ""
    assert {"Scenario", "simulate", "simulate_many"} <= set(public.split())
    simulator = importlib.import_module("hashcredit.simulator")
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = simulator.nonsense


def test_every_room_with_kernels_is_in_the_contract():
    """Whoever opens a room with kernels adds it to the import contract."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    watched = next(c for c in contracts if "pandas" in c.get("forbidden_modules", ()))["source_modules"]
    for path in [path for room in ("agents", "simulator") for path in (ROOT / room).rglob("*.py")]:
        if re.search(r"^@kernel$", path.read_text(), re.MULTILINE):
            name = "hashcredit." + ".".join(path.relative_to(ROOT).with_suffix("").parts)
            assert any(name.startswith(f"{room}.") for room in watched), (
                f"add the room of {name} to the contract"
            )


def test_wheel_holds_everything(tmp_path, setup):
    """Every source and every data file reaches an installed copy, which works by itself."""
    if int(importlib.metadata.version("setuptools").split(".")[0]) < 77:
        pytest.skip("this environment's setuptools cannot build wheels; `make test` has one that can")
    source = tmp_path / "source"  # building leaves files behind, so not in the work tree
    for room in ROOMS:
        shutil.copytree(ROOT / room, source / room, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("setup.cfg", "pyproject.toml", "LICENSE", "README.md"):
        shutil.copy(ROOT / name, source)
    offline = ["--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([sys.executable, "-m", "pip", "wheel", *offline, "-w", tmp_path, source], check=True)
    (wheel,) = tmp_path.glob("hashcredit-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    names = {str(path.relative_to(tmp_path / "site")) for path in (tmp_path / "site").rglob("*")}
    expected = {
        "hashcredit/" + str(path.relative_to(ROOT))
        for room in ROOMS
        for path in (ROOT / room).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert expected <= names
    assert not {name for name in names if name.split("/")[0] in (*ROOMS, "tests", "docs")}
    code = (
        "import hashcredit.simulator.books.randomness as r; print(r.__file__, r.uniform(1, 2, 3, 4, 5, 6, 0))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(tmp_path / "site"), "HASHCREDIT_CACHE_DIR": str(tmp_path / "cache")},
        check=True,
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert done.stdout.startswith(str(tmp_path / "site"))
