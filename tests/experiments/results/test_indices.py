"""Sensitivity indices: against a function whose indices are known, and where runs have no value."""

import shutil

import numpy as np
import pytest
from stores import chunks, fail_rows, make_store, rewrite
from studies import little_study, on_threads

from hashcredit.experiments import Results
from hashcredit.experiments.results import indices as module
from hashcredit.experiments.results.indices import remarks
from hashcredit.experiments.results.kept import ResultsError
from hashcredit.experiments.results.sensitivity import KINDS, analyse, correlation_ratio, slices_of

NAMES = ("a", "b", "c")
RANGES = {
    "shocks.btc_volatility": {"low": 0.4, "high": 0.9},
    "credit.policy_rate": {"low": 0.02, "high": 0.06, "scale": "log"},
    "credit.marked_share": {"distribution": "triangular", "low": 0.1, "mode": 0.2, "high": 0.9},
}


def ishigami(u, a=7.0, b=0.1):
    """Ishigami and Homma (1990), on the unit cube; u has shape (points, 3)."""
    x = np.pi * (2.0 * np.asarray(u) - 1.0)
    return np.sin(x[:, 0]) + a * np.sin(x[:, 1]) ** 2 + b * x[:, 2] ** 4 * np.sin(x[:, 0])


def known(a=7.0, b=0.1):
    """Its first-order and total indices."""
    variance = a**2 / 8 + b * np.pi**4 / 5 + b**2 * np.pi**8 / 18 + 0.5
    both = 8 * b**2 * np.pi**8 / 225 / variance
    first = np.array([0.5 * (1 + b * np.pi**4 / 5) ** 2, a**2 / 8, 0.0]) / variance
    return first, first + np.array([both, 0.0, both])


def sample(kind, seed=0, **keys):
    design = KINDS[kind](kind=kind, **keys)
    return design, design.units(3, np.random.default_rng([0, seed]))


def by_name(found):
    return {(one.name, one.factor, one.other): one for one in found}


# The analysers


def test_saltelli_finds_the_indices_of_ishigami():
    """SALib's intervals reach about .06 to either side with 1,024 blocks; errors are within 1.5 of them."""
    first, total = known()
    found = by_name(analyse(*_given("saltelli", points=1024)))
    for place, name in enumerate(NAMES):
        for index, truth in (("S1", first[place]), ("ST", total[place])):
            one = found[index, name, ""]
            assert abs(one.value - truth) < 1.5 * (one.high - one.value) < 0.15, one
    pair = found["S2", "a", "c"]
    assert pair.low < total[2] < pair.high and pair.low > 0.0
    assert abs(found["S2", "a", "b"].value) < 0.1


def _given(kind, **keys):
    design, units = sample(kind, **keys)
    return design, NAMES, units, ishigami(units)


@pytest.mark.parametrize(
    ("kind", "points", "error"),
    [("sobol", 1024, 0.02), ("sobol", 256, 0.06), ("latin-hypercube", 1000, 0.07), ("random", 1000, 0.07)],
)
def test_samples_without_blocks_have_first_order_indices(kind, points, error):
    """Eight samples each. Independent points err by .023 (one standard deviation); .07 is three of these."""
    first, _ = known()
    for seed in range(8):
        design, units = sample(kind, seed, points=points)
        found = analyse(design, NAMES, units, ishigami(units), resamples=50)
        assert [one.name for one in found] == ["S1"] * 3
        np.testing.assert_allclose([one.value for one in found], first, rtol=0.0, atol=error)


def test_the_variance_between_slices_is_what_it_says():
    outcome = np.array([0.0, 2.0, 1.0, 3.0, 8.0, 10.0, 9.0, 11.0])
    slices = np.repeat([0, 1], 4)
    total, within = np.sum((outcome - 5.5) ** 2), 5.0 + 5.0
    assert correlation_ratio(slices, outcome, even=True) == pytest.approx(1.0 - within / total, rel=1e-12)
    expected = 1.0 - (within / 6) / (total / 7)
    assert correlation_ratio(slices, outcome, even=False) == pytest.approx(expected, rel=1e-12)
    found = slices_of(np.random.default_rng(1).random(64))
    assert np.bincount(found).tolist() == [8] * 8


