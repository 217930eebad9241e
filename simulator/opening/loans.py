"""Opening balance sheets: the loans that borrowers owe in the first week.

What is owed follows from what was paid, a loan to value and an age. What the contract says (marked or not,
tenor, coins pledged or not, convertible or not) is drawn apart and changes no face, and no cash: else a
comparison of contracts would be one of debts. Until `close_opening` a borrower's `obligations` gather what
its debts would cost a week at terms that are the same for all.
"""

import math

from hashcredit.agents.compiled import kernel
from hashcredit.agents.dimensions import (
    Instrument,
    MachineKind,
    Record,
)
from hashcredit.agents.units import WEEK, WEEKS_A_YEAR
from hashcredit.simulator.books.contracts import free_contract, write_contract
from hashcredit.simulator.books.ledger import post_principal
from hashcredit.simulator.books.loans import TERMS, empty_row, pledge_machines, write_loan
from hashcredit.simulator.books.randomness import Stream, pick
from hashcredit.simulator.books.tape import note_draw
from hashcredit.simulator.opening.draws import opening_normal, opening_uniform, opening_uniforms
from hashcredit.simulator.state.economy import Economy

FIRST_DRAW_OF_FACILITY = 8
FIRST_DRAW_OF_BOND = 400


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
    b: int,
    u: float,
    instrument: int,
    principal: float,
    rate: float,
    maturity: int,
) -> int:
    """An opening loan of `principal` (M$); return its row (-1: none left, no loan).

    u    draw that tells the lender
    """
    row = empty_row(economy, b)
    if row < 0:
        return row
    borrower = economy.borrowers[b]
    holder = pick_holder(economy, p, b, u)
    write_loan(economy, p, row, instrument, holder, borrower.grade, rate, maturity)
    owe(economy, p, row, principal, 0.0)
    return row


@kernel
def owe(economy: Economy, p: Record, row: int, principal: float, instalment: float) -> None:
    """Draw `principal` (M$) of an opening loan, and count its service among the obligations at equal terms.

    instalment    level repayment at these terms, M$ a week; interest is that of the borrower's own grade
    """
    loan = economy.loans[row]
    borrower = economy.borrowers[loan.obligor]
    post_principal(loan, borrower, economy.lenders[loan.holder], principal)
    note_draw(economy, loan, principal)
    rate = economy.market[0].policy_rate + p.credit_spread_by_grade[borrower.grade]
    borrower.obligations += principal * rate * WEEK + instalment


@kernel
def open_running_contract(
    economy: Economy, p: Record, seed: int, replicate: int, row: int, draw: int
) -> None:
    """Rent part of a facility's units out under a running contract, signed one term before its end."""
    loan = economy.loans[row]
    b = loan.obligor
    stream = Stream.POPULATION_LOAN
    let, over, signed, graded = opening_uniforms(seed, replicate, stream, b, draw)
    share = p.neoclouds_contracted_low + (p.neoclouds_contracted_high - p.neoclouds_contracted_low) * let
    span = p.neoclouds_contract_premium_high - p.neoclouds_contract_premium_low
    premium = p.neoclouds_contract_premium_low + span * over
    rent = premium * economy.machines[loan.machine].full_rent
    end = int(p.investment_contract_weeks * signed)
    hazard = -math.log(opening_uniform(seed, replicate, stream, b, draw + 4))
    grade = pick(p.neoclouds_offtaker_shares, graded)
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
def drawn_ltv(p: Record, seed: int, replicate: int, b: int, draw: int) -> float:
    """Loan over price (fraction) at which a borrower's machines are financed, told by one draw."""
    z = opening_normal(seed, replicate, Stream.POPULATION_LOAN, b, draw)
    return min(0.95, max(0.05, p.credit_origination_ltv + p.credit_ltv_sd * z))


@kernel
def opening_balloon(share: float, face: float, left: float) -> float:
    """Balloon (M$) of a loan of which `face` is owed with a share `left` of its life to go.

    `share` of the original face is its balloon. Its instalments so far, on the rest, have led to `face`: so
    what was lent at first follows from that, and what is owed today does not depend on the balloon.
    """
    return share * face / (share + (1.0 - share) * left) if share > 0.0 else 0.0


