"""What a history says of each quantity for which there is a dated fact. NaN: it says nothing.

Where the facts are about CoreWeave the model's is the neo-cloud that owes most at that date: it has no names.
"""

import math
from collections.abc import Mapping
from datetime import date

import numpy as np
from numpy.typing import NDArray

from hashcredit.agents.dimensions import BorrowerKind, Instrument, LoanStatus
from hashcredit.experiments.papers.hindcast_2023.history import Books, History, Table
from hashcredit.experiments.papers.hindcast_2023.paths import CALENDAR
from hashcredit.simulator.state.codes import EventKind, Sector
from hashcredit.simulator.state.series import slug

Mask = NDArray[np.bool_]

OPENING, END = 0, CALENDAR.weeks
WEEKS_A_YEAR = 52
MONTHS_18 = 78
YOUNG = 130
"""A machine loan with more weeks than this left counts as new where spreads of new loans are looked at."""

AUTUMN_2023, AUTUMN_2024, NOVEMBER_2024, DECEMBER_2024, JUNE_2025, JULY_2025, AUTUMN_2025 = (
    CALENDAR.week(day)
    for day in (
        date(2023, 10, 15),
        date(2024, 10, 15),
        date(2024, 11, 4),
        date(2024, 12, 31),
        date(2025, 6, 30),
        date(2025, 7, 15),
        date(2025, 10, 15),
    )
)
STOPS = (OPENING, AUTUMN_2023, AUTUMN_2024, NOVEMBER_2024, DECEMBER_2024, JUNE_2025, JULY_2025, AUTUMN_2025)
"""Weeks at which the books are copied; the last of the history comes besides."""
QUARTERS = {
    "2024Q4": (date(2024, 10, 1), date(2025, 1, 1)),
    "2025Q1": (date(2025, 1, 1), date(2025, 4, 1)),
    "2025Q2": (date(2025, 4, 1), date(2025, 7, 1)),
    "2025Q3": (date(2025, 7, 1), date(2025, 10, 1)),
}

SECTOR_2024 = "debt of neo-clouds, November 2024 over October 2023"
SECTOR_2025 = "debt of neo-clouds, July 2025 over November 2024"
FIRM = "debt of the largest neo-cloud, June 2025 over December 2024"
DUE = "debt of the largest neo-cloud that is due within 18 months, June 2025"
INTEREST = "interest over revenue of the largest neo-cloud, early 2026"
BACKLOG = "contracts to be served over a year's revenue of the largest neo-cloud, early 2026"
MINERS = "debt of miners, October 2025 over October 2024"
ISSUED = {name: f"debt raised by miners in {name} over their debt of October 2024" for name in QUARTERS}
SPREAD_BEST = "spread of new machine loans on the best customers, early 2026"
SPREAD_OTHER = "spread of new machine loans on other customers, July 2025"
PREMIUM = "premium in the cost of capital, August 2025"
FAILED_CLOUDS = "neo-clouds that failed by March 2026"
FAILED_MINERS = "miners that failed by March 2026"
VEHICLES = "recovery on vehicles of miners handed back or in default"
WHOLE = "recovery on secured debts of miners that failed"
WAIVED = "uncured breaches of neo-clouds that lenders let pass"
H100_2023 = "price of an H100, April 2023"
H100_2026 = "price of a used H100, early 2026"
A100_2026 = "price of a used A100, early 2026"
S19_PRO = "price of an S19 Pro, June 2023"
S19_XP = "price of an S19 XP, July 2023"

Measured = dict[str, float]


