"""Loans of the vendor: a part of the price of machines that their buyer pays in instalments after delivery.

A borrower has one account with the vendor: what it owes (`vendor_debt`) and for how many weeks it pays
level instalments (`vendor_weeks`). Each loan joins the account, and the weeks become the mean, weighted by
what is owed: that leaves the balance times the weeks, and so the interest that is still to come, as it was.
The vendor has no lien and lives outside the model: it is served after the lenders, and its claim on an
estate is unsecured.
"""

from hashcredit.agents.compiled import kernel
from hashcredit.agents.dimensions import Record
from hashcredit.agents.units import WEEK
from hashcredit.simulator.books.ledger import bill, pay, revalue
from hashcredit.simulator.books.loans import DUST, sell_coins
from hashcredit.simulator.state.codes import Flow, Revaluation
from hashcredit.simulator.state.economy import Economy


@kernel
def lend_for_machines(economy: Economy, p: Record, borrower: Record, amount: float) -> None:
    """The vendor lends `amount` (M$), with which the borrower pays for its machines."""
    pay(economy, Flow.VENDOR_LOANS, economy.world[0], borrower, amount)
    owed = borrower.vendor_debt
    weeks = owed * borrower.vendor_weeks + amount * p.investment_vendor_weeks
    borrower.vendor_debt = owed + amount
    borrower.vendor_weeks = weeks / (owed + amount)
    economy.outcomes[0].vendor_loans_musd += amount


@kernel
def instalment(borrower: Record) -> float:
    """Principal (M$) that falls due to the vendor this week: the same in each week that is left."""
    return borrower.vendor_debt / max(1.0, borrower.vendor_weeks)


@kernel
def serve_vendor(economy: Economy, p: Record, borrower: Record) -> float:
    """Pay the week's interest and instalment from cash and then coins; return what was due, M$.

    What is not paid is an overdue bill.
    """
    world = economy.world[0]
    interest = borrower.vendor_debt * p.investment_vendor_rate * WEEK
    principal = instalment(borrower)
    if borrower.cash < interest + principal:
        sell_coins(economy, p, borrower, interest + principal - borrower.cash)
    paid = min(interest, max(borrower.cash, 0.0))
    pay(economy, Flow.INTEREST, borrower, world, paid)
    if paid < interest:
        bill(economy, borrower, interest - paid)
    repaid = min(principal, max(borrower.cash, 0.0))
    pay(economy, Flow.VENDOR_LOANS, borrower, world, repaid)
    borrower.vendor_debt -= principal
    borrower.payables += principal - repaid  # no expense: it was owed before
    borrower.vendor_weeks -= 1.0
    if borrower.vendor_debt < DUST:
        lose_vendor_debt(economy, borrower)
    return interest + principal


@kernel
def lose_vendor_debt(economy: Economy, borrower: Record) -> float:
    """Write off what a borrower still owes to the vendor and close the account; return the loss, M$."""
    lost = borrower.vendor_debt
    revalue(economy, Revaluation.VENDOR_LOANS, borrower, lost)
    revalue(economy, Revaluation.VENDOR_LOANS, economy.world[0], -lost)
    borrower.vendor_debt = 0.0
    borrower.vendor_weeks = 0.0
    return lost


@kernel
def settle_vendor(economy: Economy, borrower: Record, share: float) -> None:
    """Pay the vendor a share of its claim on an estate; it loses the rest."""
    paid = share * borrower.vendor_debt
    pay(economy, Flow.VENDOR_LOANS, borrower, economy.world[0], paid)
    borrower.vendor_debt -= paid
    economy.outcomes[0].vendor_lost_musd += lose_vendor_debt(economy, borrower)
