"""One row of the loan table: what it owes, how it is served, repaid and closed, whoever asks."""

import numpy as np

from hashcredit.agents.compiled import kernel
from hashcredit.agents.dimensions import (
    FACILITIES,
    INSTRUMENT_TERMS,
    NO_WEEK,
    BorrowerStatus,
    Channel,
    Instrument,
    LoanStatus,
    MachineKind,
    Pledge,
    Record,
    Terms,
)
from hashcredit.agents.lender import present_value
from hashcredit.agents.units import MILLION, WEEK
from hashcredit.simulator.books.contracts import let_free_units, release_contracts
from hashcredit.simulator.books.events import note_holder
from hashcredit.simulator.books.ledger import capitalise, pay, post_principal, revalue, sum_of
from hashcredit.simulator.books.tape import (
    begin_row,
    note_end,
    note_interest,
    note_maturity,
    note_principal,
    note_terms,
)
from hashcredit.simulator.state.codes import EventKind, Flow, Revaluation
from hashcredit.simulator.state.economy import Economy
from hashcredit.simulator.state.loans import LOAN

DUST = 1e-9
"""M$ (a tenth of a cent): amounts below it are rounding, not debts."""


def _blank_loan() -> np.ndarray:
    """A row of the loan table that owes, pledges and remembers nothing."""
    blank = np.zeros(1, LOAN)
    for field in ("machine", "default_week", "default_event"):
        blank[field] = -1
    return blank


def _terms() -> np.recarray:
    """The clauses of the instruments, one row each, for kernels."""
    row = np.dtype([(field, np.int8) for field in Terms._fields])
    return np.array([INSTRUMENT_TERMS[each] for each in Instrument], row).view(np.recarray)


BLANK_LOAN = _blank_loan()
TERMS = _terms()
COIN_INSTRUMENTS = tuple(each.value for each in Instrument if TERMS[each].pledge == Pledge.COINS)


@kernel
def facilities_of(economy: Economy, b: int) -> tuple[int, int]:
    """First row, and the row after the last, that borrower `b` has used in the loan table."""
    first = b * FACILITIES
    return first, first + economy.borrowers[b].facilities


@kernel
def has_claims(borrower: Record) -> bool:
    """Whether a borrower has loans in default or an estate: creditors hold seized machines of no other."""
    return borrower.status == BorrowerStatus.IN_RESOLUTION or borrower.claims > 0


@kernel
def owes(loan: Record) -> bool:
    """Whether a row is a live loan with principal outstanding."""
    return loan.status == LoanStatus.PERFORMING and loan.principal > 0.0


@kernel
def pledges_coins(loan: Record) -> bool:
    """Whether coins secure a loan, so that it has a margin."""
    return TERMS[loan.instrument].pledge == Pledge.COINS


@kernel
def loan_rate(loan: Record, policy_rate: float) -> float:
    """Annual interest rate of a loan: its coupon, or the floored policy rate plus its spread."""
    base = max(policy_rate, loan.floor)
    return loan.rate + (0.0 if loan.fixed_rate else base)


@kernel
def lump_sum(loan: Record, face: float) -> float:
    """Part of a `face` (M$, the loan's or what is not overdue of it) due at maturity: all of a bullet.

    Prepayments lower the instalments first, and the balloon only when nothing else is left.
    """
    return min(loan.balloon, max(face, 0.0)) if loan.amortising else face


@kernel
def is_rolled_over(loan: Record) -> bool:
    """Whether a loan has to be refinanced when it matures: a bullet, or one with a balloon."""
    return not loan.amortising or loan.balloon > 0.0


@kernel
def has_matured(loan: Record, week: int) -> bool:
    """Whether a bullet or balloon has fallen due."""
    return week >= loan.maturity_week and is_rolled_over(loan)


@kernel
def level_instalment(loan: Record, week: int) -> float:
    """Principal (M$) that is repaid each week: what does not fall due at maturity, in equal parts."""
    current = loan.principal - loan.overdue
    return (current - lump_sum(loan, current)) / max(loan.maturity_week - week + 1, 1)


@kernel
def maturing_principal(loan: Record, week: int) -> float:
    """Bullet or balloon (M$) that falls due this week."""
    return lump_sum(loan, loan.principal - loan.overdue) if week >= loan.maturity_week else 0.0


@kernel
def scheduled_principal(loan: Record, week: int) -> float:
    """Principal (M$) that falls due this week."""
    return level_instalment(loan, week) + maturing_principal(loan, week)


@kernel
def weekly_service(loan: Record, policy_rate: float, week: int) -> float:
    """Interest and level instalments of a week, M$; bullets and balloons are refinanced, not serviced."""
    return loan.principal * loan_rate(loan, policy_rate) * WEEK + level_instalment(loan, week)


@kernel
def payments_worth(loan: Record, week: int, policy_rate: float, discount: float) -> float:
    """Present value (M$) at a discount rate (1/yr) of what a loan still pays, if it pays."""
    years = max(1, loan.maturity_week - week) * WEEK
    rate = loan_rate(loan, policy_rate)
    return present_value(loan.principal, rate, discount, years, lump_sum(loan, loan.principal))


