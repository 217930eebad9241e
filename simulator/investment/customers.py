"""Phase `contracts`: contracts expire and are renewed, and machines without a customer find one.

New machines come with their customer (`plans`); these rules are for machines that are there. Who looks for
compute under a contract is in `machines.rents`: the customers of contracts that have ended are among them.
"""

import math

from hashcredit.agents.compiled import kernel
from hashcredit.agents.dimensions import (
    CONTRACTS,
    NO_WEEK,
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
    sign_contract,
)
from hashcredit.simulator.books.loans import facilities_of
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
OWNED, UNPLEDGED_TOO = 0, 1
"""Rows of `Economy.unlet`."""


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
) -> int:
    """Let up to `units` of type `m` to customers of a grade at today's rent, in a free row of contracts.

    As many as they look for, and none if the machines are worth more on demand; return how many. `loan` is
    the row of the loan that they secure, or UNPLEDGED.
    """
    units = min(units, units_wanted(economy, m, grade))
    if units <= 0:
        return 0
    b = row // CONTRACTS
    rent = term_rent(economy, p, m)
    if not lets_out(contract_gain(economy, p, m, economy.borrowers[b], grade, rent, 0)):
        return 0
    # block 0 is that of the borrower's order
    hazard = exponential(seed, replicate, economy.clock[0].week, b, Stream.OFFTAKER, 1 + row % CONTRACTS, 0)
    sign(economy, m, grade, units)
    sign_contract(economy, row, m, units, loan, grade, rent, p.investment_contract_weeks, hazard)
    return units


@kernel
def expire(economy: Economy, p: Record, seed: int, replicate: int, b: int) -> None:
    """Contracts of borrower `b` that end this week: their customers are the first to be asked again."""
    week = economy.clock[0].week
    borrower = economy.borrowers[b]
    borrower.first_end = NO_WEEK
    first, last = contracts_of(economy, b)
    for row in range(first, last):
        contract = economy.contracts[row]
        if contract.units == 0:
            continue
        if week < contract.end_week:
            borrower.first_end = min(borrower.first_end, contract.end_week)
            continue
        m, units, loan, grade = contract.machine, contract.units, contract.loan, contract.customer_grade
        close_contract(economy, row)
        if p.investment_recontract:
            let_to(economy, p, seed, replicate, row, m, units, loan, grade)


@kernel
def count_unlet(economy: Economy, b: int) -> None:
    """Count the machines of borrower `b` that are not let, once for all offers of the week.

    By the loan that they secure (`Economy.unlet_pledged`), and by type all and those that are not pledged
    either (`Economy.unlet`). Of the latter fewer than none are left where machines that are let were pledged
    later.
    """
    borrower = economy.borrowers[b]
    unlet, pledged = economy.unlet, economy.unlet_pledged
    for m in range(economy.machines.shape[0]):
        unlet[OWNED, m] = borrower.units[m]
        unlet[UNPLEDGED_TOO, m] = borrower.units[m]
    first_loan, last_loan = facilities_of(economy, b)
    for row in range(first_loan, last_loan):
        loan = economy.loans[row]
        pledged[row - first_loan] = loan.units
        if loan.machine >= 0:
            unlet[UNPLEDGED_TOO, loan.machine] -= loan.units
    first, last = contracts_of(economy, b)
    for row in range(first, last):
        contract = economy.contracts[row]
        if contract.units == 0:
            continue
        unlet[OWNED, contract.machine] -= contract.units
        if contract.loan >= 0:
            pledged[contract.loan - first_loan] -= contract.units
        else:
            unlet[UNPLEDGED_TOO, contract.machine] -= contract.units


@kernel
def offer(
    economy: Economy, p: Record, seed: int, replicate: int, b: int, m: int, units: int, loan: int, grade: int
) -> None:
    """Offer `units` of borrower `b` to a customer; they may be fewer, and need a row of contracts."""
    # some of those pledged may have been let before they were
    units = min(units, economy.unlet[OWNED, m])
    if units <= 0:
        return
    row = free_contract(economy, b)
    if row >= 0:
        economy.unlet[OWNED, m] -= let_to(economy, p, seed, replicate, row, m, units, loan, grade)


@kernel
def offer_all(economy: Economy, p: Record, seed: int, replicate: int, b: int, grade: int) -> None:
    """Offer what borrower `b` has neither let nor put on sale: loan by loan, then what secures none."""
    borrower = economy.borrowers[b]
    count_unlet(economy, b)
    first, last = facilities_of(economy, b)
    for row in range(first, last):
        loan = economy.loans[row]
        if loan.status != LoanStatus.PERFORMING or loan.units == 0:
            continue
        if economy.machines[loan.machine].kind == MachineKind.GPU:
            units = economy.unlet_pledged[row - first]
            offer(economy, p, seed, replicate, b, loan.machine, units, row, grade)
    if borrower.selling:
        return
    for m in range(economy.machines.shape[0]):
        if borrower.units[m] > 0 and economy.machines[m].kind == MachineKind.GPU:
            units = economy.unlet[UNPLEDGED_TOO, m]
            offer(economy, p, seed, replicate, b, m, units, UNPLEDGED, grade)


@kernel
def search(economy: Economy, p: Record, seed: int, replicate: int, b: int, found: float) -> None:
    """Borrower `b` finds a customer this week with probability `found`, for all of its machines or none."""
    u = uniform4(seed, replicate, economy.clock[0].week, b, Stream.SEARCH, 0)
    if u[0] < found:
        grade = pick_customer(economy, u[1])
        if grade >= 0:
            offer_all(economy, p, seed, replicate, b, grade)


@kernel
def has_unlet(borrower: Record) -> bool:
    """Whether a live borrower has GPUs that are not let: only they are, so that the racks tell."""
    racked = borrower.racked[Cooling.AIR] + borrower.racked[Cooling.LIQUID]
    return borrower.status == BorrowerStatus.ALIVE and racked > borrower.let


@kernel
def let_out(economy: Economy, p: Record, seed: int, replicate: int) -> None:
    """Expiries, then searches; in the order of the table, from a borrower on that is drawn each week."""
    week = economy.clock[0].week
    count = economy.borrowers.shape[0]
    first = int(count * uniform(seed, replicate, week, EVERYBODY, Stream.SEARCH, 0, 0))
    for place in range(first, first + count):
        b = place if place < count else place - count
        borrower = economy.borrowers[b]
        if borrower.contracts > 0 and week >= borrower.first_end and borrower.status == BorrowerStatus.ALIVE:
            expire(economy, p, seed, replicate, b)
    if not p.investment_recontract:
        return
    found = -math.expm1(-1.0 / p.investment_search_weeks)
    for place in range(first, first + count):
        b = place if place < count else place - count
        if has_unlet(economy.borrowers[b]):
            search(economy, p, seed, replicate, b, found)
