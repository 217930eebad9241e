"""A user's own rules: nonsense, exceptions, what is refused, compilation and records."""

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
from numba.core.event import install_recorder
from own_rules import (
    SAME,
    SMALL,
    assert_same_bits,
    bidding,
    changed,
    constant,
    forbearance,
    plain_run,
    quota,
    raising,
)

from hashcredit.agents.compiled import cache_folder
from hashcredit.simulator import MarketModel, simulate, simulate_many
from hashcredit.simulator.errors import RuleError, RuleResultError
from hashcredit.simulator.mesa_face import model
from hashcredit.simulator.provenance import rebuild
from hashcredit.simulator.runs import engine
from hashcredit.simulator.setup.prepare import allocate, prepare
from hashcredit.simulator.setup.rules import Rules
from hashcredit.simulator.state import economy
from hashcredit.simulator.state.arrays import FIELDS
from hashcredit.simulator.state.decisions import DEFAULT_RULES
from hashcredit.simulator.week.step import PHASES, run_weeks


@pytest.fixture(scope="module")
def plain():
    return plain_run()


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
        (
            {"quota": eval("lambda units, share: nowhere")},
            "cannot be compiled for .*'nowhere' is not defined",
        ),
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


def test_no_kernel_is_compiled_for_a_rule(plain):
    already = len(run_weeks.signatures)
    rules = [constant("forbearance", answer) for answer in (False, True)]
    # What this process compiles: the folder of kernels is shared with whatever runs beside it.
    with install_recorder("numba:compile") as recorder:
        for rule in rules:
            simulate(SMALL, seed=5, rules={"forbearance": rule})
    compiled = [event.data["dispatcher"].py_func for _, event in recorder.buffer if event.is_start]
    assert compiled == rules
    changed("forbearance", False)
    assert [len(phase.signatures) for phase in PHASES] == [1] * len(PHASES)
    assert len(run_weeks.signatures) == already == 1


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
from hashcredit.simulator import Scenario, simulate
from users_own import forbearance

run = simulate(Scenario.load().with_changes({"horizon_weeks": 20}), rules={"forbearance": forbearance})
hits = getattr(forbearance, "stats", None)
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
    Path(tmp_path / "users_own.py").write_text(OWN)
    (found, hits, digest), again = (in_a_new_process(tmp_path) for _ in range(2))
    assert hits == "0"
    assert again == [found, "1", digest]
    assert list((tmp_path / "__pycache__").glob("users_own.forbearance*.nbc"))
    assert not list(cache_folder().rglob("*users_own*")), "a rule's machine code is kept by its owner"


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
