"""What comes from outside: its laws are the scenario's, and nothing that agents do changes a draw."""

import math
from datetime import date, timedelta

import numpy as np
import pytest
from numba import njit
from scipy import stats

from hashcredit.simulator import Scenario, simulate
from hashcredit.simulator.errors import ScenarioError
from hashcredit.simulator.machines.shocks import draw_shocks
from hashcredit.simulator.setup.prepare import allocate, clear, prepare
from hashcredit.simulator.state.pool import WITH, Asset
from hashcredit.simulator.week.step import open_economy, run_weeks

BASELINE = Scenario.load()
TINY = BASELINE.with_changes(
    {"population.miners": 1, "population.neoclouds": 1, "horizon_weeks": 60, "funding.tightness": 0.0}
    | {"funding.rule": "path"}
)
MARKET = BASELINE.with_changes(
    {
        "population.miners": 20,
        "population.neoclouds": 20,
        "horizon_weeks": 52,
        "shocks.forced_default": {"week": 4, "machine": "H100", "units": 20_000},
        "funding.rule": "path",
        "funding.tightness": [(0, 0.1), (30, 0.9)],
        "shocks.student_df": 5,
        "shocks.jump_intensity": 4.0,
    }
)
OUTSIDE = ("rent_shock", "rho", "tightness", "policy_rate", "offtaker_stress")
"""Market fields that agents cannot move: the first is drawn, the others follow the scenario's paths."""

DRAWS = 100_000
"""Weeks drawn for a law: relative errors of a volatility are then 1 / sqrt(2 n) = 0.22 %."""
ERRORS = 4.0
"""Standard errors allowed: 1 of 16,000 right laws is refused, and the seeds are fixed."""


def started(scenario, seed=1, replicate=0):
    setup = prepare(scenario, seed)
    economy = allocate(setup, series=False, events=0)
    clear(economy, setup)
    open_economy(economy, setup.parameters, seed, replicate)
    return setup, economy


@njit
def draw_weeks(economy, parameters, seed, btc, rent, own):
    """Record BTC, the rent index (both log) and the machines' deviations before each of many draws."""
    clock, market = economy.clock[0], economy.market[0]
    for week in range(btc.shape[0]):
        btc[week] = economy.assets[WITH, Asset.BTC].fundamental
        rent[week] = market.rent_shock
        for m in range(own.shape[1]):
            own[week, m] = economy.machines[m].idiosyncratic
        draw_shocks(economy, parameters[0], seed, 0)
        clock.week += 1


def draw(changes, seed=1):
    """Weekly log changes of BTC and of the rent index, and the machines' deviations from it."""
    setup, economy = started(TINY.with_changes(changes), seed)
    btc, rent = np.empty(DRAWS + 1), np.empty(DRAWS + 1)
    own = np.empty((DRAWS + 1, len(economy.machines)))
    draw_weeks(economy, setup.parameters, seed, btc, rent, own)
    return np.diff(btc), np.diff(rent), own


def exogenous(scenario, seed=1, replicate=0):
    """Everything that is drawn from outside in a run, week by week."""
    setup, economy = started(scenario, seed, replicate)
    market = economy.market[0]
    rows = []
    for _ in range(scenario.horizon_weeks):
        run_weeks(economy, setup.parameters, seed, replicate, 1)
        drawn = [*economy.assets["fundamental"][WITH], *economy.machines["idiosyncratic"]]
        rows.append([*(float(market[field]) for field in OUTSIDE), *drawn])
    return np.array(rows)


# Common random numbers


@pytest.fixture(scope="module")
def drawn():
    return exogenous(MARKET)


CHANGES = {
    "loan rates": {"credit.spread_by_grade": (0.1, 0.12, 0.2, 0.4), "credit.high_yield_coupon": 0.3},
    "recourse": {"credit.recourse_share": 1.0, "credit.cross_default_share": 0.0, "credit.marked_share": 1.0},
    "a deep market": {"secondary_market.rule": "deep"},
    "no fire sales": {"channels.fire_sale": False, "channels.macro_funding": False},
    "enforcement": {"credit.enforcement": "never", "credit.grace_weeks": 20},
    "nobody is forced to fail": {"shocks.forced_default": "none"},
    "everybody fails": {"shocks.forced_default": {"week": 0, "machine": "H100", "units": 10**9}},
    "another population": {"population.neoclouds": 3, "population.banks": 0, "population.brokers": 90},
    "poor borrowers": {"neoclouds.cash_weeks": 0.0, "miners.cash_weeks": 0.0, "costs.overhead_share": 0.5},
    "other networks": {"networks.credit_kind": "complete", "networks.trade_kind": "block"},
    "thin BTC market": {"credit.btc_depth": 50.0, "miners.btc_loan_probability": 1.0},
    "demand": {"compute.demand_growth": -0.5, "mining.difficulty_speed": 10.0, "compute.launch_step": 0.6},
    "stays": {"resolution.stay_low": 1, "resolution.stay_high": 1},
}


