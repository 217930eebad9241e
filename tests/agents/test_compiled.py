"""The kernel cache: never stale, never in the way."""

import os
import shutil
import stat
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from repository import ROOT

from hashcredit.agents import compiled
from hashcredit.agents.compiled import kernel

RULE = """
from hashcredit.agents.compiled import kernel

@kernel
def rule(cash: float) -> float:
    return 2.0 * cash
"""

PHASE = """
from hashcredit.agents.compiled import kernel
from hashcredit.agents.rule import rule
from hashcredit.simulator.books.randomness import uniform

@kernel
def phase(cash: float) -> float:
    return rule(cash) + uniform(1, 2, 3, 4, 5, 6, 0)
"""

CALL = """
from hashcredit.agents.compiled import cache_folder
from hashcredit.simulator.phase import phase
print(phase(10.0), sum(phase.stats.cache_hits.values()), cache_folder(), sep="\\n")
"""


@pytest.fixture
def package(tmp_path):
    """A small install: the project's decorator and random numbers, a rule, and a phase that calls both."""
    package = tmp_path / "site" / "hashcredit"
    for name in ("agents", "simulator", "simulator/books"):
        (package / name).mkdir(parents=True)
        shutil.copy(ROOT / name / "__init__.py", package / name)
    for name in (
        "agents/compiled.py",
        "agents/parts.py",
        "simulator/public.py",
        "simulator/books/randomness.py",
    ):
        shutil.copy(ROOT / name, package / name)
    (package / "agents" / "rule.py").write_text(RULE)
    (package / "simulator" / "phase.py").write_text(PHASE)
    return package


def run(package, code=CALL, *, python=("-W", "error"), **environment):
    """Run code in a new process that imports this install; returns the finished process."""
    removed = ("HASHCREDIT_CACHE_DIR", "XDG_CACHE_HOME", "HOME")
    clean = {key: value for key, value in os.environ.items() if key not in removed and "NUMBA" not in key}
    return subprocess.run(
        [sys.executable, "-B", *python, "-c", code],
        env=clean | {"PYTHONPATH": str(package.parent)} | environment,
        cwd=package.parent,
        capture_output=True,
        text=True,
        check=False,
    )


def call(package, **environment):
    """Value of `phase(10.0)`, whether it came from the cache, and the cache folder, in a new process."""
    done = run(package, **environment)
    assert done.returncode == 0, done.stderr
    value, hits, folder = done.stdout.split()
    return float(value), int(hits) > 0, Path(folder)


def edit(path, old, new):
    """Change a source without changing its size or time stamp: only its content tells."""
    before, text = path.stat(), path.read_text()
    assert text.count(old) == 1
    assert len(old) == len(new)
    path.write_text(text.replace(old, new))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_an_edit_in_another_module_changes_the_result(package, tmp_path):
    where = {"HASHCREDIT_CACHE_DIR": str(tmp_path / "cache")}
    draw = compiled_uniform()
    assert call(package, **where)[:2] == (20.0 + draw, False)
    assert call(package, **where)[:2] == (20.0 + draw, True)

    edit(package / "agents" / "rule.py", "2.0 * cash", "3.0 * cash")
    assert call(package, **where)[:2] == (30.0 + draw, False)

    edit(package / "simulator" / "books" / "randomness.py", "+ 0.5) * 2.0**-52", "+ 0.5) * 2.0**-53")
    assert call(package, **where)[:2] == (30.0 + draw / 2, False)

    # Back to an earlier version: its machine code is still there.
    edit(package / "simulator" / "books" / "randomness.py", "+ 0.5) * 2.0**-53", "+ 0.5) * 2.0**-52")
    assert call(package, **where)[:2] == (30.0 + draw, True)


