"""Studies of scenarios about collateral: a launch that takes its worth, a facility that lends against it."""

from datetime import date

from hashcredit.experiments.scenarios.measures import (
    DAMAGE,
    events_between,
    largest,
    loans_called,
    loans_called_elsewhere,
    lowest,
    scalar,
)
from hashcredit.experiments.scenarios.statistics import gap, saved_beyond
from hashcredit.experiments.scenarios.study import (
    SCENARIO,
    Cell,
    Change,
    Claim,
    ScenarioStudy,
    Sign,
    Table,
    against,
)
from hashcredit.simulator.state.codes import EventKind

# A launch

LAUNCHES = {"": 17, "26 weeks later": 43, "52 weeks later": 69}
"""Weeks of Rubin's launch: 2026-08-03 in the scenario, 2027-02-01 and 2027-08-02 in the later ones."""
WINDOW = 26
"""Weeks from the launch in which calls are counted: its effect is half done after 13."""


def called_from(week: int) -> str:
    """Words for the loans called in the window that begins in a week."""
    return f"loans called, weeks {week} to {week + WINDOW - 1}"


EARLY, EARLY_END = LAUNCHES[""], LAUNCHES[""] + WINDOW - 1
CALLED_EARLY = called_from(EARLY)
CALLED_ELSEWHERE = "loans called, 26 weeks at other dates"
CALLS_EARLY = "calls, weeks 17 to 42"
NO_RUBIN = Change(
    {"machine.Rubin.launch_date": date(2029, 12, 31), "machine.Rubin.end_of_sale_date": date(2031, 12, 31)}
)

RUBIN = ScenarioStudy(
    scenario="rubin_launch",
    arms={
        "expected": Change({"valuation.launch_belief": 1.0}),
        "no Rubin": NO_RUBIN,
        "26 weeks later": Change({"machine.Rubin.launch_date": date(2027, 2, 1)}),
        "52 weeks later": Change({"machine.Rubin.launch_date": date(2027, 8, 2)}),
    },
    measures={
        **{called_from(week): loans_called(week, week + WINDOW - 1) for week in LAUNCHES.values()},
        CALLED_ELSEWHERE: loans_called_elsewhere(EARLY, EARLY_END),
        CALLS_EARLY: events_between(EventKind.BORROWING_BASE_CALL, EARLY, EARLY_END),
        "accelerations, weeks 17 to 42": events_between(EventKind.ACCELERATION, EARLY, EARLY_END),
        "accelerations": events_between(EventKind.ACCELERATION, 0, 155),
        **DAMAGE,
    },
    tables=(
        Table(
            against("expected", "no Rubin"),
            (
                CALLED_EARLY,
                CALLED_ELSEWHERE,
                CALLS_EARLY,
                "accelerations, weeks 17 to 42",
                "accelerations",
                *DAMAGE,
            ),
        ),
        Table(
            {
                "no Rubin": ("no Rubin", ""),
                "launch in week 17, less no Rubin": (SCENARIO, "no Rubin"),
                "in week 43": ("26 weeks later", "no Rubin"),
                "in week 69": ("52 weeks later", "no Rubin"),
            },
            tuple(called_from(week) for week in LAUNCHES.values()),
        ),
    ),
    statistics={
        "loans called, weeks 17 to 42 less other dates": gap(CALLED_EARLY, CALLED_ELSEWHERE, SCENARIO),
        "the same without Rubin": gap(CALLED_EARLY, CALLED_ELSEWHERE, "no Rubin"),
    },
    claims=(
        Claim(
            "in the 26 weeks from the launch more loans are called than without it",
            Cell(CALLED_EARLY, SCENARIO, "no Rubin"),
        ),
        Claim(
            "and more than in as many weeks at other dates",
            Cell("loans called, weeks 17 to 42 less other dates"),
        ),
        Claim(
            "a surprise calls more loans than an expected launch", Cell(CALLED_EARLY, SCENARIO, "expected")
        ),
        Claim("a surprise in week 43 also calls loans", Cell(called_from(43), "26 weeks later", "no Rubin")),
        Claim("and one in week 69", Cell(called_from(69), "52 weeks later", "no Rubin")),
        Claim(
            "placebo: a launch in week 69 calls no loans in weeks 17 to 42",
            Cell(CALLED_EARLY, "52 weeks later", "no Rubin"),
            Sign.NONE,
        ),
        Claim("it brings borrowers down", Cell("defaults", SCENARIO, "no Rubin")),
    ),
    pictures={
        "appraisal of an H100, USD": "appraisal_usd_h100",
        "earning of an H100, USD an hour": "earning_usd_h_h100",
        "machines on order": "units_on_order",
        "debt in default, M$": "debt_in_default_musd",
    },
    drawn=("expected", "no Rubin"),
)

# Lending against seized machines

THICK: dict[str, object] = {
    "lenders.private_credit.equity_ratio": 0.4,
    "lenders.private_credit.capital_target": 0.3,
}
"""The baseline's capital."""
WITHOUT: dict[str, object] = {"repo.standing_facility": False}
CALLED = "calls that lenders cannot meet at once"

STANDING_REPO = ScenarioStudy(
    scenario="standing_repo",
    arms={
        "no facility": Change(WITHOUT),
        "thicker capital": Change(THICK),
        "thicker capital, no facility": Change(THICK | WITHOUT),
    },
    measures={
        "drawn at the facility, largest, M$": largest("standing_facility_musd"),
        CALLED: scalar("repo_calls"),
        "loans sold by lenders, M$": scalar("loans_sold_musd"),
        "appraisal of an H100, lowest, USD": lowest("appraisal_usd_h100"),
        "machines unsold at the end": scalar("units_unsold"),
        "the authority's loss, M$": scalar("authority_loss_musd"),
        "owed to it by failed lenders at the end, M$": scalar("authority_exposure_musd"),
        **DAMAGE,
    },
    tables=(
        Table(
            against("no facility")
            | {"thicker capital: with less without": ("thicker capital", "thicker capital, no facility")}
        ),
    ),
    statistics={
        "creditor loss saved less the authority's loss, M$": saved_beyond(
            "creditor loss, M$", "the authority's loss, M$", SCENARIO, "no facility"
        ),
    },
    claims=(
        Claim(
            "the facility spares lenders calls that they cannot meet",
            Cell(CALLED, SCENARIO, "no facility"),
            Sign.BELOW,
        ),
        Claim("creditors lose less, M$", Cell("creditor loss, M$", SCENARIO, "no facility"), Sign.BELOW),
        Claim(
            "seized machines bring more of their paper value",
            Cell("realised to paper", SCENARIO, "no facility"),
        ),
        Claim("fewer lenders fail", Cell("lenders that fail", SCENARIO, "no facility"), Sign.BELOW),
        Claim(
            "creditors save more than the authority loses, M$",
            Cell("creditor loss saved less the authority's loss, M$"),
        ),
    ),
    pictures={
        "standing facility, M$": "standing_facility_musd",
        "calls not met, M$": "repo_unmet_musd",
        "appraisal of an H100, USD": "appraisal_usd_h100",
        "lenders' equity, M$": "lender_equity_musd",
    },
    drawn=("no facility",),
)

STUDIES = {study.scenario: study for study in (RUBIN, STANDING_REPO)}
