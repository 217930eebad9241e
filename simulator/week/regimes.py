"""Interventions: from a week on the scenario's numbers are others.

The parameter table has one row for the start and one for each week in which interventions set in
(`from_week`). Contracts keep the terms that they were written with; new ones get those of the day.
"""

import numpy as np

from hashcredit.agents.compiled import kernel
from hashcredit.agents.dimensions import Channel
from hashcredit.simulator.books.events import note
from hashcredit.simulator.state.codes import EventKind
from hashcredit.simulator.state.economy import Economy


@kernel
def regime(parameters: np.ndarray, week: int) -> int:
    """Row of the parameters that hold in a week."""
    row = 0
    while row + 1 < parameters.shape[0] and parameters[row + 1].from_week <= week:
        row += 1
    return row


@kernel
def enter_week(economy: Economy, parameters: np.ndarray) -> int:
    """The week's row of the parameters; agents take over terms that have changed with it."""
    week = economy.clock[0].week
    row = regime(parameters, week)
    if row > 0 and parameters[row].from_week == week:
        change_terms(economy, parameters, row)
        note(economy, EventKind.POLICY_CHANGE, channel=Channel.EXOGENOUS)
    return row


@kernel
def change_terms(economy: Economy, parameters: np.ndarray, row: int) -> None:
    """Give agents the terms of their kind that differ from those of the row before; others stay."""
    old, new = parameters[row - 1], parameters[row]
    for lender in economy.lenders:
        kind = lender.kind
        if new.lenders_advance_rate[kind] != old.lenders_advance_rate[kind]:
            lender.advance_rate = new.lenders_advance_rate[kind]
        if new.lenders_capital_target[kind] != old.lenders_capital_target[kind]:
            lender.capital_target = new.lenders_capital_target[kind]
        if new.lenders_capital_minimum[kind] != old.lenders_capital_minimum[kind]:
            lender.capital_minimum = new.lenders_capital_minimum[kind]
        if new.lenders_spread[kind] != old.lenders_spread[kind]:
            lender.cost_of_capital = new.lenders_spread[kind]
        if new.lenders_belief[kind] != old.lenders_belief[kind]:
            lender.belief = new.lenders_belief[kind]
    for borrower in economy.borrowers:
        spread = new.credit_borrower_spread_by_grade[borrower.grade]
        if spread != old.credit_borrower_spread_by_grade[borrower.grade]:
            borrower.cost_of_capital = spread
    for buyer in economy.buyers:
        kind = buyer.kind
        if new.buyers_spread[kind] != old.buyers_spread[kind]:
            buyer.cost_of_capital = new.buyers_spread[kind]
        if new.buyers_margin[kind] != old.buyers_margin[kind]:
            buyer.margin = new.buyers_margin[kind]
        if new.buyers_moving_cost[kind] != old.buyers_moving_cost[kind]:
            buyer.moving_cost = new.buyers_moving_cost[kind]
        if new.buyers_moving_cost_asic[kind] != old.buyers_moving_cost_asic[kind]:
            buyer.moving_cost_asic = new.buyers_moving_cost_asic[kind]
