"""The order book of the first week: what a growing fleet has on order."""

import math

import numpy as np
import pytest

from hashcredit.agents.dimensions import ORDERS
from hashcredit.simulator import Scenario
from hashcredit.simulator.setup.prepare import allocate, clear, prepare
from hashcredit.simulator.week.step import open_economy

SEED = 3


def opened(changes=None, replicate=0):
    """Setup and tables of an opening."""
    setup = prepare(Scenario.load().with_changes(changes or {}), seed=SEED)
    economy = allocate(setup, series=False, events=0)
    clear(economy, setup)
    open_economy(economy, setup.parameters, SEED, replicate)
    return setup, economy


@pytest.fixture(scope="module")
def growing():
    return opened()


def owners(orders):
    return np.flatnonzero(orders["units"] > 0) // ORDERS


def test_on_order_is_what_a_fleet_grows_by_in_the_lead_time(growing):
    setup, economy = growing
    orders, machines = economy.orders[economy.orders["units"] > 0], economy.machines
    scenario = setup.scenario
    lead = scenario.investment.lead_weeks
    gpus = machines["kind"] == 0
    fleet = economy.borrowers["units"][:, gpus] @ machines["price_new"][gpus]
    growth = math.expm1(scenario.neoclouds.fleet_growth * lead / 52)
    wanted = growth * fleet[owners(economy.orders)] / orders["price"]
    assert len(orders) > 50
    assert np.abs(orders["units"] - wanted).max() <= 0.5 + 1e-9  # whole machines
    assert (machines["launch_week"][orders["machine"]] < 0).all()
    assert (machines["end_of_sale_week"][orders["machine"]] >= 0).all()
    assert (orders["delivery_week"] >= 0).all() and (orders["delivery_week"] < lead).all()


def test_all_neoclouds_and_the_miners_with_gpus_have_an_order(growing):
    _, economy = growing
    gpus = economy.machines["kind"] == 0
    with_gpus = np.flatnonzero(economy.borrowers["units"][:, gpus].sum(axis=1) > 0)
    assert len(np.unique(owners(economy.orders))) == len(owners(economy.orders))
    assert np.isin(owners(economy.orders), with_gpus).all()
    # who is too small for a machine has none
    assert len(owners(economy.orders)) > 0.9 * len(with_gpus)


def test_lenders_have_the_equity_for_what_they_promised(growing):
    setup, economy = growing
    promised = economy.orders[economy.orders["units"] > 0]
    by_lender = np.bincount(promised["holder"], promised["commitment"], len(economy.lenders))
    np.testing.assert_allclose(economy.lenders["committed"], by_lender, rtol=1e-12, atol=1e-12)
    lenders = economy.lenders
    for name, kind in (("bank", 0), ("private_credit", 1)):
        terms = getattr(setup.scenario.lenders, name)
        rows = (lenders["kind"] == kind) & (by_lender > 0)
        book = lenders["loans"].sum(axis=1)[rows] + by_lender[rows]
        enough = terms.equity_ratio * (1 + terms.headroom) * book
        assert rows.any() and (lenders["opening_equity"][rows] >= enough * (1 - 1e-12)).all()


def test_a_share_of_what_is_ordered_is_signed_for(growing):
    setup, _ = growing
    books = [opened(replicate=replicate)[1].orders for replicate in range(10)]
    signed = np.concatenate([orders["rent"][orders["units"] > 0] > 0.0 for orders in books])
    share = 0.5 * (setup.scenario.neoclouds.contracted_low + setup.scenario.neoclouds.contracted_high)
    deviation = math.sqrt(share * (1 - share) / len(signed))
    assert abs(signed.mean() - share) < 4 * deviation


def test_without_growth_nothing_is_on_order_and_ages_are_uniform():
    _, still = opened({"neoclouds.fleet_growth": 0.0})
    assert not still.orders["units"].any() and not still.borrowers["deposits"].any()
    assert not still.lenders["committed"].any()


def test_cash_for_machines_on_order_is_there_besides(growing):
    """Debt, leases and the cash that goes by them are those of a fleet of the same ages."""
    _, economy = growing
    borrowers, orders = economy.borrowers, economy.orders
    reserved = np.maximum(0.0, orders["reserved"]).reshape(len(borrowers), -1).sum(axis=1)
    np.testing.assert_allclose(borrowers["reserved"], reserved, rtol=1e-12)
    assert (borrowers["cash"] > borrowers["reserved"]).all()


def test_growing_fleets_are_young():
    """Ages are exponential at the growth rate, cut at the oldest: mean 1/g - A/(exp(gA) - 1)."""
    growth, oldest = 2.0, 104 / 52
    mean = 1 / growth - oldest / math.expm1(growth * oldest)
    for rate, expected in ((growth, mean), (0.0, oldest / 2)):
        ages = []
        for replicate in range(6):
            setup, economy = opened({"neoclouds.fleet_growth": rate}, replicate)
            m = setup.machine_names.index("A100")  # out for longer than two years, bought at one price
            life, price = economy.machines["life_years"][m], economy.machines["price_new"][m]
            neoclouds = economy.borrowers[economy.borrowers["kind"] == 1]
            held = neoclouds[neoclouds["units"][:, m] > 0]
            left = held["book"][:, m] / (held["units"][:, m] * price)
            ages.extend(life * (1 - left))
        deviation = np.std(ages) / math.sqrt(len(ages))
        assert abs(np.mean(ages) - expected) < 4 * deviation + 0.5 / 52  # whole weeks, rounded down


def test_a_growth_that_is_next_to_nothing_gives_the_fleet_of_none():
    """5e-324 a year is a positive number whose 52nd part is not: ages came out as minus 9e18 weeks."""
    none = opened({"neoclouds.fleet_growth": 0.0})[1]
    # Under 1e-9 a year an age moves by less than 1e-7 weeks, before it is rounded down to whole weeks.
    for growth in (5e-324, 1e-310, 1e-12):
        economy = opened({"neoclouds.fleet_growth": growth})[1]
        assert not economy.orders["units"].any()
        for table in ("borrowers", "lenders", "loans"):
            for name in getattr(none, table).dtype.names:
                now, then = getattr(economy, table)[name], getattr(none, table)[name]
                np.testing.assert_allclose(now, then, rtol=1e-9, atol=1e-12, err_msg=f"{table}.{name}")
