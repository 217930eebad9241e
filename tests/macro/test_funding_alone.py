"""`simulate_funding`: the pool without the market, by its laws."""

import math

import numpy as np
import pytest

from hashcredit.simulator import Scenario, simulate_funding
from hashcredit.simulator.errors import ScenarioError
from hashcredit.simulator.state.pool import WITH, Asset, MacroSector

BASELINE = Scenario()
STILL = {"shocks.btc_volatility": 0.0, "assets.volatility": [0.0] * 4}
"""Prices move for no reason of their own."""
NAMES = [asset.name.lower() for asset in Asset]
IDLE = {
    f"investors.{kind}.{field}": value
    for kind in ("sovereign_fund", "conglomerate", "hedge_funds", "retail", "pension")
    for field, value in (("commitment", 0.0), ("redemption_share", 0.0))
}
"""Investors who have promised nothing and whose clients are patient."""
PATIENT = {name: 1.0 for name in IDLE if name.endswith("redemption_share")}
PATIENT = {name.replace("redemption_share", "redemption_threshold"): value for name, value in PATIENT.items()}
"""Clients who never ask anything back, all else equal."""


@pytest.fixture(scope="module")
def run():
    return simulate_funding(BASELINE, 5, 2)


def test_series_and_flows_close(run):
    """Rows and columns of the matrix sum to zero, and weekly flows explain the pool."""
    scale = run.flows.abs().to_numpy().max()
    assert run.flows.sum(axis=0).abs().max() < 1e-12 * scale
    assert run.flows.sum(axis=1).abs().max() < 1e-12 * scale
    assert run.summary["macro_residual"] < 1e-12
    series = run.series
    assert len(series) == BASELINE.horizon_weeks and series.index.name == "week"
    change = series["pool"].diff().iloc[1:] * 52.0
    into = series.filter(like="flow_").sum(axis=1).iloc[1:]
    assert np.allclose(change, into, atol=1e-6)
    assert np.allclose(change, (series["water"] - series["drain"]).iloc[1:], atol=1e-6)
    cash = run.macro["cash"][-1, WITH].sum() + run.table["cash"][WITH].sum()
    assert cash == pytest.approx(run.macro["opening_money"][-1, WITH], rel=1e-12)


def test_worlds_differ_by_the_issuance_given():
    same = simulate_funding(BASELINE, 5)
    for name in same.series:
        if name.endswith("_without"):
            assert np.array_equal(same.series[name], same.series[name.removesuffix("_without")]), name
    debt = np.zeros(BASELINE.horizon_weeks)
    debt[10] = 20.0
    other = simulate_funding(BASELINE, 5, issuance=debt)
    assert np.array_equal(other.series["pool_without"], same.series["pool"])
    assert np.array_equal(other.series["pool"][:10], same.series["pool"][:10])
    assert other.series["pool"][10] == pytest.approx(same.series["pool"][10] - 20.0, rel=1e-12)
    assert (other.series["tightness"][10:] > same.series["tightness"][10:]).all()
    assert other.flows.loc["issuance", "this_economy"] == pytest.approx(20.0)


def test_replicates_are_their_own_and_a_run_repeats(run):
    again = simulate_funding(BASELINE, 5, 2)
    assert again.series.equals(run.series)
    assert not np.array_equal(simulate_funding(BASELINE, 5, 3).series["btc"], run.series["btc"])
    shorter = simulate_funding(BASELINE.with_changes({"horizon_weeks": 50}), 5, 2)
    assert simulate_funding(BASELINE, 5, 2, weeks=50).series.equals(shorter.series)


def test_more_capex_is_tighter_and_purchases_are_looser():
    still = BASELINE.with_changes(STILL)
    base = simulate_funding(still).series["tightness"]
    more = [(week, 1.5 * value) for week, value in BASELINE.funding.capex]
    assert (simulate_funding(still.with_changes({"funding.capex": more})).series["tightness"] > base).all()
    share = simulate_funding(still.with_changes({"funding.external_share": 0.6})).series["tightness"]
    assert (share > base).all()
    for changes in ({"funding.purchases": 100.0}, {"funding.fiscal": 500.0}, {"funding.saving": 900.0}):
        looser = simulate_funding(still.with_changes(changes)).series["tightness"]
        assert (looser < base).all(), changes
    blocked = simulate_funding(still.with_changes({"funding.purchases": 100.0, "funding.plumbing": 0.0}))
    assert np.array_equal(blocked.series["tightness"], base)


