"""The paths of an episode: dated facts of the calibration tables, and weekly values between them.

A fact belongs to the week of its day; an average of a month or quarter to the week of its middle. Between
two facts the logarithm is interpolated linearly, and before the first and after the last the path stands
still: that is a choice, since what happened between them is not in the tables. An episode's scenario holds
the weekly values; its test compares them with these.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np

from hashcredit.simulator.scenario.facts import fact
from hashcredit.simulator.setup.parameters import weeks_from

Days = Mapping[str, date]
"""Keys of the facts that a path goes through, with their days."""


@dataclass(frozen=True)
class Calendar:
    """The weeks of an episode."""

    start: date
    weeks: int

    def week(self, day: date) -> int:
        """Week of a day, 0 to the last; days outside count to the nearest."""
        return min(max(weeks_from(self.start, day), 0), self.weeks - 1)

    def knots(self, days: Days) -> list[tuple[int, float]]:
        """Week and value of each fact; weeks before the start are negative."""
        return [(weeks_from(self.start, day), fact(key).value) for key, day in days.items()]

    def weekly(self, days: Days) -> list[tuple[int, float]]:
        """A value for every week: the facts, and linear interpolation of the logarithm between them."""
        weeks, values = zip(*self.knots(days), strict=True)
        path = np.exp(np.interp(np.arange(self.weeks), weeks, np.log(values)))
        return [(week, float(f"{value:.5g}")) for week, value in enumerate(path)]
