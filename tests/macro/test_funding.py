"""The week of the funding pool: against a naive twin, by hand, and inside the market."""

import math

import numpy as np
import pytest

from hashcredit.simulator import Scenario, simulate, simulate_funding
from hashcredit.simulator.macro.pool import fund_week, open_funding, pool_of, tightness_of
from hashcredit.simulator.scenario.facts import fact
from hashcredit.simulator.setup.parameters import compile_parameters
from hashcredit.simulator.state.pool import (
    ASSET,
    INVESTOR,
    MACRO,
    WITH,
    WITHOUT,
    Asset,
    Investor,
    MacroFlow,
    MacroSector,
)

BASELINE = Scenario()
SMALL = BASELINE.with_changes({"population.miners": 15, "population.neoclouds": 15, "horizon_weeks": 60})
DT = 1.0 / 52.0


# A naive twin: the equations of docs/odd.md with lists and dictionaries.


class Twin:
    """One world of the pool; `row` is its scenario's parameter record."""

    def __init__(self, row, tightness):
        self.row = row
        self.pool = row["funding_normal"] * (
            1 + math.log((1 - tightness) / tightness) / row["funding_steepness"]
        )
        self.tightness = tightness
        self.kappa0 = self.kappa = self.cost(tightness)
        self.lagged = row["funding_lagged_capex0"]
        self.investors = [
            {
                "cash": float(row["investors_cash"][i]),
                "holdings": list(row["investors_holdings"][i]),
                "unit": 1.0,
                "peak": 1.0,
            }
            for i in range(5)
        ]
        self.weights = row["investors_holdings"].sum(axis=0)
        self.mean = self.weights.sum()
        self.hoard = 0.0
        self.withdrawn = 0.0
        self.sold = [0.0] * 5

    def cost(self, tightness):
        row = self.row
        premium = row["funding_premium"] + row["funding_premium_convexity"] * tightness**2
        return row["credit_policy_rate"] + premium

    def raise_cash(self, i, wanted, prices):
        """Sell the assets of least conviction first until `wanted` bn$ are there."""
        investor, raised = self.investors[i], 0.0
        conviction = self.row["investors_conviction"][i]
        for asset in sorted(range(5), key=lambda k: (conviction[k], k)):
            amount = min(max(0.0, wanted - raised), investor["holdings"][asset] * prices[asset])
            investor["holdings"][asset] -= amount / prices[asset]
            self.sold[asset] += amount
            raised += amount
        investor["cash"] += raised
        self.pool -= raised

    def week(self, before, prices, capex, share, purchases, fiscal, issuance, coins):
        row = self.row
        self.sold = [0.0] * 5
        external = share * capex * DT
        inflows = row["investors_inflow"]
        response = row["funding_saving_response"] * (self.kappa - self.kappa0)
        self.pool += (row["funding_saving"] + response - inflows.sum()) * DT
        self.pool += row["funding_plumbing"] * purchases * DT
        self.pool += row["funding_multiplier"] * (1 - self.tightness) * self.lagged * DT
        self.pool -= fiscal * DT + issuance + coins
        back = self.withdrawn * (1 - math.exp(-row["funding_return_speed"] * DT))
        self.withdrawn -= back
        self.pool += back
        committed = row["investors_commitment"].sum() * DT
        part = min(1.0, external / committed) if committed else 0.0
        honoured = 0.0
        for i, investor in enumerate(self.investors):
            old = investor["cash"] + sum(q * p for q, p in zip(investor["holdings"], before, strict=True))
            new = investor["cash"] + sum(q * p for q, p in zip(investor["holdings"], prices, strict=True))
            investor["unit"] *= new / old if old > 1e-9 else 1.0
            investor["peak"] = max(investor["peak"], investor["unit"])
            fallen = 1 - investor["unit"] / investor["peak"]
            asked = 0.0
            if fallen > row["investors_redemption_threshold"][i]:
                asked = min(1.0, row["investors_redemption_share"][i] * DT) * new
            investor["cash"] += inflows[i] * DT
            due = row["investors_commitment"][i] * DT * part
            self.raise_cash(i, due - investor["cash"], prices)
            paid = min(due, investor["cash"])
            investor["cash"] -= paid
            honoured += paid
            self.raise_cash(i, asked - investor["cash"], prices)
            paid = min(asked, investor["cash"])
            investor["cash"] -= paid
            self.withdrawn += paid
            spare = max(0.0, investor["cash"] - row["investors_cash"][i])
            investor["cash"] -= spare
            self.pool += spare
        portfolio = float((self.weights * prices).sum())
        self.mean += (portfolio - self.mean) / row["funding_hoarding_weeks"]
        hoard = row["funding_hoarding"] * max(0.0, self.mean - portfolio)
        self.pool -= hoard - self.hoard
        self.hoard = hoard
        drawn = min(max(0.0, external - honoured), max(0.0, self.pool))
        self.pool -= drawn
        spent = capex - (external - honoured - drawn) / DT
        keep = math.exp(-1 / row["funding_multiplier_weeks"])
        self.lagged = keep * self.lagged + (1 - keep) * spent
        fill = self.pool / row["funding_normal"] - 1
        self.tightness = 1 / (1 + math.exp(row["funding_steepness"] * fill))
        self.kappa = self.cost(self.tightness)
        return spent


