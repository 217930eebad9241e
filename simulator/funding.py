"""Funding conditions of the week: tightness and cost of capital."""

import math

from hashcredit.agents.compiled import kernel
from hashcredit.agents.dimensions import Record
from hashcredit.simulator.economy import Economy


@kernel
def set_funding(economy: Economy, p: Record) -> None:
    """Read tightness from the scenario's path; the cost of capital is convex in tightness."""
    market = economy.market[0]
    tightness = economy.tightness_path[market.week]
    market.tightness = tightness
    market.policy_rate = p.credit_policy_rate
    premium = p.funding_premium + p.funding_premium_convexity * tightness * tightness
    market.cost_of_capital = market.policy_rate + premium
    market.offtaker_stress = math.exp(p.credit_offtaker_tightness * tightness)
