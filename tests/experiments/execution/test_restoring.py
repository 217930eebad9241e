"""Plan, design and copies of a study are known by their hash: others are named, written anew or refused."""

import json
import os
import shutil
import signal
from pathlib import Path

import pytest
from stores import chunks, make_store
from studies import content_of, little_study, on_threads, rows_of

from hashcredit.experiments.commands.cli import main
from hashcredit.experiments.execution import planning
from hashcredit.experiments.execution.planning import MixedResultsError
from hashcredit.experiments.execution.resume import begin
from hashcredit.experiments.execution.status import format_status, status
from hashcredit.experiments.execution.worker import StudyWorker
from hashcredit.experiments.results.results import Results
from hashcredit.experiments.store.manifest import DamagedInputsError, ManifestError, read_manifest
from hashcredit.experiments.store.store import Store
from hashcredit.simulator.errors import OutputFolderError

STUDY = """
name = "rules"
scenario = "little.toml"
seed = 7
replicates = 4
[design]
kind = "grid"
[factors]
"secondary_market.rule" = ["auction", "deep"]
"""


def scenario_of(folder):
    (file,) = (folder / "scenarios").glob("*/scenario.toml")
    return file


def change_number(file):
    """Another scenario under the same name, as an editor leaves it."""
    text = file.read_text()
    assert "btc_volatility = " in text
    file.write_text(text.replace("btc_volatility = ", "btc_volatility = 1"))


@pytest.fixture
def from_file(tmp_path):
    """A study file whose folder has been computed."""
    little_study(tmp_path)  # writes little.toml
    (tmp_path / "study.toml").write_text(STUDY)
    on_threads(tmp_path / "study.toml", tmp_path / "store", chunk=4)
    return tmp_path / "study.toml", tmp_path / "store"


def test_a_changed_copy_of_a_scenario_computes_nothing(study, swept, copy):
    """Rows of another scenario would stand under the digest of the first."""
    for path in Store(copy).chunks()[:2]:
        path.unlink()
    left = rows_of(copy).num_rows
    change_number(scenario_of(copy))
    with pytest.raises(
        DamagedInputsError, match=r"scenarios/.*/scenario\.toml is not what was written there"
    ):
        on_threads(None, copy)
    store = Store(copy)
    row = store.plan.rows(0, 1).to_pylist()[0]
    with pytest.raises(DamagedInputsError):  # a worker of another command, which is at work already
        StudyWorker(store, store.manifest["plan"]).compute(store.plan.rows(0, 1))
    assert main(["rerun", str(copy), row["run_id"]]) == 2
    assert "scenario.toml: is not what was written there: `hashcredit sweep STUDY`" in format_status(
        status(copy)
    )
    assert rows_of(copy).num_rows == left
    said = []
    assert on_threads(study, copy, say=said.append).computed == 80 - left
    assert said[0].startswith("written anew: scenarios/")
    assert content_of(copy) == content_of(swept)


def test_the_plan_of_another_study_is_not_taken(study, swept, copy, tmp_path):
    on_threads(little_study(tmp_path, replicates=3), tmp_path / "other")
    shutil.copyfile(tmp_path / "other" / "plan.parquet", copy / "plan.parquet")
    for look in (status, Results.open, lambda folder: begin(None, folder)):
        with pytest.raises(
            DamagedInputsError, match=r"plan\.parquet is not what was written there.*sweep STUDY"
        ):
            look(copy)
    assert on_threads(study, copy).computed == 0
    assert (copy / "plan.parquet").read_bytes() == (swept / "plan.parquet").read_bytes()


def test_all_that_a_study_file_tells_is_written_anew(from_file):
    file, folder = from_file
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    (folder / "plan.parquet").write_bytes(b"PAR1")
    (folder / "design.parquet").unlink()
    (folder / "study.toml").write_text("")
    copied = scenario_of(folder)
    copied.unlink()
    os.mkfifo(copied)
    said = []
    on_threads(file, folder, say=said.append)
    assert all(
        name in said[0] for name in ("plan.parquet", "design.parquet is gone", "study.toml", "this is a fifo")
    )
    for path, content in before.items():
        if "sessions" not in path.parts and path.name != "manifest.json":
            assert path.read_bytes() == content, path
    assert status(folder).damaged_inputs == ()


