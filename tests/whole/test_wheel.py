"""The built wheel in the hands of a user: installed, run, upgraded and removed far from the source tree.

Needs a package index; `installs.unavailable` says what happens where there is none.
"""

import configparser
import email
import hashlib
import importlib.metadata
import shutil
import sys
import tarfile
import zipfile
from base64 import urlsafe_b64encode
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd
import pytest
from installs import (
    ROOMS,
    ROOT,
    build,
    call,
    environment,
    finish,
    machine_code,
    new_place,
    numbers,
    other_pythons,
    pip,
    place_beside,
    require_namespaces,
    require_package_index,
    run_command,
    sealed,
    start,
)

pytestmark = pytest.mark.packaging

SCENARIO = "dump_10k_h100"
"""Machines are seized and sold from its second week on, so a short run has numbers to compare."""

SOURCE_TREE = (sys.executable, "-m", "hashcredit.experiments.commands.cli")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    (folder / "home").mkdir()
    yield folder
    shutil.rmtree(folder)  # gigabytes, which pytest would keep for three runs


@pytest.fixture(scope="module")
def built(folder):
    require_package_index(folder / "probe")
    return build(folder / "built")


@pytest.fixture(scope="module")
def place(folder, built):
    """The wheel, and a package that owns the import name `agents`, installed together."""
    return new_place(folder / "place", sys.executable, built.wheel, "openai-agents")


@pytest.fixture(scope="module")
def other(folder, built, place):
    """A second installation, whose rule for bids differs and whose version does not."""
    other = place_beside(place, folder / "other")
    other.install(built.wheel_edited)
    return other


@pytest.fixture(scope="module")
def user(folder):
    """The environment of a user whose compiled code is all in one folder, empty at first."""
    return environment(folder / "home", HASHCREDIT_CACHE_DIR=str(folder / "cache"))


@pytest.fixture(scope="module")
def first_runs(folder, place, other, user):
    """Both installations, started at the same time with the same empty cache folder."""
    outs = [folder / "first", folder / "first_other"]
    runs = [
        start(run_command([where.command], SCENARIO, out, "--no-figures"), env=user, cwd=folder)
        for where, out in zip((place, other), outs, strict=True)
    ]
    assert [finish(run)[1] for run in runs] == ["", ""]
    return outs


@pytest.fixture(scope="module")
def expected(folder):
    """Numbers of the source tree, in the environment and with the cache of these tests themselves."""
    outs = {name: folder / f"tree_{name}" for name in (SCENARIO, "baseline_2026")}
    for name, out in outs.items():
        call(run_command(SOURCE_TREE, name, out, "--no-figures"), cwd=folder)
    return {name: numbers(out) for name, out in outs.items()}


# What is in the files


