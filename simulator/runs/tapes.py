"""Many runs for their loan tapes: each tape is made less where it was written, and the rest is kept."""

import threading
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import NamedTuple

import numpy as np

from hashcredit.simulator.progress import Progress
from hashcredit.simulator.runs.blocks import Block, Kept, run_blocks
from hashcredit.simulator.runs.engine import first_tape, run_replicate
from hashcredit.simulator.scenario.arguments import GivenScenario
from hashcredit.simulator.setup.prepare import Setup, allocate
from hashcredit.simulator.setup.rules import Rule
from hashcredit.simulator.state.codes import ErrorCode


class TapeRun(NamedTuple):
    """What a run leaves to whoever reads its loan tape."""

    setup: Setup
    replicate: int
    tape: np.ndarray
    """TAPE [loan], in the order of making: no copy, the next run is written there."""
    discount: np.ndarray
    """Factors from the first week to the last, by `tape.SPREADS`."""
    outcomes: np.ndarray
    """OUTCOMES of the run, one row: no copy either."""


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
    return run_blocks(
        scenario, seeds, replicates, partial(_kept, keep), rules=rules, threads=threads, progress=progress
    )


def _kept(keep: Callable[[TapeRun], Kept], block: Block, stop: threading.Event) -> list[Kept]:
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
        tape, discount = economy.tape[: economy.clock["loans_made"][0]], economy.market["discount"][0]
        results.append(keep(TapeRun(block.setup, replicate, tape, discount, economy.outcomes)))
    return results
