"""Interventions: other numbers from a week on; who takes them over, and what is refused."""

import re
from pathlib import Path

import numpy as np
import pytest
from small_economy import FIRE_SALE
from strategies import DEFAULTS, OPEN

import hashcredit.simulator
from hashcredit.agents.borrower import BORROWER
from hashcredit.agents.buyer import BUYER
from hashcredit.agents.lender import LENDER
from hashcredit.agents.views import Lender
from hashcredit.simulator import MarketModel, Scenario, simulate
from hashcredit.simulator.books.terms import OF_BORROWERS, OF_BUYERS, OF_LENDERS, terms_of
from hashcredit.simulator.errors import ScenarioError
from hashcredit.simulator.scenario.fields.base import is_settled_at_start, named_field
from hashcredit.simulator.scenario.interventions import instead_of, open_sections
from hashcredit.simulator.setup.parameters import PARAMETERS, compile_parameters
from hashcredit.simulator.state.codes import EventKind
from hashcredit.simulator.week.regimes import regime

TABLES = (
    "borrowers",
    "lenders",
    "buyers",
    "loans",
    "contracts",
    "orders",
    "machines",
    "clock",
    "market",
    "repo",
    "outcomes",
    "world",
    "flows",
    "series",
)
RATE = {"week": 10, "field": "credit.policy_rate", "value": 0.08}
BASELINE = Scenario.load()


def changed(*interventions, scenario=FIRE_SALE):
    return scenario.with_changes({"interventions": interventions})


def assert_same_run(one, other):
    for table in TABLES:
        a, b = getattr(one, table), getattr(other, table)
        names = a.dtype.names or (...,)
        assert all(a[name].tobytes() == b[name].tobytes() for name in names), table


# The rows of the parameter table.


def test_one_row_for_the_start_and_one_for_each_week():
    facility = {"week": 20, "field": "repo.standing_facility", "value": True}
    cure = {"week": 10, "field": "credit.cure_weeks", "value": 1}
    table = compile_parameters(changed(facility, RATE, cure))
    assert table["from_week"].tolist() == [0, 10, 20]
    assert table["credit_policy_rate"].tolist() == [BASELINE.credit.policy_rate, 0.08, 0.08]
    assert table["credit_cure_weeks"].tolist() == [BASELINE.credit.cure_weeks, 1, 1]
    assert table["repo_standing_facility"].tolist() == [0, 0, 1]
    weeks = [regime(table, week) for week in (0, 9, 10, 19, 20, 29)]
    assert weeks == [0, 0, 1, 1, 2, 2]
    untouched = set(PARAMETERS.names) - {
        "from_week",
        "credit_policy_rate",
        "credit_cure_weeks",
        "repo_standing_facility",
    }
    for name in untouched:
        assert (table[name] == table[name][:1]).all(), name


def test_a_later_value_of_the_same_field_takes_over():
    later = {"week": 20, "field": "credit.policy_rate", "value": 0.01}
    table = compile_parameters(changed(later, RATE))
    assert table["credit_policy_rate"].tolist() == [BASELINE.credit.policy_rate, 0.08, 0.01]


def test_units_are_those_of_the_field():
    cost = {"week": 3, "field": "secondary_market.storage_cost", "value": 25.0}
    assert compile_parameters(changed(cost))["secondary_market_storage_cost"][1] == pytest.approx(25e-6)


# Runs.


def test_a_rate_holds_from_its_week_on_and_earlier_weeks_are_the_same_bits():
    plain, moved = simulate(FIRE_SALE, seed=3), simulate(changed(RATE), seed=3)
    before, after = plain.economy.series, moved.economy.series
    assert before[:10].tobytes() == after[:10].tobytes()
    assert before[10].tobytes() != after[10].tobytes()
    cost = moved.series["cost_of_capital"] - plain.series["cost_of_capital"]
    assert cost[:10].eq(0.0).all()
    rise = 0.08 - BASELINE.credit.policy_rate
    assert cost[10] == pytest.approx(rise, rel=1e-9)
    assert (cost[10:] > 0.9 * rise).all()  # tightness may have answered since
    (event,) = np.flatnonzero(moved.economy.events["kind"] == EventKind.POLICY_CHANGE)
    assert moved.economy.events["week"][event] == 10


