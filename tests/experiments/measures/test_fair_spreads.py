"""Fair spreads against closed forms of economies that are made up, and the fixed point of small markets."""

import json
import math
from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest
from small_economy import SMALL

from hashcredit.agents.dimensions import GRADES, Instrument, LoanStatus
from hashcredit.agents.units import WEEK
from hashcredit.experiments import fair_spreads
from hashcredit.experiments.commands.cli import main
from hashcredit.experiments.figures.style import house_style
from hashcredit.experiments.measures.fair_spreads import DIALS, MOST_SPREAD, FairSpreads, MarketRun, put_back
from hashcredit.experiments.measures.spread_figure import draw
from hashcredit.experiments.measures.spread_sums import GROUPS, Sums, likelihood_ratios, sums_of_run
from hashcredit.experiments.measures.spread_tables import format_spreads
from hashcredit.simulator import Scenario
from hashcredit.simulator.errors import ScenarioError
from hashcredit.simulator.provenance import rebuild
from hashcredit.simulator.reports.controls import common_normals
from hashcredit.simulator.runs.tapes import TapeRun, reduce_tapes
from hashcredit.simulator.setup.prepare import prepare
from hashcredit.simulator.state.outcomes import OUTCOMES
from hashcredit.simulator.state.tape import SPREADS, TAPE

# an economy that is made up: loans that fail in each week with the same probability

POLICY_RATE, CONTRACT = 0.04, 0.05
"""1/yr."""
FREE = {"btc": 0.0, "rent": 0.0, "funding": 0.0}
NO_OUTCOMES = np.zeros(1, OUTCOMES)


def closed_form(hazard, recovery):
    """Fair spread of a loan that pays interest and principal weekly until it fails, 1/yr.

    In each week it fails with probability h, before it pays, and brings a share R of its face at once. With
    w the length of a week and r the rate of discount, a face of 1 that lives is worth 1 if
    1 = ((1 - h) (1 + (r + s) w) + h R)/(1 + r w), whatever the face of next week is. That gives
    s = h (1 - R + r w)/((1 - h) w), which goes to the hazard a year times 1 - R.
    """
    return hazard * (1.0 - recovery + POLICY_RATE * WEEK) / ((1.0 - hazard) * WEEK)


def made_up_tape(rng, loans, hazard, recovery, weeks, level, instrument=Instrument.MACHINE_LOAN, grade=0):
    """The tape of loans of 1 M$ that are owed in the first week: in equal instalments or bullets."""
    fails = rng.geometric(hazard, loans) - 1 if hazard > 0.0 else np.full(loans, weeks)
    tape = np.zeros(loans, TAPE)
    tape["week"], tape["instrument"], tape["grade"], tape["drawn"] = -1, instrument, grade, 1.0
    tape["growth"] = 1.0
    default = fails < weeks
    tape["default_week"] = np.where(default, fails, -1)
    tape["status"] = np.where(default, LoanStatus.RESOLVED, LoanStatus.REPAID)
    tape["over_week"] = np.minimum(fails, weeks - 1)
    before = 1.0 - np.arange(weeks) / weeks if level else np.ones(weeks)
    principal = np.full(weeks, 1.0 / weeks) if level else np.eye(weeks)[-1]
    discount = (1.0 + POLICY_RATE * WEEK) ** -np.arange(1.0, weeks + 1)
    years = np.arange(1, weeks + 1) * WEEK
    pays = np.arange(weeks) < fails[:, None]
    ends = np.arange(weeks) == fails[:, None]
    tape["annuity"] = pays @ (before * WEEK * discount)
    tape["base_pv"] = POLICY_RATE * tape["annuity"]
    tape["interest_pv"] = (POLICY_RATE + CONTRACT) * tape["annuity"]
    tape["principal"] = pays @ principal
    tape["claim"] = ends @ before
    tape["recovered"] = tape["recovered_pv"] = recovery * tape["claim"]
    tape["principal_years"] = pays @ (principal * years) + recovery * (ends @ (before * years))
    back = pays @ (principal * discount) + recovery * (ends @ (before * discount))
    tape["value"][:, 0] = tape["interest_pv"] + back - 1.0
    return tape


setup_of = cache(prepare)


def made_up_market(tape_of, groups=10, runs=2, prices=FREE, horizon=104):
    """A market of runs whose tapes are made up, `runs` of each of `groups` seeds."""
    scenario = SMALL.with_changes({"horizon_weeks": horizon})
    sums = []
    for seed in range(groups):
        setup = setup_of(scenario, seed)
        for replicate in range(runs):
            run = TapeRun(setup, replicate, tape_of(seed, replicate), np.ones(len(SPREADS)), NO_OUTCOMES)
            sums.append(sums_of_run(run, 52, prices))
    return MarketRun(scenario, np.array(sums), runs)


