"""Contagion as a paired counterfactual: the twins differ in the channels alone, and nothing else moves."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from small_economy import FIRE_SALE

from hashcredit import simulator
from hashcredit.experiments.commands.cli import main
from hashcredit.simulator import Scenario, paired_contagion, simulate_many
from hashcredit.simulator.channels import CHANNELS
from hashcredit.simulator.errors import ScenarioError
from hashcredit.simulator.runs.counterfactual import MEASURES
from hashcredit.simulator.scenario.fields.channels import Channels

ALL_OFF = {f"channels.{name}": False for name in CHANNELS}


def test_channels_are_the_five_of_the_model() -> None:
    assert set(CHANNELS) == {"fire_sale", "repo", "lender_credit", "interlender", "macro_funding"}
    assert tuple(Channels.model_fields) == CHANNELS


@pytest.mark.parametrize("name", CHANNELS)
def test_one_function_asks_whether_a_channel_is_on(name: str) -> None:
    kernels = [file.read_text() for file in Path(simulator.__file__).parent.rglob("*.py")]
    assert sum(source.count(f"channels_{name}") for source in kernels) == 1


def test_the_command_compares_channels(capsys) -> None:
    command = ["compare", "dump_10k_h100", "--replicates", "3", "--quiet", "--set", "horizon_weeks=20"]
    assert main([*command, "--channels", "fire_sale", "interlender"]) == 0
    said = " ".join(capsys.readouterr().out.split())  # lines end where a terminal does
    assert "the same draws with fire_sale, interlender off and on" in said and "on - off" in said
    assert main([*command, "--channels"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "fire_sale, repo, lender_credit, interlender, macro_funding off" in said
    assert main([*command, "--channels", "repo", "repo"]) == 2
    assert main([*command, "--channels", "--markets", "deep"]) == 2


def test_contagion_is_exactly_zero_where_all_channels_are_off() -> None:
    found = paired_contagion(FIRE_SALE.with_changes(ALL_OFF), seed=3, replicates=6)
    assert (found.differences.to_numpy() == 0.0).all()
    pd.testing.assert_frame_equal(found.with_channels, found.without_channels)
    summary = found.summary
    assert (summary[["difference", "standard_error", "low", "high"]].to_numpy() == 0.0).all()


def test_arms_are_the_runs_of_simulate_many() -> None:
    found = paired_contagion(FIRE_SALE, seed=3, replicates=5, threads=1)
    for arm, scenario in (
        (found.with_channels, FIRE_SALE),
        (found.without_channels, FIRE_SALE.with_changes(ALL_OFF)),
    ):
        pd.testing.assert_frame_equal(arm, simulate_many(scenario, seed=3, replicates=5).summary)
    left, right = found.with_channels["units_unsold"], found.without_channels["units_unsold"]
    assert (found.differences["contagion_units_unsold"] == left - right).all()
    assert (left != right).any()


def test_summary_is_the_mean_difference_with_a_student_interval() -> None:
    found = paired_contagion(FIRE_SALE, seed=3, replicates=8)
    for measure in MEASURES:
        sample = found.differences[f"contagion_{measure}"].to_numpy(float)
        row = found.summary.loc[measure]
        assert row["difference"] == pytest.approx(sample.mean(), rel=1e-12)
        error = sample.std(ddof=1) / np.sqrt(8)
        assert row["standard_error"] == pytest.approx(error, rel=1e-12)
        # 2.364624 is the 97.5 % point of Student's t with 7 degrees of freedom
        assert row["high"] - row["low"] == pytest.approx(2 * 2.364624 * error, rel=1e-6)
        assert row["share"] == pytest.approx(row["difference"] / row["with_channels"], rel=1e-12)


def test_antithetic_replicates_have_intervals_over_pairs() -> None:
    scenario = FIRE_SALE.with_changes({"shocks.antithetic": True})
    spread = paired_contagion(scenario, seed=2, replicates=6, progress=False)
    for measure in MEASURES:
        pairs = spread.differences[f"contagion_{measure}"].to_numpy().reshape(3, 2).mean(axis=1)
        row = spread.summary.loc[measure]
        assert row["difference"] == pytest.approx(pairs.mean(), rel=1e-12)
        assert row["standard_error"] == pytest.approx(pairs.std(ddof=1) / np.sqrt(3), rel=1e-12)


def test_several_seeds_are_pairs_of_each_with_intervals_over_them() -> None:
    found = paired_contagion(FIRE_SALE, seeds=(3, 9, 4), replicates=2)
    assert found.seeds == (3, 9, 4) and found.together == 2 and len(found.differences) == 6
    for place, seed in enumerate(found.seeds):
        rows = slice(2 * place, 2 * place + 2)
        alone = paired_contagion(FIRE_SALE, seed=seed, replicates=2)
        for arm in ("with_channels", "without_channels", "differences"):
            part = getattr(found, arm).iloc[rows].reset_index(drop=True)
            pd.testing.assert_frame_equal(part, getattr(alone, arm))
    for measure in MEASURES:
        of_seeds = found.differences[f"contagion_{measure}"].to_numpy(float).reshape(3, 2).mean(axis=1)
        row = found.summary.loc[measure]
        assert row["difference"] == pytest.approx(of_seeds.mean(), rel=1e-12)
        assert row["standard_error"] == pytest.approx(of_seeds.std(ddof=1) / np.sqrt(3), rel=1e-12)
        # 4.302653 is the 97.5 % point of Student's t with 2 degrees of freedom
        width = 2 * 4.302653 * row["standard_error"]
        assert row["high"] - row["low"] == pytest.approx(width, rel=1e-6)


def test_some_channels_only() -> None:
    found = paired_contagion(FIRE_SALE, seed=3, replicates=3, channels=["interlender"])
    twin = simulate_many(FIRE_SALE.with_changes({"channels.interlender": False}), seed=3, replicates=3)
    pd.testing.assert_frame_equal(found.without_channels, twin.summary)
    assert found.channels == ("interlender",)


def test_one_replicate_has_no_interval() -> None:
    summary = paired_contagion(FIRE_SALE, seed=3, replicates=1).summary
    assert summary["low"].isna().all() and summary["difference"].notna().all()


def test_unknown_channels_are_refused() -> None:
    with pytest.raises(ScenarioError, match=r"channels: 'firesale' is not allowed; expected names out of"):
        paired_contagion(FIRE_SALE, channels=["firesale"])
    with pytest.raises(ScenarioError, match="replicates"):
        paired_contagion(FIRE_SALE, replicates=0)


def test_switches_leave_the_draws_alone() -> None:
    """What is drawn, and not dealt: BTC without this economy, rents of types, all the same in both arms."""
    from hashcredit.simulator import simulate

    on, off = (simulate(s, seed=3, replicate=1) for s in (FIRE_SALE, FIRE_SALE.with_changes(ALL_OFF)))
    assert (on.series["tightness_exogenous"] == off.series["tightness_exogenous"]).all()
    assert (on.tables["machines"]["idiosyncratic"] == off.tables["machines"]["idiosyncratic"]).all()


def test_the_fire_sale_is_what_spreads_in_the_packaged_dump() -> None:
    """The mean difference in creditors' losses of 60 replicates exceeds four of its standard errors."""
    row = paired_contagion(Scenario.load("dump_10k_h100"), seed=1, replicates=60).summary.loc[
        "creditor_loss_musd"
    ]
    assert row["difference"] > 4.0 * row["standard_error"] > 0.0
