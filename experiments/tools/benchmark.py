"""Whole-scenario benchmarks: speed on one core, compilation, warm start, preparation and memory of a large
market, what a study costs besides its runs.

`make bench` runs all of them; `python -m hashcredit.experiments.tools.benchmark speed` one. They print
figures and judge nothing: machines differ, so compare runs on one machine, taken in turn.
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from hashcredit.experiments.execution.threads import THREAD_VARIABLES

COMMAND = (sys.executable, "-m", "hashcredit.experiments.commands.process")
REPLICATES = 40
ROUNDS = 7


def speed(scenario: str = "baseline_2026") -> str:
    """Agent-steps a second of one core: borrowers, lenders and buyers times weeks, opening included."""
    from hashcredit.simulator.runs.engine import run_replicate
    from hashcredit.simulator.scenario.scenario import Scenario
    from hashcredit.simulator.setup.prepare import allocate, prepare

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


def phases() -> str:
    """What each phase of a week takes; see `phase_benchmark`."""
    from hashcredit.experiments.tools.phase_benchmark import phases as table

    return table()


def rivals() -> str:
    """A simple week in other frameworks, and phases beside the machine's limits; see `rival_benchmark`."""
    from hashcredit.experiments.tools.rival_benchmark import rivals as tables

    return tables()


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
    """Processor seconds of `hashcredit run` for one replicate, compiled before, that writes nothing."""
    times = []
    for _ in range(ROUNDS):
        before = _children_seconds()
        _ = _seconds(["run", "--seeds", "1", "--replicates", "1", "--quiet"])
        times.append(_children_seconds() - before)
    return (
        f"{min(times):.2f} s of a processor at best, median {statistics.median(times):.2f} "
        "(a whole `hashcredit run` of one replicate)"
    )


LARGE = """
import resource, time
from hashcredit.simulator import Scenario, simulate_many
from hashcredit.simulator.setup.prepare import prepare
large = Scenario.load().with_changes({
    'population.miners': 50000, 'population.neoclouds': 50000, 'population.banks': 60,
    'population.private_credit': 120, 'population.bond_funds': 60, 'horizon_weeks': 4})
_ = prepare(Scenario.load(), 1)  # loads what is compiled
started = time.process_time()
"""
"""A market of 100,000 borrowers."""


def preparation() -> str:
    """Processor seconds in which a market of 100,000 borrowers is prepared: numbers, paths, networks."""
    code = "prepare(large, 1)\nprint(f'{time.process_time() - started:.2f} s')"
    return f"preparing 100,000 borrowers: {_python(LARGE + code)}"


def scale() -> str:
    """Processor time of an agent and week in markets of several sizes."""
    from hashcredit.experiments.tools.scale_benchmark import scale as table

    return table()


def memory() -> str:
    """Peak memory of a process that opens a market of 100,000 borrowers and runs four weeks of it."""
    code = (
        "simulate_many(large, replicates=1)\n"
        "peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20\n"
        "print(f'{peak:.2f} GiB, {time.process_time() - started:.0f} s')"
    )
    return f"peak memory with 100,000 borrowers: {_python(LARGE + code)}"


STUDY = """scenario = "baseline_2026"
seed = 1
replicates = 10000
"""

PLANNED = """scenario = "baseline_2026"
seed = 1
replicates = 1000
[design]
kind = "sobol"
points = 1024
[factors]
"shocks.btc_volatility" = { low = 0.5, high = 0.8 }
"credit.policy_rate" = { low = 0.02, high = 0.06 }
"""


def study() -> str:
    """What a study of 10,000 runs of the baseline takes on all processors besides the runs themselves."""
    import pyarrow.parquet as pq

    with tempfile.TemporaryDirectory() as folder:
        file, store = Path(folder, "study.toml"), Path(folder, "store")
        file.write_text(STUDY)
        wall = _seconds(["sweep", file, "--out", store])
        rows = pq.read_table(store / "runs", columns=["run_seconds", "host_and_pid"])
    workers = len(rows["host_and_pid"].unique())
    kernels = sum(rows["run_seconds"].to_pylist()) / workers
    return (
        f"{len(rows):,} runs in {wall:.1f} s on {workers} processes, of which kernels {kernels:.1f} s: "
        f"{100 * (wall / kernels - 1):.1f} % for start, orchestration and storage"
    )


def plan() -> str:
    """Seconds until `hashcredit sweep` and `status` answer for a study of a million runs."""
    times = {}
    with tempfile.TemporaryDirectory() as folder:
        file, store = Path(folder, "study.toml"), Path(folder, "store")
        file.write_text(PLANNED)
        _ = _seconds(["sweep", file, "--plan"])
        times["plan"] = _seconds(["sweep", file, "--plan"])
        times["first start"] = _until_at_work(file, store)
        times["resume"] = _until_at_work(file, store)
        times["status"] = _seconds(["status", store])
    return "1,024,000 runs: " + ", ".join(f"{name} {seconds:.1f} s" for name, seconds in times.items())


def _children_seconds() -> float:
    """Processor seconds of all processes that were started here and have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _seconds(words: Sequence[object]) -> float:
    started = time.perf_counter()
    subprocess.run([*COMMAND, *map(str, words)], check=True, capture_output=True)
    return time.perf_counter() - started


def _until_at_work(file: Path, store: Path) -> float:
    """Seconds until a sweep has written one more chunk; it is then ended."""
    before = len(list(store.glob("runs/*")))
    started = time.perf_counter()
    process = subprocess.Popen([*COMMAND, "sweep", str(file), "--out", str(store), "--quiet"])
    while len(list(store.glob("runs/*"))) <= before and process.poll() is None:
        time.sleep(0.01)
    seconds = time.perf_counter() - started
    process.kill()
    process.wait()
    return seconds


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
    "phases": phases,
    "rivals": rivals,
    "compilation": compilation,
    "warm-start": warm_start,
    "preparation": preparation,
    "scale": scale,
    "memory": memory,
    "study": study,
    "plan": plan,
}


def named(known: Collection[str], about: str | None, arguments: list[str] | None) -> list[str]:
    """Names on the command line out of those known; all of them if there is none."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(known)}; default: all")
    names: list[str] = parser.parse_args(arguments).names
    unknown = [name for name in names if name not in known]
    if unknown:
        parser.error(f"unknown name {unknown[0]!r}; there are {', '.join(known)}")
    return names or list(known)


def main(arguments: list[str] | None = None) -> int:
    """Run the named benchmarks, or all of them."""
    for name in named(BENCHMARKS, __doc__, arguments):
        print(f"{name:12s} {BENCHMARKS[name]()}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