@pytest.mark.parametrize("level", [False, True], ids=["bullet", "level"])
@pytest.mark.parametrize(("hazard", "recovery"), [(0.004, 0.4), (0.001, 0.0), (0.01, 0.9)])
def test_the_fair_spread_is_the_closed_form(hazard, recovery, level):
    """Within four standard errors, which are small beside it; its interval is Student's of ten groups."""
    rng = np.random.default_rng(round(1e6 * hazard) + level)
    market = made_up_market(lambda *_: made_up_tape(rng, 2000, hazard, recovery, 104, level))
    found, exact = market.fair_spread([0]), closed_form(hazard, recovery)
    assert abs(found.mean - exact) < 4.0 * found.standard_error < 0.12 * exact
    assert found.high - found.mean == pytest.approx(2.2621571628 * found.standard_error)  # t of 9, .975
    assert found.mean - found.low == pytest.approx(found.high - found.mean)
    assert market.contract_spread([0]).mean == pytest.approx(CONTRACT, rel=1e-12)
    lgd = market.loss_given_default([0])
    assert lgd.mean == pytest.approx(1.0 - recovery, rel=1e-12)
    told = market.total([0])
    share = 1.0 - (1.0 - hazard) ** 104
    error = math.sqrt(share * (1.0 - share) / told["loans"])
    assert abs(told["defaults"] / told["loans"] - share) < 4.0 * error


def test_intervals_cover_the_closed_form():
    """Of 200 intervals as many as a binomial of .95 has within four standard deviations; of the same runs
    the closed form of other loans is covered seldom."""
    rng = np.random.default_rng(7)
    run_sums = made_up_market(
        lambda *_: made_up_tape(rng, 400, 0.004, 0.4, 26, True), groups=1, runs=2000, horizon=52
    ).sums
    spreads = [MarketRun(SMALL, each, 1).fair_spread([0]) for each in np.split(run_sums, 200)]
    away = 4.0 * math.sqrt(200 * 0.05 * 0.95)
    for exact, is_theirs in ((closed_form(0.004, 0.4), True), (closed_form(0.005, 0.4), False)):
        covered = sum(each.low <= exact <= each.high for each in spreads)
        assert (190 - away <= covered) == is_theirs


def test_without_risk_nothing_is_to_be_paid():
    rng = np.random.default_rng(1)
    for level in (False, True):
        market = made_up_market(lambda *_, level=level: made_up_tape(rng, 50, 0.0, 0.0, 52, level))
        assert abs(market.fair_spread([0]).mean) < 1e-10  # a millionth of a basis point
        assert np.isnan(market.loss_given_default([0]).mean)
        assert np.isnan(market.fair_spread([GRADES * Instrument.CONVERTIBLE]).mean), "nobody owes one"


def test_groups_do_not_mix():
    """Each grade has its own law; taken together they have the mean by annuity."""
    rng = np.random.default_rng(3)
    hazards = [0.001, 0.002, 0.004, 0.008]

    def tape_of(*_):
        parts = [made_up_tape(rng, 1500, h, 0.5, 52, True, grade=grade) for grade, h in enumerate(hazards)]
        return np.concatenate([*parts, made_up_tape(rng, 10, 0.0, 0.0, 52, True, Instrument.BTC_LOAN, 2)])

    market = made_up_market(tape_of)
    for grade, hazard in enumerate(hazards):
        found = market.fair_spread([grade])
        assert abs(found.mean - closed_form(hazard, 0.5)) < 4.0 * found.standard_error
    weights = [market.total([grade])["annuity"] for grade in range(4)]
    spreads = [market.fair_spread([grade]).mean for grade in range(4)]
    assert market.fair_spread(range(4)).mean == pytest.approx(np.average(spreads, weights=weights))
    assert market.total([GRADES * Instrument.BTC_LOAN + 2])["loans"] == 10 * 20
    assert market.sums.shape == (20, len(Sums._fields), GROUPS)


