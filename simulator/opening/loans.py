"""Opening balance sheets: the loans that borrowers owe in the first week."""

import math

from hashcredit.agents.compiled import kernel
from hashcredit.agents.dimensions import (
    Instrument,
    MachineKind,
    Record,
)
from hashcredit.agents.units import WEEKS_A_YEAR
from hashcredit.simulator.books.contracts import free_contract, write_contract
from hashcredit.simulator.books.ledger import post_principal
from hashcredit.simulator.books.loans import TERMS, empty_row, pledge_machines, write_loan
from hashcredit.simulator.books.randomness import Stream, pick
from hashcredit.simulator.opening.draws import opening_normal, opening_uniform
from hashcredit.simulator.state.economy import Economy

FIRST_DRAW_OF_FACILITY = 8


@kernel
def pick_holder(economy: Economy, p: Record, b: int, u: float) -> int:
    """A linked lender of borrower `b`, drawn by the market shares of the lenders' kinds."""
    first, last = economy.credit_start[b], economy.credit_start[b + 1]
    total = 0.0
    for link in range(first, last):
        total += p.lenders_market_share[economy.lenders[economy.credit_lender[link]].kind]
    target = u * total
    so_far = 0.0
    for link in range(first, last):
        index = economy.credit_lender[link]
        so_far += p.lenders_market_share[economy.lenders[index].kind]
        if target < so_far:
            return index
    return economy.credit_lender[last - 1]


@kernel
def open_loan(
    economy: Economy,
    p: Record,
    seed: int,
    replicate: int,
    b: int,
    draw: int,
    instrument: int,
    principal: float,
    rate: float,
    maturity: int,
) -> int:
    """An opening loan of `principal` (M$) from a drawn lender; return its row (-1: none left, no loan)."""
    row = empty_row(economy, b)
    if row < 0:
        return row
    borrower = economy.borrowers[b]
    holder = pick_holder(economy, p, b, opening_uniform(seed, replicate, Stream.POPULATION_LOAN, b, draw))
    write_loan(economy, p, row, instrument, holder, borrower.grade, rate, maturity)
    post_principal(economy.loans[row], borrower, economy.lenders[holder], principal)
    return row


@kernel
def open_running_contract(
    economy: Economy, p: Record, seed: int, replicate: int, row: int, draw: int
) -> None:
    """Rent part of a facility's units out under a running contract, signed one term before its end."""
    loan = economy.loans[row]
    b = loan.obligor
    stream = Stream.POPULATION_LOAN
    span = p.neoclouds_contracted_high - p.neoclouds_contracted_low
    share = p.neoclouds_contracted_low + span * opening_uniform(seed, replicate, stream, b, draw)
    span = p.neoclouds_contract_premium_high - p.neoclouds_contract_premium_low
    premium = p.neoclouds_contract_premium_low + span * opening_uniform(seed, replicate, stream, b, draw + 1)
    rent = premium * economy.machines[loan.machine].full_rent
    end = int(p.investment_contract_weeks * opening_uniform(seed, replicate, stream, b, draw + 2))
    hazard = -math.log(opening_uniform(seed, replicate, stream, b, draw + 4))
    grade = pick(p.neoclouds_offtaker_shares, opening_uniform(seed, replicate, stream, b, draw + 3))
    loan.customer_grade = grade
    loan.rate = p.credit_spread_by_grade[grade]
    units = int(share * loan.units)
    if units > 0:
        write_contract(economy, free_contract(economy, b), loan.machine, units, row, grade, rent,
                       end - p.investment_contract_weeks, end, hazard)  # fmt: skip


@kernel
def purchase_price(p: Record, machine: Record, age: int) -> float:
    """What a machine cost (M$ a unit) `age` weeks ago.

    GPUs have sold at their list price all along. Prices of ASICs follow hashprice, so the list price of
    their launch says nothing: theirs is today's appraisal, rolled back along the valuers' trend.
    """
    if machine.kind == MachineKind.GPU:
        return machine.price_new
    return min(machine.price_new, machine.appraisal * math.exp(p.mining_asic_trend * age / WEEKS_A_YEAR))


@kernel
def open_machine_loan(
    economy: Economy, p: Record, seed: int, replicate: int, b: int, m: int, units: int, age: int
) -> int:
    """A machine loan drawn `age` weeks ago and amortised since; -1 if it has been repaid."""
    if age >= p.credit_tenor_weeks:
        return -1
    stream = Stream.POPULATION_LOAN
    draw = FIRST_DRAW_OF_FACILITY * (m + 4)
    z = opening_normal(seed, replicate, stream, b, draw)
    ltv = min(0.95, max(0.05, p.credit_origination_ltv + p.credit_ltv_sd * z))
    machine = economy.machines[m]
    left = 1.0 - age / p.credit_tenor_weeks
    principal = ltv * units * purchase_price(p, machine, age) * left
    maturity = p.credit_tenor_weeks - age
    rate = p.credit_spread_by_grade[economy.borrowers[b].grade]
    row = open_loan(economy, p, seed, replicate, b, draw, Instrument.MACHINE_LOAN, 0.0, rate, maturity)
    if row < 0:
        return row
    marked = int(opening_uniform(seed, replicate, stream, b, draw + 1) < p.credit_marked_share)
    recourse = int(opening_uniform(seed, replicate, stream, b, draw + 2) < p.credit_recourse_share)
    cross_default = int(opening_uniform(seed, replicate, stream, b, draw + 3) < p.credit_cross_default_share)
    pledge_machines(economy, p, row, m, units, marked, recourse, cross_default)
    loan = economy.loans[row]
    if marked:
        principal = min(principal, loan.advance_rate * machine.appraisal * units)
    post_principal(loan, economy.borrowers[b], economy.lenders[loan.holder], principal)
    return row


@kernel
def open_bullets(
    economy: Economy,
    p: Record,
    seed: int,
    replicate: int,
    b: int,
    assets: float,
    probability: float,
    share: float,
    coupon: float,
    instrument: int,
) -> None:
    """A convertible or high-yield bond of a share of assets, with some probability."""
    stream = Stream.POPULATION_LOAN
    draw = 4 * instrument
    if opening_uniform(seed, replicate, stream, b, 400 + draw) >= probability:
        return
    span = p.credit_bullet_weeks_high - p.credit_bullet_weeks_low
    weeks = p.credit_bullet_weeks_low + int(span * opening_uniform(seed, replicate, stream, b, 401 + draw))
    row = open_loan(economy, p, seed, replicate, b, 402 + draw, instrument, share * assets, coupon, weeks)
    if row >= 0 and TERMS[instrument].may_sweep:
        u = opening_uniform(seed, replicate, stream, b, 403 + draw)
        economy.loans[row].maturity_sweep = u < p.credit_refinancing_sweep_share
