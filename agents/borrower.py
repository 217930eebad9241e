"""Borrowers: what a row of their table holds, and what miners and neo-clouds decide alike."""

import numpy as np

from hashcredit.agents.compiled import kernel
from hashcredit.agents.dimensions import (
    DSCR_WINDOW,
    BorrowerKind,
    BorrowerStatus,
    Cause,
    Channel,
    Cooling,
    Instrument,
)
from hashcredit.agents.rows import MACHINES, Column, row

BORROWER = row(
    Column("kind", "i1", "miner or neo-cloud", codes=BorrowerKind),
    Column("sector", "u1", "its column in the flow matrix", hidden=True),
    Column("status", "i1", "alive or how far its resolution is", codes=BorrowerStatus),
    Column("site_class", "i1", "which power price it pays (index into the scenario's classes)"),
    Column("grade", "i1", "own credit grade, 0 (best) to 3"),
    Column("selling", "i1", "1: in distress, what it has neither pledged nor let is on sale"),
    Column("listed", "i1", "1: it can sell shares while the window is open"),
    Column("trigger_channel", "i1", "of the last event that cost it cash or credit", codes=Channel),
    Column("facilities", "i4", "loan rows in use, counted from its first one"),
    Column("contracts", "i4", "rows of customers' contracts in use, counted from its first one"),
    Column("first_end", "i4", "before this week none of its contracts ends", hidden=True),
    Column("first_maturity", "i4", "before this week no loan of it matures that has not yet", hidden=True),
    Column("claims", "i4", "loan rows in use, in default and not yet closed while it lives on"),
    Column("controlled", "i4", "facilities that are in their holders' control"),
    Column("trigger_week", "i4", "week of the last event that cost it cash or credit"),
    Column("issued_week", "i4", "week of its last share issue"),
    Column("trigger_event", "i8", "id of the event that cost it cash or credit, -1 if none"),
    Column("strike", "f8", "equity at appraisal above which its convertibles convert", "M$"),
    Column("cash", "f8", "cash", "M$"),
    Column("btc", "f8", "coins not pledged", "BTC"),
    Column("payables", "f8", "overdue leases and supplier bills (owed to the rest of the world)", "M$"),
    Column("lease_week", "f8", "take-or-pay site leases", "M$ a week"),
    Column("overhead_week", "f8", "fixed overhead", "M$ a week"),
    Column("obligations", "f8", "leases, overhead and scheduled debt service of this week", "M$"),
    Column("cfads_window", "f8", "sum of the trailing cash flows", "M$", hidden=True),
    Column("service_window", "f8", "sum of the trailing debt service", "M$", hidden=True),
    Column(
        "cost_of_capital",
        "f8",
        "discount rate over the market's cost of capital",
        "1/yr",
        term="borrower_spread_by_grade",
    ),
    Column("income", "f8", "cumulative profit and loss", "M$"),
    Column("weeks_payables", "i4", "weeks in a row with overdue bills"),
    Column("orders", "i4", "orders of machines that are open"),
    Column("next_delivery", "i4", "week in which the first of these arrives, 0 without any", hidden=True),
    Column("slots", "i8", "leased rack slots, occupied or free", by=Cooling),
    Column("racked", "i8", "machines that occupy them", by=Cooling),
    Column("debt", "f8", "face owed by instrument (the liability side)", "M$", by=Instrument),
    Column("let", "i8", "machines let under its contracts, of all types", hidden=True),
    Column("units", "i8", "machines owned, pledged ones included", by=MACHINES),
    Column("book", "f8", "book value of all units of a type", "M$", by=MACHINES),
    Column("offered", "i8", "units put up for sale by itself or its estate", by=MACHINES),
    Column("cfads", "f8", "cash flow for debt service, last weeks", "M$", shape=(DSCR_WINDOW,), hidden=True),
    Column("service", "f8", "scheduled debt service, last weeks", "M$", shape=(DSCR_WINDOW,), hidden=True),
    Column("idle_plans", "i2", "plans in a row that left slots empty", by=Cooling),
    Column("least_idle", "i8", "fewest slots that these left empty", by=Cooling),
    Column("deposits", "f8", "paid on machines that have not arrived (owed by the vendor)", "M$"),
    Column("reserved", "f8", "own cash that these will take when they arrive", "M$"),
    Column("prepaid", "f8", "paid in advance by customers and not yet served (owed to them)", "M$"),
    Column("vendor_debt", "f8", "owed to the vendor of its machines", "M$"),
    Column("vendor_weeks", "f8", "for which it is repaid in level instalments", "weeks"),
    Column("opening_equity", "f8", "book equity in the opening", "M$"),
    Column("issuance", "f8", "cumulative equity received", "M$"),
    Column("distributions", "f8", "cumulative equity paid out", "M$"),
    Column("pending_cause", "i1", "Cause for which it fails in this week's resolution phase", hidden=True),
    Column("pending_channel", "i1", "Channel through which that reached it", hidden=True),
    Column("pending_parent", "i8", "event that led to it, -1 if none", hidden=True),
    Column("default_week", "i4", "week of its default, -1 while alive"),
    Column("cause", "i1", "why it failed", codes=Cause),
    Column("release_week", "i4", "week in which the stay ends"),
    Column("default_event", "i8", "id of its default event, -1 if none"),
)


@kernel
def cover(cash_flow: float, service: float) -> float:
    """Debt service cover ratio (DSCR): cash flow over scheduled service of the same weeks, both in M$.

    A borrower that owes no service is covered: infinity.
    """
    if service <= 0.0:
        return np.inf
    return cash_flow / service


@kernel
def hands_back(use_value: float, principal: float, cash_flow: float, service: float) -> bool:
    """Whether the owner of a vehicle without recourse gives its machines up (all M$).

    It does when they are worth less to it than is owed on them and do not earn their debt service.
    """
    return use_value < principal and cash_flow < service


@kernel
def capital_budget(cash: float, buffer: float, share: float) -> float:
    """Cash (M$) that a borrower is ready to spend on machines: a share of what exceeds its buffer."""
    return max(0.0, share * (cash - buffer))


@kernel
def worth_buying(value: float, price: float, hurdle: float) -> bool:
    """Whether a machine's value exceeds its price by the hurdle (a fraction of the price)."""
    return value >= price * (1.0 + hurdle)


@kernel
def units_payable(means: float, due: float, slot_price: float, free_slots: int, units: int) -> int:
    """How many of `units` machines on order can be taken with `means` (M$).

    Each takes `due` (M$; negative where deposit and loan exceed the price), and `slot_price` (M$) beyond the
    free slots. The full order may miss the means by a rounding error, as it was cut to fit them.
    """
    built = max(0, units - free_slots)
    if units * due + built * slot_price <= means + 1e-14 * abs(means):
        return units
    if means <= 0.0:
        return 0
    if free_slots * due > means:
        return int(means / due)
    return int(min(float(units), (means + free_slots * slot_price) / (due + slot_price)))
