"""The arrays of an economy, each declared here and nowhere else.

Allocation, clearing, copies, checks and the addresses that kernels see follow from these lines.
"""

import numpy as np

from hashcredit.agents.borrower import BORROWER
from hashcredit.agents.buyer import BUYER
from hashcredit.agents.dimensions import (
    CONTRACTS,
    FACILITIES,
    MACHINE_TYPES,
    MAX_LAUNCHES,
    SITE_CLASSES,
    Instrument,
)
from hashcredit.agents.lender import LENDER
from hashcredit.simulator.state.clock import CLOCK, EVENT, WORLD
from hashcredit.simulator.state.codes import Flow, Revaluation, Sector
from hashcredit.simulator.state.fields import Role, fields_of, given, log, scratch, state
from hashcredit.simulator.state.loans import CONTRACT, LOAN, ORDER
from hashcredit.simulator.state.machines import MACHINE
from hashcredit.simulator.state.market import BIDDER_CLASS, LOT, MARKET, REPO, TRADE
from hashcredit.simulator.state.outcomes import OUTCOMES
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
from hashcredit.simulator.state.tape import TAPE

FLOAT, INT32, INT64, BOOLEAN, BYTE = (
    np.dtype(kind) for kind in (np.float64, np.int32, np.int64, np.bool_, np.uint8)
)


