"""Directions in which a market may differ from a scenario, and the rays that lead out of it.

A direction is one number with a unit, the range in which it could as well lie, and the fields that follow
from it. What is one thing to a reader may be several fields: lenders with more leverage have less equity,
stop lending later, and owe to somebody who asks for a smaller haircut.

A ray moves some directions at once, each a share of the way to one of its ends. Opening debts and machines of
borrowers are the same all along every ray.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations, product
from typing import Any

from hashcredit.simulator.errors import ScenarioError
from hashcredit.simulator.scenario.scenario import Scenario

LENDERS = ("bank", "private_credit", "bond_fund")
BUYERS = ("operator", "broker", "refurbisher", "scrap_dealer")
SLOTS = ("slots_asic", "slots_air", "slots_liquid")
CAPITAL = ("equity_ratio", "capital_target", "capital_minimum")
NAMES = {"all": "all, the worse way", "further": "further {}", "found": "all, as found one by one"}
"""Of rays that would have long ones."""
PRIMES = (2, 3, 5, 7, 11, 13, 17, 19)
"""Bases of the Halton sequence, one a direction."""


@dataclass(frozen=True)
class Direction:
    """One number of a market that may differ."""

    name: str
    words: str
    """What it is, with its unit, short enough for an axis."""
    least: float
    """Where rays end; no field leaves its bounds on the way there."""
    most: float
    prior: tuple[float, float]
    """Least and largest value that could as well be true."""
    reason: str
    """Why this prior, with its evidence."""
    worse: int
    """+1 if more of it is expected to add to the share of contagion, -1 if less is."""
    at_home: Callable[[Scenario], float]
    """Its value in a scenario."""
    changes: Callable[[Scenario, float], dict[str, Any]]
    """Fields of the scenario that have another value where it has a given one."""
    log: bool = False
    """Whether equal steps are equal proportions."""

    def scaled(self, value: float) -> float:
        """The value on the scale of equal steps."""
        return math.log(value) if self.log else value

    def between(self, home: float, end: float, share: float) -> float:
        """The value a share of the way from `home` to `end`."""
        if share == 0.0:
            return home
        if share == 1.0:
            return end
        there = self.scaled(home) + share * (self.scaled(end) - self.scaled(home))
        return math.exp(there) if self.log else there

    def widths(self, home: float, value: float) -> float:
        """Steps from `home` to a value, in widths of the prior; negative for a smaller value."""
        low, high = self.prior
        return (self.scaled(value) - self.scaled(home)) / (self.scaled(high) - self.scaled(low))


def _field(name: str) -> tuple[Callable[[Scenario], float], Callable[[Scenario, float], dict[str, Any]]]:
    """Value and changes of a direction that is one field."""
    return partial(_field_of, name), partial(_field_set, name)


def _field_of(name: str, scenario: Scenario) -> float:
    section, _, inner = name.partition(".")
    return float(getattr(getattr(scenario, section), inner))


def _field_set(name: str, _: Scenario, value: float) -> dict[str, Any]:
    return {name: value}


def _once(_: Scenario) -> float:
    """Where a multiple of what the scenario has lies in the scenario."""
    return 1.0


def _deepened(scenario: Scenario, times: float) -> dict[str, Any]:
    """Cash and slots of outside buyers, and the part of their cash that peers bid, which is all at most."""
    changes: dict[str, Any] = {}
    for kind in BUYERS:
        buyer = getattr(scenario.buyers, kind)
        changes[f"buyers.{kind}.cash"] = buyer.cash * times
        changes |= {f"buyers.{kind}.{slots}": round(getattr(buyer, slots) * times) for slots in SLOTS}
    changes["investment.used_share"] = min(1.0, scenario.investment.used_share * times)
    return changes


def _leveraged(scenario: Scenario, times: float) -> dict[str, Any]:
    """Equity over loans of all lenders, the thresholds below it, and the haircut on their back-leverage.

    The haircut goes with the equity: with that of the scenario, lenders of twice its leverage would owe more
    in the first week than their loans carry.
    """
    changes: dict[str, Any] = {
        f"lenders.{kind}.{name}": getattr(getattr(scenario.lenders, kind), name) / times
        for kind in LENDERS
        for name in CAPITAL
    }
    haircut = scenario.repo.haircut
    if isinstance(haircut, int | float):
        changes["repo.haircut"] = haircut / times
    else:
        changes["repo.haircut"] = tuple((week, value / times) for week, value in haircut)
    return changes


def _growing(scenario: Scenario, times: float) -> dict[str, Any]:
    """Equity that savers add to lenders in a year."""
    return {f"lenders.{kind}.inflow": getattr(scenario.lenders, kind).inflow * times for kind in LENDERS}


_ALL = (
    Direction(
        "marking", "marked machine loans, share", 0.0, 1.0, (0.0, 0.75),
        "C: whether a loan has a borrowing base that is marked is published for no portfolio",
        +1, *_field("credit.marked_share"),
    ),
    Direction(
        "recourse", "loans with recourse, share", 0.0, 1.0, (0.1, 0.9),
        "C: large facilities lie with vehicles, small ones with the firm; .39 of the ASIC loans of 2022 "
        "(asicloan.recourse_share), of GPU loans not known",
        +1, *_field("credit.recourse_share"),
    ),
    Direction(
        "depth", "bidders' means, multiple", 1.0 / 32.0, 8.0, (1.0 / 3.0, 3.0),
        "C: private firms that nobody counts: a factor of three either way",
        -1, _once, _deepened, log=True,
    ),
    Direction(
        "leverage", "loans over equity, multiple", 0.5, 4.0, (0.72, 1.12),
        "C: private credit with debts of .8 to 1.8 times its equity, where the baseline's have 1.5",
        +1, _once, _leveraged, log=True,
    ),
    Direction(
        "growth", "inflow to lenders, multiple", 0.0, 10.0, (0.0, 3.0),
        "C: none, to 2 a year; the baseline's .66 is the growth of one large borrower's debt "
        "(crwv.debt.growth)",
        +1, _once, _growing,
    ),
    Direction(
        "speed", "weight of trades in appraisals", 0.0, 0.9, (0.2, 0.85),
        "C: an appraiser that looks at trades at all, to one that looks at little else",
        +1, *_field("marking.market_weight"),
    ),
)  # fmt: skip

DIRECTIONS = {each.name: each for each in _ALL}
FIVE = ("marking", "recourse", "depth", "leverage", "growth")
"""Those of a map that names none; `speed` is to be asked for."""


@dataclass(frozen=True)
class Ray:
    """A way out of a scenario."""

    kind: str
    """single, pair, plane, all, further or found."""
    steps: tuple[float, ...]
    """Of each direction, what share of the way to its end the whole ray goes; negative towards the least.

    The largest of them in size is 1, so a ray ends where the first of its directions does.
    """
    number: int = 0
    """Of a further ray: its point of the sequence."""


def directions_of(given: Iterable[str | Direction] | None, scenario: Scenario) -> tuple[Direction, ...]:
    """Directions by name or as they are, `FIVE` if left out.

    ScenarioError for a name that there is not, for none or one twice, for a scenario that lies beyond the
    end of one, and for a field of one that an intervention of the scenario would set again.
    """
    allowed = f"names out of {', '.join(DIRECTIONS)}, or Direction objects, one to {len(PRIMES)}, each once"
    if isinstance(given, str) or not isinstance(given, Iterable | None):
        raise ScenarioError("directions", given, allowed)
    found = []
    for each in FIVE if given is None else given:
        if not isinstance(each, Direction) and each not in DIRECTIONS:
            raise ScenarioError("directions", each, allowed)
        found.append(each if isinstance(each, Direction) else DIRECTIONS[each])
    names = [each.name for each in found]
    if not 0 < len(set(names)) == len(names) <= len(PRIMES):
        raise ScenarioError("directions", ", ".join(names), allowed)
    later = {each.field for each in scenario.interventions}
    for each in found:
        home = each.at_home(scenario)
        if not each.least <= home <= each.most:
            within = f"a scenario in which it is from {each.least:g} to {each.most:g}"
            raise ScenarioError(f"directions, {each.name}", home, within)
        for name in sorted(later & set(each.changes(scenario, home))):
            raise ScenarioError(f"directions, {each.name}", name, "no field that an intervention sets")
    return tuple(found)


def rays_of(
    directions: Sequence[Direction], scenario: Scenario, plane: Sequence[str], further: int
) -> list[Ray]:
    """All rays of a map, each once: the first kind that has it keeps it.

    single      each direction, up and down
    pair        each two directions, both the way that is expected to add to contagion, to both ends
    plane       around the scenario in the plane of two directions, a third and two thirds of a quadrant apart
    all         all directions the way that is expected to add to contagion, to all ends
    further     points 1, 2, ... of the Halton sequence, as seen from the middle of the unit cube
    """
    n = len(directions)
    worse = [float(each.worse) for each in directions]
    rays = [Ray("single", _steps(n, {i: sign})) for i in range(n) for sign in (1.0, -1.0)]
    rays += [Ray("pair", _steps(n, {i: worse[i], j: worse[j]})) for i, j in combinations(range(n), 2)]
    if plane:
        x, y = ([each.name for each in directions].index(name) for name in plane)
        for right, up in product((1.0, -1.0), repeat=2):
            rays += [
                Ray("plane", _steps(n, {x: a * right, y: b * up})) for a, b in ((1, 0.5), (1, 1), (0.5, 1))
            ]
    if n > 2:
        rays.append(Ray("all", tuple(worse)))
        rays += [Ray("further", _halton_steps(point, n), point) for point in range(1, further + 1)]
    first: dict[tuple[float, ...], Ray] = {}
    for ray in rays:
        steps = _that_lead_on(ray, directions, scenario)
        if any(steps):
            first.setdefault(steps, Ray(ray.kind, steps, ray.number))
    return list(first.values())


def ray_as_found(gains: Sequence[tuple[float, float]], known: Iterable[Ray]) -> Ray | None:
    """The ray of all directions that take the share towards the threshold, each to the end that does more.

    gains   of each direction, what its way up and its way down add to the share at their ends, positive
            towards the threshold; NaN where there is no way
    known   rays that there are; None where it is one of them, or where no direction leads there
    """
    steps = []
    for gain in gains:
        up, down = (0.0 if math.isnan(each) else each for each in gain)
        steps.append(0.0 if max(up, down) <= 0.0 else 1.0 if up >= down else -1.0)
    if not any(steps) or tuple(steps) in {ray.steps for ray in known}:
        return None
    return Ray("found", tuple(steps))


def _that_lead_on(ray: Ray, directions: Sequence[Direction], scenario: Scenario) -> tuple[float, ...]:
    """Steps of a ray without those of directions that are at that end in the scenario."""
    ends = ends_of(ray, directions, scenario)
    pairs = zip(ray.steps, directions, strict=True)
    steps = [step if ends.get(each.name) else 0.0 for step, each in pairs]
    longest = max(map(abs, steps))
    return tuple(step / longest if step else 0.0 for step in steps)


def _steps(n: int, moved: Mapping[int, float]) -> tuple[float, ...]:
    return tuple(moved.get(place, 0.0) for place in range(n))


def _halton_steps(point: int, n: int) -> tuple[float, ...]:
    """Steps of the ray through a point of the Halton sequence (Halton 1960), scaled to a largest of 1."""
    centred = [2.0 * radical_inverse(point, base) - 1.0 for base in PRIMES[:n]]
    longest = max(map(abs, centred))
    return tuple(x / longest for x in centred)


def radical_inverse(number: int, base: int) -> float:
    """The digits of a whole number in a base, mirrored at the point."""
    value, place = 0.0, 1.0 / base
    while number:
        number, digit = divmod(number, base)
        value += digit * place
        place /= base
    return value


def ends_of(ray: Ray, directions: Sequence[Direction], scenario: Scenario) -> dict[str, float]:
    """By direction that a ray moves, how far in widths of its prior the ray goes, with its sign."""
    ends = {}
    for step, each in zip(ray.steps, directions, strict=True):
        if step:
            home = each.at_home(scenario)
            ends[each.name] = each.widths(home, _value(each, home, step, 1.0))
    return ends


def values_on(
    ray: Ray, directions: Sequence[Direction], scenario: Scenario, place: float
) -> tuple[float, ...]:
    """Of each direction, its value at a place on a ray, from 0 (the scenario) to 1 (the end)."""
    pairs = zip(ray.steps, directions, strict=True)
    return tuple(_value(each, each.at_home(scenario), step, place) for step, each in pairs)


def _value(direction: Direction, home: float, step: float, place: float) -> float:
    return direction.between(home, direction.most if step > 0.0 else direction.least, abs(step) * place)


def scenario_at(scenario: Scenario, directions: Sequence[Direction], values: Sequence[float]) -> Scenario:
    """The scenario with a value of each direction; itself where all are at home."""
    changes: dict[str, Any] = {}
    for each, value in zip(directions, values, strict=True):
        if value != each.at_home(scenario):
            changes |= each.changes(scenario, value)
    return scenario.with_changes(changes) if changes else scenario


def prior_end(ray: Ray, directions: Sequence[Direction], scenario: Scenario) -> float:
    """The place, from 0 to 1, at which a ray leaves the priors; 0 where it begins outside."""
    last = 1.0
    for step, each in zip(ray.steps, directions, strict=True):
        home = each.at_home(scenario)
        if not each.prior[0] <= home <= each.prior[1]:
            return 0.0
        end = each.widths(home, _value(each, home, step, 1.0))
        if end:
            last = min(last, each.widths(home, each.prior[end > 0.0]) / end)
    return last


def name_of(ray: Ray, directions: Sequence[Direction]) -> str:
    """Such as "depth down, leverage up", "depth +0.50, leverage -1.00", or "further 3"."""
    if ray.kind in NAMES:
        return NAMES[ray.kind].format(ray.number)
    moved = [(each.name, step) for each, step in zip(directions, ray.steps, strict=True) if step]
    if all(abs(step) == 1.0 for _, step in moved):
        return ", ".join(f"{name} {'up' if step > 0.0 else 'down'}" for name, step in moved)
    return ", ".join(f"{name} {step:+.2f}" for name, step in moved)
