"""The loan tape: one row for each loan of a run, with what its holders paid and got for it."""

import math

from hashcredit.agents.dimensions import Instrument, LoanStatus
from hashcredit.agents.rows import MACHINES, Column, row

LEAST_SPREAD, MOST_SPREAD, NODES = -0.3, 0.6, 9
_MIDDLE, _REACH = 0.5 * (LEAST_SPREAD + MOST_SPREAD), 0.5 * (MOST_SPREAD - LEAST_SPREAD)
SPREADS = (0.0, *(_MIDDLE - _REACH * math.cos(math.pi * k / (NODES - 1)) for k in range(NODES)))
"""Spreads over the policy rate (1/yr) at which payments are discounted: none, then the Chebyshev points of an
interval. A polynomial through the values at these gives the value at any spread between the first and last of
them: it is a sum of exponentials of the spread, of which nine points leave less than 2e-5 over five years."""

TAPE = row(
    Column("obligor", "i4", "row of its borrower"),
    Column("lender", "i4", "row of the lender that made it"),
    Column("week", "i4", "in which it was made, -1: owed in the first week"),
    Column("maturity_week", "i4", "in which it was due when it was made"),
    Column("default_week", "i4", "of its default, -1 if none"),
    Column("over_week", "i4", "in which it was repaid or its claim closed, -1: it is not over"),
    Column("status", "i1", "live, in default or over", codes=LoanStatus),
    Column("instrument", "u1", "kind of loan", codes=Instrument),
    Column("grade", "i1", "grade that set its spread: its customer's, else its borrower's, 0 to 3"),
    Column("machine", "i1", "pledged type, -1 if none", codes=MACHINES),
    Column("recourse", "i1", "1: a deficiency is a claim on the estate"),
    Column("borrowing_base", "i1", "1: marked to market"),
    Column("drawn", "f8", "paid out to the borrower", "M$"),
    Column("interest", "f8", "paid, without what was added to the face; fees too", "M$"),
    Column("principal", "f8", "repaid by the borrower before any default", "M$"),
    Column("recovered", "f8", "of the claim after a default, less outlays on its collateral", "M$"),
    Column("left", "f8", "face that is still owed", "M$"),
    Column("claim", "f8", "face at default", "M$"),
    Column("recovered_pv", "f8", "of that recovered, discounted to the default", "M$"),
    Column("principal_years", "f8", "principal and recoveries, times their years since the making", "M$ yr"),
    # discounted at the policy rate to the week of the making
    Column("annuity", "f8", "face on which interest was paid in cash, times a year's part", "M$ yr"),
    Column("interest_pv", "f8", "that interest", "M$"),
    Column("base_pv", "f8", "its part that is the base rate, for a coupon the policy rate", "M$"),
    # discounted at the policy rate and each of SPREADS
    Column("value", "f8", "all that was got less all that was drawn", "M$", shape=(len(SPREADS),)),
    Column("growth", "f8", "one over the discount factor when it was made", shape=(len(SPREADS),)),
    whole_lines=True,
)
