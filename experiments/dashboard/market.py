"""A market that goes on week by week, and what of it is looked at."""

import threading
from collections import Counter
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from hashcredit.agents.dimensions import LenderStatus, LoanStatus
from hashcredit.experiments.dashboard.settings import Settings
from hashcredit.experiments.figures.network_layout import Rings, rings
from hashcredit.experiments.measures.collateral_values import Sums, values_now
from hashcredit.experiments.measures.trial_sales import TrialSales
from hashcredit.simulator import MarketModel
from hashcredit.simulator.reports.run import Run
from hashcredit.simulator.state.series import slug

if TYPE_CHECKING:
    import pandas as pd

LOOK_EVERY = 4
"""Weeks from one look at the collateral to the next: a look takes longer than twenty weeks."""

TELLING = (
    "default",
    "lender_failure",
    "lender_closed",
    "facility_default",
    "hand_back",
    "acceleration",
    "margin_call",
    "btc_liquidation",
    "missed_payment",
    "refinancing_refused",
    "repo_call",
    "interlender_loss",
    "seizure",
    "recovery",
    "abandonment",
    "launch",
    "policy_change",
)
"""Kinds of events of the log unless all are asked for: lending and trading as usual is left out."""

FAILURES = ("default", "lender_failure")

NEAR = 1.0
"""Debt service cover below which a borrower pays from its savings."""

WEAK = 1.25
"""And below which little is left over; a modelling choice of the picture, no rule depends on it."""


class Loans(NamedTuple):
    """Machine loans with machines behind them over three values of these, as a look finds them."""

    week: int
    paper: float
    market: float
    liquidation: float
    """Debt over value; infinite where nobody would buy, NaN where there are no such loans."""


class Failure(NamedTuple):
    """A borrower or a lender that failed."""

    name: str
    week: int
    cause: str
    """As logged; none of a lender."""

    @property
    def words(self) -> str:
        """In a list to choose from."""
        why = "" if self.cause == "none" else f", {self.cause.replace('_', ' ')}"
        return f"{self.name} (week {self.week}{why})"


class Flow(NamedTuple):
    """What moved of one machine type in a week, in machines."""

    machine: str
    bought_new: int
    seized: int
    on_sale: int
    sold: int
    abandoned: int


class Market:
    """One run under way: the Mesa face of the simulator, and the views of it that the page shows.

    It begins before its first week. What is read is always of a week that is over, also while another thread
    steps; what is worked out of it is worked out once.
    """

    def __init__(self, settings: Settings, look_every: int = LOOK_EVERY) -> None:
        self.settings = settings
        self.look_every = look_every
        """Weeks between looks at the collateral; 0 for none but those that are asked for."""
        self._model = MarketModel(settings.scenario, rng=settings.seed, replicate=settings.replicate)
        self._lock = threading.Lock()
        self._view = _View(self._model.result, 0, ())

    @property
    def week(self) -> int:
        """Weeks that are over."""
        return self._view.week

    @property
    def is_over(self) -> bool:
        """Whether the horizon is reached."""
        return self.week == self.settings.scenario.horizon_weeks

    @property
    def run(self) -> Run:
        """The run so far; as `simulate` gives it for a horizon of as many weeks."""
        return self._view.run

    def step(self, weeks: int = 1) -> None:
        """Some weeks more, as many as there are until the horizon."""
        with self._lock:
            looks = self.looks
            for _ in range(weeks):
                if not self._model.running:
                    break
                self._model.step()
                if self.look_every and (self._model.week - 1) % self.look_every == 0:
                    looks = (*looks, loans_now(self._model.result, self._model.week - 1))
            self._view = _View(self._model.result, self._model.week, looks)

    def look(self) -> None:
        """Hold trial sales of what is pledged now, unless that has been done this week."""
        with self._lock:
            last, run = self.week - 1, self.run
            if last >= 0 and last not in (look.week for look in self.looks):
                self._view = _View(run, self.week, (*self.looks, loans_now(run, last)))

    # What the page shows

    @property
    def looks(self) -> tuple[Loans, ...]:
        """What the looks at the collateral have found so far."""
        return self._view.looks

    @property
    def series(self) -> "pd.DataFrame":
        """Closing values of the weeks that are over."""
        return self.run.series

    @property
    def machines(self) -> tuple[str, ...]:
        """Names of the machine types."""
        return tuple(self._model.machine_names)

    @cached_property
    def places(self) -> Rings:
        """Where everybody stands: found once, in the opening."""
        import networkx as nx

        return rings(self._model.opening, nx.DiGraph())

    @property
    def failures(self) -> list[Failure]:
        """Who has failed so far, the first one first."""
        events = self.run.events
        rows = events[events["kind"].isin(FAILURES)]
        return [
            Failure(str(row.agent_name), int(row.week), str(row.cause))
            for row in rows.itertuples(index=False)
        ]

    @property
    def distress(self) -> dict[str, str]:
        """State of each borrower and lender: calm, weak, pressed or failed.

        A borrower is weak with less than `WEAK` of cash flow for its debt service of the last 13 weeks, and
        pressed with less than `NEAR`, with a payment overdue, or out of a covenant. A lender is weak while
        it has written down loans, and pressed while a call on its back-leverage is not met.
        """
        return self._view.distress

    @property
    def links(self) -> "pd.DataFrame":
        """Columns borrower, lender (rows) and principal (M$): live loans and open claims."""
        return self._view.links

    @property
    def flows(self) -> list[Flow]:
        """Machines that moved in the last week, by type; types of which none did are left out."""
        if self.week == 0:
            return []
        last, events = self.series.iloc[-1], self.run.events
        rows = events[events["week"] == self.week - 1]
        moved: Counter[tuple[str, str]] = Counter()
        for kind, machine, units in zip(rows["kind"], rows["machine"], rows["units"], strict=True):
            moved[kind, machine] += int(units)
        found = [
            Flow(
                name,
                bought_new=moved["purchase", name],
                seized=moved["seizure", name],
                on_sale=int(last[f"units_on_sale_{slug(name)}"]),
                sold=int(last[f"units_traded_{slug(name)}"]),
                abandoned=moved["abandonment", name],
            )
            for name in self.machines
        ]
        return [flow for flow in found if any(flow[1:])]

    def log(self, everything: bool = False, most: int = 80) -> "pd.DataFrame":
        """The latest events, newest first; without `everything` only those of distress and policy."""
        events = self.run.events
        if not everything:
            events = events[events["kind"].isin(TELLING)]
        return events.tail(most).iloc[::-1]


