"""Designs and factors: against cases worked by hand, SciPy and SALib."""

import numpy as np
import pytest
from SALib.analyze import morris as morris_analysis
from SALib.analyze import sobol as sobol_analysis
from SALib.sample import sobol as salib_sobol
from scipy import stats

from hashcredit.experiments.study.points import Points
from hashcredit.experiments.study.study import Study

VOLATILITY, DRIFT, WEEKS, RULE = (
    "shocks.btc_volatility",
    "shocks.btc_drift",
    "horizon_weeks",
    "secondary_market.rule",
)
RANGES = {VOLATILITY: {"low": 0.5, "high": 0.8}, DRIFT: {"low": -0.2, "high": 0.2}}


def study(design, factors=None, seed=7, folder=".", **other):
    """A study around a design."""
    given = {"scenario": "baseline_2026", "seed": seed, "replicates": 2, "design": design, **other}
    return Study.from_dict(given | ({} if factors is None else {"factors": factors}), folder)


def points(design, factors=None, seed=7, **other):
    return study(design, factors, seed, **other).points()


def rows(sample):
    """All points as dictionaries."""
    return [sample.changes(point) for point in range(len(sample))]


def cube(sample):
    """Points of RANGES back in the unit cube."""
    low, width = np.array([0.5, -0.2]), np.array([0.3, 0.4])
    return (np.stack(sample.columns, axis=1) - low) / width


# Given point by point


def test_a_study_without_factors_is_one_point():
    sample = Study.from_dict({"scenario": "baseline_2026", "seed": 0, "replicates": 1}).points()
    assert rows(sample) == [{}]
    assert sample.first.tolist() == [0]


def test_a_grid_is_every_combination_the_last_factor_fastest():
    sample = points({"kind": "grid"}, {RULE: ["auction", "deep"], WEEKS: [52, 104.0]})
    assert rows(sample) == [
        {RULE: "auction", WEEKS: 52},
        {RULE: "auction", WEEKS: 104},
        {RULE: "deep", WEEKS: 52},
        {RULE: "deep", WEEKS: 104},
    ]
    assert [column.dtype for column in sample.columns] == [np.dtype(object), np.dtype(np.int64)]


def test_levels_of_a_grid_include_both_ends():
    factors = {VOLATILITY: {"low": 0.2, "high": 0.8, "scale": "log"}, "channels.repo": [True, False]}
    sample = points({"kind": "grid", "levels": 3}, factors)
    assert sample.columns[0].tolist() == pytest.approx([0.2, 0.2, 0.4, 0.4, 0.8, 0.8], rel=1e-15)
    assert sample.columns[1].tolist() == [True, False] * 3
    assert type(sample.changes(0)["channels.repo"]) is bool


def test_a_list_goes_through_its_values_side_by_side():
    """A value may come again, a point may not."""
    factors = {VOLATILITY: [0.5, 0.5, 1], "shocks.forced_default": ["none", {"week": 3}, {"week": 3}]}
    sample = points({"kind": "list"}, factors)
    assert rows(sample)[1] == {VOLATILITY: 0.5, "shocks.forced_default": {"week": 3}}
    assert sample.columns[0].dtype == np.float64


def test_a_list_from_a_file_and_from_rows(tmp_path):
    (tmp_path / "points.csv").write_text(
        f"{VOLATILITY},{RULE},{WEEKS},channels.repo,costs.lease,start_date\n"
        '0.5,auction,52,true,"[1, 2, 3]",2026-05-04\n\n1,deep,104,false,"[4, 5, 6.5]",2027-01-04\n'
    )
    from_file = points({"kind": "list", "file": "points.csv"}, folder=tmp_path)
    wanted = [
        {
            VOLATILITY: 0.5,
            RULE: "auction",
            WEEKS: 52,
            "channels.repo": True,
            "costs.lease": (1, 2, 3),
            "start_date": "2026-05-04",
        },
        {
            VOLATILITY: 1.0,
            RULE: "deep",
            WEEKS: 104,
            "channels.repo": False,
            "costs.lease": (4, 5, 6.5),
            "start_date": "2027-01-04",
        },
    ]
    assert rows(from_file) == wanted
    assert rows(points({"kind": "list", "rows": wanted})) == wanted


