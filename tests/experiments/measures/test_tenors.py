"""Machine loans by tenor: equal debts, lives and losses that are known by arithmetic, honest intervals."""

import json
import math

import numpy as np
import pandas as pd
import pytest

from hashcredit.agents.dimensions import GRADES, Instrument, LoanStatus
from hashcredit.agents.units import WEEK
from hashcredit.experiments import tenor_frontier
from hashcredit.experiments.commands.cli import main
from hashcredit.experiments.figures.style import house_style
from hashcredit.experiments.measures.spread_sums import BASIS_POINT
from hashcredit.experiments.measures.tenor_figure import PANELS, draw
from hashcredit.experiments.measures.tenor_sums import (
    COHORTS,
    OF_COHORTS,
    OF_WHOLE_RUNS,
    TOLD,
    jackknifed,
    told_of_run,
    without_each,
)
from hashcredit.experiments.measures.tenor_tables import format_tenors
from hashcredit.experiments.measures.tenors import EQUAL_ADVANCE, EQUAL_DEBT, YEAR, arms
from hashcredit.simulator import Scenario, simulate
from hashcredit.simulator.errors import ScenarioError
from hashcredit.simulator.provenance import rebuild
from hashcredit.simulator.reports.statistics import ratio_estimate
from hashcredit.simulator.runs.tapes import TapeRun, reduce_tapes
from hashcredit.simulator.setup.prepare import prepare
from hashcredit.simulator.state.outcomes import OUTCOMES
from hashcredit.simulator.state.tape import SPREADS, TAPE

SMALL = Scenario.load().with_changes({"population.miners": 6, "population.neoclouds": 6})
SAFE = SMALL.with_changes(
    {
        "credit.loan_age_weeks": 0,
        "credit.origination_ltv": 0.05,
        "credit.ltv_sd": 0.0,
        "credit.offtaker_hazard": (0.0, 0.0, 0.0, 0.0),
        "shocks.btc_volatility": 0.0,
        "miners.btc_loan_probability": 0.0,
        "miners.machine_loan_probability": 0.0,
        "credit.sweep_share": 0.0,
    }
)
"""Loans of a twentieth of their machines' price, which nothing endangers within three years.

At clouds alone, since miners repay early what machines secure that stop, and without sweeps of cash."""
SIZE = {"seeds": range(1, 4), "replicates": 2, "tenors": (1, 3, 5), "made_within": 26}


@pytest.fixture(scope="module")
def found():
    return tenor_frontier(SMALL, **SIZE, progress=False)


def value_of(found, measure, design, years, cohort="opening", column="value"):
    table = found.table
    rows = table[(table["design"] == design) & (table["tenor_years"] == years) & (table["cohort"] == cohort)]
    return rows.set_index("measure").at[measure, column]


# what is known by arithmetic


def test_without_risk_nothing_is_lost_and_lives_are_those_of_level_instalments():
    """A loan of n weeks that is owed in the first week pays n + 1 instalments: in weeks 0 to n."""
    safe = tenor_frontier(SAFE, range(1, 4), 1, tenors=(1, 2, 3), made_within=0, threads=1, progress=False)
    for design in (EQUAL_DEBT, EQUAL_ADVANCE):
        for years in (1, 2, 3):
            told = {name: value_of(safe, name, design, years) for name in OF_COHORTS}
            assert told["loans"] > 0.0 and told["pd"] == 0.0 and math.isnan(told["lgd"])
            assert told["open_share"] == 0.0
            assert abs(told["loss_share"]) < 1e-13 and abs(told["break_even_bp"]) < 1e-8
            payments = YEAR * years + 1
            assert told["life_years"] == pytest.approx(0.5 * (1 + payments) * WEEK, rel=1e-12)
            assert told["yield_bp"] == pytest.approx(told["contract_bp"], abs=0.01)  # of the polynomial


