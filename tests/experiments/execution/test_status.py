"""How far a study is: counts, speed from the logs, time left; failed runs and what repeats them."""

import json
import os
import shutil
import socket
from datetime import UTC, datetime, timedelta

import pytest
from stores import as_it_is, chunks, fail, fail_rows, make_store, rewrite, spoil, tear, with_column

from hashcredit.experiments.execution.sessions import ALIVE, TAIL, WINDOW
from hashcredit.experiments.execution.status import failures, format_failures, format_status, status
from hashcredit.simulator.errors import OutputFolderError

NOW = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)
RULE = "secondary_market.rule"


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    return make_store(tmp_path_factory.mktemp("stores") / "grid")


@pytest.fixture
def folder(original, tmp_path):
    """A copy without logs that a test may hurt."""
    copy = shutil.copytree(original, tmp_path / "a grid")
    shutil.rmtree(copy / "sessions")
    (copy / "sessions").mkdir()
    return copy


def log(folder, events, host="elsewhere", pid=1, workers=2, cpu="AMD EPYC"):
    """A session's log: (seconds before NOW, event, facts) a line, the first of which begins it."""
    lines = []
    for k, (ago, event, facts) in enumerate(events):
        begin = {"executor": "local", "workers": workers, "cpu": cpu, "code": "c0de"} if k == 0 else {}
        time = (NOW - timedelta(seconds=ago)).isoformat(timespec="milliseconds")
        lines.append(json.dumps({"time": time, "event": event, **begin, **facts}) + "\n")
    path = folder / "sessions" / f"20261122T110000-{host}-{pid}.jsonl"
    path.write_text("".join(lines))
    return path


def done(ago, runs):
    return (ago, "done", {"first": 0, "last": runs, "runs": runs, "seconds": 1.0})


def test_a_finished_study(original):
    found = status(original)
    assert (found.planned, found.done, found.failed, found.missing) == (16, 16, 0, 0)
    assert (found.repeated, found.strangers, found.damaged) == (0, 0, ())
    assert found.time_left == 0.0 and found.core_seconds_left == 0.0
    assert 0.0 < found.mean_seconds < 10.0
    assert sum(found.codes.values()) == sum(found.scenarios.values()) == 16
    assert len(found.sessions) == 1 and found.sessions[0].workers == 1
    assert found.bytes == sum(p.stat().st_size for p in original.rglob("*") if p.is_file())
    text = format_status(found)
    assert "done       16 runs, 100.0 %" in text and "none, the study is complete" in text
    assert json.loads(json.dumps(found.to_dict()))["done"] == 16
    assert all(line[10] == " " != line[11] for line in text.splitlines())  # aligned


def test_everything_that_can_be_wrong_is_counted(folder):
    first, second, third, fourth = chunks(folder)
    tear(first)
    rewrite(second, lambda table: fail_rows(table, 3))
    rewrite(third, as_it_is, "chunk-0.parquet")
    rewrite(fourth, with_column("run_id", [f"{k:032x}" for k in range(4)]))
    found = status(folder)
    assert (found.done, found.failed, found.missing) == (8, 3, 8)
    torn = f"runs/{first.name}: is torn, or no Parquet file"
    assert (found.repeated, found.strangers, found.damaged) == (4, 4, (torn,))
    text = format_status(found)
    assert "8 runs, 50.0 %" in text and "3 of these" in text
    assert f"damaged    {torn}: `hashcredit sweep` computes its runs again" in text
    assert "repeated   4 rows" in text and "strangers  4 rows" in text


def test_complete_is_said_when_nothing_is_missing(folder):
    from dataclasses import replace

    found = replace(status(folder), planned=100_000, done=99_999, missing=1)
    assert "99,999 runs, 99.9 %" in format_status(found)


def test_without_a_session_the_time_left_is_that_of_one_processor(folder):
    chunks(folder)[0].unlink()
    for path in chunks(folder):
        rewrite(path, with_column("run_seconds", 900.0))
    found = status(folder, NOW)
    assert found.mean_seconds == 900.0 and found.core_seconds_left == 3600.0
    assert found.rate is None and found.time_left is None and found.sessions == ()
    text = format_status(found)
    assert "1 h 0 min of one processor" in text and "nobody is at work" in text


def test_failed_runs_do_not_enter_the_time_of_a_run(folder):
    for path in chunks(folder):
        rewrite(path, with_column("run_seconds", 2.0))
    broken = chunks(folder)[0]
    rewrite(broken, fail)
    rewrite(broken, with_column("run_seconds", 0.0))
    assert status(folder).mean_seconds == 2.0


def test_speed_is_that_of_the_last_minutes_of_all_sessions_at_work(folder):
    """300 runs in 5 minutes and 60 in the one minute of a younger session: two a second together."""
    chunks(folder)[0].unlink()
    log(folder, [(900, "session", {}), done(800, 5000), done(200, 200), done(10, 100)], "one")
    log(folder, [(60, "session", {}), done(30, 60), (5, "start", {"runs": 9})], "two", workers=3, cpu="Xeon")
    log(folder, [(900, "session", {}), done(121, 9000)], "three")  # silent for two minutes
    found = status(folder, NOW)
    assert [session.is_alive for session in found.sessions] == [True, False, True]
    assert found.rate == pytest.approx(2.0) and found.time_left == pytest.approx(2.0)
    assert found.processors == ("AMD EPYC", "Xeon")
    assert "2 runs a second, 2 sessions with 5 workers" in format_status(found)
    assert timedelta(seconds=121) > ALIVE and timedelta(minutes=5) == WINDOW


