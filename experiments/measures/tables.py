"""Measures as text, 80 columns wide."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from hashcredit.experiments.measures.attribution import MEASURES, ContagionAttribution
from hashcredit.experiments.measures.collateral_values import VALUES, CollateralValues
from hashcredit.experiments.measures.explanation import DELAYED, EARLIER, IMPOSED, FailureExplanation
from hashcredit.simulator.display import counted, interval_in_words, runs_in_words
from hashcredit.simulator.state.outcomes import BY_NAME

if TYPE_CHECKING:
    import pandas as pd

HEADS = {"channel": "channels", "shock": "shocks", "failure": "earlier failures"}


def format_attribution(found: ContagionAttribution) -> str:
    """A block a measure: what all channels cause, and the share of each with its interval."""
    sample = runs_in_words(found.seeds, found.replicates)
    lines = [
        f"{found.scenario}: {sample}, the same draws in {len(found.arms)} arms",
        "",
        f"{'Shapley share':<31}{'mean':>12}{'95 % interval':>25}{'of total':>12}",
    ]
    for measure in MEASURES:
        total = found.totals.loc[measure]
        head = f"{BY_NAME[measure].words} ({total['unit']})"
        if not total["happens"]:
            lines += [f"{head}: zero in every run of every arm", ""]
            continue
        told = total["low"] > 0.0 or total["high"] < 0.0
        lines.append(f"{head:<31}{_signed(total['difference'])}{_interval(total)}")
        for row in found.shares[found.shares["measure"] == measure].to_dict("records"):
            part = f"{row['of_total']:.0%}" if told else "-"
            name = row["channel"] if row["channel"] in found.acting else f"{row['channel']} (off)"
            lines.append(f"  {name:<29}{_signed(row['share'])}{_interval(row)}{part:>12}")
        on, off = _plain(total["with_channels"]), _plain(total["without_channels"])
        lines += [f"  {on} with the channels, {off} without any", ""]
    lines.append(f"intervals: {interval_in_words(len(found.seeds))}")
    lines.append("of total: where the interval of the total leaves out zero")
    return "\n".join(lines)


def _signed(value: float) -> str:
    return f"{value:>+12,.{_decimals(value)}f}" if value else f"{'0':>12}"


def _plain(value: float) -> str:
    return f"{value:,.{_decimals(value)}f}"


def _decimals(value: float) -> int:
    size = abs(value)
    return 0 if size >= 1000.0 else 1 if size >= 100.0 else 2 if size >= 1.0 else 3


def _interval(row: Mapping[Any, Any]) -> str:
    low, high = row["low"], row["high"]
    if low != low:
        return f"{'-':>25}"
    if low == high == 0.0:
        return f"{'0 to 0':>25}"
    decimals = _decimals(max(abs(low), abs(high)))
    return f"{low:+,.{decimals}f} to {high:+,.{decimals}f}".rjust(25)


def format_explanation(found: FailureExplanation) -> str:
    """One line a replay: what was left out, and what becomes of the failure."""
    setup, own = found.run.setup, found.run.summary
    which = f"{setup.scenario.name}, seed {setup.seed}, replicate {found.run.replicate}"
    lines = [
        f"{which}: {found.failure} failed in week {found.week} {found.reason}",
        f"logged chain: {' > '.join([*found.chain, found.failure])}",
    ]
    for kind, rows in found.table.groupby("left_out", sort=False):
        head = f"without {HEADS[str(kind)]}"
        lines += ["", f"{head:<26}{'the failure is':<28}{'defaults':>10}{'lenders':>9}"]
        for row in rows.to_dict("records"):
            imposed = row["answer"] == IMPOSED
            counts = ["-" if imposed else f"{row[name]:,}" for name in ("defaults", "lender_failures")]
            lines.append(f"  {row['without']:<24}{_answer(row):<28}{counts[0]:>10}{counts[1]:>9}")
            if row["support_musd"] > 0.0:
                lines.append(f"    {row['how']}, who put in {row['support_musd']:,.2f} M$")
    if not found.chain:
        lines += ["", "without earlier failures: the log traces it to none"]
    failed = f"{counted(own['defaults'], 'borrower')} and {counted(own['lender_failures'], 'lender')}"
    end = setup.scenario.horizon_weeks
    lines += ["", f"in the run itself {failed} failed", f"prevented: it does not fail in {end} weeks"]
    return "\n".join(lines)


def _answer(row: Mapping[Any, Any]) -> str:
    if row["answer"] in (DELAYED, EARLIER):
        return f"{row['answer']} by {counted(abs(int(row['weeks'])), 'week')}"
    return "imposed by the scenario" if row["answer"] == IMPOSED else str(row["answer"])


def format_collateral(found: CollateralValues) -> str:
    """Loan to value by the three values: in total over the weeks, then by tier, then of dumped machines."""
    table, curve = found.table, found.curve
    lines = [
        f"{found.scenario}: {runs_in_words(found.seeds, found.replicates)}",
        "",
        f"{'Debt over value of the pledge':<36}{'M$':>6}{'paper':>8}{'market':>8}{'all sold at once':>22}",
    ]
    for head, rows in (
        ("in total", table[table["level"] == "total"]),
        ("each lender alone", table[table["level"] == "alone"]),
        *((name.replace("_", " "), table[table["name"] == name]) for name in _tiers(table)),
    ):
        lines.append(head)
        lines += [_ltv_line(row) for row in rows.to_dict("records")]
    if len(curve):
        lines += ["", f"Price over appraisal, dumped in week {found.curve_week}"]
        lines.append(f"{'':<14}{'one unit':>10}{'1 %':>9}{'10 %':>9}{'all':>9}{'units of all':>15}")
        for name, rows in curve.groupby("machine", sort=False):
            at = rows.set_index("share")
            prices = "".join(f"{at['price_to_appraisal'][share]:>9.2f}" for share in (0.01, 0.1, 1.0))
            lines.append(
                f"{name:<14}{at['price_to_appraisal'][0.0]:>10.2f}{prices}{at['units'][1.0]:>15,.0f}"
            )
    lines += ["", f"intervals: {interval_in_words(len(found.seeds))}"]
    return "\n".join(lines)


def _tiers(table: "pd.DataFrame") -> list[str]:
    return list(dict.fromkeys(table.loc[table["level"] == "tier", "name"]))


def _ltv_line(row: Mapping[Any, Any]) -> str:
    paper, market, sold = (_percent(row[f"{value}_ltv"]) for value in VALUES)
    low, high = row["liquidation_ltv_low"], row["liquidation_ltv_high"]
    interval = "" if low != low else f" ({max(low, 0.0):.0%} to {high:.0%})"
    return f"  week {row['week']:<27,}{row['debt_musd']:>8,.0f}{paper:>8}{market:>8}{sold + interval:>22}"


def _percent(value: float) -> str:
    return "-" if value != value else f"{value:.0%}"
