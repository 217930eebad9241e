"""Writing the loan tape: what each loan cost its holders and what it brought them.

A run that records none has a tape without rows. Sums are kept up to date at every payment, so that a yield,
a life, a loss or a value at any spread needs no log of payments. A loan that another lender buys keeps its
row: the tape is that of the loan, whoever holds it.
"""

import numpy as np

from hashcredit.agents.compiled import kernel
from hashcredit.agents.dimensions import Record
from hashcredit.agents.units import WEEK
from hashcredit.simulator.state.codes import ErrorCode
from hashcredit.simulator.state.economy import Economy
from hashcredit.simulator.state.tape import SPREADS, TAPE

BLANK = np.zeros(1, TAPE)
"""A row of a loan that has neither cost nor brought anything."""
OPENING = -1
"""Week of loans that are owed in the first week: their first payment is a week later."""
NOT_OVER = -1


@kernel
def open_discounting(economy: Economy) -> None:
    """Before the first week nothing is discounted."""
    discount = economy.market[0].discount
    for place in range(len(SPREADS)):
        discount[place] = 1.0


@kernel
def move_discounting(economy: Economy) -> None:
    """A week passes: what is paid in it is worth less by the policy rate and each spread of the tape."""
    market = economy.market[0]
    for place in range(len(SPREADS)):
        market.discount[place] /= 1.0 + (market.policy_rate + SPREADS[place]) * WEEK


@kernel
def is_taped(economy: Economy, loan: Record) -> bool:
    """Whether a loan has a row of the tape."""
    return loan.number < economy.tape.shape[0]


@kernel
def begin_row(economy: Economy, loan: Record) -> None:
    """Number a new loan, in the order of the run, and begin its row; a full tape stops the run."""
    clock, market = economy.clock[0], economy.market[0]
    loan.number = clock.loans_made
    clock.loans_made += 1
    if not is_taped(economy, loan):
        if economy.tape.shape[0] > 0:
            clock.error = ErrorCode.TAPE_FULL
        return
    economy.tape[loan.number] = BLANK[0]
    row = economy.tape[loan.number]
    row.obligor = loan.obligor
    row.lender = loan.holder
    row.week = clock.week
    row.over_week = NOT_OVER
    for place in range(len(SPREADS)):
        row.growth[place] = 1.0 / market.discount[place]


@kernel
def note_maturity(economy: Economy, loan: Record) -> None:
    """When a loan is due as it is made; later extensions leave that as it is."""
    if is_taped(economy, loan):
        economy.tape[loan.number].maturity_week = loan.maturity_week


@kernel
def date_opening(economy: Economy) -> None:
    """The loans so far are those of the opening."""
    for number in range(min(economy.clock[0].loans_made, economy.tape.shape[0])):
        economy.tape[number].week = OPENING


@kernel
def note_terms(economy: Economy, loan: Record) -> None:
    """Copy what the loan table says of a loan to the tape: before another takes its row, and last."""
    if not is_taped(economy, loan):
        return
    row = economy.tape[loan.number]
    row.default_week = loan.default_week
    row.status = loan.status
    row.instrument = loan.instrument
    row.grade = loan.customer_grade
    row.machine = loan.machine
    row.recourse = loan.recourse
    row.borrowing_base = loan.borrowing_base
    row.left = loan.principal
    row.claim = loan.claim
    row.recovered_pv = loan.recovered_pv


@kernel
def add_value(economy: Economy, row: Record, amount: float) -> None:
    """Add an amount (M$) of today, got by the holder, to the values of a row of the tape."""
    discount = economy.market[0].discount
    for place in range(len(SPREADS)):
        row.value[place] += amount * (discount[place] * row.growth[place])


@kernel
def note_draw(economy: Economy, loan: Record, amount: float) -> None:
    """The borrower draws `amount` (M$) of a loan."""
    if is_taped(economy, loan):
        row = economy.tape[loan.number]
        row.drawn += amount
        add_value(economy, row, -amount)


@kernel
def note_interest(economy: Economy, loan: Record, interest: float, face: float) -> None:
    """The holder of a loan is paid interest (M$) on a `face` (M$; 0: a fee) for a week."""
    if is_taped(economy, loan):
        row, market = economy.tape[loan.number], economy.market[0]
        today = market.discount[0] * row.growth[0]
        base = market.policy_rate if loan.fixed_rate else max(market.policy_rate, loan.floor)
        row.interest += interest
        row.annuity += face * WEEK * today
        row.interest_pv += interest * today
        row.base_pv += face * WEEK * base * today
        add_value(economy, row, interest)


@kernel
def add_principal(economy: Economy, row: Record, amount: float) -> None:
    """Add principal or a recovery (M$; negative: an outlay) to the life and the values of a row."""
    row.principal_years += amount * (economy.clock[0].week - row.week) * WEEK
    add_value(economy, row, amount)


@kernel
def note_principal(economy: Economy, loan: Record, amount: float) -> None:
    """The borrower repays `amount` (M$) of a loan's face."""
    if is_taped(economy, loan):
        row = economy.tape[loan.number]
        row.principal += amount
        add_principal(economy, row, amount)


@kernel
def note_end(economy: Economy, loan: Record) -> None:
    """A loan is repaid, or the claim that it has become is closed."""
    if is_taped(economy, loan):
        economy.tape[loan.number].over_week = economy.clock[0].week


@kernel
def note_recovery(economy: Economy, loan: Record, amount: float) -> None:
    """The holder of a claim gets `amount` (M$), or spends it on the collateral if negative."""
    if is_taped(economy, loan):
        row = economy.tape[loan.number]
        row.recovered += amount
        add_principal(economy, row, amount)
