"""Phase `bookkeeping`: the week's series, and the three residuals that are always on."""

import math

import numpy as np

from hashcredit.agents.compiled import kernel
from hashcredit.agents.dimensions import (
    ORDERS,
    BorrowerKind,
    BorrowerStatus,
    LenderStatus,
    LoanStatus,
    MachineKind,
    Record,
)
from hashcredit.agents.units import HOURS_A_YEAR, USD
from hashcredit.simulator.books.ledger import lender_equity, sum_of
from hashcredit.simulator.books.loans import facilities_of
from hashcredit.simulator.books.tape import note_terms
from hashcredit.simulator.machines.rents import term_rent
from hashcredit.simulator.macro.conditions import world_seen
from hashcredit.simulator.state.economy import Economy
from hashcredit.simulator.state.pool import WITHOUT, Asset, FundingRule, MacroSector
from hashcredit.simulator.state.series import COLUMNS_PER_MACHINE, COMMON_COLUMNS, Column, MachineColumn


@kernel
def larger(one: float, other: float) -> float:
    """The larger of two residuals; NaN, which no comparison would keep, if either is."""
    if one != one or other != other:
        return math.nan
    return max(one, other)


@kernel
def money_residual(economy: Economy) -> float:
    """|total cash - opening total| over gross cash without the rest of the world (or 1 M$)."""
    total = 0.0
    for account in economy.world:
        total += account.cash
    gross = 0.0
    for b in range(economy.borrowers.shape[0]):
        total += economy.borrowers[b].cash
        gross += abs(economy.borrowers[b].cash)
    for index in range(economy.lenders.shape[0]):
        total += economy.lenders[index].cash
        gross += abs(economy.lenders[index].cash)
    for k in range(economy.buyers.shape[0]):
        total += economy.buyers[k].cash
        gross += abs(economy.buyers[k].cash)
    return abs(total - economy.outcomes[0].opening_money) / max(gross, 1.0)


@kernel
def add_faces(total: np.ndarray, faces: np.ndarray) -> None:
    """Add an agent's faces to the totals by instrument."""
    for instrument in range(total.shape[0]):
        total[instrument] += faces[instrument]


@kernel
def balance_residual(economy: Economy) -> float:
    """Largest |asset face - liability face| over instruments, relative to the larger side (or 1 M$)."""
    assets, liabilities = economy.faces[0], economy.faces[1]
    for instrument in range(assets.shape[0]):
        assets[instrument] = 0.0
        liabilities[instrument] = 0.0
    # agents outside, instruments inside: their rows are wide, and each is fetched once
    for index in range(economy.lenders.shape[0]):
        add_faces(assets, economy.lenders[index].loans)
    for b in range(economy.borrowers.shape[0]):
        add_faces(liabilities, economy.borrowers[b].debt)
    worst = 0.0
    for instrument in range(assets.shape[0]):
        scale = max(1.0, abs(assets[instrument]), abs(liabilities[instrument]))
        worst = larger(worst, abs(assets[instrument] - liabilities[instrument]) / scale)
    return worst


@kernel
def count_units(held: np.ndarray, units: np.ndarray) -> None:
    """Add an owner's machines to the count by type."""
    for m in range(held.shape[0]):
        held[m] += units[m]


@kernel
def units_residual(economy: Economy) -> int:
    """Largest |units held - opening units - delivered + scrapped| over machine types."""
    held = economy.count
    for m in range(held.shape[0]):
        held[m] = 0
    for b in range(economy.borrowers.shape[0]):
        count_units(held, economy.borrowers[b].units)
    for index in range(economy.lenders.shape[0]):
        count_units(held, economy.lenders[index].units)
    for k in range(economy.buyers.shape[0]):
        count_units(held, economy.buyers[k].units)
    worst = 0
    for m in range(economy.machines.shape[0]):
        machine = economy.machines[m]
        if machine.used:
            expected = machine.opening_units + machine.delivered - machine.scrapped
            worst = max(worst, abs(held[m] - expected))
    return worst


@kernel
def measure_residuals(economy: Economy) -> None:
    """Update the largest residuals of the run."""
    outcomes = economy.outcomes[0]
    outcomes.money_residual = larger(outcomes.money_residual, money_residual(economy))
    outcomes.balance_residual = larger(outcomes.balance_residual, balance_residual(economy))
    outcomes.units_residual = max(outcomes.units_residual, units_residual(economy))
    for world in range(economy.macro.shape[0]):
        outcomes.macro_residual = larger(outcomes.macro_residual, economy.macro[world].residual)


