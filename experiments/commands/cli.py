"""The command `hashcredit`: arguments in, text and result folders out.

Nothing heavy is imported before a command needs it, so that help and mistakes are answered at once.
"""

import argparse
import json
import os
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib import import_module
from itertools import product
from typing import TYPE_CHECKING

from hashcredit.experiments.commands.arguments import CHECKED_REPLICATES, build_parser
from hashcredit.experiments.commands.doctor import doctor
from hashcredit.experiments.commands.parsing import REPLICATES, size_of
from hashcredit.experiments.support.progress import ProgressBar
from hashcredit.experiments.support.stopping import StopListener
from hashcredit.simulator.channels import CHANNELS

if TYPE_CHECKING:
    from hashcredit.simulator.reports.run import ManyRuns, Run
    from hashcredit.simulator.scenario.scenario import Scenario


def main(argv: Sequence[str] | None = None, listener: StopListener | None = None) -> int:
    """Run the command line and return its exit code.

    With `argv` left out this is the process's own command: it then ends the process itself when it is
    stopped by Ctrl-C or SIGTERM. `listener` is given by a caller that listens already.
    """
    if listener is None:
        listener = StopListener()
        if argv is None:
            listener.start()
    try:
        arguments = build_parser().parse_args(argv)
    except SystemExit as end:  # help, version or a mistake: said already
        return int(end.code or 0)
    arguments.command_line = ["hashcredit", *(sys.argv[1:] if argv is None else argv)]
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _warn
            code: int = COMMANDS[arguments.command](arguments, listener)
        sys.stdout.flush()
    except KeyboardInterrupt:
        listener.wait_if_stopping()
        return 130
    except BrokenPipeError:
        _reader_left()
        return 0
    except Exception as error:
        listener.wait_if_stopping()
        code = _complain(error)
    return code


def _warn(message: Warning | str, *_: object, **__: object) -> None:
    """Print a warning as one line; where in the code it was raised is of no use here."""
    print(f"hashcredit: warning: {message}", file=sys.stderr)


