"""What came of a run: its scalars, one row each. `OUTCOMES`, the summary, units in results, words of printed
tables and docs/observables.md follow from these rows.

A scalar with a type is a field of `OUTCOMES`, and kernels write it. The others are worked out at the end.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from hashcredit.agents.dimensions import Cause
from hashcredit.agents.rows import Column, row

WHOLE, REAL = "i8", "f8"


class Scalar(NamedTuple):
    """A number of each run."""

    name: str
    kind: str
    """Type of its field; empty: it is computed."""
    unit: str
    meaning: str
    words: str = ""
    """Short words for printed tables, where it is printed."""
    formula: str = ""
    compute: Callable[[np.ndarray], np.ndarray] | None = None
    """From OUTCOMES rows of any shape to one value a row."""

    @property
    def label(self) -> str:
        """Its words in a table, with the unit of money; of counts the words say what is counted."""
        return f"{self.words}, M$" if self.unit == "M$" else self.words

    def of(self, outcomes: np.ndarray) -> np.ndarray:
        """One value a row of OUTCOMES."""
        return np.asarray(self.compute(outcomes)) if self.compute else outcomes[self.name]


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """NaN where there is nothing to divide by."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(whole > 0, part / whole, np.nan)


def _recovery(outcomes: np.ndarray) -> np.ndarray:
    return _ratio(outcomes["resolved_recoveries"], outcomes["resolved_claims"])


def _by_cause(cause: Cause) -> Scalar:
    """Borrowers that failed for a cause."""
    name = cause.name.lower()
    return Scalar(
        f"defaults_{name}",
        "",
        "borrowers",
        f"borrowers that failed, cause {name.replace('_', ' ')}",
        formula=f"defaults_by_cause[{name}]",
        compute=lambda outcomes: outcomes["defaults_by_cause"][..., cause],
    )


