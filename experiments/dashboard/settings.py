"""What a market on the page is made with: a scenario, fields changed in it, a seed and a replicate."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple

from hashcredit.simulator.errors import ScenarioError
from hashcredit.simulator.scenario.scenario import Scenario
from hashcredit.simulator.scenario.text import Parameter, toml_value


class Reach(NamedTuple):
    """A field with a slider: its short words, and where the slider goes.

    The slider goes where studies of this market have an interest; the number beside it takes whatever the
    scenario model allows.
    """

    field: str
    words: str
    low: float
    high: float
    step: float


REACHES = (
    Reach("shocks.btc_volatility", "Volatility of BTC", 0.0, 1.5, 0.05),
    Reach("shocks.rent_volatility", "Volatility of rents", 0.0, 1.0, 0.05),
    Reach("compute.demand_growth", "Growth of demand for compute", -0.5, 1.0, 0.05),
    Reach("compute.launch_step", "Loss of older GPUs at a launch", 0.0, 0.9, 0.05),
    Reach("credit.policy_rate", "Policy rate", 0.0, 0.15, 0.0025),
    Reach("credit.origination_ltv", "Loan to value of new machine loans", 0.3, 0.95, 0.05),
    Reach("credit.dscr_covenant", "Covenant on debt service cover", 0.0, 2.0, 0.05),
    Reach("marking.market_weight", "Weight of trades in appraisals", 0.0, 0.95, 0.05),
    Reach("repo.haircut", "Haircut on back-leverage", 0.0, 0.6, 0.01),
    Reach("repo.pool_headroom", "Room in the pool of back-leverage", 0.0, 1.0, 0.05),
    Reach("funding.premium", "Premium on the policy rate", 0.0, 0.1, 0.005),
    Reach("networks.credit_degree", "Lenders that a borrower knows", 1.0, 20.0, 1.0),
    Reach("networks.trade_degree_buyers", "Outside buyers that a seller knows", 0.0, 60.0, 1.0),
)
"""The sliders, from shocks to networks."""

SWITCHES = {
    "channels.fire_sale": "Fire sale",
    "channels.repo": "Back-leverage",
    "channels.lender_credit": "Lenders' capital",
    "channels.interlender": "Debts between lenders",
    "channels.macro_funding": "Funding",
}
"""Channels of contagion, each of which can be switched off."""

MARKET_RULE = "secondary_market.rule"
MARKET_RULES = ("auction", "impact", "deep")


@dataclass(frozen=True)
class Control:
    """A slider with what the scenario model says of its field."""

    reach: Reach
    parameter: Parameter

    @property
    def is_path(self) -> bool:
        """Whether the field follows a path of values over the weeks, which a slider cannot show."""
        return not isinstance(self.parameter.value, float | int)

    @property
    def low(self) -> float:
        """Where the slider begins: it always reaches the value."""
        return min(self.reach.low, float(self.parameter.value))

    @property
    def high(self) -> float:
        """Where it ends."""
        return max(self.reach.high, float(self.parameter.value))

    @property
    def unit(self) -> str:
        """Of the value; empty for a pure number."""
        return "" if self.parameter.unit == "none" else self.parameter.unit

    @property
    def bounds(self) -> str:
        """What the scenario model allows, in words."""
        return f"{self.parameter.low:g} to {self.parameter.high:g}"


@dataclass(frozen=True)
class Settings:
    """A scenario with fields changed in it, and which of its draws are taken."""

    source: str
    """Packaged name or path of the base."""
    base: Scenario
    seed: int = 1
    replicate: int = 0
    changes: Mapping[str, Any] = field(default_factory=dict)
    """By dotted field; none of them has the value of the base."""

    @classmethod
    def load(cls, source: str, seed: int = 1, replicate: int = 0) -> "Settings":
        """A scenario as it is."""
        return cls(source, Scenario.load(source), seed, replicate)

    @cached_property
    def scenario(self) -> Scenario:
        """The scenario that is run; raises `ScenarioError` where the changes do not fit together."""
        return self.base.with_changes(self.changes) if self.changes else self.base

    def with_field(self, name: str, value: Any) -> "Settings":
        """The same with another value of one field; raises `ScenarioError` where that is not allowed."""
        others = {field: kept for field, kept in self.changes.items() if field != name}
        changed = replace(self, changes={**others, name: value})
        made = changed.scenario  # now, so that a mistake is told before it is kept
        try:
            without = replace(self, changes=others)
            return without if without.scenario == made else changed
        except ScenarioError:  # the other changes need this one
            return changed

    def with_draws(self, seed: int, replicate: int) -> "Settings":
        """The same scenario with other draws."""
        return replace(self, seed=seed, replicate=replicate)

    def with_source(self, source: str) -> "Settings":
        """Another scenario as it is, with the same draws."""
        return Settings.load(source, self.seed, self.replicate)

    @property
    def controls(self) -> tuple[Control, ...]:
        """The sliders as they stand."""
        rows = {row.field: row for row in self.scenario.describe()}
        return tuple(Control(reach, rows[reach.field]) for reach in REACHES)

    @property
    def words(self) -> str:
        """What is changed, in one line."""
        if not self.changes:
            return f"{self.base.name} as it is"
        changed = ", ".join(f"{name} = {toml_value(value)}" for name, value in sorted(self.changes.items()))
        return f"{self.base.name} with {changed}"

    def toml(self, name: str) -> str:
        """A complete scenario file of these settings under a name of their own."""
        return self.scenario.with_changes({"name": name}).to_toml(comments=True)

    def refused_name(self, name: str) -> str:
        """Why a scenario cannot have this name; empty if it can."""
        try:
            self.scenario.with_changes({"name": name})
        except ScenarioError as error:
            return str(error)
        return ""

    @property
    def python(self) -> str:
        """The same run in Python."""
        changes = f".with_changes({dict(sorted(self.changes.items()))!r})" if self.changes else ""
        draws = f"seed={self.seed}, replicate={self.replicate}"
        return f"simulate(Scenario.load({self.source!r}){changes}, {draws})"


def value_of(scenario: Scenario, name: str) -> Any:
    """Value of a field by its dotted name."""
    value: Any = scenario
    for part in name.split("."):
        value = getattr(value, part)
    return value
