"""House style of the figures: palette, sizes, date axes, the caption line."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import ceil
from pathlib import Path
from textwrap import wrap
from typing import Any, BinaryIO

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.dates import AutoDateLocator, DateFormatter, DateLocator, MonthLocator, YearLocator
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from hashcredit.experiments.figures.source import FigureSource
from hashcredit.simulator.reports.statistics import Estimate

WIDTH = 3.5
"""Inches: one column of a two-column journal."""

MIDDLE = 5.0
"""Inches: one column and a half."""

WIDE = 7.16
"""Inches: both columns."""

# Okabe and Ito (2008): told apart with any common colour blindness.
BLACK, ORANGE, SKY, GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
BLUE, RED, PURPLE = "#0072B2", "#D55E00", "#CC79A7"
WINE = "#661133"  # darker than any of them but black, so that it needs no hue to be told apart
GREY = "#8C8C8C"

DASHED = (0, (4, 1.2))

_RULES: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 7.0,
    "axes.titlesize": 7.0,
    "axes.labelsize": 7.0,
    "xtick.labelsize": 6.5,
    "ytick.labelsize": 6.5,
    "legend.fontsize": 6.5,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "lines.linewidth": 1.0,
    "axes.axisbelow": True,
    "text.parse_math": False,  # M$ is a unit, and two of them no formula
    "pdf.fonttype": 42,  # text stays text in the PDF
    "svg.hashsalt": "hashcredit",
}


@contextmanager
def house_style() -> Iterator[None]:
    """Draw under the house style: a user's matplotlibrc must not change a published figure, nor we it."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_RULES)
        yield


def new_figure(title: str, height: float, width: float = WIDTH, empty_lines: int = 0) -> Figure:
    """Return a figure (inches) with its title, left-aligned, and room for `empty_lines` under it.

    It has an Agg canvas and no window manager behind it.
    """
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title + "\n" * empty_lines, x=0.01, ha="left", fontsize=8.0, fontweight="bold")
    return figure


def level_lines(axes: Axes) -> None:
    """Faint lines at the ticks of the vertical axis."""
    axes.grid(axis="y", color="#E4E4E4", linewidth=0.5)


def estimates(axes: Axes, x: Any, found: Sequence[Estimate], **look: Any) -> None:
    """A point for each estimate, with its interval as a bar; `look` as `Axes.errorbar` has it."""
    reach = np.abs([[e.mean - e.low, e.high - e.mean] for e in found]).T
    axes.errorbar(x, [e.mean for e in found], reach, markersize=2.5, **{"linewidth": 0.7, **look})


def legend_above(axes: Axes, key_length: float = 1.2) -> None:
    """Keys of one panel in two columns above it; `key_length` is their length in font sizes."""
    axes.legend(loc="lower left", bbox_to_anchor=(-0.02, 1.0), ncols=2, handlelength=key_length)


def legend_under_title(figure: Figure, axes: Axes) -> None:
    """One line of keys between the title and the panels; the title must leave an empty second line."""
    handles, _ = axes.get_legend_handles_labels()
    legend_of(figure, handles, columns=len(handles))


def legend_of(figure: Figure, keys: Sequence[Any], columns: int) -> None:
    """Keys under the title, which must leave an empty line for each row of them."""
    below = 1.0 - 0.17 / figure.get_figheight()  # inches
    figure.legend(handles=keys, loc="upper left", bbox_to_anchor=(0.0, below), ncols=columns)


def caption(figure: Figure, text: str) -> None:
    """Write the lines under the figure that say what sample it shows, wrapped to its width."""
    characters = int(21.0 * figure.get_figwidth())
    lines = [part for line in text.splitlines() for part in wrap(line, characters)]
    figure.supxlabel("\n".join(lines), x=0.01, ha="left", fontsize=6.0, color="#404040")


def one_run(source: FigureSource) -> str:
    """Return the caption of a figure that shows a single run."""
    of = f" of {source.replicates // max(1, len(source.seeds)):,}" if source.replicates > 1 else ""
    return (
        f"{source.scenario}, seed {source.seed}: one run (replicate {source.replicate}{of}), "
        f"{len(source.series)} weeks."
    )


def band(axes: Axes, source: FigureSource, column: str, scale: float = 1.0, colour: str = GREY) -> None:
    """Where other replicates are: the middle 90 % of them, and their median; nothing if there are none."""
    if column in source.ensemble:
        low, middle, high = source.ensemble[column] * scale
        dates = source.dates.to_numpy()
        axes.fill_between(dates, low, high, color=colour, alpha=0.2, linewidth=0, zorder=0.5)
        axes.plot(dates, middle, color=colour, linewidth=0.7, linestyle=(0, (1.5, 1.5)), zorder=0.6)


def band_words(source: FigureSource) -> str:
    """The sentence of a caption about `band`; empty if there is none."""
    if not source.ensemble:
        return ""
    return f" Pale, dotted: middle 90 % and median of {source.ensemble_replicates:,} replicates."


def thousands(axes: Axes) -> None:
    """Numbers of the vertical axis with commas between thousands."""
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))


def all_runs(source: FigureSource) -> str:
    """Return the caption of a figure that shows every replicate."""
    runs = "1 replicate" if source.replicates == 1 else f"{source.replicates:,} replicates"
    return f"{source.scenario}, {source.words_of_seeds}: {runs}."


def date_axis(
    axes: Axes, dates: pd.DatetimeIndex, ticks: int = 6, short: bool = False, named: bool = True
) -> None:
    """Put calendar dates on the horizontal axis, about `ticks` of them; `short` writes years as '27."""
    locator, form = date_ticks((dates[-1] - dates[0]).days / 365.25, ticks, short)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(DateFormatter(form))
    if named:
        axes.set_xlabel("date")


def date_ticks(years: float, ticks: int, short: bool = False) -> tuple[DateLocator, str]:
    """Where about so many ticks go on an axis of so many years, and how their dates are written."""
    if years > 2.0:
        return YearLocator(ceil(years / ticks)), "'%y" if short else "%Y"
    ticks -= short  # months are longer than years
    if years > 0.4:
        return MonthLocator(interval=ceil(12.0 * years / ticks)), "%m/%y" if short else "%b %Y"
    return AutoDateLocator(minticks=1, maxticks=ticks), "%d/%m" if short else "%d %b %y"


def say(axes: Axes, text: str) -> None:
    """Write in the middle of a panel that has nothing to show, and take its numbers away."""
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", color=GREY)
    axes.set_xticks([])
    axes.set_yticks([])


def write(figure: Figure, handle: BinaryIO, kind: str) -> None:
    """Write a figure as "png" (200 dots an inch), "pdf" or "svg"; equal figures give equal bytes."""
    dates: dict[str, dict[str, None]] = {
        "png": {"Software": None},
        "pdf": {"CreationDate": None, "Producer": None, "Creator": None},
        "svg": {"Date": None, "Creator": None},
    }
    with house_style():
        figure.savefig(handle, format=kind, dpi=200, metadata=dates[kind])


def save(figure: Figure, folder: Path, key: str) -> list[Path]:
    """Write `key`.png (200 dots an inch) and `key`.pdf; equal figures give equal bytes."""
    paths = [folder / f"{key}.png", folder / f"{key}.pdf"]
    for path in paths:
        with path.open("wb") as handle:
            write(figure, handle, path.suffix[1:])
        figure.set_layout_engine("none")  # everything has its place by now; finding it again takes as long
    return paths
