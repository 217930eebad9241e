"""One row of the loan table: what it owes, how it is served, repaid and closed, whoever asks."""

from hashcredit.agents.compiled import kernel
from hashcredit.agents.dimensions import FACILITIES, Channel, LoanStatus, Record
from hashcredit.simulator.books.events import note
from hashcredit.simulator.books.ledger import capitalise, pay, post_principal, revalue, sum_of
from hashcredit.simulator.state.economy import Economy
from hashcredit.simulator.state.tables import EventKind, Flow, Revaluation, Sector
from hashcredit.simulator.state.units import WEEK

DUST = 1e-9
"""M$ (a tenth of a cent): amounts below it are rounding, not debts."""


@kernel
def facilities_of(economy: Economy, b: int) -> tuple[int, int]:
    """First row, and the row after the last, that borrower `b` has used in the loan table."""
    first = b * FACILITIES
    return first, first + economy.borrowers[b].facilities


@kernel
def owes(loan: Record) -> bool:
    """Whether a row is a live loan with principal outstanding."""
    return loan.status == LoanStatus.PERFORMING and loan.principal > 0.0


@kernel
def loan_rate(loan: Record, policy_rate: float) -> float:
    """Annual interest rate of a loan: its coupon, or the floored policy rate plus its spread."""
    base = max(policy_rate, loan.floor)
    return loan.rate + (0.0 if loan.fixed_rate else base)


@kernel
def scheduled_principal(loan: Record, week: int) -> float:
    """Principal (M$) that falls due this week: level instalments, or all of it at maturity."""
    current = loan.principal - loan.overdue
    level = current / max(loan.maturity_week - week + 1, 1)
    bullet = current if week >= loan.maturity_week else 0.0
    return level if loan.amortising else bullet


@kernel
def weekly_service(loan: Record, policy_rate: float, week: int) -> float:
    """Interest and level instalments of a week, M$; a bullet's repayment is refinanced, not serviced."""
    service = loan.principal * loan_rate(loan, policy_rate) * WEEK
    if loan.amortising:
        service += scheduled_principal(loan, week)
    return service


@kernel
def sell_coins(economy: Economy, p: Record, borrower: Record, amount: float) -> float:
    """Sell unpledged BTC worth up to `amount` (M$) and return what it fetched."""
    price = economy.market[0].btc_price * 1e-6
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
    if loan.contract_units == 0:
        # a row with a live contract keeps its units, free of debt, until the contract ends
        loan.status = LoanStatus.REPAID
        loan.units = 0


@kernel
def pay_interest(
    economy: Economy, loan: Record, borrower: Record, lender: Record, interest: float, due: float
) -> None:
    """Pay `interest` in cash; what is missing to the interest `due` is capitalised and overdue (all M$)."""
    pay(economy, Flow.INTEREST, borrower, lender, interest)
    lender.week_interest += interest
    if interest < due:
        capitalise(economy, loan, borrower, lender, due - interest)
        loan.overdue += due - interest


@kernel
def pro_rata(cash: float, claims: float) -> float:
    """Share (0 to 1) of each claim that `cash` pays pari passu; both in M$."""
    if claims <= 0.0:
        return 0.0
    return min(1.0, max(0.0, cash) / claims)


@kernel
def liquidate_coins(economy: Economy, row: int) -> float:
    """Sell pledged BTC to repay the loan at once; what is left of the coins stays pledged."""
    market = economy.market[0]
    loan = economy.loans[row]
    borrower = economy.borrowers[loan.obligor]
    price = market.btc_price * 1e-6
    coins = min(loan.coins, loan.principal / price)
    proceeds = coins * price
    loan.coins -= coins
    market.btc_sold += proceeds
    pay(economy, Flow.BTC_TRADES, economy.world[0], borrower, proceeds)
    note(economy, EventKind.BTC_LIQUIDATION, Sector.LENDERS, loan.holder, borrower.sector, loan.obligor,
         -1, 0, proceeds, price, 0, Channel.BTC_PRICE, -1)  # fmt: skip
    return proceeds


@kernel
def empty_row(economy: Economy, b: int) -> int:
    """A free row for a new facility of live borrower `b`, -1 if all its rows are in use."""
    first, last = facilities_of(economy, b)
    for row in range(first, last):
        if economy.loans[row].status in (LoanStatus.REPAID, LoanStatus.RESOLVED):
            return row
    return last if last - first < FACILITIES else -1


@kernel
def next_row(economy: Economy, b: int) -> int:
    """Take the next loan row of a borrower into use; -1 if all are."""
    borrower = economy.borrowers[b]
    if borrower.facilities == FACILITIES:
        return -1
    borrower.facilities += 1
    return b * FACILITIES + borrower.facilities - 1


@kernel
def blank_row(loan: Record) -> None:
    """Make a row of the loan table ready for another facility: nothing owed, pledged, let or remembered."""
    loan.rank = 0
    loan.offtaker = 0
    loan.amortising = 0
    loan.fixed_rate = 0
    loan.borrowing_base = 0
    loan.cash_sweep = 0
    loan.recourse = 0
    loan.cross_default = 0
    loan.maturity_sweep = 0
    loan.sweeping = 0
    loan.machine = -1
    loan.weeks_overdue = 0
    loan.weeks_over_base = 0
    loan.weeks_under_dscr = 0
    loan.cure_weeks = 0
    loan.maturity_week = 0
    loan.principal = 0.0
    loan.rate = 0.0
    loan.overdue = 0.0
    loan.dscr_covenant = 0.0
    loan.floor = 0.0
    loan.units = 0
    loan.advance_rate = 0.0
    loan.contract_units = 0
    loan.contract_rent = 0.0
    loan.contract_end = 0
    loan.hazard_left = 0.0
    loan.coins = 0.0
    loan.claim = 0.0
    loan.seized = 0
    loan.weeks_held = 0
    loan.default_week = -1
    loan.default_event = -1
    loan.recovered = 0.0
    loan.recovered_pv = 0.0
    loan.paper_value = 0.0
    loan.allowance = 0.0


@kernel
def assets_at_appraisal(economy: Economy, b: int) -> float:
    """Cash, coins and machines at appraisal of borrower `b`, M$."""
    borrower = economy.borrowers[b]
    coin = economy.market[0].btc_price * 1e-6
    total = borrower.cash + borrower.btc * coin
    for m in range(economy.machines.shape[0]):
        total += borrower.units[m] * economy.machines[m].appraisal
    first, last = facilities_of(economy, b)
    for row in range(first, last):
        total += economy.loans[row].coins * coin
    return total


@kernel
def debts(economy: Economy, b: int) -> float:
    """Loans and overdue bills (M$), but for defaulted facilities that have no recourse to the borrower."""
    borrower = economy.borrowers[b]
    total = sum_of(borrower.debt) + borrower.payables
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
