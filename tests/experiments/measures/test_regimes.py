"""The map of regimes: its search on known functions, its rays, its shares, and what it refuses."""

import json
import math
import pickle
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from small_economy import CASCADE

from hashcredit.experiments import regime_map
from hashcredit.experiments.commands import regimes as command
from hashcredit.experiments.commands.cli import main
from hashcredit.experiments.figures.style import house_style
from hashcredit.experiments.measures import regime_looks, regimes
from hashcredit.experiments.measures.regime_directions import (
    DIRECTIONS,
    FIVE,
    Direction,
    directions_of,
    ends_of,
    name_of,
    prior_end,
    radical_inverse,
    ray_as_found,
    rays_of,
    scenario_at,
    values_on,
)
from hashcredit.experiments.measures.regime_figure import draw
from hashcredit.experiments.measures.regime_search import find_crossings, first_beyond
from hashcredit.experiments.measures.regime_tables import format_regimes
from hashcredit.experiments.measures.regimes import HALVINGS, SCAN
from hashcredit.simulator import Scenario, paired_contagion, simulate
from hashcredit.simulator.channels import CHANNELS
from hashcredit.simulator.errors import ScenarioError
from hashcredit.simulator.provenance import rebuild

BASELINE = Scenario.load()
ALL = directions_of(FIVE, BASELINE)
SHORT = CASCADE.with_changes({"horizon_weeks": 25})
SEEDS = (3, 1, 8)
TWO = {"directions": ["depth", "leverage"], "halvings": 1}


@pytest.fixture(scope="module")
def found():
    return regime_map(SHORT, SEEDS, 2, **TWO, threshold=0.2, threads=2, progress=False)


# The search


def search(*curves, threshold=0.5, scan=SCAN, halvings=5):
    """Crossings of curves, and what was asked for."""
    asked = []

    def evaluate(requests):
        asked.extend(requests)
        return [curves[curve](place) for curve, place in requests]

    return find_crossings(evaluate, len(curves), threshold, scan, halvings), asked


def test_a_rising_and_a_falling_curve_cross_where_they_do():
    (rising, falling), asked = search(lambda x: x**2, lambda x: 1.0 - x)
    for crossing, at in ((rising, math.sqrt(0.5)), (falling, 0.5)):
        low, high = crossing.bracket
        assert low <= at <= high and high - low == 0.25 / 2**5
        assert crossing.at == 0.5 * (low + high) and crossing.changes == 1
        assert (crossing.values[0] >= 0.5) == (crossing is falling)
    assert len(asked) == len(set(asked)) == 2 * (len(SCAN) + 5)


def test_a_step_is_found_on_the_side_where_it_is():
    (crossing,), _ = search(lambda x: 0.25 + 0.5 * (x >= 0.3))
    assert crossing.bracket[0] < 0.3 <= crossing.bracket[1]


def test_of_several_crossings_the_first_is_told_and_all_are_counted():
    (hill, wave), _ = search(lambda x: 1.0 - 4.0 * (x - 0.5) ** 2, lambda x: math.sin(2.2 * math.pi * x) ** 2)
    assert hill.bracket[0] <= 0.5 - math.sqrt(0.125) <= hill.bracket[1] and hill.changes == 2
    assert wave.bracket[0] <= 0.25 / 2.2 <= wave.bracket[1] and wave.changes == 4


def test_a_curve_that_never_crosses_has_no_bracket():
    (low, high, nothing), asked = search(lambda x: 0.4 * x, lambda x: 0.5 + x, lambda x: math.nan)
    for crossing in (low, high, nothing):
        assert crossing.bracket is None and crossing.at == math.inf and crossing.changes == 0
    assert len(asked) == 3 * len(SCAN)


def test_a_value_at_the_threshold_is_on_the_upper_side():
    (crossing,), _ = search(lambda x: 0.5 if x == 1.0 else 0.0, halvings=0)
    assert crossing.bracket == (0.75, 1.0)


