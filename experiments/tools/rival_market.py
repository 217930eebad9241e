"""The simple week that rivals are timed on: borrowers with machines and one loan each, and no market.

It is far less than a week of hashcredit. What it is for: the same rule, written as its users would write it
for each framework, gives the same money to the last digits, so that only the frameworks differ.
"""

from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

Column = NDArray[np.float64]

WEEKS_A_YEAR = 52.0
LOAN_TO_VALUE = 0.9
"""Most that may be owed, as a fraction of the machines' value."""
LEAST_COVER = 1.1
"""Least weekly earnings over the week's debt service."""
RECOVERY = 0.6
"""Of the machines' value, when a lender sells them."""
ROUNDING = 1e-12
"""Relative. Rivals add the same numbers, though not all of them in the same order."""


class Market(NamedTuple):
    """Columns by borrower, written to in place, and what all borrowers share."""

    cash: Column
    """M$"""
    debt: Column
    """M$"""
    machines: Column
    """Units."""
    defaulted: Column
    """1.0: its machines were sold for its lender."""
    earning: Column
    """M$ a unit and week at a rent of one."""
    rate: Column
    """Interest a year."""
    instalment: Column
    """Principal due a week, M$."""
    rent: Column
    """[week], an index."""
    price: Column
    """[week], M$ a unit."""
    totals: Column
    """Earned, interest and principal paid, recovered, written off so far, M$."""

    @property
    def borrowers(self) -> int:
        return len(self.cash)

    @property
    def weeks(self) -> int:
        return len(self.rent)

    def copy(self) -> "Market":
        return Market(*(column.copy() for column in self))


EARNED, INTEREST, PRINCIPAL, RECOVERED, LOST = range(5)
"""Places in `Market.totals`."""


def draw_market(borrowers: int, weeks: int, seed: int = 1) -> Market:
    """A market in which rents and prices fall, so that about a third of the borrowers default on the way."""
    rng = np.random.default_rng(seed)
    machines = rng.integers(10, 1000, borrowers).astype(float)
    debt = machines * 0.03 * rng.uniform(0.3, 0.8, borrowers)
    fall = np.linspace(1.0, 0.6, weeks) * np.exp(0.02 * rng.standard_normal(weeks))
    return Market(
        cash=debt * rng.uniform(0.0, 0.3, borrowers),
        debt=debt,
        machines=machines,
        defaulted=np.zeros(borrowers),
        earning=rng.uniform(0.00005, 0.0004, borrowers),
        rate=rng.uniform(0.06, 0.14, borrowers),
        instalment=debt / rng.uniform(104.0, 208.0, borrowers),
        rent=fall,
        price=0.03 * fall,
        totals=np.zeros(5),
    )


def numpy_week(market: Market, week: int) -> None:
    """The rule, all borrowers at once: earn, pay what is due as far as cash goes, mark, test, default.

    A borrower defaults if it misses a payment, or breaches both loan to value and cover. One that has
    defaulted has neither machines nor debt, so the week leaves it as it is.
    """
    cash, debt, machines, defaulted, earning, rate, instalment, rent, price, totals = market
    income = machines * earning * rent[week]
    cash += income
    interest = debt * rate / WEEKS_A_YEAR
    principal = np.minimum(instalment, debt)
    interest_paid = np.minimum(interest, cash)
    cash -= interest_paid
    principal_paid = np.minimum(principal, cash)
    cash -= principal_paid
    debt -= principal_paid
    value = machines * price[week]
    missed = interest_paid + principal_paid < interest + principal
    breached = (debt > LOAN_TO_VALUE * value) & (income < LEAST_COVER * (interest + principal))
    failed = missed | breached
    recovered = np.where(failed, np.minimum(debt, RECOVERY * value), 0.0)
    lost = np.where(failed, debt - recovered, 0.0)
    debt[failed] = 0.0
    machines[failed] = 0.0
    defaulted[failed] = 1.0
    for place, amounts in enumerate((income, interest_paid, principal_paid, recovered, lost)):
        totals[place] += amounts.sum()


@numba.njit(error_model="numpy")
def numba_week(market: Market, week: int) -> None:
    """The same, borrower by borrower in a compiled loop, past those who have defaulted."""
    cash, debt, machines, defaulted, earning, rate, instalment, rent, price, totals = market
    earned = interest_sum = principal_sum = recovered_sum = lost_sum = 0.0
    for b in range(cash.shape[0]):
        if defaulted[b] == 1.0:
            continue
        income = machines[b] * earning[b] * rent[week]
        interest = debt[b] * rate[b] / WEEKS_A_YEAR
        principal = min(instalment[b], debt[b])
        left = cash[b] + income
        interest_paid = min(interest, left)
        left -= interest_paid
        principal_paid = min(principal, left)
        left -= principal_paid
        owed = debt[b] - principal_paid
        value = machines[b] * price[week]
        missed = interest_paid + principal_paid < interest + principal
        if missed or (owed > LOAN_TO_VALUE * value and income < LEAST_COVER * (interest + principal)):
            recovered = min(owed, RECOVERY * value)
            recovered_sum += recovered
            lost_sum += owed - recovered
            owed = 0.0
            machines[b] = 0.0
            defaulted[b] = 1.0
        cash[b] = left
        debt[b] = owed
        earned += income
        interest_sum += interest_paid
        principal_sum += principal_paid
    totals[EARNED] += earned
    totals[INTEREST] += interest_sum
    totals[PRINCIPAL] += principal_sum
    totals[RECOVERED] += recovered_sum
    totals[LOST] += lost_sum


@numba.njit
def numba_weeks(market: Market, weeks: int) -> None:
    """All weeks without coming back to Python, as hashcredit runs them: the floor."""
    for week in range(weeks):
        numba_week(market, week)


def check_money(before: Market, after: Market) -> None:
    """Raise unless every dollar of cash and debt that changed was earned, paid, recovered or written off."""
    totals = after.totals
    cash = after.cash.sum() - before.cash.sum() - totals[EARNED] + totals[INTEREST] + totals[PRINCIPAL]
    debt = before.debt.sum() - after.debt.sum() - totals[PRINCIPAL] - totals[RECOVERED] - totals[LOST]
    scale = before.debt.sum() + totals[EARNED]
    for name, gap in (("cash", cash), ("debt", debt)):
        if not abs(gap) <= 1e3 * ROUNDING * scale:
            raise AssertionError(f"{name} is off by {gap:.3g} M$ of {scale:.3g}")


def check_same(name: str, found: Market, expected: Market) -> None:
    """Raise unless a rival ends with the same cash, debt, machines, defaults and totals, to rounding."""
    for field in ("defaulted", "machines", "cash", "debt", "totals"):
        one, other = getattr(found, field), getattr(expected, field)
        if not np.allclose(one, other, rtol=1e3 * ROUNDING, atol=1e3 * ROUNDING * other.max(initial=0.0)):
            gap = np.abs(one - other).max()
            raise AssertionError(f"{name} ends with another {field}: off by up to {gap:.3g}")
