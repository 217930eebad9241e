"""What a customer pays in advance for machines on order, and by how much that lowers its rent.

The customer lends: its rent falls by as much as a lender would earn on the same contract, so that a
prepayment is neither a gift to the borrower nor one to the customer.
"""

import math

from hashcredit.agents.buyer import annuity
from hashcredit.agents.compiled import kernel
from hashcredit.agents.dimensions import Record
from hashcredit.agents.units import WEEKS_A_YEAR
from hashcredit.simulator.books.orders import lead_weeks
from hashcredit.simulator.lenders.underwriting import annual_rate
from hashcredit.simulator.machines.rents import contract_years
from hashcredit.simulator.state.economy import Economy


@kernel
def years_of_rent(economy: Economy, p: Record, m: int, grade: int) -> float:
    """Present value today (years) of one a year under a contract that begins when type `m` arrives.

    At the rate of a machine loan against a customer of that grade, at least zero.
    """
    rate = max(0.0, annual_rate(economy, p, grade))
    lead = lead_weeks(p, economy.machines[m].kind) / WEEKS_A_YEAR
    return math.exp(-rate * lead) * annuity(rate, contract_years(p))


@kernel
def prepayment(economy: Economy, p: Record, m: int, grade: int, rent: float) -> float:
    """What a customer of a grade pays in advance for type `m`, M$ a unit: at most what all rents are worth.

    `rent` is that without a prepayment, M$ a unit and year.
    """
    share = p.investment_prepayment[grade]
    if share <= 0.0:
        return 0.0
    return min(share * economy.machines[m].price_new, rent * years_of_rent(economy, p, m, grade))


@kernel
def rent_in_advance(economy: Economy, p: Record, m: int, grade: int, rent: float, prepaid: float) -> float:
    """Rent (M$ a unit and year) with a prepayment of `prepaid` (M$ a unit), `rent` being that without.

    The prepayment is given back in level parts over the contract; the fall of the rent pays the interest.
    """
    if prepaid <= 0.0:
        return rent
    return rent - prepaid * (1.0 / years_of_rent(economy, p, m, grade) - 1.0 / contract_years(p))
