"""From the options of the command line to those who compute."""

import argparse
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from hashcredit.experiments.execution.local import WorkerProcesses, ready_kernels
from hashcredit.experiments.support.stopping import StopListener
from hashcredit.simulator.errors import HashcreditError

if TYPE_CHECKING:
    from hashcredit.experiments.execution.runner import Workforce
    from hashcredit.experiments.execution.slurm_jobs import SlurmOptions

LEAST_ON_A_CLUSTER = 32
"""Runs of the smallest block where a task takes milliseconds to hand out."""

LEAST_SPARE = 2
"""Blocks that wait beside those in work, or a quarter of these: no worker idles while its report travels."""

DEFAULT_JOBS = 16
DEFAULT_MEMORY = "2GB"
LOGS = "logs"
"""Folder of a store for what jobs print."""


@contextmanager
def workforce_of(
    arguments: argparse.Namespace, listener: StopListener
) -> "Iterator[Callable[[], Workforce]]":
    """Give a function that calls the workforce together; it is sent home at the end of the block.

    Processes of this machine are started at once: they import while the study is read. A cluster is asked
    only when there is something to do.
    """
    if arguments.executor == "local" or arguments.shard is not None:
        processors = len(os.sched_getaffinity(0))
        count = arguments.workers or processors if arguments.shard is None else arguments.cpus or 1
        processes = WorkerProcesses(count, ready_kernels)
        listener.at_stop(processes.kill)
        # Only now what costs a second to import: the processes start meanwhile.
        from hashcredit.experiments.execution.runner import Workforce

        try:
            yield lambda: Workforce(processes, count, chunk=arguments.chunk)
        finally:
            processes.kill()
        return
    _require(arguments)
    with ExitStack() as stack:
        try:
            yield lambda: _cluster(arguments, listener, stack)
        except (ImportError, RuntimeError) as error:
            if not isinstance(error.__cause__ or error, ImportError):
                raise
            raise _strange_workers(error) from error


def _require(arguments: argparse.Namespace) -> None:
    """Refuse what cannot be done on this machine before anything is written."""
    if arguments.executor == "dask":
        from hashcredit.experiments.execution.cluster import import_dask

        import_dask(f"the Dask scheduler at {arguments.scheduler}")
    elif arguments.executor == "slurm":
        from hashcredit.experiments.execution.slurm_jobs import require_slurm

        require_slurm()
    else:
        from hashcredit.experiments.execution.array import require_idle

        require_idle(Path(arguments.out))


def _strange_workers(error: Exception) -> HashcreditError:
    """What Dask says when a worker cannot even read its task, in one line."""
    from hashcredit.experiments.execution.cluster import ClusterLostError

    words = repr(error.__cause__ or error)
    return ClusterLostError("the workers", f"cannot do the work; is hashcredit installed there? ({words})")


def _cluster(arguments: argparse.Namespace, listener: StopListener, stack: ExitStack) -> "Workforce":
    """Workers on other machines."""
    from hashcredit.experiments.execution.cluster import dask_executor

    if arguments.executor == "dask":
        cluster = stack.enter_context(dask_executor(arguments.scheduler, arguments.workers))
    else:
        from hashcredit.experiments.execution.slurm_jobs import slurm_executor

        jobs = slurm_executor(_slurm_options(arguments), on_stop=listener.cleaning)
        cluster = stack.enter_context(jobs)
    from distributed import KilledWorker

    from hashcredit.experiments.execution.runner import Workforce

    return Workforce(
        cluster.executor,
        cluster.wanted + max(LEAST_SPARE, cluster.wanted // 4),
        least=LEAST_ON_A_CLUSTER,
        lost=(KilledWorker,),
        chunk=arguments.chunk,
        check=cluster.check,
    )


def _slurm_options(arguments: argparse.Namespace) -> "SlurmOptions":
    from hashcredit.experiments.execution.slurm_jobs import SlurmOptions

    asked = {name: getattr(arguments, name) for name in ("partition", "account", "walltime", "interface")}
    return SlurmOptions(
        workers=arguments.workers or DEFAULT_JOBS,
        memory=arguments.memory or DEFAULT_MEMORY,
        directives=tuple(arguments.sbatch),
        log_folder=Path(arguments.out).resolve() / LOGS,
        **{name: value for name, value in asked.items() if value},
    )
