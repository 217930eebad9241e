"""Failures that a scenario imposes from outside: what it has to say for them to be possible."""

from typing import Protocol

from hashcredit.simulator.scenario.errors import hint
from hashcredit.simulator.scenario.fields.base import refused
from hashcredit.simulator.scenario.fields.earnings import Shocks
from hashcredit.simulator.scenario.fields.machines import Machine
from hashcredit.simulator.scenario.fields.population import Population

POPULATION_OF = {"bank": "banks", "private_credit": "private_credit", "bond_fund": "bond_funds"}
"""Field of the population that says how many lenders of a kind there are."""


class Forcing(Protocol):
    """What forced failures ask of a scenario."""

    @property
    def horizon_weeks(self) -> int: ...

    @property
    def machine(self) -> tuple[Machine, ...]: ...

    @property
    def population(self) -> Population: ...

    @property
    def shocks(self) -> Shocks: ...


def check_forced(scenario: Forcing) -> None:
    """Before the horizon, of a machine that is defined, of a kind of lender that there is."""
    shocks, horizon = scenario.shocks, scenario.horizon_weeks
    if shocks.forced_default is not None:
        known = [machine.name for machine in scenario.machine]
        name = shocks.forced_default.machine
        if name not in known:
            raise refused("shocks.forced_default.machine", name, f"a machine; {hint(name, known)}")
        _check_week("shocks.forced_default.week", shocks.forced_default.week, horizon)
    if shocks.forced_lender_failure is not None:
        kind = shocks.forced_lender_failure.kind
        if getattr(scenario.population, POPULATION_OF[kind]) == 0:
            allowed = f"a kind of lender that there is; population.{POPULATION_OF[kind]} is 0"
            raise refused("shocks.forced_lender_failure.kind", kind, allowed)
        _check_week("shocks.forced_lender_failure.week", shocks.forced_lender_failure.week, horizon)


def _check_week(name: str, week: int, horizon: int) -> None:
    if week >= horizon:
        raise refused(name, week, f"a week before the horizon, 0 to {horizon - 1}")