def measure(history: History) -> tuple[Measured, Measured]:
    """All quantities of one history; and what those that have a value in the opening were there."""
    books = history.books
    miners_2024 = debt(books[AUTUMN_2024], BorrowerKind.MINER).sum()
    cloud = largest(books[DECEMBER_2024])
    found = {
        SECTOR_2024: growth(books, BorrowerKind.NEOCLOUD, AUTUMN_2023, NOVEMBER_2024),
        SECTOR_2025: growth(books, BorrowerKind.NEOCLOUD, NOVEMBER_2024, JULY_2025),
        FIRM: ratio(owed(books[JUNE_2025], cloud), owed(books[DECEMBER_2024], cloud)),
        DUE: due_soon(books[JUNE_2025], JUNE_2025),
        INTEREST: interest_share(history, books[END], END),
        BACKLOG: backlog(history, books[END], END),
        MINERS: growth(books, BorrowerKind.MINER, AUTUMN_2024, AUTUMN_2025),
        **{ISSUED[name]: ratio(raised(history, *ends), miners_2024) for name, ends in QUARTERS.items()},
        SPREAD_BEST: spread(books[END], END, best=True),
        SPREAD_OTHER: spread(books[JULY_2025], JULY_2025, best=False),
        PREMIUM: premium(history, CALENDAR.week(date(2025, 8, 6))),
        FAILED_CLOUDS: failed(books[END], BorrowerKind.NEOCLOUD),
        FAILED_MINERS: failed(books[END], BorrowerKind.MINER),
        VEHICLES: recovery(books[END], alone=True),
        WHOLE: recovery(books[END], alone=False),
        WAIVED: let_pass(history),
        H100_2023: price(history, "H100", CALENDAR.week(date(2023, 4, 15))),
        H100_2026: price(history, "H100", CALENDAR.week(date(2026, 2, 14))),
        A100_2026: price(history, "A100", CALENDAR.week(date(2026, 2, 14))),
        S19_PRO: price(history, "S19 Pro", CALENDAR.week(date(2023, 6, 15))) / throughput(history, "S19 Pro"),
        S19_XP: price(history, "S19 XP", CALENDAR.week(date(2023, 7, 26))) / throughput(history, "S19 XP"),
    }
    opening = {
        DUE: due_soon(books[OPENING], OPENING),
        INTEREST: interest_share(history, books[OPENING], OPENING),
        BACKLOG: backlog(history, books[OPENING], OPENING),
        SPREAD_BEST: float(history.setup.scenario.credit.spread_by_grade[0]),
        SPREAD_OTHER: float(history.setup.scenario.credit.spread_by_grade[-1]),
        PREMIUM: premium(history, 0),
        H100_2023: price(history, "H100", 0),
        H100_2026: price(history, "H100", 0),
        A100_2026: price(history, "A100", 0),
        S19_PRO: price(history, "S19 Pro", 0) / throughput(history, "S19 Pro"),
        S19_XP: price(history, "S19 XP", 0) / throughput(history, "S19 XP"),
    }
    return found, opening


# Debts


def debt(books: Books, kind: BorrowerKind) -> NDArray[np.float64]:
    """What each borrower of a kind owes (M$)."""
    owed_by = books.borrowers["debt"].sum(axis=1)
    return np.asarray(owed_by[books.borrowers["kind"] == kind])


def growth(books: Mapping[int, Books], kind: BorrowerKind, first: int, last: int) -> float:
    """Debt of a kind in one week over that in another."""
    return ratio(float(debt(books[last], kind).sum()), float(debt(books[first], kind).sum()))


def largest(books: Books) -> int:
    """Row of the neo-cloud that owes most."""
    owed_by = books.borrowers["debt"].sum(axis=1)
    return int(np.argmax(np.where(books.borrowers["kind"] == BorrowerKind.NEOCLOUD, owed_by, -1.0)))


def owed(books: Books, row: int) -> float:
    """What a borrower owes (M$)."""
    return float(books.borrowers["debt"][row].sum())


def live_loans(books: Books, row: int | None = None) -> Table:
    """Loans that are served, of one borrower or of all."""
    chosen = books.loans["status"] == LoanStatus.PERFORMING
    if row is not None:
        chosen &= books.loans["obligor"] == row
    return np.asarray(books.loans[chosen])


def due_soon(books: Books, week: int) -> float:
    """Share of the largest neo-cloud's debt that falls due within 18 months."""
    loans = live_loans(books, largest(books))
    left = np.maximum(loans["maturity_week"] - week, 1)
    share = np.where(loans["amortising"] == 1, np.minimum(1.0, MONTHS_18 / left), left <= MONTHS_18)
    return ratio(float((loans["principal"] * share).sum()), float(loans["principal"].sum()))


def raised(history: History, first: date, last: date) -> float:
    """Loans and bonds that miners drew from one day to another (M$)."""
    events = history.events
    drawn = (events["kind"] == EventKind.LOAN) & (events["counterparty_kind"] == Sector.MINERS)
    inside = (events["week"] >= CALENDAR.week(first)) & (events["week"] < CALENDAR.week(last))
    return float(events["amount"][drawn & inside].sum())


