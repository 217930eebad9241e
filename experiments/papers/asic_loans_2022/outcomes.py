"""What the model says of the rest of 2022, out of sample: the scenario replayed at depths from the posterior.

Nothing here is fitted to what it is compared with. Opening prices set the valuers' trend, dated facts the two
paths, and the posterior the depth; all else is the scenario's.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hashcredit.experiments.papers.asic_loans_2022.depth import posterior
from hashcredit.experiments.papers.asic_loans_2022.value import TIER
from hashcredit.simulator import simulate
from hashcredit.simulator.reports.run import Run
from hashcredit.simulator.scenario.scenario import Scenario

Array = NDArray[np.float64]

SCENARIO = "asic_loans_2022"
SEED = 2022
DEPTHS = (0.05, 0.25, 0.5, 0.75, 0.95)
"""Quantiles of the posterior at which the episode is replayed, each as often as the others."""
JULY, HALF, YEAR_END, FAILED_BY = 27, 26, 52, 56
"""Weeks: of the July quote; the first of the second half and of 2023; the first after January 2023."""
A_YEAR, RECENTLY = 52, 13
"""Weeks for which an owner has to live on, and without a missed payment before."""

NEW_PRICE_JULY = "price of the newest tier in July 2022 over January"
NEW_PRICE_DECEMBER = "price of the newest tier in December 2022 over January"
COVER = "collateral over loan at hand-back: at appraisal"
COVER_VALUE = "collateral over loan at hand-back: at the income value"
WEEK = "week of the hand-backs"
PAYING = "hand-backs by owners that had missed no payment"
LIVED_ON = "hand-backs whose owner lived on for a year"
LENDING = "new lending in the first half of 2022"
HALF_ON_HALF = "new lending: second half of 2022 over first"
DEBT = "share of secured debt in default by the end of 2022"
FAILED = "share of miners that failed by January 2023"
RANK = "failed miners ranked by leverage"


@dataclass(frozen=True)
class Outcome:
    """A number of every replicate at every depth, NaN where a replicate has none."""

    values: Array
    """Indices: depth, replicate. A replicate has the same draws at every depth."""

    @property
    def known(self) -> Array:
        return self.values[np.isfinite(self.values)]

    @property
    def mean(self) -> float:
        return float(self.known.mean()) if self.known.size else math.nan

    @property
    def replicates(self) -> int:
        """Replicates with a value at some depth."""
        return int(np.isfinite(self.values).any(axis=0).sum())

    @property
    def error(self) -> float:
        """Monte Carlo standard error of the mean, from the means of the replicates over depths."""
        counts = np.isfinite(self.values).sum(axis=0)
        means = np.nansum(self.values, axis=0)[counts > 0] / counts[counts > 0]
        return float(means.std(ddof=1) / math.sqrt(means.size)) if means.size > 1 else math.nan

    def at(self, depth: int) -> float:
        """Mean at one of the depths; NaN if no replicate has a value there."""
        row = self.values[depth]
        row = row[np.isfinite(row)]
        return float(row.mean()) if row.size else math.nan

    @property
    def interval(self) -> tuple[float, float]:
        """The middle 95 % of replicates: where one history may fall."""
        if not self.known.size:
            return math.nan, math.nan
        low, high = np.quantile(self.known, (0.025, 0.975))
        return float(low), float(high)


def tier_units(scenario: Scenario) -> float:
    """Expected machines of the newest tier in the economy at the start."""
    miners = scenario.miners
    hashrate = scenario.population.miners * miners.hashrate_median * math.exp(0.5 * miners.hashrate_log_sd**2)
    weights = sum(miners.asic_shares.values())
    machines = {machine.name: machine for machine in scenario.machine}
    return sum(
        hashrate * 1e6 * miners.asic_shares[name] / weights / machines[name].throughput for name in TIER
    )


def at_depth(scenario: Scenario, units: float) -> Scenario:
    """The scenario with a depth in units for the newest tier, shared by its types in proportion to number."""
    return scenario.with_changes({"secondary_market.impact_depth_share": units / tier_units(scenario)})


def replay(replicates: int) -> dict[str, Outcome]:
    """Outcomes over `replicates` draws at each depth, the same draws at all of them."""
    base = Scenario.load(SCENARIO)
    rows = []
    for level in DEPTHS:
        scenario = at_depth(base, posterior().quantile(level))
        rows.append([measure(simulate(scenario, seed=SEED, replicate=r)) for r in range(replicates)])
    return {name: Outcome(np.array([[one[name] for one in row] for row in rows])) for name in rows[0][0]}


def measure(run: Run) -> dict[str, float]:
    """What one replicate says about each outcome."""
    events, loans = run.events, run.opening["loans"]
    prices = weekly(run, "appraisal")
    secured = loans[loans.instrument == "machine_loan"]
    tenor = run.setup.scenario.credit.tenor_weeks
    lent = float((secured.principal * tenor / secured.maturity_week).sum())
    drawn = events[(events.kind == "loan") & (events.week < YEAR_END)].amount_musd.sum()
    failed = events[(events.kind == "default") & (events.week < FAILED_BY)]
    signed = events[(events.kind == "order") & (events.counterparty_kind == "lenders")]
    first = float(signed[signed.week < HALF].amount_musd.sum())
    second = float(signed[(signed.week >= HALF) & (signed.week < YEAR_END)].amount_musd.sum())
    return {
        NEW_PRICE_JULY: tier_price(prices, JULY) / tier_price(prices, 0),
        NEW_PRICE_DECEMBER: tier_price(prices, YEAR_END - 1) / tier_price(prices, 0),
        LENDING: first,
        HALF_ON_HALF: second / first if first > 0.0 else math.nan,
        DEBT: ratio(debt_in_default(run), lent + float(drawn)),
        FAILED: len(failed) / len(run.opening["borrowers"]),
        RANK: ranking(leverage(run), set(failed.agent)),
        **hand_backs(run, prices),
    }


def hand_backs(run: Run, prices: Mapping[str, Array]) -> dict[str, float]:
    """Cover, week and what became of the owner, over the hand-backs of the first year."""
    events, values = run.events, weekly(run, "fundamental")
    back = events[(events.kind == "hand_back") & (events.week < YEAR_END)]
    failures = events[events.kind == "default"]
    died = dict(zip(failures.agent, failures.week, strict=True))
    missed = set(
        events.loc[events.kind == "missed_payment", ["agent", "week"]].itertuples(index=False, name=None)
    )
    rows = list(back.itertuples(index=False))
    owed = float(back.amount_musd.sum())
    lived = [died.get(row.agent, math.inf) > row.week + A_YEAR for row in rows]
    paying = [not any((row.agent, row.week - ago) in missed for ago in range(RECENTLY)) for row in rows]
    return {
        COVER: ratio(sum(row.units * prices[row.machine][row.week] for row in rows) * 1e-6, owed),
        COVER_VALUE: ratio(sum(row.units * values[row.machine][row.week] for row in rows) * 1e-6, owed),
        WEEK: ratio(float((back.week * back.amount_musd).sum()), owed),
        PAYING: float(np.mean(paying)) if paying else math.nan,
        LIVED_ON: float(np.mean(lived)) if lived else math.nan,
    }


def weekly(run: Run, column: str) -> dict[str, Array]:
    """A weekly price (USD) of every type: `appraisal`, or `fundamental` for the appraiser's income value."""
    names = run.setup.machine_names
    columns = [f"{column}_usd_{name.lower().replace(' ', '_')}" for name in names]
    return {name: run.series[column].to_numpy() for name, column in zip(names, columns, strict=True)}


