"""Studies of scenarios about a boom of lending: what ends it, and who believes what when it is lent."""

from hashcredit.experiments.scenarios.measures import DAMAGE, scalar
from hashcredit.experiments.scenarios.statistics import gap
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
from hashcredit.experiments.scenarios.switches import (
    CHANNELS_OFF,
    LENDERS_FAIL,
    channel_effects,
    failure_effects,
)

NEW = "new lending, M$"
LENDING = {
    "orders of new machines, M$": scalar("orders_musd"),
    NEW: scalar("new_lending_musd"),
    "largest debt, M$": scalar("debt_peak_musd"),
}
WEEK_OF_DEBT = "week of the largest debt (-1: the opening)"
WEEK_OF_RENT = "week of the highest rent"
LEAD = "largest debt after the highest rent, weeks"

# A turn of demand

BOOM_CAPEX = ((0, 652.0), (12, 725.0), (64, 850.0), (116, 950.0), (168, 1000.0))
"""Hyperscalers' capital expenditure as in the baseline, bn$ a year."""
DEMAND_STAYS: dict[str, object] = {"shocks.demand_turn.drop": 0.0, "shocks.demand_turn.growth": 0.8}
CAPEX_STAYS: dict[str, object] = {"funding.capex": BOOM_CAPEX}

BOOM_TURNS: dict[str, object] = {
    "compute.demand_growth": 0.8,
    "shocks.demand_turn": {"week": 60, "drop": 0.3, "growth": 0.0},
    "funding.capex": ((0, 652.0), (12, 725.0), (60, 840.0), (86, 652.0), (168, 652.0)),
}
"""What makes `demand_turn` out of the baseline."""
UNFORCED = "lenders that fail, not forced"

DEMAND_TURN = ScenarioStudy(
    scenario="demand_turn",
    arms={
        "no turn": Change(DEMAND_STAYS | CAPEX_STAYS),
        "demand alone turns": Change(CAPEX_STAYS),
        "capex alone turns": Change(DEMAND_STAYS),
        **CHANNELS_OFF,
        **LENDERS_FAIL,
    },
    measures={
        **LENDING,
        WEEK_OF_DEBT: scalar("debt_peak_week"),
        WEEK_OF_RENT: scalar("rent_peak_week"),
        UNFORCED: scalar("extra_lender_failures"),
        **DAMAGE,
    },
    tables=(
        Table(
            against("no turn")
            | {
                "demand alone turns, less no turn": ("demand alone turns", "no turn"),
                "capex alone turns, less no turn": ("capex alone turns", "no turn"),
            }
        ),
        Table(channel_effects(), (*LENDING, *DAMAGE)),
        Table(failure_effects(), (*LENDING, UNFORCED, *DAMAGE)),
    ),
    statistics={
        LEAD: gap(WEEK_OF_DEBT, WEEK_OF_RENT, SCENARIO),
        f"{LEAD}, without the turn": gap(WEEK_OF_DEBT, WEEK_OF_RENT, "no turn"),
    },
    claims=(
        Claim("the turn brings neo-clouds down", Cell("defaults of neo-clouds", SCENARIO, "no turn")),
        Claim("creditors lose more", Cell("creditor loss, M$", SCENARIO, "no turn")),
        Claim("less is lent", Cell("new lending, M$", SCENARIO, "no turn"), Sign.BELOW),
        Claim("demand alone does it too", Cell("defaults of neo-clouds", "demand alone turns", "no turn")),
        Claim(
            "less capital expenditure alone brings none down, since it builds less that competes",
            Cell("defaults of neo-clouds", "capex alone turns", "no turn"),
            Sign.NONE,
        ),
        Claim("credit peaks before rents do", Cell(LEAD), Sign.BELOW),
        Claim("fire sales add to losses", Cell("creditor loss, M$", SCENARIO, "fire_sale off")),
        Claim("lenders' losses take lending away", Cell(NEW, SCENARIO, "lender_credit off"), Sign.BELOW),
        Claim("calls on lenders take lending away", Cell(NEW, SCENARIO, "repo off"), Sign.BELOW),
        Claim("without banks less is lent", Cell(NEW, "all banks fail", SCENARIO), Sign.BELOW),
        Claim("and without private credit", Cell(NEW, "all private credit funds fail", SCENARIO), Sign.BELOW),
        Claim("and without bond funds", Cell(NEW, "all bond funds fail", SCENARIO), Sign.BELOW),
        Claim(
            "the failure of private credit brings neo-clouds down",
            Cell("defaults of neo-clouds", "all private credit funds fail", SCENARIO),
        ),
    ),
    pictures={
        "rent index, USD an hour": "rent_index_usd_h",
        "debt, M$": "debt_musd",
        "machines on order": "units_on_order",
        "log premium of contracts": "term_premium",
    },
    drawn=("no turn", "demand alone turns"),
)

# Beliefs

KINDS = ("bank", "private_credit", "bond_fund")


def believing(belief: str) -> dict[str, object]:
    """All lenders of one belief."""
    return {f"lenders.{kind}.belief": belief for kind in KINDS}


LONG: dict[str, object] = {"credit.utility_tenor_weeks": 520}
BOOM: dict[str, object] = {"compute.demand_growth": 0.8}

UTILITY = ScenarioStudy(
    scenario="utility_underwriting",
    arms={
        "venture": Change(believing("venture")),
        "learned": Change(believing("learned")),
        "ten years": Change(LONG),
        "boom": Change(BOOM),
        "boom, venture": Change(BOOM | believing("venture")),
        "boom, ten years": Change(BOOM | LONG),
    },
    measures={**LENDING, **DAMAGE},
    tables=(
        Table(against("venture", "learned", "ten years")),
        Table(
            {
                "in a boom": ("boom", ""),
                "less venture in a boom": ("boom", "boom, venture"),
                "ten years less five in a boom": ("boom, ten years", "boom"),
            }
        ),
    ),
    claims=(
        Claim("utility lenders lend more than venture lenders", Cell("new lending, M$", SCENARIO, "venture")),
        Claim("borrowers owe more at the most", Cell("largest debt, M$", SCENARIO, "venture")),
        Claim("more borrowers default", Cell("defaults", SCENARIO, "venture")),
        Claim("creditors lose more", Cell("creditor loss, M$", SCENARIO, "venture")),
        Claim("so it is in a boom: lending", Cell("new lending, M$", "boom", "boom, venture")),
        Claim("so it is in a boom: loss", Cell("creditor loss, M$", "boom", "boom, venture")),
        Claim(
            "five years cost creditors less than ten",
            Cell("creditor loss, M$", SCENARIO, "ten years"),
            Sign.BELOW,
        ),
    ),
    pictures={
        "debt, M$": "debt_musd",
        "machines on order": "units_on_order",
        "debt in default, M$": "debt_in_default_musd",
        "lenders' equity, M$": "lender_equity_musd",
    },
    drawn=("venture", "learned"),
)

STUDIES = {study.scenario: study for study in (DEMAND_TURN, UTILITY)}
