"""What an agent and week cost in markets of several sizes: the same weeks, with more of everybody.

The first half-year is run after the opening, whose time is left out. Lenders grow with the market up to a
bound, and links of an agent are as many in each market.
"""

import time

from hashcredit.simulator.runs.engine import run_replicate
from hashcredit.simulator.scenario.scenario import Scenario
from hashcredit.simulator.setup.prepare import allocate, clear, prepare
from hashcredit.simulator.week.step import open_economy, run_weeks

SIZES = (120, 1_000, 10_000, 100_000)
"""Borrowers."""
WEEKS = 26
MOST_ROUNDS = 40
LEAST_SECONDS = 4.0
"""Processor time for which a size is repeated, after one round in any case."""
LENDERS = {"population.banks": 60, "population.private_credit": 120, "population.bond_funds": 60}
"""At most."""


def market(borrowers: int) -> Scenario:
    """A market of so many borrowers, half of them miners, lenders in proportion and the baseline's buyers.

    borrowers    at least those of the baseline
    """
    baseline = Scenario.load()
    times = borrowers / (baseline.population.miners + baseline.population.neoclouds)
    changes: dict[str, object] = {
        "population.miners": borrowers // 2,
        "population.neoclouds": borrowers - borrowers // 2,
        "horizon_weeks": WEEKS,
    }
    for field, most in LENDERS.items():
        count = getattr(baseline.population, field.split(".")[1])
        changes[field] = max(count, min(most, round(count * times)))
    return baseline.with_changes(changes)


def nanoseconds(borrowers: int) -> float:
    """Processor time (ns) of an agent and week: the least of some rounds."""
    setup = prepare(market(borrowers), seed=1)
    economy = allocate(setup, series=False, events=0)
    run_replicate(economy, setup, 0)
    best, spent = float("inf"), 0.0
    for replicate in range(MOST_ROUNDS):
        clear(economy, setup)
        open_economy(economy, setup.parameters, setup.seed, replicate)
        started = time.process_time()
        run_weeks(economy, setup.parameters, setup.seed, replicate, WEEKS)
        seconds = time.process_time() - started
        best, spent = min(best, seconds), spent + seconds
        if spent > LEAST_SECONDS:
            break
    return 1e9 * best / setup.agents / WEEKS


def scale(sizes: tuple[int, ...] = SIZES) -> str:
    """A line for each size."""
    found = {size: nanoseconds(size) for size in sizes}
    base = found[sizes[min(1, len(sizes) - 1)]]
    return "".join(
        f"\n{size:9,} borrowers {value:8.0f} ns an agent and week, {value / base:.2f} times that of "
        f"{sizes[min(1, len(sizes) - 1)]:,}"
        for size, value in found.items()
    )
