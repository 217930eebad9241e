"""Scenario section of the balance sheets of miners."""

from typing import Annotated

from hashcredit.simulator.scenario.fields.base import Section, field
from hashcredit.simulator.scenario.fields.borrowers import (
    BondProbability,
    BondShare,
    CashSpread,
    CashWeeks,
    ConvertibleShare,
    FreeSlotShare,
    SiteClasses,
)
from hashcredit.simulator.scenario.fields.types import (
    GradeWeights,
    Log,
    MachineWeights,
    MillionUSD,
    Probability,
    Share,
    Switch,
    unit,
)


class Miners(Section):
    """Balance sheets of miners in the first week."""

    hashrate_median: Annotated[float, unit("EH/s", 1e-6, 1000.0)] = field(2.2, "median hashrate of a miner")
    hashrate_log_sd: Log = field(1.1, "standard deviation of log hashrate over miners")
    asic_shares: MachineWeights = field(
        {"S19 Pro": 0.175, "S19 XP": 0.25, "S21": 0.575}, "weights of ASIC types in hashrate"
    )
    btc_per_ehs: Annotated[float, unit("BTC per EH/s", 0.0, 1e5)] = field(
        250.0, "median BTC held for each EH/s"
    )
    btc_log_sd: Log = field(0.8, "standard deviation of log BTC holdings")
    gpu_probability: Probability = field(0.4, "probability that a miner also owns GPUs")
    gpu_fleet_median: MillionUSD = field(
        25.0, "median GPU fleet of such a miner at new prices", low=1e-3, high=1e5
    )
    gpu_log_sd: Log = field(0.8, "standard deviation of the log GPU fleet of a miner")
    gpu_shares: MachineWeights = field(
        {"A100": 0.05, "H100": 0.40, "H200": 0.30, "B200": 0.20, "B300": 0.05},
        "weights of GPU types in a miner's fleet at new prices",
    )
    btc_loan_probability: Probability = field(0.35, "probability of a BTC margin loan")
    # Half of the coins pledged at the initial loan to value of one half.
    btc_loan_share: Share = field(
        0.25,
        "face of such a loan over the worth of all coins, at most credit.btc_initial_ltv; that says how many"
        " are pledged",
    )
    btc_pledge: Switch = field(
        True, "whether coins secure these loans; off: the same face is owed unsecured, at the same rate"
    )
    # A tenth of assets in convertibles and .02 in high yield: .45 * .28 * .83 and .45 * .28 * .17.
    bond_probability: BondProbability = field(0.45)
    bond_share: BondShare = field(0.28)
    convertible_share: ConvertibleShare = field(0.83)
    machine_loan_probability: Probability = field(
        0.5, "probability that a miner's ASICs are financed by loans"
    )
    cash_weeks: CashWeeks = field(26.0)
    cash_log_sd: CashSpread = field(0.5)
    site_class_shares: SiteClasses = field((0.35, 0.45, 0.15, 0.05))
    hold_share: Share = field(0.5, "share of mined BTC kept while cash is above the buffer")
    free_slot_share: FreeSlotShare = field(0.10)
    grade_shares: GradeWeights = field(
        (0.1, 0.25, 0.35, 0.3), "weights of the miners' own grades, best first"
    )
