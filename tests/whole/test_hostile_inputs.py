"""Whatever is in a file: exit code 0, 1 or 2, one line, no hang, nothing left behind, no wrong number."""

import shutil
import signal
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pandas as pd
import pytest
from hostile import hurt_folder, hurt_text
from pages import blocks
from repository import ROOT

from hashcredit.experiments.commands.cli import main
from hashcredit.experiments.study.study import Study
from hashcredit.simulator import Scenario
from hashcredit.simulator.errors import HashcreditError
from hashcredit.simulator.setup.network_export import write_networks

PATIENCE = 60
"""Seconds after which a command hangs."""

FEW = {"population.miners": 3, "population.neoclouds": 3}
ON_SMALL = [word for name, count in FEW.items() for word in ("--set", f"{name}={count}")]
SHORT = ["--set", "horizon_weeks=4"]
PLAIN = 'schema = 1\nbase = "baseline_2026"\n'
STUDIES = blocks((ROOT / "docs" / "studies.md").read_text(encoding="utf-8"), "toml")
NETWORKS = '[networks]\ncredit_kind = "file"\ncredit_file = "credit.{kind}"\n'


@contextmanager
def in_time(what: str):
    """Fail where a command takes too long, naming it."""

    def late(*_: object) -> None:
        raise TimeoutError(what)

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(PATIENCE)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def said(arguments: list[str], what: str, capsys) -> int:
    """Exit code of a command; a mistake is one line, and no other exception comes out."""
    with in_time(f"{what}: {arguments}"):
        code = main(arguments)
    out, err = capsys.readouterr()
    assert code in (0, 1, 2), (what, arguments, code)
    if code:
        errors = [line for line in err.splitlines() if not line.startswith("hashcredit: warning")]
        assert errors and errors[-1].startswith("hashcredit: error: "), (what, arguments, err)
    assert "Traceback" not in err + out, (what, err)
    return code


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def hurt_scenario(number: int, folder: Path, capsys) -> int:
    """A scenario file with mistakes is checked, and run if that finds none."""
    random = Random(f"scenario {number}")
    name = random.choice(Scenario.names())
    text = Scenario.load(name).to_toml() if random.random() < 0.5 else PLAIN
    if text == PLAIN:
        rows = random.sample(PARAMETERS, 5)
        text += "".join(f"{row.field} = {row.value}\n" for row in rows if isinstance(row.value, int | float))
    (folder / "mine.toml").write_bytes(hurt_text(text, random))
    before = names(folder)
    code = said(["scenario", "check", str(folder / "mine.toml")], f"scenario {number}", capsys)
    if code == 0:
        run = ["run", str(folder / "mine.toml"), *ON_SMALL, "--seeds", "1", "--replicates", "1", "--quiet"]
        said(run, f"scenario {number}", capsys)
    assert names(folder) == before
    return code


def hurt_study(number: int, folder: Path, capsys) -> int:
    """A study with mistakes is read, and its points are made."""
    random = Random(f"study {number}")
    (folder / "study.toml").write_bytes(hurt_text(random.choice(STUDIES), random))
    (folder / "design.csv").write_text("horizon_weeks,shocks.btc_drift\n10,0.1\n20,0.2\n")
    before = names(folder)
    try:
        with in_time(f"study {number}"):
            points = Study.load(folder / "study.toml").points()
            assert len(points) > 0
        code = 0
    except HashcreditError as error:
        code = error.exit_code
        refused = ["sweep", str(folder / "study.toml"), "--out", str(folder / "store"), "--quiet"]
        assert said(refused, f"study {number}", capsys) == code
    assert names(folder) == before
    return code


def hurt_network(number: int, folder: Path, capsys) -> int:
    """A network file with mistakes is read by the run that names it."""
    random = Random(f"network {number}")
    kind = random.choice(("graphml", "csv"))
    file = folder / f"credit.{kind}"
    if kind == "graphml":
        write_networks(Scenario.load().with_changes(FEW), 1, folder)
        whole = file.read_text(encoding="utf-8")
    else:
        pairs = [(b, lender) for b in range(3) for lender in range(2)]
        whole = "borrower,lender\n" + "".join(f"miner-{b},bank-{lender}\n" for b, lender in pairs)
    file.write_bytes(hurt_text(whole, random))
    (folder / "mine.toml").write_text(PLAIN + NETWORKS.format(kind=kind))
    before = names(folder)
    run = ["run", str(folder / "mine.toml"), *ON_SMALL, "--seeds", "1", "--replicates", "1", "--quiet"]
    code = said(run, f"network {number}", capsys)
    assert names(folder) == before
    return code