def test_the_key_follows_what_kernels_import_and_nothing_else(package, tmp_path):
    where = {"HASHCREDIT_CACHE_DIR": str(tmp_path / "cache")}
    (package / "agents" / "numbers.py").write_text("FACTOR = 2.0\n")
    (package / "agents" / "aside.py").write_text("TEXT = 'one'\n")
    rule = package / "agents" / "rule.py"
    rule.write_text("from hashcredit.agents.numbers import FACTOR\n" + RULE.replace("2.0 *", "FACTOR *"))
    draw = compiled_uniform()
    assert call(package, **where)[:2] == (20.0 + draw, False)

    edit(package / "agents" / "aside.py", "one", "two")
    assert call(package, **where)[:2] == (20.0 + draw, True)

    edit(package / "agents" / "numbers.py", "2.0", "4.0")
    assert call(package, **where)[:2] == (40.0 + draw, False)


@pytest.mark.parametrize(
    "line",
    [
        "from hashcredit.agents.other import (\n    a,\n    b,\n)",
        "from hashcredit.agents import other",
        "import hashcredit.agents.other as o",
        "    from hashcredit.agents.other import a  # lazily",
    ],
)
def test_every_way_to_import_counts(tmp_path, line):
    for name in ("agents", "simulator"):
        (tmp_path / name).mkdir()
    (tmp_path / "agents" / "rule.py").write_text(f"{line}\n\n@kernel\ndef rule(): ...\n")
    (tmp_path / "agents" / "other.py").write_text("from hashcredit.simulator.third import c\n")
    (tmp_path / "simulator" / "third.py").write_text("c = 1\n")
    (tmp_path / "simulator" / "aside.py").write_text("d = 1\n")
    assert set(compiled.kernel_sources(tmp_path)) == {
        "agents/rule.py",
        "agents/other.py",
        "simulator/third.py",
    }


def test_installations_of_the_same_sources_share_the_cache(package, tmp_path):
    """A second environment or clone compiles nothing; one with another rule does not meet the first one's."""
    where = {"HASHCREDIT_CACHE_DIR": str(tmp_path / "cache")}
    draw = compiled_uniform()
    assert call(package, **where)[:2] == (20.0 + draw, False)
    second = shutil.copytree(package.parent, tmp_path / "elsewhere") / "hashcredit"
    assert call(second, **where)[:2] == (20.0 + draw, True)
    edit(second / "agents" / "rule.py", "2.0 * cash", "3.0 * cash")
    assert call(second, **where)[:2] == (30.0 + draw, False)
    assert call(package, **where)[:2] == (20.0 + draw, True)


def compiled_uniform():
    from hashcredit.simulator.books.randomness import uniform

    return uniform(1, 2, 3, 4, 5, 6, 0)


@pytest.mark.parametrize(
    ("environment", "folder"),
    [
        ({"HASHCREDIT_CACHE_DIR": "chosen", "XDG_CACHE_HOME": "/nowhere"}, "chosen"),
        ({"XDG_CACHE_HOME": "{tmp}/xdg", "HOME": "{tmp}/home"}, "xdg/hashcredit"),
        ({"XDG_CACHE_HOME": "relative", "HOME": "{tmp}/home"}, "home/.cache/hashcredit"),
        (
            {"HOME": "{tmp}/home", "NUMBA_CACHE_LOCATOR_CLASSES": "InTreeCacheLocator"},
            "home/.cache/hashcredit",
        ),
        ({"HOME": "{tmp}/home", "NUMBA_CACHE_DIR": "{tmp}/numba"}, "home/.cache/hashcredit"),
    ],
)
def test_which_folder(package, tmp_path, environment, folder):
    environment = {key: value.format(tmp=tmp_path) for key, value in environment.items()}
    base = package.parent if folder == "chosen" else tmp_path
    _, _, used = call(package, **environment)
    assert used.parent == base / folder
    assert any(used.rglob("*.nbc"))
    assert not list(package.rglob("*.nb?"))  # no machine code beside the sources
    assert not (tmp_path / "numba").exists()


