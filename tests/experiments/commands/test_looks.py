"""`hashcredit figures` and `indices`: what they list, print, write, draw and refuse."""

import io
import re
import shlex
import shutil

import numpy as np
import pandas as pd
import pytest
from stores import chunks, fail_rows, rewrite
from studies import little_study, on_threads

from hashcredit.experiments import Results
from hashcredit.experiments.commands.cli import main
from hashcredit.experiments.commands.figure_arguments import FIGURES_EXAMPLES, INDICES_EXAMPLES

RANGES = {
    "shocks.btc_volatility": {"low": 0.4, "high": 0.9},
    "credit.marked_share": {"low": 0.1, "high": 0.9},
}


@pytest.fixture(scope="module")
def morris(tmp_path_factory):
    """Eight trajectories of three points, three replicates, in files of nine runs."""
    folder = tmp_path_factory.mktemp("looks")
    study = little_study(folder, 3, design={"kind": "morris", "trajectories": 8}, factors=RANGES)
    on_threads(study, folder / "store", chunk=9)
    return folder / "store"


@pytest.fixture
def here(morris, tmp_path, monkeypatch):
    """The working folder, with the study where the examples have it."""
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "study").symlink_to(morris)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def examples(text):
    return [
        re.split(r"   +", line.strip())[0] for line in text.splitlines() if line.startswith("  hashcredit")
    ]


def test_examples_of_indices_run(here, capsys):
    lines = examples(INDICES_EXAMPLES)
    assert len(lines) == 3
    for line in lines:
        words = shlex.split(line)[1:]
        # in so small a market there is no recovery
        words = ["units_dumped" if word == "recovery_rate" else word for word in words]
        assert main(words) == 0, line
    assert "outcome,index,factor" in capsys.readouterr().out
    assert (here / "indices.csv").read_text().count("\n") == 1 + 2 * 2 * 3
    assert (here / "indices.png").read_bytes().startswith(b"\x89PNG")


def test_what_is_printed_is_the_table(here, capsys):
    assert main(["indices", "results/study", "--of", "units_dumped", "--resamples", "50"]) == 0
    said = capsys.readouterr()
    printed = pd.read_csv(io.StringIO(said.out), keep_default_na=False, na_values={"low": [""], "high": [""]})
    table = Results.open("results/study").indices(["units_dumped"], resamples=50)
    assert printed["index"].tolist() == ["mu", "mu_star", "sigma"] * 2
    np.testing.assert_array_equal(printed["value"], table["value"])
    np.testing.assert_array_equal(printed["low"], table["low"])


def test_what_is_left_out_is_said(morris, tmp_path, capsys):
    folder = shutil.copytree(morris, tmp_path / "store")
    rewrite(chunks(folder)[0], lambda table: fail_rows(table, 3))  # point 0, which others may be the same as
    chunks(folder)[-1].unlink()
    assert main(["indices", str(folder), "--of", "units_dumped"]) == 0
    said = capsys.readouterr()
    (dropped,) = set(pd.read_csv(io.StringIO(said.out))["dropped"])
    assert dropped >= 2
    assert f"units_dumped: {dropped} of 8 trajectories left out (3 runs failed, " in said.err


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--of", "default"], "did you mean 'defaults'"),
        (
            ["--level", "1.5"],
            "--level: 1.5 is not allowed; expected a coverage between 0 and 1, such as 0.95",
        ),
        (["--resamples", "1"], "a whole number from 2"),
        (["--seed", "0"], "a whole number from 1"),
        (["--figure", "indices.gif"], "a name that ends with .png, .pdf, .svg"),
        (["--figure", "none/indices.png"], "none/indices.png: cannot be written (no such file or directory)"),
        (["--out", "there.csv"], "there.csv: exists already; nothing was written"),
    ],
)
def test_mistakes_are_one_line_and_nothing_is_written(words, complaint, here, capsys):
    (here / "there.csv").write_text("theirs")
    before = sorted(here.iterdir())
    asked = ["--out", "new.csv", *words] if "--out" not in words else words
    assert main(["indices", "results/study", *asked]) == 2
    said = capsys.readouterr()
    assert complaint in said.err and said.err.count("\n") == 1 and said.out == ""
    assert sorted(here.iterdir()) == before and (here / "there.csv").read_text() == "theirs"


def test_a_design_without_indices_is_refused(original, capsys):
    assert main(["indices", str(original)]) == 2
    said = capsys.readouterr()
    assert "'grid' is not allowed; expected one that has indices (morris, saltelli, sobol" in said.err
    assert said.err.count("\n") == 1 and said.out == ""


# Figures


def test_examples_of_figures_run(here, capsys):
    lines = examples(FIGURES_EXAMPLES)
    assert len(lines) == 4
    for line in lines:
        assert main(shlex.split(line)[1:]) == 0, line
    keys = {"response", "scatter", "heatmap", "indices"}
    assert {path.name for path in (here / "pictures").iterdir()} == {
        f"{k}.{e}" for k in keys for e in ("png", "pdf")
    }
    assert {path.stem for path in (here / "losses").iterdir()} == {"response", "scatter"}
    assert "4 figures are in pictures" in capsys.readouterr().out


def test_a_sample_that_is_too_small_for_indices_has_its_other_figures(tmp_path, capsys):
    """All there are: those that its runs suffice for. One by name: an error, and no folder."""
    design = {"kind": "latin-hypercube", "points": 6}
    on_threads(little_study(tmp_path, 2, design=design, factors=RANGES), tmp_path / "store", chunk=9)
    folder, place = str(tmp_path / "store"), tmp_path / "pictures"
    assert main(["figures", folder, "--out", str(place)]) == 0
    said = capsys.readouterr()
    assert "not drawn, indices: " in said.err and "at least 64 complete points" in said.err
    assert not list(place.glob("indices.*")) and list(place.glob("response.png"))
    assert f"{len(list(place.glob('*.png')))} figures are in" in said.out
    assert main(["figures", folder, "--out", str(tmp_path / "one"), "--only", "indices"]) == 2
    assert not (tmp_path / "one").exists()


def test_a_folder_lists_what_it_has(here, original, tmp_path, capsys):
    def listed(*words):
        assert main(["figures", *map(str, words)]) == 0
        return [line.split()[0] for line in capsys.readouterr().out.splitlines()]

    assert listed("results/study") == ["response", "scatter", "heatmap", "indices"]
    assert listed(original) == ["response", "scatter", "heatmap"]  # a grid has no indices
    run = tmp_path / "run"
    (run / "figures").mkdir(parents=True)
    (run / "provenance.json").write_text("{}")
    assert listed(run) == []
    (run / "figures" / "prices.png").write_bytes(b"")
    assert listed(run) == ["prices"]


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["results/study", "--only", "prices"], "a figure that this study has: response, scatter, heatmap"),
        (["results/study", "--of", "default", "--out", "new"], "did you mean 'defaults'"),
        (["results/study", "--factors", "rule", "--out", "new"], "factors: 'rule' is not allowed"),
        (["results"], "is neither the result folder of a run nor that of a study"),
        (["--out", "new"], "DIR: '(missing)'"),
    ],
)
def test_mistakes_with_figures_are_one_line(words, complaint, here, capsys):
    assert main(["figures", *words]) == 2
    said = capsys.readouterr()
    assert complaint in said.err and said.err.count("\n") == 1 and said.out == ""
    assert [path.name for path in here.iterdir()] == ["results"]
