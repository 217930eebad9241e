"""Scenarios with channels of contagion switched off."""

from collections.abc import Iterable

from hashcredit.simulator.channels import CHANNELS
from hashcredit.simulator.errors import ScenarioError
from hashcredit.simulator.scenario.scenario import Scenario

SWITCHES = {name: f"channels.{name}" for name in CHANNELS}
"""Field of each channel."""


def without_channels(scenario: Scenario, channels: Iterable[str]) -> Scenario:
    """The scenario with some channels off from the first week to the last.

    Interventions that would switch one of them go; one that is off already stays off. Raises `ScenarioError`
    for a channel that does not exist.
    """
    off = list(channels)
    for name in off:
        if name not in CHANNELS:
            raise ScenarioError("channels", name, "names out of " + ", ".join(CHANNELS))
    switched = {SWITCHES[name] for name in off}
    kept = tuple(each for each in scenario.interventions if each.field not in switched)
    changes: dict[str, object] = dict.fromkeys(switched, False)
    if len(kept) < len(scenario.interventions):
        changes["interventions"] = kept
    return scenario.with_changes(changes)


def acting_channels(scenario: Scenario) -> tuple[str, ...]:
    """Channels that are on in a scenario, from the start or by an intervention."""
    return tuple(name for name in CHANNELS if without_channels(scenario, [name]) != scenario)
