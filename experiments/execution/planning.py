"""The plan of a study's folder and what is made with it: written at the start, replaced, and mended.

The manifest comes last each time and vouches for the rest; see `store.manifest`.
"""

import secrets
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from hashcredit.experiments.folder.scenario_files import files_of, write_scenario
from hashcredit.experiments.store.manifest import MANIFEST_FILE, ManifestError, hash_of, hashes_of
from hashcredit.experiments.store.plan import (
    Base,
    Plan,
    design_digest,
    design_table,
    mix_plans,
    write_plan,
    write_table,
)
from hashcredit.experiments.store.schema import scenario_folder
from hashcredit.experiments.store.store import (
    DESIGN_FILE,
    PLAN_FILE,
    SCENARIOS,
    STAGED,
    STUDY_FILE,
    Store,
)
from hashcredit.experiments.study.points import Points
from hashcredit.experiments.study.study import Study
from hashcredit.experiments.support.files import reason_of, write_text
from hashcredit.simulator.errors import OutputFolderError, UnusableError
from hashcredit.simulator.provenance import code_key, environment

Say = Callable[[str], None]


class MixedResultsError(UnusableError):
    """A folder whose runs were made of another study, scenario or code than those to come."""

    longest = 10_000


class Asked(NamedTuple):
    """What a command was asked for."""

    study: Study
    points: Points
    text: str | None
    """Of the study file, if there is one."""


# Begin


def create(store: Store, study: Study, points: Points, text: str | None) -> None:
    """Write everything that workers read; the manifest comes last."""
    try:
        store.path.mkdir(parents=True, exist_ok=True)
        bases, files = _write_bases(store, study)
        if text is not None:
            write_text(store.path / STUDY_FILE, text)
            files.append(STUDY_FILE)
        write_table(store.path / DESIGN_FILE, design_table(points))
        runs = write_plan(store.path / PLAN_FILE, study, points, bases, code_key())
        hashes = hashes_of(store.path, [*files, DESIGN_FILE, PLAN_FILE])
        store.write_manifest(_manifest(study, points, bases, runs, hashes, {}))
    except OSError as error:
        reason = f"cannot be written ({reason_of(error)})"
        raise OutputFolderError(str(store.path), reason) from None


def _write_bases(store: Store, study: Study) -> tuple[dict[str, Base], list[str]]:
    """Write copies of the base scenarios, which workers read; return them and the names of their files."""
    bases, files = {}, []
    for name, scenario in study.bases.items():
        base = Base(name, scenario.digest())
        inside = f"{SCENARIOS}/{scenario_folder(name, base.digest)}"
        (store.path / inside).mkdir(parents=True, exist_ok=True)
        kept = write_scenario(store.path / inside, scenario)
        files += [f"{inside}/{file}" for file in files_of(kept)]
        bases[name] = base
    return bases, files


def _manifest(
    study: Study,
    points: Points,
    bases: Mapping[str, Base],
    runs: int,
    files: Mapping[str, str],
    before: Mapping[str, Any],
) -> dict[str, Any]:
    """What a plan was made of, and the hashes of its files.

    Of an older manifest its age, earlier versions of the code and the copies of their scenarios are kept.
    """
    codes = [*before.get("codes", []), code_key()]
    return {
        "study": study.to_dict(),
        "design": design_digest(study, points),
        "bases": {name: base.digest for name, base in bases.items()},
        "runs": runs,
        "plan": secrets.token_hex(8),
        "files": dict(sorted({**before.get("files", {}), **files}.items())),
        "codes": list(dict.fromkeys(codes)),
        "created": before.get("created", datetime.now(UTC).isoformat(timespec="seconds")),
        "environment": before.get("environment") or environment(),
    }


# Replace


def replace_plan(store: Store, asked: Asked, done: np.ndarray | None) -> int:
    """Put another plan in the place of the present one and return the number of its runs.

    Runs that are `done` (bool a row) keep their names, so that code and scenarios may have changed for the
    others. With None the plan must have all runs of the present one; MixedResultsError otherwise, and nothing
    has changed.
    """
    bases, files = _write_bases(store, asked.study)
    staged = store.path / STAGED[PLAN_FILE]
    runs = write_plan(staged, asked.study, asked.points, bases, code_key())
    if done is None:
        _require_all(store, asked, Plan(staged))
    else:
        mix_plans(store.plan, Plan(staged), staged, done)
    hashes = {**hashes_of(store.path, files), PLAN_FILE: hash_of(staged), **_stage(store, asked)}
    store.write_manifest(_manifest(asked.study, asked.points, bases, runs, hashes, store.manifest))
    store.settle()
    return runs


