"""State of the funding pool: what a row of each of its tables holds, in bn$ unless said otherwise.

Every table has two rows of the same layout, worked by the same code with the same draws: what funding would
be without this economy's debts and sales (`WITHOUT`), and with them (`WITH`).
"""

from enum import IntEnum

from hashcredit.agents.dimensions import row

WITHOUT, WITH = 0, 1
"""First index of the pool's tables."""
WORLDS = 2


class Asset(IntEnum):
    """Asset classes, in the order of every list of five."""

    BTC = 0
    SOFTWARE = 1  # equity with cash flows far away
    MEMORY = 2  # equity with cash flows near
    HEDGE_FUND_UNITS = 3
    SOVEREIGN_BONDS = 4


class Investor(IntEnum):
    """Macro investors, in the order of the tables `investors.*`."""

    SOVEREIGN_FUND = 0
    CONGLOMERATE = 1
    HEDGE_FUNDS = 2
    RETAIL = 3
    PENSION = 4


ASSETS = len(Asset)
INVESTORS = len(Investor)


class FundingRule(IntEnum):
    """Codes of `funding.rule`."""

    POOL = 0
    PATH = 1


class MacroPath(IntEnum):
    """Columns of the weekly macro paths."""

    CAPEX = 0  # bn$ a year
    EXTERNAL_SHARE = 1  # fraction
    PURCHASES = 2  # bn$ a year
    FISCAL = 3  # bn$ a year


class MacroSector(IntEnum):
    """Accounts of the macro block."""

    POOL = 0
    INVESTORS = 1
    SAVERS = 2
    HYPERSCALERS = 3  # and whom they pay
    GOVERNMENT = 4  # and borrowers other than hyperscalers and this economy
    AUTHORITY = 5
    THIS_ECONOMY = 6


class MacroFlow(IntEnum):
    """Kinds of payment of the macro block."""

    SAVING = 0
    PURCHASES = 1
    FISCAL = 2
    MULTIPLIER = 3
    CAPEX = 4  # drawn from the pool
    COMMITMENTS = 5  # capex paid by investors
    ISSUANCE = 6
    ASSET_SALES = 7
    REDEMPTIONS = 8
    PLACEMENTS = 9
    HOARDING = 10


MACRO = row(
    [
        ("tightness", "f8"),  # 0 to 1
        ("cost_of_capital", "f8"),  # 1/yr
        ("opening_cost", "f8"),  # the same in the opening, 1/yr
        ("cash", "f8", (len(MacroSector),)),  # accounts; that of investors lies on their rows
        ("lagged_capex", "f8"),  # bn$/yr
        ("capex", "f8"),  # spent in the week, bn$/yr
        ("stock", "f8"),  # hyperscalers' throughput over that of the opening
        ("portfolio", "f8"),  # opening holdings of all investors at this week's prices
        ("portfolio_mean", "f8"),  # its trailing mean
        ("hoard", "f8"),  # withdrawn from the pool because prices fell
        ("water", "f8"),  # into the pool this week, bn$/yr
        ("drain", "f8"),  # out of it, bn$/yr
        ("opening_money", "f8"),  # sum of all accounts in the opening
        ("residual", "f8"),  # largest |sum of accounts - opening sum| so far, relative
    ]
)

ASSET = row(
    [
        ("fundamental", "f8"),  # ln X; BTC in USD, the others 0 in the opening
        ("impact", "f8"),  # m, log
        ("sold", "f8"),  # by investors this week
        ("price", "f8"),  # BTC in USD, the others 1 in the opening
        ("opening", "f8"),  # price in the opening
        ("relative", "f8"),  # price over that of the opening
        ("before", "f8"),  # the same a week ago
        ("weight", "f8"),  # opening holdings of all investors
    ]
)

INVESTOR = row(
    [
        ("cash", "f8"),
        ("target", "f8"),  # cash above it is placed in the pool
        ("holdings", "f8", (ASSETS,)),  # at opening prices: times `relative` it is worth today's bn$
        ("order", "i1", (ASSETS,)),  # assets by conviction, the first is sold first
        ("unit", "f8"),  # worth of a share in its portfolio, 1 in the opening
        ("peak", "f8"),  # the highest it has been
        ("commitments", "f8"),  # paid for capex, cumulative
        ("redemptions", "f8"),  # paid to its clients, cumulative
        ("sales", "f8"),  # proceeds, cumulative
    ]
)
