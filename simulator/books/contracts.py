"""Customers' contracts: who rents which machines, until when, and how a contract begins and ends.

A contract is take-or-pay: the customer pays for its machines whether it uses them or not, until the
contract expires or the customer fails. It takes one of the `CONTRACTS` rows of its borrower. Machines that
are let may be pledged, before or after; they are not sold one by one. A contract is one on the machines of a
loan as long as these are pledged; when the loan is repaid it goes on without. What a contract is worth is
the affair of `machines.earnings`.
"""

from hashcredit.agents.compiled import kernel
from hashcredit.agents.dimensions import CONTRACTS, Channel, LoanStatus
from hashcredit.agents.units import WEEK
from hashcredit.simulator.books.events import note, remember
from hashcredit.simulator.books.prepayments import keep_balance, release_balance
from hashcredit.simulator.state.codes import EventKind, Sector
from hashcredit.simulator.state.economy import Economy

UNPLEDGED = -1
"""In place of a loan row: the machines that are let secure no loan."""


@kernel
def contracts_of(economy: Economy, b: int) -> tuple[int, int]:
    """First row, and the row after the last, that borrower `b` uses in the table of contracts."""
    first = b * CONTRACTS
    return first, first + economy.borrowers[b].contracts


@kernel
def free_contract(economy: Economy, b: int) -> int:
    """A free row for a contract of borrower `b`, -1 if all are taken."""
    first, last = contracts_of(economy, b)
    for row in range(first, last):
        if economy.contracts[row].units == 0:
            return row
    return last if last - first < CONTRACTS else -1


@kernel
def free_contracts(economy: Economy, b: int) -> int:
    """Number of rows that borrower `b` has free for contracts."""
    free = CONTRACTS
    first, last = contracts_of(economy, b)
    for row in range(first, last):
        free -= economy.contracts[row].units > 0
    return free


@kernel
def write_contract(
    economy: Economy,
    row: int,
    m: int,
    units: int,
    loan: int,
    grade: int,
    rent: float,
    start_week: int,
    end_week: int,
    hazard: float,
) -> None:
    """Let `units` of type `m` in a free row to a customer for `rent` (M$ a unit and year).

    loan      row of the loan to which they are pledged, or UNPLEDGED
    hazard    the customer fails once its integrated default hazard has used it up
    """
    b = row // CONTRACTS
    borrower = economy.borrowers[b]
    borrower.contracts = max(borrower.contracts, row - b * CONTRACTS + 1)
    borrower.first_end = min(borrower.first_end, end_week)
    borrower.let += units
    contract = economy.contracts[row]
    contract.machine = m
    contract.units = units
    contract.loan = loan
    contract.customer_grade = grade
    contract.rent = rent
    contract.start_week = start_week
    contract.end_week = end_week
    contract.hazard_left = hazard
    contract.prepaid = 0.0


@kernel
def sign_contract(
    economy: Economy,
    row: int,
    m: int,
    units: int,
    loan: int,
    grade: int,
    rent: float,
    weeks: int,
    hazard: float,
) -> None:
    """A new contract of `weeks` weeks, in a free row; the rest as in `write_contract`."""
    b = row // CONTRACTS
    week = economy.clock[0].week
    write_contract(economy, row, m, units, loan, grade, rent, week, week + weeks, hazard)
    note(
        economy,
        EventKind.CONTRACT,
        economy.borrowers[b].sector,
        b,
        Sector.REST_OF_WORLD,
        machine=m,
        units=units,
        amount=units * rent * weeks * WEEK,
        price=rent,
    )


@kernel
def close_contract(economy: Economy, row: int) -> None:
    """End a contract: its row is free, and rows behind the last one in use need no looking at.

    A balance that its customer has left is due.
    """
    b = row // CONTRACTS
    borrower = economy.borrowers[b]
    contract = economy.contracts[row]
    release_balance(contract, borrower, 1.0)
    borrower.let -= contract.units
    contract.units = 0
    while borrower.contracts > 0 and economy.contracts[b * CONTRACTS + borrower.contracts - 1].units == 0:
        borrower.contracts -= 1


