"""House style of the figures: palette, sizes, date axes, the caption line."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from math import ceil
from pathlib import Path
from textwrap import wrap
from typing import Any

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.dates import AutoDateLocator, DateFormatter, DateLocator, MonthLocator, YearLocator
from matplotlib.figure import Figure

from hashcredit.experiments.figures.source import FigureSource

WIDTH = 3.5
"""Inches: one column of a two-column journal."""

WIDE = 7.16
"""Inches: both columns."""

# Okabe and Ito (2008): told apart with any common colour blindness.
BLACK, ORANGE, SKY, GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
YELLOW, BLUE, RED, PURPLE = "#F0E442", "#0072B2", "#D55E00", "#CC79A7"
GREY = "#8C8C8C"

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
    "pdf.fonttype": 42,  # text stays text in the PDF
    "svg.hashsalt": "hashcredit",
}


def styled(draw: Callable[[FigureSource], Figure]) -> Callable[[FigureSource], Figure]:
    """Run a drawing function under the house style, leaving Matplotlib's settings as they were."""

    @wraps(draw)
    def under_style(source: FigureSource) -> Figure:
        with house_style():
            return draw(source)

    return under_style


@contextmanager
def house_style() -> Iterator[None]:
    """Draw under the house style: a user's matplotlibrc must not change a published figure."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_RULES)
        yield


def new_figure(height: float, width: float = WIDTH) -> Figure:
    """Return an empty figure (inches) with an Agg canvas and no window manager behind it."""
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def title(figure: Figure, text: str, empty_lines: int = 0) -> None:
    """Write the figure's title, left-aligned, with room for `empty_lines` under it."""
    figure.suptitle(text + "\n" * empty_lines, x=0.01, ha="left", fontsize=8.0, fontweight="bold")


def legend_under_title(figure: Figure, axes: Axes) -> None:
    """One line of keys between the title and the panels; the title must leave an empty second line."""
    handles, labels = axes.get_legend_handles_labels()
    below = 1.0 - 0.17 / figure.get_figheight()  # inches
    figure.legend(handles, labels, loc="upper left", bbox_to_anchor=(0.0, below), ncols=len(labels))


def caption(figure: Figure, text: str) -> None:
    """Write the lines under the figure that say what sample it shows, wrapped to its width."""
    characters = int(21.0 * figure.get_figwidth())
    lines = [part for line in text.splitlines() for part in wrap(line, characters)]
    figure.supxlabel("\n".join(lines), x=0.01, ha="left", fontsize=6.0, color="#404040")


def one_run(source: FigureSource) -> str:
    """Return the caption of a figure that shows a single run."""
    return (
        f"{source.scenario}, seed {source.seed}: one run (replicate {source.replicate}), "
        f"{len(source.series)} weeks."
    )


def all_runs(source: FigureSource) -> str:
    """Return the caption of a figure that shows every replicate."""
    runs = "1 replicate" if source.replicates == 1 else f"{source.replicates:,} replicates"
    return f"{source.scenario}, seed {source.seed}: {runs}."


def date_axis(axes: Axes, dates: pd.DatetimeIndex, ticks: int = 6, short: bool = False) -> None:
    """Put calendar dates on the horizontal axis, about `ticks` of them; `short` writes years as '27."""
    years = (dates[-1] - dates[0]).days / 365.25
    locator: DateLocator
    if years > 2.0:
        locator, form = YearLocator(ceil(years / ticks)), "'%y" if short else "%Y"
    elif years > 0.4:
        locator, form = MonthLocator(interval=ceil(12.0 * years / ticks)), "%m/%y" if short else "%b %Y"
    else:
        locator, form = AutoDateLocator(minticks=1, maxticks=ticks), "%d/%m" if short else "%d %b %y"
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(DateFormatter(form))


def say(axes: Axes, text: str) -> None:
    """Write in the middle of a panel that has nothing to show, and take its numbers away."""
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", color=GREY)
    axes.set_xticks([])
    axes.set_yticks([])


def save(figure: Figure, folder: Path, key: str) -> list[Path]:
    """Write `key`.png (200 dots an inch) and `key`.pdf; equal figures give equal bytes."""
    paths = [folder / f"{key}.png", folder / f"{key}.pdf"]
    with house_style():
        figure.savefig(paths[0], dpi=200, metadata={"Software": None})
        figure.set_layout_engine("none")  # everything has its place by now; finding it again takes as long
        figure.savefig(paths[1], metadata={"CreationDate": None, "Producer": None, "Creator": None})
    return paths
