"""The rivals that hashcredit is timed against do the same, and phases are counted without being changed."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from repository import ROOT

from hashcredit.experiments.tools import benchmark, rival_benchmark, rival_market
from hashcredit.experiments.tools.rival_benchmark import (
    AGENTS_ONE_BY_ONE,
    RIVALS,
    Timing,
    check_rivals,
    present,
)
from hashcredit.experiments.tools.rival_market import check_money, check_same, draw_market, numpy_week

WEEKS = 26


def test_a_week_by_hand():
    # earns 10 x .01 x 2 = .2; owes 5.2 x .1 / 52 = .01 of interest and .04 of principal, and can pay both
    market = draw_market(1, 1)._replace(
        cash=np.array([0.0, 0.0]),
        debt=np.array([5.2, 5.2]),
        machines=np.array([10.0, 10.0]),
        defaulted=np.zeros(2),
        earning=np.array([0.01, 0.001]),
        rate=np.array([0.1, 0.1]),
        instalment=np.array([0.04, 0.04]),
        rent=np.array([2.0]),
        price=np.array([1.0]),
    )
    before = market.copy()
    numpy_week(market, 0)
    np.testing.assert_allclose(market.cash, [0.15, 0.0])
    # the second earns .02, pays .01 of interest and .01 of principal, misses .03, and recovers all of 5.19
    np.testing.assert_allclose(market.debt, [5.16, 0.0])
    np.testing.assert_array_equal(market.defaulted, [0.0, 1.0])
    np.testing.assert_array_equal(market.machines, [10.0, 0.0])
    np.testing.assert_allclose(market.totals, [0.22, 0.02, 0.05, 5.19, 0.0], atol=1e-15)
    check_money(before, market)


@pytest.mark.parametrize("name", RIVALS)
def test_rivals_end_with_the_same_money(name):
    """The compiled loop, Mesa in both orders and AMBER in both styles, after half a year of 50 borrowers."""
    if name not in present():
        pytest.skip("AMBER is not installed")
    market = draw_market(50, WEEKS, seed=3)
    start = market.copy()
    expected, found = RIVALS["NumPy"](market), RIVALS[name](market)
    expected.run()
    found.run()
    assert 0.0 < expected.result().defaulted.mean() < 0.9
    assert expected.result().totals[rival_market.LOST] > 0.0
    check_same(name, found.result(), expected.result())
    check_money(start, found.result())
    for column, untouched in zip(market, start, strict=True):
        np.testing.assert_array_equal(column, untouched)  # each round starts from the same market


@pytest.mark.parametrize("field", ["cash", "debt", "defaulted", "totals"])
def test_a_rival_that_cheats_is_found(field, monkeypatch):
    def cheat(market):
        ready = RIVALS["NumPy"](market)

        def result():
            found = ready.result().copy()
            getattr(found, field)[2] += 1e-6
            return found

        return ready._replace(result=result)

    monkeypatch.setitem(RIVALS, "cheat", cheat)
    with pytest.raises(AssertionError, match=r"cheat ends with another|is off by"):
        check_rivals(draw_market(20, WEEKS, seed=3))


def test_all_rounds_are_kept(monkeypatch):
    """Two rounds of a small market: no time is judged, but each is there, and can go to a file."""
    monkeypatch.setattr(rival_benchmark.phase_benchmark, "ROWS", 1000)
    found = rival_benchmark.measure((20,), rounds=2, hashcredit=False)
    names = [each["name"] for each in found["timings"]]
    assert names == list(present()) and set(AGENTS_ONE_BY_ONE) <= set(RIVALS)
    assert all(len(each["microseconds"]) == 2 and min(each["microseconds"]) > 0 for each in found["timings"])
    assert len(found["probes"]) == 2 and found["machine"]["numpy"] == np.__version__
    assert json.loads(json.dumps(found)) == found
    table = rival_benchmark.rivals_table(found)
    assert all(name in table for name in names)
    assert ("AMBER is not installed" in table) == ("AMBER, columns" not in names)  # one line or the other


def test_phases_are_shares_of_all_rounds():
    rounds = [{"cash_flow": 6.0, "covenants": 2.0}, {"cash_flow": 1.0, "covenants": 1.0}]
    assert rival_benchmark.phase_shares(rounds) == {"cash_flow": 0.7, "covenants": 0.3}


def _rows(text):
    """Cells of a table by the first of each line."""
    cells = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")]
    return {first: rest for first, *rest in cells}


def test_the_page_quotes_the_rounds_that_are_kept():
    """Each line of its tables of rivals and of phases, and the file has every round of each."""
    found = json.loads((ROOT / "results" / "reference" / "rivals.json").read_text())
    text = (ROOT / "docs" / "performance.md").read_text()
    rivals = _rows(text.partition("Nanoseconds a borrower")[2].partition("**Quoted")[0])
    phases = _rows(text.partition("| phase | us a week")[2].partition("So a week")[0])
    for timing in map(Timing._make, map(dict.values, found["timings"])):
        assert len(timing.microseconds) == len(found["probes"])
        quoted = rivals[timing.name][0 if timing.borrowers == 120 else 2]
        assert float(quoted.replace(",", "")) == pytest.approx(timing.nanoseconds, rel=0.02)
    assert {timing["name"] for timing in found["timings"]} >= set(RIVALS)
    week = min(sum(each.values()) for each in found["phases"]["120"])
    for phase, share in rival_benchmark.phase_shares(found["phases"]["120"]).items():
        if phase != "opening":
            counts, row = found["traffic"]["phases"][phase], phases[phase.replace("_", " ")]
            assert float(row[0]) == pytest.approx(share * week, abs=0.06)
            assert float(row[1]) == pytest.approx(counts["bytes_read"] / 1e3, abs=0.6)


def test_the_benchmark_is_listed():
    assert "rivals" in benchmark.BENCHMARKS


COUNT = """
import json
import numpy as np
from hashcredit.experiments.tools import phase_traffic
from hashcredit.experiments.tools.phase_traffic import TRAFFIC, count_phases, standing, watched
from hashcredit.simulator.scenario.scenario import Scenario
from hashcredit.simulator.setup.prepare import allocate, clear, prepare
from hashcredit.simulator.state.arrays import STATE
from hashcredit.simulator.week.step import open_economy, run_weeks