@kernel
def lose_customer(economy: Economy, row: int) -> None:
    """The customer of a contract has failed: the borrower remembers it as the cause of what follows."""
    b = row // CONTRACTS
    contract = economy.contracts[row]
    borrower = economy.borrowers[b]
    event = note(
        economy,
        EventKind.OFFTAKER_DEFAULT,
        Sector.REST_OF_WORLD,
        other_sector=borrower.sector,
        other=b,
        machine=contract.machine,
        units=contract.units,
        price=contract.rent,
        channel=Channel.OFFTAKER,
    )
    remember(economy, borrower, Channel.OFFTAKER, event)
    keep_balance(economy, contract, borrower)
    close_contract(economy, row)


@kernel
def end_contracts(economy: Economy, b: int) -> None:
    """End all contracts of borrower `b`: its site is given up."""
    first, last = contracts_of(economy, b)
    for row in range(first, last):
        release_balance(economy.contracts[row], economy.borrowers[b], 1.0)
        economy.contracts[row].units = 0
    economy.borrowers[b].contracts = 0
    economy.borrowers[b].let = 0


@kernel
def end_contracts_on(economy: Economy, b: int, loan: int) -> None:
    """End the contracts on the machines of a loan row, which leave their racks."""
    first, last = contracts_of(economy, b)
    for row in range(first, last):
        contract = economy.contracts[row]
        if contract.units > 0 and contract.loan == loan:
            close_contract(economy, row)


@kernel
def release_contracts(economy: Economy, b: int) -> None:
    """Contracts go on when the loan on their machines is repaid."""
    first, last = contracts_of(economy, b)
    for row in range(first, last):
        contract = economy.contracts[row]
        if contract.loan >= 0 and economy.loans[contract.loan].status == LoanStatus.REPAID:
            contract.loan = UNPLEDGED


@kernel
def let_units(economy: Economy, b: int, m: int) -> int:
    """Machines of type `m` that borrower `b` has let."""
    units = 0
    first, last = contracts_of(economy, b)
    for row in range(first, last):
        contract = economy.contracts[row]
        if contract.machine == m:
            units += contract.units
    return units


@kernel
def let_units_on(economy: Economy, b: int, loan: int) -> int:
    """Machines let of those that secure a loan row."""
    units = 0
    first, last = contracts_of(economy, b)
    for row in range(first, last):
        contract = economy.contracts[row]
        if contract.loan == loan:
            units += contract.units
    return units


@kernel
def let_free_units(economy: Economy, b: int, m: int) -> int:
    """Machines of type `m` that borrower `b` had let when they secured no loan."""
    units = 0
    first, last = contracts_of(economy, b)
    for row in range(first, last):
        contract = economy.contracts[row]
        if contract.machine == m and contract.loan < 0:
            units += contract.units
    return units


@kernel
def cut_contracts(economy: Economy, b: int, m: int, loan: int, excess: int) -> None:
    """Take `excess` machines of type `m` out of contracts on a loan row (or UNPLEDGED), the last first."""
    first, last = contracts_of(economy, b)
    for row in range(last - 1, first - 1, -1):
        if excess <= 0:
            return
        contract = economy.contracts[row]
        if contract.units > 0 and contract.machine == m and contract.loan == loan:
            lost = min(excess, contract.units)
            excess -= lost
            release_balance(contract, economy.borrowers[b], lost / contract.units)
            contract.units -= lost
            economy.borrowers[b].let -= lost
            if contract.units == 0:
                close_contract(economy, row)


@kernel
def keep_what_fits(economy: Economy, b: int, m: int) -> None:
    """Machines of type `m` have left: contracts that are too large for what is left shrink, the last first.

    Of contracts on unpledged machines that were pledged later.
    """
    cut_contracts(economy, b, m, UNPLEDGED, let_units(economy, b, m) - economy.borrowers[b].units[m])
