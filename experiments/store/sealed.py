"""Parquet files that carry their own hash: one that was changed, cut or moved is never read as if whole.

A sealed file has one more line among the metadata of its footer: the hash of all bytes before the footer,
and that of the footer, with its own digits blank, and of the place where the file belongs. So the hash comes
and goes with the one rename that puts the file there, and other readers of Parquet take it for a remark.
"""

import errno
import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from hashcredit.experiments.support.files import reason_of
from hashcredit.simulator.errors import UnusableError
from hashcredit.simulator.inputs import open_regular, read_regular

KEY = b"hashcredit.seal"
_DIGITS = 32
_SEAL = re.compile(rb"seal ([0-9a-f]{32}) ([0-9a-f]{32}) end of seal")
_BLANK = b"seal %s %s end of seal" % (b"0" * _DIGITS, b"0" * _DIGITS)
_TAIL = 8
"""Bytes at the end of a Parquet file: the length of its footer, and PAR1."""

_BLOCK = 1 << 20
_SHORTAGES = (errno.ENOMEM, errno.EAGAIN, errno.EMFILE, errno.ENFILE)

CHANGED = "is not what was written there: changed, torn, or another file's content"


class NotWholeError(UnusableError):
    """A file of a store that is not what was written there; its name is that in the store."""


def seal_table(table: pa.Table, place: str) -> bytes:
    """A table as a Parquet file that belongs to a place, a text that its reader has to give again."""
    sink = pa.BufferOutputStream()
    with pq.ParquetWriter(sink, table.schema, compression="zstd", write_page_checksum=True) as writer:
        writer.write_table(table)
        writer.add_key_value_metadata({KEY: _BLANK})
    content = bytearray(sink.getvalue())
    start = _footer_start(content[-_TAIL:], len(content))
    seal = _SEAL.search(content, start)
    assert seal is not None, "the writer has lost a remark"
    content[seal.start(1) : seal.end(1)] = _digest(memoryview(content)[:start])
    content[seal.start(2) : seal.end(2)] = _footer_digest(content[start:], start, place)
    return bytes(content)


def open_sealed(path: Path, place: str) -> pq.ParquetFile:
    """A sealed file in memory, all its bytes checked; NotWholeError, named after its folder and itself."""
    with naming(path):
        content = read_regular(path)
        start = _footer_start(content[-_TAIL:], len(content))
        if _body_digest(content[start:], start, place) != _digest(memoryview(content)[:start]):
            raise ValueError(CHANGED)
        return pq.ParquetFile(pa.BufferReader(content))


def read_sealed(path: Path, place: str, columns: Sequence[str] | None = None) -> pa.Table:
    """A sealed file, or those of the columns that it has; as `open_sealed`."""
    file = open_sealed(path, place)
    with naming(path):
        names = file.schema_arrow.names
        wanted = [name for name in names if columns is None or name in columns]
        return file.read(wanted, use_threads=False)


def check_sealed(path: Path, place: str, *, whole: bool) -> None:
    """Raise NotWholeError unless the footer of a file, or with `whole` all of it, is what was written."""
    with naming(path), open_regular(path) as handle:
        size = os.fstat(handle.fileno()).st_size
        handle.seek(max(0, size - _TAIL))
        start = _footer_start(handle.read(), size)
        handle.seek(start)
        expected = _body_digest(handle.read(), start, place)
        if whole and _digest_of_first(handle, start) != expected:
            raise ValueError(CHANGED)


def sealed_columns(path: Path, place: str) -> list[str]:
    """Names of the columns of a file whose footer is what was written there; NotWholeError otherwise."""
    check_sealed(path, place, whole=False)
    with naming(path), open_regular(path) as handle:
        return list(pq.read_schema(handle).names)


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Whatever is wrong with a file in this block becomes a NotWholeError about the file."""
    name = f"{path.parent.name}/{path.name}"
    try:
        yield
    except FileNotFoundError:
        raise NotWholeError(name, "is gone") from None
    except (MemoryError, pa.ArrowException, ValueError, KeyError) as error:
        refuse_shortage(error)
        raise NotWholeError(name, str(error) or type(error).__name__) from None
    except OSError as error:
        refuse_shortage(error)
        raise NotWholeError(name, f"cannot be read ({reason_of(error)})") from None


def refuse_shortage(error: Exception) -> None:
    """Raise MemoryError or OSError where the machine lacks something: no file is damaged by that."""
    if isinstance(error, MemoryError):
        raise MemoryError from None
    for code in _SHORTAGES:
        words = os.strerror(code)
        if words in str(error):  # Arrow keeps the words and not the number
            raise OSError(code, words.lower()) from None


def _footer_start(tail: bytes | bytearray, size: int) -> int:
    """Where the footer of a file of this size begins, which its last bytes tell."""
    if size == 0:
        raise ValueError("is empty")
    start = size - _TAIL - int.from_bytes(tail[:4], "little")
    if size < _TAIL or tail[4:] != b"PAR1" or start < 0:
        raise ValueError("is torn, or no Parquet file")
    return start


def _body_digest(footer: bytes, start: int, place: str) -> bytes:
    """What the bytes before the footer must have for a hash; ValueError if the footer itself is another."""
    seal = _SEAL.search(footer)
    if seal is None:
        raise ValueError("has no hash of its content: hashcredit has not written it, or another version has")
    blank = bytearray(footer)
    blank[seal.start(2) : seal.end(2)] = b"0" * _DIGITS
    if _footer_digest(blank, start, place) != seal[2]:
        raise ValueError(CHANGED)
    return seal[1]


def _footer_digest(blank: bytes | bytearray, start: int, place: str) -> bytes:
    digest = hashlib.blake2b(f"{place}\n{start}\n".encode(), digest_size=_DIGITS // 2)
    digest.update(blank)
    return digest.hexdigest().encode()


def _digest(content: memoryview) -> bytes:
    return hashlib.blake2b(content, digest_size=_DIGITS // 2).hexdigest().encode()


def _digest_of_first(handle: BinaryIO, count: int) -> bytes:
    """As `_digest` of the first bytes of a file, whatever their number."""
    digest = hashlib.blake2b(digest_size=_DIGITS // 2)
    handle.seek(0)
    while count and (block := handle.read(min(count, _BLOCK))):
        digest.update(block)
        count -= len(block)
    return digest.hexdigest().encode()
