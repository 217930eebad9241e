"""Syndication: a lender promises loans that it means to sell to another one when they are drawn.

For such a promise it keeps no capital free, so it can promise more. When the loan is drawn it offers it whole
and at face to the linked lender with most room. What nobody has room for hangs: it stays on the promising
lender's books, takes its capital, and is offered again every week.
"""

from hashcredit.agents.compiled import kernel
from hashcredit.agents.dimensions import Cause, Channel, LenderStatus, Record
from hashcredit.simulator.books.events import NO_EVENT, NOBODY, note_holder
from hashcredit.simulator.books.loans import facilities_of, owes
from hashcredit.simulator.lenders.capital import can_extend
from hashcredit.simulator.lenders.loan_sales import transfer_loan
from hashcredit.simulator.lenders.underwriting import ask_lenders
from hashcredit.simulator.state.codes import EventKind
from hashcredit.simulator.state.economy import Economy


@kernel
def means_to_sell(economy: Economy, p: Record, holder: int, u: float) -> bool:
    """Whether a lender (-1: none) means to sell on the loan that it promises, told by a draw."""
    return holder >= 0 and u < p.lenders_syndication[economy.lenders[holder].kind]


@kernel
def roomiest_lender(economy: Economy, p: Record, b: int, holder: int = NOBODY) -> tuple[int, float]:
    """The lender linked to borrower `b`, other than `holder`, with most room for a loan, and how much (M$).

    Of those that `ask_lenders` has asked; (-1, 0) if none is able to lend; of equal ones the first.
    """
    best, most = -1, 0.0
    for link in range(economy.credit_start[b], economy.credit_start[b + 1]):
        index = economy.credit_lender[link]
        if index == holder:
            continue
        room = economy.lender_room[index]
        if room > most and can_extend(economy, p, economy.lenders[index]):
            best, most = index, room
    return best, most


@kernel
def is_sound(economy: Economy, row: int) -> bool:
    """Whether nothing is missed or in breach of a loan, so that somebody may take it at face."""
    loan = economy.loans[row]
    missed = loan.weeks_overdue + loan.weeks_over_base + loan.weeks_under_dscr
    return missed == 0 and economy.borrowers[loan.obligor].pending_cause == Cause.NONE


@kernel
def place_loan(economy: Economy, p: Record, row: int) -> bool:
    """Sell a loan at face to the lender with most room, if that takes all of it."""
    loan = economy.loans[row]
    ask_lenders(economy, p, loan.obligor)
    buyer, room = roomiest_lender(economy, p, loan.obligor, loan.holder)
    if buyer < 0 or room < loan.principal or not is_sound(economy, row):
        return False
    transfer_loan(economy, row, buyer, loan.principal, Channel.NONE.value, NO_EVENT)
    return True


@kernel
def syndicate(economy: Economy, p: Record, row: int) -> None:
    """Offer a loan that is drawn and meant for others; it hangs if none takes it."""
    if place_loan(economy, p, row):
        return
    loan = economy.loans[row]
    loan.hung = 1
    economy.lenders[loan.holder].hung += loan.principal
    economy.outcomes[0].hung_musd += loan.principal
    note_holder(economy, EventKind.SYNDICATION_REFUSED, loan, loan.principal, loan.units)


@kernel
def offer_again(economy: Economy, p: Record, index: int) -> None:
    """Offer what hangs on the books of a lender again, and add up afresh what still does.

    One that has failed keeps its loans or sells them as its receivership does.
    """
    lender = economy.lenders[index]
    lender.hung = 0.0
    if lender.status != LenderStatus.ALIVE:
        return
    for place in range(economy.client_start[index], economy.client_start[index + 1]):
        first, last = facilities_of(economy, economy.client_borrower[place])
        for row in range(first, last):
            loan = economy.loans[row]
            if loan.hung == 1 and loan.holder == index and owes(loan) and not place_loan(economy, p, row):
                lender.hung += loan.principal


@kernel
def offer_hung_loans(economy: Economy, p: Record) -> None:
    """Every lender on whose books loans hang offers them again."""
    for index in range(economy.lenders.shape[0]):
        if economy.lenders[index].hung > 0.0:
            offer_again(economy, p, index)