def hurt_store(number: int, folder: Path, capsys, original: Path, whole: pd.DataFrame) -> int:
    """Whoever reads a damaged store says so, or has the rows that were written."""
    random = Random(f"store {number}")
    store = Path(shutil.copytree(original, folder / "store"))
    what = f"store {number}: {hurt_folder(store, random)}"
    before = names(store)
    run_id = random.choice(whole["run_id"].tolist())
    codes = [
        said(words, what, capsys)
        for words in (
            ["status", str(store), "--verify"],
            ["failures", str(store)],
            ["rerun", str(store), run_id],
            ["export", str(store), "--to", str(folder / "runs.csv")],
        )
    ]
    assert names(store) == before, what
    if (folder / "runs.csv").exists():
        read = pd.read_csv(folder / "runs.csv")
        kept = whole[whole["run_id"].isin(read["run_id"])].reset_index(drop=True)
        pd.testing.assert_frame_equal(read, kept, obj=what)
    return max(codes)


PARAMETERS = [
    row
    for row in Scenario.load().describe()
    if row.low is not None and not row.field.startswith(("population.", "horizon_weeks"))
]
"""Fields with two bounds, the population apart: it is how large a market is."""

KINDS: dict[str, Callable[..., int]] = {
    "scenario": hurt_scenario,
    "study": hurt_study,
    "network": hurt_network,
    "store": hurt_store,
}


@pytest.fixture(scope="module")
def rows(original, tmp_path_factory):
    """The runs of the whole store as its export has them."""
    file = tmp_path_factory.mktemp("export") / "whole.csv"
    assert main(["export", str(original), "--to", str(file)]) == 0
    return pd.read_csv(file)


def attack(kind: str, numbers: range, tmp_path, capsys, original, rows) -> None:
    """Each mistake in a folder of its own."""
    codes = []
    for number in numbers:
        folder = tmp_path / f"{kind}-{number}"
        folder.mkdir()
        store = (original, rows) if kind == "store" else ()
        codes.append(KINDS[kind](number, folder, capsys, *store))
        shutil.rmtree(folder)
    assert 2 in codes and len(codes) == len(numbers)


@pytest.mark.parametrize("kind", KINDS)
def test_a_few_mistakes(kind, tmp_path, capsys, original, rows):
    attack(kind, range(10), tmp_path, capsys, original, rows)


@pytest.mark.fuzz
@pytest.mark.parametrize("block", range(10))
@pytest.mark.parametrize("kind", KINDS)
def test_two_thousand_mistakes(kind, block, tmp_path, capsys, original, rows):
    first = 1000 + 50 * block
    attack(kind, range(first, first + 50), tmp_path, capsys, original, rows)


def at_bounds(parameters, capsys) -> None:
    """Each field at its lowest and its highest value, checked phase by phase."""
    for row in parameters:
        for bound in (row.low, row.high):
            value = [bound] * len(row.value) if isinstance(row.value, tuple | list) else bound
            text = str(value).lower() if isinstance(value, bool) else str(value)
            changed = ["--set", f"{row.field}={text}"]
            run = [
                "run",
                *ON_SMALL,
                *SHORT,
                *changed,
                "--seeds",
                "1",
                "--replicates",
                "1",
                "--quiet",
                "--check",
            ]
            assert said(run, row.field, capsys) in (0, 2), run


def test_some_fields_at_their_bounds(capsys):
    at_bounds(Random(1).sample(PARAMETERS, 5), capsys)


@pytest.mark.fuzz
@pytest.mark.parametrize("part", range(8))
def test_every_field_at_its_bounds(part, capsys):
    at_bounds(PARAMETERS[part::8], capsys)