def test_sums_of_a_tape_by_hand():
    """Of the first week one that is repaid and one that fails; a new one, open; one that is made too late."""
    setup = prepare(SMALL.with_changes({"horizon_weeks": 104}), 1)
    tape = np.zeros(5, TAPE)
    tape["instrument"] = Instrument.MACHINE_LOAN
    tape["instrument"][4] = Instrument.HIGH_YIELD
    tape["week"], tape["grade"] = (-1, -1, 3, 52, -1), (0, GRADES - 1, 1, 0, 0)
    tape["drawn"], tape["growth"] = 1.0, 1.0
    tape["status"] = LoanStatus.REPAID, LoanStatus.RESOLVED, LoanStatus.DEFAULTED, LoanStatus.REPAID, 0
    tape["default_week"], tape["over_week"] = (-1, 20, 50, -1, -1), (60, 40, -1, 90, -1)
    tape["claim"] = 0.0, 0.8, 0.9, 0.0, 0.0
    tape["recovered"] = tape["recovered_pv"] = 0.0, 0.6, 0.3, 0.0, 0.0
    tape["principal"], tape["left"] = (1.0, 0.2, 0.1, 1.0, 0.0), (0.0, 0.0, 0.6, 0.0, 1.0)
    tape["principal_years"] = 0.5, 0.3, 0.2, 0.4, 0.0
    tape["annuity"], tape["interest_pv"] = 2.0, 0.1
    tape["value"] = np.array([0.1, 0.1 + 0.8 - 1.0, 0.1 + 0.4 - 1.0, 0.1, 0.0])[:, None]
    outcomes = np.zeros(1, OUTCOMES)
    outcomes["debt_start_musd"], outcomes["lender_failures"] = 7.0, 2
    told = told_of_run(TapeRun(setup, 0, tape, np.full(len(SPREADS), 0.5), outcomes), 52)
    old, new = range(len(COHORTS))
    numbers = {
        name: [float(each.of(told, cohort)[0]) for cohort in (old, new)] for name, each in OF_COHORTS.items()
    }
    assert numbers["loans"] == [2.0, 1.0] and numbers["drawn_musd"] == [2.0, 1.0]
    assert numbers["pd"] == [0.5, 1.0]
    assert numbers["lgd"][old] == pytest.approx(0.25) and math.isnan(numbers["lgd"][new])
    # what the failed loan lacks of its claim; an open claim brings nothing more where none is closed
    assert numbers["loss_share"] == pytest.approx([0.2 / 2.0, 0.1 - (-0.5 - 0.3 * 0.5)])
    assert numbers["life_years"][old] == pytest.approx(0.8 / 1.8)
    assert numbers["break_even_bp"][old] == pytest.approx(0.2 / 4.0 / BASIS_POINT)
    assert numbers["contract_bp"][old] == pytest.approx(0.2 / 4.0 / BASIS_POINT)
    assert numbers["loss_bp"][old] == pytest.approx(0.1 / (0.8 / 1.8) / BASIS_POINT)
    assert numbers["open_share"] == pytest.approx([0.0, 0.6])
    assert float(OF_WHOLE_RUNS["opening_debt_musd"].of(told, 0)[0]) == 7.0
    assert float(OF_WHOLE_RUNS["lender_failures"].of(told, 0)[0]) == 2.0
    assert math.isnan(OF_WHOLE_RUNS["uncovered_share"].of(told, 0)[0])  # nothing is lent


def test_the_interval_of_a_mean_is_students():
    """Of what is linear in the sums the jackknife gives the usual standard error of the mean."""
    rng = np.random.default_rng(3)
    groups = np.zeros(12, TOLD)
    groups["runs"] = 1.0
    groups["creditor_loss_musd"] = rng.normal(10.0, 2.0, 12)
    cases = without_each(groups.view(np.float64).reshape(12, -1))
    told = jackknifed(OF_WHOLE_RUNS["creditor_loss_musd"].of(cases, 0))
    expected = ratio_estimate(groups["creditor_loss_musd"], groups["runs"])
    assert told == pytest.approx(tuple(expected), rel=1e-10)


def test_the_interval_of_a_ratio_covers_it():
    """About 95 of 100: within four standard errors of that, of 400 samples of 20 groups."""
    rng = np.random.default_rng(4)
    covered = 0
    for _ in range(400):
        groups = np.zeros(20, TOLD)
        groups["loans"][:, 0] = rng.integers(50, 150, 20)
        hazard = rng.gamma(4.0, 0.05 / 4.0, 20)  # groups differ
        groups["defaults"][:, 0] = rng.binomial(groups["loans"][:, 0].astype(int), np.minimum(hazard, 1.0))
        cases = without_each(groups.view(np.float64).reshape(20, -1))
        share = jackknifed(OF_COHORTS["pd"].of(cases, 0))
        covered += share.low <= 0.05 <= share.high
    assert abs(covered / 400 - 0.95) < 4.0 * math.sqrt(0.95 * 0.05 / 400)


@pytest.mark.parametrize("years", [1, 5, 10])
def test_the_yield_of_a_long_loan_is_told_to_a_few_basis_points(years):
    """Level instalments at 600 bp over a policy rate of 4 %: by the tape's polynomial."""
    n = YEAR * years
    times = np.arange(1, n + 1)
    face = 1.0 - (times - 1) / n
    pays = 1.0 / n + face * (0.04 + 0.06) * WEEK
    told = np.zeros(1, TOLD)
    for place, spread in enumerate(SPREADS):
        told["values"][0, 0, place] = (pays / (1.0 + (0.04 + spread) * WEEK) ** times).sum() - 1.0
    # the error grows with the life; ten years are the longest of the default
    assert OF_COHORTS["yield_bp"].of(told, 0)[0] == pytest.approx(600.0, abs=2.0 if years == 10 else 0.05)