def test_what_is_open_at_the_end_is_valued_as_it_says():
    """By hand: one closed claim that brought .6, one open one, one live loan at par, one not looked at."""
    tape = np.zeros(4, TAPE)
    tape["growth"], tape["drawn"], tape["week"], tape["annuity"] = 1.0, 1.0, -1, 1.0
    tape["default_week"] = 3, 3, -1, -1
    tape["status"] = LoanStatus.RESOLVED, LoanStatus.DEFAULTED, LoanStatus.PERFORMING, LoanStatus.REPAID
    tape["over_week"] = 5, -1, -1, 5
    tape["claim"] = 1.0, 0.8, 0.0, 0.0
    tape["recovered"] = tape["recovered_pv"] = 0.6, 0.1, 0.0, 0.0
    tape["left"] = 0.0, 0.7, 0.9, 0.0
    tape["week"][3] = 52  # made too late
    tape["value"][:, 0] = 0.6 - 1.0, 0.2 + 0.1 * 0.5 - 1.0, 0.1 - 1.0, 5.0
    setup = prepare(SMALL.with_changes({"horizon_weeks": 104}), 1)
    run = TapeRun(setup, 0, tape, np.full(len(SPREADS), 0.5), NO_OUTCOMES)  # 1 M$ at the end is worth .5 now
    market = MarketRun(setup.scenario, sums_of_run(run, 52, FREE)[None], 1)
    told = market.total([0])
    assert (told["loans"], told["defaults"], told["claims"], told["left"]) == (3.0, 2.0, 1.0, 1.6)
    assert market.loss_given_default([0]).mean == pytest.approx(0.4)
    closed, opened, live = -0.4, 0.2 - 1.0 + 0.6 * 0.8 * 0.5, 0.1 - 1.0 + 0.9 * 0.5
    found = market.fair_spread([0])
    assert found.mean == pytest.approx(-(closed + opened + live) / 3.0)
    assert np.isnan(found.low) and np.isnan(found.standard_error), "one run has no error"


# the priced measure


def ratios_of(setup, replicate, **prices):
    run = TapeRun(setup, replicate, np.zeros(0, TAPE), np.ones(1), NO_OUTCOMES)
    return likelihood_ratios(run, {**FREE, **prices})


@pytest.mark.parametrize("name", FREE)
def test_likelihood_ratios_have_mean_one_and_shift_their_normal(name):
    """Girsanov: under the priced measure a normal's sum over T years has mean -price T, the others zero."""
    setup, price = prepare(SMALL, 5), 0.8
    years = WEEK * SMALL.horizon_weeks
    weights, sums = [], []
    for replicate in range(600):
        weights.append(ratios_of(setup, replicate, **{name: price})[-1])
        normals = common_normals(setup, replicate)
        sums.append([math.sqrt(WEEK) * normals[each].sum() for each in FREE])
    weights, sums = np.array(weights), np.array(sums)
    assert abs(weights.mean() - 1.0) < 4.0 * weights.std() / math.sqrt(600)
    for each, sample in zip(FREE, (weights[:, None] * sums).T, strict=True):
        expected = -price * years if each == name else 0.0
        assert abs(sample.mean() - expected) < 4.0 * sample.std() / math.sqrt(600)


def test_a_likelihood_ratio_is_that_of_gaussian_densities():
    """Week by week: density of the normals with their means lowered over that without."""
    setup, prices = prepare(SMALL, 5), {"btc": 0.5, "rent": 0.2, "funding": 1.1}
    exponent = np.zeros(SMALL.horizon_weeks)
    for name, z in common_normals(setup, 3).items():
        exponent += 0.5 * z**2 - 0.5 * (z + prices[name] * math.sqrt(WEEK)) ** 2
    expected = np.exp(np.cumsum(exponent))
    np.testing.assert_allclose(ratios_of(setup, 3, **prices), expected, rtol=1e-12)
    assert (ratios_of(setup, 3) == 1.0).all()


def test_at_prices_of_zero_both_measures_agree_to_the_last_bit():
    rng = np.random.default_rng(4)
    market = made_up_market(lambda *_: made_up_tape(rng, 100, 0.01, 0.3, 26, False))
    assert market.fair_spread([0], priced=True) == market.fair_spread([0])


# the fixed point


def market_at(scenario, off, error=1e-9):
    """A market in which the spread of each dial is `off` by so much (1/yr) in two groups of one run."""
    sums = np.zeros((2, len(Sums._fields), GROUPS))
    sums = np.array([Sums(*each) for each in sums], dtype=object)
    for sign, each in zip((-1.0, 1.0), sums, strict=True):
        each[Sums._fields.index("annuity")] = np.ones(GROUPS)
        each[Sums._fields.index("at_spread")] = np.full(GROUPS, 0.1)
        for dial, wanted in zip(DIALS, off, strict=True):
            each[Sums._fields.index("value")][list(dial.groups)] = -wanted - sign * error
    return MarketRun(scenario, np.array(sums.tolist(), dtype=float), 1)


