"""Tiny economies made by hand, with round numbers, for tests that do the arithmetic on paper.

A `World` has three machine types (an old GPU, a newer GPU, an ASIC) and as many agents as asked for. Its
parameters are the PLAIN ones below, whatever the baseline scenario says; its networks are the links given.
Money is in M$, a coin is worth 0.1 M$, the discount rate before spreads is 6 % a year.
"""

from collections.abc import Iterable
from functools import cache
from typing import Any

import numpy as np
from links import linked
from plain_terms import BIG, PLAIN

from hashcredit.agents.dimensions import (
    CONTRACTS,
    FACILITIES,
    INSTRUMENT_TERMS,
    BorrowerKind,
    BorrowerStatus,
    Cooling,
    Instrument,
    LenderKind,
    LoanStatus,
    MachineKind,
)
from hashcredit.simulator import Scenario
from hashcredit.simulator.books.ledger import buyer_equity, lender_equity
from hashcredit.simulator.books.loans import BLANK_LOAN
from hashcredit.simulator.macro.pool import open_funding
from hashcredit.simulator.opening.balance_sheets import open_books
from hashcredit.simulator.opening.population import UNREACHABLE
from hashcredit.simulator.reports.checks import check_identities
from hashcredit.simulator.setup.prepare import Setup, allocate, prepare, reported_copy
from hashcredit.simulator.state.codes import LAST_INCOME_FLOW, EventKind, Sector

GPU, NEW_GPU, ASIC = 0, 1, 2
"""Columns of the three machine types."""
COIN = 0.1
"""M$ a BTC."""

MACHINES: dict[int, dict[str, Any]] = {
    GPU: {
        "kind": MachineKind.GPU,
        "cooling": Cooling.AIR,
        "end_of_sale_week": -1,
        "price_new": 0.030,
        "depreciation": 0.030 / 260,  # five years
        "cost": 0.002,
        "earning": 0.010,
        "appraisal": 0.020,
        "throughput": 1.0,
    },
    NEW_GPU: {
        "kind": MachineKind.GPU,
        "cooling": Cooling.AIR,
        "end_of_sale_week": -1,  # a test that wants the vendor to sell it says so
        "price_new": 0.040,
        "depreciation": 0.040 / 260,
        "cost": 0.003,
        "earning": 0.020,
        "appraisal": 0.036,
        "throughput": 2.0,
    },
    ASIC: {
        "kind": MachineKind.ASIC,
        "cooling": Cooling.ASIC,
        "end_of_sale_week": -1,
        "price_new": 0.003,
        "depreciation": 0.003 / 260,
        "cost": 0.001,
        "earning": 0.0015,
        "appraisal": 0.002,
        "throughput": 100.0,
    },
}

POPULATION = (
    "miners",
    "neoclouds",
    "banks",
    "private_credit",
    "bond_funds",
    "operators",
    "brokers",
    "refurbishers",
    "scrap_dealers",
)


