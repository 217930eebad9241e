"""The command line: what it prints, what it writes, how it refuses, how it stops."""

import argparse
import importlib.metadata
import json
import shlex
import subprocess
import sys
import tomllib

import pandas as pd
import pytest
from small_command import SMALL, small_scenario

from hashcredit import simulator
from hashcredit.experiments.commands.arguments import EXAMPLES, build_parser
from hashcredit.experiments.commands.cli import COMMANDS, _prepare_cache, main
from hashcredit.experiments.figures import FIGURES, STUDY_FIGURES
from hashcredit.experiments.support.progress import ProgressBar
from hashcredit.experiments.support.stopping import StopListener
from hashcredit.simulator import Scenario, simulate_many
from hashcredit.simulator.errors import SimulationError
from hashcredit.simulator.provenance import rebuild

COMMAND = [sys.executable, "-m", "hashcredit.experiments.commands.cli"]


def everything_under(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


# Grammar


def test_the_front_door_is_light():
    heavy = {"numpy", "pandas", "pydantic", "numba", "matplotlib", "scipy", "tqdm", "mesa", "networkx"}
    code = (
        "import sys, hashcredit.experiments.commands.cli as cli; cli.main(['--help']);"
        f"sys.exit(bool({heavy} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "examples:" in done.stdout and "exit codes:" in done.stdout


UNUSED_BY = {
    "scenario list": {"numba", "scipy", "pandas", "pyarrow", "networkx", "matplotlib", "mesa"},
    "status nowhere": {"numba", "scipy", "pandas", "networkx", "matplotlib", "mesa"},
    "run --set horizon_weeks=2 --replicates 1": {"pandas", "pyarrow", "networkx", "matplotlib", "mesa"},
}
"""What a command has no use for: each of these takes as long to import as a scenario to run."""


@pytest.mark.parametrize("command", UNUSED_BY)
def test_a_command_loads_only_what_it_uses(command, tmp_path):
    code = (
        f"import sys, hashcredit.experiments.commands.cli as cli; cli.main({command.split()});"
        f"print(*sorted({UNUSED_BY[command]} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert done.stderr.splitlines()[-1] == ""


def test_examples_of_the_help_are_commands():
    lines = [line.split("   ")[0] for line in EXAMPLES.splitlines() if line.startswith("  hashcredit ")]
    assert len(lines) >= 5
    for line in lines:
        arguments = build_parser().parse_args(shlex.split(line)[1:])
        assert arguments.command in COMMANDS


def test_every_command_of_the_grammar_exists():
    def commands(parser):
        if "command" in parser._defaults:
            yield parser._defaults["command"]
        for action in parser._actions:
            if isinstance(action, argparse._SubParsersAction):
                for child in action.choices.values():
                    yield from commands(child)

    assert sorted(commands(build_parser())) == sorted(COMMANDS)


def test_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"hashcredit {importlib.metadata.version('hashcredit')}\n"


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ([], "COMMAND"),
        (["nonsense"], "'nonsense'"),
        (["run", "no_such_scenario"], "no_such_scenario"),
        (["run", "--replicates", "0"], "--replicates: '0'"),
        (["run", "--replicates", "many"], "--replicates: 'many'"),
        (["run", "--seeds", "0"], "--seeds: '0'"),
        (["run", "--seeds", "all"], "--seeds: 'all'"),
        (["run", "--seed", str(2**63 - 1), "--seeds", "2"], "seeds"),
        (["compare", "--seeds", "100", "--replicates", "1000000"], "at most 10000000 runs"),
        (["run", "--seed", "-1"], "--seed: '-1'"),
        (["run", "--seed", str(2**63)], "--seed"),
        (["run", "--threads", "0"], "--threads: '0'"),
        (["run", "--set", "horizon_weeks"], "horizon_weeks"),
        (["run", "--set", "horizon_weeks=0"], "horizon_weeks: 0"),
        (["run", "--set", "horizon_week=9"], "horizon_weeks"),  # the near name is suggested
        (["run", "--set", "horizon_weeks=9", "--set", "horizon_weeks=10"], "set twice"),
        (["run", "--out", ""], "needs a name"),
        (["run", "--repl", "3"], "--repl"),
        (["compare", "--markets", "auction", "auction"], "at most once"),
        (["compare", "--markets", "casino"], "'casino'"),
        (["scenario", "check", "no_such_file.toml"], "no_such_file.toml"),
        (["scenario", "show", "no_such_scenario"], "no_such_scenario"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(arguments, named, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("hashcredit: error: ") and said.err.count("\n") == 1
    assert named in said.err
    assert everything_under(tmp_path) == []


# Running


def test_run_writes_a_folder(tmp_path, capsys):
    target = tmp_path / "result"
    assert (
        main(["run", *SMALL, "--seed", "9", "--seeds", "1", "--replicates", "5", "--out", str(target)]) == 0
    )
    said = capsys.readouterr()
    assert said.err == ""  # quiet
    assert "seed 9, 5 replicates, of 6 weeks" in said.out
    assert "standard errors and intervals: this network only" in said.out
    assert "P(any default)" in said.out and "95 % interval" in said.out and "largest residuals" in said.out
    expected = simulate_many(small_scenario(), seed=9, replicates=5).summary
    pd.testing.assert_frame_equal(pd.read_parquet(target / "summary.parquet"), expected, check_exact=True)
    record = json.loads((target / "provenance.json").read_text())
    assert rebuild(record) == (small_scenario(), 9, 0)
    assert record["command"][:2] == ["hashcredit", "run"]
    assert len(list((target / "figures").iterdir())) == 2 * len(FIGURES)
    assert everything_under(tmp_path)[0] == "result" and len(list(tmp_path.iterdir())) == 1


def test_threads_never_change_a_byte(tmp_path, capsys):
    for threads in ("1", "2"):
        arguments = ["run", *SMALL, "--seeds", "1", "--replicates", "7", "--threads", threads, "--no-figures"]
        assert main([*arguments, "--out", str(tmp_path / threads)]) == 0
    for name in ("summary.parquet", "series.parquet", "events.parquet", "summary.csv"):
        assert (tmp_path / "1" / name).read_bytes() == (tmp_path / "2" / name).read_bytes()


def test_control_variates_add_a_table_and_a_file(tmp_path, capsys):
    target = tmp_path / "result"
    arguments = ["run", *SMALL, "--seeds", "1", "--replicates", "30", "--control-variates", "--no-figures"]
    assert main([*arguments, "--out", str(target)]) == 0
    said = capsys.readouterr().out
    head, table = said.split("largest residuals")[0].split("adjusted ", 1)
    assert "standard error" in table and max(map(len, table.splitlines())) <= 80
    file = pd.read_csv(target / "precise.csv", index_col="quantity")
    many = simulate_many(small_scenario(), replicates=30, progress=False)
    expected = many.precise.set_index("scalar")
    for name in ("new_lending_musd", "creditor_loss_musd", "defaults"):
        for column in ("n", "adjusted_mean", "adjusted_se", "low", "high", "equivalent_runs"):
            same = pytest.approx(expected.loc[name, column], rel=1e-12, nan_ok=True)
            assert name not in file.index or file.loc[name, column] == same
    assert list(file.index) == list(pd.read_csv(target / "summary.csv")["quantity"])
    assert [line.split("  ")[0] for line in head.splitlines() if line.startswith("P(")] == [
        line.split("  ")[0] for line in table.splitlines() if line.startswith("P(")
    ]
    assert main(["run", *SMALL, "--seeds", "1", "--replicates", "1", "--control-variates"]) == 0


def test_parts_of_the_variance_add_a_table_and_a_file(tmp_path, capsys):
    target = tmp_path / "result"
    size = ["--seeds", "4", "--replicates", "3", "--variance", "--no-figures"]
    assert main(["run", *SMALL, *size, "--out", str(target)]) == 0
    said = capsys.readouterr().out
    table = said.split("share of the variance")[1].split("largest residuals")[0]
    assert "over 4 networks" in table and max(map(len, table.splitlines())) <= 80
    many = simulate_many(small_scenario(), seeds=range(1, 5), replicates=3, progress=False)
    kept = pd.read_csv(target / "variance.csv")
    pd.testing.assert_frame_equal(kept, many.variance_parts, check_dtype=False)
    of_failures = many.variance_parts.query("scalar == 'lender_failures'")
    (line,) = [line for line in table.splitlines() if line.startswith("lender failures")]
    assert all(f" {round(100.0 * share)} (" in line for share in of_failures["share"])


@pytest.mark.parametrize(
    ("size", "said"),
    [
        (["--seeds", "2"], "seeds: 2 is not allowed"),
        (["--replicates", "1"], "replicates: 1 is not allowed"),
        (["--check"], "replicates: 1 is not allowed"),
        (["--set", "shocks.antithetic=true"], "shocks.antithetic: True is not allowed"),
    ],
)
def test_too_few_runs_for_parts_of_the_variance_are_refused_before_the_work(size, said, tmp_path, capsys):
    target = tmp_path / "result"
    assert main(["run", *SMALL, *size, "--variance", "--out", str(target)]) == 2
    assert said in capsys.readouterr().err and not target.exists()


def test_one_replicate_has_no_interval(capsys):
    assert main(["run", *SMALL, "--seeds", "1", "--replicates", "1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    (line,) = [line for line in lines if line.startswith("defaults  ")]
    assert line.split()[1] == "1" and line.split()[3:5] == ["-", "-"]


def test_networks_are_from_the_seed_on(tmp_path, capsys):
    target = tmp_path / "result"
    arguments = ["run", *SMALL, "--seed", "4", "--seeds", "3", "--replicates", "2", "--control-variates"]
    assert main([*arguments, "--out", str(target)]) == 0
    said = capsys.readouterr().out
    assert "seeds 4 to 6, 2 replicates each, of 6 weeks" in said
    assert said.count("standard errors and intervals: over 3 networks, one a seed") == 2
    many = simulate_many(small_scenario(), seeds=(4, 5, 6), replicates=2)
    pd.testing.assert_frame_equal(pd.read_parquet(target / "summary.parquet"), many.summary, check_exact=True)
    table = pd.read_csv(target / "summary.csv", index_col="quantity")
    of_seeds = many.summary.groupby("seed")["creditor_loss_musd"].mean()
    row = table.loc["creditor_loss_musd"]
    assert row["standard_error"] == pytest.approx(of_seeds.std() / 3**0.5, rel=1e-9)
    assert (table["networks"] == 3).all() and (table["n"] <= 6).all()
    assert (pd.read_csv(target / "precise.csv")["networks"] == 3).all()
    record = json.loads((target / "provenance.json").read_text())
    assert (record["seeds"], record["replicates"], record["seed"]) == ([4, 5, 6], 2, 4)
    assert rebuild(record) == (small_scenario(), 4, 0)


def test_twenty_networks_unless_a_number_is_given(capsys):
    assert main(["run", *SMALL, "--replicates", "1"]) == 0
    assert "seeds 1 to 20, 1 replicate each, of 6 weeks" in capsys.readouterr().out
    for command in ("run", "compare"):
        arguments = build_parser().parse_args([command])
        assert (arguments.seed, arguments.seeds, arguments.replicates) == (1, 20, None)


def test_checked_runs_are_those_of_each_network(capsys):
    assert main(["run", *SMALL, "--seeds", "2", "--check"]) == 0
    assert "every identity held after every phase of 2 runs" in capsys.readouterr().out


def test_check_and_flows(capsys):
    assert main(["run", *SMALL, "--seeds", "1", "--replicates", "2", "--check", "--flows"]) == 0
    said = capsys.readouterr().out
    assert "every identity held after every phase of 2 runs" in said
    assert "rest_of_world" in said and "change in cash" in said


def test_a_failing_check_ends_with_1_and_writes_nothing(tmp_path, capsys, monkeypatch):
    import hashcredit.simulator.runs.engine as engine

    def broken(scenario, seed, replicate, check):
        raise SimulationError("phase pay: lender 3 has lost 1 M$", scenario.name, replicate, 17)

    monkeypatch.setattr(engine, "simulate", broken)
    assert (
        main(
            [
                "run",
                *SMALL,
                "--seeds",
                "1",
                "--replicates",
                "2",
                "--check",
                "--out",
                str(tmp_path / "a" / "b"),
            ]
        )
        == 1
    )
    said = capsys.readouterr()
    assert said.out == ""
    place = "scenario baseline_2026, replicate 0, week 17"
    assert said.err == f"hashcredit: error: {place}: phase pay: lender 3 has lost 1 M$\n"
    assert everything_under(tmp_path) == []


def test_a_checked_run_that_ends_otherwise_is_an_error(capsys, monkeypatch):
    import hashcredit.simulator.runs.engine as engine

    original = engine.simulate

    def different(scenario, seed, replicate, check):
        run = original(scenario, seed, replicate + 1, check=check)
        object.__setattr__(run, "replicate", replicate)
        run.summary["units_dumped"] = -5
        return run

    monkeypatch.setattr(engine, "simulate", different)
    assert main(["run", *SMALL, "--seeds", "1", "--replicates", "2", "--check"]) == 1
    assert "phase by phase but" in capsys.readouterr().err


def test_a_full_folder_is_refused_before_anything_runs(tmp_path, capsys, monkeypatch):
    import hashcredit.simulator.runs.engine as engine

    def too_early(*_, **__):
        raise AssertionError("the simulation was started")

    monkeypatch.setattr(engine, "simulate_many", too_early)
    (tmp_path / "mine").write_text("keep")
    assert main(["run", *SMALL, "--out", str(tmp_path)]) == 2
    assert "is not empty" in capsys.readouterr().err
    assert (tmp_path / "mine").read_text() == "keep" and everything_under(tmp_path) == ["mine"]


def test_a_full_disk_ends_with_1_and_leaves_nothing(tmp_path, capsys, monkeypatch):
    import hashcredit.experiments.folder.output as output

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(output, "write_figures", full)
    assert main(["run", *SMALL, "--seeds", "1", "--replicates", "1", "--out", str(tmp_path / "result")]) == 1
    assert "No space left on device" in capsys.readouterr().err
    assert everything_under(tmp_path) == []


def test_a_table_of_means_records_no_run(capsys, monkeypatch):
    """A run is recorded for a folder or for its flows; means need none."""
    asked, simulate_one = [], simulator.simulate

    def simulate(*arguments, **named):
        asked.append(arguments)
        return simulate_one(*arguments, **named)

    monkeypatch.setattr(simulator, "simulate", simulate, raising=False)
    few = ["run", *SMALL, "--seeds", "1", "--replicates", "1"]
    assert main(few) == 0
    assert asked == []
    assert main([*few, "--flows"]) == 0
    assert len(asked) == 1


def test_without_a_folder_nothing_is_written(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["run", *SMALL[:-1], "--seeds", "1", "--replicates", "1"]) == 0
    assert "nothing was written" in capsys.readouterr().err
    assert everything_under(tmp_path) == []


# Scenarios


def test_scenario_list_has_the_name_first(capsys):
    assert main(["scenario", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == Scenario.names()
    assert all(line.split(maxsplit=1)[1] == Scenario.load(line.split()[0]).title for line in lines)


def test_scenario_show_is_a_scenario_file(capsys, tmp_path):
    assert main(["scenario", "show", "thin_market", "--set", "shocks.btc_volatility=0.61"]) == 0
    text = capsys.readouterr().out
    assert tomllib.loads(text)["shocks"]["btc_volatility"] == 0.61
    (tmp_path / "shown.toml").write_text(text)
    expected = Scenario.load("thin_market").with_changes({"shocks.btc_volatility": 0.61})
    assert Scenario.load(tmp_path / "shown.toml") == expected
    assert main(["scenario", "check", str(tmp_path / "shown.toml")]) == 0
    assert f"is valid, digest {expected.digest()[:16]}" in capsys.readouterr().out


def test_scenario_table_has_every_field(capsys):
    assert main(["scenario", "show", "--table"]) == 0
    head, *lines = capsys.readouterr().out.splitlines()
    assert head.split() == ["field", "value", "unit", "lowest", "highest", "meaning", "source", "evidence"]
    assert [line.split()[0] for line in lines if not line.startswith("machine.")] == [
        row.field for row in Scenario.load().describe() if not row.field.startswith("machine.")
    ]


def test_scenario_schema_is_json(capsys):
    assert main(["scenario", "schema"]) == 0
    assert json.loads(capsys.readouterr().out)["properties"]["horizon_weeks"]["minimum"] == 1


# The other commands


def test_figures_lists_keys(capsys):
    assert main(["figures"]) == 0
    keys = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert keys == [*FIGURES, *STUDY_FIGURES]
    assert len(FIGURES) == 9


def test_warmup_says_how_long_and_where(capsys):
    from hashcredit.agents.compiled import cache_folder

    assert main(["warmup"]) == 0
    said = capsys.readouterr().out
    assert str(cache_folder()) in said and said.endswith(" s\n")


@pytest.mark.parametrize(("name", "said"), [("kernels-" + "0" * 16, True), ("hashcredit-temporary", False)])
def test_a_quick_next_run_is_promised_only_with_a_cache(name, said, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("hashcredit.agents.compiled.cache_folder", lambda: tmp_path / name)
    _prepare_cache(False, StopListener())
    assert ("the next run starts at once" in capsys.readouterr().err) is said


def test_progress_is_sparse_where_there_is_no_terminal(capsys):
    with ProgressBar("runs") as progress:
        for done in range(1, 1001):
            progress.update(done, 1000)
    assert capsys.readouterr().err.startswith("1,000 of 1,000 runs, ")
    with ProgressBar("runs", quiet=True) as progress:
        progress.update(1, 1)
    assert capsys.readouterr().err == ""