@pytest.mark.parametrize("change", CHANGES)
def test_no_choice_inside_changes_a_draw_from_outside(change, drawn):
    changed = MARKET.with_changes(CHANGES[change])
    assert np.array_equal(exogenous(changed), drawn)
    assert not simulate(changed).tables["borrowers"].equals(simulate(MARKET).tables["borrowers"]), "no test"


def test_draws_do_change_with_seed_and_replicate(drawn):
    paths = slice(1, len(OUTSIDE))
    for other in (exogenous(MARKET, seed=2), exogenous(MARKET, replicate=1)):
        assert not np.any(other[:, :1] == drawn[:, :1])
        assert np.array_equal(other[:, paths], drawn[:, paths])


def test_a_stay_belongs_to_its_borrower_and_week():
    def stays(scenario):
        borrowers = simulate(scenario).tables["borrowers"]
        failed = borrowers[borrowers["default_week"] >= 0]
        weeks = failed["release_week"] - failed["default_week"]
        return dict(zip(zip(failed.index, failed["default_week"], strict=True), weeks, strict=True))

    def forced(units):
        return {"shocks.forced_default": {"week": 4, "machine": "H100", "units": units}}

    everybody = stays(MARKET.with_changes(forced(10**9)))
    some = stays(MARKET.with_changes({**forced(35_000), "secondary_market.rule": "deep"}))
    shared = everybody.keys() & some.keys()
    assert 3 <= len(shared) < len(everybody)
    assert all(everybody[key] == some[key] for key in shared)
    assert len(set(everybody.values())) > 5, "stays differ between borrowers"
    assert set(everybody.values()) <= set(range(8, 27))


def test_opening_fleets_and_contracts_do_not_depend_on_the_terms_of_loans():
    dear = {**CHANGES["loan rates"], **CHANGES["recourse"], "credit.tenor_weeks": 300}
    one, other = simulate(MARKET).opening, simulate(MARKET.with_changes(dear)).opening
    fleets = [column for column in one["borrowers"] if column.startswith(("units_", "slots_", "book_"))]
    columns = [*fleets, "kind", "site_class", "grade", "btc", "lease_week", "overhead_week"]
    assert one["borrowers"][columns].equals(other["borrowers"][columns])
    holders = [
        frame["loans"].query("machine != ''")[["obligor", "machine", "holder"]] for frame in (one, other)
    ]
    assert len(holders[0]) > 50
    assert holders[0].equals(holders[1])
    assert len(one["contracts"]) > 30
    assert one["contracts"].equals(other["contracts"])


def test_one_more_borrower_leaves_the_others_fleets_alone():
    one = simulate(MARKET).opening["borrowers"]
    more = simulate(MARKET.with_changes({"population.neoclouds": 21})).opening["borrowers"]
    columns = [column for column in one if column.startswith(("units_", "book_"))]
    columns += ["btc", "grade", "site_class"]
    assert one[columns].equals(more[columns].iloc[:40])
    assert more["units_h100"].iloc[40] > 0


# Laws of the shocks


@pytest.mark.parametrize(("volatility", "drift"), [(0.5, 0.0), (1.2, 0.8), (0.05, -1.0)])
def test_btc_moves_as_the_scenario_says(volatility, drift):
    btc, _, _ = draw({"shocks.btc_volatility": volatility, "shocks.btc_drift": drift})
    weekly = volatility / math.sqrt(52.0)
    assert btc.std() == pytest.approx(weekly, rel=ERRORS / math.sqrt(2 * DRAWS))
    mean = (drift - 0.5 * volatility**2) / 52.0
    assert btc.mean() == pytest.approx(mean, abs=ERRORS * weekly / math.sqrt(DRAWS))
    assert stats.kstest((btc - mean) / weekly, "norm").pvalue > 1e-4
    growth = np.exp(btc).mean()  # the expected price grows at the drift
    assert growth == pytest.approx(math.exp(drift / 52.0), abs=ERRORS * weekly / math.sqrt(DRAWS))


