"""Hypothesis strategies: random valid scenarios, small enough that a thousand of them run in a minute.

Structure (who there is, which rules and channels hold) is always drawn; of the numbers a random handful
leaves its baseline value for anything within its documented bounds, the bounds themselves included. New
scenario fields are picked up by themselves.
"""

from datetime import date
from typing import Any, NamedTuple

from hypothesis import strategies as st

from hashcredit.simulator import Scenario
from hashcredit.simulator.scenario.forced import POPULATION_OF
from hashcredit.simulator.scenario.interventions import instead_of

BASELINE = Scenario.load()
MOST_OF_A_KIND = 12
MOST_WEEKS = 40

LENDERS = tuple(POPULATION_OF)
BUYERS = ("operator", "broker", "refurbisher", "scrap_dealer")
NETWORKS = ("erdos-renyi", "scale-free", "core-periphery", "block", "complete")
EXPOSURES = (*NETWORKS, "maximum-entropy", "minimum-density")
GPUS = ("A100", "H100", "H200", "B200", "B300")
ASICS = ("S19 Pro", "S19 XP", "S21")

NARROWER: dict[str, tuple[float, float]] = {
    # Machine values are tabulated for discount rates of 2 % to 80 % a year, all parts added up.
    "credit.policy_rate": (0.0, 0.1),
    "credit.borrower_spread_by_grade": (0.02, 0.3),
    "funding.premium": (0.0, 0.1),
    "funding.premium_convexity": (0.0, 0.3),
    "valuation.appraiser_spread": (0.02, 0.3),
    **{f"lenders.{kind}.spread": (0.02, 0.3) for kind in LENDERS},
    **{f"buyers.{kind}.spread": (0.02, 0.3) for kind in BUYERS},
    # Each at most half, so that together they are at most one.
    "marking.market_weight": (0.0, 0.5),
    "marking.income_weight": (0.0, 0.5),
    # A loan of 1e7 M$, more than there is money, leaves a cent of rounding when it is repaid.
    "shocks.btc_price0": (100.0, 1e6),
    "miners.hashrate_median": (1e-6, 50.0),
    "miners.hashrate_log_sd": (0.0, 1.5),
    "miners.btc_per_ehs": (0.0, 2500.0),
    "miners.btc_log_sd": (0.0, 1.5),
    "miners.gpu_fleet_median": (1e-3, 1e3),
    "miners.gpu_log_sd": (0.0, 1.5),
    "neoclouds.fleet_median": (1e-3, 1e3),
    "neoclouds.fleet_log_sd": (0.0, 1.5),
    # Beyond these nothing happens within the short horizon.
    "repo.cure_weeks": (0, 8),
    "repo.memory_weeks": (0.1, 60.0),
    "credit.cure_weeks": (0, 8),
    "credit.grace_weeks": (0, 8),
    "credit.loan_age_weeks": (0, 207),
    "credit.repayment_weeks": (208, 1040),
    "credit.btc_tenor_weeks": (1, 60),
    "credit.sweep_weeks": (1, 60),
    "equity.spacing_weeks": (1, 60),
    "resolution.removal_weeks": (0, 8),
    "investment.contract_weeks": (1, 60),
    "investment.lead_weeks": (0, 20),
    "investment.lead_weeks_asic": (0, 20),
    "investment.hold_weeks": (0, 8),
    "secondary_market.patience_weeks": (0.1, 30.0),
}
"""Ranges drawn from, where they are not the documented bounds."""

ORDERED = (
    ("repo.lowest_haircut", "repo.highest_haircut"),
    ("neoclouds.contracted_low", "neoclouds.contracted_high"),
    ("neoclouds.contract_premium_low", "neoclouds.contract_premium_high"),
    *((f"lenders.{kind}.capital_minimum", f"lenders.{kind}.capital_target") for kind in LENDERS),
    *((f"lenders.{kind}.capital_minimum", f"lenders.{kind}.equity_ratio") for kind in LENDERS),
)
"""Pairs of fields of which the second may not be smaller."""

