"""What lenders owe each other: the opening positions, and their clearing when lenders fail.

Claims are kept by creditor (`claim_start`, `claim_debtor`, `claim_face`) and rolled over for ever at the
policy rate while their debtor lives. In the week in which lenders fail, what they owe is cleared by
`contagion.clearing_rounds` on their cash. What is still owed then stays a claim on the estate, which its
holder carries at nothing until something is paid (Gai and Kapadia 2010, section 2: no recovery in the short
run).
"""

from hashcredit.agents.compiled import kernel
from hashcredit.agents.dimensions import Channel, LenderStatus, Record
from hashcredit.agents.units import WEEK
from hashcredit.simulator.books.events import note
from hashcredit.simulator.books.ledger import lose, pay, revalue, sum_of
from hashcredit.simulator.contagion.rounds.clearing import clear_all, clear_round
from hashcredit.simulator.lenders.funding import fund, take_deposits
from hashcredit.simulator.state.codes import GUARANTOR_ACCOUNT, EventKind, Flow, Revaluation, Sector
from hashcredit.simulator.state.economy import Economy

OWED, EXTERNAL, ASSETS, PAID = 0, 1, 2, 3
"""Rows of `Economy.clearing_vectors`."""
CONVERGED = 1e-13
"""Relative change of payments at which rounds end where the network is too large for the exact solution."""


@kernel
def open_interlender_claims(economy: Economy, p: Record, loans: float) -> None:
    """Positions between lenders in the first week: a share of all `loans` (M$), as the network says."""
    total = p.interlender_exposure_share * loans
    for i in range(economy.lenders.shape[0]):
        for link in range(economy.claim_start[i], economy.claim_start[i + 1]):
            face = total * economy.claim_share[link]
            economy.claim_face[link] = face
            economy.lenders[i].claims += face
            economy.lenders[economy.claim_debtor[link]].owed += face


@kernel
def pay_interlender_interest(economy: Economy) -> None:
    """A week's interest on what live lenders owe to others; a sector pays itself, so no flow is posted."""
    rate = economy.market[0].policy_rate * WEEK
    for index in range(economy.lenders.shape[0]):
        lender = economy.lenders[index]
        net = lender.claims * rate
        if lender.status == LenderStatus.ALIVE:
            net -= lender.owed * rate
        lender.cash += net
        lender.income += net


@kernel
def state_positions(economy: Economy) -> None:
    """Fill what clearing works on.

    Live lenders owe what their balance sheets say and have all their assets; those that fail now have their
    cash. Who failed before has settled and takes no part: it pays a coin of its own to itself. Nor do
    claims on whoever owes nothing in total, specks that rounding has left (`share_paid`).
    """
    vectors = economy.clearing_vectors
    for index in range(economy.lenders.shape[0]):
        lender = economy.lenders[index]
        if lender.settling:
            vectors[EXTERNAL, index] = lender.funding + lender.guaranteed
            vectors[OWED, index] = vectors[EXTERNAL, index] + lender.owed
            vectors[ASSETS, index] = max(0.0, lender.cash)
        elif lender.status == LenderStatus.ALIVE:
            vectors[EXTERNAL, index] = lender.funding + lender.repo + lender.facility
            vectors[OWED, index] = vectors[EXTERNAL, index] + lender.owed
            vectors[ASSETS, index] = max(0.0, lender.cash + sum_of(lender.loans) - lender.allowance)
        else:
            vectors[EXTERNAL, index] = 1.0
            vectors[OWED, index] = 1.0
            vectors[ASSETS, index] = 1.0
    for link in range(economy.claim_debtor.shape[0]):
        j = economy.claim_debtor[link]
        debtor = economy.lenders[j]
        takes_part = (debtor.settling or debtor.status == LenderStatus.ALIVE) and vectors[OWED, j] > 0.0
        economy.clearing_amounts[link] = economy.claim_face[link] if takes_part else 0.0


