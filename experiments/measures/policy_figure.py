"""Policies with their cost: net benefit against credit lost, a line an instrument from weak to strong."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter

from hashcredit.experiments.figures import style
from hashcredit.experiments.measures.policies import PolicyFrontier
from hashcredit.experiments.measures.policy_ranks import PolicyRanks
from hashcredit.simulator.display import interval_in_words, runs_in_words

HEIGHT = 4.2
"""Inches."""
LOOKS = [
    (style.BLUE, "o"), (style.RED, "s"), (style.GREEN, "^"), (style.ORANGE, "D"), (style.PURPLE, "v"),
    (style.SKY, "P"), (style.BLACK, "X"), (style.WINE, "<"),
]  # fmt: skip
MOST = len(LOOKS)


def draw(found: PolicyFrontier) -> Figure:
    """One panel; call it inside the house style."""
    figure = style.new_figure("Policies: what they avert, and what they take from credit", HEIGHT, style.WIDE,
                              empty_lines=2)  # fmt: skip
    axes = figure.subplots()
    policies = list(dict.fromkeys(arm.policy for arm in found.arms))
    rows = found.table.set_index(["policy", "account"])
    for place, policy in enumerate(policies):
        colour, mark = LOOKS[place % MOST]
        net, credit = (rows.loc[[(policy, name)]] for name in ("net_benefit", "credit_lost"))
        x, y = credit["value"].to_numpy(float), net["value"].to_numpy(float)
        axes.plot([0.0, *x], [0.0, *y], "-", color=colour, linewidth=0.7, alpha=0.7)
        for strength in range(len(x)):
            size = 2.5 + 1.2 * strength
            axes.plot(x[strength], y[strength], mark, color=colour, markersize=size)
        for at, low, high in zip(x, net["low"], net["high"], strict=True):
            axes.plot([at, at], [low, high], color=colour, linewidth=0.5, alpha=0.6)
        for at, low, high in zip(y, credit["low"], credit["high"], strict=True):
            axes.plot([low, high], [at, at], color=colour, linewidth=0.5, alpha=0.6)
    _efficient(axes, found)
    axes.axhline(0.0, color=style.GREY, linewidth=0.5)
    axes.axvline(0.0, color=style.GREY, linewidth=0.5)
    axes.set_xscale("symlog", linthresh=100.0, linscale=0.7)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
    axes.set_xlabel("credit lost, M$ a run (linear up to 100, then in proportions)")
    axes.set_ylabel("loss averted less the authority's loss, M$ a run")
    keys = [
        Line2D([], [], color=LOOKS[place % MOST][0], marker=LOOKS[place % MOST][1], markersize=3.5,
               linewidth=0.7, label=policy.replace("_", " "))
        for place, policy in enumerate(policies)
    ]  # fmt: skip
    keys.append(Line2D([], [], color="#BBBBBB", linewidth=3.0, label="not dominated"))
    style.legend_of(figure, keys, columns=5)
    style.caption(figure, _caption(found))
    return figure


def _efficient(axes: Axes, found: PolicyFrontier) -> None:
    """What no other choice dominates, as a band behind the points."""
    table = found.frontier[found.frontier["efficient"]].sort_values("credit_lost")
    x, y = table["credit_lost"].to_numpy(float), table["net_benefit"].to_numpy(float)
    axes.plot(np.repeat(x, 2)[1:], np.repeat(y, 2)[:-1], color="#DDDDDD", linewidth=3.0, zorder=0.5)
    axes.plot(x, y, "o", color="#DDDDDD", markersize=9.0, zorder=0.5)


def _caption(found: PolicyFrontier) -> str:
    return (
        f"{found.scenario}, {runs_in_words(found.seeds, found.replicates)}, {found.weeks} weeks; each "
        "strength against no policy on the same draws and at the same opening, larger marks for stronger "
        "ones. Bars: "
        f"95 % {interval_in_words(len(found.seeds))}. Without a policy creditors lose "
        f"{found.without['loss']:,.0f} M$ a run, and new credit is {found.without['credit']:,.0f} M$."
    )


def draw_ranks(found: PolicyRanks) -> Figure:
    """Net benefit of each instrument over the prior, the best on average at the top."""
    table = found.table.sort_values("mean_rank").reset_index(drop=True)
    figure = style.new_figure("Policies over the prior of unsourced parameters", 3.2, style.WIDE)
    axes = figure.subplots()
    for line, row in enumerate(table.to_dict("records")):
        net = found.net[:, found.policies.index(row["policy"])]
        axes.plot(net, np.full(len(net), line), "|", color=style.BLUE, markersize=6.0, alpha=0.5)
        axes.plot(row["net_50"], line, "D", color=style.BLACK, markersize=4.0)
        words = f"first in {row['first']:.0%}, above zero in {row['beneficial']:.0%}"
        axes.text(1.01, line, words, transform=axes.get_yaxis_transform(), va="center", fontsize=6.0)
    names = [f"{row.policy.replace('_', ' ')}, {row.step}" for row in table.itertuples()]
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.axvline(0.0, color=style.GREY, linewidth=0.5)
    axes.set_xscale("symlog", linthresh=10.0)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
    axes.set_xlabel("loss averted less the authority's loss, M$ a run (linear up to 10, then in proportions)")
    style.caption(
        figure,
        f"{found.scenario}, {len(found.net)} points of the prior, "
        f"{runs_in_words(found.seeds, found.replicates)} in each arm, {found.weeks} weeks; bars: points, "
        "diamond: their median. In the order of mean ranks.",
    )
    return figure
