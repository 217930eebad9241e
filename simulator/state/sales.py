"""Scratch tables of the market for used machines: lots, bidder classes, trades."""

from hashcredit.agents.dimensions import COOLING_CLASSES, row

LOT = row(
    [
        ("machine", "i4"),  # type
        ("node", "i4"),  # its seller in the trading network: borrowers, then lenders
        ("row", "i4"),  # of the loan whose collateral it is, else of the borrower that sells
        ("is_loan", "i4"),  # 1: collateral
        ("next", "i8"),  # another lot of the same seller and type, -1 if none
        ("left", "i8"),  # units still on sale this week
        ("reserve", "f8"),  # reservation price, M$ a unit
        ("price", "f8"),  # lowest bid accepted, M$ a unit
    ]
)

BIDDER_CLASS = row(
    [
        ("stamp", "i8"),  # number of the sale in which the class was last in use
        ("site", "i4"),  # site class
        ("resells", "i4"),  # 1: whoever it sells to has to rent a slot first
        ("scraps", "i4"),  # 1: it bids what the parts fetch
        ("spread", "f8"),  # cost of capital over the market's, per year
        ("margin", "f8"),  # share of value kept, fraction
        ("moving_cost", "f8"),  # M$ a GPU
        ("moving_cost_asic", "f8"),  # M$ an ASIC
        ("first", "i8"),  # its first place in `Economy.called`
        ("count", "i8"),  # bidders in it
        ("hosts", "i8", (COOLING_CLASSES,)),  # of these, those with a free slot
        ("cap_known", "i8", (2,)),  # by machine kind, 1: the next field is worked out
        ("cap", "f8", (2,)),  # price per unit of value of the best new machine
        ("moving", "f8"),  # for the type on sale, M$ a unit
        ("price", "f8"),  # its bid for the type on sale, M$ a unit
    ]
)

TRADE = row([("bidder", "i8"), ("lot", "i8"), ("units", "i8")])
