"""Agents as Mesa sees them: a row of a table with a name. The only module in which agents meet Mesa.

A view owns no state of the model. It reads its row whenever it is asked, so it is never out of date. Money
and all that follows from the books is read-only here; `model.pay` moves money and keeps the books. Numbers
that are policy (an advance rate, a margin) may be set.

A subclass acts by defining `before_<phase>(self)` or `after_<phase>(self)` for any phase of the week. Other
attributes of a subclass are its own.
"""

import math
import sys
import weakref
from collections.abc import Callable
from enum import IntEnum
from typing import Any, ClassVar, NamedTuple, NoReturn

import numpy as np
from mesa import Agent

from hashcredit.agents.borrower import cover
from hashcredit.agents.dimensions import (
    FACILITIES,
    Belief,
    BorrowerKind,
    BorrowerStatus,
    BuyerKind,
    Cause,
    Cooling,
    Instrument,
    LenderKind,
    LenderStatus,
    LoanStatus,
)

LARGEST = sys.float_info.max


class Loan(NamedTuple):
    """One loan as it stood when it was asked for; changing it changes nothing in the model."""

    row: int  # in the table of loans
    lender: int  # row of the holder
    borrower: int  # row of the obligor
    instrument: str  # machine_loan, project_finance, btc_loan, convertible, high_yield
    status: str  # performing or defaulted
    principal: float  # face, M$
    overdue: float  # missed payments, part of the face, M$
    rate: float  # coupon, or spread over the policy rate, per year
    maturity_week: int
    machine: str  # pledged type, "" if none
    units: int  # pledged machines
    coins: float  # pledged BTC
    advance_rate: float  # fraction of the appraisal that may be lent
    marked: bool  # whether it is marked to market against the advance rate
    dscr_covenant: float  # least debt service cover, 0 if none


class Reading(property):
    """A property that follows from the books: setting it is refused, with a word on what to do instead."""

    def __init__(self, read: Callable[[Any], Any]) -> None:
        super().__init__(read)
        self.field = read.__name__

    def __set__(self, agent: Any, value: Any) -> None:
        refuse(agent, self.field)


class Field:
    """A number of the agent's row as a property; it can be set only if it has bounds."""

    def __init__(self, meaning: str, low: float = math.nan, high: float = math.nan) -> None:
        self.__doc__ = meaning
        self.low = low
        self.high = high
        self.name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, agent: Any, owner: type) -> Any:
        return self if agent is None else agent.read(self.name).item()

    def __set__(self, agent: Any, value: Any) -> None:
        if math.isnan(self.low):
            refuse(agent, self.name)
        agent.write(self.name, value, self.low, self.high)


def refuse(agent: Any, field: str) -> NoReturn:
    """Raise the error for setting what follows from the books."""
    raise AttributeError(
        f"{field} of {agent.name} cannot be set: it follows from the books. Move money with "
        "model.pay(payer, payee, amount), which keeps every account in balance"
    )


def code_name(code: IntEnum) -> str:
    """A code as it is called in the tables of results."""
    return code.name.lower()


