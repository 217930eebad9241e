"""Parts of the variance: by hand, in random effects of known size, and in runs."""

import numpy as np
import pytest
from small_economy import FIRE_SALE

from hashcredit.simulator import simulate_many
from hashcredit.simulator.errors import ScenarioError
from hashcredit.simulator.reports.variance import PARTS, components, variance_parts


def test_components_by_hand():
    # seeds (1, 3), (2, 6), (9, 9): means 2, 4, 9; within (2 + 8 + 0) / 3; between 13 less a half of that
    between, within = components(np.array([[[1.0], [3.0]], [[2.0], [6.0]], [[9.0], [9.0]]]))
    assert within == pytest.approx(10 / 3) and between == pytest.approx(13 - 10 / 6)


def effects(rng, seeds, replicates, network):
    """Outcome whose path has variance 4 + 1, its network `network` and its rest 3; and its controls."""
    x = rng.normal(size=(seeds * replicates, 3))
    own = np.repeat(rng.normal(size=seeds), replicates) * network**0.5
    return 2.0 * x[:, 0] + x[:, 1] + own + 3.0**0.5 * rng.normal(size=len(x)), x


@pytest.mark.parametrize("network", [0.0, 2.0])
def test_parts_are_those_of_random_effects(network):
    """Over 300 samples the parts are unbiased, but that `path` loses 3 of 200 of the rest to coefficients."""
    rng = np.random.default_rng(5)
    wanted = np.array([5.0, network, 3.0])
    parts, covered = [], 0
    for _ in range(300):
        y, x = effects(rng, 20, 10, network)
        (found,) = variance_parts([y], x, 20)
        parts.append([each.variance for each in found])
        assert sum(each.share for each in found) == pytest.approx(1.0, abs=1e-12)
        covered += found[0].low <= 5.0 / wanted.sum() <= found[0].high
    error = np.std(parts, axis=0) / 300**0.5
    lost = (3.0 + network) * 4 / 200
    assert (np.abs(np.mean(parts, axis=0) - wanted) <= 4 * error + [2 * lost, lost, lost]).all()
    # a jackknife of 20 for a ratio of variances; of 300 intervals the covered share has standard error .013
    assert covered / 300 == pytest.approx(0.95, abs=4 * 0.013)


def test_what_cannot_be_told_is_nan():
    y, x = effects(np.random.default_rng(6), 5, 4, 1.0)
    hole = np.where(np.arange(20) == 7, np.nan, y)
    whole, holed, still = variance_parts([y, hole, np.ones(20)], x[:, :1], 5)
    assert [each.part for each in whole] == list(PARTS)
    assert all(np.isfinite([each.variance, each.share, each.low, each.high]).all() for each in whole)
    assert all(np.isnan([each.variance, each.share, each.low, each.high]).all() for each in holed)
    assert all(each.variance == 0.0 and np.isnan(each.share) for each in still)


def test_of_runs():
    many = simulate_many(FIRE_SALE, seeds=range(6), replicates=10, progress=False)
    table = many.variance_parts.set_index(["scalar", "part"])
    assert (table["scenario"] == "small").all() and len(table) == 3 * len(many.scalars)
    total = table.loc["units_unsold", "variance"].sum()
    values = many.scalars["units_unsold"].reshape(6, 10, 1).astype(float)
    assert total == pytest.approx(float(sum(components(values))[0]), rel=1e-12)
    assert table.loc["units_unsold", "share"].sum() == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize(
    ("given", "changes", "said"),
    [
        ({"seed": 1, "replicates": 4}, {}, "^seeds: 1 is not allowed; expected three seeds at least"),
        ({"seeds": range(4), "replicates": 1}, {}, "^replicates: 1 is not allowed; expected two of each"),
        ({"seeds": range(4), "replicates": 2}, {"shocks.antithetic": True}, "^shocks.antithetic: True"),
    ],
)
def test_what_has_no_parts_is_refused(given, changes, said):
    many = simulate_many(FIRE_SALE.with_changes({"horizon_weeks": 4, **changes}), **given)
    with pytest.raises(ScenarioError, match=said):
        _ = many.variance_parts


def test_without_a_control_nothing_is_told_of_paths():
    """Six runs are too few for a control: two components are left, those of the plain values."""
    many = simulate_many(FIRE_SALE, seeds=range(3), replicates=2, progress=False)
    table = many.variance_parts.set_index(["scalar", "part"])
    values = many.scalars["units_unsold"].reshape(3, 2, 1).astype(float)
    between, within = (float(each[0]) for each in components(values))
    assert table.loc[("units_unsold", "path"), "variance"] == pytest.approx(0.0, abs=1e-9 * within)
    assert table.loc[("units_unsold", "network"), "variance"] == pytest.approx(between, rel=1e-9)
    assert table.loc[("units_unsold", "rest"), "variance"] == pytest.approx(within, rel=1e-9)
