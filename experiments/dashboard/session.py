"""What one page is about: settings as they are set, the markets that run, what is asked of them.

A browser tab has a session of its own. Nothing here knows of a browser.
"""

import threading
from typing import Any

from hashcredit.experiments.dashboard.market import LOOK_EVERY, Failure, Market
from hashcredit.experiments.dashboard.settings import Settings
from hashcredit.experiments.measures.explanation import explain_failure
from hashcredit.experiments.measures.tables import format_explanation
from hashcredit.simulator.scenario.arguments import whole_number
from hashcredit.simulator.scenario.scenario import Scenario, parse_assignments

FIRST, SECOND = "A", "B"
"""Names of the settings that are compared."""


class Session:
    """Settings A, on request settings B on the same draws, and the markets that run under them.

    Settings that are changed hold from the next market on: the next step begins one in its first week.
    Whatever is refused raises the `HashcreditError` of the simulator and leaves all as it was.
    """

    def __init__(self, settings: Settings, look_every: int = LOOK_EVERY) -> None:
        names = Scenario.names()
        self.choices = names if settings.source in names else [settings.source, *names]
        """Scenarios to pick from: the one that the session was opened with, and the packaged ones."""
        self.settings: dict[str, Settings] = {FIRST: settings}
        self._markets: dict[str, Market] = {}
        self._look_every = look_every
        self._lock = threading.RLock()
        self._begin()

    # Settings

    @property
    def is_comparing(self) -> bool:
        """Whether there are settings B."""
        return SECOND in self.settings

    @property
    def is_changed(self) -> bool:
        """Whether settings differ from those of the markets that run."""
        return self.settings != {name: market.settings for name, market in self._markets.items()}

    def compare(self, on: bool) -> None:
        """Begin a comparison, with settings B as A are now; or end it."""
        with self._lock:
            if on:
                self.settings.setdefault(SECOND, self.settings[FIRST])
            else:
                self.settings.pop(SECOND, None)

    def pick(self, name: str, source: str) -> None:
        """Another scenario as it is for settings A or B."""
        self._set(name, self.settings[name].with_source(source))

    def set_field(self, name: str, field: str, value: Any) -> None:
        """Another value of one field in settings A or B."""
        self._set(name, self.settings[name].with_field(field, value))

    def assign(self, name: str, text: str) -> None:
        """The same by a text such as "credit.cure_weeks=8", for a field that has no slider."""
        for field, value in parse_assignments([text.strip()]).items():
            self.set_field(name, field, value)

    def set_draws(self, seed: int, replicate: int) -> None:
        """Other draws, for A and B alike."""
        seed, replicate = whole_number("seed", seed), whole_number("replicate", replicate)
        with self._lock:
            self.settings = {
                name: settings.with_draws(seed, replicate) for name, settings in self.settings.items()
            }

    def undo(self) -> None:
        """Settings as the markets that run have them."""
        with self._lock:
            self.settings = {name: market.settings for name, market in self._markets.items()}

    def _set(self, name: str, settings: Settings) -> None:
        with self._lock:
            self.settings[name] = settings

    # Time

    @property
    def markets(self) -> dict[str, Market]:
        """The markets that run, by the name of their settings."""
        return dict(self._markets)

    @property
    def week(self) -> int:
        """Weeks that are over, of the market that is further on."""
        return max(market.week for market in self._markets.values())

    @property
    def is_over(self) -> bool:
        """Whether every market has reached its horizon."""
        return all(market.is_over for market in self._markets.values())

    def step(self, weeks: int = 1) -> None:
        """Some weeks of every market; new ones first if settings were changed."""
        with self._lock:
            if self.is_changed:
                self._begin()
            for market in self._markets.values():
                market.step(weeks)

    def reset(self) -> None:
        """Every market again before its first week, under the settings as they are."""
        with self._lock:
            self._begin()

    def look(self) -> None:
        """Look at the collateral now."""
        with self._lock:
            for market in self._markets.values():
                market.look()

    def _begin(self) -> None:
        self._markets = {name: Market(settings, self._look_every) for name, settings in self.settings.items()}

    # Questions

    def failures(self) -> dict[str, tuple[Settings, Failure]]:
        """Failures so far to choose from: in words, with the settings under which it happened."""
        return {
            (f"{name}: " if len(self._markets) > 1 else "") + failure.words: (market.settings, failure)
            for name, market in self._markets.items()
            for failure in market.failures
        }


def explain(settings: Settings, failure: str) -> str:
    """What would have become of a failure without each thing that may have led to it, as a table.

    The run is replayed to its horizon, a dozen times or so; markets that run stay as they are.
    """
    found = explain_failure(settings.scenario, failure, settings.seed, settings.replicate)
    return f"{settings.words}\n{format_explanation(found)}"