class View(Agent):
    """What all agents have in common; `Miner`, `NeoCloud`, `Lender` and `SecondaryBuyer` are its kinds.

    Parameters
    ----------
    model : MarketModel
        The model; a view refers to it weakly, so whoever keeps views must keep the model too.
    row : int
        The agent's row in its table.

    Attributes
    ----------
    kind : str
        miner, neocloud, bank, private_credit, bond_fund, operator, broker, refurbisher or scrap_dealer.
    name : str
        Kind and number within it, as in "miner-3": different for every agent of a model, and what tables,
        event log and network files call it.
    """

    table: ClassVar[str]
    kinds: ClassVar[type[IntEnum]]

    def __init__(self, model: Any, row: int) -> None:
        self.row = row
        self.kind = code_name(self.kinds(int(getattr(model.economy, self.table)[row]["kind"])))
        self.name: str = model.agent_names[self.table][row]
        super().__init__(model)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r}>"

    # A model keeps its agents. If they kept the model too, neither would be released by itself.
    @property
    def model(self) -> Any:
        """The market that the agent is in."""
        model = self._model()
        if model is None:
            raise ReferenceError(f"the model of {self.name} is gone: keep a reference to the model")
        return model

    @model.setter
    def model(self, model: Any) -> None:
        self._model = weakref.ref(model)

    def remove(self) -> None:
        """Refused: agents fail and are resolved by the rules of the market."""
        raise TypeError(f"{self.name} is a row of a table, which cannot be removed from the model")

    def read(self, field: str) -> Any:
        """A field of the agent's row, as NumPy keeps it: read it, do not write to it."""
        return getattr(self.model.economy, self.table)[field][self.row]

    def write(self, field: str, value: Any, low: float, high: float) -> None:
        """Set a policy number of the agent's row after checking it against its bounds."""
        number = isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
        if not number or not low <= value <= high:
            bounds = f"of at least {low:g}" if high == LARGEST else f"from {low:g} to {high:g}"
            raise ValueError(f"{field} of {self.name}: {value!r} is not allowed; expected a number {bounds}")
        getattr(self.model.economy, self.table)[field][self.row] = value

    def _by_machine(self, field: str) -> dict[str, Any]:
        """A field with an entry for each machine type, under the types' names."""
        return dict(zip(self.model.machine_names, self.read(field).tolist(), strict=False))

    def _by_code(self, field: str, codes: type[IntEnum]) -> dict[str, Any]:
        """A field with an entry for each code, under the codes' names."""
        return {code_name(code): value for code, value in zip(codes, self.read(field).tolist(), strict=True)}

    def _live_loans(self, rows: np.ndarray) -> list[Loan]:
        """The performing and defaulted loans among these rows of the table of loans."""
        table = self.model.economy.loans
        live = np.isin(table["status"][rows], (LoanStatus.PERFORMING, LoanStatus.DEFAULTED))
        return [self._loan(row, table[row]) for row in rows[live].tolist()]

    def _loan(self, row: int, loan: Any) -> Loan:
        machine = int(loan["machine"])
        return Loan(
            row=row,
            lender=int(loan["holder"]),
            borrower=int(loan["obligor"]),
            instrument=code_name(Instrument(int(loan["instrument"]))),
            status=code_name(LoanStatus(int(loan["status"]))),
            principal=float(loan["principal"]),
            overdue=float(loan["overdue"]),
            rate=float(loan["rate"]),
            maturity_week=int(loan["maturity_week"]),
            machine=self.model.machine_names[machine] if machine >= 0 else "",
            units=int(loan["units"]),
            coins=float(loan["coins"]),
            advance_rate=float(loan["advance_rate"]),
            marked=bool(loan["borrowing_base"]),
            dscr_covenant=float(loan["dscr_covenant"]),
        )

    @Reading
    def status(self) -> str:
        """Whether it lives: alive, or how it failed."""
        return "alive"

    @Reading
    def alive(self) -> bool:
        """Whether it still does business."""
        return bool(self.status == "alive")

    @Reading
    def equity(self) -> float:
        """Book equity, M$."""
        return float(self.model.equity_of(self))

    @Reading
    def machines(self) -> dict[str, int]:
        """Machines that it owns (lenders: has seized and not yet sold) by type, pledged ones included."""
        return self._by_machine("units")

    @property
    def cost_of_capital(self) -> float:
        """Spread over the market's cost of capital at which it discounts, per year; can be set.

        Bounds: the discount rates for which machine values are tabulated, `model.spread_bounds`.
        """
        return float(self.read("cost_of_capital"))

    @cost_of_capital.setter
    def cost_of_capital(self, spread: float) -> None:
        self.write("cost_of_capital", spread, *self.model.spread_bounds)

    cash = Field("Its account, M$.")
    opening_equity = Field("Book equity at the start, M$.")
    income = Field("Cumulative profit and loss, M$.")
    issuance = Field("Cumulative equity received, M$.")
    distributions = Field("Cumulative equity paid out, M$.")


class Borrower(View):
    """A miner or a neo-cloud: machines, leases and loans."""

    table = "borrowers"
    kinds = BorrowerKind

    @Reading
    def status(self) -> str:
        """alive, in_resolution or resolved."""
        return code_name(BorrowerStatus(int(self.read("status"))))

    @Reading
    def cause(self) -> str:
        """Why it failed: forced, insolvency, illiquidity, margin, acceleration, maturity, cross_default.

        none while it is alive.
        """
        return code_name(Cause(int(self.read("cause"))))

    @Reading
    def default_week(self) -> int | None:
        """Week of its default, None while it is alive."""
        week = int(self.read("default_week"))
        return None if week < 0 else week

    @Reading
    def debt(self) -> float:
        """Face owed on all loans, M$."""
        return float(self.read("debt").sum())

    @Reading
    def debt_by_instrument(self) -> dict[str, float]:
        """Face owed by instrument, M$."""
        return self._by_code("debt", Instrument)

    @Reading
    def loans(self) -> list[Loan]:
        """Its live loans."""
        return self._live_loans(np.arange(self.row * FACILITIES, (self.row + 1) * FACILITIES))

    @Reading
    def pledged_btc(self) -> float:
        """Coins pledged behind its loans, BTC."""
        return float(sum(loan.coins for loan in self.loans))

    @Reading
    def dscr(self) -> float:
        """Debt service cover over the trailing 13 weeks; infinite if no service was due."""
        return float(cover(float(self.read("cfads_window")), float(self.read("service_window"))))

    @Reading
    def offered(self) -> dict[str, int]:
        """Machines that it or its estate has put up for sale, by type."""
        return self._by_machine("offered")

    @Reading
    def book(self) -> dict[str, float]:
        """Book value of its machines by type, M$."""
        return self._by_machine("book")

    @Reading
    def slots(self) -> dict[str, int]:
        """Leased rack slots, occupied or free, by cooling class (asic, air, liquid)."""
        return self._by_code("slots", Cooling)

    @Reading
    def racked(self) -> dict[str, int]:
        """Machines in these slots by cooling class."""
        return self._by_code("racked", Cooling)

    btc = Field("Coins that are not pledged, BTC.")
    payables = Field("Overdue leases and supplier bills, M$.")
    deposits = Field("Paid on machines that have not arrived, M$.")
    reserved = Field("Own cash that these will take when they arrive, M$.")
    prepaid = Field("Paid in advance by customers and not yet served, M$.")
    vendor_debt = Field("Owed to the vendor of its machines, M$.")
    obligations = Field("Leases, overhead and scheduled debt service of the week, M$.")
    lease_week = Field("Take-or-pay site leases, M$ a week.")
    overhead_week = Field("Fixed overhead, M$ a week.")
    grade = Field("Own credit grade, 0 (best) to 3.")
    site_class = Field("Which of the scenario's power prices it pays.")


