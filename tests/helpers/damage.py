"""The state that tests of `--check` damage, and how they read its complaints."""

import re

import numpy as np

from hashcredit.simulator import Scenario

SCENARIO = Scenario.load().with_changes(
    {
        "horizon_weeks": 30,
        "population.miners": 15,
        "population.neoclouds": 15,
        "shocks.forced_default": {"week": 2, "machine": "H100", "units": 20_000},
        "resolution.stay_low": 2,
        "resolution.stay_high": 12,
        "miners.btc_loan_probability": 1.0,
        "investment.decision_weeks": 5,
        "investment.hurdle": -0.5,
    }
)
HOLDERS = ("borrowers", "lenders", "buyers")
WEEKS = 12
"""In the middle of things: some stays are over and others not, creditors hold machines, buyers have some."""


def first(rows):
    """Index of the first row that is true."""
    return int(np.flatnonzero(rows)[0])


def names(text, who, field):
    """Whether a complaint names a row and a field, in any of the ways in which it does."""
    return bool(re.search(rf"\b{re.escape(field)}\b.* of (\S+ )?{re.escape(who)}(?!\d)", text))