DRAWN_APART = (
    "population.",
    "channels.",
    "credit.btc_initial_ltv",
    "credit.btc_call_ltv",
    "credit.btc_liquidation_ltv",
    "credit.bullet_weeks_",
    "credit.refinancing_sweep_share",
    "credit.tenor_weeks",
    "horizon_weeks",
    "investment.decision_weeks",
    "resolution.stay_",
    "secondary_market.sell_share",
    "shocks.student_df",
    "shocks.btc_path",
    "shocks.rent_path",
    "shocks.hashprice_path",
    "funding.tightness",
    "funding.capex",
    "funding.external_share",
    "funding.purchases",
    "funding.fiscal",
    "repo.haircut",
    "repo.standing_facility",
)


BTC_LEVELS = ((0.5, 0.65, 0.75), (0.01, 0.02, 0.03), (0.94, 0.97, 1.0))
"""Loan to value of a BTC loan at first, at a margin call and at liquidation."""

BULLETS = ((26, 260), (1, 60), (1, 12))
"""Shortest and longest life in weeks that bonds have left."""

STAYS = ((1, 1), (1, 3), (2, 6), (8, 26))
"""Shortest and longest stay in weeks."""


class Numbers(NamedTuple):
    """A numeric field: its dotted name, its baseline value and the range to draw from."""

    field: str
    default: Any
    low: float
    high: float


def numeric_fields() -> list[Numbers]:
    """Every field of the baseline that consists of numbers with two bounds."""
    found = []
    for row in BASELINE.describe():
        bounded = isinstance(row.low, int | float) and isinstance(row.high, int | float)
        if bounded and not row.field.startswith(("machine.", *DRAWN_APART)):
            low, high = NARROWER.get(row.field, (row.low, row.high))
            found.append(Numbers(row.field, row.default, low, high))
    return found


FIELDS = numeric_fields()
TIED = {field for pair in ORDERED for field in pair}
OPEN = [
    numbers for numbers in FIELDS if not instead_of(numbers.field, Scenario) and numbers.field not in TIED
]
"""Fields that interventions may change whatever the rest of the scenario is."""
SWITCHES = ("channels.repo", "channels.interlender", "channels.lender_credit", "repo.standing_facility")

DEFAULTS = {row.field: row.default for row in BASELINE.describe()}
PEOPLE = [field for field in DEFAULTS if field.startswith("population.")]
CHANNELS = [field for field in DEFAULTS if field.startswith("channels.")]


def number(default: Any, low: float, high: float) -> st.SearchStrategy[Any]:
    """A number within bounds, as often a bound itself or near the default as anything between."""
    if isinstance(default, int):
        return st.integers(int(low), int(high)) | st.sampled_from((int(low), int(high)))
    least, most = sorted((default / 4.0, default * 4.0))
    near = st.floats(max(low, min(least, high)), min(high, max(most, low)))
    return st.sampled_from((low, high)) | near | st.floats(low, high)


def values_of(numbers: Numbers) -> st.SearchStrategy[Any]:
    """A value of a field: one number, one a class, or weights of machine types."""
    _, default, low, high = numbers
    if isinstance(default, tuple):
        each = st.tuples(*(number(entry, low, high) for entry in default))
        return each.filter(any) if "shares" in numbers.field else each
    if isinstance(default, dict):
        weights = st.fixed_dictionaries(dict.fromkeys(default, st.floats(0.0, 1.0)))
        return weights.filter(lambda table: sum(table.values()) > 0.0)
    return number(default, low, high)


def paths(low: float, high: float, default: float) -> st.SearchStrategy[Any]:
    """A constant or a path of up to four knots."""
    value = number(default, low, high)
    week = st.integers(0, MOST_WEEKS)
    knots = st.dictionaries(week, value, min_size=1, max_size=4).map(lambda table: sorted(table.items()))
    return value | knots


