"""Lots of seized machines: units and money add up, steps multiply, each is what a second count says."""

import numpy as np
import pandas as pd
import pytest

from hashcredit.simulator import Scenario, realised_split, seized_lots, simulate
from hashcredit.simulator.errors import RefusedError
from hashcredit.simulator.reports.seized import STEPS, VALUES
from hashcredit.simulator.reports.statistics import mean_estimate

DUMP = Scenario.load("dump_10k_h100").with_changes({"resolution.take_over": False, "horizon_weeks": 104})


@pytest.fixture(scope="module")
def run():
    return simulate(DUMP, seed=1, replicate=0)


@pytest.fixture(scope="module")
def lots(run):
    return seized_lots(run)


@pytest.mark.parametrize("name", ["baseline_2026", "dump_10k_h100"])
def test_lots_add_up_to_the_scalars_and_to_what_lenders_hold(name):
    """To rounding of sums of thousands of sales."""
    for replicate in range(3):
        scenario = Scenario.load(name).with_changes({"resolution.take_over": False})
        run = simulate(scenario, seed=2, replicate=replicate)
        lots, said = seized_lots(run), run.summary
        assert lots.units_seized.sum() == said["units_dumped"] > 0
        for column in ("paper_musd", "paper_sold_musd", "proceeds_musd"):
            scalar = column.replace("paper_musd", "paper_value_musd")
            assert lots[column].sum() == pytest.approx(said[scalar], rel=1e-12), column
        held = run.tables["lenders"].filter(like="units_").to_numpy().sum()
        assert lots.units_held.sum() == held and (lots.units_held >= 0).all()
        assert not lots.duplicated(["default_event", "machine"]).any()
        seizures = run.events.query("kind == 'seizure'").groupby(["parent", "machine"])
        assert (seizures.week.nunique() == 1).all() and (seizures.price.nunique() == 1).all()


def test_a_lot_is_what_its_events_say(run, lots):
    """One lot counted again from the log, the series and the scenario; costs from the terms of its buyers."""
    lot = lots.sort_values("units_sold").iloc[-1]
    events, series, terms = run.events, run.series, run.setup.scenario
    mine = events[(events.parent == lot.default_event) & (events.machine == lot.machine)]
    sales, (seizure, *_) = mine[mine.kind == "sale"], mine[mine.kind == "seizure"].itertuples()
    value = series[f"fundamental_usd_{lot.machine.lower().replace(' ', '_')}"] * 1e-6
    assert lot.paper_sold_musd == pytest.approx(sales.units.sum() * seizure.price * 1e-6)
    assert lot.worth_musd == pytest.approx(sales.units.sum() * value[seizure.week])
    assert lot.aged_musd == pytest.approx((sales.units * value[sales.week].to_numpy()).sum())
    assert lot.proceeds_musd == pytest.approx((sales.units * sales.price).sum() * 1e-6)
    assert lot.weeks_to_sale == pytest.approx(np.average(sales.week - seizure.week, weights=sales.units))
    costs, kinds, market = 0.0, run.tables["buyers"].kind, terms.secondary_market
    assert lot.machine == "H100"  # air-cooled, 12 months of a lease a year
    lease = terms.costs.lease[1] * terms.costs.slot_kw[1] * 12.0 * 1e-6 * market.slot_cost_share
    for sale in sales.itertuples():
        kind = kinds[sale.counterparty] if sale.counterparty_kind == "buyers" else "operator"
        if kind != "scrap_dealer":
            costs += sale.units * getattr(terms.buyers, kind).moving_cost * 1e-6
        if kind in ("broker", "refurbisher"):
            rate = series.cost_of_capital[sale.week] + getattr(terms.buyers, kind).spread
            years = (1.0 - np.exp(-rate * terms.valuation.horizon_years)) / rate
            costs += sale.units * lease * years
    assert lot.net_musd == pytest.approx(lot.aged_musd - costs)
    failure = events.loc[lot.default_event]
    assert (lot.default_week, lot.cause, lot.borrower) == (failure.week, failure.cause, failure.agent_name)


def test_four_factors_multiply_to_the_fifth(lots):
    for part in (lots, lots[lots.cause == "forced"], lots[lots.machine == "H100"]):
        split = realised_split(part).value
        assert list(split.index) == list(STEPS)
        assert split.iloc[:4].prod() == pytest.approx(split["proceeds to paper"], rel=1e-14)
        assert (split > 0.0).all()


@pytest.mark.parametrize(
    ("changes", "left"),
    [
        ({"channels.fire_sale": False}, 1.0),
        ({"secondary_market.rule": "deep", "secondary_market.deep_margin": 0.25}, 0.75),
    ],
)
def test_what_is_left_without_an_auction_is_the_margin_of_the_formula(changes, left):
    """All sell at their income value, or at a share of it.

    New machines cost so much here that they cap no price: what a sale knows of them is newer by a week.
    Values are renewed each week, so that the series has those of the week of sale.
    """
    dear = {f"machine.{one.name}.price_new": 20.0 * one.price_new for one in DUMP.machine}
    uncapped = {**dear, "secondary_market.scrap_share": 0.0, "valuation.refresh_weeks": 1}
    lots = seized_lots(simulate(DUMP.with_changes({**uncapped, **changes}), seed=1))
    lots = lots[lots.units_sold > 0]
    assert len(lots) > 10
    np.testing.assert_allclose(lots.proceeds_musd, left * lots.net_musd, rtol=1e-12)
    split = realised_split(lots).value
    assert split["fire-sale discount"] == pytest.approx(left, rel=1e-12)
    assert split["moving and slots"] == 1.0
    assert split["late marking"] * split["ageing until sale"] != pytest.approx(1.0, abs=0.01)


def test_nothing_seized_is_an_empty_table():
    nobody = {"population.miners": 0, "population.neoclouds": 3, "horizon_weeks": 2}
    lots = seized_lots(simulate(Scenario.load().with_changes(nobody)))
    assert len(lots) == 0 and set(VALUES) < set(lots.columns)
    assert realised_split(lots).isna().all(axis=None)
    assert realised_split(lots.assign(seed=1)).isna().all(axis=None)


def test_what_is_no_table_of_lots_is_refused():
    with pytest.raises(RefusedError, match="table: 'paper_sold_musd'"):
        realised_split(pd.DataFrame({"units": [1]}))
    with pytest.raises(RefusedError, match="clusters"):
        realised_split(pd.DataFrame({name: [1.0] for name in VALUES}), clusters=["sed"])


def test_intervals_are_those_of_the_clusters():
    """Equal denominators make a ratio of sums a plain mean, whose interval is Student's."""
    rng = np.random.default_rng(5)
    proceeds = rng.uniform(0.4, 0.8, (6, 3))
    rows = [
        dict.fromkeys(VALUES, 1.0) | {"seed": seed, "replicate": replicate, "proceeds_musd": value}
        for seed, row in enumerate(proceeds)
        for replicate, value in enumerate(row)
    ]
    lots = pd.DataFrame(rows)
    for clusters, sample in ((["seed", "replicate"], proceeds.ravel()), (["seed"], proceeds.mean(axis=1))):
        known = mean_estimate(sample)
        found = realised_split(lots, clusters).loc["proceeds to paper"]
        expected = (known.mean, known.standard_error, known.low, known.high)
        assert tuple(found) == pytest.approx(expected, rel=1e-12)
    assert realised_split(lots, []).loc["proceeds to paper", "value"] == pytest.approx(proceeds.mean())
    assert realised_split(lots, []).low.isna().all()
