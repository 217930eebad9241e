"""A user's own rules: the default's bits for the default's logic, nothing compiled again, no broken books."""

import inspect
import json
import math
import os
import pickle
import re
import subprocess
import sys
import threading
from pathlib import Path

import numba
import numpy as np
import pytest

from hashcredit.agents.compiled import cache_folder
from hashcredit.agents.dimensions import Instrument
from hashcredit.simulator import MarketModel, Scenario, economy, engine, model, simulate, simulate_many
from hashcredit.simulator.decisions import DECISIONS, DEFAULT_RULES
from hashcredit.simulator.errors import RuleError, RuleResultError
from hashcredit.simulator.provenance import rebuild
from hashcredit.simulator.rules import Rules
from hashcredit.simulator.state import allocate, prepare
from hashcredit.simulator.step import PHASES, run_weeks
from hashcredit.simulator.tables import FIELDS

SMALL = Scenario.load().with_changes(
    {
        "name": "small",
        "horizon_weeks": 60,
        "population.miners": 12,
        "population.neoclouds": 12,
        "shocks.forced_default": {"week": 3, "machine": "H100", "units": 2000},
        "resolution.stay_low": 1,
        "resolution.stay_high": 6,
        "credit.refinancing_sweep_share": 0.0,  # a sweep puts a maturity off, whatever the rule says
    }
)


# The defaults once more, as a user would write them


def underwriting(cash_flow, debt_service, covenant):
    return cash_flow >= covenant * debt_service


def forbearance(now, waiting, principal, weeks_in_breach, dscr, capital_ratio):
    return now > waiting


def rollover(dscr, covenant, debt, assets, advance_rate, capital_ratio, capital_target):
    return dscr >= covenant and debt <= advance_rate * assets and capital_ratio >= capital_target


def bidding(value, margin, slot_cost, moving_cost, cap):
    return min(value * (1.0 - margin), cap) - slot_cost - moving_cost


def reservation(appraisal, floor, share, weeks_held, patience):
    return floor + max(0.0, share * appraisal - floor) * max(0.0, 1.0 - weeks_held / patience)


def quota(units, share):
    return min(units, max(1, math.ceil(share * units)))


SAME = {
    "underwriting": underwriting,
    "forbearance": forbearance,
    "rollover": rollover,
    "bidding": bidding,
    "reservation": reservation,
    "quota": quota,
}


def constant(decision, answer):
    """A rule that always gives the same answer, with the arguments of its decision."""
    names = ", ".join(argument.name for argument in DECISIONS[decision].arguments)
    return eval(f"lambda {names}: answer", {"answer": answer})


def raising(units, share):
    if units > 1:
        raise ZeroDivisionError("a bug in a rule")
    return units


def assert_same_bits(one, other):
    used = int(one.economy.market["events"][0])
    assert used == int(other.economy.market["events"][0])
    for name in FIELDS:
        ones, others = getattr(one.economy, name), getattr(other.economy, name)
        if name == "events":
            ones, others = ones[:used], others[:used]
        for field in ones.dtype.names or (...,):
            assert ones[field].tobytes() == others[field].tobytes(), f"{name}[{field}]"


@pytest.fixture(scope="module")
def plain():
    return simulate(SMALL, seed=5, replicate=3)


def events(run, kind):
    return run.events[run.events["kind"] == kind]


# The same logic, the same bits


@pytest.mark.parametrize("decision", DECISIONS)
def test_every_rule_is_asked(decision):
    names = ", ".join(argument.name for argument in DECISIONS[decision].arguments)
    told = {}
    exec(f"def rule({names}):\n if {names.split(',')[0]} < 1e99: raise KeyError\n return answer",
         {"answer": {"yes or no": True, "units": 1}.get(DECISIONS[decision].unit, 0.5)}, told)  # fmt: skip
    with pytest.raises(KeyError):
        simulate(SMALL, seed=5, replicate=3, rules={decision: told["rule"]})


def test_decisions_are_those_of_their_defaults():
    for name, decision in DECISIONS.items():
        names = [argument.name for argument in decision.arguments]
        assert list(inspect.signature(decision.default.py_func).parameters) == names, name
        compiled = decision.default.get_compile_result(decision.signature)
        assert compiled.signature == decision.signature, name
        assert list(inspect.signature(SAME[name]).parameters) == names
    assert list(economy.RULES) == [f"{name}_rule" for name in DECISIONS]
    assert all(rule in economy.Economy.__annotations__ for rule in economy.RULES)