@kernel
def total_lent(economy: Economy) -> float:
    """Face of all loans to borrowers, M$."""
    total = 0.0
    for index in range(economy.lenders.shape[0]):
        total += sum_of(economy.lenders[index].loans)
    return total


@kernel
def note_peaks(economy: Economy) -> None:
    """Remember when borrowers owed most, and when rents were highest."""
    outcomes, week = economy.outcomes[0], economy.clock[0].week
    debt = total_lent(economy)
    if debt > outcomes.debt_peak_musd:
        outcomes.debt_peak_musd = debt
        outcomes.debt_peak_week = week
    if economy.market[0].rent_index > outcomes.rent_peak:
        outcomes.rent_peak = economy.market[0].rent_index
        outcomes.rent_peak_week = week


@kernel
def record_macro(economy: Economy, p: Record, row: np.ndarray) -> None:
    """The funding pool and the asset classes as agents see them, and tightness without this economy."""
    macro, assets = economy.macro[world_seen(p)], economy.assets[world_seen(p)]
    is_path = p.funding_rule == FundingRule.PATH
    row[Column.TIGHTNESS_EXOGENOUS] = (
        economy.market[0].tightness if is_path else economy.macro[WITHOUT].tightness
    )
    row[Column.POOL_BNUSD] = macro.cash[MacroSector.POOL]
    row[Column.WATER_BNUSD_YR] = macro.water
    row[Column.DRAIN_BNUSD_YR] = macro.drain
    row[Column.CAPEX_BNUSD_YR] = macro.capex
    for asset in range(Asset.SOFTWARE, assets.shape[0]):
        row[Column.SOFTWARE_EQUITY + asset - Asset.SOFTWARE] = assets[asset].price
    row[Column.MACRO_RESIDUAL] = economy.outcomes[0].macro_residual


@kernel
def record_agents(economy: Economy, row: np.ndarray) -> None:
    """Counts and sums over agents."""
    alive_miners = 0
    alive_neoclouds = 0
    cash = 0.0
    coins = 0.0
    debt = 0.0
    prepaid = 0.0
    vendor_debt = 0.0
    in_default = 0.0
    unsold = 0
    for b in range(economy.borrowers.shape[0]):
        borrower = economy.borrowers[b]
        cash += borrower.cash
        coins += borrower.btc
        debt += sum_of(borrower.debt)
        prepaid += borrower.prepaid
        vendor_debt += borrower.vendor_debt
        unsold += sum_of(borrower.offered)
        if borrower.status == BorrowerStatus.ALIVE:
            if borrower.kind == BorrowerKind.MINER:
                alive_miners += 1
            else:
                alive_neoclouds += 1
        else:
            row[Column.DEFAULTS_FORCED + borrower.cause - 1] += 1
    for b in range(economy.borrowers.shape[0]):
        first, last = facilities_of(economy, b)
        for place in range(first, last):
            loan = economy.loans[place]
            coins += loan.coins
            if loan.status == LoanStatus.DEFAULTED:
                in_default += loan.principal
    row[Column.PREPAID_MUSD] = prepaid
    row[Column.VENDOR_DEBT_MUSD] = vendor_debt
    row[Column.DEBT_IN_DEFAULT_MUSD] = in_default
    row[Column.ALIVE_MINERS] = alive_miners
    row[Column.ALIVE_NEOCLOUDS] = alive_neoclouds
    row[Column.BORROWER_CASH_MUSD] = cash
    row[Column.BTC_HELD] = coins
    row[Column.DEBT_MUSD] = debt
    for index in range(economy.lenders.shape[0]):
        lender = economy.lenders[index]
        if lender.status == LenderStatus.ALIVE:
            row[Column.ALIVE_LENDERS] += 1
        row[Column.ALLOWANCE_MUSD] += lender.allowance
        row[Column.LENDER_EQUITY_MUSD] += lender_equity(lender)
        row[Column.LENDER_CASH_MUSD] += lender.cash
        row[Column.REPO_MUSD] += lender.repo
        row[Column.REPO_UNMET_MUSD] += lender.called
        row[Column.STANDING_FACILITY_MUSD] += lender.facility
        row[Column.INTERLENDER_MUSD] += lender.claims
        row[Column.HUNG_MUSD] += lender.hung
        unsold += sum_of(lender.units)
    for k in range(economy.buyers.shape[0]):
        row[Column.BUYER_CASH_MUSD] += economy.buyers[k].cash
    row[Column.UNITS_UNSOLD] = unsold


