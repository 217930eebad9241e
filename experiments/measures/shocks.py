"""What hits a scenario from outside, and the scenario without it."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from hashcredit.simulator.scenario.scenario import Scenario

DRAWN: dict[str, tuple[str, dict[str, Any]]] = {
    "btc": (
        "nothing is drawn for BTC, which still moves with funding",
        {"shocks.btc_path": (), "shocks.btc_volatility": 0.0, "shocks.jump_intensity": 0.0},
    ),
    "rents": (
        "nothing is drawn for the rent index, which still moves with demand and supply",
        {"shocks.rent_path": (), "shocks.rent_volatility": 0.0},
    ),
    "machine_rents": (
        "rents of machine types follow the index",
        {"shocks.machine_rent_volatility": 0.0},
    ),
    "hashprice": ("hashprice is worked out, not fed in", {"shocks.hashprice_path": ()}),
    "assets": (
        "nothing is drawn for other assets, which still move with funding",
        {"assets.volatility": (0.0, 0.0, 0.0, 0.0)},
    ),
}
"""Prices that are drawn or fed in: words, and the changes that leave what the model itself makes of them.

A volatility of zero leaves the mean of a price as it was, and the draws of all others.
"""

IMPOSED = {
    "forced_default": "no borrower is made to fail",
    "forced_lender_failure": "no lender is made to fail",
    "demand_turn": "demand does not turn",
}
"""Fields of `shocks` that may be there or not."""


class Shock(NamedTuple):
    """One thing that hits a scenario from outside."""

    name: str
    words: str
    """What holds without it."""
    without: Scenario


def without_each_shock(scenario: Scenario) -> Iterator[Shock]:
    """Every shock that a scenario has, each left out alone.

    Interventions count one by one, by their place in the scenario, from 0.
    """
    for name, (words, changes) in DRAWN.items():
        yield from _if_changed(scenario, name, words, changes)
    for name, words in IMPOSED.items():
        yield from _if_changed(scenario, name, words, {f"shocks.{name}": None})
    for place, each in enumerate(scenario.interventions):
        others = scenario.interventions[:place] + scenario.interventions[place + 1 :]
        words = f"{each.field} stays as it was in week {each.week}"
        yield from _if_changed(scenario, f"intervention-{place}", words, {"interventions": others})


def _if_changed(scenario: Scenario, name: str, words: str, changes: dict[str, Any]) -> Iterator[Shock]:
    """The shock, unless the scenario has none of the kind."""
    without = scenario.with_changes(changes)
    if without != scenario:
        yield Shock(name, words, without)
