"""The Mesa face: the same weeks as `simulate`, phase by phase, with agents to look at and to act through."""

import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mesa
import numpy as np

from hashcredit.agents.dimensions import CONTRACTS, FACILITIES, MACHINE_TYPES, ORDERS, BorrowerKind
from hashcredit.agents.views import Borrower, Lender, Miner, NeoCloud, SecondaryBuyer, View
from hashcredit.simulator.books.ledger import borrower_equity, buyer_equity, lender_equity
from hashcredit.simulator.display import Facts, Shown, counted
from hashcredit.simulator.errors import (
    EventBufferFull,
    PaymentError,
    ScenarioError,
    SimulationError,
    TooManyRounds,
)
from hashcredit.simulator.mesa_face import graphs
from hashcredit.simulator.mesa_face.hooks import AFTER, BEFORE, AgentClasses, chosen_classes, collect_hooks
from hashcredit.simulator.mesa_face.mesa_versions import begin, forget
from hashcredit.simulator.mesa_face.payments import make_payment
from hashcredit.simulator.reports.checks import check_identities, promises_end
from hashcredit.simulator.reports.frames import agent_names
from hashcredit.simulator.reports.headline import agents_of, headline
from hashcredit.simulator.reports.run import Run
from hashcredit.simulator.runs.engine import FIRST_EVENTS_PER_BORROWER, MOST_EVENTS, first_tape
from hashcredit.simulator.scenario.arguments import GivenScenario, scenario_of, whole_number
from hashcredit.simulator.scenario.scenario import Scenario
from hashcredit.simulator.setup.prepare import Setup, allocate, clear, prepare, reported_copy
from hashcredit.simulator.setup.rules import Rule, telling_where
from hashcredit.simulator.state.arrays import FIELDS, STATE
from hashcredit.simulator.state.clock import EVENT
from hashcredit.simulator.state.codes import ErrorCode
from hashcredit.simulator.state.economy import Economy
from hashcredit.simulator.state.tape import TAPE
from hashcredit.simulator.week.observables import close_run
from hashcredit.simulator.week.regimes import enter_week
from hashcredit.simulator.week.step import PHASES, open_economy

if TYPE_CHECKING:
    import networkx as nx
    import pandas as pd

PHASE_NAMES = tuple(phase.__name__ for phase in PHASES)

SEED_BITS = 53
"""Of a seed that is drawn: it survives a table of float64, and collisions are rare in millions of runs."""

EVENTS_OF_A_LOAN = 8
"""Events that one loan can cause in one phase, at most; covenants cause the most, up to six."""