def random_scenario(rng):
    """Numbers of all sizes, so that some commitments go unpaid and some pools run dry."""
    changes = {
        "funding.tightness": float(rng.uniform(0.05, 0.95)),
        "funding.normal": float(rng.uniform(50.0, 2000.0)),
        "funding.steepness": float(rng.uniform(1.0, 8.0)),
        "funding.saving": float(rng.uniform(100.0, 1000.0)),
        "funding.saving_response": float(rng.uniform(0.0, 9000.0)),
        "funding.hoarding": float(rng.uniform(0.0, 0.5)),
        "funding.multiplier": float(rng.uniform(0.0, 0.5)),
        "funding.multiplier_weeks": float(rng.uniform(1.0, 60.0)),
        "funding.return_speed": float(rng.choice([0.0, 0.5, 20.0])),
    }
    for investor in Investor:
        name = f"investors.{investor.name.lower()}"
        changes |= {
            f"{name}.cash": float(rng.uniform(0.0, 50.0)),
            f"{name}.holdings": [float(x) for x in rng.uniform(0.0, 60.0, 5) * (rng.random(5) < 0.7)],
            f"{name}.conviction": [float(x) for x in rng.integers(0, 4, 5)],
            f"{name}.commitment": float(rng.uniform(0.0, 80.0)),
            f"{name}.inflow": float(rng.uniform(0.0, 40.0)),
            f"{name}.redemption_threshold": float(rng.uniform(0.0, 0.4)),
            f"{name}.redemption_share": float(rng.uniform(0.0, 60.0) * 0.8),
        }
    return BASELINE.with_changes(changes)


def tables():
    flows = np.zeros((1, len(MacroFlow), len(MacroSector)))
    return np.zeros(1, MACRO), np.zeros((1, 5), ASSET), np.zeros((1, 5), INVESTOR), flows


@pytest.mark.parametrize("case", range(12))
def test_week_is_that_of_the_naive_twin(case):
    rng = np.random.default_rng(case)
    scenario = random_scenario(rng)
    record = compile_parameters(scenario)
    macro, assets, investors, flows = tables()
    tightness = scenario.funding.tightness
    open_funding(macro, assets, investors, flows, record[0], tightness)
    twin = Twin(record[0], tightness)
    assert macro["cash"][0, MacroSector.POOL] == pytest.approx(twin.pool, rel=1e-13)
    prices = np.ones(5)
    for week in range(40):
        before, prices = prices, prices * np.exp(rng.normal(-0.02, 0.08, 5))
        paths = np.array([[rng.uniform(0, 1200), rng.uniform(), rng.uniform(-200, 200), rng.uniform(0, 900)]])
        issuance, coins = rng.normal(0.0, 2.0), rng.exponential(0.5)
        assets["before"], assets["relative"], assets["sold"] = before, prices, 0.0
        fund_week(macro[0], assets[0], investors[0], flows[0], record[0], paths, week, issuance, coins)
        spent = twin.week(before, prices, *paths[0], issuance, coins)
        scale = 1.0 + abs(twin.pool)
        assert macro["cash"][0, MacroSector.POOL] == pytest.approx(twin.pool, abs=1e-9 * scale)
        assert macro["cash"][0, MacroSector.CLIENTS] == pytest.approx(twin.withdrawn, abs=1e-8)
        assert macro["tightness"][0] == pytest.approx(twin.tightness, abs=1e-9)
        assert macro["cost_of_capital"][0] == pytest.approx(twin.kappa, abs=1e-9)
        assert macro["capex"][0] == pytest.approx(spent, abs=1e-6)
        assert assets["sold"][0] == pytest.approx(twin.sold, abs=1e-8)
        for i, investor in enumerate(twin.investors):
            row = investors[0, i]
            assert row["cash"] == pytest.approx(investor["cash"], abs=1e-8)
            assert row["holdings"] == pytest.approx(investor["holdings"], abs=1e-7)
            assert row["unit"] == pytest.approx(investor["unit"], rel=1e-9)
    assert macro["residual"][0] < 1e-12


