"""Interventions: from a week on the scenario's numbers are others.

The parameter table has one row for the start and one for each week in which interventions set in
(`from_week`). Contracts keep the terms that they were written with; new ones get those of the day.
"""

import numpy as np

from hashcredit.agents.compiled import kernel
from hashcredit.agents.dimensions import Channel
from hashcredit.simulator.books.events import note
from hashcredit.simulator.books.terms import change_borrower_terms, change_buyer_terms, change_lender_terms
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
    for borrower in economy.borrowers:
        change_borrower_terms(borrower, old, new)
    for lender in economy.lenders:
        change_lender_terms(lender, old, new)
    for buyer in economy.buyers:
        change_buyer_terms(buyer, old, new)
