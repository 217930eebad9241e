"""Many runs of a scenario on several seeds, for whoever wants more of each than its summary."""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from itertools import islice
from typing import NamedTuple, TypeVar

from hashcredit.simulator.progress import Progress, shown
from hashcredit.simulator.runs.engine import processors
from hashcredit.simulator.scenario.arguments import GivenScenario, scenario_of, seeds_of, whole_number
from hashcredit.simulator.setup.prepare import Setup, prepare
from hashcredit.simulator.setup.rules import Rule, Rules

BLOCK = 10
"""Replicates that a thread runs in the same tables before it asks for more."""

Kept = TypeVar("Kept")


class Block(NamedTuple):
    """Some replicates of one seed, and where they stand in the result."""

    setup: Setup
    place: int
    replicates: range


def run_blocks(
    scenario: GivenScenario,
    seeds: Iterable[int],
    replicates: int,
    work: Callable[[Block, threading.Event], list[Kept]],
    *,
    rules: Mapping[str, Rule] | None = None,
    threads: int | None = None,
    progress: Progress = None,
) -> list[list[Kept]]:
    """What `work` makes of each replicate of each seed, as [seed][replicate].

    `work` is given a block and an event; it returns one entry a replicate, or stops early when the event is
    set. It is called in several threads; the result does not depend on their number.
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
                running[pool.submit(work, block, stop)] = block
            while running:
                ended, _ = wait(running, timeout=0.2, return_when=FIRST_COMPLETED)
                for task in ended:
                    block = running.pop(task)
                    done[block.place, block.replicates.start] = task.result()
                    for following in islice(waiting, 1):
                        running[pool.submit(work, following, stop)] = following
                    if tell:
                        tell(sum(map(len, done.values())), len(chosen) * replicates)
        except BaseException:
            stop.set()  # running replicates end by themselves within a slice
            raise
    for place, first in sorted(done):
        found[place] += done[place, first]
    return found