class Miner(Borrower):
    """A Bitcoin miner: ASICs, coins, perhaps GPUs."""


class NeoCloud(Borrower):
    """A GPU cloud: levered machines and rental contracts."""


class Lender(View):
    """A bank, a private credit fund or a bond fund."""

    table = "lenders"
    kinds = LenderKind

    @Reading
    def status(self) -> str:
        """alive or receivership."""
        return code_name(LenderStatus(int(self.read("status"))))

    @Reading
    def failure_week(self) -> int | None:
        """Week in which it went into receivership, None while it is alive."""
        week = int(self.read("failure_week"))
        return None if week < 0 else week

    @Reading
    def lent(self) -> float:
        """Face held on all loans, before the allowance, M$."""
        return float(self.read("loans").sum())

    @Reading
    def lent_by_instrument(self) -> dict[str, float]:
        """Face held by instrument, M$."""
        return self._by_code("loans", Instrument)

    @Reading
    def loans(self) -> list[Loan]:
        """The live loans that it holds."""
        return self._live_loans(np.flatnonzero(self.model.economy.loans["holder"] == self.row))

    @property
    def belief(self) -> str:
        """How it expects rents to move: utility, venture or learned; can be set."""
        return code_name(Belief(int(self.read("belief"))))

    @belief.setter
    def belief(self, belief: str) -> None:
        names = [code_name(code) for code in Belief]
        if belief not in names:
            raise ValueError(f"belief of {self.name}: {belief!r} is not allowed; expected one of {names}")
        self.model.economy.lenders["belief"][self.row] = names.index(belief)

    committed = Field("Promised for machines on order, not yet lent, and meant to be kept, M$.")
    hung = Field("Loans that it meant to sell to other lenders and could not, M$.")
    allowance = Field("Write-downs on claims under resolution, M$.")
    funding = Field("Owed to depositors and other savers, M$.")
    learned_recovery = Field("Running mean of the recoveries that it has seen, fraction.")
    advance_rate = Field("Machine loan over installed price at origination, fraction; can be set.", 0.0, 1.0)
    capital_target = Field("Equity over loans under which it stops lending, fraction; can be set.", 0.0, 1.0)
    capital_minimum = Field("Equity over loans under which it must act, fraction; can be set.", 0.0, 1.0)


class SecondaryBuyer(View):
    """An outsider that may buy used machines: operator, broker, refurbisher or scrap dealer."""

    table = "buyers"
    kinds = BuyerKind

    @Reading
    def book(self) -> dict[str, float]:
        """Book value of its machines by type, M$."""
        return self._by_machine("book")

    @Reading
    def slots(self) -> dict[str, int]:
        """Rack slots, occupied or free, by cooling class (asic, air, liquid)."""
        return self._by_code("slots", Cooling)

    @Reading
    def racked(self) -> dict[str, int]:
        """Machines in these slots by cooling class."""
        return self._by_code("racked", Cooling)

    margin = Field("Share of a machine's value that it keeps for itself, fraction; can be set.", 0.0, 1.0)
    moving_cost = Field("Freight and installation of a GPU, M$; can be set.", 0.0, LARGEST)
    moving_cost_asic = Field("Freight and installation of an ASIC, M$; can be set.", 0.0, LARGEST)
    cash_target = Field("Level to which its account is refilled, M$; can be set.", 0.0, LARGEST)
    site_class = Field("Power price at which it values machines, as a class of the scenario.")


KINDS: tuple[type[View], ...] = (Miner, NeoCloud, Lender, SecondaryBuyer)
"""The classes that a subclass may stand in for."""