def opening_of_a_pool() -> st.SearchStrategy[dict[str, Any]]:
    """Tightness made by the pool, with a path of capital expenditure."""
    return st.fixed_dictionaries(
        {
            "funding.tightness": number(0.2, 0.01, 0.99),
            "funding.capex": paths(1.0, 1e5, 700.0),
            "funding.external_share": paths(0.0, 1.0, 0.3),
            "funding.purchases": paths(-1e4, 1e4, 100.0),
            "funding.fiscal": paths(-1e4, 1e4, 600.0),
        }
    )


def path_of_tightness() -> st.SearchStrategy[dict[str, Any]]:
    """Tightness read from a path."""
    rule = st.just("path")
    return st.fixed_dictionaries({"funding.rule": rule, "funding.tightness": paths(0.0, 1.0, 0.2)})


@st.composite
def populations(draw: st.DrawFn) -> dict[str, Any]:
    """Up to twelve agents of a kind, any kind missing, but somebody borrows and somebody lends."""
    kinds = [field.removeprefix("population.") for field in PEOPLE]
    counts = {kind: draw(st.integers(0, MOST_OF_A_KIND)) for kind in kinds}
    if counts["miners"] + counts["neoclouds"] == 0:
        counts[draw(st.sampled_from(("miners", "neoclouds")))] = 1
    if counts["banks"] + counts["private_credit"] + counts["bond_funds"] == 0:
        counts[draw(st.sampled_from(("banks", "private_credit", "bond_funds")))] = 1
    return {f"population.{kind}": count for kind, count in counts.items()}


@st.composite
def interventions(draw: st.DrawFn, weeks: int) -> tuple[dict[str, Any], ...]:
    """Up to four changes of policy within the horizon."""
    found = {}
    for _ in range(draw(st.sampled_from((0, 0, 1, 4)))):
        week = draw(st.integers(0, weeks - 1))
        if draw(st.booleans()):
            field, value = draw(st.sampled_from(SWITCHES)), draw(st.booleans())
        else:
            numbers = draw(st.sampled_from(OPEN))
            field, value = numbers.field, draw(values_of(numbers))
        found[week, field] = {"week": week, "field": field, "value": value}
    return tuple(found.values())


