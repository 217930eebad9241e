"""Phase `funding`: the funding pool's week as the market meets it."""

import math

from hashcredit.agents.compiled import kernel
from hashcredit.agents.dimensions import Record
from hashcredit.agents.units import BILLION
from hashcredit.simulator.macro.pool import build_compute, cost_of_capital, fund_week, open_funding
from hashcredit.simulator.state.codes import Flow, Sector
from hashcredit.simulator.state.economy import Economy
from hashcredit.simulator.state.pool import WITH, WITHOUT, FundingRule, MacroPath


@kernel
def world_seen(p: Record) -> int:
    """The row of the pool's tables that agents live in: without their own feedback if its channel is off."""
    if p.channels_macro_funding:
        return WITH
    return WITHOUT


@kernel
def new_debt(economy: Economy) -> float:
    """Loans drawn less repayments and recoveries since this was last asked, M$."""
    market = economy.market[0]
    flows = economy.flows
    repaid = flows[Flow.LOAN_REPAYMENTS, Sector.LENDERS] + flows[Flow.RECOVERIES, Sector.LENDERS]
    owed = -flows[Flow.LOAN_DRAWDOWNS, Sector.LENDERS] - repaid
    change = owed - market.debt_seen
    market.debt_seen = owed
    return change


@kernel
def see_funding(economy: Economy, p: Record, tightness: float) -> None:
    """What agents see of funding this week."""
    market = economy.market[0]
    market.tightness = tightness
    market.policy_rate = p.credit_policy_rate
    market.cost_of_capital = cost_of_capital(p, tightness)
    market.offtaker_stress = math.exp(p.credit_offtaker_tightness * tightness)


@kernel
def note_tightness(economy: Economy) -> None:
    """Add the week to the run's mean tightness."""
    outcomes = economy.outcomes[0]
    outcomes.tightness_sum += economy.market[0].tightness
    outcomes.weeks += 1


@kernel
def open_conditions(economy: Economy, p: Record) -> None:
    """Funding of the opening."""
    tightness = economy.tightness_path[0]
    open_funding(economy.macro, economy.assets, economy.investors, economy.macro_flows, p, tightness)
    see_funding(economy, p, tightness)


@kernel
def set_funding(economy: Economy, p: Record) -> None:
    """Run both worlds of the pool for a week, or read tightness from its path."""
    clock = economy.clock[0]
    market = economy.market[0]
    week = clock.week
    if p.funding_rule == FundingRule.PATH:
        capex = economy.macro_paths[week, MacroPath.CAPEX]
        for world in range(economy.macro.shape[0]):
            economy.macro[world].capex = capex
            build_compute(economy.macro[world], p, capex, economy.macro_paths[0, MacroPath.CAPEX], week)
        see_funding(economy, p, economy.tightness_path[week])
        note_tightness(economy)
        return
    scale = p.funding_scale * BILLION
    issuance = new_debt(economy) * scale
    coins = market.coins_seen * scale
    for world in range(economy.macro.shape[0]):
        own = world == WITH
        fund_week(
            economy.macro[world],
            economy.assets[world],
            economy.investors[world],
            economy.macro_flows[world],
            p,
            economy.macro_paths,
            week,
            issuance if own else 0.0,
            coins if own else 0.0,
        )
    see_funding(economy, p, economy.macro[world_seen(p)].tightness)
    note_tightness(economy)
