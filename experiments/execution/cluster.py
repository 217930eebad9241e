"""Runs on other machines: workers of a Dask cluster that is there; `slurm_jobs` makes one of Slurm jobs.

Either way the caller gets an ordinary `concurrent.futures.Executor`. Dask is an extra: it is imported in here
alone, and only when asked for. Workers import hashcredit, so it has to be installed where they run.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from hashcredit.simulator.errors import UnusableError

PATIENCE = 10.0
"""Seconds in which a scheduler has to answer."""


class ClusterError(UnusableError):
    """A cluster that cannot be used; its name is the address of a scheduler, or Slurm."""


class ClusterLostError(ClusterError):
    """A cluster that was there and works no more; what was done until then is kept."""

    exit_code = 1


@dataclass(frozen=True)
class Cluster:
    """Workers elsewhere, for as long as the context lasts that made them.

    Attributes
    ----------
    executor : Executor
        Computes what is submitted to it. Workers keep results while futures live: let go of those that are
        done, and return little. A task whose workers died again and again raises `distributed.KilledWorker`.
    wanted : int
        How many tasks are expected to be computed at a time.
    at_work : callable
        How many can be computed at this moment; 0 while all jobs are queued, or after the scheduler was lost.
    check : callable
        To be called every few seconds. Replaces jobs that ended before their worker answered, and raises
        `ClusterError` when that happens again and again, or when the scheduler was lost.
    """

    executor: Executor
    wanted: int
    at_work: Callable[[], int]
    check: Callable[[], None]


@contextmanager
def dask_executor(address: str, workers: int | None = None, verbose: bool = False) -> Iterator[Cluster]:
    """Use the workers of a running Dask scheduler.

    Parameters
    ----------
    address : str
        Of the scheduler, such as "tcp://10.0.0.1:8786".
    workers : int, optional
        How many tasks at a time to expect, by default as many as it has threads now.
    verbose : bool
        Let Dask write to its logs.

    Raises
    ------
    ClusterError
        If Dask is not installed, no scheduler answers at the address within ten seconds, or one without
        workers, so that it is not known how many will come.
    """
    cluster = f"the Dask scheduler at {address}"
    distributed = import_dask(cluster)
    with quiet_dask(verbose):
        try:
            with ThreadPoolExecutor(1) as thread:  # notebooks have a loop of their own in this one
                thread.submit(asyncio.run, _greet(address)).result()
            client = distributed.Client(address, timeout=PATIENCE, set_as_default=False)
        except (TypeError, ValueError) as error:
            raise ClusterError(cluster, f"this address cannot be used: {error}") from error
        except OSError as error:
            reason = f"it does not answer within {PATIENCE:g} s ({error or type(error).__name__})"
            raise ClusterError(cluster, reason) from error
        with client:
            threads = threads_of(client)
            wanted = workers or threads()
            if not wanted:
                reason = "it has no workers; start some first, or say with --workers how many there will be"
                raise ClusterError(cluster, reason)
            yield Cluster(
                executor=DaskTasks(client),
                wanted=wanted,
                at_work=threads,
                check=lambda: require_connection(client, cluster),
            )


class DaskTasks(Executor):
    """What is submitted becomes tasks of a Dask client.

    Dask's own executor asks for a result and then for the state it was in; a worker that is lost in between
    makes it report an error of its own. Here a result is a result.
    """

    def __init__(self, client: Any) -> None:
        self._client = client

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Future[Any]":
        """Run a function on some worker; equal calls are different tasks."""
        task = self._client.submit(function, *args, **{"pure": False, **kwargs})
        future: Future[Any] = Future()
        future.set_running_or_notify_cancel()
        self._client.loop.add_callback(self._pass_on, task, future)
        return future

    @staticmethod
    async def _pass_on(task: Any, future: "Future[Any]") -> None:
        try:
            future.set_result(await task._result())
        except asyncio.CancelledError:
            future.set_exception(CancelledError("the connection to the workers was closed"))
        except Exception as error:  # whatever the task raised is for whoever asks for its result
            future.set_exception(error)


def import_dask(cluster: str, extra: str = "dask") -> Any:
    """The module `distributed`, once all that an extra brings is known to be there."""
    try:
        import distributed

        if extra == "slurm":
            for name in ("cryptography", "dask_jobqueue"):
                import_module(name)
    except ImportError as error:
        advice = f'{error.name} is not installed; pip install "hashcredit[{extra}]"'
        raise ClusterError(cluster, advice) from error
    return distributed


async def _greet(address: str) -> None:
    """Exchange greetings with whoever is at an address; a `Client` waits for ever if they say nothing."""
    from distributed.comm import connect
    from distributed.security import Security

    arguments = Security().get_connection_args("client")  # keys that the user's settings of Dask name
    comm = await asyncio.wait_for(connect(address, timeout=PATIENCE, **arguments), 1.5 * PATIENCE)
    comm.abort()


@contextmanager
def quiet_dask(verbose: bool) -> Iterator[None]:
    """Keep Dask from logging: what matters reaches the user as an error or as a count of workers."""
    if verbose:
        yield
        return
    ours = [
        name
        for name in logging.Logger.manager.loggerDict
        if name.split(".")[0] in ("distributed", "dask_jobqueue")
    ]
    before = {name: logging.getLogger(name).level for name in ours}
    for name in ours:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for name, level in before.items():
            logging.getLogger(name).setLevel(level)


def threads_of(client: Any) -> Callable[[], int]:
    """Ask how many threads all workers have at this moment."""

    def threads() -> int:
        if client.status != "running":
            return 0
        workers = client.scheduler_info(n_workers=-1)["workers"]
        return sum(int(worker["nthreads"]) for worker in workers.values())

    return threads


def require_connection(client: Any, cluster: str) -> None:
    """Raise `ClusterLostError` if the scheduler was lost; Dask cancels all futures then."""
    if client.status != "running":
        reason = "the connection was lost; what is done is kept, and the same command computes the rest"
        raise ClusterLostError(cluster, reason)