def spread(books: Books, week: int, *, best: bool) -> float:
    """Mean spread of new machine loans on customers of the best grade, or of the others, by face (1/yr)."""
    loans = live_loans(books)
    young = (loans["instrument"] == Instrument.MACHINE_LOAN) & (loans["maturity_week"] - week > YOUNG)
    gpu = np.isin(loans["machine"], np.flatnonzero(books.machines["kind"] == 0))
    chosen = loans[young & gpu & ((loans["customer_grade"] == 0) == best)]
    return ratio(float((chosen["rate"] * chosen["principal"]).sum()), float(chosen["principal"].sum()))


def premium(history: History, week: int) -> float:
    """Cost of capital over the policy rate (1/yr)."""
    return float(history.column("cost_of_capital")[week] - history.column("policy_rate")[week])


# The largest neo-cloud's revenue


def revenue(books: Books, row: int) -> float:
    """Revenue of a borrower from machines let and on demand, at this week's prices (M$ a year)."""
    lets = contracts_of(books, row)
    let = np.bincount(lets["machine"], lets["units"], minlength=len(books.machines))
    free = np.maximum(books.borrowers["units"][row] - let, 0.0)
    gpu = books.machines["kind"] == 0
    spot = float((free * books.machines["earning"] * gpu * books.machines["used"]).sum())
    return spot + float((lets["units"] * lets["rent"]).sum())


def contracts_of(books: Books, row: int) -> Table:
    """Running contracts of a borrower."""
    each = len(books.contracts) // len(books.borrowers)
    mine = books.contracts[row * each : (row + 1) * each]
    return np.asarray(mine[mine["units"] > 0])


def interest_share(history: History, books: Books, week: int) -> float:
    """A year's interest of the largest neo-cloud over its revenue."""
    row = largest(books)
    loans = live_loans(books, row)
    policy = history.column("policy_rate")[min(week, END - 1)]
    rates = np.where(
        loans["fixed_rate"] == 1, loans["rate"], loans["rate"] + np.maximum(policy, loans["floor"])
    )
    return ratio(float((rates * loans["principal"]).sum()), revenue(books, row))


def backlog(history: History, books: Books, week: int) -> float:
    """What contracts, running or signed for machines on order, will pay over a year's revenue (years)."""
    row = largest(books)
    lets = contracts_of(books, row)
    running = (lets["units"] * lets["rent"] * np.maximum(lets["end_week"] - week, 0)).sum() / WEEKS_A_YEAR
    each = len(books.orders) // len(books.borrowers)
    mine = books.orders[row * each : (row + 1) * each]
    years = history.setup.scenario.investment.contract_weeks / WEEKS_A_YEAR
    signed = (mine["units"] * mine["rent"]).sum() * years
    return ratio(float(running + signed), revenue(books, row))


# Failures


def failed(books: Books, kind: BorrowerKind) -> float:
    """Share of the borrowers of a kind that failed."""
    mine = books.borrowers[books.borrowers["kind"] == kind]
    return float((mine["status"] != 0).mean())


def recovery(books: Books, *, alone: bool) -> float:
    """Discounted recovery on miners' machine loans whose resolution has ended, by claim.

    `alone`: facilities that were handed back or defaulted while their borrower lived on; else those that
    defaulted with it.
    """
    loans = books.loans
    over = (loans["status"] == LoanStatus.RESOLVED) & (loans["claim"] > 0.0)
    over &= loans["instrument"] == Instrument.MACHINE_LOAN
    owner = books.borrowers[loans["obligor"]]
    with_owner = (owner["status"] != 0) & (owner["default_event"] == loans["default_event"])
    chosen = loans[over & (owner["kind"] == BorrowerKind.MINER) & (with_owner != alone)]
    return ratio(float(chosen["recovered_pv"].sum()), float(chosen["claim"].sum()))


def let_pass(history: History) -> float:
    """Share of lenders' decisions on uncured breaches of neo-clouds that were to wait."""
    events = history.events
    mine = events["counterparty_kind"] == Sector.NEOCLOUDS
    waited = int((mine & (events["kind"] == EventKind.FORBEARANCE)).sum())
    called = int((mine & (events["kind"] == EventKind.ACCELERATION)).sum())
    return ratio(waited, waited + called)


# Prices


def price(history: History, machine: str, week: int) -> float:
    """Appraisal of a machine type in a week (USD)."""
    return float(history.column(f"appraisal_usd_{slug(machine)}")[week])


def throughput(history: History, machine: str) -> float:
    """TH/s of a type of ASIC."""
    return next(one.throughput for one in history.setup.scenario.machine if one.name == machine)


def ratio(part: float, whole: float) -> float:
    """NaN where there is nothing to divide by."""
    return float(part / whole) if whole > 0.0 else math.nan
