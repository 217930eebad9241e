"""The hindcast: its paths and facts, the arithmetic of scorecard and implausibility, and its page."""

import math
import re
from dataclasses import replace
from datetime import date
from itertools import pairwise

import numpy as np
import pytest
from scipy.stats import beta

from hashcredit.agents.dimensions import BorrowerKind
from hashcredit.experiments.papers import folder_of
from hashcredit.experiments.papers.calendar import Calendar
from hashcredit.experiments.papers.hindcast_2023 import (
    evidence,
    matching,
    measures,
    page,
    paths,
    scorecard,
    sentences,
    tables,
)
from hashcredit.experiments.papers.hindcast_2023.evidence import EVIDENCE
from hashcredit.experiments.papers.hindcast_2023.history import follow
from hashcredit.experiments.papers.replication import read_published
from hashcredit.simulator import simulate
from hashcredit.simulator.scenario.facts import fact, facts
from hashcredit.simulator.scenario.scenario import Scenario
from hashcredit.simulator.setup.prepare import prepare

SCENARIO = Scenario.load("hindcast_2023")
BY_NAME = {one.quantity: place for place, one in enumerate(EVIDENCE)}


# The scenario


def test_a_calendar_is_straight_in_logs_between_its_facts_and_still_outside():
    days = {"btc.price.2024-12-02": date(2024, 12, 2), "btc.price.2025-10": date(2025, 10, 6)}
    path = dict(Calendar(date(2024, 11, 18), 60).weekly(days))
    assert [path[week] for week in (0, 1, 2)] == [95_600.0] * 3
    assert path[46] == path[59] == 125_000.0
    assert path[24] == pytest.approx(math.sqrt(95_600 * 125_000), rel=1e-4)
    assert Calendar(date(2024, 11, 18), 60).week(date(2030, 1, 1)) == 59


@pytest.mark.parametrize(
    ("days", "given"),
    [
        (paths.RENT, SCENARIO.shocks.rent_path),
        (paths.BTC, SCENARIO.shocks.btc_path),
        (paths.HASHPRICE, SCENARIO.shocks.hashprice_path),
        (paths.CAPEX, SCENARIO.funding.capex),
        (paths.EXTERNAL, SCENARIO.funding.external_share),
    ],
    ids=("rent", "btc", "hashprice", "capex", "external share"),
)
def test_paths_are_those_of_the_dated_facts(days, given):
    assert dict(given) == pytest.approx(dict(paths.CALENDAR.weekly(days)), rel=1e-9)
    weeks = [week for week, _ in paths.CALENDAR.knots(days)]
    assert all(a < b for a, b in pairwise(weeks)), "a week has one fact"
    inside = {week: value for week, value in paths.CALENDAR.knots(days) if 0 <= week < paths.WEEKS}
    assert inside
    assert {week: dict(given)[week] for week in inside} == pytest.approx(inside, rel=1e-4)


def test_the_opening_knows_the_first_values_of_the_paths():
    assert SCENARIO.start_date == paths.START and SCENARIO.horizon_weeks == paths.WEEKS
    assert SCENARIO.shocks.btc_path[0] == (0, SCENARIO.shocks.btc_price0)
    assert SCENARIO.shocks.rent_path[0] == (0, SCENARIO.compute.rent_index0)
    assert SCENARIO.shocks.hashprice_path[0] == (0, SCENARIO.mining.hashprice0)
    steps = [(0, SCENARIO.credit.policy_rate), *((one.week, one.value) for one in SCENARIO.interventions)]
    assert steps == paths.CALENDAR.knots(paths.RATE)
    assert {one.field for one in SCENARIO.interventions} == {"credit.policy_rate"}


def test_the_pool_is_balanced_in_the_first_week():
    """Saving and what comes back of capital expenditure, less other claims and what is paid for outside."""
    funding = SCENARIO.funding
    back = funding.multiplier * (1.0 - funding.tightness) * funding.lagged_capex0
    drawn = funding.capex[0][1] * funding.external_share[0][1]
    assert abs(funding.saving + back - funding.fiscal - drawn) < 1.0


