"""The credit network as SVG: everybody in the place that was found at the start, coloured by distress."""

from collections.abc import Iterator
from html import escape

from hashcredit.experiments.dashboard.market import NEAR, WEAK, Market
from hashcredit.experiments.figures.network_marks import KINDS
from hashcredit.experiments.figures.style import BLACK, RED

COLOURS = {"calm": "#FFFFFF", "weak": "#F6D58A", "pressed": RED, "failed": BLACK}
"""Of each state; a failed one is drawn as a cross too, so that it needs no colour to be told apart."""

WORDS = {
    "calm": "calm",
    "weak": f"weak: cover below {WEAK:g}, or loans written down",
    "pressed": f"pressed: cover below {NEAR:g}, overdue, out of a covenant, or called",
    "failed": "failed",
}

SIZE = 500.0
RADIUS = 222.0
"""Of the outer ring."""


def draw(market: Market) -> str:
    """The picture with its legend."""
    places, states = market.places.place, market.distress
    counts = {state: sum(states[name] == state for name in places) for state in COLOURS}
    legend = "".join(
        f'<span><svg class="swatch" viewBox="0 0 14 10" aria-hidden="true"><circle cx="7" cy="5" r="4" '
        f'fill="{colour}" stroke="#5A5A5A"/></svg>{WORDS[state]} <b>{counts[state]}</b></span>'
        for state, colour in COLOURS.items()
    )
    said = ", ".join(f"{number} {state}" for state, number in counts.items())
    return (
        '<figure class="chart network"><figcaption>Who lends to whom <small>lines: live loans and open '
        "claims, wider the more is owed; squares: lenders</small></figcaption>"
        f'<div class="legend">{legend}</div><svg viewBox="0 0 {SIZE:g} {SIZE:g}" role="img" '
        f'aria-label="Credit network: {said}">{"".join(_links(market))}{"".join(_marks(market))}'
        f"{_kinds(market)}</svg></figure>"
    )


def _place(market: Market, name: str) -> tuple[float, float]:
    x, y = market.places.place[name]
    return 0.5 * SIZE + RADIUS * float(x), 0.5 * SIZE - RADIUS * float(y)


def _links(market: Market) -> Iterator[str]:
    """A line for each pair that owes, red if the borrower is pressed, black if it has failed."""
    states = market.distress
    opening = market.run.opening
    borrowers, lenders = (opening[table]["name"].tolist() for table in ("borrowers", "lenders"))
    for row in market.links.itertuples(index=False):
        names = borrowers[row.borrower], lenders[row.lender]
        if any(name not in market.places.place for name in names):
            continue  # of large markets the rings have room for some
        (x, y), (u, v) = (_place(market, name) for name in names)
        state = states[names[0]]
        colour = {"pressed": RED, "failed": BLACK}.get(state, "#C4C4C4")
        width = min(4.0, 0.4 + 0.125 * float(row.principal) ** 0.5)
        way = f"M{x:.0f},{y:.0f}L{u:.0f},{v:.0f}"
        yield f'<path class="link" d="{way}" stroke="{colour}" stroke-width="{width:.1f}"/>'


def _marks(market: Market) -> Iterator[str]:
    """A dot for each borrower, a square for each lender; the name when it is pointed at."""
    inner = set(market.places.lenders)
    for name, state in market.distress.items():
        if name not in market.places.place:
            continue
        x, y = _place(market, name)
        colour = COLOURS[state]
        title = f"<title>{escape(name)}: {state}</title>"
        if name in inner:
            where = f'x="{x - 6:.1f}" y="{y - 6:.1f}" width="12" height="12"'
            shape = f'<rect {where} fill="{colour}">{title}</rect>'
        else:
            shape = f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4.5" fill="{colour}">{title}</circle>'
        cross = ""
        if state == "failed":
            arm = 3.0
            cross = (
                f'<path class="cross" d="M{x - arm:.1f},{y - arm:.1f}L{x + arm:.1f},{y + arm:.1f}'
                f'M{x - arm:.1f},{y + arm:.1f}L{x + arm:.1f},{y - arm:.1f}"/>'
            )
        yield f'<g class="agent">{shape}{cross}</g>'


def _kinds(market: Market) -> str:
    """Which kinds of borrowers stand on which side."""
    groups = market.places.groups
    words = []
    for kind, names in groups.items():
        left = kind == "miner"
        x, anchor = (4.0, "start") if left else (SIZE - 4.0, "end")
        said = f"{len(names)} {KINDS.get(kind, kind)}"
        words.append(f'<text x="{x:g}" y="14" text-anchor="{anchor}">{escape(said)}</text>')
    kinds = dict.fromkeys(market.run.opening["lenders"]["kind"])
    said = "lenders, clockwise from the left: " + ", ".join(KINDS.get(kind, kind) for kind in kinds)
    words.append(f'<text x="{SIZE / 2:g}" y="{SIZE - 4:g}" text-anchor="middle">{escape(said)}</text>')
    return "".join(words)
