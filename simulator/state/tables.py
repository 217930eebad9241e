"""The state of one economy: what a row of each table holds, and which arrays there are."""

from enum import IntEnum

import numpy as np

from hashcredit.agents.borrower import BORROWER
from hashcredit.agents.buyer import BUYER
from hashcredit.agents.dimensions import (
    COOLING_CLASSES,
    FACILITIES,
    MACHINE_TYPES,
    MAX_LAUNCHES,
    SITE_CLASSES,
    Cause,
    row,
)
from hashcredit.agents.lender import LENDER
from hashcredit.simulator.state.layout import BOOLEAN, FLOAT, INT32, INT64, whole_lines
from hashcredit.simulator.state.pool import (
    ASSET,
    ASSETS,
    INVESTOR,
    INVESTORS,
    MACRO,
    WORLDS,
    MacroFlow,
    MacroSector,
)
from hashcredit.simulator.state.sales import BIDDER_CLASS, LOT, TRADE

_LOAN = row(
    [
        # the first cache line: what every pass over the loans reads
        ("status", "i1"),  # LoanStatus
        ("instrument", "u1"),  # Instrument
        ("rank", "i1"),  # 0 secured, 1 unsecured
        ("customer_grade", "i1"),  # grade of the customer behind it, 0 (best) to 3
        ("amortising", "i1"),  # 1: level principal to maturity, 0: bullet
        ("fixed_rate", "i1"),  # 1: rate is the coupon, 0: rate is a spread over the policy rate
        ("borrowing_base", "i1"),  # 1: marked to market against advance_rate
        ("machine", "i1"),  # pledged type, -1 if none
        ("weeks_overdue", "i2"),  # weeks in a row with a missed payment
        ("weeks_over_base", "i2"),  # weeks in a row over the borrowing base
        ("weeks_under_dscr", "i2"),  # weeks in a row under the DSCR covenant
        ("cure_weeks", "i2"),
        ("holder", "i4"),  # lender row
        ("maturity_week", "i4"),
        ("principal", "f8"),  # face, M$
        ("rate", "f8"),  # spread or coupon, per year
        ("overdue", "f8"),  # missed payments, M$ (part of principal)
        ("dscr_covenant", "f8"),  # 0 if none
        ("floor", "f8"),  # floor of the policy rate, per year
        # the second: collateral and contract
        ("units", "i8"),  # pledged machines
        ("advance_rate", "f8"),  # fraction of appraisal that may be lent
        ("contract_units", "i8"),  # pledged units rented out under a contract
        ("contract_rent", "f8"),  # M$ a unit and year
        ("hazard_left", "f8"),  # integrated hazard left before the customer fails
        ("contract_end", "i4"),  # week in which the contract expires
        ("obligor", "i4"),  # borrower row
        ("coins", "f8"),  # pledged BTC
        ("cash_sweep", "i1"),  # 1: free cash prepays while cover is under the covenant
        ("recourse", "i1"),  # 1: a deficiency is a claim on the estate
        ("cross_default", "i1"),  # 1: the default of another facility defaults this one
        ("maturity_sweep", "i1"),  # 1: a refused refinancing makes it a cash sweep, not a default
        ("sweeping", "i1"),  # 1: that has happened
        # the third, once defaulted:
        ("claim", "f8"),  # face at default, M$
        ("seized", "i4"),  # machines in the holder's hands and not yet sold
        ("weeks_held", "i4"),  # weeks since the first of them could be sold, negative before
        ("default_week", "i4"),
        ("default_event", "i8"),  # id of the default of its borrower or of itself, -1 if none
        ("recovered", "f8"),  # cash received, M$
        ("recovered_pv", "f8"),  # the same, discounted to the default date, M$
        ("paper_value", "f8"),  # appraisal of the seized units at seizure, M$
        ("allowance", "f8"),  # write-down, M$
    ]
)

