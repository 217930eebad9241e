"""Runs in Slurm jobs: each is a Dask worker of this process, which submits them and is their scheduler.

Needs the extra `slurm`, file systems that all nodes share for the environment and for the results, and a
network over which nodes reach the machine where this process runs.
"""

import os
import secrets
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hashcredit.experiments.execution.cluster import (
    PATIENCE,
    Cluster,
    ClusterError,
    ClusterLostError,
    DaskTasks,
    import_dask,
    quiet_dask,
    require_connection,
    threads_of,
)
from hashcredit.experiments.execution.threads import THREAD_VARIABLES

_LOST_WORKER = "2s"
"""How soon a job is replaced after its worker was lost."""

_DEATH_TIMEOUT = 60
"""Seconds after which a job ends that finds no driver: it was queued for longer than the study took."""

_COMMAND_PATIENCE = 60.0
"""Seconds in which a command of Slurm has to answer."""

_STOP_PATIENCE = 5.0
"""Seconds in which it has to answer when this process was told to end; jobs end by themselves a bit later."""

_ALLOWED_FAILURES = 1
"""Workers besides the first that may die under a task before whoever submitted it hears of that."""

_LIMIT = "#SBATCH -t "
"""How dask-jobqueue's line about the duration of a job begins."""

COMMANDS = ("sbatch", "scancel", "squeue")

OnStop = Callable[[Callable[[], None]], AbstractContextManager[None]]


@dataclass(frozen=True)
class SlurmOptions:
    """What to ask of Slurm. A job is one worker, on one core. What is left empty is for the site to decide.

    Attributes
    ----------
    workers : int
        Jobs to have at a time, at least 1.
    partition, account : str
        To submit to, and to charge.
    walltime : str
        Longest duration of a job, as Slurm writes it; the partition's, if it is empty. A job that ends is
        replaced; what it was at is computed again.
    memory : str
        Of a job, such as "2GB".
    interface : str
        Network over which workers reach the driver, such as "ib0".
    directives : tuple of str
        Further options of sbatch, such as "--constraint=avx2".
    log_folder : Path, optional
        Where jobs write what they print; it has to be on a file system that all nodes share. None: nowhere.
    cache_folder : str
        For compiled kernels; a folder of the node itself is best. "": `HASHCREDIT_CACHE_DIR` of this process.
    """

    workers: int = 1
    partition: str = ""
    account: str = ""
    walltime: str = ""
    memory: str = "2GB"
    interface: str = ""
    directives: tuple[str, ...] = ()
    log_folder: Path | None = None
    cache_folder: str = ""


@contextmanager
def slurm_executor(
    options: SlurmOptions, verbose: bool = False, on_stop: OnStop = lambda cleanup: nullcontext()
) -> Iterator[Cluster]:
    """Submit jobs to Slurm, each a worker of this process, and cancel them in the end.

    Connections are encrypted with keys made for this process: nobody else on the network can give orders.
    Jobs end with this process, however it ends; at once if `on_stop`, which is given what to do then, sees
    to it.

    Raises
    ------
    ClusterError
        If Dask or Slurm is not installed here, or Slurm refuses the options.
    """
    distributed = require_slurm()
    import dask
    from dask_jobqueue import SLURMCluster

    # Nobody looks at the web pages of this scheduler, so nobody shall reach it through them.
    settings = {
        "distributed.deploy.lost-worker-timeout": _LOST_WORKER,
        "distributed.scheduler.http.routes": [],
        "distributed.scheduler.allowed-failures": _ALLOWED_FAILURES,
    }
    name = f"hashcredit-{secrets.token_hex(4)}"
    with ExitStack() as stack:
        stack.enter_context(quiet_dask(verbose))
        stack.enter_context(dask.config.set(settings))
        keys = stack.enter_context(_folder_for_keys(options))
        try:
            stack.enter_context(on_stop(lambda: _abandon(name, keys)))
            arguments = {**_arguments(options), "job_name": name, "security": _new_keys(keys)}
            cluster = stack.enter_context(SLURMCluster(**arguments))
        except (OSError, ValueError, RuntimeError) as error:
            raise ClusterError("Slurm", f"the driver of its workers does not start: {error}") from error
        _try_script(cluster.job_script())
        cluster.adapt(minimum_jobs=options.workers, maximum_jobs=options.workers)
        client = stack.enter_context(distributed.Client(cluster, timeout=PATIENCE, set_as_default=False))
        yield Cluster(
            executor=DaskTasks(client),
            wanted=options.workers,
            at_work=threads_of(client),
            check=_Watch(cluster, client, options).check,
        )


def require_slurm() -> Any:
    """The module `distributed`, if all that is needed to submit workers is here; ClusterError otherwise."""
    distributed = import_dask("Slurm", extra="slurm")
    for command in COMMANDS:
        if shutil.which(command) is None:
            raise ClusterError(
                "Slurm", f"there is no {command} on this machine; start studies where jobs are submitted"
            )
    return distributed


def _abandon(name: str, keys: Path) -> None:
    """End all jobs of a name at once: their driver has no time to take leave of each."""
    with suppress(OSError, subprocess.TimeoutExpired):
        command = ["scancel", f"--name={name}", f"--user={os.geteuid()}"]
        subprocess.run(command, capture_output=True, timeout=_STOP_PATIENCE, check=False)
    shutil.rmtree(keys, ignore_errors=True)


