"""A neo-cloud, a bank and a vendor: where plans are made."""

from worlds import ASIC, GPU, NEW_GPU, World

from hashcredit.simulator.investment.deliveries import deliver
from hashcredit.simulator.investment.plans import invest

PLANNING_WEEK = 12  # plans are made every 13 weeks
OFFER = 0.5 * 0.036
"""A bank's loan on a newer GPU: half of the appraisal, which is below the price of 0.040."""
OWN = 0.040 + 0.001 - OFFER
"""What a machine takes of the buyer's own cash, a new slot (0.001) included."""


def world(cash: float = 1.0, credit: list | None = None, **numbers) -> World:
    """A neo-cloud with 60 slots, 55 of them full, and a bank; the vendor sells newer GPUs worth 0.060."""
    w = World(**({"neoclouds": 1, "banks": 1} | numbers), credit=credit)
    w.clock["week"] = PLANNING_WEEK
    w.machine(NEW_GPU, end_of_sale_week=200)
    w.borrower(0, units={GPU: 55}, cash=cash, cost_of_capital=0.14, grade=1, slots=(0, 60, 0))
    w.lender(0, cash=10.0, capital_target=0.1)
    w.value(NEW_GPU, 0.060)
    w.value(ASIC, 0.0)
    w.open()
    return w


def bought(w: World) -> int:
    invest(w.economy, w.p, 1, 0)
    deliver(w.economy, w.p)
    return int(w.borrowers["units"][0, NEW_GPU])
