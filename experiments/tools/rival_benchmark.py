"""How far hashcredit is from the limit, and from what else a modeller could use: one process, taken in turn.

`python -m hashcredit.experiments.tools.rival_benchmark` times the simple week of `rival_market` in plain
NumPy, a compiled loop, Mesa and AMBER, and in the same rounds hashcredit's own weeks, phase by phase, a probe
of a rule and copies of memory. Every rival has to end with the same money as NumPy before anything is timed,
and hashcredit has to keep its books. Only weeks are inside the clock: no import, compilation, preparation or
building of agents, and nothing is recorded; hashcredit's whole week holds its share of the opening of a run.
Times are processor time of the process, threads included, the best of all rounds; `--json` keeps every round.
Compare figures of one run alone. AMBER is left out where it is not installed (see the extra `rivals`).
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from hashcredit.experiments.tools import phase_benchmark, phase_traffic, rival_frameworks
from hashcredit.experiments.tools.rival_frameworks import Ready
from hashcredit.experiments.tools.rival_market import Market, check_money, check_same, draw_market
from hashcredit.simulator.runs.engine import run_replicate
from hashcredit.simulator.scenario.scenario import Scenario
from hashcredit.simulator.setup.prepare import allocate, clear, prepare
from hashcredit.simulator.week.step import PHASES, open_economy, run_weeks

BORROWERS = (120, 10_000)
WEEKS = 26
ROUNDS = 15
"""Many and short: on a machine that others use too the best of them is the least disturbed."""
MOST_STEPS = 20_000
"""Borrowers times weeks of one timing of a rival that takes its agents one by one."""
REPLICATES = 4
"""Of the baseline in a round."""
LEAST_SECONDS = 0.01
"""A timing that is shorter is repeated on fresh markets until it has lasted this long."""
CACHED_ROWS = 8_000
"""64 KB a column: a copy within a core's second cache, where the baseline's tables live too."""
OURS = ("cash_flow", "covenants")
"""Phases of hashcredit that do what the simple week does."""

RIVALS: dict[str, Callable[[Market], Ready]] = {
    "Numba, one loop": rival_frameworks.with_numba,
    "NumPy": rival_frameworks.with_numpy,
    "AMBER, columns": partial(rival_frameworks.with_amber, by_agent=False),
    "AMBER, agents": partial(rival_frameworks.with_amber, by_agent=True),
    "Mesa, do": partial(rival_frameworks.with_mesa, shuffled=False),
    "Mesa, shuffle_do": partial(rival_frameworks.with_mesa, shuffled=True),
}
AGENTS_ONE_BY_ONE = ("AMBER, agents", "Mesa, do", "Mesa, shuffle_do")


COUNTED_WEEKS = (13, 52, 91, 130)
"""Of the baseline, seed 1, replicate 0, in which traffic is counted."""
LARGER = {"population.banks": 60, "population.private_credit": 120, "population.bond_funds": 60}
"""Lenders of the larger market, as in the other benchmarks."""
OPERATIONS_OF_THE_RULE = 5
"""Of the probe's rule, counted as `phase_traffic` counts."""


class Timing(NamedTuple):
    """What was timed, and how long each round took."""

    name: str
    borrowers: int
    agents: int
    """That a step counts: borrowers, with hashcredit's whole week lenders and buyers too."""
    weeks: int
    microseconds: list[float]
    """A week, by round."""

    @property
    def nanoseconds(self) -> float:
        """Of the best round, an agent and week."""
        return 1e3 * min(self.microseconds) / self.agents


def present() -> dict[str, Callable[[Market], Ready]]:
    """The rivals that are installed."""
    has_amber = rival_frameworks.has_amber()
    return {name: build for name, build in RIVALS.items() if has_amber or not name.startswith("AMBER")}


def check_rivals(market: Market) -> None:
    """Raise unless all rivals that are installed keep the money together and agree with NumPy."""
    expected = rival_frameworks.with_numpy(market)
    expected.run()
    check_money(market, expected.result())
    if not 0.0 < expected.result().defaulted.mean() < 1.0:
        raise AssertionError("a market in which none or all default checks little")
    for name, build in present().items():
        ready = build(market)
        ready.run()
        check_money(market, ready.result())
        check_same(name, ready.result(), expected.result())


def _microseconds(build: Callable[[Market], Ready], market: Market) -> float:
    """Processor time of a week of a rival; markets are built outside the clock."""
    spent, runs = 0.0, 0
    while spent < LEAST_SECONDS:
        ready = build(market)
        started = time.process_time()
        ready.run()
        spent += time.process_time() - started
        runs += 1
    return 1e6 * spent / runs / market.weeks


