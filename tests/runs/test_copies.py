"""What public functions return can be copied, pickled, and handed back by another process, whole."""

import copy
import pickle
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import pandas as pd
import pytest
from small_economy import SMALL

from hashcredit.experiments import Study
from hashcredit.simulator import Scenario, paired_contagion, simulate, simulate_funding, simulate_many
from hashcredit.simulator.state.arrays import FIELDS

SHORT = SMALL.with_changes({"name": "short", "horizon_weeks": 3, "shocks.forced_default": "none"})
COPIES = {"pickle": lambda it: pickle.loads(pickle.dumps(it)), "deepcopy": copy.deepcopy, "copy": copy.copy}


@pytest.fixture(params=COPIES)
def copied(request):
    return COPIES[request.param]


def never(now, waiting, principal, weeks_in_breach, dscr, capital_ratio):
    """A lender that does not forbear."""
    return False


def assert_same_run(one, other):
    for name in FIELDS:
        mine, its = getattr(one.economy, name), getattr(other.economy, name)
        assert mine.dtype == its.dtype
        for field in mine.dtype.names or [...]:  # between fields there may be anything
            assert mine[field].tobytes() == its[field].tobytes(), (name, field)
    pd.testing.assert_frame_equal(one.events, other.events)
    for table, frame in one.opening.items():
        pd.testing.assert_frame_equal(frame, other.opening[table])
    assert str(one.summary) == str(other.summary)  # NaN differs from itself
    assert {**one.provenance, "start_time": ""} == {**other.provenance, "start_time": ""}


@pytest.mark.parametrize("read_before", [False, True])
def test_a_run(copied, read_before):
    run = simulate(SHORT, seed=2)
    if read_before:
        assert len(run.events)
    assert_same_run(copied(run), simulate(SHORT, seed=2))


def test_a_copy_of_a_run_has_arrays_of_its_own_and_shares_what_the_run_shares():
    run = simulate(SHORT, seed=2)
    for other in (copy.deepcopy(run), pickle.loads(pickle.dumps(run))):
        assert not np.shares_memory(other.economy.borrowers, run.economy.borrowers)
        assert other.economy.credit_start is other.before.credit_start
        assert other.economy.address != run.economy.address
        with pytest.raises(AttributeError, match="cannot be replaced"):
            other.economy.borrowers = run.economy.borrowers


def test_a_run_under_rules_of_a_user(copied):
    run = simulate(SHORT, seed=2, rules={"forbearance": never})
    again = copied(run)
    assert_same_run(again, run)
    assert again.setup.rules.record == run.setup.rules.record != {}


def test_many_runs_and_the_others(copied):
    many = simulate_many([SHORT, SHORT], seed=2, replicates=2)
    pd.testing.assert_frame_equal(copied(many).summary, many.summary)
    pair = paired_contagion(SHORT, replicates=2)
    pd.testing.assert_frame_equal(copied(pair).summary, pair.summary)
    alone = simulate_funding(SHORT, weeks=3)
    pd.testing.assert_frame_equal(copied(alone).series, alone.series)


def test_scenarios_and_studies(copied):
    assert copied(SHORT) == SHORT and copied(SHORT).digest() == SHORT.digest()
    given = {"scenario": SHORT, "seed": 1, "replicates": 2, "design": {"kind": "sobol", "points": 4}}
    study = Study.from_dict({**given, "factors": {"shocks.btc_volatility": {"low": 0.5, "high": 0.6}}})
    again = copied(study)
    assert again == study and again.to_dict() == study.to_dict()
    assert np.array_equal(again.points().columns[0], study.points().columns[0])


def test_a_run_comes_back_from_another_process():
    with ProcessPoolExecutor(1, mp_context=get_context("forkserver")) as pool:
        run = pool.submit(simulate, SHORT, 2).result()
    assert_same_run(run, simulate(SHORT, seed=2))


def test_a_loaded_scenario_is_the_same_scenario():
    assert pickle.loads(pickle.dumps(Scenario.load("reverse_qe"))) == Scenario.load("reverse_qe")
