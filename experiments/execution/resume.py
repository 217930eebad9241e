"""Beginning a study in a folder, or taking it up again: what may be mixed and what may not."""

import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from hashcredit.experiments.folder.scenario_files import write_scenario
from hashcredit.experiments.store.plan import (
    Base,
    Plan,
    design_digest,
    design_table,
    replace_missing,
    write_plan,
)
from hashcredit.experiments.store.schema import scenario_folder
from hashcredit.experiments.store.store import (
    DESIGN_FILE,
    MANIFEST_FILE,
    PLAN_FILE,
    SCENARIOS,
    STUDY_FILE,
    Store,
    StoreState,
    write_table,
)
from hashcredit.experiments.study.points import Points
from hashcredit.experiments.study.study import Study
from hashcredit.experiments.support.files import locked, reason_of, write_text
from hashcredit.simulator.errors import OutputFolderError, UnusableError
from hashcredit.simulator.provenance import code_key, environment

Say = Callable[[str], None]
LOCK_FILE = ".lock"
NEW_PLAN = "plan.new.parquet"
"""A plan that may take the place of the present one."""


class MixedResultsError(UnusableError):
    """A folder whose runs were made of another study, scenario or code than those to come."""

    longest = 10_000


def begin(
    study: Study | str | Path | None,
    folder: str | Path,
    *,
    allow_mixed: bool = False,
    retry_failed: bool = False,
    verify: bool = False,
    say: Say = lambda text: None,
) -> tuple[Store, StoreState]:
    """Write the plan of a study into a new folder, or check that a folder has just that plan.

    Without a study, go on with the plan that the folder has. Returns the store and what is done already.
    Damaged files are put aside and half-written ones removed, unless there is nothing left to do.
    """
    store = Store(_usable(folder))
    asked = None if study is None else _asked(study)
    if not store.exists():
        if asked is None:
            raise OutputFolderError(str(folder), "has no study to go on with; give a study file too")
        with _alone(store.path):
            if not store.exists():
                create(store, *asked)
                return store, StoreState(np.zeros(len(store.plan), bool), 0, 0, 0)
        # another command has begun the same folder meanwhile: go on with what it has planned
    state = store.state(verify)
    if not state.done.all() or state.damaged or (retry_failed and state.failed):
        state = _mend(store, state, retry_failed, say)
    if asked is None:
        check_code(store, state)
    elif _check(store, asked[0], asked[1], state, allow_mixed, say):
        state = store.state()
    return store, state


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Wait until no other command of this machine begins a study in a folder, which is made for it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with locked(folder / LOCK_FILE):
            yield
    except OSError as error:
        raise OutputFolderError(str(folder), f"cannot be written ({reason_of(error)})") from None


def _asked(study: Study | str | Path) -> tuple[Study, Points, str | None]:
    """A study, its points, and the text of its file if there is one."""
    if isinstance(study, Study):
        return study, study.points(), None
    found = Study.load(study)
    return found, found.points(), Path(study).read_text(encoding="utf-8-sig")


def _mend(store: Store, state: StoreState, retry_failed: bool, say: Say) -> StoreState:
    """Remove what cannot be used, so that its runs are missing, and look again."""
    store.check_writable()
    store.tidy()
    if state.damaged:
        store.put_aside(state.damaged)
        say(f"damaged and computed again: {', '.join(path.name for path in state.damaged)}")
    if retry_failed and state.failed:
        say(f"{store.forget_failures():,} failed runs are tried again")
    return store.state()


def check_code(store: Store, state: StoreState | None = None) -> None:
    """Refuse to go on with a plan that was made for other code; fine if nothing is missing."""
    if state is not None and state.done.all():
        return
    old = store.manifest["codes"][-1]
    if old != code_key():
        reason = (
            f"the code of the model has changed ({old} to {code_key()}); use a new folder, or give the study "
            "file and --allow-mixed to compute what is missing with the code there is now"
        )
        raise MixedResultsError(str(store.path), reason)


def _usable(folder: str | Path) -> Path:
    """The folder of a store, which may be new, empty or a store already."""
    if not str(folder).strip() or "\0" in str(folder):
        raise OutputFolderError(repr(str(folder)), "needs a name")
    path = Path(folder).resolve()
    try:
        if path.exists() and not path.is_dir():
            raise OutputFolderError(str(folder), "is a file; give the name of a folder")
        if path.is_dir() and not (path / MANIFEST_FILE).exists():
            ours = {
                LOCK_FILE,
                PLAN_FILE,
                DESIGN_FILE,
                STUDY_FILE,
                SCENARIOS,
            }  # a start that was cut short; it has no results
            others = [
                p.name for p in path.iterdir() if p.name not in ours and not p.name.endswith(".partial")
            ]
            if others:
                raise OutputFolderError(
                    str(folder), f"is not empty and has no study in it (it has {others[0]})"
                )
    except OSError as error:
        raise OutputFolderError(str(folder), f"cannot be read ({error.strerror})") from None
    return path


def create(store: Store, study: Study, points: Points, text: str | None) -> None:
    """Write everything that workers read; the manifest comes last."""
    try:
        store.path.mkdir(parents=True, exist_ok=True)
        bases = _write_bases(store, study)
        if text is not None:
            write_text(store.path / STUDY_FILE, text)
        write_table(store.path / DESIGN_FILE, design_table(points))
        runs = write_plan(store.path / PLAN_FILE, study, points, bases, code_key())
        store.write_manifest(_manifest(study, points, bases, runs, {}))
    except OSError as error:
        reason = f"cannot be written ({reason_of(error)})"
        raise OutputFolderError(str(store.path), reason) from None


