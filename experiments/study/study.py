"""A study: which scenarios are run with which seeds, and what is kept; read from a TOML file and checked."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from pydantic import InstanceOf, model_validator

from hashcredit.experiments.study.checks import check_points, scenario_with
from hashcredit.experiments.study.designs import Design, Grid, make_points, read_design
from hashcredit.experiments.study.distributions import Range
from hashcredit.experiments.study.factors import Factor, checked
from hashcredit.experiments.study.fields import SCENARIO
from hashcredit.experiments.study.files import find_bases, flat, read_factors, read_toml, settle
from hashcredit.experiments.study.points import Points
from hashcredit.experiments.study.priors import PRIORS, prior_factors
from hashcredit.simulator.display import Facts, Shown, counted, some_of
from hashcredit.simulator.errors import StudyError
from hashcredit.simulator.scenario.errors import hint
from hashcredit.simulator.scenario.fields.base import Section, field, refused
from hashcredit.simulator.scenario.scenario import Scenario

MOST_SEEDS = 100_000
MOST_REPLICATES = 10_000_000
MOST_RUNS = 1_000_000_000

TABLES = ("borrowers", "lenders", "buyers", "loans", "machines")
"""Closing tables that can be kept."""


class Keep(Section):
    """What is kept of a run besides its scalars."""

    series: bool = field(False, "weekly series")
    series_columns: tuple[str, ...] = field((), "columns of the series; none: all")
    series_every: int = field(1, "weeks from one row to the next", low=1, high=1040)
    events: bool = field(False, "event log")
    event_kinds: tuple[str, ...] = field((), "kinds of events; none: all")
    tables: tuple[str, ...] = field((), "closing tables")
    replicates: int | None = field(
        None,
        "replicates of each point and seed of which series, events and tables are kept; absent: all",
        low=1,
        high=MOST_REPLICATES,
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for name in ("series_columns", "event_kinds", "tables"):
            entries = getattr(self, name)
            if len(set(entries)) < len(entries):
                raise refused(name, entries, "entries that differ")
        for name in self.tables:
            if name not in TABLES:
                raise refused("tables", name, f"one of {', '.join(TABLES)}")
        if not self.series and (self.series_columns or self.series_every != 1):
            raise refused("series", False, "true where series_columns or series_every is given")
        if not self.events and self.event_kinds:
            raise refused("events", False, "true where event_kinds is given")
        return self


class _Header(Section):
    """What stands at the top of a study file, less the scenario."""

    name: str = field("study", "short name")
    title: str = field("", "one line about the study")
    seed: int = field(..., "seed of runs and samples", low=0, high=2**63 - 1)
    seeds: int = field(
        1, "networks that each point is run on, one a seed, from `seed` on", low=1, high=MOST_SEEDS
    )
    replicates: int = field(..., "runs of each point and seed", low=1, high=MOST_REPLICATES)
    common_random_numbers: bool = field(True, "the same draws at every point")

    @model_validator(mode="after")
    def _texts(self) -> Self:
        if not self.name or self.name != as_name(self.name) or self.name[0] == ".":
            raise refused("name", self.name, "a name of letters, digits and -_.")
        if not self.title.isprintable():
            raise refused("title", self.title, "one line of text")
        if self.seed + self.seeds > 2**63:
            raise refused("seeds", self.seeds, f"at most {2**63 - self.seed} from this seed on")
        return self

    @property
    def runs_of_a_point(self) -> int:
        """Replicates of all seeds together."""
        return self.seeds * self.replicates


KEYS = (SCENARIO, *_Header.model_fields, "design", "factors", PRIORS, "keep")
"""Keys at the top of a study file."""


class Study(Shown, _Header):
    """A checked study; its points and runs follow from it alone.

    Examples
    --------
    >>> study = Study.from_dict({"scenario": "baseline_2026", "seed": 7, "replicates": 20})
    >>> len(study.points())
    1
    """

    bases: dict[str, Scenario] = field(..., "scenarios by name, the default one first")
    design: InstanceOf[Design] = field(..., "which values are tried together")
    factors: tuple[InstanceOf[Factor], ...] = field((), "what is varied")
    keep: Keep = field(Keep(), "what is kept besides the scalars")

    def _facts(self) -> Facts:
        points = self.design.size(self.factors)
        size = size_in_words(points, self.seeds, self.replicates)
        kept = [name for name in ("series", "events") if getattr(self.keep, name)] + list(self.keep.tables)
        facts = {
            "title": self.title or "(none)",
            "size": f"{size} = {points * self.runs_of_a_point:,} runs",
            "scenarios": some_of(list(self.bases)),
            "design": getattr(self.design, "kind", ""),
            "factors": some_of([factor.name for factor in self.factors]) or "(none)",
            "kept": ", ".join(["scalars", *kept]),
        }
        return f"Study {self.name}, seed {self.seed}", facts

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """A study from a TOML file; everything it names lies relative to the file.

        Raises StudyError, which names key, value and what is allowed.
        """
        file = Path(path)
        content = read_toml(file)
        try:
            return cls.from_dict({"name": as_name(file.stem), **content}, file.parent)
        except StudyError as error:
            raise error.read_from(file.name) from None

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], folder: str | Path = ".") -> Self:
        """A study from the content of a study file; scenarios may also be `Scenario` objects.

        Files that it names lie relative to `folder`. Raises StudyError.
        """
        folder = Path(folder)
        given = {str(key): value for key, value in data.items()}
        for key in given:
            if key not in KEYS:
                raise StudyError(key, key, f"a known key; {hint(key, KEYS)}")
        rest = {key: value for key, value in given.items() if key in _Header.model_fields}
        header = checked(_Header, rest, "")
        keep = checked(Keep, given.get("keep", {}), "keep")
        factors = flat(given.get("factors", {}))
        if PRIORS in given:
            bases, _ = find_bases(given, factors.get(SCENARIO), folder)
            factors = prior_factors(given[PRIORS], bases.values(), factors) | factors
        if factors and "design" not in given:
            raise StudyError("design", "(missing)", "a table, such as kind = 'grid' under [design]")
        design = read_design(given["design"]) if "design" in given else Grid(kind="grid")
        design, factors = settle(design, factors, folder)
        bases, names = find_bases(given, factors.get(SCENARIO), folder)
        if names:
            factors[SCENARIO] = list(names)
        read = read_factors(factors, design, bases, folder)
        design.check(read, "design")
        study = cls(**dict(header), bases=bases, design=design, factors=read, keep=keep)
        study._check_kept()
        points = study.points()
        runs = len(points) * study.runs_of_a_point
        if runs > MOST_RUNS:
            raise StudyError("replicates", study.replicates, f"at most {MOST_RUNS} runs; this makes {runs}")
        check_points(bases, read, points)
        return study

    def points(self) -> Points:
        """The points of the design, made anew on each call: the same for the same seed."""
        return make_points(self.design, self.factors, self.seed)

    def scenario(self, changes: Mapping[str, Any]) -> Scenario:
        """The scenario of a point from `Points.changes`; ScenarioError if its values do not go together."""
        return scenario_with(self.bases, changes)

    def to_dict(self) -> dict[str, Any]:
        """All of it, ready for JSON; scenarios as name and digest, lists over 10,000 values as their hash."""
        return {
            "name": self.name,
            "title": self.title,
            "scenario": next(iter(self.bases)),
            "scenarios": {name: scenario.digest() for name, scenario in self.bases.items()},
            "seed": self.seed,
            "seeds": self.seeds,
            "replicates": self.replicates,
            "common_random_numbers": self.common_random_numbers,
            "design": self.design.to_dict(),
            "factors": {factor.name: factor.to_dict() for factor in self.factors},
            "keep": self.keep.model_dump(mode="json"),
        }

    def salib_problem(self) -> dict[str, Any]:
        """What SALib's analysers call a problem: num_vars, names and bounds, one a factor.

        Bounds are a range's ends in the unit of the field; distributions and lists have [0, 1], since they
        are drawn there. `Points.unit` has the inputs of saltelli and morris designs, all in [0, 1].
        """
        if not self.factors:
            raise StudyError("factors", {}, "at least one factor, for a sensitivity analysis")
        return {
            "num_vars": len(self.factors),
            "names": [factor.name for factor in self.factors],
            "bounds": [
                [float(factor.form.low), float(factor.form.high)]
                if isinstance(factor.form, Range)
                else [0.0, 1.0]
                for factor in self.factors
            ],
        }

    def _check_kept(self) -> None:
        """Columns and kinds that are to be kept exist in every base."""
        from hashcredit.simulator.state.codes import EventKind
        from hashcredit.simulator.state.series import series_columns

        kinds = [kind.name.lower() for kind in EventKind]
        wanted = [("event_kinds", kind, kinds) for kind in self.keep.event_kinds]
        for scenario in self.bases.values():
            columns = list(series_columns([machine.name for machine in scenario.machine]))
            wanted += [("series_columns", column, columns) for column in self.keep.series_columns]
        for key, name, known in wanted:
            if name not in known:
                raise StudyError(f"keep.{key}", name, f"a known name; {hint(name, known)}")


def size_in_words(points: int, seeds: int, replicates: int) -> str:
    """How many points, networks and replicates; one network goes without saying."""
    networks = f"{counted(seeds, 'network')} x " if seeds > 1 else ""
    return f"{counted(points, 'point')} x {networks}{counted(replicates, 'replicate')}"


def as_name(text: str) -> str:
    """A text as a name: anything but letters, digits and -_. becomes an underscore."""
    return "".join(c if c.isalnum() or c in "-_." else "_" for c in text)
