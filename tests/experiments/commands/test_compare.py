"""Comparisons: the same draws in each arm, paired, and printed."""

import pytest
from small_command import SMALL, small_scenario

from hashcredit.experiments.commands.cli import main
from hashcredit.experiments.folder.compare import compare, format_comparison, market_arms
from hashcredit.simulator import simulate_many


def test_comparison_pairs_the_same_draws():
    scenario = small_scenario(**{"horizon_weeks": 40})
    result = compare(
        "under each market rule", market_arms(scenario, ["auction", "deep"]), seed=3, replicates=6
    )
    for place, market in enumerate(("auction", "deep")):
        alone = simulate_many(scenario.with_changes({"secondary_market.rule": market}), 3, 6).summary
        assert result.levels["defaults"][place].mean == alone["defaults"].mean()
    same = compare("under each market rule", market_arms(scenario, ["deep"]), seed=3, replicates=6)
    assert same.differences["defaults"] == () and same.levels["defaults"][0] == result.levels["defaults"][1]
    means = [estimate.mean for estimate in result.levels["proceeds_musd"]]
    assert result.differences["proceeds_musd"][0].mean == pytest.approx(means[1] - means[0], abs=1e-9)


def test_comparison_of_several_networks_has_intervals_over_them():
    arms = market_arms(small_scenario(**{"horizon_weeks": 40}), ["auction", "deep"])
    result = compare("under each market rule", arms, seeds=(3, 8, 5), replicates=2)
    means = [
        [compare("", arms, seed=seed, replicates=2).differences[name][0].mean for seed in (3, 8, 5)]
        for name in ("proceeds_musd", "units_unsold")
    ]
    for name, of_seeds in zip(("proceeds_musd", "units_unsold"), means, strict=True):
        (found,) = result.differences[name]
        mean = sum(of_seeds) / 3
        assert (found.n, found.mean) == (6, pytest.approx(mean, rel=1e-9))
        error = (sum((each - mean) ** 2 for each in of_seeds) / 2 / 3) ** 0.5
        assert found.standard_error == pytest.approx(error, rel=1e-9)
    assert "over 3 networks, one a seed" in format_comparison(result)


def test_compare_prints_both_tables(capsys):
    assert main(["compare", *SMALL, "--seeds", "1", "--replicates", "3", "--markets", "deep", "auction"]) == 0
    said = capsys.readouterr().out
    assert "seed 1, 3 replicates, the same draws\nunder each market rule" in said
    assert "standard errors and intervals: this network only" in said
    assert "auction - deep" in said and "paper value at seizure, M$" in said
    assert all(words in said for words in ("facility defaults", "facilities handed back", "lender failures"))
    assert max(map(len, said.splitlines())) <= 80
    expected = compare(
        "under each market rule", market_arms(small_scenario(), ["deep", "auction"]), seed=1, replicates=3
    )
    assert said == format_comparison(expected) + "\n"
