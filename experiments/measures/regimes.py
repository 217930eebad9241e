"""A map of regimes: where, around a scenario, contagion makes more than a stated share of what happens.

Rays lead out of the scenario in the directions in which a market may differ: one at a time, two, all, and
some that a sequence names. On each the share of contagion is taken from pairs of runs on the same draws, and
the first place is searched at which it crosses the threshold. The answer may be that no ray gets there.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from hashcredit.experiments.measures.regime_directions import (
    Direction,
    Ray,
    directions_of,
    ends_of,
    name_of,
    prior_end,
    ray_as_found,
    rays_of,
    scenario_at,
    values_on,
)
from hashcredit.experiments.measures.regime_looks import Look, Looks, difference, is_monotone
from hashcredit.experiments.measures.regime_search import (
    Crossing,
    Request,
    find_crossings,
    first_beyond,
)
from hashcredit.simulator.display import Facts, Shown, interval_in_words, runs_in_words
from hashcredit.simulator.errors import ScenarioError
from hashcredit.simulator.progress import Progress, shown
from hashcredit.simulator.scenario.arguments import GivenScenario, scenario_of, seeds_of, whole_number
from hashcredit.simulator.scenario.scenario import Scenario
from hashcredit.simulator.setup.rules import Rule
from hashcredit.simulator.state.outcomes import BY_NAME

if TYPE_CHECKING:
    import pandas as pd

MEASURES = ("defaults", "creditor_loss_musd", "lender_failures", "units_unsold")
"""Scalars of a run whose share by contagion a map may be of."""
SCAN = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Places that are looked at on every ray; 0 is the scenario."""
HALVINGS = 3
"""Of a quarter of a ray: a crossing is known to a 32nd of it."""
FURTHER = 6
"""Rays besides those along one, two and all directions."""
PLANE = ("leverage", "depth")
"""Of the two-dimensional slice: what makes lenders call loans, and what makes a sale move the price."""


@dataclass(frozen=True)
class RayFound:
    """A ray, and what was found on it."""

    ray: Ray
    name: str
    length: float
    """From the scenario to the end, in widths of the priors, by the rule of Pythagoras."""
    prior_end: float
    """Place at which it leaves the priors."""
    crossing: Crossing
    looks: tuple[Look, ...]
    """At the places of `crossing`."""


