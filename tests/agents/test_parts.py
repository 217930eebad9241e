"""Kernels as parts of other kernels: the same answers as Numba's own, in any order and from any cache."""

import os
import subprocess
import sys

import numba
import numpy as np
import pytest
from repository import ROOT

from hashcredit.agents import parts
from hashcredit.agents.compiled import in_turn, kernel
from hashcredit.agents.parts import are_used, compile_part

pytestmark = pytest.mark.skipif(not are_used(), reason="this Numba compiles every kernel by itself")

CHAIN = """
from hashcredit.agents.compiled import kernel

RATE = 0.25

@kernel
def interest(debt: float) -> float:
    if debt < 0.0:
        raise ValueError("a debt is owed")
    return RATE * debt

@kernel
def due(debt: float, years: int) -> float:
    total = debt
    for _ in range(years):
        total += interest(total)
    return total

@kernel
def both(debt: float) -> float:
    return due(debt, 1) + interest(debt)

@kernel
def told(debt: float) -> float:
    print(debt)
    return debt

@kernel
def teller(debt: float) -> float:
    return told(debt) + told(2.0)
"""


@pytest.fixture
def chain(tmp_path):
    """Runs code after the three kernels in new processes that share a cache; returns what is printed."""
    (tmp_path / "chain.py").write_text(CHAIN)

    def run(code, **environment):
        place = {"PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT / '.typing'}", "PYTHONHASHSEED": "random"}
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", f"from chain import *\n{code}"],
            env=os.environ | {"HASHCREDIT_CACHE_DIR": str(tmp_path / "cache")} | place | environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.split()

    run.files = lambda: sorted((tmp_path / "cache").rglob("*.nbc"))
    return run


COMPILED = (
    "value, part = both(8.0), interest.kernel._part; "
    "print(value, sum(part.stats.cache_misses.values()) if part else 0)"
)


def test_a_kernel_that_kernels_call_gets_no_machine_code(chain):
    """Two parts and one entry; an entry from the cache asks for no part."""
    assert chain(COMPILED) == ["12.0", "1"]
    names = [path.name.split("-")[0] for path in chain.files()]
    assert names == ["chain.both", "part", "part"]
    assert chain(COMPILED) == ["12.0", "0"]


def test_parts_from_the_cache_serve_other_entries(chain):
    """A second entry compiles itself alone: `interest` comes from the cache, through `due`."""
    chain("both(8.0)")
    code = "print(due(8.0, 2), sum(interest.kernel.part.stats.cache_misses.values()))"
    assert chain(code) == ["12.5", "0"]


def test_a_lost_or_torn_part_is_compiled_again(chain):
    """What calls it stays in the cache, and fits the new one."""
    chain("both(8.0)")
    entry, interest = (
        next(path for path in chain.files() if word in path.name) for word in ("both", "interest")
    )
    entry.unlink()
    interest.unlink()
    assert chain(COMPILED) == ["12.0", "1"]
    entry.unlink()
    interest.write_bytes(interest.read_bytes()[:100])
    assert chain("import warnings; warnings.simplefilter('ignore'); " + COMPILED) == ["12.0", "1"]


def test_another_numba_compiles_as_ever(chain):
    """The same bits without parts, in the same cache."""
    assert chain("print(both(8.3).hex(), hasattr(both, 'kernel'))")[1] == "True"
    plain = chain("print(both(8.3).hex(), hasattr(both, 'kernel'))", HASHCREDIT_PLAIN_NUMBA="1")
    assert plain == [chain("print(both(8.3).hex())")[0], "False"]
    assert chain("print(due(1.0, 1))", HASHCREDIT_PLAIN_NUMBA="1") == ["1.25"]


def test_an_unknown_numba_has_no_parts(monkeypatch):
    assert are_used()
    monkeypatch.setattr(parts, "VERSIONS", ((0, 1),))
    assert not are_used()


@kernel
def _checked(x: float) -> float:
    if x < 0.0:
        raise ValueError("below zero")
    return x + 1.0


@kernel
def _caller(x: float) -> float:
    return 2.0 * _checked(x)


def test_an_error_comes_out_of_a_part():
    assert _caller(1.0) == 4.0
    with pytest.raises(ValueError, match="below zero"):
        _caller(-1.0)


def test_python_cannot_call_a_part():
    """It calls the entry; the part behind it has no code of its own to run into."""
    assert _checked(1.0) == 2.0
    compile_part(_checked, (numba.float64,))
    with pytest.raises(TypeError, match="not callable"):
        _checked.kernel.part(1.0)


def test_any_compiled_function_may_call_a_kernel():
    """A function compiled by Numba alone, as a rule of a user, gets all parts behind the kernel."""

    @numba.njit
    def rule(x):
        return _caller(x) + _checked(x)

    assert rule(1.0) == 6.0


def test_a_kernel_that_prints_is_compiled_whole(chain):
    """It needs Python, which a part cannot reach; also when it comes from the cache."""
    for _ in range(2):
        assert chain("teller(1.0)") == ["1.0", "2.0"]


def test_functions_of_one_name_are_told_apart():
    """By what they call and by the constants that they read, within one entry too."""

    def made(constant):
        factor = constant

        @kernel
        def scaled(values):
            values[0] += factor

        return scaled

    one, two = made(1.0), made(10.0)
    first, second = (in_turn("both_in_turn", [each], "values") for each in (one, two))
    assert first.kernel.identity != second.kernel.identity

    @kernel
    def all_of_them(values):
        first(values)
        second(values)

    values = np.zeros(1)
    all_of_them(values)
    assert values[0] == 11.0


def test_a_kernel_does_not_call_itself():
    @kernel
    def falling(n: int) -> int:
        return n if n < 1 else falling(n - 1)

    @kernel
    def outer(n: int) -> int:
        return falling(n)

    with pytest.raises(numba.core.errors.NumbaError, match="calls itself"):
        outer(3)
