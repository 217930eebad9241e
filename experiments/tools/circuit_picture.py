"""A picture of the model: who owes whom, and along which arrows trouble travels."""

from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from hashcredit.experiments.figures.style import BLUE, GREY, RED, WIDE, caption, new_figure

HEIGHT = 3.9
"""Inches."""


class Box(NamedTuple):
    """A kind of agents: its middle and size in a field of 100 by 60, and what it is."""

    x: float
    y: float
    width: float
    title: str
    text: str


TALL = 10.0
"""Height of a box."""

BOXES = (
    Box(14, 53, 24, "Revenue", "compute rents, BTC, hashprice"),
    Box(50, 53, 26, "Funding pool", "savings against borrowing"),
    Box(14, 30, 24, "Borrowers", "miners and neo-clouds"),
    Box(50, 30, 26, "Lenders", "banks, private credit,\nbond funds"),
    Box(87, 30, 24, "Back-leverage", "repo on loans to borrowers"),
    Box(32, 6, 26, "Used machines", "auction: operators, brokers,\nrefurbishers, scrap dealers"),
    Box(77, 6, 24, "Appraisals", "what lenders go by"),
)


class Arrow(NamedTuple):
    """From where to where, with a word beside it; trouble travels along those that are red."""

    start: tuple[float, float]
    end: tuple[float, float]
    word: str
    at: tuple[float, float]
    channel: bool = False
    bend: float = 0.0


ARROWS = (
    Arrow((14, 48), (14, 35), "earnings", (15, 41.5)),
    Arrow((45, 48), (45, 35), "cost of money\nmacro_funding", (32, 41.5), True),
    Arrow((37, 32), (26, 32), "loans", (29, 33.4)),
    Arrow((26, 28), (37, 28), "losses\nlender_credit", (27.2, 23.6), True),
    Arrow((75, 32), (63, 32), "cash", (67, 33.4)),
    Arrow((75, 28), (63, 28), "calls\nrepo", (67, 23.6), True),
    Arrow((17, 25), (27, 11), "seized machines", (5.5, 17.5)),
    Arrow((45, 6), (65, 6), "prices", (53, 7.6), True),
    Arrow((73, 11), (59, 25), "borrowing bases\nfire_sale", (51.5, 16.2), True),
    Arrow((80, 11), (86, 25), "haircuts", (84.5, 17.5), True),
    Arrow((51, 35), (61, 35), "losses on each other\ninterlender", (62.5, 39.5), True, -1.1),
)


def draw_circuit() -> Figure:
    """Boxes and arrows; call it inside the house style."""
    figure = new_figure("Who owes whom, and how trouble travels", HEIGHT, WIDE)
    axes = figure.add_subplot()
    axes.set(xlim=(0, 100), ylim=(0, 60))
    axes.set_axis_off()
    for arrow in ARROWS:
        _arrow(axes, arrow)
    for box in BOXES:
        _box(axes, box)
    caption(figure, "Red: a channel of contagion, with the name of its switch. Grey: what flows in any week.")
    return figure


def _box(axes: Axes, box: Box) -> None:
    corner = (box.x - box.width / 2, box.y - TALL / 2)
    axes.add_patch(
        FancyBboxPatch(
            corner, box.width, TALL, boxstyle="round,pad=0,rounding_size=1.5", fc="white", ec=BLUE, lw=1.0
        )
    )
    axes.text(box.x, box.y + 2.6, box.title, ha="center", va="center", fontsize=7.5, fontweight="bold")
    axes.text(box.x, box.y - 1.7, box.text, ha="center", va="center", fontsize=6.3)


def _arrow(axes: Axes, arrow: Arrow) -> None:
    colour = RED if arrow.channel else GREY
    axes.add_patch(
        FancyArrowPatch(
            arrow.start,
            arrow.end,
            arrowstyle="-|>",
            mutation_scale=8,
            lw=1.1,
            color=colour,
            shrinkA=1,
            shrinkB=1,
            connectionstyle=f"arc3,rad={arrow.bend}",
        )
    )
    axes.text(*arrow.at, arrow.word, ha="left", va="center", fontsize=6.3, color=colour)
