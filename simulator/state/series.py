"""The weekly series: one row a column, with its unit and meaning; `week.observables` fills them.

Names and types in tables, what a study may keep and docs/observables.md follow from these rows.
"""

from collections.abc import Sequence
from enum import IntEnum
from typing import Self

WHOLE = True
"""Third entry of a row: the column counts, and is a whole number in tables."""


class Observable(IntEnum):
    """A column of the series; its value is its place."""

    unit: str
    meaning: str
    is_whole: bool

    def __new__(cls, unit: str, meaning: str, is_whole: bool = False) -> Self:
        place = len(cls.__members__)
        member = int.__new__(cls, place)
        member._value_ = place
        member.unit, member.meaning, member.is_whole = unit, meaning, is_whole
        return member


class Column(Observable):
    """Columns that do not belong to a machine type."""

    TIGHTNESS = "0 to 1", "of funding, as agents see it"
    POLICY_RATE = "1/yr", "as the scenario sets it"
    COST_OF_CAPITAL = "1/yr", "policy rate plus premium at this tightness"
    HAIRCUT = "fraction", "on lenders' back-leverage"
    BTC_PRICE_USD = "USD", "price of a bitcoin"
    HASHPRICE_USD_PH_DAY = "USD/(PH/s)/day", "what hashing earns"
    RENT_INDEX_USD_H = "USD/h", "rent of a reference GPU"
    OCCUPANCY = "fraction", "of hours for which a machine on demand is paid"
    TERM_PREMIUM = "log", "of rents under contracts, for scarcity of machines"
    TERM_POOL_H100 = "H100s", "throughput for which customers look for a contract"
    CONTRACT_SHARE = "fraction", "of the throughput that runs at borrowers, under contracts"
    DEMAND = "relative", "for compute, to that of the first week"
    SUPPLY = "relative", "of active compute including hyperscalers, to that of the first week"
    CORRELATION = "-1 to 1", "of the week's shocks to BTC and compute rents"
    ALIVE_MINERS = "borrowers", "miners that have not failed", WHOLE
    ALIVE_NEOCLOUDS = "borrowers", "neo-clouds that have not failed", WHOLE
    ALIVE_LENDERS = "lenders", "lenders that have not failed", WHOLE
    DEFAULTS_FORCED = "borrowers", "failed so far, by the scenario's order", WHOLE
    DEFAULTS_INSOLVENCY = "borrowers", "failed so far, their debts above their assets at appraisal", WHOLE
    DEFAULTS_ILLIQUIDITY = "borrowers", "failed so far, unable to pay", WHOLE
    DEFAULTS_MARGIN = "borrowers", "failed so far, on a margin call against BTC", WHOLE
    DEFAULTS_ACCELERATION = "borrowers", "failed so far, as a lender accelerated a loan", WHOLE
    DEFAULTS_MATURITY = "borrowers", "failed so far, on a bullet that was not refinanced", WHOLE
    DEFAULTS_CROSS_DEFAULT = "borrowers", "failed so far, as another of their facilities did", WHOLE
    DEBT_MUSD = "M$", "face of all that borrowers owe to lenders"
    DEBT_IN_DEFAULT_MUSD = "M$", "of this, on loans in default"
    ALLOWANCE_MUSD = "M$", "lenders' write-downs on loans in default"
    LENDER_EQUITY_MUSD = "M$", "book equity of all lenders"
    BORROWER_CASH_MUSD = "M$", "cash of all borrowers"
    LENDER_CASH_MUSD = "M$", "cash of all lenders"
    BUYER_CASH_MUSD = "M$", "cash of all secondary buyers"
    BTC_HELD = "BTC", "coins of borrowers, pledged ones included"
    UNITS_OFFERED = "units", "machines put on sale this week", WHOLE
    UNITS_SOLD = "units", "machines sold this week", WHOLE
    UNITS_UNSOLD = "units", "machines in the hands of creditors and estates", WHOLE
    SALE_PROCEEDS_MUSD = "M$", "what the machines sold this week fetched"
    MONEY_RESIDUAL = "relative", "largest error so far: total cash less that of the opening"
    BALANCE_RESIDUAL = "relative", "largest error so far: lenders' less borrowers' side of an instrument"
    UNITS_RESIDUAL = "units", "largest error so far: machines held less those that must exist", WHOLE
    UNITS_ON_ORDER = "units", "machines that borrowers have ordered", WHOLE
    DEPOSITS_MUSD = "M$", "paid on them"
    COMMITTED_MUSD = "M$", "loans that lenders have promised for them"
    PREPAID_MUSD = "M$", "paid in advance by customers, and not yet served"
    VENDOR_DEBT_MUSD = "M$", "owed by borrowers to the vendors of their machines, not in `debt_musd`"
    HUNG_MUSD = "M$", "loans that lenders meant to sell to others when they were drawn and have not"
    TIGHTNESS_EXOGENOUS = "0 to 1", "tightness without this economy's debts and sales"
    POOL_BNUSD = "bn$", "cash in the funding pool, as agents see it"
    WATER_BNUSD_YR = "bn$/yr", "into the pool this week"
    DRAIN_BNUSD_YR = "bn$/yr", "out of it"
    CAPEX_BNUSD_YR = "bn$/yr", "spent by hyperscalers this week"
    SOFTWARE_EQUITY = "relative", "price of software equity, to that of the opening"
    MEMORY_EQUITY = "relative", "price of memory makers' equity, to that of the opening"
    HEDGE_FUND_UNITS = "relative", "price of hedge-fund units, to that of the opening"
    SOVEREIGN_BONDS = "relative", "price of sovereign bonds, to that of the opening"
    MACRO_RESIDUAL = "relative", "largest error so far: money of the funding pool less that of the opening"
    REPO_MUSD = "M$", "back-leverage of all lenders"
    REPO_ROOM_MUSD = "M$", "what the pool of back-leverage can still lend"
    REPO_UNMET_MUSD = "M$", "calls on back-leverage that lenders have not met"
    STANDING_FACILITY_MUSD = "M$", "lent by the authority on seized machines"
    INTERLENDER_MUSD = "M$", "what living lenders owe each other"
    APPRAISAL_VOLATILITY = "1/yr^0.5", "trailing, of the appraisals of all machines"
    UNSOLD_SHARE = "fraction", "trailing: of machines on sale, by value, those without a buyer"
    ROUNDS = "rounds", "of failures and sales in this week"


