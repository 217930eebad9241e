"""Phase `investment`: tenants end the leases of slots that have stood empty.

Leases are take or pay, so leaving one has a price. Who does not know how long a slot will stay empty pays its
rent until that has cost as much as leaving it, and then leaves (the ski-rental rule, at most twice what
foresight would pay: Karlin, Manasse, Rudolph and Sleator 1988).
"""

from hashcredit.agents.compiled import kernel
from hashcredit.agents.dimensions import BorrowerStatus, Record
from hashcredit.agents.units import WEEKS_A_YEAR
from hashcredit.simulator.books.ledger import free_slots, pay
from hashcredit.simulator.books.orders import units_on_order
from hashcredit.simulator.books.turns import first_in_turn
from hashcredit.simulator.credit.sites import pledged_slots
from hashcredit.simulator.investment.deliveries import reserve
from hashcredit.simulator.machines.slots import hand_to_landlord, slot_rent
from hashcredit.simulator.state.codes import Flow
from hashcredit.simulator.state.economy import Economy


@kernel
def leave_slots(economy: Economy, p: Record, b: int, cooling: int, slots: int) -> None:
    """End the lease of `slots` for `costs.lease_exit_weeks` of their rent; of as many as cash allows."""
    borrower = economy.borrowers[b]
    rent = slot_rent(p, cooling) / WEEKS_A_YEAR
    price = p.costs_lease_exit_weeks * rent
    spare = borrower.cash - borrower.reserved - reserve(p, borrower)
    left = int(min(float(slots), max(0.0, spare) / price)) if price > 0.0 else slots
    pay(economy, Flow.SITE_LEASES, borrower, economy.world[0], left * price)
    hand_to_landlord(economy, p, borrower, cooling, left)
    borrower.lease_week = max(0.0, borrower.lease_week - left * rent)
    economy.outcomes[0].slots_left += left


@kernel
def review_borrower(economy: Economy, p: Record, b: int) -> None:
    """Leave the slots that stood empty at each plan for as many weeks as leaving them costs rent.

    Slots for machines on order are not empty, and the lease of those that secure a loan goes on.
    """
    borrower = economy.borrowers[b]
    for cooling in range(borrower.slots.shape[0]):
        free = free_slots(borrower, cooling)
        idle = max(0, free - units_on_order(economy, b, cooling)) if free > 0 else 0
        idle = min(idle, borrower.slots[cooling] - pledged_slots(economy, b, cooling))
        if borrower.idle_plans[cooling] > 0:
            idle = min(idle, borrower.least_idle[cooling])
        borrower.least_idle[cooling] = idle
        borrower.idle_plans[cooling] = borrower.idle_plans[cooling] + 1 if idle > 0 else 0
        if borrower.idle_plans[cooling] * p.investment_decision_weeks > p.costs_lease_exit_weeks:
            leave_slots(economy, p, b, cooling, idle)
            borrower.idle_plans[cooling] = 0


@kernel
def review_leases(economy: Economy, p: Record) -> None:
    """Each borrower after its plan; with `costs.lease_exit_weeks` = 0 nobody may leave a slot."""
    if p.costs_lease_exit_weeks == 0.0:
        return
    first = first_in_turn(economy.clock[0].week, 0, p.investment_decision_weeks)
    for b in range(first, economy.borrowers.shape[0], p.investment_decision_weeks):
        if economy.borrowers[b].status == BorrowerStatus.ALIVE:
            review_borrower(economy, p, b)