def test_machines_are_those_of_the_baseline_that_were_sold_by_then():
    baseline = {one.name: one for one in Scenario().machine}
    moved = {"A100": {"throughput", "source"}, "S19 XP": {"price_new", "source"}}
    for one in SCENARIO.machine:
        assert one.launch_date < date(2026, 3, 30)
        changed = {
            name for name in type(one).model_fields if getattr(one, name) != getattr(baseline[one.name], name)
        }
        assert changed - {"evidence"} == moved.get(one.name, set())
        for name in ("throughput", "kw", "price_new", "life_years"):
            assert getattr(one, name) == fact(f"{one.source}.{name}").value
    late = {name for name, one in baseline.items() if one.launch_date >= date(2026, 3, 30)}
    assert {one.name for one in SCENARIO.machine} == set(baseline) - late


# The facts


def test_facts_are_what_their_sources_say():
    """Each number from the tables that it names: the fact itself, or one over another."""
    for row in read_published(folder_of("hindcast_2023") / "published.csv"):
        named = re.match(r"([\w.-]+)(?: over ([\w.-]+))?", row.source)
        top, bottom = named.group(1), named.group(2)
        value = fact(top).value
        if bottom:
            scale = 1e3 if fact(top).unit != fact(bottom).unit else 1.0
            value /= fact(bottom).value * scale
        inside = abs(row.value - value) <= max(row.tolerance, 5e-3 * abs(value))
        assert inside, (row.quantity, row.value, value)


def test_each_fact_is_compared_once_and_each_that_is_not_has_a_key():
    assert [one.quantity for one in EVIDENCE] == list(evidence.published())
    assert all(key in facts() and what and why for what, key, why in evidence.NOT_REPRESENTED)
    assert all(one.discrepancy > 0.0 and one.why for one in EVIDENCE)


def test_errors_of_facts():
    assert evidence.binomial_error(0, 4) == pytest.approx(beta(1, 5).std(), rel=1e-12)
    assert evidence.binomial_error(2, 25) == pytest.approx(beta(3, 24).std(), rel=1e-12)
    assert evidence.few_cases(evidence.RECOVERIES) == pytest.approx(np.std(evidence.RECOVERIES, ddof=1))
    priced = EVIDENCE[BY_NAME[measures.A100_2026]]  # 8000 +- 4000, in logs
    assert priced.observation == pytest.approx(math.log(1.5) / math.sqrt(3.0))
    assert priced.scaled(0.0) == math.log(evidence.LEAST) and math.isnan(priced.scaled(math.nan))
    case = EVIDENCE[BY_NAME[measures.VEHICLES]]  # a tolerance and few cases
    assert case.observation == pytest.approx(math.hypot(0.13 / math.sqrt(3.0), evidence.ONE_CASE))


# The scorecard


def score(name, values, opening=math.nan):
    return scorecard.Score(EVIDENCE[BY_NAME[name]], np.asarray(values, float), opening)


def test_a_fact_is_met_within_the_middle_of_the_replicates_and_its_own_tolerance():
    values = np.linspace(15_000.0, 24_000.0, 101)  # 5 and 95 %: 15,450 and 23,550
    one = score(measures.H100_2026, values, 27_000.0)
    assert one.interval == pytest.approx((15_450.0, 23_550.0))
    assert one.met  # 23,500 lies inside
    lower = score(measures.H100_2026, values - 1_600.0, 27_000.0)
    assert lower.interval[1] == pytest.approx(21_950.0) and not lower.met  # 1,500 of tolerance are not enough
    assert score(measures.H100_2026, values - 1_500.0, 27_000.0).met
    width = math.hypot(math.log1p(1_500 / 23_500) / math.sqrt(3.0), 0.25)
    both = math.log(23_500 / 19_500) / width, math.log(27_000 / 23_500) / width
    assert one.distances == pytest.approx(both) and one.closer is False
    assert score(measures.H100_2026, values + 3_000.0, 27_000.0).closer is True


def test_too_few_cases_make_no_verdict():
    values = np.full(200, math.nan)
    values[: scorecard.LEAST_CASES - 1] = 1.0
    one = score(measures.WHOLE, values)
    assert not one.is_told and not one.met and math.isnan(one.interval[0]) and one.closer is None
    assert tables.verdict(one) == "too few cases"
    assert "(19)" in sentences.silent_words([one])


# History matching


