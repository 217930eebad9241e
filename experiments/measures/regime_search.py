"""Where curves that are dear to evaluate first cross a threshold: a coarse scan, then bisection.

On common draws the share of contagion along a ray is a step function of the place on it, without noise of its
own, so the bisection finds where these draws cross. What other draws would say is the affair of the interval:
the places at which the interval of the share holds the threshold.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

Request = tuple[int, float]
"""Number of a curve, and a place on it."""


@dataclass(frozen=True)
class Crossing:
    """What was seen of a curve on [0, 1]."""

    places: tuple[float, ...]
    """Where it was evaluated, ascending."""
    values: tuple[float, ...]
    """Of the curve there."""
    bracket: tuple[float, float] | None
    """Two places between which it first changes sides; None where it never was seen to."""
    changes: int
    """How often it changes sides from one place to the next."""

    @property
    def at(self) -> float:
        """The middle of the bracket; infinite where there is none."""
        return 0.5 * sum(self.bracket) if self.bracket else np.inf


def find_crossings(
    evaluate: Callable[[Iterable[Request]], Sequence[float]],
    curves: int,
    threshold: float,
    scan: Sequence[float],
    halvings: int,
) -> list[Crossing]:
    """The first crossing of each of several curves on [0, 1].

    evaluate    values at requested places; each place of a curve is asked for once, many at a time
    threshold   a value at it or above is on the upper side, a lower one or NaN on the lower
    scan        ascending places that are looked at on every curve, the first 0
    halvings    of the first interval of the scan whose ends lie on different sides
    """
    requests = [(curve, place) for curve in range(curves) for place in scan]
    known: list[dict[float, float]] = [{} for _ in range(curves)]
    _tell(known, requests, evaluate(requests))
    brackets = [_first_change(each, threshold) for each in known]
    for _ in range(halvings):
        halved = [(curve, 0.5 * (ends[0] + ends[1])) for curve, ends in enumerate(brackets) if ends]
        _tell(known, halved, evaluate(halved))
        brackets = [_first_change(each, threshold) for each in known]
    return [_crossing(each, ends, threshold) for each, ends in zip(known, brackets, strict=True)]


def _tell(known: list[dict[float, float]], requests: list[Request], values: Sequence[float]) -> None:
    for (curve, place), value in zip(requests, values, strict=True):
        known[curve][place] = value


def _first_change(known: dict[float, float], threshold: float) -> tuple[float, float] | None:
    """The first two places next to each other on different sides."""
    for before, after in pairwise(sorted(known)):
        if (known[before] >= threshold) != (known[after] >= threshold):
            return before, after
    return None


def _crossing(known: dict[float, float], bracket: tuple[float, float] | None, threshold: float) -> Crossing:
    places = tuple(sorted(known))
    values = tuple(known[place] for place in places)
    upper = np.array(values) >= threshold
    return Crossing(places, values, bracket, int(np.count_nonzero(upper[1:] != upper[:-1])))


def first_beyond(places: Sequence[float], values: Floats, threshold: float, rising: bool) -> float:
    """Where the line through points is first on the other side of a threshold.

    The other side is at it or above where `rising`, else below it. 0 if the first point is there, infinite if
    none is, NaN if a value is NaN.
    """
    if np.isnan(values).any():
        return float("nan")
    beyond = values >= threshold if rising else values < threshold
    if not beyond.any():
        return float("inf")
    after = int(np.argmax(beyond))
    if after == 0:
        return 0.0
    left, right = float(values[after - 1]), float(values[after])
    part = (threshold - left) / (right - left)
    return float(places[after - 1] + part * (places[after] - places[after - 1]))
