"""Write the tables of this folder's README anew.

`python -m hashcredit.experiments.papers.asic_loans_2022.page` does it in about two minutes.

The text around the tables is written by hand; what it says of the numbers has to be read again afterwards.
`--quick` takes smaller samples. In an installed package the folder may not be writable: run it in a clone.
"""

import argparse
import math
from dataclasses import replace
from pathlib import Path

import numpy as np

from hashcredit.experiments.papers.asic_loans_2022 import QUICK, REPLICATES, certain
from hashcredit.experiments.papers.asic_loans_2022.depth import (
    AS_STATED,
    SALES,
    Assumptions,
    machines_of_tier,
    posterior,
    share_of_tier,
)
from hashcredit.experiments.papers.asic_loans_2022.outcomes import (
    DEPTHS,
    SCENARIO,
    SEED,
    Outcome,
    measure,
    replay,
    tier_units,
)
from hashcredit.experiments.papers.asic_loans_2022.value import (
    average_operator,
    december_reversion,
    december_trend,
    opening_trend,
    volatility_of_ratio,
    year,
)
from hashcredit.experiments.papers.replication import Published, read_published
from hashcredit.experiments.support.files import write_text
from hashcredit.experiments.support.markdown import filled, markdown_table
from hashcredit.simulator import simulate
from hashcredit.simulator.scenario.scenario import Scenario

PAGE = Path(__file__).parent / "README.md"
POWER = (0.03, 0.04, 0.05, 0.065)
DISCOUNTS = (0.10, 0.25, 0.40)
CHOICES: dict[str, dict[str, object]] = {
    "as it is": {},
    "loans at 60 % of price": {"credit.origination_ltv": 0.6},
    "loans over three years": {"credit.tenor_weeks": 156},
    "no hand-backs": {"credit.hand_back": False},
    "an auction instead of impact": {"secondary_market.rule": "auction"},
    "valuers' trend of the baseline, .10": {"mining.asic_trend": 0.10},
}
"""Choices of the scenario whose weight the last table shows."""


OTHERWISE = {
    "errors halved": Assumptions(errors=0.5),
    "errors doubled": Assumptions(errors=2.0),
    "no fall of the index between the lots": Assumptions(weeks_between_lots=0.0),
    "the first lot's impact stays": Assumptions(least_left=1.0),
}
"""Other readings of the sales."""


def number(value: float, digits: int = 3) -> str:
    """A number for a table."""
    return "none" if math.isnan(value) else f"{value:.{digits}g}"


def value_table() -> str:
    """Trends that meet both prices, and what constant expectations make of December."""
    scenario = Scenario.load(SCENARIO)
    rows = []
    for power in POWER:
        for discount in DISCOUNTS:
            one = replace(average_operator(scenario), power=power, discount=discount)
            one = replace(one, trend=opening_trend(scenario, one))
            rows.append(
                (
                    f"{power:g}",
                    f"{discount:.2f}",
                    f"{one.trend:.2f}",
                    number(year(scenario, one).ratio, 2),
                    number(year(scenario, replace(one, volatility=0.0)).ratio, 2),
                    number(volatility_of_ratio(scenario, one, True)),
                    f"{december_trend(scenario, one):.2f}",
                    number(december_reversion(scenario, one), 2),
                )
            )
    head = ("power, $/kWh", "discount rate", "trend that meets January's price", "value's ratio",
            "plain margin's ratio", "volatility that meets .147", "trend that meets December's price",
            "or speed of return that does, 1/yr")  # fmt: skip
    return markdown_table([head, *rows])


def depth_table() -> str:
    """Posteriors of depth by the sales that enter."""
    rows = []
    cases: list[tuple[str, tuple[str, ...], Assumptions]] = [("none: the prior", (), AS_STATED)]
    cases += [(f"{sale} alone", (sale,), AS_STATED) for sale in SALES]
    cases += [("all three", SALES, AS_STATED)]
    cases += [(f"all three; {name}", SALES, given) for name, given in OTHERWISE.items()]
    for name, sales, given in cases:
        after = posterior(sales, given)
        low, high = after.interval
        rows.append(
            (
                name,
                f"{after.quantile(0.5):,.0f}",
                f"{low:,.0f} to {high:,.0f}",
                f"{after.width:.2f}",
                f"{after.gain:.2f}",
                f"{after.against_none:.1f}",
                "yes" if after.identified else "no",
            )
        )
    head = ("sales", "median, machines", "middle 90 %", "width over prior's", "gain, nats",
            "best depth over no impact", "identified")  # fmt: skip
    shares = [share_of_tier(level) for level in (0.05, 0.5, 0.95)]
    return (
        markdown_table([head, *rows])
        + f"\n\nOver the {machines_of_tier()[0] / 1e6:.1f} million machines of the tier "
        + f"(.3 to .7 of the network): median {shares[1]:.3f}, "
        + f"middle 90 % {shares[0]:.4f} to {shares[2]:.2g}."
    )


def outcome_table(outcomes: dict[str, Outcome], published: list[Published]) -> str:
    """What happened against what the model gives."""
    fixed = certain()
    rows = []
    for row in published:
        if row.quantity in fixed:
            value = fixed[row.quantity]
            middle, error, interval = number(value, 4), "", "exact"
            low = high = value
            ends = ""
        else:
            outcome = outcomes[row.quantity]
            low, high = outcome.interval
            middle, error = number(outcome.mean), number(outcome.error, 2)
            interval = "none" if math.isnan(low) else f"{number(low)} to {number(high)}"
            ends = f"{number(outcome.at(0))}, {number(outcome.at(len(DEPTHS) - 1))}"
        met = low - row.tolerance <= row.value <= high + row.tolerance
        given = f"{row.value:g}" + (f" +- {row.tolerance:g}" if row.tolerance else "")
        rows.append((row.quantity, given, middle, error, interval, ends, "yes" if met else "no"))
    head = ("quantity", "what happened", "obtained", "standard error", "middle 95 % of replicates",
            "at shallowest, deepest", "met")  # fmt: skip
    return markdown_table([head, *rows])


def choice_table(replicates: int, published: list[Published]) -> str:
    """Means of the outcomes under other choices, at the posterior's median depth."""
    base = Scenario.load(SCENARIO)
    base = base.with_changes(
        {"secondary_market.impact_depth_share": posterior().quantile(0.5) / tier_units(base)}
    )
    columns = []
    for changes in CHOICES.values():
        scenario = base.with_changes(changes)
        runs = [measure(simulate(scenario, seed=SEED, replicate=r)) for r in range(replicates)]
        columns.append({name: Outcome(np.array([[run[name] for run in runs]])).mean for name in runs[0]})
    rows = [
        (row.quantity, *(number(column[row.quantity]) for column in columns))
        for row in published
        if row.quantity in columns[0]
    ]
    return markdown_table([("quantity", *CHOICES), *rows])


def main() -> None:
    """Replace what stands between the marks of the page."""
    parser = argparse.ArgumentParser(description="Write the tables of the episode's page anew.")
    parser.add_argument("--quick", action="store_true", help="smaller samples, whose errors are larger")
    replicates = QUICK if parser.parse_args().quick else REPLICATES
    published = read_published(PAGE.parent / "published.csv")
    tables = {
        "value": value_table(),
        "depth": depth_table(),
        "outcomes": outcome_table(replay(replicates), published),
        "choices": choice_table(max(QUICK, replicates // 4), published),
    }
    write_text(PAGE, filled(PAGE, tables))


if __name__ == "__main__":
    main()
