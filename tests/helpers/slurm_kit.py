"""A throwaway Slurm for tests marked `cluster`; tests/helpers/slurm/README.md says what it is like."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from installs import unavailable

KIT = Path(__file__).resolve().parent / "slurm"

LONGEST_START = 300
"""Seconds for packages and daemons to come up."""

LONGEST = 90
"""Seconds after which a job that does not reach a state is stuck."""

SHORT = "/tmp"
"""Where its folder is made: the path of a socket may have about 100 characters, more than pytest's leave."""

NOT_HERE = 3
"""Exit code of start.sh where a Slurm cannot be had at all."""

WATCH = 'cat >/dev/null; exec "$0" "$1"'
"""Wait until whoever holds the other end of our input closes it or dies, then stop the Slurm."""


class Slurm:
    """A Slurm of one node and two CPUs on this machine.

    Attributes
    ----------
    folder : Path
        Its state and logs.
    node : str
        Name of its only node.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.node = os.uname().nodename.split(".")[0]
        self._watch: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Bring it up, to be brought down as soon as this process ends, however it ends."""
        if self._watch is None:
            command = ["sh", "-c", WATCH, str(KIT / "stop.sh"), str(self.folder)]
            self._watch = subprocess.Popen(
                command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
            )
        command = [str(KIT / "start.sh"), str(self.folder)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST_START, check=False)
        if done.returncode == NOT_HERE:
            unavailable(done.stderr.strip())
        assert done.returncode == 0, done.stderr

    def stop(self) -> None:
        """End it and remove its folder."""
        if self._watch is None:
            return
        _, said = self._watch.communicate(timeout=LONGEST)
        code, self._watch = self._watch.returncode, None
        assert (code, said) == (0, "")

    def pids(self) -> dict[str, int]:
        """Process ids of its daemons."""
        return {path.stem: int(path.read_text()) for path in (self.folder / "run").glob("*.pid")}

    def call(self, *command: str, **variables: str) -> str:
        """What a command of Slurm prints, which must end well."""
        environment = os.environ | variables
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=LONGEST, check=False
        )
        assert done.returncode == 0, f"{command}: {done.stderr}"
        return done.stdout.strip()

    def submit(self, script: str, *options: str, **variables: str) -> int:
        """Id of a new job.

        Its environment is ours, HASHCREDIT_CACHE_DIR included, with this Python first in the PATH. What it
        prints goes to `output(job)` unless the options say otherwise.
        """
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        (self.folder / "output").mkdir(exist_ok=True)
        where = f"--output={self.folder}/output/%j"
        batch = [*("sbatch", "--parsable", "--export=ALL", where), *options]
        done = subprocess.run(
            batch,
            input=f"#!/bin/bash\n{script}\n",
            env=os.environ | {"PATH": path} | variables,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=LONGEST,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return int(done.stdout)

    def output(self, job: int) -> str:
        """What a job has printed so far, of its last start if it was requeued."""
        path = self.folder / "output" / str(job)
        return path.read_text() if path.exists() else ""

    def details(self, job: int | str) -> dict[str, str]:
        """What Slurm knows of a job or of one task of an array, such as JobState, Restarts and ExitCode."""
        words = self.call("scontrol", "--oneliner", "show", "job", str(job)).splitlines()[0].split()
        return dict(word.split("=", 1) for word in words if "=" in word)

    def wait(self, job: int | str, *states: str, restarts: int = 0) -> dict[str, str]:
        """Details of a job once it is in one of the states, by default COMPLETED, after so many restarts."""
        wanted = states or ("COMPLETED",)
        end = time.monotonic() + LONGEST
        while time.monotonic() < end:
            details = self.details(job)
            if details["JobState"] in wanted and int(details["Restarts"]) >= restarts:
                return details
            time.sleep(0.1)
        pytest.fail(f"job {job} is {details['JobState']} ({details['Reason']}) and not {' or '.join(wanted)}")

    def jobs(self) -> list[int]:
        """Ids of all jobs that have not ended, in the order in which they were submitted."""
        return sorted({int(word) for word in self.call("squeue", "--noheader", "--format=%A").split()})

    def cancel(self, *jobs: int | str) -> None:
        self.call("scancel", *map(str, jobs))

    def clear(self) -> None:
        """Bring the node back and end all jobs."""
        if self.call("sinfo", "--noheader", "--format=%T").startswith("down"):
            self.resume_node()
        if jobs := self.jobs():
            self.cancel(*jobs)
        end = time.monotonic() + LONGEST
        while self.jobs():
            assert time.monotonic() < end, self.call("squeue")
            time.sleep(0.1)

    def fail_node(self) -> None:
        """Take the node down: its running jobs are killed at once and requeued."""
        self.call("scontrol", "update", f"nodename={self.node}", "state=down", "reason=test")

    def resume_node(self) -> None:
        """Bring the node back after `fail_node`."""
        self.call("scontrol", "update", f"nodename={self.node}", "state=resume")


@pytest.fixture(scope="session")
def slurm_of_session() -> Iterator[Slurm]:
    """A running Slurm, the same for all tests; where it cannot be had a skip, or a failure if CI is set."""
    if os.geteuid() != 0:
        unavailable("a Slurm for tests needs root")
    kit = Slurm(Path(tempfile.mkdtemp(prefix="slurm-", dir=SHORT)))
    try:
        kit.start()
        yield kit
    finally:
        kit.stop()


@pytest.fixture
def slurm(slurm_of_session: Slurm) -> Iterator[Slurm]:
    """The running Slurm, with its node up and without jobs of earlier tests."""
    yield slurm_of_session
    slurm_of_session.clear()
