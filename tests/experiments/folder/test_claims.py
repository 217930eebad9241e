"""Of two commands that would fill one folder or file the second is told so; neither leaves anything."""

import errno
import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from studies import call, command

from hashcredit.experiments.export import ExportError, export
from hashcredit.experiments.folder.output import ResultFolder
from hashcredit.experiments.support.claims import Claim, TakenError
from hashcredit.experiments.support.files import write_whole
from hashcredit.simulator.errors import OutputFolderError

HOLD = (
    "import sys, time\n"
    "from hashcredit.experiments.folder.output import ResultFolder\n"
    "with ResultFolder(sys.argv[1]) as folder:\n"
    "    (folder.path / 'half').write_text('x')\n"
    "    print('ready', flush=True)\n"
    "    sys.stdin.read()\n"
    "    folder.publish()\n"
)


def holder(target):
    """A process that is about to fill a folder, until its input ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(target)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "ready\n"
    return process


def test_a_second_command_is_told_who_is_there(tmp_path):
    """Before it has computed anything; the first one is not disturbed."""
    first = holder(tmp_path / "new" / "out")
    (tmp_path / "link").symlink_to("new")
    for spelled in (tmp_path / "new" / "out", tmp_path / "link" / "out"):
        _, err = call("run", "--seeds", "1", "--replicates", "1", "--out", spelled, code=2)
        assert f"is being filled by another command (process {first.pid} on " in err
        assert err.count("\n") == 1
    first.communicate("")
    assert first.returncode == 0
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["half", "link", "new", "out"]


def test_what_a_killed_command_leaves_goes_with_the_next(tmp_path):
    first = holder(tmp_path / "out")
    first.send_signal(signal.SIGKILL)
    first.communicate()
    assert len(list(tmp_path.iterdir())) == 2  # its claim, and what it had begun
    with ResultFolder(tmp_path / "out") as folder:
        assert len(list(tmp_path.iterdir())) == 2
        (folder.path / "whole").write_text("x")
        folder.publish()
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["out", "whole"]


def test_only_what_was_half_made_is_removed_for_a_killed_command(tmp_path):
    """The note of a lock file is no reason to remove anything else."""
    (tmp_path / "thesis").mkdir()
    for name in ("thesis", "../thesis", ".hashcredit.0123456789ab.partial/../thesis", ["thesis"], None):
        (tmp_path / "lock").write_text(json.dumps({"partial": name}))
        Claim.take(tmp_path / "lock", tmp_path / "mine").release()
        assert os.listdir(tmp_path) == ["thesis"]
    for text in ("", "{", "[]"):
        (tmp_path / "lock").write_text(text)
        Claim.take(tmp_path / "lock", tmp_path / "mine").release()
    os.mkfifo(tmp_path / "lock")
    with pytest.raises(OSError, match="lock is no regular file"):
        Claim.take(tmp_path / "lock", tmp_path / "mine")


def test_one_of_many_gets_the_name(tmp_path):
    ready = threading.Barrier(8)

    def fill(number):
        ready.wait()
        try:
            with ResultFolder(tmp_path / "a" / "out") as folder:
                (folder.path / "number").write_text(str(number))
                folder.publish()
        except OutputFolderError as error:
            return str(error)
        return "filled"

    with ThreadPoolExecutor(8) as pool:
        said = list(pool.map(fill, range(8)))
    assert said.count("filled") == 1
    assert all("is being filled by" in text or "is not empty" in text for text in said if text != "filled")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a", "number", "out"]


def test_a_name_is_free_again_after_a_failure(tmp_path):
    with pytest.raises(RuntimeError), ResultFolder(tmp_path / "out"):
        raise RuntimeError
    with ResultFolder(tmp_path / "out") as folder:
        folder.publish()
    assert os.listdir(tmp_path) == ["out"]


def test_without_locks_the_last_step_decides(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with ResultFolder(tmp_path / "out") as first, ResultFolder(tmp_path / "out") as second:
        (first.path / "one").write_text("x")
        first.publish()
        (second.path / "two").write_text("x")
        with pytest.raises(OutputFolderError, match="cannot take the results"):
            second.publish()
    assert os.listdir(tmp_path / "out") == ["one"]


def test_a_claim_is_told_from_one_that_was_removed(tmp_path):
    first = Claim.take(tmp_path / "lock", tmp_path / "one")
    with pytest.raises(TakenError, match=rf"process {os.getpid()} on .*, since 20"):
        Claim.take(tmp_path / "lock", tmp_path / "two")
    first.release()
    first.release()
    second = Claim.take(tmp_path / "lock", tmp_path / "two")
    first.release()  # not his any more
    assert (tmp_path / "lock").exists()
    second.release()
    assert os.listdir(tmp_path) == []


def test_of_two_exports_at_once_the_first_one_stays(folder, tmp_path, monkeypatch):
    """Both have seen that there is no such file."""
    target = tmp_path / "runs.parquet"

    def write_late(path, write, **options):
        path.write_text("of the other")
        write_whole(path, write, **options)

    monkeypatch.setattr("hashcredit.experiments.export.write_whole", write_late)
    with pytest.raises(ExportError, match="exists already; nothing was written"):
        export(folder, target, "parquet")
    assert target.read_text() == "of the other"
    export(folder, target, "parquet", overwrite=True)
    assert target.read_bytes()[:4] == b"PAR1"
    assert sorted(os.listdir(tmp_path)) == ["grid", "runs.parquet"]


def test_a_file_system_without_hard_links(tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    write_whole(tmp_path / "file", lambda handle: handle.write(b"one"), replace=False)
    with pytest.raises(FileExistsError):
        write_whole(tmp_path / "file", lambda handle: handle.write(b"two"), replace=False)
    assert (tmp_path / "file").read_bytes() == b"one" and os.listdir(tmp_path) == ["file"]


def test_a_command_that_is_stopped_gives_its_name_back(tmp_path):
    process = command("run", "--seeds", "1", "--replicates", "100000", "--out", tmp_path / "out", "--quiet")
    while not list(tmp_path.glob(".hashcredit.*.partial")):
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130 and os.listdir(tmp_path) == []