@dataclass(frozen=True, repr=False)
class RegimeMap(Shown):
    """Where contagion bites around a scenario.

    The share is what is there with all channels of contagion on and not with all off, over what is there with
    them. Distances are in widths of the priors: a step as long as the prior of a direction is 1, and steps in
    several directions add by their squares.
    """

    scenario: Scenario
    measure: str
    threshold: float
    seeds: tuple[int, ...]
    replicates: int
    """Of each seed, point and arm."""
    directions: tuple[Direction, ...]
    plane: tuple[str, ...]
    """Two directions, in whose plane there are more rays; or none."""
    found: tuple[RayFound, ...]
    evaluated: int
    """Points that were run, each once."""

    @property
    def home(self) -> Look:
        """The scenario itself."""
        return self.found[0].looks[0]

    def _facts(self) -> Facts:
        title = f"Contagion around {self.scenario.name}, {runs_in_words(self.seeds, self.replicates)}"
        share, unit = self.home.share, BY_NAME[self.measure].words
        near = self.nearest
        here = f"{share.mean:.3f} ({share.low:.3f} to {share.high:.3f}) in the scenario"
        where = (
            f"crossed on none of {len(self.rays)} rays"
            if near is None
            else f"crossed first on {near['ray']}, {near['distance']:.2f} widths of the prior away"
        )
        return title, {
            f"share of {unit}": "none, since there are none" if np.isnan(share.mean) else here,
            f"share of {self.threshold:.3g}": where,
            "points": f"{self.evaluated:,}, with all channels and with none",
            "intervals": interval_in_words(len(self.seeds)),
            "tables": "rays, points",
        }

    @property
    def nearest(self) -> Mapping[str, Any] | None:
        """The row of `rays` with the nearest crossing; None where no ray has one."""
        reached = self.rays[np.isfinite(self.rays["distance"])]
        return None if reached.empty else reached.sort_values("distance", kind="stable").iloc[0].to_dict()

    @cached_property
    def rays(self) -> "pd.DataFrame":
        """One row a ray.

        kind, ray                           see `rays_of`
        from_above                          whether the scenario is at the threshold or above
        distance, low, high                 of the first crossing, in widths of the priors, and the interval:
                                            where the interval of the share, 95 % over seeds, holds the
                                            threshold, at least the bracket of the search.
                                            Infinite where it is not reached, NaN if not told
        resolution                          of the distance on these draws
        inside                              whether the crossing is inside all priors
        prior_distance, end_distance        at which the ray leaves the priors, and ends
        largest, largest_low, largest_high  largest share seen, with its interval at that point
        largest_distance                    where that was
        crossings                           how often the share was seen to change sides; more than one: the
                                            first is told
        monotone                            False where the share both rises and falls by more than its error
                                            between places of the scan
        change, change_low, change_high     share at the end less that of the scenario, paired
        opening_debt_change                 largest relative change of the debt of the first week
        peak_debt_change                    of the largest debt, with channels, from the scenario to the end
        a column a direction                its value at the crossing, or at the end where there is none
        """
        import pandas as pd

        return pd.DataFrame([self._row(each) for each in self.found])

    def _row(self, found: RayFound) -> dict[str, Any]:
        places, looks = found.crossing.places, found.looks
        shares = [look.share for look in looks]
        top = int(np.argmax([-np.inf if np.isnan(share.mean) else share.mean for share in shares]))
        above = bool(shares[0].mean >= self.threshold)
        # the interval reaches the other side before the share does, and leaves the first side after it
        near, far = ("low", "high") if above else ("high", "low")
        ends = [
            first_beyond(places, np.array([getattr(s, edge) for s in shares]), self.threshold, not above)
            for edge in (near, far)
        ]
        at, bracket = found.crossing.at, found.crossing.bracket
        if bracket:  # on these draws it is known no better
            ends = [float(np.minimum(ends[0], bracket[0])), float(np.maximum(ends[1], bracket[1]))]
        values = values_on(found.ray, self.directions, self.scenario, at if bracket else 1.0)
        change = difference(looks[0], looks[-1])
        debt = np.array([look.opening_debt for look in looks])
        return {
            "kind": found.ray.kind,
            "ray": found.name,
            "from_above": above,
            "distance": at * found.length,
            "low": ends[0] * found.length,
            "high": ends[1] * found.length,
            "resolution": 0.5 * (bracket[1] - bracket[0]) * found.length if bracket else np.nan,
            "inside": at <= found.prior_end,
            "prior_distance": found.prior_end * found.length,
            "end_distance": found.length,
            "largest": shares[top].mean,
            "largest_low": shares[top].low,
            "largest_high": shares[top].high,
            "largest_distance": places[top] * found.length,
            "crossings": found.crossing.changes,
            "monotone": is_monotone(
                [look for place, look in zip(places, looks, strict=True) if place in SCAN]
            ),
            "change": change.mean,
            "change_low": change.low,
            "change_high": change.high,
            "opening_debt_change": float(np.max(np.abs(debt / debt[0] - 1.0))) if debt[0] else 0.0,
            "peak_debt_change": looks[-1].peak_debt / looks[0].peak_debt - 1.0 if looks[0].peak_debt else 0.0,
            **{each.name: value for each, value in zip(self.directions, values, strict=True)},
        }

    @cached_property
    def points(self) -> "pd.DataFrame":
        """One row a ray and place that was looked at.

        place is 0 in the scenario and 1 at the end; distance is in widths of the priors. share with its
        interval (low, high), the means of both arms, and debts in M$: opening_debt_musd, peak_debt_musd and
        peak_debt_without_musd. A column a direction with its value.
        """
        import pandas as pd

        rows = []
        for found in self.found:
            for place, look in zip(found.crossing.places, found.looks, strict=True):
                share = look.share
                rows.append(
                    {
                        "ray": found.name,
                        "place": place,
                        "distance": place * found.length,
                        "share": share.mean,
                        "low": share.low,
                        "high": share.high,
                        "with_channels": float(look.on.sum()) / look.runs,
                        "without_channels": float(look.off.sum()) / look.runs,
                        "opening_debt_musd": look.opening_debt,
                        "peak_debt_musd": look.peak_debt,
                        "peak_debt_without_musd": look.peak_debt_off,
                        **{each.name: v for each, v in zip(self.directions, look.values, strict=True)},
                    }
                )
        return pd.DataFrame(rows)