def explored(mean, variance=None, count=None):
    """Points at which the model says the same of every replicate; facts as rows of EVIDENCE."""
    mean = np.asarray(mean, float)
    points = len(mean)
    u = (np.arange(points)[:, None] + 0.5) / points * np.ones(len(matching.PRIOR))
    variance = np.zeros_like(mean) if variance is None else np.asarray(variance, float)
    count = np.full(mean.shape, 5) if count is None else np.asarray(count)
    return matching.Explored(u, mean, variance, count)


def right(points=1):
    """What the facts are, at so many points."""
    return np.tile([one.scaled(one.published.value) for one in EVIDENCE], (points, 1))


def test_implausibility_is_a_distance_in_standard_deviations():
    place = BY_NAME[measures.DUE]  # error of the fact .0005/sqrt(3), of the model .15
    mean, variance = right(), np.zeros((1, len(EVIDENCE)))
    mean[0, place] += 0.6
    variance[0, place] = 0.04
    (found,) = matching.implausibility(explored(mean, variance), place, EVIDENCE[place])
    assert found == pytest.approx(0.6 / math.sqrt(0.04 * 1.2 + (0.0005**2) / 3.0 + 0.15**2), rel=1e-12)
    assert explored(mean, variance).implausibility()[0, BY_NAME[measures.FIRM]] == pytest.approx(
        0.0, abs=1e-12
    )


def test_points_are_ruled_out_and_facts_that_rule_out_all_are_told():
    mean = right(4)
    spread, firm, waived = (BY_NAME[name] for name in (measures.SPREAD_BEST, measures.FIRM, measures.WAIVED))
    mean[:3, spread] += 1.0  # never right
    mean[3, spread] = math.nan  # and nothing said of it here
    mean[:2, firm] += 5.0
    mean[:, waived] = math.nan
    matched = matching.match(explored(mean))
    assert np.flatnonzero(matched.structural).tolist() == [spread]
    assert (matched.by_fact[spread], matched.silent[spread]) == (0.75, 0.25)
    assert (matched.by_fact[waived], matched.silent[waived]) == (0.0, 1.0)
    assert matched.broken.tolist() == [1, 1, 0, 0], "without the one that no point meets"
    assert (matched.share, matched.others(), matched.others(1)) == (0.25, 0.5, 1.0)
    assert matched.share_of(evidence.DEBTS) == 0.5 and matched.share_of(evidence.PRICES) == 1.0
    assert matched.passed_over == 1 and matched.kept.all(), "too few points are left otherwise"
    assert "leave 25 % of the prior" in sentences.share_words(matched)
    assert measures.SPREAD_BEST in sentences.structural_words(matched)


def test_a_prior_that_nothing_rules_out_is_said_to_be_whole():
    matched = matching.match(explored(right(3)))
    assert matched.share == 1.0
    assert "100 %" in sentences.share_words(matched) and "tell nothing" in sentences.share_words(matched)
    assert sentences.loosened(matched, 0.5) == 1.0


def test_narrowing_tells_a_part_from_the_whole():
    u = matching.design(200)
    assert not any(one.narrowed for one in matching.narrowing(u)), "the prior is not narrower than itself"
    trend = [one.name for one in matching.PRIOR].index("valuation.trend")
    left = matching.narrowing(u[u[:, trend] < 0.4])
    assert [one.parameter.name for one in left if one.narrowed] == ["valuation.trend"]
    assert left[trend].high < 0.3 and not left[trend].has_base  # .1 + .4 * .5
    assert matching.narrowing(u[: matching.LEAST_KEPT - 1]) == []
    assert "`valuation.trend` (0.388)" in sentences.baseline_words(left)


def test_every_parameter_changes_the_scenario_at_both_ends():
    for parameter in matching.PRIOR:
        low, high = parameter.at(np.array([0.0, 1.0]))
        assert (low, high) == pytest.approx((parameter.low, parameter.high))
        ends = [SCENARIO.with_changes(parameter.changes(SCENARIO, float(end))) for end in (low, high)]
        assert ends[0] != ends[1]
        assert parameter.low <= parameter.base <= parameter.high
        assert SCENARIO.with_changes(parameter.changes(SCENARIO, parameter.base)) == SCENARIO


# A history


@pytest.fixture(scope="module")
def history():
    return follow(prepare(SCENARIO, 5), 1, measures.STOPS)


