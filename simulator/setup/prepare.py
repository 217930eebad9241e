"""Building and clearing the arrays of an economy for a (scenario, seed)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from hashcredit.agents.dimensions import CONTRACTS, FACILITIES, MACHINE_TYPES, MAX_LAUNCHES, ORDERS
from hashcredit.simulator.display import Facts, Shown
from hashcredit.simulator.machines.valuation import COEFFICIENTS, LANES, PIECE_COLUMNS, TERMS, most_pieces
from hashcredit.simulator.market.bidding import LEAST_CLASSES
from hashcredit.simulator.scenario.scenario import Scenario
from hashcredit.simulator.setup import copies
from hashcredit.simulator.setup.networks import Networks, build_networks, link_table
from hashcredit.simulator.setup.parameters import compile_machines, compile_macro_paths, compile_paths
from hashcredit.simulator.setup.rules import Rule, Rules
from hashcredit.simulator.setup.volatility import pool_parameters
from hashcredit.simulator.state.arrays import FIELDS, STATE
from hashcredit.simulator.state.economy import Economy
from hashcredit.simulator.state.fields import Role
from hashcredit.simulator.state.series import series_columns

copies.register()  # here, since whoever has an economy has it from this module

MOST_CLEARED_EXACTLY = 512
"""Lenders whose debts to each other are cleared by the exact algorithm: its matrix has a row for each."""
CLEARED = tuple(name for name, field in FIELDS.items() if field.cleared)
"""Arrays that begin each replicate as zeros."""


@dataclass(frozen=True, repr=False)
class Setup(Shown):
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

    def _facts(self) -> Facts:
        rules = {"own rules": ", ".join(self.rules.record)} if self.rules.record else {}
        return f"Setup of {self.scenario.name}, seed {self.seed}", {"agents": f"{self.agents:,}", **rules}

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


def prepare_each(
    scenario: Scenario, seeds: Sequence[int], rules: Mapping[str, Rule] | Rules | None = None
) -> list[Setup]:
    """`prepare` for each of several seeds: all but the networks is compiled once and shared."""
    first = prepare(scenario, seeds[0], rules)
    return [first, *(with_seed(first, seed) for seed in seeds[1:])]


def with_seed(setup: Setup, seed: int) -> Setup:
    """The same scenario on the networks of another seed."""
    return replace(setup, seed=seed, networks=build_networks(setup.scenario, seed))


def sizes(setup: Setup, *, weeks: int, events: int, tape: int) -> dict[str, int]:
    """Lengths of arrays that depend on the setup, by the names that `state.arrays` uses.

    weeks     rows of the series
    events    capacity of the event log
    tape      capacity of the loan tape
    """
    borrowers, lenders = setup.borrowers, setup.lenders
    loans = borrowers * FACILITIES
    lots = loans + borrowers * MACHINE_TYPES  # seized of every loan, and free ones of every type
    bidders = borrowers + setup.buyers
    return {
        "borrowers": borrowers,
        "lenders": lenders,
        "buyers": setup.buyers,
        "loans": loans,
        "contracts": borrowers * CONTRACTS,
        "orders": borrowers * ORDERS,
        "claims": len(setup.networks.claim_debtor),
        "events": events,
        "tape": tape,
        "weeks": weeks,
        "series_columns": len(series_columns(setup.machine_names)),
        "cleared_exactly": lenders if lenders <= MOST_CLEARED_EXACTLY else 0,
        "coefficients": COEFFICIENTS,
        "pieces": most_pieces(MAX_LAUNCHES),
        "piece_columns": PIECE_COLUMNS,
        "moments": TERMS * LANES,
        "sellers": borrowers + lenders,
        "bidders": bidders,
        "lots": lots,
        "trades": loans + borrowers + bidders,  # of one type: each ends a lot or serves a bidder
        "classes": LEAST_CLASSES + bidders,  # even if no two bidders think alike
    }


def allocate(setup: Setup, *, series: bool, events: int, tape: int = 0) -> Economy:
    """Empty tables for one replicate at a time; `events` and `tape`: rows of the event log and loan tape."""
    weeks = setup.scenario.horizon_weeks if series else 0
    lengths = sizes(setup, weeks=weeks, events=events, tape=tape)
    networks = setup.networks
    sellers = setup.borrowers + setup.lenders
    table = link_table(networks.trade_start, networks.trade_seller, sellers, setup.buyers)
    given = {**vars(setup), **networks._asdict(), "trade_table": table}
    arrays = {
        name: given[name] if field.role is Role.GIVEN else field.make(lengths)
        for name, field in FIELDS.items()
    }
    return Economy(setup.rules.functions, **arrays)


def clear(economy: Economy, setup: Setup) -> None:
    """Make an economy ready for another replicate."""
    for name in CLEARED:
        getattr(economy, name).view(np.uint8).fill(0)
    # as bytes: NumPy would assign field by field, which takes ten times as long
    economy.machines.view(np.uint8)[:] = setup.machines.view(np.uint8)


def reported_copy(economy: Economy) -> Economy:
    """The economy with a copy of all that a run reports, for comparing before and after."""
    return economy.copy_with(*STATE)
