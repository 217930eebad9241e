"""Borrowers: what a row of their table holds, and what miners and neo-clouds decide alike."""

import numpy as np

from hashcredit.agents.compiled import kernel
from hashcredit.agents.dimensions import COOLING_CLASSES, DSCR_WINDOW, INSTRUMENTS, MACHINE_TYPES, row

BORROWER = row(
    [
        ("kind", "i1"),  # BorrowerKind
        ("sector", "u1"),  # its column in the flow matrix
        ("status", "i1"),  # BorrowerStatus
        ("site_class", "i1"),  # which power price it pays (index into the scenario's classes)
        ("grade", "i1"),  # own credit grade, 0 (best) to 3
        ("selling", "i1"),  # 1: in distress, its unpledged machines are on sale
        ("listed", "i1"),  # 1: it can sell shares while the window is open
        ("trigger_channel", "i1"),  # Channel of the last event that cost it cash or credit
        ("facilities", "i4"),  # loan rows in use, counted from its first one
        ("claims", "i4"),  # of these, in default and not yet closed while it lives on
        ("trigger_week", "i4"),  # week of the last event that cost it cash or credit
        ("issued_week", "i4"),  # week of its last share issue
        ("trigger_event", "i8"),  # id of the event that cost it cash or credit, -1 if none
        ("strike", "f8"),  # equity at appraisal above which its convertibles convert, M$
        ("cash", "f8"),  # M$
        ("btc", "f8"),  # coins not pledged
        ("payables", "f8"),  # overdue leases and supplier bills, M$ (owed to the rest of the world)
        ("lease_week", "f8"),  # take-or-pay site leases, M$ a week
        ("overhead_week", "f8"),  # fixed overhead, M$ a week
        ("obligations", "f8"),  # leases, overhead and scheduled debt service of this week, M$
        ("cfads_window", "f8"),  # sum of the trailing cash flows, M$
        ("service_window", "f8"),  # sum of the trailing debt service, M$
        ("cost_of_capital", "f8"),  # its discount rate over the market's cost of capital, per year
        ("income", "f8"),  # cumulative profit and loss, M$
        ("weeks_payables", "i4"),  # weeks in a row with overdue bills
        ("orders", "i4"),  # orders of machines that are open
        ("slots", "i8", (COOLING_CLASSES,)),  # leased rack slots, occupied or free
        ("racked", "i8", (COOLING_CLASSES,)),  # machines that occupy them
        ("debt", "f8", (INSTRUMENTS,)),  # face owed by instrument, M$ (the liability side)
        ("units", "i8", (MACHINE_TYPES,)),  # machines owned, pledged ones included
        ("book", "f8", (MACHINE_TYPES,)),  # book value of all units of a type, M$
        ("offered", "i8", (MACHINE_TYPES,)),  # units put up for sale by itself or its estate
        ("cfads", "f8", (DSCR_WINDOW,)),  # cash flow available for debt service, last weeks, M$
        ("service", "f8", (DSCR_WINDOW,)),  # scheduled debt service, last weeks, M$
        ("deposits", "f8"),  # paid on machines that have not arrived, M$ (owed by the vendor)
        ("reserved", "f8"),  # own cash that these will take when they arrive, M$
        ("opening_equity", "f8"),  # M$
        ("issuance", "f8"),  # cumulative equity received, M$
        ("distributions", "f8"),  # cumulative equity paid out, M$
        ("pending_cause", "i1"),  # Cause for which it fails in this week's resolution phase
        ("pending_channel", "i1"),  # Channel through which that reached it
        ("pending_parent", "i8"),  # event that led to it, -1 if none
        ("default_week", "i4"),  # -1 while alive
        ("cause", "i1"),  # Cause
        ("release_week", "i4"),  # week in which the stay ends
        ("default_event", "i8"),  # id of its default event, -1 if none
    ]
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
