"""Design kinds: which values of the factors are tried together.

Sampled kinds draw in the unit cube from `numpy.random.default_rng([part, seed])`, where `part` is the place
in a product and 0 in any other design, and factors turn what was drawn into values.
"""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from math import prod
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import InstanceOf, field_validator

from hashcredit.experiments.study.factors import Factor, checked
from hashcredit.experiments.study.points import Points, crossed
from hashcredit.simulator.errors import StudyError
from hashcredit.simulator.scenario.errors import hint
from hashcredit.simulator.scenario.fields.base import Section, field, refused

MOST_POINTS = 10_000_000


def _count(meaning: str) -> Any:
    return field(..., meaning, low=1, high=MOST_POINTS)


def power_of_two(points: int) -> int:
    """The number itself; refused with its neighbours if it is no power of two."""
    if points & (points - 1) == 0:
        return points
    below = 1 << (points.bit_length() - 1)
    raise refused("", points, f"a power of two, such as {below} or {2 * below}")


class Design(Section):
    """What all kinds have in common."""

    factors: tuple[str, ...] | None = field(None, "names, in a part of a product")

    sampled: ClassVar[bool] = True
    reaches_ends: ClassVar[bool] = False
    for_salib: ClassVar[bool] = False

    @abstractmethod
    def size(self, factors: Sequence[Factor]) -> int:
        """Number of points."""

    def check(self, factors: Sequence[Factor], place: str) -> None:
        """Whether the design can use these factors."""
        if not factors:
            raise StudyError(f"{place}.kind", getattr(self, "kind", ""), "'grid' where there are no factors")
        for factor in factors:
            if self.reaches_ends and factor.open_ended:
                allowed = "low and high of its own, since this design steps to both ends"
                raise StudyError(_name(factor), "a distribution with an open end", allowed)

    def to_dict(self) -> dict[str, Any]:
        """The design as it stands in a study file."""
        return self.model_dump(exclude_none=True, mode="json")


class Single(Design):
    """A design that is no product of others."""

    @abstractmethod
    def draw(self, factors: Sequence[Factor], random: np.random.Generator) -> Points:
        """The points; columns in the order of the factors."""


class Sampled(Single):
    """A design that draws points in the unit cube, which factors turn into values."""

    @abstractmethod
    def units(self, count: int, random: np.random.Generator) -> np.ndarray:
        """Points in the unit cube, float64 (points, count)."""

    def draw(self, factors: Sequence[Factor], random: np.random.Generator) -> Points:
        u = self.units(len(factors), random)
        columns = tuple(factor.at(u[:, place]) for place, factor in enumerate(factors))
        return Points(tuple(factor.name for factor in factors), columns, u if self.for_salib else None)


class Grid(Single):
    """Every combination; the last factor changes fastest."""

    kind: Literal["grid"] = field(..., "kind")
    levels: int | None = field(None, "values of each range, its ends included", low=2, high=MOST_POINTS)

    sampled: ClassVar[bool] = False

    def size(self, factors: Sequence[Factor]) -> int:
        return prod(len(factor.values) if factor.is_list else self.levels or 1 for factor in factors)

    def draw(self, factors: Sequence[Factor], random: np.random.Generator) -> Points:
        u = np.linspace(0.0, 1.0, self.levels or 1)
        axes = [
            Points((factor.name,), (factor.column if factor.is_list else factor.at(u),)) for factor in factors
        ]
        return crossed(axes)

    def check(self, factors: Sequence[Factor], place: str) -> None:
        ranges = [factor for factor in factors if not factor.is_list]
        if self.levels is None and ranges:
            allowed = "a list in a grid; or give the design levels = 5, for as many values of every range"
            raise StudyError(_name(ranges[0]), "a range", allowed)
        if self.levels is not None and not ranges:
            raise StudyError(f"{place}.levels", self.levels, "no levels, since every factor is a list")
        for factor in ranges:
            if factor.open_ended:
                allowed = "low and high of its own, since the levels of a grid reach both ends"
                raise StudyError(_name(factor), "a distribution with an open end", allowed)


