"""Terms of agents: columns of their rows that start as numbers of the scenario and follow interventions.

A column says so itself (`term` in `agents.rows.Column`); the kernels here are written from that.
"""

from collections.abc import Callable, Iterator

import numpy as np

from hashcredit.agents.borrower import BORROWER
from hashcredit.agents.buyer import BUYER
from hashcredit.agents.compiled import written_out
from hashcredit.agents.lender import LENDER
from hashcredit.agents.rows import columns_of


def terms_of(row: np.dtype, number: str) -> Iterator[tuple[str, str]]:
    """Column and parameter of each term of an agent's row; `number` says how kernels call a field."""
    for column in columns_of(row):
        if column.term:
            yield f"agent.{column.name}", number.format(column.term)


def _take(name: str, row: np.dtype, number: str) -> Callable[..., None]:
    """A kernel that gives an agent, whose kind and grade are known, the terms of the parameters `p`."""
    return written_out(name, "agent, p", [f"{own} = p.{new}" for own, new in terms_of(row, number)])


def _change(name: str, row: np.dtype, number: str) -> Callable[..., None]:
    """A kernel that gives an agent those terms that differ between the parameters `old` and `new`."""
    lines = [f"if new.{term} != old.{term}: {own} = new.{term}" for own, term in terms_of(row, number)]
    return written_out(name, "agent, old, new", lines)


OF_BORROWERS, OF_LENDERS, OF_BUYERS = (
    "credit_{}[agent.grade]",
    "lenders_{}[agent.kind]",
    "buyers_{}[agent.kind]",
)

take_borrower_terms = _take("take_borrower_terms", BORROWER, OF_BORROWERS)
take_lender_terms = _take("take_lender_terms", LENDER, OF_LENDERS)
take_buyer_terms = _take("take_buyer_terms", BUYER, OF_BUYERS)
change_borrower_terms = _change("change_borrower_terms", BORROWER, OF_BORROWERS)
change_lender_terms = _change("change_lender_terms", LENDER, OF_LENDERS)
change_buyer_terms = _change("change_buyer_terms", BUYER, OF_BUYERS)
