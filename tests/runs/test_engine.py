"""Running replicates: the same bits whatever the threads, the chunks, the buffers and the company."""

import copy
import pickle
import threading
import time

import numpy as np
import pandas as pd
import pytest

from hashcredit.agents.dimensions import LenderStatus
from hashcredit.simulator import Scenario, paired_contagion, simulate, simulate_funding, simulate_many
from hashcredit.simulator.errors import EventBufferFull, ScenarioError, UndefinedResultError
from hashcredit.simulator.runs import engine
from hashcredit.simulator.setup.prepare import allocate, prepare
from hashcredit.simulator.state.arrays import FIELDS, TABLES
from hashcredit.simulator.week.step import PHASES, run_weeks

SMALL = Scenario.load().with_changes(
    {
        "name": "small",
        "horizon_weeks": 40,
        "population.miners": 12,
        "population.neoclouds": 12,
        "shocks.forced_default": {"week": 3, "machine": "H100", "units": 2000},
        "resolution.stay_low": 1,
        "resolution.stay_high": 6,
    }
)
DEEP = SMALL.with_changes({"name": "deep", "secondary_market.rule": "deep"})
CALM = SMALL.with_changes({"name": "calm", "shocks.forced_default": "none", "horizon_weeks": 20})


def same_bits(one, other):
    """Whether two tables hold the same bits (between the fields there may be anything)."""
    if one.dtype.names is None:
        return one.tobytes() == other.tobytes()
    return all(one[field].tobytes() == other[field].tobytes() for field in one.dtype.names)


def assert_same_summary(one, other):
    pd.testing.assert_frame_equal(one, other, check_exact=True)


def assert_same_run(one, other, but=()):
    used = one.economy.clock["events"][0]
    assert used == other.economy.clock["events"][0]
    assert same_bits(one.economy.events[:used], other.economy.events[:used])
    for name in FIELDS:
        if name not in ("events", *but):
            assert same_bits(getattr(one.economy, name), getattr(other.economy, name)), name


# What is run


def test_a_scenario_may_be_given_in_any_form(tmp_path):
    file = tmp_path / "calm.toml"
    file.write_text(CALM.to_toml())
    many = simulate_many([CALM, file, str(file)], seed=3, replicates=2)
    assert same_bits(many.outcomes[0], many.outcomes[1]) and same_bits(many.outcomes[0], many.outcomes[2])
    for alone in (CALM, file, str(file), (CALM,), iter([file])):
        assert same_bits(simulate_many(alone, seed=3, replicates=2).outcomes[0], many.outcomes[0])
    assert_same_run(simulate(file, seed=3), simulate(CALM, seed=3))


@pytest.mark.parametrize("function", [simulate, simulate_many, simulate_funding, paired_contagion])
def test_what_is_no_scenario_is_named(function):
    with pytest.raises(ScenarioError, match=r"^scenario: 7 is not allowed; expected a Scenario, the name of"):
        function(7)


# Bit for bit


def test_one_thread_and_two_give_the_same_bits():
    one = simulate_many([SMALL, CALM], seed=11, replicates=40, threads=1)
    two = simulate_many([SMALL, CALM], seed=11, replicates=40, threads=2)
    assert same_bits(one.outcomes, two.outcomes)
    assert_same_summary(one.summary, two.summary)


def test_more_threads_than_replicates():
    many = simulate_many(SMALL, seed=11, replicates=3, threads=16)
    assert same_bits(many.outcomes, simulate_many(SMALL, seed=11, replicates=3, threads=1).outcomes)


def test_replicate_seven_alone_is_row_seven_of_ten():
    alone = simulate(SMALL, seed=3, replicate=7)
    ten = simulate_many(SMALL, seed=3, replicates=10, threads=2).summary
    listed = simulate_many([CALM, SMALL, DEEP], seed=3, replicates=10, threads=2).summary
    assert alone.summary["defaults"] > 0
    wanted = pd.Series(alone.summary)
    for row in (ten.iloc[7], listed[listed["scenario"] == "small"].iloc[7]):
        pd.testing.assert_series_equal(
            row[list(wanted.index)].astype(float), wanted.astype(float), check_exact=True, check_names=False
        )
    assert list(ten.columns[3:]) == list(alone.summary), "the same scalars in the same order"


