"""The rules of bookkeeping: every payment and every change of face or worth passes through here.

A payment moves cash between two accounts and is posted in the transaction-flow matrix. Income
flows (rent, interest, costs) also change both parties' cumulative income. Worth that changes without
a payment (depreciation, write-downs) is posted in the revaluation matrix. The face of a loan is held
three times, by the row, by the holder and by the obligor; `post_principal` changes all three.
"""

from typing import Any

import numpy as np

from hashcredit.agents.compiled import kernel
from hashcredit.agents.dimensions import FACILITIES, Record
from hashcredit.agents.units import MILLION
from hashcredit.simulator.state.codes import LAST_INCOME_FLOW, Flow, Revaluation, Sector
from hashcredit.simulator.state.economy import Economy

LAST_INCOME = int(LAST_INCOME_FLOW)


@kernel
def sum_of(values: np.ndarray) -> Any:
    """Sum of the entries of a row's field, in their order."""
    result = values[0]
    for index in range(1, values.shape[0]):
        result += values[index]
    return result


@kernel
def pay(economy: Economy, flow: int, payer: Record, payee: Record, amount: float) -> None:
    """Move `amount` (M$, not negative) from one account to another under a kind of flow."""
    payer.cash -= amount
    payee.cash += amount
    economy.flows[flow, payer.sector] -= amount
    economy.flows[flow, payee.sector] += amount
    if flow <= LAST_INCOME:
        payer.income -= amount
        payee.income += amount


@kernel
def revalue(economy: Economy, kind: int, agent: Record, amount: float) -> None:
    """Change an agent's worth by `amount` (M$) without a payment."""
    agent.income += amount
    economy.revaluations[kind, agent.sector] += amount


@kernel
def lose(economy: Economy, kind: int, lender: Record, amount: float) -> None:
    """Post a credit loss of a lender (M$; negative: what comes back of one)."""
    revalue(economy, kind, lender, -amount)
    lender.losses += amount


@kernel
def bill(economy: Economy, borrower: Record, amount: float) -> None:
    """Add bills (M$; negative: bills that are void) to those that a borrower has not paid."""
    borrower.payables += amount
    revalue(economy, Revaluation.UNPAID_BILLS, borrower, -amount)
    revalue(economy, Revaluation.UNPAID_BILLS, economy.world[0], amount)


@kernel
def post_principal(loan: Record, borrower: Record, lender: Record, amount: float) -> None:
    """Change the face of a loan by `amount` (M$) on the row, the liability and the asset side."""
    loan.principal += amount
    borrower.debt[loan.instrument] += amount
    lender.loans[loan.instrument] += amount


@kernel
def receive_service(
    loan: Record, borrower: Record, lender: Record, interest: float, principal: float
) -> None:
    """A holder's side of a loan's service, M$; the borrower's side follows for all its loans together."""
    lender.cash += interest + principal
    lender.income += interest
    post_principal(loan, borrower, lender, -principal)


@kernel
def pay_service(economy: Economy, borrower: Record, interest: float, principal: float) -> None:
    """A borrower's side of the service (M$) that holders have received, and both sides of the flow matrix."""
    borrower.cash -= interest + principal
    borrower.income -= interest
    flows = economy.flows
    flows[Flow.INTEREST, borrower.sector] -= interest
    flows[Flow.INTEREST, Sector.LENDERS] += interest
    flows[Flow.LOAN_REPAYMENTS, borrower.sector] -= principal
    flows[Flow.LOAN_REPAYMENTS, Sector.LENDERS] += principal


@kernel
def capitalise(economy: Economy, loan: Record, borrower: Record, lender: Record, amount: float) -> None:
    """Add unpaid interest or a creditor's outlay (M$) to the face: income of the holder, not yet cash."""
    post_principal(loan, borrower, lender, amount)
    revalue(economy, Revaluation.CAPITALISED_INTEREST, borrower, -amount)
    revalue(economy, Revaluation.CAPITALISED_INTEREST, lender, amount)


@kernel
def write_off(economy: Economy, loan: Record, borrower: Record, lender: Record) -> None:
    """Extinguish what is left of a loan on both sides, using up the holder's allowance."""
    left = loan.principal
    revalue(economy, Revaluation.WRITE_OFFS, borrower, left)
    lose(economy, Revaluation.WRITE_OFFS, lender, left)
    lose(economy, Revaluation.WRITE_DOWNS, lender, -loan.allowance)
    lender.allowance -= loan.allowance
    loan.allowance = 0.0
    post_principal(loan, borrower, lender, -left)
    loan.principal = 0.0


@kernel
def put_units(economy: Economy, holder: Record, m: int, units: int, cost: float) -> None:
    """Add machines of type `m` to an owner's racks and books, `cost` M$ together."""
    holder.units[m] += units
    holder.racked[economy.machines[m].cooling] += units
    holder.book[m] += cost


@kernel
def take_units(economy: Economy, holder: Record, m: int, units: int) -> float:
    """Remove machines of type `m` from an owner's racks and books; return their book value, M$."""
    book = holder.book[m] * units / holder.units[m]
    holder.units[m] -= units
    holder.racked[economy.machines[m].cooling] -= units
    holder.book[m] -= book
    if holder.units[m] == 0:
        book += holder.book[m]
        holder.book[m] = 0.0
    return book


@kernel
def free_slots(holder: Record, cooling: int) -> int:
    """Rack slots of a class that an owner leases and does not use."""
    return holder.slots[cooling] - holder.racked[cooling]


@kernel
def borrower_equity(economy: Economy, b: int) -> float:
    """Book equity of borrower `b`, M$: cash, coins at market, deposits and machines at book less debts.

    What customers have paid in advance is a debt, and so is what is owed to the vendor.
    """
    borrower = economy.borrowers[b]
    equity = borrower.cash + borrower.btc * economy.market[0].btc_price * MILLION - borrower.payables
    equity += borrower.deposits + sum_of(borrower.book) - sum_of(borrower.debt)
    equity -= borrower.prepaid + borrower.vendor_debt
    for row in range(b * FACILITIES, (b + 1) * FACILITIES):
        equity += economy.loans[row].coins * economy.market[0].btc_price * MILLION
    return equity


@kernel
def lender_equity(lender: Record) -> float:
    """Book equity of a lender, M$: cash, loans less allowance and claims on live lenders, less all debts."""
    assets = lender.cash + sum_of(lender.loans) - lender.allowance + lender.claims
    return assets - lender.funding - lender.repo - lender.facility - lender.owed - lender.guaranteed


@kernel
def losses_bind(p: Record) -> bool:
    """Whether `channels.lender_credit` is on; off, lenders' losses and failures take nothing from lending."""
    return p.channels_lender_credit != 0


@kernel
def lending_equity(p: Record, lender: Record) -> float:
    """Equity (M$) by which it is judged what a lender may lend, extend, wait for and pay out.

    Book equity; with `channels.lender_credit` off what it would be had all claims been paid in full.
    """
    equity = lender_equity(lender)
    return equity if losses_bind(p) else equity + lender.losses


@kernel
def capital_ratio(p: Record, lender: Record) -> float:
    """That equity of a lender over its loans (a fraction); infinite without loans."""
    loans = sum_of(lender.loans)
    return lending_equity(p, lender) / loans if loans > 0.0 else np.inf


@kernel
def buyer_equity(buyer: Record) -> float:
    """Book equity of a secondary buyer, M$."""
    return buyer.cash + sum_of(buyer.book)