# Samples


@pytest.mark.parametrize("kind", ["random", "sobol"])
def test_a_longer_sample_begins_with_a_shorter_one(kind):
    short, long = (points({"kind": kind, "points": count}, RANGES) for count in (16, 64))
    for a, b in zip(short.columns, long.columns, strict=True):
        assert np.array_equal(a, b[:16])
        assert len(b) == 64


SAMPLES = [
    {"kind": "random", "points": 8},
    {"kind": "latin-hypercube", "points": 8},
    {"kind": "sobol", "points": 8},
    {"kind": "saltelli", "points": 8},
    {"kind": "morris", "trajectories": 8},
]


@pytest.mark.parametrize("design", SAMPLES, ids=lambda design: design["kind"])
def test_samples_follow_from_the_seed(design):
    one, again, other = (points(design, RANGES, seed) for seed in (7, 7, 2**40 + 7))
    assert rows(one) == rows(again)
    assert rows(one) != rows(other)


def test_random_points_are_those_of_numpy():
    u = np.random.default_rng([0, 7]).random((100, 2))
    assert cube(points({"kind": "random", "points": 100}, RANGES)) == pytest.approx(u, abs=1e-14)


def test_sobol_points_are_those_of_scipy():
    u = stats.qmc.Sobol(2, scramble=True, seed=np.random.default_rng([0, 7])).random_base2(5)
    assert cube(points({"kind": "sobol", "points": 32}, RANGES)) == pytest.approx(u, abs=1e-14)


def test_a_latin_hypercube_has_one_point_in_each_slice():
    u = cube(points({"kind": "latin-hypercube", "points": 40}, RANGES))
    for column in u.T:
        assert sorted(np.floor(column * 40).astype(int)) == list(range(40))


@pytest.mark.parametrize(("second_order", "blocks"), [(True, 6), (False, 4)])
def test_saltelli_points_are_those_of_salib(second_order, blocks):
    design = {"kind": "saltelli", "points": 16, "second_order": second_order}
    sample = points(design, RANGES)
    problem = study(design, RANGES).salib_problem()
    assert problem == {"num_vars": 2, "names": [VOLATILITY, DRIFT], "bounds": [[0.5, 0.8], [-0.2, 0.2]]}
    theirs = salib_sobol.sample(
        problem, 16, calc_second_order=second_order, seed=np.random.default_rng([0, 7])
    )
    assert len(sample) == 16 * blocks
    assert np.stack(sample.columns, axis=1) == pytest.approx(theirs, rel=1e-14)
    assert sample.unit == pytest.approx(cube(sample), abs=1e-14)


def test_saltelli_points_give_the_indices_of_a_sum():
    """y = 3 u1 + u2 has first-order indices 0.9 and 0.1."""
    made = study({"kind": "saltelli", "points": 1024}, RANGES)
    sample = made.points()
    y = 3.0 * sample.unit[:, 0] + sample.unit[:, 1]
    found = sobol_analysis.analyze(made.salib_problem(), y, seed=1)
    assert found["S1"] == pytest.approx([0.9, 0.1], abs=0.01)


