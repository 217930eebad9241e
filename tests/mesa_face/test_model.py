"""The Mesa face: the same bits as the other two, hooks that act when they should, and nothing left behind."""

import pickle

import mesa
import numpy as np
import pandas as pd
import pytest
from small_economy import FIRE_SALE as SMALL

from hashcredit.agents.dimensions import FACILITIES
from hashcredit.agents.views import Lender, Miner, NeoCloud, SecondaryBuyer
from hashcredit.simulator import MarketModel, Scenario, simulate, simulate_many
from hashcredit.simulator.errors import EventBufferFull, HookError, ScenarioError, SimulationError
from hashcredit.simulator.mesa_face import model
from hashcredit.simulator.scenario.files import PACKAGED, packaged_names
from hashcredit.simulator.state.arrays import FIELDS
from hashcredit.simulator.week.step import PHASES

SHORT = SMALL.with_changes({"name": "short", "horizon_weeks": 4})
NAMES = [phase.__name__ for phase in PHASES]
HOOKS = [f"{when}_{phase}" for phase in NAMES for when in ("before", "after")]
KINDS = (Miner, NeoCloud, Lender, SecondaryBuyer)
RESCUED, RESCUE_WEEK, RESCUE = 15, 10, 50.0
"""Row, week and amount (M$) of an injection."""


def with_hooks(kind, act):
    """A subclass that calls `act(agent, hook)` in every hook."""
    return type(
        f"Acting{kind.__name__}", (kind,), {name: lambda self, name=name: act(self, name) for name in HOOKS}
    )


class Rescued(NeoCloud):
    """A cloud that gets equity once, at the end of a week."""

    def after_investment(self):
        if (self.row, self.model.week) == (RESCUED, RESCUE_WEEK):
            self.before = self.cash, self.issuance, self.equity
            self.model.pay("world", self, RESCUE)
            self.after = self.cash, self.issuance, self.equity


class Failing(Lender):
    def after_values(self):
        if self.model.week == 2:
            raise RuntimeError("a bug in a hook")


def assert_same_results(one, other):
    """Every column of every table, the series, events, flows and summary, exactly, with NaN where NaN is."""
    for which in ("opening", "tables"):
        for name, frame in getattr(one, which).items():
            pd.testing.assert_frame_equal(frame, getattr(other, which)[name], check_exact=True, obj=name)
    for name in ("series", "events", "flows"):
        pd.testing.assert_frame_equal(getattr(one, name), getattr(other, name), check_exact=True, obj=name)
    assert list(one.summary) == list(other.summary)
    np.testing.assert_array_equal(list(one.summary.values()), list(other.summary.values()))


def assert_same_bits(one, other):
    """All arrays of two runs, field by field."""
    used, made = (int(one.economy.clock[name][0]) for name in ("events", "loans_made"))
    for name in FIELDS:
        ones, others = getattr(one.economy, name), getattr(other.economy, name)
        if name == "events":
            ones, others = ones[:used], others[:used]
        if name == "tape":
            ones, others = ones[:made], others[:made]
        for field in ones.dtype.names or (...,):
            assert ones[field].tobytes() == others[field].tobytes(), f"{name}[{field}]"


def run_with(act, scenario=SMALL, **kwargs):
    """A run whose agents all call `act(agent, hook)`."""
    done = MarketModel(scenario, rng=5, agent_classes=[with_hooks(kind, act) for kind in KINDS], **kwargs)
    done.run()
    return done


# Three faces, one model


def test_a_seed_has_two_names_and_one_value():
    assert MarketModel(SMALL, seed=5).seed == MarketModel(SMALL, rng=5).seed == 5
    with pytest.raises(ScenarioError, match=r"^seed: 5 is not allowed; expected nothing beside rng = 4"):
        MarketModel(SMALL, 4, seed=5)
    with pytest.raises(ScenarioError, match=r"^seed: -1 is not allowed; expected a whole number"):
        MarketModel(SMALL, seed=-1)


