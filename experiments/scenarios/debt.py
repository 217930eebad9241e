"""Studies of scenarios about what debt says at equal amounts: when it is due, for how long, and on what."""

from hashcredit.experiments.scenarios.boom import BOOM_TURNS, CAPEX_STAYS, DEMAND_STAYS, LENDING
from hashcredit.experiments.scenarios.measures import DAMAGE, end_of, log_end, scalar
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
from hashcredit.experiments.scenarios.switches import CHANNELS_OFF, channel_effects

OPENING = {"debt in the opening, M$": scalar("debt_start_musd")}
DEFAULTED = {"debt in default, M$": scalar("debt_defaulted")}

# A maturity wall

REFUSED = "refinancings refused"
AT_MATURITY = "defaults at maturity"
SPREAD: dict[str, object] = {"credit.bullet_weeks_low": 26, "credit.bullet_weeks_high": 260}
LEVEL: dict[str, object] = {"credit.balloon_share": 0.0}
NO_TURN = DEMAND_STAYS | CAPEX_STAYS

WALL = ScenarioStudy(
    scenario="maturity_wall",
    arms={
        "no wall": Change(SPREAD | LEVEL),
        "bonds spread": Change(SPREAD),
        "no balloons": Change(LEVEL),
        "no turn": Change(NO_TURN),
        "no turn, no wall": Change(NO_TURN | SPREAD | LEVEL),
        **CHANNELS_OFF,
    },
    measures={
        **OPENING,
        **LENDING,
        REFUSED: scalar("refinancings_refused"),
        AT_MATURITY: scalar("defaults_maturity"),
        **DAMAGE,
    },
    tables=(
        Table(
            against("no wall", "bonds spread", "no balloons")
            | {"no turn, less no turn without the wall": ("no turn", "no turn, no wall")}
        ),
        Table(channel_effects(), (REFUSED, *DAMAGE)),
    ),
    claims=(
        Claim("more is refused than without the wall", Cell(REFUSED, SCENARIO, "no wall")),
        Claim("more borrowers default", Cell("defaults", SCENARIO, "no wall")),
        Claim("creditors lose more", Cell("creditor loss, M$", SCENARIO, "no wall")),
        Claim(
            "the wall alone brings no more down", Cell("defaults", "no turn", "no turn, no wall"), Sign.NONE
        ),
        Claim("opening debts are equal", Cell("debt in the opening, M$", SCENARIO, "no wall"), Sign.NONE),
        Claim("lenders' losses add defaults", Cell("defaults", SCENARIO, "lender_credit off")),
        Claim("calls on lenders add defaults", Cell("defaults", SCENARIO, "repo off")),
        Claim("fire sales add to losses", Cell("creditor loss, M$", SCENARIO, "fire_sale off")),
    ),
    pictures={
        "debt, M$": "debt_musd",
        "debt in default, M$": "debt_in_default_musd",
        "lenders' equity, M$": "lender_equity_musd",
        "appraisal of an H100, USD": "appraisal_usd_h100",
    },
    drawn=("no wall", "no turn"),
)

# Ten years on three

THREE: dict[str, object] = {"credit.tenor_weeks": 156, "credit.utility_tenor_weeks": 156}
OWED_AT_THE_END = "debt at the end, M$"

TEN_YEARS = ScenarioStudy(
    scenario="ten_year_on_three",
    arms={
        "three years": Change(THREE),
        "boom that turns": Change(BOOM_TURNS),
        "boom that turns, three years": Change(BOOM_TURNS | THREE),
    },
    measures={**OPENING, **LENDING, OWED_AT_THE_END: end_of("debt_musd"), **DEFAULTED, **DAMAGE},
    tables=(
        Table(
            against("three years")
            | {
                "boom that turns": ("boom that turns", ""),
                "less three years there": ("boom that turns", "boom that turns, three years"),
            }
        ),
    ),
    claims=(
        Claim("creditors lose more", Cell("creditor loss, M$", SCENARIO, "three years")),
        Claim(
            "fewer borrowers default, since less is due a year",
            Cell("defaults", SCENARIO, "three years"),
            Sign.BELOW,
        ),
        Claim("more is owed at the end", Cell(OWED_AT_THE_END, SCENARIO, "three years")),
        Claim(
            "what is sold brings as much of its paper value: machines do not know their debts",
            Cell("realised to paper", SCENARIO, "three years"),
            Sign.NONE,
        ),
        Claim(
            "in a boom that turns creditors lose more, too",
            Cell("creditor loss, M$", "boom that turns", "boom that turns, three years"),
        ),
        Claim("opening debts are equal", Cell("debt in the opening, M$", SCENARIO, "three years"), Sign.NONE),
    ),
    pictures={
        "debt, M$": "debt_musd",
        "debt in default, M$": "debt_in_default_musd",
        "machines on order": "units_on_order",
        "lenders' equity, M$": "lender_equity_musd",
    },
    drawn=("three years", "boom that turns"),
)

# Two collaterals

FREE: dict[str, object] = {"miners.btc_pledge": False}
STAYS: dict[str, object] = {"shocks.btc_drift": 0.0}
COINS = "BTC held by borrowers at the end"
PRICE = "log price of BTC at the end"

DOUBLE = ScenarioStudy(
    scenario="double_leverage",
    arms={
        "coins not pledged": Change(FREE),
        "BTC stays": Change(STAYS),
        "BTC stays, coins not pledged": Change(STAYS | FREE),
        "no loans on coins": Change({"miners.btc_loan_probability": 0.0}),
    },
    measures={
        **OPENING,
        COINS: end_of("btc_held"),
        PRICE: log_end("btc_price_usd"),
        "defaults, margin calls": scalar("defaults_margin"),
        **DEFAULTED,
        **DAMAGE,
    },
    tables=(
        Table(
            against("coins not pledged", "no loans on coins")
            | {
                "BTC stays": ("BTC stays", ""),
                "less coins not pledged there": ("BTC stays", "BTC stays, coins not pledged"),
            }
        ),
    ),
    claims=(
        Claim(
            "pledged coins bring more miners down", Cell("defaults of miners", SCENARIO, "coins not pledged")
        ),
        Claim("creditors lose more", Cell("creditor loss, M$", SCENARIO, "coins not pledged")),
        Claim(
            "coins are sold: fewer are held at the end",
            Cell(COINS, SCENARIO, "coins not pledged"),
            Sign.BELOW,
        ),
        Claim("their sale lowers BTC", Cell(PRICE, SCENARIO, "coins not pledged"), Sign.BELOW),
        Claim(
            "a pledge matters where BTC falls, and not where it stays",
            Cell("defaults of miners", "BTC stays", "BTC stays, coins not pledged"),
            Sign.NONE,
        ),
        Claim(
            "opening debts are equal",
            Cell("debt in the opening, M$", SCENARIO, "coins not pledged"),
            Sign.NONE,
        ),
    ),
    pictures={
        "BTC held by borrowers": "btc_held",
        "price of BTC, USD": "btc_price_usd",
        "debt in default, M$": "debt_in_default_musd",
        "debt, M$": "debt_musd",
    },
    drawn=("coins not pledged", "BTC stays"),
)

STUDIES = {study.scenario: study for study in (WALL, TEN_YEARS, DOUBLE)}
