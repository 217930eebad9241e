"""Codes in the tables of the state: sectors, kinds of payment, revaluation and event, errors."""

from enum import IntEnum


class Sector(IntEnum):
    """Columns of the flow matrix."""

    MINERS = 0
    NEOCLOUDS = 1
    LENDERS = 2
    BUYERS = 3
    REST_OF_WORLD = 4
    AUTHORITY = 5  # behind the standing facility
    GUARANTOR = 6  # pays what failed lenders owe to others while `channels.interlender` is off


WORLD_ACCOUNT, AUTHORITY_ACCOUNT, GUARANTOR_ACCOUNT = 0, 1, 2
"""Rows of `Economy.world`, the accounts outside the model's agents."""


class Flow(IntEnum):
    """Rows of the transaction-flow matrix: every payment has one of these kinds."""

    COMPUTE_RENT = 0
    MINING_REVENUE = 1
    POWER_AND_UPKEEP = 2
    SITE_LEASES = 3
    OVERHEAD = 4
    INTEREST = 5
    FUNDING_INTEREST = 6
    REMOVAL_AND_STORAGE = 7
    MOVING = 8
    SLOT_BUILDING = 9
    ESTATE_COSTS = 10
    BTC_TRADES = 11
    NEW_MACHINES = 12
    USED_MACHINES = 13
    LOAN_DRAWDOWNS = 14
    LOAN_REPAYMENTS = 15
    RECOVERIES = 16
    PAYABLES_SETTLED = 17
    FUNDING = 18
    EQUITY_INJECTIONS = 19
    DISTRIBUTIONS = 20
    REPO = 21
    STANDING_FACILITY = 22
    LOAN_SALES = 23
    INTERLENDER = 24
    CUSTOMER_PREPAYMENTS = 25  # paid in advance; set off against rent, or paid back
    VENDOR_LOANS = 26  # for a part of the price of machines; repaid in instalments


LAST_INCOME_FLOW = Flow.ESTATE_COSTS
"""Flows up to this one are income of the receiver and expense of the payer."""


class Revaluation(IntEnum):
    """Rows of the revaluation matrix: changes of net worth without a payment."""

    DEPRECIATION = 0
    BTC_PRICE = 1
    MACHINE_SALES = 2  # sale price less book value
    WRITE_DOWNS = 3
    WRITE_OFFS = 4
    CAPITALISED_INTEREST = 5
    UNPAID_BILLS = 6
    FORFEITED_DEPOSITS = 7  # the vendor keeps what was paid on machines that are not taken
    LOAN_SALES = 8  # price less face
    INTERLENDER_LOSSES = 9  # claims on failed lenders, and what is recovered of them later
    LENDER_WRITE_OFFS = 10  # what a closed lender still owed
    CUSTOMER_PREPAYMENTS = 11  # what customers lose of them, whoever failed
    VENDOR_LOANS = 12  # what the vendor loses of them


class EventKind(IntEnum):
    LAUNCH = 0
    OFFTAKER_DEFAULT = 1
    MISSED_PAYMENT = 2
    BORROWING_BASE_CALL = 3
    DSCR_BREACH = 4
    MARGIN_CALL = 5
    BTC_LIQUIDATION = 6
    FORBEARANCE = 7
    ACCELERATION = 8
    DEFAULT = 9
    SEIZURE = 10
    SALE = 11
    RECOVERY = 12
    RESOLUTION = 13
    LOAN = 14
    PURCHASE = 15
    LENDER_FAILURE = 16
    FACILITY_DEFAULT = 17
    HAND_BACK = 18
    REFINANCING_REFUSED = 19
    CASH_SWEEP = 20
    CONVERSION = 21
    EQUITY_ISSUE = 22
    ORDER = 23
    ORDER_CANCELLED = 24
    SITE_TAKEN_OVER = 25
    REPO_CALL = 26
    LOAN_SALE = 27
    INTERLENDER_LOSS = 28
    LENDER_CLOSED = 29
    POLICY_CHANGE = 30
    ABANDONMENT = 31
    CONTRACT = 32
    REFINANCING = 33  # of a machine loan by a larger one; the amount is the new money
    WAIVER = 34
    CONTROL_TAKEN = 35
    VENDOR_LOAN = 36  # drawn on delivery
    SYNDICATION_REFUSED = 37  # no other lender takes a loan that was meant for one


class ErrorCode(IntEnum):
    NONE = 0
    EVENT_BUFFER_FULL = 1
    TOO_MANY_ROUNDS = 2
    TAPE_FULL = 3
