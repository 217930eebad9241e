"""Recoveries of a cohort: open claims are neither left out nor guessed."""

import numpy as np
import pytest
from own_rules import SMALL

from hashcredit.experiments.measures.recoveries import CLAIM, cohort_recoveries, run_out, survival_weights
from hashcredit.simulator import simulate
from hashcredit.simulator.errors import ScenarioError

SEEDS = range(3)


def claims_with(ages, is_open, recovered=None):
    found = np.zeros(len(ages), CLAIM)
    found["age"], found["open"], found["claim"] = ages, is_open, 1.0
    found["recovered"] = 0.0 if recovered is None else recovered
    return found


def test_weights_are_those_of_kaplan_and_meier():
    """Of five claims the second is cut off: the other three at risk stand for it in equal parts."""
    weights = survival_weights(claims_with([1, 2, 3, 4, 5], [False, True, False, False, False]))
    np.testing.assert_allclose(weights, [1.0, 0.0, 4 / 3, 4 / 3, 4 / 3], rtol=1e-15)
    everyone = survival_weights(claims_with([3, 1, 2], [False] * 3))
    assert everyone.tolist() == [1.0, 1.0, 1.0]
    # who closes in the week in which another run ends is still seen to close
    np.testing.assert_allclose(survival_weights(claims_with([2, 2], [True, False])), [0.0, 1.0])


def test_weighting_undoes_what_leaving_out_open_claims_does():
    """Late claims bring less; runs end at random. The mean of those seen to close is too high."""
    draws = np.random.default_rng(5)
    n = 40_000
    ages = draws.integers(1, 60, n)
    brought = np.where(ages < 30, 0.9, 0.2)
    ends = draws.integers(1, 80, n)  # beyond the last age too, so that no age is never seen
    is_open = ends < ages
    claims = claims_with(np.minimum(ages, ends), is_open, brought)
    weights = survival_weights(claims)
    weighted = (weights * brought).sum() / weights.sum()
    error = brought.std() / np.sqrt((~is_open).sum()) * weights.max()  # no weight is larger
    assert abs(weighted - brought.mean()) < 4.0 * error
    assert brought[~is_open].mean() > brought.mean() + 10.0 * error


def test_what_has_happened_by_the_horizon_does_not_change_afterwards():
    longer = run_out(SMALL, 30)
    assert longer.horizon_weeks == SMALL.horizon_weeks + 30
    short, long = (simulate(each, seed=5) for each in (SMALL, longer))
    part = long.economy.series[: SMALL.horizon_weeks]
    assert part.tobytes() == short.economy.series.tobytes()
    later = long.loan_tape["week"] >= SMALL.horizon_weeks + SMALL.investment.lead_weeks
    assert not later.any(), "new business, longer after its end than an order takes"
    assert (long.loan_tape["week"] < SMALL.horizon_weeks).sum() == len(short.loan_tape)
    assert run_out(SMALL, 0) is SMALL


def test_recoveries_of_a_small_market():
    found = cohort_recoveries(SMALL, SEEDS, 4, before_week=SMALL.horizon_weeks, run_off=104, threads=2)
    again = cohort_recoveries(SMALL, SEEDS, 4, before_week=SMALL.horizon_weeks, run_off=104, threads=1)
    assert found.table.equals(again.table)
    everyone = found.table.iloc[0]
    runs = len(SEEDS) * 4
    assert everyone["claims"] == len(found.at_horizon) / runs > 0
    assert len(found.run_out) == len(found.at_horizon), "the same defaults"
    assert found.at_horizon["claim"].tobytes() == found.run_out["claim"].tobytes()
    assert everyone["still_open_share"] <= everyone["open_share"]
    lost = found.run_out["claim"] - np.minimum(found.run_out["recovered"], found.run_out["claim"])
    assert everyone["lgd"] == pytest.approx(lost.sum() / found.run_out["claim"].sum(), rel=1e-12)
    for by in ("rank", "tier", "instrument", "grade"):
        rows = found.table[found.table["by"] == by]
        assert rows["claim_musd"].sum() == pytest.approx(everyone["claim_musd"], rel=1e-12)
    assert "loss given default" in repr(found)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"from_week": 52, "before_week": 52}, "before_week"),
        ({"from_week": 10_000, "before_week": 10_001}, "from_week"),
        ({"machine": "H1000"}, "machine"),
        ({"run_off": -1}, "run_off"),
        ({"replicates": 0}, "replicates"),
        ({"seeds": [1, 1]}, "seeds"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments, said):
    with pytest.raises(ScenarioError, match=said):
        cohort_recoveries(SMALL, **arguments)
