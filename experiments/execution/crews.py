"""From the options of the command line to those who compute."""

import argparse
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from hashcredit.experiments.execution.local import ProcessCrew, ready_kernels
from hashcredit.experiments.stopping import StopListener

if TYPE_CHECKING:
    from hashcredit.experiments.execution.runner import Crew
    from hashcredit.experiments.execution.slurm_jobs import SlurmOptions

LEAST_ON_A_CLUSTER = 32
"""Runs of the smallest block where a task takes milliseconds to hand out."""

DEFAULT_JOBS = 16
LOGS = "logs"
"""Folder of a store for what jobs print."""


@contextmanager
def crew_of(arguments: argparse.Namespace, listener: StopListener) -> "Iterator[Callable[[], Crew]]":
    """Give a function that calls the crew together; it is sent home at the end of the block.

    Processes of this machine are started at once: they import while the study is read. A cluster is asked
    only when there is something to do.
    """
    if arguments.executor == "local" or arguments.shard is not None:
        processors = len(os.sched_getaffinity(0))
        count = arguments.workers or processors if arguments.shard is None else arguments.cpus
        processes = ProcessCrew(count, ready_kernels)
        listener.at_stop(processes.kill)
        # Only now what costs a second to import: the processes start meanwhile.
        from hashcredit.experiments.execution.runner import Crew

        try:
            yield lambda: Crew(processes, count, chunk=arguments.chunk)
        finally:
            processes.kill()
        return
    with ExitStack() as stack:
        yield lambda: _cluster(arguments, stack)


def _cluster(arguments: argparse.Namespace, stack: ExitStack) -> "Crew":
    """Workers on other machines."""
    from hashcredit.experiments.execution.cluster import dask_executor

    if arguments.executor == "dask":
        cluster = stack.enter_context(dask_executor(arguments.scheduler, arguments.workers))
    else:
        from hashcredit.experiments.execution.slurm_jobs import slurm_executor

        cluster = stack.enter_context(slurm_executor(_slurm_options(arguments)))
    from distributed import KilledWorker

    from hashcredit.experiments.execution.runner import Crew

    return Crew(
        cluster.executor,
        cluster.wanted,
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
        memory=arguments.memory,
        directives=tuple(arguments.sbatch),
        log_folder=Path(arguments.out).resolve() / LOGS,
        **{name: value for name, value in asked.items() if value},
    )