def _arguments(options: SlurmOptions) -> dict[str, Any]:
    """Arguments of `SLURMCluster`; None leaves it to the site's settings of dask-jobqueue, or to Slurm."""
    exports = dict.fromkeys(THREAD_VARIABLES, "1")
    cache = options.cache_folder or os.environ.get("HASHCREDIT_CACHE_DIR")
    if cache:
        exports["HASHCREDIT_CACHE_DIR"] = os.path.abspath(cache)
    # A job whose node fails is replaced by a new one; it need not come back besides.
    directives = ["--no-requeue", *options.directives]
    if options.log_folder is None:
        directives.append("--output=/dev/null")
    return {
        "cores": 1,
        "processes": 1,
        "memory": options.memory,
        "queue": options.partition or None,
        "account": options.account or None,
        "walltime": options.walltime or None,
        # Dask-jobqueue would ask for half an hour.
        "job_directives_skip": [] if options.walltime else [_LIMIT],
        "interface": options.interface or None,
        "job_extra_directives": directives,
        "log_directory": None if options.log_folder is None else str(options.log_folder.absolute()),
        "job_script_prologue": [f"export {name}={shlex.quote(value)}" for name, value in exports.items()],
        # The worker takes the place of the job's shell: Slurm knows it, and kills it if need be.
        "python": f"exec {shlex.quote(sys.executable)}",
        # No other process watches over it; Slurm watches over its memory already.
        "nanny": False,
        "worker_extra_args": ["--memory-limit", "0", "--no-dashboard"],
        "death_timeout": _DEATH_TIMEOUT,
        "scheduler_options": {"dashboard": False, "dashboard_address": ":0"},
    }


@contextmanager
def _folder_for_keys(options: SlurmOptions) -> Iterator[Path]:
    """A folder that only this user can read, with the logs or in the working folder: nodes have to see it."""
    parent = Path.cwd() if options.log_folder is None else options.log_folder.absolute()
    if shlex.quote(str(parent)) != str(parent):  # dask-jobqueue writes it into scripts as it is
        raise ClusterError("Slurm", f"{str(parent)!r} has characters that job scripts cannot take")
    try:
        parent.mkdir(parents=True, exist_ok=True)
        folder = tempfile.TemporaryDirectory(
            prefix=".hashcredit-keys-", dir=parent, ignore_cleanup_errors=True
        )
    except OSError as error:
        raise ClusterError("Slurm", f"cannot write to {parent}: {error.strerror}") from error
    with folder as path:
        yield Path(path)


def _new_keys(folder: Path) -> Any:
    """Keys for this driver and its workers, in files: whoever reads them could join."""
    from distributed.security import Security

    made = Security.temporary()
    names = [
        "tls_ca_file",
        *(f"tls_{role}_{part}" for role in ("scheduler", "worker", "client") for part in ("cert", "key")),
    ]
    for name in names:
        (folder / name).touch(mode=0o600)
        (folder / name).write_text(getattr(made, name))
    return Security(require_encryption=True, **{name: str(folder / name) for name in names})


def _slurm(*command: str) -> "subprocess.CompletedProcess[str]":
    """Call a command of Slurm; a silence is a failure."""
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=_COMMAND_PATIENCE, check=False)
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 1, "", f"{command[0]} does not answer")


def _try_script(script: str) -> None:
    """Ask Slurm whether it would take such a job: later refusals would end in Dask's logs only."""
    with tempfile.NamedTemporaryFile("w", suffix=".sh") as file:
        file.write(script)
        file.flush()
        tried = _slurm("sbatch", "--test-only", file.name)
    if tried.returncode != 0:
        raise ClusterError("Slurm", f"refuses such a job: {tried.stderr.strip()}")


class _Watch:
    """Finds jobs that ended before their worker answered, which Dask waits for in vain."""

    def __init__(self, cluster: Any, client: Any, options: SlurmOptions) -> None:
        self._cluster = cluster
        self._client = client
        self._options = options
        self._suspects: set[str] = set()
        self._in_vain = 0

    def check(self) -> None:
        """As `Cluster.check` says."""
        require_connection(self._client, "Slurm")
        jobs = {str(job.job_id): name for name, job in list(self._cluster.workers.items()) if job.job_id}
        info = self._client.scheduler_info(n_workers=-1)["workers"]
        connected = {worker["name"] for worker in info.values()}
        if connected:
            self._in_vain = 0
        silent = {job for job, name in jobs.items() if name not in connected}
        if not silent:
            return
        queue = _slurm("squeue", "--noheader", "--format=%A", f"--user={os.geteuid()}")
        if queue.returncode != 0:
            return  # a busy controller says nothing of the jobs
        gone = silent - set(queue.stdout.split())
        # Twice in a row: one that has just lost its worker is Dask's to replace.
        lost = gone & self._suspects
        self._suspects = gone - lost
        self._in_vain += len(lost)
        if self._in_vain > 3 * self._options.workers:
            logs = self._options.log_folder
            where = f"see {logs}" if logs else "set a folder for their logs to see why"
            raise ClusterLostError(
                "Slurm", f"{self._in_vain} jobs ended before their worker answered; {where}"
            )
        if lost:
            self._client.sync(self._forget, [jobs[job] for job in lost])

    async def _forget(self, names: list[Any]) -> None:
        """Take workers from Dask's list of those it has; it submits new jobs a second later."""
        for name in names:
            self._cluster.workers.pop(name, None)