@pytest.mark.parametrize(
    ("values", "rising", "at"),
    [
        ([0.0, 0.2, 0.6], True, 0.875),
        ([0.6, 0.6, 0.2], True, 0.0),
        ([0.6, 0.6, 0.2], False, 0.625),
        ([0.1, 0.2, 0.3], True, math.inf),
        ([0.6, 0.7, 0.8], False, math.inf),
    ],
)
def test_ends_of_intervals_lie_on_straight_lines(values, rising, at):
    assert first_beyond([0.0, 0.5, 1.0], np.array(values), 0.5, rising) == pytest.approx(at, abs=1e-12)


def test_ends_of_intervals_cannot_be_told_without_intervals():
    assert math.isnan(first_beyond([0.0, 1.0], np.array([math.nan, 1.0]), 0.5, True))


# Rays


def test_rays_go_both_ways_in_pairs_around_a_plane_and_further():
    rays = rays_of(ALL, BASELINE, ("leverage", "depth"), 6)
    assert [ray.kind for ray in rays] == (
        ["single"] * 10 + ["pair"] * 10 + ["plane"] * 11 + ["all"] + ["further"] * 6
    )
    assert len({ray.steps for ray in rays}) == len({name_of(ray, ALL) for ray in rays}) == len(rays)
    for ray in rays:
        assert max(map(abs, ray.steps)) == 1.0
        assert values_on(ray, ALL, BASELINE, 0.0) == (0.25, 0.5, 1.0, 1.0, 1.0)
        end = values_on(ray, ALL, BASELINE, 1.0)
        assert all(each.least <= value <= each.most for each, value in zip(ALL, end, strict=True))
        assert any(value in (each.least, each.most) for each, value in zip(ALL, end, strict=True))


def test_further_rays_are_points_of_the_halton_sequence():
    assert [radical_inverse(k, 2) for k in (1, 2, 3, 4)] == [0.5, 0.25, 0.75, 0.125]
    assert radical_inverse(5, 3) == pytest.approx(2 / 3 + 1 / 9)
    first = next(ray for ray in rays_of(ALL, BASELINE, (), 1) if ray.kind == "further")
    # (1/2, 1/3, 1/5, 1/7, 1/11) less the middle, doubled: (0, -1/3, -3/5, -5/7, -9/11)
    np.testing.assert_allclose(first.steps, np.array([0, -1 / 3, -3 / 5, -5 / 7, -9 / 11]) * 11 / 9)


def test_a_way_that_leads_nowhere_is_no_ray():
    scenario = BASELINE.with_changes({"credit.marked_share": 1.0})
    rays = rays_of(ALL, scenario, (), 0)
    assert all(ray.steps[0] <= 0.0 for ray in rays) and len({ray.steps for ray in rays}) == len(rays)
    assert [ray.kind for ray in rays].count("single") == 9


def test_distances_are_in_widths_of_the_priors():
    ray = next(ray for ray in rays_of(ALL, BASELINE, (), 0) if name_of(ray, ALL) == "marking up, depth down")
    ends = ends_of(ray, ALL, BASELINE)
    assert ends["marking"] == pytest.approx(0.75 / 0.75)
    assert ends["depth"] == pytest.approx(-math.log(32) / math.log(9))
    assert prior_end(ray, ALL, BASELINE) == pytest.approx(math.log(3) / math.log(32))
    outside = BASELINE.with_changes({"credit.marked_share": 0.8})
    assert prior_end(ray, ALL, outside) == 0.0


def test_a_last_ray_goes_where_single_ones_do_more():
    rays = rays_of(ALL[:3], BASELINE, (), 2)
    nan = math.nan
    assert ray_as_found([(0.1, 0.2), (-0.1, -0.2), (nan, 0.1)], rays).steps == (-1.0, 0.0, -1.0)
    assert ray_as_found([(0.0, -0.1), (nan, nan), (-0.1, 0.0)], rays) is None
    assert ray_as_found([(0.2, 0.1), (0.1, 0.0), (0.1, 0.2)], rays) is None  # all the worse way


