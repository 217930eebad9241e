"""Only regular files are opened: whatever else a name leads to is said, and nobody waits for it."""

import os
import socket

import pytest

from hashcredit.simulator.inputs import open_regular, read_regular


def test_a_regular_file_is_read_also_through_a_link(tmp_path):
    (tmp_path / "file").write_bytes(b"\0text")
    (tmp_path / "link").symlink_to("file")
    assert read_regular(tmp_path / "link") == b"\0text"
    with open_regular(str(tmp_path / "file")) as handle:
        assert handle.read(2) == b"\0t"


def test_anything_else_is_named(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "zero").symlink_to("/dev/zero")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket"))
        for name, kind in (("fifo", "a FIFO"), ("zero", "a device"), ("socket", "a socket")):
            with pytest.raises(OSError, match=f"this is {kind}, not a regular file"):
                read_regular(tmp_path / name)
    with pytest.raises(IsADirectoryError, match="this is a folder"):
        read_regular(tmp_path)
    with pytest.raises(FileNotFoundError):
        read_regular(tmp_path / "nothing")
    with pytest.raises(OSError, match="null character"):
        read_regular("a\0b")