@pytest.mark.parametrize("tightness", [0.01, 0.2, 0.5, 0.99])
def test_pool_and_tightness_are_inverse(tightness):
    p = compile_parameters(BASELINE)[0]
    assert tightness_of(p, pool_of(p, tightness)) == pytest.approx(tightness, rel=1e-12)
    assert tightness_of(p, -1e9) == pytest.approx(1.0) and tightness_of(p, 1e9) < 1e-200


def test_slope_of_the_cost_of_capital_lies_where_crowding_was_seen():
    """Against a fact that had no part in it: rise for 1 bn$ of bonds, in the opening."""
    p = compile_parameters(BASELINE)[0]
    tight = BASELINE.funding.tightness
    more = tightness_of(p, pool_of(p, tight) - 1.0)
    rise = BASELINE.funding.premium_convexity * (more**2 - tight**2)
    assert fact("crowding.beta").covers(rise)


def test_first_week_of_the_baseline_is_in_balance():
    funding = BASELINE.funding
    water = funding.saving + funding.multiplier * (1 - funding.tightness) * funding.lagged_capex0
    assert water - funding.fiscal - funding.external_share * funding.capex[0][1] == pytest.approx(
        0.0, abs=1.0
    )


# In the market


@pytest.fixture(scope="module")
def market():
    return simulate(SMALL, 3, 1)


def test_world_without_this_economy_is_the_pool_alone(market):
    """The same code and the same draws: the same bits."""
    alone = simulate_funding(SMALL, 3, 1)
    assert np.array_equal(market.series["tightness_exogenous"], alone.series["tightness_without"])
    end = {name: market.economy.macro[WITHOUT][name] for name in MACRO.names}
    assert all(np.array_equal(end[name], alone.macro[-1, WITHOUT][name]) for name in MACRO.names)
    assert market.economy.assets[WITHOUT].tobytes() == alone.assets[-1, WITHOUT].tobytes()
    assert market.economy.investors[WITHOUT].tobytes() == alone.table[WITHOUT].tobytes()


def test_this_economys_debt_moves_tightness(market):
    """It repays more than it borrows: the money is back in the pool."""
    # The last week's payments are seen in the week after the last, so a run that is a week shorter made them.
    seen = simulate(SMALL.with_changes({"horizon_weeks": SMALL.horizon_weeks - 1}), 3, 1).flows
    lent = -seen.loc[["loan_drawdowns", "loan_repayments", "recoveries"], "lenders"].sum()
    posted = market.economy.macro_flows[WITH, MacroFlow.ISSUANCE, MacroSector.THIS_ECONOMY]
    assert posted == pytest.approx(lent * SMALL.funding.scale / 1e3, rel=1e-9)
    assert posted != 0.0
    assert np.sign((market.series["tightness"] - market.series["tightness_exogenous"]).iloc[-1]) == np.sign(
        posted
    )


def test_both_worlds_are_the_same_where_nothing_is_issued_and_sold():
    run = simulate(SMALL.with_changes({"funding.scale": 0.0, "population.miners": 0}), 2)
    economy = run.economy
    assert run.flows.loc["loan_repayments", "lenders"] > 0.0
    assert economy.macro[WITH].tobytes() == economy.macro[WITHOUT].tobytes()
    assert economy.assets[WITH].tobytes() == economy.assets[WITHOUT].tobytes()
    assert economy.investors[WITH].tobytes() == economy.investors[WITHOUT].tobytes()
    assert economy.macro_flows[WITH].tobytes() == economy.macro_flows[WITHOUT].tobytes()