def test_rows_are_scenario_major():
    summary = simulate_many([SMALL, DEEP], seed=3, replicates=4).summary
    assert summary["scenario"].tolist() == ["small"] * 4 + ["deep"] * 4
    assert summary["replicate"].tolist() == [0, 1, 2, 3] * 2
    assert_same_summary(
        summary.iloc[4:].reset_index(drop=True), simulate_many(DEEP, seed=3, replicates=4).summary
    )


@pytest.mark.parametrize(("seeds", "replicates"), [([7], 3), ((9, 2, 5), 4), (range(5), 1)])
@pytest.mark.parametrize("threads", [1, 2])
def test_runs_of_several_seeds_are_those_of_each(seeds, replicates, threads):
    seeds = list(seeds)
    many = simulate_many([CALM, SMALL], seeds=iter(seeds), replicates=replicates, threads=threads)
    assert many.seeds == seeds and many.outcomes.shape == (2 * len(seeds), replicates)
    summary = many.summary
    assert summary["seed"].tolist() == [seed for _ in range(2) for seed in seeds for _ in range(replicates)]
    assert summary["replicate"].tolist() == list(range(replicates)) * 2 * len(seeds)
    for place, seed in enumerate(seeds):
        alone = simulate_many([CALM, SMALL], seed=seed, replicates=replicates, threads=1)
        for scenario in (0, 1):
            assert same_bits(many.outcomes[scenario * len(seeds) + place], alone.outcomes[scenario])
    assert many.together == (replicates if len(seeds) > 1 else 1)


def test_networks_belong_to_the_seed():
    one, two = simulate_many(SMALL, seeds=(1, 2), replicates=1, progress=False).setups
    lenders = [setup.networks.credit_lender for setup in (one, two, prepare(SMALL, 2))]
    assert same_bits(lenders[1], lenders[2]) and not np.array_equal(lenders[0], lenders[1])
    assert one.scenario is two.scenario


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"seeds": [1, 1]}, r"^seeds: \[1, 1\] is not allowed; expected distinct whole numbers"),
        ({"seeds": []}, r"^seeds: \[\] is not allowed; expected distinct"),
        ({"seeds": 20}, r"^seeds: 20 is not allowed; expected distinct"),
        ({"seeds": "12"}, r"^seeds: '12' is not allowed; expected distinct"),
        ({"seeds": [1, -1]}, r"^seeds: -1 is not allowed; expected a whole number from 0"),
        ({"seeds": [1.0]}, r"^seeds: 1.0 is not allowed; expected a whole number from 0"),
        ({"seeds": [1, 2], "seed": 1}, r"^seed: 1 is not allowed; expected nothing where `seeds` are given"),
    ],
)
@pytest.mark.parametrize("function", [simulate_many, paired_contagion])
def test_bad_seeds_are_refused(function, given, said):
    with pytest.raises(ScenarioError, match=said):
        function(SMALL, replicates=2, **given)


def test_an_error_among_several_seeds_says_which(monkeypatch):
    def spoil(economy, parameters, seed, replicate, weeks):
        run_weeks(economy, parameters, seed, replicate, weeks)
        if (seed, replicate) == (6, 1):
            raise ZeroDivisionError

    monkeypatch.setattr(engine, "run_weeks", spoil)
    with pytest.raises(ZeroDivisionError) as caught:
        simulate_many(SMALL, seeds=range(3, 8), replicates=3, threads=2)
    assert "seed 6" in caught.value.__notes__ and "replicate 1" in caught.value.__notes__[0]


def test_the_same_call_twice():
    assert_same_run(simulate(SMALL, seed=5, replicate=2), simulate(SMALL, seed=5, replicate=2))


