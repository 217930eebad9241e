"""Whole numbers of machines and of events have 64 bits; what is narrower cannot grow with a market."""

import pytest

from hashcredit.agents.rows import columns_of
from hashcredit.simulator.state.arrays import FIELDS, TABLES

ROWS = {"holder", "obligor", "loan", "agent", "counterparty", "node", "source", "machine", "bidder", "lot"}
"""Places in tables, of which there are at most a few hundred thousand."""
FLAGS = {
    *("used", "on", "amortising", "fixed_rate", "borrowing_base", "cash_sweep", "recourse", "cross_default"),
    *("maturity_sweep", "sweeping", "listed", "selling", "settling", "marked", "syndicated", "hung"),
}
SMALL = {
    "rank": "two ranks",
    "grade": "four grades",
    "customer_grade": "four grades",
    "site_class": "four classes",
    "site": "four classes",
    "sector": "seven sectors",
    "error": "a code",
    "pending_cause": "a code",
    "pending_channel": "a code",
    "trigger_channel": "a code",
    "order": "five assets",
    "facilities": "FACILITIES at most",
    "claims": "FACILITIES at most",
    "controlled": "a flag of a loan, FACILITIES at most of a borrower",
    "contracts": "CONTRACTS at most",
    "idle_plans": "as many plans as costs.lease_exit_weeks have room for, then none",
    "orders": "ORDERS at most",
    "launches": "MAX_LAUNCHES at most",
    "number": "loans of a run: 250,000 borrowers with a new one each a week take 165 years to 2^31",
    "foreseen": "MAX_LAUNCHES at most",
}


@pytest.mark.parametrize("table", TABLES)
def test_narrow_columns_are_weeks_places_codes_or_flags(table):
    for column in columns_of(FIELDS[table].dtype):
        if column.kind in ("i1", "u1", "i2", "i4"):
            known = column.codes is not None or column.name in {*ROWS, *FLAGS, *SMALL}
            assert known or "week" in f"{column.name} {column.meaning}", column