class Listed(Single):
    """The first values of all factors, the second ones, and so on."""

    kind: Literal["list"] = field(..., "kind")
    file: str | None = field(None, "CSV file with a column a factor")
    rows: tuple[dict[str, Any], ...] | None = field(None, "a table a point")

    sampled: ClassVar[bool] = False

    @property
    def brings_factors(self) -> bool:
        """Whether the points are given in the design itself and not under [factors]."""
        return self.file is not None or self.rows is not None

    def size(self, factors: Sequence[Factor]) -> int:
        return max((len(factor.values) for factor in factors), default=1)

    def draw(self, factors: Sequence[Factor], random: np.random.Generator) -> Points:
        return Points(tuple(factor.name for factor in factors), tuple(factor.column for factor in factors))

    def check(self, factors: Sequence[Factor], place: str) -> None:
        super().check(factors, place)
        for factor in factors:
            if not factor.is_list:
                allowed = "a list in a design of kind 'list'; ranges are for samples and grids with levels"
                raise StudyError(_name(factor), "a range", allowed)
            if len(factor.values) != len(factors[0].values):
                wanted = f"as many values as {factors[0].name} has, {len(factors[0].values)}"
                raise StudyError(_name(factor), f"{len(factor.values)} values", wanted)

    def to_dict(self) -> dict[str, Any]:
        given = self.model_dump(exclude_none=True, exclude={"rows", "factors"}, mode="json")
        names = {} if self.factors is None else {"factors": list(self.factors)}
        return {**given, **names}  # what rows hold is under factors


class Sample(Sampled):
    """A kind with a number of points."""

    points: int = _count("number of points")

    def size(self, factors: Sequence[Factor]) -> int:
        return self.points


class Random(Sample):
    """Independent points; a longer sample begins with a shorter one."""

    kind: Literal["random"] = field(..., "kind")

    def units(self, count: int, random: np.random.Generator) -> np.ndarray:
        return random.random((self.points, count))


class LatinHypercube(Sample):
    """One point in each of N equally likely slices of every factor."""

    kind: Literal["latin-hypercube"] = field(..., "kind")

    def units(self, count: int, random: np.random.Generator) -> np.ndarray:
        from scipy.stats import qmc

        return np.asarray(qmc.LatinHypercube(count, seed=random).random(self.points))


class Sobol(Sample):
    """A scrambled Sobol sequence; a longer one begins with a shorter one."""

    kind: Literal["sobol"] = field(..., "kind")

    _balanced = field_validator("points")(power_of_two)

    def units(self, count: int, random: np.random.Generator) -> np.ndarray:
        from scipy.stats import qmc

        return np.asarray(qmc.Sobol(count, scramble=True, seed=random).random(self.points))


class Saltelli(Sample):
    """Crossed Sobol samples for variance-based indices: N (2k + 2) points, N (k + 2) without second order."""

    kind: Literal["saltelli"] = field(..., "kind")
    second_order: bool = field(True, "points for indices of pairs of factors too")

    for_salib: ClassVar[bool] = True
    _balanced = field_validator("points")(power_of_two)

    def size(self, factors: Sequence[Factor]) -> int:
        return self.points * ((2 if self.second_order else 1) * len(factors) + 2)

    def units(self, count: int, random: np.random.Generator) -> np.ndarray:
        from SALib.sample import sobol

        cube = _unit_problem(count)
        return np.asarray(
            sobol.sample(cube, self.points, calc_second_order=self.second_order, seed=random), np.float64
        )


class Morris(Sampled):
    """Trajectories through a lattice; each step changes one factor."""

    kind: Literal["morris"] = field(..., "kind")
    trajectories: int = _count("number of trajectories, of k + 1 points each")
    levels: int = field(4, "levels of the lattice, an even number", low=2, high=1000)

    for_salib: ClassVar[bool] = True
    reaches_ends: ClassVar[bool] = True

    @field_validator("levels")
    @classmethod
    def _even(cls, levels: int) -> int:
        if levels % 2:
            raise refused("", levels, f"an even number of levels, such as {levels + 1}")
        return levels

    def size(self, factors: Sequence[Factor]) -> int:
        return self.trajectories * (len(factors) + 1)

    def units(self, count: int, random: np.random.Generator) -> np.ndarray:
        from SALib.sample import morris

        u = morris.sample(_unit_problem(count), self.trajectories, num_levels=self.levels, seed=random)
        # Onto the lattice: two ways to one level differ in the last bit, and would be two points.
        return np.asarray(np.rint(u * (self.levels - 1)) / (self.levels - 1))