def test_a_session_that_has_done_nothing_yet_has_no_speed(folder):
    chunks(folder)[0].unlink()
    log(folder, [(20, "session", {}), (19, "start", {"runs": 4}), (3, "lost", {"runs": 4})])
    found = status(folder, NOW)
    assert found.rate is None and found.time_left is None
    assert "1 session at work, nothing done yet" in format_status(found)


def test_torn_and_foreign_lines_of_a_log_are_left_out(folder):
    path = log(folder, [(100, "session", {}), done(50, 100)])
    with open(path, "ab") as handle:
        handle.write(b'[1]\n\xff\xfe\n{"event": "done"}\n{"time": "yesterday", "event": "done", "runs": 7}\n')
        handle.write(b'{"time": "2026-11-22T11:59:55+00:00", "event": "done", "runs": 50')
    (folder / "sessions" / "empty.jsonl").touch()
    (folder / "sessions" / "torn.jsonl").write_text('{"time": "2026-11-22T11:59:5')
    (session,) = status(folder, NOW).sessions
    assert session.rate == pytest.approx(1.0) and session.is_alive


def test_of_a_long_log_only_the_end_is_read(folder):
    """The speed is measured over what was read."""
    many = [done(600 - k * 0.1, 1) for k in range(5990)]
    path = log(folder, [(700, "session", {}), *many])
    assert path.stat().st_size > 2 * TAIL
    (session,) = status(folder, NOW).sessions
    assert session.rate == pytest.approx(10.0, rel=0.02) and session.started == NOW - timedelta(seconds=700)


def test_a_process_of_this_machine_that_is_gone_is_not_at_work(folder):
    here = socket.gethostname()
    log(folder, [(20, "session", {}), done(3, 4)], here, 2**22 + 1)  # above the largest number of a process
    log(folder, [(20, "session", {}), done(3, 4)], here, os.getpid())
    log(folder, [(20, "session", {}), done(3, 4), (2, "end", {})], "elsewhere")
    alive = {session.name.rpartition("-")[2]: session.is_alive for session in status(folder, NOW).sessions}
    assert alive == {str(2**22 + 1): False, str(os.getpid()): True, "1": False}


def test_versions_in_one_folder_are_told(folder):
    plan = folder / "plan.parquet"
    rewrite(plan, with_column("code", ["0ld"] * 6 + ["new"] * 10))
    found = status(folder)
    assert found.codes == {"0ld": 6, "new": 10}
    assert "runs of several versions in one folder" in format_status(found)


def test_a_folder_without_a_study_is_refused(tmp_path):
    with pytest.raises(OutputFolderError, match="is no folder of a study"):
        status(tmp_path)
    with pytest.raises(OutputFolderError, match="is no folder of a study"):
        failures(tmp_path)


# Failed runs


def test_no_failed_run(folder):
    assert failures(folder) == []
    assert format_failures([], folder) == "no run has failed"


def test_failed_runs_say_what_they_were_and_what_repeats_them(folder):
    second = chunks(folder)[1]
    rewrite(second, lambda table: fail_rows(table, 2, "SimulationError: week 3: broken"))
    (row, _) = rows = failures(folder)
    assert (row["point"], row["replicate"], row[RULE], row["horizon_weeks"]) == (0 + 1, 0, "auction", 12)
    text = format_failures(rows, folder)
    assert text.startswith("2 failed runs, 1 kind of error:")
    assert f"hashcredit rerun '{folder}' {row['run_id']}" in text  # in quotes: the name has a space
    assert f"  {RULE} = auction\n  horizon_weeks = 12\n  SimulationError: week 3: broken\n" in text
    assert "seed = 7" in text and "more" not in text


def test_errors_are_counted_by_kind_whatever_their_numbers(folder):
    first, second, third, _ = chunks(folder)
    for number, path in enumerate((first, second)):
        rewrite(path, lambda table, week=number: fail(table, f"SimulationError: week {week}: broken"))
    rewrite(third, lambda table: fail_rows(table, 1, "ScenarioError: 0.5 is not allowed"))
    text = format_failures(failures(folder), folder, limit=3)
    head = text.split("\n\n")[0].splitlines()
    assert head == [
        "9 failed runs, 2 kinds of error:",
        "  8  SimulationError: week 0: broken (numbers vary)",
        "  1  ScenarioError: 0.5 is not allowed",
    ]
    assert text.count("hashcredit rerun") == 3
    assert text.endswith("and 6 more (--limit shows more of them)")


def test_a_run_that_was_done_elsewhere_did_not_fail(folder):
    rewrite(chunks(folder)[0], fail, "chunk-0.parquet")
    assert failures(folder) == []


def test_failures_are_found_beside_damaged_files(folder):
    first, second, third, _ = chunks(folder)
    tear(first)
    spoil(second, "peak_haircut")
    rewrite(third, fail)
    assert [row["point"] for row in failures(folder)] == [2, 2, 2, 2]