@pytest.mark.parametrize("volatility", [0.3, 1.5])
def test_rents_move_as_the_scenario_says(volatility):
    _, rent, _ = draw({"shocks.rent_volatility": volatility})
    weekly = volatility / math.sqrt(52.0)
    assert rent.std() == pytest.approx(weekly, rel=ERRORS / math.sqrt(2 * DRAWS))
    assert rent.mean() == pytest.approx(-0.5 * weekly**2, abs=ERRORS * weekly / math.sqrt(DRAWS))
    assert abs(np.corrcoef(rent[1:], rent[:-1])[0, 1]) < ERRORS / math.sqrt(DRAWS)


@pytest.mark.parametrize(
    ("tightness", "calm", "stress", "wanted"),
    [
        (0.0, 0.10, 0.60, 0.10),
        (1.0, 0.10, 0.60, 0.60),
        (0.5, 0.10, 0.60, 0.35),
        (1.0, 0.90, -0.99, -0.99),
        (0.0, 0.00, 0.90, 0.00),
    ],
)
def test_correlation_rises_with_tightness(tightness, calm, stress, wanted):
    changes = {"funding.tightness": tightness, "shocks.rho_calm": calm, "shocks.rho_stress": stress}
    btc, rent, _ = draw(changes)
    error = max((1.0 - wanted**2) / math.sqrt(DRAWS), 1e-6)
    assert np.corrcoef(btc, rent)[0, 1] == pytest.approx(wanted, abs=ERRORS * error)


def test_correlation_does_not_touch_either_volatility():
    btc, rent, _ = draw({"shocks.rho_calm": 0.0})
    other_btc, other_rent, _ = draw({"shocks.rho_calm": 0.95})
    assert np.array_equal(btc, other_btc)
    assert other_rent.std() == pytest.approx(rent.std(), rel=2 * ERRORS / math.sqrt(2 * DRAWS))


@pytest.mark.parametrize("degrees", [3, 5, 10, 30])
def test_fat_tails_are_those_of_student_with_unit_variance(degrees):
    btc, _, _ = draw({"shocks.student_df": degrees, "shocks.btc_volatility": 0.5})
    z = (btc + 0.5 * 0.25 / 52.0) / (0.5 / math.sqrt(52.0))
    scale = math.sqrt((degrees - 2.0) / degrees)
    assert stats.kstest(z / scale, "t", args=(degrees,)).pvalue > 1e-4
    assert stats.kstest(z, "norm").pvalue < 1e-4, "and not those of a normal"
    if degrees >= 5:  # the fourth moment exists
        kurtosis = 3.0 * (degrees - 2.0) / (degrees - 4.0)
        assert z.var() == pytest.approx(1.0, abs=ERRORS * math.sqrt((kurtosis - 1.0) / DRAWS))
    if degrees >= 10:  # so does the eighth, which says how well the fourth can be measured
        eighth = degrees**4 * math.prod((2 * i - 1) / (degrees - 2 * i) for i in (1, 2, 3, 4)) * scale**8
        error = math.sqrt((eighth - kurtosis**2) / DRAWS)
        assert np.mean(z**4) == pytest.approx(kurtosis, abs=ERRORS * error)


@pytest.mark.parametrize("degrees", [1, 2, 4.5, 31, -1])
def test_degrees_of_freedom_are_whole_and_have_a_variance(degrees):
    with pytest.raises(ScenarioError, match=r"shocks\.student_df"):
        TINY.with_changes({"shocks.student_df": degrees})


@pytest.mark.parametrize(
    ("intensity", "mean", "sd"), [(52.0, -0.10, 0.10), (4.0, -0.5, 0.0), (20.0, 0.3, 0.2), (52.0, 0.5, 0.0)]
)
def test_jumps_come_at_their_rate_and_keep_the_mean(intensity, mean, sd):
    changes = {
        "shocks.btc_volatility": 0.0,
        "shocks.jump_intensity": intensity,
        "shocks.jump_mean": mean,
        "shocks.jump_sd": sd,
    }
    btc, _, _ = draw(changes)
    calm, count = np.unique(btc.round(12), return_counts=True)
    quiet = btc.round(12) == calm[count.argmax()] if intensity < 36 or sd > 0 else btc < btc.mean()
    probability = 1.0 - math.exp(-intensity / 52.0)
    error = math.sqrt(probability * (1.0 - probability) / DRAWS)
    assert 1.0 - quiet.mean() == pytest.approx(probability, abs=ERRORS * error)
    sizes = btc[~quiet] - btc[quiet][0]
    assert sizes.mean() == pytest.approx(mean, abs=ERRORS * sd / math.sqrt(len(sizes)) + 1e-9)
    assert sizes.std() == pytest.approx(sd, abs=ERRORS * sd / math.sqrt(2 * len(sizes)) + 1e-9)
    growth = np.exp(btc)
    assert growth.mean() == pytest.approx(1.0, abs=ERRORS * growth.std() / math.sqrt(DRAWS))


