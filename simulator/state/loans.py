"""Loans, customers' contracts and machines on order: what a row of each table holds."""

from hashcredit.agents.dimensions import Cooling, Instrument, LoanStatus
from hashcredit.agents.rows import MACHINES, Column, row

LOAN = row(
    # the first cache line: what every pass over the loans reads
    Column("status", "i1", "live, in default or over", codes=LoanStatus),
    Column("instrument", "u1", "kind of loan", codes=Instrument),
    Column("rank", "i1", "0 secured, 1 unsecured"),
    Column("customer_grade", "i1", "grade that set its spread: its customer's, else its borrower's, 0 to 3"),
    Column("amortising", "i1", "1: level principal to maturity, but for a balloon, 0: bullet"),
    Column("fixed_rate", "i1", "1: rate is the coupon, 0: rate is a spread over the policy rate"),
    Column("borrowing_base", "i1", "1: marked to market against advance_rate"),
    Column("machine", "i1", "pledged type, -1 if none", codes=MACHINES),
    Column("weeks_overdue", "i2", "weeks in a row with a missed payment"),
    Column("weeks_over_base", "i2", "weeks in a row over the borrowing base"),
    Column("weeks_under_dscr", "i2", "weeks in a row under the DSCR covenant"),
    Column("cure_weeks", "i2", "weeks after which a breach counts"),
    Column("holder", "i4", "row of the lender that holds it"),
    Column("maturity_week", "i4", "in which it is due"),
    Column("principal", "f8", "face", "M$"),
    Column("rate", "f8", "spread or coupon", "1/yr"),
    Column("overdue", "f8", "missed payments (part of principal)", "M$"),
    Column("balloon", "f8", "part of the face that instalments do not repay: due at maturity", "M$"),
    Column("floor", "f8", "floor of the policy rate", "1/yr"),
    # the second: collateral
    Column("dscr_covenant", "f8", "cover required, 0 if none"),
    Column("units", "i8", "pledged machines"),
    Column("advance_rate", "f8", "of appraisal that may be lent", "fraction"),
    Column("obligor", "i4", "row of its borrower"),
    Column("number", "i4", "of the loan in its run, in the order of making: its row of the loan tape"),
    Column("coins", "f8", "pledged", "BTC"),
    Column("slots", "i8", "pledged rack slots, whose fitting-out it has paid"),
    Column("cash_sweep", "i1", "1: free cash prepays while cover is under the covenant"),
    Column("recourse", "i1", "1: a deficiency is a claim on the estate"),
    Column("cross_default", "i1", "1: the default of another facility defaults this one"),
    Column("maturity_sweep", "i1", "1: a refused refinancing makes it a cash sweep, not a default"),
    Column("sweeping", "i1", "1: that has happened"),
    Column("controlled", "i1", "1: its holder controls the vehicle, whose cash flow serves it"),
    Column("hung", "i1", "1: its holder meant to sell it when it was drawn and has found nobody"),
    Column("slot_class", "i1", "class of its pledged rack slots, if any", codes=Cooling),
    Column("waived_until", "i4", "week before which its covenants are not tested: a breach was waived"),
    # once defaulted:
    Column("claim", "f8", "face at default", "M$"),
    Column("seized", "i8", "machines in the holder's hands and not yet sold"),
    Column("weeks_held", "i4", "weeks since the first of them could be sold, negative before"),
    Column("default_week", "i4", "of its default"),
    Column("default_event", "i8", "id of the default of its borrower or of itself, -1 if none"),
    Column("recovered", "f8", "cash received", "M$"),
    Column("recovered_pv", "f8", "the same, discounted to the default date", "M$"),
    Column("paper_value", "f8", "appraisal of the seized units at seizure", "M$"),
    Column("allowance", "f8", "write-down", "M$"),
    whole_lines=True,
)

CONTRACT = row(
    Column("machine", "i1", "type let", codes=MACHINES),
    Column("customer_grade", "i1", "grade of the customer, 0 (best) to 3"),
    Column("loan", "i4", "row of the loan to which the machines are pledged, -1: to none"),
    Column("start_week", "i4", "in which it was signed, negative if before the first week"),
    Column("end_week", "i4", "in which it expires"),
    Column("units", "i8", "machines let, 0: the row is free"),
    Column("rent", "f8", "what the customer pays, whether it uses them or not", "M$ a unit and year"),
    Column("hazard_left", "f8", "integrated hazard left before the customer fails"),
    Column("prepaid", "f8", "paid in advance and not yet set off against rent, owed to the customer", "M$"),
)

ORDER = row(
    Column("machine", "i1", "type ordered", codes=MACHINES),
    Column("grade", "i1", "of the customer behind its loan, 0 (best) to 3"),
    Column("marked", "i1", "clause of its loan: borrowing base"),
    Column("recourse", "i1", "clause of its loan"),
    Column("cross_default", "i1", "clause of its loan"),
    Column("syndicated", "i1", "1: the lender means to sell its loan when it is drawn"),
    Column("holder", "i4", "lender that has promised the loan, -1 if none"),
    Column("delivery_week", "i4", "in which the machines arrive"),
    Column("units", "i8", "machines ordered, 0: the row is free"),
    Column("price", "f8", "price agreed", "M$ a unit"),
    Column("deposit", "f8", "what is paid", "M$"),
    Column("offer", "f8", "loan promised", "M$ a unit"),
    Column("commitment", "f8", "what is promised in all; 0 without a lender", "M$"),
    Column("reserved", "f8", "own cash for the rest of price and slots; negative: the loan is larger", "M$"),
    Column(
        "rent", "f8", "of the contract that a customer has signed for them, 0: none", "M$ a unit and year"
    ),
    Column("hazard", "f8", "integrated hazard after which that customer fails"),
    Column("prepaid", "f8", "what that customer has paid in advance, owed to it", "M$"),
    Column("vendor_offer", "f8", "loan promised by the vendor", "M$ a unit"),
    Column("site_offer", "f8", "loan promised on new slots for them", "M$ a slot"),
    Column("site_slots", "i8", "for how many slots"),
)
