"""The commands on studies: what they do with their arguments."""

import argparse
import re
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hashcredit.experiments.support.progress import ProgressBar, duration
from hashcredit.experiments.support.stopping import StopListener

if TYPE_CHECKING:
    from hashcredit.experiments.execution.runner import Tally
    from hashcredit.experiments.store.store import Store


ENDINGS = {"parquet": ".parquet", "csv": ".csv", "netcdf": ".nc"}
"""Of the names of exported files."""

CLUSTER_OPTIONS = {
    "partition": ("slurm", "array"),
    "account": ("slurm", "array"),
    "walltime": ("slurm", "array"),
    "memory": ("slurm", "array"),
    "sbatch": ("slurm", "array"),
    "interface": ("slurm",),
    "cpus": ("array",),
}
"""Who understands which options; silence would let a user think that they had an effect."""


def sweep(arguments: argparse.Namespace, listener: StopListener) -> int:
    """`hashcredit sweep`: check, compute what is missing, say what became of it."""
    _check_words(arguments)
    if arguments.plan:
        return _plan(arguments, listener)
    from hashcredit.experiments.execution.workforce import workforce_of

    started = time.monotonic()
    with workforce_of(arguments, listener) as gather:
        from hashcredit.experiments.execution.resume import begin
        from hashcredit.experiments.execution.sweep import work

        share = _share(arguments.shard)
        if share is None:
            store, state = begin(
                arguments.study,
                arguments.out,
                allow_mixed=arguments.allow_mixed,
                retry_failed=arguments.retry_failed,
                verify=arguments.verify,
                say=_say(arguments.quiet),
            )
        else:
            store, state = _opened(arguments.out)
        _announce(arguments, store, int(state.done.sum()), len(state.done))
        with ProgressBar("runs", arguments.quiet) as progress:
            seen = _watch(listener, progress, arguments)
            if not state.done.all():
                if arguments.executor == "array" and share is None:
                    from hashcredit.experiments.execution.array import run_array

                    if not run_array(arguments, store, progress, listener):
                        return 0
                else:
                    workforce = gather()
                    tally = work(store, state, workforce, share=share, kind=arguments.executor, progress=seen)
                    if share is not None:
                        return _close_share(tally)
    return close(store, time.monotonic() - started, arguments.quiet)


def _check_words(arguments: argparse.Namespace) -> None:
    """Refuse combinations of options that cannot be meant."""
    from hashcredit.simulator.errors import ScenarioError

    if arguments.out is None and not arguments.plan:
        raise ScenarioError("--out", "(missing)", "a folder for the results, or --plan")
    if arguments.study is None and (arguments.plan or arguments.out is None):
        raise ScenarioError("STUDY", "(missing)", "a study file")
    if arguments.executor == "dask" and not arguments.scheduler:
        raise ScenarioError("--scheduler", "(missing)", "the address of a Dask scheduler, tcp://host:port")
    if arguments.executor != "dask" and arguments.scheduler:
        raise ScenarioError("--scheduler", arguments.scheduler, "this option with --executor dask only")
    if arguments.wait and arguments.executor != "array":
        raise ScenarioError("--wait", True, "this option with --executor array only; the others wait anyway")
    for name, executors in CLUSTER_OPTIONS.items():
        value = getattr(arguments, name)
        if value and arguments.executor not in executors and not (name == "cpus" and arguments.shard):
            words = f"this option with --executor {' or '.join(executors)} only"
            raise ScenarioError(f"--{name}", value, words)
        for text in value if isinstance(value, list) else [value]:
            if isinstance(text, str) and not text.isprintable():  # each becomes a line of a script
                raise ScenarioError(f"--{name}", text, "printable letters in one line")
    if arguments.shard and arguments.executor != "local":
        raise ScenarioError("--shard", arguments.shard, "this option without --executor: each part is local")
    _share(arguments.shard)


def _share(text: str | None) -> Any:
    """Part I of N."""
    if text is None:
        return None
    from hashcredit.experiments.execution.sweep import Share
    from hashcredit.simulator.errors import ScenarioError

    found = re.fullmatch(r"(\d{1,6})/(\d{1,6})", text)
    if found is None or not int(found[1]) < int(found[2]):
        raise ScenarioError("--shard", text, "I/N with I from 0 to N - 1, such as 3/64")
    return Share(int(found[1]), int(found[2]))


def _opened(folder: str) -> Any:
    """A store whose plan somebody else has made, and how far it is."""
    from hashcredit.experiments.execution.worker import StudyWorker
    from hashcredit.experiments.store.store import Store

    store = Store(Path(folder).resolve())
    state = store.state()
    if not state.done.all():
        StudyWorker(store, store.manifest["plan"])  # refuses a plan of other code, as every worker does
    return store, state


