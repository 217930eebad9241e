"""A sealed file is read as it was written, in its place, or not at all."""

import errno
import os
import random
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hashcredit.experiments.store.sealed import (
    NotWholeError,
    check_sealed,
    naming,
    open_sealed,
    read_sealed,
    seal_table,
    sealed_columns,
)

TABLE = pa.table({"run_id": ["aa", "bb"], "defaults": [1, 2], "creditor_loss_musd": [0.5, None]})
PLACE = "runs/chunk-0.parquet {}"


@pytest.fixture
def path(tmp_path):
    (tmp_path / "runs").mkdir()
    target = tmp_path / "runs" / "chunk-0.parquet"
    target.write_bytes(seal_table(TABLE, PLACE))
    return target


def test_it_is_parquet_like_any_other(path):
    assert pq.read_table(path, partitioning=None).equals(TABLE)
    assert read_sealed(path, PLACE).equals(TABLE)
    assert read_sealed(path, PLACE, ["defaults", "unknown"]).column_names == ["defaults"]
    assert open_sealed(path, PLACE).schema_arrow.equals(TABLE.schema)
    assert sealed_columns(path, PLACE) == TABLE.column_names
    check_sealed(path, PLACE, whole=True)


def test_no_bit_can_change_unnoticed(path):
    """All bits of the footer, since one there may rename a column, and a sample of those before it."""
    content = path.read_bytes()
    start = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
    bits = [
        *range(8 * start, 8 * len(content)),
        *random.Random(0).sample(range(8 * start), min(400, 8 * start)),
    ]
    for bit in bits:
        changed = bytearray(content)
        changed[bit // 8] ^= 1 << bit % 8
        path.write_bytes(changed)
        with pytest.raises(NotWholeError, match=r"runs/chunk-0\.parquet: "):
            open_sealed(path, PLACE)
        if bit >= 8 * start:
            with pytest.raises(NotWholeError):
                check_sealed(path, PLACE, whole=False)


def test_a_cut_or_longer_file_is_not_whole(path):
    content = path.read_bytes()
    for changed in (
        *(content[:k] for k in range(0, len(content), 97)),
        content + b"PAR1",
        content * 2,
        content[4:],
    ):
        path.write_bytes(changed)
        for check in (lambda: open_sealed(path, PLACE), lambda: check_sealed(path, PLACE, whole=False)):
            with pytest.raises(NotWholeError):
                check()


def test_the_file_of_another_place_is_not_whole(path):
    """Of another chunk, another folder, or a study that keeps other things."""
    for place in ("runs/chunk-1.parquet {}", "series/chunk-0.parquet {}", "runs/chunk-0.parquet {1}"):
        with pytest.raises(NotWholeError, match="another file's content"):
            open_sealed(path, place)
        with pytest.raises(NotWholeError):
            sealed_columns(path, place)


def test_what_is_wrong_is_said(path):
    pq.write_table(TABLE, path)
    with pytest.raises(NotWholeError, match=r"runs/chunk-0\.parquet: has no hash of its content"):
        open_sealed(path, PLACE)
    path.write_bytes(b"")
    with pytest.raises(NotWholeError, match="is empty"):
        open_sealed(path, PLACE)
    path.unlink()
    with pytest.raises(NotWholeError, match="is gone"):
        open_sealed(path, PLACE)
    os.mkfifo(path)
    with pytest.raises(NotWholeError, match=r"cannot be read .this is a fifo, not a regular file"):
        check_sealed(path, PLACE, whole=False)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (
            pa.ArrowException("Unknown error: Failed to launch worker thread: " + os.strerror(errno.EAGAIN)),
            OSError,
        ),
        (pa.ArrowMemoryError("malloc of size 64 failed"), MemoryError),
        (OSError(errno.EMFILE, os.strerror(errno.EMFILE)), OSError),
        (OSError(errno.EIO, os.strerror(errno.EIO)), NotWholeError),
        (pa.ArrowInvalid("Couldn't deserialize thrift"), NotWholeError),
    ],
)
def test_what_the_machine_lacks_is_no_damage_of_a_file(error, expected):
    """A store whose chunks were put aside for want of a thread would compute them all again."""
    with pytest.raises(expected) as caught, naming(Path("runs/chunk-0.parquet")):
        raise error
    assert isinstance(caught.value, NotWholeError) == (expected is NotWholeError)
