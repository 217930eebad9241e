"""Scenario sections of the agents: how many, how big, how indebted."""

from typing import Self

from pydantic import model_validator

from hashcredit.simulator.scenario.fields.base import (
    ByGrade,
    BySiteClass,
    Section,
    ShareTable,
    check_shares,
    quantity,
    refused,
)

MOST_AGENTS = 200_000


class Population(Section):
    """How many agents of each kind."""

    miners: int = quantity(60, unit="agents", low=0, high=MOST_AGENTS, meaning="Bitcoin miners")
    neoclouds: int = quantity(60, unit="agents", low=0, high=MOST_AGENTS, meaning="GPU clouds")
    banks: int = quantity(6, unit="agents", low=0, high=MOST_AGENTS, meaning="banks")
    private_credit: int = quantity(12, unit="agents", low=0, high=MOST_AGENTS, meaning="private credit funds")
    bond_funds: int = quantity(6, unit="agents", low=0, high=MOST_AGENTS, meaning="bond funds")
    operators: int = quantity(
        30, unit="agents", low=0, high=MOST_AGENTS, meaning="buyers from other industries that run machines"
    )
    brokers: int = quantity(25, unit="agents", low=0, high=MOST_AGENTS, meaning="brokers")
    refurbishers: int = quantity(15, unit="agents", low=0, high=MOST_AGENTS, meaning="refurbishers")
    scrap_dealers: int = quantity(10, unit="agents", low=0, high=MOST_AGENTS, meaning="scrap dealers")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.miners + self.neoclouds < 1:
            raise refused("miners", self.miners, "at least one miner or neo-cloud")
        if self.banks + self.private_credit + self.bond_funds < 1:
            raise refused("banks", self.banks, "at least one lender of any kind")
        return self


