"""Policies with their cost as text, 80 columns wide."""

from typing import TYPE_CHECKING

from hashcredit.experiments.measures.policies import PolicyFrontier
from hashcredit.experiments.measures.policy_ranks import PolicyRanks
from hashcredit.simulator.display import interval_in_words, runs_in_words

if TYPE_CHECKING:
    import pandas as pd


def format_policies(found: PolicyFrontier) -> str:
    """A line a strength: loss averted and credit lost with intervals, the authority's loss, failures."""
    without = found.without
    sample = f"{runs_in_words(found.seeds, found.replicates)}, {found.weeks} weeks"
    lost, lent = (f"{without[name]:,.0f} M$" for name in ("loss", "credit"))
    lines = [
        f"{found.scenario}: {sample}, the same draws in {len(found.arms) + 1} arms",
        f"without a policy: creditors lose {lost} a run, new credit is {lent},",
        f"{without['defaults']:.1f} borrowers and {without['lender_failures']:.2f} lenders fail",
        "",
        f"{'M$ a run':<20}{'loss averted':>22}{'authority':>10}{'credit lost':>24}",
    ]
    rows = found.table.set_index(["policy", "strength", "account"])
    efficient = found.frontier.set_index(["policy", "strength"])["efficient"]
    policy = ""
    for arm in found.arms:
        if arm.policy != policy:
            policy = arm.policy
            lines.append(policy.replace("_", " "))
        averted, credit = (
            rows.loc[(arm.policy, arm.strength, name)] for name in ("loss_averted", "credit_lost")
        )
        authority = rows.loc[(arm.policy, arm.strength, "authority_loss")]["value"]
        mark = "*" if efficient[arm.policy, arm.strength] else " "
        lines.append(
            f"  {arm.step:<16}{mark} {_number(averted, 1):>21}{authority:>10,.2f}{_number(credit, 0):>24}"
        )
    lines += ["", "*: no other averts as much, net of the authority's loss, for as little credit lost"]
    lines.append(f"intervals: {interval_in_words(len(found.seeds))}")
    return "\n".join(lines)


def _number(row: "pd.Series[float]", decimals: int) -> str:
    """A mean with its interval."""
    value, low, high = (row[name] for name in ("value", "low", "high"))
    if value == low == high == 0.0:
        return "0"
    interval = f" ({low:,.{decimals}f} to {high:,.{decimals}f})" if low == low else ""
    return f"{value:z,.{decimals}f}{interval}"


def format_ranks(found: PolicyRanks) -> str:
    """A line a policy, the best on average first."""
    points = len(found.net)
    sample = runs_in_words(found.seeds, found.replicates)
    lines = [
        f"{found.scenario}: {points} points of the prior, {sample} in each arm",
        "",
        f"{'net benefit':<36}{'mean rank':>10}{'first':>7}{'above 0':>9}{'5 to 95 %, M$':>18}",
    ]
    for row in found.table.sort_values("mean_rank").to_dict("records"):
        name = f"{row['policy'].replace('_', ' ')}, {row['step']}"
        spread = f"{row['net_5']:,.0f} to {row['net_95']:,.0f}"
        lines.append(
            f"{name:<36}{row['mean_rank']:>10.2f}{row['first']:>7.0%}{row['beneficial']:>9.0%}{spread:>18}"
        )
    lines += ["", f"shares of {points} points have a standard error of up to {50.0 / points**0.5:.0f} %"]
    return "\n".join(lines)
