"""Two prices of compute: occupancy on demand; who looks for contracts, and what a contract pays."""

import math

import numpy as np
import pytest
from worlds import ASIC, GPU, NEW_GPU, World

from hashcredit.simulator.machines.earnings import (
    demand_growth,
    move_compute_market,
    occupancy,
    set_earnings,
)
from hashcredit.simulator.machines.rents import (
    Life,
    contract_gain,
    level_over,
    open_terms,
    pick_customer,
    seek_terms,
    sign,
    term_rent,
    terms_wanted,
    units_wanted,
    value_on_demand,
)
from hashcredit.simulator.machines.valuation import machine_value

FALL = (1 - math.exp(-0.1)) / 0.1
"""Mean of a year in which rents fall by a tenth."""


def world(**numbers) -> World:
    """A market without launches whose contracts last a year; rents are expected to fall by 10 % a year."""
    w = World(neoclouds=1, banks=1, **numbers)
    w.economy.machines["launches"][:] = 0
    w.market["active"] = w.market["active_base"] = 1000.0
    w.repo["opening_tightness"] = 0.0
    return w


# On demand.


def test_occupancy_follows_demand_over_supply_and_stays_a_share() -> None:
    p = world(compute_occupancy0=0.65, compute_occupancy_response=1.5).p
    assert occupancy(p, 0.0) == pytest.approx(0.65, rel=1e-12)
    for scarcity in (-0.4, 0.4):
        found = occupancy(p, scarcity)
        odds = found / (1 - found)
        assert odds == pytest.approx(0.65 / 0.35 * math.exp(1.5 * scarcity), rel=1e-12)
    assert 0.0 < occupancy(p, -20.0) < occupancy(p, 20.0) <= 1.0
    p["compute_occupancy0"] = 1.0
    assert occupancy(p, -1.0) == 1.0


def test_a_contract_pays_all_hours_and_demand_the_hours_that_are_sold() -> None:
    w = world(compute_occupancy0=0.65, compute_ondemand_premium=1.26)
    w.market["occupancy"] = 0.65
    set_earnings(w.economy, w.p)
    machine = w.economy.machines[NEW_GPU]
    assert machine["full_rent"] == pytest.approx(2.0 * 8766 * 2.0 * 1e-6, rel=1e-12)  # twice the throughput
    assert machine["earning"] == pytest.approx(machine["full_rent"] * 1.26 * 0.65, rel=1e-12)
    asic = w.economy.machines[ASIC]
    assert asic["full_rent"] == asic["earning"] > 0.0


def test_more_supply_than_demand_empties_machines() -> None:
    w = world(compute_occupancy0=0.65, compute_occupancy_response=1.0)
    w.market["active"] = 2000.0  # (2 + 3) / 4 times the supply of the opening
    move_compute_market(w.economy, w.p)
    odds = 0.65 / 0.35 / 1.25
    assert w.market["occupancy"] == pytest.approx(odds / (1 + odds), rel=1e-12)


def test_a_turn_of_demand() -> None:
    """In its week 30 % are gone at once, and from then on demand grows at another rate."""
    p = world(compute_demand_growth=0.4, compute_demand_tightness=0.2, turn_week=60, turn_drop=0.3,
              turn_growth=-0.1).p  # fmt: skip
    assert demand_growth(p, 0.5, 59) == pytest.approx(0.3, rel=1e-12)
    assert math.exp(demand_growth(p, 0.0, 60) / 52) == pytest.approx(0.7 * math.exp(-0.1 / 52), rel=1e-12)
    assert demand_growth(p, 0.5, 61) == pytest.approx(-0.2, rel=1e-12)


# Who looks for a contract.


def test_customers_renew_and_grow() -> None:
    w = world(compute_term_share=0.6)
    assert terms_wanted(w.p, 1000.0, 0.35) == pytest.approx(600.0 * (1.0 + 0.35), rel=1e-12)
    assert terms_wanted(w.p, 1000.0, -1.0) == 0.0  # demand falls as fast as contracts end
    assert terms_wanted(w.p, 1000.0, -3.0) == 0.0


def test_a_week_of_searching() -> None:
    """Half in vain at first; whoever stays 26 weeks on average; the premium moves with who is left."""
    w = world(compute_term_share=0.52, compute_demand_growth=0.0, compute_term_premium_speed=2.0,
              compute_term_premium_reversion=1.0)  # fmt: skip
    open_terms(w.economy, w.p)
    assert w.market["term_sought"] == pytest.approx(10.0 * 26, rel=1e-12)  # ten a week
    assert w.market["term_pool"].tolist() == [0.0, 0.0, pytest.approx(130.0, rel=1e-12), 0.0]
    w.market["term_premium"] = 0.1
    w.economy.macro["capex"] = w.economy.macro_paths[0, 0]
    seek_terms(w.economy, w.p)
    assert w.market["term_sought"] == pytest.approx(260.0, rel=1e-12)  # as many leave as come
    pool = 130.0 * 25 / 26 + 10.0
    assert w.market["term_pool"].sum() == pytest.approx(pool, rel=1e-12)
    step = (2.0 * (pool / 260.0 - 0.5) - 0.1) / 52
    assert w.market["term_premium"] == pytest.approx(0.1 + step, rel=1e-12)


