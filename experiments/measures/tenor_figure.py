"""Machine loans by tenor: a panel a measure, both designs, loans of the first week and new ones."""

from typing import TYPE_CHECKING, Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator

from hashcredit.experiments.figures import style
from hashcredit.experiments.measures.tenor_sums import WHOLE
from hashcredit.experiments.measures.tenors import DESIGNS, EQUAL_ADVANCE, EQUAL_DEBT, YEAR, TenorFrontier
from hashcredit.simulator.display import interval_in_words, runs_in_words

if TYPE_CHECKING:
    import pandas as pd

HEIGHT = 5.0
"""Inches, of the figure with its title and caption."""

PANELS = (
    ("pd", "loans that default, %", 100.0),
    ("lgd", "loss given default, %", 100.0),
    ("loss_share", "whole-life loss, % of what was drawn", 100.0),
    ("break_even_bp", "break-even spread, bp a year", 1.0),
    ("opening_debt_musd", "owed in the first week, M$", 1.0),
    ("creditor_loss_musd", "loss of creditors, M$ a run", 1.0),
)
"""Measure, words, and by what it is multiplied."""

COLOURS = {EQUAL_DEBT: style.BLUE, EQUAL_ADVANCE: style.ORANGE}
COHORTS: dict[str, tuple[str, Any]] = {"opening": ("o", "-"), "new": ("s", style.DASHED), WHOLE: ("D", "-")}
"""Mark and line."""
OFFSET = {EQUAL_DEBT: -0.06, EQUAL_ADVANCE: 0.06}
"""Years aside, so that bars do not lie on each other."""


def draw(found: TenorFrontier) -> Figure:
    """Six panels over the same tenors; call it inside the house style."""
    figure = style.new_figure("How long should a loan on machines run?", HEIGHT, style.WIDE, empty_lines=2)
    panels = figure.subplots(2, 3, sharex=True)
    contract = found.scenario.investment.contract_weeks / YEAR
    for place, (axes, (measure, words, factor)) in enumerate(zip(panels.flat, PANELS, strict=True)):
        axes.set_title(f"({'abcdef'[place]}) {words}", loc="left", pad=3.0)
        rows = found.table[found.table["measure"] == measure]
        for (design, cohort), group in rows.groupby(["design", "cohort"], sort=False):
            _line(axes, group, str(design), str(cohort), factor)
        axes.axvline(contract, color=style.GREY, linewidth=0.7, linestyle=(0, (1.5, 1.5)), zorder=0.5)
        if not (rows[["value", "low"]] < 0.0).any(axis=None):
            axes.set_ylim(bottom=0.0)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
        style.level_lines(axes)
    for axes in panels[-1]:
        axes.set_xlabel("tenor, years")
    style.legend_of(figure, _keys(), columns=6)
    style.caption(figure, _caption(found))
    return figure


def _line(axes: Axes, group: "pd.DataFrame", design: str, cohort: str, factor: float) -> None:
    """Points of a design and cohort by tenor, with their intervals as bars."""
    mark, dash = COHORTS[cohort]
    at = group["tenor_years"].to_numpy(float) + OFFSET[design]
    value, low, high = (factor * group[name].to_numpy(float) for name in ("value", "low", "high"))
    axes.plot(at, value, mark, linestyle=dash, color=COLOURS[design], markersize=3.0, linewidth=0.8,
              markerfacecolor="white" if cohort == "new" else COLOURS[design])  # fmt: skip
    axes.vlines(at, low, high, color=COLOURS[design], linewidth=0.8)


def _keys() -> list[Line2D]:
    designs = [Line2D([], [], color=COLOURS[design], label=words) for design, words in DESIGNS.items()]
    cohorts = [
        Line2D([], [], color=style.BLACK, marker=mark, markersize=3.0, linestyle=dash, label=words,
               markerfacecolor="white" if words.startswith("new") else style.BLACK)
        for words, (mark, dash) in zip(("owed in the first week", "new loans", "whole runs"),
                                          COHORTS.values(), strict=True)
    ]  # fmt: skip
    contract = Line2D([], [], color=style.GREY, linewidth=0.7, linestyle=(0, (1.5, 1.5)),
                      label="contracts end")  # fmt: skip
    return [*designs, *cohorts, contract]


def _caption(found: TenorFrontier) -> str:
    missing = [str(years) for years in found.tenors if years not in found.tenors_of(EQUAL_ADVANCE)]
    words = f" At equal advance rate without {', '.join(missing)}." if missing else ""
    return (
        f"{found.scenario.name}, {runs_in_words(found.seeds, found.replicates)}, {found.weeks} weeks. "
        f"Machine loans; new ones are made before week {found.made_within}. Bars: 95 % intervals, "
        f"{interval_in_words(len(found.seeds))}. Losses are discounted to the making; break-even over the "
        f"policy rate, had nobody acted otherwise.{words}"
    )
