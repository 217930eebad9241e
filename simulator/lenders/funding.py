"""How lenders are funded: deposits of banks, back-leverage on loans of the others, and the room that leaves.

A bank takes what it needs as deposits. The others pledge their performing loans and borrow against them from
a limited pool, at the market's haircut (`repo`); what they borrow is repayable at once if that rises.
"""

from hashcredit.agents.compiled import kernel
from hashcredit.agents.dimensions import LenderKind, LenderStatus, Record
from hashcredit.agents.lender import lending_capacity
from hashcredit.simulator.books.ledger import lending_equity, losses_bind, pay, sum_of
from hashcredit.simulator.state.codes import AUTHORITY_ACCOUNT, Flow
from hashcredit.simulator.state.economy import Economy

UNLIMITED = 1e18
"""M$."""
LEAST_OWN_SHARE = 1e-9
"""Of a new loan that is not borrowed; under it the lender's funding sets no limit."""


@kernel
def repo_is_called(p: Record) -> bool:
    """Whether `channels.repo` is on; off, the haircut stays where it was and nobody is rationed."""
    return p.channels_repo != 0


@kernel
def has_deposits(lender: Record) -> bool:
    """Whether depositors fund whatever a lender needs."""
    return lender.kind == LenderKind.BANK


@kernel
def cash_target(p: Record, lender: Record) -> float:
    """Cash that a lender wants to keep, M$."""
    return p.lenders_cash_share[lender.kind] * sum_of(lender.loans)


@kernel
def losses_reach_funding(p: Record) -> bool:
    """Whether a channel is on through which losses can act on what a lender borrows: its own, or calls."""
    return losses_bind(p) or repo_is_called(p)


@kernel
def borrowing_limit(economy: Economy, p: Record, lender: Record) -> float:
    """Back-leverage (M$) that a lender's performing loans carry at today's haircut.

    Those in default carry it as well where no channel lets losses act on funding.
    """
    defaulted = lender.in_default if losses_reach_funding(p) else 0.0
    pledged = max(0.0, sum_of(lender.loans) - defaulted)
    return (1.0 - economy.repo[0].haircut) * p.lenders_repo_share[lender.kind] * pledged


@kernel
def lending_cash(p: Record, lender: Record) -> float:
    """A lender's cash (M$); where losses do not act on funding, what it wrote off counts as paid."""
    if losses_reach_funding(p):
        return lender.cash
    return lender.cash + lender.losses - lender.allowance


@kernel
def funding_capacity(economy: Economy, p: Record, lender: Record) -> float:
    """New loans (M$) that a lender can fund; they can be pledged in their turn."""
    if has_deposits(lender):
        return UNLIMITED
    room = borrowing_limit(economy, p, lender) - lender.repo
    if repo_is_called(p):
        if lender.called > 0.0:
            return 0.0
        room = min(room, economy.repo[0].room)
    spare = lending_cash(p, lender) - cash_target(p, lender) + room
    own_share = 1.0 - (1.0 - economy.repo[0].haircut) * p.lenders_repo_share[lender.kind]
    if own_share < LEAST_OWN_SHARE:
        return UNLIMITED if spare >= 0.0 else 0.0
    return spare / own_share - lender.committed


@kernel
def does_business(p: Record, lender: Record) -> bool:
    """Whether a lender lends and extends: it lives, or its end is ignored (`channels.lender_credit` off)."""
    return lender.status == LenderStatus.ALIVE or not losses_bind(p)


@kernel
def capacity_of(economy: Economy, p: Record, lender: Record) -> float:
    """New loans (M$) that a lender can still make, by its capital and by its funding."""
    if not does_business(p, lender):
        return 0.0
    loans = sum_of(lender.loans) + lender.committed
    room = lending_capacity(lending_equity(p, lender), loans, lender.capital_target)
    return min(room, funding_capacity(economy, p, lender))


@kernel
def advance_now(economy: Economy, p: Record, lender: Record) -> float:
    """Advance rate (fraction) of a lender today: what it cannot borrow against a loan it does not lend.

    A rise of the haircut over that of the first week cuts it in proportion to what is lent against loans.
    """
    repo = economy.repo[0]
    if not repo_is_called(p) or has_deposits(lender):
        return lender.advance_rate
    if lender.called > 0.0:
        return 0.0
    left = (1.0 - repo.haircut) / max(1.0 - repo.opening_haircut, LEAST_OWN_SHARE)
    return lender.advance_rate * min(1.0, 1.0 - p.lenders_repo_share[lender.kind] * (1.0 - left))


@kernel
def borrowing_rate(economy: Economy, lender: Record) -> float:
    """Annual rate of a lender's debts: depositors get the policy rate, others the cost of capital."""
    if has_deposits(lender):
        return economy.market[0].policy_rate
    return economy.market[0].cost_of_capital


@kernel
def draw(economy: Economy, flow: int, creditor: Record, lender: Record, amount: float) -> None:
    """Move what a lender draws from a creditor (M$; negative: repays) under a kind of flow."""
    if amount > 0.0:
        pay(economy, flow, creditor, lender, amount)
    else:
        pay(economy, flow, lender, creditor, -amount)


@kernel
def take_deposits(economy: Economy, lender: Record, amount: float) -> None:
    """Draw deposits or term debt (M$, negative repays) from the rest of the world."""
    draw(economy, Flow.FUNDING, economy.world[0], lender, amount)
    lender.funding += amount


@kernel
def borrow_on_loans(economy: Economy, lender: Record, amount: float) -> None:
    """Draw back-leverage (M$, negative repays) from the rest of the world."""
    draw(economy, Flow.REPO, economy.world[0], lender, amount)
    lender.repo += amount
    economy.repo[0].room -= amount


@kernel
def draw_standing_facility(economy: Economy, lender: Record, amount: float) -> None:
    """Borrow from the authority (M$, negative repays)."""
    draw(economy, Flow.STANDING_FACILITY, economy.world[AUTHORITY_ACCOUNT], lender, amount)
    lender.facility += amount


@kernel
def fund(economy: Economy, lender: Record, amount: float) -> None:
    """Find cash (M$) at once, whatever it does to the lender's limit: the next call will ask for it back.

    Whoever manages the estate of a lender in receivership finds it as term debt.
    """
    if has_deposits(lender) or lender.status != LenderStatus.ALIVE:
        take_deposits(economy, lender, amount)
    else:
        borrow_on_loans(economy, lender, amount)
