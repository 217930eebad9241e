"""Rounds of losses in random scenarios: the books close after every phase, and every week comes to rest."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from strategies import BASELINE, changes_of_scenarios

from hashcredit.simulator import simulate_many
from hashcredit.simulator.books.ledger import losses_bind
from hashcredit.simulator.reports.checks import check_identities
from hashcredit.simulator.setup.prepare import allocate, clear, prepare, reported_copy
from hashcredit.simulator.state.codes import ErrorCode, EventKind
from hashcredit.simulator.week.regimes import enter_week
from hashcredit.simulator.week.rounds import most_rounds
from hashcredit.simulator.week.step import PHASES, open_economy, run_weeks

EVENTS = 1 << 14
SEEDS = st.integers(0, 2**63 - 1)
RANDOM = {
    "database": None,
    "deadline": None,
    "suppress_health_check": [HealthCheck.too_slow, HealthCheck.data_too_large],
}
FRAGILE = {
    "lenders.private_credit.equity_ratio": 0.08,
    "lenders.private_credit.capital_minimum": 0.05,
    "lenders.private_credit.capital_target": 0.08,
    "interlender.exposure_share": 0.4,
    "repo.cure_weeks": 0,
    "repo.pool_headroom": 0.0,
    "credit.marked_share": 1.0,
}
"""What makes rounds frequent: thin capital, large exposures, a pool without room."""


def opened(changes, number, replicate):
    """An economy on its first day, and what belongs to it."""
    setup = prepare(BASELINE.with_changes(changes), number)
    economy = allocate(setup, series=True, events=EVENTS)
    clear(economy, setup)
    open_economy(economy, setup.parameters, number, replicate)
    return economy, setup


@settings(max_examples=25, derandomize=True, **RANDOM)
@given(changes=changes_of_scenarios(), number=SEEDS, replicate=st.integers(0, 10**6))
def test_the_books_close_after_every_phase(changes, number, replicate):
    economy, setup = opened(changes, number, replicate)
    opening = reported_copy(economy)
    for _ in range(setup.scenario.horizon_weeks):
        p = setup.parameters[enter_week(economy, setup.parameters)]
        for phase in PHASES:
            phase(economy, p, number, replicate)
            check_identities(economy, opening, phase.__name__, losses_bind(p))
        assert economy.clock["error"][0] == ErrorCode.NONE
        economy.clock[0]["week"] += 1
    check_what_happened_to_lenders(economy)


def check_what_happened_to_lenders(economy):
    """Each lender fails and is closed once at most; its calls and failures are in the log."""
    log = economy.events[: economy.clock["events"][0]]
    for kind in (EventKind.LENDER_FAILURE, EventKind.LENDER_CLOSED):
        agents = log["agent"][log["kind"] == kind]
        assert len(np.unique(agents)) == len(agents)
    failures = log[log["kind"] == EventKind.LENDER_FAILURE]
    assert len(failures) == economy.outcomes["lender_failures"][0] == (economy.lenders["status"] > 0).sum()
    assert (log["kind"] == EventKind.REPO_CALL).sum() == economy.outcomes["repo_calls"][0]
    assert economy.outcomes["most_rounds"][0] <= most_rounds(economy)


def test_fragile_lenders_need_rounds():
    runs = simulate_many(BASELINE.with_changes({**FRAGILE, "horizon_weeks": 60}), replicates=20)
    rounds = runs.summary["most_rounds"]
    assert rounds.max() > 2
    assert rounds.max() <= 2 * 24 + 1
    assert runs.summary["lender_failures"].max() > 1
    assert runs.summary["money_residual"].max() < 1e-9


def fuzz(examples, chunk):
    """Run random scenarios; return the largest number of rounds in a week, by lenders there were."""
    found = {}

    @seed(chunk)
    @settings(max_examples=examples, **RANDOM)
    @given(changes=changes_of_scenarios(), number=SEEDS, replicate=st.integers(0, 10**6))
    def every_run(changes, number, replicate):
        economy, setup = opened(changes, number, replicate)
        run_weeks(economy, setup.parameters, number, replicate, setup.scenario.horizon_weeks)
        assert economy.clock["error"][0] == ErrorCode.NONE
        check_what_happened_to_lenders(economy)
        lenders = len(economy.lenders)
        found[lenders] = max(found.get(lenders, 0), int(economy.outcomes["most_rounds"][0]))

    every_run()
    return found


@pytest.mark.fuzz
@pytest.mark.parametrize("chunk", range(10))
def test_ten_thousand_random_runs_come_to_rest(chunk):
    found = fuzz(1000, chunk)
    assert all(rounds <= 2 * lenders + 1 for lenders, rounds in found.items())
    assert max(found.values()) > 2, "rounds do happen"
