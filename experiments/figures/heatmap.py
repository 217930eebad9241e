"""An outcome over two factors of a study: means in cells of their levels, or of slices of their values."""

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from hashcredit.experiments.figures import STUDY_FIGURES, style
from hashcredit.experiments.figures.study_axes import factor_axis
from hashcredit.experiments.figures.study_source import FactorAxis, StudySource

SLICES = 6
MOST_NUMBERS = 48
"""Cells in which a number can be read."""


def draw(source: StudySource) -> Figure:
    """The first two factors of the source; a cell without a point stays white."""
    across, up = source.factors[:2]
    figure = style.new_figure(STUDY_FIGURES["heatmap"], 3.6, style.MIDDLE)
    axes = figure.subplots()
    (x, column), (y, row) = _cells(across), _cells(up)
    mean = cell_means(row, column, source.value, (len(y) - 1, len(x) - 1))
    picture = axes.pcolormesh(x, y, np.ma.masked_invalid(mean), cmap="cividis", linewidth=0)
    figure.colorbar(picture, ax=axes, label=source.outcome)
    if mean.size <= MOST_NUMBERS:
        middle = 0.5 * (np.nanmin(mean) + np.nanmax(mean)) if np.isfinite(mean).any() else 0.0
        for (j, i), value in np.ndenumerate(mean):
            if np.isfinite(value):
                colour = "white" if value < middle else style.BLACK
                at = _between(x[i : i + 2], across.log), _between(y[j : j + 2], up.log)
                axes.text(*at, f"{value:.3g}", ha="center", va="center", fontsize=6.0, color=colour)
    factor_axis(axes, across)
    factor_axis(axes, up, vertical=True)
    empty = int((~np.isfinite(mean)).sum())
    text = f"{source.words}\nMeans over the points in a cell, and over all other factors."
    if empty:
        text += f" White: {empty} cells without a value."
    style.caption(figure, f"{text} {source.left_out}")
    return figure


def _between(ends: NDArray[np.float64], log: bool) -> float:
    """The middle of a cell as it is seen."""
    return float(np.exp(np.log(ends).mean())) if log else float(ends.mean())


def _cells(factor: FactorAxis) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Edges of the cells along a factor, and the cell of each point: levels, or slices of equal numbers."""
    if factor.levels:
        return np.arange(len(factor.levels) + 1, dtype=np.float64) - 0.5, factor.at.astype(np.int64)
    edges: NDArray[np.float64] = np.unique(np.quantile(factor.at, np.linspace(0.0, 1.0, SLICES + 1)))
    if len(edges) < 2:
        edges = np.array([edges[0] - 0.5, edges[0] + 0.5])
    cell = np.clip(np.searchsorted(edges, factor.at, side="right") - 1, 0, len(edges) - 2)
    return edges, np.asarray(cell, np.int64)


def cell_means(
    row: NDArray[np.int64], column: NDArray[np.int64], value: NDArray[np.float64], shape: tuple[int, int]
) -> NDArray[np.float64]:
    """Mean of the points with a value in each cell; NaN where there is none."""
    known = np.isfinite(value)
    cell = (row * shape[1] + column)[known]
    count = np.bincount(cell, minlength=shape[0] * shape[1])
    total = np.bincount(cell, value[known], minlength=shape[0] * shape[1])
    mean = np.divide(total, count, out=np.full(len(count), np.nan), where=count > 0)
    return np.asarray(mean.reshape(shape))
