"""Which runs are handed out together."""

import numpy as np

from hashcredit.experiments.execution.blocks import Missing, shard, shard_grain


def test_blocks_are_nested_or_apart():
    rng = np.random.default_rng(3)
    seen = []
    for _ in range(50):
        done = rng.random(300) < rng.random()
        missing, handed = Missing(done), []
        while len(missing):
            block = missing.take(int(rng.integers(1, 80)))
            assert 1 <= len(block) <= block.last - block.first
            handed += block.positions.tolist()
            seen.append((block.first, block.last))
            parts = block.parts()
            assert np.array_equal(np.concatenate([part.positions for part in parts]), block.positions)
            assert len(parts) <= 8 and (len(parts) > 1 or len(block) == 1)
            seen += [(part.first, part.last) for part in parts]
        assert handed == np.flatnonzero(~done).tolist()
    for a, b in seen[:400]:
        assert all(b <= c or d <= a or (a <= c and d <= b) or (c <= a and b <= d) for c, d in seen)


def test_shards_share_everything():
    done = np.zeros(1000, bool)
    done[::3] = True
    grain = shard_grain(1000, 7)
    mine = [~shard(done, index, 7, grain) for index in range(7)]
    assert np.array_equal(np.sum(mine, axis=0), ~done)
    assert max(part.sum() for part in mine) < 1.5 * min(part.sum() for part in mine)