def test_morris_finds_the_effects_of_a_plane():
    design, units = sample("morris", trajectories=12)
    found = by_name(analyse(design, NAMES, units, 3.0 * units[:, 0] - 2.0 * units[:, 1]))
    assert found["mu", "b", ""].value == pytest.approx(-2.0, abs=1e-12)
    assert found["mu_star", "b", ""].value == pytest.approx(2.0, abs=1e-12)
    assert found["mu_star", "b", ""].low == pytest.approx(2.0, abs=1e-12)
    assert found["sigma", "a", ""].value == pytest.approx(0.0, abs=1e-12)
    assert np.isnan(found["mu", "a", ""].low) and found["mu_star", "c", ""].value == 0.0


@pytest.mark.parametrize(
    "keys", [{"kind": "saltelli", "points": 16}, {"kind": "sobol", "points": 64}], ids=str
)
def test_without_variance_there_are_no_shares_of_it(keys):
    design, units = sample(**keys)
    assert all(np.isnan(one.value) for one in analyse(design, NAMES, units, np.ones(len(units))))


# Of a study


@pytest.fixture(scope="module")
def saltelli(tmp_path_factory):
    """A Saltelli design of 32 blocks of eight points, two replicates, in files of 64 runs."""
    return swept(tmp_path_factory.mktemp("saltelli"), {"kind": "saltelli", "points": 32})


def swept(folder, design, replicates=2, **more):
    study = little_study(folder, replicates, design=design, factors=RANGES, **more)
    on_threads(study, folder / "store", chunk=64)
    return folder / "store"


def of_units(results):
    """Ishigami of what was drawn, as a quantity of a study."""
    units = module.drawn_again(results).units

    def quantity(runs):
        return ishigami(units[runs["point"].to_numpy()])

    return {"ishigami": quantity}


def test_a_study_has_the_indices_of_its_points(saltelli):
    results = Results.open(saltelli)
    sample_of = module.drawn_again(results)
    table = results.indices(of_units(results), resamples=50)
    expected = analyse(
        sample_of.design, results.factors, sample_of.units, ishigami(sample_of.units), resamples=50
    )
    assert table["value"].tolist() == pytest.approx([one.value for one in expected], rel=1e-12)
    assert table["low"].tolist() == pytest.approx([one.low for one in expected], rel=1e-12)
    assert set(table["blocks"]) == {32} and set(table["dropped"]) == {0} and set(table["unit"]) == {""}
    assert remarks(results, table) == []
    both = results.indices(["units_dumped", "creditor_loss_musd"], resamples=50)
    assert both["outcome"].drop_duplicates().tolist() == ["units_dumped", "creditor_loss_musd"]
    assert (both["noise"].dropna() > 0.0).all()


def test_blocks_with_a_failed_or_undefined_point_are_left_out(saltelli, tmp_path):
    folder = shutil.copytree(saltelli, tmp_path / "store")
    rewrite(chunks(folder)[1], lambda table: fail_rows(table, 4))  # runs 64 to 67: both of points 32 and 33
    rewrite(chunks(folder)[3], lambda table: fail_rows(table, 1))  # one replicate of point 96 of two
    results = Results.open(folder)
    whole = of_units(results)["ishigami"]

    def holes(runs):
        return np.where(runs["point"] == 255, np.nan, whole(runs))

    table = results.indices({"holes": holes}, resamples=50)
    row = table.iloc[0]
    assert (row["blocks"], row["dropped"]) == (30, 2)  # blocks 4 and 31
    assert (row["undefined"], row["failed"], row["missing"]) == (2, 5, 0)
    drawn = module.drawn_again(results)
    kept = np.delete(np.arange(256).reshape(32, 8), [4, 31], axis=0).ravel()
    expected = analyse(
        drawn.design, results.factors, drawn.units[kept], ishigami(drawn.units[kept]), resamples=50
    )
    assert table["value"].tolist() == pytest.approx([one.value for one in expected], rel=1e-12)
    assert remarks(results, table) == ["holes: 2 of 32 blocks left out (5 runs failed, 2 runs undefined)"]
    with pytest.raises(ResultsError, match=r"of: 'none'.*at least 4 complete blocks; 0 of 32 are"):
        results.indices({"none": lambda runs: np.full(len(runs), np.nan)})