@pytest.mark.parametrize("case", ["unwritable folder", "empty home", "unwritable home"])
def test_without_a_writable_folder(package, tmp_path, case):
    """A temporary folder, one warning, no machine code of unknown age, nothing left behind."""
    file = tmp_path / "file"
    file.write_text("a folder cannot be made below a file, not even by root")
    environment = {
        "unwritable folder": {"HASHCREDIT_CACHE_DIR": str(file / "cache")},
        "empty home": {"HOME": ""},
        "unwritable home": {"HOME": str(file)},
    }[case]
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    for _ in range(2):
        done = run(package, python=("-W", "always"), TMPDIR=str(temporary), **environment)
        assert done.returncode == 0, done.stderr
        value, hits, folder = done.stdout.split()
        assert float(value) == 20.0 + compiled_uniform()
        assert hits == "0"
        assert Path(folder).parent == temporary
        assert done.stderr.count("RuntimeWarning: cannot write to the cache folder") == 1
        assert "HASHCREDIT_CACHE_DIR" in done.stderr
        assert not list(temporary.iterdir())


@pytest.mark.parametrize("case", ["written by all", "in one written by all", "owned by another"])
def test_a_folder_that_others_can_write_is_not_used(package, tmp_path, case):
    """What lies in it would be unpickled and run: another user could plant it there."""
    cache = tmp_path / "cache"
    where = {"HASHCREDIT_CACHE_DIR": str(cache)}
    assert call(package, **where)[1] is False
    (folder,) = cache.iterdir()
    assert stat.S_IMODE(folder.stat().st_mode) == stat.S_IMODE(cache.stat().st_mode) == 0o700
    if case == "written by all":
        folder.chmod(0o777)
    elif case == "in one written by all":
        cache.chmod(0o770)
    elif os.geteuid() == 0:
        os.chown(folder, 65534, -1)
    else:
        pytest.skip("only root can give a folder to another user")
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    done = run(package, python=("-W", "always"), **where)
    assert done.returncode == 0, done.stderr
    value, hits, used = done.stdout.split()
    assert (float(value), hits) == (20.0 + compiled_uniform(), "0")
    assert not Path(used).is_relative_to(cache)
    said = f"RuntimeWarning: will not use the cache folder {folder}, which another user owns or can write to"
    assert done.stderr.count(said) == 1
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def test_read_only_install(package, tmp_path):
    """No write beside the sources is tried, so none can fail."""
    for path in [package, *package.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    before = {path: path.stat().st_mtime_ns for path in [package, *package.rglob("*")]}
    try:
        where = {"HASHCREDIT_CACHE_DIR": str(tmp_path / "cache")}
        assert call(package, **where)[1] is False
        assert call(package, **where)[1] is True
        assert {path: path.stat().st_mtime_ns for path in [package, *package.rglob("*")]} == before
    finally:
        for path in [package, *package.rglob("*")]:
            path.chmod(path.stat().st_mode | stat.S_IWUSR)


def test_five_keys_are_kept(package, tmp_path):
    """The least recently used go; folders that are not ours stay, and those that may be in use."""
    base = tmp_path / "cache"
    old = [base / f"kernels-{number:016x}" for number in range(7)]
    day = 24 * 3600
    for age, folder in enumerate(old):
        (folder / "agents_0").mkdir(parents=True)
        (folder / "agents_0" / "rule.nbi").write_text("x")
        os.utime(folder, (time.time() - day * (age + 1.1),) * 2)
    foreign = base / "kernels-of-somebody-else"
    foreign.mkdir()
    _, _, used = call(package, HASHCREDIT_CACHE_DIR=str(base))
    assert set(base.iterdir()) == {used, foreign, *old[:4]}
    for folder in old:
        folder.mkdir(exist_ok=True)
        os.utime(folder, (time.time() - 0.9 * day,) * 2)
    call(package, HASHCREDIT_CACHE_DIR=str(base))
    assert set(base.iterdir()) == {used, foreign, *old}


def test_processes_may_share_a_folder(package, tmp_path):
    """Started together in an empty folder, all work and agree."""
    environment = os.environ | {
        "PYTHONPATH": str(package.parent),
        "HASHCREDIT_CACHE_DIR": str(tmp_path / "c"),
    }
    together = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", CALL], env=environment, stdout=subprocess.PIPE, text=True
        )
        for _ in range(3)
    ]
    outputs = [process.communicate()[0].split() for process in together]
    assert [process.returncode for process in together] == [0, 0, 0]
    assert len({(value, folder) for value, _, folder in outputs}) == 1


