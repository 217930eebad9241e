"""The named scenarios, what each is compared with and in what. Pages: docs/scenarios."""

from collections.abc import Mapping
from datetime import date

import numpy as np

from hashcredit.experiments.scenario_studies import (
    Measure,
    ScenarioStudy,
    end_of,
    events_between,
    largest,
    mean_of,
    scalar,
)
from hashcredit.simulator.results import Run
from hashcredit.simulator.scenario import Scenario

LAUNCH_WEEK = 17
"""Of Rubin in `rubin_launch`: 2026-08-03."""
AFTER_LAUNCH = 26
"""Weeks after the launch in which calls are counted: its effect is half done after 13."""

DAMAGE: dict[str, Measure] = {
    "defaults": scalar("defaults"),
    "defaults of miners": scalar("defaults_miners"),
    "defaults of neo-clouds": scalar("defaults_neoclouds"),
    "creditor loss, M$": scalar("creditor_loss_musd"),
    "realised to paper": scalar("realised_to_paper"),
    "lenders that fail": scalar("lender_failures"),
}
"""What every page shows."""

CLASSES = {
    "BTC": "btc_price_usd",
    "software equity": "software_equity",
    "sovereign bonds": "sovereign_bonds",
    "memory equity": "memory_equity",
    "hedge-fund units": "hedge_fund_units",
}
"""Asset classes by falling duration, with their series."""


def log_end(column: str) -> Measure:
    """Log of the last value of a series: differences between arms are relative changes."""
    return lambda run: float(np.log(run.series[column].iloc[-1]))


def changed(**changes: object) -> "Change":
    """A control that differs from its scenario in some fields, dots written as two underscores."""
    return Change({name.replace("__", "."): value for name, value in changes.items()})


class Change:
    """Makes a control out of a scenario."""

    def __init__(self, changes: Mapping[str, object]) -> None:
        self.changes = dict(changes)

    def __call__(self, scenario: Scenario) -> Scenario:
        return scenario.with_changes(self.changes)


def at_the_same_mean(scenario: Scenario) -> Scenario:
    """A correlation that does not move, at the mean that the scenario realises in its first replicates."""
    from hashcredit.simulator import simulate

    realised = np.mean([simulate(scenario, 1, r).series["correlation"].mean() for r in range(40)])
    mean = round(float(realised), 4)
    return scenario.with_changes({"shocks.rho_calm": mean, "shocks.rho_stress": mean})


def many_miners(run: Run) -> float:
    """1 if a third or more of the miners fail in a run: the joint failures that convergence should bring."""
    return float(run.summary["defaults_miners"] >= run.setup.scenario.population.miners / 3)


STUDIES: dict[str, ScenarioStudy] = {
    study.scenario: study
    for study in (
        ScenarioStudy(
            scenario="reverse_qe",
            question="A boom of capital expenditure on borrowed money against none",
            controls={
                "no boom": changed(funding__capex=652.0, funding__external_share=0.348),
            },
            measures={
                "tightness, mean": mean_of("tightness"),
                "cost of capital at the end, 1/yr": end_of("cost_of_capital"),
                **{f"log price of {words} at the end": log_end(column) for words, column in CLASSES.items()},
                **DAMAGE,
            },
            pictures={
                "funding pool, bn$": "pool_bnusd",
                "tightness": "tightness",
                "cost of capital, 1/yr": "cost_of_capital",
                "software equity, first week = 1": "software_equity",
            },
        ),
        ScenarioStudy(
            scenario="hawkish_misdiagnosis",
            question="The authority tightens into a boom, or does nothing",
            controls={
                "the boom alone": changed(interventions=(), funding__purchases=0.0),
                "neither": changed(
                    interventions=(),
                    funding__purchases=0.0,
                    funding__capex=652.0,
                    funding__external_share=0.348,
                ),
            },
            measures={
                "tightness, mean": mean_of("tightness"),
                "cost of capital at the end, 1/yr": end_of("cost_of_capital"),
                "refused refinancings": scalar("refinancings_refused"),
                **DAMAGE,
            },
            pictures={
                "funding pool, bn$": "pool_bnusd",
                "policy rate, 1/yr": "policy_rate",
                "cost of capital, 1/yr": "cost_of_capital",
                "debt in default, M$": "debt_in_default_musd",
            },
        ),
        ScenarioStudy(
            scenario="correlation_convergence",
            question="A correlation that rises with tightness, or a constant one with the same mean",
            controls={"constant correlation": at_the_same_mean},
            measures={
                "correlation, mean": mean_of("correlation"),
                "correlation, largest": largest("correlation"),
                "a third of the miners fail, probability": many_miners,
                **DAMAGE,
            },
            pictures={
                "correlation of BTC and rents": "correlation",
                "tightness": "tightness",
                "miners alive": "alive_miners",
                "debt in default, M$": "debt_in_default_musd",
            },
            replicates=1000,
        ),
        ScenarioStudy(
            scenario="rubin_launch",
            question="Rubin early and by surprise, expected, or not before the horizon",
            controls={
                "expected": changed(valuation__launch_belief=1.0),
                "no Rubin": Change(
                    {
                        "machine.Rubin.launch_date": date(2029, 12, 31),
                        "machine.Rubin.end_of_sale_date": date(2031, 12, 31),
                    }
                ),
            },
            measures={
                "borrowing-base calls in 26 weeks from the launch": events_between(
                    "borrowing_base_call", LAUNCH_WEEK, LAUNCH_WEEK + AFTER_LAUNCH
                ),
                "accelerations in 26 weeks from the launch": events_between(
                    "acceleration", LAUNCH_WEEK, LAUNCH_WEEK + AFTER_LAUNCH
                ),
                **DAMAGE,
            },
            pictures={
                "appraisal of an H100, USD": "appraisal_usd_h100",
                "earning of an H100, USD an hour": "earning_usd_h_h100",
                "machines on order": "units_on_order",
                "debt in default, M$": "debt_in_default_musd",
            },
        ),
        ScenarioStudy(
            scenario="two_sided_rents",
            question="Rents that rise by 38 % and fall back, or fall straight to the same end",
            controls={"straight fall": changed(shocks__rent_path=((0, 2.35), (156, 1.74)))},
            measures={
                "machines on order, largest": largest("units_on_order"),
                "debt, largest, M$": largest("debt_musd"),
                **DAMAGE,
            },
            pictures={
                "rent index, USD/GPU-h": "rent_index_usd_h",
                "machines on order": "units_on_order",
                "debt, M$": "debt_musd",
                "neo-clouds alive": "alive_neoclouds",
            },
        ),
        ScenarioStudy(
            scenario="standing_repo",
            question="The authority lends against seized machines, or nobody does",
            controls={"no facility": changed(repo__standing_facility=False)},
            measures={
                "drawn at the facility, largest, M$": largest("standing_facility_musd"),
                "lenders called beyond their means": scalar("repo_calls"),
                "loans sold by lenders, M$": scalar("loans_sold_musd"),
                "machines unsold at the end": scalar("units_unsold"),
                "the authority's loss, M$": scalar("authority_loss_musd"),
                **DAMAGE,
            },
            pictures={
                "standing facility, M$": "standing_facility_musd",
                "calls not met, M$": "repo_unmet_musd",
                "appraisal of an H100, USD": "appraisal_usd_h100",
                "lenders' equity, M$": "lender_equity_musd",
            },
        ),
    )
}
"""By scenario, in the order of the pages."""
