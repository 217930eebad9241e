"""Phase `losses`: what savers put into lenders and what they take out.

Funds take subscriptions while they have use for them, the more the looser funding is and the more they have
earned; after losses their clients redeem, and what a fund pays out in a year is gated. Banks retain income.

The cash comes from savers outside. The funding pool is drained when it is lent (`conditions.new_debt`),
however lenders fund that, so it is not drained a second time here.
"""

import math

from hashcredit.agents.compiled import kernel
from hashcredit.agents.dimensions import LenderStatus, Record
from hashcredit.agents.lender import redemptions, subscriptions
from hashcredit.agents.units import WEEK
from hashcredit.simulator.books.ledger import lending_equity, losses_bind, pay, sum_of
from hashcredit.simulator.lenders.funding import cash_target
from hashcredit.simulator.state.codes import Flow
from hashcredit.simulator.state.economy import Economy

LEAST_SLACK = 0.01
"""Of the funding pool in the opening, under which more slack than that counts as no more."""
YEAR_OF_RETURNS = 52.0
"""Weeks over which a fund's past return is averaged."""


@kernel
def observe_return(p: Record, lender: Record) -> None:
    """Move a lender's trailing return on equity on by a week; losses that are ignored do not lower it."""
    equity = lending_equity(p, lender)
    earned = lender.income - lender.income_seen
    if not losses_bind(p):
        earned += lender.losses - lender.losses_seen
    lender.income_seen = lender.income
    lender.losses_seen = lender.losses
    if equity > 0.0:
        keep = math.exp(-1.0 / YEAR_OF_RETURNS)
        lender.trailing_return = keep * lender.trailing_return + (1.0 - keep) * earned / (equity * WEEK)


@kernel
def equity_wanted(p: Record, lender: Record) -> float:
    """Equity (M$) that a lender lacks for what it has lent and promised, at its target with headroom."""
    book = sum_of(lender.loans) + lender.committed
    want = lender.capital_target * (1.0 + p.lenders_headroom[lender.kind]) * book
    return max(0.0, want - lending_equity(p, lender))


@kernel
def meet_savers(economy: Economy, p: Record, lender: Record) -> None:
    """A week's subscriptions to a live fund, and the redemptions that its gate and its cash allow."""
    if lender.status != LenderStatus.ALIVE or p.lenders_inflow[lender.kind] <= 0.0:
        return
    market = economy.market[0]
    observe_return(p, lender)
    equity = lending_equity(p, lender)
    if equity <= 0.0:
        return
    opening_slack = max(LEAST_SLACK, 1.0 - economy.repo[0].opening_tightness)
    slack = (1.0 - market.tightness) / opening_slack
    fresh = subscriptions(
        p.lenders_inflow[lender.kind], slack, lender.trailing_return, market.cost_of_capital
    )
    fresh = min(fresh * equity * WEEK, equity_wanted(p, lender))
    if fresh > 0.0:
        pay(economy, Flow.EQUITY_INJECTIONS, economy.world[0], lender, fresh)
        lender.issuance += fresh
    asked = redemptions(lender.trailing_return, p.lenders_gate[lender.kind]) * equity * WEEK
    paid = min(asked, max(0.0, lender.cash - cash_target(p, lender)))
    if paid > 0.0:
        pay(economy, Flow.DISTRIBUTIONS, lender, economy.world[0], paid)
        lender.distributions += paid