def test_to_the_value_it_has_changes_nothing_but_the_log():
    same = {"week": 10, "field": "credit.policy_rate", "value": BASELINE.credit.policy_rate}
    plain, moved = simulate(FIRE_SALE, seed=3), simulate(changed(same), seed=3)
    assert plain.economy.series.tobytes() == moved.economy.series.tobytes()
    assert moved.economy.clock["events"] == plain.economy.clock["events"] + 1


def test_from_the_first_week_on():
    at_once = simulate(changed({**RATE, "week": 0}), seed=3)
    assert at_once.series["cost_of_capital"][0] > simulate(FIRE_SALE, seed=3).series["cost_of_capital"][0]
    # the opening is that of the scenario without it
    plain = simulate(FIRE_SALE, seed=3)
    for field in plain.before.lenders.dtype.names:
        assert at_once.before.lenders[field].tobytes() == plain.before.lenders[field].tobytes(), field


def test_contracts_keep_the_terms_they_were_written_with():
    tenor = {"week": 50, "field": "credit.tenor_weeks", "value": 300}
    cure = {"week": 50, "field": "credit.cure_weeks", "value": 77}
    run = simulate(changed(tenor, cure, scenario=BASELINE), seed=1)
    old, new = run.before.loans, run.economy.loans
    written = new["maturity_week"] >= 50 + 300
    later = run.events.query("kind == 'loan' and week >= 50")
    assert len(later) > 0 and written.any()
    # rows that were there at the start and have the same maturity are the same contracts
    kept = (old["principal"] > 0.0) & (new["status"] == 1) & (old["maturity_week"] == new["maturity_week"])
    assert kept.sum() > 100
    assert (new["cure_weeks"][kept] == old["cure_weeks"][kept]).all()
    # those written since have the new terms; a bond that was extended has its new maturity and its old cure
    fresh = written & (new["status"] == 1) & (old["principal"] == 0.0)
    assert fresh.any()
    assert (new["cure_weeks"][fresh] == 77).all()


def test_agents_take_over_the_terms_of_their_kind():
    terms = [
        ("lenders.bank.advance_rate", 0.31),
        ("lenders.bank.capital_target", 0.21),
        ("lenders.private_credit.spread", 0.11),
        ("lenders.bond_fund.belief", "utility"),
        ("buyers.broker.margin", 0.33),
    ]
    run = simulate(changed(*({"week": 10, "field": field, "value": value} for field, value in terms)), seed=3)
    plain = simulate(FIRE_SALE, seed=3)
    lenders, before = run.tables["lenders"], plain.tables["lenders"]
    bank, private, fund = (lenders["kind"] == kind for kind in ("bank", "private_credit", "bond_fund"))
    assert (lenders["advance_rate"][bank] == 0.31).all()
    assert (lenders["advance_rate"][~bank] == before["advance_rate"][~bank]).all()
    assert (lenders["capital_target"][bank] == 0.21).all()
    assert (lenders["cost_of_capital"][private] == 0.11).all()
    assert (lenders["belief"][fund] == "utility").all()
    buyers = run.tables["buyers"]
    broker = buyers["kind"] == "broker"
    assert (buyers["margin"][broker] == 0.33).all()
    assert (buyers["margin"][~broker] == plain.tables["buyers"]["margin"][~broker]).all()


# The Mesa face.


def test_both_faces_are_the_same_bits():
    scenario = changed(
        RATE,
        {"week": 4, "field": "repo.standing_facility", "value": True},
        {"week": 4, "field": "lenders.bank.advance_rate", "value": 0.3},
        {"week": 15, "field": "channels.lender_credit", "value": False},
        {"week": 29, "field": "credit.cure_weeks", "value": 0},
    )
    run = simulate(scenario, seed=3)
    assert_same_run(MarketModel(scenario, rng=3, check=True).run().economy, run.economy)
    assert_same_run(simulate(scenario, seed=3, check=True).economy, run.economy)


class Stubborn(Lender):
    """A lender that chooses an advance rate of its own in week 5."""

    def before_shocks(self) -> None:
        if self.model.week == 5:
            self.advance_rate = 0.123