SCALARS = (
    Scalar("defaults", WHOLE, "borrowers", "borrowers that failed", "defaults"),
    Scalar(
        "extra_defaults",
        "",
        "borrowers",
        "of these, not forced by the scenario",
        "defaults not forced",
        "defaults - defaults_by_cause[forced]",
        lambda outcomes: outcomes["defaults"] - outcomes["defaults_by_cause"][..., Cause.FORCED],
    ),
    Scalar("defaults_miners", WHOLE, "borrowers", "of these, miners", "defaults of miners"),
    Scalar("defaults_neoclouds", WHOLE, "borrowers", "of these, neo-clouds", "defaults of neo-clouds"),
    Scalar("lender_failures", WHOLE, "lenders", "in receivership, insolvent or unfunded", "lender failures"),
    Scalar(
        "extra_lender_failures",
        WHOLE,
        "lenders",
        "of these, not forced by the scenario",
        "lender failures not forced",
    ),
    Scalar(
        "facility_defaults", WHOLE, "facilities", "in default, whose borrowers lived on", "facility defaults"
    ),
    Scalar("hand_backs", WHOLE, "facilities", "of these, by choice", "facilities handed back"),
    Scalar("waivers", WHOLE, "waivers", "of breaches of covenant, against a fee", "breaches waived"),
    Scalar(
        "control_taken",
        WHOLE,
        "facilities",
        "vehicles of which lenders took control in place, without acceleration",
        "vehicles taken in control",
    ),
    Scalar("refinancings_refused", WHOLE, "loans", "bullets and balloons not extended, converted or covered"),
    Scalar(
        "sites_taken_over",
        WHOLE,
        "sites",
        "of failed borrowers, taken over in place by a rival; their pledged machines are in the paper values "
        "and proceeds, not in `units_dumped`",
    ),
    Scalar("equity_raised_musd", REAL, "M$", "shares sold by borrowers, without conversions"),
    Scalar("bonds_issued_musd", REAL, "M$", "convertibles and high yield issued by borrowers for growth"),
    Scalar(
        "orders_musd",
        REAL,
        "M$",
        "price of the new machines that borrowers ordered",
        "orders of new machines",
    ),
    Scalar("prepayments_musd", REAL, "M$", "paid in advance by customers for machines on order"),
    Scalar("prepayments_lost_musd", REAL, "M$", "of these, lost by customers of borrowers that failed"),
    Scalar("vendor_loans_musd", REAL, "M$", "lent by vendors for a part of the price of their machines"),
    Scalar("vendor_lost_musd", REAL, "M$", "of these, lost by vendors; not in `creditor_loss_musd`"),
    Scalar(
        "new_lending_musd",
        REAL,
        "M$",
        "loans drawn for new machines, and the new money of loans refinanced",
        "new lending",
    ),
    Scalar(
        "uncovered_musd",
        REAL,
        "M$",
        "of the loans drawn for new machines, what falls due when no contract is behind it any more",
    ),
    Scalar("site_loans_musd", REAL, "M$", "loans drawn on new rack slots; not in `new_lending_musd`"),
    Scalar("debt_start_musd", REAL, "M$", "face owed to lenders in the opening"),
    Scalar(
        "debt_peak_musd", REAL, "M$", "largest face owed to lenders at the end of a week, or in the opening"
    ),
    Scalar("debt_peak_week", WHOLE, "week", "first week in which it was that, -1: in the opening"),
    Scalar("rent_peak_week", WHOLE, "week", "first week in which the rent index was highest"),
    Scalar(
        "contract_share",
        "",
        "share",
        "of the throughput that ran at borrowers, under contracts; mean over the weeks, by throughput",
        "share under contracts",
        "let_throughput / running_throughput",
        lambda outcomes: _ratio(outcomes["let_throughput"], outcomes["running_throughput"]),
    ),
    Scalar(
        "debt_defaulted",
        REAL,
        "M$",
        "face at default of all loans of failed borrowers and of facilities that failed alone",
        "debt in default",
    ),
    Scalar(
        "recovery_rate",
        "",
        "share of claims",
        "discounted recoveries, of claims whose estate closed before the horizon; NaN if there are none",
        "recovery rate",
        "resolved_recoveries / resolved_claims",
        _recovery,
    ),
    Scalar(
        "loss_given_default",
        "",
        "share of claims",
        "what was not recovered of them",
        formula="1 - recovery_rate",
        compute=lambda outcomes: 1.0 - _recovery(outcomes),
    ),
    Scalar(
        "realised_to_paper",
        "",
        "share",
        "proceeds of the seized machines that were sold, to their appraisal at seizure; NaN if none were",
        "proceeds to paper value",
        "proceeds_musd / paper_sold_musd",
        lambda outcomes: _ratio(outcomes["proceeds_musd"], outcomes["paper_sold_musd"]),
    ),
    Scalar("units_dumped", WHOLE, "units", "machines seized by creditors", "machines seized by creditors"),
    Scalar(
        "slots_left",
        WHOLE,
        "slots",
        "rack slots that had stood empty and whose lease their tenants ended",
    ),
    Scalar(
        "units_abandoned",
        WHOLE,
        "units",
        "given up by creditors: not worth removal or storage",
    ),
    Scalar(
        "units_unsold",
        WHOLE,
        "units",
        "machines still with creditors and estates at the end",
        "machines unsold at the end",
    ),
    Scalar(
        "paper_value_musd",
        REAL,
        "M$",
        "appraisal at seizure of all machines seized, or sold in place",
        "paper value at seizure",
    ),
    Scalar("paper_sold_musd", REAL, "M$", "the same of those sold since", "paper value of those sold"),
    Scalar("proceeds_musd", REAL, "M$", "what these fetched", "proceeds of their sale"),
    Scalar(
        "creditor_loss_musd",
        "",
        "M$",
        "principal written off, and allowances on claims that are open at the end",
        "creditor loss",
        "credit_lost + allowances",
        lambda outcomes: outcomes["credit_lost"] + outcomes["allowances"],
    ),
    Scalar("peak_haircut", REAL, "share", "largest haircut on back-leverage"),
    Scalar(
        "mean_tightness",
        "",
        "0 to 1",
        "mean over weeks of the tightness that agents saw",
        formula="tightness_sum / weeks",
        compute=lambda outcomes: outcomes["tightness_sum"] / np.maximum(outcomes["weeks"], 1),
    ),
    Scalar("repo_calls", WHOLE, "calls", "on back-leverage, that lenders could not meet at once"),
    Scalar("loans_sold_musd", REAL, "M$", "face of loans sold by lenders to lenders"),
    Scalar(
        "hung_musd",
        REAL,
        "M$",
        "loans that were meant for another lender when drawn, and that none took",
    ),
    Scalar(
        "interlender_loss_musd",
        REAL,
        "M$",
        "written down by lenders on claims on failed ones, net of what was paid later",
    ),
    Scalar("authority_loss_musd", REAL, "M$", "what lenders that are closed owed the standing facility"),
    Scalar("authority_exposure_musd", REAL, "M$", "what failed lenders still owe it at the end"),
    Scalar("most_rounds", WHOLE, "rounds", "of failures and losses in a week, at most"),
    Scalar("money_residual", REAL, "", "largest error of total cash, relative"),
    Scalar("balance_residual", REAL, "", "largest difference of the sides of an instrument, relative"),
    Scalar("units_residual", WHOLE, "units", "largest error of the count of machines"),
    Scalar("macro_residual", REAL, "", "largest error of the money of the funding pool, relative"),
    # a facility is handed back, its borrower lives on
    *(_by_cause(cause) for cause in Cause if cause not in (Cause.NONE, Cause.HAND_BACK)),
)

OUTCOMES = row(
    *(Column(scalar.name, scalar.kind, scalar.meaning, scalar.unit) for scalar in SCALARS if scalar.kind),
    # what the others are computed from
    Column("weeks", "i4", "weeks so far"),
    Column("tightness_sum", "f8", "over these weeks"),
    Column("resolved_claims", "f8", "claims of defaults whose resolution ended", "M$"),
    Column("resolved_recoveries", "f8", "what they recovered, discounted", "M$"),
    Column("credit_lost", "f8", "principal written off when resolutions ended", "M$"),
    Column("allowances", "f8", "write-downs on claims still open at the end", "M$"),
    Column("defaults_by_cause", "i8", "borrowers that failed, by Cause", shape=(len(Cause),)),
    Column("opening_money", "f8", "total cash of all accounts at the start", "M$"),
    Column("running_throughput", "f8", "that ran at borrowers, cumulative", "H100 weeks"),
    Column("let_throughput", "f8", "of this, under contracts", "H100 weeks"),
    Column("rent_peak", "f8", "highest rent index so far", "USD an hour"),
)

REALS = tuple(name for name in OUTCOMES.names or () if OUTCOMES[name].kind == "f")
"""Fields of OUTCOMES that are finite in every run; only scalars computed from them may be undefined."""

BY_NAME = {scalar.name: scalar for scalar in SCALARS}


def summarise(outcomes: np.ndarray) -> dict[str, np.ndarray]:
    """Scalars of runs from their closing OUTCOMES rows (any shape); one array a scalar."""
    return {scalar.name: scalar.of(outcomes) for scalar in SCALARS}
