"""Beginning a study in a folder, or taking it up again: what may be mixed and what may not."""

import errno
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from hashcredit.experiments.execution.planning import (
    Asked,
    MixedResultsError,
    Say,
    create,
    differences,
    is_bereft,
    replace_plan,
    restore,
)
from hashcredit.experiments.store.manifest import MANIFEST_FILE
from hashcredit.experiments.store.plan import design_digest
from hashcredit.experiments.store.store import (
    DESIGN_FILE,
    PLAN_FILE,
    SCENARIOS,
    STAGED,
    STUDY_FILE,
    Store,
    StoreState,
)
from hashcredit.experiments.study.study import Study
from hashcredit.experiments.support.files import locked, reason_of
from hashcredit.simulator.errors import OutputFolderError
from hashcredit.simulator.inputs import read_regular
from hashcredit.simulator.provenance import code_key

LOCK_FILE = ".lock"

_READ_ONLY = (errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOSPC, errno.EDQUOT)
"""Why a lock file cannot be opened where a study that is complete can be looked at all the same."""


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
    Damaged files are put aside and half-written ones removed, unless there is nothing left to do; copies that
    were changed are written anew if a study says how. Of commands that begin at once one does it first.
    """
    store = Store(_usable(folder))
    asked = None if study is None else _asked(study)
    if asked is None and not (store.exists() or is_bereft(store)):
        raise OutputFolderError(str(folder), "has no study to go on with; give a study file too")
    with _alone(store.path, say):
        if not store.exists() and not is_bereft(store):
            assert asked is not None, "a folder without a study was refused above"
            create(store, *asked)
            return store, StoreState(np.zeros(len(store.plan), bool), 0, 0, 0)
        with _writing(store):
            restore(store, asked, say)
        state = store.state(verify)
        if not state.done.all() or state.damaged or (retry_failed and state.failed):
            state = _mend(store, state, retry_failed, say)
        if asked is None:
            check_code(store, state)
            return store, state
        with _writing(store):
            is_changed = _check(store, asked, state, allow_mixed, say)
        return store, store.state() if is_changed else state


@contextmanager
def _alone(folder: Path, say: Say) -> Iterator[None]:
    """Wait until no other command of this machine begins a study in a folder, which is made for it.

    A folder that cannot be written to needs no waiting: nothing in it will be changed.
    """
    with ExitStack() as stack:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            waiting = "waiting for another command that begins in the same folder"
            stack.enter_context(locked(folder / LOCK_FILE, lambda: say(waiting)))
        except OSError as error:
            if not (folder / MANIFEST_FILE).exists() or error.errno not in _READ_ONLY:
                raise OutputFolderError(str(folder), f"cannot be written ({reason_of(error)})") from None
        yield


@contextmanager
def _writing(store: Store) -> Iterator[None]:
    """What the system says about the folder in this block is an OutputFolderError."""
    try:
        yield
    except OSError as error:
        raise OutputFolderError(str(store.path), f"cannot be written ({reason_of(error)})") from None


def _asked(study: Study | str | Path) -> Asked:
    """A study, its points, and the text of its file if there is one."""
    if isinstance(study, Study):
        return Asked(study, study.points(), None)
    found = Study.load(study)
    return Asked(found, found.points(), read_regular(study).decode("utf-8-sig"))


def _mend(store: Store, state: StoreState, retry_failed: bool, say: Say) -> StoreState:
    """Remove what cannot be used, so that its runs are missing, and look again."""
    store.check_writable()
    store.tidy()
    if state.damaged:
        store.put_aside(state.damaged)
        say(f"damaged and computed again: {'; '.join(state.trouble.values())}")
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
            # A start that was cut short has these, and no results.
            ours = {LOCK_FILE, PLAN_FILE, DESIGN_FILE, STUDY_FILE, SCENARIOS, *STAGED.values()}
            others = [
                p.name for p in path.iterdir() if p.name not in ours and not p.name.endswith(".partial")
            ]
            if others and not is_bereft(Store(path)):
                raise OutputFolderError(
                    str(folder), f"is not empty and has no study in it (it has {others[0]})"
                )
    except OSError as error:
        raise OutputFolderError(str(folder), f"cannot be read ({reason_of(error)})") from None
    return path


def _check(store: Store, asked: Asked, state: StoreState, allow_mixed: bool, say: Say) -> bool:
    """Compare a study with the plan of its folder; return whether the plan was changed.

    More runs of the same kind are added to the plan. Anything else is refused, but that `allow_mixed` lets
    missing runs be computed by other code or from another base scenario.
    """
    study, old = asked.study, store.manifest
    same_design = old["design"] == design_digest(study, asked.points)
    changed = _changed_inputs(old, {name: scenario.digest() for name, scenario in study.bases.items()})
    words = study.to_dict()
    if words["keep"] != old["study"]["keep"]:
        what = "; ".join(differences(old["study"]["keep"], words["keep"], "keep."))
        raise MixedResultsError(str(store.path), f"keeps other things ({what}): use a new folder")
    if same_design and not changed:
        return False
    if same_design and allow_mixed and not state.done.all():
        replace_plan(store, asked, state.done)
        say(f"two versions in one folder, as asked: {' and '.join(changed)}; each row says which")
        return True
    if same_design and state.done.all():
        say(f"note: {' and '.join(changed)} since these runs were computed")
        return False
    if not changed:
        before, runs = len(state.done), replace_plan(store, asked, None)
        say(f"the study has grown from {before:,} to {runs:,} runs")
        return True
    if same_design:
        reason = (
            f"{' and '.join(changed)} since {int(state.done.sum()):,} of its {len(state.done):,} runs were "
            "computed; use a new folder, or --allow-mixed to compute the others with what there is now"
        )
        raise MixedResultsError(str(store.path), reason)
    what = "; ".join([*differences(old["study"], words), *changed])
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
