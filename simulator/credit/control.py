"""Vehicles in their lenders' control: after a breach without a missed payment a lender takes the shares.

A facility without recourse stands for a vehicle, whose shares are pledged beside its machines
(`credit.control`). Its holder may take them instead of calling the loan: the machines stay in their racks
with their customers, the owner runs them on, and what they earn goes to the holder, no more and no less. The
loan is not due; interest that is not earned is added to its face. The owner has the vehicle back when the
breach is cured, the loan repaid, or about to mature.
"""

from hashcredit.agents.compiled import kernel
from hashcredit.agents.dimensions import Record
from hashcredit.agents.units import WEEK
from hashcredit.simulator.books.contracts import contracts_of
from hashcredit.simulator.books.events import note_holder, remember
from hashcredit.simulator.books.loans import (
    collect_interest,
    count_controlled,
    facilities_of,
    loan_rate,
    owes,
    repay,
)
from hashcredit.simulator.books.prepayments import prepaid_rent
from hashcredit.simulator.machines.slots import slot_rent
from hashcredit.simulator.state.codes import EventKind
from hashcredit.simulator.state.economy import Economy


@kernel
def earned_at_spot(machine: Record, site: int) -> float:
    """What a machine earns above avoidable cost on demand, M$ a unit and year; never a loss."""
    return max(0.0, machine.earning - machine.cost[site])


@kernel
def earned_over_spot(economy: Economy, contract: Record, site: int) -> float:
    """What a contract's machines bring in cash beyond that, M$ a year: without rent paid in advance."""
    machine = economy.machines[contract.machine]
    more = contract.rent - machine.cost[site] - earned_at_spot(machine, site)
    return contract.units * more - prepaid_rent(economy, contract)


@kernel
def vehicle_cash_flow(economy: Economy, row: int, site: int) -> float:
    """What a facility's machines earn above avoidable cost, M$ a week; the site's lease is owed anyway."""
    loan = economy.loans[row]
    total = loan.units * earned_at_spot(economy.machines[loan.machine], site)
    first, last = contracts_of(economy, loan.obligor)
    for place in range(first, last):
        contract = economy.contracts[place]
        if contract.units > 0 and contract.loan == row:
            total += earned_over_spot(economy, contract, site)
    return total * WEEK


@kernel
def list_cash_flows(economy: Economy, b: int) -> None:
    """That of each facility of borrower `b` with machines, in `vehicle_flows`: one look at its contracts."""
    site = economy.borrowers[b].site_class
    flows = economy.vehicle_flows
    first, last = facilities_of(economy, b)
    for row in range(first, last):
        loan = economy.loans[row]
        flows[row - first] = 0.0
        if loan.machine >= 0:
            flows[row - first] = loan.units * earned_at_spot(economy.machines[loan.machine], site)
    start, end = contracts_of(economy, b)
    for place in range(start, end):
        contract = economy.contracts[place]
        if contract.units > 0 and contract.loan >= 0:
            flows[contract.loan - first] += earned_over_spot(economy, contract, site)
    for place in range(last - first):
        flows[place] *= WEEK


@kernel
def free_cash_flow(economy: Economy, p: Record, row: int) -> float:
    """That of a facility less the lease of its slots, M$ a week, at least 0: what control brings."""
    loan = economy.loans[row]
    lease = loan.units * slot_rent(p, economy.machines[loan.machine].cooling) * WEEK
    return max(0.0, vehicle_cash_flow(economy, row, economy.borrowers[loan.obligor].site_class) - lease)


@kernel
def may_take_control(economy: Economy, p: Record, row: int) -> bool:
    """Whether a holder may take the vehicle: its shares are pledged, and no payment is missed or all due."""
    loan = economy.loans[row]
    pledged = p.credit_control != 0 and not loan.recourse and loan.units > 0
    return pledged and loan.weeks_overdue == 0 and loan.maturity_week > economy.clock[0].week + 1


@kernel
def take_control(economy: Economy, row: int, channel: int, parent: int) -> None:
    """The holder of a loan takes the vehicle in place; the owner remembers what that cost it."""
    loan = economy.loans[row]
    loan.controlled = 1
    count_controlled(economy, loan.obligor)
    economy.outcomes[0].control_taken += 1
    event = note_holder(economy, EventKind.CONTROL_TAKEN, loan, loan.principal, loan.units,
                        economy.machines[loan.machine].appraisal, channel=channel, parent=parent)  # fmt: skip
    remember(economy, economy.borrowers[loan.obligor], channel, event)


@kernel
def collect(economy: Economy, p: Record, row: int) -> None:
    """A week's cash flow of a vehicle goes to its holder: interest first, then principal.

    Interest beyond it is added to the face and is no missed payment: nobody is there to pay it.
    """
    loan = economy.loans[row]
    borrower, lender = economy.borrowers[loan.obligor], economy.lenders[loan.holder]
    interest = loan.principal * loan_rate(loan, economy.market[0].policy_rate) * WEEK
    flow = min(free_cash_flow(economy, p, row), max(0.0, borrower.cash))
    earned = min(flow, interest)
    collect_interest(economy, loan, borrower, lender, earned, interest)
    if flow >= interest:
        repay(economy, loan, borrower, lender, min(loan.principal, flow - interest))


@kernel
def pass_through(economy: Economy, p: Record, b: int) -> None:
    """The week of all vehicles of borrower `b` that are in their holders' control."""
    first, last = facilities_of(economy, b)
    for row in range(first, last):
        if economy.loans[row].controlled and owes(economy.loans[row]):
            collect(economy, p, row)
