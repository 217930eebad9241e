"""An outcome along each factor of a study, averaged over the others, with intervals and differences."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hashcredit.experiments.figures import STUDY_FIGURES, style
from hashcredit.experiments.figures.study_axes import factor_axis, new_panels
from hashcredit.experiments.figures.study_source import FactorAxis, Response, StudySource


def draw(source: StudySource) -> Figure:
    """A panel a factor; where replicates are paired, differences from the first level stand below it."""
    paired = any(factor.paired is not None for factor in source.factors)
    figure, panels = new_panels(STUDY_FIGURES["response"], source, rows_each=2 if paired else 1)
    for factor, column in zip(source.factors, panels, strict=True):
        _one(column[0], factor, factor.response, style.BLUE)
        column[0].set_ylabel(source.outcome)
        if paired:
            _below(column[1], factor, source)
    text = f"{source.words}\n{source.intervals}"
    if paired:
        text += " Differences are taken between runs with the same draws, replicate by replicate."
    style.caption(figure, f"{text} {source.left_out}")
    return figure


def _below(axes: Axes, factor: FactorAxis, source: StudySource) -> None:
    if factor.paired is None:
        axes.set_axis_off()
        return
    axes.axhline(0.0, color=style.GREY, linewidth=0.5)
    _one(axes, factor, factor.paired, style.RED)
    axes.set_ylabel(f"difference from\n{factor.levels[0] if factor.levels else 'the first level'}")


def _one(axes: Axes, factor: FactorAxis, response: Response | None, colour: str) -> None:
    if response is None or not np.isfinite(response.mean).any():
        style.say(axes, "no run has a value")
    else:
        known = np.isfinite(response.low)
        reach = np.array([response.mean - response.low, response.high - response.mean])[:, known]
        axes.errorbar(
            response.at[known], response.mean[known], np.abs(reach), fmt="none", ecolor=colour, elinewidth=0.8
        )
        line = "" if factor.levels else "-"
        axes.plot(
            response.at,
            response.mean,
            marker="o",
            markersize=3.0,
            color=colour,
            linestyle=line,
            linewidth=0.6,
        )
        style.level_lines(axes)
    factor_axis(axes, factor)
