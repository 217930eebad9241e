"""The summary of many replicates: means and probabilities of their scalars, as a table and as CSV.

It takes columns of numbers, in a mapping or a DataFrame, so that printing it needs no pandas.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hashcredit.simulator.display import interval_in_words
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

PROBABILITY = "probability"
"""Unit of what happened or not."""

RESIDUALS = ("money_residual", "balance_residual", "units_residual", "macro_residual")


@dataclass(frozen=True)
class Statistic:
    """One row of the summary table."""

    quantity: str
    words: str
    unit: str
    values: NDArray[np.float64]
    """One a replicate, NaN where it has none; of what happened or not, 1 or 0."""
    together: int = 1
    """Runs in a row that make one independent group (`statistics.group_length`)."""
    seeds: int = 1
    """Whose networks the runs were made on; of one, the interval is about this network only."""

    @property
    def label(self) -> str:
        """Its words in a printed table."""
        return f"P({self.words})" if self.unit == PROBABILITY else self.words

    @cached_property
    def estimate(self) -> Estimate:
        """Mean with Student-t interval, or probability with Wilson's."""
        if self.unit == PROBABILITY:
            return probability_estimate(self.values > 0.0, together=self.together)
        return mean_estimate(self.values, together=self.together)


def statistics_of(summary: "Columns", together: int = 1, seeds: int = 1) -> list[Statistic]:
    """Means of the scalars of all replicates, then probabilities.

    The distribution of defaults has two humps, so that its mean says little: the probability that anything
    happens and the mean where it does are separate rows. `together` runs in a row make one independent group,
    a whole seed where there are several `seeds`.
    """

    def column(name: str) -> NDArray[np.float64]:
        return np.asarray(summary[name], np.float64)

    same = {each for each, every in NOT_FORCED.items() if np.array_equal(summary[each], summary[every])}
    untold = same | {each for each in SETTLEMENTS if not np.any(summary[each])}
    rows = [
        Statistic(scalar.name, scalar.label, scalar.unit, column(scalar.name), together, seeds)
        for scalar in (BY_NAME[name] for name in QUANTITIES if name not in untold)
    ]
    defaults = column("defaults")
    if_any = np.where(defaults > 0.0, defaults, np.nan)
    words = "defaults in runs with any"
    rows.insert(1, Statistic("defaults_if_any", words, "borrowers", if_any, together, seeds))
    events = {
        "any_default": ("any default", "defaults"),
        "any_unforced_default": ("any default not forced", "extra_defaults"),
        "any_miner_default": ("any miner's default", "defaults_miners"),
        "any_neocloud_default": ("any neo-cloud's default", "defaults_neoclouds"),
        "any_lender_failure": ("any lender's failure", "lender_failures"),
    }
    if "extra_defaults" in same:
        del events["any_unforced_default"]
    for name, (words, scalar) in events.items():
        happened = (column(scalar) > 0.0).astype(np.float64)
        rows.append(Statistic(name, words, PROBABILITY, happened, together, seeds))
    return rows


def format_statistics(rows: Sequence[Statistic]) -> str:
    """The summary table as text, 80 columns wide: means first, probabilities below."""
    lines = [f"{'':<29}{'n':>7}{'mean':>9}{'s.e.':>8}{'95 % interval':>18}{'median':>9}"]
    for row in rows:
        e = row.estimate
        lines.append(
            f"{row.label:<29}{e.n:>7}{number_text(e.mean):>9}{number_text(e.standard_error):>8}"
            f"{number_text(e.low):>9}{number_text(e.high):>9}{number_text(e.median):>9}"
        )
    lines.append(f"standard errors and intervals: {interval_in_words(rows[0].seeds)}")
    return "\n".join(lines + _left_out(rows))


def _left_out(rows: Sequence[Statistic]) -> list[str]:
    """How many runs are not in a mean, since the quantity is undefined in them."""
    total = max(row.estimate.n for row in rows)
    missing = [(row.words, total - row.estimate.n) for row in rows if row.estimate.n < total]
    return [f"left out of {words}: {count:,} of {total:,} runs, undefined" for words, count in missing]


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


def number_text(value: float) -> str:
    """About four digits; a dash for what cannot be told."""
    if not np.isfinite(value):
        return "-"
    if value == 0.0:
        return "0"
    decimals = max(0, 3 - int(np.floor(np.log10(abs(value)))))
    return f"{value:,.{min(decimals, 4)}f}"


def summary_frame(rows: Sequence[Statistic]) -> "pd.DataFrame":
    """The summary as a frame: words, unit, n, mean, low, high, median."""
    import pandas as pd

    found = []
    for row in rows:
        e = row.estimate
        cells = {"n": e.n, "mean": e.mean, "low": e.low, "high": e.high, "median": e.median}
        found.append({"quantity": row.label, "unit": row.unit, **cells})
    return pd.DataFrame(found)


def statistics_csv(rows: Sequence[Statistic]) -> str:
    """One line a statistic, full precision, empty where a number cannot be told.

    `networks` is the number of seeds: with 1, error and interval are about this network only.
    """
    lines = ["quantity,unit,n,mean,standard_error,low,high,median,networks"]
    for row in rows:
        values = list(asdict(row.estimate).values())
        cells = ["" if value != value else repr(value) for value in values]
        lines.append(",".join([row.quantity, row.unit, *cells, str(row.seeds)]))
    return "\n".join(lines) + "\n"