def regime_map(
    scenario: GivenScenario = None,
    seeds: Iterable[int] = range(20),
    replicates: int = 3,
    *,
    measure: str = "defaults",
    threshold: float = 0.25,
    directions: Iterable[str | Direction] | None = None,
    plane: Iterable[str] | None = None,
    further: int = FURTHER,
    halvings: int = HALVINGS,
    rules: Mapping[str, Rule] | None = None,
    threads: int | None = None,
    progress: Progress = None,
) -> RegimeMap:
    """Search along rays from a scenario for where contagion makes a share of what happens.

    Every point is run with all channels of contagion and with none, on the same draws as all other points.
    With the defaults that is 157 points or so, 120 runs each, and three more for each ray that crosses.

    Parameters
    ----------
    scenario : Scenario, name or path
        The baseline if left out. A channel that is off in it is off in both arms.
    seeds : whole numbers
        All different, one at least. Networks belong to the seed, so intervals are over seeds.
    replicates : int
        Of each seed, point and arm.
    measure : str
        One of `MEASURES`.
    threshold : float
        Share of the measure, above 0 and below 1.
    directions : names or `Direction` objects, optional
        `regime_directions.FIVE` if left out.
    plane : two names, optional
        Directions in whose plane there are rays all around the scenario; `PLANE` if left out and there are
        both, none if empty.
    further : int
        Rays besides those along one, two and all directions, where there are three directions or more.
    halvings : int
        Of the quarter of a ray in which the share first changes sides, 0 to 20.
    rules : mapping, optional
        Rules in the place of default decisions, as in `simulate`, in both arms.
    threads, progress
        As in `simulate_many`; how many runs there will be is not known before the end.

    Raises `ScenarioError` for what is not allowed.
    """
    whole = scenario_of(scenario)
    numbers = seeds_of(None, seeds)
    ways = directions_of(directions, whole)
    slice_of = _plane_of(plane, [each.name for each in ways])
    replicates = whole_number("replicates", replicates, least=1)
    _refuse(measure, threshold, further, halvings)
    rays = rays_of(ways, whole, slice_of, further)
    for ray in rays:
        scenario_at(whole, ways, values_on(ray, ways, whole, 1.0))  # refuses an end that is none
    with shown(progress) as tell:
        looks = Looks(whole, ways, measure, numbers, replicates, rules, threads, tell)
        found = _search(rays, ways, whole, looks, threshold, halvings)
        more = ray_as_found(_gains(found, threshold), rays)
        if more:
            found += _search([more], ways, whole, looks, threshold, halvings)
    return RegimeMap(
        whole, measure, threshold, tuple(numbers), replicates, ways, slice_of, tuple(found), len(looks.seen)
    )


def _search(
    rays: Sequence[Ray],
    ways: tuple[Direction, ...],
    scenario: Scenario,
    looks: Looks,
    threshold: float,
    halvings: int,
) -> list[RayFound]:
    """Scan rays and halve what holds a crossing, all of them at once."""

    def evaluate(requests: Iterable[Request]) -> list[float]:
        points = [values_on(rays[ray], ways, scenario, place) for ray, place in requests]
        return [look.share.mean for look in looks.at(points)]

    found = []
    crossings = find_crossings(evaluate, len(rays), threshold, SCAN, halvings)
    for ray, crossing in zip(rays, crossings, strict=True):
        points = [values_on(ray, ways, scenario, place) for place in crossing.places]
        length = float(np.hypot.reduce([*ends_of(ray, ways, scenario).values()]))
        left, seen = prior_end(ray, ways, scenario), tuple(looks.at(points))
        found.append(RayFound(ray, name_of(ray, ways), length, left, crossing, seen))
    return found


def _gains(found: Sequence[RayFound], threshold: float) -> list[tuple[float, float]]:
    """Of each direction, what its two ends add to the share, up and down, positive towards the threshold."""
    home = found[0].looks[0].share.mean
    towards = -1.0 if home >= threshold else 1.0
    ends = {each.ray.steps: each.looks[-1].share.mean for each in found if each.ray.kind == "single"}
    n = len(found[0].ray.steps)
    ways = [[tuple(sign * (i == j) for j in range(n)) for sign in (1.0, -1.0)] for i in range(n)]
    up_and_down = [[towards * (ends.get(way, np.nan) - home) for way in pair] for pair in ways]
    return [(up, down) for up, down in up_and_down]


def _plane_of(plane: Iterable[str] | None, names: Sequence[str]) -> tuple[str, ...]:
    """Two different names of directions, or none."""
    if plane is None:
        return PLANE if set(PLANE) <= set(names) else ()
    chosen = tuple(plane) if not isinstance(plane, str) else (plane,)
    if chosen and (len(set(chosen)) != 2 or len(chosen) != 2 or not set(chosen) <= set(names)):
        raise ScenarioError("plane", list(chosen), f"two of {', '.join(names)}, or none")
    return chosen


def _refuse(measure: str, threshold: float, further: int, halvings: int) -> None:
    if measure not in MEASURES:
        raise ScenarioError("measure", measure, f"one of {', '.join(MEASURES)}")
    if isinstance(threshold, bool) or not isinstance(threshold, int | float) or not 0.0 < threshold < 1.0:
        raise ScenarioError("threshold", threshold, "a share above 0 and below 1")
    for name, value, most in (("further", further, 1000), ("halvings", halvings, 20)):
        if whole_number(name, value) > most:
            raise ScenarioError(name, value, f"a whole number from 0 to {most}")
