"""A healthy state in the middle of a run, which tests of `--check` damage."""

import pytest
from damage import SCENARIO, WEEKS

from hashcredit.simulator.errors import SimulationError
from hashcredit.simulator.reports.checks import check_identities
from hashcredit.simulator.setup.prepare import allocate, clear, prepare, reported_copy
from hashcredit.simulator.state.arrays import TABLES
from hashcredit.simulator.week.step import open_economy, run_weeks


@pytest.fixture(scope="module")
def world():
    """A healthy state in the middle of a run, and its opening."""
    setup = prepare(SCENARIO, 1)
    economy = allocate(setup, series=False, events=10_000)
    clear(economy, setup)
    open_economy(economy, setup.parameters, 1, 0)
    opening = reported_copy(economy)
    run_weeks(economy, setup.parameters, 1, 0, WEEKS)
    return economy, opening


@pytest.fixture
def state(world):
    """A copy that a test may damage."""
    economy, _ = world
    return economy.copy_with(*TABLES, "flows", "revaluations", "macro_flows")


@pytest.fixture
def caught(world, state):
    """Check the damaged state; return the complaint."""

    def complaint():
        with pytest.raises(SimulationError) as error:
            check_identities(state, world[1], "trading")
        text = str(error.value)
        assert text.startswith(f"week {WEEKS}, after trading: ")
        assert error.value.exit_code == 1
        return text

    return complaint
