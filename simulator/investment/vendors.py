"""What the vendor of machines lends to those who buy them, where their lenders do not lend enough.

It lends to sell: to every borrower that is free to invest, at one rate, and asks nothing of its cash flow.
Plans weigh an order with its loan and without (`plans.choose_order`).
"""

from hashcredit.agents.compiled import kernel
from hashcredit.agents.dimensions import Record
from hashcredit.agents.lender import present_value
from hashcredit.agents.units import WEEKS_A_YEAR
from hashcredit.simulator.books.orders import deposit_share
from hashcredit.simulator.state.economy import Economy


@kernel
def vendor_lends(p: Record) -> bool:
    """Whether vendors lend at all."""
    return p.investment_vendor_loan > 0.0


@kernel
def vendor_offer(p: Record, machine: Record, offer: float, prepaid: float) -> float:
    """What the vendor lends on a new machine, M$: at most its share of the price (`investment.vendor_loan`).

    And no more than is left to pay beside the deposit, a lender's `offer` and what the customer has `prepaid`
    (both M$ a unit).
    """
    lack = (1.0 - deposit_share(p, machine.kind)) * machine.price_new - offer - prepaid
    return max(0.0, min(p.investment_vendor_loan * machine.price_new, lack))


@kernel
def vendor_loan_value(economy: Economy, p: Record, borrower: Record, amount: float) -> float:
    """What a vendor's loan (M$) is worth on arrival to a borrower that discounts at its own rate, M$."""
    if amount <= 0.0:
        return 0.0
    discount = economy.market[0].cost_of_capital + borrower.cost_of_capital
    years = p.investment_vendor_weeks / WEEKS_A_YEAR
    return amount - present_value(amount, p.investment_vendor_rate, discount, years, 0.0)


@kernel
def vendor_line(order: Record, offer: float) -> float:
    """What the vendor lends on each machine of an order that has arrived, M$.

    What it promised, at most what is left to pay beside what the lender lends by now (`offer`, M$ a unit).
    """
    return max(0.0, min(order.vendor_offer, order.price - order.deposit / order.units - offer))