def _reader_left() -> None:
    """The reader of the output, such as head, has seen enough: that is no error, and nothing to lose."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _complain(error: Exception) -> int:
    """Print one line for an expected failure and return its exit code; anything else goes on up."""
    from hashcredit.simulator.errors import HashcreditError

    if isinstance(error, HashcreditError):
        print(f"hashcredit: error: {error}", file=sys.stderr)
        return error.exit_code
    if isinstance(error, OSError | MemoryError):
        reason = "not enough memory" if isinstance(error, MemoryError) else str(error)
        print(f"hashcredit: error: {reason}", file=sys.stderr)
        return 1
    raise error


def _run(arguments: argparse.Namespace, listener: StopListener) -> int:
    """`hashcredit run`: refuse bad input, simulate, print, publish."""
    scenario = _scenario(arguments)
    if arguments.out is None:
        many, checked = _simulate(arguments, scenario, listener)
        _report(arguments, scenario, many, checked)
        if not arguments.quiet:
            print("nothing was written; --out DIR keeps data and figures", file=sys.stderr)
        return 0

    from hashcredit.experiments.folder.output import ResultFolder, write_results
    from hashcredit.experiments.support.files import write_text

    started = datetime.now(UTC)
    folder = ResultFolder(arguments.out)
    with listener.cleaning(folder.discard), folder:
        many, checked = _simulate(arguments, scenario, listener)
        run = checked or _recorded(arguments, scenario)
        write_results(
            folder.path,
            scenario,
            many,
            run,
            figures=not arguments.no_figures,
            command=arguments.command_line,
            start_time=started,
        )
        if arguments.control_variates:
            from hashcredit.experiments.folder.precise import precise_csv, precise_statistics

            write_text(folder.path / "precise.csv", precise_csv(precise_statistics(many)))
        if arguments.variance:
            write_text(folder.path / "variance.csv", many.variance_parts.to_csv(index=False))
        try:
            _report(arguments, scenario, many, run)
            sys.stdout.flush()
        except BrokenPipeError:
            _reader_left()
        with listener.last_step():
            folder.publish()
    if not arguments.quiet:
        print(f"results are in {arguments.out}", file=sys.stderr)
    return 0


def _simulate(
    arguments: argparse.Namespace, scenario: "Scenario", listener: StopListener
) -> "tuple[ManyRuns, Run | None]":
    """All runs for their summaries; with --check also phase by phase, and then the first of these as well."""
    from hashcredit.simulator import simulate, simulate_many

    seeds, count = size_of(arguments, CHECKED_REPLICATES if arguments.check else REPLICATES)
    if arguments.variance:
        from hashcredit.simulator.reports.variance import check_sample

        check_sample(len(seeds), count, scenario.shocks.antithetic)
    _prepare_cache(arguments.quiet, listener)
    with ProgressBar("runs", arguments.quiet) as progress:
        many = simulate_many(
            scenario, replicates=count, seeds=seeds, threads=arguments.threads, progress=progress.update
        )
    first = None
    if arguments.check:
        with ProgressBar("checked runs", arguments.quiet) as progress:
            for row, (seed, replicate) in enumerate(product(seeds, range(count))):
                checked = simulate(scenario, seed, replicate, check=True)
                first = first or checked
                _same_scalars(checked, many, row)
                progress.update(row + 1, many.outcomes.size)
    return many, first


def _recorded(arguments: argparse.Namespace, scenario: "Scenario") -> "Run":
    """Replicate 0 of the first seed with everything recorded."""
    from hashcredit.simulator import simulate

    return simulate(scenario, arguments.seed, 0)


def _same_scalars(checked: "Run", many: "ManyRuns", row: int) -> None:
    """A checked run goes phase by phase; it must end with the same bits as the compiled weeks, in `row`."""
    from hashcredit.simulator.errors import SimulationError

    for name, value in checked.summary.items():
        at_once = many.scalars[name][row].item()
        if value != at_once and not (value != value and at_once != at_once):  # NaN equals NaN here
            reason = f"{name} is {value!r} phase by phase but {at_once!r} in one go"
            raise SimulationError(reason, many.setups[0].scenario.name, checked.replicate)


def _report(arguments: argparse.Namespace, scenario: "Scenario", many: "ManyRuns", run: "Run | None") -> None:
    """Print the summary table and, on request, the flow matrix of `run`, which is made if it is not there."""
    from hashcredit.experiments.folder.summary import (
        format_flows,
        format_residuals,
        format_statistics,
        statistics_of,
    )
    from hashcredit.simulator.display import counted, runs_in_words

    seeds, replicates = many.seeds, many.outcomes.shape[1]
    if arguments.format != "text":
        print(_for_a_paper(arguments, scenario, many))
        return
    print(f"{scenario.name}: {scenario.title}")
    print(f"{runs_in_words(seeds, replicates)}, of {scenario.horizon_weeks} weeks\n")
    print(format_statistics(statistics_of(many.scalars, many.together, len(seeds))))
    if arguments.control_variates:
        from hashcredit.experiments.folder.precise import format_precise, precise_statistics

        print(f"\n{format_precise(precise_statistics(many))}")
    if arguments.variance:
        from hashcredit.experiments.folder.variance import format_variance

        print(f"\n{format_variance(many)}")
    print(f"\n{format_residuals(many.scalars)}")
    if arguments.check:
        print(f"every identity held after every phase of {counted(many.outcomes.size, 'run')}")
    if arguments.flows:
        run = run or _recorded(arguments, scenario)
        print(f"\npayments in replicate 0 of seed {seeds[0]}, summed over {scenario.horizon_weeks} weeks\n")
        print(format_flows(run.flows))


def _for_a_paper(arguments: argparse.Namespace, scenario: "Scenario", many: "ManyRuns") -> str:
    """The summary as a table with a caption."""
    from hashcredit.experiments.commands.measuring import sample_of
    from hashcredit.experiments.folder.summary import statistics_of, summary_frame
    from hashcredit.experiments.support.publish import published

    arguments.replicates = many.outcomes.shape[1]
    rows = statistics_of(many.scalars, many.together, len(many.seeds))
    caption = f"Summary of {scenario.horizon_weeks} weeks. {sample_of(arguments, scenario)}"
    return published(summary_frame(rows), arguments.format, caption)


def _compare(arguments: argparse.Namespace, listener: StopListener) -> int:
    """`hashcredit compare`: the same draws under several market rules, or with channels off and on."""
    scenario = _scenario(arguments)
    for option, words in (("--markets", arguments.markets), ("--channels", arguments.channels or [])):
        if len(set(words)) < len(words):
            from hashcredit.simulator.errors import ScenarioError

            raise ScenarioError(option, " ".join(words), "each name at most once")
    from hashcredit.experiments.folder.compare import channel_arms, compare, format_comparison, market_arms

    if arguments.channels is None:
        what, arms = "under each market rule", market_arms(scenario, arguments.markets)
    else:
        channels = arguments.channels or CHANNELS
        what, arms = f"with {', '.join(channels)} off and on", channel_arms(scenario, channels)
    seeds, replicates = size_of(arguments, REPLICATES)
    _prepare_cache(arguments.quiet, listener)
    with ProgressBar("runs", arguments.quiet) as progress:
        comparison = compare(
            what,
            arms,
            replicates=replicates,
            seeds=seeds,
            threads=arguments.threads,
            progress=progress.update,
        )
    if arguments.format == "text":
        print(format_comparison(comparison))
        return 0
    from hashcredit.experiments.commands.measuring import sample_of
    from hashcredit.experiments.folder.compare import comparison_frame
    from hashcredit.experiments.support.publish import published

    arguments.replicates = replicates
    caption = f"The scenario {what}, on the same draws. {sample_of(arguments, scenario)}"
    print(published(comparison_frame(comparison), arguments.format, caption))
    return 0


def _scenario(arguments: argparse.Namespace) -> "Scenario":
    """The scenario named on the command line with its changes."""
    from hashcredit.simulator.scenario.scenario import Scenario, parse_assignments

    return Scenario.load(arguments.scenario).with_changes(parse_assignments(arguments.set))


def _scenario_list(_: argparse.Namespace, __: StopListener) -> int:
    from hashcredit.simulator.scenario.scenario import Scenario

    names = Scenario.names()
    width = max(len(name) for name in names)
    for name in names:
        print(f"{name:<{width}}  {Scenario.load(name).title}")
    return 0


def _scenario_show(arguments: argparse.Namespace, _: StopListener) -> int:
    scenario = _scenario(arguments)
    if not arguments.table:
        print(scenario.to_toml(comments=True), end="")
        return 0
    from hashcredit.simulator.scenario.text import toml_value

    rows = [("field", "value", "unit", "lowest", "highest", "meaning", "source", "evidence")]
    for row in scenario.describe():
        low, high = ("" if bound is None else str(bound) for bound in (row.low, row.high))
        value = toml_value(row.value)
        rows.append((row.field, value, row.unit, low, high, row.meaning, row.source, row.evidence))
    widths = [min(40, max(len(row[column]) for row in rows)) for column in range(len(rows[0]))]
    for cells in rows:
        print("  ".join(f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True)).rstrip())
    return 0


def _scenario_check(arguments: argparse.Namespace, _: StopListener) -> int:
    from hashcredit.simulator.scenario.scenario import Scenario

    for file in arguments.files:
        scenario = Scenario.load(file)
        print(f"{file}: {scenario.name} is valid, digest {scenario.digest()[:16]}")
    return 0


def _scenario_schema(_: argparse.Namespace, __: StopListener) -> int:
    from hashcredit.simulator.scenario.scenario import Scenario

    print(json.dumps(Scenario.json_schema(), indent=2))
    return 0


def _figures(arguments: argparse.Namespace, listener: StopListener) -> int:
    from hashcredit.experiments.commands.figures import figures

    return figures(arguments, listener)


def _dashboard(arguments: argparse.Namespace, listener: StopListener) -> int:
    from hashcredit.experiments.commands.dashboard import dashboard

    return dashboard(arguments, listener)


def _warmup(_: argparse.Namespace, listener: StopListener) -> int:
    """Run something tiny on every path, so that all machine code is in the cache."""
    started = time.perf_counter()
    from hashcredit.agents.compiled import cache_folder
    from hashcredit.simulator import Scenario, simulate, simulate_many

    _prepare_cache(False, listener)
    scenario = Scenario.load().with_changes({"horizon_weeks": 2})
    simulate_many(scenario, replicates=2, progress=False)
    simulate(scenario)
    simulate(scenario, check=True)
    print(f"kernels are ready in {cache_folder()} after {time.perf_counter() - started:.1f} s")
    return 0


def _prepare_cache(quiet: bool, listener: StopListener) -> None:
    """Compile what is not compiled yet, and say how far that is: nothing else moves for a while.

    A cache that lasts for this process only is removed by a stop too.
    """
    import shutil

    from hashcredit.agents.compiled import cache_folder, is_kept
    from hashcredit.simulator.progress import CompilationWatch, are_kernels_ready, compiled_kernels

    folder = cache_folder()
    if not is_kept():
        listener.at_stop(lambda: shutil.rmtree(folder, ignore_errors=True))
    if are_kernels_ready():
        return
    if not quiet and not compiled_kernels():
        later = "; the next run starts at once" if is_kept() else ""
        print(f"compiling the kernels, a few minutes{later}", file=sys.stderr)
    from hashcredit.experiments.execution.worker import ready_kernels

    with CompilationWatch(quiet):
        ready_kernels()


def _reproduce(arguments: argparse.Namespace, listener: StopListener) -> int:
    from hashcredit.experiments.commands.reproduce import reproduce

    return reproduce(arguments, listener)


def _indices(arguments: argparse.Namespace, listener: StopListener) -> int:
    from hashcredit.experiments.commands.indices import indices

    return indices(arguments, listener)


def _variance(arguments: argparse.Namespace, listener: StopListener) -> int:
    from hashcredit.experiments.commands.variance import variance

    return variance(arguments, listener)


def _completion(arguments: argparse.Namespace, listener: StopListener) -> int:
    from hashcredit.experiments.commands.shell_scripts import completion

    return completion(arguments, listener)


def _measure(arguments: argparse.Namespace, listener: StopListener) -> int:
    """A measure of a scenario: its module has a function of the command's name."""
    module = import_module(f"{__package__}.{MEASURES[arguments.command]}")
    scenario = _scenario(arguments)
    _prepare_cache(arguments.quiet, listener)
    code: int = getattr(module, arguments.command)(arguments, scenario, listener)
    return code


