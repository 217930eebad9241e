"""Claims of a run, failure by failure: what was owed, what came back, and what is still open at the horizon.

A failure is that of a borrower, with all its debts, or that of one facility whose borrower lives on. What
closed claims recovered is in the event log, what open ones have recovered so far is on the loans' rows.
Recoveries are net of removal and storage, and not discounted, which the scalar `recovery_rate` is.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from hashcredit.simulator.reports.ratios import ratios_of_sums
from hashcredit.simulator.reports.run import Run

if TYPE_CHECKING:
    import pandas as pd

FAILURES = ("default", "facility_default", "hand_back")
"""Kinds of events that turn loans into claims."""
OF_DEFAULT = ("default_week", "default_kind", "cause", "borrower_kind", "borrower")
OPEN = -1
"""Closing week of a failure of which a claim is open."""

RATES = {
    "closed": ("closed_claim_musd", "closed_recovered_musd"),
    "all, open as lenders expect": ("claim_musd", "expected_musd"),
    "all, open bring no more": ("claim_musd", "least_musd"),
    "all, open are paid in full": ("claim_musd", "claim_less_lost_musd"),
}
"""Recovery rates with their columns, those of claims first."""


def defaulted_claims(run: Run) -> "pd.DataFrame":
    """The failures of a run in their order, one row each, with the claims that they made.

    Columns: default_event (row of `run.events`), default_week, default_kind, cause, borrower_kind, borrower;
    claim_musd, face at default; closing_week, -1 while a claim is open; recovered_musd, until the horizon;
    owed_musd, what open claims still ask; allowance_musd, what lenders expect to lose of that.

    The claims add up to the scalar `debt_defaulted`, those of open failures to what is in default at the end.
    """
    events, loans = run.events, run.tables["loans"]
    found = events[events.kind.isin(FAILURES)]
    names = {"week": "default_week", "kind": "default_kind", "agent_kind": "borrower_kind"}
    names |= {"agent_name": "borrower", "amount_musd": "claim_musd"}
    claims = found.rename(columns=names)[[*OF_DEFAULT, "claim_musd"]]
    closed = events[events.kind == "recovery"].groupby("parent")
    closed = closed.agg(closing_week=("week", "max"), paid=("amount_musd", "sum"))
    still = loans[loans.status == "defaulted"].groupby("default_event")
    still = still[["recovered", "principal", "allowance"]].sum()
    claims = claims.join(closed).join(still)
    is_open = claims.principal.notna()
    week = claims.closing_week.where(~is_open, OPEN).fillna(claims.default_week).astype(np.int64)
    claims = claims.assign(
        closing_week=week,
        recovered_musd=claims[["paid", "recovered"]].sum(axis=1),
        owed_musd=claims.principal.fillna(0.0),
        allowance_musd=claims.allowance.fillna(0.0),
    )
    claims.insert(0, "default_event", claims.index)
    return claims.drop(columns=["paid", "recovered", "principal", "allowance"]).reset_index(drop=True)


def recovery_rates(claims: "pd.DataFrame", clusters: Sequence[str] | None = None) -> "pd.DataFrame":
    """What share of claims was recovered, with intervals: of closed ones, and of all under three assumptions.

    Closed claims are a selection: those that take long, or came late, are missing. The last two rows bound
    what open ones may bring. They meet where a cohort of early failures is followed until all is closed.

    Parameters
    ----------
    claims : DataFrame
        Of `defaulted_claims`; of many runs below each other, with columns seed and replicate, or others that
        are named by `clusters`. Rows of a cohort alone give its rates.

    Returns
    -------
    DataFrame
        One row for each of `RATES`: value, standard_error, low and high (95 %).
    """
    is_closed = claims.closing_week != OPEN
    lost = np.where(is_closed, claims.claim_musd - claims.recovered_musd, 0.0)
    table = claims.assign(
        closed_claim_musd=claims.claim_musd.where(is_closed, 0.0),
        closed_recovered_musd=claims.recovered_musd.where(is_closed, 0.0),
        expected_musd=claims.recovered_musd + claims.owed_musd - claims.allowance_musd,
        least_musd=claims.recovered_musd,
        claim_less_lost_musd=claims.claim_musd - lost,
    )
    return ratios_of_sums(table, RATES, clusters)