def test_a_machine_types_rent_returns_to_the_index():
    volatility, reversion = 0.3, 4.0
    changes = {"shocks.machine_rent_volatility": volatility, "shocks.machine_rent_reversion": reversion}
    _, _, own = draw(changes)
    used = own[:, : len(TINY.machine)]
    keep = math.exp(-reversion / 52.0)
    step = volatility * math.sqrt((1.0 - keep**2) / (2.0 * reversion))
    innovation = used[1:] - keep * used[:-1]
    assert innovation.std(axis=0) == pytest.approx(step, rel=ERRORS / math.sqrt(2 * DRAWS))
    # the stationary variance is that of the exact discretisation
    effective = DRAWS * (1.0 - keep**2) / (1.0 + keep**2)
    assert used[2000:].std(axis=0) == pytest.approx(
        volatility / math.sqrt(2.0 * reversion), rel=ERRORS / math.sqrt(2 * effective)
    )
    cross = np.corrcoef(innovation, rowvar=False) - np.eye(used.shape[1])
    assert np.abs(cross).max() < 5.0 / math.sqrt(DRAWS), "55 pairs: one more standard error than elsewhere"
    assert not own[:, len(TINY.machine) :].any()


def test_without_reversion_a_machine_types_rent_is_a_walk():
    _, _, own = draw({"shocks.machine_rent_volatility": 0.3, "shocks.machine_rent_reversion": 0.0})
    step = np.diff(own[:, 0])
    assert step.std() == pytest.approx(0.3 / math.sqrt(52.0), rel=ERRORS / math.sqrt(2 * DRAWS))


# Paths and dates


def test_prices_fed_in_are_the_prices():
    knots = ((0, 50_000.0), (20, 90_000.0), (40, 30_000.0))
    rents = ((5, 3.0), (25, 1.0))
    changes = {"shocks.btc_path": knots, "shocks.rent_path": rents, "channels.macro_funding": False}
    series = simulate(MARKET.with_changes(changes)).series
    weeks = np.arange(MARKET.horizon_weeks)
    btc = np.interp(weeks, *zip(*knots, strict=True))
    # exp(log(x)) loses at most some units in the last place of log(x) = 11
    assert series["btc_price_usd"].to_numpy() == pytest.approx(btc, rel=1e-14)
    assert np.array_equal(series["rent_index_usd_h"].to_numpy(), np.interp(weeks, *zip(*rents, strict=True)))


@pytest.mark.parametrize("speed", [0.0, 1.5])
def test_a_hashprice_fed_in_is_the_hashprice_and_earned(speed):
    """Whatever BTC does; before and after a halving that the path knows of or not."""
    knots = ((0, 40.0), (10, 10.0), (30, 80.0))
    changes = {**HALVING, "shocks.hashprice_path": knots, "mining.difficulty_speed": speed}
    changes["shocks.machine_rent_volatility"] = 0.0
    series = simulate(TINY.with_changes(changes)).series
    path = np.interp(np.arange(60), *zip(*knots, strict=True))
    assert np.array_equal(series["hashprice_usd_ph_day"].to_numpy(), path)
    s21 = series["earning_usd_h_s21"].to_numpy()
    assert s21 == pytest.approx(path * 1e-3 * 365.25 * 200.0 / 8766.0, rel=1e-13)


def test_valuers_see_no_gap_of_a_hashprice_that_is_fed_in():
    """The value knows today's hashprice and the halving, not how far hashprice is from the first week's."""
    fallen = {"shocks.hashprice_path": [(0, 10.0)], "mining.halving_date": "none", "horizon_weeks": 1}
    fallen |= {"shocks.machine_rent_volatility": 0.0, "valuation.refresh_weeks": 1}
    away = simulate(TINY.with_changes({**fallen, "mining.hashprice0": 29.0})).series["fundamental_usd_s21"][0]
    there = simulate(TINY.with_changes({**fallen, "mining.hashprice0": 10.0})).series["fundamental_usd_s21"][
        0
    ]
    assert away == there


