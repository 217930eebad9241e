"""Figures of a run and of a study: a module each, whose `draw` is called in the house style, and a row below.

Matplotlib is imported by the figure modules only, so listing them costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from hashcredit.experiments.figures.source import FigureSource
    from hashcredit.experiments.figures.study_source import StudySource

FIGURES: dict[str, str] = {
    "prices": "Used machines: trades, appraisal, fundamental value",
    "defaults": "Defaults over time, by cause",
    "network": "The credit network, and who failed because of whom",
    "recovery": "Seized machines: value on paper and value realised",
    "haircut": "Lenders' back-leverage: its haircut, and calls on it",
    "lenders": "Lenders: equity, survival, failures",
    "distribution": "How many borrowers fail, over all replicates",
    "bathtub": "The funding pool: level, flows, tightness",
    "assets": "Asset classes, by duration",
}
"""Key of each figure of a run, with what is seen in it; `hashcredit.experiments.figures.<key>` draws it."""

STUDY_FIGURES: dict[str, str] = {
    "response": "An outcome along each factor",
    "scatter": "Points of the sample: factor and outcome",
    "heatmap": "An outcome over two factors",
    "indices": "Which factor matters: sensitivity indices",
}
"""Those of a study, likewise."""


def draw(key: str, source: "FigureSource | StudySource") -> "Figure":
    """Draw the figure called `key` from the results of one scenario or of a study, in the house style."""
    known = {**FIGURES, **STUDY_FIGURES}
    if key not in known:
        raise KeyError(f"no figure {key!r}; there are {', '.join(known)}")
    from hashcredit.experiments.figures.style import house_style

    with house_style():
        figure: Figure = import_module(f"{__name__}.{key}").draw(source)
    return figure
