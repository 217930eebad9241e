"""Customers' prepayments: what a customer has paid before its machines serve it is owed to it in service.

The row of an order or of a contract holds the balance, its borrower (`prepaid`) the sum. Rent is billed in
full and a part of the balance is set off against it every week, the same in each until the contract ends. A
borrower that ends the service first owes what is left.
"""

from hashcredit.agents.compiled import kernel
from hashcredit.agents.dimensions import BorrowerStatus, Record
from hashcredit.agents.units import WEEK
from hashcredit.simulator.books.ledger import pay, revalue
from hashcredit.simulator.state.codes import Flow, Revaluation
from hashcredit.simulator.state.economy import Economy


@kernel
def post_balance(row: Record, borrower: Record, amount: float) -> None:
    """Change the balance of an order or a contract by `amount` (M$), on the row and in the borrower's sum."""
    row.prepaid += amount
    borrower.prepaid += amount


@kernel
def move_balance(source: Record, before: Record, row: Record, after: Record, amount: float) -> None:
    """Move `amount` (M$) of a balance from one row to another; the borrowers that owe it may be two."""
    post_balance(source, before, -amount)
    post_balance(row, after, amount)


@kernel
def receive_prepayment(economy: Economy, order: Record, borrower: Record, amount: float) -> None:
    """The customer behind an order pays `amount` (M$) in advance."""
    if amount > 0.0:
        pay(economy, Flow.CUSTOMER_PREPAYMENTS, economy.world[0], borrower, amount)
        post_balance(order, borrower, amount)
        economy.outcomes[0].prepayments_musd += amount


@kernel
def weekly_part(economy: Economy, contract: Record) -> float:
    """Part of a contract's balance that is set off this week, M$: the same in each week that is left."""
    return contract.prepaid / max(1, contract.end_week - economy.clock[0].week)


@kernel
def prepaid_rent(economy: Economy, contract: Record) -> float:
    """Rent that a contract's customer has paid in advance and need not pay again, M$ a year."""
    if contract.prepaid == 0.0:
        return 0.0
    return weekly_part(economy, contract) / WEEK


@kernel
def use_balance(economy: Economy, contract: Record, borrower: Record) -> float:
    """Take the week's part (M$), at most the week's rent, off a contract's balance; return it."""
    if contract.prepaid <= 0.0:
        return 0.0
    used = min(weekly_part(economy, contract), contract.units * contract.rent * WEEK)
    post_balance(contract, borrower, -used)
    return used


@kernel
def release_balance(row: Record, borrower: Record, share: float) -> None:
    """The borrower ends a share of an order or a contract: it owes that share of the balance at once.

    To a live borrower that is a bill; a failed one keeps it in its sum, and it is a claim on the estate.
    """
    amount = share * row.prepaid
    row.prepaid -= amount
    if borrower.status == BorrowerStatus.ALIVE:
        borrower.prepaid -= amount
        borrower.payables += amount


@kernel
def keep_balance(economy: Economy, contract: Record, borrower: Record) -> None:
    """The customer has failed: its balance is set off against the rents that it still owed."""
    left = contract.prepaid
    post_balance(contract, borrower, -left)
    revalue(economy, Revaluation.CUSTOMER_PREPAYMENTS, borrower, left)
    revalue(economy, Revaluation.CUSTOMER_PREPAYMENTS, economy.world[0], -left)


@kernel
def customers_claims(borrower: Record) -> float:
    """What customers may ask of an estate whose contracts have all ended, M$."""
    return max(0.0, borrower.prepaid)  # a sum kept by adding and subtracting may end a speck below zero


@kernel
def settle_claims(economy: Economy, borrower: Record, share: float) -> None:
    """Pay customers a share of their claims on an estate; they lose the rest."""
    paid = share * customers_claims(borrower)
    lost = borrower.prepaid - paid
    if paid > 0.0:
        pay(economy, Flow.CUSTOMER_PREPAYMENTS, borrower, economy.world[0], paid)
    revalue(economy, Revaluation.CUSTOMER_PREPAYMENTS, borrower, lost)
    revalue(economy, Revaluation.CUSTOMER_PREPAYMENTS, economy.world[0], -lost)
    economy.outcomes[0].prepayments_lost_musd += lost
    borrower.prepaid = 0.0
