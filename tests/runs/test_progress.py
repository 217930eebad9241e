"""Progress: shown by itself where somebody watches, on demand anywhere, and of no consequence for results."""

import io
import sys
import time
import types

import numpy as np
import pytest
from small_economy import SMALL

from hashcredit.agents.compiled import cache_folder
from hashcredit.simulator import paired_contagion, progress, simulate, simulate_many
from hashcredit.simulator.errors import ScenarioError
from hashcredit.simulator.progress import CompilationWatch, ProgressBar, compilation_words, is_watched

SHORT = SMALL.with_changes({"name": "short", "horizon_weeks": 2, "shocks.forced_default": "none"})


def run(progress=None):
    return simulate_many(SHORT, seed=3, replicates=3, progress=progress)


class Terminal(io.StringIO):
    """A terminal that keeps what is written to it."""

    def isatty(self):
        return True


@pytest.fixture
def terminal(monkeypatch):
    """Called in a test, makes stderr a terminal and returns it."""

    def make():
        monkeypatch.setattr(sys, "stderr", Terminal())
        return sys.stderr

    return make


def test_nobody_watches_a_log(capsys):
    run()
    assert capsys.readouterr().err == ""


def test_it_is_shown_on_a_terminal(terminal):
    screen = terminal()
    run()
    assert "3/3" in screen.getvalue()
    paired_contagion(SHORT, replicates=2)
    assert "4/4" in screen.getvalue()


def test_it_is_shown_on_demand_and_not_against_ones_will(terminal, capsys):
    run(progress=True)
    assert "3 of 3 runs" in capsys.readouterr().err
    screen = terminal()
    run(progress=False)
    assert screen.getvalue() == ""


def test_it_is_shown_in_a_notebook(capsys, monkeypatch):
    shell = types.SimpleNamespace(kernel=object())
    monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(get_ipython=lambda: shell))
    assert is_watched()
    run()
    assert "3/3" in capsys.readouterr().err


def test_a_function_is_told(capsys):
    told = []
    run(progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (3, 3) and told == sorted(told) and capsys.readouterr().err == ""


def test_what_is_no_progress_is_refused():
    with pytest.raises(ScenarioError, match=r"^progress: 'yes' is not allowed; expected True, False, None"):
        run(progress="yes")


def test_no_bit_depends_on_it(terminal):
    terminal()
    outcomes = [run(progress=shown).outcomes for shown in (None, True, False, lambda done, total: None)]
    assert all(np.array_equal(one.view(np.uint8), outcomes[0].view(np.uint8)) for one in outcomes)


# Compilation


@pytest.fixture
def compiling(monkeypatch):
    """A cache in which the number of kernels grows whenever somebody looks."""
    counts = iter(range(100, 1000))
    monkeypatch.setattr(progress, "are_kernels_ready", lambda: False)
    monkeypatch.setattr(progress, "compiled_kernels", lambda: next(counts))
    monkeypatch.setattr(progress, "all_kernels", lambda: 400)
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_LOOKS", 0.01)
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", 0.0)


def watch(quiet=False):
    with CompilationWatch(quiet) as compilation:
        compilation._thread and compilation._thread.join(0.3)
        compilation.stop()


def test_the_kernels_that_are_compiled_are_counted(compiling, capsys):
    watch()
    first = capsys.readouterr().err.splitlines()[0]
    assert first.startswith("101 of about 400 kernels compiled, ")


def test_on_a_terminal_the_count_is_a_bar(compiling, terminal):
    screen = terminal()
    watch()
    assert "/400" in screen.getvalue()


def test_one_run_counts_them_too_where_somebody_watches(compiling, terminal, capsys, monkeypatch):
    import hashcredit.simulator.runs.engine as engine

    def slowly(*arguments):
        time.sleep(0.3)  # thirty looks
        return prepare(*arguments)

    prepare = engine.prepare
    monkeypatch.setattr(engine, "prepare", slowly)
    simulate(SHORT)
    assert capsys.readouterr().err == ""
    screen = terminal()
    simulate(SHORT)
    assert "kernels compiled" in screen.getvalue() and "/400" in screen.getvalue()


def test_nothing_is_said_where_nothing_is_compiled(compiling, capsys, monkeypatch):
    watch(quiet=True)
    monkeypatch.setattr(progress, "compiled_kernels", lambda: 400)
    watch()
    assert capsys.readouterr().err == ""
    assert compilation_words() == "compiling kernels, 400 of about 400"
    monkeypatch.setattr(progress, "are_kernels_ready", lambda: True)
    assert compilation_words() == ""


def test_the_sources_declare_about_as_many_kernels_as_a_run_compiles():
    """Each has a file in the folder of kernels, or two where Python calls it too; a few compile nothing."""
    simulate(SHORT)
    files = {path.name.removeprefix("part-") for path in cache_folder().rglob("*.nbi")}
    assert 0.9 * progress.all_kernels() < len(files) < 1.1 * progress.all_kernels()


def test_a_guess_is_called_one(capsys):
    ProgressBar("kernels", about=True).update(2, 2)
    assert capsys.readouterr().err.startswith("2 of about 2 kernels, ")