def test_each_step_of_morris_changes_one_factor():
    factors = {**RANGES, RULE: ["auction", "deep"], WEEKS: {"low": 52, "high": 60}}
    made = study({"kind": "morris", "trajectories": 10, "levels": 6}, factors)
    sample = made.points()
    assert len(sample) == 10 * 5
    steps = sample.unit.reshape(10, 5, 4)
    moved = np.abs(np.diff(steps, axis=1))
    assert np.array_equal(np.sort(moved > 0, axis=2), np.tile([False] * 3 + [True], (10, 4, 1)))
    assert moved[moved > 0] == pytest.approx(0.6)  # p / (2 (p - 1)) of 6 levels
    assert set(np.rint(sample.unit.ravel() * 5) / 5) == set(sample.unit.ravel())
    for column, u in zip(sample.columns, sample.unit.T, strict=True):
        values, drawn = column.reshape(10, 5), u.reshape(10, 5)
        assert np.array_equal(values[:, 1:] != values[:, :-1], drawn[:, 1:] != drawn[:, :-1])
    effects = morris_analysis.analyze(
        made.salib_problem(), sample.unit, sample.unit @ np.array([4.0, 3.0, 2.0, 0.0]), num_levels=6
    )
    assert effects["mu"].tolist() == pytest.approx([4.0, 3.0, 2.0, 0.0], abs=1e-9)


def test_a_product_crosses_its_parts_the_first_outermost():
    parts = [
        {"kind": "grid", "factors": [RULE]},
        {"kind": "random", "points": 3, "factors": [DRIFT]},
        {"kind": "random", "points": 3, "factors": [VOLATILITY]},
    ]
    sample = points({"kind": "product", "of": parts}, {**RANGES, RULE: ["auction", "deep"]})
    assert sample.names == (RULE, DRIFT, VOLATILITY)
    rule, drift, volatility = sample.columns
    assert rule.tolist() == ["auction"] * 9 + ["deep"] * 9
    assert drift.tolist() == np.tile(np.repeat(drift[:9:3], 3), 2).tolist()
    assert volatility.tolist() == np.tile(volatility[:3], 6).tolist()
    u_drift, u_volatility = (drift[:9:3] + 0.2) / 0.4, (volatility[:3] - 0.5) / 0.3
    assert u_drift == pytest.approx(np.random.default_rng([1, 7]).random(3))
    assert u_volatility == pytest.approx(np.random.default_rng([2, 7]).random(3))


def test_a_part_of_a_product_may_bring_its_points():
    listed = {
        "kind": "list",
        "rows": [{WEEKS: 52, "channels.repo": True}, {WEEKS: 52, "channels.repo": False}],
    }
    parts = [listed, {"kind": "grid", "factors": [RULE]}]
    sample = points({"kind": "product", "of": parts}, {RULE: ["auction", "deep"]})
    assert sample.names == (WEEKS, "channels.repo", RULE)
    assert sample.columns[1].tolist() == [True, True, False, False]


# Factors


def column(factor, name=VOLATILITY, u=(0.1, 0.5, 0.9)):
    """Values of a factor at numbers in [0, 1]."""
    (made,) = study({"kind": "random", "points": 1}, {name: factor}).factors
    return made.at(np.array(u))


def cut(frozen, low, high, u):
    """Quantiles of a distribution between two values."""
    below, above = frozen.cdf(low), frozen.cdf(high)
    return frozen.ppf(below + np.array(u) * (above - below))