class Product(Design):
    """Every combination of the points of several parts, the first part outermost."""

    kind: Literal["product"] = field(..., "kind")
    of: tuple[InstanceOf[Single], ...] = field(..., "the parts")

    def parts(self, factors: Sequence[Factor]) -> list[tuple[Single, list[Factor]]]:
        """Each part with its factors."""
        known = {factor.name: factor for factor in factors}
        return [(part, [known[name] for name in part.factors or ()]) for part in self.of]

    def size(self, factors: Sequence[Factor]) -> int:
        return prod(part.size(inside) for part, inside in self.parts(factors))

    def check(self, factors: Sequence[Factor], place: str) -> None:
        for number, (part, inside) in enumerate(self.parts(factors)):
            part.check(inside, f"{place}.of[{number}]")

    def to_dict(self) -> dict[str, Any]:
        return {"kind": self.kind, "of": [part.to_dict() for part in self.of]}


KINDS: dict[str, type[Design]] = {
    "grid": Grid,
    "list": Listed,
    "random": Random,
    "latin-hypercube": LatinHypercube,
    "sobol": Sobol,
    "saltelli": Saltelli,
    "morris": Morris,
    "product": Product,
}
"""Name in a study file -> class."""


OTHER_NAMES = {
    **dict.fromkeys(["factorial", "full-factorial", "cartesian", "fullfact"], "grid"),
    **dict.fromkeys(["csv", "file", "table", "rows", "points", "zip"], "list"),
    **dict.fromkeys(["uniform", "monte-carlo", "mc", "montecarlo", "sample"], "random"),
    **dict.fromkeys(["lhs", "lhc", "lh", "hypercube", "latin", "latinhypercube"], "latin-hypercube"),
    **dict.fromkeys(["qmc", "quasi-random", "quasi-monte-carlo", "halton"], "sobol"),
    **dict.fromkeys(["sobol-indices", "sobol-index", "sobol-sensitivity", "variance-based"], "saltelli"),
    **dict.fromkeys(["elementary-effects", "trajectories", "oat", "screening"], "morris"),
    **dict.fromkeys(["cross", "crossed", "combination"], "product"),
}
"""What the kinds are called elsewhere, for suggestions."""


def read_design(given: Any, place: str = "design") -> Design:
    """A design as it stands in a study file; which factors a part has is checked elsewhere."""
    if not isinstance(given, Mapping):
        raise StudyError(place, given, "a table, such as kind = 'grid' under [design]")
    kind = given.get("kind", "(missing)")
    if not isinstance(kind, str) or kind not in KINDS:
        raise StudyError(
            f"{place}.kind", kind, f"a kind of design; {hint(str(kind), KINDS, other_names=OTHER_NAMES)}"
        )
    inside = ".of[" in place
    if inside and kind == "product":
        raise StudyError(f"{place}.kind", kind, "any other kind: a product has no products inside")
    if not inside and "factors" in given:
        allowed = "no factors here: a design uses all under [factors], only parts of a product name theirs"
        raise StudyError(f"{place}.factors", given["factors"], allowed)
    if kind != "product":
        return checked(KINDS[kind], given, place)
    parts = given.get("of", "(missing)")
    if not isinstance(parts, list | tuple) or len(parts) < 2:
        raise StudyError(f"{place}.of", parts, "at least two parts, each under [[design.of]]")
    read = tuple(read_design(part, f"{place}.of[{number}]") for number, part in enumerate(parts))
    return checked(Product, {**given, "of": read}, place)


def make_points(design: Design, factors: Sequence[Factor], seed: int, place: str = "design") -> Points:
    """The points of a checked design, the same for the same seed.

    Raises StudyError where there would be too many, or where a grid or a list has the same point twice.
    """
    size = design.size(factors)
    if size > MOST_POINTS:
        raise StudyError(place, f"{size} points", f"at most {MOST_POINTS} points")
    if isinstance(design, Product):
        parts = [
            _drawn(part, inside, number, seed, f"{place}.of[{number}]")
            for number, (part, inside) in enumerate(design.parts(factors))
        ]
        return crossed(parts)
    if not isinstance(design, Single):
        raise TypeError(f"{type(design).__name__} is neither a single design nor a product of some")
    return _drawn(design, factors, 0, seed, place)


def _drawn(design: Single, factors: Sequence[Factor], part: int, seed: int, place: str) -> Points:
    points = design.draw(factors, np.random.default_rng([part, seed]))
    repeat = None if design.sampled else points.first_repeat()
    if repeat is not None:
        raise StudyError(
            place, points.changes(repeat[1]), f"points that differ; points {repeat[0]} and {repeat[1]} do not"
        )
    return points


def _unit_problem(count: int) -> dict[str, Any]:
    """SALib's description of the unit cube."""
    return {"num_vars": count, "names": [f"x{k}" for k in range(count)], "bounds": [[0.0, 1.0]] * count}


def _name(factor: Factor) -> str:
    return f'factors."{factor.name}"'
