"""Charts over the weeks as SVG in HTML: numbers in, text out, a few milliseconds each.

Text stays text, so that a page is sharp at any width and can be read aloud. Colours are those of the figures.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from math import ceil, floor, log10

import numpy as np
from numpy.typing import NDArray

from hashcredit.experiments.figures.style import GREY

Floats = NDArray[np.float64]

WIDTH, HEIGHT = 460.0, 172.0
"""Of the drawing, in the pixels of a card of the usual width; the page scales it to the card."""
LEFT, RIGHT, TOP, BOTTOM = 44.0, 8.0, 8.0, 22.0
"""Room around the plot."""

NOTHING = "\N{EN DASH}"
"""Where there is no number."""

SHORTEST = 26
"""Weeks on the axis at least; it grows by as many at a time, so that it does not move every week."""

LINE, DOTS, AREA, BLOCKS, MARKED = "line", "dots", "area", "blocks", "marked"
"""How a layer is drawn: `AREA` and, in steps, `BLOCKS` reach down to zero; `MARKED` has marks."""


@dataclass(frozen=True)
class Layer:
    """Values to be drawn, with their words in the legend."""

    words: str
    values: Floats
    colour: str
    kind: str = LINE
    dashes: str = ""
    weeks: Floats | None = None
    """Of the values; by default 0, 1, ..."""
    told: float | None = None
    """In the legend; by default the latest value."""

    @property
    def x(self) -> Floats:
        """Week of each value."""
        return np.arange(len(self.values), dtype=float) if self.weeks is None else self.weeks


@dataclass(frozen=True)
class Chart:
    """Layers over one axis."""

    title: str
    layers: Sequence[Layer]
    unit: str = ""
    percent: bool = False
    """Numbers are fractions, written as percentages."""
    log: bool = False
    least: float = 0.0
    """Where a linear axis begins unless a value is lower."""
    width: float = WIDTH
    height: float = HEIGHT

    def span(self) -> tuple[float, float]:
        """Lowest and highest value that has to be on the axis."""
        values = np.concatenate([layer.values for layer in self.layers] or [np.zeros(0)])
        values = values[np.isfinite(values) & ((values > 0.0) | (not self.log))]
        if not len(values):
            return (0.5, 2.0) if self.log else (self.least, self.least + 1.0)
        if self.log:
            return float(values.min()), float(values.max())
        return min(self.least, float(values.min())), float(values.max())


def axis_end(week: int) -> int:
    """Last week on the axis where so many are over."""
    return SHORTEST * max(1, ceil(week / SHORTEST))


def joint_span(charts: Sequence[Chart]) -> tuple[float, float]:
    """One axis for several charts, so that they can be compared."""
    lows, highs = zip(*(chart.span() for chart in charts), strict=True)
    return min(lows), max(highs)


def draw(chart: Chart, last_week: int, span: tuple[float, float] | None = None, legend: bool = True) -> str:
    """A figure in HTML: title, legend with the latest values, plot."""
    low, high = chart.span() if span is None else span
    ticks = _log_ticks(low, high) if chart.log else _ticks(low, high, 4 if chart.height > 120.0 else 2)
    scale = _Scale(float(last_week), ticks[0], ticks[-1], chart)
    parts = [_grid(scale, ticks, chart), *(_drawn(layer, scale) for layer in chart.layers)]
    unit = f" <small>{escape(chart.unit)}</small>" if chart.unit else ""
    keys = legend_of(chart) if legend else ""
    said = escape(f"{chart.title}: {_spoken(chart)}", quote=True)
    return (
        f'<figure class="chart"><figcaption>{escape(chart.title)}{unit}</figcaption>{keys}'
        f'<svg viewBox="0 0 {chart.width:g} {chart.height:g}" role="img" aria-label="{said}">'
        f"{''.join(parts)}</svg></figure>"
    )


def number(value: float, percent: bool = False) -> str:
    """A value with about three digits; a dash where there is none."""
    if np.isnan(value):
        return NOTHING
    if np.isinf(value):
        return "∞"
    if percent:
        return f"{100.0 * value:.1f} %"
    size = abs(value)
    digits = 0 if size >= 100.0 or value == round(value) else 1 if size >= 10.0 else 2
    return f"{value:,.{digits}f}"


class _Scale:
    """From weeks and values to places in the drawing."""

    def __init__(self, last: float, low: float, high: float, chart: Chart) -> None:
        self.last, self.log = last, chart.log
        self.low, self.high = (log10(low), log10(high)) if chart.log else (low, high)
        self.foot, self.right = chart.height - BOTTOM, chart.width - RIGHT

    def x(self, week: Floats | float) -> Floats:
        return np.asarray(LEFT + (self.right - LEFT) * np.asarray(week) / self.last)

    def y(self, value: Floats | float) -> Floats:
        shown = np.asarray(value, float)
        if self.log:
            with np.errstate(divide="ignore", invalid="ignore"):
                shown = np.log10(shown)
        shown = np.where(np.isfinite(shown), shown, np.nan)  # an infinite ratio has no place: a gap
        return np.asarray(self.foot - (self.foot - TOP) * (shown - self.low) / (self.high - self.low))


def _ticks(low: float, high: float, about: int) -> list[float]:
    """Round numbers from at most the lowest value to at least the highest."""
    width = max(high - low, 1e-9 * max(abs(low), abs(high), 1.0))
    rough = width / about
    size = 10.0 ** floor(log10(rough))
    step = next(size * factor for factor in (1.0, 2.0, 2.5, 5.0, 10.0) if size * factor >= rough * 0.999)
    first, last = floor(low / step + 1e-9), ceil(high / step - 1e-9)
    return [step * place for place in range(first, max(last, first + 1) + 1)]


def _log_ticks(low: float, high: float) -> list[float]:
    """1, 2 and 5 times powers of ten around the values."""
    grid = [factor * 10.0**power for power in range(-6, 7) for factor in (1.0, 2.0, 5.0)]
    first = max(place for place, value in enumerate(grid) if value <= max(low, 1e-6) or place == 0)
    last = min(place for place, value in enumerate(grid) if value >= high or place == len(grid) - 1)
    return grid[first : max(last, first + 1) + 1]


def _grid(scale: _Scale, ticks: Sequence[float], chart: Chart) -> str:
    """Level lines with their numbers, and weeks below."""
    parts = []
    for tick in ticks:
        y = float(scale.y(tick))
        parts.append(f'<line class="level" x1="{LEFT:g}" x2="{scale.right:g}" y1="{y:.1f}" y2="{y:.1f}"/>')
        words = _tick_words(tick, ticks, chart)
        parts.append(f'<text x="{LEFT - 5:g}" y="{y + 3.5:.1f}" text-anchor="end">{words}</text>')
    step = 13 * ceil(scale.last / 13 / (6 if chart.width > 300.0 else 3))
    for week in range(0, int(scale.last) + 1, step):
        x = float(scale.x(float(week)))
        words = f"week {week}" if week == 0 else f"{week}"
        anchor = "start" if week == 0 else "end" if week == int(scale.last) else "middle"
        parts.append(f'<text x="{x:.1f}" y="{chart.height - 6:g}" text-anchor="{anchor}">{words}</text>')
        parts.append(
            f'<line class="tick" x1="{x:.1f}" x2="{x:.1f}" y1="{scale.foot:g}" y2="{scale.foot + 3:g}"/>'
        )
    return "".join(parts)


def _tick_words(tick: float, ticks: Sequence[float], chart: Chart) -> str:
    gap = min(b - a for a, b in pairwise(ticks))
    if chart.percent:
        return f"{100.0 * tick:z.{_decimals(100.0 * gap)}f}%"
    if chart.log:
        return f"{tick:g}"
    return f"{tick:z,.{_decimals(gap)}f}"


def _decimals(gap: float) -> int:
    """So many that neighbours differ."""
    digits = max(0, -floor(log10(gap) + 1e-9))
    return digits + (abs(gap * 10.0**digits - round(gap * 10.0**digits)) > 1e-6)


def _drawn(layer: Layer, scale: _Scale) -> str:
    """The marks of one layer."""
    x, y = scale.x(layer.x), scale.y(layer.values)
    if not np.isfinite(y).any():
        return ""
    if layer.kind == DOTS:
        return _dots(x, y, 1.8, layer.colour)
    if layer.kind == BLOCKS:  # each value is held until the next
        x, y = np.repeat(x, 2)[1:], np.repeat(y, 2)[:-1]
    path = _path(x, y)
    if layer.kind in (AREA, BLOCKS):
        foot = float(scale.y(max(0.0, scale.low)))
        return f'<path d="{path}L{x[-1]:.1f},{foot:.1f}L{x[0]:.1f},{foot:.1f}Z" fill="{layer.colour}"/>'
    dashes = f' stroke-dasharray="{layer.dashes}"' if layer.dashes else ""
    line = f'<path class="line" d="{path}" stroke="{layer.colour}"{dashes}/>'
    if layer.kind == MARKED or len(x) == 1:
        line += _dots(x, y, 2.2, layer.colour)
    return line


def _dots(x: Floats, y: Floats, radius: float, colour: str) -> str:
    """A mark for each value that there is."""
    marks = (
        f'<circle cx="{a:.1f}" cy="{b:.1f}" r="{radius}"/>'
        for a, b in zip(x.tolist(), y.tolist(), strict=True)
        if b == b
    )
    return f'<g fill="{colour}">{"".join(marks)}</g>'


def _path(x: Floats, y: Floats) -> str:
    """Lines through the points, with gaps where there is no value."""
    parts, begun = [], False
    for a, b in zip(x.tolist(), y.tolist(), strict=True):
        if b != b:
            begun = False
            continue
        parts.append(f"{'L' if begun else 'M'}{a:.1f},{b:.1f}")
        begun = True
    return "".join(parts)


def _latest(layer: Layer) -> float:
    """The last value that there is, unless the layer has one of its own to tell."""
    if layer.told is not None:
        return layer.told
    values = layer.values[~np.isnan(layer.values)]
    return float(values[-1]) if len(values) else float("nan")


def legend_of(chart: Chart, values: bool = True) -> str:
    """Swatch, words and the latest value of each layer."""
    keys = []
    for layer in chart.layers:
        shape = _swatch(layer)
        value = f" <b>{number(_latest(layer), chart.percent)}</b>" if values else ""
        keys.append(f"<span>{shape}{escape(layer.words)}{value}</span>")
    return f'<div class="legend">{"".join(keys)}</div>'


def _swatch(layer: Layer) -> str:
    if layer.kind in (AREA, BLOCKS):
        mark = f'<rect width="14" height="8" y="1" fill="{layer.colour}"/>'
    elif layer.kind == DOTS:
        mark = f'<circle cx="7" cy="5" r="2.5" fill="{layer.colour}"/>'
    else:
        dashes = f' stroke-dasharray="{layer.dashes}"' if layer.dashes else ""
        mark = f'<line x1="0" x2="14" y1="5" y2="5" stroke="{layer.colour}" stroke-width="2"{dashes}/>'
    return f'<svg class="swatch" viewBox="0 0 14 10" aria-hidden="true">{mark}</svg>'


def _spoken(chart: Chart) -> str:
    """The latest values in words, for those who do not see the plot."""
    said = [f"{layer.words} {number(_latest(layer), chart.percent)}" for layer in chart.layers]
    return "; ".join(said) if said else "nothing to show"


def note(title: str, words: str) -> str:
    """A card with nothing to plot, which says so."""
    return (
        f'<figure class="chart"><figcaption>{escape(title)}</figcaption>'
        f'<p class="nothing" style="color:{GREY}">{escape(words)}</p></figure>'
    )
