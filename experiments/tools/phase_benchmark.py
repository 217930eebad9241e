"""Where a week goes: time of each phase, read from the processor's own counter inside compiled code.

A phase that is called from Python costs several times what it does, so the weeks are compiled once more with
a clock between the phases. Beside them stand two probes of the same minutes, to which a week can be held: a
fixed rule over a table of borrowers, one thread, and a copy of memory.
"""

import time
from typing import Any, NamedTuple

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from hashcredit.simulator.runs.engine import run_replicate
from hashcredit.simulator.scenario.scenario import Scenario
from hashcredit.simulator.setup.prepare import Setup, allocate, clear, prepare
from hashcredit.simulator.state.economy import Economy
from hashcredit.simulator.week.regimes import enter_week
from hashcredit.simulator.week.step import PHASES, open_economy

ROUNDS, REPLICATES = 5, 20
ROWS = 1_000_000
"""Of the tables of both probes: 8 MB a column, more than a core's caches hold."""
LARGEST_RESIDUAL = 1e-9


class Costs(NamedTuple):
    """The least over all rounds."""

    phases: dict[str, float]
    """Microseconds a week, with the opening of a run spread over its weeks."""
    agents: int
    rule: float
    """Evaluations of the probe's rule a second."""
    copy: float
    """Bytes copied a second."""


@intrinsic
def _cycles(typing_context: Any) -> Any:
    """The processor's counter of cycles."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = ir.FunctionType(ir.IntType(64), [])
        return builder.call(builder.module.declare_intrinsic("llvm.readcyclecounter", (), kind), [])

    return types.int64(), generate


def clocked_weeks() -> Any:
    """`run_weeks` with a clock: adds the cycles of each phase to `spent`."""
    used: dict[str, Any] = {"enter_week": enter_week, "cycles": _cycles}
    used |= {f"phase_{place}": phase for place, phase in enumerate(PHASES)}
    lines = [
        "def clocked(economy, parameters, seed, replicate, weeks, spent):",
        "    for _ in range(weeks):",
        "        p = parameters[enter_week(economy, parameters)]",
        "        before = cycles()",
    ]
    for place in range(len(PHASES)):
        lines += [
            f"        phase_{place}(economy, p, seed, replicate)",
            "        now = cycles()",
            f"        spent[{place}] += now - before",
            "        before = now",
        ]
    lines.append("        economy.clock[0].week += 1")
    exec("\n".join(lines), used)
    return numba.njit(error_model="numpy")(used["clocked"])


@numba.njit
def rule(cash: Any, owed: Any, rate: Any, out: Any) -> None:
    """A borrower's fixed rule: pay interest and a fiftieth of what is owed, as far as cash goes."""
    for b in range(cash.shape[0]):
        due = owed[b] * (0.02 + rate[b] / 52.0)
        out[b] = cash[b] - (due if cash[b] >= due else cash[b])


def fastest(work: Any, rounds: int = 7) -> float:
    """Seconds of the fastest of some calls; one before them compiles."""
    work()
    seconds = []
    for _ in range(rounds):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return min(seconds)


def clocked_round(
    clocked: Any, economy: Economy, setup: Setup, spent: NDArray[np.int64], replicates: int = REPLICATES
) -> list[float]:
    """Microseconds a week of each phase and of the opening, over some replicates."""
    spent[:] = 0
    opening, weeks = 0.0, setup.scenario.horizon_weeks
    started = time.perf_counter()
    for replicate in range(replicates):
        before = time.perf_counter()
        clear(economy, setup)
        open_economy(economy, setup.parameters, setup.seed, replicate)
        opening += time.perf_counter() - before
        clocked(economy, setup.parameters, setup.seed, replicate, weeks, spent)
    in_weeks = time.perf_counter() - started - opening
    each = spent / spent.sum() * in_weeks
    return [1e6 * seconds / replicates / weeks for seconds in (*each, opening)]


def phase_costs(scenario: str = "baseline_2026") -> Costs:
    """Measure the phases of a scenario and both probes in turn; the books of a run are checked before."""
    setup = prepare(Scenario.load(scenario), seed=1)
    economy = allocate(setup, series=False, events=0)
    run_replicate(economy, setup, 0)
    residual = float(economy.outcomes[0]["money_residual"])
    if not residual < LARGEST_RESIDUAL:
        raise AssertionError(f"money_residual is {residual}: what is timed does not keep its books")
    clocked, spent = clocked_weeks(), np.zeros(len(PHASES), np.int64)
    clocked(economy, setup.parameters, setup.seed, 0, 0, spent)
    rng = np.random.default_rng(0)
    cash, owed, rate, out = rng.random((4, ROWS))
    rules, copies, rounds = [], [], []
    for _ in range(ROUNDS):
        rounds.append(clocked_round(clocked, economy, setup, spent))
        rules.append(fastest(lambda: rule(cash, owed, rate, out)))
        copies.append(fastest(lambda: np.copyto(out, cash)))
    least = np.min(rounds, axis=0).tolist()
    names = [*(phase.__name__ for phase in PHASES), "opening"]
    return Costs(
        dict(zip(names, least, strict=True)), setup.agents, ROWS / min(rules), 2 * 8 * ROWS / min(copies)
    )


def phases(scenario: str = "baseline_2026") -> str:
    """A table of the phases, the week in evaluations of the probe's rule, and the bandwidth of a copy."""
    costs = phase_costs(scenario)
    week = sum(costs.phases.values())
    lines = [f"{name:18s} {each:7.2f} us a week  {each / week:5.1%}" for name, each in costs.phases.items()]
    steps = costs.agents / week
    whole = f"{scenario}, {costs.agents} agents: {steps:.2f} million agent-steps a second"
    share = f"agent-steps are {1e6 * steps / costs.rule:.4f} of it"
    lines.append(f"{'week':18s} {week:7.2f} us ({whole})")
    lines.append(f"{'rule probe':18s} {costs.rule / 1e6:7.0f} million evaluations a second; {share}")
    lines.append(f"{'copy':18s} {costs.copy / 1e9:7.1f} GB a second, read and written")
    return "\n" + "\n".join(lines)
