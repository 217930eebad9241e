"""The summary of many replicates: means and probabilities of their scalars, as a table and as CSV.

It takes columns of numbers, in a mapping or a DataFrame, so that printing it needs no pandas.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from hashcredit.simulator.reports.statistics import Estimate, mean_estimate, probability_estimate
from hashcredit.simulator.state.outcomes import BY_NAME

if TYPE_CHECKING:
    import pandas as pd

    Columns: TypeAlias = Mapping[str, np.ndarray] | pd.DataFrame

QUANTITIES = (
    "defaults",
    "extra_defaults",
    "defaults_miners",
    "defaults_neoclouds",
    "facility_defaults",
    "hand_backs",
    "waivers",
    "control_taken",
    "lender_failures",
    "extra_lender_failures",
    "debt_defaulted",
    "creditor_loss_musd",
    "recovery_rate",
    "paper_value_musd",
    "paper_sold_musd",
    "proceeds_musd",
    "realised_to_paper",
    "units_dumped",
    "units_unsold",
)
"""Scalars of a run that are averaged, in the order in which they are printed."""

NOT_FORCED = {"extra_defaults": "defaults", "extra_lender_failures": "lender_failures"}
"""Failures that the scenario did not force, and all failures: the same where it forces none."""

SETTLEMENTS = ("waivers", "control_taken")
"""What lenders may do about a breach where a scenario lets them: told only where some did."""

RESIDUALS = ("money_residual", "balance_residual", "units_residual", "macro_residual")


@dataclass(frozen=True)
class Statistic:
    """One row of the summary table."""

    quantity: str
    words: str
    unit: str
    estimate: Estimate


def statistics_of(summary: "Columns") -> list[Statistic]:
    """Means of the scalars of all replicates, then probabilities.

    The distribution of defaults has two humps, so that its mean says little: the probability that anything
    happens and the mean where it does are separate rows.
    """
    same = {each for each, every in NOT_FORCED.items() if np.array_equal(summary[each], summary[every])}
    untold = same | {each for each in SETTLEMENTS if not np.any(summary[each])}
    rows = [
        Statistic(scalar.name, scalar.label, scalar.unit, mean_estimate(summary[scalar.name]))
        for scalar in (BY_NAME[name] for name in QUANTITIES if name not in untold)
    ]
    defaults = np.asarray(summary["defaults"])
    some = Statistic(
        "defaults_if_any", "defaults in runs with any", "borrowers", mean_estimate(defaults[defaults > 0])
    )
    rows.insert(1, some)
    events = {
        "any_default": ("any default", defaults > 0),
        "any_unforced_default": ("any default not forced", np.asarray(summary["extra_defaults"]) > 0),
        "any_miner_default": ("any miner's default", np.asarray(summary["defaults_miners"]) > 0),
        "any_neocloud_default": ("any neo-cloud's default", np.asarray(summary["defaults_neoclouds"]) > 0),
        "any_lender_failure": ("any lender's failure", np.asarray(summary["lender_failures"]) > 0),
    }
    if "extra_defaults" in same:
        del events["any_unforced_default"]
    for name, (words, happened) in events.items():
        rows.append(Statistic(name, words, "probability", probability_estimate(happened)))
    return rows


def format_statistics(rows: Sequence[Statistic]) -> str:
    """The summary table as text, 80 columns wide: means first, probabilities below."""
    lines = [f"{'':<29}{'n':>7}{'mean':>9}{'s.e.':>8}{'95 % interval':>18}{'median':>9}"]
    for row in rows:
        e = row.estimate
        words = f"P({row.words})" if row.unit == "probability" else row.words
        lines.append(
            f"{words:<29}{e.n:>7}{_number(e.mean):>9}{_number(e.standard_error):>8}"
            f"{_number(e.low):>9}{_number(e.high):>9}{_number(e.median):>9}"
        )
    return "\n".join(lines + _left_out(rows))


def _left_out(rows: Sequence[Statistic]) -> list[str]:
    """How many replicates are not in a mean, since the quantity is undefined in them."""
    total = max(row.estimate.n for row in rows)
    missing = [(row.words, total - row.estimate.n) for row in rows if row.estimate.n < total]
    return [f"left out of {words}: {count:,} of {total:,} replicates, undefined" for words, count in missing]


def format_residuals(summary: "Columns") -> str:
    """The largest bookkeeping residuals of all replicates in one line."""
    money, balance, units, macro = (np.max(np.asarray(summary[name])) for name in RESIDUALS)
    return (
        f"largest residuals: money {money:.1e}, balance sheets {balance:.1e}, machines {units:.0f}, "
        f"funding pool {macro:.1e}"
    )


def format_flows(flows: "pd.DataFrame") -> str:
    """The transaction-flow matrix as text, M$: receipts positive, rows and columns sum to zero."""
    width = 1 + max(14, *(len(str(name)) for name in flows.columns))
    lines = [f"{'M$':<24}" + "".join(f"{name:>{width}}" for name in flows.columns)]
    for name, row in flows.iterrows():
        cells = "".join(f"{_money(value):>{width}}" for value in row)
        lines.append(f"{str(name).replace('_', ' '):<24}{cells}")
    return "\n".join(lines)


def _money(value: float) -> str:
    return f"{value:,.2f}" if abs(value) >= 0.005 else "."


def _number(value: float) -> str:
    """About four digits; a dash for what cannot be told."""
    if not np.isfinite(value):
        return "-"
    if value == 0.0:
        return "0"
    decimals = max(0, 3 - int(np.floor(np.log10(abs(value)))))
    return f"{value:,.{min(decimals, 4)}f}"


def statistics_csv(rows: Sequence[Statistic]) -> str:
    """One line a statistic, full precision, empty where a number cannot be told."""
    lines = ["quantity,unit,n,mean,standard_error,low,high,median"]
    for row in rows:
        values = list(asdict(row.estimate).values())
        cells = ["" if value != value else repr(value) for value in values]
        lines.append(",".join([row.quantity, row.unit, *cells]))
    return "\n".join(lines) + "\n"
