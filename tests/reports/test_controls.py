"""Controls: the innovations that the week drew, worked out again, and their expectations."""

import math

import numpy as np
import pytest

from hashcredit.simulator import Scenario
from hashcredit.simulator.books.randomness import Stream, uniform
from hashcredit.simulator.machines.shocks import draw_shocks
from hashcredit.simulator.reports.controls import (
    RUNS_A_CONTROL,
    common_normals,
    controls_of,
    innovations,
    uniforms,
)
from hashcredit.simulator.setup.prepare import allocate, clear, prepare
from hashcredit.simulator.state.pool import WITH, Asset
from hashcredit.simulator.week.step import open_economy

WEEKS = 40
TINY = Scenario.load().with_changes(
    {"population.miners": 1, "population.neoclouds": 1, "horizon_weeks": WEEKS, "funding.rule": "path"}
    | {"shocks.rho_calm": 0.0, "shocks.rho_stress": 0.0}  # so that the rent index moves by its own normal
)
JUMPS = {"shocks.jump_intensity": 8.0, "shocks.jump_mean": -0.2, "shocks.jump_sd": 0.1}


def drawn(setup, replicate):
    """Weekly log changes of BTC's fundamental, the rent index and another asset, as the phase draws them."""
    economy = allocate(setup, series=False, events=0)
    clear(economy, setup)
    open_economy(economy, setup.parameters, setup.seed, replicate)
    levels = []
    for _ in range(WEEKS + 1):
        assets = economy.assets[WITH]["fundamental"]
        levels.append((assets[Asset.BTC], economy.market["rent_shock"][0], assets[Asset.BTC + 1]))
        draw_shocks(economy, setup.parameters[0], setup.seed, replicate)
        economy.clock["week"] += 1
    return np.diff(np.array(levels), axis=0).T


@pytest.mark.parametrize("antithetic", [False, True])
@pytest.mark.parametrize(
    "changes", [{}, {"shocks.student_df": 5}, JUMPS, {"shocks.student_df": 10, **JUMPS}], ids=str
)
def test_they_are_those_of_the_week(changes, antithetic):
    setup = prepare(TINY.with_changes(changes | {"shocks.antithetic": antithetic}), 3)
    p = setup.parameters[0]
    btc, rent, _ = drawn(setup, 3)
    found = innovations(setup, 3)
    volatility = p["asset_volatility"][Asset.BTC]
    chance = -math.expm1(-p["shocks_jump_intensity"] / 52.0)
    size, spread = p["shocks_jump_mean"], p["shocks_jump_sd"]
    mean = (p["shocks_btc_drift"] - 0.5 * volatility**2) / 52.0 + chance * size
    mean -= math.log(1.0 + chance * (math.exp(size + 0.5 * spread**2) - 1.0))
    variance = volatility**2 / 52.0 + chance * (size**2 + spread**2) - (chance * size) ** 2
    assert found["btc"] == pytest.approx((btc - mean) / math.sqrt(variance), abs=1e-12)
    step = p["shocks_rent_volatility"] / math.sqrt(52.0)
    assert found["rent"] == pytest.approx((rent + 0.5 * step**2) / step, abs=1e-12)


@pytest.mark.parametrize(("stream", "block"), [(Stream.BTC, 0), (Stream.RENT, 0), (Stream.STUDENT, 7)])
def test_uniforms_are_those_of_the_kernels_to_the_last_bit(stream, block):
    for seed, replicate in ((0, 0), (7, 12), (2**63 - 1, 3)):
        found = uniforms(seed, replicate, 5, stream, block)
        for week in range(5):
            for lane in range(4):
                assert found[week, lane] == uniform(seed, replicate, week, 0, stream, block, lane)


@pytest.mark.parametrize("changes", [{}, {"shocks.student_df": 5, **JUMPS}], ids=str)
def test_their_expectation_is_zero_and_their_variance_one(changes):
    # 1,000 replicates of 40 weeks; a Student-t with 5 degrees of freedom has a kurtosis of 9
    setup = prepare(TINY.with_changes(changes), 1)
    sample = [innovations(setup, replicate) for replicate in range(1000)]
    for name in ("btc", "rent"):
        values = np.array([each[name] for each in sample])
        assert values.mean() == pytest.approx(0.0, abs=4 / math.sqrt(values.size))
        assert values.var() == pytest.approx(1.0, abs=4 * math.sqrt(8 / values.size))


