"""Building and clearing the arrays of an economy for a (scenario, seed)."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from hashcredit.agents.borrower import BORROWER
from hashcredit.agents.buyer import BUYER
from hashcredit.agents.dimensions import FACILITIES, MACHINE_TYPES, MAX_LAUNCHES, ORDERS, SITE_CLASSES
from hashcredit.agents.lender import LENDER
from hashcredit.simulator.machines.valuation import COEFFICIENTS, LANES, PIECE_COLUMNS, TERMS, most_pieces
from hashcredit.simulator.market.bidding import LEAST_CLASSES
from hashcredit.simulator.scenario.scenario import Scenario
from hashcredit.simulator.setup.networks import Networks, build_networks
from hashcredit.simulator.setup.parameters import compile_machines, compile_macro_paths, compile_paths
from hashcredit.simulator.setup.rules import Rule, Rules
from hashcredit.simulator.setup.volatility import pool_parameters
from hashcredit.simulator.state.economy import Economy
from hashcredit.simulator.state.layout import CACHE_LINE
from hashcredit.simulator.state.pool import (
    ASSET,
    ASSETS,
    INVESTOR,
    INVESTORS,
    MACRO,
    WORLDS,
    MacroFlow,
    MacroSector,
)
from hashcredit.simulator.state.sales import BIDDER_CLASS, LOT, TRADE
from hashcredit.simulator.state.tables import (
    CLOCK,
    EVENT,
    LOAN,
    MACHINE,
    MARKET,
    ORDER,
    OUTCOMES,
    REPO,
    WORLD,
    Flow,
    Revaluation,
    Sector,
)
from hashcredit.simulator.week.observables import COLUMNS_PER_MACHINE, COMMON_COLUMNS

MOST_CLEARED_EXACTLY = 512
"""Lenders whose debts to each other are cleared by the exact algorithm: its matrix has a row for each."""


@dataclass(frozen=True)
class Setup:
    """What all replicates of a (scenario, seed) share; nothing in it is written to by a run."""

    scenario: Scenario
    seed: int
    parameters: np.ndarray  # PARAMETERS[1]
    machines: np.ndarray  # MACHINE[MACHINE_TYPES], static fields
    networks: Networks
    tightness_path: np.ndarray
    macro_paths: np.ndarray  # [week, MacroPath]
    haircut_path: np.ndarray
    btc_path: np.ndarray
    rent_path: np.ndarray
    hashprice_path: np.ndarray
    rules: Rules

    @property
    def borrowers(self) -> int:
        population = self.scenario.population
        return population.miners + population.neoclouds

    @property
    def lenders(self) -> int:
        population = self.scenario.population
        return population.banks + population.private_credit + population.bond_funds

    @property
    def buyers(self) -> int:
        population = self.scenario.population
        return population.operators + population.brokers + population.refurbishers + population.scrap_dealers

    @property
    def agents(self) -> int:
        return self.borrowers + self.lenders + self.buyers

    @property
    def machine_names(self) -> list[str]:
        return [machine.name for machine in self.scenario.machine]


def prepare(scenario: Scenario, seed: int, rules: Mapping[str, Rule] | Rules | None = None) -> Setup:
    """Compile a scenario's numbers, machines and paths, and a user's own rules; draw the networks."""
    tightness, haircut, btc, rent, hashprice = compile_paths(scenario)
    return Setup(
        scenario=scenario,
        seed=seed,
        parameters=pool_parameters(scenario),
        machines=compile_machines(scenario),
        networks=build_networks(scenario, seed),
        tightness_path=tightness,
        macro_paths=compile_macro_paths(scenario, scenario.horizon_weeks),
        haircut_path=haircut,
        btc_path=btc,
        rent_path=rent,
        hashprice_path=hashprice,
        rules=Rules.of(rules),
    )


def table(rows: int, dtype: np.dtype) -> np.ndarray:
    """A cleared table that begins with a cache line: the first fields of a row are then read together."""
    size = rows * dtype.itemsize
    memory = np.zeros(size + CACHE_LINE, np.uint8)
    first = -memory.ctypes.data % CACHE_LINE
    return memory[first : first + size].view(dtype)


def allocate(setup: Setup, *, series: bool, events: int) -> Economy:
    """Empty tables for one replicate at a time; `events` is the capacity of the event log."""
    borrowers, lenders, buyers = setup.borrowers, setup.lenders, setup.buyers
    loans = borrowers * FACILITIES
    lots = loans + borrowers * MACHINE_TYPES  # seized of every loan, and free ones of every type
    bidders = borrowers + buyers
    classes = LEAST_CLASSES + bidders  # even if no two bidders think alike
    exact = lenders if lenders <= MOST_CLEARED_EXACTLY else 0
    columns = COMMON_COLUMNS + COLUMNS_PER_MACHINE * len(setup.machine_names)
    weeks = setup.scenario.horizon_weeks if series else 0
    return Economy(
        setup.rules.functions,
        borrowers=table(borrowers, BORROWER),
        lenders=table(lenders, LENDER),
        buyers=table(buyers, BUYER),
        loans=table(loans, LOAN),
        orders=np.zeros(borrowers * ORDERS, ORDER),
        machines=table(MACHINE_TYPES, MACHINE),
        clock=np.zeros(1, CLOCK),
        market=np.zeros(1, MARKET),
        repo=np.zeros(1, REPO),
        outcomes=np.zeros(1, OUTCOMES),
        world=np.zeros(3, WORLD),
        macro=np.zeros(WORLDS, MACRO),
        assets=np.zeros((WORLDS, ASSETS), ASSET),
        investors=np.zeros((WORLDS, INVESTORS), INVESTOR),
        macro_flows=np.zeros((WORLDS, len(MacroFlow), len(MacroSector))),
        flows=np.zeros((len(Flow), len(Sector))),
        revaluations=np.zeros((len(Revaluation), len(Sector))),
        events=np.zeros(events, EVENT),
        series=np.zeros((weeks, columns)),
        credit_start=setup.networks.credit_start,
        credit_lender=setup.networks.credit_lender,
        trade_start=setup.networks.trade_start,
        trade_seller=setup.networks.trade_seller,
        tightness_path=setup.tightness_path,
        macro_paths=setup.macro_paths,
        haircut_path=setup.haircut_path,
        claim_start=setup.networks.claim_start,
        claim_debtor=setup.networks.claim_debtor,
        claim_share=setup.networks.claim_share,
        claim_face=np.zeros(len(setup.networks.claim_debtor)),
        clearing_amounts=np.zeros(len(setup.networks.claim_debtor)),
        clearing_vectors=np.zeros((4, lenders)),
        clearing_default=np.zeros(lenders, np.bool_),
        clearing_position=np.zeros(lenders, np.int64),
        clearing_shares=np.zeros((exact, exact)),
        clearing_work=np.zeros((4, lenders)),
        btc_path=setup.btc_path,
        rent_path=setup.rent_path,
        hashprice_path=setup.hashprice_path,
        payments_due=np.zeros((2, FACILITIES)),
        value_table=np.zeros((MACHINE_TYPES, SITE_CLASSES, COEFFICIENTS)),
        valued_week=np.zeros((MACHINE_TYPES, SITE_CLASSES), np.int32),
        launch_times=np.zeros((MACHINE_TYPES, MAX_LAUNCHES)),
        launch_factors=np.zeros((MACHINE_TYPES, MAX_LAUNCHES)),
        pieces=np.zeros((most_pieces(MAX_LAUNCHES), PIECE_COLUMNS)),
        moments=np.zeros(TERMS * LANES),
        weights=np.zeros(MACHINE_TYPES),
        count=np.zeros(MACHINE_TYPES, np.int64),
        lots=np.zeros(lots, LOT),
        known=np.zeros(lots, np.int64),
        trades=np.zeros(lots + bidders, TRADE),
        node_head=np.full(borrowers + lenders, -1, np.int64),
        classes=np.zeros(classes, BIDDER_CLASS),
        class_of=np.zeros(bidders, np.int64),
        called=np.zeros(bidders, np.int64),
        ranking=np.zeros(classes, np.int64),
        served=np.zeros(classes, np.int64),
    )


def clear(economy: Economy, setup: Setup) -> None:
    """Make an economy ready for another replicate."""
    economy.classes["stamp"] = 0
    for table in (
        economy.borrowers,
        economy.lenders,
        economy.buyers,
        economy.loans,
        economy.orders,
        economy.clock,
        economy.market,
        economy.repo,
        economy.outcomes,
        economy.world,
    ):
        table.view(np.uint8).fill(0)
    economy.machines[:] = setup.machines
    economy.flows.fill(0.0)
    economy.revaluations.fill(0.0)


def shell(economy: Economy) -> Economy:
    """A copy of the tables that a run reports, for comparing before and after."""
    return economy.copy_with(
        "borrowers",
        "lenders",
        "buyers",
        "loans",
        "orders",
        "machines",
        "clock",
        "market",
        "repo",
        "outcomes",
        "world",
        "flows",
        "claim_face",
        "macro",
        "investors",
    )