@pytest.mark.parametrize("name", packaged_names(PACKAGED))
def test_the_three_faces_agree(name):
    scenario = Scenario.load(name)
    if name != "baseline_2026":
        early = tuple(each.model_dump() for each in scenario.interventions if each.week < 40)
        scenario = scenario.with_changes({"horizon_weeks": 40, "interventions": early})
    stepped = MarketModel(scenario, rng=3, replicate=2)
    while stepped.running:
        stepped.step()
    alone = simulate(scenario, seed=3, replicate=2)
    assert len(alone.events) > 50
    for run in (stepped, stepped.result):
        assert_same_results(run, alone)
    assert_same_bits(stepped.result, alone)
    many = simulate_many(scenario, seed=3, replicates=3, threads=2).summary.iloc[2]
    wanted = [many[key] for key in alone.summary]
    np.testing.assert_array_equal(wanted, list(stepped.summary.values()))
    pd.testing.assert_frame_equal(stepped.result.revaluations, alone.revaluations, check_exact=True)


def test_hooks_that_do_nothing_change_nothing():
    calls = {}

    def watch(agent, hook):
        calls.setdefault(hook, []).append(agent.name)

    watched = run_with(watch, check=True)
    assert_same_bits(watched.result, simulate(SMALL, seed=5))
    names = [agent.name for agent in (*watched.borrowers, *watched.lenders, *watched.buyers)]
    assert len(set(names)) == len(names) == len(watched.agents)
    assert list(calls) == HOOKS, "in the order of the week"
    for hook in HOOKS:
        assert calls[hook] == names * SMALL.horizon_weeks, "in the order of the tables"


def test_only_classes_with_a_hook_are_called():
    plain = MarketModel(SHORT, rng=5, agent_classes=type("Named", (Miner,), {"colour": "red"}))
    assert [agent.colour for agent in plain.borrowers[:12]] == ["red"] * 12
    assert plain._hooks == {}
    rescued = MarketModel(SHORT, rng=5, agent_classes=Rescued)
    assert {name: len(hooks) for name, hooks in rescued._hooks.items()} == {"after_investment": 12}


def test_a_run_half_way_is_what_a_shorter_run_gives():
    stepped = MarketModel(SMALL, rng=1)
    for _ in range(12):
        stepped.step()
    short = simulate(SMALL.with_changes({"horizon_weeks": 12}), seed=1)
    assert short.summary["units_unsold"] > 0 < short.summary["creditor_loss_musd"]  # only known when closed
    half = stepped.result
    for run in (stepped, half):
        assert_same_results(run, short)
    stepped.run()
    assert_same_results(half, short), "a result taken earlier stays as it was"
    assert_same_results(stepped, simulate(SMALL, seed=1))


# Acting


@pytest.fixture(scope="module")
def rescue():
    rescued = MarketModel(SMALL, rng=5, agent_classes=[Rescued], check=True)
    return rescued, rescued.run(), simulate(SMALL, seed=5)


def test_an_injection_reaches_its_account(rescue):
    rescued, run, _ = rescue
    agent = rescued.borrowers[RESCUED]
    for before, after in zip(agent.before, agent.after, strict=True):
        assert after - before == pytest.approx(RESCUE, abs=1e-9)
    # on top of the shares that borrowers sell by themselves
    shares = run.events[run.events["kind"].isin(("equity_issue", "conversion"))]
    sold = shares.groupby("agent_kind")["amount_musd"].sum().reindex(["miners", "neoclouds"], fill_value=0.0)
    own = shares.loc[(shares["agent"] == RESCUED), "amount_musd"].sum()
    assert agent.issuance == pytest.approx(RESCUE + own, rel=1e-12)
    assert run.tables["borrowers"]["issuance"].sum() == pytest.approx(RESCUE + sold.sum(), rel=1e-12)
    issued = run.flows.loc["equity_injections"]
    buyers = run.tables["buyers"]["issuance"].sum()
    assert issued["neoclouds"] == pytest.approx(RESCUE + sold["neoclouds"], rel=1e-12)
    assert issued["miners"] == pytest.approx(sold["miners"], rel=1e-12)
    lenders = run.tables["lenders"]["issuance"].sum()  # savers' subscriptions to funds
    assert issued["rest_of_world"] == pytest.approx(-RESCUE - sold.sum() - buyers - lenders, rel=1e-12)
    assert issued["lenders"] == pytest.approx(lenders, rel=1e-12)
    scale = run.flows.abs().to_numpy().sum()
    assert run.flows.sum(axis=0).abs().max() < 1e-12 * scale
    assert run.flows.sum(axis=1).abs().max() < 1e-12 * scale