# a small market


def test_opening_debts_are_equal_to_the_last_bit_or_rise_with_the_tenor(found):
    opening = found.opening.set_index(["design", "tenor_years"])
    equal = opening.loc[EQUAL_DEBT]
    assert equal["equal_bits"].all() and (equal["largest_gap_musd"] == 0.0).all()
    assert equal["debt_musd"].nunique() == 1 and equal["machine_loans_musd"].nunique() == 1
    for (design, _), told in found.told.items():
        base = found.told[design, 3]
        same = np.array_equal(told["drawn"][:, 0], base["drawn"][:, 0])
        assert same == (design == EQUAL_DEBT or told is base)
    rising = opening.loc[EQUAL_ADVANCE]
    assert rising.index.tolist() == [3, 5], "a year is less than the oldest loans have run"
    assert rising.at[5, "machine_loans_musd"] > rising.at[3, "machine_loans_musd"]
    assert not rising.at[5, "equal_bits"]


def test_opening_debts_are_equal_loan_by_loan():
    """As the run itself has them; and what falls due later is another matter."""
    loans = {}
    for arm in arms(SMALL, (1, 10), 4):
        if arm.design == EQUAL_DEBT:
            opening = simulate(arm.scenario, seed=2).opening["loans"]
            loans[arm.years] = opening[opening["instrument"] == "machine_loan"]
    assert loans[1]["principal"].tolist() == loans[10]["principal"].tolist() and len(loans[1]) > 10
    assert (loans[10]["maturity_week"] > 5 * loans[1]["maturity_week"]).all()


def test_the_own_tenor_of_a_scenario_is_in_both_designs():
    years = SMALL.credit.repayment_weeks // YEAR
    both = list(arms(SMALL, (years,), 300))
    assert len(both) == 2 and both[0].scenario == both[1].scenario


def test_the_table_has_every_number_of_every_arm(found):
    table = found.table
    assert len(table) == 5 * (len(COHORTS) * len(OF_COHORTS) + len(OF_WHOLE_RUNS))
    assert found.weeks == 5 * YEAR + 26 + 104
    told = table[table["value"].notna() & table["low"].notna()]
    assert ((told["low"] <= told["value"]) & (told["value"] <= told["high"])).all()
    reference = table[(table["tenor_years"] == 3) & table["difference_low"].notna()]
    assert (reference[["difference", "difference_low", "difference_high"]] == 0.0).all(axis=None)
    assert table[table["measure"] == "pd"]["value"].between(0.0, 1.0).all()
    lives = [value_of(found, "life_years", EQUAL_DEBT, years) for years in (1, 3, 5)]
    assert lives == sorted(lives)


def test_differences_are_paired(found):
    """On the same draws: run by run, over groups of the runs of a seed."""
    told, base = (found.told[EQUAL_DEBT, years]["creditor_loss_musd"] for years in (5, 3))
    by_seed = (told - base).reshape(3, 2).mean(axis=1)
    expected = ratio_estimate(by_seed, np.ones(3))
    for column, value in zip(
        ("difference", "difference_low", "difference_high"),
        (expected.mean, expected.low, expected.high),
        strict=True,
    ):
        assert value_of(found, "creditor_loss_musd", EQUAL_DEBT, 5, "run", column) == pytest.approx(
            value, rel=1e-9
        )


def test_an_arm_is_the_scenario_run_for_long(found):
    """Against a run of one's own: loans, defaults and the scalars of the run."""
    arm = next(each for each in arms(SMALL, (5,), found.weeks) if each.design == EQUAL_ADVANCE)
    run = simulate(arm.scenario, seed=2, replicate=1)
    tape = run.loan_tape
    mine = tape[(tape["instrument"] == "machine_loan") & (tape["week"] == -1)]
    told = found.told[EQUAL_ADVANCE, 5][2 * 1 + 1]  # seed 2 is the second
    assert told["loans"][0] == len(mine)
    assert told["defaults"][0] == (mine["default_week"] >= 0).sum()
    assert told["drawn"][0] == pytest.approx(mine["drawn"].sum(), rel=1e-12)
    for name in ("creditor_loss_musd", "lender_failures", "debt_start_musd"):
        assert told[name] == run.summary[name]


def test_threads_change_nothing(found):
    again = tenor_frontier(SMALL, **SIZE, threads=1, progress=False)
    pd.testing.assert_frame_equal(found.table, again.table, check_exact=True)