def test_ends_are_compared_towards_the_threshold():
    found = regime_map(SHORT, [1, 2], 1, directions=FIVE[:3], plane=(), further=0, halvings=0, progress=False)
    shares = {ray.ray.steps: ray.looks[-1].share.mean for ray in found.found}
    home = found.home.share.mean
    up, down = regimes._gains(found.found, threshold=0.999)[2]
    assert up == shares[0.0, 0.0, 1.0] - home and down == shares[0.0, 0.0, -1.0] - home
    assert regimes._gains(found.found, threshold=min(home, 0.001))[2] == (-up, -down)
    last = found.found[-1].ray
    if last.kind == "found":
        assert last.steps == ray_as_found(regimes._gains(found.found, 0.25), []).steps


def test_the_baseline_is_inside_all_priors():
    for each in DIRECTIONS.values():
        assert each.least <= each.prior[0] <= each.at_home(BASELINE) <= each.prior[1] <= each.most


def test_leverage_moves_what_belongs_together():
    path = BASELINE.with_changes({"repo.haircut": [[0, 0.2], [10, 0.3]]})
    twice = scenario_at(path, [DIRECTIONS["leverage"]], [2.0])
    assert twice.lenders.private_credit.equity_ratio == 0.2
    assert (twice.lenders.bank.capital_target, twice.lenders.bank.capital_minimum) == (0.05, 0.035)
    assert [value for _, value in twice.repo.haircut] == [0.1, 0.15]
    assert scenario_at(path, [DIRECTIONS["leverage"]], [1.0]) is path


def test_borrowers_open_alike_at_all_ends():
    """One thing changed, at equal debt and machines: only terms of loans differ, and who owns lenders."""
    at_home = simulate(BASELINE.with_changes({"horizon_weeks": 1}), seed=3).opening
    same = ["cash", "debt", "btc", "units"]
    borrowers = at_home["borrowers"]
    columns = [name for name in borrowers if name.split("_")[0] in same]
    assert len(columns) > 5
    for name, each in DIRECTIONS.items():
        for value in (each.least, each.most):
            scenario = scenario_at(BASELINE, [each], [value]).with_changes({"horizon_weeks": 1})
            opening = simulate(scenario, seed=3).opening
            pd.testing.assert_frame_equal(opening["borrowers"][columns], borrowers[columns], obj=name)
            for column in ("borrower", "lender", "principal", "units"):
                if column in at_home["loans"]:
                    pd.testing.assert_series_equal(opening["loans"][column], at_home["loans"][column])


# The map


def test_shares_are_those_of_paired_runs(found):
    for row in found.points.sample(4, random_state=1).to_dict("records"):
        scenario = scenario_at(SHORT, found.directions, [row["depth"], row["leverage"]])
        pairs = paired_contagion(scenario, replicates=2, seeds=SEEDS).summary.loc["defaults"]
        assert row["with_channels"] == pytest.approx(pairs["with_channels"], rel=1e-12)
        assert row["without_channels"] == pytest.approx(pairs["without_channels"], rel=1e-12)
        assert row["share"] == pytest.approx(pairs["share"], rel=1e-12, abs=1e-12)
    assert found.points["share"].abs().max() > 0.0
    assert (found.rays["opening_debt_change"] == 0.0).all()


def test_intervals_are_those_of_a_ratio_over_seeds(found):
    """4.302653 is Student's t with 2 degrees of freedom."""
    end = found.found[0].looks[-1]
    difference = end.on - end.off
    error = (difference - end.share.mean * end.on).std(ddof=1) / np.sqrt(3) / end.on.mean()
    assert end.share.high - end.share.mean == pytest.approx(4.302653 * error, rel=1e-6)


def test_the_change_of_a_ray_is_paired(found):
    """A ray's change from a point to itself has no error, whatever that of its share."""
    home = found.home
    same = regime_looks.difference(home, home)
    assert (same.mean, same.low, same.high) == (0.0, 0.0, 0.0)
    row = found.rays.iloc[0]
    assert row["change"] == pytest.approx(found.found[0].looks[-1].share.mean - home.share.mean)
    assert row["change_low"] <= row["change"] <= row["change_high"]


