"""Going on with a study: what counts as done, what may be mixed, what is mended and what is refused."""

import shutil
import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from stores import spoil, vouch
from studies import content_of, failed_rows, little_study, on_threads, rows_of

from hashcredit.experiments.execution import planning, resume, worker
from hashcredit.experiments.execution.resume import MixedResultsError, begin
from hashcredit.experiments.execution.runner import Workforce
from hashcredit.experiments.execution.sweep import work
from hashcredit.experiments.store.plan import changes_of, write_table
from hashcredit.experiments.store.store import DAMAGED, Store
from hashcredit.simulator import simulate
from hashcredit.simulator.errors import OutputFolderError


def _edit_plan(store, change):
    plan = store.plan.rows(0, len(store.plan))
    write_table(
        store.path / "plan.parquet", pa.Table.from_pylist(change(plan.to_pylist()), schema=plan.schema)
    )
    vouch(store.path)
    for name in ("plan", "manifest"):
        store.__dict__.pop(name, None)


def test_a_study_grows(study, swept, tmp_path):
    smaller = study.model_copy(update={"replicates": 13})
    on_threads(smaller, tmp_path / "store")
    said = []
    tally = on_threads(study, tmp_path / "store", say=said.append)
    assert said == ["the study has grown from 52 to 80 runs"]
    assert tally.computed == 28
    rows, whole = content_of(tmp_path / "store"), content_of(swept)
    assert rows == whole
    with pytest.raises(MixedResultsError, match=r"replicates was 20 and is 13.*28 of its runs are not"):
        on_threads(smaller, tmp_path / "store")


def test_commands_that_begin_at_once_share_a_plan(study, tmp_path):
    """One writes it, the others wait and go on with it; nobody's probe for writing is in another's way."""
    folder = tmp_path / "store"
    ready = threading.Barrier(8)

    def start(_):
        ready.wait()
        store, state = begin(study, folder)
        store.check_writable()
        return store.manifest["plan"], len(state.done)

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(start, range(8)))) == 1
    assert Store(folder).manifest["runs"] == 80
    assert not list((folder / "runs").iterdir())


def test_another_study_is_refused(study, copy, tmp_path):
    other = little_study(
        tmp_path, factors={"secondary_market.rule": ["auction", "impact"], "horizon_weeks": [4, 6]}
    )
    with pytest.raises(MixedResultsError, match="holds another study") as caught:
        on_threads(other, copy, allow_mixed=True)
    assert "new folder" in str(caught.value)
    keeps = little_study(tmp_path, keep={"series": True})
    with pytest.raises(MixedResultsError, match=r"keeps other things .keep.series was False and is True"):
        on_threads(keeps, copy)
    assert len(rows_of(copy)) == 80


def test_changed_code_is_refused_unless_mixing_is_allowed(study, swept, copy, monkeypatch):
    for path in Store(copy).chunks()[:1]:
        path.unlink()
    missing = 80 - len(rows_of(copy))
    before = set(rows_of(copy)["run_id"].to_pylist())
    for module in (planning, resume, worker):
        monkeypatch.setattr(module, "code_key", lambda: "0123456789abcdef")
    with pytest.raises(MixedResultsError, match=r"the code of the model has changed .* to 0123456789abcdef"):
        on_threads(study, copy)
    with pytest.raises(MixedResultsError, match="the code of the model has changed"):
        on_threads(None, copy)
    assert len(rows_of(copy)) == 80 - missing
    said = []
    assert on_threads(study, copy, allow_mixed=True, say=said.append).computed == missing
    assert "two versions in one folder" in said[0]
    rows = rows_of(copy)
    assert len(rows) == len(set(rows["run_id"].to_pylist())) == 80
    new = rows.filter(pa.compute.equal(rows["code"], "0123456789abcdef"))
    assert len(new) == missing and before.isdisjoint(new["run_id"].to_pylist())
    assert before < set(rows["run_id"].to_pylist())
    assert Store(copy).state().strangers == 0
    assert on_threads(study, copy).computed == 0


