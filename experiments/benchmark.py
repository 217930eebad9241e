"""Whole-scenario benchmarks: speed on one core, compilation, warm start, memory of a large market.

`make bench` runs all of them; `python -m hashcredit.experiments.benchmark speed` one. They print figures and
judge nothing: machines differ, so compare runs on one machine, taken in turn.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

THREAD_VARIABLES = ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
REPLICATES = 40
ROUNDS = 7


def speed(scenario: str = "baseline_2026") -> str:
    """Agent-steps a second of one core: borrowers, lenders and buyers times weeks, opening included."""
    from hashcredit.simulator.engine import run_replicate
    from hashcredit.simulator.scenario import Scenario
    from hashcredit.simulator.state import allocate, prepare

    setup = prepare(Scenario.load(scenario), seed=1)
    economy = allocate(setup, series=False, events=0)
    run_replicate(economy, setup, 0)  # compile or load
    rates = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        for replicate in range(REPLICATES):
            run_replicate(economy, setup, replicate)
        seconds = time.perf_counter() - started
        rates.append(REPLICATES * setup.agents * setup.scenario.horizon_weeks / seconds / 1e6)
    median = statistics.median(rates)
    return (
        f"{max(rates):.2f} million agent-steps a second a core at best, median {median:.2f} "
        f"({scenario}: {setup.agents} agents, {setup.agents / median:.1f} microseconds a week)"
    )


def compilation() -> str:
    """Seconds of the first run in an empty cache, less those of the second, in a process of their own."""
    code = (
        "import time; from hashcredit.simulator import simulate; times = []\n"
        "for _ in range(2):\n"
        "    started = time.perf_counter(); simulate(); times.append(time.perf_counter() - started)\n"
        "print(times[0] - times[1])"
    )
    with tempfile.TemporaryDirectory() as folder:
        seconds = float(_python(code, HASHCREDIT_CACHE_DIR=folder))
    return f"{seconds:.1f} s for the first call (all kernels compiled into an empty cache)"


def warm_start() -> str:
    """Seconds of `hashcredit run` for one replicate without figures, its kernels compiled before."""
    command = [sys.executable, "-m", "hashcredit.experiments.cli", "run", "--replicates", "1", "--quiet"]
    times = []
    for _ in range(4):
        started = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        times.append(time.perf_counter() - started)
    return f"{statistics.median(times[1:]):.2f} s for a whole `hashcredit run` of one replicate"


def memory() -> str:
    """Peak memory of a process that opens a market of 100,000 borrowers and runs four weeks of it."""
    code = (
        "import resource, time; from hashcredit.simulator import Scenario, simulate_many\n"
        "changes = {'population.miners': 50000, 'population.neoclouds': 50000, 'population.banks': 60,\n"
        "           'population.private_credit': 120, 'population.bond_funds': 60, 'horizon_weeks': 4}\n"
        "started = time.perf_counter()\n"
        "simulate_many(Scenario.load().with_changes(changes), replicates=1)\n"
        "peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20\n"
        "print(f'{peak:.2f} GiB, {time.perf_counter() - started:.0f} s')"
    )
    return f"peak memory with 100,000 borrowers: {_python(code)}"


def _python(code: str, **environment: str) -> str:
    """Output of a fresh interpreter with one thread."""
    single = dict.fromkeys(THREAD_VARIABLES, "1")
    done = subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, **single, **environment},
    )
    return done.stdout.strip()


BENCHMARKS: dict[str, Callable[[], str]] = {
    "speed": speed,
    "compilation": compilation,
    "warm-start": warm_start,
    "memory": memory,
}


def main(arguments: list[str] | None = None) -> int:
    """Run the named benchmarks, or all of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHMARKS)}; default: all")
    names = parser.parse_args(arguments).names or list(BENCHMARKS)
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        parser.error(f"unknown benchmark {unknown[0]!r}; there are {', '.join(BENCHMARKS)}")
    for name in names:
        print(f"{name:12s} {BENCHMARKS[name]()}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