class Hashcredit:
    """The baseline with a clock between its phases; larger ones have more lenders too."""

    def __init__(self, borrowers: int, clocked: Any) -> None:
        scenario = Scenario.load("baseline_2026")
        if borrowers != BORROWERS[0]:
            scenario = scenario.with_changes({**LARGER, "horizon_weeks": WEEKS})
            half = borrowers // 2
            scenario = scenario.with_changes({"population.miners": half, "population.neoclouds": half})
        self.setup = prepare(scenario, seed=1)
        self.replicates = REPLICATES if borrowers == BORROWERS[0] else 1
        self._clocked = clocked
        self._economy = allocate(self.setup, series=False, events=0)
        self._spent = np.zeros(len(PHASES), np.int64)
        clocked(self._economy, self.setup.parameters, 1, 0, 0, self._spent)  # compiles
        run_replicate(self._economy, self.setup, 0)
        residual = float(self._economy.outcomes[0]["money_residual"])
        if not residual < phase_benchmark.LARGEST_RESIDUAL:
            raise AssertionError(f"money_residual is {residual}: what is timed does not keep its books")

    def time(self) -> dict[str, float]:
        """Microseconds of processor time a week of each phase and of the opening."""
        started = time.perf_counter(), time.process_time()
        each = phase_benchmark.clocked_round(
            self._clocked, self._economy, self.setup, self._spent, self.replicates
        )
        # the counter of cycles goes on while other processes have the processor
        share = (time.process_time() - started[1]) / (time.perf_counter() - started[0])
        names = [*(phase.__name__ for phase in PHASES), "opening"]
        return dict(zip(names, (share * one for one in each), strict=True))


class Probes:
    """What the machine can do in the same minutes: a rule a row, a copy in memory, a copy in cache."""

    def __init__(self) -> None:
        self._columns = np.random.default_rng(0).random((4, phase_benchmark.ROWS))
        self._small = self._columns[:2, :CACHED_ROWS].copy()

    def time(self) -> dict[str, float]:
        """Evaluations a second, and bytes read and written a second of both copies."""
        rows, columns, small = phase_benchmark.ROWS, self._columns, self._small
        fastest = phase_benchmark.fastest

        def copy_small() -> None:
            for _ in range(100):
                np.copyto(small[1], small[0])

        return {
            "rule": rows / fastest(lambda: phase_benchmark.rule(*columns)),
            "copy": 16 * rows / fastest(lambda: np.copyto(columns[3], columns[0])),
            "cached_copy": 16 * 100 * CACHED_ROWS / fastest(copy_small),
        }