@pytest.mark.parametrize("decision", DECISIONS)
def test_the_same_logic_gives_the_same_bits(decision, plain):
    assert_same_bits(simulate(SMALL, seed=5, replicate=3, rules={decision: SAME[decision]}), plain)


@pytest.mark.parametrize("compiled", [numba.njit, numba.njit(error_model="numpy"), lambda rule: rule])
def test_all_rules_in_all_faces(compiled, plain):
    rules = {name: compiled(rule) for name, rule in SAME.items()}
    assert_same_bits(simulate(SMALL, seed=5, replicate=3, rules=rules, check=True), plain)
    assert_same_bits(MarketModel(SMALL, rng=5, replicate=3, rules=rules, check=True).run(), plain)
    many = simulate_many(SMALL, seed=5, replicates=12, rules=rules, threads=2)
    wanted = simulate_many(SMALL, seed=5, replicates=12, threads=1)
    assert many.markets.tobytes() == wanted.markets.tobytes()


def test_an_eager_signature_will_do(plain):
    rules = {name: numba.njit(DECISIONS[name].signature)(rule) for name, rule in SAME.items()}
    assert_same_bits(simulate(SMALL, seed=5, replicate=3, rules=rules), plain)


def test_defaults_may_be_named(plain):
    run = simulate(SMALL, seed=5, replicate=3, rules=DEFAULT_RULES)
    assert_same_bits(run, plain)
    assert run.provenance["rules"] == plain.provenance["rules"] == {}


# Other logic, other results, sound books


def changed(decision, answer, replicate=3):
    rules = {decision: constant(decision, answer)}
    return simulate(SMALL, seed=5, replicate=replicate, rules=rules, check=True)


def test_lenders_that_always_forbear():
    assert len(events(simulate(SMALL, seed=5), "acceleration")) > 0
    run = changed("forbearance", False, replicate=0)
    assert len(events(run, "acceleration")) == 0 < len(events(run, "forbearance"))
    assert run.summary["defaults_acceleration"] == 0


def test_lenders_that_never_forbear(plain):
    run = changed("forbearance", True)
    assert len(events(run, "forbearance")) == 0 < len(events(plain, "forbearance"))
    assert len(events(run, "acceleration")) > len(events(plain, "acceleration"))


def test_what_the_rule_for_forbearance_is_told():
    def odd(now, waiting, principal, weeks_in_breach, dscr, capital_ratio):
        if not 0.0 <= now <= principal or not 0.0 <= waiting <= principal:
            raise ValueError("proceeds beyond the principal")
        if weeks_in_breach <= 0 or not math.isfinite(capital_ratio):
            raise ValueError("no breach, or a lender without loans")
        return dscr < 1.0

    assert len(events(simulate(SMALL, seed=5, rules={"forbearance": odd}), "acceleration")) > 0


def test_lenders_that_never_lend(plain):
    assert len(events(plain, "loan")) > 0
    assert len(events(changed("underwriting", False), "loan")) == 0


def test_lenders_that_extend_nothing_or_everything():
    def matured(run):
        """Bullets of the opening other than BTC loans that mature within the run."""
        loans = run.before.loans
        bullets = (loans["principal"] > 0.0) & (loans["amortising"] == 0)
        bullets &= loans["instrument"] != Instrument.BTC_LOAN
        return bullets & (loans["maturity_week"] < SMALL.horizon_weeks - 1)

    nothing, everything = (changed("rollover", answer, replicate=0) for answer in (False, True))
    rows = matured(nothing)
    assert rows.any()
    opening = nothing.before.loans["maturity_week"]
    assert (nothing.economy.loans["maturity_week"][rows] == opening[rows]).all()
    extended = everything.economy.loans["maturity_week"] > opening
    assert extended[rows].any()


def test_bidders_that_bid_nothing(plain):
    dealers = plain.tables["buyers"].query("kind == 'scrap_dealer'").index
    sales = events(changed("bidding", 0.0), "sale")
    assert (sales["counterparty_kind"] == "buyers").all()
    assert sales["counterparty"].isin(dealers).all(), "their price is that of the parts"
    assert not events(plain, "sale")["counterparty"].isin(dealers).all()


def test_sellers_that_hold_out(plain):
    assert len(events(plain, "sale")) > 0
    assert len(events(changed("reservation", 1e12), "sale")) == 0