def test_identical_points_are_points(tmp_path):
    """Of a Morris sample on a lattice of two levels many points are the same, and are run once."""
    results = Results.open(swept(tmp_path, {"kind": "morris", "trajectories": 8, "levels": 2}))
    assert (results.points["same_as"] != results.points["point"]).any()
    units = module.drawn_again(results).units
    plane = {"plane": lambda runs: 3.0 * units[runs["point"].to_numpy(), 1]}
    table = results.indices(plane).set_index(["index", "factor"])["value"]
    assert table["mu", "credit.policy_rate"] == pytest.approx(3.0, abs=1e-12)
    assert table["mu_star", "shocks.btc_volatility"] == 0.0
    assert set(results.indices(["defaults"])["unit"]) == {"borrowers"}


def test_common_draws_are_no_noise_between_points(tmp_path):
    """A replicate that moves all points alike moves no difference; draws of their own move each by itself."""
    quantity = {"moved": lambda runs: runs["shocks.btc_volatility"] + 5.0 * runs["replicate"]}
    design = {"kind": "random", "points": 64}
    common = Results.open(swept(tmp_path, design))
    assert common.indices(quantity)["noise"].max() < 1e-20
    (tmp_path / "own").mkdir()
    own = Results.open(swept(tmp_path / "own", design, common_random_numbers=False))
    spread = np.var(own.points["shocks.btc_volatility"])
    assert own.indices(quantity)["noise"].iloc[0] == pytest.approx(12.5 / 2 / spread, rel=1e-9)


def test_what_has_no_indices_is_refused(results, tmp_path):
    with pytest.raises(
        ResultsError, match=r"design: 'grid'.*has indices \(morris, saltelli, sobol, latin-hyper"
    ):
        results.indices()
    lone = make_store(tmp_path / "lone", {"design": {"kind": "grid"}, "factors": {}, "replicates": 1})
    with pytest.raises(ResultsError, match="design: 'grid'"):
        Results.open(lone).indices()


def test_arguments_and_other_samples_are_refused(saltelli, monkeypatch):
    results = Results.open(saltelli)
    for wrong, message in (
        ({"level": 1.0}, "level: 1.0"),
        ({"resamples": 1}, "resamples: 1"),
        ({"seed": 0}, "seed: 0"),
        ({"of": ["default"]}, "did you mean 'defaults'"),
    ):
        with pytest.raises(ResultsError, match=message):
            results.indices(**wrong)
    other = KINDS["saltelli"](kind="saltelli", points=32).units(3, np.random.default_rng(99))
    monkeypatch.setattr(KINDS["saltelli"], "units", lambda *_: other)
    with pytest.raises(ResultsError, match="a sample that the libraries installed here draw again"):
        results.indices()


@pytest.mark.parametrize(
    "values",
    [["auction", "deep"], [[[0, 0.2]], [[0, 0.1], [4, 0.9]]], ["2026-04-06", "2026-07-06"], [True, False]],
    ids=["words", "tables", "dates", "switches"],
)
def test_lists_are_recognised(values, tmp_path):
    names = {"deep": "secondary_market.rule", "2026-07-06": "start_date", "False": "channels.repo"}
    name = names.get(str(values[1]), "funding.external_share")
    design = {"kind": "random", "points": 8}
    results = Results.open(
        make_store(tmp_path / "s", {"design": design, "factors": {name: values}, "replicates": 1})
    )
    drawn = module.drawn_again(results)
    assert drawn.units.shape == (8, 1)
    with pytest.raises(ResultsError, match="at least 64 complete points; 8 of 8 are"):
        results.indices()