def test_an_injection_changes_nothing_before_its_week(rescue):
    _, run, plain = rescue
    pd.testing.assert_frame_equal(
        run.series.iloc[:RESCUE_WEEK], plain.series.iloc[:RESCUE_WEEK], check_exact=True
    )
    first = run.series.loc[RESCUE_WEEK] - plain.series.loc[RESCUE_WEEK]
    assert first["borrower_cash_musd"] == pytest.approx(RESCUE, abs=1e-9)
    others = first.drop(["borrower_cash_musd", "money_residual"])  # rounding of another sum
    assert (others == 0.0).all()
    pd.testing.assert_frame_equal(
        run.events[run.events["week"] <= RESCUE_WEEK], plain.events[plain.events["week"] <= RESCUE_WEEK]
    )
    after = run.series.loc[RESCUE_WEEK + 1 :, "borrower_cash_musd"]
    assert (after != plain.series.loc[RESCUE_WEEK + 1 :, "borrower_cash_musd"]).all()


def test_a_policy_that_is_set_is_followed():
    class Greedy(SecondaryBuyer):
        def before_secondary_market(self):
            self.margin = 1.0

    greedy = MarketModel(SMALL, rng=5, agent_classes=[Greedy], check=True).run()
    plain = simulate(SMALL, seed=5)
    (bought, wanted) = (
        run.events.query("kind == 'sale' and counterparty_kind == 'buyers'") for run in (greedy, plain)
    )
    operators = plain.tables["buyers"].query("kind == 'operator'").index
    assert wanted["counterparty"].isin(operators).any()
    assert not bought["counterparty"].isin(operators).any(), "they keep all value for themselves"


def test_books_cooked_in_a_hook_are_found():
    def steal(agent, hook):
        if (agent.name, hook, agent.model.week) == ("bank-0", "after_covenants", 1):
            agent.model.economy.lenders["cash"][0] += 1.0

    said = r"week 1, after the after_covenants hook: equity of bank-0 \(lenders\[0\]\) is "
    with pytest.raises(SimulationError, match=said):
        run_with(steal, SHORT, check=True)


# Hooks and classes that are refused


@pytest.mark.parametrize(
    ("name", "meant"), [("before_fundng", "before_funding"), ("after_cashflow", "after_cash_flow")]
)
def test_a_hook_at_no_phase_is_refused(name, meant):
    kind = type("Mistaken", (Lender,), {name: lambda self: None})
    with pytest.raises(HookError, match=f"Mistaken.{name}: .*did you mean '{meant}'.* shocks, funding") as it:
        MarketModel(SHORT, rng=1, agent_classes=[kind])
    again = pickle.loads(pickle.dumps(it.value))
    assert (str(again), again.exit_code) == (str(it.value), 2)


@pytest.mark.parametrize("given", [mesa.Agent, [int], ["Miner"], [type("Two", (Miner, Lender), {})], [3]])
def test_a_class_that_is_no_view_is_refused(given):
    with pytest.raises(HookError, match=r"^agent_classes: .* subclass of exactly one of Miner, NeoCloud"):
        MarketModel(SHORT, rng=1, agent_classes=given)


def test_two_classes_for_one_kind_are_refused():
    with pytest.raises(HookError, match="Rescued and Another are both given for NeoCloud"):
        MarketModel(SHORT, rng=1, agent_classes=[Rescued, type("Another", (NeoCloud,), {})])


def test_a_week_that_broke_off_is_not_begun_again():
    broken = MarketModel(SHORT, rng=1, agent_classes=Failing)
    with pytest.raises(RuntimeError, match="a bug in a hook"):
        broken.run()
    assert (broken.running, broken.week) == (False, 2)
    with pytest.raises(SimulationError, match=r"short, replicate 0, week 2: this week .* after_values hook"):
        broken.step()
    assert len(broken.series) == 2, "what was recorded stays readable"


def test_a_hook_cannot_step_the_model():
    with pytest.raises(SimulationError, match="this week is in, or broke off in, before_shocks hook"):
        run_with(lambda agent, hook: agent.model.step(), SHORT)