ROW = np.dtype((np.record, [("cash", "f8"), ("units", "i8", 3), ("wide", "f8", 20)]))
memory = np.zeros(5 * ROW.itemsize, np.uint8)
start = -memory.ctypes.data % 64  # rows begin with a cache line
TABLE = memory[start : start + 4 * ROW.itemsize].view(ROW)
table = watched(TABLE)
table[1].cash += 2.0
table[1].units[2] = 7
for row in table:
    row.cash
assert TABLE["cash"].tolist() == [0.0, 2.0, 0.0, 0.0] and TABLE["units"][1].tolist() == [0, 0, 7]
by_hand = TRAFFIC.take()

scenario = Scenario.load("baseline_2026").with_changes(
    {"population.miners": 4, "population.neoclouds": 4, "population.brokers": 2, "funding.rule": "path"})
setup = prepare(scenario, 1)
plain = allocate(setup, series=False, events=0)
clear(plain, setup)
open_economy(plain, setup.parameters, 1, 0)
state = {name: array.copy() for name, array in standing(plain).items()}
made = []
def keep(*arguments, **named):
    made.append(allocate(*arguments, **named))
    return made[0]
phase_traffic.allocate = keep
counts = count_phases(setup, [state])
run_weeks(plain, setup.parameters, 1, 0, 1)
tables = [name for name in STATE if name not in ("outcomes", "clock")]  # to which the end of a run writes too
same = [getattr(plain, name).tobytes() == getattr(made[0], name).tobytes() for name in tables]
print(json.dumps({"by_hand": by_hand, "same": same, "counts": counts}))
"""


def test_phases_are_counted_and_not_changed():
    """What a few accesses by hand count, and that a watched week leaves the bits of one that is not."""
    done = subprocess.run(
        [sys.executable, "-c", COUNT],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "NUMBA_DISABLE_JIT": "1"},
    )
    found = json.loads(done.stdout)
    # rows are 192 bytes, so that each row's cash is in another line; row 1's is read twice
    assert found["by_hand"] == {"loads": 5, "stores": 2, "bytes_read": 256, "bytes_written": 64}
    assert found["same"] and all(found["same"])
    flow = found["counts"]["cash_flow"]
    assert flow["operations"] > flow["divisions"] > 0 and flow["loads"] > flow["stores"] > 0
    # at least a line of each of eight borrowers
    assert flow["bytes_written"] >= 64 * 8
    assert found["counts"]["contracts"]["math_calls"] > 0


def test_compiled_phases_cannot_be_counted(monkeypatch):
    from hashcredit.experiments.tools import phase_traffic

    monkeypatch.setattr(phase_traffic.config, "DISABLE_JIT", 0)
    with pytest.raises(RuntimeError, match="NUMBA_DISABLE_JIT=1"):
        phase_traffic.count_phases(None, [])
