"""`hashcredit reproduce`: what it lists and leaves; a reference that was tampered with fails by name."""

import shutil

import pytest
from repository import ROOT

from hashcredit.experiments.commands.arguments import REPRODUCE_EXAMPLES, build_parser
from hashcredit.experiments.commands.cli import main
from hashcredit.experiments.commands.reproduce import GROUPS
from hashcredit.experiments.commands.reproductions import EVERYTHING, RUNS
from hashcredit.experiments.papers import EPISODES, PAPERS
from hashcredit.experiments.scenarios.named import NAMED

REFERENCE = ROOT / "results" / "reference"


@pytest.fixture
def clone(tmp_path, monkeypatch):
    """A working folder with the stored references."""
    shutil.copytree(REFERENCE, tmp_path / "results" / "reference")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "results" / "reference"


def tamper(file, old, new):
    text = file.read_text()
    assert text.count(old) == 1
    file.write_text(text.replace(old, new))


def drifted(capsys, *words, code=1):
    """The rows that the command names as drifted."""
    assert main(["reproduce", *words]) == code
    return [line.strip().removeprefix("drifted: ") for line in capsys.readouterr().out.splitlines()
            if line.startswith("  drifted: ")]  # fmt: skip


def test_what_it_lists_leaves_and_refuses(clone, tmp_path, capsys):
    assert main(["reproduce", "--list"]) == 0
    listed = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in listed] == [*PAPERS, *EPISODES, *NAMED, *RUNS]
    assert main(["reproduce", "greenwood_2015", "--out", "new"]) == 0
    out = capsys.readouterr().out
    assert "aggregate vulnerability" in out and "differs" not in out
    assert "14 numbers compared" in out and "none drifted" in out
    kept = {path.name for path in (tmp_path / "new" / "greenwood_2015").iterdir()}
    assert kept == {"table.csv", "greenwood_2015.png", "greenwood_2015.pdf"}
    assert main(["reproduce", "greenwod_2015", "--out", "other"]) == 2
    assert "did you mean 'greenwood_2015'" in capsys.readouterr().err and not (tmp_path / "other").exists()
    assert main(["reproduce", "greenwood_2015", "--out", "new"]) == 2
    assert "is not empty" in capsys.readouterr().err


def test_examples_of_its_help_are_commands():
    lines = [line.split("   ")[0] for line in REPRODUCE_EXAMPLES.splitlines() if line.startswith("  hash")]
    assert len(lines) == 5
    for line in lines:
        arguments = build_parser().parse_args(line.split()[1:])
        assert set(arguments.keys) <= {*EVERYTHING, *GROUPS}


def test_without_references_nothing_is_compared(tmp_path, monkeypatch, capsys):
    """As after an installation from a wheel: one line says so."""
    monkeypatch.chdir(tmp_path)
    assert main(["reproduce", "geanakoplos_2010"]) == 0
    said = capsys.readouterr()
    assert "against" not in said.out and said.err.count("nothing is compared") == 1
    assert main(["reproduce", "geanakoplos_2010", "--out", "again", "--refresh-reference"]) == 2
    assert "results/reference" in capsys.readouterr().err and not (tmp_path / "again").exists()


def test_a_papers_reference_bites(clone, capsys):
    file = clone / "greenwood_2015.csv"
    tamper(file, "losses of bank 2,money,1.320624,", "losses of bank 2,money,1.320625,")
    lines = file.read_text().splitlines()
    lines[1] = lines[1].replace("-0.012,true", "-0.012,true").replace(lines[1].split(",")[4], "-0.0121", 1)
    file.write_text("\n".join([line for line in lines if not line.startswith("sales of asset 1")]) + "\n")
    found = drifted(capsys, "greenwood_2015", "--quick")
    assert [line.split(": ")[1] for line in found] == [
        "returns of bank 1",
        "sales of asset 1",
        "losses of bank 2",
    ]
    assert "-0.0121 in the reference" in found[0] and "found here, not in the reference" in found[1]
    assert found[2].endswith("published 1.320624 here, 1.320625 in the reference")


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"quantity,unit\nx,y\n", b'"', b""])
def test_a_damaged_reference_is_refused_before_anything_is_computed(content, clone, capsys):
    file = clone / "greenwood_2015.csv"
    file.write_bytes(content)
    assert main(["reproduce", "geanakoplos_2010", "greenwood_2015", "--out", "new"]) == 2
    said = capsys.readouterr()
    assert "greenwood_2015.csv" in said.err and said.err.count("\n") == 1 and said.out == ""
    assert not (clone.parents[1] / "new").exists()


def test_a_missing_reference_is_named_and_stored_on_demand(clone, capsys):
    file, before = clone / "greenwood_2015.csv", (clone / "greenwood_2015.csv").read_text()
    file.unlink()
    assert drifted(capsys, "greenwood_2015", "--out", "a") == [
        "results/reference/greenwood_2015.csv is missing"
    ]
    assert not file.exists()
    assert drifted(capsys, "greenwood_2015", "--out", "b", "--refresh-reference", code=0) == []
    assert drifted(capsys, "greenwood_2015", "--out", "c", code=0) == []
    assert [line.split(",")[:4] for line in file.read_text().splitlines()] == [
        line.split(",")[:4] for line in before.splitlines()
    ]
    assert main(["reproduce", "greenwood_2015", "--quick", "--refresh-reference"]) == 2
    assert "not allowed with argument" in capsys.readouterr().err


def test_a_summarys_reference_bites(clone, capsys):
    """A hundred of its thousand runs tell fifteen standard errors from none."""
    found = drifted(capsys, "dump_10k_h100", "--quick", "--out", "a", code=0)
    assert found == []
    file = clone / "dump_10k_h100.csv"
    row = next(line for line in file.read_text().splitlines() if line.startswith("defaults,"))
    cells = row.split(",")
    cells[3] = repr(float(cells[3]) + 15.0 * float(cells[4]))
    tamper(file, row, ",".join(cells))
    (said,) = drifted(capsys, "dump_10k_h100", "--quick", "--out", "b")
    assert said.startswith("dump_10k_h100: defaults: mean ") and f"{cells[3]} in the reference" in said
