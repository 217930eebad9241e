"""What the figures of a study share: a grid of panels, and a factor on an axis."""

from math import ceil

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hashcredit.experiments.figures import style
from hashcredit.experiments.figures.study_source import FactorAxis, StudySource

COLUMNS = 3
LONGEST = 14
"""Characters of a level's name; longer ones are cut."""


def new_panels(title: str, source: StudySource, rows_each: int = 1) -> tuple[Figure, list[list[Axes]]]:
    """A figure with `rows_each` panels, one above the other, for each factor."""
    count = max(1, len(source.factors))
    columns = min(COLUMNS, count)
    rows = ceil(count / columns)
    width = (style.WIDTH, style.MIDDLE, style.WIDE)[columns - 1]
    figure = style.new_figure(title, 0.9 + 1.75 * rows * rows_each, width)
    grid = figure.subplots(rows * rows_each, columns, squeeze=False)
    panels = []
    for place in range(rows * columns):
        row, column = divmod(place, columns)
        own = [grid[row * rows_each + k, column] for k in range(rows_each)]
        if place < len(source.factors):
            panels.append(own)
        else:
            for axes in own:
                axes.set_axis_off()
    return figure, panels


def factor_axis(axes: Axes, factor: FactorAxis, vertical: bool = False) -> None:
    """Put a factor on the horizontal axis, or the vertical one: its name, its unit, words of its levels."""
    label = f"{factor.name}, {factor.unit}" if factor.unit else factor.name
    if vertical:
        axes.set_ylabel(label)
    else:
        axes.set_xlabel(label)
    if factor.levels:
        places = range(len(factor.levels))
        words = [text if len(text) <= LONGEST else f"{text[: LONGEST - 2]}.." for text in factor.levels]
        ends = (-0.5, len(factor.levels) - 0.5)
        if vertical:
            axes.set_yticks(places, words)
            axes.set_ylim(*ends)
        else:
            axes.set_xticks(places, words)
            axes.set_xlim(*ends)
            if sum(map(len, words)) > 26:
                axes.tick_params(axis="x", rotation=30)
    elif factor.log:
        (axes.set_yscale if vertical else axes.set_xscale)("log")
