"""Each point of a study: a factor's value against the outcome's mean over replicates."""

import numpy as np
from matplotlib.figure import Figure

from hashcredit.experiments.figures import STUDY_FIGURES, style
from hashcredit.experiments.figures.study_axes import factor_axis, new_panels
from hashcredit.experiments.figures.study_source import StudySource


def draw(source: StudySource) -> Figure:
    """A panel a factor, a dot a point."""
    figure, panels = new_panels(STUDY_FIGURES["scatter"], source)
    known = np.isfinite(source.value)
    ink = float(np.clip(60.0 / max(known.sum(), 1), 0.15, 0.9))
    for factor, (axes,) in zip(source.factors, panels, strict=True):
        if known.any():
            axes.scatter(
                factor.at[known], source.value[known], s=6.0, color=style.BLUE, alpha=ink, linewidths=0
            )
            style.level_lines(axes)
        else:
            style.say(axes, "no run has a value")
        factor_axis(axes, factor)
        axes.set_ylabel(source.outcome)
    style.caption(
        figure, f"{source.words}\nA dot is a point: the mean over its replicates. {source.left_out}"
    )
    return figure
