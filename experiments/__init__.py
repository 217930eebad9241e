"""Experiments ask: studies, their execution, the results they leave, the figures they print."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hashcredit.experiments.results import Results as Results
    from hashcredit.experiments.study import Study as Study
    from hashcredit.experiments.sweeping import sweep as sweep

__all__ = ["Results", "Study", "sweep"]

# Imported on first use: the command line and every worker pass through here.
_HOMES = {
    "Results": "hashcredit.experiments.results",
    "Study": "hashcredit.experiments.study",
    "sweep": "hashcredit.experiments.sweeping",
}


def __getattr__(name: str) -> Any:
    """Import a public name from its module when it is first asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
