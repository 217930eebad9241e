"""Studies of scenarios about prices: BTC and rents that move together, rents that rise and fall back."""

from hashcredit.experiments.scenarios.measures import (
    DAMAGE,
    end_of,
    events_between,
    in_week,
    largest,
    mean_of,
    share_of_miners_fails,
)
from hashcredit.experiments.scenarios.statistics import percentile_gap
from hashcredit.experiments.scenarios.study import (
    SCENARIO,
    Cell,
    Change,
    Claim,
    HeldAtMean,
    ScenarioStudy,
    Sign,
    Table,
    against,
)
from hashcredit.simulator.state.codes import EventKind

# BTC and rents that move together

CORRELATION = ScenarioStudy(
    scenario="correlation_convergence",
    arms={
        "constant correlation": HeldAtMean(("shocks.rho_calm", "shocks.rho_stress"), "correlation, mean"),
        "no correlation": Change({"shocks.rho_stress": 0.0}),
    },
    measures={
        "correlation, mean": mean_of("correlation"),
        "correlation, largest": largest("correlation"),
        "a third of the miners fail, probability": share_of_miners_fails(1.0 / 3.0),
        **DAMAGE,
    },
    tables=(Table(against("constant correlation", "no correlation")),),
    statistics={
        "miners that fail, 99th percentile: scenario": percentile_gap("defaults of miners", 99.0, SCENARIO),
        "the same: constant correlation": percentile_gap("defaults of miners", 99.0, "constant correlation"),
        "the same: no correlation": percentile_gap("defaults of miners", 99.0, "no correlation"),
        "the same: scenario less constant": percentile_gap(
            "defaults of miners", 99.0, SCENARIO, "constant correlation"
        ),
        "the same: scenario less none": percentile_gap(
            "defaults of miners", 99.0, SCENARIO, "no correlation"
        ),
    },
    claims=(
        Claim(
            "convergence raises the 99th percentile of miners that fail together",
            Cell("the same: scenario less constant"),
        ),
        Claim(
            "and the probability that a third of them fail",
            Cell("a third of the miners fail, probability", SCENARIO, "constant correlation"),
        ),
        Claim(
            "a correlation of any kind raises the 99th percentile, against none",
            Cell("the same: scenario less none"),
        ),
    ),
    pictures={
        "correlation of BTC and rents": "correlation",
        "tightness": "tightness",
        "miners alive": "alive_miners",
        "debt in default, M$": "debt_in_default_musd",
    },
    drawn=("constant correlation",),
    runs=1000,
)

# Rents that go up and down

TOP_ENDS = 35
"""Week from which rents fall."""

LEVEL = ((0, 2.35), (10, 2.3824), (146, 2.3824), (156, 1.74))
"""The same first, last and mean rent without rise and fall; an arm that was added after the first run."""

TWO_SIDED = ScenarioStudy(
    scenario="two_sided_rents",
    arms={
        "straight fall": Change({"shocks.rent_path": ((0, 2.35), (156, 1.74))}),
        "level rents": Change({"shocks.rent_path": LEVEL}),
        "the rise stays": Change({"shocks.rent_path": ((0, 2.35), (22, 3.24), (156, 3.24))}),
    },
    measures={
        "rent index, mean, USD/h": mean_of("rent_index_usd_h"),
        "machines on order, largest": largest("units_on_order"),
        "debt in week 35, M$": in_week("debt_musd", TOP_ENDS),
        "debt in week 60, M$": in_week("debt_musd", 60),
        "debt at the end, M$": end_of("debt_musd"),
        "defaults to week 34": events_between(EventKind.DEFAULT, 0, TOP_ENDS - 1),
        "defaults from week 35 on": events_between(EventKind.DEFAULT, TOP_ENDS, 155),
        **DAMAGE,
    },
    tables=(Table(against("straight fall", "level rents", "the rise stays")),),
    claims=(
        Claim(
            "the rise and fall leaves more defaults than the straight fall",
            Cell("defaults", SCENARIO, "straight fall"),
        ),
        Claim(
            "borrowers owe more when rents begin to fall, M$",
            Cell("debt in week 35, M$", SCENARIO, "straight fall"),
        ),
        Claim(
            "fewer default while rents are up",
            Cell("defaults to week 34", SCENARIO, "straight fall"),
            Sign.BELOW,
        ),
        Claim(
            "more default from the fall on",
            Cell("defaults from week 35 on", SCENARIO, "straight fall"),
        ),
    ),
    pictures={
        "rent index, USD/GPU-h": "rent_index_usd_h",
        "machines on order": "units_on_order",
        "debt, M$": "debt_musd",
        "debt in default, M$": "debt_in_default_musd",
    },
    drawn=("straight fall", "the rise stays"),
)

STUDIES = {study.scenario: study for study in (CORRELATION, TWO_SIDED)}