def test_checking_changes_no_bit():
    checked = simulate(SMALL, seed=5, replicate=2, check=True)
    assert len(checked.events) > 20
    assert_same_run(checked, simulate(SMALL, seed=5, replicate=2))


def test_seeds_and_replicates_differ():
    pairs = ((1, 0), (1, 1), (2, 0), (0, 1))
    runs = [simulate(CALM, seed=seed, replicate=replicate) for seed, replicate in pairs]
    prices = [run.series["btc_price_usd"].to_numpy() for run in runs]
    fleets = [run.opening["borrowers"]["units_h100"].to_numpy() for run in runs]
    for i in range(len(runs)):
        for j in range(i):
            assert not np.any(prices[i] == prices[j])
            assert not np.array_equal(fleets[i], fleets[j])


def test_the_largest_seed_and_replicate():
    most = 2**63 - 1
    run = simulate(CALM, seed=most, replicate=most)
    assert np.isfinite(run.series.to_numpy()).all()


def test_a_longer_horizon_only_adds_weeks():
    longer = simulate(SMALL.with_changes({"horizon_weeks": 50}), seed=5).series
    pd.testing.assert_frame_equal(longer.iloc[:40], simulate(SMALL, seed=5).series, check_exact=True)


# Chunks and buffers


@pytest.mark.parametrize("seconds", [1e-9, 1e-3, 1e9])
def test_chunks_change_nothing(monkeypatch, seconds):
    wanted = simulate_many(SMALL, seed=8, replicates=25, threads=2)
    monkeypatch.setattr(engine, "TASK_SECONDS", seconds)
    assert same_bits(simulate_many(SMALL, seed=8, replicates=25, threads=2).outcomes, wanted.outcomes)


def test_a_full_event_buffer_loses_nothing(monkeypatch):
    wanted = simulate(SMALL, seed=5, replicate=2)
    assert len(wanted.events) > 64
    asked = []
    monkeypatch.setattr(
        engine, "allocate", lambda *args, **room: (asked.append(room["events"]), allocate(*args, **room))[1]
    )
    monkeypatch.setattr(engine, "FIRST_EVENTS_PER_BORROWER", -170)
    run = simulate(SMALL, seed=5, replicate=2)
    assert asked[0] == 4096 - 170 * 24 == 16, "rows, of hundreds that are needed"
    assert len(asked) > 1 and asked[-1] >= len(run.events)
    assert_same_run(run, wanted)
    pd.testing.assert_frame_equal(run.events, wanted.events, check_exact=True)


def test_an_event_table_beyond_all_bounds_is_an_error(monkeypatch):
    monkeypatch.setattr(engine, "FIRST_EVENTS_PER_BORROWER", -170)
    monkeypatch.setattr(engine, "MOST_EVENTS", 20)
    with pytest.raises(EventBufferFull, match=r"small, replicate 2.*event table is full") as caught:
        simulate(SMALL, seed=5, replicate=2)
    assert (caught.value.replicate, caught.value.exit_code) == (2, 1)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_run_that_ends_with_no_number_is_a_failed_run(value, monkeypatch):
    """Whoever asks for it, in whichever way; the error says which run and which quantity."""

    def spoil(economy, *arguments):
        run_weeks(economy, *arguments)
        economy.outcomes["proceeds_musd"] = value

    monkeypatch.setattr(engine, "run_weeks", spoil)
    said = rf"scenario small, replicate 2, week 40: proceeds_musd is {value}, not a finite .*seed 5"
    with pytest.raises(UndefinedResultError, match=said) as caught:
        simulate(SMALL, seed=5, replicate=2)
    assert (caught.value.quantity, caught.value.seed, caught.value.exit_code) == ("proceeds_musd", 5, 1)
    again = pickle.loads(pickle.dumps(caught.value))
    assert str(again) == str(caught.value)
    with pytest.raises(UndefinedResultError, match=r"replicate 0.*proceeds_musd"):
        simulate_many(SMALL, seed=5, replicates=3)


