"""Losses given default of a cohort: a row a group, closed claims against all, with intervals over seeds."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from hashcredit.experiments.figures import style
from hashcredit.experiments.measures.recoveries import CohortRecoveries
from hashcredit.simulator.display import interval_in_words, runs_in_words

ROW = 0.2
"""Inches a group."""


def draw(found: CohortRecoveries) -> Figure:
    """Three estimates of the loss of each group that has a claim; call it inside the house style."""
    rows = found.table[found.table["claims"] > 0.0]
    figure = style.new_figure("Loss given default: all claims, and those that happened to be closed",
                              1.5 + ROW * len(rows), style.WIDE)  # fmt: skip
    axes = figure.subplots()
    at = np.arange(len(rows), dtype=float)
    for offset, column, ends, colour, mark in (
        (0.0, "lgd", ("low", "high"), style.BLUE, "o"),
        (0.22, "lgd_survival", ("survival_low", "survival_high"), style.ORANGE, "s"),
        (-0.22, "lgd_closed", None, style.GREY, "x"),
    ):
        if ends is not None:
            low, high = (rows[end].to_numpy(float) for end in ends)
            known = np.isfinite(low)
            axes.hlines(at[known] + offset, low[known], high[known], color=colour, linewidth=0.9)
        axes.plot(rows[column].to_numpy(float), at + offset, mark, color=colour, markersize=3.5)
    names = [row["name"].replace("_", " ") for row in rows.to_dict("records")]
    kinds = rows["by"].to_numpy()
    names = [f"grade {name}" if kind == "grade" else name for name, kind in zip(names, kinds, strict=True)]
    names[0] = "all claims"
    axes.set_yticks(at, names)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    for place in np.flatnonzero(kinds[1:] != kinds[:-1]):
        axes.axhline(place + 0.5, color="#E4E4E4", linewidth=0.5)
    axes.tick_params(axis="y", length=0.0)
    axes.grid(axis="x", color="#E4E4E4", linewidth=0.5)
    axes.set_xlabel("loss given default, share of the face at default")
    axes.set_xlim(left=min(0.0, axes.get_xlim()[0]))
    handles = [
        Line2D([], [], color=style.BLUE, marker="o", markersize=3.5, label="all claims, runs go on"),
        Line2D([], [], color=style.ORANGE, marker="s", markersize=3.5, label="closed ones, weighted"),
        Line2D([], [], color=style.GREY, marker="x", markersize=3.5, linewidth=0.0, label="closed ones"),
    ]
    axes.legend(handles=handles, loc="lower right")
    sample = runs_in_words(found.seeds, found.replicates)
    weeks = f"defaults of weeks {found.cohort.from_week} to {found.cohort.before_week - 1}"
    after = f"runs go on for {found.run_off} weeks without new business"
    over = interval_in_words(len(found.seeds))
    style.caption(figure, f"{found.scenario.name}: {sample}; {weeks}; {after}. 95 % intervals, {over}.")
    return figure
