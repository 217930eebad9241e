"""Tables against references: what counts as drift, which error is allowed for, what is refused."""

import csv
import io
import math

import numpy as np
import pytest
from repository import ROOT
from scipy.stats import t

from hashcredit.experiments.commands.reproduce import reference_of
from hashcredit.experiments.commands.reproductions import EVERYTHING, RUNS, kind_of
from hashcredit.experiments.papers.replication import FORM
from hashcredit.experiments.scenarios.named import NAMED
from hashcredit.experiments.support import references
from hashcredit.experiments.support.references import Draws, Form, compare, rows_of
from hashcredit.simulator.errors import ScenarioError

SMALL = Form(("name",), "mean", "error", "n", fixed=("unit",), digits=6, retaken=0.02)
HEADER = "name,unit,mean,low,error,n"


def table(*rows):
    return rows_of("\n".join([HEADER, *rows]) + "\n", SMALL)


def drifts(found, stored, draws=Draws.SAME):
    return [str(drift) for drift in compare(table(*found), table(*stored), SMALL, draws).drifts]


def stored_of(key):
    return references.place_of(reference_of(key), ROOT / references.FOLDER).read_text()


# Stored tables


@pytest.mark.parametrize("key", EVERYTHING)
def test_a_stored_table_is_one_of_its_kind_and_the_same_as_itself(key):
    form = kind_of(key).form
    rows = rows_of(stored_of(key), form)
    for draws in Draws:
        done = compare(rows, rows, form, draws)
        assert done.drifts == () and done.compared == len(rows) and done.untold == 0


@pytest.mark.parametrize("key", ["greenwood_2015", "thurner_2012", "standing_repo", "dump_10k_h100"])
def test_every_cell_bites(key):
    """Each number made larger by a part in ten thousand, each text longer: that row is named, alone."""
    form = kind_of(key).form
    lines = list(csv.DictReader(io.StringIO(stored_of(key))))
    rows = rows_of(stored_of(key), form)
    for place in (0, len(lines) - 1):
        for column, cell in lines[place].items():
            if column in form.keys:
                continue
            name = tuple(lines[place][key] for key in form.keys)
            text = column in (*form.fixed, *form.verdicts)
            other = f"{cell}x" if text else repr(float(cell or 0.5) * 1.0001 or 1e-4)
            (drift,) = compare(rows, {**rows, name: {**rows[name], column: other}}, form, Draws.SAME).drifts
            assert drift.name == name and f"{column} {cell or 'not told'} here, {other}" in drift.what


def test_what_is_stored_is_what_can_be_reproduced():
    known = {
        line.split(",")[0] for line in (ROOT / references.FOLDER / "processors.csv").read_text().split("\n")
    }
    assert known <= {"table", "", *(reference_of(key) for key in EVERYTHING)}
    stored = {path.stem for path in (ROOT / references.FOLDER).rglob("*.csv")}
    assert stored == {"processors", *EVERYTHING}


# The same draws


def test_the_same_draws_have_to_give_the_same_to_rounding():
    assert drifts(["a,M$,123.456,1,2,9"], ["a,M$,123.457,1,2,9"]) == []
    (drift,) = drifts(["a,M$,123.456,1,2,9"], ["a,M$,123.458,1,2,9"])
    assert drift == "a: mean 123.456 here, 123.458 in the reference"
    (drift,) = drifts(["a,M$,5,1,2,9"], ["a,USD,5,1,2.1,10"])
    differ = (("unit", "M$", "USD"), ("error", "2", "2.1"), ("n", "9", "10"))
    told = "; ".join(f"{column} {here} here, {there} in the reference" for column, here, there in differ)
    assert drift == f"a: {told}"


def test_what_cancels_is_zero_and_what_is_not_told_is_told_from_a_number():
    assert drifts(["a,M$,2e-16,nan,2,9"], ["a,M$,-3e-16,,2,9"]) == []
    assert len(drifts(["a,M$,0,1,2,9"], ["a,M$,1e-9,1,2,9"])) == 1
    assert drifts(["a,M$,,1,2,9"], ["a,M$,3,1,2,9"]) == ["a: mean not told here, 3 in the reference"]
    assert len(drifts(["a,M$,inf,1,2,9"], ["a,M$,3,1,2,9"])) == 1


@pytest.mark.parametrize("draws", Draws)
def test_rows_too_few_and_too_many_are_named(draws):
    a, b = "a,M$,5,1,2,9", "b,M$,5,1,2,9"
    assert drifts([a, b], [a], draws) == ["b: found here, not in the reference"]
    assert drifts([a], [a, b], draws) == ["b: in the reference, not found here"]


# Other draws


def test_fewer_draws_have_to_lie_within_both_errors():
    """The reach of one number is the quantile at .5 %; 9 runs have at least the stored spread's error."""
    reach = t.ppf(0.995, 8)
    for own in (0.5, 3.0):
        error = math.hypot(0.2, max(own, 0.2 * 10.0))
        near, far = 50.0 + (reach - 0.01) * error, 50.0 + (reach + 0.01) * error
        stored = ["a,M$,50,1,0.2,900"]
        assert drifts([f"a,M$,{near},1,{own},9"], stored, Draws.FEWER) == []
        (drift,) = drifts([f"a,M$,{far},1,{own},9"], stored, Draws.FEWER)
        assert f"{reach:.1f} standard errors off, {reach:.1f} allowed" in drift


def test_where_nothing_is_random_fewer_draws_change_nothing():
    assert drifts(["a,M$,5,5,0,0"], ["a,M$,5,5,0,0"], Draws.FEWER) == []
    assert drifts(["a,M$,5,5,0,0"], ["a,M$,5.1,5.1,0,0"], Draws.FEWER) != []