def test_what_is_not_drawn_is_no_control():
    fed_in = {"shocks.btc_path": [(0, 60_000.0)], "shocks.rent_path": [(0, 2.0)]}
    setup = prepare(TINY.with_changes(fed_in | JUMPS), 1)
    found = innovations(setup, 0)
    assert list(found) == ["btc"], "whose normal still moves what is correlated with it"
    assert np.array_equal(found["btc"], innovations(prepare(TINY, 1), 0)["btc"])


@pytest.mark.parametrize("weeks", [1, 2, WEEKS])
def test_controls_have_expectation_zero(weeks):
    # products of two sums: variance 1, of a square of a normal 2
    setup = prepare(TINY.with_changes({"horizon_weeks": weeks}), 1)
    controls = controls_of([setup], 3000)
    assert controls.shape[1] == (5 if weeks == 1 else 14)
    assert controls.mean(axis=0) == pytest.approx(0.0, abs=4 * math.sqrt(2 / 3000))
    sums = controls[:, : 2 if weeks == 1 else 4]
    assert np.cov(sums.T) == pytest.approx(np.eye(sums.shape[1]), abs=4 * math.sqrt(2 / 3000))


def test_few_replicates_have_few_controls():
    setup = prepare(TINY, 1)
    every = controls_of([setup], 200)
    for replicates in (1, RUNS_A_CONTROL - 1, RUNS_A_CONTROL, 45):
        few = controls_of([setup], replicates)
        assert few.shape == (replicates, replicates // RUNS_A_CONTROL)
        assert np.array_equal(few, every[:replicates, : few.shape[1]])


def test_what_cancels_in_a_pair_is_no_control():
    pairs = prepare(TINY.with_changes({"shocks.antithetic": True}), 1)
    alone = controls_of([prepare(TINY, 1)], 600)
    found = controls_of([pairs], 401)
    assert found.shape == (201, 10), "the four sums have gone, the products of two are left"
    assert found[:200] == pytest.approx(2.0 * alone[0:400:2, 4:], abs=1e-12)
    assert not found[200].any(), "one without its partner corrects nothing"
    jumps = prepare(TINY.with_changes(JUMPS | {"shocks.antithetic": True}), 1)
    assert controls_of([jumps], 400).shape == (200, 12), "jumps do not cancel"


def test_controls_of_several_seeds_are_those_of_each():
    setups = [prepare(TINY, seed) for seed in (3, 1, 8)]
    found = controls_of(setups, 15)
    assert found.shape == (45, 45 // RUNS_A_CONTROL), "their number is that which all runs together allow"
    for place, setup in enumerate(setups):
        alone = controls_of([setup], 140)[:15, : found.shape[1]]
        assert np.array_equal(found[15 * place : 15 * (place + 1)], alone)
    assert abs(np.corrcoef(found[:15, 0], found[15:30, 0])[0, 1]) < 0.9, "seeds have draws of their own"


@pytest.mark.parametrize("antithetic", [False, True])
@pytest.mark.parametrize("replicate", [4, 5])
def test_common_normals_are_those_that_move_prices(antithetic, replicate):
    """Steps of BTC, of rents and of an asset without a part of its own are affine functions of one normal."""
    alone = {"assets.btc_loading": 0.0, "assets.loading": [1.0] * 4, "shocks.antithetic": antithetic}
    setup = prepare(TINY.with_changes({**alone, "shocks.student_df": 0, "shocks.jump_intensity": 0.0}), 2)
    steps = dict(zip(("btc", "rent", "funding"), drawn(setup, replicate), strict=True))
    normals = common_normals(setup, replicate)
    assert set(normals) == set(steps)
    for name, step in steps.items():
        scale, drift = np.polyfit(normals[name], step, 1)
        assert scale > 0.0
        np.testing.assert_allclose(step, drift + scale * normals[name], atol=1e-12)
