"""What all agents meet: conditions of the week, back-leverage, and a sale of used machines as it runs."""

from hashcredit.agents.dimensions import COOLING_CLASSES, GRADES
from hashcredit.agents.rows import Column, row
from hashcredit.simulator.state.tape import SPREADS

MARKET = row(
    # funding, as agents see it
    Column("tightness", "f8", "of funding, as agents see it", "0 to 1"),
    Column("policy_rate", "f8", "of the scenario", "1/yr"),
    Column("cost_of_capital", "f8", "policy rate plus premium", "1/yr"),
    Column("offtaker_stress", "f8", "factor on customers' default hazard"),
    Column("debt_seen", "f8", "loans drawn less repayments when the pool last looked, cumulative", "M$"),
    # BTC and mining
    Column("btc_price", "f8", "of a coin", "USD"),
    Column("btc_average", "f8", "its trailing mean", "USD"),
    Column("btc_sold", "f8", "forced sales of the week", "M$"),
    Column("coins_seen", "f8", "those of last week", "M$"),
    Column("difficulty", "f8", "log, relative to the first week"),
    Column("hashprice", "f8", "what hashing earns", "USD a PH/s and day"),
    # compute
    Column("rho", "f8", "correlation of BTC and compute rents this week"),
    Column("rent_shock", "f8", "log, cumulated innovations of the compute-rent index"),
    Column("rent_index", "f8", "of compute", "USD a reference GPU-hour"),
    Column("rent_average", "f8", "its trailing mean", "USD an hour"),
    Column("demand", "f8", "for compute, relative to the first week"),
    Column("supply", "f8", "active throughput including hyperscalers, relative to the first week"),
    Column("active", "f8", "throughput switched on in this economy last week, reference units"),
    Column("active_base", "f8", "the same at the start"),
    Column("let", "f8", "of the throughput of borrowers, under contracts", "H100s"),
    Column("contract_share", "f8", "the same over what runs at borrowers", "fraction"),
    Column("occupancy", "f8", "share of hours for which a machine on demand is paid", "fraction"),
    Column("term_premium", "f8", "log, of rents under contracts, for scarcity"),
    Column("term_sought", "f8", "who would look for a contract if nobody had found one", "H100s"),
    Column("term_pool", "f8", "who looks for a contract, by grade, best first", "H100s", shape=(GRADES,)),
    # sites
    Column("slots_built", "i8", "so far"),
    Column("slots_closed", "i8", "so far"),
    Column("vacant", "i8", "closed slots that a landlord would let again", shape=(COOLING_CLASSES,)),
    # of the loan tape
    Column("discount", "f8", "factors since the first week, by `tape.SPREADS`", shape=(len(SPREADS),)),
)

REPO = row(
    Column("haircut", "f8", "on lenders' back-leverage", "fraction"),
    Column("room", "f8", "what the pool of back-leverage still has", "M$"),
    Column("price_variance", "f8", "of the appraisals of all machines, a year, trailing"),
    Column("unsold_share", "f8", "of machines on sale, by value, those without a buyer, trailing", "share"),
    # in the first week
    Column("opening_haircut", "f8", "haircut", "fraction"),
    Column("opening_tightness", "f8", "tightness", "0 to 1"),
    Column("opening_debt", "f8", "back-leverage of all lenders", "M$"),
)

LOT = row(
    Column("machine", "i4", "its type"),
    Column("node", "i4", "its seller in the trading network: borrowers, then lenders"),
    Column("row", "i4", "of the loan whose collateral it is, else of the borrower that sells"),
    Column("is_loan", "i4", "1: collateral"),
    Column("next", "i8", "another lot of the same seller and type, -1 if none"),
    Column("left", "i8", "units still on sale this week"),
    Column("reserve", "f8", "reservation price", "M$ a unit"),
    Column("price", "f8", "lowest bid accepted", "M$ a unit"),
)

BIDDER_CLASS = row(
    Column("stamp", "i8", "number of the sale in which the class was last in use"),
    Column("site", "i4", "its site class"),
    Column("resells", "i4", "1: whoever it sells to has to rent a slot first"),
    Column("scraps", "i4", "1: it bids what the parts fetch"),
    Column("hosts", "i4", "classes of rack slots of which somebody in it has a free one, a bit each"),
    Column("spread", "f8", "cost of capital over the market's", "1/yr"),
    Column("margin", "f8", "share of value kept", "fraction"),
    Column("moving_cost", "f8", "of a GPU", "M$ a GPU"),
    Column("moving_cost_asic", "f8", "of an ASIC", "M$ an ASIC"),
    Column("first", "i4", "its first bidder; the others follow by `Economy.next_called`"),
    Column("last", "i4", "its last one"),
    Column("cap_known", "i8", "by machine kind, 1: the next field is worked out", shape=(2,)),
    Column("cap", "f8", "price per unit of value of the best new machine", shape=(2,)),
    Column("moving", "f8", "moving cost of the type on sale", "M$ a unit"),
    Column("price", "f8", "its bid for the type on sale", "M$ a unit"),
)

TRADE = row(
    Column("bidder", "i8", "borrowers, then buyers"),
    Column("lot", "i8", "row of the lot"),
    Column("units", "i8", "sold"),
)