def test_recording_changes_nothing():
    # simulate_many keeps neither events nor series; their absence must not reach the economy.
    setup = prepare(SMALL, 5)
    bare = allocate(setup, series=False, events=0)
    engine.run_replicate(bare, setup, 2)
    full = simulate(SMALL, seed=5, replicate=2).economy
    rows_of_the_log = {
        "borrowers": {"default_event", "pending_parent", "trigger_event"},
        "lenders": {"trigger", "failure_event"},
        "loans": {"default_event"},
        # the second: when what valuers expect was last worked out, which the series asks for every week
        "machines": {"trigger", "foreseen_week"},
        "clock": {"events"},
    }
    for table in TABLES:
        differing = {
            field
            for field in getattr(bare, table).dtype.names
            if getattr(bare, table)[field].tobytes() != getattr(full, table)[field].tobytes()
        }
        assert differing <= rows_of_the_log.get(table, set()), table
    assert {*bare.machines["trigger"], *bare.loans["default_event"], *bare.lenders["trigger"]} == {-1}
    assert same_bits(bare.flows, full.flows)
    assert same_bits(bare.revaluations, full.revaluations)


def test_a_used_economy_is_as_good_as_a_new_one():
    setup = prepare(SMALL, 5)
    used = allocate(setup, series=True, events=10_000)
    engine.run_replicate(used, setup, 9)
    engine.run_replicate(used, setup, 2)
    fresh = simulate(SMALL, seed=5, replicate=2).economy
    for table in (*TABLES, "flows", "revaluations", "series"):
        assert same_bits(getattr(used, table), getattr(fresh, table)), table


@pytest.mark.parametrize("weeks", [1, 7])
def test_slices_of_weeks_end_with_the_same_bits(weeks, monkeypatch):
    whole, many = simulate(SMALL, seed=5, replicate=2), simulate_many(SMALL, seed=5, replicates=3)
    monkeypatch.setattr(engine, "SLICE", weeks * prepare(SMALL, 5).agents)
    monkeypatch.setattr(engine, "FIRST_EVENTS_PER_BORROWER", -170)  # the first attempt runs out of room
    sliced = simulate(SMALL, seed=5, replicate=2)
    for field in FIELDS:
        if field not in ("events", "numbers", "indices", "trades"):  # of any length, or scratch
            assert same_bits(getattr(sliced.economy, field), getattr(whole.economy, field)), field
    pd.testing.assert_frame_equal(sliced.events, whole.events, check_exact=True)
    again = simulate_many(SMALL, seed=5, replicates=3)
    assert same_bits(again.outcomes, many.outcomes)


def test_a_large_replicate_listens_between_slices(monkeypatch):
    setup = prepare(SMALL, 5)
    monkeypatch.setattr(engine, "SLICE", 3 * setup.agents)
    economy, stop = allocate(setup, series=False, events=0), threading.Event()

    def run_and_stop(*arguments):
        run_weeks(*arguments)
        stop.set()

    monkeypatch.setattr(engine, "run_weeks", run_and_stop)
    engine.run_replicate(economy, setup, 2, stop)
    assert economy.clock["week"][0] == 3


def test_a_run_stops_at_a_full_event_table():
    setup = prepare(SMALL, 5)
    economy = allocate(setup, series=True, events=4)
    engine.run_replicate(economy, setup, 2)
    assert economy.clock["events"][0] == 4
    assert economy.clock["week"][0] < SMALL.horizon_weeks


# Arguments


@pytest.mark.parametrize("value", [-1, 2**63, 1.0, True, "1", None])
@pytest.mark.parametrize("name", ["seed", "replicate"])
def test_bad_numbers_of_a_run_are_refused(name, value):
    with pytest.raises(ScenarioError, match=f"^{name}: .* expected a whole number from 0 to"):
        simulate(SMALL, **{name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("seed", value) for value in (-1, 1.5, "1")),
        *(("replicates", value) for value in (0, True, 2.0)),
        *(("threads", value) for value in (0, -2, "2", False)),
    ],
)
def test_bad_numbers_of_many_runs_are_refused(name, value):
    with pytest.raises(ScenarioError, match=f"^{name}: .* expected a whole number from "):
        simulate_many(SMALL, **{"replicates": 2, name: value})