def _require_all(store: Store, asked: Asked, fresh: Plan) -> None:
    before = store.plan.column("run_id").to_pylist()
    lost = len(set(before).difference(fresh.column("run_id").to_pylist()))
    if lost:
        fresh.path.unlink()
        what = "; ".join(differences(store.manifest["study"], asked.study.to_dict()))
        reason = (
            f"holds another study ({what}; {lost:,} of its runs are not in the new one): use a new folder"
        )
        raise MixedResultsError(str(store.path), reason)


def _stage(store: Store, asked: Asked) -> dict[str, str]:
    """Write design and study file beside those that are there; return their hashes by their names."""
    write_table(store.path / STAGED[DESIGN_FILE], design_table(asked.points))
    written = [DESIGN_FILE]
    if asked.text is not None:
        write_text(store.path / STAGED[STUDY_FILE], asked.text)
        written.append(STUDY_FILE)
    return {name: hash_of(store.path / STAGED[name]) for name in written}


# Mend


def is_bereft(store: Store) -> bool:
    """Whether a folder has a plan and chunks, but no manifest."""
    return not store.exists() and (store.path / PLAN_FILE).exists() and bool(store.chunks())


def restore(store: Store, asked: Asked | None, say: Say) -> None:
    """Write anew what is not what it was, the chunks apart, if the study that is asked for says how.

    Raises ManifestError and DamagedInputsError for what it does not; nothing is changed then.
    """
    _restore_manifest(store, asked, say)
    with suppress(OSError):  # what cannot be put in its place is read from where it lies
        store.settle()
    wrong = store.damaged_inputs()
    if not wrong or (asked is not None and list(wrong) == [STUDY_FILE] and not _is_same(store, asked)):
        return  # a study file that was edited in the folder itself, and may be what is asked for
    if asked is not None and _is_same(store, asked):
        _write_anew(store, asked, wrong)
    store.refuse(store.damaged_inputs())
    say(f"written anew: {_listed(wrong)}")


def _listed(wrong: Mapping[str, str]) -> str:
    return "; ".join(f"{name} {reason}" for name, reason in wrong.items())


def _is_same(store: Store, asked: Asked) -> bool:
    """Whether the study asked for is that of the manifest, code apart."""
    old, study = store.manifest, asked.study
    digests = {name: scenario.digest() for name, scenario in study.bases.items()}
    now = {"design": design_digest(study, asked.points), "keep": study.to_dict()["keep"], "bases": digests}
    return now == {"design": old["design"], "keep": old["study"]["keep"], "bases": old["bases"]}


def _write_anew(store: Store, asked: Asked, wrong: Iterable[str]) -> None:
    """Write what can be made of a study again; the plan has to meet the hash that the manifest has of it."""
    bases, files = _write_bases(store, asked.study)
    hashes = {**hashes_of(store.path, files), **_stage(store, asked)}
    if PLAN_FILE in wrong and store.manifest["codes"] == [code_key()]:
        write_plan(store.path / STAGED[PLAN_FILE], asked.study, asked.points, bases, code_key())
    store.write_manifest({**store.manifest, "files": {**store.manifest["files"], **hashes}})
    store.settle()


def _restore_manifest(store: Store, asked: Asked | None, say: Say) -> None:
    """Make a manifest anew if the study asked for has just the plan that the folder has."""
    wrong = _manifest_trouble(store)
    if wrong is None:
        return
    if asked is None:
        raise wrong
    study, points, _ = asked
    staged = store.path / STAGED[PLAN_FILE]
    bases, _ = _write_bases(store, study)
    write_plan(staged, study, points, bases, code_key())
    is_same = _is_same_file(staged, store.path / PLAN_FILE)
    staged.unlink()
    if not is_same:
        reason = (
            f"{wrong.reason}. The study that was given has another plan than this folder, or the code of the "
            "model is another: nothing was changed"
        )
        raise ManifestError(str(store.path), reason)
    create(store, *asked)
    say(f"written anew: {MANIFEST_FILE} was damaged")


def _manifest_trouble(store: Store) -> ManifestError | None:
    if is_bereft(store):
        reason = (
            f"has a plan and results but no {MANIFEST_FILE}; `hashcredit sweep STUDY --out DIR` with the "
            "study file writes it anew"
        )
        return ManifestError(str(store.path), reason)
    try:
        _ = store.manifest
    except ManifestError as error:
        return error
    return None


def _is_same_file(one: Path, other: Path) -> bool:
    try:
        return hash_of(one) == hash_of(other)
    except OSError:
        return False


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
