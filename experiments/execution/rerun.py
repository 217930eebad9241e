"""One run of a study again, alone: the same bits, with everything recorded."""

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from hashcredit.experiments.execution.planning import MixedResultsError
from hashcredit.experiments.execution.worker import StudyWorker
from hashcredit.experiments.store.plan import changes_of
from hashcredit.experiments.store.store import Store
from hashcredit.experiments.support.stopping import StopListener
from hashcredit.simulator.errors import ScenarioError
from hashcredit.simulator.provenance import code_key
from hashcredit.simulator.reports.run import ManyRuns, Run
from hashcredit.simulator.runs.engine import record
from hashcredit.simulator.setup.prepare import Setup


def rerun(arguments: argparse.Namespace, listener: StopListener) -> int:
    """Do what `hashcredit rerun` asks; 1 if the run fails, or differs from the row that the store has."""
    store = Store(Path(arguments.folder).resolve())
    row = find_run(store, arguments.run_id)
    if row["code"] != code_key() and not arguments.allow_mixed:
        reason = (
            f"run {row['run_id']} was planned with other code ({row['code']}, now {code_key()}): its bits "
            "may differ; --allow-mixed runs it all the same"
        )
        raise MixedResultsError(arguments.folder, reason)
    setup = StudyWorker(store, store.manifest["plan"]).setup(row)
    _describe(store, row)
    if arguments.out is None:
        run = record(setup, row["replicate"], check=arguments.check)
    else:
        run = _write(setup, row, arguments, listener)
    return _compare(run, store.row(row["run_id"]))


def find_run(store: Store, beginning: str) -> dict[str, Any]:
    """The row of the plan whose run's name begins like this; exactly one must."""
    rows = store.plan.beginning_with(beginning) if beginning else []
    if len(rows) != 1:
        found = "several names begin so" if rows else "no run's name begins so"
        raise ScenarioError(
            "RUN_ID", beginning, f"the name of a run of this study, or how it begins; {found}"
        )
    return rows[0]


def _describe(store: Store, row: dict[str, Any]) -> None:
    """Say which run it is."""
    print(f"run {row['run_id']}: {row['scenario']}, seed {row['seed']}, replicate {row['replicate']}")
    for name, value in changes_of(row, store.plan.kinds).items():
        print(f"  {name} = {value!r}")


def _write(setup: Setup, row: dict[str, Any], arguments: argparse.Namespace, listener: StopListener) -> Run:
    """Run it and write a result folder as `hashcredit run` does."""
    from hashcredit.experiments.folder.output import ResultFolder, write_results

    folder = ResultFolder(arguments.out)
    with listener.cleaning(folder.discard), folder:
        run = record(setup, row["replicate"], check=arguments.check)
        many = ManyRuns([setup], run.economy.outcomes.reshape(1, 1))
        write_results(folder.path, setup.scenario, many, run, command=arguments.command_line)
        with listener.last_step():
            folder.publish()
    print(f"everything about it is in {arguments.out}")
    return run


def _compare(run: Run, stored: dict[str, Any] | None) -> int:
    """Print the scalars, and whether they are those of the store to the last bit."""
    for name, value in run.summary.items():
        print(f"  {name:<28} {value!r}")
    if stored is None:
        print("the store has no row of it yet")
        return 0
    if stored["status"] == "failed":
        print(f"the store says that it failed: {stored['error']}")
        return 1
    different = [name for name, value in run.summary.items() if not _same(value, stored[name])]
    for name in different:
        print(f"{name}: {run.summary[name]!r} now, {stored[name]!r} in the store")
    print("differs from the row in the store" if different else "the same bits as the row in the store")
    return 1 if different else 0


def _same(one: float, other: float) -> bool:
    return one == other or bool(np.isnan(one) and np.isnan(other))
