"""State arrays: whatever is declared is allocated, cleared, copied and refused accordingly."""

import numpy as np
import pytest

from hashcredit.agents.rows import CACHE_LINE, MACHINES, Column, columns_of, row
from hashcredit.simulator import Scenario
from hashcredit.simulator.setup.prepare import allocate, clear, prepare, reported_copy
from hashcredit.simulator.state.arrays import FIELDS, STATE
from hashcredit.simulator.state.economy import Economy
from hashcredit.simulator.state.fields import Role
from hashcredit.simulator.state.outcomes import OUTCOMES, SCALARS, summarise


@pytest.fixture(scope="module")
def setup():
    sizes = {"population.miners": 3, "population.neoclouds": 4, "horizon_weeks": 10}
    return prepare(Scenario.load().with_changes(sizes), 1)


@pytest.fixture
def economy(setup):
    return allocate(setup, series=True, events=100, tape=100)


@pytest.mark.parametrize("name", FIELDS)
def test_an_array_is_what_its_declaration_says(economy, name):
    array, field = getattr(economy, name), FIELDS[name]
    assert array.dtype == field.dtype and field.fits(array.shape) and field.meaning
    if field.is_table and field.role is not Role.GIVEN:
        assert array.ctypes.data % CACHE_LINE == 0


def test_arrays_of_another_shape_are_refused(economy):
    arrays = {name: getattr(economy, name) for name in FIELDS}
    for wrong in (np.zeros((3, FIELDS["payments_due"].shape[1])), np.zeros(2), np.zeros((2, 12), np.int64)):
        with pytest.raises(TypeError, match="payments_due must be a contiguous array of float64"):
            Economy(economy.rules, **{**arrays, "payments_due": wrong})


def test_clearing_leaves_nothing_of_a_replicate(economy, setup):
    """The state is blank but for what a setup says of machines; what all replicates share is not touched."""
    given = {name: getattr(economy, name).tobytes() for name, f in FIELDS.items() if f.role is Role.GIVEN}
    for name in STATE:
        getattr(economy, name).view(np.uint8).fill(1)
    clear(economy, setup)
    assert not any(getattr(economy, name).view(np.uint8).any() for name in STATE if name != "machines")
    for column in columns_of(economy.machines.dtype):
        assert economy.machines[column.name].tobytes() == setup.machines[column.name].tobytes()
    assert given == {name: getattr(economy, name).tobytes() for name in given}


def test_a_reported_copy_has_a_state_of_its_own(economy):
    copy = reported_copy(economy)
    shared = {name for name in FIELDS if np.shares_memory(getattr(copy, name), getattr(economy, name))}
    assert not shared & set(STATE)
    assert shared >= {name for name in set(FIELDS) - set(STATE) if getattr(economy, name).size}


def test_a_row_is_laid_out_as_its_columns_say():
    columns = (Column("kind", "i1", "code"), Column("units", "i8", "held", by=MACHINES))
    dtype = row(*columns, whole_lines=True)
    assert columns_of(dtype) == columns
    assert dtype.names == ("kind", "units") and dtype["units"].shape == (12,)
    assert (dtype.itemsize, dtype.fields["units"][1]) == (2 * CACHE_LINE, 8)


def test_scalars_come_from_their_rows():
    """A field as it is; a ratio is NaN where there is nothing to divide by."""
    outcomes = np.zeros(2, OUTCOMES)
    outcomes["resolved_claims"][1], outcomes["resolved_recoveries"][1] = 4.0, 1.0
    outcomes["weeks"], outcomes["tightness_sum"] = (0, 4), (0.0, 1.0)
    outcomes["repo_calls"] = (3, 5)
    found = summarise(outcomes)
    assert list(found) == [scalar.name for scalar in SCALARS]
    np.testing.assert_array_equal(found["recovery_rate"], [np.nan, 0.25])
    np.testing.assert_array_equal(found["loss_given_default"], [np.nan, 0.75])
    np.testing.assert_array_equal(found["realised_to_paper"], [np.nan, np.nan])
    assert found["mean_tightness"].tolist() == [0.0, 0.25]
    assert found["repo_calls"].tolist() == [3, 5]