def test_numbers_without_an_error_are_left_out_and_counted():
    found, stored = table("a,M$,5,5,,50", "b,M$,,,,0"), table("a,M$,7,7,,200", "b,M$,3,2,1,9")
    done = compare(found, stored, SMALL, Draws.FEWER)
    assert (done.drifts, done.compared, done.untold) == ((), 0, 2)
    assert len(compare(found, stored, SMALL, Draws.SAME).drifts) == 2
    assert "2 without an error or with few replicates left out" in references.told("x", done)[0]
    # of few replicates nothing is told, and a cell that holds the same anyway is the same
    few = compare(
        table("a,M$,5,4,1,7", "b,M$,3,2,1,7"), table("a,M$,9,4,.2,90", "b,M$,3,2,.2,90"), SMALL, Draws.FEWER
    )
    assert (few.drifts, few.compared, few.untold) == ((), 1, 1)
    # a mean that the stored, larger sample could not tell cannot be told of a part of it
    assert drifts(["a,M$,5,4,1,9"], ["a,M$,,,,0"], Draws.FEWER) != []


def test_elsewhere_a_share_of_runs_is_drawn_afresh():
    """A share s of a mean moves it by sqrt(2 s) of its standard errors, here .2."""
    reach = t.ppf(0.995, 899) * 0.2
    assert drifts([f"a,M$,{50 + 0.99 * reach},1,1,900"], ["a,M$,50,1,1,900"], Draws.ELSEWHERE) == []
    assert drifts([f"a,M$,{50 + 1.01 * reach},1,1,900"], ["a,M$,50,1,1,900"], Draws.ELSEWHERE) != []


def means_and_errors(sample):
    return zip(sample.mean(axis=0), sample.std(axis=0, ddof=1) / math.sqrt(len(sample)), strict=True)


@pytest.mark.parametrize("skew", [0.0, 1.0])
def test_an_unchanged_model_drifts_in_one_table_of_a_hundred_at_most(skew):
    """Tables of 40 correlated means of 30 of 300 draws, normal, and log-normal ones as losses are.

    The reach is meant for independent samples, so that a part of the stored draws fails less often. If each
    of 200 tables failed with 1 %, more than 7 would do so in one of a thousand times.
    """
    rng = np.random.default_rng(16)
    failed = 0
    for _ in range(200):
        common = rng.standard_normal((300, 1))
        sample = 0.7 * common + 0.7 * rng.standard_normal((300, 40))
        sample = np.exp(skew * sample) if skew else sample
        found, stored = (
            table(*(f"{place},M$,{mean},0,{error},{n}" for place, (mean, error) in enumerate(each)))
            for n, each in ((n, means_and_errors(sample[:n])) for n in (30, 300))
        )
        failed += bool(compare(found, stored, SMALL, Draws.FEWER).drifts)
    assert failed <= 7


# Files


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no quantity there"),
        ("quantity,unit\nx,y\n", "no obtained there"),
        ("{header}\nx,y\n", "11 cells in line 2; has 2"),
        ("{header}\nx,u,1,0,oops,1,1,0,0,true,s\n", "a number as obtained; has 'oops'"),
        ("{header}\n{row}\n{row}\n", "each row once; line 3"),
        ('{header}\n"x,u\n', "a CSV file; unexpected end of data"),
    ],
)
def test_files_of_another_format_are_refused(text, said):
    header = stored_of("greenwood_2015").splitlines()[0]
    given = text.format(header=header, row="x,u,1,0,1,1,1,0,0,true,s")
    with pytest.raises(ScenarioError, match=said):
        rows_of(given, FORM, "greenwood_2015.csv")


def test_a_column_too_many_is_named():
    text = stored_of("dump_10k_h100").splitlines()
    form = kind_of("dump_10k_h100").form
    more = rows_of("\n".join([text[0] + ",new", *(line + ",1" for line in text[1:])]), form)
    rows = rows_of("\n".join(text), form)
    for found, stored, what in ((rows, more, "new no such column here"), (more, rows, "new 1 here, no such")):
        done = compare(found, stored, form, Draws.SAME)
        assert len(done.drifts) == len(rows) and what in done.drifts[0].what


def test_stored_and_read_again(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ScenarioError, match="results/reference"):
        references.require()
    references.FOLDER.mkdir(parents=True)
    references.require()
    assert references.read_reference("scenarios/x", SMALL) is None
    text = f"{HEADER}\na,M$,1,0,0.5,9\n"
    assert references.draws_of("scenarios/x", False) is Draws.ELSEWHERE
    references.store("scenarios/x", text)
    references.store("b", text)
    assert references.read_reference("scenarios/x", SMALL) == rows_of(text, SMALL)
    assert references.draws_of("scenarios/x", False) is Draws.SAME
    assert references.draws_of("scenarios/x", True) is Draws.FEWER
    processors = references.FOLDER / "processors.csv"
    lines = processors.read_text().splitlines()
    assert [line.split(",")[0] for line in lines] == ["table", "b", "scenarios/x"]
    processors.write_text("table,processor\nb,Abacus\n")
    assert references.draws_of("b", False) is Draws.ELSEWHERE
    processors.write_text("b\n")
    with pytest.raises(ScenarioError, match="processors"):
        references.draws_of("b", False)


def test_kinds_of_keys():
    assert {key for key in EVERYTHING if "/" in reference_of(key)} == set(NAMED)
    assert {
        key for key in EVERYTHING if kind_of(key).form.value == "obtained"
    } == EVERYTHING.keys() - NAMED.keys() - RUNS.keys()