@kernel
def open_machine_loan(
    economy: Economy, p: Record, seed: int, replicate: int, b: int, m: int, units: int, age: int
) -> int:
    """A loan on machines bought `age` weeks ago; return its row (-1: none left, no loan).

    Level instalments over `credit.repayment_weeks` have been paid since. The share of its life that is left
    is that of its face, whatever the tenor. A borrowing base that would not cover the face has been amended:
    its advance rate leaves the headroom that it has at origination.
    """
    stream = Stream.POPULATION_LOAN
    draw = FIRST_DRAW_OF_FACILITY * (m + 4)
    ltv = drawn_ltv(p, seed, replicate, b, draw)
    machine = economy.machines[m]
    left = 1.0 - age / p.credit_repayment_weeks
    original = ltv * units * purchase_price(p, machine, age)
    maturity = max(1, round(p.credit_tenor_weeks * left))
    rate = p.credit_spread_by_grade[economy.borrowers[b].grade]
    lent, marks, reaches, crosses = opening_uniforms(seed, replicate, stream, b, draw)
    row = open_loan(economy, p, b, lent, Instrument.MACHINE_LOAN, 0.0, rate, maturity)
    if row < 0:
        return row
    worth = machine.appraisal * units
    marked = int(marks < p.credit_marked_share)
    marked *= worth > 0.0  # nobody marks what is worth nothing
    recourse = int(reaches < p.credit_recourse_share)
    cross_default = int(crosses < p.credit_cross_default_share)
    pledge_machines(economy, p, row, m, units, marked, recourse, cross_default)
    loan = economy.loans[row]
    if marked:
        loan.advance_rate = max(loan.advance_rate, p.credit_base_headroom * original * left / worth)
    owe(economy, p, row, original * left, original / p.credit_repayment_weeks)
    loan.balloon = opening_balloon(p.credit_balloon_share, original * left, left)
    return row


@kernel
def open_btc_loan(
    economy: Economy, p: Record, seed: int, replicate: int, b: int, coins: float, price: float
) -> None:
    """A loan against `coins` worth `price` (M$) each: its initial loan to value says how many are pledged.

    With `miners.btc_pledge` off the same face is owed unsecured, at the rate of the first week.
    """
    face = min(p.miners_btc_loan_share, p.credit_btc_initial_ltv) * coins * price
    secured = p.miners_btc_pledge != 0
    instrument = Instrument.BTC_LOAN.value if secured else Instrument.HIGH_YIELD.value
    rate = p.credit_btc_spread
    if not secured:
        rate += max(economy.market[0].policy_rate, p.credit_floor)
    u = opening_uniform(seed, replicate, Stream.POPULATION_LOAN, b, 0)
    row = open_loan(economy, p, b, u, instrument, face, rate, p.credit_btc_tenor_weeks)
    if row >= 0 and secured:
        pledged = min(coins, face / (p.credit_btc_initial_ltv * price))  # a speck more by rounding
        economy.loans[row].coins = pledged
        economy.borrowers[b].btc -= pledged


@kernel
def open_bond(
    economy: Economy,
    p: Record,
    seed: int,
    replicate: int,
    b: int,
    assets: float,
    probability: float,
    share: float,
    convertible_share: float,
) -> None:
    """An unsecured bond of a share of assets, with some probability; then whether it is convertible."""
    stream = Stream.POPULATION_LOAN
    draw = FIRST_DRAW_OF_BOND
    issued, matures, lent, sweeps = opening_uniforms(seed, replicate, stream, b, draw)
    if issued >= probability:
        return
    span = p.credit_bullet_weeks_high - p.credit_bullet_weeks_low
    weeks = p.credit_bullet_weeks_low + int(span * matures)
    instrument, coupon = Instrument.HIGH_YIELD.value, p.credit_high_yield_coupon
    if opening_uniform(seed, replicate, stream, b, draw + 4) < convertible_share:
        instrument, coupon = Instrument.CONVERTIBLE.value, p.credit_convertible_coupon
    row = open_loan(economy, p, b, lent, instrument, share * assets, coupon, weeks)
    if row >= 0 and TERMS[instrument].may_sweep:
        economy.loans[row].maturity_sweep = sweeps < p.credit_refinancing_sweep_share