def test_another_study_mends_nothing(from_file, tmp_path):
    file, folder = from_file
    change_number(scenario_of(folder))
    damaged = scenario_of(folder).read_bytes()
    file.write_text(STUDY.replace("replicates = 4", "replicates = 5"))
    with pytest.raises(DamagedInputsError, match="with the study file as it was"):
        on_threads(file, folder)
    assert scenario_of(folder).read_bytes() == damaged


def test_the_copy_of_the_study_file_may_be_edited_to_let_it_grow(from_file):
    file, folder = from_file
    text = STUDY.replace("replicates = 4", "replicates = 6").replace(
        "little.toml", str(file.parent / "little.toml")
    )
    (folder / "study.toml").write_text(text)
    with pytest.raises(DamagedInputsError, match=r"study\.toml"):
        on_threads(None, folder)
    said = []
    assert on_threads(folder / "study.toml", folder, say=said.append).computed == 4
    assert said == ["the study has grown from 8 to 12 runs"]
    assert status(folder).damaged_inputs == ()


@pytest.mark.parametrize(
    "what", ["gone", "empty", "no JSON", "a list", "no keys", "another type", "a number"]
)
def test_a_damaged_manifest_is_named_and_made_anew(what, study, swept, copy):
    file = copy / "manifest.json"
    content = json.loads(file.read_text())
    file.unlink()
    if what == "another type":
        file.write_text(json.dumps({**content, "study": [], "files": None}))
    elif what == "a number":
        content["study"]["replicates"] = 21
        file.write_text(json.dumps(content))
    elif what != "gone":
        file.write_text(
            {"empty": "", "no JSON": '{"store": 2', "a list": "[1]", "no keys": '{"store": 2}'}[what]
        )
    lost = "no manifest" if what == "gone" else "damaged manifest"
    for look in (status, Results.open, lambda folder: begin(None, folder)):
        with pytest.raises(OutputFolderError, match=r"manifest\.json") as caught:
            look(copy)
        assert isinstance(caught.value, ManifestError) or what == "gone"
    with pytest.raises(ManifestError, match=lost):
        begin(None, copy)
    with pytest.raises(ManifestError, match="another plan than this folder"):
        begin(study.model_copy(update={"replicates": 3}), copy)
    chunk = Store(swept).chunks()[0].name
    (copy / "runs" / chunk).unlink()
    said = []
    on_threads(study, copy, say=said.append)
    assert said == ["written anew: manifest.json was damaged"]
    assert content_of(copy) == content_of(swept)


def test_a_folder_of_an_earlier_version_is_refused(study, copy):
    file = copy / "manifest.json"
    content = {**json.loads(file.read_text()), "store": 1}
    del content["files"], content["digest"]
    file.write_text(json.dumps(content))
    for asked in (None, study):
        with pytest.raises(OutputFolderError, match=r"another version.*without hashes.*in a new folder"):
            begin(asked, copy)


def test_a_plan_is_replaced_whole_wherever_the_power_fails(study, swept, tmp_path, monkeypatch):
    """Before the manifest all is as it was; after it all is new, though the plan has not got its name yet."""
    smaller = study.model_copy(update={"replicates": 13})
    on_threads(smaller, tmp_path / "store")

    def fail(self):
        raise OSError(5, "the power has failed")

    monkeypatch.setattr(Store, "write_manifest", lambda self, content: fail(self))
    with pytest.raises(OutputFolderError):
        begin(study, tmp_path / "store")
    monkeypatch.undo()
    assert len(Store(tmp_path / "store").plan) == 52
    assert status(tmp_path / "store").damaged_inputs == ()
    monkeypatch.setattr(Store, "settle", fail)
    with pytest.raises(OutputFolderError):
        begin(study, tmp_path / "store")
    monkeypatch.undo()
    assert len(Store(tmp_path / "store").plan) == 80 and status(tmp_path / "store").missing == 28
    assert len(Results.open(tmp_path / "store").points) == 4
    assert on_threads(study, tmp_path / "store").computed == 28
    assert content_of(tmp_path / "store") == content_of(swept)
    assert not list((tmp_path / "store").glob("*.new.*"))