_MACHINE = row(
    [
        # the first cache line: what every owner's week reads
        ("kind", "i1"),  # MachineKind
        ("cooling", "i1"),  # Cooling
        ("used", "i1"),  # 1: the scenario defines this column
        ("on", "i1", (SITE_CLASSES,)),  # 1: a spot unit covers its avoidable cost
        ("earning", "f8"),  # M$ a unit and year at full spot use
        ("throughput", "f8"),  # GPUs: rent relative to the index; ASICs: TH/s
        ("depreciation", "f8"),  # straight-line depreciation, M$ a unit and week
        ("cost", "f8", (SITE_CLASSES,)),  # avoidable cost (power, upkeep), M$ a unit and year
        # the rest of what is fixed
        ("launch_week", "i4"),  # relative to the first week, negative if earlier
        ("end_of_sale_week", "i4"),  # last week in which the vendor sells it
        ("kw", "f8"),  # IT load, kW a unit
        ("price_new", "f8"),  # M$ a unit, installed
        ("life_years", "f8"),  # accounting life, straight line
        # state
        ("idiosyncratic", "f8"),  # log deviation of its rent from the index
        ("appraisal", "f8"),  # M$ a unit
        ("income_value", "f8"),  # the appraiser's income value, M$ a unit
        ("price", "f8"),  # last trade, M$ a unit
        ("opening_units", "i8"),  # units in existence at the start
        ("traded", "i8"),  # units sold this week
        ("traded_value", "f8"),  # proceeds of the week's sales, M$
        ("news", "i8"),  # units sold since the appraisers last took note
        ("news_value", "f8"),  # their proceeds, M$
        ("offered", "i8"),  # units on sale this week
        ("inventory", "i8"),  # units in the hands of sellers
        ("delivered", "i8"),  # units bought from the vendor, cumulative
        ("scrapped", "i8"),  # units scrapped, cumulative
        ("trigger", "i8"),  # id of the default whose sale last moved its price, -1 if none
        ("last_appraisal", "f8"),  # at the end of last week, M$ a unit
        ("foreseen", "i4"),  # entries used in its rows of launch_times and launch_factors
        ("foreseen_week", "i4"),  # 1 + the week in which these were filled, 0 if never
        ("faded", "f8"),  # what past launches had left of earnings in the first week, 0 until asked for
        ("launches", "i4"),  # number of entries used in the two fields below
        ("launch_at", "f8", (MAX_LAUNCHES,)),  # week at which a rival's effect is half done
        ("launch_step", "f8", (MAX_LAUNCHES,)),  # fraction of earnings that it takes away
    ]
)

LOAN, MACHINE = whole_lines(_LOAN), whole_lines(_MACHINE)

ORDER = row(
    [
        ("machine", "i1"),  # type
        ("grade", "i1"),  # of the customer behind its loan, 0 (best) to 3
        ("contracted", "i1"),  # 1: the machines are let under a contract when they arrive
        ("marked", "i1"),  # clauses of its loan, as in LOAN: borrowing_base
        ("recourse", "i1"),
        ("cross_default", "i1"),
        ("holder", "i4"),  # lender that has promised the loan, -1 if none
        ("delivery_week", "i4"),
        ("units", "i8"),  # machines ordered, 0: the row is free
        ("price", "f8"),  # agreed, M$ a unit
        ("deposit", "f8"),  # paid, M$
        ("offer", "f8"),  # loan promised, M$ a unit
        ("commitment", "f8"),  # the same for all units, M$; 0 without a lender
        ("reserved", "f8"),  # own cash for the rest of the price and slots, M$; negative: the loan is larger
        ("hazard", "f8"),  # integrated hazard after which the customer of the contract fails
    ]
)

CLOCK = row(
    [
        ("week", "i4"),
        ("error", "i4"),  # 0, or the ErrorCode that stopped the run
        ("events", "i8"),  # rows used in the event table
        ("rounds", "i8"),  # of failures and losses in this week
        ("lenders_moved", "i8"),  # lenders that failed or came under pressure in the last of them
        ("sales", "i8"),  # times that bidders were called
    ]
)

MARKET = row(
    [
        # funding, as agents see it
        ("tightness", "f8"),  # 0 to 1
        ("policy_rate", "f8"),  # per year
        ("cost_of_capital", "f8"),  # policy rate plus premium, per year
        ("offtaker_stress", "f8"),  # factor on customers' default hazard
        ("debt_seen", "f8"),  # loans drawn less repayments when the pool last looked, cumulative, M$
        # BTC and mining
        ("btc_price", "f8"),  # USD
        ("btc_average", "f8"),  # trailing mean, USD
        ("btc_sold", "f8"),  # forced sales of the week, M$
        ("coins_seen", "f8"),  # those of last week, M$
        ("difficulty", "f8"),  # log, relative to the first week
        ("hashprice", "f8"),  # USD a PH/s and day
        # compute
        ("rho", "f8"),  # correlation of BTC and compute rents this week
        ("rent_shock", "f8"),  # log, cumulated innovations of the compute-rent index
        ("rent_index", "f8"),  # USD a reference GPU-hour
        ("rent_average", "f8"),  # trailing mean, USD an hour
        ("demand", "f8"),  # relative to the first week
        ("supply", "f8"),  # active throughput including hyperscalers, relative to the first week
        ("active", "f8"),  # throughput switched on in this economy last week, reference units
        ("active_base", "f8"),  # the same at the start
        # sites
        ("slots_built", "i8"),
        ("slots_closed", "i8"),
        ("vacant", "i8", (COOLING_CLASSES,)),  # closed slots that a landlord would let again
    ]
)