def test_capex_stimulates_with_slack_and_less_without():
    """The water that capex brings back shrinks in proportion to slack."""
    slack, none = (
        simulate_funding(BASELINE.with_changes({**STILL, "funding.tightness": t}), weeks=1).series
        for t in (0.1, 0.9)
    )
    assert none["flow_multiplier"][0] / slack["flow_multiplier"][0] == pytest.approx(1 / 9, rel=1e-12)


def test_assets_fall_by_their_duration_when_capital_costs_more():
    """Without sales and without news a price falls by duration times the rise; equal durations fall alike."""
    tight = {**STILL, **IDLE, "funding.fiscal": [[0, 641.0], [4, 641.0], [8, 2500.0]]}
    series = simulate_funding(BASELINE.with_changes(tight)).series
    rise = series["cost_of_capital"].iloc[-2] - 0.0
    opening = BASELINE.credit.policy_rate + BASELINE.funding.premium
    opening += BASELINE.funding.premium_convexity * BASELINE.funding.tightness**2
    rise -= opening
    assert rise > 0.02
    falls = -np.log(series[NAMES].iloc[-1].to_numpy() / [BASELINE.shocks.btc_price0, 1, 1, 1, 1])
    assert falls == pytest.approx(np.array(BASELINE.assets.duration) * rise, rel=1e-9)
    assert np.argsort(falls).tolist() == np.argsort(BASELINE.assets.duration).tolist()
    placebo = simulate_funding(BASELINE.with_changes({**tight, "assets.duration": [5.0] * 5})).series
    falls = -np.log(placebo[NAMES].iloc[-1].to_numpy() / [BASELINE.shocks.btc_price0, 1, 1, 1, 1])
    assert np.ptp(falls) < 1e-12


def test_commitments_are_paid_by_selling_the_least_trusted_first():
    """One asset is sold out before the next is touched; what cannot be sold is drawn from the pool."""
    owner = "investors.conglomerate"
    changes = {
        **STILL,
        **IDLE,
        "assets.depth": [1e6] * 5,
        f"{owner}.cash": 0.0,
        f"{owner}.holdings": [3.0, 20.0, 20.0, 0.0, 20.0],
        f"{owner}.conviction": [5.0, 1.0, 1.0, 0.0, 3.0],
        f"{owner}.commitment": 52.0,
    }
    scenario = BASELINE.with_changes(changes)
    order = (1, 2, 4, 0)
    for weeks in (5, 19, 25, 45, 62, 70):
        run = simulate_funding(scenario, weeks=weeks)
        left = run.table["holdings"][WITH, 1]
        touched = [left[k] < scenario.investors.conglomerate.holdings[k] for k in order]
        empty = [left[k] == 0.0 for k in order]
        assert touched == sorted(touched, reverse=True)
        for place in range(1, 4):
            assert not touched[place] or empty[place - 1]
        paid = run.flows.loc["commitments", "hyperscalers"]
        assert paid == pytest.approx(run.flows.loc["asset_sales", "investors"], rel=1e-12)
        external = (run.series["capex_planned"] * scenario.funding.external_share / 52.0).sum()
        assert run.flows.loc["capex", "hyperscalers"] + paid == pytest.approx(external, rel=1e-12)
        assert np.allclose(run.series["capex"], run.series["capex_planned"], rtol=1e-12)


def fund_of_btc():
    """BTC fed in falls by steps; the fund of BTC alone has redemptions where it lies 30 % under its peak."""
    fund = "investors.retail"
    return {
        **STILL,
        **IDLE,
        f"{fund}.cash": 0.0,
        f"{fund}.inflow": 0.0,
        f"{fund}.holdings": [100.0, 0.0, 0.0, 0.0, 0.0],
        f"{fund}.redemption_threshold": 0.3,
        f"{fund}.redemption_share": 2.6,
        "shocks.btc_path": [(0, 67e3), (9, 80e3), (10, 60e3), (19, 60e3), (20, 50e3), (29, 50e3), (30, 79e3)],
    }


