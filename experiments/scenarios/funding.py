"""Studies of scenarios about money: a boom that drains it, an authority that adds to the drain."""

from hashcredit.experiments.scenarios.measures import DAMAGE, end_of, log_end, mean_of, scalar
from hashcredit.experiments.scenarios.statistics import interaction, rank_correlation, spread_of_falls
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

# A boom of capital expenditure

FIRST_CAPEX, FIRST_SHARE = 652.0, 0.348
"""Capital expenditure (bn$/yr) and externally financed share of the first week."""

CLASSES = {
    "BTC": ("btc_price_usd", 15.0),
    "software equity": ("software_equity", 12.0),
    "sovereign bonds": ("sovereign_bonds", 6.0),
    "memory equity": ("memory_equity", 4.0),
    "hedge-fund units": ("hedge_fund_units", 3.0),
}
"""Asset classes by falling duration, with their series and durations in years (`assets.duration`)."""

PRICES = {f"log price of {words} at the end": log_end(column) for words, (column, _) in CLASSES.items()}
DURATIONS = [years for _, years in CLASSES.values()]

NO_BOOM: dict[str, object] = {"funding.capex": FIRST_CAPEX, "funding.external_share": FIRST_SHARE}
OWN_CASH: dict[str, object] = {
    "funding.external_share": (
        (0, 0.348),
        (12, 0.313),
        (38, 0.2571),
        (64, 0.2182),
        (90, 0.1895),
        (116, 0.1675),
        (168, 0.1675),
    ),
}
"""The share that leaves to others what they pay for in the first week: .348 * 652 over the boom's path."""
EQUAL: dict[str, object] = {"assets.duration": (8.0,) * 5}
"""Their mean."""
LOOSE, TIGHT = {"funding.tightness": 0.05}, {"funding.tightness": 0.5}
"""Opening tightness with and without slack; the baseline's is .2."""

RISE = ("tightness, mean", "cost of capital, mean, 1/yr", "cost of capital at the end, 1/yr")

REVERSE_QE = ScenarioStudy(
    scenario="reverse_qe",
    arms={
        "no boom": Change(NO_BOOM),
        "the boom on own cash": Change(OWN_CASH),
        "equal durations": Change(EQUAL),
        "equal durations, no boom": Change(EQUAL | NO_BOOM),
        "slack": Change(LOOSE),
        "slack, no boom": Change(LOOSE | NO_BOOM),
        "no slack": Change(TIGHT),
        "no slack, no boom": Change(TIGHT | NO_BOOM),
    },
    measures={
        "tightness, mean": mean_of("tightness"),
        "cost of capital, mean, 1/yr": mean_of("cost_of_capital"),
        "cost of capital at the end, 1/yr": end_of("cost_of_capital"),
        **PRICES,
        "rent index at the end, USD/h": end_of("rent_index_usd_h"),
        **DAMAGE,
    },
    tables=(
        Table(against("no boom", "the boom on own cash")),
        Table(
            {"equal durations: boom less none": ("equal durations", "equal durations, no boom")},
            tuple(PRICES),
        ),
        Table(
            {
                "opening tightness .05: boom less none": ("slack", "slack, no boom"),
                ".2: boom less none": (SCENARIO, "no boom"),
                ".5: boom less none": ("no slack", "no slack, no boom"),
            },
            (*RISE, "defaults", "creditor loss, M$"),
        ),
    ),
    statistics={
        "rank correlation of fall and duration": rank_correlation(
            SCENARIO, "no boom", list(PRICES), DURATIONS
        ),
        "the same, all durations equal": rank_correlation(
            "equal durations", "equal durations, no boom", list(PRICES), DURATIONS
        ),
        "largest less smallest fall, log": spread_of_falls(SCENARIO, "no boom", list(PRICES)),
        "largest less smallest fall, log, all durations equal": spread_of_falls(
            "equal durations", "equal durations, no boom", list(PRICES)
        ),
        "rise of the mean cost of capital without slack less with, 1/yr": interaction(
            "cost of capital, mean, 1/yr", "no slack", "no slack, no boom", "slack", "slack, no boom"
        ),
    },
    claims=(
        Claim(
            "the boom raises the cost of capital at the end, 1/yr",
            Cell("cost of capital at the end, 1/yr", SCENARIO, "no boom"),
        ),
        Claim("longer durations fall more", Cell("rank correlation of fall and duration")),
        Claim("placebo: no such order at equal durations", Cell("the same, all durations equal"), Sign.NONE),
        Claim(
            "the cost of capital rises more without slack",
            Cell("rise of the mean cost of capital without slack less with, 1/yr"),
        ),
        Claim(
            "borrowing for it brings more borrowers down than the same boom on own cash",
            Cell("defaults", SCENARIO, "the boom on own cash"),
        ),
    ),
    pictures={
        "funding pool, bn$": "pool_bnusd",
        "cost of capital, 1/yr": "cost_of_capital",
        "software equity, opening = 1": "software_equity",
        "rent index, USD/GPU-h": "rent_index_usd_h",
    },
    drawn=("no boom", "the boom on own cash"),
)

# An authority that tightens into it

AUTHORITY_RESTS: dict[str, object] = {"interventions": (), "funding.purchases": 0.0}

HAWKISH = ScenarioStudy(
    scenario="hawkish_misdiagnosis",
    arms={
        "the boom alone": Change(AUTHORITY_RESTS),
        "the tightening alone": Change(NO_BOOM),
        "neither": Change(AUTHORITY_RESTS | NO_BOOM),
    },
    measures={
        "tightness, mean": mean_of("tightness"),
        "cost of capital at the end, 1/yr": end_of("cost_of_capital"),
        "refused refinancings": scalar("refinancings_refused"),
        "loans outstanding at the end, M$": end_of("debt_musd"),
        **DAMAGE,
    },
    tables=(
        Table(
            against("the boom alone", "neither")
            | {"tightening alone, less neither": ("the tightening alone", "neither")}
        ),
    ),
    statistics={
        f"{words}: beyond the boom's and the tightening's own": interaction(
            words, SCENARIO, "the boom alone", "the tightening alone", "neither"
        )
        for words in ("cost of capital at the end, 1/yr", "defaults", "creditor loss, M$")
    },
    claims=(
        Claim(
            "tightening into the boom adds defaults to those of the boom",
            Cell("defaults", SCENARIO, "the boom alone"),
        ),
        Claim("and creditors' losses, M$", Cell("creditor loss, M$", SCENARIO, "the boom alone")),
        Claim("and refused refinancings", Cell("refused refinancings", SCENARIO, "the boom alone")),
        Claim(
            "it adds more defaults in the boom than without one",
            Cell("defaults: beyond the boom's and the tightening's own"),
        ),
    ),
    pictures={
        "funding pool, bn$": "pool_bnusd",
        "policy rate, 1/yr": "policy_rate",
        "cost of capital, 1/yr": "cost_of_capital",
        "debt in default, M$": "debt_in_default_musd",
    },
    drawn=("the boom alone", "the tightening alone", "neither"),
)

STUDIES = {study.scenario: study for study in (REVERSE_QE, HAWKISH)}
