"""Funding conditions of the week: tightness, cost of capital and the haircut on lenders' borrowing."""

import math

from hashcredit.agents.compiled import kernel
from hashcredit.agents.dimensions import Record
from hashcredit.simulator.economy import Economy


@kernel
def set_funding(economy: Economy, p: Record) -> None:
    """Read tightness and haircut from the scenario's paths; the cost of capital is convex in tightness."""
    market = economy.market[0]
    tightness = economy.tightness_path[market.week]
    market.tightness = tightness
    market.policy_rate = p.credit_policy_rate
    premium = p.funding_premium + p.funding_premium_convexity * tightness * tightness
    market.cost_of_capital = market.policy_rate + premium
    market.offtaker_stress = math.exp(p.credit_offtaker_tightness * tightness)
    # with the channel off the haircut stays where it was
    week = market.week if p.channels_repo else 0
    market.haircut = economy.haircut_path[week]
    market.peak_haircut = max(market.peak_haircut, market.haircut)