def tier_price(prices: Mapping[str, Array], week: int) -> float:
    """Appraisal of the newest tier, USD: the sum over its types, which all have their own."""
    return float(sum(prices[name][week] for name in TIER))


def debt_in_default(run: Run) -> float:
    """Face (M$) of machine loans in default by the end of 2022, with their borrowers or alone."""
    events, loans = run.events, run.tables["loans"]
    alone = events[events.kind.isin(["hand_back", "facility_default"]) & (events.week < YEAR_END)]
    whole = events[(events.kind == "default") & (events.week < YEAR_END)].index
    with_borrower = loans[(loans.instrument == "machine_loan") & loans.default_event.isin(whole)]
    with_borrower = with_borrower[with_borrower.status.isin(["defaulted", "resolved"])]
    return float(alone.amount_musd.sum() + with_borrower.claim.sum())


def leverage(run: Run) -> Array:
    """Debt over equity of each borrower in the first week, machines at appraisal; infinite without equity."""
    borrowers, machines = run.opening["borrowers"], run.opening["machines"]
    debts = borrowers.filter(like="debt_").sum(axis=1).to_numpy()
    btc = run.setup.scenario.shocks.btc_price0 * 1e-6
    assets = borrowers.cash.to_numpy() + coins_of(run) * btc
    for name, appraisal in zip(machines.name, machines.appraisal, strict=True):
        assets = assets + borrowers[f"units_{name.lower().replace(' ', '_')}"].to_numpy() * appraisal
    equity = assets - debts
    return np.where(equity > 0.0, debts / np.where(equity > 0.0, equity, 1.0), np.inf)


def coins_of(run: Run) -> Array:
    """Coins of each borrower in the first week, pledged or not."""
    loans, borrowers = run.opening["loans"], run.opening["borrowers"]
    coins: Array = borrowers.btc.to_numpy().copy()
    np.add.at(coins, loans.obligor.to_numpy(), loans.coins.to_numpy())
    return coins


def ranking(scores: Array, chosen: Iterable[int]) -> float:
    """Probability that one of the chosen has a higher score than one of the others; ties count half.

    NaN if all or none are chosen. 1 if the chosen are those with the highest scores.
    """
    inside = np.zeros(scores.size, bool)
    inside[list(chosen)] = True
    if inside.all() or not inside.any():
        return math.nan
    ranks = pd.Series(scores).rank().to_numpy()
    size = int(inside.sum())
    above = ranks[inside].sum() - size * (size + 1) / 2.0
    return float(above / (size * (scores.size - size)))


def ratio(part: float, whole: float) -> float:
    """NaN where there is nothing to divide by."""
    return part / whole if whole > 0.0 else math.nan
