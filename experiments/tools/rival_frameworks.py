"""The simple week of `rival_market` in the frameworks that it is timed in, each in its own documented style.

Mesa's agents are Python objects that step one after the other. AMBER (package `ambr`, `hashcredit[rivals]`)
keeps agents as columns of a Polars frame; its models work on whole columns, or on agents one by one.
"""

import importlib.util
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from hashcredit.experiments.tools.rival_market import (
    EARNED,
    INTEREST,
    LEAST_COVER,
    LOAN_TO_VALUE,
    LOST,
    PRINCIPAL,
    RECOVERED,
    RECOVERY,
    WEEKS_A_YEAR,
    Market,
    numba_weeks,
    numpy_week,
)

OWN = ("cash", "debt", "machines", "defaulted", "earning", "rate", "instalment")
"""Columns of `Market` that belong to a borrower."""


class Ready(NamedTuple):
    """A market built and not yet run: only `run` is timed."""

    run: Callable[[], None]
    """All weeks."""
    result: Callable[[], Market]
    """How it ended."""


def with_numpy(market: Market) -> Ready:
    """Vectorised: some twenty passes over columns a week."""
    own = market.copy()

    def run() -> None:
        for week in range(own.weeks):
            numpy_week(own, week)

    return Ready(run, lambda: own)


def with_numba(market: Market) -> Ready:
    """One compiled loop."""
    own = market.copy()
    return Ready(lambda: numba_weeks(own, own.weeks), lambda: own)


def step_borrower(borrower: Any, rent: float, price: float, totals: list[float]) -> None:
    """The rule of one agent that is a Python object, in Mesa and in AMBER's second style."""
    income = borrower.machines * borrower.earning * rent
    debt = borrower.debt
    interest = debt * borrower.rate / WEEKS_A_YEAR
    principal = min(borrower.instalment, debt)
    cash = borrower.cash + income
    interest_paid = min(interest, cash)
    cash -= interest_paid
    principal_paid = min(principal, cash)
    debt -= principal_paid
    value = borrower.machines * price
    missed = interest_paid + principal_paid < interest + principal
    if missed or (debt > LOAN_TO_VALUE * value and income < LEAST_COVER * (interest + principal)):
        recovered = min(debt, RECOVERY * value)
        totals[RECOVERED] += recovered
        totals[LOST] += debt - recovered
        debt = 0.0
        borrower.machines = 0.0
        borrower.defaulted = 1.0
    borrower.cash = cash - principal_paid
    borrower.debt = debt
    totals[EARNED] += income
    totals[INTEREST] += interest_paid
    totals[PRINCIPAL] += principal_paid


def with_mesa(market: Market, *, shuffled: bool) -> Ready:
    """Mesa 3: `agents.do("step")`, or `agents.shuffle_do("step")` in a new order each week."""
    import mesa

    class Borrower(mesa.Agent):
        def step(self) -> None:
            if self.defaulted == 0.0:
                model = self.model
                step_borrower(self, model.rent[model.week], model.price[model.week], model.totals)

    class Lending(mesa.Model):
        def __init__(self) -> None:
            super().__init__(seed=1)
            self.week, self.totals = 0, [0.0] * len(market.totals)
            self.rent, self.price = market.rent.tolist(), market.price.tolist()
            columns = [getattr(market, name).tolist() for name in OWN]
            for values in zip(*columns, strict=True):
                borrower = Borrower(self)
                for name, value in zip(OWN, values, strict=True):
                    setattr(borrower, name, value)

        def step(self) -> None:
            if shuffled:
                self.agents.shuffle_do("step")
            else:
                self.agents.do("step")
            self.week += 1

    model = Lending()

    def run() -> None:
        for _ in range(market.weeks):
            model.step()

    def result() -> Market:
        inventory = sorted(model.agents, key=lambda borrower: borrower.unique_id)
        columns = {name: np.array([getattr(each, name) for each in inventory]) for name in OWN}
        return market._replace(**columns, totals=np.array(model.totals))

    return Ready(run, result)


def has_amber() -> bool:
    """Whether AMBER is installed."""
    return importlib.util.find_spec("ambr") is not None


def with_amber(market: Market, *, by_agent: bool) -> Ready:
    """AMBER: whole columns out of and back into the frame once a week, or its agents one by one.

    `agents.numpy` and `agents.set` are the way its own documentation gives for rules of several columns.
    """
    import ambr

    class Borrower(ambr.Agent):
        def setup(self) -> None:
            for name in OWN:
                setattr(self, name, float(getattr(market, name)[self.id]))

        def step(self) -> None:
            if self.defaulted == 0.0:
                model = self.model
                step_borrower(self, model.rent[model.week], model.price[model.week], model.totals)

    class Lending(ambr.Model):
        def step_vectorized(self) -> None:
            columns = dict(zip(OWN, self.agents.numpy(*OWN), strict=True))
            changing = {name: columns[name].copy() for name in OWN[:4]}  # AMBER lends its own read-only
            numpy_week(market._replace(**{**columns, **changing}, totals=self.sums), self.week)
            self.agents.set(**changing)
            self.week += 1

        def step_oop(self) -> None:
            self.agents.call("step")
            self.week += 1

    model: Any = Lending({"seed": 1, "show_progress": False, "mode": "oop" if by_agent else "vectorized"})
    model.week, model.sums = 0, np.zeros(len(market.totals))
    model.rent, model.price, model.totals = market.rent.tolist(), market.price.tolist(), [0.0] * 5
    if by_agent:
        model.add_agents(market.borrowers, agent_class=Borrower)
    else:
        model.add_agents(market.borrowers, **{name: getattr(market, name).copy() for name in OWN})

    def run() -> None:
        for _ in range(market.weeks):
            model.run_step()

    def result() -> Market:
        totals = np.array(model.totals) if by_agent else model.sums
        found = {name: np.array(column) for name, column in zip(OWN, model.agents.numpy(*OWN), strict=True)}
        return market._replace(**found, totals=totals)

    return Ready(run, result)