def test_rises_and_falls_within_their_error_leave_a_ray_monotone():
    def look(shares):
        on = np.full(4, 100.0)
        return regime_looks.Look((), on, on * (1.0 - np.array(shares)), 4, 1.0, 1.0, 1.0)

    flat, up, noisy = [0.1, 0.12, 0.1, 0.12], [0.3, 0.31, 0.32, 0.3], [0.05, 0.2, 0.01, 0.15]
    assert regime_looks.is_monotone([look(flat), look(up)])
    assert regime_looks.is_monotone([look(flat), look(noisy), look(up)])
    assert not regime_looks.is_monotone([look(flat), look(up), look(flat)])


def test_each_point_is_run_once(monkeypatch):
    arms = []
    run = regime_looks.simulate_many

    def counted(scenarios, seed, *rest, **more):
        arms.extend((each, seed) for each in scenarios)
        return run(scenarios, seed, *rest, **more)

    monkeypatch.setattr(regime_looks, "simulate_many", counted)
    done = []
    found = regime_map(SHORT, [1, 2], 1, **TWO, progress=lambda *told: done.append(told))
    assert len(arms) == len(set(arms)) == 2 * 2 * found.evaluated
    assert done[-1] == (len(arms), len(arms)) and all(a[0] < b[0] for a, b in pairwise(done))
    assert len(found.points) > found.evaluated  # rays share the scenario


def test_threads_change_nothing(found):
    again = regime_map(SHORT, SEEDS, 2, **TWO, threshold=0.2, threads=1, progress=False)
    pd.testing.assert_frame_equal(again.points, found.points, check_exact=True)
    pd.testing.assert_frame_equal(again.rays, found.rays, check_exact=True)


def test_crossings_lie_where_the_share_changes_sides(found):
    assert np.isfinite(found.rays["distance"]).any()
    for ray, row in zip(found.found, found.rays.to_dict("records"), strict=True):
        if ray.crossing.bracket is None:
            assert row["distance"] == math.inf and not row["inside"]
            continue
        low, high = (ray.crossing.values[ray.crossing.places.index(end)] for end in ray.crossing.bracket)
        assert (low >= 0.2) != (high >= 0.2)
        assert row["distance"] == pytest.approx(ray.crossing.at * ray.length)
        assert row["resolution"] == pytest.approx(ray.length / 16)  # half of an eighth
        assert row["low"] <= row["distance"] - row["resolution"] < row["distance"] + row["resolution"]
        assert row["distance"] + row["resolution"] <= row["high"] + 1e-12
    near = found.nearest
    assert near["distance"] == found.rays["distance"].min()


def test_where_nothing_happens_there_is_no_share():
    quiet = BASELINE.with_changes({"horizon_weeks": 2, "population.miners": 6, "population.neoclouds": 6})
    found = regime_map(quiet, [1, 2], 1, directions=["marking"], progress=False)
    assert found.points["share"].isna().all() and found.nearest is None
    assert "nothing of it happens" in format_regimes(found) and "no ray crosses 0.25" in format_regimes(found)
    assert "none, since there are none" in repr(found)
    with house_style():
        assert len(draw(found).axes) == 1


def test_one_seed_has_intervals_over_its_replicates():
    found = regime_map(SHORT, [1], 3, directions=["depth"], halvings=0, progress=False)
    assert len(found.home.on) == 3
    assert "this network only" in format_regimes(found)
    alone = regime_map(SHORT, [1], 1, directions=["depth"], halvings=0, progress=False)
    assert alone.rays[["low", "high"]].isna().all(axis=None)