class Arrays:
    """Attributes of `Economy`. A size in words is worked out from the setup in `prepare.sizes`."""

    __slots__ = ()

    borrowers: np.ndarray = state(BORROWER, "borrowers", "miners and neo-clouds")
    lenders: np.ndarray = state(LENDER, "lenders", "banks, private credit, bond funds")
    buyers: np.ndarray = state(BUYER, "buyers", "outsiders who buy used machines")
    loans: np.ndarray = state(LOAN, "loans", "FACILITIES rows a borrower")
    contracts: np.ndarray = state(CONTRACT, "contracts", "CONTRACTS rows a borrower")
    orders: np.ndarray = state(ORDER, "orders", "ORDERS rows a borrower")
    calm: np.ndarray = state(
        BOOLEAN,
        "borrowers",
        "[borrower]: it neither sells, fails nor is in default; the others may",
    )
    machines: np.ndarray = state(MACHINE, MACHINE_TYPES, "machine types; the static fields are the setup's")
    clock: np.ndarray = state(CLOCK, 1, "where the run stands")
    market: np.ndarray = state(MARKET, 1, "conditions of the week")
    repo: np.ndarray = state(REPO, 1, "back-leverage of lenders: haircut, pool, and what they follow")
    outcomes: np.ndarray = state(OUTCOMES, 1, "what the summary is made of")
    world: np.ndarray = state(WORLD, 3, "accounts outside: rest of the world, authority, guarantor")

    # the funding pool, without and with this economy
    macro: np.ndarray = state(MACRO, WORLDS, "the pool")
    assets: np.ndarray = state(ASSET, (WORLDS, ASSETS), "[world, Asset]")
    investors: np.ndarray = state(INVESTOR, (WORLDS, INVESTORS), "[world, Investor]")
    macro_flows: np.ndarray = state(
        FLOAT,
        (WORLDS, len(MacroFlow), len(MacroSector)),
        "[world, MacroFlow, MacroSector], receipts positive, cumulative, bn$",
    )

    # books
    flows: np.ndarray = state(
        FLOAT, (len(Flow), len(Sector)), "[Flow, Sector], receipts positive, cumulative, M$"
    )
    revaluations: np.ndarray = state(
        FLOAT, (len(Revaluation), len(Sector)), "[Revaluation, Sector], cumulative, M$"
    )
    claim_face: np.ndarray = state(FLOAT, "claims", "what lenders owe each other, by creditor, M$")
    events: np.ndarray = log(EVENT, "events", "what happened; empty: not recorded")
    tape: np.ndarray = log(TAPE, "tape", "the loans of the run; empty: not recorded")
    series: np.ndarray = log(FLOAT, ("weeks", "series_columns"), "[week, column]; empty: not recorded")

    # networks; bidders are borrowers, then buyers; seller nodes are borrowers, then lenders
    credit_start: np.ndarray = given(INT32, 1, "[borrower + 1]: first place of its lenders")
    credit_lender: np.ndarray = given(INT32, 1, "lenders, borrower by borrower")
    client_start: np.ndarray = given(INT32, 1, "[lender + 1]: first place of the borrowers that know it")
    client_borrower: np.ndarray = given(INT32, 1, "borrowers, lender by lender; only they ever owe it a loan")
    trade_start: np.ndarray = given(INT32, 1, "[bidder + 1]: first place of its sellers")
    trade_seller: np.ndarray = given(INT32, 1, "seller nodes, bidder by bidder")
    trade_table: np.ndarray = given(
        BYTE, 2, "[bidder, seller // 8]: a bit for each seller, 1: linked; in a large market of buyers only"
    )
    peer_start: np.ndarray = given(INT32, 1, "[seller node + 1]: first place of the borrowers that know it")
    peer_bidder: np.ndarray = given(INT32, 1, "borrowers who bid, seller node by seller node")
    claim_start: np.ndarray = given(INT64, 1, "[lender + 1]: first place of its claims on other lenders")
    claim_debtor: np.ndarray = given(INT64, 1, "who owes them, creditor by creditor")
    claim_share: np.ndarray = given(FLOAT, 1, "of the whole")
    debt_start: np.ndarray = given(INT64, 1, "[lender + 1]: first place of claims on it")
    debt_link: np.ndarray = given(INT64, 1, "places of `claim_debtor`, debtor by debtor")
    debt_creditor: np.ndarray = given(INT64, 1, "whose claims they are")

    # exogenous paths [week], empty unless the scenario feeds one in
    tightness_path: np.ndarray = given(FLOAT, 1, "0 to 1")
    macro_paths: np.ndarray = given(FLOAT, 2, "[week, MacroPath]")
    haircut_path: np.ndarray = given(FLOAT, 1, "fraction")
    btc_path: np.ndarray = given(FLOAT, 1, "USD")
    rent_path: np.ndarray = given(FLOAT, 1, "USD an hour")
    hashprice_path: np.ndarray = given(FLOAT, 1, "USD a PH/s and day")

    # the clearing of lenders' debts to each other, as `contagion.rounds.clearing.clear_all` wants it
    clearing_amounts: np.ndarray = scratch(FLOAT, "claims", "[claim], M$")
    clearing_vectors: np.ndarray = scratch(FLOAT, (4, "lenders"), "[owed, external, assets, paid][lender]")
    clearing_default: np.ndarray = scratch(BOOLEAN, "lenders", "whether it pays less than it owes")
    clearing_position: np.ndarray = scratch(INT64, "lenders", "its row in the matrix of those who default")
    clearing_shares: np.ndarray = scratch(
        FLOAT, ("cleared_exactly", "cleared_exactly"), "matrix of the exact algorithm"
    )
    clearing_work: np.ndarray = scratch(FLOAT, (4, "lenders"), "vectors of the iterative one")

    # one agent's or one valuation's work
    payments_due: np.ndarray = scratch(FLOAT, (2, FACILITIES), "[interest or principal, place], M$")
    due_loans: np.ndarray = scratch(INT64, FACILITIES, "[place] loan rows that one borrower serves this week")
    unlet: np.ndarray = scratch(
        INT64, (2, MACHINE_TYPES), "[owned, or not pledged either; machine] of one borrower, not let"
    )
    unlet_pledged: np.ndarray = scratch(
        INT64, FACILITIES, "[facility] of one borrower: pledged machines, not let"
    )
    vehicle_flows: np.ndarray = scratch(FLOAT, FACILITIES, "[facility] of one borrower, M$ a week")
    premiums: np.ndarray = scratch(FLOAT, CONTRACTS, "[contract] of one borrower, over spot, M$")
    value_table: np.ndarray = scratch(
        FLOAT, (MACHINE_TYPES, SITE_CLASSES, "coefficients"), "[machine, site class, coefficient]"
    )
    valued_week: np.ndarray = scratch(
        INT32, (MACHINE_TYPES, SITE_CLASSES), "[machine, site class]: week of its row in `value_table`"
    )
    let_table: np.ndarray = scratch(
        FLOAT,
        (2 * MACHINE_TYPES, SITE_CLASSES, "coefficients"),
        "[machine from now, then from delivery; site class, coefficient] of what it would earn on demand",
    )
    let_week: np.ndarray = scratch(INT32, (2 * MACHINE_TYPES, SITE_CLASSES), "week of its row in `let_table`")
    let_work: np.ndarray = scratch(FLOAT, "coefficients", "of one valuation")
    levels: np.ndarray = scratch(
        FLOAT, (MACHINE_TYPES, 2), "[machine, `Life`]: mean of expected over present earnings"
    )
    levels_week: np.ndarray = scratch(INT32, MACHINE_TYPES, "[machine]: week of its row in `levels`")
    launch_times: np.ndarray = scratch(
        FLOAT, (MACHINE_TYPES, MAX_LAUNCHES), "[machine, launch] that valuers still expect, years from now"
    )
    launch_factors: np.ndarray = scratch(
        FLOAT, (MACHINE_TYPES, MAX_LAUNCHES), "what it leaves of earnings, fraction"
    )
    launches_seen: np.ndarray = scratch(
        FLOAT, (MAX_LAUNCHES, 4), "[launch from the last; midpoint, week, width, share of its effect by then]"
    )
    lender_room: np.ndarray = scratch(
        FLOAT, "lenders", "[lender]: what those asked for a plan can still lend, M$"
    )
    lender_share: np.ndarray = scratch(FLOAT, "lenders", "[lender]: share of a machine that they advance")
    pieces: np.ndarray = scratch(FLOAT, ("pieces", "piece_columns"), "of one valuation, see `valuation`")
    moments: np.ndarray = scratch(FLOAT, "moments", "of one valuation, see `valuation`")
    weights: np.ndarray = scratch(FLOAT, MACHINE_TYPES, "[machine], of a fleet that is drawn")
    count: np.ndarray = scratch(INT64, MACHINE_TYPES, "[machine], units found in the books")
    faces: np.ndarray = scratch(FLOAT, (2, len(Instrument)), "[held or owed, instrument], found there, M$")

    rivals: np.ndarray = scratch(INT64, "borrowers", "those who may bid for one failed borrower's site")
    is_rival: np.ndarray = scratch(BOOLEAN, "borrowers", "[borrower]: it is in that list")

    # the market for used machines
    lots: np.ndarray = scratch(LOT, "lots", "what is on sale this week")
    on_sale: np.ndarray = scratch(INT64, "lots", "lots of the type on sale, lowest reservation price first")
    known: np.ndarray = scratch(INT64, "lots", "lots that one bidder may buy")
    trades: np.ndarray = scratch(TRADE, "trades", "sales agreed for the type on sale")
    node_head: np.ndarray = scratch(
        INT64, "sellers", "[seller node]: its first lot of the type on sale, -1 if none", start=-1
    )
    classes: np.ndarray = scratch(BIDDER_CLASS, "classes", "bidders who think alike", cleared=True)
    reached: np.ndarray = scratch(
        BOOLEAN, "borrowers", "[borrower]: it knows a seller of the type on sale; in a large market"
    )
    next_called: np.ndarray = scratch(INT64, "bidders", "[bidder]: the next one of its class, -1: the last")
    ranking: np.ndarray = scratch(INT64, "classes", "classes of the week")
    served: np.ndarray = scratch(INT64, "classes", "classes that bid for the type on sale, best first")


FIELDS = fields_of(Arrays)
STATE = tuple(name for name, field in FIELDS.items() if field.role is Role.STATE)
TABLES = tuple(name for name in STATE if FIELDS[name].is_table)
"""Arrays of the state whose entries are rows."""
