"""Where Matplotlib keeps its list of fonts when the home folder cannot be written."""

import os
import sys
from pathlib import Path

from hashcredit.agents.compiled import cache_folder, is_kept


def find_font_cache() -> None:
    """Before Matplotlib is imported: name a folder in our own cache if its usual ones cannot be written.

    It would make a temporary folder in every process, search for all fonts again, and complain twice.
    """
    if os.environ.get("MPLCONFIGDIR") or "matplotlib" in sys.modules:
        return
    if not all(_is_writable(folder) for folder in _usual_folders()):
        ours = cache_folder()
        os.environ["MPLCONFIGDIR"] = str((ours.parent if is_kept() else ours) / "matplotlib")


def _usual_folders() -> list[Path]:
    """Matplotlib's folders for settings and for caches."""
    home = os.path.expanduser("~")
    return [
        Path(os.environ.get("XDG_CONFIG_HOME") or f"{home}/.config", "matplotlib"),
        Path(os.environ.get("XDG_CACHE_HOME") or f"{home}/.cache", "matplotlib"),
    ]


def _is_writable(folder: Path) -> bool:
    """Whether it is, or could be made."""
    while not os.path.exists(folder) and folder != folder.parent:  # also if it may not be looked at
        folder = folder.parent
    return os.access(folder, os.W_OK | os.X_OK)