def measure(
    sizes: tuple[int, ...] = BORROWERS, rounds: int = ROUNDS, *, hashcredit: bool = True
) -> dict[str, Any]:
    """All timings, rounds in turn; raises before the first one if what is timed is wrong."""
    markets = {size: draw_market(size, WEEKS) for size in sizes}
    short = {size: draw_market(size, max(1, min(WEEKS, MOST_STEPS // size))) for size in sizes}
    for size in sizes:
        check_rivals(markets[size])
    clocked = phase_benchmark.clocked_weeks() if hashcredit else None
    own = {size: Hashcredit(size, clocked) for size in sizes} if hashcredit else {}
    probes = Probes()
    timings: list[Timing] = []
    for size in sizes:
        for name in present():
            weeks = (short if name in AGENTS_ONE_BY_ONE else markets)[size].weeks
            timings.append(Timing(name, size, size, weeks, []))
    phases: dict[int, list[dict[str, float]]] = {size: [] for size in own}
    probed = []
    load = [os.getloadavg()[0]]
    for _ in range(rounds):
        probed.append(probes.time())
        for timing in timings:
            chosen = short if timing.name in AGENTS_ONE_BY_ONE else markets
            timing.microseconds.append(_microseconds(RIVALS[timing.name], chosen[timing.borrowers]))
        for size, ours in own.items():
            phases[size].append(ours.time())
    load.append(os.getloadavg()[0])
    for size, ours in own.items():
        setup, taken = ours.setup, phases[size]
        weeks, whole = setup.scenario.horizon_weeks, [sum(each.values()) for each in taken]
        shares = phase_shares(taken)
        parts = [sum(shares[name] for name in OURS) * each for each in whole]
        timings.append(Timing("hashcredit, those two phases", size, setup.borrowers, weeks, parts))
        timings.append(Timing("hashcredit, whole week", size, setup.agents, weeks, whole))
    return {
        "machine": machine(),
        "load_average": load,
        "timings": [timing._asdict() for timing in timings],
        "phases": {str(size): taken for size, taken in phases.items()},
        "probes": probed,
    }


def phase_shares(rounds: list[dict[str, float]]) -> dict[str, float]:
    """Of the week, over all rounds: in one round other processes are charged to some phase by chance."""
    sums = {name: sum(each[name] for each in rounds) for name in rounds[0]}
    return {name: one / sum(sums.values()) for name, one in sums.items()}


def machine() -> dict[str, Any]:
    """Processor and versions."""
    found = {"python": platform.python_version(), "processors": len(os.sched_getaffinity(0))}
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    found["processor"] = names[0] if names else platform.processor()
    for package in ("hashcredit", "numpy", "numba", "mesa", "ambr", "polars"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def traffic() -> dict[str, Any]:
    """Counts of `phase_traffic` in weeks of the baseline, from a process in which nothing is compiled."""
    setup = prepare(Scenario.load("baseline_2026"), seed=1)
    economy = allocate(setup, series=False, events=0)
    clear(economy, setup)
    open_economy(economy, setup.parameters, setup.seed, 0)
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1"}
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for week in COUNTED_WEEKS:
            run_weeks(economy, setup.parameters, setup.seed, 0, week - int(economy.clock[0]["week"]))
            files.append(str(Path(folder, f"{week}.npz")))
            np.savez(files[-1], **phase_traffic.standing(economy))
        command = [sys.executable, "-m", phase_traffic.__name__, setup.scenario.name, *files]
        done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    return {"weeks": COUNTED_WEEKS, "phases": json.loads(done.stdout)}


def rivals_table(found: dict[str, Any]) -> str:
    """Rivals and hashcredit, the best round of each."""
    timings = [Timing(**each) for each in found["timings"]]
    lines = []
    for size in sorted({timing.borrowers for timing in timings}):
        floor = next(t for t in timings if t.borrowers == size and t.name == "Numba, one loop").nanoseconds
        head = f"{size:,} borrowers"
        lines.append(f"{head:34s} {'ns a step':>12s} {'million steps/s':>16s} {'times the loop':>15s}")
        for timing in (t for t in timings if t.borrowers == size):
            each = timing.nanoseconds
            lines.append(f"  {timing.name:32s} {each:12.1f} {1e3 / each:16.3f} {each / floor:15.1f}")
    if found["machine"]["ambr"] == "not installed":
        lines.append("AMBER is not installed and was left out: pip install 'hashcredit[rivals]'")
    return "\n".join(lines)


def limits_table(found: dict[str, Any], size: int = BORROWERS[0]) -> str:
    """Phases of the baseline beside what they touch and work out, against the probes of the same run."""
    counts = found["traffic"]["phases"]
    taken = found["phases"][str(size)]
    week = min(sum(each.values()) for each in taken)
    best = {name: share * week for name, share in phase_shares(taken).items()}
    probe = {name: max(each[name] for each in found["probes"]) for name in found["probes"][0]}
    speeds = f"rule {probe['rule'] / 1e6:.0f} million evaluations, copy {probe['copy'] / 1e9:.1f} GB"
    head = f"{'phase':17s}{'us':>7s}{'KB in':>7s}{'KB out':>7s}{'loads':>8s}{'stores':>8s}{'oper.':>8s}"
    lines = [
        f"{speeds}, copy in cache {probe['cached_copy'] / 1e9:.1f} GB a second, read and written",
        f"{head}{'GB/s':>7s}{'of copy':>8s}{'in cache':>9s}{'oper./ns':>9s}{'of rule':>8s}",
    ]
    total = {what: sum(each[what] for each in counts.values()) for what in counts["cash_flow"]}
    for name, count in [*counts.items(), ("week", total)]:
        spent = sum(best[each] for each in counts) if name == "week" else best[name]
        moved = count["bytes_read"] + count["bytes_written"]
        speed = 1e6 * moved / spent
        lines.append(
            f"{name:17s}{spent:7.2f}{count['bytes_read'] / 1e3:7.0f}{count['bytes_written'] / 1e3:7.0f}"
            f"{count['loads']:8.0f}{count['stores']:8.0f}{count['operations']:8.0f}{speed / 1e9:7.1f}"
            f"{speed / probe['copy']:8.2f}{speed / probe['cached_copy']:9.2f}"
            f"{count['operations'] / spent / 1e3:9.2f}"
            f"{1e6 * count['operations'] / spent / (OPERATIONS_OF_THE_RULE * probe['rule']):8.2f}"
        )
    return "\n".join(lines)


def rivals() -> str:
    """Both tables."""
    found = {**measure(), "traffic": traffic()}
    return f"\n{rivals_table(found)}\n{limits_table(found)}"


def main(arguments: list[str] | None = None) -> int:
    """Measure, print, and keep all rounds if asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--json", type=Path, metavar="FILE", help="for the raw figures of all rounds")
    given = parser.parse_args(arguments)
    found = {**measure(rounds=given.rounds), "traffic": traffic()}
    print(f"{rivals_table(found)}\n{limits_table(found)}")
    if given.json:
        given.json.write_text(json.dumps(found, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