REPO = row(
    [
        ("haircut", "f8"),  # on lenders' back-leverage, fraction
        ("room", "f8"),  # what the pool of back-leverage still has, M$
        ("price_variance", "f8"),  # of the appraisals of all machines, a year, trailing
        ("unsold_share", "f8"),  # of the machines on sale those without a buyer, by value, trailing, fraction
        # in the first week
        ("opening_haircut", "f8"),
        ("opening_tightness", "f8"),
        ("opening_debt", "f8"),  # back-leverage of all lenders, M$
    ]
)

OUTCOMES = row(
    [
        ("weeks", "i4"),  # summed in tightness_sum
        ("tightness_sum", "f8"),
        ("defaults", "i8"),
        ("defaults_miners", "i8"),
        ("defaults_neoclouds", "i8"),
        ("lender_failures", "i8"),
        ("facility_defaults", "i8"),  # of facilities whose borrowers lived on
        ("hand_backs", "i8"),  # of these, by choice
        ("refinancings_refused", "i8"),
        ("sites_taken_over", "i8"),
        ("equity_raised", "f8"),  # M$, by borrowers
        ("debt_defaulted", "f8"),  # M$
        ("resolved_claims", "f8"),  # M$, of defaults whose resolution ended
        ("resolved_recoveries", "f8"),  # discounted, M$
        ("paper_sold", "f8"),  # appraisal at seizure of the units sold since, or in place at their sale, M$
        ("proceeds_sold", "f8"),  # what they fetched, M$
        ("paper_seized", "f8"),  # the same appraisal of all units seized or sold in place, M$
        ("credit_lost", "f8"),  # principal written off when resolutions ended, M$
        ("allowances", "f8"),  # write-downs on claims still open at the end, M$
        ("defaults_by_cause", "i8", (len(Cause),)),
        ("units_dumped", "i8"),
        ("units_unsold", "i8"),  # on the hands of creditors and estates at the end
        ("peak_haircut", "f8"),
        ("repo_calls", "i8"),  # lenders that could not meet a call on their back-leverage
        ("loans_sold", "f8"),  # by lenders to lenders, face, M$
        ("interlender_losses", "f8"),  # on claims on failed lenders, net of what came in later, M$
        ("authority_losses", "f8"),  # of the standing facility on lenders that are closed, M$
        ("authority_exposure", "f8"),  # what failed lenders still owe it at the end, M$
        ("most_rounds", "i8"),  # of failures and losses in a week
        # largest residuals of the books so far
        ("opening_money", "f8"),  # total cash of all accounts at the start, M$
        ("money_residual", "f8"),
        ("balance_residual", "f8"),
        ("units_residual", "i8"),
        ("macro_residual", "f8"),  # of the funding pool's accounts
    ]
)

WORLD = row(
    [
        ("sector", "u1"),
        ("cash", "f8"),  # M$; the first row is the account of customers, utilities, landlords, vendor, savers
        ("income", "f8"),  # cumulative, M$
    ]
)

EVENT = row(
    [
        ("week", "i4"),
        ("kind", "i1"),  # EventKind
        ("agent_kind", "i1"),  # Sector, or -1
        ("counterparty_kind", "i1"),  # Sector, or -1
        ("cause", "i1"),  # Cause
        ("channel", "i1"),  # Channel
        ("agent", "i4"),
        ("counterparty", "i4"),
        ("machine", "i4"),
        ("units", "i8"),
        ("amount", "f8"),  # M$
        ("price", "f8"),  # M$ a unit or coin; of a contract, M$ a unit and year
        ("parent", "i8"),  # row of the event that led to it, -1 if none
    ]
)


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


class ErrorCode(IntEnum):
    NONE = 0
    EVENT_BUFFER_FULL = 1
    TOO_MANY_ROUNDS = 2


