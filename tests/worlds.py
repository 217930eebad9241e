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

from hashcredit.agents.dimensions import (
    FACILITIES,
    BorrowerKind,
    BorrowerStatus,
    Cooling,
    Instrument,
    LenderKind,
    LoanStatus,
    MachineKind,
)
from hashcredit.simulator import Scenario
from hashcredit.simulator.checks import check_identities
from hashcredit.simulator.funding_pool import open_funding
from hashcredit.simulator.funding_tables import FundingRule
from hashcredit.simulator.ledger import buyer_equity, lender_equity
from hashcredit.simulator.opening import open_books
from hashcredit.simulator.population import NEVER
from hashcredit.simulator.state import Setup, allocate, prepare, shell
from hashcredit.simulator.tables import LAST_INCOME_FLOW, EventKind, Sector

GPU, NEW_GPU, ASIC = 0, 1, 2
"""Columns of the three machine types."""
BIG = 10**6
COIN = 0.1
"""M$ a BTC."""

PLAIN: dict[str, Any] = {
    "horizon_weeks": 52,
    "shocks_btc_price0": 100_000.0,
    "forced_week": -1,
    "compute_rent_index0": 2.0,
    "compute_utilisation": 0.5,
    "compute_trend": 0.0,
    "compute_demand_growth": 0.0,
    "compute_demand_tightness": 0.0,
    "compute_hyperscaler_multiple": 3.0,
    "compute_hyperscaler_growth": 0.0,
    "compute_hyperscaler_retirement": 0.0,
    "compute_hyperscaler_efficiency": 0.0,
    "funding_rule": FundingRule.PATH,
    "compute_price_elasticity": 0.5,
    "compute_launch_step": 0.2,
    "compute_launch_lag_weeks": 13.0,
    "compute_launch_width_weeks": 4.0,
    "mining_hashprice0": 50.0,
    "mining_difficulty_speed": 0.0,
    "mining_difficulty_trend": 0.0,
    "mining_halving_week": BIG,
    "mining_halving_share": 0.5,
    "mining_asic_trend": 0.1,
    "costs_lease": (0.0005, 0.0010, 0.0020),  # M$ a kW and year
    "costs_slot_kw": (2.0, 1.0, 1.0),
    "costs_retrofit": (0.0001, 0.0010, 0.0030),  # M$ a kW
    "valuation_trend": 0.1,
    "valuation_volatility": 0.0,
    "valuation_volatility_asic": 0.0,
    "valuation_horizon_years": 5.0,
    "valuation_launch_belief": 1.0,
    "valuation_appraiser_spread": 0.08,
    "valuation_appraiser_site_class": 2,
    "valuation_appraiser_site_class_asic": 1,
    "valuation_refresh_weeks": 4,
    "marking_market_weight": 0.5,
    "marking_income_weight": 0.05,
    "marking_depth_units": 500.0,
    "marking_forced_sale_ratio": 0.75,
    "credit_policy_rate": 0.04,
    "credit_floor": 0.0,
    "credit_spread_by_grade": (0.02, 0.04, 0.06, 0.10),
    "credit_tenor_weeks": 104,
    "credit_dscr_covenant": 1.2,
    "credit_cure_weeks": 2,
    "credit_reserve_weeks": 4.0,
    "credit_grace_weeks": 2,
    "credit_marked_share": 0.0,
    "credit_recourse_share": 0.0,
    "credit_cross_default_share": 0.0,
    "credit_hand_back": 0,
    "credit_refinancing_sweep_share": 0.0,
    "credit_sweep_weeks": 52,
    "credit_sweep_step_up": 0.02,
    "credit_conversion_premium": 0.5,
    "credit_sweep_share": 0.5,
    "credit_btc_initial_ltv": 0.5,
    "credit_btc_call_ltv": 0.65,
    "credit_btc_liquidation_ltv": 0.8,
    "credit_btc_spread": 0.05,
    "credit_btc_depth": 100.0,
    "credit_btc_recovery": 0.0,
    "credit_btc_tenor_weeks": 52,
    "credit_base_headroom": 1.0,
    "credit_learning_weight": 0.25,
    "credit_enforcement": 0,
    "credit_review_weeks": 3,
    "credit_waiting_hazard": 0.1,
    "credit_waiting_years": 1.0,
    "credit_offtaker_hazard": (0.0, 0.0, 0.0, 5.2),
    "credit_offtaker_tightness": 2.0,
    "equity_average_weeks": 26.0,
    "equity_window_tolerance": 0.1,
    "equity_issue_share": 0.05,
    "equity_spacing_weeks": 13,
    "equity_low_weeks": 4.0,
    "resolution_stay_low": 4,
    "resolution_stay_high": 4,
    "resolution_removal_weeks": 3,
    "resolution_removal_cost": 0.001,
    "resolution_removal_cost_asic": 0.0002,
    "resolution_estate_cost_share": 0.05,
    "resolution_landlord_cap_weeks": 10.0,
    "resolution_relet_share": 0.5,
    "resolution_take_over": 0,
    "secondary_market_rule": 0,
    "secondary_market_sell_share": 1.0,
    "secondary_market_reserve_share": 0.6,
    "secondary_market_patience_weeks": 24.0,
    "secondary_market_storage_cost": 0.0001,
    "secondary_market_storage_cost_asic": 0.00001,
    "secondary_market_scrap_share": 0.04,
    "secondary_market_deep_margin": 0.05,
    "secondary_market_impact_depth_share": 0.2,
    "secondary_market_slot_cost_share": 1.0,
    "investment_buffer_weeks": 10.0,
    "investment_decision_weeks": 13,
    "investment_spend_share": 0.5,
    "investment_hurdle": 0.05,
    "investment_growth_cap": 0.4,
    "investment_lead_weeks": 0,
    "investment_lead_weeks_asic": 0,
    "investment_deposit_share": 0.0,
    "investment_deposit_share_asic": 0.0,
    "investment_hold_weeks": 0,
    "investment_commitment_fee": 0.0,
    "investment_contract_share": 0.0,
    "investment_contract_weeks": 52,
    "investment_contract_discount": 0.1,
    "investment_used_share": 0.5,
    "funding_premium": 0.02,
    "funding_premium_convexity": 0.0,
    "miners_hold_share": 0.5,
    "neoclouds_offtaker_shares": (0.0, 0.0, 1.0, 0.0),
    "lenders_cash_share": (0.1, 0.1, 0.1),
    "lenders_payout": (0.5, 0.5, 0.5),
    "lenders_recovery_prior": (0.6, 0.6, 0.6),
    "buyers_moving_cost": (0.0015, 0.0010, 0.0015, 0.0001),
    "buyers_moving_cost_asic": (0.0001, 0.0001, 0.0001, 0.00001),
    "buyers_refill_weeks": (50.0, 50.0, 50.0, 50.0),
    "buyers_slot_build_weeks": (100.0, 100.0, 100.0, 100.0),
    "repo_calm_volatility": 0.1,
    "repo_volatility_weight": 0.5,
    "repo_unsold_weight": 0.1,
    "repo_tightness_weight": 0.2,
    "repo_lowest_haircut": 0.0,
    "repo_highest_haircut": 1.0,
    "repo_memory_weeks": 8.0,
    "repo_pool_headroom": 1000.0,
    "repo_pool_growth": 0.0,
    "repo_pool_tightness": 0.0,
    "repo_cure_weeks": 2,
    "repo_standing_facility": 0,
    "repo_facility_haircut": 0.5,
    "interlender_exposure_share": 0.0,
    "interlender_asset_recovery": 1.0,
    "interlender_claim_recovery": 1.0,
    "interlender_receivership": 0,
    "lenders_repo_share": (0.0, 1.0, 1.0),
    "channels_interlender": 1,
    "channels_fire_sale": 1,
    "channels_repo": 1,
    "channels_lender_credit": 1,
    "channels_macro_funding": 1,
}
"""Parameters in the kernels' units (M$, years); what is not here has no part in the tests of a World."""

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
        self.economy.valued_week[:] = -BIG
        self.economy.world["sector"] = [Sector.REST_OF_WORLD, Sector.AUTHORITY, Sector.GUARANTOR]
        put(
            self.market,
            btc_price=COIN * 1e6,
            btc_average=COIN * 1e6,
            rent_average=self.p["compute_rent_index0"],
            hashprice=self.p["mining_hashprice0"],
            rent_index=self.p["compute_rent_index0"],
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
        e.borrowers["strike"] = NEVER
        for name in ("machine", "default_week", "default_event"):
            e.loans[name] = -1
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
    def loans(self) -> Any:
        return self.economy.loans

    def machine(self, m: int, **fields: Any) -> Any:
        """Set fields of a machine type; return its row."""
        return put(self.economy.machines[m], **fields)

    def borrower(self, b: int, units: dict[int, int] | None = None, **fields: Any) -> Any:
        """Set fields of a borrower; its machines are booked at their appraisal and have a slot each."""
        row = put(self.borrowers[b], **fields)
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
        """Add a loan to a borrower, posted on all three sides; return its row. Amortising if secured.

        It has recourse and no cross-default clause. One in default is that of its borrower, or alone.
        """
        borrower, lender = self.borrowers[b], self.lenders[holder]
        row = b * FACILITIES + int(borrower["facilities"])
        borrower["facilities"] += 1
        loan = self.loans[row]
        instrument = fields.get("instrument", Instrument.MACHINE_LOAN)
        secured = instrument <= Instrument.BTC_LOAN
        terms = {
            "status": LoanStatus.PERFORMING,
            "rank": 0 if secured else 1,
            "amortising": instrument == Instrument.MACHINE_LOAN,
            "fixed_rate": not secured,
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
            self.economy.valued_week[m, each] = self.market["week"]

    def open(self) -> None:
        """Close the opening books: from here on `assert_books_close` holds everybody to them."""
        e = self.economy
        for row in e.lenders:
            row["opening_equity"] = lender_equity(row)
        for row in e.buyers:
            row["opening_equity"] = buyer_equity(row)
        e.machines["opening_units"] = e.lenders["units"].sum(axis=0) + e.buyers["units"].sum(axis=0)
        open_books(e)
        self.opening = shell(e)

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
        log = self.economy.events[: self.market["events"]]
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