class Miners(Section):
    """Balance sheets of miners in the first week."""

    hashrate_median: float = quantity(
        2.2, unit="EH/s", low=1e-6, high=1000.0, meaning="median hashrate of a miner"
    )
    hashrate_log_sd: float = quantity(
        1.1, unit="log", low=0.0, high=3.0, meaning="standard deviation of log hashrate over miners"
    )
    asic_shares: ShareTable = quantity(
        {"S19 Pro": 0.175, "S19 XP": 0.25, "S21": 0.575},
        unit="weight",
        low=0.0,
        high=1e6,
        meaning="weights of ASIC types in hashrate",
    )
    btc_per_ehs: float = quantity(
        250.0, unit="BTC per EH/s", low=0.0, high=1e5, meaning="median BTC held for each EH/s"
    )
    btc_log_sd: float = quantity(
        0.8, unit="log", low=0.0, high=3.0, meaning="standard deviation of log BTC holdings"
    )
    gpu_probability: float = quantity(
        0.4, unit="probability", low=0.0, high=1.0, meaning="probability that a miner also owns GPUs"
    )
    gpu_fleet_median: float = quantity(
        25.0, unit="M$", low=1e-3, high=1e5, meaning="median GPU fleet of such a miner at new prices"
    )
    gpu_log_sd: float = quantity(
        0.8, unit="log", low=0.0, high=3.0, meaning="standard deviation of the log GPU fleet of a miner"
    )
    gpu_shares: ShareTable = quantity(
        {"A100": 0.05, "H100": 0.40, "H200": 0.30, "B200": 0.20, "B300": 0.05},
        unit="weight",
        low=0.0,
        high=1e6,
        meaning="weights of GPU types in a miner's fleet at new prices",
    )
    btc_loan_probability: float = quantity(
        0.35, unit="probability", low=0.0, high=1.0, meaning="probability of a BTC margin loan"
    )
    btc_pledged_share: float = quantity(
        0.5, unit="fraction", low=0.0, high=1.0, meaning="share of BTC pledged behind such a loan"
    )
    convertible_probability: float = quantity(
        0.35, unit="probability", low=0.0, high=1.0, meaning="probability of a convertible note"
    )
    convertible_share: float = quantity(
        0.3, unit="fraction", low=0.0, high=2.0, meaning="face of such a note as a share of assets"
    )
    high_yield_probability: float = quantity(
        0.15, unit="probability", low=0.0, high=1.0, meaning="probability of a high-yield bond"
    )
    high_yield_share: float = quantity(
        0.15, unit="fraction", low=0.0, high=2.0, meaning="face of such a bond as a share of assets"
    )
    machine_loan_probability: float = quantity(
        0.5,
        unit="probability",
        low=0.0,
        high=1.0,
        meaning="probability that a miner's ASICs are financed by loans",
    )
    cash_weeks: float = quantity(
        26.0,
        unit="weeks",
        low=0.0,
        high=1040.0,
        meaning="median cash in weeks of leases, overhead and debt service",
    )
    cash_log_sd: float = quantity(
        0.5, unit="log", low=0.0, high=3.0, meaning="standard deviation of log cash in weeks"
    )
    site_class_shares: BySiteClass = quantity(
        (0.35, 0.45, 0.15, 0.05),
        unit="weight",
        low=0.0,
        high=1e6,
        meaning="weights of site classes, cheapest first",
    )
    hold_share: float = quantity(
        0.5,
        unit="fraction",
        low=0.0,
        high=1.0,
        meaning="share of mined BTC kept while cash is above the buffer",
    )
    free_slot_share: float = quantity(
        0.10, unit="fraction", low=0.0, high=5.0, meaning="free slots over occupied ones in the first week"
    )
    grade_shares: ByGrade = quantity(
        (0.1, 0.25, 0.35, 0.3),
        unit="weight",
        low=0.0,
        high=1e6,
        meaning="weights of the miners' own grades, best first",
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for name in ("site_class_shares", "grade_shares"):
            check_shares(name, getattr(self, name))
        return self


class Neoclouds(Section):
    """Balance sheets of GPU clouds in the first week."""

    fleet_median: float = quantity(
        80.0, unit="M$", low=1e-3, high=1e6, meaning="median fleet of a neo-cloud at new prices"
    )
    fleet_log_sd: float = quantity(
        1.0, unit="log", low=0.0, high=3.0, meaning="standard deviation of the log fleet over neo-clouds"
    )
    gpu_shares: ShareTable = quantity(
        {"A100": 0.10, "H100": 0.40, "H200": 0.20, "B200": 0.22, "B300": 0.08},
        unit="weight",
        low=0.0,
        high=1e6,
        meaning="weights of GPU types in a neo-cloud's fleet at new prices",
    )
    mix_log_sd: float = quantity(
        0.8,
        unit="log",
        low=0.0,
        high=3.0,
        meaning="log spread of each GPU type's weight between fleets (miners' GPU fleets too)",
    )
    contracted_low: float = quantity(
        0.3, unit="fraction", low=0.0, high=1.0, meaning="lowest share of a fleet let under contracts"
    )
    contracted_high: float = quantity(
        0.9, unit="fraction", low=0.0, high=1.0, meaning="highest share of a fleet let under contracts"
    )
    contract_premium_low: float = quantity(
        1.0, unit="ratio", low=0.1, high=10.0, meaning="lowest contract rent over spot rent in the first week"
    )
    contract_premium_high: float = quantity(
        1.3,
        unit="ratio",
        low=0.1,
        high=10.0,
        meaning="highest contract rent over spot rent in the first week",
    )
    offtaker_shares: ByGrade = quantity(
        (0.35, 0.25, 0.25, 0.15),
        unit="weight",
        low=0.0,
        high=1e6,
        meaning="weights of customers' grades, best first",
    )
    high_yield_probability: float = quantity(
        0.35, unit="probability", low=0.0, high=1.0, meaning="probability of a high-yield bond"
    )
    high_yield_share: float = quantity(
        0.12, unit="fraction", low=0.0, high=2.0, meaning="face of such a bond as a share of assets"
    )
    convertible_probability: float = quantity(
        0.25, unit="probability", low=0.0, high=1.0, meaning="probability of a convertible note"
    )
    convertible_share: float = quantity(
        0.12, unit="fraction", low=0.0, high=2.0, meaning="face of such a note as a share of assets"
    )
    cash_weeks: float = quantity(
        20.0,
        unit="weeks",
        low=0.0,
        high=1040.0,
        meaning="median cash in weeks of leases, overhead and debt service",
    )
    cash_log_sd: float = quantity(
        0.5, unit="log", low=0.0, high=3.0, meaning="standard deviation of log cash in weeks"
    )
    site_class_shares: BySiteClass = quantity(
        (0.0, 0.2, 0.4, 0.4),
        unit="weight",
        low=0.0,
        high=1e6,
        meaning="weights of site classes, cheapest first",
    )
    free_slot_share: float = quantity(
        0.10, unit="fraction", low=0.0, high=5.0, meaning="free slots over occupied ones in the first week"
    )
    grade_shares: ByGrade = quantity(
        (0.2, 0.3, 0.3, 0.2),
        unit="weight",
        low=0.0,
        high=1e6,
        meaning="weights of the neo-clouds' own grades, best first",
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for name in ("offtaker_shares", "site_class_shares", "grade_shares"):
            check_shares(name, getattr(self, name))
        if self.contracted_low > self.contracted_high:
            raise refused(
                "contracted_low", self.contracted_low, f"at most contracted_high = {self.contracted_high}"
            )
        if self.contract_premium_low > self.contract_premium_high:
            allowed = f"at most contract_premium_high = {self.contract_premium_high}"
            raise refused("contract_premium_low", self.contract_premium_low, allowed)
        return self
