"""Interventions of a scenario: from a week on a field has another value."""

from typing import TYPE_CHECKING, Any

from hashcredit.simulator.errors import ScenarioError
from hashcredit.simulator.scenario.fields.base import Section, documentation, quantity, refused

if TYPE_CHECKING:
    from hashcredit.simulator.scenario.scenario import Scenario

OPEN_TO_POLICY = (
    "valuation",
    "marking",
    "credit",
    "equity",
    "resolution",
    "secondary_market",
    "investment",
    "funding",
    "repo",
    "interlender",
    "channels",
    "lenders",
    "buyers",
)
"""Sections whose numbers the weeks read; agents, machines and networks are settled at the start."""

READ_AT_THE_START = frozenset(
    {
        "credit.origination_ltv",
        "credit.ltv_sd",
        "credit.loan_age_weeks",
        "credit.conversion_premium",
        "credit.refinancing_sweep_share",
        "credit.btc_spread",
        "credit.bullet_weeks_low",
        "credit.bullet_weeks_high",
        "credit.high_yield_coupon",
        "credit.convertible_coupon",
        "equity.listed_miners",
        "equity.listed_neoclouds",
        "interlender.exposure_share",
        "lenders.equity_ratio",
        "lenders.market_share",
        "lenders.headroom",
        "lenders.interlender_claims",
        "lenders.interlender_debts",
        "buyers.site_class",
        "buyers.cash",
        "buyers.cash_log_sd",
        "buyers.slots_asic",
        "buyers.slots_air",
        "buyers.slots_liquid",
    }
)
"""Fields of these sections, kinds of agent left out, that no later week reads."""


class Intervention(Section):
    """A field that has another value from a week on."""

    week: int = quantity(0, unit="week", low=0, high=1039, meaning="first week in which it holds")
    field: str = quantity("credit.policy_rate", unit="none", meaning="dotted name of a field of the scenario")
    value: Any = quantity(None, unit="none", meaning="its value from then on")


def without_kind(field: str) -> str:
    """A dotted name without the kind of agent in it: `lenders.bank.spread` is `lenders.spread`."""
    section, _, rest = field.partition(".")
    return f"{section}.{rest.partition('.')[2]}" if section in ("lenders", "buyers") else field


def regimes(scenario: "Scenario") -> "list[tuple[int, Scenario]]":
    """The scenario as it is from each week on in which interventions set in, by week; each checked whole."""
    present = scenario.with_changes({"interventions": ()})
    found = []
    for week in sorted({each.week for each in scenario.interventions}):
        changes = {each.field: each.value for each in scenario.interventions if each.week == week}
        present = present.with_changes(changes)
        found.append((week, present))
    return found


def check_interventions(scenario: "Scenario") -> None:
    """Each changes, before the horizon, a number that later weeks read, to a value that the field allows."""
    seen = set()
    for place, each in enumerate(scenario.interventions):
        name = f"interventions.{place}"
        if each.week >= scenario.horizon_weeks:
            allowed = f"a week before the horizon, 0 to {scenario.horizon_weeks - 1}"
            raise refused(f"{name}.week", each.week, allowed)
        if (each.week, each.field) in seen:
            raise refused(f"{name}.field", each.field, f"one value from week {each.week} on, not two")
        seen.add((each.week, each.field))
        section = each.field.partition(".")[0]
        if section not in OPEN_TO_POLICY:
            raise refused(
                f"{name}.field",
                each.field,
                f"a field of a section that weeks read: {', '.join(OPEN_TO_POLICY)}",
            )
        if without_kind(each.field) in READ_AT_THE_START:
            raise refused(
                f"{name}.field",
                each.field,
                "a field that is read after the first week; this one is settled then",
            )
        if _is_path(each.field):
            allowed = "a field that is not a path: a path itself says what it is in every week"
            raise refused(f"{name}.field", each.field, allowed)
    if not scenario.interventions:
        return
    try:
        regimes(scenario)
    except ScenarioError as error:
        raise refused(f"interventions, {error.field}", error.value, error.allowed) from None


def _is_path(field: str) -> bool:
    """Whether a field of these sections is a path over weeks."""
    from hashcredit.simulator.scenario.sections import SECTIONS

    section, _, name = field.partition(".")
    about = SECTIONS[section].model_fields.get(name)
    return about is not None and bool(documentation(about).get("knots"))