MEMORY = """
import numpy as np
from hashcredit.agents.compiled import kernel

@kernel
def different(n: int) -> int:
    seen = set()
    for i in range(n):
        seen.add(i % 7)
    return len(seen) + np.zeros(n).size

@kernel
def square(x):
    return np.dot(x, x)
"""

MEMORY_CALL = """
import sys
import numpy as np
from hashcredit.agents.memory import different, square
print(different(10), "scipy.linalg" in sys.modules, {})
"""


def test_what_is_compiled_runs_without_the_compiler(package, tmp_path):
    """Machine code that asks for arrays and hashes finds them, and a kernel may be compiled after it."""
    where = {"HASHCREDIT_CACHE_DIR": str(tmp_path / "cache")}
    (package / "agents" / "memory.py").write_text(MEMORY)
    answers = [
        run(package, MEMORY_CALL.format(last), **where).stdout.split()
        for last in ("", "", "square(np.ones(3))", "square(np.ones(3))")
    ]
    assert answers == [["17", "True"], ["17", "False"], ["17", "False", "3.0"], ["17", "False", "3.0"]]


def test_the_key_follows_compiler_settings(package, tmp_path):
    """Numba would serve code compiled without bounds checks to a process that asks for them."""
    where = {"HASHCREDIT_CACHE_DIR": str(tmp_path / "cache")}
    folders = {
        call(package, **where, **more)[2] for more in ({}, {"NUMBA_BOUNDSCHECK": "1"}, {"NUMBA_OPT": "2"})
    }
    assert len(folders) == 3


def test_plain_python_without_compilation(package):
    """NUMBA_DISABLE_JIT=1 runs the rules as written, and needs no folder."""
    code = "from hashcredit.agents.rule import rule; print(type(rule).__name__, rule(10.0))"
    done = run(package, code, NUMBA_DISABLE_JIT="1", HASHCREDIT_CACHE_DIR="/dev/null/nowhere")
    assert done.stdout.split() == ["function", "20.0"], done.stderr


def test_numba_settings_are_put_back():
    config = compiled.config
    before = config.CACHE_DIR, config.CACHE_LOCATOR_CLASSES

    @kernel
    def double(x: float) -> float:
        return 2.0 * x

    assert double(2.0) == 4.0
    after = config.CACHE_DIR, config.CACHE_LOCATOR_CLASSES
    assert after == before
    assert Path(double.stats.cache_path).is_relative_to(compiled.cache_folder())


def test_the_cache_of_a_kernel_that_is_never_called_is_never_set_up():
    """Several hundred kernels are made at a start, of which ten are called."""

    @kernel
    def half(x: float) -> float:
        return 0.5 * x

    assert "_own" not in vars(half._cache)
    assert half(2.0) == 1.0
    assert "_own" in vars(half._cache)


def test_a_lost_folder_means_no_cache(tmp_path, monkeypatch):
    """When the folder becomes unusable in mid-import, Numba's silent fallback must not be used."""
    file = tmp_path / "file"
    file.write_text("")
    monkeypatch.setattr(compiled, "cache_folder", lambda: file / "gone")

    @kernel
    def triple(x: float) -> float:
        return 3.0 * x

    assert triple(2.0) == 6.0
    assert triple.stats.cache_path is None


def test_arithmetic_is_ieee():
    """Division by zero gives infinity, as in NumPy, and does not raise."""

    @kernel
    def divide(a: float, b: float) -> float:
        return a / b

    assert divide(1.0, 0.0) == np.inf
    assert np.isnan(divide(0.0, 0.0))
