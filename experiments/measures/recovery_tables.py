"""Recoveries as text, 80 columns wide."""

import math

from hashcredit.experiments.measures.recoveries import CohortRecoveries
from hashcredit.simulator.display import interval_in_words, runs_in_words


def format_recoveries(found: CohortRecoveries) -> str:
    """A line a group that has a claim: how many, how much is open, and what is lost, told in three ways."""
    cohort, sample = found.cohort, runs_in_words(found.seeds, found.replicates)
    which = f"defaults of weeks {cohort.from_week} to {cohort.before_week - 1}"
    if cohort.machine >= 0:
        which += f" on {found.scenario.machine[cohort.machine].name}"
    counts, losses = f"{'claims':>8}{'M$':>9}{'open':>7}", f"{'run out':>9}{'95 % interval':>16}"
    lines = [
        f"{found.scenario.name}: {sample}; {which}",
        "loss given default, share of the face",
        "",
        f"{'':<15}{counts}{losses}{'weighted':>9}{'closed':>7}",
    ]
    for row in found.table.to_dict("records"):
        if row["claims"] == 0.0:
            continue
        name = f"grade {row['name']}" if row["by"] == "grade" else str(row["name"]).replace("_", " ")
        known = math.isfinite(row["low"])
        interval = f"{_plain(row['low'])} to {_plain(row['high'])}" if known else "-"
        lines.append(
            f"{name:<15}{row['claims']:>8,.1f}{row['claim_musd']:>9,.1f}{row['open_share']:>7.1%}"
            f"{_share(row['lgd']):>9}{interval:>16}{_share(row['lgd_survival']):>9}{_share(row['lgd_closed']):>7}"
        )
    if len(lines) == 4:
        return "\n".join([*lines[:1], "nobody defaults in these weeks"])
    still = found.table.iloc[0]["still_open_share"]
    lines += [
        "",
        f"claims, M$: a run. open: of the face, at the horizon (week {found.scenario.horizon_weeks})",
        f"run out: all claims, after {found.run_off} weeks more without new business; {still:.1%} still open",
        "weighted: closed at the horizon, by Kaplan and Meier's weights; closed: plain",
        f"intervals: {interval_in_words(len(found.seeds))}",
    ]
    return "\n".join(lines)


def _share(value: float) -> str:
    return _plain(value) if math.isfinite(value) else "-"


def _plain(value: float) -> str:
    return f"{round(value, 3) + 0.0:.3f}"  # no negative zero