def _study_command(name: str) -> Callable[[argparse.Namespace, StopListener], int]:
    """A command on studies, imported when it is called."""

    def command(arguments: argparse.Namespace, listener: StopListener) -> int:
        from hashcredit.experiments.commands import study_commands

        code: int = getattr(study_commands, name)(arguments, listener)
        return code

    return command


MEASURES = {
    "attribute": "measures",
    "explain": "measures",
    "recoveries": "measures",
    "spreads": "measures",
    "collateral": "measures",
    "policies": "policies",
    "tenors": "tenors",
    "regimes": "regimes",
}
"""Commands that measure a scenario, and the module beside this one that each is in."""

COMMANDS: dict[str, Callable[[argparse.Namespace, StopListener], int]] = {
    "run": _run,
    "compare": _compare,
    **dict.fromkeys(MEASURES, _measure),
    **{name: _study_command(name) for name in ("sweep", "status", "failures", "rerun", "export")},
    "scenario list": _scenario_list,
    "scenario show": _scenario_show,
    "scenario check": _scenario_check,
    "scenario schema": _scenario_schema,
    "reproduce": _reproduce,
    "figures": _figures,
    "indices": _indices,
    "variance": _variance,
    "dashboard": _dashboard,
    "warmup": _warmup,
    "doctor": doctor,
    "completion": _completion,
}


if __name__ == "__main__":
    sys.exit(main())
