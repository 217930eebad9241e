"""What every function that runs something is given: a scenario in any of its forms, and whole numbers."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from hashcredit.simulator.errors import ScenarioError
from hashcredit.simulator.scenario.scenario import Scenario

GivenScenario = Scenario | str | Path | None
"""A scenario, the name of a packaged one, the path of a file, or None for the baseline."""


def scenario_of(given: GivenScenario) -> Scenario:
    """The scenario that is meant; ScenarioError for anything that names none."""
    if isinstance(given, Scenario):
        return given
    if given is None or isinstance(given, str | Path):
        return Scenario.load(given)
    raise ScenarioError("scenario", given, "a Scenario, the name of a packaged one, or a path to a TOML file")


def whole_number(name: str, value: Any, least: int = 0) -> int:
    """Check an integer argument; the error names it, its value and what is allowed."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or not least <= value < 2**63:
        raise ScenarioError(name, value, f"a whole number from {least} to {2**63 - 1}")
    return int(value)


def seeds_of(seed: int | None, seeds: Iterable[int] | None) -> list[int]:
    """The seeds that are meant: `seeds`, or `seed` alone, which is 1 where neither is given.

    ScenarioError where both are given, and for seeds that are no distinct whole numbers.
    """
    if seeds is None:
        return [whole_number("seed", 1 if seed is None else seed)]
    if seed is not None:
        raise ScenarioError("seed", seed, "nothing where `seeds` are given")
    allowed = "distinct whole numbers, one at least, such as range(20)"
    if isinstance(seeds, str | bytes) or not isinstance(seeds, Iterable):
        raise ScenarioError("seeds", seeds, allowed)
    found = [whole_number("seeds", each) for each in seeds]
    if not found or len(set(found)) < len(found):
        raise ScenarioError("seeds", found, allowed)
    return found