def test_a_direction_of_ones_own():
    def volatility(scenario):
        return scenario.shocks.rent_volatility

    def changed(_, value):
        return {"shocks.rent_volatility": value}

    own = Direction(
        "rents", "volatility of rents", 0.0, 1.0, (0.15, 0.5), "C: a guess", +1, volatility, changed
    )
    found = regime_map(SHORT, [1, 2], 1, directions=[own], halvings=0, progress=False)
    assert list(found.rays["ray"]) == ["rents up", "rents down"] and found.rays["rents"].max() == 1.0


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ({"threshold": 0.0}, "threshold"),
        ({"threshold": 1.0}, "threshold"),
        ({"threshold": math.nan}, "threshold"),
        ({"threshold": True}, "threshold"),
        ({"threshold": "0.5"}, "threshold"),
        ({"measure": "recovery_rate"}, "measure"),
        ({"directions": ["depth", "width"]}, "directions"),
        ({"directions": "depth"}, "directions"),
        ({"directions": []}, "directions"),
        ({"directions": ["depth", "depth"]}, "directions"),
        ({"directions": [3]}, "directions"),
        ({"directions": ["depth"], "plane": ["depth", "leverage"]}, "plane"),
        ({"plane": ["depth"]}, "plane"),
        ({"plane": ["depth", "depth"]}, "plane"),
        ({"further": -1}, "further"),
        ({"further": 1001}, "further"),
        ({"halvings": 21}, "halvings"),
        ({"seeds": [1, 1]}, "seeds"),
        ({"replicates": 0}, "replicates"),
    ],
)
def test_what_is_not_allowed_is_refused_before_any_run(given, name, monkeypatch):
    monkeypatch.setattr(regime_looks, "simulate_many", None)
    with pytest.raises(ScenarioError, match=name):
        regime_map(SHORT, **given)


def test_a_field_that_an_intervention_sets_is_no_direction():
    later = [{"week": 5, "field": "credit.marked_share", "value": 0.5}]
    with pytest.raises(ScenarioError, match="marking"):
        regime_map(SHORT.with_changes({"interventions": later}))


def test_the_command_knows_the_names_and_defaults():
    assert set(command.DIRECTIONS) == set(DIRECTIONS) and command.MEASURES == regimes.MEASURES
    signature = regime_map.__kwdefaults__
    assert signature["further"] == regimes.FURTHER == 6 and signature["halvings"] == HALVINGS == 3
    assert regime_map.__defaults__[2] == command.REPLICATES


def test_it_can_be_kept_and_says_what_it_is(found):
    again = pickle.loads(pickle.dumps(found))
    pd.testing.assert_frame_equal(again.rays, found.rays)
    assert "3 seeds from 3, 2 replicates each" in repr(found) and "share of 0.2" in repr(found)


def test_the_table_fits_a_terminal(found):
    lines = format_regimes(found).splitlines()
    assert max(map(len, lines)) <= 80
    for name in found.rays["ray"]:
        assert any(name in line for line in lines)
    with house_style():
        assert len(draw(found).axes) == 5  # two directions, their plane with its scale, the list of pairs


def test_the_command_prints_and_writes(tmp_path, capsys):
    changes = ["horizon_weeks=12", "population.miners=6", "population.neoclouds=6"]
    changes += [f"channels.{name}=false" for name in CHANNELS[2:]]
    small = [word for change in changes for word in ("--set", change)]
    folder = tmp_path / "where"
    asked = ["--directions", "depth", "leverage", "--halvings", "0", "--threshold", "0.5"]
    words = ["regimes", "dump_10k_h100", *small, *asked, "--seeds", "2", "--seed", "4", "--replicates", "1"]
    assert main([*words, "--quiet", "--out", str(folder)]) == 0
    assert "seeds 4 to 5, 1 replicate each" in capsys.readouterr().out
    assert {path.name for path in folder.iterdir()} == {
        "points.csv", "provenance.json", "rays.csv", "regimes.pdf", "regimes.png", "scenario.toml",
    }  # fmt: skip
    record = json.loads((folder / "provenance.json").read_text())
    assert (record["threshold"], record["directions"]) == (0.5, ["depth", "leverage"])
    scenario, seed, _ = rebuild(record)
    again = regime_map(scenario, range(seed, seed + 2), 1, **TWO | {"halvings": 0}, threshold=0.5)
    pd.testing.assert_frame_equal(pd.read_csv(folder / "points.csv"), again.points, check_dtype=False)
    assert main(["regimes", "--threshold", "1.5"]) == 2
    assert main(["regimes", "--plane", "depth", "width"]) == 2
    assert "plane" in capsys.readouterr().err
