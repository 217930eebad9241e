"""One week, phase by phase. This page is the contents of docs/odd.md."""

import numpy as np

from hashcredit.agents.compiled import in_turn, kernel
from hashcredit.agents.dimensions import Record
from hashcredit.simulator.books.tape import move_discounting
from hashcredit.simulator.credit.cash_flow import operate, revalue_coins
from hashcredit.simulator.credit.covenants import enforce_covenants
from hashcredit.simulator.credit.rollover import roll_over
from hashcredit.simulator.credit.sites import sweep_sites
from hashcredit.simulator.investment.customers import let_out
from hashcredit.simulator.investment.deliveries import deliver
from hashcredit.simulator.investment.leases import review_leases
from hashcredit.simulator.investment.plans import invest
from hashcredit.simulator.lenders.repo import call_repo, observe_collateral, set_haircut
from hashcredit.simulator.lenders.syndication import offer_hung_loans
from hashcredit.simulator.machines.earnings import (
    mark_appraisals,
    move_compute_market,
    move_hashprice,
    note_launches,
    set_earnings,
    update_income_values,
)
from hashcredit.simulator.machines.rents import seek_terms
from hashcredit.simulator.machines.shocks import draw_shocks
from hashcredit.simulator.macro.conditions import set_funding
from hashcredit.simulator.market.auction import trade_machines
from hashcredit.simulator.opening.population import open_economy
from hashcredit.simulator.resolution.default import resolve_defaults
from hashcredit.simulator.state.codes import ErrorCode
from hashcredit.simulator.state.economy import Economy
from hashcredit.simulator.week.observables import close_run, record
from hashcredit.simulator.week.regimes import enter_week
from hashcredit.simulator.week.rounds import manage_capital, repeat_rounds

__all__ = ["PHASES", "open_economy", "run_weeks"]


@kernel
def shocks(economy: Economy, p: Record, seed: int, replicate: int) -> None:
    """BTC, compute rents and machine-specific rents; coins are marked."""
    before = economy.market[0].btc_price
    draw_shocks(economy, p, seed, replicate)
    revalue_coins(economy, before)


@kernel
def funding(economy: Economy, p: Record, seed: int, replicate: int) -> None:
    """Haircut, from last week's market; tightness, cost of capital; a week more is discounted."""
    set_haircut(economy, p)
    set_funding(economy, p)
    move_discounting(economy)


@kernel
def compute_market(economy: Economy, p: Record, seed: int, replicate: int) -> None:
    """The rent index, occupancy, hashprice and every type's earning; customers look for contracts."""
    move_compute_market(economy, p)
    move_hashprice(economy, p)
    set_earnings(economy, p)
    seek_terms(economy, p)
    note_launches(economy)


@kernel
def values(economy: Economy, p: Record, seed: int, replicate: int) -> None:
    """The appraisers' income values; bidders' own values are worked out where they bid."""
    update_income_values(economy, p)


@kernel
def contracts(economy: Economy, p: Record, seed: int, replicate: int) -> None:
    """Customers' contracts expire and are renewed; machines without a customer look for one."""
    let_out(economy, p, seed, replicate)


@kernel
def cash_flow(economy: Economy, p: Record, seed: int, replicate: int) -> None:
    """Earnings, bills and debt service."""
    operate(economy, p)


@kernel
def covenants(economy: Economy, p: Record, seed: int, replicate: int) -> None:
    """Borrowing base, cover, BTC margin, and the lender's choice."""
    enforce_covenants(economy, p)


@kernel
def rollover(economy: Economy, p: Record, seed: int, replicate: int) -> None:
    """Bullets about to mature, conversion, share issues."""
    roll_over(economy, p)


@kernel
def resolution(economy: Economy, p: Record, seed: int, replicate: int) -> None:
    """Default, stay, seizure, waterfall."""
    resolve_defaults(economy, p, seed, replicate)


@kernel
def secondary_market(economy: Economy, p: Record, seed: int, replicate: int) -> None:
    """Used machines change hands, and appraisers take note."""
    trade_machines(economy, p)
    mark_appraisals(economy, p)


@kernel
def repo(economy: Economy, p: Record, seed: int, replicate: int) -> None:
    """Lenders' back-leverage at today's haircut, rationed by the pool; calls."""
    call_repo(economy, p)


@kernel
def losses(economy: Economy, p: Record, seed: int, replicate: int) -> None:
    """Lenders' and outsiders' own accounts, write-downs, failures of lenders and their clearing."""
    manage_capital(economy, p)


@kernel
def further_rounds(economy: Economy, p: Record, seed: int, replicate: int) -> None:
    """The round again, from resolution to losses, until nothing new fails."""
    repeat_rounds(economy, p, seed, replicate)


@kernel
def investment(economy: Economy, p: Record, seed: int, replicate: int) -> None:
    """Free cash goes into newer machines, which arrive after a while."""
    offer_hung_loans(economy, p)
    sweep_sites(economy, p)
    invest(economy, p, seed, replicate)
    deliver(economy, p)
    review_leases(economy, p)


@kernel
def bookkeeping(economy: Economy, p: Record, seed: int, replicate: int) -> None:
    """What haircuts will follow, residuals and series."""
    observe_collateral(economy, p)
    record(economy, p)


PHASES = (
    shocks,
    funding,
    compute_market,
    values,
    contracts,
    cash_flow,
    covenants,
    rollover,
    resolution,
    secondary_market,
    repo,
    losses,
    further_rounds,
    investment,
    bookkeeping,
)
"""What a week is: the only list of phases. `run_weeks`, the checked run and the Mesa face walk it."""

pass_week = in_turn("pass_week", PHASES, "economy, p, seed, replicate")
"""All phases of a week, one after the other."""


@kernel
def run_weeks(economy: Economy, parameters: np.ndarray, seed: int, replicate: int, weeks: int) -> None:
    """Run up to `weeks` weeks in place; stops at the first error (`economy.clock[0].error`)."""
    clock = economy.clock[0]
    for _ in range(weeks):
        p = parameters[enter_week(economy, parameters)]
        pass_week(economy, p, seed, replicate)
        clock.week += 1
        if clock.error != ErrorCode.NONE:
            break
    close_run(economy)