@pytest.mark.parametrize(("tightness", "slack"), [(0.0, 1.0), (0.5, 0.5), (1.0, 0.0)])
def test_tight_funding_keeps_customers_away(tightness: float, slack: float) -> None:
    w = world(compute_term_share=0.52)
    w.market["tightness"] = tightness
    w.economy.macro["capex"] = w.economy.macro_paths[0, 0]
    seek_terms(w.economy, w.p)
    assert w.market["term_sought"] == pytest.approx(10.0 * slack, rel=1e-12)


def test_who_has_found_machines_looks_no_more() -> None:
    w = world()
    w.market["term_pool"] = (5.0, 0.0, 11.0, 0.0)
    assert pick_customer(w.economy, 5.0 / 16.0 - 1e-9) == 0
    assert pick_customer(w.economy, 5.0 / 16.0 + 1e-9) == 2
    assert units_wanted(w.economy, NEW_GPU, 2) == 5
    sign(w.economy, NEW_GPU, 2, 5)
    assert w.market["term_pool"].tolist() == [5.0, 0.0, 1.0, 0.0]
    sign(w.economy, NEW_GPU, 2, 1)
    assert w.market["term_pool"][2] == 0.0
    w.market["term_pool"] = 0.0
    assert pick_customer(w.economy, 0.5) == -1


# What a contract pays.


def test_rent_is_what_is_expected_of_rents_and_a_premium() -> None:
    w = world()
    w.machine(NEW_GPU, full_rent=0.03)
    assert level_over(w.economy, w.p, NEW_GPU, Life.CONTRACT) == pytest.approx(FALL, rel=1e-12)
    assert term_rent(w.economy, w.p, NEW_GPU) == pytest.approx(0.03 * FALL, rel=1e-12)
    w.market["term_premium"] = 0.2
    assert term_rent(w.economy, w.p, NEW_GPU) == pytest.approx(0.03 * FALL * math.exp(0.2), rel=1e-12)
    # two years, the life of a loan in these worlds
    assert level_over(w.economy, w.p, NEW_GPU, Life.LOAN) == pytest.approx(
        5 * (1 - math.exp(-0.2)), rel=1e-12
    )


def test_an_announced_launch_lowers_the_rent_of_a_contract() -> None:
    w = world()
    w.machine(NEW_GPU, full_rent=0.03)
    before = term_rent(w.economy, w.p, NEW_GPU)
    other = world()
    other.machine(NEW_GPU, full_rent=0.03, launches=1)
    other.economy.machines["launch_at"][NEW_GPU, 0] = 26.0
    other.economy.machines["launch_step"][NEW_GPU, 0] = 0.2
    assert 0.8 * before < term_rent(other.economy, other.p, NEW_GPU) < before


@pytest.mark.parametrize("ahead", [0, 1])
def test_on_demand_use_during_a_contract(ahead: int) -> None:
    """With a lead of half a year, what is earned between then and a year later."""
    w = world(investment_lead_weeks=26, valuation_volatility=0.3)
    start = 0.5 * ahead
    none = np.zeros(1), np.ones(1), 0
    parts = [
        machine_value(0.020, 0.1, 0.003, 0.2, 0.3, until, *none) for until in (start + 1.0, start) if until
    ]
    found = value_on_demand(w.economy, w.p, NEW_GPU, 0, 0.2, ahead)
    assert found == pytest.approx(parts[0] - (parts[1] if ahead else 0.0), rel=2e-6)


def test_gain_of_a_contract_compares_present_values() -> None:
    """A rent under today's on demand is a gain where that falls faster; a shaky customer is worth less."""
    w = world(valuation_trend=0.4, credit_offtaker_hazard=(0.0, 0.5, 0.5, 0.5))
    w.borrower(0, cost_of_capital=0.14)
    w.machine(GPU, earning=0.010, cost=0.002, full_rent=0.010)

    def gain(grade: int, rent: float) -> float:
        return contract_gain(w.economy, w.p, GPU, w.borrowers[0], grade, rent, 0)

    def by_hand(rate: float, rent: float) -> float:
        contract = (rent - 0.002) * (1 - math.exp(-rate)) / rate
        both = rate + 0.4
        return contract - (0.010 * (1 - math.exp(-both)) / both - 0.002 * (1 - math.exp(-rate)) / rate)

    for rent in (0.0085, 0.012):
        assert gain(0, rent) == pytest.approx(by_hand(0.2, rent), rel=2e-6)
        assert gain(1, rent) == pytest.approx(by_hand(0.7, rent), rel=2e-6)
    assert gain(0, 0.0085) > 0.0 > gain(0, 0.0075)
    assert gain(0, 0.012) > gain(1, 0.012) > 0.0