def test_a_history_has_the_bits_of_the_run(history):
    run = simulate(SCENARIO, seed=5, replicate=1)
    assert np.array_equal(history.series, run.economy.series, equal_nan=True)
    for name in ("borrowers", "loans", "contracts"):
        for week, other in ((measures.OPENING, run.before), (measures.END, run.economy)):
            ours, theirs = getattr(history.books[week], name), getattr(other, name)
            for column in ours.dtype.names:  # between them lie bytes without a meaning
                np.testing.assert_array_equal(ours[column], theirs[column])
    assert history.column("debt_musd") == pytest.approx(run.series.debt_musd.to_numpy())
    both = sum(measures.debt(history.books[measures.END], kind).sum() for kind in BorrowerKind)
    assert both == pytest.approx(run.series.debt_musd.iloc[-1], rel=1e-9)


def test_measures_are_those_of_the_tables(history):
    """Failures, issues and interest of one run worked out from its frames."""
    run = simulate(SCENARIO, seed=5, replicate=1)
    found, opening = measures.measure(history)
    events, borrowers, loans = run.events, run.tables["borrowers"], run.tables["loans"]
    miners = events[(events.kind == "loan") & (events.counterparty_kind == "miners")]
    first, last = (paths.CALENDAR.week(day) for day in measures.QUARTERS["2025Q2"])
    base = measures.debt(history.books[measures.AUTUMN_2024], BorrowerKind.MINER).sum()
    raised = miners[(miners.week >= first) & (miners.week < last)].amount_musd.sum() / base
    assert found[measures.ISSUED["2025Q2"]] == pytest.approx(raised, rel=1e-9)
    failed = events[(events.kind == "default") & (events.agent_kind == "miners")]
    assert found[measures.FAILED_MINERS] == pytest.approx(len(failed) / (borrowers.kind == "miner").sum())
    clouds = borrowers[borrowers.kind == "neocloud"]
    row = int(clouds.filter(like="debt_").sum(axis=1).idxmax())
    own = loans[(loans.obligor == row) & (loans.status == "performing")]
    rates = np.where(own.fixed_rate == 1, own.rate, own.rate + run.series.policy_rate.iloc[-1])
    interest = float((rates * own.principal).sum())
    if interest > 0.0:
        earned = interest / found[measures.INTEREST]
        assert 0.0 < earned < 1e5  # revenue that the share implies, M$ a year
    assert set(opening) <= set(found) and set(found) == set(BY_NAME)


# The page


def test_the_page_says_what_its_table_says():
    text = (folder_of("hindcast_2023") / page.NAME).read_text(encoding="utf-8")
    for name in ("scorecard", "choices", "facts", "prior"):
        assert text.count(f"<!-- {name} -->") == text.count(f"<!-- end of {name} -->") == 1
    card = text.split("<!-- scorecard -->")[1].split("<!-- end")[0]
    met, told = map(int, re.search(r"## The scorecard: (\d+) of (\d+) met", text).groups())
    assert met == card.count("| met |") and told == met + card.count("| missed |")
    assert all(f"| {one.quantity} |" in card for one in EVIDENCE)
    assert all(f"`{key}`" in text for _, key, _ in evidence.NOT_REPRESENTED)
    assert (folder_of("hindcast_2023") / "hindcast_2023.png").exists()


def test_the_page_is_written_from_numbers():
    """The same text with other numbers has other verdicts."""
    values = right(8)
    good = [scorecard.Score(one, np.full(40, one.published.value), math.nan) for one in EVIDENCE]
    others = {"as it is": scorecard.Variant(good, 0.5, 2.0)}
    text = page.write(good, others, matching.match(explored(values)), replicates=40, each=5)
    assert f"## The scorecard: {len(EVIDENCE)} of {len(EVIDENCE)} met" in text
    assert "**All facts together leave 100 % of the prior.**" in text
    bad = [replace(one, values=one.values + 1e6) for one in good]
    text = page.write(bad, others, matching.match(explored(values + 1e6)), replicates=40, each=5)
    assert f"## The scorecard: 0 of {len(EVIDENCE)} met" in text
    assert "**All facts together leave nothing of the prior.**" in text
    assert max(len(line) for line in text.splitlines() if not line.startswith("|")) <= page.WIDTH