def _announce(arguments: argparse.Namespace, store: "Store", done: int, total: int) -> None:
    if arguments.quiet:
        return
    from hashcredit.simulator.progress import are_kernels_ready, compiled_kernels

    before = f", {done:,} of them done before" if done else ""
    print(f"{store.manifest['study']['name']}: {total:,} runs{before}", file=sys.stderr)
    if done < total and arguments.executor == "local" and not (are_kernels_ready() or compiled_kernels()):
        print("compiling the kernels, a few minutes; the next start needs none of it", file=sys.stderr)


def _watch(listener: StopListener, progress: ProgressBar, arguments: argparse.Namespace) -> Any:
    """Show progress, and know at a stop what to say."""
    from hashcredit.experiments.execution.sweep import remarks

    last: dict[str, int] = {}
    runs = f"runs of part {arguments.shard}" if arguments.shard else "runs"

    def seen(tally: "Tally") -> None:
        last.update(done=tally.done, total=tally.total)
        progress.update(tally.done, tally.total, remarks(tally))

    def words() -> str:
        kept = (
            f"{last['done']:,} of {last['total']:,} {runs} are kept in {arguments.out}"
            if last
            else "nothing is lost"
        )
        return f"{kept}; the same command again computes the others"

    listener.last_words = words
    return seen


def close(store: "Store", seconds: float, quiet: bool) -> int:
    """Say what became of a study; 1 if a run failed or is missing."""
    state = store.state()
    missing = len(state.done) - int(state.done.sum())
    parts = [f"{len(state.done) - missing - state.failed:,} of {len(state.done):,} runs ok"]
    parts += [f"{state.failed:,} failed"] if state.failed else []
    parts += [f"{missing:,} missing"] if missing else []
    print(f"{', '.join(parts)}; {duration(seconds)}; results are in {store.path}")
    if state.failed:
        print(f"hashcredit failures {store.path}    says why and how to run one again", file=sys.stderr)
    return 1 if missing or state.failed else 0


def _close_share(tally: "Tally") -> int:
    print(f"{tally.computed:,} runs computed here, {tally.failed:,} of them failed")
    return 1 if tally.failed else 0


def _say(quiet: bool) -> Any:
    return (lambda text: None) if quiet else (lambda text: print(text, file=sys.stderr))


def _plan(arguments: argparse.Namespace, listener: StopListener) -> int:
    """`hashcredit sweep STUDY --plan`."""
    from hashcredit.experiments.execution.estimate import estimate, format_estimate
    from hashcredit.experiments.study.study import Study
    from hashcredit.simulator.progress import CompilationWatch, are_kernels_ready, compiled_kernels
    from hashcredit.simulator.runs.engine import processors

    study = Study.load(arguments.study)
    if not arguments.quiet and not (are_kernels_ready() or compiled_kernels()):
        print("compiling the kernels, a few minutes", file=sys.stderr)
    folder = Path(tempfile.mkdtemp(prefix="hashcredit-trial-"))
    with listener.cleaning(lambda: shutil.rmtree(folder, ignore_errors=True)):
        try:
            with CompilationWatch(arguments.quiet):
                cost = estimate(study, study.points(), folder)
        finally:
            shutil.rmtree(folder)
    print(format_estimate(study, cost, arguments.workers or processors()))
    return 0


def status(arguments: argparse.Namespace, _: StopListener) -> int:
    """`hashcredit status DIR`."""
    from hashcredit.experiments.execution.status import format_status
    from hashcredit.experiments.execution.status import status as status_of

    print(format_status(status_of(arguments.folder, verify=arguments.verify)))
    return 0


def failures(arguments: argparse.Namespace, _: StopListener) -> int:
    """`hashcredit failures DIR`."""
    from hashcredit.experiments.execution.status import failures as failures_of
    from hashcredit.experiments.execution.status import format_failures

    print(format_failures(failures_of(arguments.folder), arguments.folder, limit=arguments.limit))
    return 0


def export(arguments: argparse.Namespace, _: StopListener) -> int:
    """`hashcredit export DIR`."""
    from hashcredit.experiments.export import export as export_to

    ending = Path(arguments.to or "").suffix.lower()
    kind: Any = arguments.format or next((kind for kind, end in ENDINGS.items() if end == ending), "parquet")
    target = arguments.to or str(Path(arguments.folder) / f"{arguments.what}{ENDINGS[kind]}")
    place = export_to(arguments.folder, target, kind, what=arguments.what, overwrite=arguments.overwrite)
    print(place)
    return 0


def rerun(arguments: argparse.Namespace, listener: StopListener) -> int:
    """`hashcredit rerun DIR RUN_ID`: the run again, and whether it is what the store has."""
    from hashcredit.experiments.execution.rerun import rerun as run_again

    return run_again(arguments, listener)
