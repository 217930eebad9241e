"""What marks and lines mean in the network figure, in shapes, colours, dashes and words."""

from collections import Counter
from typing import TYPE_CHECKING, Any

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from hashcredit.experiments.figures import style
from hashcredit.experiments.figures.defaults import CAUSES
from hashcredit.experiments.figures.network_layout import Rings

if TYPE_CHECKING:
    import networkx as nx

SHAPES = {
    "forced": "X",
    "illiquidity": "o",
    "acceleration": "^",
    "margin": "D",
    "maturity": "P",
    "insolvency": "v",
    "cross_default": "h",
}
"""Shape of each cause, which tells it without colour; words and colour are those of the defaults' figure."""

CHANNELS: dict[str, tuple[str, Any]] = {
    "machine_price": ("through machine prices", "-"),
    "rent": ("through rents", (0, (4, 1.5))),
    "btc_price": ("through the price of BTC", (0, (1, 1))),
    "offtaker": ("through customers", (0, (5, 1, 1, 1))),
    "none": ("channel unknown", (0, (1, 2.5))),
}
"""Channel of a link, with its words and its dashes."""

KINDS = {
    "miner": "miners",
    "neocloud": "neo-clouds",
    "bank": "banks",
    "private_credit": "private credit",
    "bond_fund": "bond funds",
}
"""Kinds of borrowers and lenders, as several are called."""

FAINT, DARK, DIM = "#E0E0E0", "#A0A0A0", "#5A5A5A"
"""Greys of lines, of small marks, and of words."""


def mark_of(attributes: dict[str, Any]) -> tuple[str, str, str]:
    """Shape, colour and words of a failure."""
    if attributes["agent_kind"] == "lenders":
        return "s", style.BLACK, "lender failed"
    words, colour = CAUSES.get(attributes["cause"], (attributes["cause"].replace("_", " "), style.BLACK))
    return SHAPES.get(attributes["cause"], "o"), colour, words


def channel_line(channel: str) -> tuple[str, Any]:
    """Words and dashes of a link; a channel without dashes of its own is named as in the log."""
    return CHANNELS.get(channel, (f"through {channel.replace('_', ' ')}", (0, (3, 1, 1, 1, 1, 1))))


def counted(number: int, one: str, many: str) -> str:
    """A number with its noun."""
    return f"{number:,} {one if number == 1 else many}"


def written(kind: str) -> str:
    """One agent of a kind of borrower in words."""
    return kind.replace("neocloud", "neo-cloud")


def put_mark(axes: Axes, x: float, y: float, attributes: dict[str, Any], size: float) -> None:
    """Draw a failure as a mark `size` points wide."""
    shape, colour, _ = mark_of(attributes)
    axes.plot(x, y, shape, c=colour, markersize=size, markeredgecolor="white", markeredgewidth=0.3, zorder=8)


def keys_of(tree: "nx.DiGraph", spots: Rings) -> list[Any]:
    """What the marks and lines mean, as far as they occur, with the number of failures."""
    counts = Counter(mark_of(node) for _, node in tree.nodes(data=True))
    order = [*SHAPES.values()]
    keys: list[Any] = [
        Line2D([], [], linestyle="", marker=shape, color=colour, markersize=4.5, label=f"{words} ({count:,})",
               markeredgecolor="white", markeredgewidth=0.3)
        for (shape, colour, words), count in sorted(counts.items(), key=lambda one: _place(order, one[0][0]))
    ]  # fmt: skip
    if any(name not in tree for names in spots.groups.values() for name in names):
        keys.append(
            Line2D([], [], linestyle="", marker="o", markersize=2.5, markerfacecolor="white",
                   markeredgecolor=DARK, markeredgewidth=0.4, label="did not fail")
        )  # fmt: skip
    keys.append(
        Line2D([], [], linestyle="", marker="s", markersize=4.5, fillstyle="bottom", color=DIM,
               markerfacecoloralt="white", markeredgecolor=DIM, markeredgewidth=0.5,
               label="lender, by share of loans hit")
    )  # fmt: skip
    channels = {link["channel"] for *_, link in tree.edges(data=True)}
    order = [*CHANNELS]
    for words, dashes in map(channel_line, sorted(channels, key=lambda name: (_place(order, name), name))):
        keys.append(Line2D([], [], color=style.BLACK, linewidth=0.7, linestyle=dashes, label=words))
    return keys


def _place(order: list[str], item: str) -> int:
    """Where an item stands in an order; what is not in it comes last."""
    return order.index(item) if item in order else len(order)
