"""A borrower that orders newer GPUs, for tests of orders and of deliveries."""

from worlds import ASIC, GPU, NEW_GPU, World

from hashcredit.simulator import Scenario
from hashcredit.simulator.books.ledger import pay
from hashcredit.simulator.investment.deliveries import deliver
from hashcredit.simulator.investment.plans import invest
from hashcredit.simulator.state.codes import Flow

PLANNING_WEEK = 12  # plans are made every 13 weeks
LEAD = 13
ARRIVAL = PLANNING_WEEK + LEAD
PRICE = 0.040
DEPOSIT = 0.25 * PRICE
OFFER = 0.5 * 0.036
"""A bank's loan on a newer GPU: half of the appraisal, which is below the price."""
SLOT = 0.001
BASELINE = Scenario.load()


def world(cash: float = 0.3, credit: list | None = None, **numbers) -> World:
    """A neo-cloud with 60 slots, 55 of them full, and a bank; newer GPUs come 13 weeks after the order.

    With a cash of 0.3 it spends half of that, 0.15, at 0.023 a machine: it orders six.
    """
    terms = {"investment_lead_weeks": LEAD, "investment_deposit_share": 0.25}
    w = World(**({"neoclouds": 1, "banks": 1} | terms | numbers), credit=credit)
    w.clock["week"] = PLANNING_WEEK
    w.machine(NEW_GPU, end_of_sale_week=200)
    w.borrower(0, units={GPU: 55}, cash=cash, cost_of_capital=0.14, grade=1, slots=(0, 60, 0))
    for lender in w.lenders:
        lender["cash"] = 10.0
    plan_values(w)
    w.open()
    return w


def plan_values(w: World) -> None:
    """This week a newer GPU is worth 0.060 to everybody and nothing else is worth buying."""
    w.value(NEW_GPU, 0.060)
    w.value(ASIC, 0.0)


def ordered(w: World) -> int:
    invest(w.economy, w.p, 1, 0)
    return int(w.economy.orders["units"].sum())


def arrived(w: World, week: int = ARRIVAL) -> int:
    """Newer GPUs of the first borrower once the deliveries of a week are made."""
    w.clock["week"] = week
    deliver(w.economy, w.p)
    return int(w.borrowers["units"][0, NEW_GPU])


def drain(w: World, left: float) -> None:
    """Let the first borrower pay bills until so much cash is left (M$)."""
    borrower, outside = w.borrowers[0], w.economy.world[0]
    pay(w.economy, Flow.OVERHEAD, borrower, outside, float(borrower["cash"]) - left)
