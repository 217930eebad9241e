"""The grammar of the commands on studies: sweep, status, failures, rerun, export."""

import argparse
from typing import Any

from hashcredit.experiments.commands.parsing import add_command, whole

EXECUTORS = ("local", "dask", "slurm", "array")
KINDS = ("parquet", "csv", "netcdf")
SWEEP_EXAMPLES = """examples:
  hashcredit sweep study.toml --plan                      runs, time and space from a trial of a few seconds
  hashcredit sweep study.toml --out results/study         one process a processor of this machine
  hashcredit sweep --out results/study                    go on with what is missing there
  hashcredit sweep study.toml --out DIR --executor dask --scheduler tcp://node1:8786 --workers 64
  hashcredit sweep study.toml --out DIR --executor slurm --workers 64 --partition short --walltime 02:00:00
  hashcredit sweep study.toml --out DIR --executor array --workers 64 --sbatch=--mem=2G --wait

Stopped by Ctrl-C, SIGTERM, a kill or a power cut, it loses only the chunks in work; the same command goes on.
Failed runs are rows with their error (hashcredit failures DIR) and end nothing; the exit code is then 1.
"""

STATUS_EXAMPLES = """examples:
  hashcredit status results/study                         runs done, failed and missing, and how long it took
  hashcredit status results/study --verify                read everything, and find what is damaged inside
"""
FAILURES_EXAMPLES = """examples:
  hashcredit failures results/study                       which runs failed, and with which error
  hashcredit failures results/study --limit 5
"""
RERUN_EXAMPLES = """examples:
  hashcredit rerun results/study RUN_ID                   once more, held against the row in the study
  hashcredit rerun results/study RUN_ID --out results/one   its data, figures and provenance
  hashcredit rerun results/study RUN_ID --check           with every bookkeeping identity tested

RUN_ID is a value of the column run_id of the results, or how it begins; failures and exports show it.
"""
EXPORT_EXAMPLES = """examples:
  hashcredit export results/study --format csv            results/study/runs.csv
  hashcredit export results/study --to runs.parquet
  hashcredit export results/study --to runs.nc            needs the extra netcdf

Series, events and tables are there where the study keeps them: --what series.
"""


def add_study_commands(commands: Any) -> None:
    """Add the commands on studies to the command line."""
    _add_sweep(commands)
    status = _with_folder(add_command(commands, "status", "how far a study is", epilog=STATUS_EXAMPLES))
    status.add_argument(
        "--verify", action="store_true", help="read series, events and tables too to find damage inside"
    )
    failures = _with_folder(
        add_command(commands, "failures", "failed runs of a study and why", epilog=FAILURES_EXAMPLES)
    )
    failures.add_argument("--limit", type=whole(1, 10**9), default=20, metavar="N", help="default: 20")
    rerun = _with_folder(
        add_command(commands, "rerun", "one run of a study again, alone", epilog=RERUN_EXAMPLES)
    )
    rerun.add_argument("run_id", metavar="RUN_ID", help="its name in the results, or how that begins")
    rerun.add_argument(
        "--out", metavar="DIR2", help="new or empty folder for its data, figures and provenance"
    )
    rerun.add_argument("--check", action="store_true", help="test every bookkeeping identity (slow)")
    rerun.add_argument(
        "--allow-mixed", action="store_true", help="even if the code of the model has changed since"
    )
    _add_export(commands)


def _add_sweep(commands: Any) -> None:
    sweep = add_command(
        commands,
        "sweep",
        "run a study, or what is missing of it",
        description="Run every run of a study that its folder does not have yet.",
        epilog=SWEEP_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    sweep.add_argument(
        "study", nargs="?", metavar="STUDY", help="TOML file; may be left out to go on in a folder"
    )
    sweep.add_argument("--out", metavar="DIR", help="folder of the results: new, empty, or of this study")
    sweep.add_argument("--plan", action="store_true", help="only say how many runs, how long, how large")
    sweep.add_argument("--executor", choices=EXECUTORS, default="local", help="who computes (default: local)")
    sweep.add_argument(
        "--workers", type=whole(1, 100_000), metavar="N", help="processes, jobs or array tasks at a time"
    )
    sweep.add_argument(
        "--chunk",
        type=whole(1, 2**30),
        metavar="N",
        help="runs of a chunk (default: by time); any gives the same",
    )
    sweep.add_argument(
        "--allow-mixed",
        action="store_true",
        help="compute what is missing even if code or scenario have changed since the rest was computed",
    )
    sweep.add_argument("--retry-failed", action="store_true", help="compute failed runs once more")
    sweep.add_argument(
        "--verify", action="store_true", help="first read series, events and tables too to find damage inside"
    )
    sweep.add_argument("--wait", action="store_true", help="with array: stay until the tasks have ended")
    sweep.add_argument("--quiet", action="store_true", help="no progress on stderr")
    cluster = sweep.add_argument_group("clusters")
    cluster.add_argument("--scheduler", metavar="ADDRESS", help="of a Dask scheduler, tcp://host:port")
    cluster.add_argument("--partition", metavar="NAME", help="Slurm partition")
    cluster.add_argument("--account", metavar="NAME", help="Slurm account")
    cluster.add_argument(
        "--walltime", metavar="HH:MM:SS", help="limit of a Slurm job (default: the partition's)"
    )
    cluster.add_argument("--memory", metavar="SIZE", help="of a Slurm job (default: 2GB)")
    cluster.add_argument(
        "--cpus", type=whole(1, 1024), metavar="N", help="processes of an array task (default: 1)"
    )
    cluster.add_argument(
        "--interface", metavar="NAME", help="network interface of Dask's workers, such as ib0"
    )
    cluster.add_argument(
        "--sbatch",
        action="append",
        default=[],
        metavar="=OPTION",
        help="any other option of sbatch; repeatable",
    )
    sweep.add_argument(
        "--shard", metavar="I/N", help="only part I (from 0) of N, as the tasks of an array do"
    )


def _with_folder(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser.add_argument("folder", metavar="DIR", help="folder of a study")
    return parser


def _add_export(commands: Any) -> None:
    export = _with_folder(
        add_command(commands, "export", "the results of a study in one file", epilog=EXPORT_EXAMPLES)
    )
    export.add_argument("--format", choices=KINDS, help="default: what FILE ends in, else parquet")
    export.add_argument(
        "--what",
        default="runs",
        metavar="TABLE",
        help="runs (default), series, events, or a table that was kept",
    )
    export.add_argument("--to", metavar="FILE", help="default: DIR/WHAT.FORMAT")
    export.add_argument("--overwrite", action="store_true", help="replace a file that is there")