@kernel
def record_orders(economy: Economy, row: np.ndarray) -> None:
    """Machines on order, and what has been paid and promised for them."""
    for b in range(economy.borrowers.shape[0]):
        if economy.borrowers[b].orders == 0:
            continue
        for place in range(b * ORDERS, (b + 1) * ORDERS):
            order = economy.orders[place]
            if order.units > 0:
                row[Column.UNITS_ON_ORDER] += order.units
                row[Column.DEPOSITS_MUSD] += order.deposit
                row[Column.COMMITTED_MUSD] += order.commitment


@kernel
def record_machines(economy: Economy, p: Record, row: np.ndarray) -> None:
    """Rents, the values and the week's trade of each machine type."""
    used = 0
    for m in range(economy.machines.shape[0]):
        machine = economy.machines[m]
        if not machine.used:
            continue
        first = COMMON_COLUMNS + COLUMNS_PER_MACHINE * used
        used += 1
        row[first + MachineColumn.EARNING_USD_H] = machine.earning * USD / HOURS_A_YEAR
        if machine.kind == MachineKind.GPU:
            row[first + MachineColumn.TERM_RENT_USD_H] = term_rent(economy, p, m) * USD / HOURS_A_YEAR
        row[first + MachineColumn.APPRAISAL_USD] = machine.appraisal * USD
        row[first + MachineColumn.FUNDAMENTAL_USD] = machine.income_value * USD
        row[first + MachineColumn.PRICE_USD] = machine.price * USD
        row[first + MachineColumn.UNITS_ON_SALE] = machine.offered
        row[first + MachineColumn.UNITS_TRADED] = machine.traded
        row[Column.UNITS_OFFERED] += machine.offered
        row[Column.UNITS_SOLD] += machine.traded
        row[Column.SALE_PROCEEDS_MUSD] += machine.traded_value


@kernel
def record(economy: Economy, p: Record) -> None:
    """Close the week: residuals always, the series if it is kept."""
    measure_residuals(economy)
    note_peaks(economy)
    clock = economy.clock[0]
    market = economy.market[0]
    repo = economy.repo[0]
    outcomes = economy.outcomes[0]
    if economy.series.shape[0] <= clock.week:
        return
    row = economy.series[clock.week]
    row[:] = 0.0
    row[Column.TIGHTNESS] = market.tightness
    row[Column.POLICY_RATE] = market.policy_rate
    row[Column.COST_OF_CAPITAL] = market.cost_of_capital
    row[Column.HAIRCUT] = repo.haircut
    row[Column.BTC_PRICE_USD] = market.btc_price
    row[Column.HASHPRICE_USD_PH_DAY] = market.hashprice
    row[Column.RENT_INDEX_USD_H] = market.rent_index
    row[Column.OCCUPANCY] = market.occupancy
    row[Column.TERM_PREMIUM] = market.term_premium
    row[Column.TERM_POOL_H100] = sum_of(market.term_pool)
    row[Column.CONTRACT_SHARE] = market.contract_share
    row[Column.DEMAND] = market.demand
    row[Column.SUPPLY] = market.supply
    row[Column.CORRELATION] = market.rho
    row[Column.REPO_ROOM_MUSD] = max(0.0, repo.room)
    row[Column.APPRAISAL_VOLATILITY] = math.sqrt(repo.price_variance)
    row[Column.UNSOLD_SHARE] = repo.unsold_share
    row[Column.ROUNDS] = clock.rounds
    row[Column.MONEY_RESIDUAL] = outcomes.money_residual
    row[Column.BALANCE_RESIDUAL] = outcomes.balance_residual
    row[Column.UNITS_RESIDUAL] = outcomes.units_residual
    record_agents(economy, row)
    record_orders(economy, row)
    record_macro(economy, p, row)
    record_machines(economy, p, row)


@kernel
def close_run(economy: Economy) -> None:
    """Closing scalars that no phase keeps: unsold machines and open write-downs."""
    outcomes = economy.outcomes[0]
    for row in range(economy.loans.shape[0] if economy.tape.shape[0] > 0 else 0):
        if economy.loans[row].status != LoanStatus.EMPTY:
            note_terms(economy, economy.loans[row])
    outcomes.units_unsold = 0
    outcomes.allowances = 0.0
    outcomes.authority_exposure_musd = 0.0
    for b in range(economy.borrowers.shape[0]):
        if economy.borrowers[b].status == BorrowerStatus.IN_RESOLUTION:
            outcomes.units_unsold += sum_of(economy.borrowers[b].offered)
    for index in range(economy.lenders.shape[0]):
        outcomes.units_unsold += sum_of(economy.lenders[index].units)
        lender = economy.lenders[index]
        outcomes.allowances += lender.allowance
        outcomes.authority_exposure_musd += lender.facility if lender.status != LenderStatus.ALIVE else 0.0