def test_progress_comes_to_its_end():
    seen = []
    tenor_frontier(
        SMALL, [1], 1, tenors=(3, 4), made_within=0, progress=lambda done, total: seen.append((done, total))
    )
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert {total for _, total in seen} == {3} and seen[-1] == (3, 3), "four years are in both designs"


def test_outcomes_of_a_tape_are_those_of_its_run():
    short = SMALL.with_changes({"horizon_weeks": 30})
    told = reduce_tapes(short, [3], 2, lambda run: float(run.outcomes["debt_start_musd"][0]), threads=1)
    assert told[0] == [simulate(short, 3, replicate).summary["debt_start_musd"] for replicate in range(2)]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"tenors": ()}, "tenors: [] is not allowed; expected years from 1 to 15"),
        ({"tenors": (3, 3)}, "tenors: [3, 3]"),
        ({"tenors": (3, 16)}, "tenors: [3, 16]"),
        ({"tenors": (0, 3)}, "tenors: 0 is not allowed"),
        ({"tenors": "3"}, "tenors: '3'"),
        ({"tenors": 3}, "tenors: 3 is not allowed"),
        ({"reference": 2}, "reference: 2"),
        ({"tenors": (1, 5), "reference": 1}, "longer than credit.loan_age_weeks, 104 weeks"),
        ({"weeks": 285}, "weeks: 285 is not allowed; expected a whole number from 286"),
        ({"made_within": -1}, "made_within: -1"),
        ({"replicates": 0}, "replicates: 0"),
        ({"seeds": [1, 1]}, "seeds"),
        ({"scenario": 3}, "scenario: 3"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_refused(changes, said):
    with pytest.raises(ScenarioError) as error:
        tenor_frontier(**{"scenario": SMALL, **SIZE, **changes}, progress=False)
    assert said in str(error.value)


def test_a_scenario_that_sets_tenors_itself_is_refused():
    own = SMALL.with_changes({"interventions": [{"week": 8, "field": "credit.tenor_weeks", "value": 52}]})
    with pytest.raises(ScenarioError, match=r"interventions: 'credit\.tenor_weeks'"):
        tenor_frontier(own, **SIZE)


def test_the_words_fit_a_terminal(found):
    words = format_tenors(found)
    lines = words.splitlines()
    assert max(map(len, lines)) <= 80
    assert "owed in the first week, the same to the last bit in each run" in " ".join(lines)
    assert "Without 1: loans as old as the oldest would have been repaid." in " ".join(lines)
    assert sum(line.strip() == "whole runs" for line in lines) == 2
    assert "lost at equal opening debt" in repr(found)


def test_the_figure_has_a_panel_a_measure(found):
    with house_style():
        panels = draw(found).axes
    assert [axes.get_title(loc="left")[4:] for axes in panels] == [words for _, words, _ in PANELS]


def test_the_command_prints_and_writes(tmp_path, capsys):
    small = ["population.miners=4", "population.neoclouds=4"]
    changes = [word for change in small for word in ("--set", change)]
    size = ["--seeds", "2", "--seed", "4", "--replicates", "1", "--made-within", "4"]
    folder = tmp_path / "tenors"
    command = ["tenors", *changes, *size, "--years", "3", "4", "--reference", "4"]
    assert main([*command, "--quiet", "--out", str(folder)]) == 0
    said = capsys.readouterr().out
    assert "seeds 4 to 5, 1 replicate each, 316 weeks" in said
    assert {path.name for path in folder.iterdir()} == {
        "opening.csv", "provenance.json", "scenario.toml", "tenors.csv", "tenors.pdf", "tenors.png",
    }  # fmt: skip
    record = json.loads((folder / "provenance.json").read_text())
    assert (record["tenors"], record["reference"], record["made_within"]) == ([3, 4], 4, 4)
    again = tenor_frontier(
        rebuild(record)[0], record["seeds"], record["replicates"], tenors=record["tenors"],
        reference=record["reference"], made_within=record["made_within"], weeks=record["weeks"],
        progress=False,
    )  # fmt: skip
    kept = pd.read_csv(folder / "tenors.csv")
    pd.testing.assert_frame_equal(kept, again.table, check_dtype=False)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--years", "40"], "tenors: [40] is not allowed"),
        (["--years", "0"], "years"),
        (["--reference", "2"], "reference: 2 is not allowed"),
        (["--weeks", "40"], "weeks: 40 is not allowed; expected a whole number from 572"),
        (["--made-within", "-1"], "made-within"),
    ],
)
def test_the_command_refuses_in_one_line(words, said, tmp_path, capsys):
    folder = tmp_path / "tenors"
    assert main(["tenors", *words, "--quiet", "--out", str(folder)]) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1
    assert not folder.exists()
