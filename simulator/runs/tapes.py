"""Many runs for their loan tapes: each tape is made less where it was written, and the rest is kept."""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from itertools import islice
from typing import NamedTuple, TypeVar

import numpy as np

from hashcredit.simulator.progress import Progress, shown
from hashcredit.simulator.runs.engine import first_tape, processors, run_replicate
from hashcredit.simulator.scenario.arguments import GivenScenario, scenario_of, seeds_of, whole_number
from hashcredit.simulator.setup.prepare import Setup, allocate, prepare
from hashcredit.simulator.setup.rules import Rule, Rules
from hashcredit.simulator.state.codes import ErrorCode

BLOCK = 10
"""Replicates that a thread runs in the same tables before it asks for more."""

Kept = TypeVar("Kept")


class TapeRun(NamedTuple):
    """What a run leaves to whoever reads its loan tape."""

    setup: Setup
    replicate: int
    tape: np.ndarray
    """TAPE [loan], in the order of making: no copy, the next run is written there."""
    discount: np.ndarray
    """Factors from the first week to the last, by `tape.SPREADS`."""


class Block(NamedTuple):
    """Some replicates of one seed, and where they stand in the result."""

    setup: Setup
    place: int
    replicates: range


def reduce_tapes(
    scenario: GivenScenario,
    seeds: Iterable[int],
    replicates: int,
    keep: Callable[[TapeRun], Kept],
    *,
    rules: Mapping[str, Rule] | None = None,
    threads: int | None = None,
    progress: Progress = None,
) -> list[list[Kept]]:
    """Run `replicates` of each seed and return what `keep` makes of each loan tape, as [seed][replicate].

    `keep` must not hold on to the tape that it is given. It is called in several threads; the result does not
    depend on their number.
    """
    own, given = Rules.of(rules), scenario_of(scenario)
    chosen = seeds_of(None, seeds)
    replicates = whole_number("replicates", replicates, least=1)
    workers = whole_number("threads", threads, least=1) if threads is not None else processors()
    found: list[list[Kept]] = [[] for _ in chosen]
    stop = threading.Event()

    def blocks() -> Iterator[Block]:
        for place, seed in enumerate(chosen):
            setup = prepare(given, seed, own)
            for first in range(0, replicates, BLOCK):
                yield Block(setup, place, range(first, min(first + BLOCK, replicates)))

    done: dict[tuple[int, int], list[Kept]] = {}
    running: dict[Future[list[Kept]], Block] = {}
    waiting = blocks()
    with shown(progress) as tell, ThreadPoolExecutor(workers) as pool:
        try:
            for block in islice(waiting, workers):
                running[pool.submit(_kept, block, keep, stop)] = block
            while running:
                ended, _ = wait(running, timeout=0.2, return_when=FIRST_COMPLETED)
                for task in ended:
                    block = running.pop(task)
                    done[block.place, block.replicates.start] = task.result()
                    for following in islice(waiting, 1):
                        running[pool.submit(_kept, following, keep, stop)] = following
                    if tell:
                        tell(sum(map(len, done.values())), len(chosen) * replicates)
        except BaseException:
            stop.set()  # running replicates end by themselves within a slice
            raise
    for place, first in sorted(done):
        found[place] += done[place, first]
    return found


def _kept(block: Block, keep: Callable[[TapeRun], Kept], stop: threading.Event) -> list[Kept]:
    """Run a block in one thread; a full tape makes room for twice as many, and the run begins anew."""
    rows = first_tape(block.setup)
    economy = allocate(block.setup, series=False, events=0, tape=rows)
    results: list[Kept] = []
    for replicate in block.replicates:
        run_replicate(economy, block.setup, replicate, stop)
        while economy.clock["error"][0] == ErrorCode.TAPE_FULL:
            rows *= 2
            economy = allocate(block.setup, series=False, events=0, tape=rows)
            run_replicate(economy, block.setup, replicate, stop)
        if stop.is_set():
            break
        tape = economy.tape[: economy.clock["loans_made"][0]]
        results.append(keep(TapeRun(block.setup, replicate, tape, economy.market["discount"][0])))
    return results