def _write_bases(store: Store, study: Study) -> dict[str, Base]:
    """Copies of the base scenarios, which workers read."""
    bases = {}
    for name, scenario in study.bases.items():
        base = Base(name, scenario.digest())
        place = store.path / SCENARIOS / scenario_folder(name, base.digest)
        place.mkdir(parents=True, exist_ok=True)
        write_scenario(place, scenario)
        bases[name] = base
    return bases


def _manifest(
    study: Study, points: Points, bases: Mapping[str, Base], runs: int, before: Mapping[str, Any]
) -> dict[str, Any]:
    """What a plan was made of; of an older manifest its age and earlier versions of the code are kept."""
    codes = [*before.get("codes", []), code_key()]
    return {
        "study": study.to_dict(),
        "design": design_digest(study, points),
        "bases": {name: base.digest for name, base in bases.items()},
        "runs": runs,
        "plan": secrets.token_hex(8),
        "codes": list(dict.fromkeys(codes)),
        "created": before.get("created", datetime.now(UTC).isoformat(timespec="seconds")),
        "environment": before.get("environment") or environment(),
    }


def _check(
    store: Store, study: Study, points: Points, state: StoreState, allow_mixed: bool, say: Say
) -> bool:
    """Compare a study with the plan of its folder; return whether the plan was changed.

    More runs of the same kind are added to the plan. Anything else is refused, but that `allow_mixed` lets
    missing runs be computed by other code or from another base scenario.
    """
    old = store.manifest
    new_bases = {name: scenario.digest() for name, scenario in study.bases.items()}
    same_design = old["design"] == design_digest(study, points)
    changed = _changed_inputs(old, new_bases)
    asked = study.to_dict()
    if asked["keep"] != old["study"]["keep"]:
        what = "; ".join(differences(old["study"]["keep"], asked["keep"], "keep."))
        raise MixedResultsError(str(store.path), f"keeps other things ({what}): use a new folder")
    if same_design and not changed:
        return False
    if same_design and allow_mixed and not state.done.all():
        bases = _write_bases(store, study)
        fresh = store.path / NEW_PLAN
        write_plan(fresh, study, points, bases, code_key())
        replace_missing(store.plan, fresh, state.done)
        fresh.unlink()
        store.write_manifest(_manifest(study, points, bases, len(state.done), old))
        say(f"two versions in one folder, as asked: {' and '.join(changed)}; each row says which")
        return True
    if same_design and state.done.all():
        say(f"note: {' and '.join(changed)} since these runs were computed")
        return False
    if not changed:
        _extend(store, study, points, say)
        return True
    if same_design:
        reason = (
            f"{' and '.join(changed)} since {int(state.done.sum()):,} of its {len(state.done):,} runs were "
            "computed; use a new folder, or --allow-mixed to compute the others with what there is now"
        )
        raise MixedResultsError(str(store.path), reason)
    what = "; ".join([*differences(old["study"], asked), *changed])
    raise MixedResultsError(str(store.path), f"holds another study ({what}): use a new folder")


def _changed_inputs(old: Mapping[str, Any], bases: Mapping[str, str]) -> list[str]:
    """What results depend on besides the study file and is not what it was, in words."""
    changed = []
    if old["codes"][-1] != code_key():
        changed.append(f"the code of the model has changed ({old['codes'][-1]} to {code_key()})")
    for name, digest in bases.items():
        if old["bases"].get(name, digest) != digest:
            changed.append(f"scenario {name} has changed ({old['bases'][name][:12]} to {digest[:12]})")
    return changed


def _extend(store: Store, study: Study, points: Points, say: Say) -> None:
    """Put a plan in the place of a smaller one, if it has all runs of that."""
    old = store.manifest
    bases = _write_bases(store, study)
    fresh = Plan(store.path / NEW_PLAN)
    runs = write_plan(fresh.path, study, points, bases, code_key())
    before = store.plan.column("run_id").to_pylist()
    lost = len(set(before).difference(fresh.column("run_id").to_pylist()))
    if lost:
        fresh.path.unlink()
        what = "; ".join(differences(old["study"], study.to_dict()))
        reason = (
            f"holds another study ({what}; {lost:,} of its runs are not in the new one): use a new folder"
        )
        raise MixedResultsError(str(store.path), reason)
    manifest = _manifest(study, points, bases, runs, old)
    write_table(store.path / DESIGN_FILE, design_table(points))
    fresh.path.replace(store.path / PLAN_FILE)
    store.write_manifest(manifest)
    say(f"the study has grown from {len(before):,} to {runs:,} runs")


def differences(old: Any, new: Any, prefix: str = "") -> list[str]:
    """One text a value that differs between two nested tables."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        names = [*old, *(name for name in new if name not in old)]
        return [
            line
            for name in names
            for line in differences(old.get(name, "none"), new.get(name, "none"), f"{prefix}{name}.")
        ]
    if old == new:
        return []
    before, after = (text if len(text) < 60 else f"{text[:57]}..." for text in map(str, (old, new)))
    return [f"{prefix.rstrip('.')} was {before} and is {after}"]
