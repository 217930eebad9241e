"""A plain Slurm array: each task does its share of the plan, and nobody has to stay and watch."""

import argparse
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hashcredit.experiments.execution.resume import LOCK_FILE
from hashcredit.experiments.execution.threads import THREAD_VARIABLES
from hashcredit.experiments.support.files import locked, write_text
from hashcredit.experiments.support.progress import ProgressBar
from hashcredit.simulator.errors import HashcreditError
from hashcredit.simulator.inputs import read_regular

if TYPE_CHECKING:
    from hashcredit.experiments.store.store import Store

ARRAY = "array"
"""Folder of a store with scripts and logs of arrays."""

JOB_FILE = "job.json"
CACHE_VARIABLE = "HASHCREDIT_CACHE_DIR"
DEFAULT_TASKS = 16
DEFAULT_MEMORY = "2GB"
COMMANDS = ("sbatch", "squeue", "scancel")
POLL_SECONDS = 2.0
QUEUE_SECONDS = 60.0
"""Time for Slurm to answer: a busy controller may take half a minute."""


class SlurmError(HashcreditError):
    """Slurm is not there, refuses, or is still at work on the same folder."""

    def __str__(self) -> str:
        return " ".join(str(self.args[0]).split())


def require_idle(folder: Path) -> None:
    """Raise SlurmError if an array cannot be submitted for a folder; nothing is changed.

    An array that is still at work on it is such a reason: the same work would be done twice, and a plan that
    grows would end its tasks.
    """
    place = str(folder.resolve())
    if not place.isprintable() or "\\" in place:
        raise SlurmError(f"--executor array: {place!r} has characters that scripts for Slurm cannot take")
    for command in COMMANDS:
        if shutil.which(command) is None:
            raise SlurmError(
                f"--executor array: there is no {command} on this machine; start it where jobs are submitted"
            )
    _refuse_second(folder)


def _refuse_second(folder: Path) -> None:
    busy = running_array(folder)
    if busy is not None:
        raise SlurmError(
            f"array job {busy} is still at work on {folder}; wait for it or end it with scancel {busy}"
        )


def submit(store: "Store", arguments: argparse.Namespace) -> str:
    """Write and submit an array that computes what is missing; return Slurm's number of it.

    Raises SlurmError where Slurm refuses, or another command has submitted an array meanwhile.
    """
    folder = store.path / ARRAY
    folder.mkdir(exist_ok=True)
    with locked(store.path / LOCK_FILE):
        _refuse_second(store.path)
        script = folder / f"submit-{datetime.now(UTC):%Y%m%dT%H%M%S}-{os.getpid()}.sh"
        write_text(script, array_script(store, arguments))
        answer = _slurm("sbatch", "--parsable", str(script))
        job = answer.strip().partition(";")[0]
        write_text(folder / JOB_FILE, json.dumps({"job": job, "script": script.name}) + "\n")
    return job


def array_script(store: "Store", arguments: argparse.Namespace) -> str:
    """The batch script: plain sbatch and nothing else, to be read, edited and submitted by hand as well."""
    tasks = arguments.workers or DEFAULT_TASKS
    options = {
        "job-name": f"hashcredit-{store.manifest['study']['name']}",
        "array": f"0-{tasks - 1}",
        "ntasks": "1",
        "cpus-per-task": str(arguments.cpus or 1),
        "mem": slurm_memory(arguments.memory or DEFAULT_MEMORY),
        "output": str(store.path / ARRAY).replace("%", "%%") + "/%A_%a.log",
        "partition": arguments.partition,
        "account": arguments.account,
        "time": arguments.walltime,
    }
    lines = [f"#SBATCH --{name}={quoted(value)}" for name, value in options.items() if value]
    # A task that starts again after its node failed shall not erase what it has said.
    lines += [
        "#SBATCH --requeue",
        "#SBATCH --open-mode=append",
        *(f"#SBATCH {option}" for option in arguments.sbatch),
    ]
    words = [
        sys.executable,
        "-m",
        "hashcredit.experiments.commands.process",
        "sweep",
        "--out",
        str(store.path),
    ]
    words += ["--cpus", str(arguments.cpus or 1)]
    words += ["--chunk", str(arguments.chunk)] if arguments.chunk else []
    exports = [f"export {name}=1" for name in THREAD_VARIABLES]
    chosen = os.environ.get(CACHE_VARIABLE)
    if chosen:  # empty means nothing, and is not the folder that somebody happens to stand in
        exports.append(f"export {CACHE_VARIABLE}={shlex.quote(os.path.abspath(chosen))}")
    return "\n".join(
        [
            "#!/bin/bash",
            *lines,
            "# A task that runs twice, or again after a node failed, does only what is missing.",
            *exports,
            f'exec {shlex.join(words)} --shard "$SLURM_ARRAY_TASK_ID/{tasks}"',
            "",
        ]
    )


def quoted(text: str) -> str:
    """A value in a line for Slurm, which reads quotes almost as a shell does."""
    if re.fullmatch(r"[\w.,:/%@+=-]*", text):
        return text
    return '"' + text.replace('"', '\\"') + '"'


def slurm_memory(text: str) -> str:
    """A size such as 2GB in Slurm's own words, which have no B."""
    return re.sub(r"(?i)^([\d.]+\s*[kmgt])i?b$", r"\1", text.strip()).replace(" ", "").upper()


def running_array(folder: Path) -> str | None:
    """Number of the array that still works on this folder, if there is one."""
    try:
        job = str(json.loads(read_regular(folder / ARRAY / JOB_FILE))["job"])
    except (OSError, ValueError, LookupError, TypeError):
        return None
    return job if states(job) else None


def states(job: str) -> list[str]:
    """States of the tasks of an array that Slurm still has in its queue."""
    try:
        return _slurm("squeue", "--noheader", "--array", "--jobs", job, "--format", "%T").split()
    except SlurmError as error:
        if "nvalid job id" in str(error):  # forgotten: it ended long ago
            return []
        raise


def wait_for(store: "Store", job: str, progress: ProgressBar) -> None:
    """Stay until no task of an array is left."""
    while True:
        left = states(job)
        state = store.state()
        progress.update(int(state.done.sum()), len(state.done), _summary(left))
        if not left:
            return
        time.sleep(POLL_SECONDS)


def _summary(states_left: list[str]) -> str:
    counts = {name: states_left.count(name) for name in dict.fromkeys(states_left)}
    return ", ".join(f"{count} tasks {name.lower()}" for name, count in counts.items())


def _slurm(*words: str) -> str:
    """What a command of Slurm prints."""
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=QUEUE_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise SlurmError(f"{words[0]}: no answer from Slurm in {QUEUE_SECONDS:.0f} s") from None
    if done.returncode != 0:
        raise SlurmError(f"{words[0]}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def run_array(arguments: argparse.Namespace, store: "Store", progress: ProgressBar, listener: Any) -> bool:
    """`hashcredit sweep --executor array`: submit, and stay if asked to. True if it has stayed."""
    job = submit(store, arguments)
    print(f"submitted array job {job}; hashcredit status {store.path} says how far it is", flush=True)
    listener.last_words = lambda: f"array job {job} goes on without this command; scancel {job} ends it"
    if not arguments.wait:
        return False
    wait_for(store, job, progress)
    return True