U = (0.1, 0.5, 0.9)
FORMS = [
    ({"low": 0.5, "high": 0.8}, stats.uniform(0.5, 0.3).ppf(U)),
    ({"distribution": "uniform", "low": 0.5, "high": 0.8}, stats.uniform(0.5, 0.3).ppf(U)),
    ({"low": 0.1, "high": 1.0, "scale": "log"}, stats.loguniform(0.1, 1.0).ppf(U)),
    ({"distribution": "log-uniform", "low": 0.1, "high": 1}, stats.loguniform(0.1, 1.0).ppf(U)),
    ({"distribution": "normal", "mean": 1.5, "sd": 0.1}, stats.norm(1.5, 0.1).ppf(U)),
    ({"distribution": "normal", "mean": 0.1, "sd": 0.2}, cut(stats.norm(0.1, 0.2), 0.0, 3.0, U)),
    (
        {"distribution": "normal", "mean": 0.5, "sd": 0.2, "low": 0.4, "high": 0.9},
        stats.truncnorm(-0.5, 2.0, 0.5, 0.2).ppf(U),
    ),
    ({"distribution": "lognormal", "median": 0.5, "sigma": 0.3}, cut(stats.lognorm(0.3, scale=0.5), 0, 3, U)),
    (
        {"distribution": "lognormal", "median": 0.5, "sigma": 0.8, "low": 0.2, "high": 1},
        cut(stats.lognorm(0.8, scale=0.5), 0.2, 1.0, U),
    ),
    (
        {"distribution": "triangular", "low": 0.2, "mode": 0.3, "high": 0.7},
        stats.triang(0.2, 0.2, 0.5).ppf(U),
    ),
    ({"distribution": "triangular", "low": 0.2, "mode": 0.2, "high": 0.7}, stats.triang(0, 0.2, 0.5).ppf(U)),
    ({"distribution": "beta", "low": 0.2, "high": 0.7, "a": 2, "b": 5}, stats.beta(2, 5, 0.2, 0.5).ppf(U)),
]


@pytest.mark.parametrize(("form", "expected"), FORMS, ids=str)
def test_quantiles(form, expected):
    assert column(form) == pytest.approx(expected, rel=1e-9)
    many = column(form, u=np.linspace(0.0, 1.0, 1001))
    assert np.all(np.diff(many) >= 0.0)
    assert many.min() >= 0.0 and many.max() <= 3.0


def test_ends_of_a_range_are_exact():
    assert column({"low": 0.1, "high": 0.7}, u=(0.0, 1.0)).tolist() == [0.1, 0.7]
    assert column({"low": 0.1, "high": 0.7, "scale": "log"}, u=(0.0, 1.0)).tolist() == [0.1, 0.7]


def test_whole_numbers_of_a_range_are_equally_likely():
    u = (np.arange(7000) + 0.5) / 7000
    values, counts = np.unique(column({"low": 52, "high": 58}, WEEKS, u), return_counts=True)
    assert values.tolist() == list(range(52, 59))
    assert counts.tolist() == [1000] * 7
    assert values.dtype == np.int64


def test_other_whole_numbers():
    """A log scale cuts [low, high + 1); a distribution gives the nearest."""
    assert column({"low": 1, "high": 7, "scale": "log"}, WEEKS, (0.0, 0.34, 0.67, 1.0)).tolist() == [
        1,
        2,
        4,
        7,
    ]
    triangle = {"distribution": "triangular", "low": 50, "mode": 52, "high": 54}
    assert column(triangle, WEEKS, (0.0, 0.1, 0.5, 1.0)).tolist() == [50, 51, 52, 54]  # 50.894 at 0.1


def test_a_list_in_a_sample_gives_every_entry_its_share():
    assert column(["auction", "impact", "deep"], RULE, (0.0, 0.33, 0.34, 0.66, 0.67, 1.0)).tolist() == [
        "auction",
        "auction",
        "impact",
        "impact",
        "deep",
        "deep",
    ]


# Points


def test_identical_points_are_found():
    texts = np.array(["a", "b", "a", "a"], dtype=object)
    numbers = np.array([1, 1, 1, 2])
    assert Points(("x", "y"), (texts, numbers)).first.tolist() == [0, 1, 0, 3]
    tables = np.array([{"a": 1}, {"a": 2}, {"a": 1}], dtype=object)
    assert Points(("x",), (tables,)).first.tolist() == [0, 1, 0]
    sample = points({"kind": "random", "points": 500}, {RULE: ["auction", "deep"], WEEKS: [10, 20, 30]})
    everything = rows(sample)
    assert sample.first.tolist() == [everything.index(row) for row in everything]
    assert sample.first.dtype == np.int64


def test_a_point_that_does_not_exist():
    with pytest.raises(IndexError, match="point 2 of 1"):
        Points((), ()).changes(2)