def test_clients_ask_money_back_only_under_the_threshold():
    run = simulate_funding(BASELINE.with_changes({**fund_of_btc(), "funding.return_speed": 0.0}), weeks=40)
    sold = -run.series["flow_asset_sales"].to_numpy() / 52.0
    asked = np.diff(run.series["withdrawn"].to_numpy(), prepend=0.0)
    assert sold == pytest.approx(asked, abs=1e-9)
    assert np.flatnonzero(asked > 1e-12).tolist() == list(range(20, 30))
    first = 0.05 * 100.0 * 50.0 / 67.0
    assert asked[20:30] == pytest.approx(first * 0.95 ** np.arange(10), rel=1e-9)


@pytest.mark.parametrize("speed", [0.0, 0.5, 4.0])
def test_the_pool_lacks_what_clients_asked_back_until_they_bring_it(speed):
    """Where nothing answers to tightness it is lower by their account, which fades at the speed stated."""
    numb = {"funding.saving_response": 0.0, "funding.multiplier": 0.0, "funding.hoarding": 0.0}
    scenario = BASELINE.with_changes({**fund_of_btc(), **numb, "funding.return_speed": speed})
    run = simulate_funding(scenario, weeks=60)
    patient = simulate_funding(scenario.with_changes(PATIENT), weeks=60)
    withdrawn = run.series["withdrawn"].to_numpy()
    expected, held = [], 0.0
    for week in range(60):
        asked = 0.05 * 100.0 * 50.0 / 67.0 * 0.95 ** (week - 20) if 20 <= week < 30 else 0.0
        held = held * math.exp(-speed / 52.0) + asked
        expected.append(held)
    assert withdrawn == pytest.approx(expected, rel=1e-9, abs=1e-9)
    gap = (patient.series["pool"] - run.series["pool"]).to_numpy()
    assert gap == pytest.approx(expected, rel=1e-9, abs=1e-9)
    assert run.flows.loc["redemptions", "pool"] == 0.0
    assert run.flows.loc["change in cash", "clients"] == pytest.approx(-withdrawn[-1], rel=1e-9)
    assert run.summary["macro_residual"] < 1e-12


def test_redemptions_tighten_funding_and_lower_prices():
    """Paired on the same draws, at the speed of the baseline."""
    wild = {"assets.volatility": [0.5, 0.5, 0.3, 0.1]}
    pairs = [
        [simulate_funding(BASELINE.with_changes({**wild, **end}), 7, k).series for k in range(60)]
        for end in ({}, PATIENT)
    ]
    tighter = np.array([(on["tightness"] - off["tightness"]).mean() for on, off in zip(*pairs, strict=True)])
    cheaper = np.array([np.log(on["btc"] / off["btc"]).mean() for on, off in zip(*pairs, strict=True)])
    for effect, sign in ((tighter, 1.0), (cheaper, -1.0)):
        assert sign * effect.mean() > 4.0 * effect.std() / math.sqrt(len(effect))


def test_a_path_of_btc_is_its_price_without_this_economy():
    path = [(0, 67e3), (30, 20e3)]
    run = simulate_funding(BASELINE.with_changes({"shocks.btc_path": path}), weeks=31, issuance=1.0)
    wanted = np.interp(np.arange(31), *zip(*path, strict=True))
    assert run.series["btc_without"].to_numpy() == pytest.approx(wanted, rel=1e-13)
    assert run.series["btc"].iloc[-1] < run.series["btc_without"].iloc[-1]


def test_an_empty_pool_rations_capex():
    dry = {"funding.fiscal": 3000.0, "funding.saving_response": 0.0}
    run = simulate_funding(BASELINE.with_changes(dry))
    series = run.series
    late = series.iloc[-20:]
    assert (late["pool"] < 0.0).all() and (late["tightness"] > 0.98).all()
    assert (late["flow_capex"] == 0.0).all() and run.summary["capex_not_funded"] > 100.0
    own = 1.0 - BASELINE.funding.external_share
    assert (late["capex"] < late["capex_planned"]).all()
    assert (late["capex"] >= own * late["capex_planned"] - 1e-9).all()
    assert (late["compute_stock"] < simulate_funding(BASELINE).series["compute_stock"].iloc[-20:]).all()
    assert run.summary["macro_residual"] < 1e-12


