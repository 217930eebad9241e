"""What a lender does that can no longer wait: it calls what is in breach, and sells loans for cash.

A lender is under pressure when its back-leverage is called, or when its capital is under its minimum. It acts
in the week in which that begins; in later weeks its covenants and the next calls go on as for all.
"""

from hashcredit.agents.compiled import kernel
from hashcredit.agents.dimensions import BorrowerStatus, Cause, Channel, Enforcement, LenderStatus, Record
from hashcredit.simulator.books.ledger import lending_equity, sum_of
from hashcredit.simulator.books.loans import facilities_of, owes
from hashcredit.simulator.credit.covenants import accelerate
from hashcredit.simulator.lenders.capital import is_pressed
from hashcredit.simulator.lenders.loan_sales import sell_loans
from hashcredit.simulator.state.economy import Economy


@kernel
def in_breach(loan: Record) -> bool:
    """Whether a loan is over its base or under its cover for longer than the contract allows."""
    return loan.weeks_over_base > loan.cure_weeks or loan.weeks_under_dscr > loan.cure_weeks


@kernel
def call_breached_loans(economy: Economy, p: Record, index: int, channel: int) -> None:
    """Accelerate every loan of lender `index` in uncured breach whose borrower is alive and not failing."""
    for place in range(economy.client_start[index], economy.client_start[index + 1]):
        borrower = economy.borrowers[economy.client_borrower[place]]
        if borrower.status != BorrowerStatus.ALIVE:
            continue
        first, last = facilities_of(economy, economy.client_borrower[place])
        for row in range(first, last):
            loan = economy.loans[row]
            if loan.holder != index or not owes(loan) or not in_breach(loan):
                continue
            if borrower.pending_cause == Cause.NONE:  # a demand for an earlier loan may have changed that
                accelerate(economy, p, row, channel, economy.lenders[index].trigger)


@kernel
def cash_needed(p: Record, lender: Record) -> float:
    """What a lender under pressure raises (M$): its unmet call, or what brings it back to its target."""
    needed = lender.called
    if lender.capital_target > 0.0:
        loans = sum_of(lender.loans)
        equity = lending_equity(p, lender)
        if equity < lender.capital_minimum * loans:
            needed = max(needed, loans - max(0.0, equity) / lender.capital_target)
    return needed


@kernel
def act_under_pressure(economy: Economy, p: Record) -> int:
    """Let every lender act whose pressure begins this week; return how many do."""
    fresh = 0
    week = economy.clock[0].week
    for index in range(economy.lenders.shape[0]):
        lender = economy.lenders[index]
        if lender.pressed_since >= 0 or not is_pressed(economy, p, lender):
            continue
        lender.pressed_since = week
        fresh += 1
        channel = Channel.REPO.value if lender.called > 0.0 else Channel.LENDER_CREDIT.value
        if p.credit_enforcement != Enforcement.NEVER:
            call_breached_loans(economy, p, index, channel)
        if lender.status == LenderStatus.ALIVE:
            sell_loans(economy, p, index, cash_needed(p, lender), channel)
    return fresh
