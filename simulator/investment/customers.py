"""Phase `contracts`: contracts expire and are renewed, and machines without a customer find one.

New machines come with their customer (`plans`); these rules are for machines that are there. Who looks for
compute under a contract is in `machines.rents`: the customers of contracts that have ended are among them.
"""

import math

from hashcredit.agents.compiled import kernel
from hashcredit.agents.dimensions import (
    CONTRACTS,
    BorrowerStatus,
    Cooling,
    LoanStatus,
    MachineKind,
    Record,
)
from hashcredit.agents.neocloud import lets_out
from hashcredit.simulator.books.contracts import (
    UNPLEDGED,
    close_contract,
    contracts_of,
    free_contract,
    let_units,
    let_units_on,
    sign_contract,
)
from hashcredit.simulator.books.loans import facilities_of, sellable_units
from hashcredit.simulator.books.randomness import Stream, exponential, uniform, uniform4
from hashcredit.simulator.machines.rents import (
    contract_gain,
    pick_customer,
    sign,
    term_rent,
    units_wanted,
)
from hashcredit.simulator.state.economy import Economy

EVERYBODY = -1
"""In place of an agent, in the address of a draw that is nobody's own."""


@kernel
def let_to(
    economy: Economy,
    p: Record,
    seed: int,
    replicate: int,
    row: int,
    m: int,
    units: int,
    loan: int,
    grade: int,
) -> None:
    """Let up to `units` of type `m` to customers of a grade at today's rent, in a free row of contracts.

    As many as they look for, and none if the machines are worth more on demand. `loan` is the row of the
    loan that they secure, or UNPLEDGED.
    """
    units = min(units, units_wanted(economy, m, grade))
    if units <= 0:
        return
    b = row // CONTRACTS
    rent = term_rent(economy, p, m)
    if not lets_out(contract_gain(economy, p, m, economy.borrowers[b], grade, rent, 0)):
        return
    # block 0 is that of the borrower's order
    hazard = exponential(seed, replicate, economy.clock[0].week, b, Stream.OFFTAKER, 1 + row % CONTRACTS, 0)
    sign(economy, m, grade, units)
    sign_contract(economy, row, m, units, loan, grade, rent, p.investment_contract_weeks, hazard)


@kernel
def expire(economy: Economy, p: Record, seed: int, replicate: int, b: int) -> None:
    """Contracts of borrower `b` that end this week: their customers are the first to be asked again."""
    week = economy.clock[0].week
    first, last = contracts_of(economy, b)
    for row in range(first, last):
        contract = economy.contracts[row]
        if contract.units == 0 or week < contract.end_week:
            continue
        m, units, loan, grade = contract.machine, contract.units, contract.loan, contract.customer_grade
        close_contract(economy, row)
        if p.investment_recontract:
            let_to(economy, p, seed, replicate, row, m, units, loan, grade)


@kernel
def offer(
    economy: Economy, p: Record, seed: int, replicate: int, b: int, m: int, units: int, loan: int, grade: int
) -> None:
    """Offer `units` of borrower `b` to a customer; they may be fewer, and need a row of contracts."""
    # some of those pledged may have been let before they were
    units = min(units, economy.borrowers[b].units[m] - let_units(economy, b, m))
    row = free_contract(economy, b)
    if units > 0 and row >= 0:
        let_to(economy, p, seed, replicate, row, m, units, loan, grade)


@kernel
def offer_all(economy: Economy, p: Record, seed: int, replicate: int, b: int, grade: int) -> None:
    """Offer what borrower `b` has neither let nor put on sale: loan by loan, then what secures none."""
    borrower = economy.borrowers[b]
    first, last = facilities_of(economy, b)
    for row in range(first, last):
        loan = economy.loans[row]
        if loan.status != LoanStatus.PERFORMING or loan.units == 0:
            continue
        if economy.machines[loan.machine].kind == MachineKind.GPU:
            units = loan.units - let_units_on(economy, b, row)
            offer(economy, p, seed, replicate, b, loan.machine, units, row, grade)
    if borrower.selling:
        return
    for m in range(economy.machines.shape[0]):
        if borrower.units[m] > 0 and economy.machines[m].kind == MachineKind.GPU:
            offer(economy, p, seed, replicate, b, m, sellable_units(economy, b, m), UNPLEDGED, grade)


@kernel
def search(economy: Economy, p: Record, seed: int, replicate: int, b: int, found: float) -> None:
    """Borrower `b` finds a customer this week with probability `found`, for all of its machines or none."""
    borrower = economy.borrowers[b]
    if borrower.racked[Cooling.AIR] + borrower.racked[Cooling.LIQUID] == 0:
        return
    u = uniform4(seed, replicate, economy.clock[0].week, b, Stream.SEARCH, 0)
    if u[0] < found:
        grade = pick_customer(economy, u[1])
        if grade >= 0:
            offer_all(economy, p, seed, replicate, b, grade)


@kernel
def let_out(economy: Economy, p: Record, seed: int, replicate: int) -> None:
    """Expiries, then searches; in the order of the table, from a borrower on that is drawn each week."""
    count = economy.borrowers.shape[0]
    first = int(count * uniform(seed, replicate, economy.clock[0].week, EVERYBODY, Stream.SEARCH, 0, 0))
    for place in range(count):
        b = (first + place) % count
        if economy.borrowers[b].contracts > 0 and economy.borrowers[b].status == BorrowerStatus.ALIVE:
            expire(economy, p, seed, replicate, b)
    if not p.investment_recontract:
        return
    found = -math.expm1(-1.0 / p.investment_search_weeks)
    for place in range(count):
        b = (first + place) % count
        if economy.borrowers[b].status == BorrowerStatus.ALIVE:
            search(economy, p, seed, replicate, b, found)
