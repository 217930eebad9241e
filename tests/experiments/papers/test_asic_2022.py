"""The episode of 2022: its scenario, what the value function makes of it, depth, the outcomes."""

import math
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm, rankdata

from hashcredit.experiments.papers import asic_loans_2022, folder_of
from hashcredit.experiments.papers.asic_loans_2022 import depth, outcomes, page, paths, value
from hashcredit.experiments.papers.replication import read_published
from hashcredit.simulator import simulate
from hashcredit.simulator.scenario.facts import fact
from hashcredit.simulator.scenario.scenario import Scenario
from hashcredit.simulator.setup.parameters import compile_paths, weeks_from

SCENARIO = Scenario.load("asic_loans_2022")
RUN = simulate(SCENARIO, seed=outcomes.SEED, replicate=0)
VALUER = value.average_operator(SCENARIO)


# The scenario


def test_its_books_close():
    run = simulate(SCENARIO, seed=1, replicate=1, check=True)
    assert run.summary["money_residual"] < 1e-12 and run.summary["balance_residual"] < 1e-9
    assert run.summary["units_residual"] == 0
    assert run.summary["defaults_neoclouds"] == 0 and run.summary["hand_backs"] > 0


@pytest.mark.parametrize(("days", "column"), [(paths.HASHPRICE, "hashprice_path"), (paths.BTC, "btc_path")])
def test_paths_hit_every_dated_fact_and_are_straight_in_logs_between(days, column):
    given = dict(getattr(SCENARIO.shocks, column))
    assert list(given) == list(range(SCENARIO.horizon_weeks))
    known = paths.knots(days)
    assert [week for week, _ in known] == sorted({week for week, _ in known}), "a week has one fact"
    for week, seen in known:
        assert given[week] == pytest.approx(seen, rel=1e-4)
    for (first, start), (last, end) in pairwise(known):
        for week in range(first, last):
            straight = start * (end / start) ** ((week - first) / (last - first))
            assert given[week] == pytest.approx(straight, rel=1e-4)  # five digits are written


