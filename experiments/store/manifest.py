"""The manifest of a study's folder: what its plan was made of, and the hashes of the files made with it.

It has a hash of its own too, so that no key of it needs to be looked at twice.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from hashcredit.experiments.support.files import reason_of, write_text
from hashcredit.simulator.errors import OutputFolderError
from hashcredit.simulator.inputs import open_regular, read_regular

MANIFEST_FILE = "manifest.json"
VERSION = 2
"""Of the files in a store. The first had no hashes."""


class ManifestError(OutputFolderError):
    """A manifest that is not what hashcredit has written."""


class DamagedInputsError(OutputFolderError):
    """Files that a plan was made of, or the plan itself, which are not what was written."""

    longest = 1000


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a folder; OutputFolderError where there is none, ManifestError where it was changed."""
    try:
        text = read_regular(folder / MANIFEST_FILE)
        content = json.loads(text)
    except FileNotFoundError:
        raise OutputFolderError(str(folder), f"is no folder of a study (it has no {MANIFEST_FILE})") from None
    except NotADirectoryError:
        raise OutputFolderError(str(folder), "is no folder of a study (it is a file)") from None
    except OSError as error:
        raise _unusable(folder, f"cannot be read ({reason_of(error)})") from None
    except (ValueError, RecursionError) as error:
        raise _unusable(folder, f"is no JSON ({error})" if text else "is empty") from None
    if not isinstance(content, dict):
        raise _unusable(folder, "is no table")
    version = content.get("store")
    if type(version) is int and version != VERSION:
        reason = f"was written by another version of hashcredit (files of version {version}, not {VERSION}"
        reason += ", without hashes)" if version < VERSION else ")"
        raise OutputFolderError(str(folder), f"{reason}: compute the study again in a new folder")
    if content.pop("digest", None) != digest_of(content):
        raise _unusable(folder, "has other content than its own digest says")
    return content


def _unusable(folder: Path, what: str) -> ManifestError:
    reason = (
        f"has a damaged {MANIFEST_FILE}: it {what}; `hashcredit sweep STUDY --out DIR` with the study file "
        "writes it anew, or put a copy back"
    )
    return ManifestError(str(folder), reason)


def write_manifest(folder: Path, content: Mapping[str, Any]) -> None:
    """Put a manifest in its place, whole."""
    kept = {"store": VERSION, **content}
    text = json.dumps({**kept, "digest": digest_of(kept)}, indent=2, allow_nan=False)
    write_text(folder / MANIFEST_FILE, text + "\n")


def digest_of(content: Mapping[str, Any]) -> str:
    """Hash of all that a manifest says."""
    words = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(words.encode()).hexdigest()


def hash_of(path: Path) -> str:
    """SHA-256 of a file; OSError as `open_regular`."""
    with open_regular(path) as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def hashes_of(folder: Path, names: Iterable[str]) -> dict[str, str]:
    """SHA-256 of files below a folder, by their names there."""
    return {name: hash_of(folder / name) for name in names}


def trouble_with(path: Path, expected: str) -> str | None:
    """What is wrong with a file that should have a hash, in words; None if nothing is."""
    try:
        return None if hash_of(path) == expected else "is not what was written there"
    except FileNotFoundError:
        return "is gone"
    except OSError as error:
        return f"cannot be read ({reason_of(error)})"