def test_spreads_are_put_back_where_they_would_have_been_fair():
    scenario = Scenario.load().with_changes({"credit.spread_by_grade": (0.02, 0.04, 0.06, 0.13)})
    off = [-0.01, 0.02, 0.0, -0.2, 0.7, -0.01]
    credit = put_back(market_at(scenario, off)).credit
    assert credit.spread_by_grade == pytest.approx((0.01, 0.06, 0.06, 0.0), abs=1e-12)  # not below zero
    assert credit.btc_spread == MOST_SPREAD  # nor above a half
    assert credit.high_yield_coupon == pytest.approx(scenario.credit.high_yield_coupon - 0.01)
    assert credit.convertible_coupon == scenario.credit.convertible_coupon


def settled(market):
    """Asked of the whole, whose last round it would be."""
    nothing = np.zeros((4, GROUPS))
    return FairSpreads(market.scenario, (1,), 1, 52, FREE, (market,), nothing).settled


def test_it_is_settled_when_no_spread_is_off_by_more_than_its_error():
    scenario = Scenario.load()
    assert settled(market_at(scenario, [0.0] * len(DIALS)))
    for place in range(len(DIALS)):
        off = [0.0] * len(DIALS)
        off[place] = 0.001
        assert not settled(market_at(scenario, off))
        assert settled(market_at(scenario, off, error=0.0011))


@pytest.mark.parametrize(("bound", "off"), [(0.0, -0.05), (MOST_SPREAD, 0.1)])
def test_a_spread_at_a_bound_is_settled_and_said_to_be_fair_beyond_it(bound, off, found):
    scenario = Scenario.load().with_changes({"credit.btc_spread": bound})
    offs = [0.0] * len(DIALS)
    offs[GRADES] = off
    market = market_at(scenario, offs)
    assert settled(market)
    told = replace(found, rounds=(market,))
    assert told.beyond == ("btc_spread",)
    assert replace(found, rounds=(market_at(scenario, [0.0] * len(DIALS)),)).beyond == ()


# a small market

TINY = SMALL.with_changes({"credit.spread_by_grade": (0.02, 0.04, 0.06, 0.13)})
SIZE = {"seeds": (2, 3), "replicates": 2, "made_within": 4, "weeks": 60}


@pytest.fixture(scope="module")
def found():
    return fair_spreads(TINY, **SIZE, progress=False)


def test_the_table_has_what_it_says(found):
    table = found.table
    columns = "instrument grade loans contract_bp fair_bp fair_low_bp fair_high_bp fair_with_premium_bp"
    assert {*columns.split(), "merton_bp", "pd", "lgd", "life_years"} <= set(table.columns)
    grades = table[table["instrument"] == "machine_loan"].set_index("grade")
    for grade, spread in enumerate(TINY.credit.spread_by_grade):
        if str(grade) in grades.index:
            assert grades.loc[str(grade), "contract_bp"] == pytest.approx(1e4 * spread, rel=1e-9)
    assert table["pd"].between(0.0, 1.0).all() and (table["life_years"] > 0.0).all()
    assert (table["effective_runs"] <= 4.0 + 1e-9).all() and (table["effective_runs"] > 1.0).all()
    assert (table["merton_bp"] >= 0.0).all()
    assert set(found.changes["round"]) == set(range(len(found.rounds)))
    assert len(found.changes) == len(DIALS) * len(found.rounds)


def test_the_next_round_is_run_at_the_spreads_put_back(found):
    assert len(found.rounds) > 1
    for before, after in zip(found.rounds, found.rounds[1:], strict=False):
        assert after.scenario == put_back(before)
    again = reduce_tapes(
        found.rounds[1].scenario, [2, 3], 2, lambda run: sums_of_run(run, 4, found.prices_of_risk), threads=1
    )
    np.testing.assert_array_equal(np.concatenate(again), found.rounds[1].sums)