@kernel
def clear_positions(economy: Economy, p: Record) -> None:
    """The greatest clearing vector of the positions stated: `clearing_vectors[PAID]`, `clearing_default`."""
    vectors = economy.clearing_vectors
    alpha, beta = p.interlender_asset_recovery, p.interlender_claim_recovery
    if economy.clearing_shares.shape[0] >= economy.lenders.shape[0]:
        clear_all(
            economy.claim_start, economy.claim_debtor, economy.clearing_amounts, vectors[OWED],
            vectors[EXTERNAL], vectors[ASSETS], alpha, beta, economy.clearing_default, vectors[PAID],
            economy.clearing_position, economy.clearing_shares, economy.clearing_work,
        )  # fmt: skip
    else:
        clear_by_rounds(economy, alpha, beta)


@kernel
def clear_by_rounds(economy: Economy, alpha: float, beta: float) -> None:
    """The same for very many lenders: rounds from above until payments stand still."""
    vectors, work = economy.clearing_vectors, economy.clearing_work
    paid, next_paid = vectors[PAID], work[0]
    for index in range(paid.shape[0]):
        economy.clearing_default[index] = False
        paid[index] = vectors[OWED, index]
    moving = True
    while moving:
        fresh = clear_round(
            economy.claim_start, economy.claim_debtor, economy.clearing_amounts, vectors[OWED],
            vectors[ASSETS], alpha, beta, economy.clearing_default, paid, next_paid,
        )  # fmt: skip
        moving = fresh > 0
        for index in range(paid.shape[0]):
            moving |= paid[index] - next_paid[index] > CONVERGED * paid[index]
            paid[index] = next_paid[index]


@kernel
def share_paid(paid: float, owed: float) -> float:
    """Share of its debts that a failed lender pays; both in M$.

    A total kept by adding and subtracting may be 0 by rounding while a speck of a debt is left. It counts as
    paid then, and is nobody's loss.
    """
    return paid / owed if owed > 0.0 else 1.0


@kernel
def pay_creditors(economy: Economy, p: Record) -> None:
    """Make the payments of the lenders that fail now, and let their creditors write down what is missing."""
    for i in range(economy.lenders.shape[0]):
        for link in range(economy.claim_start[i], economy.claim_start[i + 1]):
            j = economy.claim_debtor[link]
            if economy.lenders[j].settling and economy.claim_face[link] > 0.0:
                share = share_paid(economy.clearing_vectors[PAID, j], economy.clearing_vectors[OWED, j])
                settle_interlender_claim(economy, i, j, link, share)
    for index in range(economy.lenders.shape[0]):
        lender = economy.lenders[index]
        if lender.settling:
            pay_outside(economy, p, index)
            if lender.cash < 0.0:  # its claims on live lenders count in the clearing, but pay later
                fund(economy, lender, -lender.cash)
            lender.settling = 0


@kernel
def settle_interlender_claim(economy: Economy, i: int, j: int, link: int, share: float) -> None:
    """Lender j, which fails now, pays lender i a share of what it owes; i writes the rest down."""
    creditor, debtor = economy.lenders[i], economy.lenders[j]
    face = economy.claim_face[link]
    paid = share * face
    lost = face - paid
    pay(economy, Flow.INTERLENDER, debtor, creditor, paid)
    economy.claim_face[link] = lost
    debtor.owed -= paid
    creditor.claims -= face
    lose(economy, Revaluation.INTERLENDER_LOSSES, creditor, lost)
    economy.outcomes[0].interlender_loss_musd += lost
    event = note(economy, EventKind.INTERLENDER_LOSS, Sector.LENDERS, i, Sector.LENDERS, j, amount=lost,
                 channel=Channel.INTERLENDER, parent=debtor.failure_event)  # fmt: skip
    if lost > 0.0:
        creditor.trigger = event