def loans_now(run: Run, week: int) -> Loans:
    """Machine loans over three values of what secures them, at the end of a week.

    All that is pledged is put on sale at once on a copy; the run goes on as if nobody had looked.
    """
    trials = TrialSales(run.economy, run.setup.parameters)
    trials.look()
    total = Sums(*values_now(trials, run.economy, trials.best_bids())[0])
    with np.errstate(divide="ignore", invalid="ignore"):
        ltvs = total.debt / np.array([total.paper, total.market, total.liquidation])
    return Loans(week, *map(float, ltvs))


class _View:
    """What is worked out of a run as it stands, once."""

    def __init__(self, run: Run, week: int, looks: tuple[Loans, ...]) -> None:
        self.run, self.week, self.looks = run, week, looks

    @cached_property
    def distress(self) -> dict[str, str]:
        return {**self._borrowers(), **self._lenders()}

    def _borrowers(self) -> dict[str, str]:
        economy = self.run.economy
        table, loans = economy.borrowers, economy.loans
        live = loans[loans["status"] == LoanStatus.PERFORMING]
        breached = (live["overdue"] > 0.0) | (live["weeks_under_dscr"] > 0) | (live["weeks_over_base"] > 0)
        out = np.zeros(len(table), bool)
        out[live["obligor"][breached]] = True
        service = table["service_window"]
        with np.errstate(divide="ignore", invalid="ignore"):
            cover = np.where(service > 0.0, table["cfads_window"] / service, np.inf)
        failed = table["status"] != 0
        return _named(self.run.opening["borrowers"]["name"], failed, out | (cover < NEAR), cover < WEAK)

    def _lenders(self) -> dict[str, str]:
        table = self.run.economy.lenders
        failed = table["status"] != LenderStatus.ALIVE
        return _named(
            self.run.opening["lenders"]["name"], failed, table["called"] > 0.0, table["allowance"] > 0.0
        )

    @cached_property
    def links(self) -> "pd.DataFrame":
        import pandas as pd

        loans = self.run.economy.loans
        live = loans[np.isin(loans["status"], (LoanStatus.PERFORMING, LoanStatus.DEFAULTED))]
        frame = pd.DataFrame(
            {name: live[field] for name, field in (("borrower", "obligor"), ("lender", "holder"))}
        )
        frame["principal"] = live["principal"]
        return frame.groupby(["borrower", "lender"], as_index=False).sum()


def _named(names: "pd.Series", failed: np.ndarray, pressed: np.ndarray, weak: np.ndarray) -> dict[str, str]:
    """The worst state that holds of each agent, by name."""
    states = np.select([failed, pressed, weak], ["failed", "pressed", "weak"], "calm")
    return dict(zip(names, states.tolist(), strict=True))