def test_threads_and_prices_change_nothing_else(found):
    other = fair_spreads(TINY, **SIZE, prices_of_risk={}, threads=1, progress=False)
    plain = [name for name in found.table.columns if name not in ("fair_with_premium_bp", "effective_runs")]
    pd.testing.assert_frame_equal(other.table[plain], found.table[plain], check_exact=True)
    assert (other.table["fair_with_premium_bp"] == other.table["fair_bp"]).all()
    np.testing.assert_allclose(other.table["effective_runs"], 4.0)
    assert (found.table["fair_with_premium_bp"] != found.table["fair_bp"]).any()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"prices_of_risk": {"btc": 2.5}}, "prices_of_risk.btc: 2.5 is not allowed; expected a number from"),
        ({"prices_of_risk": {"rent": -0.1}}, "prices_of_risk.rent: -0.1"),
        ({"prices_of_risk": {"rent": math.nan}}, "prices_of_risk.rent: nan"),
        ({"prices_of_risk": {"rent": True}}, "prices_of_risk.rent: True"),
        ({"prices_of_risk": {"gold": 0.1}}, "'gold' is not allowed; expected names out of btc, rent"),
        ({"prices_of_risk": 0.3}, "a mapping of names to prices"),
        ({"made_within": -1}, "made_within: -1"),
        ({"weeks": 4}, "weeks: 4 is not allowed; expected a whole number from 5"),
        ({"replicates": 0}, "replicates: 0"),
        ({"seeds": [1, 1]}, "seeds"),
        ({"scenario": 3}, "scenario: 3"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_refused(changes, said):
    with pytest.raises(ScenarioError) as error:
        fair_spreads(**{"scenario": TINY, **SIZE, **changes}, progress=False)
    assert said in str(error.value)


def test_quotes_are_dated_facts(found):
    quotes = found.quotes.set_index("key")
    assert quotes.loc["crwv.ddtl4.margin", "value_bp"] == pytest.approx(225.0)
    assert tuple(quotes.loc["crwv.cds5y.2025-11", ["low_bp", "high_bp"]]) == pytest.approx((640.0, 700.0))
    assert quotes["date"].str.match(r"20\d\d").all() and quotes["source"].str.len().min() > 0
    assert set(quotes["tag"]) <= set("PSED") and quotes["debt"].is_unique


def test_the_words_fit_a_terminal(found):
    lines = format_spreads(found).splitlines()
    assert max(map(len, lines)) <= 80
    words = " ".join(lines)
    assert f"after {len(found.rounds)} rounds" in words and "over 2 networks" in words
    assert sum("CoreWeave" in line for line in lines) == 8
    assert ("Fair outside 0 to 5000 bp" in words) == bool(found.beyond)
    assert "Fair spreads of dump_10k_h100" in repr(found)


def test_the_figure_has_a_row_a_loan_and_a_quote(found):
    with house_style():
        loans, market = draw(found).axes
    assert len(loans.get_yticks()) == len(found.table)
    assert len(market.get_yticks()) == len(found.quotes)
    below = found.table[["contract_bp", "fair_bp", "fair_low_bp", "merton_bp"]].min().min() <= 0.0
    assert (loans.get_xscale() == "linear") == below


def test_the_command_prints_and_writes(tmp_path, capsys):
    small = ["horizon_weeks=12", "population.miners=6", "population.neoclouds=6"]
    changes = [word for change in small for word in ("--set", change)]
    size = ["--seeds", "2", "--seed", "4", "--replicates", "1", "--weeks", "20", "--made-within", "2"]
    folder = tmp_path / "spreads"
    command = ["spreads", *changes, *size, "--price-of-risk", "btc=0.5", "--price-of-risk", "rent=0.1"]
    assert main([*command, "--quiet", "--out", str(folder)]) == 0
    said = capsys.readouterr()
    assert "seeds 4 to 5, 1 replicate each, 20 weeks" in said.out
    assert "btc 0.5, rent 0.1, funding 0" in said.out
    assert {path.name for path in folder.iterdir()} == {
        "changes.csv", "provenance.json", "quotes.csv", "scenario.toml", "spreads.csv", "spreads.pdf",
        "spreads.png",
    }  # fmt: skip
    record = json.loads((folder / "provenance.json").read_text())
    assert (record["seeds"], record["weeks"], record["made_within"]) == ([4, 5], 20, 2)
    again = fair_spreads(
        rebuild(record)[0], record["seeds"], record["replicates"], made_within=record["made_within"],
        weeks=record["weeks"], prices_of_risk=record["prices_of_risk"], progress=False,
    )  # fmt: skip
    kept = pd.read_csv(folder / "spreads.csv", dtype={"grade": str})
    pd.testing.assert_frame_equal(kept, again.table, check_dtype=False)
    assert ("have not settled" in said.err) == (not again.settled)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--price-of-risk", "btc"], "'btc' is not allowed; expected NAME=PRICE"),
        (["--price-of-risk", "gold=1"], "'gold' is not allowed"),
        (["--price-of-risk", "btc=9"], "prices_of_risk.btc: 9.0 is not allowed"),
        (["--weeks", "40"], "weeks: 40 is not allowed; expected a whole number from 53"),
        (["--made-within", "-1"], "made-within"),
    ],
)
def test_the_command_refuses_in_one_line(words, said, tmp_path, capsys):
    folder = tmp_path / "spreads"
    assert main(["spreads", *words, "--quiet", "--out", str(folder)]) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1
    assert not folder.exists()
