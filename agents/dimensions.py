"""Fixed sizes of the tables and the codes that appear in their columns.

The sizes are structural (they set the layout of a row, so compiled code depends on them);
everything a researcher may vary is a scenario field instead.
"""

from enum import IntEnum
from typing import Any, NamedTuple

Record = Any
"""One row of a table, its fields as attributes: known to Numba, not to a type checker."""

MACHINE_TYPES = 12
"""Columns reserved for machine types in every per-type field; a scenario may use fewer."""

COOLING_CLASSES = 3
SITE_CLASSES = 4
LENDER_KINDS = 3
BUYER_KINDS = 4
GRADES = 4
FACILITIES = 12
"""Loan rows reserved for one borrower: its rows are `loans[b * FACILITIES : (b + 1) * FACILITIES]`."""

CONTRACTS = 24
"""Rows reserved for contracts of a borrower's customers: `contracts[b * CONTRACTS : (b + 1) * CONTRACTS]`."""

ORDERS = 6
"""Rows reserved for a borrower's machines on order: `orders[b * ORDERS : (b + 1) * ORDERS]`."""

NO_WEEK = 2**31 - 1
"""A week that never comes."""

DSCR_WINDOW = 13
"""Weeks in the trailing window of the debt service cover ratio."""

MAX_LAUNCHES = 16
"""Announced launches (and halvings) that one machine type may have to live through."""


class Cooling(IntEnum):
    """Which rack slot a machine fits."""

    ASIC = 0
    AIR = 1
    LIQUID = 2


class MachineKind(IntEnum):
    """Which index a machine earns: the compute-rent index or hashprice."""

    GPU = 0
    ASIC = 1


class BorrowerKind(IntEnum):
    MINER = 0
    NEOCLOUD = 1


class BorrowerStatus(IntEnum):
    ALIVE = 0
    IN_RESOLUTION = 1
    RESOLVED = 2


class LenderKind(IntEnum):
    BANK = 0
    PRIVATE_CREDIT = 1
    BOND_FUND = 2


class LenderStatus(IntEnum):
    ALIVE = 0
    RECEIVERSHIP = 1  # its loans run off; nothing new is lent
    CLOSED = 2  # nothing is left, what it still owed is written off


class Belief(IntEnum):
    """How an underwriter expects rents to move over the life of a loan."""

    UTILITY = 0
    VENTURE = 1
    LEARNED = 2


class Enforcement(IntEnum):
    """What lenders do about a breach that is not cured (`credit.enforcement`)."""

    ALWAYS = 0  # accelerate
    CHOICE = 1  # compare selling now with waiting
    NEVER = 2  # forbear


class Answer(IntEnum):
    """What a lender does about a breach that is not cured, and in which no payment was missed."""

    WAIT = 0  # waive it for a fee, or forbear for nothing
    CALL = 1  # accelerate
    CONTROL = 2  # take the pledged vehicle and what it earns


class Receivership(IntEnum):
    """What becomes of the loans of a failed lender (`interlender.receivership`)."""

    RUN_OFF = 0
    AUCTION = 1


class SaleRule(IntEnum):
    """How a week's sales of machines find their price (`secondary_market.rule`)."""

    AUCTION = 0  # bids of those who know of the lot
    IMPACT = 1  # a formula: the more is sold, the lower
    DEEP = 2  # a discount on fundamental value, however much is sold


class BuyerKind(IntEnum):
    OPERATOR = 0
    BROKER = 1
    REFURBISHER = 2
    SCRAP_DEALER = 3


class Instrument(IntEnum):
    MACHINE_LOAN = 0
    PROJECT_FINANCE = 1
    BTC_LOAN = 2
    CONVERTIBLE = 3
    HIGH_YIELD = 4


class Pledge(IntEnum):
    """What secures a loan."""

    NOTHING = 0
    MACHINES = 1
    COINS = 2  # under a margin: initial, call and liquidation loan to value
    SLOTS = 3  # whose fitting-out the loan has paid


class Terms(NamedTuple):
    """The clauses that an instrument always has. Kernels ask for these, never for an instrument by name."""

    rank: int
    """0: served and secured first, 1: unsecured."""
    amortising: int
    """1: level principal to maturity, 0: a bullet, to be refinanced when it matures."""
    fixed_rate: int
    """1: the rate is a coupon, 0: a spread over the policy rate."""
    pledge: Pledge
    converts: int
    """1: its holder takes shares at maturity if the borrower's equity is above the strike."""
    may_sweep: int
    """1: the contract may say that a refused refinancing makes it a cash sweep, not a default."""


INSTRUMENT_TERMS = {
    Instrument.MACHINE_LOAN: Terms(0, 1, 0, Pledge.MACHINES, converts=0, may_sweep=0),
    Instrument.PROJECT_FINANCE: Terms(0, 1, 0, Pledge.SLOTS, converts=0, may_sweep=0),
    Instrument.BTC_LOAN: Terms(0, 0, 0, Pledge.COINS, converts=0, may_sweep=0),
    Instrument.CONVERTIBLE: Terms(1, 0, 1, Pledge.NOTHING, converts=1, may_sweep=0),
    Instrument.HIGH_YIELD: Terms(1, 0, 1, Pledge.NOTHING, converts=0, may_sweep=1),
}
"""One row an instrument. Another one needs a member, its row here, and whoever draws it."""

INSTRUMENTS = len(Instrument)


class LoanStatus(IntEnum):
    EMPTY = 0
    PERFORMING = 1
    DEFAULTED = 2
    REPAID = 3
    RESOLVED = 4


class Cause(IntEnum):
    """Why a borrower, or one facility of it, failed."""

    NONE = 0
    FORCED = 1
    INSOLVENCY = 2
    ILLIQUIDITY = 3
    MARGIN = 4
    ACCELERATION = 5
    MATURITY = 6
    CROSS_DEFAULT = 7
    HAND_BACK = 8  # of a facility without recourse: its borrower lives on


class Channel(IntEnum):
    """How an event reached the agent it hit; what a scenario can switch off is in `simulator.channels`."""

    NONE = 0
    EXOGENOUS = 1
    RENT = 2
    MACHINE_PRICE = 3
    BTC_PRICE = 4
    OFFTAKER = 5
    LENDER_CREDIT = 6  # a lender short of capital or funding
    LOAN_LOSSES = 7  # what borrowers cost a lender
    CONTRACT = 8  # another facility of the same borrower
    REPO = 9  # a lender's back-leverage was called
    INTERLENDER = 10  # what a failed lender cost another