@pytest.mark.parametrize(("days", "kind"), [(paths.HASHPRICE, "hashprice."), (paths.BTC, "btc.price.")])
def test_days_of_the_paths_are_those_of_their_facts(days, kind):
    for key, day in days.items():
        entry = fact(key)
        assert key.startswith(kind)
        quarter = {"2023Q3": (date(2023, 7, 1), date(2023, 9, 30))}
        first, last = quarter.get(entry.date, (None, None))
        if first is None:
            parts = [int(part) for part in entry.date.split("-")]
            first = last = date(*parts) if len(parts) == 3 else date(*parts, 1)
            if len(parts) == 2:
                last = (first.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
        assert first <= day <= last or abs((day - first).days) <= 2, key  # the first week begins on a Monday


def test_what_is_fed_in_is_what_happens():
    _, _, btc, _, hashprice = compile_paths(SCENARIO)
    assert np.array_equal(RUN.series.hashprice_usd_ph_day.to_numpy(), hashprice)
    # forced sales may move BTC for a time, never up
    ratio = RUN.series.btc_price_usd.to_numpy() / btc
    assert ratio.max() <= 1.0 + 1e-12 and ratio.min() > 0.9
    assert weeks_from(SCENARIO.start_date, date(2023, 12, 31)) == SCENARIO.horizon_weeks - 1


def test_the_means_of_the_years_are_near_those_of_the_index():
    """A check of the interpolation: nothing between the facts is known but these means."""
    found = asic_loans_2022.certain()
    for name, key in (
        (asic_loans_2022.MEAN_2022, "hashprice.2022.avg"),
        (asic_loans_2022.MEAN_2023, "hashprice.2023.avg"),
    ):
        assert found[name] == pytest.approx(fact(key).value, rel=0.05)
        assert found[name] < fact(key).value, "what the facts leave out were highs"


def test_machines_and_terms_are_those_of_the_facts():
    per_terahash = {m.name: m.price_new / m.throughput for m in SCENARIO.machine}
    tiers = {
        "S9": "asic.old.2022-start",
        "S17": "asic.mid.2022-start",
        "S19": "asic.new.2022-start",
        "S19 Pro": "asic.new.2022-start",
        "S19 XP": "asic.xp.2022-07",
    }
    assert list(tiers) == list(per_terahash)
    for name, key in tiers.items():
        assert per_terahash[name] == pytest.approx(fact(key).value, rel=1e-3)
    joules = {m.name: 1e3 * m.kw / m.throughput for m in SCENARIO.machine}
    assert (
        joules["S19 XP"] < 25 < joules["S19 Pro"] < joules["S19"] <= 38 < joules["S17"] <= 68 < joules["S9"]
    )
    for machine in SCENARIO.machine:
        for name in ("throughput", "kw", "price_new", "life_years"):
            assert fact(f"{machine.source}.{name}").value == getattr(machine, name)
    credit = SCENARIO.credit
    rate = credit.policy_rate + np.dot(credit.spread_by_grade, SCENARIO.miners.grade_shares)
    assert rate == pytest.approx(fact("asicloan.rate").value, abs=5e-4)
    assert credit.recourse_share == fact("asicloan.recourse_share").value
    assert credit.origination_ltv == pytest.approx(fact("asicloan.ltv.2022-03").value, abs=0.06)
    hashrate = SCENARIO.population.miners * SCENARIO.miners.hashrate_median * math.exp(0.5)
    network = fact("network.hashrate.2022").low
    assert hashrate == pytest.approx(fact("network.public_share.2022-01").value * network, rel=0.01)


# Value


def brute_value(hashprice: float, week: int) -> float:
    """The tier's value by quadrature of the formula of docs/odd.md, in USD/TH."""
    total = 0.0
    sigma, d, k = VALUER.volatility, VALUER.trend, VALUER.discount
    until = (weeks_from(SCENARIO.start_date, SCENARIO.mining.halving_date) - week) / 52.0
    back = until + 1.0 / SCENARIO.mining.difficulty_speed
    for name in value.TIER:
        machine = next(m for m in SCENARIO.machine if m.name == name)
        cost = machine.kw * 1.05 * VALUER.power * 8766.0 + 0.02 * machine.price_new

        def at(s: float, machine=machine, cost=cost) -> float:
            expected = hashprice * 0.36525 * machine.throughput * math.exp(-d * s)
            expected *= 0.5 if until < s < back else 1.0
            width = sigma * math.sqrt(s)
            up = math.log(expected / cost) / width + 0.5 * width
            return math.exp(-k * s) * (expected * norm.cdf(up) - cost * norm.cdf(up - width))

        years, _ = quad(at, 1e-12, 6.0, points=[until, back], limit=200)
        total += years / machine.throughput
    return total / len(value.TIER)


@pytest.mark.parametrize(("week", "key"), [(0, "hashprice.2022-01-01"), (51, "hashprice.2022-12-31")])
def test_value_is_the_formula(week, key):
    hashprice = fact(key).value
    assert value.worth(SCENARIO, VALUER, hashprice, week) == pytest.approx(
        brute_value(hashprice, week), rel=1e-5
    )


def test_value_is_the_appraisers_in_the_model_where_the_vendor_is_not_cheaper(monkeypatch):
    """Opening appraisals. Both types are sold new, so each is worth at most what the better bargain costs."""
    opening = RUN.opening["machines"].set_index("name").appraisal
    machines = {machine.name: machine for machine in SCENARIO.machine}
    worth, price = {}, {}
    for name in value.TIER:
        monkeypatch.setattr(value, "TIER", (name,))
        worth[name] = value.year(SCENARIO, VALUER).start
        price[name] = machines[name].price_new / machines[name].throughput
    bargain = min(1.0, *(price[name] / worth[name] for name in worth))
    assert bargain < 1.0
    for name, usd in worth.items():
        model = opening[name] * 1e6 / machines[name].throughput
        assert model == pytest.approx(bargain * usd, rel=1e-6)


def test_the_trend_is_solved_from_the_opening_price():
    trend = value.opening_trend(SCENARIO, VALUER)
    assert trend == pytest.approx(SCENARIO.mining.asic_trend, abs=5e-4)
    price = value.year(SCENARIO, replace(VALUER, trend=trend)).start
    assert price == pytest.approx(fact("asic.new.2022-start").value, rel=1e-8)


def test_value_falls_more_than_the_price_and_the_plain_margin_more_still():
    """The finding: constant expectations lose two thirds of the price that was paid in December."""
    found = asic_loans_2022.certain()
    seen = fact("asic.new.ratio.2022").value
    assert found[asic_loans_2022.PLAIN] < found[asic_loans_2022.OPTION] < 0.5 * seen
    assert found[asic_loans_2022.RETURN] > fact("hashprice.ratio.2022").value > seen
    assert found[asic_loans_2022.OPTION] == pytest.approx(0.0454, abs=5e-4)


def test_expectations_that_meet_december():
    trend = value.december_trend(SCENARIO, VALUER)
    speed = value.december_reversion(SCENARIO, VALUER)
    price = fact("asic.new.2022-12").value
    for one in (replace(VALUER, trend=trend), replace(VALUER, reversion=speed)):
        assert value.year(SCENARIO, one).december == pytest.approx(price, rel=1e-8)
    assert trend < 0.5 * VALUER.trend
    assert math.isnan(value.volatility_of_ratio(SCENARIO, VALUER, anchored=True)), "no volatility does"


# Depth


def test_the_posterior_is_a_distribution():
    for sales in ((), ("lots",), depth.SALES):
        after = depth.posterior(sales)
        assert after.probability.sum() == pytest.approx(1.0, rel=1e-12) and (after.probability >= 0.0).all()
        low, high = after.interval
        assert depth.PRIOR_UNITS[0] < low < after.quantile(0.5) < high < depth.PRIOR_UNITS[1]
    prior = depth.posterior(())
    assert prior.width == pytest.approx(1.0, rel=1e-9) and prior.gain == pytest.approx(0.0, abs=1e-12)


def test_the_posterior_is_that_of_draws():
    """A twin by importance: draw depth and every nuisance, weigh by the likelihood written out once more."""
    rng = np.random.default_rng(7)
    n = 400_000
    log_depth = rng.uniform(*np.log(depth.PRIOR_UNITS), n)
    size = np.exp(log_depth)

    def price_after(units):
        return size / units * (1.0 - np.exp(-units / size))

    fall = rng.uniform(0.0, 4.0 / 52.0 * math.log(101.04 / 14.88), n)
    left, cut = rng.uniform(size=n), -math.log(0.7)
    lots = np.exp(-left * 6000 / size - fall) * price_after(5000) / price_after(6000)
    estate = price_after(2687) * np.exp(-rng.uniform(0.0, cut, n))
    index = np.exp(rng.uniform(math.log(9.92), math.log(14.88), n))
    flow = np.exp(rng.uniform(math.log(500), math.log(50_000), n))
    fair = price_after(flow) * np.exp(-rng.uniform(0.0, cut, n))
    weight = norm.pdf(np.log(22 / 28) - np.log(lots), scale=0.10)
    weight *= norm.pdf(np.log(5.67 / index) - np.log(estate), scale=0.15)
    weight *= norm.pdf(np.log(13.25 / 17.56) - np.log(fair), scale=0.20)
    effective = weight.sum() ** 2 / (weight**2).sum()
    order = np.argsort(log_depth)
    reached = np.cumsum(weight[order]) / weight.sum()
    for level in (0.05, 0.25, 0.5, 0.75, 0.95):
        below = np.interp(math.log(depth.posterior().quantile(level)), log_depth[order], reached)
        assert below == pytest.approx(level, abs=4.0 * math.sqrt(level * (1.0 - level) / effective))


def test_the_grid_is_fine_enough(monkeypatch):
    coarse = [depth.posterior().quantile(level) for level in (0.05, 0.5, 0.95)]
    monkeypatch.setattr(depth, "POINTS", 2 * depth.POINTS)
    monkeypatch.setattr(depth, "NODES", 2 * depth.NODES)
    fine = [depth.posterior.__wrapped__(depth.SALES).quantile(level) for level in (0.05, 0.5, 0.95)]
    assert fine == pytest.approx(coarse, rel=0.01)


def test_depth_is_not_identified_and_says_so():
    """The low end is the data's and the high end the prior's."""
    after = depth.posterior()
    assert not after.identified
    assert not any(depth.posterior((sale,)).identified for sale in depth.SALES)
    assert after.probability[-1] * after.probability.size > 0.25, "what the sales leave of the prior's end"
    assert after.interval[0] > 10.0 * depth.PRIOR_UNITS[0]


def test_a_sharp_sale_would_identify_it():
    """The verdict can go the other way: with errors of 1 % and nothing else, two lots pin depth down."""
    after = depth.posterior(("lots",), depth.Assumptions(errors=0.1, weeks_between_lots=0.0, least_left=1.0))
    assert after.identified
    assert after.quantile(0.5) == pytest.approx(5500.0 / math.log(28 / 22), rel=0.05)


def test_the_calibration_table_holds_the_posterior():
    entry = fact("asic.depth.share")
    found = [depth.share_of_tier(level) for level in (0.05, 0.5, 0.95)]
    assert [entry.low, entry.value, entry.high] == pytest.approx(found, rel=0.04)  # two digits are written
    assert entry.covers(Scenario().secondary_market.impact_depth_share)
    median = depth.posterior().quantile(0.5) / outcomes.tier_units(SCENARIO)
    assert SCENARIO.secondary_market.impact_depth_share == pytest.approx(median, rel=0.01)


# Outcomes


def test_ranking_is_the_chance_of_a_higher_score():
    rng = np.random.default_rng(3)
    scores = rng.integers(0, 6, 25).astype(float)
    scores[0] = math.inf
    chosen = {0, 3, 8, 20}
    others = [i for i in range(25) if i not in chosen]
    wins = [(scores[i] > scores[j]) + 0.5 * (scores[i] == scores[j]) for i in chosen for j in others]
    assert outcomes.ranking(scores, chosen) == pytest.approx(np.mean(wins), rel=1e-12)
    assert outcomes.ranking(rankdata(np.arange(25.0)), {24, 23, 22, 21}) == 1.0
    assert math.isnan(outcomes.ranking(scores, set()))


def test_measures_are_those_of_the_log():
    """Leverage, cover and debt in default of one run, worked out another way."""
    found = outcomes.measure(RUN)
    worths = RUN.opening["machines"].set_index("name").appraisal
    for b, borrower in RUN.opening["borrowers"].iterrows():
        own = RUN.opening["loans"][RUN.opening["loans"].obligor == b]
        assets = borrower.cash + 0.047 * (borrower.btc + own.coins.sum())
        assets += sum(
            borrower[f"units_{m.name.lower().replace(' ', '_')}"] * worths[m.name] for m in SCENARIO.machine
        )
        debts = own.principal.sum()
        assert outcomes.leverage(RUN)[b] == pytest.approx(
            debts / (assets - debts) if assets > debts else math.inf, rel=1e-9
        )
    appraisal = RUN.series.filter(like="appraisal_usd_")
    appraisal.columns = [m.name for m in SCENARIO.machine]
    worth = owed = defaulted = 0.0
    for event in RUN.events[RUN.events.week < 52].itertuples():
        if event.kind == "hand_back":
            worth += event.units * appraisal.loc[event.week, event.machine] * 1e-6
            owed += event.amount_musd
        if event.kind in ("hand_back", "facility_default"):
            defaulted += event.amount_musd
    assert found[outcomes.COVER] == pytest.approx(worth / owed, rel=1e-12)
    failed = RUN.events[(RUN.events.kind == "default") & (RUN.events.week < 52)]
    whole = RUN.opening["loans"]  # every secured loan of a failed borrower defaulted with it or before
    most = whole[(whole.instrument == "machine_loan") & whole.obligor.isin(failed.agent)].principal.sum()
    total = outcomes.debt_in_default(RUN)
    assert defaulted <= total <= defaulted + most + 1e-9


def test_depth_goes_into_the_market():
    """A shallow market takes less for what is seized under the same draws, and fails nobody else here."""
    base = Scenario.load(outcomes.SCENARIO)
    runs = [
        simulate(outcomes.at_depth(base, depth.posterior().quantile(level)), seed=4, replicate=2)
        for level in (0.05, 0.95)
    ]
    shallow, deep = (run.summary["proceeds_musd"] for run in runs)
    assert 0.0 < shallow < 0.8 * deep
    assert runs[0].summary["defaults"] == runs[1].summary["defaults"], "no loan is marked"


@pytest.fixture(scope="module")
def replayed():
    return outcomes.replay(12)


def test_outcomes_as_they_are(replayed):
    """Means at full size, as the page has them, within their Monte Carlo errors."""
    text = page.PAGE.read_text(encoding="utf-8")
    rows = {}
    for line in text.split("<!-- outcomes -->")[1].split("<!-- end")[0].splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        rows[cells[0]] = cells[1:]
    for name, outcome in replayed.items():
        _, middle, error, *_ = rows[name]
        if middle == "none":
            assert math.isnan(outcome.mean), name
            continue
        width = 5.0 * math.hypot(outcome.error, float(error)) + 5e-3 * abs(float(middle))
        assert outcome.mean == pytest.approx(float(middle), abs=width), name


def test_what_happened_stands_beside_every_outcome(replayed):
    rows = read_published(folder_of("asic_loans_2022") / "published.csv")
    assert {row.quantity for row in rows} == {*replayed, *asic_loans_2022.certain()}


def test_the_page_has_its_marks():
    text = page.PAGE.read_text(encoding="utf-8")
    for name in ("value", "depth", "outcomes", "choices"):
        assert text.count(f"<!-- {name} -->") == text.count(f"<!-- end of {name} -->") == 1
    assert "not identified" in text
