"""Phase `repo`: back-leverage on loans, from a limited pool at haircuts that follow last week's market.

Nobody lends against repossessed machines: that is the missing market. A standing facility
(`repo.standing_facility`) creates it: the authority lends against seized machines at a capped haircut.
"""

import math

from hashcredit.agents.compiled import kernel
from hashcredit.agents.dimensions import Channel, LenderStatus, LoanStatus, Record
from hashcredit.agents.units import WEEK, WEEKS_A_YEAR
from hashcredit.simulator.books.events import note
from hashcredit.simulator.books.loans import DUST, facilities_of, has_claims
from hashcredit.simulator.lenders.funding import (
    borrow_on_loans,
    borrowing_limit,
    cash_target,
    draw_standing_facility,
    has_deposits,
    repo_is_called,
)
from hashcredit.simulator.state.codes import EventKind, Sector
from hashcredit.simulator.state.economy import Economy


@kernel
def haircut_after(p: Record, base: float, variance: float, unsold: float, tightening: float) -> float:
    """Haircut (fraction) on loans from what the market did: its base and what each risk adds.

    base          haircut of a calm market, fraction
    variance      of the machines' appraisals, a year
    unsold        share of the machines on sale that found no buyer
    tightening    tightness less that of the first week
    """
    excess = max(0.0, math.sqrt(variance) - p.repo_calm_volatility)
    haircut = base + p.repo_volatility_weight * excess + p.repo_unsold_weight * unsold
    haircut += p.repo_tightness_weight * tightening
    return min(max(haircut, p.repo_lowest_haircut), p.repo_highest_haircut)


@kernel
def set_haircut(economy: Economy, p: Record) -> None:
    """The week's haircut from last week's market; with the channel off the first week's stays."""
    repo, outcomes = economy.repo[0], economy.outcomes[0]
    if repo_is_called(p):
        tightening = economy.market[0].tightness - repo.opening_tightness
        repo.haircut = haircut_after(
            p, economy.haircut_path[economy.clock[0].week], repo.price_variance, repo.unsold_share, tightening
        )
    else:
        repo.haircut = repo.opening_haircut
    outcomes.peak_haircut = max(outcomes.peak_haircut, repo.haircut)


@kernel
def open_repo_market(economy: Economy, p: Record) -> None:
    """What the haircuts and the pool of later weeks are measured against."""
    repo = economy.repo[0]
    repo.opening_tightness = economy.market[0].tightness
    repo.opening_haircut = economy.haircut_path[0]
    repo.haircut = repo.opening_haircut
    economy.outcomes[0].peak_haircut = repo.haircut
    repo.price_variance = p.repo_calm_volatility**2
    repo.opening_debt = 0.0
    for index in range(economy.lenders.shape[0]):
        repo.opening_debt += economy.lenders[index].repo
    repo.room = pool(economy, p) - repo.opening_debt
    for m in range(economy.machines.shape[0]):
        economy.machines[m].last_appraisal = economy.machines[m].appraisal


@kernel
def observe_collateral(economy: Economy, p: Record) -> None:
    """What the week adds to the trailing variance of appraisals and to the trailing share left unsold.

    The return is that of all machines at last week's appraisals, squared around zero: a steady decline is
    risk to whoever lends against it.
    """
    repo = economy.repo[0]
    before = 0.0
    after = 0.0
    on_sale = 0.0
    unsold = 0.0
    for m in range(economy.machines.shape[0]):
        machine = economy.machines[m]
        if not machine.used:
            continue
        before += machine.opening_units * machine.last_appraisal
        after += machine.opening_units * machine.appraisal
        on_sale += machine.offered * machine.appraisal
        unsold += (machine.offered - machine.traded) * machine.appraisal
        machine.last_appraisal = machine.appraisal
    keep = math.exp(-1.0 / p.repo_memory_weeks)
    change = math.log(after / before) if before > 0.0 and after > 0.0 else 0.0
    repo.price_variance = keep * repo.price_variance + (1.0 - keep) * WEEKS_A_YEAR * change * change
    share = unsold / on_sale if on_sale > 0.0 else 0.0
    repo.unsold_share = keep * repo.unsold_share + (1.0 - keep) * share


@kernel
def pool(economy: Economy, p: Record) -> float:
    """Back-leverage (M$) there is for all lenders: it grows with the years and shrinks with tightness."""
    repo = economy.repo[0]
    growth = math.exp(p.repo_pool_growth * economy.clock[0].week * WEEK)
    tightening = economy.market[0].tightness - repo.opening_tightness
    left = max(0.0, 1.0 - p.repo_pool_tightness * tightening)
    return (1.0 + p.repo_pool_headroom) * repo.opening_debt * growth * left