def test_wheel_and_source_distribution(built):
    """A wheel has every file of the three folders and no other; one made from the sdist is the same."""
    sources = {
        path.relative_to(ROOT).as_posix(): path.read_bytes()
        for room in ROOMS
        for path in (ROOT / room).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert {name.rpartition(".")[2] for name in sources} >= {"py", "toml", "csv"}
    for wheel in (built.wheel, built.wheel_of_sdist):
        assert wheel.name == f"hashcredit-{version()}-py3-none-any.whl"
        with zipfile.ZipFile(wheel) as archive:
            found = {name: archive.read(name) for name in archive.namelist() if ".dist-info/" not in name}
        wanted = {f"hashcredit/{name}": content for name, content in sources.items()}
        assert set(found) == set(wanted)  # names first: to show how megabytes differ takes minutes
        assert [name for name in wanted if found[name] != wanted[name]] == []
    with tarfile.open(built.sdist) as archive:
        packed = {name.partition("/")[2] for name in archive.getnames()}
    assert packed >= {*sources, "LICENSE", "README.md", "CHANGELOG.md", "CITATION.cff", "pyproject.toml"}
    assert not {name for name in packed if name.startswith(("tests", "docs", ".", "results"))}


def version():
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    return setup["metadata"]["version"]


def test_metadata(built, place):
    with zipfile.ZipFile(built.wheel) as archive:
        info = f"hashcredit-{version()}.dist-info"
        metadata = email.message_from_bytes(archive.read(f"{info}/METADATA"))
        commands = archive.read(f"{info}/entry_points.txt").decode().split("\n")
        licence = archive.read(f"{info}/licenses/LICENSE")
    assert (metadata["Name"], metadata["Version"]) == ("hashcredit", version())
    assert metadata["License-Expression"] == "Apache-2.0"
    assert licence == (ROOT / "LICENSE").read_bytes()
    assert set(metadata["Requires-Python"].split(",")) == {">=3.11", "<3.14"}
    classifiers = metadata.get_all("Classifier")
    pythons = [line.rpartition(" ")[2] for line in classifiers if line.startswith("Programming Language")]
    assert pythons == ["3.11", "3.12", "3.13"]
    assert metadata["Description-Content-Type"] == "text/markdown"
    assert metadata.get_payload().strip() == (ROOT / "README.md").read_text().strip()
    assert [line for line in commands if line] == [
        "[console_scripts]",
        "hashcredit = hashcredit.experiments.commands.process:main",
    ]
    assert f"version: {version()}\n" in (ROOT / "CITATION.cff").read_text()
    assert call([place.command, "--version"]) == f"hashcredit {version()}\n"


# Among other packages


def test_own_names_only(place):
    """What the installation wrote: our package, its metadata and the command."""
    names = {path.parts[0] for path in distribution(place, "hashcredit").files if path.parts[0] != ".."}
    assert names == {"hashcredit", f"hashcredit-{version()}.dist-info"}
    outside = [str(path) for path in distribution(place, "hashcredit").files if path.parts[0] == ".."]
    assert outside == ["../../../bin/hashcredit"]
    assert not {"simulator", "experiments"} & {path.name for path in place.site.iterdir()}
    pip(place.python, "check")


def distribution(place, name):
    (found,) = importlib.metadata.distributions(name=name, path=[str(place.site)])
    return found


def test_agents_belong_to_openai(place, user):
    code = (
        "import agents, hashcredit.agents, hashcredit.simulator\n"
        "print(agents.__file__, agents.Agent.__module__, hashcredit.agents.__file__, sep='\\n')"
    )
    theirs, module, ours = call([place.python, "-c", code], env=user, cwd="/").splitlines()
    assert Path(theirs) == place.site / "agents" / "__init__.py"
    assert module.split(".")[0] == "agents"
    assert Path(ours) == place.site / "hashcredit" / "agents" / "__init__.py"
    assert whole(place, "openai-agents")


def whole(place, name):
    """Whether all files of a distribution are there as it brought them."""
    for path in distribution(place, name).files:
        if path.hash is not None:
            digest = hashlib.new(path.hash.mode, path.locate().read_bytes()).digest()
            assert urlsafe_b64encode(digest).rstrip(b"=").decode() == path.hash.value, path
    return True


BESIDE = """
import agents, experiments, model, simulator
from agents import Household
from hashcredit.agents.views import NeoCloud
from hashcredit.experiments.folder.summary import statistics_of
from hashcredit.simulator import MarketModel, Scenario, simulate, simulate_many

assert agents.HERE == experiments.HERE == model.HERE == simulator.HERE == "beside the script"
scenario = Scenario.load("dump_10k_h100").with_changes({"horizon_weeks": 20})
run = simulate(scenario, seed=1)
market = MarketModel(scenario, rng=1)
for _ in range(20):
    market.step()
assert run.summary["proceeds_musd"] > 0.0
assert repr(market.summary) == repr(run.summary)
assert statistics_of(simulate_many(scenario, replicates=2).summary)
assert any(isinstance(agent, NeoCloud) for agent in market.agents)
print(Household.__module__, run.summary["proceeds_musd"])
"""


def test_script_beside_modules_of_the_same_names(place, user, first_runs, tmp_path):
    """As in every example of Mesa, an agents.py lies beside the script; both faces work all the same."""
    for name in ("agents", "experiments", "model", "simulator"):
        (tmp_path / f"{name}.py").write_text("HERE = 'beside the script'\n\nclass Household: ...\n")
    (tmp_path / "run.py").write_text(BESIDE)
    module, proceeds = call([place.python, "-W", "error", "run.py"], env=user, cwd=tmp_path).split()
    assert module == "agents"
    assert float(proceeds) == pd.read_parquet(first_runs[0] / "summary.parquet")["proceeds_musd"][0]


# The command


def test_command_outside_the_tree(place, user, first_runs, expected, tmp_path):
    """The same scenarios, and the same bits as the source tree."""
    listed = call([place.command, "scenario", "list"], env=user, cwd=tmp_path).splitlines()
    files = {path.stem for path in (ROOT / "simulator" / "scenarios").glob("*.toml")}
    assert {line.split()[0] for line in listed} == files
    assert numbers(first_runs[0]) == expected[SCENARIO]
    call(run_command([place.command], "baseline_2026", Path("out")), env=user, cwd=tmp_path)
    assert numbers(tmp_path / "out") == expected["baseline_2026"]
    assert len(list((tmp_path / "out" / "figures").glob("*.png"))) >= 5
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


LITTLE = "from hashcredit.agents.buyer import annuity; print(annuity(0.1, 5.0))"
"""One kernel, compiled for the occasion."""


@pytest.fixture(scope="module")
def lonely_runs(folder, place):
    """Two commands on a machine with no home folder, started together: HOME is unset, or names none.

    Where the home should be is all that the two differ in, so only one of them runs a scenario.
    """
    require_namespaces()
    place_before = stamps(place.folder)
    commands = {
        ("unset", None): lambda out: [place.python, "-c", LITTLE],
        ("nonexistent", "/nonexistent"): lambda out: run_command([place.command], SCENARIO, out / "run"),
    }
    runs, folders = {}, {}
    for (name, home), command in commands.items():
        folders[name] = out, temporary = folder / f"lonely_{name}", folder / f"temporary_{name}"
        for path in (out, temporary):
            path.mkdir()
        runs[name] = sealed(command(out), (out, temporary), home, TMPDIR=str(temporary))
    ends = {name: (finish(run)[1], *folders[name]) for name, run in runs.items()}
    assert stamps(place.folder) == place_before
    return ends


def stamps(folder):
    return {path: path.lstat().st_mtime_ns for path in folder.rglob("*")}


@pytest.mark.parametrize("home", ["unset", "nonexistent"])
def test_read_only_without_network_home_and_cache(lonely_runs, first_runs, home):
    """It works, says once that it cannot keep compiled code, and leaves nothing but the results."""
    said, out, temporary = lonely_runs[home]
    # Plain Python names the class of a warning and shows the line that gave it; the command says one line.
    introduction, lines = ("RuntimeWarning: ", 2) if home == "unset" else ("hashcredit: warning: ", 1)
    assert said.count(f"{introduction}cannot write to the cache folder") == 1
    assert len(said.splitlines()) == lines, said
    assert "set HASHCREDIT_CACHE_DIR" in said
    assert list(temporary.iterdir()) == []
    if home == "unset":
        assert list(out.iterdir()) == []
        return
    assert [path.name for path in out.iterdir()] == ["run"]
    assert len(list((out / "run" / "figures").glob("*.png"))) >= 5
    assert numbers(out / "run") == numbers(first_runs[0])


def test_read_only_with_a_cache(folder, place, user, first_runs, tmp_path):
    """With a cache folder named there is nothing to warn of, and nothing to compile again."""
    require_namespaces()
    cache = Path(user["HASHCREDIT_CACHE_DIR"])
    before = machine_code(cache)
    out, temporary = tmp_path / "out", tmp_path / "temporary"
    for path in (out, temporary):
        path.mkdir()
    command = run_command([place.command], SCENARIO, out / "run")
    variables = {"TMPDIR": str(temporary), "HASHCREDIT_CACHE_DIR": str(cache)}
    assert finish(sealed(command, (out, temporary, cache), None, **variables))[1] == ""
    assert numbers(out / "run") == numbers(first_runs[0])
    assert machine_code(cache) == before
    assert list(temporary.iterdir()) == []


# Versions


def test_two_installations_share_a_cache(folder, place, other, user, first_runs, tmp_path):
    """Each goes on with its own compiled code, and compiles nothing again because of the other."""
    first, first_other = (pd.read_parquet(out / "summary.parquet") for out in first_runs)
    assert (first["proceeds_musd"] > 0.0).all()
    assert (first_other["proceeds_musd"] < first["proceeds_musd"]).all()  # lower bids, lower proceeds
    cache = Path(user["HASHCREDIT_CACHE_DIR"])
    before = machine_code(cache)
    assert before
    for number, (where, out) in enumerate(zip((place, other) * 2, first_runs * 2, strict=True)):
        again = tmp_path / str(number)
        call(run_command([where.command], SCENARIO, again, "--no-figures"), env=user, cwd=tmp_path)
        assert numbers(again) == numbers(out)
    assert machine_code(cache) == before


def test_replacing_the_wheel_changes_results(built, other, user, first_runs, tmp_path):
    """Forth and back between two wheels in one place with one cache: never the code of the other wheel."""
    original, edited = (numbers(out) for out in first_runs)
    assert original["summary.parquet"] != edited["summary.parquet"]
    for wheel, right in ((built.wheel, original), (built.wheel_edited, edited)):
        other.install(wheel)
        out = tmp_path / wheel.parent.name
        call(run_command([other.command], SCENARIO, out, "--no-figures"), env=user, cwd=tmp_path)
        assert numbers(out) == right


PYTHONS = other_pythons()


@pytest.fixture(scope="module")
def runs_elsewhere(folder, built):
    """The wheel installed and run by each other Python of this machine, with a cache of its own."""

    def run(name):
        place = new_place(folder / f"python{name}", PYTHONS[name], "--no-compile", built.wheel)
        out = folder / f"out{name}"
        variables = environment(folder / "home", HASHCREDIT_CACHE_DIR=str(folder / f"cache{name}"))
        call(run_command([place.python, "-W", "error", place.command], SCENARIO, out), env=variables)
        return out

    with ThreadPoolExecutor(max(1, len(PYTHONS))) as pool:
        return {name: pool.submit(run, name) for name in PYTHONS}


@pytest.mark.parametrize("name", ["3.11", "3.12", "3.13"])
def test_other_pythons_give_the_same_bits(request, name, first_runs):
    if name == f"3.{sys.version_info.minor}":
        pytest.skip("all other tests run on this Python")
    if name not in PYTHONS:
        pytest.skip(f"no Python {name} on this machine")
    runs = request.getfixturevalue("runs_elsewhere")
    assert numbers(runs[name].result()) == numbers(first_runs[0])


# Taken away again


def test_uninstalling_leaves_the_others(built, place, user):
    pip(place.python, "uninstall", "--yes", "hashcredit")
    try:
        assert not place.command.exists()
        left = [path for path in place.site.rglob("*") if "hashcredit" in str(path.relative_to(place.site))]
        assert left in ([], [place.site / "hashcredit"])  # pip forgets an empty folder without __init__.py
        call([place.python, "-c", "import agents; agents.Agent"], env=user, cwd="/")
        finish(start([place.python, "-c", "import hashcredit.agents"], env=user, cwd="/"), code=1)
        assert whole(place, "openai-agents")
        pip(place.python, "check")
    finally:
        place.install(built.wheel)