@pytest.mark.parametrize("kind", [np.int64, np.int32, np.uint64, np.uint8])
def test_whole_numbers_of_numpy_are_welcome_and_compile_nothing_new(kind):
    wanted = simulate(CALM, seed=5, replicate=2)
    compiled = len(run_weeks.signatures)
    assert_same_run(simulate(CALM, seed=kind(5), replicate=kind(2)), wanted)
    assert len(run_weeks.signatures) == compiled


def test_names_of_scenarios_will_do():
    by_name = simulate_many(["baseline_2026"], seed=1, replicates=2).summary
    assert_same_summary(by_name, simulate_many(None, seed=1, replicates=2).summary)
    assert_same_summary(by_name, simulate_many("baseline_2026", seed=1, replicates=2).summary)
    with pytest.raises(ScenarioError, match="baseline_2062"):
        simulate_many(["baseline_2062"], replicates=2)


def test_changing_a_scenario_leaves_the_changes_alone():
    changes = {
        "shocks.forced_default": {"week": 3, "machine": "H100", "units": 2000},
        "shocks.forced_default.machine": "S21",
        "neoclouds.gpu_shares": {"H100": 1.0},
        "neoclouds.gpu_shares.A100": 1.0,
    }
    before = copy.deepcopy(changes)
    changed = SMALL.with_changes(changes)
    assert (changed.shocks.forced_default.machine, changed.neoclouds.gpu_shares["A100"]) == ("S21", 1.0)
    assert changes == before
    assert SMALL.shocks.forced_default.machine == "H100"


# Progress and interruption


@pytest.mark.parametrize(("scenarios", "replicates"), [([SMALL], 1), ([SMALL], 2), ([SMALL, DEEP], 13)])
@pytest.mark.parametrize("threads", [1, 3])
def test_progress_reaches_the_total(scenarios, replicates, threads):
    calls = []
    caller = threading.get_ident()
    simulate_many(
        scenarios,
        replicates=replicates,
        threads=threads,
        progress=lambda done, total: calls.append((done, total, threading.get_ident())),
    )
    done = [call[0] for call in calls]
    total = len(scenarios) * replicates
    assert done == sorted(set(done)), "it only ever grows"
    assert done[-1] == total
    assert {call[1:] for call in calls} == {(total, caller)}


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, RuntimeError])
def test_an_interrupted_run_stops_at_once(interruption):
    raised = []

    def interrupt(done, total):
        if done > 2:  # the first two are run before the threads start
            raised.append(time.monotonic())
            raise interruption

    before = threading.active_count()
    with pytest.raises(interruption):
        simulate_many(replicates=100_000, threads=2, progress=interrupt)
    assert time.monotonic() - raised[0] < 1.0
    assert len(raised) == 1
    assert threading.active_count() == before


# Checked runs


def test_promises_that_outlived_their_lenders_still_stand_when_the_channel_is_switched_on():
    changes = {
        "horizon_weeks": 6,
        "channels.lender_credit": False,
        "shocks.forced_lender_failure": {"week": 1, "kind": "bank", "share": 1.0},
        "interventions": [{"week": 4, "field": "channels.lender_credit", "value": True}],
    }
    economy = simulate(Scenario.load().with_changes(changes), check=True).economy
    promised = economy.orders[(economy.orders["units"] > 0) & (economy.orders["holder"] >= 0)]
    assert (economy.lenders["status"][promised["holder"]] != LenderStatus.ALIVE).any()


def test_a_checked_run_tests_every_phase_of_every_week(monkeypatch):
    names = []
    monkeypatch.setattr(
        engine, "check_identities", lambda economy, opening, phase, lines_end: names.append(phase)
    )
    simulate(CALM, check=True)
    assert names == [phase.__name__ for phase in PHASES] * CALM.horizon_weeks
    names.clear()
    simulate(CALM)
    assert names == []