@pytest.mark.parametrize("market", ["auction", "impact", "deep"])
def test_sellers_that_put_nothing_on_sale_and_everything(market):
    scenario = SMALL.with_changes({"secondary_market.rule": market})
    nothing = simulate(scenario, seed=5, rules={"quota": constant("quota", 0)}, check=True)
    assert len(events(nothing, "sale")) == 0 < nothing.summary["units_unsold"]
    some = simulate(scenario, seed=5, rules={"quota": lambda units, share: units % 2}, check=True)
    assert (events(some, "sale")["units"] == 1).all()
    everything = simulate(scenario, seed=5, rules={"quota": lambda units, share: units}, check=True)
    first = [events(run, "sale").groupby("week")["units"].sum().iloc[0] for run in (some, everything)]
    assert first[0] < first[1]
    for run in (nothing, some, everything):
        assert run.summary["units_residual"] == 0
        assert run.summary["money_residual"] < 1e-12


def test_a_deep_market_asks_no_bidder():
    scenario = SMALL.with_changes({"secondary_market.rule": "deep"})
    unasked = {"bidding": constant("bidding", math.nan)}
    assert_same_bits(simulate(scenario, seed=5, rules=unasked), simulate(scenario, seed=5))


# Answers that would break the books

NONSENSE = [
    *(("bidding", answer) for answer in (math.nan, math.inf, -math.inf)),
    *(("reservation", answer) for answer in (math.nan, math.inf, -1e-9)),
    *(("quota", answer) for answer in (-1, 10**6, 2**63 - 1)),
]


@pytest.mark.parametrize(("decision", "answer"), NONSENSE)
def test_nonsense_ends_the_run(decision, answer):
    rules = {decision: constant(decision, answer)}
    message = rf"small, replicate 3, week \d+: the rule for {decision} returned {answer}; expected a "
    with pytest.raises(RuleResultError, match=re.escape(message).replace(r"\\d\+", r"\d+")) as caught:
        simulate(SMALL, seed=5, replicate=3, rules=rules)
    error = caught.value
    assert (error.rule, error.scenario, error.replicate, error.exit_code) == (decision, "small", 3, 1)
    assert 0 <= error.week < SMALL.horizon_weeks
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.week) == (str(error), error.week)


def test_nonsense_ends_a_run_in_every_face():
    rules = {"quota": constant("quota", -1)}
    with pytest.raises(RuleResultError, match=r"small, replicate 0, week \d+: the rule for quota"):
        simulate_many(SMALL, seed=5, replicates=30, rules=rules, threads=2)
    stepped = MarketModel(SMALL, rng=5, rules=rules)
    with pytest.raises(RuleResultError, match=r"small, replicate 0, week \d+: the rule for quota") as caught:
        stepped.run()
    assert (stepped.running, stepped.week) == (False, caught.value.week)


# Exceptions


@pytest.mark.parametrize("check", [False, True])
def test_what_a_rule_raises_comes_out(check):
    with pytest.raises(ZeroDivisionError, match="a bug in a rule") as caught:
        simulate(SMALL, seed=5, replicate=3, rules={"quota": raising}, check=check)
    (note,) = caught.value.__notes__
    assert re.fullmatch(r"in scenario small, replicate 3, week \d+", note)


def test_what_a_rule_raises_comes_out_of_a_thread(monkeypatch):
    batch = engine._batch
    monkeypatch.setattr(  # the first two replicates run in the calling thread
        engine, "_batch", lambda *args: batch(*args) if args[3] >= 2 else args[4] - args[3]
    )
    before = threading.active_count()
    with pytest.raises(ZeroDivisionError, match="a bug in a rule") as caught:
        simulate_many(SMALL, seed=5, replicates=100_000, rules={"quota": raising}, threads=2)
    assert re.fullmatch(r"in scenario small, replicate [2-9]\d*, week \d+", caught.value.__notes__[0])
    assert threading.active_count() == before


def test_what_a_rule_raises_comes_out_of_a_model():
    stepped = MarketModel(SMALL, rng=5, rules={"quota": raising})
    with pytest.raises(ZeroDivisionError, match="a bug in a rule"):
        stepped.run()
    assert not stepped.running
    with pytest.raises(Exception, match="broke off in, secondary_market"):
        stepped.step()


