"""Antithetic replicates: the innovations of the one before with the other sign, everything else their own."""

import math

import numpy as np
import pytest

from hashcredit.agents.dimensions import MACHINE_TYPES
from hashcredit.simulator import Scenario
from hashcredit.simulator.machines.shocks import draw_shocks
from hashcredit.simulator.runs.funding_alone import simulate_funding
from hashcredit.simulator.setup.prepare import allocate, clear, prepare
from hashcredit.simulator.state.pool import WITHOUT
from hashcredit.simulator.week.step import open_economy

WEEKS = 12
POOL = Scenario.load().with_changes(
    {"population.miners": 2, "population.neoclouds": 2, "horizon_weeks": WEEKS}
)
TINY = POOL.with_changes({"funding.rule": "path"})
MIRRORED = TINY.with_changes({"shocks.antithetic": True})
FAT = {"shocks.student_df": 5}


def started(scenario, replicate):
    setup = prepare(scenario, 3)
    economy = allocate(setup, series=False, events=0)
    clear(economy, setup)
    open_economy(economy, setup.parameters, 3, replicate)
    return setup, economy


def changes_of(scenario, replicate):
    """Weekly changes of all logs that the phase moves: five assets, the rent index, each type's own rent."""
    setup, economy = started(scenario, replicate)
    levels = []
    for _ in range(WEEKS + 1):
        assets, machines = economy.assets[WITHOUT]["fundamental"], economy.machines["idiosyncratic"]
        levels.append(np.concatenate([assets, economy.market["rent_shock"], machines]))
        draw_shocks(economy, setup.parameters[0], 3, replicate)
        economy.clock["week"] += 1
    return np.diff(np.array(levels), axis=0)


@pytest.mark.parametrize("changes", [{}, FAT], ids=["normal", "fat tails"])
def test_innovations_cancel_in_a_pair(changes):
    # own rents return to the index, but linearly: their deviations cancel as well
    first, second = (changes_of(MIRRORED.with_changes(changes), replicate) for replicate in (4, 5))
    drift = np.zeros(6 + MACHINE_TYPES)
    p = prepare(MIRRORED.with_changes(changes), 3).parameters[0]
    drift[:5] = -0.5 * p["asset_volatility"] ** 2 / 52.0
    drift[5] = -0.5 * p["shocks_rent_volatility"] ** 2 / 52.0
    assert first + second == pytest.approx(np.broadcast_to(2.0 * drift, first.shape), abs=1e-13)
    assert np.abs(first - second).max() > 0.1


@pytest.mark.parametrize("changes", [{}, FAT | {"shocks.jump_intensity": 20.0}], ids=["plain", "jumps"])
def test_the_first_of_a_pair_is_what_it_was(changes):
    same = [changes_of(scenario.with_changes(changes), 4) for scenario in (TINY, MIRRORED)]
    assert np.array_equal(*same)
    other = [changes_of(scenario.with_changes(changes), 5) for scenario in (TINY, MIRRORED)]
    assert not np.array_equal(*other)


def test_jumps_have_their_mirror_too():
    # a week jumps in the first of a pair or in its mirror, never in both while the chance is below one half
    changes = {"shocks.btc_volatility": 0.0, "shocks.jump_intensity": 20.0, "shocks.jump_sd": 0.1}
    chance = 1.0 - math.exp(-20.0 / 52.0)
    quiet = -math.log(1.0 + chance * math.expm1(-0.1 + 0.005))  # what keeps the drift
    logs = [changes_of(MIRRORED.with_changes(changes), replicate)[:, 0] for replicate in (0, 1)]
    jumps = [np.abs(each - quiet) > 1e-9 for each in logs]
    assert jumps[0].any() and jumps[1].any() and not (jumps[0] & jumps[1]).any()


def test_the_opening_stays_its_own():
    for replicate in (0, 1):
        plain, mirrored = (started(scenario, replicate)[1] for scenario in (TINY, MIRRORED))
        assert plain.borrowers.tobytes() == mirrored.borrowers.tobytes()
        assert plain.loans.tobytes() == mirrored.loans.tobytes()


def test_volatilities_do_not_depend_on_how_replicates_are_drawn():
    mirrored = POOL.with_changes({"shocks.antithetic": True})
    volatilities = [prepare(scenario, 1).parameters["asset_volatility"] for scenario in (POOL, mirrored)]
    assert np.array_equal(*volatilities)


def test_the_pool_alone_has_the_same_draws():
    mirrored = POOL.with_changes({"shocks.antithetic": True})
    for replicate in (4, 5):
        alone = simulate_funding(mirrored, 3, replicate, weeks=5).assets["fundamental"][:, WITHOUT]
        assert np.diff(alone, axis=0) == pytest.approx(changes_of(mirrored, replicate)[1:5, :5], abs=1e-14)
