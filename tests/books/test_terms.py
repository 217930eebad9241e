"""Terms of agents: what a column says, its field of the scenario is, and both kernels follow from it."""

import numpy as np
import pytest
from worlds import World

from hashcredit.agents.borrower import BORROWER
from hashcredit.agents.buyer import BUYER
from hashcredit.agents.lender import LENDER
from hashcredit.agents.rows import columns_of
from hashcredit.simulator.books.terms import change_lender_terms, take_lender_terms
from hashcredit.simulator.scenario.fields.buyers import BuyerTerms
from hashcredit.simulator.scenario.fields.credit import Credit
from hashcredit.simulator.scenario.fields.lenders import LenderTerms


@pytest.mark.parametrize(("row", "terms"), [(BORROWER, Credit), (LENDER, LenderTerms), (BUYER, BuyerTerms)])
def test_every_term_is_a_field(row, terms):
    named = {column.term for column in columns_of(row)} - {""}
    assert named
    assert named <= terms.model_fields.keys()


def test_a_lender_takes_the_terms_of_its_kind() -> None:
    w = World(neoclouds=1, banks=1, private_credit=1)
    w.p["lenders_advance_rate"] = (0.4, 0.5, 0.6)
    w.p["lenders_spread"] = (0.01, 0.02, 0.03)
    for index in (0, 1):
        take_lender_terms(w.lenders[index], w.p)
    assert w.lenders["advance_rate"].tolist() == [0.4, 0.5]
    assert w.lenders["cost_of_capital"].tolist() == [0.01, 0.02]


def test_only_what_differs_is_changed() -> None:
    w = World(neoclouds=1, banks=1)
    old, new = (np.array([w.p], w.setup.parameters.dtype) for _ in range(2))
    new["lenders_spread"][0] = old["lenders_spread"][0] + 0.01
    w.lender(0, advance_rate=0.33, cost_of_capital=0.5)  # set by hand, as a hook may do
    change_lender_terms(w.lenders[0], old[0], new[0])
    assert w.lenders["advance_rate"][0] == 0.33
    assert w.lenders["cost_of_capital"][0] == new["lenders_spread"][0][0]