class World:
    """An economy, its parameter record `p`, and short hands to fill both."""

    def __init__(
        self,
        *,
        credit: Iterable[tuple[int, int]] | None = None,
        trade: Iterable[tuple[int, int]] | None = None,
        claims: dict[tuple[int, int], float] | None = None,
        events: int = 200,
        **numbers: Any,
    ) -> None:
        """Population counts and parameters by name; links as pairs (borrower, lender), (bidder, seller).

        `claims` are debts of lenders, {(creditor, debtor): M$}. Bidders are borrowers, then buyers;
        sellers are borrowers, then lenders. None links everybody.
        """
        if not numbers.keys() & set(POPULATION[5:]):
            numbers["operators"] = 1  # without means, so that there is a table of buyers
        counts = tuple(numbers.pop(name, 0) for name in POPULATION)
        setup = linked(_setup(counts), credit, trade, claims or {})
        parameters = setup.parameters.copy()
        self.p = parameters[0]
        put(self.p, **(PLAIN | numbers))
        self.setup = setup
        self.economy = allocate(setup, series=False, events=events)
        self._fill_machines()
        self._fill_market()
        self._fill_agents(counts)
        for place, ((creditor, debtor), face) in enumerate(sorted((claims or {}).items())):
            self.economy.claim_face[place] = face
            self.lenders["claims"][creditor] += face
            self.lenders["owed"][debtor] += face

    def _fill_machines(self) -> None:
        self.economy.machines[:] = np.zeros(1, self.economy.machines.dtype)
        for m, fields in MACHINES.items():
            self.machine(m, used=1, launch_week=-100, on=1, trigger=-1, **fields)
            price = fields["appraisal"]
            self.machine(m, price=price, income_value=price)

    def _fill_market(self) -> None:
        e = self.economy
        open_funding(e.macro, e.assets, e.investors, e.macro_flows, self.p, 0.0)
        for known in (self.economy.valued_week, self.economy.let_week, self.economy.levels_week):
            known[:] = -BIG
        self.economy.world["sector"] = [Sector.REST_OF_WORLD, Sector.AUTHORITY, Sector.GUARANTOR]
        put(
            self.market,
            btc_price=COIN * 1e6,
            btc_average=COIN * 1e6,
            rent_average=self.p["compute_rent_index0"],
            hashprice=self.p["mining_hashprice0"],
            rent_index=self.p["compute_rent_index0"],
            occupancy=self.p["compute_occupancy0"],
            demand=1.0,
            supply=1.0,
            policy_rate=self.p["credit_policy_rate"],
            cost_of_capital=self.p["credit_policy_rate"] + self.p["funding_premium"],
            offtaker_stress=1.0,
        )

    def _fill_agents(self, counts: tuple[int, ...]) -> None:
        e = self.economy
        kinds = np.repeat([BorrowerKind.MINER, BorrowerKind.NEOCLOUD], counts[:2])
        e.borrowers["kind"] = e.borrowers["sector"] = kinds
        for name in ("default_week", "default_event", "pending_parent", "trigger_event"):
            e.borrowers[name] = -1
        e.borrowers["issued_week"] = -BIG  # none is listed
        e.borrowers["strike"] = UNREACHABLE
        e.loans[:] = BLANK_LOAN
        e.lenders["kind"] = np.repeat(list(LenderKind), counts[2:5])
        e.lenders["sector"] = Sector.LENDERS
        e.lenders["advance_rate"] = 0.5
        e.lenders["capital_target"] = 0.1
        e.lenders["learned_recovery"] = 0.6
        for name in ("failure_week", "failure_event", "pressed_since"):
            e.lenders[name] = -1
        e.lenders["trigger"] = -1
        e.buyers["kind"] = np.repeat(range(4), counts[5:])
        e.buyers["sector"] = Sector.BUYERS

    @property
    def clock(self) -> Any:
        return self.economy.clock[0]

    @property
    def repo(self) -> Any:
        return self.economy.repo[0]

    @property
    def outcomes(self) -> Any:
        return self.economy.outcomes[0]

    @property
    def market(self) -> Any:
        return self.economy.market[0]

    @property
    def borrowers(self) -> Any:
        return self.economy.borrowers

    @property
    def lenders(self) -> Any:
        return self.economy.lenders

    @property
    def buyers(self) -> Any:
        return self.economy.buyers

    @property
    def contracts(self) -> Any:
        return self.economy.contracts

    @property
    def loans(self) -> Any:
        return self.economy.loans

    def machine(self, m: int, **fields: Any) -> Any:
        """Set fields of a machine type; return its row."""
        return put(self.economy.machines[m], **fields)

    def borrower(self, b: int, units: dict[int, int] | None = None, **fields: Any) -> Any:
        """Set fields of a borrower; its machines are booked at their appraisal and have a slot each."""
        row = put(self.borrowers[b], **fields)
        self.economy.calm[b] = False  # whatever it is made to be, it is looked at
        self._give(row, units or {}, slots="slots" not in fields)
        return row

    def buyer(self, k: int, units: dict[int, int] | None = None, **fields: Any) -> Any:
        """Set fields of a buyer; its machines are booked at their appraisal and have a slot each."""
        row = put(self.buyers[k], **fields)
        self._give(row, units or {}, slots="slots" not in fields)
        return row

    def _give(self, holder: Any, units: dict[int, int], slots: bool) -> None:
        for m, count in units.items():
            machine = self.economy.machines[m]
            holder["units"][m] = count
            holder["book"][m] = count * machine["appraisal"]
            if slots:
                holder["slots"][machine["cooling"]] += count
        holder["racked"] = 0
        np.add.at(holder["racked"], self.economy.machines["cooling"], holder["units"])

    def lender(self, index: int, **fields: Any) -> Any:
        """Set fields of a lender; return its row."""
        return put(self.lenders[index], **fields)

    def loan(self, b: int, holder: int, principal: float, **fields: Any) -> int:
        """Add a loan to a borrower, posted on all three sides; return its row.

        It has the clauses of its instrument, recourse and no cross-default clause. One in default is that
        of its borrower, or alone.
        """
        borrower, lender = self.borrowers[b], self.lenders[holder]
        row = b * FACILITIES + int(borrower["facilities"])
        borrower["facilities"] += 1
        loan = self.loans[row]
        instrument = fields.get("instrument", Instrument.MACHINE_LOAN)
        clauses = INSTRUMENT_TERMS[instrument]
        terms = {
            "status": LoanStatus.PERFORMING,
            "rank": clauses.rank,
            "amortising": clauses.amortising,
            "fixed_rate": clauses.fixed_rate,
            "recourse": 1,
            "maturity_week": 103,
            "rate": 0.06,
            "cure_weeks": self.p["credit_cure_weeks"],
            "principal": principal,
        }
        if fields.get("status") == LoanStatus.DEFAULTED:
            terms |= {"claim": principal}
            terms |= {name: borrower[name].item() for name in ("default_week", "default_event")}
            borrower["claims"] += borrower["status"] == BorrowerStatus.ALIVE
        put(loan, holder=holder, obligor=b, **(terms | fields))
        borrower["debt"][instrument] += principal
        lender["loans"][instrument] += principal
        if loan["seized"] > 0:
            lender["units"][loan["machine"]] += loan["seized"]
        return row

    def contract(self, b: int, m: int, units: int, *, loan: int = -1, **fields: Any) -> int:
        """Let machines of a borrower to a customer; return the contract's row. `loan` has them pledged.

        It bills nothing, ends in week 50 and its customer does not fail soon, unless fields say otherwise.
        """
        row = b * CONTRACTS + int(self.borrowers[b]["contracts"])
        self.borrowers[b]["contracts"] += 1
        self.borrowers[b]["let"] += units
        self.borrowers[b]["prepaid"] += fields.get("prepaid", 0.0)
        put(self.economy.contracts[row], machine=m, units=units, loan=loan,
            **({"end_week": 50, "hazard_left": 1.0} | fields))  # fmt: skip
        return row

    def in_resolution(self, b: int, default_week: int, release_week: int, **fields: Any) -> None:
        """Put a borrower into resolution as of a past week."""
        self.borrower(
            b,
            status=BorrowerStatus.IN_RESOLUTION,
            default_week=default_week,
            release_week=release_week,
            **fields,
        )

    def value(self, m: int, worth: float, site: int | None = None) -> None:
        """Fix this week's fundamental value of a type, in one site class or all, at any discount rate."""
        sites = range(self.economy.valued_week.shape[1]) if site is None else [site]
        for each in sites:
            self.economy.value_table[m, each] = 0.0
            self.economy.value_table[m, each, 0] = worth
            self.economy.valued_week[m, each] = self.clock["week"]

    def open(self) -> None:
        """Close the opening books: from here on `assert_books_close` holds everybody to them."""
        e = self.economy
        for row in e.lenders:
            row["opening_equity"] = lender_equity(row)
        for row in e.buyers:
            row["opening_equity"] = buyer_equity(row)
        e.machines["opening_units"] = e.lenders["units"].sum(axis=0) + e.buyers["units"].sum(axis=0)
        open_books(e)
        self.opening = reported_copy(e)

    def assert_books_close(self) -> None:
        """All identities of `--check`; racks hold the machines; income is what the two matrices say."""
        e = self.economy
        check_identities(e, self.opening, "the test")
        for owners in (e.borrowers, e.buyers):
            racked = [owners["units"][:, e.machines["cooling"] == c].sum(axis=1) for c in Cooling]
            assert (owners["racked"] == np.transpose(racked)).all()
        booked = e.flows[: LAST_INCOME_FLOW + 1].sum(axis=0) + e.revaluations.sum(axis=0)
        income = np.zeros(len(Sector))
        for table in (e.borrowers, e.lenders, e.buyers, e.world):
            np.add.at(income, table["sector"], table["income"])
        np.testing.assert_allclose(income, booked, rtol=0, atol=1e-10)

    def events(self, kind: EventKind) -> list[Any]:
        """The events of a kind so far, in order."""
        log = self.economy.events[: self.clock["events"]]
        return list(log[log["kind"] == kind])


def put(row: Any, **fields: Any) -> Any:
    """Set fields of a row of a structured table; unknown names are errors. Return the row."""
    for name, value in fields.items():
        row[name] = value
    return row


@cache
def _setup(counts: tuple[int, ...]) -> Setup:
    """The compiled baseline with another population; slow, so remembered."""
    changes: dict[str, Any] = {"funding.rule": "path"}
    changes |= {f"population.{name}": n for name, n in zip(POPULATION, counts, strict=True)}
    kinds = {"networks.credit_kind": "complete", "networks.trade_kind": "complete"}
    return prepare(Scenario.load().with_changes(changes | kinds), 1)