def test_tightness_and_haircut_follow_their_paths():
    changes = {"funding.tightness": [(3, 0.2), (13, 0.7)], "repo.haircut": [(0, 0.1), (10, 0.5)]}
    # a haircut that only follows its path: nothing is added for what the market does
    alone = dict.fromkeys(("repo.volatility_weight", "repo.unsold_weight", "repo.tightness_weight"), 0.0)
    scenario = TINY.with_changes({**changes, **alone, "repo.highest_haircut": 1.0, "horizon_weeks": 30})
    series = simulate(scenario).series
    weeks = np.arange(30)
    tightness = np.interp(weeks, (3, 13), (0.2, 0.7))
    assert np.array_equal(series["tightness"].to_numpy(), tightness)
    assert np.array_equal(series["haircut"].to_numpy(), np.interp(weeks, (0, 10), (0.1, 0.5)))
    terms = scenario.funding
    capital = scenario.credit.policy_rate + terms.premium + terms.premium_convexity * tightness**2
    assert series["cost_of_capital"].to_numpy() == pytest.approx(capital, rel=1e-15)
    # with the channel off the haircut stays where it was
    off = simulate(scenario.with_changes({"channels.repo": False}))
    assert (off.series["haircut"] == 0.1).all() and off.summary["peak_haircut"] == 0.1


FLAT = {"shocks.btc_path": [(0, 67_000.0)], "mining.difficulty_trend": 0.0, "channels.macro_funding": False}
HALVING_WEEK = 20
HALVING = {"mining.halving_date": BASELINE.start_date + timedelta(weeks=HALVING_WEEK)}


def test_a_halving_halves_hashprice():
    changes = {**FLAT, **HALVING, "mining.difficulty_speed": 0.0}
    hashprice = simulate(TINY.with_changes(changes)).series["hashprice_usd_ph_day"].to_numpy()
    wanted = np.where(np.arange(60) < HALVING_WEEK, 29.0, 14.5)
    assert hashprice == pytest.approx(wanted, rel=1e-13)


def test_difficulty_makes_up_for_the_halving_at_its_speed():
    speed = 1.5
    changes = {**FLAT, **HALVING, "mining.difficulty_speed": speed}
    hashprice = simulate(TINY.with_changes(changes)).series["hashprice_usd_ph_day"].to_numpy()
    assert hashprice[HALVING_WEEK] / hashprice[HALVING_WEEK - 1] == pytest.approx(0.5, rel=1e-12)
    gap = np.log(hashprice[HALVING_WEEK:] / 29.0)
    assert gap == pytest.approx(math.log(0.5) * (1.0 - speed / 52.0) ** np.arange(len(gap)), rel=1e-10)


@pytest.mark.parametrize("day", ["none", date(2024, 4, 20), date(2040, 1, 1)])
def test_no_halving_without_its_day(day):
    changes = {**FLAT, "mining.halving_date": day}
    hashprice = simulate(TINY.with_changes(changes)).series["hashprice_usd_ph_day"].to_numpy()
    assert hashprice == pytest.approx(29.0, rel=1e-12)


def test_forced_sales_move_btc_only_through_its_channel():
    crowd = {"population.miners": 40, "population.neoclouds": 0, "credit.btc_depth": 2000.0}
    forced = {"shocks.forced_default": {"week": 4, "machine": "S21", "units": 10**9}}
    path = {"shocks.btc_path": [(0, 67_000.0)], "credit.btc_recovery": 8.0}
    scenario = TINY.with_changes({**crowd, **forced, **path})
    price = simulate(scenario).series["btc_price_usd"].to_numpy()
    assert price[:5] == pytest.approx(67_000.0, rel=1e-13), "sales of week 4 move the price of week 5"
    impact = np.log(price[5:25] / 67_000.0)  # later one of those who are left sells coins as well
    assert impact[0] < -0.01
    assert impact == pytest.approx(impact[0] * np.exp(-8.0 / 52.0 * np.arange(len(impact))), rel=1e-9)
    off = simulate(scenario.with_changes({"channels.macro_funding": False})).series["btc_price_usd"]
    assert off.to_numpy() == pytest.approx(67_000.0, rel=1e-13)
