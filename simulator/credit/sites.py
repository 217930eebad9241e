"""Loans on rack slots: what they take of a site's free cash flow, and what becomes of them in a failure.

Such a loan has paid for the fitting-out of slots in a leased hall, which secure it: it outlives the machines
in them. Its holder is the first to be paid by whoever takes the slots, a rival or the landlord, and has a
claim on the estate for the rest. How it is promised and drawn is in `investment.sites`.
"""

from hashcredit.agents.compiled import kernel
from hashcredit.agents.dimensions import DSCR_WINDOW, BorrowerStatus, Instrument, LoanStatus, Record
from hashcredit.simulator.books.ledger import pay, revalue, sum_of
from hashcredit.simulator.books.loans import DUST, facilities_of, owes, repay
from hashcredit.simulator.books.turns import first_in_turn
from hashcredit.simulator.credit.claims import pay_claim
from hashcredit.simulator.machines.slots import slots_fetch
from hashcredit.simulator.state.codes import GUARANTOR_ACCOUNT, Flow, Revaluation
from hashcredit.simulator.state.economy import Economy


@kernel
def has_site_loan(borrower: Record) -> bool:
    """Whether any rows of a borrower may hold a site loan: most have none to look for."""
    return borrower.debt[Instrument.PROJECT_FINANCE] > DUST


@kernel
def pledged_slots(economy: Economy, b: int, cooling: int) -> int:
    """Rack slots of a class of borrower `b` that secure loans."""
    slots = 0
    if has_site_loan(economy.borrowers[b]):
        first, last = facilities_of(economy, b)
        for row in range(first, last):
            if economy.loans[row].slot_class == cooling:
                slots += economy.loans[row].slots
    return slots


@kernel
def swept(economy: Economy, p: Record, loan: Record) -> float:
    """What a site loan takes of the free cash flow of the cover window, M$.

    A share of the part that it is of all debts of the borrower; only of cash beyond the buffer and what
    machines on order will take.
    """
    borrower = economy.borrowers[loan.obligor]
    part = loan.principal / max(sum_of(borrower.debt), DUST)
    flow = max(0.0, borrower.cfads_window - borrower.service_window)
    spare = borrower.cash - borrower.reserved - p.investment_buffer_weeks * borrower.obligations
    return min(loan.principal, min(p.credit_site_sweep * part * flow, max(0.0, spare)))


@kernel
def sweep_sites(economy: Economy, p: Record) -> None:
    """Each borrower once in a cover window, in turns: free cash flow of its sites repays their loans."""
    first = first_in_turn(economy.clock[0].week, 0, DSCR_WINDOW)
    for b in range(first, economy.borrowers.shape[0], DSCR_WINDOW):
        borrower = economy.borrowers[b]
        if not has_site_loan(borrower) or borrower.status != BorrowerStatus.ALIVE:
            continue
        begin, end = facilities_of(economy, b)
        for row in range(begin, end):
            loan = economy.loans[row]
            if loan.slots > 0 and owes(loan):
                amount = swept(economy, p, loan)
                if amount > DUST:
                    repay(economy, loan, borrower, economy.lenders[loan.holder], amount)


@kernel
def secures_claim(loan: Record) -> bool:
    """Whether slots secure a claim that is open."""
    return loan.slots > 0 and loan.status == LoanStatus.DEFAULTED


@kernel
def price_of_slots(economy: Economy, p: Record, b: int) -> float:
    """What has to be paid for all slots of failed borrower `b` that secure claims, M$."""
    total = 0.0
    if has_site_loan(economy.borrowers[b]):
        first, last = facilities_of(economy, b)
        for row in range(first, last):
            if secures_claim(economy.loans[row]):
                total += min(economy.loans[row].principal, slots_fetch(p, economy.loans[row]))
    return total


@kernel
def call_guarantor(economy: Economy, p: Record, row: int) -> None:
    """The guarantor of the tenant's customer pays its share of a claim through the estate, and loses it."""
    loan = economy.loans[row]
    amount = min(loan.principal, p.credit_site_backstop * loan.claim)
    if amount > 0.0:
        guarantor = economy.world[GUARANTOR_ACCOUNT]
        borrower = economy.borrowers[loan.obligor]
        pay(economy, Flow.RECOVERIES, guarantor, borrower, amount)
        revalue(economy, Revaluation.WRITE_OFFS, guarantor, -amount)
        revalue(economy, Revaluation.WRITE_OFFS, borrower, amount)
        pay_claim(economy, row, amount)


@kernel
def release_slots(economy: Economy, p: Record, b: int, taker: Record) -> None:
    """Somebody takes the slots of failed borrower `b` and pays their creditors for the fitting-out.

    The money passes through the estate. What is left of a claim is unsecured.
    """
    if not has_site_loan(economy.borrowers[b]):
        return
    borrower = economy.borrowers[b]
    first, last = facilities_of(economy, b)
    for row in range(first, last):
        loan = economy.loans[row]
        if secures_claim(loan):
            amount = min(loan.principal, slots_fetch(p, loan))
            pay(economy, Flow.SLOT_BUILDING, taker, borrower, amount)
            pay_claim(economy, row, amount)
            call_guarantor(economy, p, row)
            loan.slots = 0