class MachineColumn(Observable):
    """Columns that every machine type of a scenario has: `price_usd_h100`."""

    EARNING_USD_H = "USD/h", "what a unit earns on demand, while it is on"
    TERM_RENT_USD_H = "USD/h", "what a contract signed this week pays for a unit; 0 for ASICs"
    APPRAISAL_USD = "USD/unit", "what lenders mark it at"
    FUNDAMENTAL_USD = "USD/unit", "the appraisers' income value"
    PRICE_USD = "USD/unit", "last trade"
    UNITS_ON_SALE = "units", "put on sale this week", WHOLE
    UNITS_TRADED = "units", "sold this week", WHOLE


COMMON_COLUMNS, COLUMNS_PER_MACHINE = len(Column), len(MachineColumn)
"""In the series the common columns come first, then those of each machine type."""


def slug(machine: str) -> str:
    """A machine's name as it appears in column names."""
    return machine.lower().replace(" ", "_")


def series_columns(machines: Sequence[str]) -> dict[str, Observable]:
    """Columns of the series by name and in order, for machine types of these names."""
    columns: dict[str, Observable] = {column.name.lower(): column for column in Column}
    for machine in machines:
        columns |= {f"{column.name.lower()}_{slug(machine)}": column for column in MachineColumn}
    return columns
