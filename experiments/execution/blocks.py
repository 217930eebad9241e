"""Which runs are handed out together.

A block is a stretch of the plan whose length is a power of two and whose start is a multiple of its length.
So two blocks are nested or apart, whoever cuts them, and however large they are: an old worker and its
successor can at most do the same work twice, never overlap by half.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

PARTS = 8
"""Blocks that a block falls into when whoever ran it died: few deaths lead to the run that kills."""


@dataclass(frozen=True)
class Block:
    """Runs at some positions of the plan between `first` and `last` - 1."""

    first: int
    last: int
    positions: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.positions)

    def parts(self) -> "list[Block]":
        """The same runs in up to eight smaller blocks, or itself if it is one run."""
        block = self
        while len(block) > 1:
            pieces = list(_cut(block, max(1, (block.last - block.first) // PARTS)))
            if len(pieces) > 1:
                return pieces
            (block,) = pieces
        return [block]


def _cut(block: Block, size: int) -> Iterator[Block]:
    """Blocks of one size that hold any of the runs of a larger block."""
    for first in range(block.first, block.last, size):
        low, high = np.searchsorted(block.positions, (first, first + size))
        if high > low:
            yield Block(first, first + size, block.positions[low:high])


class Missing:
    """Hands out, in order, the runs that are not done."""

    def __init__(self, done: NDArray[np.bool_]) -> None:
        """`done` says for every run of the plan whether it is done, or somebody else's."""
        self._positions = np.flatnonzero(~done)
        self._next = 0

    def __len__(self) -> int:
        return len(self._positions) - self._next

    def take(self, runs: int) -> Block:
        """The block with the next run that has room for at most `runs`; there must be one."""
        start = int(self._positions[self._next])
        size = 1 << max(0, int(runs).bit_length() - 1)
        first = start - start % size
        end = int(np.searchsorted(self._positions, first + size))
        block = Block(first, first + size, self._positions[self._next : end])
        self._next = end
        return block


def shard(done: NDArray[np.bool_], index: int, count: int, grain: int) -> NDArray[np.bool_]:
    """What one of `count` workers that never talk to each other need not do, shard numbers from 0.

    Stretches of `grain` runs go to the shards in turn, whatever is done already: a shard that starts late
    has the same share.
    """
    others: NDArray[np.bool_] = (np.arange(len(done)) // grain) % count != index
    return np.logical_or(done, others)


def shard_grain(runs: int, count: int, most: int = 4096) -> int:
    """Length of the stretches that go to `count` shards in turn: a power of two, eight or more a shard."""
    wanted = max(1, min(most, runs // (8 * count)))
    return 1 << (wanted.bit_length() - 1)
