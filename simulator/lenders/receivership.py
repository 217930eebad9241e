"""The end of a lender: insolvent or unfunded it goes into receivership, its loans run off or are sold.

Borrowers keep paying it. What comes in goes first to those who lent against its loans and machines, then to
depositors, the guarantor and other lenders alike. When nothing is left to come in, the rest is written off.
"""

import numpy as np

from hashcredit.agents.compiled import kernel
from hashcredit.agents.dimensions import Channel, LenderStatus, Receivership, Record
from hashcredit.simulator.books.events import NO_EVENT, note_lender
from hashcredit.simulator.books.ledger import lender_equity, lose, losses_bind, pay, revalue, sum_of
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
    """Mark the end of a lender; what it owes to others falls due.

    An imposed failure (channel EXOGENOUS) has no parent; what the lender does from now on goes back to it.
    """
    lender = economy.lenders[index]
    imposed = channel == Channel.EXOGENOUS
    lender.status = LenderStatus.RECEIVERSHIP
    lender.failure_week = economy.clock[0].week
    lender.settling = 1
    lender.called = 0.0
    economy.outcomes[0].lender_failures += 1
    economy.outcomes[0].extra_lender_failures += not imposed
    parent = NO_EVENT if imposed else lender.trigger
    lender.failure_event = note_lender(
        economy, EventKind.LENDER_FAILURE, index, lender_equity(lender), channel, parent
    )
    if imposed:
        lender.trigger = lender.failure_event
    if losses_bind(p):
        release_commitments(economy, index)


@kernel
def largest_that_fits(economy: Economy, kind: int, most: float) -> int:
    """The live lender of a kind with the most loans, of those with at most `most` M$ of them; -1 if none.

    One without loans is there only if there is no limit (infinity).
    """
    largest = -1
    for index in range(economy.lenders.shape[0]):
        lender = economy.lenders[index]
        loans = sum_of(lender.loans)
        if lender.kind != kind or lender.status != LenderStatus.ALIVE or loans > most:
            continue
        if loans <= 0.0 and most < np.inf:
            continue
        if largest < 0 or loans > sum_of(economy.lenders[largest].loans):
            largest = index
    return largest


@kernel
def force_failures(economy: Economy, p: Record) -> int:
    """`shocks.forced_lender_failure`, once in its week: lenders of a kind fail; return how many.

    Whole ones, the largest by loans first, each that fits into the share that is left: a lender does not fail
    in part. All of a kind includes those without loans.
    """
    if economy.clock[0].week != p.forced_lender_week or economy.clock[0].rounds > 1:
        return 0
    kind = p.forced_lender_kind
    left = np.inf
    if p.forced_lender_share < 1.0:
        total = 0.0
        for index in range(economy.lenders.shape[0]):
            lender = economy.lenders[index]
            if lender.kind == kind and lender.status == LenderStatus.ALIVE:
                total += sum_of(lender.loans)
        left = p.forced_lender_share * total + DUST
    fresh = 0
    index = largest_that_fits(economy, kind, left)
    while index >= 0:
        enter_receivership(economy, p, index, Channel.EXOGENOUS.value)
        left -= sum_of(economy.lenders[index].loans)
        fresh += 1
        index = largest_that_fits(economy, kind, left)
    return fresh


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
    failed = force_failures(economy, p) + mark_failures(economy, p)
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
    if p.interlender_receivership == Receivership.AUCTION and losses_bind(p):
        sell_loans(economy, p, index, UNLIMITED, Channel.LENDER_CREDIT.value)
    if lender.cash < 0.0:
        take_deposits(economy, lender, -lender.cash)
    pay_secured(economy, lender)
    pay_unsecured(economy, index)
    nothing_left = sum_of(lender.loans) <= DUST and sum_of(lender.units) == 0
    if nothing_left and losses_bind(p):
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
    lose(economy, Revaluation.LENDER_WRITE_OFFS, lender, -lost)
    lender.funding = 0.0
    lender.repo = 0.0
    lender.facility = 0.0
    lender.guaranteed = 0.0
    surplus = max(0.0, lender.cash)
    pay(economy, Flow.DISTRIBUTIONS, lender, world, surplus)
    lender.distributions += surplus
    lender.status = LenderStatus.CLOSED
    note_lender(economy, EventKind.LENDER_CLOSED, index, lost, Channel.NONE, lender.failure_event)
