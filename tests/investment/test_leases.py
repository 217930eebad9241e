"""Tenants leave slots that have stood empty for as long as leaving them costs rent."""

from typing import Any

import pytest
from worlds import GPU, World

from hashcredit.agents.dimensions import ORDERS, BorrowerStatus, Cooling
from hashcredit.simulator.investment.leases import review_leases
from hashcredit.simulator.state.codes import Flow

EXIT_WEEKS = 26.0
DECISION_WEEKS = 13
RENT = 0.001 / 52
"""M$ a week for an air slot: 1 kW at .001 M$ a year."""


def world(free: int = 8, cash: float = 1.0, **numbers: Any) -> World:
    """A neo-cloud with ten machines in racks and some empty ones; it plans in weeks 12, 25, 38, ..."""
    w = World(
        neoclouds=1,
        banks=1,
        **({"costs_lease_exit_weeks": EXIT_WEEKS, "investment_decision_weeks": DECISION_WEEKS} | numbers),
    )
    w.borrower(0, units={GPU: 10}, cash=cash)
    borrower = w.borrowers[0]
    borrower["slots"][Cooling.AIR] = 10 + free
    borrower["lease_week"] = (10 + free) * RENT
    w.open()
    return w


def plans(w: World, count: int) -> None:
    """So many more of its plans pass."""
    for _ in range(count):
        w.clock["week"] += 1
        while (w.clock["week"] + 1) % DECISION_WEEKS:
            w.clock["week"] += 1
        review_leases(w.economy, w.p)


def slots(w: World) -> int:
    return int(w.borrowers["slots"][0, Cooling.AIR])


def test_slots_are_left_when_their_rent_has_come_to_the_price_of_leaving() -> None:
    w = world()
    plans(w, 2)  # empty for 26 weeks at most: it does not pay yet
    assert slots(w) == 18 and not w.economy.outcomes["slots_left"][0]
    plans(w, 1)
    assert slots(w) == 10
    assert w.borrowers["lease_week"][0] == pytest.approx(10 * RENT, rel=1e-12)
    assert w.borrowers["cash"][0] == pytest.approx(1.0 - 8 * EXIT_WEEKS * RENT, rel=1e-12)
    assert w.economy.outcomes["slots_left"][0] == 8
    assert w.market["slots_closed"] == 8
    assert w.market["vacant"][Cooling.AIR] == int(w.p["resolution_relet_share"] * 8)
    assert w.economy.flows[Flow.SITE_LEASES].max() == pytest.approx(8 * EXIT_WEEKS * RENT)
    w.assert_books_close()


def test_only_slots_that_stood_empty_all_the_while_are_left() -> None:
    w = world()
    plans(w, 1)
    w.borrowers["racked"][0, Cooling.AIR] += 5  # for one plan three are empty
    plans(w, 1)
    w.borrowers["racked"][0, Cooling.AIR] -= 5
    plans(w, 1)
    assert slots(w) == 15


def test_a_full_site_begins_to_count_anew() -> None:
    w = world()
    plans(w, 2)
    w.borrowers["racked"][0, Cooling.AIR] += 8
    plans(w, 1)
    w.borrowers["racked"][0, Cooling.AIR] -= 8
    plans(w, 2)
    assert slots(w) == 18
    plans(w, 1)
    assert slots(w) == 10


def test_slots_for_machines_on_order_are_not_empty() -> None:
    w = world()
    order = w.economy.orders[:ORDERS]
    order["machine"][0], order["units"][0], order["holder"][0] = GPU, 6, -1
    w.borrowers["orders"][0] = 1
    plans(w, 3)
    assert slots(w) == 16


def test_as_many_are_left_as_cash_pays_for() -> None:
    w = world(cash=3.5 * EXIT_WEEKS * RENT)
    plans(w, 3)
    assert slots(w) == 15
    assert w.borrowers["cash"][0] >= 0.0


@pytest.mark.parametrize("never", ["not allowed", "failed", "none empty"])
def test_nobody_else_leaves(never: str) -> None:
    w = world(free=0 if never == "none empty" else 8)
    if never == "not allowed":
        w.p["costs_lease_exit_weeks"] = 0.0
    if never == "failed":
        w.borrowers["status"][0] = BorrowerStatus.IN_RESOLUTION
    before = slots(w)
    plans(w, 6)
    assert slots(w) == before and not w.economy.outcomes["slots_left"][0]