def test_without_the_channel_agents_see_the_other_world():
    loud = {"funding.scale": 200.0, "credit.btc_depth": 500.0, "miners.btc_loan_probability": 1.0}
    loud["shocks.forced_default"] = {"week": 4, "machine": "S21", "units": 10**9}
    on = simulate(SMALL.with_changes(loud), 3)
    off = simulate(SMALL.with_changes({**loud, "channels.macro_funding": False}), 3)
    assert np.array_equal(off.series["tightness"], off.series["tightness_exogenous"])
    assert np.array_equal(off.series["tightness"], on.series["tightness_exogenous"])
    assert off.series["btc_price_usd"].iloc[-1] == off.economy.assets["price"][WITHOUT, Asset.BTC]
    assert not np.array_equal(on.series["tightness"], on.series["tightness_exogenous"])
    apart = np.log(on.series["btc_price_usd"] / off.series["btc_price_usd"])
    assert (apart.iloc[:5] == 0.0).any() and apart.min() < -0.001
    assert np.array_equal(on.economy.assets[WITHOUT]["price"], off.economy.assets[WITHOUT]["price"])


@pytest.mark.parametrize("rule", ["pool", "path"])
def test_every_identity_holds_with_every_phase_on(rule):
    stress = {
        "funding.rule": rule,
        "funding.scale": 50.0,
        "funding.tightness": 0.6,
        "horizon_weeks": 30,
        "shocks.forced_default": {"week": 3, "machine": "H100", "units": 5000},
    }
    summary = simulate(SMALL.with_changes(stress), 1, check=True).summary
    assert summary["macro_residual"] < 1e-12 and summary["money_residual"] < 1e-9
    assert 0.0 < summary["mean_tightness"] < 1.0


def test_hyperscalers_stock_is_built_by_their_capex():
    """First week as stated, then the sum of what was built less what was retired; a cut slows supply."""
    flat = SMALL.with_changes({"funding.rule": "path", "funding.capex": 700.0})
    stock = simulate_stock(flat)
    growth, retired, better = (
        flat.compute.hyperscaler_growth,
        flat.compute.hyperscaler_retirement,
        flat.compute.hyperscaler_efficiency,
    )
    assert stock[0] == pytest.approx(math.exp(growth * DT), rel=1e-12)
    built = retired + (math.exp(growth * DT) - 1) / DT
    naive = [1.0]
    for week in range(60):
        naive.append(naive[-1] + (built * math.exp(better * week * DT) - retired * naive[-1]) * DT)
    assert stock == pytest.approx(naive[1:], rel=1e-12)
    cut = simulate_stock(flat.with_changes({"funding.capex": [[0, 700.0], [10, 700.0], [11, 350.0]]}))
    assert np.array_equal(cut[:11], stock[:11]) and (cut[11:] < stock[11:]).all()


def simulate_stock(scenario):
    """The hyperscalers' throughput over that of the opening, week by week, from the market's supply."""
    run = simulate(scenario.with_changes({"compute.hyperscaler_multiple": 1000.0}))
    others = 1000.0
    ends = run.economy.macro["stock"]
    assert ends[WITH] == ends[WITHOUT]
    from hashcredit.simulator.setup.prepare import allocate, clear, prepare
    from hashcredit.simulator.week.step import open_economy, run_weeks

    setup = prepare(scenario, 1)
    economy = allocate(setup, series=False, events=0)
    clear(economy, setup)
    open_economy(economy, setup.parameters, 1, 0)
    found = []
    for _ in range(scenario.horizon_weeks):
        run_weeks(economy, setup.parameters, 1, 0, 1)
        found.append(float(economy.macro["stock"][WITH]))
    own = run.series["supply"].to_numpy() * (1 + others) - others * np.array(found)
    assert (own > -1e-6 * others).all() and (own < 5.0).all(), "the rest of supply is this economy's"
    return np.array(found)