# Arguments and time


@pytest.mark.parametrize("value", [-1, 2**63, 1.0, True, "1", np.random.default_rng(1), [1, 2]])
@pytest.mark.parametrize("name", ["rng", "replicate"])
def test_bad_numbers_are_refused(name, value):
    with pytest.raises(ScenarioError, match=f"^{name}: .* expected a whole number from 0 to"):
        MarketModel(SHORT, **{name: value})


def test_a_seed_is_drawn_and_recorded():
    one, two = MarketModel(SHORT), MarketModel(SHORT)
    assert one.seed != two.seed
    assert_same_bits(one.run(), simulate(SHORT, seed=one.seed))
    assert one.result.provenance["seed"] == one.seed


def test_generators_of_mesa_differ_between_replicates():
    draws = {MarketModel(SHORT, rng=1, replicate=r).rng.random() for r in (0, 1, 2)}
    assert len(draws) == 3
    again = MarketModel(SHORT, rng=np.int64(1), replicate=0)
    assert again.rng.random() in draws
    assert again.random.random() == MarketModel(SHORT, rng=1).random.random()


@pytest.mark.parametrize("given", ["deep_market", ["deep_market"], None, [SHORT], (SHORT,), SHORT])
def test_ways_to_name_a_scenario(given):
    wanted = {"deep_market": "deep_market", "None": "baseline_2026"}.get(str(given).strip("[']"), "short")
    assert MarketModel(given, rng=1).scenario.name == wanted


@pytest.mark.parametrize("given", [[SHORT, SHORT], [], 3, ("name", "short")])
def test_what_is_no_scenario_is_refused(given):
    with pytest.raises(ScenarioError, match=r"^scenario: .* a path, or a list with one of them"):
        MarketModel(given, rng=1)


def test_the_horizon_is_the_end():
    stepped = MarketModel(SHORT, rng=1)
    weeks = []
    while stepped.running:
        weeks.append(stepped.week)
        stepped.step()
    assert weeks == [0, 1, 2, 3] and (stepped.week, stepped.steps) == (4, 4)
    with pytest.raises(SimulationError, match="week 4: the horizon of 4 weeks is reached"):
        stepped.step()
    assert stepped.run() is stepped.result


def test_a_model_is_not_copied():
    with pytest.raises(TypeError, match="make it again from scenario, rng, replicate"):
        pickle.dumps(MarketModel(SHORT, rng=1))


# A growing event table


def test_a_growing_event_table_loses_nothing(monkeypatch):
    wanted = simulate(SMALL, seed=5)
    monkeypatch.setattr(model, "FIRST_EVENTS_PER_BORROWER", -170)
    monkeypatch.setattr(model, "most_events", lambda setup: 150)
    sizes = set()
    grown = run_with(lambda agent, hook: sizes.add(len(agent.model.economy.events)))
    assert min(sizes) == 16 + 150 and len(sizes) > 1
    assert_same_results(grown, wanted)
    assert_same_bits(grown.result, wanted)


def test_a_growing_loan_tape_loses_nothing(monkeypatch):
    wanted = simulate(SMALL, seed=5)
    monkeypatch.setattr(model, "first_tape", lambda setup: -FACILITIES * setup.borrowers)
    sizes = set()
    grown = run_with(lambda agent, hook: sizes.add(len(agent.model.economy.tape)))
    assert len(sizes) > 1
    pd.testing.assert_frame_equal(grown.result.loan_tape, wanted.loan_tape, check_exact=True)
    assert_same_bits(grown.result, wanted)


def test_a_full_event_table_is_an_error(monkeypatch):
    monkeypatch.setattr(model, "FIRST_EVENTS_PER_BORROWER", -170)
    monkeypatch.setattr(model, "most_events", lambda setup: 1)
    with pytest.raises(EventBufferFull, match=r"small, replicate 0, week \d+: the event table is full"):
        MarketModel(SMALL, rng=5).run()
    monkeypatch.setattr(model, "most_events", lambda setup: 150)
    monkeypatch.setattr(model, "MOST_EVENTS", 200)
    with pytest.raises(EventBufferFull, match=r"the event table is full \(200 rows\)"):
        MarketModel(SMALL, rng=5).run()