class MarketModel(Shown, mesa.Model):
    """A market whose agents can be watched, and whose rules can be acted upon, in Python.

    Without hooks it ends in the same bits as `simulate(scenario, seed=rng, replicate=replicate)`.

    Parameters
    ----------
    scenario : Scenario, str or Path, optional
        A scenario, its name, a path, or a list with one of these; the baseline if left out.
    rng : int, optional
        Seed. None draws one; `model.seed` is the one in use.
    replicate : int
        Which replicate of (scenario, seed).
    seed : int, optional
        The same as `rng`, under the name that it has in `simulate`; give one of the two.
    agent_classes : class or iterable of classes, optional
        Subclasses of `Miner`, `NeoCloud`, `Lender` and `SecondaryBuyer`, at most one of each.
    rules : mapping of decisions to functions, optional
        Functions that take default decisions, as in `simulate`.
    check : bool
        Test every bookkeeping identity after every phase and after every call of hooks (slow).

    Attributes
    ----------
    borrowers, lenders, buyers : list of View
        The agents in the order of their tables; `model.agents` has all of them.
    scenario, seed, replicate
        What was asked for; `result.provenance` can rebuild the call.
    economy : Economy
        The state itself. Read it, but write through `pay` and through the agents' policy fields.
    """

    def __init__(
        self,
        scenario: GivenScenario | list[Any] = None,
        rng: int | None = None,
        replicate: int = 0,
        *,
        seed: int | None = None,
        agent_classes: AgentClasses = None,
        rules: Mapping[str, Rule] | None = None,
        check: bool = False,
    ) -> None:
        own_seed = _one_seed(rng, seed)
        own_scenario = _one_scenario(scenario)
        self.replicate = whole_number("replicate", replicate)
        self._last_id = 0
        # Python code in hooks draws from Mesa's generators; replicates must not share these draws
        super().__init__(rng=[own_seed, self.replicate])
        begin(self, scenario=own_scenario, seed=own_seed)
        self.check = check
        self.spread_bounds = self.scenario.spread_bounds()
        self._setup = prepare(self.scenario, self.seed, rules)
        self.machine_names = self._setup.machine_names
        self._most_events_a_phase = most_events(self._setup)
        first = 4096 + FIRST_EVENTS_PER_BORROWER * self._setup.borrowers + self._most_events_a_phase
        self._most_loans_a_phase = 2 * FACILITIES * self._setup.borrowers  # a row may end two and begin two
        loans = first_tape(self._setup) + self._most_loans_a_phase
        self.economy = allocate(self._setup, series=True, events=first, tape=loans)
        clear(self.economy, self._setup)
        open_economy(self.economy, self._setup.parameters, self.seed, self.replicate)
        self._before = reported_copy(self.economy)
        self.agent_names = agent_names(self.economy)
        self._final: Run | None = None
        self._regime = 0  # row of the parameters that hold this week
        self._stage = ""  # the phase or hook that is under way, or in which a week broke off
        self._make_agents(agent_classes)

    def _facts(self) -> Facts:
        title = f"MarketModel of {self.scenario.name}, seed {self.seed}, replicate {self.replicate}"
        weeks = f"{self.week} of {counted(self.scenario.horizon_weeks, 'week')}"
        state = "at the horizon" if self._final is not None else "so far"
        facts = {"time": f"{weeks} from {self.scenario.start_date}", "agents": agents_of(self.scenario)}
        return title, {**facts, **{f"{name} {state}": fact for name, fact in headline(self.summary).items()}}

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise TypeError(
            "a MarketModel cannot be copied or pickled; make it again from scenario, rng, replicate"
        )

    # Agents

    def _make_agents(self, agent_classes: AgentClasses) -> None:
        """One view for each row of the tables, and the hooks that their classes define."""
        classes = chosen_classes(agent_classes)
        kinds = self.economy.borrowers["kind"]
        self.borrowers: list[Borrower] = [
            classes[Miner if kind == BorrowerKind.MINER else NeoCloud](self, row)
            for row, kind in enumerate(kinds)
        ]
        self.lenders: list[Lender] = [classes[Lender](self, row) for row in range(self._setup.lenders)]
        self.buyers: list[SecondaryBuyer] = [
            classes[SecondaryBuyer](self, row) for row in range(self._setup.buyers)
        ]
        self._hooks = collect_hooks([*self.borrowers, *self.lenders, *self.buyers], PHASE_NAMES)

    def register_agent(self, agent: Any) -> None:
        """Number and keep an agent; called by Mesa for every new one."""
        forget(self)
        self._last_id += 1
        agent.unique_id = self._last_id
        super().register_agent(agent)

    def equity_of(self, agent: View) -> float:
        """Book equity of an agent, M$."""
        if isinstance(agent, Borrower):
            return borrower_equity(self.economy, agent.row)
        if isinstance(agent, Lender):
            return lender_equity(self.economy.lenders[agent.row])
        return buyer_equity(self.economy.buyers[agent.row])

    def pay(
        self, payer: View | str, payee: View | str, amount: float, flow: str = "equity_injections"
    ) -> None:
        """Move `amount` (M$) from one account to another, with everything that has to be booked.

        An agent cannot pay more than its cash. Agents that have failed neither pay nor are paid: their cash
        belongs to their creditors. Anything else is refused with a `PaymentError`.

        Parameters
        ----------
        payer, payee : View or "world"
            Agents of this model, or whoever is not in it.
        amount : float
            M$.
        flow : str
            Row of the flow matrix: equity_injections, distributions, compute_rent, mining_revenue,
            power_and_upkeep, site_leases or overhead.
        """
        if self._final is not None:
            raise PaymentError("week", str(self.week), "a week before the horizon: the accounts are closed")
        for argument, party in (("payer", payer), ("payee", payee)):
            if isinstance(party, View) and party.model is not self:
                raise PaymentError(argument, repr(party), "an agent of this model; it is of another one")
        make_payment(self.economy, payer, payee, amount, flow)

    # Time

    @property
    def week(self) -> int:
        """Weeks that are over; while a week runs, its number, counted from 0."""
        return int(self.economy.clock["week"][0])

    def step(self) -> None:
        """Run one week: every phase in order, with the hooks before and after it."""
        if self._stage:
            raise self._error(f"this week is in, or broke off in, {self._stage}; it cannot begin again")
        if self._final is not None:
            raise self._error(f"the horizon of {self.scenario.horizon_weeks} weeks is reached")
        try:
            self._make_room()
            self._regime = enter_week(self.economy, self._setup.parameters)
            for phase in PHASES:
                self._call_hooks(BEFORE, phase.__name__)
                self._run_phase(phase)
                self._call_hooks(AFTER, phase.__name__)
        except BaseException:
            self.running = False
            raise
        self._stage = ""
        self.economy.clock["week"] += 1
        if self.week == self.scenario.horizon_weeks:
            close_run(self.economy)
            self._final = self._run_of(self.economy)
            self.running = False

    def run(self) -> Run:
        """Run to the horizon, or until `running` is set to False, and return the result."""
        self.run_model()
        return self.result

    def _run_phase(self, phase: Callable[..., None]) -> None:
        """Run one phase; the only place where a phase is called."""
        self._stage = phase.__name__
        self._make_room()
        with telling_where(self.scenario.name, self.replicate, self.economy.clock):
            phase(self.economy, self._setup.parameters[self._regime], self.seed, self.replicate)
        if self.economy.clock["error"][0] == ErrorCode.TOO_MANY_ROUNDS:
            raise TooManyRounds(self.week, self.scenario.name, self.replicate)
        if self.economy.clock["error"][0] != ErrorCode.NONE:
            # not reached as long as `most_events`, and twice the rows for loans, are bounds
            raise EventBufferFull(len(self.economy.events), self.scenario.name, self.replicate, self.week)
        if self.check:
            check_identities(self.economy, self._before, phase.__name__, self._lines_end)

    @property
    def _lines_end(self) -> bool:
        """Whether what a lender has promised ends with it."""
        return promises_end(self._setup.parameters, self._regime)

    def _call_hooks(self, prefix: str, phase: str) -> None:
        """Call the hooks before or after a phase, agents in the order of their tables."""
        hooks = self._hooks.get(prefix + phase)
        if hooks:
            self._stage = f"{prefix}{phase} hook"
            for hook in hooks:
                hook()
            if self.check:
                check_identities(self.economy, self._before, f"the {self._stage}", self._lines_end)

    def _error(self, reason: str) -> SimulationError:
        return SimulationError(reason, self.scenario.name, self.replicate, self.week)

    def _make_room(self) -> None:
        """Enlarge the event table and the loan tape before a phase that might fill them: hooks cannot be run
        twice.

        `simulate` runs a replicate again with more room. Here the economy moves into one that shares all its
        other arrays. Memory that is not written to costs nothing.
        """
        made, rows = int(self.economy.clock["loans_made"][0]), len(self.economy.tape)
        if rows - made < self._most_loans_a_phase:
            tape = np.zeros(max(2 * rows, made + self._most_loans_a_phase), TAPE)
            tape[:made] = self.economy.tape[:made]
            self.economy = _with_arrays(self.economy, tape=tape)
        used, capacity = int(self.economy.clock["events"][0]), len(self.economy.events)
        if capacity - used >= self._most_events_a_phase:
            return
        capacity = max(2 * capacity, used + self._most_events_a_phase)
        if capacity > MOST_EVENTS:
            raise EventBufferFull(MOST_EVENTS, self.scenario.name, self.replicate, self.week)
        events = np.zeros(capacity, EVENT)
        events[:used] = self.economy.events[:used]
        self.economy = _with_arrays(self.economy, events=events)

    # Results

    @property
    def result(self) -> Run:
        """The run so far: at the horizon that of `simulate`, before it a copy of how things stand."""
        if self._final is not None:
            return self._final
        return self._run_of(self._closed().copy_with(*STATE, "events", "tape", "series"))

    def _run_of(self, economy: Economy) -> Run:
        return Run(setup=self._setup, replicate=self.replicate, economy=economy, before=self._before)

    def _closed(self) -> Economy:
        """The economy as it would be reported if this week were the last; it shares the tables."""
        economy = self.economy
        closed = _with_arrays(
            economy,
            outcomes=economy.outcomes.copy(),
            series=economy.series[: self.week],
            events=economy.events[: economy.clock["events"][0]],
            tape=economy.tape[: economy.clock["loans_made"][0]],
        )
        close_run(closed)
        return closed

    def _so_far(self) -> Run:
        """The run so far, to be read at once: its frames are copies, its tables are not."""
        return self._final or self._run_of(self._closed())

    @property
    def summary(self) -> dict[str, Any]:
        """Scalars of the run so far; see `Run.summary`."""
        return self._so_far().summary

    @property
    def tables(self) -> "dict[str, pd.DataFrame]":
        """Tables of agents, loans and machines as they are now."""
        return self._so_far().tables

    @property
    def opening(self) -> "dict[str, pd.DataFrame]":
        """The same tables before the first week."""
        return self._so_far().opening

    @property
    def series(self) -> "pd.DataFrame":
        """Weekly closing values, index `week`, of the weeks that are over."""
        return self._so_far().series

    @property
    def events(self) -> "pd.DataFrame":
        """The event log so far."""
        return self._so_far().events

    @property
    def flows(self) -> "pd.DataFrame":
        """Transaction-flow matrix so far, M$."""
        return self._so_far().flows

    def credit_network(self) -> "nx.Graph":
        """Borrowers and lenders by name; edges carry `face` (M$) and `loans`. A copy, and frozen."""
        return graphs.credit_graph(self.economy, self.borrowers, self.lenders)

    def trade_network(self) -> "nx.DiGraph":
        """From sellers of used machines to the bidders that know them, by name. A copy, and frozen."""
        return graphs.trade_graph(self.economy, self.borrowers, self.lenders, self.buyers)