def test_falling_prices_drain_and_rising_ones_give_back():
    """Hoarding is a share of the shortfall from the trailing mean; once prices are back it is gone."""
    path = [(0, 67e3), (4, 67e3), (5, 30e3), (20, 30e3), (21, 67e3), (60, 67e3)]
    changes = {**STILL, **IDLE, "assets.duration": [0.0] * 5, "shocks.btc_path": path}
    run = simulate_funding(BASELINE.with_changes(changes), weeks=60)
    hoard = run.series["hoard"].to_numpy()
    held = sum(terms.holdings[0] for _, terms in BASELINE.investors)
    fall = held * (1 - 30 / 67)
    assert hoard[:5] == pytest.approx(0.0, abs=1e-9)
    assert hoard[5] == pytest.approx(BASELINE.funding.hoarding * fall * (1 - 1 / 52), rel=1e-9)
    assert hoard[21:] == pytest.approx(0.0, abs=1e-9)
    assert run.flows.loc["hoarding", "savers"] == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("name", ["btc", "software", "memory", "hedge_fund_units", "sovereign_bonds"])
def test_total_volatility_is_what_the_scenario_says(name, returns):
    """Annualised volatility of weekly log prices over replicates, with the error of their spread."""
    scenario, changes = returns
    wanted = (scenario.shocks.btc_volatility, *scenario.assets.volatility)[NAMES.index(name)]
    variances = changes[name].var(axis=1) * 52.0
    error = variances.std() / math.sqrt(len(variances))
    assert variances.mean() == pytest.approx(wanted**2, abs=4.0 * error)
    assert error < 0.05 * wanted**2, "or the test says nothing"


@pytest.fixture(scope="module")
def returns():
    """Weekly log changes of prices by asset class [replicate, week], where sales do move prices."""
    thin = {"assets.depth": [40.0, 200.0, 200.0, 80.0, 2000.0], "funding.hoarding": 0.3}
    scenario = BASELINE.with_changes(thin)
    runs = [simulate_funding(scenario, 11, k).assets["price"][:, WITH] for k in range(150)]
    logs = np.log(np.array(runs) / [BASELINE.shocks.btc_price0, 1, 1, 1, 1])
    steps = np.diff(logs, axis=1, prepend=0.0)
    return scenario, {name: steps[:, :, k] for k, name in enumerate(NAMES)}


def test_classes_move_together_by_their_loadings():
    """Correlation of two innovations is the product of their loadings, where prices are fundamentals."""
    plain = {**IDLE, "assets.duration": [0.0] * 5}
    scenario = BASELINE.with_changes(plain)
    runs = [simulate_funding(scenario, 4, k).assets["price"][:, WITH] for k in range(60)]
    steps = np.diff(np.log(np.array(runs)), axis=1).reshape(-1, 5)
    found = np.corrcoef(steps.T)
    loadings = np.array([scenario.assets.btc_loading, *scenario.assets.loading])
    wanted = np.outer(loadings, loadings)
    off = ~np.eye(5, dtype=bool)
    assert np.abs(found - wanted)[off].max() < 4.0 / math.sqrt(len(steps))


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"scenario": BASELINE.with_changes({"funding.rule": "path"})}, "funding.rule"),
        ({"weeks": 0}, "weeks"),
        ({"weeks": 5000}, "weeks"),
        ({"seed": -1}, "seed"),
        ({"issuance": [1.0, 2.0]}, "issuance"),
        ({"issuance": float("nan")}, "issuance"),
        ({"issuance": "much"}, "issuance"),
    ],
)
def test_bad_input_is_refused(arguments, field):
    with pytest.raises(ScenarioError, match=field):
        simulate_funding(**arguments)


def test_investors_table(run):
    table = run.investors
    assert list(table.index) == ["sovereign_fund", "conglomerate", "hedge_funds", "retail", "pension"]
    assert table["commitments"].sum() == pytest.approx(run.flows.loc["commitments", "hyperscalers"])
    assert table["sales"].sum() == pytest.approx(run.flows.loc["asset_sales", "investors"])
    assert table["cash"].sum() == pytest.approx(
        run.table["target"][WITH].sum() - run.flows.loc["change in cash", "investors"]
    )
    assert run.macro["cash"][-1, WITH, MacroSector.INVESTORS] == 0.0