def test_two_commands_that_let_a_study_grow_do_it_once(study, tmp_path):
    from concurrent.futures import ThreadPoolExecutor

    begin(study.model_copy(update={"replicates": 5}), tmp_path / "store")
    with ThreadPoolExecutor(4) as pool:
        stores = list(pool.map(lambda _: begin(study, tmp_path / "store")[0], range(4)))
    assert len({store.manifest["plan"] for store in stores}) == 1
    assert read_manifest(tmp_path / "store")["runs"] == 80


def test_a_damaged_chunk_is_named_by_whoever_needs_it(folder, capsys):
    victim = chunks(folder)[0]
    run = Results.open(folder).plan["run_id"][0]
    victim.write_bytes(victim.read_bytes()[:-1])
    assert main(["rerun", str(folder), run]) == 2
    assert f"runs/{victim.name}: is torn" in capsys.readouterr().err
    assert main(["export", str(folder), "--to", str(folder.parent / "x.parquet")]) == 2
    assert f"runs/{victim.name}: is torn" in capsys.readouterr().err
    assert not (folder.parent / "x.parquet").exists()
    assert main(["status", str(folder), "--verify"]) == 0
    assert f"runs/{victim.name}: is torn" in capsys.readouterr().out


def test_a_complete_study_in_a_folder_that_cannot_be_written(study, copy, monkeypatch):
    """Nothing is to be done, so that no lock is needed either."""

    def refuse(path, *_):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("hashcredit.experiments.support.files.open_lock", refuse)
    _, state = begin(study, copy)
    assert state.done.all()


def test_a_fifo_in_the_place_of_the_lock(study, copy):
    signal.alarm(60)
    (copy / ".lock").unlink()
    os.mkfifo(copy / ".lock")
    with pytest.raises(OutputFolderError, match=r"\.lock is no regular file"):
        begin(study, copy)
    signal.alarm(0)


def test_copies_of_networks_have_hashes_too(tmp_path):
    file = tmp_path / "links.csv"
    file.write_text("source,target\nminer-0,broker-0\nminer-1,broker-0\n")
    study = little_study(tmp_path, replicates=1)
    (name, base) = next(iter(study.bases.items()))
    base = base.with_changes({"networks.trade_kind": "file", "networks.trade_file": str(file)})
    study = study.model_copy(update={"bases": {name: base}})
    begin(study, tmp_path / "store")
    (copied,) = Path(tmp_path / "store" / "scenarios").glob("*/*.csv")
    copied.write_text(copied.read_text().replace("miner-1", "miner-2"))
    with pytest.raises(DamagedInputsError, match=rf"{copied.name} is not what was written there"):
        begin(None, tmp_path / "store")


def test_what_is_planned_with_other_code_is_not_planned_anew(study, copy, monkeypatch):
    (copy / "plan.parquet").unlink()
    monkeypatch.setattr(planning, "code_key", lambda: "0123456789abcdef")
    with pytest.raises((DamagedInputsError, MixedResultsError), match=r"plan\.parquet is gone"):
        begin(study, copy)


def test_series_of_another_chunk_are_not_taken(tmp_path, original):
    folder = make_store(tmp_path / "s", {"replicates": 2, "keep": {"series": True}}, chunk=2)
    first, second = chunks(folder)[:2]
    shutil.copyfile(folder / "series" / second.name, folder / "series" / first.name)
    assert Store(folder).state().damaged == [first]


def test_what_is_no_folder_of_rows_is_no_empty_one(study, copy):
    """Nothing would seem to be computed."""
    shutil.rmtree(copy / "runs")
    os.mkfifo(copy / "runs")
    for look in (status, Results.open, lambda folder: begin(study, folder)):
        with pytest.raises(OutputFolderError, match="has no folder under the name runs"):
            look(copy)