@kernel
def count_defaulted(economy: Economy) -> None:
    """Face of every lender's loans in default: what cannot be pledged."""
    for index in range(economy.lenders.shape[0]):
        economy.lenders[index].in_default = 0.0
    for b in range(economy.borrowers.shape[0]):
        if economy.calm[b] or not has_claims(economy.borrowers[b]):
            continue
        first, last = facilities_of(economy, b)
        for row in range(first, last):
            loan = economy.loans[row]
            if loan.status == LoanStatus.DEFAULTED:
                lender = economy.lenders[loan.holder]
                lender.in_default += loan.principal
                if loan.default_week == economy.clock[0].week:
                    lender.trigger = loan.default_event  # what a call of this week is due to


@kernel
def standing_facility_limit(economy: Economy, p: Record, lender: Record) -> float:
    """What the standing facility lends against a lender's seized machines, M$."""
    if not p.repo_standing_facility:
        return 0.0
    worth = 0.0
    for m in range(economy.machines.shape[0]):
        worth += lender.units[m] * economy.machines[m].appraisal
    return (1.0 - p.repo_facility_haircut) * worth


@kernel
def wanted(p: Record, lender: Record) -> float:
    """Borrowing (M$) that would leave a lender with the cash it wants; it repays what it does not need."""
    return max(0.0, lender.repo + lender.facility + cash_target(p, lender) - lender.cash)


@kernel
def granted(economy: Economy, p: Record, lender: Record) -> float:
    """Back-leverage (M$) that a lender wants and that its loans carry."""
    return min(wanted(p, lender), borrowing_limit(economy, p, lender))


@kernel
def rationing(economy: Economy, p: Record) -> float:
    """Share (0 to 1) of what loans carry that the pool can lend; sets the room that is left."""
    repo = economy.repo[0]
    total = 0.0
    for index in range(economy.lenders.shape[0]):
        lender = economy.lenders[index]
        if is_in_the_pool(lender):
            total += granted(economy, p, lender)
    there = max(0.0, pool(economy, p) - lent_to_estates(economy))
    share = 1.0
    if repo_is_called(p) and total > there:
        share = there / total
    repo.room = there - share * total
    return share


@kernel
def lent_to_estates(economy: Economy) -> float:
    """Back-leverage that failed lenders have not repaid yet, M$: whoever lent it cannot lend it again."""
    total = 0.0
    for index in range(economy.lenders.shape[0]):
        if economy.lenders[index].status != LenderStatus.ALIVE:
            total += economy.lenders[index].repo
    return total


@kernel
def is_in_the_pool(lender: Record) -> bool:
    """Whether a lender lives on back-leverage; a bank has deposits, a failed lender repays as it can."""
    return lender.status == LenderStatus.ALIVE and not has_deposits(lender)


@kernel
def set_borrowing(economy: Economy, p: Record, index: int, share: float) -> None:
    """Bring a lender's borrowing to what it gets now: first draw, then repay out of cash what is called.

    What it cannot repay stays owed and is its unmet call.
    """
    lender = economy.lenders[index]
    need = wanted(p, lender)
    on_loans = share * granted(economy, p, lender)
    on_machines = min(need - on_loans, standing_facility_limit(economy, p, lender))
    room = economy.repo[0].room  # the rationing has set it for all; these draws are in it
    if on_loans > lender.repo:
        borrow_on_loans(economy, lender, on_loans - lender.repo)
    if on_machines > lender.facility:
        draw_standing_facility(economy, lender, on_machines - lender.facility)
    due = max(0.0, lender.repo - on_loans)
    paid = min(due, max(0.0, lender.cash))
    borrow_on_loans(economy, lender, -paid)
    due_there = max(0.0, lender.facility - on_machines)
    paid_there = min(due_there, max(0.0, lender.cash))
    draw_standing_facility(economy, lender, -paid_there)
    economy.repo[0].room = room
    set_call(economy, p, index, due - paid + due_there - paid_there)


@kernel
def set_call(economy: Economy, p: Record, index: int, missing: float) -> None:
    """Remember the part of a call (M$) that a lender has not met; what the call is due to is in the event.

    With the channel off a call has no consequences of its own.
    """
    lender = economy.lenders[index]
    repo, outcomes = economy.repo[0], economy.outcomes[0]
    if missing <= DUST or not repo_is_called(p):
        lender.called = 0.0
        lender.call_weeks = 0
        return
    if lender.called == 0.0:
        outcomes.repo_calls += 1
        note(economy, EventKind.REPO_CALL, Sector.LENDERS, index, Sector.REST_OF_WORLD, amount=missing,
             price=repo.haircut, channel=Channel.REPO, parent=lender.trigger)  # fmt: skip
    lender.called = missing


@kernel
def call_repo(economy: Economy, p: Record) -> None:
    """Every lender's back-leverage is set anew, at this week's haircut and by what the pool has."""
    count_defaulted(economy)
    share = rationing(economy, p)
    for index in range(economy.lenders.shape[0]):
        if is_in_the_pool(economy.lenders[index]):
            set_borrowing(economy, p, index, share)
