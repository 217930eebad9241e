"""`shocks.forced_default`: a number of machines of a type comes to be seized, to the unit.

What counts are machines pledged for debts that are served. Whole holders fail as long as they fit; what is
missing then is seized from one more, which lives on: facilities that fit, and a part of another one.
"""

from hashcredit.agents.compiled import kernel
from hashcredit.agents.dimensions import BorrowerStatus, Cause, Channel, Record
from hashcredit.simulator.books.contracts import cut_contracts, let_units_on
from hashcredit.simulator.books.events import NO_EVENT
from hashcredit.simulator.books.loans import empty_row, facilities_of, owes, take_row
from hashcredit.simulator.books.tape import note_draw, note_maturity, note_principal
from hashcredit.simulator.credit.claims import default_facility
from hashcredit.simulator.credit.distress import mark_to_fail
from hashcredit.simulator.state.economy import Economy


@kernel
def pledged_units(economy: Economy, b: int, m: int) -> int:
    """Machines of type `m` that secure what borrower `b` owes and is not yet in default with."""
    units = 0
    first, last = facilities_of(economy, b)
    for row in range(first, last):
        loan = economy.loans[row]
        if loan.machine == m and owes(loan):
            units += loan.units
    return units


@kernel
def may_be_forced(borrower: Record) -> bool:
    """Whether a borrower lives and has not been marked to fail in this way."""
    return borrower.status == BorrowerStatus.ALIVE and borrower.pending_cause != Cause.FORCED


@kernel
def largest_holder(economy: Economy, m: int, most: int) -> int:
    """Of those who have pledged at most `most` units of type `m` the one with most; -1 if there is none.

    Of equals the first.
    """
    largest = -1
    units = 0
    for b in range(economy.borrowers.shape[0]):
        if may_be_forced(economy.borrowers[b]):
            pledged = pledged_units(economy, b, m)
            if units < pledged <= most:
                largest = b
                units = pledged
    return largest


@kernel
def largest_part_holder(economy: Economy, m: int) -> int:
    """Of those who may lose a part the one with most units of type `m` pledged; -1 if there is none.

    It does not fail this week anyway, and has a row for what is split off a facility.
    """
    largest = -1
    units = 0
    for b in range(economy.borrowers.shape[0]):
        borrower = economy.borrowers[b]
        if may_be_forced(borrower) and borrower.pending_cause == Cause.NONE and empty_row(economy, b) >= 0:
            pledged = pledged_units(economy, b, m)
            if pledged > units:
                largest = b
                units = pledged
    return largest


@kernel
def split_facility(economy: Economy, row: int, units: int) -> int:
    """Make a facility of its own, with its part of the debt, of `units` of those that secure one; its row.

    Machines that are not let go first; contracts keep those that stay. On the loan tape the part is a loan
    made this week, with which the old one is repaid in that part.
    """
    b = economy.loans[row].obligor
    new = empty_row(economy, b)
    take_row(economy, new, economy.loans[row].instrument, economy.loans[row].holder)
    number = economy.loans[new].number
    economy.loans[new] = economy.loans[row]
    old = economy.loans[row]
    part = economy.loans[new]
    part.number = number
    share = units / old.units
    part.units = units
    part.principal = share * old.principal
    part.overdue = share * old.overdue
    part.balloon = share * old.balloon
    old.units -= units
    old.principal -= part.principal
    old.overdue -= part.overdue
    old.balloon -= part.balloon
    note_principal(economy, old, part.principal)
    note_draw(economy, part, part.principal)
    note_maturity(economy, part)
    cut_contracts(economy, b, old.machine, row, let_units_on(economy, b, row) - old.units)
    return new


@kernel
def seize_part(economy: Economy, p: Record, b: int, m: int, units: int) -> None:
    """Seize `units` of type `m`, fewer than are pledged, from borrower `b`, which lives on.

    Facilities that fit default whole, then a part of the next one.
    """
    missing = units
    first, last = facilities_of(economy, b)
    for row in range(first, last):
        loan = economy.loans[row]
        if loan.machine == m and owes(loan) and 0 < loan.units <= missing:
            missing -= loan.units
            default_facility(economy, p, row, Cause.FORCED, Channel.EXOGENOUS, NO_EVENT)
    for row in range(first, last):
        loan = economy.loans[row]
        if missing > 0 and loan.machine == m and owes(loan) and loan.units > missing:
            part = split_facility(economy, row, missing)
            default_facility(economy, p, part, Cause.FORCED, Channel.EXOGENOUS, NO_EVENT)
            missing = 0


@kernel
def force_defaults(economy: Economy, p: Record) -> None:
    """Mark the holders that fail, the largest that fits first, and seize what is missing from one more."""
    if economy.clock[0].week != p.forced_week:
        return
    m = p.forced_machine
    missing = p.forced_units
    b = largest_holder(economy, m, missing)
    while b >= 0:
        borrower = economy.borrowers[b]
        missing -= pledged_units(economy, b, m)
        borrower.pending_cause = Cause.NONE
        mark_to_fail(economy, b, Cause.FORCED, Channel.EXOGENOUS, NO_EVENT)
        b = largest_holder(economy, m, missing)
    b = largest_part_holder(economy, m)
    if missing > 0 and b >= 0:
        seize_part(economy, p, b, m, missing)
