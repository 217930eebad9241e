"""Loans that change hands between lenders: of one that must raise cash, or of one in receivership.

A loan goes whole to the lender linked to its borrower that values it most among those with room for it.
"""

from hashcredit.agents.compiled import kernel
from hashcredit.agents.dimensions import Cause, LenderStatus, LoanStatus, Record
from hashcredit.agents.units import MILLION
from hashcredit.simulator.books.events import note
from hashcredit.simulator.books.ledger import pay, revalue
from hashcredit.simulator.books.loans import DUST, facilities_of, payments_worth, pledges_coins
from hashcredit.simulator.lenders.funding import capacity_of, fund
from hashcredit.simulator.machines.collateral import sale_ratio
from hashcredit.simulator.machines.slots import site_security
from hashcredit.simulator.state.codes import EventKind, Flow, Revaluation, Sector
from hashcredit.simulator.state.economy import Economy


@kernel
def expected_share(economy: Economy, p: Record, row: int, buyer: Record) -> float:
    """Share (0 to 1) of a loan's face that a buyer expects back if it fails."""
    loan = economy.loans[row]
    if pledges_coins(loan):
        worth = loan.coins * economy.market[0].btc_price * MILLION
    elif loan.machine >= 0 and loan.units > 0:
        worth = sale_ratio(p) * loan.units * economy.machines[loan.machine].appraisal
    elif loan.slots > 0:
        worth = site_security(p, loan, loan.principal)
    else:
        worth = buyer.learned_recovery * loan.principal
    return min(1.0, worth / loan.principal)


@kernel
def worth_to(economy: Economy, p: Record, row: int, buyer: Record) -> float:
    """What a loan is worth to a lender (M$, at most its face): its payments at the lender's own rate.

    The hazard that it assumes for a loan it waits on, times what it would lose, is added to the rate.
    """
    loan = economy.loans[row]
    clock, market = economy.clock[0], economy.market[0]
    rate = market.cost_of_capital + buyer.cost_of_capital
    rate += p.credit_waiting_hazard * (1.0 - expected_share(economy, p, row, buyer))
    return min(loan.principal, payments_worth(loan, clock.week, market.policy_rate, rate))


@kernel
def best_buyer(economy: Economy, p: Record, row: int) -> tuple[int, float]:
    """The live lender, other than the holder, that values a loan most and has room for it; (-1, 0) if none.

    Of equal ones the first. It knows the loan's borrower.
    """
    loan = economy.loans[row]
    best = -1
    price = 0.0
    for link in range(economy.credit_start[loan.obligor], economy.credit_start[loan.obligor + 1]):
        index = economy.credit_lender[link]
        lender = economy.lenders[index]
        if index == loan.holder or lender.status != LenderStatus.ALIVE or lender.called > 0.0:
            continue
        if capacity_of(economy, p, lender) < loan.principal:
            continue
        worth = worth_to(economy, p, row, lender)
        if worth > price:
            best = index
            price = worth
    return best, price


@kernel
def transfer_loan(economy: Economy, row: int, index: int, price: float, channel: int, parent: int) -> None:
    """Move a loan to lender `index` for `price` (M$); both book the difference to its face at once."""
    loan = economy.loans[row]
    seller = economy.lenders[loan.holder]
    buyer = economy.lenders[index]
    short = price - buyer.cash
    if short > 0.0:
        fund(economy, buyer, short)
    pay(economy, Flow.LOAN_SALES, buyer, seller, price)
    seller.loans[loan.instrument] -= loan.principal
    buyer.loans[loan.instrument] += loan.principal
    revalue(economy, Revaluation.LOAN_SALES, seller, price - loan.principal)
    revalue(economy, Revaluation.LOAN_SALES, buyer, loan.principal - price)
    economy.outcomes[0].loans_sold_musd += loan.principal
    note(economy, EventKind.LOAN_SALE, Sector.LENDERS, loan.holder, Sector.LENDERS, index, loan.machine,
         loan.units, loan.principal, price, channel=channel, parent=parent)  # fmt: skip
    loan.holder = index
    loan.hung = 0


@kernel
def sell_loans(economy: Economy, p: Record, index: int, needed: float, channel: int) -> None:
    """Sell performing loans of lender `index`, in the order of the table, until `needed` M$ have come in."""
    parent = economy.lenders[index].trigger
    for place in range(economy.client_start[index], economy.client_start[index + 1]):
        b = economy.client_borrower[place]
        if economy.borrowers[b].pending_cause != Cause.NONE:
            continue
        first, last = facilities_of(economy, b)
        for row in range(first, last):
            if needed <= DUST:
                return
            loan = economy.loans[row]
            if loan.holder != index or loan.status != LoanStatus.PERFORMING or loan.principal <= DUST:
                continue
            buyer, price = best_buyer(economy, p, row)
            if buyer >= 0:
                transfer_loan(economy, row, buyer, price, channel, parent)
                needed -= price