# What is refused before anything runs


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ({"forbearence": quota}, r"did you mean 'forbearance'\?\); there are underwriting, forbearance,"),
        ({"wages": quota}, "^rule wages: no such decision; there are underwriting"),
        ({3: quota}, "^rule 3: no such decision"),
        ([quota], "is not a mapping from decisions to functions .*batch_run"),
        ("quota", "'quota' is not a mapping"),
        ({"quota": 3}, "3 is not a function"),
        ({"quota": math.ceil}, "is not a function"),
        ({"quota": numba.vectorize(quota)}, "is not a function"),
        ({"quota": forbearance}, r"has other arguments; it is called with \(units, share\)"),
        ({"quota": lambda *units: 1}, r"\(\*units\) has other arguments"),
        ({"quota": lambda units, *, share: 1}, "has other arguments"),
        ({"quota": lambda share, units: 1}, "has share at place 1, where units comes"),
        (
            {"quota": lambda units, share: units + "a"},
            "cannot be compiled for .units: int64, share: float64.: No",
        ),
        ({"quota": lambda units, share: input("x")}, "cannot be compiled for .*Untyped global name 'input'"),
        ({"quota": lambda units, share: nowhere}, "cannot be compiled for .*'nowhere' is not defined"),  # noqa: F821
        ({"quota": numba.njit("int64(int32,int32)")(quota)}, "cannot be compiled for .*compilation disabled"),
        ({"quota": lambda units, share: share * units}, "returns float64, not int64 .how many machines"),
        ({"quota": lambda units, share: None}, "returns none, not int64"),
        ({"reservation": constant("reservation", 0)}, "returns int64, not float64 .*; M. a unit"),
        ({"forbearance": constant("forbearance", 1.0)}, "returns float64, not bool .whether a lender"),
    ],
)
def test_what_cannot_be_a_rule_is_refused(rules, message):
    with pytest.raises(RuleError, match=message) as caught:
        simulate(SMALL, rules=rules)
    for call in (lambda: simulate_many(SMALL, rules=rules), lambda: MarketModel(SMALL, rng=1, rules=rules)):
        with pytest.raises(RuleError, match=message):
            call()
    again = pickle.loads(pickle.dumps(caught.value))
    assert (str(again), again.exit_code) == (str(caught.value), 2)
    assert len(str(again).splitlines()) == 1


def test_an_economy_needs_every_rule():
    whole = allocate(prepare(SMALL, 1), series=False, events=0)
    arrays = {name: getattr(whole, name) for name in FIELDS}
    with pytest.raises(TypeError, match="needs exactly the rules"):
        economy.Economy({"quota": DEFAULT_RULES["quota"]}, **arrays)
    with pytest.raises(AttributeError, match="quota_rule cannot be replaced"):
        whole.quota_rule = quota


# Rules stay where they are put


def test_copies_keep_the_rules(monkeypatch):
    monkeypatch.setattr(model, "FIRST_EVENTS_PER_BORROWER", -170)
    monkeypatch.setattr(model, "most_events", lambda setup: 150)  # so the event table has to grow
    rules = {"forbearance": constant("forbearance", False)}
    stepped = MarketModel(SMALL, rng=5, rules=rules)
    stepped.step()
    halfway = stepped.result.economy
    run = stepped.run()
    assert len(stepped.economy.events) > 16 + 150
    assert_same_bits(run, simulate(SMALL, seed=5, rules=rules))
    for each in (stepped.economy, run.economy, run.before, halfway):
        assert each.rules["forbearance"].py_func is rules["forbearance"]
        assert each.forbearance_rule is each.rules["forbearance"]


def test_machine_code_lives_as_long_as_the_economy(plain):
    setup = prepare(SMALL, 5, {name: numba.njit(rule) for name, rule in SAME.items()})
    whole = allocate(setup, series=True, events=0)
    del setup
    setup = prepare(SMALL, 5)
    engine.run_replicate(whole, setup, 3)
    assert whole.flows.tobytes() == plain.economy.flows.tobytes()


# Compilation


def machine_code():
    """Files of the kernels' cache."""
    return {path: path.stat().st_mtime_ns for path in cache_folder().rglob("*") if path.is_file()}


def test_no_kernel_is_compiled_for_a_rule(plain):
    before, compiled = machine_code(), len(run_weeks.signatures)
    for answer in (False, True):
        simulate(SMALL, seed=5, rules={"forbearance": constant("forbearance", answer)})
    changed("forbearance", False)
    assert machine_code() == before
    assert [len(phase.signatures) for phase in PHASES] == [1] * len(PHASES)
    assert len(run_weeks.signatures) == compiled == 1