FIELDS: dict[str, tuple[np.dtype, int]] = {
    "borrowers": (BORROWER, 1),
    "lenders": (LENDER, 1),
    "buyers": (BUYER, 1),
    "loans": (LOAN, 1),  # FACILITIES rows a borrower
    "orders": (ORDER, 1),  # ORDERS rows a borrower
    "machines": (MACHINE, 1),
    "clock": (CLOCK, 1),  # one row, as the next three
    "market": (MARKET, 1),
    "repo": (REPO, 1),
    "outcomes": (OUTCOMES, 1),  # what the summary is made of
    "world": (WORLD, 1),  # rest of the world, authority, guarantor
    # the funding pool, without and with this economy
    "macro": (MACRO, 1),
    "assets": (ASSET, 2),  # [world, Asset]
    "investors": (INVESTOR, 2),  # [world, Investor]
    "macro_flows": (FLOAT, 3),  # [world, MacroFlow, MacroSector], receipts positive, cumulative, bn$
    "flows": (FLOAT, 2),  # [flow, sector], receipts positive, cumulative, M$
    "revaluations": (FLOAT, 2),  # [revaluation, sector], cumulative, M$
    "events": (EVENT, 1),  # empty: events are not recorded
    "series": (FLOAT, 2),  # [week, column], empty: not recorded
    # networks, shared by all replicates of a (scenario, seed)
    "credit_start": (INT32, 1),  # [borrower + 1]: borrower -> lenders
    "credit_lender": (INT32, 1),
    "trade_start": (INT32, 1),  # [bidder + 1]: bidders (borrowers, then buyers) -> sellers
    "trade_seller": (INT32, 1),  # seller node: borrowers, then lenders
    # exogenous paths [week]
    "tightness_path": (FLOAT, 1),
    "macro_paths": (FLOAT, 2),  # [week, MacroPath]
    "haircut_path": (FLOAT, 1),
    # who owes whom among lenders, by creditor: shared start, debtor and share of the whole; state: the face
    "claim_start": (INT64, 1),  # [lender + 1]
    "claim_debtor": (INT64, 1),
    "claim_share": (FLOAT, 1),
    "claim_face": (FLOAT, 1),  # M$
    # scratch of their clearing, [lender] or as `contagion.clearing_rounds.clear_all` wants it
    "clearing_amounts": (FLOAT, 1),  # [claim]
    "clearing_vectors": (FLOAT, 2),  # [owed, external, assets, paid][lender]
    "clearing_default": (BOOLEAN, 1),
    "clearing_position": (INT64, 1),
    "clearing_shares": (FLOAT, 2),
    "clearing_work": (FLOAT, 2),
    "btc_path": (FLOAT, 1),  # USD, empty unless the scenario feeds one in
    "rent_path": (FLOAT, 1),  # USD an hour, empty unless the scenario feeds one in
    "hashprice_path": (FLOAT, 1),  # USD a PH/s and day, empty unless the scenario feeds one in
    # scratch
    "payments_due": (FLOAT, 2),  # of one borrower: [interest or principal, facility]
    "value_table": (FLOAT, 3),  # [machine, site class, coefficient]
    "valued_week": (INT32, 2),  # [machine, site class]
    "launch_times": (FLOAT, 2),  # what valuers of a type still expect: [machine, launch], years from now
    "launch_factors": (FLOAT, 2),  # and what it leaves of earnings, fraction
    "pieces": (FLOAT, 2),  # of one valuation, see `valuation`
    "moments": (FLOAT, 1),
    "weights": (FLOAT, 1),  # [machine], of a fleet that is drawn
    "count": (INT64, 1),  # [machine]
    # scratch of the secondary market
    "lots": (LOT, 1),
    "known": (INT64, 1),  # lots that one bidder may buy
    "trades": (TRADE, 1),
    "node_head": (INT64, 1),  # [seller node]: its first lot of the type on sale, -1 if none
    "classes": (BIDDER_CLASS, 1),
    "class_of": (INT64, 1),  # [bidder], -1: without means
    "called": (INT64, 1),  # bidders with means, class by class
    "ranking": (INT64, 1),  # classes of the week
    "served": (INT64, 1),  # classes that bid for the type on sale, best first
}
"""Arrays of an economy: what each holds, and in how many dimensions."""

FIXED_SHAPES = {
    "machines": (MACHINE_TYPES,),
    "clock": (1,),
    "market": (1,),
    "repo": (1,),
    "outcomes": (1,),
    "world": (3,),
    "macro": (WORLDS,),
    "assets": (WORLDS, ASSETS),
    "investors": (WORLDS, INVESTORS),
    "macro_flows": (WORLDS, len(MacroFlow), len(MacroSector)),
    "flows": (len(Flow), len(Sector)),
    "revaluations": (len(Revaluation), len(Sector)),
    "payments_due": (2, FACILITIES),
    "valued_week": (MACHINE_TYPES, SITE_CLASSES),
    "count": (MACHINE_TYPES,),
}
"""Shapes that are the same in every economy, so that compiled code need not look them up."""
