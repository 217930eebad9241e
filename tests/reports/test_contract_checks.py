"""`--check` on contracts and orders; as `test_checks`."""

import pytest
from damage import first, names

from hashcredit.agents.dimensions import (
    CONTRACTS,
    FACILITIES,
    GRADES,
    ORDERS,
    BorrowerStatus,
    LenderStatus,
)

# Contracts


@pytest.mark.parametrize(
    ("field", "value", "complaint"),
    [
        ("units", -1, "not negative"),
        ("rent", -1e-9, "not negative"),
        ("hazard_left", 0.0, "positive"),
        ("customer_grade", GRADES, "a grade"),
        ("customer_grade", -1, "a grade"),
        ("start_week", 10_000, "not before its start"),
        ("machine", 4, "a live loan of its borrower"),
    ],
)
def test_a_contract_without_sense(state, caught, field, value, complaint):
    row = first((state.contracts["units"] > 0) & (state.contracts["loan"] >= 0))
    state.contracts[field][row] = value
    text = caught()
    assert f"contracts[{row}]" in text and complaint in text


def test_a_contract_on_the_machines_of_another_borrower(state, caught):
    row = first((state.contracts["units"] > 0) & (state.contracts["loan"] >= 0))
    state.contracts["loan"][row] = (state.contracts["loan"][row] + FACILITIES) % len(state.loans)
    assert names(caught(), f"contracts[{row}]", "loan")


def test_a_contract_on_a_loan_that_is_over(state, caught):
    row = first((state.contracts["units"] > 0) & (state.contracts["loan"] >= 0))
    state.loans["machine"][state.contracts["loan"][row]] = -1
    assert names(caught(), f"contracts[{row}]", "loan")


def test_a_contract_in_a_row_that_nobody_looks_at(state, caught):
    row = first(state.contracts["units"] > 0)
    state.borrowers["contracts"][row // CONTRACTS] = row % CONTRACTS
    assert names(caught(), f"contracts[{row}]", "row")


def test_more_let_than_is_pledged(state, caught):
    row = first((state.contracts["units"] > 0) & (state.contracts["loan"] >= 0))
    loan = state.contracts["loan"][row]
    state.contracts["units"][row] = state.loans["units"][loan] + 1
    assert names(caught(), f"loans[{loan}]", "units let")


def test_more_let_than_is_owned(state, caught):
    row = first((state.contracts["units"] > 0) & (state.contracts["loan"] >= 0))
    b, m = row // CONTRACTS, state.contracts["machine"][row]
    state.contracts["loan"][row] = -1
    more = state.borrowers["units"][b, m] + 1 - state.contracts["units"][row]
    state.contracts["units"][row] += more
    state.borrowers["let"][b] += more
    assert names(caught(), f"(borrowers[{b}])", "let")


def test_machines_let_that_are_not_counted(state, caught):
    b = first(state.borrowers["let"] > 0)
    state.borrowers["let"][b] -= 1
    assert names(caught(), f"(borrowers[{b}])", "let")


def test_a_contract_that_ends_before_its_borrower_looks(state, caught):
    row = first(state.contracts["units"] > 0)
    state.borrowers["first_end"][row // CONTRACTS] = state.contracts["end_week"][row] + 1
    assert names(caught(), f"contracts[{row}]", "end_week")


# Orders


@pytest.mark.parametrize("field", ["units", "deposit", "commitment", "price", "offer"])
def test_nothing_negative_on_an_order(state, caught, field):
    row = first(state.orders["units"] > 0)
    state.orders[field][row] = -1
    assert names(caught(), f"orders[{row}]", field)


@pytest.mark.parametrize("field", ["deposit", "commitment"])
def test_a_closed_order_is_worth_nothing(state, caught, field):
    row = first(state.orders["units"] == 0)
    state.orders[field][row] = 1.0
    assert names(caught(), f"orders[{row}]", "deposit or commitment")


@pytest.mark.parametrize("field", ["deposits", "reserved", "orders", "next_delivery"])
def test_sums_over_orders_are_the_borrowers(state, caught, field):
    b = first(state.borrowers["orders"] > 0)
    state.borrowers[field][b] += 1
    assert names(caught(), f"(borrowers[{b}])", field)


def test_a_commitment_without_an_order(state, caught):
    index = first(state.lenders["committed"] > 0.0)
    state.lenders["committed"][index] += 1e-6
    assert names(caught(), f"(lenders[{index}])", "committed")


def test_a_commitment_of_nobody(state, caught):
    row = first(state.orders["commitment"] > 0.0)
    state.orders["holder"][row] = -1
    assert names(caught(), f"orders[{row}]", "commitment")


def test_a_failed_lender_promises_nothing(state, caught):
    row = first(state.orders["commitment"] > 0.0)
    state.lenders["status"][state.orders["holder"][row]] = LenderStatus.RECEIVERSHIP
    assert "no live lender" in caught()


def test_a_failed_borrower_has_nothing_on_order(state, caught):
    row = first(state.orders["units"] > 0)
    state.borrowers["status"][row // ORDERS] = BorrowerStatus.IN_RESOLUTION
    assert names(caught(), f"orders[{row}]", "units")