def most_events(setup: Setup) -> int:
    """A bound on the events of one phase, from what can be noted once in it.

    A loan causes at most `EVENTS_OF_A_LOAN`, its sale as a lot among them. In the market of a machine type
    every trade uses up a bid or a lot: a bid for each borrower and buyer, a lot for each borrower. A launch
    happens to a type; a failure or the end of a resolution to an agent. An order is placed or not, and may
    end with a loan, a purchase and a cancellation. A row of contracts sees one end and one begin. A lender
    fails, is called and is closed once, and so is each debt between lenders cleared.
    """
    loans = setup.borrowers * FACILITIES
    orders = 4 * setup.borrowers * ORDERS
    contracts = 2 * setup.borrowers * CONTRACTS
    a_type = 2 * setup.borrowers + setup.buyers + 1
    lenders = 3 * setup.lenders + len(setup.networks.claim_debtor)
    return EVENTS_OF_A_LOAN * loans + orders + contracts + MACHINE_TYPES * a_type + 2 * setup.agents + lenders


def _with_arrays(economy: Economy, **arrays: np.ndarray) -> Economy:
    """An economy that shares rules and arrays with another one but the given arrays."""
    return Economy(economy.rules, **{name: arrays.get(name, getattr(economy, name)) for name in FIELDS})


def _one_scenario(scenario: Any) -> Scenario:
    """The scenario meant by any of the ways to name it."""
    if isinstance(scenario, list | tuple) and len(scenario) == 1:
        (scenario,) = scenario
    if scenario is None or isinstance(scenario, Scenario | str | Path):
        return scenario_of(scenario)
    allowed = "a Scenario, its name, a path, or a list with one of them (mesa.batch_run takes a bare Scenario"
    raise ScenarioError("scenario", scenario, allowed + " apart: give it a list)")


def _one_seed(rng: int | None, seed: int | None) -> int:
    """The seed under either of its names, or one that is drawn."""
    if rng is not None and seed is not None:
        raise ScenarioError("seed", seed, f"nothing beside rng = {rng!r}, its name in Mesa")
    if seed is not None:
        return whole_number("seed", seed)
    return secrets.randbits(SEED_BITS) if rng is None else whole_number("rng", rng)
