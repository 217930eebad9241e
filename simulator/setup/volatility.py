"""Volatility of the fundamentals of asset prices, so that of the prices themselves is what the scenario says.

A price moves with its fundamental, with sales and with the cost of capital. The last two follow last week's
prices, so within a week they are not correlated with the fundamental, and variances add up: the fundamental
gets what the scenario states less what the pool adds. That part is measured once for each scenario, over
replicates of the pool by itself, without this economy.
"""

from functools import lru_cache

import numpy as np

from hashcredit.agents.units import WEEKS_A_YEAR
from hashcredit.simulator.macro.pool import run_pool
from hashcredit.simulator.scenario.fields.credit import Credit
from hashcredit.simulator.scenario.fields.earnings import Shocks
from hashcredit.simulator.scenario.fields.funding import Assets, Funding, Investors
from hashcredit.simulator.scenario.scenario import Scenario
from hashcredit.simulator.setup.parameters import compile_macro_paths, compile_parameters
from hashcredit.simulator.state.pool import (
    ASSET,
    ASSETS,
    INVESTOR,
    INVESTORS,
    MACRO,
    FundingRule,
    MacroFlow,
    MacroSector,
)

REPLICATES = 16
SEED = 2**63 - 1
"""Of these replicates; any would do, and a run's own seed has no part in it."""
PASSES = 2
"""The pool's part depends a little on the fundamentals' own."""
WEEKS = 156
"""Their length, whatever the scenario's horizon: a shorter run is the beginning of a longer one."""


def pool_parameters(scenario: Scenario) -> np.ndarray:
    """The parameter record of a scenario, with the volatility of fundamentals that its pool asks for."""
    record = compile_parameters(scenario)
    if record["funding_rule"][0] == FundingRule.POOL:
        record["asset_volatility"] = own_volatility(
            scenario.funding,
            scenario.assets,
            scenario.investors,
            scenario.shocks,
            scenario.credit.policy_rate,
            scenario.credit.btc_recovery,
        )
    return record


@lru_cache(maxsize=512)
def own_volatility(
    funding: Funding,
    assets: Assets,
    investors: Investors,
    shocks: Shocks,
    policy_rate: float,
    btc_recovery: float,
) -> tuple[float, ...]:
    """Annual volatility of each fundamental; 0 where the pool adds more than the scenario states.

    The arguments are all that it depends on, so that a study of anything else measures it once.
    """
    scenario = Scenario().model_copy(
        update={
            "funding": funding,
            "assets": assets,
            "investors": investors,
            "shocks": shocks,
            "credit": Credit(policy_rate=policy_rate, btc_recovery=btc_recovery),
        }
    )
    record = compile_parameters(scenario)
    record["shocks_antithetic"] = 0  # how replicates are drawn must not change what a scenario says
    total = record["asset_volatility"][0].copy()
    paths = compile_macro_paths(scenario, WEEKS)
    for _ in range(PASSES):
        added = added_variance(record, paths, scenario.funding.opening_tightness)
        record["asset_volatility"][0] = np.sqrt(np.maximum(total**2 - added, 0.0))
    return tuple(record["asset_volatility"][0].tolist())


def added_variance(record: np.ndarray, paths: np.ndarray, tightness: float) -> np.ndarray:
    """Annual variance of the weekly changes of `m - D (kappa - kappa_0)`, by asset class."""
    macro, assets = np.zeros(1, MACRO), np.zeros((1, ASSETS), ASSET)
    investors = np.zeros((1, INVESTORS), INVESTOR)
    flows = np.zeros((1, len(MacroFlow), len(MacroSector)))
    series = np.zeros((WEEKS, 1, ASSETS), ASSET)
    macros = np.zeros((WEEKS, 1), MACRO)
    receipts = np.zeros((WEEKS, 1, len(MacroFlow)))
    variances = np.zeros(ASSETS)
    for replicate in range(REPLICATES):
        run_pool(
            macro,
            assets,
            investors,
            flows,
            record,
            paths,
            np.empty(0),
            tightness,
            np.zeros(WEEKS),
            SEED,
            replicate,
            macros,
            series,
            receipts,
        )
        part = np.log(series["price"][:, 0]) - series["fundamental"][:, 0]
        changes = np.diff(part, axis=0, prepend=0.0)
        variances += changes.var(axis=0) * WEEKS_A_YEAR
    return variances / REPLICATES