@kernel
def sell_coins(economy: Economy, p: Record, borrower: Record, amount: float) -> float:
    """Sell unpledged BTC worth up to `amount` (M$) and return what it fetched."""
    price = economy.market[0].btc_price * MILLION
    coins = min(borrower.btc, amount / price)
    if coins <= 0.0:
        return 0.0
    borrower.btc = max(0.0, borrower.btc - coins)
    pay(economy, Flow.BTC_TRADES, economy.world[0], borrower, coins * price)
    return coins * price


@kernel
def repay(economy: Economy, loan: Record, borrower: Record, lender: Record, amount: float) -> None:
    """Repay part of a loan's principal (M$); a loan repaid in full frees its collateral."""
    pay(economy, Flow.LOAN_REPAYMENTS, borrower, lender, amount)
    post_principal(loan, borrower, lender, -amount)
    note_principal(economy, loan, amount)
    loan.overdue = max(0.0, loan.overdue - amount)
    if loan.principal < DUST:
        close_loan(economy, loan, borrower, lender)


@kernel
def close_loan(economy: Economy, loan: Record, borrower: Record, lender: Record) -> None:
    """Round off a loan that is repaid and free its collateral."""
    rest = loan.principal
    revalue(economy, Revaluation.WRITE_OFFS, borrower, rest)
    revalue(economy, Revaluation.WRITE_OFFS, lender, -rest)
    post_principal(loan, borrower, lender, -rest)
    loan.principal = 0.0
    loan.overdue = 0.0
    borrower.btc += loan.coins
    loan.coins = 0.0
    loan.status = LoanStatus.REPAID
    note_end(economy, loan)
    loan.units = 0
    loan.slots = 0
    end_control(economy, loan)
    release_contracts(economy, loan.obligor)


@kernel
def count_controlled(economy: Economy, b: int) -> None:
    """Count the facilities of borrower `b` that are in their holders' control: most have none to look for."""
    first, last = facilities_of(economy, b)
    count = 0
    for row in range(first, last):
        count += economy.loans[row].controlled
    economy.borrowers[b].controlled = count


@kernel
def end_control(economy: Economy, loan: Record) -> None:
    """The holder of a loan controls its vehicle no longer, if it ever did."""
    if loan.controlled:
        loan.controlled = 0
        count_controlled(economy, loan.obligor)


@kernel
def collect_interest(
    economy: Economy, loan: Record, borrower: Record, lender: Record, interest: float, due: float
) -> None:
    """Pay `interest` in cash; what is missing to the interest `due` is added to the face (all M$)."""
    pay(economy, Flow.INTEREST, borrower, lender, interest)
    lender.week_interest += interest
    served = interest / due if due > 0.0 else 1.0
    note_interest(economy, loan, interest, served * loan.principal)
    if interest < due:
        capitalise(economy, loan, borrower, lender, due - interest)


@kernel
def pay_interest(
    economy: Economy, loan: Record, borrower: Record, lender: Record, interest: float, due: float
) -> None:
    """Pay `interest` in cash; what is missing to the interest `due` is capitalised and overdue (all M$)."""
    collect_interest(economy, loan, borrower, lender, interest, due)
    if interest < due:
        loan.overdue += due - interest


@kernel
def pro_rata(cash: float, claims: float) -> float:
    """Share (0 to 1) of each claim that `cash` pays pari passu; both in M$."""
    if claims <= 0.0:
        return 0.0
    return min(1.0, max(0.0, cash) / claims)


@kernel
def liquidate_coins(economy: Economy, row: int, amount: float) -> float:
    """Sell pledged BTC worth up to `amount` (M$) and return what it fetched; the other coins stay pledged."""
    market = economy.market[0]
    loan = economy.loans[row]
    borrower = economy.borrowers[loan.obligor]
    price = market.btc_price * MILLION
    coins = min(loan.coins, amount / price)
    proceeds = coins * price
    loan.coins -= coins
    market.btc_sold += proceeds
    pay(economy, Flow.BTC_TRADES, economy.world[0], borrower, proceeds)
    note_holder(economy, EventKind.BTC_LIQUIDATION, loan, proceeds, price=price, channel=Channel.BTC_PRICE)
    return proceeds


@kernel
def is_taken(loan: Record) -> bool:
    """Whether a row of the loan table holds a live loan or an open claim."""
    return loan.status == LoanStatus.PERFORMING or loan.status == LoanStatus.DEFAULTED


@kernel
def empty_row(economy: Economy, b: int) -> int:
    """A free row for a new loan of live borrower `b`, -1 if all its rows are taken."""
    first, last = facilities_of(economy, b)
    for row in range(first, last):
        if not is_taken(economy.loans[row]):
            return row
    return last if last - first < FACILITIES else -1


@kernel
def empty_rows(economy: Economy, b: int) -> int:
    """Number of rows that borrower `b` has free for loans."""
    free = FACILITIES
    first, last = facilities_of(economy, b)
    for row in range(first, last):
        free -= is_taken(economy.loans[row])
    return free


