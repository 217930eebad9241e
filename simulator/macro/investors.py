"""Macro investors' week: commitments and redemptions, met by selling what they believe in least."""

import numpy as np

from hashcredit.agents.compiled import kernel
from hashcredit.agents.dimensions import Record
from hashcredit.agents.units import WEEK
from hashcredit.simulator.state.pool import MacroFlow, MacroSector

DUST = 1e-9
"""bn$: a portfolio worth less is what rounding left of one that was sold."""


@kernel
def post(flows: np.ndarray, kind: int, payer: int, payee: int, amount: float) -> None:
    """Note a payment (bn$; negative: the other way) in the flow matrix of one world."""
    flows[kind, payer] -= amount
    flows[kind, payee] += amount


@kernel
def pay(macro: Record, flows: np.ndarray, kind: int, payer: int, payee: int, amount: float) -> None:
    """Move money (bn$) between two accounts other than investors'."""
    macro.cash[payer] -= amount
    macro.cash[payee] += amount
    if payee == MacroSector.POOL:
        macro.water += amount / WEEK
    elif payer == MacroSector.POOL:
        macro.drain += amount / WEEK
    post(flows, kind, payer, payee, amount)


@kernel
def pay_investor(
    macro: Record, flows: np.ndarray, investor: Record, kind: int, payer: int, amount: float
) -> None:
    """An investor receives money (bn$; negative: it pays)."""
    macro.cash[payer] -= amount
    investor.cash += amount
    if payer == MacroSector.POOL:
        macro.drain += amount / WEEK
    post(flows, kind, payer, MacroSector.INVESTORS, amount)


@kernel
def sell(macro: Record, flows: np.ndarray, assets: np.ndarray, investor: Record, wanted: float) -> None:
    """Sell for `wanted` bn$ at this week's prices, lowest conviction first, as far as holdings go.

    The buyers' money comes from the pool; the price notices next week.
    """
    for place in range(investor.order.shape[0]):
        if wanted <= 0.0:
            return
        asset = investor.order[place]
        worth = investor.holdings[asset] * assets[asset].relative
        if worth <= 0.0:
            continue
        if wanted < worth:
            amount = wanted
            investor.holdings[asset] -= wanted / assets[asset].relative
        else:
            amount = worth
            investor.holdings[asset] = 0.0
        wanted -= amount
        assets[asset].sold += amount
        investor.sales += amount
        pay_investor(macro, flows, investor, MacroFlow.ASSET_SALES, MacroSector.POOL, amount)


@kernel
def worth_of(assets: np.ndarray, investor: Record) -> float:
    """Holdings at this week's prices, bn$."""
    total = 0.0
    for asset in range(assets.shape[0]):
        total += investor.holdings[asset] * assets[asset].relative
    return total


@kernel
def mark(assets: np.ndarray, investor: Record) -> None:
    """Worth of a share after the week's prices, and its peak; sales and payments do not change it."""
    before = investor.cash
    after = investor.cash
    for asset in range(assets.shape[0]):
        before += investor.holdings[asset] * assets[asset].before
        after += investor.holdings[asset] * assets[asset].relative
    if before > DUST:
        investor.unit *= after / before
    investor.peak = max(investor.peak, investor.unit)


@kernel
def redemption_asked(assets: np.ndarray, investor: Record, threshold: float, share: float) -> float:
    """What clients ask back this week, bn$: a share of the portfolio while it is too far from its peak."""
    if investor.unit >= (1.0 - threshold) * investor.peak:
        return 0.0
    return min(1.0, share * WEEK) * (worth_of(assets, investor) + max(0.0, investor.cash))


@kernel
def meet(
    macro: Record, flows: np.ndarray, assets: np.ndarray, investor: Record, kind: int, payee: int, due: float
) -> float:
    """Pay what is due, from cash and then by selling; return what was paid, bn$."""
    sell(macro, flows, assets, investor, due - max(0.0, investor.cash))
    paid = min(due, max(0.0, investor.cash))
    pay_investor(macro, flows, investor, kind, payee, -paid)
    return paid


@kernel
def investors_week(
    macro: Record, assets: np.ndarray, investors: np.ndarray, flows: np.ndarray, p: Record, external: float
) -> float:
    """All investors' week; return what they paid for capex, bn$.

    What clients ask back goes to an account of theirs outside the pool: whoever bought from the investor has
    paid from the pool, so money that came back at once would make a sale under stress loosen funding.

    external    capex that others than hyperscalers pay for this week, bn$; they never pay more than that
    """
    committed = 0.0
    for i in range(investors.shape[0]):
        committed += p.investors_commitment[i] * WEEK
    part = min(1.0, external / committed) if committed > 0.0 else 0.0
    total = 0.0
    for i in range(investors.shape[0]):
        investor = investors[i]
        mark(assets, investor)
        asked = redemption_asked(
            assets, investor, p.investors_redemption_threshold[i], p.investors_redemption_share[i]
        )
        inflow = p.investors_inflow[i] * WEEK
        if inflow > 0.0:
            pay_investor(macro, flows, investor, MacroFlow.SAVING, MacroSector.SAVERS, inflow)
        due = p.investors_commitment[i] * WEEK * part
        if due > 0.0:
            paid = meet(macro, flows, assets, investor, MacroFlow.COMMITMENTS, MacroSector.HYPERSCALERS, due)
            investor.commitments += paid
            total += paid
        if asked > 0.0:
            paid = meet(macro, flows, assets, investor, MacroFlow.REDEMPTIONS, MacroSector.CLIENTS, asked)
            investor.redemptions += paid
        spare = investor.cash - investor.target
        if spare > 0.0:
            pay_investor(macro, flows, investor, MacroFlow.PLACEMENTS, MacroSector.POOL, -spare)
    return total
