"""State of the funding pool: what a row of each of its tables holds, in bn$ unless said otherwise.

Every table has two rows of the same layout, worked by the same code with the same draws: what funding would
be without this economy's debts and sales (`WITHOUT`), and with them (`WITH`).
"""

from enum import IntEnum

from hashcredit.agents.rows import Column, row

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
    CLIENTS = 7  # of investors: what they have asked back and not yet brought back


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
    RETURNS = 11  # of what clients had asked back


MACRO = row(
    Column("tightness", "f8", "tightness", "0 to 1"),
    Column("cost_of_capital", "f8", "cost of capital", "1/yr"),
    Column("opening_cost", "f8", "the same in the opening", "1/yr"),
    Column("cash", "f8", "accounts; that of investors lies on their rows", shape=(len(MacroSector),)),
    Column("lagged_capex", "f8", "lagged capex", "bn$/yr"),
    Column("capex", "f8", "spent in the week", "bn$/yr"),
    Column("stock", "f8", "hyperscalers' throughput over that of the opening"),
    Column("portfolio", "f8", "opening holdings of all investors at this week's prices"),
    Column("portfolio_mean", "f8", "its trailing mean"),
    Column("hoard", "f8", "withdrawn from the pool because prices fell"),
    Column("water", "f8", "into the pool this week", "bn$/yr"),
    Column("drain", "f8", "out of it", "bn$/yr"),
    Column("opening_money", "f8", "sum of all accounts in the opening"),
    Column("residual", "f8", "largest |sum of accounts - opening sum| so far, relative"),
)

ASSET = row(
    Column("fundamental", "f8", "ln X; BTC in USD, the others 0 in the opening"),
    Column("impact", "f8", "m, log"),
    Column("sold", "f8", "by investors this week"),
    Column("price", "f8", "BTC in USD, the others 1 in the opening"),
    Column("opening", "f8", "price in the opening"),
    Column("relative", "f8", "price over that of the opening"),
    Column("before", "f8", "the same a week ago"),
    Column("weight", "f8", "opening holdings of all investors"),
)

INVESTOR = row(
    Column("cash", "f8", "cash"),
    Column("target", "f8", "cash above it is placed in the pool"),
    Column("holdings", "f8", "at opening prices: times `relative` it is worth today's bn$", shape=(ASSETS,)),
    Column("order", "i1", "assets by conviction, the first is sold first", shape=(ASSETS,)),
    Column("unit", "f8", "worth of a share in its portfolio, 1 in the opening"),
    Column("peak", "f8", "the highest it has been"),
    Column("commitments", "f8", "paid for capex, cumulative"),
    Column("redemptions", "f8", "paid to its clients, cumulative"),
    Column("sales", "f8", "proceeds, cumulative"),
)