@kernel
def set_maturity(economy: Economy, loan: Record, week: int) -> None:
    """A loan is due in `week`; its borrower keeps a week before which none of its loans is."""
    loan.maturity_week = week
    borrower = economy.borrowers[loan.obligor]
    borrower.first_maturity = min(borrower.first_maturity, week)


@kernel
def find_maturity(economy: Economy, b: int, week: int) -> None:
    """Look for the first week after `week` in which a loan of borrower `b` matures."""
    found = NO_WEEK
    first, last = facilities_of(economy, b)
    for row in range(first, last):
        loan = economy.loans[row]
        if loan.status == LoanStatus.PERFORMING and loan.maturity_week > week:  # it may be drawn by then
            found = min(found, loan.maturity_week)
    economy.borrowers[b].first_maturity = found


@kernel
def take_row(economy: Economy, row: int, instrument: int, holder: int) -> None:
    """Make an empty row a live loan that owes, pledges and remembers nothing: every field is set."""
    b = row // FACILITIES
    borrower = economy.borrowers[b]
    borrower.facilities = max(borrower.facilities, row - b * FACILITIES + 1)
    if economy.loans[row].status != LoanStatus.EMPTY:
        note_terms(economy, economy.loans[row])
    economy.loans[row] = BLANK_LOAN[0]
    loan = economy.loans[row]
    loan.status = LoanStatus.PERFORMING
    loan.instrument = instrument
    loan.obligor = b
    loan.holder = holder
    begin_row(economy, loan)


@kernel
def write_loan(
    economy: Economy,
    p: Record,
    row: int,
    instrument: int,
    holder: int,
    grade: int,
    rate: float,
    maturity_week: int,
) -> None:
    """Write a loan into an empty row, with the clauses of its instrument; nothing is drawn yet.

    grade    of the customer behind it, 0 (best) to 3
    rate     coupon, or spread over the policy rate where it floats, per year
    """
    take_row(economy, row, instrument, holder)
    loan = economy.loans[row]
    terms = TERMS[instrument]
    loan.rank = terms.rank
    loan.amortising = terms.amortising
    loan.fixed_rate = terms.fixed_rate
    loan.customer_grade = grade
    loan.rate = rate
    loan.floor = p.credit_floor
    set_maturity(economy, loan, maturity_week)
    note_maturity(economy, loan)
    loan.cure_weeks = p.credit_cure_weeks
    loan.recourse = 1
    loan.cross_default = 1


@kernel
def pledge_machines(
    economy: Economy,
    p: Record,
    row: int,
    m: int,
    units: int,
    borrowing_base: int,
    recourse: int,
    cross_default: int,
) -> None:
    """Secure a loan with `units` of type `m`, with the clauses of such loans (1: it has it)."""
    loan = economy.loans[row]
    loan.machine = m
    loan.units = units
    loan.borrowing_base = borrowing_base
    loan.recourse = recourse
    loan.cross_default = cross_default
    loan.advance_rate = p.credit_base_headroom * economy.lenders[loan.holder].advance_rate
    if economy.machines[m].kind == MachineKind.GPU:  # nobody reports cover covenants of loans against ASICs
        loan.dscr_covenant = p.credit_dscr_covenant
        loan.cash_sweep = 1


@kernel
def assets_at_appraisal(economy: Economy, b: int) -> float:
    """Cash, coins and machines at appraisal of borrower `b`, M$."""
    borrower = economy.borrowers[b]
    coin = economy.market[0].btc_price * MILLION
    total = borrower.cash + borrower.btc * coin
    for m in range(economy.machines.shape[0]):
        total += borrower.units[m] * economy.machines[m].appraisal
    first, last = facilities_of(economy, b)
    for row in range(first, last):
        total += economy.loans[row].coins * coin
    return total


@kernel
def debts(economy: Economy, b: int) -> float:
    """Loans, also the vendor's, overdue bills and customers' prepayments of a borrower, M$.

    But for defaulted facilities that have no recourse to it.
    """
    borrower = economy.borrowers[b]
    total = sum_of(borrower.debt) + borrower.payables + borrower.prepaid + borrower.vendor_debt
    if borrower.claims > 0:
        first, last = facilities_of(economy, b)
        for row in range(first, last):
            loan = economy.loans[row]
            if loan.status == LoanStatus.DEFAULTED and not loan.recourse:
                total -= loan.principal
    return total


@kernel
def free_units(economy: Economy, b: int, m: int) -> int:
    """Machines of type `m` that borrower `b` owns and has not pledged."""
    free = economy.borrowers[b].units[m]
    first, last = facilities_of(economy, b)
    for row in range(first, last):
        loan = economy.loans[row]
        if loan.machine == m:
            free -= loan.units
    return free


@kernel
def sellable_units(economy: Economy, b: int, m: int) -> int:
    """Machines of type `m` that borrower `b` has neither pledged nor let: what it may sell one by one."""
    free = free_units(economy, b, m)
    if economy.borrowers[b].contracts > 0:
        free -= let_free_units(economy, b, m)
    return max(0, free)  # fewer are free where machines that are let were pledged later
