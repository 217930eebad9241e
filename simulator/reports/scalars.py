"""The scalars of a run: one row each, with unit, meaning and what it is made of in OUTCOMES.

The summary, units in results, words of printed tables and docs/observables.md follow from these rows.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from hashcredit.agents.dimensions import Cause

Outcomes = np.ndarray
"""OUTCOMES rows, of any shape."""


class Scalar(NamedTuple):
    """A number of each run."""

    name: str
    unit: str
    meaning: str
    made_of: str
    """A field of OUTCOMES, or how it is computed from such fields."""
    compute: Callable[[Outcomes], np.ndarray] | None = None
    """Where it is more than a field."""
    words: str = ""
    """Short words in printed tables; empty: the name."""

    def of(self, outcomes: Outcomes) -> np.ndarray:
        """One value a row."""
        return np.asarray(self.compute(outcomes)) if self.compute else outcomes[self.made_of]


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """NaN where there is nothing to divide by."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(whole > 0, part / whole, np.nan)


def _recovery(outcomes: Outcomes) -> np.ndarray:
    return _ratio(outcomes["resolved_recoveries"], outcomes["resolved_claims"])


def _by_cause(cause: Cause) -> Scalar:
    """Borrowers that failed for a cause."""
    name = cause.name.lower()
    return Scalar(
        f"defaults_{name}",
        "borrowers",
        f"borrowers that failed, cause {name.replace('_', ' ')}",
        f"`defaults_by_cause[{name}]`",
        lambda outcomes: outcomes["defaults_by_cause"][..., cause],
    )


SCALARS = (
    Scalar("defaults", "borrowers", "borrowers that failed", "defaults", words="defaults"),
    Scalar("defaults_miners", "borrowers", "of these, miners", "defaults_miners", words="defaults of miners"),
    Scalar(
        "defaults_neoclouds",
        "borrowers",
        "of these, neo-clouds",
        "defaults_neoclouds",
        words="defaults of neo-clouds",
    ),
    Scalar(
        "lender_failures",
        "lenders",
        "lenders that went into receivership, insolvent or unfunded",
        "lender_failures",
        words="lender failures",
    ),
    Scalar(
        "facility_defaults",
        "facilities",
        "facilities in default whose borrowers lived on",
        "facility_defaults",
    ),
    Scalar("hand_backs", "facilities", "of these, by choice", "hand_backs"),
    Scalar(
        "refinancings_refused",
        "loans",
        "bullets that were not extended, converted or covered",
        "refinancings_refused",
    ),
    Scalar(
        "sites_taken_over",
        "sites",
        "sites of failed borrowers that a rival took over in place; their pledged machines are in the paper "
        "values and proceeds, not in `units_dumped`",
        "sites_taken_over",
    ),
    Scalar("equity_raised_musd", "M$", "shares sold by borrowers, without conversions", "equity_raised"),
    Scalar(
        "debt_defaulted",
        "M$",
        "face at default of all loans of failed borrowers and of facilities that failed alone",
        "debt_defaulted",
        words="debt in default",
    ),
    Scalar(
        "recovery_rate",
        "share of claims",
        "discounted recoveries over claims, of claims whose estate closed before the horizon; NaN if none",
        "`resolved_recoveries` / `resolved_claims`",
        _recovery,
        words="recovery rate",
    ),
    Scalar(
        "loss_given_default",
        "share of claims",
        "what was not recovered of them",
        "1 - `recovery_rate`",
        lambda outcomes: 1.0 - _recovery(outcomes),
    ),
    Scalar(
        "realised_to_paper",
        "share",
        "proceeds of the seized machines that were sold, to their appraisal at seizure; NaN if none were",
        "`proceeds_sold` / `paper_sold`",
        lambda outcomes: _ratio(outcomes["proceeds_sold"], outcomes["paper_sold"]),
        words="proceeds to paper value",
    ),
    Scalar(
        "units_dumped",
        "units",
        "machines seized by creditors",
        "units_dumped",
        words="machines seized by creditors",
    ),
    Scalar(
        "units_unsold",
        "units",
        "machines still with creditors and estates at the end",
        "units_unsold",
        words="machines unsold at the end",
    ),
    Scalar(
        "paper_value_musd",
        "M$",
        "appraisal at seizure of all machines seized, or sold in place",
        "paper_seized",
        words="paper value of seized machines",
    ),
    Scalar(
        "paper_sold_musd",
        "M$",
        "the same of those sold since",
        "paper_sold",
        words="paper value of those sold",
    ),
    Scalar("proceeds_musd", "M$", "what these fetched", "proceeds_sold", words="proceeds of their sale"),
    Scalar(
        "creditor_loss_musd",
        "M$",
        "principal written off, and allowances on claims that are open at the end",
        "`credit_lost` + `allowances`",
        lambda outcomes: outcomes["credit_lost"] + outcomes["allowances"],
        words="creditor loss",
    ),
    Scalar("peak_haircut", "share", "largest haircut on back-leverage", "peak_haircut"),
    Scalar(
        "mean_tightness",
        "0 to 1",
        "mean over weeks of the tightness that agents saw",
        "`tightness_sum` / `weeks`",
        lambda outcomes: outcomes["tightness_sum"] / np.maximum(outcomes["weeks"], 1),
    ),
    Scalar(
        "repo_calls",
        "calls",
        "calls on back-leverage that lenders could not meet at once",
        "repo_calls",
    ),
    Scalar("loans_sold_musd", "M$", "face of loans sold by lenders to lenders", "loans_sold"),
    Scalar(
        "interlender_loss_musd",
        "M$",
        "written down by lenders on claims on failed ones, net of what was paid later",
        "interlender_losses",
    ),
    Scalar(
        "authority_loss_musd",
        "M$",
        "what lenders that are closed owed the standing facility",
        "authority_losses",
    ),
    Scalar(
        "authority_exposure_musd",
        "M$",
        "what failed lenders still owe it at the end",
        "authority_exposure",
    ),
    Scalar(
        "most_rounds", "rounds", "largest number of rounds of failures and sales in a week", "most_rounds"
    ),
    Scalar("money_residual", "", "largest error of total cash, relative", "money_residual"),
    Scalar(
        "balance_residual",
        "",
        "largest difference between the two sides of an instrument, relative",
        "balance_residual",
    ),
    Scalar("units_residual", "units", "largest error of the count of machines", "units_residual"),
    Scalar(
        "macro_residual", "", "largest error of the money of the funding pool, relative", "macro_residual"
    ),
    # a facility is handed back, its borrower lives on
    *(_by_cause(cause) for cause in Cause if cause not in (Cause.NONE, Cause.HAND_BACK)),
)

BY_NAME = {scalar.name: scalar for scalar in SCALARS}


def summarise(outcomes: Outcomes) -> dict[str, np.ndarray]:
    """Scalars of runs from their closing OUTCOMES rows (any shape); one array a scalar."""
    return {scalar.name: scalar.of(outcomes) for scalar in SCALARS}