def test_a_rule_is_compiled_once():
    def patient(now, waiting, principal, weeks_in_breach, dscr, capital_ratio):
        return weeks_in_breach > 40

    first, second = (Rules.of({"forbearance": patient}).functions["forbearance"] for _ in range(2))
    assert first is second
    assert len(first.signatures) == 1


LIMIT = 40


def limited(now, waiting, principal, weeks_in_breach, dscr, capital_ratio):
    return weeks_in_breach > LIMIT


def test_a_plain_function_follows_what_it_reads(monkeypatch):
    """Numba freezes globals when it compiles, so a changed one means another compilation."""
    arguments = (1.0, 2.0, 3.0, 30, 1.0, 0.1)
    before = Rules.of({"forbearance": limited})
    monkeypatch.setitem(globals(), "LIMIT", 20)
    after = Rules.of({"forbearance": limited})
    assert not before.functions["forbearance"](*arguments)
    assert after.functions["forbearance"](*arguments)
    assert before.record["forbearance"]["digest"] != after.record["forbearance"]["digest"]


def test_a_compiled_function_keeps_its_first_digest(monkeypatch):
    frozen = numba.njit(limited)
    before = Rules.of({"forbearance": frozen})
    monkeypatch.setitem(globals(), "LIMIT", 20)
    assert Rules.of({"forbearance": frozen}).record == before.record


OWN = """
import numba

@numba.njit(cache=True)
def forbearance(now, waiting, principal, weeks_in_breach, dscr, capital_ratio):
    return weeks_in_breach > 20
"""

CALL = """
import own
from hashcredit.simulator import Scenario, simulate

run = simulate(Scenario.load().with_changes({"horizon_weeks": 20}), rules={"forbearance": own.forbearance})
hits = getattr(own.forbearance, "stats", None)
print(len(run.events), sum(hits.cache_hits.values()) if hits else 0)
print(run.provenance["rules"]["forbearance"]["digest"])
"""


def in_a_new_process(folder, **environment):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", CALL],
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(folder), *sys.path])} | environment,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_a_user_may_keep_machine_code(tmp_path):
    Path(tmp_path / "own.py").write_text(OWN)
    before = machine_code()
    (found, hits, digest), again = (in_a_new_process(tmp_path) for _ in range(2))
    assert hits == "0"
    assert again == [found, "1", digest]
    assert machine_code() == before, "a rule's machine code is kept by its owner"


# Provenance


def test_rules_are_on_record():
    rules = {"forbearance": numba.njit(limited), "quota": quota}
    run = simulate(SMALL, seed=5, replicate=2, rules=rules)
    record = json.loads(json.dumps(run.provenance, allow_nan=False))
    assert {name: entry["function"].rpartition(".")[2] for name, entry in record["rules"].items()} == {
        "forbearance": "limited",
        "quota": "quota",
    }
    assert rebuild(record, rules=rules) == (SMALL, 5, 2)
    with pytest.raises(
        RuleError, match=r"replaced the rules 'forbearance' \(.*limited\), 'quota' \(.*quota\)"
    ):
        rebuild(record)
    with pytest.raises(
        RuleError, match=r"^rule forbearance: .*<lambda> \(\w+\) is not the recorded .*limited"
    ):
        rebuild(record, rules=rules | {"forbearance": constant("forbearance", True)})
    with pytest.raises(RuleError, match=r"^rule bidding: the recorded run took the default"):
        rebuild(record, rules=rules | {"bidding": bidding})


@numba.njit
def half(x):
    return x / 2


def maker(factor):
    return lambda units, share: min(units, int(factor * units))


def test_digests_tell_rules_apart():
    table = np.array([0.1, 0.2])
    rules = [
        quota,
        lambda units, share: units,
        lambda units, share: units // 2,
        lambda units, share: units // 3,
        lambda units, share: int(half(units)),
        maker(0.5),
        maker(0.25),
        lambda units, share: int(table[0] * units),
        lambda units, share: int(units * (1, 0.5)[1]),
    ]
    digests = [Rules.of({"quota": rule}).record["quota"]["digest"] for rule in rules]
    assert len(set(digests)) == len(rules)
    assert digests == [Rules.of({"quota": numba.njit(rule)}).record["quota"]["digest"] for rule in rules]
    assert Rules.of({"quota": maker(0.5)}).record["quota"]["digest"] == digests[5]