def test_an_agents_own_terms_stay_unless_those_of_its_kind_change():
    other = {"week": 10, "field": "lenders.bank.capital_target", "value": 0.2}
    model = MarketModel(changed(other), rng=3, agent_classes=Stubborn)
    model.run()
    assert (model.economy.lenders["advance_rate"] == 0.123).all()
    same = {"week": 10, "field": "lenders.bank.advance_rate", "value": 0.3}
    model = MarketModel(changed(same), rng=3, agent_classes=Stubborn)
    model.run()
    banks = model.economy.lenders["kind"] == 0
    assert (model.economy.lenders["advance_rate"][banks] == 0.3).all()
    assert (model.economy.lenders["advance_rate"][~banks] == 0.123).all()


# Refusals.

REFUSED = {
    "an unknown field": ({**RATE, "field": "credit.nonsense"}, "credit.nonsense"),
    "an unknown section": ({**RATE, "field": "nonsense.rate"}, "nonsense"),
    "no field at all": ({**RATE, "field": "credit"}, "credit"),
    "an unknown kind": ({**RATE, "field": "lenders.pawnbroker.spread"}, "pawnbroker"),
    "the week after the last": ({**RATE, "week": 30}, "30 is not allowed.*0 to 29"),
    "a negative week": ({**RATE, "week": -1}, "-1"),
    "a path": ({**RATE, "field": "funding.tightness", "value": 0.5}, "path"),
    "another path": ({**RATE, "field": "repo.haircut", "value": 0.5}, "path"),
    "what is settled at the start": ({**RATE, "field": "lenders.bank.equity_ratio", "value": 0.5}, "settled"),
    "the population": ({**RATE, "field": "population.banks", "value": 3}, "population.banks"),
    "the horizon": ({**RATE, "field": "horizon_weeks", "value": 3}, "horizon_weeks"),
    "an intervention": ({**RATE, "field": "interventions", "value": []}, "interventions"),
    "a value out of bounds": ({**RATE, "value": 7.0}, "credit.policy_rate.*7.0"),
    "a text for a number": ({**RATE, "value": "much"}, "credit.policy_rate"),
    "not a number": ({**RATE, "value": float("nan")}, "finite number"),
    "out of order": ({**RATE, "field": "repo.highest_haircut", "value": 0.01}, "highest_haircut"),
    "an unknown key": ({**RATE, "weeks": 3}, "weeks"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refusals_are_one_line(case):
    intervention, message = REFUSED[case]
    with pytest.raises(ScenarioError, match=message) as caught:
        changed(intervention)
    assert "\n" not in str(caught.value)
    assert "intervention" in str(caught.value) or case == "no field at all"


def test_two_values_in_a_week_are_refused():
    with pytest.raises(ScenarioError, match="one value from week 10 on"):
        changed(RATE, {**RATE, "value": 0.05})


SETTLED = [
    row.field
    for row in BASELINE.describe()
    if (info := named_field(Scenario, row.field)) is not None and is_settled_at_start(info)
]


def test_fields_settled_at_the_start_lie_in_sections_that_weeks_read():
    assert len(SETTLED) == 47
    assert {field.partition(".")[0] for field in SETTLED} <= set(open_sections(Scenario))


@pytest.mark.parametrize("field", SETTLED)
def test_what_is_settled_at_the_start_is_refused(field):
    with pytest.raises(ScenarioError, match="settled"):
        changed({"week": 3, "field": field, "value": DEFAULTS[field]})


def kernel_sources():
    """Text of the modules that read parameters after the first week."""
    folder = Path(hashcredit.simulator.__file__).parent
    before = {folder / room for room in ("opening", "scenario", "setup")}
    files = [file for file in folder.rglob("*.py") if before.isdisjoint(file.parents)]
    return "\n".join(file.read_text() for file in files)


def test_every_field_that_is_accepted_is_read_in_a_later_week():
    text = kernel_sources()
    unread = []
    names = [row.field.split(".") for row in BASELINE.describe() if not instead_of(row.field, Scenario)]
    numbers = {f"{section}_{rest[-1]}" for section, *rest in names}
    assert len(numbers) > 100
    terms = [(BORROWER, OF_BORROWERS), (LENDER, OF_LENDERS), (BUYER, OF_BUYERS)]
    followed = {name for row, number in terms for _, name in terms_of(row, number)}
    numbers -= {name.partition("[")[0] for name in followed}
    for name in sorted(numbers):
        if not re.search(rf"\b(?:p|new|parameters)\.{name}\b", text):
            unread.append(name)
    assert unread == []


def test_every_field_of_chance_is_accepted():
    for numbers in OPEN:
        assert changed({"week": 3, "field": numbers.field, "value": numbers.default}) is not None
