"""One run again in which an agent does not fail: its owners put in the cash that carries it through.

The other way round from `shocks.forced_default`. Weeks are run phase by phase, and a week in which the agent
fails is run again with more and more cash until it does not.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from hashcredit.agents.dimensions import BorrowerStatus, LenderStatus
from hashcredit.simulator.books.ledger import pay
from hashcredit.simulator.display import Facts, Shown, counted
from hashcredit.simulator.errors import EventBufferFull, ScenarioError
from hashcredit.simulator.reports.frames import agent_names
from hashcredit.simulator.reports.run import Run
from hashcredit.simulator.runs.engine import (
    FIRST_EVENTS_PER_BORROWER,
    MOST_EVENTS,
    refuse_undefined,
    refuse_unrest,
)
from hashcredit.simulator.scenario.arguments import GivenScenario, scenario_of, whole_number
from hashcredit.simulator.scenario.errors import hint
from hashcredit.simulator.setup.prepare import Setup, allocate, clear, prepare, reported_copy
from hashcredit.simulator.setup.rules import Rule, telling_where
from hashcredit.simulator.state.arrays import FIELDS
from hashcredit.simulator.state.codes import WORLD_ACCOUNT, ErrorCode, Flow
from hashcredit.simulator.state.economy import Economy
from hashcredit.simulator.state.fields import Role
from hashcredit.simulator.week.observables import close_run
from hashcredit.simulator.week.regimes import enter_week
from hashcredit.simulator.week.step import PHASES, open_economy

SUPPORT = tuple(0.25 * 2.0**step for step in range(20))
"""Sums that are tried in a week, M$: more than any agent owes is among them."""

PAID_BEFORE = {"borrowers": "cash_flow", "lenders": "repo"}
"""Phase before which the cash comes: bills and debt service, or the calls on back-leverage, find it there."""

ALIVE = {"borrowers": BorrowerStatus.ALIVE, "lenders": LenderStatus.ALIVE}

CHANGING = tuple(name for name, field in FIELDS.items() if field.role is not Role.GIVEN)
"""Arrays that a week writes to."""


@dataclass(frozen=True, repr=False)
class KeptAlive(Shown):
    """A run in which one agent was kept alive by its owners."""

    run: Run
    agent: str
    support: tuple[tuple[int, float], ...]
    """Week and sum (M$) of each payment of its owners, in their order; none if it does not fail anyway."""

    def _facts(self) -> Facts:
        scenario, seed = self.run.setup.scenario.name, self.run.setup.seed
        title = f"{scenario}, seed {seed}, replicate {self.run.replicate}, {self.agent} kept alive"
        paid = sum(amount for _, amount in self.support)
        return title, {"support": f"{paid:,.2f} M$ in {counted(len(self.support), 'week')}", "run": "run"}


class CannotBeSavedError(ScenarioError):
    """An agent whose failure no cash prevents: the scenario imposes it."""


def simulate_kept_alive(
    agent: str,
    scenario: GivenScenario = None,
    seed: int = 1,
    replicate: int = 0,
    *,
    rules: Mapping[str, Rule] | None = None,
) -> KeptAlive:
    """Run one replicate in which the owners of `agent` ("miner-12", "bank-3") keep it alive to the horizon.

    In every week in which it would fail they put in the least of `SUPPORT` (.25, .5, 1, 2, ... M$) with
    which it does not: an equity injection before its bills of the week, or for a lender before the calls on
    its back-leverage. Nothing else is changed, and all draws are those of `simulate`.

    Raises `ScenarioError` for an agent that is no borrower or lender, and `CannotBeSavedError` for one whose
    failure the scenario imposes (`shocks.forced_default`, `shocks.forced_lender_failure`).
    """
    seed, replicate = whole_number("seed", seed), whole_number("replicate", replicate)
    setup = prepare(scenario_of(scenario), seed, rules)
    capacity = 4096 + FIRST_EVENTS_PER_BORROWER * setup.borrowers
    while True:
        economy = allocate(setup, series=True, events=capacity)
        clear(economy, setup)
        open_economy(economy, setup.parameters, seed, replicate)
        opening = reported_copy(economy)
        place = _find(economy, agent)
        with telling_where(setup.scenario.name, replicate, economy.clock):
            support = _run_all_weeks(economy, setup, replicate, agent, place)
        if economy.clock["error"][0] != ErrorCode.EVENT_BUFFER_FULL:
            refuse_undefined(economy, setup, replicate)
            return KeptAlive(Run(setup, replicate, economy, opening), agent, tuple(support))
        capacity *= 4  # as in `engine.record`
        if capacity > MOST_EVENTS:
            raise EventBufferFull(MOST_EVENTS, setup.scenario.name, replicate)


def _find(economy: Economy, agent: str) -> tuple[str, int]:
    """Table and row of a borrower or lender."""
    names = {table: list(found) for table, found in agent_names(economy).items() if table in ALIVE}
    for table, found in names.items():
        if agent in found:
            return table, found.index(agent)
    known = [name for found in names.values() for name in found]
    raise ScenarioError("agent", agent, f"a borrower or lender; {hint(agent, known)}")


def _run_all_weeks(
    economy: Economy, setup: Setup, replicate: int, agent: str, place: tuple[str, int]
) -> list[tuple[int, float]]:
    """Run to the horizon, or to where an error stops it; the payments on the way."""
    support: list[tuple[int, float]] = []
    now = [getattr(economy, name).view(np.uint8) for name in CHANGING]
    before = [array.copy() for array in now]
    for week in range(setup.scenario.horizon_weeks):
        _copy(now, before)
        _run_week(economy, setup, replicate, place, 0.0)
        if not _is_alive(economy, place):
            for amount in SUPPORT:
                _copy(before, now)
                _run_week(economy, setup, replicate, place, amount)
                if _is_alive(economy, place):
                    support.append((week, amount))
                    break
            else:
                allowed = f"an agent that cash keeps alive; the scenario makes it fail in week {week}"
                raise CannotBeSavedError("agent", agent, allowed)
        if economy.clock["error"][0] != ErrorCode.NONE:
            refuse_unrest(economy, setup, replicate)
            return support
        economy.clock["week"] += 1
    close_run(economy)
    return support


def _copy(arrays: list[np.ndarray], into: list[np.ndarray]) -> None:
    for array, other in zip(arrays, into, strict=True):
        np.copyto(other, array)


def _run_week(economy: Economy, setup: Setup, replicate: int, place: tuple[str, int], amount: float) -> None:
    """One week, phase by phase, with `amount` (M$) from the owners of an agent on its way."""
    regime = enter_week(economy, setup.parameters)
    for phase in PHASES:
        if amount > 0.0 and phase.__name__ == PAID_BEFORE[place[0]]:
            owned = getattr(economy, place[0])[place[1]]
            pay(economy, Flow.EQUITY_INJECTIONS.value, economy.world[WORLD_ACCOUNT], owned, amount)
            owned["issuance"] += amount
        phase(economy, setup.parameters[regime], setup.seed, replicate)
        if economy.clock["error"][0] != ErrorCode.NONE:
            return


def _is_alive(economy: Economy, place: tuple[str, int]) -> bool:
    table, row = place
    return bool(getattr(economy, table)[row]["status"] == ALIVE[table])
