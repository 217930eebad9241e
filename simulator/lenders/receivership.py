"""The end of a lender: insolvent or unfunded it goes into receivership, its loans run off or are sold.

Borrowers keep paying it. What comes in goes first to those who lent against its loans and machines, then to
depositors, the guarantor and other lenders alike. When nothing is left to come in, the rest is written off.
"""

from hashcredit.agents.compiled import kernel
from hashcredit.agents.dimensions import Channel, LenderStatus, Receivership, Record
from hashcredit.simulator.books.events import note_lender
from hashcredit.simulator.books.ledger import capital_binds, lender_equity, pay, revalue, sum_of
from hashcredit.simulator.books.loans import DUST, pro_rata
from hashcredit.simulator.books.orders import release_commitments
from hashcredit.simulator.lenders.funding import (
    UNLIMITED,
    borrow_on_loans,
    draw_standing_facility,
    take_deposits,
)
from hashcredit.simulator.lenders.interlender import (
    clear_positions,
    collect_interlender_claims,
    end_interlender_claims,
    guarantee,
    largest_failing_debtor,
    pay_creditors,
    repay_interlender_claims,
    state_positions,
)
from hashcredit.simulator.lenders.loan_sales import sell_loans
from hashcredit.simulator.state.codes import (
    AUTHORITY_ACCOUNT,
    GUARANTOR_ACCOUNT,
    EventKind,
    Flow,
    Revaluation,
)
from hashcredit.simulator.state.economy import Economy


@kernel
def must_fail(p: Record, lender: Record) -> bool:
    """Whether a live lender is insolvent, or has left a call on its back-leverage unmet for too long."""
    unfunded = lender.called > 0.0 and lender.call_weeks > p.repo_cure_weeks
    return lender.status == LenderStatus.ALIVE and (lender_equity(lender) < 0.0 or unfunded)


@kernel
def enter_receivership(economy: Economy, p: Record, index: int, channel: int) -> None:
    """Mark the end of a lender; what it owes to others falls due."""
    lender = economy.lenders[index]
    lender.status = LenderStatus.RECEIVERSHIP
    lender.failure_week = economy.clock[0].week
    lender.settling = 1
    lender.called = 0.0
    economy.outcomes[0].lender_failures += 1
    lender.failure_event = note_lender(
        economy, EventKind.LENDER_FAILURE, index, lender_equity(lender), channel, lender.trigger
    )
    if capital_binds(p):
        release_commitments(economy, index)


@kernel
def mark_failures(economy: Economy, p: Record) -> int:
    """Put every lender that must fail into receivership; return how many."""
    fresh = 0
    for index in range(economy.lenders.shape[0]):
        lender = economy.lenders[index]
        if must_fail(p, lender):
            insolvent = lender_equity(lender) < 0.0
            enter_receivership(
                economy, p, index, Channel.LOAN_LOSSES.value if insolvent else Channel.REPO.value
            )
            fresh += 1
    return fresh


@kernel
def mark_knocked_on(economy: Economy, p: Record) -> int:
    """Put live lenders that the clearing found insolvent into receivership; return how many.

    Only those with a claim on a lender that fails already: of the others the next clearing knows who it was.
    """
    fresh = 0
    for index in range(economy.lenders.shape[0]):
        lender = economy.lenders[index]
        if lender.status == LenderStatus.ALIVE and economy.clearing_default[index]:
            debtor = largest_failing_debtor(economy, index)
            if debtor >= 0:
                lender.trigger = economy.lenders[debtor].failure_event
                enter_receivership(economy, p, index, Channel.INTERLENDER.value)
                fresh += 1
    return fresh


@kernel
def fail_lenders(economy: Economy, p: Record) -> int:
    """All lenders that fail now, those that other lenders bring down included; return how many."""
    failed = mark_failures(economy, p)
    if failed == 0:
        return 0
    if not p.channels_interlender:
        for index in range(economy.lenders.shape[0]):
            if economy.lenders[index].settling:
                guarantee(economy, index)
        return failed
    fresh = 1
    while fresh > 0:
        state_positions(economy)
        clear_positions(economy, p)
        fresh = mark_knocked_on(economy, p)
        failed += fresh
    pay_creditors(economy, p)
    return failed


@kernel
def run_off(economy: Economy, p: Record, index: int) -> None:
    """A week of a receivership: loans are offered where the scenario says so, cash goes to creditors."""
    lender = economy.lenders[index]
    if p.interlender_receivership == Receivership.AUCTION and capital_binds(p):
        sell_loans(economy, p, index, UNLIMITED, Channel.LENDER_CREDIT.value)
    if lender.cash < 0.0:
        take_deposits(economy, lender, -lender.cash)
    pay_secured(economy, lender)
    pay_unsecured(economy, index)
    nothing_left = sum_of(lender.loans) <= DUST and sum_of(lender.units) == 0
    if nothing_left and capital_binds(p):
        collect_interlender_claims(economy, index)
        pay_secured(economy, lender)
        pay_unsecured(economy, index)
        close_lender(economy, index)


@kernel
def pay_secured(economy: Economy, lender: Record) -> None:
    """What a failed lender has goes to those who hold its loans and machines in pledge, pro rata."""
    share = pro_rata(lender.cash, lender.repo + lender.facility)
    borrow_on_loans(economy, lender, -share * lender.repo)
    draw_standing_facility(economy, lender, -share * lender.facility)


@kernel
def pay_unsecured(economy: Economy, index: int) -> None:
    """What is left goes to depositors, the guarantor and other lenders, pro rata."""
    lender = economy.lenders[index]
    if lender.repo + lender.facility > DUST or lender.cash <= 0.0:
        return
    share = pro_rata(lender.cash, lender.funding + lender.guaranteed + lender.owed)
    take_deposits(economy, lender, -share * lender.funding)
    to_guarantor = share * lender.guaranteed
    pay(economy, Flow.INTERLENDER, lender, economy.world[GUARANTOR_ACCOUNT], to_guarantor)
    lender.guaranteed -= to_guarantor
    if lender.owed > 0.0:
        repay_interlender_claims(economy, index, share)


@kernel
def close_lender(economy: Economy, index: int) -> None:
    """Nothing more will come in: the creditors' losses, the owners' surplus, the end."""
    lender = economy.lenders[index]
    world = economy.world[0]
    outside = lender.funding + lender.repo
    revalue(economy, Revaluation.LENDER_WRITE_OFFS, world, -outside)
    revalue(economy, Revaluation.LENDER_WRITE_OFFS, economy.world[AUTHORITY_ACCOUNT], -lender.facility)
    revalue(economy, Revaluation.LENDER_WRITE_OFFS, economy.world[GUARANTOR_ACCOUNT], -lender.guaranteed)
    economy.outcomes[0].authority_loss_musd += lender.facility
    lost = outside + lender.facility + lender.guaranteed + end_interlender_claims(economy, index)
    revalue(economy, Revaluation.LENDER_WRITE_OFFS, lender, lost)
    lender.funding = 0.0
    lender.repo = 0.0
    lender.facility = 0.0
    lender.guaranteed = 0.0
    surplus = max(0.0, lender.cash)
    pay(economy, Flow.DISTRIBUTIONS, lender, world, surplus)
    lender.distributions += surplus
    lender.status = LenderStatus.CLOSED
    note_lender(economy, EventKind.LENDER_CLOSED, index, lost, Channel.NONE, lender.failure_event)