@kernel
def pay_outside(economy: Economy, p: Record, index: int) -> None:
    """Of the same clearing: what a failed lender pays outside the network, and what its failure costs."""
    lender = economy.lenders[index]
    vectors = economy.clearing_vectors
    share = vectors[PAID, index] / vectors[OWED, index] if vectors[OWED, index] > 0.0 else 0.0
    take_deposits(economy, lender, -share * lender.funding)
    to_guarantor = share * lender.guaranteed
    pay(economy, Flow.INTERLENDER, lender, economy.world[GUARANTOR_ACCOUNT], to_guarantor)
    lender.guaranteed -= to_guarantor
    if economy.clearing_default[index]:
        left = max(0.0, lender.cash)  # nothing but what the costs of the failure have taken
        pay(economy, Flow.ESTATE_COSTS, lender, economy.world[0], left)
        lender.losses += left


@kernel
def guarantee(economy: Economy, index: int) -> None:
    """`channels.interlender` off: the guarantor pays what a failed lender owes to others, and is owed it."""
    lender = economy.lenders[index]
    guarantor = economy.world[GUARANTOR_ACCOUNT]
    for i in range(economy.lenders.shape[0]):
        for link in range(economy.claim_start[i], economy.claim_start[i + 1]):
            face = economy.claim_face[link]
            if economy.claim_debtor[link] == index and face > 0.0:
                pay(economy, Flow.INTERLENDER, guarantor, economy.lenders[i], face)
                economy.lenders[i].claims -= face
                economy.claim_face[link] = 0.0
                lender.owed -= face
                lender.guaranteed += face
    lender.settling = 0


@kernel
def repay_interlender_claims(economy: Economy, index: int, share: float) -> None:
    """The estate of a failed lender pays a share of what is left of its debts to other lenders."""
    for place in range(economy.debt_start[index], economy.debt_start[index + 1]):
        link = economy.debt_link[place]
        if economy.claim_face[link] > 0.0:
            creditor = economy.debt_creditor[place]
            repay_interlender_claim(economy, creditor, index, link, share * economy.claim_face[link])


@kernel
def repay_interlender_claim(economy: Economy, i: int, j: int, link: int, amount: float) -> None:
    """The estate of lender j pays `amount` (M$) to lender i, or to the creditors that i has left behind."""
    economy.claim_face[link] -= amount
    economy.lenders[j].owed -= amount
    if economy.lenders[i].status == LenderStatus.CLOSED:
        pay(economy, Flow.INTERLENDER, economy.lenders[j], economy.world[0], amount)
        revalue(economy, Revaluation.INTERLENDER_LOSSES, economy.world[0], amount)
    else:
        pay(economy, Flow.INTERLENDER, economy.lenders[j], economy.lenders[i], amount)
        lose(economy, Revaluation.INTERLENDER_LOSSES, economy.lenders[i], -amount)
    economy.outcomes[0].interlender_loss_musd -= amount


@kernel
def collect_interlender_claims(economy: Economy, index: int) -> None:
    """At the end of a receivership live lenders repay what they owe to the estate."""
    lender = economy.lenders[index]
    for link in range(economy.claim_start[index], economy.claim_start[index + 1]):
        debtor = economy.lenders[economy.claim_debtor[link]]
        face = economy.claim_face[link]
        if debtor.status == LenderStatus.ALIVE and face > 0.0:
            short = face - debtor.cash
            if short > 0.0:
                fund(economy, debtor, short)
            pay(economy, Flow.INTERLENDER, debtor, lender, face)
            economy.claim_face[link] = 0.0
            debtor.owed -= face
            lender.claims -= face


@kernel
def largest_failing_debtor(economy: Economy, i: int) -> int:
    """Of the lenders that fail now the one that owes lender i most; -1 if none owes it anything."""
    largest = -1
    most = 0.0
    for link in range(economy.claim_start[i], economy.claim_start[i + 1]):
        j = economy.claim_debtor[link]
        if economy.lenders[j].settling and economy.claim_face[link] > most:
            most = economy.claim_face[link]
            largest = j
    return largest


@kernel
def end_interlender_claims(economy: Economy, index: int) -> float:
    """End the claims on a lender that is closed, which their holders carry at nothing; return their face."""
    lost = 0.0
    for place in range(economy.debt_start[index], economy.debt_start[index + 1]):
        link = economy.debt_link[place]
        lost += economy.claim_face[link]
        economy.claim_face[link] = 0.0
    economy.lenders[index].owed = 0.0
    return lost
