"""Claims by failure: they add up to the run's sums; bounds on recoveries close where a cohort is followed."""

import numpy as np
import pandas as pd
import pytest

from hashcredit.simulator import Scenario, defaulted_claims, recovery_rates, simulate
from hashcredit.simulator.reports.cohorts import OPEN


@pytest.mark.parametrize("name", ["baseline_2026", "dump_10k_h100", "demand_turn"])
def test_claims_add_up_to_what_the_run_says(name):
    """To rounding: face at default, claims that closed, what was written off, owed and allowed for."""
    for replicate in range(3):
        run = simulate(name, seed=2, replicate=replicate)
        claims, outcomes = defaulted_claims(run), run.economy.outcomes[0]
        closed = claims[claims.closing_week != OPEN]
        assert claims.claim_musd.sum() == pytest.approx(run.summary["debt_defaulted"], rel=1e-12)
        assert closed.claim_musd.sum() == pytest.approx(outcomes["resolved_claims"], rel=1e-12)
        lost = (closed.claim_musd - closed.recovered_musd).sum()
        assert lost == pytest.approx(outcomes["credit_lost"], rel=1e-9)
        assert lost + claims.allowance_musd.sum() == pytest.approx(
            run.summary["creditor_loss_musd"], rel=1e-9
        )
        still = claims[claims.closing_week == OPEN]
        np.testing.assert_allclose(still.claim_musd - still.recovered_musd, still.owed_musd, atol=1e-9)
        assert (closed.owed_musd == 0.0).all() and (closed.closing_week >= closed.default_week).all()
        whole = run.events.kind.eq("default").sum()
        assert (claims.default_kind == "default").sum() == whole == run.summary["defaults"]
        assert len(claims) - whole == run.summary["facility_defaults"]


def test_a_cohort_followed_longer_is_the_same_cohort_and_its_bounds_close():
    """A longer horizon leaves the first weeks as they are, so it only tells more of the same failures."""
    early = [
        defaulted_claims(simulate(Scenario.load("dump_10k_h100").with_changes({"horizon_weeks": weeks}), 1))
        for weeks in (60, 120)
    ]
    before, after = (claims[claims.default_week < 40] for claims in early)
    columns = ["default_event", "default_week", "default_kind", "cause", "borrower", "claim_musd"]
    pd.testing.assert_frame_equal(before[columns], after[columns])
    gaps = []
    for claims in (before, after):
        rates = recovery_rates(claims).value
        expected, low, high = rates.iloc[1:]
        assert low <= expected <= high
        gaps.append(high - low)
    assert (before.closing_week == OPEN).sum() > (after.closing_week == OPEN).sum()
    assert gaps[1] < gaps[0]


def test_rates_by_hand():
    """Of 100 closed 60 came back; of 50 open 10 so far, and of 40 still owed lenders expect to lose 25."""
    claims = pd.DataFrame(
        {
            "closing_week": [30, OPEN],
            "claim_musd": [100.0, 50.0],
            "recovered_musd": [60.0, 10.0],
            "owed_musd": [0.0, 40.0],
            "allowance_musd": [0.0, 25.0],
        }
    )
    assert recovery_rates(claims).value.tolist() == pytest.approx([0.6, 85 / 150, 70 / 150, 110 / 150])
    assert recovery_rates(claims).low.isna().all()
    twice = pd.concat([claims.assign(seed=seed) for seed in (1, 2)])
    assert recovery_rates(twice).standard_error.tolist() == pytest.approx([0.0] * 4, abs=1e-15)


def test_a_run_without_failures_has_none():
    quiet = {"population.miners": 0, "population.neoclouds": 3, "horizon_weeks": 2}
    claims = defaulted_claims(simulate(Scenario.load().with_changes(quiet)))
    assert len(claims) == 0 and recovery_rates(claims).isna().all(axis=None)