@st.composite
def structures(draw: st.DrawFn) -> dict[str, Any]:
    """Who there is, for how long, under which rules, and what is imposed from outside."""
    weeks = draw(st.integers(1, MOST_WEEKS))
    initial, call, liquidation = draw(st.sampled_from(BTC_LEVELS))
    stay_low, stay_high = draw(st.sampled_from(STAYS))
    bullet_low, bullet_high = draw(st.sampled_from(BULLETS))
    changes = {
        **draw(populations()),
        **{channel: draw(st.booleans()) for channel in CHANNELS},
        "horizon_weeks": weeks,
        "secondary_market.rule": draw(st.sampled_from(("auction", "auction", "impact", "deep"))),
        "secondary_market.sell_share": draw(st.sampled_from((0.125, 0.5, 1.0, 0.0))),
        "resolution.stay_low": stay_low,
        "resolution.stay_high": stay_high,
        "investment.decision_weeks": draw(st.sampled_from((1, 4, 13))),
        "credit.enforcement": draw(st.sampled_from(("always", "choice", "never"))),
        "credit.bullet_weeks_low": bullet_low,
        "credit.bullet_weeks_high": bullet_high,
        "credit.refinancing_sweep_share": draw(st.sampled_from((0.2, 0.0, 1.0))),
        "credit.hand_back": draw(st.sampled_from((True, True, False))),
        "credit.control": draw(st.booleans()),
        "credit.waiver_fee": draw(st.sampled_from((0.0, 0.0025, 0.05))),
        "credit.btc_initial_ltv": initial,
        "credit.btc_call_ltv": call,
        "credit.btc_liquidation_ltv": liquidation,
        "credit.tenor_weeks": draw(st.sampled_from((30, 208, 1040))),
        "credit.balloon_share": draw(st.sampled_from((0.0, 0.3, 1.0))),
        "credit.top_up": draw(st.booleans()),
        "costs.lease_exit_weeks": draw(st.sampled_from((0.0, 1.0, 52.0))),
        "investment.prepayment": draw(st.sampled_from(((0.33, 0.0, 0.0, 0.0), (1.0,) * 4))),
        **{f"lenders.{kind}.syndication": draw(st.sampled_from((0.0, 0.5, 1.0))) for kind in LENDERS},
        "investment.vendor_loan": draw(st.sampled_from((0.0, 0.2, 1.0))),
        "credit.site_advance": draw(st.sampled_from((0.0, 0.8, 1.0))),
        "credit.site_backstop": draw(st.sampled_from((0.0, 1.0))),
        "neoclouds.fleet_growth": draw(st.sampled_from((0.0, 0.66, 5.0))),
        "networks.credit_kind": draw(st.sampled_from(NETWORKS)),
        "networks.trade_kind": draw(st.sampled_from(NETWORKS)),
        "networks.interlender_kind": draw(st.sampled_from(EXPOSURES)),
        "interlender.receivership": draw(st.sampled_from(("run-off", "auction"))),
        "repo.standing_facility": draw(st.booleans()),
        "shocks.student_df": draw(st.sampled_from((0, 0, 3, 5, 30))),
        "mining.halving_date": draw(st.sampled_from(("none", date(2028, 4, 17), date(2026, 7, 1)))),
        "interventions": draw(interventions(weeks)),
        **draw(st.sampled_from((opening_of_a_pool(), path_of_tightness())).flatmap(lambda each: each)),
        "repo.haircut": draw(paths(0.0, 1.0, 0.2)),
    }
    for kind in LENDERS:
        changes[f"lenders.{kind}.belief"] = draw(st.sampled_from(("utility", "venture", "learned")))
    if draw(st.booleans()):
        changes["shocks.forced_default"] = {
            "week": draw(st.integers(0, weeks - 1)),
            "machine": draw(st.sampled_from(GPUS + ASICS)),
            "units": draw(st.sampled_from((1, 1000, 10**9))),
        }
    if draw(st.integers(0, 3)) == 0:
        there = [kind for kind, people in POPULATION_OF.items() if changes[f"population.{people}"] > 0]
        changes["shocks.forced_lender_failure"] = {
            "week": draw(st.integers(0, weeks - 1)),
            "kind": draw(st.sampled_from(there)),
            "share": draw(st.sampled_from((0.001, 0.5, 1.0))),
        }
    if draw(st.integers(0, 9)) == 0:
        changes["shocks.btc_path"] = [(0, 50_000.0), (20, draw(st.sampled_from((1.0, 500.0, 1e6))))]
    if draw(st.integers(0, 9)) == 0:
        changes["shocks.rent_path"] = [(0, 2.0), (20, draw(st.sampled_from((1e-4, 0.5, 20.0))))]
    if draw(st.integers(0, 9)) == 0:
        changes["shocks.hashprice_path"] = [(0, 29.0), (20, draw(st.sampled_from((0.1, 5.0, 1e4))))]
    return changes


def reconcile(changes: dict[str, Any]) -> dict[str, Any]:
    """Put the pairs of fields that have an order into it; weights of lenders may not all be zero."""
    for low, high in ORDERED:
        if low in changes or high in changes:
            pair = sorted((changes.get(low, DEFAULTS[low]), changes.get(high, DEFAULTS[high])))
            changes[low], changes[high] = pair
    weights = [f"lenders.{kind}.market_share" for kind in LENDERS]
    if not any(changes.get(field, DEFAULTS[field]) for field in weights):
        changes[weights[0]] = 1.0
    return changes


@st.composite
def changes_of_scenarios(draw: st.DrawFn) -> dict[str, Any]:
    """Changes that make a valid scenario of the baseline, and say in a failure what is special about it."""
    changes = draw(structures())
    for numbers in draw(
        st.lists(st.sampled_from(FIELDS), min_size=10, max_size=60, unique_by=lambda each: each.field)
    ):
        changes[numbers.field] = draw(values_of(numbers))
    return reconcile(changes)
