"""Three values of the collateral: loan to value over the weeks, and the price against the number dumped."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from hashcredit.experiments.figures import style
from hashcredit.experiments.measures.collateral_values import CollateralValues
from hashcredit.simulator.display import interval_in_words, runs_in_words

HEIGHT = 3.1
"""Inches, of the figure with its title and caption."""
LINES = (
    ("total", "liquidation", "all sold at once", style.RED, "-"),
    ("alone", "liquidation", "each lender alone", style.ORANGE, "--"),
    ("total", "market", "best bid for one", style.BLUE, "-"),
    ("total", "paper", "appraisal", style.BLACK, "-"),
)
"""Level, value, words, colour, line."""
COLOURS = (style.BLACK, style.BLUE, style.SKY, style.GREEN, style.ORANGE, style.RED, style.PURPLE, style.WINE)


def draw(found: CollateralValues) -> Figure:
    """Two panels; call it inside the house style."""
    figure = style.new_figure("What pledged machines are worth, also if all are sold", HEIGHT, style.WIDE)
    left, right = figure.subplots(1, 2)
    _over_weeks(left, found)
    _against_units(right, found)
    style.caption(figure, _caption(found))
    return figure


def _over_weeks(axes: Axes, found: CollateralValues) -> None:
    """Loan to value in total, with bands over seeds."""
    axes.set_title("(a) machine loans over the value of what secures them", loc="left", pad=3.0)
    table = found.table
    for level, value, words, colour, line in LINES:
        rows = table[table["level"] == level]
        weeks, ltv = rows["week"].to_numpy(), rows[f"{value}_ltv"].to_numpy()
        low, high = rows[f"{value}_ltv_low"].to_numpy(), rows[f"{value}_ltv_high"].to_numpy()
        axes.plot(weeks, ltv, line, marker="o", markersize=2.0, color=colour, label=words)
        axes.fill_between(weeks, low, high, color=colour, alpha=0.15, linewidth=0)
    axes.axhline(1.0, color=style.GREY, linewidth=0.6)
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0%}"))
    axes.yaxis.set_minor_formatter(NullFormatter())
    style.level_lines(axes)
    axes.set_xlabel("week")
    axes.set_ylabel("loan to value, log scale")
    low, high = axes.get_ylim()
    axes.set_ylim(low * (low / high) ** 0.2, high)  # room for the keys
    axes.legend(loc="lower left", ncols=2, handlelength=1.8)


def _against_units(axes: Axes, found: CollateralValues) -> None:
    """What is fetched over the appraisal as more units of a type are dumped, one line a type."""
    axes.set_title(f"(b) units of one type dumped at the end of week {found.curve_week}", loc="left", pad=3.0)
    for place, (name, rows) in enumerate(found.curve.groupby("machine", sort=False)):
        colour, line = COLOURS[place % len(COLOURS)], "-" if place < len(COLOURS) else "--"
        units, price = rows["units"].to_numpy(), rows["price_to_appraisal"].to_numpy()
        reach = [price - rows["price_to_appraisal_low"], rows["price_to_appraisal_high"] - price]
        axes.errorbar(units, price, reach, fmt=line, marker="o", markersize=2.0, color=colour, elinewidth=0.4,
                      linewidth=0.9, label=str(name))  # fmt: skip
    if found.curve.empty:
        axes.text(0.5, 0.5, "no machine is pledged", transform=axes.transAxes, ha="center", color=style.GREY)
        return
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.set_ylim(bottom=0.0)
    style.level_lines(axes)
    axes.set_xlabel("units, log scale")
    axes.set_ylabel("proceeds over appraisal")
    axes.legend(loc="lower left", ncols=2, handlelength=1.5)


def _caption(found: CollateralValues) -> str:
    return (
        f"{found.scenario}, {runs_in_words(found.seeds, found.replicates)}; bands and bars: 95 % "
        f"{interval_in_words(len(found.seeds))}. Sales are tried on copies and never happen. All sold at "
        "once: at any price, to those who know the sellers and can pay; whoever owes the loans does not bid. "
        "(b) The first point is the best bid for one unit, the last all that is pledged of the type."
    )