def test_a_changed_scenario_is_refused_unless_mixing_is_allowed(study, copy, tmp_path):
    (path, *_) = Store(copy).chunks()
    path.unlink()
    name, base = next(iter(study.bases.items()))
    changed = study.model_copy(update={"bases": {name: base.with_changes({"shocks.btc_volatility": 0.9})}})
    with pytest.raises(MixedResultsError, match="scenario little has changed"):
        on_threads(changed, copy)
    on_threads(changed, copy, allow_mixed=True)
    rows = rows_of(copy)
    assert len(set(rows["scenario_digest"].to_pylist())) == 2
    for row in rows.to_pylist()[::9]:
        scenario = base if row["scenario_digest"] == base.digest() else changed.bases[name]
        scenario = scenario.with_changes(changes_of(row, Store(copy).plan.kinds))
        assert (
            simulate(scenario, row["seed"], row["replicate"]).summary["debt_defaulted"]
            == row["debt_defaulted"]
        )


def test_a_damaged_chunk_is_computed_again(study, swept, copy):
    (victim, *_) = Store(copy).chunks()
    rows = pq.read_metadata(victim).num_rows
    victim.write_bytes(victim.read_bytes()[:-100])
    state = Store(copy).state()
    assert state.damaged == [victim] and len(state.done) - state.done.sum() == rows
    said = []
    assert on_threads(study, copy, say=said.append).computed == rows
    assert said == [f"damaged and computed again: runs/{victim.name}: is torn, or no Parquet file"]
    assert content_of(copy) == content_of(swept)
    assert victim.with_name(victim.name + DAMAGED).exists()


def test_damage_inside_a_file_of_rows_is_found_always(study, swept, copy):
    """A flipped byte in a column that going on does not need."""
    (victim, *_) = Store(copy).chunks()
    spoil(victim, "proceeds_musd")
    assert Store(copy).state().damaged == [victim]
    assert on_threads(study, copy).computed == pq.read_metadata(swept / "runs" / victim.name).num_rows
    assert content_of(copy) == content_of(swept)


def test_damage_inside_a_series_is_found_on_request(original, folder):
    """Only the ends of such files are read each time: they may be large."""
    (victim, *_) = Store(folder).chunks()
    spoil(folder / "series" / victim.name, "btc_price_usd")
    assert on_threads(None, folder).computed == 0
    (found,) = Store(folder).state(verify=True).trouble.values()
    assert found.startswith(f"series/{victim.name}: is not what was written there")
    assert on_threads(None, folder, verify=True).computed == 4
    assert content_of(folder, "series") == content_of(original, "series")


def test_half_written_files_go(study, copy):
    remains = copy / "runs" / ".chunk-0.parquet.elsewhere~1~00000000.partial"
    remains.write_bytes(b"PAR1")
    gone = copy / "runs" / f".chunk-0.parquet.{socket.gethostname()}~999999999~00000000.partial"
    gone.write_bytes(b"PAR1")
    Store(copy).chunks()[0].unlink()
    on_threads(study, copy)
    assert remains.exists(), "its writer may be alive on another machine"
    assert not gone.exists()


def test_a_start_that_was_cut_short_is_begun_again(study, swept, copy):
    (copy / "manifest.json").unlink()
    shutil.rmtree(copy / "runs")
    shutil.rmtree(copy / "sessions")
    assert on_threads(study, copy).computed == 80
    assert content_of(copy) == content_of(swept)


def test_folders_that_are_no_place_for_a_study(study, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputFolderError, match="is a file"):
        begin(study, tmp_path / "file")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").write_text("")
    with pytest.raises(OutputFolderError, match=r"is not empty and has no study in it .it has thesis.tex"):
        begin(study, tmp_path / "full")
    with pytest.raises(OutputFolderError, match="has no study to go on with"):
        begin(None, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_run_that_raises_is_a_row(study, tmp_path):
    """One scenario that cannot be is found by the workers only: its rows say so, the others are done."""
    store, state = begin(study, tmp_path / "store")
    _edit_plan(store, lambda rows: [{**r, "horizon_weeks": 5000} if r["point"] == 3 else r for r in rows])
    with ThreadPoolExecutor(2) as pool:
        tally = work(store, state, Workforce(pool, 2))
    assert (tally.done, tally.failed) == (80, 20)
    failed = failed_rows(store.path)
    assert {row["point"] for row in failed} == {3} and len(failed) == 20
    assert "ScenarioError: horizon_weeks: 5000" in failed[0]["error"]
    assert all(row["defaults"] is None and row["recovery_rate"] is None for row in failed)
    assert store.state().failed == 20
    assert on_threads(None, store.path).computed == 0, "a failed run is not missing"
    assert on_threads(None, store.path, retry_failed=True).computed == 20
    assert store.state().failed == 20 and store.state().repeated == 0
